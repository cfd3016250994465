"""How does a plan become traffic? Keys, signatures, retries, and one meaning for everything that goes wrong.

The only place that awaits a client. A plan sees answers below 500 and nothing else; what is transient was repeated
here within a budget, and what stays broken is thrown into the plan as a BackendError.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from bucketport.backends.remote import retry, trouble
from bucketport.backends.remote.credentials import Keys
from bucketport.backends.remote.dialect import Dialect, Plan
from bucketport.errors import BackendError, InvalidURI, Trouble
from bucketport.exchange import current
from bucketport.message import HttpAnswer, HttpRequest, Stream, release
from bucketport.ports import HttpClient, Now
from bucketport.record import record

C = TypeVar("C")
T = TypeVar("T")

ERROR_LIMIT = 64 << 10
"""Bytes of an error's body that are read; S3's have some 400."""


@record
class Surroundings:
    """What a backend needs of the world. `clock` is monotonic, `random` gives 0 to 1, both clocks are in seconds."""

    client: HttpClient
    now: Now
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    random: Callable[[], float]
    user_agent: str = "bucketport"


class Sender(Generic[C]):
    """Runs the plans of one dialect."""

    def __init__(self, dialect: Dialect[C], keys: Keys[C], surroundings: Surroundings) -> None:
        self._dialect, self._keys, self._world = dialect, keys, surroundings
        self._budget = retry.Budget()
        self._agent = {"user-agent": surroundings.user_agent}

    async def presign(self, make: Callable[[C | None, float], T]) -> T:
        """What `make` makes of the present key and time. Raises: BackendError when no key is to be had."""
        return make(await self._keys.get(), self._world.now())

    async def run(self, plan: Plan[T]) -> T:
        """Carry a plan out. Raises: S3Error, BackendError; nothing stays open then."""
        held: HttpAnswer | None = None
        try:
            request = next(plan)
            while True:
                try:
                    answer = await self._send(request)
                except BackendError as error:
                    request = plan.throw(error)
                    continue
                if type(answer.body) is not bytes:
                    held = answer
                request = plan.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        except BaseException:
            if held is not None:
                release(held.body)
            raise
        finally:
            plan.close()

    async def _send(self, request: HttpRequest) -> HttpAnswer:
        """An answer below 500, repeated as often as it is worth it. Raises: BackendError."""
        world, exchange = self._world, current.get()
        if world.client.normalises_paths and has_dot_segments(request.path):
            raise InvalidURI("A key with a `.` or `..` segment cannot be reached from here.")
        headers = {**request.headers, **self._agent}
        if exchange is not None:
            headers["x-request-id"] = exchange.id
        request = request.with_headers(headers)
        attempt, renewed = 1, False
        while True:
            began, error, answered = world.clock(), None, False
            try:
                answer = await self._once(request)
                answered = True
                if answer.status in trouble.TRANSIENT or answer.status > 501:
                    error = trouble.trouble_of(answer, self._dialect.code_of(answer))
            except BackendError as broken:
                error = broken
            finally:
                if exchange is not None:
                    exchange.upstream += world.clock() - began
            if error is None:
                if answer.status >= 400 and not renewed and self._dialect.stale(answer) and _whole_body(request):
                    self._keys.forget()
                    renewed = True
                    continue
                self._budget.gain()
                return answer
            repeats = attempt < retry.ATTEMPTS and retry.repeatable(request, error, answered=answered)
            if not repeats or not self._budget.spend():
                raise error
            await world.sleep(retry.pause(attempt, error, world.random))
            attempt += 1

    async def _once(self, request: HttpRequest) -> HttpAnswer:
        """Sign, send, and read what is not to be streamed."""
        key = await self._keys.get()
        answer = await self._world.client.send(self._dialect.sign(request, key, self._world.now()))
        if type(answer.body) is bytes or (request.streamed and answer.status < 300):
            return answer
        limit = request.answer_limit if answer.status < 300 else ERROR_LIMIT
        return HttpAnswer(answer.status, answer.headers, await read_whole(answer, limit))


async def read_whole(answer: HttpAnswer, limit: int) -> bytes:
    """All of an answer's body. Raises: BackendError, also when it is longer than `limit` bytes."""
    body = answer.body
    if not isinstance(body, Stream):
        return body
    pieces, size = [], 0
    try:
        async with contextlib.aclosing(body.chunks) as chunks:  # type: ignore[type-var]
            async for piece in chunks:
                size += len(piece)
                if size > limit:
                    raise BackendError(Trouble.UNEXPECTED, f"an answer of more than {limit} bytes")
                pieces.append(piece)
    finally:
        body.release()
    return b"".join(pieces)


def has_dot_segments(path: str) -> bool:
    """Whether a transport that normalises paths would change this one. Source: RFC 3986 section 5.2.4."""
    return any(segment in (".", "..") for segment in path.replace("%2E", ".").replace("%2e", ".").split("/"))


def _whole_body(request: HttpRequest) -> bool:
    return isinstance(request.body, bytes) or not request.body.begun
