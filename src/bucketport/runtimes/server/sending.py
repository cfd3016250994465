"""How does an answer go out? Its head as one piece of bytes, its body by kind, never faster than the client takes it.

The first piece of a body is at hand before the head is written: so a file that has vanished is still answered with an
error. From then on what goes wrong can only break the connection, because a short body must never look whole.
"""

from concurrent.futures import Executor
from contextlib import aclosing
from http import HTTPStatus
from typing import Protocol

from bucketport.exchange import Exchange
from bucketport.message import FileSpans, Stream
from bucketport.runtimes.files import pieces_of

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class Outlet(Protocol):
    """Where an answer goes: a connection."""

    def write(self, data: bytes | bytearray) -> None:
        """Send it, or keep it until the client takes it."""
        ...

    def write_both(self, head: bytes, piece: bytes | bytearray) -> None:
        """Send one and then the other."""
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


async def send_spans(out: Outlet, head: bytes, body: FileSpans, exchange: Exchange, readers: Executor) -> None:
    """Send `head` and the files' bytes. Raises: InternalError when a file cannot be read."""
    async with aclosing(pieces_of(body, readers)) as pieces:
        async for piece in pieces:
            exchange.bytes_out += len(piece)
            if head:
                out.write_both(head, piece)
                head = b""
            else:
                out.write(piece)
            if out.full:
                await out.room()
    if head:
        out.write(head)


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
