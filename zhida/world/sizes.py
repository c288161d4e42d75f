"""Head counts and sales: mostly micro, a heavy tail, many just beside the numbers policies turn on."""

from __future__ import annotations

from random import Random

from zhida.world.industries import Industry

QUARTERLY_LIMIT = 300_000  # 元 of sales per quarter up to which a small-scale taxpayer pays no VAT
MONTHLY_LIMIT = 100_000
STAFF_LIMIT = 30
LOW_RATIO, PROVINCE_RATIO = 10, 15  # disabled staff per thousand in post


def draw_staff(chance: Random, industry: Industry, individual: bool) -> int:
    """Employees in post."""
    if individual:
        return min(int(chance.expovariate(1 / 2.2)), 40)
    draw = chance.random()
    if draw < 0.12:
        return STAFF_LIMIT + chance.choice((-4, -2, -1, 0, 0, 1, 2, 4))
    if draw < 0.16:
        return _rounded(chance, int(60 * chance.paretovariate(1.1)) % 9_000)
    return _rounded(chance, int(industry.staff * chance.lognormvariate(0, 1.05)) + 1)


def _rounded(chance: Random, staff: int) -> int:
    """Round numbers put a ratio exactly on its threshold."""
    if staff < 70 or chance.random() >= 0.4:
        return staff
    return 100 if staff < 130 else max(round(staff / 200), 1) * 200


def draw_disabled(chance: Random, staff: int) -> int:
    """Disabled staff: none in most small units, near 1 % and 1.5 % of the larger ones."""
    if staff <= STAFF_LIMIT:
        return int(chance.random() < 0.06)
    draw = chance.random()
    if draw < 0.3:
        return 0
    if draw < 0.85:
        per_thousand = LOW_RATIO if draw < 0.55 else PROVINCE_RATIO
        exact, rest = divmod(staff * per_thousand, 1000)
        return exact + int(rest > 0 and chance.random() < 0.5)
    return staff * chance.randint(15, 35) // 1000


def draw_yearly_sales(chance: Random, industry: Industry, staff: int) -> int:
    """Sales of a year in 元, now and then just beside the industry's entry above scale."""
    if industry.entry and staff >= 3 and chance.random() < 0.06:
        return int(industry.entry * chance.choice((1, chance.uniform(0.93, 1.07))))
    return int((staff + 0.6) * industry.sales_per_head * chance.lognormvariate(0, 0.7))


def draw_great_sales(chance: Random, industry: Industry) -> int | None:
    """Sales of the few great houses: makers, and trade and catering whose months differ by millions; mostly None."""
    if industry.code.startswith(("C3", "I6")) and chance.random() < 0.06:
        return chance.randint(50, 400) * 1_000_000
    if industry.code.startswith("F5") and chance.random() < 0.07:
        return chance.randint(600, 2_500) * 1_000_000
    if industry.code[0] == "H" and chance.random() < 0.14:
        return chance.randint(80, 300) * 1_000_000
    return None


def draw_risen_sales(chance: Random, industry: Industry) -> int:
    """Sales of a year in 元 that put a unit above scale, not far from the entry."""
    return int(industry.entry * chance.uniform(1, 2.5))


def recipients_near(chance: Random, mean_staff: float) -> int:
    """New unemployment recipients of a year, often next to the layoff rate that still earns a refund."""
    limit = mean_staff * (0.2 if mean_staff <= STAFF_LIMIT else 0.055)
    draw = chance.random()
    if draw < 0.55:
        return 0
    if draw < 0.85:
        return int(limit + 1e-9) + int(chance.random() < 0.45)
    return chance.randint(0, int(limit * 2.5) + 1)


def around(chance: Random, value: float, spread: float) -> str:
    """A decimal text near `value`, off by up to `spread` of it."""
    return money(value * chance.uniform(1 - spread, 1 + spread), chance.randrange(100))


def near_limit(chance: Random, limit: int) -> str:
    """A decimal text near a limit in 元: exactly on it, a fen beside it, or within 7 %."""
    draw = chance.random()
    if draw < 0.10:
        return money(limit)
    if draw < 0.15:
        return money(limit, 1)
    if draw < 0.20:
        return money(limit - 1, 99)
    return around(chance, limit, 0.07)


def money(yuan: float, fen: int = 0) -> str:
    """元 and 分 as the decimal text of the wire."""
    return f"{max(int(yuan), 0)}.{fen:02d}"
