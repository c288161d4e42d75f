"""Change → policies: which policies a subject's change, or time, makes true, false or unknown.

Tests are indexed by what they compare (decision 19 of the architecture): bounds in order, subtrees by their span, sets
by their members, moving dates by their figure; each posting is a test, never a policy, for a policy may test a fact
twice. A change touches the tests that flip between the old code and the new; their policies are cut by what they ask
of the subject's other facts; those left are evaluated exactly, before and after. The cost follows the tests that flip.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from eligibility.business_time import business_date, earliest, next_period_start, start_of
from eligibility.codes import MOST, Attributes, Row, Span
from eligibility.formula import Cut, Formula, Gate, Literal, Members, Moving, Open, Part, period_kinds
from eligibility.kleene import Truth

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

_UNKNOWN = -(1 << 63)
_ANY = -1  # a mask of all bits: no set is asked for
_FOREVER = 1 << 60  # seconds


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
        self._guards = [np.empty((0, 4), np.int64) for _ in range(GUARDS)]
        self._tests: list[list[int]] = []
        self._owners = np.empty(0, np.int64)
        self._free_tests: list[int] = []
        self._tested = 0
        self._postings: dict[int, _Postings] = defaultdict(_Postings)
        self._opened: dict[str, BitMap] = defaultdict(BitMap)
        self._moving: dict[Moving, int] = {}
        self._moving_tests: list[Moving] = []
        self._cuts_on: tuple[date, datetime, Cuts] | None = None
        self._boundaries: list[tuple[datetime, int]] = []
        self._bounds: dict[int, list[datetime]] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, version: Version, formula: Formula, opens: datetime, closes: datetime | None) -> None:
        """Take in a version: it acts from `opens` until just before `closes`. The cost is that of its own tests."""
        slot = self._new_slot()
        self._versions[slot], self.formulas[version], self._slots[version] = version, formula, slot
        ends = _FOREVER if closes is None else _seconds(closes)
        self._moments[slot] = _seconds(opens), ends
        self._bounds[slot] = [opens] if closes is None else [opens, closes]
        for boundary in self._bounds[slot]:
            insort(self._boundaries, (boundary, slot))
        for literal in formula.literals():
            number = self._new_test(slot)
            self._tests[slot].append(number)
            self._postings[literal.slot].add(literal, number, self._number_of(literal.test))
        for fact in formula.opened or ():
            self._opened[fact].add(slot)
        self._holds[slot] = self._evaluator(Gate(True, tuple(sorted(formula.root.parts, key=_cost))))
        guards = sorted((g for g in map(_guard, formula.root.parts) if g is not None), key=_width)[:GUARDS]
        guards += [Guard(0, -MOST, MOST, _ANY)] * (GUARDS - len(guards))
        for stage, guard in zip(self._guards, guards, strict=True):
            stage[slot] = guard

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
        return list(self._evaluated(left, before, after, cuts, changed, was, now))

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
        return list(self._evaluated(left, row, row, (cuts, cuts), (), now, now))

    def turns_after(self, row: Row, moment: datetime) -> datetime | None:
        """The next moment at which time alone may alter a verdict for a subject."""
        today = business_date(moment)
        days: list[date | None] = [next_period_start(today, kind) for kind in period_kinds(self.attributes)]
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

    def moving_slots(self) -> list[int]:
        """The attributes that some moving test reads."""
        return [slot for slot, postings in self._postings.items() if postings.moving]

    def boundaries(self, was: datetime, now: datetime) -> list[tuple[datetime, Version]]:
        """The moments after `was` and up to `now` at which versions begin or cease to act."""
        return [(moment, self._versions[slot]) for moment, slot in self._between(was, now)]

    def acts(self, version: Version, moment: datetime) -> bool:
        """Whether a version acts at a moment."""
        opens, closes = self._moments[self._slots[version]].tolist()
        return bool(opens <= _seconds(moment) < closes)

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
        """Those that act at one of the moments and that no guard finds false; what changed is not judged by."""
        policies = found[0] if len(found) == 1 else np.concatenate([*found, np.empty(0, np.int64)])
        if len(policies) > FEW:
            moments = self._moments[policies]
            policies = policies[(moments[:, 0] <= _seconds(now)) & (moments[:, 1] > _seconds(was))]
        if len(policies) > FEW:
            codes = np.array([_UNKNOWN if code is None else code for code in row], np.int64)
            codes[[*changed]] = _UNKNOWN
            unknown = codes == _UNKNOWN
            lowest, highest = np.where(unknown, MOST, codes), np.where(unknown, -MOST, codes)
            bits = np.where(unknown | (codes < 0) | (codes > 63), _ANY, 1 << (codes & 63))
        for guards in self._guards:
            if len(policies) <= FEW:
                break
            slot, low, high, mask = guards[policies].T
            false = (lowest[slot] < low) | (highest[slot] > high) | ((mask & bits[slot]) == 0)
            policies = policies[~false]
        return list(dict.fromkeys(policies.tolist()))

    def _evaluated(
        self,
        policies: Sequence[int],
        before: Row,
        after: Row,
        cuts: tuple[Cuts, Cuts],
        changed: Sequence[int],
        was: datetime,
        now: datetime,
    ) -> Iterator[Flip]:
        moments = _seconds(was), _seconds(now)
        still = list(after)  # what is false whatever becomes of the facts that changed is false before and after
        for slot in changed:
            still[slot] = None
        timeless = was == now
        for slot in policies:
            holds = self._holds[slot]
            if timeless and holds(still, cuts[1]) is False:
                continue
            opens, closes = self._moments[slot].tolist()
            new = opens <= moments[1] < closes and holds(after, cuts[1])
            old = new if timeless and not changed else opens <= moments[0] < closes and holds(before, cuts[0])
            if new is not False or old is not False:
                yield Flip(self._versions[slot], old, new)

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
        self._holds.append(lambda row, cuts: False)
        self._tests.append([])
        if slot >= len(self._moments):
            self._moments = _grown(self._moments, slot + 1)
            self._guards = [_grown(stage, slot + 1) for stage in self._guards]
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

    def _evaluator(self, part: Part) -> Holds:
        """A formula as a function: the same as `Formula.holds`, without looking at what each part is."""
        match part:
            case Open():
                return lambda row, cuts: None
            case Gate(conjunctive, parts):
                return _gate(conjunctive, [self._evaluator(each) for each in parts])
            case Literal(slot, Moving() as test, positive):
                return _moving(slot, self._number_of(test), positive)
            case Literal(slot, Cut(at), positive):
                return _cut_from(slot, at) if positive else _cut_below(slot, at)
            case Literal(slot, Span(low, high), positive):
                return _within(slot, low, high, positive)
            case Literal(slot, Members(codes), positive):
                return _among(slot, codes, positive)
            case _:
                raise AssertionError(f"no such part: {part!r}")


def _gate(conjunctive: bool, parts: Sequence[Holds]) -> Holds:
    decisive = not conjunctive

    def holds(row: Row, cuts: Cuts) -> Truth:
        found: Truth = conjunctive
        for part in parts:
            value = part(row, cuts)
            if value is decisive:
                return decisive
            if value is None:
                found = None
        return found

    return holds


def _cut_from(slot: int, at: int) -> Holds:
    return lambda row, cuts: None if (code := row[slot]) is None else code >= at


def _cut_below(slot: int, at: int) -> Holds:
    return lambda row, cuts: None if (code := row[slot]) is None else code < at


def _within(slot: int, low: int, high: int, positive: bool) -> Holds:
    return lambda row, cuts: None if (code := row[slot]) is None else (low <= code <= high) is positive


def _among(slot: int, codes: frozenset[int], positive: bool) -> Holds:
    return lambda row, cuts: None if (code := row[slot]) is None else (code in codes) is positive


def _moving(slot: int, number: int, positive: bool) -> Holds:
    def holds(row: Row, cuts: Cuts) -> Truth:
        code, at = row[slot], cuts[number]
        return None if code is None or at is None else (code >= at) is positive

    return holds


def _cost(part: Part) -> int:
    """Which conjunct to look at first: the one most likely to be false, and those of one test before others."""
    guard = _guard(part)
    return 2 * MOST + isinstance(part, Gate) if guard is None else _width(guard)


def _passed(code: int, at: int | None) -> Truth:
    return None if at is None else code >= at


def _guard(part: Part) -> Guard | None:
    """What a conjunct asks of a code, where bounds and a set of the first 64 codes can say it."""
    match part:
        case Literal(slot, Cut(at), positive):
            return Guard(slot, at, MOST, _ANY) if positive else Guard(slot, -MOST, at - 1, _ANY)
        case Literal(slot, Span(low, high), True):
            return Guard(slot, low, high, _ANY)
        case Literal(slot, Members(codes), positive) if codes and max(codes) < 64 and min(codes) >= 0:
            mask = sum(1 << code for code in codes)
            signed = (mask if positive else ~mask) & ((1 << 64) - 1)
            signed -= (signed >> 63) << 64
            return Guard(slot, 0, 63, signed) if positive else Guard(slot, -MOST, MOST, signed)
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


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
