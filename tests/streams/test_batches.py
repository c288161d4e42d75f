"""Batches of ours on a real broker: all that was sent, in its order, whole, and in the transaction that is open."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, ProducerFenced

from streams.batches import Record, send_all
from streams.producers import BATCH_BYTES, idempotent_producer, transactional_producer
from streams.reading import read_to_end, reader

PARTITIONS = 3
Content = dict[int, list[tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]]]


@pytest.fixture
async def topic(kafka: str) -> AsyncIterator[str]:
    """A topic of our own that takes records of up to 2 MiB."""
    name = f"batches-{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics(
        [NewTopic(name, PARTITIONS, 1, topic_configs={"max.message.bytes": str(2 * BATCH_BYTES)})]
    )
    yield name
    await admin.close()


async def read(kafka: str, topic: str, *, committed: bool = True) -> dict[int, list[ConsumerRecord]]:
    async with reader(kafka, committed=committed) as consumer:
        return {p: [r async for r in read_to_end(consumer, TopicPartition(topic, p))] for p in range(PARTITIONS)}


async def visible(kafka: str, topic: str, expected: Content) -> bool:
    """Whether committed readers see this, once the markers that follow a commit's acknowledgement are written."""
    async with asyncio.timeout(20):
        while as_read(found := await read(kafka, topic)) != expected:
            assert all(len(of_one) <= len(expected[p]) for p, of_one in found.items())
            await asyncio.sleep(0.05)
    return True


def records(topic: str, count: int, size: int = 10) -> list[Record]:
    """Records over all partitions, each with its number, and headers on every other."""
    return [
        (topic, n % PARTITIONS, b"k%d" % n, b"%d:" % n + b"x" * size, [("h", b"%d" % n), ("h", b"")] if n % 2 else [])
        for n in range(count)
    ]


def as_sent(sent: list[Record]) -> Content:
    of: Content = defaultdict(list)
    for _, partition, key, value, headers in sent:
        of[partition].append((key, value, tuple(headers)))
    return of


def as_read(found: dict[int, list[ConsumerRecord]]) -> Content:
    return {p: [(r.key, r.value, tuple(r.headers)) for r in of_one] for p, of_one in found.items() if of_one}


@pytest.mark.parametrize(
    ("count", "size"), [(1, 10), (1000, 10), (300, 30_000), (5, BATCH_BYTES + 1), (40, BATCH_BYTES // 2)]
)
async def test_everything_is_there_in_its_order(kafka: str, topic: str, count: int, size: int) -> None:
    """Also where a partition's records take several batches, and where one is larger than a batch."""
    async with idempotent_producer(kafka) as producer:
        sent = records(topic, count, size)
        under_way = await send_all(producer, sent)
        ends = await asyncio.gather(*under_way)
    found = await read(kafka, topic)
    assert as_read(found) == as_sent(sent)
    assert {s.tp.partition: end for s, end in zip(under_way, ends, strict=True)} == {
        p: of_one[-1].offset + 1 for p, of_one in found.items() if of_one
    }


async def test_many_senders_at_once(kafka: str, topic: str) -> None:
    async with idempotent_producer(kafka) as producer:
        groups = [records(topic, 30)[i::7] for i in range(7)]
        for under_way in await asyncio.gather(*(send_all(producer, group) for group in groups)):
            await asyncio.gather(*under_way)
    found = as_read(await read(kafka, topic))
    for group in groups:
        for partition, of_group in as_sent(group).items():
            assert [record for record in found[partition] if record in of_group] == of_group


async def test_a_batch_that_is_not_written_stops_what_is_behind_it(kafka: str, topic: str) -> None:
    """The next batch of the partition is never sent; one of another partition is of no concern."""
    async with idempotent_producer(kafka) as producer:
        too_large = (topic, 0, b"k", b"x" * (2 * BATCH_BYTES + 1), [])
        behind = (topic, 0, b"k", b"behind", [])
        with pytest.raises(KafkaError):
            await send_all(producer, [too_large, behind, (topic, 1, b"k", b"beside", [])])
        await producer.flush()
    found = await read(kafka, topic)
    assert [len(of_one) for of_one in found.values()] == [0, 1, 0]


async def test_the_last_batch_says_when_it_is_not_written(kafka: str, topic: str) -> None:
    async with idempotent_producer(kafka) as producer:
        (sent,) = await send_all(producer, [(topic, 0, b"k", b"x" * (2 * BATCH_BYTES + 1), [])])
        with pytest.raises(KafkaError):
            await sent


async def test_a_transaction_shows_all_or_nothing(kafka: str, topic: str) -> None:
    async with transactional_producer(kafka, f"t-{uuid4().hex}") as producer:
        first, dropped, second = (records(topic, 20, size) for size in (1, 30_000, BATCH_BYTES // 2))
        await producer.begin_transaction()
        await asyncio.gather(*await send_all(producer, first))
        assert as_read(await read(kafka, topic)) == {}
        await producer.commit_transaction()
        assert await visible(kafka, topic, as_sent(first))
        await producer.begin_transaction()
        await asyncio.gather(*await send_all(producer, dropped))
        await producer.abort_transaction()
        await producer.begin_transaction()
        await asyncio.gather(*await send_all(producer, second))
        await producer.commit_transaction()
    assert await visible(kafka, topic, as_sent(first + second))
    assert as_read(await read(kafka, topic, committed=False)) == as_sent(first + dropped + second)


async def test_a_commit_takes_what_is_not_acknowledged_yet(kafka: str, topic: str) -> None:
    async with transactional_producer(kafka, f"t-{uuid4().hex}") as producer:
        await producer.begin_transaction()
        await send_all(producer, records(topic, 20))
        await producer.commit_transaction()
    assert await visible(kafka, topic, as_sent(records(topic, 20)))


async def test_a_fenced_producer_writes_nothing(kafka: str, topic: str) -> None:
    name = f"t-{uuid4().hex}"
    old = transactional_producer(kafka, name)
    await old.start()
    try:
        await old.begin_transaction()
        await asyncio.gather(*await send_all(old, records(topic, 3)))
        async with transactional_producer(kafka, name):
            with pytest.raises(ProducerFenced):
                await asyncio.gather(*await send_all(old, records(topic, 3)))
    finally:
        await old.stop()
    assert as_read(await read(kafka, topic)) == {}


async def test_records_sent_one_by_one_do_not_join_a_batch(kafka: str, topic: str) -> None:
    """The offset after the last record would be another."""
    async with idempotent_producer(kafka) as producer:
        (sent,) = await send_all(producer, [(topic, 0, b"k", b"1", []), (topic, 0, b"k", b"2", [])])
        alone = await producer.send(topic, b"3", b"k", partition=0)
        assert (await sent, (await alone).offset) == (2, 2)


async def test_nothing_to_send(kafka: str) -> None:
    async with idempotent_producer(kafka) as producer:
        assert await send_all(producer, []) == []
