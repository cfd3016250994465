"""Can an application begin an upload session, follow it, commit it and give it up; and nobody else?"""

import asyncio
import base64
import hashlib

import pytest

HASH = hashlib.sha256(b"onetwo").hexdigest()


def test_a_session_goes_from_its_beginning_to_its_object(world):
    begun = world.begin(size=6, sha256=HASH, metadata={"Title": "grün"}, headers={"Content-Type": "text/plain"})
    session = begun["session"]
    assert (session["state"], session["size"], session["sha256"]) == ("open", 6, HASH)
    assert begun["url"] == f"https://up.example/-/uploads/{begun['token']}"
    assert begun["form"] == {"url": f"{begun['url']}/form", "method": "POST", "file_field": "file"}
    world.put(begun, b"one", b"two")
    status, told = world.ask("GET", begun["url"])
    assert (status, told["arrived"]["bytes"]) == (200, 6)
    assert [part["number"] for part in told["arrived"]["parts"]] == [1, 2]
    status, told = world.ask("POST", begun["commit_url"])
    assert (status, told["object"]["size"], told["object"]["sha256"]) == (200, 6, HASH)
    assert world.ask("POST", begun["commit_url"]) == (status, told)
    assert world.content() == b"onetwo"
    status, told = world.ask("GET", begun["url"])
    assert (told["session"]["state"], told["session"]["object"]["bucket"]) == ("committed", "photos")
    assert told["session"]["headers"] == {"content-type": "text/plain", "x-amz-meta-title": "grün"}


def test_a_session_without_terms_says_so(world):
    session = world.begin()["session"]
    assert (session["size"], session["max_size"], session["content_types"], session["replace"]) == (
        None,
        None,
        [],
        True,
    )


def test_a_prefix_gets_a_key_of_its_own_each_time(world):
    made = {world.begin(key=None, key_prefix="in/")["session"]["key"] for _ in range(3)}
    assert len(made) == 3
    assert all(key.startswith("in/") and len(key) == 39 for key in made)


def test_a_bucket_is_made_by_who_may(world):
    assert world.begin("key-2", bucket="pictures")["session"]["bucket"] == "pictures"


def test_a_key_of_other_buckets_begins_nothing(world):
    status, told = world.ask("POST", "/-/uploads", {"bucket": "photos", "key": "a"}, authorization="Bearer key-2")
    assert (status, told["code"]) == (403, "AccessDenied")


def test_nobody_begins_without_a_key(world):
    assert world.ask("POST", "/-/uploads", {"bucket": "photos", "key": "a"})[0] == 401


def test_a_hash_may_be_in_base64(world):
    digest = base64.b64encode(hashlib.sha256(b"onetwo").digest()).decode()
    assert world.begin(sha256=digest)["session"]["sha256"] == HASH


@pytest.mark.parametrize(
    ("member", "value", "says"),
    [
        ("bucket", None, "bucket must be"),
        ("bucket", 5, "bucket"),
        ("key", "", "key must be a text of 1 to 1024 bytes"),
        ("key", "a/../b", "key must be"),
        ("key_prefix", "x/", "key must be there, or key_prefix, and not both"),
        ("size", -1, "size must be a whole number"),
        ("size", True, "size must be a whole number"),
        ("size", 1.5, "size must be a whole number"),
        ("max_size", "5", "max_size must be a whole number"),
        ("content_types", "image/png", "content_types must be a list"),
        ("content_types", ["png"], "content_types must be a list"),
        ("sha256", "abc", "sha256 must be"),
        ("metadata", ["a"], "metadata must be an object"),
        ("metadata", {"a": "b\r\nc"}, "metadata.a must be a text without control characters"),
        ("metadata", {"a": "\ud800"}, "metadata.a must be"),
        ("metadata", {"a b": "c"}, "names of headers"),
        ("headers", {"x-amz-acl": "public-read"}, "headers must be an object of content-type"),
        ("expires_in", 0, "expires_in must be a whole number from 1 to 604800"),
        ("expires_in", 604801, "expires_in must be a whole number from 1 to 604800"),
        ("on_commit", "ftp://example.com", "http"),
        ("on_commit", "https://127.0.0.1/hook", ""),
        ("direct", True, "direct must be false"),
        ("direct", "yes", "direct must be true or false"),
        ("auto_commit", 1, "auto_commit must be true or false"),
        ("replace", "no", "replace must be true or false"),
        ("max_sze", 5, "max_size"),
    ],
)
def test_a_wrong_member_is_named(world, member, value, says):
    status, message = world.refused(**{"bucket": "photos", "key": "a", member: value})
    assert status == 400
    assert says in message


def test_a_size_above_the_largest_is_refused(world):
    assert world.refused(bucket="photos", key="a", size=6, max_size=5)[0] == 400


def test_metadata_that_no_object_can_hold_is_refused(world):
    assert world.refused(bucket="photos", key="a", metadata={"a": "x" * 3000})[0] == 400


def test_parts_may_be_named_at_the_commit(world):
    begun = world.begin()
    world.put(begun, b"one", b"two", b"three")
    parts = world.ask("GET", begun["url"])[1]["arrived"]["parts"]
    named = [{"number": 1}, {"number": 3, "etag": parts[2]["etag"]}]
    assert world.ask("POST", begun["commit_url"], {"parts": named})[0] == 200
    assert world.content() == b"onethree"


@pytest.mark.parametrize(
    "document", [{"parts": []}, {"parts": [1]}, {"parts": [{"number": 0}]}, {"parts": [{}]}, {"part": []}]
)
def test_parts_named_wrongly_are_refused(world, document):
    begun = world.begin()
    world.put(begun, b"one")
    assert world.ask("POST", begun["commit_url"], document)[0] == 400


def test_what_is_missing_is_said(world):
    begun = world.begin()
    status, told = world.ask("POST", begun["commit_url"])
    assert (status, told["code"]) == (409, "UploadIncomplete")


def test_a_session_that_is_given_up_is_gone(world):
    begun = world.begin()
    world.put(begun, b"one")
    assert world.ask("DELETE", begun["url"])[0] == 200
    assert world.ask("GET", begun["url"])[0] == 404
    assert world.ask("POST", begun["commit_url"])[0] == 404


def test_a_committed_session_is_not_given_up(world):
    begun = world.begin(size=0)
    assert world.ask("POST", begun["commit_url"])[0] == 200
    assert world.ask("DELETE", begun["url"])[0] == 409
    assert world.ask("POST", begun["parts"]["url"], {"count": 1})[0] == 409


def test_a_token_ends_with_its_session(world):
    begun = world.begin(expires_in=60)
    world.clock.advance(61)
    status, told = world.ask("GET", begun["url"])
    assert (status, "expired" in told["message"]) == (403, True)


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "A", lambda t: "x" + t, lambda t: t.upper(), len])
def test_an_altered_token_is_refused(world, spoil):
    begun = world.begin()
    assert world.ask("GET", f"/-/uploads/{spoil(begun['token'])}")[0] == 403


def test_a_token_for_a_longer_life_cannot_be_made_up(world):
    name, expires, signature = world.begin()["token"].split(".")
    assert world.ask("GET", f"/-/uploads/{name}.{int(expires) + 1}.{signature}")[0] == 403


def test_an_api_key_names_a_session_by_its_id(world):
    begun = world.begin()
    path = f"/-/uploads/{begun['session']['id']}"
    assert world.ask("GET", path, authorization="Bearer key-1")[0] == 200
    assert world.ask("GET", path, authorization="Bearer key-2")[0] == 403
    assert world.ask("GET", path, authorization="Bearer wrong")[0] == 401
    assert world.ask("GET", path)[0] == 403


def test_the_webhook_is_not_told_to_whoever_has_the_token(world):
    begun = world.begin(on_commit="https://example.com/hook?secret=1")
    assert begun["session"]["on_commit"]
    assert "hook" not in str(world.ask("GET", begun["url"])[1])


def test_sessions_are_listed_page_by_page_to_who_may_see_them(world):
    ids = [world.begin(bucket=bucket)["session"]["id"] for bucket in ("photos", "pictures", "photos", "photos")]
    seen, target = [], "/-/uploads?limit=2"
    while target:
        told = world.ask("GET", target, authorization="Bearer key-1")[1]
        seen += [session["id"] for session in told["sessions"]]
        target = told["next"]
    assert sorted(seen) == sorted(ids)
    told = world.ask("GET", "/-/uploads", authorization="Bearer key-2")[1]
    assert [session["bucket"] for session in told["sessions"]] == ["pictures"]
    assert world.ask("GET", "/-/uploads?limit=0", authorization="Bearer key-1")[0] == 400


def test_an_event_tells_of_the_request(world):
    begun = world.begin(size=0, on_commit="https://example.com/hook")
    world.ask("POST", begun["commit_url"])
    event = asyncio.run(world.sessions.events("", 10))[0]
    assert event.target == "https://example.com/hook"
    assert '"x-amz-request-id":"ID"' in event.payload
