"""Does boto3 get what S3 would give it?"""

import base64
import datetime
import hashlib
import io
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1 << 20
PARTS = TransferConfig(multipart_threshold=16 * MIB, multipart_chunksize=8 * MIB, max_concurrency=4)

ODD_KEYS = (
    "a//b",
    "dir/",
    "/leading",
    "./x",
    "../x",
    "a/../../b",
    "%2F",
    "%252F",
    "a+b c",
    "tilde~bang!quote'(star)*",
    "q?x=1&y=2#z",
    "semi;colon:at@comma,equals=dollar$",
    'back\\slash|pipe{brace}^`<>"',
    "emoji-\N{GRINNING FACE}",
    "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n/\N{CJK UNIFIED IDEOGRAPH-6F22}",
    "e\N{COMBINING ACUTE ACCENT}",
    " leading and trailing ",
    "tab\tand\nnewline",
    "x" * 1024,
)


def _refusal(call, *arguments, **named):
    """(HTTP status, code) of the error that the call must raise."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.mark.parametrize("size", [0, 1, 1024, 100_000, 5 * MIB])
def test_content_comes_back(s3, bucket, big, sha, size):
    content = big[:size]
    stored = s3.put_object(Bucket=bucket, Key="k", Body=content)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert sha(got["Body"].read()) == sha(content)
    assert got["ContentLength"] == size
    assert got["ETag"] == stored["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'


def test_a_later_put_replaces(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"first", Metadata={"one": "1"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"second")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"second"
    assert got["Metadata"] == {}
    assert [entry["Size"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [6]


def test_a_default_checksum_is_sent_checked_and_kept(server, bucket):
    s3 = server.client()
    sent = {}
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.update(request.headers))
    s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(b"checked content"))
    names = {name.lower() for name in sent}
    assert ("x-amz-trailer" in names) == (server.authority is not None), "over TLS boto3 sends it as a trailer"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    value = base64.b64encode(zlib.crc32(b"checked content").to_bytes(4, "big")).decode()
    assert head["ChecksumCRC32"] == value
    assert head["ContentLength"] == len(b"checked content")
    assert "ContentEncoding" not in head


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_chosen_checksum_is_kept(s3, bucket, algorithm):
    stored = s3.put_object(Bucket=bucket, Key="k", Body=b"content", ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert stored[f"Checksum{algorithm}"] == head[f"Checksum{algorithm}"]
    assert head["ChecksumType"] == "FULL_OBJECT"


def test_a_wrong_checksum_stores_nothing(s3, bucket):
    wrong = base64.b64encode(bytes(32)).decode()
    status, code = _refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"content", ChecksumSHA256=wrong)
    assert (status, code) == (400, "BadDigest")
    assert _refusal(s3.head_object, Bucket=bucket, Key="k")[0] == 404


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=990-", 990, 1000), ("bytes=-7", 993, 1000)],
)
def test_a_range_is_cut_out(s3, bucket, big, wanted, start, stop):
    s3.put_object(Bucket=bucket, Key="k", Body=big[:1000])
    got = s3.get_object(Bucket=bucket, Key="k", Range=wanted)
    assert got["Body"].read() == big[start:stop]
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == f"bytes {start}-{stop - 1}/1000"


def test_a_range_past_the_end_is_refused(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"ten bytes!")
    assert _refusal(s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-") == (416, "InvalidRange")


def test_the_transfer_manager_sends_and_fetches_in_parts(s3, bucket, big, sha):
    s3.upload_fileobj(io.BytesIO(big), bucket, "big", ExtraArgs={"Metadata": {"colour": "blue"}}, Config=PARTS)
    head = s3.head_object(Bucket=bucket, Key="big")
    assert head["ContentLength"] == len(big)
    assert head["ETag"].endswith('-3"')
    assert head["Metadata"] == {"colour": "blue"}
    fetched = io.BytesIO()
    s3.download_fileobj(bucket, "big", fetched, Config=PARTS)
    assert sha(fetched.getvalue()) == sha(big)
    second = s3.get_object(Bucket=bucket, Key="big", PartNumber=2)
    assert second["PartsCount"] == 3
    assert sha(second["Body"].read()) == sha(big[8 * MIB : 16 * MIB])
    across = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={8 * MIB - 3}-{8 * MIB + 2}")
    assert across["Body"].read() == big[8 * MIB - 3 : 8 * MIB + 3]


def test_an_upload_is_seen_and_can_be_aborted(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=3, Body=b"third")
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"first part")
    parts = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 10), (3, 5)]
    assert [entry["UploadId"] for entry in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert _refusal(s3.list_parts, Bucket=bucket, Key="k", UploadId=upload) == (404, "NoSuchUpload")
    assert _refusal(s3.head_object, Bucket=bucket, Key="k")[0] == 404


def test_a_listing_has_pages_in_the_order_of_utf8(s3, bucket):
    keys = [f"n/{number:03}" for number in range(25)] + ["Z", "a", "\u00e9", "\uffee", "\U0001f600"]
    for key in reversed(keys):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for name in ("list_objects", "list_objects_v2"):
        pages = list(s3.get_paginator(name).paginate(Bucket=bucket, PaginationConfig={"PageSize": 7}))
        assert [len(page["Contents"]) for page in pages] == [7, 7, 7, 7, 2]
        listed = [entry["Key"] for page in pages for entry in page["Contents"]]
        assert listed == sorted(keys, key=str.encode)


def test_a_delimiter_folds_keys_into_prefixes(s3, bucket):
    for key in ("top", "a/1", "a/2", "b/c/1", "b/d", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [entry["Key"] for entry in page["Contents"]] == ["c", "top"]
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == ["a/", "b/"]
    inner = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="b/")
    assert [entry["Key"] for entry in inner["Contents"]] == ["b/d"]
    assert [entry["Prefix"] for entry in inner["CommonPrefixes"]] == ["b/c/"]
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="b/d")
    assert [entry["Key"] for entry in after["Contents"]] == ["c", "top"]


@pytest.mark.parametrize("key", ODD_KEYS, ids=lambda key: ascii(key)[:20])
def test_a_key_is_opaque(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == key.encode()
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert [entry["Key"] for entry in deleted["Deleted"]] == [key]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["copy"]


def test_a_key_of_1025_bytes_is_too_long(s3, bucket):
    assert _refusal(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"") == (400, "KeyTooLongError")


def test_headers_and_metadata_come_back(s3, bucket):
    expires = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
    s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"x",
        ContentType="text/x-odd; charset=utf-8",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="a b.txt"',
        ContentEncoding="gzip",
        ContentLanguage="de, en",
        Expires=expires,
        WebsiteRedirectLocation="/elsewhere",
        StorageClass="STANDARD_IA",
        Metadata={"colour": "blue", "with-dash": "a  b", "empty": ""},
    )
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ContentType"] == "text/x-odd; charset=utf-8"
    assert head["CacheControl"] == "max-age=60"
    assert head["ContentDisposition"] == 'attachment; filename="a b.txt"'
    assert head["ContentEncoding"] == "gzip"
    assert head["ContentLanguage"] == "de, en"
    assert head["ExpiresString"] == "Tue, 06 May 2031 07:08:09 GMT"
    assert head["WebsiteRedirectLocation"] == "/elsewhere"
    assert head["StorageClass"] == "STANDARD_IA"
    assert head["Metadata"] == {"colour": "blue", "with-dash": "a  b", "empty": ""}


def test_too_much_metadata_is_refused(s3, bucket):
    metadata = {"long": "x" * 2045}
    assert _refusal(s3.put_object, Bucket=bucket, Key="k", Metadata=metadata) == (400, "MetadataTooLarge")


def test_tags_are_kept_and_replaced(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="team=blue&note=a%20b")
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "only", "Value": "one"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "only", "Value": "one"}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_a_copy_keeps_or_replaces_metadata(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"content", ContentType="text/plain", Metadata={"a": "1"})
    source = {"Bucket": bucket, "Key": "k"}
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    s3.copy_object(
        Bucket=bucket, Key="new", CopySource=source, MetadataDirective="REPLACE", ContentType="text/x-new", Metadata={}
    )
    kept, new = (s3.get_object(Bucket=bucket, Key=key) for key in ("kept", "new"))
    assert (kept["Body"].read(), kept["ContentType"], kept["Metadata"]) == (b"content", "text/plain", {"a": "1"})
    assert (new["Body"].read(), new["ContentType"], new["Metadata"]) == (b"content", "text/x-new", {})
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"content"


def test_a_big_copy_is_made_of_parts(s3, bucket, big, sha):
    s3.upload_fileobj(io.BytesIO(big), bucket, "big", Config=PARTS)
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "again", Config=PARTS)
    got = s3.get_object(Bucket=bucket, Key="again")
    assert got["ETag"].endswith('-3"')
    assert sha(got["Body"].read()) == sha(big)


def test_what_is_deleted_is_gone(s3, bucket):
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_object(Bucket=bucket, Key="a")
    assert _refusal(s3.get_object, Bucket=bucket, Key="a") == (404, "NoSuchKey")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}, {"Key": "never there"}]})
    assert {entry["Key"] for entry in answer["Deleted"]} == {"b", "never there"}
    assert _refusal(s3.delete_bucket, Bucket=bucket) == (409, "BucketNotEmpty")
    s3.delete_object(Bucket=bucket, Key="c")
    s3.delete_bucket(Bucket=bucket)
    assert _refusal(s3.head_bucket, Bucket=bucket)[0] == 404
    assert _refusal(s3.list_objects_v2, Bucket=bucket) == (404, "NoSuchBucket")


def test_a_conditional_read_is_judged(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert _refusal(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)[0] == 304
    assert _refusal(s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"') == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"x"


def test_a_conditional_write_is_judged(s3, bucket):
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")["ETag"]
    again = {"Bucket": bucket, "Key": "k", "Body": b"second"}
    assert _refusal(s3.put_object, **again, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert _refusal(s3.put_object, **again, IfMatch='"other"') == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"
    s3.put_object(**again, IfMatch=first)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"
    assert _refusal(s3.put_object, Bucket=bucket, Key="absent", Body=b"", IfMatch=first) == (404, "NoSuchKey")


def test_of_many_who_create_one_wins(server, bucket):
    clients = [server.client() for _ in range(8)]
    together = threading.Barrier(len(clients))

    def create(number):
        together.wait()
        try:
            clients[number].put_object(Bucket=bucket, Key="lock", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"]["Code"]
        return number

    with ThreadPoolExecutor(len(clients)) as threads:
        outcomes = list(threads.map(create, range(len(clients))))
    winners = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(winners) == 1
    assert set(outcomes) - set(winners) <= {"PreconditionFailed", "ConditionalRequestConflict"}
    assert clients[0].get_object(Bucket=bucket, Key="lock")["Body"].read() == b"%d" % winners[0]


def test_attributes_tell_of_parts(s3, bucket, big):
    s3.upload_fileobj(io.BytesIO(big), bucket, "big", Config=PARTS)
    told = s3.get_object_attributes(Bucket=bucket, Key="big", ObjectAttributes=["ETag", "ObjectSize", "ObjectParts"])
    assert told["ObjectSize"] == len(big)
    assert told["ObjectParts"]["TotalPartsCount"] == 3


def test_buckets_are_listed_with_their_pages(s3, bucket):
    listed = s3.list_buckets(Prefix=bucket)
    assert [entry["Name"] for entry in listed["Buckets"]] == [bucket]
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] in (None, "us-east-1")
    pages = list(s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1}))
    assert bucket in [entry["Name"] for page in pages for entry in page["Buckets"]]


def test_rules_for_pages_of_other_origins_come_back(s3, bucket):
    assert _refusal(s3.get_bucket_cors, Bucket=bucket) == (404, "NoSuchCORSConfiguration")
    rules = [
        {"ID": "app", "AllowedOrigins": ["https://app.example"], "AllowedMethods": ["GET", "PUT"], "MaxAgeSeconds": 60},
        {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"]},
    ]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    s3.delete_bucket_cors(Bucket=bucket)
    assert _refusal(s3.get_bucket_cors, Bucket=bucket) == (404, "NoSuchCORSConfiguration")


@pytest.mark.parametrize("call", ["get_bucket_versioning", "get_bucket_policy", "get_bucket_lifecycle_configuration"])
def test_what_is_not_there_is_said_by_name(s3, bucket, call):
    assert _refusal(getattr(s3, call), Bucket=bucket) == (501, "NotImplemented")
