"""What is a client given that sends its part to S3 itself? One URL for one part, that S3's own rules verify."""

import asyncio
from urllib.parse import parse_qs

import pytest

from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import AwsKey, Lasting
from bucketport.backends.remote.s3.dialect import S3
from bucketport.backends.remote.s3.requests import Place
from bucketport.backends.remote.sending import Surroundings
from bucketport.errors import InvalidBucketName, NotImplemented
from bucketport.message import Endpoint
from bucketport.model import Offer, Secret, UploadName

NOW = 1_795_000_000.5
UPLOAD = UploadName("bucket", "a/größe +&.txt", "id~1+/=")
KEY = AwsKey("AKID", Secret("secret"))


def place(**how):
    return Place(Endpoint("https", "s3.example", 443, "s3.example"), "eu-west-1", **how)


def given(key=KEY, seconds=600, **how):
    return S3(place(**how)).presign_part(UPLOAD, 7, seconds, key, NOW)


def test_request_names_the_part_and_nothing_else_is_needed():
    request = given()
    query = parse_qs(request.query, strict_parsing=True)
    assert (request.method, request.path, dict(request.headers)) == (
        "PUT",
        "/bucket/a/gr%C3%B6%C3%9Fe%20%2B%26.txt",
        {},
    )
    assert query["partNumber"] == ["7"]
    assert query["uploadId"] == [UPLOAD.upload_id]
    assert query["X-Amz-Credential"] == ["AKID/20261118/eu-west-1/s3/aws4_request"]
    assert query["X-Amz-SignedHeaders"] == ["host"]
    assert query["X-Amz-Expires"] == ["600"]
    assert len(query["X-Amz-Signature"][0]) == 64
    assert request.url.startswith("https://s3.example/bucket/a/gr")


def test_bucket_goes_before_the_host_where_it_belongs_there():
    request = given(virtual=True, bucket="other")
    assert (request.endpoint.authority, request.path[:3]) == ("other.s3.example", "/a/")


def test_token_of_temporary_keys_goes_along():
    query = parse_qs(given(AwsKey("ASIA", Secret("secret"), "a/tok+en==")).query)
    assert query["X-Amz-Security-Token"] == ["a/tok+en=="]
    assert "X-Amz-Security-Token" not in parse_qs(given().query)


@pytest.mark.parametrize(("seconds", "expires"), [(0, "1"), (10_000_000, "604800")])
def test_time_is_what_s3_allows(seconds, expires):
    assert parse_qs(given(seconds=seconds).query)["X-Amz-Expires"] == [expires]


def test_who_signs_nothing_offers_nothing():
    assert Offer.DIRECT in S3(place()).offers
    assert Offer.DIRECT not in S3(place(anonymous=True)).offers
    with pytest.raises(NotImplemented):
        given(key=None)


def test_bucket_that_is_no_name_is_refused():
    with pytest.raises(InvalidBucketName):
        S3(place(virtual=True)).presign_part(UploadName("a/b", "k", "i"), 1, 60, KEY, NOW)


def test_backend_signs_with_the_present_key_and_time():
    world = Surroundings(None, lambda: NOW, None, None, None)
    backend = Remote(S3(place()), Lasting(KEY), world)
    assert asyncio.run(backend.presign_part(UPLOAD, 7, 600)) == given()
