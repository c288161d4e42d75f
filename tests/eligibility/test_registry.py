"""What the control topic may say: versions in order, facts that keep their form, and refusals that say why."""

from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from eligibility.errors import Refused
from schemas.catalogue import CatalogueStatement
from schemas.rejected import RejectCode


def test_a_policy_is_published_once(partition: Any, world: Any) -> None:
    partition.publish(world.policy())
    with pytest.raises(Refused, match="SMALL is published already") as refusal:
        partition.publish(world.policy(version=2))
    assert refusal.value.code is RejectCode.POLICY_OVERLAP


@pytest.mark.parametrize("action", ["amend", "withdraw"])
def test_an_unknown_policy_is_neither_amended_nor_withdrawn(partition: Any, world: Any, action: str) -> None:
    with pytest.raises(Refused, match="SMALL is not published") as refusal:
        partition.withdraw("SMALL") if action == "withdraw" else partition.publish(world.policy(), action=action)
    assert refusal.value.code is RejectCode.UNKNOWN_POLICY


def test_a_withdrawn_policy_is_neither_amended_nor_withdrawn_again(partition: Any, world: Any) -> None:
    partition.publish(world.policy())
    partition.withdraw("SMALL", effective_at="2024-02-01")
    with pytest.raises(Refused, match=r"SMALL is withdrawn from .* on; publish it again") as refusal:
        partition.publish(world.policy(version=2), action="amend", effective_at="2024-03-01")
    assert refusal.value.code is RejectCode.UNKNOWN_POLICY
    with pytest.raises(Refused, match="SMALL is withdrawn"):
        partition.withdraw("SMALL", effective_at="2024-04-01")


def test_a_withdrawn_policy_is_published_again_as_a_later_version(partition: Any, world: Any) -> None:
    partition.publish(world.policy(version=2))
    partition.withdraw("SMALL", effective_at="2024-02-01")
    with pytest.raises(Refused, match="version 2 does not follow version 2"):
        partition.publish(world.policy(version=2), effective_at="2024-03-01")
    with pytest.raises(Refused, match=r"to publish from .* overlaps what acts from 2024-01-31T16"):
        partition.publish(world.policy(version=3), effective_at="2024-02-01")
    partition.publish(world.policy(version=3), effective_at="2024-03-01")
    history = partition.state.registry.policies["SMALL"]
    found = [history.at(world.moment(day)) for day in ("2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01")]
    assert [f and f.document.version for f in found] == [2, None, None, 3]
    assert [d.version for d in history.documents] == [2, 3]


def test_versions_rise(partition: Any, world: Any) -> None:
    partition.publish(world.policy(version=3))
    partition.tick("2024-02-01")
    with pytest.raises(Refused, match="version 3 does not follow version 3") as refusal:
        partition.publish(world.policy(version=3), action="amend", effective_at="2024-01-15")
    assert refusal.value.field == "policy.version"
    partition.publish(world.policy(version=4), action="amend", effective_at="2024-01-15")


@pytest.mark.parametrize("now", ["2024-01-01", "2024-02-01", "2024-06-01"])
def test_an_amendment_must_act_later_than_the_version_before(partition: Any, world: Any, now: str) -> None:
    """By what each says of itself, whenever it arrives."""
    partition.publish(world.policy(), effective_at="2024-05-01")
    partition.tick(now)
    for effective_at in ("2024-03-01", "2024-05-01"):
        with pytest.raises(Refused, match="overlaps what acts from 2024-04-30T16:00") as refusal:
            partition.publish(world.policy(version=2), action="amend", effective_at=effective_at)
        assert refusal.value.field == "effective_at"
        assert refusal.value.code is RejectCode.POLICY_OVERLAP
    partition.publish(world.policy(version=2), action="amend", effective_at="2024-05-02")


def test_versions_that_arrive_late_act_at_once_and_the_last_counts(partition: Any, world: Any) -> None:
    partition.tick("2024-06-01")
    partition.publish(world.policy(), effective_at="2024-01-01")
    partition.publish(world.policy(version=2), action="amend", effective_at="2024-03-01")
    history = partition.state.registry.policies["SMALL"]
    assert [v.acts_from for v in history.versions] == [world.moment("2024-06-01")] * 2
    assert history.at(world.moment("2024-05-31")) is None
    assert history.at(world.moment("2024-06-01")).document.version == 2


def test_what_was_published_this_moment_can_be_withdrawn_in_it(partition: Any, world: Any) -> None:
    partition.publish(world.policy())
    partition.withdraw("SMALL")
    history, now = partition.state.registry.policies["SMALL"], world.moment("2024-01-01")
    assert (history.at(now), history.withdrawn(now), history.changes_after(now)) == (None, True, None)
    assert history.latest(now).version == 1


def test_a_policy_that_does_not_act_yet_can_be_withdrawn(partition: Any, world: Any) -> None:
    partition.publish(world.policy(), effective_at="2024-05-01")
    partition.withdraw("SMALL", effective_at="2024-02-01")
    partition.settled_in(world.subjects[0])
    assert partition.until("2024-12-31") == []


def test_the_version_that_acts_and_when_it_changes(partition: Any, world: Any) -> None:
    partition.publish(world.policy())
    partition.publish(world.policy(version=2), action="amend", effective_at="2024-03-01")
    partition.withdraw("SMALL", effective_at="2024-06-01")
    history = partition.state.registry.policies["SMALL"]
    last, first = world.moment("2024-06-01"), world.moment("2024-03-01")
    instant = timedelta(microseconds=1)
    assert [history.at(m).document.version for m in (first - instant, first, last - instant)] == [1, 2, 2]
    assert history.at(world.moment("2023-12-31")) is None
    assert history.at(last) is None
    assert [history.changes_after(m) for m in (first - instant, first, last)] == [first, last, None]


def test_a_withdrawal_takes_back_what_would_have_acted_later_too(partition: Any, world: Any) -> None:
    partition.publish(world.policy())
    partition.publish(world.policy(version=2), action="amend", effective_at="2024-06-01")
    partition.withdraw("SMALL", effective_at="2024-03-01")
    history = partition.state.registry.policies["SMALL"]
    assert history.at(world.moment("2024-02-29")).document.version == 1
    assert [history.at(world.moment(day)) for day in ("2024-03-01", "2024-06-01", "2024-12-31")] == [None] * 3


def test_a_policy_stands_under_its_own_id(partition: Any, world: Any) -> None:
    with pytest.raises(Refused, match="MINE"):
        partition._publication("OTHER", "publish", world.policy("MINE"), "2024-01-01")


@pytest.mark.parametrize(
    "form", [{"type": "decimal"}, {"period": "year"}, {"provider": "tax"}], ids=["type", "period", "provider"]
)
def test_a_declared_fact_keeps_its_form(partition: Any, world: Any, form: dict[str, str]) -> None:
    whole = {**world.catalogue.facts["staff"].model_dump(), **form}
    with pytest.raises(Refused, match="'staff' is a integer of human-resources") as refusal:
        partition.state.registry.with_statement(statement(world, whole))
    assert refusal.value.code is RejectCode.BAD_VALUE


def test_a_derived_fact_is_not_declared(partition: Any, world: Any) -> None:
    whole = {**world.catalogue.facts["honest"].model_dump(), "name": "size_class"}
    with pytest.raises(Refused, match="'size_class' is derived"):
        partition.state.registry.with_statement(statement(world, whole))


def test_a_code_in_use_is_not_dropped(partition: Any, world: Any) -> None:
    """A policy compiled against it could not be loaded again: the partition would never recover."""
    codes = dict(world.catalogue.facts["kind"].model_dump()["codes"])
    del codes["person"]
    with pytest.raises(Refused, match="person"):
        partition.state.registry.with_statement(
            statement(world, {**world.catalogue.facts["kind"].model_dump(), "codes": codes})
        )


def test_codes_and_titles_can_be_added_and_reworded(partition: Any, world: Any) -> None:
    kind = world.catalogue.facts["kind"].model_dump()
    kind["codes"]["branch"] = {"zh": "分支机构", "en": "Branch"}
    changed = partition.state.registry.with_statement(statement(world, {**kind, "title": kind["codes"]["branch"]}))
    assert "branch" in changed.catalogue.facts["kind"].codes
    assert changed.catalogue.facts["kind"].title.en == "Branch"


def test_time_never_runs_backwards(partition: Any, world: Any) -> None:
    partition.tick("2024-03-01")
    partition.tick("2024-02-01")
    assert partition.state.registry.now == world.moment("2024-03-01")


# Lists, complete lists and the calendar.

HIRES = {"name": "hires", "title": {"zh": "招用", "en": "Hires"}, "provider": "human-resources"}


def hire_fact(name: str = "hired_on", **more: Any) -> dict[str, Any]:
    return {"name": name, "title": HIRES["title"], "provider": "human-resources", "type": "date", **more}


@pytest.mark.parametrize(
    ("fields", "field", "named"),
    [
        ({"facts": [hire_fact(list="hires")]}, "facts", "human-resources has no list 'hires'"),
        ({"lists": [{**HIRES, "provider": "tax"}], "facts": [hire_fact(list="hires")]}, "facts",
         "human-resources has no list 'hires'"),
        ({"lists": [{**HIRES, "name": "staff"}]}, "lists", "'staff' names a list and a fact"),
        ({"lists": [{**HIRES, "name": "size_class"}]}, "lists", "'size_class' names a list and a fact"),
        ({"complete": [{"name": "staff", "as_of": "2024-01-01"}]}, "complete", "'staff' is neither a boolean fact"),
        ({"complete": [{"name": "hires", "as_of": "2024-01-01"}]}, "complete", "'hires' is neither"),
        ({"complete": [{"name": "size_class", "as_of": None}]}, "complete", "'size_class' is neither"),
        ({"facts": [hire_fact("receipt_date")]}, "facts", "'receipt_date' must be date of the list receipts"),
        ({"facts": [hire_fact("household_region")]}, "facts", "'household_region' must be region:"),
    ],
)  # fmt: skip
def test_a_statement_about_lists_is_refused(partition: Any, fields: dict[str, Any], field: str, named: str) -> None:
    with pytest.raises(Refused, match=named) as refusal:
        partition.state.registry.with_statement(states(**fields))
    assert (refusal.value.code, refusal.value.field) == (RejectCode.BAD_VALUE, field)


def test_a_list_stays_its_providers_and_a_fact_in_its_list(partition: Any) -> None:
    registry = partition.state.registry.with_statement(states(lists=[HIRES], facts=[hire_fact(list="hires")]))
    with pytest.raises(Refused, match="list 'hires' is of human-resources; it cannot become another's"):
        registry.with_statement(states(lists=[{**HIRES, "provider": "tax"}]))
    with pytest.raises(Refused, match="'hired_on' is a date of human-resources; it cannot become another"):
        registry.with_statement(states(facts=[hire_fact()]))
    renamed = registry.with_statement(states(lists=[{**HIRES, "title": {"zh": "录用", "en": "Taken on"}}]))
    assert renamed.catalogue.lists["hires"].title.en == "Taken on"


@pytest.mark.parametrize(
    ("said", "since"),
    [
        (["2024-03-01"], "2024-03-01"),
        (["2024-03-01", "2024-05-01"], "2024-03-01"),  # said again, it stays complete from the day it was
        (["2024-03-01", "2024-02-01"], "2024-02-01"),
        (["2024-03-01", None], None),
        ([None], None),
        (["2024-03-01", None, "2024-05-01"], "2024-05-01"),  # what was taken back counts no more
    ],
)
def test_the_word_that_a_list_is_complete(partition: Any, said: list[Any], since: str | None) -> None:
    registry = partition.state.registry
    for as_of in said:
        registry = registry.with_statement(states(complete=[{"name": "honest", "as_of": as_of}]))
    known = registry.catalogue.complete
    assert known == ({} if since is None else {"honest": date.fromisoformat(since)})


def test_a_calendar_stated_anew_replaces_that_years(partition: Any) -> None:
    def year(number: int, *off: str) -> dict[str, Any]:
        return {"year": number, "days_off": list(off), "working_days": []}

    registry = partition.state.registry.with_statement(states(calendars=[year(2024, "2024-01-01"), year(2025)]))
    registry = registry.with_statement(states(calendars=[year(2024, "2024-01-02")]))
    found = {number: [str(d) for d in c.days_off] for number, c in registry.catalogue.calendars.items()}
    assert found == {2024: ["2024-01-02"], 2025: []}


# Receipts: no policies may wait for each other's.


def receives(world: Any, policy_id: str, *others: str, **fields: Any) -> Any:
    return world.policy(policy_id, conditions={"received": list(others)} if others else None, **fields)


@pytest.fixture
def financed(partition: Any) -> Any:
    """A partition that knows of receipts."""
    forms = {"policy": "identifier", "period": "identifier", "item": "identifier", "amount": "decimal", "date": "date"}
    of_receipts = {"provider": "finance", "list": "receipts", "title": HIRES["title"]}
    facts = [{**of_receipts, "name": f"receipt_{part}", "type": form} for part, form in forms.items()]
    partition.declare(facts, lists=[{**HIRES, "name": "receipts", "provider": "finance"}])
    return partition


@pytest.mark.parametrize("order", list(permutations(["A", "B", "C"])), ids="".join)
def test_a_circle_of_receipts_is_refused_in_whatever_order_it_comes(
    financed: Any, world: Any, order: tuple[str, ...]
) -> None:
    waits = {"A": ["B"], "B": ["C", "OTHER"], "C": ["A"]}
    *first, last = [receives(world, name, *waits[name]) for name in order]
    financed.publish(*first)
    with pytest.raises(Refused, match=f"{last.id}: its conditions depend on its own receipts by way of") as refusal:
        financed.publish(last)
    assert (refusal.value.code, refusal.value.field) == (RejectCode.BAD_POLICY, "policy.conditions")
    assert " → ".join((last.id, *waits[last.id][:1])) in str(refusal.value)


def test_an_amendment_can_close_a_circle_too_and_a_top_up_is_part_of_one(financed: Any, world: Any) -> None:
    more = [{"benefit": {"fixed": "2000", "top_up": ["A"]}}]
    financed.publish(receives(world, "A"), world.policy("B", rules=more))
    with pytest.raises(Refused, match="A → B → A"):
        financed.publish(receives(world, "A", "B", version=2), action="amend", effective_at="2024-02-01")


def test_receipts_of_others_without_a_circle_are_fine(financed: Any, world: Any) -> None:
    barred = {"not": {"received": ["C"]}}
    financed.publish(receives(world, "A", "B", "C"), receives(world, "B", "C"), world.policy("C", conditions=barred))
    assert set(financed.state.registry.policies) == {"A", "B", "C"}


# Exclusion groups and succession.


def grouped(world: Any, number: int, **fields: Any) -> Any:
    return world.policy(f"G{number}", exclusion_groups=["ONE"], **fields)


def test_an_exclusion_group_has_at_most_sixteen_policies(partition: Any, world: Any) -> None:
    partition.publish(*(grouped(world, n) for n in range(16)))
    partition.publish(world.policy("ELSE", exclusion_groups=["TWO"]))
    partition.publish(grouped(world, 3, version=2), action="amend", effective_at="2024-02-01")  # it is in it already
    with pytest.raises(Refused, match="exclusion group ONE has 16 policies already") as refusal:
        partition.publish(grouped(world, 16))
    assert (refusal.value.code, refusal.value.field) == (RejectCode.BAD_POLICY, "policy.exclusion_groups")
    partition.withdraw("G5", effective_at="2024-02-01")
    partition.publish(world.policy("G6", version=2), action="amend", effective_at="2024-02-01")  # it leaves the group
    partition.publish(grouped(world, 16), grouped(world, 17))


def successor(world: Any, policy_id: str, begins: str, **fields: Any) -> Any:
    return world.policy(policy_id, **{"succeeds": "SMALL", "valid": {"from": begins}, **fields})


@pytest.mark.parametrize(
    ("successors", "begins"),
    [
        ({}, None),
        ({"NEXT": "2024-07-01"}, "2024-07-01"),
        ({"NEXT": "2024-07-01", "OTHER": "2024-06-01", "THIRD": "2024-08-01"}, "2024-06-01"),
    ],
)
def test_a_successor_ends_its_predecessor_the_first_of_several(
    partition: Any, world: Any, successors: dict[str, str], begins: str | None
) -> None:
    partition.publish(world.policy(), *(successor(world, name, day) for name, day in successors.items()))
    on = partition.state.registry.succeeded_on("SMALL", world.moment("2024-01-01"))
    assert on == (None if begins is None else date.fromisoformat(begins))


def test_a_successor_counts_from_when_it_acts_until_it_is_withdrawn_or_names_another(
    partition: Any, world: Any
) -> None:
    partition.publish(world.policy())
    partition.publish(successor(world, "NEXT", "2024-07-01"), effective_at="2024-02-01")
    later = successor(world, "NEXT", "2024-08-01", version=2)
    partition.publish(later, action="amend", effective_at="2024-03-01")
    partition.publish(successor(world, "NEXT", "2024-08-01", version=3, succeeds=None), action="amend",
                      effective_at="2024-04-01")  # fmt: skip
    partition.publish(later.model_copy(update={"version": 4}), action="amend", effective_at="2024-05-01")
    partition.withdraw("NEXT", effective_at="2024-06-01")
    registry = partition.state.registry
    days = ["2024-01-31", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"]
    found = [registry.succeeded_on("SMALL", world.moment(day)) for day in days]
    assert found == [None, date(2024, 7, 1), date(2024, 8, 1), None, date(2024, 8, 1), None]
    turns = [registry.changes_after("SMALL", world.moment(day)) for day in days]
    assert turns == [world.moment(day) for day in days[1:]] + [None]


def test_only_its_maker_ends_a_policy(partition: Any, world: Any) -> None:
    partition.publish(world.policy(), successor(world, "NEXT", "2024-07-01", made_by="tax"))
    assert partition.state.registry.succeeded_on("SMALL", world.moment("2024-01-01")) is None


def test_a_successor_from_the_first_day_of_all_leaves_its_predecessor_none(partition: Any, world: Any) -> None:
    partition.settled_in(world.subjects[0])
    partition.publish(world.policy(), successor(world, "NEXT", "1900-01-01"))
    assert world.said(partition.drain()) == ["NEXT eligible", "NEXT push eligible"]


def test_a_successor_may_come_before_its_predecessor(partition: Any, world: Any) -> None:
    partition.publish(successor(world, "NEXT", "2024-07-01"), world.policy())
    assert partition.state.registry.succeeded_on("SMALL", world.moment("2024-01-01")) == date(2024, 7, 1)


def states(**fields: Any) -> CatalogueStatement:
    return CatalogueStatement.model_validate({"effective_at": "2024-01-01T00:00:00Z", **fields})


def statement(world: Any, *facts: dict[str, Any]) -> Any:
    return CatalogueStatement.model_validate({"effective_at": world.moment("2024-01-01"), "facts": list(facts)})
