"""`zhida verify`: a running cluster against a fresh fold of its journal, partition by partition."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from zhida.comparison import Comparison, Differences, Reach, compare_states, record_digests
from zhida.console import out, progress_bar
from zhida.recorded import Beginnings, Recorded, fold_next, recorded


@dataclass
class Verified:
    """One partition. `begun`: the snapshot's offset, or −1; `offset`: the checkpoint its state was compared at."""

    partition: int
    begun: int
    offset: int
    effects: int = 0
    state_records: int = 0
    differences: Differences = field(default_factory=Differences)


async def verify(
    bootstrap_servers: str, partitions: Iterable[int], folder: Path, *, from_snapshot: bool
) -> AsyncIterator[Verified]:
    """Each partition, compared; workers may go on meanwhile.

    The fold begins where the journal does, or at the earliest snapshot from which it can be followed; `from_snapshot`:
    at the latest. Raises StopPartition where records of the journal lack.
    """
    for partition in partitions:
        async with recorded(bootstrap_servers, partition) as cluster:
            yield await _verify(cluster, folder, from_snapshot=from_snapshot)


async def _verify(cluster: Recorded, folder: Path, *, from_snapshot: bool) -> Verified:
    """The state first, then the effects, which may be ahead of it, then a checkpoint that those are not ahead of."""
    committed_state = await cluster.state()
    upto, records = committed_state.offset, record_digests(committed_state)
    del committed_state  # a partition may be large, and another of its size is about to be folded
    kept = await Beginnings.of(cluster, folder)
    state = kept.latest(upto) if from_snapshot else kept.earliest(upto)
    verified = Verified(cluster.partition, state.offset, upto, state_records=len(records))
    committed = await cluster.effects(Reach.of(state), verified.differences)
    beyond = await cluster.checkpoint()
    comparison = Comparison(committed)
    with progress_bar() as bar:
        task = bar.add_task(f"journal records of partition {cluster.partition}", total=beyond - state.offset)
        for last, required in ((upto, True), (beyond, False)):
            async for offset, value in cluster.journal_from(state.offset + 1, last):
                for effect in fold_next(state, offset, value).effects:
                    comparison.meet(offset, effect, required=required)
                bar.advance(task)
            if required:
                compare_states("the committed state", records, record_digests(state), verified.differences)
    comparison.end()
    verified.effects = comparison.met
    return verified


async def show(found: AsyncIterator[Verified], *, as_json: bool) -> bool:
    """Print each partition as it comes, one line, and its differences; returns whether nothing differs."""
    listed: list[Verified] = []
    async for each in found:
        listed.append(each)
        if not as_json:
            _show(each)
    if as_json:
        out.print_json(json.dumps({"partitions": [_as_data(each) for each in listed]}, ensure_ascii=False))
    return not any(each.differences for each in listed)


def _show(verified: Verified) -> None:
    found = verified.differences
    begun = "the beginning" if verified.begun < 0 else f"the snapshot at {verified.begun}"
    compared = f"{verified.effects} effects and {verified.state_records} state records"
    said = f"{len(found)} differences" if found else "nothing differs"
    out.print(f"partition {verified.partition}: from {begun} to offset {verified.offset}, {compared}: {said}")
    for line in found.told():
        out.print(f"  {line}", markup=False)


def _as_data(verified: Verified) -> dict[str, object]:
    return {
        "partition": verified.partition,
        "from": verified.begun,
        "offset": verified.offset,
        "effects": verified.effects,
        "state_records": verified.state_records,
        "differences": dict(sorted(verified.differences.counts.items())),
        "lines": verified.differences.told(),
    }
