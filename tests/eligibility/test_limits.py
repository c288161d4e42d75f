"""What a subject, a policy and a decision can hold, so that no record outgrows its topic and none takes minutes."""

from typing import Any

import pytest

import eligibility.reducer
from eligibility.compile import MOST_TESTS, MOST_VERSIONS, compile_policy
from eligibility.errors import Refused
from eligibility.state import canonical_records, load_state
from schemas.rejected import Rejected


def test_a_subject_holds_so_many_items(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eligibility.reducer, "MOST_ITEMS", 3)
    partition = world.partition().begin().widened()
    subject = world.subjects[0]
    partition.settled_in(subject)
    partition.change(subject, hired_on={f"h{n}": "2024-01-31" for n in range(3)})
    kept = dict(partition.state.files[subject].facts)
    (refused,) = partition.change(subject, hired_on={"h9": "2024-01-31"})
    assert isinstance(refused, Rejected) and "at most 3" in refused.text
    assert partition.state.files[subject].facts == kept
    assert partition.change(subject, hired_on={"h0": None}) == []  # and there is room again
    assert not any(isinstance(effect, Rejected) for effect in partition.change(subject, hired_on={"h9": "2024-01-31"}))


def test_a_policy_has_so_many_tests(world: Any) -> None:
    tests = [{"fact": "staff", "from": n} for n in range(MOST_TESTS)]
    compile_policy(world.policy(conditions={"all": tests}), world.catalogue)
    with pytest.raises(Refused, match=f"at most {MOST_TESTS} tests"):
        compile_policy(world.policy(conditions={"all": [*tests, tests[0]]}), world.catalogue)


def test_a_policy_has_so_many_versions(partition: Any, world: Any) -> None:
    partition.publish(world.policy())
    for version in range(2, MOST_VERSIONS + 1):
        effective_at = f"20{30 + version}-01-01"
        partition.publish(world.policy(version=version), action="amend", effective_at=effective_at)
    with pytest.raises(Refused, match="publish a successor"):
        partition.publish(world.policy(version=99), action="amend", effective_at="2099-01-01")


def test_many_receipts_of_many_policies_are_judged_in_time(world: Any) -> None:
    """Every policy looks at all before it: the check for circles goes to each once."""
    partition = world.partition().begin().widened()
    for number in range(60):
        before = [f"P-{n}" for n in range(number)]
        partition.publish(world.policy(f"P-{number}", conditions={"not": {"received": before}} if before else None))
    with pytest.raises(Refused, match="by way of"):
        partition.publish(
            world.policy("P-0", version=2, conditions={"received": ["P-59"]}), action="amend", effective_at="2024-02-01"
        )


def test_corrections_come_in_the_same_order_before_and_after_recovery(partition: Any, world: Any) -> None:
    subject = world.subjects[0]
    partition.publish(world.document("LIST"))
    partition.settled_in(subject)
    partition.change(subject, honest=True)
    for version, item in enumerate(["certificate", "above-scale"], start=1):  # told in this order, sorted in the other
        partition.roster(subject, version, item=item, grade="A")
    loaded = world.partition()
    loaded.state = load_state(0, canonical_records(partition.state).items())
    loaded.log, loaded._origins = list(partition.log), partition._origins
    for each in (partition, loaded):
        each.effects.clear()
        each.withdraw("LIST", "2024-01-01")
        each.drain()
    assert [e.model_dump() for e in loaded.effects] == [e.model_dump() for e in partition.effects]
    assert len(partition.effects) == 4


BY_CONDITION = {"list": "condition", "rules": [{"benefit": {"fixed": "1"}}]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"implemented_by": ["finance"]}, ["LIST//x ineligible", "LIST//x push no_longer_eligible"]),
        ({**BY_CONDITION, "conditions": {"fact": "honest", "equals": False}},
         ["LIST//x ineligible", "LIST//x push no_longer_eligible"]),
        ({**BY_CONDITION, "conditions": None},
         ["LIST//x ended", "LIST eligible", "LIST push eligible"]),
    ],
)  # fmt: skip
def test_an_amendment_of_what_it_is_decided_by_says_what_it_does(
    partition: Any, world: Any, change: Any, said: list[str]
) -> None:
    subject = world.subjects[0]
    whole = world.document("LIST").model_dump(mode="json", by_alias=True, exclude_none=True)
    partition.publish(world.document("LIST"))
    partition.settled_in(subject)
    partition.change(subject, honest=True)
    partition.roster(subject, 1, item="x", grade="A")
    amended = {name: value for name, value in {**whole, **change, "version": 2}.items() if name != "id"}
    partition.publish(world.policy("LIST", **amended), action="amend", effective_at="2024-01-01")
    assert world.said(partition.drain()) == said


def test_a_share_of_nobody_is_not_one_missing_fact_away(partition: Any, world: Any) -> None:
    """Nothing that could be said of `honest` would decide: the ratio has no value."""
    both = [{"fact": "disabled_staff_ratio", "from": "0.1"}, {"fact": "honest", "equals": True}]
    partition.publish(world.policy(conditions={"all": both}))
    partition.settled_in(world.subjects[0])
    partition.change(world.subjects[0], employees_in_post=0)
    partition.change(world.subjects[0], disabled_staff=0)
    assert world.said(partition.until("2024-02-01")) == []
