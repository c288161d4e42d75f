"""Guaranteed start-up loans, 2022 to 2025: of small firms, some of them one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from zhida.world.gaps import Facts, withhold
from zhida.world.moments import FIRST_DAY, LAST_DAY, in_world, months_between, office_moment
from zhida.world.profiles import Profile
from zhida.world.records import Telling
from zhida.world.sizes import money

_BORROWING = 0.07  # share of small enterprises
_SMALL = 120  # in post
_FIRST = date(2022, 2, 1)


@dataclass(frozen=True)
class Loan:
    """One loan; money in 元."""

    item: str
    applied_on: date
    principal: int
    per_mille: int  # of interest, a year
    months: int

    def interest(self, day: date) -> str | None:
        """Interest paid by a day; nothing is told before the first year's is."""
        paid = min(months_between(self.applied_on, day), self.months)
        return money(self.principal * self.per_mille * paid // 12_000) if paid >= min(self.months, 12) else None


def draw_loans(profile: Profile) -> list[Loan]:
    """The loans of a firm, the first the earliest."""
    if profile.individual or not 3 <= profile.staff <= _SMALL:
        return []
    chance = Random(f"{profile.code} loans")
    if chance.random() >= _BORROWING:
        return []
    first = max(_FIRST, profile.known_from if profile.established_on >= FIRST_DAY else profile.established_on)
    count = chance.choices((1, 2, 3, 4), weights=(58, 24, 8, 10))[0]
    day = first + timedelta(days=chance.randint(60, 900 if count < 3 else 150))
    loans: list[Loan] = []
    while len(loans) < count and day <= LAST_DAY - timedelta(days=20):
        loans.append(_draw_loan(chance, f"l-{len(loans) + 1:04d}", day))
        day += timedelta(days=chance.randint(340, 480) if count < 4 else chance.randint(240, 300))
    return loans


def known_loans(loans: Iterable[Loan]) -> Facts:
    """Those of the years before 2024, with the interest told by then."""
    return _listed((loan, FIRST_DAY) for loan in loans if loan.applied_on < FIRST_DAY)


def loan_tellings(profile: Profile, loans: list[Loan]) -> list[Telling]:
    """Each loan when it is applied for, and its interest when a year's is paid."""
    if not loans:
        return []
    chance = Random(f"{profile.code} loans told")
    tellings = []
    for loan in loans:
        if loan.applied_on >= FIRST_DAY:
            told = office_moment(chance, loan.applied_on + timedelta(days=4), loan.applied_on + timedelta(days=15))
            facts = withhold(_listed([(loan, loan.applied_on)]), chance)
            tellings.append(Telling(told, "banks", "change", facts))
        for day in dict.fromkeys((12, min(loan.months, 24))):
            due = loan.applied_on + timedelta(days=31 * day)
            moment = office_moment(chance, due, due + timedelta(days=20))
            interest: Facts = {"loan_interest": {loan.item: loan.interest(moment.date())}}
            tellings.append(Telling(moment, "banks", "change", withhold(interest, chance)))
    return [telling for telling in tellings if in_world(telling.moment)]


def _draw_loan(chance: Random, item: str, day: date) -> Loan:
    return Loan(
        item=item,
        applied_on=day,
        principal=chance.choice((20, 50, 100, 150, 200, 300, 300, 350, 400, 450)) * 10_000,
        per_mille=chance.randint(30, 45),
        months=chance.choice((12, 12, 24, 24, 24, 36)),
    )


def _listed(loans: Iterable[tuple[Loan, date]]) -> Facts:
    facts: dict[str, dict[str, Any]] = defaultdict(dict)
    for loan, day in loans:
        facts["loan_applied_on"][loan.item] = loan.applied_on.isoformat()
        facts["loan_principal"][loan.item] = money(loan.principal)
        facts["loan_interest"][loan.item] = loan.interest(day)
        facts["loan_term_months"][loan.item] = loan.months
    return dict(facts)
