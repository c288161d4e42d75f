"""The engine under test, in the shape of its peers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.engine.facts import DAY, FACTS, HUNDREDTHS, catalogue
from bench.engine.peers import Answered, Flip
from bench.engine.rules import BenchPolicy
from bench.engine.scans import Found
from bench.engine.subjects import Change, Subjects, subject_file
from eligibility.business_time import start_of
from eligibility.codes import Attribute, Attributes, Row, number_code
from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.evaluate import view_of
from eligibility.formula import Formula, normal_form
from eligibility.policy_index import PolicyIndex, Version
from eligibility.population import Population, Slice
from schemas.catalogue import FactType
from schemas.policy import RelativePeriod

CATALOGUE = catalogue()
NOW = start_of(DAY) + timedelta(hours=12)


def compiled(policy: BenchPolicy) -> CompiledPolicy:
    """The policy as the engine takes it in: validated and compiled."""
    return compile_policy(policy.parsed(), CATALOGUE)


def attributes() -> Attributes:
    """The facts of the workload as attributes, numbered as they stand in its rows."""
    made = Attributes()
    for fact in FACTS:
        made.slot(Attribute(fact.name, RelativePeriod.LAST_YEAR if fact.yearly else None), CATALOGUE)
    return made


class OurIndex:
    """The flip index."""

    name = "zhida"
    two_valued = False

    def __init__(self, policies: Iterable[BenchPolicy]) -> None:
        self.attributes = attributes()
        self.index = PolicyIndex(self.attributes)
        self.rows: dict[int, tuple[Row, Row]] = {}
        self.keys: dict[Version, int] = {}
        for policy in policies:
            self.add(policy.key, compiled(policy))

    def add(self, key: int, policy: CompiledPolicy) -> None:
        """Bring a policy into normal form and index it for as long as it is valid."""
        version = (policy.document.id, 0)
        self.keys[version] = key
        self.index.add(version, normal_form(policy, self.attributes, CATALOGUE), *_moments(policy))

    def replace(self, key: int, policy: CompiledPolicy) -> None:
        """An amendment: the version indexed goes, another comes."""
        self.index.discard((policy.document.id, 0))
        self.add(key, policy)

    def prepare(self, changes: Sequence[Change]) -> None:
        """The rows in the engine's codes."""
        self.rows = {id(change): (self._row(change.before), self._row(change.after)) for change in changes}

    def answer(self, changes: Sequence[Change]) -> Answered:
        """Each change by itself, one after the other."""
        found, seconds = [], []
        for change in changes:
            before, after = self.rows[id(change)]
            begun = perf_counter()
            flips = self.index.flips(before, after, NOW, NOW)
            seconds.append(perf_counter() - begun)
            found.append({Flip(self.keys[version], old, new) for version, old, new in flips})
        return Answered(found, seconds)

    def _row(self, row: Row) -> Row:
        return self.attributes.row(view_of(subject_file(row), CATALOGUE, DAY))


def _moments(policy: CompiledPolicy) -> tuple[datetime, datetime | None]:
    valid = policy.document.valid
    return start_of(valid.from_), None if valid.to is None else start_of(valid.to + timedelta(days=1))


class OurPopulation:
    """The columns, filled at once."""

    name = "zhida"

    def __init__(self, population: Subjects) -> None:
        self.attributes = attributes()
        self.columns = Population(self.attributes)
        codes = [self._codes(place, column) for place, column in enumerate(population.codes)]
        holes = [unknown if unknown.any() else None for unknown in population.unknown]
        self.columns.put_all([str(subject) for subject in range(len(population))], codes, holes)

    def ask(self, policy: BenchPolicy) -> Formula:
        """A policy in normal form."""
        return normal_form(compiled(policy), self.attributes, CATALOGUE)

    def answer(self, question: Formula) -> list[Slice]:
        """All slices."""
        return list(self.columns.answer(question, DAY))

    def slowest_slice(self, question: Formula) -> float:
        """The seconds that the slowest slice holds up whoever asks."""
        slices, taken = self.columns.answer(question, DAY), [0.0]
        begun = perf_counter()
        for _ in slices:
            taken.append(perf_counter() - begun)
            begun = perf_counter()
        return max(taken)

    def rows(self, answer: list[Slice]) -> Found:
        """The slices one after the other."""
        return Found(*(np.concatenate(plane) for plane in zip(*answer, strict=True)))

    def _codes(self, place: int, column: NDArray[np.signedinteger[Any]]) -> NDArray[np.int64]:
        fact = FACTS[place]
        if fact.codes:
            table = np.zeros(len(fact.codes), np.int64)
            for code in np.unique(column).tolist():
                table[code] = self.attributes.code(place, fact.value(code))
            return table[column]
        scale = number_code(Fraction(1, HUNDREDTHS)) if fact.type is FactType.DECIMAL else 1
        return column.astype(np.int64) * scale
