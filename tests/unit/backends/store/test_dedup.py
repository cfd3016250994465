"""Is equal content kept once, and is each object still its own? With exact figures of what is kept."""

import asyncio
import os

import pytest

from bucketport.backends.store.base import Settings
from bucketport.backends.store.fsck import fsck
from bucketport.backends.store.store import BucketFigures, StorageFigures
from bucketport.errors import InvalidPartNumber, NoSuchBucket, PreconditionFailed
from bucketport.model import BucketInfo, ObjectName
from bucketport.options import (
    NO_CONDITIONS,
    WHOLE,
    CompleteOptions,
    CopyOptions,
    PutOptions,
    UploadOptions,
    Want,
    WriteConditions,
)
from bucketport.testing.contracts.base import collect
from bucketport.testing.fakes import DIGESTS, FakeContent

ME = PutOptions("me")
SMALL = b"small content"
LARGE = os.urandom(100_000)
PARTS = [LARGE[:30_000], LARGE[30_000:70_000], LARGE[70_000:]]


@pytest.fixture
def store(opened, runner):
    """A store with the bucket `b`, where equal content is kept once, and `plain`, where it is not."""
    store = opened(settings=Settings(part_minimum=1, merge_mib=1e6))
    runner.run(store.create_bucket(BucketInfo("b", "me", 1)))
    runner.run(store.create_bucket(BucketInfo("plain", "me", 1)))
    runner.run(store.set_dedup("b"))
    return store


@pytest.fixture
def sound(store, tmp_path):
    """Closes the store and proves it."""

    async def sound():
        await store.merged()
        await store.tidied()
        await store.close()
        report = fsck(str(tmp_path / "data"), digests=DIGESTS, deep=True)
        assert report.findings == ()
        assert report.leftovers == 0

    return sound


async def put(store, key, content, bucket="b", options=ME):
    return await store.put(ObjectName(bucket, key), FakeContent(content, piece=7_000), options)


async def upload(store, key, contents, bucket="b"):
    begun = await store.create_upload(ObjectName(bucket, key), UploadOptions(ME))
    parts = [await store.put_part(begun, n, FakeContent(content)) for n, content in enumerate(contents, 1)]
    return await store.complete(begun, CompleteOptions(parts))


async def read(store, key, bucket="b", **want):
    return await collect((await store.get(ObjectName(bucket, key), Want(**want))).body)


async def delete(store, key, bucket="b"):
    await store.delete(ObjectName(bucket, key), None, NO_CONDITIONS)


def figures(store):
    found = store.storage()
    assert found.exact
    return found.total_objects, found.unique_content_count, found.actual_storage_size, found.total_logical_size


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_equal_content_is_kept_once_and_counted_exactly(store, sound, blob_files, content):
    size = len(content)
    for count in (1, 2, 3):
        await put(store, f"k{count}", content)
        assert figures(store) == (count, 1, size, count * size)
    await put(store, "other", content + b"!")
    assert figures(store) == (4, 2, 2 * size + 1, 4 * size + 1)
    await delete(store, "k1")
    await put(store, "k2", b"")
    await put(store, "k4", b"")
    assert figures(store) == (4, 3, 2 * size + 1, 2 * size + 1)
    assert await read(store, "k3") == content
    await delete(store, "k3")
    assert figures(store) == (3, 2, size + 1, size + 1)
    await store.tidied()
    assert blob_files() == ([size + 1] if content is LARGE else [])
    for key in ("k2", "k4", "other"):
        await delete(store, key)
    assert figures(store) == (0, 0, 0, 0)
    await sound()


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_objects_that_share_content_stay_their_own(store, sound, content):
    one = await put(store, "one", content, options=PutOptions("me", {"content-type": "a/a"}, tags={"a": "1"}))
    two = await put(store, "two", content, options=PutOptions("bob", {"content-type": "b/b"}))
    assert one.etag == two.etag
    assert (one.checksums, two.checksums) == ({}, {})
    info = (await store.head(ObjectName("b", "two"), WHOLE)).info
    assert (info.owner, info.headers, info.tags_count, dict(info.checksums)) == ("bob", {"content-type": "b/b"}, 0, {})
    await put(store, "one", b"new")
    assert await read(store, "one") == b"new"
    assert await read(store, "two") == content
    assert await read(store, "two", range="bytes=5-9") == content[5:10]
    await put(store, "two", content)
    assert await read(store, "two") == content
    await sound()


async def test_other_buckets_keep_each_content(store, sound):
    for key in ("one", "two"):
        await put(store, key, SMALL, "plain")
        await put(store, key + "large", LARGE, "plain")
    assert figures(store)[1:3] == (4, 2 * len(SMALL + LARGE))
    await sound()


async def test_a_setting_has_it_in_every_bucket(opened):
    store = opened("other", settings=Settings(dedup=True))
    await store.create_bucket(BucketInfo("any", "me", 1))
    for key in ("one", "two"):
        await put(store, key, LARGE, "any")
    assert figures(store)[1:3] == (1, len(LARGE))


async def test_switching_it_on_again_costs_no_commit(store):
    before = store.statistics().commits
    await store.set_dedup("b")
    assert store.statistics().commits == before
    with pytest.raises(NoSuchBucket):
        await store.set_dedup("absent")


async def test_what_was_there_before_it_was_switched_on_stays(store, sound):
    await put(store, "one", SMALL, "plain")
    await store.set_dedup("plain")
    await put(store, "two", SMALL, "plain")
    await put(store, "three", SMALL, "plain")
    assert figures(store)[1:3] == (2, 2 * len(SMALL))
    await sound()


async def test_a_bucket_made_anew_has_it_off(store):
    await store.delete_bucket("b")
    await store.create_bucket(BucketInfo("b", "me", 1))
    await put(store, "one", SMALL)
    await put(store, "two", SMALL)
    assert figures(store)[1] == 2


async def test_figures_of_a_bucket(store):
    await put(store, "one", SMALL)
    await put(store, "two", SMALL)
    assert store.bucket_storage("b") == BucketFigures(2, 2 * len(SMALL))
    assert store.bucket_storage("plain") == BucketFigures(0, 0)
    with pytest.raises(NoSuchBucket):
        store.bucket_storage("absent")


async def test_a_refused_write_changes_nothing(store, sound, blob_files):
    await put(store, "one", LARGE)
    for content in (LARGE, LARGE + b"!"):
        with pytest.raises(PreconditionFailed):
            await put(store, "one", content, options=PutOptions("me", conditions=WriteConditions(if_none_match="*")))
    await put(store, "two", LARGE)
    assert figures(store) == (2, 1, len(LARGE), 2 * len(LARGE))
    await sound()
    assert blob_files() == [len(LARGE)]


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_copies_share_as_ever(store, sound, content):
    await put(store, "one", content)
    await store.copy(ObjectName("b", "one"), WHOLE, ObjectName("plain", "copy"), CopyOptions("me"))
    await store.copy(ObjectName("plain", "copy"), WHOLE, ObjectName("b", "copy"), CopyOptions("me"))
    await delete(store, "one")
    assert await read(store, "copy", "plain") == content
    assert figures(store) == (2, 1, len(content), 2 * len(content))
    await put(store, "again", content)
    assert figures(store) == (3, 1, len(content), 3 * len(content))
    await sound()


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_writers_of_the_same_content_at_once(store, sound, content):
    await asyncio.gather(*(put(store, f"k{n % 5}", content) for n in range(40)))
    assert figures(store) == (5, 1, len(content), 5 * len(content))
    await asyncio.gather(*(delete(store, f"k{n}") for n in range(4)), put(store, "k5", content))
    assert figures(store) == (2, 1, len(content), 2 * len(content))
    assert await read(store, "k4") == content
    await sound()


async def test_a_reader_of_replaced_content_reads_on(store, sound, blob_files):
    await upload(store, "parts", PARTS)
    await put(store, "blob", b"x" * 50_000)
    reading = [(await store.get(ObjectName("b", key), WHOLE)).body for key in ("parts", "blob")]
    await put(store, "blob", LARGE)
    await store.merged()
    await upload(store, "parts", [b"y"])
    await store.merged()
    await store.tidied()
    assert {30_000, 40_000, 50_000} <= set(blob_files())
    for body, content in zip(reading, (LARGE, b"x" * 50_000), strict=True):
        assert await collect(body) == content
    await store.tidied()
    assert await read(store, "blob") == LARGE
    assert sum(blob_files()) == len(LARGE) + 1
    await sound()


class TestUploads:
    """Completed uploads are compared afterwards."""

    async def test_an_upload_equal_to_an_object_shares_its_content(self, store, sound, blob_files):
        await put(store, "blob", LARGE)
        stored = await upload(store, "parts", PARTS)
        await store.merged()
        await store.tidied()
        assert figures(store) == (2, 1, len(LARGE), 2 * len(LARGE))
        assert blob_files() == [len(LARGE)]
        await self.is_as_it_was(store, stored)
        await delete(store, "blob")
        await self.is_as_it_was(store, stored)
        await delete(store, "parts")
        assert figures(store) == (0, 0, 0, 0)
        await sound()
        assert blob_files() == []

    @staticmethod
    async def is_as_it_was(store, stored):
        """ETag, parts and every read, though its bytes lie elsewhere by now."""
        info = (await store.head(ObjectName("b", "parts"), WHOLE)).info
        assert (info.etag, info.parts_count, info.modified_ms) == (stored.etag, 3, stored.modified_ms)
        assert await read(store, "parts") == LARGE
        assert await read(store, "parts", range="bytes=29998-70001") == LARGE[29998:70002]
        assert [await read(store, "parts", part_number=n) for n in (1, 2, 3)] == PARTS
        held = await store.attributes(ObjectName("b", "parts"), None, 0, 10)
        assert [part.size for part in held.parts] == [len(part) for part in PARTS]

    async def test_an_object_equal_to_an_upload_shares_its_content(self, store, sound, blob_files):
        await upload(store, "parts", PARTS)
        await store.merged()
        await put(store, "blob", LARGE)
        assert figures(store) == (2, 1, len(LARGE), 2 * len(LARGE))
        await delete(store, "parts")
        await store.tidied()
        assert blob_files() == sorted(len(part) for part in PARTS)
        found = await store.get(ObjectName("b", "blob"), Want(part_number=1))
        assert await collect(found.body) == LARGE
        assert (found.info.parts_count, found.part) == (0, None)
        with pytest.raises(InvalidPartNumber):
            await store.head(ObjectName("b", "blob"), Want(part_number=2))
        assert not (await store.attributes(ObjectName("b", "blob"), None, 0, 10)).parts
        begun = await store.create_upload(ObjectName("b", "copied"), UploadOptions(ME))
        part = await store.copy_part(begun, 1, ObjectName("b", "blob"), WHOLE)
        assert (await store.complete(begun, CompleteOptions([part]))).size == len(LARGE)
        await store.merged()
        assert figures(store) == (2, 1, len(LARGE), 2 * len(LARGE))
        assert await read(store, "copied") == LARGE
        await sound()

    async def test_uploads_in_other_parts_share_their_content(self, store, sound, blob_files):
        await upload(store, "one", [LARGE[:50_000], LARGE[50_000:]])
        stored = await upload(store, "parts", PARTS)
        await store.copy(ObjectName("b", "parts"), WHOLE, ObjectName("plain", "copy"), CopyOptions("me"))
        await store.merged()
        await store.tidied()
        assert figures(store) == (3, 1, len(LARGE), 3 * len(LARGE))
        assert blob_files() == [50_000, 50_000]
        await delete(store, "one")
        await self.is_as_it_was(store, stored)
        assert await read(store, "copy", "plain") == LARGE
        await delete(store, "parts")
        assert figures(store) == (1, 1, len(LARGE), len(LARGE))
        await delete(store, "copy", "plain")
        await sound()
        assert blob_files() == []

    async def test_a_small_upload_shares_inline_content(self, store, sound, blob_files):
        await put(store, "small", SMALL)
        stored = await upload(store, "parts", [SMALL[:5], SMALL[5:]])
        await store.merged()
        await store.tidied()
        assert blob_files() == []
        assert figures(store) == (2, 1, len(SMALL), 2 * len(SMALL))
        await delete(store, "small")
        assert await read(store, "parts") == SMALL
        assert await read(store, "parts", range="bytes=3-7") == SMALL[3:8]
        assert await read(store, "parts", part_number=2) == SMALL[5:]
        assert (await store.head(ObjectName("b", "parts"), WHOLE)).info.etag == stored.etag
        await put(store, "small", SMALL)
        assert figures(store) == (2, 1, len(SMALL), 2 * len(SMALL))
        await delete(store, "small")
        await delete(store, "parts")
        assert figures(store) == (0, 0, 0, 0)
        await sound()

    async def test_a_small_object_shares_an_uploads_content(self, store, sound):
        await upload(store, "parts", [SMALL[:5], SMALL[5:]])
        await store.merged()
        await put(store, "small", SMALL)
        await delete(store, "parts")
        assert await read(store, "small") == SMALL
        assert figures(store) == (1, 1, len(SMALL), len(SMALL))
        await sound()

    async def test_figures_say_that_they_are_not_exact_yet(self, store, sound):
        await put(store, "blob", LARGE)
        await upload(store, "parts", PARTS)
        assert store.storage() == StorageFigures(2, 2, 2 * len(LARGE), 2 * len(LARGE), exact=False)
        await store.merged()
        assert figures(store) == (2, 1, len(LARGE), 2 * len(LARGE))
        await sound()

    async def test_an_upload_that_goes_before_it_was_compared(self, store, sound):
        await put(store, "blob", LARGE)
        await upload(store, "parts", PARTS)
        await delete(store, "parts")
        await upload(store, "parts", PARTS)
        await put(store, "parts", b"other")
        await store.merged()
        assert figures(store) == (2, 2, len(LARGE) + 5, len(LARGE) + 5)
        await sound()

    async def test_what_was_not_compared_is_at_the_next_start(self, store, opened, tmp_path):
        await put(store, "blob", LARGE)
        await upload(store, "parts", PARTS)
        await store.close()
        again = opened()
        assert not again.storage().exact
        again.resume()
        await again.merged()
        assert figures(again) == (2, 1, len(LARGE), 2 * len(LARGE))
        await again.close()
        assert fsck(str(tmp_path / "data"), digests=DIGESTS, deep=True).findings == ()

    async def test_an_empty_upload_is_no_content(self, store, sound):
        await upload(store, "parts", [b""])
        await put(store, "empty", b"")
        assert figures(store) == (2, 1, 0, 0)
        assert await read(store, "parts") == b""
        await sound()

    async def test_one_that_cannot_be_read_is_told_and_left(self, store, tmp_path, log, sound):
        await upload(store, "parts", PARTS)
        lost = next(p for p in (tmp_path / "data" / "blobs").rglob("*") if p.is_file())
        lost.rename(tmp_path / "aside")
        await store.merged()
        assert "merging" in log[-1]
        assert not store.storage().exact
        told = len(log)
        await put(store, "another", LARGE + b"!")
        await delete(store, "another")
        await store.merged()
        assert len(log) == told
        (tmp_path / "aside").rename(lost)
        store.merge()
        await store.merged()
        assert store.storage().exact
        await sound()
