"""One broker with zhida's workers on it, given the workload: policies published, subjects loaded, changes produced."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from bench.pipeline.check import Said
from bench.pipeline.offline import epoch, loaded, state_records
from bench.pipeline.traffic import Reader, Traffic, partitions
from bench.pipeline.workload import SOURCE, SOURCE_PARTITIONS, Sent, Workload
from eligibility.registry import Registry
from eligibility.state import canonical_records
from schemas.topics import CONTROL, DECISIONS, JOURNAL, JOURNAL_PARTITIONS, NOTICES, REJECTED, STATE
from streams import broker_topics
from streams.app import Role
from streams.batches import Record, send_all
from streams.checkpoints import read_checkpoint
from streams.clock import committed_offsets, wait_until_journaled
from streams.control import read_registry
from streams.producers import idempotent_producer, transactional_producer
from streams.reading import reader
from zhida.keyring import Keyring
from zhida.sending import send
from zhida.stack import Endpoints, kafka, ports, processes
from zhida.workers import Worker, stop_workers

LOOK_EVERY = 0.05  # seconds
QUIET = 0.5  # seconds without anything written after which a round may be over
WITHIN = 600.0  # seconds for any one thing to happen
LOADERS = 2
STATE_RECORDS = 2_000  # in one transaction of the load
LOADED = "fenced, loaded"
NO_REDIS = "redis://unused"
Tell = Callable[[str], None]


class BenchError(Exception):
    """What was to be measured did not happen: there is no figure."""


class Rig:
    """The broker, intake and eligibility. `produced`: per source partition, the numbers of its changes, by offset."""

    def __init__(self, folder: Path, workload: Workload, tell: Tell) -> None:
        self.folder, self.workload, self.tell = folder, workload, tell
        self.bootstrap = kafka.up(folder, port=ports.free(), report=tell)
        self.ring = Keyring(folder / "keys")
        self.produced: list[list[int]] = [[] for _ in range(SOURCE_PARTITIONS)]
        self.workers: dict[Role, Worker] = {}
        self._written = Reader()

    @property
    def data(self) -> Path:
        """Where the broker keeps its logs."""
        return self.folder / "kafka"

    def broker(self) -> psutil.Process:
        """The broker's process."""
        running = processes.running(self.folder / "run" / "kafka.json")
        if running is None:
            raise BenchError("the broker has ended")
        return psutil.Process(running.pid)

    def processes(self) -> dict[str, psutil.Process]:
        """The workers' processes, by role."""
        return {role.value: psutil.Process(worker.process.pid) for role, worker in self.workers.items()}

    def start(self, role: Role) -> Worker:
        """A worker of a role."""
        worker = Worker(role, Endpoints(self.bootstrap, NO_REDIS), self.folder)
        self.workers[role] = worker
        return worker

    def stop(self) -> None:
        """Stop the workers and the broker."""
        stop_workers(self.workers.values())
        kafka.down(self.folder)

    def check_alive(self) -> None:
        """Raise BenchError when a worker has ended."""
        for role, worker in self.workers.items():
            if worker.process.poll() is not None:
                raise BenchError(f"{role} has ended: {worker.last_line()}")

    def check_in_time(self, began: float) -> None:
        """Raise BenchError when what began then takes too long, or a worker has ended."""
        self.check_alive()
        if time.monotonic() > began + WITHIN:
            raise BenchError(f"not over after {WITHIN:.0f} s")

    def log_size(self, role: Role) -> int:
        """Up to where the log of a role's worker is written."""
        log = self.folder / "logs" / f"worker-{role}.log"
        return log.stat().st_size if log.exists() else 0

    def logged(self, role: Role, since: int) -> str:
        """What a role's worker has logged since."""
        return self.workers[role].log.read_bytes()[since:].decode(errors="replace")

    async def loaded(self, since: int = 0) -> None:
        """Wait until the eligibility worker has loaded every partition. `since`: where its log began."""
        began = time.monotonic()
        while self.logged(Role.ELIGIBILITY, since).count(LOADED) < JOURNAL_PARTITIONS:
            self.check_in_time(began)
            await asyncio.sleep(LOOK_EVERY)

    async def publish(self) -> tuple[Registry, list[int]]:
        """Topics, intake, the catalogue and the policies through it; the registry, and where each journal ends."""
        await broker_topics.apply(self.bootstrap, epoch(self.ring))
        self.start(Role.INTAKE)
        await send(self.bootstrap, self.workload.catalogue_messages(self.ring))
        await wait_until_journaled(self.bootstrap, Role.INTAKE.group)
        await send(self.bootstrap, self.workload.publications(self.ring))
        await wait_until_journaled(self.bootstrap, Role.INTAKE.group)
        await self.fanned_out()
        registry = await read_registry(self.bootstrap)
        if len(registry.policies) != len(self.workload.policies):
            raise BenchError(f"{len(registry.policies)} policies are published, of {len(self.workload.policies)}")
        async with reader(self.bootstrap) as consumer:
            ends = await consumer.end_offsets(partitions(JOURNAL))
        return registry, [ends[tp] for tp in partitions(JOURNAL)]

    async def fanned_out(self) -> None:
        """Wait until every journal partition has what the control topic has."""
        control = TopicPartition(CONTROL, 0)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            async with reader(self.bootstrap) as consumer:
                end = (await consumer.end_offsets([control]))[control]
            while (await committed_offsets(admin, Role.INTAKE.group)).get(control, 0) < end:
                self.check_alive()
                await asyncio.sleep(LOOK_EVERY)
        finally:
            await admin.close()

    async def load(self, states: Iterable[Mapping[str, bytes]]) -> int:
        """Write the partitions' states, each as its owner would have: the checkpoint last. Returns their bytes."""
        size = 0
        for partition, records in enumerate(states):
            producer = transactional_producer(self.bootstrap, f"bench-load-{partition}")
            await producer.start()
            rows: list[Record] = [(STATE, partition, key.encode(), value, []) for key, value in records.items()]
            for first in range(0, len(rows), STATE_RECORDS):
                async with producer.transaction():
                    for sent in await send_all(producer, rows[first : first + STATE_RECORDS]):
                        await sent
            size += sum(len(value) for value in records.values())
            await producer.stop()
        async with reader(self.bootstrap) as consumer:
            await self._written.skip(consumer)
        return size

    async def run(self, changes: Sequence[Sent]) -> float:
        """Produce changes as fast as they are taken; the seconds from the first of them until all is committed."""
        async with self.producer() as producer, reader(self.bootstrap) as consumer:
            journals, states = partitions(JOURNAL), partitions(STATE)
            before = sum((await consumer.end_offsets(journals)).values())
            began = time.monotonic()
            acknowledged = asyncio.create_task(self.produce(producer, changes))
            while sum((await consumer.end_offsets(journals)).values()) < before + len(changes):
                self.check_in_time(began)
                await asyncio.sleep(LOOK_EVERY)
            await acknowledged
            ended, seen = time.monotonic(), 0
            while True:
                self.check_in_time(began)
                written = sum((await consumer.end_offsets(states)).values())
                now = time.monotonic()
                if written != seen:
                    ended, seen = now, written
                elif now > ended + QUIET and await self.settled(consumer):
                    return ended - began
                await asyncio.sleep(LOOK_EVERY)

    async def settled(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether every partition has folded its whole journal."""
        ends = await consumer.end_offsets(partitions(JOURNAL))
        for tp, end in ends.items():
            if (await read_checkpoint(consumer, tp.partition)).offset + 1 < end:
                return False
        return True

    async def produce(self, producer: AIOKafkaProducer, changes: Sequence[Sent]) -> None:
        """Produce changes and wait for the acknowledgements."""
        for sent in await self.send(producer, changes):
            await sent

    async def send(self, producer: AIOKafkaProducer, changes: Sequence[Sent]) -> Sequence[Awaitable[int]]:
        """Produce changes, in their order; what to await, per partition."""
        for change in changes:
            self.produced[change.partition].append(change.number)
        return await send_all(
            producer, [(SOURCE, change.partition, change.key, change.value, change.headers) for change in changes]
        )

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        """A registry's producer."""
        producer = idempotent_producer(self.bootstrap)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    def number(self, effect_id: str) -> int | None:
        """The number of the change that led to an effect; None: it was none of the history."""
        _, origin, _ = effect_id.split(":")
        source, _, place = origin.partition("@")
        if not place:
            return None
        return self.produced[int(source.rpartition("/")[2])][int(place.partition(".")[0])]

    async def effects(self, changes: int) -> tuple[Traffic, list[Said], list[Said]]:
        """What so many changes wrote, their decisions and their pushes: all since it was last asked.

        Raises BenchError when anything was refused.
        """
        async with reader(self.bootstrap) as consumer:
            refused = sum((await consumer.end_offsets(partitions(REJECTED))).values())
            if refused:
                raise BenchError(f"{refused} records were refused")
            traffic, effects = await self._written.read(consumer, changes)
        said: dict[str, list[Said]] = {DECISIONS: [], NOTICES: []}
        for effect in effects:
            number = self.number(effect.effect_id)
            if number is not None:
                said[effect.topic].append(Said(number, effect.policy, effect.said))
        return traffic, said[DECISIONS], said[NOTICES]


def states(workload: Workload, registry: Registry, ends: Sequence[int]) -> Iterator[dict[str, bytes]]:
    """The state records of each partition as of the end of its journal, worked out in processes side by side."""
    fork = multiprocessing.get_context("fork")
    loaders: list[Connection] = []
    for place in range(LOADERS):
        ours, theirs = fork.Pipe()
        numbers = range(place, JOURNAL_PARTITIONS, LOADERS)
        fork.Process(target=_load, args=(theirs, workload, registry, ends, numbers), daemon=True).start()
        loaders.append(ours)
    for number in range(JOURNAL_PARTITIONS):
        yield dict(state_records(loaders[number % LOADERS].recv(), number, workload))


def _load(
    connection: Connection, workload: Workload, registry: Registry, ends: Sequence[int], numbers: Iterable[int]
) -> None:
    for number in numbers:
        connection.send(canonical_records(loaded(number, registry, workload, ends[number] - 1)))
