"""A policy as a department publishes it: who it is for, under which conditions, with which benefit."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from schemas.catalogue import PeriodKind
from schemas.model import Count, Day, Department, Flag, Identifier, Model, Name, Number, Text


class SubjectKind(StrEnum):
    """主体: who a policy can be for."""

    ENTERPRISE = "enterprise"
    INDIVIDUAL_BUSINESS = "individual_business"
    PERSON = "person"


class Zone(StrEnum):
    """专区 of the notice: granted without applying, or delivered direct."""

    NO_APPLY = "no_apply"
    DIRECT = "direct"


class RelativePeriod(StrEnum):
    """A period as seen from the reference date."""

    THIS_YEAR = "this_year"
    LAST_YEAR = "last_year"
    THIS_QUARTER = "this_quarter"
    LAST_QUARTER = "last_quarter"
    THIS_MONTH = "this_month"
    LAST_MONTH = "last_month"


class Parameter(Model):
    """A reference to one of the policy's named, dated parameters."""

    parameter: Name


class DatedNumber(Model):
    """A parameter's value from a date on."""

    from_: Day = Field(alias="from")
    value: Count | Number


Bound = Count | Number | Parameter


class Interval(Model):
    """Bounds on a number; an absent bound is open."""

    from_: Bound | None = Field(default=None, alias="from", description="≥")
    above: Bound | None = Field(default=None, description=">")
    at_most: Bound | None = Field(default=None, description="≤")
    below: Bound | None = Field(default=None, description="<")

    def bounds(self) -> list[tuple[str, Bound]]:
        """The bounds given, as (operator, bound)."""
        pairs = [("≥", self.from_), (">", self.above), ("≤", self.at_most), ("<", self.below)]
        return [(operator, bound) for operator, bound in pairs if bound is not None]


class Comparison(Interval):
    """A fact held against bounds, a value, a set, a subtree, or an age; exactly one kind of test."""

    fact: Name
    period: RelativePeriod | None = Field(default=None, description="for period-indexed facts")
    equals: Flag | str | None = Field(default=None, description="the value itself: a code or a boolean")
    one_of: list[str] | None = Field(default=None, min_length=1, description="a set of codes")
    within: list[str] | None = Field(
        default=None, min_length=1, description="subtrees of the region or industry tree, by their codes"
    )
    years_ago: Interval | None = Field(default=None, description="whole years since a date fact, on the reference date")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [
            bool(self.bounds()),
            *(t is not None for t in (self.equals, self.one_of, self.within, self.years_ago)),
        ]
        if sum(tests) != 1:
            raise ValueError(f"condition on {self.fact}: give bounds, equals, one_of, within or years_ago, just one")
        return self


class AllOf(Model):
    """True when every part is."""

    all: list[Condition] = Field(min_length=1)


class AnyOf(Model):
    """True when some part is."""

    any: list[Condition] = Field(min_length=1)


class Not(Model):
    """True when its part is false; unknown stays unknown."""

    not_: Condition = Field(alias="not")


def _condition_tag(value: Any) -> str:
    for key, tag in (("all", "all"), ("any", "any"), ("not", "not"), ("not_", "not")):
        if key in value if isinstance(value, dict) else hasattr(value, key):
            return tag
    return "fact"


Condition = Annotated[
    Annotated[AllOf, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Comparison, Tag("fact")],
    Discriminator(_condition_tag),
]


class FactOf(Model):
    """A fact at a period, as a benefit's base."""

    fact: Name
    period: RelativePeriod | None = None


class Benefit(Model):
    """The standard by which an amount is computed; exactly one form.

    `fixed`: 元. `exempt`: the whole of a due. `rate` of a base, at most `cap` 元. `by_grade`: 元 by the roster's
    grade. `entry`: the amount stands in the roster's entry. `reduced_rate`: the rate now due where no base is shared.
    """

    fixed: Number | None = None
    exempt: Name | FactOf | None = None
    rate: Number | Parameter | None = None
    of: Name | FactOf | None = None
    cap: Number | None = None
    by_grade: dict[Identifier, Number] | None = None
    entry: Literal[True] | None = None
    reduced_rate: Number | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [self.fixed, self.exempt, self.rate, self.by_grade, self.entry, self.reduced_rate]
        if sum(form is not None for form in forms) != 1:
            raise ValueError("benefit: give one of fixed, exempt, rate, by_grade, entry, reduced_rate")
        if (self.rate is not None) != (self.of is not None):
            raise ValueError("benefit: `rate` and `of` go together")
        if self.cap is not None and self.rate is None:
            raise ValueError("benefit: `cap` goes with `rate`")
        return self

    def base(self) -> FactOf | None:
        """The fact the amount is a share of, if any."""
        base = self.exempt if self.exempt is not None else self.of
        return FactOf(fact=base) if isinstance(base, str) else base


class Rule(Model):
    """One step of the benefit: the first rule whose condition is true gives it; an unknown one stops the search."""

    when: Condition | None = None
    benefit: Benefit


class Validity(Model):
    """The days on which a policy holds, both included; no end means until it is withdrawn."""

    from_: Day = Field(alias="from")
    to: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to is not None and self.to < self.from_:
            raise ValueError(f"valid: ends on {self.to}, before it begins on {self.from_}")
        return self


class Policy(Model):
    """A published version is immutable; a change is a new version (amend) or a policy of its own (successor)."""

    id: Identifier
    version: Count = Field(default=1, ge=1, le=10_000)
    title: Text
    document: str = Field(min_length=1, max_length=200, description="document number 文号")
    clause: str | None = Field(default=None, max_length=100)
    issued_on: Day
    made_by: Department
    implemented_by: list[Department] = Field(min_length=1)
    region: str = Field(pattern=r"^[0-9]{2}([0-9]{2}([0-9A-Z]{2})?)?$", description="it holds here and below")
    zone: Zone
    list_kind: Literal["condition", "roster"] | None = Field(
        default=None, alias="list", description="条件类 or 名单类, for the no_apply zone"
    )
    kind: Literal["reduction", "award", "right", "qualification"]
    subjects: list[SubjectKind] = Field(min_length=1)
    valid: Validity
    claim: Validity | None = Field(default=None, description="the claim window, for the direct list")
    parameters: dict[Name, Count | Number | list[DatedNumber]] = Field(default_factory=dict)
    conditions: Condition | None = Field(default=None, description="what must hold whatever the benefit")
    rules: list[Rule] = Field(min_length=1)
    period: PeriodKind | None = Field(default=None, description="granted once per month, quarter or year")
    consent: Flag = False
    public: Flag = True

    @model_validator(mode="after")
    def _list_and_zone(self) -> Self:
        if (self.zone is Zone.NO_APPLY) != (self.list_kind is not None):
            raise ValueError("list: `condition` or `roster` for the no_apply zone, and only for it")
        if (self.zone is Zone.NO_APPLY) and self.claim is not None:
            raise ValueError("claim: a claim window belongs to the direct zone; nothing is claimed in no_apply")
        return self


AllOf.model_rebuild()
AnyOf.model_rebuild()
Not.model_rebuild()
