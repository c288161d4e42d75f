"""A partition's state, and its records on the compacted state topic.

Keys: `f/<subject>` a subject's file, `p/<policy>` a policy's versions, `catalogue` facts and keys, `ckpt` the
checkpoint. Each record carries the state schema's version. Loading the records in any order gives the state they were
taken from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from eligibility.compile import compile_policy
from eligibility.errors import StopPartition
from eligibility.partition_state import PartitionState
from eligibility.registry import PolicyHistory, PolicyVersion, Registry, Turn
from eligibility.subject_file import FactKey, FactValue, Match, PeriodItem, RosterKey, SubjectFile, Told
from eligibility.values import decode, encode
from schemas.catalogue import FactDeclaration
from schemas.events import RosterEntry
from schemas.journal import Epoch
from schemas.policy import Policy

SCHEMA = 1
CHECKPOINT, CATALOGUE, FILE, POLICY = "ckpt", "catalogue", "f/", "p/"


def encode_file(file: SubjectFile) -> bytes:
    """A subject's file as its canonical state record."""
    return _canonical(
        {
            "facts": sorted(
                [
                    *key,
                    encode(v.value),
                    v.provider,
                    v.version,
                    v.effective_at.isoformat(),
                    v.arrived_at.isoformat(),
                ]
                for key, v in file.facts.items()
            ),
            "versions": dict(file.versions),
            "roster": sorted([*key, entry.model_dump(mode="json")] for key, entry in file.roster.items()),
            "matches": sorted(
                [*key, m.policy_version, m.digest, m.as_of.isoformat(), _iso(m.ends_on), m.amount]
                for key, m in file.matches.items()
            ),
            "told": sorted([*key, *told] for key, told in file.told.items()),
            "settled_at": _iso(file.settled_at),
            "settled_sequence": file.settled_sequence,
            "due": {policy: moment.isoformat() for policy, moment in file.due.items()},
        }
    )


def decode_file(subject: str, record: bytes) -> SubjectFile:
    """The inverse of `encode_file`."""
    data = _read(record)
    return SubjectFile(
        subject=subject,
        facts={
            FactKey(name, period): FactValue(decode(value), provider, version, _moment(effective), _moment(arrived))
            for name, period, value, provider, version, effective, arrived in data["facts"]
        },
        versions=data["versions"],
        roster={RosterKey(p, item): RosterEntry.model_validate(entry) for p, item, entry in data["roster"]},
        matches={
            PeriodItem(policy, period, item): Match(
                version, digest, _moment(as_of), None if ends is None else date.fromisoformat(ends), amount
            )
            for policy, period, item, version, digest, as_of, ends, amount in data["matches"]
        },
        told={RosterKey(p, item): Told(*told) for p, item, *told in data["told"]},
        settled_at=_optional_moment(data["settled_at"]),
        settled_sequence=data["settled_sequence"],
        due={policy: _moment(moment) for policy, moment in data["due"].items()},
    )


def encode_policy(history: PolicyHistory) -> bytes:
    """A policy's versions as its state record."""
    return _canonical(
        {
            "versions": [
                [
                    v.document.model_dump(mode="json", by_alias=True, exclude_none=True),
                    v.acts_from.isoformat(),
                ]
                for v in history.versions
            ],
            "withdrawn_from": _iso(history.withdrawn_from),
        }
    )


def encode_catalogue(registry: Registry) -> bytes:
    """The declared facts and senders' keys as their state record."""
    return _canonical(
        {
            "facts": [registry.facts[name].model_dump(mode="json") for name in sorted(registry.facts)],
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
            "buckets_left": state.buckets_left,
            "quarantined": state.quarantined,
            "sequence": registry.sequence,
            "epoch": None if registry.epoch is None else registry.epoch.model_dump(mode="json"),
            "now": _iso(registry.now),
            "generations": dict(registry.generations),
            "origins": dict(registry.origins),
            "turns": [[turn.sequence, turn.at.isoformat()] for turn in registry.turns],
            "open_work": state.open_work,
        }
    )


def canonical_records(state: PartitionState) -> dict[str, bytes]:
    """All state records of a partition: what equality of states means."""
    records = {FILE + subject: encode_file(file) for subject, file in state.files.items()}
    records |= {POLICY + name: encode_policy(history) for name, history in state.registry.policies.items()}
    return records | {CATALOGUE: encode_catalogue(state.registry), CHECKPOINT: encode_checkpoint(state)}


def load_state(partition: int, records: Iterable[tuple[str, bytes]]) -> PartitionState:
    """The state from the last record per key. Raises StopPartition for a record of a later state schema."""
    latest = dict(records)
    if CHECKPOINT not in latest:
        return PartitionState(partition)
    ckpt = _read(latest[CHECKPOINT])
    catalogue = _read(latest[CATALOGUE]) if CATALOGUE in latest else {"facts": [], "keys": []}
    facts = {item["name"]: FactDeclaration.model_validate(item) for item in catalogue["facts"]}
    registry = Registry(
        sequence=ckpt["sequence"],
        epoch=None if ckpt["epoch"] is None else Epoch.model_validate(ckpt["epoch"]),
        now=_optional_moment(ckpt["now"]),
        generations=ckpt["generations"],
        facts=facts,
        keys={(department, key_id): public for department, key_id, public in catalogue["keys"]},
        policies={
            key.removeprefix(POLICY): _decode_policy(record, facts)
            for key, record in sorted(latest.items())
            if key.startswith(POLICY)
        },
        origins={source: (offset, ordinal) for source, (offset, ordinal) in ckpt["origins"].items()},
        turns=tuple(Turn(sequence, _moment(at)) for sequence, at in ckpt["turns"]),
    )
    state = PartitionState(
        partition=partition,
        offset=ckpt["offset"],
        registry=registry,
        high_waters={source: (offset, ordinal) for source, (offset, ordinal) in ckpt["high_waters"].items()},
        pump=ckpt["pump"],
        next_bucket=ckpt["next_bucket"],
        buckets_left=ckpt["buckets_left"],
        quarantined=ckpt["quarantined"],
    )
    for key, record in latest.items():
        if key.startswith(FILE):
            state.put(decode_file(key.removeprefix(FILE), record))
    return state


def _decode_policy(record: bytes, facts: Mapping[str, FactDeclaration]) -> PolicyHistory:
    data = _read(record)
    versions = tuple(
        PolicyVersion(compile_policy(Policy.model_validate(document), facts), _moment(acts_from))
        for document, acts_from in data["versions"]
    )
    return PolicyHistory(versions, _optional_moment(data["withdrawn_from"]))


def _canonical(data: dict[str, Any]) -> bytes:
    return json.dumps({"schema": SCHEMA, **data}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _read(record: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(record)
    if data.get("schema") != SCHEMA:
        raise StopPartition(f"a state record has schema {data.get('schema')}; this release reads {SCHEMA}")
    return data


def _iso(moment: datetime | date | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _optional_moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
