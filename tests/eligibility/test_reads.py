"""`reads`: a change of any other fact or list leaves a policy's evaluations as they were; the reducer relies on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from eligibility.amounts import compute_amount
from eligibility.business_time import period_label
from eligibility.catalogue import Catalogue
from eligibility.compile import CompiledPolicy
from eligibility.conditions import Scope
from eligibility.derived import DERIVED
from eligibility.evaluate import evaluate, view_of
from eligibility.facts_view import FactsView, MissingFact, Observation
from eligibility.registry import Registry
from eligibility.subject_file import FactKey, FactValue, PeriodItem, SubjectFile
from eligibility.values import Value
from schemas.catalogue import CatalogueStatement, FactDeclaration, FactType
from schemas.events import PolicyPublication, RosterEntry
from schemas.policy import Policy, SubjectKind

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = tuple(path.stem for path in sorted((EXAMPLES / "policies").glob("*.yaml")))
AT = datetime(2024, 1, 1, tzinfo=UTC)
FIRM, PERSON = "91210100MA0TEXT002", "p-" + "0" * 32
ITEMS = ("i1", "i2")
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # a file of hundreds of facts takes minutes to shrink


@cache
def registry() -> Registry:
    """The example's catalogue and all its policies: taken in any order, they stand together."""
    known = Registry()
    for name in ("facts", "complete-lists"):
        statement = yaml.safe_load((EXAMPLES / "catalogue" / f"{name}.yaml").read_text())
        known = known.with_statement(CatalogueStatement.model_validate(statement))
    for name in POLICIES:
        document = Policy.model_validate(yaml.safe_load((EXAMPLES / "policies" / f"{name}.yaml").read_text()))
        publication = PolicyPublication(action="publish", policy=document, effective_at=AT, reason="as tested")
        known = known.with_publication(name, publication)
    return known


def compiled(name: str) -> CompiledPolicy:
    found = registry().policies[name].at(AT)
    assert found is not None
    return found


# Values, near what policies ask for.

NUMBERS = (0, 1, 2, 3, 5, 10, 12, 20, 24, 30, 60, 90, 300)
SUMS = tuple(Fraction(text) for text in ("0", "0.1", "0.6", "1", "1000", "100000.50", "3000000", "50000000"))
DATES = tuple(date(year, month, 15) for year in (2010, 2021, 2022, 2023, 2024, 2025, 2026) for month in (3, 11))
REGIONS = ("210102", "2101G1", "2101X1", "210202")
INDUSTRIES = ("C34", "F5211", "I6510", "K7010", "H61", "Q84")


def values(fact: FactDeclaration) -> st.SearchStrategy[Value]:
    pools: dict[FactType, Any] = {
        FactType.BOOLEAN: (True, False),
        FactType.INTEGER: NUMBERS,
        FactType.DECIMAL: SUMS,
        FactType.DATE: DATES,
        FactType.CODE: tuple(fact.codes or ()),
        FactType.IDENTIFIER: (*POLICIES, *ITEMS, "2024"),
        FactType.REGION: REGIONS,
        FactType.INDUSTRY: INDUSTRIES,
    }
    return st.sampled_from(pools[fact.type])


def places(fact: FactDeclaration, today: date) -> list[FactKey]:
    """The items or periods of a fact that some policy could look at on a day."""
    if fact.list is not None:
        return [FactKey(fact.name, "-", item) for item in ITEMS]
    if fact.period is None:
        return [FactKey(fact.name)]
    back = {"month": 25, "quarter": 8, "year": 4}[fact.period]
    return [FactKey(fact.name, period_label(today, fact.period, -steps)) for steps in range(back + 1)]


@st.composite
def files(draw: st.DrawFn, policy: CompiledPolicy, today: date) -> SubjectFile:
    """A subject for whom the policy is, of whom most of what it reads is known, and some of the rest."""
    document, known = policy.document, registry().catalogue.facts
    person = SubjectKind.PERSON in document.subjects
    here = [region for region in REGIONS if region.startswith(document.region)]
    fixed: dict[FactKey, Value] = {FactKey("region"): here[0], FactKey("household_region"): here[0]}
    if not person:
        fixed[FactKey("kind")] = document.subjects[0].value
    facts: dict[FactKey, Value] = {}
    for fact in known.values():
        if draw(st.integers(0, 9)) < (9 if reads(policy, fact) else 3):
            chosen = draw(values(fact))  # one value for most places: means and sums then have all their parts
            for key in places(fact, today):
                facts[key] = draw(values(fact)) if draw(st.integers(0, 5)) == 0 else chosen
    facts = {key: value for key, value in facts.items() if key.name != "kind"} | fixed
    file = SubjectFile(PERSON if person else FIRM).with_facts("tax", 1, facts, AT, AT)
    if document.list_kind == "roster":
        grades = [g for rule in document.rules for g in rule.benefit.by_grade or ()] or [None]
        line = RosterEntry(
            policy=document.id, roster_version=1, member=True, amount="5", grade=draw(st.sampled_from(grades))
        )
        file = file.with_roster_entry(document.implemented_by[0], line)
    return file


def reads(policy: CompiledPolicy, fact: FactDeclaration) -> bool:
    return fact.name in policy.reads or fact.list in policy.reads


def changed(file: SubjectFile, values_: Mapping[FactKey, Value | None]) -> SubjectFile:
    facts = dict(file.facts)
    for key, value in values_.items():
        facts.pop(key, None)
        if value is not None:
            facts[key] = FactValue(value, "tax", 2, AT, AT)
    return replace(file, facts=facts)


def seen(policy: CompiledPolicy, file: SubjectFile, catalogue: Catalogue, today: date) -> Any:
    """All that an evaluation says."""
    found = evaluate(policy, view_of(file, catalogue, today))
    return [(e, e.digest, e.reasons, e.amount, e.missing) for e in found]


def days(policy: CompiledPolicy) -> st.SearchStrategy[date]:
    """Days on which it is valid, by its window or by what happened then."""
    valid = policy.document.valid
    if policy.document.valid_on == "reference":
        return st.sampled_from(DATES)
    last = min(valid.to or date(2026, 12, 31), date(2026, 12, 31))
    return st.dates(max(valid.from_, date(last.year - 1, 1, 1)), last)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=15, deadline=None, phases=PHASES)
@given(data=st.data())
def test_what_a_policy_does_not_read_makes_no_difference(name: str, data: Any) -> None:
    policy, catalogue = compiled(name), registry().catalogue
    today = data.draw(days(policy))
    file = data.draw(files(policy, today))
    others = sorted(fact for fact, declared in catalogue.facts.items() if not reads(policy, declared))
    before = seen(policy, file, catalogue, today)
    event(f"eligible: {before[0][0].eligible}")
    for other in data.draw(st.lists(st.sampled_from(others), min_size=1, max_size=8, unique=True)):
        fact = catalogue.facts[other]
        change = {key: data.draw(st.none() | values(fact)) for key in places(fact, today)}
        assert seen(policy, changed(file, change), catalogue, today) == before, other


class Watched(FactsView):
    """A view that keeps the names of the base facts and lists it was asked for."""

    def __init__(self, file: SubjectFile, catalogue: Catalogue, today: date) -> None:
        super().__init__(file, catalogue, DERIVED, today)
        self.asked: set[str] = set()

    def at(self, name: str, *place: Any, **more: Any) -> Observation:
        fact = self.catalogue.facts.get(name)
        if fact is not None:
            self.asked.add(name if fact.list is None else fact.list)
        return super().at(name, *place, **more)

    def items(self, listed: str) -> Sequence[str]:
        self.asked.add(listed)
        return super().items(listed)

    def incomplete(self, listed: str) -> frozenset[MissingFact]:
        self.asked.add(listed)
        return super().incomplete(listed)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=15, deadline=None, phases=PHASES)
@given(data=st.data())
def test_nothing_else_is_even_looked_at(name: str, data: Any) -> None:
    """Conditions that make no difference are evaluated too: of those that would, none is missed."""
    policy, catalogue = compiled(name), registry().catalogue
    today = data.draw(days(policy))
    for file in (SubjectFile(FIRM), SubjectFile(PERSON), data.draw(files(policy, today))):
        view = Watched(file, catalogue, today)
        evaluate(policy, view)
        items = {} if policy.document.for_each is None else {policy.document.for_each: ITEMS[0]}
        compute_amount(policy.rules, Scope(view, PeriodItem(name), items, items), None, policy.reference)
        assert view.asked <= policy.reads


@pytest.mark.parametrize("name", POLICIES)
def test_it_reads_far_from_everything(name: str) -> None:
    known = registry().catalogue
    read = {fact.name for fact in known.facts.values() if reads(compiled(name), fact)}
    assert len(read) < len(known.facts) / 2
