"""Is a copy its source's content under the headers that were asked for, and each its own from then on?"""

import pytest

from bucketport.errors import NoSuchBucket, NoSuchKey, NoSuchVersion, PreconditionFailed
from bucketport.model import BucketInfo, ObjectName, Offer, Stored
from bucketport.options import NO_CONDITIONS, WHOLE, CopyOptions, ReadConditions, Want, WriteConditions
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import (
    CONTENDERS,
    LARGE,
    Contract,
    blob,
    delete,
    info_of,
    is_there,
    options,
    outcomes,
    put,
    read,
    under,
)
from bucketport.testing.fakes import OWNER, FakeContent, checksum
from bucketport.wire.checksums import ALGORITHMS

HEADERS = {"content-type": "text/css", "cache-control": "no-store", "x-amz-meta-a": "gr\u00fc\u00dfe"}

OTHER = "0123456789abcdef0123456789abcdef"

KEPT = CopyOptions(OWNER)

SIZES = [0, 7, 40_000, LARGE]


async def copy(
    backend: StoreBackend, bucket: str, source: str, target: str, how: CopyOptions = KEPT, *, want: Want = WHOLE
) -> Stored:
    """Copy within a bucket."""
    return await backend.copy(ObjectName(bucket, source), want, ObjectName(bucket, target), how)


class TestCopy(Contract):
    """CopyObject: what is taken over and what is not."""

    needs = frozenset({Offer.COPY})

    @pytest.mark.parametrize("size", SIZES)
    async def test_content_is_copied(self, backend: StoreBackend, bucket: str, size: int) -> None:
        await put(backend, bucket, "source", blob(size))
        stored = await copy(backend, bucket, "source", "target")
        assert await read(backend, bucket, "target") == blob(size)
        assert await read(backend, bucket, "source") == blob(size)
        info = await info_of(backend, bucket, "target")
        assert (info.size, info.etag, info.modified_ms // 1000) == (size, stored.etag, stored.modified_ms // 1000)

    async def test_etag_of_what_was_put_in_one_is_the_same(self, backend: StoreBackend, bucket: str) -> None:
        source = await put(backend, bucket, "source", b"content")
        assert (await copy(backend, bucket, "source", "target")).etag == source.etag

    async def test_headers_are_kept(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", headers=HEADERS)
        await copy(backend, bucket, "source", "target")
        assert dict((await info_of(backend, bucket, "target")).headers) == HEADERS

    async def test_headers_are_replaced(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", headers=HEADERS)
        headers = {"content-type": "image/png", "x-amz-meta-b": "2"}
        await copy(backend, bucket, "source", "target", CopyOptions(OWNER, headers=headers))
        assert dict((await info_of(backend, bucket, "target")).headers) == headers
        assert dict((await info_of(backend, bucket, "source")).headers) == HEADERS

    async def test_storage_class_is_the_copys_own(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", storage_class="STANDARD_IA")
        await copy(backend, bucket, "source", "plain")
        await copy(backend, bucket, "source", "target", CopyOptions(OWNER, storage_class="ONEZONE_IA"))
        assert (await info_of(backend, bucket, "plain")).storage_class == "STANDARD"
        assert (await info_of(backend, bucket, "target")).storage_class == "ONEZONE_IA"

    async def test_owner_is_who_copies(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", owner="bob")
        await copy(backend, bucket, "source", "target", CopyOptions("carol"))
        assert (await info_of(backend, bucket, "target")).owner == "carol"

    async def test_acl_is_not_copied(self, backend: StoreBackend, bucket: str) -> None:
        if Offer.ACLS not in backend.offers:
            pytest.skip("no ACLs here")
        await put(backend, bucket, "source", acl="public-read")
        await copy(backend, bucket, "source", "plain")
        await copy(backend, bucket, "source", "target", CopyOptions(OWNER, acl="authenticated-read"))
        assert (await info_of(backend, bucket, "plain")).acl == "private"
        assert (await info_of(backend, bucket, "target")).acl == "authenticated-read"

    async def test_tags_are_kept_or_replaced(self, backend: StoreBackend, bucket: str) -> None:
        if Offer.TAGS not in backend.offers:
            pytest.skip("no tags here")
        await put(backend, bucket, "source", tags={"a": "1", "b": "2"})
        for key, tags in (("kept", None), ("new", {"c": "3"}), ("none", {})):
            await copy(backend, bucket, "source", key, CopyOptions(OWNER, tags=tags))
            expected = {"a": "1", "b": "2"} if tags is None else tags
            assert dict(await backend.tags(ObjectName(bucket, key), None)) == expected
            assert (await info_of(backend, bucket, key)).tags_count == len(expected)

    async def test_headers_and_tags_are_replaced_apart(self, backend: StoreBackend, bucket: str) -> None:
        if Offer.TAGS not in backend.offers:
            pytest.skip("no tags here")
        await put(backend, bucket, "source", headers=HEADERS, tags={"a": "1"})
        await copy(backend, bucket, "source", "headers", CopyOptions(OWNER, headers={"content-type": "a/b"}))
        await copy(backend, bucket, "source", "tags", CopyOptions(OWNER, tags={"b": "2"}))
        assert dict(await backend.tags(ObjectName(bucket, "headers"), None)) == {"a": "1"}
        assert dict((await info_of(backend, bucket, "tags")).headers) == HEADERS

    async def test_checksum_is_kept(self, backend: StoreBackend, bucket: str) -> None:
        content = FakeContent(b"content", checksums=["SHA256"])
        await backend.put(ObjectName(bucket, "source"), content, options())
        stored = await copy(backend, bucket, "source", "target")
        info = await info_of(backend, bucket, "target")
        assert stored.checksums["SHA256"] == info.checksums["SHA256"] == checksum("SHA256", b"content")
        assert info.checksum_type == "FULL_OBJECT"

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
    async def test_checksum_is_made_anew(self, backend: StoreBackend, bucket: str, algorithm: str, size: int) -> None:
        content = FakeContent(blob(size), checksums=["CRC32"])
        await backend.put(ObjectName(bucket, "source"), content, options())
        how = CopyOptions(OWNER, checksum_algorithm=algorithm)
        stored = await copy(backend, bucket, "source", "target", how)
        info = await info_of(backend, bucket, "target")
        expected = {algorithm: checksum(algorithm, blob(size))}
        assert dict(stored.checksums) == dict(info.checksums) == expected
        assert stored.checksum_type == info.checksum_type == "FULL_OBJECT"

    async def test_copy_replaces_what_was_there(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", b"source")
        await put(backend, bucket, "target", blob(LARGE), headers=HEADERS, tags={"a": "1"})
        await copy(backend, bucket, "source", "target")
        assert await read(backend, bucket, "target") == b"source"
        info = await info_of(backend, bucket, "target")
        assert (dict(info.headers), info.tags_count) == ({"content-type": "text/plain"}, 0)

    @pytest.mark.parametrize("size", SIZES)
    async def test_copy_onto_itself(self, backend: StoreBackend, bucket: str, size: int) -> None:
        await put(backend, bucket, "key", blob(size), headers=HEADERS, tags={"a": "1"})
        await copy(backend, bucket, "key", "key", CopyOptions(OWNER, headers={"content-type": "image/png"}))
        info = await info_of(backend, bucket, "key")
        assert (dict(info.headers), info.size, info.tags_count) == ({"content-type": "image/png"}, size, 1)
        assert await read(backend, bucket, "key") == blob(size)

    @pytest.mark.parametrize("size", SIZES)
    async def test_each_is_its_own_afterwards(self, backend: StoreBackend, bucket: str, size: int) -> None:
        await put(backend, bucket, "source", blob(size))
        await copy(backend, bucket, "source", "second")
        await copy(backend, bucket, "second", "third")
        await delete(backend, bucket, "source")
        await put(backend, bucket, "second", b"new")
        assert await read(backend, bucket, "third") == blob(size)
        await delete(backend, bucket, "third")
        assert await read(backend, bucket, "second") == b"new"

    async def test_copy_into_another_bucket(self, backend: StoreBackend, bucket: str) -> None:
        if Offer.BUCKETS not in backend.offers:
            pytest.skip("no buckets are made here")
        await backend.create_bucket(BucketInfo(bucket + "-2", OWNER, 1))
        await put(backend, bucket, "key", blob(LARGE), headers=HEADERS)
        await backend.copy(ObjectName(bucket, "key"), WHOLE, ObjectName(bucket + "-2", "key"), KEPT)
        await delete(backend, bucket, "key")
        await backend.delete_bucket(bucket)
        assert await read(backend, bucket + "-2", "key") == blob(LARGE)
        assert dict((await info_of(backend, bucket + "-2", "key")).headers) == HEADERS

    async def test_range_is_not_used(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", b"content")
        await copy(backend, bucket, "source", "target", want=Want(range="bytes=0-1"))
        assert await read(backend, bucket, "target") == b"content"

    @pytest.mark.parametrize("key", ["a//b", "../x", "%2F", "a+b", "\U0001f600", "dir/", "?x"], ids=ascii)
    async def test_odd_keys(self, backend: StoreBackend, bucket: str, key: str) -> None:
        await put(backend, bucket, key, b"content")
        await copy(backend, bucket, key, key + key)
        assert await read(backend, bucket, key + key) == b"content"


class TestCopyConditions(Contract):
    """What keeps a copy from being made."""

    needs = frozenset({Offer.COPY})

    async def test_source_must_be_there(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchKey):
            await copy(backend, bucket, "source", "target")
        await put(backend, bucket, "source")
        with pytest.raises(NoSuchBucket):
            await backend.copy(ObjectName(bucket + "-absent", "a"), WHOLE, ObjectName(bucket, "target"), KEPT)
        with pytest.raises(NoSuchBucket):
            await backend.copy(ObjectName(bucket, "source"), WHOLE, ObjectName(bucket + "-absent", "a"), KEPT)
        assert not await is_there(backend, bucket, "target")

    async def test_version_of_the_source(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", b"content")
        with pytest.raises(NoSuchVersion):
            await copy(backend, bucket, "source", "target", want=Want("another"))
        assert not await is_there(backend, bucket, "target")
        await copy(backend, bucket, "source", "target", want=Want("null"))
        assert await read(backend, bucket, "target") == b"content"

    async def test_source_conditions_that_hold(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", b"content")
        info = await info_of(backend, bucket, "source")
        seconds = info.modified_ms // 1000
        for conditions in (
            ReadConditions(if_match=info.etag),
            ReadConditions(if_none_match=OTHER),
            ReadConditions(if_modified_since=seconds - 1),
            ReadConditions(if_unmodified_since=seconds),
            ReadConditions(if_match=info.etag, if_unmodified_since=seconds - 100),
        ):
            await delete(backend, bucket, "target")
            await copy(backend, bucket, "source", "target", want=Want(conditions=conditions))
            assert await read(backend, bucket, "target") == b"content"

    async def test_source_conditions_that_fail(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", b"content")
        info = await info_of(backend, bucket, "source")
        seconds = info.modified_ms // 1000
        for conditions in (
            {"if_match": OTHER},
            {"if_none_match": info.etag},
            {"if_none_match": "*"},
            {"if_modified_since": seconds},
            {"if_unmodified_since": seconds - 1},
        ):
            with pytest.raises(PreconditionFailed):
                await copy(backend, bucket, "source", "target", want=under(**conditions))
        assert not await is_there(backend, bucket, "target")

    async def test_target_conditions(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source", b"content")
        absent = CopyOptions(OWNER, conditions=WriteConditions(if_none_match="*"))
        await copy(backend, bucket, "source", "target", absent)
        with pytest.raises(PreconditionFailed):
            await copy(backend, bucket, "source", "target", absent)
        stored = await put(backend, bucket, "target", b"newer")
        how = CopyOptions(OWNER, conditions=WriteConditions(if_match=OTHER))
        with pytest.raises(PreconditionFailed):
            await copy(backend, bucket, "source", "target", how)
        assert await read(backend, bucket, "target") == b"newer"
        same = CopyOptions(OWNER, conditions=WriteConditions(if_match=stored.etag))
        await copy(backend, bucket, "source", "target", same)
        assert await read(backend, bucket, "target") == b"content"
        with pytest.raises(NoSuchKey):
            await copy(backend, bucket, "source", "absent", same)

    @pytest.mark.parametrize("size", [7, LARGE])
    async def test_one_of_many_copies_creates(self, backend: StoreBackend, bucket: str, size: int) -> None:
        how = CopyOptions(OWNER, conditions=WriteConditions(if_none_match="*"))
        for number in range(CONTENDERS):
            await put(backend, bucket, f"source{number}", blob(size, number))
        attempts = [copy(backend, bucket, f"source{number}", "target", how) for number in range(CONTENDERS)]
        winners, codes = await outcomes(attempts)
        assert len(winners) == 1
        assert set(codes) <= {"PreconditionFailed", "ConditionalRequestConflict"}
        assert (await info_of(backend, bucket, "target")).etag == winners[0].etag

    @pytest.mark.parametrize("algorithm", ["", "SHA256"])
    @pytest.mark.parametrize("size", [7, LARGE])
    async def test_a_copy_is_whole_while_its_source_changes(
        self, backend: StoreBackend, bucket: str, size: int, algorithm: str
    ) -> None:
        await put(backend, bucket, "source", blob(size, 0))
        attempts = [
            *(copy(backend, bucket, "source", f"{number}", CopyOptions(OWNER, checksum_algorithm=algorithm))
              for number in range(8)),
            *(put(backend, bucket, "source", blob(size, number)) for number in range(1, 8)),
        ]  # fmt: skip
        _, codes = await outcomes(attempts)
        assert set(codes) <= {"OperationAborted"}
        contents = [blob(size, number) for number in range(8)]
        for number in range(8):
            if await is_there(backend, bucket, f"{number}"):
                found = await read(backend, bucket, f"{number}")
                assert found in contents
                info = await info_of(backend, bucket, f"{number}")
                assert info.checksums.get(algorithm) in (None, checksum(algorithm or "MD5", found))
                assert (algorithm in info.checksums) == bool(algorithm)

    async def test_absent_source_of_a_delete_is_told(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "source")
        await backend.delete(ObjectName(bucket, "source"), None, NO_CONDITIONS)
        with pytest.raises(NoSuchKey):
            await copy(backend, bucket, "source", "source", CopyOptions(OWNER, headers={}))
