"""When changes happen to a subject: reports at fixed seasons, all else by chance."""

from __future__ import annotations

from datetime import date, datetime
from random import Random

from zhida.world import changes
from zhida.world.changes import Change
from zhida.world.moments import FIRST_DAY, YEARS, in_world, office_moment
from zhida.world.profiles import Profile

Entry = tuple[datetime, Change]

OCCASIONS: tuple[tuple[Change, float], ...] = (
    (changes.staff_moved, 0.07),
    (changes.disabled_staff_moved, 0.06),
    (changes.became_general, 0.012),
    (changes.closed, 0.012),
    (changes.relocated, 0.01),
    (changes.abnormality_turned, 0.015),
    (changes.dishonesty_turned, 0.008),
    (changes.graded, 0.03),
    (changes.certified, 0.01),
    (changes.entered_above_scale, 0.2),
    (changes.retracted, 0.015),
)
"""Chance per subject and year; a change that does not apply then says nothing."""

_REPORTS = 0.68  # share with an annual report in January; half of those already reported restate 2023
_FILES_QUARTERLY = 0.05  # share of quarterly filers whose returns are shared each quarter
_FILES_MONTHLY = 0.015


def agenda(profile: Profile, chance: Random) -> list[Entry]:
    """Everything due to one subject from the day it exists, in order of time."""
    entries = [entry for year in YEARS for entry in (*_reports(profile, chance, year), *_occasions(chance, year))]
    entries += _returns(profile, chance)
    begin = max(profile.established_on, FIRST_DAY)
    due = [entry for entry in entries if in_world(entry[0]) and (entry[0].date() - begin).days > _settling(profile)]
    return sorted(due, key=lambda entry: entry[0])


def _settling(profile: Profile) -> int:
    """Days after founding until every registry has heard of the subject; none for those in the load."""
    return 60 if profile.established_on >= FIRST_DAY else -1


def _reports(profile: Profile, chance: Random, year: int) -> list[Entry]:
    first, last = date(year, 1, 5), date(year, 1, 25)
    share = _REPORTS if year > 2024 else 0.5 if profile.reported else 0.95
    reports = (changes.staff_report, changes.tax_return)
    return [(office_moment(chance, first, last), report) for report in reports if chance.random() < share]


def _returns(profile: Profile, chance: Random) -> list[Entry]:
    if profile.general and profile.filing == "quarterly":
        return []
    quarterly = profile.filing == "quarterly"
    if chance.random() >= (_FILES_QUARTERLY if quarterly else _FILES_MONTHLY):
        return []
    seasons = (1, 4, 7, 10) if quarterly else range(1, 13)
    return [
        (office_moment(chance, date(year, month, 8), date(year, month, 18)), changes.period_return)
        for year in YEARS
        for month in seasons
    ]


def _occasions(chance: Random, year: int) -> list[Entry]:
    first, last = date(year, 1, 8), date(year, 12, 29)
    return [(office_moment(chance, first, last), change) for change, rate in OCCASIONS if chance.random() < rate]
