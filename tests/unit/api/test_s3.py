"""The main flow over the memory backend: what a client sees, request by request."""

import asyncio
import base64
import hashlib
import re
from typing import Any

import pytest

from bucketport.api.s3 import S3Api, Settings
from bucketport.backends.memory import Memory
from bucketport.crypto.digests import WheelDigests
from bucketport.message import Response
from bucketport.model import BucketInfo, BucketPage, Identity, Offer, owner_of
from bucketport.mounts import Mount
from bucketport.testing.asking import Asker, Says
from bucketport.testing.fakes import FakeClock, FakeIds
from bucketport.wire.path_mapping import PathMapping

DIGESTS = WheelDigests()


class Registry:
    """The memory backend's buckets."""

    def __init__(self, backend: Memory) -> None:
        self.backend = backend

    async def find(self, bucket: str, caller: Identity) -> Mount:
        info = await self.backend.bucket(bucket)
        return Mount(bucket, self.backend, info.owner, info.acl, info.region, info.created_ms)

    async def list(self, caller: Identity, prefix: str, after: str, limit: int) -> BucketPage:
        return await self.backend.list_buckets(caller.user, prefix, after, limit)

    async def create(self, info: BucketInfo, caller: Identity) -> None:
        await self.backend.create_bucket(info)


class Unread:
    """A body that must not be touched."""

    length: int | None = 5

    async def read(self) -> bytes:
        raise AssertionError("the body was read before the request was allowed")


class World(Asker):
    """A server's core without a server."""

    def __init__(self, settings: Settings = Settings(("s3.example",))) -> None:
        backend = Memory(now=FakeClock(), new_id=FakeIds(), digests=DIGESTS)
        self.backend = backend
        api = S3Api(Registry(backend), [Says()], DIGESTS, FakeClock(), settings)
        super().__init__([api], user="alice")

    def body(self, *asked: Any, **headers: str) -> str:
        answer = self.ask(*asked, **headers)
        assert isinstance(answer.body, bytes)
        return answer.body.decode()


@pytest.fixture
def world() -> World:
    made = World()
    assert made.ask("PUT", "/data").status == 200
    yield made
    assert not made.bugs


def code(answer: Response) -> str:
    assert isinstance(answer.body, bytes)
    found = re.search("<Code>(.*)</Code>", answer.body.decode())
    return found[1] if found else ""


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def test_an_object_comes_back_with_its_headers(world: World) -> None:
    put = world.ask(
        "PUT", "/data/a%20b", b"hello", content_type="text/plain", x_amz_meta_colour="blue", cache_control="no-cache"
    )
    assert put.headers["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    got = world.ask("GET", "/data/a%20b")
    assert (got.status, got.body) == (200, b"hello")
    assert got.headers["Content-Type"] == "text/plain"
    assert got.headers["x-amz-meta-colour"] == "blue"
    assert got.headers["Cache-Control"] == "no-cache"
    head = world.ask("HEAD", "/data/a%20b")
    assert head.headers["Content-Length"] == "5"
    assert head.body == b""


def test_a_range_is_a_206(world: World) -> None:
    world.ask("PUT", "/data/k", b"0123456789")
    got = world.ask("GET", "/data/k", range="bytes=2-4")
    assert (got.status, got.body, got.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert world.ask("GET", "/data/k", range="bytes=10-").status == 416


def test_checksums_come_only_when_asked_for_and_for_the_whole(world: World) -> None:
    world.ask("PUT", "/data/k", b"hello")
    assert "x-amz-checksum-crc64nvme" not in world.ask("GET", "/data/k").headers
    asked = world.ask("GET", "/data/k", x_amz_checksum_mode="ENABLED").headers
    assert asked["x-amz-checksum-crc64nvme"]
    assert asked["x-amz-checksum-type"] == "FULL_OBJECT"
    assert "x-amz-checksum-crc64nvme" not in world.ask(
        "GET", "/data/k", x_amz_checksum_mode="ENABLED", range="bytes=0-1"
    ).headers  # fmt: skip


def test_overrides_are_for_signed_requests_only(world: World) -> None:
    world.ask("PUT", "/data/k", b"x", x_amz_acl="public-read")
    got = world.ask("GET", "/data/k?response-content-type=a/b&response-content-disposition=attachment")
    assert got.headers["Content-Type"] == "a/b"
    assert got.headers["Content-Disposition"] == "attachment"
    assert code(world.ask("GET", "/data/k?response-content-type=a/b", user="")) == "InvalidRequest"
    assert world.ask("GET", "/data/k", user="").status == 200


def test_an_override_cannot_split_the_answer(world: World) -> None:
    world.ask("PUT", "/data/k", b"x")
    answer = world.ask("GET", "/data/k?response-content-type=a%0d%0ax-evil:1")
    assert code(answer) == "InvalidArgument"


def test_the_body_is_not_read_before_the_caller_may_write() -> None:
    world = World()
    world.ask("PUT", "/data")
    assert world.ask("PUT", "/data/k", Unread(), user="bob", content_length="5").status == 403
    assert world.ask("PUT", "/data/k", Unread(), user="", content_length="5").status == 403
    assert world.ask("POST", "/data?delete", Unread(), user="bob", content_md5="x").status == 403
    assert not world.bugs


def test_content_where_none_belongs_is_refused(world: World) -> None:
    assert code(world.ask("GET", "/data/k", b"content")) == "UnexpectedContent"


def test_another_users_bucket_is_denied_and_not_listed(world: World) -> None:
    assert code(world.ask("GET", "/data", user="bob")) == "AccessDenied"
    assert "<Bucket>" not in world.body("GET", "/", user="bob")
    assert "<Name>data</Name>" in world.body("GET", "/")


def test_making_ones_bucket_again_is_no_error(world: World) -> None:
    assert world.ask("PUT", "/data").status == 200
    assert code(world.ask("PUT", "/data", user="bob")) == "BucketAlreadyExists"


def test_buckets_come_in_pages(world: World) -> None:
    for name in ("bbb", "ccc"):
        world.ask("PUT", f"/{name}")
    first = world.body("GET", "/?max-buckets=2")
    token = re.search("<ContinuationToken>(.*)</ContinuationToken>", first)
    assert token
    assert re.findall("<Name>(.*?)</Name>", first) == ["bbb", "ccc"]
    second = world.body("GET", f"/?max-buckets=2&continuation-token={token[1]}")
    assert re.findall("<Name>(.*?)</Name>", second) == ["data"]
    assert "ContinuationToken" not in second


def keys(text: str) -> list[str]:
    return re.findall("<Contents><Key>(.*?)</Key>", text)


@pytest.mark.parametrize("start", ["list-type=2", "delimiter=/&list-type=2"])
def test_pages_of_the_second_version_make_the_whole(world: World, start: str) -> None:
    for key in ("a", "b/1", "b/2", "c", "d"):
        world.ask("PUT", f"/data/{key}", b"")
    whole = world.body("GET", f"/data?{start}")
    seen: list[str] = []
    query = f"{start}&max-keys=1"
    while True:
        page = world.body("GET", f"/data?{query}")
        seen += keys(page) + re.findall("<CommonPrefixes><Prefix>(.*?)</Prefix>", page)
        token = re.search("<NextContinuationToken>(.*)</NextContinuationToken>", page)
        if not token:
            break
        query = f"{start}&max-keys=1&continuation-token={token[1]}"
    assert sorted(seen) == sorted(keys(whole) + re.findall("<CommonPrefixes><Prefix>(.*?)</Prefix>", whole))


def test_a_token_that_is_none_of_ours_is_refused(world: World) -> None:
    assert code(world.ask("GET", "/data?list-type=2&continuation-token=%25")) == "InvalidArgument"


def test_keys_are_escaped_in_xml_and_encoded_on_demand(world: World) -> None:
    world.ask("PUT", "/data/%3C%26%3E%22+%2B", b"")
    assert keys(world.body("GET", "/data")) == ["&lt;&amp;&gt;&quot;++"]
    assert keys(world.body("GET", "/data?encoding-type=url")) == ["%3C%26%3E%22%2B%2B"]


def test_a_batch_delete_answers_each_key(world: World) -> None:
    world.ask("PUT", "/data/a", b"")
    xml = b"<Delete><Object><Key>a</Key></Object><Object><Key>absent</Key></Object></Delete>"
    answer = world.body("POST", "/data?delete", xml, content_md5=md5(xml))
    assert re.findall("<Deleted><Key>(.*?)</Key></Deleted>", answer) == ["a", "absent"]
    assert world.ask("HEAD", "/data/a").status == 404


def test_a_batch_delete_needs_a_digest_and_at_most_a_thousand_keys(world: World) -> None:
    xml = b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>"
    assert code(world.ask("POST", "/data?delete", xml)) == "InvalidRequest"
    assert code(world.ask("POST", "/data?delete", xml, content_md5=md5(xml))) == "MalformedXML"


def test_a_copy_keeps_or_replaces_what_is_said(world: World) -> None:
    world.ask("PUT", "/data/a", b"x", x_amz_meta_m="1", content_type="a/b")
    assert "<ETag>" in world.body("PUT", "/data/b", x_amz_copy_source="/data/a")
    assert world.ask("HEAD", "/data/b").headers["x-amz-meta-m"] == "1"
    world.ask("PUT", "/data/c", x_amz_copy_source="data/a", x_amz_metadata_directive="REPLACE", x_amz_meta_n="2")
    replaced = world.ask("HEAD", "/data/c").headers
    assert "x-amz-meta-m" not in replaced
    assert replaced["x-amz-meta-n"] == "2"


def test_a_copy_onto_itself_must_change_something(world: World) -> None:
    world.ask("PUT", "/data/a", b"x")
    assert code(world.ask("PUT", "/data/a", x_amz_copy_source="/data/a")) == "InvalidRequest"
    onto = world.ask("PUT", "/data/a", x_amz_copy_source="/data/a", x_amz_metadata_directive="REPLACE")
    assert onto.status == 200


def test_a_copy_needs_leave_for_its_source(world: World) -> None:
    world.ask("PUT", "/mine", user="bob")
    world.ask("PUT", "/data/secret", b"x")
    assert code(world.ask("PUT", "/mine/k", user="bob", x_amz_copy_source="/data/secret")) == "AccessDenied"


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_an_empty_upload_id_is_never_taken_for_none(world: World, method: str) -> None:
    world.ask("PUT", "/data/k", b"kept")

    def touched(*asked: Any) -> None:
        raise AssertionError("the backend was asked")

    for name in ("list_parts", "put_part", "copy_part", "complete", "abort"):
        setattr(world.backend, name, touched)
    assert code(world.ask(method, "/data/k?uploadId=&partNumber=1")) == "NoSuchUpload"
    if method == "PUT":
        asked = world.ask(method, "/data/k?uploadId&partNumber=1", x_amz_copy_source="/data/k")
        assert code(asked) == "NoSuchUpload"


def test_an_upload_in_parts(world: World) -> None:
    begun = world.body("POST", "/data/k?uploads", content_type="a/b")
    upload = re.search("<UploadId>(.*)</UploadId>", begun)
    assert upload
    one, two = b"1" * (5 << 20), b"2"
    tags = [
        world.ask("PUT", f"/data/k?partNumber={n}&uploadId={upload[1]}", data).headers["ETag"].strip('"')
        for n, data in ((1, one), (2, two))
    ]
    listed = world.body("GET", f"/data/k?uploadId={upload[1]}")
    assert re.findall("<PartNumber>(.*?)</PartNumber>", listed) == ["1", "2"]
    parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in enumerate(tags, 1))
    xml = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    done = world.body("POST", f"/data/k?uploadId={upload[1]}", xml)
    assert "<Location>http://127.0.0.1:9000/data/k</Location>" in done
    part = world.ask("GET", "/data/k?partNumber=2")
    assert (part.status, part.body, part.headers["x-amz-mp-parts-count"]) == (206, b"2", "2")
    assert world.ask("HEAD", "/data/k").headers["Content-Type"] == "a/b"


def test_a_part_comes_with_its_own_checksum(world: World) -> None:
    begun = world.body("POST", "/data/k?uploads", x_amz_checksum_algorithm="SHA256")
    upload = re.search("<UploadId>(.*)</UploadId>", begun)
    assert upload
    sent = world.ask("PUT", f"/data/k?partNumber=1&uploadId={upload[1]}", b"only").headers
    value = sent["x-amz-checksum-sha256"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{sent['ETag']}</ETag><ChecksumSHA256>{value}</ChecksumSHA256></Part>"
    xml = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    assert "<ChecksumType>COMPOSITE</ChecksumType>" in world.body("POST", f"/data/k?uploadId={upload[1]}", xml)
    got = world.ask("GET", "/data/k?partNumber=1", x_amz_checksum_mode="ENABLED").headers
    assert (got["x-amz-checksum-sha256"], got["x-amz-checksum-type"]) == (value, "COMPOSITE")


@pytest.mark.parametrize("number", ["0", "10001", "x", ""])
def test_a_part_number_out_of_range_is_refused(world: World, number: str) -> None:
    assert code(world.ask("PUT", f"/data/k?partNumber={number}&uploadId=u", b"")) == "InvalidArgument"


def test_tags_are_set_seen_and_removed(world: World) -> None:
    world.ask("PUT", "/data/k", b"x")
    xml = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
    assert world.ask("PUT", "/data/k?tagging", xml).status == 200
    assert "<Tag><Key>a</Key><Value>1</Value></Tag>" in world.body("GET", "/data/k?tagging")
    assert world.ask("HEAD", "/data/k").headers["x-amz-tagging-count"] == "1"
    assert world.ask("DELETE", "/data/k?tagging").status == 204
    assert "<Tag>" not in world.body("GET", "/data/k?tagging")


def test_an_acl_is_set_by_header_or_by_its_grants(world: World) -> None:
    world.ask("PUT", "/data/k", b"x")
    assert world.ask("GET", "/data/k", user="").status == 403
    assert world.ask("PUT", "/data/k?acl", x_amz_acl="public-read").status == 200
    assert world.ask("GET", "/data/k", user="").status == 200
    public = world.body("GET", "/data/k?acl")
    assert "AllUsers" in public
    world.ask("PUT", "/data/k?acl", x_amz_acl="private")
    assert world.ask("PUT", "/data/k?acl", public.encode()).status == 200
    assert world.ask("GET", "/data/k", user="").status == 200


def test_grants_that_no_canned_acl_expresses_are_not_approximated(world: World) -> None:
    world.ask("PUT", "/data/k", b"x")
    grants = world.body("GET", "/data/k?acl").replace("FULL_CONTROL", "READ")
    assert code(world.ask("PUT", "/data/k?acl", grants.encode())) == "NotImplemented"


def test_attributes_are_those_asked_for(world: World) -> None:
    world.ask("PUT", "/data/k", b"hello")
    text = world.body("GET", "/data/k?attributes", x_amz_object_attributes="ETag,ObjectSize")
    assert "<ETag>5d41402abc4b2a76b9719d911017c592</ETag><ObjectSize>5</ObjectSize>" in text
    assert code(world.ask("GET", "/data/k?attributes", x_amz_object_attributes="Colour")) == "InvalidArgument"


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/data?policy", "GetBucketPolicy"),
        ("PUT", "/data?versioning", "PutBucketVersioning"),
        ("GET", "/data/k?retention", "GetObjectRetention"),
        ("POST", "/data/k?select", "SelectObjectContent"),
    ],
)
def test_what_is_not_there_says_its_name(world: World, method: str, target: str, name: str) -> None:
    answer = world.ask(method, target)
    assert answer.status == 501
    assert name in answer.body.decode()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "header",
    [
        "x_amz_server_side_encryption",
        "x_amz_server_side_encryption_customer_key",
        "x_amz_object_lock_mode",
        "x_amz_grant_read",
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused(world: World, header: str) -> None:
    assert world.ask("PUT", "/data/k", b"x", **{header: "v"}).status == 501
    assert world.ask("HEAD", "/data/k").status == 404


def test_an_error_names_code_resource_and_request(world: World) -> None:
    text = world.body("GET", "/data/a%26b?versionId=null")
    assert "<Code>NoSuchKey</Code>" in text
    assert "<Resource>/data/a%26b</Resource>" in text
    assert "<RequestId>ID</RequestId>" in text


def test_a_head_has_no_body_even_for_an_error(world: World) -> None:
    assert world.ask("HEAD", "/data/absent").body == b""


def test_not_modified_has_its_etag_and_no_body(world: World) -> None:
    tag = world.ask("PUT", "/data/k", b"x").headers["ETag"]
    answer = world.ask("GET", "/data/k", if_none_match=tag)
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)


def test_create_only_and_compare_and_swap(world: World) -> None:
    tag = world.ask("PUT", "/data/k", b"x", if_none_match="*").headers["ETag"]
    assert world.ask("PUT", "/data/k", b"y", if_none_match="*").status == 412
    assert world.ask("PUT", "/data/k", b"y", if_match='"0"').status == 412
    assert world.ask("PUT", "/data/k", b"y", if_match=tag).status == 200


def test_a_bucket_may_be_in_the_host(world: World) -> None:
    world.ask("PUT", "/data/k", b"x")
    assert world.ask("GET", "/k", host="data.s3.example:9000").status == 200


def test_the_expected_owner_is_compared(world: World) -> None:
    assert world.ask("GET", "/data", x_amz_expected_bucket_owner="0" * 64).status == 403


def test_a_request_that_names_another_owner_of_the_bucket_is_refused(world: World, monkeypatch: Any) -> None:
    mine, other = owner_of("alice").id, owner_of("bob").id
    world.ask("PUT", "/data/a", b"1")
    assert world.ask("GET", "/data/a", x_amz_expected_bucket_owner=mine).status == 200
    assert code(world.ask("GET", "/data/a", x_amz_expected_bucket_owner=other)) == "AccessDenied"
    copy = {"x_amz_copy_source": "/data/a", "x_amz_source_expected_bucket_owner": other}
    world.ask("PUT", "/other")
    for target in ("/data/b", "/other/b"):
        assert code(world.ask("PUT", target, **copy)) == "AccessDenied"
        assert world.ask("PUT", target, **copy | {"x_amz_source_expected_bucket_owner": mine}).status == 200
    monkeypatch.setattr(world.backend, "offers", world.backend.offers | {Offer.RELAY})
    assert code(world.ask("DELETE", "/data?policy", x_amz_expected_bucket_owner=other)) == "AccessDenied"


def test_the_exchange_holds_who_did_what_and_why(world: World) -> None:
    world.ask("GET", "/data/k", user="bob")
    seen = world.exchange
    assert (seen.operation, seen.bucket, seen.key, seen.user, seen.code) == (
        "GetObject", "data", "k", "bob", "AccessDenied",
    )  # fmt: skip
    assert seen.reason == "bob does not own data and no ACL allows get_object"


def test_a_bug_is_reported_once_and_says_nothing_to_the_client(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(Memory, "get", None)
    answer = world.ask("GET", "/data/k")
    assert (answer.status, code(answer)) == (500, "InternalError")
    assert b"NoneType" not in answer.body  # type: ignore[operator]
    assert len(world.bugs) == 1
    assert "TypeError" in world.bugs.pop()


def test_mapped_paths_show_the_clients_names_and_no_others() -> None:
    world = World(Settings(mapping=PathMapping(2)))
    asyncio.run(world.backend.create_bucket(BucketInfo("acme:data", "alice", 0)))
    assert world.ask("PUT", "/acme/data/sub/report.csv", b"x").status == 200
    assert world.ask("GET", "/acme/data/sub/report.csv").body == b"x"
    for query in ("", "list-type=2&"):
        listed = world.body("GET", f"/acme?{query}prefix=data/sub/&delimiter=/")
        assert "<Name>acme</Name><Prefix>data/sub/</Prefix>" in listed
        assert keys(listed) == ["data/sub/report.csv"]
    assert "<Prefix>data/sub/</Prefix></CommonPrefixes>" in world.body("GET", "/acme?prefix=data/&delimiter=/")
    assert world.ask("PUT", "/acme/data/copy", x_amz_copy_source="acme/data/sub/report.csv").status == 200
    begun = world.body("POST", "/acme/data/big?uploads")
    assert "<Bucket>acme</Bucket><Key>data/big</Key>" in begun
    assert "<Key>data/big</Key>" in world.body("GET", "/acme/data?uploads")
    assert not world.bugs
