"""The plain evaluator: one policy, one subject, one day. Exact and readable; later engines are held against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from hashlib import blake2b

from eligibility.amounts import Standard, compute_amount
from eligibility.business_time import next_period_start, period_label
from eligibility.compile import CompiledPolicy, CompiledRule
from eligibility.conditions import Ground, Outcome, combined, earliest
from eligibility.derived import DERIVED
from eligibility.facts_view import FactsView, MissingFact, Observation, Source
from eligibility.kleene import Truth, all_of, any_of
from eligibility.subject_file import NO_ITEM, NO_PERIOD, PeriodItem, RosterKey, SubjectFile
from eligibility.values import Value, encode, shown
from schemas.catalogue import FactDeclaration
from schemas.decisions import Amount, FactSource, Reason
from schemas.events import RosterEntry
from schemas.policy import Policy, Validity

ALWAYS = Outcome(True, (), frozenset(), None)


@dataclass(frozen=True)
class Evaluation:
    """What a policy means for a subject's period and item on a day.

    `eligible`: Kleene's value; `over`: outside its validity or claim window, where nothing is asked of the facts.
    `grounds`: the tests that decide; `standard`: the amount, where eligible; `entry`: the roster's line.
    `ends_on`: the last day it can be had; `changes_on`: the next day on which time alone may change any of it.
    """

    key: PeriodItem
    policy: Policy
    eligible: Truth
    over: bool
    ends_on: date | None
    changes_on: date | None
    grounds: tuple[Ground, ...] = ()
    undecided: frozenset[MissingFact] = frozenset()
    standard: Standard | None = None
    entry: RosterEntry | None = None

    @property
    def amount(self) -> Amount | None:
        """The benefit's amount, where eligible."""
        return None if self.standard is None else self.standard.amount

    @property
    def missing(self) -> frozenset[MissingFact]:
        """What is unknown and matters, to the verdict or to the amount."""
        return self.undecided if self.standard is None else self.undecided | self.standard.missing

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The grounds in words of the wire."""
        listed = self.policy.list_kind == "roster" and not self.over
        roster = [_roster_reason(self.policy, self.key.item, self.entry)] if listed else []
        return (*roster, *map(_reason, self.grounds), *_base_reason(self.standard))

    @cached_property
    def digest(self) -> str:
        """What is decided, condensed: it differs when the version, a ground, a source or the amount does."""
        seen = [ground.observation for ground in self.grounds]
        if self.standard is not None and self.standard.base is not None:
            seen.append(self.standard.base)
        tests = [(ground.condition, ground.value) for ground in self.grounds]
        facts = [
            (o.name, o.period, _kept(o.value), [_said(s) for s in o.sources], sorted(map(list, o.missing)))
            for o in seen
        ]
        amount = None if self.amount is None else (self.amount.value, self.amount.arithmetic)
        entry = None if self.entry is None else (self.entry.roster_version, self.entry.grade)
        decided = (self.policy.version, amount, entry, tests, facts)
        return blake2b(json.dumps(decided, ensure_ascii=False).encode(), digest_size=12).hexdigest()


def _said(source: Source) -> tuple[object, ...]:
    return (*source.key, encode(source.value.value), source.value.provider, source.value.version)


def _kept(value: Value | None) -> bool | int | str | None:
    return None if value is None else encode(value)


def in_force(policy: Policy, today: date) -> bool:
    """Whether the policy's validity, and its claim window where it has one, hold on a day."""
    return all(w.from_ <= today and (w.to is None or today <= w.to) for w in _windows(policy))


def evaluate(compiled: CompiledPolicy, view: FactsView) -> list[Evaluation]:
    """Evaluate a policy on the view's day: one result, or for a roster policy one per line of the subject."""
    policy = compiled.document
    if policy.list_kind != "roster":
        return [_evaluate_item(compiled, view, NO_ITEM, None)]
    roster = view.file.roster
    lines = sorted(key.item for key in roster if key.policy == policy.id) or [NO_ITEM]
    return [_evaluate_item(compiled, view, item, roster.get(RosterKey(policy.id, item))) for item in lines]


def view_of(file: SubjectFile, catalogue: Mapping[str, FactDeclaration], today: date) -> FactsView:
    """A subject's facts, derived ones too, on a day in Asia/Shanghai."""
    return FactsView(file, catalogue, DERIVED, today)


def _evaluate_item(compiled: CompiledPolicy, view: FactsView, item: str, entry: RosterEntry | None) -> Evaluation:
    policy, today = compiled.document, view.today
    period = NO_PERIOD if policy.period is None else period_label(today, policy.period)
    key = PeriodItem(policy.id, period, item)
    ends = [window.to for window in _windows(policy) if window.to is not None]
    ends_on = min(ends, default=None)
    if not in_force(policy, today):
        begins = earliest(*(window.from_ for window in _windows(policy) if window.from_ > today))
        return Evaluation(key, policy, eligible=False, over=True, ends_on=ends_on, changes_on=begins)
    found, rule = _decide(compiled, view, entry)
    standard = compute_amount(rule, view, entry) if found.value is True else None
    turns = None if policy.period is None else next_period_start(today, policy.period)
    base_turns = None if standard is None or standard.base is None else standard.base.changes_on
    rate_turns = None if rule is None or rule.rate is None else rule.rate.changes_after(today)
    return Evaluation(
        key=key,
        policy=policy,
        eligible=found.value,
        over=False,
        ends_on=ends_on,
        changes_on=earliest(
            found.changes_on, turns, base_turns, rate_turns, *(end + timedelta(days=1) for end in ends)
        ),
        grounds=found.grounds,
        undecided=found.missing,
        standard=standard,
        entry=entry,
    )


def _decide(
    compiled: CompiledPolicy, view: FactsView, entry: RosterEntry | None
) -> tuple[Outcome, CompiledRule | None]:
    """Whether some rule gives a benefit, and which: the first that is true, unless one before it is unknown.

    By Kleene an unknown rule before a true one leaves no doubt that there is a benefit, only which.
    """
    held = compiled.conditions.evaluate(view)
    if compiled.document.list_kind == "roster" and (entry is None or not entry.member):
        return Outcome(False, (), frozenset(), None), None
    if held.value is False:
        return held, None
    tried: list[Outcome] = []
    chosen: CompiledRule | None = None
    for rule in compiled.rules:
        outcome = ALWAYS if rule.when is None else rule.when.evaluate(view)
        tried.append(outcome)
        if outcome.value is True:
            chosen = None if None in [each.value for each in tried] else rule
            break
    value = all_of((held.value, any_of(outcome.value for outcome in tried)))
    found = combined(value, [held, *tried])
    return (found._replace(missing=frozenset()) if value is False else found), chosen


def _windows(policy: Policy) -> list[Validity]:
    return [policy.valid] if policy.claim is None else [policy.valid, policy.claim]


def _reason(ground: Ground) -> Reason:
    seen = ground.observation
    return Reason(condition=ground.condition, value=ground.value, **_observed(seen))


def _base_reason(standard: Standard | None) -> list[Reason]:
    if standard is None or standard.base is None:
        return []
    seen = standard.base
    return [Reason(condition=f"amount from {seen.name}", value=seen.value is not None or None, **_observed(seen))]


def _observed(seen: Observation) -> dict[str, object]:
    """The provenance fields of a reason; a derived fact names its inputs instead of a provider."""
    fields: dict[str, object] = {
        "fact": seen.name,
        "period": None if seen.period == NO_PERIOD else seen.period,
        "observed": None if seen.value is None else shown(seen.value),
    }
    if seen.derived:
        missing = [FactSource(fact=m.name, period=m.period, provider=m.provider) for m in sorted(seen.missing)]
        return {**fields, "inputs": [*map(_source, seen.sources), *missing]}
    if seen.sources:
        value = seen.sources[0].value
        return {**fields, "provider": value.provider, "provider_version": value.version}
    return {**fields, "provider": next(iter(seen.missing)).provider}


def _source(source: Source) -> FactSource:
    return FactSource(
        fact=source.key.name,
        period=source.key.period,
        observed=shown(source.value.value),
        provider=source.value.provider,
        provider_version=source.value.version,
    )


def _roster_reason(policy: Policy, item: str, entry: RosterEntry | None) -> Reason:
    return Reason(
        condition=f"on the roster of {policy.id}" + ("" if item == NO_ITEM else f" for {item}"),
        value=entry is not None and entry.member,
        observed=None if entry is None else entry.grade,
        provider=policy.implemented_by[0],
        provider_version=None if entry is None else entry.roster_version,
    )
