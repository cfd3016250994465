"""What did it do so far? The counters, for Prometheus."""

from bucketport.errors import S3Error
from bucketport.exchange import Exchange
from bucketport.message import Request, Response
from bucketport.ports import Meter

PATH = "/-/metrics"


class MetricsApi:
    """Answers `/-/metrics` in the Prometheus text format."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def wants(self, request: Request) -> bool:
        """The one path."""
        return request.raw_path == PATH

    async def handle(self, request: Request, exchange: Exchange) -> Response:
        """All counters as they stand."""
        exchange.operation = "Metrics"
        if request.method not in ("GET", "HEAD"):
            return Response(405, {"Content-Type": "text/plain; charset=utf-8"}, b"method not allowed\n")
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return Response(200, headers, self._meter.expose())

    def refuse(self, error: S3Error, exchange: Exchange) -> Response:
        """The error as one line of text."""
        text = f"{error.code}: {error.message}\n"
        return Response(error.status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())
