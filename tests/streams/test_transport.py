"""The transport on a real broker: where delivery starts, what is committed, and what ends the worker."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faust.transport.drivers import TRANSPORTS
from faust.types import TP

from streams import backlog, consumer_thread, transport
from streams.transport import AgentEnded, Chunk, Committed, StartOutOfRange, chunk_agent

ROOT = Path(__file__).parents[2]
TRANSPORTS.by_name("aiokafka")
TRANSPORTS.aliases.setdefault("zhida", "streams.transport:Transport")  # where the project is not installed

SETTINGS: dict[str, Any] = {
    "broker_commit_interval": 0.5,
    "broker_heartbeat_interval": 0.5,  # how soon a member learns of a rebalance
}
Handle = Callable[[Chunk], Awaitable[None]]


async def nothing(chunk: Chunk) -> None:
    """An agent that has nothing to do."""


class Ledger:
    """Positions kept in memory, as an owner of partitions keeps them: one chunk in hand per partition."""

    def __init__(self, starts: dict[TP, int | Committed | None] | None = None) -> None:
        self.starts = starts or {}
        self.owned: set[TP] = set()
        self.done: dict[TP, int] = {}
        self.chunks: list[Chunk] = []
        self.in_hand: dict[TP, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.gates: dict[TP, asyncio.Event] = {}
        self.log: list[tuple[str, frozenset[TP]]] = []

    async def acquire(self, tp: TP) -> int | Committed | None:
        self.log.append(("acquire", frozenset({tp})))
        if tp in self.gates:
            await self.gates[tp].wait()
        self.done.pop(tp, None)
        self.owned.add(tp)
        return self.starts.get(tp)

    async def release(self, tps: set[TP]) -> None:
        self.log.append(("release", frozenset(tps)))
        for tp in tps:
            async with self.in_hand[tp]:
                self.owned.discard(tp)

    def next_offset(self, tp: TP) -> int | None:
        return self.done.get(tp)

    async def take(self, chunk: Chunk, handle: Handle) -> None:
        async with self.in_hand[chunk.tp]:
            if chunk.tp in self.owned:
                await handle(chunk)
                self.chunks.append(chunk)
                self.done[chunk.tp] = chunk.next_offset

    def offsets(self, tp: TP) -> list[int]:
        return [record.offset for chunk in self.chunks if chunk.tp == tp for record in chunk.records]

    def values(self) -> list[bytes]:
        return [record.value for chunk in self.chunks for record in chunk.records]


class Broker:
    """The few things the tests ask of Kafka, each with a topic and a group of its own."""

    def __init__(self, servers: str, admin: AIOKafkaAdminClient, directory: Path) -> None:
        self.servers, self.admin, self.directory = servers, admin, directory
        self.topic = f"t-{uuid4().hex[:8]}"
        self.group = f"g-{self.topic}"

    async def create(self, partitions: int) -> list[TP]:
        await self.admin.create_topics([NewTopic(self.topic, partitions, 1)])
        return [TP(self.topic, partition) for partition in range(partitions)]

    async def produce(self, counts: dict[int, int], first: int = 0) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.servers) as producer:
            for partition, count in counts.items():
                for number in range(first, first + count):
                    value = f"{partition}:{number}".encode()
                    await producer.send(self.topic, value, partition=partition)
            await producer.flush()

    async def committed(self) -> dict[TP, int]:
        offsets = await self.admin.list_consumer_group_offsets(self.group)
        return {TP(*tp): found.offset for tp, found in offsets.items()}

    async def commit(self, offsets: dict[TP, int]) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        consumer.assign([TopicPartition(*tp) for tp in offsets])
        await consumer.commit({TopicPartition(*tp): offset for tp, offset in offsets.items()})
        await consumer.stop()

    def app(self, ledger: Ledger, handle: Handle = nothing, **settings: Any) -> Any:
        isolation_level = settings.pop("isolation_level", "read_uncommitted")
        chunks_at_once = settings.pop("chunks_at_once", None)
        app: Any = faust.App(
            self.group,
            broker=f"zhida://{self.servers}",
            datadir=self.directory / uuid4().hex,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            **SETTINGS | settings,
        )
        app.positions = ledger
        app.isolation_level = isolation_level
        if chunks_at_once is not None:
            app.chunks_at_once = chunks_at_once

        @chunk_agent(app, self.topic, name="taker")
        async def taker(chunk: Chunk) -> None:
            await ledger.take(chunk, handle)

        return app


@pytest.fixture
async def broker(kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Broker]:
    for module in (backlog, consumer_thread):
        monkeypatch.setattr(module, "CHUNK_RECORDS", 50)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    yield Broker(kafka, admin, tmp_path)
    await admin.close()


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[Any]:
    await app.start()
    try:
        yield app
    finally:
        await asyncio.wait_for(app.stop(), 10)


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


async def crash_of(app: Any, within: float = 10.0) -> BaseException:
    async with asyncio.timeout(within):
        await app._crashed.wait()
    assert app.crash_reason is not None
    return app.crash_reason


async def test_chunks_are_whole_in_order_and_committed_exactly(broker: Broker) -> None:
    partitions, ledger = await broker.create(3), Ledger()
    await broker.produce({0: 500, 1: 333, 2: 7})
    async with running(broker.app(ledger)):
        await until(lambda: len(ledger.values()) == 840)
    for tp, count in zip(partitions, (500, 333, 7), strict=True):
        assert ledger.offsets(tp) == list(range(count))
    assert {record.value for chunk in ledger.chunks for record in chunk.records if chunk.tp[1] == 2} == {
        f"2:{number}".encode() for number in range(7)
    }
    assert max(len(chunk.records) for chunk in ledger.chunks) == 50
    assert await broker.committed() == dict(zip(partitions, (500, 333, 7), strict=True))


async def test_only_what_is_done_is_committed(broker: Broker) -> None:
    (tp,), ledger = await broker.create(1), Ledger()
    await broker.produce({0: 200})

    async def half_a_chunk(chunk: Chunk) -> None:
        if chunk.first_offset >= 100:
            await asyncio.sleep(60)

    async def abandon(tps: set[TP]) -> None:
        ledger.owned -= tps

    ledger.release = abandon  # type: ignore[method-assign]
    async with running(broker.app(ledger, half_a_chunk)):
        await until(lambda: ledger.done.get(tp) == 100)
        await asyncio.sleep(1.5)  # two commits' worth
        assert await broker.committed() == {tp: 100}
    assert await broker.committed() == {tp: 100}


async def test_the_start_comes_from_acquire_not_from_the_committed_offset(broker: Broker) -> None:
    (explicit, committed, earliest), ledger = await broker.create(3), Ledger()
    await broker.produce({0: 100, 1: 100, 2: 100})
    await broker.commit({explicit: 90, committed: 60})
    ledger.starts[explicit] = 30
    async with running(broker.app(ledger)):
        await until(lambda: len(ledger.values()) == 70 + 40 + 100)
    assert ledger.offsets(explicit) == list(range(30, 100))
    assert ledger.offsets(committed) == list(range(60, 100))
    assert ledger.offsets(earliest) == list(range(100))


async def test_the_start_zero_is_honoured_over_a_committed_offset(broker: Broker) -> None:
    (tp,), ledger = await broker.create(1), Ledger()
    await broker.produce({0: 20})
    await broker.commit({tp: 20})
    ledger.starts[tp] = 0
    async with running(broker.app(ledger)):
        await until(lambda: ledger.offsets(tp) == list(range(20)))


async def test_an_offset_committed_under_another_label_means_nothing(broker: Broker) -> None:
    (tp,), first, second, third = await broker.create(1), Ledger(), Ledger(), Ledger()
    await broker.produce({0: 100})
    await broker.commit({tp: 60})  # by a release that knew no labels
    first.starts[tp] = second.starts[tp] = Committed("one")
    async with running(broker.app(first)):
        await until(lambda: first.offsets(tp) == list(range(60, 100)))
    await broker.produce({0: 10}, first=100)
    async with running(broker.app(second)):
        await until(lambda: second.offsets(tp) == list(range(100, 110)))
    third.starts[tp] = Committed("two")
    async with running(broker.app(third)):
        await until(lambda: third.offsets(tp) == list(range(110)))


async def test_a_slow_acquire_holds_its_partition_only(broker: Broker) -> None:
    (slow, fast), ledger = await broker.create(2), Ledger()
    ledger.gates[slow] = asyncio.Event()
    await broker.produce({0: 100, 1: 100})
    app = broker.app(
        ledger, broker_request_timeout=6.0, broker_session_timeout=6.0, broker_heartbeat_interval=1.0,
        broker_max_poll_interval=3.0,
    )  # fmt: skip
    async with running(app):
        await until(lambda: ledger.offsets(fast) == list(range(100)))
        await asyncio.sleep(7)  # longer than each of these timeouts
        assert ledger.offsets(slow) == []
        await broker.produce({1: 10}, first=100)
        await until(lambda: ledger.offsets(fast) == list(range(110)))
        assert len(app.consumer.assignment()) == 2 and not app.should_stop
        ledger.gates[slow].set()
        await until(lambda: ledger.offsets(slow) == list(range(100)))


async def test_a_chunk_in_hand_holds_its_partition_only(broker: Broker) -> None:
    (slow, *fast), ledger = await broker.create(3), Ledger()
    gate = asyncio.Event()
    await broker.produce({0: 500, 1: 500, 2: 500})

    async def held(chunk: Chunk) -> None:
        if chunk.tp == slow:
            await gate.wait()

    async with running(broker.app(ledger, held)):
        for tp in fast:
            await until(lambda tp=tp: ledger.offsets(tp) == list(range(500)))  # type: ignore[misc]
        assert ledger.offsets(slow) == []
        gate.set()
        await until(lambda: ledger.offsets(slow) == list(range(500)))


async def test_what_comes_while_a_chunk_is_in_hand_leaves_together(broker: Broker) -> None:
    (tp,), ledger = await broker.create(1), Ledger()
    gate = asyncio.Event()
    app = broker.app(ledger, lambda chunk: gate.wait())  # type: ignore[arg-type, return-value]
    async with running(app):
        await until(lambda: tp in ledger.owned)
        for number in range(10):
            await broker.produce({0: 1}, first=number)
        first = app.consumer._owned[tp].out
        await until(lambda: len(first.records) + len(app.consumer._owned[tp]._waiting) == 10)
        gate.set()
        await until(lambda: ledger.offsets(tp) == list(range(10)))
    assert len(ledger.chunks) == 2


def fetched(app: Any) -> set[TP]:
    """The partitions that have a chunk out or records that wait."""
    return {tp for tp, each in app.consumer._owned.items() if each.out is not None or each._waiting}


@pytest.mark.parametrize(("chunks_at_once", "most"), [(1, 1), (2, 2), (None, 4)])
async def test_so_many_chunks_are_out_at_once(broker: Broker, chunks_at_once: int | None, most: int) -> None:
    partitions, ledger, gate = await broker.create(4), Ledger(), asyncio.Event()
    await broker.produce(dict.fromkeys(range(4), 200))
    in_hand: set[TP] = set()
    at_once = []

    async def held(chunk: Chunk) -> None:
        in_hand.add(chunk.tp)
        at_once.append(len(in_hand))
        await gate.wait()
        await asyncio.sleep(0.01)  # so that those that are out are seen together
        in_hand.discard(chunk.tp)

    app = broker.app(ledger, held, chunks_at_once=chunks_at_once)
    async with running(app):
        try:
            await until(lambda: len(in_hand) >= most and fetched(app) == {*partitions})
        finally:
            gate.set()
        await until(lambda: len(ledger.values()) == 800)
    assert max(at_once) == most
    for tp in partitions:
        assert ledger.offsets(tp) == list(range(200))


async def test_who_has_waited_longest_is_next(broker: Broker) -> None:
    """One of two chunks at once is held: the other partitions take turns, though one has much more."""
    (slow, *others), ledger, gate = await broker.create(4), Ledger(), asyncio.Event()
    counts = dict(zip([slow, *others], (50, 800, 150, 150), strict=True))
    await broker.produce({tp.partition: count for tp, count in counts.items()})
    taken: list[TP] = []

    def all_wait() -> bool:
        """Whether nothing is still to be fetched that could be next."""
        owned = app.consumer._owned
        given = {tp: ledger.done.get(tp, 0) if each.out is None else each.out.next_offset for tp, each in owned.items()}
        return len(owned) == 4 and all(given[tp] == counts[tp] or owned[tp]._waiting for tp in owned)

    async def held(chunk: Chunk) -> None:
        taken.append(chunk.tp)
        await until(all_wait)
        if chunk.tp == slow:
            await gate.wait()

    app = broker.app(ledger, held, chunks_at_once=2)
    async with running(app):
        try:
            await until(lambda: all(ledger.offsets(tp) == list(range(counts[tp])) for tp in others))
            assert ledger.offsets(slow) == []
        finally:
            gate.set()
        await until(lambda: ledger.offsets(slow) == list(range(50)))
    assert slow in taken[:4]
    turns = [tp for tp in taken if tp != slow]
    everybody = 3 * min(turns.count(tp) for tp in others)
    assert everybody >= 9
    assert turns[:everybody] == turns[:3] * (everybody // 3) and set(turns[:3]) == {*others}


def buffered(app: Any) -> int:
    """Bytes that aiokafka has prefetched."""
    found = app.consumer._thread._consumer._fetcher._records.values()
    return sum(result._partition_records._records.size_in_bytes() for result in found if result.has_more())


async def test_what_stands_in_memory_is_bounded_whatever_the_backlog(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions, ledger, gate = await broker.create(8), Ledger(), asyncio.Event()
    value, fetch, batch = b"." * 10_000, 100_000, 16_384  # aiokafka's batch of this producer
    async with AIOKafkaProducer(bootstrap_servers=broker.servers, max_batch_size=batch) as producer:
        for tp in partitions:
            sent = [await producer.send(tp.topic, value, partition=tp.partition) for _ in range(500)]
            await asyncio.gather(*sent)
    monkeypatch.setattr(transport, "HELD_BYTES", 1_000_000)
    monkeypatch.setattr(backlog, "CHUNK_BYTES", 150_000)
    app = broker.app(ledger, lambda chunk: gate.wait(), consumer_max_fetch_size=fetch)  # type: ignore[arg-type, return-value]
    async with running(app):
        await until(lambda: len(ledger.owned) == 8)
        seen = []
        for _ in range(30):
            await asyncio.sleep(0.1)
            held = sum(each.held for each in app.consumer._owned.values())
            assert held <= 1_000_000 + 50 * 11_000
            assert buffered(app) <= 8 * (fetch + batch)
            seen.append(held)
        assert seen[-1] == seen[-10] >= 1_000_000, "it is full, and stays as it is"
        queues = [channel.queue.qsize() for channel in app.topics]
        assert queues == [0], "what is out is in the agent's hands"
        gate.set()
        await until(lambda: len(ledger.values()) == 4_000, within=30)
    assert max(sum(map(backlog.size_of, chunk.records)) for chunk in ledger.chunks) <= 150_000
    for tp in partitions:
        assert ledger.offsets(tp) == list(range(500))


async def test_a_record_larger_than_a_fetch_and_a_chunk_comes_alone(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    (large, small), ledger = await broker.create(2), Ledger()
    monkeypatch.setattr(backlog, "CHUNK_BYTES", 50_000)
    await broker.produce({1: 2_000})
    async with AIOKafkaProducer(bootstrap_servers=broker.servers) as producer:
        for size in (10, 900_000, 10):
            await producer.send_and_wait(large.topic, b"." * size, partition=large.partition)
    async with running(broker.app(ledger, consumer_max_fetch_size=20_000)):
        await until(lambda: len(ledger.values()) == 2_003)
    assert ledger.offsets(large) == [0, 1, 2] and ledger.offsets(small) == list(range(2_000))
    assert [1] in [[each.offset for each in chunk.records] for chunk in ledger.chunks if chunk.tp == large]


async def test_a_member_that_only_loads_stays_in_the_group(broker: Broker) -> None:
    (tp,), ledger = await broker.create(1), Ledger()
    ledger.gates[tp] = asyncio.Event()
    await broker.produce({0: 10})
    app = broker.app(ledger, broker_session_timeout=6.0, broker_heartbeat_interval=1.0, broker_max_poll_interval=2.0)
    async with running(app):
        await until(lambda: bool(ledger.log))
        await asyncio.sleep(5)
        ledger.gates[tp].set()
        await until(lambda: ledger.offsets(tp) == list(range(10)))
    assert [what for what, _ in ledger.log] == ["acquire", "release"]


async def test_a_rebalance_during_acquire_cancels_it(broker: Broker) -> None:
    partitions, first, second = await broker.create(2), Ledger(), Ledger()
    for tp in partitions:
        first.gates[tp] = asyncio.Event()
    await broker.produce({0: 100, 1: 100})
    async with running(broker.app(first)):
        await until(lambda: len(first.log) == 2)
        async with running(broker.app(second)):
            await until(lambda: len(second.owned) == 1)
            (taken,) = second.owned
            (kept,) = set(partitions) - second.owned
            for gate in first.gates.values():
                gate.set()
            await until(lambda: first.offsets(kept) == list(range(100)))
            await until(lambda: second.offsets(taken) == list(range(100)))
        assert ("release", frozenset(partitions)) in first.log
        assert first.offsets(taken) == []


async def test_members_come_and_go_and_every_record_is_done_once(broker: Broker) -> None:
    partitions = await broker.create(6)  # Faust's assignor gives three members of four 2, 2 and none
    ledgers, sent, enough = [Ledger() for _ in range(3)], 0, asyncio.Event()

    async def slowly(chunk: Chunk) -> None:
        await asyncio.sleep(0.01)

    async def produce() -> None:
        nonlocal sent
        while not enough.is_set():
            await broker.produce(dict.fromkeys(range(6), 50), sent)
            sent += 50
            await asyncio.sleep(0.1)

    def values() -> list[bytes]:
        return [value for ledger in ledgers for value in ledger.values()]

    producing = asyncio.create_task(produce())
    async with running(broker.app(ledgers[0], slowly)):
        await until(lambda: bool(ledgers[0].chunks))
        async with running(broker.app(ledgers[1], slowly)):
            await until(lambda: bool(ledgers[1].chunks))
            async with running(broker.app(ledgers[2], slowly)):
                await until(lambda: bool(ledgers[2].chunks))
        enough.set()
        await producing
        await until(lambda: len(values()) >= 6 * sent)
    assert len(values()) == len(set(values())) == 6 * sent
    for ledger in ledgers:
        for tp in partitions:
            assert ledger.offsets(tp) == sorted(ledger.offsets(tp))
    assert await broker.committed() == dict.fromkeys(partitions, sent)


async def test_a_stop_in_the_middle_of_a_rebalance_ends(broker: Broker) -> None:
    partitions, ledgers = await broker.create(4), [Ledger() for _ in range(3)]
    await broker.produce(dict.fromkeys(range(4), 100))
    apps = [broker.app(ledger) for ledger in ledgers]
    await apps[0].start()
    await until(lambda: len(ledgers[0].values()) == 400)
    for app in apps[1:]:
        await app.start()
    for app in reversed(apps):  # each leave starts a rebalance for those that stop next
        await asyncio.wait_for(app.stop(), 10)
        await asyncio.sleep(0.3)
    assert not any(app.crashed for app in apps)
    assert await broker.committed() == dict.fromkeys(partitions, 100)


async def test_an_agent_that_raises_ends_the_app_and_its_chunk_comes_again(broker: Broker) -> None:
    (tp,), first, second = await broker.create(1), Ledger(), Ledger()
    await broker.produce({0: 300})

    async def fail_on_the_third(chunk: Chunk) -> None:
        if chunk.first_offset == 100:
            raise ValueError("no")

    app = broker.app(first, fail_on_the_third)
    async with running(app):
        assert isinstance(await crash_of(app), ValueError)
        await asyncio.sleep(0.5)
    assert first.offsets(tp) == list(range(100))
    committed = (await broker.committed()).get(tp, 0)  # a crash does not wait for a commit
    assert committed in (0, 50, 100)
    async with running(broker.app(second)):
        await until(lambda: second.offsets(tp) == list(range(committed, 300)))


@pytest.mark.parametrize("cancelled", ["the work", "the agent"])
async def test_an_agent_that_ends_otherwise_ends_the_app_too(broker: Broker, cancelled: str) -> None:
    await broker.create(1)
    await broker.produce({0: 300})
    seen: list[Chunk] = []

    async def quit_at_once(chunk: Chunk) -> None:
        seen.append(chunk)
        if cancelled == "the work":
            raise asyncio.CancelledError
        for actor in app.agents[taker]._actors:
            actor.actor_task.cancel()
        await asyncio.sleep(60)

    app = broker.app(Ledger(), quit_at_once)
    (taker,) = app.agents
    async with running(app):
        error = await crash_of(app)
        await asyncio.sleep(0.5)
    assert isinstance(error, AgentEnded) and str(error) == "agent taker was cancelled"
    assert len(seen) == 1
    assert await broker.committed() == {}


async def test_an_acquire_that_raises_ends_the_app(broker: Broker) -> None:
    await broker.create(1)
    ledger = Ledger()

    async def refuse(tp: TP) -> int | None:
        raise PermissionError("fenced")

    ledger.acquire = refuse  # type: ignore[method-assign]
    app = broker.app(ledger)
    async with running(app):
        assert isinstance(await crash_of(app), PermissionError)
    assert await broker.committed() == {}


async def test_a_start_that_the_partition_does_not_have_ends_the_app(broker: Broker) -> None:
    (tp,), ledger = await broker.create(1), Ledger()
    await broker.produce({0: 10})
    ledger.starts[tp] = 11
    app = broker.app(ledger)
    async with running(app):
        error = await crash_of(app)
    assert isinstance(error, StartOutOfRange) and "starts at 11 but has 0 to 10" in str(error)


async def test_read_committed_hides_aborted_records_and_passes_the_markers(broker: Broker) -> None:
    (tp,), ledger = await broker.create(1), Ledger()
    async with AIOKafkaProducer(bootstrap_servers=broker.servers, transactional_id=broker.topic) as producer:
        for round_, keep in enumerate((True, False, True, False)):
            await producer.begin_transaction()
            for number in range(10):
                value = f"{'kept' if keep else 'dropped'}:{round_}:{number}".encode()
                await producer.send_and_wait(broker.topic, value, partition=0)
            await (producer.commit_transaction() if keep else producer.abort_transaction())
    async with running(broker.app(ledger, isolation_level="read_committed")):
        await until(lambda: len(ledger.values()) == 20)
    assert {value.split(b":")[0] for value in ledger.values()} == {b"kept"}
    # 10 kept, marker, 10 dropped, marker, 10 kept: done is 32, though the partition ends at 44.
    assert await broker.committed() == {tp: 32}

    again = Ledger()
    async with running(broker.app(again, isolation_level="read_committed")):
        await until(lambda: bool(again.owned))
        await broker.produce({0: 5})
        await until(lambda: again.offsets(tp) == list(range(44, 49)))
    assert await broker.committed() == {tp: 49}


WORKER = """
import asyncio, sys, time, faust
from faust.transport.drivers import TRANSPORTS
TRANSPORTS.by_name("aiokafka")
TRANSPORTS.aliases.setdefault("zhida", "streams.transport:Transport")
from streams import transport, watchdog
from streams.app import run_app
from streams.transport import chunk_agent

transport.WATCH_EVERY = watchdog.LOOK_EVERY = 0.1
transport.STILL_AT_MOST, transport.OUTSIDE_AT_MOST, watchdog.BLOCKED_AT_MOST, watchdog.STOP_WITHIN = 20, 20, 20, 50
servers, group, topic, datadir, fault = sys.argv[1:]

class Positions:
    done = {}
    async def acquire(self, tp): return None
    async def release(self, tps):
        if fault == "a release without end":
            await asyncio.Event().wait()
    def next_offset(self, tp): return self.done.get(tp)

async def main():
    app = faust.App(
        group, broker="zhida://" + servers, datadir=datadir, web_enabled=False, topic_disable_leader=True,
        topic_allow_declare=False, consumer_auto_offset_reset="earliest", broker_max_poll_interval=1000.0,
    )
    app.positions = Positions()

    @chunk_agent(app, topic)
    async def take(chunk):
        print("has", chunk.next_offset, flush=True)
        if fault == "a record that nobody can read":
            raise ValueError(fault)
        if fault == "a blocked loop":
            time.sleep(600)
        if fault == "a chunk without end":
            await asyncio.Event().wait()
        if fault == "a chunk that takes a while":
            await asyncio.sleep(1)
        if fault == "outside the group":
            app.consumer._fetch = no_more_polls
        app.positions.done[chunk.tp] = chunk.next_offset
        print("took", chunk.next_offset, flush=True)

    async def no_more_polls():
        app.consumer._thread._consumer._coordinator.reset_generation()
        app.consumer._thread._consumer._subscription._last_fetch_ended = time.monotonic() - 2000
        await app.consumer.sleep(600)

    async with watchdog.Watchdog("worker") as dog:
        await run_app(app, dog)

try:
    asyncio.run(main())
except Exception as error:
    print(f"worker ended: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    sys.exit(1)
"""


def worker(broker: Broker, fault: str = "") -> subprocess.Popen[str]:
    datadir = str(broker.directory / "worker")
    arguments = [broker.servers, broker.group, broker.topic, datadir, fault]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), *arguments],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def told(process: subprocess.Popen[str], what: str) -> None:
    assert process.stdout
    async with asyncio.timeout(30):
        while what not in (line := await asyncio.to_thread(process.stdout.readline)):
            assert line, "the worker ended"


async def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and last line of a worker."""
    _, errors = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, errors.strip().splitlines()[-1] if errors.strip() else ""


async def test_a_worker_process_ends_on_sigterm_with_what_is_done_committed(broker: Broker) -> None:
    (tp,) = await broker.create(1)
    await broker.produce({0: 10})
    process = worker(broker)
    await told(process, "took 10")
    process.send_signal(signal.SIGTERM)
    code, last = await ended(process)
    assert code == 0, last
    assert await broker.committed() == {tp: 10}


async def test_sigterm_finishes_the_chunk_in_hand(broker: Broker) -> None:
    (tp,) = await broker.create(1)
    await broker.produce({0: 10})
    process = worker(broker, "a chunk that takes a while")
    await told(process, "has 10")
    process.send_signal(signal.SIGTERM)
    code, last = await ended(process)
    assert code == 0, last
    assert await broker.committed() == {tp: 10}


@pytest.mark.parametrize("fault", ["a release without end", "a blocked loop"])
async def test_a_stop_that_takes_too_long_ends_itself(broker: Broker, fault: str) -> None:
    await broker.create(1)
    await broker.produce({0: 10})
    process = worker(broker, fault)
    await told(process, "has 10")
    process.send_signal(signal.SIGTERM)
    code, last = await ended(process)
    why = (
        "it did not stop within 50 s after it was asked to"
        if fault == "a release without end"
        else "the event loop was blocked for 20 s"
    )
    assert (code, last) == (1, f"worker ended: StopWorker: {why}")


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("a record that nobody can read", "ValueError: a record that nobody can read"),
        ("a blocked loop", "StopWorker: the event loop was blocked for 20 s"),
        ("a chunk without end", "StopWorker: {topic}[0]: a chunk stands still, nothing done for 20 s"),
        ("outside the group", "StopWorker: outside the consumer group for 20 s"),
    ],
)
async def test_a_worker_that_cannot_go_on_says_why_in_its_last_line(broker: Broker, fault: str, why: str) -> None:
    await broker.create(1)
    await broker.produce({0: 10})
    assert await ended(worker(broker, fault)) == (1, f"worker ended: {why.format(topic=broker.topic)}")


async def test_a_process_that_was_stopped_and_continued_was_not_stuck(broker: Broker) -> None:
    (tp,) = await broker.create(1)
    await broker.produce({0: 10})
    process = worker(broker, "a chunk that takes a while")
    await told(process, "has 10")
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(4)  # twice what the watchdog and the transport bear
    process.send_signal(signal.SIGCONT)
    await told(process, "took 10")
    process.send_signal(signal.SIGTERM)
    code, last = await ended(process)
    assert code == 0, last
    assert await broker.committed() == {tp: 10}
