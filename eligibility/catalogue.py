"""The fact catalogue as the core uses it: declared facts and lists, complete lists, and the official calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from schemas.catalogue import CalendarYear, FactDeclaration, ListDeclaration


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Catalogue:
    """What may be said, by whom. `complete`: the day from which absence from a list is known to mean "not on it"."""

    facts: Mapping[str, FactDeclaration] = field(default_factory=_empty)
    lists: Mapping[str, ListDeclaration] = field(default_factory=_empty)
    complete: Mapping[str, date] = field(default_factory=_empty)
    calendars: Mapping[int, CalendarYear] = field(default_factory=lambda: MappingProxyType({}))

    def complete_as_of(self, name: str, day: date) -> date | None:
        """Since when a list or a boolean fact is complete, if it is on `day`."""
        as_of = self.complete.get(name)
        return as_of if as_of is not None and as_of <= day else None

    def completes_on(self, name: str, day: date) -> date | None:
        """The day after `day` from which a list or a boolean fact will be complete, if that is known."""
        as_of = self.complete.get(name)
        return as_of if as_of is not None and as_of > day else None
