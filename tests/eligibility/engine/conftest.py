"""Random policies over the widened tiny world, and random subjects whose facts they ask for.

Beside them formulas and codes from a seed, so that the same checks can be held against engines made wrong on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import eligibility.population
from eligibility.business_time import business_date, start_of
from eligibility.codes import MOST, Attribute, Attributes, Row, Span
from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.errors import Refused
from eligibility.evaluate import evaluate, view_of
from eligibility.facts_view import FactsView
from eligibility.formula import Cut, Formula, Gate, Literal, Members, Moving, Open, Part, leaves, normal_form
from eligibility.kleene import Truth
from eligibility.policy_index import PolicyIndex, Version
from eligibility.population import Population
from eligibility.subject_file import FactKey, FactValue, SubjectFile
from eligibility.values import parse
from schemas.catalogue import FactDeclaration, FactType, PeriodKind
from schemas.policy import RelativePeriod

SAID = datetime(2024, 1, 1, tzinfo=UTC)
STAFF = [0, 5, 10, 11, 30, 31]
PREMIUM = ["0", "700.01", "700.010001", "2000.10", "-3"]
DAYS = ["2019-02-28", "2020-02-29", "2021-03-01", "2024-01-01", "2024-06-30", "2024-12-31"]
INDUSTRIES = ["C34", "C341", "C3411", "C3499", "G591", "I65", "A01"]
REGIONS = ["210102", "210204", "211402"]
VALUES: dict[FactKey, Sequence[Any]] = {
    FactKey("kind"): ["enterprise", "enterprise", "individual_business", "person"],
    FactKey("region"): REGIONS,
    FactKey("industry"): INDUSTRIES,
    FactKey("established_on"): DAYS,
    FactKey("licence_to"): DAYS,
    FactKey("staff"): STAFF,
    FactKey("employees_in_post"): [0, 3, 7],
    FactKey("disabled_staff"): [0, 1, 7],
    FactKey("premium", "2022"): PREMIUM,
    FactKey("premium", "2023"): PREMIUM,
    FactKey("premium", "2024"): PREMIUM,
    FactKey("persons_employed"): [9, 19, 20, 300],
    FactKey("yearly_sales", "2023"): ["999999", "3000000", "20000000"],
    FactKey("honest"): [True, False],
    FactKey("blacklisted"): [True, False],
    FactKey("hire_graduate", item="h1"): [True, False],
    FactKey("hired_on", item="h1"): DAYS,
    FactKey("receipt_policy", item="r1"): ["P1", "OTHER"],
}


def _bounds(
    values: Sequence[Any], names: Sequence[str] = ("from", "above", "at_most", "below")
) -> st.SearchStrategy[Any]:
    return st.one_of(*(st.fixed_dictionaries({name: st.sampled_from(values)}) for name in names))


def _fact(name: str, test: st.SearchStrategy[Any], **more: Any) -> st.SearchStrategy[Any]:
    return test.map(lambda chosen: {"fact": name, **more, **chosen})


_NAMED = st.just({"at_most": {"parameter": "limit"}})
_YEARS = st.one_of(
    st.builds(lambda chosen: {"years_ago": chosen}, _bounds([0, 1, 3, 4])),
    st.builds(lambda chosen: {"calendar_years_ago": chosen}, _bounds([0, 1, 3])),
)
_PERIODS = st.sampled_from(["this_year", "last_year", "year_before_last"])
_CLOSED = st.one_of(
    _fact("staff", st.one_of(_bounds(STAFF), _NAMED, st.just({"from": 5, "below": 31}))),
    _fact("disabled_staff_ratio", _bounds(["0", "0.333333", "1"])),
    _fact("established_on", _YEARS),
    _fact("licence_to", st.one_of(st.just({"not_past": True}), _YEARS)),
    _fact("honest", st.booleans().map(lambda value: {"equals": value})),
    _fact("blacklisted", st.booleans().map(lambda value: {"equals": value})),
    _fact(
        "kind",
        st.lists(st.sampled_from(["enterprise", "person"]), min_size=1, unique=True).map(lambda s: {"one_of": s}),
    ),
    _fact(
        "industry", st.lists(st.sampled_from(["C", "C34", "C341", "G", "I65"]), min_size=1).map(lambda r: {"within": r})
    ),
    _fact(
        "region", st.lists(st.sampled_from(["21", "2101", "2102", "210102"]), min_size=1).map(lambda r: {"within": r})
    ),
    st.builds(lambda period, test: {"fact": "premium", "period": period, **test}, _PERIODS, _bounds(PREMIUM)),
    _fact("size_class", st.just({"one_of": ["small", "micro"]})),
)
_OPEN = st.one_of(
    st.just({"items": "hires", "where": {"fact": "hire_graduate", "equals": True}}),
    st.just({"items": "hires", "count": {"at_most": 0}}),
    st.just({"received": ["OTHER"]}),
    st.just({"fact": "established_on", "years_ago": {"from": 3}, "reference": "licence_to"}),
)
_CONDITION = st.recursive(
    st.one_of(_CLOSED, _CLOSED, _CLOSED, _OPEN),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)


@st.composite
def _document(draw: Callable[[Any], Any]) -> dict[str, Any]:
    """What `world.policy` takes, but for the id."""
    fields: dict[str, Any] = {
        "region": draw(st.sampled_from(["21", "21", "2101", "210102"])),
        "valid": {
            "from": draw(st.sampled_from(["2023-01-01", "2024-02-01"])),
            "to": draw(st.sampled_from([None, "2024-08-31"])),
        },
        "parameters": {"limit": [{"from": "2024-01-01", "value": 10}, {"from": "2024-05-01", "value": 30}]},
    }
    if draw(st.booleans()):
        fields["conditions"] = draw(_CONDITION)
    if draw(st.integers(0, 3)) == 0:
        benefits = [
            {"when": draw(_CONDITION), "benefit": {"fixed": "100"}},
            {"when": draw(_CONDITION), "benefit": {"fixed": "50"}},
        ]
        fields["rules"] = benefits
    if draw(st.integers(0, 5)) == 0:
        fields |= {"zone": "direct", "list": None, "claim": {"from": "2024-03-01", "to": "2024-06-30"}}
    return fields


@dataclass(frozen=True)
class Case:
    """Policies as the engine and the plain evaluator see them."""

    index: PolicyIndex
    formulas: dict[Version, Formula]
    compiled: dict[Version, CompiledPolicy]
    windows: dict[Version, tuple[datetime, datetime | None]]

    def verdict(self, version: Version, row: Row, moment: datetime) -> Truth:
        """By definition: the formula on the day, while the version acts."""
        opens, closes = self.windows[version]
        acts = opens <= moment and (closes is None or moment < closes)
        return self.formulas[version].holds(row, business_date(moment)) if acts else False

    def add(self, version: Version, compiled: CompiledPolicy, catalogue: Any) -> None:
        """Index a version for its validity and claim window."""
        document = compiled.document
        spans = [each for each in (document.valid, document.claim) if each is not None]
        ends = [start_of(each.to + timedelta(days=1)) for each in spans if each.to is not None]
        self.windows[version] = max(start_of(each.from_) for each in spans), min(ends, default=None)
        self.compiled[version] = compiled
        self.formulas[version] = normal_form(compiled, self.index.attributes, catalogue)
        self.index.add(version, self.formulas[version], *self.windows[version])

    def discard(self, version: Version) -> None:
        """Forget a version everywhere."""
        self.index.discard(version)
        for kept in (self.formulas, self.compiled, self.windows):
            kept.pop(version)


@pytest.fixture(scope="session")
def catalogue(world: Any) -> Any:
    """The widened world's, and what the size class takes."""
    partition = world.partition().begin().widened()
    partition.declare(
        FactDeclaration(name=name, title={"zh": name, "en": name}, provider="tax", type=kind, period=period)
        for name, kind, period in (
            ("persons_employed", FactType.INTEGER, None),
            ("assets", FactType.DECIMAL, None),
            ("yearly_sales", FactType.DECIMAL, PeriodKind.YEAR),
        )
    )
    return partition.state.registry.catalogue


@pytest.fixture(scope="session")
def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Fields of random policies."""
    return _document()


@pytest.fixture(scope="session")
def compiles(world: Any, catalogue: Any) -> Callable[[str, dict[str, Any]], CompiledPolicy | None]:
    """A document compiled, or nothing where it is refused, as contradictory intervals are."""

    def compiles(policy_id: str, fields: dict[str, Any]) -> CompiledPolicy | None:
        try:
            return compile_policy(world.policy(policy_id, **fields), catalogue)
        except Refused:
            return None

    return compiles


@pytest.fixture(scope="session")
def case(compiles: Any, catalogue: Any) -> Callable[[list[dict[str, Any]]], Case]:
    """An index of documents."""

    def case(documents: list[dict[str, Any]]) -> Case:
        made = Case(PolicyIndex(Attributes()), {}, {}, {})
        for number, fields in enumerate(documents):
            if (compiled := compiles(f"P{number}", fields)) is not None:
                made.add((f"P{number}", 0), compiled, catalogue)
        return made

    return case


@pytest.fixture(scope="session")
def facts() -> st.SearchStrategy[dict[FactKey, Any]]:
    """Some facts of a subject, or values to change; None: retracted, or never said."""
    return st.fixed_dictionaries({key: st.none() | st.sampled_from(values) for key, values in VALUES.items()})


@pytest.fixture(scope="session")
def changes() -> st.SearchStrategy[dict[FactKey, Any]]:
    """One fact, or a few at once."""
    one = st.sampled_from(sorted(VALUES)).flatmap(
        lambda key: st.tuples(st.just(key), st.none() | st.sampled_from(VALUES[key]))
    )
    return st.lists(one, min_size=1, max_size=4).map(dict)


@pytest.fixture(scope="session")
def subject_of(catalogue: Any) -> Callable[[dict[FactKey, Any]], SubjectFile]:
    """A file with these facts, as they stand on the wire."""

    def subject_of(said: dict[FactKey, Any]) -> SubjectFile:
        known = {
            key: FactValue(parse(catalogue.facts[key.name], wire), catalogue.facts[key.name].provider, 1, SAID, SAID)
            for key, wire in said.items()
            if wire is not None
        }
        return SubjectFile("91210100MA0TEXT002", facts=known)

    return subject_of


@pytest.fixture(scope="session")
def row_of(subject_of: Any, catalogue: Any) -> Callable[..., Row]:
    """A subject's codes at a moment."""

    def row_of(case: Case, said: dict[FactKey, Any], moment: datetime) -> Row:
        return case.index.attributes.row(view_of(subject_of(said), catalogue, business_date(moment)))

    return row_of


@pytest.fixture(scope="session")
def moments() -> st.SearchStrategy[datetime]:
    """Days around which something turns."""
    days = [
        "2023-12-31", "2024-01-01", "2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01", "2024-04-30", "2024-05-01",
        "2024-06-30", "2024-07-01", "2024-08-31", "2024-09-01", "2024-12-31", "2025-01-01",
    ]  # fmt: skip
    return st.sampled_from(days).map(lambda day: start_of(date.fromisoformat(day)) + timedelta(hours=9))


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
TIMES = [timedelta(0), timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=45), timedelta(days=400)]
BEGINNINGS = [
    date(year, month, day) for year in range(2018, 2028) for month, day in ((1, 1), (2, 28), (3, 1), (6, 15), (12, 31))
] + [date(2020, 2, 29), date(2024, 2, 29)]
ATTRIBUTES = (
    Attribute("region"),
    Attribute("industry"),
    Attribute("kind"),
    Attribute("receipt_policy"),  # for its type: an identifier
    Attribute("honest"),
    Attribute("staff"),
    Attribute("disabled_staff_ratio"),
    Attribute("premium", RelativePeriod.LAST_YEAR),
    Attribute("established_on"),
    Attribute("licence_to"),
)
LISTS = ("hires", "receipts", "blacklisted")


BORDERS = [sign * (1 << bits) + off for bits in (7, 15, 31) for sign in (1, -1) for off in (-2, -1, 0, 1)]
"""Codes about where the columns' types end."""


def _attributes(catalogue: Any, count: int = len(ATTRIBUTES)) -> Attributes:
    """What random formulas are about, or the first of it."""
    made = Attributes()
    for attribute in ATTRIBUTES[:count]:
        made.slot(attribute, catalogue)
    return made


class Draw:
    """Formulas, codes, policies and subjects from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)

    def code(self, kind: FactType, unknown: float = 0.2) -> int | None:
        """A code near those that tests ask for."""
        rng = self.rng
        if rng.random() < unknown:
            return None
        match kind:
            case FactType.DATE:
                return rng.choice(BEGINNINGS).toordinal() + rng.randint(-1, 1)
            case FactType.BOOLEAN:
                return rng.randint(0, 1)
            case FactType.CODE:
                return rng.randint(0, 3)
            case FactType.IDENTIFIER:
                return rng.choice([0, 1, 2, 3, 61, 62, 63, 64, 70])
            case FactType.REGION | FactType.INDUSTRY:
                return rng.randint(0, 9)
            case _:
                return rng.randint(-3, 6)

    def row(self, known: Attributes, unknown: float = 0.2) -> Row:
        """A subject's codes."""
        return [self.code(kind, unknown) for kind in known.kinds]

    def test(self, kind: FactType) -> Cut | Span | Members | Moving:
        """A test as the normal form writes it for facts of a type."""
        rng = self.rng
        begins = sorted(rng.sample(BEGINNINGS, rng.randint(1, 3)))
        match kind:
            case FactType.DATE:
                figures = tuple((day, rng.randint(-1, 6)) for day in begins)
                if rng.random() < 0.5:
                    figures = ((date.min, figures[0][1]), *figures[1:])
                if rng.random() < 0.3:
                    return Moving("not_past", ((date.min, 0),))
                return Moving("years" if rng.random() < 0.5 else "calendar_years", figures)
            case FactType.REGION | FactType.INDUSTRY:
                low = rng.randint(0, 9)
                return Span(low, rng.choice([low, low, low + 1, 9]))
            case FactType.BOOLEAN | FactType.CODE | FactType.IDENTIFIER:
                codes = [code for _ in range(rng.randint(1, 4)) if (code := self.code(kind, 0)) is not None]
                return Members(frozenset(codes))
            case _ if rng.random() < 0.25:
                return Moving("number", tuple((day, rng.randint(-3, 6)) for day in begins))
            case _:
                return Cut(rng.randint(-3, 6))

    def literal(self, known: Attributes) -> Literal:
        """A test of a random attribute, or its negation."""
        slot = self.rng.randrange(len(known))
        return Literal(slot, self.test(known.kinds[slot]), self.rng.random() < 0.7)

    def part(self, known: Attributes, depth: int, opened: float) -> Part:
        """A test, an open one, or a gate."""
        if self.rng.random() < opened:
            return Open(frozenset(self.rng.sample(LISTS, self.rng.randint(1, 2))))
        if not depth or self.rng.random() < 0.55:
            return self.literal(known)
        parts = [self.part(known, depth - 1, opened) for _ in range(self.rng.randint(1, 4))]
        return Gate(self.rng.random() < 0.5, tuple(dict.fromkeys(parts)))

    def formula(self, known: Attributes, opened: float = 0.06) -> Formula:
        """A conjunction of up to five parts; many a fact is tested twice."""
        parts = [self.part(known, 3, opened) for _ in range(self.rng.randint(1, 5))]
        root = Gate(True, tuple(dict.fromkeys(parts)))
        facts = [leaf.facts for leaf in leaves(root) if isinstance(leaf, Open)]
        return Formula(root, frozenset().union(*facts) if facts else None)


@dataclass
class IndexCheck:
    """An index beside the formulas it was given. Every method fails where the index says otherwise than they do."""

    seed: int
    known: Attributes
    acting: dict[Version, tuple[Formula, datetime, datetime | None]] = field(default_factory=dict)
    now: datetime = datetime(2022, 12, 30, 16, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.draw = Draw(self.seed)
        self.rng = self.draw.rng
        self.index = PolicyIndex(self.known)
        self.row = self.draw.row(self.known)

    def run(self, steps: int = 25, policies: int = 40, *, amended: bool = True) -> None:
        """Policies, then changes and time in any order, and amendments where there are to be some."""
        for number in range(policies):
            self.add((f"P{number}", 0))
        for _ in range(steps):
            match self.rng.randrange(6):
                case 0 if amended:
                    self.index.discard(gone := self.rng.choice(sorted(self.acting)))
                    del self.acting[gone]
                    self.add((gone[0], gone[1] + 1))
                case 1:
                    self.add((f"N{len(self.acting)}", self.rng.randrange(1000)))
            self.step()

    def add(self, version: Version) -> None:
        """A version that acts from some moment on, perhaps until another."""
        if version in self.acting:
            return
        opens = start_of(self.rng.choice(BEGINNINGS)) if self.rng.random() < 0.5 else LONG_AGO
        closes = None if self.rng.random() < 0.5 else opens + timedelta(hours=self.rng.choice([1, 30, 24 * 500]))
        if opens is LONG_AGO and closes is not None:
            closes = start_of(self.rng.choice(BEGINNINGS))
        whole = self.draw.formula(self.known), opens, closes
        self.acting[version] = whole
        self.index.add(version, *whole)

    def step(self) -> None:
        """A change of one, some or all facts, as time passes or stands still; with it lists may change."""
        before, was = self.row, self.now
        after = list(before)
        for slot in self.rng.sample(range(len(before)), self.rng.choice([0, 1, 1, 1, 3, len(before)])):
            after[slot] = self.draw.code(self.known.kinds[slot])
        now = was + self.rng.choice(TIMES)
        read = set(self.rng.sample(LISTS, self.rng.randint(0, 2)))
        also = {slot for slot in range(len(before)) if before[slot] is None and self.rng.random() < 0.1}
        also = {slot for slot in also if after[slot] is None}
        self.compare(before, after, was, now, read, also)
        self.compare_standing(after, now)
        self.compare_turns(after, now)
        self.compare_moving(was, now)
        self.row, self.now = after, now

    def verdict(self, version: Version, row: Row, moment: datetime) -> Truth:
        """By definition."""
        formula, opens, closes = self.acting[version]
        acts = opens <= moment and (closes is None or moment < closes)
        return acts and formula.holds(row, business_date(moment))

    def compare(
        self, before: Row, after: Row, was: datetime, now: datetime, read: Iterable[str], also: Iterable[int]
    ) -> None:
        """What a change touches, with the verdicts before and after; and the same change taken back."""
        touched = self.index.touched(before, after, was, now, read=read, also=also)
        said = {version: (old, new) for version, old, new in touched}
        assert len(said) == len(touched)
        verdicts = {v: (self.verdict(v, before, was), self.verdict(v, after, now)) for v in self.acting}
        for version, found in said.items():
            assert found == verdicts[version] != (False, False), version
            assert self._may_touch(version, before, after, was, now, set(read), set(also)), version
        for version, found in verdicts.items():
            if found != (False, False) and self._touches(version, before, after, was, now, set(read), set(also)):
                assert version in said, (version, found)
        flipped = {version: found for version, found in verdicts.items() if found[0] is not found[1]}
        flips = self.index.flips(before, after, was, now)
        assert {version: (old, new) for version, old, new in flips} == flipped
        if was == now:
            back = self.index.flips(after, before, now, now)
            assert {version: (new, old) for version, old, new in back} == flipped

    def _touches(
        self, version: Version, before: Row, after: Row, was: datetime, now: datetime, read: set[str], also: set[int]
    ) -> bool:
        """Whether one of its tests comes out otherwise, or what was said to have changed is read by it."""
        formula, opens, closes = self.acting[version]
        days = business_date(was), business_date(now)
        return (
            any(was < moment <= now for moment in (opens, closes) if moment is not None)
            or not read.isdisjoint(formula.opened or ())
            or any(
                literal.slot in also or literal.holds(before, days[0]) is not literal.holds(after, days[1])
                for literal in formula.literals()
            )
        )

    def _may_touch(
        self, version: Version, before: Row, after: Row, was: datetime, now: datetime, read: set[str], also: set[int]
    ) -> bool:
        """The same; or a fact it tests was or becomes unknown; or time alone would do: no other is looked at."""
        learned = {s for s, code in enumerate(before) if code != after[s] and None in (code, after[s])}
        changed = self._touches(version, before, after, was, now, read, also | learned)
        return changed or self._touches(version, after, after, was, now, set(), set())

    def compare_standing(self, row: Row, now: datetime) -> None:
        """What is not false for a subject, of all policies and of some."""
        every = {version: self.verdict(version, row, now) for version in self.acting}
        verdicts = {version: verdict for version, verdict in every.items() if verdict is not False}
        standing = self.index.standing(row, now)
        assert {version: old for version, old, _ in standing} == verdicts
        assert all(old is new for _, old, new in standing)
        some = self.rng.sample(sorted(self.acting), 5)
        found = {version: new for version, _, new in self.index.standing(row, now, some)}
        assert found == {version: verdicts[version] for version in some if version in verdicts}

    def compare_turns(self, row: Row, now: datetime) -> None:
        """Until the next moment that is named, time alone alters nothing; nor does it where none is."""
        turns = self.index.turns_after(row, now)
        assert turns is None or turns > now
        last = now + timedelta(days=2000) if turns is None else turns - timedelta(seconds=1)
        days = [now + (last - now) * self.rng.random() for _ in range(3)]
        for moment in [last, *days]:
            for version in self.acting:
                assert self.verdict(version, row, moment) is self.verdict(version, row, now), (version, turns, moment)

    def compare_moving(self, was: datetime, now: datetime) -> None:
        """The codes that tests pass as time goes on, and the moments at which versions begin or cease to act."""
        passed = list(self.index.moving(was, now))
        days = business_date(was), business_date(now)
        later = sorted({days[1], *(days[0] + timedelta(days=d) for d in range((days[1] - days[0]).days) if d % 9 == 1)})
        for formula, _, _ in self.acting.values():
            for literal in formula.literals():
                if isinstance(literal.test, Moving) and (code := self.draw.code(self.known.kinds[literal.slot], 0)):
                    row: Row = [code] * len(self.known)
                    if any(literal.holds(row, day) is not literal.holds(row, days[0]) for day in later):
                        assert any(s == literal.slot and low <= code < high for s, low, high in passed), literal
        bounds = [(m, v) for v, (_, *ends) in self.acting.items() for m in ends if m is not None and was < m <= now]
        assert sorted(self.index.boundaries(was, now)) == sorted(bounds)
        for version, (_, opens, closes) in self.acting.items():
            assert self.index.acts(version, now) is (opens <= now and (closes is None or now < closes))


@pytest.fixture(scope="session")
def index_check(catalogue: Any) -> Callable[[int], IndexCheck]:
    """A check of the index, by seed."""
    return lambda seed: IndexCheck(seed, _attributes(catalogue))


class PopulationCheck:
    """Columns beside the rows that were put into them."""

    def __init__(self, seed: int, catalogue: Any) -> None:
        self.draw, self.catalogue = Draw(seed), catalogue
        self.rng = self.draw.rng
        self.known = _attributes(catalogue, 5 + seed % 6)
        self.population = Population(self.known)
        self.rows: dict[str, tuple[Row, int]] = {}
        self.wide = False
        self.day = date(2024, 2, 28)

    def run(self, steps: int = 60) -> None:
        """Subjects come, change and go, attributes are added, and after each step something is asked."""
        for number in range(steps):
            match self.rng.randrange(12):
                case 0 if len(self.known) < len(ATTRIBUTES):
                    self.known.slot(ATTRIBUTES[len(self.known)], self.catalogue)
                case 1 | 2 if self.rows:
                    self.discard(self.rng.choice(sorted(self.rows)))
                case 3:
                    self.wide = True
                case 4 | 5 if self.rows:
                    self.put(self.rng.choice(sorted(self.rows)))
                case _:
                    self.put(f"S{number}")
            self.compare()

    def take_in(self, count: int) -> None:
        """The first subjects, all at once."""
        rows = [self.row() for _ in range(count)]
        self.rows = {f"A{number}": (row, -1) for number, row in enumerate(rows)}
        columns = [np.array([row[slot] or 0 for row in rows], np.int64) for slot in range(len(self.known))]
        holes = [np.array([row[slot] is None for row in rows], np.bool_) for slot in range(len(self.known))]
        self.population.put_all([*self.rows], columns, [each if each.any() else None for each in holes])

    def row(self) -> Row:
        """Codes; once `wide`, also some that need a wider type, or just do not."""
        row = self.draw.row(self.known, self.rng.choice([0, 0.2, 0.9]))
        if self.wide and self.rng.random() < 0.3:
            row[self.rng.randrange(len(row))] = self.rng.choice(BORDERS)
        return row

    def put(self, subject: str) -> None:
        row, season = self.row(), self.rng.randint(0, 2)
        self.population.put(subject, row, season)
        self.rows[subject] = row, season

    def discard(self, subject: str) -> None:
        self.population.discard(subject)
        del self.rows[subject]

    def compare(self) -> None:
        """Whatever can be asked."""
        self.day += timedelta(days=self.rng.choice([0, 1, 30]))
        formula = self.draw.formula(self.known)
        if self.wide and self.rng.random() < 0.5:
            at = self.rng.choice(BORDERS)
            slot, side = self.rng.randrange(len(self.known)), self.rng.random() < 0.5
            tests: list[Cut | Span | Members] = [Cut(at), Span(at - 1, at), Members(frozenset({abs(at), 1}))]
            test = self.rng.choice(tests)
            formula = Formula(Gate(True, (Literal(slot, test, side),)), None)
        self.compare_stored()
        self.compare_answers(formula)
        self.compare_counts()

    def compare_stored(self) -> None:
        """Everybody's codes are as they were put, on rows of their own."""
        assert len(self.population) == len(self.rows)
        for subject, (row, season) in self.rows.items():
            assert self.population.codes(subject) == (row, season)
            assert self.population.subjects[self.population.row_of(subject)] == subject
        assert sum(subject is not None for subject in self.population.subjects) == len(self.rows)

    def compare_answers(self, formula: Formula) -> None:
        """For whom a formula is true and unknown: of all, and of some."""
        wanted = {subject: formula.holds(self._padded(row), self.day) for subject, (row, _) in self.rows.items()}
        slices = list(self.population.answer(formula, self.day))
        for verdict, rows in ((True, [s.true for s in slices]), (None, [s.unknown for s in slices])):
            found = [self.population.subjects[row] for part in rows for row in part.tolist()]
            assert sorted(map(str, found)) == sorted(s for s, value in wanted.items() if value is verdict), formula
        rows = self._some()
        among = self.population.among(formula, self.day, rows)
        verdicts = [wanted[str(self.population.subjects[row])] for row in rows.tolist()]
        for verdict, part in ((True, among.true), (None, among.unknown)):
            assert part.tolist() == [
                row for row, value in zip(rows.tolist(), verdicts, strict=True) if value is verdict
            ]

    def compare_counts(self) -> None:
        """Codes within bounds, how many are unknown, and which rows were put in another season or too early."""
        rows, season = self._some(), self.rng.randint(0, 2)
        codes = [self._padded(self.rows[str(self.population.subjects[row])][0]) for row in rows.tolist()]
        slots = self.rng.sample(range(len(self.known)), 3)
        low = self.draw.code(self.known.kinds[slots[0]], 0) or 0
        high = self.rng.choice([low + 1, low + 3, MOST])
        within = [row[slots[0]] is not None and low <= (row[slots[0]] or 0) < high for row in codes]
        assert self.population.between(slots[0], low, high, rows).tolist() == rows[np.array(within, np.bool_)].tolist()
        unknown = [sum(row[slot] is None for slot in slots) for row in codes]
        assert self.population.count_unknown(slots, rows).tolist() == unknown
        kept = [self.rows[str(self.population.subjects[row])] for row in rows.tolist()]
        outdated = [len(row) < len(self.known) or put_in != season for row, put_in in kept]
        assert self.population.outdated(rows, season).tolist() == rows[np.array(outdated, np.bool_)].tolist()

    def _some(self) -> Any:
        subjects = self.rng.sample(sorted(self.rows), self.rng.randint(0, len(self.rows)))
        return np.sort(np.array([self.population.row_of(subject) for subject in subjects], np.int64))

    def _padded(self, row: Row) -> Row:
        return row + [None] * (len(self.known) - len(row))


@pytest.fixture(scope="session")
def population_check(catalogue: Any) -> Callable[[int], PopulationCheck]:
    """A check of the columns, by seed."""
    return lambda seed: PopulationCheck(seed, catalogue)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few subjects fill several, and a sample of them is taken."""
    monkeypatch.setattr(eligibility.population, "CHUNK", 8)
    monkeypatch.setattr(eligibility.population, "_FIRST_ROWS", 2)
    monkeypatch.setattr(eligibility.population, "_SAMPLE", 12)
    monkeypatch.setattr(eligibility.population, "_MANY_RUNS", 1)


_EVERY_BOUND = ("from", "above", "at_most", "below")
_AGES = ("years_ago", "calendar_years_ago")
_SINGLE: dict[str, list[dict[str, Any]]] = {
    "staff": [{name: value} for name in _EVERY_BOUND for value in (10, {"parameter": "limit"})],
    "premium": [{"period": "last_year", name: "700.01"} for name in _EVERY_BOUND],
    "disabled_staff_ratio": [{name: value} for name in _EVERY_BOUND for value in ("0.333333", "1")],
    "established_on": [{test: {name: years}} for test in _AGES for name in _EVERY_BOUND for years in (0, 3)],
    "licence_to": [{"not_past": True}],
    "honest": [{"equals": True}, {"equals": False}],
    "region": [{"within": ["2102"]}, {"within": ["2101", "211402"]}],
    "industry": [{"within": [root]} for root in ("C", "C34", "C341", "G", "I65")],
    "size_class": [{"one_of": ["small", "micro"]}],
}
_READ = {
    "disabled_staff_ratio": ["disabled_staff", "employees_in_post"],
    "size_class": ["industry", "persons_employed", "yearly_sales"],
}
_TURNS = [date(2024, *day) for day in ((1, 1), (2, 28), (2, 29), (3, 1), (4, 30), (5, 1), (7, 1), (12, 31))]
_TURNS += [date(2025, 1, 1), date(2025, 2, 28), date(2025, 3, 1)]
_TIMELESS = ("disabled_staff_ratio", "honest", "region", "industry")


@pytest.fixture(scope="session")
def formula_check(world: Any, catalogue: Any, subject_of: Any) -> Callable[[], None]:
    """Every test by itself and negated, for every value and none, about the days on which something turns.

    The formula must say what the plain evaluator says.
    """

    def subjects(name: str) -> list[dict[FactKey, Any]]:
        found: list[dict[FactKey, Any]] = [{FactKey("kind"): "enterprise", FactKey("region"): "210102"}]
        for key in [key for key in VALUES if key.name in _READ.get(name, [name])]:
            found = [said | {key: value} for said in found for value in (None, *VALUES[key])]
        return found

    def compare(condition: dict[str, Any], views: Iterable[FactsView]) -> None:
        limit = [{"from": "2024-01-02", "value": 10}, {"from": "2024-05-01", "value": 30}]
        fields = {"conditions": condition, "parameters": {"limit": limit}, "valid": {"from": "2023-01-01"}}
        compiled, known = compile_policy(world.policy("P", **fields), catalogue), Attributes()
        formula = normal_form(compiled, known, catalogue)
        assert formula.opened is None, condition
        for view in views:
            (found,) = evaluate(compiled, view)
            assert formula.holds(known.row(view), view.today) is found.eligible, (condition, view.today)

    def formula_check() -> None:
        for name, tests in _SINGLE.items():
            days = _TURNS[:1] if name in _TIMELESS else _TURNS
            views = [view_of(subject_of(said), catalogue, day) for said in subjects(name) for day in days]
            for test in tests:
                compare({"fact": name, **test}, views)
                compare({"not": {"fact": name, **test}}, views)

    return formula_check
