"""Intake's judgement, pure: a source record, by what the registry knows, is accepted as a journal or control record,
or refused with a code and a sentence. The same for the same record and registry, on Kafka or off it."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from eligibility.business_time import label_kind
from eligibility.errors import Refused
from eligibility.registry import Registry
from eligibility.subject_file import NO_ITEM, NO_PERIOD, FactKey
from eligibility.values import encode, parse
from schemas.catalogue import CatalogueStatement, FactDeclaration
from schemas.cloudevents import Attributes, HeaderError, from_headers, known_attributes, signed_bytes
from schemas.events import DeliveryReceipt, FactEntry, PolicyPublication, RegistryChange, RosterEntry, SubjectCommand
from schemas.identifiers import IdentityNumber, check_subject, holds_identity_number, without_identity_numbers
from schemas.journal import (
    CatalogueControl,
    ChangeEntry,
    CommandEntry,
    NormalFact,
    Origin,
    PolicyControl,
    ReceiptEntry,
    RosterEntryRecord,
    SubjectEntry,
)
from schemas.model import PERIOD_LABEL, Model
from schemas.rejected import RejectCode, Rejected
from schemas.topics import (
    CATALOGUE,
    COMMANDS,
    MAX_CORE_BYTES,
    MAX_SOURCE_BYTES,
    PUBLICATIONS,
    RECEIPTS,
    ROSTERS,
    STATEMENTS,
    data_schema,
    provider_of,
)

AUTHORITY = "catalogue-authority"
"""The `senderid` whose key the epoch record carries; it alone states the catalogue and the departments' keys."""

BROADCAST = (PUBLICATIONS, STATEMENTS)
MAX_BYTES = {PUBLICATIONS: 65_536, STATEMENTS: 262_144, COMMANDS: 16_384, RECEIPTS: 16_384, ROSTERS: 16_384}
"""Of the topics that take less than a whole record: what reaches every partition, and what is small by nature."""
MAX_FACTS = 2_000  # values in one change; more go into several
MAX_TEXT = 2_000
MAX_REJECTED_BYTES = MAX_CORE_BYTES - 65_536

Accepted = SubjectEntry | CatalogueControl | PolicyControl
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class SourceRecord:
    """One record of a source topic as Kafka gave it; `timestamp_ms` is the broker's append time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def origin_of(record: SourceRecord, registry: Registry) -> Origin:
    """The record's origin, by its topic's generation."""
    generation = registry.generations.get(record.topic, record.topic)
    return Origin(topic=generation, partition=record.partition, offset=record.offset)


def arrived_at(timestamp_ms: int, registry: Registry) -> datetime:
    """A record's append time, or the world's now in a world."""
    if registry.epoch is not None and registry.epoch.clock == "world" and registry.now is not None:
        return registry.now
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)


def judge(record: SourceRecord, registry: Registry) -> Accepted:
    """What the record becomes.

    Raises Refused with a code, and a sentence naming the field, the value and what to do.
    """
    value = record.value or b""
    if len(value) > MAX_SOURCE_BYTES:
        raise Refused(RejectCode.UNDECODABLE, f"{len(value)} bytes; a record has at most {MAX_SOURCE_BYTES}")
    attributes = _attributes(record)
    if len(value) > (most := MAX_BYTES.get(record.topic, MAX_SOURCE_BYTES)):
        raise Refused(RejectCode.BAD_SCHEMA, f"{len(value)} bytes; a record of {record.topic} has at most {most}")
    if record.topic == STATEMENTS:
        return _statement(record, attributes, value, registry)
    if record.topic == PUBLICATIONS:
        return _publication(record, attributes, value, registry)
    subject = _subject(attributes.subject)
    entry = {
        "origin": origin_of(record, registry),
        "arrived_at": arrived_at(record.timestamp_ms, registry),
        "subject": subject,
    }
    if record.topic == ROSTERS:
        department, line = _roster(attributes, value, registry)
        return RosterEntryRecord(**entry, department=department, data=line)
    if record.topic == COMMANDS:
        return CommandEntry(**entry, data=_data(SubjectCommand, value))
    if record.topic == RECEIPTS:
        return ReceiptEntry(**entry, data=_data(DeliveryReceipt, value))
    provider = provider_of(record.topic) or ""
    change = _data(RegistryChange, value)
    if change.facts is None:
        what = "erase" if change.erase else "identity"
        text = f"{what}: this release does not act on it yet; nothing was changed, replay it after an upgrade"
        raise Refused(RejectCode.UNSUPPORTED, text, what)
    count = sum(len(given) if isinstance(given, dict) else 1 for given in change.facts.values())
    if count > MAX_FACTS:
        text = f"facts: {count} values; a change has at most {MAX_FACTS}, send several, each with its version"
        raise Refused(RejectCode.BAD_SCHEMA, text, "facts")
    facts = [fact for name, given in change.facts.items() for fact in _facts(name, given, provider, registry)]
    return ChangeEntry(
        **entry, provider=provider, version=change.version, effective_at=change.effective_at, facts=facts
    )


def subject_of(record: SourceRecord) -> str | None:
    """The subject that a record's header names, whatever becomes of the record; None where it names none."""
    try:
        return check_subject(from_headers(record.headers)["subject"])
    except (KeyError, ValueError):
        return None


def rejection(record: SourceRecord, registry: Registry, refused: Refused) -> Rejected:
    """The record as it goes to intake.rejected.v1: whole, with the reason; too large or personal, the reason alone."""
    parts = [record.key, record.value, *(part for name, value in record.headers for part in (name.encode(), value))]
    size = sum(len(part or b"") for part in parts)
    # A batch can be more than the broker's limit once it is unpacked; and each header takes room of its own.
    whole = size + 16 * len(record.headers) <= MAX_SOURCE_BYTES + 65_536 and not refused.personal
    whole = whole and not any(part and holds_identity_number(part.decode("latin-1")) for part in parts)
    text = without_identity_numbers(str(refused))
    bare = Rejected(
        origin=origin_of(record, registry),
        topic=record.topic,
        code=refused.code,
        text=f"{text[:MAX_TEXT]}; its {size} bytes are not kept here but at the origin",
        field=None if refused.field is None else without_identity_numbers(refused.field)[:200],
        rejected_at=arrived_at(record.timestamp_ms, registry),
    )
    if not whole:
        return bare
    kept = bare.model_copy(
        update={
            "text": text[:MAX_TEXT],
            "key": _text(record.key),
            "headers": [(name, _text(value)) for name, value in record.headers],
            "value": _text(record.value),
        }
    )
    return kept if len(kept.model_dump_json()) < MAX_REJECTED_BYTES else bare


def _text(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def _attributes(record: SourceRecord) -> Attributes:
    try:
        attributes = Attributes.model_validate(known_attributes(from_headers(record.headers)))
    except HeaderError as error:
        raise Refused(RejectCode.BAD_HEADERS, f"headers: {error}", "headers") from None
    except ValidationError as error:
        field, text = _first(error.errors(include_url=False))
        raise Refused(RejectCode.BAD_HEADERS, f"header ce_{field}: {text}", f"ce_{field}") from None
    expected = CATALOGUE[record.topic].event_type
    if attributes.type != expected:
        text = f"header ce_type: {attributes.type!r} on topic {record.topic}, expected {expected!r}"
        raise Refused(RejectCode.BAD_HEADERS, text, "ce_type")
    schema = data_schema(record.topic)
    if attributes.dataschema != schema:
        text = f"header ce_dataschema: {attributes.dataschema!r}; this release reads {schema!r}"
        raise Refused(RejectCode.UNKNOWN_SCHEMA_VERSION, text, "ce_dataschema")
    return attributes


def _data(model: type[M], value: bytes) -> M:
    try:
        event = model.model_validate_json(value)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        field, text = _first(errors)
        if any(isinstance(found.get("ctx", {}).get("error"), IdentityNumber) for found in errors):
            raise _personal(field) from None
        if errors[0]["type"] == "json_invalid":
            raise Refused(RejectCode.UNDECODABLE, f"the value is not UTF-8 JSON: {text}") from None
        raise Refused(RejectCode.BAD_SCHEMA, f"{field}: {text}", field) from None
    if any(map(holds_identity_number, _texts(json.loads(value, object_pairs_hook=_unique)))):
        raise _personal("value")
    return event


def _personal(field: str) -> Refused:
    text = f"{field}: a resident identity number stands in the data; give the person's pseudonym"
    return Refused(RejectCode.BAD_SUBJECT, text, field, personal=True)


def _texts(data: object) -> Iterator[str]:
    """Every text in a JSON value, names too."""
    ahead = [data]
    while ahead:
        match ahead.pop():
            case str() as text:
                yield text
            case list() as parts:
                ahead += parts
            case dict() as parts:
                ahead += parts.keys()
                ahead += parts.values()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    seen: dict[str, object] = {}
    for name, value in pairs:
        if name in seen:
            raise Refused(RejectCode.BAD_SCHEMA, f"{name}: is given twice; give it once", name)
        seen[name] = value
    return seen


def _first(errors: Sequence[Any]) -> tuple[str, str]:
    """The first finding as (field, text with the value refused), the value cut to a readable length."""
    # Of a fact's forms the one it comes nearest to is the one that is found wrong deepest within.
    found = max((e for e in errors if e["loc"][:2] == errors[0]["loc"][:2]), key=lambda e: len(e["loc"]))
    # pydantic names the branch of a union, too; that is no part of the data
    place = [str(part) for part in found["loc"] if not re.search(r"[\[(]|constrained-", str(part))]
    field = ".".join(place) or "value"
    given = repr(found.get("input"))
    shown = given if len(given) <= 60 else f"{given[:57]}…"
    return field, f"{found['msg']} (given: {shown})"


def _subject(value: str) -> str:
    try:
        return check_subject(value)
    except IdentityNumber as error:
        raise Refused(RejectCode.BAD_SUBJECT, f"header ce_subject: {error}", "ce_subject", personal=True) from None
    except ValueError as error:
        raise Refused(RejectCode.BAD_SUBJECT, f"header ce_subject: {value!r}: {error}", "ce_subject") from None


def _facts(name: str, given: FactEntry, provider: str, registry: Registry) -> list[NormalFact]:
    declaration = registry.catalogue.facts.get(name)
    if declaration is None:
        text = f"facts.{name}: not in the fact catalogue; declare it there first, or correct the name"
        raise Refused(RejectCode.UNKNOWN_FACT, text, f"facts.{name}")
    if declaration.provider != provider:
        text = (
            f"facts.{name}: provided by {declaration.provider}, not by {provider}; publish it on that provider's topic"
        )
        raise Refused(RejectCode.WRONG_SENDER, text, f"facts.{name}")
    labelled = given if isinstance(given, dict) else {None: given}
    if not labelled:
        text = f"facts.{name}: says nothing; give at least one period or item, or leave the fact out"
        raise Refused(RejectCode.BAD_VALUE, text, f"facts.{name}")
    return [_fact(declaration, label, value) for label, value in labelled.items()]


def _fact(declaration: FactDeclaration, label: str | None, value: bool | int | str | None) -> NormalFact:
    field = f"facts.{declaration.name}" + ("" if label is None else f".{label}")
    key = fact_key(declaration, label, field)
    try:
        normal = None if value is None else encode(parse(declaration, value))
    except ValueError as error:
        raise Refused(RejectCode.BAD_VALUE, f"{field}: {error}", field) from None
    return NormalFact(*key, normal)


def fact_key(declaration: FactDeclaration, label: str | None, field: str) -> FactKey:
    """What a label stands for: an item of the fact's list, or a period of its kind; without one, neither."""
    if declaration.list is not None:
        need = f"given per item of the list {declaration.list}"
        if label is not None:
            return FactKey(declaration.name, NO_PERIOD, label)
    elif declaration.period is not None:
        need = f"given per {declaration.period}"
        if label is not None and re.fullmatch(PERIOD_LABEL, label) and label_kind(label) == declaration.period:
            return FactKey(declaration.name, label, NO_ITEM)
    else:
        need = "given neither per period nor per item"
        if label is None:
            return FactKey(declaration.name)
    given = "a bare value" if label is None else repr(label)
    raise Refused(RejectCode.BAD_VALUE, f"{field}: this fact is {need} (given: {given})", field)


def _statement(record: SourceRecord, attributes: Attributes, value: bytes, registry: Registry) -> CatalogueControl:
    sender = _verified_sender(attributes, value, registry)
    if sender != AUTHORITY:
        text = f"header ce_senderid: {sender!r} may not state the catalogue; {AUTHORITY} does"
        raise Refused(RejectCode.WRONG_SENDER, text, "ce_senderid")
    statement = _data(CatalogueStatement, value)
    registry.with_statement(statement)
    return CatalogueControl(origin=origin_of(record, registry), statement=statement)


def _publication(record: SourceRecord, attributes: Attributes, value: bytes, registry: Registry) -> PolicyControl:
    sender = _verified_sender(attributes, value, registry)
    publication = _data(PolicyPublication, value)
    document = publication.policy
    known = registry.policies.get(attributes.subject)
    if document is not None and document.id != attributes.subject:
        text = f"header ce_subject: {attributes.subject!r} is not the policy's id {document.id!r}"
        raise Refused(RejectCode.BAD_HEADERS, text, "ce_subject")
    makers = {d.made_by for d in (document, known and known.documents[-1]) if d}
    if makers - {sender}:
        text = f"header ce_senderid: {sender!r}; only the making department {', '.join(sorted(makers))} may do this"
        raise Refused(RejectCode.WRONG_SENDER, text, "ce_senderid")
    registry.with_publication(attributes.subject, publication)
    return PolicyControl(origin=origin_of(record, registry), policy_id=attributes.subject, publication=publication)


def _roster(attributes: Attributes, value: bytes, registry: Registry) -> tuple[str, RosterEntry]:
    """The line and who signed it. A roster may come before its policy: whose lines count is seen once it is there."""
    sender = _verified_sender(attributes, value, registry)
    entry = _data(RosterEntry, value)
    history = registry.policies.get(entry.policy)
    if history is None:
        return sender, entry
    acting = history.acting_or_to_act(registry.now)
    allowed = sorted({name for d in acting if d.list_kind == "roster" for name in d.implemented_by})
    if sender not in allowed:
        may = ", ".join(allowed) or "nobody: it has no roster"
        text = f"header ce_senderid: {sender!r} may not supply the roster of {entry.policy}; {may} may"
        raise Refused(RejectCode.WRONG_SENDER, text, "ce_senderid")
    return sender, entry


def _verified_sender(attributes: Attributes, data: bytes, registry: Registry) -> str:
    """The department that signed, once its signature over id, type, source, subject and data holds."""
    sender, key_id, signature = attributes.senderid, attributes.senderkey, attributes.sendersig
    if sender is None or key_id is None or signature is None:
        text = "headers ce_senderid, ce_senderkey, ce_sendersig: this topic takes signed events only"
        raise Refused(RejectCode.BAD_SIGNATURE, text, "ce_sendersig")
    if sender == AUTHORITY:
        public = None if registry.epoch is None else registry.epoch.authority_key
    else:
        public = registry.keys.get((sender, key_id))
    if public is None:
        text = f"header ce_senderkey: no key {key_id!r} of {sender!r} is in the catalogue"
        raise Refused(RejectCode.BAD_SIGNATURE, text, "ce_senderkey")
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(public)).verify(
            b64decode(signature, validate=True), signed_bytes(attributes, data)
        )
    except (InvalidSignature, Base64Error, ValueError):
        text = f"header ce_sendersig: does not verify with key {key_id!r} of {sender!r}"
        raise Refused(RejectCode.BAD_SIGNATURE, text, "ce_sendersig") from None
    return sender
