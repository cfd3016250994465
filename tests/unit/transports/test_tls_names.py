"""Whose certificate does the HTTP client want to see, when the endpoint's host is an address?"""

import asyncio
import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bucketport.errors import BackendError
from bucketport.message import Endpoint, HttpRequest
from bucketport.transports.http1 import Http1Client

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory):
    """A server's and a client's TLS context; the certificate is that of hooks.example.org."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.org")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(private + made.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cafile=str(folder / "both.pem"))


async def _status(contexts, **names):
    """What a server on loopback answers, and the name that it was asked for in the handshake."""
    asked = []
    contexts[0].sni_callback = lambda _socket, name, _context: asked.append(name)

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=contexts[0])
    client = Http1Client(tls=lambda: contexts[1])
    place = Endpoint("https", "127.0.0.1", server.sockets[0].getsockname()[1], "hooks.example.org", **names)
    try:
        return (await client.send(HttpRequest("GET", place, "/"))).status, asked
    finally:
        await client.close()
        server.close()


def test_a_named_certificate_is_wanted_of_an_address(contexts):
    assert asyncio.run(_status(contexts, tls_name="hooks.example.org")) == (200, ["hooks.example.org"])


@pytest.mark.parametrize("names", [{}, {"tls_name": "other.example.org"}])
def test_a_certificate_of_another_name_is_refused(contexts, names):
    with pytest.raises(BackendError, match="certificate"):
        asyncio.run(_status(contexts, **names))
