"""What registries do not know: subjects a provider never speaks of, and values it does not hold."""

from __future__ import annotations

from random import Random
from typing import Any

Facts = dict[str, Any]
"""Facts by name, on the wire: a value, or values by period or by item of a list."""

SILENT = {
    "market-supervision": (0.005, 0.005, 1.0),
    "tax": (0.03, 0.06, 1.0),
    "human-resources": (0.06, 0.55, 0.01),
    "disabled-persons-federation": (0.10, 1.0, 1.0),
    "finance": (0.25, 1.0, 0.0),
    "science-technology": (0.0, 1.0, 1.0),
    "industry-information": (0.0, 0.6, 1.0),
    "courts": (0.0, 0.0, 1.0),  # these four only tell who is on their lists
    "public-security": (1.0, 1.0, 0.0),
    "emergency-management": (0.0, 0.0, 1.0),
    "banks": (0.0, 1.0, 1.0),
}
"""Share of enterprises, of individual businesses and of persons of which a provider knows nothing."""

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
    "taxable_income": 0.05,
    "main_income": 0.06,
    "rd_expense": 0.05,
    "insured_staff": 0.04,
    "employees_in_post": 0.07,
    "persons_employed": 0.09,
    "unemployment_insured": 0.03,
    "insured_as_unit": 0.05,
    "premium_months_paid": 0.06,
    "premium_paid": 0.04,
    "new_unemployment_recipients": 0.10,
    "quarterly_persons_employed": 0.06,
    "technical_staff": 0.05,
    "rd_staff": 0.05,
    "wage_arrears": 0.0,
    "insurance_arrears": 0.0,
    "drawing_unemployment_benefit": 0.3,
    "hired_on": 0.0,
    "hire_group": 0.05,
    "hire_graduated_on": 0.1,
    "hire_age": 0.05,
    "hire_registered_unemployed": 0.15,
    "hire_placed_before": 0.0,
    "hire_contract_months": 0.06,
    "hire_insured_months": 0.04,
    "hire_counted_elsewhere": 0.0,
    "certificate_trade": 0.02,
    "certificate_level": 0.02,
    "certificate_issued_on": 0.01,
    "disabled_staff": 0.08,
    "assets": 0.05,
    "quarterly_assets": 0.06,
    "equity_raised": 0.05,
    "receipt_policy": 0.0,
    "receipt_period": 0.0,
    "receipt_item": 0.0,
    "receipt_amount": 0.0,
    "receipt_date": 0.0,
    "high_tech_certificate_to": 0.0,
    "high_tech_income_share": 0.04,
    "rd_domestic_share": 0.04,
    "owns_core_ip": 0.06,
    "field_listed": 0.06,
    "innovation_score": 0.1,
    "sme_score": 0.08,
    "sme_staff_score": 0.08,
    "sme_bypass": 0.06,
    "above_scale_since": 0.0,
    "above_scale": 0.0,
    "restricted_sector": 0.0,
    "specialised_grade": 0.0,
    "niche_since": 0.06,
    "specialised_score": 0.08,
    "science_award": 0.06,
    "maker_china_finalist": 0.06,
    "little_giant_other_criteria": 0.1,
    "dishonest_list": 0.0,
    "household_region": 0.02,
    "incident_on": 0.0,
    "incident_major": 0.1,
    "loan_applied_on": 0.0,
    "loan_principal": 0.03,
    "loan_interest": 0.05,
    "loan_term_months": 0.03,
}
"""Share of the subjects a provider knows, or of the items of a list, for which it holds no value of the fact."""

UNPLACED_IN_ZONES = 0.2
"""Share of a functional zone's subjects without a region: GB/T 2260 has no code for the zone."""

_OF_ITEMS = ("hire_", "hired_", "certificate_", "receipt_", "incident_", "loan_")


def draw_silent(column: int, chance: Random) -> frozenset[str]:
    """The providers that never say anything of the subject, by its column in SILENT."""
    shares = {provider: share[column] for provider, share in SILENT.items()}
    return frozenset(provider for provider, share in shares.items() if chance.random() < share)


def withhold(facts: Facts, chance: Random) -> Facts:
    """The facts without those the provider does not hold; of a list's items, each may lack one."""
    held: Facts = {}
    for name, value in facts.items():
        if name.startswith(_OF_ITEMS):
            items = {item: one for item, one in value.items() if chance.random() >= MISSING[name] and one is not None}
            held |= {name: items} if items else {}
        elif chance.random() >= MISSING[name] and value is not None:
            held[name] = value
    return held
