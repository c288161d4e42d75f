"""Row 16, 沈阳高新区高企奖励, a roster: expectations worked out by hand from the table of policies."""

from datetime import date
from typing import Any

import pytest

POLICY = "SY-GXQ-GQJL"
ON = date(2024, 7, 15)
ELIGIBLE, INELIGIBLE, UNDETERMINED = "eligible", "ineligible", "undetermined"
BASE = {"kind": "enterprise", "registration_status": "active", "region": "2101G1"}


def entry(grade: str, item: str = "certificate", member: bool = True) -> dict[str, Any]:
    return {"grade": grade, "item": item, "member": member}


FIRST = entry("first_recognition")
RENEWAL = entry("renewal")
ABOVE_SCALE = entry("first_above_scale", "above_scale")
OFF_CERTIFICATE = entry("renewal", member=False)

# label, facts changed (None: missing), roster, on, verdict, amounts in 元 by item, or the missing facts if undetermined
CASES: list[tuple[str, dict[str, Any], list[dict[str, Any]], date, str, dict[str, str] | set[str]]] = [
    # By grade: first recognition 200,000, renewal 50,000, first time above scale another 300,000.
    ("first recognition", {}, [FIRST], ON, ELIGIBLE, {"certificate": "200000.00"}),
    ("renewal", {}, [RENEWAL], ON, ELIGIBLE, {"certificate": "50000.00"}),
    ("first above scale", {}, [ABOVE_SCALE], ON, ELIGIBLE, {"above_scale": "300000.00"}),
    ("first and above scale", {}, [FIRST, ABOVE_SCALE], ON, ELIGIBLE,
     {"certificate": "200000.00", "above_scale": "300000.00"}),
    ("renewal and above scale", {}, [RENEWAL, ABOVE_SCALE], ON, ELIGIBLE,
     {"certificate": "50000.00", "above_scale": "300000.00"}),
    # Not on the list, or taken off it.
    ("no entry", {}, [], ON, INELIGIBLE, {}),
    ("taken off", {}, [OFF_CERTIFICATE], ON, INELIGIBLE, {}),
    ("one taken off, one on", {}, [OFF_CERTIFICATE, ABOVE_SCALE], ON, ELIGIBLE, {"above_scale": "300000.00"}),
    # Who and where: enterprises of the zone only. The district around it is not the zone.
    ("individual business", {"kind": "individual_business"}, [FIRST], ON, INELIGIBLE, {}),
    ("person", {"kind": "person"}, [FIRST], ON, INELIGIBLE, {}),
    ("Hunnan District", {"region": "210112"}, [FIRST], ON, INELIGIBLE, {}),
    ("Dalian High-tech Zone", {"region": "2102G1"}, [FIRST], ON, INELIGIBLE, {}),
    # 2024-01-01 to 2026-12-31, a choice of ours: the table gives no dates.
    ("day before", {}, [FIRST], date(2023, 12, 31), INELIGIBLE, {}),
    ("first day", {}, [FIRST], date(2024, 1, 1), ELIGIBLE, {"certificate": "200000.00"}),
    ("last day", {}, [FIRST], date(2026, 12, 31), ELIGIBLE, {"certificate": "200000.00"}),
    ("day after", {}, [FIRST], date(2027, 1, 1), INELIGIBLE, {}),
    # One fact missing; and what is false decides, whatever is missing.
    ("kind missing", {"kind": None}, [FIRST], ON, UNDETERMINED, {"kind"}),
    ("region missing", {"region": None}, [FIRST], ON, UNDETERMINED, {"region"}),
    ("kind and region missing", {"kind": None, "region": None}, [FIRST], ON, UNDETERMINED, {"kind", "region"}),
    ("kind missing, elsewhere", {"kind": None, "region": "210112"}, [FIRST], ON, INELIGIBLE, {}),
    ("kind missing, no entry", {"kind": None}, [], ON, INELIGIBLE, {}),
    ("kind missing, taken off", {"kind": None}, [OFF_CERTIFICATE], ON, INELIGIBLE, {}),
    # The list is the department's: nothing else is asked.
    ("status missing", {"registration_status": None}, [FIRST], ON, ELIGIBLE, {"certificate": "200000.00"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "roster", "on", "verdict", "outcome"), [pytest.param(*case, id=label) for label, *case in CASES]
)
def test_row_16(
    decide: Any,
    changes: dict[str, Any],
    roster: list[dict[str, Any]],
    on: date,
    verdict: str,
    outcome: dict[str, str] | set[str],
) -> None:
    facts = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    result = decide(POLICY, facts, on=on, roster=roster)
    assert result.verdict == verdict
    assert result.amounts == (outcome if verdict == ELIGIBLE else {})
    if verdict == UNDETERMINED:
        assert result.missing == outcome
