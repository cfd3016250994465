"""Which bytes does a read with a range get? The wanted ones; all of them when the range is none."""

import random

import pytest

from bucketport.errors import InvalidPartNumber, InvalidRange
from bucketport.model import ObjectName, Span
from bucketport.options import Want
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import LARGE, Contract, blob, collect, info_of, put, read

DATA = b"0123456789"

SELECTED = [
    ("bytes=0-0", b"0"),
    ("bytes=0-4", b"01234"),
    ("bytes=3-6", b"3456"),
    ("bytes=9-9", b"9"),
    ("bytes=0-9", DATA),
    ("bytes=5-", b"56789"),
    ("bytes=0-", DATA),
    ("bytes=9-", b"9"),
    ("bytes=7-100", b"789"),
    ("bytes=0-18446744073709551616", DATA),
    ("bytes=-1", b"9"),
    ("bytes=-3", b"789"),
    ("bytes=-10", DATA),
    ("bytes=-11", DATA),
]

REFUSED = ["bytes=10-", "bytes=10-10", "bytes=11-20", "bytes=1000000000000-", "bytes=-0"]

IGNORED = ["bytes=", "bytes=-", "bytes=5-3", "bytes=a-b", "5-7", "lines=0-1", "bytes=0-1,3-4", "bytes=1", ""]


class TestRanges(Contract):
    """A range selects bytes; its span and the size of the whole are told."""

    @pytest.mark.parametrize(("header", "expected"), SELECTED)
    async def test_range_selects(self, backend: StoreBackend, bucket: str, header: str, expected: bytes) -> None:
        await put(backend, bucket, "key", DATA)
        found = await backend.get(ObjectName(bucket, "key"), Want(range=header))
        assert await collect(found.body) == expected
        start = DATA.index(expected)
        assert found.span == Span(start, start + len(expected), 10)
        assert found.info.size == 10

    @pytest.mark.parametrize("header", REFUSED)
    async def test_range_behind_the_end_is_refused(self, backend: StoreBackend, bucket: str, header: str) -> None:
        await put(backend, bucket, "key", DATA)
        with pytest.raises(InvalidRange):
            await backend.get(ObjectName(bucket, "key"), Want(range=header))
        with pytest.raises(InvalidRange):
            await backend.head(ObjectName(bucket, "key"), Want(range=header))

    @pytest.mark.parametrize("header", IGNORED)
    async def test_what_is_no_single_range_is_ignored(self, backend: StoreBackend, bucket: str, header: str) -> None:
        await put(backend, bucket, "key", DATA)
        found = await backend.get(ObjectName(bucket, "key"), Want(range=header))
        assert found.span is None
        assert await collect(found.body) == DATA

    @pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1"])
    async def test_an_empty_object_has_no_range(self, backend: StoreBackend, bucket: str, header: str) -> None:
        await put(backend, bucket, "key", b"")
        with pytest.raises(InvalidRange):
            await backend.get(ObjectName(bucket, "key"), Want(range=header))

    async def test_head_tells_the_span(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", DATA)
        found = await backend.head(ObjectName(bucket, "key"), Want(range="bytes=2-5"))
        assert (found.span, found.body) == (Span(2, 6, 10), b"")

    @pytest.mark.parametrize("size", [1000, LARGE, (2 << 20) + 5])
    async def test_any_range_is_that_slice(self, backend: StoreBackend, bucket: str, size: int) -> None:
        data = blob(size)
        await put(backend, bucket, "key", data)
        chosen = random.Random(size)  # noqa: S311
        for _ in range(12):
            start = chosen.randrange(size)
            stop = chosen.randrange(start, size) + 1
            assert await read(backend, bucket, "key", range=f"bytes={start}-{stop - 1}") == data[start:stop]

    async def test_checksums_are_told_of_the_whole(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", DATA)
        whole = await info_of(backend, bucket, "key")
        found = await backend.head(ObjectName(bucket, "key"), Want(range="bytes=2-5"))
        assert found.info == whole


class TestOnePart(Contract):
    """An object that was not uploaded in parts is its own only part."""

    @pytest.mark.parametrize("size", [10, LARGE])
    async def test_part_one_is_the_whole(self, backend: StoreBackend, bucket: str, size: int) -> None:
        data = blob(size)
        await put(backend, bucket, "key", data)
        found = await backend.get(ObjectName(bucket, "key"), Want(part_number=1))
        assert await collect(found.body) == data
        assert found.span in (None, Span(0, size, size))
        assert found.info.parts_count == 0

    async def test_part_one_of_nothing_is_nothing(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"")
        assert await read(backend, bucket, "key", part_number=1) == b""

    async def test_there_is_no_part_two(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", DATA)
        with pytest.raises(InvalidPartNumber):
            await backend.get(ObjectName(bucket, "key"), Want(part_number=2))
        with pytest.raises(InvalidPartNumber):
            await backend.head(ObjectName(bucket, "key"), Want(part_number=2))
