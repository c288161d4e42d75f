"""Derived facts: recomputed from base facts whenever they are looked at; unknown as soon as an input they need is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import cast

from eligibility.errors import Refused
from eligibility.facts_view import Derived, FactsView, Inputs, Observation
from eligibility.size_class import size_category, size_class
from eligibility.values import Value
from schemas.catalogue import FactDeclaration, FactType, PeriodKind
from schemas.policy import RelativePeriod
from schemas.rejected import RejectCode


def _mean(values: Sequence[Value]) -> Value:
    return Fraction(sum(cast(list[int], values)), len(values))


def _ratio(values: Sequence[Value]) -> Value | None:
    part, whole = cast(tuple[int, int], values)
    return Fraction(part) / whole if whole else None  # of nobody, no share is defined


def _months_of(name: str) -> Inputs:
    return lambda view, year: [view.at(name, f"{year}-{month:02d}") for month in range(1, 13)]


def _same_period(*names: str) -> Inputs:
    return lambda view, period: [view.at(name, period) for name in names]


def _size_inputs(view: FactsView, period: str) -> list[Observation]:
    """Only what the industry's category asks for, so that assets nobody shares are missed only where they count."""
    del period
    industry = view.get("industry")
    if industry.value is None:
        return [industry]
    reads = {
        "X": lambda: view.get("persons_employed"),
        "Y": lambda: view.get("yearly_sales", RelativePeriod.LAST_YEAR),
        "Z": lambda: view.get("assets"),
    }
    return [industry, *(reads[measure]() for measure in size_category(cast(str, industry.value)).measures)]


def _size(values: Sequence[Value]) -> Value:
    industry, *measures = values
    return size_class(cast(str, industry), [Fraction(cast(Fraction, m)) for m in measures])


DERIVED: Mapping[str, Derived] = {
    fact.name: fact
    for fact in (
        Derived(
            "insured_staff_mean",
            FactType.DECIMAL,
            PeriodKind.YEAR,
            ("insured_staff",),
            _months_of("insured_staff"),
            _mean,
        ),
        Derived(
            "layoff_rate",
            FactType.DECIMAL,
            PeriodKind.YEAR,
            ("new_unemployment_recipients", "insured_staff"),
            _same_period("new_unemployment_recipients", "insured_staff_mean"),
            _ratio,
        ),
        Derived(
            "disabled_staff_ratio",
            FactType.DECIMAL,
            None,
            ("disabled_staff", "employees_in_post"),
            _same_period("disabled_staff", "employees_in_post"),
            _ratio,
        ),
        Derived(
            "size_class",
            FactType.CODE,
            None,
            ("industry", "persons_employed", "yearly_sales", "assets"),
            _size_inputs,
            _size,
            ("large", "medium", "small", "micro"),
        ),
    )
}
"""裁员率, 残疾人安置比例, 企业规模 and what they need. `size_class` takes last year's sales as revenue."""

_BASE_FACTS: Mapping[str, tuple[FactType, PeriodKind | None]] = {
    "insured_staff": (FactType.INTEGER, PeriodKind.MONTH),
    "new_unemployment_recipients": (FactType.INTEGER, PeriodKind.YEAR),
    "disabled_staff": (FactType.INTEGER, None),
    "employees_in_post": (FactType.INTEGER, None),
    "industry": (FactType.INDUSTRY, None),
    "persons_employed": (FactType.INTEGER, None),
    "yearly_sales": (FactType.DECIMAL, PeriodKind.YEAR),
    "assets": (FactType.DECIMAL, None),
}


def check_base_fact(declaration: FactDeclaration) -> None:
    """Raise Refused (BAD_VALUE) when a fact that derived facts compute with is declared in another form."""
    needed = _BASE_FACTS.get(declaration.name, (declaration.type, declaration.period))
    if needed != (declaration.type, declaration.period):
        per = f" per {needed[1]}" if needed[1] else ""
        text = f"fact {declaration.name!r} must be {needed[0]}{per}: derived facts compute with it"
        raise Refused(RejectCode.BAD_VALUE, text, "facts")
