"""The engine over the memory backend and over the embedded store, in place and staged before a cloud."""

import contextlib

import pytest

from bucketport.backends.memory import Memory
from bucketport.backends.remote.copying import Copier
from bucketport.backends.store.base import Settings as StoreSettings
from bucketport.backends.store.open import open_store
from bucketport.errors import NoSuchBucket
from bucketport.model import BucketInfo, Offer
from bucketport.options import ListQuery
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.sessions import Session, Terms
from bucketport.testing.contracts.base import read
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeEntropy, FakeIds
from bucketport.testing.plugin import *  # noqa: F403
from bucketport.testing.sessions import MemorySessions
from bucketport.uploads.engine import Settings, Uploads

PLACES = ("memory", "store", "staged", "staged in the store")


class Cloud(Memory):
    """A cloud: no drafts, no small parts, and nothing remembered of a completed upload."""

    offers = Memory.offers - {Offer.DRAFTS}

    async def complete(self, upload, options):
        assert not options.loose
        stored = await super().complete(upload, options)
        self._bucket(upload.bucket).completed.clear()
        return stored


class World:
    """An engine and all that it works on."""

    def __init__(self, backend, staging, clock, settings=None):
        self.clock, self.backend, self.staging = clock, backend, staging
        self.sessions = MemorySessions()
        self.settings = settings
        self.engine = self.another()

    def another(self, through=lambda thing: thing):
        """An engine of another process; what it calls is reached through `through`."""
        return Uploads(
            through(self.sessions),
            EmbeddedBuckets(through(self.backend)),
            staging=self.staging and through(self.staging),
            copier=Copier(DIGESTS),
            digests=DIGESTS,
            now=self.clock,
            entropy=FakeEntropy(),
            settings=self.settings or Settings(),
        )

    async def begin(self, terms=None, session_id="s1", **fields):
        """A session, and where its bucket leads."""
        now = int(self.clock() * 1000)
        fields = {"key": "a/b.txt", "headers": {"content-type": "text/plain"}} | fields
        session = Session(session_id, "photos", user="ann", created_ms=now, expires_ms=now + 60_000,
                          terms=terms or Terms(), **fields)  # fmt: skip
        session = await self.engine.open(session)
        return session, await self.engine.mount(session)

    async def send(self, session, mount, *contents, first=1):
        """Parts in a row."""
        for number, content in enumerate(contents, start=first):
            await self.engine.put_part(session, mount, number, FakeContent(content))

    async def content(self, key="a/b.txt"):
        return await read(self.backend, "photos", key)

    async def held(self):
        """Uploads under way and staged objects: what must be nothing at the end."""
        found = [entry[0] for entry in (await self.backend.list_uploads("photos", ListQuery())).entries]
        if self.staging is not None:
            with contextlib.suppress(NoSuchBucket):
                found += [entry[0] for entry in (await self.staging.list_uploads("staging", ListQuery())).entries]
                found += [entry[0] for entry in (await self.staging.list("staging", ListQuery())).entries]
        return found


@pytest.fixture
def clock():
    return FakeClock(step=0.001)


def _memory(clock, kind=Memory):
    return kind(now=clock, new_id=FakeIds(), digests=DIGESTS, part_minimum=10)


def _store(folder, clock):
    return open_store(
        str(folder), now=clock, entropy=FakeEntropy(), digests=DIGESTS, settings=StoreSettings(inline_bytes=1000)
    )


@pytest.fixture
def make(tmp_path, clock, runner):
    """Makes a world of one of PLACES, or of a cloud with nothing to stage in."""
    opened = []

    def store(name):
        opened.append(_store(tmp_path / name, clock))
        return opened[-1]

    async def made(place, settings=None):
        if place in ("memory", "store"):
            backend, staging = _memory(clock) if place == "memory" else store("store"), None
        else:
            backend = _memory(clock, Cloud)
            staging = {"staged": lambda: _memory(clock), "staged in the store": lambda: store("staging")}.get(place)
            staging = staging and staging()
        await backend.create_bucket(BucketInfo("photos", "ann", 1))
        return World(backend, staging, clock, settings)

    yield made
    for each in opened:
        runner.run(each.close())


@pytest.fixture(params=PLACES)
def world(request, make, runner):
    return runner.run(make(request.param))
