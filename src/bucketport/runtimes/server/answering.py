"""How is one request answered? The handler runs, its answer goes out by body kind, and in every case what the answer
holds is given back once and the exchange is settled once.
"""

import traceback

from bucketport.errors import BackendError, InternalError, S3Error, SlowDown, answer_for
from bucketport.exchange import Exchange
from bucketport.message import FileSpans, NoBody, Request, Response, Stream, release
from bucketport.runtimes.server.body import IncomingBody, WholeBody
from bucketport.runtimes.server.flow import Flow
from bucketport.runtimes.server.head import Head
from bucketport.runtimes.server.sending import head_bytes, send_spans, send_stream

SMALL_REST = 64 << 10
"""An unread rest of a body up to this many bytes is read and dropped; above it, closing is cheaper."""

BODILESS = frozenset({204, 304})
"""Statuses that have no body and need no length. Source: RFC 9110 sections 8.6, 15.3.5 and 15.4.5."""


async def answer(flow: Flow, head: Head, body: IncomingBody | WholeBody | NoBody, client: str, scheme: str) -> None:
    """Run the handler and send what it answers.

    Raises: CancelledError, ConnectionError when the client has left.
    """
    server = flow.server
    headers = head.headers
    exchange = server.open(head.method, head.target, client, headers.get("user-agent", ""))
    flow.written, flow.burst = False, 0
    server.in_flight += 1
    try:
        if server.in_flight > server.limits.in_flight:
            flow.ending = True
            response = server.app.refuse(SlowDown(reason="too many requests at once"), exchange)
        else:
            request = Request(head.method, head.raw_path, head.raw_query, headers, body, client, scheme)
            response = await server.app.handle(request, exchange)
        content = response.body
        if type(content) is bytes:
            _send_bytes(flow, response, content, head, exchange)
        else:
            await _send_handle(flow, response, head, exchange)
    except BaseException:
        exchange.aborted = True
        raise
    finally:
        server.in_flight -= 1
        if not isinstance(body, NoBody):
            exchange.bytes_in = body.received
        server.settle(exchange)
    flow.answered = exchange.ended
    if flow.ending:
        flow.finish()


def refuse(flow: Flow, error: S3Error, method: str, target: str, client: str) -> None:
    """Answer what did not become a request, and end the connection."""
    server = flow.server
    flow.ending, flow.written = True, False
    exchange = server.open(method, target, client, "")
    try:
        if flow.transport.is_closing():
            exchange.aborted = True
        else:
            head = Head(method, target, "", "", {}, 0, False, False, False)
            _send_refusal(flow, error, head, exchange)
            flow.finish(mid_sentence=True)
    finally:
        server.settle(exchange)


def _send_bytes(flow: Flow, response: Response, content: bytes, head: Head, exchange: Exchange) -> None:
    try:
        raw_head = _head_of(flow, response, len(content), head, exchange)
    except ValueError as error:
        _cannot_send(flow, error, head, exchange)
        return
    if head.method == "HEAD" or response.status in BODILESS:
        flow.write(raw_head)
        return
    flow.write_both(raw_head, content)
    exchange.bytes_out = len(content)


async def _send_handle(flow: Flow, response: Response, head: Head, exchange: Exchange) -> None:
    """Send a body that is not in memory; what it holds is given back in any case."""
    body = response.body
    try:
        if not isinstance(body, FileSpans | Stream):
            raise TypeError(f"{type(body).__name__} is not a body that this runtime can send")
        raw_head = _head_of(flow, response, body.length, head, exchange)
        if head.method == "HEAD":
            flow.write(raw_head)
        elif isinstance(body, FileSpans):
            await send_spans(flow, raw_head, body, exchange, flow.server.readers)
        else:
            await send_stream(flow, raw_head, body, exchange, body.length is None and not head.http10)
    except ConnectionError:
        if flow.transport.is_closing():
            raise
        _cannot_send(flow, InternalError(reason="the source of a stream broke off"), head, exchange)
    except Exception as error:
        _cannot_send(flow, error, head, exchange)
    finally:
        release(body)


def _cannot_send(flow: Flow, error: Exception, head: Head, exchange: Exchange) -> None:
    """Answer the error while nothing was written, else break off: a short body may not look whole."""
    if isinstance(error, BackendError):
        refusal = answer_for(error)
    elif isinstance(error, S3Error):
        refusal = error
    else:
        refusal = InternalError(reason=f"bug: {type(error).__name__}: {error}")
        flow.server.report(f"{exchange.id} bug while sending\n{''.join(traceback.format_exception(error))}")
    if flow.written:
        exchange.aborted, exchange.code = True, refusal.code
        exchange.reason = refusal.reason or refusal.message
        flow.break_off()
        return
    exchange.bytes_out = 0
    flow.ending = True
    _send_refusal(flow, refusal, head, exchange)


def _send_refusal(flow: Flow, error: S3Error, head: Head, exchange: Exchange) -> None:
    response = flow.server.app.refuse(error, exchange)
    content = response.body if isinstance(response.body, bytes) else b""
    raw_head = _head_of(flow, response, len(content), head, exchange)
    if head.method == "HEAD":
        content = b""
    flow.write(raw_head + content)
    exchange.bytes_out = len(content)


def _head_of(flow: Flow, response: Response, length: int | None, head: Head, exchange: Exchange) -> bytes:
    """The answer's head; it says whether the connection goes on after it, and `flow.ending` is set if not.

    Raises: ValueError when a header cannot be sent, or Content-Length disagrees with the body.
    """
    server = flow.server
    headers, status = response.headers, response.status
    declared = headers.get("Content-Length")
    framing = ""
    if declared is not None:
        if head.method != "HEAD" and declared != str(length):
            raise ValueError(f"the answer's Content-Length is {declared}, its body has {length} bytes")
    elif length is not None:
        if status not in BODILESS:
            framing = f"Content-Length: {length}\r\n"
    elif head.method != "HEAD" and not head.http10:
        framing = "Transfer-Encoding: chunked\r\n"
    if flow.ending or not head.keep_alive or response.close or not _may_go_on(flow, length, head):
        flow.ending = True
        framing += "Connection: close\r\n"
    elif head.http10:
        framing += "Connection: keep-alive\r\n"
    headed = server.monotonic()
    preamble = server.preamble(exchange.started_at + headed - exchange.started)
    exchange.status, exchange.headed = status, headed
    if exchange.upstream:
        framing += f"Server-Timing: {exchange.timing}\r\n"
    return head_bytes(status, headers, f"x-amz-request-id: {exchange.id}\r\n{preamble}{framing}")


def _may_go_on(flow: Flow, length: int | None, head: Head) -> bool:
    """Whether another request may follow: nobody stops, and what is left of this one's body is a trifle."""
    if flow.server.draining or (length is None and head.http10):
        return False
    body = flow.body
    if body is None or body.ended:
        return True
    return not (body.broken or body.expects or body.left is None or body.left > SMALL_REST)
