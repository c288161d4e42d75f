"""The data of every event that comes in, one model per topic; the field list is the contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.identifiers import Subject
from schemas.model import Count, Flag, Identifier, Model, Moment, Name, Number
from schemas.policy import Policy

Scalar = bool | int | Annotated[str, Field(max_length=200)]
"""A fact's value on the wire; which form is right, the fact catalogue says."""


def _no_float(given: Any) -> Any:
    for value in given.values() if isinstance(given, dict) else [given]:
        if not isinstance(value, bool | int | str | None):
            raise ValueError('is a truth value, an integer, null or text, such as "1.10"; never a float')
    return given


FactEntry = Annotated[Scalar | dict[Identifier, Scalar | None] | None, BeforeValidator(_no_float)]
"""A value, null to retract it (it becomes unknown); or {period: value or null} for a fact given per period, and
{item: value or null} for a fact of a list. An item is gone once all its facts are retracted."""


class RegistryChange(Model):
    """registry.changes.<provider>.v1: what a data provider now holds about one subject, or part of it."""

    version: Count = Field(
        ge=1, le=2**53, description="monotonic per provider and subject; a stale one changes nothing"
    )
    effective_at: Moment = Field(description="since when it holds in the world")
    facts: dict[Name, FactEntry] | None = Field(default=None, description="the facts that changed, by name")
    erase: Literal[True] | None = Field(default=None, description="a person's right to erasure")
    identity: Identity | None = Field(default=None, description="the subject goes on under another key")

    @model_validator(mode="after")
    def _one_change(self) -> Self:
        if sum(change is not None for change in (self.facts, self.erase, self.identity)) != 1:
            raise ValueError("give one of facts, erase, identity")
        if self.facts is not None and not self.facts:
            raise ValueError("facts: give at least one")
        return self


class Identity(Model):
    """Re-registration, merger, or a move to another region."""

    new_id: Subject = Field(description="the key it goes on under")


class PolicyPublication(Model):
    """policy.publications.v1: only the making department publishes, amends or withdraws (N7)."""

    action: Literal["publish", "amend", "withdraw"] = Field(
        description="`publish` a policy, `amend` it with a new version, or `withdraw` it"
    )
    policy: Policy | None = Field(default=None, description="the whole document; absent when withdrawn")
    effective_at: Moment = Field(description="from when it acts; never earlier than it becomes known")
    reason: str = Field(min_length=1, max_length=500, description="why, for the record")

    @model_validator(mode="after")
    def _document(self) -> Self:
        if (self.action == "withdraw") != (self.policy is None):
            raise ValueError(f"policy: the whole document is given to publish or amend, and only then ({self.action})")
        return self


class RosterEntry(Model):
    """roster.entries.v1: one line of the list an implementing department supplies (名单类)."""

    policy: Identifier = Field(description="the policy whose list this is")
    roster_version: Count = Field(ge=1, le=2**53, description="monotonic per policy, subject and item")
    member: Flag = Field(description="whether the subject is on the list")
    amount: Number | None = Field(default=None, description="元, where the department sets it per entry")
    grade: Identifier | None = Field(default=None, description="a grade that the policy's benefit names")
    item: Identifier | None = Field(default=None, description="what it is for, where one subject can have several")


class SubjectCommand(Model):
    """subject.commands.v1: what a subject, or somebody on its behalf, asks for."""

    command: Literal[
        "subscribe", "consent", "waive", "apply", "supplement", "ask", "report", "rate", "prefer", "read"
    ] = Field(description="what is asked for")
    arguments: dict[Name, Scalar | list[Scalar] | None] = Field(
        default_factory=dict, description="what the command needs, by name"
    )
    issued_at: Moment = Field(description="when it was asked")
    on_behalf_of: Subject | None = Field(default=None, description="the subject it is asked for, where another asks")


class DeliveryReceipt(Model):
    """delivery.receipts.v1: what became of a notice."""

    notice: str = Field(min_length=1, max_length=200, description="the notice's effect_id")
    gateway: Name = Field(description="which gateway says so")
    status: Literal["delivered", "failed", "seen", "acted"] = Field(description="what became of it")
    at: Moment = Field(description="when")


RegistryChange.model_rebuild()
