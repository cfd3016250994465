"""What do tests of faults share? A workload whose every acknowledgement is noted, and the proof that it was kept."""

import contextlib
import os

import pytest

from bucketport.backends.store.base import Settings
from bucketport.backends.store.fsck import fsck
from bucketport.backends.store.open import open_store
from bucketport.errors import BucketAlreadyOwnedByYou, NoSuchKey
from bucketport.message import release
from bucketport.model import BucketInfo, ObjectName
from bucketport.options import NO_CONDITIONS, WHOLE, CompleteOptions, CopyOptions, ListQuery, PutOptions, UploadOptions
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeEntropy
from bucketport.testing.plugin import pytest_pyfunc_call, runner  # noqa: F401

ME = PutOptions("me")
LARGE = 100_000


class Workload:
    """Writes of every kind to a store. `begun` and `kept` map keys to the contents that each may have by now.

    What was acknowledged stands alone in `kept`; what was begun may be there or not, whole in either case.
    """

    def __init__(self, told=lambda *what: None):
        self.kept = {}
        self.begun = {}
        self._told = told

    def begin(self, key, content):
        self.begun[key] = content
        self._told("begin", key, content)

    def keep(self, key):
        self.kept[key] = self.begun.pop(key)
        self._told("keep", key, None)

    def heard(self, what, key, content):
        """The other side of `told`, in the process that watches."""
        self.begin(key, content) if what == "begin" else self.keep(key)

    def allowed(self, key):
        """The contents that may be there; None stands for absence."""
        return {self.kept.get(key), self.begun[key]} if key in self.begun else {self.kept.get(key)}

    async def run(self, store):
        """Puts small and large, overwrites, copies, parts, deletes."""
        with contextlib.suppress(BucketAlreadyOwnedByYou):
            await store.create_bucket(BucketInfo("b", "me", 1))
        for turn in range(2):
            await self.put(store, "small", b"small%d" % turn)
            await self.put(store, "large", bytes([65 + turn]) * (LARGE + turn))
            await self.copy(store, "large", f"copy{turn}")
            await self.parts(store, "parts", [bytes([97 + turn, 97 + n]) * 30_000 for n in range(3)])
            await self.delete(store, "copy0")
            await self.put(store, "large", b"%d" % turn * LARGE)
        await self.delete(store, "parts")
        await store.tidied()
        await self.put(store, "last", b"last" * LARGE)

    async def put(self, store, key, content):
        self.begin(key, content)
        await store.put(ObjectName("b", key), FakeContent(content, piece=40_000), ME)
        self.keep(key)

    async def copy(self, store, source, key):
        self.begin(key, self.kept[source])
        await store.copy(ObjectName("b", source), WHOLE, ObjectName("b", key), CopyOptions("me"))
        self.keep(key)

    async def parts(self, store, key, contents):
        self.begin(key, b"".join(contents))
        upload = await store.create_upload(ObjectName("b", key), UploadOptions(ME))
        made = [await store.put_part(upload, n, FakeContent(content)) for n, content in enumerate(contents, 1)]
        await store.complete(upload, CompleteOptions(made))
        self.keep(key)

    async def delete(self, store, key):
        self.begin(key, None)
        await store.delete(ObjectName("b", key), None, NO_CONDITIONS)
        self.keep(key)

    async def check(self, store):
        """Everything acknowledged is there and whole; nothing is half there."""
        try:
            listed = {entry[0] for entry in (await store.list("b", ListQuery(limit=100_000))).entries}
        except Exception:
            assert not self.kept
            return
        for key in self.kept | self.begun:
            content = await self._read(store, key)
            assert content in self.allowed(key), f"{key} is not what was acknowledged"
            assert (key in listed) == (content is not None)
        assert listed <= set(self.kept | self.begun)

    async def _read(self, store, key):
        try:
            found = await store.get(ObjectName("b", key), WHOLE)
        except NoSuchKey:
            return None
        made = b""
        if isinstance(found.body, bytes):
            return found.body
        for path, start, stop in found.body.spans:
            with open(path, "rb") as file:
                made += file.read()[start:stop]
        release(found.body)
        return made


class Sharing(Workload):
    """The same contents again and again, kept once: as puts, as uploads in parts, before and after one another."""

    async def run(self, store):
        with contextlib.suppress(BucketAlreadyOwnedByYou):
            await store.create_bucket(BucketInfo("b", "me", 1))
        await store.set_dedup("b")
        large, small = bytes(range(250)) * 400, b"small"
        for key in ("small", "small2"):
            await self.put(store, key, small)
        for key in ("large", "large2"):
            await self.put(store, key, large)
        await self.parts(store, "small parts", [small[:2], small[2:]])
        await self.parts(store, "parts", [large[:30_000], large[30_000:]])
        await store.merged()
        await self.delete(store, "large")
        await self.delete(store, "large2")
        await self.copy(store, "parts", "copy")
        await self.parts(store, "own", [large[:7], large[8:]])
        await self.parts(store, "own2", [large[:9], large[10:]])
        await self.parts(store, "own3", [large[:7] + large[8:40_000], large[40_000:]])
        await store.merged()
        await self.put(store, "parts", large[:7] + large[8:])
        for key in ("own", "small", "own2", "small2"):
            await self.delete(store, key)
        await self.put(store, "large", large)
        await store.tidied()


@pytest.fixture
def workload(request):
    """What is done to the store: `plain`, or `sharing` where a test says so (indirectly)."""
    return {"plain": Workload, "sharing": Sharing}[getattr(request, "param", "plain")]


@pytest.fixture
def open_at():
    """Opens a store at a folder, with parts of any size allowed."""

    def open_at(folder, **given):
        given = {"settings": Settings(part_minimum=1, reserve_bytes=64 << 10, merge_mib=1e6)} | given
        entropy = FakeEntropy(os.urandom(4).hex())
        return open_store(str(folder), now=FakeClock(step=0.001), entropy=entropy, digests=DIGESTS, **given)

    return open_at


@pytest.fixture
def prove(open_at):
    """Opens a folder as a start after a crash does, and proves all of it."""

    async def prove(folder, work):
        store = open_at(folder)
        await work.check(store)
        again = type(work)()
        again.kept = {key: await work._read(store, key) for key in work.kept | work.begun}
        store.tidy()
        await store.tidied()
        try:
            await again.run(store)
        finally:
            await again.check(store)
            await store.close()
        report = fsck(str(folder), digests=DIGESTS, deep=True)
        assert report.findings == ()
        assert report.leftovers == 0

    return prove
