"""The surface and S3 behind it, with real tokens and real session keys, over the memory backend, without a server."""

import asyncio
import json
from typing import Any

import pytest

from bucketport.api.s3 import S3Api
from bucketport.api.s3 import Settings as S3Settings
from bucketport.api.uploads.context import Services, Settings
from bucketport.api.uploads.surface import UploadsApi
from bucketport.backends.memory import Memory
from bucketport.backends.remote.copying import Copier
from bucketport.identity.bearer import ApiKey, Bearer
from bucketport.identity.presigned import PresignedUrl
from bucketport.identity.ticket import TicketUrl
from bucketport.identity.token import SessionToken
from bucketport.message import Endpoint, HttpRequest, Response
from bucketport.model import BucketInfo, ObjectName, Offer, Secret
from bucketport.options import WHOLE
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.testing.asking import Asker
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy, FakeIds
from bucketport.testing.sessions import MemorySessions
from bucketport.uploads.engine import Settings as EngineSettings
from bucketport.uploads.engine import Uploads, identity_of
from bucketport.uploads.keys import SessionKeys
from bucketport.uploads.tokens import Tokens

ORIGIN = "https://up.example"


class Cloud(Memory):
    """A cloud that takes parts itself, and no drafts."""

    offers = Memory.offers - {Offer.DRAFTS} | {Offer.DIRECT}

    async def presign_part(self, upload: Any, number: int, seconds: int) -> HttpRequest:
        place = Endpoint("https", "cloud.example", 443, "cloud.example")
        return HttpRequest("PUT", place, f"/{upload.key}", f"n={number}&s={seconds}", {"x-kind": "part"})


class World:
    """A server's core. `ask` sends a request and gives status and JSON."""

    def __init__(self, *, cloud: bool = False, **settings: Any) -> None:
        self.clock = FakeClock()
        kind = Cloud if cloud else Memory
        self.backend = kind(now=self.clock, new_id=FakeIds(), digests=DIGESTS, part_minimum=4)
        self.staging = Memory(now=self.clock, new_id=FakeIds(), digests=DIGESTS)
        self.sessions = MemorySessions()
        buckets, tokens = EmbeddedBuckets(self.backend), Tokens([Secret("new"), Secret("old")])
        key = Bearer([ApiKey("all", Secret("key-1")), ApiKey("some", Secret("key-2"), ("pictures",))], "admin")
        self.engine = Uploads(
            self.sessions,
            buckets,
            staging=self.staging,
            copier=Copier(DIGESTS),
            digests=DIGESTS,
            now=self.clock,
            entropy=FakeEntropy("engine"),
            settings=EngineSettings(**settings),
            tokens=tokens,
        )
        services = Services(
            buckets,
            DIGESTS,
            self.clock,
            FakeEntropy(),
            Settings(public_url=ORIGIN),
            key,
            TicketUrl([Secret("new")], "admin"),
            SessionToken(self.sessions, tokens.open, identity_of, key),
            self.engine,
        )
        s3 = S3Api(buckets, [PresignedUrl(SessionKeys(self.sessions, tokens))], DIGESTS, self.clock, S3Settings())
        self.asker = Asker([UploadsApi(services), s3], ORIGIN)
        asyncio.run(self.backend.create_bucket(BucketInfo("photos", "admin", 0)))

    def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> Response:
        return self.asker.ask(method, target, body, **headers)

    def ask(self, method: str, target: str, document: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        body = b"" if document is None else json.dumps(document).encode()
        response = self.send(method, target, body, **headers)
        assert isinstance(response.body, bytes)
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.body)

    def refused(self, **members: Any) -> tuple[int, str]:
        """Status and message of a session that is not begun."""
        status, told = self.ask("POST", "/-/uploads", members, authorization="Bearer key-1")
        assert not told["success"], told
        return status, told["message"]

    def begin(self, bearer: str = "key-1", **members: Any) -> dict[str, Any]:
        """A session's answer."""
        asked = {"bucket": "photos", "key": "a b/ü.txt"} | members
        status, told = self.ask("POST", "/-/uploads", asked, authorization=f"Bearer {bearer}")
        assert status == 201, told
        return told

    def put(self, begun: dict[str, Any], *contents: bytes) -> None:
        """Send parts by their URLs."""
        status, told = self.ask("POST", begun["parts"]["url"], {"count": len(contents)})
        assert status == 200, told
        for part, content in zip(told["parts"], contents, strict=True):
            response = self.send(part["method"], part["url"], content)
            assert response.status == 200, response.body

    def content(self, key: str = "a b/ü.txt") -> bytes:
        body = asyncio.run(self.backend.get(ObjectName("photos", key), WHOLE)).body
        assert isinstance(body, bytes)
        return body


@pytest.fixture
def world() -> Any:
    made = World()
    yield made
    assert not made.asker.bugs


@pytest.fixture(scope="session")
def make_world() -> type[World]:
    """For worlds with settings of their own."""
    return World
