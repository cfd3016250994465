"""An upload in chunks over one URL: any order, repeats, what is missing, and what is refused."""

import asyncio
import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketport.backends.memory import Memory
from bucketport.backends.remote.copying import Copier
from bucketport.errors import IncompleteBody
from bucketport.message import BytesBody
from bucketport.model import Offer
from bucketport.registry.embedded import EmbeddedBuckets
from bucketport.testing.fakes import DIGESTS, FakeEntropy, FakeIds
from bucketport.testing.sessions import MemorySessions
from bucketport.uploads.engine import Uploads


def told(answer: Any) -> dict[str, Any]:
    found = json.loads(answer.body)
    assert found["success"] == (answer.status == 200)
    return found


def chunk(world: Any, url: str, index: int, total: int, body: Any = b"x", **headers: str) -> Any:
    method = headers.pop("method", "POST")
    said = {"x_upload_type": "chunked", "x_chunk_index": str(index), "x_chunk_total": str(total)}
    return world.ask(method, url, body, **said | headers)


def merge(world: Any, url: str, total: int, **headers: str) -> Any:
    method = headers.pop("method", "POST")
    said = {"x_upload_type": "chunked", "x_chunk_merge": "true", "x_chunk_total": str(total)}
    return world.ask(method, url, BytesBody(b""), **said | headers)


def content(world: Any, blob_id: str = "one") -> Any:
    return world.ask("GET", world.url("download", blob_id=blob_id))


class Broken(BytesBody):
    """A body that ends before its end."""

    async def read(self) -> bytes:
        if self._at:
            raise IncompleteBody
        return await super().read()


def test_chunks_become_the_object(world: Any) -> None:
    url = world.url(blob_id="one")
    said = told(chunk(world, url, 2, 2, b"world"))
    assert (said["bytes_written"], said["chunk_index"], said["chunk_total"], said["blob_id"]) == (5, 2, 2, "one")
    chunk(world, url, 1, 2, b"hello ")
    assert content(world).status == 404
    answer = merge(world, url, 2, content_type="text/plain", content_disposition="inline", x_amz_meta_a="b")
    said = told(answer)
    assert (said["bytes_written"], said["blob_id"], said["bucket"]) == (11, "one", "default")
    assert answer.headers["ETag"] == f'"{said["etag"]}"'
    got = content(world)
    assert got.body == b"hello world"
    assert got.headers["Content-Type"] == "text/plain"
    assert got.headers["Content-Disposition"] == "inline"
    assert got.headers["x-amz-meta-a"] == "b"
    assert got.headers["ETag"] == answer.headers["ETag"]


def test_what_the_chunks_say_of_themselves_does_not_count(world: Any) -> None:
    url = world.url(blob_id="one")
    chunk(world, url, 1, 1, b"x", content_type="application/octet-stream", x_amz_meta_a="b")
    merge(world, url, 1, content_type="image/png")
    headers = content(world).headers
    assert headers["Content-Type"] == "image/png"
    assert "x-amz-meta-a" not in headers


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=6), min_size=1, max_size=6), st.integers(0, 2**32))
def test_any_order_with_any_repeats_gives_the_same(make_world: Any, pieces: list[bytes], seed: int) -> None:
    world = make_world()
    url, chance = world.url(blob_id="one"), random.Random(seed)
    sends = [*range(len(pieces)), *(chance.randrange(len(pieces)) for _ in range(3))]
    chance.shuffle(sends)
    for at in sends:
        if chance.random() < 0.3:
            chunk(world, url, at + 1, len(pieces), b"other")
        assert chunk(world, url, at + 1, len(pieces), pieces[at]).status == 200
    assert told(merge(world, url, len(pieces)))["bytes_written"] == sum(map(len, pieces))
    assert content(world).body == b"".join(pieces)
    assert not world.bugs


def test_chunks_may_come_all_at_once(world: Any) -> None:
    url = world.url(blob_id="one", bucket="fresh")
    said = {"x_upload_type": "chunked", "x_chunk_total": "10"}

    async def all_at_once() -> list[Any]:
        sends = (world.send("POST", url, b"%d" % (at % 10), x_chunk_index=str(at % 10 + 1), **said) for at in range(30))
        return await asyncio.gather(*sends)

    assert {answer.status for answer in asyncio.run(all_at_once())} == {200}
    assert merge(world, url, 10).status == 200
    assert world.ask("GET", world.url("download", blob_id="one", bucket="fresh")).body == b"0123456789"


def test_what_is_missing_is_named(world: Any) -> None:
    url = world.url(blob_id="one")
    for index in (2, 4):
        chunk(world, url, index, 5)
    answer = merge(world, url, 5)
    assert (answer.status, told(answer)["missing"]) == (400, [1, 3, 5])
    assert content(world).status == 404
    for index in (1, 3, 5):
        chunk(world, url, index, 5)
    assert merge(world, url, 5).status == 200


def test_to_merge_before_there_is_a_chunk_names_all(world: Any) -> None:
    answer = merge(world, world.url(blob_id="one"), 3)
    assert (answer.status, told(answer)["missing"]) == (400, [1, 2, 3])
    answer = merge(world, world.url("update", blob_id="one"), 3, method="PUT")
    assert (answer.status, told(answer)["missing"]) == (400, [1, 2, 3])


def test_merging_again_answers_the_same(world: Any) -> None:
    url = world.url(blob_id="one")
    chunk(world, url, 1, 1)
    first, second = merge(world, url, 1), merge(world, url, 1)
    assert (first.status, first.body) == (second.status, second.body)


def test_two_merges_at_once_answer_the_same(world: Any) -> None:
    url = world.url(blob_id="one")
    chunk(world, url, 1, 1)
    said = {"x_upload_type": "chunked", "x_chunk_merge": "true", "x_chunk_total": "1"}

    async def both() -> list[Any]:
        return await asyncio.gather(*(world.send("POST", url, b"", **said) for _ in range(4)))

    answers = asyncio.run(both())
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1


@pytest.mark.parametrize(("index", "total"), [("0", "3"), ("4", "3"), ("-1", "3"), ("x", "3"), ("", "3"), ("1.0", "3")])
def test_an_index_outside_the_chunks_is_refused(world: Any, index: str, total: str) -> None:
    answer = chunk(world, world.url(blob_id="one"), index, total)  # type: ignore[arg-type]
    assert (answer.status, told(answer)["header"]) == (400, "x-chunk-index")


@pytest.mark.parametrize("total", ["0", "10001", "-1", "", "x", "1e3", "٣"])
def test_a_total_that_is_none_is_refused(world: Any, total: str) -> None:
    answer = chunk(world, world.url(blob_id="one"), 1, total)  # type: ignore[arg-type]
    assert (answer.status, told(answer)["header"]) == (400, "x-chunk-total")


def test_ten_thousand_chunks_are_fine(world: Any) -> None:
    url = world.url(blob_id="one")
    assert chunk(world, url, 10_000, 10_000).status == 200
    assert len(told(merge(world, url, 10_000))["missing"]) == 9_999


def test_another_total_is_a_conflict(world: Any) -> None:
    url = world.url(blob_id="one")
    chunk(world, url, 1, 3)
    for answer in (chunk(world, url, 1, 4), merge(world, url, 2)):
        assert (answer.status, told(answer)["code"]) == (409, "Conflict")
    assert told(merge(world, url, 3))["missing"] == [2, 3]


def test_an_object_that_exists_is_a_conflict_at_the_first_chunk(world: Any) -> None:
    world.upload(b"x")
    answer = chunk(world, world.url(blob_id="one"), 1, 2)
    assert (answer.status, told(answer)["code"]) == (409, "AlreadyExists")
    answer = merge(world, world.url(blob_id="one"), 2)
    assert (answer.status, told(answer)["code"]) == (409, "AlreadyExists")


def test_an_object_that_came_meanwhile_is_a_conflict_at_the_merge(world: Any) -> None:
    url = world.url(blob_id="one")
    chunk(world, url, 1, 1, b"chunked")
    world.upload(b"x")
    answer = merge(world, url, 1)
    assert (answer.status, told(answer)["code"]) == (409, "AlreadyExists")
    assert content(world).body == b"x"


def test_an_update_in_chunks_replaces_again_and_again(world: Any) -> None:
    world.upload(b"first")
    url = world.url("update", blob_id="one")
    for body in (b"second", b"third"):
        assert chunk(world, url, 1, 1, body, method="PUT").status == 200
        assert merge(world, url, 1, method="PUT").status == 200
        assert content(world).body == body


def test_a_condition_is_not_passed_over(world: Any) -> None:
    world.upload(b"first")
    url = world.url("update", blob_id="one")
    chunk(world, url, 1, 1, b"second", method="PUT")
    for name, value in (("if_match", '"other"'), ("if_none_match", "*")):
        assert merge(world, url, 1, method="PUT", **{name: value}).status == 501
    assert content(world).body == b"first"
    assert merge(world, url, 1, method="PUT").status == 200


def test_an_upload_over_a_deleted_object_begins_anew(world: Any) -> None:
    for body in (b"first", b"second"):
        url = world.url(blob_id="one")
        assert chunk(world, url, 1, 1, body).status == 200
        assert merge(world, url, 1).status == 200
        assert content(world).body == body
        assert chunk(world, url, 1, 1, body).status == 409
        world.ask("DELETE", world.url("delete", blob_id="one"))


def test_a_chunk_that_breaks_off_leaves_nothing(world: Any) -> None:
    url = world.url(blob_id="one")
    assert chunk(world, url, 1, 1, Broken(b"0123456789", 4), content_length="10").status == 400
    assert told(merge(world, url, 1))["missing"] == [1]
    chunk(world, url, 1, 1, b"whole")
    assert chunk(world, url, 1, 1, Broken(b"0123456789", 4), content_length="10").status == 400
    assert merge(world, url, 1).status == 200
    assert content(world).body == b"whole"


def test_chunks_over_another_url_of_the_same_object_count(world: Any) -> None:
    chunk(world, world.url(blob_id="one"), 1, 2, b"a")
    chunk(world, world.url(blob_id="one", expires_in=60), 2, 2, b"b")
    assert merge(world, world.url(blob_id="one", expires_in=70), 2).status == 200
    assert content(world).body == b"ab"


def test_what_nobody_finished_in_time_begins_anew(world: Any) -> None:
    chunk(world, world.url(blob_id="one"), 1, 2, b"old")
    world.clock.advance(43_201)
    url = world.url(blob_id="one")
    chunk(world, url, 1, 3, b"new")
    assert told(merge(world, url, 3))["missing"] == [2, 3]


def test_chunks_together_are_no_more_than_the_url_allows(world: Any) -> None:
    url = world.url(blob_id="one", max_size=10)
    answer = chunk(world, url, 1, 3, b"x" * 11)
    assert (answer.status, told(answer)["code"]) == (413, "EntityTooLarge")
    assert chunk(world, url, 1, 3, b"x" * 6).status == 200
    assert chunk(world, url, 2, 3, b"x" * 5).status == 413
    assert chunk(world, url, 1, 3, b"x" * 7).status == 200
    assert chunk(world, url, 2, 3, b"x" * 3).status == 200
    assert chunk(world, url, 3, 3, b"").status == 200
    assert merge(world, url, 3).status == 200


def test_a_url_with_other_terms_does_not_go_on(world: Any) -> None:
    chunk(world, world.url(blob_id="one", max_size=10), 1, 2)
    answer = chunk(world, world.url(blob_id="one"), 2, 2)
    assert (answer.status, told(answer)["code"]) == (409, "Conflict")


def test_the_merged_content_has_to_be_what_the_url_is_for(world: Any) -> None:
    sha256 = hashlib.sha256(b"hello").hexdigest()
    url = world.url(blob_id="one", sha256=sha256, content_types=["text/*"])
    chunk(world, url, 1, 2, b"he")
    chunk(world, url, 2, 2, b"LLO")
    assert merge(world, url, 2, content_type="image/png").status == 415
    answer = merge(world, url, 2, content_type="text/plain")
    assert (answer.status, told(answer)["code"]) == (400, "BadDigest")
    assert content(world).status == 404
    chunk(world, url, 2, 2, b"llo")
    assert merge(world, url, 2, content_type="text/plain").status == 200


def test_a_line_end_in_metadata_is_refused_and_nothing_is_merged(world: Any) -> None:
    url = world.url(blob_id="one")
    chunk(world, url, 1, 1)
    assert merge(world, url, 1, x_amz_meta_a="a\r\nb").status == 400
    assert content(world).status == 404


def test_a_merge_that_is_neither_yes_nor_no_is_refused(world: Any) -> None:
    url = world.url(blob_id="one")
    assert chunk(world, url, 1, 1, x_chunk_merge="perhaps").status == 400
    assert chunk(world, url, 1, 1, x_chunk_merge="false").status == 200


def test_no_two_objects_share_their_chunks(world: Any) -> None:
    names = [("a", "b/c"), ("a", "b"), ("b", "c"), ("default", "b")]
    for bucket, blob_id in names:
        chunk(world, world.url(bucket=bucket, blob_id=blob_id), 1, 1, f"{bucket}/{blob_id}".encode())
        url = world.url("update", bucket=bucket, blob_id=blob_id)
        chunk(world, url, 1, 1, b"update", method="PUT")
    for bucket, blob_id in names:
        assert merge(world, world.url(bucket=bucket, blob_id=blob_id), 1).status == 200
        got = world.ask("GET", world.url("download", bucket=bucket, blob_id=blob_id))
        assert got.body == f"{bucket}/{blob_id}".encode()


def test_chunks_for_a_cloud_are_staged_and_copied(make_world: Any) -> None:
    class Cloud(make_world):  # type: ignore[misc]
        """A world whose buckets lie where no drafts can be."""

        def engine(self, buckets: EmbeddedBuckets) -> Uploads:
            self.backend.offers = Memory.offers - {Offer.DRAFTS}
            self.staging = Memory(now=self.clock, new_id=FakeIds(), digests=DIGESTS)
            return Uploads(
                MemorySessions(),
                buckets,
                staging=self.staging,
                copier=Copier(DIGESTS),
                digests=DIGESTS,
                now=self.clock,
                entropy=FakeEntropy(),
            )

    world = Cloud()
    url = world.url(blob_id="one")
    for index in (3, 1, 2):
        assert chunk(world, url, index, 3, b"%d" % index).status == 200
    first = merge(world, url, 3, content_type="text/plain", x_amz_meta_a="b")
    assert (first.status, first.body) == (200, merge(world, url, 3).body)
    got = content(world)
    assert (got.body, got.headers["Content-Type"], got.headers["x-amz-meta-a"]) == (b"123", "text/plain", "b")
    assert chunk(world, world.url(blob_id="one"), 1, 1).status == 409
    assert not world.bugs
