"""Does the server speak TLS, with a certificate that can be changed while it runs?"""

import asyncio
import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bucketport.errors import IncompleteBody
from bucketport.message import FileSpans, Response
from bucketport.runtimes.server import TlsFiles

GET = b"GET /b/k HTTP/1.1\r\nHost: localhost\r\n\r\n"
DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority made on the fly."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        self.certificate = self._builder(self.name, self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.certificate = self.certificate.add_extension(usage, critical=True)
        self.certificate = self.certificate.sign(self.key, hashes.SHA256())
        self.files = TlsFiles(str(folder / "cert.pem"), str(folder / "key.pem"))

    def _builder(self, subject, key):
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        return builder.not_valid_before(now - DAY).not_valid_after(now + DAY)

    def issue(self, common_name):
        """Write a leaf for localhost."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        leaf = self._builder(subject, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        leaf = leaf.sign(self.key, hashes.SHA256())
        (self.folder / "cert.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        (self.folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def client_context(self):
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=self.certificate.public_bytes(serialization.Encoding.PEM).decode())
        return context


@pytest.fixture
def authority(tmp_path):
    made = Authority(tmp_path)
    made.issue("first")
    return made


def secure(authority):
    return {"ssl": authority.client_context(), "server_hostname": "localhost"}


def common_name(client):
    subject = dict(pair[0] for pair in client.transport.get_extra_info("peercert")["subject"])
    return subject["commonName"]


def test_requests_and_answers_of_any_size_pass(play, serving, authority, handle):
    path = authority.folder / "blob"
    path.write_bytes(bytes(range(256)) * 40_000)

    async def answer(request, exchange):
        if request.method == "PUT":
            return await app.read(request)
        return Response(200, {}, FileSpans([(str(path), 0, 256 * 40_000)], handle.release))

    app = serving.script(answer)

    async def main():
        async with serving(app, tls=authority.files) as served:
            client = await served.connect(**secure(authority))
            for _ in range(2):
                await client.send(GET)
                assert (await client.answer()).endswith(path.read_bytes())
            assert handle.released == 2
            client.writer.write(
                GET.replace(b"GET", b"PUT").replace(b"\r\n\r\n", b"\r\nContent-Length: 5000000\r\n\r\n")
            )
            client.writer.write(bytes(5_000_000))
            assert (await client.answer()).endswith(b"5000000")
            assert app.seen[0].scheme == "https"

    play(main)


def test_client_that_leaves_cancels_its_handler(play, serving, authority):
    async def wait(request, exchange):
        await asyncio.sleep(20)

    async def main():
        async with serving(serving.script(wait), tls=authority.files) as served:
            client = await served.connect(**secure(authority))
            await client.send(GET)
            while not served.app.seen:
                await asyncio.sleep(0.001)
            client.close()
            await served.settled()
            assert served.app.cancelled == 1

    play(main)


@pytest.mark.parametrize("leave", ["close", "abort"])
def test_what_had_arrived_outlives_its_client(play, serving, authority, leave):
    kept = []

    async def keep(request, exchange):
        request.body.outlive()
        try:
            while piece := await request.body.read():
                kept.append(piece)
        except IncompleteBody:
            await asyncio.sleep(0.01)
            kept.append(b"!")
        return Response(200, {})

    async def main():
        kept.clear()
        async with serving(serving.script(keep), tls=authority.files) as served:
            client = await served.connect(**secure(authority))
            await client.send(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 2_000_000)
            while not (served.server._connections and (body := next(iter(served.server._connections)).body)):
                await asyncio.sleep(0.001)
            while body.received < 2_000_000:
                await asyncio.sleep(0.001)
            getattr(client.transport, leave)()
            await served.settled()
            assert b"".join(kept) == b"x" * 2_000_000 + b"!"
            assert (served.app.cancelled, served.reports, served.book.exchanges[0].aborted) == (0, [], True)

    play(main)


def test_refused_body_is_answered_and_the_connection_ends(play, serving, answers, authority):
    async def refuse(request, exchange):
        return Response(403, {}, b"no")

    async def main():
        async with serving(serving.script(refuse), tls=authority.files) as served:
            client = await served.connect(**secure(authority))
            await client.send(GET.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n"))
            raw = await client.until(b"no")
            assert b"Connection: close" in raw
            client.close()
            await served.alone()

    play(main)


def test_reloaded_certificate_serves_new_connections(play, serving, authority):
    async def main():
        async with serving(tls=authority.files) as served:
            old = await served.connect(**secure(authority))
            authority.issue("second")
            before = await served.connect(**secure(authority))
            served.server.reload_tls()
            after = await served.connect(**secure(authority))
            assert [common_name(client) for client in (old, before, after)] == ["first", "first", "second"]
            for client in (old, after):
                await client.send(GET)
                assert (await client.answer()).startswith(b"HTTP/1.1 200")

    play(main)


def test_unusable_certificate_is_not_taken(play, serving, authority):
    async def main():
        async with serving(tls=authority.files) as served:
            key = authority.folder / "key.pem"
            kept = key.read_bytes()
            authority.issue("second")
            key.write_bytes(kept)
            with pytest.raises(ssl.SSLError):
                served.server.reload_tls()
            key.unlink()
            with pytest.raises(OSError, match=r"."):
                served.server.reload_tls()
            assert common_name(await served.connect(**secure(authority))) == "first"

    play(main)


def test_plain_request_to_a_tls_port_gets_no_answer(play, serving, authority):
    async def main():
        async with serving(tls=authority.files) as served:
            assert b"HTTP/1.1" not in await served.talk(GET)
            assert served.app.seen == []

    play(main)
