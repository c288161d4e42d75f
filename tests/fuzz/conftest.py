"""What the fuzz tests share: a small catalogue and policies, and how documents are mutated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st

from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import canonical_records, load_state
from schemas.journal import ControlEntry, Pump
from schemas.topics import PROVIDERS

FIRM, PERSON = "91210102MAHU03QE3Y", "p-0123456789abcdef0123456789abcdef"
AUTHORITY_KEY = "A" * 43 + "="
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 1.0, 1.1, 2**63, 10**30, float("nan"), float("inf"), "", "-", "1.10", "\x00", "é",
    "x" * 300, "P-1", "R-1", "hires", "receipts", "kind", "hired_on", "today", [], {}, [[]], {"not": {}},
    {"fact": "kind"}, {"own": "hire_wage"}, {"parameter": "limit"}, {"fact": "staff", "at_most": 3}, "2024", "2024Q1",
    "2024-02-30", "1900-01-01", "2200-12-31", "9999-12-31", "2024-07-01T00:00:00+08:00", "1900-01-01T00:00:00+08:00",
    "2200-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "last_year", "roster", "direct", "person",
]  # fmt: skip


def text(words: str) -> dict[str, str]:
    return {"zh": words, "en": words}


def declaration(name: str, provider: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": text(name), "provider": provider, "type": kind, **more}


KINDS = {kind: text(kind) for kind in ("enterprise", "individual_business", "person")}
STATEMENT: dict[str, Any] = {
    "effective_at": "2024-01-01T00:00:00+08:00",
    "lists": [
        {"name": "hires", "title": text("hires"), "provider": "human-resources"},
        {"name": "receipts", "title": text("receipts"), "provider": "finance"},
    ],
    "facts": [
        declaration("kind", "market-supervision", "code", codes=KINDS),
        declaration("region", "market-supervision", "region"),
        declaration("industry", "market-supervision", "industry"),
        declaration("established_on", "market-supervision", "date"),
        declaration("household_region", "public-security", "region"),
        declaration("staff", "human-resources", "integer"),
        declaration("employees_in_post", "human-resources", "integer"),
        declaration("premium", "human-resources", "decimal", period="year"),
        declaration("insured_staff", "human-resources", "integer", period="month"),
        declaration("honest", "courts", "boolean"),
        declaration("licence_to", "science-technology", "date"),
        declaration("hired_on", "human-resources", "date", list="hires"),
        declaration("hire_wage", "human-resources", "decimal", list="hires"),
        declaration("hire_trade", "human-resources", "identifier", list="hires"),
        *(
            declaration(f"receipt_{part}", "finance", kind, list="receipts")
            for part, kind in (
                ("policy", "identifier"),
                ("period", "identifier"),
                ("item", "identifier"),
                ("amount", "decimal"),
                ("date", "date"),
            )
        ),
    ],
    "complete": [{"name": "hires", "as_of": "2024-01-01"}, {"name": "honest", "as_of": "2024-06-01"}],
    "calendars": [{"year": 2024, "days_off": ["2024-10-01"], "working_days": ["2024-10-12"]}],
    "keys": [],
}
POLICY: dict[str, Any] = {
    "id": "P-1",
    "version": 1,
    "title": text("One"),
    "document": "1号",
    "issued_on": "2024-01-01",
    "made_by": "finance",
    "implemented_by": ["tax"],
    "region": "21",
    "zone": "no_apply",
    "list": "condition",
    "kind": "award",
    "subjects": ["enterprise", "person"],
    "valid": {"from": "2024-01-01", "to": "2027-12-31"},
    "parameters": {"limit": [{"from": "2024-01-01", "value": 30}, {"from": "2025-01-01", "value": "20"}]},
    "conditions": {
        "any": [
            {"fact": "staff", "at_most": {"parameter": "limit"}},
            {"all": [{"fact": "premium", "period": "last_year", "above": 0}, {"not": {"received": ["R-1"]}}]},
        ]
    },
    "rules": [
        {"when": {"fact": "honest", "equals": True}, "benefit": {"fixed": "1500", "top_up": ["R-1"]}},
        {"benefit": {"rate": "0.5", "of": {"fact": "premium", "period": "last_year"}, "cap": "900"}},
    ],
    "period": "year",
    "exclusion_groups": ["g-1"],
}
PER_HIRE: dict[str, Any] = {
    **POLICY,
    "id": "H-1",
    "zone": "direct",
    "list": None,
    "claim": {"from": "2024-02-01", "to": "2024-11-30"},
    "for_each": "hires",
    "reference": "hired_on",
    "valid_on": "reference",
    "conditions": {
        "all": [
            {"fact": "established_on", "years_ago": {"from": 1}},
            {"fact": "established_on", "reference": "today", "calendar_years_ago": {"from": 1}},
            {"fact": "licence_to", "not_past": True},
            {
                "items": "hires",
                "where": {"fact": "hire_trade", "equals": {"own": "hire_trade"}},
                "count": {"at_most": 2},
            },
            {
                "items": "hires",
                "where": {"fact": "hire_wage", "from": 1000},
                "share": {"from": "0.1"},
                "of": {"fact": "employees_in_post"},
            },
            {"received": ["H-1"], "item": "hires", "this_year": True, "times": {"below": 3}},
        ]
    },
    "rules": [{"benefit": {"each": "10", "of": "hire_wage", "full": "100", "cap": "1500"}}],
    "period": None,
}
ROSTER: dict[str, Any] = {
    **POLICY,
    "id": "R-1",
    "list": "roster",
    "conditions": {"fact": "region", "within": ["2101"]},
    "rules": [{"benefit": {"by_grade": {"A": "300", "B": "200"}}}],
    "succeeds": "P-0",
}
FACTS: dict[str, dict[str, Any]] = {
    "market-supervision": {
        "kind": "enterprise", "region": "210102", "industry": "C3411", "established_on": "2020-02-29",
    },
    "public-security": {"household_region": "210102"},
    "human-resources": {
        "staff": 20, "employees_in_post": 12, "premium": {"2023": "700.01", "2024": None},
        "insured_staff": {"2024-01": 3}, "hired_on": {"h1": "2024-03-01"}, "hire_wage": {"h1": "2000.10", "h2": None},
        "hire_trade": {"h1": "welder"},
    },
    "courts": {"honest": True},
    "science-technology": {"licence_to": "2024-12-31"},
    "finance": {
        "receipt_policy": {"r1": "R-1"}, "receipt_period": {"r1": "2024"}, "receipt_amount": {"r1": "300"},
        "receipt_date": {"r1": "2024-05-01"}, "receipt_item": {"r1": None},
    },
}  # fmt: skip


def dense(log: Iterable[Any]) -> list[bytes]:
    """Records as a journal: control records numbered in turn."""
    sequence, values = -1, []
    for record in log:
        if hasattr(record, "kind") and record.kind in ("epoch", "topic", "catalogue", "policy", "tick"):
            sequence += 1
            record = ControlEntry(sequence=sequence, record=record)
        values.append(record.model_dump_json(by_alias=True).encode())
    return values


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, name or index) in a document."""
    inside = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else [])
    return [(data, at) for at, _ in inside] + [place for _, value in inside for place in places(value)]


@st.composite
def mutated(draw: st.DrawFn, data: Any, most: int = 3) -> Any:
    """A document with some values changed, taken away, doubled, renamed, or put where others stood."""
    data = deepcopy(data)
    for _ in range(draw(st.integers(0, most))):
        every = places(data)
        if not every:
            return data
        container, at = draw(st.sampled_from(every))
        match draw(st.integers(0, 5)):
            case 0:
                other, there = draw(st.sampled_from(every))
                value = other[there] if isinstance(other, dict) or there < len(other) else None
                container[at] = deepcopy(value)
            case 1 if isinstance(container, dict):
                container[draw(st.sampled_from([str(key) for _, key in every]) | st.text(max_size=5))] = container.pop(
                    at
                )
            case 1:
                container.append(deepcopy(container[at]))
            case 2:
                del container[at]
            case _:
                container[at] = deepcopy(draw(st.sampled_from(ODD) | st.integers() | st.text(max_size=8)))
    return data


@st.composite
def nibbled(draw: st.DrawFn, value: bytes) -> bytes:
    """Bytes with a few of them changed, taken away or added."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(value) - 1, 0)))
        value = value[:at] + draw(st.binary(max_size=3)) + value[at + draw(st.integers(0, 2)) :]
    return value


@dataclass
class Journal:
    """A partition that is copied, folded and looked into."""

    state: PartitionState = field(default_factory=lambda: PartitionState(0))

    @classmethod
    def loaded(cls, records: dict[str, bytes]) -> Journal:
        return cls(load_state(0, records.items()))

    def fold(self, value: bytes) -> list[Effect]:
        return fold(self.state, self.state.offset + 1, value).effects

    def drain(self) -> list[Effect]:
        effects: list[Effect] = []
        for _ in range(50):
            if not self.state.open_work:
                return effects
            effects += self.fold(Pump(n=self.state.pump + 1).model_dump_json().encode())
        raise AssertionError("the work left open does not end")

    @property
    def records(self) -> dict[str, bytes]:
        return canonical_records(self.state)

    @property
    def kept(self) -> dict[str, Any]:
        """The records, without what also a refused record moves."""
        records: dict[str, Any] = self.records
        checkpoint = json.loads(records.pop("ckpt"))
        moved = ("offset", "quarantined", "sequence", "pump")
        return {**records, "ckpt": {name: value for name, value in checkpoint.items() if name not in moved}}


class Fuzz:
    """What the tests of this folder share."""

    firm, person, statement, facts = FIRM, PERSON, STATEMENT, FACTS
    policies = (POLICY, PER_HIRE, ROSTER)
    authority_key, odd, providers = AUTHORITY_KEY, ODD, PROVIDERS
    mutated: Callable[..., Any] = staticmethod(mutated)
    nibbled: Callable[..., Any] = staticmethod(nibbled)
    dense, journal = staticmethod(dense), Journal


@pytest.fixture(scope="session")
def fuzz() -> type[Fuzz]:
    return Fuzz
