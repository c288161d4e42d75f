"""一企一档: what the state holds about one subject, and what follows from it. Immutable; a change gives a new file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from eligibility.values import Value
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


def _empty() -> Mapping[Any, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class SubjectFile:
    """One subject.

    `settled_at` and `settled_sequence`: the moment and the control sequence up to which its matches are decided;
    `due`: per policy, when time alone may next change something.
    """

    subject: str
    facts: Mapping[FactKey, FactValue] = field(default_factory=_empty)
    versions: Mapping[str, int] = field(default_factory=_empty)
    roster: Mapping[RosterKey, RosterEntry] = field(default_factory=_empty)
    matches: Mapping[PeriodItem, Match] = field(default_factory=_empty)
    told: Mapping[PolicyItem, Told] = field(default_factory=_empty)
    wanting: Mapping[PolicyItem, Wanting] = field(default_factory=_empty)
    settled_at: datetime | None = None
    settled_sequence: int = -1
    due: Mapping[str, datetime] = field(default_factory=_empty)

    @cached_property
    def due_at(self) -> datetime | None:
        """When time alone may next change something for the subject."""
        return min(self.due.values(), default=None)

    @cached_property
    def tied(self) -> frozenset[str]:
        """The policies it is eligible for, was told of, lacks one fact for, is listed on or received.

        Their moments are kept in `due`; the engine notices those of all others.
        """
        kept: list[PeriodItem | PolicyItem | RosterKey] = [*self.matches, *self.told, *self.wanting, *self.roster]
        received = {str(known.value) for key, known in self.facts.items() if key.name == RECEIPT_POLICY}
        return frozenset({key.policy for key in kept} | received)

    @cached_property
    def near(self) -> frozenset[str]:
        """The policies it is tied to, and those with a moment of their own."""
        return self.tied | self.due.keys()

    def with_facts(
        self,
        provider: str,
        version: int,
        values: Mapping[FactKey, Value | None],
        effective_at: datetime,
        at: datetime,
    ) -> SubjectFile:
        """The file after a provider's change: None retracts, a value restated keeps the provenance it had."""
        facts = dict(self.facts)
        for key, value in values.items():
            known = facts.get(key)
            if value is None:
                facts.pop(key, None)
            elif known is None or known.value != value or type(known.value) is not type(value):
                facts[key] = FactValue(value, provider, version, effective_at, at)
        return replace(self, facts=facts, versions={**self.versions, provider: version})

    def with_roster_entry(self, department: str, entry: RosterEntry) -> SubjectFile:
        """The file after a department's roster line; one that is not newer than what it has changes nothing."""
        key = RosterKey(entry.policy, entry.item or NO_ITEM, department)
        known = self.roster.get(key)
        if known is not None and entry.roster_version <= known.roster_version:
            return self
        return replace(self, roster={**self.roster, key: entry})
