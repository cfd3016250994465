"""Does a write happen only under its conditions, also when many race? Judged inside the commit: one winner."""

import asyncio

import pytest

from bucketport.errors import NoSuchBucket, NoSuchKey, NoSuchVersion, PreconditionFailed
from bucketport.model import Deleted, ObjectName
from bucketport.options import NO_CONDITIONS, DeleteItem, ListQuery, WriteConditions
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import (
    CONTENDERS,
    LARGE,
    Contract,
    blob,
    delete,
    info_of,
    is_there,
    outcomes,
    put,
    put_all,
    read,
)

ABSENT = WriteConditions(if_none_match="*")

OTHER = "0123456789abcdef0123456789abcdef"


def match(etag: str) -> WriteConditions:
    """The condition that the object is still this one."""
    return WriteConditions(if_match=etag)


class TestPutConditions(Contract):
    """PUT with If-None-Match: * or If-Match."""

    @pytest.mark.parametrize("size", [7, LARGE])
    async def test_create_if_absent(self, backend: StoreBackend, bucket: str, size: int) -> None:
        await put(backend, bucket, "key", blob(size), conditions=ABSENT)
        with pytest.raises(PreconditionFailed):
            await put(backend, bucket, "key", blob(size, 1), conditions=ABSENT)
        assert await read(backend, bucket, "key") == blob(size)

    async def test_create_if_absent_after_a_delete(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"1")
        await delete(backend, bucket, "key")
        await put(backend, bucket, "key", b"2", conditions=ABSENT)
        assert await read(backend, bucket, "key") == b"2"

    @pytest.mark.parametrize("size", [7, LARGE])
    async def test_replace_if_still_the_same(self, backend: StoreBackend, bucket: str, size: int) -> None:
        first = await put(backend, bucket, "key", blob(size))
        second = await put(backend, bucket, "key", blob(size, 1), conditions=match(first.etag))
        with pytest.raises(PreconditionFailed):
            await put(backend, bucket, "key", blob(size, 2), conditions=match(first.etag))
        assert (await info_of(backend, bucket, "key")).etag == second.etag
        assert await read(backend, bucket, "key") == blob(size, 1)

    async def test_what_is_absent_cannot_match(self, backend: StoreBackend, bucket: str) -> None:
        for condition in (match(OTHER), match("*")):
            with pytest.raises(NoSuchKey):
                await put(backend, bucket, "key", conditions=condition)
        assert not await is_there(backend, bucket, "key")

    async def test_star_matches_whatever_is_there(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"1")
        await put(backend, bucket, "key", b"2", conditions=match("*"))
        assert await read(backend, bucket, "key") == b"2"

    async def test_one_of_many_creates(self, backend: StoreBackend, bucket: str) -> None:
        attempts = [put(backend, bucket, "key", blob(100, seed), conditions=ABSENT) for seed in range(CONTENDERS)]
        winners, codes = await outcomes(attempts)
        assert len(winners) == 1
        # S3 may answer a conflict while another write is under way.
        assert set(codes) <= {"PreconditionFailed", "ConditionalRequestConflict"}
        assert (await info_of(backend, bucket, "key")).etag == winners[0].etag

    @pytest.mark.parametrize("size", [100, LARGE])
    async def test_one_of_many_replaces(self, backend: StoreBackend, bucket: str, size: int) -> None:
        first = await put(backend, bucket, "key", b"first")
        condition = match(first.etag)
        attempts = [put(backend, bucket, "key", blob(size, seed), conditions=condition) for seed in range(CONTENDERS)]
        winners, codes = await outcomes(attempts)
        assert len(winners) == 1
        assert set(codes) <= {"PreconditionFailed", "ConditionalRequestConflict"}
        assert (await info_of(backend, bucket, "key")).etag == winners[0].etag

    async def test_a_counter_loses_no_step(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"0")

        async def count() -> None:
            while True:
                etag = (await info_of(backend, bucket, "key")).etag
                try:
                    value = int(await read(backend, bucket, "key", version=None))
                    await put(backend, bucket, "key", b"%d" % (value + 1), conditions=match(etag))
                    return
                except PreconditionFailed:
                    await asyncio.sleep(0)

        await asyncio.gather(*(count() for _ in range(8)))
        assert await read(backend, bucket, "key") == b"8"

    async def test_refused_write_is_not_listed(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchKey):
            await put(backend, bucket, "key", blob(LARGE), conditions=match(OTHER))
        assert not (await backend.list(bucket, ListQuery())).entries


class TestDeleteConditions(Contract):
    """DELETE with If-Match, a size or a time."""

    async def test_delete_if_still_the_same(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key")
        with pytest.raises(PreconditionFailed):
            await delete(backend, bucket, "key", if_match=OTHER)
        assert await is_there(backend, bucket, "key")
        await delete(backend, bucket, "key", if_match=stored.etag)
        assert not await is_there(backend, bucket, "key")

    async def test_delete_if_anything_is_there(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        await delete(backend, bucket, "key", if_match="*")
        assert not await is_there(backend, bucket, "key")

    async def test_what_is_absent_cannot_match(self, backend: StoreBackend, bucket: str) -> None:
        for etag in (OTHER, "*"):
            with pytest.raises(NoSuchKey):
                await delete(backend, bucket, "key", if_match=etag)

    async def test_delete_if_of_that_size(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key", b"content")
        with pytest.raises(PreconditionFailed):
            await delete(backend, bucket, "key", if_match_size=8)
        await delete(backend, bucket, "key", if_match_size=7)
        assert not await is_there(backend, bucket, "key")

    async def test_delete_if_of_that_time(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "key")
        seconds = (await info_of(backend, bucket, "key")).modified_ms // 1000
        with pytest.raises(PreconditionFailed):
            await delete(backend, bucket, "key", if_match_modified=seconds - 1)
        await delete(backend, bucket, "key", if_match_modified=seconds)
        assert not await is_there(backend, bucket, "key")

    async def test_size_of_what_is_absent_is_no_error(self, backend: StoreBackend, bucket: str) -> None:
        await delete(backend, bucket, "key", if_match_size=7)

    async def test_one_of_many_deletes(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key")
        attempts = [delete(backend, bucket, "key", if_match=stored.etag) for _ in range(CONTENDERS)]
        winners, codes = await outcomes(attempts)
        assert len(winners) == 1
        assert set(codes) <= {"PreconditionFailed", "NoSuchKey", "ConditionalRequestConflict"}

    async def test_replace_and_delete_cannot_both_win(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key")
        winners, _ = await outcomes(
            [
                put(backend, bucket, "key", b"new", conditions=match(stored.etag)),
                delete(backend, bucket, "key", if_match=stored.etag),
            ]
        )
        assert len(winners) == 1
        assert await is_there(backend, bucket, "key") == (not isinstance(winners[0], Deleted))


class TestDeleteMany(Contract):
    """A batch delete judges each key by itself."""

    async def test_all_named_keys_go(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a", "b", "c/d", "e"])
        results = await backend.delete_many(bucket, [DeleteItem(key) for key in ("a", "b", "c/d")])
        assert len(results) == 3
        assert all(isinstance(result, Deleted) for result in results)
        assert [entry[0] for entry in (await backend.list(bucket, ListQuery())).entries] == ["e"]

    async def test_absent_key_is_no_error(self, backend: StoreBackend, bucket: str) -> None:
        results = await backend.delete_many(bucket, [DeleteItem("a"), DeleteItem("b")])
        assert all(isinstance(result, Deleted) for result in results)

    async def test_results_are_in_the_order_of_the_keys(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, "abcd")
        items = [
            DeleteItem("d"),
            DeleteItem("a", conditions=match(OTHER)),
            DeleteItem("x", conditions=match(OTHER)),
            DeleteItem("c", version="another"),
            DeleteItem("b"),
        ]
        kinds = [type(result) for result in await backend.delete_many(bucket, items)]
        assert kinds == [Deleted, PreconditionFailed, NoSuchKey, NoSuchVersion, Deleted]
        assert [entry[0] for entry in (await backend.list(bucket, ListQuery())).entries] == ["a", "c"]

    async def test_each_condition_is_judged(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "a", b"content")
        await put(backend, bucket, "b", b"content")
        items = [
            DeleteItem("a", conditions=match(stored.etag)),
            DeleteItem("b", conditions=WriteConditions(if_match_size=1)),
        ]
        kinds = [type(result) for result in await backend.delete_many(bucket, items)]
        assert kinds == [Deleted, PreconditionFailed]

    async def test_key_may_be_named_twice(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "a")
        results = await backend.delete_many(bucket, [DeleteItem("a"), DeleteItem("a")])
        assert [type(result) for result in results] == [Deleted, Deleted]

    async def test_null_is_the_version_of_what_is_not_versioned(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "a")
        (result,) = await backend.delete_many(bucket, [DeleteItem("a", "null")])
        assert isinstance(result, Deleted)
        assert not await is_there(backend, bucket, "a")

    async def test_nothing_named_is_nothing_done(self, backend: StoreBackend, bucket: str) -> None:
        assert list(await backend.delete_many(bucket, [])) == []

    async def test_a_thousand_keys(self, backend: StoreBackend, bucket: str) -> None:
        keys = [f"{number:04}" for number in range(1000)]
        await put_all(backend, bucket, keys[::4])
        results = await backend.delete_many(bucket, [DeleteItem(key) for key in keys])
        assert len(results) == 1000
        assert not (await backend.list(bucket, ListQuery())).entries

    async def test_absent_bucket(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchBucket):
            await backend.delete_many(bucket + "-absent", [DeleteItem("a", conditions=NO_CONDITIONS)])
        with pytest.raises(NoSuchBucket):
            await backend.delete(ObjectName(bucket + "-absent", "a"), None, NO_CONDITIONS)
