"""One door: exactly one way is tried, and keys that may not be used answer alike."""

import asyncio

import pytest

from bucketport.errors import (
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidRequest,
    InvalidToken,
    NotImplemented,
    RequestTimeTooSkewed,
    S3Error,
    SignatureDoesNotMatch,
)
from bucketport.identity.base import authenticate
from bucketport.message import NoBody, Request
from bucketport.model import ANONYMOUS, Credential, Secret
from bucketport.ports import Method, Proof
from bucketport.wire.dates import stamp
from bucketport.wire.presign import Key, Target, presign_url, sign_headers

NOW = 1_795_253_281
SECRET = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = "127.0.0.1:9000"


def key(access_key: str = "AKIAIOSFODNN7EXAMPLE", secret: Secret = SECRET, token: str = "", at: int = NOW) -> Key:
    return Key(Credential(access_key, secret, ""), "us-east-1", stamp(at), token)


def signed(signer: Key, query: str = "") -> Request:
    headers = sign_headers("GET", Target(HOST, "/b/k", query), {}, "UNSIGNED-PAYLOAD", signer)
    return Request("GET", "/b/k", query, headers, NoBody())


def presigned(signer: Key, headers: dict[str, str] | None = None) -> Request:
    url = presign_url("GET", Target(HOST, "/b/k"), signer, 60)
    return Request("GET", "/b/k", url.partition("?")[2], {"host": HOST} | (headers or {}), NoBody())


def run(request: Request, methods: list[Method], now: float = NOW) -> Proof:
    return asyncio.run(authenticate(request, methods, now))


def plain(headers: dict[str, str] | None = None, query: str = "") -> Request:
    return Request("GET", "/b/k", query, {"host": HOST} | (headers or {}), NoBody())


@pytest.mark.parametrize(
    "request_",
    [
        plain(),
        plain({"authorization": ""}),
        plain(query="list-type=2&prefix=Signature%3D"),
        plain(query="prefix=X-Amz-Signature%3Dabc"),
        plain(query="prefix=a%20b&x=%58"),
        plain(query="AWSAccessKeyId=a"),
    ],
)
def test_a_request_that_tries_no_way_is_anonymous(request_: Request, methods: list[Method]) -> None:
    proof = run(request_, methods)
    assert proof.identity is ANONYMOUS
    assert proof.payload == ""
    assert proof.signer is None


def test_a_signed_header_proves_its_user(methods: list[Method]) -> None:
    proof = run(signed(key()), methods)
    assert (proof.identity.user, proof.identity.access_key, proof.presigned) == (
        "alice",
        "AKIAIOSFODNN7EXAMPLE",
        False,
    )


def test_a_payload_hash_comes_out_in_lower_case(methods: list[Method]) -> None:
    headers = sign_headers("GET", Target(HOST, "/b/k"), {}, "AB" * 32, key())
    assert run(Request("GET", "/b/k", "", headers, NoBody()), methods).payload == "ab" * 32


def test_a_presigned_url_proves_its_user(methods: list[Method]) -> None:
    proof = run(presigned(key()), methods)
    assert (proof.identity.user, proof.payload, proof.presigned) == ("alice", "UNSIGNED-PAYLOAD", True)


def test_an_access_key_may_hold_a_slash(methods: list[Method]) -> None:
    assert run(signed(key("WITH/SLASH")), methods).identity.user == "bob"
    assert run(presigned(key("WITH/SLASH")), methods).identity.user == "bob"


@pytest.mark.parametrize(
    "request_",
    [
        presigned(key(), {"authorization": "AWS4-HMAC-SHA256 a"}),
        presigned(key(), {"authorization": "Basic YTpi"}),
        presigned(key(), {"authorization": "Bearer a"}),
        plain({"authorization": "AWS4-HMAC-SHA256 a"}, "X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        plain({"authorization": "AWS4-HMAC-SHA256 a"}, "X%2DAmz-Algorithm=AWS4-HMAC-SHA256"),
        plain({"authorization": "AWS4-HMAC-SHA256 a"}, "AWSAccessKeyId=a&Signature=b&Expires=1"),
        plain({"authorization": "AWS a:b"}, "AWSAccessKeyId=a&Signature=b&Expires=1"),
        plain({"authorization": "Bearer a"}, "AWSAccessKeyId=a&%53ignature=b&Expires=1"),
        plain(query="X-Amz-Algorithm=AWS4-HMAC-SHA256&AWSAccessKeyId=a&Signature=b&Expires=1"),
        signed(key(), "X-Amz-Signature=" + "0" * 64),
    ],
)
def test_two_ways_at_once_are_refused(request_: Request, methods: list[Method]) -> None:
    with pytest.raises(InvalidArgument, match="Only one auth mechanism allowed") as caught:
        run(request_, methods)
    assert caught.value.fields["ArgumentName"] == "Authorization"


@pytest.mark.parametrize(
    "request_",
    [
        plain({"authorization": "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg="}),
        plain({"authorization": "AWS4-HMAC-SHA512 Credential=a"}),
    ],
)
def test_a_header_of_signature_version_2_is_refused_by_name(request_: Request, methods: list[Method]) -> None:
    with pytest.raises(InvalidRequest, match="Please use AWS4-HMAC-SHA256"):
        run(request_, methods)


def test_signature_version_4a_is_refused_by_name(methods: list[Method]) -> None:
    for request in (
        plain({"authorization": "AWS4-ECDSA-P256-SHA256 Credential=a/20261121/s3/aws4_request"}),
        Request(
            "GET",
            "/b/k",
            presigned(key()).raw_query.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            {"host": HOST},
            NoBody(),
        ),
    ):
        with pytest.raises(NotImplemented, match="Signature Version 4A"):
            run(request, methods)


@pytest.mark.parametrize("value", ["Bearer secret-token", "Basic dTpw", "aws4-hmac-sha256 Credential=a", "AWS nocolon"])
def test_an_unknown_scheme_is_refused_and_not_repeated(value: str, methods: list[Method]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        run(plain({"authorization": value}), methods)
    assert caught.value.fields == {"ArgumentName": "Authorization", "ArgumentValue": value.split()[0]}


def test_unknown_disabled_and_expired_keys_answer_alike(methods: list[Method]) -> None:
    seen: dict[str, S3Error] = {}
    for name in ("NOBODY", "DISABLED", "EXPIRED"):
        for make in (signed, presigned):
            for secret in (SECRET, Secret("wrong"), Secret("")):
                with pytest.raises(InvalidAccessKeyId) as caught:
                    run(make(key(name, secret)), methods)
                assert caught.value.fields == {"AWSAccessKeyId": name}
                seen[name] = caught.value
    assert len({error.message for error in seen.values()}) == 1
    assert {name: error.reason for name, error in seen.items()} == {
        "NOBODY": "unknown access key",
        "DISABLED": "disabled access key",
        "EXPIRED": "expired access key",
    }


def test_an_unusable_key_costs_a_verification(methods: list[Method], monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    import bucketport.identity.base as base

    real = base.verify
    monkeypatch.setattr(
        base, "verify", lambda signed, secret: (verified.append(signed.access_key), real(signed, secret))
    )
    for name in ("NOBODY", "DISABLED", "EXPIRED"):
        with pytest.raises(InvalidAccessKeyId):
            run(signed(key(name)), methods)
    assert verified == ["NOBODY", "DISABLED", "EXPIRED"]


@pytest.mark.parametrize("make", [signed, presigned])
def test_a_session_token_is_refused_until_there_are_sessions(make: object, methods: list[Method]) -> None:
    with pytest.raises(InvalidToken):
        run(make(key(token="a/token+=")), methods)  # type: ignore[operator]


def test_the_clock_is_judged_after_the_signature(methods: list[Method]) -> None:
    with pytest.raises(SignatureDoesNotMatch):
        run(signed(key(secret=Secret("wrong"))), methods, NOW + 5000)
    with pytest.raises(RequestTimeTooSkewed):
        run(signed(key()), methods, NOW + 5000)


def test_nothing_of_the_secret_is_in_a_mismatch(methods: list[Method]) -> None:
    with pytest.raises(SignatureDoesNotMatch) as caught:
        run(signed(key(secret=Secret("wrong"))), methods)
    right = signed(key()).headers["authorization"][-64:]
    shown = " ".join([caught.value.message, caught.value.reason, *caught.value.fields.values()])
    assert right not in shown
    assert bytes(right, "ascii").hex(" ") not in shown
    assert SECRET.reveal() not in shown


def test_key_lookup_happens_once_and_only_for_well_formed_requests(keys: object, methods: list[Method]) -> None:
    run(signed(key()), methods)
    with pytest.raises(S3Error):
        run(plain({"authorization": "AWS4-HMAC-SHA256 a"}), methods)
    assert keys.asked == ["AKIAIOSFODNN7EXAMPLE"]  # type: ignore[attr-defined]
