"""Who gets in? Signatures, presigned URLs, the public, a second user, and hosts that name the bucket."""

import socket
import time
import urllib.parse

import botocore
import pytest
from botocore.exceptions import ClientError

from bucketport.model import Credential, Secret
from bucketport.wire import dates, presign

DOMAIN = "s3.bucketport.test"
PUBLIC = "public-bucket"


def _code(call, **named):
    with pytest.raises(ClientError) as caught:
        call(**named)
    return caught.value.response["Error"]["Code"]


def _target(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_a_wrong_secret_is_refused(server, bucket):
    assert _code(server.client(secret="wrong").list_objects_v2, Bucket=bucket) == "SignatureDoesNotMatch"


def test_an_unknown_key_is_refused(server, bucket):
    assert _code(server.client("NOBODY", "x").list_objects_v2, Bucket=bucket) == "InvalidAccessKeyId"


def test_a_stranger_is_refused(server, bucket):
    stranger = server.client(signature_version=botocore.UNSIGNED)
    assert _code(stranger.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert _code(stranger.put_object, Bucket=bucket, Key="k", Body=b"x") == "AccessDenied"
    assert _code(stranger.list_buckets) == "AccessDenied"


def test_a_presigned_url_reads_and_overrides_headers(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b+c", Body=b"content")
    wanted = {"Bucket": bucket, "Key": "a b+c", "ResponseContentDisposition": "attachment; filename=x"}
    answer = server.ask("GET", _target(s3.generate_presigned_url("get_object", Params=wanted)))
    assert (answer.status, answer.body) == (200, b"content")
    assert answer.getheader("Content-Disposition") == "attachment; filename=x"


def test_a_presigned_url_writes(server, s3, bucket):
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    assert server.ask("PUT", _target(url), body=b"by url").status == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"by url"


def test_a_url_that_boto3_presigns_unless_told_otherwise_reads_and_writes(server, s3, bucket):
    default = server.client(signature_version=None)
    named = {"Bucket": bucket, "Key": "a//b +\u00e9"}
    url = default.generate_presigned_url("put_object", Params=named | {"ContentType": "text/x"}, ExpiresIn=60)
    assert "AWSAccessKeyId=" in url
    assert server.ask("PUT", _target(url), body=b"old way").status == 403
    assert server.ask("PUT", _target(url), body=b"old way", headers={"Content-Type": "text/x"}).status == 200
    url = default.generate_presigned_url("get_object", Params=named | {"ResponseContentLanguage": "de"})
    answer = server.ask("GET", _target(url))
    assert (answer.status, answer.body, answer.getheader("Content-Language")) == (200, b"old way", "de")
    assert answer.getheader("Content-Type") == "text/x"
    url = default.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket, "Prefix": "a//"})
    assert b"<KeyCount>1</KeyCount>" in server.ask("GET", _target(url)).body
    refused = server.ask("GET", _target(url) + "&versions")
    assert (refused.status, b"<Code>InvalidRequest</Code>" in refused.body) == (400, True)


def test_a_url_of_the_old_way_that_was_changed_is_refused(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    default = server.client(signature_version=None)
    target = _target(default.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}))
    assert server.ask("GET", target).status == 200
    for method, changed in (
        ("DELETE", target),
        ("GET", target.replace("/k?", "/other?")),
        ("GET", f"{target}&tagging"),
        ("GET", f"{target}&versionId=null"),
    ):
        answer = server.ask(method, changed)
        assert (answer.status, b"<Code>SignatureDoesNotMatch</Code>" in answer.body) == (403, True)
    answer = server.ask("GET", f"{target}&attributes")
    assert (answer.status, b"<Code>AccessDenied</Code>" in answer.body) == (403, True)
    late = default.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=-5)
    assert b"Request has expired" in server.ask("GET", _target(late)).body


def test_a_presigned_url_that_was_changed_is_refused(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="other", Body=b"secret")
    target = _target(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}))
    answer = server.ask("GET", target.replace(f"/{bucket}/k?", f"/{bucket}/other?"))
    assert answer.status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in answer.body
    assert server.ask("DELETE", target).status == 403


def test_a_presigned_url_past_its_time_is_refused(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    an_hour_ago = dates.stamp(int(time.time()) - 3600)
    signer = presign.Key(Credential(server.access, Secret(server.secret), ""), "us-east-1", an_hour_ago)
    target = presign.Target(f"127.0.0.1:{server.port}", f"/{bucket}/k")
    assert server.ask("GET", _target(presign.presign_url("GET", target, signer, 7200))).status == 200
    answer = server.ask("GET", _target(presign.presign_url("GET", target, signer, 60)))
    assert answer.status == 403
    assert b"Request has expired" in answer.body


def test_a_public_bucket_is_read_by_everybody_and_written_by_its_owner(server, s3):
    s3.put_object(Bucket=PUBLIC, Key="page.html", Body=b"<p>", ContentType="text/html")
    stranger = server.client(signature_version=botocore.UNSIGNED)
    assert stranger.get_object(Bucket=PUBLIC, Key="page.html")["Body"].read() == b"<p>"
    assert "page.html" in [entry["Key"] for entry in stranger.list_objects_v2(Bucket=PUBLIC)["Contents"]]
    assert _code(stranger.put_object, Bucket=PUBLIC, Key="k", Body=b"x") == "AccessDenied"
    assert _code(stranger.delete_object, Bucket=PUBLIC, Key="page.html") == "AccessDenied"
    answer = server.ask("GET", f"/{PUBLIC}/page.html")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/html")


def test_an_acl_makes_one_object_public(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="open", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"x")
    assert server.ask("GET", f"/{bucket}/open").status == 200
    assert server.ask("GET", f"/{bucket}/closed").status == 403
    s3.put_object_acl(Bucket=bucket, Key="open", ACL="private")
    assert server.ask("GET", f"/{bucket}/open").status == 403


def test_a_second_user_has_buckets_of_its_own(s3, other, bucket):
    theirs = bucket + "-theirs"
    other.create_bucket(Bucket=theirs)
    other.put_object(Bucket=theirs, Key="k", Body=b"x")
    assert bucket not in [entry["Name"] for entry in other.list_buckets()["Buckets"]]
    assert theirs not in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    assert _code(other.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert _code(other.put_object, Bucket=bucket, Key="k", Body=b"x") == "AccessDenied"
    assert _code(s3.get_object, Bucket=theirs, Key="k") == "AccessDenied"
    assert _code(other.create_bucket, Bucket=bucket) == "BucketAlreadyExists"
    assert _code(s3.copy_object, Bucket=bucket, Key="k", CopySource=f"{theirs}/k") == "AccessDenied"


def test_the_host_may_name_the_bucket(server, bucket, monkeypatch):
    real = socket.getaddrinfo

    def resolve(host, *arguments, **named):
        return real("127.0.0.1" if str(host).endswith(DOMAIN) else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    endpoint, server_at = server.endpoint, f"{DOMAIN}:{server.port}"
    monkeypatch.setattr(server, "endpoint", endpoint.replace(f"127.0.0.1:{server.port}", server_at))
    virtual = server.client(s3={"addressing_style": "virtual"})
    hosts = []
    virtual.meta.events.register("before-send.s3", lambda request, **_: hosts.append(request.url.split("/")[2]))
    virtual.put_object(Bucket=bucket, Key="a/b", Body=b"x")
    assert virtual.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"x"
    assert [entry["Key"] for entry in virtual.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/b"]
    assert set(hosts) == {f"{bucket}.{server_at}"}
