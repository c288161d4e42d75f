"""Which direct-list policies could do without an application (N21), and who has to be looked at to say so.

Whoever counts subjects here never names one: what comes out are counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from eligibility.business_time import business_date
from eligibility.compile import CompiledPolicy
from eligibility.errors import Refused
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.facts_view import FactsView
from eligibility.partition_state import PartitionState
from eligibility.registry import Registry
from eligibility.subject_file import SubjectFile
from schemas.catalogue import FactDeclaration
from schemas.policy import Policy, Zone
from schemas.rejected import RejectCode


class Rules(NamedTuple):
    """The rules and the time as the partition that is furthest on knows them."""

    registry: Registry
    now: datetime

    @property
    def today(self) -> date:
        """The business day."""
        return business_date(self.now)

    def succeeded_on(self, policy_id: str, moment: datetime) -> date | None:
        """The day on which a policy's successor begins; none for a policy nobody has published."""
        known = policy_id in self.registry.policies
        return self.registry.succeeded_on(policy_id, moment) if known else None

    def acting(self) -> Iterator[CompiledPolicy]:
        """The version of each policy that acts now, by id."""
        for policy_id in sorted(self.registry.policies):
            version = self.registry.policies[policy_id].at(self.now)
            if version is not None:
                yield version


def rules_of(states: Iterable[PartitionState]) -> Rules:
    """The rules that partitions follow. Raises Refused (UNKNOWN_POLICY) before the first epoch."""
    registry = max((state.registry for state in states), key=lambda known: known.sequence, default=Registry())
    if registry.now is None:
        text = "no partition has seen an epoch begin, so that nothing is decided; begin one, and let the workers run"
        raise Refused(RejectCode.UNKNOWN_POLICY, text)
    return Rules(registry, registry.now)


def candidates(state: PartitionState, compiled: CompiledPolicy, day: date) -> Iterable[SubjectFile]:
    """The subjects for which a policy may be true or undetermined on a day: by the columns, where they can say."""
    if compiled.document.list_kind == "roster":
        return (state.files[subject] for subject in sorted(state.near(compiled.document.id)))
    subjects = state.engine.may_concern(compiled, state.registry, day)
    return state.files.values() if subjects is None else (state.files[subject] for subject in subjects)


def decisions(
    states: Iterable[PartitionState], rules: Rules, compiled: CompiledPolicy, moment: datetime
) -> Iterator[tuple[FactsView, list[Evaluation]]]:
    """What a policy means at a moment, subject by subject; those it is certainly not for may be left out."""
    day, succeeded_on = business_date(moment), rules.succeeded_on(compiled.document.id, moment)
    for state in states:
        behind = state.registry.sequence != rules.registry.sequence  # its columns follow older rules
        for file in state.files.values() if behind else candidates(state, compiled, day):
            view = view_of(file, rules.registry.catalogue, day)
            yield view, evaluate(compiled, view, succeeded_on)


@dataclass(frozen=True)
class Advice:
    """A direct-list policy, and how many subjects it would spare an application.

    `unshared`: the facts it reads that no registry shares, so that an officer has to answer; where there are none, it
    is decidable without an application. `eligible`: subjects that are so now. `waiting`: subjects that are undetermined
    for want of nothing but `unshared`.
    """

    policy: Policy
    unshared: tuple[FactDeclaration, ...]
    eligible: int
    waiting: int

    @property
    def freed(self) -> int:
        """The subjects that need not apply once `unshared` is shared; so many at most, since some answers are no."""
        return self.eligible + self.waiting


def advise(states: Sequence[PartitionState]) -> list[Advice]:
    """The direct-list policies that act now: the fewer facts are unshared the earlier, then by the subjects freed.

    Raises Refused before the first epoch.
    """
    rules = rules_of(states)
    direct = [compiled for compiled in rules.acting() if compiled.document.zone is Zone.DIRECT]
    found = [_advice(states, rules, compiled) for compiled in direct]
    return sorted(found, key=lambda each: (len(each.unshared), -each.freed, each.policy.id))


def _advice(states: Sequence[PartitionState], rules: Rules, compiled: CompiledPolicy) -> Advice:
    facts = rules.registry.catalogue.facts
    unshared = sorted(name for name in compiled.reads if name in facts and facts[name].officer_checked)
    eligible = waiting = 0
    for _, found in decisions(states, rules, compiled, rules.now):
        if any(e.eligible for e in found):
            eligible += 1
        elif any(_lacks_only(e, unshared) for e in found):
            waiting += 1
    return Advice(compiled.document, tuple(facts[name] for name in unshared), eligible, waiting)


def _lacks_only(e: Evaluation, names: Sequence[str]) -> bool:
    """Whether a decision is open, and would not be if some facts were known."""
    lacking = {missing.name for missing in e.undecided}
    return e.eligible is None and not e.undefined and bool(lacking) and lacking <= {*names}
