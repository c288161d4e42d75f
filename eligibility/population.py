"""Policy → subjects: a partition's subjects in columns, so that a publication is answered for all of them at once.

A column holds one attribute's codes in the narrowest type that takes them; the type's lowest value stands for unknown.
Columns come in chunks of at most `CHUNK` rows, so that growing copies nothing and no answer holds anybody up: each
chunk is one slice. Of each column of a chunk the least and greatest code are known, so that chunks in which a
conjunct is false for all, or true for all, are not looked at: with rows in order of region a policy of one county
reads one chunk. A row that is freed is the next to be taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eligibility.codes import Attributes, Row, Span
from eligibility.formula import Cut, Formula, Gate, Literal, Members, Moving, Open, Part, leaves
from schemas.catalogue import FactType

CHUNK = 1 << 17
_FIRST_ROWS = 1 << 8
_SAMPLE = 1 << 10
_MANY_RUNS = 6  # of a set: to look each code up is faster then
_NARROWEST: dict[FactType, type[np.signedinteger[Any]]] = {
    FactType.BOOLEAN: np.int8,
    FactType.CODE: np.int8,
    FactType.REGION: np.int16,
    FactType.INDUSTRY: np.int16,
    FactType.INTEGER: np.int16,
    FactType.IDENTIFIER: np.int32,
    FactType.DATE: np.int32,
    FactType.DECIMAL: np.int32,
}
_WIDER = {np.dtype(np.int8): np.int16, np.dtype(np.int16): np.int32, np.dtype(np.int32): np.int64}
_LOWEST = {np.dtype(each): int(np.iinfo(each).min) for each in (np.int8, np.int16, np.int32, np.int64)}

Bits = NDArray[np.bool_]
Rows = NDArray[np.int64]
Codes = NDArray[np.signedinteger[Any]]
_NOBODY: Rows = np.empty(0, np.int64)


class Slice(NamedTuple):
    """A part of an answer: the rows for which a formula is true, and those for which it is unknown."""

    true: Rows
    unknown: Rows


class Stored(NamedTuple):
    """A subject's codes, of the attributes that were in use when they were put, and as of which season."""

    codes: Row
    season: int


class _Seen(NamedTuple):
    """Per row of a chunk: as of which season, and with how many attributes, it was put."""

    season: NDArray[np.int32]
    width: NDArray[np.int32]


class _Zone(NamedTuple):
    """A column's chunk: its least and greatest known code, none where `low` > `high`, and whether some are unknown."""

    low: int
    high: int
    holes: bool


class _Planes(NamedTuple):
    """Where a part is true, and where it is not false. One and the same array where nothing is unknown."""

    true: Bits
    possible: Bits


@dataclass
class _Column:
    """One attribute's chunks."""

    dtype: np.dtype[Any]
    chunks: list[Codes] = field(default_factory=list)
    sample: Codes | None = None
    zones: list[_Zone | None] = field(default_factory=list)

    @property
    def unknown(self) -> int:
        """The code that stands for unknown."""
        return _LOWEST[self.dtype]

    def put(self, chunk: int, place: int, code: int | None) -> None:
        lowest = _LOWEST[self.dtype]
        while code is not None and not lowest < code < -lowest:
            self.dtype = np.dtype(_WIDER[self.dtype])
            narrower, lowest = lowest, _LOWEST[self.dtype]
            self.chunks = [_widened(each, narrower, self.dtype) for each in self.chunks]
            self.sample = None
        stored = lowest if code is None else code
        if self.chunks[chunk].item(place) != stored:
            self.chunks[chunk][place] = stored
            self.zones[chunk] = None

    def zone(self, chunk: int, size: int) -> _Zone:
        """Found by looking once, and kept until a row of the chunk changes."""
        known = self.zones[chunk]
        if known is None:
            known = self.zones[chunk] = _zone(self.chunks[chunk][:size])
        return known


class _Block(NamedTuple):
    """Rows that are looked at together: of a chunk, all or some; or a sample of all chunks, where there is no chunk."""

    columns: Sequence[_Column]
    chunk: int | None
    rows: Rows | None
    size: int
    day: date

    def codes(self, slot: int) -> tuple[Codes, _Zone]:
        """An attribute's codes, and what is known of them beforehand."""
        column = self.columns[slot]
        if self.chunk is None:
            assert column.sample is not None
            return column.sample, _zone(column.sample)
        codes = column.chunks[self.chunk][: self.size]
        return codes if self.rows is None else codes[self.rows], column.zone(self.chunk, self.size)

    @property
    def length(self) -> int:
        """How many rows."""
        return self.size if self.rows is None else len(self.rows)


class Population:
    """Subjects by row. Rows are numbered from 0; a subject keeps its row until it is discarded."""

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.subjects: list[str | None] = []
        self._rows: dict[str, int] = {}
        self._free: list[int] = []
        self._columns: list[_Column] = []
        self._seen: list[_Seen] = []
        self._capacities: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, subject: str) -> bool:
        return subject in self._rows

    @property
    def nbytes(self) -> int:
        """The memory of all columns, and of what is kept per row beside them."""
        columns = sum(chunk.nbytes for column in self._columns for chunk in column.chunks)
        return columns + sum(each.nbytes for seen in self._seen for each in seen)

    def row_of(self, subject: str) -> int:
        """A subject's row. Raises KeyError where it has none."""
        return self._rows[subject]

    def put(self, subject: str, codes: Row, season: int = 0) -> None:
        """Take a subject's codes, as they are in a season: a time in which no period turns for anybody."""
        self._widen()
        row = self._rows.get(subject)
        if row is None:
            row = self._rows[subject] = self._take_row(subject)
        chunk, place = divmod(row, CHUNK)
        for column, code in zip(self._columns, codes, strict=True):
            column.put(chunk, place, code)
        self._seen[chunk].season[place], self._seen[chunk].width[place] = season, len(codes)

    def put_all(self, subjects: Sequence[str], columns: Sequence[Codes], unknown: Sequence[Bits | None]) -> None:
        """Take many new subjects at once, one array of codes per attribute; in order of region, they are found faster.

        `unknown`: per attribute where its code is not known, None where all are.
        """
        self.meet_all(subjects)
        for seen in self._seen:
            seen.width[:] = len(self._columns)
        for column, codes, holes in zip(self._columns, columns, unknown, strict=True):
            known = codes if holes is None else codes[~holes]
            if len(known):
                while not column.unknown < known.min() or known.max() >= -column.unknown:
                    column.dtype = np.dtype(_WIDER[column.dtype])
            for place, first in enumerate(range(0, len(subjects), CHUNK)):
                chunk = codes[first : first + CHUNK].astype(column.dtype)
                if holes is not None:
                    chunk[holes[first : first + CHUNK]] = column.unknown
                column.chunks[place] = chunk

    def meet_all(self, subjects: Iterable[str]) -> None:
        """Give many new subjects their rows at once. Nothing is known of them yet, which is no season's."""
        self._widen()
        assert not self._rows, "only the first subjects come all at once"
        self.subjects = list(subjects)
        self._rows = {subject: row for row, subject in enumerate(self.subjects) if subject is not None}
        for first in range(0, len(self.subjects), CHUNK):
            self._capacities.append(min(CHUNK, len(self.subjects) - first))
            self._seen.append(_seen(self._capacities[-1]))
            for column in self._columns:
                column.chunks.append(np.full(self._capacities[-1], column.unknown, column.dtype))
                column.zones.append(None)

    def outdate(self, subject: str) -> None:
        """What was put of a subject is of no season any more; a new one has a row of which nothing is known."""
        row = self._rows.get(subject)
        if row is None:
            self._widen()
            row = self._rows[subject] = self._take_row(subject)
        chunk, place = divmod(row, CHUNK)
        self._seen[chunk].season[place], self._seen[chunk].width[place] = -1, 0

    def discard(self, subject: str) -> None:
        """Forget a subject; its row is the next to be taken."""
        row = self._rows.pop(subject)
        self.subjects[row] = None
        self._free.append(row)
        chunk, place = divmod(row, CHUNK)
        for column in self._columns:
            column.put(chunk, place, None)

    def codes(self, subject: str) -> Stored | None:
        """A subject's codes as they were put."""
        row = self._rows.get(subject)
        if row is None:
            return None
        chunk, place = divmod(row, CHUNK)
        season, width = self._seen[chunk].season.item(place), self._seen[chunk].width.item(place)
        known: Row = []
        for column in self._columns[:width]:
            code = column.chunks[chunk].item(place)
            known.append(None if code == column.unknown else code)
        return Stored(known, season)

    def is_current(self, season: int) -> bool:
        """Whether all rows were put in a season and with all attributes in use."""
        width = len(self.attributes)
        return all(
            bool(((seen.season[:size] == season) & (seen.width[:size] == width)).all())
            for chunk, seen in enumerate(self._seen)
            for size in [self._size(chunk)]
        )

    def outdated(self, rows: Rows, season: int) -> Rows:
        """Which of some rows were put in another season, or before some attribute was in use."""
        self._widen()
        found = [_NOBODY]
        for chunk, within, places in _by_chunk(rows):
            seen = self._seen[chunk]
            found.append(within[(seen.season[places] != season) | (seen.width[places] != len(self._columns))])
        return np.concatenate(found)

    def answer(self, formula: Formula, day: date) -> Iterator[Slice]:
        """For whom a formula is true on a day, and for whom it is unknown: a chunk of rows at a time."""
        self._widen()
        order = self._by_selectivity(formula.root, day)
        for chunk in range(len(self._capacities)):
            size = self._size(chunk)
            found = self._sift(order, _Block(self._columns, chunk, None, size, day))
            yield Slice(found.true + chunk * CHUNK, self._there(found.unknown + chunk * CHUNK))

    def among(self, formula: Formula, day: date, rows: Rows) -> Slice:
        """The same for some rows, in order."""
        self._widen()
        true, unknown = [_NOBODY], [_NOBODY]
        for chunk, _, places in _by_chunk(rows):
            part = self._sift(formula.root.parts, _Block(self._columns, chunk, places, self._size(chunk), day))
            true.append(part.true + chunk * CHUNK)
            unknown.append(part.unknown + chunk * CHUNK)
        return Slice(np.concatenate(true), np.concatenate(unknown))

    def between(self, slot: int, low: int, high: int, rows: Rows) -> Rows:
        """Which of some rows have a code from `low` up to `high`, not included."""
        self._widen()
        found, column = [_NOBODY], self._columns[slot]
        for chunk, within, places in _by_chunk(rows):
            codes = column.chunks[chunk][places].astype(np.int64)
            found.append(within[(codes >= low) & (codes < high) & (codes != column.unknown)])
        return np.concatenate(found)

    def count_unknown(self, slots: Sequence[int], rows: Rows) -> NDArray[np.int64]:
        """Of how many of some attributes each row's code is unknown."""
        self._widen()
        counts = np.zeros(len(rows), np.int64)
        chunks = rows // CHUNK
        for chunk in np.unique(chunks).tolist():
            here = chunks == chunk
            within = rows[here] - chunk * CHUNK
            for slot in slots:
                counts[here] += self._columns[slot].chunks[chunk][within] == self._columns[slot].unknown
        return counts

    def _there(self, rows: Rows) -> Rows:
        """Without the rows that are free, about which nothing is known."""
        return rows[~np.isin(rows, self._free)] if self._free else rows

    def _size(self, chunk: int) -> int:
        return min(CHUNK, len(self.subjects) - chunk * CHUNK)

    def _widen(self) -> None:
        """A column for every attribute in use, unknown until put."""
        for slot in range(len(self._columns), len(self.attributes)):
            column = _Column(np.dtype(_NARROWEST[self.attributes.kinds[slot]]))
            for capacity in self._capacities:
                column.chunks.append(np.full(capacity, column.unknown, column.dtype))
                column.zones.append(None)
            self._columns.append(column)

    def _take_row(self, subject: str) -> int:
        if self._free:
            row = self._free.pop()
            self.subjects[row] = subject
            return row
        row = len(self.subjects)
        self.subjects.append(subject)
        chunk, place = divmod(row, CHUNK)
        if chunk == len(self._capacities):
            self._capacities.append(_FIRST_ROWS if chunk == 0 else CHUNK)
            self._seen.append(_seen(self._capacities[chunk]))
            for column in self._columns:
                column.chunks.append(np.full(self._capacities[chunk], column.unknown, column.dtype))
                column.zones.append(None)
        elif place == self._capacities[chunk]:  # the first chunk starts small: most partitions of a test stay so
            self._capacities[chunk] = min(CHUNK, 2 * place)
            grown_seen = _seen(self._capacities[chunk])
            for new, old in zip(grown_seen, self._seen[chunk], strict=True):
                new[:place] = old
            self._seen[chunk] = grown_seen
            for column in self._columns:
                grown = np.full(self._capacities[chunk], column.unknown, column.dtype)
                grown[:place] = column.chunks[chunk]
                column.chunks[chunk] = grown
        for column in self._columns:
            column.zones[chunk] = None
        return row

    def _by_selectivity(self, root: Gate, day: date) -> Sequence[Part]:
        """The conjuncts, those that leave the fewest of a sample first; an old sample makes it slower, never wrong."""
        if len(root.parts) < 2 or len(self.subjects) < _SAMPLE:
            return root.parts
        rows = np.linspace(0, len(self.subjects) - 1, _SAMPLE).astype(np.int64)
        chunks, places = np.divmod(rows, CHUNK)
        for slot in {leaf.slot for leaf in leaves(root) if isinstance(leaf, Literal)}:
            column = self._columns[slot]
            if column.sample is None:
                column.sample = np.array(
                    [column.chunks[chunk][place] for chunk, place in zip(chunks.tolist(), places.tolist(), strict=True)]
                )
        sample = _Block(self._columns, None, None, _SAMPLE, day)
        left = [np.count_nonzero(_planes(part, sample).possible) for part in root.parts]
        return [part for _, part in sorted(zip(left, root.parts, strict=True), key=lambda each: each[0])]

    def _sift(self, conjuncts: Sequence[Part], block: _Block) -> Slice:
        """A block: conjunct by conjunct, going on with the rows left once they are few."""
        planes: _Planes | None = None
        for conjunct in conjuncts:
            alike = _for_all(conjunct, block)
            if alike is False:
                return Slice(_NOBODY, _NOBODY)
            if alike is True:
                continue
            found = _planes(conjunct, block)
            planes = found if planes is None else _both(planes, found)
            left = np.count_nonzero(planes.possible)
            if left < block.length >> 2:
                places = np.flatnonzero(planes.possible)
                block = block._replace(rows=places if block.rows is None else block.rows[places])
                planes = _Planes(planes.true[places], np.ones(left, np.bool_))
            if not left:
                break
        if planes is None:
            return Slice(np.arange(block.size) if block.rows is None else block.rows, _NOBODY)
        true = np.flatnonzero(planes.true)
        unknown = _NOBODY if planes.true is planes.possible else np.flatnonzero(planes.possible > planes.true)
        return Slice(true, unknown) if block.rows is None else Slice(block.rows[true], block.rows[unknown])


def _by_chunk(rows: Rows) -> Iterator[tuple[int, Rows, Rows]]:
    """Some rows chunk by chunk: the chunk, its rows, and their places in it."""
    chunks = rows // CHUNK
    for chunk in np.unique(chunks).tolist():
        within = rows[chunks == chunk]
        yield chunk, within, within - chunk * CHUNK


def _zone(codes: Codes) -> _Zone:
    unknown = _LOWEST[codes.dtype]
    low, high = int(codes.min()), int(codes.max())
    holes = low == unknown
    if holes:
        rest = codes[codes != unknown]
        low = int(rest.min()) if len(rest) else high + 1
    return _Zone(low, high, holes)


def _for_all(part: Part, block: _Block) -> bool | None:
    """Whether a literal is true, or false, for all of a block's chunk."""
    if not isinstance(part, Literal) or isinstance(part.test, Members):
        return None
    assert block.chunk is not None
    low, high, holes = block.columns[part.slot].zone(block.chunk, block.size)
    match part.test:
        case Moving():
            at = part.test.at(block.day)
            span = None if at is None else Span(at, high)
        case Cut(at):
            span = Span(at, high)
        case Span():
            span = part.test
    if holes or span is None or low > high:
        return None
    if span.low <= low and high <= span.high:
        return part.positive
    return (not part.positive) if high < span.low or low > span.high else None


def _planes(part: Part, block: _Block) -> _Planes:
    match part:
        case Literal():
            return _literal(part, block)
        case Gate(conjunctive, parts):
            planes, *others = (_planes(each, block) for each in parts)
            for each in others:
                planes = _both(planes, each) if conjunctive else _either(planes, each)
            return planes
        case Open():
            return _Planes(np.zeros(block.length, np.bool_), np.ones(block.length, np.bool_))


def _literal(literal: Literal, block: _Block) -> _Planes:
    codes, zone = block.codes(literal.slot)
    inside = _inside(literal, codes, zone, block.day)
    if inside is None:
        return _Planes(np.zeros(len(codes), np.bool_), np.ones(len(codes), np.bool_))
    if not zone.holes:
        held = inside if literal.positive else ~inside
        return _Planes(held, held)
    known = codes != _LOWEST[codes.dtype]
    true = inside & known if literal.positive else known & ~inside
    return _Planes(true, true | ~known)


def _inside(literal: Literal, codes: Codes, zone: _Zone, day: date) -> Bits | None:
    """Where a code passes the test as it stands without its sign; None where it has no cut yet. Unknown ones vary."""
    match literal.test:
        case Moving():
            at = literal.test.at(day)
            return None if at is None else _from(codes, at, zone)
        case Cut(at):
            return _from(codes, at, zone)
        case Span(low, high):
            return _run(codes, low, high, zone)
        case Members(members):
            runs = _runs(members)
            if len(runs) > _MANY_RUNS and codes.dtype.itemsize <= 2:
                return _looked_up(codes, members)
            inside = np.zeros(len(codes), np.bool_)
            for low, high in runs:
                inside |= _run(codes, low, high, zone)
            return inside


def _from(codes: Codes, at: int, zone: _Zone) -> Bits:
    """`codes >= at`, with a bound that the codes' type may not be able to hold."""
    if at > zone.high:
        return np.zeros(len(codes), np.bool_)
    return codes >= max(at, _LOWEST[codes.dtype])


def _run(codes: Codes, low: int, high: int, zone: _Zone) -> Bits:
    if low > zone.high or high < zone.low:
        return np.zeros(len(codes), np.bool_)
    low, high = max(low, zone.low), min(high, zone.high)
    return codes == low if low == high else (codes >= low) & (codes <= high)


def _looked_up(codes: Codes, members: frozenset[int]) -> Bits:
    unsigned = np.dtype(f"u{codes.dtype.name}")
    table = np.zeros(1 << 8 * codes.dtype.itemsize, np.bool_)
    table[[code for code in members if code < len(table) >> 1]] = True
    found: Bits = table[codes.view(unsigned)]
    return found


def _runs(members: frozenset[int]) -> list[tuple[int, int]]:
    """Codes as runs of neighbours."""
    runs: list[tuple[int, int]] = []
    for code in sorted(members):
        if runs and runs[-1][1] == code - 1:
            runs[-1] = runs[-1][0], code
        else:
            runs.append((code, code))
    return runs


def _both(one: _Planes, other: _Planes) -> _Planes:
    true = one.true & other.true
    return _Planes(true, true if _exact(one, other) else one.possible & other.possible)


def _either(one: _Planes, other: _Planes) -> _Planes:
    true = one.true | other.true
    return _Planes(true, true if _exact(one, other) else one.possible | other.possible)


def _exact(one: _Planes, other: _Planes) -> bool:
    return one.true is one.possible and other.true is other.possible


def _seen(capacity: int) -> _Seen:
    return _Seen(np.full(capacity, -1, np.int32), np.zeros(capacity, np.int32))


def _widened(codes: Codes, unknown: int, dtype: np.dtype[Any]) -> Codes:
    wider = codes.astype(dtype)
    wider[codes == unknown] = _LOWEST[dtype]
    return wider
