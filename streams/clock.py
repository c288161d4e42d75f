"""Time: ticks on the control topic, each after everything that had arrived by it.

With a wall clock the owner of the control partition emits one an hour; in a world, `zhida clock advance` does.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, date, datetime, timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)

from eligibility.business_time import business_date, start_of
from schemas.journal import Tick
from schemas.topics import CATALOGUE, SOURCES
from streams.broker_topics import append_control
from streams.control import read_registry
from streams.errors import StopWorker
from streams.reading import reader

log = logging.getLogger(__name__)

TICK_EVERY = timedelta(hours=1)
CLOCKS_DIFFER = 5.0  # seconds by which the broker's clock, which stamps arrivals, may be behind ours
LOOK_EVERY = 0.2  # seconds between looks at how far intake is
SAY_EVERY = 300  # looks after which a stalled source is named


def source_partitions() -> list[TopicPartition]:
    """Every partition of every source topic."""
    return [TopicPartition(name, p) for name in SOURCES for p in range(CATALOGUE[name].partitions)]


async def wait_until_journaled(bootstrap_servers: str, intake_group: str, by: datetime | None = None) -> None:
    """Return once intake has journaled what had arrived by a moment, or with None by now.

    Intake's committed offsets are exact: an offset is committed only when the journal has acknowledged what lies
    before it.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        async with reader(bootstrap_servers, committed=False) as consumer:
            wanted = await _offsets_by(consumer, by)
        looks = 0
        while True:
            done = await committed_offsets(admin, intake_group)
            behind = {tp: offset for tp, offset in wanted.items() if done.get(tp, 0) < offset}
            if not behind:
                return
            looks += 1
            if looks % SAY_EVERY == 0:
                log.warning("a tick waits for intake: %s", ", ".join(f"{t}[{p}]" for t, p in sorted(behind)))
            await asyncio.sleep(LOOK_EVERY)
    finally:
        await admin.close()


async def committed_offsets(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """What a group has committed; nothing while its coordinator is not there yet, as on a new broker."""
    try:
        found = await admin.list_consumer_group_offsets(group)
    except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
        return {}
    return {TopicPartition(*tp): entry.offset for tp, entry in found.items()}


async def _offsets_by(consumer: AIOKafkaConsumer, by: datetime | None) -> dict[TopicPartition, int]:
    """Per source partition, one past the last offset that had arrived; partitions without any left out."""
    partitions = source_partitions()
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    if by is not None:
        later = await consumer.offsets_for_times(dict.fromkeys(partitions, int(by.timestamp() * 1000) + 1))
        ends |= {tp: found.offset for tp, found in later.items() if found is not None}
    return {tp: end for tp, end in ends.items() if end > begins[tp]}


async def advance(bootstrap_servers: str, intake_group: str, day: date) -> datetime:
    """Emit a world's tick that begins `day`, once all events up to now are journaled; returns the moment.

    Raises StopWorker for a wall clock, which nobody moves, and for a day that is past.
    """
    registry = await read_registry(bootstrap_servers)
    if registry.epoch is None or registry.now is None:
        raise StopWorker("there is no epoch yet: run `zhida topics apply --world DATE` first")
    if registry.epoch.clock != "world":
        raise StopWorker("this broker's epoch goes by the wall clock; only a world's clock can be advanced")
    moment = start_of(day)
    if moment < registry.now:
        raise StopWorker(f"{day} is past: the world's clock stands at {business_date(registry.now)}")
    await wait_until_journaled(bootstrap_servers, intake_group)
    await append_control(bootstrap_servers, [Tick(at=moment)])
    return moment


async def tick_every_hour(bootstrap_servers: str, intake_group: str) -> None:
    """Emit a tick at each full hour, once all that had arrived by it is journaled; for a wall clock."""
    while True:
        now = datetime.now(UTC)
        hour = now.replace(minute=0, second=0, microsecond=0) + TICK_EVERY
        await asyncio.sleep((hour - now).total_seconds() + CLOCKS_DIFFER)
        await wait_until_journaled(bootstrap_servers, intake_group, by=hour)
        await append_control(bootstrap_servers, [Tick(at=hour)])
        log.info("tick %s", hour.isoformat())
