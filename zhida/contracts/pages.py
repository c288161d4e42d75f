"""A Markdown page per contract and per internal topic, and the index's table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from schemas.topics import DAY_MS, FOREVER, REJECTED, Topic
from zhida.contracts.contract import CONTRACTS, INTERNAL, Contract
from zhida.contracts.event_headers import table_of
from zhida.contracts.fields import tables
from zhida.contracts.golden import GoldenEvent
from zhida.contracts.json_schemas import json_schema
from zhida.contracts.prose import EVERY_TOPIC, INTERNAL_PROSE, PROSE

GENERATED = "<!-- Written by `make contracts` from the models and the golden events: change those. -->"
_WIDTH = 100


def page(contract: Contract, events: Sequence[GoldenEvent]) -> str:
    """The page of a contract; the first of its events is shown with its headers and key."""
    prose = PROSE[contract.dataschema]
    schema = json_schema(contract)
    parts = [GENERATED, f"# {contract.address}", prose.what]
    parts.append(_facts(contract))
    if contract.per_provider:
        parts.append(_providers(contract))
    parts += ["## Order", f"{prose.order} {_in_partition(contract)}".strip()]
    if contract.way == "out":
        parts += ["## Reading", _reading(contract)]
    parts += ["## Headers", "CloudEvents 1.0 in Kafka's [binary mode](README.md#events):", table_of(contract)]
    parts += ["## Fields", f"The value, `{contract.dataschema}`: {_object(schema)}", tables(schema)]
    if prose.rules:
        parts += ["## Rules", "\n".join(f"- {rule}" for rule in prose.rules)]
    parts += ["## Examples", *_examples(contract, events)]
    if contract.way == "in":
        parts += ["## Refused", _refusals(contract)]
    return "\n\n".join(parts) + "\n"


def internal_page(topic: Topic) -> str:
    """The page of a topic that is no contract."""
    about = INTERNAL_PROSE[topic.name]
    told = (
        "This topic is internal and no contract: its form can change with any release. Write nothing to it, and build "
        "nothing on it."
    )
    rows = [("written by", topic.writers), ("read by", topic.readers), *_kept(topic)]
    return "\n\n".join([GENERATED, f"# {topic.name}", about, told, _two_columns(rows)]) + "\n"


def index_table() -> str:
    """One row per topic, linked to its page."""
    rows = [
        f"| [`{contract.address}`]({contract.name}.md) | {_writers(contract)} | {contract.topic.readers} | "
        f"{contract.topic.key} | {_retention(contract.topic)} | "
        f"[`{contract.dataschema}`](schemas/{contract.file}) |"
        for contract in CONTRACTS
    ]
    rows += [
        f"| [`{topic.name}`]({topic.event_type}.md) | {topic.writers} | {topic.readers} | {topic.key} | "
        f"{_retention(topic)} | internal |"
        for topic in INTERNAL
    ]
    head = "| topic | who writes | who reads | key | kept | dataschema |\n|---|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _facts(contract: Contract) -> str:
    topic, prose = contract.topic, PROSE[contract.dataschema]
    rows = [("written by", _writers(contract)), ("read by", topic.readers), ("key", prose.key), *_kept(topic)]
    rows.append(("schema", f"[{contract.dataschema}](schemas/{contract.file})"))
    return _two_columns(rows)


def _kept(topic: Topic) -> list[tuple[str, str]]:
    return [
        ("partitions", str(topic.partitions)),
        ("kept", _retention(topic)),
        ("largest record", f"{topic.max_bytes:,} bytes"),
    ]


def _two_columns(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_cell(said)} |" for name, said in rows)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _writers(contract: Contract) -> str:
    return "that provider" if contract.per_provider else contract.topic.writers


def _retention(topic: Topic) -> str:
    if topic.cleanup == "compact":
        return "compacted: the last record of each key"
    if topic.retention_ms == FOREVER:
        return "for ever"
    return f"{topic.retention_ms // DAY_MS} days from its arrival"


def _providers(contract: Contract) -> str:
    rows = [f"- `{topic.name}`, type `{topic.event_type}`" for topic in contract.topics]
    return "\n".join(["A topic per provider, alike but for who writes:", "", *rows])


def _in_partition(contract: Contract) -> str:
    topic = contract.topic
    if topic.partitions == 1 or topic.name == REJECTED:
        return ""
    if contract.way == "out":
        return f"The partition of a subject is the CRC-32 of its key, modulo {topic.partitions}."
    return "The default partitioner of any Kafka client will do: only the same key must go to the same partition."


def _reading(contract: Contract) -> str:
    lines = ["- Pass over fields and values of enumerations that you do not know: later releases add some."]
    if contract.topic.name != REJECTED:
        committed = "- Set `isolation.level=read_committed`: what an aborted transaction wrote never happened."
        seen = "- Drop an `effect_id` you have seen: a replay or a restart of yours can bring it again."
        lines = [committed, seen, *lines]
    lines.append(
        "- A field that is not required can be absent and has its default then: older records lack newer fields."
    )
    return "\n".join(lines)


def _object(schema: dict[str, Any]) -> str:
    return "an object; a field that is not listed is refused." if "additionalProperties" in schema else "an object."


def _examples(contract: Contract, events: Sequence[GoldenEvent]) -> list[str]:
    first, *others = events
    headers = "\n".join(f"{name}: {value}" for name, value in first.headers.items())
    parts = [f"On `{first.topic}`, with the key `{first.key}`:", f"```\n{headers}\n```", _json(first.data)]
    if contract.signed:
        parts.append(
            "Signed with the [example key](README.md#signing), over the value without spaces and line breaks; "
            "here it is broken into lines to be read."
        )
    for event in others:
        parts += [f"{event.name.replace('_', ' ').capitalize()}:", _json(event.data)]
    return parts


def _refusals(contract: Contract) -> str:
    rows = (*EVERY_TOPIC, *PROSE[contract.dataschema].refused)
    listed = "\n".join(f"| `{code}` | {when} |" for code, when in rows)
    told = (
        "What is refused changes nothing and stops nothing. It goes whole to "
        "[intake.rejected.v1](intake.rejected.md), with one of these codes and a sentence that names the field:"
    )
    return f"{told}\n\n| code | when |\n|---|---|\n{listed}"


def _json(data: Any) -> str:
    return f"```json\n{pretty(data)}\n```"


def pretty(data: Any, indent: int = 0) -> str:
    """JSON for readers: what fits on a line stands on one."""
    flat = json.dumps(data, ensure_ascii=False)
    if len(flat) + indent <= _WIDTH or not isinstance(data, dict | list) or not data:
        return flat
    inner = " " * (indent + 2)
    if isinstance(data, dict):
        parts = [f"{json.dumps(name, ensure_ascii=False)}: {pretty(value, indent + 2)}" for name, value in data.items()]
        opened, closed = "{", "}"
    else:
        parts = [pretty(value, indent + 2) for value in data]
        opened, closed = "[", "]"
    return opened + "\n" + ",\n".join(inner + part for part in parts) + "\n" + " " * indent + closed
