"""Given the same `effective_at`s, the order in which sources arrive makes no difference to who is eligible at the end.

Within a source the order is kept: a provider's versions of a subject, a policy's publications, a roster's lines.
Between them it is free: a roster comes before its policy, facts before the kind of subject, an amendment long before
it acts, a successor before its predecessor; time passes and roll-outs are pumped, or not, in between.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

Step = Callable[[Any], Any]
FINAL = ("2024-05-15", "2024-08-20", "2024-12-31", "2025-03-01", "2026-02-01")
ORDERS = 20  # of each of ten histories


def facts_of(rng: Random, subject: str) -> list[list[dict[str, Any]]]:
    """What each provider says of a subject, in the order of its versions."""

    def some(*values: Any) -> Any:
        return rng.choice(values)

    hires = {"h1": some("2024-01-31", "2024-03-01"), "h2": some("2024-12-30", "2025-01-01")}
    receipt = {"receipt_policy": some("SMALL", "SMALL", "TOPUP"), "receipt_amount": some("600", "1500", None)}
    receipt["receipt_date"] = some("2024-01-15", "2024-06-30", None)
    registered = [
        {"region": "210102"},
        {"established_on": some("2020-02-29", "2021-06-15", "2024-02-01")},
        {"kind": some("enterprise", "enterprise", "person")},
        {"kind": "enterprise"},
    ]
    return [
        [] if subject.startswith("p-") else registered,
        [
            {"staff": some(5, 10, 20, 40), "premium": {"2023": some("0", "700.01"), "2024": "2000.10"}},
            {"hired_on": hires, "hire_graduate": {"h1": True, "h2": some(True, False, None)}},
            {"hire_wage": {"h1": some("2000", "5000.10"), "h2": "5000.10"}, "employed": some(True, False)},
            {"staff": some(5, 10, 20, 40, None)},
        ],
        [{"honest": some(True, False)}, {"blacklisted": some(True, False, None), "honest": some(True, None)}],
        [{"licence_to": some("2024-05-01", "2024-12-31", "2026-02-28")}],
        [{name: {"r1": value} for name, value in receipt.items()}],
        [{"household_region": some("210102", None)}],
    ]


def publications_of(rng: Random, world: Any, policy_id: str, until: str) -> list[Step]:
    """A policy's life: published, perhaps amended, withdrawn and published again, ever later."""

    def publish(version: int, action: str, day: str) -> Step:
        return lambda p: p.publish(world.document(policy_id, version), action=action, effective_at=day)

    days = ["2023-12-01", "2024-02-10", "2024-04-01", "2024-05-15", "2024-09-01"]
    lives = [["publish"], ["publish", "amend"], ["publish", "amend", "withdraw"], ["publish", "withdraw", "publish"]]
    steps: list[Step] = []
    actions = [*rng.choice(lives), *rng.choice([[], ["amend"]])]
    for version, (action, day) in enumerate(zip(actions, days, strict=False), start=1):
        if day > until or (action == "amend" and "withdraw" in actions[version - 2 : version - 1]):
            break
        if action == "withdraw":
            steps.append(lambda p, day=day: p.withdraw(policy_id, day))
        else:
            steps.append(publish(version, action, day))
    return steps


def lines_of(rng: Random, subject: str) -> list[Step]:
    """Lines of the rosters of LIST: of the department that implements it, and of one that does not."""
    lines = [(item, department) for item in (None, "cert-1") for department in ("tax", "finance")]
    rng.shuffle(lines)
    members = [rng.random() < 0.7 for _ in lines]

    def line(version: int) -> Step:
        item, department = lines[version - 1]
        given = {"item": item, "department": department, "member": members[version - 1], "grade": "A"}
        return lambda p: p.roster(subject, version, **given)

    return [line(version) for version in range(1, len(lines) + 1)]


def sources(seed: int, world: Any, everybody: Any, every_policy: Any) -> tuple[list[list[Step]], str]:
    """What each source says, in its order; and the last day."""
    rng = Random(seed)
    final = FINAL[seed % len(FINAL)]
    said: list[list[Step]] = []
    for subject in everybody:
        for changes in facts_of(rng, subject):
            said.append([lambda p, subject=subject, change=change: p.change(subject, **change) for change in changes])
        said.append(lines_of(rng, subject))
    said += [publications_of(rng, world, policy_id, final) for policy_id in every_policy]
    lists = ("blacklisted", "hires", "receipts", *rng.sample(["hires", "receipts"], 1))
    ends = [*["2024-01-01"] * 3, rng.choice([None, "2024-01-01"])]
    said.append([lambda p, name=name, day=day: p.complete(name, day) for name, day in zip(lists, ends, strict=True)])
    ticks = [day for day in ("2024-01-20", "2024-03-02", "2024-04-30", "2024-07-03", "2024-11-11") if day < final]
    said.append([lambda p, day=day: p.tick(day) for day in ticks])
    said.append([lambda p: p.pump()] * 12)
    said.append([lambda p: p.drain()] * 2)
    return [list(source) for source in said], final


def shuffled(said: list[list[Step]], order: Random) -> list[Step]:
    """The sources interleaved."""
    turns = [place for place, source in enumerate(said) for _ in source]
    order.shuffle(turns)
    left = [iter(source) for source in said]
    return [next(left[place]) for place in turns]


@pytest.mark.parametrize("history", range(10))
def test_a_history_in_any_order_ends_in_the_same_matches(
    history: int, world: Any, everybody: Any, every_policy: Any, found: Any, anew: Any
) -> None:
    ends: Counter[frozenset[Any]] = Counter()
    for number in range(ORDERS):
        said, final = sources(history, world, everybody, every_policy)
        partition = world.partition().begin().widened()
        for step in shuffled(said, Random(history * ORDERS + number)):
            step(partition)
        partition.until(final)
        assert not [effect for effect in partition.effects if hasattr(effect, "code")]
        assert found(partition) == anew(partition), f"history {history}, order {number}"
        ends[frozenset(found(partition))] += 1
    assert len(ends) == 1, f"{len(ends)} ends: {[sorted(end ^ next(iter(ends))) for end in ends]}"
    assert next(iter(ends)), "nobody is eligible: the history says nothing"


def test_the_histories_reach_every_policy(world: Any, everybody: Any, every_policy: Any, found: Any) -> None:
    """Or the orders would be compared by what nobody gets."""
    reached: set[str] = set()
    for history in range(10):
        said, final = sources(history, world, everybody, every_policy)
        partition = world.partition().begin().widened()
        for step in [step for source in said for step in source]:
            step(partition)
        partition.until(final)
        reached |= {row[1] for row in found(partition)}
    assert reached == set(every_policy)
