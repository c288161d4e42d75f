"""JSON Schema 2020-12 of every contract, from its model."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.cloudevents import Attributes
from zhida.contracts.contract import Contract

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MEANINGS = "x-meanings"  # from the generator to `_adjust`: pydantic writes the description last
_MEMBER = re.compile(r'^\s+[A-Z_]+ = "(?P<value>[^"]+)"\s*(?:#\s*(?P<meaning>.+))?$')


class _Generator(GenerateJsonSchema):
    """pydantic's generator, without a title per field, and with the meaning of each value of an enumeration."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        return {**super().enum_schema(schema), _MEANINGS: _meanings(schema["cls"])}


def json_schema(contract: Contract) -> dict[str, Any]:
    """The schema of a contract's data.

    What comes in is closed: an unknown field is refused. What goes out is open: a reader passes over fields it does
    not know, so that fields can be added.
    """
    made = _generated(contract.model)
    _adjust(made, keep_closed=contract.way == "in")
    about = {"title": contract.dataschema, "description": made.pop("description", "")}
    made.pop("title", None)
    return {"$schema": DIALECT, "$id": f"urn:zhida:{contract.name}:{contract.version}", **about, **made}


def headers_schema() -> dict[str, Any]:
    """The schema of the CloudEvents attributes zhida reads, by their names without `ce_`."""
    return _generated(Attributes)


def _generated(model: Any) -> dict[str, Any]:
    return TypeAdapter(model).json_schema(schema_generator=_Generator, mode="validation")


def _adjust(node: Any, *, keep_closed: bool) -> None:
    """Describe the values of enumerations; close maps whose keys have a pattern, as the models do, or open all."""
    if isinstance(node, dict):
        meanings = node.pop(_MEANINGS, {})
        listed = [f"- `{value}`: {meanings[value]}" for value in node.get("enum", []) if meanings.get(value)]
        if listed:
            node["description"] = "\n".join([node.get("description", ""), "", *listed]).strip()
        if keep_closed and "patternProperties" in node:
            node.setdefault("additionalProperties", False)
        if not keep_closed and node.get("additionalProperties") is False:
            del node["additionalProperties"]
        for inner in node.values():
            _adjust(inner, keep_closed=keep_closed)
    elif isinstance(node, list):
        for inner in node:
            _adjust(inner, keep_closed=keep_closed)


def _meanings(enumeration: type[Enum]) -> dict[str, str]:
    """What the comment behind each member says, by its value."""
    found = (_MEMBER.match(line) for line in inspect.getsource(enumeration).splitlines())
    return {match["value"]: match["meaning"] or "" for match in found if match}
