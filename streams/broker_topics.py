"""The broker's topics held against the catalogue: created where missing, every difference named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from schemas.journal import ControlRecord, Epoch, TopicGeneration, control_record
from schemas.topics import CATALOGUE, CONTROL, Topic
from streams.control import read_registry
from streams.errors import StopWorker
from streams.producers import idempotent_producer

LEADERS_WITHIN = 30.0  # seconds


@asynccontextmanager
async def _admin(bootstrap_servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def differences(bootstrap_servers: str) -> list[str]:
    """One sentence per difference of the broker's topics from the catalogue; none when they agree."""
    async with _admin(bootstrap_servers) as admin:
        found = await _described(admin)
        configs = await _configs(admin, sorted(found.keys() & CATALOGUE.keys()))
    listed: list[str] = []
    for topic in CATALOGUE.values():
        if topic.name not in found:
            listed.append(f"topic {topic.name} is missing; `zhida topics apply` creates it")
            continue
        if found[topic.name] != topic.partitions:
            listed.append(
                f"topic {topic.name} has {found[topic.name]} partitions, the catalogue says {topic.partitions}"
            )
        for setting, expected in topic.config().items():
            actual = configs[topic.name].get(setting)
            if actual != expected:
                listed.append(f"topic {topic.name} has {setting}={actual}, the catalogue says {expected}")
    return listed


async def require_topics(bootstrap_servers: str) -> None:
    """Raise StopWorker when topics of the catalogue are missing: aiokafka would wait for them for ever."""
    async with _admin(bootstrap_servers) as admin:
        missing = sorted(CATALOGUE.keys() - set(await admin.list_topics()))
    if missing:
        raise StopWorker(f"the broker has no topic {missing[0]}: run `zhida topics apply` first")


async def apply(bootstrap_servers: str, epoch: Epoch, *, replication: int = 1) -> list[str]:
    """Create the topics that are missing and record each creation, and the first epoch, on the control topic.

    Returns one line for each thing done; run again, it does nothing. Existing topics are never altered.
    """
    async with _admin(bootstrap_servers) as admin:
        present = await _described(admin)
        missing = [topic for topic in CATALOGUE.values() if topic.name not in present]
        missing = await _create(admin, missing, replication) if missing else []
    done = [f"created {topic.name}: {topic.partitions} partitions, {topic.cleanup}" for topic in missing]
    registry = await read_registry(bootstrap_servers)
    records: list[ControlRecord] = []
    fresh = {topic.name for topic in missing}
    for topic in CATALOGUE.values():
        if topic.name in fresh or topic.name not in registry.generations:
            records.append(TopicGeneration(name=topic.name, generation=f"{topic.name}.{uuid4().hex[:8]}"))
    if registry.epoch is None:
        records.append(epoch)  # last: nothing is judged without it, so nothing is judged without the generations
    await append_control(bootstrap_servers, records)
    if registry.epoch is None:
        done.append(f"began the epoch of engine {epoch.engine} with the {epoch.clock} clock at {epoch.now.isoformat()}")
    return done


async def append_control(bootstrap_servers: str, records: list[ControlRecord]) -> None:
    """Append records to the control topic, each acknowledged before the next."""
    if not records:
        return
    producer = idempotent_producer(bootstrap_servers)
    await producer.start()
    try:
        for record in records:
            await producer.send_and_wait(CONTROL, control_record.dump_json(record, by_alias=True), record.kind.encode())
    finally:
        await producer.stop()


async def _described(admin: AIOKafkaAdminClient) -> dict[str, int]:
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(asked):
        for resource in response.resources:
            _, _, _, name, entries = resource[:5]
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic], replication: int) -> list[Topic]:
    """Returns those that were not there already, by the controller's word."""
    wanted = [NewTopic(t.name, t.partitions, replication, topic_configs=t.config()) for t in topics]
    response = await admin.create_topics(wanted)
    for name, code, *rest in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            text = rest[0] if rest else error.description
            raise StopWorker(f"topic {name} could not be created: {text}")
    names = [topic.name for topic in topics]
    try:
        async with asyncio.timeout(LEADERS_WITHIN):
            while not all(_led(found) for found in await admin.describe_topics(names)):
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise StopWorker(
            f"after {LEADERS_WITHIN:.0f} s some created topics have no leader: is a broker down?"
        ) from error
    created = {name for name, code, *_ in response.topic_errors if not code}
    return [topic for topic in topics if topic.name in created]


def _led(topic: dict[str, Any]) -> bool:
    """Whether every partition of a described topic has its leader."""
    return not topic["error_code"] and not any(partition["error_code"] for partition in topic["partitions"])
