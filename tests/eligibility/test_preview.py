"""Preview: whom a policy would reach and what it would cost; held against what publishing it then does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eligibility.data_gaps import Blocked
from eligibility.errors import Refused
from eligibility.preview import compare, preview
from schemas.catalogue import FactDeclaration

HONEST = {"fact": "honest", "equals": True}
LAST_PREMIUM = {"fact": "premium", "period": "last_year"}
HALF = [{"benefit": {"rate": "0.50", "of": LAST_PREMIUM}}]


def settle_honest(partition: Any, world: Any, *honest: bool | None) -> None:
    for subject, value in zip(world.subjects, honest, strict=False):
        partition.settled_in(subject)
        if value is not None:
            partition.change(subject, honest=value)


def test_who_is_reached_who_is_in_doubt_and_for_want_of_what(partition: Any, world: Any) -> None:
    settle_honest(partition, world, True, False, None)
    found = preview([partition.state], world.policy(conditions=HONEST))
    assert (found.subjects, found.eligible, found.undetermined) == (3, 1, 1)
    assert [(gap.name, gap.provider, gap.blocked) for gap in found.gaps.gaps] == [
        ("honest", "courts", Blocked(1, 1, 1))
    ]
    assert found.cost == 1000
    assert not partition.state.registry.policies, "nothing is published"


def test_the_eligible_are_counted_by_city_section_and_size(partition: Any, world: Any) -> None:
    for subject, region in zip(world.subjects, ("210102", "210103", "210202"), strict=True):
        partition.settled_in(subject, region)
    partition.change(world.subjects[0], industry="C34")
    found = preview([partition.state], world.policy())
    assert found.regions == (("2101", 2), ("2102", 1))
    assert found.industries == ((None, 2), ("C", 1))
    assert found.sizes == ((None, 3),), "the catalogue does not declare what size needs"


def test_a_citys_policy_is_counted_by_county_and_persons_by_their_household(partition: Any, world: Any) -> None:
    partition.widened()
    partition.settled_in(world.subjects[0], "210102")
    partition.settled_in(world.subjects[1], "210202")
    partition.change(world.person, household_region="210103")
    shenyang = world.policy(region="2101", subjects=["enterprise", "person"])
    assert preview([partition.state], shenyang).regions == (("210102", 1), ("210103", 1))


def test_size_is_known_where_the_catalogue_and_the_subject_say_enough(partition: Any, world: Any) -> None:
    title = {"zh": "t", "en": "t"}
    more = [("persons_employed", "integer", None), ("assets", "decimal", None), ("yearly_sales", "decimal", "year")]
    partition.declare(
        FactDeclaration.model_validate(
            {"name": name, "title": title, "provider": "tax", "type": kind, "period": period}
        )
        for name, kind, period in more
    )
    partition.settled_in()
    partition.change(world.subjects[0], industry="A01")
    partition.change(world.subjects[0], yearly_sales={"2023": "6000000"})
    assert preview([partition.state], world.policy()).sizes == (("medium", 1),)


def test_the_cost_is_exact_and_amounts_that_are_not_known_are_counted(partition: Any, world: Any) -> None:
    for subject, premium in zip(world.subjects, ("0.03", "333333333333333.33", None), strict=True):
        partition.settled_in(subject)
        if premium is not None:
            partition.change(subject, premium={"2023": premium})
    found = preview([partition.state], world.policy(rules=HALF))
    assert found.cost == Fraction("0.02") + Fraction("166666666666666.67")
    assert (found.eligible, found.amounts_unknown) == (3, 1)


def test_what_is_no_money_costs_nothing(partition: Any, world: Any) -> None:
    partition.settled_in()
    title = world.policy().title
    found = preview([partition.state], world.policy(rules=[{"benefit": {"grants": title.model_dump()}}]))
    assert (found.eligible, found.cost, found.amounts_unknown) == (1, 0, 0)


def test_items_are_summed_for_their_subject(partition: Any, world: Any) -> None:
    partition.widened()
    partition.settled_in()
    partition.change(world.subjects[0], hire_wage={"a": "1000", "b": "3000", "c": "5000"})
    partition.change(world.subjects[0], hired_on={"a": "2024-02-01", "d": "2024-02-01"})
    rules = [{"benefit": {"rate": "0.1", "of": "hire_wage"}}]
    found = preview([partition.state], world.policy(for_each="hires", rules=rules))
    assert (found.eligible, found.cost, found.amounts_unknown) == (1, 900, 1)


def test_a_policy_that_begins_later_is_previewed_on_its_first_day(partition: Any, world: Any) -> None:
    partition.settled_in()
    partition.change(world.subjects[0], premium={"2025": "100"})
    later = world.policy(valid={"from": "2026-01-01"}, conditions={**LAST_PREMIUM, "above": 0})
    found = preview([partition.state], later)
    assert (found.on, found.over, found.eligible) == (date(2026, 1, 1), False, 1)
    claimed = world.policy(zone="direct", list=None, claim={"from": "2024-03-01", "to": "2024-03-31"})
    assert preview([partition.state], claimed).on == date(2024, 3, 1)
    by_event = world.document("HIRE")
    assert by_event.valid.from_ == date(2024, 2, 1)
    assert preview([partition.widened().state], by_event).on == date(2024, 1, 1), "events are judged by their own day"


def test_a_policy_that_has_ended_reaches_nobody_and_says_so(partition: Any, world: Any) -> None:
    partition.settled_in()
    found = preview([partition.state], world.policy(valid={"from": "2023-01-01", "to": "2023-12-31"}))
    assert (found.over, found.eligible, found.undetermined) == (True, 0, 0)


def test_a_policy_that_could_not_be_published_is_refused(partition: Any, world: Any) -> None:
    with pytest.raises(Refused, match=r"conditions: fact 'happy' is not declared"):
        preview([partition.state], world.policy(conditions={"fact": "happy", "equals": True}))


def test_two_versions_compared(partition: Any, world: Any) -> None:
    settle_honest(partition, world, True, False, None)
    first, second, third = world.subjects
    partition.change(first, staff=5)
    partition.change(second, staff=50)
    partition.change(third, staff=5)
    before = world.policy(conditions={"fact": "staff", "at_most": 10})
    after = world.policy(conditions=HONEST, rules=[{"benefit": {"fixed": "1500"}}])
    found = compare([partition.state], after, before)
    assert (found.gained, found.lost, found.in_doubt, found.amount_changed) == (0, 1, 1, 1)
    assert found.cost_difference == -500
    back = compare([partition.state], before, after)
    assert (back.gained, back.lost, back.in_doubt, back.amount_changed) == (1, 0, 0, 1)
    same = compare([partition.state], after, after)
    assert same.after.undetermined == 1
    assert (same.gained, same.lost, same.in_doubt, same.amount_changed, same.cost_difference) == (0, 0, 0, 0, 0)


FACTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from((None, "enterprise", "enterprise", "individual_business")),
        "region": st.sampled_from((None, "210102", "210202")),
        "honest": st.sampled_from((None, True, False)),
        "staff": st.sampled_from((None, 5, 15, 50)),
        "established_on": st.sampled_from((None, "2020-01-01", "2024-03-01")),
        "premium": st.sampled_from(({}, {"2023": "0"}, {"2023": "99.99"}, {"2023": "1000000.01"})),
        "hire_wage": st.sampled_from(({}, {"a": "5000"}, {"a": "999.99", "b": "6000"})),
        "hired_on": st.sampled_from(({}, {"a": "2024-02-02"}, {"a": "2024-02-02", "b": "2023-02-02"})),
        "hire_graduate": st.sampled_from(({}, {"a": True}, {"a": True, "b": True})),
    }
)
NAMES = ("SMALL", "AGED", "REFUND", "DATED", "CLAIM", "HIRE", "FEW", "MANY")


@settings(max_examples=80, deadline=None)
@given(st.lists(FACTS, min_size=3, max_size=3), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_publishing_does_what_the_preview_said(
    world: Any, told: list[dict[str, Any]], name: str, follower: str
) -> None:
    """A policy, then an amendment to another one's rules, through the reducer: its matches are the oracle."""
    partition = world.partition().begin("2024-03-01").widened()
    for subject, facts in zip(world.subjects, told, strict=True):
        for fact, value in facts.items():
            if value not in (None, {}):
                partition.change(subject, **{fact: value})
    old = world.document(name)
    new = world.document(follower, 2).model_copy(update={"id": name})
    said, compared = preview([partition.state], old), compare([partition.state], new, old)
    partition.publish(old, effective_at="2024-03-01")
    had = matched(partition, name)
    partition.publish(new, action="amend", effective_at="2024-03-01T00:00:01+08:00")
    partition.tick("2024-03-01T00:00:01+08:00")
    has = matched(partition, name)
    assert (said.eligible, said.amounts_unknown, said.cost) == totals(had)
    assert compared.before == said
    assert (compared.after.eligible, compared.after.amounts_unknown, compared.after.cost) == totals(has)
    assert (compared.gained, compared.lost) == (len(has.keys() - had.keys()), len(had.keys() - has.keys()))
    assert compared.amount_changed == sum(totals({s: has[s]}) != totals({s: had[s]}) for s in has.keys() & had.keys())
    assert compared.cost_difference == totals(has)[2] - totals(had)[2]


def matched(partition: Any, name: str) -> dict[str, list[str]]:
    """The amounts of a policy's open matches, once all work is done, by subject; `-` where one is not known."""
    partition.drain()
    found: dict[str, list[str]] = {}
    for subject, file in partition.state.files.items():
        for key, match in file.matches.items():
            if key.policy == name:
                found.setdefault(subject, []).append(match.amount or "-")
    return found


def totals(found: dict[str, list[str]]) -> tuple[int, int, Fraction]:
    amounts = [amount for each in found.values() for amount in each]
    known = [Decimal(amount) for amount in amounts if amount != "-"]
    return len(found), len(amounts) - len(known), Fraction(sum(known, Decimal(0)))
