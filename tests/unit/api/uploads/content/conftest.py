"""Sessions that take content by tus and by forms, over the memory backend and a real registry, without a server."""

import asyncio
from typing import Any

import pytest

from bucketport.api.uploads import form, tus
from bucketport.api.uploads.context import Services, Settings
from bucketport.api.uploads.surface import UploadsApi
from bucketport.app import App
from bucketport.backends.memory import Memory
from bucketport.backends.remote.copying import Copier
from bucketport.errors import IncompleteBody
from bucketport.exchange import Exchange
from bucketport.identity.bearer import Bearer
from bucketport.identity.ticket import TicketUrl
from bucketport.message import BytesBody, Request, Response
from bucketport.model import BucketInfo, Identity, ObjectName, Offer, Scope, Secret
from bucketport.options import WHOLE
from bucketport.ports import Proof
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.sessions import ANYTHING, Session, Terms
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy, FakeIds
from bucketport.uploads.engine import Uploads


class PathToken:
    """A way to authenticate that believes every token."""

    def recognizes(self, request: Request) -> bool:
        return True

    async def authenticate(self, request: Request, now: float) -> Proof:
        return Proof(Identity("ann", scopes=(Scope("photos", (), frozenset({"put_object"})),)))


class Cut(BytesBody):
    """A body that breaks off after what it has; `outlived` tells whether the handler was to go on."""

    def __init__(
        self, content: bytes, piece: int = 7, length: int | None = None, error: Exception | None = None
    ) -> None:
        super().__init__(content, piece)
        self.length, self._error = length, error or IncompleteBody()
        self.outlived = False

    def outlive(self) -> None:
        self.outlived = True

    async def read(self) -> bytes:
        piece = await super().read()
        if not piece:
            raise self._error
        return piece


class NoDrafts(Memory):
    """A backend that keeps S3's rules for parts, as clouds do: content gathers in the staging store."""

    offers = Memory.offers - {Offer.DRAFTS}


class World:
    """Sessions of bucket `photos`, and whoever sends content to them. `staged`: the bucket lies in a cloud."""

    def __init__(self, folder: str, staged: bool) -> None:
        self.clock = FakeClock()
        kind = NoDrafts if staged else Memory
        self.backend = kind(now=self.clock, new_id=FakeIds(), digests=DIGESTS)
        staging = Memory(now=self.clock, new_id=FakeIds(), digests=DIGESTS) if staged else None
        buckets = EmbeddedBuckets(self.backend)
        self.sessions = SqliteSessions(folder)
        self.uploads = Uploads(
            self.sessions,
            buckets,
            staging=staging,
            copier=Copier(DIGESTS) if staged else None,
            digests=DIGESTS,
            now=self.clock,
            entropy=FakeEntropy(),
        )
        services = Services(
            buckets,
            DIGESTS,
            self.clock,
            FakeEntropy(),
            Settings(public_url="https://up.example"),
            Bearer([], "admin"),
            TicketUrl([Secret("secret")], "admin"),
            PathToken(),
            self.uploads,
        )
        self.bugs: list[str] = []
        self.handlers = tus.Tus()
        self.app = App([UploadsApi(services, (tus.routes(self.handlers), form.ROUTES))], self.bugs.append)
        asyncio.run(self.backend.create_bucket(BucketInfo("photos", "ann", 0)))

    def open(self, terms: Terms = ANYTHING, **more: Any) -> str:
        """A session; its path."""
        now_ms = int(self.clock() * 1000)
        more.setdefault("expires_ms", now_ms + 3_600_000)
        asyncio.run(self.uploads.open(Session("s1", "photos", "cat.jpg", "ann", now_ms, terms=terms, **more)))
        return "/-/uploads/s1.99.sig"

    @property
    def session(self) -> Session:
        found = asyncio.run(self.sessions.find("s1"))
        assert found is not None
        return found

    def commit(self) -> bytes:
        """Commit the session; the object's content."""

        async def whole() -> None:
            await self.uploads.commit(self.session_now, await self.uploads.mount(self.session_now))

        self.session_now = self.session
        asyncio.run(whole())
        return self.content()

    def content(self) -> bytes:
        """What the object holds."""
        found = asyncio.run(self.backend.get(ObjectName("photos", "cat.jpg"), WHOLE))
        self.headers = found.info.headers
        assert isinstance(found.body, bytes)
        return found.body

    def sizes(self) -> dict[int, int]:
        """Bytes of each part, by number."""

        async def whole() -> dict[int, int]:
            session = await self.uploads.find("s1")
            mount = await self.uploads.mount(session)
            return {part.number: part.size for part in await self.uploads.parts(session, mount)}

        return asyncio.run(whole())

    async def send(self, method: str, path: str, body: Any = b"", **headers: str | None) -> Response:
        named = {"host": "up.example", "tus-resumable": "1.0.0"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            body = BytesBody(body, 7)
        path = path.removeprefix("https://up.example")
        request = Request(method, path, "", {name: value for name, value in named.items() if value is not None}, body)
        self.exchange = Exchange("ID", 0, 0, method, path)
        response = await self.app.handle(request, self.exchange)
        assert not self.bugs, self.bugs
        return response

    def ask(self, method: str, path: str, body: Any = b"", **headers: str | None) -> Response:
        return asyncio.run(self.send(method, path, body, **headers))


@pytest.fixture(params=["in place", "staged"])
def world(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    made = World(str(tmp_path), request.param == "staged")
    yield made
    made.sessions.close()


@pytest.fixture
def cut() -> Any:
    return Cut
