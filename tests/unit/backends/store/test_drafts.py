"""Does a draft leave the store as sound as any upload, and does it leave the event loop to the others?"""

import asyncio
import base64
import hashlib
import os
import time

import pytest

from bucketport.backends.store import digesting
from bucketport.backends.store.fsck import fsck
from bucketport.errors import BackendError, Trouble
from bucketport.model import ObjectName
from bucketport.options import NO_CONDITIONS, WHOLE, CompleteOptions, CopyOptions, PutOptions, UploadOptions
from bucketport.testing.fakes import DIGESTS, FakeContent

ME = PutOptions("me")
MIB = 1 << 20


async def begin(store, key="k"):
    return await store.create_upload(ObjectName("b", key), UploadOptions(ME))


async def send(store, upload, contents):
    return await asyncio.gather(*(store.put_part(upload, n, FakeContent(data)) for n, data in contents.items()))


def sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


async def complete(store, upload, parts):
    return await store.complete(upload, CompleteOptions(parts, loose=True))


async def test_store_with_drafts_is_sound(store, tmp_path, blob_files):
    contents = {9: os.urandom(MIB + 3), 1 << 40: b"", 4: os.urandom(77), 12_345: b"dropped", 2: os.urandom(2 * MIB)}
    upload = await begin(store)
    parts = await send(store, upload, contents)
    await complete(store, upload, [part for part in parts if part.size != 7])
    await store.copy(ObjectName("b", "k"), WHOLE, ObjectName("b", "copy"), CopyOptions("me"))
    await store.delete(ObjectName("b", "k"), None, NO_CONDITIONS)
    empty = await begin(store, "empty")
    await send(store, empty, {1: os.urandom(MIB)})
    await complete(store, empty, [])
    in_order = await begin(store, "in order")
    await complete(store, in_order, await send(store, in_order, {1: b"a", 2: b"b"}))
    gaps = await begin(store, "gaps")
    await complete(store, gaps, (await send(store, gaps, {1: b"a", 2: b"b", 3: b"c"}))[:2])
    await send(store, await begin(store, "unfinished"), {1 << 40: b"unfinished"})
    await store.tidied()
    # Small parts that came together lie in one file, which stays as long as one of them does.
    assert blob_files() == [2, 3, 10, 84, MIB + 3, 2 * MIB]
    assert (await store.scrub(1e6)).bad == ()
    await store.close()
    report = fsck(str(tmp_path / "data"), digests=DIGESTS, deep=True)
    assert (report.findings, report.leftovers, report.objects) == ((), 0, 4)


async def test_removed_draft_leaves_nothing(store, blob_files):
    upload = await begin(store)
    await complete(store, upload, await send(store, upload, {5: b"five", 3: b"three"}))
    await store.delete(ObjectName("b", "k"), None, NO_CONDITIONS)
    await store.tidied()
    assert blob_files() == []


async def test_parts_are_held_while_they_are_hashed(store, blob_files, monkeypatch):
    monkeypatch.setattr(digesting, "BATCH", MIB)
    upload = await begin(store)
    contents = {1: os.urandom(3 * MIB), 2: os.urandom(MIB)}
    await send(store, upload, contents)
    digest = asyncio.ensure_future(store.digest_parts(upload, (2, 1), "SHA256"))
    await asyncio.sleep(0)
    await store.abort(upload)
    await asyncio.sleep(0)
    assert await digest == sha256(contents[2] + contents[1])
    await store.tidied()
    assert blob_files() == []


async def test_missing_file_is_told_and_its_neighbours_are_let_go(store, tmp_path):
    upload = await begin(store)
    await send(store, upload, {1: os.urandom(MIB)})
    (path,) = [p for p in (tmp_path / "data" / "blobs").rglob("*") if p.is_file()]
    os.truncate(path, 100)
    with pytest.raises(BackendError) as caught:
        await store.digest_parts(upload, [1], "SHA256")
    assert caught.value.trouble is Trouble.CORRUPT
    assert store.statistics().leased == 0


async def longest_turn(work):
    """How long the event loop was kept from others while this was done, in seconds."""
    longest, last, task = 0.0, time.perf_counter(), asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest, await task


async def test_completing_ten_thousand_parts_leaves_the_event_loop_to_others(store):
    upload = await begin(store)
    contents = {number: b"%d" % number if number < 300 else b"" for number in range(10_000, 0, -1)}
    parts = await send(store, upload, contents)
    longest, made = await longest_turn(complete(store, upload, parts))
    assert made.size == sum(map(len, contents.values()))
    assert longest < 0.2
