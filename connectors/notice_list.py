"""The read model's list of notices, in Redis: always rebuildable from notices.v1, and never holding one twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from redis.asyncio import Redis

from schemas.notices import Notice

LIST = "zhida:notices"
HIGH = "zhida:notices:high"
KEPT = 100_000

# One step: what is at or below the partition's high-water has been taken before a restart, and is dropped. A high-water
# below what this process has put there means that the list was emptied meanwhile.
_APPEND = """
local high = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '-1')
if high < tonumber(ARGV[5]) then return -1 end
if tonumber(ARGV[2]) <= high then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'notice', ARGV[3])
return 1
"""


class ListEmptied(Exception):
    """The read model was emptied under a running worker; a restart rebuilds it from Kafka."""


class RedisNoticeList:
    """Notices in the order they were served, in a Redis stream of the last `KEPT`; with a high-water per partition."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._append = redis.register_script(_APPEND)
        self._high: dict[int, int] = {}

    async def next_offset(self, partition: int) -> int:
        """One past the last offset taken; 0 where the list is empty or was emptied."""
        high = await self._redis.hget(HIGH, str(partition))
        self._high[partition] = -1 if high is None else int(high)
        return self._high[partition] + 1

    async def append(self, partition: int, offset: int, notice: Notice) -> None:
        """Take a notice unless (partition, offset) was taken before: compare and set in one step.

        Raises ListEmptied when Redis no longer has what this process has put there.
        """
        known = self._high.get(partition, -1)
        taken = await self._append(keys=[LIST, HIGH], args=[partition, offset, notice.model_dump_json(), KEPT, known])
        if taken < 0:
            raise ListEmptied(f"Redis lost the notices of partition {partition}: a restart rebuilds them from Kafka")
        self._high[partition] = max(known, offset)

    async def follow(self, *, since: str = "0", wait_ms: int | None = None) -> AsyncIterator[Notice]:
        """The notices after `since`; with `wait_ms`, goes on until none came for so long, else to the list's end."""
        while True:
            found = await self._redis.xread({LIST: since}, count=500, block=wait_ms)
            if not found:
                return
            entries = cast(list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]], found)[0][1]
            for _, fields in entries:
                yield Notice.model_validate_json(fields[b"notice"])
            since = entries[-1][0].decode()
