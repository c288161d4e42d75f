"""Each role killed with -9 in the middle of something: after a restart nothing is missing and nothing comes twice."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Any

import pytest
from aiokafka import TopicPartition
from redis.asyncio import Redis

from connectors.notice_list import HIGH, LIST, RedisNoticeList
from schemas.topics import JOURNAL, JOURNAL_PARTITIONS
from streams.app import Role
from streams.reading import read_to_end, reader

pytestmark = pytest.mark.kafka
LOAD = ("2023-12-31", "2024-01-01")
CHANGES = ("2024-01-01", "2024-02-01")


async def loaded(cluster: Any, *roles: Role) -> None:
    """The world of 1 January 2024 is in, and decided by nobody: its policies are not published."""
    for role in roles:
        cluster.start(role)
    await cluster.publish_catalogue()
    await cluster.settled()
    await cluster.publish_events(*LOAD)
    await cluster.settled()


async def test_eligibility_with_an_open_transaction(cluster: Any) -> None:
    await loaded(cluster, Role.INTAKE, Role.ELIGIBILITY)
    cluster.workers[1].stop()
    held = cluster.start(Role.ELIGIBILITY, hold="eligibility.sent")
    await cluster.publish_policies()
    line = await cluster.logged(held, "held at eligibility.sent")
    assert "records open" in line
    outcome = await cluster.outcome()
    assert outcome.decisions == [], "a reader of committed records sees nothing of the open transaction"
    held.process.kill()
    held.process.wait()
    cluster.start(Role.ELIGIBILITY)
    await cluster.settled()
    await cluster.publish_events(*CHANGES)
    await cluster.settled()
    await cluster.advance(date(2024, 2, 1))
    await cluster.settled()
    outcome = await cluster.check(date(2024, 2, 1))
    assert len(outcome.decisions) > 100


async def test_eligibility_killed_again_and_again(cluster: Any) -> None:
    await loaded(cluster, Role.INTAKE, Role.ELIGIBILITY)
    await cluster.publish_policies()
    for _ in range(3):
        worker = cluster.start(Role.ELIGIBILITY)  # fences the one before, which drops its partitions or is killed
        await cluster.logged(worker, "fenced, loaded")
        cluster.workers[-2].process.kill()
    await cluster.settled(within=90.0)
    await cluster.check(date(2024, 1, 1))


async def test_intake_with_an_unacknowledged_batch(cluster: Any) -> None:
    await loaded(cluster, Role.INTAKE, Role.ELIGIBILITY)
    await cluster.publish_policies()
    await cluster.settled()
    cluster.workers[0].stop()
    held = cluster.start(Role.INTAKE, hold="intake.sent")
    await cluster.publish_events(*CHANGES)
    line = await cluster.logged(held, "records sent, unacknowledged")
    held.process.kill()
    held.process.wait()
    cluster.start(Role.INTAKE)
    await cluster.settled()
    await cluster.check(date(2024, 1, 1))
    assert await journaled_twice(cluster.bootstrap) > 0, f"the batch was sent again, and taken once: {line}"


async def journaled_twice(bootstrap: str) -> int:
    """How many journal records have an origin that another has, too."""
    origins: list[str] = []
    async with reader(bootstrap, committed=False) as consumer:
        for partition in range(JOURNAL_PARTITIONS):
            async for record in read_to_end(consumer, TopicPartition(JOURNAL, partition)):
                origin = json.loads(record.value).get("origin")
                origins += [json.dumps(origin)] if origin else []
    return len(origins) - len(set(origins))


async def test_edge_killed_and_the_read_model_emptied(cluster: Any) -> None:
    await loaded(cluster, Role.INTAKE, Role.ELIGIBILITY)
    edge = cluster.start(Role.EDGE)
    await cluster.publish_policies()
    async with Redis.from_url(cluster.endpoints.redis_url) as redis:
        await cluster.logged(edge, "worker of role edge started")
        while not await redis.xlen(LIST):
            await asyncio.sleep(0)
        edge.process.kill()
        edge.process.wait()
        await cluster.settled()
        outcome = await cluster.check(date(2024, 1, 1))
        expected = sorted(notice["effect_id"] for notice in outcome.notices)
        edge = cluster.start(Role.EDGE)
        assert await served(redis, len(expected)) == expected
        edge.stop()
        await redis.delete(LIST, HIGH)
        cluster.start(Role.EDGE)
        assert await served(redis, len(expected)) == expected, "rebuilt from Kafka"


async def served(redis: Redis, number: int) -> list[str]:
    """The effect ids in the read model, once it holds as many as it should, or more."""
    async with asyncio.timeout(30):
        while await redis.xlen(LIST) < number:
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)  # for one too many
    return sorted([notice.effect_id async for notice in RedisNoticeList(redis).follow()])
