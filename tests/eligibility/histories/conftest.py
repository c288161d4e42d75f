"""Random histories over the tiny world, widened: what providers, departments and time may do to four subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from eligibility.business_time import business_date
from eligibility.errors import Refused
from eligibility.evaluate import evaluate, view_of

SUBJECT = st.integers(0, 3)
VALUES: dict[str, list[Any]] = {
    "kind": [None, "enterprise", "enterprise", "person"],
    "household_region": [None, "210102"],
    "established_on": [None, "2020-02-29", "2021-06-15", "2022-03-01", "2024-02-01"],
    "staff": [None, 5, 10, 20, 40],
    "premium": [None, "0", "700.01", "2000.10"],
    "honest": [None, True, False],
    "blacklisted": [None, None, True, False],
    "employed": [None, True, False],
    "licence_to": [None, "2024-05-01", "2024-12-31", "2026-02-28"],
    "hired_on": [None, "2024-01-31", "2024-03-01", "2025-01-01"],
    "hire_graduate": [None, True, True, False],
    "hire_wage": [None, "2000", "5000.10"],
}
LABELS = {
    "premium": ["2023", "2024", "2025"],
    **{name: ["h1", "h2"] for name in ("hired_on", "hire_graduate", "hire_wage")},
}
PUBLISHED_AT_START = ("SMALL", "AGED", "REFUND", "DATED", "HIRE", "TOPUP", "CLEAN", "FEW", "OFTEN", "LICENCE", "JOB")
COMPLETE_FROM = [None, "2024-01-01", "2024-01-01", "2024-06-01"]


@st.composite
def _facts(draw: Callable[[Any], Any]) -> tuple[Any, ...]:
    name = draw(st.sampled_from(sorted(VALUES)))
    value = draw(st.sampled_from(VALUES[name]))
    if name in LABELS:
        value = {draw(st.sampled_from(LABELS[name])): value}
    return "facts", draw(SUBJECT), name, value


_RECEIPT = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["SMALL", "SMALL", "TOPUP", "OFTEN", "HIRE", "REFUND", None]),
        "period": st.sampled_from([None, None, "2024"]),
        "item": st.sampled_from([None, None, "h1"]),
        "amount": st.sampled_from([None, "600", "1500"]),
        "date": st.sampled_from([None, "2024-01-15", "2024-06-30", "2025-01-01"]),
    }
)
_POLICY = st.integers(0, 15)
_DELAY = st.sampled_from([0, 0, 20, 120])
_STEP = st.one_of(
    _facts(),
    _facts(),
    st.tuples(st.just("hire"), SUBJECT, st.sampled_from(["h1", "h2"]), st.sampled_from(["2024-03-01", "2025-01-01"])),
    st.tuples(st.just("receipt"), SUBJECT, st.sampled_from(["r1", "r2"]), st.none() | _RECEIPT),
    st.tuples(
        st.just("complete"), st.sampled_from(["blacklisted", "hires", "receipts"]), st.sampled_from(COMPLETE_FROM)
    ),
    st.tuples(st.just("calendar")),
    st.tuples(st.just("tick"), st.sampled_from([1, 24, 24 * 20, 24 * 45, 24 * 200])),
    st.tuples(st.just("publish"), _POLICY, _DELAY),
    st.tuples(st.just("amend"), _POLICY, _DELAY),
    st.tuples(st.just("withdraw"), _POLICY, _DELAY),
    st.tuples(
        st.just("roster"),
        SUBJECT,
        st.sampled_from([None, "hire-1"]),
        st.sampled_from([True, True, False]),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from(["tax", "tax", "finance"]),
    ),
    st.tuples(st.just("repeat"), st.integers(0, 200)),
    st.tuples(st.just("stale"), SUBJECT, st.sampled_from([5, 40])),
    st.tuples(st.just("pump")),
)


@pytest.fixture(scope="module", autouse=True)
def in_slices_of_one(one_subject_per_pump: None) -> None:
    """Every history is met half-way through its roll-outs."""


@pytest.fixture(scope="session")
def histories() -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Lists of steps, for `play`."""
    return st.lists(_STEP, min_size=5, max_size=25)


@pytest.fixture(scope="session")
def everybody(world: Any) -> tuple[str, ...]:
    """Three enterprises and a person."""
    return (*world.subjects, world.person)


@pytest.fixture(scope="session")
def every_policy(world: Any) -> tuple[str, ...]:
    """The tiny world's policies, the wide ones too."""
    return (*world.policies, *world.wide_policies)


@pytest.fixture(scope="session")
def start(world: Any) -> Callable[[], Any]:
    """2024-01-01: a person, three enterprises of which much, little and nothing is known, and the first policies."""

    def start() -> Any:
        partition = world.partition().begin().widened()
        for subject in world.subjects:
            partition.settled_in(subject)
        well_known, known, _ = world.subjects
        partition.change(world.person, household_region="210102")
        partition.change(well_known, established_on="2021-06-15")
        partition.change(well_known, staff=5, premium={"2023": "700.01"})
        partition.change(well_known, honest=True)
        partition.change(known, staff=20)
        partition.change(
            well_known, hired_on={"h1": "2024-03-01"}, hire_graduate={"h1": True}, hire_wage={"h1": "2000"}
        )
        partition.complete("receipts")
        for number, policy_id in enumerate(PUBLISHED_AT_START):
            partition.tick(world.moment("2024-01-01") + timedelta(hours=number))
            partition.publish(world.document(policy_id))
        partition.drain()
        return partition

    return start


@pytest.fixture(scope="session")
def take(everybody: Any, every_policy: Any, world: Any) -> Callable[[Any, tuple[Any, ...]], None]:
    """One step. What intake would refuse is left out; every change of rules has an hour of its own."""

    def an_hour_later(partition: Any) -> Any:
        later = partition.state.registry.now + timedelta(hours=1)
        partition.tick(later)
        return later

    def publication(partition: Any, action: str, policy_id: str, days: int) -> None:
        acts = an_hour_later(partition) + timedelta(days=days)
        known = partition.state.registry.policies.get(policy_id)
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
                partition.change(everybody[number], **{name: value})
            case "hire", number, item, day:
                hire = {"hired_on": day, "hire_graduate": True, "hire_wage": "5000.10"}
                partition.change(everybody[number], **{name: {item: value} for name, value in hire.items()})
            case "receipt", number, receipt_id, parts:
                partition.receipt(everybody[number], receipt_id, **(parts or {"gone": True}))
            case "stale", number, staff:
                partition.change(everybody[number], version=1, staff=staff)
            case "tick", hours:
                partition.tick(partition.state.registry.now + timedelta(hours=hours))
            case "roster", number, item, member, grade, department:
                version = 1 + sum(b'"kind":"roster"' in value for value in partition.log)
                line = {"item": item, "member": member, "grade": grade}
                partition.roster(everybody[number], version, department=department, **line)
            case "repeat", back:
                partition.raw(partition.log[back % len(partition.log)])
            case ("pump",):
                partition.pump()
            case "complete", name, as_of:
                an_hour_later(partition)
                partition.complete(name, as_of)
            case ("calendar",):
                an_hour_later(partition)
                partition.calendar()
            case action, number, days:
                publication(partition, action, every_policy[number], days)

    return take


@pytest.fixture(scope="session")
def found() -> Callable[[Any], set[tuple[Any, ...]]]:
    """The open matches: (subject, policy, period, item, version, amount, received)."""

    def found(partition: Any) -> set[tuple[Any, ...]]:
        return {
            (subject, *key, match.policy_version, match.amount, match.received)
            for subject, file in partition.state.files.items()
            for key, match in file.matches.items()
        }

    return found


@pytest.fixture(scope="session")
def anew() -> Callable[[Any], set[tuple[Any, ...]]]:
    """What an evaluation of everything for everybody finds, in the form of `found`."""

    def anew(partition: Any) -> set[tuple[Any, ...]]:
        registry = partition.state.registry
        rows = set()
        for subject, file in partition.state.files.items():
            view = view_of(file, registry.catalogue, business_date(registry.now))
            for policy_id, history in registry.policies.items():
                acting = history.at(registry.now)
                succeeded_on = registry.succeeded_on(policy_id, registry.now)
                for e in [] if acting is None else evaluate(acting, view, succeeded_on):
                    if e.eligible is True:
                        amount = None if e.amount is None else e.amount.value
                        rows.add((subject, *e.key, e.policy.version, amount, e.received))
        return rows

    return anew


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
