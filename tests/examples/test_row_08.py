"""Row 8, 小规模纳税人增值税 (公告2023年第19号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2023-ZZS"
ON = date(2024, 7, 15)  # last month is 2024-06, last quarter 2024Q2
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


def monthly(sales: str | None, month: str = "2024-06") -> dict[str, Any]:
    return {"vat_filing": "monthly", "monthly_sales": None if sales is None else {month: sales}}


def quarterly(sales: str | None, quarter: str = "2024Q2") -> dict[str, Any]:
    return {"vat_filing": "quarterly", "quarterly_sales": None if sales is None else {quarter: sales}}


# 3 % of 80,000 is 2,400; 3 % of 240,000 is 7,200.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "taxpayer_type": "small_scale",
    "quarterly_sales": {"2024Q2": "240000.00"},
    **monthly("80000.00"),
}

# label, facts changed (None: missing), on, verdict, amount in 元 (None: unknown) if eligible, or the missing facts if
# undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    # Monthly filers: exempt up to 100,000 (3 % of the sales), above it 3 % → 1 % (2 % of the sales).
    ("month of 80,000", {}, ON, ELIGIBLE, "2400.00"),
    ("month without sales", monthly("0.00"), ON, ELIGIBLE, "0.00"),
    ("month of 99,999", monthly("99999.00"), ON, ELIGIBLE, "2999.97"),
    ("month of 100,000", monthly("100000.00"), ON, ELIGIBLE, "3000.00"),
    ("month of 100,000.01", monthly("100000.01"), ON, ELIGIBLE, "2000.00"),
    ("month of 200,000", monthly("200000"), ON, ELIGIBLE, "4000.00"),
    # Quarterly filers: up to 300,000.
    ("quarter of 240,000", quarterly("240000.00"), ON, ELIGIBLE, "7200.00"),
    ("quarter of 299,999", quarterly("299999.00"), ON, ELIGIBLE, "8999.97"),
    ("quarter of 300,000", quarterly("300000.00"), ON, ELIGIBLE, "9000.00"),
    ("quarter of 300,000.01", quarterly("300000.01"), ON, ELIGIBLE, "6000.00"),
    ("quarter of 450,000", quarterly("450000"), ON, ELIGIBLE, "9000.00"),
    # The other period's sales do not count.
    ("month above, quarterly filer", {**monthly("150000"), **quarterly("240000")}, ON, ELIGIBLE, "7200.00"),
    ("quarter above, monthly filer", {**quarterly("310000"), **monthly("80000")}, ON, ELIGIBLE, "2400.00"),
    ("general taxpayer", {"taxpayer_type": "general"}, ON, INELIGIBLE, None),
    # Last month and last quarter follow the date.
    ("last month on 1 July", {}, date(2024, 7, 1), ELIGIBLE, "2400.00"),
    ("last month on 30 June", monthly("50000", "2024-05"), date(2024, 6, 30), ELIGIBLE, "1500.00"),
    ("last month on 1 January", monthly("50000", "2023-12"), date(2024, 1, 1), ELIGIBLE, "1500.00"),
    ("last quarter on 1 January", quarterly("150000", "2023Q4"), date(2024, 1, 1), ELIGIBLE, "4500.00"),
    ("last quarter on 30 September", quarterly("150000"), date(2024, 9, 30), ELIGIBLE, "4500.00"),
    ("last quarter on 30 June", quarterly("150000", "2024Q1"), date(2024, 6, 30), ELIGIBLE, "4500.00"),
    # Above the limit or not, a small-scale taxpayer is relieved: only how much is unknown.
    ("this month's sales only", monthly("50000", "2024-07"), ON, ELIGIBLE, None),
    ("the month before's sales only", monthly("50000", "2024-05"), ON, ELIGIBLE, None),
    ("this quarter's sales only", quarterly("150000", "2024Q3"), ON, ELIGIBLE, None),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, ELIGIBLE, "2400.00"),
    ("person", {"kind": "person"}, ON, INELIGIBLE, None),
    ("another city", {"region": "210381"}, ON, ELIGIBLE, "2400.00"),
    ("functional zone", {"region": "2101G1"}, ON, ELIGIBLE, "2400.00"),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, None),
    ("revoked", {"registration_status": "revoked"}, ON, INELIGIBLE, None),
    ("moved out", {"registration_status": "moved_out"}, ON, INELIGIBLE, None),
    # From 2023-08-01 (the day of issue, a choice of ours), to 2027-12-31.
    ("day before", monthly("80000", "2023-06"), date(2023, 7, 31), INELIGIBLE, None),
    ("first day", monthly("80000", "2023-07"), date(2023, 8, 1), ELIGIBLE, "2400.00"),
    ("last day", monthly("80000", "2027-11"), date(2027, 12, 31), ELIGIBLE, "2400.00"),
    ("day after", monthly("80000", "2027-12"), date(2028, 1, 1), INELIGIBLE, None),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("taxpayer type missing", {"taxpayer_type": None}, ON, UNDETERMINED, {"taxpayer_type"}),
    ("filing missing", {"vat_filing": None}, ON, UNDETERMINED, {"vat_filing"}),
    ("filing missing, both above", {**monthly("150000"), **quarterly("450000"), "vat_filing": None}, ON, UNDETERMINED,
     {"vat_filing"}),
    ("month missing, monthly filer", monthly(None), ON, ELIGIBLE, None),
    ("month missing, quarterly filer", {**monthly(None), **quarterly("240000")}, ON, ELIGIBLE, "7200.00"),
    ("quarter missing, quarterly filer", quarterly(None), ON, ELIGIBLE, None),
    ("quarter missing, monthly filer", {"quarterly_sales": None}, ON, ELIGIBLE, "2400.00"),
    # Several missing; and what is false decides, whatever is missing.
    ("taxpayer type and month missing", {**monthly(None), "taxpayer_type": None}, ON, UNDETERMINED,
     {"taxpayer_type"}),  # the month decides only which benefit it is
    ("general, filing missing", {"taxpayer_type": "general", "vat_filing": None}, ON, INELIGIBLE, None),
    ("revoked, type missing", {"registration_status": "revoked", "taxpayer_type": None}, ON, INELIGIBLE, None),
    ("ended, month missing", monthly(None), date(2028, 1, 1), INELIGIBLE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_08(decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome
