"""Settling a subject: its open matches made equal to what its facts and the policies say at a moment.

Everything that can change a verdict goes through here: a fact, a roster line, a policy, time. What comes out depends
only on the subject's file, the registry and the moments at which something changed, never on when a roll-out got here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from eligibility.business_time import business_date, start_of
from eligibility.effects import Effect, Stamp
from eligibility.engine import Engine, Mark
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.facts_view import FactsView
from eligibility.receipts import is_received
from eligibility.registry import Registry
from eligibility.reminders import REMINDERS, Rung, rungs_of, weekly_digest_after
from eligibility.subject_file import (
    NOTHING,
    FactKey,
    Match,
    PeriodItem,
    PolicyItem,
    Standing,
    SubjectFile,
    Told,
    Wanting,
)
from eligibility.values import ZERO
from eligibility.ways_out import way_out
from schemas.decisions import Amount, Decision, MatchKey, Reason, Verdict
from schemas.notices import Notice, NoticeKind, NoticeTopic
from schemas.policy import Policy


def catch_up(
    file: SubjectFile, registry: Registry, engine: Engine, since: Mark | None, now: datetime, stamp: Stamp
) -> tuple[SubjectFile, list[Effect]]:
    """Handle, in order, every moment up to `now` at which time or a policy changed something for the subject.

    `since`: up to when its slice of the partition is settled; the file may be settled further by itself.
    """
    if file.settled_at is None:
        return file, []
    since = max(Mark(file.settled_sequence, file.settled_at), since or Mark(-1, file.settled_at))
    effects: list[Effect] = []
    turns = [t for t in registry.turns if t.sequence > since.sequence and t.at >= since.at]
    if not turns and since.at >= now:
        return file, effects
    turns.sort(key=lambda turn: turn.at)
    moment = since.at
    while True:
        due = file.due_at if file.due_at is not None and file.due_at > moment else None
        passing = engine.turns_after(file, registry, moment, now)
        following = [m for m in (due, passing, *(turn.at for turn in turns[:1])) if m is not None]
        if not following or min(following) > now:
            return file, effects
        before, moment = moment, min(following)
        concerned = {policy_id for policy_id, at in file.due.items() if at <= moment}
        rules: frozenset[str] | None = frozenset()
        if turns and turns[0].at == moment:
            rules = turns.pop(0).policies
        if moment == passing or rules != frozenset():
            concerned |= engine.turned(file, registry, before, moment, rules)
        file, happened = settle(file, registry, engine, moment, stamp, concerned)
        effects += happened


def settle(
    file: SubjectFile,
    registry: Registry,
    engine: Engine,
    at: datetime,
    stamp: Stamp,
    policies: Iterable[str],
    *,
    facts_changed: bool = False,
) -> tuple[SubjectFile, list[Effect]]:
    """Decide the subject at a moment: the file after it, and the decisions, pushes and reminders that follow.

    `policies`: those that may have changed. A file that comes out as it went in is returned itself, so that nothing is
    written for it; but where its facts have just changed it is settled up to this moment: what came before was decided
    by the facts it had then.
    """
    view = view_of(file, registry.catalogue_at(at), business_date(at))
    settling = _Settling(file, registry, at, stamp, view)
    standings: dict[str, Standing] = {}
    following: dict[str, datetime] = {}
    policies = registry.policies.keys() & set(policies)  # a roster may come before its policy
    for policy_id in sorted(policies):
        history = registry.policies[policy_id]
        compiled = history.at(at)
        before = settling.take_up(policy_id)
        found: list[Evaluation] = []
        if compiled is not None:
            found = evaluate(compiled, view, registry.succeeded_on(policy_id, at), settling.items())
        settling.policy(policy_id, found, withdrawn=history.withdrawn(at))
        moments = [settling.remind(policy_id), settling.name_missing(found)]
        moments.append(registry.changes_after(policy_id, at))
        moments += [start_of(e.changes_on) for e in found if e.changes_on is not None]
        if known := [moment for moment in moments if moment is not None]:
            following[policy_id] = min(known)
        if settling.standing != before:
            standings[policy_id] = settling.standing
    due = dict(file.due)
    for policy_id in policies:
        due.pop(policy_id, None)
    for policy_id, moment in following.items():
        stands = any(standings[policy_id]) if policy_id in standings else policy_id in file.standings
        if stands or policy_id in file.listed or not engine.notices_time(policy_id):
            due[policy_id] = moment
    if not standings and due == file.due and file.settled_at is not None and not facts_changed:
        return file, settling.effects
    return file.settled(at, registry.sequence, standings, due), settling.effects


class _Settling:
    """One subject at one moment, policy by policy: what is to stand, and the effects of getting there."""

    def __init__(self, file: SubjectFile, registry: Registry, at: datetime, stamp: Stamp, view: FactsView) -> None:
        self.file, self.registry, self.at, self.stamp, self.view = file, registry, at, stamp, view
        self.matches: dict[PeriodItem, Match] = {}
        self.told: dict[PolicyItem, Told] = {}
        self.wanting: dict[PolicyItem, Wanting] = {}
        self.were_open: set[str] = set()
        self.effects: list[Effect] = []

    def take_up(self, policy_id: str) -> Standing:
        """Go on with a policy; returns what stands."""
        standing = self.file.standings.get(policy_id, NOTHING)
        self.matches, self.told, self.wanting = dict(standing.matches), dict(standing.told), dict(standing.wanting)
        self.were_open = {key.item for key in self.matches}
        return standing

    @property
    def standing(self) -> Standing:
        """What is to stand of the policy at hand."""
        return Standing(self.matches, self.told, self.wanting)

    def items(self) -> set[str]:
        """The items that the subject is eligible for, or was told about."""
        return {key.item for key in self.matches} | {key.item for key in self.told}

    def policy(self, policy_id: str, found: list[Evaluation], *, withdrawn: bool) -> None:
        """Close what no longer holds, then open or restate what does."""
        eligible = {e.key: e for e in found if e.eligible is True}
        for key in sorted(self.matches.keys() - eligible.keys()):
            self._close(key, found, withdrawn=withdrawn)
        for key in sorted(eligible):
            self._open(eligible[key])
        self._correct(policy_id, found, withdrawn=withdrawn)

    def _close(self, key: PeriodItem, found: list[Evaluation], *, withdrawn: bool) -> None:
        match = self.matches.pop(key)
        verdict = Verdict.WITHDRAWN if withdrawn else self._way_out(key, found)
        same = next((e for e in found if e.key == key), None)
        version = match.policy_version if same is None else same.policy.version
        self._decide(key, verdict, version, () if same is None else same.reasons, None)

    def _way_out(self, key: PeriodItem, found: list[Evaluation]) -> Verdict:
        return way_out(key, found, self.registry.policies[key.policy].at(self.at), self.view.today)

    def _open(self, e: Evaluation) -> None:
        known = self.matches.get(e.key)
        amount = None if e.amount is None else e.amount.value
        new = Match(e.policy.version, e.digest, self.at, e.ends_on, amount, e.certificate_to, e.received)
        self.matches[e.key] = new if known is None else new._replace(as_of=known.as_of)
        if known is None or known.digest != new.digest:
            self._decide(e.key, Verdict.ELIGIBLE, e.policy.version, e.reasons, e.amount)
        told_key = PolicyItem(e.key.policy, e.key.item)
        told = self.told.get(told_key)
        if told is not None and (told.period == e.key.period or self._goes_on(e.key)):
            self.told[told_key] = told._replace(period=e.key.period)
        elif e.policy.public and not e.received and amount != ZERO:  # who has it, or gets nothing, is not told of it
            effect_id = self._notify(e.policy, e.key, NoticeTopic.ELIGIBLE, amount=e.amount, due=e.ends_on)
            self.told[told_key] = Told(effect_id, e.key.period, self.at)

    def _goes_on(self, key: PeriodItem) -> bool:
        """Whether the subject was eligible until now for another period of the same policy and item."""
        return key.item in self.were_open

    def _correct(self, policy_id: str, found: list[Evaluation], *, withdrawn: bool) -> None:
        """Take back what was told and no longer holds; forget what has ended; keep what may yet prove true.

        What was received is not taken back: whether it should have been is for a review, not for a notice.
        """
        open_items = {key.item for key in self.matches}
        for told_key in sorted(k for k in self.told if k.item not in open_items):
            told = self.told[told_key]
            key = PeriodItem(policy_id, told.period, told_key.item)
            way_out = Verdict.WITHDRAWN if withdrawn else self._way_out(key, found)
            if way_out is Verdict.UNDETERMINED:
                continue
            del self.told[told_key]
            document = self.registry.policies[policy_id].latest(self.at)
            if way_out is not Verdict.ENDED and document.public and not is_received(self.view, key):
                self._notify(document, key, NoticeTopic.NO_LONGER_ELIGIBLE, supersedes=told.effect_id)

    def remind(self, policy_id: str) -> datetime | None:
        """Give a policy's due reminders; returns when the next is due.

        Each is given once for a last day. Of several that are due at once only the last is given; none where the push
        itself came that late, where the benefit was received, or where the policy is not public.
        """
        pending: list[datetime] = []
        for key, match in sorted(self.matches.items()):
            told_key = PolicyItem(key.policy, key.item)
            told = self.told.get(told_key)
            if told is None or match.received:
                continue
            document = self.registry.policies[policy_id].of_version(match.policy_version)
            if not document.public:
                continue
            rungs = rungs_of(document, match, told.at, self.view.catalogue.calendars)
            ahead = [r for r in rungs if r.name not in told.reminded and r.due >= business_date(self.at)]
            pending += [rung.at for rung in ahead if rung.at > self.at]
            given = [rung for rung in ahead if rung.at <= self.at]
            last: dict[NoticeTopic, Rung] = {rung.about: rung for rung in given}
            for rung in last.values():
                self._notify(document, key, rung.about, due=rung.due, provisional=rung.provisional)
            if given:
                reminded = {*told.reminded, *(rung.name for rung in given)}
                self.told[told_key] = told._replace(reminded=tuple(sorted(reminded)))
        return min(pending, default=None)

    def name_missing(self, found: list[Evaluation]) -> datetime | None:
        """Name the one missing fact that would decide, in the weekly digest after it became the only one.

        Returns when that is due. A subject that was told it qualifies is not asked whether it may.
        """
        wanted: dict[PolicyItem, Evaluation] = {}
        for e in found:
            if e.eligible is not None:
                continue
            key = PolicyItem(e.key.policy, e.key.item)
            if e.policy.public and not e.received and key not in self.told and self._single(e):
                wanted[key] = e
        for key in self.wanting.keys() - wanted.keys():
            del self.wanting[key]
        pending: list[datetime] = []
        for key, e in sorted(wanted.items()):
            (missing,) = e.undecided
            fact = FactKey(missing.name, missing.period, missing.item)
            known = self.wanting.get(key)
            if known is None or known.fact != fact:
                known = Wanting(fact, self.at, told=False)
            due = weekly_digest_after(known.since)
            if not known.told and due <= self.at:
                self._name(e, fact, missing.provider)
                known = known._replace(told=True)
            elif not known.told:
                pending.append(due)
            self.wanting[key] = known
        return min(pending, default=None)

    def _single(self, e: Evaluation) -> bool:
        """Whether one fact would decide; that a list is complete says nothing of the subject alone."""
        named = all(missing.name in self.view.catalogue.facts for missing in e.undecided)
        return named and len(e.undecided) == 1 and not e.undefined

    def _name(self, e: Evaluation, fact: FactKey, provider: str) -> None:
        title = self.view.catalogue.facts[fact.name].title
        params = {"fact": fact.name, "fact_title": title.zh, "fact_title_en": title.en, "provider": provider}
        params |= {name: value for name, value in (("period", fact.period), ("item", fact.item)) if value != "-"}
        self._notify(e.policy, e.key, NoticeTopic.MAY_QUALIFY, params=params, due=e.ends_on)

    def _match_key(self, key: PeriodItem) -> MatchKey:
        return MatchKey(subject=self.file.subject, policy=key.policy, period=key.period, item=key.item)

    def _decide(
        self,
        key: PeriodItem,
        verdict: Verdict,
        version: int,
        reasons: tuple[Reason, ...],
        amount: Amount | None,
    ) -> None:
        self.effects.append(
            Decision(
                match=self._match_key(key),
                verdict=verdict,
                policy_version=version,
                as_of=self.at,
                reasons=list(reasons),
                amount=amount,
                journal=self.stamp.position,
                effect_id=self.stamp.next_id(),
            )
        )

    def _notify(
        self,
        policy: Policy,
        key: PeriodItem,
        about: NoticeTopic,
        *,
        amount: Amount | None = None,
        due: date | None = None,
        provisional: bool = False,
        supersedes: str | None = None,
        params: Mapping[str, str] | None = None,
    ) -> str:
        params = {"title": policy.title.zh, "title_en": policy.title.en, "zone": policy.zone.value, **(params or {})}
        if amount is not None:
            params["arithmetic"] = amount.arithmetic
            if amount.value is not None:
                params["amount"] = amount.value
        notice = Notice(
            kind=NoticeKind.REMINDER if about in REMINDERS else NoticeKind.PUSH,
            about=about,
            matter=self._match_key(key),
            policy_version=policy.version,
            as_of=self.at,
            due=due,
            provisional=provisional,
            params=params,
            supersedes=supersedes,
            effect_id=self.stamp.next_id(),
        )
        self.effects.append(notice)
        return notice.effect_id
