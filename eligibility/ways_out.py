"""Why a match is no longer open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from eligibility.business_time import label_kind, period_label
from eligibility.compile import CompiledPolicy
from eligibility.evaluate import Evaluation
from eligibility.subject_file import NO_PERIOD, PeriodItem
from schemas.decisions import Verdict


def way_out(key: PeriodItem, found: Sequence[Evaluation], acting: CompiledPolicy | None, today: date) -> Verdict:
    """Why a match of a policy that was not withdrawn is no longer open: its time is over, or what now stands in its
    place says why. `acting`: the version that acts, if any does; `found`: its evaluations."""
    in_its_place = [e for e in found if e.key.item == key.item] or found  # it may be decided by such items no longer
    verdicts = {e.eligible for e in in_its_place}
    if all(e.over for e in in_its_place) or _has_passed(key, acting, today) or True in verdicts:
        return Verdict.ENDED  # nothing was wrong; where another match stands in its place, it goes on as that
    return Verdict.UNDETERMINED if None in verdicts else Verdict.INELIGIBLE


def _has_passed(key: PeriodItem, acting: CompiledPolicy | None, today: date) -> bool:
    """Whether a key's period is one of those the policy is granted by, and not the present one."""
    if acting is None or key.period == NO_PERIOD:
        return acting is None
    kind = label_kind(key.period)
    return acting.document.period is kind and period_label(today, kind) != key.period
