"""Complete lists: where a provider vouches for one, absence means "not on it"; everywhere else it means nothing."""

from datetime import date
from typing import Any

import pytest

from eligibility.business_time import business_date
from eligibility.compile import compile_policy
from eligibility.evaluate import evaluate, view_of
from eligibility.facts_view import Observation
from eligibility.registry import Registry
from eligibility.subject_file import FactKey, SubjectFile
from schemas.catalogue import CatalogueStatement
from schemas.decisions import Decision

NAMES = {"zh": "事实", "en": "fact"}
TODAY = date(2024, 5, 1)
LISTS = [{"name": "incidents", "title": NAMES, "provider": "courts"}]
FACTS = [
    {"name": "dishonest", "title": NAMES, "provider": "courts", "type": "boolean"},
    {"name": "in_arrears", "title": NAMES, "provider": "courts", "type": "boolean", "period": "year"},
    {"name": "incident_on", "title": NAMES, "provider": "courts", "type": "date", "list": "incidents"},
    {"name": "major", "title": NAMES, "provider": "courts", "type": "boolean", "list": "incidents"},
]


def complete(**as_of: str | None) -> list[dict[str, Any]]:
    return [{"name": name, "as_of": day} for name, day in as_of.items()]


def registry(world: Any, **as_of: str | None) -> Registry:
    fields = {"effective_at": world.moment("2024-01-01"), "lists": LISTS, "facts": FACTS, "complete": complete(**as_of)}
    known = Registry(catalogue=world.catalogue)
    return known.with_statement(CatalogueStatement.model_validate(fields))


@pytest.fixture
def see(world: Any) -> Any:
    """What is seen of a subject with one major incident, i1, and one of which only the day is known, i2."""

    def see(name: str, *place: str, on: date = TODAY, **as_of: str | None) -> Observation:
        at = world.moment("2024-01-01")
        facts = {FactKey("major", "-", "i1"): True, FactKey("incident_on", "-", "i2"): TODAY}
        file = SubjectFile(world.subjects[0]).with_facts("courts", 1, facts, at, at)
        period, item = place or ("-", "-")
        return view_of(file, registry(world, **as_of).catalogue, on).at(name, period, item=item)

    return see


@pytest.mark.parametrize(
    ("name", "place", "as_of", "value"),
    [
        ("dishonest", (), {}, None),
        ("dishonest", (), {"dishonest": "2024-05-01"}, False),
        ("dishonest", (), {"dishonest": "2024-05-02"}, None),  # not yet
        ("dishonest", (), {"honest": "2024-01-01"}, None),  # another list
        ("dishonest", (), {"dishonest": None}, None),
        ("in_arrears", ("2023", "-"), {"in_arrears": "2024-01-01"}, False),
        ("major", ("-", "i1"), {"major": "2024-01-01"}, True),  # what is said counts
        ("major", ("-", "i2"), {"major": "2024-01-01"}, False),
        ("major", ("-", "i2"), {"incidents": "2024-01-01"}, None),  # the list is complete, its items' facts are not
        ("major", ("-", "i2"), {}, None),
    ],
)
def test_absent_is_false_where_the_list_is_complete(see: Any, name: str, place: Any, as_of: Any, value: Any) -> None:
    seen = see(name, *place, **as_of)
    assert seen.value is value
    assert {(m.name, m.period, m.item, m.provider) for m in seen.missing} == (
        {(name, *(place or ("-", "-")), "courts")} if value is None else set()
    )


def test_what_is_inferred_says_so(see: Any) -> None:
    (source,) = see("dishonest", dishonest="2024-02-01").sources
    assert (source.complete_as_of, source.value.version, source.value.provider) == (date(2024, 2, 1), 0, "courts")
    assert business_date(source.value.effective_at) == date(2024, 2, 1)
    assert see("major", "-", "i1", major="2024-01-01").sources[0].complete_as_of is None


def test_the_reason_names_the_day_from_which_the_list_is_complete(world: Any, partition: Any) -> None:
    policy = world.policy(conditions={"fact": "honest", "equals": False})
    decision, _ = decided(partition, world, policy, honest="2024-01-01")
    reason = decision.reasons[-1]
    assert (reason.fact, reason.observed, reason.provider) == ("honest", False, "courts")
    assert (reason.provider_version, str(reason.complete_as_of)) == (None, "2024-01-01")


# Through the reducer.

NOT_LISTED = {"fact": "honest", "equals": False}
NO_INCIDENT = {"items": "incidents", "count": {"at_most": 0}}


def decided(partition: Any, world: Any, policy: Any, **as_of: str | None) -> list[Any]:
    """An enterprise of which nothing is known, a policy, and a provider's word; what follows."""
    partition.declare(map(declaration, FACTS), lists=LISTS)
    partition.settled_in()
    partition.publish(policy)
    happened = partition.drain()
    partition.declare([], complete=complete(**as_of))
    return happened + partition.drain()


def declaration(fields: dict[str, Any]) -> Any:
    return CatalogueStatement.model_validate({"effective_at": "2024-01-01T00:00:00Z", "facts": [fields]}).facts[0]


@pytest.mark.parametrize(("condition", "name"), [(NOT_LISTED, "honest"), (NO_INCIDENT, "incidents")])
def test_a_word_given_and_taken_back(partition: Any, world: Any, condition: Any, name: str) -> None:
    happened = decided(partition, world, world.policy(conditions=condition), **{name: "2024-01-01"})
    assert world.said(happened) == ["SMALL eligible", "SMALL push eligible"]
    partition.declare([], complete=complete(**{name: None}))
    assert world.said(partition.drain()) == ["SMALL undetermined"]  # unknown again, which is no news yet
    partition.declare([], complete=complete(**{name: "2024-01-01"}))
    assert world.said(partition.drain()) == ["SMALL eligible"]


@pytest.mark.parametrize(("condition", "name"), [(NOT_LISTED, "honest"), (NO_INCIDENT, "incidents")])
def test_a_word_said_again_changes_nothing(partition: Any, world: Any, condition: Any, name: str) -> None:
    decided(partition, world, world.policy(conditions=condition), **{name: "2024-01-01"})
    partition.declare([], complete=complete(**{name: "2024-06-01"}))
    assert partition.drain() == []


def test_who_is_on_the_list_is_on_it(partition: Any, world: Any) -> None:
    decided(partition, world, world.policy(conditions=NOT_LISTED), honest="2024-01-01")
    assert world.said(partition.change(world.subjects[0], honest=True)) == [
        "SMALL ineligible",
        "SMALL push no_longer_eligible",
    ]
    assert world.said(partition.change(world.subjects[0], honest=None)) == ["SMALL eligible", "SMALL push eligible"]


@pytest.mark.parametrize(
    ("condition", "name"),
    [
        (NOT_LISTED, "honest"),
        (NO_INCIDENT, "incidents"),
        ({"not": {"fact": "in_arrears", "period": "last_year", "equals": True}}, "in_arrears"),
    ],
)
def test_a_list_that_will_be_complete_is_so_from_its_day(partition: Any, world: Any, condition: Any, name: str) -> None:
    decided(partition, world, world.policy(conditions=condition), **{name: "2024-06-01"})
    assert not [e for e in partition.until("2024-05-31") if isinstance(e, Decision)]
    happened = partition.until("2024-06-15")
    assert world.said(happened) == ["SMALL eligible", "SMALL push eligible"]
    assert happened[0].as_of == world.moment("2024-06-01")


IN_ARREARS = {"fact": "in_arrears", "period": "last_year", "equals": True}
LIMIT = {"limit": [{"from": "2020-01-01", "value": 1}, {"from": "2024-08-01", "value": 2}]}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"conditions": NOT_LISTED}, "honest"),
        ({"conditions": IN_ARREARS}, "in_arrears"),  # sooner than the year turns
        ({"conditions": NO_INCIDENT}, "incidents"),
        ({"for_each": "incidents"}, "incidents"),
        # also where a tick alone moves nothing: what is known of the event's year, all the same
        ({"conditions": IN_ARREARS, "reference": "established_on"}, "in_arrears"),
        ({"conditions": {**NO_INCIDENT, "count": {"below": {"parameter": "limit"}}}, "parameters": LIMIT,
          "reference": "established_on"}, "incidents"),
    ],
)  # fmt: skip
def test_a_list_that_will_be_complete_changes_what_it_decides_on_its_day(
    world: Any, fields: dict[str, Any], name: str
) -> None:
    known = registry(world, **{name: "2024-06-01"}).catalogue
    at = world.moment("2024-01-01")
    facts = {"kind": "enterprise", "region": "210102", "established_on": date(2023, 3, 1)}
    file = SubjectFile(world.subjects[0]).with_facts("tax", 1, {FactKey(n): v for n, v in facts.items()}, at, at)
    compiled = compile_policy(world.policy(**fields), known)
    (found,) = evaluate(compiled, view_of(file, known, TODAY))
    assert (found.eligible, found.changes_on) == (None, date(2024, 6, 1))
    (found,) = evaluate(compiled, view_of(file, known, date(2024, 6, 1)))
    assert found.eligible is not None
