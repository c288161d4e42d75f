"""Which topics are contracts with others, and with which model; the rest is internal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.catalogue import CatalogueStatement
from schemas.decisions import Decision
from schemas.events import DeliveryReceipt, PolicyPublication, RegistryChange, RosterEntry, SubjectCommand
from schemas.model import Model
from schemas.notices import Notice
from schemas.rejected import Rejected
from schemas.topics import (
    CATALOGUE,
    COMMANDS,
    CONTROL,
    DECISIONS,
    JOURNAL,
    NOTICES,
    PROVIDERS,
    PUBLICATIONS,
    RECEIPTS,
    REJECTED,
    ROSTERS,
    STATE,
    STATEMENTS,
    Topic,
    changes_topic,
    data_schema,
)


@dataclass(frozen=True)
class Contract:
    """One `dataschema`: the model of its data, and the topics that carry it, all alike but for who writes.

    `way`: `in` for what others write and zhida reads, `out` for what zhida writes and others read.
    """

    model: type[Model]
    topics: tuple[Topic, ...]
    way: Literal["in", "out"]
    signed: bool = False

    @property
    def topic(self) -> Topic:
        """The topic, or the first where there is one per provider."""
        return self.topics[0]

    @property
    def dataschema(self) -> str:
        """The name and version of the data's schema, such as registry.changes/1."""
        return data_schema(self.topic.name) if self.way == "in" else f"{self.topic.event_type}/1"

    @property
    def name(self) -> str:
        """The dataschema without its version: the name of its page."""
        return self.dataschema.split("/")[0]

    @property
    def version(self) -> str:
        """The dataschema's version."""
        return self.dataschema.split("/")[1]

    @property
    def file(self) -> str:
        """The schema's file name: the dataschema with `-` for its slash."""
        return f"{self.name}-{self.version}.json"

    @property
    def per_provider(self) -> bool:
        """Whether each provider has a topic of its own."""
        return len(self.topics) > 1

    @property
    def address(self) -> str:
        """The topic's name, with `{provider}` where each provider has its own."""
        return changes_topic("{provider}") if self.per_provider else self.topic.name

    @property
    def event_type(self) -> str:
        """The CloudEvents type, with `{provider}` where each provider has its own."""
        return self.address.rsplit(".", 1)[0]


def _in(topic: str, model: type[Model], *, signed: bool = False) -> Contract:
    return Contract(model, (CATALOGUE[topic],), "in", signed)


def _out(topic: str, model: type[Model]) -> Contract:
    return Contract(model, (CATALOGUE[topic],), "out")


CONTRACTS: tuple[Contract, ...] = (
    Contract(RegistryChange, tuple(CATALOGUE[changes_topic(provider)] for provider in PROVIDERS), "in"),
    _in(ROSTERS, RosterEntry, signed=True),
    _in(PUBLICATIONS, PolicyPublication, signed=True),
    _in(STATEMENTS, CatalogueStatement, signed=True),
    _in(COMMANDS, SubjectCommand),
    _in(RECEIPTS, DeliveryReceipt),
    _out(DECISIONS, Decision),
    _out(NOTICES, Notice),
    _out(REJECTED, Rejected),
)
INTERNAL: tuple[Topic, ...] = tuple(CATALOGUE[name] for name in (CONTROL, JOURNAL, STATE))
