"""Row 15, 沈阳科技服务业升规 (2025): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "SY-2025-KFSG"
ON = date(2025, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


def sales(before: str | None, last: str | None) -> dict[str, Any]:
    """Sales of 2023 and of 2024, the year judged."""
    told = {"2023": before, "2024": last}
    return {"yearly_sales": {year: yuan for year, yuan in told.items() if yuan is not None} or None}


def since(day: str | None, before: str | None = "10000000", last: str | None = "12000000") -> dict[str, Any]:
    return {"above_scale_since": day, **sales(before, last)}


# First year above scale, grown from 3 to 4 million: 5 % of 4 million.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "industry": "M7320",
    "above_scale": True,
    **since("2024-05-01", "3000000.00", "4000000.00"),
}
FIRST, SECOND, THIRD = "2024-05-01", "2023-05-01", "2022-05-01"
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status"})

# label, facts changed (None: missing), on, verdict, amount in 元 if eligible, or the missing facts if undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    # First year: any growth; 5 % of the income, at most 300,000, which is 5 % of 6 million.
    ("first year", {}, ON, ELIGIBLE, "200000.00"),
    ("growth of a cent", since(FIRST, "4000000", "4000000.01"), ON, ELIGIBLE, "200000.00"),
    ("no growth", since(FIRST, "4000000", "4000000"), ON, INELIGIBLE, None),
    ("shrunk", since(FIRST, "4000000", "3999999.99"), ON, INELIGIBLE, None),
    ("from nothing", since(FIRST, "0", "4000000"), ON, ELIGIBLE, "200000.00"),
    ("just below the cap", since(FIRST, "1", "5999999.80"), ON, ELIGIBLE, "299999.99"),
    ("at the cap", since(FIRST, "1", "6000000"), ON, ELIGIBLE, "300000.00"),
    ("above the cap", since(FIRST, "1", "6000001"), ON, ELIGIBLE, "300000.00"),
    # Second year: growth above 10 %; 1 % of the increment, at most 200,000.
    ("second year, 20 %", since(SECOND), ON, ELIGIBLE, "20000.00"),
    ("second year, 10 %", since(SECOND, "10000000", "11000000"), ON, INELIGIBLE, None),
    ("second year, a 元 above 10 %", since(SECOND, "10000000", "11000001"), ON, ELIGIBLE, "10000.01"),
    ("second year, a cent below 10 %", since(SECOND, "10000000", "10999999.99"), ON, INELIGIBLE, None),
    ("second year, at the cap", since(SECOND, "10000000", "30000000"), ON, ELIGIBLE, "200000.00"),
    ("second year, just below the cap", since(SECOND, "10000000", "29999999"), ON, ELIGIBLE, "199999.99"),
    ("second year, above the cap", since(SECOND, "10000000", "90000000"), ON, ELIGIBLE, "200000.00"),
    # Third year: the same, at most 100,000.
    ("third year, 20 %", since(THIRD), ON, ELIGIBLE, "20000.00"),
    ("third year, 10 %", since(THIRD, "10000000", "11000000"), ON, INELIGIBLE, None),
    ("third year, just below the cap", since(THIRD, "10000000", "19999999"), ON, ELIGIBLE, "99999.99"),
    ("third year, at the cap", since(THIRD, "10000000", "20000000"), ON, ELIGIBLE, "100000.00"),
    ("third year, above the cap", since(THIRD, "10000000", "30000000"), ON, ELIGIBLE, "100000.00"),
    # Years above scale are calendar years; the year judged is 2024.
    ("since 1 January 2024", since("2024-01-01"), ON, ELIGIBLE, "300000.00"),
    ("since 31 December 2024", since("2024-12-31"), ON, ELIGIBLE, "300000.00"),
    ("since 31 December 2023", since("2023-12-31"), ON, ELIGIBLE, "20000.00"),
    ("since 1 January 2022", since("2022-01-01", "10000000", "30000000"), ON, ELIGIBLE, "100000.00"),
    ("fourth year", since("2021-12-31"), ON, INELIGIBLE, None),
    ("since this year", since("2025-01-01"), ON, INELIGIBLE, None),
    ("off the list again", {"above_scale": False}, ON, INELIGIBLE, None),
    ("untold of the complete list", {"above_scale": None}, ON, INELIGIBLE, None),
    # Who and where: science and technology services of Shenyang.
    ("technical services", {"industry": "M74"}, ON, ELIGIBLE, "200000.00"),
    ("software", {"industry": "I65"}, ON, INELIGIBLE, None),
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, None),
    ("person", {"kind": "person"}, ON, INELIGIBLE, None),
    ("functional zone of Shenyang", {"region": "2101G1"}, ON, ELIGIBLE, "200000.00"),
    ("Dalian", {"region": "210281"}, ON, INELIGIBLE, None),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, None),
    # 2025.
    ("day before", {}, date(2024, 12, 31), INELIGIBLE, None),
    ("first day", {}, date(2025, 1, 1), ELIGIBLE, "200000.00"),
    ("last day", {}, date(2025, 12, 31), ELIGIBLE, "200000.00"),
    ("day after", {}, date(2026, 1, 1), INELIGIBLE, None),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("industry missing", {"industry": None}, ON, UNDETERMINED, {"industry"}),
    ("since when missing, 20 %", since(None), ON, UNDETERMINED, {"above_scale_since"}),
    ("since when missing, shrunk", since(None, "10000000", "9000000"), ON, INELIGIBLE, None),
    ("last year's sales missing", since(FIRST, last=None), ON, UNDETERMINED, {"yearly_sales"}),
    ("sales before missing", since(FIRST, before=None), ON, UNDETERMINED, {"yearly_sales"}),
    ("sales missing, fourth year", since("2021-12-31", None, None), ON, INELIGIBLE, None),
    # Several missing; and what is false decides, whatever is missing.
    ("since when and sales missing", since(None, None), ON, UNDETERMINED, {"above_scale_since", "yearly_sales"}),
    ("software, the rest missing", {**NOTHING_ELSE, "industry": "I65"}, ON, INELIGIBLE, None),
    ("ended, the rest missing", NOTHING_ELSE, date(2026, 1, 1), INELIGIBLE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_15(decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome


def test_row_15_absent_from_an_incomplete_list(decide: Any) -> None:
    facts = {name: value for name, value in BASE.items() if name != "above_scale"}
    result = decide(POLICY, facts, on=ON, complete=set())
    assert (result.verdict, result.missing) == (UNDETERMINED, {"above_scale"})
