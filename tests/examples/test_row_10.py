"""Row 10, 高新技术企业认定 (国科发火〔2016〕32号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2016-GQRD"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"


def years(last: int, *values: str | None) -> dict[str, str]:
    """Values of the years up to `last`, oldest first; None: the year is missing."""
    return {str(last - n): value for n, value in enumerate(reversed(values)) if value is not None}


def books(sales: tuple[str | None, ...], rd: tuple[str | None, ...], last: int = 2023) -> dict[str, Any]:
    """Sales and R&D expense, and the shares of the last year."""
    return {
        "yearly_sales": years(last, *sales),
        "rd_expense": years(last, *rd),
        "rd_domestic_share": {str(last): "0.60"},
        "high_tech_income_share": {str(last): "0.60"},
    }


def incident(on: str | None, major: bool | None = True) -> dict[str, Any]:
    return {
        "incident_on": None if on is None else {"i-1": on},
        "incident_major": None if major is None else {"i-1": major},
    }


# Sales of 50 million last year and 120 million in three: 5 % are 6 million. All else just meets its threshold, too.
SALES, RD = ("30000000.00", "40000000.00", "50000000.00"), ("1500000.00", "2000000.00", "2500000.00")
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "established_on": "2015-03-01",
    **books(SALES, RD),
    "technical_staff": 10,
    "employees_in_post": 100,
    "owns_core_ip": True,
    "field_listed": True,
    "innovation_score": 71,
}
# A cent above 50 million, 120,000,000.01 in three years, of which 4 % are 4,800,000.0004.
ABOVE_50 = ("30000000.00", "40000000.00", "50000000.01")
# 400 million in three years: 4 % are 16 million; with a cent more last year 3 % are 12,000,000.0003.
AT_200, ABOVE_200 = ("100000000", "100000000", "200000000"), ("100000000", "100000000", "200000000.01")
ONE_YEAR = books(("50000000",), ("2500000",))
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status"})

# label, facts changed (None: missing), on, verdict, the missing facts if undetermined; a certificate is no amount
CASES: list[tuple[str, dict[str, Any], date, str, set[str]]] = [
    ("base", {}, ON, ELIGIBLE, set()),
    # R&D over three years: 5 % with sales up to 50 million last year.
    ("a cent short of 5 %", books(SALES, ("1500000", "2000000", "2499999.99")), ON, INELIGIBLE, set()),
    ("all of it two years ago", books(SALES, ("6000000", "0", "0")), ON, ELIGIBLE, set()),
    ("a fourth year does not count", books(("1000000000", *SALES), ("0", *RD)), ON, ELIGIBLE, set()),
    ("49,999,999.99, 4.99 %", books(("30000000", "40000000", "49999999.99"), ("1500000", "2000000", "2490000")), ON,
     INELIGIBLE, set()),
    # 4 % up to 200 million.
    ("above 50 million, just 4 %", books(ABOVE_50, ("1500000", "2000000", "1300000.01")), ON, ELIGIBLE, set()),
    ("above 50 million, short of 4 %", books(ABOVE_50, ("1500000", "2000000", "1300000.00")), ON, INELIGIBLE, set()),
    ("200 million, 4 %", books(AT_200, ("4000000", "4000000", "8000000")), ON, ELIGIBLE, set()),
    ("200 million, short of 4 %", books(AT_200, ("4000000", "4000000", "7999999.99")), ON, INELIGIBLE, set()),
    # 3 % above it.
    ("above 200 million, just 3 %", books(ABOVE_200, ("4000000", "4000000", "4000000.01")), ON, ELIGIBLE, set()),
    ("above 200 million, short of 3 %", books(ABOVE_200, ("4000000", "4000000", "4000000.00")), ON, INELIGIBLE, set()),
    ("above 200 million, 3 % exactly", books((*AT_200[:2], "200000100"), ("4000000", "4000000", "4000003")), ON,
     ELIGIBLE, set()),
    # Of no sales no share is defined.
    ("no sales", books(("0", "0", "0"), RD), ON, UNDETERMINED, set()),
    # Younger: the years it has.
    ("of 2022, two years", {**books(SALES[1:], ("2000000", "2500000")), "established_on": "2022-12-31"}, ON, ELIGIBLE,
     set()),
    ("of 2022, two years, short", {**books(SALES[1:], ("2000000", "2499999")), "established_on": "2022-01-01"}, ON,
     INELIGIBLE, set()),
    ("of 2021, 2021 missing", {**books(SALES[1:], ("2000000", "2500000")), "established_on": "2021-12-31"}, ON,
     UNDETERMINED, {"yearly_sales", "rd_expense"}),
    # One year old.
    ("one year to the day", {**ONE_YEAR, "established_on": "2023-07-15"}, ON, ELIGIBLE, set()),
    ("a day short of a year", {**ONE_YEAR, "established_on": "2023-07-16"}, ON, INELIGIBLE, set()),
    # Shares.
    ("59.99 % in China", {"rd_domestic_share": {"2023": "0.5999"}}, ON, INELIGIBLE, set()),
    ("all in China", {"rd_domestic_share": {"2023": "1"}}, ON, ELIGIBLE, set()),
    ("9 of 100 technical", {"technical_staff": 9}, ON, INELIGIBLE, set()),
    ("1,000 of 10,001 technical", {"technical_staff": 1000, "employees_in_post": 10001}, ON, INELIGIBLE, set()),
    ("11 of 100 technical", {"technical_staff": 11}, ON, ELIGIBLE, set()),
    ("59.99 % high-tech income", {"high_tech_income_share": {"2023": "0.5999"}}, ON, INELIGIBLE, set()),
    ("60.01 % high-tech income", {"high_tech_income_share": {"2023": "0.6001"}}, ON, ELIGIBLE, set()),
    # No major incident in a year.
    ("incident a day short of a year ago", incident("2023-07-16"), ON, INELIGIBLE, set()),
    ("incident a year ago", incident("2023-07-15"), ON, ELIGIBLE, set()),
    ("incident today", incident("2024-07-15"), ON, INELIGIBLE, set()),
    ("minor incident", incident("2024-01-10", major=False), ON, ELIGIBLE, set()),
    ("incident, major or not unknown", incident("2024-01-10", major=None), ON, UNDETERMINED, {"incident_major"}),
    ("old incident, major or not unknown", incident("2022-01-10", major=None), ON, ELIGIBLE, set()),
    ("major incident, day unknown", incident(None), ON, UNDETERMINED, {"incident_on"}),
    # Checked by an officer.
    ("owns no IP", {"owns_core_ip": False}, ON, INELIGIBLE, set()),
    ("field not listed", {"field_listed": False}, ON, INELIGIBLE, set()),
    ("score of 70", {"innovation_score": 70}, ON, INELIGIBLE, set()),
    ("IP not checked", {"owns_core_ip": None}, ON, UNDETERMINED, {"owns_core_ip"}),
    ("field not checked", {"field_listed": None}, ON, UNDETERMINED, {"field_listed"}),
    ("not scored", {"innovation_score": None}, ON, UNDETERMINED, {"innovation_score"}),
    ("nothing checked", {"owns_core_ip": None, "field_listed": None, "innovation_score": None}, ON, UNDETERMINED,
     {"owns_core_ip", "field_listed", "innovation_score"}),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, set()),
    ("person", {"kind": "person"}, ON, INELIGIBLE, set()),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, set()),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, set()),
    # From 2016-01-01, without an end. Incidents are completely listed from 2024 on only.
    ("day before", books(SALES, RD, 2014), date(2015, 12, 31), INELIGIBLE, set()),
    ("first day", {**books(SALES, RD, 2015), "established_on": "2013-03-01"}, date(2016, 1, 1), UNDETERMINED,
     {"incidents"}),
    ("after the example world", books(SALES, RD, 2025), date(2026, 1, 1), ELIGIBLE, set()),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("established missing", {"established_on": None}, ON, UNDETERMINED, {"established_on"}),
    ("a year's R&D missing", books(SALES, ("1500000", None, "2500000")), ON, UNDETERMINED, {"rd_expense"}),
    ("last year's sales missing", books((*SALES[:2], None), RD), ON, UNDETERMINED, {"yearly_sales"}),
    ("share in China missing", {"rd_domestic_share": None}, ON, UNDETERMINED, {"rd_domestic_share"}),
    ("technical staff missing", {"technical_staff": None}, ON, UNDETERMINED, {"technical_staff"}),
    ("staff missing", {"employees_in_post": None}, ON, UNDETERMINED, {"employees_in_post"}),
    ("high-tech share missing", {"high_tech_income_share": None}, ON, UNDETERMINED, {"high_tech_income_share"}),
    # What is false decides, whatever is missing.
    ("too young, the rest missing", {**NOTHING_ELSE, "established_on": "2024-01-01"}, ON, INELIGIBLE, set()),
    ("score of 70, the rest missing", {**NOTHING_ELSE, "innovation_score": 70}, ON, INELIGIBLE, set()),
    ("incident, the rest missing", {**NOTHING_ELSE, **incident("2024-01-10")}, ON, INELIGIBLE, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "missing"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_10(decide: Any, changes: dict[str, Any], on: date, verdict: str, missing: set[str]) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount is None
    if verdict == UNDETERMINED:
        assert result.missing == missing


@pytest.mark.parametrize(
    ("changes", "verdict", "missing"),
    [
        pytest.param({}, UNDETERMINED, {"incidents"}, id="others may exist"),
        pytest.param(incident("2020-01-10"), UNDETERMINED, {"incidents"}, id="an old one, others may exist"),
        pytest.param(incident("2024-01-10"), INELIGIBLE, set(), id="one is enough"),
    ],
)
def test_row_10_incidents_incomplete(decide: Any, changes: dict[str, Any], verdict: str, missing: set[str]) -> None:
    result = decide(POLICY, {**BASE, **changes}, on=ON, complete=set())
    assert result.verdict == verdict
    if verdict == UNDETERMINED:
        assert result.missing == missing
