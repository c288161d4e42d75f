"""A steady stream of events about a small world, for as long as a scenario needs one, drawn from a seed.

Registry changes that move decisions, records that intake must refuse, policies published and withdrawn, and ticks: so
that every path is under way when a fault strikes.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import yaml
from aiokafka import AIOKafkaProducer

from eligibility.business_time import start_of
from schemas.cloudevents import Attributes
from schemas.journal import Tick, control_record
from schemas.topics import CONTROL, PUBLICATIONS, changes_topic
from streams.producers import idempotent_producer
from zhida.demo.play import BEGINS, EXAMPLES
from zhida.keyring import Keyring
from zhida.messages import (
    Message,
    attributes_of,
    departments,
    keys_statement,
    message,
    read_messages,
    statements,
)
from zhida.sending import send
from zhida.world import write

POLICIES = sorted((EXAMPLES / "policies").glob("*.yaml"))
CATALOGUE = EXAMPLES / "catalogue"
MODEL = EXAMPLES / "policies" / "LN-2023-CBJ.yaml"
"""The policy that those published under way are like: by facts that the changes change."""

EVERY = 0.25  # seconds between bursts
REFUSED_OF = 100  # changes, of which one is cut off in its middle
TICK_EVERY = 4  # bursts
TICK_BY = timedelta(hours=6)
PUBLISH_EVERY = 12  # bursts
STANDING = 4  # policies published under way, before the eldest is withdrawn


def validity(headers: Iterable[tuple[str, bytes]]) -> bool | None:
    """Whether a record of ours has to be accepted, by its headers; None: it is not of this load."""
    identity = next((value for name, value in headers if name == "ce_id"), b"") or b""
    return True if identity.startswith(b"load-") else False if identity.startswith(b"bad-") else None


class Load:
    """What a world's senders send. `rate`: changes a second; `without`: topics that get nothing for now."""

    def __init__(self, bootstrap_servers: str, folder: Path, *, seed: int, subjects: int, rate: int) -> None:
        self.ring = Keyring(folder / "keys")
        self.sent: Counter[str] = Counter()
        self.without: set[str] = set()
        self.now = start_of(BEGINS)
        self.rate = rate
        self.bursts = 0
        self._bootstrap, self._random = bootstrap_servers, Random(seed)
        write(folder / "world", subjects, seed)
        lines = (folder / "world" / "changes.jsonl").read_text(encoding="utf-8").splitlines()
        self._events = [json.loads(line) for line in lines]
        self._versions = Counter[tuple[str, str]]()
        for event in self._events:
            place = event["source"], event["subject"]
            self._versions[place] = max(self._versions[place], event["data"]["version"])
        self._model = json.loads(json.dumps(yaml.safe_load(MODEL.read_text(encoding="utf-8")), default=str))
        self._standing: deque[str] = deque()
        self._number = 0
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Send the catalogue and the departments' keys."""
        stated = [m for file in statements(CATALOGUE) for m in read_messages(file, self.ring, self.now)]
        await send(self._bootstrap, [*stated, keys_statement(self.ring, departments(POLICIES), self.now)])

    async def populate(self) -> None:
        """Send the policies, and what registries held on the day before the world begins."""
        policies = [m for file in POLICIES for m in read_messages(file, self.ring, self.now)]
        held = [event for event in self._events if event["time"] < self.now.isoformat()]
        await send(self._bootstrap, [*policies, *(self._event(event) for event in held)])

    def start(self) -> None:
        """Begin to send, or go on."""
        self._idle.clear()
        self._wanted.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def pause(self) -> None:
        """Stop sending; all that was sent is acknowledged when it returns."""
        self._wanted.clear()
        if self._task is not None:
            waiting = asyncio.create_task(self._idle.wait())
            await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if self._task.done():
                self._task.result()

    async def after_burst(self) -> None:
        """Until the next burst is on its way."""
        bursts = self.bursts
        while self.bursts == bursts:
            await asyncio.sleep(0.005)

    async def end(self) -> None:
        """Stop for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        producer = idempotent_producer(self._bootstrap)
        await producer.start()
        try:
            while True:
                if not self._wanted.is_set():
                    self._idle.set()
                    await self._wanted.wait()
                await self._burst(producer)
                await asyncio.sleep(EVERY)
        finally:
            await producer.stop()

    async def _burst(self, producer: AIOKafkaProducer) -> None:
        self.bursts += 1
        changes = [m for m in (self._change() for _ in range(int(self.rate * EVERY))) if m.topic not in self.without]
        rules = self._rules() if self.bursts % PUBLISH_EVERY == 0 else []
        waiting = [await producer.send(m.topic, m.value, m.key, headers=m.headers) for m in (*changes, *rules)]
        if self.bursts % TICK_EVERY == 0:
            self.now += TICK_BY
            tick = control_record.dump_json(Tick(at=self.now), by_alias=True)
            waiting.append(await producer.send(CONTROL, tick, b"tick"))
            self.sent["ticks"] += 1
        await asyncio.gather(*waiting)
        self.sent["changes"] += len(changes)
        self.sent["publications"] += len(rules)

    def _change(self) -> Message:
        event = self._random.choice(self._events)
        place = event["source"], event["subject"]
        self._versions[place] += 1
        data = {
            "version": self._versions[place],
            "effective_at": self.now.isoformat(),
            "facts": {name: self._varied(value) for name, value in event["data"]["facts"].items()},
        }
        self._number += 1
        refused = self._random.randrange(REFUSED_OF) == 0
        identity = f"{'bad' if refused else 'load'}-{self._number}"
        made = self._event(
            {**event, "id": identity, "time": self.now.isoformat(), "data": data, "source": event["source"]}
        )
        return Message(made.topic, made.key, made.value[:-2], made.headers, made.time) if refused else made

    def _varied(self, value: Any) -> Any:
        """Another value of the same form: what passes a threshold here and there."""
        match value:
            case dict():
                return {period: self._varied(each) for period, each in value.items()}
            case bool():
                return self._random.random() < 0.5
            case int():
                return self._random.randint(0, 2 * value + 10)
            case str() if value.replace(".", "", 1).isdigit() and "." in value:
                factor = self._random.choice((Decimal("0.5"), Decimal(1), Decimal(2)))
                return str((Decimal(value) * factor).quantize(Decimal(value)))
            case _:
                return value

    def _rules(self) -> list[Message]:
        """A policy is published; once enough stand, the eldest is withdrawn."""
        self._number += 1
        policy = f"LN-2024-P{self._number}"
        self._standing.append(policy)
        document = {**self._model, "id": policy, "title": {"zh": policy, "en": policy}}
        made = [self._publication(policy, {"action": "publish", "policy": document})]
        if len(self._standing) > STANDING:
            made.append(self._publication(self._standing.popleft(), {"action": "withdraw"}))
        return made

    def _publication(self, policy: str, data: dict[str, Any]) -> Message:
        maker = self._model["made_by"]
        identity = f"load-{data['action']}-{policy}"
        attributes = attributes_of(
            PUBLICATIONS, id=identity, source=f"/departments/{maker}", subject=policy, time=self.now
        )
        whole = {**data, "effective_at": self.now.isoformat(), "reason": "so that rules change under way"}
        return message(PUBLICATIONS, attributes, whole, self.ring, maker)

    def _event(self, event: dict[str, Any]) -> Message:
        attributes = Attributes.model_validate({name: value for name, value in event.items() if name != "data"})
        topic = changes_topic(str(event["source"]).rsplit("/", 1)[-1])
        return message(topic, attributes, event["data"], self.ring, None)


def begins() -> datetime:
    """Where the world's clock stands at first."""
    return start_of(BEGINS)
