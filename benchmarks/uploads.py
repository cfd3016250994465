#!/usr/bin/env python3
"""What does a request of the uploads API cost? CPU of the server per request, beside that of a plain uvicorn hello.

python benchmarks/uploads.py [--seconds 3] [--connections 32] [--no-dedup] [CASE ...]

Cases: hello, presign, download1k, upload1k (durable), upload_big and download_big (CPU seconds per GiB), chunk1k (a
chunk of 1 KiB of many uploads). Measured as in s3.py; every URL is minted before its case begins.
"""

import argparse
import http.client
import json
import os
import pathlib
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator

import s3

KEY = "bench-api-key"
BIG = s3.BIG


def presign(body: dict[str, object]) -> bytes:
    """A request for a URL."""
    content = json.dumps(body).encode()
    head = f"POST /presign HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(content)}"
    return f"{head}\r\ncontent-type: application/json\r\n\r\n".encode() + content


def minted(port: int, action: str, names: Iterator[str]) -> list[str]:
    """The targets (path and query) of URLs that the server made for these blobs."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for name in names:
        body = json.dumps({"action": action, "bucket": s3.BUCKET, "blob_id": name, "expires_in": 86400})
        connection.request("POST", "/presign", body, {"Authorization": f"Bearer {KEY}"})
        url = urllib.parse.urlsplit(json.load(connection.getresponse())["url"])
        found.append(f"{url.path}?{url.query}")
    connection.close()
    return found


def request(method: str, target: str, body: bytes = b"", extra: str = "") -> bytes:
    """A request to a minted URL."""
    length = f"content-length: {len(body)}\r\n" if method in ("POST", "PUT") else ""
    return f"{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n{length}{extra}\r\n".encode() + body


def bench_server(options: argparse.Namespace, folder: str) -> None:
    """Every case against one server with an empty data folder."""
    port = s3.free_port()
    os.environ["BUCKETPORT_UPLOADS__KEYS"] = json.dumps([{"name": "bench", "key": KEY}])
    if options.no_dedup:
        os.environ["BUCKETPORT_UPLOADS__DEDUP"] = "false"
    program = "from bucketport.cli.main import run; run()"
    command = (
        "-c",
        program,
        "serve",
        "--data",
        f"{folder}/data",
        "--listen",
        f"127.0.0.1:{port}",
        "--bucket",
        s3.BUCKET,
    )
    with s3.running(port, "/-/health/ready", *command) as pid:

        def load(made: list[bytes], connections: int = options.connections) -> s3.Load:
            return s3.Load(port, made, connections)

        def uploads(prefix: str, number: int, body: bytes, extra: str = "") -> list[bytes]:
            names = (f"{prefix}-{i:06}" for i in range(number))
            return [request("POST", target, body, extra) for target in minted(port, "upload", names)]

        def download1k() -> None:
            load(uploads("get", 500, os.urandom(1024))).run(60, 500)
            names = (f"get-{i:06}" for i in range(500))
            made = [request("GET", target) for target in minted(port, "download", names)]
            s3.measure("download1k", pid, load(made), options.seconds)

        def upload1k() -> None:
            made = [each[:-1024] + os.urandom(1024) for each in uploads("put", 6000, bytes(1024))]
            s3.measure("upload1k", pid, load(made), 60, len(made))

        def chunk1k() -> None:
            extra = "x-upload-type: chunked\r\nx-chunk-index: 1\r\nx-chunk-total: 2\r\n"
            made = uploads("chunk", 1000, os.urandom(1024), extra)
            s3.measure("chunk1k", pid, load(made), 60, len(made))

        def download_big() -> None:
            target = minted(port, "download", iter(["big"]))[0]
            s3.measure_big("download_big", pid, port, request("GET", target))

        def upload_big() -> None:
            target = minted(port, "update", iter(["big"]))[0]
            s3.measure_big("upload_big", pid, port, request("PUT", target, os.urandom(BIG)))

        cases = {
            "presign": lambda: s3.measure(
                "presign", pid, load([presign({"action": "upload", "bucket": s3.BUCKET})]), options.seconds
            ),
            "download1k": download1k,
            "upload1k": upload1k,
            "chunk1k": chunk1k,
            "upload_big": upload_big,
            "download_big": download_big,
        }
        for name, case in cases.items():
            if not options.cases or name in options.cases:
                case()
        print(f"memory    {s3.peak_mib(pid):8} MiB at its peak")


def main() -> None:
    """Run the cases that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--no-dedup", action="store_true", help="store content as it comes, also when it is there")
    parser.add_argument("--folder", help="where the data folder is made; a file system of the disk to be measured")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    options = parser.parse_args()
    if not pathlib.Path("/proc/self/stat").exists():
        sys.exit("this benchmark reads CPU time from /proc: it needs Linux")
    os.sched_setaffinity(0, {1} if (os.cpu_count() or 1) > 1 else {0})
    if not options.cases or "hello" in options.cases:
        s3.bench_hello(options)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench_server(options, folder)


if __name__ == "__main__":
    main()
