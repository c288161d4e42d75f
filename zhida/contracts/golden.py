"""Golden events: one CloudEvent in structured JSON form per file, kept per dataschema, as once published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.cloudevents import CONTENT_TYPE, known_attributes
from zhida.contracts.contract import Contract

EXAMPLE = "example"
"""The golden event of each dataschema that its page shows first, headers and all."""
UNRELEASED = "unreleased"
"""The folder of events whose form is newer than the last release."""


@dataclass(frozen=True)
class GoldenEvent:
    """One event: CloudEvents attributes by name, and the data."""

    name: str
    attributes: Mapping[str, str]
    data: Any

    @property
    def headers(self) -> dict[str, str]:
        """Its Kafka headers in binary mode."""
        return {"content-type": CONTENT_TYPE, **{f"ce_{name}": value for name, value in self.attributes.items()}}

    @property
    def value(self) -> bytes:
        """Its record's value: the data as JSON without spaces; a signature is over these bytes."""
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def topic(self) -> str:
        """The topic it belongs on: its type and the topic's version."""
        return f"{self.attributes['type']}.v1"

    @property
    def key(self) -> str:
        """Its record's key: the match of a decision, the origin of a rejection, else its subject."""
        if self.attributes["type"] == "eligibility.decisions":
            return "|".join(self.data["match"][part] for part in ("subject", "policy", "period", "item"))
        return self.attributes["id" if self.attributes["type"] == "intake.rejected" else "subject"]


def golden_event(name: str, event: Mapping[str, Any]) -> GoldenEvent:
    """An event from its structured JSON form."""
    return GoldenEvent(name, known_attributes(event), event["data"])


def golden_events(folder: Path, contract: Contract, *, unreleased: bool = True) -> list[GoldenEvent]:
    """The events of a contract under `folder`/dataschema, the example first; raises OSError where it is missing."""
    home = folder / contract.dataschema
    files = sorted([*home.glob("*.json"), *(home.glob(f"{UNRELEASED}/*.json") if unreleased else ())])
    first = home / f"{EXAMPLE}.json"
    return [golden_event(f.stem, json.loads(f.read_text("utf-8"))) for f in [first, *(f for f in files if f != first)]]
