"""Change → policies: which policies a subject's change, or time, makes true, false or unknown.

Tests are indexed by what they compare (decision 19 of the architecture): bounds in order, subtrees by their span, sets
by their members, moving dates by their figure; each posting is a test, never a policy, for a policy may test a fact
twice. A change touches the tests that flip between the old code and the new. Their policies are cut by bitmaps of those
that a subject's region or industry does not make false, then by guards, what they ask of its other facts; those left
are evaluated exactly, before and after. The cost follows the tests that flip.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from eligibility.business_time import business_date, earliest, next_period_start, start_of
from eligibility.codes import MOST, Attributes, Row, Span
from eligibility.formula import Cut, Formula, Gate, Literal, Members, Moving, Open, Part
from eligibility.kleene import Truth
from schemas.catalogue import PeriodKind

Version = tuple[str, int]
"""A policy, and the place of a version in its history."""

Cuts = list[int | None]
"""Where each moving test stands on a day."""

K = TypeVar("K", int, Span)
Holds = Callable[[Row, Cuts], Truth]
Numbers = NDArray[np.int64]

GUARDS = 4
"""How many of a policy's tests cut it off before it is evaluated."""

FEW = 12
"""So few policies are evaluated sooner than cut any further."""

MOST_BITMAPS = 128
"""So many codes of an attribute have their bitmap at hand: more would cost memory, and time at every amendment."""

MANY = 400
"""So many are cut by their first guard before the others."""

_UNKNOWN = MOST, -MOST, -1  # within all bounds and in every set
_EVERYWHERE = Span(-MOST, MOST)
_ANY = -1  # a mask of all bits: no set is asked for
_FOREVER = 1 << 62  # microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Flip(NamedTuple):
    """A policy whose tests were touched, and its verdict before and after."""

    version: Version
    before: Truth
    after: Truth


class Guard(NamedTuple):
    """A test that must not be false: a code within bounds, and its bit among those of the mask."""

    slot: int
    low: int
    high: int
    mask: int


@dataclass
class _Postings:
    """The tests on one attribute, by number."""

    cuts: list[int] = field(default_factory=list)
    cut_tests: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    spans: dict[Span, BitMap] = field(default_factory=dict)
    members: dict[int, BitMap] = field(default_factory=dict)
    moving: dict[int, BitMap] = field(default_factory=dict)
    every: BitMap = field(default_factory=BitMap)
    _containing: dict[int, frozenset[Span]] = field(default_factory=dict)

    def add(self, literal: Literal, number: int, moving: int) -> None:
        self.every.add(number)
        match literal.test:
            case Cut(at):
                place = bisect_left(self.cuts, at)
                self.cuts.insert(place, at)
                self.cut_tests = np.insert(self.cut_tests, place, number)
            case Span() as span:
                if span not in self.spans:
                    self.spans[span] = BitMap()
                    self._containing.clear()
                self.spans[span].add(number)
            case Members(codes):
                for code in codes:
                    self.members.setdefault(code, BitMap()).add(number)
            case Moving():
                self.moving.setdefault(moving, BitMap()).add(number)

    def discard(self, literal: Literal, number: int, moving: int) -> None:
        self.every.discard(number)
        match literal.test:
            case Cut(at):
                first, last = bisect_left(self.cuts, at), bisect_right(self.cuts, at)
                place = first + int(np.flatnonzero(self.cut_tests[first:last] == number)[0])
                del self.cuts[place]
                self.cut_tests = np.delete(self.cut_tests, place)
            case Span() as span:
                _discard(self.spans, span, number)
                if span not in self.spans:
                    self._containing.clear()
            case Members(codes):
                for code in codes:
                    _discard(self.members, code, number)
            case Moving():
                _discard(self.moving, moving, number)

    def flipped(self, before: int | None, after: int | None, was: Cuts, now: Cuts) -> Iterator[Numbers]:
        """The tests that come out otherwise; where the fact was or becomes unknown, all of them."""
        if before is None or after is None:
            yield _numbers(self.every)
            return
        low, high = bisect_right(self.cuts, before), bisect_right(self.cuts, after)
        if low != high:
            yield self.cut_tests[min(low, high) : max(low, high)]
        if self.spans:
            for span in self.containing(before) ^ self.containing(after):
                yield _numbers(self.spans[span])
        if self.members:
            nobody = BitMap()
            yield _numbers(self.members.get(before, nobody) ^ self.members.get(after, nobody))
        for moving, tests in self.moving.items():
            if _passed(before, was[moving]) is not _passed(after, now[moving]):
                yield _numbers(tests)

    def containing(self, code: int) -> frozenset[Span]:
        """The spans a code lies in."""
        known = self._containing.get(code)
        if known is None:
            known = frozenset(span for span in self.spans if span.low <= code <= span.high)
            self._containing[code] = known
        return known


class PolicyIndex:
    """Policy versions, each with its formula and the moments between which it acts.

    Rows are those of `attributes`. A version outside its moments is false.
    """

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.formulas: dict[Version, Formula] = {}
        self._slots: dict[Version, int] = {}
        self._versions: list[Version] = []
        self._free: list[int] = []
        self._holds: list[Holds] = []
        self._moments = np.empty((0, 2), np.int64)  # from when, until when
        self._guards = np.empty((0, GUARDS, 4), np.int64)
        self._within: dict[int, _NotFalse] = {}
        self._tests: list[list[int]] = []
        self._owners = np.empty(0, np.int64)
        self._free_tests: list[int] = []
        self._tested = 0
        self._postings: dict[int, _Postings] = defaultdict(_Postings)
        self._opened: dict[str, BitMap] = defaultdict(BitMap)
        self._moving: dict[Moving, int] = {}
        self._moving_tests: list[Moving] = []
        self._acting_at: tuple[datetime, datetime, NDArray[np.bool_]] | None = None
        self._cuts_on: tuple[date, datetime, Cuts] | None = None
        self._boundaries: list[tuple[datetime, int]] = []
        self._bounds: dict[int, list[datetime]] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, version: Version, formula: Formula, opens: datetime, closes: datetime | None) -> None:
        """Take in a version: it acts from `opens` until just before `closes`. The cost is that of its own tests."""
        possible, true = (self._source(formula.root, unknown=unknown) for unknown in (True, False))
        holds = _function(possible, true)
        slot = self._new_slot()
        self._versions[slot], self.formulas[version], self._slots[version] = version, formula, slot
        ends = _FOREVER if closes is None else _instant(closes)
        self._moments[slot] = _instant(opens), ends
        self._acting_at = None
        self._bounds[slot] = [opens] if closes is None else [opens, closes]
        for boundary in self._bounds[slot]:
            insort(self._boundaries, (boundary, slot))
        for literal in formula.literals():
            number = self._new_test(slot)
            self._tests[slot].append(number)
            self._postings[literal.slot].add(literal, number, self._number_of(literal.test))
        for fact in formula.opened or ():
            self._opened[fact].add(slot)
        self._holds[slot] = holds
        literals = [part for part in formula.root.parts if isinstance(part, Literal) and part.positive]
        spans = {literal.slot: literal.test for literal in literals if isinstance(literal.test, Span)}
        for within in {*spans} - {*self._within}:
            self._within[within] = _NotFalse(len(self._moments))
        for within, bitmaps in self._within.items():
            bitmaps.put(slot, spans.get(within, _EVERYWHERE))
        guards = sorted((g for g in map(_guard, formula.root.parts) if g is not None), key=_width)[:GUARDS]
        self._guards[slot] = guards + [Guard(0, -MOST, MOST, _ANY)] * (GUARDS - len(guards))

    def discard(self, version: Version) -> None:
        """Forget a version."""
        slot = self._slots.pop(version)
        formula = self.formulas.pop(version)
        for number, literal in zip(self._tests[slot], formula.literals(), strict=True):
            self._postings[literal.slot].discard(literal, number, self._number_of(literal.test))
        self._free_tests += self._tests[slot]
        self._tests[slot] = []
        for fact in formula.opened or ():
            self._opened[fact].discard(slot)
        for boundary in self._bounds.pop(slot):
            del self._boundaries[bisect_left(self._boundaries, (boundary, slot))]
        self._moments[slot] = _FOREVER
        self._acting_at = None
        self._free.append(slot)

    def touched(
        self,
        before: Row,
        after: Row,
        was: datetime,
        now: datetime,
        *,
        read: Iterable[str] = (),
        also: Iterable[int] = (),
    ) -> list[Flip]:
        """The policies that a change touches and that are not false both before and after, with their verdicts.

        `read`: the base facts and lists that changed, for tests left open. `also`: attributes to look at though they
        are the same, since why they are unknown has changed. Where time has passed, what it moves is touched, too.
        """
        cuts = self._cuts(was), self._cuts(now)
        changed = [slot for slot, code in enumerate(before) if code != after[slot]]
        found: list[Numbers] = []
        for slot in changed:
            found += self._postings[slot].flipped(before[slot], after[slot], *cuts)
        found += [_numbers(self._postings[slot].every) for slot in also]
        if cuts[0] is not cuts[1]:
            found += self._moved(after, *cuts)
        policies = [self._owners[found[0] if len(found) == 1 else np.concatenate(found)]] if found else []
        policies += self._further(read, was, now)
        left = self._cut(policies, after, changed, was, now)
        return list(self._evaluated(left, before, after, cuts, was, now))

    def flips(self, before: Row, after: Row, was: datetime, now: datetime, *, read: Iterable[str] = ()) -> list[Flip]:
        """The policies whose verdict a change alters."""
        return [flip for flip in self.touched(before, after, was, now, read=read) if flip.before is not flip.after]

    def standing(self, row: Row, now: datetime, versions: Iterable[Version] | None = None) -> list[Flip]:
        """The policies, all or some, that are not false for a subject."""
        every = np.array(
            [*self._slots.values()] if versions is None else [self._slots[version] for version in versions], np.int64
        )
        left = self._cut([every], row, (), now, now)
        cuts = self._cuts(now)
        return list(self._evaluated(left, row, row, (cuts, cuts), now, now))

    def turns_after(self, row: Row, moment: datetime) -> datetime | None:
        """The next moment at which time alone may alter a verdict for a subject."""
        today = business_date(moment)
        days: list[date | None] = [next_period_start(today, kind) for kind in self._period_kinds()]
        for slot, postings in self._postings.items():
            code = row[slot]
            for number in postings.moving if code is not None else ():
                assert code is not None
                test = self._moving_tests[number]
                days += [test.crosses_after(code, today), test.steps_after(today)]
        place = bisect_right(self._boundaries, moment, key=lambda each: each[0])
        moments = [boundary for boundary, _ in self._boundaries[place : place + 1]]
        first = earliest(*days)
        return min([*moments, *([] if first is None else [start_of(first)])], default=None)

    def uses(self, slot: int) -> bool:
        """Whether some test reads an attribute: one that none does any more is no reason to look at anybody."""
        return slot in self._postings and bool(self._postings[slot].every)

    def _period_kinds(self) -> list[PeriodKind]:
        turning = self.attributes.turning.items()
        return [kind for kind, slots in turning if kind is not None and any(map(self.uses, slots))]

    def moving_slots(self) -> list[int]:
        """The attributes that some moving test reads."""
        return [slot for slot, postings in self._postings.items() if postings.moving]

    def boundaries(self, was: datetime, now: datetime) -> list[tuple[datetime, Version]]:
        """The moments after `was` and up to `now` at which versions begin or cease to act."""
        return [(moment, self._versions[slot]) for moment, slot in self._between(was, now)]

    def acts(self, version: Version, moment: datetime) -> bool:
        """Whether a version acts at a moment."""
        opens, closes = self._moments[self._slots[version]].tolist()
        return bool(opens <= _instant(moment) < closes)

    def moving(self, was: datetime, now: datetime) -> Iterator[tuple[int, int, int]]:
        """The codes that moving tests pass between two moments: attribute, from which code, up to which one."""
        days = business_date(was), business_date(now)
        for slot, postings in self._postings.items() if days[0] != days[1] else ():
            for number in postings.moving:
                low, high = self._moving_tests[number].passes(*days)
                if low != high:
                    yield slot, low, high

    def _between(self, was: datetime, now: datetime) -> list[tuple[datetime, int]]:
        first = bisect_right(self._boundaries, was, key=lambda each: each[0])
        return self._boundaries[first : bisect_right(self._boundaries, now, key=lambda each: each[0])]

    def _moved(self, row: Row, before: Cuts, after: Cuts) -> Iterator[Numbers]:
        """The moving tests that pass the row's dates, or have their first figure."""
        for slot, postings in self._postings.items():
            if (code := row[slot]) is not None:
                for number, tests in postings.moving.items():
                    if _passed(code, before[number]) is not _passed(code, after[number]):
                        yield _numbers(tests)

    def _further(self, read: Iterable[str], was: datetime, now: datetime) -> list[Numbers]:
        """The policies with open tests on what changed, and those that begin or cease to act."""
        found = [_numbers(self._opened[fact]) for fact in read if fact in self._opened]
        if was != now and (turned := self._between(was, now)):
            found.append(np.array([slot for _, slot in turned], np.int64))
        return found

    def _cut(
        self, found: Sequence[Numbers], row: Row, changed: Sequence[int], was: datetime, now: datetime
    ) -> list[int]:
        """Those that act at one of the moments and that nothing known finds false; what changed is not judged by."""
        policies = found[0] if len(found) == 1 else np.concatenate([*found, np.empty(0, np.int64)])
        for slot, bitmaps in self._within.items():
            code = row[slot]
            if code is not None and slot not in changed:
                policies = policies[bitmaps.of(code)[policies]]
        policies = policies[self._acting(was, now)[policies]]
        if len(policies) > FEW:
            asked = np.array(
                [_UNKNOWN if code is None else (code, code, 1 << code if 0 <= code < 63 else _ANY) for code in row]
            )
            asked[changed] = _UNKNOWN
            if len(policies) > MANY:
                policies = policies[_passes(asked, self._guards[policies, :1])]
                policies = policies[_passes(asked, self._guards[policies, 1:])]
            else:
                policies = policies[_passes(asked, self._guards[policies])]
        return list(dict.fromkeys(policies.tolist()))

    def _evaluated(
        self, policies: Sequence[int], before: Row, after: Row, cuts: tuple[Cuts, Cuts], was: datetime, now: datetime
    ) -> Iterator[Flip]:
        if was == now:
            changed = before is not after
            for slot in policies:
                holds = self._holds[slot]
                new = holds(after, cuts[1])
                old = holds(before, cuts[0]) if changed else new
                if new is not False or old is not False:
                    yield Flip(self._versions[slot], old, new)
            return
        for slot in policies:
            opens, closes = self._moments[slot].tolist()
            old = opens <= _instant(was) < closes and self._holds[slot](before, cuts[0])
            new = opens <= _instant(now) < closes and self._holds[slot](after, cuts[1])
            if new is not False or old is not False:
                yield Flip(self._versions[slot], old, new)

    def _acting(self, was: datetime, now: datetime) -> NDArray[np.bool_]:
        """Which versions act at one of two moments; kept, since most changes come at the same."""
        known = self._acting_at
        if known is None or known[0] != now or known[1] != was:
            acting = (self._moments[:, 0] <= _instant(now)) & (self._moments[:, 1] > _instant(was))
            known = self._acting_at = now, was, acting
        return known[2]

    def _cuts(self, moment: datetime) -> Cuts:
        """Where the moving tests stand; one and the same list as long as it is the same day."""
        known = self._cuts_on
        day = known[0] if known is not None and known[1] == moment else business_date(moment)
        if known is None or known[0] != day or len(known[2]) != len(self._moving_tests):
            self._cuts_on = known = day, moment, [test.at(day) for test in self._moving_tests]
        elif known[1] != moment:
            self._cuts_on = known = day, moment, known[2]
        return known[2]

    def _number_of(self, test: object) -> int:
        if not isinstance(test, Moving):
            return -1
        number = self._moving.setdefault(test, len(self._moving))
        if number == len(self._moving_tests):
            self._moving_tests.append(test)
        return number

    def _new_slot(self) -> int:
        if self._free:
            return self._free.pop()
        slot = len(self._versions)
        self._versions.append(("", -1))
        self._holds.append(_function("False", "False"))
        self._tests.append([])
        if slot >= len(self._moments):
            self._moments = _grown(self._moments, slot + 1)
            self._guards = _grown(self._guards, slot + 1)
            for bitmaps in self._within.values():
                bitmaps.grow(len(self._moments))
        return slot

    def _new_test(self, slot: int) -> int:
        if self._free_tests:
            number = self._free_tests.pop()
        else:
            number, self._tested = self._tested, self._tested + 1
            if number >= len(self._owners):
                self._owners = _grown(self._owners, number + 1)
        self._owners[number] = slot
        return number

    def _source(self, part: Part, *, unknown: bool) -> str:
        """An expression that is true where the part is, and where it is unknown as said."""
        match part:
            case Gate(conjunctive, parts):
                joined = " and " if conjunctive else " or "
                in_order = sorted(parts, key=_cost) if conjunctive else parts
                return f"({joined.join(self._source(each, unknown=unknown) for each in in_order)})"
            case Open():
                return str(unknown)
            case Literal(slot, test, positive):
                names = [f"(code := row[{slot}])"]
                match test:
                    case Cut(at):
                        inside = f"code {'>=' if positive else '<'} {at}"
                    case Moving():
                        names.append(f"(cut := cuts[{self._number_of(test)}])")
                        inside = f"code {'>=' if positive else '<'} cut"
                    case Span(low, high):
                        inside = f"{'' if positive else 'not '}{low} <= code <= {high}"
                    case Members(codes):
                        inside = f"code {'in' if positive else 'not in'} {{{', '.join(map(str, sorted(codes)))}}}"
                if unknown:
                    return f"({' or '.join(f'{name} is None' for name in names)} or {inside})"
                return f"({' and '.join(f'{name} is not None' for name in names)} and {inside})"


class _NotFalse:
    """Per code of an attribute, the policies that ask for no subtree it is outside of; made when first needed."""

    def __init__(self, size: int) -> None:
        self._spans = np.tile(np.array(_EVERYWHERE), (size, 1))
        self._bitmaps: dict[int, NDArray[np.bool_]] = {}

    def put(self, slot: int, span: Span) -> None:
        """Take what a policy asks for."""
        self._spans[slot] = span
        for code, bitmap in self._bitmaps.items():
            bitmap[slot] = span.low <= code <= span.high

    def grow(self, size: int) -> None:
        """Make room for more policies."""
        spans = np.tile(np.array(_EVERYWHERE), (size, 1))
        spans[: len(self._spans)] = self._spans
        self._spans = spans
        self._bitmaps.clear()

    def of(self, code: int) -> NDArray[np.bool_]:
        """The policies, by number, that are not false for a code."""
        known = self._bitmaps.get(code)
        if known is None:
            if len(self._bitmaps) >= MOST_BITMAPS:
                del self._bitmaps[next(iter(self._bitmaps))]
            known = self._bitmaps[code] = np.logical_and(self._spans[:, 0] <= code, self._spans[:, 1] >= code)
        return known


@lru_cache(maxsize=1 << 17)
def _function(possible: str, true: str) -> Holds:
    """A formula as a function of its own, several times as fast as `Formula.holds`; partitions share it.

    The sources are made of numbers and nothing that anybody wrote.
    """
    names: dict[str, object] = {}
    exec(f"def holds(row, cuts):\n if not {possible}: return False\n return True if {true} else None", names)
    return cast(Holds, names["holds"])


def _passes(asked: Numbers, guards: Numbers) -> NDArray[np.bool_]:
    """Which policies no guard finds false. `asked`: per attribute its code to hold against bounds, and its bit."""
    lowest, highest, bits = asked.T[:, guards[:, :, 0]]
    low, high, mask = guards[:, :, 1], guards[:, :, 2], guards[:, :, 3]
    passed: NDArray[np.bool_] = ((lowest >= low) & (highest <= high) & ((mask & bits) != 0)).all(axis=1)
    return passed


def _cost(part: Part) -> int:
    """Which conjunct to look at first: the one most likely to be false, and those of one test before others."""
    guard = _guard(part)
    return 2 * MOST + isinstance(part, Gate) if guard is None else _width(guard)


def _passed(code: int, at: int | None) -> Truth:
    return None if at is None else code >= at


def _guard(part: Part) -> Guard | None:
    """What a conjunct asks of a code, where bounds and a set of the first 63 codes can say it."""
    match part:
        case Literal(slot, Cut(at), positive):
            return Guard(slot, at, MOST, _ANY) if positive else Guard(slot, -MOST, at - 1, _ANY)
        case Literal(slot, Members(codes), positive) if codes and max(codes) < 63:
            mask = sum(1 << code for code in codes)
            return Guard(slot, 0, 62, mask) if positive else Guard(slot, -MOST, MOST, ~mask)
    return None


def _width(guard: Guard) -> int:
    """How much a guard lets through: the narrowest cuts first."""
    return min(guard.high - guard.low, guard.mask.bit_count() if guard.mask > 0 else MOST)


def _discard(postings: dict[K, BitMap], key: K, number: int) -> None:
    tests = postings[key]
    tests.discard(number)
    if not tests:
        del postings[key]


def _numbers(tests: BitMap) -> Numbers:
    return np.frombuffer(tests.to_array(), np.uint32).astype(np.int64)


def _grown(array: Numbers, size: int) -> Numbers:
    wider = np.zeros((max(2 * len(array), size, 64), *array.shape[1:]), np.int64)
    wider[: len(array)] = array
    return wider


def _instant(moment: datetime) -> int:
    """Microseconds: what a moment on the wire can tell apart."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
