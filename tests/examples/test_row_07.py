"""Row 7, 小型微利企业所得税 (公告2023年第12号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2023-XWSDS"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


def income(yuan: str | None, year: str = "2023") -> dict[str, Any]:
    return {"taxable_income": None if yuan is None else {year: yuan}}


def quarters(name: str, *values: str | None, year: int = 2023) -> dict[str, Any]:
    """A fact of the four quarters; None: the quarter is missing."""
    return {name: {f"{year}Q{n}": value for n, value in enumerate(values, 1) if value is not None}}


def staff(*values: str | None, year: int = 2023) -> dict[str, Any]:
    return quarters("quarterly_persons_employed", *values, year=year)


def assets(*values: str | None, year: int = 2023) -> dict[str, Any]:
    return quarters("quarterly_assets", *values, year=year)


# 20 % of 1,000,000 is 200,000.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "restricted_sector": False,
    **income("1000000.00"),
    **staff("100", "100", "100", "100"),
    **assets("8000000.00", "8000000.00", "8000000.00", "8000000.00"),
}
YEAR_2026 = {
    **income("1000000.00", "2026"),
    **staff("100", "100", "100", "100", year=2026),
    **assets("8000000", "8000000", "8000000", "8000000", year=2026),
}
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status"})

# label, facts changed (None: missing), on, verdict, amount in 元 if eligible, or the missing facts if undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    ("base", {}, ON, ELIGIBLE, "200000.00"),
    # Taxable income of last year up to 3,000,000; the saving is 20 % of it.
    ("income of 2,999,999.99", income("2999999.99"), ON, ELIGIBLE, "600000.00"),
    ("income of 3,000,000", income("3000000.00"), ON, ELIGIBLE, "600000.00"),
    ("income of 3,000,000.01", income("3000000.01"), ON, INELIGIBLE, None),
    ("income of 123,456.78", income("123456.78"), ON, ELIGIBLE, "24691.36"),
    # Without income there is no tax to save.
    ("no income", income("0.00"), ON, INELIGIBLE, None),
    ("a loss", income("-50000.00"), ON, INELIGIBLE, None),
    ("income of 0.10", income("0.10"), ON, ELIGIBLE, "0.02"),
    ("the year before's income", {"taxable_income": {"2022": "9000000", "2023": "50000"}}, ON, ELIGIBLE, "10000.00"),
    # Employed: at most 300, the mean of the quarters.
    ("300 employed", staff("300", "300", "300", "300"), ON, ELIGIBLE, "200000.00"),
    ("mean of 300", staff("298", "299", "301", "302"), ON, ELIGIBLE, "200000.00"),
    ("mean of 299.75", staff("300", "300", "300", "299"), ON, ELIGIBLE, "200000.00"),
    ("mean of 300.25", staff("300", "300", "300", "301"), ON, INELIGIBLE, None),
    ("half a person more", staff("300", "300", "300", "300.5"), ON, INELIGIBLE, None),
    # Assets: at most 50,000,000, the mean of the quarters.
    ("50 million", assets("50000000", "50000000", "50000000", "50000000"), ON, ELIGIBLE, "200000.00"),
    ("mean of 50 million", assets("40000000", "60000000", "45000000", "55000000"), ON, ELIGIBLE, "200000.00"),
    ("a cent above", assets("50000000", "50000000", "50000000", "50000000.01"), ON, INELIGIBLE, None),
    ("a cent below", assets("50000000", "50000000", "50000000", "49999999.99"), ON, ELIGIBLE, "200000.00"),
    ("restricted sector", {"restricted_sector": True}, ON, INELIGIBLE, None),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, None),
    ("person", {"kind": "person"}, ON, INELIGIBLE, None),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, "200000.00"),
    ("functional zone", {"region": "2101G1"}, ON, ELIGIBLE, "200000.00"),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, None),
    ("revoked", {"registration_status": "revoked"}, ON, INELIGIBLE, None),
    # From 2024-01-01, when 2023's income is first settled (a choice of ours), to 2027-12-31.
    ("day before", income("1000000", "2022"), date(2023, 12, 31), INELIGIBLE, None),
    ("first day", {}, date(2024, 1, 1), ELIGIBLE, "200000.00"),
    ("last day", YEAR_2026, date(2027, 12, 31), ELIGIBLE, "200000.00"),
    ("day after", YEAR_2026, date(2028, 1, 1), INELIGIBLE, None),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("income missing", income(None), ON, UNDETERMINED, {"taxable_income"}),
    ("last year's income missing", income("1000000", "2022"), ON, UNDETERMINED, {"taxable_income"}),
    ("staff missing", {"quarterly_persons_employed": None}, ON, UNDETERMINED, {"quarterly_persons_employed"}),
    ("a quarter's staff missing", staff("100", "100", None, "100"), ON, UNDETERMINED, {"quarterly_persons_employed"}),
    ("assets missing", {"quarterly_assets": None}, ON, UNDETERMINED, {"quarterly_assets"}),
    ("a quarter's assets missing", assets("1", "1", "1", None), ON, UNDETERMINED, {"quarterly_assets"}),
    # Who is not on the complete list of restricted sectors is in none.
    ("sector untold", {"restricted_sector": None}, ON, ELIGIBLE, "200000.00"),
    # Several missing; and what is false decides, whatever is missing.
    ("income and staff missing", {**income(None), **staff("100")}, ON, UNDETERMINED,
     {"taxable_income", "quarterly_persons_employed"}),
    ("too much income, the rest missing", {**NOTHING_ELSE, **income("3000000.01")}, ON, INELIGIBLE, None),
    ("revoked, the rest missing", {**NOTHING_ELSE, "registration_status": "revoked"}, ON, INELIGIBLE, None),
    ("ended, the rest missing", NOTHING_ELSE, date(2028, 1, 1), INELIGIBLE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_07(decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome


@pytest.mark.parametrize(("changes", "verdict"), [({}, ELIGIBLE), ({"restricted_sector": None}, UNDETERMINED)])
def test_row_07_without_the_complete_list(decide: Any, changes: dict[str, Any], verdict: str) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=ON, complete=set())
    assert result.verdict == verdict
    assert result.missing == ({"restricted_sector"} if verdict == UNDETERMINED else set())
