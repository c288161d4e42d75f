"""The headers of a contract's records: a JSON Schema and a Markdown table."""

from __future__ import annotations

from typing import Any

from schemas.cloudevents import CONTENT_TYPE
from zhida.contracts.contract import Contract
from zhida.contracts.json_schemas import headers_schema
from zhida.contracts.prose import PROSE

SENDER = ("senderid", "senderkey", "sendersig")
_WRITTEN = ("specversion", "id", "source", "type", "subject", "time", "dataschema")


def schema_of(contract: Contract) -> dict[str, Any]:
    """The schema of a contract's headers, as one object of text; a header that is not there is left out."""
    properties: dict[str, Any] = {"content-type": {"type": "string", "const": CONTENT_TYPE}}
    for name, field in headers_schema()["properties"].items():
        if name not in _of(contract):
            continue
        text = dict(next((part for part in field.get("anyOf", []) if part["type"] == "string"), field))
        properties[f"ce_{name}"] = {**text, "description": field["description"]}
        properties[f"ce_{name}"].pop("default", None)
    properties["ce_dataschema"]["const"] = contract.dataschema
    if contract.per_provider:
        properties["ce_type"]["enum"] = [topic.event_type for topic in contract.topics]
    else:
        properties["ce_type"]["const"] = contract.event_type
    required = ["content-type", *(f"ce_{name}" for name in _required(contract))]
    return {"type": "object", "properties": properties, "required": required}


def table_of(contract: Contract) -> str:
    """The headers as a Markdown table."""
    prose = PROSE[contract.dataschema]
    said = {
        "specversion": "`1.0`",
        "type": f"`{contract.event_type}`",
        "subject": prose.subject,
        "dataschema": f"`{contract.dataschema}`",
        **dict(prose.headers),
    }
    rows = [f"| `content-type` | yes | `{CONTENT_TYPE}` |"]
    for name, field in headers_schema()["properties"].items():
        if name in _of(contract):
            required = "yes" if name in _required(contract) else "no"
            rows.append(f"| `ce_{name}` | {required} | {said.get(name, field['description'])} |")
    return "\n".join(["| header | required | value |", "|---|---|---|", *rows])


def _of(contract: Contract) -> tuple[str, ...]:
    if contract.way == "out":
        return _WRITTEN
    return (*_WRITTEN, "partitionkey", "traceparent", *(SENDER if contract.signed else ()))


def _required(contract: Contract) -> tuple[str, ...]:
    return (*_WRITTEN, *(SENDER if contract.signed else ()))
