"""The world as a stream of events, sorted by time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from zhida.world.histories import history
from zhida.world.records import Record


def records(subjects: int, seed: int) -> Iterator[Record]:
    """Every record of the world by time; a larger world of the same seed holds the smaller one.

    The load streams; later records are held as text until all subjects are known, 0.7 KB each.
    """
    later: list[Record] = []
    for index in range(subjects):
        told = history(index, seed)
        later += told.later
        yield from told.load
    yield from sorted(later)


def generate(subjects: int, seed: int) -> Iterator[dict[str, Any]]:
    """The world's CloudEvents in structured JSON form, by time: registry changes and roster entries."""
    return (json.loads(record.line) for record in records(subjects, seed))
