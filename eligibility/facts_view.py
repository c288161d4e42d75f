"""What a subject's facts are, seen from one day: base and derived, with where each comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from eligibility.business_time import next_period_start, period_kind, relative_label, start_of
from eligibility.catalogue import Catalogue
from eligibility.once import once
from eligibility.subject_file import NO_ITEM, NO_PERIOD, FactKey, FactValue, SubjectFile
from eligibility.values import Value
from schemas.catalogue import FactDeclaration, FactType, PeriodKind
from schemas.policy import RelativePeriod, SubjectKind

PERSON_PREFIX = "p-"


class MissingFact(NamedTuple):
    """A base fact nobody has said, or a list nobody says is complete, and the provider who holds it."""

    name: str
    period: str
    item: str
    provider: str


class Source(NamedTuple):
    """A base fact as it was said; `complete_as_of`: it was not, and follows from a list complete since then."""

    key: FactKey
    value: FactValue
    complete_as_of: date | None = None


class Observation(NamedTuple):
    """A fact on a day. `value` None: unknown, and `missing` says why. `changes_on`: another period then."""

    name: str
    period: str
    item: str
    value: Value | None
    sources: tuple[Source, ...]
    missing: frozenset[MissingFact]
    changes_on: date | None = None
    derived: bool = False


class FactsView:
    """A subject's facts on one day.

    `catalogue` declares the base facts, `derived` defines the others. A name in neither is refused by KeyError:
    policies are checked against both before they get here.
    """

    def __init__(self, file: SubjectFile, catalogue: Catalogue, derived: Mapping[str, Derived], today: date) -> None:
        self.file = file
        self.catalogue = catalogue
        self.definitions = derived
        self.today = today
        self.receipts: Sequence[object] | None = None  # kept by eligibility.receipts, which reads them over and over
        self._today_seen: dict[tuple[str, RelativePeriod | None, str], Observation] = {}
        self._base_seen: dict[tuple[str, str, str], Observation] = {}
        self._derived_seen: dict[tuple[str, str, date], Observation] = {}

    def get(
        self, name: str, period: RelativePeriod | None = None, *, item: str = NO_ITEM, day: date | None = None
    ) -> Observation:
        """The fact at a period relative to a day, or without one; the day is today unless an event's is given."""
        if day is not None:
            label = NO_PERIOD if period is None else relative_label(day, period)
            return self.at(name, label, item=item, day=day)
        seen = self._today_seen.get((name, period, item))
        if seen is None:
            seen = self._today_seen[name, period, item] = self._get_today(name, period, item)
        return seen

    def _get_today(self, name: str, period: RelativePeriod | None, item: str) -> Observation:
        if period is None:
            return self.at(name, NO_PERIOD, item=item)
        seen = self.at(name, relative_label(self.today, period), item=item)
        turns = next_period_start(self.today, period_kind(period))
        return seen._replace(changes_on=turns if seen.changes_on is None else min(turns, seen.changes_on))

    def at(self, name: str, period: str = NO_PERIOD, *, item: str = NO_ITEM, day: date | None = None) -> Observation:
        """The fact at a period's label, or of an item; `day`: the day that derived facts refer to, if not today."""
        base = self.catalogue.facts.get(name)
        if base is None:
            on = self.today if day is None else day
            derived = self._derived_seen.get((name, period, on))
            if derived is None:
                derived = self.definitions[name].observe(self, period, on)
                self._derived_seen[name, period, on] = derived
            return derived if day is None else derived._replace(changes_on=None)
        seen = self._base_seen.get((name, period, item))
        if seen is None:
            seen = self._base_seen[name, period, item] = self._base(base, FactKey(name, period, item))
        return seen

    def value(self, name: str, period: RelativePeriod | None = None) -> Value | None:
        """The value of `get`, without where it comes from: several times as fast, for base facts."""
        if name not in self.catalogue.facts or name == "kind":
            return self.get(name, period).value
        label = NO_PERIOD if period is None else relative_label(self.today, period)
        value = self.file.value_of(FactKey(name, label))
        if value is not None:
            return value
        return None if self.catalogue.complete_as_of(name, self.today) is None else False

    def items(self, listed: str) -> Sequence[str]:
        """The items of a list of which something is known, in order."""
        return self._items.get(listed, ())

    @once
    def _items(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, set[str]] = {}
        for key in self.file.facts:
            if key.item != NO_ITEM:
                listed = self.catalogue.facts[key.name].list
                assert listed is not None  # intake takes items of lists only
                found.setdefault(listed, set()).add(key.item)
        return {listed: sorted(items) for listed, items in found.items()}

    def incomplete(self, listed: str) -> frozenset[MissingFact]:
        """What is missing about a list today: nothing, where its provider says that it is complete."""
        if self.catalogue.complete_as_of(listed, self.today) is not None:
            return frozenset()
        return frozenset({MissingFact(listed, NO_PERIOD, NO_ITEM, self.catalogue.lists[listed].provider)})

    def completes_on(self, listed: str) -> date | None:
        """The day to come from which a list will be complete, if its provider has said so."""
        return self.catalogue.completes_on(listed, self.today)

    def completeness(self, listed: str) -> tuple[Source, ...]:
        """The provider's word that a list is complete, as a source; none where there is none."""
        as_of = self.catalogue.complete_as_of(listed, self.today)
        if as_of is None:
            return ()
        return (_absent(FactKey(listed), self.catalogue.lists[listed].provider, as_of),)

    def _base(self, declaration: FactDeclaration, key: FactKey) -> Observation:
        if key.name == "kind" and self.file.subject.startswith(PERSON_PREFIX):  # the key says it, whatever is said
            return Observation(*key, SubjectKind.PERSON.value, (), frozenset(), derived=True)
        known = self.file.facts.get(key)
        if known is not None:
            return Observation(*key, known.value, (Source(key, known),), frozenset())
        as_of = self.catalogue.complete_as_of(key.name, self.today)
        if as_of is not None:
            return Observation(*key, False, (_absent(key, declaration.provider, as_of),), frozenset())
        missing = frozenset({MissingFact(*key, declaration.provider)})
        return Observation(*key, None, (), missing, self.catalogue.completes_on(key.name, self.today))


def _absent(key: FactKey, provider: str, as_of: date) -> Source:
    moment = start_of(as_of)
    return Source(key, FactValue(False, provider, 0, moment, moment), as_of)


Inputs = Callable[[FactsView, str, date], list[Observation]]
Compute = Callable[[Sequence[Value]], Value | None]


@dataclass(frozen=True)
class Derived:
    """A derived fact: its type, the base facts it can need, its inputs, and what follows once all are known.

    `dated`: its inputs follow the reference date even without a period of its own.
    """

    name: str
    type: FactType
    period: PeriodKind | None
    base_facts: tuple[str, ...]
    inputs: Inputs
    compute: Compute
    codes: tuple[str, ...] = ()
    dated: bool = False

    def observe(self, view: FactsView, period: str, day: date) -> Observation:
        """The fact at a period's label, seen from a day; every input's source and lack is carried along."""
        inputs = self.inputs(view, period, day)
        values = [observation.value for observation in inputs]
        known = [value for value in values if value is not None]
        rolls = [o.changes_on for o in inputs if o.changes_on is not None]
        return Observation(
            name=self.name,
            period=period,
            item=NO_ITEM,
            value=self.compute(known) if len(known) == len(values) else None,
            sources=tuple(source for o in inputs for source in o.sources),
            missing=frozenset(missing for o in inputs for missing in o.missing),
            changes_on=min(rolls, default=None),
            derived=True,
        )
