"""Moving a world's clock."""

from __future__ import annotations

from datetime import date, datetime

from eligibility.business_time import start_of
from schemas.journal import Tick
from streams.app import Role
from streams.broker_topics import append_control
from streams.clock import wait_until_journaled
from streams.control import read_registry
from streams.errors import StopWorker


async def advance(bootstrap_servers: str, day: date) -> datetime:
    """Emit the tick that begins `day` once all events up to now are journaled; returns the moment.

    Raises StopWorker for a wall clock, which nobody moves, and for a day that is past.
    """
    registry = await read_registry(bootstrap_servers)
    if registry.epoch is None or registry.now is None:
        raise StopWorker("there is no epoch yet: run `zhida topics apply --world DATE` first")
    if registry.epoch.clock != "world":
        raise StopWorker("this broker's epoch goes by the wall clock; only a world's clock can be advanced")
    moment = start_of(day)
    if moment < registry.now:
        raise StopWorker(f"{day} is past: the world's clock stands at {registry.now.isoformat()}")
    await wait_until_journaled(bootstrap_servers, Role.INTAKE.group)
    await append_control(bootstrap_servers, [Tick(at=moment)])
    return moment
