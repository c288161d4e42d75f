"""What zhida's owners of partitions take for granted of a log: the same of the one in memory and of a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import IllegalOperation, ProducerFenced

from bench.simulation.clients import MemoryClients, Network
from bench.simulation.log import Decided, Log, New, PartitionLog, Transaction
from streams.batches import send_all
from streams.clients import KafkaClients
from streams.producers import idempotent_producer
from streams.reading import read_to_end

Clients = MemoryClients | KafkaClients


class Broker:
    """Clients of a broker, and a topic of two partitions that is ours alone."""

    def __init__(self, clients: Clients, idempotent: Callable[[], Any], topic: str) -> None:
        self.clients = clients
        self._idempotent = idempotent
        self.id = f"contract-{uuid4().hex[:8]}"
        self.here, self.there = TopicPartition(topic, 0), TopicPartition(topic, 1)

    @asynccontextmanager
    async def plain(self) -> AsyncIterator[Any]:
        producer = self._idempotent()
        await producer.start()
        yield producer
        await producer.stop()

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[Any]:
        producer = self.clients.transactional_producer(self.id)
        await producer.start()
        yield producer
        await producer.stop()

    async def read(self, tp: TopicPartition, *, committed: bool = True, start: int | None = None) -> list[bytes | None]:
        return [record.value for record in await self.records(tp, committed=committed, start=start)]

    async def records(
        self, tp: TopicPartition, *, committed: bool = True, start: int | None = None
    ) -> list[ConsumerRecord]:
        async with self.clients.reader(committed=committed) as consumer:
            return [record async for record in read_to_end(consumer, tp, start)]

    async def end(self, tp: TopicPartition, *, committed: bool = True) -> int:
        async with self.clients.reader(committed=committed) as consumer:
            end: int = (await consumer.end_offsets([tp]))[tp]
            return end


@asynccontextmanager
async def in_memory() -> AsyncIterator[Broker]:
    loop = asyncio.get_running_loop()
    log = Log(loop.time, lambda delay, callback: loop.call_later(delay, callback), lambda: 0.005)
    network = Network(log, Random(1), loop)
    clients = MemoryClients(network)
    yield Broker(clients, clients.idempotent_producer, "contract")


@asynccontextmanager
async def on_kafka(servers: str) -> AsyncIterator[Broker]:
    topic = f"contract-{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 2, 1)])
    yield Broker(KafkaClients(servers), lambda: idempotent_producer(servers), topic)
    await admin.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def servers(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "memory" else request.getfixturevalue("kafka")


@pytest.fixture
async def broker(servers: str | None) -> AsyncIterator[Broker]:
    async with in_memory() if servers is None else on_kafka(servers) as made:
        yield made


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Markers follow the acknowledgement of a commit."""
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def ends_at(broker: Broker, offset: int) -> None:
    """Wait until what is committed of the partition ends there."""

    async def visible() -> bool:
        return await broker.end(broker.here) == offset

    await until(visible)


async def test_records_of_a_partition_are_dense_and_in_order(broker: Broker) -> None:
    async with broker.plain() as producer:
        sent = [await producer.send(broker.here.topic, b"%d" % n, b"k", partition=0) for n in range(30)]
        assert [acknowledged.offset for acknowledged in await asyncio.gather(*sent)] == list(range(30))
    records = await broker.records(broker.here)
    assert [(record.offset, record.key, record.value) for record in records] == [
        (n, b"k", b"%d" % n) for n in range(30)
    ]
    assert await broker.read(broker.here, start=28) == [b"28", b"29"]
    assert await broker.read(broker.there) == []


async def test_batches_say_the_offset_after_their_last_record(broker: Broker) -> None:
    here = broker.here.topic
    async with broker.plain() as producer:
        first = await send_all(producer, [(here, n % 2, b"k", b"%d" % n, [("h", b"1")]) for n in range(20)])
        assert {sent.tp.partition: await sent for sent in first} == {0: 10, 1: 10}
    records = await broker.records(broker.there)
    assert [record.value for record in records] == [b"%d" % n for n in range(1, 20, 2)]
    assert [list(record.headers) for record in records] == [[("h", b"1")]] * 10


async def test_an_open_transaction_hides_itself_and_what_follows(broker: Broker) -> None:
    async with broker.plain() as plain, broker.owner() as owner:
        await plain.send_and_wait(broker.here.topic, b"before", partition=0)
        await owner.begin_transaction()
        acknowledged = await owner.send_and_wait(broker.here.topic, b"within", partition=0)
        await plain.send_and_wait(broker.here.topic, b"after", partition=0)
        assert acknowledged.offset == 1
        assert await broker.read(broker.here) == [b"before"]
        assert await broker.end(broker.here) == 1, "the last stable offset"
        assert await broker.read(broker.here, committed=False) == [b"before", b"within", b"after"]
        assert await broker.end(broker.here, committed=False) == 3
        await owner.commit_transaction()
        await ends_at(broker, 4)
        assert await broker.read(broker.here) == [b"before", b"within", b"after"]


async def test_markers_are_offsets_and_no_records(broker: Broker) -> None:
    async with broker.owner() as owner:
        for value in (b"1", b"2"):
            await owner.begin_transaction()
            sent = [await owner.send(tp.topic, value, partition=tp.partition) for tp in (broker.here, broker.there)]
            await asyncio.gather(*sent)
            await owner.commit_transaction()

        async def visible() -> bool:
            return [await broker.end(tp) for tp in (broker.here, broker.there)] == [4, 4]

        await until(visible)
    assert [record.offset for record in await broker.records(broker.here)] == [0, 2]
    async with broker.clients.reader() as consumer:
        consumer.assign([broker.here])
        consumer.seek(broker.here, 2)
        while await consumer.position(broker.here) < 4:
            await consumer.getmany(broker.here, timeout_ms=200)
        assert await consumer.position(broker.here) == 4, "past the marker"
    assert await broker.read(broker.here, start=3) == []


async def test_what_is_aborted_is_never_seen(broker: Broker) -> None:
    async with broker.owner() as owner:
        await owner.begin_transaction()
        await owner.send_and_wait(broker.here.topic, b"taken back", partition=0)
        await owner.abort_transaction()
        await owner.begin_transaction()
        await owner.send_and_wait(broker.here.topic, b"kept", partition=0)
        await owner.commit_transaction()
        await ends_at(broker, 4)
    assert await broker.read(broker.here) == [b"kept"]
    assert await broker.read(broker.here, committed=False) == [b"taken back", b"kept"]


async def test_a_new_owner_ends_the_former_ones_transaction(broker: Broker) -> None:
    async with broker.owner() as former:
        await former.begin_transaction()
        await former.send_and_wait(broker.here.topic, b"lost", partition=0)
        async with broker.owner() as owner:
            assert await broker.end(broker.here) == 2, "once its producer has started, nothing of the former is open"
            assert await broker.read(broker.here) == []
            with pytest.raises(ProducerFenced):
                await former.commit_transaction()
            await owner.begin_transaction()
            await owner.send_and_wait(broker.here.topic, b"kept", partition=0)
            await owner.commit_transaction()
            await ends_at(broker, 4)
    assert await broker.read(broker.here) == [b"kept"]


async def test_a_fenced_owner_writes_nothing(broker: Broker) -> None:
    async with broker.owner() as former, broker.owner():
        await former.begin_transaction()
        with pytest.raises(ProducerFenced):
            await former.send_and_wait(broker.here.topic, b"late", partition=0)
        with pytest.raises(IllegalOperation):  # from then on
            await send_all(former, [(broker.here.topic, 0, b"k", b"later", [])])
    assert await broker.end(broker.here, committed=False) == 0


async def test_an_owner_writes_only_in_a_transaction(broker: Broker) -> None:
    async with broker.owner() as owner:
        with pytest.raises(IllegalOperation):
            await owner.send(broker.here.topic, b"stray", partition=0)


async def test_transactions_of_different_owners_do_not_wait_for_each_other(broker: Broker) -> None:
    other = Broker(broker.clients, broker._idempotent, broker.here.topic)
    async with broker.owner() as one, other.owner() as two:
        await one.begin_transaction()
        await one.send_and_wait(broker.here.topic, b"one", partition=0)
        await two.begin_transaction()
        await two.send_and_wait(broker.here.topic, b"two", partition=0)
        await two.commit_transaction()
        assert await broker.end(broker.here) == 0, "the first open one decides what is stable"
        await one.commit_transaction()
        await ends_at(broker, 4)
    assert await broker.read(broker.here) == [b"one", b"two"]


def test_compaction_keeps_the_last_committed_record_of_each_key() -> None:
    """Of the log in memory; a real broker's cleaner comes when it likes."""
    partition = PartitionLog()

    def write(decided: Decided | None, *values: bytes) -> None:
        transaction = Transaction()
        for value in values:
            partition.append(0, New(value[:1], value, ()), transaction)
        if decided is not None:
            transaction.decided = decided
            partition.append(0, None, transaction)

    def kept() -> list[tuple[int, bytes | None]]:
        found, position = partition.read(0, 100, committed=True)
        assert position == partition.last_stable
        return [(entry.offset, entry.record.value) for entry in found if entry.record is not None]

    write(Decided.COMMITTED, b"a1", b"b1")
    write(Decided.ABORTED, b"a2")
    write(Decided.COMMITTED, b"b2", b"c1")
    write(None, b"a3", b"c2")
    assert kept() == [(0, b"a1"), (1, b"b1"), (5, b"b2"), (6, b"c1")]
    partition.compact(100)
    assert kept() == [(0, b"a1"), (5, b"b2"), (6, b"c1")], "what is open is not compacted, and replaces nothing"
    assert [entry.offset for entry in partition.entries] == [0, 5, 6, 8, 9], "markers are gone, offsets stay"
    assert (partition.end, partition.last_stable) == (10, 8)
    partition.delete(6)
    assert (partition.start, kept()) == (6, [(6, b"c1")])
