"""Random policies over the widened tiny world, and random subjects whose facts they ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st

from eligibility.business_time import business_date, start_of
from eligibility.codes import Attributes, Row
from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.errors import Refused
from eligibility.evaluate import view_of
from eligibility.formula import Formula, normal_form
from eligibility.kleene import Truth
from eligibility.policy_index import PolicyIndex, Version
from eligibility.subject_file import FactKey, FactValue, SubjectFile
from eligibility.values import parse

SAID = datetime(2024, 1, 1, tzinfo=UTC)
STAFF = [0, 5, 10, 11, 30, 31]
PREMIUM = ["0", "700.01", "700.010001", "2000.10", "-3"]
DAYS = ["2019-02-28", "2020-02-29", "2021-03-01", "2024-01-01", "2024-06-30", "2024-12-31"]
INDUSTRIES = ["C34", "C341", "C3411", "G591", "I65", "A01"]
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


class Case(NamedTuple):
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
    """The widened world's."""
    return world.partition().begin().widened().state.registry.catalogue


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
