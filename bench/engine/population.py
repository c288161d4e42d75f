"""Policy → subjects: the columns against scans, over predicates from rare to common, region-bound to national."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from statistics import geometric_mean, median
from time import perf_counter
from typing import Any

import numpy as np

from bench.engine.facts import PLACE, REGION
from bench.engine.oracle import Oracle, file_view
from bench.engine.ours import OurPopulation
from bench.engine.rules import BenchPolicy, PolicyMaker
from bench.engine.scans import DuckScan, Found, NumpyScan, PolarsScan, Scan
from bench.engine.subjects import SAID_AT, Subjects, subject_file, subjects
from eligibility.file_record import Names, encode_file
from eligibility.subject_file import FactValue, SubjectFile
from eligibility.values import Value

LEVELS = (2, 4, 6)
SHARES = (0.002, 0.02, 0.15, 0.5)
"""What share of the subjects in its region a predicate is true for, about."""

CANDIDATES = 150
OFFICES, CHANGES_AN_OFFICE = 6, 3
RECORDS = 300
"""State records measured."""

SAMPLE = 20_000
ASKED = 40
"""Subjects a predicate's oracle is asked about: half of them among those found true or unknown."""


@dataclass(frozen=True)
class Timed:
    """One predicate. `milliseconds`: each side's median."""

    name: str
    true: int
    unknown: int
    milliseconds: dict[str, float]

    @property
    def ratio(self) -> float:
        """Our time ÷ that of the best peer."""
        return self.milliseconds[OurPopulation.name] / min(
            taken for side, taken in self.milliseconds.items() if side != OurPopulation.name
        )


@dataclass(frozen=True)
class Scanned:
    """All predicates over a population. `slice_milliseconds`: of each predicate's slowest slice, the longest median."""

    subjects: int
    nulls: float
    predicates: list[Timed]
    mismatches: int
    bytes_per_subject: float
    record_bytes: float
    slice_milliseconds: float

    @property
    def ratio(self) -> float:
        """The geometric mean."""
        return geometric_mean(predicate.ratio for predicate in self.predicates)


def predicates(seed: int) -> list[BenchPolicy]:
    """Twelve: for the province, a city and a county, four shares each. Chosen from random ones by a sample."""
    sample = subjects(SAMPLE, 0.1, seed)
    scan, maker = NumpyScan(sample), PolicyMaker(seed)
    chosen: list[BenchPolicy] = []
    for level in LEVELS:
        drawn = [maker.predicate(key, level, 1 + key % 4) for key in range(CANDIDATES)]
        shares = [_share(policy, scan, sample) for policy in drawn]
        for wanted in SHARES:
            place = int(np.argmin(np.abs(np.log((np.array(shares) + 1e-9) / wanted))))
            chosen.append(BenchPolicy(len(chosen), drawn[place].tree, drawn[place].document))
    return chosen


def _share(policy: BenchPolicy, scan: NumpyScan, sample: Subjects) -> float:
    low, high = REGION.subtree(policy.document["region"])
    places = sample.codes[PLACE["region"]]
    within = int(np.count_nonzero((places >= low) & (places <= high)))
    return len(scan.answer(scan.ask(policy)).true) / max(1, within)


def scan_all(count: int, nulls: float, rounds: int, seed: int) -> Scanned:
    """Ours and all peers over one population, by turns; answers are compared before times count."""
    population = subjects(count, nulls, seed)
    ours = OurPopulation(population)
    peers: list[Scan] = [NumpyScan(population), PolarsScan(population), DuckScan(population)]
    asked = predicates(seed)
    oracle = Oracle(asked, seed)
    timed: list[Timed] = []
    mismatches, slices = 0, []
    for policy in asked:
        sides: list[tuple[Any, Any]] = [(side, side.ask(policy)) for side in (ours, *peers)]
        answers = [side.rows(side.answer(question)) for side, question in sides]
        mismatches += _differences(answers) + _wrong(policy, answers[0], population, oracle, seed)
        taken = [_times(sides[turn % len(sides) :] + sides[: turn % len(sides)]) for turn in range(rounds)]
        milliseconds = {side.name: median(each[side.name] for each in taken) * 1e3 for side, _ in sides}
        slices.append(median(ours.slowest_slice(sides[0][1]) for _ in range(rounds)) * 1e3)
        name = f"{policy.document['region']}, {len(policy.tree.parts)} tests"
        timed.append(Timed(name, len(answers[0].true), len(answers[0].unknown), milliseconds))
    records = record_bytes(population, RECORDS, seed)
    return Scanned(count, nulls, timed, mismatches, ours.columns.nbytes / count, records, max(slices))


def record_bytes(population: Subjects, sampled: int, seed: int) -> float:
    """Bytes of a subject's state record: its values with the change that said each, by six offices in three changes."""
    draw, names = Random(seed), Names()
    sizes = []
    for _ in range(sampled):
        row = population.row(draw.randrange(len(population)))
        moments = [SAID_AT + timedelta(seconds=draw.randrange(10**7)) for _ in range(OFFICES * CHANGES_AN_OFFICE)]
        facts = {
            key: _said(known.value, place % OFFICES, draw.randrange(CHANGES_AN_OFFICE), moments)
            for place, (key, known) in enumerate(subject_file(row).facts.items())
        }
        sizes.append(len(encode_file(SubjectFile("", facts), names)))
    return sum(sizes) / sampled


def _said(value: Value, office: int, change: int, moments: Sequence[datetime]) -> FactValue:
    moment = moments[office * CHANGES_AN_OFFICE + change]
    return FactValue(value, f"office-{office}", 1 + change, moment, moment + timedelta(seconds=5))


def _times(sides: Sequence[tuple[Any, Any]]) -> dict[str, float]:
    taken = {}
    for side, question in sides:
        begun = perf_counter()
        side.answer(question)
        taken[side.name] = perf_counter() - begun
    return taken


def _differences(answers: Sequence[Found]) -> int:
    """The rows that some peer puts elsewhere than we do."""
    ours, *others = answers
    return sum(len(np.setxor1d(mine, theirs)) for other in others for mine, theirs in zip(ours, other, strict=True))


def _wrong(policy: BenchPolicy, ours: Found, population: Subjects, oracle: Oracle, seed: int) -> int:
    """The rows of a sample that the plain evaluator puts elsewhere."""
    draw = Random(f"{seed} {policy.key}")
    found = np.concatenate(ours)
    rows = {draw.randrange(len(population)) for _ in range(ASKED // 2)}
    rows |= {int(draw.choice(found)) for _ in range(ASKED // 2) if len(found)}
    true, unknown = set(ours.true.tolist()), set(ours.unknown.tolist())
    said = {row: True if row in true else None if row in unknown else False for row in rows}
    return sum(
        oracle.verdict(policy.key, file_view(population.row(row))) is not verdict for row, verdict in said.items()
    )
