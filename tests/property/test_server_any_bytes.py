"""Whatever a client sends, however it is cut: a well-formed answer or a close, and always the same one."""

import asyncio
import itertools
import time

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketport.config.limits import Limits
from bucketport.errors import S3Error
from bucketport.message import Response
from bucketport.runtimes.server import Server
from bucketport.runtimes.server.connection import Connection

METHODS = st.sampled_from([b"GET", b"PUT", b"HEAD", b"POST", b"DELETE", b"BREW", b"get", b"G T", b""])
TARGETS = st.sampled_from([b"/", b"/b/k?x=1&y", b"/%2F%zz", b"//", b"*", b"a", b"http://h/x", b"/\xff#", b"/a b", b""])
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b""])
NAMES = st.sampled_from(
    [b"Host", b"host", b"Content-Length", b"Transfer-Encoding", b"Connection", b"Expect", b"X-A", b"x-a", b"X A", b" X"]
)
VALUES = st.sampled_from(
    [
        b"x",
        b"0",
        b"3",
        b"10",
        b"+3",
        b"3,3",
        b"chunked",
        b"Chunked",
        b"gzip",
        b"close",
        b"keep-alive",
        b"100-continue",
        b"",
        b" \t",
        b"\xe9",
        b"a\0b",
        b"a\rb",
        b"a\nb",
        b"a\r\n b",
    ]
)
ENDS = st.sampled_from([*[b"\r\n"] * 20, b"\n", b"\r", b"\r\r\n", b""])
BODIES = st.sampled_from(
    [
        b"",
        b"abc",
        b"0123456789",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"3;x\r\nabc\r\n0\r\nA: b\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"0\r\n\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"\xff\xfe",
    ]
)


@st.composite
def messages(draw):
    """Something that resembles a request."""
    raw = draw(METHODS) + b" " + draw(TARGETS) + b" " + draw(VERSIONS) + draw(ENDS)
    if draw(st.integers(0, 9)):
        raw += b"Host: x" + draw(ENDS)
    for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=4)):
        raw += name + draw(st.sampled_from([b": ", b":", b":\t", b" :"])) + value + draw(ENDS)
    return raw + draw(ENDS) + draw(BODIES)


@st.composite
def plain_messages(draw):
    """A request as it should be."""
    body = draw(st.binary(max_size=40))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[:7], body[7:]) if p) + b"0\r\n\r\n"
    framing = draw(
        st.sampled_from(
            [b"Content-Length: %d\r\n\r\n%b" % (len(body), body), b"Transfer-Encoding: chunked\r\n\r\n" + chunks]
        )
    )
    return b"PUT " + draw(st.sampled_from([b"/a", b"/b?c"])) + b" HTTP/1.1\r\nHost: x\r\n" + framing


streams = st.lists(st.one_of(messages(), plain_messages(), st.binary(max_size=30)), min_size=1, max_size=4).map(
    b"".join
)


class Seen:
    """An application that reads every body and answers with what it was."""

    def __init__(self):
        self.requests = []

    async def handle(self, request, exchange):
        content = b""
        try:
            while piece := await request.body.read():
                content += piece
        except S3Error as error:
            return self.refuse(error, exchange)
        self.requests.append((request.method, request.raw_path, request.raw_query, dict(request.headers), content))
        return Response(200, {}, content)

    def refuse(self, error, exchange):
        return Response(error.status, {}, error.code.encode())


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self, protocol):
        self.protocol, self.written, self.closed, self.ended, self.reading = protocol, b"", False, False, True

    def get_extra_info(self, name, default=None):
        return ("192.0.2.1", 1) if name == "peername" else default

    def is_closing(self):
        return self.closed

    def write(self, data):
        assert not self.ended
        assert not self.closed
        self.written += data

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.ended = True

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def close(self):
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close


async def converse(pieces, limits):
    """Requests seen, bytes written, and whether the connection was ended, for a client that sends and then stops."""
    app = Seen()
    server = Server(
        app, limits, meters=[], now=time.time, monotonic=time.monotonic, new_id=lambda: "ID", report=reports.append
    )
    server.loop = asyncio.get_running_loop()
    connection = Connection(server, "http")
    wire = Wire(connection)
    connection.connection_made(wire)
    for piece in pieces:
        if wire.closed:
            break
        server.loop.call_soon(connection.data_received, piece)
        for _ in range(4):
            await asyncio.sleep(0)
    seen = app.requests, wire.written, wire.closed or wire.ended
    connection.cut()
    for _ in range(4):
        await asyncio.sleep(0)
    assert server.in_flight == server.connections == 0
    server.readers.shutdown()
    return seen


reports = []


def judged(raw, methods):
    """The answers in `raw` as (status, content), as h11 reads them; a refusal is one whatever it says."""
    answers = []
    while raw:
        judge = h11.Connection(h11.CLIENT)
        judge.send(h11.Request(method=methods[len(answers)], target="/", headers=[("Host", "x")]))
        judge.send(h11.EndOfMessage())
        judge.receive_data(raw)
        content = b""
        while not isinstance(event := judge.next_event(), h11.EndOfMessage):
            assert event is not h11.NEED_DATA, f"not whole: {raw!r}"
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
        answers.append((status, content) if status == 200 else "refused")
        raw = judge.trailing_data[0]
    return answers


def outcome(pieces, limits):
    """Requests seen, answers given, and whether the connection was ended."""
    requests, written, ended = asyncio.run(converse(pieces, limits))
    methods = [method for method, *_ in requests]
    last = written[written.rfind(b"HTTP/1.1 ") :]
    bodiless = last.endswith(b"\r\n\r\n") and not last.startswith(b"HTTP/1.1 200")
    return requests, judged(written, [*methods, "HEAD" if bodiless else "GET"]), ended


SMALL = Limits(request_line_bytes=100, header_bytes=150, header_fields=5)


@settings(max_examples=150)
@given(raw=streams, data=st.data())
def test_outcome_is_well_formed_and_does_not_depend_on_the_cut(raw, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    cut = [raw[a:b] for a, b in itertools.pairwise([0, *cuts, len(raw)]) if a < b]
    limits = data.draw(st.sampled_from([Limits(), SMALL]))
    whole = outcome([raw], limits)
    assert outcome(cut, limits) == whole
    assert outcome([raw[at : at + 1] for at in range(len(raw))], limits) == whole
    requests, answers, ended = whole
    served = [(200, content if method != "HEAD" else b"") for method, *_, content in requests]
    assert answers in (served, [*served, "refused"])
    assert ended or answers == served
    assert reports == []


@settings(max_examples=100)
@given(raw=st.lists(plain_messages(), min_size=1, max_size=5).map(b"".join))
def test_plain_requests_are_all_served_and_read_as_h11_reads_them(raw):
    requests, _, ended = asyncio.run(converse([raw], Limits()))
    assert not ended
    assert requests == list(as_h11_reads(raw))


@settings(max_examples=150)
@given(raw=messages())
def test_whatever_is_served_h11_reads_alike(raw):
    """Two servers in a row that read a request differently are how requests are smuggled: h11 is the other one."""
    requests, _, _ = asyncio.run(converse([raw], Limits()))
    for ours, theirs in zip(requests, as_h11_reads(raw), strict=False):
        method, raw_path, raw_query, headers, content = ours
        if headers.get("host") == "x":  # An absolute target is split by us alone.
            assert (method, raw_path, raw_query, content) == (*theirs[:3], theirs[4])
            assert headers.get("content-length", "").lstrip("0") == theirs[3].get("content-length", "").lstrip("0")


def as_h11_reads(raw):
    """The requests in `raw` as h11 sees them; stops where it refuses."""
    judge = h11.Connection(h11.SERVER)
    judge.receive_data(raw)
    while True:
        content = b""
        try:
            while not isinstance(event := judge.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                if isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    content += bytes(event.data)
        except h11.RemoteProtocolError:
            return
        target = request.target.decode("latin-1")
        raw_path, _, raw_query = target.partition("?")
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        yield request.method.decode(), raw_path, raw_query, headers, content
        judge.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
        judge.send(h11.EndOfMessage())
        if judge.our_state is h11.MUST_CLOSE:
            return
        judge.start_next_cycle()
