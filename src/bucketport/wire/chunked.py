"""What is the content of an aws-chunked body? Its framing taken off, every chunk's signature checked.

S3 clients that sign while they stream, or that send a checksum after the content, cut the content into chunks of
`SIZE[;chunk-signature=HEX]\\r\\n` and as many bytes and `\\r\\n`; a chunk of size 0 ends it, and trailers may follow.
The decoder hands content on as views of what it was fed and keeps nothing but a partial line, whatever the chunk's
size. Content is therefore handed on before its chunk's signature is known: whoever stores it commits after `finish`.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html
"""

import enum
import hashlib
import hmac
from collections.abc import Mapping
from typing import NoReturn, Protocol

from bucketport.errors import (
    IncompleteBody,
    InvalidArgument,
    InvalidChunkSizeError,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    S3Error,
    SignatureDoesNotMatch,
)
from bucketport.record import record

MIN_CHUNK = 8192
"""The smallest size of any chunk but the last. Source: S3, InvalidChunkSizeError."""

MAX_CONTENT = 50 * 1024**4
"""No content is longer, in bytes; more than S3 takes in one request, so that operations name the true limit."""

_LINE = 256
"""A chunk's size line is at most 16 + 81 bytes; whatever is longer is no size line."""

_TRAILERS = 8192
"""All trailers together, in bytes. S3 knows one checksum and its signature: some 200."""

_HEX = b"0123456789abcdefABCDEF"
_SIGNATURE = b"chunk-signature="
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class Signer(Protocol):
    """What the chunks are checked with; `wire.sigv4.ChunkSigner` is one."""

    def next_chunk(self, payload_sha256: bytes) -> bytes:
        """The hex signature that the next chunk must bear, given the SHA-256 of its payload; advances the chain."""
        ...

    def trailer(self, trailer_sha256: bytes) -> bytes:
        """The hex signature that the trailer must bear."""
        ...


@record
class Form:
    """A form of aws-chunked: whether each chunk is signed, and whether trailers follow the content."""

    signed: bool
    trailer: bool


FORMS: Mapping[str, Form] = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": Form(signed=True, trailer=False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": Form(signed=True, trailer=True),
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": Form(signed=False, trailer=True),
}
"""By the x-amz-content-sha256 that announces it."""


class _Expect(enum.Enum):
    SIZE = "a size line"
    DATA = "a chunk's bytes"
    BREAK = "the line break after a chunk"
    TRAILER = "a trailer or the empty line"
    NOTHING = "nothing more"


def decoder_for(payload: str, headers: Mapping[str, str], signer: Signer | None) -> "Decoder | None":
    """The Decoder that a request's body needs; None when `payload` (its x-amz-content-sha256) names no chunked form.

    Raises: MissingContentLength without x-amz-decoded-content-length, InvalidArgument when that is no length,
    InvalidRequest when a form without trailers announces some, or when a signed form comes without a signer.
    """
    form = FORMS.get(payload)
    if form is None:
        return None
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        raise MissingContentLength(reason="x-amz-decoded-content-length is missing")
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_CONTENT):
        raise InvalidArgument(
            "x-amz-decoded-content-length must be a number of bytes.",
            fields={"ArgumentName": "x-amz-decoded-content-length", "ArgumentValue": text[:200]},
        )
    names = [name.strip(" \t").lower() for name in headers.get("x-amz-trailer", "").split(",")]
    announced = frozenset(name for name in names if name)
    if announced and not form.trailer:
        raise MalformedTrailerError(reason="x-amz-trailer is sent with a form that has no trailers")
    if form.signed and signer is None:
        raise InvalidRequest(f"{payload} needs a request that is signed.")
    return Decoder(int(text), signer if form.signed else None, announced if form.trailer else None)


class Decoder:
    """Takes the framing off one body: `feed` each piece as it comes, then `finish`.

    `length` is the content's declared length in bytes; `signer` is None where chunks are not signed; `trailers` are the
    lower-case names announced by x-amz-trailer, None where no trailer can follow. After an error it is not fed again.
    """

    __slots__ = (
        "_chunk",
        "_expect",
        "_found",
        "_hash",
        "_left",
        "_line",
        "_number",
        "_signature",
        "_signed_lines",
        "_signer",
        "_size",
        "_total",
        "_trailer_bytes",
        "_trailer_signature",
        "_trailers",
        "length",
    )

    def __init__(self, length: int, signer: Signer | None, trailers: frozenset[str] | None) -> None:
        self.length, self._signer, self._trailers = length, signer, trailers
        self._expect = _Expect.SIZE
        self._line = b""
        self._number = self._total = 0
        self._size = MIN_CHUNK
        self._left = 0
        self._signature = b""
        self._hash = hashlib.sha256()
        self._found: dict[str, str] = {}
        self._signed_lines = b""
        self._trailer_bytes = 0
        self._trailer_signature = b""

    def feed(self, raw: bytes) -> list[bytes | memoryview]:
        """The content in the next piece of the body, as views of `raw`, in order.

        Raises: InvalidRequest, InvalidChunkSizeError, IncompleteBody (more content than declared),
        SignatureDoesNotMatch, MalformedTrailerError.
        """
        stop = len(raw)
        if self._left > stop:
            # Inside a chunk: nothing to look for.
            self._left -= stop
            if self._signer is not None:
                self._hash.update(raw)
            return [raw] if stop else []
        content: list[bytes | memoryview] = []
        view = memoryview(raw)
        at = 0
        while at < stop:
            if self._expect is _Expect.DATA:
                end = min(at + self._left, stop)
                self._take(view[at:end], content)
                at = end
            else:
                at = self._read_line(raw, at)
        return content

    def finish(self) -> dict[str, str]:
        """Say that the body is over: its trailers, by lower-case name, without their signature.

        Raises: IncompleteBody when it broke off or is shorter than declared, MalformedTrailerError when an announced
        trailer is missing.
        """
        if self._expect is not _Expect.NOTHING or self._total != self.length:
            raise _incomplete(f"{self._total} of {self.length} bytes came; {self._expect.value} was expected")
        return self._found

    def _take(self, piece: memoryview, content: list[bytes | memoryview]) -> None:
        """Bytes of the current chunk; its last one is where the signature is judged."""
        content.append(piece)
        self._left -= len(piece)
        if self._signer is not None:
            self._hash.update(piece)
        if not self._left:
            self._close_chunk()
            self._expect = _Expect.BREAK

    def _close_chunk(self) -> None:
        if self._signer is None:
            return
        right = self._signer.next_chunk(self._hash.digest())
        if not hmac.compare_digest(right, self._signature):
            raise SignatureDoesNotMatch(reason=f"chunk {self._number} bears a wrong signature")
        self._hash = hashlib.sha256()

    def _read_line(self, raw: bytes, at: int) -> int:
        """Read the line that begins at `at` (or before this piece); where the bytes after it begin."""
        if self._expect is _Expect.NOTHING:
            self._malformed("bytes follow the end of the body")
        limit = _TRAILERS if self._expect is _Expect.TRAILER else _LINE
        end = raw.find(b"\n", at, at + limit)
        if end < 0:
            self._line += raw[at : at + limit + 1]
            if len(self._line) > limit:
                self._malformed("a line is too long")
            return len(raw)
        line = self._line + raw[at:end]
        self._line = b""
        if line[-1:] != b"\r" or b"\r" in line[:-1]:
            self._malformed("a line does not end in CR LF")
        self._accept_line(line[:-1])
        return end + 1

    def _accept_line(self, line: bytes) -> None:
        if self._expect is _Expect.SIZE:
            self._accept_size(line)
        elif self._expect is _Expect.TRAILER:
            self._accept_trailer(line)
        elif line:
            self._malformed("a line break was expected after a chunk")
        else:
            self._expect = _Expect.SIZE

    def _accept_size(self, line: bytes) -> None:
        """The line that begins a chunk."""
        digits, separator, extension = line.partition(b";")
        if not 0 < len(digits) <= 16 or digits.translate(None, _HEX):
            self._malformed("a chunk's size is not hexadecimal")
        if self._signer is None:
            if separator:
                self._malformed("an unsigned chunk has an extension")
        elif extension[:16] != _SIGNATURE or len(extension) != 80:
            self._malformed("a chunk's signature is missing")
        self._signature = extension[16:]
        size = int(digits, 16)
        if size and self._size < MIN_CHUNK:
            fields = {"Chunk": str(self._number), "BadChunkSize": str(self._size)}
            raise InvalidChunkSizeError(fields=fields)
        self._number += 1
        self._size = self._left = size
        self._total += size
        if self._total > self.length:
            raise _incomplete(f"{self.length} bytes were declared, a chunk ends at {self._total}")
        if size:
            self._expect = _Expect.DATA
            return
        self._close_chunk()
        if self._total < self.length:
            raise _incomplete(f"{self._total} of {self.length} bytes came")
        self._expect = _Expect.TRAILER

    def _accept_trailer(self, line: bytes) -> None:
        """A line after the last chunk; the empty one ends the body."""
        self._trailer_bytes += len(line)
        if self._trailer_bytes > _TRAILERS:
            self._malformed("the trailers are too long")
        if not line:
            self._close_trailer()
            self._expect = _Expect.NOTHING
            return
        text = line.decode("latin-1")
        name, separator, value = text.partition(":")
        name, value = name.lower(), value.strip(" \t")
        if not separator or not name or not _NAME.issuperset(name) or not value or self._trailer_signature:
            self._malformed("a trailer is not `name:value`, or it comes after the signature")
        if name == "x-amz-trailer-signature" and self._signer is not None and self._trailers is not None:
            self._trailer_signature = value.encode("latin-1")
        elif self._trailers is None or name not in self._trailers or name in self._found:
            self._malformed("a trailer was not announced by x-amz-trailer, or it comes twice")
        else:
            self._found[name] = value
            self._signed_lines += f"{name}:{value}\n".encode("latin-1")

    def _close_trailer(self) -> None:
        if self._trailers is None:
            return
        if len(self._found) != len(self._trailers):
            self._malformed("an announced trailer is missing")
        if self._signer is None:
            return
        if not self._trailer_signature:
            if self._trailers:
                self._malformed("the trailer's signature is missing")
            return
        right = self._signer.trailer(hashlib.sha256(self._signed_lines).digest())
        if not hmac.compare_digest(right, self._trailer_signature):
            raise SignatureDoesNotMatch(reason="the trailer bears a wrong signature")

    def _malformed(self, what: str) -> NoReturn:
        if self._expect is _Expect.TRAILER:
            raise MalformedTrailerError(reason=what)
        raise InvalidRequest("The aws-chunked body is malformed.", reason=f"chunk {self._number}: {what}")


def _incomplete(reason: str) -> S3Error:
    return IncompleteBody("The request body terminated unexpectedly", reason=reason)
