"""Rows of codes: all at once from values as they are stored, held against each value by itself."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from eligibility.business_time import business_date
from eligibility.catalogue import Catalogue
from eligibility.codes import Attribute, Attributes
from eligibility.evaluate import view_of
from eligibility.facts_view import FactsView
from eligibility.file_record import Names, decode_file, encode_file
from eligibility.subject_file import FactKey, FactValue, SubjectFile
from eligibility.values import parse
from schemas.catalogue import FactDeclaration, FactType
from schemas.policy import RelativePeriod

SAID = datetime(2024, 1, 1, tzinfo=UTC)
SUBJECT, PERSON = "91210100MA0TEXT002", "p-" + "0f" * 16
THIS_YEAR, LAST_YEAR, BEFORE = RelativePeriod.THIS_YEAR, RelativePeriod.LAST_YEAR, RelativePeriod.YEAR_BEFORE_LAST
TEXT = {"zh": "事实", "en": "fact"}
OWN = {
    "vat_payer": FactDeclaration(
        name="vat_payer", title=TEXT, provider="tax", type=FactType.CODE, codes={"general": TEXT, "small_scale": TEXT}
    ),
    "licence": FactDeclaration(name="licence", title=TEXT, provider="tax", type=FactType.IDENTIFIER),
}
MORE_VALUES: dict[FactKey, list[Any]] = {
    FactKey("vat_payer"): ["general", "small_scale"],
    FactKey("licence"): ["n-1", "d-2", "6-18"],
    FactKey("hire_graduate", item="h2"): [True, False],
}
NAMES = ("kind", "region", "industry", "established_on", "staff", "honest", "blacklisted", "vat_payer", "licence")
OF_ITEMS = ("hire_graduate", "receipt_policy")  # of whom something is said, but not of the subject
DERIVED = (Attribute("disabled_staff_ratio"), Attribute("size_class"), Attribute("sales_growth", LAST_YEAR))
EVERY = (
    *map(Attribute, (*NAMES, *OF_ITEMS)),
    *(Attribute("premium", period) for period in (THIS_YEAR, LAST_YEAR, BEFORE)),
    Attribute("yearly_sales", LAST_YEAR),
    *DERIVED,
)


@pytest.fixture(scope="module")
def more(catalogue: Catalogue) -> Catalogue:
    """A catalogue with a code and an identifier that are no item's."""
    return replace(catalogue, facts={**catalogue.facts, **OWN})


def value(catalogue: Catalogue, key: FactKey, wire: Any) -> Any:
    return None if wire is None else parse(catalogue.facts[key.name], wire)


def new(catalogue: Catalogue, *attributes: Attribute) -> Attributes:
    made = Attributes()
    for attribute in attributes:
        made.slot(attribute, catalogue)
    return made


def subject(catalogue: Catalogue, said: dict[FactKey, Any], key: str = SUBJECT) -> SubjectFile:
    known = {fact: value(catalogue, fact, wire) for fact, wire in said.items() if wire is not None}
    return SubjectFile(key, facts={fact: FactValue(each, "tax", 1, SAID, SAID) for fact, each in known.items()})


def more_facts() -> st.SearchStrategy[dict[FactKey, Any]]:
    return st.fixed_dictionaries({key: st.none() | st.sampled_from(values) for key, values in MORE_VALUES.items()})


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_the_whole_row_is_that_of_every_value_by_itself(
    data: st.DataObject, more: Catalogue, facts: Any, changes: Any, moments: Any
) -> None:
    """Of files read and changed, on several days, while lists become complete and attributes are added."""
    key = data.draw(st.sampled_from([SUBJECT, PERSON]))
    file = subject(more, data.draw(facts) | data.draw(more_facts()), key)
    attributes = data.draw(st.permutations(EVERY))
    some = data.draw(st.integers(1, len(attributes)))
    known = new(more, *attributes[:some])
    days = st.sampled_from([date(2023, 6, 1), date(2024, 3, 1), date(2024, 12, 31)])
    complete = st.dictionaries(st.sampled_from(["honest", "blacklisted", "hire_graduate", "hires"]), days)
    steps = st.lists(st.sampled_from(["day", "complete", "change", "read", "attribute"]), max_size=6)
    for step in [data.draw(st.sampled_from(["day", "read"])), *data.draw(steps)]:
        match step:
            case "change":
                said = data.draw(changes) | data.draw(st.just({}) | more_facts())
                values = {fact: value(more, fact, wire) for fact, wire in said.items()}
                file = file.with_facts("tax", 2, values, SAID, SAID)
            case "read":
                names = Names()
                file = decode_file(key, encode_file(file, names), names)
            case "complete":
                more = replace(more, complete=data.draw(complete))
            case "attribute" if len(known) < len(attributes):
                known.slot(attributes[len(known)], more)
        view = view_of(file, more, business_date(data.draw(moments)))
        row = known.row(view)
        assert row == known.row(view, range(len(known)))
    event(f"{type(file.facts).__name__} of {type(getattr(file.facts, 'base', None)).__name__}")


def test_there_is_something_of_everything_in_a_row(more: Catalogue) -> None:
    """Or that both ways agree would say nothing."""
    wires = {
        "region": "210102", "industry": "C3411", "established_on": "2020-02-29", "staff": 5, "honest": True,
        "vat_payer": "general", "licence": "d-2", "persons_employed": 19, "disabled_staff": 1, "employees_in_post": 3,
    }  # fmt: skip
    said: dict[FactKey, Any] = {FactKey(name): wire for name, wire in wires.items()}
    said |= {FactKey("premium", "2023"): "700.01", FactKey("hire_graduate", item="h1"): True}
    said |= {FactKey("yearly_sales", "2023"): "3000000", FactKey("yearly_sales", "2022"): "2000000"}
    complete = replace(more, complete={"blacklisted": date(2024, 1, 1)})
    known = new(more, *EVERY)
    row = known.row(view_of(subject(more, said, PERSON), complete, date(2024, 3, 1)))
    codes = dict(zip(EVERY, row, strict=True))
    unknown = {attribute for attribute, code in codes.items() if code is None}
    assert unknown == {Attribute("premium", THIS_YEAR), Attribute("premium", BEFORE), *map(Attribute, OF_ITEMS)}
    assert codes[Attribute("blacklisted")] == 0 and codes[Attribute("honest")] == 1
    assert codes[Attribute("staff")] == 5 and codes[Attribute("premium", LAST_YEAR)] == 1_400_020_000
    assert codes[Attribute("established_on")] == date(2020, 2, 29).toordinal()


def of_licence(catalogue: Catalogue, licence: str) -> FactsView:
    return view_of(subject(catalogue, {FactKey("licence"): licence}), catalogue, date(2024, 3, 1))


@pytest.mark.parametrize("copied", [deepcopy, Attributes.copy])
def test_a_copy_gives_codes_of_its_own(more: Catalogue, copied: Any) -> None:
    """Though both have met names, and rows were asked of the one before."""
    known = new(more, Attribute("licence"), Attribute("staff"))
    assert known.row(of_licence(more, "L-1")) == [0, None]
    copy = copied(known)
    assert copy == known and copy is not known
    assert copy.row(of_licence(more, "L-2")) == [1, None]
    assert known.row(of_licence(more, "L-3")) == [1, None]
    copy.slot(Attribute("region"), more)
    assert (len(known), len(copy)) == (2, 3)
    for attributes in (known, copy):
        assert attributes.row(of_licence(more, "L-1"))[0] == attributes.row(of_licence(more, "L-1"), [0])[0] == 0
    assert copy.row(of_licence(more, "L-3")) == copy.row(of_licence(more, "L-3"), range(3)) == [2, None, None]
