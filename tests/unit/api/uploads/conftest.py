"""The uploads surface over the memory backend, before the S3 surface, without a server."""

import asyncio
import json
from typing import Any

import pytest

from bucketport.access.cors import Cors
from bucketport.api.s3 import S3Api
from bucketport.api.s3 import Settings as S3Settings
from bucketport.api.uploads.context import Services, Settings
from bucketport.api.uploads.surface import UploadsApi
from bucketport.backends.memory import Memory
from bucketport.identity.bearer import ApiKey, Bearer
from bucketport.identity.ticket import TicketUrl
from bucketport.message import Response
from bucketport.model import BucketInfo, Secret
from bucketport.mounts import Mount
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.testing.asking import Asker, Says
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy, FakeIds
from bucketport.testing.sessions import MemorySessions
from bucketport.uploads.engine import Uploads
from bucketport.wire.cors import Rule

ORIGIN = "https://app.example"


class World(Asker):
    """A server's core without a server; `told` gives an answer's JSON."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.backend = Memory(now=self.clock, new_id=FakeIds(), digests=DIGESTS)
        self.used: list[str] = []
        settings = {"public_url": "https://up.example", "used": self._use, "cors": cors()} | settings
        buckets = EmbeddedBuckets(self.backend)
        self.services = Services(
            buckets,
            DIGESTS,
            self.clock,
            FakeEntropy(),
            Settings(**settings),
            Bearer([ApiKey("all", Secret("key-1")), ApiKey("some", Secret("key-2"), ("pictures",))], "admin"),
            TicketUrl([Secret("new"), Secret("old")], "admin"),
            None,
            self.engine(buckets),
        )
        s3 = S3Api(buckets, [Says()], DIGESTS, self.clock, S3Settings())
        super().__init__([UploadsApi(self.services), s3], "http://up.example")

    def engine(self, buckets: EmbeddedBuckets) -> Uploads:
        self.sessions = MemorySessions()
        return Uploads(
            self.sessions,
            buckets,
            staging=None,
            copier=None,
            digests=DIGESTS,
            now=self.clock,
            entropy=FakeEntropy("engine"),
        )

    async def _use(self, mount: Mount) -> None:
        self.used.append(mount.bucket)

    def presign(self, action: str = "upload", key: str = "key-1", **members: Any) -> dict[str, Any]:
        body = json.dumps({"action": action, **members}).encode()
        made = told(self.ask("POST", "/presign", body, authorization=f"Bearer {key}"))
        assert made["success"], made
        return made

    def url(self, action: str = "upload", **members: Any) -> str:
        """A URL without its origin: what a client asks for."""
        url: str = self.presign(action, **members)["url"]
        return url.removeprefix("https://up.example")

    def upload(self, body: bytes, blob_id: str = "one", **headers: str) -> Response:
        return self.ask("POST", self.url(blob_id=blob_id), body, **headers)

    def make_bucket(self, name: str) -> None:
        asyncio.run(self.backend.create_bucket(BucketInfo(name, "admin", 0)))


def cors() -> Cors:
    return Cors((Rule((ORIGIN,), ("GET", "PUT", "POST", "DELETE"), ("*",), ("ETag",), 600),))


def told(response: Response) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    found = json.loads(response.body)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def world() -> Any:
    made = World()
    yield made
    assert not made.bugs


@pytest.fixture(scope="session")
def make_world() -> type[World]:
    """For worlds with settings of their own."""
    return World
