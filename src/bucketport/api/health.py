"""Is it alive, and does it take requests? For load balancers and orchestrators; MinIO's paths serve too."""

from collections.abc import Callable

from bucketport.errors import S3Error
from bucketport.exchange import Exchange
from bucketport.message import Request, Response

LIVE = frozenset({"/-/health/live", "/minio/health/live"})
READY = frozenset({"/-/health/ready", "/minio/health/ready", "/minio/health/cluster"})
"""Source: https://min.io/docs/minio/linux/operations/monitoring/healthcheck-probe.html (checked 2026-11)"""


class HealthApi:
    """Answers 200 or 503 with one line of text; `ready` says whether new requests are welcome."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready

    def wants(self, request: Request) -> bool:
        """The five paths."""
        return request.raw_path in LIVE or request.raw_path in READY

    async def handle(self, request: Request, exchange: Exchange) -> Response:
        """`live` as long as the process answers; `ready` until it is told to stop."""
        exchange.operation = "Health"
        if request.method not in ("GET", "HEAD"):
            return _say(405, "method not allowed\n")
        if request.raw_path in LIVE or self._ready():
            return _say(200, "ok\n")
        return _say(503, "stopping\n")

    def refuse(self, error: S3Error, exchange: Exchange) -> Response:
        """The error as one line of text."""
        return _say(error.status, f"{error.code}: {error.message}\n")


def _say(status: int, text: str) -> Response:
    return Response(status, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}, text.encode())
