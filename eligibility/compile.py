"""A policy document, checked against the fact catalogue and compiled into conditions that can be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from eligibility.business_time import period_kind
from eligibility.conditions import (
    Between,
    Check,
    Negated,
    Node,
    OneOf,
    Test,
    Threshold,
    Within,
    YearsAgo,
    conjunction,
    disjunction,
)
from eligibility.derived import DERIVED
from eligibility.errors import Refused
from schemas.catalogue import FactDeclaration, FactType, PeriodKind
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
    Not,
    Parameter,
    Policy,
)
from schemas.regions import is_region
from schemas.rejected import RejectCode

BEGINNING = date(1900, 1, 1)
MOST_NESTED = 40
NUMERIC = (FactType.INTEGER, FactType.DECIMAL)


@dataclass(frozen=True)
class CompiledRule:
    """A rule: when it applies (None: always), and what it gives. `rate` is dated like any parameter."""

    when: Node | None
    benefit: Benefit
    base: FactOf | None
    rate: Threshold | None


@dataclass(frozen=True)
class CompiledPolicy:
    """A policy version ready to be evaluated. `conditions` include whom it is for and where it holds."""

    document: Policy
    conditions: Node
    rules: tuple[CompiledRule, ...]


def compile_policy(policy: Policy, catalogue: Mapping[str, FactDeclaration]) -> CompiledPolicy:
    """Check `policy` against the catalogue and compile it.

    Raises Refused (BAD_POLICY) naming the field and the value: an undeclared fact, a period a fact does not have, a
    test its type does not allow, a code that is not declared, an interval nothing can lie in, an unknown parameter.
    """
    return _Compiler(policy, catalogue).compile()


class _Compiler:
    def __init__(self, policy: Policy, catalogue: Mapping[str, FactDeclaration]) -> None:
        self.policy = policy
        self.catalogue = catalogue

    def compile(self) -> CompiledPolicy:
        policy = self.policy
        if not is_region(policy.region):
            raise self._refused("region", f"region {policy.region!r} is not in the region tree")
        who = Comparison(fact="kind", one_of=[kind.value for kind in policy.subjects])
        where = Comparison(fact="region", within=[policy.region])
        parts = [self._node(who, "subjects"), self._node(where, "region")]
        if policy.conditions is not None:
            parts.append(self._node(policy.conditions, "conditions"))
        rules = tuple(
            CompiledRule(
                None if rule.when is None else self._node(rule.when, f"rules[{place}].when"),
                rule.benefit,
                self._base(rule.benefit, f"rules[{place}].benefit"),
                self._rate(rule.benefit, f"rules[{place}].benefit"),
            )
            for place, rule in enumerate(policy.rules)
        )
        return CompiledPolicy(policy, conjunction(*parts), rules)

    def _refused(self, field: str, text: str) -> Refused:
        return Refused(RejectCode.BAD_POLICY, f"policy {self.policy.id}, {field}: {text}", field)

    def _node(self, condition: Condition, field: str) -> Node:
        if field.count(".") > MOST_NESTED:
            raise self._refused(field.split(".")[0], f"conditions are nested more than {MOST_NESTED} deep")
        match condition:
            case AllOf():
                return conjunction(*(self._node(c, f"{field}.all[{i}]") for i, c in enumerate(condition.all)))
            case AnyOf():
                return disjunction(*(self._node(c, f"{field}.any[{i}]") for i, c in enumerate(condition.any)))
            case Not():
                return Negated(self._node(condition.not_, f"{field}.not"))
            case Comparison():
                return self._test(condition, field)

    def _declared(self, name: str, field: str) -> tuple[FactType, PeriodKind | None, tuple[str, ...]]:
        if (base := self.catalogue.get(name)) is not None:
            return base.type, base.period, tuple(base.codes or ())
        if (derived := DERIVED.get(name)) is not None:
            for needed in derived.base_facts:
                if needed not in self.catalogue:
                    raise self._refused(field, f"fact {name!r} is derived from {needed!r}, which is not declared")
            return derived.type, derived.period, derived.codes
        raise self._refused(field, f"fact {name!r} is not declared in the catalogue; declare it, or correct the name")

    def _fact(self, fact: Comparison | FactOf, field: str) -> tuple[FactType, tuple[str, ...]]:
        kind, period, codes = self._declared(fact.fact, field)
        asked = None if fact.period is None else period_kind(fact.period)
        if asked != period:
            need = f"is given per {period}: name a period" if period else "has no period"
            raise self._refused(field, f"fact {fact.fact!r} {need}, not {fact.period!r}")
        return kind, codes

    def _test(self, c: Comparison, field: str) -> Test:
        kind, codes = self._fact(c, field)
        name = c.fact if c.period is None else f"{c.fact}[{c.period}]"
        if c.bounds():
            self._require(kind in NUMERIC, c, field, "bounds", kind)
            check: Check = self._between(c, field)
            text = " and ".join(f"{name} {operator} {_bound_text(bound)}" for operator, bound in c.bounds())
        elif c.years_ago is not None:
            self._require(kind is FactType.DATE, c, field, "years_ago", kind)
            check = YearsAgo(self._between(c.years_ago, f"{field}.years_ago"))
            bounds = c.years_ago.bounds()
            text = " and ".join(f"years since {name} {operator} {_bound_text(bound)}" for operator, bound in bounds)
        elif c.within is not None:
            self._require(kind in (FactType.REGION, FactType.INDUSTRY), c, field, "within", kind)
            for root in c.within:
                known = is_region(root) if kind is FactType.REGION else is_industry_root(root)
                if not known:
                    raise self._refused(field, f"{root!r} is not a code of the {kind} tree")
            check, text = Within(tuple(c.within)), f"{name} within {', '.join(c.within)}"
        else:
            members = [c.equals] if c.equals is not None else list(c.one_of or [])
            self._require(kind in (FactType.CODE, FactType.BOOLEAN), c, field, "equals or one_of", kind)
            allowed: tuple[object, ...] = (True, False) if kind is FactType.BOOLEAN else codes
            for member in members:
                if member not in allowed or (kind is FactType.BOOLEAN) != isinstance(member, bool):
                    raise self._refused(
                        field, f"{member!r} is not a value of {c.fact!r}: {', '.join(map(str, allowed))}"
                    )
            check = OneOf(frozenset(members))
            text = f"{name} = {members[0]}" if len(members) == 1 else f"{name} in {', '.join(map(str, members))}"
        return Test(text, c.fact, c.period, check)

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

    def _base(self, benefit: Benefit, field: str) -> FactOf | None:
        base = benefit.base()
        if base is not None:
            kind, _ = self._fact(base, field)
            if kind not in NUMERIC:
                raise self._refused(field, f"fact {base.fact!r} is of type {kind}; an amount needs a number")
        if (benefit.by_grade is not None or benefit.entry) and self.policy.list_kind != "roster":
            raise self._refused(field, "by_grade and entry need a roster policy")
        return base

    def _rate(self, benefit: Benefit, field: str) -> Threshold | None:
        return None if benefit.rate is None else Threshold("≥", self._steps(benefit.rate, field))


def _bound_text(bound: Bound) -> str:
    return bound.parameter if isinstance(bound, Parameter) else str(bound)
