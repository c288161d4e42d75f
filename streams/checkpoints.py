"""How far the partitions are: checkpoints read from the state topic, and the wait for all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from eligibility.state import CHECKPOINT
from schemas.topics import CONTROL, JOURNAL, JOURNAL_PARTITIONS, STATE
from streams.clock import committed_offsets, wait_until_journaled
from streams.reading import read_to_end, reader

LOOK_EVERY = 0.1  # seconds
TAIL = 8


@dataclass(frozen=True)
class Checkpoint:
    """What a partition has committed. `sequence`: the last control record; `open_work`: a roll-out is under way."""

    offset: int = -1
    sequence: int = -1
    open_work: bool = False
    buckets_left: int = 0


async def read_checkpoint(consumer: AIOKafkaConsumer, partition: int) -> Checkpoint:
    """The last checkpoint of a partition: the last record of its last transaction, so it stands near the end."""
    tp = TopicPartition(STATE, partition)
    begin, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
    back = TAIL
    while True:
        start = max(begin, end - back)
        last = None
        async for record in read_to_end(consumer, tp, start):
            if record.key == CHECKPOINT.encode():
                last = record.value
        if last is not None:
            data = json.loads(last)
            return Checkpoint(data["offset"], data["sequence"], data["open_work"], data["buckets_left"])
        if start == begin:
            return Checkpoint()
        back *= 8


async def wait_until_settled(
    bootstrap_servers: str, intake_group: str, progress: Callable[[int, int], None] = lambda done, of: None
) -> None:
    """Return once every source record is journaled and folded, every checkpoint is past the last control sequence,
    and no roll-out is open. `progress` gets the partitions done and their number, at each look."""
    await wait_until_journaled(bootstrap_servers, intake_group)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    control = TopicPartition(CONTROL, 0)
    try:
        async with reader(bootstrap_servers) as consumer:
            while True:
                control_end = (await consumer.end_offsets([control]))[control]
                fanned_out = (await committed_offsets(admin, intake_group)).get(control, 0)
                done = 0
                if fanned_out >= control_end:
                    done = sum([await _settled(consumer, p, control_end - 1) for p in range(JOURNAL_PARTITIONS)])
                progress(done, JOURNAL_PARTITIONS)
                if done == JOURNAL_PARTITIONS:
                    return
                await asyncio.sleep(LOOK_EVERY)
    finally:
        await admin.close()


async def _settled(consumer: AIOKafkaConsumer, partition: int, sequence: int) -> bool:
    journal = TopicPartition(JOURNAL, partition)
    end = (await consumer.end_offsets([journal]))[journal]
    found = await read_checkpoint(consumer, partition)
    return found.sequence >= sequence and found.offset + 1 >= end and not found.open_work
