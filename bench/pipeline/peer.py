"""The textbook app beside us on the same broker: its table filled, its changes produced, its decisions read."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence

import psutil
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.pipeline.check import Said
from bench.pipeline.rig import LOOK_EVERY, WITHIN, BenchError, Rig
from bench.pipeline.textbook import PARTITIONS, Names, Rules, beginning
from bench.pipeline.workload import Sent, Workload
from schemas.identifiers import journal_partition
from streams.batches import Record, send_all
from streams.reading import read_to_end, reader

QUIET = 1.5  # seconds; more than Faust takes to send what it has put aside
STOPS_WITHIN = 15.0  # seconds
ROWS_AT_ONCE = 20_000
READY = "Worker ready"
ENDS, STARTS = "Highwater for active changelog partitions", "active offsets at start of reading"
AT_ITS_BEGINNING = re.compile(r"\| +\d+ +\| +-1 +\|")
STARTS_AT_MOST = 5


class Textbook:
    """One worker process of the textbook app under a guarantee."""

    def __init__(self, rig: Rig, guarantee: str) -> None:
        self.rig, self.guarantee = rig, guarantee
        self.names = Names.of(guarantee)
        self.log = rig.folder / "logs" / f"{self.names.app}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._read: dict[TopicPartition, int] = {}
        self._numbers: dict[tuple[str, int], int] = {}

    async def begin(self, values: Sequence[bytes]) -> None:
        """Topics, what the table begins with, and the worker. `values`: one per subject, as `table_values` has them."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.rig.bootstrap)
        await admin.start()
        topics = (self.names.changes, self.names.decisions, self.names.pushes)
        created = [NewTopic(topic, PARTITIONS, 1) for topic in topics]
        created.append(NewTopic(self.names.table, PARTITIONS, 1, topic_configs={"cleanup.policy": "compact"}))
        await admin.create_topics(created)
        await admin.close()
        async with self.rig.producer() as producer:
            keys = self.rig.workload.keys
            for first in range(0, len(keys), ROWS_AT_ONCE):
                last = first + ROWS_AT_ONCE
                rows: list[Record] = [
                    (self.names.table, partition(key), json.dumps(key).encode(), value, [])
                    for key, value in zip(keys[first:last], values[first:last], strict=True)
                ]
                for sent in await send_all(producer, rows):
                    await sent

    async def start(self) -> None:
        """The worker, until it has recovered its table: of what comes before that, Faust drops some.

        Under exactly_once Faust takes for the end of a table what its consumer happens to know by then, which may be
        nothing: the table stays empty, and the agent fails at its first event for ever. It is then started again.
        """
        for _ in range(STARTS_AT_MOST):
            if await self._start():
                return
            self.stop()
        raise BenchError(f"{self.names.app} has not recovered its table in {STARTS_AT_MOST} starts")

    async def _start(self) -> bool:
        """Whether the worker knew where its table ends."""
        workload = self.rig.workload
        given = (self.rig.bootstrap, str(self.rig.folder / self.names.app), self.guarantee)
        command = [sys.executable, "-m", "bench.pipeline.textbook", *given, str(len(workload.policies))]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, str(workload.seed)], stdout=log, stderr=log, start_new_session=True
            )
        began = time.monotonic()
        while READY not in (said := self.log.read_text(errors="replace")):
            self._in_time(began)
            await asyncio.sleep(LOOK_EVERY)
        return AT_ITS_BEGINNING.search(said.partition(ENDS)[2].partition(STARTS)[0]) is None

    def stop(self) -> None:
        """Stop the worker; one that does not end is killed."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def processes(self) -> dict[str, psutil.Process]:
        """The worker's process."""
        assert self.process is not None
        return {"worker": psutil.Process(self.process.pid)}

    async def run(self, changes: Sequence[Sent]) -> float:
        """Produce changes as fast as they are taken; the seconds from the first of them until all is written."""
        self._numbers |= {(change.key.decode(), change.version): change.number for change in changes}
        rows: list[Record] = [
            (self.names.changes, partition(change.key.decode()), change.key, change.value, change.headers)
            for change in changes
        ]
        tables = [TopicPartition(self.names.table, number) for number in range(PARTITIONS)]
        written_to = (self.names.table, self.names.decisions, self.names.pushes)
        watched = [TopicPartition(topic, number) for topic in written_to for number in range(PARTITIONS)]
        async with self.rig.producer() as producer, reader(self.rig.bootstrap) as consumer:
            before = sum((await consumer.end_offsets(tables)).values())
            began = time.monotonic()
            sending = asyncio.create_task(self._produce(producer, rows))
            ended, seen = began, -1
            while True:
                self._in_time(began)
                ends = await consumer.end_offsets(watched)
                written, now = sum(ends.values()), time.monotonic()
                if written != seen:
                    ended, seen = now, written
                elif now > ended + QUIET and sum(ends[tp] for tp in tables) >= before + len(changes):
                    await sending
                    return ended - began
                await asyncio.sleep(LOOK_EVERY)

    async def _produce(self, producer: AIOKafkaProducer, rows: Sequence[Record]) -> None:
        for sent in await send_all(producer, rows):
            await sent

    def _in_time(self, began: float) -> None:
        assert self.process is not None
        if self.process.poll() is not None:
            last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
            raise BenchError(f"{self.names.app} has ended: {last}")
        if time.monotonic() > began + WITHIN:
            raise BenchError(f"a round of {self.names.app} is not over after {WITHIN:.0f} s")

    async def effects(self) -> tuple[list[Said], list[Said]]:
        """The decisions and the pushes written since it was last asked."""
        decisions, pushes = list[Said](), list[Said]()
        read = ((self.names.decisions, decisions, "verdict"), (self.names.pushes, pushes, "about"))
        async with reader(self.rig.bootstrap) as consumer:
            for topic, listed, what in read:
                for tp in (TopicPartition(topic, number) for number in range(PARTITIONS)):
                    async for record in read_to_end(consumer, tp, self._read.get(tp, 0)):
                        event = json.loads(record.value)
                        change = self._numbers[event["subject"], event["version"]]
                        listed.append(Said(change, event["policy"], event[what]))
                    self._read[tp] = await consumer.position(tp)
        return decisions, pushes


def partition(key: str) -> int:
    """The partition of a subject, in every topic of the app."""
    return journal_partition(key, PARTITIONS)


def table_values(workload: Workload) -> list[bytes]:
    """What the app's table holds of each subject before the history begins."""
    rules = Rules(workload.policies)
    own = [
        beginning(rules, workload.row(number)).model_dump_json().encode() for number in range(len(workload.population))
    ]
    return [own[alike] for alike in workload.alike]
