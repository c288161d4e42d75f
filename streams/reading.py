"""Reading a partition from a position to its end, once, outside any consumer group."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.topics import MAX_CORE_BYTES
from streams import records

records.install()


@asynccontextmanager
async def reader(bootstrap_servers: str, *, committed: bool = True) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group; `committed`: records of open and aborted transactions stay unseen."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed" if committed else "read_uncommitted",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_CORE_BYTES + 65_536,
        retry_backoff_ms=10,  # waited once per topic whose metadata is not known yet
        fetch_max_wait_ms=20,  # a fetch at the end of one partition must not hold up the next partition's
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_to_end(
    consumer: AIOKafkaConsumer, tp: TopicPartition, start: int | None = None
) -> AsyncIterator[ConsumerRecord]:
    """The partition's records from `start` (its beginning, if None) to its end as it is now."""
    async for run in runs_to_end(consumer, tp, start):
        for record in run:
            yield record


async def runs_to_end(
    consumer: AIOKafkaConsumer, tp: TopicPartition, start: int | None = None
) -> AsyncIterator[list[ConsumerRecord]]:
    """The same, in runs as they were fetched; none is empty.

    The end is reached when the position is, not when a record of offset end − 1 came: transaction markers are offsets
    too, and no records.
    """
    if consumer.assignment() != {tp}:
        consumer.assign([tp])
    end = (await consumer.end_offsets([tp]))[tp]
    if start is None:
        start = (await consumer.beginning_offsets([tp]))[tp]
    consumer.seek(tp, start)
    while await consumer.position(tp) < end:
        run = (await consumer.getmany(tp, timeout_ms=200)).get(tp, [])
        while run and run[-1].offset >= end:
            run.pop()
        if run:
            yield run
