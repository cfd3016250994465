"""When is the WAL written back into the database? Beside the commits, and before it grows without bound.

A thread with a connection of its own writes back what is there while commits go on (PASSIVE). Under steady load it
never quite catches up, and then SQLite cannot begin the WAL anew; so at a bound the writer itself writes back the
little that is left, between two commits, and the next commit begins at the WAL's start.
"""

import queue
import threading

import apsw

SOME = 250
"""Pages in the WAL from which the thread writes back: 2 MB. Small steps keep each sync short."""

BOUND = 800
"""Pages from which the writer finishes it: the WAL stays near 8 MB."""


class Checkpoints:
    """The thread. The writer calls `note` after each commit."""

    def __init__(self, connection: apsw.Connection, mine: apsw.Connection) -> None:
        """`connection` is the writer's own, `mine` another to the same file."""
        self._writers, self._mine = connection, mine
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._busy = False
        self._seen = 0
        self.count = 0
        self._thread = threading.Thread(target=self._work, name="bucketport-checkpoints", daemon=True)
        self._thread.start()

    def note(self, pages: int) -> None:
        """So many pages are in the WAL now."""
        if pages < self._seen:
            self._seen = 0
        if self._busy or pages - self._seen < SOME:
            return
        self._seen = pages
        if pages < BOUND:
            self._busy = True
            self._asked.put(True)
        else:
            run_checkpoint(self._writers, apsw.SQLITE_CHECKPOINT_PASSIVE)
            self.count += 1

    def close(self) -> None:
        """End the thread, once it has done what it was asked for."""
        self._asked.put(False)
        self._thread.join()
        self._mine.close()

    def _work(self) -> None:
        while self._asked.get():
            run_checkpoint(self._mine, apsw.SQLITE_CHECKPOINT_PASSIVE)
            self.count += 1
            self._busy = False


def run_checkpoint(connection: apsw.Connection, mode: int) -> bool:
    """Write the WAL back, and say whether it could be done. Trouble is no news here: the WAL still holds everything."""
    try:
        connection.wal_checkpoint(mode=mode)
    except apsw.Error:
        return False
    return True
