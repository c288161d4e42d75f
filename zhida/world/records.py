"""One event of the world, and its line: CloudEvents 1.0 in structured JSON form."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal, NamedTuple

from zhida.world.gaps import Facts
from zhida.world.moments import wire

Kind = Literal["load", "founding", "change", "stale", "roster"]


class Record(NamedTuple):
    """A line with what it is sorted and counted by; records sort by time, then by id."""

    time: str
    id: str
    kind: Kind
    sender: str
    line: str


class Telling(NamedTuple):
    """Facts a provider tells at a moment."""

    moment: datetime
    provider: str
    kind: Kind
    facts: Facts


def change_record(kind: Kind, provider: str, subject: str, ordinal: int, moment: datetime, data: Any) -> Record:
    """What a data provider tells; `ordinal` counts its events on the subject."""
    event_id = f"{provider}-{subject}-{ordinal:03d}"
    line = _line(event_id, f"/registries/{provider}", f"registry.changes.{provider}", subject, moment, data)
    return Record(wire(moment), event_id, kind, provider, line)


def roster_record(department: str, subject: str, ordinal: int, moment: datetime, data: Any) -> Record:
    """One line of an implementing department's roster."""
    event_id = f"roster-{subject}-{ordinal:03d}"
    line = _line(event_id, f"/departments/{department}", "roster.entries", subject, moment, data)
    return Record(wire(moment), event_id, "roster", department, line)


def _line(event_id: str, source: str, event_type: str, subject: str, moment: datetime, data: Any) -> str:
    schema = "roster.entries/1" if event_type == "roster.entries" else "registry.changes/1"
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event_type,
        "subject": subject,
        "time": wire(moment),
        "dataschema": schema,
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
