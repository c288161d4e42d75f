"""A partition that comes back: the state it had, and what was written since, are what is committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from eligibility.partition_state import BUCKETS, PartitionState
from eligibility.registry import Registry
from eligibility.state import CHECKPOINT, FILE, NAMES, canonical_records, encode_record, load_state, load_tail
from eligibility.subject_file import PolicyItem, Standings, SubjectFile, Told

SUBJECTS = ("91210100MA0TEXT002", "91210100MA0TEXT015")
LATER: dict[str, Callable[[Any, Any], Any]] = {
    "nothing": lambda p, world: None,
    "a change": lambda p, world: p.change(SUBJECTS[0], staff=40),
    "a new subject": lambda p, world: p.settled_in("91210100MA0TEXT028", "210103"),
    "a fact never named before": lambda p, world: p.change(SUBJECTS[1], premium={"2022": "5.00"}),
    "a day": lambda p, world: p.until("2024-02-01"),
    "a year": lambda p, world: p.until("2025-01-02"),
    "a tick whose roll-out has not begun": lambda p, world: p.tick("2025-01-02"),
    "a policy": lambda p, world: (
        p.publish(world.document("QUIET", 2), action="amend", effective_at="2024-01-01"),
        p.drain(),
    ),
    "a policy withdrawn, half rolled out": lambda p, world: (p.withdraw("SMALL", "2024-01-01"), p.pump()),
    "the catalogue": lambda p, world: (p.calendar(), p.drain()),
}


def begun(p: Any, world: Any) -> Any:
    p.publish(*(world.document(each) for each in ("SMALL", "AGED", "REFUND", "QUIET")))
    p.drain()
    for subject in SUBJECTS:
        p.settled_in(subject)
        p.change(subject, staff=8)
    p.change(SUBJECTS[0], premium={"2023": "800.00"}, established_on="2021-03-01")
    p.changed.clear()
    return p


@pytest.mark.parametrize("later", LATER)
def test_a_kept_state_and_its_tail_are_the_committed_state(partition: Any, world: Any, later: str) -> None:
    p = begun(partition, world)
    kept = load_state(0, canonical_records(p.state).items())
    LATER[later](p, world)
    tail = {key: encode_record(p.state, key) for key in (*p.changed, CHECKPOINT)}
    back = load_tail(kept, tail)
    assert canonical_records(back) == canonical_records(p.state)
    assert alike(back, p.state, world)


def alike(one: PartitionState, other: PartitionState, world: Any) -> bool:
    """Whether both go on alike."""
    return goes_on(one, world) == goes_on(other, world)


def goes_on(state: PartitionState, world: Any) -> tuple[Any, ...]:
    """What follows from a change, a period's turn and a new version, and the state after them."""
    p = world.partition(state, [b""] * (state.offset + 1), _origins=10_000)
    p.change(SUBJECTS[0], version=90, staff=12)
    p.until("2026-01-02")
    p.publish(world.document("AGED", 8), action="amend", effective_at="2026-01-02")
    p.drain()
    return p.effects, canonical_records(state)


RULES: dict[str, Callable[[Any, Any], Any]] = {
    "a policy that reads what no other did": lambda p, world: p.publish(world.document("CLAIM")),
    "a policy amended": lambda p, world: p.publish(
        world.document("AGED", 2), action="amend", effective_at="2024-01-01"
    ),
    "a policy withdrawn": lambda p, world: p.withdraw("SMALL", "2024-01-01"),
    "the catalogue": lambda p, world: p.complete("honest"),
}


@pytest.mark.parametrize("rules", RULES)
def test_states_of_the_same_records_share_nothing_that_changes(partition: Any, world: Any, rules: str) -> None:
    p = begun(partition, world)
    records = canonical_records(p.state)
    one, other = load_state(0, records.items()), load_state(0, records.items())
    known, indexed = list(other.engine.attributes.every), dict(other.engine.index.formulas)
    changed = world.partition(one, [b""] * (one.offset + 1), _origins=10_000)
    RULES[rules](changed, world)
    changed.drain()
    changed.change(SUBJECTS[1], version=80, honest=True)
    assert canonical_records(one)[CHECKPOINT] != records[CHECKPOINT]
    third = load_state(0, records.items())
    for state in (other, third):
        assert state.engine.attributes.every == known
        assert state.engine.index.formulas == indexed
        assert canonical_records(state) == records
    on = goes_on(p.state, world)
    assert on[0] and goes_on(other, world) == on == goes_on(third, world)


NOW = datetime(2024, 3, 1, tzinfo=UTC)
EVERYBODY = [f"S{number}" for number in range(4)]
POLICIES = ("AGED", "QUIET")
# Of some subjects, the policies that each is near, with when it is due; None: it was told of it, and is not due.
Nearness = Mapping[str, Mapping[str, datetime | None]]
nearness = st.dictionaries(
    st.sampled_from(EVERYBODY),
    st.dictionaries(
        st.sampled_from(POLICIES), st.none() | st.integers(-2, 2).map(lambda days: NOW + timedelta(days=days))
    ),
    min_size=1,
)
steps = st.lists(
    st.tuples(st.just("put"), nearness)
    | st.tuples(st.just("tail"), nearness)
    | st.tuples(st.just("sort"), st.integers(0, 3))
    | st.tuples(st.just("ask"), st.sampled_from(POLICIES)),
    max_size=8,
)
QUESTIONS: dict[str, Callable[[PartitionState], Any]] = {
    "near": lambda state: [set(state.near(policy_id)) for policy_id in POLICIES],
    "bucket": lambda state: [state.bucket(number) for number in range(BUCKETS)],
    "bucket size": lambda state: [state.bucket_size(number) for number in range(BUCKETS)],
    "due": lambda state: [state.due(NOW + timedelta(days=days), most) for days in (-2, 0, 2) for most in (2, 9)],
    "open work": lambda state: state.open_work,
}


def put(state: PartitionState, near: Nearness) -> None:
    told = Told("0:1", "-", NOW, ())
    for subject, policies in near.items():
        before = state.files.get(subject)
        file = replace(
            SubjectFile(subject) if before is None else before,
            standings=Standings.of(told={PolicyItem(name): told for name, due in policies.items() if due is None}),
            due={name: due for name, due in policies.items() if due is not None},
        )
        state.put(file, before)


@settings(max_examples=300, deadline=None)
@given(nearness, steps, st.permutations(list(QUESTIONS)))
def test_when_subjects_are_sorted_does_not_matter(first: Nearness, steps: Any, questions: list[str]) -> None:
    """A state that is loaded, used, and loaded over, beside one that was given the same files at once."""
    committed = PartitionState(0, registry=Registry(now=NOW))
    put(committed, first)
    state = load_state(0, canonical_records(committed).items())
    for step, what in steps:
        match step:
            case "put":
                put(committed, what)
                put(state, what)
            case "tail":
                put(committed, what)
                keys = (*(FILE + subject for subject in what), NAMES, CHECKPOINT)
                state = load_tail(state, {key: encode_record(committed, key) for key in keys})
            case "sort":
                state.sort(what)
            case "ask":
                state.near(what)
    at_once = PartitionState(0, registry=Registry(now=NOW))
    for file in committed.files.values():
        at_once.put(file, None)
    event(f"open work {at_once.open_work}")
    for question in questions:
        assert QUESTIONS[question](state) == QUESTIONS[question](at_once), question


def test_it_is_said_whether_more_are_to_be_sorted() -> None:
    committed = PartitionState(0, registry=Registry(now=NOW))
    put(committed, {subject: {} for subject in EVERYBODY})
    state = load_state(0, canonical_records(committed).items())
    assert [state.sort(0), state.sort(1), state.sort(2), state.sort(1)] == [True, True, True, False]


def test_without_a_checkpoint_nothing_was_committed(partition: Any) -> None:
    assert load_tail(partition.state, {}) is partition.state
