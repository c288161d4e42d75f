"""What the pipeline is given: the engine bench's facts, policies and subjects, as a registry and departments send them.

A history is one sequence of changes in which each follows from the subject's facts as they stand, so that every side
of the comparison can be given the same beginning of it. All is encoded before any clock runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import numpy as np

from bench.engine.facts import DAY, FACTS, KIND, LAST_YEAR, NUMERIC, PLACE, REGION, of_types
from bench.engine.rules import PolicyMaker, Row
from bench.engine.subjects import ALWAYS_KNOWN, CHANGES, DRIFT, NEW_VALUE, SEVERAL, Change
from bench.engine.subjects import subjects as drawn
from eligibility.business_time import start_of
from eligibility.values import shown
from schemas.catalogue import FactDeclaration, FactType
from schemas.cloudevents import Headers, to_headers
from schemas.events import Scalar
from schemas.identifiers import journal_partition
from schemas.topics import CATALOGUE as TOPICS
from schemas.topics import JOURNAL_PARTITIONS, PUBLICATIONS, STATEMENTS, changes_topic
from streams.judge import AUTHORITY
from zhida.keyring import Keyring
from zhida.messages import Message, attributes_of, keys_statement, message
from zhida.world.credit_codes import credit_code

SEED = 20250630
PROVIDER = "tax"
SOURCE = changes_topic(PROVIDER)
SOURCE_PARTITIONS = TOPICS[SOURCE].partitions
NULLS = 0.1
DISTINCT = 20_000
NOW = start_of(DAY) + timedelta(hours=12)
"""The world's clock: it stands there for the whole run."""

CHANGED_AT = datetime(2025, 6, 29, tzinfo=UTC)
FIRST_VERSION = 1
"""Of a subject's facts as they are loaded; its changes go on from there."""

EARLIEST_DATE = date(1900, 1, 1).toordinal()
DATES = of_types(FactType.DATE)
CHANGEABLE = tuple(place for place, fact in enumerate(FACTS) if fact.name not in ALWAYS_KNOWN)
ID, SUBJECT = (f"ce_{name}" for name in ("id", "subject"))


class Sent(NamedTuple):
    """A change, ready to be produced; `number`: its place in the history; `subject`: the subject's row."""

    number: int
    subject: int
    version: int
    change: Change
    key: bytes
    value: bytes
    headers: Headers

    @property
    def partition(self) -> int:
        """The source partition: a subject's changes keep their order."""
        return journal_partition(self.key.decode(), SOURCE_PARTITIONS)


class Workload:
    """Policies, and subjects with their keys; the same for the same numbers and seed.

    The first `distinct` subjects have rows of their own. Each other begins with the row of one of those of its journal
    partition, so that what follows from a row has to be worked out once only; its changes are its own.
    """

    def __init__(self, policies: int, subjects: int, distinct: int = DISTINCT, seed: int = SEED) -> None:
        self.seed = seed
        self.policies = PolicyMaker(seed).policies(policies)
        self.population = drawn(min(distinct, subjects), NULLS, seed)
        for place in DATES:  # the engine bench has firms of three centuries; the contract begins with 1900
            np.maximum(self.population.codes[place], EARLIEST_DATE, out=self.population.codes[place])
        self.keys: list[str] = []
        self.alike: list[int] = []
        self._add(subjects)
        attributes = attributes_of(SOURCE, id="-", source=f"/registries/{PROVIDER}", subject="-", time=CHANGED_AT)
        self._headers = to_headers(attributes)

    def _add(self, count: int) -> None:
        own: list[list[int]] = [[] for _ in range(JOURNAL_PARTITIONS)]
        kinds, regions = (self.population.codes[PLACE[fact.name]].tolist() for fact in (KIND, REGION))
        distinct = len(self.population)
        for number in range(count):
            kind, region = kinds[number % distinct], REGION.codes[regions[number % distinct]]
            key = credit_code(number, self.seed, kind == KIND.codes.index("individual_business"), region)
            here = own[journal_partition(key, JOURNAL_PARTITIONS)]
            if number < distinct:
                here.append(number)
            self.keys.append(key)
            self.alike.append(number if number < distinct else here[number % len(here)])

    def __len__(self) -> int:
        return len(self.keys)

    def row(self, subject: int) -> Row:
        """A subject's codes before its history begins."""
        return self.population.row(self.alike[subject])

    def history(self) -> Iterator[Sent]:
        """Changes without end, drawn from the seed as the engine bench's `ChangeMaker` draws them, but one upon the
        other: what a change finds is what the changes before it left."""
        draw = Random(f"{self.seed} history")
        rows: dict[int, tuple[int, Row]] = {}
        kinds, weights = list(CHANGES), list(CHANGES.values())
        number = 0
        while True:
            (kind,) = draw.choices(kinds, weights)
            subject = draw.randrange(len(self))
            version, before = rows.get(subject) or (FIRST_VERSION, self.row(subject))
            new = self._drawn(draw, kind, before)
            if not new:
                continue  # nothing of that kind can happen to it: another change happens instead
            after = before.copy()
            for place, code in new.items():
                after[place] = code
            rows[subject] = version + 1, after
            yield self._sent(number, subject, version + 1, Change(kind, before, after, tuple(sorted(new))))
            number += 1

    def catalogue_messages(self, ring: Keyring) -> list[Message]:
        """What is stated before a policy can be taken: the facts, and the key of the department that publishes."""
        facts = [each.model_dump(mode="json", exclude_none=True) for each in declarations()]
        attributes = attributes_of(STATEMENTS, id="facts", source="/catalogue", subject="catalogue", time=NOW)
        data = {"effective_at": NOW.isoformat(), "facts": facts}
        makers = sorted({policy.document["made_by"] for policy in self.policies})
        return [message(STATEMENTS, attributes, data, ring, AUTHORITY), keys_statement(ring, makers, NOW)]

    def publications(self, ring: Keyring) -> list[Message]:
        """Every policy, as its department publishes it."""
        return [publication(policy.document, ring) for policy in self.policies]

    def first(self, subject: int) -> Sent:
        """The change that says all of a subject's facts, before the history begins."""
        row = self.row(subject)
        known = tuple(place for place, code in enumerate(row) if code is not None)
        return self._sent(-1 - subject, subject, FIRST_VERSION, Change("first", [None] * len(row), row, known))

    def _sent(self, number: int, subject: int, version: int, change: Change) -> Sent:
        key = self.keys[subject].encode()
        filled = {ID: f"{PROVIDER}-{number}".encode(), SUBJECT: key}
        headers = [(name, filled.get(name, value)) for name, value in self._headers]
        value = change_value(version, change.after, change.places)
        return Sent(number, subject, version, change, key, value, headers)

    def _drawn(self, draw: Random, kind: str, row: Row) -> dict[int, int | None]:
        """The new codes by place; empty where the kind does not apply to the row."""
        match kind:
            case "several":
                drawn = {place: self._value(draw, place) for place in draw.sample(CHANGEABLE, SEVERAL)}
                return {place: code for place, code in drawn.items() if code != row[place]}
            case "null_to_value":
                unknown = [place for place in CHANGEABLE if row[place] is None]
                return {place: self._value(draw, place) for place in draw.sample(unknown, min(1, len(unknown)))}
        known = [place for place in CHANGEABLE if row[place] is not None]
        if not known:
            return {}
        place = draw.choice(known)
        if kind == "value_to_null":
            return {place: None}
        old = row[place]
        assert old is not None
        new = old
        if FACTS[place].type in NUMERIC and draw.random() >= NEW_VALUE:
            new = int(old * draw.lognormvariate(0, DRIFT))
        while new == old:
            new = self._value(draw, place)
        return {place: new}

    def _value(self, draw: Random, place: int) -> int:
        """A value some subject has, or would have were it known."""
        return int(self.population.codes[place][draw.randrange(len(self.population))])


def declarations() -> list[FactDeclaration]:
    """The facts, as those of a provider that has a topic."""
    return [fact.declaration().model_copy(update={"provider": PROVIDER}) for fact in FACTS]


def wire(place: int, code: int | None) -> Scalar | None:
    """A code as a registry writes it."""
    fact = FACTS[place]
    if code is None:
        return None
    if fact.type in NUMERIC:
        return fact.wire(code)
    return shown(fact.value(code))


def change_value(version: int, row: Row, places: Iterable[int]) -> bytes:
    """The data of an event that says what some facts of a row are now."""
    facts: dict[str, Any] = {}
    for place in places:
        said = wire(place, row[place])
        facts[FACTS[place].name] = {LAST_YEAR: said} if FACTS[place].yearly else said
    data = {"version": version, "effective_at": CHANGED_AT.isoformat(), "facts": facts}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def publication(document: dict[str, Any], ring: Keyring) -> Message:
    """A policy, as its department publishes it."""
    policy, maker = document["id"], document["made_by"]
    data = {"action": "publish", "policy": document, "effective_at": NOW.isoformat(), "reason": "for the benchmark"}
    attributes = attributes_of(
        PUBLICATIONS, id=f"publish-{policy}", source=f"/departments/{maker}", subject=policy, time=NOW
    )
    return message(PUBLICATIONS, attributes, data, ring, maker)


def everybody() -> dict[str, Any]:
    """A policy for which every subject is eligible."""
    (document,) = (policy.document for policy in PolicyMaker(SEED).policies(1))
    return {
        **document,
        "id": "BENCH-EVERYBODY",
        "region": REGION.codes[0],
        "subjects": list(KIND.codes),
        "conditions": {"all": [{"fact": REGION.name, "within": [REGION.codes[0]]}]},
    }
