"""How do small parts become durable without a file each? Those that come together share one.

A file of its own costs a part some 600 microseconds of CPU, most of them for two syncs (measured 2026-11). While one
file is written and synced the next one's parts gather, as commits gather in the index's writer: alone a part waits for
nobody, and 32 at once share the syncs. The file goes when the last of its parts has gone.
"""

import asyncio
import dataclasses
from collections.abc import Sequence

from bucketport.backends.store.base import Rooms
from bucketport.backends.store.blobs.shelf import Blob
from bucketport.backends.store.index.changes import PutPart, PutParts
from bucketport.backends.store.intake import Intake
from bucketport.errors import BackendError
from bucketport.record import record

TOGETHER = 32
"""Most parts in one file: a MiB at most by default, so little is kept for the sake of the last of them."""


@record
class _Small:
    """A part that waits for its file, and whom its outcome is for."""

    part: PutPart
    content: bytes
    decided: asyncio.Future[None]


class Packing(Intake):
    """Small parts in."""

    def __init__(self, rooms: Rooms) -> None:
        super().__init__(rooms)
        self._small: list[_Small] = []
        self._packer: asyncio.Task[None] | None = None

    async def _pack(self, part: PutPart, content: bytes) -> None:
        """Make the part durable, with others. Raises: NoSuchUpload, BackendError."""
        loop = asyncio.get_running_loop()
        small = _Small(part, content, loop.create_future())
        self._small.append(small)
        if self._packer is None:
            self._packer = loop.create_task(self._pack_all())
        await small.decided

    async def _packed(self) -> None:
        """Wait until no part waits for its file, whoever still wants to know."""
        while self._packer is not None:
            await asyncio.wait((self._packer,))

    async def _pack_all(self) -> None:
        try:
            while self._small:
                together, self._small = self._small[:TOGETHER], self._small[TOGETHER:]
                await self._pack_some(together)
        finally:
            self._packer = None

    async def _pack_some(self, together: Sequence[_Small]) -> None:
        """One file. Its rows are asked for, and the next file need not wait for them."""
        written = asyncio.wrap_future(self._threads.submit(self._write, [small.content for small in together]))
        await asyncio.wait((written,))
        error = written.exception()
        if error is not None:
            _decide(together, error)
            return
        blob = written.result()
        parts, at = [], 0
        for small in together:
            parts.append(dataclasses.replace(small.part, at=at))
            at += len(small.content)
        committed = self._submit(PutParts(blob, parts), self._undo(blob))
        committed.add_done_callback(lambda done: _decide(together, done.exception() or done.result()))

    def _write(self, contents: Sequence[bytes]) -> Blob:
        """In a thread. Raises: BackendError; then nothing is left behind."""
        draft = self._shelf.draft()
        try:
            draft.write(contents)
            return draft.publish()
        except BaseException:
            draft.discard()
            raise


def _decide(together: Sequence[_Small], outcome: BaseException | Sequence[Exception | None]) -> None:
    """Tell each what became of it; an exception is told to one only, so each gets its own."""
    for place, small in enumerate(together):
        error = outcome if isinstance(outcome, BaseException) else outcome[place]
        if small.decided.done():
            continue
        if error is None:
            small.decided.set_result(None)
        else:
            own = BackendError(error.trouble, error.detail) if isinstance(error, BackendError) else error
            small.decided.set_exception(own)
