"""One owned journal partition: its state in memory, and the transactions that move it on.

Order on taking it: fence (the transactional producer's start), then read where the state ends, load it, and only then
say from which journal offset to deliver. What a run of records leads to is committed with its checkpoint or not at
all.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber, ProducerFenced

from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import load_state, load_tail
from schemas.journal import Pump
from schemas.topics import JOURNAL, STATE
from streams.batches import send_all
from streams.clients import Clients
from streams.crash_points import crash_point
from streams.errors import PartitionLost, StopPartition, StopWorker
from streams.outputs import Output, effect_output, state_outputs
from streams.reading import runs_to_end

log = logging.getLogger(__name__)

COMMIT_DEADLINE = 20.0  # seconds; idempotent batches are retried for ever, a transaction is not
ROLLING_OUT, PUMPS_IN_A_TURN = 2, 4  # partitions of a worker, pumps
PUMP_RESTS = 10  # times as long as the slice took, where changes came meanwhile
FOLD_AT_MOST = 0.1  # seconds of folding, and bytes written, after which a transaction ends, whatever is left
WRITE_AT_MOST = 8_388_608
YIELD_EVERY = 0.005  # seconds of folding after which others have their turn
SUBJECTS_SORTED, SUBJECTS_REFRESHED = 250, 10  # in one slice of some 2 ms
RESTS, RESTS_UNDER_LOAD = 2, 10  # times as long as the slice took
FROZEN_FROM = 1_000  # subjects of a partition
SAY_EVERY = 2.0  # seconds between words on how far a recovery is
FENCED = (ProducerFenced, OutOfOrderSequenceNumber)


Crash = Callable[[BaseException], Awaitable[None]]


class Snapshot(NamedTuple):
    """A partition's committed state as its owner had it in memory; `position`: the state topic up to there is in it."""

    state: PartitionState
    position: int


class Turns:
    """What the partitions of a worker do beside folding, in turn: who rolls out, and who writes columns.

    `crash` is told of what fails there, as nobody awaits it.
    """

    def __init__(self, crash: Crash) -> None:
        self.crash = crash
        self.folded = 0  # records, pumps not counted
        self.rolling_out = asyncio.Semaphore(ROLLING_OUT)
        self.refreshing = asyncio.Lock()

    async def slice(self, work: Callable[[], bool]) -> bool:
        """Do a slice of what nothing waits for, and rest: longer where changes came meanwhile. Returns what it does."""
        began, folded = time.monotonic(), self.folded
        more = work()
        took = time.monotonic() - began
        await asyncio.sleep(RESTS * took)
        if self.folded != folded:
            await asyncio.sleep((RESTS_UNDER_LOAD - RESTS) * took)
        return more


class Partition:
    """One journal partition, from being taken to being given up."""

    def __init__(
        self,
        number: int,
        clients: Clients,
        pumps: AIOKafkaProducer,
        turns: Turns,
        kept: Snapshot | None = None,
    ) -> None:
        self.number = number
        self._clients = clients
        self._pumps = pumps
        self._producer = clients.transactional_producer(f"zhida-eligibility-{number}")
        self._in_hand = asyncio.Lock()
        self._given_up = False
        self._turns = turns
        self._beside: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()
        self._sorted = asyncio.Event()
        self._pump_took = 0.0
        self._snapshot = kept
        self.state = PartitionState(number)
        self.next_offset: int | None = None

    async def take(self) -> int:
        """Fence the former owner, load the committed state; returns the journal offset to go on from.

        Raises StopWorker when the journal no longer holds that offset.
        """
        await self._producer.start()
        await crash_point("recovery.fenced", f"partition {self.number} fenced, nothing loaded")
        journal = TopicPartition(JOURNAL, self.number)
        async with self._clients.reader() as consumer:
            kept, self._snapshot = self._snapshot, None
            self._snapshot = await recover(consumer, self.number, kept)
            first = (await consumer.beginning_offsets([journal]))[journal]
        self.state = self._snapshot.state
        start = self.state.offset + 1
        if start < first:
            raise StopWorker(
                f"journal partition {self.number} begins at {first}, its checkpoint needs {start}: "
                "retention has deleted what was not folded yet; restore the journal from a backup"
            )
        subjects = len(self.state.files)
        log.info("partition %d: fenced, loaded %d subjects, goes on from offset %d", self.number, subjects, start)
        await crash_point("recovery.loaded", f"partition {self.number} loaded, nothing delivered")
        self._beside = [asyncio.create_task(self._do_beside(work)) for work in (self._refresh, self._roll_out)]
        return start

    async def process(self, records: Sequence[ConsumerRecord]) -> None:
        """Fold records and commit what they lead to, their state and the checkpoint: in one transaction, or in several
        where they take long or lead to much.

        Raises PartitionLost when another owner has fenced this one, StopPartition when the journal cannot be followed,
        StopWorker when a transaction fails otherwise. After any failure the partition takes nothing more.
        """
        async with self._in_hand:
            if self._given_up:
                return
            snapshot, self._snapshot = self._snapshot, None  # the state in memory will be ahead of what is committed
            try:
                await crash_point("eligibility.fetched", f"chunk of {len(records)} records in hand")
                left = list(reversed(records))
                while left:
                    snapshot = await self._process(left) or snapshot
            except BaseException:
                self._given_up = True
                raise
            self._snapshot = snapshot

    async def _process(self, left: list[ConsumerRecord]) -> Snapshot | None:
        """Fold and commit as many of the records, the last first, as one transaction takes; None: they were old."""
        effects: list[Output] = []
        changed: set[str] = set()
        before, size = self.state.offset, 0
        began = turned = time.monotonic()
        while left and size < WRITE_AT_MOST and (now := time.monotonic()) < began + FOLD_AT_MOST:
            if now > turned + YIELD_EVERY:
                await asyncio.sleep(0)
                now = turned = time.monotonic()
            record = left.pop()
            if record.offset > self.state.offset + 1:
                raise StopPartition(
                    f"journal partition {self.number}: record {record.offset} follows {self.state.offset}; what stood "
                    "between is gone: restore the journal from a backup"
                )
            pump = self.state.pump
            folded = fold(self.state, record.offset, record.value)
            if self.state.pump == pump:
                self._turns.folded += 1
            else:
                self._pump_took = time.monotonic() - now
            written = [effect_output(effect) for effect in folded.effects]
            effects += written
            size += sum(len(output.value) for output in written)
            changed |= folded.changed
        if self.state.offset == before:
            return None
        outputs = effects + state_outputs(self.state, changed)
        await crash_point("eligibility.reduced", f"{len(outputs)} records to be sent")
        position = await self._commit(outputs)
        self.next_offset = self.state.offset + 1
        self._moved.set()
        await crash_point("eligibility.committed", f"committed up to journal offset {self.state.offset}")
        return Snapshot(self.state, position)

    async def _commit(self, outputs: list[Output]) -> int:
        """Write it all in one transaction; returns the state topic's offset after it."""
        try:
            async with asyncio.timeout(COMMIT_DEADLINE):
                await self._producer.begin_transaction()
                records = [(o.topic, self.number, o.key, o.value, o.headers) for o in outputs]
                sent = await send_all(self._producer, records)
                ends = dict(zip([each.tp.topic for each in sent], await asyncio.gather(*sent), strict=True))
                await crash_point("eligibility.sent", f"transaction of {len(records)} records open")
                await self._producer.commit_transaction()
        except FENCED as error:
            raise PartitionLost(f"partition {self.number}: fenced by another owner") from error
        except (KafkaError, TimeoutError) as error:
            raise StopWorker(
                f"partition {self.number}: the transaction up to journal offset {self.state.offset} failed "
                f"({type(error).__name__}: {error}); nothing of it is visible, a restart takes it up again"
            ) from error
        return ends[STATE]

    async def _do_beside(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            await self._turns.crash(error)

    async def _roll_out(self) -> None:
        """Drive roll-outs slice by slice, a few partitions of a worker at a time: the whole takes no longer, and a
        change waits for their slices, not for those of all."""
        await self._sorted.wait()
        while True:
            if not self.state.open_work:
                self._moved.clear()
                await self._moved.wait()
                continue
            async with self._turns.rolling_out:
                for _ in range(PUMPS_IN_A_TURN):
                    if self.state.open_work:
                        others = self._turns.folded
                        await self._pump()
                        if self._turns.folded != others:  # changes come first
                            await asyncio.sleep(PUMP_RESTS * self._pump_took)

    async def _pump(self) -> None:
        """Append the next pump, and wait until it is consumed; its number has it consumed once."""
        number = self.state.pump + 1
        value = Pump(n=number).model_dump_json().encode()
        await self._pumps.send_and_wait(JOURNAL, value, partition=self.number)
        await crash_point("eligibility.pumped", f"pump {number} appended")
        while self.state.pump < number:
            self._moved.clear()
            await self._moved.wait()

    async def _refresh(self) -> None:
        """Sort what was loaded, partition after partition, and then write its columns, when there is little else to
        do: a roll-out that comes later then need not."""
        async with self._turns.refreshing:
            while await self._turns.slice(lambda: self.state.sort(SUBJECTS_SORTED)):
                pass
        # Which subjects are near each policy is millions of entries, and every full collection of garbage would go
        # through them, with all changes waiting. What is garbage and not collected by now is kept for good.
        if len(self.state.records) > FROZEN_FROM:
            gc.collect(1)
            gc.freeze()
        self._sorted.set()
        more = True
        while more:
            async with self._turns.refreshing:
                more = await self._turns.slice(lambda: self.state.refresh(SUBJECTS_REFRESHED))

    async def give_up(self) -> Snapshot | None:
        """Finish the chunk in hand, then let go; a transaction left open is ended by the next owner's fence.

        Returns what is in memory, where that is what is committed: should the partition come back, only what was
        written since has to be read.
        """
        async with self._in_hand:
            self._given_up = True
            for task in self._beside:
                task.cancel()
            await self._producer.stop()
            return self._snapshot


async def read_state(consumer: AIOKafkaConsumer, number: int) -> PartitionState:
    """The committed state of a partition, read to its end."""
    return (await recover(consumer, number)).state


async def recover(consumer: AIOKafkaConsumer, number: int, kept: Snapshot | None = None) -> Snapshot:
    """The committed state of a partition: read whole, or what was written since a snapshot of it was taken."""
    tp = TopicPartition(STATE, number)
    end = (await consumer.end_offsets([tp]))[tp]
    if kept is not None and kept.position > end:  # the topic was created anew since
        kept = None
    start = (await consumer.beginning_offsets([tp]))[tp] if kept is None else kept.position
    records: dict[str, bytes] = {}
    count, said = 0, time.monotonic()
    async for run in runs_to_end(consumer, tp, start):
        for record in run:
            if record.value is None:
                records.pop(record.key.decode(), None)
            else:
                records[record.key.decode()] = record.value
        count += len(run)
        if time.monotonic() > said + SAY_EVERY:
            said = time.monotonic()
            log.info("partition %d: state read up to %d of %d", number, run[-1].offset, end)
    await crash_point("recovery.loading", f"partition {number}: {count} state records read")
    state = load_state(number, records.items()) if kept is None else load_tail(kept.state, records)
    return Snapshot(state, end)
