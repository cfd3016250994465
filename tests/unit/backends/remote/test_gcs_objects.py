"""What does the GCS dialect send to read, change or remove an object, and what does it make of the answer?"""

import json
import random

import pytest

from bucketport.backends.remote.credentials_gcs import Bearer
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.gcs.dialect import Gcs
from bucketport.backends.remote.gcs.requests import ATTEMPTS, Place
from bucketport.errors import (
    BackendError,
    ConditionalRequestConflict,
    InvalidBucketName,
    InvalidPartNumber,
    InvalidRange,
    InvalidURI,
    NoSuchBucket,
    NoSuchKey,
    NoSuchVersion,
    NotModified,
    OperationAborted,
    PreconditionFailed,
    Trouble,
)
from bucketport.model import Deleted, ObjectName, Offer, Secret, Span
from bucketport.options import NO_CONDITIONS, WHOLE, ReadConditions, Want, WriteConditions
from bucketport.testing.fakes import DIGESTS, FakeClock

NAME = ObjectName("here", "dir/a key+\u00e9")
PATH = "/there/dir/a%20key%2B%C3%A9"
JSON_PATH = "/storage/v1/b/there/o/dir%2Fa%20key%2B%C3%A9"
MD5 = "XUFAKrxLKna5cZ2REBfFkg=="
ETAG = "5d41402abc4b2a76b9719d911017c592"
HEAD = {
    "content-type": "text/plain",
    "last-modified": "Sat, 21 Nov 2026 09:28:01 GMT",
    "etag": f'"{ETAG}"',
    "x-goog-generation": "1795",
    "x-goog-metageneration": "1",
    "x-goog-stored-content-encoding": "identity",
    "x-goog-stored-content-length": "5",
    "x-goog-storage-class": "NEARLINE",
    "x-goog-hash": f"crc32c=mnG7TA==, md5={MD5}",
    "cache-control": "private, max-age=0",
    "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    "x-goog-meta-bucketport-held": '{"o":"bob","c":{"SHA1":"qg=="},"t":{"a":"1"},"w":"/x"}',
    "x-goog-meta-plain": "value",
    "x-goog-meta-word": "=?UTF-8?B?w7w=?=",
}
RESOURCE = {
    "name": NAME.key,
    "size": "5",
    "generation": "1795",
    "metageneration": "3",
    "updated": "2026-11-21T09:28:01.123Z",
    "timeCreated": "2026-11-21T09:28:01.123Z",
    "md5Hash": MD5,
    "crc32c": "mnG7TA==",
    "storageClass": "NEARLINE",
    "contentType": "text/plain",
    "metadata": {name[12:]: value for name, value in HEAD.items() if name.startswith("x-goog-meta-")},
}


def dialect(**place):
    place = Place(parse_endpoint("http://gcs.test:9000"), **{"bucket": "there", **place})
    return Gcs(place, DIGESTS, random.Random(1).randbytes, FakeClock(step=0.001))


def answer(**changes):
    return (200, {}, json.dumps(RESOURCE | changes).encode())


def error(status, reason, message=""):
    body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
    return (status, {}, json.dumps(body).encode())


def xml_error(status, code):
    return (status, {}, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode())


GONE = error(404, "notFound", "No such object: there/dir/a key")
CHANGED = error(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")


def test_offers_all_but_acls_cors_relaying_and_drafts():
    lacks = {Offer.ACLS, Offer.CORS, Offer.RELAY, Offer.DRAFTS, Offer.DIRECT}
    assert dialect().offers == frozenset(Offer) - lacks


def test_a_token_goes_out_as_a_bearers():
    request = next(dialect().head(NAME, WHOLE))
    assert dialect().sign(request, Bearer(Secret("t0k")), 0).headers == {"authorization": "Bearer t0k"}
    assert dialect().sign(request, None, 0) == request


def test_get_is_one_request_of_the_xml_api(play):
    played = play(dialect().get(NAME, WHOLE), (200, HEAD, b"hello"))
    request = played.request
    assert (request.method, request.path, request.query, request.streamed) == ("GET", PATH, "", True)
    # Otherwise Google unpacks gzip'ed content, and ignores ranges of it.
    assert request.headers == {"accept-encoding": "gzip"}
    info = played.result.info
    assert (info.key, info.size, info.etag, info.version_id) == (NAME.key, 5, ETAG, "1795")
    assert (info.owner, info.storage_class, info.tags_count) == ("bob", "STANDARD_IA", 1)
    assert (info.checksums, info.checksum_type) == ({"SHA1": "qg=="}, "FULL_OBJECT")
    assert info.modified_ms == 1_795_253_281_000
    assert info.headers == {
        "content-type": "text/plain",
        "x-amz-website-redirect-location": "/x",
        "x-amz-meta-plain": "value",
        "x-amz-meta-word": "\u00fc",
    }
    assert played.result.body == b"hello"


def test_head_shows_what_get_shows(play):
    got = play(dialect().get(NAME, WHOLE), (200, HEAD, b"hello")).result.info
    played = play(dialect().head(NAME, WHOLE), answer())
    assert (played.request.path, played.request.query) == (JSON_PATH, "projection=noAcl")
    assert played.result.info == got


def test_cache_control_is_the_owners_own_only(play):
    foreign = {name: value for name, value in HEAD.items() if "bucketport" not in name}
    assert play(dialect().get(NAME, WHOLE), (200, foreign, b"")).result.info.headers["cache-control"] == (
        "private, max-age=0"
    )
    ours = HEAD | {"x-goog-meta-bucketport-held": '{"cc":1}', "cache-control": "no-store"}
    assert play(dialect().get(NAME, WHOLE), (200, ours, b"")).result.info.headers["cache-control"] == "no-store"


def test_crc32c_of_google_is_shown_where_nothing_else_was_asked_for(play):
    plain = HEAD | {"x-goog-meta-bucketport-held": "{}"}
    assert play(dialect().get(NAME, WHOLE), (200, plain, b"")).result.info.checksums == {"CRC32C": "mnG7TA=="}


def test_later_entry_of_ours_wins(play):
    metadata = {"bucketport-held": '{"e":"a-1","t":{"a":"1"}}', "bucketport-later": '{"e":"b-2","m":1795000000}'}
    info = play(dialect().head(NAME, WHOLE), answer(metadata=metadata)).result.info
    assert (info.etag, info.tags_count, info.modified_ms) == ("b-2", 1, 1_795_000_000_000)


@pytest.mark.parametrize("held", ["", "[]", "{", '"x"', "[" * 5000, '{"p":[[1,99999,1]],"c":5,"t":[],"m":"x","e":7}'])
def test_entries_of_ours_that_make_no_sense_count_as_absent(play, held):
    info = play(dialect().head(NAME, WHOLE), answer(metadata={"bucketport-held": held})).result.info
    assert (info.etag, info.parts_count, info.tags_count, info.checksums) == (ETAG, 0, 0, {"CRC32C": "mnG7TA=="})


def test_an_object_without_md5_has_its_generation_for_an_etag(play):
    assert play(dialect().head(NAME, WHOLE), answer(md5Hash="", metadata={})).result.info.etag == "703-g"


def test_foreign_metadata_that_no_header_can_name_is_counted(play):
    info = play(dialect().head(NAME, WHOLE), answer(metadata={"A B": "1", "Upper": "2", "": "3"})).result.info
    assert info.headers["x-amz-meta-upper"] == "2"
    assert info.extra == {"x-amz-missing-meta": "2"}


def test_range_goes_along_and_is_compared(play):
    partial = HEAD | {"content-range": "bytes 1-3/5"}
    played = play(dialect().get(NAME, Want(range="bytes=1-3")), (206, partial, b"ell"))
    assert played.request.headers["range"] == "bytes=1-3"
    assert played.result.span == Span(1, 4, 5)
    for shown in ("bytes 0-2/5", "bytes 1-3/6", "nonsense"):
        played = play(dialect().get(NAME, Want(range="bytes=1-3")), (206, HEAD | {"content-range": shown}, b"ell"))
        assert isinstance(played.raised, BackendError)
    played = play(dialect().get(NAME, Want(range="bytes=1-3")), (200, HEAD, b"hello"))
    assert isinstance(played.raised, BackendError)


@pytest.mark.parametrize("header", ["bytes=0-1,3-4", "items=0-1", "bytes=3-1", "bytes=-"])
def test_what_is_no_range_to_s3_does_not_go_along(play, header):
    played = play(dialect().get(NAME, Want(range=header)), (200, HEAD, b"hello"))
    assert "range" not in played.request.headers
    assert played.result.span is None


def test_range_beyond_the_end_says_the_size(play):
    played = play(dialect().get(NAME, Want(range="bytes=9-")), xml_error(416, "InvalidRange"), answer())
    assert isinstance(played.raised, InvalidRange)
    assert played.raised.fields["ActualObjectSize"] == "5"


def test_conditions_come_before_the_range(play):
    want = Want(range="bytes=9-", conditions=ReadConditions(if_match='"other"'))
    played = play(dialect().get(NAME, want), xml_error(416, "InvalidRange"), answer())
    assert isinstance(played.raised, PreconditionFailed)


def test_if_match_is_judged_on_the_read_itself(play):
    want = Want(conditions=ReadConditions(if_match=f'"{ETAG}"'))
    assert play(dialect().get(NAME, want), (200, HEAD, b"hello")).result.body == b"hello"
    want = Want(conditions=ReadConditions(if_match='"other"'))
    assert isinstance(play(dialect().get(NAME, want), (200, HEAD, b"hello")).raised, PreconditionFailed)


def test_if_none_match_asks_for_no_content_first(play):
    want = Want(conditions=ReadConditions(if_none_match=f'"{ETAG}"'))
    played = play(dialect().get(NAME, want), answer())
    assert isinstance(played.raised, NotModified)
    assert played.request.path == JSON_PATH


def test_what_was_judged_is_what_is_read(play):
    want = Want(conditions=ReadConditions(if_none_match='"other"'))
    played = play(dialect().get(NAME, want), answer(), (200, HEAD, b"hello"))
    assert played.requests[1].query == "generation=1795"
    # Overwritten between the two: it is judged anew.
    newer = HEAD | {"x-goog-generation": "1796"}
    played = play(
        dialect().get(NAME, want), answer(), xml_error(404, "NoSuchKey"), answer(generation="1796"), (200, newer, b"x")
    )
    assert (played.requests[3].query, played.result.info.version_id) == ("generation=1796", "1796")


def test_a_part_is_read_by_its_place(play):
    metadata = {"bucketport-held": "{}", "bucketport-later": '{"e":"x-2","p":[[1,1,2],[3,1,3]]}'}
    partial = HEAD | {"content-range": "bytes 2-4/5", "x-goog-meta-bucketport-later": metadata["bucketport-later"]}
    played = play(dialect().get(NAME, Want(part_number=3)), answer(metadata=metadata), (206, partial, b"llo"))
    assert played.requests[1].headers["range"] == "bytes=2-4"
    assert (played.result.span, played.result.info.parts_count) == (Span(2, 5, 5), 2)
    played = play(dialect().get(NAME, Want(part_number=2)), answer(metadata=metadata))
    assert isinstance(played.raised, InvalidPartNumber)


def test_version_is_a_generation(play):
    played = play(dialect().get(NAME, Want("1795")), (200, HEAD, b"hello"))
    assert played.request.query == "generation=1795"
    assert isinstance(play(dialect().get(NAME, Want("1")), xml_error(404, "NoSuchKey")).raised, NoSuchVersion)
    assert isinstance(play(dialect().head(NAME, Want("1")), GONE).raised, NoSuchVersion)
    assert play(dialect().get(NAME, Want("null")), (200, HEAD, b"hello")).request.query == ""
    played = play(dialect().get(NAME, Want("../x")))
    assert (played.requests, type(played.raised)) == ([], NoSuchVersion)


def test_absent_key_and_absent_bucket_are_told_apart(play):
    assert isinstance(play(dialect().get(NAME, WHOLE), xml_error(404, "NoSuchKey")).raised, NoSuchKey)
    assert isinstance(play(dialect().get(NAME, WHOLE), xml_error(404, "NoSuchBucket")).raised, NoSuchBucket)
    assert isinstance(play(dialect().head(NAME, WHOLE), GONE).raised, NoSuchKey)
    no_bucket = error(404, "notFound", "The specified bucket does not exist.")
    assert isinstance(play(dialect().head(NAME, WHOLE), no_bucket).raised, NoSuchBucket)
    # An answer that does not say: the bucket is asked for.
    silent = error(404, "notFound", "Not Found")
    played = play(dialect().head(NAME, WHOLE), silent, silent)
    assert (played.requests[1].path, type(played.raised)) == ("/storage/v1/b/there", NoSuchBucket)
    assert isinstance(play(dialect().head(NAME, WHOLE), silent, answer()).raised, NoSuchKey)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b", "/there/a/b"),
        ("a/../b", "/there/a%2F..%2Fb"),
        ("/a", "/there/%2Fa"),
        ("a//b", "/there/a%2F%2Fb"),
        ("dir/", "/there/dir/"),
        ("?x#y%", "/there/%3Fx%23y%25"),
    ],
)
def test_no_key_is_a_walk(key, path):
    assert next(dialect().get(ObjectName("here", key), WHOLE)).path == path


@pytest.mark.parametrize("name", ["x-goog-generation", "x-goog-stored-content-length", "last-modified"])
@pytest.mark.parametrize("value", ["", "-1", "nonsense", "1" * 40])
def test_a_read_without_its_facts_is_trouble(play, name, value):
    played = play(dialect().get(NAME, WHOLE), (200, HEAD | {name: value}, b"hello"))
    assert isinstance(played.raised, BackendError)
    assert played.raised.trouble is Trouble.UNEXPECTED


READ = ("name", "size", "generation", "updated", "md5Hash", "crc32c", "storageClass", "contentType", "metadata")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'"x"', b"[" * 100_000]
    + [json.dumps(RESOURCE | {name: value}).encode() for name in READ for value in (True, [1], {"a": 1})]
    + [json.dumps(RESOURCE | changes).encode() for changes in ({"size": -1}, {"name": "x"}, {"updated": "yesterday"})],
)
def test_a_resource_that_makes_no_sense_is_trouble(play, body):
    played = play(dialect().head(NAME, WHOLE), (200, {}, body))
    assert isinstance(played.raised, BackendError)


def test_delete_is_no_error_where_nothing_is(play):
    played = play(dialect().delete(NAME, None, NO_CONDITIONS), (204, {}, b""))
    assert (played.request.method, played.request.path, played.request.query) == ("DELETE", JSON_PATH, "")
    assert played.result == Deleted()
    assert play(dialect().delete(NAME, None, NO_CONDITIONS), GONE).result == Deleted()
    played = play(dialect().delete(NAME, "1795", NO_CONDITIONS), (204, {}, b""))
    assert (played.request.query, played.result) == ("generation=1795", Deleted("1795"))


def test_delete_under_conditions_holds_by_the_generation(play):
    given = WriteConditions(if_match=ETAG)
    played = play(dialect().delete(NAME, None, given), answer(), (204, {}, b""))
    assert played.requests[1].query == "ifGenerationMatch=1795"
    assert not played.requests[1].idempotent
    played = play(dialect().delete(NAME, None, WriteConditions(if_match="other")), answer())
    assert (len(played.requests), type(played.raised)) == (1, PreconditionFailed)
    assert isinstance(play(dialect().delete(NAME, None, given), GONE).raised, NoSuchKey)


def test_delete_judges_again_what_was_changed_meanwhile(play):
    given = WriteConditions(if_match=ETAG)
    other = answer(md5Hash="AAAAAAAAAAAAAAAAAAAAAA==", generation="1796")
    played = play(dialect().delete(NAME, None, given), answer(), CHANGED, other)
    assert isinstance(played.raised, PreconditionFailed)
    same = answer(generation="1796")
    played = play(dialect().delete(NAME, None, given), answer(), CHANGED, same, (204, {}, b""))
    assert played.requests[3].query == "ifGenerationMatch=1796"
    played = play(dialect().delete(NAME, None, given), *[answer(), CHANGED] * ATTEMPTS)
    assert isinstance(played.raised, ConditionalRequestConflict)


def test_delete_by_size_and_time(play):
    given = WriteConditions(if_match_size=5, if_match_modified=1_795_253_281)
    assert play(dialect().delete(NAME, None, given), answer(), (204, {}, b"")).result == Deleted()
    assert isinstance(play(dialect().delete(NAME, None, given), answer(size="6")).raised, PreconditionFailed)


def test_tags_are_held_and_replaced_where_nobody_else_did(play):
    assert play(dialect().tags(NAME, None), answer()).result == {"a": "1"}
    played = play(dialect().put_tags(NAME, None, {"b": "\u00fc"}), answer(), answer())
    request = played.requests[1]
    assert (request.method, request.query) == ("PATCH", "generation=1795&ifMetagenerationMatch=3")
    held = json.loads(json.loads(request.body)["metadata"]["bucketport-held"])
    # The rest stays, and so does the time of the content, which a patch would change.
    assert held == {"o": "bob", "c": {"SHA1": "qg=="}, "t": {"b": "\u00fc"}, "w": "/x", "m": 1_795_253_281}
    assert played.result == "1795"
    played = play(dialect().put_tags(NAME, None, {}), *[answer(), CHANGED] * ATTEMPTS)
    assert isinstance(played.raised, OperationAborted)


def test_attributes_show_the_parts_that_are_held(play):
    metadata = {"bucketport-held": '{"e":"x-3","p":[[1,2,2],[7,1,1]]}'}
    played = play(dialect().attributes(NAME, None, 1, 1), answer(metadata=metadata))
    assert [(part.number, part.size) for part in played.result.parts] == [(2, 2)]
    assert (played.result.next_after, played.result.info.parts_count) == (2, 3)


@pytest.mark.parametrize("key", [".", ".."])
def test_a_key_that_is_a_step_of_a_path_reaches_neither_the_bucket_nor_the_account(play, key):
    name = ObjectName("here", key)
    for plan in (
        dialect().get(name, WHOLE),
        dialect().delete(name, None, NO_CONDITIONS),
        dialect().put_tags(name, None, {}),
    ):
        played = play(plan)
        assert type(played.raised) is InvalidURI
        assert not played.requests


@pytest.mark.parametrize("bucket", [".", ".."])
def test_a_bucket_of_an_account_is_no_step_of_a_path(play, bucket):
    account = dialect(bucket="")
    assert type(play(account.get(ObjectName(bucket, "k"), WHOLE)).raised) is InvalidBucketName
    assert type(play(account.delete(ObjectName(bucket, "k"), None, NO_CONDITIONS)).raised) is InvalidBucketName
