"""The thread that talks to Kafka for the transport: where a partition starts, what is committed, when it is held."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.backlog import CHUNK_RECORDS
from streams.chunks import EARLIEST, Committed
from streams.errors import StopWorker

FETCH_WAIT_MS = 20


class StartOutOfRange(StopWorker):
    """The partition does not have the offset to start at, or has it no longer. An operator must decide."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer lives on a loop of its own; what touches it runs there, through `call_thread`."""

    consumer: Any

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        # Faust reads committed records only under its own exactly_once; there is no setting.
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = getattr(self.app, "isolation_level", "read_uncommitted")
        # Faust's 1.5 s: one fetch is under way at a time, and a partition whose records are in hand is not in it.
        # What is appended to it meanwhile, such as a pump, would wait for a fetch of the others to time out.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._max_poll_records = CHUNK_RECORDS
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        # A partition whose records wait for its chunk in hand would hold back the fetch of all others for 100 ms.
        self._ensure_consumer()._fetcher._prefetch_backoff = 0.0

    def is_member(self) -> bool:
        """Whether the group counts this worker in, with partitions or without."""
        return bool(self._ensure_consumer()._coordinator.generation > 0)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # Faust's own pausing lets aiokafka prefetch on. Held here, as the callback in the app's loop must not
        # call back into this thread: when that is being stopped, neither would ever end.
        self._ensure_consumer().pause(*(TopicPartition(*tp) for tp in assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    async def locate(self, tp: TP, start: int | Committed | None) -> int:
        """Resolve a committed or the earliest offset, and check that the partition has the offset."""
        consumer, partition = self._ensure_consumer(), TopicPartition(*tp)
        earliest: int = (await consumer.beginning_offsets([partition]))[partition]
        if not isinstance(start, int):
            committed = (await consumer._coordinator.fetch_committed_offsets([partition])).get(partition)
            if committed is None or committed.offset < 0 or (start and committed.metadata not in ("", start.label)):
                return earliest
            start = int(committed.offset)
        if start == EARLIEST:
            return earliest
        end = (await consumer.end_offsets([partition]))[partition]
        if not earliest <= start <= end:
            # aiokafka would reset to the earliest offset, and skip what is gone without a word.
            raise StartOutOfRange(f"{tp.topic}[{tp.partition}] starts at {start} but has {earliest} to {end}")
        return start

    async def commit_labelled(self, offsets: Mapping[TP, OffsetAndMetadata]) -> bool:
        """Commit for the partitions that are still assigned; False where the group has moved on."""
        assigned = self.assignment()
        try:
            labelled = {TopicPartition(*tp): offset for tp, offset in offsets.items() if tp in assigned}
            await self._ensure_consumer().commit(labelled)
        except CommitFailedError:
            return False
        except Exception as error:
            await self.crash(error)
            return False
        return True

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
