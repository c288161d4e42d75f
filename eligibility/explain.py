"""Why: what a policy means for a subject, from a partition's state alone; and why its journal decided as it did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from eligibility.business_time import business_date
from eligibility.compile import CompiledPolicy
from eligibility.errors import Refused
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.facts_view import MissingFact
from eligibility.missing import smallest_missing
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.registry import Registry
from eligibility.subject_file import PeriodItem, PolicyItem, SubjectFile
from eligibility.ways_out import way_out
from schemas.decisions import Decision, Verdict
from schemas.rejected import RejectCode


@dataclass(frozen=True)
class Explanation:
    """Evaluations of one policy for one subject (one per roster line or item) at a moment, and the version that acts.

    `smallest`: for each that is undetermined, the smallest set of missing facts that would decide; None where no facts
    can (`eligibility.missing`).
    """

    at: datetime
    version: CompiledPolicy | None
    withdrawn: bool
    evaluations: tuple[Evaluation, ...]
    smallest: Mapping[PeriodItem, tuple[MissingFact, ...] | None]

    def of(self, key: PeriodItem) -> Evaluation | None:
        """The evaluation of a match; None where its period has passed, or nothing stands at its item."""
        return next((e for e in self.evaluations if e.key == key), None)

    def verdict(self, key: PeriodItem) -> Verdict:
        """What becomes of a match that was open: it goes on, or its way out."""
        same = self.of(key)
        if same is not None and same.eligible is True:
            return Verdict.ELIGIBLE
        if self.withdrawn:
            return Verdict.WITHDRAWN
        return way_out(key, self.evaluations, self.version, business_date(self.at))


@dataclass(frozen=True)
class Explained:
    """A decision, and the policy for its subject at the decision's moment."""

    decision: Decision
    explanation: Explanation

    @property
    def key(self) -> PeriodItem:
        """The match that was decided."""
        match = self.decision.match
        return PeriodItem(match.policy, match.period, match.item)

    @property
    def evaluation(self) -> Evaluation | None:
        """What decides; None where no condition was asked: the policy, or the period, had come to its end."""
        return self.explanation.of(self.key)

    @property
    def agrees(self) -> bool:
        """Whether the explanation gives the decision's verdict, version, reasons and amount."""
        decision, evaluation = self.decision, self.evaluation
        if self.explanation.verdict(self.key) is not decision.verdict:
            return False
        if evaluation is None:
            return not decision.reasons and decision.amount is None
        amount = evaluation.amount if decision.verdict is Verdict.ELIGIBLE else None
        found = (evaluation.policy.version, list(evaluation.reasons), amount)
        return found == (decision.policy_version, decision.reasons, decision.amount)


def explain(state: PartitionState, subject: str, policy_id: str) -> Explanation:
    """Explain a policy for a subject at the state's now; a withdrawn or not yet acting policy has no version.

    A subject nothing is known about is explained like any other: everything is missing. Items that the subject is
    eligible for, or was told about, are looked at though they be gone.
    Raises Refused (UNKNOWN_POLICY) for a policy never published, or before the first epoch.
    """
    registry = state.registry
    if policy_id not in registry.policies or registry.now is None:
        known = ", ".join(sorted(registry.policies)) or "none is"
        raise Refused(RejectCode.UNKNOWN_POLICY, f"policy {policy_id!r} is not published; these are: {known}")
    file = state.files.get(subject, SubjectFile(subject))
    keys: list[PeriodItem | PolicyItem] = [*file.matches, *file.told]
    return _explain(registry, file, policy_id, registry.now, [key.item for key in keys if key.policy == policy_id])


def fold_and_explain(
    state: PartitionState, offset: int, value: bytes, subject: str, policy_id: str
) -> tuple[Explained, ...]:
    """Fold a journal record, and explain each decision it led to about a policy for a subject.

    What time had changed until a record came is decided before it, by the facts there were then: so a decision's
    moment may be earlier than the state's now, and its facts are those before the record or after it; its reasons tell.
    """
    before = state.files.get(subject, SubjectFile(subject))
    effects = fold(state, offset, value).effects
    after = state.files.get(subject, before)
    return tuple(
        _explained(state.registry, (before, after), effect)
        for effect in effects
        if isinstance(effect, Decision) and (effect.match.subject, effect.match.policy) == (subject, policy_id)
    )


def _explained(registry: Registry, files: tuple[SubjectFile, SubjectFile], decision: Decision) -> Explained:
    match = decision.match
    before, after = (
        Explained(decision, _explain(registry, file, match.policy, decision.as_of, [match.item])) for file in files
    )
    return before if before.agrees else after


def _explain(registry: Registry, file: SubjectFile, policy_id: str, at: datetime, also: Iterable[str]) -> Explanation:
    history = registry.policies[policy_id]
    version = history.at(at)
    if version is None:
        return Explanation(at, None, history.withdrawn(at), (), {})
    view = view_of(file, registry.catalogue_at(at), business_date(at))
    succeeded_on = registry.succeeded_on(policy_id, at)
    found = evaluate(version, view, succeeded_on, frozenset(also))
    smallest = {e.key: smallest_missing(version, view, e, succeeded_on) for e in found if e.eligible is None}
    return Explanation(at, version, False, tuple(found), smallest)
