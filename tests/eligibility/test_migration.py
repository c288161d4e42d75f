"""State that an earlier release wrote is read by this one, goes on alike, and is carried over as it changes."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from eligibility.file_record import SCHEMA
from eligibility.partition_state import PartitionState
from eligibility.state import FILE, canonical_records, load_state

RELEASED = Path(__file__).parent / "released" / "state_3.json"


@pytest.fixture
def migrated() -> PartitionState:
    records = {key: b64decode(value) for key, value in json.loads(RELEASED.read_text()).items()}
    assert {record[0] for key, record in records.items() if key.startswith(FILE)} == {3}
    return load_state(0, records.items())


@pytest.fixture
def afresh(world: Any) -> Any:
    """What was done with the earlier release before its state was taken."""
    p = world.partition().begin().widened()
    p.publish(
        *map(world.document, ("SMALL", "AGED", "REFUND", "DATED", "QUIET", "CLAIM", "LIST", *world.wide_policies))
    )
    p.drain()
    for subject in world.subjects:
        p.settled_in(subject)
        p.change(subject, staff=8)
    p.change(world.subjects[0], premium={"2023": "800.50"}, established_on="2021-03-01")
    p.change(world.subjects[1], honest=True)
    p.roster(world.subjects[1], 3, grade="A")
    p.roster(world.subjects[2], 3, member=False)
    p.receipt(world.subjects[0], policy="SMALL", amount="12.00", date="2024-01-02")
    p.until("2024-02-10")
    p.until("2024-03-05")
    return p


def test_it_is_the_state_of_the_same_journal_folded_anew(migrated: PartitionState, afresh: Any) -> None:
    assert dict(migrated.files) == dict(afresh.state.files)
    assert {s: f.near for s, f in migrated.files.items()} == {s: f.near for s, f in afresh.state.files.items()}
    assert (migrated.offset, migrated.registry.sequence) == (afresh.state.offset, afresh.state.registry.sequence)


def test_it_goes_on_alike_and_is_written_anew(migrated: PartitionState, afresh: Any, world: Any) -> None:
    found = []
    for state in (migrated, afresh.state):
        p = world.partition(state, [b""] * (state.offset + 1), _origins=10_000)
        p.change(world.subjects[0], version=50, staff=90)
        p.change(world.subjects[1], version=50, honest=False)
        p.roster(world.subjects[2], 9, grade="B")
        p.until("2025-01-02")
        found.append((p.effects, dict(p.state.files), p.changed - {"names"}))
    assert found[0] == found[1]
    assert found[0][0]
    written = canonical_records(migrated)
    assert {written[FILE + subject][0] for subject in world.subjects} == {SCHEMA}
    assert dict(load_state(0, written.items()).files) == found[1][1]
