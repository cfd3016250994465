"""What does a gateway add to what is behind it? Names of its own, keys of its own, and bounds."""

import base64
import io
import zlib

import botocore
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1 << 20
PARTS = TransferConfig(multipart_threshold=16 * MIB, multipart_chunksize=8 * MIB, max_concurrency=4)
MAPPED, WEBSITE, HELD = "mapped", "website", "held"
READER = ("READERTESTKEY", "reader-test-secret")
OTHER = ("OTHERTESTKEY", "other-test-secret")


def _refusal(call, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def _keys(client, bucket, **more):
    return [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket, **more).get("Contents", [])]


@pytest.fixture(scope="module")
def main(gateway):
    """A client of the gateway's first user."""
    return gateway.client()


@pytest.fixture
def held(behind):
    """A client of the server behind, that empties the bucket there first."""
    client = behind.client()
    for key in _keys(client, HELD):
        client.delete_object(Bucket=HELD, Key=key)
    return client


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory, authority, behind, gateway):
    """One more gateway before the same server, over TLS, where clients send trailers."""
    running = type(gateway)(tmp_path_factory.mktemp("gateway-tls"), authority, behind)
    yield running
    assert running.stop() == 0


def test_what_is_put_lies_under_the_prefix(main, held):
    main.put_object(Bucket=MAPPED, Key="a/b", Body=b"content", Metadata={"colour": "blue"})
    assert _keys(held, HELD) == ["deep/er/a/b"]
    got = main.get_object(Bucket=MAPPED, Key="a/b")
    assert (got["Body"].read(), got["Metadata"]) == (b"content", {"colour": "blue"})
    assert held.get_object(Bucket=HELD, Key="deep/er/a/b")["Metadata"] == {"colour": "blue"}
    main.delete_object(Bucket=MAPPED, Key="a/b")
    assert _keys(held, HELD) == []


def test_listings_show_keys_without_the_prefix(main, held):
    keys = [f"{folder}/{number}" for folder in ("one", "two words+", "two") for number in range(4)]
    for key in keys:
        main.put_object(Bucket=MAPPED, Key=key, Body=b"x")
    for key in ("deep", "deep/es", "deep/erased", "deep/er0", "outside"):
        held.put_object(Bucket=HELD, Key=key, Body=b"x")
    for name, field in (("list_objects_v2", "Contents"), ("list_objects", "Contents")):
        pages = main.get_paginator(name).paginate(Bucket=MAPPED, PaginationConfig={"PageSize": 5})
        assert [entry["Key"] for page in pages for entry in page[field]] == keys
    versions = main.list_object_versions(Bucket=MAPPED, Prefix="two/", KeyMarker="two/1")
    assert [entry["Key"] for entry in versions["Versions"]] == ["two/2", "two/3"]
    folded = main.list_objects_v2(Bucket=MAPPED, Delimiter="/")
    assert [entry["Prefix"] for entry in folded["CommonPrefixes"]] == ["one/", "two words+/", "two/"]
    assert folded["Prefix"] == ""
    assert _keys(main, MAPPED, StartAfter="two/2") == ["two/3"]


def test_a_page_ends_with_a_name_without_the_prefix(main, held):
    for key in ("a", "b", "c"):
        main.put_object(Bucket=MAPPED, Key=key, Body=b"x")
    page = main.list_objects(Bucket=MAPPED, MaxKeys=2, Delimiter="/")
    assert page["NextMarker"] == "b"
    assert [entry["Key"] for entry in main.list_objects(Bucket=MAPPED, Marker="b")["Contents"]] == ["c"]


def test_parts_travel_under_the_prefix(main, held, big, sha):
    main.upload_fileobj(io.BytesIO(big), MAPPED, "big", ExtraArgs={"Metadata": {"a": "1"}}, Config=PARTS)
    assert _keys(held, HELD) == ["deep/er/big"]
    head = main.head_object(Bucket=MAPPED, Key="big")
    assert head["ETag"] == held.head_object(Bucket=HELD, Key="deep/er/big")["ETag"]
    assert head["ETag"].endswith('-3"')
    assert sha(main.get_object(Bucket=MAPPED, Key="big")["Body"].read()) == sha(big)
    main.copy({"Bucket": MAPPED, "Key": "big"}, MAPPED, "again", Config=PARTS)
    assert sha(held.get_object(Bucket=HELD, Key="deep/er/again")["Body"].read()) == sha(big)


def test_uploads_in_parts_are_named_without_the_prefix(main, held):
    begun = main.create_multipart_upload(Bucket=MAPPED, Key="dir/part by part")
    upload = {"Bucket": MAPPED, "Key": "dir/part by part", "UploadId": begun["UploadId"]}
    assert begun["Key"] == "dir/part by part"
    assert begun["Bucket"] == MAPPED
    etag = main.upload_part(**upload, PartNumber=1, Body=b"only")["ETag"]
    listed = main.list_multipart_uploads(Bucket=MAPPED, Prefix="dir/")
    assert [entry["Key"] for entry in listed["Uploads"]] == ["dir/part by part"]
    parts = main.list_parts(**upload)
    assert (parts["Key"], parts["Bucket"]) == ("dir/part by part", MAPPED)
    done = main.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert (done["Key"], done["Bucket"]) == ("dir/part by part", MAPPED)
    assert "deep" not in done["Location"]
    assert HELD not in done["Location"]
    assert _keys(held, HELD) == ["deep/er/dir/part by part"]


def test_a_copy_is_made_under_the_prefix(main, held):
    main.put_object(Bucket=MAPPED, Key="a b+c", Body=b"content", Metadata={"a": "1"})
    main.copy_object(Bucket=MAPPED, Key="copy", CopySource={"Bucket": MAPPED, "Key": "a b+c"})
    main.copy_object(Bucket=WEBSITE, Key="page", CopySource={"Bucket": MAPPED, "Key": "copy"})
    assert _keys(held, HELD) == ["deep/er/a b+c", "deep/er/copy", "site/page"]
    assert held.get_object(Bucket=HELD, Key="site/page")["Metadata"] == {"a": "1"}


def test_a_batch_is_deleted_under_the_prefix(main, held):
    held.put_object(Bucket=HELD, Key="a", Body=b"outside")
    for key in ("a", "b"):
        main.put_object(Bucket=MAPPED, Key=key, Body=b"x")
    said = main.delete_objects(Bucket=MAPPED, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "none"}]})
    assert {entry["Key"] for entry in said["Deleted"]} == {"a", "b", "none"}
    assert _keys(held, HELD) == ["a"]


@pytest.mark.parametrize(
    "key", ["../secret", "../../secret", "./../../secret", "/../secret", "%2e%2e/secret", "..%2Fsecret"]
)
def test_nothing_outside_the_prefix_is_reached(main, held, key):
    for outside in ("secret", "deep/secret", "deep/ersecret"):
        held.put_object(Bucket=HELD, Key=outside, Body=b"secret")
    assert _refusal(main.get_object, Bucket=MAPPED, Key=key) == (404, "NoSuchKey")
    assert _refusal(main.copy_object, Bucket=MAPPED, Key="k", CopySource={"Bucket": MAPPED, "Key": key})[0] == 404
    main.put_object(Bucket=MAPPED, Key=key, Body=b"within")
    assert f"deep/er/{key}" in _keys(held, HELD)
    main.delete_object(Bucket=MAPPED, Key=key)
    assert _keys(main, MAPPED, Prefix="../") == []
    assert _keys(held, HELD) == ["deep/ersecret", "deep/secret", "secret"]


def test_an_error_names_what_the_client_asked_for(main, held, gateway):
    with pytest.raises(ClientError) as caught:
        main.get_object(Bucket=MAPPED, Key="absent")
    assert caught.value.response["Error"]["Key"] == "absent"
    answer = gateway.ask("GET", f"/{WEBSITE}/absent")
    assert answer.status == 404
    assert b"<Key>absent</Key>" in answer.body
    assert HELD.encode() not in answer.body


def test_a_bucket_with_a_prefix_is_not_changed_whole(main, held):
    assert _refusal(main.delete_bucket, Bucket=MAPPED)[0] in (403, 405, 409, 501)
    assert _refusal(main.put_bucket_versioning, Bucket=MAPPED, VersioningConfiguration={"Status": "Enabled"})[0] in (
        403,
        405,
        501,
    )
    assert HELD in [entry["Name"] for entry in held.list_buckets()["Buckets"]]


def test_a_scoped_key_does_what_its_scope_says(main, held, gateway):
    for key in ("public/a", "private/b"):
        main.put_object(Bucket=MAPPED, Key=key, Body=b"x")
    main.put_object(Bucket=WEBSITE, Key="public/a", Body=b"x")
    reader = gateway.client(*READER)
    assert reader.get_object(Bucket=MAPPED, Key="public/a")["Body"].read() == b"x"
    assert reader.head_object(Bucket=MAPPED, Key="public/a")["ContentLength"] == 1
    assert _keys(reader, MAPPED, Prefix="public/") == ["public/a"]
    assert [entry["Name"] for entry in reader.list_buckets()["Buckets"]] in ([MAPPED], [MAPPED, WEBSITE])
    refused = (
        (reader.get_object, {"Bucket": MAPPED, "Key": "private/b"}),
        (reader.get_object, {"Bucket": MAPPED, "Key": "public"}),
        (reader.put_object, {"Bucket": MAPPED, "Key": "public/c", "Body": b"x"}),
        (reader.delete_object, {"Bucket": MAPPED, "Key": "public/a"}),
        (reader.delete_objects, {"Bucket": MAPPED, "Delete": {"Objects": [{"Key": "public/a"}]}}),
        (reader.list_objects_v2, {"Bucket": MAPPED}),
        (reader.list_objects_v2, {"Bucket": MAPPED, "Prefix": "pub"}),
        (reader.list_objects_v2, {"Bucket": HELD}),
        (reader.put_object, {"Bucket": WEBSITE, "Key": "public/c", "Body": b"x"}),
        (reader.create_bucket, {"Bucket": "readers-own"}),
    )
    for call, named in refused:
        assert _refusal(call, **named) == (403, "AccessDenied"), named
    assert _keys(main, MAPPED) == ["private/b", "public/a"]


def test_anonymous_access_reads_and_lists_and_nothing_else(main, held, gateway):
    main.put_object(Bucket=WEBSITE, Key="page.html", Body=b"<p>", ContentType="text/html")
    answer = gateway.ask("GET", f"/{WEBSITE}/page.html")
    assert (answer.status, answer.body, answer.getheader("Content-Type")) == (200, b"<p>", "text/html")
    stranger = gateway.client(signature_version=botocore.UNSIGNED)
    assert _keys(stranger, WEBSITE) == ["page.html"]
    assert _refusal(stranger.put_object, Bucket=WEBSITE, Key="k", Body=b"x") == (403, "AccessDenied")
    assert _refusal(stranger.delete_object, Bucket=WEBSITE, Key="page.html") == (403, "AccessDenied")
    assert _refusal(stranger.get_object, Bucket=MAPPED, Key="k") == (403, "AccessDenied")
    assert _refusal(stranger.list_objects_v2, Bucket=MAPPED) == (403, "AccessDenied")
    assert _refusal(stranger.get_object, Bucket=HELD, Key="site/page.html") == (403, "AccessDenied")


def test_each_user_acts_with_keys_of_their_own(main, gateway, behind):
    theirs = gateway.client(*OTHER)
    theirs.create_bucket(Bucket="gateway-theirs")
    owners = behind.client(behind.other_access, behind.other_secret)
    assert "gateway-theirs" in [entry["Name"] for entry in owners.list_buckets()["Buckets"]]
    assert "gateway-theirs" not in [entry["Name"] for entry in behind.client().list_buckets()["Buckets"]]
    assert _refusal(main.put_object, Bucket="gateway-theirs", Key="k", Body=b"x") == (403, "AccessDenied")
    assert _refusal(gateway.client(behind.access, behind.secret).list_buckets) == (403, "InvalidAccessKeyId")
    owners.delete_bucket(Bucket="gateway-theirs")


@pytest.mark.parametrize("size", [15, 300_000])
def test_a_trailer_travels_on(over_tls, held, big, size):
    content = big[:size]
    client = over_tls.client()
    sent = {}
    client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.update(request.headers))
    client.put_object(Bucket=MAPPED, Key="k", Body=io.BytesIO(content), ContentEncoding="gzip")
    assert "x-amz-trailer" in {name.lower() for name in sent}
    value = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    for head in (
        client.head_object(Bucket=MAPPED, Key="k", ChecksumMode="ENABLED"),
        held.head_object(Bucket=HELD, Key="deep/er/k", ChecksumMode="ENABLED"),
    ):
        assert (head["ChecksumCRC32"], head["ContentLength"]) == (value, size)
        assert head["ContentEncoding"] == "gzip"
    assert client.get_object(Bucket=MAPPED, Key="k")["Body"].read() == content
