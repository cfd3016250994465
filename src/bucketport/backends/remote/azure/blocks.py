"""What do a blob's block ids say? Everything about an upload's parts, so that no state of our own is needed.

A block id is 64 bytes that we choose. Data blocks say to which upload, part and attempt they belong. A part is there
once its *seal* is: a block of one byte, never committed, whose id bears the MD5 and the checksum of the part, which are
known only when the content is through. An upload is there as long as the mark of its beginning is among the uncommitted
blocks: whatever is committed to the blob discards them all.
Source: https://learn.microsoft.com/rest/api/storageservices/put-block (2026-11); ids must have one length in a blob.
"""

import base64
import enum
from collections.abc import Iterable

from bucketport.record import record

ID_BYTES = 64
"""Bytes of a block id: as many as Azure takes."""

COMMITTED = 50_000
"""Blocks that a blob may have. Source: Put Block List."""

NONCE = 6
"""Bytes that tell apart the uploads to one key."""

_CHECKSUM = 32
"""Bytes of a checksum that fit into a seal; what is longer (SHA512) goes on in a second id."""


_NOTHING = bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e")
"""The MD5 of no content: the one part that has no block."""


class Kind(enum.IntEnum):
    """What a block is for."""

    DATA = 0
    SEAL = 1
    MORE = 2
    MARK = 3


BEGUN, ABORTED = 1, 2
"""The numbers of marks."""


@record
class Attempt:
    """One try to send a part: which upload and part, when (ms since 1970), and two bytes that tell tries apart."""

    nonce: bytes
    number: int
    at_ms: int
    salt: bytes = b"\0\0"

    def block(self, kind: Kind, rest: bytes = b"") -> str:
        """The base64 id of a block of this try."""
        head = self.nonce + (kind << 14 | self.number).to_bytes(2, "big")
        head += self.at_ms.to_bytes(6, "big") + self.salt
        return base64.b64encode((head + rest).ljust(ID_BYTES, b"\0")).decode()

    def data(self, index: int) -> str:
        """The id of the block of that index."""
        return self.block(Kind.DATA, bytes([index]))

    def seals(self, md5: bytes, checksum: bytes) -> list[str]:
        """The ids that make it a part, in the order in which they have to be there."""
        seal = self.block(Kind.SEAL, md5 + checksum[:_CHECKSUM])
        more = checksum[_CHECKSUM:]
        return [self.block(Kind.MORE, more), seal] if more else [seal]


def mark(nonce: bytes, number: int, at_ms: int) -> str:
    """The id of the mark that an upload has BEGUN or was ABORTED."""
    return Attempt(nonce, number, at_ms).block(Kind.MARK)


@record
class Part:
    """A part as its blocks tell it: `ids` of its data in order, `checksum` up to 64 bytes (zeros behind the value)."""

    number: int
    size: int
    md5: bytes
    at_ms: int
    checksum: bytes
    ids: tuple[str, ...]


class Blocks:
    """What the blocks of a blob say of one upload."""

    def __init__(self, nonce: bytes, rows: Iterable[tuple[str, int]]) -> None:
        self.marks: set[int] = set()
        data: dict[bytes, dict[int, tuple[str, int]]] = {}
        seals: dict[bytes, bytes] = {}
        more: dict[bytes, bytes] = {}
        start = base64.b64encode(nonce).decode()
        for name, size in rows:
            if not name.startswith(start):
                continue
            raw = decoded(name)
            if raw is None:
                continue
            kind, place, rest = Kind(raw[NONCE] >> 6), raw[NONCE : NONCE + 10], raw[NONCE + 10 :]
            if kind is Kind.MARK:
                self.marks.add(_number(place))
            elif kind is Kind.DATA:
                data.setdefault(place, {})[rest[0]] = name, size
            elif kind is Kind.SEAL:
                seals[place] = rest
            else:
                more[_as(Kind.SEAL, place)] = rest
        self.parts: dict[int, Part] = {}
        for place in sorted(seals, key=lambda place: place[2:]):
            rest, blocks = seals[place], data.get(_as(Kind.DATA, place), {})
            found = [blocks[index] for index in sorted(blocks)]
            number = _number(place)
            if not found and rest[:16] != _NOTHING:
                continue
            self.parts[number] = Part(
                number,
                sum(size for _, size in found),
                rest[:16],
                int.from_bytes(place[2:8], "big"),
                rest[16:] + more.get(place, bytes(_CHECKSUM))[:_CHECKSUM],
                tuple(name for name, _ in found),
            )

    @property
    def alive(self) -> bool:
        """Whether the upload was begun, and neither aborted nor discarded."""
        return BEGUN in self.marks and ABORTED not in self.marks


def _number(place: bytes) -> int:
    return int.from_bytes(place[:2], "big") & 0x3FFF


def _as(kind: Kind, place: bytes) -> bytes:
    return bytes([kind << 6 | place[0] & 0x3F]) + place[1:]


def decoded(name: str) -> bytes | None:
    """The bytes of a block id; None when it is none of ours."""
    try:
        raw = base64.b64decode(name, validate=True)
    except ValueError:
        return None
    return raw if len(raw) == ID_BYTES else None


def committed_parts(rows: Iterable[tuple[str, int]]) -> list[tuple[int, int]]:
    """(number, size) of each part of a blob whose committed blocks these are; parts without content have no block."""
    sizes: dict[int, int] = {}
    for name, size in rows:
        raw = decoded(name)
        if raw is not None and Kind(raw[NONCE] >> 6) is Kind.DATA:
            number = _number(raw[NONCE:])
            sizes[number] = sizes.get(number, 0) + size
    return sorted(sizes.items())
