"""Does an event look as S3's do, is it signed, and when is it tried again?"""

import hashlib
import hmac
import json
import os

import pytest

from bucketport.model import Secret
from bucketport.sessions import Event, Outcome, Session
from bucketport.uploads.events import Occasion, event_of, given_up, refused, replayed, sign, taken, wait_before

SESSION = Session(
    "s1", "photos", "a b/ü+=.jpg", "ann", 1, 2, headers={"content-type": "image/jpeg"}, webhook="https://h"
)
OUTCOME = Outcome("e" * 32, 7, 3, "ab" * 32, "v1")
NOW_MS = 1_700_000_000_123


def test_an_event_has_the_members_that_consumers_of_s3_read():
    event = event_of(SESSION, OUTCOME, NOW_MS, os.urandom, Occasion("eu-1", "198.51.100.7", "R1", "Post"))
    (row,) = json.loads(event.payload)["Records"]
    assert (row["eventVersion"], row["eventSource"], row["awsRegion"]) == ("2.1", "aws:s3", "eu-1")
    assert (row["eventName"], row["eventTime"]) == ("ObjectCreated:Post", "2023-11-14T22:13:20.123Z")
    assert row["requestParameters"] == {"sourceIPAddress": "198.51.100.7"}
    assert row["responseElements"]["x-amz-request-id"] == "R1"
    assert row["s3"]["bucket"] == {
        "name": "photos", "ownerIdentity": {"principalId": "ann"}, "arn": "arn:aws:s3:::photos",
    }  # fmt: skip
    made = row["s3"]["object"]
    assert (made["size"], made["eTag"], made["versionId"]) == (7, "e" * 32, "v1")


def test_a_key_is_encoded_as_s3_does():
    event = event_of(SESSION, OUTCOME, NOW_MS, os.urandom)
    assert json.loads(event.payload)["Records"][0]["s3"]["object"]["key"] == "a+b/%C3%BC%2B%3D.jpg"


def test_what_s3_does_not_have_stands_beside_its_records():
    event = event_of(SESSION, OUTCOME, NOW_MS, os.urandom)
    assert json.loads(event.payload)["bucketport"] == {
        "event": event.id, "session": "s1", "user": "ann", "sha256": "ab" * 32, "content_type": "image/jpeg",
    }  # fmt: skip


def test_a_session_without_a_webhook_makes_no_event():
    assert event_of(Session("s", "b", "k", "u", 1, 2), OUTCOME, NOW_MS, os.urandom) is None


def test_ids_are_unique_and_sort_by_time():
    ids = [event_of(SESSION, OUTCOME, NOW_MS + at, os.urandom).id for at in range(100)]
    assert ids == sorted(set(ids))
    assert len({event_of(SESSION, OUTCOME, NOW_MS, os.urandom).id for _ in range(100)}) == 100


def test_the_signature_is_that_of_a_known_vector():
    # printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
    header = sign(b'{"a":1}', 1_700_000_000.9, Secret("whsec_test"))
    assert header == "t=1700000000,v1=38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789"


def test_the_signature_depends_on_time_body_and_secret():
    made = {
        sign(body, now, Secret(secret)).partition("v1=")[2]
        for body in (b"a", b"b")
        for now in (1.0, 2.0)
        for secret in ("x", "y")
    }
    assert len(made) == 8
    expected = hmac.new(b"x", b"1.a", hashlib.sha256).hexdigest()
    assert sign(b"a", 1.0, Secret("x")) == f"t=1,v1={expected}"


def test_waits_double_within_their_bounds_and_end_within_a_day():
    shortest = [wait_before(tries, lambda n: b"\0" * n) for tries in range(1, 40)]
    longest = [wait_before(tries, lambda n: b"\xff" * n) for tries in range(1, 40)]
    assert shortest[:4] == [32.0, 64.0, 128.0, 256.0]
    assert longest[:4] == pytest.approx([48.0, 96.0, 192.0, 384.0])
    assert max(longest) == pytest.approx(1.2 * 86_400)
    assert 0.7 * 86_400 < sum(shortest[:11] + longest[:11]) / 2 <= 86_400


def test_an_event_goes_from_try_to_try():
    event = Event("e", 1, "s", "t", "{}", due_ms=1)
    later = refused(event, "it answered 500", 50)
    assert (later.tries, later.due_ms, later.trouble, later.failed) == (1, 50, "it answered 500", False)
    done = taken(later, 60)
    assert (done.tries, done.done_ms, done.trouble) == (2, 60, "")
    over = given_up(later, "it answered 410")
    assert (over.tries, over.failed, over.trouble) == (2, True, "it answered 410")
    for each in (done, over):
        again = replayed(each, 70)
        assert (again.tries, again.due_ms, again.done_ms, again.failed, again.trouble) == (0, 70, 0, False, "")
