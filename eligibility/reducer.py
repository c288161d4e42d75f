"""The reducer: (state, journal record) → (state, effects). Pure: no clock, no randomness, no I/O.

A record is applied whole or not at all. One on which the engine fails is quarantined: it changes nothing but is
recorded as an effect; since the fold is deterministic, a replay quarantines the same record at the same offset.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime

from eligibility.effects import Effect, Stamp
from eligibility.engine import Mark
from eligibility.errors import Refused, StopPartition
from eligibility.partition_state import BUCKETS, PartitionState
from eligibility.registry import is_new
from eligibility.settle import catch_up, settle
from eligibility.state import CATALOGUE, FILE, NAMES, POLICY
from eligibility.subject_file import NO_ITEM, FactKey, SubjectFile
from eligibility.values import decode
from schemas.journal import (
    CatalogueControl,
    ChangeEntry,
    ControlEntry,
    Epoch,
    JournalRecord,
    Origin,
    PolicyControl,
    Pump,
    RefusedEntry,
    RosterEntryRecord,
    SubjectEntry,
    Tick,
    journal_record,
)
from schemas.rejected import RejectCode, Rejected
from schemas.topics import JOURNAL

SUBJECTS_PER_PUMP = 50
LOOKED_AT_PER_PUMP = 500  # subjects whose columns are asked, most of whom nothing concerns
MOST_FACTS = 20_000
MOST_ITEMS = 1_000  # of a subject, whatever their list
MOST_ROSTER_LINES = 1_000
QUARANTINED_AT_MOST = 10
BEFORE_ANY_EPOCH = datetime(1900, 1, 2, tzinfo=UTC)


@dataclass
class Folded:
    """What one record led to: its effects in order, and the keys of the state records it changed."""

    effects: list[Effect] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)


def fold(state: PartitionState, offset: int, value: bytes) -> Folded:
    """Fold one journal record into `state`, which is changed in place once the record has been worked out whole.

    An offset the state has is skipped. Raises StopPartition when the journal cannot be followed.
    """
    if offset <= state.offset:
        return Folded()
    record: JournalRecord | None = None
    try:
        record = journal_record.validate_json(value)
        folded = _fold_record(state, offset, record)
    except (StopPartition, MemoryError):
        raise
    except Refused as refused:  # a control record that intake should not have let through: every partition refuses it
        folded = Folded([_rejected(state, offset, value, refused.code, str(refused))])
    except Exception as error:  # whatever the engine fails on must not stop the records behind it
        folded = _quarantine(state, offset, value, error)
        if isinstance(record, Pump):
            state.pump = max(state.pump, record.n)  # the slice is tried again, until the partition stops
    if isinstance(record, ControlEntry):
        state.registry = state.registry.skip(record.sequence)
    state.offset = offset
    return folded


def _fold_record(state: PartitionState, offset: int, record: JournalRecord) -> Folded:
    match record:
        case ControlEntry():
            return _fold_control(state, record)
        case Pump():
            return _fold_pump(state, offset, record)
        case RefusedEntry():
            return _fold_refused(state, record)
        case _:
            return _fold_entry(state, offset, record)


def _fold_control(state: PartitionState, entry: ControlEntry) -> Folded:
    """Rules and time reach the subjects in slices, driven by pumps: here only the registry moves."""
    before = state.registry
    after = before.fold(entry.sequence, entry.record)
    folded = Folded()
    repeated = after.origins is before.origins and isinstance(entry.record, CatalogueControl | PolicyControl)
    if isinstance(entry.record, PolicyControl) and after is not before and not repeated:
        state.engine.follow(after, [entry.record.policy_id])  # the one thing that may fail: nothing has moved yet
    state.registry = after
    if after is before or repeated:
        return folded
    match entry.record:
        case Tick():
            if before.now is not None and state.engine.passes(state.registry, before.now, entry.record.at):
                state.open_roll_out()
        case Epoch():
            state.open_roll_out()
        case CatalogueControl():
            folded.changed.add(CATALOGUE)
            if state.registry.turns is not before.turns:  # a fact newly declared decides nothing yet
                state.open_roll_out()
        case PolicyControl():
            state.open_roll_out()
            folded.changed.add(POLICY + entry.record.policy_id)
    return folded


def _fold_pump(state: PartitionState, offset: int, pump: Pump) -> Folded:
    """One slice: what time has made due, then the roll-out's next buckets, until enough are settled or looked at."""
    folded = Folded()
    now = state.registry.now
    if pump.n <= state.pump or now is None:
        state.pump = max(state.pump, pump.n)
        return folded
    stamp = Stamp(state.partition, offset, f"pump/{pump.n}")
    files: dict[str, tuple[SubjectFile, SubjectFile]] = {}
    for subject in state.due(now, SUBJECTS_PER_PUMP):
        files[subject] = _bring_up(state, subject, now, stamp, folded)
    place, left, first, settled = state.next_bucket, state.buckets_left, state.next_subject, list[int]()
    looked_at = 0
    while left and len(files) < SUBJECTS_PER_PUMP and looked_at < LOOKED_AT_PER_PUMP:
        looked_at += state.bucket_size(place)
        ahead = [s for s in state.concerned(place, now) if s >= first and s not in files]
        for subject in ahead[: SUBJECTS_PER_PUMP - len(files)]:
            files[subject] = _bring_up(state, subject, now, stamp, folded)
        beyond = [subject for subject in ahead if subject not in files]
        first = beyond[0] if beyond else ""
        if not beyond:
            settled.append(place)
            place, left = (place + 1) % BUCKETS, left - 1
    for before, after in files.values():
        _put(state, before, after, folded)
    for bucket in settled:
        state.marks[bucket] = Mark(state.registry.sequence, now)
    state.pump = pump.n
    state.next_bucket, state.buckets_left, state.next_subject = place, left, first
    if not left:
        state.registry = state.registry.rolled_out()
    return folded


def _fold_entry(state: PartitionState, offset: int, entry: SubjectEntry) -> Folded:
    folded = Folded()
    if not is_new(state.high_waters, entry.origin):
        return folded
    known = state.files.get(entry.subject)
    file = known or SubjectFile(entry.subject)
    registry, now = state.registry, state.registry.now
    stamp = Stamp(state.partition, offset, str(entry.origin))
    if now is not None:
        file, folded.effects = catch_up(file, registry, state.engine, state.mark_of(entry.subject), now, stamp)
    try:
        changed = _apply(file, entry)
    except Refused as refused:  # what fits on its own, but not any more beside what is there
        changed = file
        value = journal_record.dump_json(entry, by_alias=True)
        folded.effects.append(_rejected(state, offset, value, refused.code, str(refused)))
    if now is not None and changed is not file:
        if file.settled_at is None:
            concerned = state.engine.standing(changed, registry, now)
        else:
            concerned = _concerned(state, file, changed, entry, now)
        changed, happened = settle(changed, registry, state.engine, now, stamp, concerned, facts_changed=True)
        folded.effects += happened
    if changed is not known and (known is not None or changed != SubjectFile(entry.subject)):
        _put(state, known, changed, folded)
    state.high_waters[entry.origin.source] = (entry.origin.offset, entry.origin.ordinal)
    return folded


def _fold_refused(state: PartitionState, entry: RefusedEntry) -> Folded:
    """Tell what intake refused, unless its origin has been taken or told: a record may be judged twice."""
    if not is_new(state.high_waters, entry.origin):
        return Folded()
    state.high_waters[entry.origin.source] = (entry.origin.offset, entry.origin.ordinal)
    return Folded([entry.rejected])


def _bring_up(
    state: PartitionState, subject: str, now: datetime, stamp: Stamp, folded: Folded
) -> tuple[SubjectFile, SubjectFile]:
    """A subject's file, before and after every change of rules up to now has had its turn.

    One that was never settled has all of them at once.
    """
    registry, engine, before = state.registry, state.engine, state.files[subject]
    if before.settled_at is None:
        after, happened = settle(before, registry, engine, now, stamp, engine.standing(before, registry, now))
    else:
        after, happened = catch_up(before, registry, engine, state.mark_of(subject), now, stamp)
    folded.effects += happened
    return before, after


def _put(state: PartitionState, before: SubjectFile | None, after: SubjectFile, folded: Folded) -> None:
    if after is not before:
        known = len(state.names)
        state.put(after, before)
        folded.changed.add(FILE + after.subject)
        if len(state.names) != known:
            folded.changed.add(NAMES)


def _apply(file: SubjectFile, entry: SubjectEntry) -> SubjectFile:
    match entry:
        case ChangeEntry():
            return _apply_change(file, entry)
        case RosterEntryRecord():
            changed = file.with_roster_entry(entry.department, entry.data)
            if len(changed.roster) > max(MOST_ROSTER_LINES, len(file.roster)):
                raise Refused(RejectCode.BAD_VALUE, f"the subject has {MOST_ROSTER_LINES} roster lines already", "item")
            return changed
        case _:
            return file  # commands and receipts are kept in the journal; cases and gateways will act on them


def _apply_change(file: SubjectFile, entry: ChangeEntry) -> SubjectFile:
    if entry.version <= file.versions.get(entry.provider, 0):
        return file
    values = {FactKey(f.name, f.period, f.item): None if f.value is None else decode(f.value) for f in entry.facts}
    changed = file.with_facts(entry.provider, entry.version, values, entry.effective_at, entry.arrived_at)
    added = [key for key, value in values.items() if value is not None and key not in file.facts]
    if added:
        _check_room("facts", MOST_FACTS, len(file.facts), len(changed.facts))
    if any(key.item != NO_ITEM for key in added):
        _check_room("items", MOST_ITEMS, _items(file), _items(changed))
    return changed


def _check_room(what: str, most: int, before: int, after: int) -> None:
    if after > max(most, before):
        text = f"the subject would have {after} {what}, of at most {most}; retract what is past first"
        raise Refused(RejectCode.BAD_VALUE, text, "facts")


def _items(file: SubjectFile) -> int:
    return len({key.item for key in file.facts} - {NO_ITEM})


def _concerned(
    state: PartitionState, before: SubjectFile, after: SubjectFile, entry: SubjectEntry, now: datetime
) -> set[str]:
    """The policies a record can make a difference to, for a subject that is settled up to now."""
    registry = state.registry
    match entry:
        case ChangeEntry():
            names = {fact.name for fact in entry.facts}
            declared = (registry.catalogue.facts.get(name) for name in names)
            lists = {fact.list for fact in declared if fact is not None and fact.list is not None}
            return state.engine.changed(before, after, names | lists, registry, now)
        case RosterEntryRecord():
            return {entry.data.policy} & registry.policies.keys()
        case _:
            return set()


def _quarantine(state: PartitionState, offset: int, value: bytes, error: Exception) -> Folded:
    text = (
        f"the engine failed on journal record {state.partition}@{offset}: {type(error).__name__}; nothing was applied"
    )
    if state.quarantined >= QUARANTINED_AT_MOST:
        raise StopPartition(
            f"{text}, and {QUARANTINED_AT_MOST} are quarantined already: this needs a person"
        ) from error
    state.quarantined += 1
    return Folded([_rejected(state, offset, value, RejectCode.QUARANTINED, text)])


def _rejected(state: PartitionState, offset: int, value: bytes, code: RejectCode, text: str) -> Rejected:
    return Rejected(
        origin=Origin(topic=JOURNAL, partition=state.partition, offset=offset),
        topic=JOURNAL,
        code=code,
        text=text,
        rejected_at=state.registry.now or BEFORE_ANY_EPOCH,
        value=b64encode(value).decode(),
    )
