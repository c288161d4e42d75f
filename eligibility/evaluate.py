"""The plain evaluator: one policy, one subject, one day. Exact and readable; later engines are held against it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from typing import NamedTuple

from eligibility.amounts import Standard, compute_amount
from eligibility.business_time import earliest, next_period_start, period_label
from eligibility.catalogue import Catalogue
from eligibility.compile import CompiledPolicy, CompiledRule
from eligibility.conditions import Ground, Outcome, Scope, combined, conjoined
from eligibility.derived import DERIVED, RECEIPTS
from eligibility.facts_view import FactsView, MissingFact, Observation, Source
from eligibility.kleene import Truth, all_of, any_of
from eligibility.once import once
from eligibility.receipts import is_received
from eligibility.subject_file import NO_ITEM, NO_PERIOD, PeriodItem, SubjectFile
from eligibility.values import Value, encode, shown
from schemas.decisions import Amount, FactSource, Reason
from schemas.events import RosterEntry
from schemas.policy import Policy

MOST_INPUTS_OF_A_REASON = 200
MOST_INPUTS = 2_000
ALWAYS = Outcome(True, (), frozenset(), None)
NEVER = Outcome(False, (), frozenset(), None)


class Window(NamedTuple):
    """The days on which something can be had, both included; no last day: for good."""

    first: date
    last: date | None

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        return self.first <= day and (self.last is None or day <= self.last)


class RosterLine(NamedTuple):
    """A line of the roster, from a department that implements the policy."""

    department: str
    entry: RosterEntry


@dataclass(frozen=True)
class Evaluation:
    """What a policy means for a subject's period and item on a day.

    `eligible`: Kleene's value; `over`: outside its validity or claim window, where nothing is asked of the facts.
    `grounds`: the tests that decide; `standard`: the amount, where eligible; `line`: the roster's.
    `ends_on`: the last day it can be had; `changes_on`: the next day on which time alone may change any of it;
    `certificate_to`: the last day of the certificates it rests on; `received`: the benefit was received already;
    `undefined`: a test has no value though nothing it needs is missing, such as a share of nobody.
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
    line: RosterLine | None = None
    certificate_to: date | None = None
    received: bool = False
    undefined: bool = False

    @property
    def amount(self) -> Amount | None:
        """The benefit's amount, where eligible for money."""
        return None if self.standard is None else self.standard.amount

    @property
    def missing(self) -> frozenset[MissingFact]:
        """What is unknown and matters, to the verdict or to the amount."""
        return self.undecided if self.standard is None else self.undecided | self.standard.missing

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The grounds in words of the wire."""
        listed = self.policy.list_kind == "roster" and not self.over
        roster = [_roster_reason(self.policy, self.key.item, self.line)] if listed else []
        return tuple(_within_bounds([*roster, *map(_reason, self.grounds), *_base_reasons(self.standard)]))

    @once
    def digest(self) -> str:
        """What is decided, condensed: it differs when the version, a ground, a source or the amount does."""
        seen = [ground.observation for ground in self.grounds]
        if self.standard is not None:
            seen.extend(self.standard.bases)
        tests = [(ground.condition, ground.value) for ground in self.grounds]
        facts = [
            (
                name,
                period,
                item,
                _kept(value),
                [_said(s) for s in sources],
                sorted(map(list, missing)) if missing else [],
            )
            for name, period, item, value, sources, missing, *_ in seen
        ]
        amount = None if self.amount is None else (self.amount.value, self.amount.arithmetic)
        line = None if self.line is None else (self.line.entry.roster_version, self.line.entry.grade)
        decided = (self.policy.version, amount, line, tests, facts)
        return blake2b(_as_json(decided).encode(), digest_size=12).hexdigest()


_as_json = json.JSONEncoder(ensure_ascii=False).encode


def _said(source: Source) -> tuple[object, ...]:
    value, provider, version, *_ = source.value
    return (*source.key, encode(value), provider, version)


def _kept(value: Value | None) -> bool | int | str | None:
    return None if value is None else encode(value)


def evaluate(
    compiled: CompiledPolicy, view: FactsView, succeeded_on: date | None = None, also: Collection[str] = ()
) -> list[Evaluation]:
    """Evaluate a policy on the view's day: one result, or one per line of its roster or item of its list.

    `succeeded_on`: the day on which its successor begins. `also`: items that were there before; one that is gone is
    looked at, too. Where there is no line or item, one result says why.
    """
    policy = compiled.document
    if policy.list_kind == "roster":
        lines = _roster_lines(policy, view.file)
        listed = sorted({*lines, *also}) or [NO_ITEM]
        return [_evaluate_item(compiled, view, item, lines.get(item), succeeded_on) for item in listed]
    if policy.for_each is None:
        return [_evaluate_item(compiled, view, NO_ITEM, None, succeeded_on)]
    there = frozenset(view.items(policy.for_each))
    items = sorted({*there, *also} - {NO_ITEM}) or [NO_ITEM]
    return [
        _evaluate_item(compiled, view, item, None, succeeded_on)
        if item in there
        else _not_there(compiled, view, item, succeeded_on)
        for item in items
    ]


def view_of(file: SubjectFile, catalogue: Catalogue, today: date) -> FactsView:
    """A subject's facts, derived ones too, on a day in Asia/Shanghai."""
    return FactsView(file, catalogue, DERIVED, today)


def _roster_lines(policy: Policy, file: SubjectFile) -> dict[str, RosterLine]:
    """The lines of the departments that implement the policy; of several for an item the latest version counts."""
    lines: dict[str, RosterLine] = {}
    for key, entry in sorted(file.roster.items(), key=lambda line: (line[1].roster_version, line[0])):
        if key.policy == policy.id and key.department in policy.implemented_by:
            lines[key.item] = RosterLine(key.department, entry)
    return lines


def _not_there(compiled: CompiledPolicy, view: FactsView, item: str, succeeded_on: date | None) -> Evaluation:
    """An item nobody tells of: there is none where the list is complete or it is not for them, else there may be."""
    policy = compiled.document
    assert policy.for_each is not None
    key = _key(policy, item, view.today)
    windows = _windows(policy, succeeded_on)
    over, changes_on = _over(windows, view.today)
    unlisted = view.incomplete(policy.for_each)
    whom = compiled.whom.evaluate(Scope(view, key, {}, {}))
    eligible = None if unlisted and whom.value is not False and not over else False
    changes_on = changes_on if over else earliest(changes_on, view.completes_on(policy.for_each))
    undecided = unlisted | whom.missing if eligible is None else frozenset()
    return Evaluation(key, policy, eligible, over, _last_day(windows), changes_on, undecided=undecided)


def _key(policy: Policy, item: str, today: date) -> PeriodItem:
    return PeriodItem(policy.id, NO_PERIOD if policy.period is None else period_label(today, policy.period), item)


def _last_day(windows: list[Window]) -> date | None:
    return min([window.last for window in windows if window.last is not None], default=None)


def _over(windows: list[Window], day: date) -> tuple[bool, date | None]:
    """Whether a day is outside some window, and the next day on which that may change."""
    if all([window.holds(day) for window in windows]):
        return False, earliest(*[w.last + timedelta(days=1) for w in windows if w.last is not None])
    return True, earliest(*[w.first for w in windows if w.first > day])


def _evaluate_item(
    compiled: CompiledPolicy, view: FactsView, item: str, line: RosterLine | None, succeeded_on: date | None
) -> Evaluation:
    policy, today = compiled.document, view.today
    key = _key(policy, item, today)
    items = {} if policy.for_each is None else {policy.for_each: item}
    scope = Scope(view, key, items, items)
    windows = _windows(policy, succeeded_on)
    (over, turns), ends_on, received = _over(windows, today), _last_day(windows), is_received(view, key)
    if over:
        return Evaluation(key, policy, False, True, ends_on, turns, received=received)
    found, rules = _decide(compiled, scope, line, succeeded_on)
    standard, eligible, undecided = None, found.value, found.missing
    if found.value is True or (found.value is None and any(rule.benefit.top_up for rule in rules)):
        standard = compute_amount(rules, scope, None if line is None else line.entry, compiled.reference)
        eligible = all_of((found.value, standard.due))
        if eligible is not True:
            undecided = found.missing | standard.missing if eligible is None else frozenset()
    period_turns = None if policy.period is None else next_period_start(today, policy.period)
    standard_turns: list[date | None] = [] if standard is None else [view.completes_on(RECEIPTS)]
    if standard is not None and compiled.reference is None:
        standard_turns += [base.changes_on for base in standard.bases]
        standard_turns += [figure.changes_after(today) for rule in rules for figure in rule.figures.values()]
    return Evaluation(
        key=key,
        policy=policy,
        eligible=eligible,
        over=False,
        ends_on=ends_on,
        changes_on=earliest(found.changes_on, turns, period_turns, *standard_turns),
        grounds=_distinct(found.grounds),
        undecided=undecided,
        standard=None if found.value is None and eligible is None else standard,
        line=line,
        certificate_to=found.holds_until,
        received=received,
        undefined=found.undefined,
    )


def _distinct(grounds: tuple[Ground, ...]) -> tuple[Ground, ...]:
    """Each once: several tests may refer to the same event. Of those with different conditions none can be another."""
    alike = len({ground.condition for ground in grounds}) < len(grounds)
    return tuple(dict.fromkeys(grounds)) if alike else grounds


def _decide(
    compiled: CompiledPolicy, scope: Scope, line: RosterLine | None, succeeded_on: date | None
) -> tuple[Outcome, tuple[CompiledRule, ...]]:
    """Whether some rule gives a benefit, and which: the first that is true, or one that is unknown before it.

    By Kleene an unknown rule before a true one leaves no doubt that there is a benefit, only which.
    """
    if compiled.document.list_kind == "roster" and (line is None or not line.entry.member):
        return NEVER, ()
    held = compiled.whom.evaluate(scope)
    if compiled.document.valid_on == "reference":
        held = conjoined(_valid_then(compiled, scope, succeeded_on), held)
    if held.value is not False and compiled.conditions is not None:  # whom it is not for is asked nothing else
        held = conjoined(held, compiled.conditions.evaluate(scope))
    if held.value is False:
        return held, ()
    tried: list[Outcome] = []
    candidates: list[CompiledRule] = []
    for rule in compiled.rules:
        outcome = ALWAYS if rule.when is None else rule.when.evaluate(scope)
        tried.append(outcome)
        if outcome.value is not False:
            candidates.append(rule)
        if outcome.value is True:
            break
    value = all_of((held.value, any_of(outcome.value for outcome in tried)))
    lasting = earliest(held.holds_until, tried[-1].holds_until) if value is True else None
    found = combined(value, [held, *tried], lasting)
    if value is False:
        found = found._replace(missing=frozenset())
    elif value is None and held.value is None and any(outcome.value is True for outcome in tried):
        found = found._replace(missing=held.missing, undefined=held.undefined)  # which benefit is a later question
    return found, tuple(candidates)


def _valid_then(compiled: CompiledPolicy, scope: Scope, succeeded_on: date | None) -> Outcome:
    """Whether the policy was valid on the reference date: a fact like any other, which no tick changes."""
    assert compiled.reference is not None
    day, seen = compiled.reference.day_of(scope)
    value = None if day is None else all(window.holds(day) for window in _validity(compiled.document, succeeded_on))
    text = f"{compiled.document.id} valid on {seen.name}"
    missing = seen.missing if value is None else frozenset()
    return Outcome(value, (Ground(text, value, seen),), missing, seen.changes_on)


def _windows(policy: Policy, succeeded_on: date | None) -> list[Window]:
    """The days on which something can be had, as far as today counts."""
    windows = [] if policy.claim is None else [Window(policy.claim.from_, policy.claim.to)]
    return windows if policy.valid_on == "reference" else [*_validity(policy, succeeded_on), *windows]


def _validity(policy: Policy, succeeded_on: date | None) -> list[Window]:
    own = Window(policy.valid.from_, policy.valid.to)
    return [own] if succeeded_on is None else [own, Window(date.min, succeeded_on - timedelta(days=1))]


def _within_bounds(reasons: list[Reason]) -> Iterator[Reason]:
    """Reasons with at most so many inputs, each and in all, so that a decision stays a readable record."""
    left = MOST_INPUTS
    for reason in reasons:
        kept = min(len(reason.inputs), MOST_INPUTS_OF_A_REASON, left)
        left -= kept
        cut = len(reason.inputs) - kept
        yield reason.model_copy(update={"inputs": reason.inputs[:kept], "inputs_left_out": cut}) if cut else reason


def _reason(ground: Ground) -> Reason:
    return Reason(condition=ground.condition, value=ground.value, **_observed(ground.observation))


def _base_reasons(standard: Standard | None) -> list[Reason]:
    return [
        Reason(condition=f"amount from {seen.name}", value=seen.value is not None or None, **_observed(seen))
        for seen in ([] if standard is None else standard.bases)
    ]


def _observed(seen: Observation) -> dict[str, object]:
    """The provenance fields of a reason; a derived fact names its inputs instead of a provider."""
    fields: dict[str, object] = {
        "fact": seen.name,
        "period": None if seen.period == NO_PERIOD else seen.period,
        "item": None if seen.item == NO_ITEM else seen.item,
        "observed": None if seen.value is None else shown(seen.value),
    }
    if seen.derived:
        missing = [
            FactSource(fact=m.name, period=m.period, item=m.item, provider=m.provider) for m in sorted(seen.missing)
        ]
        return {**fields, "inputs": [*map(_source, seen.sources), *missing]}
    if seen.sources:
        return {**fields, **_provenance(seen.sources[0])}
    return {**fields, "provider": next(iter(seen.missing)).provider}


def _provenance(source: Source) -> dict[str, object]:
    absent = source.complete_as_of is not None
    return {
        "provider": source.value.provider,
        "provider_version": None if absent else source.value.version,
        "complete_as_of": source.complete_as_of,
    }


def _source(source: Source) -> FactSource:
    fields: dict[str, object] = {**source.key._asdict(), "observed": shown(source.value.value), **_provenance(source)}
    return FactSource.model_validate({"fact": fields.pop("name"), **fields})


def _roster_reason(policy: Policy, item: str, line: RosterLine | None) -> Reason:
    return Reason(
        condition=f"on the roster of {policy.id}" + ("" if item == NO_ITEM else f" for {item}"),
        value=line is not None and line.entry.member,
        observed=None if line is None else line.entry.grade,
        provider=policy.implemented_by[0] if line is None else line.department,
        provider_version=None if line is None else line.entry.roster_version,
    )
