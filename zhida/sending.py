"""Sending events, each partition's in order, and all acknowledged before it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from streams.producers import idempotent_producer
from zhida.messages import Message

IN_FLIGHT = 2_000


async def send(bootstrap_servers: str, messages: Iterable[Message]) -> int:
    """Produce the messages and return how many were acknowledged: all of them."""
    producer = idempotent_producer(bootstrap_servers)
    await producer.start()
    count = 0
    try:
        waiting: list[asyncio.Future[object]] = []
        for message in messages:
            waiting.append(await producer.send(message.topic, message.value, message.key, headers=message.headers))
            if len(waiting) >= IN_FLIGHT:
                await asyncio.gather(*waiting)
                count += len(waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
        count += len(waiting)
    finally:
        await producer.stop()
    return count
