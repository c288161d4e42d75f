"""A policy document, checked against the fact catalogue and compiled into conditions that can be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from eligibility.business_time import period_kind
from eligibility.catalogue import Catalogue
from eligibility.checks import BEGINNING, Between, CalendarYearsAgo, Check, NotPast, OneOf, Threshold, Within, YearsAgo
from eligibility.conditions import (
    Counted,
    Negated,
    Node,
    Reading,
    ReceivedTimes,
    Test,
    Versus,
    conjunction,
    disjunction,
)
from eligibility.derived import DERIVED, RECEIPTS
from eligibility.errors import Refused
from schemas.catalogue import FactType, PeriodKind
from schemas.industries import is_industry_root
from schemas.policy import (
    AllOf,
    AnyOf,
    Benefit,
    Bound,
    Comparison,
    Condition,
    FactOf,
    Interval,
    Items,
    Not,
    Own,
    Parameter,
    Policy,
    Received,
    SubjectKind,
)
from schemas.regions import is_region
from schemas.rejected import RejectCode

MOST_NESTED = 40
MOST_TESTS = 200
MOST_COUNTED = 20
MOST_VERSIONS = 40
NUMERIC = (FactType.INTEGER, FactType.DECIMAL)
ORDERED = (*NUMERIC, FactType.DATE)
TODAY = "today"
FIGURES = ("fixed", "rate", "each", "full", "cap", "reduced_rate")
AT_LEAST_ONE: tuple[Threshold, ...] = (Threshold("≥", ((BEGINNING, Fraction(1)),)),)


@dataclass(frozen=True)
class CompiledRule:
    """A rule: when it applies (None: always), and what it gives. `figures`: its numbers, dated like any parameter."""

    when: Node | None
    benefit: Benefit
    base: Reading | None
    figures: Mapping[str, Threshold]


@dataclass(frozen=True)
class CompiledPolicy:
    """A policy version ready to be evaluated. `whom`: the kinds of subject it is for, and where it holds.

    `reads`: the base facts and lists that can change a verdict or an amount. `receives`: the other policies whose
    receipts it looks at.
    """

    document: Policy
    whom: Node
    conditions: Node | None
    rules: tuple[CompiledRule, ...]
    reference: Reading | None
    reads: frozenset[str]
    receives: frozenset[str]


class _Declared(NamedTuple):
    """What a fact is: its form, and whether it follows the reference date without a period of its own."""

    type: FactType
    period: PeriodKind | None
    listed: str | None
    codes: tuple[str, ...]
    dated: bool


class _Place(NamedTuple):
    """Where a condition stands: its field, the lists that stand at an item there, and how its truth acts.

    `raises` and `lowers`: whether its being true can make the policy true, or false.
    """

    field: str
    lists: frozenset[str]
    counted: bool = False
    raises: bool = True
    lowers: bool = False

    def under(self, part: str) -> _Place:
        return self._replace(field=self.field + part)

    def negated(self) -> _Place:
        return self._replace(field=f"{self.field}.not", raises=self.lowers, lowers=self.raises)

    def counting(self, interval: Interval | None, listed: str) -> _Place:
        """The place of what is counted: more of it is better under a lower bound, worse under an upper one."""
        operators = {operator for operator, _ in interval.bounds()} if interval else {"≥"}
        lower, upper = bool(operators & {"≥", ">"}), bool(operators & {"≤", "<"})
        raises = (self.raises and lower) or (self.lowers and upper)
        lowers = (self.lowers and lower) or (self.raises and upper)
        return _Place(f"{self.field}.where", self.lists | {listed}, True, raises, lowers)


def compile_policy(policy: Policy, catalogue: Catalogue) -> CompiledPolicy:
    """Check `policy` against the catalogue and compile it.

    Raises Refused (BAD_POLICY) naming the field and the value: an undeclared fact or list, a period a fact does not
    have, an item's fact where no item is meant, a test its type does not allow, a code that is not declared, an
    interval nothing can lie in, an unknown parameter, its own receipts where they could make it true.
    """
    return _Compiler(policy, catalogue).compile()


class _Compiler:
    def __init__(self, policy: Policy, catalogue: Catalogue) -> None:
        self.policy = policy
        self.catalogue = catalogue
        self.reads: set[str] = {"kind", "region", "household_region", RECEIPTS}
        self.receives: set[str] = set()
        self.tests = self.counts = 0
        self.reference: Reading | None = None

    def compile(self) -> CompiledPolicy:
        policy = self.policy
        if not is_region(policy.region):
            raise self._refused("region", f"region {policy.region!r} is not in the region tree")
        if policy.valid_on == "reference" and policy.period is not None:
            raise self._refused("period", "an event that is judged by its own day is granted once, not once a period")
        place = _Place("conditions", frozenset())
        if policy.for_each is not None:
            self._list(policy.for_each, "for_each")
            place = _Place("conditions", frozenset({policy.for_each}))
        if policy.reference is not None:
            self.reference = replace(self._date(policy.reference, place._replace(field="reference")), own=True)
        whom = self._whom(place)
        conditions = None if policy.conditions is None else self._node(policy.conditions, place)
        rules = tuple(
            CompiledRule(
                None if rule.when is None else self._node(rule.when, place._replace(field=f"rules[{index}].when")),
                rule.benefit,
                self._base(rule.benefit, place._replace(field=f"rules[{index}].benefit")),
                self._figures(rule.benefit, f"rules[{index}].benefit"),
            )
            for index, rule in enumerate(policy.rules)
        )
        return CompiledPolicy(
            policy,
            whom,
            conditions,
            rules,
            self.reference,
            frozenset(self.reads),
            frozenset(self.receives - {policy.id}),
        )

    def _whom(self, place: _Place) -> Node:
        """The kinds of subject, where it holds: firms by their registration, persons by their household."""
        persons = SubjectKind.PERSON in self.policy.subjects
        firms = [kind.value for kind in self.policy.subjects if kind is not SubjectKind.PERSON]
        sides: list[Node] = []
        for kinds, region in ((firms, "region"), ([SubjectKind.PERSON.value] if persons else [], "household_region")):
            if kinds:
                who = self._test(Comparison(fact="kind", one_of=kinds), place._replace(field="subjects"))
                where = Comparison(fact=region, within=[self.policy.region])
                sides.append(conjunction(who, self._test(where, place._replace(field="region"))))
        return sides[0] if len(sides) == 1 else disjunction(*sides)

    def _refused(self, field: str, text: str) -> Refused:
        return Refused(RejectCode.BAD_POLICY, f"policy {self.policy.id}, {field}: {text}", field)

    def _node(self, condition: Condition, place: _Place) -> Node:
        if place.field.count(".") > MOST_NESTED:
            raise self._refused(place.field.split(".")[0], f"conditions are nested more than {MOST_NESTED} deep")
        self.tests += not isinstance(condition, AllOf | AnyOf | Not)
        if self.tests > MOST_TESTS:
            raise self._refused(place.field.split(".")[0], f"a policy has at most {MOST_TESTS} tests")
        match condition:
            case AllOf():
                return conjunction(*(self._node(c, place.under(f".all[{i}]")) for i, c in enumerate(condition.all)))
            case AnyOf():
                return disjunction(*(self._node(c, place.under(f".any[{i}]")) for i, c in enumerate(condition.any)))
            case Not():
                return Negated(self._node(condition.not_, place.negated()))
            case Items():
                return self._counted(condition, place)
            case Received():
                return self._received(condition, place)
            case Comparison():
                return self._test(condition, place)

    def _list(self, name: str, field: str) -> None:
        if name not in self.catalogue.lists:
            raise self._refused(
                field, f"list {name!r} is not declared in the catalogue; declare it, or correct the name"
            )
        self.reads.add(name)

    def _declared(self, name: str, field: str) -> _Declared:
        if (base := self.catalogue.facts.get(name)) is not None:
            self.reads.add(name)
            return _Declared(base.type, base.period, base.list, tuple(base.codes or ()), False)
        if (derived := DERIVED.get(name)) is not None:
            for needed in derived.base_facts:
                if needed not in self.catalogue.facts:
                    raise self._refused(field, f"fact {name!r} is derived from {needed!r}, which is not declared")
            self.reads.update(derived.base_facts)
            return _Declared(derived.type, derived.period, None, derived.codes, derived.dated)
        raise self._refused(field, f"fact {name!r} is not declared in the catalogue; declare it, or correct the name")

    def _fact(self, fact: Comparison | FactOf, place: _Place) -> _Declared:
        declared = self._declared(fact.fact, place.field)
        asked = None if fact.period is None else period_kind(fact.period)
        if asked != declared.period:
            need = f"is given per {declared.period}: name a period" if declared.period else "has no period"
            raise self._refused(place.field, f"fact {fact.fact!r} {need}, not {fact.period!r}")
        if declared.listed is not None and declared.listed not in place.lists:
            text = f"fact {fact.fact!r} is of an item of {declared.listed}; use it where for_each or items name one"
            raise self._refused(place.field, text)
        return declared

    def _date(self, name: str, place: _Place) -> Reading:
        declared = self._fact(FactOf(fact=name), place)
        if declared.type is not FactType.DATE:
            raise self._refused(place.field, f"fact {name!r} is of type {declared.type}; a reference date is a date")
        return Reading(name, None, declared.listed)

    def _reference(self, named: str | None, place: _Place) -> Reading | None:
        """The reference date of a condition that depends on one."""
        if named is None:
            return self.reference
        return None if named == TODAY else self._date(named, place._replace(field=f"{place.field}.reference"))

    def _test(self, c: Comparison, place: _Place) -> Node:
        declared = self._fact(c, place)
        kind, field = declared.type, place.field
        name = c.fact if c.period is None else f"{c.fact}[{c.period}]"
        own = [(operator, bound) for operator, bound in c.bounds() if isinstance(bound, Own)]
        if isinstance(c.equals, Own):
            own = [("=", c.equals)]
        if own:
            return self._versus(c, declared, own, name, place)
        if c.bounds():
            self._require(kind in NUMERIC, c, field, "bounds", kind)
            check: Check = self._between(c, field)
            text = " and ".join(f"{name} {operator} {self._bound_text(bound)}" for operator, bound in c.bounds())
        elif c.years_ago is not None:
            self._require(kind is FactType.DATE, c, field, "years_ago", kind)
            check = YearsAgo(self._between(c.years_ago, f"{field}.years_ago"))
            text = self._years_text("years since", name, c.years_ago)
        elif c.calendar_years_ago is not None:
            self._require(kind is FactType.DATE, c, field, "calendar_years_ago", kind)
            check = CalendarYearsAgo(self._between(c.calendar_years_ago, f"{field}.calendar_years_ago"))
            text = self._years_text("calendar years since", name, c.calendar_years_ago)
        elif c.not_past is not None:
            self._require(kind is FactType.DATE, c, field, "not_past", kind)
            check, text = NotPast(), f"{name} not past"
        elif c.within is not None:
            check, text = self._within(c, kind, field), f"{name} within {', '.join(c.within)}"
        else:
            check, text = self._one_of(c, declared, name, field)
        dated = c.period is not None or declared.dated or check.dated
        reference = self._reference(c.reference, place) if dated or c.reference is not None else None
        return Test(text, Reading(c.fact, c.period, declared.listed, reference), check)

    def _within(self, c: Comparison, kind: FactType, field: str) -> Within:
        self._require(kind in (FactType.REGION, FactType.INDUSTRY), c, field, "within", kind)
        for root in c.within or ():
            known = is_region(root) if kind is FactType.REGION else is_industry_root(root)
            if not known:
                raise self._refused(field, f"{root!r} is not a code of the {kind} tree")
        return Within(tuple(c.within or ()))

    def _one_of(self, c: Comparison, declared: _Declared, name: str, field: str) -> tuple[OneOf, str]:
        kind = declared.type
        members = [c.equals] if isinstance(c.equals, bool | str) else list(c.one_of or [])
        self._require(
            kind in (FactType.CODE, FactType.BOOLEAN, FactType.IDENTIFIER), c, field, "equals or one_of", kind
        )
        allowed: tuple[object, ...] = (True, False) if kind is FactType.BOOLEAN else declared.codes
        for member in members:
            known = kind is FactType.IDENTIFIER or member in allowed
            if not known or (kind is FactType.BOOLEAN) != isinstance(member, bool):
                raise self._refused(field, f"{member!r} is not a value of {c.fact!r}: {', '.join(map(str, allowed))}")
        text = f"{name} = {members[0]}" if len(members) == 1 else f"{name} in {', '.join(map(str, members))}"
        return OneOf(frozenset(members)), text

    def _versus(self, c: Comparison, declared: _Declared, own: list[tuple[str, Own]], name: str, place: _Place) -> Node:
        if c.bounds() and len(own) != len(c.bounds()):
            raise self._refused(place.field, "give bounds by the own item and by numbers in conditions of their own")
        if c.reference is not None or c.period is not None:
            raise self._refused(place.field, "a comparison with the own item has neither period nor reference date")
        parts: list[Node] = []
        for operator, other in own:
            mine = self._declared(other.own, place.field)
            if self.policy.for_each is None or mine.listed != self.policy.for_each:
                raise self._refused(place.field, f"own: {other.own!r} is not a fact of the items of `for_each`")
            comparable = mine.type is declared.type or {mine.type, declared.type} <= set(NUMERIC)
            if not comparable or (operator != "=" and mine.type not in ORDERED):
                text = f"{c.fact!r}, {declared.type}, cannot be held {operator} {other.own!r}, {mine.type}"
                raise self._refused(place.field, text)
            parts.append(
                Versus(
                    f"{name} {operator} own {other.own}",
                    Reading(c.fact, None, declared.listed),
                    operator,
                    Reading(other.own, None, mine.listed, own=True),
                )
            )
        return parts[0] if len(parts) == 1 else conjunction(*parts)

    def _counted(self, c: Items, place: _Place) -> Counted:
        self._list(c.items, place.field)
        self.counts += 1
        if self.counts > MOST_COUNTED:
            raise self._refused(place.field, f"a policy counts items at most {MOST_COUNTED} times")
        if place.counted:
            raise self._refused(place.field, f"items {c.items!r} stand within items; count each list by itself")
        self.reads.update(name for name, fact in self.catalogue.facts.items() if fact.list == c.items)
        interval = c.share if c.share is not None else c.count
        where = None if c.where is None else self._node(c.where, place.counting(interval, c.items))
        thresholds, text = AT_LEAST_ONE, f"some {c.items}"
        whole, dated = None, False
        if interval is not None:
            between = self._between(interval, f"{place.field}.{'count' if c.share is None else 'share'}")
            thresholds, dated = between.thresholds, between.dated
            text = " and ".join(
                f"{c.items} {operator} {self._bound_text(bound)}" for operator, bound in interval.bounds()
            )
        if c.of is not None:
            declared = self._fact(c.of, place.under(".of"))
            if declared.type not in NUMERIC:
                raise self._refused(f"{place.field}.of", f"fact {c.of.fact!r} is of type {declared.type}, not a number")
            whole = Reading(c.of.fact, c.of.period, declared.listed)
            dated = dated or c.of.period is not None or declared.dated
            text = f"share in {c.of.fact} of {text}"
        if c.where is not None:
            text = f"{text} that meet {_shown(c.where)}"
        return Counted(text, c.items, where, thresholds, whole, self.reference if dated else None)

    def _received(self, c: Received, place: _Place) -> ReceivedTimes:
        self._list(RECEIPTS, place.field)
        if c.item is not None and c.item not in place.lists:
            raise self._refused(place.field, f"item: no item of {c.item!r} is meant here; use for_each or items")
        if self.policy.id in c.received and place.counting(c.times, RECEIPTS).raises:
            text = "its own receipts could make it true; a policy may count them only to bar"
            raise self._refused(f"{place.field}.received", text)
        self.receives.update(c.received)
        thresholds, dated = AT_LEAST_ONE, bool(c.this_year)
        text = f"received {' or '.join(c.received)}"
        if c.item is not None:
            text += f" for this item of {c.item}"
        if c.this_year:
            text += " this year"
        if c.times is not None:
            between = self._between(c.times, f"{place.field}.times")
            thresholds, dated = between.thresholds, dated or between.dated
            bounds = " and ".join(f"{operator} {self._bound_text(bound)}" for operator, bound in c.times.bounds())
            text += f", times {bounds}"
        reference = self._reference(c.reference, place) if dated or c.reference is not None else None
        return ReceivedTimes(text, frozenset(c.received), c.item, bool(c.this_year), thresholds, reference)

    def _require(self, allowed: bool, c: Comparison, field: str, test: str, kind: FactType) -> None:
        if not allowed:
            raise self._refused(field, f"fact {c.fact!r} is of type {kind}, which {test} cannot test")

    def _between(self, interval: Interval, field: str) -> Between:
        thresholds = tuple(Threshold(operator, self._steps(bound, field)) for operator, bound in interval.bounds())
        if not thresholds:
            raise self._refused(field, "the interval has no bound")
        days = {begins for threshold in thresholds for begins, _ in threshold.steps}
        for day in sorted(days):
            lows = [(t.on(day), t.operator == ">") for t in thresholds if t.operator in "≥>"]
            highs = [(t.on(day), t.operator == "<") for t in thresholds if t.operator in "≤<"]
            for low, low_open in lows:
                for high, high_open in highs:
                    if low is None or high is None:
                        continue
                    if low > high or (low == high and (low_open or high_open)):
                        raise self._refused(field, f"contradictory interval: nothing is above {low} and below {high}")
        return Between(thresholds)

    def _steps(self, bound: Bound, field: str) -> tuple[tuple[date, Fraction], ...]:
        if isinstance(bound, Own):
            raise self._refused(field, f"own: {bound.own!r} can bound a fact of an item only")
        if not isinstance(bound, Parameter):
            return ((BEGINNING, Fraction(bound)),)
        value = self.policy.parameters.get(bound.parameter)
        if value is None:
            raise self._refused(field, f"parameter {bound.parameter!r} is not among the policy's parameters")
        if not isinstance(value, list):
            return ((BEGINNING, Fraction(value)),)
        steps = tuple((step.from_, Fraction(step.value)) for step in value)
        if list(steps) != sorted(set(steps)) or len({begins for begins, _ in steps}) != len(steps) or not steps:
            raise self._refused(f"parameters.{bound.parameter}", "dates must be given, rise, and not repeat")
        return steps

    def _bound_text(self, bound: Bound) -> str:
        """A bound as one reads it: a parameter by its name, and its value where that does not change."""
        if not isinstance(bound, Parameter):
            return str(bound)
        value = self.policy.parameters.get(bound.parameter)
        return bound.parameter if value is None or isinstance(value, list) else f"{bound.parameter} ({value})"

    def _years_text(self, what: str, name: str, interval: Interval) -> str:
        return " and ".join(
            f"{what} {name} {operator} {self._bound_text(bound)}" for operator, bound in interval.bounds()
        )

    def _base(self, benefit: Benefit, place: _Place) -> Reading | None:
        field, base = place.field, benefit.base()
        if (benefit.by_grade is not None or benefit.entry) and self.policy.list_kind != "roster":
            raise self._refused(field, "by_grade and entry need a roster policy")
        if benefit.top_up is not None:
            self._list(RECEIPTS, f"{field}.top_up")
            self.receives.update(benefit.top_up)
        if base is None:
            return None
        declared = self._fact(base, place)
        if declared.type not in NUMERIC:
            raise self._refused(field, f"fact {base.fact!r} is of type {declared.type}; an amount needs a number")
        reference = self.reference if base.period is not None or declared.dated else None
        return Reading(base.fact, base.period, declared.listed, reference)

    def _figures(self, benefit: Benefit, field: str) -> Mapping[str, Threshold]:
        given = {name: getattr(benefit, name) for name in FIGURES}
        figures = {
            name: Threshold("=", self._steps(g, f"{field}.{name}")) for name, g in given.items() if g is not None
        }
        for name, threshold in figures.items():
            if name != "full" and any(value < 0 for _, value in threshold.steps):
                raise self._refused(f"{field}.{name}", "is below 0")
        if any(Fraction(amount) < 0 for amount in (benefit.by_grade or {}).values()):
            raise self._refused(f"{field}.by_grade", "is below 0")
        if "full" in figures and any(value <= 0 for _, value in figures["full"].steps):
            raise self._refused(f"{field}.full", "is more than 0: the amount is given for every full one")
        return figures


def _shown(condition: Condition) -> str:
    """A condition on items in one line, as its document says it."""
    return condition.model_dump_json(by_alias=True, exclude_none=True).replace('"', "")
