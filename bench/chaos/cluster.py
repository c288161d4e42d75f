"""A cluster to break: one broker, workers as processes, the load upon them, and what they have recorded."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
from aiokafka.errors import KafkaError

from bench.chaos.load import Load, begins
from bench.chaos.oracle import Differences
from bench.chaos.proxy import listeners
from bench.chaos.recording import Recording
from schemas.journal import Epoch
from streams import broker_topics
from streams.app import Role
from streams.checkpoints import wait_until_settled
from streams.judge import AUTHORITY
from zhida.stack import Endpoints, kafka, ports, processes
from zhida.workers import Worker, stop_workers

LOOK_EVERY = 0.1  # seconds
SETTLES_WITHIN = 120.0  # seconds
NO_REDIS = "redis://unused"
CORE = (Role.INTAKE, Role.ELIGIBILITY)


class HarnessError(Exception):
    """What a scenario set out to do did not happen: it proves nothing."""


class Cluster:
    """Intake and eligibility on a broker of their own. `wanted`: how many workers of a role `tend` keeps running.

    `through`: the address that workers started from now on are given, that of a proxy in front of the broker's second
    listener, `behind`, which sends its clients to port `advertised`. `found`: what the last check of all has found.
    """

    def __init__(self, folder: Path, *, seed: int, subjects: int = 80, rate: int = 160) -> None:
        self.folder = folder
        self.port, self.behind, self.advertised = ports.free(), ports.free(), ports.free()
        self.through: str | None = None
        self._properties = listeners(self.port, self.behind, self.advertised)
        self.bootstrap = self._up()
        self.load = Load(self.bootstrap, folder, seed=seed, subjects=subjects, rate=rate)
        self.recording = Recording(self.bootstrap)
        self.wanted = dict.fromkeys(CORE, 1)
        self.workers: dict[Role, list[Worker]] = {role: [] for role in CORE}
        self.untended: list[Worker] = []
        self.ended: list[str] = []
        self.found = Differences()
        self._started = 0

    async def begin(self) -> None:
        """Topics, workers, a world of subjects and policies, all of it decided."""
        key = self.load.ring.public_key(AUTHORITY)
        await broker_topics.apply(self.bootstrap, Epoch(clock="world", now=begins(), authority_key=key))
        self.tend()
        await self.load.begin()
        await self.settled()
        await self.load.populate()
        await self.settled()

    def start(self, role: Role) -> Worker:
        """One more worker of a role to be tended."""
        worker = self._worker(role, None)
        self.workers[role].append(worker)
        return worker

    def start_armed(self, role: Role, point: str, nth: int) -> Worker:
        """A worker that ends itself when it comes to a crash point for the n-th time; nobody starts it anew."""
        worker = self._worker(role, {"ZHIDA_CRASH_AT": f"{point}:{nth}"})
        self.untended.append(worker)
        return worker

    def _worker(self, role: Role, environment: dict[str, str] | None) -> Worker:
        self._started += 1
        folder = self.folder / "workers" / f"{self._started:04d}-{role}"
        return Worker(role, Endpoints(self.through or self.bootstrap, NO_REDIS), folder, environment)

    def kill(self, worker: Worker) -> None:
        """SIGKILL, and forget it."""
        worker.process.kill()
        worker.process.wait()
        self.forget(worker)

    def forget(self, worker: Worker) -> None:
        """No longer tended: it has ended, or another will be started in its place."""
        for listed in (self.workers[worker.role], self.untended):
            if worker in listed:
                listed.remove(worker)
        worker.pid_file.unlink(missing_ok=True)

    def disarm(self) -> None:
        """One tended worker of each role again, whatever a scenario has left."""
        for worker in list(self.untended):
            self.kill(worker)
        for worker in (worker for listed in self.workers.values() for worker in listed):
            worker.process.send_signal(signal.SIGCONT)
        self.wanted.update(dict.fromkeys(CORE, 1))

    def tend(self) -> None:
        """Do what a supervisor does: start anew what has ended, and note why it did."""
        for role, number in self.wanted.items():
            for worker in [worker for worker in self.workers[role] if worker.process.poll() is not None]:
                why = said(worker, "ended:") or worker.last_line()
                self.ended.append(f"{role} ended by itself, code {worker.process.returncode}: {why}")
                self.forget(worker)
            while len(self.workers[role]) < number:
                self.start(role)

    async def until(self, happened: Callable[[], Any], within: float, what: str) -> Any:
        """Tend the workers until something has happened. Raises HarnessError when it does not."""
        deadline = time.monotonic() + within
        while not (result := happened()):
            if time.monotonic() > deadline:
                raise HarnessError(f"after {within:.0f} s: {what}")
            self.tend()
            await asyncio.sleep(LOOK_EVERY)
        return result

    async def tended(self, work: Coroutine[Any, Any, Any], within: float, what: str) -> Any:
        """Await something while tending the workers."""
        task = asyncio.ensure_future(work)
        try:
            await self.until(task.done, within, what)
            return task.result()
        finally:
            task.cancel()

    async def run_for(self, seconds: float) -> None:
        """Let it work under load."""
        deadline = time.monotonic() + seconds
        await self.until(lambda: time.monotonic() > deadline, seconds + 60.0, "the clock stands still")

    async def settled(self) -> None:
        """Pause the load until everything sent is decided."""
        await self.tended(self.load.pause(), SETTLES_WITHIN, "the load is not acknowledged")
        await self.tended(self._settle(), SETTLES_WITHIN, f"not settled; {self._last_lines()}")

    async def _settle(self) -> None:
        while True:
            try:
                await wait_until_settled(self.bootstrap, Role.INTAKE.group)
                return
            except KafkaError:
                await asyncio.sleep(LOOK_EVERY)

    def _last_lines(self) -> str:
        alive = [worker for workers in self.workers.values() for worker in workers]
        return "; ".join(f"{worker.role}: {worker.last_line()}" for worker in alive)

    async def joined(self, worker: Worker, within: float = 60.0) -> None:
        """Until the worker owns partitions, or knows that it owns none."""
        await self.until(lambda: said(worker, "fenced, loaded"), within, f"{worker.role} has not taken a partition")

    def kill_broker(self) -> None:
        """SIGKILL: no broker until `start_broker`."""
        running = kafka_process(self.folder)
        running.send_signal(signal.SIGKILL)
        running.wait(10)

    async def start_broker(self) -> None:
        """The broker again, on its port and its data."""
        await asyncio.to_thread(self._up)

    def _up(self) -> str:
        return kafka.up(self.folder, port=self.port, report=lambda line: None, properties=self._properties)

    async def end(self) -> None:
        """Stop everything that was started here."""
        await self.load.end()
        workers = [*self.untended, *(worker for listed in self.workers.values() for worker in listed)]
        for worker in workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
        stop_workers(workers)
        kafka.down(self.folder)


def kafka_process(folder: Path) -> psutil.Process:
    """The broker's process. Raises HarnessError where it does not run."""
    running = processes.running(folder / "run" / "kafka.json")
    if running is None:
        raise HarnessError("the broker does not run")
    return psutil.Process(running.pid)


def said(worker: Worker, text: str) -> str:
    """The last line of a worker's log with a text in it; empty where there is none."""
    lines = worker.log.read_text(errors="replace").splitlines()
    return next((line for line in reversed(lines) if text in line), "")
