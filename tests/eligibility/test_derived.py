"""Derived facts: exact, and unknown as soon as an input they need is."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest

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
}
BASE = {
    name: FactDeclaration(name=name, title=NAMES, provider="tax", type=type_, period=period)
    for name, (type_, period) in FORMS.items()
}


def view(facts: Mapping[Any, Value], today: date = date(2024, 5, 1)) -> FactsView:
    keys = {key if isinstance(key, tuple) else (key, "-"): value for key, value in facts.items()}
    file = SubjectFile("p-" + "a" * 32).with_facts("tax", 1, {FactKey(*k): v for k, v in keys.items()}, AT, AT)
    return FactsView(file, BASE, DERIVED, today)


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


@pytest.mark.parametrize("form", [{"type": "decimal", "period": "month"}, {"type": "integer", "period": "year"}])
def test_a_base_fact_of_another_form_is_refused(form: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="'insured_staff' must be integer per month"):
        check_base_fact(FactDeclaration(name="insured_staff", title=NAMES, provider="tax", **form))


def test_base_facts_of_the_right_form_and_other_facts_pass() -> None:
    for declaration in (*BASE.values(), BASE["assets"].model_copy(update={"name": "equity"})):
        check_base_fact(declaration)
