"""How does an answer go out? Its head as one piece of bytes, its body by kind, never faster than the client takes it.

The first piece of a body is at hand before the head is written: so a file that has vanished is still answered with an
error. From then on what goes wrong can only break the connection, because a short body must never look whole.
"""

import errno
import os
from asyncio import wrap_future
from concurrent.futures import Executor, Future
from http import HTTPStatus
from typing import Protocol

from bucketport.errors import InternalError, S3Error
from bucketport.exchange import Exchange
from bucketport.message import FileSpans, Stream

PIECE = 256 << 10
"""Bytes of a file that are read and written at once. Measured 2026-11 on loopback: 0.26 to 0.39 s of CPU a GiB; pieces
of a MiB took 0.40, os.sendfile 0.46 to 0.5."""

JOINED = 16 << 10
"""Up to this many bytes a body is joined to its head; above it two buffers are cheaper than a copy."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}

_RWF_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
"""Read what the page cache has, or fail at once: so a cold disk never holds up the event loop. 0: not Linux."""


class Outlet(Protocol):
    """Where an answer goes: a connection."""

    def write(self, data: bytes | bytearray, more: bytes | bytearray = b"") -> None:
        """Send them, or keep them until the client takes them."""
        ...

    @property
    def full(self) -> bool:
        """Whether the client is behind: await `room` before the next piece."""
        ...

    async def room(self) -> None:
        """Come back when the client has taken what was written."""
        ...


def head_bytes(status: int, headers: dict[str, str], fixed: str) -> bytes:
    """The head of an answer; `fixed` is what the runtime adds (whole lines).

    Raises: ValueError when a value holds what would end its line, or what latin-1 does not have.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    count = len(headers)
    if lines.count("\n") != count or lines.count("\r") != count or "\0" in lines:
        raise ValueError("a header of the answer holds a line end")
    status_line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    return f"{status_line}{fixed}{lines}\r\n".encode("latin-1")


class _OpenSpan:
    """A file that is being read from `at` to `stop`, on the loop while the page cache has it, else in a thread."""

    __slots__ = ("_at", "_busy", "_file", "_path", "_readers", "_stop")

    def __init__(self, span: tuple[str, int, int], readers: Executor) -> None:
        self._path, self._at, self._stop = span
        self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._readers = readers
        self._busy: Future[bytes] | None = None

    async def read(self) -> bytes | bytearray:
        """The next piece; empty when the span is done. Raises: OSError, EOFError when the file is too short."""
        size = min(self._stop - self._at, PIECE)
        if not size:
            return b""
        piece = self._cached(size)
        if piece is None:
            self._busy = self._readers.submit(os.pread, self._file, size, self._at)
            piece = await wrap_future(self._busy)
        if not piece:
            raise EOFError("shorter than it should be")
        self._at += len(piece)
        return piece

    def _cached(self, size: int) -> bytes | bytearray | None:
        """What the page cache has of the next piece; None when it has nothing."""
        if not _RWF_NOWAIT:
            return os.pread(self._file, size, self._at)
        piece = bytearray(size)
        try:
            count = os.preadv(self._file, [piece], self._at, _RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            return os.pread(self._file, size, self._at)  # tmpfs and the like, which never wait for a disk.
        if count < size:
            del piece[count:]
        return piece

    def close(self) -> None:
        """Close the file, after a read that is still under way in a thread."""
        file = self._file
        if self._busy is not None and not self._busy.done():
            self._busy.add_done_callback(lambda _: os.close(file))
        else:
            os.close(file)


async def send_spans(out: Outlet, head: bytes, body: FileSpans, exchange: Exchange, readers: Executor) -> None:
    """Send `head` and the files' bytes.

    Raises: InternalError when a file cannot be read, after `body.corrupt` was told of one that is missing or too short.
    """
    for span in body.spans:
        try:
            file = _OpenSpan(span, readers)
        except OSError as error:
            raise _unreadable(span[0], body, error) from error
        try:
            while True:
                try:
                    piece = await file.read()
                except (OSError, EOFError) as error:
                    raise _unreadable(span[0], body, error) from error
                if not piece:
                    break
                exchange.bytes_out += len(piece)
                if not head:
                    out.write(piece)
                elif len(piece) <= JOINED:
                    out.write(head + piece)
                else:
                    out.write(head, piece)
                head = b""
                if out.full:
                    await out.room()
        finally:
            file.close()
    if head:
        out.write(head)


_CORRUPT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EIO})


def _unreadable(path: str, body: FileSpans, error: OSError | EOFError) -> S3Error:
    """What to answer; the holder of the file is told when it is the file's fault (and not, say, too many are open)."""
    if body.corrupt is not None and (isinstance(error, EOFError) or error.errno in _CORRUPT):
        body.corrupt(path)
    return InternalError(reason=f"{path}: {error.strerror if isinstance(error, OSError) else error}")


async def send_stream(out: Outlet, head: bytes, body: Stream, exchange: Exchange, chunked: bool) -> None:
    """Send `head` and what the iterator gives, framed in chunks or as it is.

    Raises: what the iterator raises; ValueError when it gives another number of bytes than it promised.
    """
    chunks, left = body.chunks, body.length
    try:
        async for piece in chunks:
            if not piece:
                continue
            if left is not None:
                left -= len(piece)
                if left < 0:
                    raise ValueError("the stream is longer than its length")
            exchange.bytes_out += len(piece)
            framed = b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
            out.write(head + framed if head else framed)
            head = b""
            if out.full:
                await out.room()
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    if left:
        raise ValueError("the stream is shorter than its length")
    out.write(head + b"0\r\n\r\n" if chunked else head)
