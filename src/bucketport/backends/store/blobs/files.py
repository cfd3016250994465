"""Which things does the store do to files? All of them, in one small class: nothing else touches the blob folder.

So a test can record the sequence, stop the process at a named step, refuse a write as a full disk does, or drop what
was never synced; the product knows nothing of it. The calls block: they are made in a thread.
"""

import os
from collections.abc import Sequence

_AT_ONCE = 512
"""Buffers for one writev: Linux takes 1,024 at most."""


class Files:
    """The file operations of the store. Every one raises OSError as the system gives it."""

    def create(self, path: str) -> int:
        """A new file, open for writing; it must not exist."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, handle: int, pieces: Sequence[bytes | memoryview]) -> None:
        """Append all of the pieces."""
        if len(pieces) == 1:
            _write_all(handle, pieces[0])
            return
        for at in range(0, len(pieces), _AT_ONCE):
            group = pieces[at : at + _AT_ONCE]
            expected = sum(map(len, group))
            done = os.writev(handle, group)
            if done < expected:
                _write_all(handle, memoryview(b"".join(group))[done:])

    def sync(self, handle: int) -> None:
        """Make the file's content durable."""
        os.fsync(handle)

    def close(self, handle: int) -> None:
        """Close the file."""
        os.close(handle)

    def rename(self, old: str, new: str) -> None:
        """Give the file its final name."""
        os.rename(old, new)

    def sync_folder(self, path: str) -> None:
        """Make the names in a folder durable."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def make_folder(self, path: str) -> bool:
        """Make a folder; False when it was there."""
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            return False
        return True

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone already is no error."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path)

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted."""
        return sorted(os.listdir(path))

    def size(self, path: str) -> int:
        """How many bytes the file holds; -1 when it is not there."""
        try:
            return os.stat(path).st_size
        except FileNotFoundError:
            return -1

    def allocate(self, path: str, size: int) -> None:
        """A new file that takes up `size` bytes of the disk."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, size)
        finally:
            os.close(handle)

    def free(self, path: str) -> int:
        """Bytes that are free on the disk that holds the path's folder."""
        found = os.statvfs(os.path.dirname(path))
        return found.f_bavail * found.f_frsize

    def open(self, path: str) -> int:
        """An existing file, open for reading."""
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, handle: int, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`; fewer only at the file's end."""
        return os.pread(handle, length, start)


def _write_all(handle: int, piece: bytes | memoryview) -> None:
    done = os.write(handle, piece)
    if done < len(piece):
        rest = memoryview(piece)[done:]
        while rest:
            rest = rest[os.write(handle, rest) :]
