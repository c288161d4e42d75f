"""eligibility.decisions.v1: who is eligible for what, why, and how much."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.events import Scalar
from schemas.identifiers import Subject
from schemas.model import Department, Identifier, Model, Moment, PeriodLabel


class Verdict(StrEnum):
    """事项匹配结论. Only `eligible` and the ways out of it are emitted."""

    ELIGIBLE = "eligible"
    INELIGIBLE = "ineligible"  # a condition is now false
    UNDETERMINED = "undetermined"  # a fact that carried it was retracted: unknown is never false
    ENDED = "ended"  # the policy's or the period's end; nothing was wrong
    WITHDRAWN = "withdrawn"  # the policy was withdrawn


class MatchKey(Model):
    """What a decision is about; unused parts are `-`."""

    subject: Subject
    policy: Identifier
    period: PeriodLabel | Literal["-"] = "-"
    item: Identifier | Literal["-"] = "-"

    def __str__(self) -> str:
        return f"{self.subject}|{self.policy}|{self.period}|{self.item}"


class FactSource(Model):
    """A base fact behind a derived one, as it was said, or as missing (`observed` null)."""

    fact: str
    period: PeriodLabel | Literal["-"] = "-"
    observed: Scalar | None = None
    provider: Department
    provider_version: int | None = None


class Reason(Model):
    """One condition's value and the fact it rests on."""

    condition: str = Field(description="as one reads it: employees_in_post ≤ 30")
    value: bool | None = Field(description="null: unknown")
    fact: str | None = None
    period: PeriodLabel | None = None
    observed: Scalar | None = Field(default=None, description="what the provider said; null: missing")
    provider: Department | None = Field(default=None, description="who said it, or who holds it when it is missing")
    provider_version: int | None = Field(default=None, description="the version of the provider that last changed it")
    inputs: list[FactSource] = Field(default_factory=list, description="for a derived fact, what it follows from")


class Amount(Model):
    """元, with the arithmetic that led to it; where the value is null, `arithmetic` says why."""

    value: str | None
    arithmetic: str


class JournalPosition(Model):
    partition: int
    offset: int


class Decision(Model):
    """One verdict on one match, at one journal position."""

    match: MatchKey
    verdict: Verdict
    policy_version: int
    as_of: Moment = Field(description="the moment in business terms at which the verdict holds")
    reasons: list[Reason]
    amount: Amount | None = None
    journal: JournalPosition
    effect_id: str
