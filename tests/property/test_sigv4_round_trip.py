"""What we sign, we verify; and whatever is changed on the way in what was signed is refused."""

from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bucketport.errors import InvalidAccessKeyId, S3Error
from bucketport.message import NoBody, Request
from bucketport.model import Credential, Secret
from bucketport.wire.authorization import check_time, read_header, read_query
from bucketport.wire.presign import Key, Target, presign_url, sign_headers
from bucketport.wire.sigv4 import canonical_pairs, canonical_path, canonical_query, verify

NOW = 1_795_253_281
SECRET = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
KEY = Key(Credential("AKIAIOSFODNN7EXAMPLE", SECRET, ""), "us-east-1", "20261121T092801Z")
HOST = "s3.example.test:9000"

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
paths = keys.map(lambda key: "/bucket/" + quote(key, safe="/~"))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
queries = st.lists(st.tuples(texts.filter(lambda name: not name.startswith("X-Amz-")), texts), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)
headers = st.dictionaries(st.sampled_from(["x-amz-meta-a", "x-amz-acl", "content-type", "range"]), values)
methods = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])
payloads = st.sampled_from(["UNSIGNED-PAYLOAD", "0" * 64, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])


def judge(request: Request) -> None:
    read = read_header if "authorization" in request.headers else read_query
    signed = read(request, "us-east-1")
    if signed.access_key != KEY.credential.access_key:
        raise InvalidAccessKeyId()
    verify(signed, SECRET)
    check_time(signed, NOW)


def by_header(method: str, path: str, query: str, sent: dict[str, str], payload: str = "UNSIGNED-PAYLOAD") -> Request:
    made = sign_headers(method, Target(HOST, path, query), sent, payload, KEY)
    return Request(method, path, query, made, NoBody())


def by_query(method: str, path: str, query: str, sent: dict[str, str]) -> Request:
    url = presign_url(method, Target(HOST, path, query), KEY, 60, sent)
    path, _, query = url.removeprefix(f"https://{HOST}").partition("?")
    return Request(method, path, query, {"host": HOST} | sent, NoBody())


@settings(max_examples=200, deadline=None)
@given(methods, paths, queries, headers, payloads)
def test_what_is_signed_in_the_header_verifies(
    method: str, path: str, query: str, sent: dict[str, str], payload: str
) -> None:
    judge(by_header(method, path, query, sent, payload))


@settings(max_examples=200, deadline=None)
@given(methods, paths, queries, headers)
def test_what_is_presigned_verifies(method: str, path: str, query: str, sent: dict[str, str]) -> None:
    judge(by_query(method, path, query, sent))


def changed(text: str, place: int, character: str) -> str:
    """`text` with one character put in the place of another."""
    place %= max(len(text), 1)
    return text[:place] + character + text[place + 1 :]


def same(path: str, query: str, other_path: str, other_query: str) -> bool:
    """Whether both mean the same: other escapes, or another order of the query's names."""
    try:
        return canonical_path(path) == canonical_path(other_path) and canonical_query(
            canonical_pairs(query)
        ) == canonical_query(canonical_pairs(other_query))
    except S3Error:
        return False


places = st.integers(0, 10_000)
characters = st.characters(min_codepoint=0x21, max_codepoint=0xFF)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([by_header, by_query]), paths, queries, headers, places, characters, st.booleans())
def test_one_other_character_in_the_target_is_refused(
    make: object, path: str, query: str, sent: dict[str, str], place: int, character: str, in_query: bool
) -> None:
    request: Request = make("PUT", path, query, sent)  # type: ignore[operator]
    path, query = request.raw_path, request.raw_query
    assume(query or not in_query)
    other_path = path if in_query else changed(path, place, character)
    other_query = changed(query, place, character) if in_query else query
    assume(not same(path, query, other_path, other_query))
    with pytest.raises(S3Error):
        judge(Request("PUT", other_path, other_query, request.headers, NoBody()))


@settings(max_examples=300, deadline=None)
@given(
    paths,
    headers,
    st.sampled_from(["authorization", "x-amz-date", "x-amz-content-sha256", "host", "own"]),
    places,
    characters,
)
def test_one_other_character_in_a_signed_header_is_refused(
    path: str, sent: dict[str, str], name: str, place: int, character: str
) -> None:
    request = by_header("PUT", path, "", sent)
    if name == "own":
        assume(sent)
        name = sorted(sent)[place % len(sent)]
    value = request.headers[name]
    other = changed(value, place, character)
    assume(other != value)
    if name == "authorization":
        # A comma for a blank, or a blank less, says the same.
        assume(other.replace(",", " ").split() != value.replace(",", " ").split())
    with pytest.raises(S3Error):
        judge(Request("PUT", path, "", {**request.headers, name: other}, NoBody()))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_garbage_is_refused_and_never_breaks(authorization: str, query: str) -> None:
    authorization = authorization.encode().decode("latin-1")
    query = query.encode().decode("latin-1")
    sent = {"host": HOST, "authorization": "AWS4-HMAC-SHA256 " + authorization, "x-amz-content-sha256": "0" * 64}
    with pytest.raises(S3Error):
        read_header(Request("GET", "/", query, sent, NoBody()), "")
    with pytest.raises(S3Error):
        read_query(Request("GET", "/", query, {"host": HOST}, NoBody()), "")
