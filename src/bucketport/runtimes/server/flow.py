"""How do bytes get in and out of one connection without anybody running ahead? Both directions held, one deadline.

A Flow is the event loop's side of a connection: what is written and waits, whether the client is held, when patience
ends. What the bytes mean is `connection`'s and `answering`'s.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from bucketport.runtimes.server.body import NEVER, IncomingBody, WholeBody

if TYPE_CHECKING:
    from bucketport.runtimes.server.server import Server

LINGER_SECONDS = 2.0
"""How long a connection that we end is still read from, so that a client in the middle of its body gets to our answer
before it is told that nobody listens (an answer is lost when unread bytes meet a closed socket)."""

BURST = 1 << 20
"""Bytes that are written to one client before others get their turn."""

JOINED = 64 << 10
"""Up to this many bytes a piece is joined to the head before it."""


class Flow(asyncio.Protocol):
    """One client's bytes. `deadline` (of the server's monotonic clock) is looked at by the server once a second."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.deadline = NEVER
        self.ending = False
        """No further request will be answered here."""
        self.answered = 0.0
        """When the last answer was out, by the server's monotonic clock."""
        self.written = False
        """Whether anything of the present answer went out."""
        self.body: IncomingBody | WholeBody | None = None
        """The present request's body, None when it has none."""
        self.input = bytearray()
        """What the client sent beyond it."""
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.burst = 0
        """Bytes written since others had their turn."""
        self._paused = False
        self._held = False
        self._room: asyncio.Future[None] | None = None
        self._behind = 0

    # Out.

    def write(self, data: bytes | bytearray) -> None:
        """Send it, or keep it until the client takes it. Raises: ConnectionResetError when it has left."""
        if self.transport.is_closing():
            raise ConnectionResetError("the client has left")
        self.written = True
        self.burst += len(data)
        self.transport.write(data)

    def write_both(self, head: bytes, piece: bytes | bytearray) -> None:
        """As `write`. Small ones are joined: one packet, and a copy is cheaper than a system call.

        (Not by `writelines`: asyncio's own loop before 3.12.9 and 3.13.2 does not hold us when the client is behind.)
        """
        if len(piece) <= JOINED:
            self.write(head + piece)
        else:
            self.write(head)
            self.write(piece)

    @property
    def full(self) -> bool:
        """Whether the client is behind, or has had so much at once that others should have their turn."""
        return self._paused or self.burst > BURST

    async def room(self) -> None:
        """Come back when the client has taken what was written, or when the others had their turn."""
        self.burst = 0
        if not self._paused:
            await asyncio.sleep(0)
            return
        self._behind = self.transport.get_write_buffer_size()
        self.deadline = self.server.monotonic() + self.server.limits.write_idle_seconds
        self._room = self.server.loop.create_future()
        try:
            await self._room
        finally:
            self._room = None
            self.deadline = NEVER

    def pause_writing(self) -> None:
        """The client is behind."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._paused = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def overdue(self, now: float) -> bool | None:
        """Whether a client that is behind has taken nothing since the last look; None when it is not waited for."""
        if self._room is None:
            return None
        behind = self.transport.get_write_buffer_size()
        if behind >= self._behind:
            return True
        self._behind, self.deadline = behind, now + self.server.limits.write_idle_seconds
        return False

    # In: what a body needs of its connection (`body.Line`).

    def go_on(self) -> None:
        """Tell the client that its body is wanted."""
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def hold(self) -> None:
        """Take no more bytes from the client for now."""
        if not self._held:
            self._held = True
            self.transport.pause_reading()

    def let_go(self) -> None:
        """Take bytes again."""
        if self._held:
            self._held = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def silence(self, counts: bool) -> None:
        """From now on a client that sends nothing is (or is not) to blame for it."""
        self.deadline = self.patience() if counts else NEVER

    def later(self, seconds: float) -> float:
        """The time so many seconds from now, by the server's monotonic clock."""
        return self.server.monotonic() + seconds

    def patience(self) -> float:
        """Until when the next bytes of the body are waited for: its idle time, and never beyond its limit."""
        idle, body = self.server.monotonic() + self.server.limits.body_idle_seconds, self.body
        return idle if body is None or body.limit > idle else body.limit

    # Ends.

    def finish(self, *, mid_sentence: bool = False) -> None:
        """Nothing more will be answered: close, but let a client that is still sending hear us first.

        `mid_sentence`: it may be sending though no body was begun (its head was refused).
        """
        body, transport = self.body, self.transport
        now = self.server.monotonic()
        if (body is None or body.ended) and not (self.input or self._held or mid_sentence):
            self.deadline = now + self.server.limits.write_idle_seconds
            transport.close()
            return
        self.input.clear()
        if body is not None:
            body.discard()
            self.body = None
        self.deadline = now + LINGER_SECONDS
        self.let_go()
        if transport.can_write_eof() and not transport.is_closing():
            try:
                transport.write_eof()
            except OSError:  # It left just now: asyncio's own loop tells us so here.
                transport.abort()

    def break_off(self) -> None:
        """End at once: what was sent so far must not be taken for a whole answer."""
        self.ending = True
        self.transport.abort()
