"""Which keys does a listing show, in which order, and does every page follow the last? Keys sort by their UTF-8."""

import itertools

import pytest

from bucketport.errors import NoSuchBucket
from bucketport.model import Entry, Listing, ObjectName, Offer
from bucketport.options import ListQuery
from bucketport.ports import Backend, StoreBackend
from bucketport.testing.contracts.base import Contract, delete, info_of, options, put, put_all
from bucketport.testing.fakes import FakeContent

TREE = [
    "a",
    "a/",
    "a/1",
    "a/2",
    "a/b/1",
    "a/b/2",
    "a0",
    "a//x",
    "b",
    "b/1",
    "c/d/e/f",
    "\u00e9/1",
    "\uffff",
    "\U00010000",
    "\U0001f600/x",
    "z",
]

QUERIES = [
    ListQuery(),
    ListQuery(delimiter="/"),
    ListQuery(prefix="a"),
    ListQuery(prefix="a/"),
    ListQuery(prefix="a", delimiter="/"),
    ListQuery(prefix="a/", delimiter="/"),
    ListQuery(prefix="a/b", delimiter="/"),
    ListQuery(prefix="a//", delimiter="/"),
    ListQuery(delimiter="b/"),
    ListQuery(delimiter="//"),
    ListQuery(delimiter="1"),
    ListQuery(prefix="a", delimiter="a"),
    ListQuery(prefix="\u00e9", delimiter="/"),
    ListQuery(delimiter="\U0001f600"),
    ListQuery(after="a/b", delimiter="/"),
    ListQuery(after="a0"),
    ListQuery(prefix="zz"),
]


def expected(keys: list[str], query: ListQuery) -> list[str]:
    """Keys and common prefixes of all pages, in order: the meaning of a listing, said in one line each."""
    keys = [key for key in keys if key.startswith(query.prefix) and key.encode() > query.after.encode()]
    if not query.delimiter:
        return sorted(keys, key=str.encode)
    shown = set()
    for key in keys:
        head, delimiter, _ = key[len(query.prefix) :].partition(query.delimiter)
        shown.add(query.prefix + head + delimiter if delimiter else key)
    return sorted(shown, key=str.encode)


def names(page: Listing) -> list[str]:
    """What a page shows, in order."""
    return sorted([entry[0] for entry in page.entries] + list(page.prefixes), key=str.encode)


async def pages(backend: Backend, bucket: str, query: ListQuery, limit: int) -> list[Listing]:
    """All pages of at most `limit`, each continued as the one before said."""
    found = []
    after, token = query.after, query.token
    for _ in range(2000):
        page = await backend.list(
            bucket, ListQuery(query.prefix, query.delimiter, after, limit, token, fetch_owner=True)
        )
        found.append(page)
        if not page.truncated:
            return found
        assert page.next_after or page.next_token, "a page that is cut short says where the next one begins"
        after, token = page.next_after, page.next_token
    raise AssertionError("the pages of a listing do not end")


class TestListing(Contract):
    """ListObjects."""

    async def test_an_empty_bucket(self, backend: StoreBackend, bucket: str) -> None:
        page = await backend.list(bucket, ListQuery())
        assert (list(page.entries), list(page.prefixes), page.truncated, page.next_after) == ([], [], False, "")

    async def test_keys_are_in_the_order_of_their_utf8(self, backend: StoreBackend, bucket: str) -> None:
        keys = ["b", "B", "a", "a b", "a-b", "a/b", "aa", "~", "\u00e9", "e\u0301", "\uffff", "\U00010000", "\x01", "0"]
        await put_all(backend, bucket, keys)
        assert [entry[0] for entry in (await backend.list(bucket, ListQuery())).entries] == sorted(keys, key=str.encode)

    @pytest.mark.parametrize("query", QUERIES, ids=ascii)
    async def test_listing_shows_what_it_means(self, backend: StoreBackend, bucket: str, query: ListQuery) -> None:
        await put_all(backend, bucket, TREE)
        page = await backend.list(bucket, query)
        assert names(page) == expected(TREE, query)
        assert list(page.prefixes) == sorted(page.prefixes, key=str.encode)
        assert [entry[0] for entry in page.entries] == sorted([entry[0] for entry in page.entries], key=str.encode)
        assert not page.truncated

    @pytest.mark.parametrize("query", QUERIES, ids=ascii)
    async def test_pages_together_are_the_whole(self, backend: StoreBackend, bucket: str, query: ListQuery) -> None:
        await put_all(backend, bucket, TREE)
        whole = expected(TREE, query)
        for limit in (1, 2, 3, 5, len(whole), 1000):
            if not limit:
                continue
            found = await pages(backend, bucket, query, limit)
            assert list(itertools.chain.from_iterable(names(page) for page in found)) == whole
            assert all(len(names(page)) == limit for page in found[:-1])

    async def test_last_name_of_a_page_is_where_the_next_begins(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, TREE)
        page = await backend.list(bucket, ListQuery(delimiter="/", limit=2))
        assert names(page) == ["a", "a/"]
        if page.next_token is None:
            assert page.next_after == "a/"

    async def test_a_page_that_holds_all_is_not_truncated(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a", "b", "c/1", "c/2"])
        page = await backend.list(bucket, ListQuery(delimiter="/", limit=3))
        assert (names(page), page.truncated, page.next_after) == (["a", "b", "c/"], False, "")

    async def test_nothing_asked_is_nothing_shown(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a", "b"])
        page = await backend.list(bucket, ListQuery(limit=0))
        assert (names(page), page.truncated) == ([], False)

    async def test_after_need_not_be_a_key(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a", "c", "e"])
        for after, shown in (("", "ace"), ("a", "ce"), ("b", "ce"), ("d", "e"), ("e", ""), ("zzz", "")):
            assert names(await backend.list(bucket, ListQuery(after=after))) == list(shown)

    async def test_after_before_the_prefix_begins_at_it(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a", "m/1", "m/2", "z"])
        assert names(await backend.list(bucket, ListQuery(prefix="m/", after="a"))) == ["m/1", "m/2"]
        assert names(await backend.list(bucket, ListQuery(prefix="m/", after="m/1"))) == ["m/2"]
        assert names(await backend.list(bucket, ListQuery(prefix="m/", after="n"))) == []

    async def test_after_a_common_prefix_skips_all_beneath_it(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a/1", "a/2", "b/1", "c"])
        assert names(await backend.list(bucket, ListQuery(delimiter="/", after="a/"))) == ["b/", "c"]
        assert names(await backend.list(bucket, ListQuery(after="a/"))) == ["a/1", "a/2", "b/1", "c"]

    async def test_after_within_a_group_shows_the_rest_of_it(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a/1", "a/2", "b/1"])
        assert names(await backend.list(bucket, ListQuery(delimiter="/", after="a/1"))) == ["a/", "b/"]
        assert names(await backend.list(bucket, ListQuery(delimiter="/", after="a/2"))) == ["b/"]

    async def test_prefix_is_no_folder(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["ab", "abc", "ab/c", "a"])
        assert names(await backend.list(bucket, ListQuery(prefix="ab"))) == ["ab", "ab/c", "abc"]

    async def test_prefix_is_no_pattern(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a%b", "a_b", "a*b", "axb", "a?b", "a[x]b", "A%B"])
        for prefix in ("a%", "a_", "a*", "a?", "a[x]"):
            assert names(await backend.list(bucket, ListQuery(prefix=prefix))) == [prefix + "b"]

    async def test_a_prefix_that_is_a_key_is_shown(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a/", "a/1"])
        assert names(await backend.list(bucket, ListQuery(prefix="a/", delimiter="/"))) == ["a/", "a/1"]
        assert not (await backend.list(bucket, ListQuery(prefix="a/", delimiter="/"))).prefixes

    async def test_delimiter_may_have_several_characters(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a--b", "a-b", "a---c", "--", "x--"])
        page = await backend.list(bucket, ListQuery(delimiter="--"))
        assert [entry[0] for entry in page.entries] == ["a-b"]
        assert list(page.prefixes) == ["--", "a--", "x--"]

    async def test_deleted_keys_are_not_shown(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a/1", "a/2", "b"])
        await delete(backend, bucket, "a/1")
        await delete(backend, bucket, "a/2")
        page = await backend.list(bucket, ListQuery(delimiter="/"))
        assert names(page) == ["b"]

    async def test_overwritten_key_is_shown_once(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "a", b"1")
        await put(backend, bucket, "a", b"22")
        entries = (await backend.list(bucket, ListQuery())).entries
        assert [(entry[0], entry[1]) for entry in entries] == [("a", 2)]

    async def test_entry_tells_what_head_tells(self, backend: StoreBackend, bucket: str) -> None:
        content = FakeContent(b"content", checksums=["CRC32"])
        how = options(owner="bob", storage_class="STANDARD_IA")
        await backend.put(ObjectName(bucket, "key"), content, how)
        (row,) = (await backend.list(bucket, ListQuery(fetch_owner=True))).entries
        info = await info_of(backend, bucket, "key")
        entry = Entry(*row)
        assert (entry.key, entry.size, entry.etag) == (info.key, info.size, info.etag)
        assert entry.modified_ms // 1000 == info.modified_ms // 1000
        assert (entry.storage_class, entry.owner) == ("STANDARD_IA", "bob")
        assert (entry.checksum_algorithm, entry.checksum_type) == ("CRC32", "FULL_OBJECT")

    async def test_absent_bucket(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchBucket):
            await backend.list(bucket + "-absent", ListQuery(prefix="a", limit=0))

    @pytest.mark.parametrize("groups", [1, 7, 400, 1200])
    async def test_many_keys_in_any_grouping(self, backend: StoreBackend, bucket: str, groups: int) -> None:
        keys = [f"{number % groups:04}/{number:04}" for number in range(1200)]
        await put_all(backend, bucket, keys + [f"{number:04}" for number in range(0, 1200, 100)])
        keys += [f"{number:04}" for number in range(0, 1200, 100)]
        for query in (ListQuery(), ListQuery(delimiter="/"), ListQuery(prefix="0000/"), ListQuery(after="0003/0500")):
            whole = expected(keys, query)
            for limit in (97, 1000):
                found = await pages(backend, bucket, query, limit)
                assert list(itertools.chain.from_iterable(names(page) for page in found)) == whole

    async def test_keys_written_behind_a_page_are_on_the_next(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a", "b", "d"])
        page = await backend.list(bucket, ListQuery(limit=2))
        await put_all(backend, bucket, ["0", "c"])
        await delete(backend, bucket, "b")
        following = await backend.list(bucket, ListQuery(after=page.next_after, token=page.next_token))
        assert names(following) == ["c", "d"]


class TestVersionListing(Contract):
    """ListObjectVersions of a bucket that was never versioned: each object is its only version, `null`."""

    needs = frozenset({Offer.VERSIONS})

    async def test_every_object_is_its_only_version(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, TREE)
        await put(backend, bucket, "a", b"again")
        page = await backend.list_versions(bucket, ListQuery(fetch_owner=True))
        assert [row[0] for row in page.entries] == sorted(TREE, key=str.encode)
        for row in page.entries:
            key, size, etag, _, storage, owner, version, latest, marker, *_ = row
            info = await info_of(backend, bucket, key)
            assert (size, etag, storage, owner) == (info.size, info.etag, info.storage_class, info.owner)
            assert (version, bool(latest), bool(marker)) == ("null", True, False)

    async def test_deleted_object_leaves_no_version(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "a")
        await delete(backend, bucket, "a")
        page = await backend.list_versions(bucket, ListQuery())
        assert (list(page.entries), list(page.prefixes), page.truncated) == ([], [], False)

    @pytest.mark.parametrize("query", QUERIES, ids=ascii)
    async def test_pages_together_are_the_whole(self, backend: StoreBackend, bucket: str, query: ListQuery) -> None:
        await put_all(backend, bucket, TREE)
        whole = expected(TREE, query)
        for limit in (1, 3, 1000):
            shown: list[str] = []
            after, after_id = query.after, query.after_id
            for _ in range(100):
                ask = ListQuery(query.prefix, query.delimiter, after, limit, after_id=after_id)
                page = await backend.list_versions(bucket, ask)
                shown += sorted([row[0] for row in page.entries] + list(page.prefixes), key=str.encode)
                if not page.truncated:
                    break
                after, after_id = page.next_after, page.next_id
            assert shown == whole

    async def test_page_ends_with_a_version_or_a_common_prefix(self, backend: StoreBackend, bucket: str) -> None:
        await put_all(backend, bucket, ["a", "b/1", "c"])
        page = await backend.list_versions(bucket, ListQuery(delimiter="/", limit=1))
        assert (page.next_after, page.next_id) == ("a", "null")
        page = await backend.list_versions(bucket, ListQuery(delimiter="/", limit=2))
        assert (page.next_after, page.next_id) == ("b/", "")

    async def test_nothing_asked_is_nothing_shown(self, backend: StoreBackend, bucket: str) -> None:
        await put(backend, bucket, "a")
        page = await backend.list_versions(bucket, ListQuery(limit=0))
        assert (list(page.entries), page.truncated) == ([], False)

    async def test_absent_bucket(self, backend: StoreBackend, bucket: str) -> None:
        with pytest.raises(NoSuchBucket):
            await backend.list_versions(bucket + "-absent", ListQuery())
