#!/usr/bin/env python3
"""What does an application's server do for uploads? It holds the API key, and says who may upload what, to where.

The file itself never passes through here: the page sends it to bucketport. A real application asks who the user is
before it opens a session; this one asks nobody.
"""

import argparse
import contextlib
import http.server
import json
import os
import pathlib
import re
import secrets
import sys
import urllib.error
import urllib.request
from typing import Any

FOLDER = pathlib.Path(__file__).resolve().parent
PAGES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/upload.js": ("upload.js", "text/javascript; charset=utf-8"),
}
PREFIX = "from-the-page/"
LARGEST = 100 << 30
SECONDS = 24 * 3600


class Store:
    """bucketport, as an application's server sees it."""

    def __init__(self, url: str, key: str, bucket: str) -> None:
        self.url, self.key, self.bucket = url.rstrip("/"), key, bucket

    def open_session(self, name: str, size: int, kind: str) -> dict[str, Any]:
        """An upload session for one file. The name is the user's; the key is ours: nobody replaces another's file."""
        plain = re.sub(r"[^\w.-]+", "-", name).strip(".-")[-100:] or "file"
        asked: dict[str, Any] = {
            "bucket": self.bucket,
            "key": f"{PREFIX}{secrets.token_hex(8)}/{plain}",
            "size": size,
            "max_size": LARGEST,
            "expires_in": SECONDS,
        }
        if kind:
            asked["headers"] = {"content-type": kind}
        return self._post("/-/uploads", asked)

    def link(self, key: str) -> dict[str, Any]:
        """A URL with which the file can be read for ten minutes."""
        if not key.startswith(PREFIX):
            raise ValueError("only what was uploaded here can be opened here")
        asked = {"action": "download", "bucket": self.bucket, "blob_id": key, "expires_in": 600}
        return self._post("/presign", asked)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        content = json.dumps(body).encode()
        # The URL is the operator's own, from the command line.
        request = urllib.request.Request(self.url + path, content, headers, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            made: dict[str, Any] = json.load(answer)
            return made


class Handler(http.server.BaseHTTPRequestHandler):
    """The page, and the two things that it asks for."""

    protocol_version = "HTTP/1.1"
    store: Store
    part: int

    def do_GET(self) -> None:
        """The page's own files."""
        name, kind = PAGES.get(self.path.partition("?")[0], ("", ""))
        if not name:
            self._answer(404, b"Not here.", "text/plain")
            return
        self._answer(200, (FOLDER / name).read_bytes(), kind)

    def do_POST(self) -> None:
        """`/uploads`: a session for a file. `/link`: a URL to read one."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), 1 << 16))
        try:
            self._json(200, self._asked(json.loads(body)))
        except urllib.error.HTTPError as refused:
            self._explain(502, "The store refused; its reason is in this server's log.", refused.read()[:500])
        except OSError as away:
            self._explain(503, "The store is away.", away)
        except (ValueError, KeyError, TypeError) as error:
            self._json(400, {"message": f"That cannot be asked: {error}"})

    def _asked(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.path == "/uploads":
            made = self.store.open_session(str(asked["name"]), int(asked["size"]), str(asked.get("type", "")))
            return {"session": made["url"], "part": self.part}
        if self.path == "/link":
            return {"url": self.store.link(str(asked["key"]))["url"]}
        raise ValueError("only /uploads and /link")

    def _explain(self, status: int, message: str, detail: object) -> None:
        print(f"{self.path}: {detail!r}", file=sys.stderr, flush=True)
        self._json(status, {"message": message})

    def _json(self, status: int, body: dict[str, Any]) -> None:
        self._answer(status, json.dumps(body).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing; a refusal is printed where it happens."""


def main() -> None:
    """Serve until Ctrl-C."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--listen", default="127.0.0.1:8000", metavar="ADDRESS:PORT")
    options.add_argument("--store", default="http://127.0.0.1:9000", metavar="URL", help="where bucketport is")
    options.add_argument("--bucket", default="uploads")
    options.add_argument("--part", type=int, default=8 << 20, metavar="BYTES", help="of a part; clouds want 5 MiB")
    chosen = options.parse_args()
    key = os.environ.get("PRESIGN_API_KEY", "")
    if not key:
        sys.exit("Set PRESIGN_API_KEY to the key that bucketport has, too.")
    Handler.store, Handler.part = Store(chosen.store, key, chosen.bucket), chosen.part
    address, _, port = chosen.listen.rpartition(":")
    with http.server.ThreadingHTTPServer((address, int(port)), Handler) as server:
        print(f"The page is at http://{address}:{server.server_port}/", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
