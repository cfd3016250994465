"""What does the Azure dialect send for uploads, listings and containers, and what does it make of hostile answers?"""

import urllib.parse

import pytest

from bucketport.backends.remote.azure.blocks import BEGUN, Attempt, mark
from bucketport.backends.remote.azure.dialect import Azure
from bucketport.backends.remote.azure.requests import Place, Tools
from bucketport.backends.remote.azure.upload_id import Begun, seal
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.upload import Upload
from bucketport.errors import (
    AccessDenied,
    BackendError,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidBucketName,
    InvalidToken,
    MetadataTooLarge,
    NoSuchBucket,
    NoSuchUpload,
    NotImplemented,
    PreconditionFailed,
    Trouble,
)
from bucketport.model import BucketInfo, ObjectName, PartInfo, Sealed, Secret, UploadName
from bucketport.options import CompleteOptions, ListQuery, PutOptions, UploadOptions, WriteConditions
from bucketport.testing.fakes import DIGESTS, FakeClock, FakeContent, FakeEntropy
from bucketport.wire.etag import multipart

DATE = "Sat, 21 Nov 2026 09:28:01 GMT"
NAME = ObjectName("box", "key")
NONCE = b"nonce1"
MD5 = bytes(range(16))
SECRET = Secret("sealing")
CREATED = (201, {"etag": '"0x8"', "last-modified": DATE}, b"")
NO_BLOB = (404, {"x-ms-error-code": "BlobNotFound"}, b"")


def refused(status, code):
    return status, {"x-ms-error-code": code}, b""


@pytest.fixture
def azure():
    tools = Tools(FakeClock(1_795_000_000.0), FakeEntropy(), DIGESTS, SECRET)
    return Azure(Place(parse_endpoint("https://h"), account="account"), tools, part_minimum=1)


def upload_of(algorithm="", kind="", **put):
    begun = Begun(NONCE, 5, UploadOptions(PutOptions("alice", **put), algorithm, kind))
    return UploadName("box", "key", seal(begun, NAME, SECRET))


def small(data=b"content"):
    return Upload(FakeContent(data), len(data), data, Sealed(len(data), MD5))


def block_list(*rows, kind="UncommittedBlocks"):
    made = "".join(f"<Block><Name>{name}</Name><Size>{size}</Size></Block>" for name, size in rows)
    return 200, {}, f"\ufeff<?xml version='1.0'?><BlockList><{kind}>{made}</{kind}></BlockList>".encode()


def part_rows(number=1, size=7, at=6, md5=MD5):
    attempt = Attempt(NONCE, number, at)
    return [(attempt.data(0), size), (attempt.seals(md5, b"")[0], 1)]


BEGIN = (mark(NONCE, BEGUN, 5), 1)


def ids(requests):
    return [urllib.parse.parse_qs(sent.query)["blockid"][0] for sent in requests if "comp=block&" in sent.query]


class TestUploads:
    """Uploads in parts."""

    def test_beginning_puts_a_mark(self, azure, play):
        played = play(azure.create_upload(NAME, UploadOptions(PutOptions("alice"))), CREATED)
        assert (played.request.method, played.request.path, played.request.body) == ("PUT", "/box/key", b"\0")
        (block,) = ids(played.requests)
        nonce = azure.begun(played.result)
        with pytest.raises(StopIteration) as stopped:
            next(nonce)
        assert block == mark(stopped.value.value.nonce, BEGUN, 1_795_000_000_000)

    @pytest.mark.parametrize(
        ("put", "kind"),
        [
            (PutOptions("a", acl="public-read"), NotImplemented),
            (PutOptions("a", {f"x-amz-meta-{'-' * n}": "" for n in range(1, 80)}), MetadataTooLarge),
        ],
    )
    def test_what_azure_cannot_hold_is_refused_at_the_beginning(self, azure, play, put, kind):
        played = play(azure.create_upload(NAME, UploadOptions(put)))
        assert isinstance(played.raised, kind)
        assert not played.requests

    def test_part_is_its_data_and_then_its_seal(self, azure, play):
        plan = azure.put_part(upload_of(), 7, small())
        played = play(plan, CREATED, CREATED, block_list(BEGIN))
        data, sealing = ids(played.requests)
        attempt = Attempt(NONCE, 7, 1_795_000_000_000, FakeEntropy()(2))
        assert (data, sealing) == (attempt.data(0), attempt.seals(MD5, b"")[0])
        assert [sent.body for sent in played.requests[:2]] == [b"content", b"\0"]
        assert played.requests[0].headers["content-md5"]
        assert played.requests[2].query == "comp=blocklist&blocklisttype=uncommitted"
        assert (played.result.size, played.result.etag) == (7, MD5.hex())

    @pytest.mark.parametrize(("number", "asked"), [(100, True), (101, False), (200, True), (9_999, False)])
    def test_whether_the_upload_is_there_is_asked_now_and_then(self, azure, play, number, asked):
        played = play(azure.put_part(upload_of(), number, small()), CREATED, CREATED, NO_BLOB)
        assert isinstance(played.raised, NoSuchUpload) == asked
        assert (played.result is None) == asked

    def test_checksum_of_the_upload_is_made_here(self, azure, play):
        plan = azure.put_part(upload_of("SHA512", "COMPOSITE"), 101, small())
        played = play(plan, CREATED, CREATED, CREATED)
        assert len(ids(played.requests)) == 3
        assert "SHA512" in played.result.checksums

    def test_parts_are_read_off_the_blocks(self, azure, play):
        blocks = block_list(BEGIN, *part_rows(2, 5, at=8), *part_rows(1, 3), *part_rows(3, 1))
        played = play(azure.list_parts(upload_of(), 1, 1), blocks)
        assert [(part.number, part.size, part.modified_ms) for part in played.result.parts] == [(2, 5, 8)]
        assert played.result.next_after == 2

    @pytest.mark.parametrize("answer", [NO_BLOB, block_list(), block_list(*part_rows())])
    def test_upload_without_its_mark_is_gone(self, azure, play, answer):
        for plan in (azure.upload(upload_of()), azure.list_parts(upload_of(), 0, 1), azure.abort(upload_of())):
            assert isinstance(play(plan, answer).raised, NoSuchUpload)

    def test_id_of_nobody_in_a_bucket_that_is_not_there(self, azure, play):
        stranger = UploadName("box", "key", "nonsense")
        assert isinstance(play(azure.upload(stranger), (404, {}, b"")).raised, NoSuchBucket)
        assert isinstance(play(azure.upload(stranger), (200, {}, b"")).raised, NoSuchUpload)
        assert isinstance(play(azure.upload(stranger), (403, {}, b"")).raised, NoSuchUpload)

    def test_completing_commits_the_named_parts_in_order(self, azure, play):
        how = CompleteOptions([PartInfo(1, 0, MD5.hex()), PartInfo(3, 0, MD5.hex())])
        blocks = block_list(BEGIN, *part_rows(3), *part_rows(2), *part_rows(1))
        upload = upload_of(headers={"content-type": "a/b"}, tags={"t": "1"}, storage_class="STANDARD_IA")
        played = play(azure.complete(upload, how), blocks, CREATED)
        sent = played.requests[1]
        tag = multipart([MD5.hex()] * 2)
        wanted = "".join(f"<Uncommitted>{Attempt(NONCE, n, 6).data(0)}</Uncommitted>" for n in (1, 3))
        assert sent.body == f'<?xml version="1.0" encoding="utf-8"?><BlockList>{wanted}</BlockList>'.encode()
        assert (sent.method, sent.query, sent.idempotent) == ("PUT", "comp=blocklist", False)
        assert dict(sent.headers) == {
            "x-ms-blob-content-type": "a/b",
            "x-ms-meta-bucketport_owner": "alice",
            "x-ms-meta-bucketport_etag": tag,
            "x-ms-meta-bucketport_upload": NONCE.hex(),
            "x-ms-meta-bucketport_class": "STANDARD_IA",
            "x-ms-tags": "t=1",
            "x-ms-access-tier": "Cool",
        }
        assert (played.result.etag, played.result.size) == (tag, 14)

    def test_answer_that_never_came_is_read_off_the_blob(self, azure, play):
        tag = multipart([MD5.hex()])
        head = {"content-length": "7", "etag": '"0x8"', "last-modified": DATE}
        ours = head | {"x-ms-meta-bucketport_upload": NONCE.hex(), "x-ms-meta-bucketport_etag": tag}
        how = CompleteOptions([PartInfo(1, 0, MD5.hex())])
        broken = BackendError(Trouble.BROKEN_OFF, "gone")
        blocks = block_list(BEGIN, *part_rows())
        assert play(azure.complete(upload_of(), how), blocks, broken, (200, ours, b"")).result.etag == tag
        assert play(azure.complete(upload_of(), how), blocks, broken, (200, head, b"")).raised is broken
        assert play(azure.complete(upload_of(), how), blocks, broken, NO_BLOB).raised is broken

    def test_completing_again_answers_the_same(self, azure, play):
        tag = multipart([MD5.hex()])
        head = {"content-length": "7", "etag": '"0x8"', "last-modified": DATE, "x-ms-meta-bucketport_etag": tag}
        how = CompleteOptions([PartInfo(1, 0, MD5.hex())])
        ours = (200, head | {"x-ms-meta-bucketport_upload": NONCE.hex()}, b"")
        assert play(azure.complete(upload_of(), how), NO_BLOB, ours).result.size == 7
        others = (200, head | {"x-ms-meta-bucketport_upload": "00"}, b"")
        assert isinstance(play(azure.complete(upload_of(), how), NO_BLOB, others).raised, NoSuchUpload)
        nonsense = CompleteOptions([PartInfo(1, 0, "no hex")])
        assert isinstance(play(azure.complete(upload_of(), nonsense), NO_BLOB).raised, NoSuchUpload)

    def test_blocks_that_vanish_before_the_commit(self, azure, play):
        how = CompleteOptions([PartInfo(1, 0, MD5.hex())], WriteConditions(if_none_match="*"))
        head = {"content-length": "7", "etag": '"0x8"', "last-modified": DATE}
        blocks, vanished = block_list(BEGIN, *part_rows()), refused(400, "InvalidBlockList")
        played = play(
            azure.complete(upload_of(), how), blocks, refused(400, "InvalidBlockList"), NO_BLOB, (200, head, b"")
        )
        assert isinstance(played.raised, PreconditionFailed)
        played = play(azure.complete(upload_of(), how), blocks, vanished, NO_BLOB, NO_BLOB)
        assert isinstance(played.raised, NoSuchUpload)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"<Other/>",
            b"<!DOCTYPE a [<!ENTITY b 'c'>]><BlockList>&b;</BlockList>",
            b"<BlockList><UncommittedBlocks><Block><Name>AAAA</Name></Block></UncommittedBlocks></BlockList>",
            b"<BlockList><UncommittedBlocks><Block><Size>-1</Size></Block></UncommittedBlocks></BlockList>",
            b"\xff\xfe<BlockList/>",
        ],
    )
    def test_nonsense_is_trouble_and_no_upload(self, azure, play, body):
        assert isinstance(play(azure.list_parts(upload_of(), 0, 1), (200, {}, body)).raised, BackendError)


def blob_row(name, encoded=False, **properties):
    had = {"Content-Length": "1", "Etag": "0x1", "Last-Modified": DATE, "AccessTier": "Hot"} | properties
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in had.items())
    mark = ' Encoded="true"' if encoded else ""
    return f"<Blob><Name{mark}>{name}</Name><Properties>{inner}</Properties><Metadata /></Blob>"


def prefix_row(name):
    return f"<BlobPrefix><Name>{name}</Name></BlobPrefix>"


def page(*rows, marker=""):
    body = f"<EnumerationResults><Blobs>{''.join(rows)}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    return 200, {}, b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>' + body.encode()


def query_of(sent):
    return dict(urllib.parse.parse_qsl(sent.query))


class TestListing:
    """List Blobs."""

    def test_what_is_asked(self, azure, play):
        played = play(azure.list("box", ListQuery("a b/", "/", "", 7)), page())
        assert played.request.path == "/box"
        assert query_of(played.request) == {
            "restype": "container",
            "comp": "list",
            "include": "metadata",
            "maxresults": "7",
            "prefix": "a b/",
            "delimiter": "/",
        }

    def test_short_pages_of_azures_are_one_of_ours(self, azure, play):
        answers = page(blob_row("a"), marker="m1"), page(marker="m2"), page(blob_row("b"), blob_row("c"), marker="m3")
        played = play(azure.list("box", ListQuery(limit=3)), *answers)
        assert [query_of(sent)["maxresults"] for sent in played.requests] == ["3", "2", "2"]
        assert [query_of(sent).get("marker") for sent in played.requests] == [None, "m1", "m2"]
        found = played.result
        assert ([entry[0] for entry in found.entries], found.truncated, found.next_token) == (
            ["a", "b", "c"],
            True,
            "m3",
        )
        assert found.next_after == "c"

    def test_token_is_azures_marker(self, azure, play):
        played = play(azure.list("box", ListQuery(token="m3", after="c")), page(blob_row("d")))
        assert query_of(played.request)["marker"] == "m3"
        assert "startFrom" not in query_of(played.request)
        assert not played.result.truncated

    @pytest.mark.parametrize("code", ["InvalidQueryParameterValue", "OutOfRangeInput"])
    def test_token_that_azure_did_not_give_is_the_clients(self, azure, play, code):
        assert isinstance(play(azure.list("box", ListQuery(token="x")), refused(400, code)).raised, InvalidToken)

    def test_position_is_asked_for_and_skipped(self, azure, play):
        played = play(azure.list("box", ListQuery(after="b")), page(blob_row("a"), blob_row("b"), blob_row("c")))
        assert query_of(played.request)["startFrom"] == "b"
        assert [entry[0] for entry in played.result.entries] == ["c"]

    def test_service_that_does_not_know_the_position_is_asked_without(self, azure, play):
        played = play(
            azure.list("box", ListQuery(after="b", limit=1)),
            refused(400, "UnsupportedQueryParameter"),
            page(blob_row("a"), marker="m1"),
            page(blob_row("c")),
        )
        assert "startFrom" not in query_of(played.requests[1])
        assert [entry[0] for entry in played.result.entries] == ["c"]

    def test_group_that_the_position_ends_is_skipped(self, azure, play):
        query = ListQuery(delimiter="/", after="a/")
        played = play(azure.list("box", query), page(prefix_row("a/"), blob_row("a0"), prefix_row("b/")))
        assert ([entry[0] for entry in played.result.entries], played.result.prefixes) == (["a0"], ["b/"])

    @pytest.mark.parametrize(("rest", "shown"), [((), []), ((blob_row("a/2"),), ["a/"])])
    def test_group_that_the_position_lies_in_is_asked_after(self, azure, play, rest, shown):
        played = play(azure.list("box", ListQuery(delimiter="/", after="a/1")), page(prefix_row("a/")), page(*rest))
        assert query_of(played.requests[1])["prefix"] == "a/"
        assert played.result.prefixes == shown

    def test_keys_that_xml_cannot_hold_are_decoded(self, azure, play):
        played = play(azure.list("box", ListQuery()), page(blob_row("a%EF%BF%BF%20b", encoded=True), blob_row("%20")))
        assert [entry[0] for entry in played.result.entries] == ["a\uffff b", "%20"]

    def test_directories_of_a_hierarchical_namespace_are_no_objects(self, azure, play):
        rows = blob_row("a", ResourceType="directory"), blob_row("a/1", ResourceType="file")
        found = play(azure.list("box", ListQuery()), page(*rows)).result
        assert [entry[0] for entry in found.entries] == ["a/1"]

    def test_etag_is_s3s(self, azure, play):
        row = blob_row("a", **{"Content-MD5": "AAECAwQFBgcICQoLDA0ODw==", "AccessTier": "Cool", "Content-Length": "12"})
        (entry,) = play(azure.list("box", ListQuery()), page(row)).result.entries
        assert entry[:5] == ("a", 12, MD5.hex(), 1_795_253_281_000, "STANDARD_IA")

    @pytest.mark.parametrize(
        "body", [b"", b"{}", b"<EnumerationResults>", b"<!DOCTYPE x><EnumerationResults/>", b"<Other/>"]
    )
    def test_nonsense_is_trouble(self, azure, play, body):
        assert isinstance(play(azure.list("box", ListQuery()), (200, {}, body)).raised, BackendError)

    def test_absent_bucket(self, azure, play):
        for answer in (refused(404, "ContainerNotFound"), refused(404, "ResourceNotFound"), (404, {}, b"")):
            assert isinstance(play(azure.list("box", ListQuery()), answer).raised, NoSuchBucket)


def containers(*names, marker=""):
    rows = "".join(
        f"<Container><Name>{n}</Name><Properties><Last-Modified>{DATE}</Last-Modified></Properties></Container>"
        for n in names
    )
    body = f"<EnumerationResults><Containers>{rows}</Containers><NextMarker>{marker}</NextMarker></EnumerationResults>"
    return 200, {}, body.encode()


class TestContainers:
    """Buckets are containers."""

    def test_listing_skips_what_comes_before_and_the_services_own(self, azure, play):
        played = play(
            azure.list_buckets("", "b", 2), containers("$logs", "a", "b", "c", marker="m"), containers("d", "e")
        )
        assert [info.name for info in played.result.buckets] == ["c", "d"]
        assert played.result.next_after == "d"
        assert played.requests[0].path == "/"

    def test_making_one(self, azure, play):
        played = play(azure.create_bucket(BucketInfo("new", "alice", 0)), CREATED)
        sent = played.request
        assert (sent.method, sent.path, sent.query) == ("PUT", "/new", "restype=container")
        assert dict(sent.headers) == {"x-ms-meta-bucketport_owner": "alice"}

    @pytest.mark.parametrize(("owner", "kind"), [("alice", BucketAlreadyOwnedByYou), ("bob", BucketAlreadyExists)])
    def test_making_one_that_is_there(self, azure, play, owner, kind):
        there = (200, {"x-ms-meta-bucketport_owner": owner, "last-modified": DATE}, b"")
        plan = azure.create_bucket(BucketInfo("new", "alice", 0))
        assert isinstance(play(plan, refused(409, "ContainerAlreadyExists"), there).raised, kind)

    def test_name_that_no_container_has(self, azure, play):
        assert isinstance(play(azure.create_bucket(BucketInfo("a.b", "alice", 0))).raised, InvalidBucketName)

    def test_removing_one_looks_first(self, azure, play):
        assert isinstance(play(azure.delete_bucket("box"), page(blob_row("a"))).raised, BucketNotEmpty)
        played = play(azure.delete_bucket("box"), page(), (202, {}, b""))
        assert (played.requests[1].method, played.requests[1].query) == ("DELETE", "restype=container")

    def test_configured_container_is_not_removed(self, play):
        tools = Tools(FakeClock(), FakeEntropy(), DIGESTS, SECRET)
        azure = Azure(Place(parse_endpoint("https://h"), "data"), tools)
        assert isinstance(play(azure.delete_bucket("box")).raised, AccessDenied)
