"""Who owns which journal partitions, and how far each is folded: the positions of the eligibility role."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaProducer
from faust.types import TP

from streams.chunks import Chunk
from streams.errors import PartitionLost
from streams.partition import Partition

log = logging.getLogger(__name__)


class Ownership:
    """The partitions this worker owns. A chunk of any other is dropped: its owner has it."""

    def __init__(
        self, bootstrap_servers: str, pumps: AIOKafkaProducer, crash: Callable[[BaseException], Awaitable[None]]
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._pumps = pumps
        self._crash = crash
        self._owned: dict[int, Partition] = {}
        self._in_hand: dict[int, asyncio.Task[None]] = {}

    async def acquire(self, tp: TP) -> int | None:
        """Fence, load, and start after the checkpoint."""
        partition = Partition(tp.partition, self._bootstrap_servers, self._pumps)
        try:
            start = await partition.take()
        except BaseException:
            await partition.give_up()
            raise
        self._owned[tp.partition] = partition
        return start

    async def release(self, tps: set[TP]) -> None:
        """Let go, the chunk in hand first: what it has not committed is folded anew by the next owner."""
        for tp in tps:
            partition = self._owned.pop(tp.partition, None)
            if partition is not None:
                await partition.give_up()

    def next_offset(self, tp: TP) -> int | None:
        """The journal offset after the last one committed; the group's offsets are for lag figures only."""
        partition = self._owned.get(tp.partition)
        return None if partition is None else partition.next_offset

    async def decide(self, chunk: Chunk) -> None:
        """Fold a chunk in its partition's next transaction.

        One chunk per partition is in hand; partitions do not wait for each other's transactions.
        """
        number = chunk.tp.partition
        if (before := self._in_hand.get(number)) is not None:
            await asyncio.wait([before])
        partition = self._owned.get(number)
        if partition is not None:
            self._in_hand[number] = asyncio.create_task(self._process(partition, chunk))

    async def _process(self, partition: Partition, chunk: Chunk) -> None:
        try:
            await partition.process(chunk.records)
        except PartitionLost as lost:
            log.info("%s", lost)
            if self._owned.get(partition.number) is partition:
                del self._owned[partition.number]
            await partition.give_up()
        except Exception as error:  # no agent awaits this task: without a crash its failure would go unseen
            await self._crash(error)
