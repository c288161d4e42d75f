"""What finance has paid: receipts for a share of what stood to be paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import Any

from eligibility.values import yuan
from zhida.world.gaps import Facts
from zhida.world.hires import Hire
from zhida.world.knowledge import staff_year
from zhida.world.loans import Loan
from zhida.world.moments import FIRST_DAY, in_world, office_moment
from zhida.world.profiles import Profile
from zhida.world.records import Telling
from zhida.world.rosters import Award

REFUND, NEW_JOBS = "CN-2024-WGFH", "CN-2025-KGBZ"
INTEREST_BEFORE, INTEREST = "LN-2020-CYDK", "LN-2023-CYDK"
RULES_CHANGED = date(2023, 10, 1)  # for loans applied for from then on

_PAID = {REFUND: 0.35, NEW_JOBS: 0.6, INTEREST_BEFORE: 0.7, INTEREST: 0.4, "award": 0.6}
_LARGE = 1000  # employed


@dataclass(frozen=True)
class Receipt:
    """One payment, in 元; `item` and `period` where the policy has them."""

    policy: str
    amount: str
    on: date
    item: str | None = None
    period: str | None = None


def draw_receipts(
    profile: Profile, hires: list[Hire], loans: list[Loan], awards: list[Award], staff_known: bool
) -> list[Receipt]:
    """What a firm has received, the first the earliest."""
    if profile.individual:
        return []
    chance = Random(f"{profile.code} receipts")
    drawn = _refund(profile, chance) if staff_known else []
    drawn += [*_of_hires(hires, chance), *_of_loans(loans, chance), *_of_awards(awards, chance)]
    return sorted(drawn, key=lambda receipt: receipt.on)


def known_receipts(receipts: Iterable[Receipt]) -> Facts:
    """Those of the years before 2024."""
    return _listed((item, receipt) for item, receipt in _numbered(receipts) if receipt.on < FIRST_DAY)


def receipt_tellings(receipts: Iterable[Receipt], chance: Random) -> list[Telling]:
    """Each receipt a few days after the payment."""
    told = [
        (office_moment(chance, receipt.on, receipt.on + timedelta(days=3)), _listed([(item, receipt)]))
        for item, receipt in _numbered(receipts)
        if receipt.on >= FIRST_DAY
    ]
    return [Telling(moment, "finance", "change", facts) for moment, facts in told if in_world(moment)]


def _numbered(receipts: Iterable[Receipt]) -> list[tuple[str, Receipt]]:
    return [(f"r-{number:04d}", receipt) for number, receipt in enumerate(receipts, start=1)]


def _listed(receipts: Iterable[tuple[str, Receipt]]) -> Facts:
    facts: dict[str, dict[str, Any]] = defaultdict(dict)
    for number, receipt in receipts:
        said = {
            "receipt_policy": receipt.policy,
            "receipt_period": receipt.period,
            "receipt_item": receipt.item,
            "receipt_amount": receipt.amount,
            "receipt_date": receipt.on.isoformat(),
        }
        for name, value in said.items():
            if value is not None:
                facts[name][number] = value
    return dict(facts)


def _refund(profile: Profile, chance: Random) -> list[Receipt]:
    """The refund of the premium of 2023, for who had it coming by the figures told."""
    if not profile.reported or profile.months_paid < 12 or chance.random() >= _PAID[REFUND]:
        return []
    figures = staff_year(profile, 2023, 0)
    if not figures or not any(figures["insured_staff"].values()):
        return []
    mean = Fraction(sum(figures["insured_staff"].values()), len(figures["insured_staff"]))
    rate = figures["new_unemployment_recipients"]["2023"] / mean
    if rate > (Fraction(1, 5) if mean <= 30 else Fraction(55, 1000)):
        return []
    share = Fraction(3 if profile.employed >= _LARGE else 6, 10)
    amount = yuan(Fraction(figures["premium_paid"]["2023"]) * share)
    return [Receipt(REFUND, amount, _between(chance, date(2024, 6, 10), date(2024, 11, 22)), period="2024")]


def _of_hires(hires: list[Hire], chance: Random) -> list[Receipt]:
    return [
        Receipt(NEW_JOBS, "1500.00", _after(chance, hire.on, 110, 200), hire.item)
        for hire in hires
        if hire.on.year == 2025 and hire.subsidised and hire.stays >= 3 and chance.random() < _PAID[NEW_JOBS]
    ]


def _of_loans(loans: list[Loan], chance: Random) -> list[Receipt]:
    """Half of the interest a year after the loan, three times at most."""
    receipts: list[Receipt] = []
    for loan in loans:
        policy = INTEREST if loan.applied_on >= RULES_CHANGED else INTEREST_BEFORE
        on = _after(chance, loan.applied_on, 380, 420)
        interest = loan.interest(on)
        pays = len(loans) >= 4 or chance.random() < _PAID[policy]
        if interest and pays and loan.months <= 24 and len(receipts) < 3:
            receipts.append(Receipt(policy, yuan(Fraction(interest) / 2), on, loan.item))
    return receipts


def _of_awards(awards: list[Award], chance: Random) -> list[Receipt]:
    """The amount of each grade, less what was paid for a lower one where the award tops up."""
    receipts: list[Receipt] = []
    paid = 0
    for award in sorted(awards, key=lambda award: award.on):
        due = award.amount - (paid if award.tops_up else 0)
        if due > 0 and chance.random() < _PAID["award"]:
            receipts.append(Receipt(award.policy, f"{due}.00", _after(chance, award.on, 40, 100), award.item))
            paid += due
    return receipts


def _between(chance: Random, first: date, last: date) -> date:
    return first + timedelta(days=chance.randint(0, (last - first).days))


def _after(chance: Random, day: date, least: int, most: int) -> date:
    return max(day, FIRST_DAY - timedelta(days=900)) + timedelta(days=chance.randint(least, most))
