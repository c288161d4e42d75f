"""Named points at which a test may hold a worker in the middle of something, to kill it there.

`ZHIDA_HOLD_AT=point` makes the worker log what is open and wait for ever at that point; unset, nothing happens.
"""

from __future__ import annotations

import asyncio
import logging
import os

log = logging.getLogger(__name__)


async def crash_point(name: str, what_is_open: str) -> None:
    """Hold here when asked to."""
    if os.environ.get("ZHIDA_HOLD_AT") == name:
        log.warning("held at %s: %s", name, what_is_open)
        await asyncio.Event().wait()
