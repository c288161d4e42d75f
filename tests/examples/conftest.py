"""`decide`: one example policy, one subject's facts in wire form, one day; through the same parsing as intake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from eligibility.catalogue import Catalogue
from eligibility.compile import compile_policy
from eligibility.evaluate import evaluate, view_of
from eligibility.registry import Registry
from eligibility.subject_file import FactKey, SubjectFile
from eligibility.values import parse
from schemas.catalogue import CatalogueStatement
from schemas.events import RosterEntry
from schemas.policy import Policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = {True: "eligible", False: "ineligible", None: "undetermined"}


@dataclass(frozen=True)
class Result:
    """What the evaluator says, in the words of the table."""

    verdict: str
    amount: str | None
    missing: set[str]
    amounts: dict[str, str | None] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)


def _catalogue() -> Catalogue:
    registry = Registry()
    for name in ("facts", "complete-lists"):
        statement = yaml.safe_load((EXAMPLES / "catalogue" / f"{name}.yaml").read_text())
        registry = registry.with_statement(CatalogueStatement.model_validate(statement))
    return registry.catalogue


@pytest.fixture(scope="session")
def decide() -> Any:
    catalogue = _catalogue()
    at = datetime(2023, 12, 31, tzinfo=UTC)

    def decide(
        policy_id: str,
        facts: dict[str, Any],
        *,
        on: date,
        roster: list[dict[str, Any]] | None = None,
        complete: Iterable[str] | None = None,
        subject: str = "911111111111111111",
        succeeded_on: date | None = None,
    ) -> Result:
        """`facts`: a value, or {period or item: value}; `complete`: the lists declared so, None for the example's."""
        known = catalogue
        if complete is not None:
            known = replace(catalogue, complete={name: date(2024, 1, 1) for name in complete})
        document = yaml.safe_load((EXAMPLES / "policies" / f"{policy_id}.yaml").read_text())
        policy = Policy.model_validate(document)
        compiled = compile_policy(policy, known)
        file = SubjectFile(subject)
        for version, (name, given) in enumerate(facts.items(), start=1):
            declaration = known.facts[name]
            values = {
                FactKey(name, *(("-", label) if declaration.list else (label, "-"))): parse(declaration, wire)
                for label, wire in (given if isinstance(given, dict) else {"-": given}).items()
            }
            file = file.with_facts(declaration.provider, version, values, at, at)
        for version, entry in enumerate(roster or [], start=1):
            line = {"policy": policy_id, "roster_version": version, **entry}
            department = line.pop("department", policy.implemented_by[0])
            file = file.with_roster_entry(department, RosterEntry.model_validate(line))
        found = evaluate(compiled, view_of(file, known, on), succeeded_on)
        verdicts = {e.eligible for e in found}
        verdict = True if True in verdicts else None if None in verdicts else False
        first = next((e for e in found if e.eligible is verdict), found[0])
        return Result(
            verdict=NAMES[verdict],
            amount=None if first.amount is None else first.amount.value,
            missing={missing.name for e in found for missing in e.missing},
            amounts={e.key.item: e.amount.value for e in found if e.eligible and e.amount is not None},
            verdicts={e.key.item: NAMES[e.eligible] for e in found},
        )

    return decide
