"""Whatever stands on a source topic is refused with a code or becomes a record that can be journaled and folded."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from eligibility.errors import Refused
from schemas.catalogue import CatalogueStatement
from schemas.cloudevents import Attributes, signed_bytes, to_headers
from schemas.events import PolicyPublication
from schemas.journal import (
    CatalogueControl,
    ControlEntry,
    Epoch,
    Origin,
    PolicyControl,
    Tick,
    journal_record,
)
from schemas.rejected import Rejected
from schemas.topics import CATALOGUE, COMMANDS, PUBLICATIONS, RECEIPTS, ROSTERS, SOURCES, STATEMENTS, data_schema
from streams.judge import AUTHORITY, SourceRecord, judge, rejection
from streams.outputs import effect_output

KEYS = {name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number, name in
        enumerate((AUTHORITY, "finance", "tax", "unknown"))}  # fmt: skip
AT = "2024-07-01T00:00:00+08:00"
HEADERS = ["ce_id", "ce_type", "ce_subject", "ce_source", "ce_time", "ce_specversion", "ce_dataschema", "ce_sendersig",
           "ce_senderid", "ce_senderkey", "content-type", "CE_ID", "ce_", "traceparent"]  # fmt: skip

NAMES = st.sampled_from(HEADERS) | st.text(max_size=9)


def public(name: str) -> str:
    return b64encode(KEYS[name].public_key().public_bytes_raw()).decode()


def valid_events(fuzz: Any) -> dict[str, tuple[Any, str | None, str]]:
    """By name: the topic's data, who signs it, whom it is about."""
    change = {"version": 9, "effective_at": AT}
    line = {"policy": "R-1", "roster_version": 9, "member": True, "grade": "A", "item": "cert-1", "amount": "1.10"}
    later = {"effective_at": "2024-08-01T00:00:00+08:00", "reason": "as meant"}
    policy, per_hire, roster = fuzz.policies
    events: dict[str, tuple[Any, str | None, str]] = {
        f"registry.changes.{provider}.v1": ({**change, "facts": facts}, None, fuzz.firm)
        for provider, facts in fuzz.facts.items()
    }
    return events | {
        ROSTERS: (line, "tax", fuzz.firm),
        COMMANDS: ({"command": "apply", "arguments": {"period": "2024"}, "issued_at": AT}, None, fuzz.person),
        RECEIPTS: ({"notice": "n", "gateway": "web", "status": "seen", "at": AT}, None, fuzz.person),
        STATEMENTS: (fuzz.statement, AUTHORITY, "catalogue"),
        f"{PUBLICATIONS} amend": ({**later, "action": "amend", "policy": {**policy, "version": 2}}, "finance", "P-1"),
        f"{PUBLICATIONS} roster": ({**later, "action": "amend", "policy": {**roster, "version": 2}}, "finance", "R-1"),
        f"{PUBLICATIONS} publish": ({**later, "action": "publish", "policy": per_hire}, "finance", "H-1"),
        f"{PUBLICATIONS} withdraw": ({**later, "action": "withdraw"}, "finance", "P-1"),
    }


@pytest.fixture(scope="module")
def records(fuzz: Any) -> dict[str, bytes]:
    """State records: 2024-07-01, two policies, a firm and a person of whom all is known."""
    keys = [{"department": name, "key_id": "key_1", "public_key": public(name)} for name in ("finance", "tax")]
    log: list[Any] = [
        Epoch.model_validate({"clock": "world", "now": "2024-01-01T00:00:00Z", "authority_key": public(AUTHORITY)}),
        CatalogueControl(
            origin=Origin(topic=STATEMENTS, partition=0, offset=0),
            statement=CatalogueStatement.model_validate({**fuzz.statement, "keys": keys}),
        ),
    ]
    for offset, policy in enumerate((fuzz.policies[0], fuzz.policies[2])):
        given = {"action": "publish", "policy": policy, "effective_at": "2024-01-01T00:00:00Z", "reason": "new"}
        log.append(
            PolicyControl(
                origin=Origin(topic=PUBLICATIONS, partition=0, offset=offset),
                policy_id=policy["id"],
                publication=PolicyPublication.model_validate(given),
            )
        )
    journal = fuzz.journal()
    for value in fuzz.dense([*log, Tick(at="2024-07-01T00:00:00Z")]):
        assert journal.fold(value) == []
    for subject in (fuzz.firm, fuzz.person):
        for name, (data, signer, _) in valid_events(fuzz).items():
            if signer in (None, "tax"):
                first = {**data, **({"version": 1} if "version" in data else {})}
                accepted = judge(event(name, first, signer, subject), journal.state.registry)
                journal.fold(accepted.model_dump_json(by_alias=True).encode())
    journal.drain()
    assert journal.state.files[fuzz.firm].matches
    assert journal.state.quarantined == 0
    return journal.records


def event(name: str, data: Any, signer: str | None = None, about: str = "", offset: int = 9) -> SourceRecord:
    """An event as its sender writes it, signed where there is a signer."""
    topic = name.split()[0]
    attributes = Attributes.model_validate(
        {"id": "1", "source": "/s", "type": CATALOGUE[topic].event_type, "subject": about or "x", "time": AT,
         "dataschema": data_schema(topic)}
    )  # fmt: skip
    value = data if isinstance(data, bytes) else json.dumps(data).encode()
    if signer is not None:
        signature = b64encode(KEYS[signer].sign(signed_bytes(attributes, value))).decode()
        attributes = attributes.model_copy(update={"senderid": signer, "senderkey": "key_1", "sendersig": signature})
    return SourceRecord(topic, 0, offset, 1_719_806_400_250, b"k", value, to_headers(attributes))


def take(record: SourceRecord, records: dict[str, bytes], fuzz: Any) -> bool:
    """Judge a record. Accepted: read again it is the same, and it is folded; refused: it is kept; nothing else."""
    journal = fuzz.journal.loaded(records)
    registry = journal.state.registry
    try:
        accepted = judge(record, registry)
    except Refused as refusal:
        rejected = rejection(record, registry, refusal)
        assert Rejected.model_validate_json(rejected.model_dump_json()) == rejected
        assert Rejected.model_validate_json(effect_output(rejected).value) == rejected
        return False
    entry: Any = accepted
    if isinstance(accepted, CatalogueControl | PolicyControl):
        entry = ControlEntry(sequence=registry.sequence + 1, record=accepted)
    value = journal_record.dump_json(entry, by_alias=True)
    assert journal_record.validate_json(value) == entry
    effects = journal.fold(value) + journal.drain()
    assert not [effect for effect in effects if isinstance(effect, Rejected)]
    for effect in effects:
        assert type(effect).model_validate_json(effect.model_dump_json()) == effect
    assert fuzz.journal.loaded(journal.records).records == journal.records
    return True


def test_the_events_to_be_mutated_are_valid(records: dict[str, bytes], fuzz: Any) -> None:
    refused = [
        n for n, (data, who, about) in valid_events(fuzz).items() if not take(event(n, data, who, about), records, fuzz)
    ]
    assert refused == []


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_mutated_event(data: st.DataObject, records: dict[str, bytes], fuzz: Any) -> None:
    """Its data changed before it is signed; perhaps its headers or bytes afterwards."""
    events = valid_events(fuzz)
    name = data.draw(st.sampled_from(sorted(events)))
    valid, signer, about = events[name]
    record = event(name, data.draw(fuzz.mutated(valid)), signer, about)
    after = data.draw(st.integers(0, 9))
    if after == 0:
        record = replace(record, value=data.draw(fuzz.nibbled(record.value)))
    elif after == 1:
        others = [h for h in record.headers if h[0] != data.draw(st.sampled_from(HEADERS), label="without")]
        added = data.draw(st.lists(st.tuples(st.sampled_from(HEADERS), st.none() | st.binary(max_size=30)), max_size=2))
        record = replace(record, headers=[*others, *added])
    take(record, records, fuzz)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_nibbled_and_then_signed(data: st.DataObject, records: dict[str, bytes], fuzz: Any) -> None:
    """A sender whose software writes what it should not, and signs it."""
    events = valid_events(fuzz)
    name = data.draw(st.sampled_from(sorted(events)))
    valid, signer, about = events[name]
    take(event(name, data.draw(fuzz.nibbled(json.dumps(valid).encode())), signer, about), records, fuzz)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    topic=st.sampled_from(SOURCES),
    key=st.none() | st.binary(max_size=50),
    value=st.none() | st.binary() | st.sampled_from([b"{}", b"[]", b"null", b"1", b'""', b'{"facts": {}}']),
    headers=st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=40)), max_size=6),
    dressed=st.booleans(),
    signer=st.none() | st.sampled_from(sorted(KEYS)),
)  # fmt: skip
def test_anything_at_all(
    topic: str, key: Any, value: Any, headers: Any, dressed: bool, signer: Any, records: dict[str, bytes], fuzz: Any
) -> None:
    proper = list(event(topic, value or b"", signer, about=fuzz.firm).headers) if dressed else []
    take(SourceRecord(topic, 0, 9, 1_719_806_400_250, key, value, [*proper, *headers]), records, fuzz)
