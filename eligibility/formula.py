"""A policy's conditions in normal form: negations at the tests, gates of one kind never within their like.

A test on one fact of the subject as it is today becomes a literal over that fact's codes. What a literal cannot say
(items of lists, receipts, reference dates, top-ups) is kept as an open test: unknown here, and left to the plain
evaluator wherever it matters. By Kleene what is true or false whatever the open tests say is exactly so.

Nothing is simplified away: `x >= 5 or x < 5` is unknown where x is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Literal as Kind
from typing import NamedTuple

from eligibility.business_time import anniversary
from eligibility.catalogue import Catalogue
from eligibility.checks import Between, CalendarYearsAgo, Check, NotPast, OneOf, Threshold, Within, YearsAgo
from eligibility.codes import MOST, Attribute, Attributes, Row, Span, cut, industry_span, region_span
from eligibility.compile import CompiledPolicy
from eligibility.conditions import Counted, Group, Negated, Node, Reading, ReceivedTimes, Test, Versus
from eligibility.derived import DERIVED, RECEIPT_FACTS, RECEIPTS
from eligibility.kleene import Truth
from schemas.catalogue import FactType


class Cut(NamedTuple):
    """Codes from `at` on."""

    at: int


class Members(NamedTuple):
    """One of some codes."""

    codes: frozenset[int]


class Moving(NamedTuple):
    """Codes from a cut on that moves with the day.

    `steps`: from when which figure holds. `number`: the figure is the cut. `years`: the days on which so many whole
    years are not yet over. `calendar_years`: the days from the calendar year on that so many years before is past.
    `not_past`: today and later.
    """

    kind: Kind["number", "years", "calendar_years", "not_past"]
    steps: tuple[tuple[date, int], ...]

    def at(self, day: date) -> int | None:
        """The cut on a day; None before the figure's first value."""
        figure = next((figure for begins, figure in reversed(self.steps) if begins <= day), None)
        if figure is None or self.kind == "number":
            return figure
        if self.kind == "not_past":
            return day.toordinal()
        year = day.year - figure
        if self.kind == "calendar_years":
            return date(year + 1, 1, 1).toordinal() if 1 <= year + 1 <= 9999 else _beyond(year)
        if not 1 <= year <= 9999:
            return _beyond(year)
        try:
            return day.replace(year=year).toordinal() + 1
        except ValueError:  # of 29 February: whoever began on the 28th has completed the years
            return date(year, 2, 28).toordinal() + 1

    def passes(self, was: date, now: date) -> tuple[int, int]:
        """The codes it stands otherwise for on some day after `was` and up to `now`: from which, up to which one."""
        days = [was, *(begins for begins, _ in self.steps if was < begins <= now), now]
        stands = [self.at(day) for day in days]
        stands += [self.at(day - timedelta(days=1)) for day in days[1:-1]]
        known = [at for at in stands if at is not None]
        if not known:
            return 0, 0
        return (min(known), max(known)) if len(known) == len(stands) else (-MOST, MOST + 1)

    def crosses_after(self, code: int, day: date) -> date | None:
        """The next day on which the cut passes a code, whatever step follows."""
        figure = next((figure for begins, figure in reversed(self.steps) if begins <= day), None)
        if figure is None or self.kind == "number":
            return None
        since = date.fromordinal(code)
        if self.kind == "not_past":
            crossing = since + timedelta(days=1)
        elif not 1 <= since.year + figure <= 9999:
            return None
        else:
            crossing = anniversary(since, figure) if self.kind == "years" else date(since.year + figure, 1, 1)
        return crossing if crossing > day else None

    def steps_after(self, day: date) -> date | None:
        """The next day on which another figure holds."""
        return next((begins for begins, _ in self.steps if begins > day), None)


def _beyond(year: int) -> int:
    return date.max.toordinal() + 1 if year > 0 else date.min.toordinal()


class Literal(NamedTuple):
    """A test on an attribute's code, or its negation; unknown where the code is."""

    slot: int
    test: Cut | Span | Members | Moving
    positive: bool

    def holds(self, row: Row, day: date) -> Truth:
        """Kleene's value."""
        code = row[self.slot]
        match self.test:
            case Cut(at):
                inside: Truth = None if code is None else code >= at
            case Span(low, high):
                inside = None if code is None else low <= code <= high
            case Members(codes):
                inside = None if code is None else code in codes
            case Moving():
                at_day = self.test.at(day)
                inside = None if code is None or at_day is None else code >= at_day
        return None if inside is None else inside is self.positive


class Open(NamedTuple):
    """A test the plain evaluator must make; `facts`: the base facts and lists it reads."""

    facts: frozenset[str]


class Gate(NamedTuple):
    """All of the parts, or any."""

    conjunctive: bool
    parts: tuple[Part, ...]


Part = Literal | Open | Gate


@dataclass(frozen=True)
class Formula:
    """A policy's verdict as a conjunction. `opened`: what its open tests read, None where it has none."""

    root: Gate
    opened: frozenset[str] | None

    def __deepcopy__(self, memo: object) -> Formula:
        return self  # nothing in it ever changes

    def literals(self) -> Iterator[Literal]:
        """Every literal, as often as it stands there."""
        return (part for part in leaves(self.root) if isinstance(part, Literal))

    def holds(self, row: Row, day: date) -> Truth:
        """The verdict by definition: the obvious twin of what the index and the columns find."""
        return _holds(self.root, row, day)


def _holds(part: Part, row: Row, day: date) -> Truth:
    match part:
        case Literal():
            return part.holds(row, day)
        case Open():
            return None
        case Gate(conjunctive, parts):
            found: Truth = conjunctive
            for each in parts:
                value = _holds(each, row, day)
                if value is (not conjunctive):
                    return value
                if value is None:
                    found = None
            return found


def leaves(part: Part) -> Iterator[Literal | Open]:
    """The tests of a formula or a part of it."""
    if isinstance(part, Gate):
        for each in part.parts:
            yield from leaves(each)
    else:
        yield part


def normal_form(compiled: CompiledPolicy, attributes: Attributes, catalogue: Catalogue) -> Formula:
    """The formula that is true where the policy gives a benefit, on the days it can be had.

    Left out: validity and claim windows, and a roster's lines.
    """
    writer = _Writer(attributes, catalogue)
    parts = [writer.part(compiled.whom, positive=True)]
    if compiled.document.for_each is not None:
        parts.append(Open(_items_of(compiled.document.for_each, catalogue)))  # it is decided item by item
    if compiled.document.valid_on == "reference":
        assert compiled.reference is not None
        parts.append(Open(_read_by(compiled.reference)))
    if compiled.conditions is not None:
        parts.append(writer.part(compiled.conditions, positive=True))
    applies = [rule.when for rule in compiled.rules]
    if None not in applies:
        parts.append(_gate(False, [writer.part(when, positive=True) for when in applies if when is not None]))
    if any(rule.benefit.top_up for rule in compiled.rules):
        parts.append(Open(compiled.reads))  # nothing is due where enough was received
    root = _gate(True, parts)
    if not (isinstance(root, Gate) and root.conjunctive):
        root = Gate(True, (root,))
    opened = [part.facts for part in leaves(root) if isinstance(part, Open)]
    return Formula(root, frozenset().union(*opened) if opened else None)


def _gate(conjunctive: bool, parts: Iterable[Part]) -> Part:
    """A gate whose parts of its own kind are taken in, each part once."""
    flat: dict[Part, None] = {}
    for part in parts:
        within = part.parts if isinstance(part, Gate) and part.conjunctive is conjunctive else (part,)
        flat.update(dict.fromkeys(within))
    return next(iter(flat)) if len(flat) == 1 else Gate(conjunctive, tuple(flat))


class _Writer:
    def __init__(self, attributes: Attributes, catalogue: Catalogue) -> None:
        self.attributes, self.catalogue = attributes, catalogue

    def part(self, node: Node, *, positive: bool) -> Part:
        match node:
            case Group(decisive, parts):
                return _gate(decisive is not positive, (self.part(each, positive=positive) for each in parts))
            case Negated(part):
                return self.part(part, positive=not positive)
            case Test(_, reading, check):
                written = None if reading.listed or reading.reference else self._literals(reading, check, positive)
                return Open(_facts_of(node, self.catalogue)) if written is None else written
            case _:
                return Open(_facts_of(node, self.catalogue))

    def _literals(self, reading: Reading, check: Check, positive: bool) -> Part | None:
        """A check as literals, or None where codes cannot say it."""
        slot = self.attributes.slot(Attribute(reading.fact, reading.period), self.catalogue)
        kind = self.attributes.kinds[slot]

        def literal(test: Cut | Span | Members | Moving, side: bool = True) -> Literal:
            return Literal(slot, test, side is positive)

        match check:
            case OneOf(members):
                return literal(Members(frozenset(self.attributes.code(slot, member) for member in members)))
            case Within(roots):
                span = region_span if kind is FactType.REGION else industry_span
                return _gate(not positive, [literal(span(root)) for root in roots])
            case NotPast():
                return literal(Moving("not_past", ((date.min, 0),)))
            case Between(thresholds):
                parts = [_bounded(threshold, kind, literal) for threshold in thresholds]
            case YearsAgo(between):
                parts = [_aged("years", threshold, literal) for threshold in between.thresholds]
            case CalendarYearsAgo(between):
                parts = [_aged("calendar_years", threshold, literal) for threshold in between.thresholds]
        whole = [part for part in parts if part is not None]
        return _gate(positive, whole) if len(whole) == len(parts) else None


def _bounded(threshold: Threshold, kind: FactType, literal: Callable[..., Literal]) -> Literal | None:
    cuts = [cut(threshold.operator, value, kind) for _, value in threshold.steps]
    if None in cuts:
        return None
    known = [each for each in cuts if each is not None]
    side = known[0][1]
    if not threshold.dated:
        return literal(Cut(known[-1][0]), side)
    steps = tuple((begins, at) for (begins, _), (at, _) in zip(threshold.steps, known, strict=True))
    return literal(Moving("number", steps), side)


def _aged(kind: Kind["years", "calendar_years"], threshold: Threshold, literal: Callable[..., Literal]) -> Literal:
    """So many years ago or more, or less: the cut is the first day that is not that long ago."""
    steps = tuple((begins, _years(threshold.operator, value)) for begins, value in threshold.steps)
    return literal(Moving(kind, steps), threshold.operator in "≤<")


def _years(operator: str, bound: Fraction) -> int:
    """The whole number of years at which a bound tips over."""
    return ceil(bound) if operator in "≥<" else floor(bound) + 1


def _read_by(reading: Reading | None) -> frozenset[str]:
    if reading is None:
        return frozenset()
    derived = DERIVED.get(reading.fact)
    listed = frozenset() if reading.listed is None else frozenset({reading.listed})
    own = frozenset({reading.fact}) if derived is None else frozenset(derived.base_facts)
    return own | listed | _read_by(reading.reference)


def _items_of(listed: str, catalogue: Catalogue) -> frozenset[str]:
    """A list, and the facts that its items are known by."""
    return frozenset({listed, *(name for name, fact in catalogue.facts.items() if fact.list == listed)})


def _facts_of(node: Node, catalogue: Catalogue) -> frozenset[str]:
    """The base facts and lists a condition reads."""
    match node:
        case Test(_, reading, _):
            return _read_by(reading)
        case Versus(_, reading, _, own):
            return _read_by(reading) | _read_by(own)
        case Counted():
            inner = frozenset() if node.where is None else _facts_of(node.where, catalogue)
            items = _items_of(node.listed, catalogue)
            return inner | items | _read_by(node.whole) | _read_by(node.reference)
        case ReceivedTimes():
            return frozenset({RECEIPTS, *RECEIPT_FACTS}) | _read_by(node.reference)
        case Group(_, parts):
            return frozenset().union(*(_facts_of(part, catalogue) for part in parts))
        case Negated(part):
            return _facts_of(part, catalogue)
