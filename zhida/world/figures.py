"""Figures of a year that do not depend on when they are asked: sales that grow or shrink, incomes, quarterly means."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from zhida.world.moments import LAST_DAY
from zhida.world.profiles import Profile
from zhida.world.sizes import money, near_limit

FIRST_YEAR, BASE_YEAR = 2021, 2023
SMALL_PROFIT_LIMIT = 3_000_000  # 元 of taxable income


def sales_in(profile: Profile, year: int) -> int:
    """Sales of a year in 元: the profile's in 2023, from there on and back by the growth of each year."""
    sales = float(profile.yearly_sales)
    for growth in _growths(profile.code, profile.hovers)[BASE_YEAR - FIRST_YEAR : year - FIRST_YEAR]:
        sales *= growth
    for growth in _growths(profile.code, profile.hovers)[max(year - FIRST_YEAR, 0) : BASE_YEAR - FIRST_YEAR]:
        sales /= growth
    return int(sales)


@lru_cache(maxsize=8)
def _growths(code: str, hovers: bool) -> tuple[float, ...]:
    """The sales of each year from 2022 on over the last year's; nothing grows where they hover at a limit."""
    chance = Random(f"{code} growth")
    return tuple(1.0 if hovers else _draw_growth(chance) for _ in range(FIRST_YEAR, LAST_DAY.year))


def _draw_growth(chance: Random) -> float:
    draw = chance.random()
    return 1.0 if draw < 0.2 else chance.uniform(1.0, 1.3) if draw < 0.7 else chance.uniform(0.75, 1.0)


def main_income(profile: Profile, year: int) -> str:
    """The share of the sales that is main business income: often all of it."""
    chance = Random(f"{profile.code} main income {year}")
    whole = profile.yearly_sales == profile.industry.entry or chance.random() < 0.6
    return money(sales_in(profile, year) * (1 if whole else chance.uniform(0.85, 0.99)))


def taxable_income(profile: Profile, year: int) -> str:
    """Nothing in a bad year; now and then just beside the limit of the small and thin."""
    chance = Random(f"{profile.code} profit {year}")
    if chance.random() < 0.25:
        return money(0)
    if profile.yearly_sales > 10_000_000 and chance.random() < 0.15:
        return near_limit(chance, SMALL_PROFIT_LIMIT)
    return money(sales_in(profile, year) * chance.uniform(0.01, 0.12), chance.randrange(100))


def quarters(year: int) -> list[str]:
    """The labels of a year's quarters."""
    return [f"{year}Q{quarter}" for quarter in (1, 2, 3, 4)]


def quarterly_assets(profile: Profile, year: int) -> dict[str, str]:
    """Means of the quarters, close to the assets."""
    chance = Random(f"{profile.code} assets {year}")
    steady = chance.random() < 0.3
    return {q: money(profile.assets * (1 if steady else chance.uniform(0.97, 1.03))) for q in quarters(year)}


def quarterly_persons(profile: Profile, year: int) -> dict[str, str]:
    """Means of the quarters, in halves."""
    chance = Random(f"{profile.code} persons {year}")
    steady = chance.random() < 0.4
    halves = {q: 2 * profile.employed + (0 if steady else chance.randint(-3, 3)) for q in quarters(year)}
    return {quarter: f"{max(count, 0) / 2:.1f}" for quarter, count in halves.items()}
