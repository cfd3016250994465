"""How does content that arrives become parts? Cut into segments, each of them durable once it is stored.

What a client loses when it breaks off is then at most what had not arrived: the segment under way is closed with the
bytes that are here. Nothing but the parts says how far an upload is.
"""

import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bucketport.errors import IncompleteBody, RequestTimeout, S3Error
from bucketport.model import NO_HEADERS, NOTHING_PROMISED, PartInfo, Sealed
from bucketport.mounts import Mount
from bucketport.ports import Digests, Hasher
from bucketport.record import record
from bucketport.sessions import LANE, Session
from bucketport.uploads.engine import Uploads
from bucketport.wire.tus import Checksum, ChecksumMismatch, UploadTooLarge

SEGMENT = 64 << 20
"""Bytes of one part: a GiB makes 16, and a crash of this machine loses at most so much of what had arrived."""

Read = Callable[[], Awaitable[bytes]]
"""The next bytes of a client's content; empty at its end."""


class Source:
    """A client's content, read ahead by one piece so that a segment ends exactly where it should.

    `limit` is how many bytes there may be. `keeps`: when the client breaks off, what has arrived is all of it.
    """

    __slots__ = ("_ended", "_held", "_keeps", "_limit", "_read", "broken", "taken")

    def __init__(self, read: Read, limit: int, *, keeps: bool) -> None:
        self._read, self._limit, self._keeps = read, limit, keeps
        self._held = b""
        self._ended = False
        self.taken = 0
        self.broken: S3Error | None = None

    @property
    def full(self) -> bool:
        """Whether no byte may follow."""
        return self.taken == self._limit

    async def more(self) -> bool:
        """Whether another byte is there. Raises: UploadTooLarge; what `read` raises unless it is the end here."""
        if self._held:
            return True
        if self._ended:
            return False
        try:
            self._held = await self._read()
        except (IncompleteBody, RequestTimeout) as error:
            if not self._keeps:
                raise
            self.broken = error
        if not self._held:
            self._ended = True
            return False
        if self.taken + len(self._held) > self._limit:
            raise UploadTooLarge(fields={"MaxSizeAllowed": str(self._limit)})
        return True

    async def take(self, most: int) -> bytes:
        """The next bytes, at most so many; empty at the end. Raises: as `more`."""
        if not self._held and not await self.more():
            return b""
        piece, self._held = self._held, b""
        if len(piece) > most:
            piece, self._held = piece[:most], piece[most:]
        self.taken += len(piece)
        return piece


class Segment:
    """The next `most` bytes of a source as a `ports.Content`; `checksum` is what they must hash to."""

    __slots__ = ("_checks", "_checksum", "_left", "_md5", "_new", "_seen", "_source", "length", "promised")

    def __init__(self, source: Source, most: int, digests: Digests, checksum: Checksum | None = None) -> None:
        self._source, self._left, self._new = source, most, digests.new
        self._checksum = checksum
        self._md5: Hasher | None = digests.new("MD5")
        self._checks: dict[str, Hasher] = {}
        self._seen = 0
        # It may break off, and is then shorter than was declared.
        self.length: int | None = None
        self.promised = NOTHING_PROMISED
        if checksum is not None:
            self.also(checksum.algorithm)

    def forgo_md5(self) -> None:
        """Spare the MD5."""
        self._md5 = None

    def also(self, algorithm: str) -> None:
        """Compute this checksum too."""
        if algorithm and algorithm not in self._checks:
            self._checks[algorithm] = self._new(algorithm)

    async def pull(self) -> bytes:
        """The next bytes; empty at the segment's end. Raises: as `Source.more`."""
        source = self._source
        if not self._left:
            if source.full:
                await source.more()
            return b""
        piece = await source.take(self._left)
        self._left -= len(piece)
        return piece

    def accept(self, raw: bytes) -> Sequence[bytes | memoryview]:
        """The bytes themselves, taken into every digest."""
        self._seen += len(raw)
        if self._md5 is not None:
            self._md5.update(raw)
        for check in self._checks.values():
            check.update(raw)
        return (raw,)

    def finish(self) -> Sealed:
        """What it was. Raises: ChecksumMismatch."""
        said = self._checksum
        if said is not None and self._checks[said.algorithm].digest() != said.digest:
            raise ChecksumMismatch
        values = {
            name: binascii.b2a_base64(check.digest(), newline=False).decode() for name, check in self._checks.items()
        }
        return Sealed(self._seen, self._md5.digest() if self._md5 is not None else b"", values)


@record
class Filling:
    """Where content goes: the parts of a lane from `number` on. `headers` describe it where the session does not."""

    uploads: Uploads
    session: Session
    mount: Mount
    number: int
    headers: Mapping[str, str] = NO_HEADERS


async def pour(filling: Filling, source: Source, digests: Digests, segment: int) -> list[PartInfo]:
    """Store all of a source, by parts of `segment` bytes; the parts. Those before an error are stored.

    Raises: what the source and the store raise.
    """
    made: list[PartInfo] = []
    while await source.more():
        number = filling.number + len(made)
        made.append(await _put(filling, number, Segment(source, segment, digests)))
    return made


async def pour_checked(filling: Filling, source: Source, digests: Digests, checksum: Checksum) -> list[PartInfo]:
    """Store all of a source as one part, if it hashes to `checksum`. Raises: ChecksumMismatch; as `pour`."""
    content = Segment(source, LANE << 40, digests, checksum)
    if await source.more():
        return [await _put(filling, filling.number, content)]
    content.finish()
    return []


async def put_empty(filling: Filling, digests: Digests) -> PartInfo:
    """Store a part of no bytes, which also takes the place of one that is there."""
    return await _put(filling, filling.number, Segment(Source(_nothing, 0, keeps=False), 0, digests))


async def _put(filling: Filling, number: int, content: Segment) -> PartInfo:
    return await filling.uploads.put_part(filling.session, filling.mount, number, content, headers=filling.headers)


async def _nothing() -> bytes:
    return b""
