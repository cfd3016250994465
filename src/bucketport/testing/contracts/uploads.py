"""Is an upload in parts kept apart from objects, and are its parts listed, replaced and given up? Up to completing."""

import asyncio
import hashlib
import itertools
from collections.abc import Mapping, Sequence

import pytest

from bucketport.errors import NoSuchBucket, NoSuchKey, NoSuchUpload, S3Error
from bucketport.model import ObjectName, Offer, PartInfo, UploadEntry, UploadName
from bucketport.options import CompleteOptions, ListQuery, UploadOptions
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import LARGE, Contract, blob, info_of, is_there, options, put_all
from bucketport.testing.fakes import FakeContent, checksum
from bucketport.wire.checksums import ALGORITHMS


def md5(data: bytes) -> str:
    """The MD5 in hex."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


async def begin(
    backend: StoreBackend, bucket: str, key: str = "key", algorithm: str = "", kind: str = ""
) -> UploadName:
    """Begin an upload."""
    return await backend.create_upload(ObjectName(bucket, key), UploadOptions(options(), algorithm, kind))


async def send(backend: StoreBackend, upload: UploadName, parts: Mapping[int, bytes]) -> list[PartInfo]:
    """Send parts, in the given order."""
    return [await backend.put_part(upload, number, FakeContent(data)) for number, data in parts.items()]


def named(parts: Sequence[PartInfo]) -> CompleteOptions:
    """Complete with these parts, as a client names them."""
    return CompleteOptions([PartInfo(part.number, 0, part.etag) for part in parts])


class Failing(S3Error):
    """What a content raises here."""


class TestUploads(Contract):
    """An upload under way."""

    needs = frozenset({Offer.MULTIPART})

    async def test_upload_is_what_was_begun(self, backend: StoreBackend, bucket: str) -> None:
        how = UploadOptions(options(owner="bob", storage_class="STANDARD_IA"), "SHA256", "COMPOSITE")
        upload = await backend.create_upload(ObjectName(bucket, "key"), how)
        assert (upload.bucket, upload.key) == (bucket, "key")
        info = await backend.upload(upload)
        assert (info.upload, info.owner, info.storage_class) == (upload, "bob", "STANDARD_IA")
        assert (info.checksum_algorithm, info.checksum_type) == ("SHA256", "COMPOSITE")

    async def test_uploads_of_one_key_have_ids_of_their_own(self, backend: StoreBackend, bucket: str) -> None:
        uploads = await asyncio.gather(*(begin(backend, bucket) for _ in range(20)))
        assert len({upload.upload_id for upload in uploads}) == 20

    async def test_upload_under_way_is_no_object(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        await send(backend, upload, {1: b"1"})
        assert not await is_there(backend, bucket, "key")
        assert not (await backend.list(bucket, ListQuery())).entries

    async def test_parts_of_two_uploads_do_not_meet(self, backend: StoreBackend, bucket: str) -> None:
        one, two = await begin(backend, bucket), await begin(backend, bucket)
        await send(backend, one, {1: b"one"})
        await send(backend, two, {2: b"two"})
        assert [part.number for part in (await backend.list_parts(one, 0, 10)).parts] == [1]
        assert [part.number for part in (await backend.list_parts(two, 0, 10)).parts] == [2]

    @pytest.mark.parametrize("size", [0, 1, 1000, LARGE])
    async def test_part_is_told_as_it_is(self, backend: StoreBackend, bucket: str, size: int) -> None:
        upload = await begin(backend, bucket)
        (part,) = await send(backend, upload, {7: blob(size)})
        assert (part.number, part.size, part.etag) == (7, size, md5(blob(size)))
        (listed,) = (await backend.list_parts(upload, 0, 10)).parts
        assert (listed.number, listed.size, listed.etag) == (7, size, part.etag)
        assert listed.modified_ms // 1000 == part.modified_ms // 1000

    @pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
    async def test_part_has_the_checksum_of_the_upload(
        self, backend: StoreBackend, bucket: str, algorithm: str
    ) -> None:
        upload = await begin(backend, bucket, algorithm=algorithm, kind=sorted(ALGORITHMS[algorithm].types)[0])
        (part,) = await send(backend, upload, {1: b"content"})
        assert part.checksums[algorithm] == checksum(algorithm, b"content")
        (listed,) = (await backend.list_parts(upload, 0, 10)).parts
        assert listed.checksums[algorithm] == part.checksums[algorithm]

    async def test_part_sent_again_is_replaced(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        await send(backend, upload, {1: blob(LARGE), 2: b"2"})
        await send(backend, upload, {1: b"new"})
        parts = (await backend.list_parts(upload, 0, 10)).parts
        assert [(part.number, part.size, part.etag) for part in parts] == [(1, 3, md5(b"new")), (2, 1, md5(b"2"))]

    @pytest.mark.parametrize("place", ["pull", "accept", "finish"])
    async def test_part_that_fails_replaces_nothing(self, backend: StoreBackend, bucket: str, place: str) -> None:
        upload = await begin(backend, bucket)
        await send(backend, upload, {1: b"old"})
        for number in (1, 2):
            content = FakeContent(blob(LARGE), piece=1000, fails=Failing(), fails_at=place)
            with pytest.raises(Failing):
                await backend.put_part(upload, number, content)
        parts = (await backend.list_parts(upload, 0, 10)).parts
        assert [(part.number, part.etag) for part in parts] == [(1, md5(b"old"))]

    async def test_parts_sent_at_once_are_all_there(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        numbers = [*range(1, 33), 10_000]
        await asyncio.gather(*(backend.put_part(upload, n, FakeContent(blob(n, n))) for n in reversed(numbers)))
        assert [part.number for part in (await backend.list_parts(upload, 0, 1000)).parts] == numbers

    async def test_part_needs_its_upload(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        strangers = [
            UploadName(bucket, "key", "absent"),
            UploadName(bucket, "other", upload.upload_id),
            UploadName(bucket, "key", upload.upload_id + "0"),
        ]
        for stranger in strangers:
            for call in (
                lambda name=stranger: backend.upload(name),
                lambda name=stranger: backend.put_part(name, 1, FakeContent(b"x")),
                lambda name=stranger: backend.put_part(name, 1, FakeContent(blob(LARGE))),
                lambda name=stranger: backend.list_parts(name, 0, 10),
                lambda name=stranger: backend.complete(name, CompleteOptions([PartInfo(1, 0, md5(b"x"))])),
                lambda name=stranger: backend.abort(name),
            ):
                with pytest.raises(NoSuchUpload):
                    await call()
        assert not (await backend.list_parts(upload, 0, 10)).parts

    async def test_absent_bucket(self, backend: StoreBackend, bucket: str) -> None:
        upload = UploadName(bucket + "-absent", "key", "id")
        for call in (
            lambda: begin(backend, upload.bucket),
            lambda: backend.put_part(upload, 1, FakeContent(b"x")),
            lambda: backend.list_parts(upload, 0, 10),
            lambda: backend.complete(upload, CompleteOptions([PartInfo(1, 0, md5(b"x"))])),
            lambda: backend.abort(upload),
            lambda: backend.list_uploads(upload.bucket, ListQuery()),
        ):
            with pytest.raises(NoSuchBucket):
                await call()

    async def test_aborted_upload_is_gone(self, backend: StoreBackend, bucket: str) -> None:
        upload, other = await begin(backend, bucket), await begin(backend, bucket)
        parts = await send(backend, upload, {1: b"1"})
        await send(backend, other, {1: b"1"})
        await backend.abort(upload)
        for call in (
            lambda: backend.put_part(upload, 1, FakeContent(b"x")),
            lambda: backend.list_parts(upload, 0, 10),
            lambda: backend.complete(upload, named(parts)),
            lambda: backend.abort(upload),
        ):
            with pytest.raises(NoSuchUpload):
                await call()
        assert len((await backend.list_parts(other, 0, 10)).parts) == 1
        assert [row[1] for row in (await backend.list_uploads(bucket, ListQuery())).entries] == [other.upload_id]
        with pytest.raises(NoSuchKey):
            await info_of(backend, bucket, "key")

    async def test_part_that_arrives_after_the_abort_is_refused(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)

        class Slow(FakeContent):
            async def pull(self) -> bytes:
                if not self.untouched:
                    await backend.abort(upload)
                return await super().pull()

        with pytest.raises(NoSuchUpload):
            await backend.put_part(upload, 1, Slow(b"content"))
        assert not (await backend.list_uploads(bucket, ListQuery())).entries


class TestPartListing(Contract):
    """ListParts."""

    needs = frozenset({Offer.MULTIPART})

    async def test_no_parts_yet(self, backend: StoreBackend, bucket: str) -> None:
        page = await backend.list_parts(await begin(backend, bucket), 0, 1000)
        assert (list(page.parts), page.next_after) == ([], 0)

    async def test_parts_are_in_the_order_of_their_numbers(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        await send(backend, upload, {10: b"a", 9: b"b", 100: b"c", 1: b"d", 10_000: b"e"})
        page = await backend.list_parts(upload, 0, 1000)
        assert [part.number for part in page.parts] == [1, 9, 10, 100, 10_000]
        assert page.info.upload == upload

    async def test_pages_together_are_the_whole(self, backend: StoreBackend, bucket: str) -> None:
        upload = await begin(backend, bucket)
        numbers = [1, 2, 5, 9, 10, 11, 300]
        await send(backend, upload, dict.fromkeys(numbers, b"x"))
        for limit in (1, 2, 3, 6, 7, 1000):
            found: list[int] = []
            after = 0
            while True:
                page = await backend.list_parts(upload, after, limit)
                found += [part.number for part in page.parts]
                assert len(page.parts) <= limit
                after = page.next_after
                if not after:
                    break
            assert found == numbers
        assert [part.number for part in (await backend.list_parts(upload, 7, 1000)).parts] == [9, 10, 11, 300]
        assert list((await backend.list_parts(upload, 300, 1000)).parts) == []
        assert list((await backend.list_parts(upload, 0, 0)).parts) == []


class TestUploadListing(Contract):
    """ListMultipartUploads."""

    needs = frozenset({Offer.MULTIPART})

    async def test_no_uploads(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["key"])
        page = await backend.list_uploads(bucket, ListQuery())
        assert (list(page.entries), list(page.prefixes), page.truncated) == ([], [], False)

    async def test_entry_tells_what_was_begun(self, backend: StoreBackend, bucket: str) -> None:
        how = UploadOptions(options(owner="bob", storage_class="STANDARD_IA"), "CRC32", "FULL_OBJECT")
        upload = await backend.create_upload(ObjectName(bucket, "key"), how)
        (row,) = (await backend.list_uploads(bucket, ListQuery())).entries
        entry = UploadEntry(*row)
        info = await backend.upload(upload)
        assert (entry.key, entry.upload_id, entry.owner) == ("key", upload.upload_id, "bob")
        assert (entry.started_ms, entry.storage_class) == (info.started_ms, "STANDARD_IA")
        assert (entry.checksum_algorithm, entry.checksum_type) == ("CRC32", "FULL_OBJECT")

    async def test_uploads_are_by_key_and_then_by_start(self, backend: StoreBackend, bucket: str) -> None:
        begun = [await begin(backend, bucket, key) for key in ("b", "a", "b", "\U00010000", "\uffff", "a", "b")]
        entries = [UploadEntry(*row) for row in (await backend.list_uploads(bucket, ListQuery())).entries]
        assert [entry.key for entry in entries] == ["a", "a", "b", "b", "b", "\uffff", "\U00010000"]
        for _, group in itertools.groupby(entries, key=lambda entry: entry.key):
            times = [entry.started_ms for entry in group]
            assert times == sorted(times)
        ids = [entry.upload_id for entry in entries if entry.key == "b"]
        assert ids == [upload.upload_id for upload in begun if upload.key == "b"]

    @pytest.mark.parametrize("limit", [1, 2, 3, 1000])
    @pytest.mark.parametrize(
        ("query", "whole"),
        [
            (ListQuery(), "a a a/1 a/1 a/2/x b b b c/1 \U0001f600"),
            (ListQuery(prefix="a"), "a a a/1 a/1 a/2/x"),
            (ListQuery(delimiter="/"), "a a a/ b b b c/ \U0001f600"),
            (ListQuery(prefix="a/", delimiter="/"), "a/1 a/1 a/2/"),
            (ListQuery(after="a/1"), "a/2/x b b b c/1 \U0001f600"),
            (ListQuery(delimiter="/", after="a/"), "b b b c/ \U0001f600"),
        ],
        ids=ascii,
    )
    async def test_pages_together_are_the_whole(
        self, backend: StoreBackend, bucket: str, query: ListQuery, whole: str, limit: int
    ) -> None:
        for key in ("a", "a", "a/1", "a/1", "a/2/x", "b", "b", "b", "c/1", "\U0001f600"):
            await begin(backend, bucket, key)
        found: list[str] = []
        ids: list[str] = []
        after, after_id = query.after, ""
        for _ in range(100):
            ask = ListQuery(query.prefix, query.delimiter, after, limit, after_id=after_id)
            page = await backend.list_uploads(bucket, ask)
            ids += [row[1] for row in page.entries]
            shown = [row[0] for row in page.entries] + list(page.prefixes)
            assert len(shown) <= limit
            found += sorted(shown, key=str.encode)
            if not page.truncated:
                break
            after, after_id = page.next_after, page.next_id
        assert found == whole.split(" ")
        assert len(set(ids)) == len(ids)

    async def test_key_marker_alone_skips_all_uploads_of_it(self, backend: StoreBackend, bucket: str) -> None:
        for key in ("a", "b", "b", "c"):
            await begin(backend, bucket, key)
        page = await backend.list_uploads(bucket, ListQuery(after="b"))
        assert [row[0] for row in page.entries] == ["c"]

    async def test_id_marker_continues_within_a_key(self, backend: StoreBackend, bucket: str) -> None:
        uploads = [await begin(backend, bucket, key) for key in ("a", "b", "b", "b", "c")]
        query = ListQuery(after="b", after_id=uploads[2].upload_id)
        page = await backend.list_uploads(bucket, query)
        assert [row[1] for row in page.entries] == [uploads[3].upload_id, uploads[4].upload_id]
        await backend.abort(uploads[2])
        page = await backend.list_uploads(bucket, query)
        assert [row[1] for row in page.entries] == [uploads[3].upload_id, uploads[4].upload_id]

    async def test_nothing_asked_is_nothing_shown(self, backend: StoreBackend, bucket: str) -> None:
        await begin(backend, bucket)
        page = await backend.list_uploads(bucket, ListQuery(limit=0))
        assert (list(page.entries), page.truncated) == ([], False)
