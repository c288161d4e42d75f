"""The proxy with faults, against an echo server and once between aiokafka and a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.chaos.proxy import Fault, Proxy, Step, Way, listeners, schedule
from zhida.stack import kafka as kafka_stack
from zhida.stack import ports

SOME = Random(5).randbytes(300_000)


class Echo:
    """Sends back what comes; `heard` is all that came."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.port = ports.free()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while data := await reader.read(65_536):
                self.heard += data
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            pass  # reset by the proxy


@asynccontextmanager
async def proxied(seed: int = 0) -> AsyncIterator[tuple[Proxy, Echo]]:
    echo = Echo()
    proxy = Proxy(ports.free(), echo.port, seed)
    async with await asyncio.start_server(echo.serve, ports.HOST, echo.port):
        await proxy.start()
        try:
            yield proxy, echo
        finally:
            await proxy.stop()


async def connected(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has come through to the other side."""
    reader, writer = await asyncio.open_connection(ports.HOST, proxy.port)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    return reader, writer


async def echoed(proxy: Proxy, data: bytes) -> bytes:
    """What comes back of some data, to the end of the stream."""
    reader, writer = await asyncio.open_connection(ports.HOST, proxy.port)

    async def send() -> None:
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    _, back = await asyncio.gather(send(), reader.read(-1))
    writer.close()
    return back


async def step(proxy: Proxy, made: Step) -> asyncio.Task[None]:
    """A step, begun."""
    task = asyncio.create_task(proxy.run([made]))
    while not any(str(made) in line for line in proxy.log):
        await asyncio.sleep(0)
    return task


async def test_what_passes_is_whole_and_so_is_its_end() -> None:
    async with proxied() as (proxy, _):
        assert await asyncio.gather(*(echoed(proxy, SOME) for _ in range(3))) == [SOME] * 3


@pytest.mark.parametrize("fault, amount", [(Fault.DELAY, 5), (Fault.SLOW, 20_000_000)])
async def test_what_is_delayed_or_slow_is_whole_and_in_order(fault: Fault, amount: int) -> None:
    async with proxied() as (proxy, _):
        task = await step(proxy, Step(fault, 60.0, amount=amount))
        assert await echoed(proxy, SOME) == SOME
        task.cancel()


async def test_a_slow_direction_moves_no_more_than_its_rate() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connected(proxy)
        clock, rate = asyncio.get_running_loop().time, 50_000
        task = await step(proxy, Step(Fault.SLOW, 60.0, (Way.UP,), rate))
        began = clock()
        writer.write(SOME)
        while len(echo.heard) < 10_000:
            await asyncio.sleep(0.01)
        assert len(echo.heard) - len(b"hello") <= rate * (clock() - began)
        await reader.readexactly(5_000)
        task.cancel()


async def test_jitter_is_the_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waits(seed: int) -> list[float]:
        held: list[float] = []

        async def sleep(seconds: float) -> None:
            held.append(seconds)

        async with proxied(seed) as (proxy, _):
            task = await step(proxy, Step(Fault.DELAY, 60.0, amount=100))
            with monkeypatch.context() as patched:
                patched.setattr("bench.chaos.proxy.asyncio.sleep", sleep)
                reader, writer = await connected(proxy)
                for number in range(10):
                    writer.write(b"%d" % number)
                    assert await reader.readexactly(1) == b"%d" % number
            task.cancel()
        return held

    first, again, other = await waits(1), await waits(1), await waits(2)
    assert first == again != other
    assert len(first) == 22 and max(first) <= 0.1


async def test_reset_is_a_reset_and_the_next_connection_passes() -> None:
    async with proxied() as (proxy, _):
        reader, _ = await connected(proxy)
        await proxy.run([Step(Fault.RESET, 0.0)])
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert await echoed(proxy, SOME) == SOME
        assert any("reset 1, 5 up, 5 down" in line for line in proxy.log)


async def test_half_open_forwards_nothing_closes_nothing_and_ends_in_a_reset() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connected(proxy)
        task = await step(proxy, Step(Fault.HALF_OPEN, 0.5))
        writer.write(b"into the void")
        late = asyncio.create_task(echoed(proxy, b"late"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        await task
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        with pytest.raises(ConnectionResetError):
            await late
        assert echo.heard == b"hello"
        assert await echoed(proxy, SOME) == SOME


async def test_half_open_in_one_direction_passes_the_other() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connected(proxy)
        task = await step(proxy, Step(Fault.HALF_OPEN, 60.0, (Way.UP,)))
        writer.write(b"into the void")
        echo.writers[0].write(b"from the target")
        assert await reader.readexactly(15) == b"from the target"
        assert echo.heard == b"hello"
        task.cancel()


async def test_a_reset_on_one_side_is_a_reset_on_the_other() -> None:
    async with proxied() as (proxy, echo):
        reader, _ = await connected(proxy)
        echo.writers[0].get_extra_info("socket").setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER, no time
        echo.writers[0].transport.abort()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)


async def test_without_a_target_the_client_is_turned_away() -> None:
    proxy = Proxy(ports.free(), ports.free())
    await proxy.start()
    reader, _ = await asyncio.open_connection(ports.HOST, proxy.port)
    assert await reader.read(1) == b""
    assert "no target for 1" in proxy.log[0]
    await proxy.stop()


def test_a_schedule_is_its_seeds() -> None:
    assert schedule(1, 12) == schedule(1, 12) != schedule(2, 12)
    steps = schedule(3, 8, most_seconds=2.0)
    faults = [step.fault for step in steps[::2]]
    assert sorted(faults[:4]) == sorted(faults[4:]) == sorted(set(Fault) - {Fault.PASS})
    assert all(step.fault is Fault.PASS for step in steps[1::2])
    assert all(step.seconds <= 2.0 for step in steps)
    assert all(step.amount > 0 for step in steps if step.fault in (Fault.DELAY, Fault.SLOW))


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A broker with a second listener that is advertised at another port than its own: (its own, the other)."""
    port, inner, outer = ports.free(), ports.free(), ports.free()
    properties = listeners(port, inner, outer)
    kafka_stack.up(tmp_path, port=port, report=lambda line: None, properties=properties)
    yield inner, outer
    kafka_stack.down(tmp_path)


@pytest.mark.kafka
async def test_aiokafka_through_faults_loses_nothing_and_keeps_its_order(behind: tuple[int, int]) -> None:
    inner, outer = behind
    proxy = Proxy(outer, inner, seed=7)
    await proxy.start()
    address = f"{ports.HOST}:{outer}"
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic("t", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True, request_timeout_ms=2_000)
    consumer = AIOKafkaConsumer("t", bootstrap_servers=address, auto_offset_reset="earliest", request_timeout_ms=2_000)
    await producer.start()
    await consumer.start()
    wanted = [b"%d" % number for number in range(400)]

    async def send() -> None:
        for value in wanted:
            await producer.send_and_wait("t", value)

    async def receive() -> list[bytes]:
        return [(await consumer.getone()).value for _ in wanted]

    faults = asyncio.create_task(proxy.run(schedule(7, 4, most_seconds=1.0)))
    async with asyncio.timeout(120):
        _, got = await asyncio.gather(send(), receive())
        await faults
    await producer.stop()
    await consumer.stop()
    await proxy.stop()
    assert got == wanted
    assert sum("reset" in line for line in proxy.log) >= 2
