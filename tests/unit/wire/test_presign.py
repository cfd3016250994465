"""What we sign as a client is what AWS would sign."""

import json
import pathlib

import pytest

from bucketport.model import Credential, Secret
from bucketport.wire.presign import Key, Target, presign_url, sign_headers

AWS = json.loads((pathlib.Path(__file__).parents[2] / "vectors" / "sigv4_aws.json").read_text())
KEY = Key(Credential(AWS["access_key"], Secret(AWS["secret"]), ""), "us-east-1", "20130524T000000Z")
BY_HEADER = [vector for vector in AWS["requests"] if "authorization" in vector["headers"]]


@pytest.mark.parametrize("vector", BY_HEADER, ids=[vector["name"] for vector in BY_HEADER])
def test_the_published_examples_are_signed_as_published(vector: dict[str, dict[str, str]]) -> None:
    sent = dict(vector["headers"])
    expected = sent.pop("authorization").replace(",", ", ")
    host, payload = sent.pop("host"), sent.pop("x-amz-content-sha256")
    path, _, query = str(vector["target"]).partition("?")
    made = sign_headers(str(vector["method"]), Target(host, path, query), sent, payload, KEY)
    assert made == vector["headers"] | {"authorization": expected}


def test_the_published_url_is_made_as_published() -> None:
    vector = next(vector for vector in AWS["requests"] if vector["name"].startswith("presigned"))
    host = vector["headers"]["host"]
    assert presign_url("GET", Target(host, "/test.txt"), KEY, 86400) == f"https://{host}{vector['target']}"


@pytest.mark.parametrize("expires", [0, -1, 604801])
def test_a_lifetime_out_of_range_is_refused(expires: int) -> None:
    with pytest.raises(ValueError, match="lives 1 to 604800 seconds"):
        presign_url("GET", Target("h", "/k"), KEY, expires)


def test_headers_that_change_on_the_way_are_not_signed() -> None:
    sent = {"User-Agent": "x", "Expect": "100-continue", "Transfer-Encoding": "chunked", "Content-Type": " a  b "}
    made = sign_headers("PUT", Target("h", "/k"), sent, "UNSIGNED-PAYLOAD", KEY)
    assert "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date," in made["authorization"]
    assert made["user-agent"] == "x"
    assert made["content-type"] == "a  b"


def test_a_session_token_is_sent_and_signed() -> None:
    key = Key(KEY.credential, "us-east-1", KEY.stamp, "to/k+en=")
    made = sign_headers("GET", Target("h", "/k"), {}, "UNSIGNED-PAYLOAD", key)
    assert made["x-amz-security-token"] == "to/k+en="
    assert "x-amz-security-token," in made["authorization"]
    assert "X-Amz-Security-Token=to%2Fk%2Ben%3D&" in presign_url("GET", Target("h", "/k"), key, 60)


def test_a_presigned_url_names_what_must_be_sent_along() -> None:
    url = presign_url("PUT", Target("h:9000", "/b/a b", "x=1", "http"), KEY, 60, {"X-Amz-Acl": "private"})
    assert url.startswith("http://h:9000/b/a%20b?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert "X-Amz-SignedHeaders=host%3Bx-amz-acl&x=1&X-Amz-Signature=" in url
