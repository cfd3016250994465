"""What can be read of an object in parts, and how is a part made of an object that is there?"""

import random

import pytest

from bucketport.errors import (
    InvalidArgument,
    InvalidPartNumber,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    NoSuchVersion,
    PreconditionFailed,
)
from bucketport.model import ObjectName, Offer, Span, UploadName
from bucketport.options import WHOLE, CopyOptions, ReadConditions, Want
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import LARGE, Contract, blob, collect, delete, info_of, options, put, read, under
from bucketport.testing.contracts.completing import make
from bucketport.testing.contracts.uploads import begin, md5, named, send
from bucketport.testing.fakes import OWNER, FakeContent, checksum

OTHER = "0123456789abcdef0123456789abcdef"


def contents_of(minimum: int) -> list[bytes]:
    """The parts of the objects here."""
    return [blob(minimum, 1), blob(minimum + 33, 2), blob(LARGE + minimum, 3), blob(9, 4)]


class TestReadingParts(Contract):
    """An object in parts reads like one content; its parts can be read one by one."""

    needs = frozenset({Offer.MULTIPART})

    async def test_part_is_read_by_its_number(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        contents = contents_of(part_minimum)
        await make(backend, bucket, "key", *contents)
        start, size = 0, sum(len(content) for content in contents)
        for number, content in enumerate(contents, 1):
            found = await backend.get(ObjectName(bucket, "key"), Want(part_number=number))
            assert await collect(found.body) == content
            assert found.span == Span(start, start + len(content), size)
            assert (found.info.parts_count, found.info.size) == (4, size)
            head = await backend.head(ObjectName(bucket, "key"), Want(part_number=number))
            assert (head.span, head.body) == (found.span, b"")
            start += len(content)

    async def test_absent_part(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        await make(backend, bucket, "key", blob(part_minimum), b"2")
        for number in (3, 10_000):
            with pytest.raises(InvalidPartNumber):
                await backend.get(ObjectName(bucket, "key"), Want(part_number=number))

    async def test_conditions_come_before_the_part(self, backend: StoreBackend, bucket: str) -> None:
        await make(backend, bucket, "key", b"1")
        want = Want(part_number=9, conditions=ReadConditions(if_match=OTHER))
        with pytest.raises(PreconditionFailed):
            await backend.get(ObjectName(bucket, "key"), want)

    async def test_any_range_is_that_slice(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        contents = contents_of(part_minimum)
        whole = b"".join(contents)
        await make(backend, bucket, "key", *contents)
        chosen = random.Random(1)  # noqa: S311
        edge = len(contents[0])
        spans = [(0, 1), (edge - 1, edge + 1), (edge, edge + 33 + part_minimum), (len(whole) - 1, len(whole))]
        spans += [(start, chosen.randrange(start, len(whole)) + 1) for start in chosen.sample(range(len(whole)), 12)]
        for start, stop in spans:
            assert await read(backend, bucket, "key", range=f"bytes={start}-{stop - 1}") == whole[start:stop]
        assert await read(backend, bucket, "key", range="bytes=-20") == whole[-20:]

    async def test_many_parts(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        if part_minimum > 100_000:
            pytest.skip("parts would have to be too large here")
        contents = [blob(part_minimum, number) for number in range(60)]
        await make(backend, bucket, "key", *contents)
        assert await read(backend, bucket, "key") == b"".join(contents)
        assert await read(backend, bucket, "key", part_number=40) == contents[39]

    async def test_a_read_ends_with_what_it_began_with(
        self, backend: StoreBackend, bucket: str, part_minimum: int
    ) -> None:
        contents = contents_of(part_minimum)
        await make(backend, bucket, "key", *contents)
        found = await backend.get(ObjectName(bucket, "key"), WHOLE)
        await delete(backend, bucket, "key")
        assert await collect(found.body) == b"".join(contents)

    async def test_copy_of_an_object_in_parts(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        if Offer.COPY not in backend.offers:
            pytest.skip("no copies here")
        contents = contents_of(part_minimum)
        await make(backend, bucket, "key", *contents)
        source, target = ObjectName(bucket, "key"), ObjectName(bucket, "copy")
        stored = await backend.copy(source, WHOLE, target, CopyOptions(OWNER, checksum_algorithm="SHA256"))
        await delete(backend, bucket, "key")
        info = await info_of(backend, bucket, "copy")
        assert await read(backend, bucket, "copy") == b"".join(contents)
        assert (info.etag, info.size) == (stored.etag, len(b"".join(contents)))
        assert info.checksums["SHA256"] == checksum("SHA256", b"".join(contents))
        assert info.checksum_type == "FULL_OBJECT"


class TestAttributesOfParts(Contract):
    """GetObjectAttributes of an object in parts."""

    needs = frozenset({Offer.MULTIPART, Offer.ATTRIBUTES})

    async def test_parts_are_told(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload = await begin(backend, bucket, algorithm="SHA256", kind="COMPOSITE")
        contents = {2: blob(part_minimum, 1), 5: blob(part_minimum + 1, 2), 9: b"end"}
        await backend.complete(upload, named(await send(backend, upload, contents)))
        held = await backend.attributes(ObjectName(bucket, "key"), None, 0, 1000)
        assert (held.info.parts_count, held.next_after) == (3, 0)
        assert [(part.number, part.size) for part in held.parts] == [(n, len(c)) for n, c in contents.items()]
        assert [part.checksums["SHA256"] for part in held.parts] == [checksum("SHA256", c) for c in contents.values()]

    async def test_pages_together_are_the_whole(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        await make(backend, bucket, "key", *[blob(part_minimum, number) for number in range(5)])
        for limit in (1, 2, 4, 5, 6):
            found: list[int] = []
            after = 0
            while True:
                page = await backend.attributes(ObjectName(bucket, "key"), None, after, limit)
                found += [part.number for part in page.parts]
                assert len(page.parts) <= limit
                after = page.next_after
                if not after:
                    break
            assert found == [1, 2, 3, 4, 5]


class TestPartCopy(Contract):
    """UploadPartCopy: a part made of an object or of a range of it."""

    needs = frozenset({Offer.MULTIPART, Offer.COPY})

    @pytest.mark.parametrize("size", [0, 10, LARGE])
    async def test_part_is_the_whole_object(self, backend: StoreBackend, bucket: str, size: int) -> None:
        await put(backend, bucket, "source", blob(size))
        upload = await begin(backend, bucket)
        part = await backend.copy_part(upload, 1, ObjectName(bucket, "source"), WHOLE)
        assert (part.number, part.size, part.etag) == (1, size, md5(blob(size)))
        (listed,) = (await backend.list_parts(upload, 0, 10)).parts
        assert (listed.number, listed.size, listed.etag) == (1, size, part.etag)
        await backend.complete(upload, named([part]))
        assert await read(backend, bucket, "key") == blob(size)

    @pytest.mark.parametrize("size", [1000, LARGE, (1 << 20) + 900])
    async def test_part_is_a_range(self, backend: StoreBackend, bucket: str, size: int) -> None:
        data = blob(size)
        await put(backend, bucket, "source", data)
        for first, last in ((0, 0), (0, size - 1), (size - 1, size - 1), (100, size - 100)):
            upload = await begin(backend, bucket)
            want = Want(range=f"bytes={first}-{last}")
            part = await backend.copy_part(upload, 3, ObjectName(bucket, "source"), want)
            assert (part.number, part.size, part.etag) == (3, last + 1 - first, md5(data[first : last + 1]))
            await backend.complete(upload, named([part]))
            assert await read(backend, bucket, "key") == data[first : last + 1]

    async def test_range_of_an_object_in_parts(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        contents = contents_of(part_minimum)
        whole = b"".join(contents)
        await make(backend, bucket, "source", *contents)
        upload = await begin(backend, bucket)
        source = ObjectName(bucket, "source")
        first = await backend.copy_part(upload, 1, source, Want(range=f"bytes=5-{len(whole) - 6}"))
        second = await backend.copy_part(upload, 2, source, WHOLE)
        assert (first.etag, second.etag) == (md5(whole[5:-5]), md5(whole))
        await backend.complete(upload, named([first, second]))
        assert await read(backend, bucket, "key") == whole[5:-5] + whole

    async def test_copied_and_sent_parts_together(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        await put(backend, bucket, "source", blob(part_minimum + 10))
        upload = await begin(backend, bucket)
        (sent,) = await send(backend, upload, {1: blob(part_minimum, 1)})
        copied = await backend.copy_part(upload, 2, ObjectName(bucket, "source"), WHOLE)
        await delete(backend, bucket, "source")
        await backend.complete(upload, named([sent, copied]))
        assert await read(backend, bucket, "key") == blob(part_minimum, 1) + blob(part_minimum + 10)

    @pytest.mark.parametrize("asked", [None, "bytes=0-1"])
    @pytest.mark.parametrize("algorithm", ["CRC32", "SHA256", "CRC64NVME"])
    async def test_part_has_the_checksum_of_the_upload(
        self, backend: StoreBackend, bucket: str, algorithm: str, asked: str | None
    ) -> None:
        for key, held in (("plain", []), ("same", [algorithm]), ("other", ["SHA1"])):
            await backend.put(ObjectName(bucket, key), FakeContent(b"content", checksums=held), options())
            kind = "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"
            upload = await begin(backend, bucket, algorithm=algorithm, kind=kind)
            part = await backend.copy_part(upload, 1, ObjectName(bucket, key), Want(range=asked))
            assert part.checksums[algorithm] == checksum(algorithm, b"content" if asked is None else b"co")
            await backend.complete(upload, named([part]))

    async def test_copied_part_replaces_a_part(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", b"copied")
        upload = await begin(backend, bucket)
        await send(backend, upload, {1: blob(LARGE)})
        part = await backend.copy_part(upload, 1, ObjectName(bucket, "source"), WHOLE)
        await backend.complete(upload, named([part]))
        assert await read(backend, bucket, "key") == b"copied"

    @pytest.mark.parametrize("asked", ["bytes=0-7", "bytes=7-7", "bytes=100-200", "bytes=0-18446744073709551616"])
    async def test_range_beyond_the_source(self, backend: StoreBackend, bucket: str, asked: str) -> None:
        await put(backend, bucket, "source", b"content")
        upload = await begin(backend, bucket)
        with pytest.raises(InvalidArgument):
            await backend.copy_part(upload, 1, ObjectName(bucket, "source"), Want(range=asked))
        assert not (await backend.list_parts(upload, 0, 10)).parts

    async def test_source_conditions(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "source", b"content")
        seconds = (await info_of(backend, bucket, "source")).modified_ms // 1000
        upload, source = await begin(backend, bucket), ObjectName(bucket, "source")
        for conditions in (
            {"if_match": OTHER},
            {"if_none_match": stored.etag},
            {"if_modified_since": seconds},
            {"if_unmodified_since": seconds - 1},
        ):
            with pytest.raises(PreconditionFailed):
                await backend.copy_part(upload, 1, source, under(**conditions))
        assert not (await backend.list_parts(upload, 0, 10)).parts
        await backend.copy_part(upload, 1, source, under(if_match=stored.etag))

    async def test_what_must_be_there(self, backend: StoreBackend, bucket: str) -> None:
        upload, source = await begin(backend, bucket), ObjectName(bucket, "source")
        with pytest.raises(NoSuchKey):
            await backend.copy_part(upload, 1, source, WHOLE)
        with pytest.raises(NoSuchBucket):
            await backend.copy_part(upload, 1, ObjectName(bucket + "-absent", "source"), WHOLE)
        await put(backend, bucket, "source")
        with pytest.raises(NoSuchUpload):
            await backend.copy_part(UploadName(bucket, "key", "absent"), 1, source, WHOLE)
        with pytest.raises(NoSuchVersion):
            await backend.copy_part(upload, 1, source, Want("another"))
        await backend.copy_part(upload, 1, source, Want("null"))
