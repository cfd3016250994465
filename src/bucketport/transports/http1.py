"""How do our own requests get out? HTTP/1.1 on asyncio, over connections that are kept and counted.

A client of its own, because a general one costs more than all the rest of a proxied request: aiohttp 3.14 takes 67 to
80 microseconds of CPU for a GET of 1 KiB, this takes 16 (uvloop, loopback, 2026-11). What goes out is what the request
says, byte for byte; short answers are awaited whole, long ones handed on piece by piece with backpressure.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable

from bucketport.errors import BackendError, Trouble
from bucketport.message import Endpoint, HttpAnswer, HttpRequest
from bucketport.transports.http1_connection import Connection, Gone
from bucketport.transports.http1_messages import Waits

ENDPOINTS = 256
"""Endpoints above which those that nobody is connected to are forgotten: where a bucket's name stands before the host,
clients say how many there are."""


class _Pool:
    """The connections to one endpoint. `open` counts those that are being made too."""

    __slots__ = ("endpoint", "idle", "open", "refuses_expect", "waiters")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.idle: list[Connection] = []
        self.waiters: deque[asyncio.Future[Connection | None]] = deque()
        self.open = 0
        self.refuses_expect = False


class Http1Client:
    """`ports.HttpClient` on asyncio. Make it, use it and close it on one event loop.

    `tls` is made once (reading the system's certificates takes milliseconds); None: the system's trust.
    """

    normalises_paths = False

    def __init__(self, waits: Waits | None = None, tls: Callable[[], ssl.SSLContext] | None = None) -> None:
        self._waits = waits or Waits()
        self._make_tls = tls or ssl.create_default_context
        self._tls: ssl.SSLContext | None = None
        self._pools: dict[Endpoint, _Pool] = {}
        self._all: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._all)

    @property
    def idle(self) -> int:
        """Those of them that have nothing to do."""
        return sum(len(pool.idle) for pool in self._pools.values())

    @property
    def endpoints(self) -> int:
        """Endpoints that are remembered."""
        return len(self._pools)

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """As `ports.HttpClient`. A kept connection that turns out to be closed is replaced without a word."""
        pool = self._pools.get(request.endpoint)
        if pool is None:
            if len(self._pools) >= ENDPOINTS:
                self._pools = {place: each for place, each in self._pools.items() if each.open or each.waiters}
            pool = self._pools[request.endpoint] = _Pool(request.endpoint)
        connection = pool.idle.pop() if pool.idle else await self._acquire(pool)
        while True:
            fresh = not connection.used
            try:
                return await connection.exchange(request, expects=not pool.refuses_expect)
            except Gone as gone:
                if fresh or not request.idempotent or not _whole(request):
                    raise BackendError(Trouble.BROKEN_OFF, f"{request.endpoint.authority}: {gone}") from None
            finally:
                if connection.unanswered_expect:
                    pool.refuses_expect = True
            connection = await self._fresh(pool)

    async def _acquire(self, pool: _Pool) -> Connection:
        """A connection that is free, or a new one. Raises: BackendError."""
        if pool.idle:
            return pool.idle.pop()
        if pool.open < self._waits.connections:
            return await self._fresh(pool)
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        pool.waiters.append(turn)
        try:
            async with asyncio.timeout(self._waits.connect):
                given = await turn
        except TimeoutError:
            detail = f"{pool.endpoint.authority}: all {pool.open} connections are busy"
            raise BackendError(Trouble.THROTTLED, detail) from None
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._pass_on(pool, turn.result())
            raise
        finally:
            if turn in pool.waiters:
                pool.waiters.remove(turn)
        return given if given is not None else await self._fresh(pool)

    async def _fresh(self, pool: _Pool) -> Connection:
        """A new connection. Raises: BackendError: UNREACHABLE, TIMEOUT."""
        endpoint, loop = pool.endpoint, asyncio.get_running_loop()
        if self._closed:
            raise BackendError(Trouble.UNREACHABLE, "the client is closed")
        if endpoint.scheme == "https" and self._tls is None:
            self._tls = self._make_tls()
        secure = self._tls if endpoint.scheme == "https" else None
        pool.open += 1

        def make() -> Connection:
            return Connection(loop, self._waits, lambda connection: self._free(pool, connection))

        connection = None
        try:
            async with asyncio.timeout(self._waits.connect):
                _, connection = await loop.create_connection(
                    make,
                    endpoint.host,
                    endpoint.port,
                    ssl=secure,
                    server_hostname=(endpoint.tls_name or endpoint.host) if secure is not None else None,
                )
        except TimeoutError:
            detail = f"{endpoint.authority}: no connection in {self._waits.connect} s"
            raise BackendError(Trouble.UNREACHABLE, detail) from None
        except (OSError, ssl.SSLError) as error:
            raise BackendError(Trouble.UNREACHABLE, f"{endpoint.authority}: {error}") from None
        finally:
            if connection is None:
                self._left(pool)
        self._all.add(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._tick(), self._sweep)
        return connection

    def _free(self, pool: _Pool, connection: Connection) -> None:
        """A connection finished its exchange, or is closed."""
        if connection.closed:
            if connection in self._all:
                self._all.discard(connection)
                if connection in pool.idle:
                    pool.idle.remove(connection)
                self._left(pool)
        elif self._closed:
            connection.abort()
        else:
            self._pass_on(pool, connection)

    def _left(self, pool: _Pool) -> None:
        """There is one connection less: the next in the queue may make one."""
        pool.open -= 1
        self._pass_on(pool, None)

    def _pass_on(self, pool: _Pool, connection: Connection | None) -> None:
        """Give the next in the queue a connection, or with None leave to make one."""
        while pool.waiters:
            turn = pool.waiters.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is not None:
            pool.idle.append(connection)

    def _tick(self) -> float:
        waits = self._waits
        return min(1.0, waits.connect / 4, waits.head / 4, waits.idle / 4, waits.keep / 4)

    def _sweep(self) -> None:
        """Close what waited too long. One timer for all connections: a timer a request would cost more than this."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [each for each in self._all if each.deadline < now]:
            connection.time_out()
        self._sweeper = loop.call_later(self._tick(), self._sweep) if self._all else None

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in list(self._all):
            connection.abort()
        # Closing is told to each connection in the loop's next turns.
        for _ in range(3):
            await asyncio.sleep(0)


def _whole(request: HttpRequest) -> bool:
    return isinstance(request.body, bytes) or not request.body.begun
