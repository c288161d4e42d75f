"""Row 6, 六税两费 (财政部 税务总局公告2023年第12号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2023-LSLF"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"

# On both grounds at once: half of 2,000, once.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "taxpayer_type": "small_scale",
    "small_low_profit": True,
    "six_taxes_two_fees_due": "2000.00",
}
INDIVIDUAL = {"kind": "individual_business"}


def grounds(taxpayer_type: str | None, small_low_profit: bool | None) -> dict[str, Any]:
    return {"taxpayer_type": taxpayer_type, "small_low_profit": small_low_profit}


# label, facts changed (None: missing), on, verdict, amount in 元 if eligible, or the missing facts if undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    # Any one ground is enough.
    ("both grounds", {}, ON, ELIGIBLE, "1000.00"),
    ("small-scale only", grounds("small_scale", False), ON, ELIGIBLE, "1000.00"),
    ("small low-profit only", grounds("general", True), ON, ELIGIBLE, "1000.00"),
    ("neither", grounds("general", False), ON, INELIGIBLE, None),
    ("individual business, general", {**INDIVIDUAL, **grounds("general", False)}, ON, ELIGIBLE, "1000.00"),
    ("individual business, small-scale", {**INDIVIDUAL, **grounds("small_scale", False)}, ON, ELIGIBLE, "1000.00"),
    ("half of 1,234.56", {"six_taxes_two_fees_due": "1234.56"}, ON, ELIGIBLE, "617.28"),
    # Who and where.
    ("person", {"kind": "person"}, ON, INELIGIBLE, None),
    ("another city", {"region": "211422"}, ON, ELIGIBLE, "1000.00"),
    ("functional zone", {"region": "2102G1"}, ON, ELIGIBLE, "1000.00"),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, None),
    ("revoked", {"registration_status": "revoked"}, ON, INELIGIBLE, None),
    ("moved out", {"registration_status": "moved_out"}, ON, INELIGIBLE, None),
    # From 2023-01-01 (the document), to 2027-12-31.
    ("day before", {}, date(2022, 12, 31), INELIGIBLE, None),
    ("first day", {}, date(2023, 1, 1), ELIGIBLE, "1000.00"),
    ("last day", {}, date(2027, 12, 31), ELIGIBLE, "1000.00"),
    ("day after", {}, date(2028, 1, 1), INELIGIBLE, None),
    # One fact missing: it matters only where no other ground holds.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("taxpayer type missing, low profit", grounds(None, True), ON, ELIGIBLE, "1000.00"),
    ("taxpayer type missing, not low profit", grounds(None, False), ON, UNDETERMINED, {"taxpayer_type"}),
    ("low profit missing, small-scale", grounds("small_scale", None), ON, ELIGIBLE, "1000.00"),
    ("low profit missing, general", grounds("general", None), ON, UNDETERMINED, {"small_low_profit"}),
    ("due missing", {"six_taxes_two_fees_due": None}, ON, ELIGIBLE, None),
    # Several missing; and what is false decides, whatever is missing.
    ("both grounds missing", grounds(None, None), ON, UNDETERMINED, {"taxpayer_type", "small_low_profit"}),
    ("both missing, individual business", {**INDIVIDUAL, **grounds(None, None)}, ON, ELIGIBLE, "1000.00"),
    ("neither, status missing", {**grounds("general", False), "registration_status": None}, ON, INELIGIBLE, None),
    ("person, both grounds missing", {"kind": "person", **grounds(None, None)}, ON, INELIGIBLE, None),
    ("cancelled, both missing", {"registration_status": "cancelled", **grounds(None, None)}, ON, INELIGIBLE, None),
    ("ended, both grounds missing", grounds(None, None), date(2028, 1, 1), INELIGIBLE, None),
]


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_06(decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome
