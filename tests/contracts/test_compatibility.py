"""Each kind of break is named; every breaking mutation of every released schema is; today's schemas break nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from schemas.model import Identifier, PeriodLabel
from zhida.contracts.compatibility import breaks
from zhida.contracts.contract import CONTRACTS, Contract
from zhida.contracts.forms import FORMS
from zhida.contracts.json_schemas import json_schema

RELEASED = Path(__file__).parent / "released"
PATTERNS = {name: pattern for pattern, (name, _) in FORMS.items()}

WIDER = {
    # A fact's entries were keyed by period; now they can be keyed by the items of a list, too.
    (PATTERNS["period"], PATTERNS["identifier"]),
}
"""Patterns that were widened, each with a proof below: inclusion of patterns is nothing the checker decides."""


def released(contract: Contract) -> Any:
    return json.loads((RELEASED / contract.file).read_text("utf-8"))


def by_name(contract: Contract) -> str:
    return contract.dataschema


@pytest.mark.parametrize("contract", CONTRACTS, ids=by_name)
def test_what_was_valid_stays_valid(contract: Contract) -> None:
    assert breaks(released(contract), json_schema(contract), wider=WIDER) == []


def test_every_released_schema_is_still_there() -> None:
    assert {file.name for file in RELEASED.glob("*.json")} <= {contract.file for contract in CONTRACTS}


def test_every_period_is_an_identifier() -> None:
    """There are 170,000 periods, so the wider pattern is proven by trying all of them; and nothing else was widened."""
    (period,) = PeriodLabel.__metadata__
    (identifier,) = (part for part in Identifier.__metadata__ if getattr(part, "pattern", None))
    assert {(period.pattern, identifier.pattern)} == WIDER
    parts = ["", *(f"Q{n}" for n in range(1, 5)), *(f"-{n:02}" for n in range(1, 13))]
    every = [f"{year:04}{part}" for year in range(10_000) for part in parts]
    assert all(re.search(period.pattern, each) and re.search(identifier.pattern, each) for each in every)
    assert period.pattern == "^[0-9]{4}(-(0[1-9]|1[0-2])|Q[1-4])?$", "the list above is of this pattern's matches"


TEXT = {"type": "string"}
COUNT = {"type": "integer"}


def thing(required: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": required or [], "additionalProperties": False}


TREE = {
    "$ref": "#/$defs/Node",
    "$defs": {"Node": thing(["leaf"], leaf=TEXT, nodes={"type": "array", "items": {"$ref": "#/$defs/Node"}})},
}


def tree(**leaf: Any) -> dict[str, Any]:
    changed = deepcopy(TREE)
    changed["$defs"]["Node"]["properties"]["leaf"] = leaf
    return changed


@pytest.mark.parametrize(
    ("old", "new", "path", "word"),
    [
        (thing(a=TEXT, b=TEXT), thing(a=TEXT), "#/properties/b", "removed"),
        (thing(a=TEXT), thing(["a"], a=TEXT), "#/properties/a", "newly required"),
        (thing(a=TEXT), thing(["b"], a=TEXT, b=TEXT), "#/properties/b", "newly required"),
        (thing(a=TEXT), thing(a=COUNT), "#/properties/a", "narrowed"),
        (thing(a={"type": "number"}), thing(a=COUNT), "#/properties/a", "narrowed"),
        (thing(a={}), thing(a=TEXT), "#/properties/a", "narrowed"),
        (thing(a={"type": ["string", "null"]}), thing(a=TEXT), "#/properties/a", "null"),
        (thing(a=TEXT), thing(a=False), "#/properties/a", "narrowed"),
        ({"type": "object"}, thing(), "#/additionalProperties", "closed"),
        ({"type": "object"}, {"type": "object", "additionalProperties": COUNT}, "#/additionalProperties", "narrowed"),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "#", "enumeration shrunk"),
        ({"enum": ["a", "b"]}, {"const": "a"}, "#", "enumeration shrunk"),
        ({"enum": ["a", 1]}, TEXT, "#", "narrowed"),
        ({"const": True}, {"const": 1}, "#", "enumeration shrunk"),
        ({"enum": ["a", "bb"]}, {**TEXT, "maxLength": 1}, "#", "'bb'"),
        (TEXT, {**TEXT, "enum": ["a"]}, "#", "narrowed"),
        (COUNT, {**COUNT, "minimum": 0}, "#", "minimum"),
        ({**COUNT, "maximum": 9}, {**COUNT, "maximum": 8}, "#", "maximum"),
        ({**COUNT, "minimum": 1}, {**COUNT, "minimum": 2}, "#", "minimum"),
        (COUNT, {**COUNT, "exclusiveMaximum": 9}, "#", "exclusiveMaximum"),
        (TEXT, {**TEXT, "maxLength": 9}, "#", "maxLength"),
        ({**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 8}, "#", "maxLength"),
        (TEXT, {**TEXT, "minLength": 1}, "#", "minLength"),
        (TEXT, {**TEXT, "pattern": "^a$"}, "#", "pattern"),
        ({**TEXT, "pattern": "^a?$"}, {**TEXT, "pattern": "^a$"}, "#", "pattern"),
        (TEXT, {**TEXT, "format": "date"}, "#", "format"),
        (COUNT, {**COUNT, "multipleOf": 2}, "#", "multipleOf"),
        (thing(a=TEXT), {**thing(a=TEXT), "dependentRequired": {"a": ["b"]}}, "#", "dependentRequired"),
        ({"type": "array", "items": {}}, {"type": "array", "items": TEXT}, "#/items", "narrowed"),
        ({"type": "array"}, {"type": "array", "minItems": 1}, "#", "minItems"),
        ({"type": "array"}, {"type": "array", "uniqueItems": True}, "#", "unique"),
        ({"prefixItems": [TEXT, COUNT]}, {"prefixItems": [TEXT, TEXT]}, "#/prefixItems/1", "narrowed"),
        (thing(a={"anyOf": [TEXT, COUNT]}), thing(a={"anyOf": [TEXT]}), "#/properties/a", "integer"),
        (thing(a={"anyOf": [TEXT, {"type": "null"}]}), thing(a=TEXT), "#/properties/a", "null"),
        ({"anyOf": [thing(["a"], a=TEXT), COUNT]}, {"oneOf": [thing(["a"], a=COUNT), COUNT]}, "#/properties/a", "narr"),
        ({"allOf": [TEXT]}, {"allOf": [TEXT, {"maxLength": 5}]}, "#", "maxLength"),
        (
            {"patternProperties": {"^a$": TEXT}},
            {"patternProperties": {"^a$": COUNT}},
            "#/patternProperties/^a$",
            "narr",
        ),
        ({"patternProperties": {"^a?$": TEXT}}, {"patternProperties": {"^a$": TEXT}}, "#/patternProperties", "'^a?$'"),
        ({"propertyNames": TEXT}, {"propertyNames": {"maxLength": 5}}, "#/propertyNames", "maxLength"),
        (TREE, tree(type="integer"), "#/$defs/Node/properties/leaf", "narrowed"),
    ],
)
def test_a_break_is_named_with_its_place(old: Any, new: Any, path: str, word: str) -> None:
    found = breaks(old, new)
    assert any(each.startswith(f"{path}: ") and word in each for each in found), found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (thing(["a"], a=TEXT), thing(a=TEXT, b=TEXT)),
        (thing(a=COUNT), thing(a={"type": "number"})),
        (thing(a=TEXT), thing(a={"anyOf": [COUNT, TEXT, {"type": "null"}]})),
        (thing(a=TEXT), thing(a={**TEXT, "description": "better said", "default": "x"})),
        (thing(a=TEXT), {**thing(a=TEXT), "additionalProperties": True}),
        ({"const": "a"}, {"enum": ["a", "b"]}),
        ({"enum": ["a", None]}, {"type": ["string", "null"]}),
        ({**COUNT, "minimum": 1, "maximum": 5}, {**COUNT, "minimum": 0, "maximum": 9}),
        ({**TEXT, "maxLength": 5, "pattern": "a"}, TEXT),
        ({"$ref": "#/$defs/A", "$defs": {"A": TEXT}}, {"$ref": "#/$defs/B", "$defs": {"B": TEXT}}),
        ({"anyOf": [TEXT, COUNT]}, {"oneOf": [COUNT, TEXT, {"type": "null"}]}),
        ({"allOf": [TEXT, {"maxLength": 5}]}, {**TEXT, "maxLength": 5}),
        (TREE, TREE),
        (TREE, tree(anyOf=[TEXT, COUNT])),
        ({"type": "array", "prefixItems": [TEXT], "items": False}, {"type": "array", "items": TEXT}),
    ],
)
def test_widening_is_no_break(old: Any, new: Any) -> None:
    assert breaks(old, new) == []


def test_a_pattern_known_to_be_wider_is_no_break() -> None:
    old, new = {**TEXT, "pattern": "^a$"}, {**TEXT, "pattern": "^[ab]$"}
    assert breaks(old, new) != []
    assert breaks(old, new, wider={("^a$", "^[ab]$")}) == []
    assert breaks(new, old, wider={("^a$", "^[ab]$")}) != []


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all schemas in a schema."""
    if isinstance(node, dict):
        yield path
        for keyword in ("properties", "$defs", "patternProperties"):
            for name in node.get(keyword, {}):
                yield from places(node[keyword][name], (*path, keyword, name))
        for keyword in ("items", "additionalProperties"):
            yield from places(node.get(keyword), (*path, keyword))
        for keyword in ("anyOf", "oneOf", "prefixItems"):
            for index, part in enumerate(node.get(keyword, [])):
                yield from places(part, (*path, keyword, index))


def at(schema: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        schema = schema[step]
    return schema


def mutations(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every way to break a schema in one place, with its name."""
    for path in places(schema):
        node = at(schema, path)

        def changed(path: tuple[Any, ...] = path, **keywords: Any) -> Any:
            copy = deepcopy(schema)
            at(copy, path).update(keywords)
            return copy

        told = "/".join(map(str, path))
        for name in node.get("properties", {}):
            yield (
                f"{told}: without {name}",
                changed(properties={n: f for n, f in node["properties"].items() if n != name}),
            )
            if name not in node.get("required", []):
                yield f"{told}: requires {name}", changed(required=[*node.get("required", []), name])
        for keyword in ("anyOf", "oneOf", "enum"):
            for index in range(len(node.get(keyword, []))):
                yield (
                    f"{told}: {keyword} without {index}",
                    changed(**{keyword: [part for place, part in enumerate(node[keyword]) if place != index]}),
                )
        kind = node.get("type")
        if kind == "object":
            yield f"{told}: requires what is new", changed(required=[*node.get("required", []), "new"])
            if "additionalProperties" not in node:
                yield f"{told}: closed", changed(additionalProperties=False)
        if kind == "array":
            yield f"{told}: more items", changed(minItems=node.get("minItems", 0) + 1)
        if kind == "integer":
            yield f"{told}: lower maximum", changed(maximum=node.get("maximum", 10**9) - 1)
            yield f"{told}: higher minimum", changed(minimum=node.get("minimum", -1) + 1)
        if kind == "string" and not {"enum", "const"} & node.keys():
            yield f"{told}: shorter", changed(maxLength=node.get("maxLength", 1_000) - 1)
            yield f"{told}: longer", changed(minLength=node.get("minLength", 0) + 1)
            yield f"{told}: another pattern", changed(pattern="^[^x]*$")
            yield f"{told}: only a value", changed(enum=["x"])
        if kind in ("string", "integer", "boolean", "array", "object"):
            yield f"{told}: of another type", changed(type="null")


@pytest.mark.parametrize("contract", CONTRACTS, ids=by_name)
def test_every_breaking_mutation_is_reported(contract: Contract) -> None:
    schema = released(contract)
    assert breaks(schema, schema) == []
    tried = dict(mutations(schema))
    assert len(tried) > 20
    assert [name for name, mutated in tried.items() if not breaks(schema, mutated)] == []
