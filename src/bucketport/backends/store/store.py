"""What is the embedded store to the rest of the product? A backend that offers everything."""

import asyncio
import contextlib
from collections.abc import Callable

from bucketport.backends.store.base import Rooms
from bucketport.backends.store.buckets import Buckets
from bucketport.backends.store.copying import Copying
from bucketport.backends.store.merging import Merging
from bucketport.backends.store.scrub import Scrubbing
from bucketport.backends.store.writing import Writing
from bucketport.model import Offer
from bucketport.record import record


@record
class StoreStatistics:
    """What the store holds and did since it was opened. `wal_pages` are of 8 KiB; `leased` counts blobs being read."""

    buckets: int
    objects: int
    bytes: int
    commits: int
    changes: int
    largest_commit: int
    failed_commits: int
    checkpoints: int
    wal_pages: int
    leased: int


@record
class StorageFigures:
    """What the objects are and what is kept of them, in bytes.

    `unique_content_count` and `actual_storage_size` count distinct contents once, however many objects share them;
    parts of unfinished uploads are no content yet. `exact`: no completed upload waits to be compared with the others.
    """

    total_objects: int
    unique_content_count: int
    actual_storage_size: int
    total_logical_size: int
    exact: bool


@record
class BucketFigures:
    """How many objects a bucket holds, and the sum of their sizes."""

    object_count: int
    total_size: int


class Store(Merging, Writing, Copying, Buckets, Scrubbing):
    """All of S3's semantics in one folder: a `ports.StoreBackend`. Made by `open_store`; for one event loop."""

    offers = frozenset(
        {
            Offer.OBJECTS,
            Offer.BUCKETS,
            Offer.COPY,
            Offer.MULTIPART,
            Offer.TAGS,
            Offer.ACLS,
            Offer.CORS,
            Offer.ATTRIBUTES,
            Offer.VERSIONS,
            Offer.DRAFTS,
        }
    )

    def __init__(self, rooms: Rooms, on_closed: Callable[[], None]) -> None:
        super().__init__(rooms)
        self._on_closed = on_closed
        self._open = True

    def statistics(self) -> StoreStatistics:
        """Figures for metrics; costs some microseconds."""
        done = self._index.statistics
        return StoreStatistics(
            *self._read.totals(),
            done.commits,
            done.changes,
            done.largest,
            done.failed,
            self._index.checkpoints,
            done.wal_pages,
            len(self._leases),
        )

    def storage(self) -> StorageFigures:
        """What is stored; costs some microseconds, whatever that is."""
        _, objects, size = self._read.totals()
        contents, kept, empty = self._read.contents()
        return StorageFigures(objects, contents + (empty > 0), kept, size, self._read.unmerged(0) is None)

    def bucket_storage(self, bucket: str) -> BucketFigures:
        """What is stored in a bucket. Raises: NoSuchBucket."""
        return BucketFigures(*self._read.bucket_totals(bucket))

    async def close(self) -> None:
        """Finish what was asked for, write the index back, let the folder go. Nothing may be asked after this."""
        if not self._open:
            return
        self._open = False
        await self._packed()
        await self._stop_merging()
        await self.tidied()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with contextlib.ExitStack() as last:
            last.callback(self._on_closed)
            self._index.close()
            self._threads.shutdown()
