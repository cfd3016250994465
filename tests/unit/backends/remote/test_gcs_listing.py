"""Which pages does the GCS dialect ask for, and what does it make of them?"""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.gcs.dialect import Gcs
from bucketport.backends.remote.gcs.listing import behind
from bucketport.backends.remote.gcs.requests import Place
from bucketport.errors import (
    BackendError,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidLocationConstraint,
    NoSuchBucket,
    NotImplemented,
)
from bucketport.model import BucketInfo
from bucketport.options import ListQuery
from bucketport.testing.fakes import DIGESTS, FakeClock
from bucketport.wire.query import parse


def dialect(**place):
    return Gcs(Place(parse_endpoint("http://gcs.test"), **place), DIGESTS, random.Random(1).randbytes, FakeClock())


def row(name, generation=1, **changes):
    return {"name": name, "size": "1", "generation": str(generation), "updated": "2026-11-21T09:28:01Z"} | changes


def answer(*names, prefixes=(), token=None, **more):
    items = [row(name) if isinstance(name, str) else name for name in names]
    body = {"items": items, "prefixes": list(prefixes)} | ({"nextPageToken": token} if token else {}) | more
    return (200, {}, json.dumps(body).encode())


def error(status, reason, message=""):
    body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
    return (status, {}, json.dumps(body).encode())


def keys(listing):
    return [entry.key for entry in listing.entries]


def test_a_page_asks_for_one_row_more(play):
    played = play(dialect().list("b", ListQuery("p/", "/", limit=2)), answer("p/a", "p/c", prefixes=["p/b/"]))
    assert played.request.path == "/storage/v1/b/b/o"
    asked = parse(played.request.query)
    assert {name: asked[name] for name in ("prefix", "delimiter", "maxResults")} == {
        "prefix": "p/",
        "delimiter": "/",
        "maxResults": "3",
    }
    found = played.result
    assert (keys(found), found.prefixes, found.truncated, found.next_after) == (["p/a"], ["p/b/"], True, "p/b/")


def test_a_page_continues_behind_a_key(play):
    played = play(dialect().list("b", ListQuery(after="k", limit=1)), answer("k", "l", "m"))
    asked = parse(played.request.query)
    assert (asked["startOffset"], asked["maxResults"]) == ("k", "3")
    assert (keys(played.result), played.result.next_after) == (["l"], "l")


def test_a_page_continues_behind_a_group(play):
    played = play(dialect().list("b", ListQuery(delimiter="/", after="a/")), answer("b"))
    assert parse(played.request.query)["startOffset"] == "a0"
    assert keys(played.result) == ["b"]


def test_a_marker_within_a_group_shows_the_rest_of_it(play):
    played = play(dialect().list("b", ListQuery(delimiter="/", after="a/5")), answer("b", prefixes=["a/"]))
    assert parse(played.request.query)["startOffset"] == "a/5\x01"
    assert (played.result.prefixes, keys(played.result)) == (["a/"], ["b"])


def test_prefixes_beyond_what_is_listed_are_left_to_the_next_page(play):
    # As fake-gcs-server does: every prefix on each page, whatever the limit.
    played = play(
        dialect().list("b", ListQuery(delimiter="/", limit=1)), answer("a", "c", prefixes=["b/", "z/"], token="t")
    )
    assert (keys(played.result), played.result.prefixes, played.result.next_after) == (["a"], [], "a")
    played = play(
        dialect().list("b", ListQuery(delimiter="/", after="a", limit=3)),
        answer("c", "d", "e", "f", "g", prefixes=["b/", "z/"], token="t"),
    )
    assert (keys(played.result), played.result.prefixes, played.result.truncated) == (["c", "d"], ["b/"], True)


def test_an_empty_page_with_more_behind_it_is_not_the_end(play):
    played = play(dialect().list("b", ListQuery()), answer(token="t1"), answer("a"))
    assert parse(played.requests[1].query)["pageToken"] == "t1"
    assert (keys(played.result), played.result.truncated) == (["a"], False)


def test_a_short_page_goes_on(play):
    found = play(dialect().list("b", ListQuery()), answer("a", token="t")).result
    assert (keys(found), found.truncated, found.next_after) == (["a"], True, "a")


def test_uploads_that_are_being_completed_are_not_shown(play):
    staged = "a .bucketport-upload-" + "0" * 32 + "aaa"
    found = play(dialect().list("b", ListQuery()), answer("a", staged, staged + "x", "b")).result
    assert keys(found) == ["a", staged + "x", "b"]


def test_a_limit_of_nothing_sees_that_the_bucket_is_there(play):
    assert not play(dialect().list("b", ListQuery(limit=0)), answer("a")).result.truncated
    assert isinstance(play(dialect().list("b", ListQuery(limit=0)), error(404, "notFound")).raised, NoSuchBucket)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"items": 5}',
        b'{"items": [5]}',
        b'{"prefixes": [5]}',
        b'{"nextPageToken": []}',
        b'{"items": [{}]}',
    ],
)
def test_a_page_that_makes_no_sense_is_trouble(play, body):
    assert isinstance(play(dialect().list("b", ListQuery()), (200, {}, body)).raised, BackendError)


@given(st.text(min_size=1), st.text())
def test_behind_is_behind_all_of_a_group_and_before_the_rest(prefix, rest):
    found = behind(prefix)
    if found:
        assert prefix + rest < found
        assert not found.startswith(prefix)
        found.encode()
    else:
        assert set(prefix) == {"\U0010ffff"}


def test_versions_are_newest_first_within_a_key(play):
    old = {"timeDeleted": "2026-11-21T09:28:01Z"}
    played = play(
        dialect().list_versions("b", ListQuery(limit=2)),
        answer(row("a", 1, **old), row("a", 2, **old), row("a", 3), row("b", 4)),
    )
    assert parse(played.request.query)["versions"] == "true"
    found = played.result
    assert [(entry.key, entry.version_id, entry.is_latest) for entry in found.entries] == [
        ("a", "3", True),
        ("a", "2", False),
    ]
    assert (found.truncated, found.next_after, found.next_id) == (True, "a", "2")


def test_versions_continue_within_a_key(play):
    query = ListQuery(after="a", after_id="2")
    played = play(dialect().list_versions("b", query), answer(row("a", 1), row("a", 2), row("a", 3), row("b", 4)))
    assert [entry.version_id for entry in played.result.entries] == ["1", "4"]


def test_a_key_whose_versions_may_go_on_waits_for_the_next_page(play):
    first = answer(row("a", 1), row("b", 2), token="t")
    found = play(dialect().list_versions("b", ListQuery()), first).result
    assert ([entry.key for entry in found.entries], found.truncated, found.next_after) == (["a"], True, "a")
    played = play(dialect().list_versions("b", ListQuery()), answer(row("a", 1), token="t"), answer(row("a", 2)))
    assert [entry.version_id for entry in played.result.entries] == ["2", "1"]


def test_buckets_are_listed_by_project(play):
    resource = {"name": "b", "timeCreated": "2026-11-21T09:28:01Z", "location": "EUROPE-WEST1"}
    plan = dialect(project="p").list_buckets("", "a", 1)
    played = play(plan, (200, {}, json.dumps({"items": [{"name": "a"}, resource, {"name": "c"}]}).encode()))
    assert parse(played.request.query)["project"] == "p"
    assert played.result.buckets == [BucketInfo("b", "", 1_795_253_281_000, "europe-west1")]
    assert played.result.next_after == "b"
    assert isinstance(play(dialect().list_buckets("", "", 1)).raised, NotImplemented)


def test_buckets_are_made_where_they_are_asked_for(play):
    plan = dialect(project="p", location="EU").create_bucket(BucketInfo("b", "", 0))
    played = play(plan, answer())
    assert (played.request.query, json.loads(played.request.body)) == ("project=p", {"name": "b", "location": "EU"})
    plan = dialect(project="p").create_bucket(BucketInfo("b", "", 0, "mars"))
    played = play(plan, error(400, "invalid", "The specified location constraint is not valid."))
    assert isinstance(played.raised, InvalidLocationConstraint)


def test_a_bucket_that_is_there_is_ours_or_somebody_elses(play):
    def create(*answers):
        return play(dialect(project="p").create_bucket(BucketInfo("b", "", 0)), *answers).raised

    assert isinstance(create(error(409, "conflict"), answer()), BucketAlreadyOwnedByYou)
    assert isinstance(create(error(409, "conflict"), error(403, "forbidden")), BucketAlreadyExists)


def test_a_bucket_whose_objects_alone_may_be_seen_is_there(play):
    played = play(dialect(bucket="real").bucket("shown"), error(403, "forbidden"), answer())
    assert played.requests[1].path == "/storage/v1/b/real/o"
    assert played.result == BucketInfo("shown", "", 0)
    assert isinstance(play(dialect().bucket("b"), error(404, "notFound")).raised, NoSuchBucket)


def test_a_bucket_with_objects_stays(play):
    assert isinstance(play(dialect().delete_bucket("b"), error(409, "conflict")).raised, BucketNotEmpty)
    assert play(dialect().delete_bucket("b"), (204, {}, b"")).raised is None
