"""How does a request's body arrive? Pulled, never pushed; wanted before it is asked for; bounded while it waits."""

import asyncio

import pytest

from bucketport.errors import AccessDenied, IncompleteBody, InvalidRequest, RequestTimeout
from bucketport.message import Response
from bucketport.runtimes.server.body import BATCH, LARGE

PUT = b"PUT /b/k HTTP/1.1\r\nHost: x\r\n"


def sized(content, *fields):
    return PUT + b"".join(f + b"\r\n" for f in fields) + b"Content-Length: %d\r\n\r\n" % len(content) + content


async def refuse(request, exchange):
    raise AccessDenied()


def test_body_of_any_size_arrives_whole(play, serving, answers):
    contents = [b"", b"a", b"ab" * 40_000, bytes(range(256)) * 20_000]

    async def main():
        async with serving() as served:
            client = await served.connect()
            for content in contents:
                await client.send(sized(content))
                assert (await client.answer()).endswith(b"\r\n\r\n%d" % len(content))
            assert served.app.bodies == contents
            assert [e.bytes_in for e in served.book.exchanges] == [len(content) for content in contents]

    play(main)


def test_chunked_body_of_any_cut_arrives_whole(play, serving):
    content = bytes(range(256)) * 3000
    raw = b"".join(
        b"%X;x=y\r\n%b\r\n" % (len(piece), piece)
        for piece in (content[at : at + 70_001] for at in range(0, len(content), 70_001))
    )

    async def main():
        async with serving() as served:
            client = await served.connect()
            for cut in (1, 17, 4096, 65_536):
                await client.send(PUT + b"Transfer-Encoding: chunked\r\n\r\n")
                for at in range(0, len(raw), max(cut, 1000)):
                    await client.send(raw[at : at + max(cut, 1000)])
                await client.send(b"0\r\nX-Trailer: y\r\n\r\n", split=True)
                await client.answer()
                assert served.app.bodies.pop() == content
            assert served.app.seen[0].body.length is None

    play(main)


def test_reads_are_large_on_the_average(play, serving):
    sizes = []

    async def answer(request, exchange):
        while piece := await request.body.read():
            sizes.append(len(piece))
        return Response(200, {})

    async def main():
        async with serving(serving.script(answer)) as served:
            client = await served.connect()
            await client.send(PUT + b"Content-Length: %d\r\n\r\n" % (5 * BATCH + 7))
            for _ in range(5 * 64):
                await client.send(bytes(BATCH // 64))
            await client.send(bytes(7))
            await client.answer()
        assert sum(sizes) == 5 * BATCH + 7
        assert len(sizes) <= 5 * BATCH // LARGE + 1
        assert max(sizes) < 2 * BATCH

    play(main)


def test_unread_body_holds_the_client(play, serving):
    proceed = asyncio.Event()

    async def answer(request, exchange):
        await proceed.wait()
        return await served_app.read(request)

    served_app = serving.script(answer)

    async def main():
        async with serving(served_app) as served:
            client = await served.connect()
            client.writer.write(PUT + b"Content-Length: %d\r\n\r\n" % (64 * BATCH))
            client.writer.write(bytes(64 * BATCH))
            connection = await only(served)
            before = None
            while before != client.transport.get_write_buffer_size():
                before = client.transport.get_write_buffer_size()
                await asyncio.sleep(0.05)
            assert before > 48 * BATCH  # The rest is in the kernel's buffers and in ours.
            assert connection.body._waiting < 2 * BATCH
            proceed.set()
            await client.answer()
            assert len(served_app.bodies[0]) == 64 * BATCH

    play(main)


async def only(served):
    """The one connection, once it has begun a request."""
    while not (served.server._connections and next(iter(served.server._connections)).body):
        await asyncio.sleep(0.001)
    return next(iter(served.server._connections))


def test_continue_is_sent_at_the_first_read_and_only_then(play, serving):
    reading = asyncio.Event()

    async def answer(request, exchange):
        await reading.wait()
        return await script.read(request)

    script = serving.script(answer)

    async def main():
        async with serving(script) as served:
            client = await served.connect()
            await client.send(PUT + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            while not script.seen:
                await asyncio.sleep(0.001)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.read(1), 0.02)
            reading.set()
            assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.send(b"abc")
            assert (await client.answer()).startswith(b"HTTP/1.1 200")
            await client.send(sized(b"next"))
            assert (await client.answer()).endswith(b"4")

    play(main)


def test_no_continue_when_the_body_is_already_here(play, serving, answers):
    async def main():
        async with serving() as served:
            raw = await served.talk(sized(b"abc", b"Expect: 100-continue", b"Connection: close"))
            assert raw.startswith(b"HTTP/1.1 200")
            assert served.app.bodies == [b"abc"]

    play(main)


def test_expect_without_a_body_or_in_http10_is_nothing(play, serving, answers):
    async def main():
        async with serving() as served:
            raw = await served.talk(sized(b"", b"Expect: 100-continue", b"Connection: close"))
            assert raw.startswith(b"HTTP/1.1 200")
            raw = await served.talk(sized(b"abc", b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0"))
            assert raw.startswith(b"HTTP/1.1 200")

    play(main)


def test_refused_expectation_closes_and_what_follows_is_no_request(play, serving, answers):
    async def main():
        async with serving(serving.script(refuse)) as served:
            client = await served.connect()
            await client.send(PUT + b"Expect: 100-continue\r\nContent-Length: 40\r\n\r\n")
            raw = await client.until(b"</Code>")
            await client.send(b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
            assert await client.rest() == b""
            ((status, headers, _),) = answers(raw)
            assert (status, headers["connection"]) == (403, "close")
            assert [request.raw_path for request in served.app.seen] == ["/b/k"]

    play(main)


def test_refusal_reaches_a_client_that_is_still_sending(play, serving, answers):
    async def main():
        async with serving(serving.script(refuse)) as served:
            client = await served.connect()
            client.writer.write(PUT + b"Content-Length: %d\r\n\r\n" % (1 << 30))
            sending = asyncio.ensure_future(flood(client))
            ((status, headers, _),) = answers(await client.rest())
            sending.cancel()
            assert (status, headers["connection"]) == (403, "close")

    async def flood(client):
        while not client.transport.is_closing():
            client.writer.write(bytes(1 << 16))
            await client.writer.drain()

    play(main)


def test_small_unread_rest_is_dropped_and_the_connection_goes_on(play, serving, answers):
    async def answer(request, exchange):
        return Response(200, {}, request.raw_path.encode())

    async def main():
        async with serving(serving.script(answer)) as served:
            client = await served.connect()
            await client.send(PUT + b"Content-Length: 1000\r\n\r\n" + bytes(10))
            assert (await client.answer()).endswith(b"/b/k")
            await client.send(bytes(990) + b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await client.answer()).endswith(b"/next")

    play(main)


@pytest.mark.parametrize("head", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n4\r\nabc"])
def test_body_broken_off_is_an_incomplete_body(play, serving, answers, head):
    async def main():
        async with serving() as served:
            client = await served.connect()
            await client.send(PUT + head)
            await only(served)
            client.writer.write_eof()
            ((status, _, body),) = answers(await client.rest())
            assert (status, body) == (400, b"<Code>IncompleteBody</Code>")
            assert isinstance(served.app.refusals[0], IncompleteBody)

    play(main)


def test_malformed_chunks_are_told_to_the_reader(play, serving):
    async def main():
        async with serving() as served:
            await served.talk(PUT + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
            assert isinstance(served.app.refusals[0], InvalidRequest)
            assert served.app.bodies == []

    play(main)


def test_silent_client_in_a_wanted_body_times_out(play, serving, answers):
    async def main():
        async with serving(body_idle_seconds=0.05) as served:
            client = await served.connect()
            await client.send(PUT + b"Content-Length: 10\r\n\r\nabc")
            ((status, _, body),) = answers(await client.rest())
            assert (status, body) == (400, b"<Code>RequestTimeout</Code>")
            assert isinstance(served.app.refusals[0], RequestTimeout)

    play(main)


def test_client_is_not_to_blame_while_nobody_reads(play, serving):
    async def answer(request, exchange):
        await asyncio.sleep(0.2)
        return await script.read(request)

    script = serving.script(answer)

    async def main():
        async with serving(script, body_idle_seconds=0.05) as served:
            client = await served.connect()
            await client.send(sized(b"abc"))
            assert (await client.answer()).startswith(b"HTTP/1.1 200")

    play(main)


def test_slow_writer_of_single_bytes_keeps_memory_flat(play, serving):
    async def main():
        async with serving() as served:
            client = await served.connect()
            await client.send(PUT + b"Content-Length: 20000\r\n\r\n")
            connection = await only(served)
            most = 0
            for _ in range(20_000):
                client.writer.write(b"a")
                await asyncio.sleep(0)
                if connection.body is not None:
                    most = max(most, len(connection.body._pieces))
            await client.answer()
            assert served.app.bodies == [b"a" * 20_000]
            assert most <= 1025

    play(main)
