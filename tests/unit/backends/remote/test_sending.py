"""Does what every request needs happen to every request: key, signature, name, id, time, and a second chance?"""

import asyncio

import pytest

from bucketport.backends.remote.credentials import Lasting, Lease, Renewed
from bucketport.backends.remote.dialect import Dialect
from bucketport.backends.remote.sending import Sender, Surroundings, has_dot_segments
from bucketport.errors import BackendError, InvalidURI, Trouble
from bucketport.exchange import Exchange, current
from bucketport.message import Endpoint, HttpAnswer, HttpRequest, Stream
from bucketport.testing.fakes import FakeClock

PLACE = Endpoint("http", "h", 80, "h")


class Spoken(Dialect[str]):
    def sign(self, request, key, now):
        return request.with_headers({**request.headers, "signed": f"{key} {now:.0f}"})

    def code_of(self, answer):
        return answer.content.decode() if isinstance(answer.body, bytes) else ""


class Answering:
    normalises_paths = False

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    async def send(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def sender(client, keys=None, slept=None):
    async def sleep(seconds):
        if slept is not None:
            slept.append(seconds)

    world = Surroundings(client, FakeClock(100.0), FakeClock(0.0, step=0.25), sleep, lambda: 0.5, "bucketport/9")
    return Sender(Spoken(), keys or Lasting("key"), world)


def plan(*requests):
    answers = []
    for request in requests:
        answers.append((yield request))
    return answers


def asked(**how):
    return HttpRequest("GET", PLACE, "/", **how)


def test_request_bears_signature_name_and_id():
    client = Answering(HttpAnswer(200, {}))
    exchange = Exchange("ID1", 0.0, 0.0)

    async def run():
        current.set(exchange)
        await sender(client).run(plan(asked(headers={"a": "b"})))

    asyncio.run(run())
    assert client.requests[0].headers == {
        "a": "b",
        "user-agent": "bucketport/9",
        "x-request-id": "ID1",
        "signed": "key 100",
    }
    assert exchange.upstream == 0.25


def test_refused_key_is_renewed_once():
    fetched = []

    async def fetch():
        fetched.append(1)
        return Lease(f"key{len(fetched)}")

    client = Answering(HttpAnswer(401, {}), HttpAnswer(200, {}))
    asyncio.run(sender(client, Renewed(fetch, FakeClock(100.0))).run(plan(asked())))
    assert [request.headers["signed"] for request in client.requests] == ["key1 100", "key2 100"]
    client = Answering(HttpAnswer(401, {}), HttpAnswer(401, {}))
    result = asyncio.run(sender(client, Renewed(fetch, FakeClock(100.0))).run(plan(asked())))
    assert result[0].status == 401


def test_trouble_is_thrown_into_the_plan_which_may_go_on():
    def careful():
        try:
            yield asked(idempotent=False)
        except BackendError:
            return (yield asked()).status

    client = Answering(BackendError(Trouble.TIMEOUT, ""), HttpAnswer(204, {}))
    assert asyncio.run(sender(client).run(careful())) == 204


def test_stream_of_a_plan_that_fails_is_given_back():
    released = []

    async def chunks():
        yield b"x"

    def failing():
        yield asked(streamed=True)
        raise ValueError

    client = Answering(HttpAnswer(200, {}, Stream(chunks(), None, lambda: released.append(1))))
    with pytest.raises(ValueError):  # noqa: PT011
        asyncio.run(sender(client).run(failing()))
    assert released == [1]


def test_answer_that_is_no_stream_has_a_limit():
    released = []

    async def chunks():
        while True:
            yield b"x" * 1000

    client = Answering(HttpAnswer(200, {}, Stream(chunks(), None, lambda: released.append(1))))
    with pytest.raises(BackendError, match="more than 5000 bytes"):
        asyncio.run(sender(client).run(plan(asked(answer_limit=5000))))
    assert released == [1]


def test_transport_that_would_change_a_key_is_not_asked():
    client = Answering()
    client.normalises_paths = True
    with pytest.raises(InvalidURI):
        asyncio.run(sender(client).run(plan(HttpRequest("GET", PLACE, "/b/a/../k"))))
    assert client.requests == []


@pytest.mark.parametrize(
    ("path", "changed"),
    [("/a/b", False), ("/a/../b", True), ("/./a", True), ("/a/%2e%2E/b", True), ("/a..b/...", False), ("/a/.", True)],
)
def test_dot_segments(path, changed):
    assert has_dot_segments(path) is changed


def test_pauses_between_attempts():
    slept = []
    client = Answering(*[HttpAnswer(503, {}, b"")] * 3)
    with pytest.raises(BackendError):
        asyncio.run(sender(client, slept=slept).run(plan(asked())))
    assert slept == [0.05, 0.1]
