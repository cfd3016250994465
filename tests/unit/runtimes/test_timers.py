"""Is the work beside answering done again and again, does it survive trouble, and does it end?"""

import asyncio

from bucketport.errors import BackendError, Trouble
from bucketport.runtimes.timers import Timers


async def rounds_of(outcomes):
    """Let a timer go through these outcomes (an exception, or None); what it told."""
    told, left, done = [], list(outcomes), asyncio.Event()
    timers = Timers(told.append)

    async def work():
        outcome = left.pop(0) if left else None
        if not left:
            done.set()
        if outcome is not None:
            raise outcome

    timers.every(0, "sweep", work)
    await done.wait()
    await timers.stop()
    return told


def test_trouble_is_told_once_and_so_is_its_end():
    full = BackendError(Trouble.UNREACHABLE, "no room")
    told = asyncio.run(rounds_of([None, full, full, ValueError("x"), None, None]))
    assert [line.partition(":")[0] for line in told] == ["sweep"] * 3
    assert "no room" in told[0]
    assert told[1:] == ["sweep: bug: ValueError: x", "sweep: goes well again"]


def test_stopping_waits_for_no_pause():
    async def run():
        timers = Timers(print)
        begun = asyncio.Event()

        async def work():
            begun.set()

        timers.every(3600, "sweep", work)
        await begun.wait()
        async with asyncio.timeout(5):
            await timers.stop()

    asyncio.run(run())


def test_stopping_without_any_work_returns():
    async def run():
        await Timers(print).stop()

    asyncio.run(run())


def test_a_round_that_runs_is_finished(monkeypatch):
    async def run():
        timers, begun, may_go, ended = Timers(print), asyncio.Event(), asyncio.Event(), []

        async def work():
            begun.set()
            await may_go.wait()
            ended.append(True)

        timers.every(3600, "sweep", work)
        await begun.wait()
        stopping = asyncio.create_task(timers.stop())
        may_go.set()
        await stopping
        return ended

    assert asyncio.run(run()) == [True]


def test_a_round_that_does_not_end_is_broken_off(monkeypatch):
    monkeypatch.setattr("bucketport.runtimes.timers.GRACE_SECONDS", 0)

    async def run():
        timers, begun = Timers(print), asyncio.Event()

        async def work():
            begun.set()
            await asyncio.Event().wait()

        timers.every(3600, "sweep", work)
        await begun.wait()
        async with asyncio.timeout(5):
            await timers.stop()

    asyncio.run(run())
