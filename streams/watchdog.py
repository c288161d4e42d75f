"""Ends a process that cannot end itself: its event loop is blocked, or its stop takes too long.

A thread looks once a second whether the loop still turns. Looks are counted, not time: a process that was stopped and
continued (SIGSTOP, a suspended machine) has not been stuck. Code that keeps the interpreter's lock keeps the thread
from looking, too; that is for a probe from outside.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
from types import TracebackType

LOOK_EVERY = 1.0  # seconds
BLOCKED_AT_MOST = 60  # looks; loading a partition's state takes seconds
STOP_WITHIN = 12  # looks; less than what those who stop workers wait before they kill
EXIT_CODE = 1


class Watchdog:
    """Watches the running event loop; `name` begins the last line on stderr."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._beats = 0
        self._stopping: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watchdog:
        self._beating = asyncio.create_task(self._beat())
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._beating is not None:
            self._beating.cancel()

    def stopping(self, why: str) -> None:
        """The process stops: from now on it has STOP_WITHIN to end."""
        self._stopping = self._stopping or why

    async def _beat(self) -> None:
        while True:
            self._beats += 1
            await asyncio.sleep(LOOK_EVERY / 2)

    def _watch(self) -> None:
        seen, still, stopping = 0, 0, 0
        while not self._over.wait(LOOK_EVERY):
            still = 0 if self._beats != seen else still + 1
            seen = self._beats
            stopping += self._stopping is not None
            if still >= BLOCKED_AT_MOST:
                self._end(f"the event loop was blocked for {BLOCKED_AT_MOST} s")
            if stopping >= STOP_WITHIN:
                self._end(f"it did not stop within {STOP_WITHIN} s after {self._stopping}")

    def _end(self, why: str) -> None:
        """What was not committed is taken up again by the next owner; nothing here may wait for a lock."""
        faulthandler.dump_traceback(all_threads=True)
        os.write(sys.stderr.fileno(), f"{self.name} ended: StopWorker: {why}\n".encode())
        os._exit(EXIT_CODE)
