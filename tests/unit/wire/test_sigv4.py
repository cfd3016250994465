"""What is signed, and that keys stay secret."""

import hashlib
import hmac

import pytest

from bucketport.errors import InvalidURI, SignatureDoesNotMatch
from bucketport.model import Secret
from bucketport.wire.sigv4 import (
    ChunkSigner,
    Signed,
    SigningKey,
    canonical_headers,
    canonical_pairs,
    canonical_path,
    canonical_query,
    scope,
    signing_key,
    string_to_sign,
    verify,
)

SCOPE = scope("20130524", "us-east-1")


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("/", "/"),
        ("/b/k", "/b/k"),
        ("/b//a///", "/b//a///"),
        ("/b/../x/./y", "/b/../x/./y"),
        ("/b/%2e%2e/x", "/b/../x"),
        ("/a%20b/a+b", "/a%20b/a%2Bb"),
        ("/a%2Bb/a%2bb", "/a%2Bb/a%2Bb"),
        ("/%c3%bc/%E4%B8%AD", "/%C3%BC/%E4%B8%AD"),
        ("/\u00c3\u00bc", "/%C3%BC"),
        ("/!*'()~=&:@$,;", "/%21%2A%27%28%29~%3D%26%3A%40%24%2C%3B"),
        ("/%21%2A%27%28%29%7E%3D%26%3A", "/%21%2A%27%28%29~%3D%26%3A"),
        ("/100%25/%2525", "/100%25/%2525"),
        ("/a%2Fb", "/a/b"),
        ("/a%00b", "/a%00b"),
        ("/a\\b|c", "/a%5Cb%7Cc"),
    ],
)
def test_the_path_is_encoded_strictly_and_never_normalised(raw: str, canonical: str) -> None:
    assert canonical_path(raw) == canonical
    assert canonical_path(canonical) == canonical


@pytest.mark.parametrize("raw", ["/100%", "/%", "/%1", "/%zz", "/%+1", "/%C3"])
def test_a_broken_escape_is_refused(raw: str) -> None:
    with pytest.raises(InvalidURI):
        canonical_path(raw)
    with pytest.raises(InvalidURI):
        canonical_pairs(f"a={raw}")


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1&a=&A=3", "A=3&a=&a=1&a=2"),
        ("acl&b=", "acl=&b="),
        ("&&a=1&", "a=1"),
        ("a=b+c&d=e%2Bf&g=%20", "a=b%20c&d=e%2Bf&g=%20"),
        ("k=1&k-x=2&k.y=3&k0=4", "k=1&k-x=2&k.y=3&k0=4"),
        ("k=%c3%bc~!*'()&l=a=b&m=a:b/c", "k=%C3%BC~%21%2A%27%28%29&l=a%3Db&m=a%3Ab%2Fc"),
        ("prefix=" + "a/" * 100, "prefix=" + "a%2F" * 100),
    ],
)
def test_the_query_is_encoded_strictly_and_sorted_by_name(raw: str, canonical: str) -> None:
    assert canonical_query(canonical_pairs(raw)) == canonical


def test_white_space_in_a_header_is_signed_as_one_space() -> None:
    headers = {"a": "x   y \t z", "b": "\u00c3\u00a0  \u00c2\u0085"}
    assert canonical_headers(headers, ["a", "b"]) == "a:x y z\nb:\u00c3\u00a0 \u00c2\u0085\n"


def test_a_signed_header_that_is_not_there_has_no_line() -> None:
    assert canonical_headers({"a": "1"}, ["a", "b"]) == "a:1\n"


def test_a_signing_key_signs_as_hmac_does() -> None:
    for length in (0, 1, 32, 64):
        key = bytes(range(length))
        assert SigningKey(key).sign(b"text") == hmac.digest(key, b"text", "sha256").hex()


def test_neither_a_key_nor_a_signer_shows_its_secret() -> None:
    secret = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    key = signing_key(secret, SCOPE)
    signer = ChunkSigner(secret, SCOPE, "20130524T000000Z", "0" * 64)
    for thing in (key, signer, secret):
        assert "wJalr" not in repr(thing)
        assert not hasattr(thing, "__dict__")


def test_a_signing_key_is_derived_once() -> None:
    assert signing_key(Secret("s"), SCOPE) is signing_key(Secret("s"), scope("20130524", "us-east-1"))
    assert signing_key(Secret("s"), SCOPE) is not signing_key(Secret("t"), SCOPE)


def made(signature: str) -> Signed:
    return Signed("KEY", SCOPE, "20130524T000000Z", 1369353600, signature, b"GET\n/\xc3\xbc", "UNSIGNED-PAYLOAD")


RIGHT = signing_key(Secret("s"), SCOPE).sign(string_to_sign("20130524T000000Z", SCOPE, b"GET\n/\xc3\xbc"))


def test_the_right_signature_is_accepted() -> None:
    verify(made(RIGHT), Secret("s"))


@pytest.mark.parametrize(
    "signature",
    ["", "0", RIGHT[:-1], RIGHT + "0", RIGHT[::-1], RIGHT.upper(), "\u00e9" * 64, RIGHT + "\0", " " + RIGHT],
)
def test_any_other_signature_is_refused(signature: str) -> None:
    with pytest.raises(SignatureDoesNotMatch) as caught:
        verify(made(signature), Secret("s"))
    text = string_to_sign("20130524T000000Z", SCOPE, b"GET\n/\xc3\xbc")
    assert caught.value.fields == {
        "AWSAccessKeyId": "KEY",
        "StringToSign": text.decode(),
        "SignatureProvided": signature,
        "StringToSignBytes": text.hex(" "),
        "CanonicalRequest": "GET\n/\u00c3\u00bc",
        "CanonicalRequestBytes": "47 45 54 0a 2f c3 bc",
    }


def test_the_chain_of_chunks_depends_on_every_chunk() -> None:
    def chain(*payloads: bytes) -> bytes:
        signer = ChunkSigner(Secret("s"), SCOPE, "20130524T000000Z", "0" * 64)
        for payload in payloads:
            last = signer.next_chunk(hashlib.sha256(payload).digest())
        return last

    assert chain(b"a", b"b") != chain(b"b", b"b") != chain(b"b")


def test_a_huge_canonical_request_is_not_repeated() -> None:
    signed = Signed("KEY", SCOPE, "20130524T000000Z", 1369353600, "x" * 9000, b"x" * 20000, "UNSIGNED-PAYLOAD")
    with pytest.raises(SignatureDoesNotMatch) as caught:
        verify(signed, Secret("s"))
    assert sum(map(len, caught.value.fields.values())) < 1000
