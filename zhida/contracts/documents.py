"""All that is generated, as texts by path; written to a folder, or compared with one."""

from __future__ import annotations

import json
from pathlib import Path

from zhida.contracts.asyncapi import as_yaml, document
from zhida.contracts.contract import CONTRACTS, INTERNAL
from zhida.contracts.forms import forms_table
from zhida.contracts.golden import golden_events
from zhida.contracts.json_schemas import json_schema
from zhida.contracts.pages import GENERATED, index_table, internal_page, page

INDEX = "README.md"
_TABLES = {"topics": index_table, "forms": forms_table}


def documents(golden: Path, index: str = "") -> dict[str, str]:
    """Every file by its path in the folder.

    `golden` holds the golden events by dataschema; raises OSError where an example is missing. `index` is the
    hand-written README.md, whose tables are put in between their marks.
    """
    events = {contract.dataschema: golden_events(golden, contract) for contract in CONTRACTS}
    made = {INDEX: _with_tables(index), "asyncapi.yaml": as_yaml(document(events))}
    for contract in CONTRACTS:
        schema = json.dumps(json_schema(contract), ensure_ascii=False, indent=2)
        made[f"schemas/{contract.file}"] = schema + "\n"
        made[f"{contract.name}.md"] = page(contract, events[contract.dataschema])
    return made | {f"{topic.event_type}.md": internal_page(topic) for topic in INTERNAL}


def write(folder: Path, golden: Path) -> list[str]:
    """Write what differs, delete generated files that are no more, and return the paths of both."""
    made = documents(golden, _index(folder))
    changed = _drifted(folder, made)
    for path in changed:
        file = folder / path
        if path not in made:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made[path], encoding="utf-8")
    return changed


def drifted(folder: Path, golden: Path) -> list[str]:
    """The paths in the folder that are not what would be written, missing ones and left-over ones among them."""
    return _drifted(folder, documents(golden, _index(folder)))


def _drifted(folder: Path, made: dict[str, str]) -> list[str]:
    different = {path for path, text in made.items() if _read(folder / path) != text}
    pages = {file.name for file in folder.glob("*.md") if _read(file).startswith(GENERATED)}
    left_over = pages | {f"schemas/{file.name}" for file in folder.glob("schemas/*.json")}
    return sorted(different | (left_over - made.keys()))


def _index(folder: Path) -> str:
    return _read(folder / INDEX)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _with_tables(index: str) -> str:
    """The index with each table between its marks; where a mark is missing, at the end."""
    for name, table in _TABLES.items():
        begin, end = f"<!-- {name}: written by `make contracts` -->", f"<!-- end of {name} -->"
        if begin not in index or end not in index:
            index = f"{index.rstrip()}\n\n{begin}\n{end}\n".lstrip()
        before, _, rest = index.partition(begin)
        index = f"{before}{begin}\n\n{table()}\n\n{end}{rest.partition(end)[2]}"
    return index
