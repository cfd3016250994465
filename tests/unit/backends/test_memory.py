"""What the contract does not ask of the memory backend: bounds, the order of ids, and copies of what it was given."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.backends import memory_pages, memory_state
from bucketport.backends.memory import MINIMUM, Memory
from bucketport.errors import EntityTooSmall, NoSuchUpload
from bucketport.model import BucketInfo, ObjectName, Offer, PartInfo, UploadName
from bucketport.options import CompleteOptions, ListQuery, PutOptions, UploadOptions, Want
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeIds

NAME = ObjectName("bucket", "key")


def run(work: Awaitable[Any]) -> Any:
    async def done() -> Any:
        return await work

    return asyncio.run(done())


@pytest.fixture
def backend() -> Memory:
    made = Memory(now=FakeClock(1000.0), new_id=FakeIds(), digests=DIGESTS)
    run(made.create_bucket(BucketInfo("bucket", "alice", 1)))
    return made


def uploaded(backend: Memory, *contents: bytes) -> tuple[UploadName, CompleteOptions]:
    upload = run(backend.create_upload(NAME, UploadOptions(PutOptions("alice"))))
    parts = [run(backend.put_part(upload, n, FakeContent(data))) for n, data in enumerate(contents, 1)]
    return upload, CompleteOptions([PartInfo(part.number, 0, part.etag) for part in parts])


def test_everything_but_relaying_and_direct_parts_is_offered() -> None:
    assert frozenset(Offer) - Memory.offers == {Offer.RELAY, Offer.DIRECT}


def test_parts_have_s3s_minimum_unless_told() -> None:
    assert MINIMUM == 5 * 1024 * 1024


def test_part_below_five_mebibytes_is_refused(backend: Memory) -> None:
    upload, options = uploaded(backend, bytes(MINIMUM - 1), b"end")
    with pytest.raises(EntityTooSmall):
        run(backend.complete(upload, options))
    upload, options = uploaded(backend, bytes(MINIMUM), b"end")
    run(backend.complete(upload, options))


def test_time_is_read_from_the_given_clock(backend: Memory) -> None:
    assert run(backend.put(NAME, FakeContent(b"x"), PutOptions("alice"))).modified_ms == 1_000_000


def test_headers_and_tags_are_kept_apart_from_the_callers(backend: Memory) -> None:
    headers, tags = {"content-type": "a/b"}, {"a": "1"}
    run(backend.put(NAME, FakeContent(b"x"), PutOptions("alice", headers, tags=tags)))
    headers["content-type"] = tags["a"] = "changed"
    assert run(backend.head(NAME, Want())).info.headers == {"content-type": "a/b"}
    assert run(backend.tags(NAME, None)) == {"a": "1"}


def test_answers_to_completed_uploads_are_bounded(backend: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bucketport.backends.memory.REMEMBERED", 2)
    made = [uploaded(backend, b"%d" % number) for number in range(3)]
    for upload, options in made:
        run(backend.complete(upload, options))
    with pytest.raises(NoSuchUpload):
        run(backend.complete(*made[0]))
    for upload, options in made[1:]:
        run(backend.complete(upload, options))
    assert memory_state.REMEMBERED == 10_000


TEXT = st.text("ab/\uffff\U00010000", max_size=5)


@given(st.lists(TEXT), TEXT, st.text("a/\uffff", max_size=2), TEXT, st.integers(0, 4))
def test_page_is_the_beginning_of_what_follows(
    keys: list[str], prefix: str, delimiter: str, after: str, limit: int
) -> None:
    keys = sorted(keys)
    query = ListQuery(prefix, delimiter, after, limit)
    whole = memory_pages.page(keys, ListQuery(prefix, delimiter, after, 1000), memory_pages.begin(keys, query))
    part = memory_pages.page(keys, query, memory_pages.begin(keys, query))
    assert part.places == whole.places[: len(part.places)]
    assert part.prefixes == whole.prefixes[: len(part.prefixes)]
    count = len(whole.places) + len(whole.prefixes)
    assert len(part.places) + len(part.prefixes) == min(limit, count)
    assert part.truncated == (0 < limit < count)
    assert all(keys[place].startswith(prefix) and keys[place] > after for place in whole.places)
    assert all(delimiter not in keys[place][len(prefix) :] for place in whole.places if delimiter)
