"""What does the S3 dialect send for an object, and what does it make of the answer?"""

import asyncio
import base64
import hashlib

import pytest

from bucketport.backends.remote import upload as uploads
from bucketport.backends.remote.credentials import AwsKey
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.s3.dialect import S3
from bucketport.backends.remote.s3.requests import Place
from bucketport.errors import (
    AccessDenied,
    BackendError,
    InvalidBucketName,
    InvalidPartNumber,
    InvalidRange,
    NoSuchKey,
    NoSuchVersion,
    NotModified,
    PreconditionFailed,
    Trouble,
)
from bucketport.message import Request
from bucketport.model import ObjectName, Promised, Secret, Span
from bucketport.options import (
    NO_CONDITIONS,
    WHOLE,
    CopyOptions,
    DeleteItem,
    PutOptions,
    ReadConditions,
    Want,
    WriteConditions,
)
from bucketport.testing.fakes import FakeContent, checksum
from bucketport.wire.authorization import read_header
from bucketport.wire.sigv4 import UNSIGNED_PAYLOAD, verify

NAME = ObjectName("here", "dir/a key+é")
NOW = 1_795_000_000.0
KEY = AwsKey("AKID", Secret("secret"))
HEAD = {
    "content-length": "5",
    "etag": '"abc"',
    "last-modified": "Sat, 21 Nov 2026 09:28:01 GMT",
    "content-type": "text/plain",
}


def dialect(url="http://s3.test:9000", **place):
    return S3(Place(parse_endpoint(url), bucket="there", **place))


def taken(content):
    return asyncio.run(uploads.take(content, needs_md5=False))


class TestNamesOfBucketsInAnAccount:
    """Where no bucket is configured, a client's own words reach the host name or the path."""

    @pytest.mark.parametrize(
        "bucket", ["a/b", "a\r\nx: y", "a b", "evil.test#", "user@evil.test", "a:80", "é", "..", "a."]
    )
    def test_before_a_host_only_labels_of_a_host_name_stand(self, play, bucket):
        account = S3(Place(parse_endpoint("https://s3.test"), virtual=True))
        assert type(play(account.head(ObjectName(bucket, "k"), WHOLE)).raised) is InvalidBucketName

    @pytest.mark.parametrize("bucket", [".", ".."])
    def test_a_path_has_no_dot_segment_for_a_bucket(self, play, bucket):
        account = S3(Place(parse_endpoint("http://s3.test/base")))
        assert type(play(account.head(ObjectName(bucket, "other/k"), WHOLE)).raised) is InvalidBucketName

    @pytest.mark.parametrize("bucket", ["data", "my.data", "My_Data-1"])
    def test_any_other_name_is_left_to_the_account(self, play, bucket):
        account = S3(Place(parse_endpoint("https://s3.test"), virtual=True))
        request = play(account.head(ObjectName(bucket, "k"), WHOLE), (200, HEAD, b"")).request
        assert request.endpoint.host == f"{bucket}.s3.test"


async def drained(body):
    return b"".join([bytes(piece) async for pieces in body.blocks() for piece in pieces])


def refused(code, message="secret words of the cloud"):
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


class TestGet:
    def test_key_is_sent_as_it_is(self, play):
        request = play(dialect().get(ObjectName("here", "a//b/../c"), WHOLE), (200, HEAD, b"12345")).request
        assert (request.method, request.path, request.query) == ("GET", "/there/a//b/../c", "")
        assert request.streamed

    def test_answer_becomes_an_object(self, play):
        headers = HEAD | {
            "x-amz-meta-name": "=?UTF-8?B?w6k=?=",
            "x-amz-storage-class": "STANDARD_IA",
            "x-amz-tagging-count": "2",
            "x-amz-version-id": "v1",
            "x-amz-checksum-crc32": "AAAAAA==",
            "x-amz-server-side-encryption": "AES256",
            "x-amz-request-id": "theirs",
            "content-encoding": "aws-chunked,gzip",
        }
        info = play(dialect().get(NAME, WHOLE), (200, headers, b"12345")).result.info
        assert (info.size, info.etag, info.modified_ms) == (5, "abc", 1795253281000)
        assert info.headers == {"content-type": "text/plain", "x-amz-meta-name": "é", "content-encoding": "gzip"}
        assert (info.storage_class, info.tags_count, info.version_id) == ("STANDARD_IA", 2, "v1")
        assert (info.checksums, info.checksum_type) == ({"CRC32": "AAAAAA=="}, "FULL_OBJECT")
        assert info.extra == {"x-amz-server-side-encryption": "AES256"}

    def test_everything_asked_is_sent(self, play):
        conditions = ReadConditions('"a"', '"b"', 1795253281, 1795253282)
        want = Want("v 1", "bytes=0-1", None, conditions, {"x-amz-request-payer": "requester"})
        request = play(dialect().get(NAME, want), (304, {}, b"")).request
        assert request.query == "versionId=v%201"
        assert request.headers == {
            "x-amz-checksum-mode": "ENABLED",
            "range": "bytes=0-1",
            "x-amz-request-payer": "requester",
            "if-match": '"a"',
            "if-none-match": '"b"',
            "if-modified-since": "Sat, 21 Nov 2026 09:28:01 GMT",
            "if-unmodified-since": "Sat, 21 Nov 2026 09:28:02 GMT",
        }

    def test_span_of_a_part(self, play):
        headers = HEAD | {"content-range": "bytes 2-3/5", "content-length": "2", "x-amz-mp-parts-count": "3"}
        found = play(dialect().get(NAME, Want(part_number=2)), (206, headers, b"34")).result
        assert (found.span, found.info.size, found.info.parts_count) == (Span(2, 4, 5), 5, 3)

    @pytest.mark.parametrize("content_range", ["", "bytes */5", "bytes 3-2/5", "bytes 2-5/5", "garbage"])
    def test_senseless_range_is_trouble(self, play, content_range):
        raised = play(dialect().get(NAME, WHOLE), (206, HEAD | {"content-range": content_range}, b"")).raised
        assert isinstance(raised, BackendError)

    def test_object_without_a_length_is_trouble(self, play):
        assert isinstance(play(dialect().get(NAME, WHOLE), (200, {"etag": '"a"'}, b"")).raised, BackendError)


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (404, refused("NoSuchKey"), NoSuchKey),
            (404, refused("NoSuchVersion"), NoSuchVersion),
            (403, refused("AccessDenied"), AccessDenied),
            (412, refused("PreconditionFailed"), PreconditionFailed),
            (304, b"", NotModified),
            (404, b"", NoSuchKey),
            (404, b"<html>", NoSuchKey),
        ],
    )
    def test_code_is_kept_and_words_are_not(self, play, status, body, kind):
        raised = play(dialect().get(NAME, WHOLE), (status, {}, body)).raised
        assert type(raised) is kind
        assert "secret" not in raised.message

    @pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidAccessKeyId", "ExpiredToken", "InvalidToken"])
    def test_what_is_wrong_with_the_gateway_is_no_fault_of_the_client(self, play, code):
        raised = play(dialect().get(NAME, WHOLE), (403, {}, refused(code))).raised
        assert isinstance(raised, BackendError)
        assert raised.trouble is Trouble.UNEXPECTED

    def test_unknown_code_of_s3_is_kept(self, play):
        raised = play(dialect().get(NAME, WHOLE), (400, {}, refused("NewCodeOfS3"))).raised
        assert (raised.code, raised.status) == ("NewCodeOfS3", 400)

    def test_redirect_is_not_followed(self, play):
        raised = play(dialect().get(NAME, WHOLE), (301, {"x-amz-bucket-region": "eu-west-1"}, b"")).raised
        assert isinstance(raised, BackendError)
        assert "eu-west-1" in raised.detail

    def test_range_that_cannot_be_names_the_size(self, play):
        body = b"<Error><Code>InvalidRange</Code><ActualObjectSize>5</ActualObjectSize></Error>"
        raised = play(dialect().get(NAME, WHOLE), (416, {"content-range": "bytes */5"}, body)).raised
        assert type(raised) is InvalidRange
        assert raised.fields["ActualObjectSize"] == "5"
        assert raised.headers["Content-Range"] == "bytes */5"

    def test_head_of_a_version_or_part_that_is_not_there(self, play):
        assert type(play(dialect().head(NAME, Want("v")), (404, {}, b"")).raised) is NoSuchVersion
        assert type(play(dialect().head(NAME, Want(part_number=2)), (416, {}, b"")).raised) is InvalidPartNumber

    def test_delete_marker_is_told(self, play):
        headers = {"x-amz-delete-marker": "true", "x-amz-version-id": "v"}
        assert play(dialect().head(NAME, WHOLE), (404, headers, b"")).raised.headers == headers


class TestSigning:
    @pytest.mark.parametrize("url", ["http://s3.test:9000", "https://s3.eu-west-1.amazonaws.com", "http://[::1]/base"])
    def test_server_believes_it(self, play, url):
        spoken = dialect(url)
        request = play(spoken.list("here", _query()), (404, {}, b"")).request
        sent = spoken.sign(request, AwsKey("AKID", Secret("secret"), "token"), NOW)
        headers = dict(sent.headers) | {"host": sent.endpoint.authority}
        signed = read_header(Request(sent.method, sent.path, sent.query, headers, None), "us-east-1")
        verify(signed, Secret("secret"))
        assert signed.token == "token"

    def test_nobody_signs_public_data(self, play):
        spoken = dialect(anonymous=True)
        sent = spoken.sign(play(spoken.get(NAME, WHOLE), (404, {}, b"")).request, None, NOW)
        assert not {"authorization", "x-amz-date", "x-amz-content-sha256"} & set(sent.headers)

    def test_bucket_goes_before_the_host(self, play):
        spoken = dialect("https://s3.test", virtual=True)
        request = play(spoken.get(ObjectName("here", "k"), WHOLE), (404, {}, b"")).request
        assert (request.endpoint.authority, request.path) == ("there.s3.test", "/k")


def _query():
    from bucketport.options import ListQuery

    return ListQuery(prefix="a b/é", delimiter="/")


OK = (200, {"etag": '"abc"', "date": "Sat, 21 Nov 2026 09:28:01 GMT"}, b"")


class TestPut:
    def test_everything_is_carried(self, play):
        options = PutOptions(
            "me",
            {"content-type": "text/é", "x-amz-meta-a": "é", "cache-control": "no-cache"},
            "GLACIER",
            "public-read",
            {"a b": "c&d"},
            WriteConditions(None, "*"),
            {"x-amz-server-side-encryption": "AES256"},
        )
        request = play(dialect().put(NAME, taken(FakeContent(b"hello")), options), OK).request
        assert request.headers == {
            "content-type": "text/é".encode().decode("latin-1"),
            "x-amz-meta-a": "=?UTF-8?B?w6k=?=",
            "cache-control": "no-cache",
            "x-amz-storage-class": "GLACIER",
            "x-amz-acl": "public-read",
            "x-amz-tagging": "a%20b=c%26d",
            "x-amz-server-side-encryption": "AES256",
            "if-none-match": "*",
        }
        assert request.body == b"hello"
        assert not request.idempotent

    @pytest.mark.parametrize("algorithm", ["CRC32", "CRC64NVME", "SHA256", "XXHASH128"])
    @pytest.mark.parametrize("size", [5, 300_000])
    def test_known_checksum_is_a_header(self, play, algorithm, size):
        data = b"x" * size
        value = checksum(algorithm, data)
        content = FakeContent(data, promised=Promised(hashlib.sha256(data).hexdigest(), b"", algorithm, value))
        request = play(dialect().put(NAME, taken(content), PutOptions("me")), OK).request
        assert request.headers[f"x-amz-checksum-{algorithm.lower()}"] == value
        assert request.headers["x-amz-content-sha256"] == hashlib.sha256(data).hexdigest()
        assert "x-amz-trailer" not in request.headers

    def test_content_md5_is_carried(self, play):
        md5 = hashlib.md5(b"hello").digest()
        content = FakeContent(b"hello", promised=Promised(md5=md5))
        request = play(dialect().put(NAME, taken(content), PutOptions("me")), OK).request
        assert request.headers["content-md5"] == base64.b64encode(md5).decode()

    def test_small_content_is_signed_over_plain_http_only(self, play):
        for url, payload in (
            ("http://s3.test", hashlib.sha256(b"hello").hexdigest()),
            ("https://s3.test", UNSIGNED_PAYLOAD),
        ):
            spoken = dialect(url)
            request = play(spoken.put(NAME, taken(FakeContent(b"hello")), PutOptions("me")), OK).request
            assert spoken.sign(request, KEY, NOW).headers["x-amz-content-sha256"] == payload

    def test_backend_that_does_not_confirm_is_trouble(self, play):
        played = play(dialect().put(NAME, taken(FakeContent(b"hello")), PutOptions("me")), (200, {}, b""))
        assert isinstance(played.raised, BackendError)


class TestCopyAndDelete:
    def test_copy_names_its_source(self, play):
        result = b"<CopyObjectResult><ETag>&quot;abc&quot;</ETag></CopyObjectResult>"
        options = CopyOptions("me", {"content-type": "a/b"}, {})
        played = play(dialect().copy(ObjectName("src", "a b?"), Want("v"), NAME, options), (200, {}, result))
        headers = played.request.headers
        assert headers["x-amz-copy-source"] == "/src/a%20b%3F?versionId=v"
        assert headers["x-amz-metadata-directive"] == headers["x-amz-tagging-directive"] == "REPLACE"
        assert played.result.etag == "abc"

    def test_good_answer_may_hold_an_error(self, play):
        body = b'<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>'
        played = play(dialect().copy(NAME, WHOLE, NAME, CopyOptions("me")), (200, {}, body))
        assert played.raised.trouble is Trouble.THROTTLED

    def test_keys_that_xml_cannot_hold_are_deleted_one_by_one(self, play):
        items = [DeleteItem("a"), DeleteItem("b\x01"), DeleteItem("c")]
        error = b"<Error><Key>a</Key><Code>AccessDenied</Code></Error>"
        body = b"<DeleteResult><Deleted><Key>c</Key></Deleted>%b</DeleteResult>" % error
        played = play(dialect().delete_many("here", items), (200, {}, body), (204, {}, b""))
        assert [request.method for request in played.requests] == ["POST", "DELETE"]
        assert played.requests[1].path == "/there/b%01"
        assert type(played.result[0]) is AccessDenied
        assert played.result[1].version_id is None

    def test_silence_about_a_key_is_an_error(self, play):
        played = play(dialect().delete_many("here", [DeleteItem("a")]), (200, {}, b"<DeleteResult/>"))
        assert isinstance(played.result[0], BackendError)

    def test_absent_key_is_deleted(self, play):
        assert play(dialect().delete(NAME, None, NO_CONDITIONS), (204, {}, b"")).result.version_id is None
