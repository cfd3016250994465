"""Do other people's S3 servers understand the dialect? What every one of them does, asked of moto and SeaweedFS.

The whole contract runs in front of bucketport itself. These two keep less of it (moto judges nothing, SeaweedFS knows
no empty segments in keys), so here is what a gateway's users live on.
"""

import asyncio
import itertools

import pytest

from bucketport.errors import BadDigest, InvalidRange, NoSuchKey, NotModified, PreconditionFailed
from bucketport.model import BucketInfo, Deleted, ObjectName, PartInfo, Promised
from bucketport.options import (
    NO_CONDITIONS,
    WHOLE,
    CompleteOptions,
    CopyOptions,
    DeleteItem,
    ListQuery,
    PutOptions,
    ReadConditions,
    UploadOptions,
    Want,
    WriteConditions,
)
from bucketport.testing.contracts.base import blob, collect, put, put_all, read
from bucketport.testing.contracts.direct import given, put_alone
from bucketport.testing.fakes import FakeContent, checksum

_numbers = itertools.count(1)


@pytest.fixture(params=["moto_url", "seaweed_url"])
def backend(request, runner, dialled):
    yield from dialled(runner, request.getfixturevalue(request.param))


@pytest.fixture
def bucket(runner, backend):
    name = f"others-{next(_numbers)}"
    runner.run(backend.create_bucket(BucketInfo(name, "", 0)))
    return name


@pytest.mark.parametrize("size", [0, 1000, 100_000, 3_000_000])
@pytest.mark.parametrize("algorithm", ["", "CRC32", "SHA256"])
@pytest.mark.parametrize("known", [True, False])
async def test_content_in_every_framing(backend, bucket, size, algorithm, known):
    data, name = blob(size), ObjectName(bucket, "key")
    value = checksum(algorithm, data) if algorithm and known else ""
    content = FakeContent(data, piece=70_000, promised=Promised(algorithm=algorithm, value=value))
    stored = await backend.put(name, content, PutOptions("me", {"content-type": "text/plain"}))
    assert stored.checksums.get(algorithm, "") == (checksum(algorithm, data) if algorithm else "")
    found = await backend.get(name, WHOLE)
    assert found.info.headers["content-type"] == "text/plain"
    assert "content-encoding" not in found.info.headers
    assert await collect(found.body) == data


async def test_wrong_content_is_not_there(backend, bucket):
    for size in (1000, 300_000):
        content = FakeContent(blob(size), piece=70_000, fails=BadDigest())
        with pytest.raises(BadDigest):
            await backend.put(ObjectName(bucket, "key"), content, PutOptions("me"))
    with pytest.raises(NoSuchKey):
        await backend.head(ObjectName(bucket, "key"), WHOLE)


async def test_metadata_is_kept(backend, bucket):
    headers = {
        "content-type": "a/b",
        "cache-control": "no-store",
        "content-disposition": "attachment",
        "content-encoding": "gzip",
        "content-language": "de",
        "x-amz-meta-plain": "text",
        "x-amz-meta-odd": "Grüße, 世界",
    }
    await put(backend, bucket, "key", headers=headers)
    assert (await backend.head(ObjectName(bucket, "key"), WHOLE)).info.headers == headers


@pytest.mark.parametrize("key", ["a b", "dir/", "a+b", "100%", "é/世界", "a&b=c?d#e", "quote\"'<>", "x" * 200])
async def test_odd_keys(backend, bucket, key):
    data = b"" if key.endswith("/") else b"1"  # to SeaweedFS that is a folder
    await put(backend, bucket, key, data)
    assert await read(backend, bucket, key) == data
    await backend.delete(ObjectName(bucket, key), None, NO_CONDITIONS)


async def test_ranges_and_conditions(backend, bucket):
    stored = await put(backend, bucket, "key", b"0123456789")
    name = ObjectName(bucket, "key")
    for header, expected in (("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-2", b"89")):
        found = await backend.get(name, Want(range=header))
        assert await collect(found.body) == expected
        assert (found.info.size, found.span.length) == (10, len(expected))
    with pytest.raises(InvalidRange):
        await backend.get(name, Want(range="bytes=10-"))
    with pytest.raises(NotModified):
        await backend.get(name, Want(conditions=ReadConditions(if_none_match=f'"{stored.etag}"')))
    with pytest.raises(PreconditionFailed):
        await backend.get(name, Want(conditions=ReadConditions(if_match='"another"')))


async def test_one_of_many_creates(backend, bucket):
    async def attempt(number):
        try:
            await put(backend, bucket, "key", b"%d" % number, conditions=WriteConditions(None, "*"))
        except PreconditionFailed:
            return 0
        return 1

    assert sum(await asyncio.gather(*[attempt(number) for number in range(8)])) == 1


async def test_pages_together_are_the_whole(backend, bucket):
    keys = sorted([f"{folder}/{number}" for folder in "abc" for number in range(4)] + ["top", "é"])
    await put_all(backend, bucket, keys)
    for delimiter, expected in (("", keys), ("/", ["a/", "b/", "c/", "top", "é"])):
        for limit in (2, 1000):
            for by_token in (True, False):
                shown, query = [], ListQuery(delimiter=delimiter, limit=limit)
                for _ in range(20):
                    page = await backend.list(bucket, query)
                    shown += sorted([entry[0] for entry in page.entries] + list(page.prefixes))
                    if not page.truncated:
                        break
                    token = page.next_token if by_token else None
                    query = ListQuery(delimiter=delimiter, limit=limit, token=token, after=page.next_after)
                assert shown == expected


async def test_multipart(backend, bucket):
    name = ObjectName(bucket, "key")
    upload = await backend.create_upload(name, UploadOptions(PutOptions("me", {"x-amz-meta-a": "b"})))
    data = [blob(5 << 20, 1), blob(1000, 2)]
    parts = [
        await backend.put_part(upload, number, FakeContent(each, piece=200_000))
        for number, each in enumerate(data, start=1)
    ]
    assert [part.number for part in (await backend.list_parts(upload, 0, 1000)).parts] == [1, 2]
    named = [PartInfo(part.number, 0, part.etag) for part in parts]
    stored = await backend.complete(upload, CompleteOptions(named))
    assert stored.etag.endswith("-2")
    found = await backend.get(name, WHOLE)
    assert await collect(found.body) == b"".join(data)
    assert found.info.headers["x-amz-meta-a"] == "b"
    other = await backend.create_upload(name, UploadOptions(PutOptions("me")))
    await backend.abort(other)


async def test_copy_tags_and_deletes(backend, bucket):
    source, name = ObjectName(bucket, "a b"), ObjectName(bucket, "copy")
    await put(backend, bucket, source.key, b"1", tags={"k": "v w"})
    assert dict(await backend.tags(source, None)) == {"k": "v w"}
    await backend.copy(source, WHOLE, name, CopyOptions("me", {"content-type": "c/d"}))
    found = await backend.get(name, WHOLE)
    assert (await collect(found.body), found.info.headers["content-type"]) == (b"1", "c/d")
    await backend.put_tags(name, None, {"x": "y"})
    assert dict(await backend.tags(name, None)) == {"x": "y"}
    await backend.put_tags(name, None, {})
    assert dict(await backend.tags(name, None)) == {}
    results = await backend.delete_many(bucket, [DeleteItem(source.key), DeleteItem("copy"), DeleteItem("absent")])
    assert [type(result) for result in results] == [Deleted] * 3
    assert (await backend.list(bucket, ListQuery())).entries == []
    assert bucket in [info.name for info in (await backend.list_buckets(None, "", "", 1000)).buckets]
    await backend.delete_bucket(bucket)


async def test_part_that_a_client_sends_itself(backend, bucket):
    upload = await backend.create_upload(ObjectName(bucket, "a key/ü+&.bin"), UploadOptions(PutOptions("me")))
    data = [blob(5 << 20, 1), blob(1000, 2)]
    for number, each in enumerate(data, start=1):
        assert await put_alone(await given(backend, upload, number), each) == 200
    parts = (await backend.list_parts(upload, 0, 1000)).parts
    assert [(part.number, part.size) for part in parts] == [(1, 5 << 20), (2, 1000)]
    await backend.complete(upload, CompleteOptions([PartInfo(part.number, 0, part.etag) for part in parts]))
    assert await read(backend, bucket, upload.key) == b"".join(data)
