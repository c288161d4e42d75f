"""What is right: the plain evaluator of stage 1, on whole documents and a subject's file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from bench.engine.facts import DAY
from bench.engine.ours import CATALOGUE, compiled
from bench.engine.peers import Flip
from bench.engine.rules import BenchPolicy, Row
from bench.engine.subjects import Change, subject_file
from eligibility.compile import CompiledPolicy
from eligibility.evaluate import evaluate, view_of
from eligibility.facts_view import FactsView
from eligibility.kleene import Truth

SAMPLE = 30
"""So many policies are asked about per change besides those some peer reports; half of them read what changed."""


def file_view(row: Row) -> FactsView:
    """A row as the plain evaluator sees it."""
    return view_of(subject_file(row), CATALOGUE, DAY)


class Oracle:
    """Verdicts by the plain evaluator. `seed`: which policies are asked about."""

    def __init__(self, policies: Sequence[BenchPolicy], seed: int) -> None:
        self.policies = {policy.key: policy for policy in policies}
        self.draw = Random(seed)
        self.compiled: dict[int, CompiledPolicy] = {}
        self.reading: dict[int, list[int]] = {}
        for policy in policies:
            for place in policy.places:
                self.reading.setdefault(place, []).append(policy.key)

    def mismatches(self, change: Change, found: Sequence[tuple[set[Flip], bool]]) -> int:
        """How many flips peers report that are none, or do not report that are, among the policies asked about.

        `found`: each peer's flips, and whether it tells true from the rest only.
        """
        reported = {flip.key for flips, _ in found for flip in flips}
        asked = sorted(reported | self._asked(change))
        before, after = file_view(change.before), file_view(change.after)
        right = {(key, self.verdict(key, before), self.verdict(key, after)) for key in asked}
        three = {Flip(*each) for each in right if each[1] is not each[2]}
        two = two_valued(three)
        return sum(len(flips ^ (two if known_only else three)) for flips, known_only in found)

    def verdict(self, key: int, view: FactsView) -> Truth:
        """A policy's verdict on a subject."""
        if key not in self.compiled:
            self.compiled[key] = compiled(self.policies[key])
        (evaluation,) = evaluate(self.compiled[key], view)
        return evaluation.eligible

    def _asked(self, change: Change) -> set[int]:
        reading = [key for place in change.places for key in self.reading.get(place, ())]
        some = self.draw.sample(reading, min(SAMPLE // 2, len(reading)))
        return {*some, *self.draw.sample(sorted(self.policies), min(SAMPLE // 2, len(self.policies)))}


def two_valued(flips: Iterable[Flip]) -> set[Flip]:
    """Flips as one sees them who tells true from the rest only."""
    known = {Flip(key, before is True, after is True) for key, before, after in flips}
    return {flip for flip in known if flip.before is not flip.after}
