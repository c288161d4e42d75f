"""A tiny world: three subjects, three policies, and what their registries say, as the bytes that intake reads.

What holds in the end is told by a few lines of Python that know nothing of journals or partitions.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from random import Random
from typing import Any

from aiokafka import TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stdnum.cn import uscc

from bench.simulation.log import New
from schemas.catalogue import CatalogueStatement
from schemas.cloudevents import Attributes, signed_bytes, to_headers
from schemas.identifiers import journal_partition
from schemas.journal import CatalogueControl, Epoch, Origin, Tick
from schemas.topics import CATALOGUE, CONTROL, PUBLICATIONS, STATEMENTS, changes_topic, data_schema
from streams.judge import AUTHORITY

PARTITIONS = 2
"""Of the journal: enough for one to be elsewhere."""
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
MAKER, KEY_ID = "finance", "key_1"
KINDS = ("enterprise", "individual_business")
CONTROL_0 = TopicPartition(CONTROL, 0)
SMALL, HONEST, AGED = "SMALL", "HONEST", "AGED"
Event = tuple[TopicPartition, New]


def _key(department: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(department.encode().ljust(32, b"-")[:32])


def _public(department: str) -> str:
    return b64encode(_key(department).public_key().public_bytes_raw()).decode()


@cache
def subjects() -> tuple[str, ...]:
    """Two enterprises of the first journal partition, and one of the other."""
    bodies = (f"91210100MA0TEXT{number:02d}" for number in count())
    keys = (body + uscc.calc_check_digit(body) for body in bodies)
    of: dict[int, list[str]] = {0: [], 1: []}
    while len(of[0]) < 2 or not of[1]:
        key = next(keys)
        of[journal_partition(key, PARTITIONS)].append(key)
    return (*of[0][:2], of[1][0])


def _text(text: str) -> dict[str, str]:
    return {"zh": text, "en": text}


def _fact(name: str, provider: str, type_: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": _text(name), "provider": provider, "type": type_, **more}


FACTS = (
    _fact("kind", "market-supervision", "code", codes={kind: _text(kind) for kind in KINDS}),
    _fact("region", "market-supervision", "region"),
    _fact("established_on", "market-supervision", "date"),
    _fact("staff", "human-resources", "integer"),
    _fact("honest", "courts", "boolean"),
)
LATER = _fact("listed", "tax", "boolean")
"""Declared in the middle of it all; no policy asks for it."""


@cache
def prepared() -> tuple[New, ...]:
    """What the control topic begins with: the epoch, the facts, the maker's key."""
    keys = [{"department": MAKER, "key_id": KEY_ID, "public_key": _public(MAKER)}]
    statement = CatalogueStatement.model_validate({"effective_at": BEGIN, "facts": FACTS, "keys": keys})
    return (
        _control(Epoch(clock="world", now=BEGIN, authority_key=_public(AUTHORITY))),
        _control(CatalogueControl(origin=Origin(topic="prepared", partition=0, offset=0), statement=statement)),
    )


def _control(record: Any) -> New:
    return New(record.kind.encode(), record.model_dump_json(by_alias=True).encode(), ())


@cache
def tick(day: int) -> Event:
    """A day of the world begins."""
    return CONTROL_0, _control(Tick(at=BEGIN + timedelta(days=day)))


def _event(topic: str, partition: int, subject: str, event_id: str, data: str, signer: str | None = None) -> Event:
    attributes = Attributes(
        id=event_id,
        source=f"/{signer or topic}",
        type=CATALOGUE[topic].event_type,
        subject=subject,
        time=BEGIN,
        dataschema=data_schema(topic),
    )
    if signer is not None:
        signature = b64encode(_key(signer).sign(signed_bytes(attributes, data.encode()))).decode()
        attributes = attributes.model_copy(update={"senderid": signer, "senderkey": KEY_ID, "sendersig": signature})
    record = New(subject.encode(), data.encode(), tuple(to_headers(attributes)))
    return TopicPartition(topic, partition), record


CONDITIONS: dict[tuple[str, int], Any] = {
    (SMALL, 1): {"fact": "staff", "at_most": 30},
    (SMALL, 2): {"fact": "staff", "at_most": 10},
    (HONEST, 1): {"fact": "honest", "equals": True},
    (AGED, 1): {"fact": "established_on", "years_ago": {"from": 3}},
}


@cache
def publication(policy_id: str, action: str, version: int = 1) -> Event:
    """A policy published, amended or withdrawn, signed by its maker."""
    document = None
    if action != "withdraw":
        document = {
            "id": policy_id,
            "version": version,
            "title": _text(policy_id),
            "document": "辽政发〔2024〕0号",
            "issued_on": "2023-12-01",
            "made_by": MAKER,
            "implemented_by": ["tax"],
            "region": "21",
            "zone": "no_apply",
            "list": "condition",
            "kind": "award",
            "subjects": ["enterprise"],
            "valid": {"from": "2024-01-01"},
            "rules": [{"benefit": {"fixed": str(1000 * version)}}],
            "conditions": CONDITIONS[policy_id, version],
        }
    effective_at = {"publish": "2023-12-01T00:00:00Z"}.get(action, "2023-12-02T00:00:00Z")
    data = {"action": action, "policy": document, "effective_at": effective_at, "reason": "as simulated"}
    if document is None:
        del data["policy"]
    text = json.dumps(data, ensure_ascii=False)
    return _event(PUBLICATIONS, 0, policy_id, f"{action}-{policy_id}-{version}", text, MAKER)


def _statement() -> Event:
    data = json.dumps({"effective_at": BEGIN.isoformat(), "facts": [LATER]}, ensure_ascii=False)
    return _event(STATEMENTS, 0, "catalogue", "later", data, AUTHORITY)


@dataclass
class World:
    """One seed's events, drawn as they are sent, and what they come to."""

    random: Random
    day: int = 0
    policies: dict[str, int | None] = field(default_factory=dict)
    """The version that acts; None: withdrawn."""
    _facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _versions: dict[tuple[str, str], int] = field(default_factory=dict)
    _declared: bool = False
    _ids: int = 0

    def plan(self, changes: int) -> list[str]:
        """The kinds of events to come, in order: what `draw` takes."""
        several = ["change"] * changes + ["publish"] * 3 + ["tick"] * 2 + ["poison"] * 2 + ["declare"]
        self.random.shuffle(several)
        return ["load"] * len(subjects()) + several

    def draw(self, kind: str) -> Event:
        """The next event of a kind."""
        match kind:
            case "load":
                return self._loaded(subjects()[len(self._facts)])
            case "change":
                return self._changed(self.random.choice(subjects()))
            case "publish":
                return self._published()
            case "tick":
                self.day += self.random.randrange(1, 20)
                return tick(self.day)
            case "poison":
                return self._poison()
            case _:
                return _statement()

    def eligible(self) -> set[tuple[str, str]]:
        """Who qualifies for what, (subject, policy), once all that was drawn is decided."""
        return {(s, p) for s, facts in self._facts.items() for p, version in self.policies.items() if version
                and facts["kind"] == "enterprise" and self._holds(p, version, facts)}  # fmt: skip

    def _holds(self, policy_id: str, version: int, facts: dict[str, Any]) -> bool:
        match policy_id:
            case "SMALL":
                return facts.get("staff") is not None and facts["staff"] <= (30 if version == 1 else 10)
            case "HONEST":
                return facts.get("honest") is True
            case _:
                today = BEGIN.date() + timedelta(days=self.day)
                established = date.fromisoformat(facts["established_on"])
                return established.replace(year=established.year + 3) <= today

    def _loaded(self, subject: str) -> Event:
        established = date(2021, 1, 1) + timedelta(days=self.random.randrange(1, 40))
        facts = {
            "kind": KINDS[self.random.random() < 0.1],
            "region": "210102",
            "established_on": established.isoformat(),
        }
        self._facts[subject] = {}
        return self._change(subject, "market-supervision", facts)

    def _changed(self, subject: str) -> Event:
        drawn = self.random.random()
        if drawn < 0.6:
            staff = self.random.choice((5, 9, 12, 25, 31, 40, None))
            return self._change(subject, "human-resources", {"staff": staff}, stale=drawn < 0.05)
        if drawn < 0.9:
            return self._change(subject, "courts", {"honest": self.random.choice((True, False, None))})
        return self._change(subject, "tax", {"listed": True})  # taken or refused: it depends on when it is judged

    def _change(self, subject: str, provider: str, facts: dict[str, Any], *, stale: bool = False) -> Event:
        """What a provider says; `stale`: with a version already given."""
        last = self._versions.get((subject, provider), 0)
        version = max(1, last) if stale else last + 1
        if version > last:
            self._facts[subject].update(facts)
        self._versions[subject, provider] = version
        data = json.dumps({"version": version, "effective_at": "2023-12-01T00:00:00Z", "facts": facts})
        return self._event(changes_topic(provider), subject, data)

    def _published(self) -> Event:
        choices = [publication(p, "publish") for p in (SMALL, HONEST, AGED) if p not in self.policies]
        if self.policies.get(SMALL) == 1:
            choices.append(publication(SMALL, "amend", 2))
        if self.policies.get(HONEST) == 1:
            choices.append(publication(HONEST, "withdraw"))
        if not choices or self.random.random() < 0.1:
            return publication(AGED, "publish") if AGED in self.policies else self._poison()
        chosen = self.random.choice(choices)
        data = json.loads(chosen[1].value or b"")
        policy_id = (chosen[1].key or b"").decode()
        self.policies[policy_id] = data["policy"]["version"] if "policy" in data else None
        return chosen

    def _poison(self) -> Event:
        """What intake must refuse, and only that."""
        drawn, subject = self.random.randrange(4), self.random.choice(subjects())
        if drawn == 0:
            return TopicPartition(changes_topic("tax"), 0), New(None, self.random.randbytes(20), ())
        if drawn == 1:
            return TopicPartition(PUBLICATIONS, 0), New(b"SMALL", self.random.randbytes(20), ())
        facts = {"staff": 3} if drawn == 2 else {"honest": "perhaps"}
        data = json.dumps({"version": 1_000, "effective_at": "2023-12-01T00:00:00Z", "facts": facts})
        return self._event(changes_topic("courts"), subject, data)

    def _event(self, topic: str, subject: str, data: str) -> Event:
        """In the subject's partition, as senders keep them in order."""
        self._ids += 1
        partition = subjects().index(subject) % 2 if topic == changes_topic("human-resources") else 0
        return _event(topic, partition, subject, f"e{self._ids}", data)
