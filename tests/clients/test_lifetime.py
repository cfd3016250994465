"""What outlives the server? Everything that it said 200 to: after a clean stop, and after a kill."""

import signal

import pytest


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop_exits_with_0_and_keeps_everything(start, big, sha, how):
    server = start()
    s3 = server.client()
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="small", Body=b"x", Metadata={"a": "1"})
    s3.put_object(Bucket="kept", Key="big", Body=big[: 6 << 20])
    assert server.stop(how) == 0
    server.restart()
    again = server.client()
    assert again.get_object(Bucket="kept", Key="small")["Metadata"] == {"a": "1"}
    assert sha(again.get_object(Bucket="kept", Key="big")["Body"].read()) == sha(big[: 6 << 20])


def test_a_kill_loses_nothing_that_was_acknowledged(start, big, sha):
    server = start()
    s3 = server.client()
    s3.create_bucket(Bucket="kept")
    for number in range(50):
        s3.put_object(Bucket="kept", Key=f"{number:02}", Body=big[: number * 2000])
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    server.restart()
    again = server.client()
    listed = again.list_objects_v2(Bucket="kept")["Contents"]
    assert [(entry["Key"], entry["Size"]) for entry in listed] == [(f"{n:02}", n * 2000) for n in range(50)]
    for number in (0, 1, 25, 49):
        body = again.get_object(Bucket="kept", Key=f"{number:02}")["Body"].read()
        assert sha(body) == sha(big[: number * 2000])


def test_a_data_folder_has_one_server(start):
    server = start()
    with pytest.raises(AssertionError, match=r"the server ended with [1-9]"):
        start("--data", str(server.folder / "data"))
    assert server.ask("GET", "/-/health/live").status == 200


def test_health_answers_where_others_ask(start):
    server = start()
    assert server.ask("GET", "/minio/health/live").status == 200
    assert server.ask("GET", "/minio/health/ready").status == 200


def test_metrics_count_what_was_done(start):
    server = start()
    s3 = server.client()
    s3.create_bucket(Bucket="counted")
    s3.put_object(Bucket="counted", Key="k", Body=b"x")
    text = server.ask("GET", "/-/metrics").body.decode()
    assert [line for line in text.splitlines() if "PutObject" in line and not line.startswith("#")]
