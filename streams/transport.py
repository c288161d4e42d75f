"""A Faust transport that fences, loads, seeks and only then delivers, in chunks, and commits what is done.

Broker URL ``zhida://host:port``. The app carries ``app.positions`` (`Positions`) and, where the default
``read_uncommitted`` does not do, ``app.isolation_level``. Tables and Faust's own exactly_once are refused:
the state has an owner already. Each override says which behaviour of Faust 0.15.3 it replaces, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError
from faust.exceptions import ImproperlyConfigured
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.chunks import EARLIEST, AgentEnded, Chunk, Positions, chunk_agent, chunk_topic
from streams.errors import StopWorker

__all__ = ["AgentEnded", "Chunk", "Positions", "StartOutOfRange", "Transport", "chunk_agent", "chunk_topic"]


FETCH_MAX_WAIT_MS = 20


class StartOutOfRange(StopWorker):
    """The partition does not have the offset to start at, or has it no longer. An operator must decide."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer lives on a loop of its own; what touches it runs there, through `call_thread`."""

    consumer: Consumer

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        # Faust reads committed records only under its own exactly_once; there is no setting.
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = getattr(self.app, "isolation_level", "read_uncommitted")
        # Faust's 1.5 s: one fetch is under way at a time, and a partition whose records are in hand is not in it.
        # What is appended to it meanwhile, such as a pump, would wait for a fetch of the others to time out.
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        return consumer

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # Faust's own pausing lets aiokafka prefetch on. Held here, as the callback in the app's loop must not
        # call back into this thread: when that is being stopped, neither would ever end.
        self._ensure_consumer().pause(*(TopicPartition(*tp) for tp in assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    async def locate(self, tp: TP, start: int | None) -> int:
        """Resolve None to the committed or earliest offset, and check that the partition has the offset."""
        consumer, partition = self._ensure_consumer(), TopicPartition(*tp)
        earliest = (await consumer.beginning_offsets([partition]))[partition]
        if start is None:
            start = await consumer.committed(partition)
        if start is None or start == EARLIEST:
            return earliest
        end = (await consumer.end_offsets([partition]))[partition]
        if not earliest <= start <= end:
            # aiokafka would reset to the earliest offset, and skip what is gone without a word.
            raise StartOutOfRange(f"{tp.topic}[{tp.partition}] starts at {start} but has {earliest} to {end}")
        return start

    async def seek_all(self, turn: int, starts: Mapping[TP, int]) -> None:
        """Seek and end the hold in one step, unless the assignment that asked for it is gone."""
        if turn == self.consumer.turn:
            for tp, start in starts.items():
                self._ensure_consumer().seek(TopicPartition(*tp), start)
                self._ensure_consumer().resume(TopicPartition(*tp))

    async def idle(self, timeout: float) -> None:
        """Count as polling while there is nothing to fetch, or aiokafka leaves after max_poll_interval."""
        with self._ensure_consumer()._subscription.fetch_context():
            await asyncio.sleep(timeout)


class Consumer(driver.Consumer):
    """Delivers a partition from the moment it is owned (acquired, and its seek done) until it is revoked."""

    app: Any
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.app.tables or self.in_transaction:
            raise ImproperlyConfigured("zhida:// works without Faust's tables and without its exactly_once")
        #: Changes whenever the assignment does. What began in an earlier turn must not touch this one.
        self.turn = 0
        self._seeks = 0
        self._sought_in = -1
        self._settled = asyncio.Event()
        self._acquiring: dict[TP, asyncio.Task[None]] = {}
        self._owned: dict[TP, int] = {}
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
            start = await self.app.positions.acquire(tp)
            start = await self._thread.call_thread(self._thread.locate, tp, start)
            # Faust ends a rebalance by clearing the agents' queues: what is delivered before that is lost.
            await self._settled.wait()
            async with self._moving:
                await self._thread.call_thread(self._thread.seek_all, self.turn, {tp: start})
            self._buffered_partitions.discard(tp)
            self._active_partitions.add(tp)
            self._owned[tp] = start
        except Exception as error:
            await self._fail(error)

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
                    await self.app.positions.release(set(tasks))
                except Exception as error:
                    await self._fail(error)
                if not self.crashed:  # a crash has taken the consumer's thread with it
                    await self.maybe_wait_for_commit_to_finish()  # its offsets may precede the release
                    await self.commit()
                self._owned.clear()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        # Faust looks where acks came in.
        return (tp for tp in list(self._owned) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        # Faust derives the offset from acks and gaps, and can pass a record that nobody acked (#606, #527).
        offset: int | None = self.app.positions.next_offset(tp)
        return offset

    def perform_seek(self) -> Coroutine[Any, Any, None]:
        # Faust seeks everything to the group's committed offsets at the end of a rebalance. A plain method:
        # the turn has to be that of Faust's check of the generation, just before the call.
        return self._seek_to_done(self.turn)

    async def _seek_to_done(self, turn: int) -> None:
        self._sought_in = turn
        if self._owned and turn == self.turn:
            self._seeks += 1
            done = {tp: self.app.positions.next_offset(tp) for tp in self._owned}
            starts = {tp: self._owned[tp] if offset is None else offset for tp, offset in done.items()}
            async with self._moving:
                await self._thread.call_thread(self._thread.seek_all, turn, starts)

    def resume_flow(self) -> None:
        # The last step of Faust's rebalance; it can also come late, from a rebalance that was overtaken.
        super().resume_flow()
        if self._sought_in == self.turn:
            self._settled.set()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        # Faust yields record by record, at several tasks each, and shares its set of active partitions with
        # the fetching thread, so that a run fetched before a rebalance may be delivered after it.
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        began, generation = (self.turn, self._seeks), self.app.consumer_generation_id
        active = self._active_partitions & self._owned.keys()
        if not active:
            await self._thread.call_thread(self._thread.idle, 0.02)
            return
        async with self._moving:
            runs = await self._getmany(active, timeout)
        for partition, records in runs.items():
            if self.should_stop or not self.flow_active or began != (self.turn, self._seeks):
                return  # a seek has come, or will come with the next acquire
            tp, last = ensure_TP(partition), records[-1]
            message: Any = ConsumerMessage(
                tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type, [], None,
                None, None, -1, -1, tp, generation_id=generation,
            )  # fmt: skip
            message.value = Chunk(tp, tuple(records))
            yield tp, message

    async def _drain_messages(self, fetcher: Any) -> None:
        # Faust's loop also counts acks, builds gaps that can cover real records, and drops in silence what
        # lies below the last offset it read, also after a seek backwards.
        try:
            while not (self.should_stop or fetcher.should_stop):
                async for _, message in self.getmany(timeout=0.2):
                    await self.wait_first(self.callback(message), self.suspend_flow.wait())
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    def verify_event_path(self, now: float, tp: TP) -> None:
        # Faust reports a partition that is held as stuck.
        return None

    async def on_task_error(self, exc: BaseException) -> None:
        # An agent raised. Faust commits and starts the agent again, on the next chunk.
        await self._fail(exc)

    async def _fail(self, error: BaseException) -> None:
        """End the app, and give nothing more to any agent, not even what is in its queue."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        await self.app.crash(error)


class Transport(driver.Transport):
    """What the entry point ``zhida`` of the group ``faust.transports`` names."""

    Consumer = Consumer
