"""Whether what was decided is right: by the rules of the textbook app in one process, and by the plain evaluator.

Nothing is timed that is not checked. A decision that only restates a match, since a fact it rests on has another value,
is no flip; the sides are held against each other in what they restate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from bench.engine.oracle import Oracle
from bench.engine.peers import Flip
from bench.engine.rules import policy_id
from bench.pipeline.textbook import Rules
from bench.pipeline.workload import Sent, Workload
from schemas.decisions import Verdict

SAMPLE = 100
"""Changes of a round whose flips the plain evaluator is asked about."""


class Said(NamedTuple):
    """A decision (its verdict) or a push (what about) that a change of the history led to."""

    number: int
    policy: str
    what: str


class Course:
    """What the changes of a history lead to, one after the other."""

    def __init__(self, workload: Workload) -> None:
        self.workload, self.rules = workload, Rules(workload.policies)
        self.oracle = Oracle(workload.policies, workload.seed)
        self.draw = Random(workload.seed)
        self.decisions: dict[int, list[Said]] = {}
        self.pushes: dict[int, list[Said]] = {}
        self._restated: dict[int, set[Said]] = {}
        self._standing: dict[int, tuple[set[int], set[int]]] = {}
        self._beginning: dict[int, frozenset[int]] = {}

    def take(self, sent: Sent) -> Sent:
        """Go on by a change, the next of the history."""
        if sent.subject not in self._standing:
            opened = self._opened(self.workload.alike[sent.subject])
            self._standing[sent.subject] = set(opened), set(opened)
        flips = list(self.rules.flips(sent.change.after, sent.change.places, *self._standing[sent.subject]))
        decided = [Said(sent.number, policy_id(flip.policy), flip.verdict) for flip in flips if flip.verdict]
        pushed = [Said(sent.number, policy_id(flip.policy), flip.about) for flip in flips if flip.about]
        self.decisions[sent.number], self.pushes[sent.number] = decided, pushed
        return sent

    def _opened(self, subject: int) -> frozenset[int]:
        if subject not in self._beginning:
            self._beginning[subject] = self.rules.opened(self.workload.row(subject))
        return self._beginning[subject]

    def mismatches(self, changes: Sequence[Sent], decisions: Sequence[Said], pushes: Sequence[Said]) -> int:
        """How many flips and pushes are wrong, lack or came twice."""
        of = {each.number: each for each in changes}
        flips = [said for said in decisions if not self._restates(said, of)]
        wrong = _differing(flips, [said for number in of for said in self.decisions[number]])
        restated: dict[int, set[Said]] = {number: set() for number in of}
        for said in set(decisions) - set(flips):
            restated[said.number].add(said)
        for number, every in restated.items():
            wrong += len(self._restated.setdefault(number, every) ^ every)
        return wrong + _differing(pushes, [said for number in of for said in self.pushes[number]])

    def doubted(self, changes: Sequence[Sent], decisions: Sequence[Said]) -> int:
        """How many flips of a sample of changes the plain evaluator finds wrong or lacking."""
        of = {each.number: each for each in changes}
        flips: dict[int, set[Flip]] = {}
        for said in decisions:
            if not self._restates(said, of):
                eligible = said.what == Verdict.ELIGIBLE
                flips.setdefault(said.number, set()).add(Flip(_key(said), not eligible, eligible))
        sample = self.draw.sample(changes, min(SAMPLE, len(changes)))
        return sum(self.oracle.mismatches(each.change, [(flips.get(each.number, set()), True)]) for each in sample)

    def _restates(self, said: Said, changes: Mapping[int, Sent]) -> bool:
        before = changes[said.number].change.before
        return said.what == Verdict.ELIGIBLE and self.rules.every[_key(said)](before) is True


def _key(said: Said) -> int:
    return int(said.policy.rpartition("-")[2])


def _differing(found: Sequence[Said], right: Sequence[Said]) -> int:
    return len(set(found) ^ set(right)) + len(found) - len(set(found))
