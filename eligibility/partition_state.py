"""What one journal partition has decided so far, with the two indexes a roll-out and time need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from zlib import crc32

from eligibility.registry import Registry
from eligibility.subject_file import SubjectFile

BUCKETS = 256


def bucket_of(subject: str) -> int:
    """The hash bucket of a subject: a slice of a roll-out is a run of buckets, whatever rows stand where."""
    return (crc32(subject.encode()) >> 8) % BUCKETS


@dataclass
class PartitionState:
    """One partition.

    `offset`: the last journal offset folded. `high_waters`: the last source record taken, per origin partition.
    `pump`: the last pump consumed. `next_bucket` and `buckets_left`: where the open roll-out stands; a change of rules
    during one starts the count anew.
    """

    partition: int
    offset: int = -1
    registry: Registry = field(default_factory=Registry)
    high_waters: dict[str, tuple[int, int]] = field(default_factory=dict)
    pump: int = 0
    next_bucket: int = 0
    buckets_left: int = 0
    quarantined: int = 0
    _files: dict[str, SubjectFile] = field(default_factory=dict)
    _buckets: list[set[str]] = field(default_factory=lambda: [set() for _ in range(BUCKETS)])
    _due: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def files(self) -> Mapping[str, SubjectFile]:
        """Every subject's file."""
        return self._files

    def put(self, file: SubjectFile) -> None:
        """Take a subject's new file."""
        known = self._files.get(file.subject)
        self._files[file.subject] = file
        self._buckets[bucket_of(file.subject)].add(file.subject)
        if file.due_at is not None and (known is None or known.due_at != file.due_at):
            heappush(self._due, (file.due_at, file.subject))

    def bucket(self, number: int) -> list[str]:
        """The subjects of a bucket, in order."""
        return sorted(self._buckets[number])

    def due(self, now: datetime, most: int) -> list[str]:
        """The first `most` subjects due by `now`, by due time and key."""
        taken: list[tuple[datetime, str]] = []
        while len(taken) < most and (entry := self._first_due(now)) is not None:
            heappop(self._due)
            if not taken or taken[-1] != entry:
                taken.append(entry)
        for entry in taken:
            heappush(self._due, entry)
        return [subject for _, subject in taken]

    @property
    def open_work(self) -> bool:
        """Whether a pump would find something to do."""
        now = self.registry.now
        return now is not None and (self.buckets_left > 0 or self._first_due(now) is not None)

    def _first_due(self, now: datetime) -> tuple[datetime, str] | None:
        while self._due:
            moment, subject = self._due[0]
            if self._files[subject].due_at == moment:
                return (moment, subject) if moment <= now else None
            heappop(self._due)  # the subject's file has changed since
        return None
