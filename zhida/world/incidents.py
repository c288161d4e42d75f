"""Incidents: rare, half of them major; some are struck off again, the others grow old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from zhida.world.gaps import Facts, withhold
from zhida.world.moments import FIRST_DAY, in_world, office_moment
from zhida.world.profiles import Profile
from zhida.world.records import Telling

_DANGEROUS = "BCDEG"  # sections of industry


@dataclass(frozen=True)
class Incident:
    """One incident of a firm."""

    on: date
    major: bool
    struck_off_after: int | None  # days

    def facts(self) -> Facts:
        """What emergency-management writes of it."""
        return {"incident_on": {_ITEM: self.on.isoformat()}, "incident_major": {_ITEM: self.major}}


_ITEM = "i-0001"


def draw_incident(profile: Profile) -> Incident | None:
    """The incident of a firm, if it has one from 2023 to 2025."""
    if profile.individual or profile.established_on >= FIRST_DAY:
        return None
    chance = Random(f"{profile.code} incident")
    share = 0.06 if profile.technology else 0.03 if profile.industry.code[0] in _DANGEROUS else 0.004
    if chance.random() >= share:
        return None
    on = date(2023, 3, 1) + timedelta(days=chance.randint(0, 950))
    struck_off = chance.randint(40, 250) if chance.random() < 0.2 else None
    return Incident(on, chance.random() < 0.55, struck_off) if on > profile.established_on else None


def incident_tellings(profile: Profile, incident: Incident) -> list[Telling]:
    """The incident when it is found, and that it was none after all."""
    chance = Random(f"{profile.code} incident told")
    tellings = []
    if incident.on >= FIRST_DAY:
        found = office_moment(chance, incident.on + timedelta(days=1), incident.on + timedelta(days=10))
        tellings.append(Telling(found, "emergency-management", "change", withhold(incident.facts(), chance)))
    if incident.struck_off_after:
        day = max(incident.on, FIRST_DAY) + timedelta(days=incident.struck_off_after)
        gone: Facts = {name: {_ITEM: None} for name in incident.facts()}
        tellings.append(Telling(office_moment(chance, day, day), "emergency-management", "change", gone))
    return [telling for telling in tellings if in_world(telling.moment)]
