"""What must have come out, by a fold of the recorded journal, against what a reader of committed records sees.

Pure: the records come from `bench.chaos.recording`. Offsets are those of one partition; ids are effect ids, or origins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SHOWN = 5
"""Examples kept of each kind of difference."""


class Seen(NamedTuple):
    """One effect. `content`: a digest of its whole value; `offset`: of the journal record that led to it, where that is
    known, which for what a reader saw it is not."""

    identity: str
    subject: str
    content: bytes
    offset: int = -1


@dataclass
class Differences:
    """How often what came out is not what had to; `examples` names the first of each kind.

    `altered`: with another content, or refused instead of accepted; `invented`: what no fold gives; `ahead`: not
    visible though a committed checkpoint is past it; `states`: state records that differ from the fold's.
    """

    lost: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    altered: int = 0
    invented: int = 0
    ahead: int = 0
    states: int = 0
    examples: dict[str, list[str]] = field(default_factory=dict)

    def found(self, kind: str, what: str) -> None:
        """Count one difference of a kind."""
        setattr(self, kind, getattr(self, kind) + 1)
        listed = self.examples.setdefault(kind, [])
        if len(listed) < SHOWN:
            listed.append(what)

    def add(self, other: Differences) -> None:
        """Count another's differences, too."""
        for kind, count in other.counts().items():
            setattr(self, kind, getattr(self, kind) + count)
        for kind, listed in other.examples.items():
            self.examples[kind] = [*self.examples.get(kind, []), *listed][:SHOWN]

    def counts(self) -> dict[str, int]:
        """The kinds and how often each was found."""
        kinds = ("lost", "duplicates", "out_of_order", "altered", "invented", "ahead", "states")
        return {kind: getattr(self, kind) for kind in kinds}

    def since(self, earlier: Differences) -> Differences:
        """What was found beyond what had been found before."""
        counts = {kind: max(0, count - earlier.counts()[kind]) for kind, count in self.counts().items()}
        return Differences(**counts, examples={kind: self.examples[kind] for kind in counts if counts[kind] > 0})

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return any(self.counts().values())


def compare(expected: Sequence[Seen], seen: Sequence[Seen]) -> Differences:
    """Hold the effects seen in one topic partition, in its order, against those of the fold, in the fold's order.

    Each must be there once, with its content, and those of a subject in the order of the fold.
    """
    found = Differences()
    wanted = {effect.identity: effect for effect in expected}
    place = {effect.identity: rank for rank, effect in enumerate(expected)}
    times = Counter(effect.identity for effect in seen)
    for effect in expected:
        if effect.identity not in times:
            found.found("lost", effect.identity)
    for identity, count in times.items():
        if identity not in wanted:
            found.found("invented", identity)
        for _ in range(count - 1):
            found.found("duplicates", identity)
    furthest: dict[str, int] = {}
    met: set[str] = set()
    for effect in seen:
        if effect.identity not in wanted or effect.identity in met:
            continue
        met.add(effect.identity)
        if wanted[effect.identity].content != effect.content:
            found.found("altered", effect.identity)
        rank = place[effect.identity]
        if rank < furthest.get(effect.subject, -1):
            found.found("out_of_order", effect.identity)
        furthest[effect.subject] = max(rank, furthest.get(effect.subject, -1))
    return found


def behind(expected: Iterable[Seen], seen: Iterable[Seen], checkpoint: int) -> list[str]:
    """The effects of the fold up to a committed checkpoint that a reader of committed records cannot see."""
    there = {effect.identity for effect in seen}
    return [effect.identity for effect in expected if effect.offset <= checkpoint and effect.identity not in there]


class Source(NamedTuple):
    """A source record by its origin; `valid`: whether it had to be accepted; None: either will do."""

    origin: str
    valid: bool | None


def represented(sources: Iterable[Source], taken: Mapping[str, int], refused: Mapping[str, int]) -> Differences:
    """Hold source records against the journal: how often each was taken in there, or refused, by its origin, after
    dropping what the high-waters drop. Each must be there once, one way or the other.
    """
    found = Differences()
    known: set[str] = set()
    for source in sources:
        known.add(source.origin)
        kept, told = taken.get(source.origin, 0), refused.get(source.origin, 0)
        if kept + told == 0:
            found.found("lost", source.origin)
        elif kept + told > 1:
            found.found("duplicates", f"{source.origin}: taken {kept} times, refused {told} times")
        elif source.valid is not None and source.valid != bool(kept):
            found.found("altered", f"{source.origin}: {'refused' if told else 'accepted'}, and should not have been")
    for origin in (taken.keys() | refused.keys()) - known:
        found.found("invented", origin)
    return found
