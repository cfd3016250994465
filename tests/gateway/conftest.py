"""What do tests of whole gateways need? Servers as child processes, one for each kind of backend, and a client that
signs whatever it is told to send.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree
import zlib
from typing import NamedTuple

import pytest

ACCESS, SECRET, REGION = "GATEWAYTESTKEY", "gateway-test-secret", "us-east-1"
PROGRAM = "from bucketport.cli.main import run; run()"
CACHE = pathlib.Path.home() / ".cache" / "bucketport"
WAIT_SECONDS = 30
EMULATOR = "devstoreaccount1"

CREDENTIALS = f"""
[[credentials]]
access_key_id = "{ACCESS}"
secret_access_key = "{SECRET}"
principal_name = "main"
unrestricted = true
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, port, log, **environment):
    """A child process, from when it takes connections."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MINIO_"))}
    with log.open("ab") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env=kept | environment)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} does not start: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@contextlib.contextmanager
def serving(folder, configuration):
    """A `bucketport serve`; a client of its only user."""
    port, file = free_port(), folder / "config.toml"
    file.write_text(configuration + CREDENTIALS)
    command = [sys.executable, "-c", PROGRAM, "serve", "--config", str(file), "--data", str(folder / "data")]
    with running([*command, "--listen", f"127.0.0.1:{port}"], port, folder / "log"):
        yield Client(port)


class Answer(NamedTuple):
    """An answer; names of headers in lower case, each value as the bytes' latin-1 text."""

    status: int
    headers: dict
    body: bytes

    @property
    def code(self):
        """The code of an error."""
        return self.value("Code")

    def value(self, name):
        """The text of the first element of that name; empty when there is none."""
        found = self.all(name)
        return (found[0].text or "") if found else ""

    def all(self, name):
        """All elements of that name."""
        if not self.body.startswith(b"<"):
            return []
        return xml.etree.ElementTree.fromstring(self.body).findall(f".//{{*}}{name}")


class Client:
    """Signed requests to a port of this machine, each on a connection of its own."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method, path, headers=(), body=b"", *, payload=None, length=None):
        """Send it. `path` is decoded and may have a query; `headers` values are text, sent as UTF-8.

        `payload` is what x-amz-content-sha256 says, `length` what Content-Length says.
        """
        path, _, query = path.partition("?")
        pairs = sorted(tuple(pair.partition("=")[::2]) for pair in query.split("&") if pair)
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
        path = urllib.parse.quote(path, safe="/~")
        sent = {name.lower(): value.encode() for name, value in dict(headers).items()}
        sent["x-amz-content-sha256"] = (payload or hashlib.sha256(body).hexdigest()).encode()
        sent["x-amz-date"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()).encode()
        sent["host"] = f"127.0.0.1:{self.port}".encode()
        sent["authorization"] = sign(method, path, query, sent)
        sent["content-length"] = str(len(body) if length is None else length).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(method, f"{path}?{query}" if query else path, True, True)
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            if length is not None and length > len(body):
                connection.sock.shutdown(socket.SHUT_WR)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def begin(self, path, headers=()):
        """CreateMultipartUpload; the upload's id."""
        answer = self.ask("POST", f"{path}?uploads", headers)
        assert answer.status == 200, answer
        return answer.value("UploadId")

    def put_part(self, path, upload, number, body):
        """UploadPart; the part's ETag."""
        answer = self.ask("PUT", f"{path}?partNumber={number}&uploadId={upload}", body=body)
        assert answer.status == 200, answer
        return answer.headers["etag"]

    def complete(self, path, upload, etags, headers=()):
        """CompleteMultipartUpload; the answer."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1)
        )
        document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        return self.ask("POST", f"{path}?uploadId={upload}", headers, document)


def quote(text):
    return urllib.parse.quote(text, safe="~")


def sign(method, path, query, sent):
    """Signature V4 over the host and every x-amz-* header, written from its description, not from ours.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    names = sorted(name for name in sent if name.startswith("x-amz-") or name == "host")
    lines = b"".join(name.encode() + b":" + b" ".join(sent[name].split()) + b"\n" for name in names)
    start = f"{method}\n{path}\n{query}\n".encode()
    canonical = start + lines + f"\n{';'.join(names)}\n".encode() + sent["x-amz-content-sha256"]
    stamp = sent["x-amz-date"].decode()
    scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    key = b"AWS4" + SECRET.encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={ACCESS}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return f"AWS4-HMAC-SHA256 {credential}".encode()


def framed(content, trailers=(), chunk=64 << 10):
    """Content as `STREAMING-UNSIGNED-PAYLOAD-TRAILER` frames it, with these trailers."""
    pieces = [content[at : at + chunk] for at in range(0, len(content), chunk)]
    made = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return (
        made + b"0\r\n" + b"".join(f"{name}:{value}\r\n".encode() for name, value in dict(trailers).items()) + b"\r\n"
    )


@pytest.fixture(scope="session")
def frame():
    """`framed`."""
    return framed


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Start a `bucketport serve` with a configuration; a client of its user. It runs until the session ends."""
    with contextlib.ExitStack() as stack:
        yield lambda name, text: stack.enter_context(serving(tmp_path_factory.mktemp(name), text))


@pytest.fixture(scope="session")
def store(serve):
    """A server with the embedded store."""
    return serve("store", "[store]\n")


def options(**given):
    return "{ " + ", ".join(f'{name} = "{value}"' for name, value in given.items()) + " }"


def s3_options(store):
    return options(endpoint=store.url, region=REGION, access_key_id=ACCESS, secret_access_key=SECRET)


def account(kind, text="{}"):
    return f'[default_backend]\nbackend_type = "{kind}"\nbackend_options = {text}\n'


@pytest.fixture(scope="session")
def gateways(serve, store):
    """Two gateways before that server; the first has a bucket in memory and one in a store of its own, too."""
    before = account("s3", s3_options(store))
    more = '[store]\nbuckets = ["stored"]\n'
    more += (
        '[[buckets]]\nname = "memory"\nbackend_type = "memory"\n[[buckets]]\nname = "stored"\nbackend_type = "local"\n'
    )
    return serve("first", before + more), serve("second", before)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory):
    """The endpoint of an Azurite, or a skip."""
    found = os.environ.get("BUCKETPORT_AZURITE") or shutil.which(
        "azurite-blob", path=os.pathsep.join([os.environ.get("PATH", ""), str(CACHE / "node_modules" / ".bin")])
    )
    if found is None:
        pytest.skip("azurite-blob is not installed: make servers")
    folder, port = tmp_path_factory.mktemp("azurite"), free_port()
    command = [found, "--blobHost", "127.0.0.1", "--blobPort", str(port), "-l", str(folder), "--silent"]
    with running([*command, "--disableTelemetry", "--disableProductStyleUrl"], port, folder / "log"):
        yield f"http://127.0.0.1:{port}/{EMULATOR}"


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory):
    """The endpoint of a fake-gcs-server, or a skip."""
    found = os.environ.get("BUCKETPORT_FAKE_GCS_SERVER") or shutil.which(
        "fake-gcs-server", path=os.pathsep.join([os.environ.get("PATH", ""), str(CACHE / "bin")])
    )
    if found is None:
        pytest.skip("fake-gcs-server is not installed: make servers")
    folder, port = tmp_path_factory.mktemp("gcs"), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [found, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    with running([*command, "-external-url", url, "-public-host", f"127.0.0.1:{port}"], port, folder / "log"):
        yield url


KINDS = ("memory", "store", "s3", "az", "gcs")


@pytest.fixture(scope="session", params=KINDS)
def kind(request):
    """Each kind of backend."""
    return request.param


@pytest.fixture(scope="session")
def of_kind(request, serve, kind):
    """A client of a server whose buckets are all of that kind."""
    if kind == "store":
        return request.getfixturevalue("store")
    if kind == "memory":
        return serve(kind, account(kind))
    if kind == "s3":
        return serve(kind, account(kind, s3_options(request.getfixturevalue("store"))))
    if kind == "az":
        endpoint = request.getfixturevalue("azurite")
        return serve(kind, account(kind, options(use_emulator="true", endpoint=endpoint, account_name=EMULATOR)))
    endpoint = request.getfixturevalue("fake_gcs")
    return serve(kind, account(kind, options(endpoint=endpoint, skip_signature="true", project_id="project")))


_numbers = itertools.count()


@pytest.fixture(scope="session")
def new_bucket():
    """Make a bucket by a client; its path."""

    def make(client):
        path = f"/gateway-{os.getpid()}-{next(_numbers)}"
        answer = client.ask("PUT", path)
        assert answer.status == 200, answer
        return path

    return make


@pytest.fixture(scope="session")
def crc32():
    """CRC32 as the header has it."""
    return lambda content: base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


class Breaking(http.server.BaseHTTPRequestHandler):
    """A cloud whose answers to GET break off half way."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.send_response(200)
        for name, value in (("Content-Length", "600000"), ("ETag", '"abc"')):
            self.send_header(name, value)
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 09:28:01 GMT")
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(bytes(300_000))
        self.close_connection = True

    def log_message(self, *words):
        pass


@pytest.fixture
def broken():
    """The configuration of a bucket `broken` at such a cloud."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Breaking)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    where = options(
        endpoint=f"http://127.0.0.1:{server.server_port}", bucket_name="b", access_key_id="a", secret_access_key="s"
    )
    yield f'[[buckets]]\nname = "broken"\nbackend_type = "s3"\nbackend_options = {where}\n'
    server.shutdown()
    thread.join()
    server.server_close()
