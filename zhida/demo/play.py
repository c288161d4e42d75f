"""A province lives through two years: registries change, policies are published, the clock moves, notices come."""

from __future__ import annotations

import asyncio
import heapq
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from rich.table import Table

from eligibility.business_time import start_of
from schemas.journal import Epoch
from schemas.notices import Notice
from streams import broker_topics
from streams.app import Role
from streams.checkpoints import wait_until_settled
from streams.clock import advance
from streams.errors import StopWorker
from streams.judge import AUTHORITY
from zhida import stack
from zhida.commands.watch import line
from zhida.console import out, progress_bar
from zhida.demo import check
from zhida.demo.expected import Expectation
from zhida.demo.readback import Readback, read_states
from zhida.journal_files import export_journal
from zhida.keyring import Keyring
from zhida.messages import Message, departments, keys_statement, read_messages, statements
from zhida.sending import send
from zhida.stack.local import KAFKA_VARIABLE
from zhida.workers import Worker, start_workers, stop_workers
from zhida.world import write

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BEGINS = date(2024, 1, 1)
STEPS = (
    date(2024, 2, 1),
    date(2024, 12, 2),
    date(2025, 1, 1),
    date(2025, 2, 1),
    date(2025, 12, 2),
    date(2026, 1, 1),
)
WHOLE_WORLD = 1000  # in a smaller world some policies find nobody
SHOWN = 3  # notices shown per step


def play(folder: Path, *, subjects: int, seed: int, once: bool) -> bool:
    """Play the world and check it; returns whether all was right. With `once` everything started is stopped.

    What an earlier demo in the folder left running is stopped first.
    """
    began = time.monotonic()
    for said in stack.down(folder, wipe=KAFKA_VARIABLE not in os.environ):  # an earlier demo, its workers first
        if said.endswith("stopped"):
            out.print(f"of an earlier demo: {said}", markup=False)
    workers: list[Worker] = []
    try:
        endpoints = stack.up(folder, report=out.print)
        bootstrap = endpoints.kafka_bootstrap_servers
        ring = Keyring(folder / "keys")
        asyncio.run(_begin(bootstrap, ring))
        workers = start_workers(Role, endpoints, folder)
        played = _Play(folder, bootstrap, ring, workers, subjects, seed)
        right = asyncio.run(played.run())
    except BaseException:
        _stop(folder, workers)
        raise
    if once:
        _stop(folder, workers)
    _say_what_can_be_done(folder, played.example, running=not once)
    right_ones = sum(finding.holds for finding in played.findings)
    out.print(f"\n{right_ones} of {len(played.findings)} right, {time.monotonic() - began:.0f} s in all")
    return right


def _stop(folder: Path, workers: list[Worker]) -> None:
    """Stop what this demo started; what the environment names is not touched."""
    stop_workers(workers)
    stack.down(folder)


async def _begin(bootstrap: str, ring: Keyring) -> None:
    if await _has_control(bootstrap):
        raise StopWorker("this broker holds zhida's topics already; the demo needs an empty one")
    epoch = Epoch(clock="world", now=start_of(BEGINS), authority_key=ring.public_key(AUTHORITY))
    await broker_topics.apply(bootstrap, epoch)


async def _has_control(bootstrap: str) -> bool:
    return not any("control.v1 is missing" in difference for difference in await broker_topics.differences(bootstrap))


def _say_what_can_be_done(folder: Path, example: str, *, running: bool) -> None:
    """Commands to copy, one a line, that work as things stand."""
    commands = [(f"simulate --journal {folder / 'journal.jsonl'}", "all effects again, from the journal alone")]
    if running:
        commands += [
            (f"watch --once --folder {folder}", "all pushes and reminders"),
            (f"explain {example} --folder {folder}", "why, from the committed state"),
            (f"down --folder {folder}", "stops all of it"),
        ]
    width = max(len(command) for command, _ in commands)
    out.print("\neverything is still running:" if running else "\neverything is stopped; what is left:")
    for command, remark in commands:
        out.print(f"  .venv/bin/zhida {command:<{width}}  # {remark}", markup=False)


class _Play:
    def __init__(
        self, folder: Path, bootstrap: str, ring: Keyring, workers: list[Worker], subjects: int, seed: int
    ) -> None:
        self.folder, self.bootstrap, self.ring, self.workers = folder, bootstrap, ring, workers
        self.subjects, self.seed = subjects, seed
        self.policies = sorted((EXAMPLES / "policies").glob("*.yaml"))
        self.catalogue = EXAMPLES / "catalogue"
        self.changes = {
            file: date.fromisoformat(file.stem[:10]) for file in sorted((EXAMPLES / "changes").glob("*.yaml"))
        }
        self.expectation = Expectation.of(self.catalogue, self.policies)
        self.findings: list[check.Finding] = []
        self.seen = 0
        self.readback = Readback(bootstrap)
        self.example = ""  # a subject and a policy it is eligible for

    async def run(self) -> bool:
        """The whole story, then the checks."""
        world = self.folder / "world"
        summary = write(world, self.subjects, self.seed)
        out.print(
            f"a world of {self.subjects} subjects (seed {self.seed}): {summary.load} events to begin with, "
            f"{summary.changes} changes and {summary.roster} roster lines to come",
            markup=False,
        )
        self.events = heapq.merge(*(_lines(world / name) for name in ("changes.jsonl", "rosters.jsonl")))
        self.pending: tuple[str, str] | None = next(self.events, None)
        await self._publish("catalogue, calendars and keys", self._catalogue())
        await self._settle()
        await self._until(BEGINS, "what registries held on 2023-12-31")
        await self._settle()
        await self._publish("policies", self._documents(self.policies))
        await self._settled(BEGINS)
        for day in STEPS:
            await self._until(day, f"changes up to {day}")
            await advance(self.bootstrap, Role.INTAKE.group, day)
            await self._settled(day)
            if day == date(2025, 1, 1):
                await self._check_matches(day)
            await self._change_rules(day)
        await self._check_all(STEPS[-1])
        return all(finding.holds for finding in self.findings)

    def _catalogue(self) -> Iterator[Message]:
        for file in statements(self.catalogue):
            yield from read_messages(file, self.ring, start_of(BEGINS))
        yield keys_statement(self.ring, departments([*self.policies, *self.changes]), start_of(BEGINS))

    def _documents(self, files: Iterable[Path]) -> Iterator[Message]:
        for file in files:
            yield from read_messages(file, self.ring, start_of(BEGINS))

    async def _change_rules(self, day: date) -> None:
        """Publish the changes of rules of a day; nobody waits for them to be worked through."""
        for file in [file for file, on in self.changes.items() if on == day]:
            self.expectation.publish(file)
            await self._publish(f"a change of rules, {file.stem[11:]}", read_messages(file, self.ring, start_of(day)))

    async def _publish(self, what: str, messages: Iterable[Message]) -> None:
        with progress_bar() as bar:
            count = await send(self.bootstrap, bar.track(messages, description=what))
        out.print(f"  published {count} events: {what}", markup=False)

    async def _until(self, day: date, what: str) -> None:
        """Publish the events before a day, as their senders would, and let the expectation take the same lines."""
        limit = start_of(day).isoformat()
        lines = self.folder / "world" / "step.jsonl"
        with lines.open("w", encoding="utf-8") as step:
            while self.pending is not None and self.pending[0] < limit:
                step.write(self.pending[1])
                self.expectation.take(self.pending[1])
                self.pending = next(self.events, None)
        await self._publish(what, read_messages(lines, self.ring, datetime.now(UTC)))

    async def _settle(self) -> None:
        waiting = asyncio.create_task(wait_until_settled(self.bootstrap, Role.INTAKE.group))
        while not waiting.done():
            await asyncio.wait([waiting], timeout=1.0)
            for worker in self.workers:
                if worker.process.poll() is not None:
                    waiting.cancel()
                    raise StopWorker(f"the {worker.role} worker ended: {worker.last_line()} (log: {worker.log})")
        await waiting

    async def _settled(self, day: date) -> None:
        """Wait until all is decided as of a day, then show what has come out since the last time."""
        await self._settle()
        outcome = await self.readback.update()
        verdicts = Counter(decision["verdict"] for decision in outcome.decisions)
        kinds = Counter(notice["kind"] for notice in outcome.notices)
        out.print(
            f"[bold]{day}[/]  eligible now {len(outcome.eligible())}; so far: {verdicts['eligible']} eligible or "
            f"restated, {verdicts['ineligible']} ineligible, {verdicts['undetermined']} undetermined, "
            f"{verdicts['ended']} ended; {kinds['push']} pushes, {kinds['reminder']} reminders, "
            f"{len(outcome.rejected)} rejected"
        )
        recent = sorted(outcome.notices, key=lambda notice: (notice["as_of"], notice["effect_id"]))[self.seen :]
        self.seen += len(recent)
        for notice in recent[:: max(1, len(recent) // SHOWN)][:SHOWN]:
            out.print("    " + line(Notice.model_validate(notice)), markup=False)

    async def _check_matches(self, day: date) -> None:
        outcome = await self.readback.update()
        self.findings.append(check.check_eligible(outcome.eligible(), self.expectation, day))

    async def _check_all(self, day: date) -> None:
        outcome = await self.readback.update()
        out.print("exporting and folding again…")
        journal = self.folder / "journal.jsonl"
        with journal.open("w", encoding="utf-8") as records:
            async for record in export_journal(self.bootstrap):
                records.write(record + "\n")
        effects = self.folder / "effects.jsonl"
        simulating = await self._simulate(journal, effects)
        states, eligible = await read_states(self.bootstrap), outcome.eligible()
        self.example = " ".join(min(eligible, default="SUBJECT|POLICY").split("|")[:2])
        self.findings += [
            check.check_eligible(eligible, self.expectation, day),
            check.check_explained(states, self.expectation, set(eligible), day, self.seed),
            check.check_ended(outcome, set(eligible), self.expectation, day),
            check.check_withdrawn(outcome, set(eligible), self.expectation, day),
            check.check_amended(outcome, self.expectation),
            check.check_once(outcome),
            check.Finding("nothing was rejected", not outcome.rejected, f"{len(outcome.rejected)} rejected"),
        ]
        if self.subjects >= WHOLE_WORLD:
            self.findings += [
                check.check_every_policy(outcome, self.expectation),
                check.check_standing(set(eligible), self.expectation, day),
            ]
        if await simulating.wait():
            raise StopWorker("simulate failed over the exported journal; run it by hand to see why")
        self.findings.append(check.check_replayed(effects, outcome))
        self._summarise()

    async def _simulate(self, journal: Path, effects: Path) -> asyncio.subprocess.Process:
        """A second fold in a process of its own, and under a hash seed of its own."""
        command = [sys.executable, "-m", "zhida", "simulate", "--journal", str(journal)]
        with effects.open("wb") as out_file:
            environment = {**os.environ, "PYTHONHASHSEED": str(self.seed + 1)}
            return await asyncio.create_subprocess_exec(
                *command, stdout=out_file, stderr=asyncio.subprocess.DEVNULL, env=environment
            )

    def _summarise(self) -> None:
        table = Table("", "must hold", "figures", box=None, padding=(0, 2, 0, 0))
        for finding in self.findings:
            table.add_row("[green]right[/]" if finding.holds else "[red]WRONG[/]", finding.claim, finding.figures)
        out.print(table)


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """A file's events with their times, in comparable form."""
    with file.open(encoding="utf-8") as events:
        for text in events:
            yield datetime.fromisoformat(json.loads(text)["time"]).astimezone(UTC).isoformat(), text
