"""Intake's rounds over a producer in memory: what is sent when, what is done when, and what a failure leaves undone."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from faust.types import TP

from eligibility.registry import Registry
from schemas.catalogue import CatalogueStatement
from schemas.cloudevents import Attributes, signed_bytes, to_headers
from schemas.identifiers import journal_partition
from schemas.journal import (
    CatalogueControl,
    ControlEntry,
    Epoch,
    Origin,
    RefusedEntry,
    Tick,
    TopicGeneration,
    control_record,
    journal_record,
)
from schemas.rejected import RejectCode
from schemas.topics import (
    CATALOGUE,
    CONTROL,
    JOURNAL,
    JOURNAL_PARTITIONS,
    PUBLICATIONS,
    SOURCES,
    STATEMENTS,
    changes_topic,
    data_schema,
)
from streams import intake as intake_module
from streams.chunks import Chunk
from streams.errors import StopWorker
from streams.intake import Intake

TAX = changes_topic("tax")
NOON = datetime(2024, 7, 1, 4, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()
PERSONS = [f"p-{n:032x}" for n in range(20)]
TITLE = {"zh": "甲", "en": "A"}


def registry() -> Registry:
    """A catalogue with what conditions need, and finance's key."""
    facts = [
        {"name": "levy_due", "title": TITLE, "provider": "tax", "type": "decimal"},
        {"name": "kind", "title": TITLE, "provider": "tax", "type": "code", "codes": {"enterprise": TITLE}},
        {"name": "region", "title": TITLE, "provider": "tax", "type": "region"},
        {"name": "industry", "title": TITLE, "provider": "tax", "type": "industry"},
    ]
    public = b64encode(KEY.public_key().public_bytes_raw()).decode()
    keys = [{"department": "finance", "key_id": "key_1", "public_key": public}]
    statement = CatalogueStatement.model_validate({"effective_at": NOON, "facts": facts, "keys": keys})
    records = [
        Epoch(clock="world", now=NOON, authority_key="A" * 43 + "="),
        *(TopicGeneration(name=name, generation=f"{name}.ab12cd34") for name in SOURCES),
        CatalogueControl(origin=Origin(topic=STATEMENTS, partition=0, offset=0), statement=statement),
        Tick(at=NOON),
    ]
    folded = Registry()
    for sequence, record in enumerate(records):
        folded = folded.fold(sequence, record)
    return folded


@dataclass
class Batch:
    """What aiokafka's builder is to its user; takes three records."""

    records: list[tuple[bytes, bytes, Any]] = field(default_factory=list)
    topic: str = ""
    partition: int = -1
    acknowledged: asyncio.Future[RecordMetadata] = field(default_factory=asyncio.Future)

    def append(self, *, timestamp: None, key: bytes, value: bytes, headers: Any) -> object | None:
        if len(self.records) == 3:
            return None
        self.records.append((key, value, headers))
        return self

    def close(self) -> None:
        return None

    def record_count(self) -> int:
        return len(self.records)


class World:
    """Intake between a control topic and a log that acknowledges when it is told to; `looks`: at the control topic."""

    def __init__(self) -> None:
        self.registry = registry()
        self.batches: list[Batch] = []
        self.at_once = False
        self.looks = 0
        self.looking = asyncio.Event()
        self.looking.set()
        self.offsets: dict[TP, int] = {}
        self.intake = Intake("", self, self, self.crash)  # type: ignore[arg-type]

    async def crash(self, error: BaseException) -> None:
        raise error

    # the producer

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[RecordMetadata]:
        batch.topic, batch.partition = topic, partition
        self.batches.append(batch)
        if self.at_once:
            self.acknowledge(batch)
        return batch.acknowledged

    def acknowledge(self, batch: Batch) -> None:
        tp = TopicPartition(batch.topic, batch.partition)
        if batch.topic == CONTROL:
            for _, value, _ in batch.records:
                record = control_record.validate_json(value)
                self.registry = self.registry.fold(self.registry.sequence + 1, record)
        batch.acknowledged.set_result(RecordMetadata(*tp, tp, 0, 0, 1, 0))

    # the control topic

    async def catch_up(self) -> Registry:
        self.looks += 1
        await self.looking.wait()
        return self.registry

    # what is sent

    def record(self, tp: TP, value: bytes, headers: Any) -> ConsumerRecord:
        offset = self.offsets[tp] = self.offsets.get(tp, -1) + 1
        return ConsumerRecord(*tp, offset, 1_719_806_400_000, 1, b"k", value, None, 1, len(value), tuple(headers))

    def event(self, tp: TP, data: Any, subject: str, signed: bool = False) -> ConsumerRecord:
        given = {"id": "1", "source": "/s", "type": CATALOGUE[tp.topic].event_type, "time": NOON, "subject": subject}
        attributes = Attributes.model_validate({**given, "dataschema": data_schema(tp.topic)})
        value = data if isinstance(data, bytes) else json.dumps(data).encode()
        if signed:
            signature = b64encode(KEY.sign(signed_bytes(attributes, value))).decode()
            update = {"senderid": "finance", "senderkey": "key_1", "sendersig": signature}
            attributes = attributes.model_copy(update=update)
        return self.record(tp, value, to_headers(attributes))

    def change(self, tp: TP, subject: str = PERSONS[0]) -> ConsumerRecord:
        return self.event(
            tp, {"version": 1, "effective_at": "2024-07-01T00:00:00Z", "facts": {"levy_due": "1"}}, subject
        )

    def chunk(self, partition: int = 0, count: int = 1) -> Chunk:
        tp = TP(TAX, partition)
        return Chunk(tp, tuple(self.change(tp, PERSONS[n % len(PERSONS)]) for n in range(count)))

    def take_in(self, chunk: Chunk) -> asyncio.Task[None]:
        self.intake._generations.setdefault(chunk.tp, self.registry.generations.get(chunk.tp.topic, ""))  # as acquired
        return asyncio.create_task(self.intake.take_in(chunk))

    # what came of it

    def on(self, topic: str) -> list[tuple[int, Any]]:
        """Partition and record, in the order of sending."""
        read: Any = {
            JOURNAL: journal_record.validate_json,
            CONTROL: control_record.validate_json,
        }[topic]
        return [(b.partition, read(value)) for b in self.batches if b.topic == topic for _, value, _ in b.records]

    def origins(self) -> list[tuple[int, int]]:
        """Source partition and offset of what was sent to the journal."""
        return sorted((entry.origin.partition, entry.origin.offset) for _, entry in self.on(JOURNAL))


@pytest.fixture
async def world() -> World:
    return World()


async def until_idle() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


async def test_a_chunk_is_done_when_all_of_it_is_acknowledged(world: World) -> None:
    taking = world.take_in(world.chunk(count=20))
    await until_idle()
    assert len(world.batches) > 3
    while unacknowledged := [b for b in world.batches if not b.acknowledged.done()]:
        assert not taking.done() and world.intake.next_offset(TP(TAX, 0)) is None
        world.acknowledge(unacknowledged[0])
        await until_idle()
    assert taking.done() and world.intake.next_offset(TP(TAX, 0)) == 20
    assert world.origins() == [(0, offset) for offset in range(20)]


async def test_a_journal_partition_has_one_unacknowledged_batch(world: World) -> None:
    """Of eleven records of one subject, at three a batch, the second batch is sent when the first is acknowledged."""
    tp = TP(TAX, 0)
    taking = world.take_in(Chunk(tp, tuple(world.change(tp) for _ in range(11))))
    for number in range(1, 5):
        await until_idle()
        assert len(world.batches) == number
        world.acknowledge(world.batches[-1])
    await taking
    assert [entry.origin.offset for _, entry in world.on(JOURNAL)] == list(range(11))


async def test_chunks_that_come_during_a_round_go_together_into_the_next(world: World) -> None:
    first = world.take_in(world.chunk(0))
    await until_idle()
    later = [world.take_in(world.chunk(partition)) for partition in (1, 2, 3)]
    await until_idle()
    assert world.origins() == [(0, 0)]
    world.acknowledge(world.batches[0])
    await until_idle()
    assert first.done() and not any(task.done() for task in later)
    assert world.origins() == [(0, 0), (1, 0), (2, 0), (3, 0)]
    (batch,) = world.batches[1:]
    world.acknowledge(batch)
    await asyncio.gather(*later)


async def test_one_look_at_the_control_topic_serves_a_round_and_begins_after_its_chunks_came(world: World) -> None:
    world.at_once = True
    world.looking.clear()
    taking = [world.take_in(world.chunk(0))]
    await until_idle()
    assert world.looks == 1
    taking += [world.take_in(world.chunk(partition)) for partition in (1, 2)]
    await until_idle()
    world.looking.set()
    await asyncio.gather(*taking)
    assert world.looks == 2, "what came while the first look was under way may know of what it did not see"


async def test_one_look_serves_all_who_asked_before_it_began(world: World) -> None:
    world.looking.clear()
    asking = [asyncio.create_task(world.intake.registry()) for _ in range(5)]
    await until_idle()
    asking += [asyncio.create_task(world.intake.registry()) for _ in range(5)]
    await until_idle()
    asking[5].cancel()
    world.looking.set()
    await asyncio.gather(*asking, return_exceptions=True)
    assert world.looks == 2
    assert [task.result() is world.registry for task in asking if not task.cancelled()] == [True] * 9


async def test_what_is_refused_stands_in_the_journal_in_its_order(world: World) -> None:
    world.at_once = True
    tp = TP(TAX, 0)
    records = (world.change(tp), world.event(tp, b"\xff", PERSONS[1]), world.change(tp), world.record(tp, b"", []))
    await world.take_in(Chunk(tp, records))
    refused = {e.origin.offset: (p, e.rejected.code) for p, e in world.on(JOURNAL) if isinstance(e, RefusedEntry)}
    assert {offset: code for offset, (_, code) in refused.items()} == {
        1: RejectCode.UNDECODABLE,
        3: RejectCode.BAD_HEADERS,
    }
    assert refused[1][0] == journal_partition(PERSONS[1], JOURNAL_PARTITIONS), "where it would stand accepted"
    for partition in range(JOURNAL_PARTITIONS):
        offsets = [entry.origin.offset for p, entry in world.on(JOURNAL) if p == partition]
        assert offsets == sorted(offsets)


async def test_what_is_not_acknowledged_is_not_done_and_ends_the_worker(world: World) -> None:
    taking = [world.take_in(world.chunk(partition, 20)) for partition in (0, 1)]
    await until_idle()
    refused, *others = world.batches
    for batch in others:
        world.acknowledge(batch)
    refused.acknowledged.set_exception(MessageSizeTooLargeError())
    found = await asyncio.gather(*taking, return_exceptions=True)
    assert [type(error) for error in found] == [StopWorker, StopWorker]
    assert [world.intake.next_offset(TP(TAX, partition)) for partition in (0, 1)] == [None, None]
    sent = [b for b in world.batches if (b.topic, b.partition) == (refused.topic, refused.partition)]
    assert sent == [refused], "nothing is written behind a batch that was not"


def publication(version: int) -> dict[str, Any]:
    policy = {
        "id": "P-1",
        "version": version,
        "title": TITLE,
        "document": "1号",
        "issued_on": "2024-01-01",
        "made_by": "finance",
        "implemented_by": ["tax"],
        "region": "21",
        "zone": "direct",
        "kind": "award",
        "subjects": ["enterprise"],
        "valid": {"from": "2024-01-01"},
        "rules": [{"benefit": {"fixed": "1.10"}}],
    }
    return {"action": "publish", "policy": policy, "effective_at": "2024-08-01T00:00:00Z", "reason": "new"}


async def test_a_publication_is_judged_by_those_before_it(world: World) -> None:
    """The second is refused since the first is there, taken from another chunk or from the same."""
    world.at_once = True
    tp = TP(PUBLICATIONS, 0)
    records = [world.event(tp, publication(1), "P-1", signed=True) for _ in range(3)]
    await asyncio.gather(world.take_in(Chunk(tp, tuple(records[:2]))), world.take_in(Chunk(tp, tuple(records[2:]))))
    assert [record.origin.offset for _, record in world.on(CONTROL)] == [0]
    refused = [(entry.origin.offset, entry.rejected.code) for _, entry in world.on(JOURNAL)]
    assert refused == [(1, RejectCode.POLICY_OVERLAP), (2, RejectCode.POLICY_OVERLAP)]
    assert world.intake.next_offset(tp) == 3
    await world.intake.acquire(tp)
    await world.take_in(Chunk(tp, tuple(records)))
    assert len(world.on(CONTROL)) == 1, "sent again after a restart: taken already"


async def test_a_control_record_reaches_one_partition_and_then_all_others(world: World) -> None:
    tp = TP(CONTROL, 0)
    ticks = [control_record.dump_json(Tick(at=NOON)) for _ in range(2)]
    fanning = asyncio.create_task(world.intake.fan_out(Chunk(tp, tuple(world.record(tp, tick, []) for tick in ticks))))
    await until_idle()
    assert [batch.partition for batch in world.batches] == [0]
    world.acknowledge(world.batches[0])
    await until_idle()
    assert sorted(batch.partition for batch in world.batches) == list(range(JOURNAL_PARTITIONS))
    for batch in world.batches[1:]:
        assert world.intake.next_offset(tp) is None
        world.acknowledge(batch)
    await fanning
    assert world.intake.next_offset(tp) == 2
    for partition in range(JOURNAL_PARTITIONS):
        entries = [entry for at, entry in world.on(JOURNAL) if at == partition]
        assert entries == [ControlEntry(sequence=n, record=Tick(at=NOON)) for n in range(2)]


async def test_the_points_at_which_a_worker_may_end_are_where_they_say(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[tuple[str, int, int, int | None]] = []

    async def crash_point(name: str, what_is_open: str) -> None:
        acknowledged = [batch for batch in world.batches if batch.acknowledged.done()]
        passed.append((name, len(world.batches), len(acknowledged), world.intake.next_offset(TP(TAX, 0))))

    monkeypatch.setattr(intake_module, "crash_point", crash_point)
    taking = world.take_in(world.chunk())
    await until_idle()
    world.acknowledge(world.batches[0])
    await taking
    world.at_once = True
    tp = TP(CONTROL, 0)
    await world.intake.fan_out(Chunk(tp, (world.record(tp, control_record.dump_json(Tick(at=NOON)), []),)))
    assert passed == [
        ("intake.fetched", 0, 0, None),
        ("intake.sent", 1, 0, None),
        ("intake.acknowledged", 1, 1, None),
        ("intake.between", 2, 2, 1),
    ]


async def test_offsets_of_a_topic_made_anew_are_not_taken_for_those_of_the_old_one(world: World) -> None:
    assert (await world.intake.acquire(TP(TAX, 0))).label == world.registry.generations[TAX]
    made_anew = TopicGeneration(name=TAX, generation=f"{TAX}.0000beef")
    world.registry = world.registry.fold(world.registry.sequence + 1, made_anew)
    with pytest.raises(StopWorker, match="was made anew"):
        await world.take_in(world.chunk(0))
    assert world.intake.next_offset(TP(TAX, 0)) is None
    assert (await world.intake.acquire(TP(TAX, 0))).label == f"{TAX}.0000beef"


async def test_a_topic_that_goes_backwards_was_made_anew(world: World) -> None:
    world.at_once = True
    tp = TP(TAX, 0)
    first = Chunk(tp, tuple(world.change(tp) for _ in range(3)))
    await world.take_in(first)
    assert world.intake.next_offset(tp) == 3
    with pytest.raises(StopWorker, match="was made anew"):
        await world.take_in(Chunk(tp, first.records[:1]))
