"""Policy → subjects by scanning columns: numpy, Polars and DuckDB, on the same codes in the narrowest types.

All have the subjects in order of region and answer with the rows for which a policy is true and those for which it is
unknown. Polars and DuckDB know unknown themselves: their null is Kleene's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.engine.facts import FACTS
from bench.engine.rules import BenchPolicy, Joined, Member, Opposite, Span, Tree
from bench.engine.subjects import Subjects

Rows = NDArray[np.integer[Any]]
Bits = NDArray[np.bool_]
FEW_CODES = 8
SAMPLE = 2_000
SIGNED: tuple[type[np.signedinteger[Any]], ...] = (np.int8, np.int16, np.int32, np.int64)


class Found(NamedTuple):
    """The rows for which a policy is true, and for which it is unknown, in order."""

    true: Rows
    unknown: Rows


class Scan(Protocol):
    """A peer for the columns: `ask` makes a policy a question, which `answer` answers; only that is timed."""

    name: str

    def ask(self, policy: BenchPolicy) -> Any:
        """A policy as this peer takes it in."""
        ...

    def answer(self, question: Any) -> Any:
        """The answer in the peer's own form."""
        ...

    def rows(self, answer: Any) -> Found:
        """The answer as rows."""
        ...


def narrowed(population: Subjects) -> list[NDArray[np.signedinteger[Any]]]:
    """Columns in the narrowest type, its lowest value standing for unknown."""
    columns: list[NDArray[np.signedinteger[Any]]] = []
    for codes, unknown in zip(population.codes, population.unknown, strict=True):
        low, high = int(codes.min()), int(codes.max())
        dtype = next(t for t in SIGNED if np.iinfo(t).min < low and high <= np.iinfo(t).max)
        column: NDArray[np.signedinteger[Any]] = codes.astype(dtype)
        column[unknown] = np.iinfo(dtype).min
        columns.append(column)
    return columns


class NumpyScan:
    """Test by test over whole columns, the most selective first; over the rows left once they are a quarter."""

    name = "numpy"

    def __init__(self, population: Subjects) -> None:
        self.columns = narrowed(population)
        step = max(1, len(population) // SAMPLE)
        self.sample = np.arange(0, len(population), step)

    def ask(self, policy: BenchPolicy) -> Sequence[Tree]:
        """Its tests."""
        return policy.tree.parts

    def answer(self, question: Sequence[Tree]) -> Found:
        """By a plane of what is true, and one of what is not false; the test that leaves least of a sample first."""
        rows: Rows | None = None
        first, *others = sorted(question, key=lambda part: np.count_nonzero(self._planes(part, self.sample)[1]))
        true, possible = self._planes(first, None)
        for part in others:
            if np.count_nonzero(possible) < len(possible) >> 2:
                left = np.flatnonzero(possible)
                rows = left if rows is None else rows[left]
                true, possible = true[left], np.ones(len(left), np.bool_)
            more_true, more_possible = self._planes(part, rows)
            true, possible = true & more_true, possible & more_possible
        unknown = np.flatnonzero(possible & ~true)
        found = np.flatnonzero(true)
        return Found(found, unknown) if rows is None else Found(rows[found], rows[unknown])

    def rows(self, answer: Found) -> Found:
        """The answer itself."""
        return answer

    def _planes(self, tree: Tree, rows: Rows | None) -> tuple[Bits, Bits]:
        match tree:
            case Joined(every, parts):
                planes = [self._planes(part, rows) for part in parts]
                join = and_ if every else or_
                return reduce(join, (true for true, _ in planes)), reduce(join, (possible for _, possible in planes))
            case Opposite(part):
                true, possible = self._planes(part, rows)
                return ~possible, ~true
        column = self.columns[tree.place] if rows is None else self.columns[tree.place][rows]
        lowest = np.iinfo(column.dtype).min
        true = _span(column, tree) if isinstance(tree, Span) else _member(column, tree)
        return true, true | (column == lowest)


def _span(column: Any, test: Span) -> Any:
    info = np.iinfo(column.dtype)
    low = info.min + 1 if test.low is None else max(test.low, info.min + 1)
    if low > info.max or (test.high is not None and test.high <= info.min):
        return np.zeros(len(column), np.bool_)
    at_least = column >= low
    return at_least if test.high is None or test.high >= info.max else at_least & (column <= test.high)


def _member(column: Any, test: Member) -> Any:
    if len(test.codes) <= FEW_CODES:
        return reduce(or_, (column == code for code in test.codes))
    unsigned = np.dtype(f"u{column.dtype.name}")
    table = np.zeros(np.iinfo(unsigned).max + 1, np.bool_)
    table[sorted(test.codes)] = True
    return table[column.view(unsigned)]


class PolarsScan:
    """One lazy query: where the verdict is not false, the row and the verdict."""

    name = "polars"

    def __init__(self, population: Subjects) -> None:
        import polars

        self.polars = polars
        columns = {
            fact.name: polars.Series(codes).set(polars.Series(unknown), None)
            for fact, codes, unknown in zip(FACTS, narrowed(population), population.unknown, strict=True)
        }
        self.frame = polars.DataFrame(columns).rechunk().with_row_index("row").lazy()

    def ask(self, policy: BenchPolicy) -> Any:
        """The rows that are not false, with the verdict."""
        verdict = self._expression(policy.tree)
        return self.frame.filter(verdict.fill_null(True)).select("row", verdict=verdict)

    def answer(self, question: Any) -> Any:
        """A frame of these."""
        return question.collect()

    def rows(self, answer: Any) -> Found:
        """The rows told apart by their verdict."""
        rows, verdict = answer["row"].to_numpy(), answer["verdict"]
        return Found(rows[verdict.fill_null(False).to_numpy()], rows[verdict.is_null().to_numpy()])

    def _expression(self, tree: Tree) -> Any:
        match tree:
            case Joined(every, parts):
                return reduce(and_ if every else or_, map(self._expression, parts))
            case Opposite(part):
                return ~self._expression(part)
            case Span(place, None, high):
                return self.polars.col(FACTS[place].name) <= high
            case Span(place, low, None):
                return self.polars.col(FACTS[place].name) >= low
            case Span(place, low, high):
                return self.polars.col(FACTS[place].name).is_between(low, high)
        return self.polars.col(FACTS[tree.place].name).is_in(sorted(tree.codes))


class DuckScan:
    """One query: where no test says otherwise, the row and the verdict.

    `WHERE (verdict) IS NOT FALSE` would be shorter and is five times slower: only plain tests reach the zone maps.
    """

    name = "duckdb"

    def __init__(self, population: Subjects) -> None:
        import duckdb

        arrays = {
            fact.name: np.ma.masked_array(codes, unknown)
            for fact, codes, unknown in zip(FACTS, narrowed(population), population.unknown, strict=True)
        }
        self.connection = duckdb.connect()
        self.connection.register("arrays", arrays)
        self.connection.execute("CREATE TABLE subjects AS SELECT * FROM arrays")
        self.connection.unregister("arrays")

    def ask(self, policy: BenchPolicy) -> str:
        """The query's text."""
        possible = _sql(policy.tree, unknown=True)
        return f"SELECT rowid, {_sql(policy.tree, unknown=False)} AS verdict FROM subjects WHERE {possible}"

    def answer(self, question: str) -> Any:
        """Two arrays, the second masked where the verdict is null."""
        return self.connection.execute(question).fetchnumpy()

    def rows(self, answer: Any) -> Found:
        """The rows told apart by their verdict, in order."""
        rows, verdict = np.asarray(answer["rowid"]), np.ma.masked_array(answer["verdict"])
        unknown = np.ma.getmaskarray(verdict)
        return Found(np.sort(rows[~unknown & verdict.filled(False)]), np.sort(rows[unknown]))


def _sql(tree: Tree, *, unknown: bool) -> str:
    """A tree in SQL: its verdict, or, with `unknown`, whether no test is false."""
    match tree:
        case Joined(every, parts):
            return "(" + (" AND " if every else " OR ").join(_sql(part, unknown=unknown) for part in parts) + ")"
        case Opposite(part):
            test, name = f"NOT {_sql(part, unknown=False)}", FACTS[part.place].name
        case Span(place, low, high):
            name = FACTS[place].name
            bounds = [f"{name} {sign} {bound}" for sign, bound in ((">=", low), ("<=", high)) if bound is not None]
            test = f"({' AND '.join(bounds)})"
        case Member(place, codes):
            name = FACTS[place].name
            test = f"{name} IN ({', '.join(map(str, sorted(codes)))})"
    return f"({test} OR {name} IS NULL)" if unknown else f"({test})"
