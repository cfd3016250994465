"""How many requests, how fast, how much? Plain counters while requests run; Prometheus' text form when it is asked for.

A request costs one dictionary lookup and some additions. The client library is only there to write the text: it reads
the counters through a collector at each scrape.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bucketport.exchange import Exchange
from bucketport.record import record

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets of latency, in seconds: from a read of the index to a GiB over a slow line."""

METHODS = frozenset(("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"))
"""Methods that get a label of their own; what else a client may invent is `other`."""


@record
class Reading:
    """Something that is read when it is asked for: its name (without `bucketport_`), its help, and how to read it.

    A `counter` only grows; its name gets `_total`.
    """

    name: str
    help: str
    read: Callable[[], float]
    kind: Literal["gauge", "counter"] = "gauge"


class _Row:
    """The counters of one operation, status and method."""

    __slots__ = ("aborted", "buckets", "bytes_in", "bytes_out", "first_seconds", "seconds", "upstream_seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = self.first_seconds = self.upstream_seconds = 0.0
        self.bytes_in = self.bytes_out = self.aborted = 0


class PrometheusMeter:
    """A `ports.Meter`. `readings` are asked at each scrape, after the counters of requests."""

    def __init__(self, readings: Iterable[Reading] = ()) -> None:
        self._rows: dict[tuple[str, int, str], _Row] = {}
        self._readings = list(readings)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collector(self))

    def record(self, exchange: Exchange) -> None:
        """Count a finished request."""
        key = (exchange.operation, exchange.status, exchange.method)
        row = self._rows.get(key) or self._open(key)
        started = exchange.started
        seconds = exchange.ended - started
        row.buckets[bisect_left(BOUNDS, seconds)] += 1
        row.seconds += seconds
        row.bytes_in += exchange.bytes_in
        row.bytes_out += exchange.bytes_out
        if exchange.headed:
            row.first_seconds += exchange.headed - started
        if exchange.upstream:
            row.upstream_seconds += exchange.upstream
        if exchange.aborted:
            row.aborted += 1

    def add(self, *readings: Reading) -> None:
        """Have these asked at each scrape too."""
        self._readings += readings

    def expose(self) -> bytes:
        """All counters in the Prometheus text format."""
        return generate_latest(self._registry)

    def families(self) -> Iterator[Metric]:
        """All counters as the client library's values."""
        yield from self._requests()
        for reading in self._readings:
            kind = CounterMetricFamily if reading.kind == "counter" else GaugeMetricFamily
            yield kind(f"bucketport_{reading.name}", reading.help, value=reading.read())

    def _open(self, key: tuple[str, int, str]) -> _Row:
        operation, status, method = key
        if method not in METHODS:
            key = (operation, status, "other")
        return self._rows.setdefault(key, _Row())

    def _requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "bucketport_requests", "Finished requests.", labels=("operation", "status", "method")
        )
        aborted = CounterMetricFamily(
            "bucketport_requests_aborted",
            "Requests whose answer did not go out whole.",
            labels=("operation", "status", "method"),
        )
        for (operation, status, method), row in sorted(self._rows.items()):
            labels = (operation, str(status), method)
            requests.add_metric(labels, sum(row.buckets))
            if row.aborted:
                aborted.add_metric(labels, row.aborted)
        yield requests
        yield aborted
        yield from self._times()

    def _times(self) -> Iterator[Metric]:
        latency = HistogramMetricFamily(
            "bucketport_request_seconds",
            "From the head of a request to the last byte of its answer.",
            labels=("operation", "status"),
        )
        first = _by_operation("first_byte_seconds", "From the head of a request to the head of its answer, summed.")
        upstream = _by_operation("upstream_seconds", "Of that, waiting for a cloud behind the gateway, summed.")
        received = _by_operation("received_bytes", "Bytes of request bodies.")
        sent = _by_operation("sent_bytes", "Bytes of answers' bodies.")
        for labels, row in sorted(self._by_status().items()):
            latency.add_metric(labels, _cumulated(row.buckets), row.seconds)
            first.add_metric(labels, row.first_seconds)
            received.add_metric(labels, row.bytes_in)
            sent.add_metric(labels, row.bytes_out)
            if row.upstream_seconds:
                upstream.add_metric(labels, row.upstream_seconds)
        yield from (latency, first, upstream, received, sent)

    def _by_status(self) -> dict[tuple[str, str], _Row]:
        """The rows of all methods together."""
        found: dict[tuple[str, str], _Row] = {}
        for (operation, status, _), row in self._rows.items():
            total = found.setdefault((operation, str(status)), _Row())
            total.buckets = [a + b for a, b in zip(total.buckets, row.buckets, strict=True)]
            total.seconds += row.seconds
            total.first_seconds += row.first_seconds
            total.upstream_seconds += row.upstream_seconds
            total.bytes_in += row.bytes_in
            total.bytes_out += row.bytes_out
        return found


class _Collector(Collector):
    """What the client library asks at a scrape."""

    def __init__(self, meter: PrometheusMeter) -> None:
        self._meter = meter

    def collect(self) -> Iterable[Metric]:
        return self._meter.families()


def _by_operation(name: str, text: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"bucketport_{name}", text, labels=("operation", "status"))


def _cumulated(buckets: Sequence[int]) -> list[tuple[str, float]]:
    """Pairs of an upper bound and how many were not above it, as Prometheus wants them."""
    found: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
        total += count
        found.append((bound, total))
    return found
