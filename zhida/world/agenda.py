"""When changes happen to a business: reports at fixed seasons, all else by chance."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from zhida.world import changes
from zhida.world.changes import Change
from zhida.world.moments import YEARS, in_world, office_moment
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
    (changes.left_above_scale, 0.04),
    (changes.arrears_turned, 0.02),
    (changes.retracted, 0.015),
)
"""Chance per business and year; a change that does not apply then says nothing."""

_PROMOTED = 4  # times as many science services of Shenyang go above scale
_REPORTS = 0.68  # share with an annual report in January; half of those already reported restate 2023
_ACCOUNTS = 0.7  # share of those with books that send them in, where no quick report came before
_QUICK = 0.07  # share of enterprises whose year is told before it ends
_QUICK_TECHNOLOGY = 0.75
_WATCHED = 0.55  # share of above-limit trade whose months are told as they end
_GREAT = 60_000_000  # 元 of sales, from which all of it is
_FILES_QUARTERLY = 0.05  # share of quarterly filers whose returns are shared each quarter
_FILES_MONTHLY = 0.015


def agenda(profile: Profile, chance: Random) -> list[Entry]:
    """Everything due to one business from the day it exists, in order of time."""
    entries: list[Entry] = []
    for year in YEARS:
        entries += [*_reports(profile, chance, year), *_occasions(profile, chance, year), *_books(profile, year)]
    entries += _months(profile, chance) if profile.listed_trader else _returns(profile, chance)
    if profile.technology and (day := profile.technology.upgraded_on):
        entries.append((office_moment(chance, day, day), changes.upgraded))
    due = [entry for entry in entries if in_world(entry[0]) and entry[0].date() >= profile.known_from]
    return sorted(due, key=lambda entry: entry[0])


def _reports(profile: Profile, chance: Random, year: int) -> list[Entry]:
    first, last = date(year, 1, 5), date(year, 1, 25)
    share = _REPORTS if year > 2024 else 0.5 if profile.reported else 0.95
    reports = (changes.staff_report, changes.tax_return)
    return [(office_moment(chance, first, last), report) for report in reports if chance.random() < share]


def _books(profile: Profile, year: int) -> list[Entry]:
    """The year before by its books, and this year by a quick report, which spares the books of the next."""
    if profile.individual:
        return []
    chance = Random(f"{profile.code} books {year}")
    entries: list[Entry] = []
    known = profile.reported if year == YEARS[0] else _quick(profile, year - 1)
    if not known and chance.random() < _ACCOUNTS:
        entries.append((office_moment(chance, date(year, 1, 8), date(year, 2, 28)), changes.accounts))
    if _quick(profile, year):
        entries.append((office_moment(chance, date(year, 12, 9), date(year, 12, 27)), changes.quick_report))
    return entries


def _quick(profile: Profile, year: int) -> bool:
    share = _QUICK_TECHNOLOGY if profile.technology else _QUICK
    return Random(f"{profile.code} quick {year}").random() < share


def _months(profile: Profile, chance: Random) -> list[Entry]:
    """Month by month: told in its last days, early enough that no weekend puts it off into the next."""
    if profile.yearly_sales < _GREAT and chance.random() >= _WATCHED:
        return []
    days = (date(year, month, 24) for year in YEARS for month in range(1, 13))
    return [(office_moment(chance, day, day + timedelta(days=2)), changes.month_report) for day in days]


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


def _occasions(profile: Profile, chance: Random, year: int) -> list[Entry]:
    first, last = date(year, 1, 8), date(year, 12, 29)
    rates = [(change, rate * (_PROMOTED if _is_promoted(profile, change) else 1)) for change, rate in OCCASIONS]
    return [(office_moment(chance, first, last), change) for change, rate in rates if chance.random() < rate]


def _is_promoted(profile: Profile, change: Change) -> bool:
    return profile.science_service and change is changes.entered_above_scale
