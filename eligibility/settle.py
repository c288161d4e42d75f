"""Settling a subject: its open matches made equal to what its facts and the policies say at a moment.

Everything that can change a verdict goes through here: a fact, a roster line, a policy, time. What comes out depends
only on the subject's file, the registry and the moments at which something changed, never on when a roll-out got here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from eligibility.business_time import business_date, start_of
from eligibility.effects import Effect, Stamp
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.registry import Registry
from eligibility.subject_file import Match, PeriodItem, RosterKey, SubjectFile, Told
from schemas.decisions import Amount, Decision, MatchKey, Reason, Verdict
from schemas.notices import Notice, NoticeKind, NoticeTopic
from schemas.policy import Policy, Zone

REMIND_BEFORE = timedelta(days=30)


def catch_up(file: SubjectFile, registry: Registry, now: datetime, stamp: Stamp) -> tuple[SubjectFile, list[Effect]]:
    """Handle, in order, every moment up to `now` at which time or a policy changed something for the subject."""
    if file.settled_at is None:
        return file, []
    effects: list[Effect] = []
    turns = sorted({t.at for t in registry.turns if t.sequence > file.settled_sequence and t.at >= file.settled_at})
    moment = file.settled_at
    while True:
        due = file.due_at if file.due_at is not None and file.due_at > moment else None
        following = [m for m in (due, *turns[:1]) if m is not None]
        if not following or (moment := min(following)) > now:
            return file, effects
        concerned = None if turns[:1] == [moment] else {p for p, at in file.due.items() if at <= moment}
        turns = [turn for turn in turns if turn > moment]
        file, happened = settle(file, registry, moment, stamp, policies=concerned)
        effects += happened


def settle(
    file: SubjectFile,
    registry: Registry,
    at: datetime,
    stamp: Stamp,
    *,
    policies: Iterable[str] | None = None,
    facts_changed: bool = False,
) -> tuple[SubjectFile, list[Effect]]:
    """Decide the subject at a moment: the file after it, and the decisions, pushes and reminders that follow.

    `policies`: those that may have changed, where that is known; None: any. A file that comes out as it went in is
    returned itself, so that nothing is written for it; but where its facts have just changed it is settled up to this
    moment: what came before was decided by the facts it had then.
    """
    view = view_of(file, registry.facts, business_date(at))
    settling = _Settling(file, registry, at, stamp)
    due = {} if policies is None else dict(file.due)
    for policy_id in sorted(registry.policies if policies is None else policies):
        history = registry.policies[policy_id]
        version = history.at(at)
        found = [] if version is None else evaluate(version.compiled, view)
        settling.policy(policy_id, found, withdrawn=history.withdrawn(at))
        moments = [settling.remind(policy_id), history.changes_after(at)]
        moments += [start_of(e.changes_on) for e in found if e.changes_on is not None]
        due.pop(policy_id, None)
        if following := [moment for moment in moments if moment is not None]:
            due[policy_id] = min(following)
    after = replace(file, matches=settling.matches, told=settling.told, due=due)
    if after == file and file.settled_at is not None and not facts_changed:
        return file, settling.effects
    return replace(after, settled_at=at, settled_sequence=registry.sequence), settling.effects


class _Settling:
    """One subject at one moment: collects the matches as they are to be, and the effects of getting there."""

    def __init__(self, file: SubjectFile, registry: Registry, at: datetime, stamp: Stamp) -> None:
        self.file, self.registry, self.at, self.stamp = file, registry, at, stamp
        self.matches: dict[PeriodItem, Match] = dict(file.matches)
        self.told: dict[RosterKey, Told] = dict(file.told)
        self.effects: list[Effect] = []

    def policy(self, policy_id: str, found: list[Evaluation], *, withdrawn: bool) -> None:
        """Close what no longer holds, then open or restate what does."""
        eligible = {e.key: e for e in found if e.eligible is True}
        now_known = {e.key: e for e in found}
        for key in sorted(k for k in self.matches if k.policy == policy_id and k not in eligible):
            self._close(key, now_known.get(key), withdrawn=withdrawn)
        for key in sorted(eligible):
            self._open(eligible[key])
        self._correct(policy_id, {e.key.item: e for e in found}, withdrawn=withdrawn)

    def _close(self, key: PeriodItem, found: Evaluation | None, *, withdrawn: bool) -> None:
        match = self.matches.pop(key)
        if withdrawn:
            verdict = Verdict.WITHDRAWN
        elif found is None or found.over:
            verdict = Verdict.ENDED  # another period has begun, or the validity is over: nothing was wrong
        else:
            verdict = Verdict.INELIGIBLE if found.eligible is False else Verdict.UNDETERMINED
        version = match.policy_version if found is None else found.policy.version
        self._decide(key, verdict, version, () if found is None else found.reasons, None)

    def _open(self, e: Evaluation) -> None:
        known = self.matches.get(e.key)
        new = Match(e.policy.version, e.digest, self.at, e.ends_on, None if e.amount is None else e.amount.value)
        if known is not None and known.digest == new.digest:
            return
        self.matches[e.key] = new if known is None else new._replace(as_of=known.as_of)
        self._decide(e.key, Verdict.ELIGIBLE, e.policy.version, e.reasons, e.amount)
        told_key = RosterKey(e.key.policy, e.key.item)
        told = self.told.get(told_key)
        if told is not None and (told.period == e.key.period or self._goes_on(e.key)):
            self.told[told_key] = told._replace(period=e.key.period)
        elif e.policy.public:
            effect_id = self._notify(e.policy, e.key, NoticeTopic.ELIGIBLE, amount=e.amount, due=e.ends_on)
            soon = e.ends_on is not None and self.at >= _remind_at(new)
            self.told[told_key] = Told(effect_id, e.key.period, reminded=soon)

    def _goes_on(self, key: PeriodItem) -> bool:
        """Whether the subject was eligible until now for another period of the same policy and item."""
        return any(k.policy == key.policy and k.item == key.item for k in self.file.matches)

    def _correct(self, policy_id: str, now_known: Mapping[str, Evaluation], *, withdrawn: bool) -> None:
        """Take back what was told and no longer holds; forget what has ended; keep what may yet prove true."""
        open_items = {key.item for key in self.matches if key.policy == policy_id}
        for told_key in [k for k in self.told if k.policy == policy_id and k.item not in open_items]:
            told, found = self.told[told_key], now_known.get(told_key.item)
            ended = not withdrawn and (found is None or found.over or found.key.period != told.period)
            if not withdrawn and not ended and found is not None and found.eligible is None:
                continue
            del self.told[told_key]
            document = self._latest(policy_id)
            if not ended and document.public:
                key = PeriodItem(policy_id, told.period, told_key.item)
                self._notify(document, key, NoticeTopic.NO_LONGER_ELIGIBLE, supersedes=told.effect_id)

    def remind(self, policy_id: str) -> datetime | None:
        """Give a policy's due reminders, one per matter, `REMIND_BEFORE` its last day; returns when the next is due.

        None is given where the push itself came that late, or where the policy is not public.
        """
        pending: list[datetime] = []
        for key, match in sorted(self.matches.items()):
            told = self.told.get(RosterKey(key.policy, key.item))
            if key.policy != policy_id or told is None or told.reminded or match.ends_on is None:
                continue
            document = self._document(key.policy, match.policy_version)
            if not document.public:
                continue
            if self.at < _remind_at(match):
                pending.append(_remind_at(match))
                continue
            claimed = document.zone is Zone.DIRECT and document.claim is not None
            about = NoticeTopic.CLAIM_WINDOW_CLOSING if claimed else NoticeTopic.VALIDITY_ENDING
            self._notify(document, key, about, due=match.ends_on)
            self.told[RosterKey(key.policy, key.item)] = told._replace(reminded=True)
        return min(pending, default=None)

    def _latest(self, policy_id: str) -> Policy:
        """The version that acts, or acted last."""
        versions = self.registry.policies[policy_id].versions
        return next((v.document for v in reversed(versions) if v.acts_from <= self.at), versions[0].document)

    def _document(self, policy_id: str, version: int) -> Policy:
        versions = self.registry.policies[policy_id].versions
        return next(v.document for v in versions if v.document.version == version)

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
        supersedes: str | None = None,
    ) -> str:
        reminder = about in (NoticeTopic.VALIDITY_ENDING, NoticeTopic.CLAIM_WINDOW_CLOSING)
        params = {"title": policy.title.zh, "title_en": policy.title.en, "zone": policy.zone.value}
        if amount is not None:
            params["arithmetic"] = amount.arithmetic
            if amount.value is not None:
                params["amount"] = amount.value
        notice = Notice(
            kind=NoticeKind.REMINDER if reminder else NoticeKind.PUSH,
            about=about,
            matter=self._match_key(key),
            policy_version=policy.version,
            as_of=self.at,
            due=due,
            params=params,
            supersedes=supersedes,
            effect_id=self.stamp.next_id(),
        )
        self.effects.append(notice)
        return notice.effect_id


def _remind_at(match: Match) -> datetime:
    assert match.ends_on is not None
    return start_of(match.ends_on - REMIND_BEFORE)
