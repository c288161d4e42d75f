"""`zhida simulate`: effects on stdout, progress on stderr."""

from __future__ import annotations

import heapq
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from eligibility.effects import Effect
from schemas.journal import Epoch, TopicGeneration
from schemas.topics import SOURCES
from streams.judge import AUTHORITY
from zhida.console import progress_bar
from zhida.keyring import Keyring
from zhida.messages import (
    FileRefused,
    Message,
    departments,
    keys_statement,
    read_messages,
    statements,
)
from zhida.simulation import Emit, Simulation, effect_line, fold_journal_file, run_events


def _print(effect: Effect) -> None:
    sys.stdout.write(effect_line(effect) + "\n")


def journal(file: Path) -> None:
    """Fold an exported journal."""
    fold_journal_file(file, _print)


def world(policies: Path, events: list[Path], catalogue: Path, until: date | None) -> None:
    """Begin a world at the time of the first event, publish the policies, and send the events in order."""
    documents = sorted(policies.glob("*.yaml"))
    if not documents:
        raise FileRefused(f"{policies}: no .yaml files; expected a folder of policies")
    with tempfile.TemporaryDirectory() as keys, progress_bar() as bar:
        ring = Keyring(Path(keys))
        task = bar.add_task("events", total=None)
        merged = heapq.merge(
            *(read_messages(file, ring, datetime.now(UTC)) for file in events), key=lambda each: each.time
        )
        first = next(merged, None)
        if first is None:
            raise FileRefused("the files of events are empty")
        simulation = begin(ring, first.time, _print)
        publish(simulation, ring, catalogue, documents, first.time)

        def counted() -> Iterator[Message]:
            yield first
            for each in merged:
                bar.advance(task)
                yield each

        run_events(simulation, counted(), until)


def begin(ring: Keyring, now: datetime, emit: Emit) -> Simulation:
    """A simulation with the epoch of a world and its topics' generations."""
    simulation = Simulation(emit)
    simulation.control(Epoch(clock="world", now=now, authority_key=ring.public_key(AUTHORITY)))
    for topic in SOURCES:
        simulation.control(TopicGeneration(name=topic, generation=topic))
    return simulation


def publish(simulation: Simulation, ring: Keyring, catalogue: Path, documents: list[Path], now: datetime) -> None:
    """Publish the catalogue's statements, the departments' keys, then the policies."""
    policies = [each for file in documents for each in read_messages(file, ring, now)]
    for file in statements(catalogue):
        for each in read_messages(file, ring, now):
            simulation.send(each)
    simulation.send(keys_statement(ring, departments(documents), now))
    for each in policies:
        simulation.send(each)
