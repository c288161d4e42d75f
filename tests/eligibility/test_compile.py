"""What the compiler refuses: each refusal names the field and the value."""

from typing import Any

import pytest

from eligibility.compile import compile_policy
from eligibility.errors import Refused
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
        ({"rules": [{"benefit": {"rate": BY, "of": "staff"}}]}, "rules[0].benefit", "'limit'"),
        ({"conditions": {"fact": "staff", "at_most": BY}, "parameters": {"limit": []}}, "parameters.limit", "dates"),
        ({"conditions": {"fact": "staff", "at_most": BY}, "parameters": {"limit": two(1, 2)[::-1]}},
         "parameters.limit", "dates"),
        ({"conditions": {"fact": "staff", "at_most": BY}, "parameters": {"limit": two(1, 2)[:1] * 2}},
         "parameters.limit", "dates"),
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
    kind = world.catalogue["kind"]
    narrow = kind.model_copy(update={"codes": {"person": kind.codes["person"]}})
    with pytest.raises(Refused, match="subjects: 'enterprise' is not a value of 'kind': person"):
        compile_policy(world.policy(), {**world.catalogue, "kind": narrow})


def test_a_parameter_of_zero_is_a_parameter(world: Any) -> None:
    policy = world.policy(conditions={"fact": "staff", "above": BY}, parameters={"limit": 0})
    assert compile_policy(policy, world.catalogue).rules[0].when is None
