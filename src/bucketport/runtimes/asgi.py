"""How is the core mounted in another application? As ASGI: the same answers inside uvicorn, Starlette or FastAPI.

The ASGI server reads HTTP, so what it lets through (a `#` cut from the target, an endless header) is its own affair;
`runtimes.server` is the faster and the stricter one. Mount it at the root: signatures cover the whole path.
Source: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from bucketport.errors import (
    BackendError,
    IncompleteBody,
    InternalError,
    InvalidRequest,
    RequestTimeout,
    S3Error,
    answer_for,
)
from bucketport.exchange import Exchange
from bucketport.message import FileSpans, NoBody, Request, Response, Stream, release
from bucketport.ports import NewId, Now
from bucketport.runtimes.application import Application, Recorder
from bucketport.runtimes.files import pieces_of

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Lifespan = Callable[[], AbstractAsyncContextManager[object]]

BATCH = 1 << 20
"""Bytes that a read gathers unless the body ends: whoever stores them does so in another thread."""

READERS = 4
"""Threads for reads of files that the page cache does not hold."""


class AsgiApplication:
    """An ASGI 3 application. `lifespan`, if given, is entered at the server's start and left at its end.

    `meters`, `now`, `monotonic`, `new_id` and `report` are what they are for `runtimes.server.Server`.
    """

    def __init__(
        self,
        app: Application,
        *,
        meters: Sequence[Recorder],
        now: Now,
        monotonic: Callable[[], float],
        new_id: NewId,
        report: Callable[[str], None],
        lifespan: Lifespan | None = None,
    ) -> None:
        self._app, self._meters = app, tuple(meters)
        self._now, self._monotonic, self._new_id, self._report = now, monotonic, new_id, report
        self._lifespan = lifespan
        self._readers: Executor = ThreadPoolExecutor(READERS, "bucketport-read")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an `http` or `lifespan` scope. Raises: ValueError for another; what broke an answer under way."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            raise ValueError(f"bucketport serves http, not {scope['type']}")

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol: what keeps us from starting or stopping is told to the server."""
        held = self._lifespan() if self._lifespan is not None else None
        for stage in ("startup", "shutdown"):
            await receive()
            try:
                if held is not None and stage == "startup":
                    await held.__aenter__()
                elif held is not None:
                    await held.__aexit__(None, None, None)
            except Exception as error:
                await send({"type": f"lifespan.{stage}.failed", "message": f"{type(error).__name__}: {error}"})
                return
            await send({"type": f"lifespan.{stage}.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope["headers"])
        exchange = self._open(scope, headers)
        body = _Body(receive, headers, scope)
        work = asyncio.current_task()
        assert work is not None
        try:
            body.watch(work)
            response = await self._respond(scope, headers, body, exchange)
            if body.outlives and body.left:
                exchange.aborted, exchange.status = True, response.status
                release(response.body)
            else:
                body.outlives = False
                await self._deliver(response, send, body, exchange)
        except asyncio.CancelledError:
            exchange.aborted = True
            if not body.cut_off:
                raise
            work.uncancel()
        except BaseException:
            exchange.aborted = True
            raise
        finally:
            body.close()
            exchange.bytes_in = body.received
            exchange.ended = self._monotonic()
            for meter in self._meters:
                meter.record(exchange)

    def _open(self, scope: Scope, headers: dict[str, str]) -> Exchange:
        raw_path, raw_query = _target(scope)
        return Exchange(
            self._new_id(),
            self._now(),
            self._monotonic(),
            scope["method"],
            f"{raw_path}?{raw_query}" if raw_query else raw_path,
            (scope.get("client") or ("",))[0],
            headers.get("user-agent", ""),
        )

    async def _respond(self, scope: Scope, headers: dict[str, str], body: "_Body", exchange: Exchange) -> Response:
        if body.malformed:
            return self._app.refuse(InvalidRequest("Your request's Content-Length is not a number."), exchange)
        raw_path, raw_query = _target(scope)
        request = Request(
            scope["method"],
            raw_path,
            raw_query,
            headers,
            NoBody() if body.length == 0 else body,
            exchange.client,
            scope.get("scheme", "http"),
        )
        return await self._app.handle(request, exchange)

    async def _deliver(self, response: Response, send: Send, body: "_Body", exchange: Exchange) -> None:
        """Send the answer; while nothing of it is out, what goes wrong is answered instead."""
        answer = _Answer(send, exchange, self._monotonic, body)
        try:
            try:
                await answer.send(response, self._readers)
            finally:
                release(response.body)
        except Exception as error:
            refusal = _refusal(error)
            if not isinstance(error, S3Error | BackendError):
                self._report(f"{exchange.id} bug while sending\n{''.join(traceback.format_exception(error))}")
            if answer.begun:
                exchange.code, exchange.reason = refusal.code, refusal.reason or refusal.message
                raise
            exchange.bytes_out = 0
            await answer.send(self._app.refuse(refusal, exchange), self._readers)


def _refusal(error: Exception) -> S3Error:
    if isinstance(error, BackendError):
        return answer_for(error)
    return error if isinstance(error, S3Error) else InternalError(reason=f"bug: {type(error).__name__}: {error}")


def _target(scope: Scope) -> tuple[str, str]:
    """Path and query as received, as far as the ASGI server kept them."""
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    raw_query: bytes = scope.get("query_string", b"")
    return raw_path.decode("latin-1"), raw_query.decode("latin-1")


def _headers(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip(" \t")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


class _Body:
    """A request's body as `receive` gives it, and the news that the client has left."""

    def __init__(self, receive: Receive, headers: dict[str, str], scope: Scope) -> None:
        self._receive = receive
        self.http1 = scope.get("http_version", "1.1").startswith("1")
        declared = headers.get("content-length")
        if declared is None and (scope["method"] not in ("PUT", "POST") if not self.http1 else _unframed(headers)):
            declared = "0"
        self.malformed = declared is not None and not (declared.isascii() and declared.isdigit())
        self.length: int | None = None if declared is None or self.malformed else int(declared)
        self.ended = self.length == 0
        self.received = 0
        self.outlives = False
        """Whether the work goes on when the client leaves."""
        self.left = False
        """Whether the client is gone."""
        self.cut_off = False
        """Whether the work was cancelled for that."""
        self._error: S3Error | None = None
        self._limit: float | None = None
        self._work: asyncio.Task[Any] | None = None
        self._watcher: asyncio.Task[None] | None = None

    def outlive(self) -> None:
        """As `message.RequestBody.outlive`: what has arrived is read first, and then `read` raises."""
        self.outlives = True

    def within(self, seconds: float) -> None:
        """As `message.RequestBody.within`."""
        self._limit = asyncio.get_running_loop().time() + seconds

    async def read(self) -> bytes:
        """As `message.RequestBody.read`."""
        pieces: list[bytes] = []
        size = 0
        while not self.ended and self._error is None and size < BATCH:
            try:
                message = await self._receive() if self._limit is None else await self._receive_in_time()
            except TimeoutError:
                self._error = RequestTimeout()
                break
            if message["type"] == "http.disconnect":
                self.left, self._error = True, IncompleteBody()
                break
            piece = message.get("body", b"")
            pieces.append(piece)
            size += len(piece)
            self.received += len(piece)
            if not message.get("more_body", False):
                self.ended = True
                self._start_watching()
                if self.length is not None and self.received != self.length:
                    self._error = IncompleteBody()
        if self._error is not None and not (self.outlives and size):
            raise self._error
        return b"".join(pieces)

    async def _receive_in_time(self) -> dict[str, Any]:
        async with asyncio.timeout_at(self._limit):
            return await self._receive()

    def watch(self, work: "asyncio.Task[Any]") -> None:
        """Cancel `work` when the client leaves. Before the body's end there is no way to know: to ask is to read."""
        self._work = work
        if self.ended:
            self._start_watching()

    def _start_watching(self) -> None:
        self._watcher = asyncio.ensure_future(self._wait_for_end())

    async def _wait_for_end(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        if self._work is not None and not self.outlives:
            self.cut_off = True
            self._work.cancel()

    def close(self) -> None:
        """The request is over."""
        self._work = None
        if self._watcher is not None:
            self._watcher.cancel()


def _unframed(headers: dict[str, str]) -> bool:
    """Without a length HTTP/1.1 has a body only in chunks; HTTP/2 does not say whether it has one."""
    return "transfer-encoding" not in headers


class _Answer:
    """Sends a Response as ASGI messages. `begun`: its start is out, so nothing else can be answered any more."""

    def __init__(self, send: Send, exchange: Exchange, monotonic: Callable[[], float], body: _Body) -> None:
        self._send, self._exchange, self._monotonic, self._body = send, exchange, monotonic, body
        self.begun = False

    async def send(self, response: Response, readers: Executor) -> None:
        """Send it. Raises: what its body raises; ValueError when that is not of the length it promised."""
        body = response.body
        if isinstance(body, bytes):
            await self._start(response, len(body))
            if self._exchange.method == "HEAD" or response.status in (204, 304):
                body = b""
            self._exchange.bytes_out = len(body)
            await self._send({"type": "http.response.body", "body": body})
        elif isinstance(body, FileSpans | Stream):
            if self._exchange.method == "HEAD":
                await self._start(response, body.length)
                await self._send({"type": "http.response.body", "body": b""})
            else:
                await self._send_pieces(response, body, readers)
        else:
            raise TypeError(f"{type(body).__name__} is not a body that this runtime can send")

    async def _send_pieces(self, response: Response, body: FileSpans | Stream, readers: Executor) -> None:
        left = body.length
        pieces = pieces_of(body, readers) if isinstance(body, FileSpans) else _chunks(body)
        async with aclosing(pieces):
            async for piece in pieces:
                if left is not None:
                    left -= len(piece)
                    if left < 0:
                        raise ValueError("the stream is longer than its length")
                if not self.begun:
                    await self._start(response, body.length)
                self._exchange.bytes_out += len(piece)
                await self._send({"type": "http.response.body", "body": bytes(piece), "more_body": True})
        if left:
            raise ValueError("the stream is shorter than its length")
        if not self.begun:
            await self._start(response, body.length)
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, response: Response, length: int | None) -> None:
        exchange = self._exchange
        headers = {"x-amz-request-id": exchange.id, **{name.lower(): text for name, text in response.headers.items()}}
        if length is not None and response.status not in (204, 304):
            headers.setdefault("content-length", str(length))
            if exchange.method != "HEAD" and headers["content-length"] != str(length):
                raise ValueError("the answer's Content-Length is not its body's")
        if self._body.http1 and (response.close or not self._body.ended):
            headers["connection"] = "close"
        exchange.status, exchange.headed = response.status, self._monotonic()
        if exchange.upstream:
            headers["server-timing"] = exchange.timing
        raw_headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]
        if any(set(text) & set(b"\r\n\0") for _, text in raw_headers):
            raise ValueError("a header of the answer holds a line end")
        self.begun = True
        await self._send({"type": "http.response.start", "status": response.status, "headers": raw_headers})


async def _chunks(body: Stream) -> AsyncGenerator[bytes, None]:
    """The stream's pieces that hold something; its source is closed with it."""
    try:
        async for piece in body.chunks:
            if piece:
                yield piece
    finally:
        close = getattr(body.chunks, "aclose", None)
        if close is not None:
            await close()
