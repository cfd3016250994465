"""Is what was put what is got? Content, headers, checksums, odd keys, and what is gone."""

import asyncio
import hashlib

import pytest

from bucketport.errors import NoSuchBucket, NoSuchKey, NoSuchVersion
from bucketport.model import ObjectName
from bucketport.options import NO_CONDITIONS, DeleteItem, ListQuery, Want
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import (
    LARGE,
    Contract,
    blob,
    collect,
    delete,
    info_of,
    is_there,
    options,
    put,
    put_all,
    read,
)
from bucketport.testing.fakes import FakeContent, checksum
from bucketport.wire.checksums import ALGORITHMS

SIZES = (0, 1, 1000, 32 << 10, (32 << 10) + 1, LARGE, (3 << 20) + 17)

ODD_KEYS = (
    "a//b",
    "/",
    "//",
    "/leading",
    "dir/",
    "./x",
    "../x",
    "a/../b",
    "..",
    ".",
    "%2F",
    "%",
    "a+b",
    "a b",
    " ",
    "trailing ",
    "?query#fragment&x=y",
    "back\\slash",
    "quote\"'<>&;",
    "\u00e9",
    "e\u0301",
    "\U0001f600",
    "\uffff",
    "\U00010000",
    "\U0010ffff",
    "\x01",
    "line\nbreak\r\t",
    "*_%[]{}~`|^",
    "null",
    "x" * 1024,
    "\U0001f600" * 256,
    "/".join("d" * 100 for _ in range(10)),
)

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "max-age=60, public",
    "content-disposition": 'attachment; filename="a b.txt"',
    "content-encoding": "gzip",
    "content-language": "de, en",
    "expires": "Wed, 21 Oct 2026 07:28:00 GMT",
    "x-amz-website-redirect-location": "/elsewhere",
    "x-amz-meta-plain": "value",
    "x-amz-meta-unicode": "gr\u00fc\u00dfe \U0001f600",
    "x-amz-meta-spaces": "in  between",
    "x-amz-meta-empty": "",
    "x-amz-meta-long": "v" * 1500,
}


class TestObjects(Contract):
    """An object is what was put, until it is overwritten or removed."""

    @pytest.mark.parametrize("size", SIZES)
    async def test_what_was_put_is_got(self, backend: StoreBackend, bucket: str, size: int) -> None:
        data = blob(size)
        await put(backend, bucket, "key", data)
        found = await backend.get(ObjectName(bucket, "key"), Want())
        assert found.info.size == size
        assert found.span is None
        assert await collect(found.body) == data

    @pytest.mark.parametrize("size", [5, 5000, LARGE])
    async def test_content_may_come_in_small_pieces(self, backend: StoreBackend, bucket: str, size: int) -> None:
        data = blob(size)
        await backend.put(ObjectName(bucket, "key"), FakeContent(data, piece=977), options())
        assert await read(backend, bucket, "key") == data

    @pytest.mark.parametrize("size", [0, 5, LARGE])
    async def test_content_may_have_no_declared_length(self, backend: StoreBackend, bucket: str, size: int) -> None:
        data = blob(size)
        content = FakeContent(data, piece=65536, declares_length=False)
        await backend.put(ObjectName(bucket, "key"), content, options())
        assert await read(backend, bucket, "key") == data

    async def test_etag_of_one_put_is_the_md5(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key", b"content")
        assert stored.etag == hashlib.md5(b"content", usedforsecurity=False).hexdigest()

    async def test_answer_to_a_put_is_what_a_read_shows(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key", b"content")
        info = await info_of(backend, bucket, "key")
        assert (info.key, info.etag, info.size) == ("key", stored.etag, 7)
        # Some stores show whole seconds.
        assert info.modified_ms // 1000 == stored.modified_ms // 1000

    @pytest.mark.parametrize("size", [0, 7, LARGE])
    async def test_head_is_get_without_content(self, backend: StoreBackend, bucket: str, size: int) -> None:
        await put(backend, bucket, "key", blob(size), headers=HEADERS)
        head = await backend.head(ObjectName(bucket, "key"), Want())
        found = await backend.get(ObjectName(bucket, "key"), Want())
        assert head.body == b""
        assert (head.info, head.span) == (found.info, found.span)
        await collect(found.body)

    async def test_headers_and_metadata_are_kept(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", headers=HEADERS)
        assert dict((await info_of(backend, bucket, "key")).headers) == HEADERS

    async def test_storage_class_is_kept(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", storage_class="STANDARD_IA")
        assert (await info_of(backend, bucket, "key")).storage_class == "STANDARD_IA"

    async def test_owner_is_kept(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", owner="bob")
        assert (await info_of(backend, bucket, "key")).owner == "bob"

    @pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
    async def test_checksum_is_kept(self, backend: StoreBackend, bucket: str, algorithm: str) -> None:
        content = FakeContent(b"content", checksums=[algorithm])
        stored = await backend.put(ObjectName(bucket, "key"), content, options())
        info = await info_of(backend, bucket, "key")
        assert stored.checksums[algorithm] == info.checksums[algorithm] == checksum(algorithm, b"content")
        assert stored.checksum_type == info.checksum_type == "FULL_OBJECT"

    async def test_one_put_has_no_parts(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        info = await info_of(backend, bucket, "key")
        assert (info.parts_count, info.delete_marker) == (0, False)

    async def test_overwriting_replaces_everything(self, backend: StoreBackend, bucket: str) -> None:
        content = FakeContent(b"first", checksums=["SHA256"])
        how = options(headers=HEADERS, storage_class="STANDARD_IA", tags={"a": "1"})
        await backend.put(ObjectName(bucket, "key"), content, how)
        await put(backend, bucket, "key", b"second", headers={"content-type": "image/png"}, owner="bob")
        info = await info_of(backend, bucket, "key")
        assert await read(backend, bucket, "key") == b"second"
        assert dict(info.headers) == {"content-type": "image/png"}
        assert (info.size, info.storage_class, info.owner, info.tags_count) == (6, "STANDARD", "bob", 0)
        assert "SHA256" not in info.checksums

    @pytest.mark.parametrize("sizes", [(10, LARGE), (LARGE, 10), (LARGE, 0), (0, LARGE), (LARGE, LARGE)])
    async def test_overwriting_with_another_size(
        self, backend: StoreBackend, bucket: str, sizes: tuple[int, int]
    ) -> None:
        for seed, size in enumerate(sizes):
            await put(backend, bucket, "key", blob(size, seed))
        assert await read(backend, bucket, "key") == blob(sizes[1], 1)

    async def test_time_does_not_go_backwards(self, backend: StoreBackend, bucket: str) -> None:
        first = await put(backend, bucket, "key", b"1")
        second = await put(backend, bucket, "key", b"2")
        assert second.modified_ms >= first.modified_ms

    async def test_absent_key(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key/more")
        for key in ("key", "key/", "key/mor", "key/more/"):
            with pytest.raises(NoSuchKey):
                await backend.get(ObjectName(bucket, key), Want())
            with pytest.raises(NoSuchKey):
                await backend.head(ObjectName(bucket, key), Want())

    async def test_absent_bucket(self, backend: StoreBackend, bucket: str) -> None:
        nowhere = ObjectName(bucket + "-absent", "key")
        for call in (
            lambda: backend.get(nowhere, Want()),
            lambda: backend.head(nowhere, Want()),
            lambda: backend.put(nowhere, FakeContent(b"x"), options()),
            lambda: backend.put(nowhere, FakeContent(blob(LARGE)), options()),
            lambda: backend.delete(nowhere, None, NO_CONDITIONS),
            lambda: backend.delete_many(nowhere.bucket, [DeleteItem("key")]),
            lambda: backend.list(nowhere.bucket, ListQuery()),
        ):
            with pytest.raises(NoSuchBucket):
                await call()

    async def test_deleted_object_is_gone(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["key", "key2"])
        deleted = await delete(backend, bucket, "key")
        assert not deleted.delete_marker
        assert not await is_there(backend, bucket, "key")
        assert await is_there(backend, bucket, "key2")

    async def test_deleting_what_is_absent_is_no_error(self, backend: StoreBackend, bucket: str) -> None:
        await delete(backend, bucket, "key")
        await put(backend, bucket, "key")
        await delete(backend, bucket, "key")
        await delete(backend, bucket, "key")

    async def test_deleted_key_can_be_put_again(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"1", headers=HEADERS, tags={"a": "1"})
        await delete(backend, bucket, "key")
        await put(backend, bucket, "key", b"2")
        info = await info_of(backend, bucket, "key")
        assert (dict(info.headers), info.tags_count) == ({"content-type": "text/plain"}, 0)

    async def test_null_is_the_version_of_what_is_not_versioned(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"content")
        assert await read(backend, bucket, "key", version="null") == b"content"
        assert (await backend.head(ObjectName(bucket, "key"), Want("null"))).info.size == 7
        await backend.delete(ObjectName(bucket, "key"), "null", NO_CONDITIONS)
        assert not await is_there(backend, bucket, "key")

    async def test_another_version_is_not_there(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"content")
        name = ObjectName(bucket, "key")
        for call in (
            lambda: backend.get(name, Want("another")),
            lambda: backend.head(name, Want("another")),
            lambda: backend.delete(name, "another", NO_CONDITIONS),
        ):
            with pytest.raises(NoSuchVersion):
                await call()
        assert await is_there(backend, bucket, "key")

    @pytest.mark.parametrize("size", [1000, LARGE])
    async def test_a_read_ends_with_what_it_began_with(self, backend: StoreBackend, bucket: str, size: int) -> None:
        data = blob(size)
        await put(backend, bucket, "key", data)
        overwritten = await backend.get(ObjectName(bucket, "key"), Want())
        await put(backend, bucket, "key", blob(size, 1))
        removed = await backend.get(ObjectName(bucket, "key"), Want())
        await delete(backend, bucket, "key")
        await asyncio.sleep(0)
        assert await collect(overwritten.body) == data
        assert await collect(removed.body) == blob(size, 1)

    async def test_many_puts_at_once_are_all_there(self, backend: StoreBackend, bucket: str) -> None:
        keys = [f"key{number:03}" for number in range(64)]
        await asyncio.gather(*(put(backend, bucket, key, key.encode()) for key in keys))
        assert await asyncio.gather(*(read(backend, bucket, key) for key in keys)) == [key.encode() for key in keys]

    @pytest.mark.parametrize("size", [1000, LARGE])
    async def test_of_puts_to_one_key_one_is_there_whole(self, backend: StoreBackend, bucket: str, size: int) -> None:
        contents = [blob(size + seed, seed) for seed in range(8)]
        stored = await asyncio.gather(*(put(backend, bucket, "key", content) for content in contents))
        found = contents.index(await read(backend, bucket, "key"))
        info = await info_of(backend, bucket, "key")
        assert (info.etag, info.size) == (stored[found].etag, size + found)


class TestOddKeys(Contract):
    """A key is any text: nothing in it is a path, an escape or a pattern."""

    @pytest.mark.parametrize("key", ODD_KEYS, ids=ascii)
    async def test_odd_key_is_only_itself(self, backend: StoreBackend, bucket: str, key: str) -> None:
        await put(backend, bucket, key, b"odd")
        assert await read(backend, bucket, key) == b"odd"
        assert (await info_of(backend, bucket, key)).key == key
        assert [entry[0] for entry in (await backend.list(bucket, ListQuery())).entries] == [key]
        assert [entry[0] for entry in (await backend.list(bucket, ListQuery(prefix=key))).entries] == [key]
        assert not (await backend.list(bucket, ListQuery(after=key))).entries
        await delete(backend, bucket, key)
        assert not await is_there(backend, bucket, key)

    async def test_odd_keys_do_not_meet(self, backend: StoreBackend, bucket: str) -> None:
        keys = [*ODD_KEYS, "x", "b", "a/b", "A", "a", "dir", "/x", "X" * 1024]
        for key in keys:
            await put(backend, bucket, key, key.encode())
        for key in keys:
            assert await read(backend, bucket, key) == key.encode()
        listed = [entry[0] for entry in (await backend.list(bucket, ListQuery())).entries]
        assert listed == sorted(keys, key=str.encode)
