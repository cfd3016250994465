"""How does a test ask surfaces without a server? An application of them, and whoever sends it requests."""

import asyncio
from collections.abc import Sequence

from bucketport.app import App
from bucketport.exchange import Exchange
from bucketport.message import BytesBody, Request, RequestBody, Response
from bucketport.model import Identity
from bucketport.ports import Api, Proof


class Says:
    """A way to authenticate that believes the header `user`."""

    def recognizes(self, request: Request) -> bool:
        """Whether there is such a header."""
        return "user" in request.headers

    async def authenticate(self, request: Request, now: float) -> Proof:
        """Whoever it says."""
        return Proof(Identity(request.headers["user"]), "UNSIGNED-PAYLOAD")


class Asker:
    """Sends requests to an application of these surfaces, which is at `origin`; in the name of `user`, where `Says` is
    asked and a request says nothing else.

    `bugs` are what the application reported, `exchange` is the record of the last request.
    """

    def __init__(self, apis: Sequence[Api], origin: str = "http://127.0.0.1:9000", user: str = "") -> None:
        self.bugs: list[str] = []
        self.origin, self.user = origin, user
        self.app = App(apis, self.bugs.append)
        self.exchange = Exchange("ID", 0, 0)

    async def send(self, method: str, target: str, body: bytes | RequestBody = b"", **headers: str) -> Response:
        """The answer. `target` is a path with its query, or a URL of `origin`; `_` in a header's name stands for `-`,
        and an empty `user` for nobody."""
        path, _, query = target.removeprefix(self.origin).partition("?")
        scheme, _, host = self.origin.partition("://")
        named = {"host": host, "user": self.user} | {name.replace("_", "-"): text for name, text in headers.items()}
        if not named["user"]:
            del named["user"]
        if isinstance(body, bytes):
            named.setdefault("content-length", str(len(body)))
            body = BytesBody(body)
        self.exchange = Exchange("ID", 0, 0, method, target)
        return await self.app.handle(Request(method, path, query, named, body, scheme=scheme), self.exchange)

    def ask(self, method: str, target: str, body: bytes | RequestBody = b"", **headers: str) -> Response:
        """As `send`, for a test that has no loop of its own."""
        return asyncio.run(self.send(method, target, body, **headers))
