"""Row 1's predecessor, 稳岗返还 of 人社部发〔2022〕23号 (50 % / 90 %): expectations worked out by hand."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

POLICY, SUCCESSOR = "CN-2022-WGFH", "CN-2024-WGFH"
POLICIES = Path(__file__).resolve().parents[2] / "examples" / "policies"
ON = date(2022, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


def layoff(insured: int, recipients: int) -> dict[str, Any]:
    """The same number insured in all twelve months of 2021, and the year's new recipients."""
    return {
        "insured_staff": {f"2021-{month:02}": insured for month in range(1, 13)},
        "new_unemployment_recipients": {"2021": recipients},
    }


# Layoff rate 1 ÷ 30 = 3.33 %; small by size (28 ≥ 20 staff, 500 ≥ 300 万元); 90 % of 12,000 is 10,800.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "legal_form": "company",
    "industry": "C3411",
    "insured_as_unit": True,
    "premium_months_paid": 24,
    "premium_paid": {"2021": "12000.00"},
    "persons_employed": 28,
    "yearly_sales": {"2021": "5000000.00"},
    "assets": "3000000.00",
    **layoff(30, 1),
}
# 1,000 staff and 40,000 万元: the lower bounds of large in industry. Layoff rate 1 %.
LARGE = {
    "persons_employed": 1000,
    "yearly_sales": {"2021": "400000000.00"},
    "premium_paid": {"2021": "1000000.00"},
    **layoff(1000, 10),
}
INDIVIDUAL = {"kind": "individual_business", "legal_form": "individual"}
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status"})

# label, facts changed (None: missing), on, verdict, amount in 元 if eligible, or the missing facts if undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    ("base", {}, ON, ELIGIBLE, "10800.00"),
    # 5.5 % for everyone, 20 % for those with at most 30 insured.
    ("5.5 % exactly", layoff(200, 11), ON, ELIGIBLE, "10800.00"),
    ("6 % of 200", layoff(200, 12), ON, INELIGIBLE, None),
    ("30 insured, 20 % exactly", layoff(30, 6), ON, ELIGIBLE, "10800.00"),
    ("30 insured, 23.3 %", layoff(30, 7), ON, INELIGIBLE, None),
    ("29 insured, 20.7 %", layoff(29, 6), ON, INELIGIBLE, None),
    ("31 insured, 16.1 %", layoff(31, 5), ON, INELIGIBLE, None),
    # Twelve months of premium.
    ("12 months paid", {"premium_months_paid": 12}, ON, ELIGIBLE, "10800.00"),
    ("11 months paid", {"premium_months_paid": 11}, ON, INELIGIBLE, None),
    # Large 50 %, others 90 %, of 1,000,000.
    ("large", LARGE, ON, ELIGIBLE, "500000.00"),
    ("999 staff: medium", {**LARGE, "persons_employed": 999}, ON, ELIGIBLE, "900000.00"),
    ("sales a cent short: medium", {**LARGE, "yearly_sales": {"2021": "399999999.99"}}, ON, ELIGIBLE, "900000.00"),
    ("micro", {"persons_employed": 5, "yearly_sales": {"2021": "100000.00"}}, ON, ELIGIBLE, "10800.00"),
    ("large social group", {**LARGE, "legal_form": "social_group"}, ON, ELIGIBLE, "900000.00"),
    ("large foundation", {**LARGE, "legal_form": "foundation"}, ON, ELIGIBLE, "900000.00"),
    ("large social service", {**LARGE, "legal_form": "social_service"}, ON, ELIGIBLE, "900000.00"),
    ("large law firm", {**LARGE, "legal_form": "law_firm"}, ON, ELIGIBLE, "900000.00"),
    ("large accounting firm", {**LARGE, "legal_form": "accounting_firm"}, ON, ELIGIBLE, "900000.00"),
    # Individual businesses: insured as a unit, or not at all.
    ("large individual business", {**LARGE, **INDIVIDUAL}, ON, ELIGIBLE, "900000.00"),
    ("individual, not as a unit", {**INDIVIDUAL, "insured_as_unit": False}, ON, INELIGIBLE, None),
    ("individual, as a unit unknown", {**INDIVIDUAL, "insured_as_unit": None}, ON, UNDETERMINED, {"insured_as_unit"}),
    ("enterprise, not as a unit", {"insured_as_unit": False}, ON, ELIGIBLE, "10800.00"),
    # Who and where.
    ("person", {"kind": "person"}, ON, INELIGIBLE, None),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, "10800.00"),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, None),
    # 2022, by the document.
    ("day before", {}, date(2021, 12, 31), INELIGIBLE, None),
    ("first day", {}, date(2022, 1, 1), ELIGIBLE, "10800.00"),
    ("last day", {}, date(2022, 12, 31), ELIGIBLE, "10800.00"),
    ("day after", {}, date(2023, 1, 1), INELIGIBLE, None),
    ("in the example world", {}, date(2024, 7, 15), INELIGIBLE, None),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("months paid missing", {"premium_months_paid": None}, ON, UNDETERMINED, {"premium_months_paid"}),
    ("insured staff missing", {"insured_staff": None}, ON, UNDETERMINED, {"insured_staff"}),
    ("recipients missing", {"new_unemployment_recipients": None}, ON, UNDETERMINED, {"new_unemployment_recipients"}),
    ("industry missing", {"industry": None}, ON, UNDETERMINED, {"industry"}),
    ("form missing, small", {"legal_form": None}, ON, ELIGIBLE, "10800.00"),
    ("premium missing", {"premium_paid": None}, ON, ELIGIBLE, None),
    # What is false decides, whatever is missing.
    ("11 months, recipients missing", {"premium_months_paid": 11, "new_unemployment_recipients": None}, ON, INELIGIBLE,
     None),
    ("cancelled, all else missing", {**NOTHING_ELSE, "registration_status": "cancelled"}, ON, INELIGIBLE, None),
    ("ended, all else missing", NOTHING_ELSE, date(2023, 1, 1), INELIGIBLE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_01_predecessor(
    decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None
) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome


def test_a_successor_of_its_own_and_no_amendment() -> None:
    """Two policies, the second after the first: on no day do both hold."""
    first, second = (yaml.safe_load((POLICIES / f"{name}.yaml").read_text()) for name in (POLICY, SUCCESSOR))
    assert second["succeeds"] == first["id"] != second["id"]
    assert first["valid"]["to"] < second["valid"]["from"]
    assert "succeeds" not in first
