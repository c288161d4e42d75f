"""Derived facts: recomputed from base facts whenever they are looked at; unknown as soon as an input they need is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import cast

from eligibility.errors import Refused
from eligibility.facts_view import Compute, Derived, FactsView, Inputs, Observation
from eligibility.size_class import size_category, size_class
from eligibility.values import Value
from schemas.catalogue import FactDeclaration, FactType, PeriodKind
from schemas.policy import RelativePeriod
from schemas.rejected import RejectCode

DECIMAL, INTEGER, DATE, IDENTIFIER = FactType.DECIMAL, FactType.INTEGER, FactType.DATE, FactType.IDENTIFIER
YEAR, QUARTER, MONTH = PeriodKind.YEAR, PeriodKind.QUARTER, PeriodKind.MONTH
RECEIPTS = "receipts"
"""The list of benefits received, whose facts the engine reads by name."""


def _numbers(values: Sequence[Value]) -> list[Fraction]:
    return [Fraction(cast(Fraction, value)) for value in values]


def _mean(values: Sequence[Value]) -> Value:
    return sum(_numbers(values), Fraction(0)) / len(values)


def _sum(values: Sequence[Value]) -> Value:
    return sum(_numbers(values), Fraction(0))


def _ratio(values: Sequence[Value]) -> Value | None:
    part, whole = _numbers(values)
    return part / whole if whole else None  # of nobody, no share is defined


def _increment(values: Sequence[Value]) -> Value:
    now, before = _numbers(values)
    return now - before


def _growth(values: Sequence[Value]) -> Value | None:
    now, before = _numbers(values)
    return (now - before) / before if before > 0 else None  # from nothing, no growth is defined


def _year_before(label: str, years: int = 1) -> str:
    return f"{int(label[:4]) - years:04d}{label[4:]}"


def _months_of(name: str) -> Inputs:
    return lambda view, year, day: [view.at(name, f"{year}-{month:02d}") for month in range(1, 13)]


def _quarters_of(name: str) -> Inputs:
    return lambda view, year, day: [view.at(name, f"{year}Q{quarter}") for quarter in range(1, 5)]


def _same_period(*names: str) -> Inputs:
    return lambda view, period, day: [view.at(name, period) for name in names]


def _and_year_before(name: str) -> Inputs:
    return lambda view, period, day: [view.at(name, period), view.at(name, _year_before(period))]


def _size_inputs(view: FactsView, period: str, day: date) -> list[Observation]:
    """Only what the industry's category asks for, so that assets nobody shares are missed only where they count."""
    industry = view.get("industry")
    if industry.value is None:
        return [industry]
    event = None if day == view.today else day
    reads = {
        "X": lambda: view.get("persons_employed"),
        "Y": lambda: view.get("yearly_sales", RelativePeriod.LAST_YEAR, day=event),
        "Z": lambda: view.get("assets"),
    }
    return [industry, *(reads[measure]() for measure in size_category(cast(str, industry.value)).measures)]


def _size(values: Sequence[Value]) -> Value:
    industry, *measures = values
    return size_class(cast(str, industry), _numbers(measures))


def _three_years(view: FactsView, year: str, day: date) -> list[Observation]:
    """R&D expense, then sales, of the year and the two before; of a younger enterprise, of the years it has."""
    founded = view.get("established_on")
    if founded.value is None:
        return [founded]
    first = max(int(year) - 2, cast(date, founded.value).year)
    years = [f"{y:04d}" for y in range(first, int(year) + 1)]
    return [founded, *(view.at(name, y) for name in ("rd_expense", "yearly_sales") for y in years)]


def _ratio_of_sums(values: Sequence[Value]) -> Value | None:
    figures = _numbers(values[1:])
    half = len(figures) // 2
    whole = sum(figures[half:])
    return sum(figures[:half]) / whole if whole else None


def _defined(
    name: str,
    kind: FactType,
    period: PeriodKind | None,
    base_facts: tuple[str, ...],
    inputs: Inputs,
    compute: Compute,
    codes: tuple[str, ...] = (),
    *,
    dated: bool = False,
) -> tuple[str, Derived]:
    return name, Derived(name, kind, period, base_facts, inputs, compute, codes, dated)


_RD = ("rd_expense", "yearly_sales")
_TECHNICAL = ("technical_staff", "employees_in_post")
_RD_STAFF = ("rd_staff", "employees_in_post")
_DISABLED = ("disabled_staff", "employees_in_post")
_LAYOFF = ("new_unemployment_recipients", "insured_staff")
_SIZE = ("industry", "persons_employed", "yearly_sales", "assets")

DERIVED: Mapping[str, Derived] = dict(
    (
        _defined("insured_staff_mean", DECIMAL, YEAR, ("insured_staff",), _months_of("insured_staff"), _mean),
        _defined(
            "layoff_rate",
            DECIMAL,
            YEAR,
            _LAYOFF,
            _same_period("new_unemployment_recipients", "insured_staff_mean"),
            _ratio,
        ),
        _defined("disabled_staff_ratio", DECIMAL, None, _DISABLED, _same_period(*_DISABLED), _ratio),
        _defined("technical_staff_ratio", DECIMAL, None, _TECHNICAL, _same_period(*_TECHNICAL), _ratio),
        _defined("rd_staff_ratio", DECIMAL, None, _RD_STAFF, _same_period(*_RD_STAFF), _ratio),
        _defined(
            "size_class",
            FactType.CODE,
            None,
            _SIZE,
            _size_inputs,
            _size,
            ("large", "medium", "small", "micro"),
            dated=True,
        ),
        _defined("assets_mean", DECIMAL, YEAR, ("quarterly_assets",), _quarters_of("quarterly_assets"), _mean),
        _defined(
            "persons_employed_mean",
            DECIMAL,
            YEAR,
            ("quarterly_persons_employed",),
            _quarters_of("quarterly_persons_employed"),
            _mean,
        ),
        _defined("rd_ratio", DECIMAL, YEAR, _RD, _same_period(*_RD), _ratio),
        _defined("rd_ratio_3y", DECIMAL, YEAR, (*_RD, "established_on"), _three_years, _ratio_of_sums),
        _defined("rd_expense_2y_mean", DECIMAL, YEAR, ("rd_expense",), _and_year_before("rd_expense"), _mean),
        _defined("equity_raised_2y", DECIMAL, YEAR, ("equity_raised",), _and_year_before("equity_raised"), _sum),
        _defined("sales_growth", DECIMAL, YEAR, ("yearly_sales",), _and_year_before("yearly_sales"), _growth),
        _defined("sales_increment", DECIMAL, YEAR, ("yearly_sales",), _and_year_before("yearly_sales"), _increment),
        _defined(
            "monthly_sales_growth", DECIMAL, MONTH, ("monthly_sales",), _and_year_before("monthly_sales"), _growth
        ),
        _defined(
            "monthly_sales_increment", DECIMAL, MONTH, ("monthly_sales",), _and_year_before("monthly_sales"), _increment
        ),
    )
)
"""裁员率, 残疾人安置比例, 企业规模, 研发占比, 同比增长 and what they need.

`size_class` takes last year's sales as revenue. The yearly means are those of the four quarters; growth and increment
are over the same period of the year before.
"""

_BASE_FACTS: Mapping[str, tuple[FactType, PeriodKind | None, str | None]] = {
    "insured_staff": (INTEGER, MONTH, None),
    "new_unemployment_recipients": (INTEGER, YEAR, None),
    "disabled_staff": (INTEGER, None, None),
    "employees_in_post": (INTEGER, None, None),
    "technical_staff": (INTEGER, None, None),
    "rd_staff": (INTEGER, None, None),
    "industry": (FactType.INDUSTRY, None, None),
    "persons_employed": (INTEGER, None, None),
    "established_on": (DATE, None, None),
    "yearly_sales": (DECIMAL, YEAR, None),
    "monthly_sales": (DECIMAL, MONTH, None),
    "rd_expense": (DECIMAL, YEAR, None),
    "equity_raised": (DECIMAL, YEAR, None),
    "assets": (DECIMAL, None, None),
    "quarterly_assets": (DECIMAL, QUARTER, None),
    "quarterly_persons_employed": (DECIMAL, QUARTER, None),
    "kind": (FactType.CODE, None, None),
    "region": (FactType.REGION, None, None),
    "household_region": (FactType.REGION, None, None),
    "receipt_policy": (IDENTIFIER, None, RECEIPTS),
    "receipt_period": (IDENTIFIER, None, RECEIPTS),
    "receipt_item": (IDENTIFIER, None, RECEIPTS),
    "receipt_amount": (DECIMAL, None, RECEIPTS),
    "receipt_date": (DATE, None, RECEIPTS),
}


RECEIPT_FACTS = tuple(name for name, (_, _, listed) in _BASE_FACTS.items() if listed == RECEIPTS)


def check_base_fact(declaration: FactDeclaration) -> None:
    """Raise Refused (BAD_VALUE) when a fact the engine computes with is declared in another form."""
    declared = (declaration.type, declaration.period, declaration.list)
    needed = _BASE_FACTS.get(declaration.name, declared)
    if needed != declared:
        kind, period, listed = needed
        per = f" per {period}" if period else f" of the list {listed}" if listed else ""
        text = f"fact {declaration.name!r} must be {kind}{per}: the engine computes with it"
        raise Refused(RejectCode.BAD_VALUE, text, "facts")
