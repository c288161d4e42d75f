"""`zhida gaps`: what is missing, by the decisions it blocks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from eligibility.data_gaps import Blocked, DataGaps, Gap, GapKind, data_gaps
from eligibility.partition_state import PartitionState
from zhida import charts
from zhida.charts import Bar, Panel
from zhida.commands.advise import as_of, moment, said, subjects, table
from zhida.console import out

KINDS = {GapKind.FACT: "fact", GapKind.ANSWER: "officer's answer", GapKind.LIST: "word that it is complete"}
BLOCKED = (">decisions", ">it alone", ">subjects")


def show(states: Sequence[PartitionState], chart: Path | None, *, as_json: bool) -> None:
    """Print the gaps, as tables or as JSON, and draw them where asked."""
    found = data_gaps(states)
    if chart is not None:
        panels = [
            Panel("按数据项 by what is missing", [Bar(_label(gap), gap.blocked.decisions) for gap in found.gaps]),
            Panel("按部门 by provider", [Bar(name, blocked.decisions) for name, blocked in found.providers]),
        ]
        charts.write(chart, f"因数据缺失无法作出的结论\nDecisions that missing data blocks, {as_of(states)}", panels)
    if as_json:
        told = {"as_of": moment(states), "subjects": subjects(states), **as_data(found)}
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    out.print(f"{as_of(states)}, {subjects(states):,} subjects")
    show_gaps(found)


def show_gaps(found: DataGaps) -> None:
    """Print gaps, and the same by provider."""
    stuck = "" if not found.lacking_nothing else f"; {found.lacking_nothing:,} of them lack nothing and have no value"
    out.print(f"{found.undetermined:,} decisions are undetermined{stuck}")
    if not found.gaps:
        return
    by_name = table("missing", "", "what", "held by", *BLOCKED)
    for gap in found.gaps:
        by_name.add_row(*map(escape, (gap.name, said(gap.title), KINDS[gap.kind], gap.provider)), *_cells(gap.blocked))
    by_provider = table("held by", *BLOCKED)
    for provider, blocked in found.providers:
        by_provider.add_row(escape(provider), *_cells(blocked))
    for made in (by_name, by_provider):
        out.print()
        out.print(made)


def as_data(found: DataGaps) -> dict[str, object]:
    """Gaps for scripts."""
    return {
        "undetermined": found.undetermined,
        "lacking_nothing": found.lacking_nothing,
        "gaps": [
            {
                "name": gap.name,
                "title": gap.title.model_dump(),
                "kind": gap.kind.value,
                "provider": gap.provider,
                **gap.blocked._asdict(),
            }
            for gap in found.gaps
        ],
        "providers": [{"provider": provider, **blocked._asdict()} for provider, blocked in found.providers],
    }


def _label(gap: Gap) -> str:
    return f"{said(gap.title)} ({gap.name}, {gap.provider})"


def _cells(blocked: Blocked) -> list[str]:
    return [f"{number:,}" for number in blocked]
