"""Over TLS payloads go unsigned, and a checksum that is known only at the end follows as a trailer: in front of
bucketport, which verifies it."""

import datetime
import ipaddress
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bucketport.backends.memory import Memory
from bucketport.errors import BackendError, BadDigest, NoSuchKey
from bucketport.model import BucketInfo, ObjectName, Promised
from bucketport.options import WHOLE, PutOptions, UploadOptions
from bucketport.runtimes.server import TlsFiles
from bucketport.testing.contracts.base import blob, collect
from bucketport.testing.fakes import DIGESTS, FakeContent, FakeIds, checksum

NAME = ObjectName("tls", "key")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself: the paths of it and of its key."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kind = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture
def memory():
    return Memory(now=time.time, new_id=FakeIds(), digests=DIGESTS, part_minimum=1)


@pytest.fixture
def backend(runner, memory, certificate, own_server, dialled):
    with own_server(runner, memory, tls=TlsFiles(*certificate)) as url:

        def trusting():
            return ssl.create_default_context(cafile=certificate[0])

        for made in dialled(runner, url, tls=trusting):
            runner.run(made.create_bucket(BucketInfo("tls", "", 0)))
            yield made


@pytest.mark.parametrize("size", [0, 1000, 100_000, 5_000_000])
@pytest.mark.parametrize("algorithm", ["", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "XXHASH3"])
@pytest.mark.parametrize("known", [True, False])
async def test_content_and_checksum_arrive(backend, memory, size, algorithm, known):
    data = blob(size)
    value = checksum(algorithm, data) if algorithm and known else ""
    content = FakeContent(data, piece=200_000, promised=Promised(algorithm=algorithm, value=value))
    await backend.put(NAME, content, PutOptions("me", {"content-type": "a/b", "content-encoding": "gzip"}))
    found = await backend.get(NAME, WHOLE)
    assert await collect(found.body) == data
    assert found.info.headers == {"content-type": "a/b", "content-encoding": "gzip"}
    if algorithm:
        assert found.info.checksums == {algorithm: checksum(algorithm, data)}


async def test_parts_have_their_checksums(backend):
    options = UploadOptions(PutOptions("me"), "CRC32", "COMPOSITE")
    upload = await backend.create_upload(NAME, options)
    data = blob(300_000)
    part = await backend.put_part(upload, 1, FakeContent(data, piece=100_000, promised=Promised(algorithm="CRC32")))
    assert part.checksums == {"CRC32": checksum("CRC32", data)}


async def test_wrong_content_is_not_there(backend):
    for size in (1000, 300_000, 3_000_000):
        content = FakeContent(blob(size), piece=100_000, promised=Promised(algorithm="CRC32"), fails=BadDigest())
        with pytest.raises(BadDigest):
            await backend.put(NAME, content, PutOptions("me"))
    with pytest.raises(NoSuchKey):
        await backend.head(NAME, WHOLE)


def test_certificate_that_is_not_trusted_is_refused(runner, memory, certificate, own_server, dialled):
    with own_server(runner, memory, tls=TlsFiles(*certificate)) as url:
        for made in dialled(runner, url):
            with pytest.raises(BackendError, match="certificate verify failed"):
                runner.run(made.head(NAME, WHOLE))
