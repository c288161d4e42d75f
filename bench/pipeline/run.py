"""The whole benchmark of the pipeline: which sizes, in which order, and the figures that come out."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from bench.pipeline.check import Course
from bench.pipeline.latency import Latencies, measure
from bench.pipeline.limit import Limit
from bench.pipeline.peer import Textbook, table_values
from bench.pipeline.recovery import Recovery, restart
from bench.pipeline.rig import Rig, Tell, states
from bench.pipeline.textbook import GUARANTEES
from bench.pipeline.traffic import Traffic
from bench.pipeline.usage import Usage, usage
from bench.pipeline.workload import Sent, Workload, everybody, publication
from eligibility.partition_state import BUCKETS
from schemas.topics import JOURNAL_PARTITIONS
from streams.app import Role
from streams.checkpoints import read_checkpoint
from streams.reading import reader
from zhida.sending import send

T = TypeVar("T")
OURS, LIMIT = "zhida", "limit"
TEXTBOOK, TEXTBOOK_EXACTLY_ONCE = GUARANTEES
SIDES = (OURS, TEXTBOOK, TEXTBOOK_EXACTLY_ONCE, LIMIT)
HALF = 0.5
WARM_UP = 0.2
"""Of a round: what each side is given before the first."""

RESTART_CHANGES = 200


@dataclass(frozen=True)
class Sizes:
    """How much of everything. `changes`: of a round, by side; `warm_up`, `latency`, `rollout`: seconds of constant
    load; `restarted`: subjects of the further restarts, each on a broker of its own."""

    policies: int
    subjects: int
    distinct: int
    rounds: int
    changes: dict[str, int]
    warm_up: float
    latency: float
    rollout: float
    restarted: tuple[int, ...]


QUICK = Sizes(
    policies=1_000,
    subjects=200_000,
    distinct=8_000,
    rounds=3,
    changes={OURS: 15_000, TEXTBOOK: 6_000, TEXTBOOK_EXACTLY_ONCE: 5_000, LIMIT: 45_000},
    warm_up=15.0,
    latency=12.0,
    rollout=12.0,
    restarted=(),
)
WHOLE = Sizes(
    policies=1_000,
    subjects=200_000,
    distinct=20_000,
    rounds=6,
    changes={OURS: 60_000, TEXTBOOK: 10_000, TEXTBOOK_EXACTLY_ONCE: 8_000, LIMIT: 120_000},
    warm_up=30.0,
    latency=60.0,
    rollout=60.0,
    restarted=(1_000_000,),
)


@dataclass
class Side:
    """What a side was given in all rounds, and how long it took; `usage`: meanwhile."""

    changes: int = 0
    seconds: float = 0.0
    rates: list[float] = field(default_factory=list)
    usage: Usage | None = None

    def add(self, changes: int, seconds: float, used: Usage) -> None:
        """Count a round."""
        self.changes += changes
        self.seconds += seconds
        self.rates.append(changes / seconds)
        self.usage = used if self.usage is None else self.usage + used

    @property
    def per_second(self) -> float:
        """Changes a second, over all rounds."""
        return self.changes / self.seconds

    @property
    def others(self) -> float:
        """The share of the machine that others had meanwhile: where it is not small, the rates say little."""
        assert self.usage is not None
        return self.usage.others

    def cpu_us(self) -> dict[str, float]:
        """CPU microseconds per change, by role."""
        assert self.usage is not None
        return {role: seconds / self.changes * 1e6 for role, seconds in self.usage.cpu.items()}


@dataclass
class Figures:
    """Everything measured."""

    sizes: Sizes
    sides: dict[str, Side] = field(default_factory=lambda: {name: Side() for name in SIDES})
    mismatches: int = 0
    traffic: Traffic | None = None
    latency: Latencies | None = None
    rollout: Latencies | None = None
    rolled_out: float = 0.0
    recoveries: list[Recovery] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        ours = self.sides[OURS]
        assert ours.usage and self.traffic and self.latency and self.rollout
        cpu = ours.cpu_us()
        return {
            "events_per_s": ours.per_second,
            "ratio_textbook": ours.per_second / self.sides[TEXTBOOK].per_second,
            "ratio_textbook_exactly_once": ours.per_second / self.sides[TEXTBOOK_EXACTLY_ONCE].per_second,
            "ratio_limit": ours.per_second / self.sides[LIMIT].per_second,
            "p50_ms": self.latency.percentile(50),
            "p99_ms": self.latency.percentile(99),
            "recovery_ratio": self.recoveries[0].ratio,
            "cpu_us_per_event": sum(cpu.values()),
            "p99_during_rollout_ms": self.rollout.percentile(99),
            "mismatches": self.mismatches,
            "policies": self.sizes.policies,
            "subjects": self.sizes.subjects,
            "distinct_beginnings": self.sizes.distinct,
            "events_per_s_by_side": {name: side.per_second for name, side in self.sides.items()},
            "events_per_s_by_round": {name: side.rates for name, side in self.sides.items()},
            "cpu_us_per_event_by_role": cpu,
            "cpu_us_per_event_by_side": {name: side.cpu_us() for name, side in self.sides.items()},
            "cpu_share_of_others_by_side": {name: side.others for name, side in self.sides.items()},
            "disk_bytes_per_event": ours.usage.disk / ours.changes,
            "loopback_bytes_per_event": ours.usage.wire / ours.changes,
            "written_bytes_per_event": self.traffic.per_change(),
            "events_per_transaction": self.traffic.chunk,
            "half_load_per_s": self.latency.rate,
            "pushes_timed": len(self.latency.milliseconds),
            "pushes_late": self.latency.late,
            "rollout_load_per_s": self.rollout.rate,
            "rollout_p50_ms": self.rollout.percentile(50),
            "rollout_pushes_timed": len(self.rollout.milliseconds),
            "rollout_pushes_late": self.rollout.late,
            "rolled_out_meanwhile": self.rolled_out,
            "recoveries": [
                {"subjects": each.subjects, "ratio": each.ratio, "seconds": each.loading, "bare_s": each.bare}
                | {"first_event_s": each.first_event}
                for each in self.recoveries
            ],
        }


class Bench:
    """A rig with the workload loaded, and the sides that it is compared with."""

    def __init__(self, rig: Rig, sizes: Sizes, figures: Figures) -> None:
        self.rig, self.sizes, self.figures, self.tell = rig, sizes, figures, rig.tell
        self.course = Course(rig.workload)
        self.textbooks = {guarantee: Textbook(rig, guarantee) for guarantee in GUARANTEES}
        self.limit = Limit(rig)
        self._coming = rig.workload.history()
        self._history: list[Sent] = []
        self._taken = dict.fromkeys(SIDES, 0)

    def stop(self) -> None:
        """Stop what the sides have started, and the rig."""
        for textbook in self.textbooks.values():
            textbook.stop()
        self.limit.stop()
        self.rig.stop()

    async def begin(self) -> None:
        """Start every side, warm; none of this is timed."""
        self.tell("starting the workers and the textbook apps")
        self.rig.start(Role.ELIGIBILITY)
        values = table_values(self.rig.workload)
        for textbook in self.textbooks.values():
            await textbook.begin(values)
            await textbook.start()
        await self.limit.begin()
        await self.rig.loaded()

    async def measure(self) -> None:
        """Rounds, then latency, a roll-out and a restart in the midst of it."""
        await self._round(WARM_UP, timed=False)
        for number in range(self.sizes.rounds):
            self.tell(f"round {number + 1} of {self.sizes.rounds}")
            await self._round(1.0, timed=True)
        rate = HALF * self.figures.sides[OURS].per_second
        self.tell(f"latency at {rate:.0f} changes a second")
        # What is small and often is other code than what is large, and the broker's compiler takes a core for it.
        changes = self._next(OURS, round(rate * self.sizes.warm_up))
        await self._quietly(measure(self.rig, self.course, changes, rate))
        await self._check(OURS, changes)
        changes = self._next(OURS, round(rate * self.sizes.latency))
        self.figures.latency = await self._quietly(measure(self.rig, self.course, changes, rate))
        await self._check(OURS, changes)
        self.tell(f"a roll-out to {len(self.rig.workload):,} subjects at {rate:.0f} changes a second")
        changes = self._next(OURS, round(rate * self.sizes.rollout))
        await send(self.rig.bootstrap, [publication(everybody(), self.rig.ring)])
        await self.rig.fanned_out()
        self.figures.rollout = await self._quietly(measure(self.rig, self.course, changes, rate))
        self.figures.rolled_out = await self._rolled_out()
        self.tell("a restart")
        self.figures.recoveries.append(await restart(self.rig, self._next(OURS, RESTART_CHANGES)))

    async def restart_only(self) -> None:
        """The restart of another number of subjects."""
        self.rig.start(Role.ELIGIBILITY)
        await self.rig.loaded()
        self.figures.recoveries.append(await restart(self.rig, self._next(OURS, RESTART_CHANGES)))

    async def _round(self, part: float, *, timed: bool) -> None:
        for name in SIDES:
            changes = self._next(name, round(part * self.sizes.changes[name]))
            if name == LIMIT:
                assert self.figures.traffic is not None
                self.limit.start(len(changes), self.figures.traffic)
            before = usage(self._processes(name), self.rig.data)
            seconds = await self._quietly(self._run(name, changes))
            used = usage(self._processes(name), self.rig.data) - before
            if name == LIMIT:
                self.limit.stop()
            else:
                self.figures.traffic = await self._check(name, changes) or self.figures.traffic
            if timed:
                self.figures.sides[name].add(len(changes), seconds, used)
                self.tell(f"{name}: {len(changes) / seconds:,.0f} a second")

    async def _run(self, name: str, changes: Sequence[Sent]) -> float:
        if name == OURS:
            return await self.rig.run(changes)
        return await (self.limit if name == LIMIT else self.textbooks[name]).run(changes)

    def _processes(self, name: str) -> dict[str, psutil.Process]:
        broker = {"broker": self.rig.broker()}
        if name == OURS:
            return broker | self.rig.processes()
        return broker | (self.limit if name == LIMIT else self.textbooks[name]).processes()

    async def _check(self, name: str, changes: Sequence[Sent]) -> Traffic | None:
        """Compare what a side decided with what is right; what ours wrote."""
        traffic: Traffic | None = None
        if name == OURS:
            traffic, decisions, pushes = await self.rig.effects(len(changes))
            self.figures.mismatches += self.course.doubted(changes, decisions)
        else:
            decisions, pushes = await self.textbooks[name].effects()
        wrong = self.course.mismatches(changes, decisions, pushes)
        if wrong:
            self.tell(f"{name}: {wrong} decisions or pushes are wrong, lack or came twice")
        self.figures.mismatches += wrong
        return traffic

    def _next(self, name: str, count: int) -> Sequence[Sent]:
        """A side's next changes of the history."""
        first = self._taken[name]
        self._taken[name] = first + count
        while len(self._history) < first + count:
            self._history.append(self.course.take(next(self._coming)))
        return self._history[first : first + count]

    async def _rolled_out(self) -> float:
        async with reader(self.rig.bootstrap) as consumer:
            found = [await read_checkpoint(consumer, number) for number in range(JOURNAL_PARTITIONS)]
        return 1 - sum(each.buckets_left for each in found) / (BUCKETS * JOURNAL_PARTITIONS)

    async def _quietly(self, work: Awaitable[T]) -> T:
        """Without collections of garbage in this process, which would stop its clocks."""
        gc.collect()
        gc.disable()
        try:
            return await work
        finally:
            gc.enable()


def run(sizes: Sizes, seed: int, tell: Tell) -> Figures:
    """Measure; `tell` is told what comes next. Raises BenchError when something did not happen."""
    figures = Figures(sizes)
    with _bench(sizes, sizes.subjects, seed, figures, tell) as bench:
        asyncio.run(bench.begin())
        asyncio.run(bench.measure())
    for subjects in sizes.restarted:
        with _bench(sizes, subjects, seed, figures, tell) as bench:
            asyncio.run(bench.restart_only())
    return figures


@contextmanager
def _bench(sizes: Sizes, subjects: int, seed: int, figures: Figures, tell: Tell) -> Iterator[Bench]:
    """A broker with policies published and subjects loaded."""
    tell(f"{sizes.policies:,} policies, {subjects:,} subjects")
    workload = Workload(sizes.policies, subjects, sizes.distinct, seed)
    with tempfile.TemporaryDirectory(prefix="zhida-pipeline-") as folder:
        rig = Rig(Path(folder), workload, tell)
        bench = Bench(rig, sizes, figures)
        try:
            registry, ends = asyncio.run(rig.publish())
            tell("loading the subjects")
            asyncio.run(rig.load(states(workload, registry, ends)))
            yield bench
        finally:
            bench.stop()
