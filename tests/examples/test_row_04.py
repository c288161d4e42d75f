"""Row 4, 一次性扩岗补助 2025, per hire: expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "CN-2025-KGBZ"
ON = date(2025, 9, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"

# A graduate of the year, hired before graduating, with a contract of a year and four months insured.
GRADUATE = {
    "hired_on": "2025-03-10",
    "hire_group": "graduate",
    "hire_graduated_on": "2025-06-30",
    "hire_age": 22,
    "hire_registered_unemployed": False,
    "hire_contract_months": 12,
    "hire_insured_months": 4,
}
EARLIER = {"hire_graduated_on": "2024-06-30"}
YOUNG = {"hire_group": "other", "hire_graduated_on": None, "hire_registered_unemployed": True, "hire_age": 20}
EMPLOYER = {"kind": "enterprise", "registration_status": "active", "region": "210102"}


def facts_of(employer: dict[str, Any], *hires: dict[str, Any]) -> dict[str, Any]:
    """The employer's facts, and those of its hires h1, h2 …"""
    facts: dict[str, Any] = {name: value for name, value in employer.items() if value is not None}
    for number, hire in enumerate(hires, 1):
        for name, value in hire.items():
            if value is not None:
                facts.setdefault(name, {})[f"h{number}"] = value
    return facts


def graduated(day: str, placed: bool | None = None) -> dict[str, Any]:
    return {"hire_graduated_on": day, "hire_placed_before": placed}


def young(age: int | None) -> dict[str, Any]:
    return {**YOUNG, "hire_age": age}


# label, facts of the hire changed (None: missing), on, verdict (1,500 元 if eligible), or what is missing if it is
# undetermined
HIRES: list[tuple[str, dict[str, Any], date, str | set[str]]] = [
    ("base", {}, ON, ELIGIBLE),
    # Graduate of the year.
    ("graduated on 1 January", graduated("2025-01-01"), ON, ELIGIBLE),
    ("graduated on the day", graduated("2025-03-10"), ON, ELIGIBLE),
    ("graduated on 31 December", graduated("2025-12-31"), ON, ELIGIBLE),
    ("graduates next year", graduated("2026-01-01"), ON, INELIGIBLE),
    ("of the year, placed before", graduated("2025-06-30", True), ON, ELIGIBLE),
    # Or unplaced within two years of graduating.
    ("last year's", EARLIER, ON, ELIGIBLE),
    ("last year's, placed before", graduated("2024-06-30", True), ON, INELIGIBLE),
    ("a day short of two years", graduated("2023-03-11", False), ON, ELIGIBLE),
    ("two years", graduated("2023-03-10", False), ON, INELIGIBLE),
    ("two years and a day", graduated("2023-03-09", False), ON, INELIGIBLE),
    ("no graduate, for all the date", {"hire_group": "veteran"}, ON, INELIGIBLE),
    # Or registered unemployed, aged 16 to 24.
    ("unemployed at 15", young(15), ON, INELIGIBLE),
    ("unemployed at 16", young(16), ON, ELIGIBLE),
    ("unemployed at 17", young(17), ON, ELIGIBLE),
    ("unemployed at 24", young(24), ON, ELIGIBLE),
    ("unemployed at 25", young(25), ON, INELIGIBLE),
    ("20, not unemployed", {**young(20), "hire_registered_unemployed": False}, ON, INELIGIBLE),
    ("graduate of long ago, unemployed at 24", {**graduated("2020-06-30", True), "hire_registered_unemployed": True,
     "hire_age": 24}, ON, ELIGIBLE),
    # Contract signed, insured for three months.
    ("no contract", {"hire_contract_months": 0}, ON, INELIGIBLE),
    ("contract of a month", {"hire_contract_months": 1}, ON, ELIGIBLE),
    ("2 months insured", {"hire_insured_months": 2}, ON, INELIGIBLE),
    ("3 months insured", {"hire_insured_months": 3}, ON, ELIGIBLE),
    # Each person once, over all firms.
    ("granted elsewhere", {"hire_counted_elsewhere": True}, ON, INELIGIBLE),
    ("not granted elsewhere", {"hire_counted_elsewhere": False}, ON, ELIGIBLE),
    # Hires of 2025; from 2025-01-01, a choice of ours, to 2025-12-31.
    ("hired on the last day of 2024", {"hired_on": "2024-12-31", **EARLIER}, ON, INELIGIBLE),
    ("hired on the first day of 2025", {"hired_on": "2025-01-01", **EARLIER}, ON, ELIGIBLE),
    ("hired on the first day of 2026", {"hired_on": "2026-01-01", **graduated("2025-06-30")}, ON, INELIGIBLE),
    ("day before", {"hired_on": "2024-09-01", **EARLIER}, date(2024, 12, 31), INELIGIBLE),
    ("last day", {}, date(2025, 12, 31), ELIGIBLE),
    ("day after", {}, date(2026, 1, 1), INELIGIBLE),
    # The day of the hire counts: on the last day graduation is two years and more ago.
    ("two years passed since", {"hired_on": "2025-06-15", **graduated("2023-07-01", False)}, date(2025, 12, 31),
     ELIGIBLE),
    # One fact missing.
    ("hired on missing", {"hired_on": None}, ON, {"hired_on"}),
    ("group missing", {"hire_group": None}, ON, {"hire_group"}),
    ("group missing, unemployed at 20", {**young(20), "hire_group": None}, ON, ELIGIBLE),
    ("group missing, graduated long ago", {**graduated("2020-06-30", False), "hire_group": None}, ON, INELIGIBLE),
    ("graduation missing", {"hire_graduated_on": None}, ON, {"hire_graduated_on"}),
    ("graduation missing, placed before", {"hire_graduated_on": None, "hire_placed_before": True}, ON,
     {"hire_graduated_on"}),
    ("unemployed missing", {"hire_registered_unemployed": None}, ON, ELIGIBLE),
    ("unemployed missing, no graduate", {**young(20), "hire_registered_unemployed": None}, ON,
     {"hire_registered_unemployed"}),
    ("unemployed missing, 25, no graduate", {**young(25), "hire_registered_unemployed": None}, ON, INELIGIBLE),
    ("age missing", {"hire_age": None}, ON, ELIGIBLE),
    ("age missing, no graduate", young(None), ON, {"hire_age"}),
    ("contract missing", {"hire_contract_months": None}, ON, {"hire_contract_months"}),
    ("insured months missing", {"hire_insured_months": None}, ON, {"hire_insured_months"}),
    # Several missing; and what is false decides, whatever is missing.
    ("contract and months missing", {"hire_contract_months": None, "hire_insured_months": None}, ON,
     {"hire_contract_months", "hire_insured_months"}),
    ("no contract, group missing", {"hire_contract_months": 0, "hire_group": None}, ON, INELIGIBLE),
    ("granted elsewhere, hired on missing", {"hire_counted_elsewhere": True, "hired_on": None}, ON, INELIGIBLE),
    ("ended, contract missing", {"hire_contract_months": None}, date(2026, 1, 1), INELIGIBLE),
]  # fmt: skip

# label, the employer's facts changed, verdict, or what is missing if undetermined
EMPLOYERS: list[tuple[str, dict[str, Any], str | set[str]]] = [
    ("social group", {"legal_form": "social_group"}, ELIGIBLE),
    ("another city", {"region": "210281"}, ELIGIBLE),
    ("functional zone", {"region": "2101G1"}, ELIGIBLE),
    ("individual business", {"kind": "individual_business"}, INELIGIBLE),
    ("cancelled", {"registration_status": "cancelled"}, INELIGIBLE),
    ("revoked", {"registration_status": "revoked"}, INELIGIBLE),
    ("moved out", {"registration_status": "moved_out"}, INELIGIBLE),
    ("kind missing", {"kind": None}, {"kind"}),
    ("region missing", {"region": None}, {"region"}),
    ("status missing", {"registration_status": None}, {"registration_status"}),
]

# label, facts of the hire changed, lists declared complete, verdict, or what is missing if undetermined
INCOMPLETE: list[tuple[str, dict[str, Any], set[str], str | set[str]]] = [
    ("elsewhere not", {}, {"hire_placed_before"}, {"hire_counted_elsewhere"}),
    ("elsewhere not, but said", {"hire_counted_elsewhere": False}, {"hire_placed_before"}, ELIGIBLE),
    ("placed not, of the year", {}, {"hire_counted_elsewhere"}, ELIGIBLE),
    ("placed not, last year's", EARLIER, {"hire_counted_elsewhere"}, {"hire_placed_before"}),
    ("placed not, last year's, but said", graduated("2024-06-30", False), {"hire_counted_elsewhere"}, ELIGIBLE),
    ("neither, last year's", EARLIER, set(), {"hire_placed_before", "hire_counted_elsewhere"}),
    ("neither, 2 months insured", {"hire_insured_months": 2}, set(), INELIGIBLE),
    ("hires not", {}, {"hire_placed_before", "hire_counted_elsewhere"}, ELIGIBLE),
]  # fmt: skip


def check(result: Any, outcome: str | set[str]) -> None:
    assert result.verdicts["h1"] == (outcome if isinstance(outcome, str) else UNDETERMINED)
    assert result.amounts == ({"h1": "1500.00"} if outcome == ELIGIBLE else {})
    if isinstance(outcome, set):
        assert result.missing == outcome


@pytest.mark.parametrize(("changes", "on", "outcome"), [pytest.param(*case, id=label) for label, *case in HIRES])
def test_row_04(decide: Any, changes: dict[str, Any], on: date, outcome: str | set[str]) -> None:
    check(decide(POLICY, facts_of(EMPLOYER, {**GRADUATE, **changes}), on=on), outcome)


@pytest.mark.parametrize(("changes", "outcome"), [pytest.param(*case, id=label) for label, *case in EMPLOYERS])
def test_employers(decide: Any, changes: dict[str, Any], outcome: str | set[str]) -> None:
    check(decide(POLICY, facts_of({**EMPLOYER, **changes}, GRADUATE), on=ON), outcome)


@pytest.mark.parametrize(
    ("changes", "complete", "outcome"), [pytest.param(*case, id=label) for label, *case in INCOMPLETE]
)
def test_lists_not_known_to_be_complete(
    decide: Any, changes: dict[str, Any], complete: set[str], outcome: str | set[str]
) -> None:
    check(decide(POLICY, facts_of(EMPLOYER, {**GRADUATE, **changes}), on=ON, complete=complete), outcome)


def test_each_hire_for_itself(decide: Any) -> None:
    hires: tuple[dict[str, Any], ...]
    hires = ({}, {"hire_insured_months": 2}, young(20), {"hire_contract_months": None}, EARLIER)
    result = decide(POLICY, facts_of(EMPLOYER, *({**GRADUATE, **hire} for hire in hires)), on=ON)
    assert result.verdicts == {"h1": ELIGIBLE, "h2": INELIGIBLE, "h3": ELIGIBLE, "h4": UNDETERMINED, "h5": ELIGIBLE}
    assert result.amounts == {"h1": "1500.00", "h3": "1500.00", "h5": "1500.00"}
    assert result.missing == {"hire_contract_months"}


@pytest.mark.parametrize(("complete", "verdict"), [({"hires"}, INELIGIBLE), (set(), UNDETERMINED)])
def test_without_a_hire(decide: Any, complete: set[str], verdict: str) -> None:
    result = decide(POLICY, facts_of(EMPLOYER), on=ON, complete=complete)
    assert (result.verdict, result.missing) == (verdict, {"hires"} - complete)


def test_a_receipt_of_its_own_does_not_undo_the_match(decide: Any) -> None:
    paid = {"receipt_policy": POLICY, "receipt_item": "h1", "receipt_amount": "1500.00", "receipt_date": "2025-08-01"}
    receipts = {name: {"r1": value} for name, value in paid.items()}
    check(decide(POLICY, {**facts_of(EMPLOYER, GRADUATE), **receipts}, on=ON), ELIGIBLE)
