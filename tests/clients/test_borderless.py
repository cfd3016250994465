"""Does whoever used borderless-storage change the command and nothing else? Its environment, its file, its curl lines.

Source: the lines are those of its README (https://github.com/borderless-tech/borderless-storage, read 2026-11).
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

PROGRAM = "from bucketport.cli.main import run; run()"
KEY = "secret-api-key"


class Storage:
    """A server that was started as borderless-storage is, and curl."""

    def __init__(self, folder, *words, **environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.folder, self.words = folder, words
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(folder),
        } | {name: text.format(port=self.port, folder=folder) for name, text in environment.items()}
        self.start()

    def start(self):
        words = [word.format(port=self.port, folder=self.folder) for word in self.words]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", "--json", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read().decode()
        self.ready = json.loads(line)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def curl(self, *words):
        """What curl prints."""
        return subprocess.run(["curl", "-s", *words], cwd=self.folder, capture_output=True, timeout=30).stdout

    def answer(self, *words):
        """Status and JSON of an answer."""
        body, _, status = self.curl("-w", "\n%{http_code}", *words).rpartition(b"\n")
        return int(status), json.loads(body)

    def presign(self, key=KEY, **asked):
        return self.answer(
            "-X", "POST", f"{self.url}/presign", "-H", f"Authorization: Bearer {key}",
            "-H", "Content-Type: application/json", "-d", json.dumps(asked),
        )  # fmt: skip

    def minted(self, **asked):
        status, said = self.presign(**asked)
        assert status == 200, said
        return said["url"]


ENVIRONMENT = {
    "IP_ADDR": "127.0.0.1:{port}",
    "DATA_DIR": "{folder}/data",
    "DOMAIN": "http://localhost:{port}",
    "PRESIGN_API_KEY": KEY,
}


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    running = Storage(tmp_path_factory.mktemp("storage"), **ENVIRONMENT)
    yield running
    assert running.stop() == 0


def test_a_blob_goes_up_and_comes_down(storage):
    (storage.folder / "hello.txt").write_bytes(b"hello")
    status, said = storage.presign(action="upload")
    assert (status, said["success"], said["method"], said["bucket"]) == (200, True, "POST", "default")
    assert said["url"].startswith(f"{storage.url}/default/{said['blob_id']}?")
    status, uploaded = storage.answer(
        "-X", "POST", said["url"], "-H", "Content-Type: text/plain",
        "-H", 'Content-Disposition: attachment; filename="hello.txt"', "--data-binary", "@hello.txt",
    )  # fmt: skip
    assert (status, uploaded["success"], uploaded["bytes_written"]) == (200, True, 5)
    assert uploaded["blob_id"] == said["blob_id"]
    down = storage.curl("-D", "-", storage.minted(action="download", blob_id=said["blob_id"])).decode()
    assert down.endswith("\r\n\r\nhello")
    assert "Content-Type: text/plain" in down
    assert 'Content-Disposition: attachment; filename="hello.txt"' in down


def test_the_older_form_of_the_urls_serves(storage):
    url = storage.minted(action="upload", blob_id="older").replace("/default/", "/upload/")
    assert storage.answer("-X", "POST", url, "--data-binary", "content")[0] == 200
    assert (
        storage.curl(storage.minted(action="download", blob_id="older").replace("/default/", "/files/")) == b"content"
    )


def test_chunks_are_merged(storage):
    chunks = [os.urandom(300_000 + number) for number in range(3)]
    url = storage.minted(action="upload", blob_id="chunked")
    chunked = ("-X", "POST", url, "-H", "x-upload-type: chunked", "-H", "x-chunk-total: 3")
    for index in (3, 1):
        (storage.folder / "chunk").write_bytes(chunks[index - 1])
        status, said = storage.answer(*chunked, "-H", f"x-chunk-index: {index}", "--data-binary", "@chunk")
        assert (status, said["success"]) == (200, True)
    status, said = storage.answer(*chunked, "-H", "x-chunk-merge: true")
    assert (status, said["success"], said["missing"]) == (400, False, [2])
    (storage.folder / "chunk").write_bytes(chunks[1])
    storage.answer(*chunked, "-H", "x-chunk-index: 2", "--data-binary", "@chunk")
    first = storage.answer(*chunked, "-H", "x-chunk-merge: true", "-H", "Content-Type: video/mp4")
    assert (first[0], first[1]["bytes_written"]) == (200, 900_003)
    assert storage.answer(*chunked, "-H", "x-chunk-merge: true") == first
    content = storage.curl(storage.minted(action="download", blob_id="chunked"))
    assert hashlib.sha256(content).digest() == hashlib.sha256(b"".join(chunks)).digest()


def test_a_blob_is_updated_and_deleted(storage):
    storage.answer("-X", "POST", storage.minted(action="upload", blob_id="short-lived"), "--data-binary", "one")
    again = storage.minted(action="upload", blob_id="short-lived")
    assert storage.answer("-X", "POST", again, "--data-binary", "two")[0] == 409
    update = storage.minted(action="update", blob_id="short-lived")
    assert storage.answer("-X", "PUT", update, "--data-binary", "two")[0] == 200
    assert storage.curl(storage.minted(action="download", blob_id="short-lived")) == b"two"
    assert storage.answer("-X", "DELETE", storage.minted(action="delete", blob_id="short-lived"))[0] == 200
    assert storage.answer(storage.minted(action="download", blob_id="short-lived"))[0] == 404


def test_whoever_has_no_key_or_another_url_gets_nothing(storage):
    assert storage.presign(key="another", action="upload")[0] == 401
    url = storage.minted(action="upload", blob_id="mine")
    assert storage.answer("-X", "POST", url.replace("/mine?", "/yours?"), "--data-binary", "x")[0] == 403
    assert storage.answer(url)[0] == 403


def test_an_operator_sees_what_is_there(storage):
    storage.answer("-X", "POST", storage.minted(action="upload", bucket="Photos", blob_id="a"), "--data-binary", "abc")
    bearer = ("-H", f"Authorization: Bearer {KEY}")
    assert storage.answer(f"{storage.url}/admin/buckets/photos", *bearer)[1]["bucket"]["total_size"] == 3
    assert storage.answer(f"{storage.url}/admin/objects/photos", *bearer)[1]["total"] == 1
    assert storage.answer(f"{storage.url}/admin/stats", *bearer)[0] == 200
    assert storage.answer(f"{storage.url}/healthz")[0] == 200


@pytest.fixture(scope="module")
def s3(storage):
    return boto3.client(
        "s3",
        endpoint_url=storage.url,
        region_name="us-east-1",
        aws_access_key_id=storage.ready["access_key"],
        aws_secret_access_key=storage.ready["secret_key"],
    )


def test_what_is_uploaded_is_an_object_at_once(storage, s3):
    storage.answer("-X", "POST", storage.minted(action="upload", blob_id="seen-by-s3"), "--data-binary", "content")
    assert s3.get_object(Bucket="default", Key="seen-by-s3")["Body"].read() == b"content"
    assert "default" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


@pytest.mark.parametrize("name", ["admin", "files", "upload", "presign", "healthz", "minio"])
def test_no_bucket_can_be_made_on_the_paths_of_uploads(s3, name):
    with pytest.raises(ClientError, match="is reserved") as refused:
        s3.create_bucket(Bucket=name)
    assert refused.value.response["Error"]["Code"] == "InvalidBucketName"


def test_urls_outlive_a_restart(tmp_path):
    storage = Storage(tmp_path, **ENVIRONMENT)
    url = storage.minted(action="upload", blob_id="later")
    assert storage.stop() == 0
    storage.start()
    assert storage.answer("-X", "POST", url, "--data-binary", "x")[0] == 200
    assert storage.stop() == 0


FILE = """
ip_addr = "127.0.0.1:{port}"
data_dir = "{folder}/data"
domain = "https://storage.example.com"
presign_api_key = "secret-api-key"
presign_hmac_secret = "your-very-long-and-secret-hmac-secret"
max_data_rq_size = 10
"""


def test_its_file_serves(tmp_path):
    class FromFile(Storage):
        def start(self):
            text = FILE.format(port=self.port, folder=self.folder)
            (self.folder / "storage.toml").write_text(text)
            super().start()

    storage = FromFile(tmp_path, "--config", "storage.toml")
    url = storage.minted(action="upload", blob_id="a")
    assert url.startswith("https://storage.example.com/default/a?")
    here = url.replace("https://storage.example.com", storage.url)
    assert storage.answer("-X", "POST", here, "--data-binary", "more than ten bytes")[0] == 413
    assert storage.answer("-X", "POST", here, "--data-binary", "ten bytes.")[0] == 200
    assert storage.stop() == 0


def test_its_flags_serve(tmp_path):
    words = ("--ip-addr", "127.0.0.1:{port}", "--data-dir", "{folder}/data", "--domain", "http://localhost:{port}")
    storage = Storage(tmp_path, *words, "--presign-api-key", KEY, "--verbose")
    assert storage.minted(action="upload", blob_id="a").startswith(f"{storage.url}/default/a?")
    assert storage.stop() == 0


def test_without_an_api_key_there_is_no_such_api(tmp_path):
    without = {name: text for name, text in ENVIRONMENT.items() if name != "PRESIGN_API_KEY"}
    storage = Storage(tmp_path, "--listen", "127.0.0.1:{port}", **without)
    said = storage.curl("-X", "POST", f"{storage.url}/presign", "-d", "{}")
    assert b"<Error>" in said
    assert not (tmp_path / "data").exists()
    assert storage.stop() == 0
