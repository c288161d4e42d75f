"""Firms with research and development: how much, with whom, on whose money, and how they are graded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from zhida.world.industries import Industry

_LARGE = 50_000_000  # 元 of sales, from which most makers have research

GRADES = ("province", "little_giant", "key_little_giant")
"""The grades of a specialised and innovative enterprise, the lowest first."""


@dataclass(frozen=True)
class Technology:
    """What sets such a firm apart; shares of 1, money in 元."""

    rd_share: float  # of sales
    venture: bool  # lives on equity, spends it on research
    technical: float  # staff in R&D and technical innovation, of those in post
    rd_staff: float
    raises: float  # chance of raising equity in a year
    grade: str | None
    upgraded_on: date | None  # in 2024–2025, to the next grade


def draw_technology(
    chance: Random, industry: Industry, hub: bool, staff: int, sales: int, graded: float
) -> Technology | None:
    """What the firm is as a technology firm, if it is one; in a `hub` most are."""
    section = industry.code[0]
    share = 0.85 if hub and section in "CIM" else 0.3 if section in "CIM" else 0.12 if section in "BDN" else 0.01
    if section in "CIM" and (staff >= 200 or sales >= _LARGE):
        share = max(share, 0.7)
    if chance.random() >= share:
        return None
    venture = section in "CIM" and chance.random() < 0.04
    grade = None if chance.random() >= graded else chance.choices(GRADES, weights=(70, 25, 8))[0]
    return Technology(
        rd_share=_draw_rd_share(chance, sales),
        venture=venture,
        technical=chance.choice((0.1, chance.uniform(0.05, 0.1), chance.uniform(0.1, 0.3), chance.uniform(0.1, 0.5))),
        rd_staff=chance.uniform(0.5, 0.8) if venture else chance.uniform(0.04, 0.4),
        raises=1.0 if venture else chance.choice((0.0, 0.0, 0.0, 0.5)),
        grade=grade,
        upgraded_on=_draw_upgrade(chance, grade, graded),
    )


def rd_expense(technology: Technology, sales: int, chance: Random) -> float:
    """R&D of a year with these sales; now and then exactly the firm's share of them."""
    if technology.venture:
        return chance.randint(300, 600) * 100_000
    return sales * technology.rd_share * (1 if chance.random() < 0.5 else chance.uniform(0.9, 1.15))


def equity_raised(technology: Technology, chance: Random) -> int:
    """Equity of a year, around what recognitions ask for within two years."""
    if chance.random() >= technology.raises:
        return 0
    if technology.venture:
        return chance.choice((30, 40, 45, 60)) * 1_000_000
    return chance.choice((3, 8, 10, 12, 20, 35, 60)) * 1_000_000


def _draw_rd_share(chance: Random, sales: int) -> float:
    """Around what a high-tech enterprise of this size must spend, or a specialised one."""
    limit = 0.05 if sales <= 50_000_000 else 0.04 if sales <= 200_000_000 else 0.03
    draw = chance.random()
    if draw < 0.12:
        return limit
    return limit * (chance.uniform(0.3, 0.99) if draw < 0.35 else chance.uniform(1.01, 2.4))


def _draw_upgrade(chance: Random, grade: str | None, graded: float) -> date | None:
    if grade == GRADES[-1] or chance.random() >= (0.3 if grade else graded / 3):
        return None
    return date(chance.choice((2024, 2025)), chance.choice((3, 6, 9)), chance.randint(1, 28))


def next_grade(grade: str | None) -> str:
    """The grade above, the lowest for who has none."""
    return GRADES[0] if grade is None else GRADES[GRADES.index(grade) + 1]
