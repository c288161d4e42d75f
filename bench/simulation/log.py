"""Kafka's log in memory: offsets with markers, transactions, fencing by epoch, the last stable offset, compaction.

What a broker does, at one moment each and without waiting; the way there and back is `clients.Network`'s. The contract
suite in tests/streams/test_log_contract.py asserts the same of this and of a real broker.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

Headers = Sequence[tuple[str, bytes]]
Later = Callable[[float, Callable[[], object]], None]
"""Seconds from now, and what to call then."""

TRANSACTION_TIMEOUT = 10.0  # seconds until the broker aborts it, as streams.producers asks for
TIME_0 = 1_704_067_200_000  # milliseconds; the moment the log begins


class Decided(Enum):
    """What became of a transaction."""

    COMMITTED = "committed"
    ABORTED = "aborted"


class New(NamedTuple):
    """A record to be appended."""

    key: bytes | None
    value: bytes | None
    headers: Headers


class Appended(NamedTuple):
    """A record that readers of committed records see from now on, and where it stands."""

    tp: TopicPartition
    offset: int
    record: New


@dataclass(eq=False, slots=True)
class Transaction:
    """One transaction: the partitions that it still keeps unstable, and what it wrote."""

    unmarked: set[TopicPartition] = field(default_factory=set)
    written: list[Appended] = field(default_factory=list)
    decided: Decided | None = None


class Entry(NamedTuple):
    """An offset of a partition; a marker has no record."""

    offset: int
    timestamp: int
    record: New | None
    transaction: Transaction | None


class PartitionLog:
    """One partition."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.start = 0
        self.end = 0
        self.unstable: dict[Transaction, int] = {}
        self.waiting: list[asyncio.Future[None]] = []

    @property
    def last_stable(self) -> int:
        """The offset up to which everything is decided."""
        return min(self.unstable.values(), default=self.end)

    def append(self, timestamp: int, record: New | None, transaction: Transaction | None) -> int:
        """Write a record, or a marker; returns its offset."""
        offset, self.end = self.end, self.end + 1
        self.entries.append(Entry(offset, timestamp, record, transaction))
        if transaction is not None and transaction.decided is None:
            self.unstable.setdefault(transaction, offset)
        elif transaction is not None:
            self.unstable.pop(transaction, None)
        for waiting in self.waiting:
            if not waiting.done():
                waiting.set_result(None)
        self.waiting = []
        return offset

    def read(self, position: int, most: int, *, committed: bool) -> tuple[list[Entry], int]:
        """At most `most` records from a position on, and the position after them and what they hide."""
        limit = self.last_stable if committed else self.end
        found: list[Entry] = []
        for entry in self.entries[bisect_left(self.entries, position, key=lambda each: each.offset) :]:
            if entry.offset >= limit:
                break
            if len(found) == most:
                return found, position
            position = entry.offset + 1
            aborted = entry.transaction is not None and entry.transaction.decided is Decided.ABORTED
            if entry.record is not None and not (committed and aborted):
                found.append(entry)
        return found, max(position, limit)

    def compact(self, before: int) -> None:
        """Keep, of what is stable and stands before an offset, the last record per key, and no marker."""
        before = min(before, self.last_stable)
        last: dict[bytes | None, int] = {}
        for entry in self.entries:
            if entry.record is not None and not _hidden(entry):
                last[entry.record.key] = entry.offset
        self.entries = [
            entry
            for entry in self.entries
            if entry.offset >= before
            or (entry.record is not None and not _hidden(entry) and last[entry.record.key] == entry.offset)
        ]

    def delete(self, before: int) -> None:
        """Drop everything before an offset, as retention does."""
        self.start = max(self.start, min(before, self.end))
        self.entries = [entry for entry in self.entries if entry.offset >= self.start]


def _hidden(entry: Entry) -> bool:
    return entry.transaction is not None and entry.transaction.decided is not Decided.COMMITTED


@dataclass(eq=False, slots=True)
class _Owner:
    """A transactional id."""

    epoch: int = 0
    open: Transaction | None = None
    ending: Transaction | None = None


class Log:
    """All partitions, and the coordinator of transactions. `later` calls back after some of the broker's own time."""

    def __init__(self, now: Callable[[], float], later: Later, marking: Callable[[], float]) -> None:
        self.now = now
        self._later = later
        self._marking = marking
        self._partitions: dict[TopicPartition, PartitionLog] = {}
        self._owners: dict[str, _Owner] = {}
        self.tape: list[list[Appended]] = []
        """What became visible to readers of committed records, at once each."""
        self._digest = blake2b(digest_size=8)

    @property
    def digest(self) -> str:
        """Of everything written, in its order: equal runs have equal ones."""
        return self._digest.hexdigest()

    def partition(self, tp: TopicPartition) -> PartitionLog:
        """A partition, which is there once it is asked for."""
        found = self._partitions.get(tp)
        if found is None:
            found = self._partitions[tp] = PartitionLog()
        return found

    def append(self, tp: TopicPartition, records: Iterable[New]) -> int:
        """Write records that stand alone, as one batch; returns the first one's offset."""
        written = [Appended(tp, self._write(tp, record, None), record) for record in records]
        self.tape += [[each] for each in written]
        return written[0].offset

    def initialise(self, transactional_id: str) -> int | None:
        """Fence the former producers of an id and give the new one its epoch; None: come back, something of theirs is
        being ended."""
        owner = self._owners.setdefault(transactional_id, _Owner())
        if owner.open is not None:
            owner.epoch += 1
            self._decide(owner, Decided.ABORTED)
        if owner.ending is not None:
            return None
        owner.epoch += 1
        return owner.epoch

    def produce(self, transactional_id: str, epoch: int, tp: TopicPartition, records: Iterable[New]) -> int | None:
        """Write records in the producer's transaction, as one batch; returns the first one's offset. None: come back,
        its last transaction is being ended.

        Raises ProducerFenced.
        """
        owner = self._owner(transactional_id, epoch)
        if owner.ending is not None:
            return None
        if owner.open is None:
            begun = owner.open = Transaction()
            self._later(TRANSACTION_TIMEOUT, lambda: self._expire(owner, begun))
        transaction = owner.open
        transaction.unmarked.add(tp)
        written = [Appended(tp, self._write(tp, record, transaction), record) for record in records]
        transaction.written += written
        return written[0].offset

    def end(self, transactional_id: str, epoch: int, decided: Decided) -> None:
        """Decide the producer's transaction. Its markers follow; readers see them one by one.

        Raises ProducerFenced.
        """
        owner = self._owner(transactional_id, epoch)
        if owner.open is not None:
            self._decide(owner, decided)

    def _owner(self, transactional_id: str, epoch: int) -> _Owner:
        owner = self._owners[transactional_id]
        if owner.epoch != epoch:
            raise ProducerFenced
        return owner

    def _expire(self, owner: _Owner, transaction: Transaction) -> None:
        if owner.open is transaction:
            owner.epoch += 1
            self._decide(owner, Decided.ABORTED)

    def _decide(self, owner: _Owner, decided: Decided) -> None:
        assert owner.open is not None
        transaction, owner.open = owner.open, None
        owner.ending, transaction.decided = transaction, decided
        if decided is Decided.COMMITTED:
            self.tape.append(transaction.written)
        for tp in sorted(transaction.unmarked):
            self._later(self._marking(), lambda tp=tp: self._mark(owner, transaction, tp))  # type: ignore[misc]

    def _mark(self, owner: _Owner, transaction: Transaction, tp: TopicPartition) -> None:
        self._write(tp, None, transaction)
        transaction.unmarked.discard(tp)
        if not transaction.unmarked:
            owner.ending = None

    def _write(self, tp: TopicPartition, record: New | None, transaction: Transaction | None) -> int:
        offset = self.partition(tp).append(TIME_0 + int(self.now() * 1000), record, transaction)
        self._digest.update(f"{tp.topic}/{tp.partition}@{offset}".encode())
        if record is not None:
            self._digest.update((record.key or b"") + (record.value or b""))
        return offset
