"""The whole benchmark of the engine: which sizes, and the figures that come out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.engine.changes import Amending, Compared, Growth, amending, growth, with_all_peers, worst_cases
from bench.engine.closures import AffectedClosures, AllClosures
from bench.engine.monitor import LuceneMonitor
from bench.engine.population import Scanned, scan_all
from bench.engine.rules import PolicyMaker
from bench.engine.subjects import ChangeMaker, subjects
from bench.engine.zen import PerPolicy

SEED = 20250630
PEERS = (PerPolicy.name, LuceneMonitor.name, AllClosures.name, AffectedClosures.name)


@dataclass(frozen=True)
class Sizes:
    """How much of everything. `growth`: the smaller and the larger number of policies."""

    policies: int
    changes: int
    sampled_subjects: int
    nulls: tuple[float, ...]
    worst_policies: int
    worst_changes: int
    growth: tuple[int, int]
    growth_changes: tuple[int, int]
    checked: int
    amended: int
    populations: tuple[int, ...]
    rounds: int


QUICK = Sizes(
    policies=10_000,
    changes=120,
    sampled_subjects=200_000,
    nulls=(0.1,),
    worst_policies=2_000,
    worst_changes=36,
    growth=(1_000, 100_000),
    growth_changes=(2_000, 800),
    checked=20,
    amended=300,
    populations=(2_000_000,),
    rounds=5,
)
WHOLE = Sizes(
    policies=10_000,
    changes=240,
    sampled_subjects=1_000_000,
    nulls=(0.1, 0.0, 0.4),
    worst_policies=10_000,
    worst_changes=120,
    growth=(1_000, 100_000),
    growth_changes=(4_000, 2_000),
    checked=100,
    amended=1_000,
    populations=(2_000_000, 1_000_000, 5_000_000),
    rounds=9,
)
"""The first share of nulls and the first population are those of the figures; the others are for the table."""


@dataclass(frozen=True)
class Figures:
    """Everything measured. `compared`: by share of nulls; `worst`: by case."""

    compared: dict[float, Compared]
    worst: dict[str, Compared]
    growth: tuple[Growth, Growth]
    amending: Amending
    scanned: list[Scanned]

    @property
    def mismatches(self) -> int:
        """Of every part."""
        compared = [*self.compared.values(), *self.worst.values()]
        answered = [*(each.mismatches for each in compared), *(each.mismatches for each in self.scanned)]
        return sum(answered) + sum(each.mismatches for each in self.growth) + self.amending.mismatches

    def summary(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        compared, scanned = next(iter(self.compared.values())), self.scanned[0]
        few, many = self.growth
        return {
            "mismatches": self.mismatches,
            "ratios": {peer: compared.ratio(peer) for peer in PEERS},
            "flip_growth": many.per_flip / few.per_flip,
            "population_ratio": scanned.ratio,
            "bytes_per_subject": max(each.bytes_per_subject for each in self.scanned),
            "provenance_bytes_per_subject": max(each.record_bytes for each in self.scanned),
            "add_policy_ms": self.amending.median,
        }


def run(sizes: Sizes, seed: int, tell: Callable[[str], None]) -> Figures:
    """Measure; `tell` is told what comes next.

    Garbage is collected between the parts only: a collection would stop whichever clock is running.
    """
    made = PolicyMaker(seed).policies(sizes.policies)
    populations = {nulls: subjects(sizes.sampled_subjects, nulls, seed) for nulls in sizes.nulls}
    population = populations[sizes.nulls[0]]
    gc.disable()
    try:
        compared = {}
        for nulls, among in populations.items():
            tell(f"change → policies: {sizes.policies:,} policies, {nulls:.0%} nulls")
            compared[nulls] = with_all_peers(made, among, sizes.changes, seed)
        tell(f"worst cases: {sizes.worst_policies:,} policies")
        worst = worst_cases(sizes.worst_policies, population, sizes.worst_changes, seed)
        maker = ChangeMaker(population, seed)
        tell("amended policies")
        amended = amending(made, sizes.amended, maker.changes(sizes.checked), seed)
        grown = []
        for count, changes in zip(sizes.growth, sizes.growth_changes, strict=True):
            gc.collect()
            tell(f"flips: {count:,} policies")
            grown.append(growth(PolicyMaker(seed).policies(count), maker.changes(changes), sizes.checked, seed))
        scanned = []
        for nulls in sizes.nulls:
            for count in sizes.populations if nulls == sizes.nulls[0] else sizes.populations[:1]:
                gc.collect()
                tell(f"policy → subjects: {count:,} subjects, {nulls:.0%} nulls")
                scanned.append(scan_all(count, nulls, sizes.rounds, seed))
    finally:
        gc.enable()
    return Figures(compared, worst, (grown[0], grown[1]), amended, scanned)
