"""Source records into the journal."""

from __future__ import annotations

import faust

from schemas.topics import SOURCES
from streams.chunks import Chunk, chunk_agent
from streams.intake import Intake


def declare(app: faust.App, intake: Intake) -> Intake:
    """Hang the agent on the app; the role's work says the positions."""

    @chunk_agent(app, *SOURCES)
    async def take_in(chunk: Chunk) -> None:
        await intake.take_in(chunk)

    return intake
