"""What is a client given that sends its part to Google itself? One URL for one part, that Google's rules verify."""

import asyncio
import hashlib
import json
import random
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import Lasting
from bucketport.backends.remote.credentials_gcs import Bearer, service_account, signs_urls
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.gcs.dialect import Gcs
from bucketport.backends.remote.gcs.requests import Place
from bucketport.backends.remote.gcs.signing import UrlSigner
from bucketport.backends.remote.sending import Surroundings
from bucketport.crypto.native import sign_rs256
from bucketport.errors import NoSuchUpload, NotImplemented
from bucketport.message import HttpAnswer
from bucketport.model import Offer, Secret, UploadName
from bucketport.testing.fakes import DIGESTS, FakeClock

NOW = 1_795_000_000.5
SEAL = "19f0" + "0" * 28 + "aaa"
UPLOAD = UploadName("here", "dir/grün", f"{SEAL}.ABPn_-.x")
EMAIL = "me@project.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def private_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def pem(private_key):
    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private_key.private_bytes(serialization.Encoding.PEM, kind, plain).decode()


@pytest.fixture
def key(pem):
    return Bearer(Secret("token"), UrlSigner(EMAIL, lambda message: sign_rs256(pem, message)))


def dialect(**how):
    place = Place(parse_endpoint("https://storage.googleapis.com"), "there")
    return Gcs(place, DIGESTS, random.Random(1).randbytes, FakeClock(step=0.001), **how)


def test_request_names_the_part_and_google_verifies_it(key, private_key):
    request = dialect().presign_part(UPLOAD, 7, 600, key, NOW)
    assert (request.method, dict(request.headers)) == ("PUT", {})
    assert request.path == f"/there/dir/gr%C3%BCn%20.bucketport-upload-{SEAL}"
    query, _, signature = request.query.rpartition("&X-Goog-Signature=")
    found = {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}
    scope = "20261118/auto/storage/goog4_request"
    stamp = found["X-Goog-Date"]
    assert stamp.startswith("20261118T")
    assert found == {
        "partNumber": "7",
        "uploadId": "ABPn_-.x",
        "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
        "X-Goog-Credential": f"{EMAIL}/{scope}",
        "X-Goog-Date": stamp,
        "X-Goog-Expires": "600",
        "X-Goog-SignedHeaders": "host",
    }
    assert [pair.split("=")[0] for pair in query.split("&")] == sorted(found)
    canonical = f"PUT\n{request.path}\n{query}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    private_key.public_key().verify(bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(("seconds", "expires"), [(0, "1"), (10_000_000, "604800")])
def test_time_is_what_google_allows(key, seconds, expires):
    query = dialect().presign_part(UPLOAD, 1, seconds, key, NOW).query
    assert parse_qs(query)["X-Goog-Expires"] == [expires]


def test_only_a_service_accounts_key_offers_it(key):
    assert Offer.DIRECT not in dialect().offers
    assert Offer.DIRECT in dialect(signs_urls=True).offers
    for without in (None, Bearer(Secret("token"))):
        with pytest.raises(NotImplemented):
            dialect().presign_part(UPLOAD, 1, 60, without, NOW)
    assert signs_urls('{"type": "service_account"}')
    assert not signs_urls('{"type": "authorized_user"}')


def test_id_that_was_not_made_here_is_no_upload(key):
    with pytest.raises(NoSuchUpload):
        dialect().presign_part(UploadName("here", "dir/key", "x"), 1, 60, key, NOW)


def test_token_of_a_service_account_comes_with_its_signer(pem, private_key):
    plan = service_account({"client_email": EMAIL, "private_key": pem}, sign_rs256, NOW)
    next(plan)
    with pytest.raises(StopIteration) as stop:
        plan.send(HttpAnswer(200, {}, json.dumps({"access_token": "t", "expires_in": 60}).encode()))
    signer = stop.value.value.key.signer
    assert signer.email == EMAIL
    private_key.public_key().verify(signer.sign(b"text"), b"text", padding.PKCS1v15(), hashes.SHA256())


def test_backend_signs_with_the_present_key_and_time(key):
    world = Surroundings(None, lambda: NOW, None, None, None)
    backend = Remote(dialect(signs_urls=True), Lasting(key), world)
    made = asyncio.run(backend.presign_part(UPLOAD, 7, 600))
    assert made == dialect().presign_part(UPLOAD, 7, 600, key, NOW)
