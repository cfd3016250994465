"""What does the GCS dialect send to write or copy an object, and what does it make of the answer?"""

import asyncio
import base64
import hashlib
import json
import random

import pytest

from bucketport.backends.remote import upload as uploads
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.gcs.dialect import Gcs
from bucketport.backends.remote.gcs.requests import ATTEMPTS, Place
from bucketport.errors import (
    BackendError,
    BadDigest,
    InvalidArgument,
    InvalidStorageClass,
    MetadataTooLarge,
    NoSuchBucket,
    NoSuchKey,
    NotImplemented,
    OperationAborted,
    PreconditionFailed,
    Trouble,
)
from bucketport.message import Stream
from bucketport.model import ObjectName, Promised
from bucketport.options import WHOLE, CopyOptions, PutOptions, ReadConditions, Want, WriteConditions
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, checksum

NAME = ObjectName("here", "dir/key")
SOURCE = ObjectName("source", "a/b")
CONTENT = b"hello"
LONG = bytes(range(256)) * 1000
HEADERS = {
    "content-type": "text/plain",
    "cache-control": "no-store",
    "content-language": "de",
    "expires": "soon",
    "x-amz-website-redirect-location": "/x",
    "x-amz-meta-plain": "value",
    "x-amz-meta-word": "\u00fc",
}
ABSENT, ANY = WriteConditions(if_none_match="*"), WriteConditions(if_match="*")


def dialect(**place):
    place = Place(parse_endpoint("http://gcs.test:9000"), **{"bucket": "there", **place})
    return Gcs(place, DIGESTS, random.Random(1).randbytes, FakeClock(step=0.001))


def resource(content=CONTENT, **changes):
    return {
        "name": NAME.key,
        "size": str(len(content)),
        "generation": "1795",
        "updated": "2026-11-21T09:28:01.123Z",
        "md5Hash": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
        "crc32c": checksum("CRC32C", content),
        "storageClass": "STANDARD",
    } | changes


def answer(body):
    return (200, {}, json.dumps(body).encode())


def error(status, reason, message=""):
    body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
    return (status, {}, json.dumps(body).encode())


def taken(content):
    return asyncio.run(uploads.take(content, needs_md5=False))


async def drained(body):
    return b"".join([bytes(piece) async for pieces in body.blocks() for piece in pieces])


def parts_of(request, body):
    boundary = request.headers["content-type"].removeprefix("multipart/related; boundary=").encode()
    before, first, second, after = body.split(b"--" + boundary)
    assert (before, after) == (b"", b"--\r\n")
    head, _, described = first.partition(b"\r\n\r\n")
    assert b"application/json" in head
    head, _, content = second.partition(b"\r\n\r\n")
    return json.loads(described), head.strip().decode(), content.removesuffix(b"\r\n")


def test_put_is_one_request_with_all_of_it(play):
    options = PutOptions("bob", HEADERS, "STANDARD_IA", tags={"a": "1"})
    upload = taken(FakeContent(CONTENT, checksums=["SHA1"]))
    played = play(dialect().put(NAME, upload, options), answer(resource()))
    request = played.request
    assert (request.method, request.path) == ("POST", "/upload/storage/v1/b/there/o")
    assert request.query == "uploadType=multipart"
    assert request.idempotent
    described, head, content = parts_of(request, request.body)
    assert (head, content) == ("Content-Type: text/plain", CONTENT)
    held = json.loads(described["metadata"].pop("bucketport-held"))
    assert held == {
        "o": "bob",
        "s": "STANDARD_IA",
        "x": "soon",
        "w": "/x",
        "k": "FULL_OBJECT",
        "cc": 1,
        "c": {"SHA1": checksum("SHA1", CONTENT)},
        "t": {"a": "1"},
    }
    assert described == {
        "name": "dir/key",
        "contentType": "text/plain",
        "cacheControl": "no-store",
        "contentLanguage": "de",
        "storageClass": "NEARLINE",
        "metadata": {"plain": "value", "word": "=?UTF-8?B?w7w=?="},
    }
    stored = played.result
    assert (stored.etag, stored.size, stored.version_id) == ("5d41402abc4b2a76b9719d911017c592", 5, "1795")
    assert (stored.checksums, stored.checksum_type) == ({"SHA1": checksum("SHA1", CONTENT)}, "FULL_OBJECT")


def test_what_the_client_declared_google_checks_too(play):
    digest = hashlib.md5(CONTENT, usedforsecurity=False).digest()
    promised = Promised(md5=digest, algorithm="CRC32C", value=checksum("CRC32C", CONTENT))
    played = play(dialect().put(NAME, taken(FakeContent(CONTENT, promised=promised)), PutOptions("")))
    described, _, _ = parts_of(played.request, played.request.body)
    assert described["md5Hash"] == base64.b64encode(digest).decode()
    assert described["crc32c"] == promised.value
    refusal = error(400, "invalid", 'Provided MD5 hash "a" doesn\'t match calculated MD5 hash "b".')
    upload = taken(FakeContent(CONTENT, promised=promised))
    assert isinstance(play(dialect().put(NAME, upload, PutOptions("")), refusal).raised, BadDigest)


def test_boundary_is_another_each_time():
    plans = dialect()
    found = {
        next(plans.put(NAME, taken(FakeContent(CONTENT)), PutOptions(""))).headers["content-type"] for _ in range(3)
    }
    assert len(found) == 3


def test_long_content_is_streamed_and_closed_after_its_checks():
    upload = taken(FakeContent(LONG, piece=60_000))
    request = next(dialect().put(NAME, upload, PutOptions("")))
    body = asyncio.run(drained(request.body))
    assert len(body) == request.body.length
    assert parts_of(request, body)[2] == LONG


@pytest.mark.parametrize("fails_at", ["pull", "accept", "finish"])
def test_content_that_fails_never_reaches_the_closing_boundary(fails_at):
    upload = taken(FakeContent(LONG, piece=60_000, fails=BadDigest(), fails_at=fails_at))
    body = next(dialect().put(NAME, upload, PutOptions(""))).body
    sent = []

    async def send():
        async for pieces in body.blocks():
            sent.extend(pieces)

    with pytest.raises(BadDigest):
        asyncio.run(send())
    assert sum(map(len, sent)) < body.length - 10_000


def test_checksum_of_a_trailer_is_added_before_the_answer(play):
    upload = taken(FakeContent(LONG, checksums=["SHA256", "CRC32C"]))
    plan = dialect().put(NAME, upload, PutOptions("bob"))
    asyncio.run(drained(next(plan).body))
    patch = plan.send(_http(answer(resource(LONG))))
    assert (patch.method, patch.path) == ("PATCH", "/storage/v1/b/there/o/dir%2Fkey")
    assert patch.query == "generation=1795"
    held = json.loads(json.loads(patch.body)["metadata"]["bucketport-later"])
    # CRC32C is Google's own; the time is that of the content, which a patch would change.
    assert held == {"k": "FULL_OBJECT", "m": 1_795_253_281, "c": {"SHA256": checksum("SHA256", LONG)}}
    with pytest.raises(StopIteration) as over:
        plan.send(_http(error(412, "conditionNotMet")))
    assert over.value.value.checksums["SHA256"] == checksum("SHA256", LONG)


def _http(parts):
    from bucketport.message import HttpAnswer

    return HttpAnswer(*parts)


@pytest.mark.parametrize("changes", [{"size": "6"}, {"crc32c": "AAAAAA=="}, {"generation": ""}])
def test_an_answer_about_other_content_is_trouble(play, changes):
    upload = taken(FakeContent(CONTENT, checksums=["CRC32C"]))
    played = play(dialect().put(NAME, upload, PutOptions("")), answer(resource(**changes)))
    assert isinstance(played.raised, BackendError)


@pytest.mark.parametrize(
    ("given", "query", "kind"),
    [
        (ABSENT, "uploadType=multipart&ifGenerationMatch=0", PreconditionFailed),
        (ANY, "uploadType=multipart&ifGenerationNotMatch=0", NoSuchKey),
    ],
)
def test_conditions_that_need_no_reading(play, given, query, kind):
    plan = dialect().put(NAME, taken(FakeContent(CONTENT)), PutOptions("", conditions=given))
    played = play(plan, error(412, "conditionNotMet"))
    assert (played.request.query, played.request.idempotent) == (query, False)
    assert type(played.raised) is kind


def test_if_match_writes_over_the_generation_that_matched(play):
    options = PutOptions("", conditions=WriteConditions(if_match="5d41402abc4b2a76b9719d911017c592"))

    def put(*answers):
        return play(dialect().put(NAME, taken(FakeContent(CONTENT)), options), *answers)

    played = put(answer(resource(generation="7")), answer(resource()))
    assert played.requests[1].query == "uploadType=multipart&ifGenerationMatch=7"
    assert played.result.etag == "5d41402abc4b2a76b9719d911017c592"
    assert isinstance(put(answer(resource(b"other"))).raised, PreconditionFailed)
    assert isinstance(put(answer(resource()), error(412, "conditionNotMet")).raised, PreconditionFailed)
    assert isinstance(put(error(404, "notFound", "No such object: there/dir/key")).raised, NoSuchKey)


def test_absent_bucket(play):
    gone = error(404, "notFound", "The specified bucket does not exist.")
    played = play(dialect().put(NAME, taken(FakeContent(CONTENT)), PutOptions("")), gone)
    assert isinstance(played.raised, NoSuchBucket)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (PutOptions("", acl="public-read"), NotImplemented),
        (PutOptions("", extra={"x-amz-server-side-encryption": "AES256"}), NotImplemented),
        (PutOptions("", storage_class="OUTPOSTS"), InvalidStorageClass),
        (PutOptions("", {"x-amz-meta-bucketport-held": "{}"}), InvalidArgument),
        (PutOptions("", {"x-amz-meta-bucketport-later": "{}"}), InvalidArgument),
        (
            PutOptions("", {"x-amz-meta-a": "x" * 2000}, tags={f"{n}": "\u4e00" * 256 for n in range(10)}),
            MetadataTooLarge,
        ),
    ],
)
def test_what_google_cannot_hold_is_refused_before_it_is_asked(play, options, kind):
    played = play(dialect().put(NAME, taken(FakeContent(CONTENT)), options))
    assert (played.requests, type(played.raised)) == ([], kind)


def copy(play, options, *answers, want=WHOLE):
    return play(dialect().copy(SOURCE, want, NAME, options), *answers)


def source(**changes):
    metadata = {"plain": "value", "bucketport-held": '{"o":"bob","x":"soon","t":{"a":"1"},"c":{"SHA1":"qg=="},"m":7}'}
    return answer(resource(name="a/b", generation="9", contentType="text/plain", metadata=metadata, **changes))


DONE = answer({"done": True, "resource": resource()})


def test_copy_says_all_that_the_source_has(play):
    played = copy(play, CopyOptions("carol"), source(), DONE)
    request = played.requests[1]
    assert request.path == "/storage/v1/b/source/o/a%2Fb/rewriteTo/b/there/o/dir%2Fkey"
    assert request.query == "sourceGeneration=9"
    body = json.loads(request.body)
    held = json.loads(body["metadata"].pop("bucketport-held"))
    assert held == {"o": "carol", "x": "soon", "k": "FULL_OBJECT", "t": {"a": "1"}, "c": {"SHA1": "qg=="}}
    assert body == {"name": "dir/key", "contentType": "text/plain", "metadata": {"plain": "value"}}
    assert (played.result.source_version_id, played.result.version_id) == ("9", "1795")


def test_copy_goes_on_until_it_is_done(play):
    more = answer({"done": False, "rewriteToken": "t/1", "totalBytesRewritten": "1"})
    played = copy(play, CopyOptions(""), source(), more, more, DONE)
    assert [request.query for request in played.requests[1:]] == [
        "sourceGeneration=9",
        "sourceGeneration=9&rewriteToken=t%2F1",
        "sourceGeneration=9&rewriteToken=t%2F1",
    ]
    assert played.result.size == 5


@pytest.mark.parametrize("state", [{"done": False}, {"done": True}, {}, {"done": True, "resource": []}])
def test_a_rewrite_that_makes_no_sense_is_trouble(play, state):
    played = copy(play, CopyOptions(""), source(), answer(state))
    assert isinstance(played.raised, BackendError)
    assert played.raised.trouble is Trouble.UNEXPECTED


def test_copy_under_conditions(play):
    want = Want(conditions=ReadConditions(if_match='"other"'))
    assert isinstance(copy(play, CopyOptions(""), source(), want=want).raised, PreconditionFailed)
    played = copy(play, CopyOptions("", conditions=ABSENT), source(), error(412, "conditionNotMet"))
    assert played.requests[1].query == "sourceGeneration=9&ifGenerationMatch=0"
    assert isinstance(played.raised, PreconditionFailed)


def test_copy_begins_again_when_its_source_was_overwritten(play):
    gone = error(404, "notFound", "No such object: source/a/b")
    played = copy(play, CopyOptions(""), source(), gone, source(), DONE)
    assert played.result.size == 5
    assert isinstance(copy(play, CopyOptions(""), gone).raised, NoSuchKey)
    assert isinstance(copy(play, CopyOptions(""), *[source(), gone] * ATTEMPTS).raised, OperationAborted)


def test_checksum_that_google_has_costs_no_reading(play):
    played = copy(play, CopyOptions("", checksum_algorithm="CRC32C"), source(), DONE)
    assert "c" not in json.loads(json.loads(played.requests[1].body)["metadata"]["bucketport-held"])


def test_checksum_of_short_content_is_computed_and_kept(play):
    played = copy(play, CopyOptions("", checksum_algorithm="SHA256"), source(), (200, {}, CONTENT), DONE)
    assert (played.requests[1].path, played.requests[1].query) == ("/source/a/b", "generation=9")
    held = json.loads(json.loads(played.requests[2].body)["metadata"]["bucketport-held"])
    assert held["c"] == {"SHA256": checksum("SHA256", CONTENT)}


def test_checksum_of_long_content_is_computed_on_its_way_through():
    released = []

    async def pieces():
        for at in range(0, len(LONG), 50_000):
            yield LONG[at : at + 50_000]

    plan = dialect().copy(SOURCE, WHOLE, NAME, CopyOptions("", checksum_algorithm="SHA256"))
    next(plan)
    found = resource(LONG, name="a/b", generation="9", contentType="a/b")
    read = plan.send(_http(answer(found)))
    assert read.streamed
    write = plan.send(_http((200, {}, Stream(pieces(), len(LONG), lambda: released.append(1)))))
    assert parts_of(write, asyncio.run(drained(write.body)))[2] == LONG
    patch = plan.send(_http(answer(resource(LONG))))
    held = json.loads(json.loads(patch.body)["metadata"]["bucketport-later"])
    assert held["c"] == {"SHA256": checksum("SHA256", LONG)}
    with pytest.raises(StopIteration) as over:
        plan.send(_http(answer(resource(LONG))))
    assert over.value.value.checksums == {"SHA256": checksum("SHA256", LONG)}
    assert released == [1]
