"""Is what the client sends what it said it would send? The body of a PUT, checked while it passes.

Everything that can be declared about content is checked here: length, aws-chunked framing and its signatures, the
signed SHA-256, Content-MD5, a checksum by header or by trailer. A mismatch raises from `accept` or `finish`, and then
whoever stores must not commit.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence

from bucketport.errors import (
    BadDigest,
    ContentSHA256Mismatch,
    EntityTooLarge,
    IncompleteBody,
    InvalidDigest,
    MalformedTrailerError,
    MissingContentLength,
    S3Error,
)
from bucketport.message import Request, RequestBody
from bucketport.model import Promised, Sealed
from bucketport.ports import Digests, Hasher, Proof
from bucketport.record import record
from bucketport.wire import checksums
from bucketport.wire.chunked import Decoder, decoder_for

DEFAULT_CHECKSUM = "CRC64NVME"
"""What S3 computes when a client declares no checksum.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html (checked 2026-11)"""


@record
class Declared:
    """What a request says of its content. `checksum` is (algorithm, base64) from a header.

    `length` is decoded, None when a chunked request does not say; `limit` holds in any case.
    """

    length: int | None
    limit: int
    decoder: Decoder | None
    md5: bytes | None
    sha256: str
    checksum: tuple[str, str] | None
    trailer: str | None
    announced: str | None


def declare(request: Request, proof: Proof, limit: int, *, of_body: bool = True) -> Declared:
    """Read the declarations, before the body is touched. `of_body` False: checksum headers speak of something else.

    Raises: MissingContentLength, EntityTooLarge (over `limit` bytes), InvalidDigest, InvalidRequest.
    """
    headers = request.headers
    payload = proof.payload or headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    decoder = decoder_for(payload, headers, proof.signer)
    length = request.body.length if decoder is None else decoder.length
    if length is not None and length > limit:
        raise _too_large(length, limit)
    return Declared(
        length=length,
        limit=limit,
        decoder=decoder,
        md5=_md5(headers.get("content-md5")),
        sha256="" if decoder is not None or payload == "UNSIGNED-PAYLOAD" else payload.lower(),
        checksum=checksums.declared(headers) if of_body else None,
        trailer=checksums.trailer(headers) if decoder is not None else None,
        announced=checksums.announced(headers),
    )


def check_length_is_said(request: Request) -> None:
    """Raises: MissingContentLength when what is to be stored has neither a length nor the framing of a chunked body."""
    if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        raise MissingContentLength


def _too_large(size: int, limit: int) -> S3Error:
    return EntityTooLarge(fields={"ProposedSize": str(size), "MaxSizeAllowed": str(limit)})


def _md5(header: str | None) -> bytes | None:
    if header is None:
        return None
    try:
        digest = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise InvalidDigest("The Content-MD5 you specified was invalid.", fields={"Content-MD5": header[:100]})
    return digest


class Admitted:
    """A request's content as a `ports.Content`."""

    __slots__ = (
        "_body", "_checks", "_declared", "_decoder", "_digests", "_md5", "_seen", "_sha256", "length", "promised",
    )  # fmt: skip

    def __init__(self, body: RequestBody, declared: Declared, digests: Digests) -> None:
        self._body, self._declared, self._digests = body, declared, digests
        self.length: int | None = declared.length
        self._seen = 0
        self._md5: Hasher | None = digests.new("MD5")
        self._sha256 = digests.new("SHA256") if declared.sha256 else None
        self._checks: dict[str, Hasher] = {}
        self._decoder = declared.decoder
        wanted = declared.trailer or (declared.checksum and declared.checksum[0]) or declared.announced
        self.also(wanted or DEFAULT_CHECKSUM)
        value = declared.checksum[1] if declared.checksum else ""
        self.promised = Promised(declared.sha256, declared.md5 or b"", wanted or "", value)

    def forgo_md5(self) -> None:
        """Spare the MD5 unless the client declared it."""
        if self._declared.md5 is None:
            self._md5 = None

    def also(self, algorithm: str) -> None:
        """Compute this checksum too."""
        if algorithm and algorithm not in self._checks:
            self._checks[algorithm] = self._digests.new(algorithm)

    async def pull(self) -> bytes:
        """The next raw bytes; empty at the end."""
        return await self._body.read()

    def accept(self, raw: bytes) -> Sequence[bytes | memoryview]:
        """The content in `raw`, taken into every digest. Raises: IncompleteBody for more than was declared."""
        pieces: Sequence[bytes | memoryview] = (raw,) if self._decoder is None else self._decoder.feed(raw)
        for piece in pieces:
            self._seen += len(piece)
            if self._md5 is not None:
                self._md5.update(piece)
            if self._sha256 is not None:
                self._sha256.update(piece)
            for check in self._checks.values():
                check.update(piece)
        declared = self._declared
        if declared.length is None:
            if self._seen > declared.limit:
                raise _too_large(self._seen, declared.limit)
        elif self._seen > declared.length:
            raise IncompleteBody("The request body is longer than it was declared to be.")
        return pieces

    def finish(self) -> Sealed:
        """All checks, in the order in which S3 reports them.

        Raises: IncompleteBody, ContentSHA256Mismatch, BadDigest, and what the decoder finds.
        """
        trailers = self._decoder.finish() if self._decoder is not None else {}
        if self._declared.length is not None and self._seen != self._declared.length:
            raise IncompleteBody(
                fields={"NumberBytesExpected": str(self._declared.length), "NumberBytesProvided": str(self._seen)}
            )
        self._compare_sha256()
        md5 = self._md5.digest() if self._md5 is not None else b""
        if self._declared.md5 is not None and self._declared.md5 != md5:
            raise BadDigest(
                "The Content-MD5 you specified did not match what we received.",
                fields={
                    "ExpectedDigest": base64.b64encode(self._declared.md5).decode(),
                    "CalculatedDigest": base64.b64encode(md5).decode(),
                },
            )
        values = {name: base64.b64encode(check.digest()).decode() for name, check in self._checks.items()}
        self._compare_checksums(values, trailers)
        return Sealed(self._seen, md5, values)

    def _compare_sha256(self) -> None:
        if self._sha256 is None:
            return
        computed = self._sha256.digest().hex()
        if computed != self._declared.sha256:
            raise ContentSHA256Mismatch(
                fields={
                    "ClientComputedContentSHA256": self._declared.sha256[:64],
                    "S3ComputedContentSHA256": computed,
                }
            )

    def _compare_checksums(self, values: Mapping[str, str], trailers: Mapping[str, str]) -> None:
        said = [self._declared.checksum] if self._declared.checksum else []
        if self._declared.trailer:
            header = checksums.ALGORITHMS[self._declared.trailer].header
            if header not in trailers:
                raise MalformedTrailerError
            said.append((self._declared.trailer, trailers[header].strip()))
        for algorithm, value in said:
            if values[algorithm] != value:
                raise BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")


async def read_whole(body: RequestBody, declared: Declared, digests: Digests) -> bytes:
    """All of a body, checked like any content."""
    content = Admitted(body, declared, digests)
    pieces: list[bytes | memoryview] = []
    while raw := await content.pull():
        pieces.extend(content.accept(raw))
    content.finish()
    return b"".join(pieces)
