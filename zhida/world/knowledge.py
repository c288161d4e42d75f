"""What the registries write of a business: its facts by provider."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from zhida.world import technology
from zhida.world.figures import (
    BASE_YEAR,
    FIRST_YEAR,
    main_income,
    quarterly_assets,
    quarterly_persons,
    sales_in,
    taxable_income,
)
from zhida.world.gaps import Facts
from zhida.world.moments import months
from zhida.world.profiles import ARREARS, Profile
from zhida.world.sizes import MONTHLY_LIMIT, QUARTERLY_LIMIT, around, money, near_limit, recipients_near

_UNTAXED = ("partnership", "sole_proprietorship", "law_firm")  # their owners pay, as persons


def standing_facts(profile: Profile) -> dict[str, Facts]:
    """What does not come by period, by provider; None where there is nothing to know."""
    enterprise = not profile.individual
    return {
        "market-supervision": {
            "kind": profile.kind,
            "registration_status": profile.status,
            "region": profile.region,
            "established_on": profile.established_on.isoformat(),
            "industry": profile.industry.code,
            "legal_form": profile.legal_form,
            "abnormal_list": profile.abnormal,
        },
        "tax": {
            "taxpayer_type": "general" if profile.general else "small_scale",
            "vat_filing": profile.filing,
            "small_low_profit": profile.small_low_profit if enterprise else None,
            "tax_credit_grade": profile.credit_grade if enterprise else None,
        },
        "human-resources": {
            "employees_in_post": profile.staff,
            "persons_employed": profile.employed,
            "unemployment_insured": profile.insured > 0,
            "insured_as_unit": None if enterprise else profile.insured > 0,
            "premium_months_paid": profile.months_paid,
            **technical_staff(profile),
            **{name: True for name in ARREARS if name in profile.arrears},
        },
        "disabled-persons-federation": {"disabled_staff": profile.disabled},
        "finance": {"assets": money(profile.assets)},
        "science-technology": {
            "high_tech_certificate_to": profile.certificate_to and profile.certificate_to.isoformat(),
        },
        "industry-information": {
            "above_scale_since": profile.above_scale_since and profile.above_scale_since.isoformat(),
            "above_scale": profile.above_scale_since and True,
            "restricted_sector": profile.restricted or None,
            "specialised_grade": profile.technology and profile.technology.grade,
        },
        "courts": {"dishonest_list": profile.dishonest or None},
    }


def technical_staff(profile: Profile) -> Facts:
    """The staff of a technology firm who do research, and those who do technical work."""
    if profile.technology is None:
        return {}
    technical = round(profile.staff * profile.technology.technical)
    research = round(profile.staff * profile.technology.rd_staff)
    return {"technical_staff": max(technical, research), "rd_staff": research}


def staff_year(profile: Profile, year: int, draft: int) -> Facts:
    """The annual report of human-resources; another `draft` of the same year may differ a little."""
    chance = Random(f"{profile.code} staff {year} {draft}")
    labels = months(year, profile.established_on)
    if not labels:
        return {}
    drift = 0 if profile.insured < 5 or chance.random() < 0.6 else chance.randint(-2, 2)
    insured = {m: profile.insured - drift * (len(labels) - n - 1) // 12 for n, m in enumerate(labels)}
    mean = sum(insured.values()) / len(insured)
    return {
        "insured_staff": insured,
        "premium_paid": {str(year): around(chance, mean * len(labels) * 48, 0.15)},
        "new_unemployment_recipients": {str(year): recipients_near(chance, mean)},
        "premium_months_paid": profile.months_paid,
    }


def tax_year(profile: Profile, year: int, draft: int) -> Facts:
    """The annual return: sales, the disabled persons' levy and the six taxes and two fees now due."""
    chance = Random(f"{profile.code} tax {year} {draft}")
    owed = max(profile.staff * 15 - profile.disabled * 1000, 0)  # thousandths of a post
    return {
        **business_year(profile, year, draft),
        "levy_due": None if profile.individual else money(owed * chance.randint(48_000, 96_000) // 1000),
        "six_taxes_two_fees_due": around(chance, profile.yearly_sales * 0.006, 0.6),
        "small_low_profit": None if profile.individual else profile.small_low_profit,
    }


def business_year(profile: Profile, year: int, draft: int) -> Facts:
    """Sales, incomes and R&D of a year; a `draft` but the first is off a little in the sales."""
    chance = Random(f"{profile.code} sales {year} {draft}")
    sales = sales_in(profile, year)
    exact = profile.yearly_sales == profile.industry.entry or draft == 0
    facts: Facts = {"yearly_sales": {str(year): money(sales) if exact else around(chance, sales, 0.02)}}
    if not profile.individual:
        facts["main_income"] = {str(year): main_income(profile, year)}
        if profile.legal_form not in _UNTAXED:
            facts["taxable_income"] = {str(year): taxable_income(profile, year)}
    if profile.technology:
        facts["rd_expense"] = {str(year): _research(profile, profile.technology, year)}
    return facts


def quarter_means(profile: Profile, year: int) -> dict[str, Facts]:
    """Assets and persons employed, means of the year's quarters, of those whose books are shared."""
    if not profile.books:
        return {}
    return {
        "finance": {"quarterly_assets": quarterly_assets(profile, year)},
        "human-resources": {"quarterly_persons_employed": quarterly_persons(profile, year)},
    }


def technology_year(profile: Profile, year: int) -> dict[str, Facts]:
    """What else is told of a technology firm's year, by provider."""
    if profile.technology is None:
        return {}
    chance = Random(f"{profile.code} technology {year}")
    income = chance.choice((0.6, chance.uniform(0.4, 0.95), chance.uniform(0.6, 0.95)))
    domestic = chance.choice((1.0, 1.0, 0.6, chance.uniform(0.5, 1), chance.uniform(0.6, 1)))
    return {
        "finance": {"equity_raised": {str(year): money(technology.equity_raised(profile.technology, chance))}},
        "science-technology": {
            "high_tech_income_share": {str(year): f"{income:.3f}"},
            "rd_domestic_share": {str(year): f"{domestic:.3f}"},
        },
    }


def _research(profile: Profile, known: technology.Technology, year: int) -> str:
    return money(technology.rd_expense(known, sales_in(profile, year), Random(f"{profile.code} research {year}")))


def sales_of(profile: Profile, chance: Random, period: str) -> Facts:
    """The sales of one month (`2024-07`) or quarter (`2024Q3`)."""
    quarterly = "Q" in period
    name = "quarterly_sales" if quarterly else "monthly_sales"
    if profile.hovers:
        return {name: {period: near_limit(chance, QUARTERLY_LIMIT if quarterly else MONTHLY_LIMIT)}}
    sales = sales_in(profile, int(period[:4])) / (4 if quarterly else 12)
    return {name: {period: around(chance, sales, 0.03 if profile.listed_trader else 0.25)}}


def merged(*tables: dict[str, Facts]) -> dict[str, Facts]:
    """Facts by provider, of several tables; what is given by period is put together."""
    together: dict[str, Facts] = {}
    for table in tables:
        for provider, facts in table.items():
            known = together.setdefault(provider, {})
            for name, value in facts.items():
                known[name] = {**known.get(name, {}), **value} if isinstance(value, dict) else value
    return together


def opening_facts(profile: Profile, chance: Random, existing: bool, borrows: bool) -> dict[str, Facts]:
    """Everything known of a business at first; an existing one has figures of 2023, a borrower older sales."""
    facts = standing_facts(profile)
    if not existing:
        return facts
    return merged(facts, *_past(profile, chance, borrows))


def _past(profile: Profile, chance: Random, borrows: bool) -> Iterator[dict[str, Facts]]:
    """Figures of 2023, and of the years before where somebody asks for them."""
    yield {"tax": sales_of(profile, chance, "2023Q4" if profile.filing == "quarterly" else "2023-12")}
    if profile.listed_trader:
        yield from ({"tax": sales_of(profile, chance, month)} for month in months(BASE_YEAR, profile.established_on))
    if profile.reported:
        yield {"tax": tax_year(profile, BASE_YEAR, 0), "human-resources": staff_year(profile, BASE_YEAR, 0)}
        yield quarter_means(profile, BASE_YEAR)
    since = max(FIRST_YEAR, profile.established_on.year)
    for year in range(since, BASE_YEAR):
        if profile.technology:
            yield {"tax": business_year(profile, year, 0)}
        elif borrows:
            yield {"tax": {"yearly_sales": {str(year): money(sales_in(profile, year))}}}
    for year in range(max(since, BASE_YEAR - 1), BASE_YEAR + 1):
        yield technology_year(profile, year)
