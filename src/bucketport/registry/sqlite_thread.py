"""How does an event loop write to SQLite without waiting for the disk? One thread has the write connection.

It takes whatever waits in its queue and makes all of it in one transaction: while one commit syncs the next batch
gathers, so calls that come together share a sync.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import apsw

from bucketport.errors import BackendError, Trouble
from bucketport.registry.sqlite_file import trouble

T = TypeVar("T")

BATCH = 128
"""Most calls in one commit: above it a batch only adds to the wait of those in it."""

_BUSY_MS = 10_000
"""Milliseconds to wait for another process's commit; only this thread waits."""


class _Call:
    """A piece of work in the queue, and whom its outcome is for."""

    __slots__ = ("future", "loop", "outcome", "work")

    def __init__(self, work: Callable[[apsw.Connection], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.work, self.loop = work, loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.outcome: Any = None


class WriterThread:
    """The thread and its connection, which belongs to it from now on. It begins with its first call."""

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self._connection, self._path = connection, path
        self._queue: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        connection.set_busy_timeout(_BUSY_MS)

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do `work` in a transaction; what it returns, once that is on the disk. It may be done twice, the first time
        undone, so it changes nothing but the database.

        Raises: what it raises (then nothing of it is done), BackendError.
        """
        if self._closed:
            raise BackendError(Trouble.UNREACHABLE, f"{self._path} is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="bucketport-registry", daemon=True)
            self._thread.start()
        call = _Call(work, asyncio.get_running_loop())
        self._queue.put(call)
        result: T = await call.future
        return result

    def close(self) -> None:
        """Do what waits, then let the file go. Blocks."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        last = False
        while not last:
            batch, last = self._gather()
            if batch:
                self._decide(batch)
                _wake(batch)

    def _gather(self) -> tuple[list[_Call], bool]:
        """What waits, at least one call; and whether it is the end."""
        call, batch = self._queue.get(), list[_Call]()
        while call is not None:
            batch.append(call)
            if len(batch) == BATCH:
                return batch, False
            try:
                call = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _decide(self, batch: list[_Call]) -> None:
        """Give every call an outcome, whatever happens: somebody waits for each."""
        try:
            self._commit(batch)
        except Exception as error:
            if len(batch) > 1:  # only the one that fails shall fail
                for call in batch:
                    self._decide([call])
            else:
                batch[0].outcome = trouble(error, self._path) if isinstance(error, apsw.Error) else error

    def _commit(self, batch: list[_Call]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for call in batch:
                call.outcome = call.work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _wake(batch: list[_Call]) -> None:
    """Hand the outcomes to each event loop, once; a loop that was closed meanwhile wants none."""
    for loop in {call.loop for call in batch}:
        try:
            loop.call_soon_threadsafe(_deliver, [call for call in batch if call.loop is loop])
        except RuntimeError:
            continue


def _deliver(batch: list[_Call]) -> None:
    for call in batch:
        if call.future.done():
            continue
        if isinstance(call.outcome, Exception):
            call.future.set_exception(call.outcome)
        else:
            call.future.set_result(call.outcome)
