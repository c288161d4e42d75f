"""The same decisions as a textbook Faust app makes them: `python -m bench.pipeline.textbook BOOTSTRAP FOLDER GUARANTEE
POLICIES SEED`.

One table, one agent, an event at a time: the data is validated by a pydantic model, the subject's row is taken from the
table and put back, the policies that read a changed fact are evaluated one by one, and each flip is sent as a decision
and, where there is news, as a push. What a competent programmer would also do is done: policies are compiled to
closures whose most selective tests come first, facts are kept as the numbers that those compare, and what is open is
kept beside them, so that each policy is evaluated once. It does less than zhida: no reasons, no amounts, no restated
decisions, no provenance, no signatures, no time, no roll-outs.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import faust
from pydantic import BaseModel, Field

from bench.engine.closures import Closure, closure, in_order
from bench.engine.facts import FACTS, HUNDREDTHS, PLACE
from bench.engine.rules import BenchPolicy, PolicyMaker, Row, policy_id
from bench.engine.subjects import subjects
from eligibility.kleene import Truth
from schemas.catalogue import FactType
from schemas.decisions import Verdict
from schemas.notices import NoticeTopic

GUARANTEES = ("at_least_once", "exactly_once")
PARTITIONS = 4
ORDERING_SAMPLE = 200
"""Rows by which the closures put their tests in order."""

Said = bool | int | str | None


@dataclass(frozen=True)
class Names:
    """The app and its topics; `table`: the changelog that Faust derives from the app's id and the table's name."""

    app: str

    @classmethod
    def of(cls, guarantee: str) -> Names:
        """Each guarantee has an app of its own."""
        return cls(f"textbook-{guarantee}")

    @property
    def changes(self) -> str:
        return f"{self.app}.changes"

    @property
    def decisions(self) -> str:
        return f"{self.app}.decisions"

    @property
    def pushes(self) -> str:
        return f"{self.app}.pushes"

    @property
    def table(self) -> str:
        return f"{self.app}-subjects-changelog"


class RegistryChange(BaseModel):
    """The data of an event."""

    version: int = Field(ge=1)
    effective_at: datetime
    facts: dict[str, Said | dict[str, Said]] = Field(min_length=1)


class Subject(BaseModel):
    """What the table holds. `row`: a code per fact; `open`: the policies it is eligible for; `told`: those it was told
    of and that were not taken back."""

    version: int
    row: Row
    open: list[int]
    told: list[int]


@dataclass(frozen=True)
class Flip:
    """What a change led to for one policy. `verdict`: of the decision, if one is due; `about`: of the push."""

    policy: int
    verdict: Verdict | None
    about: NoticeTopic | None


class Rules:
    """Policies by the facts they read."""

    def __init__(self, policies: Sequence[BenchPolicy]) -> None:
        sample = subjects(ORDERING_SAMPLE, 0.1, 1)
        rows = [sample.row(number) for number in range(ORDERING_SAMPLE)]
        self.every: list[Closure] = [closure(in_order(policy, rows)) for policy in policies]
        self.reading: list[list[int]] = [[] for _ in FACTS]
        for policy in policies:
            for place in policy.places:
                self.reading[place].append(policy.key)

    def opened(self, row: Row) -> frozenset[int]:
        """The policies that a row is eligible for."""
        return frozenset(key for key, each in enumerate(self.every) if each(row))

    def flips(self, row: Row, places: Sequence[int], opened: set[int], told: set[int]) -> Iterator[Flip]:
        """What follows from a row some of whose facts changed; `opened` and `told` are brought up to date."""
        if len(places) == 1:
            concerned: Sequence[int] = self.reading[places[0]]
        else:
            concerned = sorted({key for place in places for key in self.reading[place]})
        for key in concerned:
            holds = self.every[key](row)
            if holds or key in opened or key in told:
                flip = _flip(key, holds, opened, told)
                if flip is not None:
                    yield flip


def _flip(key: int, holds: Truth, opened: set[int], told: set[int]) -> Flip | None:
    verdict, about = None, None
    if holds and key not in opened:
        opened.add(key)
        verdict = Verdict.ELIGIBLE
        if key not in told:
            told.add(key)
            about = NoticeTopic.ELIGIBLE
    elif not holds and key in opened:
        opened.discard(key)
        verdict = Verdict.UNDETERMINED if holds is None else Verdict.INELIGIBLE
    if holds is False and key in told:
        told.discard(key)
        about = NoticeTopic.NO_LONGER_ELIGIBLE
    return None if verdict is None and about is None else Flip(key, verdict, about)


def beginning(rules: Rules, row: Row) -> Subject:
    """What the table holds of a subject before its history begins."""
    opened = sorted(rules.opened(row))
    return Subject(version=1, row=row, open=opened, told=opened)


def _readers() -> Mapping[str, tuple[int, Callable[[Any], int]]]:
    """By fact: its place, and how its value becomes a code."""
    readers: dict[str, tuple[int, Callable[[Any], int]]] = {}
    for fact in FACTS:
        read: Callable[[Any], int]
        if fact.codes:
            read = {code: place for place, code in enumerate(fact.codes)}.__getitem__
        elif fact.type is FactType.DECIMAL:
            read = _hundredths
        elif fact.type is FactType.DATE:
            read = _ordinal
        else:
            read = int
        readers[fact.name] = PLACE[fact.name], read
    return readers


def _hundredths(text: str) -> int:
    return int(Decimal(text) * HUNDREDTHS)


def _ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


READERS = _readers()


def taken(row: Row, change: RegistryChange) -> list[int]:
    """Write a change into a row; returns the places that it says something about."""
    places = []
    for name, given in change.facts.items():
        place, read = READERS[name]
        for value in given.values() if isinstance(given, dict) else (given,):
            row[place] = None if value is None else read(value)
        places.append(place)
    return places


def create_app(bootstrap: str, folder: Path, guarantee: str, policies: Sequence[BenchPolicy]) -> faust.App:
    """The app. Its topics exist already; all else is as Faust has it by default."""
    names, rules = Names.of(guarantee), Rules(policies)
    app = faust.App(
        names.app,
        broker=f"aiokafka://{bootstrap}",
        datadir=str(folder),
        store="memory://",
        processing_guarantee=guarantee,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
    )
    changes = app.topic(names.changes, key_type=str, key_serializer="raw", value_serializer="raw")
    decisions = app.topic(names.decisions, key_serializer="raw", value_serializer="json")
    pushes = app.topic(names.pushes, key_serializer="raw", value_serializer="json")
    table = app.Table("subjects", partitions=PARTITIONS)

    @app.agent(changes)
    async def decide(events: Any) -> None:
        async for key, value in events.items():
            change = RegistryChange.model_validate_json(value)
            known = table[key]
            if change.version <= known["version"]:
                continue
            row, opened, told = known["row"], set(known["open"]), set(known["told"])
            places = taken(row, change)
            flips = list(rules.flips(row, places, opened, told))
            table[key] = {"version": change.version, "row": row, "open": sorted(opened), "told": sorted(told)}
            for flip in flips:
                what = {"subject": key, "policy": policy_id(flip.policy), "version": change.version}
                if flip.verdict is not None:
                    await decisions.send(key=key, value={**what, "verdict": flip.verdict.value})
                if flip.about is not None:
                    await pushes.send(key=key, value={**what, "about": flip.about.value})

    return app


def main() -> None:
    """Run the app as `faust worker` does."""
    bootstrap, folder, guarantee, policies, seed = sys.argv[1:]
    app = create_app(bootstrap, Path(folder), guarantee, PolicyMaker(int(seed)).policies(int(policies)))
    faust.Worker(app, loglevel=logging.INFO, logfile=None).execute_from_commandline()


if __name__ == "__main__":
    os.environ.setdefault("NO_COLOR", "1")
    main()
