"""Row 18, 专精特新奖励 of a fictional county, a roster with top-up: expectations worked out by hand from the table."""

from datetime import date
from typing import Any

import pytest

POLICY = "SX-2024-ZJTX"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
BASE = {"kind": "enterprise", "registration_status": "active", "region": "2101X1"}


def entry(grade: str, item: str | None = None, member: bool = True) -> dict[str, Any]:
    """A line of the roster; without more said, its item is the grade itself."""
    return {"grade": grade, "item": item or grade, "member": member}


def receipts(*lines: tuple[str, str | None, str | None], policy: str = POLICY) -> dict[str, Any]:
    """Receipts by item, amount and day."""
    names = ("receipt_item", "receipt_amount", "receipt_date")
    columns = {name: {f"r{n}": line[i] for n, line in enumerate(lines, 1)} for i, name in enumerate(names)}
    found: dict[str, Any] = {n: {r: v for r, v in column.items() if v is not None} for n, column in columns.items()}
    return {**found, "receipt_policy": {f"r{n}": policy for n in range(1, len(lines) + 1)}}


PROVINCE, GIANT, KEY = entry("province"), entry("little_giant"), entry("key_little_giant")
PROVINCE_PAID = ("province", "200000.00", "2024-03-01")
GIANT_PAID = ("little_giant", "500000.00", "2024-04-01")
TOPPED_UP = ("little_giant", "300000.00", "2024-04-01")
KEY_PAID = ("key_little_giant", "2000000.00", "2024-05-06")

# label, facts changed (None: missing), roster, on, verdict, amounts in 元 by item, or what is missing if undetermined
CASES: list[tuple[str, dict[str, Any], list[dict[str, Any]], date, str, dict[str, str] | set[str]]] = [
    # By grade, where nothing was paid.
    ("province", {}, [PROVINCE], ON, ELIGIBLE, {"province": "200000.00"}),
    ("little giant", {}, [GIANT], ON, ELIGIBLE, {"little_giant": "500000.00"}),
    ("key little giant", {}, [KEY], ON, ELIGIBLE, {"key_little_giant": "2000000.00"}),
    # The difference to what was already paid.
    ("little giant after province", receipts(PROVINCE_PAID), [GIANT], ON, ELIGIBLE, {"little_giant": "300000.00"}),
    ("key after province", receipts(PROVINCE_PAID), [KEY], ON, ELIGIBLE, {"key_little_giant": "1800000.00"}),
    ("key after little giant", receipts(GIANT_PAID), [KEY], ON, ELIGIBLE, {"key_little_giant": "1500000.00"}),
    ("key after both", receipts(PROVINCE_PAID, TOPPED_UP), [KEY], ON, ELIGIBLE, {"key_little_giant": "1500000.00"}),
    ("less paid than due", receipts(("province", "123456.78", "2024-03-01")), [GIANT], ON, ELIGIBLE,
     {"little_giant": "376543.22"}),
    ("a cent left", receipts(("y2023", "199999.99", "2024-03-01")), [PROVINCE], ON, ELIGIBLE, {"province": "0.01"}),
    ("just as much paid", receipts(("y2023", "200000.00", "2024-03-01")), [PROVINCE], ON, INELIGIBLE, {}),
    ("a cent more paid", receipts(("y2023", "200000.01", "2024-03-01")), [PROVINCE], ON, INELIGIBLE, {}),
    ("province after little giant", receipts(GIANT_PAID), [PROVINCE], ON, INELIGIBLE, {}),
    ("little giant after key", receipts(KEY_PAID), [GIANT], ON, INELIGIBLE, {}),
    ("another policy's award", receipts(PROVINCE_PAID, policy="SY-GXQ-GQJL"), [GIANT], ON, ELIGIBLE,
     {"little_giant": "500000.00"}),
    # The receipt of the line itself, or what came after it, does not undo the match.
    ("paid", receipts(PROVINCE_PAID), [PROVINCE], ON, ELIGIBLE, {"province": "200000.00"}),
    ("topped up", receipts(PROVINCE_PAID, TOPPED_UP), [GIANT], ON, ELIGIBLE, {"little_giant": "300000.00"}),
    ("all three", receipts(PROVINCE_PAID, TOPPED_UP, ("key_little_giant", "1500000.00", "2024-05-06")),
     [PROVINCE, GIANT, KEY], ON, ELIGIBLE,
     {"province": "200000.00", "little_giant": "300000.00", "key_little_giant": "1500000.00"}),
    ("both lines, one paid", receipts(PROVINCE_PAID), [PROVINCE, GIANT], ON, ELIGIBLE,
     {"province": "200000.00", "little_giant": "300000.00"}),
    # Not on the list, or taken off it.
    ("no entry", {}, [], ON, INELIGIBLE, {}),
    ("taken off", {}, [entry("province", member=False)], ON, INELIGIBLE, {}),
    ("lower taken off", receipts(PROVINCE_PAID), [entry("province", member=False), GIANT], ON, ELIGIBLE,
     {"little_giant": "300000.00"}),
    # Who and where: enterprises of the county only.
    ("individual business", {"kind": "individual_business"}, [PROVINCE], ON, INELIGIBLE, {}),
    ("person", {"kind": "person"}, [PROVINCE], ON, INELIGIBLE, {}),
    ("the county next to it", {"region": "210123"}, [PROVINCE], ON, INELIGIBLE, {}),
    ("functional zone", {"region": "2101G1"}, [PROVINCE], ON, INELIGIBLE, {}),
    # 2024-01-01 to 2025-12-31, a choice of ours: the table gives no dates.
    ("day before", {}, [PROVINCE], date(2023, 12, 31), INELIGIBLE, {}),
    ("first day", {}, [PROVINCE], date(2024, 1, 1), ELIGIBLE, {"province": "200000.00"}),
    ("last day", {}, [PROVINCE], date(2025, 12, 31), ELIGIBLE, {"province": "200000.00"}),
    ("day after", {}, [PROVINCE], date(2026, 1, 1), INELIGIBLE, {}),
    # One fact missing; and what is false decides, whatever is missing.
    ("kind missing", {"kind": None}, [PROVINCE], ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, [PROVINCE], ON, UNDETERMINED, {"region"}),
    ("kind and region missing", {"kind": None, "region": None}, [PROVINCE], ON, UNDETERMINED, {"kind", "region"}),
    ("kind missing, elsewhere", {"kind": None, "region": "210123"}, [PROVINCE], ON, INELIGIBLE, {}),
    ("kind missing, no entry", {"kind": None}, [], ON, INELIGIBLE, {}),
    ("status missing", {"registration_status": None}, [PROVINCE], ON, ELIGIBLE, {"province": "200000.00"}),
    ("amount paid missing", receipts(("province", None, "2024-03-01")), [GIANT], ON, UNDETERMINED, {"receipt_amount"}),
    ("day paid missing", receipts(("province", "200000.00", None)), [GIANT], ON, ELIGIBLE,
     {"little_giant": "300000.00"}),
]  # fmt: skip

# label, facts changed, roster, verdict, amounts in 元 by item, or what is missing if undetermined
INCOMPLETE: list[tuple[str, dict[str, Any], list[dict[str, Any]], str, dict[str, str] | set[str]]] = [
    ("nothing known", {}, [PROVINCE], UNDETERMINED, {"receipts"}),
    ("something known", receipts(PROVINCE_PAID), [GIANT], UNDETERMINED, {"receipts"}),
    ("elsewhere", {"region": "210123"}, [PROVINCE], INELIGIBLE, {}),
    ("no entry", {}, [], INELIGIBLE, {}),
]


def check(result: Any, verdict: str, outcome: dict[str, str] | set[str]) -> None:
    assert result.verdict == verdict
    assert result.amounts == (outcome if verdict == ELIGIBLE else {})
    if verdict == UNDETERMINED:
        assert result.missing == outcome


def facts_with(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**BASE, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "roster", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_18(
    decide: Any,
    changes: dict[str, Any],
    roster: list[dict[str, Any]],
    on: date,
    verdict: str,
    outcome: dict[str, str] | set[str],
) -> None:
    check(decide(POLICY, facts_with(changes), on=on, roster=roster), verdict, outcome)


@pytest.mark.parametrize(
    ("changes", "roster", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in INCOMPLETE]
)
def test_receipts_not_known_to_be_complete(
    decide: Any,
    changes: dict[str, Any],
    roster: list[dict[str, Any]],
    verdict: str,
    outcome: dict[str, str] | set[str],
) -> None:
    check(decide(POLICY, facts_with(changes), on=ON, roster=roster, complete=set()), verdict, outcome)
