"""Named points at which a worker may be held or ended in the middle of something, to see that nothing is lost.

`ZHIDA_HOLD_AT=point` makes the worker log what is open and wait for ever at that point; `ZHIDA_CRASH_AT=point:n` makes
it kill itself, as SIGKILL does, when it comes to that point for the n-th time. Unset, nothing happens.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import Counter

log = logging.getLogger(__name__)

CRASH_POINTS = (
    "intake.fetched",
    "intake.between",
    "intake.sent",
    "intake.acknowledged",
    "eligibility.fetched",
    "eligibility.reduced",
    "eligibility.sent",
    "eligibility.committed",
    "eligibility.pumped",
    "recovery.fenced",
    "recovery.loading",
    "recovery.loaded",
    "revoke.begun",
    "revoke.released",
)
"""Every point there is: a boundary between two steps that a worker's end may separate."""

_passed: Counter[str] = Counter()


async def crash_point(name: str, what_is_open: str) -> None:
    """Hold or end here when asked to."""
    if os.environ.get("ZHIDA_HOLD_AT") == name:
        log.warning("held at %s: %s", name, what_is_open)
        await asyncio.Event().wait()
    wanted, _, nth = os.environ.get("ZHIDA_CRASH_AT", "").partition(":")
    if wanted == name:
        _passed[name] += 1
        if _passed[name] == int(nth or 1):
            log.warning("ends itself at %s: %s", name, what_is_open)
            os.kill(os.getpid(), signal.SIGKILL)
