"""Hostile input: what is drawn is refused in every topic, and the scenarios, small, on a real Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio
from aiokafka.record.memory_records import MemoryRecords

from bench.chaos.cluster import Cluster
from bench.chaos.inputs import SCENARIOS
from bench.chaos.load import CATALOGUE as STATED
from bench.chaos.load import POLICIES, begins
from bench.chaos.poison import CODECS, KINDS, NotUtf8, Packed, hostile
from eligibility.errors import Refused
from eligibility.registry import Registry
from schemas.journal import CatalogueControl, Epoch
from schemas.topics import SOURCES, STATEMENTS
from streams.judge import AUTHORITY, SourceRecord, judge, rejection
from zhida.keyring import Keyring
from zhida.messages import Message, departments, keys_statement, read_messages, statements

SUBJECT = "p-0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def registry(ring: Keyring) -> Registry:
    """What intake knows once the load has stated its catalogue and its keys."""
    made = Registry().fold(0, Epoch(clock="world", now=begins(), authority_key=ring.public_key(AUTHORITY)))
    stated = [message for file in statements(STATED) for message in read_messages(file, ring, begins())]
    for sequence, each in enumerate([*stated, keys_statement(ring, departments(POLICIES), begins())], start=1):
        entry = judge(source(each, sequence), made)
        assert isinstance(entry, CatalogueControl)
        made = made.fold(sequence, entry)
    return made


def source(made: Message, offset: int = 0) -> SourceRecord:
    return SourceRecord(made.topic, 0, offset, 0, made.key, made.value, made.headers)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("topic", SOURCES)
def test_every_kind_is_refused_with_a_reason_on_every_topic(
    kind: str, topic: str, ring: Keyring, registry: Registry
) -> None:
    for seed in range(5):
        record = source(hostile(kind, topic, seed, SUBJECT, begins(), ring, Random(seed)))
        with pytest.raises(Refused) as caught:
            judge(record, registry)
        assert rejection(record, registry, caught.value).text


def test_what_is_signed_is_refused_for_what_it_says(ring: Keyring, registry: Registry) -> None:
    """Not for its signature: the poison gets past the door."""
    with pytest.raises(Refused) as caught:
        judge(source(hostile("cut", STATEMENTS, 0, SUBJECT, begins(), ring, Random(1))), registry)
    assert caught.value.code == "undecodable"


def test_poison_is_its_seeds(ring: Keyring) -> None:
    def drawn(seed: int) -> list[Message]:
        random = Random(seed)
        return [hostile(kind, SOURCES[0], 0, SUBJECT, begins(), ring, random) for kind in KINDS]

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_name_that_is_not_utf8_is_in_a_batch_that_is_whole() -> None:
    batch = NotUtf8()
    batch.append(timestamp=None, key=b"k", value=b"v", headers=[(NotUtf8.PLACEHOLDER, b"x")])
    records = MemoryRecords(bytes(batch._build()))
    found = records.next_batch()
    assert found is not None and found.validate_crc()
    with pytest.raises(UnicodeDecodeError):
        list(found)


@pytest.mark.parametrize("codec", CODECS)
def test_a_packed_batch_is_whole(codec: str) -> None:
    batch = Packed(codec)
    batch.append(timestamp=None, key=b"k", value=b"v" * 3_000, headers=[])
    found = MemoryRecords(bytes(batch._build())).next_batch()
    assert found is not None and found.validate_crc()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("inputs"), seed=7, subjects=20)
    try:
        await made.begin()
        yield made
    finally:
        await made.end()


@pytest.mark.kafka
@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(name: str, cluster: Cluster) -> None:
    made, few, _ = SCENARIOS[name]
    result = await made(cluster, Random(name), min(few, 1_000))
    assert result["wrong"] == []
    differences = await cluster.recording.check()
    assert not differences.any, differences.examples
    assert cluster.ended == [], "no worker ended by itself"
