"""What happens on one connection of the HTTP/1.1 client? One exchange after the other.

An answer's head is read here, strictly; a body of known length is counted and passed through without a copy, a chunked
one goes through httptools. Whatever is not whole is an error: a short body never looks like a complete one.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, cast

import httptools

from bucketport.errors import BackendError, Trouble
from bucketport.message import HttpAnswer, HttpRequest, Outgoing, Stream, release
from bucketport.transports.http1_messages import HIGH, Body, Waits, head_of, keeps, read_head

SMALL = 64 << 10
"""Bytes up to which an answer's body is awaited whole."""

JOINED = 16 << 10
"""Bytes up to which a request's body is joined to its head; above it two buffers are cheaper than a copy."""

HEAD = 64 << 10
"""Bytes that the head of an answer may have."""

EXPECT = 1 << 20
"""Bytes from which on a body is announced with `Expect: 100-continue`: what is refused then can still be repeated."""

_PATIENCE = 1.0
"""Seconds to wait for `100 Continue` before the body is sent anyway. Source: RFC 9110 section 10.1.1; curl waits 1."""

_NEVER = float("inf")


class Gone(Exception):
    """The connection closed before a byte of an answer came."""


class Connection(asyncio.Protocol):
    """A connection and the exchange that it is in. `free` is called when it has none any more, and when it closes.

    `deadline` is the loop's time at which it has waited too long; `used`: it carried an exchange before.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, waits: Waits, free: Callable[["Connection"], None]) -> None:
        self._loop, self._waits, self._free = loop, waits, free
        self._transport: asyncio.Transport | None = None
        self.closed = self.used = self.unanswered_expect = False
        self.deadline = _NEVER
        self._head = b""
        self._waiter: asyncio.Future[HttpAnswer] | None = None
        self._continues: asyncio.Future[bool] | None = None
        self._room: asyncio.Future[None] | None = None
        self._answer: HttpAnswer | None = None
        self._body: Body | None = None
        self._small: list[bytes] | None = None
        self._chunks: Any = None
        self._left = -1
        self._method = ""
        self._number = 0
        self._keep = self._sending = self._paused = self._full = False

    # What the client calls.

    async def exchange(self, request: HttpRequest, *, expects: bool) -> HttpAnswer:
        """Send a request; its answer, whole when it is short. Raises: Gone, BackendError, what the body raises."""
        if self.closed or self._transport is None:
            raise Gone("closed while it was kept")
        body = request.body
        self._number += 1
        number = self._number
        self._method, self._answer, self._head, self._sending = request.method, None, b"", False
        waiter: asyncio.Future[HttpAnswer] = self._loop.create_future()
        self._waiter = waiter
        self.deadline = self._loop.time() + self._waits.head
        try:
            if isinstance(body, bytes):
                head = head_of(request, len(body))
                if len(body) <= JOINED:
                    self._transport.write(head + body)
                else:
                    self._transport.writelines([head, body])
            else:
                await self._send(request, body, waits=expects and body.length >= EXPECT)
            return await waiter
        except BaseException:
            self._give_up(number, waiter)
            raise

    def _give_up(self, number: int, waiter: "asyncio.Future[HttpAnswer]") -> None:
        """Nobody waits for the answer of this exchange any more; the connection may already be in its next one."""
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            release(waiter.result().body)
        if self._number == number:
            self._waiter = None
            self.abort()

    async def _send(self, request: HttpRequest, body: Outgoing, *, waits: bool) -> None:
        """Send a body while it is made. An answer that comes before its end ends it too; the connection with it."""
        transport, waiter = self._transport, self._waiter
        assert transport is not None
        assert waiter is not None
        self._sending = True
        transport.write(head_of(request, body.length, waits=waits))
        if waits and not await self._told_to_go_on():
            return
        left = body.length
        async with aclosing(body.blocks()) as blocks:  # type: ignore[type-var]
            async for pieces in blocks:
                if waiter.done() or self.closed:
                    break
                left -= sum(map(len, pieces))
                if left < 0:
                    raise ValueError("a request's body is longer than its length")
                self._sending = left > 0
                transport.writelines(pieces)
                self.deadline = self._loop.time() + (self._waits.idle if left else self._waits.head)
                if self._full and left:
                    self._room = self._loop.create_future()
                    await self._room
        if not left:
            return
        if not waiter.done() and not self.closed:
            raise ValueError("a request's body is shorter than its length")
        # An answer before the end: a refusal is one, a success cannot be.
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None and waiter.result().status < 300:
            raise BackendError(Trouble.BROKEN_OFF, f"{request.endpoint.authority}: success before the body's end")

    async def _told_to_go_on(self) -> bool:
        """Wait for 100 Continue, for an answer, or for patience to end; whether the body is to be sent."""
        self._continues = self._loop.create_future()
        timer = self._loop.call_later(_PATIENCE, self._lose_patience)
        try:
            return await self._continues
        finally:
            timer.cancel()
            self._continues = None

    def _lose_patience(self) -> None:
        self.unanswered_expect = True
        if self._continues is not None and not self._continues.done():
            self._continues.set_result(True)

    def resume(self) -> None:
        """There is room again for what comes."""
        if self._paused and self._transport is not None and not self.closed:
            self._paused = False
            self.deadline = self._loop.time() + self._waits.idle
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once; what is under way fails."""
        if self._transport is not None and not self.closed:
            self._fail(Trouble.BROKEN_OFF, "given up")
            self._transport.abort()

    def time_out(self) -> None:
        """It waited too long."""
        if self._transport is not None and not self.closed:
            self._fail(Trouble.TIMEOUT, "nothing came in time")
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH)

    def pause_writing(self) -> None:
        """The loop's: the server is behind."""
        self._full = True

    def resume_writing(self) -> None:
        """The loop's: it caught up."""
        self._full = False
        self._make_room()

    def _make_room(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """The loop's."""
        self.closed = True
        body = self._body
        if body is not None and self._left < 0 and self._chunks is None and error is None:
            self._body = None
            body.end(None)
        self._fail(Trouble.BROKEN_OFF, str(error) if error else "the connection closed")
        self._free(self)

    def data_received(self, data: bytes) -> None:
        """The loop's."""
        try:
            if self._left > 0:
                self._take(data)
            elif self._body is not None:
                self._take_unmeasured(data)
            elif self._waiter is not None and self._answer is None:
                self._take_head(data)
            else:
                self.abort()
        except (ValueError, httptools.HttpParserError) as error:
            self._fail(Trouble.BROKEN_OFF, f"the answer is no HTTP: {error}")
            self.abort()

    # How an answer is read.

    def _take_head(self, data: bytes) -> None:
        if self._head:
            data = self._head + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > HEAD:
                raise ValueError("its head is too long")
            self._head = data
            return
        self._head = b""
        status, headers, newest = read_head(data[:end].decode("latin-1"))
        rest = data[end + 4 :]
        if 100 <= status < 200:
            if status == 101:
                raise ValueError("it switches protocols")
            if self._continues is not None and not self._continues.done():
                self._continues.set_result(True)
            if rest:
                self._take_head(rest)
            return
        if self._continues is not None and not self._continues.done():
            self._continues.set_result(False)
        self._keep = keeps(headers.get("connection", ""), newest) and not self._sending
        self._begin(status, headers, rest)

    def _begin(self, status: int, headers: dict[str, str], rest: bytes) -> None:
        """The head is here; the body's form follows from it. Source: RFC 9112 section 6.3."""
        coding = headers.get("transfer-encoding")
        length = headers.get("content-length")
        if self._method == "HEAD" or status in (204, 304):
            if rest:
                raise ValueError("it has a body")
            self._answer = HttpAnswer(status, headers)
            self._finish()
        elif coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise ValueError("its transfer coding is not understood")
            self._chunks = httptools.HttpResponseParser(self)
            self._chunks.feed_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            self._open(status, headers, None)
            if rest:
                self._take_unmeasured(rest)
        elif length is None:
            self._keep = False
            self._open(status, headers, None)
            if rest:
                self._take_unmeasured(rest)
        else:
            if not (length.isascii() and length.isdigit() and len(length) <= 18):
                raise ValueError("its length is no number")
            self._left = int(length)
            if self._left <= SMALL:
                self._answer, self._small = HttpAnswer(status, headers), []
            else:
                self._open(status, headers, self._left)
            if rest or not self._left:
                self._take(rest)

    def _open(self, status: int, headers: dict[str, str], length: int | None) -> None:
        """Give the answer out while its body is still to come."""
        self._body = body = Body(self)
        self._answer = HttpAnswer(status, headers, Stream(body, length, body.release))
        self._give()

    def _give(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            assert self._answer is not None
            waiter.set_result(self._answer)

    def _take(self, data: bytes) -> None:
        """Bytes of a body whose length is known."""
        self._left -= len(data)
        if self._left < 0:
            raise ValueError("its body is longer than it said")
        if self._small is not None:
            self._small.append(data)
            if not self._left:
                answer, pieces = self._answer, self._small
                assert answer is not None
                body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                self._answer = HttpAnswer(answer.status, answer.headers, body)
                self._finish()
            return
        body_now = self._body
        assert body_now is not None
        body_now.put(data)
        if not self._left:
            self._finish()
        else:
            self._hold(body_now)

    def _take_unmeasured(self, data: bytes) -> None:
        """Bytes of a body that is chunked, or that ends with the connection."""
        body = self._body
        assert body is not None
        if self._chunks is None:
            body.put(data)
        else:
            self._chunks.feed_data(data)
        if self._body is not None:
            self._hold(body)

    def _hold(self, body: Body) -> None:
        """Stop reading while enough is held."""
        if body.held < HIGH:
            self.deadline = self._loop.time() + self._waits.idle
        elif not self._paused and self._transport is not None:
            self._paused, self.deadline = True, _NEVER
            self._transport.pause_reading()

    def on_body(self, data: bytes) -> None:
        """httptools': content of a chunk."""
        if self._body is not None:
            self._body.put(data)

    def on_message_complete(self) -> None:
        """httptools': the last chunk and its trailers are through."""
        self._finish()

    def _finish(self) -> None:
        """The answer is all here."""
        self._give()
        body, self._body = self._body, None
        self._small, self._chunks, self._left = None, None, -1
        if body is not None:
            body.end(None)
        self.used = True
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        if self._keep and not self._sending and not self.closed:
            self.deadline = self._loop.time() + self._waits.keep
            self._free(self)
        elif self._transport is not None:
            self._transport.abort()

    def _fail(self, kind: Trouble, detail: str) -> None:
        """Tell whoever waits."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            untouched = kind is Trouble.BROKEN_OFF and not self._head and self._answer is None
            waiter.set_exception(Gone(detail) if untouched else BackendError(kind, detail))
        body, self._body = self._body, None
        if body is not None:
            body.end(BackendError(kind, detail))
        if self._continues is not None and not self._continues.done():
            self._continues.set_result(False)
        self._make_room()
