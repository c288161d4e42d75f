"""What a cluster has recorded of a journal partition: the journal, the committed state and the committed effects.

All of it is read while workers go on, so the order counts: a checkpoint first, and what it promises only once it can
be read, since a transaction becomes visible partition by partition.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from eligibility.partition_state import PartitionState
from eligibility.reducer import Folded, fold
from schemas.topics import DECISIONS, JOURNAL, NOTICES, REJECTED, STATE
from streams.checkpoints import read_checkpoint
from streams.control import read_registry
from streams.errors import StopPartition
from streams.partition import recover
from streams.reading import read_to_end, reader
from zhida.comparison import Committed, Differences, Reach
from zhida.messages import WRONG, FileRefused, in_one_line
from zhida.snapshots import FOLDER, Snapshot, kept_snapshots
from zhida.stack import StackError

READABLE_WITHIN = 30.0  # seconds; an open transaction of a worker that died is ended by the broker sooner
LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Recorded:
    """The records of one journal partition of a cluster. `journal`: the generation of its journal topic."""

    partition: int
    journal: str
    _committed: AIOKafkaConsumer
    _all: AIOKafkaConsumer

    async def ends(self) -> tuple[int, int]:
        """The journal's first offset that is still kept, and the one after its last."""
        tp = TopicPartition(JOURNAL, self.partition)
        return (await self._all.beginning_offsets([tp]))[tp], (await self._all.end_offsets([tp]))[tp]

    async def checkpoint(self) -> int:
        """The journal offset up to which effects may be committed: at least that of all which could be read before."""
        await self._readable([STATE])
        return (await read_checkpoint(self._committed, self.partition)).offset

    async def state(self) -> PartitionState:
        """The committed state as of its checkpoint.

        It is read twice, the second time from where the first ended: what compaction took away meanwhile has a
        successor there.
        """
        first = await recover(self._committed, self.partition)
        return (await recover(self._committed, self.partition, first)).state

    async def effects(self, since: Reach, differences: Differences) -> Committed:
        """The committed effects: all that the checkpoints read before promise, perhaps more."""
        topics = (DECISIONS, NOTICES, REJECTED)
        await self._readable(topics)
        tps = {topic: TopicPartition(topic, self.partition) for topic in topics}
        begins = await self._committed.beginning_offsets(list(tps.values()))
        committed = Committed({topic: begins[tp] for topic, tp in tps.items()}, since, differences)
        for topic, tp in tps.items():
            async for record in read_to_end(self._committed, tp):
                committed.take(topic, record.offset, record.key, record.value)
        return committed

    async def journal_from(self, start: int, upto: int) -> AsyncIterator[tuple[int, bytes]]:
        """Offset and value of the journal's records from an offset up to another, which is the last.

        Raises StopPartition where the journal ends before.
        """
        last = start - 1
        if last < upto:
            async for record in read_to_end(self._all, TopicPartition(JOURNAL, self.partition), start):
                if record.offset > upto:
                    break
                last = record.offset
                yield last, record.value
        if last < upto:
            raise StopPartition(f"journal partition {self.partition} ends at {last}; up to {upto} was committed")

    async def _readable(self, topics: Sequence[str]) -> None:
        """Wait until what stands in the partition of some topics now is open to readers of committed records."""
        tps = [TopicPartition(topic, self.partition) for topic in topics]
        ends = await self._all.end_offsets(tps)
        try:
            async with asyncio.timeout(READABLE_WITHIN):
                while True:
                    open_to = await self._committed.end_offsets(tps)
                    if all(open_to[tp] >= ends[tp] for tp in tps):
                        return
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError as error:
            told = f"a transaction of partition {self.partition} has been open for {READABLE_WITHIN:.0f} s"
            raise StackError(f"{told}: is its worker stuck?") from error


@asynccontextmanager
async def recorded(bootstrap_servers: str, partition: int) -> AsyncIterator[Recorded]:
    """Read what a cluster has recorded of a partition."""
    registry = await read_registry(bootstrap_servers)
    async with reader(bootstrap_servers) as committed, reader(bootstrap_servers, committed=False) as everything:
        yield Recorded(partition, registry.generations.get(JOURNAL, ""), committed, everything)


def fold_next(state: PartitionState, offset: int, value: bytes) -> Folded:
    """Fold a journal record, the next one. Raises StopPartition where another should have come before it."""
    if offset > state.offset + 1:
        raise StopPartition(
            f"journal partition {state.partition}: record {offset} follows {state.offset}; what stood between is gone"
        )
    return fold(state, offset, value)


def file_records(file: Path, partition: int) -> Iterator[tuple[int, bytes]]:
    """Offset and value of a partition's records in an exported journal. Raises FileRefused for a line of none."""
    try:
        lines = file.open(encoding="utf-8")
    except OSError as error:
        raise FileRefused(f"{file}: {error.strerror}") from error
    with lines:
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
                if entry["partition"] != partition:
                    continue
                offset, value = int(entry["offset"]), json.dumps(entry["record"], ensure_ascii=False).encode()
            except WRONG as error:
                told = f"{file}, line {number}: this is no record of an exported journal ({in_one_line(error)})"
                raise FileRefused(told) from error
            yield offset, value


@dataclass(frozen=True)
class Beginnings:
    """From where a partition's journal can be folded: empty, where it is whole, and from kept snapshots, by offset."""

    partition: int
    first: int
    snapshots: Sequence[Snapshot]
    refused: Sequence[str] = ()

    @classmethod
    async def of(cls, cluster: Recorded, folder: Path) -> Beginnings:
        """Those of a cluster's journal as it is kept now, with the snapshots in the stack's folder."""
        first, _ = await cluster.ends()
        return cls(cluster.partition, first, *kept_snapshots(folder / FOLDER, cluster.partition, cluster.journal))

    def earliest(self, upto: int) -> PartitionState:
        """The state with which the longest fold up to an offset begins. Raises StopPartition if there is none."""
        return PartitionState(self.partition) if self.first == 0 else self._usable(upto)[0].load()

    def latest(self, upto: int) -> PartitionState:
        """The state with which the shortest fold begins: one of the offset itself only if there is no other, so that it
        is not compared with itself. Raises StopPartition if there is none."""
        if before := [snapshot for snapshot in self._reaching(upto) if snapshot.offset < upto]:
            return before[-1].load()
        return self.earliest(upto)

    def at(self, offset: int) -> list[Snapshot]:
        """The snapshots of an offset."""
        return [snapshot for snapshot in self.snapshots if snapshot.offset == offset]

    def _reaching(self, upto: int) -> list[Snapshot]:
        return [snapshot for snapshot in self.snapshots if self.first - 1 <= snapshot.offset <= upto]

    def _usable(self, upto: int) -> list[Snapshot]:
        if usable := self._reaching(upto):
            return usable
        text = (
            f"journal partition {self.partition} begins at {self.first}, and no kept snapshot of it goes on to {upto}"
        )
        raise StopPartition("; ".join((text, *self.refused[:1])))
