"""`decide`: one example policy, one subject's facts in wire form, one day; through the same parsing as intake."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from eligibility.compile import compile_policy
from eligibility.evaluate import evaluate, view_of
from eligibility.subject_file import FactKey, SubjectFile
from eligibility.values import parse
from schemas.catalogue import FactDeclaration
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


@pytest.fixture(scope="session")
def decide() -> Any:
    listed = yaml.safe_load((EXAMPLES / "catalogue" / "facts.yaml").read_text())["facts"]
    catalogue = {item["name"]: FactDeclaration.model_validate(item) for item in listed}
    at = datetime(2023, 12, 31, tzinfo=UTC)

    def decide(
        policy_id: str, facts: dict[str, Any], *, on: date, roster: list[dict[str, Any]] | None = None
    ) -> Result:
        document = yaml.safe_load((EXAMPLES / "policies" / f"{policy_id}.yaml").read_text())
        compiled = compile_policy(Policy.model_validate(document), catalogue)
        file = SubjectFile("911111111111111111")
        for version, (name, given) in enumerate(facts.items(), start=1):
            by_period = given if isinstance(given, dict) else {"-": given}
            values = {FactKey(name, period): parse(catalogue[name], wire) for period, wire in by_period.items()}
            file = file.with_facts(catalogue[name].provider, version, values, at, at)
        for version, entry in enumerate(roster or [], start=1):
            line = RosterEntry.model_validate({"policy": policy_id, "roster_version": version, **entry})
            file = file.with_roster_entry(line)
        found = evaluate(compiled, view_of(file, catalogue, on))
        verdicts = {e.eligible for e in found}
        verdict = True if True in verdicts else None if None in verdicts else False
        first = next((e for e in found if e.eligible is verdict), found[0])
        return Result(
            verdict=NAMES[verdict],
            amount=None if first.amount is None else first.amount.value,
            missing={missing.name for e in found for missing in e.missing},
            amounts={e.key.item: e.amount.value for e in found if e.eligible and e.amount is not None},
        )

    return decide
