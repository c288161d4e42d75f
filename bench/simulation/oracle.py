"""What must hold once a run has settled, told from what was written alone: one fold of each recorded journal from its
beginning, and plain counting of origins."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from aiokafka import TopicPartition

from bench.simulation.log import Appended, Log
from bench.simulation.world import PARTITIONS, World
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import CHECKPOINT, canonical_records
from schemas.topics import CONTROL, DECISIONS, JOURNAL, NOTICES, REJECTED, SOURCES, STATE
from streams.outputs import Output, effect_output


def findings(log: Log, world: World) -> list[str]:
    """What does not hold, in words; nothing where all does."""
    written = [each for together in log.tape for each in together]
    found = list(_represented(written))
    for number in range(PARTITIONS):
        found += _folded(log, written, number)
    found += _decided(written, world)
    return found


def _folded(log: Log, written: list[Appended], number: int) -> Iterator[str]:
    """The committed state and effects of a partition are those of one fold; and were, at every checkpoint."""
    state = PartitionState(number)
    effects: list[tuple[int, Output]] = []
    for tp, offset, record in written:
        if tp == TopicPartition(JOURNAL, number):
            effects += [(offset, effect_output(each)) for each in fold(state, offset, record.value or b"").effects]
    expected = {key.encode(): value for key, value in canonical_records(state).items()}
    kept, _ = log.partition(TopicPartition(STATE, number)).read(0, 1_000_000, committed=True)
    committed = {entry.record.key: entry.record.value for entry in kept if entry.record is not None}
    for key in sorted(expected.keys() | committed.keys(), key=str):
        if expected.get(key or b"") != committed.get(key):
            yield f"partition {number}: the committed state of {key!r} is not that of a fold of its journal"
    yield from _in_step(log.tape, number, effects)


def _in_step(tape: list[list[Appended]], number: int, effects: list[tuple[int, Output]]) -> Iterator[str]:
    """Effects come in the fold's order and each once; a checkpoint stands for exactly those before it."""
    due = {topic: [each for each in effects if each[1].topic == topic] for topic in (DECISIONS, NOTICES, REJECTED)}
    seen = dict.fromkeys(due, 0)
    for together in tape:
        checkpoint: int | None = None
        for tp, _, record in together:
            if tp.partition != number:
                continue
            if tp.topic == STATE and record.key == CHECKPOINT.encode():
                checkpoint = json.loads(record.value or b"")["offset"]
            elif tp.topic in due:
                _, output = next(iter(due[tp.topic][seen[tp.topic] :]), (-1, None))
                if output is None or (output.key, output.value) != (record.key, record.value):
                    yield f"partition {number}: an effect on {tp.topic} is not the next of a fold of the journal"
                    return
                seen[tp.topic] += 1
        if checkpoint is not None and seen != {
            topic: sum(offset <= checkpoint for offset, _ in each) for topic, each in due.items()
        }:
            yield f"partition {number}: the checkpoint {checkpoint} does not stand for the effects committed with it"
            return
    if missing := [topic for topic, each in due.items() if seen[topic] < len(each)]:
        yield f"partition {number}: effects on {', '.join(missing)} were never committed"


def _represented(written: list[Appended]) -> Iterator[str]:
    """Every source record is there once, taken or refused, in a journal or on the control topic. What the high-waters
    drop is not there."""
    found: Counter[str] = Counter()
    high: dict[tuple[TopicPartition, str], tuple[int, int]] = {}
    sequences = dict.fromkeys(range(PARTITIONS), -1)
    control = 0
    for tp, _, record in written:
        if tp.topic not in (JOURNAL, CONTROL):
            continue
        control += tp.topic == CONTROL
        data = json.loads(record.value or b"")
        if data["kind"] == "control":
            if data["sequence"] > sequences[tp.partition] + 1:
                yield f"partition {tp.partition}: control record {data['sequence']} follows {sequences[tp.partition]}"
            sequences[tp.partition] = max(sequences[tp.partition], data["sequence"])
        elif (origin := data.get("rejected", data).get("origin")) is not None:
            source, place = f"{origin['topic']}/{origin['partition']}", (origin["offset"], origin["ordinal"])
            if place > high.get((tp, source), (-1, -1)):
                high[tp, source] = place
                found[f"{source}@{place[0]}"] += 1
    for number, sequence in sequences.items():
        if sequence != control - 1:
            yield f"partition {number}: {control - 1 - sequence} control records are missing"
    for tp, offset, _ in written:
        name = f"{tp.topic}/{tp.partition}@{offset}"
        if tp.topic in SOURCES and found[name] != 1:
            yield f"{name} is there {found[name]} times"


def _decided(written: list[Appended], world: World) -> Iterator[str]:
    """Who is eligible in the end is who is by the facts; a subject's last decision on a policy says so."""
    last: dict[tuple[str, str], Any] = {}
    for tp, _, record in written:
        if tp.topic == DECISIONS:
            decision = json.loads(record.value or b"")
            last[decision["match"]["subject"], decision["match"]["policy"]] = decision["verdict"]
    said = {match for match, verdict in last.items() if verdict == "eligible"}
    expected = world.eligible()
    for subject, policy in sorted(said ^ expected):
        which = "is decided eligible, and is not" if (subject, policy) in said else "is eligible, and is not decided so"
        yield f"a subject {which}: {policy}"
