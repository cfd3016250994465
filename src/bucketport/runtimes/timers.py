"""What does the server do beside answering, now and then? Rounds of work, each at its own pace, until it stops.

What fails is told once, and tried again at the next round: nobody waits for it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from bucketport.errors import BackendError, S3Error

GRACE_SECONDS = 5.0
"""How long a round that runs may take to finish when the server stops; each is safe to be broken off."""

Work = Callable[[], Awaitable[float | None]]
"""One round; the seconds until there is more to do, None when it is not known."""


class Timers:
    """Rounds of work on the running event loop. `report` takes a line about trouble."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def every(self, seconds: float, name: str, work: Work) -> None:
        """Do `work` now, and again that long after each end. `name` is what trouble is told as."""
        self._tasks.append(asyncio.create_task(self._rounds(seconds, name, work), name=name))

    async def _rounds(self, seconds: float, name: str, work: Work) -> None:
        told = ""
        while not self._stopping.is_set():
            said, pause = await _done(work)
            if said and said != told:
                self._report(f"{name}: {said}")
            elif told and not said:
                self._report(f"{name}: goes well again")
            told = said
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds if pause is None else min(pause, seconds))

    async def stop(self) -> None:
        """Begin no more; what runs has a moment, then it is broken off."""
        self._stopping.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=GRACE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _done(work: Work) -> tuple[str, float | None]:
    """Do one round; what went wrong (empty when nothing did), and what it returned."""
    try:
        return "", await work()
    except (S3Error, BackendError) as error:
        return str(error), None
    except Exception as bug:
        return f"bug: {type(bug).__name__}: {bug}", None
