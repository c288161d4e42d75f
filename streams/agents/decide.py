"""Journal records into decisions and notices."""

from __future__ import annotations

import faust

from schemas.topics import JOURNAL
from streams.chunks import Chunk, chunk_agent
from streams.ownership import Ownership


def declare(app: faust.App, ownership: Ownership) -> Ownership:
    """Hang the agent on the app; the role's work says the positions."""

    @chunk_agent(app, JOURNAL)
    async def decide(chunk: Chunk) -> None:
        await ownership.decide(chunk)

    return ownership
