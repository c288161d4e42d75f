"""The rosters of two awards: of the high-tech zone and of the county; a few lines are early, a few corrected."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from zhida.world.moments import FIRST_DAY, LOAD, in_world, office_moment, wire
from zhida.world.places import AWARD_COUNTY, HIGH_TECH_ZONE
from zhida.world.profiles import Profile
from zhida.world.records import Record, roster_record
from zhida.world.technology import Technology, next_grade

_CERTIFICATE = 0.9
_ABOVE_SCALE = 0.25
_SPECIALISED = 0.9
_CORRECTED = 0.1
_EARLY = 0.35  # told while the world is loaded, before any policy is published
_MOST_BY, _LAST_ENTRY = date(2024, 11, 30), date(2025, 11, 28)

AMOUNTS = {
    "first_recognition": 200_000,
    "renewal": 50_000,
    "first_above_scale": 300_000,
    "province": 200_000,
    "little_giant": 500_000,
    "key_little_giant": 2_000_000,
}
"""元 by grade."""


class Roster(NamedTuple):
    """Whose list it is, and for which policy."""

    policy: str
    department: str
    tops_up: bool


ZONE = Roster("SY-GXQ-GQJL", "shenyang-hightech-zone", False)
COUNTY = Roster("SX-2024-ZJTX", "example-county", True)


class Award(NamedTuple):
    """What a line of a roster stands for, and since when."""

    policy: str
    item: str
    amount: int
    on: date
    tops_up: bool


class Line(NamedTuple):
    """One line of a roster."""

    moment: datetime
    roster: Roster
    version: int
    member: bool
    grade: str
    item: str


def draw_lines(profile: Profile, loaded: datetime, chance: Random) -> list[Line]:
    """The lines on one subject, by time, given as it is at first; none for whoever lives elsewhere."""
    if profile.individual or profile.status != "active":
        return []
    lines: list[Line] = []
    if profile.region == HIGH_TECH_ZONE:
        lines = _zone_lines(profile, loaded, chance)
    elif profile.region == AWARD_COUNTY and profile.technology:
        lines = _county_lines(profile, profile.technology, loaded, chance)
    return sorted(
        (line for line in lines if in_world(line.moment) or line.moment == loaded), key=lambda line: line.moment
    )


def awards_of(lines: list[Line]) -> list[Award]:
    """What the lines that were not taken back stand for."""
    corrected = {line.item for line in lines if not line.member and not line.roster.tops_up}
    return [
        Award(line.roster.policy, line.item, AMOUNTS[line.grade], line.moment.date(), line.roster.tops_up)
        for line in lines
        if line.member and line.item not in corrected
    ]


def roster_records(subject: str, lines: list[Line]) -> list[Record]:
    """The lines as they are sent, those told at the load among them."""
    return [
        roster_record(line.roster.department, subject, ordinal, line.moment, _entry(line))
        for ordinal, line in enumerate(lines, start=1)
    ]


def is_early(record: Record) -> bool:
    """Whether a line belongs to the load."""
    return record.time < wire(LOAD + timedelta(days=1))


def _zone_lines(profile: Profile, loaded: datetime, chance: Random) -> list[Line]:
    """Certificates, first entries above scale."""
    grades: list[tuple[str, str]] = []
    if profile.certificate_to and chance.random() < _CERTIFICATE:
        grades.append(("certificate", chance.choice(("first_recognition", "first_recognition", "renewal"))))
    if not profile.above_scale_since and chance.random() < _ABOVE_SCALE:
        grades.append(("above-scale", "first_above_scale"))
    lines = []
    for item, grade in grades:
        moment = _told(profile, loaded, chance)
        lines.append(Line(moment, ZONE, 1, True, grade, item))
        correction = office_moment(chance, *(moment.date() + timedelta(days=days) for days in (10, 90)))
        if chance.random() < _CORRECTED and in_world(correction):
            lines.append(Line(correction, ZONE, 2, False, grade, item))
    return lines


def _county_lines(profile: Profile, technology: Technology, loaded: datetime, chance: Random) -> list[Line]:
    """One line at a time: a higher grade is a new item, and the lower one is taken off the list."""
    lines = []
    if technology.grade and chance.random() < _SPECIALISED:
        moment = _told(profile, loaded, chance)
        if technology.upgraded_on:
            moment = min(moment, office_moment(chance, technology.upgraded_on, technology.upgraded_on))
        lines.append(Line(moment, COUNTY, 1, True, technology.grade, technology.grade))
    if technology.upgraded_on and technology.upgraded_on > profile.known_from:
        grade = next_grade(technology.grade)
        days = (technology.upgraded_on + timedelta(days=days) for days in (15, 60))
        moment = office_moment(chance, *days)
        lines += [Line(moment, COUNTY, 2, False, line.grade, line.item) for line in lines]
        lines.append(Line(moment, COUNTY, 1, True, grade, grade))
    return lines


def _told(profile: Profile, loaded: datetime, chance: Random) -> datetime:
    if profile.established_on < FIRST_DAY and chance.random() < _EARLY:
        return loaded
    first = max(date(2024, 2, 1), profile.established_on + timedelta(days=60))
    return office_moment(chance, first, max(first, _MOST_BY if chance.random() < 0.5 else _LAST_ENTRY))


def _entry(line: Line) -> dict[str, Any]:
    return {
        "policy": line.roster.policy,
        "roster_version": line.version,
        "member": line.member,
        "grade": line.grade,
        "item": line.item,
    }
