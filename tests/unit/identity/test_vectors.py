"""Signatures that others made: AWS's published examples, and what botocore sends for odd keys."""

import asyncio
import hashlib
import json
import pathlib
from typing import Any

import pytest

from bucketport.errors import SignatureDoesNotMatch
from bucketport.identity.base import authenticate
from bucketport.identity.header import HeaderSignature
from bucketport.identity.presigned import PresignedUrl
from bucketport.message import NoBody, Request
from bucketport.model import Credential, Secret
from bucketport.ports import Proof

VECTORS = pathlib.Path(__file__).parents[2] / "vectors"
AWS = json.loads((VECTORS / "sigv4_aws.json").read_text())
BOTOCORE = json.loads((VECTORS / "sigv4_botocore.json").read_text())
ALL = [(document, vector) for document in (AWS, BOTOCORE) for vector in document["requests"]]
CHUNKED = [vector for vector in AWS["requests"] if "chunks" in vector]


class Keys:
    def __init__(self, document: dict[str, Any], secret: str = "") -> None:
        self._credential = Credential(document["access_key"], Secret(secret or document["secret"]), "alice")

    async def find(self, access_key: str) -> Credential | None:
        return self._credential if access_key == self._credential.access_key else None


def prove(document: dict[str, Any], vector: dict[str, Any], keys: Keys | None = None) -> Proof:
    path, _, query = vector["target"].partition("?")
    request = Request(vector["method"], path, query, vector["headers"], NoBody())
    keys = keys or Keys(document)
    methods = [HeaderSignature(keys, "us-east-1"), PresignedUrl(keys, "us-east-1")]
    return asyncio.run(authenticate(request, methods, document["now"]))


@pytest.mark.parametrize(("document", "vector"), ALL, ids=[vector["name"] for _, vector in ALL])
def test_what_others_signed_is_accepted(document: dict[str, Any], vector: dict[str, Any]) -> None:
    proof = prove(document, vector)
    assert proof.identity.user == "alice"
    assert proof.presigned == ("authorization" not in vector["headers"])
    assert proof.payload == vector["headers"].get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")


@pytest.mark.parametrize(("document", "vector"), ALL, ids=[vector["name"] for _, vector in ALL])
def test_another_secret_is_refused(document: dict[str, Any], vector: dict[str, Any]) -> None:
    with pytest.raises(SignatureDoesNotMatch):
        prove(document, vector, Keys(document, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ"))


@pytest.mark.parametrize("vector", CHUNKED, ids=[vector["name"] for vector in CHUNKED])
def test_the_chunks_of_the_published_uploads_bear_the_expected_signatures(vector: dict[str, Any]) -> None:
    signer = prove(AWS, vector).signer
    assert signer is not None
    for size, signature in vector["chunks"]:
        assert signer.next_chunk(hashlib.sha256(b"a" * size).digest()) == signature.encode()
    if "trailer" in vector:
        digest = hashlib.sha256(vector["trailer"].encode() + b"\n").digest()
        assert signer.trailer(digest) == vector["trailer_signature"].encode()


def test_only_signed_streams_get_a_signer() -> None:
    assert all((prove(document, vector).signer is not None) == ("chunks" in vector) for document, vector in ALL)
