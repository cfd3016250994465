"""Can an upload serve as a draft? Parts of any size and number, in any order, that make an object like any other."""

import asyncio
import base64
import dataclasses
import hashlib

import pytest

from bucketport.errors import InvalidPart, InvalidPartOrder, NoSuchKey, NoSuchUpload, PreconditionFailed
from bucketport.model import ObjectName, Offer, PartInfo, UploadName
from bucketport.options import WHOLE, CompleteOptions, CopyOptions, ListQuery, UploadOptions, Want, WriteConditions
from bucketport.ports import DraftsBackend, StoreBackend
from bucketport.testing.contracts.base import Contract, blob, delete, info_of, is_there, options, put, read
from bucketport.testing.contracts.uploads import begin, md5, send
from bucketport.testing.fakes import OWNER, FakeContent, checksum

FAR = 1 << 40
"""The highest number that a part of a draft may have."""

CONTENTS = {FAR: b"first", 3: b"", 20_001: b"the third, a little longer", 7: b"", 10_000: b"x", 1: b"last"}
"""Parts of a draft, in the order in which they are named."""

PIECES = list(CONTENTS.values())


def loosely(*parts: PartInfo) -> CompleteOptions:
    """Complete with these parts, in this order."""
    return CompleteOptions([PartInfo(part.number, part.size, part.etag) for part in parts], loose=True)


async def drafted(backend: StoreBackend, bucket: str, key: str = "key") -> str:
    """An object made of `CONTENTS`; its ETag."""
    upload = await begin(backend, bucket, key)
    return (await backend.complete(upload, loosely(*await send(backend, upload, CONTENTS)))).etag


async def digest(backend: StoreBackend, upload: UploadName, *numbers: int, algorithm: str = "SHA256") -> str:
    """The checksum of parts."""
    drafts: DraftsBackend = backend  # type: ignore[assignment]
    return await drafts.digest_parts(upload, numbers, algorithm)


class TestDrafts(Contract):
    """CompleteOptions.loose."""

    needs = frozenset({Offer.MULTIPART, Offer.DRAFTS})

    async def test_object_is_its_parts_as_they_are_named(self, backend: StoreBackend, bucket: str) -> None:
        tag = await drafted(backend, bucket)
        info = await info_of(backend, bucket, "key")
        sums = b"".join(hashlib.md5(piece, usedforsecurity=False).digest() for piece in PIECES)
        assert info.etag == tag == f"{md5(sums)}-{len(PIECES)}"
        assert (info.size, info.parts_count) == (len(b"".join(PIECES)), len(PIECES))
        assert await read(backend, bucket, "key") == b"".join(PIECES)

    async def test_every_range_holds_its_bytes(self, backend: StoreBackend, bucket: str) -> None:
        await drafted(backend, bucket)
        whole = b"".join(PIECES)
        for start in range(len(whole)):
            for stop in range(start + 1, len(whole) + 1):
                assert await read(backend, bucket, "key", range=f"bytes={start}-{stop - 1}") == whole[start:stop]

    async def test_parts_of_the_object_are_counted_from_one(self, backend: StoreBackend, bucket: str) -> None:
        await drafted(backend, bucket)
        for number, piece in enumerate(PIECES, 1):
            assert await read(backend, bucket, "key", part_number=number) == piece
        if Offer.ATTRIBUTES in backend.offers:
            parts = (await backend.attributes(ObjectName(bucket, "key"), None, 0, 1000)).parts
            assert [(part.number, part.size) for part in parts] == [(n, len(p)) for n, p in enumerate(PIECES, 1)]

    async def test_headers_may_come_with_the_last_request(self, backend: StoreBackend, bucket: str) -> None:
        begun = options(headers={"content-type": "text/plain", "x-amz-meta-old": "1"})
        upload = await backend.create_upload(ObjectName(bucket, "key"), UploadOptions(begun))
        named = loosely(*await send(backend, upload, {1: b"x"}))
        told = dataclasses.replace(named, headers={"content-type": "image/png", "x-amz-meta-new": "2"})
        await backend.complete(upload, told)
        info = await info_of(backend, bucket, "key")
        assert info.headers == {"content-type": "image/png", "x-amz-meta-new": "2"}

    async def test_an_upload_that_is_begun_again_by_its_id_is_the_same(
        self, backend: StoreBackend, bucket: str
    ) -> None:
        name, how = ObjectName(bucket, "key"), UploadOptions(options(), upload_id="0badc0de" * 5)
        upload = await backend.create_upload(name, how)
        assert upload.upload_id == "0badc0de" * 5
        parts = await send(backend, upload, {1: b"one"})
        assert await backend.create_upload(name, how) == upload
        await backend.complete(upload, loosely(*parts))
        assert await backend.create_upload(name, how) == upload
        with pytest.raises(NoSuchUpload):
            await send(backend, upload, {1: b"late"})
        assert list((await backend.list_uploads(bucket, ListQuery())).entries) == []
        assert await read(backend, bucket, "key") == b"one"

    async def test_parts_that_are_not_named_are_left_out(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        parts = await send(backend, upload, {1: b"one", 2: b"two", 3: b"three", FAR: b"four"})
        await backend.complete(upload, loosely(parts[2], parts[0]))
        assert await read(backend, bucket, "key") == b"threeone"
        assert (await info_of(backend, bucket, "key")).parts_count == 2

    async def test_parts_are_listed_by_number_however_high(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        await send(backend, upload, CONTENTS)
        seen: list[int] = []
        after = 0
        while True:
            page = await backend.list_parts(upload, after, 2)
            seen += [part.number for part in page.parts]
            after = page.next_after
            if not after:
                break
        assert seen == sorted(CONTENTS)

    async def test_there_may_be_more_parts_than_s3_takes(self, backend: StoreBackend, bucket: str) -> None:
        upload, count = await begin(backend, bucket), 10_050
        contents = {number: b"%d," % number if number % 100 == 0 else b"" for number in range(count, 0, -1)}
        sends = [backend.put_part(upload, number, FakeContent(data)) for number, data in contents.items()]
        sent = await asyncio.gather(*sends)
        assert (await backend.complete(upload, loosely(*sent))).etag.endswith(f"-{count}")
        assert await read(backend, bucket, "key") == b"".join(contents.values())

    async def test_no_parts_make_an_empty_object(self, backend: StoreBackend, bucket: str) -> None:
        for key, contents in (("none", {}), ("unnamed", {1: b"dropped"})):
            upload = await begin(backend, bucket, key)
            await send(backend, upload, contents)
            stored = await backend.complete(upload, loosely())
            info = await info_of(backend, bucket, key)
            assert (info.size, info.parts_count, info.etag, stored.etag) == (0, 0, md5(b""), md5(b""))
            assert await read(backend, bucket, key) == b""
            assert await backend.complete(upload, loosely()) == stored

    @pytest.mark.parametrize(("algorithm", "kind"), [("SHA256", "COMPOSITE"), ("CRC32", "FULL_OBJECT")])
    async def test_checksum_of_an_empty_object_is_that_of_nothing(
        self, backend: StoreBackend, bucket: str, algorithm: str, kind: str
    ) -> None:
        upload = await begin(backend, bucket, algorithm=algorithm, kind=kind)
        stored = await backend.complete(upload, loosely())
        assert dict(stored.checksums) == {algorithm: checksum(algorithm, b"")}
        assert stored.checksum_type == (await info_of(backend, bucket, "key")).checksum_type == "FULL_OBJECT"

    async def test_full_object_checksum_is_that_of_the_whole(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket, algorithm="CRC32C", kind="FULL_OBJECT")
        stored = await backend.complete(upload, loosely(*await send(backend, upload, CONTENTS)))
        assert dict(stored.checksums) == {"CRC32C": checksum("CRC32C", b"".join(PIECES))}

    async def test_repeated_it_answers_the_same(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        sent = await send(backend, upload, {2: b"b", 1: b"a"})
        stored = await backend.complete(upload, loosely(*sent))
        assert await backend.complete(upload, loosely(*sent)) == stored
        with pytest.raises(NoSuchUpload):
            await backend.complete(upload, loosely(*reversed(sent)))
        await put(backend, bucket, "key", b"newer")
        assert await backend.complete(upload, loosely(*sent)) == stored
        assert await read(backend, bucket, "key") == b"newer"

    async def test_part_that_is_another_or_named_twice_is_refused(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        one, two = await send(backend, upload, {1: b"one", 2: b"two"})
        for wrong in (PartInfo(2, 0, one.etag), PartInfo(3, 0, one.etag), PartInfo(1, 4, one.etag)):
            with pytest.raises(InvalidPart):
                await backend.complete(upload, loosely(two, wrong) if wrong.number != 2 else loosely(one, wrong))
        with pytest.raises(InvalidPartOrder):
            await backend.complete(upload, loosely(one, two, one))
        assert not await is_there(backend, bucket, "key")
        assert (await backend.complete(upload, loosely(two, one))).etag.endswith("-2")

    async def test_conditions_are_judged(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"there")
        upload = await begin(backend, bucket)
        sent = await send(backend, upload, {5: b"new"})
        how = CompleteOptions(sent, WriteConditions(if_none_match="*"), loose=True)
        with pytest.raises(PreconditionFailed):
            await backend.complete(upload, how)
        assert await read(backend, bucket, "key") == b"there"
        await backend.complete(upload, loosely(*sent))
        assert await read(backend, bucket, "key") == b"new"

    async def test_object_is_copied_and_removed_like_any_other(self, backend: StoreBackend, bucket: str) -> None:
        tag = await drafted(backend, bucket, "source")
        copied = await backend.copy(ObjectName(bucket, "source"), WHOLE, ObjectName(bucket, "copy"), CopyOptions(OWNER))
        assert copied.etag == tag
        await delete(backend, bucket, "source")
        with pytest.raises(NoSuchKey):
            await info_of(backend, bucket, "source")
        assert await read(backend, bucket, "copy") == b"".join(PIECES)
        upload = await begin(backend, bucket, "pieces")
        part = await backend.copy_part(upload, FAR, ObjectName(bucket, "copy"), Want(range="bytes=3-30"))
        await backend.complete(upload, loosely(part))
        assert await read(backend, bucket, "pieces") == b"".join(PIECES)[3:31]
        for key in ("copy", "pieces"):
            await delete(backend, bucket, key)
            assert not await is_there(backend, bucket, key)

    async def test_draft_keeps_what_it_was_begun_with(self, backend: StoreBackend, bucket: str) -> None:
        headers = {"content-type": "text/css", "x-amz-meta-a": "b"}
        how = UploadOptions(options(owner="bob", headers=headers))
        upload = await backend.create_upload(ObjectName(bucket, "key"), how)
        await backend.complete(upload, loosely())
        info = await info_of(backend, bucket, "key")
        assert (dict(info.headers), info.owner) == (headers, "bob")


class TestDigestsOfParts(Contract):
    """digest_parts."""

    needs = frozenset({Offer.MULTIPART, Offer.DRAFTS})

    async def test_digest_is_that_of_the_content_in_the_given_order(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        contents = CONTENTS | {2: blob(3_000_000), 4: blob(1 << 20, 4)}
        await send(backend, upload, contents)
        numbers = list(contents)
        for turn in range(4):
            numbers = numbers[turn:] + numbers[:turn][::-1]
            whole = b"".join(contents[number] for number in numbers)
            expected = base64.b64encode(hashlib.sha256(whole).digest()).decode()
            assert await digest(backend, upload, *numbers) == expected
        assert await digest(backend, upload, 2, algorithm="CRC32C") == checksum("CRC32C", contents[2])

    async def test_digest_of_no_parts_is_that_of_nothing(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        assert await digest(backend, upload) == checksum("SHA256", b"")

    async def test_digest_of_a_replaced_part_is_that_of_the_new_one(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        await send(backend, upload, {1: b"old"})
        await send(backend, upload, {1: b"new"})
        assert await digest(backend, upload, 1) == checksum("SHA256", b"new")

    async def test_part_or_upload_that_is_not_there_is_told(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        await send(backend, upload, {1: b"one"})
        with pytest.raises(InvalidPart):
            await digest(backend, upload, 1, 2)
        await backend.abort(upload)
        for numbers in ((), (1,)):
            with pytest.raises(NoSuchUpload):
                await digest(backend, upload, *numbers)
