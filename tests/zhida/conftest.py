"""A cluster of our own: a broker, a Redis and workers as processes, for tests that kill and restart them."""

from __future__ import annotations

import asyncio
import heapq
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from eligibility.business_time import start_of
from eligibility.partition_state import PartitionState
from eligibility.state import canonical_records
from schemas.journal import Epoch
from streams import broker_topics
from streams.app import Role
from streams.checkpoints import wait_until_settled
from streams.clock import advance
from streams.judge import AUTHORITY
from zhida import stack
from zhida.demo.expected import Expectation
from zhida.demo.play import BEGINS, EXAMPLES
from zhida.demo.readback import Outcome, Readback, read_states
from zhida.journal_files import export_journal
from zhida.keyring import Keyring
from zhida.messages import Message, departments, keys_statement, read_messages, statements
from zhida.sending import send
from zhida.simulation import fold_journal
from zhida.stack import ports
from zhida.workers import Worker, stop_workers
from zhida.world import write

POLICIES = sorted((EXAMPLES / "policies").glob("*.yaml"))
CATALOGUE = EXAMPLES / "catalogue"


class Cluster:
    """A broker, a Redis, the workers started so far, and a small world to feed them."""

    def __init__(self, folder: Path, endpoints: stack.Endpoints, subjects: int) -> None:
        self.folder, self.endpoints, self.bootstrap = folder, endpoints, endpoints.kafka_bootstrap_servers
        self.ring = Keyring(folder / "keys")
        self.workers: list[Worker] = []
        self.began: list[int] = []
        self.expectation = Expectation.of(CATALOGUE, POLICIES)
        write(folder / "world", subjects, 11)
        files = [(folder / "world" / name).read_text().splitlines(True) for name in ("changes.jsonl", "rosters.jsonl")]
        self.events = list(heapq.merge(*files, key=lambda line: str(json.loads(line)["time"])))

    def start(self, role: Role, hold: str | None = None) -> Worker:
        log = self.folder / "logs" / f"worker-{role}.log"
        self.began.append(log.stat().st_size if log.exists() else 0)
        worker = Worker(role, self.endpoints, self.folder, {"ZHIDA_HOLD_AT": hold} if hold else None)
        self.workers.append(worker)
        return worker

    async def begin(self) -> None:
        epoch = Epoch(clock="world", now=start_of(BEGINS), authority_key=self.ring.public_key(AUTHORITY))
        await broker_topics.apply(self.bootstrap, epoch)

    async def publish_catalogue(self) -> None:
        stated = [m for file in statements(CATALOGUE) for m in read_messages(file, self.ring, start_of(BEGINS))]
        keys = keys_statement(self.ring, departments(POLICIES), start_of(BEGINS))
        await send(self.bootstrap, [*stated, keys])

    async def publish_policies(self) -> None:
        await send(self.bootstrap, [m for file in POLICIES for m in read_messages(file, self.ring, start_of(BEGINS))])

    async def publish_events(self, since: str, until: str) -> None:
        lines = [line for line in self.events if since <= json.loads(line)["time"] < until]
        for line in lines:
            self.expectation.take(line)
        file = self.folder / "step.jsonl"
        file.write_text("".join(lines))
        await send(self.bootstrap, self.messages(file))

    def messages(self, file: Path) -> Iterable[Message]:
        return read_messages(file, self.ring, start_of(BEGINS))

    async def advance(self, day: Any) -> None:
        await advance(self.bootstrap, Role.INTAKE.group, day)

    async def settled(self, within: float = 60.0) -> None:
        async with asyncio.timeout(within):
            await wait_until_settled(self.bootstrap, Role.INTAKE.group)

    async def logged(self, worker: Worker, text: str, within: float = 30.0) -> str:
        """The first line of the worker's log since its start with a text in it."""
        began = self.began[self.workers.index(worker)]
        return await self.until(
            lambda: next((line for line in worker.log.read_text()[began:].splitlines() if text in line), ""), within
        )

    async def until(self, found: Callable[[], Any], within: float = 30.0) -> Any:
        deadline = time.monotonic() + within
        while not (result := found()):
            assert time.monotonic() < deadline, [(w.role, w.process.poll(), w.last_line()) for w in self.workers]
            await asyncio.sleep(0.05)
        return result

    async def outcome(self) -> Outcome:
        return await Readback(self.bootstrap).update()

    async def states(self) -> list[PartitionState]:
        return await read_states(self.bootstrap)

    async def check(self, today: Any) -> Outcome:
        """What is committed is what the files say, each effect once; a second fold gives the same, state and all."""
        outcome, states = await self.outcome(), await self.states()
        assert outcome.eligible() == self.expectation.eligible(today)
        assert outcome.told_twice() == []
        effects: list[Any] = []
        lines = [line async for line in export_journal(self.bootstrap)]
        folded = {state.partition: state for state in fold_journal(lines, effects.append)}
        committed = {e["effect_id"]: e for e in (*outcome.decisions, *outcome.notices)}
        assert {e.effect_id: e.model_dump(mode="json") for e in effects} == committed
        for state in states:
            assert canonical_records(state) == canonical_records(folded[state.partition])
        return outcome


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster without workers yet; its catalogue is not published."""
    endpoints = await asyncio.to_thread(
        stack.up, tmp_path, kafka_port=ports.free(), redis_port=ports.free(), report=lambda line: None
    )
    made = Cluster(tmp_path, endpoints, subjects=60)
    try:
        await made.begin()
        yield made
    finally:
        stop_workers(made.workers)
        stack.down(tmp_path)
