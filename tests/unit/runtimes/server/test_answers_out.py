"""How does an answer go out? By body kind, never short under a good status, and what it holds is given back once."""

import asyncio
import os

import pytest

from bucketport.errors import BackendError, NoSuchKey, Trouble
from bucketport.message import FileSpans, Native, Response, Stream

GET = b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HEAD /b/k HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSE = b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
OLD = b"GET /b/k HTTP/1.0\r\n\r\n"


def always(make):
    async def answer(request, exchange):
        return make()

    return answer


async def pieces(*given, after=None):
    for piece in given:
        yield piece
        await asyncio.sleep(0)
    if after is not None:
        raise after


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "blob"
    path.write_bytes(os.urandom(3_000_001))
    return path


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 5_000_000])
def test_bytes_are_sent_with_their_length(play, serving, answers, size):
    content = os.urandom(size)

    async def main():
        async with serving(serving.script(always(lambda: Response(200, {"ETag": '"e"'}, content)))) as served:
            raw = await served.talk(GET + CLOSE)
            for status, headers, body in answers(raw):
                assert (status, headers["content-length"], headers["etag"], body) == (200, str(size), '"e"', content)
            assert [e.bytes_out for e in served.book.exchanges] == [size, size]

    play(main)


def test_every_answer_has_id_date_and_server(play, serving, answers):
    async def main():
        async with serving() as served:
            for raw, status in ((CLOSE, 200), (b"nonsense\r\n\r\n", 400)):
                ((got, headers, _),) = answers(await served.talk(raw))
                assert got == status
                assert headers["x-amz-request-id"] == served.book.exchanges[-1].id
                assert headers["x-amz-id-2"]
                assert headers["date"].endswith(" GMT")
                assert headers["server"] == "bucketport"

    play(main)


def test_head_has_the_same_head_and_no_body(play, serving, answers, file, handle):
    kinds = {
        b"/bytes": lambda: Response(200, {}, b"abc"),
        b"/declared": lambda: Response(200, {"Content-Length": "12345"}),
        b"/file": lambda: Response(200, {}, FileSpans([(str(file), 0, 10)], handle.release)),
        b"/stream": lambda: Response(200, {}, Stream(pieces(b"abc"), 3, handle.release)),
        b"/unknown": lambda: Response(200, {}, Stream(pieces(b"abc"), None, handle.release)),
    }

    async def answer(request, exchange):
        return kinds[request.raw_path.encode()]()

    async def main():
        async with serving(serving.script(answer)) as served:
            raw = b"".join(HEAD.replace(b"/b/k", path) for path in kinds)
            raw = await served.talk(raw + CLOSE.replace(b"/b/k", b"/bytes"))
            found = answers(raw, *["HEAD"] * 5, "GET")
            assert [headers.get("content-length") for _, headers, _ in found] == ["3", "12345", "10", "3", None, "3"]
            assert [body for _, _, body in found] == [b""] * 5 + [b"abc"]
            assert handle.released == 3
            assert [e.bytes_out for e in served.book.exchanges] == [0] * 5 + [3]

    play(main)


@pytest.mark.parametrize("status", [204, 304])
def test_bodiless_status_has_neither_body_nor_length(play, serving, answers, status):
    async def main():
        async with serving(serving.script(always(lambda: Response(status, {}, b"")))) as served:
            for got, headers, body in answers(await served.talk(GET + CLOSE)):
                assert (got, body, "content-length" in headers) == (status, b"", False)

    play(main)


def test_file_spans_are_sent_in_order_and_given_back_once(play, serving, answers, file, tmp_path, handle):
    second = tmp_path / "second"
    second.write_bytes(b"0123456789")
    spans = [(str(file), 1, 2_999_999), (str(second), 3, 7), (str(second), 0, 0), (str(second), 9, 10)]
    whole = file.read_bytes()[1:2_999_999] + b"3456" + b"9"

    async def main():
        async with serving(
            serving.script(always(lambda: Response(206, {}, FileSpans(spans, handle.release))))
        ) as served:
            for count, (status, headers, body) in enumerate(answers(await served.talk(GET + CLOSE)), 1):
                assert (status, headers["content-length"], body == whole) == (206, str(len(whole)), True)
            assert handle.released == count == 2

    play(main)


def test_no_spans_are_an_empty_body(play, serving, answers, handle):
    async def main():
        async with serving(serving.script(always(lambda: Response(200, {}, FileSpans([], handle.release))))) as served:
            ((status, headers, body),) = answers(await served.talk(CLOSE))
            assert (status, headers["content-length"], body, handle.released) == (200, "0", b"", 1)

    play(main)


@pytest.mark.parametrize("cold", [False, True], ids=["cached", "cold"])
def test_file_that_the_cache_does_not_hold_is_read_all_the_same(
    play, serving, answers, file, handle, cold, monkeypatch
):
    if cold:
        monkeypatch.setattr("bucketport.runtimes.files._OpenSpan._cached", lambda self, size: None)

    async def main():
        spans = FileSpans([(str(file), 0, 3_000_001)], handle.release)
        async with serving(serving.script(always(lambda: Response(200, {}, spans)))) as served:
            ((_, _, body),) = answers(await served.talk(CLOSE))
            assert body == file.read_bytes()
            assert handle.released == 1

    play(main)


@pytest.mark.parametrize("lost", ["missing", "short", "empty"])
def test_file_lost_before_the_head_is_answered_500(play, serving, answers, tmp_path, handle, lost):
    path = tmp_path / "lost"
    if lost != "missing":
        path.write_bytes(b"" if lost == "empty" else b"abc")
    start = 3 if lost == "short" else 0

    async def main():
        spans = FileSpans([(str(path), start, 10)], handle.release, handle.corrupt)
        async with serving(serving.script(always(lambda: Response(200, {}, spans)))) as served:
            ((status, headers, body),) = answers(await served.talk(GET))
            assert (status, body, headers["connection"]) == (500, b"<Code>InternalError</Code>", "close")
            assert (handle.released, handle.corrupted) == (1, [str(path)])
            (exchange,) = served.book.exchanges
            assert (exchange.status, exchange.bytes_out, exchange.aborted) == (500, 26, False)
            assert str(path) in served.app.refusals[0].reason

    play(main)


@pytest.mark.parametrize("lost", ["missing", "short"])
def test_file_lost_after_the_head_breaks_the_connection(play, serving, tmp_path, file, handle, lost):
    path = tmp_path / "lost"
    if lost == "short":
        path.write_bytes(b"abc")

    async def main():
        spans = FileSpans([(str(file), 0, 10), (str(path), 0, 10)], handle.release, handle.corrupt)
        async with serving(serving.script(always(lambda: Response(200, {}, spans)))) as served:
            raw = await served.talk(GET + GET)
            assert b"Content-Length: 20" in raw or raw == b""  # A reset may overtake what was sent.
            assert len(raw.partition(b"\r\n\r\n")[2]) < 20
            assert (handle.released, handle.corrupted) == (1, [str(path)])
            assert len(served.app.seen) == 1
            (exchange,) = served.book.exchanges
            assert exchange.aborted
            assert str(path) in exchange.reason

    play(main)


def test_file_that_could_not_be_opened_for_another_reason_is_not_called_corrupt(play, serving, answers, file, handle):
    async def main():
        spans = FileSpans([(str(file.parent), 0, 10)], handle.release, handle.corrupt)
        async with serving(serving.script(always(lambda: Response(200, {}, spans)))) as served:
            ((status, _, _),) = answers(await served.talk(GET))
            assert (status, handle.released, handle.corrupted) == (500, 1, [])

    play(main)


@pytest.mark.parametrize("length", [None, 9])
def test_stream_is_sent_with_its_length_or_in_chunks(play, serving, answers, handle, length):
    def make():
        return Response(200, {}, Stream(pieces(b"abc", b"", b"defghi"), length, handle.release))

    async def main():
        async with serving(serving.script(always(make))) as served:
            for _, headers, body in answers(await served.talk(GET + CLOSE)):
                assert headers.get("content-length") == (None if length is None else "9")
                assert headers.get("transfer-encoding") == ("chunked" if length is None else None)
                assert body == b"abcdefghi"
            assert handle.released == 2
            assert [e.bytes_out for e in served.book.exchanges] == [9, 9]

    play(main)


@pytest.mark.parametrize("length", [None, 0])
def test_empty_stream_is_an_empty_body(play, serving, answers, handle, length):
    async def main():
        make = always(lambda: Response(200, {}, Stream(pieces(), length, handle.release)))
        async with serving(serving.script(make)) as served:
            assert [a[2] for a in answers(await served.talk(GET + CLOSE))] == [b"", b""]
            assert handle.released == 2

    play(main)


def test_stream_of_unknown_length_ends_with_the_connection_in_http10(play, serving, handle):
    async def main():
        make = always(lambda: Response(200, {}, Stream(pieces(b"abc", b"def"), None, handle.release)))
        async with serving(serving.script(make)) as served:
            raw = await served.talk(OLD.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"))
            head, _, body = raw.partition(b"\r\n\r\n")
            assert body == b"abcdef"
            assert b"chunked" not in head
            assert b"Connection: close" in head

    play(main)


TROUBLES = [
    (NoSuchKey(), 404, b"NoSuchKey"),
    (BackendError(Trouble.UNREACHABLE, "cloud"), 503, b"ServiceUnavailable"),
    (ValueError("bug"), 500, b"InternalError"),
    (ConnectionResetError("upstream"), 500, b"InternalError"),
]


@pytest.mark.parametrize(
    ("trouble", "status", "code"), TROUBLES, ids=[code.decode() + str(s) for _, s, code in TROUBLES]
)
def test_stream_that_fails_before_its_first_piece_is_answered(play, serving, answers, handle, trouble, status, code):
    async def main():
        make = always(lambda: Response(200, {}, Stream(pieces(after=trouble), 9, handle.release)))
        async with serving(serving.script(make)) as served:
            ((got, _, body),) = answers(await served.talk(GET))
            assert (got, body) == (status, b"<Code>%b</Code>" % code)
            assert handle.released == 1
            assert bool(served.reports) == isinstance(trouble, ValueError)

    play(main)


@pytest.mark.parametrize("length", [None, 9])
@pytest.mark.parametrize(
    ("trouble", "status", "code"), TROUBLES, ids=[code.decode() + str(s) for _, s, code in TROUBLES]
)
def test_stream_that_fails_later_breaks_the_connection(play, serving, handle, length, trouble, status, code):
    async def main():
        make = always(lambda: Response(200, {}, Stream(pieces(b"abc", after=trouble), length, handle.release)))
        async with serving(serving.script(make)) as served:
            raw = await served.talk(GET + GET)
            assert not raw.endswith(b"0\r\n\r\n")
            assert handle.released == 1
            assert len(served.app.seen) == 1
            assert served.book.exchanges[0].aborted
            assert served.book.exchanges[0].code == code.decode()

    play(main)


@pytest.mark.parametrize("given", [[b"abc"], [b"abc", b"defghij"], []], ids=["short", "long", "nothing"])
def test_stream_of_another_length_is_never_a_whole_answer(play, serving, answers, handle, given):
    async def main():
        make = always(lambda: Response(200, {}, Stream(pieces(*given), 9, handle.release)))
        async with serving(serving.script(make)) as served:
            raw = await served.talk(GET)
            assert len(raw.partition(b"\r\n\r\n")[2]) < 9 or b" 500 " in raw
            assert handle.released == 1
            assert served.reports

    play(main)


@pytest.mark.parametrize(
    "response",
    [
        lambda: Response(200, {"X-A": "b\r\nX-B: c"}, b"abc"),
        lambda: Response(200, {"X-A": "b\nc"}, b"abc"),
        lambda: Response(200, {"X-A": "b\0"}, b"abc"),
        lambda: Response(200, {"X-A": "\u20ac"}, b"abc"),
        lambda: Response(200, {"Content-Length": "4"}, b"abc"),
        lambda: Response(200, {}, Native(object(), 3)),
    ],
    ids=["CR LF", "LF", "NUL", "not latin-1", "wrong length", "another runtime's body"],
)
def test_answer_that_cannot_be_sent_is_a_500(play, serving, answers, response):
    async def main():
        async with serving(serving.script(always(response))) as served:
            ((status, headers, body),) = answers(await served.talk(GET))
            assert (status, body) == (500, b"<Code>InternalError</Code>")
            assert "x-b" not in headers
            assert len(served.reports) == 1

    play(main)


def test_answer_may_end_the_connection(play, serving, answers):
    async def main():
        async with serving(serving.script(always(lambda: Response(200, {}, b"abc", close=True)))) as served:
            ((_, headers, _),) = answers(await served.talk(GET + GET))
            assert headers["connection"] == "close"

    play(main)


def endless(handle, produced):
    async def chunks():
        while True:
            produced.append(1)
            yield bytes(65_536)

    return Response(200, {}, Stream(chunks(), None, handle.release))


def test_slow_reader_holds_a_stream_and_memory_stays_flat(play, serving, handle):
    produced = []

    async def main():
        async with serving(serving.script(always(lambda: endless(handle, produced)))) as served:
            client = await served.connect()
            client.transport.pause_reading()
            await client.send(GET)
            before = None
            while before != len(produced) or not produced:
                before = len(produced)
                await asyncio.sleep(0.05)
            (connection,) = served.server._connections
            assert connection.transport.get_write_buffer_size() < 1 << 19
            client.transport.abort()
            await served.settled()
            assert handle.released == 1
            assert served.book.exchanges[0].aborted

    play(main)


def test_slow_reader_holds_a_file_and_memory_stays_flat(play, serving, tmp_path, handle):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 << 20)

    async def main():
        make = always(lambda: Response(200, {}, FileSpans([(str(path), 0, 64 << 20)], handle.release)))
        async with serving(serving.script(make)) as served:
            client = await served.connect()
            client.transport.pause_reading()
            await client.send(GET)
            while not served.server._connections:
                await asyncio.sleep(0.001)
            (connection,) = served.server._connections
            while not connection._paused:
                await asyncio.sleep(0.001)
            assert connection.transport.get_write_buffer_size() < 1 << 19
            client.transport.resume_reading()
            assert len(await client.answer()) > 64 << 20
            assert handle.released == 1

    play(main)


def test_reader_who_takes_nothing_is_cut_off(play, serving, handle):
    async def main():
        app = serving.script(always(lambda: endless(handle, [])))
        async with serving(app, write_idle_seconds=0.05) as served:
            client = await served.connect()
            client.transport.pause_reading()
            await client.send(GET)
            await served.settled()
            await served.alone()
            assert handle.released == 1
            assert served.book.exchanges[0].aborted

    play(main)


def test_one_fast_reader_leaves_turns_to_others(play, serving, handle):
    """A client whose answer never has to wait for room may not keep the loop to itself."""
    turns = []

    async def main():
        async with serving(serving.script(always(lambda: endless(handle, turns)))) as served:
            client = await served.connect()
            await client.send(GET)
            for _ in range(20):
                other = await served.connect()
                other.close()
            assert served.server.connections >= 1
            client.transport.abort()
            await served.settled()

    play(main)
