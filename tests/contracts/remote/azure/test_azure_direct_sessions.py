"""Does an upload session work whose parts go to Azure itself? By the surface, over Azurite, with nothing but URLs."""

import asyncio
import hashlib
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

from bucketport.api.uploads.context import Services, Settings
from bucketport.api.uploads.surface import UploadsApi
from bucketport.backends.memory import Memory
from bucketport.backends.remote.copying import Copier
from bucketport.errors import NoSuchKey
from bucketport.identity.bearer import ApiKey, Bearer
from bucketport.identity.ticket import TicketUrl
from bucketport.identity.token import SessionToken
from bucketport.model import ObjectName, Secret
from bucketport.options import WHOLE, ListQuery
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.testing.asking import Asker
from bucketport.testing.contracts.base import blob, is_there, read
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeEntropy, FakeIds
from bucketport.testing.sessions import MemorySessions
from bucketport.uploads.acting import identity_of
from bucketport.uploads.engine import Settings as EngineSettings
from bucketport.uploads.engine import Uploads
from bucketport.uploads.tokens import Tokens

PART = 1000


class World:
    """A server's core in front of a backend. `ask` sends a request and gives status and JSON."""

    def __init__(self, backend, bucket, **settings):
        self.backend, self.bucket, self.clock = backend, bucket, FakeClock()
        self.sessions, buckets, tokens = MemorySessions(), EmbeddedBuckets(backend), Tokens([Secret("secret")])
        key = Bearer([ApiKey("all", Secret("key-1"))], "admin")
        self.engine = Uploads(
            self.sessions,
            buckets,
            staging=Memory(now=self.clock, new_id=FakeIds(), digests=DIGESTS),
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
            Settings(public_url="https://up.example"),
            key,
            TicketUrl([Secret("secret")], "admin"),
            SessionToken(self.sessions, tokens.open, identity_of, key),
            self.engine,
        )
        self.asker = Asker([UploadsApi(services)], "https://up.example")

    async def ask(self, method, target, document=None, **headers):
        body = b"" if document is None else json.dumps(document).encode()
        response = await self.asker.send(method, target, body, **headers)
        return response.status, json.loads(response.body)

    async def begin(self, **members):
        asked = {"bucket": self.bucket, "key": "a b/ü.txt", "direct": True} | members
        status, told = await self.ask("POST", "/-/uploads", asked, authorization="Bearer key-1")
        assert status == 201, told
        return told

    async def urls(self, begun, **asked):
        status, told = await self.ask("POST", begun["parts"]["url"], asked)
        assert status == 200, told
        return told["parts"]

    async def commit(self, begun):
        return await self.ask("POST", begun["commit_url"])


@pytest.fixture
def world(backend, bucket):
    made = World(backend, bucket)
    yield made
    assert not made.asker.bugs


def send_to(part, data):
    sent = urllib.request.Request(part["url"], data, {"content-type": "a/b", **part["headers"]}, method=part["method"])
    try:
        with urllib.request.urlopen(sent, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def send(part, data):
    return await asyncio.to_thread(send_to, part, data)


async def test_parts_go_to_azure_and_become_the_object(world, azurite):
    begun = await world.begin(size=2 * PART + 3, headers={"content-type": "image/x"})
    assert begun["session"]["direct"]
    parts = await world.urls(begun, count=3)
    assert all(part["url"].startswith(azurite.url) for part in parts)
    for part, data in reversed(list(zip(parts, (blob(PART), blob(PART, 2), b"end"), strict=True))):
        assert await send(part, data) == 201
    assert not await is_there(world.backend, world.bucket, "a b/ü.txt")
    status, told = await world.commit(begun)
    assert (status, told["object"]["size"]) == (200, 2 * PART + 3)
    assert await world.commit(begun) == (status, told)
    assert await read(world.backend, world.bucket, "a b/ü.txt") == blob(PART) + blob(PART, 2) + b"end"
    info = (await world.backend.head(ObjectName(world.bucket, "a b/ü.txt"), WHOLE)).info
    assert (info.etag, info.headers["content-type"]) == (told["object"]["etag"], "image/x")


async def test_terms_hold_whatever_is_sent(world):
    begun = await world.begin(max_size=2 * PART)
    first, second = await world.urls(begun, numbers=[1, 2])
    assert [await send(first, blob(PART)), await send(second, blob(PART + 1))] == [201, 201]
    assert (await world.commit(begun))[0] == 413
    assert await send(second, blob(PART)) == 201
    # Put Blob and Put Block List at the upload's own blob, past every term.
    leave = second["url"].partition("&sv=")[2]
    whole = {"method": "PUT", "headers": {"x-ms-blob-type": "BlockBlob"}}
    url = second["url"].partition("?")[0]
    assert await send(whole | {"url": f"{url}?sv={leave}"}, blob(9 * PART)) == 201
    status, _ = await world.commit(begun)
    found = await is_there(world.backend, world.bucket, "a b/ü.txt")
    # Azurite keeps the blocks that the service discards here; then it is whole by its parts.
    assert (status, found) in ((200, True), (404, False))
    if found:
        assert await read(world.backend, world.bucket, "a b/ü.txt") == blob(PART) * 2


async def test_key_that_exists_may_not_be_replaced(world):
    one, two = [await world.begin(replace=False) for _ in range(2)]
    for begun, data in ((one, b"one"), (two, b"two")):
        (part,) = await world.urls(begun, count=1)
        assert await send(part, data) == 201
    assert (await world.commit(two))[0] == 200
    assert (await world.commit(one))[0] == 409
    assert await read(world.backend, world.bucket, "a b/ü.txt") == b"two"


async def test_sha256_is_checked_after_the_commit_where_that_is_allowed(backend, bucket):
    world = World(backend, bucket, verify_after=True)
    for data, status in ((b"content", 200), (b"other", 400)):
        begun = await world.begin(sha256=hashlib.sha256(b"content").hexdigest(), key=f"key-{status}")
        (part,) = await world.urls(begun, count=1)
        assert await send(part, data) == 201
        assert (await world.commit(begun))[0] == status
        assert await is_there(backend, bucket, f"key-{status}") is (status == 200)


async def is_kept(world, part):
    """Whether there is a blob where a part goes."""
    path = urllib.parse.unquote(part["url"].partition("?")[0])
    try:
        await world.backend.head(ObjectName(world.bucket, path.partition(f"/{world.bucket}/")[2]), WHOLE)
    except NoSuchKey:
        return False
    return True


@pytest.mark.parametrize("committed", [True, False])
async def test_sweep_leaves_nothing_of_what_urls_wrote(world, committed):
    begun = await world.begin(expires_in=100)
    (part,) = await world.urls(begun, count=1)
    assert await send(part, b"content") == 201
    if committed:
        assert (await world.commit(begun))[0] == 200
    late = {"method": "PUT", "headers": {"x-ms-blob-type": "BlockBlob"}}
    assert await send(late | {"url": part["url"].replace("comp=block&", "a=1&")}, b"junk") == 201
    assert await is_kept(world, part)
    world.clock.advance(200)
    assert not (await world.engine.sweep(10)).failed
    assert not await is_kept(world, part)
    listed = [entry.key for entry in (await world.backend.list(world.bucket, ListQuery())).entries]
    assert listed == (["a b/ü.txt"] if committed else [])


async def test_session_that_is_deleted_takes_its_parts_along(world):
    begun = await world.begin()
    (part,) = await world.urls(begun, count=1)
    assert await send(part, b"content") == 201
    assert (await world.ask("DELETE", begun["url"]))[0] == 200
    assert not await is_kept(world, part)
    assert (await world.commit(begun))[0] == 404
