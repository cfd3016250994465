"""Are tags and ACLs kept, replaced, and bound to their object?"""

import pytest

from bucketport.errors import NoSuchBucket, NoSuchKey, NoSuchVersion
from bucketport.model import ObjectName, Offer
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import Contract, delete, info_of, put, put_all, read

TAGS = {"project": "a", "empty": "", "gr\u00fc\u00df e": "w\u00f6rld +-=._:/@", "k" * 128: "v" * 256}


class TestTags(Contract):
    """Tags of an object."""

    needs = frozenset({Offer.TAGS})

    async def test_object_has_no_tags_at_first(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        assert dict(await backend.tags(ObjectName(bucket, "key"), None)) == {}
        assert (await info_of(backend, bucket, "key")).tags_count == 0

    async def test_tags_of_a_put_are_kept(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", tags=TAGS)
        assert dict(await backend.tags(ObjectName(bucket, "key"), None)) == TAGS
        assert (await info_of(backend, bucket, "key")).tags_count == len(TAGS)

    async def test_tags_are_replaced(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", tags={"old": "1"})
        await backend.put_tags(ObjectName(bucket, "key"), None, TAGS)
        assert dict(await backend.tags(ObjectName(bucket, "key"), None)) == TAGS
        assert (await info_of(backend, bucket, "key")).tags_count == len(TAGS)

    async def test_tags_are_removed(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", tags=TAGS)
        await backend.put_tags(ObjectName(bucket, "key"), None, {})
        assert dict(await backend.tags(ObjectName(bucket, "key"), None)) == {}
        assert (await info_of(backend, bucket, "key")).tags_count == 0

    async def test_ten_tags(self, backend: StoreBackend, bucket: str) -> None:
        tags = {f"key{number}": f"value{number}" for number in range(10)}
        await put(backend, bucket, "key", tags=tags)
        assert dict(await backend.tags(ObjectName(bucket, "key"), None)) == tags

    async def test_tagging_changes_nothing_else(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"content", headers={"content-type": "text/css", "x-amz-meta-a": "1"})
        before = await info_of(backend, bucket, "key")
        await backend.put_tags(ObjectName(bucket, "key"), None, {"a": "1"})
        after = await info_of(backend, bucket, "key")
        assert (after.etag, after.modified_ms, after.size) == (before.etag, before.modified_ms, before.size)
        assert (dict(after.headers), dict(after.checksums)) == (dict(before.headers), dict(before.checksums))
        assert await read(backend, bucket, "key") == b"content"

    async def test_tags_belong_to_one_key(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a", "a/b"])
        await backend.put_tags(ObjectName(bucket, "a"), None, {"a": "1"})
        assert dict(await backend.tags(ObjectName(bucket, "a/b"), None)) == {}

    async def test_tags_go_with_the_object(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", tags=TAGS)
        await delete(backend, bucket, "key")
        await put(backend, bucket, "key")
        assert dict(await backend.tags(ObjectName(bucket, "key"), None)) == {}

    async def test_null_is_the_version_of_what_is_not_versioned(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        await backend.put_tags(ObjectName(bucket, "key"), "null", {"a": "1"})
        assert dict(await backend.tags(ObjectName(bucket, "key"), "null")) == {"a": "1"}

    async def test_another_version_is_not_there(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", tags={"a": "1"})
        with pytest.raises(NoSuchVersion):
            await backend.tags(ObjectName(bucket, "key"), "another")
        with pytest.raises(NoSuchVersion):
            await backend.put_tags(ObjectName(bucket, "key"), "another", {})
        assert dict(await backend.tags(ObjectName(bucket, "key"), None)) == {"a": "1"}

    async def test_absent_key_and_bucket(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchKey):
            await backend.tags(ObjectName(bucket, "key"), None)
        with pytest.raises(NoSuchKey):
            await backend.put_tags(ObjectName(bucket, "key"), None, {"a": "1"})
        with pytest.raises(NoSuchBucket):
            await backend.tags(ObjectName(bucket + "-absent", "key"), None)
        with pytest.raises(NoSuchBucket):
            await backend.put_tags(ObjectName(bucket + "-absent", "key"), None, {})


class TestAcls(Contract):
    """Canned ACLs of objects and buckets."""

    needs = frozenset({Offer.ACLS})

    async def test_object_is_private_at_first(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", owner="bob")
        info = await backend.object_acl(ObjectName(bucket, "key"), None)
        assert (info.acl, info.owner) == ("private", "bob")

    async def test_acl_of_a_put_is_kept(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", acl="public-read")
        assert (await backend.object_acl(ObjectName(bucket, "key"), None)).acl == "public-read"
        assert (await info_of(backend, bucket, "key")).acl == "public-read"

    async def test_acl_is_set(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"content", tags={"a": "1"})
        before = await info_of(backend, bucket, "key")
        await backend.put_object_acl(ObjectName(bucket, "key"), None, "bucket-owner-full-control")
        after = await info_of(backend, bucket, "key")
        assert (before.acl, after.acl) == ("private", "bucket-owner-full-control")
        assert (after.etag, after.modified_ms, after.tags_count) == (before.etag, before.modified_ms, 1)
        assert await read(backend, bucket, "key") == b"content"

    async def test_overwriting_makes_it_private_again(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", acl="public-read")
        await put(backend, bucket, "key")
        assert (await backend.object_acl(ObjectName(bucket, "key"), None)).acl == "private"

    async def test_versions_of_what_is_not_versioned(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        name = ObjectName(bucket, "key")
        await backend.put_object_acl(name, "null", "public-read")
        assert (await backend.object_acl(name, "null")).acl == "public-read"
        with pytest.raises(NoSuchVersion):
            await backend.object_acl(name, "another")
        with pytest.raises(NoSuchVersion):
            await backend.put_object_acl(name, "another", "private")
        assert (await backend.object_acl(name, None)).acl == "public-read"

    async def test_absent_key_and_bucket(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchKey):
            await backend.object_acl(ObjectName(bucket, "key"), None)
        with pytest.raises(NoSuchKey):
            await backend.put_object_acl(ObjectName(bucket, "key"), None, "private")
        with pytest.raises(NoSuchBucket):
            await backend.object_acl(ObjectName(bucket + "-absent", "key"), None)
        with pytest.raises(NoSuchBucket):
            await backend.put_bucket_acl(bucket + "-absent", "private")

    async def test_bucket_acl_is_set(self, backend: StoreBackend, bucket: str) -> None:
        before = await backend.bucket(bucket)
        assert before.acl == "private"
        await backend.put_bucket_acl(bucket, "public-read")
        after = await backend.bucket(bucket)
        assert (after.acl, after.owner, after.created_ms) == ("public-read", before.owner, before.created_ms)
        page = await backend.list_buckets(before.owner, bucket, "", 1)
        assert [info.acl for info in page.buckets] == ["public-read"]


class TestAttributes(Contract):
    """GetObjectAttributes of what was not uploaded in parts (the rest is with multipart uploads)."""

    needs = frozenset({Offer.ATTRIBUTES})

    async def test_attributes_are_what_head_tells(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"content", storage_class="STANDARD_IA")
        info = await info_of(backend, bucket, "key")
        held = await backend.attributes(ObjectName(bucket, "key"), None, 0, 1000)
        assert (held.info.etag, held.info.size, held.info.storage_class) == (info.etag, 7, "STANDARD_IA")
        assert (list(held.parts), held.next_after) == ([], 0)

    async def test_absent_version_key_and_bucket(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        assert (await backend.attributes(ObjectName(bucket, "key"), "null", 0, 1)).info.key == "key"
        with pytest.raises(NoSuchVersion):
            await backend.attributes(ObjectName(bucket, "key"), "another", 0, 1)
        with pytest.raises(NoSuchKey):
            await backend.attributes(ObjectName(bucket, "absent"), None, 0, 1)
        with pytest.raises(NoSuchBucket):
            await backend.attributes(ObjectName(bucket + "-absent", "key"), None, 0, 1)
