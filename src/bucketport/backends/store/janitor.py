"""Who takes away what nobody refers to any more? A task that wakes when there is something to do.

A commit that takes the last reference off a blob writes it down as garbage. The janitor removes the file once no reader
holds it, syncs the folder, and only then forgets the number: a crash at any point leaves work to be repeated, never a
file without a row. Whether a reader holds it is judged on the event loop, on which reads take their leases in the same
turn as they see the row.
"""

import asyncio

from bucketport.backends.store.base import Base, Rooms
from bucketport.backends.store.index.changes import Dismantle, ForgetCompleted, RemoveGarbage
from bucketport.errors import BackendError, Trouble

AT_ONCE = 256
"""Files removed in one turn of a thread."""

PARTS_AT_ONCE = 500
"""Parts of a dead manifest let go in one commit: some 5 ms of the writer's time."""

HOUR_MS = 3600 * 1000


class Janitor(Base):
    """Upkeep while the store is open."""

    def __init__(self, rooms: Rooms) -> None:
        super().__init__(rooms)
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._strays: list[int] = []
        self._forgot_at = 0
        self._leases.on_free = self.tidy

    def tidy(self) -> None:
        """Have the janitor look around, now or when it is done with what it is at."""
        self._again = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tidy())

    async def tidied(self) -> None:
        """Wait until the janitor has nothing to do."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def _tidy(self) -> None:
        try:
            while self._again:
                self._again = False
                await self._dismantle()
                await self._remove()
                await self._remove_strays()
                await self._forget()
        except BackendError as error:
            self._log(f"janitor: {error}")
        finally:
            self._task = None

    async def _dismantle(self) -> None:
        while manifests := self._read.garbage_manifests(16):
            for manifest in manifests:
                while await self._submit(Dismantle(manifest, PARTS_AT_ONCE)):
                    pass

    async def _remove(self) -> None:
        last = 0
        while blobs := self._read.garbage_blobs(last, AT_ONCE):
            last = blobs[-1]
            free = self._leases.free(blobs)
            if free:
                await self._in_thread(lambda gone=free: self._shelf.remove(gone))  # type: ignore[misc]
                await self._submit(RemoveGarbage(free))

    async def _remove_strays(self) -> None:
        """A commit that succeeds overwrites what a failed one may have left in the WAL: then no row can come back."""
        if self._strays:
            await self._submit(RemoveGarbage(()))
            strays, self._strays = self._strays, []
            await self._in_thread(lambda: self._shelf.remove(strays))

    async def _forget(self) -> None:
        now = self._now_ms()
        if now - self._forgot_at > HOUR_MS:
            self._forgot_at = now
            await self._submit(ForgetCompleted(now - self._settings.completed_ms))

    def _discard_blob(self, blob: int, error: Exception) -> None:
        """Remove a blob whose row was refused; when it is not sure that there is none, after the next commit."""
        if isinstance(error, BackendError) and error.trouble is not Trouble.FULL:
            self._strays.append(blob)
            return
        self._in_background(lambda: self._remove_quietly(blob))

    def _remove_quietly(self, blob: int) -> None:
        try:
            self._shelf.remove((blob,))
        except BackendError as error:
            self._log(f"discarding a blob: {error}")
