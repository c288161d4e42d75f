"""One seed: a tiny world's events sent while workers are killed, stopped, cut off and added; then, with no more faults,
everything must settle and hold."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any
from unittest.mock import patch

from aiokafka import TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError
from faust.types import TP
from pydantic import TypeAdapter

from bench.simulation.clients import Network
from bench.simulation.log import Log
from bench.simulation.loop import PROCESS, Deadlock, SeededLoop
from bench.simulation.oracle import findings
from bench.simulation.workers import Group, Worker, eligibility, intake
from bench.simulation.world import CONTROL_0, PARTITIONS, World, prepared
from eligibility.catalogue import Catalogue
from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.state import CHECKPOINT
from schemas.journal import control_record, journal_record
from schemas.policy import Policy
from schemas.topics import CONTROL, JOURNAL, PUBLICATIONS, STATE, STATEMENTS, changes_topic
from streams.errors import StopWorker

CHANGES = (2, 5, 8)
FAULTS = 4
SETTLES_WITHIN = 600.0  # virtual seconds; a worker that is fenced and still owner takes 16 to end itself
LOOK_EVERY = 2.0
PACES = (0.01, 0.05, 0.1, 2.0)  # seconds between two steps, at most: a fault and what follows it fall together
ENDS = ("fenced by another owner, yet", "nothing of it is visible, a restart", "was not acknowledged")
SOURCES = [
    *(TP(changes_topic(provider), 0) for provider in ("market-supervision", "human-resources", "courts", "tax")),
    TP(changes_topic("human-resources"), 1),
    TP(PUBLICATIONS, 0),
    TP(STATEMENTS, 0),
    TP(CONTROL, 0),
]
JOURNALS = [TP(JOURNAL, number) for number in range(PARTITIONS)]


@dataclass(frozen=True)
class Run:
    """What came of a seed. `digest`: of all that was written; `did`: each fault and event, with its virtual moment."""

    seed: int
    findings: tuple[str, ...]
    digest: str
    faults: Counter[str]
    records: int
    did: tuple[str, ...]


class Seams:
    """What the code under test takes from its surroundings, in the hands of the run that goes on: `time`, which is the
    loop's, at times with a fold that takes long or hours that pass; and the named points at which a worker may end."""

    def __init__(self) -> None:
        self.begin(SeededLoop(Random(0)), Random(0))

    def begin(self, loop: SeededLoop, random: Random) -> None:
        """Go by another run's loop."""
        self.loop, self.random, self.ahead = loop, random, 0.0
        self.ending = 0.0
        """Chance that a worker ends at such a point."""
        self.ended: Counter[str] = Counter()

    async def crash_point(self, name: str, what_is_open: str) -> None:
        """As streams.crash_points, with the seed's choice."""
        process = PROCESS.get()
        if self.ending and process is not None and self.random.random() < self.ending:
            self.ended[name] += 1
            process.end()
            await asyncio.Event().wait()

    def monotonic(self) -> float:
        """Virtual seconds."""
        if self.random.random() < 0.1:
            self.ahead += 0.11
        return self.loop.time() + self.ahead


class ReadOnce:
    """A type adapter that reads the same bytes once: what it makes of them is frozen, and every fold reads them."""

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        self.validate_json = lru_cache(4_096)(adapter.validate_json)
        self.dump_json = adapter.dump_json


class CompileOnce:
    """As compile_policy. This world's documents are known by id and version, its catalogues by how much they hold."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], CompiledPolicy] = {}

    def __call__(self, policy: Policy, catalogue: Catalogue) -> CompiledPolicy:
        which = policy.id, policy.version, len(catalogue.facts)
        if which not in self._known:
            self._known[which] = compile_policy(policy, catalogue)
        return self._known[which]


@contextmanager
def small() -> Iterator[Seams]:
    """Two journal partitions, four buckets, slices of one subject, the seams in our hands, and what is pure
    remembered."""
    seams = Seams()
    journal, control, compiled = ReadOnce(journal_record), ReadOnce(control_record), CompileOnce()
    with ExitStack() as stack:
        for place, value in (
            ("eligibility.reducer.journal_record", journal),
            ("streams.control.control_record", control),
            ("streams.intake.control_record", control),
            ("eligibility.registry.compile_policy", compiled),
            ("eligibility.state.compile_policy", compiled),
            ("streams.intake.JOURNAL_PARTITIONS", PARTITIONS),
            ("eligibility.partition_state.BUCKETS", 4),
            ("eligibility.reducer.BUCKETS", 4),
            ("eligibility.reducer.SUBJECTS_PER_PUMP", 1),
            ("streams.partition.time", seams),
            ("streams.ownership.time", seams),
            *((f"streams.{module}.crash_point", seams.crash_point) for module in ("partition", "ownership", "intake")),
        ):
            stack.enter_context(patch(place, value))
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        stack.callback(gc.enable if gc.isenabled() else gc.disable)
        gc.disable()
        yield seams
        seams.loop.close()


def simulate(seed: int, seams: Seams) -> Run:
    """Play a seed, within `small`."""
    scenario = Scenario(seed, seams)
    return scenario.run()


def _may_end(error: BaseException) -> bool:
    """Whether the faults may end a worker so: a request failed, or its partition was fenced and not taken away."""
    if isinstance(error, StopWorker):
        return any(each in str(error) for each in ENDS) and IllegalOperation.__name__ not in str(error)
    return isinstance(error, KafkaError)


class Scenario:
    """The run of one seed."""

    def __init__(self, seed: int, seams: Seams) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.loop = SeededLoop(self.random)
        self.seams = seams
        seams.begin(self.loop, self.random)
        self.world = World(self.random)
        self.log = Log(self.loop.time, self.loop.outside, lambda: self.network.delay())
        self.network = Network(self.log, self.random, self.loop)
        self.faults: Counter[str] = Counter()
        self.did: list[str] = []
        self.records = 0
        self.log.append(CONTROL_0, prepared())

    def run(self) -> Run:
        """Play it to its end, and judge it."""
        found: list[str] = []
        try:
            if self.loop.run_until_complete(self._play()):
                found += findings(self.log, self.world)
            else:
                found.append(f"does not settle within {SETTLES_WITHIN:.0f} s: {self._state()}")
        except Deadlock:
            found.append("nothing moves any more")
        finally:
            for group in (self.intake, self.eligibility):
                for worker in group.workers:
                    worker.process.ended = True
            self.loop.close()
        found += [f"the simulation broke: {error!r}" for error in self.loop.broken]
        found += [
            f"{who} ended with {type(error).__name__}: {error}" for who, error in self._said() if not _may_end(error)
        ]
        faults = self.faults + Counter({f"ended at {name}": times for name, times in self.seams.ended.items()})
        return Run(self.seed, tuple(found), self.log.digest, faults, self.records, tuple(self.did))

    def _said(self) -> list[tuple[str, BaseException]]:
        return [*self.intake.said, *self.eligibility.said]

    async def _play(self) -> bool:
        self.intake = Group("intake", intake, SOURCES, self.network, self.loop, self.random)
        self.eligibility = Group("eligibility", eligibility, JOURNALS, self.network, self.loop, self.random)
        for group in (self.intake, self.eligibility):
            for _ in range(self.random.choice((1, 2))):
                group.add()
        self.seams.ending = self.random.choice((0.0, 0.01, 0.03))
        events = self.world.plan(self.random.choice(CHANGES))
        self.records = len(events)
        steps = [*events, *["fault"] * FAULTS]
        order = sorted(range(len(steps)), key=lambda n: n if n < len(events) else self.random.random() * len(events))
        pace = self.random.choice(PACES)
        for step in (steps[place] for place in order):
            await asyncio.sleep(pace * self.random.random())
            if step == "fault":
                self._fault()
                pace = self.random.choice(PACES)
            else:
                tp, record = self.world.draw(step)
                for _ in range(2 if self.random.random() < 0.05 and step != "tick" else 1):  # sent again by its sender
                    self.log.append(tp, [record])
                self._note(f"{step} on {tp.topic}/{tp.partition}")
        await asyncio.sleep(self.random.choice((0.01, 1.0, 20.0)))
        self.seams.ending = 0.0
        return await self._settled()

    def _note(self, what: str) -> None:
        self.did.append(f"{self.loop.time():.4f} {what}")

    def _fault(self) -> None:
        kind = self.random.choice(
            (
                "kill",
                "kill",
                "hold",
                "hold",
                "kick",
                "kick",
                "add",
                "stop",
                "rebalance",
                "compact",
                "slow",
                "failing",
                "hours",
            )
        )
        group = self.random.choice((self.intake, self.eligibility, self.eligibility))
        worker = self.random.choice(group.workers) if group.workers else None
        self.faults[kind] += 1
        self._note(f"{kind} {worker.process.name if worker else '-'}")
        match kind:
            case "kill" if worker is not None:
                worker.end()
            case "hold" if worker is not None:
                self._hold(worker)
            case "kick" if worker is not None:
                group.kick(worker)
            case "add" if len(group.workers) < 3:
                group.add()
            case "stop" if worker is not None:
                self.loop.spawn(worker.stop(), worker.process)
            case "rebalance":
                group.rebalance()
            case "compact":
                for number in range(PARTITIONS):
                    partition = self.log.partition(TopicPartition(STATE, number))
                    partition.compact(self.random.randint(0, max(0, partition.last_stable - 1)))
            case "slow":
                self.network.slow = self.random.choice((10.0, 100.0, 1000.0))
                self.loop.outside(self.random.choice((0.1, 1.0, 10.0)), self._quick)
            case "failing":
                self.network.failing = 0.05
                self.loop.outside(self.random.choice((0.05, 0.5)), self._sound)
            case "hours":
                self.seams.ahead += 4_000.0

    def _hold(self, worker: Worker) -> None:
        if worker.process.waiting is None:
            worker.process.waiting = []
            longest = self.random.choice((0.05, 1.0, 9.0, 30.0))
            self.loop.outside(longest * self.random.random(), lambda: self.loop.resume(worker.process))

    def _quick(self) -> None:
        self.network.slow = 1.0

    def _sound(self) -> None:
        self.network.failing = 0.0

    async def _settled(self) -> bool:
        """Wait until everything sent is journaled, folded and rolled out."""
        until = self.loop.time() + SETTLES_WITHIN
        while self.loop.time() < until:
            if self._taken_in() and all(self._done(number) for number in range(PARTITIONS)):
                return True
            await asyncio.sleep(LOOK_EVERY)
        return False

    def _taken_in(self) -> bool:
        ends = {tp: self.log.partition(TopicPartition(*tp)).end for tp in SOURCES}
        return all(self.intake.committed.get(tp, 0) >= end for tp, end in ends.items())

    def _done(self, number: int) -> bool:
        journal = self.log.partition(TopicPartition(JOURNAL, number))
        kept, _ = self.log.partition(TopicPartition(STATE, number)).read(0, 1_000_000, committed=True)
        for entry in reversed(kept):
            if entry.record is not None and entry.record.key == CHECKPOINT.encode():
                data = json.loads(entry.record.value or b"")
                return bool(data["offset"] + 1 >= journal.end and not data["open_work"])
        return journal.end == 0

    def _state(self) -> str:
        alive = [worker.process.name for group in (self.intake, self.eligibility) for worker in group.workers]
        done = [self._done(number) for number in range(PARTITIONS)]
        return f"workers {alive}, sources taken in: {self._taken_in()}, partitions done: {done}"
