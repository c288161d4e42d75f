"""Many seeds on all cores. A seed does not know of the others: alone it does the same again."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.simulation.scenario import Run, simulate, small

SEEDS_AT_ONCE = 250
SWEEP_EVERY = 25  # runs, whose tasks are all cycles


@dataclass
class Summary:
    """What came of many seeds."""

    seeds: int = 0
    records: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failed: list[Run] = field(default_factory=list)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """One object: counts, seconds, and each failing seed with what does not hold."""
        return {
            "seeds": self.seeds,
            "source_records": self.records,
            "faults": dict(sorted(self.faults.items())),
            "failed": {run.seed: list(run.findings) for run in self.failed},
            "seconds": round(self.seconds, 1),
        }


def run_seeds(seeds: Iterable[int]) -> list[Run]:
    """Simulate seeds one after the other, in this process."""
    runs: list[Run] = []
    with small() as seams:
        gc.freeze()
        for seed in seeds:
            runs.append(simulate(seed, seams))
            if len(runs) % SWEEP_EVERY == 0:
                gc.collect()
        gc.unfreeze()
    return runs


def run_many(first: int, count: int, said: Callable[[str], None]) -> Summary:
    """Simulate `count` seeds from `first` on, a process per core; a failing one is said at once."""
    summary, began = Summary(), time.monotonic()
    parts = [
        range(start, min(start + SEEDS_AT_ONCE, first + count)) for start in range(first, first + count, SEEDS_AT_ONCE)
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for runs in pool.map(run_seeds, parts):
            for run in runs:
                summary.seeds += 1
                summary.records += run.records
                summary.faults += run.faults
                if run.findings:
                    summary.failed.append(run)
                    said(f"seed {run.seed}: {'; '.join(run.findings)}")
            said(f"{summary.seeds} of {count} seeds, {len(summary.failed)} failed")
    summary.seconds = time.monotonic() - began
    return summary
