"""The workload without a broker: the registry that its publications lead to, journal records, and loaded partitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from bench.engine.facts import FACTS
from bench.pipeline.workload import CHANGED_AT, FIRST_VERSION, NOW, PROVIDER, SOURCE, Sent, Workload
from eligibility.effects import Stamp
from eligibility.engine import Mark
from eligibility.partition_state import BUCKETS, PartitionState
from eligibility.registry import Registry
from eligibility.settle import settle
from eligibility.state import CHECKPOINT, FILE
from eligibility.subject_file import SubjectFile
from schemas.identifiers import journal_partition
from schemas.journal import CatalogueControl, ControlRecord, Epoch, PolicyControl, journal_record
from schemas.topics import JOURNAL_PARTITIONS
from streams.judge import AUTHORITY, SourceRecord, judge
from zhida.keyring import Keyring

LOADED = "loaded"
"""Stands for the origin in the ids of pushes that were sent before the journal begins."""


def epoch(ring: Keyring) -> Epoch:
    """A world whose clock stands still at NOW."""
    return Epoch(clock="world", now=NOW, authority_key=ring.public_key(AUTHORITY))


def control_records(workload: Workload, ring: Keyring) -> tuple[list[ControlRecord], Registry]:
    """What intake would append to the control topic, and the registry after it."""
    records: list[ControlRecord] = [epoch(ring)]
    registry = Registry().fold(0, records[0])
    offsets: dict[str, int] = defaultdict(int)
    for message in (*workload.catalogue_messages(ring), *workload.publications(ring)):
        source = SourceRecord(message.topic, 0, offsets[message.topic], 0, message.key, message.value, message.headers)
        offsets[message.topic] += 1
        accepted = judge(source, registry)
        assert isinstance(accepted, CatalogueControl | PolicyControl)
        records.append(accepted)
        registry = registry.fold(len(records) - 1, accepted)
    return records, registry


def source_records(changes: Iterable[Sent]) -> Iterator[SourceRecord]:
    """Changes as intake fetches them, had they been produced first of all."""
    offsets: dict[int, int] = defaultdict(int)
    for sent in changes:
        yield SourceRecord(SOURCE, sent.partition, offsets[sent.partition], 0, sent.key, sent.value, sent.headers)
        offsets[sent.partition] += 1


def journal_values(changes: Iterable[Sent], registry: Registry) -> Iterator[tuple[int, bytes]]:
    """Changes as journal records: the journal partition and the value of each."""
    for source in source_records(changes):
        entry = judge(source, registry)
        assert not isinstance(entry, CatalogueControl | PolicyControl)
        value = journal_record.dump_json(entry, by_alias=True)
        yield journal_partition(entry.subject, JOURNAL_PARTITIONS), value


def subjects_of(workload: Workload, partition: int) -> list[int]:
    """The subjects of a journal partition."""
    return [n for n, key in enumerate(workload.keys) if journal_partition(key, JOURNAL_PARTITIONS) == partition]


def state_records(records: Mapping[str, bytes], partition: int, workload: Workload) -> Iterator[tuple[str, bytes]]:
    """A loaded partition's state records, with those of subjects that begin alike; the checkpoint last."""
    yield from ((key, record) for key, record in records.items() if key != CHECKPOINT)
    for subject in subjects_of(workload, partition):
        alike = workload.alike[subject]
        if alike != subject:
            yield FILE + workload.keys[subject], records[FILE + workload.keys[alike]]
    yield CHECKPOINT, records[CHECKPOINT]


def loaded(partition: int, registry: Registry, workload: Workload, offset: int = -1) -> PartitionState:
    """A partition's state once the first changes of its subjects are folded and every roll-out is done.

    Of subjects that begin alike one stands for all: `state_records` has them all. `offset`: the journal offset up to
    which the state stands.
    """
    state = PartitionState(partition, offset=offset, registry=registry.rolled_out())
    state.engine.follow(state.registry, sorted(registry.policies))
    for subject in sorted({workload.alike[each] for each in subjects_of(workload, partition)}):
        row = workload.row(subject)
        values = {fact.key: fact.value(code) for fact, code in zip(FACTS, row, strict=True) if code is not None}
        file = SubjectFile(workload.keys[subject]).with_facts(PROVIDER, FIRST_VERSION, values, CHANGED_AT, NOW)
        concerned = state.engine.standing(file, state.registry, NOW)
        stamp = Stamp(partition, offset, f"{LOADED}/{subject}")
        file, _ = settle(file, state.registry, state.engine, NOW, stamp, concerned, facts_changed=True)
        state.put(file, None)
    state.marks = [Mark(registry.sequence, NOW)] * BUCKETS
    return state
