"""What a subject's facts are, seen from one day: base and derived, with where each comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from eligibility.business_time import next_period_start, period_kind, relative_label
from eligibility.subject_file import NO_PERIOD, FactKey, FactValue, SubjectFile
from eligibility.values import Value
from schemas.catalogue import FactDeclaration, FactType, PeriodKind
from schemas.policy import RelativePeriod


class MissingFact(NamedTuple):
    """A base fact nobody has said, and the provider who holds it."""

    name: str
    period: str
    provider: str


class Source(NamedTuple):
    """A base fact as it was said."""

    key: FactKey
    value: FactValue


class Observation(NamedTuple):
    """A fact on a day. `value` None: unknown, and `missing` says why. `changes_on`: another period then."""

    name: str
    period: str
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

    def __init__(
        self,
        file: SubjectFile,
        catalogue: Mapping[str, FactDeclaration],
        derived: Mapping[str, Derived],
        today: date,
    ) -> None:
        self.file = file
        self.catalogue = catalogue
        self.definitions = derived
        self.today = today
        self._seen: dict[tuple[str, str | RelativePeriod], Observation] = {}

    def get(self, name: str, period: RelativePeriod | None = None) -> Observation:
        """The fact at a period relative to today, or without one."""
        if period is None:
            return self.at(name, NO_PERIOD)
        seen = self._seen.get((name, period))
        if seen is None:
            rolls_on = next_period_start(self.today, period_kind(period))
            seen = self.at(name, relative_label(self.today, period))._replace(changes_on=rolls_on)
            self._seen[name, period] = seen
        return seen

    def at(self, name: str, period: str) -> Observation:
        """The fact at a period's label, or `-`."""
        seen = self._seen.get((name, period))
        if seen is None:
            base = self.catalogue.get(name)
            seen = self.definitions[name].observe(self, period) if base is None else self._base(base, period)
            self._seen[name, period] = seen
        return seen

    def _base(self, declaration: FactDeclaration, period: str) -> Observation:
        key = FactKey(declaration.name, period)
        known = self.file.facts.get(key)
        if known is None:
            missing = frozenset({MissingFact(declaration.name, period, declaration.provider)})
            return Observation(declaration.name, period, None, (), missing)
        return Observation(declaration.name, period, known.value, (Source(key, known),), frozenset())


Inputs = Callable[[FactsView, str], list[Observation]]
Compute = Callable[[Sequence[Value]], Value | None]


@dataclass(frozen=True)
class Derived:
    """A derived fact: its type, the base facts it can need, its inputs, and what follows once all are known."""

    name: str
    type: FactType
    period: PeriodKind | None
    base_facts: tuple[str, ...]
    inputs: Inputs
    compute: Compute
    codes: tuple[str, ...] = ()

    def observe(self, view: FactsView, period: str) -> Observation:
        """The fact at a period's label; every input's source and lack is carried along."""
        inputs = self.inputs(view, period)
        values = [observation.value for observation in inputs]
        known = [value for value in values if value is not None]
        rolls = [o.changes_on for o in inputs if o.changes_on is not None]
        return Observation(
            name=self.name,
            period=period,
            value=self.compute(known) if len(known) == len(values) else None,
            sources=tuple(source for o in inputs for source in o.sources),
            missing=frozenset(missing for o in inputs for missing in o.missing),
            changes_on=min(rolls, default=None),
            derived=True,
        )
