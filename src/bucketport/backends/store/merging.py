"""How is equal content of completed uploads kept once? A task hashes it afterwards, at a bounded rate.

Completing copies nothing and reads nothing. An upload completed where equal content is kept once is written down as
unmerged in the same commit; this task reads it, records its SHA-256 or, when there is equal content already, has its
manifest name that, and then lets go of the parts' blobs in small steps. What was not done when the store closed is
found at the next start by the same table.
"""

import asyncio
import contextlib

from bucketport.backends.store.base import Rooms
from bucketport.backends.store.digesting import Digesting, batches
from bucketport.backends.store.index.changes import MergeManifest, StripManifest
from bucketport.backends.store.janitor import PARTS_AT_ONCE, Janitor
from bucketport.backends.store.reading import Places, Reading
from bucketport.errors import BackendError, Trouble

MIB = 1 << 20


class Merging(Janitor, Reading, Digesting):
    """The janitor, and beside it the task that merges."""

    def __init__(self, rooms: Rooms) -> None:
        super().__init__(rooms)
        self._merger: asyncio.Task[None] | None = None
        self._merge_again = self._closing = False
        self._unreadable: set[int] = set()

    def tidy(self) -> None:
        """Have the janitor and the merger look around, now or when they are done with what they are at."""
        super().tidy()
        self._wake_merger()

    def merge(self) -> None:
        """Have the merger alone look around, also at what it could not read before."""
        self._unreadable.clear()
        self._wake_merger()

    def _wake_merger(self) -> None:
        self._merge_again = True
        if self._merger is None and not self._closing:
            self._merger = asyncio.get_running_loop().create_task(self._merge())

    def resume(self) -> None:
        """Go on with what the last close left, when there is something and an event loop runs by now."""
        with contextlib.suppress(RuntimeError, BackendError):
            asyncio.get_running_loop()
            if self._read.unmerged(0) is not None:
                self.merge()

    async def merged(self) -> None:
        """Wait until all uploads that were completed have been merged (but those that cannot be read)."""
        while self._merger is not None:
            await asyncio.wait((self._merger,))

    async def _stop_merging(self) -> None:
        self._closing = True
        merger = self._merger
        if merger is not None:
            merger.cancel()
            await asyncio.wait((merger,))

    async def _merge(self) -> None:
        try:
            while self._merge_again:
                self._merge_again = False
                last = 0
                while found := self._read.unmerged(last):
                    last, size, joined = found
                    await self._merge_one(last, size, bool(joined))
        except BackendError as error:
            self._log(f"merging: {error}")
        finally:
            self._merger = None

    async def _merge_one(self, manifest: int, size: int, joined: bool) -> None:
        """Hash it and have it merged. One that cannot be read waits for the next start: trouble is told once."""
        if manifest in self._unreadable:
            return
        if not joined:
            places = self._manifest_places(manifest, 0, size, size)
            release = self._leases.take([place[0] for place in places])
            try:
                sha256 = await self._hashed(manifest, places, size)
            except BackendError as error:
                self._log(f"merging: {error}")
                self._unreadable.add(manifest)
                return
            finally:
                release()
            joined = await self._submit(MergeManifest(manifest, sha256))
        while joined and await self._submit(StripManifest(manifest, PARTS_AT_ONCE)):
            pass

    async def _hashed(self, manifest: int, places: Places, size: int) -> bytes:
        hasher = self._digests.new("SHA256")
        spans = [(blob, start, stop) for blob, start, stop, _ in places]
        if sum(stop - start for _, start, stop in spans) != size:
            raise BackendError(Trouble.CORRUPT, f"manifest {manifest} has holes")
        for batch in batches(spans):
            await self._in_thread(lambda batch=batch: self._hash(hasher, batch))  # type: ignore[misc]
            await asyncio.sleep(sum(stop - start for _, start, stop in batch) / MIB / self._settings.merge_mib)
        return hasher.digest()
