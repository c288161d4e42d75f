"""Preview (N15): whom a policy would reach before it is published, what it would cost, and two versions compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import NamedTuple, cast

from eligibility.advice import Rules, decisions, rules_of
from eligibility.business_time import business_date, start_of
from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.data_gaps import DataGaps, GapCount
from eligibility.derived import DERIVED
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.facts_view import FactsView
from eligibility.partition_state import PartitionState
from eligibility.subject_file import SubjectFile
from schemas.policy import Policy, SubjectKind

PROVINCE, CITY, COUNTY = 2, 4, 6  # characters of a region's code
Groups = tuple[tuple[str | None, int], ...]
"""Subjects by a code, the most first; the code None: not known, or not something such a subject has."""


@dataclass(frozen=True)
class Preview:
    """A policy as it would be decided on a day. All but `cost` are counts of subjects or decisions.

    `on`: today, or the first day on which it can be had, if that is later; `over`: that day is outside its time.
    `eligible`: subjects with at least one benefit; `undetermined`: those without, where one is in doubt.
    `regions`: the eligible by city, or by county where the policy is a city's or a county's; `industries` by section.
    `cost`: the sum of the known amounts, 元; `amounts_unknown`: benefits in money whose amount is not known.
    `gaps`: what the undetermined decisions lack, also of subjects that are eligible for another item.
    """

    policy: Policy
    on: date
    over: bool
    subjects: int
    eligible: int
    undetermined: int
    regions: Groups
    industries: Groups
    sizes: Groups
    cost: Fraction
    amounts_unknown: int
    gaps: DataGaps


@dataclass(frozen=True)
class Comparison:
    """Two policies, or versions of one, each on its own day. Counts of subjects.

    `gained`: eligible only after; `lost`: eligible only before; `in_doubt`: those of the lost who are undetermined
    after; `amount_changed`: eligible in both, for another sum or with other amounts unknown.
    """

    before: Preview
    after: Preview
    gained: int
    lost: int
    in_doubt: int
    amount_changed: int

    @property
    def cost_difference(self) -> Fraction:
        """What it costs more than before, in 元, as far as amounts are known."""
        return self.after.cost - self.before.cost


class _Due(NamedTuple):
    """What a subject gets: the sum of the known amounts in 元, and how many are not known."""

    known: Fraction
    unknown: int


@dataclass
class _Reached:
    """Who is reached by a policy, subject by subject: kept for a comparison, and never shown."""

    due: dict[str, _Due] = field(default_factory=dict)
    undetermined: set[str] = field(default_factory=set)


def preview(states: Sequence[PartitionState], document: Policy) -> Preview:
    """Preview a policy document against the facts and the catalogue of the states' now.

    Raises Refused: BAD_POLICY as publishing it would, or UNKNOWN_POLICY before the first epoch.
    """
    return _previewed(states, rules_of(states), document)[0]


def compare(states: Sequence[PartitionState], after: Policy, before: Policy) -> Comparison:
    """Preview two documents, and count whom going from one to the other concerns. Raises Refused as `preview` does."""
    rules = rules_of(states)
    old, had = _previewed(states, rules, before)
    new, has = _previewed(states, rules, after)
    lost = had.due.keys() - has.due.keys()
    return Comparison(
        before=old,
        after=new,
        gained=len(has.due.keys() - had.due.keys()),
        lost=len(lost),
        in_doubt=len(lost & has.undetermined),
        amount_changed=sum(has.due[subject] != had.due[subject] for subject in has.due.keys() & had.due.keys()),
    )


def _previewed(states: Sequence[PartitionState], rules: Rules, document: Policy) -> tuple[Preview, _Reached]:
    compiled = compile_policy(document, rules.registry.catalogue)
    moment = _moment(document, rules)
    reached, gaps = _Reached(), GapCount()
    regions, industries, sizes = Counter[str | None](), Counter[str | None](), Counter[str | None]()
    for view, found in decisions(states, rules, compiled, moment):
        gaps.take(view.file.subject, found)
        if any(e.eligible for e in found):
            reached.due[view.file.subject] = _due(found)
            regions[_region(document, view)] += 1
            industries[_section(view)] += 1
            sizes[_value(view, "size_class")] += 1
        elif any(e.eligible is None for e in found):
            reached.undetermined.add(view.file.subject)
    previewed = Preview(
        policy=document,
        on=business_date(moment),
        over=_over(compiled, rules, moment),
        subjects=sum(len(state.files) for state in states),
        eligible=len(reached.due),
        undetermined=len(reached.undetermined),
        regions=_ranked(regions),
        industries=_ranked(industries),
        sizes=_ranked(sizes),
        cost=sum((due.known for due in reached.due.values()), Fraction(0)),
        amounts_unknown=sum(due.unknown for due in reached.due.values()),
        gaps=gaps.gaps(rules.registry.catalogue),
    )
    return previewed, reached


def _moment(document: Policy, rules: Rules) -> datetime:
    """Now, or the beginning of the first day on which the policy can be had."""
    begins = [] if document.claim is None else [document.claim.from_]
    if document.valid_on == "today":
        begins.append(document.valid.from_)
    return max([rules.now, *map(start_of, begins)])


def _over(compiled: CompiledPolicy, rules: Rules, moment: datetime) -> bool:
    """Whether nobody can have it that day, which the windows say whatever the facts are."""
    nobody = view_of(SubjectFile(""), rules.registry.catalogue, business_date(moment))
    return all(e.over for e in evaluate(compiled, nobody, rules.succeeded_on(compiled.document.id, moment)))


def _due(found: Sequence[Evaluation]) -> _Due:
    amounts = [e.amount.value for e in found if e.eligible and e.amount is not None]
    known = [Fraction(amount) for amount in amounts if amount is not None]
    return _Due(sum(known, Fraction(0)), len(amounts) - len(known))


def _region(document: Policy, view: FactsView) -> str | None:
    person = view.at("kind").value == SubjectKind.PERSON
    code = _value(view, "household_region" if person else "region")
    return None if code is None else code[: CITY if len(document.region) == PROVINCE else COUNTY]


def _section(view: FactsView) -> str | None:
    industry = _value(view, "industry")
    return None if industry is None else industry[0]


def _value(view: FactsView, name: str) -> str | None:
    """A code that a subject has, where the catalogue knows what it takes to say so."""
    needed = DERIVED[name].base_facts if name in DERIVED else (name,)
    return cast("str | None", view.at(name).value) if view.catalogue.facts.keys() >= {*needed} else None


def _ranked(counts: Counter[str | None]) -> Groups:
    return tuple(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0] is None, entry[0] or "")))
