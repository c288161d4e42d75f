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

from streams.transport import AgentEnded, Chunk, StartOutOfRange, chunk_agent

ROOT = Path(__file__).parents[2]
TRANSPORTS.by_name("aiokafka")
TRANSPORTS.aliases.setdefault("zhida", "streams.transport:Transport")  # where the project is not installed

SETTINGS: dict[str, Any] = {
    "broker_max_poll_records": 50,
    "broker_commit_interval": 0.5,
    "broker_heartbeat_interval": 0.5,  # how soon a member learns of a rebalance
}
Handle = Callable[[Chunk], Awaitable[None]]


async def nothing(chunk: Chunk) -> None:
    """An agent that has nothing to do."""


class Ledger:
    """Positions kept in memory, as an owner of partitions keeps them: one chunk in hand per partition."""

    def __init__(self, starts: dict[TP, int | None] | None = None) -> None:
        self.starts = starts or {}
        self.owned: set[TP] = set()
        self.done: dict[TP, int] = {}
        self.chunks: list[Chunk] = []
        self.in_hand: dict[TP, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.gates: dict[TP, asyncio.Event] = {}
        self.log: list[tuple[str, frozenset[TP]]] = []

    async def acquire(self, tp: TP) -> int | None:
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
        app: Any = faust.App(
            self.group,
            broker=f"zhida://{self.servers}",
            datadir=self.directory / uuid4().hex,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            stream_buffer_maxsize=4,
            **SETTINGS | settings,
        )
        app.positions = ledger
        app.isolation_level = isolation_level

        @chunk_agent(app, self.topic, name="taker")
        async def taker(chunks: Any) -> None:
            async for chunk in chunks:
                await ledger.take(chunk, handle)

        return app


@pytest.fixture
async def broker(kafka: str, tmp_path: Path) -> AsyncIterator[Broker]:
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


@pytest.mark.parametrize("way_out", ["cancelled", "returned"])
async def test_an_agent_that_ends_otherwise_ends_the_app_too(broker: Broker, way_out: str) -> None:
    _, ledger = await broker.create(1), Ledger()
    await broker.produce({0: 300})
    app = broker.app(ledger)
    del app.agents["taker"]
    seen = []

    @chunk_agent(app, broker.topic, name="quitter")
    async def quitter(chunks: Any) -> None:
        async for chunk in chunks:
            seen.append(chunk)
            if way_out == "returned":
                return
            raise asyncio.CancelledError

    async with running(app):
        error = await crash_of(app)
        await asyncio.sleep(0.5)
    assert isinstance(error, AgentEnded) and way_out in str(error)
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
import sys, faust
from faust.transport.drivers import TRANSPORTS
TRANSPORTS.by_name("aiokafka")
TRANSPORTS.aliases.setdefault("zhida", "streams.transport:Transport")
from streams.transport import chunk_agent

class Positions:
    done = {}
    async def acquire(self, tp): return None
    async def release(self, tps): pass
    def next_offset(self, tp): return self.done.get(tp)

servers, group, topic, datadir, fail = sys.argv[1:]
app = faust.App(
    group, broker="zhida://" + servers, datadir=datadir, web_enabled=False, topic_disable_leader=True,
    topic_allow_declare=False, consumer_auto_offset_reset="earliest", stream_buffer_maxsize=4,
)
app.positions = Positions()

@chunk_agent(app, topic)
async def take(chunks):
    async for chunk in chunks:
        if fail == "yes":
            raise ValueError("a record that nobody can read")
        app.positions.done[chunk.tp] = chunk.next_offset
        print("took", chunk.next_offset, flush=True)

try:
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
finally:
    if reason := app.crash_reason:
        print(f"worker ended: {type(reason).__name__}: {reason}", file=sys.stderr, flush=True)
"""


def worker(broker: Broker, fail: str) -> subprocess.Popen[str]:
    datadir = str(broker.directory / "worker")
    arguments = [broker.servers, broker.group, broker.topic, datadir, fail]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), *arguments],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def test_a_worker_process_ends_on_sigterm_with_what_is_done_committed(broker: Broker) -> None:
    (tp,) = await broker.create(1)
    await broker.produce({0: 10})
    process = worker(broker, fail="no")
    assert process.stdout
    async with asyncio.timeout(15):
        while "took 10" not in await asyncio.to_thread(process.stdout.readline):
            pass
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.to_thread(process.communicate, timeout=10)
    assert process.returncode == 0, errors
    assert await broker.committed() == {tp: 10}


async def test_a_worker_process_that_crashes_says_why_in_its_last_line(broker: Broker) -> None:
    await broker.create(1)
    await broker.produce({0: 10})
    process = worker(broker, fail="yes")
    _, errors = await asyncio.to_thread(process.communicate, timeout=15)
    assert process.returncode == 1
    assert errors.strip().splitlines()[-1] == "worker ended: ValueError: a record that nobody can read"
    assert await broker.committed() == {}
