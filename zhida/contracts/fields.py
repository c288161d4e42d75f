"""The fields of a JSON Schema as Markdown tables, one per object in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from zhida.contracts.forms import FORMS

Schema = dict[str, Any]
_HEAD = "| field | type | required | meaning |\n|---|---|---|---|"


def tables(schema: Schema) -> str:
    """The schema's own fields, and below a section per definition, in the order in which they are first named."""
    parts = [_table(schema)]
    for name in _named(schema, schema.get("$defs", {})):
        definition = schema["$defs"][name]
        parts.append(f"### {name}\n\n{definition.get('description', '')}".rstrip())
        parts.append(_table(definition) if "properties" in definition else _values(definition))
    return "\n\n".join(part for part in parts if part)


def _named(node: Any, definitions: Schema, seen: list[str] | None = None) -> list[str]:
    """The definitions a node leads to, each once."""
    seen = [] if seen is None else seen
    for reference in _references(node):
        name = reference.rsplit("/", 1)[-1]
        if name not in seen:
            seen.append(name)
            _named(definitions[name], definitions, seen)
    return seen


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for name, inner in node.items():
            if name != "$defs":
                yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def _table(node: Schema) -> str:
    rows = [_row(name, field, name in node.get("required", [])) for name, field in node.get("properties", {}).items()]
    return "\n".join([_HEAD, *rows]) if rows else ""


def _row(name: str, field: Schema, required: bool) -> str:
    meaning = field.get("description", "")
    default = field.get("default")
    if default not in (None, [], {}):
        meaning = f"{meaning}; default `{json.dumps(default)}`" if meaning else f"default `{json.dumps(default)}`"
    return f"| `{name}` | {form(field)} | {'yes' if required else 'no'} | {_cell(meaning)} |"


def _values(node: Schema) -> str:
    """The values of an enumeration, unless its description has told them."""
    told = node.get("description", "")
    return ", ".join(f"`{value}`" for value in node.get("enum", []) if f"- `{value}`:" not in told)


def form(node: Any) -> str:
    """What a value is, in a few words, with links to the page's sections and to the index's forms."""
    if not isinstance(node, dict) or not node:
        return "anything"
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    for word in ("anyOf", "oneOf"):
        if word in node:
            return " or ".join(dict.fromkeys(form(part) for part in node[word]))
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    match node.get("type"):
        case "object":
            return _map(node)
        case "array":
            return _list(node)
        case "string":
            return _text(node)
        case "integer":
            return "integer" + _span(node, "minimum", "maximum")
        case "boolean":
            return "true or false"
        case other:
            return str(other)


def _map(node: Schema) -> str:
    for pattern, value in node.get("patternProperties", {}).items():
        return f"{{{_by_pattern(pattern)}: {form(value)}}}"
    return f"{{text: {form(node['additionalProperties'])}}}" if "additionalProperties" in node else "object"


def _list(node: Schema) -> str:
    if "prefixItems" in node:
        return f"[{', '.join(form(part) for part in node['prefixItems'])}]"
    least = ", at least one" if node.get("minItems") else ""
    return f"list of ({form(node.get('items'))}){least}"


def _text(node: Schema) -> str:
    if "pattern" in node:
        return _by_pattern(node["pattern"])
    if node.get("format") in ("date-time", "date"):
        return "[moment](README.md#forms)" if node["format"] == "date-time" else "[day](README.md#forms)"
    return "text" + _span(node, "minLength", "maxLength", " characters")


def _by_pattern(pattern: str) -> str:
    if pattern in FORMS:
        return f"[{FORMS[pattern][0]}](README.md#forms)"
    return f"text like `{_cell(pattern)}`"


def _span(node: Schema, least: str, most: str, unit: str = "") -> str:
    match node.get(least), node.get(most):
        case None, None:
            return ""
        case None, greatest:
            return f", at most {greatest:,}{unit}"
        case smallest, None:
            return f", at least {smallest:,}{unit}"
        case smallest, greatest:
            return f", {smallest:,} to {greatest:,}{unit}"
    return ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
