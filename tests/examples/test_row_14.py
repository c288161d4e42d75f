"""Row 14, 规上/限上入库, first entry: expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "LN-SGRK"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "industry": "C3411",
    "above_scale": False,
    "main_income": {"2023": "20000000.00"},
}

# industry, the income it takes, a cent less
THRESHOLDS = [
    ("B06", "20000000", "19999999.99"),
    ("C1311", "20000000", "19999999.99"),
    ("C43", "20000000", "19999999.99"),
    ("D44", "20000000", "19999999.99"),
    ("F51", "20000000", "19999999.99"),
    ("F5112", "20000000", "19999999.99"),
    ("F52", "5000000", "4999999.99"),
    ("F5211", "5000000", "4999999.99"),
    ("H61", "2000000", "1999999.99"),
    ("H6210", "2000000", "1999999.99"),
    ("G54", "20000000", "19999999.99"),
    ("G60", "20000000", "19999999.99"),
    ("I65", "20000000", "19999999.99"),
    ("N78", "20000000", "19999999.99"),
    ("Q84", "20000000", "19999999.99"),
    ("L72", "10000000", "9999999.99"),
    ("M7320", "10000000", "9999999.99"),
    ("P83", "10000000", "9999999.99"),
    ("K7020", "10000000", "9999999.99"),
    ("K703", "10000000", "9999999.99"),
    ("K7040", "10000000", "9999999.99"),
    ("K7090", "10000000", "9999999.99"),
    ("O81", "5000000", "4999999.99"),
    ("R90", "5000000", "4999999.99"),
    ("Q85", "5000000", "4999999.99"),
]
# In no group: farming, construction, finance, property developers (or perhaps), public bodies.
NO_GROUP = ["A01", "E47", "J66", "K7010", "K701", "K70", "S91", "T97"]


def income(yuan: str | None, year: str = "2023") -> dict[str, Any]:
    return {"main_income": None if yuan is None else {year: yuan}}


def unknown_industry(yuan: str) -> dict[str, Any]:
    return {"industry": None, **income(yuan)}


NOTHING_ELSE: dict[str, Any] = {"industry": None, "above_scale": None, "main_income": None}

# label, facts changed (None: missing), on, verdict, the missing facts if undetermined; an entry is no amount
CASES: list[tuple[str, dict[str, Any], date, str, set[str]]] = [
    ("base", {}, ON, ELIGIBLE, set()),
    ("listed already", {"above_scale": True}, ON, INELIGIBLE, set()),
    ("untold of the complete list", {"above_scale": None}, ON, ELIGIBLE, set()),
    ("the year before's income", {"main_income": {"2022": "90000000", "2023": "1"}}, ON, INELIGIBLE, set()),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, ON, INELIGIBLE, set()),
    ("person", {"kind": "person"}, ON, INELIGIBLE, set()),
    ("another city", {"region": "210281"}, ON, ELIGIBLE, set()),
    ("functional zone", {"region": "2101G1"}, ON, ELIGIBLE, set()),
    ("cancelled", {"registration_status": "cancelled"}, ON, INELIGIBLE, set()),
    # From 2024-01-01 (a choice of ours), without an end.
    ("day before", income("20000000", "2022"), date(2023, 12, 31), INELIGIBLE, set()),
    ("first day", {}, date(2024, 1, 1), ELIGIBLE, set()),
    ("after the example world", income("20000000", "2025"), date(2026, 1, 1), ELIGIBLE, set()),
    # One fact missing.
    ("kind missing", {"kind": None}, ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, ON, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, ON, UNDETERMINED, {"registration_status"}),
    ("income missing", income(None), ON, UNDETERMINED, {"main_income"}),
    ("last year's income missing", income("20000000", "2022"), ON, UNDETERMINED, {"main_income"}),
    ("income missing, in no group", {"industry": "A01", **income(None)}, ON, INELIGIBLE, set()),
    ("income missing, developer", {"industry": "K7010", **income(None)}, ON, INELIGIBLE, set()),
    # Industry missing: undetermined as long as some group's income is met; there are industries in no group.
    ("industry missing, 20 million", unknown_industry("20000000"), ON, UNDETERMINED, {"industry"}),
    ("industry missing, 2 million", unknown_industry("2000000"), ON, UNDETERMINED, {"industry"}),
    ("industry missing, a cent less", unknown_industry("1999999.99"), ON, INELIGIBLE, set()),
    ("industry and income missing", {"industry": None, **income(None)}, ON, UNDETERMINED,
     {"industry", "main_income"}),
    # What is false decides, whatever is missing.
    ("listed already, the rest missing", {**NOTHING_ELSE, "above_scale": True}, ON, INELIGIBLE, set()),
    ("cancelled, the rest missing", {**NOTHING_ELSE, "registration_status": "cancelled"}, ON, INELIGIBLE, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "missing"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_14(decide: Any, changes: dict[str, Any], on: date, verdict: str, missing: set[str]) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on)
    assert result.verdict == verdict
    assert result.amount is None
    if verdict == UNDETERMINED:
        assert result.missing == missing


@pytest.mark.parametrize(("industry", "enough", "less"), THRESHOLDS)
def test_row_14_thresholds(decide: Any, industry: str, enough: str, less: str) -> None:
    def verdict(yuan: str) -> str:
        return decide(POLICY, {**BASE, "industry": industry, **income(yuan)}, on=ON).verdict

    assert [verdict(less), verdict(enough), verdict(enough + ".01")] == [INELIGIBLE, ELIGIBLE, ELIGIBLE]


@pytest.mark.parametrize("industry", NO_GROUP)
def test_row_14_in_no_group(decide: Any, industry: str) -> None:
    assert decide(POLICY, {**BASE, "industry": industry, **income("900000000")}, on=ON).verdict == INELIGIBLE


def test_row_14_absent_from_an_incomplete_list(decide: Any) -> None:
    facts = {name: value for name, value in BASE.items() if name != "above_scale"}
    result = decide(POLICY, facts, on=ON, complete=set())
    assert (result.verdict, result.missing) == (UNDETERMINED, {"above_scale"})
