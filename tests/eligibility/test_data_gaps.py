"""Data gaps: what is missing, by the decisions it blocks."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eligibility.business_time import business_date
from eligibility.data_gaps import Blocked, DataGaps, GapKind, data_gaps
from eligibility.evaluate import evaluate, view_of
from schemas.catalogue import FactDeclaration

HONEST = {"fact": "honest", "equals": True}


def blocked(found: DataGaps) -> dict[str, Blocked]:
    return {gap.name: gap.blocked for gap in found.gaps}


def test_a_fact_is_ranked_by_the_decisions_it_blocks_with_those_it_alone_blocks(partition: Any, world: Any) -> None:
    small = {"fact": "staff", "at_most": 10}
    partition.publish(
        world.policy("ONE", conditions=HONEST),
        world.policy("TWO", conditions={"all": [HONEST, small]}),
        world.policy("THREE", conditions=small),
    )
    first, second, _ = world.subjects
    partition.settled_in(first)
    partition.settled_in(second)
    partition.change(second, staff=5)
    found = data_gaps([partition.state])
    assert blocked(found) == {"honest": Blocked(4, 3, 2), "staff": Blocked(2, 1, 1)}
    assert found.providers == (("courts", Blocked(4, 3, 2)), ("human-resources", Blocked(2, 1, 1)))
    assert (found.undetermined, found.lacking_nothing) == (5, 0)


def test_of_one_provider_several_facts_may_be_missing_and_nothing_else(partition: Any, world: Any) -> None:
    both = [{"fact": "staff", "at_most": 10}, {"fact": "employees_in_post", "at_most": 10}]
    partition.publish(world.policy("BOTH", conditions={"all": both}))
    partition.settled_in()
    found = data_gaps([partition.state])
    assert blocked(found) == {"staff": Blocked(1, 0, 1), "employees_in_post": Blocked(1, 0, 1)}
    assert found.providers == (("human-resources", Blocked(1, 1, 1)),)


def test_what_makes_no_difference_is_no_gap(partition: Any, world: Any) -> None:
    partition.publish(world.policy("ONE", conditions={"any": [HONEST, {"fact": "staff", "at_most": 10}]}))
    partition.settled_in()
    partition.change(world.subjects[0], honest=True)
    assert data_gaps([partition.state]) == DataGaps(0, 0, (), ())


def test_a_share_of_nobody_lacks_nothing(partition: Any, world: Any) -> None:
    partition.publish(world.policy("SHARE", conditions={"fact": "disabled_staff_ratio", "from": "0.5"}))
    partition.settled_in()
    partition.change(world.subjects[0], employees_in_post=0)
    partition.change(world.subjects[0], disabled_staff=0)
    assert data_gaps([partition.state]) == DataGaps(1, 1, (), ())


def test_lists_and_officers_answers_are_told_apart_and_items_count_one_by_one(partition: Any, world: Any) -> None:
    partition.widened()
    vouched = {"name": "vouched", "title": {"zh": "v", "en": "v"}, "provider": "tax", "type": "boolean"}
    partition.declare([FactDeclaration.model_validate({**vouched, "officer_checked": True})])
    partition.publish(
        world.document("FEW"),
        world.policy("VOUCHED", conditions={"fact": "vouched", "equals": True}),
        world.policy("EACH", for_each="hires", conditions={"fact": "hire_graduate", "equals": True}),
    )
    partition.settled_in()
    partition.change(world.subjects[0], hired_on={"a": "2024-01-01", "b": "2024-01-02"})
    found = data_gaps([partition.state])
    assert [(gap.name, gap.kind, gap.provider) for gap in found.gaps] == [
        ("hire_graduate", GapKind.FACT, "human-resources"),
        ("vouched", GapKind.ANSWER, "tax"),
        ("hire_wage", GapKind.FACT, "human-resources"),
        ("hires", GapKind.LIST, "human-resources"),
    ]
    assert blocked(found)["hire_graduate"] == Blocked(2, 2, 1)
    partition.complete("hires")
    assert "hires" not in blocked(data_gaps([partition.state]))


def test_subjects_of_several_partitions_are_added(world: Any) -> None:
    partitions = [world.partition().begin() for _ in range(2)]
    for each, subject in zip(partitions, world.subjects, strict=False):
        each.publish(world.policy("ONE", conditions=HONEST))
        each.settled_in(subject)
    found = data_gaps([each.state for each in partitions])
    assert blocked(found) == {"honest": Blocked(2, 2, 2)}


FACTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from((None, "enterprise", "enterprise", "individual_business")),
        "region": st.sampled_from((None, "210102")),
        "honest": st.sampled_from((None, True, False)),
        "staff": st.sampled_from((None, 5, 50)),
        "employees_in_post": st.sampled_from((None, 0, 4)),
        "disabled_staff": st.sampled_from((None, 4)),
        "hire_wage": st.sampled_from(({}, {"a": "5000"}, {"a": "5000", "b": "6000"})),
        "hired_on": st.sampled_from(({}, {"a": "2024-02-02"}, {"c": "2024-02-02"})),
    }
)
NAMES = ("SMALL", "REFUND", "DATED", "CLAIM", "HIRE", "FEW", "MANY")


@settings(max_examples=60, deadline=None)
@given(st.lists(FACTS, min_size=3, max_size=3))
def test_the_counts_are_those_of_all_undetermined_decisions_written_out(world: Any, told: list[dict[str, Any]]) -> None:
    partition = world.partition().begin("2024-03-01").widened()
    partition.publish(*map(world.document, NAMES))
    for subject, facts in zip(world.subjects, told, strict=True):
        for name, value in facts.items():
            if value not in (None, {}):
                partition.change(subject, **{name: value})
    state = partition.state
    written = [
        (number, subject, frozenset((m.name, m.provider) for m in e.undecided), e.undefined)
        for number, (subject, e) in enumerate(
            (subject, e)
            for subject, file in state.files.items()
            for name in NAMES
            for e in evaluate(
                state.registry.policies[name].at(state.registry.now),
                view_of(file, state.registry.catalogue, business_date(state.registry.now)),
            )
            if e.eligible is None
        )
    ]
    found = data_gaps([state])
    assert found.undetermined == len(written)
    assert found.lacking_nothing == sum(not lacks for _, _, lacks, _ in written)
    for place, rows in ((0, blocked(found)), (1, dict(found.providers))):
        named = {pair[place] for _, _, lacks, _ in written for pair in lacks}
        assert rows == {
            name: Blocked(
                len({n for n, _, lacks, _ in written if name in {pair[place] for pair in lacks}}),
                len({n for n, _, lacks, odd in written if {pair[place] for pair in lacks} == {name} and not odd}),
                len({s for _, s, lacks, _ in written if name in {pair[place] for pair in lacks}}),
            )
            for name in named
        }
    ranks = [(-gap.blocked.decisions, -gap.blocked.alone, gap.name) for gap in found.gaps]
    assert ranks == sorted(ranks)
