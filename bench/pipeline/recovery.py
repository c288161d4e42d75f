"""A restart: from the start of a worker until all state is loaded, against a bare read of the same topic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.pipeline.latency import EFFECT_ID
from bench.pipeline.rig import LOADED, BenchError, Rig
from bench.pipeline.traffic import partitions
from bench.pipeline.workload import Sent
from schemas.topics import JOURNAL_PARTITIONS, NOTICES, STATE
from streams.app import Role
from streams.reading import reader

STARTED = "worker of role eligibility started"
STAMP = len("2025-06-30 12:00:00,000")
READ_AT_ONCE = 5_000


@dataclass(frozen=True)
class Recovery:
    """Seconds. `loading`: from when the worker is a member of its group until its last partition is loaded;
    `first_event`: from the start of the process until a push is seen; `bare`: the bare reads before and after."""

    subjects: int
    loading: float
    first_event: float
    bare: float

    @property
    def ratio(self) -> float:
        """Loading ÷ a bare read."""
        return self.loading / self.bare


async def bare_read(bootstrap: str) -> float:
    """Seconds that aiokafka takes to read the committed records of the state topic, doing nothing with them."""
    async with reader(bootstrap) as consumer:
        tps = partitions(STATE)
        ends = await consumer.end_offsets(tps)
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        began = time.monotonic()
        left = {tp for tp, end in ends.items() if end}
        while left:
            await consumer.getmany(*left, timeout_ms=200, max_records=READ_AT_ONCE)
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
        return time.monotonic() - began


async def restart(rig: Rig, changes: Sequence[Sent]) -> Recovery:
    """Stop the eligibility worker, start it again. `changes`: the next of the history, one of them leads to a push."""
    rig.workers.pop(Role.ELIGIBILITY).stop()
    before = await bare_read(rig.bootstrap)
    async with rig.producer() as producer:
        await rig.produce(producer, changes)
    numbers = {each.number for each in changes}
    async with reader(rig.bootstrap) as consumer:
        consumer.assign(partitions(NOTICES))
        await consumer.seek_to_end()
        for tp in partitions(NOTICES):
            await consumer.position(tp)
        began = time.monotonic()
        logged = rig.log_size(Role.ELIGIBILITY)
        rig.start(Role.ELIGIBILITY)
        seen = False
        while not seen:
            rig.check_in_time(began)
            runs = await consumer.getmany(timeout_ms=200)
            found = (dict(record.headers)[EFFECT_ID].decode() for records in runs.values() for record in records)
            seen = any(rig.number(effect_id) in numbers for effect_id in found)
        first_event = time.monotonic() - began
    await rig.loaded(logged)
    bare = (before + await bare_read(rig.bootstrap)) / 2
    return Recovery(len(rig.workload), loading(rig.logged(Role.ELIGIBILITY, logged)), first_event, bare)


def loading(log: str) -> float:
    """Seconds from the line that says a worker has started to the last that says a partition is loaded."""
    lines = log.splitlines()
    started = [line for line in lines if STARTED in line]
    loaded = [line for line in lines if LOADED in line]
    if len(started) != 1 or len(loaded) != JOURNAL_PARTITIONS:
        raise BenchError(f"the worker's log says {len(started)} starts and {len(loaded)} partitions loaded")
    return _stamp(loaded[-1]) - _stamp(started[0])


def _stamp(line: str) -> float:
    return datetime.fromisoformat(line[:STAMP].replace(",", ".")).timestamp()
