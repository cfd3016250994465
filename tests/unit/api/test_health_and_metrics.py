"""Paths that no bucket can have: health and metrics."""

import asyncio

import pytest

from bucketport.api.health import HealthApi
from bucketport.api.metrics import MetricsApi
from bucketport.exchange import Exchange
from bucketport.message import NoBody, Request, Response


class Counters:
    """A meter that has counted nothing."""

    def record(self, exchange: Exchange) -> None:
        raise AssertionError

    def expose(self) -> bytes:
        return b"up 1\n"


def asked(path: str, method: str = "GET") -> Request:
    return Request(method, path, "", {}, NoBody())


def answer(api: HealthApi | MetricsApi, path: str, method: str = "GET") -> Response:
    return asyncio.run(api.handle(asked(path, method), Exchange("ID", 0, 0)))


@pytest.mark.parametrize("path", ["/-/health/live", "/minio/health/live"])
def test_live_is_said_even_while_stopping(path: str) -> None:
    assert answer(HealthApi(lambda: False), path).status == 200


@pytest.mark.parametrize("path", ["/-/health/ready", "/minio/health/ready"])
def test_ready_is_not_said_while_stopping(path: str) -> None:
    assert answer(HealthApi(lambda: True), path).status == 200
    assert answer(HealthApi(lambda: False), path).status == 503


@pytest.mark.parametrize("path", ["/", "/bucket", "/-/health", "/minio/health/lively", "/minio"])
def test_other_paths_are_left_to_s3(path: str) -> None:
    assert not HealthApi(lambda: True).wants(asked(path))
    assert not MetricsApi(Counters()).wants(asked(path))


def test_metrics_are_text() -> None:
    said = answer(MetricsApi(Counters()), "/-/metrics")
    assert (said.status, said.body) == (200, b"up 1\n")


def test_nothing_is_written_there() -> None:
    assert answer(MetricsApi(Counters()), "/-/metrics", "PUT").status == 405
    assert answer(HealthApi(lambda: True), "/-/health/live", "DELETE").status == 405
