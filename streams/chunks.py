"""What agents of the zhida transport work with: chunks of records, and who says where they start and end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol

import faust
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.errors import StopWorker

AgentBody = Callable[[Any], Awaitable[None]]


class AgentEnded(StopWorker):
    """An agent returned or was cancelled while the app ran on: nobody would take its next chunk."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of records of one partition, in offset order and never empty. Offsets may have holes: transaction
    markers, aborted records, compaction."""

    tp: TP
    records: tuple[ConsumerRecord, ...]

    @property
    def first_offset(self) -> int:
        return self.records[0].offset

    @property
    def next_offset(self) -> int:
        """One past the last record. Markers may follow, so it may stay below the partition's end offset."""
        return self.records[-1].offset + 1


EARLIEST = -1
"""What `acquire` returns to start wherever the partition begins."""


class Positions(Protocol):
    """Says where each assigned partition starts and how far it is done. Called in the app's event loop."""

    async def acquire(self, tp: TP) -> int | None:
        """Fence, load, and return where to start; None: the group's committed offset, else the earliest;
        EARLIEST: the earliest.

        Called once per assignment, for all its partitions at once, before any record of `tp` is delivered.
        May take long; is cancelled when the partition is revoked meanwhile. What it raises ends the app.
        """

    async def release(self, tps: set[TP]) -> None:
        """Finish or abandon the chunks in hand: delivery has stopped, and once this returns others own `tps`.

        Called on revoke and on stop, with all partitions whose `acquire` was begun, also if it was cancelled.
        """

    def next_offset(self, tp: TP) -> int | None:
        """The first offset not yet done, which the group commits; None: nothing done since `acquire`."""


class ChunkSchema(faust.Schema):
    """Passes a `Chunk` through untouched; Faust's codecs would take it for bytes to decode."""

    def loads_key(self, app: Any, message: Any, **options: Any) -> Any:
        return None

    def loads_value(self, app: Any, message: Any, **options: Any) -> Any:
        return message.value


def chunk_topic(app: faust.App, *names: str) -> Any:
    """The Faust topic to hang an agent of chunks on. Without acks: the positions say what is done."""
    return app.topic(*names, schema=ChunkSchema(), acks=False)


def chunk_agent(app: faust.App, *names: str, **options: Any) -> Callable[[AgentBody], Any]:
    """Declares ``async def agent(chunks)`` over the topics; but for a stop, the end of its body ends the app.

    Faust starts a failed or cancelled agent again, on the *next* chunk. Exceptions reach the transport, which
    crashes the app; a cancellation (that of an awaited future, say) and a return have to be made exceptions.
    """

    def declare(body: AgentBody) -> Any:
        @wraps(body)
        async def guarded(chunks: Any) -> None:
            try:
                await body(chunks)
            except asyncio.CancelledError as cancelled:
                if not app.should_stop:
                    raise AgentEnded(f"agent {body.__name__} was cancelled") from cancelled
            else:
                if not app.should_stop:
                    raise AgentEnded(f"agent {body.__name__} returned")

        return app.agent(chunk_topic(app, *names), **options)(guarded)

    return declare
