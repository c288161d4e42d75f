"""Defects of Faust 0.15.3 that the transport steps around, each shown on stock objects, and that it does.

When a test of stock objects fails, Faust has changed: look whether the override it names is still needed, or still
right. Where nothing here says how we step around a defect, tests/streams/test_transport.py does, on a real broker.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock
from uuid import uuid4

import faust
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError
from faust.exceptions import ImproperlyConfigured, ValueDecodeError
from faust.tables.recovery import Recovery
from faust.transport import conductor
from faust.transport.consumer import TransactionManager
from faust.transport.drivers import TRANSPORTS
from faust.types import TP, ConsumerMessage

from streams.app import Role, Settings, create_app
from streams.chunks import Chunk, chunk_agent, chunk_topic
from streams.producers import idempotent_producer, transactional_producer

TRANSPORTS.by_name("aiokafka")
TRANSPORTS.aliases.setdefault("zhida", "streams.transport:Transport")  # where the project is not installed

TOPIC = TP("t", 0)


@pytest.fixture
async def app(tmp_path: Path) -> Any:
    app: Any = faust.App("canary", broker="aiokafka://nowhere:1", datadir=tmp_path, web_enabled=False)
    app.topics._acking_topics.add(TOPIC.topic)
    return app


@pytest.fixture
async def consumer(app: Any) -> Any:
    return app.consumer


def message(offset: int) -> Any:
    return ConsumerMessage(
        TOPIC.topic, TOPIC.partition, offset, 0.0, 0, [], None, b"1", None, -1, -1, TOPIC, generation_id=0
    )


def ack(consumer: Any, *offsets: int) -> None:
    for offset in offsets:
        assert consumer.ack(message(offset))


async def test_the_new_offset_passes_an_event_that_nobody_acked(consumer: Any) -> None:
    """`Consumer._new_offset`: 10 is the next to do and still in hand, yet 12 would be committed (#606, #527)."""
    consumer._committed_offset[TOPIC] = 10
    ack(consumer, 11)
    assert consumer._new_offset(TOPIC) == 12


async def test_the_new_offset_passes_the_first_event_of_a_group(consumer: Any) -> None:
    """`Consumer._new_offset`: nothing is committed and 0 is still in hand, yet 3 would be committed."""
    ack(consumer, 1, 2)
    assert consumer._new_offset(TOPIC) == 3


async def drain(consumer: Any, *offsets: int) -> list[int]:
    """The offsets that Faust's delivery loop hands on, out of those it is given."""
    delivered: list[int] = []

    async def callback(message: Any) -> None:
        delivered.append(message.offset)

    async def getmany(timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        for offset in offsets:
            yield TOPIC, message(offset)
        consumer._stopped.set()

    consumer.callback, consumer.getmany = callback, getmany
    fetcher = Mock()
    fetcher._stopped.is_set.return_value = False
    await consumer._drain_messages(fetcher)
    return delivered


async def test_a_gap_covers_a_real_record(consumer: Any) -> None:
    """`Consumer._drain_messages`: after 10 comes 15, so 11 to 14 are missing; the gap takes in 15, unacked."""
    await drain(consumer, 10, 15)
    assert consumer._gap[TOPIC].overlaps(15)
    ack(consumer, 10)
    ack(consumer, 16)
    assert consumer._new_offset(TOPIC) == 17


async def test_what_lies_below_the_last_offset_read_is_dropped_in_silence(consumer: Any) -> None:
    """`Consumer._drain_messages`: after a seek backwards that did not go through its own bookkeeping."""
    assert await drain(consumer, 15, 12, 16) == [15, 16]


async def test_a_run_fetched_before_a_rebalance_is_delivered_after_it(app: Any, consumer: Any) -> None:
    """`Consumer.getmany` reads the generation only once the fetch is over."""
    app.consumer_generation_id = 1
    consumer._active_partitions = {TOPIC}
    consumer.highwater = lambda tp: 100

    async def fetch_across_a_rebalance(active_partitions: Any, timeout: float) -> Any:
        app.consumer_generation_id = 2
        return {TOPIC: [message(7)]}

    consumer._getmany = fetch_across_a_rebalance
    got = [(m.offset, m.generation_id) async for _, m in consumer.getmany(1.0)]
    assert got == [(7, 2)]


async def test_a_revoke_forgets_the_acked_offsets_before_they_are_committed(consumer: Any) -> None:
    """`Consumer.on_partitions_revoked` empties the books and only then lets the app commit (#502)."""
    ack(consumer, 0, 1, 2)
    seen = []

    async def revoked(partitions: set[TP]) -> None:
        seen.append(list(consumer._filter_tps_with_pending_acks()))

    consumer._on_partitions_revoked = revoked
    await consumer.on_partitions_revoked({TOPIC})
    assert seen == [[]]


async def in_hand(app: Any, offset: int) -> tuple[Any, Any]:
    """A stream with one event in it, and the event's message."""
    channel = app.channel()
    stream, received = app.stream(channel), message(offset)
    received.incref()
    app.flow_control.resume()
    app.consumer_generation_id = 0
    await channel.put(app.create_event(None, b"5", [], received))
    return stream, received


@pytest.mark.parametrize("stream_ack_exceptions", [True, False])
async def test_an_agent_that_raises_acks_its_event(app: Any, consumer: Any, stream_ack_exceptions: bool) -> None:
    """`Stream.__aiter__` acks in a finally: the failed event counts as done, and the next one follows. The setting
    that was to prevent it is read nowhere."""
    app.conf.stream_ack_exceptions = stream_ack_exceptions
    stream, failed = await in_hand(app, 5)

    async def body() -> None:
        async for _ in stream:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await body()
    await asyncio.sleep(0.01)
    assert failed.acked and consumer._acked[TOPIC] == [5]


async def test_an_agent_that_is_cancelled_acks_its_event(app: Any, consumer: Any) -> None:
    """The same finally."""
    stream, cancelled = await in_hand(app, 5)

    async def body() -> None:
        async for _ in stream:
            await asyncio.sleep(60)

    agent = asyncio.create_task(body())
    await asyncio.sleep(0.05)
    agent.cancel()
    with pytest.raises(asyncio.CancelledError):
        await agent
    await asyncio.sleep(0.01)
    assert cancelled.acked and consumer._acked[TOPIC] == [5]


async def deliver(app: Any, topic: Any, received: Any) -> None:
    """What the conductor does with a message of a topic."""
    app.flow_control.resume()
    handler = conductor.ConductorHandler or conductor.ConductorCompiler().build
    await handler(app.topics, TOPIC, {topic})(received)


async def test_what_cannot_be_decoded_is_acked_before_anybody_hears_of_it(app: Any, consumer: Any) -> None:
    """`ConductorHandler.__call__`: the offset may be committed whatever the handler of the error then does."""
    topic = app.topic("t", value_type=int, value_serializer="json")
    undecodable = message(5)
    undecodable.value = b"\xff{"
    seen = []

    async def on_value_decode_error(error: ValueDecodeError, message: Any) -> None:
        seen.append(message.acked)

    topic.on_value_decode_error = on_value_decode_error
    await deliver(app, topic, undecodable)
    assert seen == [True] and consumer._acked[TOPIC] == [5]


async def test_our_topics_decode_nothing_and_ack_nothing(app: Any, consumer: Any) -> None:
    app.topics._acking_topics.clear()
    topic = chunk_topic(app, "t")
    received = message(5)
    received.value = chunk = Chunk(TOPIC, (Mock(offset=5, value=b"\xff{"),))
    await deliver(app, topic, received)
    assert topic.queue.get_nowait().value is chunk
    assert not received.acked and not app.topics.acks_enabled_for("t")


async def test_a_failed_agent_commits(consumer: Any) -> None:
    """`Consumer.on_task_error` is what an agent's exception comes to: a commit, no more."""
    committed = []

    async def commit() -> bool:
        committed.append(True)
        return True

    consumer.commit = commit
    await consumer.on_task_error(ValueError("no"))
    assert committed and not consumer.crashed


async def publishing(app: Any, topic: Any, send: Any) -> Any:
    """Sends to a topic as `topic.send` does, with a producer whose `send` is given; returns what was to be awaited."""
    topic._get_producer = AsyncMock(return_value=Mock(send=send))
    return await topic.send(value=b"1")


async def test_an_awaited_send_confirms_nothing(app: Any) -> None:
    """`Topic.send` returns another future, which has to be awaited, too."""
    sent = await publishing(app, app.topic("t"), AsyncMock(return_value=asyncio.Future()))
    assert not sent.done()


async def test_a_failed_delivery_is_only_logged(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    """`Topic._on_published`."""
    delivery: asyncio.Future[Any] = asyncio.Future()
    sent = await publishing(app, app.topic("t"), AsyncMock(return_value=delivery))
    delivery.set_exception(KafkaError("not delivered"))
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(0.01)
    assert "_on_published error" in caplog.text and not app.crashed
    assert isinstance(sent.exception(), KafkaError)


async def test_the_flush_before_a_commit_is_no_barrier(app: Any) -> None:
    """`ProducerBuffer.flush_atmost` gives up after 0.1 s without a send, and never counts the one under way."""
    buffer = app.producer.buffer
    stuck = asyncio.Event()
    buffer._send_pending = lambda future: stuck.wait()
    await buffer.start()
    for _ in range(3):
        buffer.put(Mock())
    await asyncio.wait_for(buffer.flush(), 5)
    assert buffer.size == 2, "one is under way, two wait, and the commit goes on"
    stuck.set()
    await asyncio.sleep(0.05)
    await buffer.stop()


async def test_producers_are_not_idempotent(app: Any) -> None:
    """`Producer._settings_default`: a retry may write a record twice."""
    assert AIOKafkaProducer(**app.producer._settings_default())._txn_manager is None


async def test_ours_are(app: Any) -> None:
    for producer in (idempotent_producer("nowhere:1"), transactional_producer("nowhere:1", "t")):
        assert producer._txn_manager is not None and producer._sender._acks == -1


async def test_exactly_once_chooses_the_transaction_by_where_a_record_goes(app: Any) -> None:
    """`TransactionManager`: the record goes with the transaction of its partition 3, its source's offset with that of
    partition 0; one may be committed without the other."""
    app.assignor.group_for_topic = lambda topic: 0
    producer = Mock(send=AsyncMock(), commit_transactions=AsyncMock())
    manager = TransactionManager(app.transport, consumer=Mock(key_partition=lambda *_: 3), producer=producer)
    await manager.send("decisions", b"k", b"v", None, None, None)
    await manager.commit({TOPIC: 1})
    assert producer.send.call_args.kwargs["transactional_id"] == "canary-0-3"
    assert list(producer.commit_transactions.call_args.args[0]) == ["canary-0-0"]


async def test_our_transport_refuses_exactly_once_and_tables(tmp_path: Path) -> None:
    once: Any = faust.App("once", broker="zhida://nowhere:1", datadir=tmp_path, processing_guarantee="exactly_once")
    tables: Any = faust.App("tables", broker="zhida://nowhere:1", datadir=tmp_path)
    tables.Table("t")
    for refused in (once, tables):
        with pytest.raises(ImproperlyConfigured):
            _ = refused.consumer


async def test_recovery_resumes_before_it_seeks(app: Any) -> None:
    """`Recovery.on_recovery_completed` (#596): what is fetched in between is delivered from wherever the fetcher is."""
    order: list[str] = []
    recovery = Recovery(app, app.tables)
    app._consumer = consumer = Mock(assignment=lambda: {TOPIC})
    consumer.resume_partitions = lambda tps: order.append("resume")

    async def perform_seek() -> None:
        order.append("seek")

    consumer.perform_seek = perform_seek
    app._fetcher.maybe_start = AsyncMock()
    app.consumer_generation_id = 1
    await recovery.on_recovery_completed(1)
    assert order == ["resume", "seek"]


class Nowhere:
    """Positions of an app that is never started."""

    async def acquire(self, tp: TP) -> int | None: ...
    async def release(self, tps: set[TP]) -> None: ...
    def next_offset(self, tp: TP) -> int | None: ...


def ours(servers: str, folder: Path) -> Any:
    return create_app(Role.EDGE, Settings(servers, folder), lambda app: Nowhere())


async def assignor(app: Any) -> Any:
    thread = app.consumer._thread
    thread._create_worker_consumer(app.transport)
    return thread._assignor


async def test_without_tables_and_standbys_the_assignor_is_round_robin(tmp_path: Path) -> None:
    """`AIOKafkaConsumerThread._create_worker_consumer`: partitions of two topics may go to different workers."""
    stock: Any = faust.App("stock", broker="aiokafka://nowhere:1", datadir=tmp_path, table_standby_replicas=0)
    assert await assignor(stock) is RoundRobinPartitionAssignor


async def test_ours_is_so_too_as_no_agent_reads_two_topics_together(tmp_path: Path) -> None:
    """Round robin leaves no worker without partitions while there are some; Faust's own can."""
    assert await assignor(ours("nowhere:1", tmp_path)) is RoundRobinPartitionAssignor


async def test_pages_about_the_inside_are_served(app: Any, tmp_path: Path) -> None:
    """`Web.default_blueprints`: /router and /table, to anybody who asks."""
    stock: Any = faust.App("served", broker="aiokafka://nowhere:1", datadir=tmp_path)
    assert {"/router", "/table"} <= {prefix for prefix, _ in stock.web._enabled_blueprints()}
    assert stock.web in list(stock.boot_strategy.web_server())


async def test_ours_serves_none_and_has_no_producer_of_fausts(tmp_path: Path) -> None:
    boot = ours("nowhere:1", tmp_path).boot_strategy
    assert list(boot.web_server()) == [] and list(boot.kafka_producer()) == []


async def test_nothing_of_ours_is_sent_by_faust(kafka: str, tmp_path: Path) -> None:
    topic, done = f"t-{uuid4().hex[:8]}", asyncio.Event()
    await create(kafka, topic, 1)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, b"\xff{")

    def declare(app: faust.App) -> Nowhere:
        @chunk_agent(app, topic)
        async def take(chunk: Chunk) -> None:
            assert chunk.records[0].value == b"\xff{"
            done.set()

        return Nowhere()

    app: Any = create_app(Role.EDGE, Settings(kafka, tmp_path), declare)
    async with AsyncExitStack() as stack:
        await started(stack, app)
        await asyncio.wait_for(done.wait(), 30)
        await app.consumer.commit()
        assert app.producer._producer is None and app.producer.state == "init"


async def create(servers: str, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1)])
    await admin.close()


async def started(stack: AsyncExitStack, app: Any) -> None:
    await app.start()
    stack.push_async_callback(app.stop)


@pytest.mark.parametrize("transport", ["aiokafka", "zhida"])
async def test_a_member_without_partitions_joins_again_only_with_ours(
    kafka: str, tmp_path: Path, transport: str
) -> None:
    """aiokafka#1187: Faust does not poll for a member that has nothing, so that after max_poll_interval it leaves the
    group, and takes nothing over when the other member ends. Ours polls on."""
    topic = f"t-{uuid4().hex[:8]}"
    await create(kafka, topic, 1)

    def member(name: str) -> Any:
        app: Any = faust.App(
            topic, broker=f"{transport}://{kafka}", datadir=tmp_path / name, web_enabled=False,
            topic_disable_leader=True, topic_allow_declare=False, table_standby_replicas=0,
            broker_heartbeat_interval=0.5, broker_max_poll_interval=2.0,
        )  # fmt: skip
        app.positions = Nowhere()
        hang(app, topic)
        return app

    members = [member("one"), member("two")]
    async with AsyncExitStack() as stack:
        for each in members:
            await started(stack, each)
        await until(lambda: all(each.consumer._thread._consumer._coordinator.generation > 0 for each in members))
        await until(lambda: sum(len(each.consumer.assignment()) for each in members) == 1)
        (idle,) = (each for each in members if not each.consumer.assignment())
        (busy,) = (each for each in members if each is not idle)
        subscription = idle.consumer._thread._consumer._subscription
        if transport == "aiokafka":
            await until(lambda: subscription.fetcher_idle_time > 3)
        else:
            await asyncio.sleep(4)
        await busy.stop()
        if transport == "aiokafka":
            await asyncio.sleep(5)
            assert not idle.consumer.assignment()
        else:
            await until(lambda: len(idle.consumer.assignment()) == 1)


def hang(app: Any, topic: str) -> None:
    """An agent that does nothing, in the way of the app's transport."""
    if app.conf.broker[0].scheme == "zhida":

        @chunk_agent(app, topic)
        async def take(chunk: Chunk) -> None: ...
    else:

        @app.agent(app.topic(topic))
        async def take_events(events: Any) -> None:
            async for _ in events:
                pass


async def until(condition: Any, within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
