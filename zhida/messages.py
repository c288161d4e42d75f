"""Events as they are sent: from files a person writes, to the topic, key, headers and bytes of the contract."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from schemas.cloudevents import Attributes, Headers, to_headers
from schemas.topics import CATALOGUE, PUBLICATIONS, ROSTERS, STATEMENTS, data_schema
from streams.judge import AUTHORITY
from zhida.keyring import Keyring


class FileRefused(Exception):
    """A file that cannot be turned into events; the text names the file, the place and what is expected."""


STATED = {"facts", "lists", "complete", "calendars", "keys"}
WRONG = (ValueError, KeyError, TypeError, AttributeError)  # what content of another form raises when it is taken apart


@dataclass(frozen=True)
class Message:
    """One event, ready to be produced; the key keeps a subject's events in one partition, in order."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    time: datetime


def read_messages(file: Path, keyring: Keyring, now: datetime) -> Iterator[Message]:
    """The events of a file, signed where their topic asks for it.

    `.jsonl`: CloudEvents in structured JSON form, one a line. `.yaml`, `.json`: a policy, a publication (`action`),
    or a catalogue statement (`facts`, `lists`, `complete`, `calendars`, `keys`). `.csv`: roster lines. `now` dates
    what the file does not date.
    Raises FileRefused.
    """
    try:
        if file.suffix == ".jsonl":
            yield from _lines(file, keyring)
        elif file.suffix in (".yaml", ".yml", ".json"):
            yield _document(file, keyring, now)
        elif file.suffix == ".csv":
            yield from _roster(file, keyring, now)
        else:
            raise FileRefused(f"{file}: a file of events ends in .jsonl, .yaml, .json or .csv")
    except OSError as error:
        raise FileRefused(f"{file}: {error.strerror or error}") from error
    except (yaml.YAMLError, *WRONG) as error:
        raise FileRefused(f"{file}: {in_one_line(error)}") from error


def in_one_line(error: Exception) -> str:
    """What an error of a parser or a model says, without line breaks."""
    if isinstance(error, KeyError):
        return f"{error} is missing or unknown"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return ": ".join(part for part in (".".join(map(str, first["loc"])), first["msg"]) if part)
    return " ".join(str(error).split())


def message(topic: str, attributes: Attributes, data: Any, keyring: Keyring, signer: str | None) -> Message:
    """An event of a topic, signed by `signer` if given."""
    value = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    if signer is not None:
        attributes = keyring.signed(attributes, value, signer)
    return Message(topic, attributes.subject.encode(), value, to_headers(attributes), attributes.time)


def attributes_of(topic: str, *, id: str, source: str, subject: str, time: datetime) -> Attributes:
    """The attributes of an event of a topic."""
    event_type = CATALOGUE[topic].event_type
    return Attributes(id=id, source=source, type=event_type, subject=subject, time=time, dataschema=data_schema(topic))


def departments(documents: list[Path]) -> list[str]:
    """The departments that make or implement the policies of the files, or of the publications in them.

    Raises FileRefused.
    """
    found: set[str] = set()
    for file in documents:
        try:
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
            document = document.get("policy", document)
            found |= {document["made_by"], *document.get("implemented_by", [])}
        except OSError as error:
            raise FileRefused(f"{file}: {error.strerror or error}") from error
        except (yaml.YAMLError, *WRONG) as error:
            raise FileRefused(f"{file}: {in_one_line(error)}") from error
    return sorted(found)


def statements(catalogue: Path) -> list[Path]:
    """The statements of a folder in the order they can be taken: the facts come first.

    Raises FileRefused where there are none.
    """
    files = sorted(catalogue.glob("*.yaml"), key=lambda file: (file.stem != "facts", file.name))
    if not files:
        raise FileRefused(f"{catalogue}: no .yaml files; expected a folder of catalogue statements")
    return files


def keys_statement(ring: Keyring, listed: list[str], now: datetime) -> Message:
    """The statement that makes departments' keys known, signed by the catalogue's authority."""
    data = {"effective_at": now.isoformat(), "keys": [ring.sender_key(each).model_dump() for each in listed]}
    attributes = attributes_of(STATEMENTS, id="keys", source="/catalogue", subject="catalogue", time=now)
    return message(STATEMENTS, attributes, data, ring, AUTHORITY)


def _lines(file: Path, keyring: Keyring) -> Iterator[Message]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                made = _event(json.loads(line), keyring)
            except WRONG as error:
                raise FileRefused(f"{file}, line {number}: {in_one_line(error)}") from error
            yield made


def _event(event: Any, keyring: Keyring) -> Message:
    if not isinstance(event, dict):
        raise ValueError("expected a CloudEvent as a JSON object")
    data = event.pop("data", None)
    topic = f"{event.get('type')}.v1"
    if topic not in CATALOGUE:
        raise ValueError(f"type {event.get('type')!r} is no topic of the catalogue")
    signed = topic in (ROSTERS, PUBLICATIONS, STATEMENTS) and "sendersig" not in event
    signer = str(event["source"]).rsplit("/", 1)[-1] if signed else None
    return message(topic, Attributes.model_validate(event), data, keyring, signer)


def _document(file: Path, keyring: Keyring, now: datetime) -> Message:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise FileRefused(f"{file}: expected a policy, a publication or a catalogue statement")
    plain = json.loads(json.dumps(document, default=str))
    stamp = f"{file.stem}-{now.isoformat()}"
    if STATED & document.keys():
        data = {"effective_at": now.isoformat(), **plain}
        attributes = attributes_of(STATEMENTS, id=stamp, source="/catalogue", subject="catalogue", time=now)
        return message(STATEMENTS, attributes, data, keyring, AUTHORITY)
    if "action" not in document:
        plain = {"action": "publish", "policy": plain, "effective_at": now.isoformat(), "reason": f"from {file.name}"}
    policy = plain.get("policy") or {}
    subject = str(policy.get("id") or plain.pop("id", ""))
    maker = str(policy.get("made_by") or plain.pop("made_by", ""))
    if not subject or not maker:
        raise FileRefused(f"{file}: a policy has `id` and `made_by`; to withdraw one, give both beside `action`")
    attributes = attributes_of(
        PUBLICATIONS, id=f"{plain['action']}-{stamp}", source=f"/departments/{maker}", subject=subject, time=now
    )
    return message(PUBLICATIONS, attributes, plain, keyring, maker)


def _roster(file: Path, keyring: Keyring, now: datetime) -> Iterator[Message]:
    with file.open(encoding="utf-8", newline="") as text:
        for number, row in enumerate(csv.DictReader(text), start=2):
            try:
                made = _roster_line(row, f"{file.stem}-{number}", keyring, now)
            except WRONG as error:
                raise FileRefused(f"{file}, line {number}: {in_one_line(error)}") from error
            yield made


def _roster_line(row: dict[str, str], stem: str, keyring: Keyring, now: datetime) -> Message:
    department, subject = row.pop("department", None), row.pop("subject", None)
    if not department or not subject:
        raise ValueError("columns `department` and `subject` are needed")
    data: dict[str, Any] = {name: value for name, value in row.items() if value}
    data["roster_version"] = int(data["roster_version"])
    data["member"] = {"true": True, "false": False}[data["member"].lower()]
    attributes = attributes_of(
        ROSTERS,
        id=f"{stem}-{data['roster_version']}",
        source=f"/departments/{department}",
        subject=subject,
        time=now,
    )
    return message(ROSTERS, attributes, data, keyring, department)
