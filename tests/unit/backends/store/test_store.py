"""What the store promises beyond the contract: where content lies, when files go, what survives."""

import asyncio
import os

import pytest

from bucketport.backends.store.base import Settings
from bucketport.errors import BackendError, NoSuchBucket, NoSuchKey, NoSuchUpload, PreconditionFailed, Trouble
from bucketport.message import FileSpans, release
from bucketport.model import ObjectName, PartInfo
from bucketport.options import (
    NO_CONDITIONS,
    WHOLE,
    CompleteOptions,
    CopyOptions,
    ListQuery,
    PutOptions,
    UploadOptions,
    Want,
    WriteConditions,
)
from bucketport.testing.fakes import FakeContent

ME = PutOptions("me", {"content-type": "text/plain"})
MIB = 1 << 20


def named(key, bucket="b"):
    return ObjectName(bucket, key)


def read(found):
    """The content of a read, its lease given back."""
    body = found.body
    if isinstance(body, bytes):
        return body
    made = b""
    for path, start, stop in body.spans:
        with open(path, "rb") as file:
            file.seek(start)
            made += file.read(stop - start)
    release(body)
    return made


async def put(store, key, data, **given):
    return await store.put(named(key), FakeContent(data, piece=given.pop("piece", 100_000)), PutOptions("me", **given))


async def upload(store, key, *parts):
    """An upload with these parts, and what completes it."""
    begun = await store.create_upload(named(key), UploadOptions(ME))
    made = [await store.put_part(begun, number, FakeContent(data)) for number, data in enumerate(parts, 1)]
    return begun, CompleteOptions(made)


@pytest.mark.parametrize(("size", "files"), [(0, 0), (1, 0), (32 << 10, 0), ((32 << 10) + 1, 1), (3 * MIB + 5, 1)])
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("piece", [1000, 5 * MIB])
async def test_small_content_is_inline_and_large_content_a_file(store, blob_files, size, files, declared, piece):
    data = os.urandom(size)
    stored = await store.put(named("k"), FakeContent(data, piece=piece, declares_length=declared), ME)
    found = await store.get(named("k"), WHOLE)
    assert (stored.size, found.info.size, found.info.etag) == (size, size, stored.etag)
    assert len(blob_files()) == files
    assert read(found) == data


async def test_a_range_of_a_file_is_a_span_of_it(store):
    data = os.urandom(2 * MIB)
    await put(store, "k", data)
    found = await store.get(named("k"), Want(range="bytes=1000000-1500000"))
    assert isinstance(found.body, FileSpans)
    assert found.body.length == 500_001
    assert read(found) == data[1_000_000:1_500_001]


async def test_a_copy_shares_the_blob_and_outlives_the_source(store, blob_files):
    data = os.urandom(MIB)
    await put(store, "k", data)
    await store.copy(named("k"), WHOLE, named("copy"), CopyOptions("me"))
    assert blob_files() == [MIB]
    await store.delete(named("k"), None, NO_CONDITIONS)
    await store.tidied()
    assert read(await store.get(named("copy"), WHOLE)) == data
    await store.delete(named("copy"), None, NO_CONDITIONS)
    await store.tidied()
    assert blob_files() == []


async def test_a_copy_onto_itself_keeps_the_content(store, blob_files):
    for size in (100, MIB):
        data = os.urandom(size)
        await put(store, "k", data)
        await store.copy(named("k"), WHOLE, named("k"), CopyOptions("me", headers={"x-amz-meta-a": "b"}))
        found = await store.get(named("k"), WHOLE)
        assert (read(found), found.info.headers) == (data, {"x-amz-meta-a": "b"})
    await store.tidied()
    assert blob_files() == [MIB]


async def test_a_file_stays_while_it_is_read_and_goes_afterwards(store, blob_files):
    data = os.urandom(MIB)
    await put(store, "k", data)
    found = await store.get(named("k"), WHOLE)
    again = await store.get(named("k"), WHOLE)
    await put(store, "k", b"other")
    await store.tidied()
    assert blob_files() == [MIB]
    release(again.body)
    release(again.body)
    await store.tidied()
    assert read(found) == data
    await store.tidied()
    assert blob_files() == []
    assert store.statistics().leased == 0


async def test_completing_moves_no_bytes_and_drops_what_was_not_named(store, blob_files):
    first, second, last = os.urandom(5 * MIB), os.urandom(5 * MIB), b"last"
    begun, options = await upload(store, "k", first, b"not named", second, last)
    parts = [options.parts[0], options.parts[2], options.parts[3]]
    await store.complete(begun, CompleteOptions(parts))
    await store.tidied()
    assert blob_files() == [4, 5 * MIB, 5 * MIB]
    assert read(await store.get(named("k"), WHOLE)) == first + second + last
    assert read(await store.get(named("k"), Want(range="bytes=5242879-5242880"))) == first[-1:] + second[:1]
    assert read(await store.get(named("k"), Want(range="bytes=-5"))) == second[-1:] + last
    assert read(await store.get(named("k"), Want(part_number=3))) == second


async def test_a_copied_multipart_object_shares_its_manifest(store, blob_files):
    begun, options = await upload(store, "k", b"x" * 5 * MIB, b"y")
    await store.complete(begun, options)
    await store.copy(named("k"), WHOLE, named("copy"), CopyOptions("me"))
    await store.delete(named("k"), None, NO_CONDITIONS)
    await store.tidied()
    assert blob_files() == [1, 5 * MIB]
    assert read(await store.get(named("copy"), Want(range="bytes=5242879-"))) == b"xy"
    await store.delete(named("copy"), None, NO_CONDITIONS)
    await store.tidied()
    assert blob_files() == []


async def test_aborting_and_deleting_the_bucket_leave_no_file(store, blob_files):
    begun, _ = await upload(store, "k", b"1" * 100, b"2" * 200)
    await store.abort(begun)
    with pytest.raises(NoSuchUpload):
        await store.abort(begun)
    begun, _ = await upload(store, "k", b"3" * 300)
    await store.delete_bucket("b")
    await store.tidied()
    assert blob_files() == []
    with pytest.raises(NoSuchBucket):
        await store.put_part(begun, 1, FakeContent(b""))


async def test_a_part_of_no_bytes_needs_no_file(store, blob_files):
    begun, options = await upload(store, "k", b"")
    stored = await store.complete(begun, options)
    assert (stored.size, blob_files()) == (0, [])
    assert read(await store.get(named("k"), WHOLE)) == b""


async def test_a_part_copied_whole_shares_the_source(store, blob_files):
    data = os.urandom(6 * MIB)
    await put(store, "source", data)
    begun = await store.create_upload(named("k"), UploadOptions(ME))
    whole = await store.copy_part(begun, 1, named("source"), WHOLE)
    cut = await store.copy_part(begun, 2, named("source"), Want(range="bytes=3000000-5000000"))
    assert blob_files() == [2_000_001, 6 * MIB]
    await store.delete(named("source"), None, NO_CONDITIONS)
    await store.complete(begun, CompleteOptions([whole, cut]))
    assert read(await store.get(named("k"), WHOLE)) == data + data[3_000_000:5_000_001]


async def test_a_copied_part_has_the_checksum_of_its_upload(store):
    await put(store, "source", b"a" * MIB)
    begun = await store.create_upload(named("k"), UploadOptions(ME, "CRC32", "FULL_OBJECT"))
    part = await store.copy_part(begun, 1, named("source"), WHOLE)
    assert list(part.checksums) == ["CRC32"]
    assert (await store.complete(begun, CompleteOptions([part]))).checksums == part.checksums


async def test_a_refused_write_leaves_no_file(store, blob_files):
    await put(store, "k", b"there")
    with pytest.raises(PreconditionFailed):
        await put(store, "k", os.urandom(MIB), conditions=WriteConditions(if_none_match="*"))
    content = FakeContent(os.urandom(3 * MIB), piece=MIB, fails=ValueError("checks"), fails_at="finish")
    with pytest.raises(ValueError, match="checks"):
        await store.put(named("new"), content, ME)
    with pytest.raises(NoSuchKey):
        await store.head(named("new"), WHOLE)
    await store.close()
    assert blob_files() == []


async def test_a_cancelled_upload_leaves_no_file(store, tmp_path, blob_files):
    started = asyncio.Event()

    class Stalling(FakeContent):
        async def pull(self):
            if self._pulled == 4:
                started.set()
                await asyncio.Event().wait()
            return await super().pull()

    task = asyncio.create_task(store.put(named("k"), Stalling(os.urandom(8 * MIB), piece=MIB), ME))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.close()
    assert blob_files() == []
    assert [p for p in (tmp_path / "data" / "temporary").rglob("*") if p.is_file()] == []


async def test_everything_is_there_after_a_restart(store, opened, blob_files):
    data = os.urandom(MIB)
    await put(store, "small", b"small", tags={"a": "b"}, acl="public-read")
    await put(store, "large", data)
    begun, options = await upload(store, "parts", b"x" * 5 * MIB, b"y")
    before = (await store.list("b", ListQuery())).entries
    await store.close()
    again = opened()
    assert (await again.list("b", ListQuery())).entries == before
    assert read(await again.get(named("small"), WHOLE)) == b"small"
    assert await again.tags(named("small"), None) == {"a": "b"}
    assert (await again.object_acl(named("small"), None)).acl == "public-read"
    assert read(await again.get(named("large"), WHOLE)) == data
    await again.complete(begun, options)
    await put(again, "new", data)
    assert read(await again.get(named("parts"), Want(part_number=2))) == b"y"
    assert blob_files() == [1, MIB, MIB, 5 * MIB]


async def test_the_answer_to_a_completed_upload_survives_a_restart_and_is_forgotten_after_a_day(store, opened, runner):
    begun, options = await upload(store, "k", b"x")
    stored = await store.complete(begun, options)
    await store.close()
    again = opened(settings=Settings(completed_ms=-1_000_000))
    assert await again.complete(begun, options) == stored
    with pytest.raises(NoSuchUpload):
        await again.complete(begun, CompleteOptions([PartInfo(1, 0, "0" * 32)]))
    again.tidy()
    await again.tidied()
    with pytest.raises(NoSuchUpload):
        await again.complete(begun, options)


async def test_garbage_that_a_stop_left_is_removed_when_the_next_start_tidies(store, opened, blob_files):
    await put(store, "k", os.urandom(MIB))
    found = await store.get(named("k"), WHOLE)
    await store.delete(named("k"), None, NO_CONDITIONS)
    await store.close()
    assert blob_files() == [MIB]
    release(found.body)
    again = opened()
    again.tidy()
    await again.tidied()
    assert blob_files() == []


def blob_path(tmp_path):
    (path,) = [p for p in (tmp_path / "data" / "blobs").rglob("*") if p.is_file()]
    return path


async def test_a_vanished_file_is_trouble_and_logged_with_its_path(store, tmp_path, log):
    await put(store, "k", os.urandom(MIB))
    path = blob_path(tmp_path)
    path.unlink()
    with pytest.raises(BackendError) as caught:
        await store.get(named("k"), WHOLE)
    assert caught.value.trouble is Trouble.CORRUPT
    assert len(log) == 1
    assert str(path) in log[0]
    assert store.statistics().leased == 0


async def test_a_shortened_file_is_trouble(store, tmp_path):
    await put(store, "k", os.urandom(MIB))
    os.truncate(blob_path(tmp_path), MIB - 1)
    with pytest.raises(BackendError):
        await store.get(named("k"), Want(range="bytes=0-1"))


async def test_what_a_runtime_finds_missing_is_logged(store, log):
    await put(store, "k", os.urandom(MIB))
    found = await store.get(named("k"), WHOLE)
    found.body.corrupt("/some/path")
    assert "b/k" in log[0]
    assert "/some/path" in log[0]


async def test_a_wrong_byte_is_found_only_by_reads_that_verify_it(store, opened, tmp_path, log):
    data = os.urandom(3 * MIB)
    await put(store, "k", data)
    with open(blob_path(tmp_path), "r+b") as file:
        file.seek(MIB + 10)
        file.write(bytes([data[MIB + 10] ^ 1]))
    assert len(read(await store.get(named("k"), WHOLE))) == 3 * MIB
    await store.close()
    again = opened(settings=Settings(verify_reads=True))
    assert read(await again.get(named("k"), Want(range="bytes=0-1048575"))) == data[:MIB]
    for wanted in (WHOLE, Want(range="bytes=1048575-1048576")):
        with pytest.raises(BackendError) as caught:
            await again.get(named("k"), wanted)
        assert caught.value.trouble is Trouble.CORRUPT
    assert "MiB 1" in log[0]


async def test_scrubbing_finds_what_differs_and_what_is_gone(store, tmp_path, log):
    await put(store, "good", os.urandom(MIB))
    assert (await store.scrub(1e6)).bad == ()
    (good,) = [p for p in (tmp_path / "data" / "blobs").rglob("*") if p.is_file()]
    await put(store, "altered", os.urandom(2 * MIB))
    await put(store, "gone", os.urandom(MIB))
    others = sorted(p for p in (tmp_path / "data" / "blobs").rglob("*") if p.is_file() and p != good)
    with open(others[0], "r+b") as file:
        file.write(b"\0\0\0\0")
    others[1].unlink()
    report = await store.scrub(1e6)
    assert (report.blobs, len(report.bad), len(log)) == (3, 2, 2)
    assert {str(path) for path in others} == {line.split(": ")[2] for line in log}


async def test_statistics_count_what_is_there(store):
    await put(store, "a", b"123")
    await put(store, "a", b"12345")
    await put(store, "b", os.urandom(MIB))
    await store.copy(named("b"), WHOLE, named("c"), CopyOptions("me"))
    counted = store.statistics()
    assert (counted.buckets, counted.objects, counted.bytes) == (1, 3, 2 * MIB + 5)
    await store.delete(named("b"), None, NO_CONDITIONS)
    assert store.statistics().bytes == MIB + 5


async def test_a_closed_store_answers_so(store):
    await store.close()
    with pytest.raises(BackendError):
        await put(store, "k", b"late")
