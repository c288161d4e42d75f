"""The same decisions as a textbook Faust app makes them: `python -m bench.pipeline.textbook BOOTSTRAP FOLDER GUARANTEE
POLICIES SEED`.

One table, one agent, an event at a time: the data is validated by a pydantic model, the subject's row is taken from the
table and put back, the policies that read a changed fact are evaluated one by one, and each flip is sent as a decision
and, where there is news, as a push. What a competent programmer would also do is done: policies are compiled to
closures whose most selective tests come first, facts are kept as the numbers that those compare, and what is open is
kept beside them, so that each policy is evaluated once. Decisions are whole: with reasons, sources and amount, by the
plain evaluator, and again when any of these differs. It still does less than zhida: no signatures, no time, no
roll-outs, no reminders, no explanations.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import faust
from pydantic import BaseModel, Field

from bench.engine.closures import Closure, closure, in_order
from bench.engine.facts import DAY, FACTS, HUNDREDTHS, PLACE, PROVIDER
from bench.engine.ours import CATALOGUE, compiled
from bench.engine.rules import BenchPolicy, PolicyMaker, Row, policy_id
from bench.engine.subjects import SAID_AT, subjects
from eligibility.compile import CompiledPolicy
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.facts_view import FactsView
from eligibility.kleene import Truth
from eligibility.subject_file import FactValue, SubjectFile
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
    """What the table holds. `row`: a code per fact; `versions`: of the change that last set each.

    `open`: the policies it is eligible for, with the digest of what was decided; `told`: those it was told of and that
    were not taken back.
    """

    version: int
    row: Row
    versions: list[int]
    open: list[tuple[int, str]]
    told: list[int]


@dataclass(frozen=True)
class Flip:
    """What a change led to for one policy. `verdict`: of the decision, if one is due; `about`: of the push."""

    policy: int
    verdict: Verdict | None
    about: NoticeTopic | None
    evaluation: Evaluation | None = None


class Rules:
    """Policies by the facts they read."""

    def __init__(self, policies: Sequence[BenchPolicy]) -> None:
        sample = subjects(ORDERING_SAMPLE, 0.1, 1)
        rows = [sample.row(number) for number in range(ORDERING_SAMPLE)]
        self.every: list[Closure] = [closure(in_order(policy, rows)) for policy in policies]
        self.policies = policies
        self._compiled: dict[int, CompiledPolicy] = {}
        self.reading: list[list[int]] = [[] for _ in FACTS]
        for policy in policies:
            for place in policy.places:
                self.reading[place].append(policy.key)

    def evaluate(self, key: int, view: FactsView) -> Evaluation:
        """What a policy means for a subject, with its reasons and its amount."""
        if key not in self._compiled:
            self._compiled[key] = compiled(self.policies[key])
        (evaluation,) = evaluate(self._compiled[key], view)
        return evaluation

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


def decided(
    rules: Rules, row: Row, versions: Sequence[int], places: Sequence[int], opened: dict[int, str], told: set[int]
) -> Iterator[Flip]:
    """The decisions and pushes that follow from a row some of whose facts changed; the rest is brought up to date.

    A match whose reasons, sources or amount differ is decided anew.
    """
    before = set(opened)
    flips = {flip.policy: flip for flip in rules.flips(row, places, set(opened), told)}
    restated = {key for place in places for key in rules.reading[place] if key in before} - flips.keys()
    view = view_of(subject(row, versions), CATALOGUE, DAY)
    for key in sorted(flips.keys() | restated):
        flip = flips.get(key) or Flip(key, Verdict.ELIGIBLE, None)
        if flip.verdict is None:
            yield flip
            continue
        evaluation = rules.evaluate(key, view)
        if flip.verdict is not Verdict.ELIGIBLE:
            del opened[key]
        elif opened.get(key) == evaluation.digest:
            continue
        else:
            opened[key] = evaluation.digest
        yield replace(flip, evaluation=evaluation)


def subject(row: Row, versions: Sequence[int]) -> SubjectFile:
    """A row as the plain evaluator reads it."""
    facts = {
        fact.key: FactValue(fact.value(code), PROVIDER, version, SAID_AT, SAID_AT)
        for fact, code, version in zip(FACTS, row, versions, strict=True)
        if code is not None
    }
    return SubjectFile("", facts)


def beginning(rules: Rules, row: Row) -> Subject:
    """What the table holds of a subject before its history begins."""
    opened, versions = sorted(rules.opened(row)), [1] * len(row)
    view = view_of(subject(row, versions), CATALOGUE, DAY)
    digests = [(key, rules.evaluate(key, view).digest) for key in opened]
    return Subject(version=1, row=row, versions=versions, open=digests, told=opened)


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


def taken(row: Row, versions: list[int], change: RegistryChange) -> list[int]:
    """Write a change into a row; returns the places that it says something about."""
    places = []
    for name, given in change.facts.items():
        place, read = READERS[name]
        for value in given.values() if isinstance(given, dict) else (given,):
            code = None if value is None else read(value)
            if code != row[place]:
                row[place], versions[place] = code, change.version
        places.append(place)
    return places


def grounds(flip: Flip) -> dict[str, Any]:
    """Why, and how much."""
    assert flip.evaluation is not None
    amount = flip.evaluation.amount
    return {
        "reasons": [reason.model_dump(mode="json") for reason in flip.evaluation.reasons],
        "amount": None if amount is None else amount.model_dump(mode="json"),
    }


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
            row, versions = known["row"], known["versions"]
            opened, told = {policy: digest for policy, digest in known["open"]}, set(known["told"])
            places = taken(row, versions, change)
            flips = list(decided(rules, row, versions, places, opened, told))
            table[key] = {
                "version": change.version,
                "row": row,
                "versions": versions,
                "open": sorted(opened.items()),
                "told": sorted(told),
            }
            for flip in flips:
                what = {"subject": key, "policy": policy_id(flip.policy), "version": change.version}
                if flip.verdict is not None:
                    await decisions.send(key=key, value={**what, "verdict": flip.verdict.value, **grounds(flip)})
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
