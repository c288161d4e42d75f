"""Conditions, compiled: a tree of tests, evaluated on one day in Kleene's logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple, cast

from eligibility.business_time import anniversary, whole_years
from eligibility.derived import RECEIPTS
from eligibility.facts_view import FactsView, MissingFact, Observation
from eligibility.kleene import Truth, all_of, any_of, negation
from eligibility.receipts import Receipt, receipts_seen, unknown_receipts
from eligibility.subject_file import NO_ITEM, NO_PERIOD, PeriodItem
from eligibility.values import Value
from schemas.policy import RelativePeriod


@dataclass(frozen=True)
class Scope:
    """Where a condition is evaluated: the facts of a day, the match that is decided, the items its lists stand at.

    `own`: the items as they were before any list within a condition was gone through.
    """

    view: FactsView
    key: PeriodItem
    items: Mapping[str, str]
    own: Mapping[str, str]

    def at_item(self, listed: str, item: str) -> Scope:
        """The same, with a list standing at an item."""
        return replace(self, items={**self.items, listed: item})


class Ground(NamedTuple):
    """One test's outcome on a day, and the fact it rests on."""

    condition: str
    value: Truth
    observation: Observation


class Outcome(NamedTuple):
    """A condition's value on a day.

    `missing`: base facts that are unknown and matter; `changes_on`: the next day on which time alone may change it;
    `holds_until`: where it is true thanks to certificates, the last day of those it needs; `undefined`: some test has
    no value though nothing is missing, such as a share of nobody or a parameter before its first value.
    """

    value: Truth
    grounds: tuple[Ground, ...]
    missing: frozenset[MissingFact]
    changes_on: date | None
    holds_until: date | None = None
    undefined: bool = False


def combined(value: Truth, deciding: Sequence[Outcome], holds_until: date | None = None) -> Outcome:
    """An outcome from those that decide it: their grounds, what they lack, and when the first of them may change."""
    grounds: list[Ground] = []
    missing: frozenset[MissingFact] = frozenset()
    changes_on: date | None = None
    undefined = False
    for outcome in deciding:
        grounds.extend(outcome.grounds)
        if outcome.value is None:
            missing |= outcome.missing
            undefined = undefined or outcome.undefined
        changes_on = earliest(changes_on, outcome.changes_on)
    return Outcome(value, tuple(grounds), missing, changes_on, holds_until, undefined)


def earliest(*days: date | None) -> date | None:
    """The first of the days given."""
    first = None
    for day in days:
        if day is not None and (first is None or day < first):
            first = day
    return first


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
        return next((value for begins, value in reversed(self.steps) if begins <= day), None)

    def changes_after(self, day: date) -> date | None:
        """The next day on which it takes another value."""
        return next((begins for begins, _ in self.steps if begins > day), None)

    def holds(self, number: Fraction | int, day: date) -> Truth:
        """The comparison; unknown while the parameter has no value yet."""
        bound = self.on(day)
        if bound is None:
            return None
        return COMPARE[self.operator](number, bound)


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
        return all_of(t.holds(cast(int, value), day) for t in self.thresholds)

    def changes_after(self, value: Value | None, day: date) -> date | None:
        del value
        return earliest(*(t.changes_after(day) for t in self.thresholds))


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


@dataclass(frozen=True)
class Reading:
    """How a condition reads a fact: at which period, of the current item of which list, as of which event's day.

    `reference` None: as of today.
    """

    fact: str
    period: RelativePeriod | None = None
    listed: str | None = None
    reference: Reading | None = None
    own: bool = False

    def day(self, scope: Scope) -> tuple[date | None, Observation | None]:
        """The reference date, and where it is an event's the fact that gives it; None while that is unknown."""
        if self.reference is None:
            return scope.view.today, None
        return self.reference.day_of(scope)

    def day_of(self, scope: Scope) -> tuple[date | None, Observation]:
        """The day this date fact gives, as a reference date."""
        seen = self.at(scope, None)
        return cast("date | None", seen.value), seen

    def at(self, scope: Scope, event: date | None) -> Observation:
        """The fact as of an event's day, or of today without one."""
        items = scope.own if self.own else scope.items
        item = NO_ITEM if self.listed is None else items[self.listed]
        return scope.view.get(self.fact, self.period, item=item, day=event)


def _undated(text: str, reference: Observation) -> Outcome:
    return Outcome(None, (Ground(text, None, reference),), reference.missing, reference.changes_on)


def _referred(reference: Observation | None) -> tuple[Ground, ...]:
    return () if reference is None else (Ground(f"{reference.name} is the reference date", True, reference),)


@dataclass(frozen=True)
class Test:
    """A leaf: a fact held against a check."""

    text: str
    reading: Reading
    check: Check

    def evaluate(self, scope: Scope) -> Outcome:
        day, reference = self.reading.day(scope)
        if day is None:
            assert reference is not None
            return _undated(self.text, reference)
        seen = self.reading.at(scope, None if reference is None else day)
        value = None if seen.value is None else self.check.holds(seen.value, day)
        changes_on = seen.changes_on
        if reference is None:  # what refers to an event, no tick can change
            changes_on = earliest(changes_on, self.check.changes_after(seen.value, day))
        return Outcome(
            value,
            (Ground(self.text, value, seen), *_referred(reference)),
            seen.missing if value is None else frozenset(),
            changes_on,
            cast(date, seen.value) if value is True and reference is None and isinstance(self.check, NotPast) else None,
            undefined=value is None and not seen.missing,
        )


@dataclass(frozen=True)
class Versus:
    """A leaf: a fact held against the same or another fact of the item the policy is decided for."""

    text: str
    reading: Reading
    operator: str
    own: Reading

    def evaluate(self, scope: Scope) -> Outcome:
        seen, own = self.reading.at(scope, None), self.own.at(scope, None)
        value: Truth = None
        if seen.value is not None and own.value is not None:
            value = COMPARE[self.operator](cast(int, seen.value), cast(int, own.value))
        missing = seen.missing | own.missing
        grounds = (Ground(self.text, value, seen), Ground(self.text, value, own))
        changes_on = earliest(seen.changes_on, own.changes_on)
        return Outcome(value, grounds, missing if value is None else frozenset(), changes_on)


def _counted(thresholds: Sequence[Threshold], least: Fraction, most: Fraction | None, day: date) -> Truth:
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


@dataclass(frozen=True)
class Counted:
    """A leaf: how many items of a list meet a condition, or their share of a fact."""

    text: str
    listed: str
    where: Node | None
    thresholds: tuple[Threshold, ...]
    whole: Reading | None
    reference: Reading | None

    def evaluate(self, scope: Scope) -> Outcome:
        day, reference = Reading(self.listed, reference=self.reference).day(scope)
        if day is None:
            assert reference is not None
            return _undated(self.text, reference)
        view, event = scope.view, None if reference is None else day
        whole = None if self.whole is None else self.whole.at(scope, event)
        outcomes = [self._of(scope, item) for item in view.items(self.listed)]
        met = [outcome for outcome in outcomes if outcome.value is True]
        open_ = [outcome for outcome in outcomes if outcome.value is None]
        unlisted = view.incomplete(self.listed)
        least, most = Fraction(len(met)), None if unlisted else Fraction(len(met) + len(open_))
        missing = unlisted.union(*(outcome.missing for outcome in open_))
        value: Truth = None
        if whole is None:
            value = _counted(self.thresholds, least, most, day)
        elif whole.value is None:
            missing |= whole.missing
        elif whole.value:  # of nobody, no share is defined
            number = Fraction(cast(int, whole.value))
            least, most = least / number, None if most is None else most / number
            value = _counted(self.thresholds, least, most, day)
        enough = value is True and all(threshold.operator in "≥>" for threshold in self.thresholds)
        parts = Fraction(1) if whole is None or whole.value is None else Fraction(cast(int, whole.value))
        holds_until = self._holds_until(met, parts, day) if enough else None
        sources = {s: None for o in (met if enough else outcomes) for g in o.grounds for s in g.observation.sources}
        if not enough:
            sources.update(dict.fromkeys(view.completeness(self.listed)))
        seen = Observation(
            self.listed,
            NO_PERIOD,
            NO_ITEM,
            None if value is None else len(met),
            tuple(sources),
            missing if value is None else frozenset(),
            derived=True,
        )
        grounds = [Ground(self.text, value, seen)]
        if whole is not None:
            grounds.append(Ground(self.text, value, whole))
        changes = [view.completes_on(self.listed), *(outcome.changes_on for outcome in outcomes)]
        if reference is None:
            changes += [t.changes_after(day) for t in self.thresholds] + [None if whole is None else whole.changes_on]
        lacks = missing if value is None else frozenset()
        undefined = value is None and (not lacks or any(outcome.undefined for outcome in open_))
        return Outcome(value, (*grounds, *_referred(reference)), lacks, earliest(*changes), holds_until, undefined)

    def _holds_until(self, met: Sequence[Outcome], parts: Fraction, day: date) -> date | None:
        """The last day on which enough items still meet the condition, as their certificates end one by one."""
        ends = sorted(outcome.holds_until for outcome in met if outcome.holds_until is not None)
        for ended, end in enumerate(ends, start=1):
            if _counted(self.thresholds, Fraction(len(met) - ended) / parts, None, day) is not True:
                return end
        return None

    def _of(self, scope: Scope, item: str) -> Outcome:
        at = scope.at_item(self.listed, item)
        if self.where is None:
            known = sorted(name for name, f in scope.view.catalogue.facts.items() if f.list == self.listed)
            seen = [o for name in known if (o := scope.view.at(name, item=item)).sources]
            return Outcome(True, tuple(Ground(self.text, True, o) for o in seen), frozenset(), None)
        return self.where.evaluate(at)


@dataclass(frozen=True)
class ReceivedTimes:
    """A leaf: how often any of some policies was received; for the current item of a list, where one is named."""

    text: str
    policies: frozenset[str]
    listed: str | None
    this_year: bool
    thresholds: tuple[Threshold, ...]
    reference: Reading | None

    def evaluate(self, scope: Scope) -> Outcome:
        day, reference = Reading(RECEIPTS, reference=self.reference).day(scope)
        if day is None:
            assert reference is not None
            return _undated(self.text, reference)
        view = scope.view
        certain: list[Receipt] = []
        possible: list[Receipt] = []
        missing = unknown_receipts(view)
        unlimited = bool(missing)
        for receipt, doubts in receipts_seen(view, scope.key):
            counts, lacks = self._counts(scope, receipt, day)
            if counts is True and not doubts:
                certain.append(receipt)
            elif counts is not False:
                possible.append(receipt)
                missing |= lacks | doubts
        most = None if unlimited else Fraction(len(certain) + len(possible))
        value = _counted(self.thresholds, Fraction(len(certain)), most, day)
        sources = {s: None for receipt in certain for o in receipt.named for s in o.sources}
        if not (value is True and all(threshold.operator in "≥>" for threshold in self.thresholds)):
            sources.update(dict.fromkeys(view.completeness(RECEIPTS)))
        seen = Observation(
            RECEIPTS,
            NO_PERIOD,
            NO_ITEM,
            None if value is None else len(certain),
            tuple(sources),
            missing if value is None else frozenset(),
            derived=True,
        )
        turns = view.completes_on(RECEIPTS)
        if reference is None:
            new_year = date(day.year + 1, 1, 1) if self.this_year else None
            turns = earliest(turns, new_year, *(t.changes_after(day) for t in self.thresholds))
        grounds = (Ground(self.text, value, seen), *_referred(reference))
        return Outcome(value, grounds, missing if value is None else frozenset(), turns)

    def _counts(self, scope: Scope, receipt: Receipt, day: date) -> tuple[Truth, frozenset[MissingFact]]:
        """Whether a receipt counts, and what is missing to say so."""
        if receipt.key is None:
            return None, receipt.named[0].missing
        if receipt.key.policy not in self.policies:
            return False, frozenset()
        if self.listed is not None and receipt.key.item != scope.items[self.listed]:
            return False, frozenset()
        if not self.this_year:
            return True, frozenset()
        return (None if receipt.day is None else receipt.day.year == day.year), receipt.on.missing


@dataclass(frozen=True)
class Group:
    """All or any of the parts; `decisive` is the value by which one part decides: False for all, True for any.

    The grounds are those of the parts that decide: the decisive ones where there are any, else all. What the other
    parts rest on, or lack, makes no difference and is not named, and time passing there changes nothing.
    """

    decisive: bool
    parts: tuple[Node, ...]

    def evaluate(self, scope: Scope) -> Outcome:
        return _grouped(self.decisive, [part.evaluate(scope) for part in self.parts])


def conjoined(*outcomes: Outcome) -> Outcome:
    """All of some outcomes."""
    return _grouped(False, outcomes)


def _grouped(decisive: bool, outcomes: Sequence[Outcome]) -> Outcome:
    value = (any_of if decisive else all_of)(outcome.value for outcome in outcomes)
    deciding = [o for o in outcomes if o.value is decisive] if value is decisive else outcomes
    return combined(value, deciding, _holds_until(decisive, deciding) if value is True else None)


def _holds_until(decisive: bool, deciding: Sequence[Outcome]) -> date | None:
    """All need the certificate that ends first; any goes on with the one that ends last."""
    days = [outcome.holds_until for outcome in deciding]
    if not decisive:
        return earliest(*days)
    known = [day for day in days if day is not None]
    return max(known) if len(known) == len(days) else None


@dataclass(frozen=True)
class Negated:
    """Not its part."""

    part: Node

    def evaluate(self, scope: Scope) -> Outcome:
        outcome = self.part.evaluate(scope)
        return outcome._replace(value=negation(outcome.value), holds_until=None)


Node = Test | Versus | Counted | ReceivedTimes | Group | Negated


def conjunction(*parts: Node) -> Group:
    """All of the parts."""
    return Group(False, parts)


def disjunction(*parts: Node) -> Group:
    """Any of the parts."""
    return Group(True, parts)
