"""How does a connection live and end? In order, within its limits, and nothing runs on for a client that has left."""

import asyncio

import pytest

from bucketport.message import FileSpans, Response, Stream

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSE = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Gate:
    """Handlers wait here until they are let through."""

    def __init__(self):
        self.waiting, self.opened = 0, asyncio.Event()

    async def answer(self, request, exchange):
        self.waiting += 1
        await self.opened.wait()
        return Response(200, {}, request.raw_path.encode())

    async def reached(self, count=1):
        while self.waiting < count:
            await asyncio.sleep(0.001)


async def echo_path(request, exchange):
    if request.raw_path.endswith("0"):
        await asyncio.sleep(0.001)
    return Response(200, {}, request.raw_path.encode())


@pytest.mark.parametrize("split", [False, True], ids=["whole", "byte by byte"])
def test_pipelined_requests_are_answered_in_order(play, serving, answers, split):
    raw = b"".join(
        GET % number if number % 3 else b"PUT /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nGET " % number
        for number in range(100)
    )

    async def main():
        async with serving(serving.script(echo_path)) as served:
            found = answers(await served.talk(raw + CLOSE, split))
            assert [body for _, _, body in found] == [b"/%d" % number for number in range(100)] + [b"/last"]
            assert [e.target for e in served.book.exchanges][:3] == ["/0", "/1", "/2"]

    play(main)


def test_pipelined_input_is_held_while_a_handler_runs(play, serving):
    async def main():
        gate = Gate()
        async with serving(serving.script(gate.answer)) as served:
            client = await served.connect()
            client.writer.write(GET % 1 * 1_000_000)
            await gate.reached()
            (connection,) = served.server._connections
            before = None
            while before != client.transport.get_write_buffer_size():
                before = client.transport.get_write_buffer_size()
                await asyncio.sleep(0.05)
            assert len(connection.input) < 1 << 20
            assert before > 0

    play(main)


def test_client_that_pipelines_and_never_reads_is_not_served_on(play, serving):
    async def large(request, exchange):
        return Response(200, {}, bytes(100_000))

    async def main():
        async with serving(serving.script(large), write_idle_seconds=0.1) as served:
            client = await served.connect()
            client.transport.pause_reading()
            await client.send(GET % 1 * 1000)
            await served.alone()
            assert len(served.app.seen) < 500

    play(main)


def test_http10_ends_after_one_answer_unless_asked(play, serving, answers):
    async def main():
        async with serving() as served:
            ((_, headers, _),) = answers(await served.talk(b"GET / HTTP/1.0\r\n\r\n"))
            assert headers["connection"] == "close"
            client = await served.connect()
            for _ in range(2):
                await client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                assert b"\r\nConnection: keep-alive\r\n" in await client.answer()

    play(main)


def test_client_that_leaves_cancels_its_handler(play, serving):
    async def main():
        gate = Gate()
        async with serving(serving.script(gate.answer)) as served:
            client = await served.connect()
            await client.send(GET % 1)
            await gate.reached()
            client.close()
            await served.settled()
            assert served.app.cancelled == 1
            assert served.book.exchanges[0].aborted
            assert served.server.in_flight == 0

    play(main)


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_client_that_leaves_in_the_middle_of_an_answer_frees_it_once(play, serving, tmp_path, handle, kind):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    closed = []

    async def chunks():
        try:
            while True:
                yield bytes(100_000)
        finally:
            closed.append(1)

    async def answer(request, exchange):
        if kind == "file":
            return Response(200, {}, FileSpans([(str(path), 0, 64 << 20)], handle.release, handle.corrupt))
        return Response(200, {}, Stream(chunks(), None, handle.release))

    async def main():
        async with serving(serving.script(answer)) as served:
            for count in range(1, 4):
                client = await served.connect()
                await client.send(GET % 1)
                await client.until(b"\r\n\r\n")
                client.transport.abort()
                await served.settled(count)
                assert handle.released == count
            assert handle.corrupted == []
            assert len(closed) == (3 if kind == "stream" else 0)
            assert not served.reports

    play(main)


def test_client_that_leaves_in_the_middle_of_its_body_cancels_the_reader(play, serving):
    async def main():
        async with serving() as served:
            client = await served.connect()
            await client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            while not served.app.seen:
                await asyncio.sleep(0.001)
            client.transport.abort()
            await served.settled()
            await served.alone()
            assert served.app.bodies == []

    play(main)


def test_head_that_does_not_end_times_out(play, serving, answers):
    async def main():
        async with serving(header_seconds=0.05) as served:
            client = await served.connect()
            await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
            ((status, headers, body),) = answers(await client.rest())
            assert (status, body) == (400, b"<Code>RequestTimeout</Code>")
            assert headers["connection"] == "close"

    play(main)


def test_head_that_trickles_in_times_out_all_the_same(play, serving, answers):
    async def main():
        async with serving(header_seconds=0.1) as served:
            client = await served.connect()
            receiving = asyncio.ensure_future(client.rest())
            await client.send(b"GET / HTTP/1.1\r\n")
            while not receiving.done():
                await client.send(b"X-A: b\r\n")
                await asyncio.sleep(0.01)
            ((status, _, _),) = answers(receiving.result())
            assert status == 400

    play(main)


def test_silent_connection_is_closed_without_a_word(play, serving):
    async def main():
        async with serving(header_seconds=0.05) as served:
            assert await served.talk(b"") == b""
            assert served.book.exchanges == []

    play(main)


def test_idle_connection_is_closed_after_its_time(play, serving, answers):
    async def main():
        async with serving(keepalive_seconds=0.05) as served:
            client = await served.connect()
            await client.send(GET % 1)
            ((status, headers, _),) = answers(await client.rest())
            assert (status, "connection" in headers) == (200, False)

    play(main)


def test_working_handler_is_not_timed(play, serving):
    async def slow(request, exchange):
        await asyncio.sleep(0.3)
        return Response(200, {}, b"abc")

    async def main():
        seconds = dict.fromkeys(
            ("header_seconds", "keepalive_seconds", "body_idle_seconds", "write_idle_seconds"), 0.05
        )
        async with serving(serving.script(slow), **seconds) as served:
            client = await served.connect()
            await client.send(GET % 1)
            assert (await client.answer()).endswith(b"abc")

    play(main)


def test_connection_too_many_is_told_to_slow_down(play, serving, answers):
    async def main():
        async with serving(connections=2) as served:
            first, second = await served.connect(), await served.connect()
            for client in (first, second):
                await client.send(GET % 1)
                await client.answer()
            third = await served.connect()
            await third.send(GET % 3)
            ((status, headers, body),) = answers(await third.rest())
            assert (status, headers["connection"], body) == (503, "close", b"<Code>SlowDown</Code>")
            third.close()
            first.close()
            while served.server.connections > 1:
                await asyncio.sleep(0.001)
            fourth = await served.connect()
            await fourth.send(GET % 4)
            assert (await fourth.answer()).startswith(b"HTTP/1.1 200")

    play(main)


def test_request_too_many_is_told_to_slow_down(play, serving, answers):
    async def main():
        gate = Gate()
        async with serving(serving.script(gate.answer), in_flight=2) as served:
            clients = [await served.connect() for _ in range(2)]
            for client in clients:
                await client.send(GET % 1)
            await gate.reached(2)
            assert (served.server.in_flight, served.server.connections) == (2, 2)
            ((status, headers, body),) = answers(await served.talk(GET % 2))
            assert (status, headers["connection"], body) == (503, "close", b"<Code>SlowDown</Code>")
            gate.opened.set()
            for client in clients:
                assert (await client.answer()).startswith(b"HTTP/1.1 200")
            assert served.server.in_flight == 0

    play(main)


def test_drain_lets_running_requests_finish_and_ends_idle_ones(play, serving, answers):
    async def main():
        gate = Gate()
        async with serving(serving.script(gate.answer)) as served:
            idle, busy = await served.connect(), await served.connect()
            await busy.send(GET % 1 + GET % 2)
            await gate.reached()
            draining = asyncio.ensure_future(served.server.drain(10))
            assert await idle.rest() == b""
            with pytest.raises(OSError, match=r"."):
                await served.connect()
            gate.opened.set()
            ((status, headers, body),) = answers(await busy.rest())
            assert (status, headers["connection"], body) == (200, "close", b"/1")
            busy.close()
            await draining
            assert served.server.connections == 0

    play(main)


def test_drain_breaks_off_what_does_not_finish(play, serving):
    async def main():
        gate = Gate()
        async with serving(serving.script(gate.answer)) as served:
            client = await served.connect()
            await client.send(GET % 1)
            await gate.reached()
            await served.server.drain(0.05)
            assert await client.rest() == b""
            assert served.app.cancelled == 1
            assert (served.server.connections, served.server.in_flight) == (0, 0)

    play(main)


def test_exchange_tells_the_whole_story(play, serving):
    async def main():
        async with serving() as served:
            raw = b"PUT /b/k?x HTTP/1.1\r\nHost: x\r\nUser-Agent: me/1\r\nContent-Length: 3\r\n\r\nabc"
            client = await served.connect()
            await client.send(raw)
            await client.answer()
            (e,) = served.book.exchanges
            assert (e.method, e.target, e.client, e.user_agent) == ("PUT", "/b/k?x", "127.0.0.1", "me/1")
            assert (e.status, e.bytes_in, e.bytes_out, e.aborted) == (200, 3, 1, False)
            assert 0 < e.started <= e.headed <= e.ended
            assert e.started_at > 1e9
            assert len(e.id) == 16
            (request,) = served.app.seen
            assert (request.client, request.scheme) == ("127.0.0.1", "http")

    play(main)


def test_bug_in_the_application_breaks_the_connection_and_is_reported(play, serving):
    async def bug(request, exchange):
        raise ZeroDivisionError("a bug")

    async def main():
        async with serving(serving.script(bug)) as served:
            assert await served.talk(GET % 1) == b""
            assert "a bug" in served.reports[0]
            assert served.server.in_flight == 0

    play(main)


def test_bug_in_a_meter_costs_nobody_an_answer(play, serving):
    class Broken:
        def record(self, exchange):
            raise ZeroDivisionError("a bug")

    async def main():
        async with serving() as served:
            served.server._meters = (Broken(), served.book)
            client = await served.connect()
            for count in (1, 2):
                await client.send(GET % count)
                assert (await client.answer()).startswith(b"HTTP/1.1 200")
                assert len(served.reports) == len(served.book.exchanges) == count

    play(main)
