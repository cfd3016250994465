"""How are files read for an answer without holding up the event loop? From the page cache at once, else in a thread.

A trip to a thread costs 60 to 140 microseconds and a cached read of a piece 15, a cold one may cost anything.
"""

import errno
import os
from asyncio import wrap_future
from collections.abc import AsyncGenerator
from concurrent.futures import Executor, Future

from bucketport.errors import InternalError, S3Error
from bucketport.message import FileSpans

PIECE = 256 << 10
"""Bytes that are read and sent at once. Measured 2026-11 on loopback, CPU for a GiB: 0.16 to 0.3 s; pieces of a MiB
0.40, os.sendfile 0.45 to 0.5."""

_RWF_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
"""Read what the page cache has, or fail at once: so a cold disk never holds up the event loop. 0: not Linux."""

_CORRUPT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EIO})


async def pieces_of(body: FileSpans, readers: Executor) -> AsyncGenerator[bytes | bytearray, None]:
    """The files' bytes, piece by piece. Close it (aclose) when it is not read to its end.

    Raises: InternalError when a file cannot be read, after `body.corrupt` was told of one that is missing or too short.
    """
    for span in body.spans:
        try:
            file = _OpenSpan(span, readers)
        except OSError as error:
            raise _unreadable(span[0], body, error) from error
        try:
            while True:
                try:
                    piece = await file.read()
                except (OSError, EOFError) as error:
                    raise _unreadable(span[0], body, error) from error
                if not piece:
                    break
                yield piece
        finally:
            file.close()


class _OpenSpan:
    """A file that is being read from `at` to `stop`, on the loop while the page cache has it, else in a thread."""

    __slots__ = ("_at", "_busy", "_file", "_path", "_readers", "_stop")

    def __init__(self, span: tuple[str, int, int], readers: Executor) -> None:
        self._path, self._at, self._stop = span
        self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._readers = readers
        self._busy: Future[bytes] | None = None

    async def read(self) -> bytes | bytearray:
        """The next piece; empty when the span is done. Raises: OSError, EOFError when the file is too short."""
        size = min(self._stop - self._at, PIECE)
        if not size:
            return b""
        piece = self._cached(size)
        if piece is None:
            self._busy = self._readers.submit(os.pread, self._file, size, self._at)
            piece = await wrap_future(self._busy)
        if not piece:
            raise EOFError("shorter than it should be")
        self._at += len(piece)
        return piece

    def _cached(self, size: int) -> bytes | bytearray | None:
        """What the page cache has of the next piece; None when it has nothing."""
        if not _RWF_NOWAIT:
            return os.pread(self._file, size, self._at)
        piece = bytearray(size)
        try:
            count = os.preadv(self._file, [piece], self._at, _RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            return os.pread(self._file, size, self._at)  # tmpfs and the like, which never wait for a disk.
        if count < size:
            del piece[count:]
        return piece

    def close(self) -> None:
        """Close the file, after a read that is still under way in a thread."""
        file = self._file
        if self._busy is not None and not self._busy.done():
            self._busy.add_done_callback(lambda _: os.close(file))
        else:
            os.close(file)


def _unreadable(path: str, body: FileSpans, error: OSError | EOFError) -> S3Error:
    """What to answer; the holder of the file is told when it is the file's fault (and not, say, too many are open)."""
    if body.corrupt is not None and (isinstance(error, EOFError) or error.errno in _CORRUPT):
        body.corrupt(path)
    return InternalError(reason=f"{path}: {error.strerror if isinstance(error, OSError) else error}")
