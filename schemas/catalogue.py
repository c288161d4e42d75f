"""The fact catalogue (N17): which facts exist, who provides each, how a value is written; and the working days."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.model import Count, Day, Department, Flag, Model, Moment, Name, Text


class FactType(StrEnum):
    """How a fact's value is written on the wire."""

    INTEGER = "integer"  # JSON integer
    DECIMAL = "decimal"  # exact decimal as text, in the declared unit
    BOOLEAN = "boolean"  # true or false
    DATE = "date"  # 2024-07-01
    CODE = "code"  # one of the declared codes
    IDENTIFIER = "identifier"  # an id of ours or the provider's: a policy, a trade, a certificate
    REGION = "region"  # a code of the region tree
    INDUSTRY = "industry"  # GB/T 4754-2017, section letter and digits


class PeriodKind(StrEnum):
    """What a period-indexed fact is indexed by."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class FactDeclaration(Model):
    """One base fact: its owner, its type and what it means."""

    name: Name = Field(description="as changes and conditions name it")
    title: Text = Field(description="as people read it")
    provider: Department = Field(description="the one provider that may say it")
    type: FactType = Field(description="how its value is written")
    unit: str | None = Field(default=None, max_length=20, description="元, persons, months …; shown, not computed with")
    period: PeriodKind | None = Field(default=None, description="given per month, quarter or year")
    list: Name | None = Field(default=None, description="given per item of this list")
    officer_checked: Flag = Field(
        default=False, description="an officer's answer on what no registry holds; unknown until it is given"
    )
    codes: dict[Name, Text] | None = Field(default=None, description="the codes of a `code` fact")

    @model_validator(mode="after")
    def _codes_where_needed(self) -> Self:
        if (self.type is FactType.CODE) != bool(self.codes):
            raise ValueError(f"fact {self.name}: `codes` are given for type `code`, and only for it")
        if self.period is not None and self.list is not None:
            raise ValueError(f"fact {self.name}: given per period or per item of a list, not both")
        return self


class ListDeclaration(Model):
    """A list of items of a subject, each described by the facts that name the list: hires, certificates, loans."""

    name: Name = Field(description="as facts and conditions name it")
    title: Text = Field(description="as people read it")
    provider: Department = Field(description="the one provider that may say what is in it")


class CompleteList(Model):
    """A provider's word that a list is complete from a day on: who or what is not in it by then is not on it.

    Later additions come as changes. Without it, absence says nothing.
    """

    name: Name = Field(description="a boolean fact, such as dishonest_list, or a declared list, such as incidents")
    as_of: Day | None = Field(description="null takes the word back: absence is unknown again")


class CalendarYear(Model):
    """The official working days of a year: where it departs from Monday to Friday."""

    year: Count = Field(ge=1900, le=2200, description="the calendar year")
    days_off: list[Day] = Field(description="Mondays to Fridays that are no working days")
    working_days: list[Day] = Field(description="Saturdays and Sundays that are working days")

    @model_validator(mode="after")
    def _within_the_year(self) -> Self:
        for name, days, weekend in (("days_off", self.days_off, False), ("working_days", self.working_days, True)):
            for day in days:
                if day.year != self.year or (day.weekday() >= 5) != weekend:
                    kind = "a Saturday or Sunday" if weekend else "a Monday to Friday"
                    raise ValueError(f"{name}: {day} is not {kind} of {self.year}")
        return self


PublicKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""A raw Ed25519 public key of 32 bytes, base64."""


class SenderKey(Model):
    """A department's public key, with which its signed events are verified."""

    department: Department = Field(description="whose key it is")
    key_id: Name = Field(description="as `ce_senderkey` names it")
    public_key: PublicKey = Field(description="its public half")


class CatalogueStatement(Model):
    """catalogue.statements.v1: what may be said, by whom, and when offices work; later statements add and replace."""

    kind: Literal["catalogue"] = "catalogue"
    effective_at: Moment = Field(description="from when it is meant")
    facts: list[FactDeclaration] = Field(default_factory=list, description="facts declared, or declared anew")
    lists: list[ListDeclaration] = Field(default_factory=list, description="lists declared")
    complete: list[CompleteList] = Field(default_factory=list, description="lists that are complete from a day on")
    calendars: list[CalendarYear] = Field(default_factory=list, description="working days, by year")
    keys: list[SenderKey] = Field(default_factory=list, description="keys with which departments sign")
