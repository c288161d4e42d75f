"""Random histories over the tiny world: what providers, departments and time may do to three enterprises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

import eligibility.reducer
from eligibility.errors import Refused

ENTERPRISES = st.integers(0, 2)
VALUES: dict[str, list[Any]] = {
    "kind": [None, "enterprise", "enterprise", "person"],
    "established_on": [None, "2020-02-29", "2021-06-15", "2022-03-01"],
    "staff": [None, 5, 10, 20, 40],
    "premium": [None, "0", "700.01", "2000.10"],
    "honest": [None, True, False],
}
PUBLISHED_AT_START = 4


@st.composite
def _facts(draw: Callable[[Any], Any]) -> tuple[Any, ...]:
    name = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.sampled_from(VALUES[name]))
    if name == "premium":
        value = {draw(st.sampled_from(["2023", "2024", "2025"])): value}
    return "facts", draw(ENTERPRISES), name, value


_POLICY = st.integers(0, 6)
_DELAY = st.sampled_from([0, 0, 20, 120])
_STEP = st.one_of(
    _facts(),
    _facts(),
    st.tuples(st.just("tick"), st.sampled_from([1, 24, 24 * 20, 24 * 45, 24 * 200])),
    st.tuples(st.just("publish"), _POLICY, _DELAY),
    st.tuples(st.just("amend"), _POLICY, _DELAY),
    st.tuples(st.just("withdraw"), _POLICY, _DELAY),
    st.tuples(
        st.just("roster"),
        ENTERPRISES,
        st.sampled_from([None, "hire-1"]),
        st.sampled_from([True, True, False]),
        st.sampled_from(["A", "B", "C"]),
    ),
    st.tuples(st.just("repeat"), st.integers(0, 200)),
    st.tuples(st.just("stale"), ENTERPRISES, st.sampled_from([5, 40])),
    st.tuples(st.just("pump")),
)


@pytest.fixture(scope="module", autouse=True)
def one_subject_per_pump() -> Iterator[None]:
    """Three enterprises are then a roll-out of three slices, and can be met half-way."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(eligibility.reducer, "SUBJECTS_PER_PUMP", 1)
        yield


@pytest.fixture(scope="session")
def histories() -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Lists of steps, for `play`."""
    return st.lists(_STEP, min_size=2, max_size=25)


@pytest.fixture(scope="session")
def start(world: Any) -> Callable[[], Any]:
    """2024-01-01: three enterprises, of which much, little and nothing is known, and the first four policies."""

    def start() -> Any:
        partition = world.partition().begin()
        for subject in world.subjects:
            partition.settled_in(subject)
        well_known, known, _ = world.subjects
        partition.change(well_known, established_on="2021-06-15")
        partition.change(well_known, staff=5, premium={"2023": "700.01"})
        partition.change(well_known, honest=True)
        partition.change(known, staff=20)
        for number, policy_id in enumerate(world.policies[:PUBLISHED_AT_START]):
            partition.tick(world.moment("2024-01-01") + timedelta(hours=number))
            partition.publish(world.document(policy_id))
        partition.drain()
        return partition

    return start


@pytest.fixture(scope="session")
def take(world: Any) -> Callable[[Any, tuple[Any, ...]], None]:
    """One step. What intake would refuse is left out; every change of rules has an hour of its own."""

    def publication(partition: Any, action: str, policy_id: str, days: int) -> None:
        acts = partition.state.registry.now + timedelta(hours=1)
        partition.tick(acts)
        known = partition.state.registry.policies.get(policy_id)
        acts += timedelta(days=days)
        try:
            if action == "withdraw":
                partition.withdraw(policy_id, acts)
            else:
                version = 1 if known is None else len(known.versions) + 1
                partition.publish(world.document(policy_id, version), action=action, effective_at=acts)
        except Refused:
            return

    def take(partition: Any, step: tuple[Any, ...]) -> None:
        match step:
            case "facts", number, name, value:
                partition.change(world.subjects[number], **{name: value})
            case "stale", number, staff:
                partition.change(world.subjects[number], version=1, staff=staff)
            case "tick", hours:
                partition.tick(partition.state.registry.now + timedelta(hours=hours))
            case "roster", number, item, member, grade:
                version = 1 + sum(b'"kind":"roster"' in value for value in partition.log)
                partition.roster(world.subjects[number], version, item=item, member=member, grade=grade)
            case "repeat", back:
                partition.raw(partition.log[back % len(partition.log)])
            case ("pump",):
                partition.pump()
            case action, number, days:
                publication(partition, action, world.policies[number], days)

    return take


@pytest.fixture(scope="session")
def play(start: Any, take: Any) -> Callable[..., Any]:
    """A history, from the start to all that is due at its end; `pumped`: no work is ever left open on the way."""

    def play(steps: Iterable[tuple[Any, ...]], *, pumped: bool = False) -> Any:
        partition = start()
        for step in steps:
            take(partition, step)
            if pumped:
                partition.drain()
        partition.drain()
        return partition

    return play
