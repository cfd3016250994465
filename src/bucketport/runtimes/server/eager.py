"""How is a handler run without the cost of a task? One step at once; it becomes a task only when it has to wait.

Most answers (a point read of the index, a refusal) are ready without waiting, and a task with its trip through the
event loop costs as much as the rest of the request. What a task gives is kept: the step runs in a context of its own,
`asyncio.current_task()` is an object with a task's `cancel`, `cancelling` and `uncancel` (so `asyncio.timeout` and task
groups work when they begin before the first wait), and it stands for the task that the handler becomes.
Source: "Extending" in the asyncio documentation, for _enter_task and _leave_task.
"""

import asyncio
import contextvars
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine
from typing import Any, cast


class Early:
    """Stands for the task of a coroutine that is not one yet, and for the task itself once it is."""

    __slots__ = ("__weakref__", "_cancellations", "_loop", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.task: asyncio.Task[None] | None = None
        self._cancellations = 0

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` to its end or to its first wait; from there on `task` carries it on."""
        context = contextvars.copy_context()
        self.task, self._cancellations = None, 0
        loop = self._loop
        _enter_task(loop, self)  # type: ignore[arg-type]
        try:
            waits_for = context.run(work.send, None)
        except StopIteration:
            return
        finally:
            _leave_task(loop, self)  # type: ignore[arg-type]
        task = asyncio.Task(cast(Coroutine[Any, Any, None], _Rest(work, waits_for)), loop=loop, context=context)
        self.task = task
        for _ in range(self._cancellations):
            task.cancel()

    def cancel(self, msg: object = None) -> bool:
        """As Task.cancel; before the first wait it takes effect there."""
        if self.task is not None:
            return self.task.cancel(msg)
        self._cancellations += 1
        return True

    def cancelling(self) -> int:
        """As Task.cancelling."""
        return self.task.cancelling() if self.task is not None else self._cancellations

    def uncancel(self) -> int:
        """As Task.uncancel."""
        if self.task is not None:
            return self.task.uncancel()
        self._cancellations = max(self._cancellations - 1, 0)
        return self._cancellations

    def done(self) -> bool:
        """Never: who asks is running in it."""
        return False

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on."""
        return self._loop

    def get_name(self) -> str:
        """A name for debuggers."""
        return self.task.get_name() if self.task is not None else "request"


class _Rest:
    """A coroutine that was stepped once, for a task: the first step gives out what it waits for."""

    __slots__ = ("_waits_for", "_work", "close", "send")

    def __init__(self, work: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for
        self.send: Callable[[Any], Any] = self._first
        self.close = work.close

    def _first(self, _: Any) -> Any:
        self.send = self._work.send
        waits_for, self._waits_for = self._waits_for, None
        return waits_for

    def throw(self, *error: Any) -> Any:
        """Into the coroutine; when that comes before the first step, what it waits for is told, as a task would."""
        if self._waits_for is not None:
            self._waits_for.cancel()
            self._first(None)
        return self._work.throw(*error)


Coroutine.register(_Rest)
