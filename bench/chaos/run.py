"""The scenarios of a run, one after another on one cluster, and what a run says in the end."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.chaos.cluster import Cluster, HarnessError
from bench.chaos.faults import (
    Scenario,
    broker_killed,
    crash_points,
    judged,
    kills,
    proxied,
    scaling,
    topic_recreated,
    zombies,
)
from bench.chaos.inputs import SCENARIOS as INPUTS
from bench.chaos.inputs import scenario
from bench.chaos.ledger import Ledger
from bench.chaos.peer import run_peer

SEED = 7
MOST_RECORDED = 150_000
"""Source records after which a new cluster is begun: each check compares all there is, in memory."""


@dataclass(frozen=True)
class Plan:
    """How often each scenario is run; every time with a seed of its own."""

    scenarios: tuple[tuple[str, Scenario, int], ...]
    peer_rounds: int


QUICK = Plan(
    (
        ("crash points", crash_points(), 1),
        ("kills", kills(4), 1),
        ("zombies", zombies, 1),
        ("scaling", scaling, 1),
        ("broker killed", broker_killed, 1),
        ("topic recreated", topic_recreated, 1),
        ("proxy", proxied(5, 3.0), 1),
    ),
    peer_rounds=1,
)
WHOLE = Plan(
    (
        ("crash points", crash_points(), 2),
        ("crash points, three in a row", crash_points(times=3), 1),
        ("kills", kills(12), 10),
        ("zombies", zombies, 8),
        ("scaling", scaling, 8),
        ("broker killed", broker_killed, 10),
        ("topic recreated", topic_recreated, 3),
        ("proxy", proxied(8, 3.0), 6),
        ("proxy, longer than a session", proxied(4, 12.0), 3),
        *((f"input: {name}", scenario(name, quick=False), 1) for name in INPUTS),
    ),
    peer_rounds=5,
)


async def run(plan: Plan, seed: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Run a plan on a cluster under `folder`; returns the object to print. The ledger stays in the folder."""
    for chatty in ("aiokafka", "streams"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)  # of the harness's own clients, while there is no broker
    ledger = Ledger(folder / "ledger.jsonl", say)
    ledger.file.unlink(missing_ok=True)
    async with asyncio.TaskGroup() as both:  # most of either is waiting for session timeouts
        both.create_task(run_ours(plan, seed, folder, ledger))
        beside = both.create_task(_run_peer(plan, seed, folder / "plain", ledger))
    peer = beside.result()
    return {**summary(ledger), "plain_faust": peer}


async def run_ours(plan: Plan, seed: int, folder: Path, ledger: Ledger) -> None:
    """The scenarios on zhida, on one cluster, until one leaves it unable to go on, or much is recorded; the next begins
    on another.

    The broker's data and the workers' logs are kept where something was found.
    """
    turns = [(name, scenario, seed + turn) for name, scenario, times in plan.scenarios for turn in range(times)]
    clusters = 0
    while turns:
        clusters += 1
        work = _empty(folder / f"cluster-{clusters}")
        cluster = await asyncio.to_thread(Cluster, work, seed=seed)
        name = "the beginning"
        try:
            await cluster.begin()
            while turns and len(cluster.recording.sources) < MOST_RECORDED:
                name, scenario, its = turns.pop(0)
                await judged(cluster, ledger, name, scenario, its)
        except HarnessError as error:
            ledger.failed(name, str(error))
            if name == "the beginning":
                return
        finally:
            await cluster.end()
        if ledger.clean:
            shutil.rmtree(work, ignore_errors=True)


async def _run_peer(plan: Plan, seed: int, folder: Path, ledger: Ledger) -> dict[str, Any]:
    try:
        found = await run_peer(_empty(folder), seed, plan.peer_rounds, ledger)
    except HarnessError as error:
        ledger.failed("plain Faust", str(error))
        return {}
    if not found["lost"] + found["duplicates"]:
        ledger.failed("plain Faust", "nothing lost and nothing doubled: then this harness proves nothing about ours")
    shutil.rmtree(folder, ignore_errors=True)
    return found


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def summary(ledger: Ledger) -> dict[str, Any]:
    """One object: what was done, and what was found."""
    return {
        "crash_points": len(ledger.points),
        "runs": ledger.runs,
        **ledger.found.counts(),
        "failures": ledger.failures,
        "right": ledger.clean,
        "ledger": str(ledger.file),
    }
