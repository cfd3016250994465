"""What does the GCS dialect send for uploads in parts, and what does it make of the answers?"""

import asyncio
import hashlib
import json
import random

import pytest

from bucketport.backends.remote import upload as uploads
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.gcs.dialect import Gcs
from bucketport.backends.remote.gcs.requests import Place
from bucketport.backends.remote.gcs.uploads import key_of, staged
from bucketport.errors import (
    BackendError,
    EntityTooSmall,
    InvalidArgument,
    InvalidPart,
    InvalidRequest,
    KeyTooLongError,
    NoSuchBucket,
    NoSuchUpload,
    NotImplemented,
    PreconditionFailed,
    Trouble,
)
from bucketport.message import HttpAnswer, Stream
from bucketport.model import ObjectName, PartInfo, Promised, UploadName
from bucketport.options import WHOLE, CompleteOptions, ListQuery, PutOptions, UploadOptions, Want, WriteConditions
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, checksum
from bucketport.wire import etag
from bucketport.wire.query import parse

NAME = ObjectName("here", "dir/key")
SEAL = "19f0" + "0" * 28 + "ccd"  # CRC32C, FULL_OBJECT, STANDARD_IA
UPLOAD = UploadName("here", "dir/key", f"{SEAL}.ABPn_-.x")
STAGED = f"dir/key .bucketport-upload-{SEAL}"
XML_PATH = f"/there/dir/key%20.bucketport-upload-{SEAL}"
JSON_PATH = f"/storage/v1/b/there/o/dir%2Fkey%20.bucketport-upload-{SEAL}"
ONE, TWO = b"1" * 10, b"2" * 4
MD5S = [hashlib.md5(part, usedforsecurity=False).hexdigest() for part in (ONE, TWO)]
ETAG = etag.multipart(MD5S)
CRC = checksum("CRC32C", ONE + TWO)


def dialect(**place):
    place = Place(parse_endpoint("http://gcs.test:9000"), **{"bucket": "there", "part_minimum": 10, **place})
    return Gcs(place, DIGESTS, random.Random(1).randbytes, FakeClock(step=0.001))


def xml(root, inner=""):
    return (200, {}, f"<?xml version='1.0'?><{root} xmlns='http://s3.amazonaws.com/x'>{inner}</{root}>".encode())


def xml_error(status, code):
    return (status, {}, f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode())


def answer(body):
    return (200, {}, json.dumps(body).encode())


def error(status, reason, message=""):
    body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
    return (status, {}, json.dumps(body).encode())


def part_rows(*rows, more=0):
    inner = "".join(
        f"<Part><PartNumber>{number}</PartNumber><Size>{size}</Size><ETag>&quot;{tag}&quot;</ETag></Part>"
        for number, size, tag in rows
    )
    cut = f"<IsTruncated>true</IsTruncated><NextPartNumberMarker>{more}</NextPartNumberMarker>" if more else ""
    return xml("ListPartsResult", cut + inner)


LISTED = part_rows((1, 10, MD5S[0]), (3, 4, MD5S[1]))
NO_UPLOAD = xml_error(404, "NoSuchUpload")
NO_OBJECT = error(404, "notFound", "No such object: there/dir/key")
CHANGED = error(412, "conditionNotMet")
COMPLETED = xml("CompleteMultipartUploadResult", "<ETag>&quot;x&quot;</ETag>")


def resource(name=NAME.key, **changes):
    later = json.dumps({"e": ETAG, "u": SEAL, "c": {"CRC32C": CRC}, "k": "FULL_OBJECT"})
    return {
        "name": name,
        "size": "14",
        "generation": "7",
        "updated": "2026-11-21T09:28:01Z",
        "crc32c": CRC,
        "storageClass": "NEARLINE",
        "metadata": {"bucketport-held": "{}", "bucketport-later": later},
    } | changes


PATCHED = answer(resource(STAGED, generation="5"))
MOVED = answer(resource())


def named(*tags, **how):
    parts = [PartInfo(number, 0, tag) for number, tag in zip((1, 3), tags or MD5S, strict=True)]
    return CompleteOptions(parts, **how)


def complete(play, options, *answers):
    return play(dialect().complete(UPLOAD, options), *answers)


def test_an_upload_is_begun_at_a_name_of_its_own(play):
    put = PutOptions("bob", {"content-type": "a/b", "x-amz-meta-a": "\u00fc"}, "STANDARD_IA", tags={"t": "1"})
    plan = dialect().create_upload(NAME, UploadOptions(put, "CRC32C", "FULL_OBJECT"))
    played = play(plan, xml("InitiateMultipartUploadResult", "<UploadId>g00gle.id</UploadId>"))
    request = played.request
    assert (request.method, request.query, request.idempotent) == ("POST", "uploads=", False)
    key, seal = key_of(request.path.removeprefix("/there/").replace("%20", " "))
    assert (key, seal[-3:]) == ("dir/key", "ccd")
    assert json.loads(request.headers["x-goog-meta-bucketport-held"]) == {
        "o": "bob",
        "s": "STANDARD_IA",
        "t": {"t": "1"},
    }
    assert request.headers["x-goog-meta-a"] == "=?UTF-8?B?w7w=?="
    assert request.headers["x-goog-storage-class"] == "NEARLINE"
    assert played.result == UploadName("here", "dir/key", f"{seal}.g00gle.id")


def test_an_id_says_what_google_does_not():
    found = staged(UPLOAD, "there")
    assert (found.name, found.id) == (ObjectName("there", STAGED), "ABPn_-.x")
    assert (found.algorithm, found.checksum_type, found.storage_class) == ("CRC32C", "FULL_OBJECT", "STANDARD_IA")
    assert found.started_ms == int(SEAL[:11], 16)


@pytest.mark.parametrize("id", ["", "x", SEAL, SEAL + ".", SEAL[:-1] + "z.x", "../" + SEAL + ".x", SEAL.upper() + ".x"])
def test_an_id_that_is_none_of_ours_is_no_upload(play, id):
    played = play(dialect().list_parts(UploadName("here", "key", id), 0, 10), answer({"name": "there"}))
    assert isinstance(played.raised, NoSuchUpload)
    played = play(dialect().abort(UploadName("here", "key", id)), error(404, "notFound"))
    assert isinstance(played.raised, NoSuchBucket)


def test_a_key_has_to_leave_room_for_the_name(play):
    played = play(dialect().create_upload(ObjectName("here", "\u00fc" * 500), UploadOptions(PutOptions(""))))
    assert (played.requests, type(played.raised)) == ([], KeyTooLongError)


def taken(content):
    return asyncio.run(uploads.take(content, needs_md5=False))


def test_a_part_bears_what_the_client_declared(play):
    digest = hashlib.md5(ONE, usedforsecurity=False).digest()
    promised = Promised(md5=digest, algorithm="CRC32C", value=checksum("CRC32C", ONE))
    content = taken(FakeContent(ONE, promised=promised))
    headers = {"etag": f'"{MD5S[0]}"', "date": "Sat, 21 Nov 2026 09:28:01 GMT"}
    played = play(dialect().put_part(UPLOAD, 2, content), (200, headers, b""))
    request = played.request
    assert (request.method, request.path) == ("PUT", XML_PATH)
    assert request.query == "partNumber=2&uploadId=ABPn_-.x"
    assert request.headers["x-goog-hash"] == f"crc32c={promised.value}"
    assert request.headers["content-md5"]
    assert played.result == PartInfo(2, 10, MD5S[0], 1_795_253_281_000, {"CRC32C": promised.value})
    played = play(dialect().put_part(UPLOAD, 2, content), (200, {"etag": '"other"'}, b""))
    assert isinstance(played.raised, BackendError)
    assert isinstance(play(dialect().put_part(UPLOAD, 2, content), NO_UPLOAD).raised, NoSuchUpload)


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_part_has_the_checksum_that_the_upload_was_begun_with(size):
    data = bytes(size)
    plan = dialect().put_part(UPLOAD, 1, taken(FakeContent(data, piece=9999)))
    body = next(plan).body

    async def drain():
        return b"".join([bytes(piece) async for pieces in body.blocks() for piece in pieces])

    assert (body if isinstance(body, bytes) else asyncio.run(drain())) == data
    with pytest.raises(StopIteration) as over:
        plan.send(HttpAnswer(200, {"etag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'}, b""))
    assert over.value.value.checksums == {"CRC32C": checksum("CRC32C", data)}


SOURCE = answer(resource("a", generation="3", metadata={}))


def test_a_part_of_an_object_passes_through(play):
    want = Want(range="bytes=2-5")
    played = play(
        dialect().copy_part(UPLOAD, 1, ObjectName("source", "a"), want),
        SOURCE,
        (206, {}, b"1111"),
        (200, {"etag": '"e"'}, b""),
    )
    read, write = played.requests[1:]
    assert (read.path, read.query, read.headers["range"]) == ("/source/a", "generation=3", "bytes=2-5")
    assert (write.path, write.body) == (XML_PATH, b"1111")
    assert played.result.checksums == {"CRC32C": checksum("CRC32C", b"1111")}
    played = play(dialect().copy_part(UPLOAD, 1, ObjectName("source", "a"), Want(range="bytes=2-14")), SOURCE)
    assert isinstance(played.raised, InvalidArgument)
    played = play(dialect().copy_part(UPLOAD, 1, ObjectName("source", "a"), WHOLE), SOURCE, (200, {}, b"short"))
    assert isinstance(played.raised, BackendError)


def test_a_long_part_of_an_object_is_never_held():
    released = []

    async def pieces():
        yield ONE
        yield TWO

    plan = dialect().copy_part(UPLOAD, 1, ObjectName("source", "a"), WHOLE)
    next(plan)
    plan.send(HttpAnswer(*SOURCE))
    write = plan.send(HttpAnswer(200, {}, Stream(pieces(), 14, lambda: released.append(1))))
    assert write.body.length == 14

    async def drain():
        return b"".join([bytes(piece) async for found in write.body.blocks() for piece in found])

    assert asyncio.run(drain()) == ONE + TWO
    assert not released
    with pytest.raises(StopIteration) as over:
        plan.send(HttpAnswer(200, {"etag": '"e"'}, b""))
    assert over.value.value.checksums == {"CRC32C": CRC}
    assert released == [1]


def test_parts_are_listed_in_pages(play):
    played = play(dialect().list_parts(UPLOAD, 4, 2), part_rows((5, 1, "a"), (6, 2, "b"), more=6))
    assert parse(played.request.query) == {"uploadId": "ABPn_-.x", "max-parts": "2", "part-number-marker": "4"}
    assert [(part.number, part.size, part.etag) for part in played.result.parts] == [(5, 1, "a"), (6, 2, "b")]
    assert (played.result.next_after, played.result.info.checksum_algorithm) == (6, "CRC32C")


def test_complete_lists_judges_completes_patches_and_moves(play):
    played = complete(play, named(), LISTED, NO_OBJECT, COMPLETED, PATCHED, MOVED)
    listing, look, post, patch, move = played.requests
    assert (listing.method, look.method, post.method, patch.method) == ("GET", "GET", "POST", "PATCH")
    assert (post.path, post.query, post.idempotent) == (XML_PATH, "uploadId=ABPn_-.x", False)
    assert post.body.decode() == (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;{MD5S[0]}&quot;</ETag></Part>"
        f"<Part><PartNumber>3</PartNumber><ETag>&quot;{MD5S[1]}&quot;</ETag></Part></CompleteMultipartUpload>"
    )
    assert patch.path == JSON_PATH
    held = json.loads(json.loads(patch.body)["metadata"]["bucketport-later"])
    assert held == {"e": ETAG, "u": SEAL, "p": [[1, 1, 10], [3, 1, 4]]}
    assert move.path == f"{JSON_PATH}/moveTo/o/dir%2Fkey"
    assert move.query == "ifSourceGenerationMatch=5"
    stored = played.result
    assert (stored.etag, stored.size, stored.version_id) == (ETAG, 14, "7")
    assert (stored.checksums, stored.checksum_type) == ({"CRC32C": CRC}, "FULL_OBJECT")


def test_complete_under_a_condition_moves_over_the_generation_that_was_judged(play):
    absent = named(conditions=WriteConditions(if_none_match="*"))
    played = complete(play, absent, LISTED, NO_OBJECT, COMPLETED, PATCHED, MOVED)
    assert played.requests[4].query == "ifSourceGenerationMatch=5&ifGenerationMatch=0"
    match = named(conditions=WriteConditions(if_match=ETAG))
    played = complete(play, match, LISTED, answer(resource(generation="2")), COMPLETED, PATCHED, MOVED)
    assert played.requests[4].query == "ifSourceGenerationMatch=5&ifGenerationMatch=2"


def test_a_condition_that_fails_at_once_leaves_the_upload(play):
    absent = named(conditions=WriteConditions(if_none_match="*"))
    played = complete(play, absent, LISTED, answer(resource()))
    assert (len(played.requests), type(played.raised)) == (2, PreconditionFailed)


def test_a_lost_race_leaves_nothing(play):
    absent = named(conditions=WriteConditions(if_none_match="*"))
    played = complete(play, absent, LISTED, NO_OBJECT, COMPLETED, PATCHED, CHANGED, (204, {}, b""))
    last = played.requests[5]
    assert (last.method, last.path, last.query) == ("DELETE", JSON_PATH, "generation=5")
    assert isinstance(played.raised, PreconditionFailed)


def test_a_lost_race_is_told_also_when_nothing_can_be_removed(play):
    absent = named(conditions=WriteConditions(if_none_match="*"))
    trouble = BackendError(Trouble.TIMEOUT, "no answer")
    played = complete(play, absent, LISTED, NO_OBJECT, COMPLETED, PATCHED, CHANGED, trouble)
    assert isinstance(played.raised, PreconditionFailed)


def test_trouble_between_the_steps_is_told(play):
    trouble = BackendError(Trouble.TIMEOUT, "no answer")
    for steps in (
        [LISTED],
        [LISTED, NO_OBJECT],
        [LISTED, NO_OBJECT, COMPLETED],
        [LISTED, NO_OBJECT, COMPLETED, PATCHED],
    ):
        assert complete(play, named(), *steps, trouble).raised is trouble


def test_other_content_than_the_parts_leaves_nothing(play):
    wrong = answer(resource(STAGED, size="13"))
    played = complete(play, named(), LISTED, NO_OBJECT, COMPLETED, wrong, (204, {}, b""))
    assert played.requests[4].method == "DELETE"
    assert isinstance(played.raised, BackendError)
    assert played.raised.trouble is Trouble.CORRUPT


def test_parts_are_judged_before_google_is_asked(play):
    assert isinstance(complete(play, named("0" * 32, MD5S[1]), LISTED).raised, InvalidPart)
    small = part_rows((1, 9, MD5S[0]), (3, 4, MD5S[1]))
    assert isinstance(complete(play, named(), small).raised, EntityTooSmall)
    assert isinstance(complete(play, named(size=15), LISTED).raised, InvalidRequest)
    wrong_type = named(checksum_type="COMPOSITE")
    assert isinstance(complete(play, wrong_type, LISTED).raised, InvalidRequest)


def test_all_pages_of_parts_are_read(play):
    pages = [part_rows((1, 10, MD5S[0]), more=1), part_rows((3, 4, MD5S[1]))]
    played = complete(play, named(), *pages, NO_OBJECT, COMPLETED, PATCHED, MOVED)
    assert parse(played.requests[1].query)["part-number-marker"] == "1"
    assert played.result.size == 14
    assert isinstance(complete(play, named(), part_rows(more=1), part_rows(more=1)).raised, BackendError)


def test_an_error_in_a_good_answer_is_an_error(play):
    failed = xml("Error", "<Code>InternalError</Code>")
    played = complete(play, named(), LISTED, NO_OBJECT, failed)
    assert isinstance(played.raised, BackendError)
    played = complete(play, named(), LISTED, NO_OBJECT, xml("Error", "<Code>InvalidPart</Code>"))
    assert isinstance(played.raised, InvalidPart)


def test_repeating_answers_the_same(play):
    played = complete(play, named(), NO_UPLOAD, MOVED)
    assert (played.result.etag, played.result.version_id) == (ETAG, "7")
    # Something else is there by now, or nothing.
    other = answer(resource(metadata={}))
    assert isinstance(complete(play, named(), NO_UPLOAD, other, NO_OBJECT).raised, NoSuchUpload)
    assert isinstance(complete(play, named(), NO_UPLOAD, NO_OBJECT, NO_OBJECT).raised, NoSuchUpload)


def test_a_complete_that_was_cut_short_is_finished_by_the_next(play):
    left = answer(resource(STAGED, generation="5"))
    played = complete(play, named(), NO_UPLOAD, NO_OBJECT, left, MOVED)
    assert played.requests[3].path == f"{JSON_PATH}/moveTo/o/dir%2Fkey"
    unpatched = answer(resource(STAGED, generation="5", metadata={"bucketport-held": "{}"}))
    played = complete(play, named(), NO_UPLOAD, NO_OBJECT, unpatched, PATCHED, MOVED)
    assert [request.method for request in played.requests] == ["GET", "GET", "GET", "PATCH", "POST"]
    assert played.result.etag == ETAG


def test_abort_removes_what_a_cut_complete_left(play):
    assert play(dialect().abort(UPLOAD), (204, {}, b"")).raised is None
    played = play(dialect().abort(UPLOAD), NO_UPLOAD, (204, {}, b""))
    assert (played.requests[1].method, played.requests[1].path, played.raised) == ("DELETE", JSON_PATH, None)
    assert isinstance(play(dialect().abort(UPLOAD), NO_UPLOAD, NO_OBJECT).raised, NoSuchUpload)


def upload_row(key, id="g"):
    return f"<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>2026-11-21T09:28:01Z</Initiated></Upload>"


def test_uploads_are_listed_by_their_keys(play):
    rows = (
        upload_row(STAGED.replace("/", "%2F").replace(" ", "%20"), "g.1")
        + upload_row("foreign")
        + ("<CommonPrefixes><Prefix>a%2F</Prefix></CommonPrefixes>")
    )
    played = play(dialect().list_uploads("here", ListQuery("d", limit=5)), xml("ListMultipartUploadsResult", rows))
    asked = parse(played.request.query)
    assert asked == {"uploads": "", "max-uploads": "5", "encoding-type": "url", "prefix": "d"}
    entry = played.result.entries[0]
    assert (entry.key, entry.upload_id, entry.checksum_algorithm) == ("dir/key", f"{SEAL}.g.1", "CRC32C")
    assert (len(played.result.entries), played.result.prefixes) == (1, ["a/"])


def test_uploads_continue_within_a_key_and_behind_it(play):
    def marker(query):
        return parse(play(dialect().list_uploads("here", query)).request.query)["key-marker"]

    assert marker(ListQuery(after="dir/key", after_id=UPLOAD.upload_id)) == STAGED
    assert marker(ListQuery(after="dir/key")) == "dir/key .bucketport-upload-~"
    assert marker(ListQuery(delimiter="/", after="dir/")) == "dir/\U0010ffff"


def test_a_delimiter_that_names_of_ours_hold_is_refused(play):
    played = play(dialect().list_uploads("here", ListQuery(delimiter="-")))
    assert (played.requests, type(played.raised)) == ([], NotImplemented)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html/>", b"<ListPartsResult>", b"<!DOCTYPE x><ListPartsResult/>"]
    + [
        f"<ListPartsResult><Part><PartNumber>{number}</PartNumber><Size>{size}</Size>{tag}</Part></ListPartsResult>".encode()
        for number, size, tag in (("x", 1, "<ETag>a</ETag>"), (1, -1, "<ETag>a</ETag>"), (1, 1, ""))
    ],
)
def test_xml_that_makes_no_sense_is_trouble(play, body):
    assert isinstance(play(dialect().list_parts(UPLOAD, 0, 10), (200, {}, body)).raised, BackendError)
