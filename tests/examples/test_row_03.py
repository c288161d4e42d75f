"""Row 3, 技能提升补贴 (人社部发〔2024〕40号): expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY, TRAINING, OTHER = "CN-2024-JNTS", "CN-2024-PXBT", "CN-2024-SYFL"
PERSON = "p-" + "0" * 32
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
COOK, WELDER = "4-03-02-01", "6-18-02-04"


def certificates(*lines: tuple[str | None, int | None, str | None]) -> dict[str, Any]:
    """Certificates c1, c2 … by trade, level and day of issue."""
    names = ("certificate_trade", "certificate_level", "certificate_issued_on")
    columns = {name: {f"c{n}": line[i] for n, line in enumerate(lines, 1)} for i, name in enumerate(names)}
    return {name: {item: v for item, v in column.items() if v is not None} for name, column in columns.items()}


def receipts(*lines: tuple[str, str, str | None]) -> dict[str, Any]:
    """Receipts of 1,000 元 by policy, item and day."""
    names = ("receipt_policy", "receipt_item", "receipt_date")
    columns = {name: {f"r{n}": line[i] for n, line in enumerate(lines, 1)} for i, name in enumerate(names)}
    found: dict[str, Any] = {n: {r: v for r, v in column.items() if v is not None} for n, column in columns.items()}
    return {**found, "receipt_amount": dict.fromkeys(found["receipt_policy"], "1000.00")}


def paid(item: str, day: str | None = "2024-05-06", policy: str = POLICY) -> tuple[str, str, str | None]:
    return (policy, item, day)


def level(number: int | None) -> dict[str, Any]:
    return certificates((COOK, number, "2024-03-01"))


def issued(day: str | None) -> dict[str, Any]:
    return certificates((COOK, 4, day))


def beside(trade: str | None, number: int | None, *lines: tuple[str, str, str | None]) -> dict[str, Any]:
    """c1, a cook's of level 4, beside c2; and what was paid."""
    return {**certificates((COOK, 4, "2024-03-01"), (trade, number, "2024-04-01")), **receipts(*lines)}


# A cook of level 4, insured for two years.
BASE = {
    "household_region": "210102",
    "premium_months_paid": 24,
    "drawing_unemployment_benefit": False,
    **certificates((COOK, 4, "2024-03-01")),
}
NOT_INSURED = {"premium_months_paid": 11}
NOTHING_ELSE = dict.fromkeys(("premium_months_paid", "drawing_unemployment_benefit"))

# label, facts changed (None: missing), on, verdict of c1, amount in 元 if eligible, or what is missing if undetermined
CASES: list[tuple[str, dict[str, Any], date, str, str | set[str] | None]] = [
    # By grade: 5, 4, 3.
    ("level 5", level(5), ON, ELIGIBLE, "1000.00"),
    ("level 4", level(4), ON, ELIGIBLE, "1500.00"),
    ("level 3", level(3), ON, ELIGIBLE, "2000.00"),
    ("level 2", level(2), ON, INELIGIBLE, None),
    ("level 1", level(1), ON, INELIGIBLE, None),
    ("no such level", level(6), ON, INELIGIBLE, None),
    # Insured for a year, or drawing unemployment benefit.
    ("12 months", {"premium_months_paid": 12}, ON, ELIGIBLE, "1500.00"),
    ("13 months", {"premium_months_paid": 13}, ON, ELIGIBLE, "1500.00"),
    ("11 months", NOT_INSURED, ON, INELIGIBLE, None),
    ("11 months, drawing", {**NOT_INSURED, "drawing_unemployment_benefit": True}, ON, ELIGIBLE, "1500.00"),
    ("no month, drawing", {"premium_months_paid": 0, "drawing_unemployment_benefit": True}, ON, ELIGIBLE, "1500.00"),
    # Who and where.
    ("another city", {"household_region": "210281"}, ON, ELIGIBLE, "1500.00"),
    ("functional zone", {"household_region": "2101G1"}, ON, ELIGIBLE, "1500.00"),
    # 2024-01-01 to 2024-12-31; the certificate is of that year, a choice of ours.
    ("day before", issued("2023-06-01"), date(2023, 12, 31), INELIGIBLE, None),
    ("first day", issued("2024-01-01"), date(2024, 1, 1), ELIGIBLE, "1500.00"),
    ("last day", {}, date(2024, 12, 31), ELIGIBLE, "1500.00"),
    ("day after", issued("2025-01-01"), date(2025, 1, 1), INELIGIBLE, None),
    ("day after, certificate of 2024", {}, date(2025, 1, 1), INELIGIBLE, None),
    ("issued on the last day of 2023", issued("2023-12-31"), ON, INELIGIBLE, None),
    ("issued today", issued("2024-07-15"), ON, ELIGIBLE, "1500.00"),
    ("issued next year", issued("2025-01-01"), ON, INELIGIBLE, None),
    # At most three a year, whatever for.
    ("two this year", receipts(paid("x1"), paid("x2")), ON, ELIGIBLE, "1500.00"),
    ("three this year", receipts(paid("x1"), paid("x2"), paid("x3")), ON, INELIGIBLE, None),
    ("four this year", receipts(*map(paid, ("x1", "x2", "x3", "x4"))), ON, INELIGIBLE, None),
    ("three, one on 31 December", receipts(paid("x1", "2023-12-31"), paid("x2"), paid("x3")), ON, ELIGIBLE, "1500.00"),
    ("three, one on 1 January", receipts(paid("x1", "2024-01-01"), paid("x2"), paid("x3")), ON, INELIGIBLE, None),
    ("three, one undated", receipts(paid("x1", None), paid("x2"), paid("x3")), ON, UNDETERMINED, {"receipt_date"}),
    ("three of another policy", receipts(*(paid(f"x{n}", policy=OTHER) for n in (1, 2, 3))), ON, ELIGIBLE, "1500.00"),
    # Its own receipt, or what came after it, does not undo the match.
    ("paid", receipts(paid("c1")), ON, ELIGIBLE, "1500.00"),
    ("paid third", receipts(paid("x1"), paid("x2"), paid("c1", "2024-06-03")), ON, ELIGIBLE, "1500.00"),
    ("paid, then three more", receipts(paid("c1"), *(paid(f"x{n}", "2024-06-03") for n in (1, 2, 3))), ON, ELIGIBLE,
     "1500.00"),
    # Once per trade and grade; a higher grade paid bars a lower one of the trade, a lower one bars no higher one.
    ("same grade paid", beside(COOK, 4, paid("c2")), ON, INELIGIBLE, None),
    ("same grade paid years ago", beside(COOK, 4, paid("c2", "2020-05-06")), ON, INELIGIBLE, None),
    ("same grade not paid", beside(COOK, 4), ON, ELIGIBLE, "1500.00"),
    ("same grade paid by another policy", beside(COOK, 4, paid("c2", policy=OTHER)), ON, ELIGIBLE, "1500.00"),
    ("higher grade paid", beside(COOK, 3, paid("c2")), ON, INELIGIBLE, None),
    ("higher grade not paid", beside(COOK, 3), ON, ELIGIBLE, "1500.00"),
    ("higher grade paid later", beside(COOK, 3, paid("c1"), paid("c2", "2024-06-03")), ON, ELIGIBLE, "1500.00"),
    ("lower grade paid", beside(COOK, 5, paid("c2")), ON, ELIGIBLE, "1500.00"),
    ("another trade, same grade paid", beside(WELDER, 4, paid("c2")), ON, ELIGIBLE, "1500.00"),
    ("another trade, higher grade paid", beside(WELDER, 3, paid("c2")), ON, ELIGIBLE, "1500.00"),
    # Not together with a training subsidy for the same certificate.
    ("training subsidy", receipts(paid("c1", policy=TRAINING)), ON, INELIGIBLE, None),
    ("training subsidy for another", beside(COOK, 4, paid("c2", policy=TRAINING)), ON, ELIGIBLE, "1500.00"),
    ("paid, then training subsidy", receipts(paid("c1"), paid("c1", "2024-06-03", TRAINING)), ON, ELIGIBLE, "1500.00"),
    # One fact missing.
    ("region missing", {"household_region": None}, ON, UNDETERMINED, {"household_region"}),
    ("level missing", level(None), ON, UNDETERMINED, {"certificate_level"}),
    ("day of issue missing", issued(None), ON, UNDETERMINED, {"certificate_issued_on"}),
    ("trade missing", certificates((None, 4, "2024-03-01")), ON, ELIGIBLE, "1500.00"),
    ("months missing", {"premium_months_paid": None}, ON, UNDETERMINED, {"premium_months_paid"}),
    ("months missing, drawing", {"premium_months_paid": None, "drawing_unemployment_benefit": True}, ON, ELIGIBLE,
     "1500.00"),
    ("drawing missing", {"drawing_unemployment_benefit": None}, ON, ELIGIBLE, "1500.00"),
    ("drawing missing, 11 months", {**NOT_INSURED, "drawing_unemployment_benefit": None}, ON, UNDETERMINED,
     {"drawing_unemployment_benefit"}),
    ("trade of one paid missing", beside(None, 4, paid("c2")), ON, UNDETERMINED, {"certificate_trade"}),
    ("trade of one not paid missing", beside(None, 4), ON, ELIGIBLE, "1500.00"),
    ("level of one paid missing", beside(COOK, None, paid("c2")), ON, UNDETERMINED, {"certificate_level"}),
    # Several missing; and what is false decides, whatever is missing.
    ("both missing", NOTHING_ELSE, ON, UNDETERMINED, {"premium_months_paid", "drawing_unemployment_benefit"}),
    ("level missing, not insured", {**NOT_INSURED, **level(None)}, ON, INELIGIBLE, None),
    ("level 2, months missing", {"premium_months_paid": None, **level(2)}, ON, INELIGIBLE, None),
    ("three this year, months missing", {**NOTHING_ELSE, **receipts(*map(paid, ("x1", "x2", "x3")))}, ON, INELIGIBLE,
     None),
    ("ended, months missing", NOTHING_ELSE, date(2025, 1, 1), INELIGIBLE, None),
]  # fmt: skip

BOTH = {"certificates", "receipts"}
# label, facts changed, lists declared complete, verdict of c1, amount in 元 if eligible, or what is missing
INCOMPLETE: list[tuple[str, dict[str, Any], set[str], str, str | set[str] | None]] = [
    ("both complete", {}, BOTH, ELIGIBLE, "1500.00"),
    ("receipts not", {}, {"certificates"}, UNDETERMINED, {"receipts"}),
    ("receipts not, three known", receipts(*map(paid, ("x1", "x2", "x3"))), {"certificates"}, INELIGIBLE, None),
    ("receipts not, higher grade paid", beside(COOK, 3, paid("c2")), {"certificates"}, INELIGIBLE, None),
    ("receipts not, training subsidy", receipts(paid("c1", policy=TRAINING)), {"certificates"}, INELIGIBLE, None),
    ("certificates not", {}, {"receipts"}, UNDETERMINED, {"certificates"}),
    ("certificates not, same grade paid", beside(COOK, 4, paid("c2")), {"receipts"}, INELIGIBLE, None),
    ("certificates not, not insured", NOT_INSURED, {"receipts"}, INELIGIBLE, None),
    ("neither", {}, set(), UNDETERMINED, BOTH),
]


def check(result: Any, verdict: str, outcome: str | set[str] | None) -> None:
    assert result.verdicts["c1"] == verdict
    assert result.amounts.get("c1") == (outcome if verdict == ELIGIBLE else None)
    if verdict == UNDETERMINED:
        assert result.missing == outcome


def facts_with(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**BASE, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_03(decide: Any, changes: dict[str, Any], on: date, verdict: str, outcome: str | set[str] | None) -> None:
    check(decide(POLICY, facts_with(changes), on=on, subject=PERSON), verdict, outcome)


@pytest.mark.parametrize(
    ("changes", "complete", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in INCOMPLETE]
)
def test_lists_not_known_to_be_complete(
    decide: Any, changes: dict[str, Any], complete: set[str], verdict: str, outcome: str | set[str] | None
) -> None:
    result = decide(POLICY, facts_with(changes), on=ON, subject=PERSON, complete=complete)
    check(result, verdict, outcome)


def test_each_certificate_for_itself(decide: Any) -> None:
    several = certificates(
        (COOK, 5, "2024-02-01"), (COOK, 3, "2024-06-01"), (WELDER, 4, "2024-05-01"), (WELDER, 2, None)
    )
    result = decide(POLICY, facts_with({**several, **receipts(paid("c2", "2024-07-01"))}), on=ON, subject=PERSON)
    assert result.verdicts == {"c1": INELIGIBLE, "c2": ELIGIBLE, "c3": ELIGIBLE, "c4": INELIGIBLE}
    assert result.amounts == {"c2": "2000.00", "c3": "1500.00"}


@pytest.mark.parametrize(("complete", "verdict"), [({"certificates"}, INELIGIBLE), (set(), UNDETERMINED)])
def test_without_a_certificate(decide: Any, complete: set[str], verdict: str) -> None:
    result = decide(POLICY, facts_with(dict.fromkeys(certificates())), on=ON, subject=PERSON, complete=complete)
    assert (result.verdict, result.missing) == (verdict, {"certificates"} - complete)


def test_persons_only(decide: Any) -> None:
    facts = {**facts_with({}), "kind": "enterprise", "region": "210102"}
    assert decide(POLICY, facts, on=ON).verdict == INELIGIBLE
