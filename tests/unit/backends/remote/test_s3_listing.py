"""What does the S3 dialect make of listings, uploads and settings?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.s3 import listing
from bucketport.backends.remote.s3.dialect import S3
from bucketport.backends.remote.s3.requests import Place
from bucketport.errors import (
    BackendError,
    BucketNotEmpty,
    MalformedXML,
    NoSuchBucket,
    NoSuchUpload,
    NotImplemented,
    PreconditionFailed,
    Trouble,
)
from bucketport.message import HttpAnswer
from bucketport.model import BucketInfo, Entry, ObjectName, PartInfo, UploadName
from bucketport.operations.listing import entries_xml
from bucketport.options import (
    CompleteOptions,
    ListQuery,
    PutOptions,
    RelayedCall,
    UploadOptions,
    WriteConditions,
)

NAME, UPLOAD = ObjectName("b", "k"), UploadName("b", "k", "id/1")
ROW = ("<Contents><Key>{key}</Key><LastModified>2026-11-21T09:28:01.123Z</LastModified><ETag>&quot;e&quot;</ETag>"
       "<Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>")  # fmt: skip


def dialect(url="http://s3.test", **place):
    return S3(Place(parse_endpoint(url), **place))


def page(inner, root="ListBucketResult"):
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    return (200, {}, f'<?xml version="1.0"?>\n<{root} {space}>{inner}</{root}>'.encode())


class TestListing:
    def test_everything_asked_is_sent(self, play):
        query = ListQuery("p/ é", "/", "p/ é/x", 7, fetch_owner=True)
        request = play(dialect().list("b", query), page("")).request
        assert request.query == (
            "delimiter=%2F&encoding-type=url&fetch-owner=true&list-type=2&max-keys=7&prefix=p%2F%20%C3%A9"
            "&start-after=p%2F%20%C3%A9%2Fx"
        )

    def test_token_is_the_backends_own(self, play):
        request = play(dialect().list("b", ListQuery(token="t+/=", after="x")), page("")).request
        assert "continuation-token=t%2B%2F%3D" in request.query
        assert "start-after" not in request.query

    @pytest.mark.parametrize(
        ("query", "start"),
        [
            (ListQuery("", "/", "a/"), "a/\U0010ffff"),
            (ListQuery("p", "/", "p/"), "p/\U0010ffff"),
            (ListQuery("", "/", "a/b"), "a/b"),
            (ListQuery("", "/", "a/b/"), "a/b/"),
            (ListQuery("a/", "/", "a/b/"), "a/b/\U0010ffff"),
            (ListQuery("", "", "a/"), "a/"),
            (ListQuery("", "xy", "axy"), "axy\U0010ffff"),
        ],
    )
    def test_after_a_common_prefix_skips_what_is_beneath(self, query, start):
        assert listing.position(query) == start

    def test_row_of_every_kind_of_store(self, play):
        other = (
            '<Contents><ETag>"e"</ETag><Key>a%20b+c</Key><Size>5</Size><Owner><ID>o</ID></Owner>'
            "<LastModified>2026-11-21T09:28:01Z</LastModified></Contents>"
        )
        for row in (ROW.format(key="a%20b+c"), other):
            inner = f"<EncodingType>url</EncodingType>{row}<IsTruncated>false</IsTruncated>"
            entry = play(dialect().list("b", ListQuery()), page(inner)).result.entries[0]
            assert (entry[0], entry[1], entry[2], entry[3] // 1000) == ("a b c", 5, "e", 1795253281)

    def test_what_is_not_encoded_is_not_decoded(self, play):
        entries = play(dialect().list("b", ListQuery()), page(ROW.format(key="a%20b+c"))).result.entries
        assert entries[0][0] == "a%20b+c"

    def test_next_position_is_the_last_name(self, play):
        inner = (
            ROW.format(key="a")
            + "<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes><IsTruncated>true</IsTruncated>"
            + "<NextContinuationToken>t</NextContinuationToken>"
        )
        result = play(dialect().list("b", ListQuery()), page(inner)).result
        assert (result.truncated, result.next_after, result.next_token) == (True, "b/", "t")

    @pytest.mark.parametrize("data", [b"", b"<", b"<a/>", b"<!DOCTYPE x><ListBucketResult/>", b"<Contents></Contents>"])
    def test_what_makes_no_sense_is_trouble(self, play, data):
        raised = play(dialect().list("b", ListQuery()), (200, {}, data)).raised
        assert isinstance(raised, BackendError)

    @given(st.lists(st.tuples(st.text(min_size=1), st.integers(0, 10**15), st.integers(0, 4 * 10**12)), max_size=5))
    def test_our_own_pages_are_read_as_they_were_meant(self, rows):
        entries = [Entry(key, size, "e", ms, "STANDARD", "", "", "") for key, size, ms in rows]
        plan = dialect().list("b", ListQuery())
        next(plan)
        made = page(f"<EncodingType>url</EncodingType>{entries_xml(entries, 'url', False)}")
        with pytest.raises(StopIteration) as over:
            plan.send(HttpAnswer(*made))
        assert [tuple(entry) for entry in over.value.value.entries] == [tuple(entry) for entry in entries]


class TestUploads:
    def test_upload_is_begun_with_everything(self, play):
        options = UploadOptions(PutOptions("me", {"x-amz-meta-a": "b"}), "CRC32", "FULL_OBJECT")
        played = play(
            dialect().create_upload(NAME, options), page("<UploadId>u</UploadId>", "InitiateMultipartUploadResult")
        )
        assert played.result == UploadName("b", "k", "u")
        assert played.request.query == "uploads="
        assert played.request.headers["x-amz-checksum-algorithm"] == "CRC32"
        assert played.request.headers["x-amz-checksum-type"] == "FULL_OBJECT"
        assert not played.request.idempotent

    def test_complete_names_parts_checksums_and_conditions(self, play):
        options = CompleteOptions(
            [PartInfo(1, 0, "e<1", 0, {"CRC32": "AAAA"})],
            WriteConditions(None, "*"),
            {"CRC32": "BBBB"},
            "FULL_OBJECT",
            5,
        )
        inner = "<ETag>&quot;x-1&quot;</ETag><ChecksumCRC32>BBBB</ChecksumCRC32>"
        played = play(dialect().complete(UPLOAD, options), page(inner, "CompleteMultipartUploadResult"))
        assert (played.result.etag, played.result.checksums) == ("x-1", {"CRC32": "BBBB"})
        request = played.request
        assert request.query == "uploadId=id%2F1"
        assert (
            b"<ChecksumCRC32>AAAA</ChecksumCRC32><ETag>&quot;e&lt;1&quot;</ETag><PartNumber>1</PartNumber>"
            in request.body
        )
        assert request.headers["if-none-match"] == "*"
        assert request.headers["x-amz-checksum-crc32"] == "BBBB"
        assert request.headers["x-amz-mp-object-size"] == "5"

    @pytest.mark.parametrize(
        ("code", "kind"),
        [("InternalError", BackendError), ("PreconditionFailed", PreconditionFailed), ("NoSuchUpload", NoSuchUpload)],
    )
    def test_good_status_with_an_error_is_an_error(self, play, code, kind):
        body = f'<?xml version="1.0"?>\n\n<Error><Code>{code}</Code></Error>'.encode()
        played = play(dialect().complete(UPLOAD, CompleteOptions([PartInfo(1, 0, "e")])), (200, {}, body))
        assert type(played.raised) is kind


class TestBuckets:
    def test_absent_bucket(self, play):
        assert type(play(dialect().bucket("b"), (404, {}, b"")).raised) is NoSuchBucket

    def test_location_is_the_backends(self, play):
        request = play(dialect(region="eu-west-1").create_bucket(BucketInfo("b", "me", 0)), (200, {}, b"")).request
        assert b"<LocationConstraint>eu-west-1</LocationConstraint>" in request.body
        assert play(dialect().create_bucket(BucketInfo("b", "me", 0)), (200, {}, b"")).request.body == b""

    def test_unfinished_uploads_go_with_the_bucket(self, play):
        busy = (409, {}, b"<Error><Code>BucketNotEmpty</Code></Error>")
        uploads = page("<Upload><Key>k</Key><UploadId>u</UploadId></Upload>", "ListMultipartUploadsResult")
        empty = page("", "ListVersionsResult")
        played = play(dialect().delete_bucket("b"), busy, empty, uploads, (204, {}, b""), (204, {}, b""))
        assert [request.method for request in played.requests] == ["DELETE", "GET", "GET", "DELETE", "DELETE"]
        assert played.raised is None
        held = page("<Version><Key>k</Key><VersionId>v</VersionId></Version>", "ListVersionsResult")
        assert type(play(dialect().delete_bucket("b"), busy, held).raised) is BucketNotEmpty

    def test_names_are_filtered_and_cut(self, play):
        names = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in ("c", "aa", "ab", "ad"))
        result = play(
            dialect().list_buckets("a", "aa", 1), page(f"<Buckets>{names}</Buckets>", "ListAllMyBucketsResult")
        ).result
        assert ([info.name for info in result.buckets], result.next_after) == (["ab"], "ab")


class TestRelay:
    def test_only_what_is_allowed_goes_along(self, play):
        headers = {
            "content-md5": "x",
            "x-amz-checksum-crc32": "y",
            "x-amz-acl": "public-read",
            "x-amz-grant-read": "id=1",
            "x-amz-security-token": "token",
            "x-amz-bypass-governance-retention": "true",
            "cookie": "c",
            "authorization": "a",
            "x-amz-date": "d",
        }
        call = RelayedCall("PutBucketPolicy", "PUT", "b", None, {"policy": ""}, headers, b"{}")
        request = play(dialect(bucket="there").relay(call), (204, {}, b"")).request
        assert (request.method, request.path, request.query, request.body) == ("PUT", "/there", "policy=", b"{}")
        assert set(request.headers) == {"content-md5", "x-amz-checksum-crc32"}

    def test_what_was_granted_goes_along(self, play):
        headers = {"x-amz-bypass-governance-retention": "true", "x-amz-acl": "private"}
        granted = frozenset({"x-amz-bypass-governance-retention"})
        call = RelayedCall("PutObjectRetention", "PUT", "b", "k", {"retention": ""}, headers, b"", granted)
        assert set(play(dialect().relay(call), (200, {}, b"")).request.headers) == granted

    def test_answer_comes_back_but_for_what_names_the_backend(self, play):
        answer = {"content-type": "application/json", "x-amz-request-id": "r", "set-cookie": "c", "x-amz-new": "n"}
        call = RelayedCall("GetBucketPolicy", "GET", "b", None, {"policy": ""}, {})
        result = play(dialect().relay(call), (200, answer, b"{}")).result
        assert (result.headers, result.body) == ({"content-type": "application/json", "x-amz-new": "n"}, b"{}")

    def test_error_keeps_its_code(self, play):
        call = RelayedCall("GetBucketWebsite", "GET", "b", None, {"website": ""}, {})
        body = b"<Error><Code>NoSuchWebsiteConfiguration</Code></Error>"
        raised = play(dialect().relay(call), (404, {}, body)).raised
        assert (raised.code, raised.status) == ("NoSuchWebsiteConfiguration", 404)

    @pytest.mark.parametrize("name", ["CreateSession", "RenameObject", "PostObject"])
    def test_what_cannot_be_relayed(self, play, name):
        call = RelayedCall(name, "GET", "b", None, {}, {})
        assert type(play(dialect().relay(call)).raised) is NotImplemented

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    @pytest.mark.parametrize(
        "inner",
        [
            "<Type>SELECT</Type>",
            "<x:OutputLocation xmlns:x='y'><S3><BucketName>other</BucketName></S3></x:OutputLocation>",
        ],
    )
    def test_a_restore_writes_nowhere_else(self, play, inner, encoding):
        body = f"<RestoreRequest>{inner}</RestoreRequest>".encode(encoding)
        call = RelayedCall("RestoreObject", "POST", "b", "k", {"restore": ""}, {}, body)
        played = play(dialect().relay(call))
        assert type(played.raised) is NotImplemented
        assert not played.requests

    def test_a_plain_restore_is_relayed_and_another_body_is_not(self, play):
        body = b"<RestoreRequest><Days>1</Days></RestoreRequest>"
        call = RelayedCall("RestoreObject", "POST", "b", "k", {"restore": ""}, {}, body)
        assert play(dialect().relay(call), (202, {}, b"")).result.status == 202
        call = RelayedCall("RestoreObject", "POST", "b", "k", {"restore": ""}, {}, b"<Other/>")
        assert type(play(dialect().relay(call)).raised) is MalformedXML


def test_trouble_is_thrown_in_and_passes_through(play):
    trouble = BackendError(Trouble.TIMEOUT, "")
    assert play(dialect().list("b", ListQuery()), trouble).raised is trouble
