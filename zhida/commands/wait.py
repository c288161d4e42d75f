"""`zhida wait`: until everything published is decided, or what is still open when the time is up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.topics import CONTROL, JOURNAL, JOURNAL_PARTITIONS
from streams.app import Role
from streams.checkpoints import read_checkpoint, wait_until_settled
from streams.clock import committed_offsets, source_partitions
from streams.reading import reader
from zhida.console import err

STALLED_AFTER = 5.0  # seconds without progress until that is said
HINT = "intake/eligibility is not moving: is `zhida worker` running?"


async def wait(bootstrap_servers: str, within: float | None, progress: Callable[[int, int], None]) -> list[str]:
    """Return nothing once all is settled, or what is open after `within` seconds."""
    watching = asyncio.create_task(_say_when_stalled(bootstrap_servers))
    try:
        async with asyncio.timeout(within) as limit:
            await wait_until_settled(bootstrap_servers, Role.INTAKE.group, progress)
    except TimeoutError:
        if not limit.expired():
            raise
        return await open_work(bootstrap_servers) or ["nothing any more: it was settled just after"]
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return []


async def _say_when_stalled(bootstrap_servers: str) -> None:
    """Say it once, when what is open stays the same for a while."""
    before, since = await open_work(bootstrap_servers), time.monotonic()
    while time.monotonic() - since < STALLED_AFTER:
        await asyncio.sleep(1.0)
        now = await open_work(bootstrap_servers)
        if now != before:
            before, since = now, time.monotonic()
    err.print(HINT, markup=False)


async def open_work(bootstrap_servers: str) -> list[str]:
    """What intake has not journaled and what the partitions have not decided, one line each; none if all is."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        done = await committed_offsets(admin, Role.INTAKE.group)
    finally:
        await admin.close()
    listed = []
    async with reader(bootstrap_servers, committed=False) as consumer:
        sources = [*source_partitions(), TopicPartition(CONTROL, 0)]
        begins, ends = await consumer.beginning_offsets(sources), await consumer.end_offsets(sources)
        for tp in sources:
            if left := ends[tp] - max(begins[tp], done.get(tp, 0)):
                listed.append(f"intake: {left} records of {tp.topic}[{tp.partition}]")
        partitions = [TopicPartition(JOURNAL, p) for p in range(JOURNAL_PARTITIONS)]
        journal = await consumer.end_offsets(partitions)
    async with reader(bootstrap_servers) as consumer:
        for tp in partitions:
            found = await read_checkpoint(consumer, tp.partition)
            if left := journal[tp] - found.offset - 1:
                listed.append(f"eligibility: {left} records of {tp.topic}[{tp.partition}]")
            elif found.open_work:
                listed.append(f"eligibility: a roll-out in partition {tp.partition}, {found.buckets_left} buckets left")
    return listed
