"""Whom a firm hires: people new in work and old hands, most with a contract, their insurance paid month by month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from random import Random
from typing import Any

from zhida.world.gaps import Facts, withhold
from zhida.world.loans import Loan
from zhida.world.moments import FIRST_DAY, LAST_DAY, YEARS, in_world, months_between, office_moment
from zhida.world.profiles import Profile
from zhida.world.records import Telling

GROUPS = (
    "graduate",
    "registered_unemployed",
    "veteran",
    "disabled",
    "hardship",
    "lifted_from_poverty",
    "returning_migrant",
    "other",
)
_WEIGHTS = (38, 24, 5, 4, 7, 3, 6, 13)

_HIRING = 0.12  # share of enterprises whose hires are told
_FOLLOWED = 6  # months of insurance up to which a hire is followed
_SEASONS = (2, 5, 8, 11)
_REGISTERED = 20  # days after which a hire is known, at most, but for a weekend


@dataclass(frozen=True)
class Hire:
    """One person taken on; nothing of it says who."""

    item: str
    on: date
    group: str
    age: int
    graduated_on: date | None
    unemployed: bool
    placed_before: bool
    contract_months: int
    stays: int  # months
    counted_elsewhere: bool

    @property
    def subsidised(self) -> bool:
        """Whether the hire is of the kind for which the subsidy for new jobs is paid, once insured for long enough."""
        new = self.graduated_on is not None and (self.on - self.graduated_on).days < 700 and not self.placed_before
        return (new or (self.unemployed and self.age <= 24)) and self.contract_months > 0 and not self.counted_elsewhere

    def insured_months(self, day: date) -> int:
        """Months paid by a day."""
        return min(months_between(self.on, day), self.stays)


def draw_hires(profile: Profile, loans: Iterable[Loan]) -> list[Hire]:
    """The hires of a firm from 2021 to 2025, the first the earliest; borrowers hire before they apply."""
    if profile.individual or profile.staff < 3:
        return []
    chance = Random(f"{profile.code} hires")
    days = [_near(chance, loan.applied_on) for loan in loans for _ in range(_asked_for(chance, profile, loan))]
    if chance.random() < _HIRING:
        days += [_draw_day(chance) for _ in range(min(1 + int(chance.expovariate(0.45)), 8))]
    first = profile.known_from if profile.established_on >= FIRST_DAY else profile.established_on
    days = sorted(day for day in days if first < day <= LAST_DAY)
    return [_draw_hire(chance, f"h-{number:04d}", day) for number, day in enumerate(days, start=1)]


def known_hires(hires: Iterable[Hire]) -> Facts:
    """Those of the years before 2024, with what was paid for them by then."""
    return _listed((hire, FIRST_DAY) for hire in hires if hire.on < FIRST_DAY)


def hire_tellings(profile: Profile, hires: list[Hire]) -> list[Telling]:
    """Each hire when it is registered, then every quarter the months paid for those still followed."""
    if not hires:
        return []
    chance = Random(f"{profile.code} hires told")
    tellings = []
    for hire in hires:
        if hire.on >= FIRST_DAY:
            told = office_moment(chance, hire.on + timedelta(days=3), hire.on + timedelta(days=_REGISTERED))
            tellings.append(Telling(told, "human-resources", "change", withhold(_listed([(hire, hire.on)]), chance)))
            if hire.counted_elsewhere:
                found = office_moment(chance, hire.on + timedelta(days=60), hire.on + timedelta(days=150))
                facts: Facts = {"hire_counted_elsewhere": {hire.item: True}}
                tellings.append(Telling(found, "human-resources", "change", facts))
    for year in YEARS:
        for month in _SEASONS:
            moment = office_moment(chance, date(year, month, 10), date(year, month, 16))
            paid = {hire.item: months for hire in hires if (months := _newly_paid(hire, moment.date()))}
            facts = {"hire_insured_months": paid}
            tellings.append(Telling(moment, "human-resources", "change", withhold(facts, chance)))
    return [telling for telling in tellings if in_world(telling.moment)]


def _asked_for(chance: Random, profile: Profile, loan: Loan) -> int:
    """How many hires, from one too few to one more than enough for the interest subsidy of the loan's day."""
    share = 0.15 if loan.applied_on < date(2023, 10, 1) else 0.1
    return max(ceil(profile.staff * share) + chance.choice((-1, 0, 1, 2)), 0)


def _near(chance: Random, applied_on: date) -> date:
    """Within the year before an application, seldom earlier."""
    return applied_on - timedelta(days=chance.randint(5, 360 if chance.random() < 0.85 else 500))


def _draw_day(chance: Random) -> date:
    """A working life begins in summer, most often."""
    year = chance.choice((2023, 2024, 2024, 2025, 2025, 2025))
    month = chance.choice((1, 2, 3, 4, 5, 6, 7, 7, 7, 8, 8, 9, 10, 11, 12))
    return date(year, month, chance.randint(1, 28))


def _draw_hire(chance: Random, item: str, day: date) -> Hire:
    group = chance.choices(GROUPS, weights=_WEIGHTS)[0]
    graduate = group == "graduate"
    graduated = date(day.year - chance.choice((0, 0, 0, 1, 1, 2, 3)), 7, 1) if graduate else None
    if graduated and graduated > day:  # the year's graduates sign before the summer
        graduated -= timedelta(days=365 * chance.choice((0, 0, 1)))
    return Hire(
        item=item,
        on=day,
        group=group,
        age=chance.randint(21, 27) if graduate else chance.choice((chance.randint(17, 26), chance.randint(25, 52))),
        graduated_on=graduated,
        unemployed=group == "registered_unemployed",
        placed_before=graduate and chance.random() < 0.15,
        contract_months=chance.choice((0, 6, 12, 12, 12, 24, 24, 36, 36, 36)),
        stays=chance.choice((2, 5, 40, 40, 40, 40, 40)),
        counted_elsewhere=chance.random() < 0.03,
    )


def _newly_paid(hire: Hire, day: date) -> int:
    """The months paid by a day, where they have grown since the last season and still matter; otherwise 0."""
    before, now = hire.insured_months(day - timedelta(days=92)), hire.insured_months(day)
    return now if before < now and before < _FOLLOWED and hire.on + timedelta(days=_REGISTERED + 3) < day else 0


def _listed(hires: Iterable[tuple[Hire, date]]) -> Facts:
    """The facts of hires, each as of a day; None where there is nothing to say."""
    facts: dict[str, dict[str, Any]] = defaultdict(dict)
    for hire, day in hires:
        for name, value in _facts(hire, day).items():
            facts[name][hire.item] = value
    return dict(facts)


def _facts(hire: Hire, day: date) -> dict[str, Any]:
    return {
        "hired_on": hire.on.isoformat(),
        "hire_group": hire.group,
        "hire_graduated_on": hire.graduated_on and hire.graduated_on.isoformat(),
        "hire_age": hire.age,
        "hire_registered_unemployed": hire.unemployed,
        "hire_placed_before": hire.placed_before or None,
        "hire_contract_months": hire.contract_months,
        "hire_insured_months": hire.insured_months(day),
    }
