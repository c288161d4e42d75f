"""Committed notices into the read model."""

from __future__ import annotations

import faust

from schemas.topics import NOTICES
from streams.chunks import Chunk, chunk_agent
from streams.serving import Serving


def declare(app: faust.App, serving: Serving) -> Serving:
    """Hang the agent on the app; the role's work says the positions."""

    @chunk_agent(app, NOTICES)
    async def serve(chunk: Chunk) -> None:
        await serving.serve(chunk)

    return serving
