"""What is the index to the rest of the store? A reader, a writer, and what is to be done at open and close."""

import asyncio
from collections.abc import Callable
from typing import Any

import apsw

from bucketport.backends.store.index.changes import Change
from bucketport.backends.store.index.checkpoints import Checkpoints
from bucketport.backends.store.index.connect import open_reader, open_writer, trouble
from bucketport.backends.store.index.reads import Reader
from bucketport.backends.store.index.reserve import Reserve
from bucketport.backends.store.index.schema import prepare
from bucketport.backends.store.index.writer import Done, Statistics, Writer


class SqliteIndex:
    """The index in one SQLite file. `read` is for the event loop's thread; `submit` for any."""

    def __init__(self, path: str, reserve: Reserve, on_garbage: Callable[[], None], vfs: str | None = None) -> None:
        """Open, make or migrate. Raises: CannotOpen, BackendError."""
        self.path, self._vfs = path, vfs
        try:
            connection = open_writer(path, vfs)
            try:
                prepare(connection, path)
                checkpointer = open_writer(path, vfs)
                self.read = Reader(open_reader(path, vfs), path)
            except BaseException:
                connection.close()
                raise
        except apsw.Error as error:
            raise trouble(error, path) from error
        self._checkpoints = Checkpoints(connection, checkpointer)
        self._writer = Writer(connection, path, reserve, self._checkpoints, on_garbage)

    def submit(self, change: Change, done: Done | None = None) -> asyncio.Future[Any]:
        """Ask the writer for a change; see `Writer.submit`."""
        return self._writer.submit(change, done)

    @property
    def statistics(self) -> Statistics:
        """What the writer did so far."""
        return self._writer.statistics

    @property
    def checkpoints(self) -> int:
        """How often the WAL was written back."""
        return self._checkpoints.count

    def highest_blob(self) -> int:
        """The highest number that a blob bears or bore."""
        row = self.read.rows(
            "SELECT max(coalesce((SELECT max(id) FROM blobs), 0), coalesce((SELECT max(id) FROM garbage_blobs), 0))"
        )[0]
        number: int = row[0]
        return number

    def known(self, blobs: list[int]) -> set[int]:
        """Which of these blobs have a row, as content or as garbage."""
        found = set()
        for blob in blobs:
            if self.read.rows(
                "SELECT 1 FROM blobs WHERE id=?1 UNION ALL SELECT 1 FROM garbage_blobs WHERE id=?1", (blob,)
            ):
                found.add(blob)
        return found

    def close(self) -> None:
        """Decide what waits, write the WAL back, close. Blocks."""
        self.read.connection.close()
        self._writer.close()


def open_for_reading(path: str) -> Reader:
    """A reader of an index that no server has open. Raises: BackendError."""
    try:
        return Reader(open_reader(path), path)
    except apsw.Error as error:
        raise trouble(error, path) from error
