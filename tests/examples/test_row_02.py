"""Row 2, 失业保险费率 1 % (人社部发〔2024〕40号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2024-SYFL"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "unemployment_insured": True,
}

# label, facts changed (None: missing), on, verdict, the missing facts if undetermined; the rate has no amount
CASES: list[tuple[str, dict[str, Any], date, str, set[str]]] = [
    ("enterprise", {}, ON, ELIGIBLE, set()),
    ("individual business", {"kind": "individual_business"}, ON, ELIGIBLE, set()),
    ("person", {"kind": "person"}, ON, INELIGIBLE, set()),
    ("not insured", {"unemployment_insured": False}, ON, INELIGIBLE, set()),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, set()),
    ("functional zone", {"region": "2104G1"}, ON, ELIGIBLE, set()),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, set()),
    ("revoked", {"registration_status": "revoked"}, ON, INELIGIBLE, set()),
    ("moved out", {"registration_status": "moved_out"}, ON, INELIGIBLE, set()),
    # In the table's world from 2024-01-01; to 2025-12-31.
    ("day before", {}, date(2023, 12, 31), INELIGIBLE, set()),
    ("first day", {}, date(2024, 1, 1), ELIGIBLE, set()),
    ("last day", {}, date(2025, 12, 31), ELIGIBLE, set()),
    ("day after", {}, date(2026, 1, 1), INELIGIBLE, set()),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("insurance missing", {"unemployment_insured": None}, ON, UNDETERMINED, {"unemployment_insured"}),
    # Two missing; and a false condition decides, whatever is missing.
    (
        "status and insurance missing",
        {"registration_status": None, "unemployment_insured": None},
        ON,
        UNDETERMINED,
        {"registration_status", "unemployment_insured"},
    ),
    ("not insured, kind missing", {"unemployment_insured": False, "kind": None}, ON, INELIGIBLE, set()),
    ("revoked, insurance missing", {"registration_status": "revoked", "unemployment_insured": None}, ON, INELIGIBLE,
     set()),
    ("ended, insurance missing", {"unemployment_insured": None}, date(2026, 1, 1), INELIGIBLE, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "missing"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_02(decide: Any, changes: dict[str, Any], on: date, verdict: str, missing: set[str]) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount is None
    if verdict == UNDETERMINED:
        assert result.missing == missing
