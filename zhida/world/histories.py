"""One subject's history: what is loaded, what is told later, with which version, and what comes late."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from zhida.world.agenda import agenda
from zhida.world.knowledge import Facts, draw_silent, opening_facts, withhold
from zhida.world.moments import FIRST_DAY, in_world, load_moment, office_moment, start_of_day
from zhida.world.profiles import Profile, draw_profile
from zhida.world.records import Kind, Record, change_record
from zhida.world.rosters import roster_records

_STALE = 0.01
_ACTIVE = "active"
_HEARS_AFTER = {"market-supervision": 1, "tax": 9, "human-resources": 25}
_OTHERS_HEAR_AFTER = 40  # days from founding


class Telling(NamedTuple):
    """Facts a provider tells at a moment."""

    moment: datetime
    provider: str
    kind: Kind
    facts: Facts


class History(NamedTuple):
    """The records of one subject: those of the load, in order, and all later ones, in no order."""

    load: list[Record]
    later: list[Record]


def history(index: int, seed: int) -> History:
    """The history of the subject with this index: a function of both numbers and of nothing else."""
    chance = Random(f"world {seed} subject {index}")
    profile = draw_profile(index, seed, chance)
    silent = draw_silent(profile, chance)
    tellings = [*_openings(profile, index, chance), *_changes(profile, chance)]
    records: list[Record] = []
    for provider in dict.fromkeys(telling.provider for telling in tellings):
        if provider not in silent:
            own = [telling for telling in tellings if telling.provider == provider and telling.facts]
            records += _versioned(profile.code, sorted(own, key=lambda telling: telling.moment), chance)
    load = [record for record in records if record.kind == "load"]
    later = [record for record in records if record.kind != "load"]
    return History(load, later + roster_records(profile, chance))


def _openings(profile: Profile, index: int, chance: Random) -> list[Telling]:
    """What every provider knows at first; of a subject founded in the world, one hears after the other."""
    existing = profile.established_on < FIRST_DAY
    tellings = []
    for provider, facts in opening_facts(profile, chance, existing).items():
        moment = load_moment(index)
        if not existing:
            day = profile.established_on + timedelta(days=_HEARS_AFTER.get(provider, _OTHERS_HEAR_AFTER))
            moment = office_moment(chance, day, day + timedelta(days=5))
        if existing or in_world(moment):
            tellings.append(Telling(moment, provider, "load" if existing else "founding", withhold(facts, chance)))
    return tellings


def _changes(profile: Profile, chance: Random) -> list[Telling]:
    """What happens from then on, until the registration ends."""
    tellings: list[Telling] = []
    for moment, change in agenda(profile, chance):
        if profile.status != _ACTIVE:
            break
        profile, told = change(profile, chance, moment)
        tellings += [Telling(moment, provider, "change", facts) for provider, facts in told.items()]
    return tellings


def _versioned(code: str, tellings: list[Telling], chance: Random) -> list[Record]:
    """One provider's records, versions rising, and a few that come again or late and must change nothing.

    Two of the same second keep their order: ids carry the ordinal, and records sort by time, then by id.
    """
    records: list[Record] = []
    version = chance.randint(1, 30)
    for moment, provider, kind, facts in tellings:
        version += 1 if chance.random() < 0.95 else 2
        records.append(_record(code, provider, kind, len(records), moment, version, facts))
        if kind == "change" and chance.random() < _STALE:
            again = office_moment(chance, *(moment.date() + timedelta(days=days) for days in (1, 20)))
            old, other = version - chance.randint(0, 1), distorted(facts)
            if in_world(again) and other != facts:
                records.append(_record(code, provider, "stale", len(records), again, old, other))
    return records


def _record(code: str, provider: str, kind: Kind, told: int, moment: datetime, version: int, facts: Facts) -> Record:
    data = {"version": version, "effective_at": start_of_day(moment), "facts": facts}
    return change_record(kind, provider, code, told + 1, moment, data)


def distorted(facts: Facts) -> Facts:
    """Other values of the right types; codes, dates and what has no other value become null."""
    return {name: _distorted(value) for name, value in facts.items()}


def _distorted(value: object) -> object:
    if isinstance(value, dict):
        return {period: _distorted(one) for period, one in value.items()}
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 7
    return f"9{value}" if isinstance(value, str) and value[-3:-2] == "." else None
