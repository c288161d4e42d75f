"""When a subject is reminded of an open match, and when a missing fact is named to it.

The ladder of §6 of the domain's notes, as far as this release knows matters: a claim window closes, a policy's validity
ends, a certificate it rests on ends. The clock starts at sending; receipts of delivery will move it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from eligibility.business_time import business_date, start_of
from eligibility.subject_file import Match
from eligibility.working_days import working_days_before
from schemas.catalogue import CalendarYear
from schemas.notices import NoticeTopic
from schemas.policy import Policy, Zone

CLAIM_WORKING_DAYS = (30, 7, 1)
VALIDITY_DAYS = (30,)
CERTIFICATE_DAYS = (180, 30)
QUIET_AFTER_A_PUSH = timedelta(hours=24)

REMINDERS = frozenset({NoticeTopic.CLAIM_WINDOW_CLOSING, NoticeTopic.VALIDITY_ENDING, NoticeTopic.CERTIFICATE_ENDING})


class Rung(NamedTuple):
    """A reminder: `due` is the last day, `at` when it is given. `provisional`: see `WorkingDay`."""

    name: str
    about: NoticeTopic
    due: date
    at: datetime
    provisional: bool


def rungs_of(policy: Policy, match: Match, told_at: datetime, calendars: Mapping[int, CalendarYear]) -> list[Rung]:
    """The reminders of a match whose push was sent at `told_at`, in the order they fall due.

    Those that would have come before the push are left out, and within a day of it all but the last before a day.
    """
    rungs: list[Rung] = []
    if match.ends_on is not None:
        claimed = policy.zone is Zone.DIRECT and policy.claim is not None
        rungs += _claim(match.ends_on, told_at, calendars) if claimed else _validity(match.ends_on, told_at)
    if match.certificate_to is not None:
        rungs += _calendar_days(NoticeTopic.CERTIFICATE_ENDING, match.certificate_to, CERTIFICATE_DAYS, told_at)
    return sorted(rungs, key=lambda rung: (rung.at, rung.name))


def _claim(due: date, told_at: datetime, calendars: Mapping[int, CalendarYear]) -> list[Rung]:
    found = [(count, *working_days_before(calendars, due, count)) for count in CLAIM_WORKING_DAYS]
    about = NoticeTopic.CLAIM_WINDOW_CLOSING
    rungs = [
        Rung(f"{about}-{count}:{due}", about, due, start_of(day), provisional) for count, day, provisional in found
    ]
    return _after_the_push(rungs, told_at)


def _validity(due: date, told_at: datetime) -> list[Rung]:
    return _calendar_days(NoticeTopic.VALIDITY_ENDING, due, VALIDITY_DAYS, told_at)


def _calendar_days(about: NoticeTopic, due: date, days: tuple[int, ...], told_at: datetime) -> list[Rung]:
    rungs = [
        Rung(f"{about}-{count}:{due}", about, due, start_of(due - timedelta(days=count)), provisional=False)
        for count in days
    ]
    return _after_the_push(rungs, told_at)


def _after_the_push(rungs: list[Rung], told_at: datetime) -> list[Rung]:
    last = max(rungs, key=lambda rung: rung.at)
    return [r for r in rungs if r.at > told_at and (r is last or r.at >= told_at + QUIET_AFTER_A_PUSH)]


def weekly_digest_after(moment: datetime) -> datetime:
    """The Monday after a moment, as it begins in Asia/Shanghai."""
    day = business_date(moment)
    return start_of(day + timedelta(days=7 - day.weekday()))
