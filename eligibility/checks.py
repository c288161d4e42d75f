"""What a fact is held against: bounds, sets, subtrees, ages and days; and counts known within limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import cast

from eligibility.business_time import anniversary, earliest, whole_years
from eligibility.kleene import Truth, all_of
from eligibility.values import Value

BEGINNING = date(1900, 1, 1)
"""From when a number that is not dated holds."""


@dataclass(frozen=True)
class Threshold:
    """A bound on a number: constant, or a dated parameter whose value is the latest one begun."""

    operator: str
    steps: tuple[tuple[date, Fraction], ...]

    @property
    def dated(self) -> bool:
        """Whether the reference date matters."""
        return self.steps[-1][0] > BEGINNING

    def on(self, day: date) -> Fraction | None:
        """The bound on a day; None before its first value."""
        if len(self.steps) == 1:  # a constant, as nearly all are
            begins, value = self.steps[0]
            return value if begins <= day else None
        return next((value for begins, value in reversed(self.steps) if begins <= day), None)

    def changes_after(self, day: date) -> date | None:
        """The next day on which it takes another value."""
        if len(self.steps) == 1:
            begins = self.steps[0][0]
            return begins if begins > day else None
        return next((begins for begins, _ in self.steps if begins > day), None)

    def holds(self, number: Fraction | int, day: date) -> Truth:
        """The comparison; unknown while the parameter has no value yet."""
        bound = self.on(day)
        if bound is None:
            return None
        # As integers: a fraction's own comparison takes five times as long.
        return COMPARE[self.operator](number.numerator * bound.denominator, bound.numerator * number.denominator)


COMPARE: dict[str, Callable[[Fraction | int, Fraction | int], bool]] = {
    "≥": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "≤": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
}


@dataclass(frozen=True)
class Between:
    """A number within bounds."""

    thresholds: tuple[Threshold, ...]

    @property
    def dated(self) -> bool:
        """Whether the reference date matters."""
        return any(threshold.dated for threshold in self.thresholds)

    def holds(self, value: Value, day: date) -> Truth:
        return all_of([threshold.holds(cast(int, value), day) for threshold in self.thresholds])

    def changes_after(self, value: Value | None, day: date) -> date | None:
        del value
        return earliest(*[threshold.changes_after(day) for threshold in self.thresholds])


@dataclass(frozen=True)
class OneOf:
    """A code, an identifier or a boolean among those named."""

    members: frozenset[str | bool]
    dated = False

    def holds(self, value: Value, day: date) -> Truth:
        return value in self.members

    def changes_after(self, value: Value | None, day: date) -> date | None:
        return None


@dataclass(frozen=True)
class Within:
    """A region or industry in one of the subtrees: the trees are by prefix."""

    roots: tuple[str, ...]
    dated = False

    def holds(self, value: Value, day: date) -> Truth:
        return cast(str, value).startswith(self.roots)

    def changes_after(self, value: Value | None, day: date) -> date | None:
        return None


@dataclass(frozen=True)
class YearsAgo:
    """Whole years since a date."""

    between: Between
    dated = True

    def holds(self, value: Value, day: date) -> Truth:
        return self.between.holds(whole_years(cast(date, value), day), day)

    def changes_after(self, value: Value | None, day: date) -> date | None:
        if value is None:
            return None
        since = cast(date, value)
        return earliest(anniversary(since, whole_years(since, day) + 1), self.between.changes_after(value, day))


@dataclass(frozen=True)
class CalendarYearsAgo:
    """The calendar year less that of a date."""

    between: Between
    dated = True

    def holds(self, value: Value, day: date) -> Truth:
        return self.between.holds(day.year - cast(date, value).year, day)

    def changes_after(self, value: Value | None, day: date) -> date | None:
        return earliest(date(day.year + 1, 1, 1), self.between.changes_after(value, day))


@dataclass(frozen=True)
class NotPast:
    """A date that has not passed, such as the last day of a certificate."""

    dated = True

    def holds(self, value: Value, day: date) -> Truth:
        return cast(date, value) >= day

    def changes_after(self, value: Value | None, day: date) -> date | None:
        return cast(date, value) + timedelta(days=1) if value is not None and cast(date, value) >= day else None


Check = Between | OneOf | Within | YearsAgo | CalendarYearsAgo | NotPast


def count_holds(thresholds: Sequence[Threshold], least: Fraction, most: Fraction | None, day: date) -> Truth:
    """Bounds on a number of which only the limits are known; `most` None: there is no limit."""
    found: list[Truth] = []
    for threshold in thresholds:
        at_least = threshold.holds(least, day)
        at_most = None if most is None else threshold.holds(most, day)
        lower = threshold.operator in "≥>"
        if at_least is None:
            found.append(None)
        elif at_least is lower:  # the least is enough, or already too many
            found.append(lower)
        elif at_most is not lower and at_most is not None:
            found.append(not lower)
        else:
            found.append(None)
    return all_of(found)


def proves_itself(thresholds: Sequence[Threshold], value: Truth) -> bool:
    """Whether a count that holds does so by what is there alone: it has lower bounds only, which more cannot undo."""
    return value is True and all(threshold.operator in "≥>" for threshold in thresholds)
