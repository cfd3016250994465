#!/usr/bin/env python3
"""What does one request cost in the HTTP layer alone? CPU of the server per hello, and uvicorn's beside it.

    python benchmarks/hello.py [--server bucketport|uvicorn] [--seconds 5] [--connections 32] [CASE ...]

Cases: hello (GET, 1 KiB answer), put1k (PUT of 1 KiB, read and dropped), wait (a handler that waits one turn of the
loop), put1g (1 GiB received and dropped), get1g (1 GiB from a file). The server is a process of its own pinned to CPU
0, the load (`wrk`, `curl`) to CPU 1. Needs Linux, wrk and curl. Figures on a shared machine: read ratios.
"""

import argparse
import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import time

HELLO = b"x" * 1024


def serve_bucketport(port: int, big: str) -> None:
    """Our own protocol with a handler that does nothing."""
    from bucketport.config.limits import Limits
    from bucketport.message import FileSpans, Response
    from bucketport.runtimes.server import Server, run

    size = os.path.getsize(big)

    class Hello:
        async def handle(self, request, exchange):
            if request.raw_path == "/big" and request.method == "GET":
                return Response(200, {"ETag": '"x"'}, FileSpans([(big, 0, size)]))
            if request.raw_path == "/wait":
                await asyncio.sleep(0)
            if request.body.length != 0:
                while await request.body.read():
                    pass
                return Response(200, {"ETag": '"x"'}, b"")
            return Response(200, {"ETag": '"x"', "Content-Type": "text/plain"}, HELLO)

        def refuse(self, error, exchange):
            return Response(error.status, {}, error.message.encode())

    ids = itertools.count()

    async def main():
        server = Server(
            Hello(), Limits(), meters=(), now=time.time, monotonic=time.monotonic, new_id=lambda: f"{next(ids):016X}"
        )
        await server.start("127.0.0.1", port)
        await asyncio.Event().wait()

    run(main())


def serve_uvicorn(port: int, big: str) -> None:
    """The same over ASGI."""
    import uvicorn

    file = os.open(big, os.O_RDONLY)
    size = os.path.getsize(big)

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        if scope["path"] == "/wait":
            await asyncio.sleep(0)
        more = scope["method"] == "PUT"
        while more:
            more = (await receive()).get("more_body", False)
        start = {"type": "http.response.start", "status": 200}
        if scope["path"] == "/big" and scope["method"] == "GET":
            await send({**start, "headers": [(b"content-length", str(size).encode())]})
            for at in range(0, size, 1 << 20):
                piece = os.pread(file, 1 << 20, at)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({**start, "headers": [(b"content-type", b"text/plain"), (b"content-length", b"1024")]})
        await send({"type": "http.response.body", "body": HELLO})

    uvicorn.run(app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error", lifespan="off")


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


SCRIPT = """
wrk.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
wrk.headers["x-amz-date"] = "20261121T092801Z"
wrk.headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=AKIAABCDEFGHIJKLMNOP/20261121/us-east-1/s3/aws4_request," ..
  " SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" .. string.rep("0", 64)
"""


def load(pid: int, url: str, seconds: int, connections: int, put: bool) -> str:
    """Microseconds of server CPU per request under wrk."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT + ('wrk.method = "PUT"\nwrk.body = string.rep("x", 1024)\n' if put else ""))
        script.flush()
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, url]
        before = cpu_seconds(pid)
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        used = cpu_seconds(pid) - before
    count = int(next(line.split()[0] for line in text.splitlines() if "requests in" in line))
    bad = [line.strip() for line in text.splitlines() if "Non-2xx" in line or "Socket errors" in line]
    return f"{used / count * 1e6:6.2f} us CPU a request, {count / seconds:8.0f} a second {' '.join(bad)}"


def transfer(pid: int, command: list[str]) -> str:
    """Seconds of server CPU for a GiB with curl."""
    before = cpu_seconds(pid)
    start = time.monotonic()
    subprocess.run(["taskset", "-c", "1", "curl", "-sS", "-f", "-o", "/dev/null", *command], check=True)
    return f"{cpu_seconds(pid) - before:6.2f} s CPU a GiB, {1024 / (time.monotonic() - start):6.0f} MiB/s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["bucketport", "uvicorn"], default="bucketport")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--port", type=int, default=9911)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*", default=["hello", "put1k", "wait", "put1g", "get1g"])
    options = parser.parse_args()
    if options.serve:
        (serve_bucketport if options.server == "bucketport" else serve_uvicorn)(options.port, options.serve)
        return
    with tempfile.NamedTemporaryFile() as big:
        for _ in range(64):
            big.write(os.urandom(16 << 20))
        big.flush()
        arguments = [sys.executable, __file__, "--server", options.server, "--port", str(options.port)]
        process = subprocess.Popen(["taskset", "-c", "0", *arguments, "--serve", big.name])
        try:
            time.sleep(1)
            url = f"http://127.0.0.1:{options.port}"
            for case in options.cases:
                if case == "put1g":
                    result = transfer(process.pid, ["-H", "Expect:", "-T", big.name, f"{url}/big"])
                elif case == "get1g":
                    result = transfer(process.pid, [f"{url}/big"])
                else:
                    path = "wait" if case == "wait" else "hello"
                    result = load(process.pid, f"{url}/{path}", options.seconds, options.connections, case == "put1k")
                print(f"{options.server} {case:6s} {result}", flush=True)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
