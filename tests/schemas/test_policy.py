"""A policy document in itself: which forms it may take, before any catalogue is asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.policy import AllOf, AnyOf, Benefit, Comparison, Condition, Items, Not, Policy, Received

CONDITION: TypeAdapter[Any] = TypeAdapter(Condition)
POLICY: dict[str, Any] = {
    "id": "P-1",
    "title": {"zh": "甲", "en": "One"},
    "document": "1号",
    "issued_on": "2024-01-01",
    "made_by": "finance",
    "implemented_by": ["tax"],
    "region": "21",
    "zone": "no_apply",
    "list": "condition",
    "kind": "award",
    "subjects": ["enterprise"],
    "valid": {"from": "2024-01-01"},
    "rules": [{"benefit": {"fixed": "1"}}],
}
STAFF = {"fact": "staff", "from": 1}
OTHERS = {"received": ["P-2"]}


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ({"all": [STAFF]}, AllOf),
        ({"any": [STAFF]}, AnyOf),
        ({"not": STAFF}, Not),
        ({"items": "hires"}, Items),
        (OTHERS, Received),
        (STAFF, Comparison),
        ({"fact": "grade", "equals": {"own": "grade"}}, Comparison),
        ({"fact": "level", "at_most": {"own": "level"}}, Comparison),
    ],
)
def test_each_form_of_a_condition(given: Any, form: type[Any]) -> None:
    found = CONDITION.validate_python(given)
    assert isinstance(found, form)
    assert CONDITION.dump_python(found, mode="json", by_alias=True, exclude_none=True) == given
    assert CONDITION.validate_python(found) == found  # a model is told apart like a document


TESTS = "give bounds, equals, one_of, within, years_ago, calendar_years_ago or not_past, just one"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"fact": "staff"}, TESTS),
        ({**STAFF, "equals": "a"}, TESTS),
        ({"fact": "day", "not_past": True, "years_ago": {"from": 1}}, TESTS),
        ({"fact": "day", "calendar_years_ago": {"from": 1}, "years_ago": {"from": 1}}, TESTS),
        ({"fact": "day", "not_past": False}, "Input should be True"),
        ({"fact": "day", "one_of": []}, "at least 1 item"),
        ({"all": []}, "at least 1 item"),
        ({"items": "hires", "count": {}}, "items hires: count needs a bound"),
        ({"items": "hires", "share": {}, "of": {"fact": "staff"}}, "items hires: share needs a bound"),
        ({"items": "hires", "share": {"from": "0.1"}}, "give `count`, or `share` and `of`, or neither"),
        ({"items": "hires", "of": {"fact": "staff"}}, "give `count`, or `share` and `of`, or neither"),
        ({"items": "hires", "count": {"from": 1}, "share": {"from": "0.1"}, "of": {"fact": "staff"}}, "or neither"),
        ({"items": "hires", "share": {"from": 0.1}, "of": {"fact": "staff"}}, "valid"),
        ({"received": []}, "at least 1 item"),
        ({**OTHERS, "times": {}}, "received: times needs a bound"),
        ({**OTHERS, "this_year": False}, "Input should be True"),
        ({**STAFF, "on": "today"}, "Extra inputs"),
        ({"items": "hires", **STAFF}, "Extra inputs"),
        ({"received": ["P-2"], **STAFF}, "Extra inputs"),
    ],
)
def test_what_is_no_condition(given: Any, named: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        CONDITION.validate_python(given)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    "given",
    [
        {"fixed": "1"},
        {"fixed": {"parameter": "most"}},
        {"exempt": "due"},
        {"rate": "0.5", "of": "due", "cap": {"parameter": "most"}},
        {"each": "100", "of": {"fact": "sales", "period": "last_month"}, "full": "10000", "cap": "500"},
        {"each": {"parameter": "most"}, "of": "staff"},
        {"by_grade": {"A": "1"}, "top_up": ["P-1", "P-2"]},
        {"entry": True, "top_up": ["P-1"]},
        {"rate": "0.5", "of": "due", "top_up": ["P-2"]},
        {"reduced_rate": {"parameter": "most"}},
        {"grants": {"zh": "资格", "en": "a title"}},
    ],
)
def test_each_form_of_a_benefit(given: dict[str, Any]) -> None:
    assert Benefit.model_validate(given).model_dump(mode="json", exclude_none=True) == given


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "give one of fixed, exempt, rate, each, by_grade, entry, reduced_rate, grants"),
        ({"fixed": "1", "grants": {"zh": "甲", "en": "A"}}, "give one of"),
        ({"each": "1", "rate": "0.5", "of": "due"}, "give one of"),
        ({"each": "1"}, "`rate` or `each` and `of` go together"),
        ({"rate": "1"}, "`rate` or `each` and `of` go together"),
        ({"fixed": "1", "of": "due"}, "`rate` or `each` and `of` go together"),
        ({"fixed": "1", "cap": "1"}, "`cap` goes with `rate` or `each`"),
        ({"rate": "0.5", "of": "due", "full": "1"}, "`full` goes with `each`"),
        ({"grants": {"zh": "甲", "en": "A"}, "top_up": ["P-2"]}, "`top_up` needs an amount to take from"),
        ({"reduced_rate": "0.01", "top_up": ["P-2"]}, "`top_up` needs an amount to take from"),
        ({"fixed": "1", "top_up": []}, "at least 1 item"),
        ({"fixed": 1}, "valid"),
        ({"fixed": 1.5}, "valid"),
    ],
)
def test_what_is_no_benefit(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Benefit.model_validate(given)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"list": "roster", "for_each": "hires"}, "for_each: a roster's lines are its items already"),
        ({"valid_on": "reference"}, "valid_on: `reference` needs a reference date"),
        ({"valid_on": "hired_on", "reference": "hired_on"}, "valid_on"),
        ({"succeeds": "P-1"}, "succeeds: a policy does not succeed itself"),
        ({"exclusion_groups": ["one group"]}, "exclusion_groups"),
        ({"zone": "direct"}, "list: `condition` or `roster` for the no_apply zone, and only for it"),
        ({"claim": {"from": "2024-01-01"}}, "claim: a claim window belongs to the direct zone"),
    ],
)
def test_what_is_no_policy(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Policy.model_validate({**POLICY, **fields})
    assert named in str(refusal.value)


def test_a_policy_of_items_by_their_own_day() -> None:
    fields = {"for_each": "hires", "reference": "hired_on", "valid_on": "reference", "succeeds": "P-0"}
    policy = Policy.model_validate({**POLICY, **fields, "exclusion_groups": ["one", "two"]})
    assert (policy.for_each, policy.reference, policy.valid_on, policy.succeeds) == tuple(fields.values())
    plain = Policy.model_validate(POLICY)
    assert (plain.for_each, plain.reference, plain.valid_on, plain.exclusion_groups) == (None, None, "today", [])
