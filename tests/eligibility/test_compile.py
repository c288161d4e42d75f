"""What the compiler refuses: each refusal names the field and the value."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from eligibility.compile import compile_policy
from eligibility.errors import Refused
from eligibility.evaluate import evaluate, view_of
from eligibility.subject_file import FactKey, SubjectFile
from schemas.rejected import RejectCode


def two(first: Any, second: Any) -> list[dict[str, Any]]:
    return [{"from": "2024-01-01", "value": first}, {"from": "2024-07-01", "value": second}]


BY = {"parameter": "limit"}


@pytest.mark.parametrize(
    ("fields", "field", "named"),
    [
        ({"conditions": {"fact": "stuff", "at_most": 3}}, "conditions", "'stuff'"),
        ({"conditions": {"all": [{"fact": "staff", "from": 1}, {"not": {"fact": "stuff", "from": 1}}]}},
         "conditions.all[1].not", "'stuff'"),
        ({"conditions": {"any": [{"fact": "stuff", "from": 1}]}}, "conditions.any[0]", "'stuff'"),
        ({"rules": [{"benefit": {"fixed": "1"}, "when": {"fact": "stuff", "from": 1}}]}, "rules[0].when", "'stuff'"),
        ({"rules": [{"benefit": {"exempt": "stuff"}}]}, "rules[0].benefit", "'stuff'"),
        # derived, while what it follows from is not declared
        ({"conditions": {"fact": "size_class", "equals": "small"}}, "conditions", "'persons_employed'"),
        # a test the type does not allow
        ({"conditions": {"fact": "kind", "at_most": 3}}, "conditions", "'kind' is of type code"),
        ({"conditions": {"fact": "established_on", "at_most": 3}}, "conditions", "'established_on' is of type date"),
        ({"conditions": {"fact": "staff", "years_ago": {"from": 3}}}, "conditions", "'staff' is of type integer"),
        ({"conditions": {"fact": "staff", "equals": "3"}}, "conditions", "'staff' is of type integer"),
        ({"conditions": {"fact": "kind", "within": ["21"]}}, "conditions", "'kind' is of type code"),
        ({"conditions": {"fact": "region", "one_of": ["210102"]}}, "conditions", "'region' is of type region"),
        ({"rules": [{"benefit": {"exempt": "kind"}}]}, "rules[0].benefit", "'kind' is of type code"),
        # codes
        ({"conditions": {"fact": "kind", "one_of": ["person", "firm"]}}, "conditions", "'firm' is not a value"),
        ({"conditions": {"fact": "kind", "equals": True}}, "conditions", "True is not a value of 'kind'"),
        ({"conditions": {"fact": "honest", "equals": "true"}}, "conditions", "'true' is not a value of 'honest'"),
        # periods
        ({"conditions": {"fact": "premium", "above": 0}}, "conditions", "'premium' is given per year"),
        ({"conditions": {"fact": "premium", "period": "last_month", "above": 0}}, "conditions", "last_month"),
        ({"conditions": {"fact": "staff", "period": "last_year", "above": 0}}, "conditions", "'staff' has no period"),
        ({"rules": [{"benefit": {"rate": "0.5", "of": "premium"}}]}, "rules[0].benefit", "'premium' is given per year"),
        # trees
        ({"region": "22"}, "region", "'22'"),
        ({"region": "210999"}, "region", "'210999'"),
        ({"conditions": {"fact": "region", "within": ["21", "99"]}}, "conditions", "'99'"),
        ({"conditions": {"fact": "industry", "within": ["Z"]}}, "conditions", "'Z'"),
        ({"conditions": {"fact": "industry", "within": ["21"]}}, "conditions", "'21'"),
        # parameters
        ({"conditions": {"fact": "staff", "at_most": BY}}, "conditions", "'limit'"),
        ({"conditions": {"fact": "staff", "at_most": BY}, "parameters": {"limits": 3}}, "conditions", "'limit'"),
        ({"rules": [{"benefit": {"rate": BY, "of": "staff"}}]}, "rules[0].benefit.rate", "'limit'"),
        ({"conditions": {"fact": "staff", "at_most": BY}, "parameters": {"limit": []}}, "parameters.limit", "dates"),
        ({"conditions": {"fact": "staff", "at_most": BY}, "parameters": {"limit": two(1, 2)[::-1]}},
         "parameters.limit", "dates"),
        ({"conditions": {"fact": "staff", "at_most": BY}, "parameters": {"limit": two(1, 2)[:1] * 2}},
         "parameters.limit", "dates"),
        ({"rules": [{"benefit": {"fixed": BY}}]}, "rules[0].benefit.fixed", "'limit'"),
        ({"rules": [{"benefit": {"each": BY, "of": "staff"}}]}, "rules[0].benefit.each", "'limit'"),
        ({"rules": [{"benefit": {"each": "1", "of": "staff", "cap": BY}}]}, "rules[0].benefit.cap", "'limit'"),
        ({"rules": [{"benefit": {"reduced_rate": BY}}]}, "rules[0].benefit.reduced_rate", "'limit'"),
        # a full of nothing
        ({"rules": [{"benefit": {"each": "1", "of": "staff", "full": "0.00"}}]}, "rules[0].benefit.full", "more than"),
        ({"rules": [{"benefit": {"each": "1", "of": "staff", "full": "-1"}}]}, "rules[0].benefit.full", "more than 0"),
        ({"rules": [{"benefit": {"each": "1", "of": "staff", "full": BY}}], "parameters": {"limit": two(1, 0)}},
         "rules[0].benefit.full", "more than 0"),
        # what a tree of conditions may be
        ({"rules": [{"benefit": {"fixed": "1", "top_up": ["OTHER"]}}]}, "rules[0].benefit.top_up",
         "'receipts' is not declared"),
        ({"subjects": ["person"]}, "region", "'household_region' is not declared"),
        ({"subjects": ["enterprise", "person"]}, "region", "'household_region' is not declared"),
        # a roster's standards without a roster
        ({"rules": [{"benefit": {"entry": True}}]}, "rules[0].benefit", "entry"),
        ({"rules": [{"benefit": {"by_grade": {"A": "1"}}}]}, "rules[0].benefit", "by_grade"),
    ],
)  # fmt: skip
def test_refused(world: Any, fields: dict[str, Any], field: str, named: str) -> None:
    with pytest.raises(Refused) as refusal:
        compile_policy(world.policy("ODD-1", **fields), world.catalogue)
    assert refusal.value.code is RejectCode.BAD_POLICY
    assert refusal.value.field == field
    assert f"ODD-1, {field}: " in str(refusal.value)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    ("bounds", "parameters"),
    [
        ({"from": 10, "below": 10}, {}),
        ({"above": 10, "at_most": 10}, {}),
        ({"above": 10, "below": 10}, {}),
        ({"from": 11, "at_most": 10}, {}),
        ({"from": "10.000001", "at_most": "10"}, {}),
        ({"from": 10, "below": BY}, {"limit": 10}),
        ({"from": 10, "at_most": BY}, {"limit": two(20, 9)}),  # only from July on
        ({"from": BY, "below": {"parameter": "other"}}, {"limit": two(5, 30), "other": two(10, 20)}),
        (  # only between the second step of one and of the other
            {"from": BY, "at_most": {"parameter": "other"}},
            {"limit": two(1, 15), "other": [{"from": "2024-01-01", "value": 10}, {"from": "2024-08-01", "value": 20}]},
        ),
    ],
)
@pytest.mark.parametrize("aged", [False, True])
def test_an_interval_in_which_nothing_can_lie(world: Any, bounds: Any, parameters: Any, aged: bool) -> None:
    condition = {"fact": "established_on", "years_ago": bounds} if aged else {"fact": "staff", **bounds}
    with pytest.raises(Refused, match=r"contradictory interval: nothing is above .* and below") as refusal:
        compile_policy(world.policy(conditions=condition, parameters=parameters), world.catalogue)
    assert refusal.value.field == ("conditions.years_ago" if aged else "conditions")


@pytest.mark.parametrize(
    ("bounds", "parameters"),
    [
        ({"from": 10, "at_most": 10}, {}),
        ({"above": 10, "below": "10.000001"}, {}),
        ({"from": BY, "at_most": {"parameter": "other"}}, {"limit": two(5, 10), "other": two(5, 10)}),
        ({"from": 10, "below": BY}, {"limit": [{"from": "2024-07-01", "value": 11}]}),
        ({"from": 0}, {}),
    ],
)
def test_an_interval_in_which_something_can_lie(world: Any, bounds: Any, parameters: Any) -> None:
    policy = world.policy(conditions={"fact": "staff", **bounds}, parameters=parameters)
    assert compile_policy(policy, world.catalogue).document is policy


def test_years_ago_needs_a_bound(world: Any) -> None:
    with pytest.raises(Refused, match=r"conditions\.years_ago: the interval has no bound"):
        compile_policy(world.policy(conditions={"fact": "established_on", "years_ago": {}}), world.catalogue)


def test_a_kind_of_subject_the_catalogue_does_not_know_is_refused(world: Any) -> None:
    kind = world.catalogue.facts["kind"]
    narrow = kind.model_copy(update={"codes": {"person": kind.codes["person"]}})
    catalogue = replace(world.catalogue, facts={**world.catalogue.facts, "kind": narrow})
    with pytest.raises(Refused, match="subjects: 'enterprise' is not a value of 'kind': person"):
        compile_policy(world.policy(), catalogue)


def test_a_parameter_of_zero_is_a_parameter(world: Any) -> None:
    policy = world.policy(conditions={"fact": "staff", "above": BY}, parameters={"limit": 0})
    assert compile_policy(policy, world.catalogue).rules[0].when is None


@pytest.mark.parametrize(("form", "levels"), [("not", 40), ("all", 20), ("any", 20)])
def test_conditions_are_nested_only_so_deep(world: Any, form: str, levels: int) -> None:
    def nested(deep: int) -> Any:
        condition: Any = {"fact": "staff", "from": 1}
        for _ in range(deep):
            condition = {form: condition if form == "not" else [condition]}
        return world.policy(conditions=condition)

    compile_policy(nested(levels), world.catalogue)
    with pytest.raises(Refused, match="conditions are nested more than 40 deep") as refusal:
        compile_policy(nested(50), world.catalogue)
    assert refusal.value.field == "conditions"


# Whom it is for.

FIRM, PERSON = "91210100MA0TEXT002", "p-" + "0" * 32
HERE, ELSEWHERE = "210102", "220102"


@pytest.mark.parametrize(
    ("subjects", "subject", "facts", "verdict", "missing"),
    [
        # a firm stands where it is registered, a person where the household is
        (["enterprise"], FIRM, {"kind": "enterprise", "region": HERE}, True, set()),
        (["enterprise"], FIRM, {"kind": "enterprise", "household_region": HERE}, None, {"region"}),
        (["enterprise"], FIRM, {}, None, {"kind", "region"}),
        (["enterprise"], FIRM, {"kind": "individual_business", "region": HERE}, False, set()),
        (["enterprise", "individual_business"], FIRM, {"kind": "individual_business", "region": HERE}, True, set()),
        (["person"], PERSON, {"household_region": HERE}, True, set()),
        (["person"], PERSON, {"region": HERE}, None, {"household_region"}),
        (["person"], PERSON, {"household_region": "2200"}, False, set()),
        (["person"], FIRM, {"kind": "enterprise", "household_region": HERE}, False, set()),
        (["enterprise"], PERSON, {"region": HERE}, False, set()),  # what it is, its key says
        (["enterprise"], PERSON, {"kind": "enterprise", "region": HERE}, False, set()),
        # either
        (["enterprise", "person"], PERSON, {"household_region": HERE}, True, set()),
        (["enterprise", "person"], PERSON, {"region": HERE}, None, {"household_region"}),
        (["enterprise", "person"], FIRM, {"kind": "enterprise", "region": HERE}, True, set()),
        (["enterprise", "person"], FIRM, {"kind": "enterprise", "region": "22"}, False, set()),
        (["enterprise", "person"], FIRM, {"kind": "enterprise", "household_region": HERE}, None, {"region"}),
    ],
)  # fmt: skip
def test_whom_it_is_for_and_where(
    world: Any, subjects: list[str], subject: str, facts: dict[str, Any], verdict: Any, missing: set[str]
) -> None:
    household = world.catalogue.facts["region"].model_copy(update={"name": "household_region"})
    catalogue = replace(world.catalogue, facts={**world.catalogue.facts, "household_region": household})
    at = world.moment("2024-01-01")
    file = SubjectFile(subject).with_facts("tax", 1, {FactKey(name): v for name, v in facts.items()}, at, at)
    compiled = compile_policy(world.policy(subjects=subjects), catalogue)
    (found,) = evaluate(compiled, view_of(file, catalogue, date(2024, 5, 1)))
    assert (found.eligible, {m.name for m in found.missing}) == (verdict, missing)


def test_that_the_key_says_it_is_a_person_is_a_reason(world: Any) -> None:
    household = world.catalogue.facts["region"].model_copy(update={"name": "household_region"})
    catalogue = replace(world.catalogue, facts={**world.catalogue.facts, "household_region": household})
    compiled = compile_policy(world.policy(subjects=["person"]), catalogue)
    (found,) = evaluate(compiled, view_of(SubjectFile(PERSON), catalogue, date(2024, 5, 1)))
    reason = found.reasons[0]
    assert (reason.condition, reason.observed, reason.provider, reason.inputs) == ("kind = person", "person", None, [])
