"""Is a blob still what was stored? A CRC32C for each MiB of it, kept beside its row, can tell.

Segments make a range checkable without reading the rest, and a report can say where a file went bad.
"""

from collections.abc import Iterable
from typing import Protocol

SEGMENT = 1 << 20
"""Bytes that one CRC covers: a reader's batch is of this size too."""

WIDTH = 4
"""Bytes of a CRC32C."""


class _Hasher(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class _Digests(Protocol):
    def new(self, algorithm: str) -> _Hasher: ...


class Segments:
    """The running CRCs of content that passes by."""

    __slots__ = ("_crcs", "_digests", "_left", "_running", "size")

    def __init__(self, digests: _Digests) -> None:
        self._digests = digests
        self._running = digests.new("CRC32C")
        self._left = SEGMENT
        self._crcs: list[bytes] = []
        self.size = 0

    def update(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Take in the next pieces."""
        for piece in pieces:
            length = len(piece)
            self.size += length
            if length < self._left:
                self._running.update(piece)
                self._left -= length
            else:
                self._cross(memoryview(piece))

    def _cross(self, rest: memoryview) -> None:
        while len(rest) >= self._left:
            self._running.update(rest[: self._left])
            self._crcs.append(self._running.digest())
            rest = rest[self._left :]
            self._running, self._left = self._digests.new("CRC32C"), SEGMENT
        if rest:
            self._running.update(rest)
            self._left -= len(rest)

    def finish(self) -> bytes:
        """All CRCs, four bytes each; the last covers what is left over."""
        if self._left < SEGMENT:
            self._crcs.append(self._running.digest())
        return b"".join(self._crcs)


def count(size: int) -> int:
    """How many segments a blob of `size` bytes has."""
    return -(-size // SEGMENT)
