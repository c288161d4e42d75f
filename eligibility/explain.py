"""Why: what a policy means for a subject now, from a partition's state alone."""

from __future__ import annotations

from dataclasses import dataclass

from eligibility.business_time import business_date
from eligibility.compile import CompiledPolicy
from eligibility.errors import Refused
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.partition_state import PartitionState
from eligibility.subject_file import SubjectFile
from schemas.rejected import RejectCode


@dataclass(frozen=True)
class Explanation:
    """Evaluations of one policy for one subject (one per roster line or item), and the version they were made with."""

    version: CompiledPolicy | None
    evaluations: tuple[Evaluation, ...]


def explain(state: PartitionState, subject: str, policy_id: str) -> Explanation:
    """Explain a policy for a subject at the state's now; a withdrawn or not yet acting policy has no version.

    A subject nothing is known about is explained like any other: everything is missing.
    Raises Refused (UNKNOWN_POLICY) for a policy never published, or before the first epoch.
    """
    registry = state.registry
    history = registry.policies.get(policy_id)
    if history is None or registry.now is None:
        known = ", ".join(sorted(registry.policies)) or "none is"
        raise Refused(RejectCode.UNKNOWN_POLICY, f"policy {policy_id!r} is not published; these are: {known}")
    version = history.at(registry.now)
    if version is None:
        return Explanation(None, ())
    file = state.files.get(subject, SubjectFile(subject))
    view = view_of(file, registry.catalogue, business_date(registry.now))
    found = evaluate(version, view, registry.succeeded_on(policy_id, registry.now))
    return Explanation(version, tuple(found))
