"""Where to look: which policies a change, a change of rules or time may mean something for, and which subjects.

What is looked at is decided by the plain evaluator, in `eligibility.settle`; what is not would come out as it is. So
this may say too much, never too little. The policies a subject is near (`SubjectFile.near`) are kept in its file; all
others are found by the index.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eligibility.business_time import business_date, period_label, start_of
from eligibility.codes import Attributes, Row
from eligibility.compile import CompiledPolicy
from eligibility.derived import DERIVED
from eligibility.evaluate import view_of
from eligibility.facts_view import FactsView, MissingFact
from eligibility.formula import Formula, Literal, normal_form
from eligibility.policy_index import Flip, PolicyIndex, Version
from eligibility.population import Population
from eligibility.registry import PolicyHistory, Registry
from eligibility.subject_file import SubjectFile
from schemas.catalogue import PeriodKind

_BEFORE_ANY_EPOCH = -1  # no season


class Mark(NamedTuple):
    """Up to which control sequence and moment something is settled."""

    sequence: int
    at: datetime


class _Season(NamedTuple):
    """The labels of the periods that attributes in use are given by, and the lists among them that are complete."""

    labels: tuple[tuple[PeriodKind, str], ...]
    complete: frozenset[str]


class _Pending(NamedTuple):
    """What a bucket has to catch up with. `everybody`: a period turned, or anything may have changed.

    `rules`: the policies whose rules changed; `begun`: from when which version acts, where it does; `passed`: the codes
    that moving tests have passed, of which attribute.
    """

    everybody: bool
    rules: set[str]
    begun: list[tuple[datetime, Version]]
    passed: list[tuple[int, int, int]]


class Engine:
    """The index of a registry's policies and the columns of a partition's subjects."""

    def __init__(self) -> None:
        self.attributes = Attributes()
        self.index = PolicyIndex(self.attributes)
        self.population = Population(self.attributes)
        self._versions: dict[str, list[Version]] = {}
        self._open: set[str] = set()
        self._handovers: list[tuple[datetime, str, str]] = []
        self._seasons: dict[_Season, int] = {}
        self._latest_season: tuple[date, Mapping[str, date], int, int] | None = None
        self._latest_pending: tuple[tuple[Mark, datetime, int], _Pending] | None = None
        self._changed: tuple[object, Row] | None = None

    def follow(self, registry: Registry, policies: Iterable[str]) -> None:
        """Index the versions of policies as the registry has them; the cost is that of these policies.

        Where a document cannot be brought into normal form nothing is changed. A roster's policies are not indexed: who
        is listed is near them.
        """
        wanted = {policy_id: list(self._forms(policy_id, registry)) for policy_id in policies}
        for policy_id, forms in wanted.items():
            for version in self._versions.pop(policy_id, ()):
                self.index.discard(version)
            self._open.discard(policy_id)
            for version, formula, opens, closes in forms:
                self.index.add(version, formula, opens, closes)
                if formula.opened is not None:
                    self._open.add(policy_id)
            self._versions[policy_id] = [version for version, *_ in forms]
            self._hand_over(policy_id, registry.policies[policy_id])

    def _forms(
        self, policy_id: str, registry: Registry
    ) -> Iterator[tuple[Version, Formula, datetime, datetime | None]]:
        """A policy's versions that act at some time, in normal form."""
        versions = registry.policies[policy_id].versions
        for place, version in enumerate(versions):
            compiled = version.compiled
            if compiled is None or compiled.document.list_kind == "roster":
                continue
            later = [each.acts_from for each in versions[place + 1 :]]
            opens, closes = _window(compiled, version.acts_from, min(later, default=None))
            if closes is None or closes > opens:
                yield (policy_id, place), normal_form(compiled, self.attributes, registry.catalogue), opens, closes

    def _hand_over(self, policy_id: str, history: PolicyHistory) -> None:
        """With each version of a successor, or its end, its predecessors may end or live again: as known moments."""
        predecessors = {document.succeeds for document in history.documents if document.succeeds is not None}
        moments = [(v.acts_from, policy_id, each) for v in history.versions for each in predecessors]
        self._handovers = sorted([*(each for each in self._handovers if each[1] != policy_id), *moments])

    def _handed_over(self, was: datetime, now: datetime) -> list[tuple[datetime, str]]:
        """The policies whose successors' rules change after `was` and up to `now`, with the moments."""
        first, last = (bisect_right(self._handovers, moment, key=lambda each: each[0]) for moment in (was, now))
        return [(moment, each) for moment, _, each in self._handovers[first:last]]

    def notices_time(self, policy_id: str) -> bool:
        """Whether what time does to a subject that is not near a policy is found by the index alone."""
        return policy_id not in self._open

    def put(self, file: SubjectFile, registry: Registry) -> None:
        """Write a subject's changed facts into the columns, as they are seen now."""
        if registry.now is None:
            self.population.put(file.subject, [None] * len(self.attributes), _BEFORE_ANY_EPOCH)
            return
        if self._changed is not None and self._changed[0] is file.facts:
            row = self._changed[1]
        else:
            row = self.attributes.row(_view(file, registry, registry.now))
        self.population.put(file.subject, row, self._season(registry, registry.now))

    def meet_all(self, subjects: Iterable[str]) -> None:
        """Know that there are subjects: their columns are written when they are looked at, or by `refresh`."""
        if len(self.population):
            for subject in subjects:
                self.population.outdate(subject)
        else:
            self.population.meet_all(subjects)

    def refresh(self, files: Iterable[SubjectFile], registry: Registry) -> None:
        """Write subjects' columns anew: their facts are the same, but seen in another period or by new policies."""
        assert registry.now is not None
        season = self._season(registry, registry.now)
        for file in files:
            row = self._row(file, _view(file, registry, registry.now), season)
            self.population.put(file.subject, row, season)

    def changed(
        self, before: SubjectFile, after: SubjectFile, names: Set[str], registry: Registry, now: datetime
    ) -> set[str]:
        """The policies that a change of these facts and lists may mean something for. `before`: as it was put."""
        near = before.near if before.near is after.near else before.near | after.near
        concerned = set(registry.policies_reading(names, among=near))
        slots = sorted({slot for name in names for slot in self.attributes.reading.get(name, ())})
        was, is_ = _view(before, registry, now), _view(after, registry, now)
        old = self._row(before, was, self._season(registry, now))
        new = self.attributes.row(is_, slots, old)
        also = self._lacking_otherwise(old, new, was, is_, slots)
        self._changed = after.facts, new
        return concerned | self._worth_settling(self.index.touched(old, new, now, now, read=names, also=also), is_)

    def turned(
        self, file: SubjectFile, registry: Registry, was: datetime, now: datetime, rules: Collection[str] | None
    ) -> set[str]:
        """The policies that may have changed for a subject between two moments. `rules`: those whose rules have, at
        the later one; None: any may have."""
        after = _view(file, registry, now)
        seasons = self._season(registry, was), self._season(registry, now)
        new = self._row(file, after, seasons[1])
        old, also = new, list[int]()
        if slots := self._turning(*seasons):
            before = _view(file, registry, was)
            old = self.attributes.row(before, slots, new)
            also = self._lacking_otherwise(old, new, before, after, slots)
        flips = self.index.touched(old, new, was, now, also=also)
        if rules is not None:
            rules = {*rules, *(policy_id for _, policy_id in self._handed_over(was, now))}
        versions = None if rules is None else [v for each in rules for v in self._versions.get(each, ())]
        if versions is None or versions:
            flips += self.index.standing(new, now, versions)
        concerned = set(file.near if rules is None else file.near & set(rules))
        return concerned | self._worth_settling(flips, after)

    def standing(self, file: SubjectFile, registry: Registry, now: datetime) -> set[str]:
        """The policies a subject met for the first time may be eligible for."""
        view = _view(file, registry, now)
        row = self.attributes.row(view)
        self._changed = file.facts, row
        return set(file.near) | self._worth_settling(self.index.standing(row, now), view)

    def turns_after(self, file: SubjectFile, registry: Registry, moment: datetime, until: datetime) -> datetime | None:
        """The next moment, not later than `until`, at which time alone may mean something for a subject."""
        if not self.passes(registry, moment, until):
            return None
        row = self.attributes.row(_view(file, registry, moment), self.index.moving_slots())
        moments = [self.index.turns_after(row, moment), self._completes_after(registry, moment)]
        moments += [each for each, _ in self._handed_over(moment, until)]
        return min((each for each in moments if each is not None and each <= until), default=None)

    def passes(self, registry: Registry, was: datetime, now: datetime) -> bool:
        """Whether time has passed anything that means something for anybody."""
        if self.index.boundaries(was, now) or self._handed_over(was, now) or any(self.index.moving(was, now)):
            return True
        return self._rolls(registry, was, now)

    def concerned(
        self, subjects: Sequence[str], near: Mapping[str, Set[str]], registry: Registry, since: Mark, now: datetime
    ) -> set[str] | None:
        """Those of some subjects for whom something may have changed since a mark; None: any of them.

        `near`: the subjects near a policy.
        """
        pending = self._pending(registry, since, now)
        if pending.everybody:
            return None
        rows = self._rows(subjects)
        found = [self.population.between(slot, low, high, rows) for slot, low, high in pending.passed]
        for moment, version in pending.begun:
            found.append(self._answered(self.index.formulas[version], business_date(moment), rows))
        every = {self.population.subjects[row] for row in np.unique(np.concatenate([rows[:0], *found])).tolist()}
        here = set(subjects)
        listed = {subject for policy_id in pending.rules for subject in here & near.get(policy_id, frozenset())}
        return {subject for subject in every if subject is not None} | listed

    def _pending(self, registry: Registry, since: Mark, now: datetime) -> _Pending:
        """What has happened since a mark; buckets mostly share theirs."""
        key = since, now, registry.sequence
        if self._latest_pending is None or self._latest_pending[0] != key:
            turns = [t for t in registry.turns if t.sequence > since.sequence and t.at >= since.at]
            rules = {(turn.at, policy_id) for turn in turns for policy_id in turn.policies or ()}
            rules |= {(moment, policy_id) for moment, (policy_id, _) in self.index.boundaries(since.at, now)}
            rules |= {*self._handed_over(since.at, now)}
            begun = sorted(
                (moment, version)
                for moment, policy_id in rules
                for version in self._versions.get(policy_id, ())
                if self.index.acts(version, moment)
            )
            everybody = any(turn.policies is None for turn in turns) or self._rolls(registry, since.at, now)
            passed = [] if everybody else list(self.index.moving(since.at, now))
            self._latest_pending = key, _Pending(everybody, {policy_id for _, policy_id in rules}, begun, passed)
        return self._latest_pending[1]

    def may_concern(self, compiled: CompiledPolicy, registry: Registry, day: date) -> list[str] | None:
        """The subjects for whom a policy, published or not, is not false on a day; its windows are not looked at.

        None: the columns cannot say, since they are of another period, or lack what only this policy reads.
        """
        assert registry.now is not None
        attributes = self.attributes.copy()  # what is only asked leaves no trace
        formula = normal_form(compiled, attributes, registry.catalogue)
        seasons = self._season(registry, registry.now), self._season(registry, start_of(day))
        known = len(attributes) == len(self.attributes) and self.population.is_current(seasons[0])
        if not known or self._turning(*seasons):
            return None
        found = [row for slice_ in self.population.answer(formula, day) for rows in slice_ for row in rows.tolist()]
        return [subject for row in found if (subject := self.population.subjects[row]) is not None]

    def outdated(self, subjects: Sequence[str], registry: Registry) -> list[str]:
        """Those of some subjects whose columns are of another period, or lack what a new policy reads."""
        assert registry.now is not None
        found = self.population.outdated(self._rows(subjects), self._season(registry, registry.now))
        return [subject for row in found.tolist() if (subject := self.population.subjects[row]) is not None]

    def _rows(self, subjects: Sequence[str]) -> NDArray[np.int64]:
        return np.sort(np.array([self.population.row_of(subject) for subject in subjects], np.int64))

    def _answered(self, formula: Formula, day: date, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """For whom it is true, or unknown and perhaps for want of one fact only."""
        answer = self.population.among(formula, day, rows)
        slots = [slot for slot in _conjuncts(formula) if self.attributes.every[slot].fact not in DERIVED]
        single = self.population.count_unknown(slots, answer.unknown) < 2
        return np.concatenate([answer.true, answer.unknown[single]])

    def _rolls(self, registry: Registry, was: datetime, now: datetime) -> bool:
        """Whether another period, or the completeness of a list, changes what everybody's facts are."""
        return any(map(self.index.uses, self._turning(self._season(registry, was), self._season(registry, now))))

    def _season(self, registry: Registry, moment: datetime) -> int:
        """The number of a time in which all days see the same periods, and the same lists as complete."""
        day, complete = business_date(moment), registry.catalogue_at(moment).complete
        known = self._latest_season
        if known is not None and known[:3] == (day, complete, len(self.attributes)):
            return known[3]
        labels = {kind: period_label(day, kind) for kind in self.attributes.turning if kind is not None}
        listed = frozenset(name for name, as_of in complete.items() if as_of <= day and name in self.attributes.reading)
        season = _Season(tuple(sorted(labels.items())), listed)
        number = self._seasons.setdefault(season, len(self._seasons))
        self._latest_season = day, complete, len(self.attributes), number
        return number

    def _turning(self, one: int, other: int) -> list[int]:
        """The attributes that may be others in two seasons."""
        if one == other:
            return []
        seasons = list(self._seasons)
        (before, complete), (after, completed) = seasons[one], seasons[other]
        turned: set[PeriodKind | None] = {kind for kind, _ in {*before} ^ {*after}}
        turned |= {None} if complete != completed else set()
        return sorted({slot for kind in turned for slot in self.attributes.turning.get(kind, ())})

    def _completes_after(self, registry: Registry, moment: datetime) -> datetime | None:
        """When next a list of those in use will be complete."""
        day, complete = business_date(moment), registry.catalogue_at(moment).complete
        reading = self.attributes.reading
        used = [name for name in complete if any(map(self.index.uses, reading.get(name, ())))]
        days = [complete[name] for name in used if complete[name] > day]
        return start_of(min(days)) if days else None

    def _row(self, file: SubjectFile, view: FactsView, season: int) -> Row:
        """A subject's codes, from its columns but for what has turned since; its facts are as they were put."""
        stored = self.population.codes(file.subject)
        if stored is None or stored.season == _BEFORE_ANY_EPOCH:
            return self.attributes.row(view)
        known = stored.codes
        slots = [*self._turning(stored.season, season), *range(len(known), len(self.attributes))]
        return self.attributes.row(view, slots, known) if slots else known

    def _lacking_otherwise(
        self, old: Row, new: Row, before: FactsView, after: FactsView, slots: Iterable[int]
    ) -> list[int]:
        """The attributes that stay unknown, but now for want of one fact only."""
        found = []
        for slot in slots:
            if old[slot] is None and new[slot] is None:
                fact, period = self.attributes.every[slot]
                lacks = after.get(fact, period).missing
                if len(lacks) == 1 and lacks != before.get(fact, period).missing:
                    found.append(slot)
        return found

    def _worth_settling(self, flips: Iterable[Flip], view: FactsView) -> set[str]:
        """Those that are true now, or unknown where at most one fact is missing: who lacks two is told nothing."""
        found: set[str] = set()
        for (policy_id, place), _, after in flips:
            if after is True or (after is None and self._lacks_one(self.index.formulas[policy_id, place], view)):
                found.add(policy_id)
        return found

    def _lacks_one(self, formula: Formula, view: FactsView) -> bool:
        missing: set[MissingFact] = set()
        for slot in _conjuncts(formula):
            fact, period = self.attributes.every[slot]
            missing |= view.get(fact, period).missing
            if len(missing) > 1:
                return False
        return True


def _conjuncts(formula: Formula) -> list[int]:
    """The attributes that must be known for a formula to be true."""
    return sorted({part.slot for part in formula.root.parts if isinstance(part, Literal)})


def _view(file: SubjectFile, registry: Registry, moment: datetime) -> FactsView:
    return view_of(file, registry.catalogue_at(moment), business_date(moment))


def _window(
    compiled: CompiledPolicy, acts_from: datetime, acts_until: datetime | None
) -> tuple[datetime, datetime | None]:
    """When a version can be had, but for what its successor ends: that is told to those who are near."""
    document = compiled.document
    validities = [] if document.claim is None else [document.claim]
    if document.valid_on == "today":
        validities.append(document.valid)
    opens = max([acts_from, *(start_of(each.from_) for each in validities)])
    ends = [start_of(each.to + timedelta(days=1)) for each in validities if each.to is not None]
    return opens, min([*ends, *([] if acts_until is None else [acts_until])], default=None)
