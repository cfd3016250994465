"""How does a real browser meet the server? Debian's Chromium, headless, before a server and a proxy that can be cut.

What is missing (Playwright, Chromium) is said, and the tests are skipped; `make servers` installs both.
"""

import contextlib
import functools
import hashlib
import http.client
import http.server
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.config
import pytest

ACCESS, SECRET = "BROWSERTESTKEY", "browser-test-secret"
API_KEY = "browser-test-api-key"
PUBLIC, PRIVATE, UPLOADS = "public-bucket", "private-bucket", "uploads"
PROGRAM = "from bucketport.cli.main import run; run()"
PAGE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "upload-page" / "app.py"
START_SECONDS = 30


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A `bucketport serve` with uploads for apps, and buckets to read from."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.port = folder, _free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MINIO_"))}
        environment |= {
            "BUCKETPORT_ACCESS_KEY": ACCESS,
            "BUCKETPORT_SECRET_KEY": SECRET,
            "PRESIGN_API_KEY": API_KEY,
        }
        command = [sys.executable, "-c", PROGRAM, "serve", "--data", str(folder / "data")]
        command += ["--listen", f"127.0.0.1:{self.port}", "--public", PUBLIC, "--bucket", PRIVATE, "--bucket", UPLOADS]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self._wait()

    def _wait(self) -> None:
        """A child process gives no event but this: ask until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/-/health/ready")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        self.process.kill()
        raise AssertionError(f"the server did not start: {self.log.read_text()[-2000:]}")

    def client(self) -> Any:
        """A boto3 client of its user."""
        return boto3.session.Session(ACCESS, SECRET, region_name="us-east-1").client(
            "s3",
            endpoint_url=self.endpoint,
            config=botocore.config.Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
        )

    def sha256(self, key: str) -> str:
        """Of an object's content, as S3 gives it."""
        digest = hashlib.sha256()
        for piece in self.client().get_object(Bucket=UPLOADS, Key=key)["Body"].iter_chunks(1 << 20):
            digest.update(piece)
        return digest.hexdigest()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=40)


class Proxy:
    """A TCP proxy before a port. It cuts connections, where a browser's own `offline` lets a transfer go on.

    `cut_after(count)`: once so many bytes have gone up from now, every connection breaks; new ones work.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.up, self.cuts = 0, 0
        self.was_cut = threading.Event()
        self._limit: int | None = None
        self._lock, self._pairs = threading.Lock(), set[tuple[socket.socket, socket.socket]]()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, count: int) -> None:
        """Break everything once that many more bytes have gone to the server."""
        with self._lock:
            self.was_cut.clear()
            self._limit = self.up + count

    def cut(self) -> None:
        """Break every connection now."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
            self.cuts += 1
        for pair in pairs:
            for end in pair:
                # A reset, not an orderly end: what a lost network looks like to both.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                _end(end)
        self.was_cut.set()

    def close(self) -> None:
        """No new connection, and an end to all others."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._carry, args=(pair, client, server), daemon=True).start()
            threading.Thread(target=self._carry, args=(pair, server, client), daemon=True).start()

    def _carry(self, pair: tuple[socket.socket, socket.socket], source: socket.socket, sink: socket.socket) -> None:
        goes_up = source is pair[0]
        try:
            while piece := source.recv(1 << 16):
                sink.sendall(piece)
                if goes_up and self._counted(len(piece)):
                    self.cut()
        except OSError:
            pass
        with self._lock:
            held = pair in self._pairs
            self._pairs.discard(pair)
        if held:
            for end in pair:
                _end(end)

    def _counted(self, size: int) -> bool:
        """Count bytes that went up; whether that is the moment to cut."""
        with self._lock:
            self.up += size
            if self._limit is None or self.up < self._limit:
                return False
            self._limit = None
            return True


def _end(end: socket.socket) -> None:
    """Close it, also for a thread that waits for bytes from it (closing alone would let it wait on)."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium. It ends with the module: while it lives, Playwright's own event loop counts as running in
    this thread, and no test elsewhere could run one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make servers")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed: make servers")
    with playwright.sync_playwright() as started:
        # As root it has no sandbox of its own; these pages are ours.
        running = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Server]:
    """A server that lives as long as the tests. (It asks for the browser, so as not to start for nothing.)"""
    running = Server(tmp_path_factory.mktemp("browser-server"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def s3(server: Server) -> Any:
    """A client of the server."""
    return server.client()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A proxy before the server."""
    made = Proxy(server.port)
    yield made
    made.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in a context of its own, without what other tests stored. What it complains of is in `page.said`."""
    context = browser.new_context(viewport={"width": 900, "height": 760})
    made = context.new_page()
    made.said = []
    made.on("pageerror", lambda error: made.said.append(str(error)))
    yield made
    context.close()


class _Blank(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>elsewhere</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """The origin of a page that has nothing to do with the server."""
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()


class App:
    """The example's application server, with the store where `endpoint` is."""

    def __init__(self, endpoint: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(PAGE),
                "--listen",
                "127.0.0.1:0",
                "--store",
                endpoint,
                "--bucket",
                UPLOADS,
                "--part",
                str(1 << 20),
            ],
            stdout=subprocess.PIPE,
            env={**os.environ, "PRESIGN_API_KEY": API_KEY},
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().decode()
        found = re.search(r"http://\S+", said)
        assert found, said
        self.url = found[0]

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.fixture
def app(proxy: Proxy) -> Iterator[App]:
    """The example's application server; all that goes to the store passes through the proxy."""
    made = App(proxy.endpoint)
    yield made
    made.close()


@functools.cache
def _content(size: int) -> bytes:
    return os.urandom(size)


@pytest.fixture
def content() -> Any:
    """So many bytes that no other file has."""
    return _content
