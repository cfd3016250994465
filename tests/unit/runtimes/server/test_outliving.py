"""What becomes of a body whose client leaves? What had arrived is read and kept, by a handler that outlives it."""

import asyncio
import socket
import struct

import pytest

from bucketport.errors import IncompleteBody, RequestTimeout, S3Error
from bucketport.message import Response, Stream

PATCH = b"PATCH /b/k HTTP/1.1\r\nHost: x\r\n"
CHUNKED = PATCH + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = PATCH + b"Content-Length: 10000000\r\n\r\n"


class Keeper:
    """A handler that keeps what arrives, and needs a while to store it."""

    def __init__(self, within=None):
        self.kept, self.error, self.stored = b"", None, 0
        self.reading, self.may_read, self.may_store = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.within = within
        self.may_read.set()

    async def answer(self, request, exchange):
        request.body.outlive()
        if self.within is not None:
            request.body.within(self.within)
        self.reading.set()
        await self.may_read.wait()
        try:
            while piece := await request.body.read():
                self.kept += piece
        except S3Error as error:
            self.error = error
        await self.may_store.wait()
        self.stored += 1
        return Response(200, {}, b"%d" % len(self.kept))


async def until(state):
    async with asyncio.timeout(5):
        while not state():
            await asyncio.sleep(0.001)


async def received(served, count):
    """The one connection, once so many bytes of its body are here."""
    await until(lambda: served.server._connections and next(iter(served.server._connections)).body is not None)
    (connection,) = served.server._connections
    await until(lambda: connection.body.received >= count)
    return connection


def eof(client):
    client.writer.write_eof()


def close(client):
    client.close()


def reset(client):
    """Leave without a word: the connection is gone in both directions."""
    sock = client.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.transport.abort()


@pytest.mark.parametrize("leave", [eof, close, reset])
@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (SIZED + b"abc", b"abc"),
        (CHUNKED + b"4\r\nabcd\r\n9\r\nef", b"abcdef"),
        (SIZED + b"x" * 3_000_000, b"x" * 3_000_000),
    ],
    ids=["sized", "chunked", "large"],
)
def test_what_had_arrived_is_read_and_stored_after_the_client_left(play, serving, leave, raw, content):
    async def main():
        keeper = Keeper()
        async with serving(serving.script(keeper.answer)) as served:
            client = await served.connect()
            await client.send(raw)
            await received(served, len(content))
            leave(client)
            await until(lambda: keeper.error)
            assert keeper.kept == content
            assert isinstance(keeper.error, IncompleteBody)
            keeper.may_store.set()
            await served.settled()
            assert (keeper.stored, served.app.cancelled, served.reports) == (1, 0, [])
            assert served.book.exchanges[0].bytes_in == len(content)
            assert served.book.exchanges[0].aborted or leave is not reset  # One that ended only its half is answered.
            assert served.server.in_flight == 0

    play(main)


def test_bytes_that_were_here_before_the_first_read_come_before_the_error(play, serving):
    async def main():
        keeper = Keeper()
        keeper.may_read.clear()
        keeper.may_store.set()
        async with serving(serving.script(keeper.answer)) as served:
            client = await served.connect()
            await client.send(SIZED + b"y" * 400_000)
            await received(served, 400_000)
            reset(client)
            await served.alone()
            keeper.may_read.set()
            await served.settled()
            assert keeper.kept == b"y" * 400_000
            assert served.book.exchanges[0].aborted

    play(main)


def test_client_that_leaves_after_its_whole_body_does_not_stop_the_handler(play, serving):
    async def main():
        keeper = Keeper()
        async with serving(serving.script(keeper.answer)) as served:
            client = await served.connect()
            await client.send(PATCH + b"Content-Length: 3\r\n\r\nabc")
            await until(lambda: keeper.kept == b"abc")
            reset(client)
            await served.alone()
            keeper.may_store.set()
            await served.settled()
            assert (keeper.stored, keeper.error, served.app.cancelled, served.reports) == (1, None, 0, [])
            assert served.book.exchanges[0].aborted

    play(main)


def test_idle_client_is_told_and_what_it_sent_is_kept(play, serving, answers):
    async def main():
        keeper = Keeper()
        keeper.may_store.set()
        async with serving(serving.script(keeper.answer), body_idle_seconds=0.05) as served:
            client = await served.connect()
            await client.send(SIZED + b"abc")
            ((status, _, body),) = answers(await client.rest())
            assert (status, body, keeper.kept) == (200, b"3", b"abc")
            assert isinstance(keeper.error, RequestTimeout)

    play(main)


def test_handler_without_outlive_loses_what_was_not_read(play, serving):
    async def main():
        async with serving() as served:
            client = await served.connect()
            await client.send(SIZED + b"abc")
            await received(served, 3)
            reset(client)
            await served.settled()
            assert served.app.cancelled == 1

    play(main)


def test_drain_waits_for_a_handler_whose_client_has_left(play, serving):
    async def main():
        keeper = Keeper()
        async with serving(serving.script(keeper.answer)) as served:
            client = await served.connect()
            await client.send(SIZED + b"abc")
            await received(served, 3)
            reset(client)
            await served.alone()
            draining = asyncio.ensure_future(served.server.drain(10))
            await asyncio.sleep(0)
            assert not draining.done()
            keeper.may_store.set()
            await draining
            assert (keeper.stored, served.server.in_flight) == (1, 0)

    play(main)


def test_drain_that_cuts_a_client_lets_its_bytes_be_stored(play, serving):
    async def main():
        keeper = Keeper()
        keeper.may_store.set()
        async with serving(serving.script(keeper.answer)) as served:
            client = await served.connect()
            await client.send(SIZED + b"abc")
            await received(served, 3)
            await served.server.drain(0.01)
            assert (keeper.kept, keeper.stored, served.app.cancelled) == (b"abc", 1, 0)
            assert (served.server.connections, served.server.in_flight) == (0, 0)

    play(main)


def test_client_that_leaves_in_the_middle_of_the_answer_ends_it_all_the_same(play, serving, handle):
    async def endless():
        while True:
            yield bytes(100_000)

    async def answer(request, exchange):
        request.body.outlive()
        await request.body.read()
        return Response(200, {}, Stream(endless(), None, handle.release))

    async def main():
        async with serving(serving.script(answer)) as served:
            client = await served.connect()
            client.transport.pause_reading()
            await client.send(PATCH + b"Content-Length: 3\r\n\r\nabc")
            connection = await received(served, 3)
            await until(lambda: connection._room is not None)
            reset(client)
            await served.settled()
            assert handle.released == 1
            assert served.book.exchanges[0].aborted

    play(main)


@pytest.mark.parametrize("head", [SIZED, CHUNKED + b"989680\r\n"], ids=["sized", "chunked"])
def test_bounded_body_that_trickles_in_times_out_all_the_same(play, serving, answers, head):
    async def main():
        keeper = Keeper(within=0.1)
        keeper.may_store.set()
        async with serving(serving.script(keeper.answer), body_idle_seconds=30) as served:
            client = await served.connect()
            await client.send(head)
            ended = asyncio.ensure_future(client.rest())
            while not ended.done():
                await client.send(b"x")
                await asyncio.sleep(0.005)
            ((status, _, body),) = answers(await ended)
            assert isinstance(keeper.error, RequestTimeout)
            assert (status, body) == (200, b"%d" % len(keeper.kept))
            assert served.book.exchanges[0].bytes_in >= len(keeper.kept)

    play(main)


def test_bound_holds_for_a_read_that_waits_already(play, serving, answers):
    async def main():
        keeper = Keeper()
        keeper.may_store.set()
        async with serving(serving.script(keeper.answer), body_idle_seconds=30) as served:
            client = await served.connect()
            await client.send(SIZED + b"abc")
            connection = await received(served, 3)
            await until(lambda: connection.body._waiter is not None)
            connection.body.within(0.0)
            ((status, _, body),) = answers(await client.rest())
            assert isinstance(keeper.error, RequestTimeout)
            assert (status, body) == (200, b"3")

    play(main)


def test_bound_ends_with_its_request(play, serving):
    async def main():
        keeper = Keeper(within=0.05)
        keeper.may_store.set()
        async with serving(serving.script(keeper.answer), body_idle_seconds=30) as served:
            client = await served.connect()
            await client.send(PATCH + b"Content-Length: 3\r\n\r\nabc")
            assert (await client.answer()).endswith(b"\r\n\r\n3")
            keeper.within = None
            await client.send(PATCH + b"Content-Length: 3\r\n\r\na")
            await asyncio.sleep(0.15)
            await client.send(b"bc")
            assert (await client.answer()).endswith(b"\r\n\r\n6")
            assert keeper.error is None

    play(main)


def test_what_is_here_in_time_may_be_read_late(play, serving):
    async def main():
        keeper = Keeper(within=0.01)
        keeper.may_store.set()
        keeper.may_read.clear()
        async with serving(serving.script(keeper.answer), body_idle_seconds=0.04) as served:
            client = await served.connect()
            await client.send(PATCH + b"Content-Length: 3\r\n\r\n")
            await keeper.reading.wait()
            await client.send(b"abc")
            await received(served, 3)
            await asyncio.sleep(0.05)
            keeper.may_read.set()
            assert (await client.answer()).endswith(b"\r\n\r\n3")

    play(main)
