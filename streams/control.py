"""The control topic as its readers see it: folded into a registry, always up to its end."""

from __future__ import annotations

import logging

from aiokafka import AIOKafkaConsumer, TopicPartition

from eligibility.registry import Registry
from schemas.journal import control_record
from schemas.topics import CONTROL
from streams.errors import Refused, StopWorker
from streams.reading import read_to_end, reader

log = logging.getLogger(__name__)
TP = TopicPartition(CONTROL, 0)


class ControlReader:
    """Follows control.v1. Its offsets are the dense sequence: it is neither compacted nor written in transactions."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.registry = Registry()

    async def follow(self) -> Registry:
        """The registry as of the topic's end now; an empty one where nothing was ever said."""
        # Paused but while it is read: the question where it ends would wait behind a fetch that waits for news.
        if self._consumer.assignment() != {TP}:
            self._consumer.assign([TP])
            self._consumer.pause(TP)
        if (await self._consumer.end_offsets([TP]))[TP] > self.registry.sequence + 1:
            self._consumer.resume(TP)
            await self._read()
            self._consumer.pause(TP)
        return self.registry

    async def _read(self) -> None:
        async for record in read_to_end(self._consumer, TP, self.registry.sequence + 1):
            try:
                self.registry = self.registry.fold(record.offset, control_record.validate_json(record.value))
            except Refused as refused:
                log.warning("control record %d is passed by: %s", record.offset, refused)
                self.registry = self.registry.skip(record.offset)

    async def catch_up(self) -> Registry:
        """The registry as of the topic's end now.

        Raises StopWorker when there is no epoch yet: nothing can be judged without one.
        """
        if (await self.follow()).epoch is None:
            raise StopWorker(f"{CONTROL} holds no epoch: run `zhida topics apply` first")
        return self.registry


async def read_registry(bootstrap_servers: str) -> Registry:
    """The control topic folded to its end, once."""
    async with reader(bootstrap_servers) as consumer:
        return await ControlReader(consumer).follow()
