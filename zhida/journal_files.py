"""The journal as a file: one line per record, for simulation and audit."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from aiokafka import TopicPartition

from schemas.topics import JOURNAL, JOURNAL_PARTITIONS
from streams.reading import read_to_end, reader


async def export_journal(bootstrap_servers: str) -> AsyncIterator[str]:
    """Every journal record as it stands now, partition by partition: {"partition", "offset", "record"}."""
    async with reader(bootstrap_servers, committed=False) as consumer:
        for partition in range(JOURNAL_PARTITIONS):
            async for record in read_to_end(consumer, TopicPartition(JOURNAL, partition)):
                entry = {"partition": partition, "offset": record.offset, "record": json.loads(record.value)}
                yield json.dumps(entry, ensure_ascii=False)
