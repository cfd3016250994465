"""Do small parts that share a file go their own ways?"""

import asyncio
import base64
import errno
import hashlib

import pytest

from bucketport.backends.store.base import Settings
from bucketport.backends.store.fsck import fsck
from bucketport.errors import BackendError, NoSuchUpload
from bucketport.model import BucketInfo, ObjectName
from bucketport.options import NO_CONDITIONS, WHOLE, CompleteOptions, PutOptions, UploadOptions, Want
from bucketport.testing.contracts.base import collect
from bucketport.testing.fakes import DIGESTS, FakeContent

ME = PutOptions("me")


@pytest.fixture
def store(opened, runner):
    store = opened(settings=Settings(dedup=True, verify_reads=True))
    runner.run(store.create_bucket(BucketInfo("b", "me", 1)))
    return store


async def begin(store, key):
    return await store.create_upload(ObjectName("b", key), UploadOptions(ME))


async def send(store, *parts):
    made = (store.put_part(upload, number, FakeContent(data)) for upload, number, data in parts)
    return await asyncio.gather(*made, return_exceptions=True)


async def read(store, key, want=WHOLE):
    return await collect((await store.get(ObjectName("b", key), want)).body)


async def complete(store, upload, parts):
    await store.complete(upload, CompleteOptions(parts, loose=True))


async def test_parts_of_many_uploads_share_a_file(store, tmp_path, blob_files):
    one, two = await begin(store, "one"), await begin(store, "two")
    a, b, c = await send(store, (one, 1, b"first"), (two, 1, b"other"), (one, 2, b"second"))
    assert blob_files() == [16]
    digest = base64.b64encode(hashlib.sha256(b"firstsecond").digest()).decode()
    assert await store.digest_parts(one, [1, 2], "SHA256") == digest
    await complete(store, one, [a, c])
    await complete(store, two, [b])
    assert await read(store, "one") == b"firstsecond"
    assert await read(store, "one", Want(None, "bytes=3-7")) == b"stsec"
    assert await read(store, "two") == b"other"
    await store.merged()
    await store.delete(ObjectName("b", "two"), None, NO_CONDITIONS)
    await store.tidied()
    assert await read(store, "one") == b"firstsecond"
    await store.close()
    assert fsck(str(tmp_path / "data"), digests=DIGESTS, deep=True).findings == ()


async def test_the_file_goes_with_the_last_of_its_parts(store, blob_files):
    one, two = await begin(store, "one"), await begin(store, "two")
    await send(store, (one, 1, b"first"), (one, 1, b"again"), (two, 1, b"other"))
    await store.abort(one)
    await store.tidied()
    assert blob_files() == [15]
    await store.abort(two)
    await store.tidied()
    assert blob_files() == []


async def test_a_part_whose_upload_is_gone_fails_alone(store, tmp_path, blob_files):
    gone, there = await begin(store, "gone"), await begin(store, "there")
    sent = asyncio.ensure_future(send(store, (gone, 1, b"late"), (there, 1, b"in time")))
    await asyncio.sleep(0)
    await store.abort(gone)
    late, part = await sent
    assert isinstance(late, NoSuchUpload)
    await complete(store, there, [part])
    assert await read(store, "there") == b"in time"
    await store.close()
    assert fsck(str(tmp_path / "data"), digests=DIGESTS, deep=True).findings == ()


async def test_trouble_with_the_file_is_told_to_each(store, blob_files, monkeypatch):
    upload = await begin(store, "k")

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(store._shelf.files, "sync", full)
        failed = await send(store, (upload, 1, b"one"), (upload, 2, b"two"))
    assert [type(error) for error in failed] == [BackendError, BackendError]
    assert failed[0] is not failed[1]
    assert blob_files() == []
    (part,) = await send(store, (upload, 1, b"one"))
    await complete(store, upload, [part])
    assert await read(store, "k") == b"one"
