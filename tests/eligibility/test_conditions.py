"""Conditions on a day: bounds, dated parameters, ages, subtrees, and which missing facts are worth naming."""

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest

from eligibility.business_time import earliest
from eligibility.catalogue import Catalogue
from eligibility.checks import Between, Threshold
from eligibility.compile import compile_policy
from eligibility.conditions import Outcome, Scope
from eligibility.derived import DERIVED
from eligibility.facts_view import FactsView
from eligibility.subject_file import FactKey, PeriodItem, SubjectFile
from eligibility.values import Value
from schemas.catalogue import FactType

TODAY = date(2024, 5, 1)
AT = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def hold(world: Any) -> Any:
    """Hold facts, in the core's form, against a condition of a policy: through the compiler, as published."""
    grade = world.catalogue.facts["honest"].model_copy(update={"name": "grade", "type": FactType.IDENTIFIER})
    catalogue = Catalogue(facts={**world.catalogue.facts, "grade": grade})

    def hold(condition: dict[str, Any], facts: dict[str, Any], on: date = TODAY, **policy: Any) -> Outcome:
        compiled = compile_policy(world.policy(rules=[rule(condition)], **policy), catalogue)
        file = SubjectFile(world.subjects[0])
        for name, given in facts.items():
            by_period: dict[str, Value] = given if isinstance(given, dict) else {"-": given}
            file = file.with_facts("tax", 1, {FactKey(name, p): value for p, value in by_period.items()}, AT, AT)
        view = FactsView(file, catalogue, DERIVED, on)
        return compiled.rules[0].when.evaluate(Scope(view, PeriodItem("SMALL"), {}, {}))

    def rule(condition: dict[str, Any]) -> dict[str, Any]:
        return {"when": condition, "benefit": {"fixed": "1"}}

    return hold


def missing(outcome: Outcome) -> set[str]:
    return {fact.name for fact in outcome.missing}


@pytest.mark.parametrize(
    ("bound", "verdicts"),  # of 29, 30 and 31 persons
    [
        ({"from": 30}, [False, True, True]),
        ({"above": 30}, [False, False, True]),
        ({"at_most": 30}, [True, True, False]),
        ({"below": 30}, [True, False, False]),
        ({"from": 30, "at_most": 30}, [False, True, False]),
        ({"above": 29, "below": 31}, [False, True, False]),
        ({"at_most": "29.5"}, [True, False, False]),
    ],
)
def test_a_bound_is_in_or_out_as_it_says(hold: Any, bound: dict[str, Any], verdicts: list[bool]) -> None:
    condition = {"fact": "staff", **bound}
    assert [hold(condition, {"staff": staff}).value for staff in (29, 30, 31)] == verdicts
    assert hold(condition, {}).value is None


def test_a_ratio_is_held_against_a_bound_exactly(hold: Any) -> None:
    condition = {"fact": "premium", "period": "last_year", "below": "0.333334", "above": "0.333333"}
    assert hold(condition, {"premium": {"2023": Fraction(1, 3)}}).value is True
    condition = {"fact": "premium", "period": "last_year", "at_most": "0.333333"}
    assert hold(condition, {"premium": {"2023": Fraction(1, 3)}}).value is False


LIMIT = {"limit": [{"from": "2024-01-01", "value": 10}, {"from": "2024-07-01", "value": "20.5"}]}


@pytest.mark.parametrize(
    ("on", "verdict", "changes_on"),
    [
        (date(2023, 12, 31), None, date(2024, 1, 1)),
        (date(2024, 1, 1), False, date(2024, 7, 1)),
        (date(2024, 6, 30), False, date(2024, 7, 1)),
        (date(2024, 7, 1), True, None),
    ],
)
def test_a_dated_parameter_holds_from_its_date(hold: Any, on: date, verdict: bool | None, changes_on: Any) -> None:
    condition = {"fact": "staff", "at_most": {"parameter": "limit"}}
    outcome = hold(condition, {"staff": 20}, on=on, parameters=LIMIT)
    assert (outcome.value, outcome.changes_on) == (verdict, changes_on)
    assert outcome.missing == frozenset()  # no provider can help


def test_a_parameter_without_dates_is_a_constant(hold: Any) -> None:
    condition = {"fact": "staff", "at_most": {"parameter": "limit"}}
    outcome = hold(condition, {"staff": 20}, parameters={"limit": 20})
    assert (outcome.value, outcome.changes_on) == (True, None)


def test_one_bound_can_fail_while_the_other_has_no_value_yet() -> None:
    later = Threshold("≤", ((date(2024, 7, 1), Fraction(10)),))
    always = Threshold("≥", ((date(1900, 1, 1), Fraction(5)),))
    assert Between((later, always)).holds(4, TODAY) is False
    assert Between((later, always)).holds(7, TODAY) is None
    assert Between((later, always)).holds(7, date(2024, 7, 1)) is True


@pytest.mark.parametrize(
    ("established_on", "verdict", "changes_on"),
    [
        (date(2021, 5, 1), True, date(2025, 5, 1)),
        (date(2021, 5, 2), False, date(2024, 5, 2)),
        (date(2020, 2, 29), True, date(2025, 3, 1)),
        (date(2024, 5, 2), False, date(2024, 5, 2)),
    ],
)
def test_years_ago_names_the_next_anniversary(hold: Any, established_on: date, verdict: bool, changes_on: date) -> None:
    outcome = hold({"fact": "established_on", "years_ago": {"from": 3}}, {"established_on": established_on})
    assert (outcome.value, outcome.changes_on) == (verdict, changes_on)


def test_years_ago_of_an_unknown_date_waits_for_no_day(hold: Any) -> None:
    outcome = hold({"fact": "established_on", "years_ago": {"from": 3}}, {})
    assert (outcome.value, outcome.changes_on, missing(outcome)) == (None, None, {"established_on"})


def test_a_relative_period_changes_when_it_turns(hold: Any) -> None:
    condition = {"fact": "premium", "period": "last_year", "above": 0}
    facts = {"premium": {"2023": Fraction(5), "2024": Fraction(0)}}
    assert hold(condition, facts).changes_on == date(2025, 1, 1)
    assert [hold(condition, facts, on=date(year, 1, 1)).value for year in (2024, 2025, 2026)] == [True, False, None]


@pytest.mark.parametrize(
    ("roots", "region", "verdict"),
    [
        (["21"], "210102", True), (["2101"], "210102", True), (["210102"], "210102", True),
        (["2102"], "210102", False), (["2102", "210102"], "210102", True), (["210103"], "210102", False),
    ],
)  # fmt: skip
def test_within_the_region_tree(hold: Any, roots: list[str], region: str, verdict: bool) -> None:
    assert hold({"fact": "region", "within": roots}, {"region": region}).value is verdict


@pytest.mark.parametrize(
    ("roots", "industry", "verdict"),
    [
        (["C"], "C3411", True), (["C34"], "C3411", True), (["C3411"], "C34", False), (["B", "D"], "C34", False),
        (["F51", "F52"], "F5211", True),
    ],
)  # fmt: skip
def test_within_the_industry_tree(hold: Any, roots: list[str], industry: str, verdict: bool) -> None:
    assert hold({"fact": "industry", "within": roots}, {"industry": industry}).value is verdict


def test_codes_and_booleans(hold: Any) -> None:
    assert hold({"fact": "kind", "one_of": ["person", "enterprise"]}, {"kind": "person"}).value is True
    assert hold({"fact": "kind", "equals": "person"}, {"kind": "enterprise"}).value is False
    assert hold({"fact": "honest", "equals": False}, {"honest": False}).value is True
    assert hold({"fact": "honest", "equals": False}, {}).value is None


@pytest.mark.parametrize(
    ("test", "grade", "verdict"),
    [
        ({"equals": "A.1"}, "A.1", True), ({"equals": "A.1"}, "A1", False), ({"equals": "A.1"}, None, None),
        ({"one_of": ["B", "anything-goes"]}, "B", True), ({"one_of": ["B"]}, "b", False),
    ],
)  # fmt: skip
def test_an_identifier_is_compared_as_it_is(hold: Any, test: Any, grade: str | None, verdict: bool | None) -> None:
    facts = {} if grade is None else {"grade": grade}
    assert hold({"fact": "grade", **test}, facts).value is verdict


SMALL = {"fact": "staff", "at_most": 30}
HONEST = {"fact": "honest", "equals": True}
ANY, ALL = {"any": [SMALL, HONEST]}, {"all": [SMALL, HONEST]}


@pytest.mark.parametrize(
    ("condition", "facts", "verdict", "named"),
    [
        (ALL, {}, None, {"staff", "honest"}),
        (ALL, {"staff": 5}, None, {"honest"}),
        (ALL, {"staff": 40}, False, set()),
        (ANY, {"staff": 5}, True, set()),
        (ANY, {"staff": 40}, None, {"honest"}),
        ({"not": ALL}, {"staff": 40}, True, set()),
        ({"not": ANY}, {"staff": 40}, None, {"honest"}),
        ({"any": [{"all": [SMALL, {"fact": "kind", "equals": "person"}]}, HONEST]}, {"staff": 40}, None, {"honest"}),
        ({"all": [{"any": [SMALL, {"fact": "kind", "equals": "person"}]}, HONEST]}, {"staff": 5}, None, {"honest"}),
    ],
)
def test_only_facts_that_matter_are_named_missing(
    hold: Any, condition: Any, facts: dict[str, Any], verdict: bool | None, named: set[str]
) -> None:
    outcome = hold(condition, facts)
    assert (outcome.value, missing(outcome)) == (verdict, named)


@pytest.mark.parametrize(
    ("facts", "grounds"),
    [
        ({"staff": 30}, [("staff ≥ 1 and staff < 30", False, 30)]),  # it alone decides
        ({"staff": 29}, [("staff ≥ 1 and staff < 30", True, 29), ("kind = person", None, None)]),
        (
            {"staff": 29, "kind": "enterprise"},
            [("staff ≥ 1 and staff < 30", True, 29), ("kind = person", False, "enterprise")],
        ),
        ({"staff": 29, "kind": "person"}, [("kind = person", True, "person")]),
    ],
)
def test_the_grounds_are_the_tests_that_decide_as_one_reads_them(
    hold: Any, facts: dict[str, Any], grounds: list[Any]
) -> None:
    condition = {"all": [{"fact": "staff", "from": 1, "below": 30}, {"not": {"fact": "kind", "equals": "person"}}]}
    found = hold(condition, facts).grounds
    assert [(ground.condition, ground.value, ground.observation.value) for ground in found] == grounds


def test_only_what_decides_can_be_changed_by_time(hold: Any) -> None:
    aged = {"fact": "established_on", "years_ago": {"from": 3}}
    facts = {"established_on": date(2020, 6, 1), "honest": False}
    assert hold({"all": [aged, HONEST]}, facts).changes_on is None  # whatever its age, it is not honest
    assert hold({"any": [aged, HONEST]}, facts).changes_on == date(2024, 6, 1)


def test_earliest_of_days() -> None:
    assert earliest(None, date(2024, 2, 1), date(2024, 1, 1)) == date(2024, 1, 1)
    assert earliest(None, None) is None
