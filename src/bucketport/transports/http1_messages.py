"""What goes over a connection of the HTTP/1.1 client? Heads, read and written strictly; and a long answer's content."""

import asyncio
import re
from collections import deque
from typing import Protocol

from bucketport.errors import BackendError
from bucketport.message import HttpRequest
from bucketport.record import record

HIGH, LOW = 256 << 10, 64 << 10
"""Bytes of an answer that are held before reading stops, and with which it goes on: one read of uvloop's is 256 KiB."""


@record
class Waits:
    """How long the client waits, in seconds, and how many connections it has to one endpoint at most.

    `connect`: for a connection (a free one, DNS, TCP, TLS). `head`: from the request's last byte to the answer's
    first. `idle`: without a byte moving in either direction. `keep`: with nothing to do.
    """

    connect: float = 5.0
    head: float = 60.0
    idle: float = 30.0
    keep: float = 15.0
    connections: int = 1024


class Source(Protocol):
    """Where a body comes from: a connection."""

    def resume(self) -> None:
        """There is room again for what comes."""
        ...

    def abort(self) -> None:
        """No more is wanted."""
        ...


class Body:
    """The content of a long answer, as an async iterator of pieces."""

    __slots__ = ("_connection", "_waiter", "done", "error", "held", "pieces")

    def __init__(self, connection: Source) -> None:
        self._connection: Source | None = connection
        self._waiter: asyncio.Future[None] | None = None
        self.pieces: deque[bytes] = deque()
        self.held = 0
        self.done = False
        self.error: BackendError | None = None

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises: BackendError when the answer breaks off."""
        while True:
            if self.pieces:
                piece = self.pieces.popleft()
                self.held -= len(piece)
                if self._connection is not None and self.held <= LOW:
                    self._connection.resume()
                return piece
            if self.error is not None:
                raise self.error
            if self.done:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def aclose(self) -> None:
        """As `release`."""
        self.release()

    def release(self) -> None:
        """No more is wanted: a connection with bytes still to come is closed."""
        self.pieces.clear()
        if self._connection is not None:
            self._connection.abort()

    def put(self, piece: bytes) -> None:
        """Take the next piece in."""
        self.pieces.append(piece)
        self.held += len(piece)
        self._wake()

    def end(self, error: BackendError | None) -> None:
        """There is no more to come: all of it came, or it broke off."""
        self.done, self.error, self._connection = error is None, error, None
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)


_TOKEN = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5]\d\d)(?: [^\r\n\0]*)?")
_names: dict[str, str] = {}


def read_head(text: str) -> tuple[int, dict[str, str], bool]:
    """The status, the headers (lower-case names) and whether it is HTTP/1.1, of a head without its empty line.

    Raises: ValueError. Source: RFC 9112 sections 4 and 5.
    """
    lines = text.split("\r\n")
    found = _STATUS.fullmatch(lines[0])
    if not found:
        raise ValueError("its status line is malformed")
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("its head holds a stray line end or NUL")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        lower = _names.get(name) or _lower(name)
        if not colon:
            raise ValueError("a header has no colon")
        value = value.strip(" \t")
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    return int(found[2]), headers, found[1] == "1"


def _lower(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("a header's name is malformed")
    lower = name.lower()
    if len(_names) < 1000 and len(name) < 64:
        _names[name] = lower
    return lower


def keeps(connection: str, newest: bool) -> bool:
    """Whether the connection stays open. Source: RFC 9112 section 9.3."""
    if not connection:
        return newest
    options = [option.strip() for option in connection.lower().split(",")]
    return "close" not in options and (newest or "keep-alive" in options)


def head_of(request: HttpRequest, length: int, *, waits: bool = False) -> bytes:
    """The head of a request as it is sent. Raises: ValueError when a part of it would end its line."""
    target = f"{request.path}?{request.query}" if request.query else request.path
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError("a request's target holds what a URL cannot")
    fields = [f"{name}: {value}\r\n" for name, value in request.headers.items()]
    if length or request.method in ("PUT", "POST"):
        fields.append(f"content-length: {length}\r\n")
    if waits:
        fields.append("expect: 100-continue\r\n")
    lines = "".join(fields)
    if lines.count("\n") != len(fields) or lines.count("\r") != len(fields) or "\0" in lines:
        raise ValueError("a header of a request holds a line end")
    return f"{request.method} {target} HTTP/1.1\r\nhost: {request.endpoint.authority}\r\n{lines}\r\n".encode("latin-1")
