"""Does the HTTP client keep, bound and count its connections? Against a scripted server on loopback."""

import asyncio
import contextlib

import pytest

from bucketport.errors import BackendError, Trouble
from bucketport.message import Endpoint, HttpRequest, Stream, release
from bucketport.transports.http1 import ENDPOINTS, Http1Client
from bucketport.transports.http1_messages import Waits


@contextlib.asynccontextmanager
async def serving(answer, **waits):
    """A client and the endpoint of a server that gives `answer` (bytes) to each request."""
    seen = []

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Http1Client(Waits(**waits))
    yield client, Endpoint("http", "127.0.0.1", port, f"127.0.0.1:{port}"), seen
    await client.close()
    assert client.connections == 0
    server.close()


def run(promise):
    def test():
        asyncio.run(asyncio.wait_for(promise(), 20))

    test.__doc__ = promise.__doc__
    return test


def answer(body, more=b""):
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (more, len(body), body)


@run
async def test_connection_is_used_again():
    async with serving(answer(b"hello")) as (client, place, seen):
        for _ in range(5):
            assert (await client.send(HttpRequest("GET", place, "/a//../b", "x=%2F"))).body == b"hello"
        assert (client.connections, client.idle) == (1, 1)
        assert seen[0].startswith(b"GET /a//../b?x=%2F HTTP/1.1\r\n")


@run
async def test_connection_that_is_to_close_is_not_kept():
    async with serving(answer(b"hello", b"Connection: close\r\n")) as (client, place, _):
        assert (await client.send(HttpRequest("GET", place, "/"))).body == b"hello"
        await asyncio.sleep(0.01)
        assert client.connections == 0


@run
async def test_idle_connection_is_let_go():
    async with serving(answer(b"hello"), keep=0.05) as (client, place, _):
        await client.send(HttpRequest("GET", place, "/"))
        for _ in range(100):
            if not client.connections:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it is still there")


@run
async def test_head_has_no_body_whatever_its_length_says():
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n") as (client, place, _):
        for _ in range(2):
            got = await client.send(HttpRequest("HEAD", place, "/"))
            assert (got.headers["content-length"], got.body) == ("500", b"")
        assert client.connections == 1


@run
async def test_chunked_answer():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nt: 1\r\n\r\n"
    async with serving(chunked) as (client, place, _):
        for _ in range(2):
            got = await client.send(HttpRequest("GET", place, "/"))
            assert isinstance(got.body, Stream)
            assert b"".join([piece async for piece in got.body.chunks]) == b"hello world"
            release(got.body)
        assert (client.connections, client.idle) == (1, 1)


@run
async def test_long_answer_is_held_back():
    async with serving(answer(b"x" * 20_000_000)) as (client, place, _):
        got = await client.send(HttpRequest("GET", place, "/"))
        await asyncio.sleep(0.1)
        assert got.body.chunks.held <= 1 << 20
        size = 0
        async for piece in got.body.chunks:
            size += len(piece)
        assert size == 20_000_000
        release(got.body)
        assert client.idle == 1


@run
async def test_bytes_behind_an_answer_close_the_connection():
    async with serving(answer(b"hello") + b"surplus") as (client, place, _):
        with pytest.raises(BackendError):
            await client.send(HttpRequest("GET", place, "/"))
        await asyncio.sleep(0.01)
        assert client.connections == 0


@run
async def test_bound_is_kept_and_waiting_is_bounded():
    async with serving(answer(b"x" * 10_000_000), connections=1, connect=0.1) as (client, place, _):
        held = await client.send(HttpRequest("GET", place, "/"))
        with pytest.raises(BackendError) as caught:
            await client.send(HttpRequest("GET", place, "/"))
        assert caught.value.trouble is Trouble.THROTTLED
        waiting = asyncio.ensure_future(client.send(HttpRequest("GET", place, "/")))
        await asyncio.sleep(0)
        release(held.body)
        release((await waiting).body)


@run
async def test_one_who_leaves_the_queue_leaves_it():
    async with serving(answer(b"x" * 10_000_000), connections=1) as (client, place, _):
        held = await client.send(HttpRequest("GET", place, "/"))
        leaving = asyncio.ensure_future(client.send(HttpRequest("GET", place, "/")))
        staying = asyncio.ensure_future(client.send(HttpRequest("GET", place, "/")))
        await asyncio.sleep(0.01)
        leaving.cancel()
        release(held.body)
        release((await staying).body)
        assert leaving.cancelled()


@run
async def test_endpoints_that_nobody_is_connected_to_are_forgotten():
    async with serving(answer(b"hello")) as (client, place, _):
        await client.send(HttpRequest("GET", place, "/"))
        for number in range(2 * ENDPOINTS):
            nowhere = Endpoint("http", "127.0.0.1", 1, f"bucket-{number}.test")
            with pytest.raises(BackendError):
                await client.send(HttpRequest("GET", nowhere, "/"))
        assert client.endpoints <= ENDPOINTS
        assert (await client.send(HttpRequest("GET", place, "/"))).body == b"hello"
        assert (client.connections, client.idle) == (1, 1)


@run
async def test_closed_client_sends_nothing():
    async with serving(answer(b"")) as (client, place, seen):
        await client.close()
        with pytest.raises(BackendError):
            await client.send(HttpRequest("GET", place, "/"))
        assert seen == []
