"""Golden events: what was published once stays valid and readable, and what was refused stays refused."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from schemas.cloudevents import Attributes, signed_bytes
from schemas.decisions import Verdict
from schemas.events import PolicyPublication, SubjectCommand
from schemas.identifiers import check_subject
from schemas.notices import NoticeTopic
from schemas.rejected import RejectCode
from schemas.topics import CATALOGUE
from zhida.contracts.contract import CONTRACTS, Contract
from zhida.contracts.event_headers import schema_of
from zhida.contracts.golden import UNRELEASED, GoldenEvent, golden_event, golden_events
from zhida.contracts.json_schemas import json_schema

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
BY_SCHEMA = {contract.dataschema: contract for contract in CONTRACTS}
ACCEPTED = [(contract, event) for contract in CONTRACTS for event in golden_events(GOLDEN, contract)]
RELEASED = [(c, event) for c in CONTRACTS for event in golden_events(GOLDEN, c, unreleased=False)]
REFUSED = [
    (contract, file.stem, json.loads(file.read_text("utf-8")))
    for contract in CONTRACTS
    for file in sorted((GOLDEN / contract.dataschema / "refused").glob("*.json"))
]
WAYS = {"schema", "model", "subject", "dataschema", "signature"}


def name(part: Any) -> str | None:
    if isinstance(part, Contract):
        return part.dataschema
    return part.name if isinstance(part, GoldenEvent) else part if isinstance(part, str) else ""


def takes(schema: dict[str, Any], data: Any) -> bool:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema).is_valid(data)


def released_schema(contract: Contract) -> Any:
    return json.loads((HERE / "released" / contract.file).read_text("utf-8"))


def public_key() -> Ed25519PublicKey:
    """The key the golden events are signed with, as the golden statement makes it known."""
    statement = golden_events(GOLDEN, BY_SCHEMA["catalogue.statements/1"])[0].data
    return Ed25519PublicKey.from_public_bytes(b64decode(statement["keys"][0]["public_key"]))


def is_signed(event: GoldenEvent) -> bool:
    try:
        attributes = Attributes.model_validate(event.attributes)
        public_key().verify(b64decode(attributes.sendersig or ""), signed_bytes(attributes, event.value))
    except InvalidSignature:
        return False
    return True


def is_subject(key: str) -> bool:
    try:
        check_subject(key)
    except ValueError:
        return False
    return True


def reads(contract: Contract, event: GoldenEvent) -> bool:
    try:
        Attributes.model_validate(event.attributes)
        contract.model.model_validate_json(event.value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("contract", "event"), RELEASED, ids=name)
def test_it_is_valid_by_the_schema_it_was_released_under(contract: Contract, event: GoldenEvent) -> None:
    assert takes(released_schema(contract), event.data)


@pytest.mark.parametrize("contract", CONTRACTS, ids=name)
def test_an_unreleased_event_shows_what_the_release_does_not_know(contract: Contract) -> None:
    """Or it is a golden event already; but for what an open schema passes over."""
    for file in (GOLDEN / contract.dataschema / UNRELEASED).glob("*.json"):
        event = golden_event(file.stem, json.loads(file.read_text("utf-8")))
        assert contract.way == "out" or not takes(released_schema(contract), event.data), file


@pytest.mark.parametrize(("contract", "event"), ACCEPTED, ids=name)
def test_it_is_valid_and_readable_today(contract: Contract, event: GoldenEvent) -> None:
    assert takes(json_schema(contract), event.data)
    assert takes(schema_of(contract), event.headers)
    assert reads(contract, event)
    assert event.topic in CATALOGUE
    assert event.attributes["dataschema"] == contract.dataschema
    assert is_signed(event) if contract.signed else "sendersig" not in event.attributes
    about_subject = CATALOGUE[event.topic].key in ("subject", "match")
    assert not about_subject or is_subject(event.attributes["subject"])


@pytest.mark.parametrize(("contract", "event"), [each for each in ACCEPTED if each[0].way == "out"], ids=name)
def test_what_zhida_writes_it_writes_like_this(contract: Contract, event: GoldenEvent) -> None:
    read = contract.model.model_validate_json(event.value)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == event.data


@pytest.mark.parametrize(("contract", "named", "refusal"), REFUSED, ids=name)
def test_what_was_refused_stays_refused(contract: Contract, named: str, refusal: dict[str, Any]) -> None:
    event, by = golden_event(named, refusal["event"]), set(refusal["refused_by"])
    assert by and by <= WAYS and refusal["reason"] and RejectCode(refusal["code"])
    found = {
        "schema": not (takes(json_schema(contract), event.data) and takes(schema_of(contract), event.headers)),
        "model": not reads(contract, event),
        "subject": CATALOGUE[event.topic].key == "subject" and not is_subject(event.attributes["subject"]),
        "dataschema": event.attributes["dataschema"] != contract.dataschema,
        "signature": contract.signed and not ("sendersig" in event.attributes and is_signed(event)),
    }
    refusing = {way for way, refused in found.items() if refused}
    assert refusing == by


def test_every_contract_has_events_accepted_and_refused() -> None:
    for contract in CONTRACTS:
        assert len(golden_events(GOLDEN, contract)) >= 3, contract.dataschema
        assert any(refused is contract for refused, _, _ in REFUSED), contract.dataschema


def test_every_variant_has_a_golden_event() -> None:
    data = {schema: [e.data for c, e in ACCEPTED if c.dataschema == schema] for schema in BY_SCHEMA}
    changes = data["registry.changes/1"]
    assert {kind for change in changes for kind in ("facts", "erase", "identity") if kind in change} == {
        "facts",
        "erase",
        "identity",
    }
    actions = {publication["action"] for publication in data["policy.publications/1"]}
    assert actions == choices(PolicyPublication, "action")
    assert {c["command"] for c in data["subject.commands/1"]} == choices(SubjectCommand, "command")
    assert {decision["verdict"] for decision in data["eligibility.decisions/1"]} == set(Verdict)
    assert {notice["about"] for notice in data["notices/1"]} == set(NoticeTopic)
    assert {rejected["code"] for rejected in data["intake.rejected/1"]} == set(RejectCode)


def choices(model: Any, field: str) -> set[str]:
    return set(model.model_json_schema()["properties"][field]["enum"])
