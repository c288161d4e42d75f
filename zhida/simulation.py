"""The same judgement and the same reducer without a broker: from files to effects."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from eligibility.business_time import business_date, start_of
from eligibility.effects import Effect
from eligibility.errors import Refused
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.registry import Registry
from schemas.identifiers import journal_partition
from schemas.journal import (
    CatalogueControl,
    ControlEntry,
    ControlRecord,
    PolicyControl,
    Pump,
    Tick,
    journal_record,
)
from schemas.topics import JOURNAL_PARTITIONS
from streams.judge import SourceRecord, judge, rejection
from zhida.console import progress_bar
from zhida.messages import WRONG, FileRefused, Message, in_one_line

Emit = Callable[[Effect], None]


@dataclass
class Simulation:
    """All partitions in memory. Effects go to `emit` in the order they happen."""

    emit: Emit
    registry: Registry = field(default_factory=Registry)
    partitions: list[PartitionState] = field(
        default_factory=lambda: [PartitionState(p) for p in range(JOURNAL_PARTITIONS)]
    )
    _offsets: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def control(self, record: ControlRecord) -> None:
        """Broadcast a control record, and finish the roll-out it opens."""
        sequence = self.registry.sequence + 1
        self.registry = self.registry.fold(sequence, record)
        value = journal_record.dump_json(ControlEntry(sequence=sequence, record=record), by_alias=True)
        for state in self.partitions:
            self._append(state, value)

    def send(self, message: Message) -> None:
        """What happens to an event that a sender publishes."""
        source = journal_partition(message.key.decode(), 2)
        offset = self._offsets[message.topic, source]
        self._offsets[message.topic, source] += 1
        stamp = int(message.time.timestamp() * 1000)
        record = SourceRecord(message.topic, source, offset, stamp, message.key, message.value, message.headers)
        try:
            accepted = judge(record, self.registry)
        except Refused as refused:
            self.emit(rejection(record, self.registry, refused))
            return
        if isinstance(accepted, (CatalogueControl, PolicyControl)):
            self.control(accepted)
            return
        state = self.partitions[journal_partition(accepted.subject, JOURNAL_PARTITIONS)]
        self._append(state, journal_record.dump_json(accepted, by_alias=True))

    def advance(self, day: date) -> None:
        """Move the clock to the beginning of a day in Asia/Shanghai, if it is not there yet."""
        moment = start_of(day)
        if self.registry.now is None or moment > self.registry.now:
            self.control(Tick(at=moment))

    def _append(self, state: PartitionState, value: bytes) -> None:
        self._fold(state, value)
        while state.open_work:
            self._fold(state, Pump(n=state.pump + 1).model_dump_json().encode())

    def _fold(self, state: PartitionState, value: bytes) -> None:
        for effect in fold(state, state.offset + 1, value).effects:
            self.emit(effect)


def run_events(simulation: Simulation, messages: Iterable[Message], until: date | None) -> None:
    """Send events in order of their time, the clock reaching each day before the day's first event."""
    for message in messages:
        day = business_date(message.time)
        if until is not None and day > until:
            break
        simulation.advance(day)
        simulation.send(message)
    if until is not None:
        simulation.advance(until)


def fold_journal(lines: Iterable[str], emit: Emit) -> Iterator[PartitionState]:
    """Fold an exported journal, line by line, in any chunks; yields the state a line belongs to after it is folded.

    Lines: {"partition", "offset", "record"}, each partition's in offset order.
    """
    states: dict[int, PartitionState] = {}
    for line in lines:
        entry = json.loads(line)
        partition = entry["partition"]
        if partition not in states:
            states[partition] = PartitionState(partition)
        state = states[partition]
        value = json.dumps(entry["record"], ensure_ascii=False).encode()
        for effect in fold(state, entry["offset"], value).effects:
            emit(effect)
        yield state


def fold_journal_file(file: Path, emit: Emit) -> dict[int, PartitionState]:
    """Fold an exported journal, showing how far it has come; each partition's state at its end.

    Raises FileRefused for a file that cannot be read, and for a line that is no record of an exported journal.
    """
    try:
        lines = file.open(encoding="utf-8")
    except OSError as error:
        raise FileRefused(f"{file}: {error.strerror}") from error
    number = 0

    def counted() -> Iterator[str]:
        nonlocal number
        for line in lines:
            number += 1
            yield line

    with lines, progress_bar() as bar:
        task = bar.add_task("journal records", total=None)
        states: dict[int, PartitionState] = {}
        try:
            for state in fold_journal(counted(), emit):
                states[state.partition] = state
                bar.advance(task)
        except WRONG as error:
            told = f"{file}, line {max(number, 1)}: this is no record of an exported journal ({in_one_line(error)})"
            raise FileRefused(told) from error
    return states


def effect_line(effect: Effect) -> str:
    """An effect as one line of JSON, its kind first."""
    return f'{{"effect":"{type(effect).__name__.lower()}",{effect.model_dump_json()[1:]}'
