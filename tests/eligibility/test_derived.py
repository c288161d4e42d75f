"""Derived facts: exact, and unknown as soon as an input they need is."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from eligibility.catalogue import Catalogue
from eligibility.derived import DERIVED, check_base_fact
from eligibility.errors import Refused
from eligibility.facts_view import FactsView, Observation
from eligibility.subject_file import FactKey, SubjectFile
from eligibility.values import Value
from schemas.catalogue import FactDeclaration
from schemas.policy import RelativePeriod

NAMES = {"zh": "事实", "en": "fact"}
AT = datetime(2024, 1, 1, tzinfo=UTC)
FORMS = {
    "insured_staff": ("integer", "month"),
    "new_unemployment_recipients": ("integer", "year"),
    "disabled_staff": ("integer", None),
    "employees_in_post": ("integer", None),
    "industry": ("industry", None),
    "persons_employed": ("integer", None),
    "yearly_sales": ("decimal", "year"),
    "assets": ("decimal", None),
    "quarterly_assets": ("decimal", "quarter"),
    "quarterly_persons_employed": ("decimal", "quarter"),
    "established_on": ("date", None),
    "rd_expense": ("decimal", "year"),
    "equity_raised": ("decimal", "year"),
    "technical_staff": ("integer", None),
    "rd_staff": ("integer", None),
    "monthly_sales": ("decimal", "month"),
}
BASE = {
    name: FactDeclaration(name=name, title=NAMES, provider="tax", type=type_, period=period)
    for name, (type_, period) in FORMS.items()
}
CATALOGUE = Catalogue(facts=BASE)


def view(facts: Mapping[Any, Value], today: date = date(2024, 5, 1)) -> FactsView:
    keys = {key if isinstance(key, tuple) else (key, "-"): value for key, value in facts.items()}
    file = SubjectFile("p-" + "a" * 32).with_facts("tax", 1, {FactKey(*k): v for k, v in keys.items()}, AT, AT)
    return FactsView(file, CATALOGUE, DERIVED, today)


def insured(*by_month: int) -> dict[Any, Value]:
    return {("insured_staff", f"2023-{month:02d}"): count for month, count in enumerate(by_month, start=1)}


def layoff_rate(facts: Mapping[Any, Value]) -> Observation:
    return view(facts).get("layoff_rate", RelativePeriod.LAST_YEAR)


def missing(seen: Observation) -> set[tuple[str, str]]:
    return {(fact.name, fact.period) for fact in seen.missing}


RECIPIENTS = ("new_unemployment_recipients", "2023")


def test_layoff_rate_is_recipients_by_the_mean_of_twelve_months() -> None:
    seen = layoff_rate({**insured(*[20] * 6, *[40] * 6), RECIPIENTS: 2})
    assert seen.value == Fraction(2, 30)
    assert seen.period == "2023"
    assert len(seen.sources) == 13
    assert seen.changes_on == date(2025, 1, 1)


def test_a_missing_month_leaves_the_rate_unknown_and_is_named() -> None:
    facts = insured(*[30] * 12)
    del facts["insured_staff", "2023-07"]
    seen = layoff_rate({**facts, RECIPIENTS: 1})
    assert seen.value is None
    assert missing(seen) == {("insured_staff", "2023-07")}
    assert {lack.provider for lack in seen.missing} == {"tax"}


def test_a_month_of_zero_is_not_a_missing_month() -> None:
    assert layoff_rate({**insured(0, *[12] * 11), RECIPIENTS: 1}).value == Fraction(1, 11)


def test_of_nobody_insured_there_is_no_rate() -> None:
    seen = layoff_rate({**insured(*[0] * 12), RECIPIENTS: 0})
    assert seen.value is None
    assert seen.missing == frozenset()  # nobody can be asked for it


def test_nobody_laid_off_is_a_rate_of_zero() -> None:
    assert layoff_rate({**insured(*[30] * 12), RECIPIENTS: 0}).value == 0


@pytest.mark.parametrize(("disabled", "in_post"), [(1, 3), (2, 3), (1, 67), (0, 5), (3, 3)])
def test_disabled_staff_ratio_is_exact(disabled: int, in_post: int) -> None:
    seen = view({"disabled_staff": disabled, "employees_in_post": in_post}).get("disabled_staff_ratio")
    assert seen.value == Fraction(disabled, in_post)
    assert seen.derived


def test_thirds_are_held_exactly_against_a_bound() -> None:
    third = view({"disabled_staff": 1, "employees_in_post": 3}).get("disabled_staff_ratio").value
    assert Fraction("0.333333") < third < Fraction("0.333334")  # type: ignore[operator]


def test_ratio_of_nobody_and_of_half_known() -> None:
    assert view({"disabled_staff": 0, "employees_in_post": 0}).get("disabled_staff_ratio").value is None
    seen = view({"disabled_staff": 1}).get("disabled_staff_ratio")
    assert (seen.value, missing(seen)) == (None, {("employees_in_post", "-")})


def test_size_class_needs_the_industry_first() -> None:
    seen = view({}).get("size_class")
    assert (seen.value, missing(seen)) == (None, {("industry", "-")})


def test_size_class_asks_only_for_what_its_category_measures() -> None:
    assert missing(view({"industry": "C34"}).get("size_class")) == {("persons_employed", "-"), ("yearly_sales", "2023")}
    assert missing(view({"industry": "E47"}).get("size_class")) == {("yearly_sales", "2023"), ("assets", "-")}
    assert missing(view({"industry": "M73"}).get("size_class")) == {("persons_employed", "-")}


def test_size_class_takes_last_years_sales_and_rolls_with_the_year() -> None:
    facts: dict[Any, Value] = {
        "industry": "C34",
        "persons_employed": 300,
        ("yearly_sales", "2023"): Fraction(20_000_000),
        ("yearly_sales", "2024"): Fraction(19_999_999),
    }
    assert view(facts).get("size_class").value == "medium"
    assert view(facts).get("size_class").changes_on == date(2025, 1, 1)
    assert view(facts, date(2025, 1, 1)).get("size_class").value == "small"


def test_size_class_by_persons_alone_has_no_turn_of_the_year() -> None:
    seen = view({"industry": "M73", "persons_employed": 9}).get("size_class")
    assert (seen.value, seen.changes_on) == ("micro", None)


# By the year, the month, and over the same period of the year before.


def per(name: str, **values: Any) -> dict[Any, Value]:
    """Values by period: y2023 is 2023, q1 … q4 the quarters of 2023, m2024_01 a month."""
    labels = {label: label[1:].replace("_", "-") for label in values}
    labels |= {label: f"2023{label.upper()}" for label in values if label[0] == "q"}
    return {(name, labels[label]): Fraction(value) for label, value in values.items()}


ESTABLISHED = {"established_on": date(2010, 5, 1)}
RD = per("rd_expense", y2021=1, y2022=2, y2023=3)
SALES = per("yearly_sales", y2021=10, y2022=20, y2023=30)
THIS, LAST = RelativePeriod.THIS_YEAR, RelativePeriod.LAST_YEAR


@pytest.mark.parametrize(
    ("name", "period", "facts", "value"),
    [
        ("assets_mean", LAST, per("quarterly_assets", q1=1, q2=2, q3=3, q4=5), "11/4"),
        ("persons_employed_mean", LAST, per("quarterly_persons_employed", q1=0, q2=0, q3=0, q4="0.5"), "1/8"),
        ("rd_ratio", LAST, RD | SALES, "1/10"),
        ("rd_ratio", LAST, {**per("rd_expense", y2023=0), **SALES}, "0"),
        ("rd_ratio_3y", LAST, ESTABLISHED | RD | SALES, "1/10"),
        ("rd_ratio_3y", LAST, {**ESTABLISHED, **RD, **SALES, **per("yearly_sales", y2021=0, y2022=0)}, "1/5"),
        # a younger enterprise: the years it has, that of its founding included
        ("rd_ratio_3y", LAST, {**RD, **SALES, "established_on": date(2022, 12, 31)}, "1/10"),
        ("rd_ratio_3y", LAST, {**per("rd_expense", y2022=1, y2023=1), **per("yearly_sales", y2022=3, y2023=1),
                               "established_on": date(2022, 1, 1)}, "1/2"),
        ("rd_ratio_3y", LAST, {**per("rd_expense", y2023=1), **per("yearly_sales", y2023=3),
                               "established_on": date(2023, 7, 1)}, "1/3"),
        ("rd_expense_2y_mean", LAST, RD, "5/2"),
        ("equity_raised_2y", LAST, per("equity_raised", y2022=7, y2023="0.5"), "15/2"),
        ("equity_raised_2y", THIS, per("equity_raised", y2024=1, y2023=2), "3"),
        ("technical_staff_ratio", None, {"technical_staff": 1, "employees_in_post": 3}, "1/3"),
        ("rd_staff_ratio", None, {"rd_staff": 2, "employees_in_post": 3}, "2/3"),
        ("sales_growth", LAST, SALES, "1/2"),
        ("sales_growth", LAST, per("yearly_sales", y2022=4, y2023=3), "-1/4"),
        ("sales_increment", LAST, SALES, "10"),
        ("sales_increment", LAST, per("yearly_sales", y2022=4, y2023=3), "-1"),
        ("sales_increment", LAST, per("yearly_sales", y2022=0, y2023=3), "3"),
        ("monthly_sales_growth", RelativePeriod.LAST_MONTH, per("monthly_sales", m2024_04=12, m2023_04=10), "1/5"),
        ("monthly_sales_increment", RelativePeriod.THIS_MONTH, per("monthly_sales", m2024_05=12, m2023_05=10), "2"),
    ],
)  # fmt: skip
def test_exactly(name: str, period: RelativePeriod | None, facts: dict[Any, Value], value: str) -> None:
    seen = view(facts).get(name, period)
    assert (seen.value, seen.derived, seen.missing) == (Fraction(value), True, frozenset())


@pytest.mark.parametrize(
    ("name", "period", "facts"),
    [
        ("rd_ratio", LAST, {**RD, **per("yearly_sales", y2023=0)}),
        ("rd_ratio_3y", LAST, {**ESTABLISHED, **RD, **per("yearly_sales", y2021=0, y2022=0, y2023=0)}),
        ("technical_staff_ratio", None, {"technical_staff": 0, "employees_in_post": 0}),
        ("rd_staff_ratio", None, {"rd_staff": 0, "employees_in_post": 0}),
        ("sales_growth", LAST, per("yearly_sales", y2022=0, y2023=3)),
        ("sales_growth", LAST, per("yearly_sales", y2022=-1, y2023=3)),
        ("monthly_sales_growth", RelativePeriod.LAST_MONTH, per("monthly_sales", m2024_04=12, m2023_04=0)),
    ],
)
def test_by_nothing_nothing_is_divided(name: str, period: RelativePeriod | None, facts: dict[Any, Value]) -> None:
    seen = view(facts).get(name, period)
    assert (seen.value, seen.missing) == (None, frozenset())  # nobody can be asked for it


@pytest.mark.parametrize(
    ("name", "period", "facts", "lacking"),
    [
        ("assets_mean", LAST, per("quarterly_assets", q1=1, q2=2, q4=5), {("quarterly_assets", "2023Q3")}),
        ("rd_ratio_3y", LAST, RD | SALES, {("established_on", "-")}),  # nobody knows which years it has
        ("rd_ratio_3y", LAST, {**ESTABLISHED, **SALES, **per("rd_expense", y2022=2, y2023=3)},
         {("rd_expense", "2021")}),
        ("rd_expense_2y_mean", LAST, per("rd_expense", y2023=3), {("rd_expense", "2022")}),
        ("equity_raised_2y", LAST, {}, {("equity_raised", "2022"), ("equity_raised", "2023")}),
        ("sales_growth", LAST, per("yearly_sales", y2022=3), {("yearly_sales", "2023")}),
        ("monthly_sales_increment", RelativePeriod.LAST_MONTH, per("monthly_sales", m2024_04=12),
         {("monthly_sales", "2023-04")}),
        ("rd_staff_ratio", None, {"rd_staff": 2}, {("employees_in_post", "-")}),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    name: str, period: RelativePeriod | None, facts: dict[Any, Value], lacking: set[tuple[str, str]]
) -> None:
    seen = view(facts).get(name, period)
    assert (seen.value, missing(seen)) == (None, lacking)


def test_of_a_year_before_its_founding_there_is_no_ratio() -> None:
    seen = view({**RD, **SALES, "established_on": date(2024, 1, 1)}).get("rd_ratio_3y", LAST)
    assert (seen.value, seen.missing) == (None, frozenset())


@pytest.mark.parametrize(
    ("name", "period", "on", "changes_on"),
    [
        ("sales_growth", LAST, "2024-05-01", "2025-01-01"),
        ("monthly_sales_growth", RelativePeriod.LAST_MONTH, "2024-12-01", "2025-01-01"),
        ("monthly_sales_growth", RelativePeriod.LAST_MONTH, "2024-05-31", "2024-06-01"),
        ("technical_staff_ratio", None, "2024-05-01", None),
    ],
)
def test_when_time_alone_gives_another(name: str, period: Any, on: str, changes_on: str | None) -> None:
    today = date.fromisoformat(on)
    seen = view({}, today).get(name, period)
    assert (seen.changes_on and str(seen.changes_on)) == changes_on
    assert view({}, today).get(name, period, day=today).changes_on is None  # an event's day stays


def test_as_of_an_events_day() -> None:
    facts: dict[Any, Value] = {**SALES, "industry": "C34", "persons_employed": 300}
    facts |= per("yearly_sales", y2023=20_000_000)
    event = date(2023, 6, 1)
    assert view(facts).get("sales_growth", LAST, day=event).value == 1  # 2022 over 2021
    assert view(facts).get("size_class").value == "medium"
    assert view(facts).get("size_class", day=event).value == "micro"
    seen = view(facts)
    assert [seen.get("size_class", day=d).value for d in (None, event, None)] == ["medium", "micro", "medium"]


def test_what_a_derived_fact_reads_is_named() -> None:
    """`base_facts` says which facts can change it: each input seen on any day is one of them."""
    for name, derived in DERIVED.items():
        for facts in ({}, ESTABLISHED, {"industry": "C34"}, {"industry": "E47"}, {"industry": "M73"}):
            period = {None: None, "year": LAST, "month": RelativePeriod.LAST_MONTH}[derived.period]
            seen = view(facts).get(name, period)
            assert {m.name for m in seen.missing} | {s.key.name for s in seen.sources} <= set(derived.base_facts)


@pytest.mark.parametrize("form", [{"type": "decimal", "period": "month"}, {"type": "integer", "period": "year"}])
def test_a_base_fact_of_another_form_is_refused(form: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="'insured_staff' must be integer per month"):
        check_base_fact(FactDeclaration(name="insured_staff", title=NAMES, provider="tax", **form))


def test_base_facts_of_the_right_form_and_other_facts_pass() -> None:
    for declaration in (*BASE.values(), BASE["assets"].model_copy(update={"name": "equity"})):
        check_base_fact(declaration)


def test_every_derived_fact_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
    assert [name for name in DERIVED if f"`{name}`" not in guide] == []
