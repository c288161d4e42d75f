"""Intake: source records judged and journaled, refused ones recorded, control records fanned out to every partition.

Idempotent, not transactional: each journal record carries its origin, and partitions skip what they have. That is
sound because one chunk of a source partition is acknowledged whole before its offset is committed and before the next
is sent, and because any failure ends the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError
from faust.types import TP

from eligibility.errors import Refused
from eligibility.registry import Registry, is_new
from schemas.identifiers import journal_partition
from schemas.journal import CatalogueControl, ControlEntry, PolicyControl, SubjectEntry, control_record, journal_record
from schemas.topics import CONTROL, JOURNAL, JOURNAL_PARTITIONS
from streams.chunks import Chunk
from streams.clock import tick_every_hour
from streams.control import ControlReader
from streams.crash_points import crash_point
from streams.errors import StopWorker
from streams.judge import BROADCAST, SourceRecord, judge, origin_of, rejection
from streams.outputs import effect_output

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
        self._done: dict[TP, int] = {}
        self._ticking: asyncio.Task[None] | None = None

    async def acquire(self, tp: TP) -> int | None:
        """Start at the group's committed offset, which is exact; but never before the control topic is read."""
        registry = await self.registry()
        self._done.pop(tp, None)
        if tp.topic == CONTROL and registry.epoch is not None and registry.epoch.clock == "wall":
            self._ticking = asyncio.create_task(self._tick())
        return None

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
        """The registry as of the control topic's end."""
        async with self._reading_control:
            return await self._control.catch_up()

    async def take_in(self, chunk: Chunk) -> None:
        """Judge a chunk of a source partition and journal it; returns once all of it is acknowledged."""
        registry = await self.registry()
        refused: list[Awaitable[object]] = []
        accepted: list[SubjectEntry] = []
        for record in map(_source_record, chunk.records):
            origin = origin_of(record, registry)
            if record.topic in BROADCAST and not is_new(registry.origins, origin):
                continue  # taken before a restart
            try:
                entry = judge(record, registry)
            except Refused as refusal:
                refused.append(await self._reject(record, registry, refusal))
                continue
            if isinstance(entry, (CatalogueControl, PolicyControl)):
                await self._acknowledged(refused)  # judged before this: it must not be judged anew after it
                await self._acknowledged([await self._send_control(entry)])
                registry, refused = await self.registry(), []
            else:
                accepted.append(entry)
        # Refusals first: once a later record of this partition is in the journal, this one would be skipped as taken.
        await self._acknowledged(refused)
        sent = [await self._journal(entry) for entry in accepted]
        await crash_point("intake.sent", f"batch of {len(sent)} records sent, unacknowledged")
        await self._acknowledged(sent)
        self._done[chunk.tp] = chunk.next_offset

    async def _reject(self, record: SourceRecord, registry: Registry, refusal: Refused) -> Awaitable[object]:
        output = effect_output(rejection(record, registry, refusal))
        partition = journal_partition(output.key.decode(), JOURNAL_PARTITIONS)
        log.info("refused %s: %s", output.key.decode(), refusal.code)
        return await self._send(output.topic, output.value, output.key, partition, output.headers)

    async def _journal(self, entry: SubjectEntry) -> Awaitable[object]:
        partition = journal_partition(entry.subject, JOURNAL_PARTITIONS)
        return await self._send(
            JOURNAL, journal_record.dump_json(entry, by_alias=True), entry.subject.encode(), partition
        )

    async def fan_out(self, chunk: Chunk) -> None:
        """Append each control record, with its offset as sequence, to every journal partition."""
        sent = []
        for record in chunk.records:
            entry = ControlEntry(sequence=record.offset, record=control_record.validate_json(record.value))
            value = journal_record.dump_json(entry, by_alias=True)
            for partition in range(JOURNAL_PARTITIONS):
                sent.append(await self._send(JOURNAL, value, b"control", partition))
        await self._acknowledged(sent)
        self._done[chunk.tp] = chunk.next_offset

    async def _send_control(self, record: CatalogueControl | PolicyControl) -> Awaitable[object]:
        return await self._send(CONTROL, control_record.dump_json(record, by_alias=True), record.kind.encode(), 0)

    async def _send(
        self, topic: str, value: bytes, key: bytes, partition: int, headers: list[tuple[str, bytes]] | None = None
    ) -> Awaitable[object]:
        try:
            sent: Awaitable[object] = await self._producer.send(topic, value, key, partition=partition, headers=headers)
        except KafkaError as error:
            raise StopWorker(f"intake could not write to {topic}: {error}") from error
        return sent

    async def _acknowledged(self, sent: list[Awaitable[object]]) -> None:
        """Wait for every acknowledgement; one that fails ends the worker, so that nothing behind it is committed."""
        try:
            await asyncio.gather(*sent)
        except KafkaError as error:
            raise StopWorker(f"a journal record was not acknowledged ({error}); its source is read again") from error


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
