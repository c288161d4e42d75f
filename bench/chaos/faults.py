"""The faults, each made under load on a cluster that works, and the check of what was recorded after it.

A scenario that cannot make its fault raises HarnessError: a point that no worker came to proves nothing.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bench.chaos.cluster import CORE, Cluster, HarnessError, said
from bench.chaos.ledger import Ledger
from bench.chaos.load import begins
from bench.chaos.proxy import Fault, Proxy, schedule
from schemas.journal import Epoch
from schemas.topics import JOURNAL_PARTITIONS, changes_topic
from streams import broker_topics
from streams.app import Role
from streams.clock import wait_until_journaled
from streams.crash_points import CRASH_POINTS
from streams.judge import AUTHORITY
from streams.ownership import SESSION_TIMEOUT
from zhida.stack.ports import HOST
from zhida.workers import Worker

REACHED_WITHIN = 60.0  # seconds from a worker's start; a dead member holds its group up for 8 of them
TAKEN_WITHIN = 60.0
DRAINED_WITHIN = 60.0
AFTERWARDS = 3.0  # seconds of load after a fault, so that something happens on the other side of it
HURRIED = 600  # changes a second, so that a worker stopped at any moment has something in hand
DELETED = changes_topic("tax")
TAKEN = "fenced, loaded"

Scenario = Callable[[Cluster, Ledger, Random], Awaitable[None]]


async def judged(cluster: Cluster, ledger: Ledger, name: str, scenario: Scenario, seed: int) -> None:
    """Run a scenario under load; then let everything settle, and hold what was recorded against its fold.

    Raises HarnessError where the cluster does not settle any more: nothing further can be tried on it.
    """
    again = cluster.recording.dropped
    try:
        cluster.load.start()
        await scenario(cluster, ledger, Random(f"{name}/{seed}"))
    except* (HarnessError, KafkaError, TimeoutError, OSError) as errors:
        for error in errors.exceptions:
            ledger.failed(name, f"{type(error).__name__}: {error}")
        cluster.disarm()
    await cluster.settled()
    found = await cluster.recording.check()
    new, cluster.found = found.since(cluster.found), found
    ledger.judged(
        name,
        new,
        seed=seed,
        sources=len(cluster.recording.sources),
        effects=cluster.recording.records,
        journaled_again=cluster.recording.dropped - again,
        ended=list(cluster.ended),
    )
    cluster.ended.clear()


def crash_points(points: Sequence[str] = CRASH_POINTS, times: int = 1) -> Scenario:
    """A worker is ended at each point, `times` in a row; those of intake and those of eligibility side by side."""

    async def scenario(cluster: Cluster, ledger: Ledger, random: Random) -> None:
        of_intake = [point for point in points if point.startswith("intake.")]
        others = [point for point in points if point not in of_intake]
        async with asyncio.TaskGroup() as chains:
            for role, chain in ((Role.INTAKE, of_intake), (Role.ELIGIBILITY, others)):
                if chain:
                    chains.create_task(_chain(cluster, ledger, role, chain, times, Random(random.random())))

    return scenario


async def _chain(
    cluster: Cluster, ledger: Ledger, role: Role, points: Sequence[str], times: int, random: Random
) -> None:
    """Each worker takes over from the one that was ended at the point before."""
    cluster.wanted[role] = 0
    for worker in list(cluster.workers[role]):
        cluster.kill(worker)
    for point in [point for point in points for _ in range(times)]:
        nth = 1 if point.startswith("revoke.") else random.randint(1, 3)
        armed = cluster.start_armed(role, point, nth)
        try:
            if point.startswith("revoke."):
                await cluster.until(partial(said, armed, TAKEN), TAKEN_WITHIN, f"no partition to revoke for {point}")
                other = cluster.start(role)
                await _reached(cluster, armed, point)
                cluster.kill(other)
            else:
                await _reached(cluster, armed, point)
        except HarnessError as error:
            ledger.failed("crash points", str(error))
            cluster.kill(armed)
            continue
        await _made(cluster, ledger, "crash points", point, nth=nth)
        ledger.points.add(point)
    cluster.wanted[role] = 1


async def _made(cluster: Cluster, ledger: Ledger, scenario: str, fault: str, **what: Any) -> None:
    """Note a fault, and that no checkpoint is ahead of its effects right after it."""
    found = await cluster.recording.check_checkpoints()
    ledger.found.add(found)
    ledger.fault(scenario, fault, **what, ahead=found.ahead)


async def _reached(cluster: Cluster, armed: Worker, point: str) -> None:
    await cluster.until(lambda: armed.process.poll() is not None, REACHED_WITHIN, f"{point} was not reached")
    if armed.process.returncode != -signal.SIGKILL or not said(armed, f"ends itself at {point}"):
        raise HarnessError(f"{point} was not reached; the worker ended by itself: {armed.last_line()}")
    cluster.forget(armed)


def kills(number: int) -> Scenario:
    """SIGKILL at moments drawn from the seed, while the group may not even have settled since the last."""

    async def scenario(cluster: Cluster, ledger: Ledger, random: Random) -> None:
        for _ in range(number):
            role, pause = random.choice(CORE), random.uniform(0.5, 9.0)
            await cluster.run_for(pause)
            for worker in list(cluster.workers[role]):
                cluster.kill(worker)
            await _made(cluster, ledger, "kills", f"SIGKILL of {role}", after=round(pause, 1))

    return scenario


async def zombies(cluster: Cluster, ledger: Ledger, random: Random) -> None:
    """A worker of each role is stopped past the session timeout; another takes over; then the first goes on."""
    first = {role: cluster.workers[role][0] for role in CORE}
    second = {role: cluster.start(role) for role in CORE}
    cluster.wanted.update(dict.fromkeys(CORE, 2))
    await cluster.until(lambda: said(second[Role.ELIGIBILITY], TAKEN), TAKEN_WITHIN, "the second worker took nothing")
    await cluster.run_for(2.0)
    cluster.load.rate, rate = HURRIED, cluster.load.rate
    await cluster.run_for(2.0)
    for role in CORE:
        await cluster.load.after_burst()
        await asyncio.sleep(random.uniform(0.0, 0.1))
        first[role].process.send_signal(signal.SIGSTOP)
    await cluster.run_for(SESSION_TIMEOUT)
    took = second[Role.ELIGIBILITY].log
    await cluster.until(
        lambda: took.read_text().count(TAKEN) >= JOURNAL_PARTITIONS, TAKEN_WITHIN, "nobody took over from the stopped"
    )
    await cluster.run_for(AFTERWARDS)
    for role in CORE:
        first[role].process.send_signal(signal.SIGCONT)
    await cluster.run_for(2 * AFTERWARDS)
    cluster.load.rate = rate
    fenced = first[Role.ELIGIBILITY].log.read_text().count("fenced by another owner")
    await _made(cluster, ledger, "zombies", "SIGSTOP past the session timeout, SIGCONT", fenced=fenced)
    await _retire(cluster, list(second.values()))


async def scaling(cluster: Cluster, ledger: Ledger, random: Random) -> None:
    """A second worker of each role is added under load, then the first is removed, as an operator does."""
    first = [cluster.workers[role][0] for role in CORE]
    second = {role: cluster.start(role) for role in CORE}
    cluster.wanted.update(dict.fromkeys(CORE, 2))
    await cluster.until(lambda: said(second[Role.ELIGIBILITY], TAKEN), TAKEN_WITHIN, "the second worker took nothing")
    await cluster.run_for(random.uniform(0.5, AFTERWARDS))
    codes = await _retire(cluster, first)
    await _made(cluster, ledger, "scaling", "a second worker added, the first removed", exit_codes=codes)
    await cluster.run_for(AFTERWARDS)


async def _retire(cluster: Cluster, workers: Sequence[Worker]) -> list[int]:
    cluster.wanted.update(dict.fromkeys(CORE, 1))
    for worker in workers:
        cluster.forget(worker)
    return list(await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in workers)))


async def broker_killed(cluster: Cluster, ledger: Ledger, random: Random) -> None:
    """The broker is killed, and comes back on its data."""
    await cluster.run_for(random.uniform(0.0, 1.0))
    cluster.kill_broker()
    away = random.uniform(0.5, 5.0)
    await cluster.run_for(away)
    await cluster.start_broker()
    await _made(cluster, ledger, "broker killed", "SIGKILL of the broker", away=round(away, 1))
    await cluster.run_for(2 * AFTERWARDS)


async def topic_recreated(cluster: Cluster, ledger: Ledger, random: Random) -> None:
    """A source topic is deleted once it is drained, and made anew: its offsets begin again, in another generation."""
    cluster.load.without.add(DELETED)
    await cluster.run_for(1.0)
    await cluster.tended(
        wait_until_journaled(cluster.bootstrap, Role.INTAKE.group), DRAINED_WITHIN, "the sources are not drained"
    )
    await cluster.recording.read_sources()
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([DELETED])
        while DELETED in await admin.list_topics():
            await asyncio.sleep(0.1)
    finally:
        await admin.close()
    cluster.recording.forget(DELETED)
    await cluster.run_for(random.uniform(0.0, AFTERWARDS))
    key = cluster.load.ring.public_key(AUTHORITY)
    done = await broker_topics.apply(cluster.bootstrap, Epoch(clock="world", now=begins(), authority_key=key))
    await _made(cluster, ledger, "topic recreated", "a source topic deleted and made anew", done=done)
    cluster.load.without.clear()
    await cluster.run_for(2 * AFTERWARDS)


def proxied(faults: int, most_seconds: float) -> Scenario:
    """Workers reach the broker through a proxy that delays, slows, cuts and blocks, each for up to `most_seconds`."""

    async def scenario(cluster: Cluster, ledger: Ledger, random: Random) -> None:
        seed = random.randrange(1_000_000)
        proxy = Proxy(cluster.advertised, cluster.behind, seed)
        await proxy.start()
        try:
            cluster.through = f"{HOST}:{cluster.advertised}"
            await _renew(cluster)
            for step in schedule(seed, faults, most_seconds):
                await cluster.tended(proxy.run([step]), step.seconds + 60.0, f"the proxy hangs at {step}")
                if step.fault is not Fault.PASS:
                    await _made(cluster, ledger, "proxy", str(step), seed=seed)
            await cluster.settled()
        finally:
            cluster.through = None
            await _renew(cluster)
            await proxy.stop()
        cluster.load.start()
        await cluster.run_for(AFTERWARDS)

    return scenario


async def _renew(cluster: Cluster) -> None:
    """All workers stopped, as an operator does, and others in their place."""
    workers = [worker for role in CORE for worker in cluster.workers[role]]
    await _retire(cluster, workers)
    second = cluster.start(Role.ELIGIBILITY)
    await cluster.until(lambda: said(second, TAKEN), TAKEN_WITHIN, "the new worker took nothing")
