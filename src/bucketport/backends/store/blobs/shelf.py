"""Where does a blob's file lie, and how does it come to lie there?

A blob is a number; the number is its path: `blobs/<top>/<folder>/<number>`, 1,024 files to a folder and 1,024 folders
to a top. Numbers grow, and one is taken only when its file is complete, so the files that a crash left without a row
are all in the newest folders. A file is written under a temporary name, synced, renamed, and its folder is synced;
only then may a row speak of it.
"""

import threading
from collections.abc import Iterable, Sequence

from bucketport.backends.store.blobs.files import Files
from bucketport.backends.store.blobs.segments import Segments
from bucketport.backends.store.trouble import of_os_error
from bucketport.ports import Digests
from bucketport.record import record

FOLDER_BITS = 10
"""1,024 files to a folder: large enough that folders are few, small enough that each is read at once."""


@record
class Blob:
    """A blob whose file is durable: its number, its size and the CRCs of its segments."""

    id: int
    size: int
    crcs: bytes


class Shelf:
    """The blob files of one data folder."""

    def __init__(self, root: str, temporary: str, files: Files, digests: Digests) -> None:
        self.root, self.temporary, self.files, self.digests = root, temporary, files, digests
        self._lock = threading.Lock()
        self._next = 1
        self._drafts = 0
        self._ready: set[str] = set()

    def begin_after(self, last: int) -> None:
        """Take new numbers from the first folder after that of `last`, the highest that anything ever bore."""
        self._next = ((last >> FOLDER_BITS) + 1) << FOLDER_BITS

    def folder(self, blob: int) -> str:
        """The folder of a blob's file."""
        return f"{self.root}/{blob >> 2 * FOLDER_BITS:06x}/{blob >> FOLDER_BITS & 1023:03x}"

    def path(self, blob: int) -> str:
        """The file of a blob."""
        return f"{self.root}/{blob >> 20:06x}/{blob >> 10 & 1023:03x}/{blob:012x}"

    def draft(self) -> "Draft":
        """A blob to be written."""
        with self._lock:
            self._drafts += 1
            return Draft(self, f"{self.temporary}/{self._drafts:x}")

    def take_number(self) -> int:
        """The next blob's number, its folder made."""
        with self._lock:
            blob = self._next
            self._next += 1
            folder = self.folder(blob)
            if folder not in self._ready:
                self._prepare(folder)
                self._ready.add(folder)
        return blob

    def _prepare(self, folder: str) -> None:
        top = folder.rpartition("/")[0]
        if self.files.make_folder(top):
            self.files.sync_folder(self.root)
        if self.files.make_folder(folder):
            self.files.sync_folder(top)

    def remove(self, blobs: Sequence[int]) -> None:
        """Remove files for good: when this returns, no crash brings them back. Raises: BackendError."""
        folders = set()
        for blob in blobs:
            path = self.path(blob)
            try:
                self.files.remove(path)
            except OSError as error:
                raise of_os_error(error, path) from error
            folders.add(self.folder(blob))
        for folder in folders:
            try:
                self.files.sync_folder(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise of_os_error(error, folder) from error

    def newest_folders(self, count: int) -> list[str]:
        """The `count` folders with the highest numbers, newest first."""
        found: list[str] = []
        for top in reversed(self.files.names(self.root)):
            for name in reversed(self.files.names(f"{self.root}/{top}")):
                found.append(f"{self.root}/{top}/{name}")
                if len(found) == count:
                    return found
        return found

    def every_file(self) -> Iterable[tuple[str, str]]:
        """(path, name) of all files under the root, in order."""
        for top in self.files.names(self.root):
            for folder in self.files.names(f"{self.root}/{top}"):
                for name in self.files.names(f"{self.root}/{top}/{folder}"):
                    yield f"{self.root}/{top}/{folder}/{name}", name


class Draft:
    """A blob while it is being written. One thread at a time calls it."""

    __slots__ = ("_blob", "_handle", "_path", "_segments", "_shelf")

    def __init__(self, shelf: Shelf, path: str) -> None:
        self._shelf, self._path = shelf, path
        self._handle = -1
        self._blob = 0
        self._segments = Segments(shelf.digests)

    def write(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Append. Raises: BackendError."""
        files = self._shelf.files
        try:
            if self._handle < 0:
                self._handle = files.create(self._path)
            if pieces:
                files.write(self._handle, pieces)
        except OSError as error:
            raise of_os_error(error, self._path) from error
        self._segments.update(pieces)

    def publish(self) -> Blob:
        """Sync, name and sync again; the blob is durable when this returns. Raises: BackendError."""
        files = self._shelf.files
        path = self._path
        try:
            files.sync(self._handle)
            self._close()
            self._blob = self._shelf.take_number()
            path = self._shelf.path(self._blob)
            files.rename(self._path, path)
            files.sync_folder(self._shelf.folder(self._blob))
        except OSError as error:
            raise of_os_error(error, path) from error
        return Blob(self._blob, self._segments.size, self._segments.finish())

    def discard(self) -> None:
        """Leave nothing behind, whatever was reached. Trouble is left to the next start's sweep."""
        try:
            self._close()
            self._shelf.files.remove(self._path)
            if self._blob:
                self._shelf.files.remove(self._shelf.path(self._blob))
        except OSError:
            return

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            self._shelf.files.close(handle)
