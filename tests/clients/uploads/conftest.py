"""A server with uploads for apps, alone or as a gateway to another one; and clients that misbehave in every way."""

import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys

import boto3
import botocore.config
import pytest

PROGRAM = "from bucketport.cli.main import run; run()"
API_KEY = "uploads-tests-api-key"
ACCESS, SECRET = "UPLOADSTESTKEY", "uploads-test-secret"
BEHIND = """
[default_backend]
backend_type = "s3"
[default_backend.backend_options]
endpoint = "{url}"
region = "us-east-1"
access_key_id = "{access}"
secret_access_key = "{secret}"
[[credentials]]
access_key_id = "{access}"
secret_access_key = "{secret}"
principal_name = "admin"
unrestricted = true
"""


class Place:
    """A `bucketport serve` in a folder. `behind`: the server to which it is a gateway."""

    def __init__(self, folder, behind=None, **environment):
        self.folder, self.behind = folder, behind
        folder.mkdir(exist_ok=True)
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BUCKETPORT_"))
        }
        self.environment |= {"PRESIGN_API_KEY": API_KEY} | environment
        words = []
        if behind is None:
            self.environment |= {"BUCKETPORT_ACCESS_KEY": ACCESS, "BUCKETPORT_SECRET_KEY": SECRET}
        else:
            (folder / "gateway.toml").write_text(BEHIND.format(url=behind.url, access=ACCESS, secret=SECRET))
            words = ["--config", str(folder / "gateway.toml")]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.words = [*words, "--data", str(folder / "data")]
        self.start()

    def start(self):
        command = [sys.executable, "-c", PROGRAM, "serve", "--json", "--listen", f"127.0.0.1:{self.port}", *self.words]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout.readline(), self.said()

    def said(self):
        return (self.folder / "server.log").read_text()[-3000:]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def command(self, *words):
        """A command on the folder that no server has open: its exit code and the JSON that it prints."""
        command = [sys.executable, "-c", PROGRAM, *words, "--json", *self.words]
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=60)
        assert done.stdout, done.stderr.decode()
        return done.returncode, json.loads(done.stdout)

    def s3(self):
        settings = botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        session = boto3.session.Session(ACCESS, SECRET, region_name="us-east-1")
        return session.client("s3", endpoint_url=self.url, config=settings)

    def client(self):
        return Client(self.port)

    def proven_sound(self):
        """Stop; then every byte of each store here is right, and after one more start and stop nothing is left over."""
        assert self.stop() == 0, self.said()
        stores = [path.parent for path in (self.folder / "data").rglob("index.sqlite")]
        assert stores
        for store in stores:
            assert self._fsck(store)["findings"] == [], self.said()
        self.start()
        assert self.stop() == 0, self.said()
        assert sum(self._fsck(store)["leftovers"] for store in stores) == 0

    def _fsck(self, store):
        command = [sys.executable, "-c", PROGRAM, "fsck", "--deep", "--json", "--data", str(store)]
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=60)
        return json.loads(done.stdout)


class Client:
    """One connection, made anew when it was closed."""

    def __init__(self, port):
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method, target, body=None, **headers):
        """Status, headers and content of the answer. A name's `_` is `-` in the header."""
        target = target.partition(f":{self.port}")[2] or target
        named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        try:
            self.connection.request(method, target, body, named)
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def json(self, method, target, body=None, **headers):
        """Status and JSON of the answer."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers = {"Authorization": f"Bearer {API_KEY}", "Content_Type": "application/json"} | headers
        status, _, content = self.ask(method, target, body, **headers)
        return status, json.loads(content)

    def minted(self, action, key, bucket="photos", **terms):
        status, said = self.json("POST", "/presign", {"action": action, "blob_id": key, "bucket": bucket} | terms)
        assert status == 200, said
        return said["url"]

    def cut(self, method, target, body, share=0.5, **headers):
        """Send a part of the content, and break the connection off with a reset."""
        target = target.partition(f":{self.port}")[2] or target
        head = [f"{method} {target} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body[: int(len(body) * share)])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self):
        self.connection.close()


@pytest.fixture(scope="session")
def launch():
    """Starts a server: launch(folder, VARIABLE="value")."""
    return Place


@pytest.fixture(params=["store", "gateway"])
def place(request, tmp_path):
    """A server of one's own: over the embedded store, and as a gateway (with its staging store) to another server."""
    behind = Place(tmp_path / "behind") if request.param == "gateway" else None
    running = Place(tmp_path / "here", behind)
    if behind is not None:
        behind.s3().create_bucket(Bucket="photos")
    yield running
    for each in (running, behind):
        if each is not None and each.process.poll() is None:
            each.process.kill()
            each.process.wait()
