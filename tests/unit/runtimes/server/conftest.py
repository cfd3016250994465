"""How are these tests served? A scripted application on a real loopback socket, and a client that judges with h11."""

import asyncio
import contextlib
import itertools
import time

import h11
import pytest
import uvloop

from bucketport.config.limits import Limits
from bucketport.errors import S3Error
from bucketport.message import Response
from bucketport.runtimes.server import Server


class Script:
    """An application that answers with `answer(request, exchange)` and keeps what it saw."""

    def __init__(self, answer=None):
        self.seen, self.bodies, self.refusals, self.cancelled = [], [], [], 0
        self._answer = answer

    async def handle(self, request, exchange):
        self.seen.append(request)
        try:
            if self._answer is not None:
                return await self._answer(request, exchange)
            return await self.read(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        except S3Error as error:
            return self.refuse(error, exchange)

    async def read(self, request):
        """Read the body whole and say how long it was."""
        content = b""
        while piece := await request.body.read():
            content += piece
        self.bodies.append(content)
        return Response(200, {"Content-Type": "text/plain"}, b"%d" % len(content))

    def refuse(self, error, exchange):
        exchange.code = error.code
        self.refusals.append(error)
        return Response(error.status, {"Content-Type": "application/xml"}, f"<Code>{error.code}</Code>".encode())


class Book:
    """A meter that keeps the exchanges."""

    def __init__(self):
        self.exchanges = []

    def record(self, exchange):
        self.exchanges.append(exchange)


class Client:
    """A raw connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.transport = writer.transport

    async def send(self, raw, split=False):
        """Send the bytes, at once or one by one (each in a turn of the loop of its own)."""
        for piece in (bytes([byte]) for byte in raw) if split else (raw,):
            if self.transport.is_closing():
                return
            self.writer.write(piece)
            await asyncio.sleep(0)

    async def rest(self):
        """Everything until the server closes."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := await self.reader.read(1 << 20):
                received += piece
        return received

    async def until(self, end):
        return await self.reader.readuntil(end)

    async def answer(self):
        """One answer with a Content-Length."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
        return head + await self.reader.readexactly(length)

    def close(self):
        self.writer.close()


class Served:
    def __init__(self, server, address, app, book, reports, tls=None):
        self.server, self.address, self.app, self.book, self.reports = server, address, app, book, reports
        self._clients = []

    async def connect(self, **options):
        reader, writer = await asyncio.open_connection(*self.address, limit=1 << 22, **options)
        writer.transport.set_write_buffer_limits(0)
        self._clients.append(Client(reader, writer))
        return self._clients[-1]

    async def talk(self, raw, split=False):
        """What comes back for these bytes until the server closes."""
        client = await self.connect()
        await client.send(raw, split)
        try:
            return await asyncio.wait_for(client.rest(), 10)
        finally:
            client.close()

    async def settled(self, count=1):
        """Come back when so many exchanges are over."""
        while len(self.book.exchanges) < count:
            await asyncio.sleep(0.001)

    async def alone(self):
        """Come back when no connection is left."""
        while self.server.connections:
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def _serving(app=None, tls=None, **limits):
    app, book, reports, ids = app or Script(), Book(), [], itertools.count(1)
    server = Server(
        app,
        Limits(**limits),
        meters=[book],
        now=time.time,
        monotonic=time.monotonic,
        new_id=lambda: f"{next(ids):016X}",
        tls=tls,
        report=reports.append,
    )
    served = Served(server, await server.start("127.0.0.1", 0), app, book, reports)
    try:
        yield served
    finally:
        for client in served._clients:
            client.transport.abort()
        await server.drain(0)


_serving.script = Script


def _answers(raw, *methods):
    """The answers in `raw` as (status, headers, body), judged by h11."""
    found = []
    methods = itertools.chain(methods, itertools.repeat("GET"))
    while raw:
        judge = h11.Connection(h11.CLIENT)
        judge.send(h11.Request(method=next(methods), target="/", headers=[("Host", "x")]))
        judge.send(h11.EndOfMessage())
        judge.receive_data(raw)
        judge.receive_data(b"")
        status, headers, body = None, {}, b""
        while True:
            event = judge.next_event()
            if isinstance(event, h11.Response):
                status, headers = event.status_code, {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
        found.append((status, headers, body))
        raw = judge.trailing_data[0]
    return found


@pytest.fixture(scope="session")
def answers():
    return _answers


@pytest.fixture(scope="session")
def serving():
    return _serving


@pytest.fixture(params=["uvloop", "asyncio"])
def play(request):
    """Runs a coroutine function on either event loop."""

    def run(main):
        factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(asyncio.wait_for(main(), 30))

    return run


class Handle:
    """Counts how often a body handle is given back."""

    def __init__(self):
        self.released = 0
        self.corrupted = []

    def release(self):
        self.released += 1

    def corrupt(self, path):
        self.corrupted.append(path)


@pytest.fixture
def handle():
    return Handle()
