"""Row 13, 小巨人认定, the R&D part (工信部企业〔2022〕63号): expectations worked out by hand from the table."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2022-XJR"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
Years = tuple[str | None, str | None]


def years(name: str, values: Years, last: int = 2023) -> dict[str, Any]:
    """The year before last, and last year; None: missing."""
    told = {str(last - 1): values[0], str(last): values[1]}
    return {name: {label: value for label, value in told.items() if value is not None} or None}


def books(sales: Years, rd: Years, last: int = 2023) -> dict[str, Any]:
    return {**years("yearly_sales", sales, last), **years("rd_expense", rd, last)}


def small(
    sales: Years = ("10000000", "49999999.99"),
    rd: Years = ("30000000", "30000000"),
    equity: Years = ("50000000", "30000000"),
    staff: tuple[int | None, int | None] = (50, 100),
) -> dict[str, Any]:
    """Below 50 million, with everything that asks at its limit."""
    return {
        **books(sales, rd),
        **years("equity_raised", equity),
        "rd_staff": staff[0],
        "employees_in_post": staff[1],
    }


# 3 % of 100 million in each of two years; no equity, no R&D staff told of.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    **books(("100000000.00", "100000000.00"), ("3000000.00", "3000000.00")),
    "little_giant_other_criteria": True,
}
HUNDRED, FIFTY, JUST_BELOW = ("100000000", "100000000"), ("50000000", "50000000"), ("99999999.99", "99999999.99")
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status"})

# label, facts changed (None: missing), on, verdict, the missing facts if undetermined; a title is no amount
CASES: list[tuple[str, dict[str, Any], date, str, set[str]]] = [
    # Sales of 100 million: 3 % in each of the last two years.
    ("100 million, 3 % twice", {}, ON, ELIGIBLE, set()),
    ("a cent short last year", books(HUNDRED, ("3000000", "2999999.99")), ON, INELIGIBLE, set()),
    ("a cent short the year before", books(HUNDRED, ("2999999.99", "3000000")), ON, INELIGIBLE, set()),
    ("3 % of the sum only", books(HUNDRED, ("1000000", "5000000")), ON, INELIGIBLE, set()),
    ("more", books(HUNDRED, ("3000000.01", "9000000")), ON, ELIGIBLE, set()),
    # Last year's sales decide what is asked (the document); the ratios are asked of both years.
    ("60 million the year before, 3 %", books(("60000000", "100000000"), ("1800000", "3000000")), ON, ELIGIBLE, set()),
    ("90 million after 200, 3 %", books(("200000000", "90000000"), ("6000000", "2700000")), ON, INELIGIBLE, set()),
    # From 50 million: 6 %.
    ("99,999,999.99, 3 %", books(JUST_BELOW, ("3000000", "3000000")), ON, INELIGIBLE, set()),
    ("99,999,999.99, 6 %", books(JUST_BELOW, ("6000000", "6000000")), ON, ELIGIBLE, set()),
    ("50 million, 6 %", books(FIFTY, ("3000000", "3000000")), ON, ELIGIBLE, set()),
    ("50 million, short last year", books(FIFTY, ("3000000", "2999999.99")), ON, INELIGIBLE, set()),
    ("50 million, short the year before", books(FIFTY, ("2999999.99", "3000000")), ON, INELIGIBLE, set()),
    # Below: equity of 80 million in two years, R&D of 30 million, half of the staff in R&D.
    ("49,999,999.99, 6 % only", {**small(rd=("3000000", "3000000"))}, ON, INELIGIBLE, set()),
    ("below, all at its limit", small(), ON, ELIGIBLE, set()),
    ("equity a cent short", small(equity=("50000000", "29999999.99")), ON, INELIGIBLE, set()),
    ("equity all last year", small(equity=("0", "80000000")), ON, ELIGIBLE, set()),
    ("R&D a cent short last year", small(rd=("30000000", "29999999.99")), ON, INELIGIBLE, set()),
    ("R&D a cent short the year before", small(rd=("29999999.99", "30000000")), ON, INELIGIBLE, set()),
    ("49 of 100 in R&D", small(staff=(49, 100)), ON, INELIGIBLE, set()),
    ("5,000 of 10,001 in R&D", small(staff=(5000, 10001)), ON, INELIGIBLE, set()),
    ("51 of 100 in R&D", small(staff=(51, 100)), ON, ELIGIBLE, set()),
    ("no sales at all", small(sales=("0", "0")), ON, ELIGIBLE, set()),
    ("all that at 50 million, but no 6 %", small(sales=("1000000000", "50000000")), ON, INELIGIBLE, set()),
    # The rest, checked by an officer.
    ("fails the rest", {"little_giant_other_criteria": False}, ON, INELIGIBLE, set()),
    ("rest not checked", {"little_giant_other_criteria": None}, ON, UNDETERMINED, {"little_giant_other_criteria"}),
    ("rest not checked, R&D short", {**books(HUNDRED, ("0", "3000000")), "little_giant_other_criteria": None}, ON,
     INELIGIBLE, set()),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, set()),
    ("person", {"kind": "person"}, ON, INELIGIBLE, set()),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, set()),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, set()),
    # From 2022-08-01, without an end in the example world.
    ("day before", books(HUNDRED, ("3000000", "3000000"), 2021), date(2022, 7, 31), INELIGIBLE, set()),
    ("first day", books(HUNDRED, ("3000000", "3000000"), 2021), date(2022, 8, 1), ELIGIBLE, set()),
    ("after the example world", books(HUNDRED, ("3000000", "3000000"), 2025), date(2026, 1, 1), ELIGIBLE, set()),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("last year's R&D missing", books(HUNDRED, ("3000000", None)), ON, UNDETERMINED, {"rd_expense"}),
    ("the year before's R&D missing", books(HUNDRED, (None, "3000000")), ON, UNDETERMINED, {"rd_expense"}),
    ("the year before's sales missing", books((None, "100000000"), ("3000000", "3000000")), ON, UNDETERMINED,
     {"yearly_sales"}),
    ("below, the year before's sales missing", small(sales=(None, "10000000")), ON, ELIGIBLE, set()),
    ("below, equity missing", small(equity=("90000000", None)), ON, UNDETERMINED, {"equity_raised"}),
    ("below, R&D staff missing", small(staff=(None, 100)), ON, UNDETERMINED, {"rd_staff"}),
    ("below, staff missing", small(staff=(50, None)), ON, UNDETERMINED, {"employees_in_post"}),
    # Several missing; and what is false decides, whatever is missing.
    ("below, equity and staff missing", small(equity=(None, None), staff=(50, None)), ON, UNDETERMINED,
     {"equity_raised", "employees_in_post"}),
    ("below, equity short, staff missing", small(equity=("1", "1"), staff=(None, None)), ON, INELIGIBLE, set()),
    ("last year's sales missing, nothing met", {**small(sales=("100000000", None), rd=("2000000", "9000000"))}, ON,
     INELIGIBLE, set()),
    ("fails the rest, all missing", {**NOTHING_ELSE, "little_giant_other_criteria": False}, ON, INELIGIBLE, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "missing"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_13(decide: Any, changes: dict[str, Any], on: date, verdict: str, missing: set[str]) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount is None
    if verdict == UNDETERMINED:
        assert result.missing == missing
