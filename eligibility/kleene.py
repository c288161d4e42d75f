"""Kleene's strong three-valued logic (1952): None is unknown, and decides nothing it need not."""

from __future__ import annotations

from collections.abc import Iterable

Truth = bool | None


def all_of(values: Iterable[Truth]) -> Truth:
    """False when some value is, else unknown when some is, else true."""
    seen: set[Truth] = set(values)
    return False if False in seen else None if None in seen else True


def any_of(values: Iterable[Truth]) -> Truth:
    """True when some value is, else unknown when some is, else false."""
    seen: set[Truth] = set(values)
    return True if True in seen else None if None in seen else False


def negation(value: Truth) -> Truth:
    """Unknown stays unknown."""
    return None if value is None else not value
