"""An event loop whose every choice is the seed's: what is ready runs in any order; time passes when nothing is ready.

Callbacks belong to a `Process`, the one whose task set them up. One that has ended is like one killed with -9: none of
its callbacks runs again, no `finally` either. One that is held is like one stopped with SIGSTOP.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from random import Random
from typing import Any, TypeVarTuple

Ts = TypeVarTuple("Ts")


class Process:
    """A worker's process as the loop sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False
        self.waiting: list[Step] | None = None
        """What would have run meanwhile, where it is held."""
        self.end: Callable[[], None] = self._end
        self.context = Context()
        self.context.run(PROCESS.set, self)

    def _end(self) -> None:
        self.ended = True


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)
OUTSIDE = Context()
"""Of callbacks that belong to no process: the broker's and the network's."""


class Step(asyncio.TimerHandle):
    """A callback that is due, or will be: asyncio's handle without what is of no use here."""

    __slots__ = ("args", "callback", "context", "dropped", "moment")

    def __init__(
        self, moment: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> None:
        self.moment = moment
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.dropped = False

    def cancel(self) -> None:
        """Do not call."""
        self.dropped = True

    def cancelled(self) -> bool:
        """Whether it is not called any more."""
        return self.dropped

    def when(self) -> float:
        """The moment at which it is due."""
        return self.moment


class Deadlock(Exception):
    """Nothing is ready, and nothing will be."""


class SeededLoop(asyncio.BaseEventLoop):
    """Runs tasks, timers and futures, without any I/O; `time` is in virtual seconds from 0."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._now = 0.0
        self._due: deque[Step] = deque()
        self._timers: list[tuple[float, int, Step]] = []
        self._timer = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self.broken: list[BaseException] = []
        """What callbacks raised: the simulation's own faults."""
        self.set_exception_handler(lambda *_: None)  # of tasks of ended processes that nobody awaits

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """As asyncio does; the task is kept, or what is left of an ended process would be swept up, and run, at any
        moment."""
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        self._tasks.append(task)
        return task

    def spawn(self, coro: Coroutine[Any, Any, Any], process: Process | None) -> asyncio.Task[Any]:
        """A task of a process, or of none."""
        return self.create_task(coro, context=Context() if process is None else process.context)

    def outside(self, delay: float, callback: Callable[[], object]) -> None:
        """Call back later, whatever becomes of the process that is running."""
        self.call_later(delay, callback, context=OUTSIDE)

    def resume(self, process: Process) -> None:
        """Let a held process go on."""
        waiting, process.waiting = process.waiting, None
        self._due.extend(waiting or ())

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Step:
        """As asyncio does, without its checks."""
        step = Step(self._now, callback, args, context)
        self._due.append(step)
        return step

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Step:
        """As asyncio does; of equal moments, the first one asked for."""
        step = Step(when, callback, args, context)
        self._timer += 1
        heappush(self._timers, (when, self._timer, step))
        return step

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Step:
        """As asyncio does."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _run_once(self) -> None:
        due, timers = self._due, self._timers
        if not due:
            if not timers:
                raise Deadlock
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            _, _, timer = heappop(timers)
            if not timer.dropped:
                due.append(timer)
        if not due:
            return
        if len(due) > 1:
            due.rotate(int(self._random.random() * len(due)))
        step = due.popleft()
        if step.dropped:
            return
        process = step.context.get(PROCESS)
        if process is not None:
            if process.ended:
                return
            if process.waiting is not None:
                process.waiting.append(step)
                return
        try:
            step.context.run(step.callback, *step.args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.broken.append(error)

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake the loop from."""

    def close(self) -> None:
        """End what is left, quietly."""
        super().close()
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(Exception):  # it may want a loop that is closed
                    task.get_coro().close()
        self._tasks.clear()
        self._timers.clear()
        self._due.clear()
