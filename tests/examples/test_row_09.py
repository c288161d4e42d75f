"""Row 9, 创业担保贷款贴息, three versions as three policies: expectations worked out by hand from the table."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

OLD, MIDDLE, NOW = "LN-2016-CYDK", "LN-2020-CYDK", "LN-2023-CYDK"
POLICIES = Path(__file__).resolve().parents[2] / "examples" / "policies"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
LISTS = {"hires", "receipts", "wage_arrears", "insurance_arrears"}

Hire = tuple[str | None, str | None, int | None]


def hires(*given: Hire) -> dict[str, Any]:
    """Hires by group, day and months of contract."""
    names = ("hire_group", "hired_on", "hire_contract_months")
    columns = {name: {f"h{n}": hire[i] for n, hire in enumerate(given, 1)} for i, name in enumerate(names)}
    return {name: {item: v for item, v in column.items() if v is not None} for name, column in columns.items()}


def counted(count: int, day: str = "2024-01-15") -> list[Hire]:
    return [("veteran", day, 12)] * count


def nine_and(group: str | None = "veteran", day: str | None = "2024-01-15", months: int | None = 12) -> dict[str, Any]:
    """Nine who count and a tenth of 100 in post: on the tenth it depends."""
    return hires(*counted(9), (group, day, months))


def receipts(*lines: tuple[str, str, str]) -> dict[str, Any]:
    """Receipts by policy, item and day."""
    names = ("receipt_policy", "receipt_item", "receipt_date")
    found: dict[str, Any] = {n: {f"r{k}": line[i] for k, line in enumerate(lines, 1)} for i, n in enumerate(names)}
    return {**found, "receipt_amount": {f"r{k}": "5000.00" for k in range(1, len(lines) + 1)}}


def loan(
    applied: str | None = "2024-05-10", principal: str | None = "1000000.00", months: int | None = 24
) -> dict[str, Any]:
    lines = {"loan_applied_on": applied, "loan_principal": principal, "loan_term_months": months}
    return {**{n: None if v is None else {"l1": v} for n, v in lines.items()}, "loan_interest": {"l1": "40000.00"}}


# Small by size (100 ≥ 20 staff, 1,000 ≥ 300 万元), ten of 100 in post hired, half of 40,000 is 20,000.
BASE = {
    "kind": "enterprise",
    "registration_status": "active",
    "region": "210102",
    "industry": "C3411",
    "persons_employed": 100,
    "employees_in_post": 100,
    "yearly_sales": {"2023": "10000000.00"},
    **hires(*counted(10)),
    **loan(),
}
SMALL_SALES, MEDIUM_SALES = "10000000.00", "30000000.00"
NOTHING_ELSE = dict.fromkeys(set(BASE) - {"kind", "region", "registration_status", "loan_applied_on"})

# policy, staff in post, hires, principal, verdict; for loans of 2018-05-10, 2021-05-10 and 2024-05-10
APPLIED = {OLD: "2018-05-10", MIDDLE: "2021-05-10", NOW: "2024-05-10"}
VERSIONS: list[tuple[str, int, int, str, str]] = [
    # 2016: 30 %, above 100 staff 15 %; 2,000,000.
    (OLD, 100, 31, "1000000", ELIGIBLE),
    (OLD, 100, 30, "1000000", ELIGIBLE),
    (OLD, 100, 29, "1000000", INELIGIBLE),
    (OLD, 100, 15, "1000000", INELIGIBLE),
    (OLD, 101, 16, "1000000", ELIGIBLE),
    (OLD, 101, 15, "1000000", INELIGIBLE),
    (OLD, 200, 30, "1000000", ELIGIBLE),
    (OLD, 200, 29, "1000000", INELIGIBLE),
    (OLD, 100, 30, "1999999.99", ELIGIBLE),
    (OLD, 100, 30, "2000000", ELIGIBLE),
    (OLD, 100, 30, "2000000.01", INELIGIBLE),
    # 2020: 15 %, above 100 staff 8 %; 3,000,000.
    (MIDDLE, 100, 16, "1000000", ELIGIBLE),
    (MIDDLE, 100, 15, "1000000", ELIGIBLE),
    (MIDDLE, 100, 14, "1000000", INELIGIBLE),
    (MIDDLE, 101, 9, "1000000", ELIGIBLE),
    (MIDDLE, 101, 8, "1000000", INELIGIBLE),
    (MIDDLE, 200, 16, "1000000", ELIGIBLE),
    (MIDDLE, 200, 15, "1000000", INELIGIBLE),
    (MIDDLE, 100, 15, "3000000", ELIGIBLE),
    (MIDDLE, 100, 15, "3000000.01", INELIGIBLE),
    # Now: 10 %, above 100 staff 5 %; 4,000,000.
    (NOW, 100, 11, "1000000", ELIGIBLE),
    (NOW, 100, 10, "1000000", ELIGIBLE),
    (NOW, 100, 9, "1000000", INELIGIBLE),
    (NOW, 100, 5, "1000000", INELIGIBLE),
    (NOW, 101, 6, "1000000", ELIGIBLE),
    (NOW, 101, 5, "1000000", INELIGIBLE),
    (NOW, 200, 10, "1000000", ELIGIBLE),
    (NOW, 200, 9, "1000000", INELIGIBLE),
    (NOW, 10, 1, "1000000", ELIGIBLE),
    (NOW, 11, 1, "1000000", INELIGIBLE),
    (NOW, 100, 0, "1000000", INELIGIBLE),
    (NOW, 100, 10, "4000000", ELIGIBLE),
    (NOW, 100, 10, "4000000.01", INELIGIBLE),
]

# policy, applied for on, verdict: each loan by the rules of its day, whenever it is looked at
DAYS: list[tuple[str, str, str]] = [
    (OLD, "2016-07-23", INELIGIBLE),
    (OLD, "2016-07-24", ELIGIBLE),
    (OLD, "2020-04-14", ELIGIBLE),
    (OLD, "2020-04-15", INELIGIBLE),
    (MIDDLE, "2020-04-14", INELIGIBLE),
    (MIDDLE, "2020-04-15", ELIGIBLE),
    (MIDDLE, "2023-09-30", ELIGIBLE),
    (MIDDLE, "2023-10-01", INELIGIBLE),
    (NOW, "2023-09-30", INELIGIBLE),
    (NOW, "2023-10-01", ELIGIBLE),
    (NOW, "2025-12-31", ELIGIBLE),
    (NOW, "2026-01-01", ELIGIBLE),
]


def paid(*policies: str) -> list[tuple[str, str, str]]:
    """Earlier loans' receipts."""
    return [(policy, f"x{n}", "2024-01-10") for n, policy in enumerate(policies, 1)]


OWN = (NOW, "l1", "2024-06-10")
GROUPS = ("graduate", "registered_unemployed", "veteran", "disabled", "hardship", "lifted_from_poverty",
          "returning_migrant")  # fmt: skip
# label, facts changed (None: missing), verdict by the rules of now, amount in 元 if eligible, or what is missing
CASES: list[tuple[str, dict[str, Any], str, str | set[str] | None]] = [
    # The named groups.
    *((f"tenth is {group}", nine_and(group), ELIGIBLE, "20000.00") for group in GROUPS),
    ("tenth is other", nine_and("other"), INELIGIBLE, None),
    # In the year before application.
    ("tenth hired on the day", nine_and(day="2024-05-10"), ELIGIBLE, "20000.00"),
    ("tenth hired the day after", nine_and(day="2024-05-11"), INELIGIBLE, None),
    ("tenth hired a day short of a year before", nine_and(day="2023-05-11"), ELIGIBLE, "20000.00"),
    ("tenth hired a year before", nine_and(day="2023-05-10"), INELIGIBLE, None),
    # Contracts of at least a year.
    ("tenth with 11 months", nine_and(months=11), INELIGIBLE, None),
    ("tenth with 13 months", nine_and(months=13), ELIGIBLE, "20000.00"),
    # Small or micro.
    ("micro", {"persons_employed": 10}, ELIGIBLE, "20000.00"),
    ("medium", {"persons_employed": 300, "yearly_sales": {"2023": MEDIUM_SALES}}, INELIGIBLE, None),
    ("299 staff: small", {"persons_employed": 299, "yearly_sales": {"2023": MEDIUM_SALES}}, ELIGIBLE, "20000.00"),
    ("medium by this year's sales", {**loan("2023-11-15"), **hires(*counted(10, "2023-08-01")), "persons_employed": 300,
     "yearly_sales": {"2022": SMALL_SALES, "2023": MEDIUM_SALES}}, ELIGIBLE, "20000.00"),
    ("medium by last year's sales", {**loan("2023-11-15"), **hires(*counted(10, "2023-08-01")), "persons_employed": 300,
     "yearly_sales": {"2022": MEDIUM_SALES, "2023": SMALL_SALES}}, INELIGIBLE, None),
    # No arrears; at most two years.
    ("wage arrears", {"wage_arrears": True}, INELIGIBLE, None),
    ("insurance arrears", {"insurance_arrears": True}, INELIGIBLE, None),
    ("12 months", loan(months=12), ELIGIBLE, "20000.00"),
    ("25 months", loan(months=25), INELIGIBLE, None),
    # Half the interest.
    ("interest of 1,234.56", {"loan_interest": {"l1": "1234.56"}}, ELIGIBLE, "617.28"),
    # At most three times, by whichever rules; its own receipt, or what came after it, does not undo the match.
    ("two before", receipts(*paid(NOW, NOW)), ELIGIBLE, "20000.00"),
    ("three before", receipts(*paid(NOW, NOW, NOW)), INELIGIBLE, None),
    ("three before, of all rules", receipts(*paid(OLD, MIDDLE, NOW)), INELIGIBLE, None),
    ("two before, of earlier rules", receipts(*paid(OLD, MIDDLE)), ELIGIBLE, "20000.00"),
    ("two before, two of other policies", receipts(*paid(OLD, NOW, "CN-2024-WGFH", "CN-2024-SYFL")), ELIGIBLE,
     "20000.00"),
    ("paid third", receipts(*paid(OLD, MIDDLE), OWN), ELIGIBLE, "20000.00"),
    ("paid, then three more", receipts(OWN, *((NOW, f"y{n}", "2024-07-01") for n in (1, 2, 3))), ELIGIBLE, "20000.00"),
    # Who and where.
    ("individual business", {"kind": "individual_business"}, INELIGIBLE, None),
    ("another city", {"region": "210281"}, ELIGIBLE, "20000.00"),
    ("cancelled", {"registration_status": "cancelled"}, INELIGIBLE, None),
    # One fact missing.
    ("kind missing", {"kind": None}, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, UNDETERMINED, {"region"}),
    ("status missing", {"registration_status": None}, UNDETERMINED, {"registration_status"}),
    ("staff in post missing", {"employees_in_post": None}, UNDETERMINED, {"employees_in_post"}),
    ("persons employed missing", {"persons_employed": None}, UNDETERMINED, {"persons_employed"}),
    ("sales missing", {"yearly_sales": None}, UNDETERMINED, {"yearly_sales"}),
    ("industry missing", {"industry": None}, UNDETERMINED, {"industry"}),
    ("application missing", loan(None), UNDETERMINED, {"loan_applied_on"}),
    ("principal missing", loan(principal=None), UNDETERMINED, {"loan_principal"}),
    ("term missing", loan(months=None), UNDETERMINED, {"loan_term_months"}),
    ("interest missing", {"loan_interest": None}, ELIGIBLE, None),
    ("the tenth's group missing", nine_and(None), UNDETERMINED, {"hire_group"}),
    ("the tenth's day missing", nine_and(day=None), UNDETERMINED, {"hired_on"}),
    ("the tenth's contract missing", nine_and(months=None), UNDETERMINED, {"hire_contract_months"}),
    ("the eleventh's contract missing", hires(*counted(10), ("veteran", "2024-01-15", None)), ELIGIBLE, "20000.00"),
    ("the ninth's contract missing", hires(*counted(8), ("veteran", "2024-01-15", None)), INELIGIBLE, None),
    # Several missing; and what is false decides, whatever is missing.
    ("principal and term missing", loan(principal=None, months=None), UNDETERMINED,
     {"loan_principal", "loan_term_months"}),
    ("application and principal missing", loan(None, None), UNDETERMINED, {"loan_applied_on", "loan_principal"}),
    ("25 months, principal missing", loan(principal=None, months=25), INELIGIBLE, None),
    ("arrears, application missing", {**loan(None), "wage_arrears": True}, INELIGIBLE, None),
    ("cancelled, all else missing", {**NOTHING_ELSE, "registration_status": "cancelled"}, INELIGIBLE, None),
    ("earlier rules, all else missing", {**NOTHING_ELSE, "loan_applied_on": {"l1": "2023-09-30"}}, INELIGIBLE, None),
]  # fmt: skip

# label, facts changed, list not declared complete, verdict, amount in 元 if eligible, or what is missing if it is
# undetermined
INCOMPLETE: list[tuple[str, dict[str, Any], str, str, str | set[str] | None]] = [
    ("ten hires are enough", {}, "hires", ELIGIBLE, "20000.00"),
    ("nine may be ten", hires(*counted(9)), "hires", UNDETERMINED, {"hires"}),
    ("none may be ten", hires(), "hires", UNDETERMINED, {"hires"}),
    ("nine may be ten, 25 months", {**hires(*counted(9)), **loan(months=25)}, "hires", INELIGIBLE, None),
    ("none received may be three", {}, "receipts", UNDETERMINED, {"receipts"}),
    ("three received are too many", receipts(*paid(NOW, NOW, NOW)), "receipts", INELIGIBLE, None),
    ("wage arrears", {}, "wage_arrears", UNDETERMINED, {"wage_arrears"}),
    ("wage arrears said", {"wage_arrears": False}, "wage_arrears", ELIGIBLE, "20000.00"),
    ("insurance arrears", {}, "insurance_arrears", UNDETERMINED, {"insurance_arrears"}),
]


def facts_with(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**BASE, **changes}.items() if value is not None}


def check(result: Any, verdict: str, outcome: str | set[str] | None) -> None:
    assert result.verdicts["l1"] == verdict
    assert result.amounts.get("l1") == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome


def year_before(day: str) -> str:
    return str(int(day[:4]) - 1)


@pytest.mark.parametrize(("policy", "staff", "count", "principal", "verdict"), VERSIONS)
def test_versions(decide: Any, policy: str, staff: int, count: int, principal: str, verdict: str) -> None:
    applied = APPLIED[policy]
    hired = hires(*counted(count, f"{applied[:4]}-01-15"))
    sales = {"yearly_sales": {year_before(applied): SMALL_SALES}}
    facts = facts_with({**hired, **sales, **loan(applied, principal), "employees_in_post": staff})
    check(decide(policy, facts, on=ON), verdict, "20000.00")


@pytest.mark.parametrize("on", [date(2024, 1, 1), date(2026, 1, 1)])
@pytest.mark.parametrize(("policy", "applied", "verdict"), DAYS)
def test_the_rules_of_the_day(decide: Any, policy: str, applied: str, verdict: str, on: date) -> None:
    sales = {"yearly_sales": {year_before(applied): SMALL_SALES}}
    facts = facts_with({**hires(*counted(30, applied)), **sales, **loan(applied)})
    check(decide(policy, facts, on=on), verdict, "20000.00")


@pytest.mark.parametrize(("changes", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES])
def test_row_09(decide: Any, changes: dict[str, Any], verdict: str, outcome: str | set[str] | None) -> None:
    check(decide(NOW, facts_with(changes), on=ON), verdict, outcome)


@pytest.mark.parametrize(
    ("changes", "incomplete", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in INCOMPLETE]
)
def test_lists_not_known_to_be_complete(
    decide: Any, changes: dict[str, Any], incomplete: str, verdict: str, outcome: str | set[str] | None
) -> None:
    check(decide(NOW, facts_with(changes), on=ON, complete=LISTS - {incomplete}), verdict, outcome)


@pytest.mark.parametrize("policy", [OLD, MIDDLE, NOW])
def test_three_times_count_under_it_and_its_predecessors(decide: Any, policy: str) -> None:
    applied = APPLIED[policy]
    base = {**hires(*counted(30, applied)), **loan(applied), "yearly_sales": {year_before(applied): SMALL_SALES}}
    before = {OLD: (OLD, OLD, OLD), MIDDLE: (OLD, MIDDLE, OLD), NOW: (OLD, MIDDLE, NOW)}[policy]
    for times, verdict in ((2, ELIGIBLE), (3, INELIGIBLE)):
        facts = facts_with({**base, **receipts(*paid(*before)[:times])})
        check(decide(policy, facts, on=ON), verdict, "20000.00")


def test_each_loan_by_its_own_day(decide: Any) -> None:
    """The hires of 2024 are for the loan of 2024 only; each loan is judged by the rules of its day."""
    loans = {
        "loan_applied_on": {"l1": "2021-05-10", "l2": "2024-05-10"},
        "loan_principal": {"l1": "1000000.00", "l2": "4000000.00"},
        "loan_term_months": {"l1": 24, "l2": 12},
        "loan_interest": {"l1": "30000.00", "l2": "80000.00"},
    }
    hired = hires(*counted(15, "2021-02-01"), *counted(10, "2024-02-01"))
    facts = facts_with({**loans, **hired, "yearly_sales": {"2020": SMALL_SALES, "2023": SMALL_SALES}})
    found = {policy: decide(policy, facts, on=ON) for policy in (OLD, MIDDLE, NOW)}
    assert {policy: result.verdicts for policy, result in found.items()} == {
        OLD: {"l1": INELIGIBLE, "l2": INELIGIBLE},
        MIDDLE: {"l1": ELIGIBLE, "l2": INELIGIBLE},
        NOW: {"l1": INELIGIBLE, "l2": ELIGIBLE},
    }
    assert (found[MIDDLE].amounts, found[NOW].amounts) == ({"l1": "15000.00"}, {"l2": "40000.00"})


@pytest.mark.parametrize(("complete", "verdict"), [({"loans"}, INELIGIBLE), (set(), UNDETERMINED)])
def test_without_a_loan(decide: Any, complete: set[str], verdict: str) -> None:
    result = decide(NOW, facts_with(dict.fromkeys(loan())), on=ON, complete=complete)
    assert (result.verdict, result.missing) == (verdict, {"loans"} - complete)


def test_the_three_differ_in_three_figures_only() -> None:
    """So that what holds by the rules of now holds by the earlier ones: groups, contracts, arrears, term, interest."""
    figures = {"hired_share", "hired_share_of_many", "loan_limit"}
    told = {"id", "title", "document", "issued_on", "valid", "succeeds"}
    documents = [yaml.safe_load((POLICIES / f"{name}.yaml").read_text()) for name in (OLD, MIDDLE, NOW)]
    for document in documents:
        document["parameters"] = {k: v for k, v in document["parameters"].items() if k not in figures}
        counted = document["conditions"]["all"][-1].pop("received")
        assert counted == [OLD, MIDDLE, NOW][: len(counted)] and counted[-1] == document["id"]
    first, second, third = ({k: v for k, v in document.items() if k not in told} for document in documents)
    assert first == second == third


def test_each_succeeds_the_one_before() -> None:
    first, second, third = (yaml.safe_load((POLICIES / f"{name}.yaml").read_text()) for name in (OLD, MIDDLE, NOW))
    assert [second["succeeds"], third["succeeds"]] == [first["id"], second["id"]]
    assert (second["valid"]["from"] - first["valid"]["to"]).days == 1
    assert (third["valid"]["from"] - second["valid"]["to"]).days == 1
