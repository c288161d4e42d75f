"""`zhida snapshot`: the committed state of the partitions as files, for replays to begin from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zhida.console import out
from zhida.recorded import recorded
from zhida.snapshots import FOLDER, write_snapshot


async def take(bootstrap_servers: str, partitions: Iterable[int], folder: Path) -> None:
    """Keep a snapshot of each partition as it is committed now, and say where."""
    for partition in partitions:
        async with recorded(bootstrap_servers, partition) as cluster:
            state = await cluster.state()
        if state.registry.epoch is None:
            out.print(f"partition {partition}: no epoch is committed yet, so there is nothing to keep")
            continue
        kept = write_snapshot(folder / FOLDER, state)
        out.print(
            f"partition {partition}: {len(state.files)} subjects at offset {kept.offset}: {kept.file}", markup=False
        )
