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

    NO_APPLY = "no_apply"  # 免申即享: granted without applying
    DIRECT = "direct"  # 政策直达: told to those it is for, who then apply


class RelativePeriod(StrEnum):
    """A period as seen from the reference date."""

    THIS_YEAR = "this_year"
    LAST_YEAR = "last_year"
    YEAR_BEFORE_LAST = "year_before_last"
    THIS_QUARTER = "this_quarter"
    LAST_QUARTER = "last_quarter"
    THIS_MONTH = "this_month"
    LAST_MONTH = "last_month"


class Parameter(Model):
    """A reference to one of the policy's named, dated parameters."""

    parameter: Name = Field(description="its name")


class DatedNumber(Model):
    """A parameter's value from a date on."""

    from_: Day = Field(alias="from", description="the first day on which it holds")
    value: Count | Number = Field(description="what holds then")


class Own(Model):
    """A reference to a fact of the very item the policy is decided for."""

    own: Name = Field(description="the fact")


Bound = Count | Number | Parameter | Own


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
    """A fact held against bounds, a value, a set, a subtree, an age or a day; exactly one kind of test."""

    fact: Name = Field(description="the fact, or a derived one")
    period: RelativePeriod | None = Field(default=None, description="for period-indexed facts")
    reference: Name | None = Field(
        default=None, description="the reference date: a date fact, or `today`; without it the policy's `reference`"
    )
    equals: Flag | str | Own | None = Field(
        default=None, description="the value itself: a code, a boolean, an identifier, or that of the own item"
    )
    one_of: list[str] | None = Field(default=None, min_length=1, description="a set of codes")
    within: list[str] | None = Field(
        default=None, min_length=1, description="subtrees of the region or industry tree, by their codes"
    )
    years_ago: Interval | None = Field(default=None, description="whole years since a date fact, on the reference date")
    calendar_years_ago: Interval | None = Field(
        default=None, description="the reference date's year less the date fact's: 0 in the same calendar year"
    )
    not_past: Literal[True] | None = Field(
        default=None, description="a date fact, such as a certificate's last day, on or after the reference date"
    )

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        others = (self.equals, self.one_of, self.within, self.years_ago, self.calendar_years_ago, self.not_past)
        if bool(self.bounds()) + sum(test is not None for test in others) != 1:
            tests = "bounds, equals, one_of, within, years_ago, calendar_years_ago or not_past"
            raise ValueError(f"condition on {self.fact}: give {tests}, just one")
        return self


class AllOf(Model):
    """True when every part is."""

    all: list[Condition] = Field(min_length=1, description="the parts")


class AnyOf(Model):
    """True when some part is."""

    any: list[Condition] = Field(min_length=1, description="the parts")


class Not(Model):
    """True when its part is false; unknown stays unknown."""

    not_: Condition = Field(alias="not", description="the part")


class FactOf(Model):
    """A fact at a period, as a benefit's base or the whole of a share."""

    fact: Name = Field(description="the fact, or a derived one")
    period: RelativePeriod | None = Field(default=None, description="for period-indexed facts")


class Items(Model):
    """How many items of a list, such as hires or incidents, meet a condition: their count, or their share of a fact.

    Without bounds: at least one. Items nobody has told of may exist unless the list is stated to be complete, so that
    a lower bound can be met without it and an upper bound cannot.
    """

    items: Name = Field(description="the list")
    where: Condition | None = Field(default=None, description="facts of the list are those of the item looked at")
    count: Interval | None = Field(default=None, description="bounds on how many")
    share: Interval | None = Field(default=None, description="the count divided by `of`")
    of: FactOf | None = Field(default=None, description="the whole of a share")

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.share is None) != (self.of is None) or (self.share is not None and self.count is not None):
            raise ValueError(f"items {self.items}: give `count`, or `share` and `of`, or neither")
        for name, interval in (("count", self.count), ("share", self.share)):
            if interval is not None and not interval.bounds():
                raise ValueError(f"items {self.items}: {name} needs a bound")
        return self


class Received(Model):
    """How often benefits were received, by finance's receipts: at least once, or within the bounds of `times`.

    The receipt of the very match that is decided never counts; nor, once it has one, what was received later.
    A policy may count its own receipts only to bar, and no policies may wait for each other's.
    """

    received: list[Identifier] = Field(min_length=1, description="any of these policies")
    item: Name | None = Field(default=None, description="for the current item of this list; without it for any")
    this_year: Literal[True] | None = Field(default=None, description="in the calendar year of the reference date")
    reference: Name | None = Field(default=None, description="the reference date, as for facts")
    times: Interval | None = Field(default=None, description="bounds on how often")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.times is not None and not self.times.bounds():
            raise ValueError("received: times needs a bound")
        return self


def _condition_tag(value: Any) -> str:
    for key, tag in (
        ("all", "all"),
        ("any", "any"),
        ("not", "not"),
        ("not_", "not"),
        ("items", "items"),
        ("received", "received"),
    ):
        if key in value if isinstance(value, dict) else hasattr(value, key):
            return tag
    return "fact"


Condition = Annotated[
    Annotated[AllOf, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Items, Tag("items")]
    | Annotated[Received, Tag("received")]
    | Annotated[Comparison, Tag("fact")],
    Discriminator(_condition_tag),
]


class Benefit(Model):
    """The standard by which an amount is computed; exactly one form.

    `fixed`: 元. `exempt`: the whole of a due. `rate` of a base, or `each` for every `full` of a base (1 without it: per
    head), both at most `cap` 元. `by_grade`: 元 by the roster's grade. `entry`: the roster's entry says the amount.
    `reduced_rate`: the rate now due where no base is shared. `grants`: a right or a qualification, no money.
    `top_up`: only the difference to what was received under these policies; where nothing is left, nothing is due.
    """

    fixed: Number | Parameter | None = Field(default=None, description="元")
    exempt: Name | FactOf | None = Field(default=None, description="the fact that holds the due")
    rate: Number | Parameter | None = Field(default=None, description="the share of `of`")
    each: Number | Parameter | None = Field(default=None, description="元 for every `full` of `of`")
    of: Name | FactOf | None = Field(default=None, description="the base")
    full: Number | Parameter | None = Field(default=None, description="how much of `of` counts once; without it 1")
    cap: Number | Parameter | None = Field(default=None, description="at most this, 元")
    by_grade: dict[Identifier, Number] | None = Field(default=None, description="元 by the roster entry's grade")
    entry: Literal[True] | None = Field(default=None, description="the amount stands in the roster's entry")
    reduced_rate: Number | Parameter | None = Field(default=None, description="the rate now due")
    grants: Text | None = Field(default=None, description="the right or qualification, no money")
    top_up: list[Identifier] | None = Field(
        default=None, min_length=1, description="only the difference to what was received under these policies"
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        names = ("fixed", "exempt", "rate", "each", "by_grade", "entry", "reduced_rate", "grants")
        if sum(getattr(self, name) is not None for name in names) != 1:
            raise ValueError(f"benefit: give one of {', '.join(names)}")
        shared = self.rate is not None or self.each is not None
        if shared != (self.of is not None):
            raise ValueError("benefit: `rate` or `each` and `of` go together")
        if self.cap is not None and not shared:
            raise ValueError("benefit: `cap` goes with `rate` or `each`")
        if self.full is not None and self.each is None:
            raise ValueError("benefit: `full` goes with `each`")
        if self.top_up is not None and (self.grants is not None or self.reduced_rate is not None):
            raise ValueError("benefit: `top_up` needs an amount to take from")
        return self

    def base(self) -> FactOf | None:
        """The fact the amount is a share of, if any."""
        base = self.exempt if self.exempt is not None else self.of
        return FactOf(fact=base) if isinstance(base, str) else base


class Rule(Model):
    """One step of the benefit: the first whose condition is true gives it; after an unknown one it is open which."""

    when: Condition | None = Field(default=None, description="without it, always")
    benefit: Benefit = Field(description="what it gives")


class Validity(Model):
    """The days on which a policy holds, both included; no end means until it is withdrawn."""

    from_: Day = Field(alias="from", description="the first day")
    to: Day | None = Field(default=None, description="the last day")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to is not None and self.to < self.from_:
            raise ValueError(f"valid: ends on {self.to}, before it begins on {self.from_}")
        return self


class Policy(Model):
    """A published version is immutable; a change is a new version (amend) or a policy of its own (successor)."""

    id: Identifier = Field(description="its id for good, such as CN-2024-SYFL")
    version: Count = Field(default=1, ge=1, le=10_000, description="1 when published, the next with each amendment")
    title: Text = Field(description="as people read it")
    document: str = Field(min_length=1, max_length=200, description="document number 文号")
    clause: str | None = Field(default=None, max_length=100, description="where in the document")
    issued_on: Day = Field(description="the document's date")
    made_by: Department = Field(description="the department that publishes, amends and withdraws it")
    implemented_by: list[Department] = Field(min_length=1, description="who carries it out, and supplies its roster")
    region: str = Field(pattern=r"^[0-9]{2}([0-9]{2}([0-9A-Z]{2})?)?$", description="it holds here and below")
    zone: Zone = Field(description="granted without applying, or delivered direct")
    list_kind: Literal["condition", "roster"] | None = Field(
        default=None, alias="list", description="条件类 or 名单类, for the no_apply zone"
    )
    kind: Literal["reduction", "award", "right", "qualification"] = Field(description="what it gives")
    subjects: list[SubjectKind] = Field(min_length=1, description="who it is for")
    valid: Validity = Field(description="when it holds")
    claim: Validity | None = Field(default=None, description="the claim window, for the direct list")
    for_each: Name | None = Field(
        default=None, description="decided for every item of this list: a hire, a certificate, a loan"
    )
    reference: Name | None = Field(
        default=None, description="the date fact conditions refer to, such as the day of a hire; without it today"
    )
    valid_on: Literal["today", "reference"] = Field(
        default="today",
        description="on which day it must be valid: `reference` lets earlier rules judge earlier events",
    )
    succeeds: Identifier | None = Field(
        default=None, description="the predecessor, which ends the day before this one begins"
    )
    exclusion_groups: list[Identifier] = Field(
        default_factory=list, description="of the policies of a group a subject gets one, chosen when it is granted"
    )
    parameters: dict[Name, Count | Number | list[DatedNumber]] = Field(
        default_factory=dict, description="numbers that conditions and benefits refer to, plain or dated"
    )
    conditions: Condition | None = Field(default=None, description="what must hold whatever the benefit")
    rules: list[Rule] = Field(min_length=1, description="the first whose condition is true gives the benefit")
    period: PeriodKind | None = Field(default=None, description="granted once per month, quarter or year")
    consent: Flag = Field(default=False, description="whether the subject must agree first")
    public: Flag = Field(default=True, description="whether anybody may see it")

    @model_validator(mode="after")
    def _list_and_zone(self) -> Self:
        if (self.zone is Zone.NO_APPLY) != (self.list_kind is not None):
            raise ValueError("list: `condition` or `roster` for the no_apply zone, and only for it")
        if (self.zone is Zone.NO_APPLY) and self.claim is not None:
            raise ValueError("claim: a claim window belongs to the direct zone; nothing is claimed in no_apply")
        return self

    @model_validator(mode="after")
    def _items_and_reference(self) -> Self:
        if self.for_each is not None and self.list_kind == "roster":
            raise ValueError("for_each: a roster's lines are its items already")
        if self.valid_on == "reference" and self.reference is None:
            raise ValueError("valid_on: `reference` needs a reference date")
        if self.succeeds == self.id:
            raise ValueError("succeeds: a policy does not succeed itself; amend it")
        return self


AllOf.model_rebuild()
AnyOf.model_rebuild()
Not.model_rebuild()
Items.model_rebuild()
