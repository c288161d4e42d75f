"""What every side of a comparison looks like, and the verdicts they are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

from bench.engine.subjects import Change
from eligibility.kleene import Truth


class Flip(NamedTuple):
    """A policy whose verdict a change alters."""

    key: int
    before: Truth
    after: Truth


class Answered(NamedTuple):
    """Flips found for each of some changes, and the seconds each took."""

    flips: list[set[Flip]]
    seconds: list[float]


class Peer(Protocol):
    """A way to find the policies a change alters. `two_valued`: it tells true from the rest, and knows no unknown."""

    name: str
    two_valued: bool

    def prepare(self, changes: Sequence[Change]) -> None:
        """Bring changes into the form the peer takes them in; not timed."""
        ...

    def answer(self, changes: Sequence[Change]) -> Answered:
        """The flips of changes that were prepared."""
        ...


class InProcess:
    """A peer in this process: `flips` of one change is what is timed."""

    name: str
    two_valued = False

    def prepare(self, changes: Sequence[Change]) -> None:
        """Nothing to prepare unless a peer says otherwise."""

    def flips(self, change: Change) -> list[Flip]:
        """The policies a change alters."""
        raise NotImplementedError

    def answer(self, changes: Sequence[Change]) -> Answered:
        """Each change by itself, one after the other."""
        flips, seconds = [], []
        for change in changes:
            begun = perf_counter()
            found = self.flips(change)
            seconds.append(perf_counter() - begun)
            flips.append(set(found))
        return Answered(flips, seconds)
