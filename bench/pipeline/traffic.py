"""What a round wrote: how many records of how many bytes to which topic, and the effects among them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from eligibility.state import CHECKPOINT
from schemas.topics import DECISIONS, JOURNAL, JOURNAL_PARTITIONS, NOTICES, STATE
from streams.reading import read_to_end

WRITTEN = (JOURNAL, STATE, DECISIONS, NOTICES)


@dataclass
class Tally:
    """Records, and the bytes of their keys, values and headers."""

    records: int = 0
    size: int = 0

    def add(self, record: ConsumerRecord) -> None:
        """Count a record."""
        self.records += 1
        parts = [record.key, record.value, *(part for name, value in record.headers for part in (name, value))]
        self.size += sum(len(part) for part in parts if part)

    @property
    def mean(self) -> float:
        """Bytes of a record."""
        return self.size / self.records if self.records else 0.0


@dataclass
class Traffic:
    """What changes led to. `checkpoints`: one per transaction, which `written` does not count among the state."""

    changes: int = 0
    written: dict[str, Tally] = field(default_factory=lambda: {topic: Tally() for topic in WRITTEN})
    checkpoints: Tally = field(default_factory=Tally)

    @property
    def chunk(self) -> float:
        """Changes in a transaction."""
        return self.changes / max(1, self.checkpoints.records)

    def per_change(self) -> dict[str, float]:
        """Bytes written per change, by topic; the checkpoints are the state's."""
        sizes = {topic: tally.size for topic, tally in self.written.items()}
        sizes[STATE] += self.checkpoints.size
        return {topic: size / self.changes for topic, size in sizes.items()}

    def to_json(self) -> str:
        """For a process that writes the like."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Traffic:
        """The inverse of `to_json`."""
        data = json.loads(text)
        written = {topic: Tally(**tally) for topic, tally in data["written"].items()}
        return cls(data["changes"], written, Tally(**data["checkpoints"]))


@dataclass(frozen=True)
class Effect:
    """A decision (`said`: its verdict) or a push (`said`: what about), by the id from which its change is found."""

    topic: str
    effect_id: str
    policy: str
    said: str


class Reader:
    """Reads what the workers wrote, each record once."""

    def __init__(self) -> None:
        self._read: dict[TopicPartition, int] = {}

    async def skip(self, consumer: AIOKafkaConsumer) -> None:
        """Leave out what is there already."""
        self._read = dict(await consumer.end_offsets([tp for topic in WRITTEN for tp in partitions(topic)]))

    async def read(self, consumer: AIOKafkaConsumer, changes: int) -> tuple[Traffic, list[Effect]]:
        """What was committed since it was last asked, because of so many changes."""
        traffic, effects = Traffic(changes), list[Effect]()
        for topic in WRITTEN:
            for tp in partitions(topic):
                async for record in read_to_end(consumer, tp, self._read.get(tp, 0)):
                    of_state = record.key == CHECKPOINT.encode()
                    (traffic.checkpoints if of_state else traffic.written[topic]).add(record)
                    if topic in (DECISIONS, NOTICES):
                        effects.append(effect_of(topic, record.value))
                self._read[tp] = await consumer.position(tp)
        return traffic, effects


def effect_of(topic: str, value: bytes) -> Effect:
    """A record of decisions or notices."""
    event = json.loads(value)
    match, said = ("match", "verdict") if topic == DECISIONS else ("matter", "about")
    return Effect(topic, event["effect_id"], event[match]["policy"], event[said])


def partitions(topic: str) -> list[TopicPartition]:
    """The partitions of a topic that is partitioned as the journal."""
    return [TopicPartition(topic, number) for number in range(JOURNAL_PARTITIONS)]
