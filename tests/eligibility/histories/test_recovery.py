"""A partition that is loaded from its state records on the way goes on as if it had never stopped."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import canonical_records, load_state


def refold(log: list[bytes], reload_after: set[int]) -> tuple[list[Effect], PartitionState]:
    """The journal folded anew, the state left and loaded from its records after the offsets given."""
    state, effects = PartitionState(0), []
    for offset, value in enumerate(log):
        effects += fold(state, offset, value).effects
        if offset in reload_after:
            state = load_state(0, list(canonical_records(state).items())[::-1])
    return effects, state


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_loading_gives_the_state_that_was_kept(data: st.DataObject, histories: Any, play: Any) -> None:
    records = canonical_records(play(data.draw(histories)).state)
    assert canonical_records(load_state(0, records.items())) == records


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_going_on_from_the_middle(data: st.DataObject, histories: Any, play: Any) -> None:
    whole = play(data.draw(histories))
    middle = data.draw(st.integers(0, len(whole.log) - 1))
    effects, state = refold(whole.log, {middle})
    assert effects == whole.effects
    assert canonical_records(state) == canonical_records(whole.state)


@pytest.mark.parametrize("chunk", [1, 7, 500])
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_loaded_at_every_chunk_bound(data: st.DataObject, histories: Any, play: Any, chunk: int) -> None:
    whole = play(data.draw(histories))
    effects, state = refold(whole.log, set(range(chunk - 1, len(whole.log), chunk)))
    assert effects == whole.effects
    assert canonical_records(state) == canonical_records(whole.state)


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_records_written_as_they_change_are_the_state(data: st.DataObject, histories: Any, play: Any) -> None:
    """What a compacted topic holds: of each key the value it had when it last was among the changed."""
    whole = play(data.draw(histories))
    state, compacted = PartitionState(0), dict[str, bytes]()
    for offset, value in enumerate(whole.log):
        changed = fold(state, offset, value).changed
        now = canonical_records(state)
        compacted |= {key: now[key] for key in changed | {"ckpt"}}
    assert compacted.keys() <= canonical_records(whole.state).keys()
    assert canonical_records(load_state(0, compacted.items())) == canonical_records(whole.state)


FOLD_LINES = """
import json, sys
import eligibility.reducer
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import canonical_records
eligibility.reducer.SUBJECTS_PER_PUMP = 1
state = PartitionState(0)
for offset, line in enumerate(json.load(sys.stdin)):
    for effect in fold(state, offset, line.encode()).effects:
        print(effect.model_dump_json())
for key, record in sorted(canonical_records(state).items()):
    print(key, record.hex())
"""

BUSY = [
    ("facts", 0, "staff", 5), ("facts", 1, "staff", 20), ("facts", 0, "honest", True), ("publish", 4, 0),
    ("publish", 5, 0), ("publish", 6, 20), ("facts", 0, "premium", {"2023": "700.01"}), ("tick", 24 * 45),
    ("facts", 0, "established_on", "2020-02-29"), ("roster", 0, "hire-1", True, "A", "tax"),
    ("roster", 0, None, True, "B", "tax"), ("hire", 0, "h1", "2024-03-01"), ("complete", "hires", "2024-01-01"),
    ("publish", 8, 0), ("publish", 14, 0), ("calendar",), ("facts", 0, "licence_to", "2024-12-31"), ("publish", 13, 0),
    ("receipt", 0, "r1", {"policy": "SMALL", "amount": "600", "date": "2024-01-15"}), ("publish", 12, 20),
    ("pump",), ("tick", 24 * 45), ("facts", 1, "staff", 40), ("amend", 0, 20), ("tick", 24 * 200),
    ("withdraw", 3, 0), ("publish", 3, 20),
    ("facts", 0, "staff", None), ("stale", 0, 40), ("tick", 24 * 200), ("facts", 0, "staff", 5),
]  # fmt: skip


def test_another_hash_seed_gives_the_same_bytes(play: Any) -> None:
    whole = play(BUSY)
    assert len(whole.effects) > 25
    lines = json.dumps([value.decode() for value in whole.log])
    printed = {
        subprocess.run(
            [sys.executable, "-c", FOLD_LINES],
            input=lines,
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).resolve().parents[3],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    effects = "".join(effect.model_dump_json() + "\n" for effect in whole.effects)
    assert len(printed) == 1
    assert printed.pop().startswith(effects)


def test_ids_are_given_once(play: Any) -> None:
    ids = [effect.effect_id for effect in play(BUSY).effects]
    assert len(ids) == len(set(ids))
