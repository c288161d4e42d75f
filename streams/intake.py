"""Intake: source records judged and journaled, refused ones too; control records fanned out to every partition.

Idempotent, not transactional: each journal record carries its origin, and partitions skip what they have. That is
sound because the work goes in rounds. A round takes the chunks that have come, of any source partitions; all it writes
is acknowledged before their offsets are committed and before the next round writes anything; within it a journal
partition has one unacknowledged batch at a time; and any failure ends the process. So in every journal partition there
stands, of every source partition, all that belongs there up to some offset, and nothing behind a gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError
from faust.types import TP

from eligibility.errors import Refused
from eligibility.registry import Registry, is_new
from schemas.identifiers import journal_partition
from schemas.journal import (
    CatalogueControl,
    ControlEntry,
    PolicyControl,
    RefusedEntry,
    SubjectEntry,
    control_record,
    journal_record,
)
from schemas.topics import CONTROL, JOURNAL, JOURNAL_PARTITIONS, provider_of
from streams.batches import Record, Sent, send_all
from streams.chunks import Chunk, Committed
from streams.clock import tick_every_hour
from streams.control import ControlReader
from streams.crash_points import crash_point
from streams.errors import StopWorker
from streams.judge import BROADCAST, SourceRecord, judge, origin_of, rejection, subject_of
from streams.judge_fast import OrdinaryChanges

log = logging.getLogger(__name__)
GROUP = "zhida-intake"


class Intake:
    """The positions and the work of the intake role: `take_in` for sources, `fan_out` for the control topic."""

    def __init__(
        self,
        bootstrap_servers: str,
        producer: AIOKafkaProducer,
        control: ControlReader,
        crash: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._crash = crash
        self._producer = producer
        self._control = control
        self._reading_control = asyncio.Lock()
        self._next_look: asyncio.Task[Registry] | None = None
        self._in_round = asyncio.Lock()
        self._next_round: asyncio.Task[None] | None = None
        self._waiting: list[tuple[Chunk, int]] = []
        self._assignments: Counter[TP] = Counter()
        self._ordinary: dict[TP, OrdinaryChanges] = {}
        self._done: dict[TP, int] = {}
        self._generations: dict[TP, str] = {}
        self._ticking: asyncio.Task[None] | None = None

    async def acquire(self, tp: TP) -> Committed:
        """Start at the offset committed for the topic's generation; but never before the control topic is read."""
        registry = await self.registry()
        self._done.pop(tp, None)
        self._generations[tp] = registry.generations.get(tp.topic, "")
        self._assignments[tp] += 1
        if tp.topic == CONTROL and registry.epoch is not None and registry.epoch.clock == "wall":
            self._ticking = asyncio.create_task(self._tick())
        return Committed(self._generations[tp])

    async def release(self, tps: set[TP]) -> None:
        """A chunk in hand is finished or sent again by the next owner; partitions skip what they have."""
        if self._ticking is not None and any(tp.topic == CONTROL for tp in tps):
            self._ticking.cancel()
            self._ticking = None

    async def _tick(self) -> None:
        try:
            await tick_every_hour(self._bootstrap_servers, GROUP)
        except Exception as error:  # a clock that has stopped must end the worker, not go unseen
            await self._crash(error)

    def next_offset(self, tp: TP) -> int | None:
        """The first source offset not yet acknowledged in the journal."""
        return self._done.get(tp)

    async def registry(self) -> Registry:
        """The registry as of the control topic's end; one look serves all who asked before it began."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look())
        return await asyncio.shield(self._next_look)

    async def _look(self) -> Registry:
        async with self._reading_control:
            self._next_look = None
            return await self._control.catch_up()

    async def take_in(self, chunk: Chunk) -> None:
        """Judge a chunk of a source partition and journal it; returns once all of it is acknowledged.

        One round serves all who came before it began; a round that fails ends with them all.
        """
        self._waiting.append((chunk, self._assignments[chunk.tp]))
        if self._next_round is None:
            self._next_round = asyncio.create_task(self._take_round())
        await asyncio.shield(self._next_round)

    async def _take_round(self) -> None:
        async with self._in_round:
            came, self._waiting, self._next_round = self._waiting, [], None
            await self._round([chunk for chunk, _ in came])
            for chunk, assignment in came:
                self._finish(chunk, assignment)

    def _finish(self, chunk: Chunk, assignment: int) -> None:
        """A chunk is done, for the assignment in which it came: a later one may have begun before it."""
        if self._assignments[chunk.tp] == assignment:
            self._done[chunk.tp] = chunk.next_offset

    async def _round(self, chunks: list[Chunk]) -> None:
        """Judge chunks and journal what is in them; returns once all of it is acknowledged."""
        registry = await self.registry()
        for chunk in chunks:
            self._check_generation(chunk, registry)
        await crash_point("intake.fetched", f"{sum(len(chunk.records) for chunk in chunks)} records, nothing sent")
        for chunk in chunks:
            if chunk.tp.topic in BROADCAST:
                registry = await self._state(chunk, registry)
        judged: list[Record] = []
        for chunk in chunks:
            if chunk.tp.topic not in BROADCAST:
                judged += self._judge(chunk, registry)
                await asyncio.sleep(0)  # what else this loop has to do waits for one chunk at most
        sent = await self._send(judged)
        await crash_point("intake.sent", f"batch of {len(judged)} records sent, unacknowledged")
        await self._acknowledged(sent)
        await crash_point("intake.acknowledged", f"{len(judged)} records acknowledged, offsets uncommitted")

    def _check_generation(self, chunk: Chunk, registry: Registry) -> None:
        """Raise StopWorker where a chunk is not of the topic that was acquired: its offsets count from another 0."""
        tp = chunk.tp
        anew = registry.generations.get(tp.topic, "") != self._generations[tp]
        if anew or chunk.first_offset < self._done.get(tp, 0):
            raise StopWorker(
                f"{tp.topic} was made anew: run `zhida topics apply`; a restart then reads it from its beginning"
            )

    async def _state(self, chunk: Chunk, registry: Registry) -> Registry:
        """Put what a chunk says to every partition on the control topic; returns the registry that knows of it."""
        refused: list[Record] = []
        for record in map(_source_record, chunk.records):
            if not is_new(registry.origins, origin_of(record, registry)):
                continue  # taken before a restart
            try:
                entry = judge(record, registry)
            except Refused as refusal:
                refused.append(_refused(record, registry, refusal))
                continue
            assert isinstance(entry, CatalogueControl | PolicyControl)
            await self._acknowledged(await self._send(refused))  # judged before it: not to be judged anew after it
            value = control_record.dump_json(entry, by_alias=True)
            await self._acknowledged(await self._send([(CONTROL, 0, entry.kind.encode(), value, [])]))
            registry, refused = await self.registry(), []
        await self._acknowledged(await self._send(refused))
        return registry

    def _judge(self, chunk: Chunk, registry: Registry) -> Iterator[Record]:
        """What a chunk of records about subjects becomes in the journal, accepted or refused, in its order."""
        ordinary = self._ordinary_changes(chunk.tp, registry)
        for record in chunk.records:
            if ordinary is not None:
                taken = ordinary.take(record.offset, record.timestamp, record.headers, record.value)
                if taken is not None:
                    yield _journaled(*taken)
                    continue
            source = _source_record(record)
            try:
                entry = judge(source, registry)
            except Refused as refusal:
                yield _refused(source, registry, refusal)
                continue
            assert isinstance(entry, SubjectEntry)
            yield _journaled(entry.subject, journal_record.dump_json(entry, by_alias=True))

    def _ordinary_changes(self, tp: TP, registry: Registry) -> OrdinaryChanges | None:
        if provider_of(tp.topic) is None:
            return None
        known = self._ordinary.get(tp)
        if known is None or known.registry is not registry:
            known = self._ordinary[tp] = OrdinaryChanges(tp.topic, tp.partition, registry)
        return known

    async def fan_out(self, chunk: Chunk) -> None:
        """Append each control record, with its offset as sequence, to every journal partition.

        The first partition's are acknowledged before the others' are sent: that is one round trip more for what is
        seldom, and a boundary at which a worker's end can be tried.
        """
        assignment = self._assignments[chunk.tp]
        values = [_controlled(record) for record in chunk.records]
        await self._acknowledged(await self._send([(JOURNAL, 0, b"control", value, []) for value in values]))
        await crash_point("intake.between", f"{len(values)} control records in one of {JOURNAL_PARTITIONS} partitions")
        others = range(1, JOURNAL_PARTITIONS)
        await self._acknowledged(await self._send([(JOURNAL, p, b"control", v, []) for v in values for p in others]))
        self._finish(chunk, assignment)

    async def _send(self, records: list[Record]) -> list[Sent]:
        try:
            return await send_all(self._producer, records)
        except KafkaError as error:
            raise _not_written(error) from error

    async def _acknowledged(self, sent: list[Sent]) -> None:
        """Wait for every acknowledgement; one that fails ends the worker, so that nothing behind it is committed."""
        try:
            await asyncio.gather(*sent)
        except KafkaError as error:
            raise _not_written(error) from error


def _not_written(error: KafkaError) -> StopWorker:
    return StopWorker(f"a record was not acknowledged ({error}); its source is read again")


def _controlled(record: ConsumerRecord) -> bytes:
    entry = ControlEntry(sequence=record.offset, record=control_record.validate_json(record.value))
    return journal_record.dump_json(entry, by_alias=True)


def _journaled(subject: str, value: bytes) -> Record:
    return JOURNAL, journal_partition(subject, JOURNAL_PARTITIONS), subject.encode(), value, []


def _refused(record: SourceRecord, registry: Registry, refusal: Refused) -> Record:
    """The refusal, in the partition in which the record would stand: refused once, it is not taken later as well."""
    entry = RefusedEntry(rejected=rejection(record, registry, refusal))
    log.info("refused %s: %s", entry.origin, refusal.code)
    return _journaled(subject_of(record) or str(entry.origin), journal_record.dump_json(entry, by_alias=True))


def _source_record(record: ConsumerRecord) -> SourceRecord:
    return SourceRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )
