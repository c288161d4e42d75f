"""One owned journal partition: its state in memory, and the one transaction per chunk that moves it on.

Order on taking it: fence (the transactional producer's start), then read where the state ends, load it, and only then
say from which journal offset to deliver. What a chunk leads to is committed with its checkpoint or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber, ProducerFenced

from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import load_state
from schemas.journal import Pump
from schemas.topics import JOURNAL, STATE
from streams.crash_points import crash_point
from streams.errors import PartitionLost, StopPartition, StopWorker
from streams.outputs import Output, effect_output, state_outputs
from streams.producers import transactional_producer
from streams.reading import read_to_end, reader

log = logging.getLogger(__name__)

COMMIT_DEADLINE = 20.0  # seconds; idempotent batches are retried for ever, a transaction is not
PUMPS_OUTSTANDING = 2
FENCED = (ProducerFenced, OutOfOrderSequenceNumber)


class Partition:
    """One journal partition, from being taken to being given up."""

    def __init__(self, number: int, bootstrap_servers: str, pumps: AIOKafkaProducer) -> None:
        self.number = number
        self._bootstrap_servers = bootstrap_servers
        self._pumps = pumps
        self._producer = transactional_producer(bootstrap_servers, f"zhida-eligibility-{number}")
        self._last_pump = 0
        self._in_hand = asyncio.Lock()
        self._given_up = False
        self.state = PartitionState(number)
        self.next_offset: int | None = None

    async def take(self) -> int:
        """Fence the former owner, load the committed state; returns the journal offset to go on from.

        Raises StopWorker when the journal no longer holds that offset.
        """
        await self._producer.start()
        journal = TopicPartition(JOURNAL, self.number)
        async with reader(self._bootstrap_servers) as consumer:
            self.state = await read_state(consumer, self.number)
            first = (await consumer.beginning_offsets([journal]))[journal]
        start = self.state.offset + 1
        if start < first:
            raise StopWorker(
                f"journal partition {self.number} begins at {first}, its checkpoint needs {start}: "
                "retention has deleted what was not folded yet; restore the journal from a backup"
            )
        self._last_pump = self.state.pump
        log.info(
            "partition %d: fenced, loaded %d subjects, goes on from journal offset %d",
            self.number,
            len(self.state.files),
            start,
        )
        await self._pump()
        return start

    async def process(self, records: Sequence[ConsumerRecord]) -> None:
        """Fold a chunk and commit what it leads to, its state and the checkpoint in one transaction.

        Raises PartitionLost when another owner has fenced this one, StopPartition when the journal cannot be followed,
        StopWorker when the transaction fails otherwise. After any failure the partition takes nothing more.
        """
        async with self._in_hand:
            if self._given_up:
                return
            try:
                await self._process(records)
            except BaseException:
                self._given_up = True  # the state in memory is ahead of what is committed
                raise

    async def _process(self, records: Sequence[ConsumerRecord]) -> None:
        effects: list[Effect] = []
        changed: set[str] = set()
        before = self.state.offset
        for record in records:
            if record.offset > self.state.offset + 1:
                raise StopPartition(
                    f"journal partition {self.number}: record {record.offset} follows {self.state.offset}; what stood "
                    "between is gone: restore the journal from a backup"
                )
            folded = fold(self.state, record.offset, record.value)
            effects += folded.effects
            changed |= folded.changed
        if self.state.offset == before:
            return
        outputs = [effect_output(effect) for effect in effects] + state_outputs(self.state, changed)
        await self._commit(outputs)
        self.next_offset = self.state.offset + 1
        await self._pump()

    async def _commit(self, outputs: list[Output]) -> None:
        try:
            async with asyncio.timeout(COMMIT_DEADLINE):
                await self._producer.begin_transaction()
                sent = [
                    await self._producer.send(
                        output.topic, output.value, output.key, partition=self.number, headers=output.headers
                    )
                    for output in outputs
                ]
                await asyncio.gather(*sent)
                await crash_point("eligibility.sent", f"transaction of {len(sent)} records open")
                await self._producer.commit_transaction()
        except FENCED as error:
            raise PartitionLost(f"partition {self.number}: fenced by another owner") from error
        except (KafkaError, TimeoutError) as error:
            raise StopWorker(
                f"partition {self.number}: the transaction up to journal offset {self.state.offset} failed "
                f"({type(error).__name__}: {error}); nothing of it is visible, a restart takes it up again"
            ) from error

    async def _pump(self) -> None:
        """Append pumps while a roll-out is open; each carries its number, so that one is consumed once."""
        self._last_pump = max(self._last_pump, self.state.pump)
        while self.state.open_work and self._last_pump - self.state.pump < PUMPS_OUTSTANDING:
            self._last_pump += 1
            value = Pump(n=self._last_pump).model_dump_json().encode()
            await self._pumps.send_and_wait(JOURNAL, value, partition=self.number)

    async def give_up(self) -> None:
        """Finish the chunk in hand, then let go; a transaction left open is ended by the next owner's fence."""
        async with self._in_hand:
            self._given_up = True
            await self._producer.stop()


async def read_state(consumer: AIOKafkaConsumer, number: int) -> PartitionState:
    """The committed state of a partition, read to its end."""
    tp = TopicPartition(STATE, number)
    records: dict[str, bytes] = {}
    async for record in read_to_end(consumer, tp):
        if record.value is None:
            records.pop(record.key.decode(), None)
        else:
            records[record.key.decode()] = record.value
    return load_state(number, records.items())
