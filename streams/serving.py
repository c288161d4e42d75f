"""Serving: committed notices put into the read model, whose own high-water says where to go on.

The read model is rebuilt from Kafka: where it is empty, serving begins at the topic's beginning.
"""

from __future__ import annotations

from typing import Protocol

from faust.types import TP

from schemas.notices import Notice
from streams.chunks import EARLIEST, Chunk


class NoticeList(Protocol):
    """The read model's list of notices; it takes each (partition, offset) once."""

    async def next_offset(self, partition: int) -> int:
        """One past the last offset taken of a partition; 0 before the first."""

    async def append(self, partition: int, offset: int, notice: Notice) -> None:
        """Take a notice, unless its offset was taken before."""


class Serving:
    """The positions and the work of the edge role."""

    def __init__(self, notices: NoticeList) -> None:
        self._notices = notices
        self._done: dict[TP, int] = {}

    async def acquire(self, tp: TP) -> int | None:
        """Go on where the read model stands, not where a group once was: it may have been emptied since."""
        self._done.pop(tp, None)
        return await self._notices.next_offset(tp.partition) or EARLIEST

    async def release(self, tps: set[TP]) -> None:
        """Nothing is in hand that the next owner's compare-and-set would not drop."""

    def next_offset(self, tp: TP) -> int | None:
        """The first offset the read model does not have."""
        return self._done.get(tp)

    async def serve(self, chunk: Chunk) -> None:
        """Put a chunk of notices into the read model."""
        for record in chunk.records:
            notice = Notice.model_validate_json(record.value)
            await self._notices.append(chunk.tp.partition, record.offset, notice)
        self._done[chunk.tp] = chunk.next_offset
