"""How can something be deleted on a full disk? By room that is kept for it.

A delete needs some pages of the WAL before it gives anything back. So a file of a few MiB lies beside the index; when a
commit finds the disk full the file is removed, and until it can be made again only changes that free space are done.
"""

from bucketport.backends.store.blobs.files import Files

SIZE = 16 << 20
"""Bytes kept: twice what the WAL holds at most before it is written back into the database, which may grow by it."""

ENOUGH_INSIDE = 4 << 20
"""Bytes of free pages inside the database from which it may be written to even without the room: it will not grow, so
the WAL can always be written back and begun anew."""

AMPLE = 64
"""A disk with so many times the room free is in no danger of being full at the next start: a GiB."""


class Reserve:
    """The room. `size` 0 keeps none, and then nothing is ever refused for the lack of it."""

    def __init__(self, files: Files, path: str, size: int) -> None:
        self._files, self._path, self._size = files, path, size
        self._held = size == 0 or files.size(path) == size

    def hold(self) -> bool:
        """Keep the room, if it can be had; whether it is kept."""
        if not self._held:
            try:
                self._files.remove(self._path)
                self._files.allocate(self._path, self._size)
                self._held = True
            except OSError:
                self._drop()
        return self._held

    def spend(self) -> None:
        """Give the room to the changes that free space."""
        if self._size:
            self._held = False
            self._drop()

    def leave(self) -> None:
        """At a close: nobody needs the room then, and on a disk with much free the next start gets it again."""
        if self._size and self._files.free(self._path) > AMPLE * self._size:
            self._drop()

    def _drop(self) -> None:
        try:
            self._files.remove(self._path)
        except OSError:
            return
