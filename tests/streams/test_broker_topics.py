"""The topics of a real broker against the catalogue: created once, every difference said in one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.journal import Epoch, Tick
from schemas.topics import CATALOGUE, CONTROL, DECISIONS, JOURNAL, NOTICES, changes_topic
from streams import broker_topics
from streams.broker_topics import append_control, apply, differences
from streams.control import ControlReader, read_registry
from streams.errors import StopWorker
from streams.reading import reader
from zhida.stack import kafka as kafka_stack
from zhida.stack import ports

pytestmark = pytest.mark.kafka

TAX = changes_topic("tax")
NOW = datetime(2024, 1, 1, tzinfo=UTC)
EPOCH = Epoch(clock="world", now=NOW, authority_key="A" * 43 + "=")
LATER = Epoch(clock="wall", now=datetime(2025, 1, 1, tzinfo=UTC), authority_key="B" * 43 + "=")
SECONDS = 20


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker whose topics are these tests' own, to be damaged and deleted."""
    folder = tmp_path_factory.mktemp("topics")
    yield kafka_stack.up(folder, port=ports.free())
    kafka_stack.down(folder)


@pytest.fixture
async def empty(broker: str) -> str:
    """The broker without topics."""
    async with admin_of(broker) as admin:
        await delete(admin, [name for name in await admin.list_topics() if not name.startswith("__")])
    return broker


@pytest.fixture
async def applied(broker: str) -> AsyncIterator[str]:
    """The broker with the whole catalogue, which is put right again afterwards."""
    await apply(broker, EPOCH)
    yield broker
    wrong = {sentence.split()[1] for sentence in await differences(broker)}
    async with admin_of(broker) as admin:
        await delete(admin, [name for name in await admin.list_topics() if name in wrong])


@asynccontextmanager
async def admin_of(broker: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def delete(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """Delete topics, and wait until the broker has forgotten them."""
    if names:
        await admin.delete_topics(names)
    async with asyncio.timeout(SECONDS):
        while set(names) & set(await admin.list_topics()):
            await asyncio.sleep(0.05)


async def configure(broker: str, name: str, **changes: str) -> None:
    """Set a topic's configuration to the catalogue's, but for the changes."""
    settings = CATALOGUE[name].config() | {key.replace("_", "."): value for key, value in changes.items()}
    async with admin_of(broker) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=settings)])


async def until_said(broker: str) -> list[str]:
    """The differences, once the broker shows what was just altered."""
    async with asyncio.timeout(SECONDS):
        while not (said := await differences(broker)):
            await asyncio.sleep(0.05)
    return said


async def test_an_empty_broker_misses_every_topic(empty: str) -> None:
    assert await differences(empty) == [
        f"topic {name} is missing; `zhida topics apply` creates it" for name in CATALOGUE
    ]


async def test_apply_creates_all_and_records_generations_and_epoch_once(empty: str) -> None:
    done = await apply(empty, EPOCH)
    assert len(done) == len(CATALOGUE) + 1
    for topic, line in zip(CATALOGUE.values(), done, strict=False):
        assert topic.name in line and str(topic.partitions) in line
    assert "epoch" in done[-1] and "world" in done[-1]
    assert await differences(empty) == []

    registry = await read_registry(empty)
    assert registry.sequence == len(CATALOGUE)  # the epoch, and one generation per topic
    assert (registry.epoch, registry.now) == (EPOCH, NOW)
    assert registry.generations.keys() == CATALOGUE.keys()
    assert len(set(registry.generations.values())) == len(CATALOGUE)
    assert all(generation.startswith(f"{name}.") for name, generation in registry.generations.items())


async def test_applied_again_it_does_nothing(applied: str) -> None:
    before = await read_registry(applied)
    assert await apply(applied, LATER) == []
    assert await read_registry(applied) == before


async def test_what_was_said_on_the_control_topic_stays(applied: str) -> None:
    before = await read_registry(applied)
    await append_control(applied, [Tick(at=datetime(2024, 2, 1, tzinfo=UTC))])
    await append_control(applied, [])
    after = await read_registry(applied)
    assert (after.sequence, after.now) == (before.sequence + 1, datetime(2024, 2, 1, tzinfo=UTC))


async def test_a_missing_topic_is_named(applied: str) -> None:
    async with admin_of(applied) as admin:
        await delete(admin, [NOTICES])
    assert await differences(applied) == [f"topic {NOTICES} is missing; `zhida topics apply` creates it"]


async def test_a_wrong_number_of_partitions_is_named(applied: str) -> None:
    async with admin_of(applied) as admin:
        await admin.create_partitions({TAX: NewPartitions(total_count=5)})
    assert await until_said(applied) == [f"topic {TAX} has 5 partitions, the catalogue says 2"]


@pytest.mark.parametrize(
    ("name", "changes", "named"),
    [
        (JOURNAL, {"retention_ms": "86400000"}, ["retention.ms=86400000", "3024000000"]),
        (CONTROL, {"retention_ms": "86400000"}, ["retention.ms=86400000", "-1"]),
        (TAX, {"message_timestamp_type": "CreateTime"}, ["message.timestamp.type=CreateTime", "LogAppendTime"]),
        (TAX, {"max_message_bytes": "1000"}, ["max.message.bytes=1000", "1048576"]),
        (DECISIONS, {"cleanup_policy": "delete"}, ["cleanup.policy=delete", "compact"]),
    ],
)
async def test_a_wrong_setting_is_named(applied: str, name: str, changes: dict[str, str], named: list[str]) -> None:
    await configure(applied, name, **changes)
    try:
        (sentence,) = await until_said(applied)
        for words in (name, *named):
            assert words in sentence
        assert await apply(applied, EPOCH) == [], "existing topics are never altered"
        assert await differences(applied) == [sentence]
    finally:
        await configure(applied, name)


async def test_every_difference_is_a_sentence_of_its_own(applied: str) -> None:
    async with admin_of(applied) as admin:
        await delete(admin, [NOTICES])
    await configure(applied, TAX, retention_ms="1", message_timestamp_type="CreateTime")
    try:
        async with asyncio.timeout(SECONDS):
            while len(said := await differences(applied)) != 3:
                await asyncio.sleep(0.05)
        assert [sentence.split()[1] for sentence in said] == [TAX, TAX, NOTICES]
    finally:
        await configure(applied, TAX)


async def test_topics_of_others_are_no_difference(applied: str) -> None:
    async with admin_of(applied) as admin:
        await admin.create_topics([NewTopic("somebody.elses", 1, 1)])
        assert await differences(applied) == []
        assert await apply(applied, EPOCH) == []
        await delete(admin, ["somebody.elses"])


async def test_a_topic_deleted_and_created_again_has_a_new_generation(applied: str) -> None:
    before = await read_registry(applied)
    async with admin_of(applied) as admin:
        await delete(admin, [TAX])
    done = await apply(applied, LATER)
    assert len(done) == 1 and done[0].startswith(f"created {TAX}")
    after = await read_registry(applied)
    assert after.sequence == before.sequence + 1
    assert {n for n in CATALOGUE if after.generations[n] != before.generations[n]} == {TAX}
    assert after.epoch == EPOCH
    assert await differences(applied) == []


async def test_an_apply_that_was_cut_short_is_completed(empty: str) -> None:
    """The topics were created, and nothing was recorded."""
    async with admin_of(empty) as admin:
        topics = [NewTopic(t.name, t.partitions, 1, topic_configs=t.config()) for t in CATALOGUE.values()]
        await admin.create_topics(topics)
    async with asyncio.timeout(SECONDS):
        while await differences(empty):
            await asyncio.sleep(0.05)
    assert len(await apply(empty, EPOCH)) == 1
    registry = await read_registry(empty)
    assert (registry.epoch, registry.generations.keys()) == (EPOCH, CATALOGUE.keys())


async def test_a_topic_that_somebody_else_just_created_keeps_its_generation(
    applied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metadata a moment old shows no topic yet: what the creation says decides, or all would be taken in anew."""
    before = await read_registry(applied)
    monkeypatch.setattr(broker_topics, "_described", lambda admin: asyncio.sleep(0, {}))
    assert await apply(applied, EPOCH) == []
    assert (await read_registry(applied)).generations == before.generations


async def test_without_an_epoch_nothing_can_be_judged(empty: str) -> None:
    async with admin_of(empty) as admin:
        await admin.create_topics([NewTopic(CONTROL, 1, 1, topic_configs=CATALOGUE[CONTROL].config())])
    async with reader(empty) as consumer:
        with pytest.raises(StopWorker, match=r"no epoch: run `zhida topics apply`"):
            await ControlReader(consumer).catch_up()


async def test_the_control_topic_is_followed_to_its_end(applied: str) -> None:
    async with reader(applied) as consumer:
        control = ControlReader(consumer)
        first = await control.catch_up()
        assert first.epoch == EPOCH
        assert await control.catch_up() is first
        moments = [datetime(2024, 3, day, tzinfo=UTC) for day in range(1, 30)]
        await append_control(applied, [Tick(at=moment) for moment in moments])
        second = await control.catch_up()
    assert (second.sequence, second.now) == (first.sequence + len(moments), moments[-1])
