"""`zhida advise`: which direct-list policies need no application; and what gaps and preview share with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from eligibility.advice import Advice, advise, rules_of
from eligibility.business_time import SHANGHAI
from eligibility.partition_state import PartitionState
from schemas.model import Text
from zhida import charts
from zhida.charts import Bar, Panel
from zhida.console import out
from zhida.simulation import fold_journal_file

NEEDS = {0: "现可免申 decidable without an application", 1: "共享一项数据后可免申 decidable once one fact is shared"}
NEEDS_MORE = "共享多项数据后可免申 decidable once several facts are shared"


def show(states: Sequence[PartitionState], chart: Path | None, *, as_json: bool) -> None:
    """Print the advice, as a table or as JSON, and draw it where asked."""
    found = advise(states)
    if chart is not None:
        charts.write(chart, f"免申请可惠及的主体数\nSubjects spared an application, {as_of(states)}", _panels(found))
    if as_json:
        told = {"as_of": moment(states), "subjects": subjects(states), "policies": [_as_data(each) for each in found]}
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    out.print(f"{as_of(states)}, {subjects(states):,} subjects")
    made = table("policy", "", ">frees", ">eligible now", ">wait for it", "not shared", "answered by")
    for each in found:
        facts = ", ".join(fact.name for fact in each.unshared)
        providers = ", ".join(sorted({fact.provider for fact in each.unshared}))
        counts = (f"{number:,}" for number in (each.freed, each.eligible, each.waiting))
        made.add_row(*map(escape, (each.policy.id, said(each.policy.title), *counts, facts or "–", providers or "–")))
    out.print(made)


def _as_data(each: Advice) -> dict[str, object]:
    return {
        "policy": each.policy.id,
        "policy_version": each.policy.version,
        "title": each.policy.title.model_dump(),
        "freed": each.freed,
        "eligible": each.eligible,
        "waiting": each.waiting,
        "unshared": [
            {"fact": fact.name, "title": fact.title.model_dump(), "provider": fact.provider} for fact in each.unshared
        ],
    }


def _panels(found: Sequence[Advice]) -> list[Panel]:
    panels: dict[str, list[Bar]] = {}
    for each in found:
        heading = NEEDS.get(len(each.unshared), NEEDS_MORE)
        wants = "" if not each.unshared else f" ← {', '.join(fact.name for fact in each.unshared)}"
        panels.setdefault(heading, []).append(Bar(said(each.policy.title) + wants, each.freed))
    return [Panel(heading, bars) for heading, bars in panels.items()]


def folded(file: Path) -> list[PartitionState]:
    """The partitions' states at the end of an exported journal. Raises FileRefused."""
    return list(fold_journal_file(file, lambda effect: None).values())


def moment(states: Sequence[PartitionState]) -> str:
    """The states' now, for scripts."""
    return rules_of(states).now.astimezone(SHANGHAI).isoformat()


def as_of(states: Sequence[PartitionState]) -> str:
    """The states' now, in words."""
    return f"as of {rules_of(states).now.astimezone(SHANGHAI):%Y-%m-%d %H:%M} (UTC+8)"


def subjects(states: Sequence[PartitionState]) -> int:
    """How many subjects are known."""
    return sum(len(state.files) for state in states)


def said(text: Text) -> str:
    """A text in both languages."""
    return f"{text.zh} {text.en}"


def table(*headings: str) -> Table:
    """An empty table; a heading after > is that of a column of numbers."""
    made = Table(box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        number = heading.startswith(">")
        # a row stays one line where a script may read it
        made.add_column(heading.removeprefix(">"), justify="right" if number else "left", no_wrap=not out.is_terminal)
    return made
