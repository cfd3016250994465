"""Does the ASGI form answer as our own server does? Against scripted messages, and once inside uvicorn."""

import asyncio
import contextlib
import itertools
import time

import pytest
import uvicorn

from bucketport.errors import BackendError, IncompleteBody, RequestTimeout, S3Error, Trouble
from bucketport.message import FileSpans, Native, Response, Stream
from bucketport.runtimes.asgi import AsgiApplication


class Hosted:
    """An AsgiApplication whose handler is `answer`, with fakes around it."""

    def __init__(self, answer=None, lifespan=None):
        self.seen, self.exchanges, self.reports, self.refusals, self.bodies = [], [], [], [], []
        self._answer = answer
        ids = itertools.count(1)
        self.asgi = AsgiApplication(
            self,
            meters=[self],
            now=time.time,
            monotonic=time.monotonic,
            new_id=lambda: f"{next(ids):016X}",
            report=self.reports.append,
            lifespan=lifespan,
        )

    async def handle(self, request, exchange):
        self.seen.append(request)
        try:
            if self._answer is not None:
                return await self._answer(request)
            content = b""
            while piece := await request.body.read():
                content += piece
        except S3Error as error:
            return self.refuse(error, exchange)
        self.bodies.append(content)
        return Response(200, {"ETag": '"e"'}, content)

    def refuse(self, error, exchange):
        self.refusals.append(error)
        exchange.code = error.code
        return Response(error.status, {}, error.code.encode())

    def record(self, exchange):
        self.exchanges.append(exchange)

    async def call(self, method="GET", headers=(), messages=(), **scope):
        """The messages sent for one request; after `messages` the client waits, unless the last says otherwise."""
        sent, given = [], iter(messages or [{"type": "http.request", "body": b"", "more_body": False}])

        async def receive():
            for message in given:
                return message
            return await asyncio.get_running_loop().create_future()

        async def send(message):
            sent.append(message)
            await asyncio.sleep(0)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": "/b/k",
            "raw_path": b"/b/k%2F",
            "query_string": b"x=%20",
            "headers": list(headers),
            "client": ("192.0.2.1", 5),
            "scheme": "https",
            **scope,
        }
        try:
            await self.asgi(scope, receive, send)
        finally:
            self.sent = sent
        return sent


def run(work):
    return asyncio.run(asyncio.wait_for(work, 20))


def content(sent):
    assert sent[0]["type"] == "http.response.start"
    assert [message.get("more_body", False) for message in sent[1:]] == [True] * (len(sent) - 2) + [False]
    return b"".join(message["body"] for message in sent[1:])


def always(make):
    async def answer(request):
        return make()

    return answer


async def pieces(*given, after=None):
    for piece in given:
        yield piece
    if after is not None:
        raise after


LENGTH = [(b"Content-Length", b"6"), (b"X-A", b" b "), (b"x-a", b"c"), (b"user-agent", b"me")]
BODY = [
    {"type": "http.request", "body": b"abc", "more_body": True},
    {"type": "http.request", "body": b"def", "more_body": False},
]


def test_request_is_what_was_received():
    hosted = Hosted()
    sent = run(hosted.call("PUT", LENGTH, BODY))
    assert content(sent) == b"abcdef"
    (request,), (exchange,) = hosted.seen, hosted.exchanges
    assert (request.raw_path, request.raw_query, request.client, request.scheme) == (
        "/b/k%2F",
        "x=%20",
        "192.0.2.1",
        "https",
    )
    assert request.headers == {"content-length": "6", "x-a": "b,c", "user-agent": "me"}
    assert request.body.length == 6
    assert (exchange.target, exchange.status, exchange.bytes_in, exchange.bytes_out) == ("/b/k%2F?x=%20", 200, 6, 6)
    assert exchange.user_agent == "me"
    assert 0 < exchange.started <= exchange.headed <= exchange.ended
    assert dict(sent[0]["headers"]) == {
        b"x-amz-request-id": b"0000000000000001",
        b"etag": b'"e"',
        b"content-length": b"6",
    }


@pytest.mark.parametrize(
    ("method", "headers", "version", "length"),
    [
        ("GET", [], "1.1", 0),
        ("PUT", [], "1.1", 0),
        ("PUT", [(b"transfer-encoding", b"chunked")], "1.1", None),
        ("PUT", [], "2", None),
        ("GET", [], "2", 0),
        ("PUT", [(b"content-length", b"0")], "1.1", 0),
    ],
)
def test_body_is_there_when_its_framing_says_so(method, headers, version, length):
    hosted = Hosted(always(lambda: Response(200, {})))
    run(hosted.call(method, headers, http_version=version))
    assert hosted.seen[0].body.length == length


def test_length_that_is_no_number_is_refused():
    hosted = Hosted()
    assert run(hosted.call("PUT", [(b"content-length", b"+3")]))[0]["status"] == 400
    assert hosted.seen == []


@pytest.mark.parametrize(
    "messages",
    [[*BODY[:1], {"type": "http.disconnect"}], [BODY[1]], [{**BODY[0], "body": b"abcdefg", "more_body": False}]],
    ids=["left", "short", "long"],
)
def test_body_of_another_length_is_incomplete(messages):
    hosted = Hosted()
    run(hosted.call("PUT", LENGTH, messages))
    assert isinstance(hosted.refusals[0], IncompleteBody)
    assert hosted.bodies == []


def test_unread_body_is_never_asked_for_and_the_connection_is_to_close():
    async def receive():
        raise AssertionError("asked for")

    hosted = Hosted(always(lambda: Response(403, {}, b"no")))
    sent = run(hosted.call("PUT", LENGTH, iter(receive, None)))
    assert (b"connection", b"close") in sent[0]["headers"]


def test_client_that_leaves_cancels_its_handler():
    cancelled = []

    async def wait(request):
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    hosted = Hosted(wait)
    gone = [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
    assert run(hosted.call(messages=gone)) == []
    assert cancelled == [1]
    assert hosted.exchanges[0].aborted


class Keeper:
    """A handler that keeps what arrives although its client leaves."""

    def __init__(self, within=None, answer=None):
        self.kept, self.error, self.within, self.made = b"", None, within, answer

    async def __call__(self, request):
        request.body.outlive()
        if self.within is not None:
            request.body.within(self.within)
        try:
            while piece := await request.body.read():
                self.kept += piece
        except S3Error as error:
            self.error = error
        await asyncio.sleep(0.01)
        return self.made or Response(200, {}, b"")


GONE = {"type": "http.disconnect"}


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "http.request", "body": b"abc", "more_body": True}, GONE],
        [{"type": "http.request", "body": b"abc", "more_body": False}, GONE],
        [{"type": "http.request", "body": b"abcdef", "more_body": False}, GONE],
    ],
    ids=["in its middle", "short", "whole"],
)
def test_what_had_arrived_outlives_its_client(messages, handle):
    keeper = Keeper(answer=Response(200, {}, Stream(pieces(b"x"), 1, handle.release)))
    hosted = Hosted(keeper)
    assert run(hosted.call("PUT", LENGTH, messages)) == []
    assert keeper.kept == messages[0]["body"]
    assert (keeper.error is None) == (keeper.kept == b"abcdef")
    (exchange,) = hosted.exchanges
    assert (exchange.aborted, exchange.status, exchange.bytes_in) == (True, 200, len(keeper.kept))
    assert (handle.released, hosted.reports) == (1, [])


def test_bounded_body_that_trickles_in_times_out():
    async def main():
        keeper = Keeper(within=0.05)
        hosted = Hosted(keeper)
        sent = []

        async def receive():
            await asyncio.sleep(0.005)
            return {"type": "http.request", "body": b"x", "more_body": True}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "PUT", "path": "/b/k", "headers": [(b"content-length", b"100000")]}
        await hosted.asgi(scope, receive, send)
        assert isinstance(keeper.error, RequestTimeout)
        assert hosted.exchanges[0].bytes_in == len(keeper.kept) > 1
        assert sent[0]["status"] == 200

    run(main())


def test_cancellation_from_outside_passes_through():
    hosted = Hosted(always(lambda: None))

    async def wait(request):
        await asyncio.sleep(20)

    async def main():
        hosted._answer = wait
        task = asyncio.ensure_future(hosted.call())
        while not hosted.seen:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert hosted.exchanges[0].aborted


class Handle:
    released = 0

    def release(self):
        self.released += 1

    def corrupt(self, path):
        self.path = path


@pytest.fixture
def handle():
    return Handle()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_bodies_of_every_kind_are_sent(method, tmp_path, handle):
    path = tmp_path / "blob"
    path.write_bytes(bytes(range(256)) * 4000)
    spans = [(str(path), 1, 1_000_000), (str(path), 5, 6)]
    whole = path.read_bytes()[1:1_000_000] + b"\5"
    for make, wanted, length in (
        (lambda: Response(200, {}, b"abc"), b"abc", b"3"),
        (lambda: Response(206, {}, FileSpans(spans, handle.release)), whole, b"1000000"),
        (lambda: Response(200, {}, Stream(pieces(b"a", b"", b"bc"), 3, handle.release)), b"abc", b"3"),
        (lambda: Response(200, {}, Stream(pieces(b"a", b"bc"), None, handle.release)), b"abc", None),
        (lambda: Response(200, {}, Stream(pieces(), 0, handle.release)), b"", b"0"),
    ):
        hosted = Hosted(always(make))
        sent = run(hosted.call(method))
        assert content(sent) == (wanted if method == "GET" else b"")
        assert dict(sent[0]["headers"]).get(b"content-length") == length
        assert hosted.exchanges[0].bytes_out == (len(wanted) if method == "GET" else 0)
    assert handle.released == 4


def test_bodiless_status_has_no_length():
    for status in (204, 304):
        sent = run(Hosted(always(lambda status=status: Response(status, {}))).call())
        assert b"content-length" not in dict(sent[0]["headers"])


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda h, p: Response(200, {}, FileSpans([(p, 0, 5)], h.release, h.corrupt)), 500),
        (lambda h, p: Response(200, {}, Stream(pieces(after=ValueError("bug")), 5, h.release)), 500),
        (lambda h, p: Response(200, {}, Stream(pieces(after=BackendError(Trouble.TIMEOUT, "x")), 5, h.release)), 503),
        (lambda h, p: Response(200, {}, Stream(pieces(), 5, h.release)), 500),
        (lambda h, p: Response(200, {"A": "b\r\nc: d"}, Stream(pieces(b"abc"), 3, h.release)), 500),
        (lambda h, p: Response(200, {"Content-Length": "4"}, Stream(pieces(b"abc"), 3, h.release)), 500),
    ],
    ids=["lost file", "bug", "backend", "short", "line end in a header", "wrong length"],
)
def test_failure_before_the_start_is_answered(tmp_path, handle, make, status):
    hosted = Hosted(always(lambda: make(handle, str(tmp_path / "lost"))))
    sent = run(hosted.call())
    assert (sent[0]["status"], hosted.exchanges[0].status) == (status, status)
    assert handle.released == 1
    assert hosted.exchanges[0].bytes_out == len(content(sent))


def test_body_of_another_runtime_is_a_500():
    assert run(Hosted(always(lambda: Response(200, {}, Native(object(), 3)))).call())[0]["status"] == 500


@pytest.mark.parametrize("given", [[b"abc"], [b"abc", b"def"]], ids=["short", "long"])
def test_failure_later_breaks_the_answer_off(handle, given):
    hosted = Hosted(always(lambda: Response(200, {}, Stream(pieces(*given), 5, handle.release))))
    with pytest.raises(ValueError, match="the stream is"):
        run(hosted.call())
    assert hosted.sent[-1]["more_body"]
    assert handle.released == 1
    assert hosted.exchanges[0].aborted


def test_lifespan_is_entered_and_left():
    events = []

    @contextlib.asynccontextmanager
    async def lifespan():
        events.append("started")
        yield
        events.append("stopped")

    async def main():
        sent = []

        async def send(message):
            sent.append(message["type"])

        async def receive():
            return {"type": "lifespan." + ("shutdown" if sent else "startup")}

        await Hosted(lifespan=lifespan).asgi({"type": "lifespan"}, receive, send)
        return sent

    assert run(main()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert events == ["started", "stopped"]


def test_failure_to_start_is_told():
    @contextlib.asynccontextmanager
    async def lifespan():
        raise OSError("no disk")
        yield

    async def main():
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "lifespan.startup"}

        await Hosted(lifespan=lifespan).asgi({"type": "lifespan"}, receive, send)
        return sent

    assert run(main()) == [{"type": "lifespan.startup.failed", "message": "OSError: no disk"}]


def test_websocket_is_refused():
    with pytest.raises(ValueError, match="websocket"):
        run(Hosted().asgi({"type": "websocket"}, None, None))


def test_inside_uvicorn_a_put_a_refusal_and_a_client_that_leaves(tmp_path):
    async def answer(request):
        if request.raw_path == "/wait":
            await asyncio.sleep(20)
        if request.raw_path == "/refused":
            return Response(403, {}, b"no")
        count = 0
        while piece := await request.body.read():
            count += len(piece)
        return Response(200, {}, b"%d" % count)

    hosted = Hosted(answer)

    async def main():
        server = uvicorn.Server(uvicorn.Config(hosted.asgi, port=0, log_level="error", lifespan="on"))
        serving = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.001)
        address = server.servers[0].sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address)
        head = b"PUT %b HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n"
        writer.write(head % b"/b/k")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(bytes(3_000_000))
        assert (await reader.readuntil(b"3000000")).startswith(b"HTTP/1.1 200")
        writer.write(head % b"/refused")
        assert (await reader.read()).startswith(b"HTTP/1.1 403")
        writer.close()
        _, writer = await asyncio.open_connection(*address)
        writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        while len(hosted.seen) < 3:
            await asyncio.sleep(0.001)
        writer.close()
        while len(hosted.exchanges) < 3:
            await asyncio.sleep(0.001)
        assert hosted.exchanges[-1].aborted
        server.should_exit = True
        await serving

    run(main())
