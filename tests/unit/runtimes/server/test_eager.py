"""What does a handler notice of being run without a task at first? Nothing that it may rely on."""

import asyncio
import contextvars

import pytest

from bucketport.runtimes.server.eager import Early

PLACE = contextvars.ContextVar("place", default="outside")


@pytest.fixture
def run(play):
    """Runs the coroutine function eagerly from a callback, as the server does; gives the Early when it is over."""

    def run(work, *, then=None):
        async def main():
            loop = asyncio.get_running_loop()
            early, over = Early(loop), loop.create_future()

            async def wrapped():
                try:
                    await work()
                except BaseException as error:
                    over.set_exception(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))
                else:
                    over.set_result(None)

            def start():
                early.run(wrapped())
                if then is not None:
                    then(early)

            loop.call_soon(start)
            await over
            return early

        return play(main)

    return run


def test_work_that_never_waits_needs_no_task(run):
    async def work():
        assert asyncio.current_task() is not None

    assert run(work).task is None


def test_work_that_waits_becomes_a_task(run):
    async def work():
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        assert isinstance(asyncio.current_task(), asyncio.Task)
        assert await asyncio.get_running_loop().run_in_executor(None, lambda: 7) == 7

    assert run(work).task is not None


def test_timeout_that_begins_before_the_first_wait_works(run):
    async def work():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        async with asyncio.timeout(10):
            await asyncio.sleep(0)

    run(work)


def test_task_group_that_begins_before_the_first_wait_works(run):
    async def fail():
        await asyncio.sleep(0)
        raise LookupError

    async def fail_in_a_group():
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.sleep(10)

    async def work():
        async with asyncio.TaskGroup() as group:
            found = group.create_task(asyncio.sleep(0, "found"))
        assert found.result() == "found"
        with pytest.raises(ExceptionGroup):
            await fail_in_a_group()

    run(work)


def test_context_is_its_own_and_the_same_throughout(run):
    async def work():
        token = PLACE.set("inside")
        await asyncio.sleep(0)
        assert PLACE.get() == "inside"
        PLACE.reset(token)

    run(work)
    assert PLACE.get() == "outside"


@pytest.mark.parametrize("later", [False, True], ids=["at once", "after the task's first step"])
def test_cancel_reaches_the_work_and_what_it_waits_for(run, later):
    waited = []

    async def work():
        waited.append(asyncio.get_running_loop().create_future())
        await waited[0]

    def cancel(early):
        if later:
            asyncio.get_running_loop().call_later(0.01, early.cancel)
        else:
            early.cancel()

    with pytest.raises(RuntimeError, match="CancelledError"):
        run(work, then=cancel)
    assert waited[0].cancelled()


def test_cancel_before_the_first_wait_takes_effect_there(run):
    async def work():
        asyncio.current_task().cancel()
        assert asyncio.current_task().cancelling() == 1
        await asyncio.sleep(10)

    with pytest.raises(RuntimeError, match="CancelledError"):
        run(work)


def test_error_and_result_of_the_first_wait_reach_the_work(run):
    async def work():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_result, 5)
        assert await future == 5
        future = loop.create_future()
        loop.call_soon(future.set_exception, KeyError("gone"))
        with pytest.raises(KeyError):
            await future

    run(work)
