"""Intake takes the golden events that come in, and refuses the refused ones with the code they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eligibility.errors import Refused
from eligibility.registry import Registry
from schemas.catalogue import CatalogueStatement
from schemas.journal import CatalogueControl, Epoch, Origin
from schemas.topics import STATEMENTS
from streams.judge import SourceRecord, judge
from zhida.contracts.contract import CONTRACTS, Contract
from zhida.contracts.golden import GoldenEvent, golden_event, golden_events

GOLDEN = Path(__file__).parent / "golden"
INCOMING = [contract for contract in CONTRACTS if contract.way == "in"]
LATER = {"amend": "unknown_policy", "withdraw": "unknown_policy"}  # nothing is published here
LATER |= {"erasure_of_a_person": "unsupported", "a_firm_goes_on_under_another_key": "unsupported"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    """What all golden statements together make known; the golden events have one key for all signers."""
    contract = next(contract for contract in INCOMING if contract.topic.name == STATEMENTS)
    stated = [CatalogueStatement.model_validate(event.data) for event in golden_events(GOLDEN, contract)]
    now = datetime(2023, 12, 31, 16, tzinfo=UTC)
    records = [
        Epoch(clock="world", now=now, authority_key=stated[0].keys[0].public_key),
        *(
            CatalogueControl(origin=Origin(topic=STATEMENTS, partition=0, offset=offset), statement=statement)
            for offset, statement in enumerate(stated)
        ),
    ]
    folded = Registry()
    for sequence, record in enumerate(records):
        folded = folded.fold(sequence, record)
    return folded


def verdict(event: GoldenEvent, registry: Registry) -> str:
    headers = [(name, value.encode()) for name, value in event.headers.items()]
    try:
        judge(SourceRecord(event.topic, 0, 0, 0, event.key.encode(), event.value, headers), registry)
    except Refused as refused:
        return f"{refused.code}"
    return "taken"


ACCEPTED = [(contract, event) for contract in INCOMING for event in golden_events(GOLDEN, contract)]
REFUSED = [
    (contract, file.stem, json.loads(file.read_text("utf-8")))
    for contract in INCOMING
    for file in sorted((GOLDEN / contract.dataschema).glob("refused/*.json"))
]


def name(part: Any) -> str:
    if isinstance(part, Contract):
        return part.dataschema
    return part.name if isinstance(part, GoldenEvent) else part if isinstance(part, str) else ""


@pytest.mark.parametrize(("contract", "event"), ACCEPTED, ids=name)
def test_a_golden_event_is_taken(contract: Contract, event: GoldenEvent, registry: Registry) -> None:
    assert verdict(event, registry) == LATER.get(event.name, "taken")


@pytest.mark.parametrize(("contract", "named", "refusal"), REFUSED, ids=name)
def test_a_refused_one_is_refused_with_its_code(
    contract: Contract, named: str, refusal: dict[str, Any], registry: Registry
) -> None:
    assert verdict(golden_event(named, refusal["event"]), registry) == refusal["code"]
