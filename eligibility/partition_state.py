"""What one journal partition has decided so far, with the two indexes a roll-out and time need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from zlib import crc32

from eligibility.engine import Engine, Mark
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
    `pump`: the last pump consumed. `next_bucket`, `next_subject` and `buckets_left`: where the open roll-out stands; a
    change of rules during one starts the count anew. `marks`: up to where the subjects of each bucket are settled,
    whatever their files say.
    """

    partition: int
    offset: int = -1
    registry: Registry = field(default_factory=Registry)
    high_waters: dict[str, tuple[int, int]] = field(default_factory=dict)
    pump: int = 0
    next_bucket: int = 0
    next_subject: str = ""
    buckets_left: int = 0
    quarantined: int = 0
    marks: list[Mark | None] = field(default_factory=lambda: [None] * BUCKETS)
    engine: Engine = field(default_factory=Engine)
    _files: dict[str, SubjectFile] = field(default_factory=dict)
    _buckets: list[set[str]] = field(default_factory=lambda: [set() for _ in range(BUCKETS)])
    _due: list[tuple[datetime, str]] = field(default_factory=list)
    _near: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def files(self) -> Mapping[str, SubjectFile]:
        """Every subject's file."""
        return self._files

    def put(self, file: SubjectFile) -> None:
        """Take a subject's new file."""
        known = self._files.get(file.subject)
        self._files[file.subject] = file
        before = frozenset() if known is None else known.near
        for policy_id in before - file.near:
            self._near[policy_id].discard(file.subject)
        for policy_id in file.near - before:
            self._near[policy_id].add(file.subject)
        if known is None or known.facts is not file.facts:
            self.engine.put(file, self.registry)
        self._buckets[bucket_of(file.subject)].add(file.subject)
        if file.due_at is not None and (known is None or known.due_at != file.due_at):
            heappush(self._due, (file.due_at, file.subject))

    def open_roll_out(self) -> None:
        """Every bucket is to be looked at, beginning with the one at hand."""
        self.buckets_left, self.next_subject = BUCKETS, ""

    def mark_of(self, subject: str) -> Mark | None:
        """Up to where a subject's bucket is settled."""
        return self.marks[bucket_of(subject)]

    @property
    def near(self) -> Mapping[str, Set[str]]:
        """The subjects near each policy."""
        return self._near

    def concerned(self, number: int, now: datetime) -> list[str]:
        """The subjects of a bucket for whom something may have changed since its mark, in order; what is due apart."""
        subjects = self.bucket(number)
        if not subjects:
            return []
        outdated = self.engine.outdated(subjects, self.registry)
        self.engine.refresh((self._files[subject] for subject in outdated), self.registry)
        mark = self.marks[number]
        found = None if mark is None else self.engine.concerned(subjects, self._near, self.registry, mark, now)
        return subjects if found is None else sorted(found)

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
