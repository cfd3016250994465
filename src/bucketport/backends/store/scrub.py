"""Is everything still what was stored? One pass over all blobs, at a bounded rate, while the store serves."""

import asyncio
import functools

from bucketport.backends.store.base import Base
from bucketport.backends.store.blobs.check import Suspect, check_blob
from bucketport.backends.store.blobs.segments import SEGMENT, count
from bucketport.errors import BackendError
from bucketport.record import record

SLICE = 8
"""Segments checked before the rate is kept by a pause."""


@record
class Scrubbed:
    """What a pass saw: blobs and bytes, and the blobs that are missing or altered."""

    blobs: int
    bytes: int
    bad: tuple[int, ...]


class Scrubbing(Base):
    """The scrubber."""

    async def scrub(self, mib_per_second: float) -> Scrubbed:
        """Check every blob once; trouble is logged with the path. Cancel it to stop."""
        last = blobs = size = 0
        bad: list[int] = []
        while found := self._read.blobs(last, 64):
            for blob, length, *_ in found:
                last = blob
                crcs = self._read.crcs(blob)
                if crcs is None:
                    continue
                release = self._leases.take((blob,))
                try:
                    size += await self._scrub_blob(Suspect(self._shelf.path(blob), length, crcs), mib_per_second)
                except BackendError as error:
                    self._log(f"scrub: {error}")
                    bad.append(blob)
                finally:
                    release()
                blobs += 1
        return Scrubbed(blobs, size, tuple(bad))

    async def _scrub_blob(self, whole: Suspect, rate: float) -> int:
        read = 0
        for first in range(0, count(whole.size), SLICE):
            stop = min(first + SLICE, count(whole.size))
            suspect = Suspect(whole.path, whole.size, whole.crcs, first, stop)
            checked = await self._in_thread(functools.partial(check_blob, self._shelf.files, self._digests, suspect))
            read += checked
            await asyncio.sleep(checked / SEGMENT / rate)
        return read
