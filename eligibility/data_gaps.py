"""Data gaps (N17): what is missing, ranked by the decisions it blocks, and who holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from eligibility.advice import decisions, rules_of
from eligibility.catalogue import Catalogue
from eligibility.evaluate import Evaluation
from eligibility.partition_state import PartitionState
from schemas.model import Text


class GapKind(StrEnum):
    """What is missing."""

    FACT = "fact"  # a fact that a registry holds
    ANSWER = "answer"  # an officer's answer
    LIST = "list"  # the provider's word that a list is complete


class Blocked(NamedTuple):
    """What a gap blocks.

    `decisions`: undetermined matches of a subject, a policy and an item, to which it matters. `alone`: those of them
    that lack nothing else. `subjects`: how many have any of them.
    """

    decisions: int
    alone: int
    subjects: int


class Gap(NamedTuple):
    """A fact or list that is missing somewhere."""

    name: str
    title: Text
    kind: GapKind
    provider: str
    blocked: Blocked


@dataclass(frozen=True)
class DataGaps:
    """All gaps, the one that blocks most first; and the same by provider, where `alone` lacks only what it holds.

    `undetermined`: decisions that are so; `lacking_nothing`: those of them where nothing is missing, and a test has no
    value all the same, such as a share of nobody.
    """

    undetermined: int
    lacking_nothing: int
    gaps: tuple[Gap, ...]
    providers: tuple[tuple[str, Blocked], ...]


def data_gaps(states: Sequence[PartitionState]) -> DataGaps:
    """The gaps of the policies that act now, of both zones. Raises Refused before the first epoch."""
    rules = rules_of(states)
    counted = GapCount()
    for compiled in rules.acting():
        for view, found in decisions(states, rules, compiled, rules.now):
            counted.take(view.file.subject, found)
    return counted.gaps(rules.registry.catalogue)


@dataclass
class _Tally:
    """By a fact's name or by provider: the decisions blocked, those by it alone, and whose they are."""

    decisions: Counter[str] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    subjects: dict[str, set[str]] = field(default_factory=dict)

    def take(self, subject: str, lacking: set[str], *, undefined: bool) -> None:
        for each in lacking:
            self.decisions[each] += 1
            self.alone[each] += len(lacking) == 1 and not undefined
            self.subjects.setdefault(each, set()).add(subject)

    def ranked(self) -> list[tuple[str, Blocked]]:
        blocked = {
            each: Blocked(count, self.alone[each], len(self.subjects[each])) for each, count in self.decisions.items()
        }
        return sorted(blocked.items(), key=lambda entry: (-entry[1].decisions, -entry[1].alone, entry[0]))


class GapCount:
    """Counts gaps, decision by decision."""

    def __init__(self) -> None:
        self._undetermined = self._lacking_nothing = 0
        self._names, self._providers = _Tally(), _Tally()
        self._held_by: dict[str, str] = {}

    def take(self, subject: str, found: Iterable[Evaluation]) -> None:
        """Take what a policy means for a subject; only what is undetermined counts."""
        for e in found:
            if e.eligible is not None:
                continue
            self._undetermined += 1
            self._lacking_nothing += not e.undecided
            self._held_by |= {missing.name: missing.provider for missing in e.undecided}
            self._names.take(subject, {missing.name for missing in e.undecided}, undefined=e.undefined)
            self._providers.take(subject, {missing.provider for missing in e.undecided}, undefined=e.undefined)

    def gaps(self, catalogue: Catalogue) -> DataGaps:
        """What was counted, in order."""
        gaps = tuple(self._gap(catalogue, name, blocked) for name, blocked in self._names.ranked())
        return DataGaps(self._undetermined, self._lacking_nothing, gaps, tuple(self._providers.ranked()))

    def _gap(self, catalogue: Catalogue, name: str, blocked: Blocked) -> Gap:
        listed = catalogue.lists.get(name)
        if listed is not None:
            return Gap(name, listed.title, GapKind.LIST, listed.provider, blocked)
        fact = catalogue.facts[name]
        kind = GapKind.ANSWER if fact.officer_checked else GapKind.FACT
        return Gap(name, fact.title, kind, fact.provider, blocked)
