"""Conditions, compiled: a tree of tests, evaluated on one day in Kleene's logic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple, cast

from eligibility.business_time import anniversary, whole_years
from eligibility.facts_view import FactsView, MissingFact, Observation
from eligibility.kleene import Truth, all_of, any_of, negation
from eligibility.values import Value
from schemas.policy import RelativePeriod


class Ground(NamedTuple):
    """One test's outcome on a day, and the fact it rests on."""

    condition: str
    value: Truth
    observation: Observation


class Outcome(NamedTuple):
    """A condition's value on a day.

    `missing`: base facts that are unknown and matter; `changes_on`: the next day on which time alone may change it.
    """

    value: Truth
    grounds: tuple[Ground, ...]
    missing: frozenset[MissingFact]
    changes_on: date | None


def combined(value: Truth, deciding: Sequence[Outcome]) -> Outcome:
    """An outcome from those that decide it: their grounds, what they lack, and when the first of them may change."""
    grounds: list[Ground] = []
    missing: frozenset[MissingFact] = frozenset()
    changes_on: date | None = None
    for outcome in deciding:
        grounds.extend(outcome.grounds)
        if outcome.value is None:
            missing |= outcome.missing
        changes_on = earliest(changes_on, outcome.changes_on)
    return Outcome(value, tuple(grounds), missing, changes_on)


def earliest(*days: date | None) -> date | None:
    """The first of the days given."""
    first = None
    for day in days:
        if day is not None and (first is None or day < first):
            first = day
    return first


@dataclass(frozen=True)
class Threshold:
    """A bound on a number: constant, or a dated parameter whose value is the latest one begun."""

    operator: str
    steps: tuple[tuple[date, Fraction], ...]

    def on(self, today: date) -> Fraction | None:
        """The bound on a day; None before its first value."""
        return next((value for begins, value in reversed(self.steps) if begins <= today), None)

    def changes_after(self, today: date) -> date | None:
        """The next day on which it takes another value."""
        return next((begins for begins, _ in self.steps if begins > today), None)

    def holds(self, number: Fraction | int, today: date) -> Truth:
        """The comparison; unknown while the parameter has no value yet."""
        bound = self.on(today)
        if bound is None:
            return None
        return _COMPARE[self.operator](number, bound)


_COMPARE: dict[str, Callable[[Fraction | int, Fraction], bool]] = {
    "≥": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "≤": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
}


@dataclass(frozen=True)
class Between:
    """A number within bounds."""

    thresholds: tuple[Threshold, ...]

    def holds(self, value: Value, today: date) -> Truth:
        return all_of(t.holds(cast(int, value), today) for t in self.thresholds)

    def changes_after(self, value: Value | None, today: date) -> date | None:
        del value
        return earliest(*(t.changes_after(today) for t in self.thresholds))


@dataclass(frozen=True)
class OneOf:
    """A code or boolean among those named."""

    members: frozenset[str | bool]

    def holds(self, value: Value, today: date) -> Truth:
        return value in self.members

    def changes_after(self, value: Value | None, today: date) -> date | None:
        return None


@dataclass(frozen=True)
class Within:
    """A region or industry in one of the subtrees: the trees are by prefix."""

    roots: tuple[str, ...]

    def holds(self, value: Value, today: date) -> Truth:
        return cast(str, value).startswith(self.roots)

    def changes_after(self, value: Value | None, today: date) -> date | None:
        return None


@dataclass(frozen=True)
class YearsAgo:
    """Whole years since a date, on the reference date: today, so a tick can change it."""

    between: Between

    def holds(self, value: Value, today: date) -> Truth:
        return self.between.holds(whole_years(cast(date, value), today), today)

    def changes_after(self, value: Value | None, today: date) -> date | None:
        if value is None:
            return None
        since = cast(date, value)
        return earliest(anniversary(since, whole_years(since, today) + 1), self.between.changes_after(value, today))


Check = Between | OneOf | Within | YearsAgo


@dataclass(frozen=True)
class Test:
    """A leaf: a fact, at a period, held against a check."""

    text: str
    fact: str
    period: RelativePeriod | None
    check: Check

    def evaluate(self, view: FactsView) -> Outcome:
        seen = view.get(self.fact, self.period)
        value = None if seen.value is None else self.check.holds(seen.value, view.today)
        return Outcome(
            value,
            (Ground(self.text, value, seen),),
            seen.missing if value is None else frozenset(),
            earliest(seen.changes_on, self.check.changes_after(seen.value, view.today)),
        )


@dataclass(frozen=True)
class Group:
    """All or any of the parts; `decisive` is the value by which one part decides: False for all, True for any.

    The grounds are those of the parts that decide: the decisive ones where there are any, else all. What the other
    parts rest on, or lack, makes no difference and is not named, and time passing there changes nothing.
    """

    decisive: bool
    parts: tuple[Node, ...]

    def evaluate(self, view: FactsView) -> Outcome:
        outcomes = [part.evaluate(view) for part in self.parts]
        value = (any_of if self.decisive else all_of)(outcome.value for outcome in outcomes)
        deciding = [o for o in outcomes if o.value is self.decisive] if value is self.decisive else outcomes
        return combined(value, deciding)


@dataclass(frozen=True)
class Negated:
    """Not its part."""

    part: Node

    def evaluate(self, view: FactsView) -> Outcome:
        outcome = self.part.evaluate(view)
        return Outcome(negation(outcome.value), outcome.grounds, outcome.missing, outcome.changes_on)


Node = Test | Group | Negated


def conjunction(*parts: Node) -> Group:
    """All of the parts."""
    return Group(False, parts)


def disjunction(*parts: Node) -> Group:
    """Any of the parts."""
    return Group(True, parts)
