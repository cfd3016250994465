"""What an Authorization header may say: the form, the scope, what is signed, the time; and all that is refused."""

from collections.abc import Callable

import pytest

from bucketport.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    InvalidArgument,
    InvalidRequest,
    InvalidURI,
    RequestTimeTooSkewed,
    S3Error,
    SignatureDoesNotMatch,
)
from bucketport.message import NoBody, Request
from bucketport.model import Credential, Secret
from bucketport.wire.authorization import check_time, read_header
from bucketport.wire.dates import stamp
from bucketport.wire.presign import Key, Target, sign_headers
from bucketport.wire.sigv4 import EMPTY_SHA256, verify

NOW = 1_369_353_600
SECRET = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
KEY = Key(Credential("AKIAIOSFODNN7EXAMPLE", SECRET, ""), "us-east-1", "20130524T000000Z")
HOST = "examplebucket.s3.amazonaws.com"
TARGET = Target(HOST, "/a//b/../c%20d", "prefix=x&list-type=2")
SENT = {"x-amz-meta-color": "red", "content-type": "text/plain"}

Headers = dict[str, str]


def header_request(key: Key = KEY, **changes: str) -> Request:
    headers = sign_headers("PUT", TARGET, SENT, EMPTY_SHA256, key)
    request = Request("PUT", TARGET.raw_path, TARGET.raw_query, headers, NoBody())
    for name, value in changes.items():
        setattr(request, name, value)
    return request


def judge(request: Request, now: float = NOW, region: str = "us-east-1") -> None:
    """What a Method does, with a known key."""
    signed = read_header(request, region)
    verify(signed, SECRET)
    check_time(signed, now)


def drop(name: str) -> Callable[[Headers], None]:
    return lambda headers: headers.pop(name) and None


def put(name: str, value: str) -> Callable[[Headers], None]:
    return lambda headers: headers.update({name: value})


def edit(old: str, new: str) -> Callable[[Headers], None]:
    def change(headers: Headers) -> None:
        assert old in headers["authorization"]
        headers["authorization"] = headers["authorization"].replace(old, new, 1)

    return change


def test_an_untouched_request_is_accepted() -> None:
    judge(header_request())


MALFORMED = "The authorization header is malformed; "
COMPONENTS = MALFORMED + "the authorization header requires three components: Credential, SignedHeaders, and Signature."
CREDENTIAL = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
NO_DATE = "AWS authentication requires a valid Date or x-amz-date header"
NOT_SIGNED = "There were headers present in the request which were not signed"

HEADER_CASES: list[tuple[str, Callable[[Headers], None], type[S3Error], str]] = [
    ("no credential", edit("Credential=", "Credentials="), AuthorizationHeaderMalformed, COMPONENTS),
    ("no signed headers", edit("SignedHeaders=", "Signed="), AuthorizationHeaderMalformed, COMPONENTS),
    ("no signature", edit("Signature=", "Sign="), AuthorizationHeaderMalformed, COMPONENTS),
    (
        "an empty signature",
        put("authorization", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature="),
        AuthorizationHeaderMalformed,
        COMPONENTS,
    ),
    (
        "a repeated component",
        edit("SignedHeaders=", "Credential=x, SignedHeaders="),
        AuthorizationHeaderMalformed,
        COMPONENTS,
    ),
    (
        "two signatures",
        edit(", SignedHeaders", ", Signature=0, SignedHeaders"),
        AuthorizationHeaderMalformed,
        COMPONENTS,
    ),
    ("nothing at all", put("authorization", "AWS4-HMAC-SHA256"), AuthorizationHeaderMalformed, COMPONENTS),
    (
        "two Authorization fields",
        lambda headers: headers.update(authorization=headers["authorization"] + "," + headers["authorization"]),
        AuthorizationHeaderMalformed,
        COMPONENTS,
    ),
    ("a credential of four parts", edit("/us-east-1/", "/"), AuthorizationHeaderMalformed, MALFORMED + CREDENTIAL),
    (
        "an empty access key",
        edit("AKIAIOSFODNN7EXAMPLE", ""),
        AuthorizationHeaderMalformed,
        MALFORMED + "a non-empty Access Key (AKID) must be provided in the credential.",
    ),
    (
        "a day of seven digits",
        edit("/20130524/", "/2013052/"),
        AuthorizationHeaderMalformed,
        MALFORMED + 'incorrect date format "2013052". This date in the credential must be in the format "yyyyMMdd".',
    ),
    (
        "a day of superscripts",
        edit("/20130524/", "/2013052\u00b2/"),
        AuthorizationHeaderMalformed,
        MALFORMED
        + 'incorrect date format "2013052\u00b2". This date in the credential must be in the format "yyyyMMdd".',
    ),
    (
        "another day",
        edit("/20130524/", "/20130523/"),
        AuthorizationHeaderMalformed,
        MALFORMED + 'Invalid credential date "20130523". This date is not the same as X-Amz-Date: "20130524".',
    ),
    (
        "another service",
        edit("/s3/", "/ec2/"),
        AuthorizationHeaderMalformed,
        MALFORMED + 'incorrect service "ec2". This endpoint belongs to "s3".',
    ),
    (
        "another terminator",
        edit("aws4_request", "aws4_reques"),
        AuthorizationHeaderMalformed,
        MALFORMED + 'incorrect terminal "aws4_reques". This endpoint uses "aws4_request".',
    ),
    (
        "another region",
        edit("us-east-1", "eu-west-1"),
        AuthorizationHeaderMalformed,
        MALFORMED + "the region 'eu-west-1' is wrong; expecting 'us-east-1'",
    ),
    ("no date", drop("x-amz-date"), AccessDenied, NO_DATE),
    ("a date of another form", put("x-amz-date", "2013-05-24T00:00:00Z"), AccessDenied, NO_DATE),
    ("a date that is none", put("x-amz-date", "20130532T000000Z"), AccessDenied, NO_DATE),
    ("a repeated date", put("x-amz-date", "20130524T000000Z,20130524T000000Z"), AccessDenied, NO_DATE),
    (
        "no payload hash",
        drop("x-amz-content-sha256"),
        InvalidRequest,
        "Missing required header for this request: x-amz-content-sha256",
    ),
    ("host not signed", edit(";host;", ";"), AccessDenied, NOT_SIGNED),
    ("an x-amz header that is not signed", put("x-amz-acl", "public-read"), AccessDenied, NOT_SIGNED),
    ("a signed header gone", drop("x-amz-meta-color"), SignatureDoesNotMatch, ""),
    ("a signed header changed", put("x-amz-meta-color", "blue"), SignatureDoesNotMatch, ""),
    ("a header that need not be signed, changed", put("content-type", "text/html"), SignatureDoesNotMatch, ""),
    ("host changed", put("host", "other.s3.amazonaws.com"), SignatureDoesNotMatch, ""),
    ("another payload hash", put("x-amz-content-sha256", "0" * 64), SignatureDoesNotMatch, ""),
    ("an unsigned payload instead", put("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), SignatureDoesNotMatch, ""),
    ("a later time of the same day", put("x-amz-date", "20130524T000001Z"), SignatureDoesNotMatch, ""),
    ("signed headers in another case", edit("host", "Host"), AccessDenied, NOT_SIGNED),
    ("a signed header more", edit(";host", ";hash;host"), SignatureDoesNotMatch, ""),
    ("another access key", edit("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLF"), type(None), ""),  # type: ignore[list-item]
]


@pytest.mark.parametrize(
    ("change", "kind", "message"), [case[1:] for case in HEADER_CASES], ids=[case[0] for case in HEADER_CASES]
)
def test_a_touched_signed_header_is_refused(change: Callable[[Headers], None], kind: type, message: str) -> None:
    request = header_request()
    change(request.headers)  # type: ignore[arg-type]
    if kind is type(None):
        assert read_header(request, "us-east-1").access_key == "AKIAIOSFODNN7EXAMPLF"
        return
    with pytest.raises(kind) as caught:
        judge(request)
    if message:
        assert caught.value.message == message


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        EMPTY_SHA256[:-1],
        EMPTY_SHA256 + "0",
        "g" * 64,
        " " * 64,
        "\u00b2" * 64,
        "unsigned-payload",
        "0" * 62 + " 0",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-trailer",
    ],
)
def test_a_payload_hash_that_is_none_is_refused_with_its_name(value: str) -> None:
    request = header_request()
    request.headers["x-amz-content-sha256"] = value  # type: ignore[index]
    with pytest.raises(InvalidArgument, match="x-amz-content-sha256 must be") as caught:
        judge(request)
    assert caught.value.fields == {"ArgumentName": "x-amz-content-sha256", "ArgumentValue": value}


@pytest.mark.parametrize(
    ("path", "query", "kind"),
    [
        ("/a//b/../c%20e", TARGET.raw_query, SignatureDoesNotMatch),
        ("/a/b/../c%20d", TARGET.raw_query, SignatureDoesNotMatch),
        ("/a//c%20d", TARGET.raw_query, SignatureDoesNotMatch),
        ("/a//b/../c+d", TARGET.raw_query, SignatureDoesNotMatch),
        ("/a//b/../c%2520d", TARGET.raw_query, SignatureDoesNotMatch),
        ("/a//b/../c%20d%00", TARGET.raw_query, SignatureDoesNotMatch),
        ("/a//b/../c%2", TARGET.raw_query, InvalidURI),
        (TARGET.raw_path, "", SignatureDoesNotMatch),
        (TARGET.raw_path, TARGET.raw_query + "&acl", SignatureDoesNotMatch),
        (TARGET.raw_path, TARGET.raw_query + "&prefix=y", SignatureDoesNotMatch),
        (TARGET.raw_path, TARGET.raw_query + "&prefix=x", SignatureDoesNotMatch),
        (TARGET.raw_path, "Prefix=x&list-type=2", SignatureDoesNotMatch),
        (TARGET.raw_path, "prefix=x&list-type=2&a=%zz", InvalidURI),
    ],
)
def test_another_path_or_query_is_refused(path: str, query: str, kind: type[S3Error]) -> None:
    with pytest.raises(kind):
        judge(header_request(raw_path=path, raw_query=query))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/%61//b/%2E./c%20d", TARGET.raw_query),
        ("/a//b/../c d", TARGET.raw_query),
        (TARGET.raw_path, "list-type=2&prefix=%78"),
    ],
)
def test_the_same_path_and_query_in_other_escapes_is_accepted(path: str, query: str) -> None:
    judge(header_request(raw_path=path, raw_query=query))


def test_another_method_is_refused() -> None:
    with pytest.raises(SignatureDoesNotMatch):
        judge(header_request(method="DELETE"))


def test_what_is_not_signed_is_named() -> None:
    request = header_request()
    request.headers.update({"x-amz-acl": "public-read", "x-amz-meta-size": "1"})  # type: ignore[attr-defined]
    with pytest.raises(AccessDenied) as caught:
        judge(request)
    assert caught.value.fields == {"HeadersNotSigned": "x-amz-acl, x-amz-meta-size"}


def test_headers_that_are_not_of_s3_need_not_be_signed() -> None:
    request = header_request()
    request.headers.update({"user-agent": "x", "content-md5": "x", "x-amzn-trace-id": "x"})  # type: ignore[attr-defined]
    judge(request)


def test_the_right_region_is_named() -> None:
    with pytest.raises(AuthorizationHeaderMalformed) as caught:
        judge(header_request(), region="eu-west-1")
    assert caught.value.fields == {"Region": "eu-west-1"}
    assert "the region 'us-east-1' is wrong; expecting 'eu-west-1'" in caught.value.message


def test_a_server_without_a_region_takes_any() -> None:
    for region in ("auto", "us-east-1", ""):
        key = Key(KEY.credential, region, KEY.stamp)
        judge(header_request(key), region="")


@pytest.mark.parametrize("separator", [",", ", ", " , ", ",\t"])
def test_components_may_be_spaced_and_ordered_in_any_way(separator: str) -> None:
    request = header_request()
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    parts = rest.split(", ")
    for order in (parts, parts[::-1], [parts[1], parts[2], parts[0]]):
        request.headers["authorization"] = f"{algorithm} {separator.join(order)}"  # type: ignore[index]
        judge(request)


@pytest.mark.parametrize("date", ["Fri, 24 May 2013 00:00:00 GMT", "20130524T000000Z"])
def test_the_date_header_serves_where_x_amz_date_is_missing(date: str) -> None:
    headers = sign_headers("GET", TARGET, {"date": date}, EMPTY_SHA256, KEY)
    del headers["x-amz-date"]
    request = Request("GET", TARGET.raw_path, TARGET.raw_query, headers, NoBody())
    signed = read_header(request, "us-east-1")
    assert (signed.stamp, signed.signed_at) == ("20130524T000000Z", NOW)
    check_time(signed, NOW)


def test_an_x_amz_date_goes_before_the_date() -> None:
    request = header_request()
    request.headers["date"] = "Sat, 25 May 2013 00:00:00 GMT"  # type: ignore[index]
    judge(request)


@pytest.mark.parametrize("seconds", [-900, 0, 900])
def test_a_clock_within_fifteen_minutes_is_accepted(seconds: int) -> None:
    judge(header_request(), NOW + seconds)


@pytest.mark.parametrize("seconds", [-901, 901, 86400 * 365])
def test_a_clock_off_by_more_is_refused_with_both_times(seconds: int) -> None:
    with pytest.raises(RequestTimeTooSkewed) as caught:
        judge(header_request(), NOW + seconds)
    fields = caught.value.fields
    assert fields["RequestTime"] == "20130524T000000Z"
    assert fields["MaxAllowedSkewMilliseconds"] == "900000"
    if seconds == 901:
        assert fields["ServerTime"] == "2013-05-24T00:15:01Z"


def test_a_long_authorization_header_is_read_too() -> None:
    sent = {f"x-amz-meta-{number:03d}": "x" for number in range(90)}
    headers = sign_headers("PUT", TARGET, sent, EMPTY_SHA256, KEY)
    assert len(headers["authorization"]) > 1024
    judge(Request("PUT", TARGET.raw_path, TARGET.raw_query, headers, NoBody()))


def test_what_an_error_quotes_is_bounded() -> None:
    for old, new in (("/s3/", f"/{'x' * 9000}/"), ("us-east-1", "x" * 9000), ("/20130524/", f"/{'1' * 9000}/")):
        request = header_request()
        edit(old, new)(request.headers)  # type: ignore[arg-type]
        with pytest.raises(AuthorizationHeaderMalformed) as caught:
            judge(request)
        assert len(caught.value.message) < 400


def test_the_day_of_a_stamp_is_the_day_of_the_scope_around_midnight() -> None:
    key = Key(KEY.credential, "us-east-1", stamp(NOW - 1))
    judge(header_request(key))
