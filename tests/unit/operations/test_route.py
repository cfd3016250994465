"""Which operation a request asks for: selectors never fall through to the plain operation."""

import pytest

from bucketport.errors import InvalidArgument, InvalidRequest, MethodNotAllowed
from bucketport.message import NoBody, Request
from bucketport.operations import route, table
from bucketport.operations.base import integer, snake_case
from bucketport.wire import address, query


def routed(method: str, target: str, **headers: str) -> str:
    path, _, text = target.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method, path, text, named, NoBody())
    return route(request, address.split(path, "", ()), query.parse(text)).name


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/", "ListBuckets"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b/", "ListObjects"),
        ("GET", "/b?list-type=2&prefix=a", "ListObjectsV2"),
        ("GET", "/b?versions", "ListObjectVersions"),
        ("GET", "/b?uploads", "ListMultipartUploads"),
        ("GET", "/b?location", "GetBucketLocation"),
        ("GET", "/b?policy", "GetBucketPolicy"),
        ("PUT", "/b?versioning", "PutBucketVersioning"),
        ("PUT", "/b?acl", "PutBucketAcl"),
        ("PUT", "/b", "CreateBucket"),
        ("HEAD", "/b", "HeadBucket"),
        ("DELETE", "/b", "DeleteBucket"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("POST", "/b", "PostObject"),
        ("GET", "/b/k", "GetObject"),
        ("GET", "/b/k?x-id=GetObject", "GetObject"),
        ("GET", "/b/k?partNumber=3", "GetObject"),
        ("GET", "/b/k?uploadId=u", "ListParts"),
        ("GET", "/b/k?tagging", "GetObjectTagging"),
        ("GET", "/b/k?torrent", "GetObjectTorrent"),
        ("GET", "/b/k?attributes", "GetObjectAttributes"),
        ("PUT", "/b/k", "PutObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("PUT", "/b/k?retention", "PutObjectRetention"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("OPTIONS", "/b/k", "PreflightObject"),
    ],
)
def test_each_request_has_its_operation(method: str, target: str, name: str) -> None:
    assert routed(method, target) == name


def test_a_copy_is_told_by_its_header() -> None:
    assert routed("PUT", "/b/k", x_amz_copy_source="/b/a") == "CopyObject"
    assert routed("PUT", "/b/k?partNumber=1&uploadId=u", x_amz_copy_source="/b/a") == "UploadPartCopy"


def test_a_copy_header_does_not_turn_another_operation_into_a_copy() -> None:
    assert routed("PUT", "/b/k?tagging", x_amz_copy_source="/b/a") == "PutObjectTagging"


def test_two_selectors_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        routed("GET", "/b/k?acl&tagging")


@pytest.mark.parametrize(("method", "target"), [("PATCH", "/b/k"), ("BREW", "/"), ("POST", "/b/k"), ("DELETE", "/")])
def test_a_method_that_s3_does_not_have_there_is_not_allowed(method: str, target: str) -> None:
    with pytest.raises(MethodNotAllowed):
        routed(method, target)


def test_operations_have_names_of_their_own() -> None:
    names = [row.name for row in table()]
    assert len(names) == len(set(names))


def test_an_operation_without_a_class_needs_a_relay() -> None:
    assert all((row.operation is None) == (row.needs.value == "relay") for row in table())


def test_actions_are_named_in_snake_case() -> None:
    assert snake_case("GetBucketPolicy") == "get_bucket_policy"


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "99999999999", "²"])
def test_a_count_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        integer({"max-keys": text}, "max-keys", 1000, 1000)


def test_a_count_above_the_limit_is_the_limit() -> None:
    assert integer({"max-keys": "5000"}, "max-keys", 1000, 1000) == 1000
