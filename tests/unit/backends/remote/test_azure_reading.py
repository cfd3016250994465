"""What does the Azure dialect send for a read, and what does it make of the answers? By values only."""

import pytest

from bucketport.backends.remote.azure.dialect import Azure
from bucketport.backends.remote.azure.requests import Place, Tools
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.upload import Upload
from bucketport.errors import (
    AccessDenied,
    BackendError,
    InvalidObjectState,
    InvalidRange,
    NoSuchBucket,
    NoSuchKey,
    NoSuchVersion,
    NotModified,
    OperationAborted,
    PreconditionFailed,
)
from bucketport.model import ObjectName, Promised, Sealed, Secret, Span
from bucketport.options import (
    ReadConditions,
    Want,
    WriteConditions,
)
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeEntropy

MD5 = bytes.fromhex("9a0364b9e99bb480dd25e1f0284c8555")
MD5_64 = "mgNkuembtIDdJeHwKEyFVQ=="
DATE = "Sat, 21 Nov 2026 09:28:01 GMT"
NAME = ObjectName("box", "a b/c")
PATH = "/box/a%20b/c"
HEAD = {
    "content-length": "7",
    "content-type": "text/plain",
    "content-md5": MD5_64,
    "etag": '"0x8DE"',
    "last-modified": DATE,
    "x-ms-access-tier": "Hot",
}
OTHER = "0123456789abcdef0123456789abcdef"
MATCH = WriteConditions(if_match=MD5.hex())


def refused(status, code):
    return status, {"x-ms-error-code": code}, b""


@pytest.fixture
def azure():
    tools = Tools(FakeClock(), FakeEntropy(), DIGESTS, Secret("sealing"))
    return Azure(Place(parse_endpoint("https://account.blob.core.windows.net"), account="account"), tools)


def small(data=b"content", checksums=None, promised=None):
    content = FakeContent(data, **({"promised": promised} if promised else {}))
    return Upload(content, len(data), data, Sealed(len(data), MD5, checksums or {}))


def long(length=1 << 20, **promised):
    return Upload(FakeContent(bytes(length), promised=Promised(**promised)), length, None, None)


class TestReading:
    """GET and HEAD."""

    def test_get_is_one_request(self, azure, play):
        played = play(azure.get(NAME, Want()), (200, HEAD, b"content"))
        sent = played.request
        assert (sent.method, sent.path, sent.query, dict(sent.headers)) == ("GET", PATH, "", {})
        assert sent.streamed
        found = played.result
        assert (found.info.etag, found.info.size, found.info.modified_ms) == (MD5.hex(), 7, 1_795_253_281_000)
        assert (found.info.storage_class, found.span, found.body) == ("STANDARD", None, b"content")
        assert dict(found.info.headers) == {"content-type": "text/plain"}

    @pytest.mark.parametrize(
        ("header", "sent"),
        [
            ("bytes=2-4", "bytes=2-4"),
            ("bytes=2-", "bytes=2-"),
            ("bytes=0-18446744073709551616", "bytes=0-"),
            ("bytes= 1-2", "bytes=1-2"),
        ],
    )
    def test_range_with_a_start_goes_out_at_once(self, azure, play, header, sent):
        answer = HEAD | {"content-range": "bytes 2-4/7", "content-length": "3"}
        answer |= {"x-ms-blob-content-md5": MD5_64, "content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}
        played = play(azure.get(NAME, Want(range=header)), (206, answer, b"nte"))
        assert dict(played.request.headers) == {"x-ms-range": sent}
        assert (played.result.span, played.result.info.size) == (Span(2, 5, 7), 7)
        assert played.result.info.etag == MD5.hex()

    def test_md5_of_a_range_is_not_taken_for_the_blobs(self, azure, play):
        answer = HEAD | {"content-range": "bytes 2-4/7", "content-length": "3"}
        played = play(azure.get(NAME, Want(range="bytes=2-4")), (206, answer, b"nte"))
        assert played.result.info.etag == "0x8DE"

    def test_suffix_needs_the_size(self, azure, play):
        answer = HEAD | {"content-range": "bytes 5-6/7", "content-length": "2"}
        played = play(azure.get(NAME, Want(range="bytes=-2")), (200, HEAD, b""), (206, answer, b"nt"))
        assert [sent.method for sent in played.requests] == ["HEAD", "GET"]
        assert dict(played.requests[1].headers) == {"if-match": '"0x8DE"', "x-ms-range": "bytes=5-6"}
        assert played.result.span == Span(5, 7, 7)

    @pytest.mark.parametrize("header", ["bytes=a-b", "bytes=3-1", "bytes=0-1,3-4", "lines=0-1"])
    def test_what_s3_ignores_is_not_sent(self, azure, play, header):
        assert dict(play(azure.get(NAME, Want(range=header))).request.headers) == {}

    def test_range_behind_the_end_tells_the_size(self, azure, play):
        played = play(azure.get(NAME, Want(range="bytes=7-")), refused(416, "InvalidRange"), (200, HEAD, b""))
        assert isinstance(played.raised, InvalidRange)
        assert played.raised.fields["ActualObjectSize"] == "7"

    def test_206_of_nothing_is_a_range_behind_the_end(self, azure, play):
        answer = HEAD | {"content-range": "bytes 7-6/7", "content-length": "0"}
        played = play(azure.get(NAME, Want(range="bytes=7-")), (206, answer, b""), (200, HEAD, b""))
        assert isinstance(played.raised, InvalidRange)

    def test_condition_that_mostly_fails_is_judged_by_a_head(self, azure, play):
        want = Want(conditions=ReadConditions(if_none_match=MD5.hex()))
        played = play(azure.get(NAME, want), (200, HEAD, b""))
        assert [sent.method for sent in played.requests] == ["HEAD"]
        assert isinstance(played.raised, NotModified)

    def test_condition_that_mostly_holds_is_judged_by_the_answer(self, azure, play):
        want = Want(conditions=ReadConditions(if_match=OTHER))
        played = play(azure.get(NAME, want), (200, HEAD, b"content"))
        assert isinstance(played.raised, PreconditionFailed)
        assert len(played.requests) == 1

    def test_read_begins_anew_when_the_blob_was_overwritten(self, azure, play):
        newer = HEAD | {"etag": '"0x9"', "content-length": "9"}
        partial = newer | {"content-range": "bytes 8-8/9", "content-length": "1"}
        lost = refused(412, "ConditionNotMet")
        played = play(
            azure.get(NAME, Want(range="bytes=-1")), (200, HEAD, b""), lost, (200, newer, b""), (206, partial, b"x")
        )
        assert [sent.method for sent in played.requests] == ["HEAD", "GET", "HEAD", "GET"]
        assert played.result.span == Span(8, 9, 9)

    def test_read_that_never_settles_is_given_up(self, azure, play):
        answers = [(200, HEAD, b""), refused(412, "ConditionNotMet")] * 3
        assert isinstance(play(azure.get(NAME, Want(range="bytes=-1")), *answers).raised, OperationAborted)

    def test_part_is_found_by_the_committed_blocks(self, azure, play):
        attempt = azure.attempt(2)
        rows = "".join(
            f"<Block><Name>{name}</Name><Size>{size}</Size></Block>"
            for name, size in ((azure.attempt(1).data(0), 3), (attempt.data(0), 3), (attempt.data(1), 1))
        )
        listed = f"<BlockList><CommittedBlocks>{rows}</CommittedBlocks></BlockList>".encode()
        head = HEAD | {"x-ms-meta-bucketport_etag": OTHER + "-2"}
        answer = head | {"content-range": "bytes 3-6/7", "content-length": "4"}
        played = play(azure.get(NAME, Want(part_number=2)), (200, head, b""), (200, {}, listed), (206, answer, b"tent"))
        assert played.requests[1].query == "comp=blocklist&blocklisttype=committed"
        assert played.requests[2].headers["x-ms-range"] == "bytes=3-6"
        assert (played.result.span, played.result.info.parts_count) == (Span(3, 7, 7), 2)

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (refused(404, "BlobNotFound"), NoSuchKey),
            (refused(404, "ContainerNotFound"), NoSuchBucket),
            (refused(404, ""), NoSuchKey),
            (refused(403, "AuthenticationFailed"), BackendError),
            (refused(401, "NoAuthenticationInformation"), BackendError),
            (refused(401, "SomethingNew"), BackendError),
            (refused(403, "AuthorizationPermissionMismatch"), AccessDenied),
            (refused(409, "BlobArchived"), InvalidObjectState),
            (refused(409, "PublicAccessNotPermitted"), AccessDenied),
            (refused(307, "TemporaryRedirect"), BackendError),
            ((200, {}, b""), BackendError),
            ((200, HEAD | {"content-length": "-1"}, b""), BackendError),
            ((200, HEAD | {"content-length": "\u0661"}, b""), BackendError),
        ],
    )
    def test_answer_means(self, azure, play, answer, kind):
        for plan in (azure.get(NAME, Want()), azure.head(NAME, Want())):
            assert type(play(plan, answer).raised) is kind

    def test_nothing_that_azure_wrote_reaches_the_client(self, azure, play):
        body = b"<Error><Code>AuthorizationFailure</Code><Message>secret words</Message></Error>"
        raised = play(azure.get(NAME, Want()), (403, {}, body)).raised
        assert "secret" not in raised.message
        assert "secret words" in raised.reason

    def test_version_other_than_null_is_none(self, azure, play):
        assert isinstance(play(azure.get(NAME, Want("1"))).raised, NoSuchVersion)
        assert play(azure.get(NAME, Want("null")), (200, HEAD, b"")).result.info.version_id is None

    def test_metadata_comes_back_as_it_was(self, azure, play):
        headers = HEAD | {
            "x-ms-meta-last_2dmodified": "x",
            "x-ms-meta-u": "=?UTF-8?B?w7w=?=",
            "x-ms-meta-bucketport_header_expires": "soon",
            "x-ms-meta-bucketport_owner": "bob",
            "x-ms-meta-bucketport_checksum_sha256": "abc",
            "x-ms-meta-bucketport_checksum_nonsense": "abc",
            "x-ms-meta-bucketport_class": "ONEZONE_IA",
            "x-ms-access-tier": "Cool",
            "x-ms-tag-count": "2",
        }
        info = play(azure.head(NAME, Want()), (200, headers, b"")).result.info
        assert info.headers["x-amz-meta-last-modified"] == "x"
        assert info.headers["x-amz-meta-u"] == "\u00fc"
        assert info.headers["expires"] == "soon"
        assert (info.owner, info.storage_class, info.tags_count) == ("bob", "ONEZONE_IA", 2)
        assert (dict(info.checksums), info.checksum_type) == ({"SHA256": "abc"}, "FULL_OBJECT")

    @pytest.mark.parametrize(
        ("tier", "named", "shown"),
        [
            ("Hot", "", "STANDARD"),
            ("Cool", "", "STANDARD_IA"),
            ("Cold", "", "GLACIER_IR"),
            ("Archive", "", "GLACIER"),
            ("Archive", "DEEP_ARCHIVE", "DEEP_ARCHIVE"),
            ("Hot", "DEEP_ARCHIVE", "STANDARD"),
            ("Cool", "REDUCED_REDUNDANCY", "STANDARD_IA"),
            ("Hot", "REDUCED_REDUNDANCY", "REDUCED_REDUNDANCY"),
            ("", "", "STANDARD"),
            ("P10", "", "STANDARD"),
            ("Hot", "<nonsense>", "STANDARD"),
        ],
    )
    def test_tier_shows_as(self, azure, play, tier, named, shown):
        headers = HEAD | {"x-ms-access-tier": tier} | ({"x-ms-meta-bucketport_class": named} if named else {})
        assert play(azure.head(NAME, Want()), (200, headers, b"")).result.info.storage_class == shown


def test_bucket_may_be_called_otherwise_there(play):
    tools = Tools(FakeClock(), FakeEntropy(), DIGESTS, Secret("sealing"))
    place = Place(parse_endpoint("http://127.0.0.1:10000/devstoreaccount1"), "data", "devstoreaccount1")
    azure = Azure(place, tools)
    assert play(azure.head(NAME, Want())).request.path == "/devstoreaccount1/data/a%20b/c"
    assert azure.real(NAME) == ObjectName("data", "a b/c")
