"""A Faust transport that fences, loads, seeks and only then delivers, in chunks, and commits what is done.

Broker URL ``zhida://host:port``. The app carries ``app.positions`` (`Positions`) and, where the defaults do not do,
``app.isolation_level`` (``read_uncommitted``) and ``app.chunks_at_once`` (no limit). Tables and Faust's own
exactly_once are refused: the state has an owner already. Each override says which behaviour of Faust 0.15.3 it
replaces, and why.

A chunk is bounded in records and bytes (`CHUNK_RECORDS`, `CHUNK_BYTES`), and nothing waits for it to fill: a record
leaves as soon as its partition's last chunk is finished and fewer than ``app.chunks_at_once`` are out, the partition
that has waited longest first, having waited `FETCH_WAIT_MS` at most for a fetch of other partitions. In memory there
are at most `HELD_BYTES`, one run of `CHUNK_RECORDS`, and what aiokafka has prefetched: for each partition
``consumer_max_fetch_size``, or one batch that is larger, whatever the backlog.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from operator import attrgetter
from typing import Any

from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import OffsetAndMetadata
from faust.exceptions import ImproperlyConfigured
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from faust.types.enums import ProcessingGuarantee
from mode import Service

from streams.backlog import Backlog
from streams.chunks import AgentEnded, Chunk, Committed, Positions, chunk_agent, chunk_topic
from streams.consumer_thread import FETCH_WAIT_MS, ConsumerThread, StartOutOfRange
from streams.errors import StopWorker

__all__ = [
    "AgentEnded",
    "Chunk",
    "Committed",
    "Positions",
    "StartOutOfRange",
    "Transport",
    "chunk_agent",
    "chunk_topic",
]

HELD_BYTES = 67_108_864  # in the chunks that are out and behind them, over all partitions, as `size_of` counts
FINISH_WITHIN = 5.0  # seconds that a revoke and a stop give the chunks in hand
WATCH_EVERY = 1.0  # seconds; looks are counted, not time, as a process that was stopped has not been stuck
STILL_AT_MOST = 60  # looks without progress; more than COMMIT_DEADLINE
OUTSIDE_AT_MOST = 120  # looks outside the group


class Consumer(driver.Consumer):
    """Delivers a partition from the moment it is owned (acquired, and its seek done) until it is revoked."""

    app: Any
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Faust's own `in_transaction` is true only under its own worker command.
        if self.app.tables or self.app.conf.processing_guarantee == ProcessingGuarantee.EXACTLY_ONCE:
            raise ImproperlyConfigured("zhida:// works without Faust's tables and without its exactly_once")
        #: Changes whenever the assignment does. What began in an earlier turn must not touch this one.
        self.turn = 0
        self._seeks = 0
        self._delivered = 0
        self._sought_in = -1
        self._settled = asyncio.Event()
        self._acquiring: dict[TP, asyncio.Task[None]] = {}
        self._owned: dict[TP, Backlog] = {}
        self._to_deliver = asyncio.Event()
        self._finished = asyncio.Event()
        self._releasing = asyncio.Lock()
        #: A fetch moves positions. One under way across a seek would take records that nobody gets.
        self._moving = asyncio.Lock()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # Faust makes all that is assigned active, and its recovery seeks and resumes it within a request
        # timeout. Here each partition waits for its own acquire, in a task that only a revoke bounds.
        self.turn += 1
        self._settled.clear()
        await super().on_partitions_assigned(assigned, generation_id)
        if not self.app.should_stop:
            self._acquiring = {tp: asyncio.create_task(self._acquire(tp)) for tp in sorted(assigned)}

    async def _acquire(self, tp: TP) -> None:
        try:
            where = await self.app.positions.acquire(tp)
            start = await self._thread.call_thread(self._thread.locate, tp, where)
            # Faust ends a rebalance by clearing the agents' queues: what is delivered before that is lost.
            await self._settled.wait()
            async with self._moving:
                await self._thread.call_thread(self._thread.seek_all, self.turn, {tp: start})
            label = where.label if isinstance(where, Committed) else ""
            self._owned[tp] = Backlog(tp, start, label, self.app.consumer_generation_id)
        except Exception as error:
            await self.fail(error)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Faust drops its acked offsets before it commits them (#502). The positions keep theirs until they
        # are released: from within, by wait_empty, where delivery has stopped; here where Faust does not ask.
        await super().on_partitions_revoked(revoked)
        await self._let_go()

    async def wait_empty(self) -> None:
        # Faust collects garbage and waits without limit for acks. It asks on revoke and on stop, when
        # delivery has stopped and the agents still run; the owner of the positions finishes or abandons.
        await self._let_go()

    async def on_stop(self) -> None:
        # Faust commits only acked offsets here where stream_wait_empty is off.
        await self._let_go()
        await super().on_stop()

    async def _let_go(self) -> None:
        """Release all partitions (assignment is eager), then commit what is done, while still a member."""
        async with self._releasing:
            self.turn += 1
            tasks, self._acquiring = self._acquiring, {}
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            if tasks:
                try:
                    await self._finish_what_is_in_hand()
                    await self.app.positions.release(set(tasks))
                except Exception as error:
                    await self.fail(error)
                if not self.crashed:  # a crash has taken the consumer's thread with it
                    await self.maybe_wait_for_commit_to_finish()  # its offsets may precede the release
                    await self.commit()
                self._owned.clear()

    async def _finish_what_is_in_hand(self) -> None:
        """What takes longer is left to itself: its end is not ours any more, and its offset is not committed."""
        try:
            async with asyncio.timeout(FINISH_WITHIN):
                while not self.crashed and any(backlog.in_hand for backlog in self._owned.values()):
                    self._finished.clear()
                    await self._finished.wait()
        except TimeoutError:
            self.log.warning("a chunk in hand was left unfinished after %s s", FINISH_WITHIN)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        # Faust looks where acks came in.
        return (tp for tp in list(self._owned) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        # Faust derives the offset from acks and gaps, and can pass a record that nobody acked (#606, #527).
        offset: int | None = self.app.positions.next_offset(tp)
        return offset

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Faust commits without metadata.
        labelled = {
            tp: OffsetAndMetadata(offset, self._owned[tp].label) for tp, offset in offsets.items() if tp in self._owned
        }
        committed: bool = await self._thread.call_thread(self._thread.commit_labelled, labelled)
        return committed

    def perform_seek(self) -> Coroutine[Any, Any, None]:
        # Faust seeks everything to the group's committed offsets at the end of a rebalance. A plain method:
        # the turn has to be that of Faust's check of the generation, just before the call.
        return self._seek_to_done(self.turn)

    async def _seek_to_done(self, turn: int) -> None:
        self._sought_in = turn
        if self._owned and turn == self.turn:
            self._seeks += 1
            done = {tp: self.app.positions.next_offset(tp) for tp in self._owned}
            starts = {tp: self._owned[tp].start if offset is None else offset for tp, offset in done.items()}
            self._owned = {
                tp: Backlog(tp, start, self._owned[tp].label, self.app.consumer_generation_id)
                for tp, start in starts.items()
            }
            async with self._moving:
                await self._thread.call_thread(self._thread.seek_all, turn, starts)

    def resume_flow(self) -> None:
        # The last step of Faust's rebalance; it can also come late, from a rebalance that was overtaken.
        super().resume_flow()
        if self._sought_in == self.turn:
            self._settled.set()

    async def _drain_messages(self, fetcher: Any) -> None:
        # Faust's loop delivers record by record, at several tasks each, counts acks, builds gaps that can cover real
        # records, and drops in silence what lies below the last offset it read, also after a seek backwards.
        try:
            while not (self.should_stop or fetcher.should_stop):
                await self._fetch()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    async def _fetch(self) -> None:
        """Take in what has come for the partitions that have room."""
        # Faust shares its set of active partitions with the fetching thread, so that a run fetched before a
        # rebalance may be delivered after it.
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        began = (self.turn, self._seeks)
        held = sum(backlog.held for backlog in self._owned.values())
        wanted = {tp for tp, backlog in self._owned.items() if held < HELD_BYTES and backlog.has_room}
        if not wanted:  # to aiokafka, an empty set would be all
            await self._thread.call_thread(self._thread.idle, FETCH_WAIT_MS / 1000)
            return
        async with self._moving:
            runs = await self._getmany(wanted, FETCH_WAIT_MS / 1000)
        if self.should_stop or not self.flow_active or began != (self.turn, self._seeks):
            return  # a seek has come, or will come with the next acquire
        for partition, records in runs.items():
            self._owned[ensure_TP(partition)].add(records)
        self._to_deliver.set()

    @Service.task
    async def _deliver(self) -> None:
        while not self.should_stop:
            await self.wait_first(self._to_deliver.wait())
            self._to_deliver.clear()
            most = getattr(self.app, "chunks_at_once", None)
            for backlog in sorted(self._owned.values(), key=attrgetter("delivered")):
                out = sum(each.out is not None for each in self._owned.values())
                if not self.flow_active or (most is not None and out >= most):
                    break
                if (chunk := backlog.next_chunk()) is not None:
                    self._delivered += 1
                    backlog.delivered = self._delivered
                    message = _message(chunk, backlog.generation)
                    await self.wait_first(self.callback(message), self.suspend_flow.wait())

    def take(self, chunk: Chunk) -> bool:
        """Whether a chunk that came to its agent is to be worked on; it is in hand from now on."""
        backlog = self._owned.get(chunk.tp)
        if not self.flow_active or backlog is None or backlog.out is not chunk:
            return False  # the partition was revoked or sought anew meanwhile, or the worker stops
        backlog.in_hand = True
        return True

    def finish(self, chunk: Chunk) -> None:
        """The agent is done with a chunk: its partition can have the next."""
        backlog = self._owned.get(chunk.tp)
        if backlog is not None and backlog.out is chunk:
            backlog.finished()
            self._to_deliver.set()
            self._finished.set()

    @Service.task
    async def _watch(self) -> None:
        """End a worker that stands still. It polls on, so that the group keeps it, but nothing comes of it; or it is
        outside the group, and aiokafka does not join again (aiokafka#1187)."""
        outside = 0
        while not self.should_stop:
            await self.sleep(WATCH_EVERY)
            for tp, backlog in self._owned.items():
                if backlog.still_for(self.app.positions.next_offset(tp)) >= STILL_AT_MOST:
                    where = f"{tp.topic}[{tp.partition}]"
                    why = f"{where}: a chunk stands still, nothing done for {STILL_AT_MOST} s"
                    return await self.fail(StopWorker(why))
            outside = 0 if self._thread.is_member() else outside + 1
            if outside >= OUTSIDE_AT_MOST:
                return await self.fail(StopWorker(f"outside the consumer group for {OUTSIDE_AT_MOST} s"))

    def verify_event_path(self, now: float, tp: TP) -> None:
        # Faust reports a partition that is held as stuck.
        return None

    async def on_task_error(self, exc: BaseException) -> None:
        # An agent raised. Faust commits and starts the agent again, on the next chunk.
        await self.fail(exc)

    async def fail(self, error: BaseException) -> None:
        """End the app, and give nothing more to any agent, not even what is in its queue."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        await self.app.crash(error)


def _message(chunk: Chunk, generation: int) -> Any:
    """A chunk as Faust's queues carry it."""
    tp, last = chunk.tp, chunk.records[-1]
    message: Any = ConsumerMessage(
        tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type, [], None,
        None, None, -1, -1, tp, generation_id=generation,
    )  # fmt: skip
    message.value = chunk
    return message


class Transport(driver.Transport):
    """What the entry point ``zhida`` of the group ``faust.transports`` names."""

    Consumer = Consumer
