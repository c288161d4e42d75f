"""Row 17, 辽宁稳中求进 (辽政发〔2024〕1号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "LN-2024-WZQJ"
ON = date(2024, 7, 15)  # judges June
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


def sales(before: str | None, now: str | None, month: str = "06", year: int = 2024) -> dict[str, Any]:
    """Sales of the month, and of the same month a year before; None: missing."""
    told = {f"{year - 1}-{month}": before, f"{year}-{month}": now}
    return {"monthly_sales": {label: yuan for label, yuan in told.items() if yuan is not None} or None}


def catering(before: str | None, now: str | None) -> dict[str, Any]:
    return {"industry": "H6210", **sales(before, now)}


# 10 % more than 100 million: one full 10 million.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "industry": "F5112",
    "above_scale": True,
    **sales("100000000.00", "110000000.00"),
}
UNTOLD = {"industry": None, "above_scale": None, "monthly_sales": None}

# label, facts changed (None: missing), on, verdict, amount in 元 if eligible, or the missing facts if undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    # Trade: growth above 8 %, 50,000 for each full 10 million of increment.
    ("wholesale", {}, ON, ELIGIBLE, "50000.00"),
    ("retail", {"industry": "F52"}, ON, ELIGIBLE, "50000.00"),
    ("8 % exactly", sales("500000000", "540000000"), ON, INELIGIBLE, None),
    ("just above 8 %", sales("500000000", "540000000.01"), ON, ELIGIBLE, "200000.00"),
    ("just below 8 %", sales("500000000", "539999999.99"), ON, INELIGIBLE, None),
    ("a cent short of 10 million", sales("100000000", "109999999.99"), ON, INELIGIBLE, None),
    ("a cent short of 20 million", sales("100000000", "119999999.99"), ON, ELIGIBLE, "50000.00"),
    ("20 million", sales("100000000", "120000000"), ON, ELIGIBLE, "100000.00"),
    ("99 million", sales("100000000", "199000000"), ON, ELIGIBLE, "450000.00"),
    ("less than a year before", sales("100000000", "60000000"), ON, INELIGIBLE, None),
    # From nothing no growth is defined.
    ("from nothing", sales("0", "20000000"), ON, UNDETERMINED, set()),
    ("trade with 1 million more", sales("2000000", "3000000"), ON, INELIGIBLE, None),
    # Hotels and catering: 20,000 from 1 million of increment, and 20,000 for each further full million; any growth.
    ("catering, 1 million", catering("100000000", "101000000"), ON, ELIGIBLE, "20000.00"),
    ("hotels, 1 million", {**catering("100000000", "101000000"), "industry": "H61"}, ON, ELIGIBLE, "20000.00"),
    ("catering, a cent short", catering("1000000", "1999999.99"), ON, INELIGIBLE, None),
    ("catering, a cent short of 2 million", catering("1000000", "2999999.99"), ON, ELIGIBLE, "20000.00"),
    ("catering, 2 million", catering("1000000", "3000000"), ON, ELIGIBLE, "40000.00"),
    ("catering, 5.5 million", catering("1000000", "6500000"), ON, ELIGIBLE, "100000.00"),
    ("catering, from nothing", catering("0", "1000000"), ON, ELIGIBLE, "20000.00"),
    ("catering, shrunk", catering("3000000", "1000000"), ON, INELIGIBLE, None),
    # Others, and the unlisted.
    ("manufacturing", {"industry": "C3411"}, ON, INELIGIBLE, None),
    ("not listed", {"above_scale": False}, ON, INELIGIBLE, None),
    ("untold of the complete list", {"above_scale": None}, ON, INELIGIBLE, None),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, None),
    ("person", {"kind": "person"}, ON, INELIGIBLE, None),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, "50000.00"),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, None),
    # Each month of 2024, judged in the month after.
    ("another month's growth", sales("1", "900000000", "05"), ON, UNDETERMINED, {"monthly_sales"}),
    ("June on 1 July", {}, date(2024, 7, 1), ELIGIBLE, "50000.00"),
    ("June on 31 July", {}, date(2024, 7, 31), ELIGIBLE, "50000.00"),
    ("December 2023", sales("1", "900000000", "12", 2023), date(2024, 1, 31), INELIGIBLE, None),
    ("January 2024", sales("1", "10000001", "01"), date(2024, 2, 1), ELIGIBLE, "50000.00"),
    ("December 2024", sales("1", "10000001", "12"), date(2025, 1, 31), ELIGIBLE, "50000.00"),
    ("January 2025", sales("1", "900000000", "01", 2025), date(2025, 2, 1), INELIGIBLE, None),
    ("after the example world", sales("1", "900000000", "12", 2025), date(2026, 1, 1), INELIGIBLE, None),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("month missing", sales("100000000", None), ON, UNDETERMINED, {"monthly_sales"}),
    ("month a year before missing", sales(None, "110000000"), ON, UNDETERMINED, {"monthly_sales"}),
    ("month missing, manufacturing", {"industry": "C3411", "monthly_sales": None}, ON, INELIGIBLE, None),
    # Without the industry: undetermined as long as one of the rules is met; there are others' industries.
    ("industry missing, both met", {"industry": None}, ON, UNDETERMINED, {"industry"}),
    ("industry missing, 5 %", {"industry": None, **sales("100000000", "105000000")}, ON, UNDETERMINED, {"industry"}),
    ("industry missing, too little", {"industry": None, **sales("1", "1000000")}, ON, INELIGIBLE, None),
    # Several missing; and what is false decides, whatever is missing.
    ("industry and month missing", {"industry": None, "monthly_sales": None}, ON, UNDETERMINED,
     {"industry", "monthly_sales"}),
    ("not listed, the rest missing", {**UNTOLD, "above_scale": False}, ON, INELIGIBLE, None),
    ("ended, the rest missing", UNTOLD, date(2025, 2, 1), INELIGIBLE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_17(decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome


def test_row_17_absent_from_an_incomplete_list(decide: Any) -> None:
    facts = {name: value for name, value in BASE.items() if name != "above_scale"}
    result = decide(POLICY, facts, on=ON, complete=set())
    assert (result.verdict, result.missing) == (UNDETERMINED, {"above_scale"})
