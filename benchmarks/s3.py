#!/usr/bin/env python3
"""What does one S3 request cost? CPU of the server per request, beside that of a plain uvicorn hello.

python benchmarks/s3.py [--seconds 3] [--connections 32] [CASE ...]

Cases: hello (uvicorn, 1 KiB), get1k, put1k, delete1k, list1000, put_big and get_big (CPU seconds per GiB). A server is
a process of its own on CPU 0, the load on CPU 1. CPU time is what /proc says, so a busy machine disturbs it less than
it disturbs a rate; still, read ratios to hello. Needs Linux, and nothing on PATH.
"""

import argparse
import hashlib
import hmac
import http.client
import os
import pathlib
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

ACCESS, SECRET, REGION, BUCKET = "BENCHKEY", "bench-secret", "us-east-1", "bench"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TICKS = os.sysconf("SC_CLK_TCK")
BIG = 256 << 20


async def hello(scope, receive, send):
    """The ASGI application that everything is compared with."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1024")]})
        await send({"type": "http.response.body", "body": b"x" * 1024})


def signed(port: int, method: str, path: str, query: str = "", body: bytes = b"") -> bytes:
    """A request as bytes, with Signature V4 in its header. `query` is in its canonical form already."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    payload = "UNSIGNED-PAYLOAD" if body else hashlib.sha256(b"").hexdigest()
    headers = {"host": f"127.0.0.1:{port}", "x-amz-content-sha256": payload, "x-amz-date": stamp}
    names = ";".join(headers)
    canonical = "\n".join([method, path, query, *(f"{k}:{v}" for k, v in headers.items()), "", names, payload])
    scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope},SignedHeaders={names},Signature={signature}"
    )
    if body or method == "PUT":
        headers["content-length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path}{'?' + query if query else ''} HTTP/1.1\r\n{head}\r\n".encode() + body


def processes(pid: int) -> Iterator[int]:
    """The process and all below it."""
    yield pid
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from processes(int(child))


def cpu(pid: int) -> float:
    """CPU seconds that the process and those below it have used."""
    used = 0
    for each in processes(pid):
        fields = pathlib.Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / TICKS


def peak_mib(pid: int) -> int:
    """The most memory that the process ever had, in MiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) >> 10


class Load:
    """Connections that each send a request, wait for its answer, and send the next."""

    def __init__(self, port: int, requests: Sequence[bytes], connections: int) -> None:
        self.requests, self.done, self.refused = requests, 0, 0
        self.selector = selectors.DefaultSelector()
        for _ in range(connections):
            link = socket.create_connection(("127.0.0.1", port))
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(link, selectors.EVENT_READ, [b"", 0])

    def run(self, seconds: float, count: int | None = None) -> tuple[list[float], float]:
        """Latencies in seconds, and how long it took; `count` requests in all where that is given."""
        latencies: list[float] = []
        started, sent = {}, 0
        begin = time.monotonic()
        for key in self.selector.get_map().values():
            started[key.fileobj] = time.monotonic()
            key.fileobj.sendall(self.requests[sent % len(self.requests)])
            sent += 1
        waiting = sent
        while waiting:
            for key, _ in self.selector.select():
                if not self._answered(key):
                    continue
                now = time.monotonic()
                latencies.append(now - started[key.fileobj])
                if (count is None or sent < count) and now - begin < seconds:
                    started[key.fileobj] = now
                    key.fileobj.sendall(self.requests[sent % len(self.requests)])
                    sent += 1
                else:
                    waiting -= 1
        return latencies, time.monotonic() - begin

    def _answered(self, key: selectors.SelectorKey) -> bool:
        """Whether the answer on this connection is whole now."""
        state = key.data
        data = key.fileobj.recv(1 << 20)
        if not data:
            raise SystemExit("the server closed a connection")
        if state[1] == 0:
            state[0] += data
            end = state[0].find(b"\r\n\r\n")
            if end < 0:
                return False
            self.refused += not state[0].startswith(b"HTTP/1.1 2")
            length = LENGTH.search(state[0][:end])
            state[1] = end + 4 + (int(length[1]) if length else 0) - len(state[0])
            state[0] = b""
        else:
            state[1] -= len(data)
        return state[1] == 0

    def close(self) -> None:
        """Close every connection."""
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, path: str) -> bool:
    """Whether something on that port answers."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        connection.getresponse().read()
    except OSError:
        return False
    return True


@contextmanager
def running(port: int, path: str, *command: str) -> Iterator[int]:
    """A server on CPU 0, ready when `path` is answered; its process id."""
    environment = os.environ | {"BUCKETPORT_ACCESS_KEY": ACCESS, "BUCKETPORT_SECRET_KEY": SECRET}
    process = subprocess.Popen([sys.executable, *command], env=environment, stdout=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, {0})
    try:
        deadline = time.monotonic() + 30
        while not answers(port, path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server did not begin: exit code {process.poll()}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def measure(name: str, pid: int, load: Load, seconds: float, count: int | None = None) -> None:
    """One case as a line."""
    before = cpu(pid)
    latencies, wall = load.run(seconds, count)
    used = cpu(pid) - before
    load.close()
    latencies.sort()
    number = len(latencies)
    line = f"{name:9} {used / number * 1e6:8.1f} us CPU/request  {number / wall:8.0f} /s"
    print(
        f"{line}  p50 {latencies[number // 2] * 1e3:6.2f} ms  p99 {latencies[number * 99 // 100] * 1e3:6.2f} ms", end=""
    )
    print(f"  {load.refused} REFUSED" if load.refused else "", flush=True)


def measure_big(name: str, pid: int, port: int, request: bytes) -> None:
    """One large transfer as a line."""
    before, begin = cpu(pid), time.monotonic()
    load = Load(port, [request], 1)
    load.run(600, 1)
    used, wall = cpu(pid) - before, time.monotonic() - begin
    load.close()
    print(f"{name:9} {used * (1 << 30) / BIG:8.2f} s CPU/GiB       {(BIG >> 20) / wall:8.0f} MiB/s", flush=True)


def bench_hello(options: argparse.Namespace) -> None:
    """The figure to read the others by."""
    port = free_port()
    here = str(pathlib.Path(__file__).parent)
    command = ("-m", "uvicorn", "s3:hello", "--app-dir", here, "--port", str(port), "--log-level", "warning")
    with running(port, "/", *command) as pid:
        load = Load(port, [b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"], options.connections)
        measure("hello", pid, load, options.seconds)


def bench_server(options: argparse.Namespace, folder: str) -> None:
    """Every case against one server with an empty data folder."""
    port = free_port()
    program = "from bucketport.cli.main import run; run()"
    command = ("-c", program, "serve", "--data", f"{folder}/data", "--listen", f"127.0.0.1:{port}", "--bucket", BUCKET)
    with running(port, "/-/health/ready", *command) as pid:

        def requests(method: str, prefix: str, number: int, body: bytes = b"") -> list[bytes]:
            return [signed(port, method, f"/{BUCKET}/{prefix}/{i:06}", "", body) for i in range(number)]

        def load(made: Sequence[bytes], connections: int = options.connections) -> Load:
            return Load(port, made, connections)

        kib = os.urandom(1024)
        load(requests("PUT", "get", 500, kib)).run(60, 500)
        cases = {
            "get1k": lambda: measure("get1k", pid, load(requests("GET", "get", 500)), options.seconds),
            "put1k": lambda: measure("put1k", pid, load(requests("PUT", "put", 5000, kib)), options.seconds),
            "delete1k": lambda: measure("delete1k", pid, load(requests("DELETE", "put", 5000)), 60, 5000),
            "list1000": lambda: bench_list(options, pid, port, load),
            "put_big": lambda: measure_big(
                "put_big", pid, port, signed(port, "PUT", f"/{BUCKET}/big", "", os.urandom(BIG))
            ),
            "get_big": lambda: measure_big("get_big", pid, port, signed(port, "GET", f"/{BUCKET}/big")),
        }
        for name, case in cases.items():
            if not options.cases or name in options.cases:
                case()
        print(f"memory    {peak_mib(pid):8} MiB at its peak")


def bench_list(options: argparse.Namespace, pid: int, port: int, load) -> None:
    """Pages of a thousand among five thousand keys."""
    keys = [signed(port, "PUT", f"/{BUCKET}/list/{i // 100:04}/{i:08}") for i in range(5000)]
    load(keys).run(120, len(keys))
    page = signed(port, "GET", f"/{BUCKET}", "list-type=2&max-keys=1000&prefix=list%2F")
    measure("list1000", pid, load([page], 4), options.seconds)


def main() -> None:
    """Run the cases that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--folder", help="where the data folder is made; a file system of the disk to be measured")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    options = parser.parse_args()
    if not pathlib.Path("/proc/self/stat").exists():
        sys.exit("this benchmark reads CPU time from /proc: it needs Linux")
    os.sched_setaffinity(0, {1} if (os.cpu_count() or 1) > 1 else {0})
    if not options.cases or "hello" in options.cases:
        bench_hello(options)
    if options.cases != ["hello"]:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            bench_server(options, folder)


if __name__ == "__main__":
    main()
