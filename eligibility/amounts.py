"""Benefit standards: how much, and the arithmetic that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from eligibility.compile import CompiledRule
from eligibility.facts_view import FactsView, MissingFact, Observation
from eligibility.values import exact_text, yuan
from schemas.decisions import Amount
from schemas.events import RosterEntry


@dataclass(frozen=True)
class Standard:
    """An amount computed, and the base fact it used or lacks."""

    amount: Amount
    base: Observation | None = None
    missing: frozenset[MissingFact] = frozenset()


def compute_amount(rule: CompiledRule | None, view: FactsView, entry: RosterEntry | None) -> Standard:
    """The amount of a rule that applies, in 元 to the 分; a value of None says in its arithmetic why.

    `rule` None: which one applies is not known. `entry`: the roster line, where the standard is in the roster.
    """
    if rule is None:
        return Standard(Amount(value=None, arithmetic="which standard applies is not known"))
    benefit = rule.benefit
    if benefit.fixed is not None:
        return Standard(Amount(value=yuan(Fraction(benefit.fixed)), arithmetic=f"fixed {benefit.fixed}"))
    if benefit.reduced_rate is not None:
        return Standard(Amount(value=None, arithmetic=f"rate reduced to {benefit.reduced_rate}; no base is shared"))
    if benefit.by_grade is not None:
        return Standard(_by_grade(benefit.by_grade, entry))
    if benefit.entry:
        given = None if entry is None else entry.amount
        if given is None:
            return Standard(Amount(value=None, arithmetic="the roster's entry gives no amount"))
        return Standard(Amount(value=yuan(Fraction(given)), arithmetic=f"{given} as the roster's entry says"))
    return _share(rule, view)


def _by_grade(grades: dict[str, str], entry: RosterEntry | None) -> Amount:
    grade = None if entry is None else entry.grade
    if grade is None or grade not in grades:
        return Amount(value=None, arithmetic=f"no standard for grade {grade}: {', '.join(sorted(grades))}")
    return Amount(value=yuan(Fraction(grades[grade])), arithmetic=f"{grades[grade]} for grade {grade}")


def _share(rule: CompiledRule, view: FactsView) -> Standard:
    assert rule.base is not None
    seen = view.get(rule.base.fact, rule.base.period)
    label = seen.name if seen.period == "-" else f"{seen.name}[{seen.period}]"
    if seen.value is None:
        return Standard(Amount(value=None, arithmetic=f"{label} is not known"), seen, seen.missing)
    base = Fraction(seen.value)  # type: ignore[arg-type]  # compiled against numeric facts only
    if rule.rate is None:
        return Standard(Amount(value=yuan(base), arithmetic=f"{label} {yuan(base)} in full"), seen)
    rate = rule.rate.on(view.today)
    if rate is None:
        return Standard(Amount(value=None, arithmetic=f"the rate has no value on {view.today}"), seen)
    amount, shown = base * rate, f"{exact_text(rate)} × {label} {yuan(base)}"
    if rule.benefit.cap is not None and amount > Fraction(rule.benefit.cap):
        amount, shown = Fraction(rule.benefit.cap), f"{shown}, at most {rule.benefit.cap}"
    return Standard(Amount(value=yuan(amount), arithmetic=f"{shown} = {yuan(amount)}"), seen)
