"""What do all parts of the store stand on? The index, the blob files, the threads, the clock.

The store's operations are spread over files by question; each is a class on this one, and `Store` is all of them.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import TypeVar

from bucketport.backends.store.blobs.shelf import Shelf
from bucketport.backends.store.index.reserve import SIZE
from bucketport.backends.store.index.sqlite import SqliteIndex
from bucketport.backends.store.index.writer import Done
from bucketport.backends.store.leases import Leases
from bucketport.model import BucketInfo
from bucketport.ports import Digests, Entropy, Now
from bucketport.record import record

T = TypeVar("T")

THREADS = 8
"""Threads that write, read and sync files: enough to keep a disk busy, few enough not to fight over two cores."""

INLINE = 32 << 10
"""Bytes up to which content lies in the index: half the cost of a file, but above it others' p99 suffers
(measured 2026-11: 5 ms beside 1 KiB writes, 14 to 17 beside 64 KiB ones)."""

ATTEMPTS = 8
"""How often something is read anew when it changed between being read and being committed."""


KNOWN = 4096
"""Rows of buckets that are kept, because every request looks at one (3 microseconds each, measured 2026-11). They are
dropped when the writer has decided a change of theirs; a process that does not own the writer may not keep any."""


@record
class Settings:
    """What can be set.

    `inline_bytes`: content up to it lies in the index. `verify_reads`: compare content with its CRCs before it is sent.
    `part_minimum`: bytes of every part but the last. `completed_ms`: how long the answer to a completed upload is kept
    for a repeat. `reserve_bytes`: room kept on the disk so that something can be deleted when it is full (0: none).
    `dedup`: equal content is kept once in every bucket, not only in those where it was switched on. `merge_mib`: MiB a
    second at which completed uploads are hashed for it.
    """

    inline_bytes: int = INLINE
    verify_reads: bool = False
    part_minimum: int = 5 << 20
    completed_ms: int = 24 * 3600 * 1000
    reserve_bytes: int = SIZE
    dedup: bool = False
    merge_mib: float = 256.0


@record
class Rooms:
    """What a store is made of; `log` takes one line about trouble, with the path in it."""

    index: SqliteIndex
    shelf: Shelf
    leases: Leases
    now: Now
    entropy: Entropy
    digests: Digests
    log: Callable[[str], None]
    settings: Settings


class Base:
    """Access to the rooms, and the ways to wait: for a thread, for a commit."""

    def __init__(self, rooms: Rooms) -> None:
        self._index, self._shelf, self._leases = rooms.index, rooms.shelf, rooms.leases
        self._now, self._entropy, self._digests = rooms.now, rooms.entropy, rooms.digests
        self._log, self._settings = rooms.log, rooms.settings
        self._read = rooms.index.read
        self._submit = rooms.index.submit
        self._known: dict[str, BucketInfo] = {}
        self._deduped: dict[str, bool] = {}
        self._threads = concurrent.futures.ThreadPoolExecutor(THREADS, "bucketport-blobs")

    def _forget_bucket(self, bucket: str) -> Done:
        """What is to be called when a change of a bucket is decided: the next look at it reads its row."""

        def decided(_: Exception | None) -> None:
            self._known.pop(bucket, None)
            self._deduped.pop(bucket, None)

        return decided

    def _dedups(self, bucket: str) -> bool:
        """Whether equal content is kept once there; known without a look at the index, mostly."""
        if self._settings.dedup:
            return True
        known = self._deduped.get(bucket)
        if known is None:
            known = self._read.dedup(bucket)
            if known is None:
                return False
            if len(self._deduped) >= KNOWN:
                self._deduped.clear()
            self._deduped[bucket] = known
        return known

    def _now_ms(self) -> int:
        return int(self._now() * 1000)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._threads.submit(work))

    def _in_background(self, work: Callable[[], None]) -> None:
        """Have it done, and nobody waits; at once when the threads are gone because the store closes."""
        in_background(self._threads, work)


def in_background(threads: concurrent.futures.ThreadPoolExecutor, work: Callable[[], None]) -> None:
    """Have a thread do it; do it here when there are no threads any more."""
    try:
        threads.submit(work)
    except RuntimeError:
        work()
