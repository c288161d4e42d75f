"""One subject's history: what is loaded, what is told later, with which version, and what comes late."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from zhida.world.agenda import agenda
from zhida.world.gaps import UNPLACED_IN_ZONES, Facts, draw_silent, withhold
from zhida.world.hires import draw_hires, hire_tellings, known_hires
from zhida.world.incidents import draw_incident, incident_tellings
from zhida.world.knowledge import merged, opening_facts
from zhida.world.loans import draw_loans, known_loans, loan_tellings
from zhida.world.moments import FIRST_DAY, in_world, load_moment, office_moment, start_of_day
from zhida.world.officers import answer_tellings
from zhida.world.people import draw_person, draw_person_receipts, is_person, known_of, person_tellings
from zhida.world.profiles import Profile, draw_profile
from zhida.world.receipts import draw_receipts, known_receipts, receipt_tellings
from zhida.world.records import Kind, Record, Telling, change_record
from zhida.world.rosters import Line, awards_of, draw_lines, is_early, roster_records

_STALE = 0.01
_ACTIVE = "active"
_PERSON = 2  # its column in the table of silent providers
_HEARS_AFTER = {"market-supervision": 1, "tax": 9, "human-resources": 25}
_OTHERS_HEAR_AFTER = 40  # days from founding


class History(NamedTuple):
    """The records of one subject: those of the load, in order, and all later ones, in no order."""

    load: list[Record]
    later: list[Record]


def history(index: int, seed: int) -> History:
    """The history of the subject with this index: a function of both numbers and of nothing else."""
    chance = Random(f"world {seed} subject {index}")
    if is_person(index, seed):
        return _of_person(index, seed, chance)
    profile = draw_profile(index, seed, chance)
    silent = draw_silent(profile.individual, chance)
    lines = draw_lines(profile, load_moment(index), Random(f"{profile.code} rosters"))
    matters, known = _matters(profile, lines, "human-resources" not in silent)
    changes, ends = _changes(profile, chance)
    tellings = _openings(profile, index, known, chance) + changes
    if profile.status == _ACTIVE:
        tellings += [telling for telling in matters if ends is None or telling.moment < ends]
    records = _records(profile.code, tellings, silent, chance)
    rostered = roster_records(profile.code, lines)
    load = [record for record in records if record.kind == "load"] + [line for line in rostered if is_early(line)]
    later = [record for record in records if record.kind != "load"]
    return History(load, later + [line for line in rostered if not is_early(line)])


def _of_person(index: int, seed: int, chance: Random) -> History:
    person = draw_person(index, seed, chance)
    receipts = draw_person_receipts(person, chance)
    load = [
        Telling(load_moment(index), provider, "load", withhold(facts, chance))
        for provider, facts in known_of(person).items()
    ]
    later = person_tellings(person, chance) + receipt_tellings(receipts, chance)
    records = _records(person.key, load + later, draw_silent(_PERSON, chance), chance)
    return History(
        [record for record in records if record.kind == "load"],
        [record for record in records if record.kind != "load"],
    )


def _matters(profile: Profile, lines: list[Line], staff_known: bool) -> tuple[list[Telling], dict[str, Facts]]:
    """What comes by item and by officer, as (what is told later, what is known at the load by provider).

    Of whose staff human-resources knows nothing, nothing that rests on it was paid either.
    """
    loans = draw_loans(profile)
    hires = draw_hires(profile, loans) if staff_known else []
    receipts = draw_receipts(profile, hires, loans, awards_of(lines), staff_known)
    incident = draw_incident(profile)
    later = [
        *hire_tellings(profile, hires),
        *loan_tellings(profile, loans),
        *receipt_tellings(receipts, Random(f"{profile.code} receipts told")),
        *answer_tellings(profile),
        *(incident_tellings(profile, incident) if incident else []),
    ]
    past_incident = incident.facts() if incident and incident.on < FIRST_DAY else {}
    known = {
        "human-resources": known_hires(hires),
        "banks": known_loans(loans),
        "finance": known_receipts(receipts),
        "emergency-management": past_incident,
    }
    return later, known


def _openings(profile: Profile, index: int, known: dict[str, Facts], chance: Random) -> list[Telling]:
    """What every provider knows at first; of a subject founded in the world, one hears after the other."""
    existing = profile.established_on < FIRST_DAY
    opening = opening_facts(profile, chance, existing, bool(known["banks"]))
    if not profile.region.isdigit() and chance.random() < UNPLACED_IN_ZONES:
        del opening["market-supervision"]["region"]
    tellings = []
    for provider, facts in merged(opening, known).items():
        moment = load_moment(index)
        if not existing:
            day = profile.established_on + timedelta(days=_HEARS_AFTER.get(provider, _OTHERS_HEAR_AFTER))
            moment = office_moment(chance, day, day + timedelta(days=5))
        if existing or in_world(moment):
            tellings.append(Telling(moment, provider, "load" if existing else "founding", withhold(facts, chance)))
    return tellings


def _changes(profile: Profile, chance: Random) -> tuple[list[Telling], datetime | None]:
    """What happens from then on, until the registration ends, and when that is, if it does."""
    if profile.status != _ACTIVE:
        return [], None
    tellings: list[Telling] = []
    for moment, change in agenda(profile, chance):
        profile, told = change(profile, chance, moment)
        tellings += [Telling(moment, provider, "change", facts) for provider, facts in told.items()]
        if profile.status != _ACTIVE:
            return tellings, moment
    return tellings, None


def _records(subject: str, tellings: list[Telling], silent: frozenset[str], chance: Random) -> list[Record]:
    """The tellings of all providers that speak of the subject, as records."""
    records: list[Record] = []
    for provider in dict.fromkeys(telling.provider for telling in tellings):
        if provider not in silent:
            own = [telling for telling in tellings if telling.provider == provider and telling.facts]
            records += _versioned(subject, sorted(own, key=lambda telling: telling.moment), chance)
    return records


def _versioned(subject: str, tellings: list[Telling], chance: Random) -> list[Record]:
    """One provider's records, versions rising, and a few that come again or late and must change nothing.

    Two of the same second keep their order: ids carry the ordinal, and records sort by time, then by id.
    """
    records: list[Record] = []
    version = chance.randint(1, 30)
    for moment, provider, kind, facts in tellings:
        version += 1 if chance.random() < 0.95 else 2
        records.append(_record(subject, provider, kind, len(records), moment, version, facts))
        if kind == "change" and chance.random() < _STALE:
            again = office_moment(chance, *(moment.date() + timedelta(days=days) for days in (1, 20)))
            old, other = version - chance.randint(0, 1), distorted(facts)
            if in_world(again) and other != facts:
                records.append(_record(subject, provider, "stale", len(records), again, old, other))
    return records


def _record(subject: str, provider: str, kind: Kind, told: int, moment: datetime, version: int, facts: Facts) -> Record:
    data = {"version": version, "effective_at": start_of_day(moment), "facts": facts}
    return change_record(kind, provider, subject, told + 1, moment, data)


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
