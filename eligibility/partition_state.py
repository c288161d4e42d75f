"""What one journal partition has decided so far, with the indexes that changes, roll-outs and time need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import islice
from zlib import crc32

from eligibility.engine import Engine, Mark
from eligibility.file_record import Names, decode_file, encode_file, read_due, read_near
from eligibility.registry import Registry
from eligibility.subject_file import SubjectFile

BUCKETS = 256


def bucket_of(subject: str) -> int:
    """The hash bucket of a subject: a slice of a roll-out is a run of buckets, whatever rows stand where."""
    return (crc32(subject.encode()) >> 8) % BUCKETS


class _Files(Mapping[str, SubjectFile]):
    """Records, read one by one: as objects they would take some twenty times the memory."""

    def __init__(self, records: Mapping[str, bytes], names: Names) -> None:
        self._records, self._names = records, names

    def __getitem__(self, subject: str) -> SubjectFile:
        return decode_file(subject, self._records[subject], self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, subject: object) -> bool:
        return subject in self._records


@dataclass
class PartitionState:
    """One partition.

    `offset`: the last journal offset folded. `high_waters`: the last source record taken, per origin partition.
    `pump`: the last pump consumed. `next_bucket`, `next_subject` and `buckets_left`: where the open roll-out stands; a
    change of rules during one starts the count anew. `marks`: up to where the subjects of each bucket are settled,
    whatever their files say. `names`: the dictionary of the files' records.
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
    names: Names = field(default_factory=Names)
    _records: dict[str, bytes] = field(default_factory=dict)
    _buckets: list[set[str]] = field(default_factory=lambda: [set() for _ in range(BUCKETS)])
    _due: list[tuple[datetime, str]] = field(default_factory=list)
    _due_at: dict[str, datetime] = field(default_factory=dict)
    _near: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _unsorted: dict[str, None] = field(default_factory=dict)
    _outdated: list[str] = field(default_factory=list)

    @property
    def files(self) -> Mapping[str, SubjectFile]:
        """Every subject's file, read from its record whenever it is asked for."""
        return _Files(self._records, self.names)

    @property
    def records(self) -> Mapping[str, bytes]:
        """Every subject's file as its state record: what is held in memory."""
        return self._records

    def put(self, file: SubjectFile, before: SubjectFile | None) -> None:
        """Take a subject's new file; `before`: the one it had, if any, from which the new one was made."""
        if before is None or before.facts is not file.facts:
            self.engine.put(file, self.registry)
        subject, known = file.subject, frozenset[str]() if before is None else before.near
        if subject in self._unsorted:
            del self._unsorted[subject]
            known = frozenset()
        self._records[subject] = encode_file(file, self.names)
        self._sort(subject, file.near, known)
        self._set_due(subject, file.due_at)

    def load(self, records: Mapping[str, bytes]) -> None:
        """Take subjects' files from their state records, instead of those they may have had.

        Of each only when it is due is read. The rest is done by `sort` and `refresh`, or when it is asked for.
        """
        for subject in (records.keys() & self._records.keys()) - self._unsorted.keys():
            self._sort(subject, frozenset(), read_near(subject, self._records[subject], self.names))
        for subject, record in records.items():
            self._set_due(subject, read_due(subject, record, self.names))
        self._records.update(records)
        self._unsorted.update(dict.fromkeys(records))
        self.engine.meet_all(records)
        self._outdated += records

    def sort(self, most: int | None = None) -> bool:
        """Know of some subjects that were loaded, or of all, where they belong; returns whether there are more."""
        for subject in list(islice(self._unsorted, most)):
            self._sort(subject, read_near(subject, self._records[subject], self.names), frozenset())
            del self._unsorted[subject]
        return bool(self._unsorted)

    def refresh(self, most: int) -> bool:
        """Write the columns of some subjects that were loaded; returns whether there are more. Nothing depends on it
        but how long a roll-out takes."""
        if self.registry.now is None or not self._outdated:
            return False
        some = self._outdated[-most:]
        del self._outdated[-most:]
        self._refresh(some)
        return bool(self._outdated)

    def _refresh(self, subjects: Sequence[str]) -> None:
        outdated = self.engine.outdated(subjects, self.registry)
        self.engine.refresh((self.files[subject] for subject in outdated), self.registry)

    def _sort(self, subject: str, near: frozenset[str], known: frozenset[str]) -> None:
        """`near`: the policies a subject is near; `known`: those it was near before."""
        self._buckets[bucket_of(subject)].add(subject)
        if known is not near:
            for policy_id in known - near:
                self._near[policy_id].discard(subject)
            for policy_id in near - known:
                self._near[policy_id].add(subject)

    def _set_due(self, subject: str, due_at: datetime | None) -> None:
        if due_at is None:
            self._due_at.pop(subject, None)
        elif self._due_at.get(subject) != due_at:
            self._due_at[subject] = due_at
            heappush(self._due, (due_at, subject))

    def open_roll_out(self) -> None:
        """Every bucket is to be looked at, beginning with the one at hand."""
        self.buckets_left, self.next_subject = BUCKETS, ""

    def near(self, policy_id: str) -> Set[str]:
        """The subjects near a policy, as `SubjectFile.near` says."""
        self.sort()
        return self._near.get(policy_id, frozenset())

    def mark_of(self, subject: str) -> Mark | None:
        """Up to where a subject's bucket is settled."""
        return self.marks[bucket_of(subject)]

    def concerned(self, number: int, now: datetime) -> list[str]:
        """The subjects of a bucket for whom something may have changed since its mark, in order; what is due apart.

        Columns that are of another period, or lack what a new policy reads, are written anew on the way.
        """
        subjects = self.bucket(number)
        if not subjects:
            return []
        self._refresh(subjects)
        mark = self.marks[number]
        found = None if mark is None else self.engine.concerned(subjects, self._near, self.registry, mark, now)
        return subjects if found is None else sorted(found)

    def bucket(self, number: int) -> list[str]:
        """The subjects of a bucket, in order."""
        self.sort()
        return sorted(self._buckets[number])

    def bucket_size(self, number: int) -> int:
        """How many subjects a bucket has."""
        self.sort()
        return len(self._buckets[number])

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
            if self._due_at.get(subject) == moment:
                return (moment, subject) if moment <= now else None
            heappop(self._due)  # the subject's file has changed since
        return None
