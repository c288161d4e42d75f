"""Row 5, 残保金 (财政部公告2023年第8号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "LN-2023-CBJ"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


def posts(employees: int | None, disabled: int | None) -> dict[str, int | None]:
    return {"employees_in_post": employees, "disabled_staff": disabled}


# 1 % disabled: pay half of 10,000.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "levy_due": "10000.00",
    **posts(200, 2),
}

# label, facts changed (None: missing), on, verdict, amount in 元 if eligible, or the missing facts if undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    # At most 30 in post: exempt, whatever the ratio.
    ("29 in post", posts(29, 0), ON, ELIGIBLE, "10000.00"),
    ("30 in post", posts(30, 0), ON, ELIGIBLE, "10000.00"),
    ("31 in post, none disabled", posts(31, 0), ON, ELIGIBLE, "1000.00"),
    ("31 in post, one disabled, 3.2 %", posts(31, 1), ON, INELIGIBLE, None),
    ("30 in post, 1 disabled, 3.3 %", posts(30, 1), ON, ELIGIBLE, "10000.00"),
    # 1.5 %, the province's ratio: nothing is due from there on, so there is nothing to relieve.
    ("1.5 % exactly", posts(200, 3), ON, INELIGIBLE, None),
    ("just below 1.5 %", posts(201, 3), ON, ELIGIBLE, "5000.00"),
    ("just above 1.5 %", posts(199, 3), ON, INELIGIBLE, None),
    ("2 %", posts(200, 4), ON, INELIGIBLE, None),
    # 1 %: pay 50 % from there on, 90 % below.
    ("1 % exactly", posts(200, 2), ON, ELIGIBLE, "5000.00"),
    ("1 % of 100", posts(100, 1), ON, ELIGIBLE, "5000.00"),
    ("just below 1 %", posts(201, 2), ON, ELIGIBLE, "1000.00"),
    ("just above 1 %", posts(199, 2), ON, ELIGIBLE, "5000.00"),
    ("0.5 %", posts(200, 1), ON, ELIGIBLE, "1000.00"),
    ("none disabled", posts(200, 0), ON, ELIGIBLE, "1000.00"),
    # Fen are kept.
    ("exempt of 1,234.56", {**posts(30, 0), "levy_due": "1234.56"}, ON, ELIGIBLE, "1234.56"),
    ("half of 1,234.56", {"levy_due": "1234.56"}, ON, ELIGIBLE, "617.28"),
    ("a tenth of 1,234.50", {**posts(200, 0), "levy_due": "1234.50"}, ON, ELIGIBLE, "123.45"),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, None),
    ("person", {"kind": "person"}, ON, INELIGIBLE, None),
    ("another city", {"region": "210202"}, ON, ELIGIBLE, "5000.00"),
    ("functional zone", {"region": "2101G1"}, ON, ELIGIBLE, "5000.00"),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, None),
    ("revoked", {"registration_status": "revoked"}, ON, INELIGIBLE, None),
    ("moved out", {"registration_status": "moved_out"}, ON, INELIGIBLE, None),
    # 2023-01-01 to 2027-12-31.
    ("day before", {}, date(2022, 12, 31), INELIGIBLE, None),
    ("first day", {}, date(2023, 1, 1), ELIGIBLE, "5000.00"),
    ("last day", {}, date(2027, 12, 31), ELIGIBLE, "5000.00"),
    ("day after", {}, date(2028, 1, 1), INELIGIBLE, None),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("posts missing", posts(None, 2), ON, UNDETERMINED, {"employees_in_post"}),
    ("posts missing, none disabled", posts(None, 0), ON, UNDETERMINED, {"employees_in_post"}),
    ("disabled missing, 31 in post", posts(31, None), ON, UNDETERMINED, {"disabled_staff"}),
    ("disabled missing, 30 in post", posts(30, None), ON, ELIGIBLE, "10000.00"),
    ("levy missing", {"levy_due": None}, ON, ELIGIBLE, None),
    # Several missing; and what is false decides, whatever is missing.
    ("status and disabled missing", {**posts(31, None), "registration_status": None}, ON, UNDETERMINED,
     {"registration_status", "disabled_staff"}),
    ("2 %, status missing", {**posts(200, 4), "registration_status": None}, ON, INELIGIBLE, None),
    ("2 %, levy missing", {**posts(200, 4), "levy_due": None}, ON, INELIGIBLE, None),
    ("cancelled, posts missing", {**posts(None, None), "registration_status": "cancelled"}, ON, INELIGIBLE, None),
    ("ended, posts missing", posts(None, None), date(2028, 1, 1), INELIGIBLE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_05(decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome
