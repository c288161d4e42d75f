"""Explanations on demand: what decides, what is gone, and the smallest set of missing facts that would decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from eligibility.business_time import business_date
from eligibility.catalogue import Catalogue
from eligibility.compile import compile_policy
from eligibility.errors import Refused
from eligibility.evaluate import evaluate, view_of
from eligibility.explain import Explained, Explanation, explain, fold_and_explain
from eligibility.facts_view import MissingFact
from eligibility.missing import smallest_missing
from eligibility.partition_state import PartitionState
from eligibility.subject_file import FactKey, FactValue, SubjectFile
from schemas.catalogue import FactDeclaration
from schemas.decisions import Decision

AT = datetime(2023, 12, 31, tzinfo=UTC)
DAY = date(2024, 6, 1)


@pytest.fixture
def explained(partition: Any, world: Any) -> Any:
    """Explain a policy of these conditions and rules for an enterprise of which these facts are known."""

    def explained(conditions: Any, /, known: dict[str, Any] | None = None, **fields: Any) -> Explanation:
        partition.widened()
        partition.tick("2024-06-01")
        partition.publish(world.policy("ASKED", conditions=conditions, valid={"from": "2023-01-01"}, **fields))
        partition.settled_in()
        for name, value in (known or {}).items():
            partition.change(world.subjects[0], **{name: value})
        partition.drain()
        return explain(partition.state, world.subjects[0], "ASKED")

    return explained


def smallest(explanation: Explanation) -> list[str] | None:
    """The smallest set for the one evaluation there is, in short: name, period, item."""
    ((_, found),) = explanation.smallest.items()
    return None if found is None else [":".join(p for p in (m.name, m.period, m.item) if p != "-") for m in found]


LAST_PREMIUM = {"fact": "premium", "period": "last_year", "above": 0}
AGED = {"fact": "established_on", "years_ago": {"from": 3}}
HONEST, FEW = {"fact": "honest", "equals": True}, {"fact": "staff", "at_most": 30}
WELL_PAID = {"fact": "hire_wage", "from": 3000}


@pytest.mark.parametrize(
    ("conditions", "known", "found"),
    [
        pytest.param({"all": [HONEST, FEW, LAST_PREMIUM]}, {}, ["honest", "premium:2023", "staff"], id="all"),
        pytest.param({"any": [{"all": [HONEST, FEW]}, LAST_PREMIUM]}, {}, ["premium:2023"], id="the cheapest"),
        pytest.param({"any": [FEW, HONEST]}, {}, ["honest"], id="of as many the first by name"),
        pytest.param({"not": {"any": [HONEST, FEW]}}, {}, ["honest", "staff"], id="a negation swaps"),
        pytest.param({"not": {"all": [HONEST, FEW]}}, {}, ["honest"], id="a negation swaps, too"),
        pytest.param(
            {"all": [{"any": [HONEST, FEW]}, {"any": [{"fact": "licence_to", "not_past": True}, FEW]}]},
            {},
            ["staff"],
            id="what two parts share counts once",
        ),
        pytest.param(
            {"all": [{"any": [{"fact": "staff", "from": 5}, HONEST]}, {"fact": "staff", "below": 3}]},
            {},
            ["honest", "staff"],
            id="one value cannot meet both",
        ),
        pytest.param({"all": [{"fact": "staff", "above": 5}, {"fact": "staff", "below": 6}]}, {}, None, id="nor here"),
        pytest.param({"all": [{"fact": "disabled_staff_ratio", "from": 1}, HONEST]}, {"disabled_staff": 2},
                     ["employees_in_post", "honest"], id="an input"),
        pytest.param({"fact": "disabled_staff_ratio", "from": "0.1"}, {"disabled_staff": 0}, None, id="none of many"),
        pytest.param({"fact": "disabled_staff_ratio", "from": 0}, {"employees_in_post": 0}, None, id="of nobody"),
        pytest.param({"any": [{"fact": "disabled_staff_ratio", "from": 1}, HONEST]}, {"employees_in_post": 0},
                     ["honest"], id="but for the other part"),
        pytest.param({"fact": "staff", "at_most": {"parameter": "later"}}, {}, None, id="a parameter to come"),
        pytest.param({"fact": "staff", "at_most": {"parameter": "later"}}, {"staff": 3}, None, id="though all is told"),
        pytest.param({"fact": "established_on", "years_ago": {"from": 3}}, {}, ["established_on"], id="a date"),
        pytest.param(
            {"all": [
                {"fact": "established_on", "years_ago": {"from": 3}},
                {"fact": "established_on", "calendar_years_ago": {"at_most": 2}},
            ]},
            {},
            None,
            id="dates that cannot be",
        ),
        pytest.param({"items": "hires", "where": WELL_PAID}, {}, ["hires"], id="a list"),
        pytest.param({"items": "hires", "where": WELL_PAID}, {"hire_graduate": {"h1": True, "h2": True}},
                     ["hire_wage:h1"], id="an item is enough"),
        pytest.param({"items": "hires", "where": WELL_PAID, "count": {"from": 2}},
                     {"hire_graduate": {"h1": True, "h2": True, "h3": True}, "hire_wage": {"h3": "5000"}},
                     ["hire_wage:h1"], id="one more"),
        pytest.param({"items": "hires", "where": WELL_PAID, "count": {"at_most": 1}},
                     {"hire_graduate": {"h1": True, "h2": True}, "hire_wage": {"h1": "10"}},
                     ["hires"], id="that there are no more"),
        pytest.param({"items": "hires", "where": WELL_PAID, "share": {"from": "0.5"}, "of": {"fact": "staff"}},
                     {"hire_graduate": {"h1": True}, "staff": 0}, None, id="a share of nobody"),
        pytest.param({"items": "hires", "where": WELL_PAID, "share": {"from": "0.5"}, "of": {"fact": "staff"}},
                     {"hire_graduate": {"h1": True}}, ["hire_wage:h1", "hires", "staff"], id="a share of who knows"),
        pytest.param({"received": ["SMALL"]}, {"receipt_amount": {"r1": "5"}}, ["receipt_policy:r1", "receipts"],
                     id="receipts"),
    ],
)  # fmt: skip
def test_the_smallest_set(explained: Any, conditions: Any, known: Any, found: list[str] | None) -> None:
    parameters = {"later": [{"from": "2030-01-01", "value": 5}]}
    assert smallest(explained(conditions, known, parameters=parameters)) == found


def test_who_has_nothing_told_of_lacks_whom_it_is_for(world: Any, partition: Any) -> None:
    partition.publish(world.document("SMALL"))
    found = explain(partition.state, world.subjects[0], "SMALL").smallest
    ((_, missing),) = found.items()
    assert [(m.name, m.provider) for m in missing or ()] == [
        ("kind", "market-supervision"),
        ("region", "market-supervision"),
        ("staff", "human-resources"),
    ]


def test_some_rule_is_enough(explained: Any) -> None:
    rules = [
        {"when": {"all": [HONEST, FEW]}, "benefit": {"fixed": "1"}},
        {"when": LAST_PREMIUM, "benefit": {"fixed": "2"}},
    ]
    assert smallest(explained(None, rules=rules)) == ["premium:2023"]


def test_a_top_up_lacks_the_receipts_it_takes_from(explained: Any) -> None:
    rules = [{"benefit": {"fixed": "100", "top_up": ["SMALL"]}}]
    assert smallest(explained(HONEST, rules=rules)) == ["honest", "receipts"]


def test_before_a_rule_that_holds_stands_one_that_must_not_or_gives_something(explained: Any) -> None:
    rules = [{"when": FEW, "benefit": {"fixed": "100", "top_up": ["SMALL"]}}, {"benefit": {"fixed": "50"}}]
    assert smallest(explained(None, rules=rules)) == ["receipts"]


def test_an_event_s_day_decides_what_else_is_asked(explained: Any) -> None:
    fields = {"for_each": "hires", "reference": "hired_on", "valid_on": "reference"}
    found = explained(LAST_PREMIUM, {"hire_graduate": {"h1": True}, "premium": {"2022": "7"}}, **fields)
    assert smallest(found) == ["hired_on:h1"], "of 2023, of whose last year the premium is known"


def test_an_event_s_day_of_which_more_is_missing(explained: Any) -> None:
    fields = {"for_each": "hires", "reference": "hired_on", "valid_on": "reference"}
    found = explained(LAST_PREMIUM, {"hire_graduate": {"h1": True}}, **fields)
    ((_, facts),) = found.smallest.items()
    assert [m.name for m in facts or ()] == ["hired_on", "premium"]


def test_an_industry_decides_what_a_size_class_asks(world: Any) -> None:
    assets = FactDeclaration(name="assets", title={"zh": "a", "en": "a"}, provider="tax", type="decimal")
    sales = assets.model_copy(update={"name": "yearly_sales", "period": "year"})
    persons = assets.model_copy(update={"name": "persons_employed", "type": "integer"})
    catalogue = Catalogue(facts={**world.catalogue.facts, **{each.name: each for each in (assets, sales, persons)}})
    small = {"fact": "size_class", "one_of": ["small"]}
    trade = {"fact": "industry", "within": ["F"]}
    for conditions, told, expected in (
        (small, {}, ["industry", "persons_employed"]),
        (small, {"persons_employed": 50}, ["industry"]),
        ({"all": [small, trade]}, {"persons_employed": 9}, ["industry", "yearly_sales"]),
        ({"all": [small, {"fact": "industry", "within": ["M"]}]}, {"persons_employed": 500}, None),
    ):
        compiled = compile_policy(world.policy("SIZE", conditions=conditions), catalogue)
        facts = {
            FactKey(name): said(value) for name, value in {"kind": "enterprise", "region": "210102", **told}.items()
        }
        view = view_of(SubjectFile(world.subjects[0], facts=facts), catalogue, DAY)
        (evaluation,) = evaluate(compiled, view)
        assert evaluation.eligible is None
        found = smallest_missing(compiled, view, evaluation, None)
        assert (None if found is None else [m.name for m in found]) == expected, (conditions, told)


def said(value: Any) -> FactValue:
    return FactValue(value, "tax", 1, AT, AT)


def test_what_does_not_decide_is_not_named(explained: Any) -> None:
    (found,) = explained({"any": [FEW, HONEST, LAST_PREMIUM]}, {"staff": 5, "premium": {"2023": "0"}}).evaluations
    assert [reason.condition for reason in found.reasons if reason.fact not in ("kind", "region")] == ["staff ≤ 30"]
    assert found.eligible and not found.missing


def test_of_a_condition_that_fails_only_what_fails_it_is_named(explained: Any) -> None:
    (found,) = explained({"all": [FEW, HONEST, LAST_PREMIUM]}, {"staff": 50, "premium": {"2023": "5"}}).evaluations
    assert [(reason.condition, reason.value) for reason in found.reasons] == [("staff ≤ 30", False)]
    assert found.eligible is False and not found.missing


def test_an_item_that_is_gone_is_explained_to_who_was_told_of_it(partition: Any, world: Any) -> None:
    subject = world.subjects[0]
    partition.widened()
    partition.tick("2024-04-01")
    partition.publish(world.document("HIRE"))
    partition.settled_in()
    partition.change(subject, established_on="2020-01-01")
    partition.change(subject, premium={"2023": "7"}, hired_on={"h1": "2024-03-01"}, hire_graduate={"h1": True})
    partition.drain()
    assert [e.key.item for e in explain(partition.state, subject, "HIRE").evaluations if e.eligible] == ["h1"]
    partition.change(subject, hired_on={"h1": None}, hire_graduate={"h1": None})
    found = explain(partition.state, subject, "HIRE")
    assert [(e.key.item, e.eligible) for e in found.evaluations] == [("h1", None)]
    assert smallest(found) == ["hires"]


def test_no_version_acts(partition: Any, world: Any) -> None:
    subject = world.subjects[0]
    with pytest.raises(Refused, match="'SMALL' is not published"):
        explain(partition.state, subject, "SMALL")
    partition.publish(world.document("SMALL"), effective_at="2024-03-01")
    found = explain(partition.state, subject, "SMALL")
    assert (found.version, found.withdrawn, found.evaluations) == (None, False, ())
    partition.until("2024-03-01")
    assert explain(partition.state, subject, "SMALL").version is not None
    partition.withdraw("SMALL", "2024-03-01")
    found = explain(partition.state, subject, "SMALL")
    assert (found.version, found.withdrawn, found.evaluations) == (None, True, ())


def decided(partition: Any, subject: str, policy: str) -> list[tuple[str, str]]:
    """The decisions of a journal about a policy for a subject: the day and the verdict, each as it is explained."""
    state = PartitionState(0)
    found: list[Explained] = []
    for offset, value in enumerate(partition.log):
        found += fold_and_explain(state, offset, value, subject, policy)
    decisions = [e for e in partition.effects if isinstance(e, Decision) and e.match.policy == policy]
    assert [each.decision for each in found] == decisions
    assert all(each.agrees for each in found)
    return [(business_date(each.explanation.at).isoformat(), each.explanation.verdict(each.key)) for each in found]


def test_what_time_had_decided_before_a_record_is_explained_by_the_facts_before_it(partition: Any, world: Any) -> None:
    subject = world.subjects[0]
    partition.publish(world.document("AGED"))
    partition.settled_in()
    partition.change(subject, established_on="2021-06-15")
    partition.drain()
    partition.tick("2024-06-15")
    partition.change(subject, established_on="2023-01-01")
    partition.drain()
    assert decided(partition, subject, "AGED") == [("2024-06-15", "eligible"), ("2024-06-15", "ineligible")]


def test_an_earlier_moment_is_explained_by_what_was_known_of_lists_then(partition: Any, world: Any) -> None:
    subject = world.subjects[0]
    partition.widened()
    partition.complete("blacklisted")
    conditions = {"all": [AGED, {"fact": "blacklisted", "equals": False}]}
    partition.publish(world.policy("CLEAN", conditions=conditions))
    partition.settled_in()
    partition.change(subject, established_on="2021-06-15")
    partition.drain()
    partition.tick("2024-06-20")
    partition.complete("blacklisted", None)
    partition.drain()
    assert decided(partition, subject, "CLEAN") == [("2024-06-15", "eligible"), ("2024-06-20", "undetermined")]


def test_a_match_whose_period_has_passed_or_that_is_withdrawn(partition: Any, world: Any) -> None:
    subject = world.subjects[0]
    partition.publish(world.document("REFUND"))
    partition.settled_in()
    partition.change(subject, premium={"2023": "7", "2024": "7"})
    partition.drain()
    partition.until("2025-01-01")
    partition.withdraw("REFUND", "2025-01-01")
    partition.drain()
    assert decided(partition, subject, "REFUND") == [
        ("2024-01-01", "eligible"),
        ("2025-01-01", "ended"),
        ("2025-01-01", "eligible"),
        ("2025-01-01", "withdrawn"),
    ]


# The slow twin: every subset of what is unknown, with every value, held against the plain evaluator.

DOMAINS: dict[FactKey, list[Any]] = {
    FactKey("staff"): [4, 5, 6, 7, 8],
    FactKey("premium", "2023"): [Fraction(-1), Fraction(0), Fraction(50), Fraction(100), Fraction(101)],
    FactKey("honest"): [True, False],
    FactKey("licence_to"): [date(2024, 5, 31), DAY],
    FactKey("established_on"): [
        date(2020, 6, 1), date(2021, 6, 1), date(2021, 6, 2), date(2023, 6, 2), date(2024, 2, 1)
    ],
    FactKey("employees_in_post"): [0, 1, 2, 4],
    FactKey("disabled_staff"): [0, 1, 2],
    FactKey("hire_wage", item="h1"): [Fraction(2000), Fraction(3000)],
    FactKey("hire_wage", item="h2"): [Fraction(2000), Fraction(3000)],
    FactKey("hire_wage", item="h3"): [Fraction(2000), Fraction(3000)],
}  # fmt: skip
TRIED_TOO = {FactKey("employees_in_post"): [9]}
"""Of nine, twice the most disabled persons there are: never known, so that no share asks for more of either."""
LEAVES: list[dict[str, Any]] = [
    {"fact": "staff", "at_most": 5},
    {"fact": "staff", "above": 5, "below": 7},
    {"fact": "staff", "from": 7},
    {"fact": "staff", "at_most": {"parameter": "later"}},
    {"fact": "premium", "period": "last_year", "above": 0, "below": 100},
    {"fact": "premium", "period": "last_year", "from": 100},
    HONEST,
    {"fact": "honest", "equals": False},
    {"fact": "licence_to", "not_past": True},
    {"fact": "established_on", "years_ago": {"from": 3}},
    {"fact": "established_on", "years_ago": {"below": 1}},
    {"fact": "established_on", "calendar_years_ago": {"from": 1, "at_most": 3}},
    {"fact": "disabled_staff_ratio", "from": "0.5"},
    {"items": "hires", "where": WELL_PAID},
    {"items": "hires", "where": WELL_PAID, "count": {"from": 2}},
    {"items": "hires", "where": WELL_PAID, "count": {"at_most": 1}},
    {"items": "hires", "where": WELL_PAID, "count": {"from": 1, "below": 3}},
    {"items": "hires", "where": {"any": [WELL_PAID, HONEST]}, "share": {"from": "0.4"}, "of": {"fact": "staff"}},
]
CONDITIONS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=7,
)


def tried(fact: MissingFact) -> list[Any]:
    key = FactKey(*fact[:3])
    return [*DOMAINS[key], *TRIED_TOO.get(key, [])]


def slow(policy: Any, view: Any, unknown: list[MissingFact]) -> tuple[MissingFact, ...] | None:
    """The first subset, by size and then in order, for which some values make the policy's evaluation true."""
    for size in range(1, len(unknown) + 1):
        for chosen in combinations(unknown, size):
            for values in product(*map(tried, chosen)):
                told = {FactKey(*f[:3]): said(v) for f, v in zip(chosen, values, strict=True)}
                file = replace(view.file, facts={**view.file.facts, **told})
                (found,) = evaluate(policy, view_of(file, view.catalogue, view.today))
                if found.eligible:
                    return chosen
    return None


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data(), conditions=CONDITIONS)
def test_the_slow_twin_finds_the_same(data: st.DataObject, conditions: Any, world: Any, wide: Catalogue) -> None:
    rules: list[dict[str, Any]] = [{"benefit": {"fixed": "1"}}]
    if data.draw(st.booleans(), label="a rule of its own"):
        rules = [{**rules[0], "when": data.draw(CONDITIONS)}, {**rules[0], "when": data.draw(CONDITIONS)}]
    parameters = {"later": [{"from": "2030-01-01", "value": 5}]}
    policy = compile_policy(world.policy("ASKED", conditions=conditions, rules=rules, parameters=parameters), wide)
    facts = {FactKey("kind"): said("enterprise"), FactKey("region"): said("210102")}
    facts |= {FactKey("hire_graduate", item=item): said(True) for item in ("h1", "h2", "h3")}
    for key, values in DOMAINS.items():
        whole = key.name == "staff" and "share" in str((conditions, rules))  # of an unknown whole, all is asked for
        if whole or data.draw(st.integers(0, 2), label=f"{key} is known") == 0:
            facts[key] = said(data.draw(st.sampled_from(values)))
    view = view_of(SubjectFile(world.subjects[0], facts=facts), wide, DAY)
    (evaluation,) = evaluate(policy, view)
    if evaluation.eligible is not None:
        return
    unknown = sorted(evaluation.undecided)
    expected = slow(policy, view, unknown)
    event(f"facts: {None if expected is None else len(expected)} of {len(unknown)}")
    assert smallest_missing(policy, view, evaluation, None) == expected


@pytest.fixture(scope="session")
def wide(world: Any) -> Catalogue:
    """The tiny world's catalogue, widened, with hires that are all told of."""
    partition = world.partition().begin().widened()
    partition.complete("hires")
    return partition.state.registry.catalogue
