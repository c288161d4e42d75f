"""From a change to the push it leads to, at a constant rate: an open loop.

The clock of a change starts when it is due to be sent, whether or not it could be sent then, and ends when a
read_committed reader has the push in hand. Changes that lead to no push are load.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from aiokafka import AIOKafkaConsumer

from bench.pipeline.check import Course
from bench.pipeline.rig import Rig
from bench.pipeline.traffic import effect_of, partitions
from bench.pipeline.workload import Sent
from schemas.topics import NOTICES
from streams.reading import reader

TICK = 0.005  # seconds between sends, as long as a producer of Kafka 4 lingers by default: what is due is sent together
BEHIND = 30.0  # seconds that the last pushes may take
EFFECT_ID = "ce_id"


@dataclass(frozen=True)
class Latencies:
    """Milliseconds from change to push, one per push, and the rate at which changes were sent, in the end.

    `late`: so many had not come when the waiting ended; they stand with the time waited.
    """

    milliseconds: tuple[float, ...]
    rate: float
    late: int

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        return float(np.percentile(self.milliseconds, share))


async def measure(rig: Rig, course: Course, changes: Sequence[Sent], rate: float) -> Latencies:
    """Send changes, the next of the history, at a rate per second; the latencies of the pushes they must lead to."""
    async with reader(rig.bootstrap) as consumer, rig.producer() as producer:
        consumer.assign(partitions(NOTICES))
        await consumer.seek_to_end()
        for tp in partitions(NOTICES):
            await consumer.position(tp)
        began = time.monotonic() + 10 * TICK
        due = {each.number: began + place / rate for place, each in enumerate(changes)}
        awaited = {said[:2] for each in changes for said in course.pushes[each.number]}
        taken: list[float] = []
        watching = asyncio.create_task(_watch(rig, consumer, awaited, due, taken))
        sent = 0
        while sent < len(changes):
            rig.check_alive()
            last = min(len(changes), int((time.monotonic() - began) * rate) + 1)
            if last > sent:
                await rig.send(producer, changes[sent:last])
                sent = last
            await asyncio.sleep(TICK)
        took = time.monotonic() - began
        await asyncio.wait([watching], timeout=BEHIND)
        watching.cancel()
        waited = [(time.monotonic() - due[number]) * 1000 for number, _ in awaited]
    return Latencies((*taken, *waited), len(changes) / took, len(waited))


async def _watch(
    rig: Rig, consumer: AIOKafkaConsumer, awaited: set[tuple[int, str]], due: dict[int, float], taken: list[float]
) -> None:
    """Note the milliseconds that each push took, until all have come; others, such as a roll-out's, are passed by."""
    while awaited:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            now = time.monotonic()
            for record in records:
                number = rig.number(dict(record.headers)[EFFECT_ID].decode())
                if number in due:
                    push = number, effect_of(NOTICES, record.value).policy
                    if push in awaited:
                        awaited.discard(push)
                        taken.append((now - due[number]) * 1000)
