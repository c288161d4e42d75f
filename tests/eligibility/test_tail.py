"""A partition that comes back: the state it had, and what was written since, are what is committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eligibility.partition_state import PartitionState
from eligibility.state import CHECKPOINT, canonical_records, encode_record, load_state, load_tail

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
    """Whether both go on alike: through a change, a period's turn and a new version."""
    found = []
    for state in (one, other):
        p = world.partition(state, [b""] * (state.offset + 1), _origins=10_000)
        p.change(SUBJECTS[0], version=90, staff=12)
        p.until("2026-01-02")
        p.publish(world.document("AGED", 8), action="amend", effective_at="2026-01-02")
        p.drain()
        found.append((p.effects, canonical_records(state)))
    return found[0] == found[1]


def test_without_a_checkpoint_nothing_was_committed(partition: Any) -> None:
    assert load_tail(partition.state, {}) is partition.state
