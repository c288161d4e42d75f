"""What came out, read back from Kafka as any subscriber reads it: committed records only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from eligibility.partition_state import PartitionState
from schemas.topics import CATALOGUE, DECISIONS, JOURNAL_PARTITIONS, NOTICES, REJECTED
from streams.partition import read_state
from streams.reading import read_to_end, reader


@dataclass
class Outcome:
    """All decisions in order per partition, all notices and rejections, and how often an effect id came."""

    decisions: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    effect_ids: Counter[str] = field(default_factory=Counter)

    def eligible(self) -> dict[str, dict[str, Any]]:
        """The matches whose last decision is eligible, with what it says."""
        last = {_match(decision): decision for decision in self.decisions}
        return {
            match: {name: decision[name] for name in ("policy_version", "amount", "reasons")}
            for match, decision in last.items()
            if decision["verdict"] == "eligible"
        }

    def told_twice(self) -> list[str]:
        """Effect ids seen more than once: none, if nothing is told twice."""
        return sorted(effect_id for effect_id, times in self.effect_ids.items() if times > 1)


def _match(decision: dict[str, Any]) -> str:
    match = decision["match"]
    return "|".join((match["subject"], match["policy"], match["period"], match["item"]))


class Readback:
    """Reads decisions, notices and rejections, or only some of them, each time from where it stopped."""

    def __init__(self, bootstrap_servers: str, topics: Collection[str] = (DECISIONS, NOTICES, REJECTED)) -> None:
        self._bootstrap_servers, self._topics = bootstrap_servers, topics
        self._next: dict[TopicPartition, int] = {}
        self.outcome = Outcome()

    async def update(self) -> Outcome:
        """All that is committed by now."""
        lists = {
            DECISIONS: self.outcome.decisions,
            NOTICES: self.outcome.notices,
            REJECTED: self.outcome.rejected,
        }
        async with reader(self._bootstrap_servers) as consumer:
            for topic in self._topics:
                for partition in range(CATALOGUE[topic].partitions):
                    tp = TopicPartition(topic, partition)
                    async for record in read_to_end(consumer, tp, self._next.get(tp)):
                        self._next[tp] = record.offset + 1
                        content = json.loads(record.value)
                        lists[topic].append(content)
                        if "effect_id" in content:
                            self.outcome.effect_ids[content["effect_id"]] += 1
        return self.outcome


async def read_states(bootstrap_servers: str) -> list[PartitionState]:
    """Every partition's committed state."""
    async with reader(bootstrap_servers) as consumer:
        return [await read_state(consumer, partition) for partition in range(JOURNAL_PARTITIONS)]
