"""The forty facts of the workloads, and how their values are coded: whole numbers for peers, exact values for us.

Codes: integers as they are, decimals in hundredths, dates as proleptic ordinals, booleans 0 and 1, regions and
industries as places in the pre-order of their tree (so that a subtree is an interval), codes and identifiers as their
place in the list. None is unknown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from eligibility.catalogue import Catalogue
from eligibility.subject_file import NO_PERIOD, FactKey
from eligibility.values import Value
from schemas.catalogue import FactDeclaration, FactType, PeriodKind
from schemas.industries import INDUSTRIES, is_industry
from schemas.model import Text
from schemas.regions import REGIONS

DAY = date(2025, 6, 30)
LAST_YEAR = "2024"
PROVIDER = "bench-office"
NUMERIC = (FactType.INTEGER, FactType.DECIMAL)
HUNDREDTHS = 100


@dataclass(frozen=True)
class Fact:
    """A fact of the workload. `codes`: what its codes 0, 1, … stand for, of the types that list their values.

    `typical`: the median of a number; a date's median is so many days before DAY.
    """

    name: str
    type: FactType
    typical: int = 0
    codes: Sequence[str] = field(default=(), repr=False)
    yearly: bool = False

    @property
    def key(self) -> FactKey:
        """Where a subject's file holds it, on DAY."""
        return FactKey(self.name, LAST_YEAR if self.yearly else NO_PERIOD)

    @property
    def period(self) -> dict[str, str]:
        """The part of a condition that names its period."""
        return {"period": "last_year"} if self.yearly else {}

    def value(self, code: int) -> Value:
        """The exact value that a code stands for."""
        match self.type:
            case FactType.INTEGER:
                return code
            case FactType.DECIMAL:
                return Fraction(code, HUNDREDTHS)
            case FactType.DATE:
                return date.fromordinal(code)
            case FactType.BOOLEAN:
                return bool(code)
        return self.codes[code]

    def wire(self, code: int) -> int | str:
        """A number's code as a policy document writes it."""
        if self.type is FactType.INTEGER:
            return code
        return f"{'-' if code < 0 else ''}{abs(code) // HUNDREDTHS}.{abs(code) % HUNDREDTHS:02d}"

    def subtree(self, root: str) -> tuple[int, int]:
        """The codes of a region's or industry's subtree, from the first to the last."""
        return bisect_left(self.codes, root), bisect_left(self.codes, root + "~") - 1

    def declaration(self) -> FactDeclaration:
        """What the fact catalogue says of it."""
        codes = {code: _text(code) for code in self.codes} if self.type is FactType.CODE else None
        period = PeriodKind.YEAR if self.yearly else None
        return FactDeclaration(
            name=self.name, title=_text(self.name), provider=PROVIDER, type=self.type, period=period, codes=codes
        )


def _text(said: str) -> Text:
    return Text(zh=said, en=said)


def _named(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{number:03d}" for number in range(count))


def _codes(name: str, count: int) -> Fact:
    return Fact(name, FactType.CODE, codes=_named(name, count))


def _identifiers(name: str, count: int) -> Fact:
    return Fact(name, FactType.IDENTIFIER, codes=_named(name, count))


KIND = Fact("kind", FactType.CODE, codes=("enterprise", "individual_business"))
REGION = Fact("region", FactType.REGION, codes=sorted(REGIONS))
INDUSTRY = Fact("industry", FactType.INDUSTRY, codes=sorted(INDUSTRIES))
FACTS: tuple[Fact, ...] = (
    KIND,
    REGION,
    INDUSTRY,
    Fact("staff", FactType.INTEGER, 40),
    Fact("insured", FactType.INTEGER, 35),
    Fact("patents", FactType.INTEGER, 4),
    Fact("hires", FactType.INTEGER, 6),
    Fact("capital", FactType.DECIMAL, 2_000_000),
    Fact("total_assets", FactType.DECIMAL, 8_000_000),
    Fact("energy_used", FactType.DECIMAL, 30_000),
    Fact("turnover", FactType.DECIMAL, 9_000_000, yearly=True),
    Fact("research", FactType.DECIMAL, 400_000, yearly=True),
    Fact("exports", FactType.DECIMAL, 1_500_000, yearly=True),
    Fact("founded_on", FactType.DATE, 2_500),
    Fact("registered_on", FactType.DATE, 1_500),
    Fact("inspected_on", FactType.DATE, 300),
    Fact("licensed_until", FactType.DATE, -400),
    Fact("certified_until", FactType.DATE, -200),
    Fact("dishonest", FactType.BOOLEAN),
    Fact("abnormal", FactType.BOOLEAN),
    Fact("in_arrears", FactType.BOOLEAN),
    Fact("exporter", FactType.BOOLEAN),
    Fact("high_tech", FactType.BOOLEAN),
    Fact("listed_firm", FactType.BOOLEAN),
    Fact("small_taxpayer", FactType.BOOLEAN),
    Fact("family_firm", FactType.BOOLEAN),
    _codes("size", 4),
    _codes("tax_grade", 5),
    _codes("credit_grade", 8),
    _codes("ownership", 12),
    _codes("licence", 25),
    _codes("park", 40),
    _codes("field_of_work", 60),
    _codes("chain", 100),
    _identifiers("trade", 200),
    _identifiers("programme", 80),
    _identifiers("association", 50),
    _identifiers("incubator", 30),
    _identifiers("bank", 20),
    _identifiers("lead_firm", 150),
)
"""Ten numbers, five dates, eight booleans, nine codes, six identifiers, the region and the industry."""

PLACE = {fact.name: place for place, fact in enumerate(FACTS)}
"""Where a fact stands in a row."""

COUNTIES = tuple(place for place, code in enumerate(REGION.codes) if len(code) == 6)
TRADES = tuple(place for place, code in enumerate(INDUSTRY.codes) if is_industry(code))
"""The codes a subject can have: counties and zones; divisions, groups and classes."""


def of_types(*types: FactType) -> tuple[int, ...]:
    """The places of the facts of some types."""
    return tuple(place for place, fact in enumerate(FACTS) if fact.type in types)


def catalogue() -> Catalogue:
    """The fact catalogue of the workloads: no lists, nothing complete, so that what is not said is unknown."""
    return Catalogue(facts={fact.name: fact.declaration() for fact in FACTS})
