"""Which object do parts make? The named ones in their order; nothing when one of them is not as it was named."""

import asyncio
import hashlib

import pytest

from bucketport.crypto.digests import WheelDigests
from bucketport.errors import (
    BadDigest,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    NoSuchKey,
    NoSuchUpload,
    PreconditionFailed,
)
from bucketport.model import ObjectName, Offer, PartInfo, UploadName
from bucketport.options import CompleteOptions, ListQuery, UploadOptions, WriteConditions
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import (
    CONTENDERS,
    Contract,
    blob,
    delete,
    info_of,
    is_there,
    options,
    outcomes,
    put,
    read,
)
from bucketport.testing.contracts.uploads import begin, md5, named, send
from bucketport.testing.fakes import FakeContent, checksum
from bucketport.wire import checksums
from bucketport.wire.checksums import ALGORITHMS

HEADERS = {"content-type": "text/css", "cache-control": "no-store", "x-amz-meta-a": "gr\u00fc\u00dfe"}

OTHER = "0123456789abcdef0123456789abcdef"

KINDS = [(name, kind) for name, row in sorted(ALGORITHMS.items()) for kind in sorted(row.types)]


async def make(backend: StoreBackend, bucket: str, key: str, *parts: bytes) -> str:
    """An object of these parts; its ETag."""
    upload = await begin(backend, bucket, key)
    sent = await send(backend, upload, dict(enumerate(parts, 1)))
    return (await backend.complete(upload, named(sent))).etag


async def two_parts(backend: StoreBackend, bucket: str, minimum: int) -> tuple[UploadName, list[PartInfo]]:
    """An upload with two parts that may be completed."""
    upload = await begin(backend, bucket)
    return upload, await send(backend, upload, {1: blob(minimum, 1), 2: blob(10, 2)})


class TestCompleting(Contract):
    """CompleteMultipartUpload."""

    needs = frozenset({Offer.MULTIPART})

    @pytest.mark.parametrize("last", [0, 1, 100, 400_000])
    async def test_object_is_its_parts_in_order(
        self, backend: StoreBackend, bucket: str, part_minimum: int, last: int
    ) -> None:
        contents = {3: blob(last, 3), 1: blob(part_minimum, 1), 2: blob(part_minimum + 77, 2)}
        upload = await begin(backend, bucket)
        parts = sorted(await send(backend, upload, contents), key=lambda part: part.number)
        stored = await backend.complete(upload, named(parts))
        whole = contents[1] + contents[2] + contents[3]
        digests = b"".join(hashlib.md5(contents[n], usedforsecurity=False).digest() for n in (1, 2, 3))
        info = await info_of(backend, bucket, "key")
        assert stored.etag == info.etag == md5(digests) + "-3"
        assert (info.size, info.parts_count, info.modified_ms // 1000) == (len(whole), 3, stored.modified_ms // 1000)
        assert await read(backend, bucket, "key") == whole

    @pytest.mark.parametrize("size", [0, 1, 400_000])
    async def test_one_part_may_be_of_any_size(self, backend: StoreBackend, bucket: str, size: int) -> None:
        etag = await make(backend, bucket, "key", blob(size))
        assert etag.endswith("-1")
        assert await read(backend, bucket, "key") == blob(size)

    async def test_parts_that_are_not_named_are_left_out(
        self, backend: StoreBackend, bucket: str, part_minimum: int
    ) -> None:
        upload = await begin(backend, bucket)
        contents = {number: blob(part_minimum, number) for number in (1, 2, 5, 9)}
        parts = await send(backend, upload, contents)
        await backend.complete(upload, named([parts[1], parts[3]]))
        assert await read(backend, bucket, "key") == contents[2] + contents[9]
        assert (await info_of(backend, bucket, "key")).parts_count == 2

    async def test_part_sent_last_counts(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload, parts = await two_parts(backend, bucket, part_minimum)
        (again,) = await send(backend, upload, {1: blob(part_minimum, 9)})
        with pytest.raises(InvalidPart):
            await backend.complete(upload, named(parts))
        await backend.complete(upload, named([again, parts[1]]))
        assert await read(backend, bucket, "key") == blob(part_minimum, 9) + blob(10, 2)

    async def test_settings_are_those_of_the_beginning(self, backend: StoreBackend, bucket: str) -> None:
        how = options(owner="bob", headers=HEADERS, storage_class="STANDARD_IA", tags={"a": "1", "b": ""})
        upload = await backend.create_upload(ObjectName(bucket, "key"), UploadOptions(how))
        await backend.complete(upload, named(await send(backend, upload, {1: b"1"})))
        info = await info_of(backend, bucket, "key")
        assert (dict(info.headers), info.owner, info.storage_class) == (HEADERS, "bob", "STANDARD_IA")
        if Offer.TAGS in backend.offers:
            assert dict(await backend.tags(ObjectName(bucket, "key"), None)) == {"a": "1", "b": ""}
            assert info.tags_count == 2

    async def test_acl_is_that_of_the_beginning(self, backend: StoreBackend, bucket: str) -> None:
        if Offer.ACLS not in backend.offers:
            pytest.skip("no ACLs here")
        how = UploadOptions(options(acl="public-read"))
        upload = await backend.create_upload(ObjectName(bucket, "key"), how)
        await backend.complete(upload, named(await send(backend, upload, {1: b"1"})))
        assert (await info_of(backend, bucket, "key")).acl == "public-read"

    async def test_object_replaces_what_was_there(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"old", headers=HEADERS, tags={"a": "1"})
        upload = await begin(backend, bucket)
        parts = await send(backend, upload, {1: b"new"})
        assert await read(backend, bucket, "key") == b"old"
        await backend.complete(upload, named(parts))
        assert await read(backend, bucket, "key") == b"new"
        assert (await info_of(backend, bucket, "key")).tags_count == 0

    async def test_object_can_be_replaced_and_removed(self, backend: StoreBackend, bucket: str) -> None:
        await make(backend, bucket, "key", b"parts")
        await put(backend, bucket, "key", b"whole")
        info = await info_of(backend, bucket, "key")
        assert (info.parts_count, info.etag) == (0, md5(b"whole"))
        await make(backend, bucket, "key", b"parts again")
        await delete(backend, bucket, "key")
        assert not await is_there(backend, bucket, "key")

    async def test_completed_upload_is_no_longer_under_way(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        parts = await send(backend, upload, {1: b"1"})
        await backend.complete(upload, named(parts))
        assert not (await backend.list_uploads(bucket, ListQuery())).entries
        for call in (
            lambda: backend.upload(upload),
            lambda: backend.put_part(upload, 2, FakeContent(b"2")),
            lambda: backend.list_parts(upload, 0, 10),
            lambda: backend.abort(upload),
        ):
            with pytest.raises(NoSuchUpload):
                await call()
        assert await read(backend, bucket, "key") == b"1"

    async def test_uploads_to_one_key_end_apart(self, backend: StoreBackend, bucket: str) -> None:
        one, two = await begin(backend, bucket), await begin(backend, bucket)
        (of_one,), (of_two,) = await send(backend, one, {1: b"one"}), await send(backend, two, {1: b"two"})
        with pytest.raises(InvalidPart):
            await backend.complete(one, named([of_two]))
        await backend.complete(two, named([of_two]))
        assert await read(backend, bucket, "key") == b"two"
        await backend.complete(one, named([of_one]))
        assert await read(backend, bucket, "key") == b"one"


class TestCompletingAgain(Contract):
    """A client that did not hear the answer asks again."""

    needs = frozenset({Offer.MULTIPART})

    async def test_the_answer_is_the_same(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload, parts = await two_parts(backend, bucket, part_minimum)
        first = await backend.complete(upload, named(parts))
        again = await backend.complete(upload, named(parts))
        assert (again.etag, again.size, dict(again.checksums)) == (first.etag, first.size, dict(first.checksums))

    async def test_the_answer_is_the_same_under_the_condition_it_made_false(
        self, backend: StoreBackend, bucket: str
    ) -> None:
        upload = await begin(backend, bucket)
        parts = await send(backend, upload, {1: b"1"})
        how = CompleteOptions(named(parts).parts, WriteConditions(if_none_match="*"))
        first = await backend.complete(upload, how)
        assert (await backend.complete(upload, how)).etag == first.etag

    async def test_repeating_changes_nothing(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        parts = await send(backend, upload, {1: b"1"})
        await backend.complete(upload, named(parts))
        await put(backend, bucket, "key", b"newer")
        await backend.complete(upload, named(parts))
        assert await read(backend, bucket, "key") == b"newer"

    async def test_other_parts_are_no_repetition(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload, parts = await two_parts(backend, bucket, part_minimum)
        await backend.complete(upload, named(parts))
        with pytest.raises(NoSuchUpload):
            await backend.complete(upload, named(parts[:1]))

    async def test_of_many_at_once_all_are_answered_the_same(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        parts = await send(backend, upload, {1: b"1"})
        stored = await asyncio.gather(*(backend.complete(upload, named(parts)) for _ in range(8)))
        assert len({one.etag for one in stored}) == 1
        assert await read(backend, bucket, "key") == b"1"


class TestRefusedCompleting(Contract):
    """What keeps parts from becoming an object; the upload is there afterwards as before."""

    needs = frozenset({Offer.MULTIPART})

    async def test_part_that_was_never_sent(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload, parts = await two_parts(backend, bucket, part_minimum)
        with pytest.raises(InvalidPart):
            await backend.complete(upload, named([*parts, PartInfo(3, 0, OTHER)]))
        await self._is_untouched(backend, upload, parts)

    async def test_part_with_another_etag(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload, parts = await two_parts(backend, bucket, part_minimum)
        with pytest.raises(InvalidPart):
            await backend.complete(upload, named([parts[0], PartInfo(2, 0, OTHER)]))
        await self._is_untouched(backend, upload, parts)

    async def test_part_with_another_checksum(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket, algorithm="SHA256", kind="COMPOSITE")
        (part,) = await send(backend, upload, {1: b"content"})
        said = PartInfo(1, 0, part.etag, 0, {"SHA256": checksum("SHA256", b"other")})
        with pytest.raises((InvalidPart, BadDigest)):
            await backend.complete(upload, CompleteOptions([said]))
        await self._is_untouched(backend, upload, [part])

    async def test_parts_out_of_order(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload, parts = await two_parts(backend, bucket, part_minimum)
        for order in ([parts[1], parts[0]], [parts[0], parts[0]]):
            with pytest.raises(InvalidPartOrder):
                await backend.complete(upload, named(order))
        await self._is_untouched(backend, upload, parts)

    async def test_small_part_before_the_last(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload = await begin(backend, bucket)
        parts = await send(backend, upload, {1: blob(part_minimum), 2: blob(part_minimum - 1), 3: b"3"})
        with pytest.raises(EntityTooSmall):
            await backend.complete(upload, named(parts))
        await self._is_untouched(backend, upload, parts)
        await backend.complete(upload, named(parts[:2]))
        assert (await info_of(backend, bucket, "key")).size == 2 * part_minimum - 1

    async def test_whole_of_another_size(self, backend: StoreBackend, bucket: str, part_minimum: int) -> None:
        upload, parts = await two_parts(backend, bucket, part_minimum)
        with pytest.raises(InvalidRequest):
            await backend.complete(upload, CompleteOptions(named(parts).parts, size=part_minimum + 11))
        await self._is_untouched(backend, upload, parts)
        await backend.complete(upload, CompleteOptions(named(parts).parts, size=part_minimum + 10))

    async def _is_untouched(self, backend: StoreBackend, upload: UploadName, parts: list[PartInfo]) -> None:
        assert not await is_there(backend, upload.bucket, upload.key)
        listed = (await backend.list_parts(upload, 0, 1000)).parts
        assert [(part.number, part.etag) for part in listed] == [(part.number, part.etag) for part in parts]


class TestCompleteConditions(Contract):
    """Conditions of a Complete are judged inside its commit."""

    needs = frozenset({Offer.MULTIPART})

    async def test_create_if_absent(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"there")
        upload = await begin(backend, bucket)
        parts = await send(backend, upload, {1: b"parts"})
        how = CompleteOptions(named(parts).parts, WriteConditions(if_none_match="*"))
        with pytest.raises(PreconditionFailed):
            await backend.complete(upload, how)
        assert await read(backend, bucket, "key") == b"there"
        assert len((await backend.list_parts(upload, 0, 10)).parts) == 1
        await delete(backend, bucket, "key")
        await backend.complete(upload, how)
        assert await read(backend, bucket, "key") == b"parts"

    async def test_replace_if_still_the_same(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key", b"there")
        upload = await begin(backend, bucket)
        chosen = named(await send(backend, upload, {1: b"parts"})).parts
        with pytest.raises(PreconditionFailed):
            await backend.complete(upload, CompleteOptions(chosen, WriteConditions(if_match=OTHER)))
        await backend.complete(upload, CompleteOptions(chosen, WriteConditions(if_match=stored.etag)))
        assert await read(backend, bucket, "key") == b"parts"

    async def test_what_is_absent_cannot_match(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        chosen = named(await send(backend, upload, {1: b"parts"})).parts
        with pytest.raises(NoSuchKey):
            await backend.complete(upload, CompleteOptions(chosen, WriteConditions(if_match=OTHER)))
        assert not await is_there(backend, bucket, "key")

    async def test_one_of_many_creates(self, backend: StoreBackend, bucket: str) -> None:
        ready = []
        for number in range(CONTENDERS // 2):
            upload = await begin(backend, bucket)
            parts = await send(backend, upload, {1: blob(100, number)})
            ready.append((upload, CompleteOptions(named(parts).parts, WriteConditions(if_none_match="*"))))
        absent = WriteConditions(if_none_match="*")
        attempts = [
            *(backend.complete(upload, how) for upload, how in ready),
            *(put(backend, bucket, "key", b"%d" % number, conditions=absent) for number in range(CONTENDERS // 2)),
        ]
        winners, codes = await outcomes(attempts)
        assert len(winners) == 1
        assert set(codes) <= {"PreconditionFailed", "ConditionalRequestConflict"}
        assert (await info_of(backend, bucket, "key")).etag == winners[0].etag


class TestChecksumsOfParts(Contract):
    """The checksum of an object in parts: over the parts' checksums, or of the whole content."""

    needs = frozenset({Offer.MULTIPART})

    @pytest.mark.parametrize(("algorithm", "kind"), KINDS)
    async def test_checksum_is_made_of_the_parts(
        self, backend: StoreBackend, bucket: str, part_minimum: int, algorithm: str, kind: str
    ) -> None:
        contents = [blob(part_minimum, 1), blob(part_minimum + 5, 2), b"end"]
        upload = await begin(backend, bucket, algorithm=algorithm, kind=kind)
        parts = await send(backend, upload, dict(enumerate(contents, 1)))
        said = CompleteOptions([PartInfo(part.number, 0, part.etag, 0, part.checksums) for part in parts])
        stored = await backend.complete(upload, said)
        if kind == "FULL_OBJECT":
            expected = checksum(algorithm, b"".join(contents))
        else:
            values = [checksum(algorithm, content) for content in contents]
            expected = checksums.composite(algorithm, values, WheelDigests().new)
            assert expected.endswith("-3")
        info = await info_of(backend, bucket, "key")
        assert stored.checksums[algorithm] == info.checksums[algorithm] == expected
        assert stored.checksum_type == info.checksum_type == kind

    @pytest.mark.parametrize(("algorithm", "kind"), [("CRC32", "FULL_OBJECT"), ("SHA256", "COMPOSITE")])
    async def test_checksum_of_the_whole_is_compared(
        self, backend: StoreBackend, bucket: str, algorithm: str, kind: str
    ) -> None:
        upload = await begin(backend, bucket, algorithm=algorithm, kind=kind)
        parts = await send(backend, upload, {1: b"content"})
        value = checksum(algorithm, b"content")
        if kind == "COMPOSITE":
            value = checksums.composite(algorithm, [value], WheelDigests().new)
        wrong = checksum(algorithm, b"other") + value[len(value.partition("-")[0]) :]
        with pytest.raises(BadDigest):
            await backend.complete(upload, CompleteOptions(named(parts).parts, checksums={algorithm: wrong}))
        assert not await is_there(backend, bucket, "key")
        stored = await backend.complete(upload, CompleteOptions(named(parts).parts, checksums={algorithm: value}))
        assert stored.checksums[algorithm] == value

    async def test_another_type_than_begun_with(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket, algorithm="CRC32", kind="COMPOSITE")
        parts = await send(backend, upload, {1: b"content"})
        with pytest.raises(InvalidRequest):
            await backend.complete(upload, CompleteOptions(named(parts).parts, checksum_type="FULL_OBJECT"))
        await backend.complete(upload, CompleteOptions(named(parts).parts, checksum_type="COMPOSITE"))
