"""Reads what a cluster has recorded, each time from where it stopped, folds it, and lets the oracle compare.

Read directly from the broker, never through the faults.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter, defaultdict
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from bench.chaos.load import validity
from bench.chaos.oracle import Differences, Seen, Source, behind, compare, represented
from eligibility.effects import Effect
from eligibility.errors import StopPartition
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.registry import is_new
from eligibility.state import canonical_records
from schemas.decisions import Decision
from schemas.journal import (
    ControlEntry,
    Origin,
    Pump,
    RefusedEntry,
    TopicGeneration,
    control_record,
    journal_record,
)
from schemas.rejected import Rejected
from schemas.topics import CONTROL, DECISIONS, JOURNAL, JOURNAL_PARTITIONS, NOTICES, REJECTED
from streams.checkpoints import read_checkpoint
from streams.clock import source_partitions
from streams.partition import read_state
from streams.reading import read_to_end, reader

EFFECTS = (DECISIONS, NOTICES, REJECTED)
MARKERS_WITHIN = 15.0
"""Seconds in which a committed transaction's markers reach every partition, the broker's restart included: until then
a checkpoint can be visible before its effects."""

YIELD_EVERY = 20
"""Records folded until the load and the faults have their turn."""

Place = tuple[str, int]


class Recording:
    """Sources, control topic, journal and effects of one cluster as far as they were read, and the fold of it."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap = bootstrap_servers
        self._next: dict[TopicPartition, int] = {}
        self._reading = asyncio.Lock()
        self.states = [PartitionState(partition) for partition in range(JOURNAL_PARTITIONS)]
        self.expected: dict[Place, list[Seen]] = defaultdict(list)
        self.seen: dict[Place, list[Seen]] = defaultdict(list)
        self.sources: list[Source] = []
        self.dropped = 0
        self.pumps = 0
        self._generations: dict[str, str] = {}
        self._control: list[bytes] = []
        self._control_waters: dict[str, tuple[int, int]] = {}
        self._waters: list[dict[str, tuple[int, int]]] = [{} for _ in range(JOURNAL_PARTITIONS)]
        self._sequences = [-1] * JOURNAL_PARTITIONS
        self._journaled: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._broken = Differences()

    @property
    def records(self) -> int:
        """How many effects were seen."""
        return sum(map(len, self.seen.values()))

    async def read_sources(self) -> None:
        """Take in what stands on the source topics: also before one of them is deleted."""
        async with self._reading, reader(self._bootstrap, committed=False) as consumer:
            await self._read_control(consumer)
            for tp in source_partitions():
                async for record in self._new(consumer, tp):
                    origin = Origin(
                        topic=self._generations[tp.topic], partition=tp.partition, offset=record.offset, ordinal=0
                    )
                    self.sources.append(Source(str(origin), validity(record.headers)))

    def forget(self, topic: str) -> None:
        """The topic was deleted: its next generation is read from its beginning."""
        for tp in [tp for tp in self._next if tp.topic == topic]:
            del self._next[tp]

    async def check_checkpoints(self) -> Differences:
        """While the cluster works: every effect of the fold up to each committed checkpoint is readable."""
        async with (
            self._reading,
            reader(self._bootstrap) as committed,
            reader(self._bootstrap, committed=False) as every,
        ):
            offsets = [(await read_checkpoint(committed, p)).offset for p in range(JOURNAL_PARTITIONS)]
            await self._read_journal(every)
            deadline = asyncio.get_running_loop().time() + MARKERS_WITHIN
            while True:
                await self._read_effects(committed)
                found = Differences()
                for partition, offset in enumerate(offsets):
                    for topic in EFFECTS:
                        place = topic, partition
                        for identity in behind(self.expected[place], self.seen[place], offset):
                            found.found("ahead", f"{identity}: not visible, and the checkpoint is {partition}@{offset}")
                if not found.any or asyncio.get_running_loop().time() > deadline:
                    return found
                await asyncio.sleep(0.2)

    async def check(self) -> Differences:
        """Of a settled cluster: everything. States are compared as they stand committed."""
        await self.read_sources()
        async with (
            self._reading,
            reader(self._bootstrap) as committed,
            reader(self._bootstrap, committed=False) as every,
        ):
            await self._read_journal(every)
            await self._read_effects(committed)
            states = [await read_state(committed, partition) for partition in range(JOURNAL_PARTITIONS)]
        found = Differences()
        found.add(self._broken)
        for state, folded in zip(states, self.states, strict=True):
            stored, wanted = canonical_records(state), canonical_records(folded)
            for key in stored.keys() | wanted.keys():
                if stored.get(key) != wanted.get(key):
                    found.found("states", f"partition {state.partition}: {key[:2]}…, journal offset {folded.offset}")
        for place in self.expected.keys() | self.seen.keys():
            found.add(compare(self.expected[place], self.seen[place]))
        found.add(represented(self.sources, self._journaled, self._refused))
        for partition, sequence in enumerate(self._sequences):
            if sequence + 1 != len(self._control):
                found.found(
                    "lost", f"control records {sequence + 1} to {len(self._control) - 1}: partition {partition}"
                )
        return found

    async def _new(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> Any:
        async for record in read_to_end(consumer, tp, self._next.get(tp)):
            self._next[tp] = record.offset + 1
            yield record

    async def _read_control(self, consumer: AIOKafkaConsumer) -> None:
        async for record in self._new(consumer, TopicPartition(CONTROL, 0)):
            said = control_record.validate_json(record.value)
            self._control.append(control_record.dump_json(said, by_alias=True))
            if isinstance(said, TopicGeneration):
                self._generations[said.name] = said.generation
            elif (origin := getattr(said, "origin", None)) is not None:
                if is_new(self._control_waters, origin):
                    self._control_waters[origin.source] = origin.offset, origin.ordinal
                    self._journaled[str(origin)] += 1
                else:
                    self.dropped += 1

    async def _read_journal(self, consumer: AIOKafkaConsumer) -> None:
        journal = [TopicPartition(JOURNAL, partition) for partition in range(JOURNAL_PARTITIONS)]
        records = [record for tp in journal async for record in self._new(consumer, tp)]
        await self._read_control(consumer)  # afterwards, so that it has every sequence the journal has
        for number, record in enumerate(records):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            self._count(record.partition, record)
            try:
                folded = fold(self.states[record.partition], record.offset, record.value)
            except StopPartition as stop:
                self._broken.found("lost", f"journal {record.partition}@{record.offset} cannot be folded: {stop}")
                continue
            for topic, seen in map(_expected, folded.effects):
                self.expected[topic, record.partition].append(seen._replace(offset=record.offset))

    def _count(self, partition: int, record: ConsumerRecord) -> None:
        """Keep what the high-waters and the control sequence keep, and count what they drop."""
        entry = journal_record.validate_json(record.value)
        match entry:
            case Pump():
                self.pumps += 1
            case ControlEntry():
                if entry.sequence <= self._sequences[partition]:
                    self.dropped += 1
                    return
                same = control_record.dump_json(entry.record, by_alias=True) == self._control[entry.sequence]
                if entry.sequence != self._sequences[partition] + 1 or not same:
                    self._broken.found(
                        "out_of_order", f"control record {entry.sequence} at {partition}@{record.offset}"
                    )
                self._sequences[partition] = entry.sequence
            case _:
                waters, origin = self._waters[partition], entry.origin
                if is_new(waters, origin):
                    waters[origin.source] = origin.offset, origin.ordinal
                    (self._refused if isinstance(entry, RefusedEntry) else self._journaled)[str(origin)] += 1
                else:
                    self.dropped += 1

    async def _read_effects(self, consumer: AIOKafkaConsumer) -> None:
        for topic in EFFECTS:
            for partition in range(JOURNAL_PARTITIONS):
                async for record in self._new(consumer, TopicPartition(topic, partition)):
                    self.seen[topic, partition].append(_seen(topic, json.loads(record.value), record.value))


def _expected(effect: Effect) -> tuple[str, Seen]:
    value = effect.model_dump_json().encode()
    match effect:
        case Rejected():
            return REJECTED, Seen(str(effect.origin), effect.origin.source, _digest(value))
        case Decision():
            return DECISIONS, Seen(effect.effect_id, effect.match.subject, _digest(value))
        case _:
            return NOTICES, Seen(effect.effect_id, effect.matter.subject, _digest(value))


def _seen(topic: str, content: dict[str, Any], value: bytes) -> Seen:
    if topic == REJECTED:
        origin = Origin.model_validate(content["origin"])
        return Seen(str(origin), origin.source, _digest(value))
    subject = content["match" if topic == DECISIONS else "matter"]["subject"]
    return Seen(content["effect_id"], subject, _digest(value))


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()
