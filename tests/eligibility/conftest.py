"""A tiny world: nine facts, seven policies, and a partition that builds journal records and folds them.

`widened` adds what is about items, receipts, certificates and persons: more facts, two lists and nine policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest

import eligibility.reducer
from eligibility.business_time import start_of
from eligibility.catalogue import Catalogue
from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.values import encode, parse
from schemas.catalogue import CatalogueStatement, FactDeclaration
from schemas.decisions import Decision
from schemas.events import PolicyPublication, RosterEntry
from schemas.journal import (
    CatalogueControl,
    ChangeEntry,
    ControlEntry,
    Epoch,
    NormalFact,
    Origin,
    PolicyControl,
    Pump,
    RosterEntryRecord,
    Tick,
)
from schemas.notices import Notice
from schemas.policy import Policy

SUBJECTS = ("91210100MA0TEXT002", "91210100MA0TEXT015", "91210100MA0TEXT028")
KINDS = ("enterprise", "individual_business", "person")


def _text(text: str) -> dict[str, str]:
    return {"zh": text, "en": text}


def _fact(name: str, provider: str, type_: str, **more: Any) -> tuple[str, FactDeclaration]:
    return name, FactDeclaration(name=name, title=_text(name), provider=provider, type=type_, **more)


FACTS = dict(
    [
        _fact("kind", "market-supervision", "code", codes={kind: _text(kind) for kind in KINDS}),
        _fact("region", "market-supervision", "region"),
        _fact("industry", "market-supervision", "industry"),
        _fact("established_on", "market-supervision", "date"),
        _fact("staff", "human-resources", "integer"),
        _fact("employees_in_post", "human-resources", "integer"),
        _fact("disabled_staff", "disabled-persons-federation", "integer"),
        _fact("premium", "human-resources", "decimal", period="year"),
        _fact("honest", "courts", "boolean"),
    ]
)
CATALOGUE = Catalogue(facts=FACTS)
PERSON = "p-" + "0f" * 16
WIDE_FACTS = dict(
    [
        _fact("household_region", "public-security", "region"),
        _fact("employed", "human-resources", "boolean"),
        _fact("licence_to", "science-technology", "date"),
        _fact("blacklisted", "courts", "boolean"),
        _fact("hired_on", "human-resources", "date", list="hires"),
        _fact("hire_graduate", "human-resources", "boolean", list="hires"),
        _fact("hire_wage", "human-resources", "decimal", list="hires"),
        _fact("receipt_policy", "finance", "identifier", list="receipts"),
        _fact("receipt_period", "finance", "identifier", list="receipts"),
        _fact("receipt_item", "finance", "identifier", list="receipts"),
        _fact("receipt_amount", "finance", "decimal", list="receipts"),
        _fact("receipt_date", "finance", "date", list="receipts"),
    ]
)
WIDE_LISTS = [
    {"name": name, "title": _text(name), "provider": provider}
    for name, provider in (("hires", "human-resources"), ("receipts", "finance"))
]
CALENDAR_2024 = {
    "year": 2024,
    "days_off": [
        "2024-01-01", "2024-02-12", "2024-02-13", "2024-02-14", "2024-02-15", "2024-02-16", "2024-04-04", "2024-04-05",
        "2024-05-01", "2024-05-02", "2024-05-03", "2024-06-10", "2024-09-16", "2024-09-17", "2024-10-01", "2024-10-02",
        "2024-10-03", "2024-10-04", "2024-10-07",
    ],
    "working_days": [
        "2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11", "2024-09-14", "2024-09-29", "2024-10-12",
    ],
}  # fmt: skip
"""国办发明电〔2023〕7号, the holidays of 2024."""


def policy(policy_id: str = "SMALL", /, **fields: Any) -> Policy:
    """A policy for enterprises in Liaoning, valid in 2024, which gives 1000 元 unless `fields` say otherwise."""
    whole = {
        "id": policy_id,
        "title": _text(policy_id),
        "document": "辽政发〔2024〕0号",
        "issued_on": "2023-12-01",
        "made_by": "finance",
        "implemented_by": ["tax"],
        "region": "21",
        "zone": "no_apply",
        "list": "condition",
        "kind": "award",
        "subjects": ["enterprise"],
        "valid": {"from": "2024-01-01", "to": "2024-12-31"},
        "rules": [{"benefit": {"fixed": "1000"}}],
        **fields,
    }
    return Policy.model_validate({name: value for name, value in whole.items() if value is not None})


def document(policy_id: str, version: int = 1) -> Policy:
    """The world's policies; an even version of SMALL takes at most 10 persons, and fixed amounts are per version."""
    fixed = [{"benefit": {"fixed": str(1000 * version)}}]
    endless = {"from": "2024-01-01"}
    honest = {"fact": "honest", "equals": True}
    dated = [{"from": "2024-01-01", "value": 20}, {"from": "2024-07-01", "value": 5}]
    last_premium = {"fact": "premium", "period": "last_year"}
    fields: dict[str, Any] = {
        "SMALL": {"conditions": {"fact": "staff", "at_most": 10 if version % 2 == 0 else 30}},
        "AGED": {"conditions": {"fact": "established_on", "years_ago": {"from": 3}}, "valid": endless},
        "REFUND": {
            "conditions": {**last_premium, "above": 0},
            "rules": [{"benefit": {"rate": "0.50", "of": last_premium, "cap": "900"}}],
            "period": "year",
            "valid": {"from": "2024-01-01", "to": "2026-12-31"},
        },
        "DATED": {
            "rules": [
                {"when": honest, "benefit": {"fixed": "800"}},
                {"when": {"fact": "staff", "at_most": {"parameter": "limit"}}, "benefit": {"fixed": "400"}},
            ],
            "parameters": {"limit": dated},
            "valid": endless,
        },
        "QUIET": {"conditions": honest, "public": False},
        "CLAIM": {
            "conditions": {
                "any": [honest, {"fact": "staff", "below": 10}, {"fact": "disabled_staff_ratio", "from": 1}]
            },
            "zone": "direct",
            "list": None,
            "claim": {"from": "2024-03-01", "to": "2024-09-30"},
        },
        "LIST": {
            "list": "roster",
            "rules": [{"benefit": {"by_grade": {"A": "300", "B": "200"}}}],
            "conditions": {"not": {"fact": "honest", "equals": False}},
            "valid": endless,
        },
    }
    if policy_id in WIDE_POLICIES:
        return policy(policy_id, **{"version": version, "rules": fixed, **_wide(policy_id, endless)})
    return policy(policy_id, **{"version": version, "rules": fixed, **fields[policy_id]})


def _wide(policy_id: str, endless: dict[str, str]) -> dict[str, Any]:
    last_premium = {"fact": "premium", "period": "last_year"}
    well_paid = {"fact": "hire_wage", "from": 3000}
    each: dict[str, dict[str, Any]] = {
        "HIRE": {
            "for_each": "hires",
            "reference": "hired_on",
            "valid_on": "reference",
            "conditions": {
                "all": [
                    {"fact": "hire_graduate", "equals": True},
                    {**last_premium, "above": 0},
                    {"not": {"fact": "established_on", "calendar_years_ago": {"below": 1}}},
                ]
            },
            "rules": [{"benefit": {"rate": "0.5", "of": "hire_wage", "cap": "1500"}}],
            "valid": {"from": "2024-02-01", "to": "2025-12-31"},
        },
        "FEW": {"conditions": {"items": "hires", "where": well_paid, "count": {"at_most": 1}}, "valid": endless},
        "MANY": {"conditions": {"items": "hires", "where": well_paid, "count": {"from": 2}}, "valid": endless},
        "CLEAN": {"conditions": {"not": {"fact": "blacklisted", "equals": True}}, "valid": endless},
        "TOPUP": {
            "conditions": {"not": {"received": ["TOPUP"], "this_year": True}},
            "rules": [{"benefit": {"fixed": "1500", "top_up": ["SMALL", "OFTEN"]}}],
            "valid": endless,
        },
        "OFTEN": {"conditions": {"received": ["SMALL"], "this_year": True}, "valid": endless},
        "LICENCE": {"conditions": {"fact": "licence_to", "not_past": True}, "valid": endless},
        "NEXT": {
            "conditions": {"fact": "staff", "at_most": 20},
            "succeeds": "SMALL",
            "valid": {"from": "2024-06-01"},
        },
        "JOB": {"subjects": ["person"], "conditions": {"fact": "employed", "equals": True}, "valid": endless},
    }
    return each[policy_id]


POLICIES = ("SMALL", "AGED", "REFUND", "DATED", "QUIET", "CLAIM", "LIST")
WIDE_POLICIES = ("HIRE", "FEW", "MANY", "CLEAN", "TOPUP", "OFTEN", "LICENCE", "NEXT", "JOB")


def moment(when: str | date | datetime) -> datetime:
    """A moment in UTC; a date is its beginning in Asia/Shanghai."""
    if isinstance(when, str):
        when = datetime.fromisoformat(when) if "T" in when else date.fromisoformat(when)
    return when.astimezone(UTC) if isinstance(when, datetime) else start_of(when)


@dataclass
class Partition:
    """One partition's journal as intake would write it, folded record by record."""

    state: PartitionState = field(default_factory=lambda: PartitionState(0))
    log: list[bytes] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    _origins: int = -1
    _versions: dict[tuple[str, str], int] = field(default_factory=dict)

    def raw(self, value: bytes) -> list[Effect]:
        """Append a record to the journal and fold it."""
        self.log.append(value)
        folded = fold(self.state, len(self.log) - 1, value)
        self.effects += folded.effects
        self.changed |= folded.changed
        return folded.effects

    def record(self, record: Any) -> list[Effect]:
        return self.raw(record.model_dump_json(by_alias=True).encode())

    def origin(self, topic: str = "source") -> Origin:
        """The next origin of a source partition."""
        self._origins += 1
        return Origin(topic=topic, partition=0, offset=self._origins)

    def control(self, record: Any, sequence: int | None = None) -> list[Effect]:
        following = self.state.registry.sequence + 1
        return self.record(ControlEntry(sequence=following if sequence is None else sequence, record=record))

    def begin(self, when: str = "2024-01-01") -> Partition:
        """Its epoch and its fact catalogue."""
        self.control(Epoch(clock="world", now=moment(when), authority_key="A" * 43 + "="))
        self.declare(FACTS.values())
        return self

    def widened(self) -> Partition:
        """With the facts and lists that the wide policies ask for."""
        self.declare(WIDE_FACTS.values(), lists=WIDE_LISTS)
        return self

    def complete(self, name: str, as_of: str | None = "2024-01-01") -> list[Effect]:
        """A provider's word that a list is complete, without the roll-out; None takes it back."""
        return self.declare([], complete=[{"name": name, "as_of": as_of}])

    def calendar(self, *calendars: dict[str, Any]) -> list[Effect]:
        return self.declare([], calendars=list(calendars or [CALENDAR_2024]))

    def receipt(self, subject: str, receipt_id: str = "r1", **parts: Any) -> list[Effect]:
        """What finance says of a receipt: policy, period, item, amount, date; None retracts, `gone` all of it."""
        if parts.pop("gone", False):
            parts = dict.fromkeys(("policy", "period", "item", "amount", "date"))
        return self.change(subject, **{f"receipt_{part}": {receipt_id: value} for part, value in parts.items()})

    def declare(self, facts: Iterable[FactDeclaration], **more: Any) -> list[Effect]:
        fields = {"effective_at": moment("2024-01-01"), "facts": list(facts), **more}
        statement = CatalogueStatement.model_validate(fields)
        return self.control(CatalogueControl(origin=self.origin("statements"), statement=statement))

    def publish(self, *policies: Policy, action: str = "publish", effective_at: Any = "2023-12-01") -> list[Effect]:
        """Publish or amend, without the roll-out."""
        return [effect for p in policies for effect in self._publication(p.id, action, p, effective_at)]

    def withdraw(self, policy_id: str, effective_at: Any = "2023-12-01") -> list[Effect]:
        return self._publication(policy_id, "withdraw", None, effective_at)

    def _publication(self, policy_id: str, action: Any, whole: Policy | None, effective_at: Any) -> list[Effect]:
        publication = PolicyPublication(
            action=action, policy=whole, effective_at=moment(effective_at), reason="as tested"
        )
        self.state.registry.with_publication(policy_id, publication)  # intake's judgement: raises Refused
        return self.control(
            PolicyControl(origin=self.origin("publications"), policy_id=policy_id, publication=publication)
        )

    def tick(self, when: str | date | datetime) -> list[Effect]:
        return self.control(Tick(at=moment(when)))

    def pump(self) -> list[Effect]:
        return self.record(Pump(n=self.state.pump + 1))

    def drain(self) -> list[Effect]:
        """Pump until nothing is open."""
        happened: list[Effect] = []
        most = self.state.pump + 2000
        while self.state.open_work:
            assert self.state.pump < most, "the work left open does not end"
            happened += self.pump()
        return happened

    def until(self, when: str | date | datetime) -> list[Effect]:
        """Time goes on, and everything due is done."""
        return self.tick(when) + self.drain()

    def change(self, subject: str, version: int | None = None, **facts: Any) -> list[Effect]:
        """What a provider says: {period or item: value} for a fact that has them, None to retract."""
        declared = {**FACTS, **self.state.registry.catalogue.facts}
        provider = declared[next(iter(facts))].provider
        last = self._versions.get((subject, provider), 0)
        self._versions[subject, provider] = max(last, version or last + 1)
        normal = []
        for name, given in facts.items():
            for label, wire in (given if isinstance(given, dict) else {"-": given}).items():
                place = ("-", label) if declared[name].list else (label, "-")
                normal.append(NormalFact(name, *place, None if wire is None else encode(parse(declared[name], wire))))
        return self.record(
            ChangeEntry(
                origin=self.origin(),
                arrived_at=moment("2024-01-01"),
                provider=provider,
                subject=subject,
                version=version or last + 1,
                effective_at=moment("2023-12-01"),
                facts=normal,
            )
        )

    def settled_in(self, subject: str = SUBJECTS[0], region: str = "210102", kind: str = "enterprise") -> list[Effect]:
        """An enterprise of Shenyang, unless said otherwise, of which nothing else is known."""
        return self.change(subject, kind=kind, region=region)

    def roster(
        self, subject: str, version: int, policy_id: str = "LIST", *, department: str = "tax", **line: Any
    ) -> list[Effect]:
        entry = RosterEntry(policy=policy_id, roster_version=version, **{"member": True, **line})
        arrived_at = moment("2024-01-01")
        record = RosterEntryRecord(
            origin=self.origin(), arrived_at=arrived_at, subject=subject, department=department, data=entry
        )
        return self.record(record)


def said(effects: Iterable[Effect]) -> list[str]:
    """Effects in short: `SMALL eligible`, `REFUND/2024 ended`, `LIST//item ineligible`, `SMALL push eligible`."""
    lines = []
    for effect in effects:
        if isinstance(effect, Decision | Notice):
            key = effect.match if isinstance(effect, Decision) else effect.matter
            about = "/".join((key.policy, key.period, key.item)).replace("/-", "/").rstrip("/")
            lines.append(
                f"{about} {effect.verdict if isinstance(effect, Decision) else f'{effect.kind} {effect.about}'}"
            )
        else:
            lines.append(f"rejected {effect.code}")
    return lines


def plain(effects: Iterable[Effect]) -> dict[str, list[Any]]:
    """Effects per subject, in order, without ids and journal positions; a superseded push is named by what it said."""
    by_subject: dict[str, list[Any]] = {}
    pushes: dict[str, Any] = {}
    for effect in effects:
        fields = effect.model_dump(mode="json", exclude={"effect_id", "journal", "origin"})
        if isinstance(effect, Notice):
            fields["supersedes"] = pushes.get(effect.supersedes or "")
            pushes[effect.effect_id] = (effect.about, str(effect.matter), fields["as_of"])
        subject = (fields.get("match") or fields.get("matter") or {}).get("subject", "")
        by_subject.setdefault(subject, []).append(fields)
    return by_subject


class World:
    """What the tests of this folder share."""

    subjects, catalogue, policies, partition = SUBJECTS, CATALOGUE, POLICIES, Partition
    person, wide_policies, calendar_2024 = PERSON, WIDE_POLICIES, CALENDAR_2024
    policy, document, moment = staticmethod(policy), staticmethod(document), staticmethod(moment)
    said, plain = staticmethod(said), staticmethod(plain)


@pytest.fixture(scope="session")
def world() -> type[World]:
    return World


@pytest.fixture(scope="module")
def one_subject_per_pump() -> Iterator[None]:
    """Four subjects are then a roll-out of four slices, and can be met half-way."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(eligibility.reducer, "SUBJECTS_PER_PUMP", 1)
        yield


@pytest.fixture
def partition() -> Partition:
    """A partition on 2024-01-01 that knows the facts, and no policy or subject yet."""
    return Partition().begin()
