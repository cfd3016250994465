"""How many requests, how fast, how much? Counters that a scrape reads."""

from prometheus_client.parser import text_string_to_metric_families

from bucketport.exchange import Exchange
from bucketport.metering.prometheus import PrometheusMeter, Reading


def exchange(operation="GetObject", status=200, method="GET", seconds=0.003, **more):
    made = Exchange("ID", 0.0, 50.0, method=method, operation=operation, status=status)
    made.headed, made.ended = 50.001, 50.0 + seconds
    for name, value in more.items():
        setattr(made, name, value)
    return made


def samples(meter):
    families = text_string_to_metric_families(meter.expose().decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_are_counted_by_operation_status_and_method():
    meter = PrometheusMeter()
    for status in (200, 200, 404):
        meter.record(exchange(status=status))
    found = samples(meter)
    assert found["bucketport_requests_total", "GET", "GetObject", "200"] == 2
    assert found["bucketport_requests_total", "GET", "GetObject", "404"] == 1


def test_latency_is_a_histogram():
    meter = PrometheusMeter()
    for seconds in (0.0004, 0.003, 1000):
        meter.record(exchange(seconds=seconds))
    found = samples(meter)
    assert found["bucketport_request_seconds_bucket", "0.0005", "GetObject", "200"] == 1
    assert found["bucketport_request_seconds_bucket", "0.005", "GetObject", "200"] == 2
    assert found["bucketport_request_seconds_bucket", "300.0", "GetObject", "200"] == 2
    assert found["bucketport_request_seconds_bucket", "+Inf", "GetObject", "200"] == 3
    assert found["bucketport_request_seconds_count", "GetObject", "200"] == 3


def test_bytes_and_times_are_summed_over_methods():
    meter = PrometheusMeter()
    meter.record(exchange(method="GET", bytes_in=1, bytes_out=10, upstream=0.5))
    meter.record(exchange(method="HEAD", bytes_in=2, bytes_out=20))
    found = samples(meter)
    assert found["bucketport_received_bytes_total", "GetObject", "200"] == 3
    assert found["bucketport_sent_bytes_total", "GetObject", "200"] == 30
    assert found["bucketport_upstream_seconds_total", "GetObject", "200"] == 0.5


def test_an_invented_method_makes_no_label_of_its_own():
    meter = PrometheusMeter()
    for number in range(100):
        meter.record(exchange("-", 405, f"EVIL{number}"))
    found = samples(meter)
    assert found["bucketport_requests_total", "other", "-", "405"] == 100
    assert not [name for name in found if any("EVIL" in part for part in name)]


def test_answers_that_broke_off_are_counted():
    meter = PrometheusMeter()
    meter.record(exchange(aborted=True))
    assert samples(meter)["bucketport_requests_aborted_total", "GET", "GetObject", "200"] == 1


def test_readings_are_asked_at_each_scrape():
    value = [1.0]
    meter = PrometheusMeter([Reading("connections", "Open connections.", lambda: value[0])])
    meter.add(Reading("commits", "Commits.", lambda: 7, "counter"))
    assert samples(meter)["bucketport_connections",] == 1
    value[0] = 2.0
    found = samples(meter)
    assert found["bucketport_connections",] == 2
    assert found["bucketport_commits_total",] == 7


def test_an_empty_meter_can_be_scraped():
    assert samples(PrometheusMeter()) == {}
