"""The ledger: one line of JSON for each fault, and what it led to; kept as the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.chaos.oracle import Differences


@dataclass
class Ledger:
    """Faults as they are made, and the differences found after them."""

    file: Path
    say: Callable[[str], None]
    runs: int = 0
    points: set[str] = field(default_factory=set)
    found: Differences = field(default_factory=Differences)
    failures: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every fault was made, and nothing differs."""
        return not (self.found.any or self.failures)

    def fault(self, scenario: str, fault: str, **what: Any) -> None:
        """One fault was made on our cluster."""
        self.runs += 1
        self.note(scenario, fault, **what)

    def note(self, scenario: str, fault: str, **what: Any) -> None:
        """A line for the ledger."""
        self._write({"scenario": scenario, "fault": fault, **what})
        self.say(f"{scenario}: {fault} {' '.join(f'{name}={value}' for name, value in what.items())}".rstrip())

    def judged(self, scenario: str, differences: Differences, **counts: Any) -> None:
        """What the oracle found after a scenario, beside what it looked at."""
        self.found.add(differences)
        self._write({"scenario": scenario, **counts, **differences.counts(), "examples": differences.examples})
        right = "WRONG" if differences.any else "right"
        told = {name: value for name, value in differences.counts().items() if value}
        self.say(f"{scenario}: {right} {told or ''} {' '.join(f'{name}={value}' for name, value in counts.items())}")

    def failed(self, scenario: str, why: str) -> None:
        """The harness could not do what it set out to do."""
        self.failures.append(f"{scenario}: {why}")
        self._write({"scenario": scenario, "failed": why})
        self.say(f"{scenario}: FAILED: {why}")

    def _write(self, line: dict[str, Any]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
