"""The figures for people, and what they were taken from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console
from rich.table import Table

from bench.engine.changes import Compared, Growth
from bench.engine.closures import AffectedClosures
from bench.engine.facts import FACTS
from bench.engine.ours import OurIndex
from bench.engine.population import Scanned
from bench.engine.rules import FURTHER_TESTS, MOST_IN_A_SET, NEGATED_SETS, OR_GROUPS, REGION_LEVELS
from bench.engine.run import Figures, Sizes
from bench.engine.subjects import CHANGES, DRIFT, NEW_VALUE, SEVERAL, SPREAD


def parameters(sizes: Sizes, seed: int) -> Iterator[str]:
    """What the generators were given."""
    yield f"seed {seed}; {sizes}"
    yield (
        f"policies: kind, region, a set of 1–{MOST_IN_A_SET} ({NEGATED_SETS:.0%} negated), two thresholds of ten "
        f"numbers, a further test in {FURTHER_TESTS:.0%}, an any group in {OR_GROUPS:.0%}; "
        f"regions by digits of their code {REGION_LEVELS}"
    )
    yield (
        f"subjects: {len(FACTS)} facts; regions, industries and codes by Zipf's law; numbers lognormal, σ {SPREAD}; "
        f"changes {CHANGES}, {SEVERAL} facts in several; a number drifts by σ {DRIFT}, or is new in {NEW_VALUE:.0%}"
    )


def tables(figures: Figures) -> Iterator[Table]:
    """One table per question."""
    for nulls, compared in figures.compared.items():
        yield _of_peers(nulls, compared)
    yield _of_worst_cases(figures.worst)
    yield _of_growth(figures.growth)
    table = _table("an amended policy", "median ms", "99th percentile ms")
    table.add_row("re-indexed", f"{figures.amending.median:.3f}", f"{figures.amending.slowest_percent:.3f}")
    yield table
    for scanned in figures.scanned:
        yield _of_predicates(scanned)


def _of_peers(nulls: float, compared: Compared) -> Table:
    table = _table(f"change → policies, {nulls:.0%} nulls, {compared.flips:.1f} flips a change", "µs", "÷ zhida")
    for peer, taken in compared.microseconds.items():
        table.add_row(peer, f"{taken:,.1f}", f"{compared.ratio(peer):,.1f}")
    for peer, why in compared.missing.items():
        table.add_row(peer, "not run", why)
    return table


def _of_worst_cases(worst: Mapping[str, Compared]) -> Table:
    table = _table("worst cases", "µs", "closures of affected, µs", "flips a change")
    for name, compared in worst.items():
        ours, closures = (compared.microseconds[peer] for peer in (OurIndex.name, AffectedClosures.name))
        table.add_row(name, f"{ours:,.1f}", f"{closures:,.1f}", f"{compared.flips:.1f}")
    return table


def _of_growth(growth: Iterable[Growth]) -> Table:
    table = _table("growth", "µs without flips", "µs a flip", "mean µs", "flips a change")
    for grown in growth:
        numbers = (grown.fixed, grown.per_flip, grown.mean, grown.flips)
        table.add_row(f"{grown.policies:,} policies", *(f"{number:,.1f}" for number in numbers))
    return table


def _of_predicates(scanned: Scanned) -> Table:
    sides = scanned.predicates[0].milliseconds
    title = f"policy → subjects, ms: {scanned.subjects:,} subjects, {scanned.nulls:.0%} nulls"
    table = _table(title, "true", "unknown", *sides, "÷ best peer")
    for each in scanned.predicates:
        taken = (f"{milliseconds:.2f}" for milliseconds in each.milliseconds.values())
        table.add_row(each.name, f"{each.true:,}", f"{each.unknown:,}", *taken, f"{each.ratio:.2f}")
    table.caption = (
        f"geometric mean {scanned.ratio:.2f}; longest slice {scanned.slice_milliseconds:.1f} ms; "
        f"{scanned.bytes_per_subject:.0f} bytes of values a subject, "
        f"{scanned.record_bytes:.0f} bytes of state record with provenance"
    )
    return table


def show(figures: Figures, console: Console) -> None:
    """All tables, and whether everything agreed."""
    for table in tables(figures):
        console.print(table)
    console.print(f"mismatches: {figures.mismatches}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table
