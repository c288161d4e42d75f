"""Effects of a fold: decisions, notices and rejections, with ids derived from where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from schemas.decisions import Decision, JournalPosition
from schemas.notices import Notice
from schemas.rejected import Rejected

Effect = Decision | Notice | Rejected


@dataclass
class Stamp:
    """Gives effects their ids: (partition, origin, ordinal), the same at every replay.

    `origin`: the record's origin as text, or `pump/<n>`.
    """

    partition: int
    offset: int
    origin: str
    _ordinals: Iterator[int] = field(default_factory=count)

    def next_id(self) -> str:
        """The next effect's id."""
        return f"{self.partition}:{self.origin}:{next(self._ordinals)}"

    @property
    def position(self) -> JournalPosition:
        """Where in the journal the effects come from."""
        return JournalPosition(partition=self.partition, offset=self.offset)
