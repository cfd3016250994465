"""What happens on one client's connection? Heads are read, handlers run, answers go out: one request after the other.

While a handler runs, what the client sends further is its body or waits (pipelining, in order). Nothing is read from a
body that nobody wants; a connection whose body was refused is closed. Deadlines are one number that the server looks
at once a second, so they cost a request nothing.
"""

import asyncio
import traceback
from typing import TYPE_CHECKING, cast

from bucketport.errors import BackendError, InternalError, RequestTimeout, S3Error, SlowDown, answer_for
from bucketport.exchange import Exchange
from bucketport.message import FileSpans, NoBody, Request, Response, Stream, release
from bucketport.runtimes.server.body import IncomingBody
from bucketport.runtimes.server.eager import Early
from bucketport.runtimes.server.head import END, Head, HeadReader, check_unfinished
from bucketport.runtimes.server.sending import JOINED, head_bytes, send_spans, send_stream

if TYPE_CHECKING:
    from bucketport.runtimes.server.server import Server

NEVER = float("inf")

LINGER_SECONDS = 2.0
"""How long a connection that we end is still read from, so that a client in the middle of its body gets to our answer
before it is told that nobody listens (an answer is lost when unread bytes meet a closed socket)."""

SMALL_REST = 64 << 10
"""An unread rest of a body up to this many bytes is read and dropped; above it, closing is cheaper."""

TURN = 32
"""Pipelined requests that are answered before others get their turn."""

BURST = 1 << 20
"""Bytes that are written to one client before others get their turn."""

BODILESS = frozenset({204, 304})
"""Statuses that have no body and need no length. Source: RFC 9110 sections 8.6, 15.3.5 and 15.4.5."""

_NO_BODY = NoBody()
_UNREAD = Head("", "", "", "", {}, 0, False, False, False)


class Connection(asyncio.Protocol):
    """One client. Made by the Server, driven by the event loop."""

    def __init__(self, server: "Server", scheme: str) -> None:
        self._server = server
        self._scheme = scheme
        self._client = ""
        self._heads = HeadReader(server.limits)
        self._early = Early(server.loop)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._input = bytearray()
        self._looked_at = 0
        self._body: IncomingBody | None = None
        self._busy = False
        self._ending = False
        self._held = False
        self._written = False
        self._room: asyncio.Future[None] | None = None
        self._behind = 0
        self._paused = False
        self._burst = 0
        self.deadline = NEVER

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if isinstance(peer, tuple) else ""
        self.deadline = self._server.monotonic() + self._server.limits.header_seconds
        if not self._server.admit(self):
            self._refuse(SlowDown(reason="too many connections"))

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone: nobody waits for an answer any more."""
        self.deadline = NEVER
        self._server.forget(self)
        self._leave()

    def eof_received(self) -> bool:
        """The client sends nothing more: in a body that is an error to be told, else it has left."""
        body = self._body
        if self._busy and body is not None and not body.ended:
            body.fail()
            return self._scheme == "http"
        self._leave()
        return False

    def _leave(self) -> None:
        """Nobody is there to answer: stop what runs for them."""
        self._ending = True
        if self._body is not None:
            self._body.fail()
        if self._busy:
            self._early.cancel()

    def pause_writing(self) -> None:
        """The client is behind."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._paused = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Bytes: of the body that is on its way, of a head, or of a request whose turn has not come."""
        body = self._body
        if body is not None and not body.ended:
            data = body.feed(data)
            if self.deadline is not NEVER:
                self.deadline = self._server.monotonic() + self._server.limits.body_idle_seconds
            if body.broken:
                self._ending = True
                return
            if not data:
                if body.ended and not self._busy:
                    self._idle()
                return
        if self._ending:
            return
        if self._busy:
            self._input += data
            if len(self._input) > self._server.ahead_bytes:
                self.hold()
        elif self._input:
            self._input += data
            self._proceed()
        else:
            self._take(data)

    # Requests in.

    def _take(self, data: bytes) -> None:
        """Begin with the request that `data` opens: the common case, a head in one piece, is not copied."""
        end = data.find(END)
        if end <= 0 or data[0] == 13:
            self._input += data
            self._proceed()
            return
        end += 4
        try:
            head = self._heads.read(data[:end])
        except S3Error as error:
            self._refuse(error)
            return
        rest = data[end:]
        if rest and head.length is not None and len(rest) > head.length:
            self._input += rest[head.length :]
            rest = rest[: head.length]
        self._busy = True
        self._early.run(self._serve(head, self._body_of(head, rest)))

    def _proceed(self) -> None:
        """Begin with the next request in what has gathered, if its head is whole."""
        try:
            head = self._next_head()
        except S3Error as error:
            self._refuse(error)
            return
        if head is not None:
            self._busy = True
            self._early.run(self._serve(head, self._body_of(head, self._gathered(head))))

    def _next_head(self) -> Head | None:
        """The head at the front of what has gathered; None when it is not whole yet."""
        data = self._input
        while data.startswith(b"\r\n"):
            del data[:2]
            self._looked_at = 0
        end = data.find(END, max(self._looked_at - 3, 0))
        if end < 0:
            if data and not self._looked_at:
                self.deadline = self._server.monotonic() + self._server.limits.header_seconds
            check_unfinished(data, self._looked_at, self._server.limits)
            self._looked_at = len(data)
            return None
        block = bytes(data[: end + 4])
        del data[: end + 4]
        self._looked_at = 0
        return self._heads.read(block)

    def _gathered(self, head: Head) -> bytes:
        """The part of the body that came along with its head."""
        size = len(self._input) if head.length is None else head.length
        rest = bytes(self._input[:size])
        del self._input[:size]
        return rest

    def _body_of(self, head: Head, rest: bytes) -> IncomingBody | NoBody:
        if head.length == 0:
            self._body = None
            return _NO_BODY
        body = self._body = IncomingBody(self, head.length, head.expects)
        if rest:
            self._input[:0] = body.feed(rest)
            if body.broken:
                self._ending = True
        return body

    async def _serve(self, head: Head | None, body: IncomingBody | NoBody) -> None:
        """Answer the request, and every further one that is already here, in order."""
        answered = 0
        try:
            while head is not None:
                self.deadline = NEVER
                await self._answer(head, body)
                if self._paused:
                    await self.room()
                if self._ending or not self._input:
                    break
                answered += 1
                if not answered % TURN:
                    await asyncio.sleep(0)
                head = self._next_head()
                if head is not None:
                    body = self._body_of(head, self._gathered(head))
        except S3Error as error:
            self._refuse(error)
        except (asyncio.CancelledError, ConnectionError):
            self._break_off()
        except Exception as bug:
            self._server.report(f"bug in the server\n{''.join(traceback.format_exception(bug))}")
            self._break_off()
        finally:
            self._busy = False
            self._rest()

    def _rest(self) -> None:
        """Nothing to do until the client sends more."""
        if self._ending:
            return
        self.let_go()
        body = self._body
        if body is not None and not body.ended:
            body.discard()
            self.deadline = self._server.monotonic() + self._server.limits.body_idle_seconds
        elif not self._input:
            self._idle()

    def _idle(self) -> None:
        self._body = None
        self.deadline = self._server.monotonic() + self._server.limits.keepalive_seconds

    # Answers out.

    async def _answer(self, head: Head, body: IncomingBody | NoBody) -> None:
        """Run the handler and send what it answers; whatever happens, the exchange is settled."""
        server = self._server
        exchange = server.open(head.method, head.target, self._client, head.headers.get("user-agent", ""))
        self._written, self._burst = False, 0
        server.in_flight += 1
        try:
            if server.in_flight > server.limits.in_flight:
                response = server.app.refuse(SlowDown(reason="too many requests at once"), exchange)
                self._ending = True
            else:
                request = Request(
                    head.method, head.raw_path, head.raw_query, head.headers, body, self._client, self._scheme
                )
                response = await server.app.handle(request, exchange)
            if type(response.body) is bytes:
                self._send_bytes(response, response.body, head, exchange)
            else:
                await self._send_handle(response, head, exchange)
        except BaseException:
            exchange.aborted = True
            raise
        finally:
            server.in_flight -= 1
            if type(body) is IncomingBody:
                exchange.bytes_in = body.received
            server.settle(exchange)

    def _send_bytes(self, response: Response, content: bytes, head: Head, exchange: Exchange) -> None:
        raw_head = self._head_of(response, len(content), head, exchange)
        if head.method == "HEAD" or response.status in BODILESS:
            self.write(raw_head)
        else:
            exchange.bytes_out = len(content)
            if len(content) <= JOINED:
                self.write(raw_head + content)
            else:
                self.write(raw_head, content)
        if self._ending:
            self._end()

    async def _send_handle(self, response: Response, head: Head, exchange: Exchange) -> None:
        """Send a body that is not in memory; what it holds is given back in any case."""
        body = response.body
        try:
            if isinstance(body, FileSpans):
                raw_head = self._head_of(response, body.length, head, exchange)
                if head.method == "HEAD":
                    self.write(raw_head)
                else:
                    await send_spans(self, raw_head, body, exchange, self._server.readers)
            elif isinstance(body, Stream):
                raw_head = self._head_of(response, body.length, head, exchange)
                if head.method == "HEAD":
                    self.write(raw_head)
                else:
                    await send_stream(self, raw_head, body, exchange, body.length is None and not head.http10)
            else:
                raise TypeError(f"{type(body).__name__} is not a body that this runtime can send")
        except ConnectionError:
            raise
        except Exception as error:
            self._cannot_send(error, head, exchange)
        finally:
            release(body)
        if self._ending:
            self._end()

    def _cannot_send(self, error: Exception, head: Head, exchange: Exchange) -> None:
        """Answer the error while nothing was written, else break off: a short body may not look whole."""
        if isinstance(error, BackendError):
            answer = answer_for(error)
        elif isinstance(error, S3Error):
            answer = error
        else:
            answer = InternalError(reason=f"{type(error).__name__}: {error}")
            self._server.report(f"{exchange.id} bug while sending\n{''.join(traceback.format_exception(error))}")
        if self._written:
            exchange.aborted, exchange.reason = True, answer.reason or answer.message
            self._break_off()
            return
        exchange.bytes_out = 0
        response = self._server.app.refuse(answer, exchange)
        self._ending = True
        content = response.body if isinstance(response.body, bytes) else b""
        self._send_bytes(response, content, head, exchange)

    def _head_of(self, response: Response, length: int | None, head: Head, exchange: Exchange) -> bytes:
        """The answer's head; from here on it is known whether the connection goes on after it."""
        server = self._server
        headers, status = response.headers, response.status
        declared = headers.get("Content-Length")
        framing = ""
        if declared is not None:
            if head.method != "HEAD" and declared != str(length):
                raise ValueError(f"the answer's Content-Length is {declared}, its body has {length} bytes")
        elif length is not None:
            if status not in BODILESS:
                framing = f"Content-Length: {length}\r\n"
        elif head.method != "HEAD" and not head.http10:
            framing = "Transfer-Encoding: chunked\r\n"
        if not self._goes_on(response, length, head):
            self._ending = True
            framing += "Connection: close\r\n"
        elif head.http10:
            framing += "Connection: keep-alive\r\n"
        exchange.status, exchange.headed = status, server.monotonic()
        return head_bytes(status, headers, f"x-amz-request-id: {exchange.id}\r\n{server.preamble()}{framing}")

    def _goes_on(self, response: Response, length: int | None, head: Head) -> bool:
        """Whether another request may follow: nobody wants to end, and what is left of the body is a trifle."""
        if response.close or not head.keep_alive or self._ending or self._server.draining:
            return False
        if length is None and head.http10:
            return False
        body = self._body
        if body is None or body.ended:
            return True
        return not (body.broken or body.expects or body.left is None or body.left > SMALL_REST)

    def _refuse(self, error: S3Error) -> None:
        """Answer what did not become a request, and end."""
        server = self._server
        exchange = server.open("", "", self._client, "")
        response = server.app.refuse(error, exchange)
        self._ending = True
        content = response.body if isinstance(response.body, bytes) else b""
        if not self._transport.is_closing():
            self._send_bytes(response, content, _UNREAD, exchange)
        server.settle(exchange)

    # What sending and bodies need (Outlet, Line).

    def write(self, data: bytes, more: bytes = b"") -> None:
        """Send them, or keep them until the client takes them. Raises: ConnectionResetError when it has left."""
        transport = self._transport
        if transport.is_closing():
            raise ConnectionResetError("the client has left")
        self._written = True
        if more:
            transport.writelines((data, more))
            self._burst += len(more)
        else:
            transport.write(data)
        self._burst += len(data)

    @property
    def full(self) -> bool:
        """Whether the client is behind, or has had so much at once that others should have their turn."""
        return self._paused or self._burst > BURST

    async def room(self) -> None:
        """Come back when the client has taken what was written, or when the others had their turn."""
        self._burst = 0
        if not self._paused:
            await asyncio.sleep(0)
            return
        self._behind = self._transport.get_write_buffer_size()
        self.deadline = self._server.monotonic() + self._server.limits.write_idle_seconds
        self._room = self._server.loop.create_future()
        try:
            await self._room
        finally:
            self._room = None
            self.deadline = NEVER

    def go_on(self) -> None:
        """100 Continue."""
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def hold(self) -> None:
        """Take no more bytes from the client for now."""
        if not self._held:
            self._held = True
            self._transport.pause_reading()

    def let_go(self) -> None:
        """Take bytes again."""
        if self._held:
            self._held = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def silence(self, counts: bool) -> None:
        """From now on a client that sends nothing is (or is not) to blame for it."""
        self.deadline = self._server.monotonic() + self._server.limits.body_idle_seconds if counts else NEVER

    # Ends.

    def expire(self, now: float) -> None:
        """The deadline has passed; called by the server."""
        limits = self._server.limits
        if self._room is not None:
            behind = self._transport.get_write_buffer_size()
            if behind < self._behind:
                self._behind, self.deadline = behind, now + limits.write_idle_seconds
            else:
                self._break_off()
                self._leave()
        elif self._busy:
            self.deadline = NEVER
            if self._body is not None:
                self._body.fail(RequestTimeout())
        elif self._ending:
            self._transport.abort()
        elif self._input:
            self._refuse(RequestTimeout())
        else:
            self._ending = True
            self._transport.close()

    def retire(self) -> None:
        """The server stops: end now if nothing is under way, else after the answer."""
        if not self._busy and not self._ending:
            self._ending = True
            self._transport.close()

    def cut(self) -> None:
        """The server stops and waits no longer."""
        self._leave()
        self._transport.abort()

    def _end(self) -> None:
        """Nothing more will be answered: close, but let a client that is still sending hear us first."""
        body = self._body
        transport = self._transport
        now = self._server.monotonic()
        if (body is None or body.ended) and not self._input and not self._held:
            self.deadline = now + self._server.limits.write_idle_seconds
            transport.close()
            return
        self._input.clear()
        if body is not None:
            body.discard()
        self.deadline = now + LINGER_SECONDS
        self.let_go()
        if transport.can_write_eof():
            transport.write_eof()

    def _break_off(self) -> None:
        """End at once: what was sent so far must not be taken for a whole answer."""
        self._ending = True
        self._transport.abort()
