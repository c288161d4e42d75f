"""What is committed held against what a fold of the journal gives: effects one by one, states record by record. Pure.

Of the committed effects a digest each is held, of the folded ones none: they are compared as they come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import NamedTuple

from pydantic import ValidationError

from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.state import canonical_records
from schemas.decisions import Decision
from schemas.notices import Notice
from schemas.rejected import Rejected
from schemas.topics import CATALOGUE, DECISIONS, JOURNAL, NOTICES, REJECTED
from streams.outputs import effect_output

SHOWN = 20
"""Differences told one by one; further ones are counted."""

EFFECTS: dict[str, type[Effect]] = {DECISIONS: Decision, NOTICES: Notice, REJECTED: Rejected}
"""The topics of effects, and what stands on each."""


@dataclass
class Differences:
    """How many there are of each kind, and a line each for the first."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def add(self, kind: str, text: str) -> None:
        """Take one more."""
        self.counts[kind] += 1
        if len(self.lines) < SHOWN:
            self.lines.append(f"{kind}: {text}")

    def __len__(self) -> int:
        return self.counts.total()

    def told(self) -> list[str]:
        """One line per difference, and how many more there are."""
        more = len(self) - len(self.lines)
        return [*self.lines, f"and {more} more"] if more else self.lines


class Reach(NamedTuple):
    """How far a fold has come, by journal position, by pump and by origin: so which effects it has given."""

    offset: int
    pump: int
    high_waters: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, state: PartitionState) -> Reach:
        """How far a state has come; it may go on."""
        return cls(state.offset, state.pump, dict(state.high_waters))

    def has(self, topic: str, effect_id: str) -> bool:
        """Whether the effect of an id lies within; a notice names no journal position, but its id does its origin.

        Raises ValueError for an id that is none of the fold's.
        """
        if topic == REJECTED and effect_id.startswith(f"{JOURNAL}/"):  # the fold itself refused it
            return _place(effect_id)[1] <= self.offset
        origin = effect_id if topic == REJECTED else effect_id.partition(":")[2].rpartition(":")[0]
        if origin.startswith("pump/"):
            return int(origin.removeprefix("pump/")) <= self.pump
        source, offset, ordinal = _place(origin)
        return (offset, ordinal) <= self.high_waters.get(source, (-1, -1))


def _place(origin: str) -> tuple[str, int, int]:
    """An origin's text, taken apart: source, offset, ordinal."""
    source, _, place = origin.rpartition("@")
    offset, _, ordinal = place.partition(".")
    return source, int(offset), int(ordinal)


def effect_id(effect: Effect) -> str:
    """The id by which an effect is dropped when it comes again; of a rejection, where the refused record stands."""
    return str(effect.origin) if isinstance(effect, Rejected) else effect.effect_id


class Seen(NamedTuple):
    """A committed effect: where it stands, and a digest of topic, key and content."""

    topic: str
    offset: int
    digest: bytes


class Committed:
    """The committed effects of a partition, record by record as they are read; those a fold's start has are left out.

    `begins`: the first offset each topic partition still holds. What is wrong by itself goes to `differences`.
    """

    def __init__(self, begins: Mapping[str, int], since: Reach, differences: Differences) -> None:
        self.begins, self.since, self.differences = begins, since, differences
        self.effects: dict[str, Seen] = {}
        self.reached: dict[str, int] = {}
        self.latest: dict[bytes, int] = {}
        self.repeated_at: int | None = None

    def take(self, topic: str, offset: int, key: bytes, value: bytes | None) -> None:
        """Take the next record of a topic of effects."""
        if CATALOGUE[topic].cleanup == "compact":
            if key in self.latest and self.repeated_at is None:
                self.repeated_at = offset
            self.latest[key] = offset
        if value is None:  # a tombstone
            return
        try:
            effect = EFFECTS[topic].model_validate_json(value)
        except ValidationError:
            self.differences.add("invented", f"{topic}@{offset} is none of its topic's effects")
            return
        identity = effect_id(effect)
        try:
            begun = self.since.has(topic, identity)
        except ValueError:
            self.differences.add("invented", f"{topic}@{offset}: effect {identity} has no id of the fold's")
            return
        if begun:
            self.reached[topic] = offset
        elif (before := self.effects.get(identity)) is not None:
            self.differences.add("duplicate", f"{topic}@{offset}: effect {identity}, as {before.topic}@{before.offset}")
        else:
            self.effects[identity] = Seen(topic, offset, _digest(topic, key, effect.model_dump_json().encode()))


class Comparison:
    """Committed effects, met one by one by those a fold gives, in the fold's order."""

    def __init__(self, committed: Committed) -> None:
        self.committed, self.differences = committed, committed.differences
        self.met = 0
        self._reached = dict(committed.reached)
        self._last: dict[tuple[str, str], int] = {}

    def meet(self, offset: int, effect: Effect, *, required: bool = True) -> None:
        """Hold an effect that the journal record at `offset` led to against the committed one of its id.

        `required`: it must be committed, unless its topic may have dropped it.
        """
        identity, output = effect_id(effect), effect_output(effect)
        seen = self.committed.effects.pop(identity, None)
        if seen is None:
            if required and not self._may_be_gone(output.topic, output.key):
                text = f"effect {identity} of journal offset {offset} is not on {output.topic}"
                self.differences.add("lost", text)
            return
        self.met += 1
        where = f"{seen.topic}@{seen.offset}: effect {identity} of journal offset {offset}"
        if seen.digest != _digest(output.topic, output.key, output.value):
            self.differences.add("altered", f"{where} says something else than the fold")
        line = seen.topic, _subject(effect)
        if seen.offset < self._last.get(line, -1):
            self.differences.add("out_of_order", f"{where} stands before one that its subject had earlier")
        else:
            self._last[line] = seen.offset
        self._reached[seen.topic] = max(seen.offset, self._reached.get(seen.topic, -1))

    def _may_be_gone(self, topic: str, key: bytes) -> bool:
        """Whether a topic may have dropped an effect that stood behind all those met so far.

        Retention drops what is before all that is there. Compaction drops what a later record of its key follows; up
        to where it has come no key stands twice, so behind the first that does nothing can have been dropped.
        """
        reached = self._reached.get(topic, -1)
        if CATALOGUE[topic].cleanup == "delete":
            return reached < 0 < self.committed.begins[topic]
        repeated = self.committed.repeated_at
        return self.committed.latest.get(key, -1) > reached and (repeated is None or reached + 1 < repeated)

    def end(self, reach: Reach | None = None) -> None:
        """No more effects come: those that were not met are invented; with `reach`, those that lie within it."""
        for identity, seen in self.committed.effects.items():
            if reach is None or reach.has(seen.topic, identity):
                self.differences.add(
                    "invented", f"{seen.topic}@{seen.offset}: the fold does not give effect {identity}"
                )


def _subject(effect: Effect) -> str:
    match effect:
        case Decision():
            return effect.match.subject
        case Notice():
            return effect.matter.subject
        case Rejected():
            return ""


def _digest(topic: str, key: bytes, content: bytes) -> bytes:
    return blake2b(b"\0".join((topic.encode(), key, content)), digest_size=16).digest()


def kind_of(effect: Effect) -> str:
    """How an effect is counted: decision, push, reminder or rejection."""
    match effect:
        case Decision():
            return "decision"
        case Notice():
            return effect.kind.value
        case Rejected():
            return "rejection"


def record_digests(state: PartitionState) -> dict[str, bytes]:
    """A digest of each canonical state record, by its key."""
    return {key: blake2b(record, digest_size=16).digest() for key, record in canonical_records(state).items()}


def state_digest(records: Mapping[str, bytes]) -> str:
    """One digest of a whole state from those of its records, whatever their order."""
    whole = sha256()
    for key in sorted(records):
        whole.update(b"%d %b %b" % (len(key), key.encode(), records[key]))
    return whole.hexdigest()


def compare_states(what: str, given: Mapping[str, bytes], folded: Mapping[str, bytes], found: Differences) -> None:
    """Hold state records, by their digests, against those of a fold; `what` names those given."""
    for key in sorted(given.keys() | folded.keys()):
        if key not in folded:
            found.add("state", f"{what} has the record {key}, which the fold does not give")
        elif key not in given:
            found.add("state", f"{what} lacks the record {key} of the fold")
        elif given[key] != folded[key]:
            found.add("state", f"{what} has another record {key} than the fold")
