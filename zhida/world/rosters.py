"""The roster of the high-tech zone's award: certificates, first entries above scale, a few corrections."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from zhida.world.moments import in_world, office_moment
from zhida.world.places import HIGH_TECH_ZONE
from zhida.world.profiles import Profile
from zhida.world.records import Record, roster_record

POLICY = "SY-GXQ-GQJL"
DEPARTMENT = "shenyang-hightech-zone"

_CERTIFICATE = 0.9
_ABOVE_SCALE = 0.25
_CORRECTED = 0.1
_LAST_ENTRY = date(2025, 11, 28)


def roster_records(profile: Profile, chance: Random) -> list[Record]:
    """The lines of one subject, given as it is at first; none for whoever lives outside the zone."""
    if profile.region != HIGH_TECH_ZONE or profile.individual or profile.status != "active":
        return []
    grades: list[tuple[str, str]] = []
    if profile.certificate_to and chance.random() < _CERTIFICATE:
        grades.append(("certificate", chance.choice(("first_recognition", "first_recognition", "renewal"))))
    if not profile.above_scale_since and chance.random() < _ABOVE_SCALE:
        grades.append(("above-scale", "first_above_scale"))
    told: list[tuple[datetime, dict[str, Any]]] = []
    first = max(date(2024, 2, 1), profile.established_on + timedelta(days=60))
    for item, grade in grades:
        moment = office_moment(chance, first, _LAST_ENTRY)
        told.append((moment, _entry(1, True, grade, item)))
        correction = office_moment(chance, *(moment.date() + timedelta(days=days) for days in (10, 90)))
        if chance.random() < _CORRECTED and in_world(correction):
            told.append((correction, _entry(2, False, grade, item)))
    told = [(moment, data) for moment, data in told if in_world(moment)]
    return [
        roster_record(DEPARTMENT, profile.code, ordinal, moment, data)
        for ordinal, (moment, data) in enumerate(told, start=1)
    ]


def _entry(version: int, member: bool, grade: str, item: str) -> dict[str, Any]:
    return {"policy": POLICY, "roster_version": version, "member": member, "grade": grade, "item": item}
