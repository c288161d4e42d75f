"""Fact values as integers, in an order that keeps every comparison: what the index and the columns hold.

Integers and days stand for themselves. Decimals and ratios are scaled and carry a bit that says they were cut off,
`floor(x·10⁶)·2 + bit`, which is exact for ≥, >, ≤ and < against bounds of at most six digits. Regions and industries
are numbered so that a subtree is a span. Codes and identifiers are numbered as they are met.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import NamedTuple, cast

from eligibility.business_time import period_kind, relative_label
from eligibility.catalogue import Catalogue
from eligibility.derived import DERIVED
from eligibility.facts_view import Derived, FactsView
from eligibility.subject_file import NO_PERIOD, FactKey, own_values
from eligibility.values import Value, decode
from schemas.catalogue import FactDeclaration, FactType, PeriodKind
from schemas.industries import INDUSTRIES
from schemas.policy import RelativePeriod
from schemas.regions import REGIONS

MOST = 1 << 62
"""No code is further from 0. A decimal that would be is held there, and no bound is: such a test is left to the plain
evaluator."""

SCALE = 1_000_000
_REGIONS = sorted(REGIONS)
_REGION_CODES = {code: place for place, code in enumerate(_REGIONS)}
_BELOW_DIVISION = 121  # a group digit and a class digit, each 0–9 or none

Row = list[int | None]
"""A subject's facts as codes, one per attribute; None: unknown."""


class Attribute(NamedTuple):
    """What a test reads of a subject: a fact, base or derived, and for one given by period which, seen from today."""

    fact: str
    period: RelativePeriod | None = None


class Span(NamedTuple):
    """Codes from `low` to `high`, both included."""

    low: int
    high: int


@lru_cache(4_096)
def region_span(root: str) -> Span:
    """A region's subtree."""
    return Span(bisect_left(_REGIONS, root), bisect_left(_REGIONS, root + "~") - 1)


def industry_code(code: str) -> int:
    """An industry's number: by division, group and class."""
    division, below = int(code[1:3]), code[3:]
    group = int(below[0]) + 1 if below else 0
    return (division * 11 + group) * 11 + (int(below[1]) + 1 if len(below) == 2 else 0)


@lru_cache(4_096)
def industry_span(root: str) -> Span:
    """An industry's subtree: a section is the run of its divisions."""
    if len(root) == 1:
        divisions = [int(code[1:3]) for code in INDUSTRIES if code[0] == root and len(code) == 3]
        return Span(min(divisions) * _BELOW_DIVISION, max(divisions) * _BELOW_DIVISION + _BELOW_DIVISION - 1)
    low = industry_code(root)
    return Span(low, low + {3: _BELOW_DIVISION, 4: 11, 5: 1}[len(root)] - 1)


def number_code(value: Fraction | int) -> int:
    """A decimal or a ratio, scaled."""
    whole, rest = divmod(value.numerator * SCALE, value.denominator)
    return max(-MOST, min(2 * whole + (rest > 0), MOST))


def cut(operator: str, bound: Fraction, kind: FactType) -> tuple[int, bool] | None:
    """A bound as (at, side): it holds where `(code >= at) is side`. None where no code says it exactly."""
    if kind is FactType.INTEGER:
        at = ceil(bound) if operator in "≥<" else floor(bound) + 1
    else:
        scaled = bound * SCALE
        if scaled.denominator != 1:
            return None
        at = 2 * scaled.numerator + (operator in ">≤")
    return (at, operator in "≥>") if abs(at) < MOST else None


_Step = tuple[int, FactKey | None]


@dataclass
class Attributes:
    """The attributes in use, numbered, and how a value of each becomes a code.

    `reading`: the attributes that a base fact is an input of. `turning`: those that may be others when a period of a
    kind turns; under None, when a list becomes complete.
    """

    slots: dict[Attribute, int] = field(default_factory=dict)
    every: list[Attribute] = field(default_factory=list)
    kinds: list[FactType] = field(default_factory=list)
    reading: dict[str, list[int]] = field(default_factory=dict)
    turning: dict[PeriodKind | None, list[int]] = field(default_factory=dict)
    _names: list[dict[str, int]] = field(default_factory=list)
    _latest_plan: tuple[date, Catalogue, list[_Step]] | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.every)

    def copy(self) -> Attributes:
        """The same attributes and codes, to be added to by itself."""
        return deepcopy(self)

    def slot(self, attribute: Attribute, catalogue: Catalogue) -> int:
        """The number of an attribute, a new one where it was not in use."""
        known = self.slots.get(attribute)
        return self._add(attribute, catalogue.facts.get(attribute.fact)) if known is None else known

    def _add(self, attribute: Attribute, base: FactDeclaration | None) -> int:
        slot = self.slots[attribute] = len(self.every)
        declared = DERIVED[attribute.fact] if base is None else base
        derived = declared if isinstance(declared, Derived) else None
        self.every.append(attribute)
        self.kinds.append(declared.type)
        self._names.append({})
        for fact in (attribute.fact,) if derived is None else derived.base_facts:
            self.reading.setdefault(fact, []).append(slot)
        turns: list[PeriodKind | None] = [] if attribute.period is None else [period_kind(attribute.period)]
        if derived is not None and derived.dated:
            turns.append(PeriodKind.YEAR)  # the size class takes last year's sales
        if self.kinds[slot] is FactType.BOOLEAN:
            turns.append(None)
        for kind in turns:
            self.turning.setdefault(kind, []).append(slot)
        return slot

    def code(self, slot: int, value: Value) -> int:
        """A value's code."""
        match self.kinds[slot]:
            case FactType.DECIMAL:
                return number_code(cast(Fraction, value))
            case FactType.INTEGER | FactType.BOOLEAN:
                return int(cast(int, value))
            case FactType.DATE:
                return cast(date, value).toordinal()
            case FactType.REGION:
                return _REGION_CODES[cast(str, value)]
            case FactType.INDUSTRY:
                return industry_code(cast(str, value))
            case FactType.CODE | FactType.IDENTIFIER:
                names = self._names[slot]
                return names.setdefault(cast(str, value), len(names))

    def row(self, view: FactsView, slots: Iterable[int] | None = None, known: Row | None = None) -> Row:
        """A subject's codes on the view's day; `slots`: only these, the others being as known, or left unknown."""
        if slots is None:
            return self._whole_row(view)
        row: Row = [None] * len(self) if known is None else known + [None] * (len(self) - len(known))
        for slot in slots:
            fact, period = self.every[slot]
            value = view.value(fact, period)
            row[slot] = None if value is None else self.code(slot, value)
        return row

    def _whole_row(self, view: FactsView) -> Row:
        """The codes of all attributes: values become codes as they are stored."""
        stored = own_values(view.file.facts)
        row: Row = []
        for slot, key in self._plan(view):
            value = None if key is None else stored.get(key)
            if value is not None:
                row.append(self.code(slot, decode(value)))
            elif key is not None and self.kinds[slot] is not FactType.BOOLEAN:
                row.append(None)
            else:  # derived, told by the subject's key, or false where a list is complete
                seen = view.value(*self.every[slot])
                row.append(None if seen is None else self.code(slot, seen))
        return row

    def _plan(self, view: FactsView) -> list[_Step]:
        """Per slot, the fact that is its value on the view's day; None: no stored one says it."""
        known = self._latest_plan
        if known is not None and known[0] == view.today and known[1] is view.catalogue and len(known[2]) == len(self):
            return known[2]
        plan: list[_Step] = []
        for slot, (fact, period) in enumerate(self.every):
            label = NO_PERIOD if period is None else relative_label(view.today, period)
            plain = fact in view.catalogue.facts and fact != "kind"
            plan.append((slot, FactKey(fact, label) if plain else None))
        self._latest_plan = view.today, view.catalogue, plan
        return plan

    def __deepcopy__(self, memo: dict[int, object]) -> Attributes:
        made = memo[id(self)] = Attributes()  # without the plan, which would copy a whole catalogue
        parts = {name: part for name, part in vars(self).items() if name != "_latest_plan"}
        made.__dict__.update(deepcopy(parts, memo))
        return made
