"""Worker processes, their consumer group, and what the transport does around a role's positions: hold a partition until
it is acquired, deliver it chunk by chunk, let it go on revoke, commit what is done."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from bench.simulation.clients import MemoryClients, MemoryConsumer, Network
from bench.simulation.loop import Process, SeededLoop
from streams.chunks import Chunk, Positions
from streams.control import ControlReader
from streams.intake import Intake
from streams.ownership import SESSION_TIMEOUT, Ownership

COMMIT_EVERY = 0.5  # seconds between commits of group offsets
FETCH_FOR = 3_600_000  # milliseconds
Work = Callable[[Chunk], Awaitable[None]]


class Role(NamedTuple):
    """What a worker of a role runs: its positions, and what each chunk goes to."""

    positions: Positions
    work: Callable[[TP], Work]


Make = Callable[[MemoryClients, Callable[[BaseException], Awaitable[None]]], Awaitable[Role]]


async def eligibility(clients: MemoryClients, crash: Callable[[BaseException], Awaitable[None]]) -> Role:
    """As streams.app puts it together."""
    pumps = clients.idempotent_producer()
    await pumps.start()
    ownership = Ownership(clients, pumps, crash)
    return Role(ownership, lambda _: ownership.decide)


async def intake(clients: MemoryClients, crash: Callable[[BaseException], Awaitable[None]]) -> Role:
    """As streams.app puts it together."""
    producer = clients.idempotent_producer()
    await producer.start()
    async with clients.reader() as consumer:
        role = Intake("memory", producer, ControlReader(consumer), crash)
    return Role(role, lambda tp: role.fan_out if tp.topic == "control.v1" else role.take_in)


class Worker:
    """One process of a role."""

    def __init__(self, group: Group, number: int) -> None:
        self.group = group
        self.process = Process(f"{group.name}-{number}")
        self.process.end = self.end
        self.generation = -1
        self._left = -1
        self._role: Role | None = None
        self._serving: dict[TP, asyncio.Task[None]] = {}
        self._committing: asyncio.Task[None] | None = None
        self._working: set[object] = set()
        """Those in `_serving` with a chunk in hand: a revoke does not cancel them. The release waits, or they go on."""
        self._in_hand: defaultdict[TP, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._in_order = asyncio.Lock()  # commits go over one connection
        self._stopping = False

    @property
    def alive(self) -> bool:
        """It has not ended; it may be held."""
        return not self.process.ended

    async def start(self) -> None:
        """Come up and join the group."""
        try:
            self._role = await self.group.make(MemoryClients(self.group.network), self.crash)
        except Exception as error:
            await self.crash(error)
        else:
            self.group.join(self)

    def end(self) -> None:
        """As kill -9 does."""
        self.process.ended = True
        self.group.ended(self)

    async def crash(self, error: BaseException) -> None:
        """What the app does with an error: stop, as well as it goes, and end."""
        if not self._stopping and self.alive:
            self._stopping = True
            self.group.said.append((self.process.name, error))
            if self.group.random.random() < 0.5:
                asyncio.create_task(self.stop())  # noqa: RUF006  the loop keeps it
            else:
                self.end()

    async def stop(self) -> None:
        """Let go of everything, leave and end."""
        self._stopping = True
        await self.revoke(self.group.generation)
        self.end()

    def assign(self, tps: list[TP], generation: int) -> None:
        """Take partitions over; too late where they have been revoked by then."""
        if generation > self._left and not self._stopping:
            self.generation = generation
            self._serving = {tp: asyncio.create_task(self._serve(tp)) for tp in tps}

    async def revoke(self, generation: int) -> None:
        """Let go of all partitions, those of a generation and before, and commit what is done."""
        self._left = generation
        assigned, serving, self._serving = self.generation, self._serving, {}
        idle = [task for task in serving.values() if task not in self._working]
        for task in idle:
            task.cancel()
        await asyncio.gather(*idle, return_exceptions=True)
        if serving and self._role is not None:
            try:
                await self._role.positions.release(_ordered(serving))
                await self._commit(list(serving), assigned)
            except Exception as error:
                await self.crash(error)

    async def _serve(self, tp: TP) -> None:
        assert self._role is not None
        try:
            where = await self._role.positions.acquire(tp)
            consumer, partition = MemoryConsumer(self.group.network, committed=False), TopicPartition(*tp)
            start = where if isinstance(where, int) else self.group.committed.get(tp)
            if start is None:
                start = (await consumer.beginning_offsets([partition]))[partition]
            consumer.seek(partition, start)
            serving = asyncio.current_task()
            while self._serving.get(tp) is serving and not self._stopping:
                records = (await consumer.getmany(partition, FETCH_FOR)).get(partition)
                if records:
                    self._working.add(serving)
                    async with self._in_hand[tp]:
                        if self._serving.get(tp) is serving:  # not revoked while it waited for one in hand before
                            await self._role.work(tp)(Chunk(tp, tuple(records)))
                    self._working.discard(serving)
                    if self.group.commits and self._committing is None:
                        self._committing = asyncio.create_task(self._commit_later())
        except Exception as error:
            await self.crash(error)

    async def _commit_later(self) -> None:
        committed = False
        while not committed:
            await asyncio.sleep(COMMIT_EVERY * self.group.random.random())
            self._committing = None
            with suppress(KafkaError):  # the transport tries again, too
                await self._commit(list(self._serving), self.generation)
                committed = True

    async def _commit(self, tps: list[TP], generation: int) -> None:
        if not self.group.commits or self._role is None:
            return
        async with self._in_order:
            done = {tp: self._role.positions.next_offset(tp) for tp in tps}
            offsets = {tp: offset for tp, offset in done.items() if offset is not None}
            await self.group.network.call(lambda: self.group.commit(offsets, generation))


class _Ordered(set[TP]):
    """A set that is gone through in one order, whatever the hashes of this run are."""

    def __iter__(self) -> Any:
        return iter(sorted(super().__iter__()))


def _ordered(tps: dict[TP, Any]) -> set[TP]:
    return _Ordered(tps)


class Group:
    """A consumer group: who is in it, who has what, and what is committed. Assignment is eager, as Faust's is."""

    def __init__(
        self, name: str, make: Make, tps: list[TP], network: Network, loop: SeededLoop, random: Random
    ) -> None:
        self.name = name
        self.make = make
        self.network = network
        self.random = random
        self.commits = make is intake
        self.committed: dict[TP, int] = {}
        self.members: list[Worker] = []
        self.workers: list[Worker] = []
        self.said: list[tuple[str, BaseException]] = []
        """What workers ended with."""
        self._tps = tps
        self._loop = loop
        self._number = 0
        self.generation = 0
        self._wanted = asyncio.Event()
        loop.spawn(self._coordinate(), None)

    def add(self) -> None:
        """Start one more worker."""
        self._number += 1
        worker = Worker(self, self._number)
        self.workers.append(worker)
        self._loop.spawn(worker.start(), worker.process)

    def join(self, worker: Worker) -> None:
        """A worker has come up, or has noticed that it is out, and wants partitions."""
        if worker.alive and worker not in self.members:
            self.members.append(worker)
            self._wanted.set()

    def ended(self, worker: Worker) -> None:
        """A worker's process has ended; the group notices by its silence, and somebody starts another."""
        if worker in self.workers:
            self.workers.remove(worker)
            self._wanted.set()
            self._loop.outside(3.0 * self.random.random(), self._replace)

    def _replace(self) -> None:
        if not self.workers:
            self.add()

    def kick(self, worker: Worker) -> None:
        """The group believes a worker gone; it goes on and will notice later."""
        if worker in self.members:
            self.members.remove(worker)
            self._wanted.set()
            self._notice(worker)

    def _notice(self, worker: Worker) -> None:
        self._loop.outside(
            SESSION_TIMEOUT * self.random.random(), lambda: self._loop.spawn(self._rejoin(worker), worker.process)
        )

    async def _rejoin(self, worker: Worker) -> None:
        if worker not in self.members:
            await worker.revoke(self.generation)
            self.join(worker)

    def rebalance(self) -> None:
        """Share the partitions out anew."""
        self._wanted.set()

    def commit(self, offsets: dict[TP, int], generation: int) -> None:
        """Take offsets of the generation that is current; of others, nothing."""
        if generation == self.generation:
            self.committed.update(offsets)

    async def _coordinate(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(0.1 * self.random.random())
            self._wanted.clear()
            before = {
                worker: self._loop.spawn(worker.revoke(self.generation), worker.process) for worker in self.members
            }
            if before:
                await asyncio.wait(before.values(), timeout=SESSION_TIMEOUT)
            for worker, revoked in before.items():
                if not revoked.done() and worker in self.members:
                    self.members.remove(worker)
                    if worker.alive:
                        self._notice(worker)
            self.generation += 1
            self._share()

    def _share(self) -> None:
        present = [worker for worker in self.members if worker.alive]
        if not present:
            return
        parts: dict[Worker, list[TP]] = {worker: [] for worker in present}
        first = self.random.randrange(len(present))
        for place, tp in enumerate(self._tps):
            parts[present[(first + place) % len(present)]].append(tp)
        generation = self.generation
        for worker, tps in parts.items():
            self._loop.spawn(_assigned(worker, tps, generation), worker.process)


async def _assigned(worker: Worker, tps: list[TP], generation: int) -> None:
    worker.assign(tps, generation)
