"""Change → policies: the index against its peers, on the workload, on its worst cases, and as policies grow many."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import mean, median, quantiles
from time import perf_counter

import numpy as np

from bench.engine.closures import AffectedClosures, AllClosures, closure, generated, in_order
from bench.engine.facts import PLACE
from bench.engine.monitor import NoMonitor, monitor
from bench.engine.oracle import Oracle
from bench.engine.ours import OurIndex, compiled
from bench.engine.peers import Flip, Peer
from bench.engine.rules import BenchPolicy, PolicyMaker
from bench.engine.subjects import Change, ChangeMaker, Subjects, subjects
from bench.engine.zen import OneDecision, PerPolicy

ROUND = 12
"""Changes in a round: each peer answers them, then the next peer, then the next round."""

WARM_UP = 0.02
"""Seconds a peer's turn begins with, on changes of another round: a stream of changes finds its caches warm."""

ORDERING_SAMPLE = 40
"""Rows by which the closures put their tests in order."""

GENERATED = "affected-generated"
SHARED_THRESHOLD = 300


@dataclass
class Compared:
    """Mean µs per change of each peer; `missing`: why a peer was not run."""

    microseconds: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    mismatches: int = 0
    flips: float = 0.0

    def ratio(self, peer: str) -> float | None:
        """A peer's mean time ÷ ours; None where it was not run."""
        return None if peer not in self.microseconds else self.microseconds[peer] / self.microseconds[OurIndex.name]


def compare(peers: Sequence[Peer], changes: Sequence[Change], oracle: Oracle) -> Compared:
    """Peers by turns over the same rounds of changes; a round is checked by the oracle before its times count."""
    result = Compared()
    for peer in peers:
        peer.prepare(changes)
        peer.answer(changes[:1])
    seconds: dict[str, list[float]] = {peer.name: [] for peer in peers}
    found: list[int] = []
    for turn, first in enumerate(range(0, len(changes), ROUND)):
        batch = changes[first : first + ROUND]
        order = [*peers[turn % len(peers) :], *peers[: turn % len(peers)]]
        answers = {}
        for peer in order:
            _warm_up(peer, changes[:first] or changes[ROUND:] or changes)
            answers[peer.name] = peer.answer(batch)
            seconds[peer.name] += answers[peer.name].seconds
            seconds[peer.name] += peer.answer(batch).seconds  # a day's work repeats itself
        for place, change in enumerate(batch):
            flips = [(answers[peer.name].flips[place], peer.two_valued) for peer in peers]
            result.mismatches += oracle.mismatches(change, flips)
            found.append(len(flips[0][0]))
    result.microseconds = {name: mean(taken) * 1e6 for name, taken in seconds.items()}
    result.flips = mean(found)
    return result


def _warm_up(peer: Peer, changes: Sequence[Change]) -> None:
    begun = perf_counter()
    for change in changes:
        peer.answer([change])
        if perf_counter() - begun > WARM_UP:
            return


def with_all_peers(policies: Sequence[BenchPolicy], population: Subjects, changes: int, seed: int) -> Compared:
    """The workload, against every peer that can be run here."""
    missing: dict[str, str] = {}
    drawn = ChangeMaker(population, seed).changes(changes)
    with ExitStack() as stack:
        peers: list[Peer] = [OurIndex(policies), *closures(policies, population)]
        peers += [PerPolicy(policies), OneDecision(policies)]
        try:
            peers.append(stack.enter_context(monitor(policies)))
        except NoMonitor as error:
            missing["lucene-monitor"] = str(error)
        result = compare(peers, drawn, Oracle(policies, seed))
    result.missing = missing
    return result


def closures(policies: Sequence[BenchPolicy], population: Subjects) -> tuple[AllClosures, AffectedClosures, Peer]:
    """The peers of compiled closures, and that of generated source over the affected policies."""
    step = max(1, len(population) // ORDERING_SAMPLE)
    rows = [population.row(subject) for subject in range(0, len(population), step)]
    trees = [in_order(policy, rows) for policy in policies]
    made = [closure(tree) for tree in trees]
    source = AffectedClosures(policies, [generated(tree) for tree in trees], GENERATED)
    return AllClosures(policies, made), AffectedClosures(policies, made), source


def worst_cases(policies: int, population: Subjects, changes: int, seed: int) -> dict[str, Compared]:
    """Each worst case against the closures of the affected policies."""
    one_region = subjects(len(population), 0.1, seed, one_region=True)
    cases = {
        "all policies share one threshold": ("shared_threshold", population, "crossing"),
        "root-OR policies": ("root_or", population, None),
        "one huge region": ("one_region", one_region, None),
        "null to value": ("mixed", population, "null_to_value"),
        "the year's turn": ("mixed", population, "year_turn"),
    }
    results: dict[str, Compared] = {}
    for name, (shape, among, kind) in cases.items():
        made = PolicyMaker(seed, shape).policies(policies)
        maker = ChangeMaker(among, seed)
        if kind == "crossing":
            drawn = maker.crossings(changes, PLACE["staff"], SHARED_THRESHOLD)
        else:
            drawn = maker.changes(changes, kind)
        results[name] = compare([OurIndex(made), closures(made, among)[1]], drawn, Oracle(made, seed))
    return results


@dataclass(frozen=True)
class Growth:
    """µs per change as a line through the flips it makes: `fixed`, and `per_flip` for each; `mean` over all changes."""

    policies: int
    fixed: float
    per_flip: float
    mean: float
    flips: float
    mismatches: int


REPEATS = 5


def growth(policies: Sequence[BenchPolicy], changes: Sequence[Change], checked: int, seed: int) -> Growth:
    """How our time per change grows with its flips: least squares over each change's median of some repeats.

    `checked`: so many changes are held against the oracle.
    """
    ours, oracle = OurIndex(policies), Oracle(policies, seed)
    ours.prepare(changes)
    flips = ours.answer(changes).flips
    taken = np.array([ours.answer(changes).seconds for _ in range(REPEATS)])
    mismatches = sum(oracle.mismatches(changes[place], [(flips[place], False)]) for place in range(checked))
    times = np.median(taken, axis=0) * 1e6
    counts = np.array([len(found) for found in flips], float)
    per_flip, fixed = np.polyfit(counts, times, 1)
    return Growth(len(policies), float(fixed), float(per_flip), float(times.mean()), float(counts.mean()), mismatches)


@dataclass(frozen=True)
class Amending:
    """Milliseconds to take an amended policy into the index, from compiled to indexed."""

    median: float
    slowest_percent: float
    mismatches: int


def amending(policies: Sequence[BenchPolicy], amended: int, changes: Sequence[Change], seed: int) -> Amending:
    """Policies replaced one by one by others of the same key; then the index must answer as if built so."""
    ours = OurIndex(policies)
    ours.prepare(changes)
    ours.answer(changes)  # so that what it keeps for answers is there
    maker = PolicyMaker(seed + 1)
    replaced = {policy.key: policy for policy in policies}
    seconds: list[float] = []
    for key in sorted(replaced)[:: max(1, len(policies) // amended)]:
        replaced[key] = maker.policy(key)
        ready = compiled(replaced[key])
        begun = perf_counter()
        ours.replace(key, ready)
        seconds.append(perf_counter() - begun)
    oracle = Oracle(list(replaced.values()), seed)
    ours.prepare(changes)
    found: list[set[Flip]] = ours.answer(changes).flips
    mismatches = sum(oracle.mismatches(change, [(flips, False)]) for change, flips in zip(changes, found, strict=True))
    return Amending(median(seconds) * 1e3, quantiles(seconds, n=100)[98] * 1e3, mismatches)
