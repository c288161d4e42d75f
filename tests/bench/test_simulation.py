"""The simulation: it is the seed's alone, it holds, and it finds what is broken on purpose."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

import streams.partition
from bench.simulation.clients import MemoryClients, MemoryConsumer, MemoryProducer
from bench.simulation.loop import Deadlock, Process, SeededLoop
from bench.simulation.run import run_many, run_seeds
from bench.simulation.scenario import simulate, small
from eligibility.partition_state import PartitionState
from eligibility.reducer import Folded, fold
from schemas.journal import journal_record
from streams.chunks import Chunk
from streams.intake import Intake
from streams.outputs import Output
from streams.partition import Partition, Snapshot

HOLD = 60
FOUND_WITHIN = 400


def test_every_seed_holds() -> None:
    found = {run.seed: run.findings for run in run_seeds(range(HOLD)) if run.findings}
    assert found == {}


def test_seeds_differ_and_each_is_played_the_same_again_whatever_the_hashes() -> None:
    seeds = range(8)
    code = f"from bench.simulation.run import run_seeds\nfor run in run_seeds({seeds!r}): print(run.digest, *run.did)"
    said = []
    for hashes in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": hashes}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines())
    assert said[0] == said[1]
    assert len(set(said[0])) == len(seeds)
    assert [f"{run.digest} {' '.join(run.did)}" for run in run_seeds(reversed(seeds))] == said[0][::-1]


def test_many_seeds_are_summed_up_over_processes() -> None:
    said: list[str] = []
    summary = run_many(0, 4, said.append)
    assert (summary.seeds, len(summary.failed)) == (4, 0)
    assert said == ["4 of 4 seeds, 0 failed"]
    assert summary.as_dict()["source_records"] == sum(run.records for run in run_seeds(range(4)))


# ——— what is broken on purpose ———


def _loads_before_it_fences(patched: pytest.MonkeyPatch) -> None:
    """A producer that fences when it first writes, and not when it starts."""
    start, begin = MemoryProducer.start, MemoryProducer.begin_transaction

    async def fence_later(self: MemoryProducer) -> None:
        if self._id is None:
            await start(self)

    async def fence_now(self: MemoryProducer) -> None:
        if not self._epoch:
            await start(self)
        await begin(self)

    patched.setattr(MemoryProducer, "start", fence_later)
    patched.setattr(MemoryProducer, "begin_transaction", fence_now)


def _lets_go_without_waiting(patched: pytest.MonkeyPatch) -> None:
    """And keeps what it has in memory, though it is ahead of what is committed."""

    async def process(self: Partition, records: Any) -> None:
        async with self._in_hand:
            left = list(reversed(records))
            while left and not self._given_up:
                self._snapshot = await self._process(left) or self._snapshot

    async def give_up(self: Partition) -> Snapshot | None:
        self._given_up = True
        await self._producer.stop()
        return self._snapshot

    patched.setattr(Partition, "process", process)
    patched.setattr(Partition, "give_up", give_up)


def _checkpoint_apart_from_its_transaction(patched: pytest.MonkeyPatch) -> None:
    commit = Partition._commit

    async def first_the_checkpoint(self: Partition, outputs: list[Output]) -> int:
        last = outputs[-1]
        await self._pumps.send_and_wait(last.topic, last.value, last.key, partition=self.number)
        return await commit(self, outputs)

    patched.setattr(Partition, "_commit", first_the_checkpoint)


def _offsets_before_acknowledgements(patched: pytest.MonkeyPatch) -> None:
    async def at_once(self: Intake, sent: list[Any]) -> None:
        return None

    patched.setattr(Intake, "_acknowledged", at_once)


def _no_high_waters(patched: pytest.MonkeyPatch) -> None:
    def without(state: PartitionState, offset: int, value: bytes) -> Folded:
        origin = getattr(journal_record.validate_json(value), "origin", None)
        if origin is not None:
            state.high_waters.pop(origin.source, None)
        return fold(state, offset, value)

    patched.setattr(streams.partition, "fold", without)


def _recovers_what_is_not_committed(patched: pytest.MonkeyPatch) -> None:
    begin = MemoryConsumer.__init__

    def uncommitted(self: MemoryConsumer, network: Any, *, committed: bool) -> None:
        begin(self, network, committed=False)

    patched.setattr(MemoryConsumer, "__init__", uncommitted)


def _owners_do_not_fence(patched: pytest.MonkeyPatch) -> None:
    fenced = MemoryClients.transactional_producer

    def of_its_own(self: MemoryClients, transactional_id: str) -> Any:
        return fenced(self, f"{transactional_id}-{id(object())}")

    patched.setattr(MemoryClients, "transactional_producer", of_its_own)


def _chunks_of_a_former_assignment_count(patched: pytest.MonkeyPatch) -> None:
    def finish(self: Intake, chunk: Chunk, assignment: int) -> None:
        self._done[chunk.tp] = chunk.next_offset

    patched.setattr(Intake, "_finish", finish)


@pytest.fixture
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (_loads_before_it_fences, "partition"),
        (_lets_go_without_waiting, "partition"),
        (_checkpoint_apart_from_its_transaction, "does not stand for"),
        (_offsets_before_acknowledgements, ""),
        (_no_high_waters, "the committed state"),
        (_recovers_what_is_not_committed, "partition"),
        (_owners_do_not_fence, "partition"),
        (_chunks_of_a_former_assignment_count, "was made anew"),
    ],
)
def test_what_is_broken_is_found(
    patched: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None], says: str
) -> None:
    broken(patched)
    with small() as seams:
        assert any(says in finding for seed in range(FOUND_WITHIN) for finding in simulate(seed, seams).findings)


# ——— the loop ———


@pytest.fixture
def loop() -> Iterator[SeededLoop]:
    made = SeededLoop(Random(1))
    yield made
    made.close()


def test_time_passes_only_when_nothing_is_ready(loop: SeededLoop) -> None:
    async def wait() -> float:
        await asyncio.sleep(3_600)
        return loop.time()

    assert loop.run_until_complete(wait()) == 3_600
    with pytest.raises(Deadlock):
        loop.run_until_complete(asyncio.Event().wait())


def test_an_ended_process_runs_no_further_and_a_held_one_later(loop: SeededLoop) -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(1)
            done.append(name)
        finally:
            done.append(f"{name} cleaned up")

    ended, held = Process("ended"), Process("held")

    async def play() -> None:
        for process in (ended, held):
            loop.spawn(work(process.name), process)
        await asyncio.sleep(0.5)
        ended.ended, held.waiting = True, []
        await asyncio.sleep(5)
        assert done == []
        loop.resume(held)
        await asyncio.sleep(1)

    loop.run_until_complete(play())
    assert done == ["held", "held cleaned up"]


def test_what_is_ready_runs_in_an_order_of_the_seeds() -> None:
    def order(seed: int) -> list[int]:
        loop, came = SeededLoop(Random(seed)), list[int]()

        async def play() -> None:
            for n in range(5):
                loop.call_soon(came.append, n)
            await asyncio.sleep(1)

        loop.run_until_complete(play())
        loop.close()
        return came

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(20)}) > 10
