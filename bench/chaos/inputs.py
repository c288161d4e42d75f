"""Input that nobody asked for, at full load: each scenario is given a cluster that works and leaves it so.

A scenario is given how many changes to send, and returns what it sent and saw; `wrong` names each claim that did not
hold. That nothing else was lost or told twice is for the oracle to say, afterwards: what must be accepted has a `ce_id`
that begins with `load-`, what must be refused one with `bad-`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count, islice
from random import Random
from typing import Any

import psutil
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from bench.chaos.cluster import CORE, Cluster, HarnessError
from bench.chaos.faults import Scenario
from bench.chaos.ledger import Ledger
from bench.chaos.load import begins
from bench.chaos.poison import CODECS, KINDS, NotUtf8, Packed, hostile
from bench.chaos.senders import Senders, files
from eligibility.state import canonical_records
from eligibility.subject_file import FactKey
from eligibility.values import decode
from schemas.journal import ChangeEntry
from schemas.topics import CATALOGUE, MAX_SOURCE_BYTES, REJECTED, SOURCES, STATE, changes_topic, provider_of
from streams.app import Role
from streams.checkpoints import wait_until_settled
from streams.control import read_registry
from streams.judge import SourceRecord, judge
from streams.reading import read_to_end, reader
from zhida.demo.readback import Readback, read_states
from zhida.messages import Message
from zhida.sending import send

DRAINED_WITHIN = 1_800.0  # seconds
CLEANED_WITHIN = 120.0
ROUNDS = 2  # of as many changes with poison as without
POISONED_OF = 100  # records, of which one is poison
LEAST_RATIO = 0.5
SHOWN = 5  # of what is wrong
AGAIN = 200  # changes, so that segments of the state topic are closed
MOST_GROWTH = 256 * 1_048_576
"""Bytes by which a worker may grow while it drains a backlog, whatever the backlog's length."""

TAX = changes_topic("tax")
LARGE = 10 * 1_048_576
YEAR_2100_MS = 4_102_444_800_000
BROKER = "1"

Result = dict[str, Any]
Made = Callable[[Cluster, Random, int], Awaitable[Result]]


async def poison(cluster: Cluster, random: Random, number: int) -> Result:
    """One record in a hundred is arbitrary bytes, on every source topic, while intake has all it can take."""
    senders = await _senders(cluster, random)
    refused = Readback(cluster.bootstrap, (REJECTED,))
    before = _refusals((await refused.update()).rejected)
    size = number // (2 * ROUNDS)
    sent: Counter[str] = Counter()
    seconds = {False: 0.0, True: 0.0}
    drawn = _poison(cluster, senders, random)
    for turn in range(ROUNDS):
        for poisoned in (False, True) if turn % 2 == 0 else (True, False):
            made = list(islice(senders.changes(), size))
            bad = list(islice(drawn, size // POISONED_OF)) if poisoned else []
            for each in bad:
                made.insert(random.randrange(len(made)), each)
            sent.update(each.topic for each in bad)
            seconds[poisoned] += await _drained(cluster, made)
    after = _refusals((await refused.update()).rejected)
    told = {origin: each for origin, each in after.items() if origin not in before}
    by_topic = Counter(each["topic"] for each in told.values())
    ratio = seconds[False] / seconds[True]
    wrong = [
        f"{topic}: {sent[topic]} poisoned, {by_topic[topic]} refused"
        for topic in sent | by_topic
        if sent[topic] != by_topic[topic]
    ]
    wrong += [f"refused without a reason: {origin}" for origin, each in told.items() if not each["text"]]
    return {
        "sent": 2 * ROUNDS * size,
        "poisoned": sent.total(),
        "topics": len(sent),
        "refused": dict(Counter(each["code"] for each in told.values())),
        "events_per_s": round(ROUNDS * size / seconds[False]),
        "throughput_ratio": round(ratio, 2),
        "wrong": wrong,
    }


def _poison(cluster: Cluster, senders: Senders, random: Random) -> Iterator[Message]:
    """Every kind on every topic in turn, without end, each topic beginning with another kind."""
    shift = random.randrange(len(KINDS))
    for n in count():
        topic, kind = SOURCES[n % len(SOURCES)], KINDS[(n // len(SOURCES) + n + shift) % len(KINDS)]
        yield hostile(kind, topic, n, random.choice(senders.subjects), begins(), cluster.load.ring, random)


async def foreign_bytes(cluster: Cluster, random: Random, number: int) -> Result:
    """Batches that aiokafka does not read by itself: a header name that is not UTF-8, codecs that Python lacks, and a
    small batch that unpacks to 64 MB. Other records stand before and behind them; it sends one of each."""
    senders = await _senders(cluster, random)
    refused = Readback(cluster.bootstrap, (REJECTED,))
    before = _refusals((await refused.update()).rejected)
    names = hostile("another type", TAX, 1, senders.subjects[0], begins(), cluster.load.ring, random)
    batches: dict[str, BatchBuilder] = {"header name": NotUtf8(), **{codec: Packed(codec) for codec in CODECS}}
    turned_away: list[str] = []
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
        for name, batch in batches.items():
            good = next(senders.changes(topic=TAX))
            batch.append(timestamp=None, key=good.key, value=good.value, headers=good.headers)
            headers = [*names.headers, (NotUtf8.PLACEHOLDER, name.encode())]
            batch.append(timestamp=None, key=names.key, value=names.value, headers=headers)
            batch.close()
            await (await producer.send_batch(batch, TAX, partition=0))
            await producer.send_and_wait(TAX, names.value, names.key, partition=0, headers=names.headers)
    options = {"compression_type": "gzip", "max_request_size": 1 << 27, "max_batch_size": 1 << 27}
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, **options) as producer:
        try:
            await producer.send_and_wait(TAX, bytes(1 << 26), names.key, partition=0, headers=names.headers)
        except MessageSizeTooLargeError:
            turned_away.append("64 MB in a small batch")
    ended = len(cluster.ended)
    await cluster.settled()
    after = _refusals((await refused.update()).rejected)
    new = len(after.keys() - before.keys())
    wrong = [f"{2 * len(batches)} refusals expected, {new} found"] if new != 2 * len(batches) else []
    if not turned_away:
        wrong.append("the broker took a batch that unpacks to more than its topic's limit")
    return {
        "sent": 3 * len(batches) + 1,
        "refused": new,
        "turned_away": turned_away,
        "wrong": [*wrong, *cluster.ended[ended:]],
    }


async def backlog(cluster: Cluster, random: Random, number: int) -> Result:
    """A million records stand on the source topics before any worker runs, nine of ten of them restatements."""
    senders = await _senders(cluster, random)
    before = _memory(cluster)
    await _stop_workers(cluster)
    await send(cluster.bootstrap, islice(senders.changes(news=0.1), number))
    cluster.wanted.update(dict.fromkeys(CORE, 1))
    began, most = time.monotonic(), Counter[str]()

    async def watch() -> None:
        while True:
            for role, size in _memory(cluster).items():
                most[role] = max(most[role], size)
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    try:
        await _settled(cluster, f"a backlog of {number}")
    finally:
        watching.cancel()
    seconds = time.monotonic() - began
    growth = {role: most[role] - before[role] for role in most}
    return {
        "sent": number,
        "seconds": round(seconds, 1),
        "events_per_s": round(number / seconds),
        "memory_mb": {role: [before[role] >> 20, most[role] >> 20] for role in most},
        "wrong": [f"{role} grew by {grown >> 20} MB" for role, grown in growth.items() if grown > MOST_GROWTH],
    }


async def large_record(cluster: Cluster, random: Random, number: int) -> Result:
    """A record of 10 MB, the topic's limit raised to let it through, among others."""
    senders = await _senders(cluster, random)
    refused = Readback(cluster.bootstrap, (REJECTED,))
    before = _refusals((await refused.update()).rejected)
    among = list(islice(senders.changes(topic=TAX), number))
    whole = hostile("cut", TAX, 0, senders.subjects[0], begins(), cluster.load.ring, random)
    async with _altered(cluster, TAX, {"max.message.bytes": str(LARGE + 65_536)}):
        await send(cluster.bootstrap, among[::2])
        async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, max_request_size=LARGE + 65_536) as producer:
            await producer.send_and_wait(TAX, b'"' + b"x" * (LARGE - 2) + b'"', whole.key, headers=whole.headers)
        await send(cluster.bootstrap, among[1::2])
        await cluster.settled()
    after = _refusals((await refused.update()).rejected)
    told = [each for origin, each in after.items() if origin not in before]
    right = len(told) == 1 and told[0]["code"] == "undecodable" and str(MAX_SOURCE_BYTES) in told[0]["text"]
    return {
        "sent": len(among) + 1,
        "refused": dict(Counter(each["code"] for each in told)),
        "wrong": [] if right else [f"the large record: {[each['text'][:200] for each in told]}"],
    }


async def from_the_future(cluster: Cluster, random: Random, number: int) -> Result:
    """Records that their producer stamped in the year 2100: the broker's clock counts."""
    senders = await _senders(cluster, random)
    stamped = list(islice(senders.changes(topic=TAX), number))
    ends: dict[int, int] = {}
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
        for each in stamped:
            sent = await producer.send_and_wait(
                TAX, each.value, each.key, headers=each.headers, timestamp_ms=YEAR_2100_MS
            )
            ends.setdefault(sent.partition, sent.offset)
    latest = datetime.fromtimestamp(0, UTC)
    async with reader(cluster.bootstrap, committed=False) as consumer:
        for partition, offset in ends.items():
            async for record in read_to_end(consumer, TopicPartition(TAX, partition), offset):
                latest = max(latest, datetime.fromtimestamp(record.timestamp / 1000, UTC))
    await cluster.settled()
    wrong = [f"a record stands at {latest.isoformat()}"] if latest.year >= 2100 else []
    return {"sent": len(stamped), "latest": latest.isoformat(), "wrong": [*wrong, *await _outdated(cluster, senders)]}


async def other_partitioner(cluster: Cluster, random: Random, number: int) -> Result:
    """A producer that spreads a subject's changes over all partitions, so that they arrive in any order: the greatest
    version of each provider stands in the end, whole."""
    senders = await _senders(cluster, random)
    last: dict[tuple[str, str], Message] = {}

    def anywhere(key: bytes, partitions: Sequence[int], available: Sequence[int]) -> int:
        return random.choice(partitions)

    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, partitioner=anywhere) as producer:
        waiting = []
        for each in islice(senders.changes(), number):
            last[each.topic, each.key.decode()] = each
            waiting.append(await producer.send(each.topic, each.value, each.key, headers=each.headers))
        placed = await asyncio.gather(*waiting)
    await cluster.settled()
    spread = Counter(record.partition for record in placed)
    wrong = [] if len(spread) > 1 else ["the records were not spread"]
    return {
        "sent": number,
        "by_partition": dict(sorted(spread.items())),
        "wrong": [*wrong, *await _outdated(cluster, senders), *await _not_standing(cluster, last)],
    }


async def hot_key(cluster: Cluster, random: Random, number: int) -> Result:
    """Half of all events are of one subject."""
    senders = await _senders(cluster, random)
    made = list(islice(senders.changes(hot=random.choice(senders.subjects)), number))
    seconds = await _drained(cluster, made)
    most = Counter(each.key for each in made).most_common(1)[0][1]
    wrong = [] if most >= number // 2 else [f"only {most} of one subject"]
    return {
        "sent": number,
        "of_one_subject": most,
        "events_per_s": round(number / seconds),
        "wrong": [*wrong, *await _outdated(cluster, senders)],
    }


async def compacted(cluster: Cluster, random: Random, number: int) -> Result:
    """The state topic is compacted, cleaned of its tombstones, too, and a new worker loads what is left of it."""
    senders = await _senders(cluster, random)
    cleaning = {
        "min.cleanable.dirty.ratio": "0.01",
        "min.compaction.lag.ms": "0",
        "segment.ms": "500",
        "delete.retention.ms": "100",
    }
    async with _altered(cluster, STATE, cleaning), _eager_cleaner(cluster):
        await _drained(cluster, list(islice(senders.changes(), number)))
        records = await _records(cluster, STATE)
        deadline = time.monotonic() + CLEANED_WITHIN
        while (left := await _records(cluster, STATE)) * 2 > records:
            if time.monotonic() > deadline:
                raise HarnessError(f"the state topic was not cleaned: {records} records, then {left}")
            # a segment is closed when something is appended to it after its time
            records = max(records, left) + len(made := list(islice(senders.changes(), AGAIN)))
            await _drained(cluster, made)
            await asyncio.sleep(1.0)
        stored = [canonical_records(state) for state in await read_states(cluster.bootstrap)]
        await _stop_workers(cluster)
        cluster.wanted.update(dict.fromkeys(CORE, 1))
        await _settled(cluster, "nothing new")
        loaded = [canonical_records(state) for state in await read_states(cluster.bootstrap)]
        await _drained(cluster, list(islice(senders.changes(), number // 10)))
    wrong = [] if loaded == stored else ["a new worker has changed the state it loaded"]
    return {
        "records": records,
        "left": left,
        "state_records": sum(map(len, stored)),
        "wrong": [*wrong, *await _outdated(cluster, senders)],
    }


SCENARIOS: Mapping[str, tuple[Made, int, int]] = {
    "poison": (poison, 8_000, 60_000),
    "foreign bytes": (foreign_bytes, 4, 4),
    "backlog": (backlog, 50_000, 1_000_000),
    "large record": (large_record, 100, 1_000),
    "from the future": (from_the_future, 10, 10),
    "other partitioner": (other_partitioner, 2_000, 20_000),
    "hot key": (hot_key, 4_000, 30_000),
    "compacted": (compacted, 2_000, 20_000),
}
"""By name: the scenario, and how many changes it sends, quick and whole."""


def scenario(name: str, *, quick: bool) -> Scenario:
    """One of them for the harness: with the load paused, and what is wrong as failures in the ledger."""
    made, few, many = SCENARIOS[name]

    async def run(cluster: Cluster, ledger: Ledger, random: Random) -> None:
        await cluster.settled()
        result = await made(cluster, random, few if quick else many)
        ledger.fault("inputs", name, **result)
        for what in result["wrong"]:
            ledger.failed(name, what)
        if (ratio := result.get("throughput_ratio", 1.0)) < LEAST_RATIO:
            ledger.failed(name, f"with poison the throughput is {ratio} of that without")

    return run


async def _senders(cluster: Cluster, random: Random) -> Senders:
    senders = Senders(cluster.bootstrap, cluster.folder / "inputs", random.randrange(1_000, 1_000_000))
    await senders.populate()
    await cluster.settled()
    return senders


async def _drained(cluster: Cluster, made: Iterable[Message]) -> float:
    """Send records as fast as they are taken, and wait until all is decided; returns the seconds of both."""
    began = time.monotonic()
    await send(cluster.bootstrap, made)
    await _settled(cluster, "what was sent")
    return time.monotonic() - began


async def _settled(cluster: Cluster, what: str) -> None:
    waiting = wait_until_settled(cluster.bootstrap, Role.INTAKE.group)
    await cluster.tended(waiting, DRAINED_WITHIN, f"{what} is not decided")


async def _stop_workers(cluster: Cluster) -> None:
    cluster.wanted.update(dict.fromkeys(CORE, 0))
    for worker in [worker for workers in cluster.workers.values() for worker in workers]:
        await asyncio.to_thread(worker.stop)
        cluster.forget(worker)


def _memory(cluster: Cluster) -> Counter[str]:
    """Resident bytes by role."""
    sizes: Counter[str] = Counter()
    for role, workers in cluster.workers.items():
        for worker in workers:
            try:
                sizes[role.value] += psutil.Process(worker.process.pid).memory_info().rss
            except psutil.Error:  # it has just ended
                continue
    return sizes


def _refusals(rejected: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Refusals by origin: one that was written again is one."""
    return {json.dumps(each["origin"], sort_keys=True): each for each in rejected}


@asynccontextmanager
async def _altered(cluster: Cluster, topic: str, settings: Mapping[str, str]) -> AsyncIterator[None]:
    """A topic's settings, altered for a while. A worker that starts meanwhile must not mind them."""
    await _configure(cluster, ConfigResourceType.TOPIC, topic, {**CATALOGUE[topic].config(), **settings})
    try:
        yield
    finally:
        await _configure(cluster, ConfigResourceType.TOPIC, topic, CATALOGUE[topic].config())


@asynccontextmanager
async def _eager_cleaner(cluster: Cluster) -> AsyncIterator[None]:
    """The broker looks for something to compact every half second, for its usual 15."""
    await _configure(cluster, ConfigResourceType.BROKER, BROKER, {"log.cleaner.backoff.ms": "500"})
    try:
        yield
    finally:
        await _configure(cluster, ConfigResourceType.BROKER, BROKER, {})


async def _configure(cluster: Cluster, kind: ConfigResourceType, name: str, settings: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        for response in await admin.alter_configs([ConfigResource(kind, name, settings)]):
            for code, text, *_ in response.resources:
                if code:
                    raise HarnessError(f"{name} cannot be altered: {text}")
    finally:
        await admin.close()


async def _records(cluster: Cluster, topic: str) -> int:
    """How many records a topic still has."""
    found = 0
    async with reader(cluster.bootstrap, committed=False) as consumer:
        for partition in range(CATALOGUE[topic].partitions):
            async for _ in read_to_end(consumer, TopicPartition(topic, partition)):
                found += 1
    return found


async def _outdated(cluster: Cluster, senders: Senders) -> list[str]:
    """Where the state is not at the greatest version that a provider sent."""
    file = await files(cluster.bootstrap)
    wrong = []
    for (topic, subject), version in senders.versions.items():
        known = file(subject)
        found = known.versions.get(provider_of(topic) or "") if known else None
        if found != version:
            wrong.append(f"{topic}: a subject stands at {found} of {version}")
    return _some(wrong)


async def _not_standing(cluster: Cluster, last: Mapping[tuple[str, str], Message]) -> list[str]:
    """The facts of providers' greatest versions that the state does not have."""
    registry, file = await read_registry(cluster.bootstrap), await files(cluster.bootstrap)
    wrong = []
    for (topic, subject), sent in last.items():
        known = file(subject)
        entry = judge(SourceRecord(topic, 0, 0, 0, sent.key, sent.value, sent.headers), registry)
        if known is None or not isinstance(entry, ChangeEntry):
            wrong.append(f"{topic}: a subject is not there")
            continue
        for name, period, item, value in entry.facts:
            found = known.facts.get(FactKey(name, period, item))
            if value is None or found is None or found.value != decode(value):
                wrong.append(f"{topic}: {name} is not that of version {entry.version}")
    return _some(wrong)


def _some(wrong: list[str]) -> list[str]:
    return wrong if len(wrong) <= SHOWN else [*wrong[:SHOWN], f"and {len(wrong) - SHOWN} more"]
