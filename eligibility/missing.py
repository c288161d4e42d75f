"""The smallest set of missing facts that would decide: for some values of theirs the subject is eligible.

What would make a condition true (or false, under a negation) is a choice of *ways*: each a set of demands on facts
that are missing, all others staying unknown. Any of the parts takes over the ways of each; all of them join one way of
each, where one value can meet what the parts demand of the same fact.

What is taken on trust: what is derived from a fact does not get in the way of what is asked of the fact itself, nor
does one of two facts that are held against each other; a count of receipts, or a share of an unknown whole, can be
whatever is asked of it once all it lacks is told; a list that is told of in full may hold any number more. Tried out
are the magnitudes of the numbers that something is derived from, the industry of a size class, and an event's day
(`_days`). Of the ways of a condition the `MOST_WAYS` with the fewest facts are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import reduce
from itertools import chain, pairwise, product
from math import ceil, floor
from typing import NamedTuple, cast

from eligibility.amounts import compute_amount
from eligibility.business_time import anniversary, start_of
from eligibility.catalogue import Catalogue
from eligibility.checks import (
    Between,
    CalendarYearsAgo,
    Check,
    NotPast,
    OneOf,
    Threshold,
    Within,
    YearsAgo,
    count_holds,
)
from eligibility.compile import CompiledPolicy, CompiledRule
from eligibility.conditions import Counted, Group, Negated, Node, ReceivedTimes, Scope, Test, Versus
from eligibility.derived import DERIVED
from eligibility.evaluate import Evaluation, RosterLine
from eligibility.facts_view import FactsView, MissingFact
from eligibility.kleene import Truth
from eligibility.size_class import size_category
from eligibility.subject_file import FactKey, FactValue
from eligibility.values import Value
from schemas.catalogue import FactType
from schemas.industries import INDUSTRIES, is_industry
from schemas.regions import REGIONS

MOST_WAYS = 100
MOST_STEPS = 400  # of choosing among the open items of a list
MONTHS_TRIED = 24
YEARS_TRIED = 6
MAGNITUDES = (0, *(10**exponent for exponent in range(13)))
DERIVED_HERE = "-"  # no provider
COUNTY = 6  # characters of a region a subject stands in
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)  # of a date fact


@dataclass(frozen=True)
class Span:
    """A date from one day to another, both included."""

    first: date
    last: date

    def holds(self, value: Value, day: date) -> bool:
        return self.first <= cast(date, value) <= self.last


@dataclass(frozen=True)
class OfCategory:
    """An industry of a category of the size rule."""

    name: str

    def holds(self, value: Value, day: date) -> bool:
        return size_category(cast(str, value)).name == self.name


class Demand(NamedTuple):
    """What a missing fact, or one derived from such, must be: the check, on a day, comes to what is wanted."""

    fact: MissingFact
    check: Check | Span | OfCategory
    day: date = FIRST_DAY
    wanted: bool = True

    def met_by(self, value: Value) -> bool:
        """Whether a value will do."""
        return self.check.holds(value, self.day) is self.wanted


class Way(NamedTuple):
    """Facts that decide once they are told, where they meet the demands."""

    facts: frozenset[MissingFact]
    demands: frozenset[Demand] = frozenset()


Ways = Sequence[Way]
"""In order: the fewest facts first, of as many the first by name, period and item."""
NOTHING = Way(frozenset())
"""The way of what is decided already."""


def smallest_missing(
    compiled: CompiledPolicy, view: FactsView, undetermined: Evaluation, succeeded_on: date | None
) -> tuple[MissingFact, ...] | None:
    """The smallest set of missing facts for which some values make the subject eligible, all others staying unknown.

    Of several the first by name, period and item. None where there is no such set: a parameter has no value yet, the
    whole of a share is nobody, or what would have to hold contradicts itself.
    `undetermined`: what the policy's evaluation with the same arguments gave.
    """
    policy, key = compiled.document, undetermined.key
    if policy.for_each is not None and key.item not in view.items(policy.for_each):
        return tuple(sorted(undetermined.undecided))
    items = {} if policy.for_each is None else {policy.for_each: key.item}
    ways = _Search(compiled, view.catalogue, undetermined.line, succeeded_on).policy(Scope(view, key, items, items))
    return tuple(sorted(ways[0].facts)) if ways else None


class _Search:
    """The ways of one policy's conditions."""

    def __init__(
        self, compiled: CompiledPolicy, catalogue: Catalogue, line: RosterLine | None, succeeded_on: date | None
    ) -> None:
        self.compiled, self.catalogue, self.line, self.succeeded_on = compiled, catalogue, line, succeeded_on

    def policy(self, scope: Scope) -> Ways:
        """The ways to be eligible: all that must hold, and some rule."""
        parts = [self.node(self.compiled.whom, scope, True)]
        if self.compiled.document.valid_on == "reference":
            parts.append(self._valid_then(scope))
        if self.compiled.conditions is not None:
            parts.append(self.node(self.compiled.conditions, scope, True))
        return self._all([*parts, self._some_rule(scope)])

    def _some_rule(self, scope: Scope) -> Ways:
        """Some rule holds; and of it and the rules before it, each gives something or does not hold."""
        found: list[Ways] = []
        until_here: list[Ways] = []
        for rule in self.compiled.rules:
            until_here.append(_any([self._due(rule, scope), self._when(rule, scope, False)]))
            found.append(self._all([self._when(rule, scope, True), *until_here]))
        return _any(found)

    def _when(self, rule: CompiledRule, scope: Scope, wanted: bool) -> Ways:
        if rule.when is None:
            return [NOTHING] if wanted else []
        return self.node(rule.when, scope, wanted)

    def _due(self, rule: CompiledRule, scope: Scope) -> Ways:
        """Anything is due, which is in doubt only for a top-up."""
        if rule.benefit.top_up is None:
            return [NOTHING]
        entry = None if self.line is None else self.line.entry
        standard = compute_amount([rule], scope, entry, self.compiled.reference)
        if standard.due is None:
            return _whatever(standard.missing)
        return [NOTHING] if standard.due else []

    def _valid_then(self, scope: Scope) -> Ways:
        """The policy was valid on the reference date."""
        assert self.compiled.reference is not None
        day, seen = self.compiled.reference.day_of(scope)
        if day is not None:
            return [NOTHING] if self._valid(day) else []
        (fact,) = seen.missing
        return _any([_steered({fact: Span(day, day)})] for day in self._days(scope.view.today) if self._valid(day))

    def _valid(self, day: date) -> bool:
        valid = self.compiled.document.valid
        last = valid.to or LAST_DAY
        return valid.from_ <= day <= last and (self.succeeded_on is None or day < self.succeeded_on)

    def _days(self, today: date) -> list[date]:
        """The days on which an event is tried: today, the bounds of the validity, the first days of past months."""
        valid, month = self.compiled.document.valid, today.year * 12 + today.month - 1
        firsts = [date(m // 12, m % 12 + 1, 1) for m in range(month, month - MONTHS_TRIED, -1)]
        lasts = [] if self.succeeded_on is None else [self.succeeded_on - timedelta(days=1)]
        return list(dict.fromkeys([today, *firsts, valid.from_, valid.to or today, *lasts]))

    def node(self, node: Node, scope: Scope, wanted: bool) -> Ways:
        """The ways in which a condition comes to the value wanted."""
        if isinstance(node, Negated):
            return self.node(node.part, scope, not wanted)
        outcome = node.evaluate(scope)
        if outcome.value is not None:
            return [NOTHING] if outcome.value is wanted else []
        if isinstance(node, Group):
            parts = [self.node(part, scope, wanted) for part in node.parts]
            return _any(parts) if wanted is node.decisive else self._all(parts)
        if isinstance(node, Versus):
            return _whatever(outcome.missing)
        return self._leaf(node, scope, wanted)

    def _leaf(self, node: Test | Counted | ReceivedTimes, scope: Scope, wanted: bool) -> Ways:
        """A leaf as of its reference date; while that is unknown, as of each day that is tried."""
        reference = node.reading.reference if isinstance(node, Test) else node.reference
        event, seen = (None, None) if reference is None else reference.day_of(scope)
        if seen is not None and event is None:
            (fact,) = seen.missing
            return _any(
                self._all([[_steered({fact: Span(day, day)})], self.node(node, _told(scope, {fact: day}), wanted)])
                for day in self._days(scope.view.today)
            )
        match node:
            case Test():
                return self._test(node, scope, event, wanted)
            case Counted():
                return self._counted(node, scope, event, wanted)
            case ReceivedTimes():
                day = event or scope.view.today
                undefined = any(threshold.on(day) is None for threshold in node.thresholds)
                return [] if undefined else _whatever(node.evaluate(scope).missing)

    def _test(self, test: Test, scope: Scope, event: date | None, wanted: bool) -> Ways:
        seen = test.reading.at(scope, event)
        if seen.derived:
            return self._derived(test, scope, event, wanted)
        if not seen.missing:
            return []  # the parameter it is held against has no value
        (fact,) = seen.missing
        demand = Demand(fact, test.check, event or scope.view.today, wanted)
        return [Way(frozenset({fact}), frozenset({demand}))] if self._possible([demand]) else []

    def _derived(self, test: Test, scope: Scope, event: date | None, wanted: bool) -> Ways:
        """All inputs it needs: an industry or a date decides which others these are."""
        seen, day = test.reading.at(scope, event), event or scope.view.today
        if not seen.missing:
            return [NOTHING] if seen.value is not None and test.check.holds(seen.value, day) is wanted else []
        kinds = {fact: self.catalogue.facts[fact.name].type for fact in sorted(seen.missing)}
        steering = [fact for fact, kind in kinds.items() if kind in (FactType.INDUSTRY, FactType.DATE)]
        if not steering:
            follows = Demand(MissingFact(seen.name, seen.period, seen.item, DERIVED_HERE), test.check, day, wanted)
            return [Way(seen.missing, frozenset({follows}))] if _reaches(test, scope, event, wanted) else []
        found: list[Ways] = []
        for options in product(*(_options(kinds[fact], day) for fact in steering)):
            values = {fact: value for fact, (value, _) in zip(steering, options, strict=True)}
            way = _steered({fact: check for fact, (_, check) in zip(steering, options, strict=True)})
            found.append(self._all([[way], self._derived(test, _told(scope, values), event, wanted)]))
        return _any(found)

    def _counted(self, node: Counted, scope: Scope, event: date | None, wanted: bool) -> Ways:
        """Some open items are brought to meet the condition, others not to, and the list is told of in full or not."""
        whole = None if node.whole is None else node.whole.at(scope, event)
        everything = _whatever(node.evaluate(scope).missing)
        if whole is not None and whole.value is None:
            return everything
        parts = Fraction(1) if whole is None else Fraction(cast(int, whole.value))
        if not parts:
            return []  # of nobody, no share is defined
        met, open_ = _items(node, scope)
        unlisted = scope.view.incomplete(node.listed)
        count = _Count(node.thresholds, met, len(open_), parts, event or scope.view.today, bool(unlisted))
        choices = list(count.choices(wanted))
        if not choices and count.steps(len(open_), 0) > MOST_STEPS:
            return everything  # too many open items to choose among
        listing = _whatever(unlisted)
        return _any(
            self._all([self._chosen(node, open_, more, fewer), *([listing] if told else [])])
            for more, fewer, told in choices
        )

    def _chosen(self, node: Counted, open_: Sequence[Scope], more: int, fewer: int) -> Ways:
        """The ways to bring so many of the open items to meet the condition, and so many not to."""
        chosen: dict[tuple[int, int], Ways] = {(0, 0): [NOTHING]}
        for at in open_:
            assert node.where is not None  # else no item is open
            yes, no = self.node(node.where, at, True), self.node(node.where, at, False)
            after: dict[tuple[int, int], list[Ways]] = {}
            for (met, unmet), ways in chosen.items():
                for key, here in (((met, unmet), [NOTHING]), ((met + 1, unmet), yes), ((met, unmet + 1), no)):
                    if key[0] <= more and key[1] <= fewer:
                        after.setdefault(key, []).append(self._all([ways, here]))
            chosen = {key: _any(ways) for key, ways in after.items()}
        return chosen.get((more, fewer), [])

    def _all(self, parts: Iterable[Ways]) -> Ways:
        """A way of each part, joined where one value can meet the demands on a fact."""
        return reduce(self._joined, sorted(parts, key=len), [NOTHING])

    def _joined(self, some: Ways, others: Ways) -> Ways:
        pairs = (
            Way(one.facts | other.facts, one.demands | other.demands)
            for one, other in product(some, others)
            if self._agree(one, other)
        )
        return _kept(pairs)

    def _agree(self, one: Way, other: Way) -> bool:
        shared = {d.fact for d in one.demands} & {d.fact for d in other.demands}
        demands = one.demands | other.demands
        return all(self._possible([d for d in demands if d.fact == fact]) for fact in shared)

    def _possible(self, demands: Sequence[Demand]) -> bool:
        """Whether some value of a fact meets all demands on it."""
        name = demands[0].fact.name
        base = self.catalogue.facts.get(name)
        kind, codes = (DERIVED[name].type, DERIVED[name].codes) if base is None else (base.type, base.codes or ())
        return any(all(d.met_by(value) for d in demands) for value in _candidates(kind, codes, demands))


@dataclass(frozen=True)
class _Count:
    """A count of a list's items: how many meet the condition, how many are open, and what it is held against."""

    thresholds: Sequence[Threshold]
    met: int
    open: int
    parts: Fraction
    day: date
    unlisted: bool

    def steps(self, more: int, fewer: int) -> int:
        """What it takes to choose so many of the open items."""
        return self.open * (more + 1) * (fewer + 1)

    def choices(self, wanted: bool) -> Iterator[tuple[int, int, bool]]:
        """How many open items to bring to meet the condition, how many not to, and whether to have the list told of in
        full, so that the count comes to what is wanted; no fewer would do."""
        for told in (False, True) if self.unlisted else (False,):
            for more in range(self.open + 1):
                for fewer in range(self.open + 1 - more):
                    if self.steps(more, fewer) > MOST_STEPS:
                        break
                    if any(self._value(more, fewer, news) is wanted for news in self._news(told)):
                        yield more, fewer, told
                        break

    def _news(self, told: bool) -> Iterable[int | None]:
        """How many more items a list may turn out to have, as far as it matters; None: any number."""
        if not self.unlisted:
            return [0]
        if not told:
            return [None]
        bounds = [bound * self.parts for t in self.thresholds if (bound := t.on(self.day)) is not None]
        return {max(0, floor(bound) + each - self.met) for bound in bounds for each in (-self.open, 0, 1)} | {0}

    def _value(self, more: int, fewer: int, news: int | None) -> Truth:
        least, most = self.met + more + (news or 0), self.met + self.open - fewer + (news or 0)
        limit = None if news is None else Fraction(most) / self.parts
        return count_holds(self.thresholds, Fraction(least) / self.parts, limit, self.day)


def _items(node: Counted, scope: Scope) -> tuple[int, list[Scope]]:
    """How many items of a list meet its condition, and where it is open."""
    scopes = [scope.at_item(node.listed, item) for item in scope.view.items(node.listed)]
    if node.where is None:
        return len(scopes), []
    values = [node.where.evaluate(at).value for at in scopes]
    return values.count(True), [at for at, value in zip(scopes, values, strict=True) if value is None]


def _told(scope: Scope, values: Mapping[MissingFact, Value]) -> Scope:
    """The scope in which some missing facts have values."""
    view = scope.view
    moment = start_of(view.today)
    made_up = {
        FactKey(fact.name, fact.period, fact.item): FactValue(value, fact.provider, 0, moment, moment)
        for fact, value in values.items()
    }
    file = replace(view.file, facts={**view.file.facts, **made_up})
    return replace(scope, view=FactsView(file, view.catalogue, view.definitions, view.today))


def _whatever(missing: Iterable[MissingFact]) -> Ways:
    """All of these facts, whatever they are; no way where nothing is missing, and yet it is unknown."""
    facts = frozenset(missing)
    return [Way(facts)] if facts else []


def _steered(checks: Mapping[MissingFact, Span | OfCategory]) -> Way:
    """Facts chosen so that the checks hold."""
    return Way(frozenset(checks), frozenset(Demand(fact, check) for fact, check in checks.items()))


def _any(parts: Iterable[Ways]) -> Ways:
    return _kept(chain.from_iterable(parts))


def _kept(ways: Iterable[Way]) -> Ways:
    """The ways in order, without those that ask for all that another asks for, and more; `MOST_WAYS` of them."""
    kept: list[Way] = []
    for way in sorted(ways, key=lambda way: (len(way.facts), sorted(way.facts), len(way.demands))):
        if len(kept) == MOST_WAYS:
            break
        if not any(other.facts <= way.facts and other.demands <= way.demands for other in kept):
            kept.append(way)
    return kept


def _options(kind: FactType, day: date) -> Sequence[tuple[Value, Span | OfCategory]]:
    """Industries or dates of an input, each with the check of those that act alike."""
    if kind is FactType.INDUSTRY:
        firsts = {size_category(code).name: code for code in sorted(INDUSTRIES, reverse=True) if is_industry(code)}
        return [(code, OfCategory(name)) for name, code in sorted(firsts.items())]
    years = [Span(date(y, 1, 1), date(y, 12, 31)) for y in range(day.year - YEARS_TRIED, day.year + 1)]
    spans = [Span(FIRST_DAY, years[0].last), *years[1:]]
    return [(span.last, span) for span in spans]


def _reaches(test: Test, scope: Scope, event: date | None, wanted: bool) -> bool:
    """Whether a derived fact can be such that its check comes to what is wanted, as the numbers it lacks grow.

    A number that it derives can be any between those that are reached.
    """
    day = event or scope.view.today
    reached: list[Value] = []
    for told in _magnitudes(sorted(test.reading.at(scope, event).missing)):
        value = test.reading.at(_told(scope, told), event).value
        if value is not None and test.check.holds(value, day) is wanted:
            return True
        reached += [] if value is None else [value]
    if not isinstance(test.check, Between) or not reached:
        return False
    found = [Fraction(cast(Fraction, value)) for value in reached]
    within = (number for number in _around(_bounds(test.check, day)) if min(found) <= number <= max(found))
    return any(test.check.holds(number, day) is wanted for number in within)


def _magnitudes(numbers: Sequence[MissingFact]) -> Iterator[dict[MissingFact, Value]]:
    """Numbers of every magnitude for each; of more than two, one at a time, the others being 1."""
    if len(numbers) <= 2:
        for values in product(MAGNITUDES, repeat=len(numbers)):
            yield dict(zip(numbers, values, strict=True))
    else:
        for number, value in product(numbers, MAGNITUDES):
            yield dict.fromkeys(numbers, 1) | {number: value}


def _candidates(kind: FactType, codes: Iterable[str], demands: Sequence[Demand]) -> Iterable[Value]:
    """Values of a fact: one at least of each kind that the demands tell apart."""
    checks = [demand.check for demand in demands]
    match kind:
        case FactType.BOOLEAN:
            return (True, False)
        case FactType.CODE:
            return codes
        case FactType.IDENTIFIER:
            members = [str(m) for check in checks if isinstance(check, OneOf) for m in check.members]
            return [*members, max(members, key=len) + "0"]
        case FactType.REGION:
            return [code for code in REGIONS if len(code) == COUNTY]
        case FactType.INDUSTRY:
            roots = [root for check in checks if isinstance(check, Within) for root in check.roots]
            return [code for code in [*roots, *INDUSTRIES] if is_industry(code)]
        case FactType.DATE:
            return _dates(demands)
        case FactType.INTEGER:
            bounds = {bound for d in demands for bound in _bounds(d.check, d.day)}
            return sorted({n for b in bounds for n in (floor(b) - 1, floor(b), ceil(b), ceil(b) + 1)})
        case FactType.DECIMAL:
            return _around(sorted({bound for d in demands for bound in _bounds(d.check, d.day)}))


def _bounds(check: object, day: date) -> list[Fraction]:
    """The numbers a fact is held against; a parameter is none before its first value."""
    found = [threshold.on(day) for threshold in check.thresholds] if isinstance(check, Between) else []
    return sorted({bound for bound in found if bound is not None})


def _around(bounds: Sequence[Fraction]) -> list[Fraction]:
    """The bounds in their order, and a number on either side of each."""
    between = [(low + high) / 2 for low, high in pairwise(bounds)]
    return [bounds[0] - 1, *bounds, *between, bounds[-1] + 1] if bounds else []


def _dates(demands: Sequence[Demand]) -> list[date]:
    """The first and last days on which some check comes to what it does."""
    edges = {FIRST_DAY, *(edge for demand in demands for edge in _edges(demand))}
    around = {edge + timedelta(days=days) for edge in edges for days in (-1, 0, 1)}
    return sorted(day for day in around if FIRST_DAY <= day <= LAST_DAY)


def _edges(demand: Demand) -> Iterator[date]:
    check, day = demand.check, demand.day
    match check:
        case Span():
            yield from (check.first, check.last)
        case NotPast():
            yield day
        case YearsAgo() | CalendarYearsAgo():
            for years in {
                n for bound in _bounds(check.between, day) for n in (floor(bound), ceil(bound), floor(bound) + 1)
            }:
                if FIRST_DAY.year < day.year - years < LAST_DAY.year:
                    calendar = isinstance(check, CalendarYearsAgo)
                    yield date(day.year - years, 12, 31) if calendar else anniversary(day, -years)
        case _:
            raise AssertionError(f"{check} tests no date")
