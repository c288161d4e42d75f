"""`zhida audit`: every journal record that touched a subject, what it said, and every effect it had, in order."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eligibility.business_time import SHANGHAI
from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.registry import is_new
from eligibility.state import FILE
from eligibility.values import decode, shown
from schemas.decisions import Decision, MatchKey
from schemas.identifiers import journal_partition
from schemas.journal import (
    ChangeEntry,
    ControlEntry,
    JournalRecord,
    NormalFact,
    Pump,
    RosterEntryRecord,
    SubjectEntry,
    journal_record,
)
from schemas.model import Moment
from schemas.notices import Notice
from schemas.rejected import Rejected
from schemas.topics import JOURNAL_PARTITIONS
from zhida.comparison import effect_id, kind_of
from zhida.console import out, progress_bar
from zhida.recorded import Beginnings, file_records, fold_next, recorded


@dataclass(frozen=True)
class Touched:
    """A journal record that touched the subject.

    `taken`: not one that the partition had before, as intake may send a record twice; `changed`: the subject's file is
    another after it; `now`: the journal's time after it; `effects`: those about the subject.
    """

    offset: int
    record: JournalRecord
    taken: bool
    changed: bool
    now: Moment | None
    effects: tuple[Effect, ...]


@dataclass
class Audit:
    """A subject in a fold of its partition. `begun`: the offset of the snapshot it began from, or −1."""

    subject: str
    state: PartitionState
    begun: int = field(init=False)
    touched: list[Touched] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begun = self.state.offset

    def take(self, offset: int, value: bytes) -> None:
        """Fold the partition's next record, and keep it if it touches the subject."""
        own = self._own(value)
        taken = own is None or is_new(self.state.high_waters, own.origin)
        folded = fold_next(self.state, offset, value)
        effects = tuple(effect for effect in folded.effects if own is not None or self._about(effect))
        changed = FILE + self.subject in folded.changed
        if own is not None or changed or effects:
            record = own or journal_record.validate_json(value)
            self.touched.append(Touched(offset, record, taken, changed, self.state.registry.now, effects))

    def _own(self, value: bytes) -> SubjectEntry | None:
        """The record, if it is about the subject."""
        if self.subject.encode() in value:  # no other record needs to be read for that
            with suppress(ValidationError):  # what is no record is for the fold to say
                record = journal_record.validate_json(value)
                if isinstance(record, SubjectEntry) and record.subject == self.subject:
                    return record
        return None

    def _about(self, effect: Effect) -> bool:
        match effect:
            case Decision():
                return effect.match.subject == self.subject
            case Notice():
                return effect.matter.subject == self.subject
            case Rejected():
                return False


async def of_cluster(bootstrap_servers: str, subject: str, folder: Path) -> Audit:
    """Audit by the journal in Kafka, from its beginning or the earliest snapshot that goes on to what is kept of it.

    Raises StopPartition where there is neither.
    """
    async with recorded(bootstrap_servers, journal_partition(subject, JOURNAL_PARTITIONS)) as cluster:
        _, end = await cluster.ends()
        audit = Audit(subject, (await Beginnings.of(cluster, folder)).earliest(end - 1))
        with progress_bar() as bar:
            task = bar.add_task("journal records", total=end - 1 - audit.begun)
            async for offset, value in cluster.journal_from(audit.begun + 1, end - 1):
                audit.take(offset, value)
                bar.advance(task)
    return audit


def of_file(file: Path, subject: str) -> Audit:
    """Audit by an exported journal. Raises FileRefused for a line that is none of one."""
    audit = Audit(subject, PartitionState(journal_partition(subject, JOURNAL_PARTITIONS)))
    with progress_bar() as bar:
        for offset, value in bar.track(file_records(file, audit.state.partition), description="journal records"):
            audit.take(offset, value)
    return audit


def show(audit: Audit, *, as_json: bool) -> None:
    """Print an audit, one paragraph per record."""
    partition = audit.state.partition
    if as_json:
        data = {
            "subject": audit.subject,
            "partition": partition,
            "from": audit.begun,
            "to": audit.state.offset,
            "records": [_as_data(touched) for touched in audit.touched],
        }
        out.print_json(json.dumps(data, ensure_ascii=False))
        return
    if audit.begun >= 0:
        out.print(f"what stood before offset {audit.begun + 1} is gone: a snapshot stands for it")
    for touched in audit.touched:
        when = "" if touched.now is None else f" {touched.now.astimezone(SHANGHAI):%Y-%m-%d %H:%M} (UTC+8)"
        out.print(f"{partition}@{touched.offset}{when} {_heading(touched)}", markup=False)
        for line in [*_facts(touched.record), *map(_effect_line, touched.effects)]:
            out.print(f"  {line}", markup=False)
    out.print(f"{len(audit.touched)} records up to {partition}@{audit.state.offset} touched the subject")


def _as_data(touched: Touched) -> dict[str, Any]:
    record = touched.record
    entry = record if isinstance(record, SubjectEntry) else None
    return {
        "offset": touched.offset,
        "kind": record.kind,
        "origin": None if entry is None else str(entry.origin),
        "arrived_at": None if entry is None else entry.arrived_at.isoformat(),
        "now": None if touched.now is None else touched.now.isoformat(),
        "taken": touched.taken,
        "changed": touched.changed,
        "said": _said(record),
        "effects": [
            {"kind": kind_of(effect), "effect_id": effect_id(effect)} | effect.model_dump(mode="json")
            for effect in touched.effects
        ],
    }


def _said(record: JournalRecord) -> dict[str, Any]:
    """What a record says, without where it comes from and whom it is about."""
    left_out = {"kind", "origin", "arrived_at", "subject"}
    said: dict[str, Any] = record.model_dump(mode="json", by_alias=True, exclude=left_out)
    if isinstance(record, ChangeEntry):
        said["facts"] = [fact._replace(value=_value(fact))._asdict() for fact in record.facts]
    return said


def _value(fact: NormalFact) -> bool | int | str | None:
    """A fact's value as its provider said it; None retracts it."""
    return None if fact.value is None else shown(decode(fact.value))


def _heading(touched: Touched) -> str:
    match touched.record:
        case Pump(n=n):
            return f"pump {n}: time or rules had moved on"
        case ControlEntry(sequence=sequence):
            return f"control record {sequence}"
        case ChangeEntry(provider=provider, version=version):
            said = f"change by {provider}, its version {version}"
        case RosterEntryRecord(department=department, data=data):
            on = "on" if data.member else "off"
            said = f"roster line by {department}, its version {data.roster_version}: {on} the list of {data.policy}"
        case _:
            said = touched.record.kind
    how = ", changes nothing" if not touched.changed else ""
    return f"{said}, from {touched.record.origin}{how if touched.taken else ', taken before'}"


def _facts(record: JournalRecord) -> list[str]:
    if not isinstance(record, ChangeEntry):
        return []
    listed = []
    for fact in record.facts:
        label = fact.name + "".join(f"[{part}]" for part in (fact.period, fact.item) if part != "-")
        listed.append(f"{label} retracted" if fact.value is None else f"{label} = {_value(fact)}")
    return listed


def _effect_line(effect: Effect) -> str:
    match effect:
        case Decision():
            amount = "" if effect.amount is None or effect.amount.value is None else f", {effect.amount.value} 元"
            said = f"{effect.verdict} for {_about(effect.match)}, version {effect.policy_version}{amount}"
        case Notice():
            said = f"{effect.about} for {_about(effect.matter)}" + (f", last day {effect.due}" if effect.due else "")
        case Rejected():
            said = f"{effect.code}: {effect.text}"
    return f"→ {kind_of(effect)} {said}, effect {effect_id(effect)}"


def _about(match: MatchKey) -> str:
    what = ", ".join(part for part in (match.period, match.item) if part != "-")
    return match.policy + (f" ({what})" if what else "")
