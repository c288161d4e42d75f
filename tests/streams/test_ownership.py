"""Owning journal partitions on a real broker: fenced, the worker is quiet only where the partition was taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from faust.types import TP

from schemas.journal import Epoch, Pump
from schemas.topics import JOURNAL
from streams import broker_topics, ownership
from streams.chunks import Chunk
from streams.clients import KafkaClients
from streams.errors import StopPartition, StopWorker
from streams.ownership import Ownership
from streams.producers import idempotent_producer, transactional_producer
from streams.reading import read_to_end, reader


class Owner:
    """An ownership without Faust around it, and what it crashed with."""

    def __init__(self, kafka: str, producer: AIOKafkaProducer) -> None:
        self.kafka, self.producer = kafka, producer
        self.crashes: list[BaseException] = []
        self.ownership = Ownership(KafkaClients(kafka), producer, self.crash)

    async def crash(self, error: BaseException) -> None:
        self.crashes.append(error)

    async def chunk(self, tp: TP, start: int, records: int) -> Chunk:
        for n in range(records):
            value = Pump(n=start + n + 1).model_dump_json().encode()
            await self.producer.send_and_wait(JOURNAL, value, partition=tp.partition)
        async with reader(self.kafka, committed=False) as consumer:
            return Chunk(tp, tuple([r async for r in read_to_end(consumer, TopicPartition(*tp), start)]))


@pytest.fixture
async def owner(kafka: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Owner]:
    monkeypatch.setattr(ownership, "SESSION_TIMEOUT", 0.2)
    epoch = Epoch(clock="world", now=datetime(2024, 1, 1, tzinfo=UTC), authority_key="A" * 43 + "=")
    await broker_topics.apply(kafka, epoch)
    producer = idempotent_producer(kafka)
    await producer.start()
    made = Owner(kafka, producer)
    yield made
    await made.ownership.release({TP(JOURNAL, p) for p in range(8)})
    await producer.stop()


async def fence(owner: Owner, partition: int) -> None:
    async with transactional_producer(owner.kafka, f"zhida-eligibility-{partition}"):
        pass


@pytest.mark.parametrize(("partition", "taken_away"), [(0, True), (1, False)])
async def test_a_fenced_owner(owner: Owner, partition: int, taken_away: bool) -> None:
    tp = TP(JOURNAL, partition)
    start = await owner.ownership.acquire(tp)
    assert start is not None
    await owner.ownership.decide(await owner.chunk(tp, start, 1))
    assert owner.ownership.next_offset(tp) == start + 1
    await fence(owner, partition)
    await owner.ownership.decide(await owner.chunk(tp, start + 1, 1))
    assert owner.ownership.next_offset(tp) is None, "nothing of the fenced chunk is done"
    if taken_away:
        await owner.ownership.release({tp})
    await asyncio.sleep(1.0)
    assert [type(crash) for crash in owner.crashes] == ([] if taken_away else [StopWorker])


async def test_a_journal_with_a_hole_stops_the_partition(owner: Owner) -> None:
    tp = TP(JOURNAL, 2)
    start = await owner.ownership.acquire(tp)
    assert start is not None
    whole = await owner.chunk(tp, start, 3)
    with pytest.raises(StopPartition, match="restore the journal"):
        await owner.ownership.decide(Chunk(tp, (whole.records[0], whole.records[2])))
    await owner.ownership.decide(whole)
    assert owner.ownership.next_offset(tp) is None, "a partition that failed takes nothing more"
