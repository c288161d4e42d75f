"""Whatever stands in a journal: a record is applied whole, or not at all and said so; only StopPartition is raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from eligibility.errors import StopPartition
from eligibility.values import encode, parse
from schemas.catalogue import CatalogueStatement, FactDeclaration
from schemas.events import PolicyPublication, RosterEntry
from schemas.journal import (
    CatalogueControl,
    ChangeEntry,
    Epoch,
    NormalFact,
    Origin,
    PolicyControl,
    Pump,
    RosterEntryRecord,
    Tick,
    TopicGeneration,
    journal_record,
)
from schemas.rejected import Rejected

EARLY = "2024-01-01T00:00:00Z"


def control_records(fuzz: Any) -> list[dict[str, Any]]:
    """In their order: the epoch, the catalogue, policies and what becomes of them, time in between."""

    def control(number: int, action: str, whole: Any, day: str, policy_id: str) -> PolicyControl:
        whole_event = {"action": action, "policy": whole, "effective_at": f"{day}T00:00:00+08:00", "reason": "as meant"}
        origin = Origin(topic="publications", partition=0, offset=number)
        return PolicyControl(
            origin=origin, policy_id=policy_id, publication=PolicyPublication.model_validate(whole_event)
        )

    policy, per_hire, roster = fuzz.policies
    successor = {**policy, "id": "P-2", "succeeds": "P-1", "valid": {"from": "2025-02-01"}}
    statements = [
        CatalogueControl(
            origin=Origin(topic="statements", partition=0, offset=offset),
            statement=CatalogueStatement.model_validate(statement),
        )
        for offset, statement in enumerate([fuzz.statement, {**fuzz.statement, "complete": [{"name": "receipts",
                                            "as_of": "2024-01-01"}]}])
    ]  # fmt: skip
    log = [
        Epoch.model_validate({"clock": "world", "now": EARLY, "authority_key": fuzz.authority_key}),
        TopicGeneration(name="source", generation="source.1"),
        statements[0],
        control(0, "publish", policy, "2024-01-01", "P-1"),
        control(1, "publish", roster, "2024-01-01", "R-1"),
        Tick(at="2024-03-01T00:00:00Z"),
        control(2, "publish", per_hire, "2024-03-02", "H-1"),
        statements[1],
        control(3, "amend", {**policy, "version": 2, "region": "2101"}, "2024-04-01", "P-1"),
        Tick(at="2024-07-01T00:00:00Z"),
        control(4, "publish", successor, "2024-07-01", "P-2"),
        control(5, "withdraw", None, "2024-08-01", "R-1"),
        Tick(at="2025-03-01T00:00:00Z"),
        control(6, "publish", {**roster, "version": 2}, "2025-03-01", "R-1"),
    ]
    return [json.loads(record.model_dump_json(by_alias=True)) for record in log]


def subject_records(fuzz: Any) -> list[dict[str, Any]]:
    """Changes of every provider and lines of a roster, of a firm and a person."""
    declared = {fact["name"]: FactDeclaration.model_validate(fact) for fact in fuzz.statement["facts"]}
    records: list[Any] = []
    for subject in (fuzz.firm, fuzz.person):
        for provider, facts in fuzz.facts.items():
            normal = []
            for name, said in facts.items():
                for label, wire in (said if isinstance(said, dict) else {"-": said}).items():
                    place = ("-", label) if declared[name].list else (label, "-")
                    value = None if wire is None else encode(parse(declared[name], wire))
                    normal.append(NormalFact(name, *place, value))
            origin = Origin(topic=provider, partition=0, offset=len(records))
            entry = {"origin": origin, "arrived_at": EARLY, "subject": subject}
            records += [
                ChangeEntry(
                    **entry, provider=provider, version=version, effective_at=EARLY, facts=normal[: 9 // version]
                )
                for version in (1, 2)
            ]
        line = RosterEntry(policy="R-1", roster_version=1, member=True, grade="A", item="cert-1")
        origin = Origin(topic="rosters", partition=0, offset=len(records))
        records.append(RosterEntryRecord(origin=origin, arrived_at=EARLY, subject=subject, department="tax", data=line))
    return [json.loads(record.model_dump_json(by_alias=True)) for record in records]


@pytest.fixture(scope="module")
def controls(fuzz: Any) -> list[dict[str, Any]]:
    return control_records(fuzz)


@pytest.fixture(scope="module")
def entries(fuzz: Any) -> list[dict[str, Any]]:
    return subject_records(fuzz)


def is_record(value: bytes) -> bool:
    try:
        journal_record.validate_json(value)
    except (ValidationError, RecursionError):
        return False
    return True


def fold_checked(journal: Any, value: bytes) -> bool:
    """Fold; False where the partition stops. What is refused changes nothing, what is no record is refused."""
    before = journal.kept
    try:
        effects = journal.fold(value)
    except StopPartition:
        assert journal.kept == before
        return False
    rejected = [effect for effect in effects if isinstance(effect, Rejected)]
    if rejected:
        assert effects == rejected and len(rejected) == 1
        assert journal.kept == before
    else:
        assert is_record(value)
    for effect in effects:
        assert type(effect).model_validate_json(effect.model_dump_json()) == effect
    return True


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_history(data: st.DataObject, controls: Any, entries: Any, fuzz: Any) -> None:
    """Control records in their order, numbered densely; subjects' records in any; some mutated, or just bytes."""
    journal = fuzz.journal()
    ahead = list(controls)
    for _ in range(data.draw(st.sampled_from([0, 5, 5, 9]), label="of which the first are sound")):
        record = {"kind": "control", "sequence": journal.state.registry.sequence + 1, "record": ahead.pop(0)}
        assert fold_checked(journal, json.dumps(record).encode())
    bad = data.draw(st.integers(0, 5), label="how many tenths are mutated")
    for _ in range(data.draw(st.integers(10, 45), label="records")):
        mutate = data.draw(st.integers(0, 9)) < bad
        match data.draw(st.sampled_from("ccceeeeeepr")):
            case "c" if ahead:
                record = ahead.pop(0)
                if mutate:
                    record = data.draw(fuzz.mutated(record))
                record = {"kind": "control", "sequence": journal.state.registry.sequence + 1, "record": record}
            case "r":
                if not fold_checked(
                    journal, data.draw(st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null"]))
                ):
                    return
                continue
            case "p":
                record = {"kind": "pump", "n": journal.state.pump + data.draw(st.sampled_from([0, 1, 1, 1, 5]))}
            case _:
                record = data.draw(st.sampled_from(entries))
                if mutate:
                    record = data.draw(fuzz.mutated(record))
        value = json.dumps(record, ensure_ascii=False).encode(errors="surrogatepass")
        if mutate and data.draw(st.integers(0, 3)) == 0 and b'"control"' not in value:
            value = data.draw(fuzz.nibbled(value))
            if b'"control"' in value:
                continue
        if not fold_checked(journal, value):
            event("stopped")
            return
    event(f"quarantined: {journal.state.quarantined}, policies: {len(journal.state.registry.policies)}")
    assert fuzz.journal.loaded(journal.records).records == journal.records


def test_the_records_to_be_mutated_are_valid(controls: Any, entries: Any, fuzz: Any) -> None:
    journal = fuzz.journal()
    effects = []
    for sequence, record in enumerate(controls[:5]):
        effects += journal.fold(json.dumps({"kind": "control", "sequence": sequence, "record": record}).encode())
    for entry in entries:
        effects += journal.fold(json.dumps(entry).encode())
    for sequence, record in enumerate(controls[5:], start=5):
        effects += journal.fold(json.dumps({"kind": "control", "sequence": sequence, "record": record}).encode())
        effects += journal.drain()
    assert not [effect for effect in effects if isinstance(effect, Rejected)]
    assert len(effects) > 15
    assert journal.fold(Pump(n=1).model_dump_json().encode()) == []
