"""The bare limit: aiokafka reading and writing the same bytes over both hops, and nothing else.

`python -m bench.pipeline.limit HOP BOOTSTRAP CHANGES TRAFFIC` is one hop in a process of its own. The first reads the
source and writes the journal, idempotently; the second reads the journal and writes state, decisions, notices and
checkpoints, one transaction per chunk of a partition, chunks as large as ours were, partitions side by side. Records
are as many and as large as ours were on average. Each says `ready`, and `done` when so many changes are through.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.pipeline.rig import BenchError, Rig
from bench.pipeline.traffic import Tally, Traffic
from bench.pipeline.workload import SOURCE_PARTITIONS, Sent
from schemas.identifiers import journal_partition
from schemas.topics import DECISIONS, JOURNAL, JOURNAL_PARTITIONS, MAX_CORE_BYTES, NOTICES, STATE
from streams.batches import Record, send_all
from streams.batches import Sent as Batched
from streams.producers import idempotent_producer, transactional_producer
from streams.reading import reader

SOURCE = "limit.source"
HOPS = ("journal", "effects")
READ_AT_ONCE = 2_000
READY, DONE = "ready", "done"


def topic(name: str) -> str:
    """The topic that stands for one of ours."""
    return f"limit.{name}"


class Limit:
    """Both hops on the rig's broker."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.hops: dict[str, subprocess.Popen[str]] = {}

    async def begin(self) -> None:
        """The topics."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.rig.bootstrap)
        await admin.start()
        config = {"max.message.bytes": str(MAX_CORE_BYTES)}
        ours = [NewTopic(topic(name), JOURNAL_PARTITIONS, 1, topic_configs=config) for name in _WRITTEN]
        await admin.create_topics([NewTopic(SOURCE, SOURCE_PARTITIONS, 1), *ours])
        await admin.close()

    def start(self, changes: int, traffic: Traffic) -> None:
        """Both processes, until they are ready."""
        for hop in HOPS:
            given = [hop, self.rig.bootstrap, str(changes), traffic.to_json()]
            command = [sys.executable, "-m", "bench.pipeline.limit", *given]
            self.hops[hop] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for hop in HOPS:
            self._heard(hop, READY)

    def processes(self) -> dict[str, psutil.Process]:
        """By hop."""
        return {hop: psutil.Process(process.pid) for hop, process in self.hops.items()}

    async def run(self, changes: Sequence[Sent]) -> float:
        """Produce changes as fast as they are taken; the seconds from the first of them until all is committed."""
        rows: list[Record] = [(SOURCE, each.partition, each.key, each.value, each.headers) for each in changes]
        async with self.rig.producer() as producer:
            began = time.monotonic()
            for sent in await send_all(producer, rows):
                await sent
            await asyncio.to_thread(self._heard, HOPS[-1], DONE)
            return time.monotonic() - began

    def _heard(self, hop: str, word: str) -> None:
        stdout = self.hops[hop].stdout
        assert stdout is not None
        if stdout.readline().strip() != word:
            raise BenchError(f"the bare limit's hop to {hop} has ended")

    def stop(self) -> None:
        """End both processes."""
        for process in self.hops.values():
            process.terminate()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.hops = {}


_WRITTEN = (JOURNAL, STATE, DECISIONS, NOTICES)


class _Writes:
    """As many records of a kind per change as ours were, of their mean size."""

    def __init__(self, topic: str, tally: Tally, changes: int) -> None:
        self.topic, self.value = topic, bytes(round(tally.mean))
        self.per_change, self.due = tally.records / changes, 0.0

    def records(self, partition: int, changes: Sequence[ConsumerRecord]) -> Iterator[Record]:
        """What a chunk leads to."""
        for change in changes:
            self.due += self.per_change
            while self.due >= 1:
                self.due -= 1
                yield self.topic, partition, change.key, self.value, []


async def _to_journal(bootstrap: str, count: int, traffic: Traffic) -> None:
    value = bytes(round(traffic.written[JOURNAL].mean))
    producer = idempotent_producer(bootstrap)
    await producer.start()
    async with reader(bootstrap, committed=False) as consumer:
        await _from_the_end(consumer, [TopicPartition(SOURCE, number) for number in range(SOURCE_PARTITIONS)])
        unacknowledged: list[Batched] = []
        while count > 0:
            runs = await consumer.getmany(timeout_ms=200, max_records=READ_AT_ONCE)
            rows: list[Record] = [
                (topic(JOURNAL), journal_partition(record.key.decode(), JOURNAL_PARTITIONS), record.key, value, [])
                for run in runs.values()
                for record in run
            ]
            before, unacknowledged = unacknowledged, await send_all(producer, rows)
            await asyncio.gather(*before)
            count -= len(rows)
        await asyncio.gather(*unacknowledged)
    await producer.stop()


async def _to_effects(bootstrap: str, count: int, traffic: Traffic) -> None:
    tps = [TopicPartition(topic(JOURNAL), number) for number in range(JOURNAL_PARTITIONS)]
    hands = {tp: _Hand(bootstrap, tp.partition, traffic) for tp in tps}
    for hand in hands.values():
        await hand.producer.start()
    async with reader(bootstrap, committed=False) as consumer:
        await _from_the_end(consumer, tps)
        busy: dict[TopicPartition, asyncio.Task[None]] = {}
        while count > 0:
            busy = {tp: task for tp, task in busy.items() if not task.done()}
            free = [tp for tp in tps if tp not in busy]
            if not free:
                await asyncio.wait(busy.values(), return_when=asyncio.FIRST_COMPLETED)
                continue
            runs = await consumer.getmany(*free, timeout_ms=5, max_records=max(1, round(traffic.chunk)))
            for tp, run in runs.items():
                count -= len(run)
                busy[tp] = asyncio.create_task(hands[tp].write(run))
        await asyncio.gather(*busy.values())
    for hand in hands.values():
        await hand.producer.stop()


class _Hand:
    """Writes a journal partition's chunks."""

    def __init__(self, bootstrap: str, partition: int, traffic: Traffic) -> None:
        self.partition = partition
        self.producer: AIOKafkaProducer = transactional_producer(bootstrap, f"limit-{partition}")
        tallies = {name: traffic.written[name] for name in (STATE, DECISIONS, NOTICES)}
        self.writes = [_Writes(topic(name), tally, traffic.changes) for name, tally in tallies.items()]
        self.checkpoint = bytes(round(traffic.checkpoints.mean))

    async def write(self, changes: Sequence[ConsumerRecord]) -> None:
        rows = [row for each in self.writes for row in each.records(self.partition, changes)]
        rows.append((topic(STATE), self.partition, b"ckpt", self.checkpoint, []))
        async with self.producer.transaction():
            for sent in await send_all(self.producer, rows):
                await sent


async def _from_the_end(consumer: AIOKafkaConsumer, tps: list[TopicPartition]) -> None:
    consumer.assign(tps)
    await consumer.seek_to_end(*tps)
    for tp in tps:
        await consumer.position(tp)
    print(READY, flush=True)


def main() -> None:
    """One hop."""
    hop, bootstrap, changes, traffic = sys.argv[1:]
    work = {HOPS[0]: _to_journal, HOPS[1]: _to_effects}[hop]
    asyncio.run(work(bootstrap, int(changes), Traffic.from_json(traffic)))
    print(DONE, flush=True)


if __name__ == "__main__":
    main()
