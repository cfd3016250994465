"""What happens on one client's connection? Heads are read, handlers run, answers go out: one request after the other.

While a handler runs, what the client sends further is its body or waits (pipelining, in order). Nothing is read from a
body that nobody wants; a connection whose body was refused is closed.
"""

import asyncio
import traceback
from typing import TYPE_CHECKING, cast

from bucketport.errors import RequestTimeout, S3Error, SlowDown
from bucketport.message import NoBody
from bucketport.runtimes.server.answering import answer, refuse
from bucketport.runtimes.server.body import NEVER, IncomingBody, WholeBody
from bucketport.runtimes.server.eager import Early
from bucketport.runtimes.server.flow import Flow
from bucketport.runtimes.server.head import END, Head, HeadReader

if TYPE_CHECKING:
    from bucketport.runtimes.server.server import Server

TURN = 32
"""Pipelined requests that are answered before others get their turn."""

_NO_BODY = NoBody()


class Connection(Flow):
    """One client. Made by the Server, driven by the event loop."""

    def __init__(self, server: "Server", scheme: str) -> None:
        super().__init__(server)
        self._scheme = scheme
        self._client = ""
        self._heads = HeadReader(server.limits)
        self._early = Early(server.loop)
        self._looked_at = 0
        self._busy = False

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if isinstance(peer, tuple) else ""
        self.deadline = self.server.monotonic() + self.server.limits.header_seconds
        if not self.server.admit(self):
            refuse(self, SlowDown(reason="too many connections"), "", "", self._client)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone: nobody waits for an answer any more."""
        self.deadline = NEVER
        self.server.forget(self)
        self._leave()
        self.body = None

    def eof_received(self) -> bool:
        """The client sends nothing more: in the middle of a body that is an error to be told, else it has left."""
        body = self.body
        if self._busy and body is not None and not body.ended:
            body.fail()
            return self._scheme == "http"
        self._leave()
        return False

    def data_received(self, data: bytes) -> None:
        """Bytes: of the body that is on its way, of a head, or of a request whose turn has not come."""
        body = self.body
        if body is not None and not body.ended:
            data = body.feed(data)
            if self.deadline is not NEVER:
                idle = self.server.monotonic() + self.server.limits.body_idle_seconds
                self.deadline = idle if idle < body.limit else body.limit
            if not data:
                if body.ended and not self._busy:
                    self._rest()
                return
        if self.ending:
            return
        if self._busy:
            self.input += data
            if len(self.input) > self.server.ahead_bytes:
                self.hold()
        elif self.input:
            self.input += data
            self._proceed()
        else:
            self._take(data)

    # Requests.

    def _take(self, data: bytes) -> None:
        """Begin with the request that `data` opens: the common case, a head in one piece, is not copied."""
        end = data.find(END)
        if end <= 0 or data[0] == 13:
            self.input += data
            self._proceed()
            return
        end += 4
        if end == len(data):
            rest = b""
        else:
            data, rest = data[:end], data[end:]
        try:
            head = self._heads.read(data)
        except S3Error as error:
            self._refuse(error)
            return
        if rest and head.length is not None and len(rest) > head.length:
            self.input += rest[head.length :]
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
        """The head at the front of what has gathered; None when it is not whole yet.

        Empty lines before it are skipped. Source: RFC 9112 section 2.2.
        """
        data = self.input
        while data.startswith(b"\r\n"):
            del data[:2]
            self._looked_at = 0
        end = data.find(END, max(self._looked_at - 3, 0))
        if end < 0:
            if data and not self._looked_at:
                self.deadline = self.server.monotonic() + self.server.limits.header_seconds
            self._heads.check_unfinished(data, self._looked_at)
            self._looked_at = len(data)
            return None
        block = bytes(data[: end + 4])
        del data[: end + 4]
        self._looked_at = 0
        return self._heads.read(block)

    def _gathered(self, head: Head) -> bytes:
        """The part of the body that came along with its head."""
        size = len(self.input) if head.length is None else head.length
        rest = bytes(self.input[:size])
        del self.input[:size]
        return rest

    def _body_of(self, head: Head, rest: bytes) -> IncomingBody | WholeBody | NoBody:
        if head.length == 0:
            self.body = None
            return _NO_BODY
        if rest and len(rest) == head.length:
            whole = self.body = WholeBody(rest)
            return whole
        body = self.body = IncomingBody(self, head.length, head.expects)
        if rest:
            self.input[:0] = body.feed(rest)
        return body

    async def _serve(self, head: Head | None, body: IncomingBody | WholeBody | NoBody) -> None:
        """Answer the request, and every further one that is already here, in order."""
        answered = 0
        try:
            while head is not None:
                self.deadline = NEVER
                await answer(self, head, body, self._client, self._scheme)
                if self._paused:
                    await self.room()
                if self.ending or not self.input:
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
            self.break_off()
        except Exception as bug:
            self.server.report(f"bug in the server\n{''.join(traceback.format_exception(bug))}")
            self.break_off()
        finally:
            self._busy = False
            if not self.ending:
                self._rest()

    def _rest(self) -> None:
        """Nothing to do until the client sends more."""
        self.let_go()
        body = self.body
        if body is not None and not body.ended:
            body.discard()
            self.deadline = self.answered + self.server.limits.body_idle_seconds
        elif not self.input:
            self.body = None
            self.deadline = self.answered + self.server.limits.keepalive_seconds

    # Ends.

    def _refuse(self, error: S3Error) -> None:
        refuse(self, error, self._heads.method, self._heads.target, self._client)

    def _leave(self) -> None:
        """Nobody is there to answer: stop what runs for them, unless it is to outlive them.

        (Once something of the answer went out it is only sending, and that stops.)
        """
        self.ending = True
        body = self.body
        if body is not None:
            body.fail()
            if body.outlives and not self.written:
                return
        if self._busy:
            self._early.cancel()

    def expire(self, now: float) -> None:
        """The deadline has passed; called by the server."""
        overdue = self.overdue(now)
        if overdue is not None:
            if overdue:
                self.cut()
        elif self._busy:
            self.deadline = NEVER
            if self.body is not None:
                self.body.fail(RequestTimeout())
        elif self.ending:
            self.transport.abort()
        elif self.input:
            self._refuse(RequestTimeout())
        else:
            self.ending = True
            self.transport.close()

    def retire(self) -> None:
        """The server stops: end now if nothing is under way, else after the answer."""
        if not self._busy and not self.ending:
            self.ending = True
            self.transport.close()

    def cut(self) -> None:
        """End at once, and what runs for the client with it."""
        self._leave()
        self.transport.abort()
