"""What must come out, computed from the input files alone: the last valid version of each fact, the policies in force.

It shares the compiled conditions and their evaluator with the system and nothing behind them: no intake, no registry,
no reducer, no Kafka.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.subject_file import FactKey, FactValue, RosterKey, SubjectFile
from eligibility.values import parse
from schemas.catalogue import FactDeclaration
from schemas.events import RosterEntry
from schemas.policy import Policy

SOME_TIME = datetime(2023, 12, 31, tzinfo=UTC)  # the evaluator does not look at a fact's times


@dataclass
class Facts:
    """One subject as the files leave it."""

    versions: dict[str, int] = field(default_factory=dict)
    values: dict[FactKey, FactValue] = field(default_factory=dict)
    roster: dict[RosterKey, RosterEntry] = field(default_factory=dict)


@dataclass
class Expectation:
    """The input files, read up to a point in time."""

    catalogue: Mapping[str, FactDeclaration]
    policies: dict[str, CompiledPolicy]
    subjects: dict[str, Facts] = field(default_factory=dict)

    @classmethod
    def of(cls, catalogue: Path, policies: list[Path]) -> Expectation:
        """The catalogue and the policies of files; nothing is known about anybody yet."""
        listed = yaml.safe_load(catalogue.read_text(encoding="utf-8"))["facts"]
        facts = {item["name"]: FactDeclaration.model_validate(item) for item in listed}
        documents = [Policy.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))) for file in policies]
        return cls(facts, {document.id: compile_policy(document, facts) for document in documents})

    def take(self, line: str) -> None:
        """One line of a file of events."""
        event = json.loads(line)
        known = self.subjects.setdefault(event["subject"], Facts())
        if event["type"] == "roster.entries":
            self._take_roster(known, event["data"])
        else:
            self._take_change(known, event["type"].rsplit(".", 1)[1], event["data"])

    def _take_change(self, known: Facts, provider: str, data: dict[str, Any]) -> None:
        if data["version"] <= known.versions.get(provider, 0):
            return
        known.versions[provider] = data["version"]
        for name, given in data["facts"].items():
            for period, wire in (given if isinstance(given, dict) else {"-": given}).items():
                key = FactKey(name, period)
                if wire is None:
                    known.values.pop(key, None)
                    continue
                value = parse(self.catalogue[name], wire)
                if key not in known.values or known.values[key].value != value:
                    known.values[key] = FactValue(value, provider, data["version"], SOME_TIME, SOME_TIME)

    def _take_roster(self, known: Facts, data: dict[str, Any]) -> None:
        entry = RosterEntry.model_validate(data)
        key = RosterKey(entry.policy, entry.item or "-")
        if key not in known.roster or known.roster[key].roster_version < entry.roster_version:
            known.roster[key] = entry

    def evaluations(self, subject: str, policy: str, today: date) -> list[Evaluation]:
        """What a policy means for a subject on a day."""
        known = self.subjects.get(subject, Facts())
        file = SubjectFile(subject, facts=known.values, roster=known.roster)
        return evaluate(self.policies[policy], view_of(file, self.catalogue, today))

    def eligible(self, today: date) -> dict[str, dict[str, Any]]:
        """Everybody who is eligible on a day: match → version, amount and reasons."""
        found: dict[str, dict[str, Any]] = {}
        for subject in sorted(self.subjects):
            for policy in sorted(self.policies):
                for e in self.evaluations(subject, policy, today):
                    if e.eligible is True:
                        found["|".join((subject, *e.key))] = as_compared(e)
        return found


def as_compared(e: Evaluation) -> dict[str, Any]:
    """The parts of an evaluation that are held against a decision."""
    return {
        "policy_version": e.policy.version,
        "amount": None if e.amount is None else e.amount.model_dump(),
        "reasons": [reason.model_dump(mode="json") for reason in e.reasons],
    }
