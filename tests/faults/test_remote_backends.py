"""What do clients see of a cloud in trouble? A server that misbehaves on purpose, on a real loopback socket.

Each promise is also counted: no connection is left in use, whatever happened.
"""

import asyncio
import contextlib

import pytest

from bucketport.backends.remote.backend import Remote
from bucketport.backends.remote.credentials import AwsKey, Lasting
from bucketport.backends.remote.endpoint import parse_endpoint
from bucketport.backends.remote.s3.dialect import S3
from bucketport.backends.remote.s3.requests import Place
from bucketport.backends.remote.sending import Surroundings
from bucketport.errors import BackendError, BadDigest, PreconditionFailed, SlowDown, Trouble, answer_for
from bucketport.message import Stream, release
from bucketport.model import ObjectName, Secret
from bucketport.options import NO_CONDITIONS, WHOLE, ListQuery, PutOptions, UploadOptions, WriteConditions
from bucketport.testing.fakes import FakeContent
from bucketport.transports.http1 import Http1Client, Waits

NAME = ObjectName("b", "k")
OK = b'HTTP/1.1 200 OK\r\netag: "abc"\r\ncontent-length: 0\r\n\r\n'
FOUND = b'HTTP/1.1 200 OK\r\netag: "abc"\r\nlast-modified: Sat, 21 Nov 2026 09:28:01 GMT\r\ncontent-length: %d\r\n\r\n'


def refusal(status, code, more=b""):
    body = b"<Error><Code>%b</Code></Error>" % code
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n%b\r\n%b" % (status, len(body), more, body)


class Cloud:
    """A server whose answers are scripted: `script` gives for each request (counted from 1) what is done.

    What is done is a coroutine function of (head, body so far, reader, writer). `heads` and `bodies` are what came.
    """

    def __init__(self, script):
        self.script, self.heads, self.bodies, self.open = script, [], [], 0
        self.whole = 0

    async def serve(self, reader, writer):
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self.script(len(self.heads), head, reader, writer, self)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def take(self, head, reader):
        """The body of a request, as far as it comes."""
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        left, got = int(lengths[0].split(b":")[1]) if lengths else 0, b""
        self.bodies.append(got)
        while left and (piece := await reader.read(min(left, 65536))):
            got += piece
            left -= len(piece)
            self.bodies[-1] = got
        if left:
            raise ConnectionError
        self.whole += 1
        return got


@contextlib.asynccontextmanager
async def against(script, **waits):
    """A Remote in front of a scripted cloud; afterwards nothing is left open on either side."""
    cloud = Cloud(script)
    server = await asyncio.start_server(cloud.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Http1Client(Waits(**({"connect": 2.0, "head": 2.0, "idle": 2.0} | waits)))
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    loop = asyncio.get_running_loop()
    world = Surroundings(client, lambda: 1_795_253_281.0, loop.time, sleep, lambda: 0.5)
    dialect = S3(Place(parse_endpoint(f"http://127.0.0.1:{port}"), anonymous=False))
    remote = Remote(dialect, Lasting(AwsKey("AKID", Secret("secret"))), world)
    remote.client, remote.slept = client, slept
    yield cloud, remote
    for _ in range(50):
        if client.connections == client.idle:
            break
        await asyncio.sleep(0.01)
    assert client.connections == client.idle, "a connection is left in use"
    await client.close()
    for _ in range(200):
        if not cloud.open:
            break
        await asyncio.sleep(0.01)
    assert cloud.open == 0, "a connection is left open"
    assert client.connections == 0
    server.close()


def run(promise):
    """A promise as a test."""

    def test():
        asyncio.run(asyncio.wait_for(promise(), 30))

    test.__name__, test.__doc__ = promise.__name__, promise.__doc__
    return test


async def everything(found):
    try:
        if isinstance(found.body, bytes):
            return found.body
        return b"".join([piece async for piece in found.body.chunks])
    finally:
        release(found.body)


def answers(*made):
    """The n-th request gets the n-th answer; the last one stays."""

    async def script(number, head, reader, writer, cloud):
        await cloud.take(head, reader)
        writer.write(made[min(number, len(made)) - 1])

    return script


@run
async def test_cloud_that_is_not_there_is_unreachable():
    async with against(answers(OK)) as (_, remote):
        remote.dialect.__init__(Place(parse_endpoint("http://127.0.0.1:1")))
        with pytest.raises(BackendError) as caught:
            await remote.head(NAME, WHOLE)
        assert caught.value.trouble is Trouble.UNREACHABLE
        assert answer_for(caught.value).status == 503
        assert answer_for(caught.value).headers["Retry-After"]
        assert len(remote.slept) == 2


@run
async def test_cloud_that_recovers_is_not_noticed():
    for status in (500, 502, 503, 504, 429):
        async with against(answers(refusal(status, b"InternalError"), FOUND % 5 + b"hello")) as (cloud, remote):
            assert await everything(await remote.get(NAME, WHOLE)) == b"hello"
            assert len(cloud.heads) == 2


@run
async def test_cloud_that_stays_down_is_unavailable():
    async with against(answers(refusal(500, b"InternalError"))) as (cloud, remote):
        with pytest.raises(BackendError) as caught:
            await remote.get(NAME, WHOLE)
        assert caught.value.trouble is Trouble.UNREACHABLE
        assert len(cloud.heads) == 3


@run
async def test_throttling_is_passed_on():
    slow = refusal(503, b"SlowDown", b"retry-after: 7\r\n")
    async with against(answers(slow)) as (cloud, remote):
        with pytest.raises(BackendError) as caught:
            await remote.get(NAME, WHOLE)
        answer = answer_for(caught.value)
        assert type(answer) is SlowDown
        assert answer.headers["Retry-After"] == "7"
        assert len(cloud.heads) == 1, "a long wait is the client's"


@run
async def test_short_retry_after_is_waited_out():
    slow = refusal(503, b"SlowDown", b"retry-after: 2\r\n")
    async with against(answers(slow, FOUND % 5 + b"hello")) as (_, remote):
        assert await everything(await remote.get(NAME, WHOLE)) == b"hello"
        assert remote.slept == [2]


@run
async def test_small_body_that_breaks_off_is_asked_for_again():
    async def script(number, head, reader, writer, cloud):
        writer.write(FOUND % 5 + (b"hel" if number == 1 else b"hello"))
        if number == 1:
            writer.close()

    async with against(script) as (_, remote):
        assert await everything(await remote.get(NAME, WHOLE)) == b"hello"


@run
async def test_long_body_that_breaks_off_breaks_off_here():
    async def script(number, head, reader, writer, cloud):
        writer.write(FOUND % 1_000_000 + b"x" * 300_000)
        await writer.drain()
        writer.close()

    async with against(script) as (_, remote):
        found = await remote.get(NAME, WHOLE)
        assert isinstance(found.body, Stream)
        assert found.body.length == 1_000_000
        with pytest.raises(BackendError) as caught:
            await everything(found)
        assert caught.value.trouble is Trouble.BROKEN_OFF


@run
async def test_chunked_body_that_breaks_off_is_no_end():
    async def script(number, head, reader, writer, cloud):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        writer.close()

    async with against(script) as (_, remote):
        with pytest.raises(BackendError) as caught:
            await remote.list("b", ListQuery())
        assert caught.value.trouble is Trouble.BROKEN_OFF


@run
async def test_cloud_that_stalls_times_out():
    async def script(number, head, reader, writer, cloud):
        await reader.read(1)

    async with against(script, head=0.1) as (_, remote):
        with pytest.raises(BackendError) as caught:
            await remote.head(NAME, WHOLE)
        assert caught.value.trouble is Trouble.TIMEOUT
        assert answer_for(caught.value).status == 503


@run
async def test_body_that_stalls_times_out():
    async def script(number, head, reader, writer, cloud):
        writer.write(FOUND % 1_000_000 + b"x" * 100_000)
        await writer.drain()
        await reader.read(1)

    async with against(script, idle=0.1) as (_, remote):
        with pytest.raises(BackendError) as caught:
            await everything(await remote.get(NAME, WHOLE))
        assert caught.value.trouble is Trouble.TIMEOUT


@run
async def test_garbage_is_trouble_and_not_content():
    for garbage in (
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000,
    ):
        async with against(answers(garbage)) as (_, remote):
            with pytest.raises(BackendError) as caught:
                await remote.get(NAME, WHOLE)
            assert caught.value.trouble is Trouble.BROKEN_OFF, garbage[:60]


@run
async def test_garbage_xml_is_an_internal_error():
    for garbage in (b"<a", b"<!DOCTYPE a><ListBucketResult/>", b"<html></html>", b"\xff\xfe", b""):
        made = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(garbage), garbage)
        async with against(answers(made)) as (_, remote):
            with pytest.raises(BackendError) as caught:
                await remote.list("b", ListQuery())
            assert caught.value.trouble is Trouble.UNEXPECTED
            with pytest.raises(BackendError):
                await remote.create_upload(NAME, UploadOptions(PutOptions("me")))


@run
async def test_redirect_is_not_followed():
    moved = b"HTTP/1.1 307 Moved\r\nlocation: http://evil.test/\r\ncontent-length: 0\r\n\r\n"
    async with against(answers(moved)) as (cloud, remote):
        with pytest.raises(BackendError) as caught:
            await remote.get(NAME, WHOLE)
        assert "elsewhere" in caught.value.detail
        assert len(cloud.heads) == 1


@run
async def test_client_that_leaves_in_the_middle_of_a_read_frees_the_connection():
    async def script(number, head, reader, writer, cloud):
        writer.write(FOUND % 50_000_000)
        for _ in range(50):
            writer.write(b"x" * 1_000_000)
            await writer.drain()

    async with against(script) as (_, remote):
        found = await remote.get(NAME, WHOLE)
        async for _ in found.body.chunks:
            break
        release(found.body)
        assert remote.client.connections - remote.client.idle <= 1


@run
async def test_cancelled_request_frees_the_connection():
    waits = asyncio.Event()

    async def script(number, head, reader, writer, cloud):
        waits.set()
        await reader.read(1)

    async with against(script) as (_, remote):
        task = asyncio.ensure_future(remote.head(NAME, WHOLE))
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@run
async def test_wrong_content_is_never_whole_there():
    """A hash, a length or a trailer that is wrong: the last byte is withheld, whatever the size."""
    for size in (1_000, 100_000, 3_000_000):
        async with against(answers(OK)) as (cloud, remote):
            for _ in range(2):
                with pytest.raises(BadDigest):
                    await remote.put(NAME, FakeContent(b"x" * size, piece=50_000, fails=BadDigest()), PutOptions("me"))
            await asyncio.sleep(0.02)
            assert cloud.whole == 0


@run
async def test_client_that_leaves_in_the_middle_of_a_write_leaves_nothing_there():
    async with against(answers(OK)) as (cloud, remote):
        gone = FakeContent(b"x" * 500_000, piece=50_000, fails=ConnectionResetError(), fails_at="pull")
        with pytest.raises(ConnectionResetError):
            await remote.put(NAME, gone, PutOptions("me"))
        await asyncio.sleep(0.02)
        assert cloud.whole == 0


@run
async def test_refusal_in_the_middle_of_a_write_is_told():
    async def script(number, head, reader, writer, cloud):
        await reader.readexactly(10_000)
        writer.write(refusal(412, b"PreconditionFailed", b"connection: close\r\n"))
        await writer.drain()
        await reader.read(-1)

    async with against(script) as (_, remote):
        with pytest.raises(PreconditionFailed):
            await remote.put(NAME, Slow(800_000), PutOptions("me", conditions=WriteConditions(None, "*")))


class Slow(FakeContent):
    """Content that comes no faster than the loop turns."""

    def __init__(self, size):
        super().__init__(b"x" * size, piece=10_000)

    async def pull(self):
        await asyncio.sleep(0.001)
        return await super().pull()


@run
async def test_success_before_the_end_of_a_body_is_none():
    async def script(number, head, reader, writer, cloud):
        await reader.readexactly(10_000)
        writer.write(OK)
        await writer.drain()
        await reader.read(-1)

    async with against(script) as (_, remote):
        with pytest.raises(BackendError):
            await remote.put(NAME, Slow(800_000), PutOptions("me"))


@run
async def test_large_write_is_repeated_while_nothing_of_it_was_sent():
    """`Expect: 100-continue`: a cloud that says no before it says go on has not cost the body."""

    async def script(number, head, reader, writer, cloud):
        assert b"expect: 100-continue" in head
        if number == 1:
            writer.write(refusal(503, b"ServiceUnavailable"))
            return
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await cloud.take(head, reader)
        writer.write(OK)

    async with against(script) as (cloud, remote):
        stored = await remote.put(NAME, FakeContent(b"x" * 2_000_000, piece=100_000), PutOptions("me"))
        assert (stored.etag, stored.size, cloud.whole) == ("abc", 2_000_000, 1)


@run
async def test_kept_connection_that_closed_is_replaced_without_a_word():
    async def script(number, head, reader, writer, cloud):
        await cloud.take(head, reader)
        if number == 2:
            writer.close()
            raise ConnectionError
        writer.write(FOUND % 5 + b"hello")

    async with against(script) as (_, remote):
        for _ in range(2):
            assert await everything(await remote.get(NAME, WHOLE)) == b"hello"
        assert remote.slept == []


@run
async def test_conditional_write_is_not_repeated_when_its_answer_was_lost():
    async def script(number, head, reader, writer, cloud):
        await cloud.take(head, reader)
        writer.close()
        raise ConnectionError

    async with against(script) as (cloud, remote):
        with pytest.raises(BackendError):
            await remote.put(NAME, FakeContent(b"hello"), PutOptions("me", conditions=WriteConditions(None, "*")))
        assert len(cloud.heads) == 1
        with pytest.raises(BackendError):
            await remote.delete(NAME, None, NO_CONDITIONS)
        assert len(cloud.heads) == 4


@run
async def test_many_at_once_use_connections_again():
    async with against(answers(FOUND % 5 + b"hello")) as (cloud, remote):

        async def some():
            for _ in range(20):
                assert await everything(await remote.get(NAME, WHOLE)) == b"hello"

        await asyncio.gather(*[some() for _ in range(16)])
        assert len(cloud.heads) == 320
        assert remote.client.connections <= 16


@run
async def test_connections_have_a_bound_and_a_queue():
    async with against(answers(FOUND % 5 + b"hello"), connections=2) as (_, remote):
        found = await asyncio.gather(*[remote.get(NAME, WHOLE) for _ in range(50)])
        assert {each.body for each in found} == {b"hello"}
        assert remote.client.connections <= 2
