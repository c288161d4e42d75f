"""Row 1, 稳岗返还 (人社部发〔2024〕40号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2024-WGFH"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


def staff(*months: int | None) -> dict[str, int]:
    """Insured staff of 2023, month by month from January; None: the month is missing."""
    return {f"2023-{n:02}": count for n, count in enumerate(months, 1) if count is not None}


def layoff(insured: int, recipients: int) -> dict[str, Any]:
    """The same number insured in all twelve months, and the year's new recipients."""
    return {"insured_staff": staff(*[insured] * 12), "new_unemployment_recipients": {"2023": recipients}}


# Layoff rate 1 ÷ 30 = 3.33 %; small by size (28 ≥ 20 staff, 500 ≥ 300 万元); 60 % of 12,000 is 7,200.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "legal_form": "company",
    "industry": "C3411",
    "insured_as_unit": True,
    "premium_months_paid": 24,
    "premium_paid": {"2023": "12000.00"},
    "persons_employed": 28,
    "yearly_sales": {"2023": "5000000.00"},
    "assets": "3000000.00",
    **layoff(30, 1),
}
# 1,000 staff and 40,000 万元: the lower bounds of large in industry. Layoff rate 1 %.
LARGE = {
    "persons_employed": 1000,
    "yearly_sales": {"2023": "400000000.00"},
    "premium_paid": {"2023": "1000000.00"},
    **layoff(1000, 10),
}
INDIVIDUAL = {"kind": "individual_business", "legal_form": "individual"}
NO_SIZE = {"industry": None, "persons_employed": None, "yearly_sales": None, "assets": None}
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status"})

# label, facts changed (None: missing), on, verdict, amount in 元 if eligible, or the missing facts if undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    ("base", {}, ON, ELIGIBLE, "7200.00"),
    # 5.5 % for everyone: 11 ÷ 200 is just that; 2,399 ÷ 12 insured make it 5.502 %.
    ("5.5 % exactly", layoff(200, 11), ON, ELIGIBLE, "7200.00"),
    ("6 % of 200", layoff(200, 12), ON, INELIGIBLE, None),
    (
        "just above 5.5 %",
        {"insured_staff": staff(*[200] * 11, 199), "new_unemployment_recipients": {"2023": 11}},
        ON,
        INELIGIBLE,
        None,
    ),
    (
        "just below 5.5 %",
        {"insured_staff": staff(*[200] * 11, 201), "new_unemployment_recipients": {"2023": 11}},
        ON,
        ELIGIBLE,
        "7200.00",
    ),
    ("no layoffs", layoff(200, 0), ON, ELIGIBLE, "7200.00"),
    # 20 % for those with at most 30 insured: 5 laid off are 17.2 %, 16.7 %, 16.1 %.
    ("29 insured, 17.2 %", layoff(29, 5), ON, ELIGIBLE, "7200.00"),
    ("30 insured, 16.7 %", layoff(30, 5), ON, ELIGIBLE, "7200.00"),
    ("31 insured, 16.1 %", layoff(31, 5), ON, INELIGIBLE, None),
    ("31 insured, 3.2 %", layoff(31, 1), ON, ELIGIBLE, "7200.00"),
    ("31 insured, 6.5 %", layoff(31, 2), ON, INELIGIBLE, None),
    ("30 insured, 20 % exactly", layoff(30, 6), ON, ELIGIBLE, "7200.00"),
    ("30 insured, 23.3 %", layoff(30, 7), ON, INELIGIBLE, None),
    # 6 ÷ (359 ÷ 12) is 20.06 %.
    (
        "just above 20 %",
        {"insured_staff": staff(*[30] * 11, 29), "new_unemployment_recipients": {"2023": 6}},
        ON,
        INELIGIBLE,
        None,
    ),
    ("20 insured, 20 % exactly", layoff(20, 4), ON, ELIGIBLE, "7200.00"),
    ("19 insured, 21.1 %", layoff(19, 4), ON, INELIGIBLE, None),
    # At most 30 is the year's mean: 360 ÷ 12 is 30, 361 ÷ 12 is not.
    (
        "mean of 30 from 29 and 31",
        {"insured_staff": staff(*[29] * 6, *[31] * 6), "new_unemployment_recipients": {"2023": 5}},
        ON,
        ELIGIBLE,
        "7200.00",
    ),
    (
        "mean just above 30",
        {"insured_staff": staff(*[30] * 11, 31), "new_unemployment_recipients": {"2023": 5}},
        ON,
        INELIGIBLE,
        None,
    ),
    ("another year's layoffs", {"new_unemployment_recipients": {"2022": 30, "2023": 1}}, ON, ELIGIBLE, "7200.00"),
    # Twelve months of premium.
    ("12 months paid", {"premium_months_paid": 12}, ON, ELIGIBLE, "7200.00"),
    ("11 months paid", {"premium_months_paid": 11}, ON, INELIGIBLE, None),
    ("no month paid", {"premium_months_paid": 0}, ON, INELIGIBLE, None),
    # Large 30 %, others 60 %, of 1,000,000.
    ("large", LARGE, ON, ELIGIBLE, "300000.00"),
    ("large partnership", {**LARGE, "legal_form": "partnership"}, ON, ELIGIBLE, "300000.00"),
    ("999 staff: medium", {**LARGE, "persons_employed": 999}, ON, ELIGIBLE, "600000.00"),
    ("sales a cent short: medium", {**LARGE, "yearly_sales": {"2023": "399999999.99"}}, ON, ELIGIBLE, "600000.00"),
    ("last year's sales count", {**LARGE, "yearly_sales": {"2022": "1.00", "2023": "400000000.00"}}, ON, ELIGIBLE,
     "300000.00"),
    ("micro", {"persons_employed": 5, "yearly_sales": {"2023": "100000.00"}}, ON, ELIGIBLE, "7200.00"),
    # Treated as small, whatever the size.
    ("large social group", {**LARGE, "legal_form": "social_group"}, ON, ELIGIBLE, "600000.00"),
    ("large foundation", {**LARGE, "legal_form": "foundation"}, ON, ELIGIBLE, "600000.00"),
    ("large social service", {**LARGE, "legal_form": "social_service"}, ON, ELIGIBLE, "600000.00"),
    ("large law firm", {**LARGE, "legal_form": "law_firm"}, ON, ELIGIBLE, "600000.00"),
    ("large accounting firm", {**LARGE, "legal_form": "accounting_firm"}, ON, ELIGIBLE, "600000.00"),
    ("large individual business", {**LARGE, **INDIVIDUAL}, ON, ELIGIBLE, "600000.00"),
    ("law firm, size unknown", {**NO_SIZE, "legal_form": "law_firm"}, ON, ELIGIBLE, "7200.00"),
    # Individual businesses: insured as a unit, or not at all.
    ("individual, insured as a unit", INDIVIDUAL, ON, ELIGIBLE, "7200.00"),
    ("individual, size unknown", {**INDIVIDUAL, **NO_SIZE}, ON, ELIGIBLE, "7200.00"),
    ("individual, form unknown", {**INDIVIDUAL, "legal_form": None}, ON, ELIGIBLE, "7200.00"),
    ("individual, not as a unit", {**INDIVIDUAL, "insured_as_unit": False}, ON, INELIGIBLE, None),
    ("individual, as a unit unknown", {**INDIVIDUAL, "insured_as_unit": None}, ON, UNDETERMINED, {"insured_as_unit"}),
    ("enterprise, as a unit unknown", {"insured_as_unit": None}, ON, ELIGIBLE, "7200.00"),
    ("enterprise, not as a unit", {"insured_as_unit": False}, ON, ELIGIBLE, "7200.00"),
    # Who and where.
    ("person", {"kind": "person"}, ON, INELIGIBLE, None),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, "7200.00"),
    ("functional zone", {"region": "2101G1"}, ON, ELIGIBLE, "7200.00"),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, None),
    ("revoked", {"registration_status": "revoked"}, ON, INELIGIBLE, None),
    ("moved out", {"registration_status": "moved_out"}, ON, INELIGIBLE, None),
    # 2024-01-01 to 2024-12-31.
    ("day before", {}, date(2023, 12, 31), INELIGIBLE, None),
    ("first day", {}, date(2024, 1, 1), ELIGIBLE, "7200.00"),
    ("last day", {}, date(2024, 12, 31), ELIGIBLE, "7200.00"),
    ("day after", {}, date(2025, 1, 1), INELIGIBLE, None),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("months paid missing", {"premium_months_paid": None}, ON, UNDETERMINED, {"premium_months_paid"}),
    ("insured staff missing", {"insured_staff": None}, ON, UNDETERMINED, {"insured_staff"}),
    ("one month missing", {"insured_staff": staff(*[30] * 6, None, *[30] * 5)}, ON, UNDETERMINED, {"insured_staff"}),
    ("recipients missing", {"new_unemployment_recipients": None}, ON, UNDETERMINED, {"new_unemployment_recipients"}),
    ("last year's recipients missing", {"new_unemployment_recipients": {"2022": 0}}, ON, UNDETERMINED,
     {"new_unemployment_recipients"}),
    # The size class decides the rate, so the form does not matter for a small one; of a large one only the rate,
    # and with it the amount, is unknown without it.
    ("form missing, small", {"legal_form": None}, ON, ELIGIBLE, "7200.00"),
    ("form missing, large", {**LARGE, "legal_form": None}, ON, ELIGIBLE, None),
    ("industry missing", {"industry": None}, ON, UNDETERMINED, {"industry"}),
    # 28 staff are small or micro by the sales; 5,000,000 are small or micro by the staff: no one size class.
    ("sales missing", {"yearly_sales": None}, ON, UNDETERMINED, {"yearly_sales"}),
    ("persons employed missing", {"persons_employed": None}, ON, UNDETERMINED, {"persons_employed"}),
    # Assets count in few industries: here in real estate development, not in manufacturing.
    ("assets missing", {"assets": None}, ON, ELIGIBLE, "7200.00"),
    ("assets missing, developer", {"assets": None, "industry": "K7010"}, ON, UNDETERMINED, {"assets"}),
    ("premium missing", {"premium_paid": None}, ON, ELIGIBLE, None),
    ("last year's premium missing", {"premium_paid": {"2022": "12000.00"}}, ON, ELIGIBLE, None),
    # Two missing; and a false condition decides, whatever is missing.
    ("form and industry missing", {"legal_form": None, "industry": None}, ON, UNDETERMINED, {"legal_form", "industry"}),
    ("11 months, status missing", {"premium_months_paid": 11, "registration_status": None}, ON, INELIGIBLE, None),
    ("11 months, size unknown", {"premium_months_paid": 11, **NO_SIZE}, ON, INELIGIBLE, None),
    ("cancelled, all else missing", {**NOTHING_ELSE, "registration_status": "cancelled"}, ON, INELIGIBLE, None),
    ("ended, all else missing", NOTHING_ELSE, date(2025, 1, 1), INELIGIBLE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_01(decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome
