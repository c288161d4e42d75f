"""A real journal of over 500 records, taken in chunks as the worker takes them: their size changes nothing."""

from __future__ import annotations

import heapq
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import canonical_records, load_state
from streams.outputs import state_outputs
from zhida.commands.simulate import begin, publish
from zhida.demo.play import EXAMPLES
from zhida.keyring import Keyring
from zhida.messages import read_messages
from zhida.simulation import Simulation, effect_line, run_events
from zhida.world import write

WORLD = datetime(2023, 12, 31, tzinfo=UTC)


def journal_of_partition_0(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The journal that a simulated world writes to its first partition."""
    values: list[bytes] = []
    original = Simulation._fold

    def recording(self: Simulation, state: PartitionState, value: bytes) -> None:
        if state.partition == 0:
            values.append(value)
        original(self, state, value)

    monkeypatch.setattr(Simulation, "_fold", recording)
    write(folder, 470, 5)
    ring = Keyring(folder / "keys")
    files = [read_messages(folder / name, ring, WORLD) for name in ("changes.jsonl", "rosters.jsonl")]
    messages = list(heapq.merge(*files, key=lambda each: each.time))
    simulation = begin(ring, messages[0].time, lambda effect: None)
    catalogue, policies = EXAMPLES / "catalogue", sorted((EXAMPLES / "policies").glob("*.yaml"))
    publish(simulation, ring, catalogue, policies, messages[0].time)
    run_events(simulation, messages, date(2026, 1, 1))
    return values


def in_chunks(journal: list[bytes], size: int) -> tuple[list[str], dict[str, bytes]]:
    """Effects and final state records, the state left after each chunk and loaded from what its topic then holds."""
    state, topic, effects = PartitionState(0), dict[str, bytes](), list[Effect]()
    for start in range(0, len(journal), size):
        changed: set[str] = set()
        for offset in range(start, min(start + size, len(journal))):
            folded = fold(state, offset, journal[offset])
            effects += folded.effects
            changed |= folded.changed
        topic |= {output.key.decode(): output.value for output in state_outputs(state, changed)}
        state = load_state(0, topic.items())
    return [effect_line(effect) for effect in effects], canonical_records(state)


@pytest.mark.slow
def test_chunks_of_1_7_and_500(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = journal_of_partition_0(tmp_path, monkeypatch)
    assert len(journal) > 1000, "long enough for chunks of 500 to have bounds within it"
    one = in_chunks(journal, 500)
    assert len(one[0]) > 100
    assert in_chunks(journal, 7) == one
    assert in_chunks(journal, 1) == one
