"""Does a webhook learn of a commit, whatever happens on the way, and nobody else by its name?"""

import asyncio
import hashlib
import hmac
import ipaddress
import json

import pytest

from bucketport.errors import BackendError, Trouble
from bucketport.message import HttpAnswer, Stream
from bucketport.model import Secret
from bucketport.registry.sqlite_uploads import SqliteSessions
from bucketport.sessions import Event, Outcome, Session
from bucketport.transports.http1 import Http1Client
from bucketport.transports.http1_messages import Waits
from bucketport.transports.resolver import SystemResolver
from bucketport.uploads.delivery import LOOK_AGAIN, Delivery, DeliverySettings
from bucketport.uploads.events import event_of, replayed
from bucketport.uploads.targets import TargetRules

SECRET = Secret("whsec_of_the_tests")
LOOPBACK = TargetRules(allow_http=True, networks=(ipaddress.ip_network("127.0.0.0/8"),))


class Names:
    """A resolver that gives its answers one after the other; the last one stays."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    async def resolve(self, host, port):
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Web:
    """A client that answers as it is told, and remembers what it was to send."""

    normalises_paths = False

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), []

    async def send(self, request):
        self.sent.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, HttpAnswer) else HttpAnswer(answer, {})


class Room:
    """An outbox, the time, and what delivers."""

    made = []

    def __init__(self, folder, web=None, names=None, **settings):
        self.outbox, self.time = SqliteSessions(str(folder)), 1000.0
        self.made.append(self)
        self.web, self.names = web or Web(200), names or Names(["8.8.8.8"])
        self.delivery = Delivery(
            self.outbox, self.web, self.names, DeliverySettings(SECRET, **settings),
            now=lambda: self.time, entropy=lambda n: b"\x80" * n,
        )  # fmt: skip

    async def put(self, target="https://example.org/hook?a=b", event_id="e1"):
        await self.outbox.save(Event(event_id, 1, "s1", target, '{"a":1}', due_ms=int(self.time * 1000)))

    async def after(self, limit=10):
        await self.delivery.run_due(limit)
        return await self.outbox.event("e1")


def run(promise):
    def test(tmp_path):
        asyncio.run(asyncio.wait_for(promise(tmp_path), 20))

    return test


@pytest.fixture(autouse=True)
def _closes():
    """Rooms are left in order."""
    yield
    while Room.made:
        Room.made.pop().outbox.close()


@run
async def test_a_success_ends_it(folder):
    room = Room(folder, Web(204))
    await room.put()
    event = await room.after()
    assert (event.tries, event.done_ms, event.failed) == (1, 1_000_000, False)
    (sent,) = room.web.sent
    assert (sent.method, sent.path, sent.query, sent.body) == ("POST", "/hook", "a=b", b'{"a":1}')
    assert sent.headers["bucketport-event"] == "e1"
    moment, _, proof = sent.headers["bucketport-signature"].partition(",v1=")
    assert moment == "t=1000"
    assert proof == hmac.new(b"whsec_of_the_tests", b'1000.{"a":1}', hashlib.sha256).hexdigest()
    assert await room.delivery.run_due(10) == LOOK_AGAIN
    assert len(room.web.sent) == 1


@run
async def test_the_connection_goes_to_the_address_that_was_judged_under_the_name_of_the_url(folder):
    room = Room(folder)
    await room.put("https://Hooks.example.org:8443/x")
    await room.after()
    (place,) = [sent.endpoint for sent in room.web.sent]
    assert (place.scheme, place.host, place.port) == ("https", "8.8.8.8", 8443)
    assert (place.authority, place.tls_name) == ("hooks.example.org:8443", "hooks.example.org")
    assert room.names.asked == [("hooks.example.org", 8443)]


@run
async def test_a_name_that_moves_to_a_private_address_gains_nothing(folder):
    room = Room(folder, Web(500), Names(["8.8.8.8"], ["127.0.0.1"], ["169.254.169.254"]))
    await room.put()
    for _ in range(3):
        event = await room.after()
        room.time = event.due_ms / 1000
    assert [sent.endpoint.host for sent in room.web.sent] == ["8.8.8.8"]
    assert len(room.names.asked) == 3
    assert "169.254.169.254, which is not a public address" in event.trouble


@pytest.mark.parametrize(
    "answer",
    [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["fe80::1%eth0"], [], ["nonsense"]],
)
def test_a_name_with_any_address_that_is_not_public_is_not_called(tmp_path, answer):
    async def promise():
        room = Room(tmp_path, names=Names(answer))
        await room.put()
        event = await room.after()
        assert room.web.sent == []
        assert (event.tries, event.done_ms, event.failed) == (1, 0, False)
        assert event.trouble

    asyncio.run(promise())


@pytest.mark.parametrize("target", ["http://example.org/", "https://127.0.0.1/", "nonsense", "https://[::1]/"])
def test_a_target_that_is_not_allowed_any_more_is_not_called(tmp_path, target):
    async def promise():
        room = Room(tmp_path)
        await room.put(target)
        event = await room.after()
        assert (room.web.sent, room.names.asked) == ([], [])
        assert "webhook" in event.trouble

    asyncio.run(promise())


@run
async def test_what_fails_is_tried_again_later_and_given_up_in_the_end(folder):
    room = Room(folder, Web(500, 302, BackendError(Trouble.TIMEOUT, "nothing came in time"), 404), tries=4)
    await room.put()
    told, waits = [], []
    for _ in range(4):
        event = await room.after()
        told.append(event.trouble)
        waits.append(event.due_ms / 1000 - room.time)
        assert await room.delivery.run_due(10) == LOOK_AGAIN
        room.time = event.due_ms / 1000
    assert told == ["it answered 500", "it answered 302", "timeout: nothing came in time", "it answered 404"]
    assert (event.tries, event.failed, event.done_ms) == (4, True, 0)
    assert waits == pytest.approx([40, 80, 160, 0], abs=0.2)
    room.time += 1e6
    await room.delivery.run_due(10)
    assert len(room.web.sent) == 4


@run
async def test_gone_ends_it_at_once(folder):
    room = Room(folder, Web(410))
    await room.put()
    event = await room.after()
    assert (event.failed, event.tries, event.trouble) == (True, 1, "it answered 410")


@run
async def test_the_next_address_is_tried_when_nobody_is_at_the_first(folder):
    room = Room(folder, Web(BackendError(Trouble.UNREACHABLE, "no route"), 200), Names(["2a00::1", "8.8.8.8"]))
    await room.put()
    assert (await room.after()).done_ms
    assert [sent.endpoint.host for sent in room.web.sent] == ["2a00::1", "8.8.8.8"]


@run
async def test_nothing_is_sent_twice_in_a_try(folder):
    room = Room(folder, Web(BackendError(Trouble.TIMEOUT, "slow"), 200), Names(["2a00::1", "8.8.8.8"]))
    await room.put()
    assert not (await room.after()).done_ms
    assert len(room.web.sent) == 1


@run
async def test_what_is_replayed_during_a_try_is_told_again(folder):
    room = Room(folder)
    send = room.web.send

    async def replay_and_send(request):
        if len(room.web.sent) == 0:
            await room.outbox.save(replayed(await room.outbox.event("e1"), 1_000_001))
        return await send(request)

    room.web.send = replay_and_send
    await room.put()
    assert not (await room.after()).done_ms
    room.time += 1
    assert (await room.after()).done_ms
    assert len(room.web.sent) == 2


@run
async def test_a_long_answer_is_not_read(folder):
    released = []

    async def chunks():
        raise AssertionError("it was read")
        yield b""

    room = Room(folder, Web(HttpAnswer(200, {}, Stream(chunks(), None, lambda: released.append(1)))))
    await room.put()
    assert (await room.after()).done_ms
    assert released == [1]


@run
async def test_a_trouble_is_kept_in_few_words(folder):
    room = Room(folder, Web(BackendError(Trouble.BROKEN_OFF, "x" * 5000)))
    await room.put()
    assert len((await room.after()).trouble) == 200


@run
async def test_the_next_look_is_when_the_next_one_is_due(folder):
    room = Room(folder, Web(500))
    assert await room.delivery.run_due(10) == LOOK_AGAIN
    for at in range(3):
        await room.put(event_id=f"e{at}")
    assert await room.delivery.run_due(2) == 0
    assert await room.delivery.run_due(2) == LOOK_AGAIN
    room.time += 38.0
    assert await room.delivery.run_due(2) == 3
    assert len(room.web.sent) == 3


@run
async def test_several_are_told_at_once_where_the_caller_can(folder):
    room = Room(folder)
    room.delivery._together = lambda work, events: asyncio.gather(*map(work, events))
    for at in range(20):
        await room.put(event_id=f"e{at}")
    await room.delivery.run_due(100)
    assert all(event.done_ms for event in await room.outbox.events("", 100))


class Receiver:
    """A webhook on loopback: what it was sent; it answers with `status`."""

    def __init__(self, status=200):
        self.status, self.got = status, []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/hook"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                self.got.append((headers, await reader.readexactly(length)))
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\nok" % self.status)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def a_real_delivery(outbox, now):
    client, resolver = Http1Client(Waits(connect=5, head=0.3, idle=0.3)), SystemResolver()
    made = Delivery(outbox, client, resolver, DeliverySettings(SECRET, LOOPBACK), now=now, entropy=lambda n: b"\0" * n)
    return made, client, resolver


@run
async def test_what_was_committed_before_a_crash_is_told_after_the_restart_and_again_when_it_is_replayed(folder):
    async with Receiver() as receiver:
        before = SqliteSessions(str(folder))
        session = Session("s1", "photos", "a b", "ann", 1, 2, webhook=receiver.url.replace("127.0.0.1", "localhost"))
        await before.add(session)
        outcome = Outcome("e" * 32, 7, 3)
        await before.commit("s1", outcome, event_of(session, outcome, 5000, lambda n: b"\1" * n))
        # Nobody closes it: what ran is gone. Another start opens the same file.
        outbox = SqliteSessions(str(folder))
        delivery, client, resolver = a_real_delivery(outbox, lambda: 6.0)
        await delivery.run_due(10)
        (event,) = await outbox.events("", 10)
        assert (event.done_ms, event.trouble) == (6000, "")
        await outbox.save(replayed(event, 6000))
        await delivery.run_due(10)
        first, second = receiver.got
        assert first == second
        headers, body = first
        assert headers["host"] == receiver.url.split("/")[2].replace("127.0.0.1", "localhost")
        assert json.loads(body)["Records"][0]["s3"]["object"]["key"] == "a+b"
        proof = hmac.new(SECRET.reveal().encode(), b"6." + body, hashlib.sha256).hexdigest()
        assert headers["bucketport-signature"] == f"t=6,v1={proof}"
        await client.close()
        resolver.close()
        outbox.close()
        before.close()


@run
async def test_a_webhook_that_never_answers_is_left_in_time(folder):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    outbox = SqliteSessions(str(folder))
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await outbox.save(Event("e1", 1, "s", url, "{}", due_ms=1))
    delivery, client, resolver = a_real_delivery(outbox, lambda: 6.0)
    await delivery.run_due(10)
    assert (await outbox.event("e1")).trouble == "timeout: nothing came in time"
    await client.close()
    resolver.close()
    server.close()
    outbox.close()


@run
async def test_a_name_that_nobody_has_is_a_trouble(folder):
    resolver = SystemResolver()
    with pytest.raises(BackendError, match=r"no-such-name\.invalid"):
        await resolver.resolve("no-such-name.invalid", 443)
    with pytest.raises(BackendError):
        await resolver.resolve("a" * 300, 443)
    assert "127.0.0.1" in await resolver.resolve("127.0.0.1", 1)
    resolver.close()
