"""Whatever is published is refused, or becomes a policy that can be evaluated for anybody on any day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from eligibility.catalogue import Catalogue
from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.derived import DERIVED
from eligibility.errors import Refused
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.registry import Registry
from eligibility.subject_file import FactKey, SubjectFile
from eligibility.values import parse
from schemas.catalogue import CatalogueStatement, FactDeclaration, FactType
from schemas.events import RosterEntry
from schemas.policy import Policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def loaded(path: Path) -> Any:
    """A YAML document as JSON would give it."""
    return json.loads(json.dumps(yaml.safe_load(path.read_text()), default=str))


def example_catalogue() -> Catalogue:
    registry = Registry()
    for name in ("facts", "complete-lists"):
        statement = CatalogueStatement.model_validate(loaded(EXAMPLES / f"catalogue/{name}.yaml"))
        registry = registry.with_statement(statement)
    return registry.catalogue


CATALOGUE = example_catalogue()
POLICIES = [loaded(path) for path in sorted((EXAMPLES / "policies").glob("*.yaml"))]
IDS = [*(policy["id"] for policy in POLICIES), "OWN", "NOWHERE"]
LISTS = sorted(CATALOGUE.lists)
PERIODS = {
    None: [None, None, None, "last_year"],
    "year": ["last_year", "this_year", "year_before_last", "last_year", None],
    "quarter": ["this_quarter", "last_quarter", "last_quarter"],
    "month": ["this_month", "last_month", "last_month"],
}
FORMS: dict[str, tuple[FactType, Any, Any, Any]] = {
    **{f.name: (f.type, f.period, f.list, f.codes) for f in CATALOGUE.facts.values()},
    **{d.name: (d.type, d.period, None, d.codes) for d in DERIVED.values()},
}
DATES = [name for name, form in FORMS.items() if form[0] is FactType.DATE]
SCALARS: dict[FactType, list[Any]] = {
    FactType.BOOLEAN: [True, False],
    FactType.INTEGER: [0, 1, 3, 12, 30, 60, 300, -1, 10**17],
    FactType.DECIMAL: ["0", "0.5", "-1.25", "1000", "30000000", "0.000001", "123456789012345678.123456"],
    FactType.DATE: ["2019-05-01", "2023-12-31", "2024-02-29", "2024-07-01", "2025-01-01", "1900-01-01", "2200-12-31"],
    FactType.IDENTIFIER: [*IDS, "welder", "2024", "i1", "c1"],
    FactType.REGION: ["210102", "2101G1", "210202"],
    FactType.INDUSTRY: ["C3411", "F51", "H62", "K7010", "M73"],
}
NUMBERS = st.sampled_from([0, 1, 2, 12, 30, 10_000_000, "0", "0.05", "0.5", "1000000", {"parameter": "limit"},
                           {"parameter": "dated"}, {"parameter": "nowhere"}])  # fmt: skip


@st.composite
def intervals(draw: st.DrawFn, own: bool = False) -> dict[str, Any]:
    bounds = NUMBERS | st.sampled_from([{"own": name} for name in FORMS if FORMS[name][2]]) if own else NUMBERS
    names = draw(st.lists(st.sampled_from(["from", "above", "at_most", "below"]), min_size=1, max_size=2, unique=True))
    return {name: draw(bounds) for name in names}


@st.composite
def leaves(draw: st.DrawFn, lists: tuple[str, ...]) -> dict[str, Any]:
    """A comparison that mostly suits its fact; facts of a list are rare where no item is meant."""
    usable = [name for name, form in FORMS.items() if form[2] is None or form[2] in lists]
    name = draw(st.sampled_from(usable if draw(st.integers(0, 19)) else sorted(FORMS)))
    kind, period, listed, codes = FORMS[name]
    leaf: dict[str, Any] = {"fact": name, "period": draw(st.sampled_from(PERIODS[period]))}
    if draw(st.integers(0, 5)) == 0:
        leaf["reference"] = draw(st.sampled_from(["today", *DATES]))
    match kind if draw(st.integers(0, 29)) else draw(st.sampled_from(list(FactType))):
        case FactType.BOOLEAN:
            leaf["equals"] = draw(st.booleans())
        case FactType.DATE:
            test = draw(st.sampled_from(["years_ago", "calendar_years_ago", "not_past"]))
            leaf[test] = True if test == "not_past" else draw(intervals())
        case FactType.INTEGER | FactType.DECIMAL:
            leaf |= draw(intervals(own=listed is not None and draw(st.booleans())))
        case FactType.CODE:
            leaf["one_of"] = draw(st.lists(st.sampled_from(sorted(codes or ["enterprise"])), min_size=1, max_size=3))
        case FactType.IDENTIFIER:
            owns = [name for name in FORMS if FORMS[name][0] is FactType.IDENTIFIER and FORMS[name][2]]
            leaf["equals"] = draw(st.sampled_from(IDS) | st.sampled_from([{"own": name} for name in owns]))
        case _:
            leaf["within"] = draw(
                st.lists(st.sampled_from(["21", "2101", "C", "F51", "210102"]), min_size=1, max_size=2)
            )
    return {key: value for key, value in leaf.items() if value is not None}


@st.composite
def conditions(draw: st.DrawFn, lists: tuple[str, ...], depth: int = 3) -> dict[str, Any]:
    form = draw(st.sampled_from(["fact"] * 4 + (["all", "any", "not", "items", "items", "received"] if depth else [])))
    inner = {"lists": lists, "depth": depth - 1}
    match form:
        case "all" | "any":
            return {form: draw(st.lists(conditions(**inner), min_size=1, max_size=3))}
        case "not":
            return {"not": draw(conditions(**inner))}
        case "items":
            listed = draw(st.sampled_from(LISTS))
            counted: dict[str, Any] = {"items": listed}
            if draw(st.booleans()):
                counted["where"] = draw(conditions(lists=(*lists, listed), depth=depth - 1))
            match draw(st.integers(0, 2)):
                case 1:
                    counted["count"] = draw(intervals())
                case 2:
                    counted |= {
                        "share": draw(intervals()),
                        "of": {"fact": draw(st.sampled_from(["staff", "employees_in_post"]))},
                    }
            return counted
        case "received":
            given: dict[str, Any] = {"received": draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=2))}
            if draw(st.booleans()):
                given["this_year"] = True
            if draw(st.booleans()):
                given["times"] = draw(intervals())
            if lists and draw(st.booleans()):
                given["item"] = draw(st.sampled_from(lists))
            return given
        case _:
            return draw(leaves(lists))


@st.composite
def benefits(draw: st.DrawFn, lists: tuple[str, ...], roster: bool) -> dict[str, Any]:
    forms = ["fixed", "rate", "each", "exempt", "grants", "reduced_rate", *(["by_grade", "entry"] if roster else [])]
    numbers = st.sampled_from(["0", "0.5", "1500", {"parameter": "limit"}, {"parameter": "dated"}])
    form = draw(st.sampled_from(forms))
    benefit: dict[str, Any] = {form: draw(numbers)}
    usable = [n for n, f in FORMS.items() if f[0] in (FactType.INTEGER, FactType.DECIMAL) and f[2] in (None, *lists)]
    base = draw(st.sampled_from(usable))
    period = draw(st.sampled_from(PERIODS[FORMS[base][1]]))
    whole = {"fact": base} if period is None else {"fact": base, "period": period}
    match form:
        case "rate" | "each":
            benefit["of"] = whole
            if draw(st.booleans()):
                benefit["cap"] = draw(numbers)
            if form == "each" and draw(st.booleans()):
                benefit["full"] = draw(numbers)
        case "exempt":
            benefit["exempt"] = whole
        case "grants":
            benefit["grants"] = {"zh": "权", "en": "right"}
        case "by_grade":
            benefit["by_grade"] = {"A": "300", "B": "0"}
        case "entry":
            benefit["entry"] = True
    if form not in ("grants", "reduced_rate") and draw(st.integers(0, 2)) == 0:
        benefit["top_up"] = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=2))
    return benefit


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A policy of the schema's vocabulary, mostly sound."""
    zone = draw(st.sampled_from(["condition", "condition", "roster", "direct"]))
    roster = zone == "roster"
    listed = None if roster else draw(st.sampled_from([None, None, *LISTS]))
    lists = () if listed is None else (listed,)
    reference = draw(st.sampled_from([None, None, *(n for n in DATES if FORMS[n][2] in (None, *lists))]))
    windows = [
        {"from": "2023-01-01"},
        {"from": "2023-01-01"},
        {"from": "2024-01-01", "to": "2024-12-31"},
        {"from": "2016-07-01", "to": "2025-06-30"},
    ]
    rule = st.fixed_dictionaries(
        {"benefit": benefits(lists, roster)}, optional={"when": conditions(lists=lists, depth=1)}
    )
    firms = ["enterprise", "individual_business"]
    claim = draw(st.sampled_from([None, {"from": "2024-03-01", "to": "2025-02-28"}]))
    by_reference = reference is not None and draw(st.booleans())
    steps = [{"from": "2024-01-01", "value": 20}, {"from": "2024-07-01", "value": "5"}]
    whole = {
        "id": "OWN", "title": {"zh": "甲", "en": "One"}, "document": "1号", "issued_on": "2024-01-01",
        "made_by": "finance", "implemented_by": ["tax"], "kind": "award", "public": draw(st.booleans()),
        "region": draw(st.sampled_from(["21", "21", "2101", "210102"])),
        "zone": "direct" if zone == "direct" else "no_apply", "list": None if zone == "direct" else zone,
        "subjects": draw(st.sampled_from([["enterprise"], [*firms, "person"], [*firms, "person"], ["person"]])),
        "valid": draw(st.sampled_from(windows)), "for_each": listed, "reference": reference,
        "claim": claim if zone == "direct" else None, "valid_on": "reference" if by_reference else "today",
        "parameters": {"limit": 30, "dated": steps},
        "conditions": draw(st.none() | conditions(lists=lists, depth=1) | conditions(lists=lists)),
        "rules": draw(st.lists(rule, min_size=1, max_size=3)),
        "period": draw(st.sampled_from([None, None, "year", "quarter", "month"])),
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value is not None}


def labels(declaration: FactDeclaration) -> list[tuple[str, str]]:
    if declaration.list is not None:
        return [("-", "i1"), ("-", "i2")]
    periods = {"year": ["2022", "2023", "2024"], "quarter": ["2024Q1", "2024Q3"], "month": ["2023-12", "2024-06"]}
    return [(period, "-") for period in (periods[declaration.period] if declaration.period else ["-"])]


USUAL = {"kind": "enterprise", "region": "210102", "household_region": "210102", "registration_status": "active"}


def somebody(rng: Random, policy: CompiledPolicy) -> SubjectFile:
    """Of whom most of what a policy reads is known, and who stands on its roster with some items."""
    person = rng.choice(policy.document.subjects) == "person" if rng.random() < 0.9 else rng.random() < 0.5
    file = SubjectFile("p-" + "0" * 32 if person else "91210102MAHU03QE3Y")
    at = datetime(2023, 12, 31, tzinfo=UTC)
    for version, name in enumerate(sorted(policy.reads & CATALOGUE.facts.keys()), start=1):
        declaration = CATALOGUE.facts[name]
        known = {}
        for period, item in labels(declaration):
            if rng.random() < 0.9 and not (person and name == "kind"):
                wire = rng.choice(sorted(declaration.codes or {}) or SCALARS[declaration.type])
                usual = USUAL.get(name) if rng.random() < 0.9 else None
                known[FactKey(name, period, item)] = parse(declaration, wire if usual is None else usual)
        file = file.with_facts(declaration.provider, version, known, at, at)
    for version, item in enumerate(rng.choice([[], [None], ["c1"], ["c1", "c2"]]), start=1):
        entry = {"policy": "OWN", "roster_version": version, "member": rng.random() < 0.7, "item": item}
        entry |= {"grade": rng.choice([None, "A", "C"]), "amount": rng.choice([None, "7"])}
        file = file.with_roster_entry(rng.choice(["tax", "tax", "courts"]), RosterEntry.model_validate(entry))
    return file


USUAL_DAYS = [date(2024, month, 15) for month in range(3, 13)]
BOUNDS = [
    date(2024, 1, 1),
    date(2024, 2, 29),
    date(2024, 12, 31),
    date(2025, 1, 1),
    date(1900, 1, 1),
    date(2200, 12, 31),
]


def compiled(document: Any) -> CompiledPolicy | None:
    """The policy, unless it is refused in one of the two ways."""
    try:
        policy = Policy.model_validate_json(json.dumps(document))
    except ValidationError:
        return None
    whole = policy.model_dump_json(by_alias=True, exclude_none=True)
    assert Policy.model_validate_json(whole) == policy
    try:
        return compile_policy(policy, CATALOGUE)
    except Refused as refusal:
        assert refusal.code == "bad_policy"
        assert policy.id in str(refusal) and refusal.field
        return None


def decided(found: list[Evaluation]) -> Any:
    return {e.key: (e.digest, e.ends_on, e.certificate_to) for e in found if e.eligible is True}


def evaluate_everywhere(rng: Random, policy: CompiledPolicy) -> None:
    """On some days for some subjects: no error, later changes only, and none before the day that is named."""
    for _ in range(8):
        file, day = somebody(rng, policy), rng.choice([*USUAL_DAYS, *BOUNDS])
        succeeded_on = rng.choice([None, None, None, None, date(2024, 7, 1), date(1900, 1, 2)])
        found = evaluate(policy, view_of(file, CATALOGUE, day), succeeded_on)
        assert found and len({e.key for e in found}) == len(found)
        for e in found:
            assert e.changes_on is None or e.changes_on > day
            assert not (e.over and e.eligible)
            for reason in e.reasons:
                assert type(reason).model_validate_json(reason.model_dump_json()) == reason
            event(f"eligible: {e.eligible}")
        changes_on = min((e.changes_on for e in found if e.changes_on is not None), default=date(2200, 12, 31))
        if day + timedelta(days=1) < changes_on:
            later = day + timedelta(days=rng.randint(1, (changes_on - day).days - 1))
            assert decided(evaluate(policy, view_of(file, CATALOGUE, later), succeeded_on)) == decided(found), later


@settings(max_examples=1200, deadline=None, derandomize=True)
@given(document=documents(), seed=st.integers(0, 2**32))
def test_policies_of_the_whole_vocabulary(document: Any, seed: int) -> None:
    policy = compiled(document)
    event("refused" if policy is None else "compiled")
    if policy is not None:
        evaluate_everywhere(Random(seed), policy)


@settings(max_examples=600, deadline=None, derandomize=True)
@given(data=st.data())
def test_mutated_examples(data: st.DataObject, fuzz: Any) -> None:
    example = data.draw(st.sampled_from(POLICIES), label="example")
    policy = compiled(data.draw(fuzz.mutated(example, 2)))
    assume(policy is not None)
    assert policy is not None
    evaluate_everywhere(Random(data.draw(st.integers(0, 2**32), label="seed")), policy)


@pytest.mark.parametrize("grow", [
    lambda inner: {"not": inner}, lambda inner: {"all": [inner]}, lambda inner: {"items": "hires", "where": inner},
])  # fmt: skip
@pytest.mark.parametrize("deep", [1, 10, 39, 40, 41, 45, 300, 3000])
def test_nesting_is_bounded(grow: Callable[[Any], Any], deep: int) -> None:
    condition: Any = {"fact": "employees_in_post", "at_most": 30}
    for _ in range(deep):
        condition = grow(condition)
    policy = {name: value for name, value in POLICIES[0].items() if name not in ("for_each", "reference", "valid_on")}
    try:
        found = compiled({**policy, "conditions": condition, "rules": [{"benefit": {"fixed": "1"}}]})
    except RecursionError:  # `json.dumps` of this test
        assert deep == 3000
        return
    assert (found is None) == (deep > (1 if "items" in condition else 40))


def test_the_examples_compile() -> None:
    assert all(compiled(document) is not None for document in POLICIES)
    assert len(POLICIES) > 15
