"""eligibility.decisions.v1: who is eligible for what, why, and how much."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.events import Scalar
from schemas.identifiers import Subject
from schemas.model import Department, Identifier, Model, Moment, PeriodLabel


class Verdict(StrEnum):
    """事项匹配结论. Only `eligible` and the ways out of it are emitted."""

    ELIGIBLE = "eligible"  # every condition is true
    INELIGIBLE = "ineligible"  # a condition is now false
    UNDETERMINED = "undetermined"  # a fact that carried it was retracted: unknown is never false
    ENDED = "ended"  # the policy's or the period's end; nothing was wrong
    WITHDRAWN = "withdrawn"  # the policy was withdrawn


class MatchKey(Model):
    """What a decision is about; unused parts are `-`."""

    subject: Subject = Field(description="who")
    policy: Identifier = Field(description="for what")
    period: PeriodLabel | Literal["-"] = Field(default="-", description="for when, where the policy grants per period")
    item: Identifier | Literal["-"] = Field(default="-", description="for which item, where it decides for each")

    def __str__(self) -> str:
        return f"{self.subject}|{self.policy}|{self.period}|{self.item}"


class FactSource(Model):
    """A base fact behind a derived one, as it was said, or as missing (`observed` null)."""

    fact: str = Field(description="the base fact")
    period: PeriodLabel | Literal["-"] = Field(default="-", description="its period")
    item: Identifier | Literal["-"] = Field(default="-", description="the item of its list")
    observed: Scalar | None = Field(default=None, description="what the provider said; null: missing")
    provider: Department = Field(description="who said it, or holds it when it is missing")
    provider_version: int | None = Field(default=None, description="the version of the provider that last changed it")
    complete_as_of: date | None = Field(default=None, description="absent from a list complete from this day on")


class Reason(Model):
    """One condition's value and the fact it rests on."""

    condition: str = Field(description="as one reads it: employees_in_post ≤ 30")
    value: bool | None = Field(description="null: unknown")
    fact: str | None = Field(default=None, description="the fact it rests on")
    period: PeriodLabel | None = Field(default=None, description="the fact's period")
    item: Identifier | None = Field(default=None, description="the item of the fact's list")
    observed: Scalar | None = Field(default=None, description="what the provider said; null: missing")
    provider: Department | None = Field(default=None, description="who said it, or who holds it when it is missing")
    provider_version: int | None = Field(default=None, description="the version of the provider that last changed it")
    complete_as_of: date | None = Field(default=None, description="absent from a list complete from this day on")
    inputs: list[FactSource] = Field(default_factory=list, description="for a derived fact, what it follows from")
    inputs_left_out: int = Field(default=0, description="how many more inputs there are than are named")


class Amount(Model):
    """元, with the arithmetic that led to it; where the value is null, `arithmetic` says why."""

    value: str | None = Field(description="an exact decimal as text")
    arithmetic: str = Field(description="as one reads it: 0.6 × premium_paid[2023] 1930.46 = 1158.28")


class JournalPosition(Model):
    partition: int = Field(description="of eligibility.journal.v1")
    offset: int = Field(description="of the record that led to it")


class Decision(Model):
    """One verdict on one match, at one journal position."""

    match: MatchKey = Field(description="what it is about")
    verdict: Verdict = Field(description="what holds now")
    policy_version: int = Field(description="the version of the policy by which it holds")
    as_of: Moment = Field(description="the moment in business terms at which the verdict holds")
    reasons: list[Reason] = Field(description="the conditions with their values; none where no version acts")
    amount: Amount | None = Field(
        default=None, description="null where no amount is due or the verdict is not `eligible`"
    )
    journal: JournalPosition = Field(description="where in the journal it was decided")
    effect_id: str = Field(description="the same at every replay: drop one you have seen")
