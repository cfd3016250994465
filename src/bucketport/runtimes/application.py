"""What does a runtime serve, and whom does it tell? The two seams that every runtime has."""

from typing import Protocol

from bucketport.errors import S3Error
from bucketport.exchange import Exchange
from bucketport.message import Request, Response


class Application(Protocol):
    """What is served: `app.App`."""

    async def handle(self, request: Request, exchange: Exchange) -> Response:
        """The answer, whatever happens."""
        ...

    def refuse(self, error: S3Error, exchange: Exchange) -> Response:
        """The answer to what did not become a request."""
        ...


class Recorder(Protocol):
    """Where finished exchanges go: meters, the access log."""

    def record(self, exchange: Exchange) -> None:
        """Called once per request, when its last byte is out."""
        ...
