"""The ordinary change, judged and written for the journal in one go: byte for byte what `streams.judge` and the
journal's models make of it, in a fraction of the time.

Anything out of the ordinary, right or wrong, is left to `judge`, from which every refusal and its text come. So a check
here may be narrower than the contract, and must never be wider.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from pydantic_core import from_json

from eligibility.errors import Refused
from eligibility.registry import Registry
from eligibility.values import encode, parse
from schemas.catalogue import FactDeclaration
from schemas.cloudevents import CONTENT_TYPE
from schemas.identifiers import check_subject, holds_identity_number
from schemas.journal import Origin
from schemas.model import Moment
from schemas.topics import CATALOGUE, MAX_SOURCE_BYTES, data_schema, provider_of
from streams.judge import MAX_FACTS, arrived_at, fact_key

FIELDS = {"version", "effective_at", "facts"}
FREE_HEADERS = {"ce_id", "ce_source", "ce_subject", "ce_time", "ce_partitionkey", "ce_traceparent"}
NEEDED_HEADERS = {"ce_id", "ce_source", "ce_subject", "ce_time"}
MOST_HEADER_BYTES = 100  # the least of what the contract allows them

_MOMENT = re.compile(
    r"(?:19[1-9][0-9]|20[0-9]{2}|21[0-9]{2})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
)
"""The common forms of a moment, in years that no offset carries out of bounds."""

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOMENTS: TypeAdapter[datetime] = TypeAdapter(Moment)


class Unusual(Exception):
    """`judge` is to say what this is."""


class Ordinary(NamedTuple):
    """A record for the journal: its subject, and the value's bytes."""

    subject: str
    value: bytes


class OrdinaryChanges:
    """Takes the ordinary changes out of one partition of a provider's topic, by one registry."""

    def __init__(self, topic: str, partition: int, registry: Registry) -> None:
        self.registry = registry
        provider = provider_of(topic)
        self._facts = {name: fact for name, fact in registry.catalogue.facts.items() if fact.provider == provider}
        self._fixed = {
            "content-type": CONTENT_TYPE.encode(),
            "ce_specversion": b"1.0",
            "ce_type": CATALOGUE[topic].event_type.encode(),
            "ce_dataschema": data_schema(topic).encode(),
        }
        origin = Origin(topic=registry.generations.get(topic, topic), partition=partition, offset=0)
        self._origin = origin.model_dump_json().removesuffix('0,"ordinal":0}')
        self._who = f'"kind":"change","provider":"{provider}","subject":'
        self._arrived: tuple[int | None, str] = None, ""

    def take(
        self, offset: int, timestamp_ms: int, headers: Sequence[tuple[str, bytes | None]], value: bytes | None
    ) -> Ordinary | None:
        """What an ordinary change becomes in the journal; None for anything else."""
        try:
            subject = self._subject(headers)
            change = self._change(value or b"")
        except (Unusual, Refused, ValueError):
            return None
        if timestamp_ms != self._arrived[0]:  # one for all records of a batch
            arrived = _MOMENTS.validate_python(arrived_at(timestamp_ms, self.registry))
            self._arrived = timestamp_ms, _MOMENTS.dump_json(arrived).decode()
        text = (
            f'{{"origin":{self._origin}{offset},"ordinal":0}},"arrived_at":{self._arrived[1]},'
            f'{self._who}"{subject}",{change}}}'
        )
        return Ordinary(subject, text.encode())

    def _subject(self, headers: Sequence[tuple[str, bytes | None]]) -> str:
        """The subject of an event with the headers it should have. Raises Unusual or ValueError."""
        given: dict[str, bytes] = {}
        for name, value in headers:
            if not value or len(value) > MOST_HEADER_BYTES or not value.isascii():
                raise Unusual
            if name not in FREE_HEADERS and self._fixed.get(name) != value:
                raise Unusual
            given[name] = value
        if len(given) != len(headers) or not given.keys() >= NEEDED_HEADERS or not given.keys() >= self._fixed.keys():
            raise Unusual
        _moment(given["ce_time"].decode())
        return check_subject(given["ce_subject"].decode())

    def _change(self, value: bytes) -> str:
        """The data as the journal has it, from `version` on. Raises Unusual, Refused or ValueError."""
        if len(value) > MAX_SOURCE_BYTES or b"\\" in value:
            raise Unusual
        data = from_json(value)
        if not isinstance(data, dict) or data.keys() != FIELDS:
            raise Unusual
        version, effective_at, given = data["version"], data["effective_at"], data["facts"]
        if type(version) is not int or not 1 <= version <= 2**53 or not isinstance(effective_at, str):
            raise Unusual
        facts, texts = self._normal(given)
        # Without escapes, quotation marks count the texts: had a name stood twice, there would be more than were read.
        if value.count(b'"') != 2 * (len(FIELDS) + 1 + texts):
            raise Unusual
        if holds_identity_number(value.decode()):
            raise Unusual
        since = _moment(effective_at).astimezone(UTC).isoformat().removesuffix("+00:00")
        return f'"version":{version},"effective_at":"{since}Z","facts":[{",".join(facts)}]'

    def _normal(self, given: Any) -> tuple[list[str], int]:
        """The facts as the journal has them, and how many texts they were given in. Raises as `_change` does."""
        if not isinstance(given, dict) or not given:
            raise Unusual
        facts: list[str] = []
        texts = len(given)
        for name, value in given.items():
            declaration = self._facts.get(name)
            if declaration is None or value == {}:
                raise Unusual
            if isinstance(value, dict):
                texts += len(value)
                for label, labelled in value.items():
                    texts += isinstance(labelled, str)
                    facts.append(_fact(declaration, label, labelled))
            else:
                texts += isinstance(value, str)
                facts.append(_fact(declaration, None, value))
        if len(facts) > MAX_FACTS:
            raise Unusual
        return facts, texts


def _fact(declaration: FactDeclaration, label: str | None, value: Any) -> str:
    """A fact as the journal has it; nothing in it needs an escape. Raises Unusual, Refused or ValueError."""
    if label is not None and not _LABEL.fullmatch(label):
        raise Unusual
    name, period, item = fact_key(declaration, label, declaration.name)
    normal = None if value is None else encode(parse(declaration, value))
    if isinstance(normal, str):
        written = f'"{normal}"'
    elif normal is None:
        written = "null"
    else:
        written = str(normal).lower() if isinstance(normal, bool) else str(normal)
    return f'["{name}","{period}","{item}",{written}]'


def _moment(text: str) -> datetime:
    """A moment in one of its common forms. Raises Unusual or ValueError."""
    if not _MOMENT.fullmatch(text):
        raise Unusual
    return datetime.fromisoformat(text)
