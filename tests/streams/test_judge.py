"""Intake's judgement: what is good is journaled exactly; what is not is refused with its code and a sentence that
names the field and the value, is kept with its bytes, and never stops the records behind it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eligibility.errors import Refused
from eligibility.registry import Registry
from eligibility.values import decode
from schemas.catalogue import CatalogueStatement
from schemas.cloudevents import Attributes, Headers, signed_bytes, to_headers
from schemas.events import PolicyPublication, RosterEntry
from schemas.identifiers import holds_identity_number
from schemas.journal import (
    CatalogueControl,
    ChangeEntry,
    CommandEntry,
    ControlEntry,
    Epoch,
    NormalFact,
    Origin,
    PolicyControl,
    ReceiptEntry,
    RosterEntryRecord,
    Tick,
    TopicGeneration,
    control_record,
    journal_record,
)
from schemas.rejected import RejectCode, Rejected
from schemas.topics import (
    CATALOGUE,
    COMMANDS,
    MAX_CORE_BYTES,
    MAX_SOURCE_BYTES,
    PUBLICATIONS,
    RECEIPTS,
    ROSTERS,
    SOURCES,
    STATEMENTS,
    data_schema,
)
from streams.judge import AUTHORITY, Accepted, SourceRecord, judge, rejection
from streams.judge_fast import OrdinaryChanges
from streams.outputs import effect_output

FIRM, PERSON = "91210102MAHU03QE3Y", "p-0123456789abcdef0123456789abcdef"
TAX, STAFF, MARKET = (f"registry.changes.{name}.v1" for name in ("tax", "human-resources", "market-supervision"))
NOON = datetime(2024, 7, 1, 4, tzinfo=UTC)
APPENDED = 1_719_806_400_250
KEYS = {name: Ed25519PrivateKey.generate() for name in (AUTHORITY, "finance", "tax", "unknown")}

STATEMENT: dict[str, Any] = {
    "effective_at": "2024-01-01T00:00:00+08:00",
    "facts": [
        {"name": name, "title": {"zh": "甲", "en": name}, "provider": provider, "type": kind, **more}
        for name, provider, kind, more in [
            ("kind", "market-supervision", "code", {"codes": {"enterprise": {"zh": "企业", "en": "Enterprise"}}}),
            ("region", "market-supervision", "region", {}),
            ("industry", "market-supervision", "industry", {}),
            ("established_on", "market-supervision", "date", {}),
            ("levy_due", "tax", "decimal", {}),
            ("small_low_profit", "tax", "boolean", {}),
            ("employees_in_post", "human-resources", "integer", {}),
            ("insured_staff", "human-resources", "integer", {"period": "month"}),
            ("hired_on", "human-resources", "date", {"list": "hires"}),
            ("hire_trade", "human-resources", "identifier", {"list": "hires"}),
        ]
    ],
    "lists": [{"name": "hires", "title": {"zh": "招用", "en": "Hires"}, "provider": "human-resources"}],
    "keys": [],
}
POLICY: dict[str, Any] = {
    "id": "P-1",
    "title": {"zh": "甲", "en": "One"},
    "document": "1号",
    "issued_on": "2024-01-01",
    "made_by": "finance",
    "implemented_by": ["tax"],
    "region": "21",
    "zone": "no_apply",
    "list": "condition",
    "kind": "reduction",
    "subjects": ["enterprise"],
    "valid": {"from": "2024-01-01", "to": "2027-12-31"},
    "conditions": {"fact": "employees_in_post", "at_most": 30},
    "rules": [{"benefit": {"fixed": "100.10"}}],
}


def public(name: str) -> str:
    return b64encode(KEYS[name].public_key().public_bytes_raw()).decode()


def publication(action: str = "publish", **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {"action": action, "effective_at": "2024-08-01T00:00:00+08:00", "reason": "new"}
    return event if action == "withdraw" else {**event, "policy": {**POLICY, **changes}}


def registry(clock: str = "wall") -> Registry:
    """A catalogue, the keys of finance and tax, P-0 with conditions and R-0 with a roster, both in their version 1."""
    keys = [{"department": name, "key_id": "key_1", "public_key": public(name)} for name in ("finance", "tax")]
    statement = CatalogueStatement.model_validate({**STATEMENT, "keys": keys})
    epoch = {"clock": clock, "now": "2024-01-01T00:00:00+00:00", "authority_key": public(AUTHORITY)}
    published = [publication(id="P-0"), publication(id="R-0", list="roster")]
    records = [
        Epoch.model_validate(epoch),
        *(TopicGeneration(name=name, generation=f"{name}.ab12cd34") for name in SOURCES if name != RECEIPTS),
        CatalogueControl(origin=Origin(topic=f"{STATEMENTS}.ab12cd34", partition=0, offset=0), statement=statement),
        *(
            PolicyControl(
                origin=Origin(topic=f"{PUBLICATIONS}.ab12cd34", partition=0, offset=offset),
                policy_id=event["policy"]["id"],
                publication=PolicyPublication.model_validate(event),
            )
            for offset, event in enumerate(published)
        ),
        Tick(at=NOON),
    ]
    folded = Registry()
    for sequence, record in enumerate(records):
        folded = folded.fold(sequence, record)
    return folded


REGISTRY, WORLD = registry(), registry("world")
ORDINARY = {topic: OrdinaryChanges(topic, 0, REGISTRY) for topic in (TAX, STAFF, MARKET)}


def source(topic: str, value: bytes | None, headers: Headers, key: bytes | None = b"k") -> SourceRecord:
    return SourceRecord(topic, 0, 9, APPENDED, key, value, headers)


def event(topic: str, data: Any, signer: str | None = None, key: str = "key_1", **given: str) -> SourceRecord:
    """An event as its sender would write it; `data` is given as bytes where the bytes matter."""
    attributes = Attributes.model_validate(
        {
            "id": "1",
            "source": "/s",
            "type": CATALOGUE[topic].event_type,
            "subject": FIRM,
            "time": "2024-07-01T12:00:00+08:00",
            "dataschema": data_schema(topic),
            **given,
        }
    )
    value = data if isinstance(data, bytes) else json.dumps(data).encode()
    if signer is not None:
        signature = b64encode(KEYS[signer].sign(signed_bytes(attributes, value))).decode()
        update = {"senderid": signer, "senderkey": key, "sendersig": signature}
        attributes = attributes.model_copy(update=update)
    return source(topic, value, to_headers(attributes))


def change(facts: Any, topic: str = TAX, **given: str) -> SourceRecord:
    return event(topic, {"version": 3, "effective_at": "2024-07-01T00:00:00+08:00", "facts": facts}, **given)


def raw_change(
    facts: str = '{"levy_due": "1"}', version: str = "3", moment: str = '"2024-07-01T00:00:00Z"', topic: str = TAX
) -> SourceRecord:
    """A change in its very text."""
    return event(topic, f'{{"version": {version}, "effective_at": {moment}, "facts": {facts}}}'.encode())


def publish(signer: str = "finance", action: str = "publish", **changes: Any) -> SourceRecord:
    subject = changes.pop("subject", None) or changes.get("id", "P-1")
    return event(PUBLICATIONS, publication(action, **changes), signer, subject=subject)


def conditions(text: str) -> SourceRecord:
    """A publication whose conditions are this text."""
    value = json.dumps(publication(conditions="?")).replace('"?"', text).encode()
    return event(PUBLICATIONS, value, "finance", subject="P-1")


def roster(signer: str = "tax", policy: str = "R-0", **given: str) -> SourceRecord:
    data = {"policy": policy, "roster_version": 1, "member": True, "amount": "1.10"}
    return event(ROSTERS, data, signer, **given)


def command(arguments: str = '{"period": "2024"}', **given: str) -> SourceRecord:
    text = f'{{"command": "apply", "arguments": {arguments}, "issued_at": "2024-07-01T00:00:00Z"}}'
    return event(COMMANDS, text.encode(), **given)


def with_header(record: SourceRecord, name: str, value: bytes | None) -> SourceRecord:
    """The record with a header replaced, after it was signed; None takes it away."""
    others = [header for header in record.headers if header[0] != name]
    return replace(record, headers=others if value is None else [*others, (name, value)])


def refused(record: SourceRecord) -> Refused:
    with pytest.raises(Refused) as caught:
        judge(record, REGISTRY)
    return caught.value


def check(record: SourceRecord, code: RejectCode, field: str | None, *named: str) -> None:
    refusal = refused(record)
    assert (refusal.code, refusal.field) == (code, field), str(refusal)
    for word in named:
        assert word in str(refusal)


C = RejectCode
GOOD = change({"levy_due": "1.10"})


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (None, "EOF"),
        (b"", "EOF"),
        (b"\xff\xfe{}", r"b'\xff\xfe{}'"),
        (b'{"version": 3', '{"version": 3\''),
        (b"{} {}", "{} {}"),
        (b"{'version': 3}", "version"),
        (b"\xef\xbb\xbf{}", "{}"),
        (b'{"version": "\xff"}', r"\xff"),
        (b'{"version": "\\ud800"}', "ud800"),
        (b'{"version": ' + b"9" * 5000 + b"}", "out of range"),
        (b"[" * 100_000, "recursion"),
        (b"0" * (MAX_SOURCE_BYTES + 1), "1048577"),
    ],
)
def test_what_cannot_be_decoded(value: bytes | None, named: str) -> None:
    check(replace(GOOD, value=value), C.UNDECODABLE, None, named)


@pytest.mark.parametrize(
    ("headers", "field", "named"),
    [
        ([], "headers", ["no ce_ headers"]),
        ([("content-type", b"application/json")], "headers", ["no ce_ headers"]),
        ([*GOOD.headers, ("ce_id", b"2")], "headers", ["ce_id", "twice"]),
        ([*GOOD.headers, ("ce_partitionkey", b"\xff")], "headers", ["ce_partitionkey", "UTF-8"]),
        (with_header(GOOD, "content-type", b"text/csv").headers, "headers", ["content-type", "text/csv"]),
        (with_header(GOOD, "ce_specversion", b"0.3").headers, "ce_specversion", ["0.3"]),
        (with_header(GOOD, "ce_id", None).headers, "ce_id", ["required"]),
        (with_header(GOOD, "ce_id", b"").headers, "ce_id", ["''"]),
        (with_header(GOOD, "ce_id", b"x" * 201).headers, "ce_id", ["200", "xxx"]),
        (with_header(GOOD, "ce_subject", None).headers, "ce_subject", ["required"]),
        (with_header(GOOD, "ce_time", None).headers, "ce_time", ["required"]),
        (with_header(GOOD, "ce_time", b"2024-07-01T12:00:00").headers, "ce_time", ["timezone", "2024-07-01T12"]),
        (with_header(GOOD, "ce_time", b"yesterday").headers, "ce_time", ["yesterday"]),
        (with_header(GOOD, "ce_time", b"1700000000").headers, "ce_time", ["1700000000"]),
        (with_header(GOOD, "ce_type", None).headers, "ce_type", ["required"]),
        (with_header(GOOD, "ce_type", b"registry.changes.courts").headers, "ce_type", ["courts", "changes.tax"]),
        (with_header(GOOD, "ce_sendersig", b"x" * 201).headers, "ce_sendersig", ["200"]),
    ],
)
def test_bad_headers(headers: Headers, field: str, named: list[str]) -> None:
    check(replace(GOOD, headers=headers), C.BAD_HEADERS, field, *named)


@pytest.mark.parametrize("given", [b"registry.changes/2", b"", None])
def test_another_schema_version(given: bytes | None) -> None:
    record = with_header(GOOD, "ce_dataschema", given)
    named = "None" if given is None else given.decode()
    check(record, C.UNKNOWN_SCHEMA_VERSION, "ce_dataschema", named, "registry.changes/1")


@pytest.mark.parametrize(
    ("record", "field", "named"),
    [
        (event(TAX, []), "value", "[]"),
        (event(TAX, b"null"), "value", "None"),
        (event(TAX, {"effective_at": "2024-07-01T00:00:00Z", "facts": {"levy_due": "1"}}), "version", "required"),
        (event(TAX, {"version": 1, "facts": {"levy_due": "1"}}), "effective_at", "required"),
        (event(TAX, {"version": 1, "effective_at": "2024-07-01T00:00:00Z"}), "value", "one of facts"),
        (change({}), "value", "at least one"),
        (change({"Levy": "1"}), "facts.Levy", "Levy"),
        (raw_change(version="0"), "version", "0"),
        (raw_change(version="-1"), "version", "-1"),
        (raw_change(version="NaN"), "version", "nan"),
        (raw_change(version="1e400"), "version", "inf"),
        (raw_change(version="9" * 40), "version", "9999999999"),
        (raw_change(version="1.5"), "version", "1.5"),
        (raw_change(version='"many"'), "version", "many"),
        (raw_change(moment='"2024-07-01T00:00:00"'), "effective_at", "2024-07-01T00:00:00"),
        (raw_change(moment='"2024-07-01"'), "effective_at", "2024-07-01"),
        (raw_change(moment='"1850-01-01T00:00:00Z"'), "effective_at", "1850"),
        (raw_change(moment="1e400"), "effective_at", "inf"),
        (event(TAX, {**json.loads(GOOD.value or b""), "colour": "red"}), "colour", "red"),
        (event(ROSTERS, {"policy": "R-0", "roster_version": 1}, "tax"), "member", "required"),
        (event(ROSTERS, b'{"policy":"R-0","roster_version":1,"member":true,"amount":1.1}', "tax"), "amount", "1.1"),
        (command(arguments='{"A b": 1}'), "arguments.A b", "A b"),
        (event(COMMANDS, {"command": "sing", "issued_at": "2024-07-01T00:00:00Z"}), "command", "sing"),
        (event(RECEIPTS, {"notice": "n", "gateway": "web", "status": "seen", "at": "now"}), "at", "now"),
        (publish(rules=[]), "policy.rules", "[]"),
        (publish(valid={"from": "2024-02-01", "to": "2024-01-31"}), "policy.valid", "ends on 2024-01-31"),
        (publish(made_by=None), "policy.made_by", "None"),
        (event(STATEMENTS, {**STATEMENT, "keys": [{}]}, AUTHORITY), "keys.0.department", "required"),
    ],
)
def test_a_wrong_form(record: SourceRecord, field: str, named: str) -> None:
    check(record, C.BAD_SCHEMA, field, named)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (raw_change(version="1.0"), "version"),
        (raw_change(version='"1"'), "version"),
        (raw_change(version="true"), "version"),
        (raw_change(moment="1700000000"), "effective_at"),
        (raw_change(moment='"1700000000"'), "effective_at"),
        (raw_change('{"small_low_profit": 1.0}'), "facts.small_low_profit"),
        (raw_change('{"small_low_profit": 0e0}'), "facts.small_low_profit"),
        (raw_change('{"employees_in_post": 5.0}', topic=STAFF), "facts.employees_in_post"),
        (event(ROSTERS, {"policy": "R-0", "roster_version": 1, "member": "off"}, "tax"), "member"),
        (event(ROSTERS, {"policy": "R-0", "roster_version": 1, "member": 1}, "tax"), "member"),
        (publish(issued_on=0), "policy.issued_on"),
        (publish(public="no"), "policy.public"),
    ],
)
def test_nothing_is_guessed_from_another_form(record: SourceRecord, field: str) -> None:
    """JSON has forms for numbers, truth and text; 1.0, "off" and a count of seconds are not what the contract says."""
    refusal = refused(record)
    assert refusal.code in (C.BAD_SCHEMA, C.BAD_VALUE)
    assert refusal.field is not None and refusal.field.startswith(field)


@pytest.mark.parametrize(
    "record",
    [
        raw_change('{"levy_due": "1", "levy_due": "2"}'),
        event(TAX, (GOOD.value or b"").replace(b'"version": 3', b'"version": 3, "version": 4')),
        conditions('{"fact": "employees_in_post", "at_most": 30, "at_most": 300}'),
    ],
)
def test_a_name_given_twice(record: SourceRecord) -> None:
    """Which of the two is meant is not ours to guess."""
    assert refused(record).code in (C.BAD_SCHEMA, C.UNDECODABLE)


@pytest.mark.parametrize(
    "arguments", ['{"sum": 1.10}', '{"sum": NaN}', '{"sum": -Infinity}', '{"sum": {"of": [1e400]}}']
)
def test_a_commands_arguments_hold_no_floats(arguments: str) -> None:
    assert refused(command(arguments)).code is C.BAD_SCHEMA


@pytest.mark.parametrize("moment", ["1900-01-01T00:00:00+08:00", "2200-12-31T23:00:00-08:00"])
def test_a_moment_outside_its_years_in_utc(moment: str) -> None:
    check(raw_change(moment=f'"{moment}"'), C.BAD_SCHEMA, "effective_at", moment[:4])


@pytest.mark.parametrize("levels", [50, 98, *range(194, 202)])
@pytest.mark.parametrize("topic", [COMMANDS, PUBLICATIONS])
def test_what_is_accepted_at_any_depth_can_be_read_further_on(topic: str, levels: int) -> None:
    """The journal wraps what it is given: at the decoder's limit, one level more is one too many, for every reader."""
    nested = '{"not": ' * levels + '{"fact": "kind", "equals": "enterprise"}' + "}" * levels
    record = conditions(nested) if topic == PUBLICATIONS else command(f'{{"deep": {"[" * levels + "]" * levels}}}')
    judged(record)


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        ("", "''"),
        ("91210102MAHU03QE30", "GB 32100"),
        (FIRM.lower(), "capitals"),
        (FIRM[:-1], "has 17"),
        (f"{FIRM} ", "has 19"),
        ("110101185001010018", "ce_subject"),
        ("110101185001010034", "identity number"),
        ("11010118500101369X", "identity number"),
        ("p-123", "pseudonym"),
        (f"{PERSON}\n", "pseudonym"),
        ("税" * 18, "18 characters"),
    ],
)
@pytest.mark.parametrize("topic", [TAX, ROSTERS, COMMANDS])
def test_a_bad_subject(topic: str, subject: str, named: str) -> None:
    """A raw identity number above all, though it has 18 characters and one in 31 fits GB 32100's check."""
    good = {TAX: GOOD, ROSTERS: roster(), COMMANDS: command()}[topic]
    record = with_header(good, "ce_subject", subject.encode())
    check(record, C.BAD_SUBJECT if subject else C.BAD_HEADERS, "ce_subject", named)


@pytest.mark.parametrize(
    ("topic", "facts", "code", "field", "named"),
    [
        (TAX, {"levy": "1"}, C.UNKNOWN_FACT, "facts.levy", "catalogue"),
        (TAX, {"layoff_rate": "0.1"}, C.UNKNOWN_FACT, "facts.layoff_rate", "catalogue"),
        (TAX, {"levy_due": "1", "kind": "enterprise"}, C.WRONG_SENDER, "facts.kind", "market-supervision"),
        (MARKET, {"levy_due": None}, C.WRONG_SENDER, "facts.levy_due", "tax"),
        (TAX, {"levy_due": "1,10"}, C.BAD_VALUE, "facts.levy_due", "1,10"),
        (TAX, {"levy_due": "1.1234567"}, C.BAD_VALUE, "facts.levy_due", "1.1234567"),
        (TAX, {"levy_due": "1.10\n"}, C.BAD_VALUE, "facts.levy_due", "1.10"),
        (TAX, {"levy_due": 1}, C.BAD_VALUE, "facts.levy_due", "1 is not"),
        (TAX, {"levy_due": 1.10}, C.BAD_SCHEMA, "facts.levy_due", "1.1"),
        (TAX, {"levy_due": [1]}, C.BAD_SCHEMA, "facts.levy_due", "[1]"),
        (TAX, {"levy_due": {"2024": "1"}}, C.BAD_VALUE, "facts.levy_due.2024", "2024"),
        (TAX, {"small_low_profit": 1}, C.BAD_VALUE, "facts.small_low_profit", "1 is not"),
        (TAX, {"small_low_profit": "true"}, C.BAD_VALUE, "facts.small_low_profit", "'true'"),
        (STAFF, {"employees_in_post": "5"}, C.BAD_VALUE, "facts.employees_in_post", "'5'"),
        (STAFF, {"employees_in_post": True}, C.BAD_VALUE, "facts.employees_in_post", "True"),
        (STAFF, {"employees_in_post": 10**18}, C.BAD_VALUE, "facts.employees_in_post", "1" + "0" * 18),
        (STAFF, {"insured_staff": 5}, C.BAD_VALUE, "facts.insured_staff", "per month"),
        (STAFF, {"insured_staff": {"2024": 5}}, C.BAD_VALUE, "facts.insured_staff.2024", "per month"),
        # what a label stands for, the catalogue says: a period of its kind, an item, or nothing at all
        (STAFF, {"insured_staff": None}, C.BAD_VALUE, "facts.insured_staff", "a bare value"),
        (STAFF, {"insured_staff": {"2024Q3": 5}}, C.BAD_VALUE, "facts.insured_staff.2024Q3", "per month"),
        (STAFF, {"insured_staff": {"h-1": 5}}, C.BAD_VALUE, "facts.insured_staff.h-1", "per month (given: 'h-1')"),
        (STAFF, {"insured_staff": {"2024-13": 5}}, C.BAD_VALUE, "facts.insured_staff.2024-13", "per month"),
        (STAFF, {"insured_staff": {"2024-07": 5, "202407": 5}}, C.BAD_VALUE, "facts.insured_staff.202407", "per month"),
        (STAFF, {"hired_on": "2024-07-01"}, C.BAD_VALUE, "facts.hired_on", "of the list hires (given: a bare value)"),
        (STAFF, {"hired_on": None}, C.BAD_VALUE, "facts.hired_on", "per item of the list hires"),
        (STAFF, {"hired_on": {"h-1": "2024-07"}}, C.BAD_VALUE, "facts.hired_on.h-1", "'2024-07'"),
        (STAFF, {"hire_trade": {"h-1": "焊工"}}, C.BAD_VALUE, "facts.hire_trade.h-1", "'焊工'"),
        (STAFF, {"employees_in_post": {"h-1": 5}}, C.BAD_VALUE, "facts.employees_in_post.h-1",
         "neither per period nor per item"),
        (STAFF, {"employees_in_post": {"2024": None}}, C.BAD_VALUE, "facts.employees_in_post.2024", "neither"),
        (TAX, {"hired_on": {"h-1": "2024-07-01"}}, C.WRONG_SENDER, "facts.hired_on", "human-resources"),
        (STAFF, {"hires": {"h-1": True}}, C.UNKNOWN_FACT, "facts.hires", "catalogue"),
        (STAFF, {"insured_staff": {"2024-07": "5"}}, C.BAD_VALUE, "facts.insured_staff.2024-07", "'5'"),
        (MARKET, {"kind": "Enterprise"}, C.BAD_VALUE, "facts.kind", "'Enterprise'"),
        (MARKET, {"region": "2101"}, C.BAD_VALUE, "facts.region", "'2101'"),
        (MARKET, {"region": "110101"}, C.BAD_VALUE, "facts.region", "'110101'"),
        (MARKET, {"industry": "3411"}, C.BAD_VALUE, "facts.industry", "'3411'"),
        (MARKET, {"established_on": "2024-02-30"}, C.BAD_VALUE, "facts.established_on", "2024-02-30"),
        (MARKET, {"established_on": "2024-W01-1"}, C.BAD_VALUE, "facts.established_on", "2024-W01-1"),
        (MARKET, {"established_on": "20240701"}, C.BAD_VALUE, "facts.established_on", "20240701"),
        (MARKET, {"established_on": "1850-01-01"}, C.BAD_VALUE, "facts.established_on", "1850-01-01"),
    ],
)  # fmt: skip
def test_a_bad_fact(topic: str, facts: dict[str, Any], code: RejectCode, field: str, named: str) -> None:
    check(change(facts, topic), code, field, field, named)


@pytest.mark.parametrize("label", ["-", "", "h 1", "2024-07\n", "焊工", "x" * 65])
def test_a_label_that_is_none(label: str) -> None:
    refusal = refused(change({"hired_on": {label: "2024-07-01"}}, STAFF))
    assert (refusal.code, (refusal.field or "").startswith("facts.hired_on")) == (C.BAD_SCHEMA, True)
    assert repr(label)[:40] in str(refusal)


SIGNED = {PUBLICATIONS: publish(), ROSTERS: roster(), STATEMENTS: event(STATEMENTS, STATEMENT, AUTHORITY)}


@pytest.mark.parametrize("topic", SIGNED)
@pytest.mark.parametrize(
    ("header", "value", "field"),
    [
        ("ce_senderid", None, "ce_sendersig"),
        ("ce_senderkey", None, "ce_sendersig"),
        ("ce_sendersig", None, "ce_sendersig"),
        ("ce_senderid", b"courts", "ce_senderkey"),
        ("ce_sendersig", b"", "ce_sendersig"),
        ("ce_sendersig", b"not base64", "ce_sendersig"),
        ("ce_sendersig", "签名".encode(), "ce_sendersig"),
        ("ce_sendersig", b"AAAA", "ce_sendersig"),
        ("ce_sendersig", b64encode(bytes(64)), "ce_sendersig"),
        ("ce_id", b"2", "ce_sendersig"),
        ("ce_source", b"/other", "ce_sendersig"),
    ],
)
def test_a_bad_signature(topic: str, header: str, value: bytes | None, field: str) -> None:
    check(with_header(SIGNED[topic], header, value), C.BAD_SIGNATURE, field, field)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (replace(roster(), value=(roster().value or b"").replace(b"1.10", b"9.10")), "ce_sendersig"),
        (with_header(roster(), "ce_subject", PERSON.encode()), "ce_sendersig"),
        (with_header(publish(), "ce_subject", b"P-2"), "ce_sendersig"),
        (event(ROSTERS, json.loads(roster().value or b""), "tax", key="key_2"), "ce_senderkey"),
        (event(ROSTERS, json.loads(roster().value or b""), "unknown"), "ce_senderkey"),
        (with_header(roster("finance"), "ce_senderid", b"tax"), "ce_sendersig"),
        (with_header(event(STATEMENTS, STATEMENT, "finance"), "ce_senderid", AUTHORITY.encode()), "ce_sendersig"),
    ],
    ids=["data", "subject", "policy", "key unknown", "sender unknown", "another's key", "not the authority's key"],
)
def test_a_signature_that_does_not_hold(record: SourceRecord, field: str) -> None:
    check(record, C.BAD_SIGNATURE, field, field)


def test_before_the_epoch_nobody_can_state_the_catalogue() -> None:
    with pytest.raises(Refused) as caught:
        judge(SIGNED[STATEMENTS], Registry())
    assert caught.value.code is C.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("record", "named"),
    [
        (event(STATEMENTS, STATEMENT, "finance"), ["finance", AUTHORITY]),
        (publish("tax"), ["tax", "finance"]),
        (publish(AUTHORITY), [AUTHORITY, "finance"]),
        (publish("tax", "amend", id="P-0", version=2, made_by="tax"), ["'tax'", "finance"]),
        (publish("tax", "withdraw", subject="P-0"), ["tax", "finance"]),
        (roster("finance"), ["finance", "R-0", "tax"]),
        (roster(AUTHORITY), [AUTHORITY, "R-0"]),
        (roster(policy="P-0"), ["tax", "P-0", "no roster"]),
    ],
)
def test_a_department_that_may_not_say_this(record: SourceRecord, named: list[str]) -> None:
    check(record, C.WRONG_SENDER, "ce_senderid", *named)


@pytest.mark.parametrize(
    ("record", "code", "field", "named"),
    [
        (conditions('{"fact": "staff", "at_most": 3}'), C.BAD_POLICY, "conditions", "'staff'"),
        (
            publish(rules=[{"when": {"fact": "x_y", "equals": True}, "benefit": {"fixed": "1"}}]),
            C.BAD_POLICY,
            "rules[0].when",
            "'x_y'",
        ),
        (publish(rules=[{"benefit": {"exempt": "fees"}}]), C.BAD_POLICY, "rules[0].benefit", "'fees'"),
        (conditions('{"fact": "size_class", "equals": "small"}'), C.BAD_POLICY, "conditions", "persons_employed"),
        (conditions('{"fact": "employees_in_post", "from": 30, "below": 30}'), C.BAD_POLICY, "conditions", "30"),
        (conditions('{"fact": "employees_in_post", "above": "9.5", "at_most": 9}'), C.BAD_POLICY, "conditions", "9"),
        (
            conditions('{"all": [{"fact": "established_on", "years_ago": {"from": 3, "below": 2}}]}'),
            C.BAD_POLICY,
            "conditions.all[0].years_ago",
            "contradictory",
        ),
        (conditions('{"fact": "kind", "equals": "shop"}'), C.BAD_POLICY, "conditions", "'shop'"),
        (conditions('{"fact": "kind", "at_most": 3}'), C.BAD_POLICY, "conditions", "'kind'"),
        (
            conditions('{"fact": "employees_in_post", "at_most": {"parameter": "most"}}'),
            C.BAD_POLICY,
            "conditions",
            "most",
        ),
        (conditions('{"fact": "insured_staff", "at_most": 3}'), C.BAD_POLICY, "conditions", "'insured_staff'"),
        (publish(region="99"), C.BAD_POLICY, "region", "'99'"),
        (publish(for_each="loans"), C.BAD_POLICY, "for_each", "'loans'"),
        (publish(reference="hired_on"), C.BAD_POLICY, "reference", "of an item of hires"),
        (conditions('{"fact": "hired_on", "not_past": true}'), C.BAD_POLICY, "conditions", "of an item of hires"),
        (conditions('{"items": "hires", "count": {"from": 2, "below": 2}}'), C.BAD_POLICY, "conditions.count", "2"),
        (conditions('{"received": ["P-0"]}'), C.BAD_POLICY, "conditions", "'receipts'"),
        (publish(id="P-0"), C.POLICY_OVERLAP, "policy.id", "P-0"),
        (publish(action="amend", id="P-0", version=2), C.POLICY_OVERLAP, "effective_at", "2024-07-31T16:00"),
        (publish(action="amend", id="P-9"), C.UNKNOWN_POLICY, "subject", "P-9"),
        (publish(action="withdraw", subject="P-9"), C.UNKNOWN_POLICY, "subject", "P-9"),
        (publish(subject="P-2"), C.BAD_HEADERS, "ce_subject", "'P-2'"),
    ],
)
def test_a_bad_policy(record: SourceRecord, code: RejectCode, field: str, named: str) -> None:
    check(record, code, field, named)


def test_an_amendment_that_repeats_a_version() -> None:
    event_ = {**publication("amend", id="P-0"), "effective_at": "2024-09-01T00:00:00+08:00"}
    check(event(PUBLICATIONS, event_, "finance", subject="P-0"), C.POLICY_OVERLAP, "policy.version", "version 1")


def test_a_validity_that_time_cannot_be_counted_from() -> None:
    """After 9999-12-31 there is no day: the engine would fail on every subject. No end is written by leaving it out."""
    assert refused(publish(valid={"from": "2024-01-01", "to": "9999-12-31"})).code in (C.BAD_SCHEMA, C.BAD_POLICY)


@pytest.mark.parametrize(
    ("change_", "named"),
    [
        ({"type": "decimal"}, "employees_in_post"),
        ({"provider": "tax"}, "human-resources"),
        ({"period": "year"}, "it"),
        ({"list": "hires"}, "it"),
    ],
)
def test_a_fact_cannot_become_another(change_: dict[str, Any], named: str) -> None:
    facts = [{**fact, **change_} for fact in STATEMENT["facts"] if fact["name"] == "employees_in_post"]
    check(event(STATEMENTS, {**STATEMENT, "facts": facts, "lists": []}, AUTHORITY), C.BAD_VALUE, "facts", named)
    check(event(STATEMENTS, {**STATEMENT, "facts": facts}, AUTHORITY), C.BAD_VALUE, "facts", named)


@pytest.mark.parametrize(
    ("stated", "code", "field", "named"),
    [
        ({"complete": [{"name": "levy_due", "as_of": "2024-01-01"}]}, C.BAD_VALUE, "complete", "'levy_due' is neither"),
        ({"lists": [{**STATEMENT["lists"][0], "provider": "tax"}]}, C.BAD_VALUE, "lists", "'hires'"),
        ({"lists": [{**STATEMENT["lists"][0], "name": "kind"}]}, C.BAD_VALUE, "lists", "'kind' names a list and"),
        ({"calendars": [{"year": 2024, "days_off": ["2024-02-04"], "working_days": []}]}, C.BAD_SCHEMA,
         "calendars.0", "2024-02-04"),
    ],
)  # fmt: skip
def test_a_bad_statement(stated: dict[str, Any], code: RejectCode, field: str, named: str) -> None:
    data = {"effective_at": STATEMENT["effective_at"], **stated}
    check(event(STATEMENTS, data, AUTHORITY), code, field, named)


@pytest.mark.parametrize(("name", "value"), [("erase", True), ("identity", {"new_id": PERSON})])
def test_what_this_release_does_not_act_on(name: str, value: Any) -> None:
    record = event(TAX, {"version": 4, "effective_at": "2024-07-01T00:00:00Z", name: value})
    check(record, C.UNSUPPORTED, name, name)


# What is accepted.

ORIGIN = Origin(topic=f"{TAX}.ab12cd34", partition=0, offset=9)
ARRIVED = datetime(2024, 7, 1, 4, 0, 0, 250_000, tzinfo=UTC)


def test_a_change_is_journaled_exactly() -> None:
    facts = {"levy_due": "1.10", "small_low_profit": False}
    assert judge(change(facts), REGISTRY) == ChangeEntry(
        origin=ORIGIN,
        arrived_at=ARRIVED,
        provider="tax",
        subject=FIRM,
        version=3,
        effective_at=datetime(2024, 6, 30, 16, tzinfo=UTC),
        facts=[NormalFact("levy_due", "-", "-", "n:11/10"), NormalFact("small_low_profit", "-", "-", False)],
    )


@pytest.mark.parametrize(
    ("topic", "facts", "normal"),
    [
        (TAX, {"levy_due": "-0.000001"}, [("levy_due", "-", "-", "n:-1/1000000")]),
        (TAX, {"levy_due": "123456789012345678.123456"}, [("levy_due", "-", "-", "n:1929012328317901220679/15625")]),
        (TAX, {"levy_due": None}, [("levy_due", "-", "-", None)]),
        (STAFF, {"employees_in_post": -(10**18) + 1}, [("employees_in_post", "-", "-", -(10**18) + 1)]),
        (
            STAFF,
            {"insured_staff": {"2024-07": 0, "2024-06": None}},
            [("insured_staff", "2024-07", "-", 0), ("insured_staff", "2024-06", "-", None)],
        ),
        (
            STAFF,
            {"hired_on": {"h-1": "2024-02-29", "2024-07": None}, "hire_trade": {"h-1": "6-18-02-04"}},
            [
                ("hired_on", "-", "h-1", "d:2024-02-29"),
                ("hired_on", "-", "2024-07", None),  # an item may look like a month
                ("hire_trade", "-", "h-1", "s:6-18-02-04"),
            ],
        ),
        (
            MARKET,
            {"kind": "enterprise", "region": "2101G1"},
            [("kind", "-", "-", "s:enterprise"), ("region", "-", "-", "s:2101G1")],
        ),
        (MARKET, {"established_on": "2024-02-29"}, [("established_on", "-", "-", "d:2024-02-29")]),
    ],
)
def test_facts_are_normalised_exactly(topic: str, facts: dict[str, Any], normal: list[Any]) -> None:
    accepted = judge(change(facts, topic), REGISTRY)
    assert isinstance(accepted, ChangeEntry)
    assert [tuple(fact) for fact in accepted.facts] == normal
    assert [type(fact.value) for fact in accepted.facts] == [type(value) for *_, value in normal]


@given(st.decimals(-(10**17), 10**17, places=6))
def test_money_is_never_rounded(amount: Any) -> None:
    accepted = judge(change({"levy_due": f"{amount:f}"}), REGISTRY)
    assert isinstance(accepted, ChangeEntry) and accepted.facts[0].value is not None
    assert decode(accepted.facts[0].value) == Fraction(amount)


def test_where_no_generation_was_recorded_the_topic_names_the_origin() -> None:
    record = event(RECEIPTS, {"notice": "n", "gateway": "web", "status": "seen", "at": "2024-07-01T00:00:00Z"})
    accepted = judge(record, REGISTRY)
    assert isinstance(accepted, ReceiptEntry)
    assert accepted.origin == Origin(topic=RECEIPTS, partition=0, offset=9)


def test_in_a_world_everything_arrives_at_the_worlds_now() -> None:
    accepted = judge(GOOD, WORLD)
    assert isinstance(accepted, ChangeEntry)
    assert accepted.arrived_at == NOON
    assert rejection(GOOD, WORLD, Refused(C.BAD_VALUE, "x")).rejected_at == NOON


@pytest.mark.parametrize("subject", [FIRM, PERSON])
def test_a_roster_line_a_command_and_a_receipt_are_journaled(subject: str) -> None:
    line = judge(roster(subject=subject), REGISTRY)
    assert isinstance(line, RosterEntryRecord)
    assert (line.subject, line.arrived_at, line.department) == (subject, ARRIVED, "tax")
    assert line.data == RosterEntry(policy="R-0", roster_version=1, member=True, amount="1.10")
    asked = judge(command(subject=subject), REGISTRY)
    assert isinstance(asked, CommandEntry)
    assert (asked.subject, asked.data.arguments) == (subject, {"period": "2024"})


@pytest.mark.parametrize("signer", ["tax", "finance"])
def test_a_roster_may_come_before_its_policy(signer: str) -> None:
    """Whose lines count is seen once it is published: until then each is kept with the department that signed it."""
    line = judge(roster(signer, policy="R-9"), REGISTRY)
    assert isinstance(line, RosterEntryRecord)
    assert (line.department, line.data.policy) == (signer, "R-9")


def test_a_roster_of_a_withdrawn_policy_is_judged_by_its_last_version() -> None:
    withdrawn = REGISTRY.with_publication("R-0", PolicyPublication.model_validate(publication("withdraw")))
    assert isinstance(judge(roster(), withdrawn), RosterEntryRecord)
    with pytest.raises(Refused, match="'finance' may not supply the roster of R-0"):
        judge(roster("finance"), withdrawn)


def test_a_withdrawn_policy_is_published_again_by_its_maker_alone() -> None:
    withdrawn = REGISTRY.with_publication("P-0", PolicyPublication.model_validate(publication("withdraw")))
    again = {**publication(id="P-0", version=2), "effective_at": "2024-09-01T00:00:00+08:00"}
    assert isinstance(judge(event(PUBLICATIONS, again, "finance", subject="P-0"), withdrawn), PolicyControl)
    taken = {**again, "policy": {**again["policy"], "made_by": "tax"}}
    with pytest.raises(Refused) as caught:
        judge(event(PUBLICATIONS, taken, "tax", subject="P-0"), withdrawn)
    assert (caught.value.code, caught.value.field) == (C.WRONG_SENDER, "ce_senderid")


def test_a_publication_becomes_a_control_record() -> None:
    assert judge(publish(), REGISTRY) == PolicyControl(
        origin=Origin(topic=f"{PUBLICATIONS}.ab12cd34", partition=0, offset=9),
        policy_id="P-1",
        publication=PolicyPublication.model_validate(publication()),
    )


def test_a_later_amendment_and_a_withdrawal_by_the_maker() -> None:
    later = {**publication("amend", id="P-0", version=2), "effective_at": "2024-09-01T00:00:00+08:00"}
    assert isinstance(judge(event(PUBLICATIONS, later, "finance", subject="P-0"), REGISTRY), PolicyControl)
    assert isinstance(judge(publish(action="withdraw", subject="P-0"), REGISTRY), PolicyControl)


def test_the_authoritys_statement_becomes_a_control_record() -> None:
    accepted = judge(SIGNED[STATEMENTS], REGISTRY)
    assert isinstance(accepted, CatalogueControl)
    assert accepted.statement == CatalogueStatement.model_validate(STATEMENT)


# What is refused is kept.


@pytest.mark.parametrize("key", [None, b"", b"\xff\x00k"])
@pytest.mark.parametrize("value", [None, b"", b"\xff\x00v"])
@pytest.mark.parametrize("headers", [[], [("h", b""), ("h", b"\xff"), ("税", b"1"), ("ce_id", b"1")]])
def test_a_rejection_keeps_the_record_exactly(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    record = source(TAX, value, headers, key)
    rejected = rejection(record, REGISTRY, refused(record))
    assert Rejected.model_validate_json(rejected.model_dump_json()) == rejected
    assert (rejected.origin, rejected.topic, rejected.rejected_at) == (ORIGIN, TAX, ARRIVED)
    assert kept(rejected) == (key, value, headers)


def test_a_rejection_keeps_a_header_without_a_value() -> None:
    """Kafka tells a null from an empty one; so must a record that is to be replayed."""
    headers: Any = [*GOOD.headers, ("ce_id", b"2"), ("note", None)]
    record = replace(GOOD, headers=headers)
    assert kept(rejection(record, REGISTRY, refused(record)))[2] == headers


@pytest.mark.parametrize("part", ["value", "key", "headers"])
def test_the_rejection_of_an_oversize_record_can_be_written(part: str) -> None:
    """Compressed, a record far over the limit passes the broker; its rejection must not stop the worker."""
    huge: Any = {"value": bytes(5_000_000), "key": bytes(5_000_000), "headers": [("h", bytes(5_000_000))]}
    record = replace(source(TAX, b"", []), **{part: huge[part]})
    assert size(effect_output(rejection(record, REGISTRY, refused(record)))) <= MAX_CORE_BYTES


def test_the_rejection_of_the_largest_record_can_be_written() -> None:
    name = "\\u0001" * ((MAX_SOURCE_BYTES - 100) // 6)
    record = event(TAX, f'{{"{name}": 1}}'.encode())
    assert size(effect_output(rejection(record, REGISTRY, refused(record)))) <= MAX_CORE_BYTES


def kept(rejected: Rejected) -> tuple[bytes | None, bytes | None, Headers]:
    """Key, value and headers as they were."""
    key, value = (None if text is None else b64decode(text) for text in (rejected.key, rejected.value))
    headers: Any = [(name, None if text is None else b64decode(text)) for name, text in rejected.headers]
    return key, value, headers


def size(output: Any) -> int:
    return len(output.value) + len(output.key) + sum(len(name.encode()) + len(v) for name, v in output.headers)


# Whatever is sent.

VALID: dict[str, tuple[Any, str | None, str]] = {
    **{topic: ({"version": 1, "effective_at": "2024-07-01T00:00:00Z", "facts": {"kind": "a"}}, None, FIRM)
       for topic in SOURCES if topic.startswith("registry.")},
    TAX: ({"version": 1, "effective_at": "2024-07-01T00:00:00Z", "facts": {"levy_due": "1.10"}}, None, FIRM),
    STAFF: (
        {"version": 1, "effective_at": "2024-07-01T00:00:00Z", 
         "facts": {"insured_staff": {"2024-07": 1}, "hired_on": {"h-1": "2024-07-01"}}}, None, FIRM,
    ),
    ROSTERS: (json.loads(roster().value or b""), "tax", PERSON),
    COMMANDS: (json.loads(command().value or b""), None, PERSON),
    RECEIPTS: ({"notice": "n", "gateway": "web", "status": "seen", "at": "2024-07-01T00:00:00Z"}, None, FIRM),
    PUBLICATIONS: (publication(), "finance", "P-1"),
    STATEMENTS: (STATEMENT, AUTHORITY, "catalogue"),
}  # fmt: skip
ACCEPTED = [TAX, STAFF, ROSTERS, COMMANDS, RECEIPTS, PUBLICATIONS, STATEMENTS]
ODD = [
    None, True, 0, -1, 1.0, 1.1, 2**63, 10**30, float("nan"), float("inf"), "", "-", "1.10", "\x00", "x" * 300, "P-0",
    [], {}, [[]], {"not": {}}, {"fact": "kind"}, "2024", "2024-02-30", "9999-12-31",
    {"items": "hires"}, {"received": ["P-0"]}, {"own": "hire_trade"}, {"h-1": "2024-07-01"}, "hires",
]  # fmt: skip
MOMENTS = [
    "1900-01-01T00:00:00+08:00",
    "2200-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:00:00-12:00",
]
leaves = st.sampled_from(ODD) | st.sampled_from(MOMENTS) | st.floats() | st.integers()
names = st.sampled_from(["ce_id", "ce_type", "ce_subject", "ce_time", "ce_dataschema", "ce_sendersig", "content-type"])
headers = st.lists(st.tuples(names | st.text(max_size=10), st.none() | st.binary(max_size=40)), max_size=6)


def judged(record: SourceRecord) -> Accepted | None:
    """Judge: what is accepted is read again, on each log it goes to; what is refused is kept; nothing else happens.
    What is taken for an ordinary change is accepted as what it was taken for."""
    ordinary = ORDINARY.get(record.topic)
    taken = ordinary and ordinary.take(record.offset, record.timestamp_ms, record.headers, record.value)
    try:
        accepted = judge(record, REGISTRY)
    except Refused as refusal:
        assert taken is None
        rejected = rejection(record, REGISTRY, refusal)
        output = effect_output(rejected)
        assert Rejected.model_validate_json(output.value) == rejected
        parts = (record.key, record.value, *(part for name, value in record.headers for part in (name.encode(), value)))
        personal = any(part and holds_identity_number(part.decode("latin-1")) for part in parts)
        assert kept(rejected)[:2] == ((None, None) if personal else (record.key, record.value))
        return None
    if isinstance(accepted, (CatalogueControl, PolicyControl)):
        assert control_record.validate_json(control_record.dump_json(accepted, by_alias=True)) == accepted
        entry: Any = ControlEntry(sequence=0, record=accepted)
    else:
        entry = accepted
    written = journal_record.dump_json(entry, by_alias=True)
    assert journal_record.validate_json(written) == entry
    assert taken is None or taken == (entry.subject, written)
    return accepted


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, name or index) in a document."""
    inside = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else [])
    return [(data, at) for at, _ in inside] + [place for _, value in inside for place in places(value)]


@st.composite
def mutated(draw: st.DrawFn) -> SourceRecord:
    """A valid event with a value changed, taken away or added before it is signed, then perhaps a header or a byte."""
    topic = draw(st.sampled_from([*ACCEPTED, *SOURCES]))
    valid, signer, subject = VALID[topic]
    data = deepcopy(valid)
    for _ in range(draw(st.integers(0, 2))):
        container, at = draw(st.sampled_from(places(data)))
        if draw(st.integers(0, 3)):
            container[at] = deepcopy(draw(leaves))
        elif isinstance(container, dict):
            container[draw(st.text(max_size=5))] = container.pop(at)
        else:
            container.append(deepcopy(container[at]))
    record = event(topic, data, signer, subject=subject)
    if draw(st.integers(0, 3)) == 0:
        record = with_header(record, draw(names), draw(st.none() | st.binary(max_size=20)))
    if draw(st.integers(0, 3)) == 0:
        at, value = draw(st.integers(0, len(record.value or b""))), record.value or b""
        record = replace(record, value=value[:at] + draw(st.binary(max_size=3)) + value[at + 1 :])
    return record


def test_the_events_to_be_mutated_are_valid() -> None:
    accepted = {topic for topic, (data, who, about) in VALID.items() if judged(event(topic, data, who, subject=about))}
    assert accepted == set(ACCEPTED)


@settings(max_examples=1500, deadline=None)
@given(mutated())
@example(raw_change(moment='"1900-01-01T00:00:00+08:00"'))
@example(raw_change(moment='"2200-12-31T23:59:59-12:00"'))
@example(command('{"sum": NaN}'))
def test_a_mutated_event_is_accepted_or_refused(record: SourceRecord) -> None:
    judged(record)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SOURCES), st.none() | st.binary(), st.none() | st.binary(), headers, st.booleans())
def test_anything_at_all_is_accepted_or_refused(
    topic: str, key: bytes | None, value: bytes | None, given: Headers, dressed: bool
) -> None:
    proper = list(event(topic, value or b"").headers) if dressed else []
    judged(source(topic, value, [*proper, *given], key))


# What a hostile or careless sender tries. The identity numbers are of nobody: their dates of birth lie in 1850 or they
# were counted up to fit.

NUMBERS = (
    "110101185001010034",
    "110119200001010018",
    "110101 18500101 0034",
    "110101-18500101-0034",
    "110101500101003",
)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "given",
    [
        lambda n: event(TAX, {}, subject=n),
        lambda n: event(COMMANDS, {"command": "ask", "issued_at": "2024-07-01T00:00:00Z", "arguments": {"about": n}}),
        lambda n: event(COMMANDS, {"command": "ask", "issued_at": "2024-07-01T00:00:00Z", "on_behalf_of": n}),
        lambda n: change({"levy_due": n}),
        lambda n: change({"levy_due": {n: "1"}}),
        lambda n: publish(subject=n),
        lambda n: replace(change({"levy_due": True}), key=n.encode()),
        lambda n: replace(event(TAX, {}, id=n), topic="registry.changes.courts.v1"),
    ],
)
def test_an_identity_number_is_repeated_nowhere(given: Any, number: str) -> None:
    record = given(number)
    with pytest.raises(Refused) as refusal:
        judge(record, REGISTRY)
    told = effect_output(rejection(record, REGISTRY, refusal.value)).value.decode()
    assert number not in told
    assert b64encode(number.encode()).decode()[:16] not in told
    assert '"value":null' in told and '"key":null' in told


def test_a_firms_code_of_that_form_is_a_firms_code() -> None:
    """Of digits alone, with a day where a date of birth would stand, and a last character that fits no identity."""
    assert judge(event(TAX, change({"levy_due": "1.10"}).value, subject="512101199001010000"), REGISTRY)


@pytest.mark.parametrize(
    "record",
    [
        source(TAX, b"{}", [("\0" * 900_000, b"")]),
        source(TAX, b"{}", [("", None)] * 500_000),
        source(TAX, b"{}", [("content-type", b"\0" * 1_000_000)]),
        source(TAX, b"{}", [("content-type", b"x" * 20_000_000)]),
        source(TAX, b"\0" * 1_048_576, [], b"k" * 1_048_576),
    ],
    ids=["name", "many", "escaped", "large", "whole"],
)
def test_a_rejection_always_fits_its_topic(record: SourceRecord) -> None:
    with pytest.raises(Refused) as refusal:
        judge(record, REGISTRY)
    assert len(effect_output(rejection(record, REGISTRY, refusal.value)).value) < 4_194_304


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (event(COMMANDS, {"command": "ask", "arguments": {"aa": [{}] * 10_000}}), "at most 16384"),
        (
            raw_change('{"premium_paid": {' + ", ".join(f'"{n}": null' for n in range(1000, 9000)) + "}}"),
            "at most 2000",
        ),
        (event(PUBLICATIONS, b'"' + b"x" * 70_000 + b'"', "finance", subject="P-1"), "at most 65536"),
    ],
)
def test_a_record_is_no_larger_than_it_need_be(record: SourceRecord, said: str) -> None:
    with pytest.raises(Refused, match=said):
        judge(record, REGISTRY)


def test_a_name_given_twice_is_found_among_many() -> None:
    names = ", ".join(f'"f{n}": "1"' for n in range(1_900))
    with pytest.raises(Refused, match="f0: is given twice"):
        judge(raw_change(f'{{{names}, "f0": "2"}}'), REGISTRY)
