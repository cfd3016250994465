"""URLs of Signature Version 2: what botocore makes is accepted, and nothing can be changed in it or added to it."""

import asyncio
import base64
import dataclasses
import hmac
import json
import pathlib
import string
from typing import Any
from urllib.parse import quote, unquote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bucketport.errors import (
    AccessDenied,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidRequest,
    InvalidToken,
    InvalidURI,
    S3Error,
    SignatureDoesNotMatch,
)
from bucketport.identity.base import authenticate
from bucketport.identity.presigned_v2 import PresignedUrlV2
from bucketport.message import NoBody, Request
from bucketport.model import Credential, Secret
from bucketport.operations import table
from bucketport.operations.objects import overrides_of
from bucketport.ports import Method, Proof
from bucketport.wire import sigv2
from bucketport.wire.address import Level

DOCUMENT = json.loads((pathlib.Path(__file__).parents[2] / "vectors" / "sigv2_botocore.json").read_text())
VECTORS = DOCUMENT["requests"]
NAMES = [vector["name"] for vector in VECTORS]
NOW: int = DOCUMENT["now"]
ACCESS_KEY, SECRET = DOCUMENT["access_key"], Secret(DOCUMENT["secret"])
WEEK = 7 * 86400
PLACES = {Level.SERVICE: "/", Level.BUCKET: "/b", Level.OBJECT: "/b/k"}


class Keys:
    def __init__(self, secret: Secret = SECRET) -> None:
        self._credential = Credential(ACCESS_KEY, secret, "alice")

    async def find(self, access_key: str) -> Credential | None:
        return self._credential if access_key == ACCESS_KEY else None


def prove(request: Request, now: float = NOW, secret: Secret = SECRET) -> Proof:
    methods: list[Method] = [PresignedUrlV2(Keys(secret), [DOCUMENT["domain"]])]
    return asyncio.run(authenticate(request, methods, now))


def request_of(vector: dict[str, Any]) -> Request:
    path, _, query = vector["target"].partition("?")
    return Request(vector["method"], path, query, vector["headers"], NoBody())


def url(
    signed: str = "",
    added: str = "",
    *,
    method: str = "GET",
    path: str = "/b/k",
    expires: object = NOW + 60,
    access_key: str = ACCESS_KEY,
    secret: Secret = SECRET,
    headers: dict[str, str] | None = None,
) -> Request:
    """A request signed by hand: `signed` are sub-resources as they are signed and sent, `added` comes later."""
    headers = headers or {}
    amz = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-"))
    fixed = f"{method}\n{headers.get('content-md5', '')}\n{headers.get('content-type', '')}\n{expires}\n{amz}{path}"
    text = fixed + (f"?{signed}" if signed else "")
    signature = base64.b64encode(hmac.digest(secret.reveal().encode(), text.encode(), "sha1")).decode()
    own = f"AWSAccessKeyId={access_key}&Signature={quote(signature, safe='')}&Expires={expires}"
    query = "&".join(filter(None, [signed, own, added]))
    return Request(method, path, query, {"host": "127.0.0.1:9000"} | headers, NoBody())


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_what_botocore_signed_is_accepted(vector: dict[str, Any]) -> None:
    proof = prove(request_of(vector))
    assert (proof.identity.user, proof.identity.access_key) == ("alice", ACCESS_KEY)
    assert (proof.payload, proof.signer, proof.presigned) == ("UNSIGNED-PAYLOAD", None, True)


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_another_secret_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(SignatureDoesNotMatch):
        prove(request_of(vector), secret=Secret("another"))


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_a_url_behind_a_path_prefix_is_signed_without_it(vector: dict[str, Any]) -> None:
    request = request_of(vector)
    prove(dataclasses.replace(request, raw_path="/s3" + request.raw_path, base="/s3"))
    with pytest.raises(S3Error):
        prove(dataclasses.replace(request, raw_path="/s3" + request.raw_path))


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_another_method_path_time_or_header_is_refused(vector: dict[str, Any]) -> None:
    request = request_of(vector)
    expires = f"Expires={NOW + 600}"
    assert expires in request.raw_query
    for changed in (
        dataclasses.replace(request, method="POST" if request.method != "POST" else "PUT"),
        dataclasses.replace(request, raw_path=request.raw_path + "x"),
        dataclasses.replace(request, raw_query=request.raw_query.replace(expires, f"Expires={NOW + 601}")),
        dataclasses.replace(request, headers={**request.headers, "x-amz-acl": "public-read"}),
        dataclasses.replace(request, headers={**request.headers, "x-amz-copy-source": "/secret/key"}),
        dataclasses.replace(request, headers={**request.headers, "content-type": "text/html"}),
        dataclasses.replace(request, headers={**request.headers, "content-md5": "x"}),
    ):
        with pytest.raises(SignatureDoesNotMatch):
            prove(changed)
    for name in set(request.headers) - {"host"}:
        with pytest.raises(SignatureDoesNotMatch):
            prove(dataclasses.replace(request, headers={k: v for k, v in request.headers.items() if k != name}))


def test_the_bucket_of_a_host_is_signed() -> None:
    vector = next(v for v in VECTORS if v["name"] == "get_object virtual 'bucket' 'plain.txt'")
    request = request_of(vector)
    prove(request)
    with pytest.raises(SignatureDoesNotMatch):
        prove(dataclasses.replace(request, headers={"host": f"other.{DOCUMENT['domain']}"}))


def test_where_paths_are_mapped_a_url_can_not_be_moved_to_a_host() -> None:
    method = PresignedUrlV2(Keys(), [DOCUMENT["domain"]], mapped=True)
    made = url(path="/b/k")
    assert asyncio.run(method.authenticate(made, NOW)).identity.user == "alice"
    for path in ("/b/k", "/k"):
        moved = dataclasses.replace(made, raw_path=path, headers={"host": f"b.{DOCUMENT['domain']}"})
        with pytest.raises(AccessDenied):
            asyncio.run(method.authenticate(moved, NOW))


@pytest.mark.parametrize("row", list(table()), ids=lambda row: f"{row.name} {row.selector}")
def test_no_selector_of_any_operation_can_be_added(row: Any) -> None:
    name = row.selector.removesuffix("+copy")
    if not name:
        return
    plain = url(method=row.method, path=PLACES[row.level])
    for added in (name, f"{name}=", f"{name}=1", f"%{ord(name[0]):02X}{name[1:]}=2"):
        changed = dataclasses.replace(plain, raw_query=f"{plain.raw_query}&{added}")
        if row.name == "ListObjectsV2":
            prove(changed)  # the same leave as ListObjects, which is what was signed
            continue
        with pytest.raises((SignatureDoesNotMatch, AccessDenied)):
            prove(changed)


@pytest.mark.parametrize("name", ["versionId", "uploadId", "partNumber", "response-content-type", "response-expires"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_what_operations_read_besides_can_not_be_added_either(name: str, method: str) -> None:
    assert name in sigv2.SIGNED
    for added in (name, f"{name}=", f"{name}=1"):
        with pytest.raises(SignatureDoesNotMatch):
            prove(url(added=added, method=method))


class Asked(dict[str, str]):
    """A query that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """Nothing is there."""
        self.names.add(name)
        return default


def test_every_response_override_is_signed() -> None:
    asked = Asked()
    overrides_of(asked)
    assert len(asked.names) >= 6
    assert asked.names <= sigv2.SIGNED


@pytest.mark.parametrize(
    ("method", "path", "added"),
    [
        ("GET", "/b/k", "list-type=2"),
        ("GET", "/", "list-type=2"),
        ("PUT", "/b", "list-type=2"),
        ("HEAD", "/b", "prefix=a"),
        ("DELETE", "/b", "prefix=a"),
        ("GET", "/b", "id=1"),
        ("GET", "/b", "encryption"),
        ("GET", "/b/k", "attributes"),
        ("PUT", "/b/k", "legal-hold"),
        ("GET", "/b/k", "whatever=1"),
        ("GET", "/b/k", "="),
        ("GET", "/b/k", "x-amz-acl=public-read"),
        ("PUT", "/b/k", "X-Amz-Copy-Source=b%2Fc"),
        ("PUT", "/b/k", "content-type=text%2Fhtml"),
    ],
)
def test_an_unsigned_parameter_is_refused_by_name(method: str, path: str, added: str) -> None:
    with pytest.raises(AccessDenied, match="does not sign") as caught:
        prove(url(method=method, path=path, added=added))
    assert caught.value.fields == {"ParametersNotSigned": added.partition("=")[0]}


@pytest.mark.parametrize("added", ["prefix=a&delimiter=/", "marker=a", "list-type=2&max-keys=1", "encoding-type=url"])
def test_which_page_of_a_list_is_meant_may_be_added(added: str) -> None:
    assert prove(url(path="/b", added=added)).identity.user == "alice"
    assert prove(url(path="/b/", added=added)).identity.user == "alice"


def test_a_value_can_not_pose_as_a_parameter() -> None:
    both = url("response-content-type=a&versionId=1")
    prove(both)
    for sent in ("response-content-type=a%26versionId=1", "response-content-type=a%26versionId%3D1"):
        query = both.raw_query.replace("response-content-type=a&versionId=1", sent)
        with pytest.raises(AccessDenied, match="does not sign"):
            prove(dataclasses.replace(both, raw_query=query))
    made = url("response-content-disposition=a&b.txt")
    query = made.raw_query.replace("a&b.txt", "a%26b.txt")
    assert prove(dataclasses.replace(made, raw_query=query)).identity.user == "alice"


@pytest.mark.parametrize("name", ["Signature", "AWSAccessKeyId", "Expires", "%53ignature", "prefix", "versionId"])
def test_a_parameter_given_twice_is_refused(name: str) -> None:
    first = "versionId=1" if name == "versionId" else ""
    added = f"{name}=1" if name != "prefix" else "prefix=a&prefix=b"
    with pytest.raises(AccessDenied, match="more than once"):
        prove(url(first, added, path="/b"))


@pytest.mark.parametrize("name", ["AWSAccessKeyId", "Expires"])
def test_what_is_missing_is_named(name: str) -> None:
    made = url()
    for value in ("", name, f"{name}="):
        pairs = [piece for piece in made.raw_query.split("&") if not piece.startswith(f"{name}=")] + [value]
        with pytest.raises(AccessDenied, match="requires the Signature, Expires and AWSAccessKeyId"):
            prove(dataclasses.replace(made, raw_query="&".join(filter(None, pairs))))
    with pytest.raises(AccessDenied, match="requires the Signature"):
        prove(dataclasses.replace(made, raw_query=made.raw_query.replace("Signature=", "Signature=&x=")))


@pytest.mark.parametrize("expires", ["never", "-1", "1.5", "1e10", "%2B1", "0x10", "²", "9" * 13])
def test_a_time_that_is_no_number_is_refused(expires: str) -> None:
    made = url()
    query = made.raw_query.replace(f"Expires={NOW + 60}", f"Expires={quote(expires, safe='%')}")
    with pytest.raises(AccessDenied, match="seconds since epoch"):
        prove(dataclasses.replace(made, raw_query=query))


@pytest.mark.parametrize("expires", [0, 1, NOW - 1, NOW])
def test_a_url_past_its_time_is_refused(expires: int) -> None:
    with pytest.raises(AccessDenied, match="Request has expired") as caught:
        prove(url(expires=expires))
    assert caught.value.fields["ServerTime"] == "2026-11-21T09:28:01Z"
    assert caught.value.fields["Expires"].endswith("Z")


def test_a_url_lives_a_week_at_most() -> None:
    prove(url(expires=NOW + WEEK))
    for expires in (NOW + WEEK + 901, 999_999_999_999):
        with pytest.raises(AccessDenied, match="less than a week"):
            prove(url(expires=expires))


def test_the_clock_is_judged_after_the_signature() -> None:
    with pytest.raises(SignatureDoesNotMatch):
        prove(url(expires=1, secret=Secret("wrong")))


def test_a_mismatch_shows_what_was_signed_and_nothing_of_the_secret() -> None:
    with pytest.raises(SignatureDoesNotMatch) as caught:
        prove(url("versionId=1", secret=Secret("wrong")))
    fields = caught.value.fields
    assert fields["StringToSign"] == f"GET\n\n\n{NOW + 60}\n/b/k?versionId=1"
    assert bytes.fromhex(fields["StringToSignBytes"]).decode() == fields["StringToSign"]
    assert fields["AWSAccessKeyId"] == ACCESS_KEY
    right = hmac.digest(SECRET.reveal().encode(), fields["StringToSign"].encode(), "sha1")
    assert base64.b64encode(right).decode() not in " ".join(fields.values())


def test_a_long_string_is_not_shown() -> None:
    with pytest.raises(SignatureDoesNotMatch) as caught:
        prove(url(secret=Secret("wrong"), headers={"x-amz-meta-a": "x" * 20_000}))
    assert "StringToSign" not in caught.value.fields


def test_unknown_disabled_and_expired_keys_answer_alike(methods: list[Method], monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    real = sigv2.verify

    def counted(signed: sigv2.Signed, secret: Secret) -> None:
        verified.append(signed.access_key)
        real(signed, secret)

    monkeypatch.setattr(sigv2, "verify", counted)
    seen: dict[str, S3Error] = {}
    for name in ("NOBODY", "DISABLED", "EXPIRED"):
        for secret in (SECRET, Secret(""), Secret("wrong")):
            with pytest.raises(InvalidAccessKeyId) as caught:
                asyncio.run(authenticate(url(access_key=name, secret=secret), methods, NOW))
            assert caught.value.fields == {"AWSAccessKeyId": name}
            seen[name] = caught.value
    assert len({error.message for error in seen.values()}) == 1
    assert {name: error.reason for name, error in seen.items()} == {
        "NOBODY": "unknown access key",
        "DISABLED": "disabled access key",
        "EXPIRED": "expired access key",
    }
    assert verified == [name for name in seen for _ in range(3)]


@pytest.mark.parametrize("name", ["x-amz-security-token", "X-Amz-Security-Token"])
def test_a_session_token_is_refused(name: str) -> None:
    with pytest.raises(InvalidToken):
        prove(url(added=f"{name}=abc"))
    with pytest.raises(InvalidToken):
        prove(url(headers={"x-amz-security-token": "abc"}))


@pytest.mark.parametrize("authorization", ["AWS a:b", "AWS4-HMAC-SHA256 a", "Bearer a", "x"])
def test_a_second_way_is_refused(authorization: str, methods: list[Method]) -> None:
    made = url()
    with pytest.raises(InvalidArgument, match="Only one auth mechanism"):
        asyncio.run(authenticate(dataclasses.replace(made, headers={"authorization": authorization}), methods, NOW))
    query = f"{made.raw_query}&X-Amz-Algorithm=AWS4-HMAC-SHA256"
    with pytest.raises(InvalidArgument, match="Only one auth mechanism"):
        asyncio.run(authenticate(dataclasses.replace(made, raw_query=query), methods, NOW))


def test_a_payload_hash_is_refused_for_nobody_would_compare_it() -> None:
    prove(url(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}))
    with pytest.raises(InvalidRequest):
        prove(url(headers={"x-amz-content-sha256": "0" * 64}))


@pytest.mark.parametrize("name", ["x-amz-meta-z", "x-amz-acl", "content-type", "x-amz-copy-source"])
def test_a_parameter_without_a_value_is_no_copy_of_a_header_that_is_absent(name: str) -> None:
    with pytest.raises(AccessDenied):
        prove(url(added=name))


@given(st.sampled_from(VECTORS), st.data())
def test_any_single_change_is_refused(vector: dict[str, Any], data: st.DataObject) -> None:
    """Of a target, but for the page of a list and for what reads the same."""
    target = vector["target"]
    at = data.draw(st.integers(1, len(target) - 1))
    letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "/%&=+-"))
    kind = data.draw(st.sampled_from(["put", "change", "drop"]))
    changed = target[:at] + ("" if kind == "drop" else letter) + target[at + (kind != "put") :]
    assume(_meaning(changed) != _meaning(target))
    request = request_of(vector | {"target": changed})
    try:
        proof = prove(request)
    except S3Error:
        return
    assert proof.identity.anonymous, "a changed URL was believed"
    assert "Signature" not in {name for name, _ in _meaning(changed)[1]}


def test_a_broken_escape_in_a_name_is_refused_before_anything_is_proved() -> None:
    with pytest.raises(InvalidURI):
        prove(request_of(VECTORS[0] | {"target": "/?AWSAccessKeyId=A&S%gnature=b&Expires=1"}))


def _meaning(target: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """The path, and what is signed of the query and not a page of a list, decoded."""
    path, _, query = target.partition("?")
    pages = {"list-type", "prefix", "delimiter", "encoding-type", "start-after", "key-marker", "max-parts"}
    pairs = [piece.partition("=") for piece in query.split("&") if piece]
    found = [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]
    return path, frozenset(pair for pair in found if pair[0] not in pages)
