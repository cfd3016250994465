"""What does the Azure dialect send for a write or a copy, and what does it make of the answers? By values only."""

import pytest

from bucketport.backends.remote.azure.dialect import Azure
from bucketport.backends.remote.azure.requests import Place, Tools
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.upload import Upload
from bucketport.errors import (
    BackendError,
    BadDigest,
    ConditionalRequestConflict,
    InvalidStorageClass,
    MetadataTooLarge,
    NoSuchBucket,
    NoSuchKey,
    NotImplemented,
    OperationAborted,
    PreconditionFailed,
    Trouble,
)
from bucketport.message import HttpAnswer
from bucketport.model import Deleted, ObjectName, Promised, Sealed, Secret
from bucketport.options import (
    NO_CONDITIONS,
    CopyOptions,
    PutOptions,
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


CREATED = (201, {"etag": '"0x8"', "last-modified": DATE, "content-md5": MD5_64}, b"")


class TestWriting:
    """PUT and DELETE."""

    def test_put_is_one_request(self, azure, play):
        headers = {
            "content-type": "text/css",
            "cache-control": "no-store",
            "content-disposition": 'attachment; filename="\u00fc"',
            "expires": "soon",
            "x-amz-meta-a-b": "gr\u00fc\u00df",
        }
        how = PutOptions("alice", headers, "DEEP_ARCHIVE", tags={"a b": "c/d"})
        played = play(azure.put(NAME, small(checksums={"CRC32": "AAAAAA=="}), how), CREATED)
        sent = played.request
        assert (sent.method, sent.path, sent.query, sent.body, sent.idempotent) == ("PUT", PATH, "", b"content", True)
        assert dict(sent.headers) == {
            "x-ms-blob-type": "BlockBlob",
            "content-md5": MD5_64,
            "x-ms-blob-content-type": "text/css",
            "x-ms-blob-cache-control": "no-store",
            "x-ms-meta-bucketport_header_content_2ddisposition": "=?UTF-8?B?YXR0YWNobWVudDsgZmlsZW5hbWU9IsO8Ig==?=",
            "x-ms-meta-bucketport_header_expires": "soon",
            "x-ms-meta-a_2db": "=?UTF-8?B?Z3LDvMOf?=",
            "x-ms-meta-bucketport_owner": "alice",
            "x-ms-meta-bucketport_class": "DEEP_ARCHIVE",
            "x-ms-meta-bucketport_checksum_crc32": "AAAAAA==",
            "x-ms-tags": "a%20b=c%2Fd",
            "x-ms-access-tier": "Archive",
        }
        assert (played.result.etag, played.result.checksum_type) == (MD5.hex(), "FULL_OBJECT")

    def test_create_if_absent_is_azures_own(self, azure, play):
        how = PutOptions("alice", conditions=WriteConditions(if_none_match="*"))
        for answer in (refused(409, "BlobAlreadyExists"), refused(412, "ConditionNotMet")):
            played = play(azure.put(NAME, small(), how), answer)
            assert isinstance(played.raised, PreconditionFailed)
            assert played.request.headers["if-none-match"] == "*"
            assert not played.request.idempotent

    def test_compare_and_swap_bears_azures_etag(self, azure, play):
        played = play(azure.put(NAME, small(), PutOptions("alice", conditions=MATCH)), (200, HEAD, b""), CREATED)
        assert [sent.method for sent in played.requests] == ["HEAD", "PUT"]
        assert played.requests[1].headers["if-match"] == '"0x8DE"'

    def test_other_etag_sends_nothing(self, azure, play):
        how = PutOptions("alice", conditions=WriteConditions(if_match=OTHER))
        played = play(azure.put(NAME, small(), how), (200, HEAD, b""))
        assert isinstance(played.raised, PreconditionFailed)
        assert [sent.method for sent in played.requests] == ["HEAD"]

    def test_swap_is_tried_again_when_only_azures_etag_changed(self, azure, play):
        lost, newer = refused(412, "ConditionNotMet"), HEAD | {"etag": '"0x9"'}
        plan = azure.put(NAME, small(), PutOptions("alice", conditions=MATCH))
        played = play(plan, (200, HEAD, b""), lost, (200, newer, b""), CREATED)
        assert played.requests[3].headers["if-match"] == '"0x9"'
        assert played.result.etag == MD5.hex()

    def test_swap_is_lost_when_it_is_another_object(self, azure, play):
        lost, newer = refused(412, "ConditionNotMet"), HEAD | {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}
        plan = azure.put(NAME, small(), PutOptions("alice", conditions=MATCH))
        assert isinstance(play(plan, (200, HEAD, b""), lost, (200, newer, b"")).raised, PreconditionFailed)

    def test_content_that_is_gone_makes_it_a_conflict(self, azure, play):
        lost, newer = refused(412, "ConditionNotMet"), HEAD | {"etag": '"0x9"'}
        plan = azure.put(NAME, long(), PutOptions("alice", conditions=MATCH))
        assert isinstance(play(plan, (200, HEAD, b""), lost, (200, newer, b"")).raised, ConditionalRequestConflict)

    def test_known_checksum_of_long_content_goes_with_it(self, azure, play):
        plan = azure.put(NAME, long(algorithm="CRC32", value="AAAAAA==", md5=MD5), PutOptions("alice"))
        sent = play(plan).request
        assert sent.headers["x-ms-meta-bucketport_checksum_crc32"] == "AAAAAA=="
        assert sent.headers["content-md5"] == MD5_64
        assert sent.body.length == 1 << 20

    @pytest.mark.parametrize("status", [200, 404, 412])
    def test_checksum_that_comes_last_is_added(self, azure, play, status):
        upload = long(algorithm="CRC32")
        plan = azure.put(NAME, upload, PutOptions("alice", {"x-amz-meta-a": "1"}))
        next(plan)
        upload.sealed = Sealed(1 << 20, MD5, {"CRC32": "AAAAAA=="})
        sent = plan.send(HttpAnswer(*CREATED))
        assert (sent.method, sent.query) == ("PUT", "comp=metadata")
        assert dict(sent.headers) == {
            "if-match": '"0x8"',
            "x-ms-meta-a": "1",
            "x-ms-meta-bucketport_owner": "alice",
            "x-ms-meta-bucketport_checksum_crc32": "AAAAAA==",
        }
        with pytest.raises(StopIteration) as stopped:
            plan.send(HttpAnswer(status, {"etag": '"0x9"', "last-modified": DATE}))
        assert stopped.value.value.checksums == {"CRC32": "AAAAAA=="}

    def test_other_content_than_was_sent_is_told(self, azure, play):
        answer = (201, CREATED[1] | {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, b"")
        raised = play(azure.put(NAME, small(), PutOptions("alice")), answer).raised
        assert isinstance(raised, BackendError)
        assert raised.trouble is Trouble.CORRUPT

    @pytest.mark.parametrize("answer", [(201, {}, b""), (200, CREATED[1], b""), (204, {}, b"")])
    def test_put_that_is_not_confirmed_is_trouble(self, azure, play, answer):
        assert isinstance(play(azure.put(NAME, small(), PutOptions("alice")), answer).raised, BackendError)

    def test_answer_before_the_content_is_through_confirms_nothing(self, azure, play):
        assert isinstance(play(azure.put(NAME, long(), PutOptions("alice")), CREATED).raised, BackendError)

    def test_wrong_md5_is_the_clients(self, azure, play):
        plan = azure.put(NAME, small(), PutOptions("alice"))
        assert isinstance(play(plan, refused(400, "Md5Mismatch")).raised, BadDigest)

    @pytest.mark.parametrize(
        ("how", "kind"),
        [
            (PutOptions("alice", storage_class="SNOW"), InvalidStorageClass),
            (PutOptions("alice", acl="public-read"), NotImplemented),
            (PutOptions("alice", extra={"x-amz-object-lock-mode": "GOVERNANCE"}), NotImplemented),
            (PutOptions("alice", {f"x-amz-meta-{'-' * n}": "" for n in range(1, 80)}), MetadataTooLarge),
        ],
    )
    def test_what_azure_cannot_hold_is_refused_before_a_byte_is_sent(self, azure, play, how, kind):
        played = play(azure.put(NAME, small(), how))
        assert isinstance(played.raised, kind)
        assert not played.requests

    def test_delete_is_one_request(self, azure, play):
        played = play(azure.delete(NAME, None, NO_CONDITIONS), (202, {}, b""))
        assert (played.request.method, played.request.path, dict(played.request.headers)) == ("DELETE", PATH, {})
        assert played.result == Deleted(None)
        assert play(azure.delete(NAME, None, NO_CONDITIONS), refused(404, "BlobNotFound")).result == Deleted(None)
        assert isinstance(
            play(azure.delete(NAME, None, NO_CONDITIONS), refused(404, "ContainerNotFound")).raised, NoSuchBucket
        )

    def test_snapshots_are_not_removed(self, azure, play):
        raised = play(azure.delete(NAME, None, NO_CONDITIONS), refused(409, "SnapshotsPresent")).raised
        assert isinstance(raised, OperationAborted)

    def test_conditional_delete_is_a_compare_and_swap(self, azure, play):
        lost = refused(412, "ConditionNotMet")
        absent = refused(404, "BlobNotFound")
        played = play(azure.delete(NAME, None, MATCH), (200, HEAD, b""), lost, absent)
        assert played.requests[1].headers["if-match"] == '"0x8DE"'
        assert not played.requests[1].idempotent
        assert isinstance(played.raised, NoSuchKey)
        how = WriteConditions(if_match_size=7)
        assert play(azure.delete(NAME, None, how), absent).result == Deleted(None)


COPIED = (202, {"etag": '"0xC"', "last-modified": DATE, "x-ms-copy-id": "id", "x-ms-copy-status": "success"}, b"")
TARGET = ObjectName("box", "target")


class TestCopying:
    """CopyObject."""

    def test_copy_is_azures_own(self, azure, play):
        head = HEAD | {"x-ms-meta-a": "1", "x-ms-tag-count": "1", "x-ms-meta-bucketport_owner": "old"}
        tags = b"<Tags><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tags>"
        played = play(azure.copy(NAME, Want(), TARGET, CopyOptions("bob")), (200, head, b""), (200, {}, tags), COPIED)
        sent = played.requests[2]
        assert (sent.method, sent.path, sent.idempotent) == ("PUT", "/box/target", False)
        assert dict(sent.headers) == {
            "x-ms-copy-source": "https://account.blob.core.windows.net/box/a%20b/c",
            "x-ms-source-if-match": '"0x8DE"',
            "x-ms-meta-a": "1",
            "x-ms-meta-bucketport_owner": "bob",
            "x-ms-tags": "k=v",
            "x-ms-access-tier": "Hot",
        }
        assert (played.result.etag, played.result.size) == (MD5.hex(), 7)

    def test_copy_that_goes_on_is_waited_for(self, azure, play):
        pending = (202, COPIED[1] | {"x-ms-copy-status": "pending"}, b"")
        still = (200, HEAD | COPIED[1] | {"x-ms-copy-status": "pending"}, b"")
        done = (200, HEAD | COPIED[1], b"")
        plan = azure.copy(NAME, Want(), TARGET, CopyOptions("bob"))
        played = play(plan, (200, HEAD, b""), pending, still, still, done)
        assert [sent.method for sent in played.requests] == ["HEAD", "PUT", "HEAD", "HEAD", "HEAD"]
        assert played.result.etag == MD5.hex()

    @pytest.mark.parametrize("status", ["failed", "aborted", "", "nonsense"])
    def test_copy_that_fails_on_its_way_is_trouble(self, azure, play, status):
        answer = (202, COPIED[1] | {"x-ms-copy-status": status}, b"")
        plan = azure.copy(NAME, Want(), TARGET, CopyOptions("bob"))
        assert isinstance(play(plan, (200, HEAD, b""), answer).raised, BackendError)

    def test_copy_without_end_is_aborted(self, azure, play):
        pending = (202, COPIED[1] | {"x-ms-copy-status": "pending"}, b"")
        still = (200, HEAD | COPIED[1] | {"x-ms-copy-status": "pending"}, b"")
        plan = azure.copy(NAME, Want(), TARGET, CopyOptions("bob"))
        played = play(plan, (200, HEAD, b""), pending, *[still] * 60, (204, {}, b""))
        assert played.requests[-1].query == "comp=copy&copyid=id"
        assert played.requests[-1].headers["x-ms-copy-action"] == "abort"
        assert isinstance(played.raised, BackendError)

    def test_other_properties_are_set_after_the_copy(self, azure, play):
        how = CopyOptions("bob", headers={"content-type": "a/b", "x-amz-meta-n": "2"})
        changed = (200, {"etag": '"0xD"', "last-modified": DATE}, b"")
        played = play(azure.copy(NAME, Want(), TARGET, how), (200, HEAD, b""), COPIED, changed)
        sent = played.requests[2]
        assert sent.query == "comp=properties"
        assert dict(sent.headers) == {
            "x-ms-blob-content-type": "a/b",
            "x-ms-blob-content-md5": MD5_64,
            "if-match": '"0xC"',
        }
        assert played.requests[1].headers["x-ms-meta-n"] == "2"

    def test_source_that_changed_meanwhile_is_looked_at_again(self, azure, play):
        lost = refused(412, "SourceConditionNotMet")
        plan = azure.copy(NAME, Want(), TARGET, CopyOptions("bob"))
        played = play(plan, (200, HEAD, b""), lost, (200, HEAD | {"etag": '"0x9"'}, b""), COPIED)
        assert played.requests[3].headers["x-ms-source-if-match"] == '"0x9"'

    def test_copy_onto_itself_leaves_the_content(self, azure, play):
        how = CopyOptions("bob", headers={"content-type": "text/plain"}, storage_class="GLACIER_IR")
        changed = (200, {"etag": '"0x9"', "last-modified": DATE}, b"")
        played = play(azure.copy(NAME, Want(), NAME, how), (200, HEAD, b""), changed, (200, {}, b""))
        assert [sent.query for sent in played.requests] == ["", "comp=metadata", "comp=tier"]
        assert played.requests[1].headers["if-match"] == '"0x8DE"'
        assert played.requests[2].headers["x-ms-access-tier"] == "Cold"

    def test_source_condition_is_judged_first(self, azure, play):
        want = Want(conditions=ReadConditions(if_none_match=MD5.hex()))
        assert isinstance(
            play(azure.copy(NAME, want, TARGET, CopyOptions("b")), (200, HEAD, b"")).raised, PreconditionFailed
        )
