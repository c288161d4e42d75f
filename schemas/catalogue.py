"""The fact catalogue (N17): which facts exist, who provides each, and how a value is written."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.model import Department, Model, Moment, Name, Text


class FactType(StrEnum):
    """How a fact's value is written on the wire."""

    INTEGER = "integer"  # JSON integer
    DECIMAL = "decimal"  # exact decimal as text, in the declared unit
    BOOLEAN = "boolean"
    DATE = "date"  # 2024-07-01
    CODE = "code"  # one of the declared codes
    REGION = "region"  # a code of the region tree
    INDUSTRY = "industry"  # GB/T 4754-2017, section letter and digits


class PeriodKind(StrEnum):
    """What a period-indexed fact is indexed by."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class FactDeclaration(Model):
    """One base fact: its owner, its type and what it means."""

    name: Name
    title: Text
    provider: Department
    type: FactType
    unit: str | None = Field(default=None, max_length=20, description="元, persons, months …; shown, not computed with")
    period: PeriodKind | None = Field(default=None, description="given per month, quarter or year")
    codes: dict[Name, Text] | None = Field(default=None, description="the codes of a `code` fact")

    @model_validator(mode="after")
    def _codes_where_needed(self) -> Self:
        if (self.type is FactType.CODE) != bool(self.codes):
            raise ValueError(f"fact {self.name}: `codes` are given for type `code`, and only for it")
        return self


PublicKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""A raw Ed25519 public key of 32 bytes, base64."""


class SenderKey(Model):
    """A department's public key, with which its signed events are verified."""

    department: Department
    key_id: Name
    public_key: PublicKey


class CatalogueStatement(Model):
    """catalogue.statements.v1: facts declared and senders' keys made known; later statements add and replace."""

    kind: Literal["catalogue"] = "catalogue"
    effective_at: Moment
    facts: list[FactDeclaration] = Field(default_factory=list)
    keys: list[SenderKey] = Field(default_factory=list)
