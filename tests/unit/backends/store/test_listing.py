"""Are pages of keys right, whichever way they were read? Compared with what the memory backend says."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketport.backends.memory import Memory
from bucketport.backends.store.index import listing
from bucketport.model import BucketInfo, ObjectName
from bucketport.options import ListQuery, PutOptions, UploadOptions
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeIds

ME = PutOptions("me")

texts = st.text(alphabet="ab/-é\U0001f600￿~", min_size=1, max_size=6)
queries = st.builds(
    ListQuery,
    prefix=st.just("") | texts,
    delimiter=st.sampled_from(["", "/", "-", "a/", "é", "\U0001f600"]),
    after=st.just("") | texts,
    limit=st.integers(0, 12),
)


@pytest.fixture
def both(store, runner):
    """The store and the memory backend, and what fills the bucket `b` of both with keys."""
    memory = Memory(now=FakeClock(), new_id=FakeIds(), digests=DIGESTS)
    runner.run(memory.create_bucket(BucketInfo("b", "me", 1)))

    async def fill(keys):
        for backend in (store, memory):
            page = await backend.list("b", ListQuery())
            for entry in page.entries:
                await backend.delete(ObjectName("b", entry[0]), None, PutOptions("").conditions)
            for key in keys:
                await backend.put(ObjectName("b", key), FakeContent(), ME)

    return store, memory, fill


def shape(page):
    return [entry[0] for entry in page.entries], list(page.prefixes), page.truncated, page.next_after


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(keys=st.sets(texts, max_size=40), asked=st.lists(queries, min_size=1, max_size=12), probe=st.integers(1, 5))
def test_pages_are_those_of_the_reference(both, runner, keys, asked, probe):
    store, memory, fill = both
    probed, chunked = listing.PROBE, listing.CHUNK
    listing.PROBE, listing.CHUNK = probe, probe + 1
    try:

        async def compare():
            await fill(keys)
            for query in asked:
                assert shape(await store.list("b", query)) == shape(await memory.list("b", query)), query
                mine, theirs = await store.list_versions("b", query), await memory.list_versions("b", query)
                assert (shape(mine), mine.next_id) == (shape(theirs), theirs.next_id)

        runner.run(compare())
    finally:
        listing.PROBE, listing.CHUNK = probed, chunked


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    keys=st.lists(texts, max_size=15),
    asked=st.lists(queries, min_size=1, max_size=12),
    marker=st.integers(0, 14),
)
def test_pages_of_uploads_are_those_of_the_reference(both, runner, keys, asked, marker):
    store, memory, _ = both

    async def compare():
        ids = {}
        for backend in (store, memory):
            await backend.delete_bucket("b")
            await backend.create_bucket(BucketInfo("b", "me", 1))
            made = [await backend.create_upload(ObjectName("b", key), UploadOptions(ME)) for key in keys]
            ids[backend] = [upload.upload_id for upload in made]
        for query in asked:
            answers = []
            for backend in (store, memory):
                # A marker with an id is a key's own: no common prefix, which has no uploads of its own.
                at = keys[marker] if marker < len(keys) else ""
                at = "" if listing.is_group(query, at) else at
                mine = query if not at else ListQuery(
                    query.prefix, query.delimiter, at, query.limit, after_id=ids[backend][marker]
                )  # fmt: skip
                page = await backend.list_uploads("b", mine)
                order = [ids[backend].index(entry[1]) for entry in page.entries]
                last = ids[backend].index(page.next_id) if page.next_id else None
                answers.append((shape(page), order, last))
            assert answers[0] == answers[1], query

    runner.run(compare())


@pytest.mark.parametrize("folders", [1, 3, 700])
async def test_a_walk_by_pages_sees_everything_once(store, folders):
    keys = sorted(f"d{n % folders:03d}/{n:04d}" if n % 3 else f"e{n:04d}" for n in range(900))
    for key in keys:
        await store.put(ObjectName("b", key), FakeContent(), ME)
    seen, after = [], ""
    while True:
        page = await store.list("b", ListQuery(delimiter="/", after=after, limit=97))
        seen += [entry[0] for entry in page.entries] + list(page.prefixes)
        if not page.truncated:
            break
        after = page.next_after
    assert sorted(seen) == sorted({key.partition("/")[0] + "/" if "/" in key else key for key in keys})


async def test_a_prefix_costs_a_seek_and_not_its_keys(store):
    for n in range(300):
        await store.put(ObjectName("b", f"big/{n:04d}"), FakeContent(), ME)
    await store.put(ObjectName("b", "small/1"), FakeContent(), ME)
    counted = []
    execute = store._read._execute
    store._read._execute = lambda sql, values=(): counted.append(sql) or execute(sql, values)
    page = await store.list("b", ListQuery(delimiter="/"))
    assert page.prefixes == ["big/", "small/"]
    assert len(counted) <= 4
