"""The advisor: which direct-list policies need no application, and whom that would spare one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eligibility.advice import Advice, advise
from eligibility.business_time import business_date
from eligibility.errors import Refused
from eligibility.evaluate import evaluate, view_of
from eligibility.partition_state import PartitionState
from eligibility.subject_file import FactKey, SubjectFile
from schemas.catalogue import FactDeclaration

HONEST = {"fact": "honest", "equals": True}
SMALL = {"fact": "staff", "at_most": 10}
VOUCHED = {"fact": "vouched", "equals": True}
SCORED = {"fact": "scored", "equals": True}
ANSWERS = ("vouched", "scored")
SOME_TIME = datetime(2024, 1, 1, tzinfo=UTC)


def answer(name: str) -> FactDeclaration:
    title = {"zh": name, "en": name}
    return FactDeclaration.model_validate(
        {"name": name, "title": title, "provider": "tax", "type": "boolean", "officer_checked": True}
    )


def direct(world: Any, policy_id: str, *conditions: Mapping[str, Any]) -> Any:
    return world.policy(policy_id, zone="direct", list=None, conditions={"all": list(conditions)})


@pytest.fixture
def asked(partition: Any) -> Any:
    """A partition that knows two facts which only an officer can answer."""
    partition.declare([answer(name) for name in ANSWERS])
    return partition


def counts(found: list[Advice]) -> dict[str, tuple[tuple[str, ...], int, int]]:
    return {each.policy.id: (tuple(f.name for f in each.unshared), each.eligible, each.waiting) for each in found}


def test_a_policy_that_reads_only_shared_facts_is_decidable_and_frees_who_is_eligible(asked: Any, world: Any) -> None:
    asked.publish(direct(world, "OPEN", HONEST), world.policy("GIVEN", conditions=HONEST))
    for subject, facts in zip(world.subjects, ({"honest": True}, {"honest": False}, {}), strict=True):
        asked.settled_in(subject)
        if facts:
            asked.change(subject, **facts)
    assert counts(advise([asked.state])) == {"OPEN": ((), 1, 0)}, "who lacks what is shared waits for no officer"


def test_one_unshared_fact_would_free_whom_nothing_else_keeps(asked: Any, world: Any) -> None:
    asked.publish(direct(world, "ASKED", HONEST, SMALL, VOUCHED))
    first, second, third = world.subjects
    for subject in world.subjects:
        asked.settled_in(subject)
    asked.change(first, staff=5)
    asked.change(first, honest=True)
    asked.change(second, staff=5)
    asked.change(third, staff=50)
    assert counts(advise([asked.state])) == {"ASKED": (("vouched",), 0, 1)}
    asked.change(first, vouched=True)
    asked.change(second, honest=True)
    found = advise([asked.state])
    assert counts(found) == {"ASKED": (("vouched",), 1, 1)}
    assert found[0].freed == 2


def test_the_policies_that_need_least_come_first_then_those_that_free_most(asked: Any, world: Any) -> None:
    asked.publish(
        direct(world, "B-BOTH", VOUCHED, SCORED),
        direct(world, "C-ONE", VOUCHED),
        direct(world, "D-NONE", HONEST),
        direct(world, "E-NONE", SMALL),
    )
    asked.settled_in()
    asked.change(world.subjects[0], staff=5)
    assert [each.policy.id for each in advise([asked.state])] == ["E-NONE", "D-NONE", "C-ONE", "B-BOTH"]


def test_a_share_of_nobody_waits_for_nothing(asked: Any, world: Any) -> None:
    asked.publish(direct(world, "SHARE", {"fact": "disabled_staff_ratio", "from": "0.5"}, VOUCHED))
    asked.settled_in()
    asked.change(world.subjects[0], employees_in_post=0)
    asked.change(world.subjects[0], disabled_staff=0)
    assert counts(advise([asked.state])) == {"SHARE": (("vouched",), 0, 0)}


def test_a_withdrawn_policy_is_not_advised_on(asked: Any, world: Any) -> None:
    asked.publish(direct(world, "GONE", HONEST))
    asked.withdraw("GONE", "2023-12-15")
    assert advise([asked.state]) == []


def test_before_the_first_epoch_there_is_nothing_to_count() -> None:
    with pytest.raises(Refused, match="no partition has seen an epoch begin"):
        advise([PartitionState(0)])


MAYBE = st.sampled_from((None, True, False))
FACTS = st.fixed_dictionaries(
    {
        "honest": MAYBE,
        "staff": st.sampled_from((None, 5, 50)),
        "employees_in_post": st.sampled_from((None, 0, 4)),
        "disabled_staff": st.sampled_from((None, 0, 4)),
        "vouched": MAYBE,
        "scored": MAYBE,
    }
)
RATIO = {"fact": "disabled_staff_ratio", "from": "0.5"}
SHAPES: dict[str, list[Any]] = {
    "ALL": [HONEST, VOUCHED],
    "ANY": [{"any": [HONEST, VOUCHED]}],
    "NOT": [{"not": VOUCHED}, {"any": [HONEST, SMALL]}],
    "RATIO": [{"any": [RATIO, VOUCHED]}, SMALL],
    "TWO": [VOUCHED, {"any": [SCORED, SMALL]}],
    "SHARED": [HONEST, {"any": [SMALL, RATIO]}],
}


@settings(max_examples=100, deadline=None)
@given(st.lists(FACTS, min_size=3, max_size=3))
def test_who_waits_is_decided_by_whatever_the_officer_answers(world: Any, told: list[dict[str, Any]]) -> None:
    partition = world.partition().begin()
    partition.declare([answer(name) for name in ANSWERS])
    for subject, facts in zip(world.subjects, told, strict=True):
        partition.settled_in(subject)
        for name, value in facts.items():
            if value is not None:
                partition.change(subject, **{name: value})
    partition.publish(*(direct(world, name, *shape) for name, shape in SHAPES.items()))
    expected = {name: slowly(partition.state, name) for name in SHAPES}
    assert counts(advise([partition.state])) == expected


def slowly(state: PartitionState, name: str) -> tuple[tuple[str, ...], int, int]:
    """Every answer an officer can give is tried out on every subject."""
    unshared = tuple(sorted(fact for fact in ANSWERS if fact in str(SHAPES[name])))
    eligible = waiting = 0
    for file in state.files.values():
        now = verdict(state, file, name)
        eligible += now is True
        open_ = [FactKey(fact) for fact in unshared if FactKey(fact) not in file.facts]
        tried = [
            verdict(state, with_answers(file, dict(zip(open_, given_, strict=True))), name)
            for given_ in product((True, False), repeat=len(open_))
        ]
        waiting += now is None and None not in tried
    return unshared, eligible, waiting


def with_answers(file: SubjectFile, answers: dict[FactKey, Any]) -> SubjectFile:
    return file.with_facts("tax", 99, answers, SOME_TIME, SOME_TIME)


def verdict(state: PartitionState, file: SubjectFile, name: str) -> bool | None:
    registry = state.registry
    assert registry.now is not None
    compiled = registry.policies[name].at(registry.now)
    assert compiled is not None
    (found,) = evaluate(compiled, view_of(file, registry.catalogue, business_date(registry.now)))
    return found.eligible
