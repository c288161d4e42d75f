"""Row 12, 专精特新中小企业认定 (工信部企业〔2022〕63号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2022-ZJTX"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
LISTS = {"incidents", "abnormal_list", "dishonest_list", "restricted_sector"}


def books(sales: str | None, rd: str | None, rd_before: str | None = "0", last: int = 2023) -> dict[str, Any]:
    """Last year's sales and R&D expense, and the R&D expense of the year before."""
    spent = {str(last - 1): rd_before, str(last): rd}
    return {
        "yearly_sales": None if sales is None else {str(last): sales},
        "rd_expense": {year: yuan for year, yuan in spent.items() if yuan is not None} or None,
    }


def equity(before: str | None, last: str | None, year: int = 2023) -> dict[str, Any]:
    raised = {str(year - 1): before, str(year): last}
    return {"equity_raised": {label: yuan for label, yuan in raised.items() if yuan is not None} or None}


def score(points: int | None, award: bool | None = False, finalist: bool | None = False) -> dict[str, Any]:
    return {"specialised_score": points, "science_award": award, "maker_china_finalist": finalist}


def incident(on: str | None, major: bool | None = True) -> dict[str, Any]:
    return {
        "incident_on": None if on is None else {"i-1": on},
        "incident_major": None if major is None else {"i-1": major},
    }


# 1,000,000 of R&D are 5 % of sales of 20 million; a small enterprise of industry (50 staff, 2,000 万元).
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "niche_since": "2022-07-15",
    **books("20000000.00", "1000000.00"),
    **equity("0", "0"),
    **score(60),
    "industry": "C3411",
    "persons_employed": 50,
    "abnormal_list": False,
    "dishonest_list": False,
    "restricted_sector": False,
}
FAILED = score(59)
UNSCORED = score(None, None, None)
# 1,000 staff and 40,000 万元: large, with 3 % of R&D.
LARGE = {"persons_employed": 1000, **books("400000000", "12000000")}
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status"})

# label, facts changed (None: missing), on, verdict, the missing facts if undetermined; a title is no amount
CASES: list[tuple[str, dict[str, Any], date, str, set[str]]] = [
    ("base", {}, ON, ELIGIBLE, set()),
    # Two years in its niche.
    ("a day short of two years", {"niche_since": "2022-07-16"}, ON, INELIGIBLE, set()),
    ("a day more", {"niche_since": "2022-07-14"}, ON, ELIGIBLE, set()),
    ("niche not checked", {"niche_since": None}, ON, UNDETERMINED, {"niche_since"}),
    # R&D last year: 1,000,000 and 3 % of sales.
    ("a cent short of 1,000,000", books("20000000", "999999.99"), ON, INELIGIBLE, set()),
    ("3 % exactly", books("40000000", "1200000"), ON, ELIGIBLE, set()),
    ("a cent short of 3 %", books("40000000", "1199999.99"), ON, INELIGIBLE, set()),
    ("only the year before", books("20000000", "0", "5000000"), ON, INELIGIBLE, set()),
    ("R&D missing", books("20000000", None), ON, UNDETERMINED, {"rd_expense"}),
    # Sales of 10 million, or below it equity of 20 million in two years.
    ("10 million", books("10000000", "1000000"), ON, ELIGIBLE, set()),
    ("a cent below", books("9999999.99", "1000000"), ON, INELIGIBLE, set()),
    ("below, equity of 20 million", {**books("9999999.99", "1000000"), **equity("12000000", "8000000")}, ON, ELIGIBLE,
     set()),
    ("below, equity a cent short", {**books("9999999.99", "1000000"), **equity("12000000", "7999999.99")}, ON,
     INELIGIBLE, set()),
    ("below, equity of an earlier year", {**books("9000000", "1000000"), "equity_raised": {"2021": "90000000",
     "2022": "0", "2023": "0"}}, ON, INELIGIBLE, set()),
    ("below, equity missing", {**books("9000000", "1000000"), **equity(None, None)}, ON, UNDETERMINED,
     {"equity_raised"}),
    ("below, a year's equity missing", {**books("9000000", "1000000"), **equity(None, "20000000")}, ON, UNDETERMINED,
     {"equity_raised"}),
    ("10 million, equity missing", {**books("10000000", "1000000"), **equity(None, None)}, ON, ELIGIBLE, set()),
    ("sales missing", books(None, "1000000"), ON, UNDETERMINED, {"yearly_sales"}),
    # Score of 60, or one of four.
    ("score of 61", score(61), ON, ELIGIBLE, set()),
    ("score of 59", FAILED, ON, INELIGIBLE, set()),
    ("59, science award", score(59, award=True), ON, ELIGIBLE, set()),
    ("59, among the final 500", score(59, finalist=True), ON, ELIGIBLE, set()),
    ("59, R&D mean of 10 million", {**FAILED, **books("90000000", "12000000", "8000000")}, ON, ELIGIBLE, set()),
    ("59, R&D mean just short", {**FAILED, **books("90000000", "12000000", "7999999.99")}, ON, INELIGIBLE, set()),
    ("59, equity of 60 million", {**FAILED, **equity("25000000", "35000000")}, ON, ELIGIBLE, set()),
    ("59, equity a cent short", {**FAILED, **equity("25000000", "34999999.99")}, ON, INELIGIBLE, set()),
    ("not scored", score(None), ON, UNDETERMINED, {"specialised_score"}),
    ("not scored, award", score(None, award=True), ON, ELIGIBLE, set()),
    ("not scored, equity of 60 million", {**UNSCORED, **equity("0", "60000000")}, ON, ELIGIBLE, set()),
    ("59, award not checked", score(59, award=None), ON, UNDETERMINED, {"science_award"}),
    ("59, finalist not checked", score(59, finalist=None), ON, UNDETERMINED, {"maker_china_finalist"}),
    ("59, R&D of the year before missing", {**FAILED, **books("20000000", "1000000", None)}, ON, UNDETERMINED,
     {"rd_expense"}),
    ("59, equity missing", {**FAILED, **equity(None, None)}, ON, UNDETERMINED, {"equity_raised"}),
    ("60, all the others missing", {**score(60, None, None), **equity(None, None),
     **books("20000000", "1000000", None)}, ON, ELIGIBLE, set()),
    ("nothing checked", UNSCORED, ON, UNDETERMINED, {"specialised_score", "science_award", "maker_china_finalist"}),
    # The document's general conditions: an SME, on no list, no major incident in three years.
    ("large", LARGE, ON, INELIGIBLE, set()),
    ("999 staff: medium", {**LARGE, "persons_employed": 999}, ON, ELIGIBLE, set()),
    ("5 staff: micro", {"persons_employed": 5}, ON, ELIGIBLE, set()),
    ("industry missing", {"industry": None}, ON, UNDETERMINED, {"industry"}),
    ("employed missing", {"persons_employed": None}, ON, UNDETERMINED, {"persons_employed"}),
    ("abnormal", {"abnormal_list": True}, ON, INELIGIBLE, set()),
    ("dishonest", {"dishonest_list": True}, ON, INELIGIBLE, set()),
    ("restricted sector", {"restricted_sector": True}, ON, INELIGIBLE, set()),
    ("untold of the complete lists", dict.fromkeys(LISTS - {"incidents"}), ON, ELIGIBLE, set()),
    ("incident a day short of three years ago", incident("2021-07-16"), ON, INELIGIBLE, set()),
    ("incident three years ago", incident("2021-07-15"), ON, ELIGIBLE, set()),
    ("minor incident", incident("2024-01-10", major=False), ON, ELIGIBLE, set()),
    ("incident, major or not unknown", incident("2024-01-10", major=None), ON, UNDETERMINED, {"incident_major"}),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, set()),
    ("person", {"kind": "person"}, ON, INELIGIBLE, set()),
    ("functional zone", {"region": "2101G1"}, ON, ELIGIBLE, set()),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, set()),
    # From 2022-08-01, without an end in the example world. Incidents are completely listed from 2024 on only.
    ("day before", {**books("20000000", "1000000", last=2021), "niche_since": "2015-01-01"}, date(2022, 7, 31),
     INELIGIBLE, set()),
    ("first day", {**books("20000000", "1000000", last=2021), "niche_since": "2015-01-01"}, date(2022, 8, 1),
     UNDETERMINED, {"incidents"}),
    ("after the example world", books("20000000", "1000000", last=2025), date(2026, 1, 1), ELIGIBLE, set()),
    # More missing; and what is false decides, whatever is missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("too little R&D, the rest missing", {**NOTHING_ELSE, **books(None, "999999.99")}, ON, INELIGIBLE, set()),
    ("a year in its niche, the rest missing", {**NOTHING_ELSE, "niche_since": "2023-07-15"}, ON, INELIGIBLE, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "missing"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_12(decide: Any, changes: dict[str, Any], on: date, verdict: str, missing: set[str]) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount is None
    if verdict == UNDETERMINED:
        assert result.missing == missing


@pytest.mark.parametrize("name", sorted(LISTS))
def test_row_12_absent_from_an_incomplete_list(decide: Any, name: str) -> None:
    facts = {fact: value for fact, value in BASE.items() if fact != name}
    result = decide(POLICY, facts, on=ON, complete=LISTS - {name})
    assert (result.verdict, result.missing) == (UNDETERMINED, {name})
