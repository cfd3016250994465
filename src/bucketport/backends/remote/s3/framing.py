"""How does long content carry a checksum or signatures that are known only at its end? In aws-chunked framing.

Chunks have one fixed size, so that the length on the wire is known beforehand. Unsigned chunks are for TLS; over plain
HTTP each chunk bears a signature.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import hashlib
from collections.abc import AsyncIterator, Sequence

from bucketport.backends.remote.upload import Upload
from bucketport.wire.checksums import ALGORITHMS
from bucketport.wire.sigv4 import ChunkSigner

SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER = (
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
)

_UNSIGNED_CHUNK = 1 << 20
_SIGNED_CHUNK = 128 << 10
"""A signed chunk is kept until its hash is known; an unsigned one goes out as it comes."""

_EXTENSION = len(";chunk-signature=") + 64
_TRAILER_SIGNATURE = len("x-amz-trailer-signature:") + 64 + 2


def _framed(length: int, chunk: int, extension: int) -> int:
    """Bytes on the wire of `length` bytes in chunks, with the size line of the last, empty one."""
    full, rest = divmod(length, chunk)
    total = full * (len(f"{chunk:x}") + extension + chunk + 4)
    if rest:
        total += len(f"{rest:x}") + extension + rest + 4
    return total + 1 + extension + 2


def _trailer_length(algorithm: str) -> int:
    """Bytes of the line that bears a checksum."""
    row = ALGORITHMS[algorithm]
    return len(row.header) + 1 + (row.length + 2) // 3 * 4 + 2


class _Chunks:
    """What both framings share."""

    def __init__(self, upload: Upload, algorithm: str) -> None:
        self._upload, self._algorithm = upload, algorithm
        self.begun = False

    def _trailer(self) -> bytes:
        """`name:value`, once the content is through."""
        row = ALGORITHMS[self._algorithm]
        return f"{row.header}:{self._upload.seal.checksums[self._algorithm]}".encode()


class UnsignedChunks(_Chunks):
    """Content in unsigned chunks, with a checksum behind it."""

    def __init__(self, upload: Upload, algorithm: str) -> None:
        super().__init__(upload, algorithm)
        self.length = _framed(upload.length, _UNSIGNED_CHUNK, 0) + _trailer_length(algorithm) + 2

    async def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """The framed content; the trailer comes after every check has passed."""
        self.begun = True
        left, of_chunk = self._upload.length, 0
        async for pieces in self._upload.blocks():
            out: list[bytes | memoryview] = []
            for piece in pieces:
                rest = piece
                while rest:
                    if not of_chunk:
                        of_chunk = min(_UNSIGNED_CHUNK, left)
                        out.append(b"%x\r\n" % of_chunk)
                    now, rest = (rest, b"") if len(rest) <= of_chunk else _cut(rest, of_chunk)
                    out.append(now)
                    left -= len(now)
                    of_chunk -= len(now)
                    if not of_chunk:
                        out.append(b"\r\n")
            yield out
        yield [b"0\r\n", self._trailer(), b"\r\n\r\n"]


class SignedChunks(_Chunks):
    """Content in signed chunks, with a signed checksum behind it where `algorithm` names one. `start` comes first."""

    def __init__(self, upload: Upload, algorithm: str) -> None:
        super().__init__(upload, algorithm)
        self.length = _framed(upload.length, _SIGNED_CHUNK, _EXTENSION) + 2
        if algorithm:
            self.length += _trailer_length(algorithm) + _TRAILER_SIGNATURE
        self._signer: ChunkSigner | None = None

    def start(self, signer: ChunkSigner) -> None:
        """Sign with this, whose chain begins with the request's own signature."""
        self._signer = signer

    async def blocks(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """The framed content; the last chunk comes after every check has passed."""
        assert self._signer is not None
        self.begun = True
        held: list[bytes | memoryview] = []
        size, digest = 0, hashlib.sha256()
        async for pieces in self._upload.blocks():
            out: list[bytes | memoryview] = []
            for piece in pieces:
                rest = piece
                while rest:
                    wanted = _SIGNED_CHUNK - size
                    now, rest = (rest, b"") if len(rest) <= wanted else _cut(rest, wanted)
                    held.append(now)
                    digest.update(now)
                    size += len(now)
                    if size == _SIGNED_CHUNK:
                        out += self._chunk(size, digest.digest(), held)
                        held, size, digest = [], 0, hashlib.sha256()
            if out:
                yield out
        last = self._chunk(size, digest.digest(), held) if size else []
        yield [*last, self._end()]

    def _chunk(self, size: int, digest: bytes, held: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
        assert self._signer is not None
        return [b"%x;chunk-signature=%b\r\n" % (size, self._signer.next_chunk(digest)), *held, b"\r\n"]

    def _end(self) -> bytes:
        assert self._signer is not None
        end = b"0;chunk-signature=%b\r\n" % self._signer.next_chunk(hashlib.sha256().digest())
        if self._algorithm:
            line = self._trailer()
            signature = self._signer.trailer(hashlib.sha256(line + b"\n").digest())
            end += b"%b\r\nx-amz-trailer-signature:%b\r\n" % (line, signature)
        return end + b"\r\n"


def _cut(piece: bytes | memoryview, at: int) -> tuple[memoryview, memoryview]:
    view = memoryview(piece)
    return view[:at], view[at:]
