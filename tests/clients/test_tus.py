"""Do tuspy and tus-js-client upload, go on after a cut connection, in parallel and with checksums?"""

import contextlib
import hashlib
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request

import boto3
import botocore.config
import pytest

PROGRAM = "from bucketport.cli.main import run; run()"
API_KEY = "tus-tests-api-key"
MIB = 1 << 20

NODE = shutil.which("node")
MODULES = pathlib.Path(
    os.environ.get("BUCKETPORT_NODE_MODULES", pathlib.Path.home() / ".cache" / "bucketport" / "node_modules")
)
needs_javascript = pytest.mark.skipif(
    NODE is None or not (MODULES / "tus-js-client").exists(),
    reason="tus-js-client is not installed: npm install tus-js-client@4.3.1 (.ci/servers does it)",
)


class Running:
    """A server with uploads for apps, and the bucket `photos`."""

    def __init__(self, folder):
        self.folder = folder
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BUCKETPORT_"))
        }
        environment |= {
            "PRESIGN_API_KEY": API_KEY,
            "BUCKETPORT_ACCESS_KEY": "TUSTESTKEY",
            "BUCKETPORT_SECRET_KEY": "tus-test-secret",
        }
        self.log = (folder / "server.log").open("wb")
        words = ["serve", "--json", "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words], env=environment, stdout=subprocess.PIPE, stderr=self.log
        )
        line = self.process.stdout.readline()
        assert line, (folder / "server.log").read_text()[-2000:]
        self.address = json.loads(line)["url"].rpartition("/")[2]
        self.s3 = boto3.session.Session("TUSTESTKEY", "tus-test-secret", region_name="us-east-1").client(
            "s3",
            endpoint_url=f"http://{self.address}",
            config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        self.s3.create_bucket(Bucket="photos")
        self._count = 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        self.log.close()
        return self.process.returncode

    def session(self, **asked):
        """A session that commits by itself: where its uploads are made, and its key."""
        self._count += 1
        asked = {"bucket": "photos", "key": f"file {self._count}", "auto_commit": True} | asked
        request = urllib.request.Request(
            f"http://{self.address}/-/uploads",
            json.dumps(asked).encode(),
            {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            made = json.load(answer)
        return made["tus"]["url"], asked["key"]

    def sha256(self, key):
        """The hash of an object, None where there is none."""
        try:
            answer = self.s3.get_object(Bucket="photos", Key=key)
        except self.s3.exceptions.NoSuchKey:
            return None
        return hashlib.sha256(answer["Body"].read()).hexdigest()


class CuttingProxy:
    """Hands bytes on to a server; of each connection only the first `most` (or a little more) from the client.

    A client then sees a reset, and the server an end: a file that is larger arrives only if the client goes on with it.
    """

    def __init__(self, target, most):
        host, _, port = target.rpartition(":")
        self._target, self._most = (host, int(port)), most
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        sent = 0
        with client, socket.create_connection(self._target) as server, contextlib.suppress(OSError):
            # Whatever ends it, the client sees a reset at once, even when what it sent was not read.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            while sent < self._most:
                ready, _, _ = select.select([client, server], [], [])
                if server in ready:
                    if not (answer := server.recv(65536)):
                        client.shutdown(socket.SHUT_WR)
                        return
                    client.sendall(answer)
                if client in ready:
                    if not (piece := client.recv(65536)):
                        return
                    server.sendall(piece)
                    sent += len(piece)
            self.cuts += 1


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("tus"))
    yield running
    assert running.stop() == 0, (running.folder / "server.log").read_text()[-2000:]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """20 MiB."""
    path = tmp_path_factory.mktemp("files") / "file.bin"
    path.write_bytes(random.Random(5).randbytes(20 * MIB))
    return path


@pytest.fixture(scope="module")
def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def through(proxy, server, url):
    """A URL of the server, by way of a proxy."""
    return url.replace(server.address, proxy.address)


# tuspy


def tuspy(url, path, **options):
    client = pytest.importorskip("tusclient.client", reason="tuspy is not installed")
    return client.TusClient(url).uploader(str(path), **options)


def test_tuspy_uploads_in_one_request(server, file, sha256):
    url, key = server.session()
    uploader = tuspy(url, file, metadata={"filename": "file.bin", "filetype": "image/png"})
    uploader.upload()
    assert uploader.offset == 20 * MIB
    assert server.sha256(key) == sha256
    assert server.s3.head_object(Bucket="photos", Key=key)["ContentType"] == "image/png"


def test_tuspy_uploads_in_pieces_with_checksums(server, file, sha256):
    url, key = server.session()
    tuspy(url, file, chunk_size=3 * MIB, upload_checksum=True).upload()
    assert server.sha256(key) == sha256


def test_tuspy_goes_on_after_cut_connections(server, file, sha256):
    url, key = server.session()
    with CuttingProxy(server.address, 8 * MIB) as proxy:
        tuspy(through(proxy, server, url), file, retries=20, retry_delay=0.05).upload()
        assert proxy.cuts >= 2
    assert server.sha256(key) == sha256


def test_tuspy_goes_on_in_another_process(server, file, sha256, tmp_path):
    storage = pytest.importorskip("tusclient.storage.filestorage", reason="tuspy is not installed")
    url, key = server.session()
    remembered = storage.FileStorage(str(tmp_path / "urls.json"))
    tuspy(url, file, chunk_size=4 * MIB, store_url=True, url_storage=remembered).upload(stop_at=8 * MIB)
    assert server.sha256(key) is None
    remembered.close()
    remembered = storage.FileStorage(str(tmp_path / "urls.json"))
    uploader = tuspy(url, file, store_url=True, url_storage=remembered)
    assert uploader.offset == 8 * MIB
    uploader.upload()
    remembered.close()
    assert server.sha256(key) == sha256


def test_tuspy_uploads_an_empty_file(server, tmp_path):
    url, key = server.session()
    (tmp_path / "empty").write_bytes(b"")
    tuspy(url, tmp_path / "empty").upload()
    assert server.sha256(key) == hashlib.sha256(b"").hexdigest()


# tus-js-client


def javascript(endpoint, file, fails=False, until=None, options=None, **more):
    """Run an upload; its events. `until`: kill it once so many bytes are sent."""
    asked = {"endpoint": endpoint, "file": str(file), "options": options or {}} | more
    process = subprocess.Popen(
        [NODE, str(pathlib.Path(__file__).with_name("tus_upload.cjs")), json.dumps(asked)],
        env={"PATH": os.environ["PATH"], "NODE_MODULES": str(MODULES)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    events = []
    try:
        for line in process.stdout:
            assert line.startswith(b"{"), line + process.stdout.read()
            events.append(json.loads(line))
            if until is not None and events[-1].get("sent", 0) >= until:
                process.kill()
                break
        process.wait(60)
    finally:
        process.kill()
    if until is None:
        assert (process.returncode != 0) == fails, events[-5:]
    return [event for event in events if event["event"] != "progress"]


@needs_javascript
def test_javascript_uploads_in_one_request(server, file, sha256):
    url, key = server.session()
    (success,) = javascript(url, file)
    assert success["url"].startswith(url)
    assert server.sha256(key) == sha256
    assert server.s3.head_object(Bucket="photos", Key=key)["ContentType"] == "application/x-test"


@needs_javascript
@pytest.mark.parametrize(
    "options",
    [
        {"chunkSize": 3 * MIB},
        {"chunkSize": 6 * MIB, "uploadDataDuringCreation": True},
        {"overridePatchMethod": True},
        {"chunkSize": 6 * MIB, "uploadLengthDeferred": True},
    ],
)
def test_javascript_uploads_in_each_of_its_ways(server, file, sha256, options):
    url, key = server.session()
    javascript(url, file, options=options)
    assert server.sha256(key) == sha256


@needs_javascript
def test_javascript_uploads_pieces_in_parallel(server, file, sha256):
    url, key = server.session()
    javascript(url, file, options={"parallelUploads": 4})
    assert server.sha256(key) == sha256


@needs_javascript
def test_javascript_goes_on_after_cut_connections(server, file, sha256):
    url, key = server.session()
    with CuttingProxy(server.address, 8 * MIB) as proxy:
        events = javascript(through(proxy, server, url), file)
        assert proxy.cuts >= 2
    assert [event["event"] for event in events][-1] == "success"
    assert server.sha256(key) == sha256


@needs_javascript
def test_javascript_goes_on_after_its_process_was_killed(server, file, sha256, tmp_path):
    url, key = server.session()
    storage = str(tmp_path / "urls.json")
    javascript(url, file, until=8 * MIB, storage=storage, options={"chunkSize": 4 * MIB})
    assert server.sha256(key) is None
    events = javascript(url, file, storage=storage, resume=True)
    assert events[0] == {"event": "previous", "count": 1}
    assert events[-1]["event"] == "success"
    assert server.sha256(key) == sha256


@needs_javascript
def test_javascript_terminates_an_upload(server, file, sha256):
    url, key = server.session()
    events = javascript(url, file, terminate=4 * MIB, options={"chunkSize": 4 * MIB})
    assert events[-1]["event"] == "terminated"
    javascript(url, file)
    assert server.sha256(key) == sha256


@needs_javascript
def test_javascript_is_told_what_the_session_does_not_take(server, file):
    url, key = server.session(max_size=MIB)
    (*_, error) = javascript(url, file, fails=True)
    assert error["event"] == "error"
    assert "413" in error["message"]
    assert server.sha256(key) is None
