"""一企一档: what the state holds about one subject, and what follows from it. Immutable; a change gives a new file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from eligibility.once import once
from eligibility.values import Value, encode
from schemas.events import RosterEntry

NO_PERIOD = "-"
NO_ITEM = "-"
RECEIPT_POLICY = "receipt_policy"
"""The fact that says of which policy a benefit was received."""


class FactKey(NamedTuple):
    """A fact, and its period's label or the item it describes, or `-`."""

    name: str
    period: str = NO_PERIOD
    item: str = NO_ITEM


class FactValue(NamedTuple):
    """A value with its provenance; `version` is the provider's version that last changed it."""

    value: Value
    provider: str
    version: int
    effective_at: datetime
    arrived_at: datetime


class RosterKey(NamedTuple):
    """A line of a policy's roster: the policy, the item or `-`, and the department that signed it."""

    policy: str
    item: str
    department: str


class PolicyItem(NamedTuple):
    """What a subject is told about: a policy and an item, or `-`."""

    policy: str
    item: str = NO_ITEM


class Match(NamedTuple):
    """An open match: the subject is eligible. `digest` tells whether what was decided has changed since.

    `certificate_to`: the last day of the certificates it depends on; `received`: the benefit was received, and the
    matter is settled.
    """

    policy_version: int
    digest: str
    as_of: datetime
    ends_on: date | None
    amount: str | None
    certificate_to: date | None = None
    received: bool = False


class PeriodItem(NamedTuple):
    """What a match is about, within its subject."""

    policy: str
    period: str = NO_PERIOD
    item: str = NO_ITEM


class Told(NamedTuple):
    """What the subject was told about a policy and item: the push, its period and moment, the reminders given since."""

    effect_id: str
    period: str
    at: datetime
    reminded: tuple[str, ...] = ()


class Wanting(NamedTuple):
    """The one missing fact that would decide: since when it is the only one, and whether the subject was told."""

    fact: FactKey
    since: datetime
    told: bool


class Standing(NamedTuple):
    """What stands between a subject and one policy: its open matches, what it was told, what it lacks."""

    matches: Mapping[PeriodItem, Match] = MappingProxyType({})
    told: Mapping[PolicyItem, Told] = MappingProxyType({})
    wanting: Mapping[PolicyItem, Wanting] = MappingProxyType({})


NOTHING = Standing()


class Standings(Mapping[str, Standing]):
    """What stands between a subject and each policy. Immutable.

    `parts`: by policy, a standing, or what `read` makes one of when it is asked for; none that is empty.
    """

    __slots__ = ("parts", "read")

    def __init__(
        self, parts: Mapping[str, Any] = MappingProxyType({}), read: Callable[[str, Any], Standing] | None = None
    ) -> None:
        self.parts, self.read = parts, read

    @classmethod
    def of(
        cls,
        matches: Mapping[PeriodItem, Match] = MappingProxyType({}),
        told: Mapping[PolicyItem, Told] = MappingProxyType({}),
        wanting: Mapping[PolicyItem, Wanting] = MappingProxyType({}),
    ) -> Standings:
        """What was sorted by what it is, sorted by policy."""
        every: tuple[Mapping[Any, Any], ...] = (matches, told, wanting)
        policies = {key.policy for each in every for key in each}
        return cls(
            {
                policy: Standing(*({key: each[key] for key in each if key.policy == policy} for each in every))
                for policy in policies
            }
        )

    def __getitem__(self, policy: str) -> Standing:
        part = self.parts[policy]
        if isinstance(part, Standing):
            return part
        assert self.read is not None
        return self.read(policy, part)

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __contains__(self, policy: object) -> bool:
        return policy in self.parts

    def changed(self, updates: Mapping[str, Standing]) -> Standings:
        """With some policies' standing replaced."""
        parts = {**self.parts, **updates}
        for policy, standing in updates.items():
            if not any(standing):
                del parts[policy]
        return Standings(parts, self.read)


class Facts(Mapping[FactKey, FactValue]):
    """Facts whose values can be had without where they come from."""

    __slots__ = ()

    def value_of(self, key: FactKey) -> Value | None:
        """A fact's value; None where nobody has said it."""
        raise NotImplementedError

    def own_values(self) -> dict[FactKey, bool | int | str]:
        """The values of the subject's own facts, none of an item's, as `encode` writes them."""
        raise NotImplementedError


class ChangedFacts(Facts):
    """Facts with some replaced or added; None: taken away. Immutable."""

    __slots__ = ("base", "updates")

    def __init__(self, base: Mapping[FactKey, FactValue], updates: Mapping[FactKey, FactValue | None]) -> None:
        self.base: Mapping[FactKey, FactValue] = base.base if isinstance(base, ChangedFacts) else base
        self.updates: Mapping[FactKey, FactValue | None] = updates
        if isinstance(base, ChangedFacts):
            self.updates = {**base.updates, **updates}

    def __getitem__(self, key: FactKey) -> FactValue:
        found: FactValue | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, key: FactKey, default: Any = None) -> Any:
        """The fact, or the default."""
        if key not in self.updates:
            return self.base.get(key, default)
        found = self.updates[key]
        return default if found is None else found

    def value_of(self, key: FactKey) -> Value | None:
        """As `Facts` says."""
        known = self.updates[key] if key in self.updates else _value_of(self.base, key)
        return known.value if isinstance(known, FactValue) else known

    def own_values(self) -> dict[FactKey, bool | int | str]:
        """As `Facts` says."""
        values = own_values(self.base)
        for key, known in self.updates.items():
            if known is None:
                values.pop(key, None)
            elif key.item == NO_ITEM:
                values[key] = encode(known.value)
        return values

    def __iter__(self) -> Iterator[FactKey]:
        yield from (key for key in self.base if key not in self.updates)
        yield from (key for key, value in self.updates.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]


def _value_of(facts: Mapping[FactKey, FactValue], key: FactKey) -> Value | None:
    if isinstance(facts, Facts):
        return facts.value_of(key)
    known = facts.get(key)
    return None if known is None else known.value


def own_values(facts: Mapping[FactKey, FactValue]) -> dict[FactKey, bool | int | str]:
    """As `Facts.own_values`, of any facts."""
    if isinstance(facts, Facts):
        return facts.own_values()
    return {key: encode(known.value) for key, known in facts.items() if key.item == NO_ITEM}


@dataclass(frozen=True)
class SubjectFile:
    """One subject.

    `settled_at` and `settled_sequence`: the moment and the control sequence up to which its matches are decided;
    `due`: per policy, when time alone may next change something.
    """

    subject: str
    facts: Mapping[FactKey, FactValue] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    roster: Mapping[RosterKey, RosterEntry] = field(default_factory=dict)
    standings: Standings = field(default_factory=Standings)
    settled_at: datetime | None = None
    settled_sequence: int = -1
    due: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, subject: str, *, listed: frozenset[str], **parts: Any) -> SubjectFile:
        """A file of all its parts, with what follows from them at hand."""
        made = object.__new__(cls)
        made.__dict__.update(parts, subject=subject, listed=listed)
        return made

    def _with(self, **parts: Any) -> SubjectFile:
        """Another of these parts: what follows from the others stays at hand."""
        made = object.__new__(SubjectFile)
        made.__dict__.update({name: part for name, part in self.__dict__.items() if name not in _FOLLOWING}, **parts)
        return made

    def value_of(self, key: FactKey) -> Value | None:
        """A fact's value; None where nobody has said it."""
        return _value_of(self.facts, key)

    @property
    def matches(self) -> Mapping[PeriodItem, Match]:
        """Every open match."""
        return {key: match for standing in self.standings.values() for key, match in standing.matches.items()}

    @property
    def told(self) -> Mapping[PolicyItem, Told]:
        """All that it was told and that stands."""
        return {key: told for standing in self.standings.values() for key, told in standing.told.items()}

    @property
    def wanting(self) -> Mapping[PolicyItem, Wanting]:
        """Everything for which it lacks one fact."""
        return {key: fact for standing in self.standings.values() for key, fact in standing.wanting.items()}

    @once
    def due_at(self) -> datetime | None:
        """When time alone may next change something for the subject."""
        return min(self.due.values(), default=None)

    @once
    def listed(self) -> frozenset[str]:
        """The policies it is listed on or received."""
        received = {str(known.value) for key, known in self.facts.items() if key.name == RECEIPT_POLICY}
        return frozenset({key.policy for key in self.roster} | received)

    @once
    def tied(self) -> frozenset[str]:
        """The policies it is eligible for, was told of, lacks one fact for, is listed on or received.

        Their moments are kept in `due`; the engine notices those of all others.
        """
        return self.listed.union(self.standings.parts)

    @once
    def near(self) -> frozenset[str]:
        """The policies it is tied to, and those with a moment of their own."""
        return self.tied.union(self.due)

    def with_facts(
        self,
        provider: str,
        version: int,
        values: Mapping[FactKey, Value | None],
        effective_at: datetime,
        at: datetime,
    ) -> SubjectFile:
        """The file after a provider's change: None retracts, a value restated keeps the provenance it had."""
        updates: dict[FactKey, FactValue | None] = {}
        for key, value in values.items():
            known = self.facts.get(key)
            if value is None:
                updates[key] = None
            elif known is None or known.value != value or type(known.value) is not type(value):
                updates[key] = FactValue(value, provider, version, effective_at, at)
        facts = ChangedFacts(self.facts, updates) if updates else self.facts
        made = self._with(facts=facts, versions={**self.versions, provider: version})
        if any([key.name == RECEIPT_POLICY for key in values]):
            made.__dict__.pop("listed", None)
        else:  # what it is near follows from its facts by its receipts alone
            made.__dict__["near"] = self.near
        return made

    def with_roster_entry(self, department: str, entry: RosterEntry) -> SubjectFile:
        """The file after a department's roster line; one that is not newer than what it has changes nothing."""
        key = RosterKey(entry.policy, entry.item or NO_ITEM, department)
        known = self.roster.get(key)
        if known is not None and entry.roster_version <= known.roster_version:
            return self
        made = self._with(roster={**self.roster, key: entry})
        made.__dict__.pop("listed", None)
        return made

    def settled(
        self, at: datetime, sequence: int, standings: Mapping[str, Standing], due: Mapping[str, datetime]
    ) -> SubjectFile:
        """The file decided up to a moment and control sequence: what stands with some policies, and what is due."""
        changed = self.standings.changed(standings) if standings else self.standings
        return self._with(standings=changed, due=due, settled_at=at, settled_sequence=sequence)


_FOLLOWING = {"due_at", "tied", "near"}
