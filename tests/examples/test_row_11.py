"""Row 11, 科技型中小企业 (国科发政〔2017〕115号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2017-KXSME"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
LISTS = {"incidents", "abnormal_list", "dishonest_list", "restricted_sector"}


def score(total: int | None, staff: int | None, bypass: bool | None = False, to: str | None = "2020-12-31") -> Any:
    """The score, that of its staff, the other grounds, and a high-tech certificate's last day (here long past)."""
    return {"sme_score": total, "sme_staff_score": staff, "sme_bypass": bypass, "high_tech_certificate_to": to}


def incident(on: str | None, major: bool | None = True) -> dict[str, Any]:
    return {
        "incident_on": None if on is None else {"i-1": on},
        "incident_major": None if major is None else {"i-1": major},
    }


def sales(yuan: str, year: str = "2023") -> dict[str, Any]:
    return {"yearly_sales": {year: yuan}}


# Everything at its limit.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "persons_employed": 500,
    **sales("200000000.00"),
    "assets": "200000000.00",
    "abnormal_list": False,
    "dishonest_list": False,
    "restricted_sector": False,
    **score(60, 1),
}
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status"})

# label, facts changed (None: missing), on, verdict, the missing facts if undetermined; a registration is no amount
CASES: list[tuple[str, dict[str, Any], date, str, set[str]]] = [
    ("base", {}, ON, ELIGIBLE, set()),
    # At most 500 employed, sales and assets at most 200 million.
    ("499 employed", {"persons_employed": 499}, ON, ELIGIBLE, set()),
    ("501 employed", {"persons_employed": 501}, ON, INELIGIBLE, set()),
    ("sales a cent below", sales("199999999.99"), ON, ELIGIBLE, set()),
    ("sales a cent above", sales("200000000.01"), ON, INELIGIBLE, set()),
    ("the year before's sales", {"yearly_sales": {"2022": "900000000", "2023": "1"}}, ON, ELIGIBLE, set()),
    ("assets a cent below", {"assets": "199999999.99"}, ON, ELIGIBLE, set()),
    ("assets a cent above", {"assets": "200000000.01"}, ON, INELIGIBLE, set()),
    # On no list.
    ("abnormal", {"abnormal_list": True}, ON, INELIGIBLE, set()),
    ("dishonest", {"dishonest_list": True}, ON, INELIGIBLE, set()),
    ("restricted sector", {"restricted_sector": True}, ON, INELIGIBLE, set()),
    ("untold of the complete lists", dict.fromkeys(LISTS - {"incidents"}), ON, ELIGIBLE, set()),
    # No major incident this year or last (the document's years).
    ("incident this year", incident("2024-01-01"), ON, INELIGIBLE, set()),
    ("incident on 1 January last year", incident("2023-01-01"), ON, INELIGIBLE, set()),
    ("incident on 31 December before", incident("2022-12-31"), ON, ELIGIBLE, set()),
    ("minor incident", incident("2024-01-01", major=False), ON, ELIGIBLE, set()),
    ("incident, major or not unknown", incident("2024-01-01", major=None), ON, UNDETERMINED, {"incident_major"}),
    ("major incident, day unknown", incident(None), ON, UNDETERMINED, {"incident_on"}),
    # Score ≥60 with some for its staff.
    ("score of 59", score(59, 20), ON, INELIGIBLE, set()),
    ("score of 61", score(61, 20), ON, ELIGIBLE, set()),
    ("nothing for staff", score(80, 0), ON, INELIGIBLE, set()),
    # Or one of the certificates that bypass it.
    ("bypassed", score(0, 0, bypass=True), ON, ELIGIBLE, set()),
    ("bypassed, not scored", score(None, None, bypass=True, to=None), ON, ELIGIBLE, set()),
    ("certificate valid", score(0, 0, to="2026-01-01"), ON, ELIGIBLE, set()),
    ("certificate's last day", score(0, 0, to="2024-07-15"), ON, ELIGIBLE, set()),
    ("certificate ended yesterday", score(0, 0, to="2024-07-14"), ON, INELIGIBLE, set()),
    ("certificate valid, not checked", score(None, None, None, "2024-07-15"), ON, ELIGIBLE, set()),
    # Not answered by the officer, or not told.
    ("not scored", score(None, 5), ON, UNDETERMINED, {"sme_score"}),
    ("staff not scored", score(60, None), ON, UNDETERMINED, {"sme_staff_score"}),
    ("staff not scored, 59", score(59, None), ON, INELIGIBLE, set()),
    ("bypass not checked, 59", score(59, 5, None), ON, UNDETERMINED, {"sme_bypass"}),
    ("bypass not checked, 60", score(60, 5, None, None), ON, ELIGIBLE, set()),
    ("certificate unknown, 59", score(59, 5, to=None), ON, UNDETERMINED, {"high_tech_certificate_to"}),
    ("nothing checked", score(None, None, None, None), ON, UNDETERMINED,
     {"sme_score", "sme_staff_score", "sme_bypass", "high_tech_certificate_to"}),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, set()),
    ("person", {"kind": "person"}, ON, INELIGIBLE, set()),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, set()),
    ("revoked", {"registration_status": "revoked"}, ON, INELIGIBLE, set()),
    # From 2017-05-03, without an end. Incidents are completely listed from 2024 on only.
    ("day before", sales("1", "2016"), date(2017, 5, 2), INELIGIBLE, set()),
    ("first day", sales("1", "2016"), date(2017, 5, 3), UNDETERMINED, {"incidents"}),
    ("after the example world", sales("1", "2025"), date(2026, 1, 1), ELIGIBLE, set()),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("employed missing", {"persons_employed": None}, ON, UNDETERMINED, {"persons_employed"}),
    ("last year's sales missing", sales("1", "2022"), ON, UNDETERMINED, {"yearly_sales"}),
    ("assets missing", {"assets": None}, ON, UNDETERMINED, {"assets"}),
    # What is false decides, whatever is missing.
    ("501 employed, the rest missing", {**NOTHING_ELSE, "persons_employed": 501}, ON, INELIGIBLE, set()),
    ("dishonest, the rest missing", {**NOTHING_ELSE, "dishonest_list": True}, ON, INELIGIBLE, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "missing"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_11(decide: Any, changes: dict[str, Any], on: date, verdict: str, missing: set[str]) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount is None
    if verdict == UNDETERMINED:
        assert result.missing == missing


@pytest.mark.parametrize("name", sorted(LISTS))
def test_row_11_absent_from_an_incomplete_list(decide: Any, name: str) -> None:
    facts = {**BASE, **incident("2020-01-01")}
    if name != "incidents":
        del facts[name]
    result = decide(POLICY, facts, on=ON, complete=LISTS - {name})
    assert (result.verdict, result.missing) == (UNDETERMINED, {name})


def test_row_11_one_incident_is_enough(decide: Any) -> None:
    assert decide(POLICY, {**BASE, **incident("2024-01-01")}, on=ON, complete=set()).verdict == INELIGIBLE
