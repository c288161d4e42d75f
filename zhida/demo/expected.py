"""What must come out, computed from the input files alone: the last valid version of each fact, the policies in force.

It shares the compiled conditions and their evaluator with the system and nothing behind them: no intake, no registry,
no reducer, no Kafka.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from eligibility.business_time import start_of
from eligibility.catalogue import Catalogue
from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.subject_file import FactKey, FactValue, RosterKey, SubjectFile
from eligibility.values import parse
from schemas.catalogue import CatalogueStatement
from schemas.events import PolicyPublication, RosterEntry
from schemas.policy import Policy
from zhida.messages import statements

SOME_TIME = datetime(2023, 12, 31, tzinfo=UTC)  # the evaluator does not look at a fact's times


@dataclass
class Facts:
    """One subject as the files leave it."""

    versions: dict[str, int] = field(default_factory=dict)
    values: dict[FactKey, FactValue] = field(default_factory=dict)
    roster: dict[RosterKey, RosterEntry] = field(default_factory=dict)


@dataclass
class Expectation:
    """The input files, read up to a point in time. `publications`: per policy, what acts from when; None: withdrawn."""

    catalogue: Catalogue
    publications: dict[str, list[tuple[datetime, CompiledPolicy | None]]] = field(default_factory=dict)
    subjects: dict[str, Facts] = field(default_factory=dict)
    _acting: tuple[date, dict[str, CompiledPolicy]] | None = None  # asked for every pair of subject and policy

    @classmethod
    def of(cls, catalogue: Path, policies: list[Path]) -> Expectation:
        """The catalogue's folder, and the policies of files, as in force from the beginning; nobody is known yet."""
        read = [CatalogueStatement.model_validate(_content(file)) for file in statements(catalogue)]
        known = Catalogue(
            facts={fact.name: fact for each in read for fact in each.facts},
            lists={listed.name: listed for each in read for listed in each.lists},
            complete={c.name: c.as_of for each in read for c in each.complete if c.as_of is not None},
            calendars={calendar.year: calendar for each in read for calendar in each.calendars},
        )
        documents = [Policy.model_validate(_content(file)) for file in policies]
        return cls(known, {d.id: [(SOME_TIME, compile_policy(d, known))] for d in documents})

    def publish(self, file: Path) -> None:
        """A publication of a file: a new policy, an amendment or a withdrawal."""
        content = _content(file)
        policy_id = content.pop("id", None) or content["policy"]["id"]
        content.pop("made_by", None)
        publication = PolicyPublication.model_validate(content)
        compiled = None if publication.policy is None else compile_policy(publication.policy, self.catalogue)
        self.publications.setdefault(policy_id, []).append((publication.effective_at, compiled))
        self._acting = None

    def take(self, line: str) -> None:
        """One line of a file of events."""
        event = json.loads(line)
        known = self.subjects.setdefault(event["subject"], Facts())
        if event["type"] == "roster.entries":
            self._take_roster(known, event["source"].rsplit("/", 1)[-1], event["data"])
        else:
            self._take_change(known, event["type"].rsplit(".", 1)[1], event["data"])

    def _take_change(self, known: Facts, provider: str, data: dict[str, Any]) -> None:
        if data["version"] <= known.versions.get(provider, 0):
            return
        known.versions[provider] = data["version"]
        for name, given in data["facts"].items():
            declaration = self.catalogue.facts[name]
            for label, wire in (given if isinstance(given, dict) else {"-": given}).items():
                key = FactKey(name, *(("-", label) if declaration.list else (label, "-")))
                if wire is None:
                    known.values.pop(key, None)
                    continue
                value = parse(declaration, wire)
                if key not in known.values or known.values[key].value != value:
                    known.values[key] = FactValue(value, provider, data["version"], SOME_TIME, SOME_TIME)

    def _take_roster(self, known: Facts, department: str, data: dict[str, Any]) -> None:
        entry = RosterEntry.model_validate(data)
        key = RosterKey(entry.policy, entry.item or "-", department)
        if key not in known.roster or known.roster[key].roster_version < entry.roster_version:
            known.roster[key] = entry

    def acting(self, day: date) -> dict[str, CompiledPolicy]:
        """The version of each policy that acts as a day begins, of those that do."""
        if self._acting is not None and self._acting[0] == day:
            return self._acting[1]
        found: dict[str, CompiledPolicy] = {}
        for policy_id, published in self.publications.items():
            acted = [compiled for effective_at, compiled in published if effective_at <= start_of(day)]
            if acted and acted[-1] is not None:
                found[policy_id] = acted[-1]
        self._acting = (day, found)
        return found

    def last_day(self, policy_id: str, day: date) -> date | None:
        """The last day of a policy as things stand on a day: its own, or the one before its successor begins."""
        begins, own = self._succeeded_on(policy_id, day), self.acting(day)[policy_id].document.valid.to
        ends = [own, None if begins is None else begins - timedelta(days=1)]
        return min((end for end in ends if end is not None), default=None)

    def _succeeded_on(self, policy_id: str, day: date) -> date | None:
        acting = self.acting(day)
        maker = acting[policy_id].document.made_by
        documents = [each.document for each in acting.values()]
        begins = [d.valid.from_ for d in documents if d.succeeds == policy_id and d.made_by == maker]
        return min(begins, default=None)

    def over(self, day: date) -> dict[str, date]:
        """The policies whose last day lies before a day; those that judge events by their own day go on."""
        lasts = {name: self.last_day(name, day) for name in self.acting(day) if self._by_today(name, day)}
        return {name: last for name, last in lasts.items() if last is not None and last < day}

    def _by_today(self, policy_id: str, day: date) -> bool:
        return self.acting(day)[policy_id].document.valid_on == "today"

    def evaluations(self, subject: str, policy_id: str, today: date) -> list[Evaluation]:
        """What a policy means for a subject on a day; nothing where none of its versions acts."""
        compiled = self.acting(today).get(policy_id)
        if compiled is None:
            return []
        known = self.subjects.get(subject, Facts())
        file = SubjectFile(subject, facts=known.values, roster=known.roster)
        return evaluate(compiled, view_of(file, self.catalogue, today), self._succeeded_on(policy_id, today))

    def eligible(self, today: date) -> dict[str, dict[str, Any]]:
        """Everybody who is eligible on a day: match → version, amount and reasons."""
        found: dict[str, dict[str, Any]] = {}
        for subject in sorted(self.subjects):
            for policy_id in sorted(self.publications):
                for e in self.evaluations(subject, policy_id, today):
                    if e.eligible is True:
                        found["|".join((subject, *e.key))] = as_compared(e)
        return found


def _content(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


def as_compared(e: Evaluation) -> dict[str, Any]:
    """The parts of an evaluation that are held against a decision."""
    return {
        "policy_version": e.policy.version,
        "amount": None if e.amount is None else e.amount.model_dump(),
        "reasons": [reason.model_dump(mode="json") for reason in e.reasons],
    }
