"""Benefit standards: how much, and the arithmetic that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import cast

from eligibility.compile import CompiledRule
from eligibility.conditions import Reading, Scope, reference_day
from eligibility.derived import RECEIPTS
from eligibility.facts_view import MissingFact, Observation
from eligibility.kleene import Truth
from eligibility.receipts import Receipt, receipts_seen, unknown_receipts
from eligibility.subject_file import NO_ITEM, NO_PERIOD
from eligibility.values import exact_text, yuan
from schemas.decisions import Amount
from schemas.events import RosterEntry


@dataclass(frozen=True)
class Standard:
    """An amount computed, and the base facts it used or lacks.

    `amount` None: what is granted is no money. `due`: whether anything is, which is in doubt only for a top-up.
    """

    amount: Amount | None
    bases: tuple[Observation, ...] = ()
    missing: frozenset[MissingFact] = frozenset()
    due: Truth = True


def _unknown(arithmetic: str) -> Standard:
    return Standard(Amount(value=None, arithmetic=arithmetic))


def _exactly(value: Fraction, arithmetic: str, *bases: Observation) -> Standard:
    """A sum, never below nothing: a loss is no debt to the state."""
    if value < 0:
        value, arithmetic = Fraction(0), f"{arithmetic}, not below 0"
    return Standard(Amount(value=yuan(value), arithmetic=arithmetic), bases)


@lru_cache(4_096)
def _fixed(value: Fraction) -> Standard:
    return _exactly(value, f"fixed {exact_text(value)}")


def compute_amount(
    rules: Sequence[CompiledRule], scope: Scope, entry: RosterEntry | None, reference: Reading | None
) -> Standard:
    """The amount of the rule that applies, in 元 to the 分; a value of None says in its arithmetic why.

    `rules`: the one that applies, or all of which one does. `entry`: the roster line, where the standard is in the
    roster. `reference`: the policy's reference date, on which dated parameters have their value; None: today.
    """
    standards = [_of_rule(rule, scope, entry, reference) for rule in rules]
    if len(standards) == 1:
        return standards[0]
    dues = {standard.due for standard in standards}
    missing = frozenset[MissingFact]().union(*(standard.missing for standard in standards if standard.due is None))
    unknown = _unknown("which standard applies is not known")
    return replace(unknown, missing=missing, due=dues.pop() if len(dues) == 1 else None)


def _of_rule(rule: CompiledRule, scope: Scope, entry: RosterEntry | None, reference: Reading | None) -> Standard:
    standard = _gross(rule, scope, entry, reference)
    return standard if rule.benefit.top_up is None else _topped_up(standard, frozenset(rule.benefit.top_up), scope)


def _gross(rule: CompiledRule, scope: Scope, entry: RosterEntry | None, reference: Reading | None) -> Standard:
    benefit = rule.benefit
    if benefit.grants is not None:
        return Standard(None)
    day = scope.view.today
    if reference is not None and any(threshold.dated for threshold in rule.figures.values()):
        event, seen = reference.day_of(scope)
        if event is None:
            return Standard(Amount(value=None, arithmetic=f"{seen.name} is not known"), (seen,), seen.missing)
        day = event
    figures = {name: threshold.on(day) for name, threshold in rule.figures.items()}
    if None in figures.values():
        lacking = next(name for name, figure in figures.items() if figure is None)
        return _unknown(f"the {lacking} has no value yet")
    figure = cast(dict[str, Fraction], figures)
    if benefit.fixed is not None:
        return _fixed(figure["fixed"])
    if benefit.reduced_rate is not None:
        return _unknown(f"rate reduced to {exact_text(figure['reduced_rate'])}; no base is shared")
    if benefit.by_grade is not None:
        return _by_grade(benefit.by_grade, entry)
    if benefit.entry:
        given = None if entry is None else entry.amount
        if given is None:
            return _unknown("the roster's entry gives no amount")
        return _exactly(Fraction(given), f"{given} as the roster's entry says")
    return _of_base(rule, scope, figure)


def _by_grade(grades: dict[str, str], entry: RosterEntry | None) -> Standard:
    grade = None if entry is None else entry.grade
    if grade is None or grade not in grades:
        return _unknown(f"no standard for grade {grade}: {', '.join(sorted(grades))}")
    return _exactly(Fraction(grades[grade]), f"{grades[grade]} for grade {grade}")


def _of_base(rule: CompiledRule, scope: Scope, figure: dict[str, Fraction]) -> Standard:
    assert rule.base is not None
    on, reference = reference_day(rule.base.reference, scope)
    if on is None:
        assert reference is not None
        unknown = Amount(value=None, arithmetic=f"{reference.name} is not known")
        return Standard(unknown, (reference,), reference.missing)
    seen = rule.base.at(scope, None if reference is None else on)
    label = seen.name + "".join(f"[{part}]" for part in (seen.period, seen.item) if part != NO_PERIOD)
    if seen.value is None:
        return Standard(Amount(value=None, arithmetic=f"{label} is not known"), (seen,), seen.missing)
    base = Fraction(cast(Fraction, seen.value))
    if rule.benefit.exempt is not None:
        return _exactly(base, f"{label} {yuan(base)} in full", seen)
    if rule.benefit.rate is not None:
        amount = base * figure["rate"]
        shown = f"{exact_text(figure['rate'])} × {label} {yuan(base)}"
    else:
        full = figure.get("full", Fraction(1))
        times = max(base // full, 0)
        amount = times * figure["each"]
        shown = f"{times} × {exact_text(figure['each'])} for each full {exact_text(full)} of {label} {exact_text(base)}"
    if "cap" in figure and amount > figure["cap"]:
        amount, shown = figure["cap"], f"{shown}, at most {exact_text(figure['cap'])}"
    return _exactly(amount, f"{shown} = {yuan(amount)}", seen)


def _topped_up(standard: Standard, policies: frozenset[str], scope: Scope) -> Standard:
    """The difference to what was received; unknown as long as there may be receipts nobody has told of."""
    view = scope.view
    received: list[Receipt] = []
    missing = unknown_receipts(view)
    for receipt, doubts in receipts_seen(view, scope.key):
        if receipt.key is None or (receipt.key.policy in policies and doubts):
            missing |= receipt.named[0].missing | doubts
        elif receipt.key.policy in policies:
            missing |= receipt.amount.missing
            received.append(receipt)
    sources = tuple(s for receipt in received for o in (*receipt.named, receipt.amount) for s in o.sources)
    paid = sum((receipt.sum or Fraction(0) for receipt in received), Fraction(0))
    bases = (
        *standard.bases,
        Observation(
            RECEIPTS,
            NO_PERIOD,
            NO_ITEM,
            None if missing else paid,
            (*sources, *view.completeness(RECEIPTS)),
            missing,
            derived=True,
        ),
    )
    gross = None if standard.amount is None else standard.amount.value
    if gross is None or standard.amount is None:
        return replace(standard, bases=bases, missing=standard.missing | missing, due=None)
    rest, shown = Fraction(gross) - paid, f"{standard.amount.arithmetic}, less {yuan(paid)} received"
    if rest <= 0:
        return Standard(Amount(value=yuan(Fraction(0)), arithmetic=f"{shown}: nothing is left"), bases, due=False)
    if missing:
        amount = Amount(value=None, arithmetic=f"{shown}; what else was received is not known")
        return Standard(amount, bases, standard.missing | missing, due=None)
    return Standard(Amount(value=yuan(rest), arithmetic=f"{shown} = {yuan(rest)}"), bases)
