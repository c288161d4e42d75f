"""The world as files: `changes.jsonl`, `rosters.jsonl` and `world.json`, which says what they hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from zhida.world.agenda import OCCASIONS
from zhida.world.gaps import MISSING, SILENT
from zhida.world.generation import records
from zhida.world.moments import FIRST_DAY, LAST_DAY

Progress = Callable[[int], None]
"""Called with the number of events written so far."""

_PROGRESS_EVERY = 5_000
_KINDS = ("enterprise", "individual_business", "person")


@dataclass(frozen=True)
class Summary:
    """How many events of which kind a world has: `load` on 2023-12-31, all others in 2024–2025."""

    subjects: int
    seed: int
    load: int
    founding: int
    change: int
    stale: int
    roster: int
    changes_by_provider: dict[str, int] = field(default_factory=dict)
    changes_by_month: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        """The registry changes of 2024–2025."""
        return self.founding + self.change + self.stale


def write(folder: Path, subjects: int, seed: int, progress: Progress = lambda events: None) -> Summary:
    """Write the world of `subjects` and `seed` into `folder`, made where it is missing.

    Raises OSError where it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds: Counter[str] = Counter()
    providers: Counter[str] = Counter()
    by_month: Counter[str] = Counter()
    with (
        (folder / "changes.jsonl").open("w", encoding="utf-8", newline="\n") as changes,
        (folder / "rosters.jsonl").open("w", encoding="utf-8", newline="\n") as rosters,
    ):
        for written, record in enumerate(records(subjects, seed), start=1):
            kinds[record.kind] += 1
            if record.kind not in ("load", "roster"):
                providers[record.sender] += 1
                by_month[record.time[:7]] += 1
            (rosters if record.kind == "roster" else changes).write(f"{record.line}\n")
            if written % _PROGRESS_EVERY == 0:
                progress(written)
    progress(kinds.total())
    counts = {kind: kinds[kind] for kind in ("load", "founding", "change", "stale", "roster")}
    summary = Summary(
        subjects,
        seed,
        **counts,
        changes_by_provider=dict(sorted(providers.items())),
        changes_by_month=dict(sorted(by_month.items())),
    )
    (folder / "world.json").write_text(_description(summary), encoding="utf-8")
    return summary


def _description(summary: Summary) -> str:
    counts = asdict(summary)
    description = {
        "parameters": {
            "subjects": counts.pop("subjects"),
            "seed": counts.pop("seed"),
            "from": FIRST_DAY.isoformat(),
            "to": LAST_DAY.isoformat(),
            "missing": MISSING,
            "silent": {provider: dict(zip(_KINDS, shares, strict=True)) for provider, shares in SILENT.items()},
            "chance_per_year": {change.__name__: rate for change, rate in OCCASIONS},
        },
        "counts": counts,
    }
    return json.dumps(description, indent=2) + "\n"
