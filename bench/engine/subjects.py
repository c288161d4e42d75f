"""Seeded subjects as coded columns, and the changes that happen to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.engine.facts import COUNTIES, DAY, FACTS, NUMERIC, PROVIDER, TRADES
from bench.engine.rules import Row
from eligibility.subject_file import FactValue, SubjectFile
from schemas.catalogue import FactType

SAID_AT = datetime(2025, 1, 2, tzinfo=UTC)
ALWAYS_KNOWN = ("kind", "region")
SPREAD = 1.2
"""Standard deviation of the logarithm of a number, among subjects."""

DRIFT = 0.3
"""Standard deviation of the logarithm of a number's change."""

NEW_VALUE = 0.3
"""How often a number is drawn anew instead of drifting."""

CHANGES = {"value": 0.90, "null_to_value": 0.04, "value_to_null": 0.04, "several": 0.02}
"""What happens, and how often."""

SEVERAL = 5
NUMBER_TYPES = {FactType.INTEGER: np.int32, FactType.DECIMAL: np.int64, FactType.DATE: np.int32}
YEARLY = tuple(place for place, fact in enumerate(FACTS) if fact.yearly)


@dataclass(frozen=True)
class Subjects:
    """Subjects in the order of their regions. `codes`, `unknown`: per fact, a column of codes and of what is null."""

    codes: list[NDArray[np.signedinteger[Any]]]
    unknown: list[NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.codes[0])

    def row(self, subject: int) -> Row:
        """A subject's codes."""
        return [None if n[subject] else int(c[subject]) for c, n in zip(self.codes, self.unknown, strict=True)]


def subjects(count: int, nulls: float, seed: int, *, one_region: bool = False) -> Subjects:
    """Subjects with a share of unknown facts; regions and industries of Zipf's sizes, numbers and dates lognormal."""
    random = np.random.default_rng([seed, count])
    region = np.sort(_skewed(random, COUNTIES, count))
    if one_region:
        region = np.full(count, COUNTIES[0])
    codes: list[NDArray[np.signedinteger[Any]]] = []
    unknown: list[NDArray[np.bool_]] = []
    for fact in FACTS:
        column: NDArray[Any]
        if fact.name == "region":
            column = region
        elif fact.type is FactType.INDUSTRY:
            column = _skewed(random, TRADES, count)
        elif fact.type in NUMERIC:
            column = fact.typical * random.lognormal(0, SPREAD, count)
        elif fact.type is FactType.DATE:
            column = DAY.toordinal() - fact.typical * random.lognormal(0, 0.8, count).clip(0, 40)
        elif fact.type is FactType.BOOLEAN:
            column = random.random(count) < 0.3
        else:
            column = _skewed(random, range(len(fact.codes)), count)
        narrow = np.int16 if len(fact.codes) > 127 else np.int8
        codes.append(column.astype(NUMBER_TYPES.get(fact.type, narrow)))
        known = fact.name in ALWAYS_KNOWN
        unknown.append(np.zeros(count, bool) if known else random.random(count, np.float32) < nulls)
    return Subjects(codes, unknown)


def _skewed(random: np.random.Generator, choices: range | tuple[int, ...], count: int) -> NDArray[np.int64]:
    """Choices by Zipf's law, in an order of their own: the k-th has 1/k of the first."""
    weights = 1 / np.arange(1, len(choices) + 1)
    shuffled = np.random.default_rng(len(choices)).permutation(np.asarray(choices))
    return np.asarray(shuffled[np.searchsorted(np.cumsum(weights) / weights.sum(), random.random(count))])


@dataclass(frozen=True)
class Change:
    """A subject's row before and after, and the places where they differ. `kind`: as in CHANGES, or `year_turn`."""

    kind: str
    before: Row
    after: Row
    places: tuple[int, ...]


class ChangeMaker:
    """Changes drawn from a seed, to subjects drawn alike."""

    def __init__(self, population: Subjects, seed: int) -> None:
        self.population = population
        self.draw = Random(seed)

    def changes(self, count: int, kind: str | None = None) -> list[Change]:
        """So many changes, of one kind or of all as often as they happen."""
        kinds = [kind] * count if kind else self.draw.choices(list(CHANGES), [*CHANGES.values()], k=count)
        return [self._change(each) for each in kinds]

    def crossings(self, count: int, place: int, at: int) -> list[Change]:
        """Changes of one number that pass a threshold, up or down."""
        return [self._made("crossing", {place: at - 1}, {place: at}) for _ in range(count)]

    def _change(self, kind: str) -> Change:
        changeable = [place for place, fact in enumerate(FACTS) if fact.name not in ALWAYS_KNOWN]
        place = self.draw.choice(changeable)
        match kind:
            case "null_to_value":
                return self._made(kind, {place: None}, {place: self._value(place)})
            case "value_to_null":
                return self._made(kind, {place: self._value(place)}, {place: None})
            case "several":
                return self._redrawn(kind, self.draw.sample(changeable, SEVERAL))
            case "year_turn":
                return self._redrawn(kind, YEARLY)
        old, new = self._value(place), self._value(place)
        if FACTS[place].type in NUMERIC and self.draw.random() >= NEW_VALUE:
            new = int(old * self.draw.lognormvariate(0, DRIFT))
        while new == old:
            new = self._value(place)
        return self._made(kind, {place: old}, {place: new})

    def _redrawn(self, kind: str, places: list[int] | tuple[int, ...]) -> Change:
        return self._made(kind, {place: self._value(place) for place in places}, {p: self._value(p) for p in places})

    def _made(self, kind: str, old: dict[int, int | None], new: dict[int, int | None]) -> Change:
        row = self.population.row(self.draw.randrange(len(self.population)))
        before, after = row.copy(), row.copy()
        for place in new:
            before[place], after[place] = old[place], new[place]
        return Change(kind, before, after, tuple(place for place in sorted(new) if old[place] != new[place]))

    def _value(self, place: int) -> int:
        """A value some subject has, or would have were it known."""
        return int(self.population.codes[place][self.draw.randrange(len(self.population))])


def subject_file(row: Row) -> SubjectFile:
    """A row as the plain evaluator reads it."""
    facts = {
        fact.key: FactValue(fact.value(code), PROVIDER, 1, SAID_AT, SAID_AT)
        for fact, code in zip(FACTS, row, strict=True)
        if code is not None
    }
    return SubjectFile("91210100MA0000000X", facts)
