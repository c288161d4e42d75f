"""Defects of Faust 0.15.3 that the transport steps around, each shown on stock objects, without a broker.

When one of these fails, Faust has changed: look whether the override it names is still needed, or still right.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import faust
import pytest
from faust.types import TP, ConsumerMessage

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


async def test_an_agent_that_raises_acks_its_event(app: Any, consumer: Any) -> None:
    """`Stream.__aiter__` acks in a finally: the failed event counts as done, and the next one follows."""
    channel = app.channel()
    stream = app.stream(channel)
    failed = message(5)
    failed.incref()
    app.flow_control.resume()
    app.consumer_generation_id = 0
    await channel.put(app.create_event(None, b"5", [], failed))

    async def body() -> None:
        async for _ in stream:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await body()
    await asyncio.sleep(0.01)
    assert failed.acked and consumer._acked[TOPIC] == [5]


async def test_a_failed_agent_commits(consumer: Any) -> None:
    """`Consumer.on_task_error` is what an agent's exception comes to: a commit, no more."""
    committed = []

    async def commit() -> bool:
        committed.append(True)
        return True

    consumer.commit = commit
    await consumer.on_task_error(ValueError("no"))
    assert committed and not consumer.crashed
