"""What the registries write of a subject: its facts by provider, less what each does not know."""

from __future__ import annotations

from random import Random
from typing import Any

from zhida.world.moments import months
from zhida.world.profiles import Profile
from zhida.world.sizes import (
    MONTHLY_LIMIT,
    QUARTERLY_LIMIT,
    around,
    money,
    near_limit,
    recipients_near,
)

Facts = dict[str, Any]

SILENT = {
    "market-supervision": (0.005, 0.005),
    "tax": (0.03, 0.06),
    "human-resources": (0.06, 0.55),
    "disabled-persons-federation": (0.10, 1.0),
    "finance": (0.25, 1.0),
    "science-technology": (0.0, 1.0),
    "industry-information": (0.0, 0.6),
    "courts": (0.08, 0.25),
}
"""Share of enterprises, and of individual businesses, of which a provider knows nothing."""

MISSING = {
    "kind": 0.002,
    "registration_status": 0.005,
    "region": 0.01,
    "established_on": 0.02,
    "industry": 0.03,
    "legal_form": 0.02,
    "abnormal_list": 0.04,
    "taxpayer_type": 0.02,
    "vat_filing": 0.03,
    "monthly_sales": 0.06,
    "quarterly_sales": 0.08,
    "yearly_sales": 0.07,
    "levy_due": 0.05,
    "six_taxes_two_fees_due": 0.04,
    "small_low_profit": 0.06,
    "tax_credit_grade": 0.10,
    "insured_staff": 0.04,
    "employees_in_post": 0.07,
    "persons_employed": 0.09,
    "unemployment_insured": 0.03,
    "insured_as_unit": 0.05,
    "premium_months_paid": 0.06,
    "premium_paid": 0.04,
    "new_unemployment_recipients": 0.10,
    "disabled_staff": 0.08,
    "assets": 0.05,
    "high_tech_certificate_to": 0.0,
    "above_scale_since": 0.0,
    "dishonest_list": 0.03,
}
"""Share of the subjects a provider knows for which it holds no value of the fact."""


def draw_silent(profile: Profile, chance: Random) -> frozenset[str]:
    """The providers that never say anything of the subject."""
    shares = {provider: share[profile.individual] for provider, share in SILENT.items()}
    return frozenset(provider for provider, share in shares.items() if chance.random() < share)


def withhold(facts: Facts, chance: Random) -> Facts:
    """The facts without those the provider does not hold."""
    return {name: value for name, value in facts.items() if chance.random() >= MISSING[name] and value is not None}


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
        },
        "disabled-persons-federation": {"disabled_staff": profile.disabled},
        "finance": {"assets": money(profile.assets)},
        "science-technology": {
            "high_tech_certificate_to": profile.certificate_to and profile.certificate_to.isoformat(),
        },
        "industry-information": {
            "above_scale_since": profile.above_scale_since and profile.above_scale_since.isoformat(),
        },
        "courts": {"dishonest_list": profile.dishonest},
    }


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
    entry = profile.industry.entry
    exact = profile.yearly_sales == entry or draft == 0
    sales = money(profile.yearly_sales) if exact else around(chance, profile.yearly_sales, 0.02)
    return {
        "yearly_sales": {str(year): sales},
        "levy_due": None if profile.individual else money(owed * chance.randint(48_000, 96_000) // 1000),
        "six_taxes_two_fees_due": around(chance, profile.yearly_sales * 0.006, 0.6),
        "small_low_profit": None if profile.individual else profile.small_low_profit,
    }


def sales_of(profile: Profile, chance: Random, period: str) -> Facts:
    """The sales of one month (`2024-07`) or quarter (`2024Q3`)."""
    quarterly = "Q" in period
    name = "quarterly_sales" if quarterly else "monthly_sales"
    if profile.hovers:
        return {name: {period: near_limit(chance, QUARTERLY_LIMIT if quarterly else MONTHLY_LIMIT)}}
    return {name: {period: around(chance, profile.yearly_sales / (4 if quarterly else 12), 0.25)}}


def opening_facts(profile: Profile, chance: Random, existing: bool) -> dict[str, Facts]:
    """Everything known of a subject at first; an existing one has figures of 2023."""
    facts = standing_facts(profile)
    if existing:
        facts["tax"] |= sales_of(profile, chance, "2023Q4" if profile.filing == "quarterly" else "2023-12")
        facts["tax"] |= tax_year(profile, 2023, 0) if profile.reported else {}
        facts["human-resources"] |= staff_year(profile, 2023, 0) if profile.reported else {}
    return facts
