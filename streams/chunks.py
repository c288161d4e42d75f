"""What agents of the zhida transport work with: chunks of records, and who says where they start and end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol

import faust
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.errors import StopWorker

Work = Callable[["Chunk"], Awaitable[None]]


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


@dataclass(frozen=True, slots=True)
class Committed:
    """What `acquire` returns to start at the offset that the group has committed under the same label, such as a
    topic's generation. Where the label is another the offset means nothing, and the partition is begun anew."""

    label: str


class Positions(Protocol):
    """Says where each assigned partition starts and how far it is done. Called in the app's event loop."""

    async def acquire(self, tp: TP) -> int | Committed | None:
        """Fence, load, and return where to start; None and `Committed`: the group's committed offset, else the
        earliest; EARLIEST: the earliest.

        Called once per assignment, for all its partitions at once, before any record of `tp` is delivered.
        May take long; is cancelled when the partition is revoked meanwhile. What it raises ends the app.
        """

    async def release(self, tps: set[TP]) -> None:
        """Finish or abandon the chunks in hand: delivery has stopped, and once this returns others own `tps`.

        Called on revoke and on stop, with all partitions whose `acquire` was begun, also if it was cancelled.
        """

    def next_offset(self, tp: TP) -> int | None:
        """The first offset not yet done, which the group commits; None: nothing done since `acquire`.

        It comes to the end of every chunk that is worked off; one that stands still ends the worker.
        """


class ChunkSchema(faust.Schema):
    """Passes a `Chunk` through untouched; Faust's codecs would take it for bytes to decode."""

    def loads_key(self, app: Any, message: Any, **options: Any) -> Any:
        return None

    def loads_value(self, app: Any, message: Any, **options: Any) -> Any:
        return message.value


def chunk_topic(app: faust.App, *names: str) -> Any:
    """The Faust topic to hang an agent of chunks on. Without acks: the positions say what is done."""
    return app.topic(*names, schema=ChunkSchema(), acks=False)


def chunk_agent(app: faust.App, *names: str, **options: Any) -> Callable[[Work], Any]:
    """Declares ``async def work(chunk)`` as an agent over the topics; a chunk is finished when it returns.

    A partition's next chunk comes when its last is finished; partitions do not wait for each other. What the work
    raises ends the app, and so does anything but a stop that ends the agent: Faust starts a failed or cancelled agent
    again, on the *next* chunk.
    """

    def declare(work: Work) -> Any:
        # A chunk that a revoke did not wait for may still be in hand when the partition has come back.
        in_hand: defaultdict[TP, asyncio.Lock] = defaultdict(asyncio.Lock)

        async def work_off(chunk: Chunk) -> None:
            consumer: Any = app.consumer
            async with in_hand[chunk.tp]:
                if not consumer.take(chunk):
                    return
                try:
                    await work(chunk)
                except asyncio.CancelledError as cancelled:
                    if not app.should_stop:
                        await consumer.fail(_ended(work, "was cancelled", cancelled))
                except Exception as error:
                    await consumer.fail(error)
                else:
                    consumer.finish(chunk)

        @wraps(work)
        async def agent(chunks: Any) -> None:
            lanes: set[asyncio.Task[None]] = set()
            try:
                async for chunk in chunks:
                    lane = asyncio.create_task(work_off(chunk))
                    lanes.add(lane)
                    lane.add_done_callback(lanes.discard)
            except asyncio.CancelledError as cancelled:
                if not app.should_stop:
                    raise _ended(work, "was cancelled", cancelled) from cancelled
            else:
                if not app.should_stop:
                    raise _ended(work, "returned")
            finally:
                for lane in lanes:
                    lane.cancel()

        return app.agent(chunk_topic(app, *names), **options)(agent)

    return declare


def _ended(work: Work, how: str, cause: BaseException | None = None) -> AgentEnded:
    error = AgentEnded(f"agent {work.__name__} {how}")
    error.__cause__ = cause
    return error
