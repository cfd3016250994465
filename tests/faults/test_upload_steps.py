"""What is left when the process is killed at any step of an upload session, from its beginning to after its commit?

A child works and kills itself before or after its n-th step, whichever that is: a file operation of a store, a commit
of a store or of the registry of sessions, a request to the cloud. The parent opens what is left as a start does: the
object is whole or absent, the work is done again with the same outcome, and after that nothing is left over.
"""

import asyncio
import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.copying import Copier
from bucketport.backends.remote.credentials import AwsKey, Lasting
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.s3.dialect import S3
from bucketport.backends.remote.s3.requests import Place
from bucketport.backends.remote.sending import Surroundings
from bucketport.backends.store.base import Settings as StoreSettings
from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.fsck import fsck
from bucketport.backends.store.index.transaction import Transaction
from bucketport.backends.store.open import open_store
from bucketport.errors import BucketAlreadyOwnedByYou, NoSuchBucket, NoSuchKey
from bucketport.model import BucketInfo, ObjectName, Secret
from bucketport.options import WHOLE, ListQuery
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.registry.sqlite_thread import WriterThread
from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.sessions import Session, Terms
from bucketport.testing.contracts.base import read
from bucketport.testing.fakes import DIGESTS, FakeContent, FakeEntropy
from bucketport.transports.http1 import Http1Client
from bucketport.uploads.engine import Uploads

PROGRAM = "from bucketport.cli.main import run; run()"
FILE_STEPS = ("create", "write", "sync", "close", "rename", "sync_folder", "make_folder", "remove")
PIECES = [b"small", random.Random(1).randbytes(70_000), random.Random(2).randbytes(50_000)]
CONTENT = b"".join(PIECES)
SHARES = 8
"""Into so many tests the steps of a place are divided: each takes a second or two."""


class Steps:
    """Counts steps; dies before or after one of them."""

    def __init__(self, deadly=0, after=False):
        self._count, self._deadly, self._after = itertools.count(1), deadly, after
        self.made = 0

    def around(self, work):
        """The function, as a step."""

        def step(*given, **named):
            die = self._begin()
            result = work(*given, **named)
            self._end(die)
            return result

        return step

    def around_async(self, work):
        async def step(*given, **named):
            die = self._begin()
            result = await work(*given, **named)
            self._end(die)
            return result

        return step

    def _begin(self):
        self.made = number = next(self._count)
        if number == self._deadly and not self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        return number == self._deadly

    def _end(self, die):
        if die:
            os.kill(os.getpid(), signal.SIGKILL)

    def take_over(self):
        """Make every step of this process one of these."""
        for name in FILE_STEPS:
            setattr(Files, name, self.around(getattr(Files, name)))
        for kind, name in ((Transaction, "commit"), (WriterThread, "_commit")):
            setattr(kind, name, self.around(getattr(kind, name)))
        for kind, name in ((Http1Client, "send"), *((SqliteSessions, name) for name in ("add", "set_draft", "commit"))):
            setattr(kind, name, self.around_async(getattr(kind, name)))


class World:
    """All that an engine works on, opened as a start does it. `cloud`: URL and keys of where the bucket is."""

    def __init__(self, folder, cloud=None, ahead=0.0):
        self.now = lambda: time.time() + ahead
        os.makedirs(folder, exist_ok=True)
        self.client = self.staging = None
        if cloud is None:
            self.backend = self._store(f"{folder}/store")
            self.stores = [self.backend]
        else:
            url, access, secret = cloud
            self.client = Http1Client()
            world = Surroundings(self.client, time.time, time.monotonic, asyncio.sleep, random.random, "test")
            key = Lasting(AwsKey(access, Secret(secret)))
            self.backend = Remote(S3(Place(parse_endpoint(url), account=access)), key, world)
            self.staging = self._store(f"{folder}/staging")
            self.stores = [self.staging]
        self.sessions = SqliteSessions(str(folder))
        self.engine = Uploads(
            self.sessions, EmbeddedBuckets(self.backend), staging=self.staging, copier=Copier(DIGESTS), digests=DIGESTS,
            now=self.now, entropy=FakeEntropy(os.urandom(4).hex()),
        )  # fmt: skip

    def _store(self, path):
        settings = StoreSettings(part_minimum=1, reserve_bytes=64 << 10, merge_mib=1e6)
        return open_store(path, now=self.now, entropy=os.urandom, digests=DIGESTS, settings=settings)

    async def close(self):
        for store in self.stores:
            store.tidy()
            await store.tidied()
            await store.close()
        self.sessions.close()
        if self.client is not None:
            await self.client.close()

    async def make_bucket(self):
        with contextlib.suppress(BucketAlreadyOwnedByYou):
            await self.backend.create_bucket(BucketInfo("photos", "ann", 1))
        if self.client is None:
            await self.backend.set_dedup("photos")

    async def work(self, asked, missing=None):
        """Begin, send the parts (those that are missing), commit."""
        session = await self.engine.open(asked)
        mount = await self.engine.mount(session)
        if session.outcome is None:
            for number, piece in enumerate(PIECES, 1):
                if missing is None or number in missing:
                    await self.engine.put_part(session, mount, number, FakeContent(piece, piece=40_000))
        return await self.engine.commit(session, mount)

    async def held(self, key):
        """What must not be there at the end: uploads under way, staged objects."""
        found = [entry for entry in (await self.backend.list_uploads("photos", ListQuery())).entries if entry[0] == key]
        if self.staging is not None:
            with contextlib.suppress(NoSuchBucket):
                found += (await self.staging.list_uploads("staging", ListQuery())).entries
                found += (await self.staging.list("staging", ListQuery())).entries
        return found


def session_of(key):
    """A seed's session of chunks where its `total` is set, and one that says what its content is."""
    now = int(time.time() * 1000)
    return Session(
        hashlib.sha256(key.encode()).hexdigest()[:32], "photos", key, "ann", now, now + 60_000,
        Terms(replace=True, sha256=hashlib.sha256(CONTENT).hexdigest()), {"content-type": "text/plain"},
        webhook="https://example.com/hook", total=len(PIECES),
    )  # fmt: skip


def in_child(folder, cloud, session, steps):
    """Do the work in a child; whether it was killed, else how many steps it made."""
    receiving, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(receiving)
            steps.take_over()

            async def run():
                world = World(folder, cloud)
                await world.make_bucket()
                await world.work(session)
                await world.close()

            asyncio.run(run())
            os.write(telling, b"%d" % steps.made)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(telling)
    with os.fdopen(receiving, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    assert said or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL), "the child failed"
    return int(said or 0)


async def proven(folder, cloud, asked):
    """What a kill left is whole or absent, is done again, and leaves nothing."""
    world = World(folder, cloud)
    await world.make_bucket()
    name = ObjectName("photos", asked.key)
    try:
        assert (await world.backend.head(name, WHOLE)).info.size == len(CONTENT)
        assert await read(world.backend, "photos", asked.key) == CONTENT
        there = True
    except NoSuchKey:
        there = False
    found = await world.sessions.find(asked.id)
    if found is not None and found.draft is not None:
        # As clients do: what did arrive is not sent again; merging may be all that is left.
        arrived = {part.number for part in await world.engine.parts(found, await world.engine.mount(found))}
        missing = set() if there else set(range(1, len(PIECES) + 1)) - arrived
        if missing and await _is_complete(world, found):
            missing = set()
        outcome = await world.work(found, missing)
    else:
        assert not there
        outcome = await world.work(dataclasses.replace(asked, created_ms=asked.created_ms + 1))
    assert (outcome.size, outcome.sha256) == (len(CONTENT), asked.terms.sha256)
    assert found is None or found.outcome in (None, outcome)
    assert await read(world.backend, "photos", asked.key) == CONTENT
    assert await world.work(asked) == outcome
    events = await world.sessions.events("", 10)
    assert [event.session for event in events] == [asked.id]
    assert await world.held(asked.key) == [] or cloud is not None
    await world.close()

    world = World(folder, cloud, ahead=120)
    swept = await world.engine.sweep(100)
    assert (swept.forgotten, swept.failed) == ((asked.id,), ())
    assert await world.held(asked.key) == []
    await world.close()
    report = fsck(f"{folder}/{'store' if cloud is None else 'staging'}", digests=DIGESTS, deep=True)
    assert (report.findings, report.leftovers) == ((), 0)


async def _is_complete(world, found):
    """Whether a staged draft was completed, so that only copying is left."""
    if world.staging is None:
        return False
    try:
        await world.staging.head(ObjectName("staging", found.id), WHOLE)
    except (NoSuchKey, NoSuchBucket):
        return False
    return True


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A cloud that is not killed: URL, access key, secret."""
    folder = tmp_path_factory.mktemp("cloud")
    words = ["serve", "--json", "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BUCKETPORT_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    ready = json.loads(process.stdout.readline())
    yield ready["url"], ready["access_key"], ready["secret_key"]
    process.kill()
    process.communicate()


@pytest.fixture(params=["in place", "staged"])
def cloud(request):
    return None if request.param == "in place" else request.getfixturevalue("server")


@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_any_step(tmp_path, cloud, runner, share):
    steps = in_child(tmp_path / "0", cloud, session_of(f"{share} whole"), Steps())
    runner.run(proven(tmp_path / "0", cloud, session_of(f"{share} whole")))
    assert steps > 30
    killed = 0
    for step in range(1 + share, steps + 1, SHARES):
        for after in (False, True):
            folder, asked = tmp_path / f"{step} {after}", session_of(f"{step} {after}")
            killed += not in_child(folder, cloud, asked, Steps(step, after))
            try:
                runner.run(proven(folder, cloud, asked))
            except BaseException as error:
                error.add_note(f"killed {'after' if after else 'before'} step {step} of {steps}")
                raise
    assert killed >= 2 * (steps // SHARES) - 2  # a step more or less, as threads meet
