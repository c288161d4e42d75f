"""Persons: where their household is, what they paid in, which certificates of skill they earn; no name, no number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from zhida.world.gaps import Facts, withhold
from zhida.world.moments import FIRST_DAY, LAST_DAY, YEARS, in_world, office_moment
from zhida.world.places import draw_place, fixed_place
from zhida.world.receipts import Receipt
from zhida.world.records import Telling

SKILLS, TRAINING = "CN-2024-JNTS", "CN-2024-PXBT"
RATES = {5: 1000, 4: 1500, 3: 2000}
"""元 by level of certificate."""

TRADES = (
    "electrician",
    "welder",
    "cook",
    "fitter",
    "machinist",
    "nursery-teacher",
    "care-worker",
    "hairdresser",
    "elevator-mechanic",
    "forklift-driver",
    "programmer",
    "beautician",
)
_SHARE = 0.126  # of the subjects outside the places with rosters: 12 % of all


@dataclass(frozen=True)
class Certificate:
    """One certificate of skill; level 5 is the lowest."""

    item: str
    trade: str
    level: int
    issued_on: date


@dataclass(frozen=True)
class Person:
    """The truth on one person at the start of 2024."""

    key: str
    household: str
    months_paid: int
    drawing: bool
    loses_job_on: date | None
    certificates: tuple[Certificate, ...]


def is_person(index: int, seed: int) -> bool:
    """Whether the subject with this index is a natural person."""
    return fixed_place(index) is None and Random(f"world {seed} kind {index}").random() < _SHARE


def draw_person(index: int, seed: int, chance: Random) -> Person:
    """The person with this index; the pseudonym is made from both numbers, as no number of a person exists."""
    near = chance.random() < 0.2
    return Person(
        key=f"p-{sha256(f'world {seed} person {index}'.encode()).hexdigest()[:32]}",
        household=draw_place(chance),
        months_paid=chance.randint(9, 14) if near else chance.choice((0, chance.randint(1, 240))),
        drawing=chance.random() < 0.08,
        loses_job_on=FIRST_DAY + timedelta(days=chance.randint(20, 650)) if chance.random() < 0.06 else None,
        certificates=tuple(_draw_certificates(chance)),
    )


def known_of(person: Person) -> dict[str, Facts]:
    """What is loaded of a person, by provider."""
    earlier = [certificate for certificate in person.certificates if certificate.issued_on < FIRST_DAY]
    return {
        "public-security": {"household_region": person.household},
        "human-resources": {
            "premium_months_paid": person.months_paid,
            "drawing_unemployment_benefit": person.drawing,
            **_listed(earlier),
        },
    }


def person_tellings(person: Person, chance: Random) -> list[Telling]:
    """New certificates, premium paid, a job lost and found again, a household that moves."""
    tellings = []
    for certificate in person.certificates:
        if certificate.issued_on >= FIRST_DAY:
            days = (certificate.issued_on + timedelta(days=days) for days in (5, 25))
            facts = withhold(_listed([certificate]), chance)
            tellings.append(Telling(office_moment(chance, *days), "human-resources", "change", facts))
    for year in YEARS:
        paid = person.months_paid + 12 * (year - YEARS[0] + 1)
        if person.months_paid and chance.random() < 0.3:
            moment = office_moment(chance, date(year, 12, 5), date(year, 12, 22))
            tellings.append(Telling(moment, "human-resources", "change", {"premium_months_paid": paid}))
    if person.loses_job_on:
        for day, drawing in ((person.loses_job_on, True), (person.loses_job_on + timedelta(days=170), False)):
            moment = office_moment(chance, day, day + timedelta(days=20))
            tellings.append(Telling(moment, "human-resources", "change", {"drawing_unemployment_benefit": drawing}))
    if chance.random() < 0.03:
        moment = office_moment(chance, FIRST_DAY, LAST_DAY)
        tellings.append(Telling(moment, "public-security", "change", {"household_region": draw_place(chance)}))
    return [telling for telling in tellings if in_world(telling.moment)]


def draw_person_receipts(person: Person, chance: Random) -> list[Receipt]:
    """Subsidies for certificates of 2024, paid a while after; for a few a training subsidy was paid instead."""
    receipts: list[Receipt] = []
    entitled = person.months_paid >= 12 or person.drawing
    for certificate in person.certificates:
        paid_on = certificate.issued_on + timedelta(days=chance.randint(45, 110))
        draw = chance.random()
        if certificate.issued_on.year != 2024 or paid_on.year != 2024:
            continue
        if draw < 0.08:
            receipts.append(Receipt(TRAINING, "800.00", paid_on, certificate.item))
        elif draw < 0.6 and entitled and len(receipts) < 3 and certificate.level in RATES:
            receipts.append(Receipt(SKILLS, f"{RATES[certificate.level]}.00", paid_on, certificate.item))
    return sorted(receipts, key=lambda receipt: receipt.on)


def _draw_certificates(chance: Random) -> list[Certificate]:
    """Most earn one or none; some climb in one trade, a few collect four and more in one year."""
    count = chance.choices((0, 1, 2, 3), weights=(25, 45, 20, 10))[0]
    drawn = [(chance.choice(TRADES), _draw_level(chance), _draw_day(chance)) for _ in range(count)]
    if drawn and chance.random() < 0.3:
        trade, level, day = drawn[0]
        drawn.append((trade, max(level - 1, 2), day + timedelta(days=chance.randint(60, 400))))
    if chance.random() < 0.04:
        day = date(2024, 1, 5)
        trades = chance.sample(TRADES, 5)
        drawn = [(trade, 5, day + timedelta(days=chance.randint(40, 60) * n)) for n, trade in enumerate(trades)]
    issued = sorted((day, trade, level) for trade, level, day in drawn if day < LAST_DAY - timedelta(days=30))
    return [Certificate(f"c-{n:04d}", trade, level, day) for n, (day, trade, level) in enumerate(issued, start=1)]


def _draw_level(chance: Random) -> int:
    return chance.choices((5, 4, 3, 2), weights=(42, 33, 20, 5))[0]


def _draw_day(chance: Random) -> date:
    return date(2022, 6, 1) + timedelta(days=chance.randint(0, 1270))


def _listed(certificates: Iterable[Certificate]) -> Facts:
    facts: dict[str, dict[str, Any]] = defaultdict(dict)
    for certificate in certificates:
        facts["certificate_trade"][certificate.item] = certificate.trade
        facts["certificate_level"][certificate.item] = certificate.level
        facts["certificate_issued_on"][certificate.item] = certificate.issued_on.isoformat()
    return dict(facts)
