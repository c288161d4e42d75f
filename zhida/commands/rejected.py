"""`zhida rejected`: what was refused, where it came from and why; never its content."""

from __future__ import annotations

import json
from typing import Any

from schemas.topics import REJECTED
from zhida.console import out
from zhida.demo.readback import Readback


async def refused(bootstrap_servers: str) -> list[dict[str, Any]]:
    """Each refused record once, however often it was told: origin, code, field and sentence."""
    outcome = await Readback(bootstrap_servers, [REJECTED]).update()
    found = {json.dumps(entry["origin"], sort_keys=True): entry for entry in outcome.rejected}
    return [
        {name: entry.get(name) for name in ("topic", "origin", "code", "field", "text")} for entry in found.values()
    ]


async def show(bootstrap_servers: str, *, as_json: bool) -> None:
    """Print the refused records, one line each."""
    listed = await refused(bootstrap_servers)
    if as_json:
        out.print_json(json.dumps({"rejected": listed}, ensure_ascii=False))
        return
    for entry in listed:
        field = f", {entry['field']}" if entry["field"] else ""
        out.print(f"{place(entry)}  {entry['code']}{field}: {entry['text']}", markup=False)
    if not listed:
        out.print("nothing was refused")


def place(entry: dict[str, Any]) -> str:
    """Where a refused record stands: topic[partition]@offset."""
    return f"{entry['topic']}[{entry['origin']['partition']}]@{entry['origin']['offset']}"
