"""Seeded policies: each as the document a department would publish, and as a tree of coded tests for the peers.

The two are written side by side from one draw, so that a fault in reading the document cannot hide in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from bench.engine.facts import COUNTIES, DAY, FACTS, INDUSTRY, KIND, NUMERIC, PLACE, REGION, of_types
from eligibility.kleene import Truth, all_of, any_of, negation
from schemas.catalogue import FactType
from schemas.policy import Policy

Row = list[int | None]
"""A subject's coded facts, in the order of FACTS; None: unknown."""

Document = dict[str, Any]

NUMBERS, DATES, BOOLEANS = of_types(*NUMERIC), of_types(FactType.DATE), of_types(FactType.BOOLEAN)
SETS = tuple(place for place in of_types(FactType.CODE, FactType.IDENTIFIER) if FACTS[place] is not KIND)
OR_GROUPS = 0.4
FURTHER_TESTS = 0.5
NEGATED_SETS = 0.15
INDUSTRY_SETS = 0.2
REGION_LEVELS = {2: 0.10, 4: 0.35, 6: 0.55}
"""How often a policy is the province's, a city's, a county's."""

MOST_IN_A_SET = 20


@dataclass(frozen=True)
class Span:
    """A test: the code lies from `low` to `high`, both included; None: that side is open."""

    place: int
    low: int | None
    high: int | None

    def holds(self, row: Row) -> Truth:
        code = row[self.place]
        if code is None:
            return None
        return (self.low is None or code >= self.low) and (self.high is None or code <= self.high)


@dataclass(frozen=True)
class Member:
    """A test: the code is one of some."""

    place: int
    codes: frozenset[int]

    def holds(self, row: Row) -> Truth:
        code = row[self.place]
        return None if code is None else code in self.codes


@dataclass(frozen=True)
class Joined:
    """All of the parts, or any of them."""

    every: bool
    parts: tuple[Tree, ...]

    def holds(self, row: Row) -> Truth:
        return (all_of if self.every else any_of)(part.holds(row) for part in self.parts)


@dataclass(frozen=True)
class Opposite:
    """Not its test."""

    part: Span | Member

    def holds(self, row: Row) -> Truth:
        return negation(self.part.holds(row))


Tree = Span | Member | Joined | Opposite
Drawn = tuple[Tree, Document]


@dataclass(frozen=True)
class BenchPolicy:
    """A policy: its key, the tests its peers evaluate, the document the engine reads."""

    key: int
    tree: Joined
    document: Document

    @property
    def places(self) -> frozenset[int]:
        """The facts it reads."""
        return places(self.tree)

    def parsed(self) -> Policy:
        """The document, validated."""
        return Policy.model_validate(self.document)


def places(tree: Tree) -> frozenset[int]:
    """The facts a tree reads."""
    match tree:
        case Joined():
            return frozenset().union(*map(places, tree.parts))
        case Opposite():
            return places(tree.part)
    return frozenset({tree.place})


def policy_id(key: int) -> str:
    """The id in the document of a policy."""
    return f"BENCH-{key:06d}"


class PolicyMaker:
    """Policies drawn from a seed; `shape`: `mixed`, `root_or`, `shared_threshold` or `one_region`."""

    def __init__(self, seed: int, shape: str = "mixed") -> None:
        self.draw = Random(f"{seed} {shape}")
        self.shape = shape

    def policies(self, count: int) -> list[BenchPolicy]:
        """The first policies, with keys 0, 1, …"""
        return [self.policy(key) for key in range(count)]

    def policy(self, key: int) -> BenchPolicy:
        """A policy: kind, region, a set, two thresholds, half the time a further test; or such with an `any` group."""
        return self._assembled(key, self._region(), self._tests())

    def predicate(self, key: int, level: int, tests: int) -> BenchPolicy:
        """A policy of a region of so many digits with at most so many tests besides."""
        return self._assembled(key, self._region(level), self._tests()[:tests])

    def _tests(self) -> list[Drawn]:
        first, second = self.draw.sample(NUMBERS, 2)
        tests = [self._set(), self._threshold(first), self._threshold(second)]
        if self.draw.random() < FURTHER_TESTS:
            tests.append(self._other())
        if self.shape == "shared_threshold":
            tests.append(_at_least(PLACE["staff"], 300))
        if self.shape == "root_or":
            tests = [_any(tests)]
        elif self.draw.random() < OR_GROUPS:
            place = self.draw.choice(NUMBERS)
            tests = [*tests[1:], _any([tests[0], self._threshold(place)])]
        return tests

    def _assembled(self, key: int, region: str, tests: list[Drawn]) -> BenchPolicy:
        kinds = [0] if self.draw.random() < 0.6 else [0, 1]
        span = Span(PLACE["region"], *REGION.subtree(region))
        tree = Joined(True, (span, *(test for test, _ in tests), Member(PLACE["kind"], frozenset(kinds))))
        conditions = {"all": [condition for _, condition in tests]}
        return BenchPolicy(key, tree, _document(key, region, kinds, conditions))

    def _region(self, level: int | None = None) -> str:
        if self.shape == "one_region":
            return REGION.codes[COUNTIES[0]]
        level = level or self.draw.choices(list(REGION_LEVELS), [*REGION_LEVELS.values()])[0]
        return self.draw.choice([code for code in REGION.codes if len(code) == level])

    def _threshold(self, place: int) -> Drawn:
        """A bound on a number, of two significant digits, now and then on both sides."""
        fact = FACTS[place]
        bound = _rounded(fact.typical * self.draw.lognormvariate(0, 1.2))
        side = self.draw.random()
        if side < 0.5:
            return _at_least(place, bound)
        low = None if side < 0.9 or bound < 10 else _rounded(bound * self.draw.uniform(0.1, 0.6))
        bounds = {"below": fact.wire(bound)} | ({} if low is None else {"from": fact.wire(low)})
        return Span(place, low, bound - 1), {"fact": fact.name, **fact.period, **bounds}

    def _set(self) -> Drawn:
        if self.draw.random() < INDUSTRY_SETS:
            return self._industries()
        place = self.draw.choice(SETS)
        fact = FACTS[place]
        members = self.draw.sample(range(len(fact.codes)), self.draw.randint(1, min(MOST_IN_A_SET, len(fact.codes))))
        test = Member(place, frozenset(members))
        condition = {"fact": fact.name, "one_of": [fact.codes[member] for member in members]}
        if self.draw.random() < NEGATED_SETS:
            return Opposite(test), {"not": condition}
        return test, condition

    def _industries(self) -> Drawn:
        roots = self.draw.sample(INDUSTRY.codes, self.draw.randint(1, 5))
        codes = {code for root in roots for low, high in [INDUSTRY.subtree(root)] for code in range(low, high + 1)}
        return Member(PLACE["industry"], frozenset(codes)), {"fact": INDUSTRY.name, "within": roots}

    def _other(self) -> Drawn:
        """A date by its age or its passing, a boolean, or a single code."""
        sort = self.draw.random()
        if sort < 0.35:
            return self._date(self.draw.choice(DATES))
        if sort < 0.75:
            place, wanted = self.draw.choice(BOOLEANS), self.draw.random() < 0.5
            return Member(place, frozenset({int(wanted)})), {"fact": FACTS[place].name, "equals": wanted}
        place = self.draw.choice([place for place in SETS if len(FACTS[place].codes) <= 12])
        fact, member = FACTS[place], self.draw.randrange(len(FACTS[place].codes))
        return Member(place, frozenset({member})), {"fact": fact.name, "equals": fact.codes[member]}

    def _date(self, place: int) -> Drawn:
        fact = FACTS[place]
        if fact.typical < 0:
            return Span(place, DAY.toordinal(), None), {"fact": fact.name, "not_past": True}
        years = self.draw.randint(1, 10)
        latest = date(DAY.year - years, DAY.month, DAY.day).toordinal()
        if self.draw.random() < 0.7:
            return Span(place, None, latest), {"fact": fact.name, "years_ago": {"from": years}}
        return Span(place, latest + 1, None), {"fact": fact.name, "years_ago": {"below": years}}


def _at_least(place: int, bound: int) -> Drawn:
    fact = FACTS[place]
    return Span(place, bound, None), {"fact": fact.name, **fact.period, "from": fact.wire(bound)}


def _any(drawn: list[Drawn]) -> Drawn:
    return Joined(False, tuple(test for test, _ in drawn)), {"any": [condition for _, condition in drawn]}


def _rounded(number: float) -> int:
    """To two significant digits, at least 1."""
    return max(1, int(float(f"{number:.1e}")))


def _document(key: int, region: str, kinds: list[int], conditions: Document) -> Document:
    name = policy_id(key)
    return {
        "id": name,
        "title": {"zh": name, "en": name},
        "document": name,
        "issued_on": "2024-01-01",
        "made_by": "bench-office",
        "implemented_by": ["bench-office"],
        "region": region,
        "zone": "direct",
        "kind": "award",
        "subjects": [KIND.codes[kind] for kind in kinds],
        "valid": {"from": "2024-01-01", "to": "2027-12-31"},
        "conditions": conditions,
        "rules": [{"benefit": {"fixed": "1000"}}],
    }


def tests_a_policy(policies: Sequence[BenchPolicy]) -> float:
    """On average, the kind and the region counted."""
    return sum(_tests(policy.tree) for policy in policies) / len(policies)


def or_groups(policies: Sequence[BenchPolicy]) -> float:
    """The share of policies with an `any` group."""
    return sum(any(isinstance(part, Joined) for part in policy.tree.parts) for policy in policies) / len(policies)


def _tests(tree: Tree) -> int:
    return sum(map(_tests, tree.parts)) if isinstance(tree, Joined) else 1
