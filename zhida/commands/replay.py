"""`zhida replay`: a partition's journal folded to an offset, and held against what was committed up to there."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from eligibility.errors import Refused
from eligibility.partition_state import PartitionState
from schemas.rejected import RejectCode
from zhida.comparison import Comparison, Differences, Reach, compare_states, kind_of, record_digests, state_digest
from zhida.console import out, progress_bar
from zhida.recorded import Beginnings, Recorded, fold_next, recorded
from zhida.snapshots import Snapshot, fit, open_snapshot


@dataclass
class Replayed:
    """A replay. `begun`: the journal offset of the snapshot it began from, −1 for the journal's beginning.

    `effects`: how many of each kind it gave; `compared`: with what it was compared; `digest`: of the canonical state.
    """

    partition: int
    begun: int
    offset: int
    digest: str = ""
    effects: Counter[str] = field(default_factory=Counter)
    compared: list[str] = field(default_factory=list)
    differences: Differences = field(default_factory=Differences)


async def replay(bootstrap_servers: str, partition: int, to: int, given: Path | None, folder: Path) -> Replayed:
    """Fold a partition's journal to an offset and compare.

    It begins from the snapshot `given`, or the latest kept one before the offset, or the journal's beginning.
    Raises Refused for an offset that nothing is committed up to yet, StopPartition where records of the journal lack.
    """
    async with recorded(bootstrap_servers, partition) as cluster:
        checkpoint = await cluster.checkpoint()
        if to > checkpoint:
            text = f"partition {partition} has committed up to journal offset {checkpoint}; {to} is yet to come"
            raise Refused(RejectCode.BAD_VALUE, text)
        kept = await Beginnings.of(cluster, folder)
        state = kept.latest(to) if given is None else _given(given, cluster, to).load()
        replayed = Replayed(partition, state.offset, to)
        records = await _compare_effects(cluster, state, replayed)
        if checkpoint == to:
            await _compare_committed_state(cluster, records, replayed)
        for snapshot in kept.at(to) if replayed.begun < to else []:
            replayed.compared.append(f"the snapshot {snapshot.file.name}")
            compare_states("the snapshot", record_digests(snapshot.load()), records, replayed.differences)
    replayed.digest = state_digest(records)
    return replayed


def _given(file: Path, cluster: Recorded, to: int) -> Snapshot:
    snapshot = fit(open_snapshot(file), cluster.partition, cluster.journal)
    if snapshot.offset > to:
        raise Refused(RejectCode.BAD_VALUE, f"{file}: the snapshot stands at offset {snapshot.offset}, beyond {to}")
    return snapshot


async def _compare_effects(cluster: Recorded, state: PartitionState, replayed: Replayed) -> dict[str, bytes]:
    """Fold, hold each effect against the committed ones; returns the folded state's records, by digest."""
    committed = await cluster.effects(Reach.of(state), replayed.differences)
    comparison = Comparison(committed)
    with progress_bar() as bar:
        task = bar.add_task("journal records", total=replayed.offset - state.offset)
        async for offset, value in cluster.journal_from(state.offset + 1, replayed.offset):
            for effect in fold_next(state, offset, value).effects:
                replayed.effects[kind_of(effect)] += 1
                comparison.meet(offset, effect)
            bar.advance(task)
    comparison.end(Reach.of(state))
    replayed.compared.append(f"{comparison.met} committed effects")
    return record_digests(state)


async def _compare_committed_state(cluster: Recorded, records: dict[str, bytes], replayed: Replayed) -> None:
    state = await cluster.state()
    if state.offset == replayed.offset:  # or workers have gone on meanwhile
        replayed.compared.append("the committed state")
        compare_states("the committed state", record_digests(state), records, replayed.differences)


def show(replayed: Replayed, *, as_json: bool) -> bool:
    """Print a replay; returns whether nothing differs."""
    found = replayed.differences
    if as_json:
        data = {
            "partition": replayed.partition,
            "from": replayed.begun,
            "offset": replayed.offset,
            "digest": replayed.digest,
            "effects": dict(sorted(replayed.effects.items())),
            "compared": replayed.compared,
            "differences": dict(sorted(found.counts.items())),
            "lines": found.told(),
        }
        out.print_json(json.dumps(data, ensure_ascii=False))
        return not found
    begun = "the journal's beginning" if replayed.begun < 0 else f"the snapshot at offset {replayed.begun}"
    given = ", ".join(f"{count} {kind}" for kind, count in sorted(replayed.effects.items())) or "none"
    out.print(f"partition {replayed.partition} at offset {replayed.offset}, folded from {begun}")
    out.print(f"state: {replayed.digest}")
    out.print(f"effects: {given}")
    out.print(f"compared with {', '.join(replayed.compared)}", markup=False)
    for line in found.told() or ["nothing differs"]:
        out.print(line, markup=False)
    return not found
