"""How the owners of partitions get their Kafka clients: one seam, so that the same code runs over a log in memory."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.producers import transactional_producer
from streams.reading import reader


class Clients(Protocol):
    """Makes clients of one broker, in aiokafka's terms."""

    def reader(self, *, committed: bool = True) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
        """A consumer without a group; `committed`: records of open and aborted transactions stay unseen."""

    def transactional_producer(self, transactional_id: str) -> AIOKafkaProducer:
        """A producer whose start fences every earlier one of the same id; started by the caller."""


@dataclass(frozen=True)
class KafkaClients:
    """Clients of a real broker."""

    bootstrap_servers: str

    def reader(self, *, committed: bool = True) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
        """As `Clients` says."""
        return reader(self.bootstrap_servers, committed=committed)

    def transactional_producer(self, transactional_id: str) -> AIOKafkaProducer:
        """As `Clients` says."""
        return transactional_producer(self.bootstrap_servers, transactional_id)
