"""What does a request or an answer look like to the core? Values, and bodies as handles.

A request's path and query are exactly the bytes that were signed; its body is unread. An answer's body is one of four
kinds, and a runtime knows how to send each: the core never loops over content. What we send to others and what they
answer (HttpRequest, HttpAnswer) are values too, sent by whatever implements `ports.HttpClient`.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

from bucketport.model import NO_HEADERS
from bucketport.record import record


class RequestBody(Protocol):
    """The bytes of a request as they come off the wire: no framing of HTTP left, aws-chunked framing still in them.

    A runtime implements it. Nothing is read from the client (and no `100 Continue` is sent) before the first `read`.
    """

    length: int | None
    """The declared Content-Length; None for `Transfer-Encoding: chunked`; 0 when there is no body."""

    async def read(self) -> bytes:
        """The next bytes, in whatever size the wire gave them; empty at the end.

        Raises: IncompleteBody when the client broke off or sent less than it declared, RequestTimeout when it stalled.
        """
        ...

    def outlive(self) -> None:
        """From now on a client that leaves ends its body (`read` raises IncompleteBody), but not the handler."""
        ...

    def within(self, seconds: float) -> None:
        """All of it must be here in that time from now, or `read` raises RequestTimeout."""
        ...


class NoBody:
    """The body of a request that has none."""

    length: int | None = 0

    async def read(self) -> bytes:
        """Nothing, at once."""
        return b""

    def outlive(self) -> None:
        """It is all here."""

    def within(self, seconds: float) -> None:
        """It is all here."""


class BytesBody:
    """A body that is already in memory, handed out in pieces of at most `piece` bytes (for tests and for Lambda)."""

    def __init__(self, content: bytes, piece: int = 1 << 20) -> None:
        self._content, self._piece, self._at = content, piece, 0
        self.length: int | None = len(content)

    async def read(self) -> bytes:
        """The next piece; empty at the end."""
        piece = self._content[self._at : self._at + self._piece]
        self._at += len(piece)
        return piece

    def outlive(self) -> None:
        """It is all here."""

    def within(self, seconds: float) -> None:
        """It is all here."""


@record
class Request:
    """A request as received.

    `raw_path` (begins with `/`) and `raw_query` (without `?`) are the target's bytes as latin-1 text, undecoded.
    `headers`: names lower-cased, values as latin-1 text with outer white space removed, repeated fields joined by `,`.
    `client` is the peer's address; `scheme` what the client used to reach us. `base` is the start of `raw_path` that
    stands before the bucket (behind a reverse proxy with a path of its own): signed, but no part of the address.
    """

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: RequestBody
    client: str = ""
    scheme: str = "http"
    base: str = ""


def _nothing() -> None:
    """The release of a handle that holds nothing."""


@record
class FileSpans:
    """Content that lies in files: (path, start, stop) in order; stop is exclusive. One blob's, or a manifest's.

    `release` is called exactly once when the bytes were sent or will not be; until then the files stay in place.
    `corrupt` is called with a path when a file is missing or shorter than its span says.
    """

    spans: list[tuple[str, int, int]]
    release: Callable[[], None] = _nothing
    corrupt: Callable[[str], None] | None = None

    @property
    def length(self) -> int:
        """How many bytes all spans hold together."""
        return sum(stop - start for _, start, stop in self.spans)


@record
class Stream:
    """Content that arrives piece by piece. An exception from `chunks` after the head was sent breaks the connection.

    `length` None: unknown beforehand (sent chunked). `release` is called exactly once, also when nothing was sent.
    """

    chunks: AsyncIterator[bytes]
    length: int | None
    release: Callable[[], None] = _nothing


@record
class Native:
    """A runtime's own stream handle (a Workers ReadableStream), passed through untouched."""

    handle: Any
    length: int | None


ResponseBody = bytes | FileSpans | Stream | Native


@record
class Response:
    """An answer. Header names in the case S3 writes them; a runtime adds Content-Length (from the body, unless set),
    Date, Server, Connection and x-amz-request-id.

    To a HEAD the runtime sends the same head and no body. `close` asks for the connection to end after this answer.
    """

    status: int
    headers: dict[str, str]
    body: ResponseBody = b""
    close: bool = False


def release(body: ResponseBody) -> None:
    """Give back what a body handle holds; for a runtime, once per response, sent or not."""
    if isinstance(body, FileSpans | Stream):
        body.release()


@record
class Endpoint:
    """A server that we call: `scheme` is `http` or `https`, `host` a name or an address (IPv6 without brackets).

    `authority` is what the Host header says of it: the port is left out where it is the scheme's own. `base` is the
    start of every path there, without a slash at its end (mostly empty). `tls_name`: whose certificate it must show;
    empty: that of `host`.
    """

    scheme: str
    host: str
    port: int
    authority: str
    base: str = ""
    tls_name: str = ""


class Outgoing(Protocol):
    """A body that is sent while it is made; once it has begun it cannot be sent again."""

    length: int
    """Bytes on the wire: the Content-Length."""

    begun: bool
    """Whether anything was taken from it."""

    def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """The bytes, some pieces at a time, `length` of them in all.

        An exception from it breaks the connection off before the last byte, so that nothing is stored there; it
        reaches whoever sent the request.
        """
        ...


@record
class HttpRequest:
    """A request that we send. `path` (begins with `/`) and `query` (without `?`) go out exactly as they are here.

    `headers`: lower-case names, latin-1 values; the transport adds Host and Content-Length, and nothing else.
    `idempotent`: it may be sent again when no answer came. `streamed`: the content of a good answer is handed on as
    it comes; else it is read whole, up to `answer_limit` bytes.
    """

    method: str
    endpoint: Endpoint
    path: str
    query: str = ""
    headers: Mapping[str, str] = NO_HEADERS
    body: bytes | Outgoing = b""
    idempotent: bool = True
    streamed: bool = False
    answer_limit: int = 16 << 20

    @property
    def url(self) -> str:
        """The whole URL, for transports that want one and for logs."""
        mark = "?" if self.query else ""
        return f"{self.endpoint.scheme}://{self.endpoint.authority}{self.path}{mark}{self.query}"

    def with_headers(self, headers: Mapping[str, str]) -> "HttpRequest":
        """The same request with these headers. (`dataclasses.replace` takes twice as long, and every request is
        changed twice on its way.)"""
        return HttpRequest(
            self.method, self.endpoint, self.path, self.query, headers, self.body, self.idempotent, self.streamed,
            self.answer_limit,
        )  # fmt: skip


@record
class HttpAnswer:
    """What came back. `headers`: lower-case names, latin-1 values, repeated fields joined by `, `.

    `body` is all of it, or a Stream of it when it is long; that one has to be released.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | Stream = b""

    @property
    def content(self) -> bytes:
        """The body of an answer that was read whole."""
        assert isinstance(self.body, bytes)
        return self.body
