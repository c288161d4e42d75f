"""The figures for people, and what they were taken from."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from bench.engine.facts import FACTS
from bench.pipeline.run import LIMIT, OURS, TEXTBOOK, TEXTBOOK_EXACTLY_ONCE, Figures, Sizes
from bench.pipeline.workload import NULLS

NAMES = {
    OURS: "zhida",
    TEXTBOOK: "textbook Faust app",
    TEXTBOOK_EXACTLY_ONCE: "the same, exactly_once",
    LIMIT: "bare aiokafka, both hops",
}
TARGETS = {
    "ratio_textbook": "at least 10",
    "ratio_limit": "at least 0.5",
    "p50_ms": "at most 40",
    "p99_ms": "at most 200",
    "recovery_ratio": "at most 3",
    "p99_during_rollout_ms": "under 500",
}


def parameters(sizes: Sizes, seed: int) -> Iterator[str]:
    """What the generators were given."""
    yield f"seed {seed}; {sizes}"
    yield (
        f"subjects: {len(FACTS)} facts, {NULLS:.0%} unknown; {sizes.distinct:,} of them begin each with facts of its "
        "own, the others like one of those; facts, policies and changes as the engine's benchmark draws them"
    )


def show(figures: Figures, console: Console) -> None:
    """All tables, and whether everything agreed."""
    for table in tables(figures):
        console.print(table)
    console.print(f"mismatches: {figures.mismatches}")


def tables(figures: Figures) -> Iterator[Table]:
    """Throughput and what it takes, then what is to be reached, then restarts."""
    table = _table(
        "changes, from all at once to all committed", "a second", "zhida ÷ it", "CPU µs a change, by process"
    )
    for name, side in figures.sides.items():
        cpu = ", ".join(f"{role} {taken:,.0f}" for role, taken in side.cpu_us().items())
        ratio = figures.sides[OURS].per_second / side.per_second
        table.add_row(NAMES[name], f"{side.per_second:,.0f}", f"{ratio:,.2f}", f"{side.others:.0%}", cpu)
    yield table
    summary = figures.summary()
    table = _table("what is to be reached", "reached", "wanted")
    for key, wanted in TARGETS.items():
        table.add_row(key, f"{summary[key]:,.2f}", wanted)
    table.caption = (
        f"half load: {summary['half_load_per_s']:,.0f} changes a second, {summary['pushes_timed']:,} pushes timed; "
        f"{summary['rolled_out_meanwhile']:.0%} of the roll-out came meanwhile"
    )
    yield table
    table = _table("bytes a change", "")
    table.add_row("on disk", f"{summary['disk_bytes_per_event']:,.0f}")
    table.add_row("over the loopback", f"{summary['loopback_bytes_per_event']:,.0f}")
    for topic, size in summary["written_bytes_per_event"].items():
        table.add_row(f"written to {topic}", f"{size:,.0f}")
    yield table
    table = _table("restart", "loading, s", "bare read, s", "÷ bare read", "to the first push, s")
    for each in figures.recoveries:
        numbers = (each.loading, each.bare, each.ratio, each.first_event)
        table.add_row(f"{each.subjects:,} subjects", *(f"{number:,.2f}" for number in numbers))
    yield table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table
