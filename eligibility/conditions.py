"""Conditions, compiled: a tree of tests, evaluated on one day in Kleene's logic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import NamedTuple, cast

from eligibility.business_time import earliest
from eligibility.checks import COMPARE, Check, NotPast, Threshold, count_holds, proves_itself
from eligibility.derived import RECEIPTS
from eligibility.facts_view import FactsView, MissingFact, Observation, Source
from eligibility.kleene import Truth, all_of, any_of, negation
from eligibility.receipts import Receipt, receipts_seen, unknown_receipts
from eligibility.subject_file import NO_ITEM, NO_PERIOD, PeriodItem
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


NOTHING_MISSING: frozenset[MissingFact] = frozenset()


def combined(value: Truth, deciding: Sequence[Outcome], holds_until: date | None = None) -> Outcome:
    """An outcome from those that decide it: their grounds, what they lack, and when the first of them may change."""
    grounds: list[Ground] = []
    missing = NOTHING_MISSING
    changes_on: date | None = None
    undefined = False
    for held, rests_on, lacks, changes, _, has_none in deciding:
        grounds += rests_on
        if held is None:
            missing |= lacks
            undefined = undefined or has_none
        changes_on = earliest(changes_on, changes)
    return Outcome(value, tuple(grounds), missing, changes_on, holds_until, undefined)


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

    def day_of(self, scope: Scope) -> tuple[date | None, Observation]:
        """The day this date fact gives, as a reference date."""
        seen = self.at(scope, None)
        return cast("date | None", seen.value), seen

    def at(self, scope: Scope, event: date | None) -> Observation:
        """The fact as of an event's day, or of today without one."""
        if self.listed is None:
            return scope.view.get(self.fact, self.period, day=event)
        item = (scope.own if self.own else scope.items)[self.listed]
        return scope.view.get(self.fact, self.period, item=item, day=event)


def reference_day(reference: Reading | None, scope: Scope) -> tuple[date | None, Observation | None]:
    """The reference date, and where it is an event's the fact that gives it; None while that is unknown."""
    return (scope.view.today, None) if reference is None else reference.day_of(scope)


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
        if self.reading.reference is None:
            return self._today(scope)
        day, reference = self.reading.reference.day_of(scope)
        if day is None:
            return _undated(self.text, reference)
        seen = self.reading.at(scope, day)
        value = None if seen.value is None else self.check.holds(seen.value, day)
        grounds = (Ground(self.text, value, seen), *_referred(reference))
        if value is None:
            return Outcome(None, grounds, seen.missing, seen.changes_on, undefined=not seen.missing)
        return Outcome(value, grounds, NOTHING_MISSING, seen.changes_on)

    def _today(self, scope: Scope) -> Outcome:
        seen, today = self.reading.at(scope, None), scope.view.today
        known = seen.value
        # What refers to an event, no tick can change: this is asked of today's facts only.
        changes_on = earliest(seen.changes_on, self.check.changes_after(known, today))
        value = None if known is None else self.check.holds(known, today)
        grounds = (Ground(self.text, value, seen),)
        if value is None:
            return Outcome(None, grounds, seen.missing, changes_on, None, not seen.missing)
        holds_until = cast(date, known) if value is True and isinstance(self.check, NotPast) else None
        return Outcome(value, grounds, NOTHING_MISSING, changes_on, holds_until)


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


def _count(
    view: FactsView,
    listed: str,
    count: int | None,
    sources: Iterable[Source],
    missing: frozenset[MissingFact],
    *,
    enough: bool,
) -> Observation:
    """A count of a list's items as a fact; unless what is there is `enough`, it rests on the list's completeness."""
    rests_on = dict.fromkeys([*sources, *(() if enough else view.completeness(listed))])
    return Observation(listed, NO_PERIOD, NO_ITEM, count, tuple(rests_on), missing, derived=True)


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
        day, reference = reference_day(self.reference, scope)
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
        parts = Fraction(1) if whole is None else Fraction(cast(int, whole.value or 0))
        if whole is not None and whole.value is None:
            missing |= whole.missing
        elif parts:  # of nobody, no share is defined
            value = count_holds(self.thresholds, least / parts, None if most is None else most / parts, day)
        enough = proves_itself(self.thresholds, value)
        holds_until = self._holds_until(met, parts, day) if enough else None
        lacks = missing if value is None else frozenset()
        sources = [s for o in (met if enough else outcomes) for g in o.grounds for s in g.observation.sources]
        seen = _count(view, self.listed, None if value is None else len(met), sources, lacks, enough=enough)
        grounds = [Ground(self.text, value, seen)]
        if whole is not None:
            grounds.append(Ground(self.text, value, whole))
        changes = [view.completes_on(self.listed), *(outcome.changes_on for outcome in outcomes)]
        if reference is None:
            changes += [t.changes_after(day) for t in self.thresholds] + [None if whole is None else whole.changes_on]
        undefined = value is None and (not lacks or any(outcome.undefined for outcome in open_))
        return Outcome(value, (*grounds, *_referred(reference)), lacks, earliest(*changes), holds_until, undefined)

    def _holds_until(self, met: Sequence[Outcome], parts: Fraction, day: date) -> date | None:
        """The last day on which enough items still meet the condition, as their certificates end one by one."""
        ends = sorted(outcome.holds_until for outcome in met if outcome.holds_until is not None)
        for ended, end in enumerate(ends, start=1):
            if count_holds(self.thresholds, Fraction(len(met) - ended) / parts, None, day) is not True:
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
        day, reference = reference_day(self.reference, scope)
        if day is None:
            assert reference is not None
            return _undated(self.text, reference)
        view = scope.view
        certain: list[Receipt] = []
        possible: list[Receipt] = []
        missing = unknown_receipts(view)
        unlimited = bool(missing)
        for receipt, doubts in receipts_seen(view, scope.key):
            counts, unsaid = self._counts(scope, receipt, day)
            if counts is True and not doubts:
                certain.append(receipt)
            elif counts is not False:
                possible.append(receipt)
                missing |= unsaid | doubts
        most = None if unlimited else Fraction(len(certain) + len(possible))
        value = count_holds(self.thresholds, Fraction(len(certain)), most, day)
        enough = proves_itself(self.thresholds, value)
        lacks = missing if value is None else frozenset()
        sources = [s for receipt in certain for o in receipt.named for s in o.sources]
        seen = _count(view, RECEIPTS, None if value is None else len(certain), sources, lacks, enough=enough)
        turns = view.completes_on(RECEIPTS)
        if reference is None:
            new_year = date(day.year + 1, 1, 1) if self.this_year else None
            turns = earliest(turns, new_year, *(t.changes_after(day) for t in self.thresholds))
        grounds = (Ground(self.text, value, seen), *_referred(reference))
        return Outcome(value, grounds, lacks, turns)

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
    value = (any_of if decisive else all_of)([outcome.value for outcome in outcomes])
    deciding = [o for o in outcomes if o.value is decisive] if value is decisive else outcomes
    return combined(value, deciding, _holds_until(decisive, deciding) if value is True else None)


def _holds_until(decisive: bool, deciding: Sequence[Outcome]) -> date | None:
    """All need the certificate that ends first; any goes on with the one that ends last."""
    days = [outcome.holds_until for outcome in deciding]
    if not any(days):
        return None
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
