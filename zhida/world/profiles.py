"""A subject as it really is, whatever the registries know of it, and how one is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from zhida.world.credit_codes import credit_code
from zhida.world.industries import Industry, draw_industry
from zhida.world.moments import FIRST_DAY, LAST_DAY, months_between
from zhida.world.places import AWARD_COUNTY, HIGH_TECH_ZONE, SHENYANG, place_of
from zhida.world.sizes import (
    MONTHLY_LIMIT,
    QUARTERLY_LIMIT,
    draw_disabled,
    draw_great_sales,
    draw_risen_sales,
    draw_staff,
    draw_yearly_sales,
)
from zhida.world.technology import Technology, draw_technology

CREDIT_GRADES = ("grade_a", "grade_b", "grade_m", "grade_c", "grade_d")
ARREARS = ("wage_arrears", "insurance_arrears")

_GRADED = (0.12, 0.6)  # share of technology firms that are specialised, elsewhere and in the county that awards them
_NEWCOMERS = 0.03
_INDIVIDUALS = 0.31
_ASSET_LIMIT = 50_000_000  # 元, up to which an enterprise can be small low-profit
_OLDEST = 20 * 365  # days


@dataclass(frozen=True)
class Profile:
    """The truth on one subject at one time; money in 元."""

    code: str
    kind: str
    region: str
    industry: Industry
    legal_form: str
    established_on: date
    general: bool
    filing: str
    hovers: bool  # its sales stay close to the limit of the VAT exemption
    yearly_sales: int
    staff: int
    insured: int
    employed: int
    disabled: int
    months_paid: int
    assets: int
    credit_grade: str
    certificate_to: date | None
    above_scale_since: date | None
    dishonest: bool
    abnormal: bool
    reported: bool  # the year 2023 is known when the world starts
    books: bool  # its quarterly means are shared
    restricted: bool
    arrears: frozenset[str]  # `wage_arrears`, `insurance_arrears`
    technology: Technology | None
    status: str = "active"

    @property
    def individual(self) -> bool:
        """Whether it is an individual business."""
        return self.kind == "individual_business"

    @property
    def science_service(self) -> bool:
        """Whether it is a science and technology service of Shenyang, which are promoted to go above scale."""
        return not self.individual and self.industry.code[0] == "M" and self.region.startswith(SHENYANG)

    @property
    def listed_trader(self) -> bool:
        """Whether it is an above-limit unit of trade, hotels or catering, whose sales are watched month by month."""
        return self.above_scale_since is not None and self.industry.code.startswith(("F51", "F52", "H61", "H62"))

    @property
    def known_from(self) -> date:
        """From when changes are told; what is founded in the world is first heard of by every registry."""
        return self.established_on + timedelta(days=61) if self.established_on >= FIRST_DAY else FIRST_DAY

    @property
    def small_low_profit(self) -> bool:
        """Whether staff, assets and (here) sales are those of a small low-profit enterprise."""
        return self.employed <= 300 and self.assets <= _ASSET_LIMIT and self.yearly_sales <= 60_000_000


def draw_profile(index: int, seed: int, chance: Random) -> Profile:
    """The business with this index as it is on 2023-12-31, or on the day it is established."""
    fate = Random(f"world {seed} fate {index}")  # of its own, so that what it decides moves nothing else
    region = place_of(index, chance)
    county = region == AWARD_COUNTY
    hub = county or region == HIGH_TECH_ZONE
    individual = chance.random() < (_INDIVIDUALS / 3 if hub else _INDIVIDUALS)
    industry = draw_industry(chance, individual, hub)
    established_on = _draw_founding(chance)
    staff = draw_staff(chance, industry, individual)
    insured = staff if chance.random() < 0.7 else round(staff * chance.uniform(0.6, 1))
    hovers = staff <= 60 and chance.random() < 0.3
    sales = draw_yearly_sales(chance, industry, staff)
    great = None if individual else draw_great_sales(fate, industry)
    if great and established_on.year < 2022:
        sales, staff, hovers = great, max(staff, great // (4 * industry.sales_per_head)), False
        insured = max(insured, staff)
    if risen := industry.code[0] == "M" and not individual and region.startswith(SHENYANG) and fate.random() < 0.5:
        sales, hovers = draw_risen_sales(fate, industry), False
    general = not hovers and (sales > 5_000_000 or chance.random() < (0.03 if individual else 0.25))
    monthly = general or chance.random() < 0.12
    if hovers:
        sales = MONTHLY_LIMIT * 12 if monthly else QUARTERLY_LIMIT * 4
    return Profile(
        code=credit_code(index, seed, individual, region),
        kind="individual_business" if individual else "enterprise",
        region=region,
        industry=industry,
        legal_form=_draw_legal_form(chance, industry, individual),
        established_on=established_on,
        general=general,
        filing="monthly" if monthly else "quarterly",
        hovers=hovers,
        yearly_sales=sales,
        staff=staff,
        insured=insured,
        employed=staff + (chance.randint(1, max(staff // 10, 1)) if chance.random() < 0.2 else 0),
        disabled=0 if individual else draw_disabled(chance, staff),
        months_paid=_draw_months_paid(chance, established_on),
        assets=_draw_assets(chance, sales),
        credit_grade=chance.choices(CREDIT_GRADES, weights=(16, 44, 28, 7, 5))[0],
        certificate_to=_draw_certificate(chance, 0 if individual else 0.6 if region == HIGH_TECH_ZONE else 0.03),
        above_scale_since=_draw_recent(fate)
        if risen and established_on.year < 2022
        else _draw_entry(fate if great else chance, industry, sales, established_on),
        dishonest=chance.random() < 0.02,
        abnormal=chance.random() < 0.04,
        reported=chance.random() < 0.7,
        books=fate.random() < (0.0 if individual else 0.45),
        restricted=not individual and fate.random() < 0.015,
        arrears=frozenset(name for name in ARREARS if fate.random() < 0.02),
        technology=None if individual else draw_technology(fate, industry, hub, staff, sales, _GRADED[county]),
        status=chance.choices(("active", "cancelled", "revoked", "moved_out"), weights=(965, 15, 12, 8))[0],
    )


def _draw_founding(chance: Random) -> date:
    if chance.random() < _NEWCOMERS:
        return FIRST_DAY + timedelta(days=chance.randint(1, (LAST_DAY - FIRST_DAY).days - 30))
    age = min(int(chance.expovariate(1 / 2200)), _OLDEST) + 15
    return FIRST_DAY - timedelta(days=age)


def _draw_legal_form(chance: Random, industry: Industry, individual: bool) -> str:
    if individual:
        return "individual"
    if industry.legal_form and chance.random() < 0.8:
        return industry.legal_form
    return chance.choices(("company", "partnership", "sole_proprietorship"), weights=(86, 6, 8))[0]


def _draw_months_paid(chance: Random, established_on: date) -> int:
    possible = months_between(established_on, FIRST_DAY)
    paid = chance.randint(9, 14) if chance.random() < 0.2 else chance.randint(12, 240)
    return min(paid, possible)


def _draw_assets(chance: Random, sales: int) -> int:
    if chance.random() < 0.03:
        return int(_ASSET_LIMIT * chance.choice((1, chance.uniform(0.95, 1.05))))
    return int(sales * chance.lognormvariate(-0.2, 0.8)) + 10_000


def _draw_certificate(chance: Random, share: float) -> date | None:
    """The end of a high-tech certificate, which holds for three years."""
    if chance.random() >= share:
        return None
    return date(chance.choice((2023, 2024, 2025, 2026)), chance.choice((10, 11, 12)), chance.randint(1, 30))


def _draw_entry(chance: Random, industry: Industry, sales: int, established_on: date) -> date | None:
    if not industry.entry or sales < industry.entry or established_on.year >= 2022 or chance.random() < 0.3:
        return None
    return date(chance.randint(established_on.year + 1, 2023), chance.choice((1, 12)), 1)


def _draw_recent(chance: Random) -> date | None:
    """A first entry in the last years before the world, or one that may come in it."""
    return chance.choice((None, date(2022, 12, 1), date(2023, 1, 1), date(2023, 12, 1)))
