"""Is a read refused or spared when its conditions say so? In the order of RFC 9110 section 13.2.2."""

from collections.abc import Callable

import pytest

from bucketport.errors import NoSuchKey, NotModified, PreconditionFailed
from bucketport.model import ObjectInfo, ObjectName
from bucketport.options import ReadConditions, Want
from bucketport.ports import StoreBackend
from bucketport.testing.contracts.base import Contract, collect, info_of, put, under

Make = Callable[[ObjectInfo], ReadConditions]

OTHER = "0123456789abcdef0123456789abcdef"


def seconds(info: ObjectInfo) -> int:
    """An object's time as conditions compare it."""
    return info.modified_ms // 1000


HOLDS: dict[str, Make] = {
    "if_match": lambda info: ReadConditions(if_match=f'"{info.etag}"'),
    "if_match_without_quotes": lambda info: ReadConditions(if_match=info.etag),
    "if_match_star": lambda info: ReadConditions(if_match="*"),
    "if_match_list": lambda info: ReadConditions(if_match=f'"{OTHER}", "{info.etag}"'),
    "if_none_match_other": lambda info: ReadConditions(if_none_match=f'"{OTHER}"'),
    "modified_since_before": lambda info: ReadConditions(if_modified_since=seconds(info) - 1),
    "unmodified_since_now": lambda info: ReadConditions(if_unmodified_since=seconds(info)),
    "unmodified_since_later": lambda info: ReadConditions(if_unmodified_since=seconds(info) + 100),
    "match_outweighs_unmodified": lambda info: ReadConditions(
        if_match=f'"{info.etag}"', if_unmodified_since=seconds(info) - 100
    ),
    "none_match_outweighs_modified": lambda info: ReadConditions(
        if_none_match=f'"{OTHER}"', if_modified_since=seconds(info) + 100
    ),
}

FAILS: dict[str, Make] = {
    "if_match_other": lambda info: ReadConditions(if_match=f'"{OTHER}"'),
    "if_match_list_of_others": lambda info: ReadConditions(if_match=f'"{OTHER}", "{OTHER[::-1]}"'),
    "unmodified_since_before": lambda info: ReadConditions(if_unmodified_since=seconds(info) - 1),
    "match_is_judged_before_none_match": lambda info: ReadConditions(
        if_match=f'"{OTHER}"', if_none_match=f'"{info.etag}"'
    ),
    "unmodified_is_judged_before_modified": lambda info: ReadConditions(
        if_unmodified_since=seconds(info) - 1, if_modified_since=seconds(info)
    ),
}

SPARED: dict[str, Make] = {
    "if_none_match": lambda info: ReadConditions(if_none_match=f'"{info.etag}"'),
    "if_none_match_weak": lambda info: ReadConditions(if_none_match=f'W/"{info.etag}"'),
    "if_none_match_star": lambda info: ReadConditions(if_none_match="*"),
    "if_none_match_list": lambda info: ReadConditions(if_none_match=f'"{OTHER}", "{info.etag}"'),
    "modified_since_now": lambda info: ReadConditions(if_modified_since=seconds(info)),
    "modified_since_later": lambda info: ReadConditions(if_modified_since=seconds(info) + 100),
    "match_holds_and_none_match_too": lambda info: ReadConditions(
        if_match=f'"{info.etag}"', if_none_match=f'"{info.etag}"'
    ),
}


class TestReadConditions(Contract):
    """If-Match and its kin of a GET and a HEAD."""

    @pytest.mark.parametrize("make", HOLDS.values(), ids=HOLDS)
    async def test_read_whose_condition_holds(self, backend: StoreBackend, bucket: str, make: Make) -> None:
        await put(backend, bucket, "key", b"content")
        want = Want(conditions=make(await info_of(backend, bucket, "key")))
        assert await collect((await backend.get(ObjectName(bucket, "key"), want)).body) == b"content"
        assert (await backend.head(ObjectName(bucket, "key"), want)).info.size == 7

    @pytest.mark.parametrize("make", FAILS.values(), ids=FAILS)
    async def test_read_whose_condition_fails(self, backend: StoreBackend, bucket: str, make: Make) -> None:
        await put(backend, bucket, "key", b"content")
        want = Want(conditions=make(await info_of(backend, bucket, "key")))
        with pytest.raises(PreconditionFailed):
            await backend.get(ObjectName(bucket, "key"), want)
        with pytest.raises(PreconditionFailed):
            await backend.head(ObjectName(bucket, "key"), want)

    @pytest.mark.parametrize("make", SPARED.values(), ids=SPARED)
    async def test_read_that_is_spared(self, backend: StoreBackend, bucket: str, make: Make) -> None:
        await put(backend, bucket, "key", b"content")
        want = Want(conditions=make(await info_of(backend, bucket, "key")))
        with pytest.raises(NotModified):
            await backend.get(ObjectName(bucket, "key"), want)
        with pytest.raises(NotModified):
            await backend.head(ObjectName(bucket, "key"), want)

    async def test_not_modified_names_the_etag_and_the_time(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key")
        with pytest.raises(NotModified) as caught:
            await backend.get(ObjectName(bucket, "key"), under(if_none_match="*"))
        headers = {name.lower(): value for name, value in caught.value.headers.items()}
        assert headers["etag"] == f'"{stored.etag}"'
        assert "last-modified" in headers

    async def test_absent_key_is_told_before_any_condition(self, backend: StoreBackend, bucket: str) -> None:
        for conditions in ({"if_match": f'"{OTHER}"'}, {"if_none_match": "*"}, {"if_modified_since": 0}):
            with pytest.raises(NoSuchKey):
                await backend.get(ObjectName(bucket, "key"), under(**conditions))

    async def test_condition_is_judged_before_the_range(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key", b"content")
        want = Want(range="bytes=100-", conditions=ReadConditions(if_match=f'"{OTHER}"'))
        with pytest.raises(PreconditionFailed):
            await backend.get(ObjectName(bucket, "key"), want)
        want = Want(range="bytes=100-", conditions=ReadConditions(if_none_match=f'"{stored.etag}"'))
        with pytest.raises(NotModified):
            await backend.get(ObjectName(bucket, "key"), want)

    async def test_range_under_a_condition_that_holds(self, backend: StoreBackend, bucket: str) -> None:
        stored = await put(backend, bucket, "key", b"content")
        want = Want(range="bytes=0-2", conditions=ReadConditions(if_match=f'"{stored.etag}"'))
        assert await collect((await backend.get(ObjectName(bucket, "key"), want)).body) == b"con"

    async def test_etag_of_what_was_overwritten_no_longer_matches(self, backend: StoreBackend, bucket: str) -> None:
        first = await put(backend, bucket, "key", b"first")
        await put(backend, bucket, "key", b"second")
        with pytest.raises(PreconditionFailed):
            await backend.get(ObjectName(bucket, "key"), under(if_match=first.etag))
        found = await backend.get(ObjectName(bucket, "key"), under(if_none_match=first.etag))
        assert await collect(found.body) == b"second"
