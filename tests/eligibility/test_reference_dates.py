"""Reference dates: an event's day instead of today; earlier rules judge earlier events, and no tick moves them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest

from eligibility.catalogue import Catalogue
from eligibility.compile import compile_policy
from eligibility.errors import Refused
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.subject_file import FactKey, SubjectFile
from schemas.catalogue import FactDeclaration, ListDeclaration

TODAY = date(2024, 5, 1)
AT = datetime(2024, 1, 1, tzinfo=UTC)
NAMES = {"zh": "事实", "en": "fact"}
ENDLESS = {"from": "2000-01-01"}
BASE = {"awarded_on": "date", "licence_to": "date", "persons_employed": "integer", "assets": "decimal"}
LISTED = {"hires": {"hired_on": "date", "graduated_on": "date", "group": "identifier"}, "loans": {"lent_on": "date"}}


@pytest.fixture(scope="module")
def catalogue(world: Any) -> Catalogue:
    """The world's facts; dates of the subject's own, what its size takes, hires and loans."""

    def declared(name: str, type_: str, **more: Any) -> tuple[str, FactDeclaration]:
        return name, FactDeclaration(name=name, title=NAMES, provider="tax", type=type_, **more)

    own = [declared(*fact) for fact in BASE.items()]
    listed = [declared(*fact, list=name) for name, facts in LISTED.items() for fact in facts.items()]
    facts = {**world.catalogue.facts, **dict([*own, *listed, declared("yearly_sales", "decimal", period="year")])}
    lists = {name: ListDeclaration(name=name, title=NAMES, provider="tax") for name in LISTED}
    return Catalogue(facts, lists, dict.fromkeys(lists, date(2000, 1, 1)))


@pytest.fixture(scope="module")
def decide(world: Any, catalogue: Catalogue) -> Any:
    """The evaluations of a condition: facts are values, or {period or item: value}."""

    def decide(condition: Any, facts: Mapping[str, Any], *, on: date = TODAY, **more: Any) -> list[Evaluation]:
        file = SubjectFile(world.subjects[0])
        for name, given in {"kind": "enterprise", "region": "210102", **facts}.items():
            listed = catalogue.facts[name].list is not None
            values = given if isinstance(given, dict) else {"-": given}
            keys = {FactKey(name, *(("-", k) if listed else (k, "-"))): value for k, value in values.items()}
            file = file.with_facts("tax", 1, keys, AT, AT)
        policy = world.policy(**{"conditions": condition, "valid": ENDLESS, **more})
        return evaluate(compile_policy(policy, catalogue), view_of(file, catalogue, on))

    return decide


def day(text: str) -> date:
    return date.fromisoformat(text)


def fact(name: str, **test: Any) -> dict[str, Any]:
    return {"fact": name, **test}


GRADUATE = fact("graduated_on", years_ago={"from": 0, "below": 2})
HIRED = {"hired_on": {"h": day("2023-08-01")}, "graduated_on": {"h": day("2022-07-01")}}


@pytest.mark.parametrize(
    ("condition", "reference", "verdict", "changes_on"),
    [
        # whole years since graduation, 2022-07-01: on 2024-05-01 one, and two in two months' time
        (GRADUATE, None, True, "2024-07-01"),
        (GRADUATE, "hired_on", True, None),
        ({**GRADUATE, "reference": "hired_on"}, None, True, None),
        ({**GRADUATE, "reference": "today"}, "hired_on", True, "2024-07-01"),
        (fact("graduated_on", years_ago={"from": 1, "at_most": 1}), "hired_on", True, None),
        # of a later day, whole years are negative
        (fact("hired_on", years_ago={"at_most": -2}, reference="graduated_on"), None, True, None),
        (fact("hired_on", years_ago={"from": -1}, reference="graduated_on"), None, False, None),
        # calendar years
        (fact("graduated_on", calendar_years_ago={"from": 2, "at_most": 2}), None, True, "2025-01-01"),
        (fact("graduated_on", calendar_years_ago={"from": 1, "at_most": 1}), "hired_on", True, None),
        (fact("hired_on", calendar_years_ago={"from": 0, "at_most": 0}), "hired_on", True, None),
        (fact("hired_on", calendar_years_ago={"from": 0, "at_most": 0}, reference="today"), "hired_on", False,
         "2025-01-01"),
        # a day that is not past
        (fact("hired_on", not_past=True), None, False, None),
        (fact("hired_on", not_past=True, reference="graduated_on"), None, True, None),
        (fact("graduated_on", not_past=True), "hired_on", False, None),
        (fact("hired_on", not_past=True), "hired_on", True, None),
    ],
)  # fmt: skip
def test_a_date_held_against_its_reference(
    decide: Any, condition: Any, reference: Any, verdict: bool, changes_on: str | None
) -> None:
    (found,) = decide(condition, HIRED, for_each="hires", reference=reference)
    assert (found.eligible, found.changes_on and str(found.changes_on)) == (verdict, changes_on)


@pytest.mark.parametrize("on", ["2023-08-01", "2024-05-01", "2030-01-01"])
@pytest.mark.parametrize(
    "condition",
    [
        GRADUATE,
        fact("premium", period="last_year", above=0),
        fact("premium", period="year_before_last", at_most=0),
        fact("staff", at_most={"parameter": "limit"}),
        fact("size_class", equals="small"),
        {"items": "loans", "where": fact("lent_on", calendar_years_ago={"at_most": 0}), "count": {"at_most": 0}},
        {"items": "loans", "share": {"from": "0.2"}, "of": fact("yearly_sales", period="last_year")},
    ],
)
def test_no_tick_moves_what_refers_to_an_event(decide: Any, condition: Any, on: str) -> None:
    facts = {
        **HIRED,
        "premium": {"2022": Fraction(1), "2021": Fraction(0)},
        "staff": 10,
        "industry": "C34",
        "persons_employed": 20,
        "yearly_sales": {"2022": Fraction(3_000_000)},
        "lent_on": {"l1": day("2022-08-01")},
    }
    if "share" in condition:
        facts["yearly_sales"] = {"2022": Fraction(5)}
    limit = {"limit": [{"from": "2023-01-01", "value": 10}, {"from": "2024-01-01", "value": 5}]}
    (found,) = decide(condition, facts, on=day(on), for_each="hires", reference="hired_on", parameters=limit)
    assert (found.eligible, found.changes_on) == (True, None)


def test_a_parameter_with_its_first_value_after_the_event_has_none_on_it(decide: Any) -> None:
    limit = {"limit": [{"from": "2024-01-01", "value": 10}]}
    condition = fact("staff", at_most={"parameter": "limit"})
    facts = {**HIRED, "staff": 10}
    (found,) = decide(condition, facts, for_each="hires", reference="hired_on", parameters=limit)
    assert found.eligible is None


@pytest.mark.parametrize(
    "condition",
    [
        GRADUATE,
        fact("premium", period="last_year", above=0),
        fact("staff", at_most={"parameter": "limit"}),
        fact("size_class", equals="small"),
        {"items": "loans", "count": {"from": {"parameter": "limit"}}},
    ],
)
def test_without_the_event_the_condition_is_unknown(decide: Any, condition: Any) -> None:
    limit = {"limit": [{"from": "2023-01-01", "value": 10}, {"from": "2024-01-01", "value": 5}]}
    facts = {"graduated_on": {"h": TODAY}, "staff": 3}
    (found,) = decide(condition, facts, for_each="hires", reference="hired_on", parameters=limit)
    assert (found.eligible, found.changes_on) == (None, None)
    assert {(m.name, m.item) for m in found.missing} == {("hired_on", "h")}


def test_what_has_no_date_in_it_needs_no_event(decide: Any) -> None:
    facts = {"group": {"h": "x"}, "staff": 3, "lent_on": {"l": TODAY}}
    condition = {"all": [fact("staff", at_most=3), {"items": "loans"}, fact("group", equals="x")]}
    (found,) = decide(condition, facts, for_each="hires", reference="hired_on")
    assert (found.eligible, found.missing) == (True, frozenset())


def test_a_subjects_own_date_is_a_reference_too(decide: Any) -> None:
    condition = fact("established_on", years_ago={"from": 3})
    facts = {"established_on": day("2020-06-01"), "awarded_on": day("2023-05-31")}
    (found,) = decide(condition, facts, reference="awarded_on")
    assert (found.eligible, found.changes_on) == (False, None)
    facts["awarded_on"] = day("2023-06-01")
    assert decide(condition, facts, reference="awarded_on")[0].eligible is True


def test_the_reasons_name_the_reference_date(decide: Any) -> None:
    (found,) = decide(GRADUATE, HIRED, for_each="hires", reference="hired_on")
    shown = [(r.condition, r.fact, r.item, r.observed) for r in found.reasons[-2:]]
    assert shown == [
        ("years since graduated_on ≥ 0 and years since graduated_on < 2", "graduated_on", "h", "2022-07-01"),
        ("hired_on is the reference date", "hired_on", "h", "2023-08-01"),
    ]


# The items of other lists, and of the same.


def test_an_item_that_is_looked_at_has_its_own_date(decide: Any) -> None:
    """A loan of the year before somebody was hired."""
    condition = {"items": "loans", "where": fact("lent_on", calendar_years_ago={"from": 1, "at_most": 1})}
    facts = {"hired_on": {"h1": day("2023-08-01"), "h2": day("2022-08-01")}, "lent_on": {"l": day("2022-12-31")}}
    found = decide(condition, facts, for_each="hires", reference="hired_on")
    assert [e.eligible for e in found] == [True, False]


def test_items_of_the_same_list_are_held_against_the_own_items_day(decide: Any) -> None:
    """Whoever was hired in a year in which at most one was."""
    condition = {
        "items": "hires",
        "where": fact("hired_on", calendar_years_ago={"from": 0, "at_most": 0}),
        "count": {"at_most": 1},
    }
    facts = {"hired_on": {"h1": day("2023-08-01"), "h2": day("2022-08-01"), "h3": day("2022-09-01")}}
    found = decide(condition, facts, for_each="hires", reference="hired_on")
    assert [e.eligible for e in found] == [True, False, False]


def test_within_items_a_condition_may_refer_to_the_item_that_is_looked_at(decide: Any) -> None:
    condition = {"items": "hires", "where": {**GRADUATE, "reference": "hired_on"}, "count": {"from": 2}}
    facts = {
        "hired_on": {"h1": day("2023-06-30"), "h2": day("2023-07-01"), "h3": day("2021-07-01")},
        "graduated_on": dict.fromkeys(("h1", "h2", "h3"), day("2021-07-01")),
    }
    (found,) = decide(condition, facts)
    assert (found.eligible, found.changes_on) == (True, None)


# The amount.

RATES = {"rate": [{"from": "2023-01-01", "value": "100"}, {"from": "2024-01-01", "value": "200"}]}
BY_RATE = [{"benefit": {"fixed": {"parameter": "rate"}}}]


def test_the_standard_is_that_of_the_event(decide: Any) -> None:
    facts = {"hired_on": {"h1": day("2023-12-31"), "h2": day("2024-01-01"), "h3": day("2022-12-31")}}
    found = decide(None, facts, for_each="hires", reference="hired_on", parameters=RATES, rules=BY_RATE)
    assert [e.amount.value for e in found] == ["100.00", "200.00", None]
    assert found[2].amount.arithmetic == "the fixed has no value yet"
    assert {e.changes_on for e in found} == {None}


def test_its_base_is_of_the_events_year(decide: Any) -> None:
    rules = [{"benefit": {"rate": "0.5", "of": {"fact": "premium", "period": "last_year"}}}]
    facts = {**HIRED, "premium": {"2022": Fraction(10), "2023": Fraction(20)}}
    (found,) = decide(None, facts, for_each="hires", reference="hired_on", rules=rules)
    assert (found.amount.value, found.changes_on) == ("5.00", None)
    (found,) = decide(None, {"group": {"h": "x"}}, for_each="hires", reference="hired_on", rules=rules)
    assert (found.eligible, found.amount.value) == (True, None)
    assert {m.name for m in found.missing} == {"hired_on"}


def test_without_the_event_a_dated_standard_is_unknown(decide: Any) -> None:
    given = {"for_each": "hires", "reference": "hired_on", "parameters": RATES, "rules": BY_RATE}
    (found,) = decide(None, {"group": {"h": "x"}}, **given)
    assert (found.eligible, found.amount.value) == (True, None)


# Valid on the reference date.

TERM = {"from": "2023-01-01", "to": "2023-12-31"}


@pytest.mark.parametrize(
    ("event", "valid_on", "on", "over", "changes_on"),
    [
        ("2022-12-31", "reference", TODAY, True, None),
        ("2023-01-01", "reference", TODAY, False, None),
        ("2023-12-31", "reference", date(2030, 1, 1), False, None),
        ("2024-01-01", "reference", date(2023, 6, 1), True, None),
        ("2023-06-01", "today", TODAY, True, None),
        ("2023-06-01", "today", date(2022, 6, 1), True, "2023-01-01"),
        ("2022-06-01", "today", date(2023, 6, 1), False, "2024-01-01"),
    ],
)
def test_valid_on_the_reference_date_or_today(
    decide: Any, event: str, valid_on: str, on: date, over: bool, changes_on: str | None
) -> None:
    given = {"for_each": "hires", "reference": "hired_on", "valid": TERM, "valid_on": valid_on}
    (found,) = decide(None, {"hired_on": {"h": day(event)}}, on=on, **given)
    assert (found.eligible, found.over) == (not over, over and valid_on == "today")
    assert (found.changes_on and str(found.changes_on)) == changes_on
    assert found.ends_on == (None if valid_on == "reference" else date(2023, 12, 31))


def test_without_the_event_nobody_knows_whether_it_was_valid(decide: Any) -> None:
    given = {"for_each": "hires", "reference": "hired_on", "valid": TERM, "valid_on": "reference"}
    (found,) = decide(None, {"group": {"h": "x"}}, **given)
    assert (found.eligible, found.over, {m.name for m in found.missing}) == (None, False, {"hired_on"})
    assert "SMALL valid on hired_on" in [reason.condition for reason in found.reasons]
    (found,) = decide(HONEST, {"group": {"h": "x"}, "honest": False}, **given)
    assert (found.eligible, found.missing) == (False, frozenset())  # whenever it was


# Not past: certificates, and until when a match rests on them.

A, B = fact("awarded_on", not_past=True), fact("licence_to", not_past=True)
HONEST = fact("honest", equals=True)
DAYS = {"awarded_on": day("2024-08-31"), "licence_to": day("2024-06-30")}


@pytest.mark.parametrize(
    ("condition", "facts", "verdict", "lasts", "changes_on"),
    [
        (A, {}, True, "2024-08-31", "2024-09-01"),
        (A, {"awarded_on": TODAY}, True, "2024-05-01", "2024-05-02"),
        (A, {"awarded_on": day("2024-04-30")}, False, None, None),
        ({"all": [A, B]}, {}, True, "2024-06-30", "2024-07-01"),  # the first to end ends it
        ({"all": [A, HONEST]}, {"honest": True}, True, "2024-08-31", "2024-09-01"),
        ({"any": [A, B]}, {}, True, "2024-08-31", "2024-07-01"),  # the last to end ends it
        ({"any": [A, B]}, {"licence_to": None}, True, "2024-08-31", "2024-09-01"),
        ({"any": [A, HONEST]}, {"honest": True}, True, None, "2024-09-01"),  # it goes on without
        ({"any": [A, HONEST]}, {"honest": False}, True, "2024-08-31", "2024-09-01"),
        ({"any": [{"all": [A, B]}, A]}, {}, True, "2024-08-31", "2024-07-01"),
        ({"not": A}, {"awarded_on": day("2024-04-30")}, True, None, None),
        ({"not": {"not": A}}, {}, True, None, "2024-09-01"),
        ({"all": [A, B]}, {"licence_to": None}, None, None, "2024-09-01"),
    ],
)
def test_until_when_it_rests_on_certificates(
    decide: Any, condition: Any, facts: Any, verdict: Any, lasts: str | None, changes_on: str | None
) -> None:
    given = {name: value for name, value in {**DAYS, **facts}.items() if value is not None}
    (found,) = decide(condition, given)
    assert (found.eligible, found.certificate_to and str(found.certificate_to)) == (verdict, lasts)
    assert (found.changes_on and str(found.changes_on)) == changes_on


def test_a_rule_rests_on_its_certificates_too(decide: Any) -> None:
    rules = [{"when": B, "benefit": {"fixed": "2"}}, {"benefit": {"fixed": "1"}}]
    assert decide(A, DAYS, rules=rules)[0].certificate_to == day("2024-06-30")
    (found,) = decide(A, {**DAYS, "licence_to": day("2024-01-01")}, rules=rules)
    assert (found.amount.value, found.certificate_to) == ("1.00", day("2024-08-31"))


def test_what_was_valid_on_an_events_day_ends_nothing(decide: Any) -> None:
    facts = {**HIRED, "licence_to": day("2024-06-30")}
    (found,) = decide(B, facts, for_each="hires", reference="hired_on")
    assert (found.eligible, found.certificate_to) == (True, None)


# What the compiler refuses.


@pytest.mark.parametrize(
    ("fields", "field", "named"),
    [
        ({"reference": "staff"}, "reference", "'staff' is of type integer; a reference date is a date"),
        ({"reference": "awarded"}, "reference", "'awarded' is not declared"),
        ({"reference": "hired_on"}, "reference", "of an item of hires; use it where for_each"),
        ({"reference": "today"}, "reference", "'today' is not declared"),
        ({"conditions": {**A, "reference": "staff"}}, "conditions.reference", "a reference date is a date"),
        ({"conditions": {**A, "reference": "hired_on"}}, "conditions.reference", "of an item of hires"),
        ({"conditions": {"any": [{**A, "reference": "day"}]}}, "conditions.any[0].reference", "'day' is not declared"),
        ({"conditions": fact("staff", not_past=True)}, "conditions", "of type integer, which not_past cannot test"),
        ({"conditions": fact("staff", calendar_years_ago={"from": 1})}, "conditions", "calendar_years_ago cannot"),
        ({"conditions": fact("awarded_on", calendar_years_ago={})}, "conditions.calendar_years_ago", "has no bound"),
    ],
)
def test_refused(world: Any, catalogue: Catalogue, fields: Any, field: str, named: str) -> None:
    with pytest.raises(Refused) as refusal:
        compile_policy(world.policy(**fields), catalogue)
    assert (refusal.value.field, named in str(refusal.value)) == (field, True), str(refusal.value)
