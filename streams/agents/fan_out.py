"""Control records into every journal partition."""

from __future__ import annotations

import faust

from schemas.topics import CONTROL
from streams.chunks import Chunk, chunk_agent
from streams.intake import Intake


def declare(app: faust.App, intake: Intake) -> Intake:
    """Hang the agent on the app; the role's work says the positions."""

    @chunk_agent(app, CONTROL)
    async def fan_out(chunk: Chunk) -> None:
        await intake.fan_out(chunk)

    return intake
