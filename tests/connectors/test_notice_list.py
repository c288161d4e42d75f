"""The read model's list on a real Redis: each (partition, offset) once, and never a gap unseen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from connectors.notice_list import HIGH, LIST, ListEmptied, RedisNoticeList
from schemas.decisions import MatchKey
from schemas.notices import Notice, NoticeKind, NoticeTopic


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        await client.delete(LIST, HIGH)
        yield client
        await client.delete(LIST, HIGH)


def notice(effect_id: str) -> Notice:
    matter = MatchKey(subject="91210100MA0TEXT002", policy="LN-2023-CBJ")
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    return Notice(
        kind=NoticeKind.PUSH,
        about=NoticeTopic.ELIGIBLE,
        matter=matter,
        policy_version=1,
        as_of=moment,
        effect_id=effect_id,
    )


async def ids(listed: RedisNoticeList) -> list[str]:
    return [found.effect_id async for found in listed.follow()]


async def test_an_offset_is_taken_once_also_after_a_restart(redis: Redis) -> None:
    first = RedisNoticeList(redis)
    assert await first.next_offset(3) == 0
    for offset in (0, 4, 4, 2):
        await first.append(3, offset, notice(f"at-{offset}"))
    second = RedisNoticeList(redis)
    assert await second.next_offset(3) == 5
    await second.append(3, 4, notice("at-4"))
    await second.append(2, 0, notice("other"))
    assert await ids(second) == ["at-0", "at-4", "other"]


async def test_a_list_emptied_under_a_running_worker_is_noticed(redis: Redis) -> None:
    listed = RedisNoticeList(redis)
    await listed.append(0, 7, notice("before"))
    await redis.delete(LIST, HIGH)
    with pytest.raises(ListEmptied, match="a restart rebuilds"):
        await listed.append(0, 8, notice("after"))
    assert await ids(listed) == []
    assert await RedisNoticeList(redis).next_offset(0) == 0
