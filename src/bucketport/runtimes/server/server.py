"""Who holds the connections? The listener, the clock that ends the late ones, and the way to stop without breaking any.

One Server runs on one event loop. Readable at any time: `connections` and `in_flight`, for metrics.
"""

import asyncio
import ssl
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from bucketport.config.limits import Limits
from bucketport.exchange import Exchange
from bucketport.ports import NewId, Now
from bucketport.record import record
from bucketport.runtimes.application import Application, Recorder
from bucketport.runtimes.server.connection import Connection
from bucketport.wire.dates import http_date

BACKLOG = 1024
"""Connections that may wait to be accepted: clients open dozens at once."""

LAST_SECONDS = 5.0
"""How long a stop waits for what was cut off: handlers that outlive their client have a last batch to store."""

READERS = 4
"""Threads for reads of files that the page cache does not hold."""


@record
class TlsFiles:
    """Paths of a PEM certificate chain (the server's own first) and of its private key."""

    certificate: str
    key: str


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Server:
    """HTTP/1.1 for an application. Make it on the event loop's thread, `start` it, and `drain` it to stop.

    `now` is seconds since 1970, `monotonic` seconds of a clock that never jumps. `report` is told of bugs in sending.
    """

    def __init__(
        self,
        app: Application,
        limits: Limits,
        *,
        meters: Sequence[Recorder],
        now: Now,
        monotonic: Callable[[], float],
        new_id: NewId,
        tls: TlsFiles | None = None,
        report: Callable[[str], None] = _report,
    ) -> None:
        self.app, self.limits, self.monotonic, self.report = app, limits, monotonic, report
        self.in_flight = 0
        self.draining = False
        self.readers: Executor = ThreadPoolExecutor(READERS, "bucketport-read")
        self.ahead_bytes = limits.request_line_bytes + limits.header_bytes
        self._meters = tuple(meters)
        self._now, self._new_id = now, new_id
        self._tls = tls
        self._context = _context(tls) if tls is not None else None
        self._host_id = new_id()
        self._second, self._preamble = -1, ""
        self._connections: set[Connection] = set()
        self._listeners: list[asyncio.AbstractServer] = []
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event = asyncio.Event()
        shortest = min(
            limits.header_seconds, limits.body_idle_seconds, limits.write_idle_seconds, limits.keepalive_seconds
        )
        self._interval = min(1.0, shortest / 4)

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._connections)

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; `port` 0 takes a free one. The address that is listened on."""
        self.loop = loop = asyncio.get_running_loop()
        scheme = "http" if self._context is None else "https"
        listener = await loop.create_server(
            lambda: Connection(self, scheme),
            host,
            port,
            ssl=self._context,
            ssl_handshake_timeout=self.limits.header_seconds if self._context is not None else None,
            backlog=BACKLOG,
        )
        self._listeners.append(listener)
        if self._timer is None:
            self._tick()
        address = listener.sockets[0].getsockname()
        return address[0], address[1]

    def reload_tls(self) -> None:
        """Read certificate and key again; connections from now on use them.

        Raises: OSError (ssl.SSLError among them) when they cannot be used; those in use stay.
        """
        if self._tls is None or self._context is None:
            return
        _context(self._tls)
        self._context.load_cert_chain(self._tls.certificate, self._tls.key)

    async def drain(self, grace_seconds: float) -> None:
        """Stop: accept no more, let running requests finish, and break off what is left after `grace_seconds`.

        Handlers that outlive their client are waited for, too.
        """
        self.draining = True
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for connection in list(self._connections):
            connection.retire()
        if not await self._empty_within(grace_seconds):
            for connection in list(self._connections):
                connection.cut()
            await self._empty_within(LAST_SECONDS)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.readers.shutdown(wait=False)

    async def _empty_within(self, seconds: float) -> bool:
        if self._connections or self.in_flight:
            self._emptied.clear()
            try:
                await asyncio.wait_for(self._emptied.wait(), seconds)
            except TimeoutError:
                return False
        return True

    def _tick(self) -> None:
        """Look at every deadline."""
        self._timer = self.loop.call_later(self._interval, self._tick)
        now = self.monotonic()
        for connection in list(self._connections):
            if connection.deadline <= now:
                connection.expire(now)

    # For connections.

    def admit(self, connection: Connection) -> bool:
        """Take it in; False when there are too many."""
        self._connections.add(connection)
        return len(self._connections) <= self.limits.connections

    def forget(self, connection: Connection) -> None:
        """It is gone."""
        self._connections.discard(connection)
        self._wake_drain()

    def open(self, method: str, target: str, client: str, user_agent: str) -> Exchange:
        """The record of a request that begins now."""
        return Exchange(self._new_id(), self._now(), self.monotonic(), method, target, client, user_agent)

    def settle(self, exchange: Exchange) -> None:
        """The request is over: its record goes to the meters."""
        exchange.ended = self.monotonic()
        for meter in self._meters:
            try:
                meter.record(exchange)
            except Exception as bug:  # Counting must not cost a client its answer.
                self.report(f"{exchange.id} bug in a meter\n{''.join(traceback.format_exception(bug))}")
        if self.draining:
            self._wake_drain()

    def _wake_drain(self) -> None:
        if self.draining and not self._connections and not self.in_flight:
            self._emptied.set()

    def preamble(self, now: float) -> str:
        """Header lines that every answer of this second has."""
        second = int(now)
        if second != self._second:
            self._second = second
            date = http_date(second * 1000)
            self._preamble = f"x-amz-id-2: {self._host_id}\r\nDate: {date}\r\nServer: bucketport\r\n"
        return self._preamble


def _context(files: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 and newer with the platform's defaults. Raises: OSError when the files do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.certificate, files.key)
    return context
