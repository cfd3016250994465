"""How do many requests' changes become one commit?

One thread owns the only write connection. It takes whatever waits in the queue, makes all of it in one transaction, and
wakes each event loop once with all of its outcomes. While a commit syncs, the next batch gathers by itself: alone a
request waits for nobody, and 32 at once share one sync.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

import apsw

from bucketport.backends.store.index import buckets, changes, contents, objects, upkeep, uploads
from bucketport.backends.store.index.checkpoints import Checkpoints, run_checkpoint
from bucketport.backends.store.index.connect import PAGE, trouble
from bucketport.backends.store.index.reserve import ENOUGH_INSIDE, Reserve
from bucketport.backends.store.index.transaction import Transaction
from bucketport.errors import BackendError, S3Error, Trouble

_APPLY: dict[type, Callable[[Transaction, Any], Any]] = {
    changes.PutObject: objects.put_object,
    changes.DeleteObjects: objects.delete_objects,
    changes.CopyObject: objects.copy_object,
    changes.PutTags: objects.put_tags,
    changes.PutObjectAcl: objects.put_object_acl,
    changes.PutBucketAcl: buckets.put_bucket_acl,
    changes.PutBucketCors: buckets.put_bucket_cors,
    changes.SwitchOnDedup: buckets.switch_on_dedup,
    changes.CreateBucket: buckets.create_bucket,
    changes.DeleteBucket: buckets.delete_bucket,
    changes.CreateUpload: uploads.create_upload,
    changes.PutPart: uploads.put_part,
    changes.PutParts: uploads.put_parts,
    changes.CopyPart: uploads.copy_part,
    changes.CompleteUpload: uploads.complete_upload,
    changes.AbortUpload: uploads.abort_upload,
    changes.RemoveGarbage: upkeep.remove_garbage,
    changes.Dismantle: upkeep.dismantle,
    changes.MergeManifest: contents.merge_manifest,
    changes.StripManifest: contents.strip_manifest,
    changes.ForgetCompleted: upkeep.forget_completed,
}

_FREEING = frozenset(
    {
        changes.DeleteObjects,
        changes.DeleteBucket,
        changes.AbortUpload,
        changes.RemoveGarbage,
        changes.Dismantle,
        changes.StripManifest,
        changes.ForgetCompleted,
    }
)
"""What is done on a full disk: it gives space back."""

BATCH = 128
"""Most changes in one commit: above it a batch only adds to the wait of those in it."""

Done = Callable[[Exception | None], None]
"""Called on the loop when a change is decided, with what it failed with."""


class Ticket:
    """A change in the queue, and whom its outcome is for."""

    __slots__ = ("change", "done", "future", "loop", "outcome")

    def __init__(self, change: changes.Change, loop: asyncio.AbstractEventLoop, done: Done | None) -> None:
        self.change, self.loop, self.done = change, loop, done
        self.future: asyncio.Future[Any] = loop.create_future()
        self.outcome: Any = None


class Statistics:
    """What the writer did so far: commits, changes in them, the largest batch, failed commits, pages in the WAL."""

    __slots__ = ("changes", "commits", "failed", "largest", "wal_pages")

    def __init__(self) -> None:
        self.commits = self.changes = self.largest = self.failed = self.wal_pages = 0


class Writer:
    """The thread, its queue and its connection."""

    def __init__(
        self,
        connection: apsw.Connection,
        path: str,
        reserve: Reserve,
        checkpoints: Checkpoints,
        on_garbage: Callable[[], None],
    ) -> None:
        self._connection, self._path, self._reserve = connection, path, reserve
        self._checkpoints, self._on_garbage = checkpoints, on_garbage
        self._queue: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._put = self._queue.put
        self._transaction = Transaction(connection)
        self._thread = threading.Thread(target=self._work, name="bucketport-index", daemon=True)
        self._closed = False
        self.statistics = Statistics()
        connection.set_wal_hook(self._note_wal)
        self._thread.start()

    def submit(self, change: changes.Change, done: Done | None = None) -> asyncio.Future[Any]:
        """Ask for a change; await what comes back. `done` is called even when nobody awaits any more.

        Raises, when awaited: the S3Error that the change fails with, Outdated, BackendError.
        """
        ticket = Ticket(change, asyncio.get_running_loop(), done)
        if self._closed:
            ticket.outcome = BackendError(Trouble.UNREACHABLE, "the store is closed")
            _deliver([ticket], None)
        else:
            self._put(ticket)
        return ticket.future

    def close(self) -> None:
        """Decide what waits, write the WAL back, and close. Blocks."""
        self._closed = True
        self._put(None)
        self._thread.join()

    def _note_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self.statistics.wal_pages = pages
        return 0

    def _work(self) -> None:
        while True:
            batch, last = self._gather()
            if batch:
                self._decide(batch)
                _wake(batch, self._on_garbage if self._transaction.garbage else None)
            if last:
                break
            self._checkpoints.note(self.statistics.wal_pages)
        self._checkpoints.close()
        run_checkpoint(self._connection, apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._connection.close()
        self._reserve.leave()

    def _gather(self) -> tuple[list[Ticket], bool]:
        ticket = self._queue.get()
        batch = []
        while ticket is not None:
            batch.append(ticket)
            if len(batch) == BATCH:
                return batch, False
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _decide(self, batch: list[Ticket]) -> None:
        """Give every ticket an outcome, whatever happens: somebody waits for each."""
        try:
            if not self._reserve.hold() and self._free_inside() < ENOUGH_INSIDE:
                batch = self._refuse_growth(batch)
            self._commit(batch)
        except apsw.FullError:
            self._decide_when_full(batch)
        except apsw.Error as error:
            self._fail(batch, trouble(error, self._path))
        except Exception as error:
            if len(batch) == 1:
                self._fail(batch, error)
                return
            for ticket in batch:
                self._decide([ticket])

    def _decide_when_full(self, batch: list[Ticket]) -> None:
        """After a checkpoint the WAL begins anew in the room it has; if that is not enough, what frees space gets the
        reserve."""
        run_checkpoint(self._connection, apsw.SQLITE_CHECKPOINT_PASSIVE)
        try:
            self._commit(batch)
        except apsw.FullError:
            freeing = self._refuse_growth(batch)
            self._reserve.spend()
            run_checkpoint(self._connection, apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._try(freeing)
        except apsw.Error as error:
            self._fail(batch, trouble(error, self._path))

    def _try(self, batch: list[Ticket]) -> None:
        try:
            self._commit(batch)
        except apsw.Error as error:
            self._fail(batch, trouble(error, self._path))

    def _free_inside(self) -> int:
        """Bytes of the database that hold nothing: content can grow into them when the disk is full."""
        return int(self._connection.pragma("freelist_count")) * PAGE

    def _refuse_growth(self, batch: list[Ticket]) -> list[Ticket]:
        """Those that free space; the others have failed."""
        growing = [ticket for ticket in batch if type(ticket.change) not in _FREEING]
        if growing:
            self._fail(growing, BackendError(Trouble.FULL, f"{self._path}: the disk is full"))
        return [ticket for ticket in batch if type(ticket.change) in _FREEING]

    def _commit(self, batch: list[Ticket]) -> None:
        tx = self._transaction
        if not batch:
            return
        try:
            tx.begin()
            for ticket in batch:
                change = ticket.change
                try:
                    ticket.outcome = _APPLY[type(change)](tx, change)
                except (S3Error, changes.Outdated) as error:
                    ticket.outcome = error
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        counts = self.statistics
        counts.commits += 1
        counts.changes += len(batch)
        counts.largest = max(counts.largest, len(batch))

    def _fail(self, batch: Sequence[Ticket], error: Exception) -> None:
        self.statistics.failed += 1
        for ticket in batch:
            ticket.outcome = BackendError(error.trouble, error.detail) if isinstance(error, BackendError) else error


def _wake(batch: list[Ticket], then: Callable[[], None] | None) -> None:
    """Hand the outcomes to each event loop, once; a loop that was closed meanwhile wants none."""
    loops = {ticket.loop for ticket in batch}
    for loop in loops:
        mine = batch if len(loops) == 1 else [ticket for ticket in batch if ticket.loop is loop]
        try:
            loop.call_soon_threadsafe(_deliver, mine, then)
        except RuntimeError:
            continue


def _deliver(batch: list[Ticket], then: Callable[[], None] | None) -> None:
    for ticket in batch:
        outcome, future = ticket.outcome, ticket.future
        failed = outcome if isinstance(outcome, Exception) else None
        if ticket.done is not None:
            ticket.done(failed)
        if future.done():
            continue
        if failed is None:
            future.set_result(outcome)
        else:
            future.set_exception(failed)
    if then is not None:
        then()
