"""The journal: the one log per partition that decides everything, and the control records broadcast through it."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field, TypeAdapter

from schemas.catalogue import CatalogueStatement, PublicKey
from schemas.events import DeliveryReceipt, PolicyPublication, RosterEntry, SubjectCommand
from schemas.identifiers import Subject
from schemas.model import Department, Identifier, Model, Moment, Name, PeriodLabel
from schemas.origin import Origin as Origin
from schemas.rejected import Rejected

ENGINE = "4"
"""The engine version written into each epoch: exact replay is promised within one."""


class Epoch(Model):
    """The first control record: which engine, whose clock, whose key signs the catalogue."""

    kind: Literal["epoch"] = "epoch"
    engine: str = ENGINE
    clock: Literal["wall", "world"]
    now: Moment
    authority_key: PublicKey


class TopicGeneration(Model):
    """`zhida topics apply` has created a topic; `generation` is the origin id of its records."""

    kind: Literal["topic"] = "topic"
    name: str
    generation: str


class CatalogueControl(Model):
    """A catalogue statement accepted by intake."""

    kind: Literal["catalogue"] = "catalogue"
    origin: Origin
    statement: CatalogueStatement


class PolicyControl(Model):
    """A policy publication accepted by intake."""

    kind: Literal["policy"] = "policy"
    origin: Origin
    policy_id: Identifier
    publication: PolicyPublication


class Tick(Model):
    """Time: everything that had arrived by `at` stands before it."""

    kind: Literal["tick"] = "tick"
    at: Moment


ControlRecord = Annotated[
    Epoch | TopicGeneration | CatalogueControl | PolicyControl | Tick, Field(discriminator="kind")
]


class Entry(Model):
    """What each journal record that came from a source carries."""

    origin: Origin
    arrived_at: Moment = Field(description="the source's append time, or the world's now")


class NormalFact(NamedTuple):
    """One fact of a change, normalised by intake so that it can be taken without the catalogue: null retracts it.

    `value`: true, false or an integer as they are; else text behind a tag, `n:` an exact rational, `d:` a date,
    `s:` a code.
    """

    name: Name
    period: PeriodLabel | Literal["-"]
    item: Identifier | Literal["-"]
    value: bool | int | str | None


class ChangeEntry(Entry):
    """A provider's change, valid and authorised."""

    kind: Literal["change"] = "change"
    provider: Department
    subject: Subject
    version: int
    effective_at: Moment
    facts: list[NormalFact]


class RosterEntryRecord(Entry):
    """A line of a roster, and who signed it: it counts for a policy that department implements."""

    kind: Literal["roster"] = "roster"
    subject: Subject
    department: Department
    data: RosterEntry


class CommandEntry(Entry):
    """A subject's command."""

    kind: Literal["command"] = "command"
    subject: Subject
    data: SubjectCommand


class ReceiptEntry(Entry):
    """A gateway's receipt."""

    kind: Literal["receipt"] = "receipt"
    subject: Subject
    data: DeliveryReceipt


class RefusedEntry(Model):
    """A source record that intake refuses: told once, and never taken as well, whoever judges it again.

    It stands in the partition in which it would stand accepted.
    """

    kind: Literal["refused"] = "refused"
    rejected: Rejected

    @property
    def origin(self) -> Origin:
        """Where the record stands."""
        return self.rejected.origin


class ControlEntry(Model):
    """A control record in one partition's journal; `sequence` is its offset in control.v1, dense from 0."""

    kind: Literal["control"] = "control"
    sequence: int = Field(ge=0)
    record: ControlRecord


class Pump(Model):
    """Appended by a partition's owner to drive a roll-out by one slice; n is consumed once."""

    kind: Literal["pump"] = "pump"
    n: int = Field(ge=1)


SubjectEntry = ChangeEntry | RosterEntryRecord | CommandEntry | ReceiptEntry
"""What intake makes of a record about one subject."""

JournalRecord = Annotated[SubjectEntry | RefusedEntry | ControlEntry | Pump, Field(discriminator="kind")]

control_record: TypeAdapter[ControlRecord] = TypeAdapter(ControlRecord)
journal_record: TypeAdapter[JournalRecord] = TypeAdapter(JournalRecord)
