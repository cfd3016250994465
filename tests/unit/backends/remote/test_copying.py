"""Is a copy between two backends whole, or nothing? Between memories, whole and by parts."""

import asyncio

import pytest

from bucketport.backends.memory import Memory
from bucketport.backends.prefix import Prefixed
from bucketport.backends.remote import copying
from bucketport.errors import BackendError, PreconditionFailed, Trouble
from bucketport.message import Stream
from bucketport.model import BucketInfo, Found, ObjectName, Promised, UploadName
from bucketport.options import (
    WHOLE,
    CopyOptions,
    ListQuery,
    PutOptions,
    ReadConditions,
    UploadOptions,
    Want,
    WriteConditions,
)
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeIds, checksum

SOURCE, TARGET = ObjectName("b", "source"), ObjectName("b", "target")
HEADERS = {"content-type": "a/b", "x-amz-meta-a": "é"}


@pytest.fixture(params=[False, True], ids=["whole", "parts"])
def parted(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(copying, "WHOLE", 1000)
        monkeypatch.setattr(copying, "PART", 700)
    return request.param


class Streaming(Memory):
    """A memory whose long bodies are streams, as a cloud's are, with a fault: `broken` cuts the n-th read short."""

    def __init__(self):
        super().__init__(now=FakeClock(step=0.001), new_id=FakeIds(), digests=DIGESTS, part_minimum=1)
        self.reads, self.released, self.broken, self.changed = 0, 0, set(), b""

    async def get(self, name, want):
        found = await super().get(name, want)
        self.reads += 1
        data = found.body[:-1] if self.reads in self.broken else found.body

        async def chunks():
            for at in range(0, len(data), 300):
                yield self.changed or data[at : at + 300]
            if self.reads in self.broken:
                raise BackendError(Trouble.BROKEN_OFF, "cut")

        def release():
            self.released += 1

        return Found(found.info, Stream(chunks(), len(found.body), release), found.span)


async def two():
    source, target = Streaming(), Streaming()
    for each in (source, target):
        await each.create_bucket(BucketInfo("b", "me", 0))
    data = bytes(range(256)) * 20
    promised = Promised(algorithm="CRC32", value=checksum("CRC32", data))
    await source.put(SOURCE, FakeContent(data, promised=promised), PutOptions("me", HEADERS, tags={"k": "v"}))
    return source, target, data


async def copied(source, target, want=WHOLE, **how):
    return await copying.copy(
        copying.Source(source, SOURCE, want), target, TARGET, CopyOptions("you", **how), digests=DIGESTS
    )


async def nothing_is_left(target):
    assert (await target.list("b", ListQuery())).entries == []
    assert (await target.list_uploads("b", ListQuery())).entries == []


def test_copy_is_what_the_source_is(parted):
    async def run():
        source, target, data = await two()
        stored = await copied(source, target)
        found = await Memory.get(target, TARGET, WHOLE)
        assert found.body == data
        assert found.info.headers == HEADERS
        assert found.info.checksums["CRC32"] == checksum("CRC32", data)
        assert await target.tags(TARGET, None) == {"k": "v"}
        assert stored.etag == found.info.etag
        assert source.released == source.reads

    asyncio.run(run())


def test_what_is_replaced_is_replaced(parted):
    async def run():
        source, target, _ = await two()
        await copied(source, target, headers={"content-type": "c/d"}, tags={}, checksum_algorithm="SHA256")
        found = await Memory.get(target, TARGET, WHOLE)
        assert found.info.headers == {"content-type": "c/d"}
        assert "SHA256" in found.info.checksums
        assert await target.tags(TARGET, None) == {}

    asyncio.run(run())


def test_source_that_breaks_off_leaves_nothing(parted):
    async def run():
        source, target, _ = await two()
        source.broken = set(range(1, 100))
        with pytest.raises(BackendError):
            await copied(source, target)
        await nothing_is_left(target)
        assert source.released == source.reads

    asyncio.run(run())


def test_part_that_fails_is_repeated_alone(monkeypatch):
    monkeypatch.setattr(copying, "WHOLE", 1000)
    monkeypatch.setattr(copying, "PART", 700)

    async def run():
        source, target, data = await two()
        source.broken = {3}
        await copied(source, target)
        assert (await Memory.get(target, TARGET, WHOLE)).body == data
        assert source.reads == 1 + 8 + 1

    asyncio.run(run())


def test_source_that_is_not_what_it_says_leaves_nothing(parted):
    async def run():
        source, target, _ = await two()
        source.changed = b"y" * 300
        with pytest.raises(BackendError):
            await copied(source, target)
        await nothing_is_left(target)

    asyncio.run(run())


def test_conditions_on_both_sides(parted):
    async def run():
        source, target, _ = await two()
        etag = (await source.head(SOURCE, WHOLE)).info.etag
        with pytest.raises(PreconditionFailed):
            await copied(source, target, Want(conditions=ReadConditions(if_none_match=etag)))
        await target.put(TARGET, FakeContent(b"there"), PutOptions("me"))
        with pytest.raises(PreconditionFailed):
            await copied(source, target, conditions=WriteConditions(None, "*"))
        assert (await Memory.get(target, TARGET, WHOLE)).body == b"there"

    asyncio.run(run())


def test_copy_within_one_account_is_native():
    async def run():
        source, _, data = await two()
        part = Prefixed(source, "v2")
        await copying.copy(copying.Source(source, SOURCE, WHOLE), part, TARGET, CopyOptions("me"), digests=DIGESTS)
        assert source.reads == 0
        assert (await Memory.get(source, ObjectName("b", "v2/target"), WHOLE)).body == data

    asyncio.run(run())


def test_part_is_made_of_a_range_elsewhere():
    async def run():
        source, target, _ = await two()
        upload = await target.create_upload(TARGET, UploadOptions(PutOptions("me")))
        assert isinstance(upload, UploadName)
        want = Want(range="bytes=100-599")
        part = await copying.copy_part(copying.Source(source, SOURCE, want), target, upload, 1, digests=DIGESTS)
        assert part.size == 500
        with pytest.raises(Exception, match="Range specified is not valid"):
            await copying.copy_part(
                copying.Source(source, SOURCE, Want(range="bytes=0-99999")), target, upload, 2, digests=DIGESTS
            )
        assert source.released == source.reads

    asyncio.run(run())
