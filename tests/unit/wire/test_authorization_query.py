"""What a presigned URL may say: the form, the scope, its lifetime; and all that is refused."""

import pytest

from bucketport.errors import AccessDenied, AuthorizationQueryParametersError, S3Error, SignatureDoesNotMatch
from bucketport.message import NoBody, Request
from bucketport.model import Credential, Secret
from bucketport.wire.authorization import check_time, is_presigned, read_header, read_query
from bucketport.wire.presign import Key, Target, presign_url, sign_headers
from bucketport.wire.sigv4 import EMPTY_SHA256, verify

NOW = 1_369_353_600
SECRET = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
KEY = Key(Credential("AKIAIOSFODNN7EXAMPLE", SECRET, ""), "us-east-1", "20130524T000000Z")
HOST = "examplebucket.s3.amazonaws.com"
TARGET = Target(HOST, "/a//b/../c%20d", "prefix=x&list-type=2")
SENT = {"x-amz-meta-color": "red", "content-type": "text/plain"}


def query_request(key: Key = KEY, expires: int = 60) -> Request:
    url = presign_url("PUT", TARGET, key, expires, SENT)
    return Request("PUT", TARGET.raw_path, url.partition("?")[2], {"host": HOST, **SENT}, NoBody())


def judge(request: Request, now: float = NOW, region: str = "us-east-1") -> None:
    """What a Method does, with a known key."""
    signed = read_query(request, region)
    verify(signed, SECRET)
    check_time(signed, now)


def test_an_untouched_url_is_accepted() -> None:
    judge(query_request())


def test_the_right_region_is_named() -> None:
    with pytest.raises(AuthorizationQueryParametersError) as caught:
        judge(query_request(), region="eu-west-1")
    assert caught.value.fields == {"Region": "eu-west-1"}
    assert "the region 'us-east-1' is wrong; expecting 'eu-west-1'" in caught.value.message


def test_a_server_without_a_region_takes_any() -> None:
    for region in ("auto", "us-east-1", ""):
        judge(query_request(Key(KEY.credential, region, KEY.stamp)), region="")


@pytest.mark.parametrize(("seconds", "expires"), [(-900, 60), (0, 1), (60, 60), (604800, 604800)])
def test_a_presigned_url_lives_as_long_as_it_says(seconds: int, expires: int) -> None:
    judge(query_request(expires=expires), NOW + seconds)


def test_a_presigned_url_that_is_over_says_when_it_ended() -> None:
    with pytest.raises(AccessDenied, match="Request has expired") as caught:
        judge(query_request(expires=60), NOW + 60.001)
    assert caught.value.fields == {
        "X-Amz-Expires": "60",
        "Expires": "2013-05-24T00:01:00Z",
        "ServerTime": "2013-05-24T00:01:00Z",
    }


def test_a_presigned_url_from_the_future_is_refused() -> None:
    with pytest.raises(AccessDenied, match="Request is not yet valid"):
        judge(query_request(), NOW - 901)


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("X-Amz-SignedHeaders=", "X-Amz-SignedHeaders=%E2%82%AC%3B"),
        ("%2Fus-east-1%2F", "%2F%E2%82%AC%2F"),
        ("X-Amz-Credential=", "X-Amz-Credential=%E2%82%AC"),
        ("X-Amz-Signature=", "X-Amz-Signature=%E2%82%AC"),
    ],
)
def test_letters_that_latin_1_lacks_are_refused_like_any_other_mistake(part: str, instead: str) -> None:
    request = query_request()
    request.raw_query = request.raw_query.replace(part, instead)
    assert instead in request.raw_query
    with pytest.raises(S3Error):
        judge(request, region="")


CREDENTIAL = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
REQUIRED = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
    "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)
PARSING = "Error parsing the X-Amz-Credential parameter; "
WEEK = (
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 "
    "seconds"
)
QUERY_CASES: list[tuple[str, str, str]] = [
    ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "", REQUIRED),
    ("X-Amz-Date=20130524T000000Z", "", REQUIRED),
    ("X-Amz-Date=20130524T000000Z", "X-Amz-Date=", REQUIRED),
    ("X-Amz-Date", "x-amz-date", REQUIRED),
    ("X-Amz-Expires=60", "", REQUIRED),
    ("X-Amz-SignedHeaders=", "X-Amz-Signed=", REQUIRED),
    ("X-Amz-Signature=", "X-Amz-Sign=", REQUIRED),
    ("X-Amz-Credential=", "X-Amz-Cred=", REQUIRED),
    ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
    (
        "X-Amz-Date=20130524T000000Z",
        "X-Amz-Date=2013-05-24",
        "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
    ),
    ("X-Amz-Expires=60", "X-Amz-Expires=604801", WEEK),
    ("X-Amz-Expires=60", "X-Amz-Expires=" + "9" * 5000, WEEK),
    ("X-Amz-Expires=60", "X-Amz-Expires=-1", "X-Amz-Expires must be non-negative"),
    ("X-Amz-Expires=60", "X-Amz-Expires=1h", "X-Amz-Expires should be a number"),
    ("X-Amz-Expires=60", "X-Amz-Expires=%C2%B2", "X-Amz-Expires should be a number"),
    ("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=600", "The X-Amz-Expires parameter is given more than once."),
    (
        "X-Amz-Signature=",
        "X-Amz-Signature=0&X-Amz-Signature=",
        "The X-Amz-Signature parameter is given more than once.",
    ),
    ("X-Amz-Date=", "X%2DAmz-Date=0&X-Amz-Date=", "The X-Amz-Date parameter is given more than once."),
    ("%2Fs3%2F", "%2Fec2%2F", PARSING + 'incorrect service "ec2". This endpoint belongs to "s3".'),
    ("%2Faws4_request", "", PARSING + CREDENTIAL),
    ("aws4_request", "aws5", PARSING + 'incorrect terminal "aws5". This endpoint uses "aws4_request".'),
    (
        "20130524%2F",
        "20130523%2F",
        'Invalid credential date "20130523". This date is not the same as X-Amz-Date: "20130524".',
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), QUERY_CASES, ids=[f"{c[0]} {c[1][:40]}" for c in QUERY_CASES])
def test_a_malformed_presigned_url_says_what_is_wrong(old: str, new: str, message: str) -> None:
    request = query_request()
    assert old in request.raw_query
    request.raw_query = request.raw_query.replace(old, new, 1)  # type: ignore[misc]
    with pytest.raises(AuthorizationQueryParametersError) as caught:
        judge(request)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("prefix=x", "prefix=y", SignatureDoesNotMatch),
        ("prefix=x", "prefix=x&versionId=null", SignatureDoesNotMatch),
        ("prefix=x&", "", SignatureDoesNotMatch),
        ("X-Amz-Expires=60", "X-Amz-Expires=61", SignatureDoesNotMatch),
        ("X-Amz-Signature=", "X-Amz-Signature=0", SignatureDoesNotMatch),
        ("X-Amz-Signature=", "X-Amz-Signature=%00", SignatureDoesNotMatch),
        ("X-Amz-Signature=", "X-Amz-Signature=%C3%BC", SignatureDoesNotMatch),
        ("%3Bhost", "", AccessDenied),
        ("%3Bx-amz-meta-color", "", AccessDenied),
        ("X-Amz-Expires=60", "X-Amz-Expires=0", SignatureDoesNotMatch),
    ],
)
def test_a_touched_presigned_url_is_refused(old: str, new: str, kind: type[S3Error]) -> None:
    request = query_request()
    assert old in request.raw_query
    request.raw_query = request.raw_query.replace(old, new, 1)  # type: ignore[misc]
    with pytest.raises(kind):
        judge(request)


def test_a_presigned_url_is_unsigned_unless_it_names_its_payload() -> None:
    assert read_query(query_request(), "").payload == "UNSIGNED-PAYLOAD"
    sent = {"x-amz-content-sha256": EMPTY_SHA256}
    url = presign_url("PUT", TARGET, KEY, 60, sent)
    request = Request("PUT", TARGET.raw_path, url.partition("?")[2], {"host": HOST, **sent}, NoBody())
    judge(request)
    assert read_query(request, "").payload == EMPTY_SHA256


def test_a_payload_named_in_the_url_counts() -> None:
    # So does the presigner of the AWS SDK for JavaScript.
    target = Target(HOST, "/k", "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")
    url = presign_url("GET", target, KEY, 60)
    request = Request("GET", "/k", url.partition("?")[2], {"host": HOST}, NoBody())
    judge(request)
    request.headers["x-amz-content-sha256"] = EMPTY_SHA256  # type: ignore[index]
    with pytest.raises(AccessDenied):
        judge(request)


def test_the_token_is_found_in_header_and_query() -> None:
    key = Key(KEY.credential, "us-east-1", KEY.stamp, "to/k+en=")
    headers = sign_headers("GET", TARGET, {}, EMPTY_SHA256, key)
    assert read_header(Request("GET", "/", "", headers, NoBody()), "").token == "to/k+en="
    assert read_query(query_request(key), "").token == "to/k+en="
    judge(query_request(key))


@pytest.mark.parametrize(
    ("raw_query", "found"),
    [
        ("", False),
        ("prefix=X-Amz-Signature", False),
        ("prefix=X-Amz-Signature=", False),
        ("X-Amz-Signature-x=1", False),
        ("X-Amz-Date=1", False),
        ("a=%58&b", False),
        ("X-Amz-Signature=1", True),
        ("X-Amz-Algorithm", True),
        ("a=1&X-Amz-Credential=1", True),
        ("%58-Amz-Credential=1", True),
    ],
)
def test_a_presigned_query_is_recognized_by_its_names(raw_query: str, found: bool) -> None:
    assert is_presigned(raw_query) is found
