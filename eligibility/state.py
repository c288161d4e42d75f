"""A partition's state, and its records on the compacted state topic.

Keys: `f/<subject>` a subject's file, `p/<policy>` a policy's versions, `catalogue` facts and keys, `names` the
dictionary of the files' records, `ckpt` the checkpoint. Each record carries the state schema's version. Loading the
records in any order gives the state they were taken from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

from eligibility import file_record_3
from eligibility.catalogue import Catalogue
from eligibility.compile import compile_policy
from eligibility.engine import Engine, Mark
from eligibility.errors import StopPartition
from eligibility.file_record import SCHEMA, Names
from eligibility.partition_state import PartitionState
from eligibility.registry import EarlierWord, PolicyHistory, PolicyVersion, Registry, Turn, succeeding
from schemas.catalogue import CalendarYear, FactDeclaration, ListDeclaration
from schemas.journal import Epoch
from schemas.policy import Policy

CHECKPOINT, CATALOGUE, NAMES, FILE, POLICY = "ckpt", "catalogue", "names", "f/", "p/"


def encode_policy(history: PolicyHistory) -> bytes:
    """A policy's versions as its state record."""
    return _canonical(
        {
            "versions": [
                [
                    None
                    if v.document is None
                    else v.document.model_dump(mode="json", by_alias=True, exclude_none=True),
                    v.effective_at.isoformat(),
                    v.acts_from.isoformat(),
                ]
                for v in history.versions
            ],
        }
    )


def encode_catalogue(registry: Registry) -> bytes:
    """The fact catalogue and senders' keys as their state record."""
    known = registry.catalogue
    return _canonical(
        {
            "facts": _facts(known.facts),
            "lists": [known.lists[name].model_dump(mode="json") for name in sorted(known.lists)],
            "complete": _days(known.complete),
            "calendars": _calendars(known.calendars),
            "earlier": [
                [word.until.isoformat(), _days(word.complete), _calendars(word.calendars), _facts(word.facts)]
                for word in registry.earlier
            ],
            "keys": sorted([*key, public] for key, public in registry.keys.items()),
        }
    )


def encode_checkpoint(state: PartitionState) -> bytes:
    """Where the partition stands: the last record of every transaction."""
    registry = state.registry
    return _canonical(
        {
            "partition": state.partition,
            "offset": state.offset,
            "high_waters": dict(state.high_waters),
            "pump": state.pump,
            "next_bucket": state.next_bucket,
            "next_subject": state.next_subject,
            "buckets_left": state.buckets_left,
            "quarantined": state.quarantined,
            "sequence": registry.sequence,
            "epoch": None if registry.epoch is None else registry.epoch.model_dump(mode="json"),
            "now": _iso(registry.now),
            "generations": dict(registry.generations),
            "origins": dict(registry.origins),
            "turns": [
                [turn.sequence, turn.at.isoformat(), None if turn.policies is None else sorted(turn.policies)]
                for turn in registry.turns
            ],
            "open_work": state.open_work,
            "marks": _runs(state.marks),
        }
    )


def encode_record(state: PartitionState, key: str) -> bytes:
    """The state record of a key."""
    if key.startswith(FILE):
        return state.records[key.removeprefix(FILE)]
    if key.startswith(POLICY):
        return encode_policy(state.registry.policies[key.removeprefix(POLICY)])
    if key == NAMES:
        return _canonical({"names": list(state.names.values())})
    return encode_catalogue(state.registry) if key == CATALOGUE else encode_checkpoint(state)


def canonical_records(state: PartitionState) -> dict[str, bytes]:
    """All state records of a partition: what equality of states means."""
    keys = [*(FILE + subject for subject in state.records), *(POLICY + name for name in state.registry.policies)]
    return {key: encode_record(state, key) for key in (*keys, NAMES, CATALOGUE, CHECKPOINT)}


def load_state(partition: int, records: Iterable[tuple[str, bytes]]) -> PartitionState:
    """The state from the last record per key. Raises StopPartition for a record of a later state schema."""
    latest = dict(records)
    if CHECKPOINT not in latest:
        return PartitionState(partition)
    ckpt = _read(latest[CHECKPOINT])
    rules = tuple(sorted((key, record) for key, record in latest.items() if key.startswith(POLICY)))
    registry, engine = _ruled(rules, latest.get(CATALOGUE))
    state = PartitionState(partition, registry=registry, engine=deepcopy(engine))
    _stand(state, ckpt)
    if NAMES in latest:
        state.names = Names(_read(latest[NAMES])["names"])
    state.load(_files(latest))
    return state


def load_tail(state: PartitionState, records: Mapping[str, bytes]) -> PartitionState:
    """A committed state after what was committed since: the last record per key. `state` itself may be changed."""
    if CHECKPOINT not in records:
        return state
    if any(key == CATALOGUE or key.startswith(POLICY) for key in records):
        return load_state(state.partition, {**canonical_records(state), **records}.items())
    if NAMES in records:
        state.names = Names(_read(records[NAMES])["names"])
    _stand(state, _read(records[CHECKPOINT]))
    state.load(_files(records))
    return state


def _files(records: Mapping[str, bytes]) -> dict[str, bytes]:
    """The subjects' records among others."""
    return {key.removeprefix(FILE): record for key, record in records.items() if key.startswith(FILE)}


def _stand(state: PartitionState, ckpt: dict[str, Any]) -> None:
    """Take over where a checkpoint stands."""
    state.registry = replace(
        state.registry,
        sequence=ckpt["sequence"],
        epoch=None if ckpt["epoch"] is None else Epoch.model_validate(ckpt["epoch"]),
        now=_optional_moment(ckpt["now"]),
        generations=ckpt["generations"],
        origins={source: (offset, ordinal) for source, (offset, ordinal) in ckpt["origins"].items()},
        turns=tuple(
            Turn(sequence, _moment(at), None if changed is None else frozenset(changed))
            for sequence, at, changed in ckpt["turns"]
        ),
    )
    state.offset = ckpt["offset"]
    state.high_waters = {source: (offset, ordinal) for source, (offset, ordinal) in ckpt["high_waters"].items()}
    state.pump = ckpt["pump"]
    state.next_bucket, state.buckets_left = ckpt["next_bucket"], ckpt["buckets_left"]
    state.next_subject = ckpt["next_subject"]
    state.quarantined = ckpt["quarantined"]
    state.marks = [
        None if sequence is None else Mark(sequence, _moment(at))
        for count, sequence, at in ckpt["marks"]
        for _ in range(count)
    ]


def _decode_catalogue(data: dict[str, Any]) -> Catalogue:
    return Catalogue(
        facts=_decode_facts(data["facts"]),
        lists={item["name"]: ListDeclaration.model_validate(item) for item in data["lists"]},
        complete=_decode_days(data["complete"]),
        calendars=_decode_calendars(data["calendars"]),
    )


def _facts(facts: Mapping[str, FactDeclaration]) -> list[Any]:
    return [facts[name].model_dump(mode="json") for name in sorted(facts)]


def _decode_facts(data: list[Any]) -> dict[str, FactDeclaration]:
    return {item["name"]: FactDeclaration.model_validate(item) for item in data}


def _days(complete: Mapping[str, date]) -> dict[str, str]:
    return {name: day.isoformat() for name, day in complete.items()}


def _decode_days(data: dict[str, str]) -> dict[str, date]:
    return {name: date.fromisoformat(day) for name, day in data.items()}


def _calendars(calendars: Mapping[int, CalendarYear]) -> list[Any]:
    return [calendars[year].model_dump(mode="json") for year in sorted(calendars)]


def _decode_calendars(data: list[Any]) -> dict[int, CalendarYear]:
    return {item["year"]: CalendarYear.model_validate(item) for item in data}


@lru_cache(1)
def _ruled(rules: tuple[tuple[str, bytes], ...], stated: bytes | None) -> tuple[Registry, Engine]:
    """The registry of policies' and the catalogue's state records, and an engine that follows it, to be copied:
    a worker's partitions mostly have the same, and to index a policy takes many times as long as to copy it."""
    kept = None if stated is None else _read(stated)
    policies = {key.removeprefix(POLICY): _policy_of(record, stated) for key, record in rules}
    successors: Mapping[str, frozenset[str]] = {}
    for policy_id, history in policies.items():
        successors = succeeding(successors, policy_id, history.documents)
    registry = Registry(
        catalogue=_catalogue_of(stated),
        earlier=()
        if kept is None
        else tuple(
            EarlierWord(_moment(until), _decode_days(complete), _decode_calendars(calendars), _decode_facts(facts))
            for until, complete, calendars, facts in kept["earlier"]
        ),
        keys={} if kept is None else {(department, key_id): public for department, key_id, public in kept["keys"]},
        policies=policies,
        successors=successors,
    )
    engine = Engine()
    engine.follow(registry, policies)
    return registry, engine


@lru_cache(16)
def _catalogue_of(record: bytes | None) -> Catalogue:
    """The fact catalogue of its state record; partitions share it."""
    return Catalogue() if record is None else _decode_catalogue(_read(record))


@lru_cache(1 << 15)
def _policy_of(record: bytes, stated: bytes | None) -> PolicyHistory:
    """A policy's versions of its state record, compiled against the catalogue of its own; partitions share them."""
    return PolicyHistory(
        tuple(
            PolicyVersion(
                None if document is None else compile_policy(Policy.model_validate(document), _catalogue_of(stated)),
                _moment(effective_at),
                _moment(acts_from),
            )
            for document, effective_at, acts_from in _read(record)["versions"]
        )
    )


def _runs(marks: list[Mark | None]) -> list[list[Any]]:
    """The buckets' marks, neighbours that are alike as one: how many, sequence, moment."""
    return [
        [len(list(alike)), *((None, None) if mark is None else (mark.sequence, mark.at.isoformat()))]
        for mark, alike in groupby(marks)
    ]


def _canonical(data: dict[str, Any]) -> bytes:
    return json.dumps({"schema": SCHEMA, **data}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _read(record: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(record)
    if data.get("schema") not in (SCHEMA, file_record_3.SCHEMA):  # other than files', they are alike in both
        raise StopPartition(f"a state record has schema {data.get('schema')}; this release reads {SCHEMA}")
    return data


def _iso(moment: datetime | date | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _optional_moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
