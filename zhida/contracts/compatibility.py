"""Whether every event that was valid by one JSON Schema is valid by another: what a change of a contract must keep.

A sound approximation for the schemas pydantic writes: what it cannot decide, such as a changed pattern, it reports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

Schema = dict[str, Any]

ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "$id", "$schema", "$defs", "$comment"}
COMBINED = ("anyOf", "oneOf")
LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_WALKED = {
    *("type", "enum", "const", "pattern", "properties", "required", "additionalProperties", "patternProperties"),
    *("propertyNames", "items", "prefixItems", "uniqueItems", "format", "discriminator", *LEAST, *MOST),
}
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")


def breaks(old: Schema, new: Schema, *, wider: Collection[tuple[str, str]] = ()) -> list[str]:
    """Why events of `old` could be refused by `new`, or read differently: each a path into `new` and a sentence.

    A field that is gone is always named, also where unknown fields are let through: its readers miss it. `wider`:
    pairs of patterns (old, new) of which the new is known to match whatever the old does.
    """
    return list(dict.fromkeys(_Walk(old, new, frozenset(wider)).nodes(old, new, "#")))


class _Walk:
    """One comparison; a pair of objects is walked once, so that recursive schemas end."""

    def __init__(self, old: Schema, new: Schema, wider: frozenset[tuple[str, str]]) -> None:
        self._old, self._new, self._wider = old, new, wider
        self._walked: dict[str, list[str]] = {}

    def nodes(self, old: Any, new: Any, path: str) -> list[str]:
        if isinstance(new, dict) and "$ref" in new:
            path = new["$ref"]
        olds, news = _branches(old, self._old), _branches(new, self._new)
        if {} in news:
            return []
        if len(olds) == len(news) == 1:
            return self._pair(olds[0], news[0], path)
        return [found for branch in olds for found in self._some_branch(branch, news, path)]

    def _pair(self, old: Schema, new: Schema, path: str) -> list[str]:
        if "properties" not in old or "properties" not in new:
            return list(self._plain(old, new, path))
        key = json.dumps([old, new], sort_keys=True)
        if key not in self._walked:
            self._walked[key] = []  # while it is walked, it is taken to hold: what breaks it is told where it stands
            self._walked[key] = list(self._plain(old, new, path))
        return self._walked[key]

    def _some_branch(self, old: Schema, news: list[Schema], path: str) -> list[str]:
        """Nothing where some branch takes all that `old` took; else why the likeliest one does not."""
        tried: list[tuple[Schema, list[str]]] = []
        for new in news:
            before = set(self._walked)
            found = self._pair(old, new, path)
            if not found:
                return []
            # what was taken to hold while this was tried may rest on it
            self._walked = {key: told for key, told in self._walked.items() if told or key in before}
            tried.append((new, found))
        alike = [(new, found) for new, found in tried if _alike(old, new)]
        if not alike:
            return [f"{path}: {_told(old)} is no longer taken: narrowed"]
        return min(alike, key=lambda each: len(each[1]))[1]

    def _plain(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        if new is _NOTHING or old is _NOTHING:
            if old is not _NOTHING:
                yield f"{path}: nothing is taken here any more: narrowed"
            return
        for keyword in sorted((old.keys() | new.keys()) - _WALKED):
            if keyword in new and old.get(keyword) != new[keyword]:
                yield f"{path}: `{keyword}` is new or changed; whether that narrows cannot be decided"
        old_values, new_values = _values(old), _values(new)
        if old_values is not None:
            yield from self._values(old_values, new_values, new, path)
            return
        if new_values is not None:
            yield f"{path}: only {_list(new_values)} are taken now: narrowed"
            return
        lost = _types(old) - _types(new)
        if lost:
            yield f"{path}: {_list(sorted(lost))} is no longer taken: narrowed"
            return
        yield from self._bounds(old, new, path)
        if "object" in _types(old):
            yield from self._object(old, new, path)
        if "array" in _types(old):
            yield from self._array(old, new, path)

    def _values(self, old: list[Any], new: list[Any] | None, node: Schema, path: str) -> Iterator[str]:
        for value in old:
            if new is not None and not any(_same(value, other) for other in new):
                yield f"{path}: the value {value!r} is gone: enumeration shrunk"
            elif not _admits(node, value):
                yield f"{path}: the value {value!r} is no longer taken: narrowed"

    def _bounds(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        for keywords, tighter in ((LEAST, max), (MOST, min)):
            for keyword in keywords:
                bound, before = new.get(keyword), old.get(keyword)
                if bound is None or (keyword in ("minLength", "minItems", "minProperties") and bound == 0):
                    continue
                if before is None or tighter(bound, before) != before:
                    yield f"{path}: {keyword} is {bound}, was {before}: narrowed"
        if new.get("uniqueItems") and not old.get("uniqueItems"):
            yield f"{path}: items must be unique now: narrowed"
        if "format" in new and new["format"] != old.get("format"):
            yield f"{path}: format is {new['format']!r}, was {old.get('format')!r}: narrowed"
        if "pattern" in new and not self._covers(old.get("pattern"), new["pattern"]):
            yield f"{path}: the pattern is {new['pattern']!r}, was {old.get('pattern')!r}: narrowed, or not decidable"

    def _covers(self, old: str | None, new: str) -> bool:
        return old == new or (old, new) in self._wider

    def _object(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        for name in new.get("required", []):
            if name not in old.get("required", []):
                yield f"{path}/properties/{name}: is required now: newly required"
        fields, others = new.get("properties", {}), new.get("additionalProperties", True)
        for name, field in old.get("properties", {}).items():
            if name in fields:
                yield from self.nodes(field, fields[name], f"{path}/properties/{name}")
            else:
                yield f"{path}/properties/{name}: is gone: removed"
        for pattern, value in old.get("patternProperties", {}).items():
            yield from self._keyed(pattern, value, new, path)
        for pattern in new.get("patternProperties", {}):
            if old.get("additionalProperties", True) is not False and pattern not in old.get("patternProperties", {}):
                yield f"{path}/patternProperties: what {pattern!r} matches has a form of its own now: narrowed"
        before = old.get("additionalProperties", True)
        if before is not False and others is False:
            yield f"{path}/additionalProperties: other fields are refused now: narrowed, closed"
        elif before is not False and others is not True:
            yield from self.nodes(before, others, f"{path}/additionalProperties")
        if "propertyNames" in new:
            yield from self.nodes(old.get("propertyNames", {}), new["propertyNames"], f"{path}/propertyNames")

    def _keyed(self, pattern: str, value: Any, new: Schema, path: str) -> Iterator[str]:
        """The values behind keys of a pattern: some pattern of `new` takes the keys, or `new` takes any key."""
        taken = [(p, v) for p, v in new.get("patternProperties", {}).items() if self._covers(pattern, p)]
        others = new.get("additionalProperties", True)
        if taken:
            yield from self.nodes(value, taken[0][1], f"{path}/patternProperties/{taken[0][0]}")
        elif others is False or new.get("patternProperties"):
            yield f"{path}/patternProperties: keys like {pattern!r} are gone or narrowed, or that is not decidable"
        elif others is not True:
            yield from self.nodes(value, others, f"{path}/additionalProperties")

    def _array(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        old_places, new_places = old.get("prefixItems", []), new.get("prefixItems", [])
        old_rest, new_rest = old.get("items", True), new.get("items", True)
        for index in range(max(len(old_places), len(new_places))):
            before = old_places[index] if index < len(old_places) else old_rest
            after = new_places[index] if index < len(new_places) else new_rest
            if before is not False:
                yield from self.nodes(before, after, f"{path}/prefixItems/{index}")
        if old_rest is not False and old.get("maxItems") != len(old_places):
            yield from self.nodes(old_rest, new_rest, f"{path}/items")


_NOTHING: Schema = {"not": {}}


def _branches(node: Any, root: Schema) -> list[Schema]:
    """The alternatives of a node as plain schemas: references followed, combinations multiplied out."""
    if node is True or node == {}:
        return [{}]
    if node is False:
        return [_NOTHING]
    node = {keyword: value for keyword, value in node.items() if keyword not in ANNOTATIONS}
    branches: list[Schema] = [{k: v for k, v in node.items() if k not in ("$ref", "allOf", *COMBINED)}]
    parts: list[list[Schema]] = []
    if "$ref" in node:
        parts.append(_branches(_resolved(node["$ref"], root), root))
    parts += [_branches(part, root) for part in node.get("allOf", [])]
    parts += [[b for each in node[word] for b in _branches(each, root)] for word in COMBINED if word in node]
    for alternatives in parts:
        branches = [_both(one, other) for one in branches for other in alternatives]
    return branches


def _resolved(reference: str, root: Schema) -> Any:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def _both(one: Schema, other: Schema) -> Schema:
    """What satisfies two schemas, as one; keywords that cannot be joined are kept side by side under `allOf`."""
    if not one or not other:
        return one or other
    joined = dict(one)
    for keyword, value in other.items():
        if keyword not in joined or joined[keyword] == value:
            joined[keyword] = value
        elif keyword == "required":
            joined[keyword] = sorted({*joined[keyword], *value})
        elif keyword in LEAST:
            joined[keyword] = max(joined[keyword], value)
        elif keyword in MOST:
            joined[keyword] = min(joined[keyword], value)
        elif keyword in ("enum", "type"):
            mine, theirs = (v if isinstance(v, list) else [v] for v in (joined[keyword], value))
            joined[keyword] = [v for v in mine if v in theirs]
        elif keyword in ("properties", "patternProperties"):
            mine = joined[keyword]
            shared = {name: {"allOf": [mine[name], value[name]]} for name in mine.keys() & value.keys()}
            joined[keyword] = {**mine, **value, **shared}
        elif keyword == "additionalProperties" and False in (joined[keyword], value):
            joined[keyword] = False
        else:
            joined[keyword] = {"allOf": [joined[keyword], value]}
    return joined


def _types(node: Schema) -> set[str]:
    """The JSON types a plain schema takes; `number` includes `integer`."""
    given = node.get("type", list(_TYPES))
    types = {given} if isinstance(given, str) else set(given)
    return types | {"integer"} if "number" in types else types


def _values(node: Schema) -> list[Any] | None:
    if "const" in node:
        return [node["const"]]
    return node.get("enum")


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def _admits(node: Schema, value: Any) -> bool:
    """Whether a plain schema takes a scalar, but for a list of values of its own."""
    if _type_of(value) not in _types(node):
        return False
    if isinstance(value, str):
        long_enough = node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value))
        return long_enough and "format" not in node and re.search(node.get("pattern", ""), value) is not None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(node.get("minimum", value) <= value <= node.get("maximum", value))
    return value is None or isinstance(value, bool)


def _alike(old: Schema, new: Schema) -> bool:
    """Whether a branch is the likely successor of another: of the same type, and for objects of some same field."""
    if _type_name(old) != _type_name(new):
        return False
    fields, others = old.get("properties", {}), new.get("properties", {})
    return not fields or bool(fields.keys() & others.keys())


def _type_name(node: Schema) -> str:
    values = _values(node)
    return str(node.get("type")) if not values or "type" in node else _type_of(values[0])


def _told(node: Schema) -> str:
    values = _values(node)
    if values is not None:
        return _list(values)
    if fields := node.get("required") or list(node.get("properties", {})):
        return f"an object with {_list(fields)}"
    return str(node.get("type", "anything"))


def _list(values: Collection[Any]) -> str:
    return ", ".join(str(value) for value in values)
