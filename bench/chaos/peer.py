"""The same faults upon a plain Faust app, in both of its guarantees: a harness that finds nothing proves nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.chaos.cluster import HarnessError, kafka_process
from bench.chaos.ledger import Ledger
from bench.chaos.oracle import Differences, Seen, compare
from bench.chaos.plain_faust import CHANGES, DECISIONS, PARTITIONS, SESSION_TIMEOUT, verdict
from streams.producers import idempotent_producer
from streams.reading import read_to_end, reader
from zhida.stack import kafka, ports

MODES = ("at_least_once", "exactly_once")
SUBJECTS = 60
EVERY = 0.1  # seconds between bursts
BURST = 15  # changes
STARTS_WITHIN = 60.0
STILL_FOR = 15.0  # seconds without a new decision, after which no more is awaited
ENDS_WITHIN = 120.0


@dataclass
class Peer:
    """A plain Faust app in one guarantee: its workers, and what was sent to it."""

    mode: str
    bootstrap: str
    folder: Path
    random: Random
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    expected: list[Seen] = field(default_factory=list)
    started: int = 0
    _seen: list[Seen] = field(default_factory=list)
    _next: dict[TopicPartition, int] = field(default_factory=dict)
    _facts: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    _numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def start(self) -> subprocess.Popen[bytes]:
        """One more worker, with a folder of its own as on a machine of its own."""
        self.started += 1
        folder = self.folder / f"{self.mode}-{self.started}"
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "bench.chaos.plain_faust", self.mode, self.bootstrap, str(folder)]
        with (folder / "worker.log").open("wb") as log:
            worker = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self.workers.append(worker)
        return worker

    def tend(self) -> None:
        """Start anew what has ended, as a supervisor does."""
        for worker in [worker for worker in self.workers if worker.poll() is not None]:
            self.workers.remove(worker)
            self.start()

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """SIGKILL; `tend` replaces it, unless it was dismissed."""
        worker.kill()
        worker.wait()

    def change(self) -> tuple[str, bytes, bytes]:
        """The next change as topic, key and value; what must come of it is noted."""
        subject = f"s{self.random.randrange(SUBJECTS)}"
        facts: dict[str, Any] = {"employees_in_post": self.random.randint(1, 60)}
        if self.random.random() < 0.2:
            facts["registration_status"] = self.random.choice(("active", "active", "revoked"))
        self._numbers[subject] += 1
        self._facts[subject].update(facts)
        number = self._numbers[subject]
        self.expected.append(_seen(subject, number, verdict(self._facts[subject])))
        value = json.dumps({"subject": subject, "n": number, "facts": facts}).encode()
        return CHANGES.format(mode=self.mode), json.dumps(subject).encode(), value

    async def seen(self) -> list[Seen]:
        """Its decisions as a reader of committed records sees them; those of a subject in the topic's order."""
        async with reader(self.bootstrap) as consumer:
            for partition in range(PARTITIONS):
                tp = TopicPartition(DECISIONS.format(mode=self.mode), partition)
                async for record in read_to_end(consumer, tp, self._next.get(tp)):
                    self._next[tp] = record.offset + 1
                    value = json.loads(record.value)
                    self._seen.append(_seen(value["subject"], value["n"], value["verdict"]))
        return self._seen


def _seen(subject: str, number: int, said: str) -> Seen:
    return Seen(f"{subject}/{number}", subject, said.encode())


class PlainFaust:
    """Both apps on a broker of their own, under load."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.port = folder, ports.free()
        self.bootstrap = kafka.up(folder, port=self.port, report=lambda line: None)
        self.random = Random(seed)
        self.peers = [Peer(mode, self.bootstrap, folder / "workers", Random(seed)) for mode in MODES]
        self._load: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Topics and a worker of each; the load begins once both decide."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        names = [name.format(mode=mode) for mode in MODES for name in (CHANGES, DECISIONS)]
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        await admin.close()
        for peer in self.peers:
            peer.start()
        self._load = asyncio.create_task(self._send())

    async def _send(self) -> None:
        producer = idempotent_producer(self.bootstrap)
        await producer.start()
        try:
            while True:
                made = [peer.change() for _ in range(BURST) for peer in self.peers]
                await asyncio.gather(*[await producer.send(topic, value, key) for topic, key, value in made])
                await asyncio.sleep(EVERY)
        finally:
            await producer.stop()

    async def run_for(self, seconds: float) -> None:
        """Let them work under load, restarted where they end."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            for peer in self.peers:
                peer.tend()
            await asyncio.sleep(0.1)

    async def decided(self, more: int, within: float) -> bool:
        """Until each has made some more decisions; False when the time is up: it may never make another."""
        before = [len(await peer.seen()) for peer in self.peers]
        end = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < end:
            await self.run_for(1.0)
            now = [len(await peer.seen()) for peer in self.peers]
            if all(each >= earlier + more for each, earlier in zip(now, before, strict=True)):
                return True
        return False

    async def finish(self) -> dict[str, Differences]:
        """Stop the load, wait until nothing more comes, and compare."""
        assert self._load is not None
        self._load.cancel()
        await asyncio.gather(self._load, return_exceptions=True)
        counts, still, waited = [0] * len(self.peers), 0.0, 0.0
        while still < STILL_FOR and waited < ENDS_WITHIN:
            await self.run_for(1.0)
            seen = [{effect.identity for effect in await peer.seen()} for peer in self.peers]
            if all(len(s) >= len(peer.expected) for s, peer in zip(seen, self.peers, strict=True)):
                break
            now = [len(each) for each in seen]
            still, waited, counts = (still + 1.0 if now == counts else 0.0), waited + 1.0, now
        return {peer.mode: compare(peer.expected, await peer.seen()) for peer in self.peers}

    def end(self) -> None:
        """Stop everything that was started here."""
        if self._load is not None:
            self._load.cancel()
        for worker in (worker for peer in self.peers for worker in peer.workers):
            if worker.poll() is None:
                worker.kill()
                worker.wait()
        kafka.down(self.folder)


Fault = Callable[[PlainFaust], Awaitable[str]]


async def killed(plain: PlainFaust) -> str:
    """SIGKILL of each worker at a random moment."""
    await plain.run_for(plain.random.uniform(0.5, 3.0))
    for peer in plain.peers:
        for worker in list(peer.workers):
            peer.kill(worker)
    return "SIGKILL"


async def stopped(plain: PlainFaust) -> str:
    """A second worker of each; the first is stopped past the session timeout, then goes on as a zombie."""
    first = [peer.workers[0] for peer in plain.peers]
    for peer in plain.peers:
        peer.start()
    await plain.run_for(10.0)
    for worker in first:
        worker.send_signal(signal.SIGSTOP)
    await plain.run_for(SESSION_TIMEOUT + 7.0)
    for worker in first:
        worker.send_signal(signal.SIGCONT)
    await plain.run_for(3.0)
    for peer, worker in zip(plain.peers, first, strict=True):
        if worker in peer.workers:
            peer.workers.remove(worker)
        peer.kill(worker)
    return "SIGSTOP past the session timeout, SIGCONT"


async def broker_killed(plain: PlainFaust) -> str:
    """The broker is killed, and comes back on its data."""
    process = kafka_process(plain.folder)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    await plain.run_for(plain.random.uniform(0.5, 3.0))
    await asyncio.to_thread(kafka.up, plain.folder, port=plain.port, report=lambda line: None)
    return "SIGKILL of the broker"


async def run_peer(folder: Path, seed: int, rounds: int, ledger: Ledger) -> dict[str, Any]:
    """Two kills, a zombie and a killed broker a round; returns what was found, of both guarantees and of each."""
    plain = await asyncio.to_thread(PlainFaust, folder, seed)
    runs = 0
    try:
        await plain.begin()
        if not await plain.decided(100, STARTS_WITHIN):
            raise HarnessError(f"the plain app does not work even undisturbed; see {folder}")
        for _ in range(rounds):
            for fault in (killed, killed, stopped, broker_killed):
                ledger.note("plain Faust", await fault(plain))
                runs += len(plain.peers)
                await plain.decided(50, SESSION_TIMEOUT + 12.0)
        found = await plain.finish()
    finally:
        plain.end()
    total = Differences()
    modes: dict[str, Any] = {}
    for peer in plain.peers:
        differences = found[peer.mode]
        total.add(differences)
        kept = ("lost", "duplicates", "out_of_order", "altered")
        counts = {kind: count for kind, count in differences.counts().items() if kind in kept}
        modes[peer.mode] = {"events": len(peer.expected), **counts}
        ledger.note(f"plain Faust, {peer.mode}", "found", **modes[peer.mode], examples=asdict(differences)["examples"])
    return {
        "runs": runs,
        "lost": total.lost,
        "duplicates": total.duplicates,
        "out_of_order": total.out_of_order,
        **modes,
    }
