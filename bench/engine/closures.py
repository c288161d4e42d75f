"""Policies as compiled Python functions: what a careful programmer would write without an index.

Each policy becomes closures over a row of codes, one per test and group, that end at the first test that decides, in
Kleene's logic; its tests stand in the order of how seldom they pass. `generated` goes further: one function of
generated source per policy, two or three times as fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from bench.engine.facts import FACTS
from bench.engine.peers import Flip, InProcess
from bench.engine.rules import BenchPolicy, Joined, Member, Opposite, Row, Span, Tree
from bench.engine.subjects import Change
from eligibility.kleene import Truth

Closure = Callable[[Row], Truth]


def in_order(policy: BenchPolicy, samples: Sequence[Row]) -> Joined:
    """The policy's tests, those first that the fewest of some rows pass."""
    parts = sorted(policy.tree.parts, key=lambda part: sum(part.holds(row) is not False for row in samples))
    return Joined(True, tuple(parts))


def closure(tree: Tree) -> Closure:
    """A tree of tests as closures."""
    match tree:
        case Joined(every, parts):
            return _joined(every, [closure(part) for part in parts])
        case Opposite(part):
            return _opposite(closure(part))
        case Member(place, codes):
            return lambda row: None if (code := row[place]) is None else code in codes
        case Span(place, low, high):
            return _within(place, low, high)


def _within(place: int, low: int | None, high: int | None) -> Closure:
    if low is not None and high is not None:
        return lambda row: None if (code := row[place]) is None else low <= code <= high
    if low is not None:
        return lambda row: None if (code := row[place]) is None else code >= low
    assert high is not None
    return lambda row: None if (code := row[place]) is None else code <= high


def _joined(every: bool, parts: Sequence[Closure]) -> Closure:
    decisive = not every

    def verdict(row: Row) -> Truth:
        found: Truth = every
        for part in parts:
            value = part(row)
            if value is decisive:
                return decisive
            if value is None:
                found = None
        return found

    return verdict


def _opposite(part: Closure) -> Closure:
    return lambda row: None if (value := part(row)) is None else not value


def generated(tree: Joined) -> Closure:
    """A tree of tests as one function of generated source: `not false`, then `true`."""
    sets: dict[str, Any] = {}
    possible, certain = _source(tree, sets, unknown=True), _source(tree, sets, unknown=False)
    source = f"def verdict(r):\n if not ({possible}): return False\n return True if {certain} else None"
    exec(compile(source, "<policy>", "exec"), sets)
    return cast(Closure, sets["verdict"])


def _source(tree: Tree, sets: dict[str, Any], *, unknown: bool) -> str:
    """The expression that is true where the tree is true, or, with `unknown`, where it is not false."""
    match tree:
        case Joined(every, parts):
            return "(" + (" and " if every else " or ").join(_source(p, sets, unknown=unknown) for p in parts) + ")"
        case Opposite(part):
            test, place = f"not ({_test(part, sets)})", part.place
        case _:
            test, place = _test(tree, sets), tree.place
    known = f"r[{place}] is None or " if unknown else f"r[{place}] is not None and "
    return f"({known}{test})"


def _test(part: Span | Member, sets: dict[str, Any]) -> str:
    code = f"r[{part.place}]"
    match part:
        case Member(_, codes) if len(codes) == 1:
            return f"{code} == {next(iter(codes))}"
        case Member(_, codes):
            name = f"set_{len(sets)}"
            sets[name] = codes
            return f"{code} in {name}"
        case Span(_, None, high):
            return f"{code} <= {high}"
        case Span(_, low, None):
            return f"{code} >= {low}"
        case Span(_, low, high):
            return f"{low} <= {code} <= {high}"


class AllClosures(InProcess):
    """Every policy is evaluated before and after."""

    name = "all-closures"

    def __init__(self, policies: Sequence[BenchPolicy], closures: Sequence[Closure]) -> None:
        self.closures = [(policy.key, each) for policy, each in zip(policies, closures, strict=True)]

    def flips(self, change: Change) -> list[Flip]:
        """By evaluating all of them on both rows."""
        return _compared(self.closures, change)


class AffectedClosures(InProcess):
    """Only the policies that read a fact that changed are evaluated, before and after."""

    name = "affected-closures"

    def __init__(self, policies: Sequence[BenchPolicy], closures: Sequence[Closure], name: str = name) -> None:
        self.name = name
        self.reading: list[list[tuple[int, Closure]]] = [[] for _ in FACTS]
        for policy, each in zip(policies, closures, strict=True):
            for place in policy.places:
                self.reading[place].append((policy.key, each))

    def flips(self, change: Change) -> list[Flip]:
        """By evaluating those on both rows."""
        if len(change.places) == 1:
            return _compared(self.reading[change.places[0]], change)
        affected = {key: each for place in change.places for key, each in self.reading[place]}
        return _compared(affected.items(), change)


def _compared(closures: Any, change: Change) -> list[Flip]:
    before, after = change.before, change.after
    return [Flip(key, old, new) for key, verdict in closures if (old := verdict(before)) is not (new := verdict(after))]
