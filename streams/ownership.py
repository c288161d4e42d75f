"""Who owns which journal partitions, and how far each is folded: the positions of the eligibility role."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaProducer
from faust.types import TP

from streams.chunks import Chunk
from streams.clients import Clients
from streams.crash_points import crash_point
from streams.errors import PartitionLost, StopWorker
from streams.partition import Partition, Snapshot, Turns

log = logging.getLogger(__name__)

SESSION_TIMEOUT = 8.0  # seconds without a heartbeat until the group takes a worker's partitions away
SNAPSHOTS_KEPT = 3_600.0  # seconds; far less than the day for which a compacted topic keeps its tombstones


class Ownership:
    """The partitions this worker owns. A chunk of any other is dropped: its owner has it."""

    def __init__(
        self, clients: Clients, pumps: AIOKafkaProducer, crash: Callable[[BaseException], Awaitable[None]]
    ) -> None:
        self._clients = clients
        self._pumps = pumps
        self._crash = crash
        self._owned: dict[int, Partition] = {}
        self._kept: dict[int, tuple[float, Snapshot]] = {}
        self._turns = Turns(crash)
        self._assignments: dict[int, int] = {}
        self._watching: set[asyncio.Task[None]] = set()

    async def acquire(self, tp: TP) -> int | None:
        """Fence, load, and start after the checkpoint."""
        self._assignments[tp.partition] = self._assignments.get(tp.partition, 0) + 1
        kept = self._snapshot(tp.partition)
        partition = Partition(tp.partition, self._clients, self._pumps, self._turns, kept)
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
            self._assignments[tp.partition] = self._assignments.get(tp.partition, 0) + 1
        owned = [partition for tp in tps if (partition := self._owned.pop(tp.partition, None)) is not None]
        await crash_point("revoke.begun", f"{len(owned)} partitions to be let go")
        left = await asyncio.gather(*(partition.give_up() for partition in owned), return_exceptions=True)
        for partition, snapshot in zip(owned, left, strict=True):
            if isinstance(snapshot, BaseException):
                raise snapshot
            if snapshot is not None:
                self._kept[partition.number] = time.monotonic(), snapshot
        await crash_point("revoke.released", f"{len(owned)} partitions let go")

    def _snapshot(self, number: int) -> Snapshot | None:
        """What was in memory when a partition was let go. Too old a one may lack what was deleted since, and the
        tombstone of it is gone, too."""
        since = time.monotonic() - SNAPSHOTS_KEPT
        self._kept = {each: kept for each, kept in self._kept.items() if kept[0] > since}
        _, snapshot = self._kept.pop(number, (since, None))
        return snapshot

    def next_offset(self, tp: TP) -> int | None:
        """The journal offset after the last one committed; the group's offsets are for lag figures only."""
        partition = self._owned.get(tp.partition)
        return None if partition is None else partition.next_offset

    async def decide(self, chunk: Chunk) -> None:
        """Fold a chunk and commit what it leads to; what `Partition.process` raises is raised, but for a fence."""
        partition = self._owned.get(chunk.tp.partition)
        if partition is None:
            return
        try:
            await partition.process(chunk.records)
        except PartitionLost as lost:
            log.info("%s", lost)
            if self._owned.get(partition.number) is partition:
                del self._owned[partition.number]
                assignment = self._assignments.get(partition.number)
                watch = asyncio.create_task(self._end_if_still_ours(partition, assignment, lost))
                self._watching.add(watch)
                watch.add_done_callback(self._watching.discard)

    async def _end_if_still_ours(self, partition: Partition, assignment: int | None, lost: PartitionLost) -> None:
        """A fenced owner is quiet only where the group takes the partition away; else nobody would fold it."""
        try:
            await partition.give_up()
            await asyncio.sleep(2 * SESSION_TIMEOUT)
            if self._assignments.get(partition.number) == assignment:
                raise StopWorker(f"{lost}, yet the group still assigns it here: a restart takes it back")
        except Exception as error:
            await self._crash(error)
