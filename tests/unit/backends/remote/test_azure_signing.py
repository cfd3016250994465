"""Is a request to Azure signed as Microsoft's own client signs it?"""

import base64
import hashlib
import hmac
import json
import pathlib

import pytest

from bucketport.backends.remote.azure import signing
from bucketport.backends.remote.credentials_azure import Bearer, Sas, SharedKey
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.message import HttpRequest
from bucketport.model import Secret
from bucketport.wire.query import encode

VECTORS = json.loads((pathlib.Path(__file__).parents[3] / "vectors" / "azure_sharedkey.json").read_text())
KEY = SharedKey(VECTORS["account"], Secret(VECTORS["key"]))
HOST = parse_endpoint("https://account.blob.core.windows.net")
NOW = 1_795_253_281.9


class Body:
    """A body that is only as long as it says."""

    begun = False

    def __init__(self, length):
        self.length = length


def request(method="GET", path="/box/key", query="", headers=None, body=b""):
    return HttpRequest(method, HOST, path, query, headers or {}, body)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: f"{vector['method']} {vector['path']}")
def test_signature_is_that_of_the_sdk(vector):
    query = "&".join(f"{encode(name)}={encode(value)}" for name, value in vector["query"].items())
    sent = request(vector["method"], vector["path"], query, vector["headers"], Body(vector["length"]))
    made = signing.signature(sent, vector["headers"], KEY)
    assert f"SharedKey {KEY.account}:{made}" == vector["authorization"]


def test_string_to_sign_is_that_of_the_documentation():
    # Source: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key, Get Container Metadata
    headers = {"x-ms-date": "Fri, 26 Jun 2015 23:39:12 GMT", "x-ms-version": "2015-02-21"}
    sent = request("GET", "/mycontainer", "restype=container&comp=metadata&timeout=20", headers)
    assert signing.string_to_sign(sent, headers, "myaccount") == (
        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
        "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
    )


def test_shared_key_signs_what_is_sent():
    made = signing.sign(request(headers={"x-ms-meta-a": "1"}, body=b"abc"), KEY, NOW)
    assert made.headers["x-ms-date"] == "Sat, 21 Nov 2026 09:28:01 GMT"
    assert made.headers["x-ms-version"] == signing.VERSION
    text = signing.string_to_sign(made, {n: v for n, v in made.headers.items() if n != "authorization"}, KEY.account)
    expected = hmac.new(base64.b64decode(KEY.key.reveal()), text.encode(), hashlib.sha256).digest()
    assert made.headers["authorization"] == f"SharedKey {KEY.account}:{base64.b64encode(expected).decode()}"
    assert (made.path, made.query, made.body) == ("/box/key", "", b"abc")


@pytest.mark.parametrize(("before", "after"), [("", "sv=1&sig=a%2Bb"), ("comp=tags", "comp=tags&sv=1&sig=a%2Bb")])
def test_sas_goes_onto_the_query_as_it_is(before, after):
    made = signing.sign(request(query=before), Sas(Secret("?sv=1&sig=a%2Bb")), NOW)
    assert made.query == after
    assert "authorization" not in made.headers


def test_sas_goes_onto_the_source_of_a_copy():
    headers = {"x-ms-copy-source": "https://h/box/key"}
    made = signing.sign(request("PUT", headers=headers), Sas(Secret("sig=1")), NOW)
    assert made.headers["x-ms-copy-source"] == "https://h/box/key?sig=1"


def test_token_is_a_bearer():
    made = signing.sign(request(), Bearer(Secret("token")), NOW)
    assert made.headers["authorization"] == "Bearer token"
    assert "x-ms-date" in made.headers


def test_nobody_signs_for_public_data():
    made = signing.sign(request(), None, NOW)
    assert made.headers == {"x-ms-version": signing.VERSION}


def test_key_that_is_no_base64_is_refused_by_azure_and_not_by_an_exception():
    assert "authorization" in signing.sign(request(), SharedKey("a", Secret("no base64!")), NOW).headers


def test_upload_ids_are_sealed_with_what_lasts():
    assert signing.sealing_key(KEY).reveal() == signing.sealing_key(KEY).reveal()
    assert signing.sealing_key(KEY).reveal() != signing.sealing_key(Sas(Secret("a"))).reveal()
    assert KEY.key.reveal() not in signing.sealing_key(KEY).reveal()
    given = signing.sealing_key(Bearer(Secret("a")), Secret("given")).reveal()
    assert given == signing.sealing_key(None, Secret("given")).reveal()
    assert "given" not in given
    for key in (None, Bearer(Secret("a"))):
        for given in (None, Secret("")):
            with pytest.raises(ValueError, match="secret of their own"):
                signing.sealing_key(key, given)
