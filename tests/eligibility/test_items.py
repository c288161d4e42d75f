"""Items of a list: how many meet a condition, or their share; in Kleene's logic, over lists that may be incomplete."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eligibility.catalogue import Catalogue
from eligibility.compile import compile_policy
from eligibility.errors import Refused
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.subject_file import FactKey, SubjectFile
from schemas.catalogue import FactDeclaration, ListDeclaration
from schemas.rejected import RejectCode

TODAY = date(2024, 5, 1)
AT = datetime(2024, 1, 1, tzinfo=UTC)
NAMES = {"zh": "事实", "en": "fact"}
LISTED = {
    "hires": {"hired_on": "date", "hire_age": "integer", "hire_local": "boolean", "hire_trade": "identifier"},
    "certificates": {"trade": "identifier", "level": "integer", "points": "decimal", "valid_to": "date"},
}


@pytest.fixture(scope="module")
def catalogue(world: Any) -> Catalogue:
    """The world's facts, and two lists: hires and certificates, said by human-resources."""
    facts = {
        name: FactDeclaration(name=name, title=NAMES, provider="human-resources", type=type_, list=listed)
        for listed, declared in LISTED.items()
        for name, type_ in declared.items()
    }
    lists = {name: ListDeclaration(name=name, title=NAMES, provider="human-resources") for name in LISTED}
    return Catalogue(facts={**world.catalogue.facts, **facts}, lists=lists)


@pytest.fixture(scope="module")
def decide(world: Any, catalogue: Catalogue) -> Any:
    """Whether facts, {item: value} where they are of a list, fulfil a condition; the evaluation of each item."""

    def decide(
        condition: Any,
        facts: Mapping[str, Any],
        *,
        complete: Any = ("hires", "certificates"),
        on: date = TODAY,
        **more: Any,
    ) -> list[Evaluation]:
        known = Catalogue(catalogue.facts, catalogue.lists, {name: date(2024, 1, 1) for name in complete})
        file = SubjectFile(world.subjects[0])
        for name, given_ in {"kind": "enterprise", "region": "210102", **facts}.items():
            values = given_ if isinstance(given_, dict) else {"-": given_}
            items = {FactKey(name, "-", item): value for item, value in values.items()}
            file = file.with_facts("human-resources", 1, items, AT, AT)
        policy = world.policy(conditions=condition, valid={"from": "2000-01-01"}, **more)
        return evaluate(compile_policy(policy, known), view_of(file, known, on))

    return decide


def hold(decide: Any, condition: Any, facts: Mapping[str, Any], **more: Any) -> tuple[bool | None, set[str]]:
    """The verdict, and what is missing: `fact/item` or a list's name."""
    (found,) = decide(condition, facts, **more)
    return found.eligible, {m.name if m.item == "-" else f"{m.name}/{m.item}" for m in found.missing}


YOUNG = {"fact": "hire_age", "at_most": 24}


def ages(*given_: int | None) -> dict[str, Any]:
    """Hires h1, h2 … by age; of one whose age is None only the day is known."""
    known = {f"h{n}": age for n, age in enumerate(given_, start=1) if age is not None}
    return {"hired_on": {f"h{n}": TODAY for n in range(1, len(given_) + 1)}, "hire_age": known}


@pytest.mark.parametrize(
    ("count", "given_", "complete", "verdict", "missing"),
    [
        # without a count: at least one
        (None, (20, 30), True, True, set()),
        (None, (30, 40), True, False, set()),
        (None, (), True, False, set()),
        (None, (30, None), True, None, {"hire_age/h2"}),
        (None, (20, None), True, True, set()),  # one is enough
        # a list that may be incomplete: a lower bound can be met, never missed
        (None, (20,), False, True, set()),
        (None, (30,), False, None, {"hires"}),
        (None, (), False, None, {"hires"}),
        (None, (30, None), False, None, {"hires", "hire_age/h2"}),
        ({"from": 2}, (20, 21, 30), True, True, set()),
        ({"from": 2}, (20, 30, 30), True, False, set()),
        ({"from": 2}, (20, None, 30), True, None, {"hire_age/h2"}),
        ({"from": 2}, (None, 30, 30), True, False, set()),  # whatever its age, there are not two
        ({"above": 2}, (20, 21), True, False, set()),
        ({"above": 2}, (20, 21, 22), False, True, set()),
        # an upper bound can be missed, never met
        ({"at_most": 0}, (), True, True, set()),
        ({"at_most": 0}, (), False, None, {"hires"}),
        ({"at_most": 0}, (20,), False, False, set()),
        ({"at_most": 0}, (20, None), True, False, set()),
        ({"at_most": 0}, (30, None), True, None, {"hire_age/h2"}),
        ({"at_most": 1}, (30, None), True, True, set()),  # even if it is young, it is the only one
        ({"below": 2}, (20, 21), False, False, set()),
        ({"below": 2}, (20, 30), True, True, set()),
        # both
        ({"from": 1, "at_most": 1}, (20, 30), True, True, set()),
        ({"from": 1, "at_most": 1}, (20, 21), False, False, set()),
        ({"from": 1, "at_most": 1}, (20, 30), False, None, {"hires"}),
        ({"from": 1, "at_most": 1}, (None,), True, None, {"hire_age/h1"}),
    ],
)
def test_how_many_meet_a_condition(
    decide: Any, count: Any, given_: Any, complete: bool, verdict: bool | None, missing: set[str]
) -> None:
    condition = {"items": "hires", "where": YOUNG, **({} if count is None else {"count": count})}
    found = hold(decide, condition, ages(*given_), complete=["hires"] if complete else [])
    assert found == (verdict, missing)


@pytest.mark.parametrize(
    ("count", "verdicts"),  # of none, one and two items, whatever they are
    [(None, [False, True, True]), ({"at_most": 1}, [True, True, False]), ({"from": 2}, [False, False, True])],
)
def test_without_a_condition_every_item_counts(decide: Any, count: Any, verdicts: list[bool]) -> None:
    condition = {"items": "hires", **({} if count is None else {"count": count})}
    assert [hold(decide, condition, ages(*[None] * n))[0] for n in range(3)] == verdicts


SHARE = {"items": "hires", "where": YOUNG, "share": {"from": "0.15"}, "of": {"fact": "staff"}}
NO_SHARE = {**SHARE, "share": {"below": "0.15"}}


@pytest.mark.parametrize(
    ("condition", "given_", "staff", "complete", "verdict", "missing"),
    [
        (SHARE, (20, 21, 22), 20, True, True, set()),  # 0.15 exactly
        (SHARE, (20, 21, 22), 21, True, False, set()),
        (SHARE, (20, 21, 22), None, True, None, {"staff"}),
        (SHARE, (20, 21, None), 20, True, None, {"hire_age/h3"}),
        (SHARE, (20, 30, None), 20, True, False, set()),
        (SHARE, (20, 21, 22), 20, False, True, set()),
        (SHARE, (20, 21), 20, False, None, {"hires"}),
        (SHARE, (), 20, True, False, set()),
        (SHARE, (20,), 0, True, None, set()),  # of nobody, no share is defined
        (NO_SHARE, (20, 21, 22), 20, True, False, set()),
        (NO_SHARE, (20, 21, 22), 21, True, True, set()),
        (NO_SHARE, (20, 21, 22), 21, False, None, {"hires"}),
        (NO_SHARE, (20, 21, 22), 20, False, False, set()),
    ],
)
def test_their_share_of_a_fact(
    decide: Any, condition: Any, given_: Any, staff: Any, complete: bool, verdict: bool | None, missing: set[str]
) -> None:
    facts = {**ages(*given_), **({} if staff is None else {"staff": staff})}
    assert hold(decide, condition, facts, complete=["hires"] if complete else []) == (verdict, missing)


def test_a_share_is_exact(decide: Any) -> None:
    third = {**SHARE, "share": {"above": "0.333333", "below": "0.333334"}}
    assert hold(decide, third, {**ages(20), "staff": 3}) == (True, set())


def test_a_share_of_a_fact_per_period(decide: Any) -> None:
    """The whole is of the year it is asked for, and changes when the year turns."""
    condition = {**SHARE, "of": {"fact": "premium", "period": "last_year"}}
    found = decide(condition, {**ages(20)})[0]
    assert {(m.name, m.period) for m in found.missing} == {("premium", "2023")}
    assert found.changes_on == date(2025, 1, 1)


@given(
    st.lists(st.sampled_from([20, 30, None]), max_size=4),
    st.booleans(),
    st.sampled_from(["from", "above", "at_most", "below"]),
    st.integers(0, 5),
)
def test_a_verdict_holds_whatever_is_not_known(
    decide: Any, given_: list[int | None], complete: bool, bound: str, number: int
) -> None:
    """True or false only if every way of filling in the unknown ages, and of adding items, says the same."""
    condition = {"items": "hires", "where": YOUNG, "count": {bound: number}}
    verdict, _ = hold(decide, condition, ages(*given_), complete=["hires"] if complete else [])
    least = given_.count(20)
    most = least + given_.count(None) + (0 if complete else 10)
    compare = {"from": int.__ge__, "above": int.__gt__, "at_most": int.__le__, "below": int.__lt__}[bound]
    outcomes = {compare(n, number) for n in range(least, most + 1)}
    assert verdict == (outcomes.pop() if len(outcomes) == 1 else None)


def test_a_condition_of_several_facts_of_the_same_item(decide: Any) -> None:
    both = {"items": "hires", "where": {"all": [YOUNG, {"fact": "hire_local", "equals": True}]}}
    facts = {**ages(20, 30), "hire_local": {"h1": False, "h2": True}}
    assert hold(decide, both, facts) == (False, set())  # one is young, another local
    facts["hire_local"] = {"h1": True}
    assert hold(decide, both, facts) == (True, set())


def test_facts_of_no_list_are_the_subjects_within_where(decide: Any) -> None:
    condition = {"items": "hires", "where": {"any": [YOUNG, {"fact": "honest", "equals": True}]}}
    assert hold(decide, condition, {**ages(30), "honest": True}) == (True, set())
    assert hold(decide, condition, {**ages(30), "honest": False}) == (False, set())
    assert hold(decide, condition, ages(30)) == (None, {"honest"})


SKILLED = {"items": "certificates", "where": {"fact": "level", "at_most": 3}}


@pytest.mark.parametrize("inner", [SKILLED, {"items": "hires"}, {"not": {"any": [YOUNG, SKILLED]}}])
def test_lists_are_counted_each_by_itself(decide: Any, inner: Any) -> None:
    """Counting one within another would cost their product, at every change."""
    with pytest.raises(Refused, match="stand within items; count each list by itself"):
        decide({"items": "hires", "where": {"all": [YOUNG, inner]}}, ages(20))


# Against the item the policy is decided for.

FIRST = {
    "not": {
        "items": "certificates",
        "where": {
            "all": [
                {"fact": "trade", "equals": {"own": "trade"}},
                {"fact": "level", "below": {"own": "level"}},
            ]
        },
    }
}


def by_item(found: list[Evaluation]) -> dict[str, bool | None]:
    return {each.key.item: each.eligible for each in found}


@pytest.mark.parametrize(
    ("trades", "levels", "verdicts"),
    [
        ("AAB", (3, 4, 4), [True, False, True]),  # c1 is above c2 in its trade
        ("AAB", (4, 4, 3), [True, True, True]),  # c3 is of another trade
        ("AA", (3, None), [None, None]),
        ("A", (None,), [None]),
        ("AA", (3, 3), [True, True]),
    ],
)
def test_held_against_the_own_item(decide: Any, trades: str, levels: Any, verdicts: list[Any]) -> None:
    """No better certificate of the same trade."""
    facts = {
        "trade": {f"c{n}": trade for n, trade in enumerate(trades, start=1)},
        "level": {f"c{n}": level for n, level in enumerate(levels, start=1) if level is not None},
    }
    found = by_item(decide(FIRST, facts, for_each="certificates"))
    assert found == {f"c{n}": verdict for n, verdict in enumerate(verdicts, start=1)}


def test_what_is_missing_of_the_own_item_is_named(decide: Any) -> None:
    other = {"items": "hires", "where": {"fact": "hire_trade", "equals": {"own": "trade"}}}
    (found,) = decide(other, {"level": {"c1": 3}, "hire_trade": {"h1": "A"}}, for_each="certificates")
    assert (found.eligible, {(m.name, m.item) for m in found.missing}) == (None, {("trade", "c1")})
    (found,) = decide(other, {"trade": {"c1": "A"}, "hire_trade": {"h1": "A"}}, for_each="certificates")
    assert found.eligible is True


def test_integers_and_decimals_are_held_against_each_other(decide: Any) -> None:
    points = {"fact": "points", "from": {"own": "level"}}
    facts = {"level": {"c1": 3, "c2": 3}, "points": {"c1": Fraction(3), "c2": Fraction("2.999999")}}
    assert by_item(decide(points, facts, for_each="certificates")) == {"c1": True, "c2": False}


def test_dates_are_held_against_each_other(decide: Any) -> None:
    lasting = {"items": "hires", "where": {"fact": "hired_on", "at_most": {"own": "valid_to"}}}
    facts = {"valid_to": {"c1": TODAY, "c2": date(2024, 4, 30)}, "hired_on": {"h1": TODAY}}
    assert by_item(decide(lasting, facts, for_each="certificates")) == {"c1": True, "c2": False}


# For each.


def test_decided_for_each_item(decide: Any) -> None:
    found = decide(YOUNG, ages(20, 30, None), for_each="hires")
    assert by_item(found) == {"h1": True, "h2": False, "h3": None}
    assert {(m.name, m.item) for each in found for m in each.missing} == {("hire_age", "h3")}


@pytest.mark.parametrize(("complete", "verdict", "missing"), [(["hires"], False, set()), ([], None, {"hires"})])
def test_without_items_there_is_nothing_or_nobody_knows(decide: Any, complete: Any, verdict: Any, missing: Any) -> None:
    (found,) = decide(YOUNG, {}, for_each="hires", complete=complete)
    assert (found.key.item, found.eligible, {m.name for m in found.missing}) == ("-", verdict, missing)


def test_an_item_is_gone_once_all_its_facts_are_retracted(decide: Any) -> None:
    facts = {"hire_age": {"h1": 20, "h2": 20}}
    assert list(by_item(decide(YOUNG, facts, for_each="hires"))) == ["h1", "h2"]
    assert list(by_item(decide(YOUNG, {"hire_age": {"h1": 20, "h2": None}}, for_each="hires"))) == ["h1"]


def test_a_benefits_base_is_the_items(decide: Any) -> None:
    rules = [{"benefit": {"each": "100", "of": "hire_age"}}]
    found = decide(None, {"hire_age": {"h1": 20, "h2": 30}, "hired_on": {"h3": TODAY}}, for_each="hires", rules=rules)
    assert [e.amount.value for e in found] == ["2000.00", "3000.00", None]
    assert found[2].amount.arithmetic == "hire_age[h3] is not known"


# Time, and the reasons.


def test_time_passes_for_the_items_too(decide: Any) -> None:
    condition = {"items": "certificates", "where": {"fact": "valid_to", "not_past": True}, "count": {"from": 2}}
    facts = {"valid_to": {"c1": date(2024, 7, 31), "c2": date(2024, 6, 30), "c3": date(2024, 4, 30)}}
    (found,) = decide(condition, facts)
    assert (found.eligible, found.changes_on) == (True, date(2024, 7, 1))


LIMIT = {"limit": [{"from": "2024-01-01", "value": 1}, {"from": "2024-07-01", "value": 2}]}


def test_a_count_against_a_dated_parameter(decide: Any) -> None:
    condition = {"items": "hires", "count": {"from": {"parameter": "limit"}}}
    for on, verdict, changes_on in [(TODAY, True, date(2024, 7, 1)), (date(2024, 7, 1), False, None)]:
        (found,) = decide(condition, ages(20), on=on, parameters=LIMIT)
        assert (found.eligible, found.changes_on) == (verdict, changes_on)


SIGNS = {"from": "≥", "at_most": "≤"}


@pytest.mark.parametrize(
    ("count", "given_", "sources"),
    [
        ({"from": 1}, (20, 30), ["hire_age/h1"]),  # of one that is enough the others say nothing
        # all of them, and that there are no more
        ({"at_most": 1}, (20, 30), ["hire_age/h1", "hire_age/h2", "hires/-"]),
        ({"from": 1}, (30,), ["hire_age/h1", "hires/-"]),
    ],
)
def test_the_reason_names_what_the_count_rests_on(decide: Any, count: Any, given_: Any, sources: list[str]) -> None:
    (found,) = decide({"items": "hires", "where": YOUNG, "count": count}, {"hire_age": ages(*given_)["hire_age"]})
    reason = found.reasons[-1]
    assert (reason.fact, reason.provider) == ("hires", None)
    assert [f"{source.fact}/{source.item}" for source in reason.inputs] == sources
    assert {str(s.complete_as_of) for s in reason.inputs if s.fact == "hires"} <= {"2024-01-01"}
    (bound,) = count.items()
    assert reason.condition == f"hires {SIGNS[bound[0]]} {bound[1]} that meet {{at_most:24,fact:hire_age}}"


# What the compiler refuses.


@pytest.mark.parametrize(
    ("condition", "for_each", "field", "named"),
    [
        ({"items": "loans"}, None, "conditions", "list 'loans' is not declared"),
        (None, "loans", "for_each", "list 'loans' is not declared"),
        (YOUNG, None, "conditions", "'hire_age' is of an item of hires"),
        (YOUNG, "certificates", "conditions", "'hire_age' is of an item of hires"),
        ({"all": [{"items": "hires"}, YOUNG]}, None, "conditions.all[1]", "'hire_age' is of an item of hires"),
        ({"items": "certificates", "where": YOUNG}, None, "conditions.where", "of an item of hires"),
        ({**SHARE, "of": {"fact": "hire_age"}}, None, "conditions.of", "of an item of hires"),
        ({**SHARE, "of": {"fact": "honest"}}, None, "conditions.of", "of type boolean, not a number"),
        ({**SHARE, "of": {"fact": "premium"}}, None, "conditions.of", "is given per year"),
        ({"items": "hires", "count": {"from": 2, "at_most": 1}}, None, "conditions.count", "contradictory"),
        ({**SHARE, "share": {"from": 1, "below": "0.5"}}, None, "conditions.share", "contradictory"),
        ({"items": "hires", "count": {"from": {"own": "level"}}}, "certificates", "conditions.count", "own: 'level'"),
        ({"items": "hires", "count": {"from": {"parameter": "most"}}}, None, "conditions.count", "'most'"),
        # own
        ({"fact": "trade", "equals": {"own": "trade"}}, None, "conditions", "'trade' is of an item"),
        ({"items": "hires", "where": {"fact": "hire_age", "from": {"own": "hire_age"}}}, None, "conditions.where",
         "'hire_age' is not a fact of the items of `for_each`"),
        ({"items": "hires", "where": {"fact": "hire_age", "from": {"own": "hire_age"}}}, "certificates",
         "conditions.where", "'hire_age' is not a fact of the items of `for_each`"),
        ({"fact": "trade", "equals": {"own": "staff"}}, "certificates", "conditions", "'staff' is not a fact"),
        ({"fact": "trade", "equals": {"own": "size"}}, "certificates", "conditions", "'size' is not declared"),
        ({"fact": "trade", "from": {"own": "trade"}}, "certificates", "conditions", "cannot be held ≥ 'trade'"),
        ({"fact": "level", "equals": {"own": "trade"}}, "certificates", "conditions", "'level', integer, cannot"),
        ({"fact": "valid_to", "from": {"own": "level"}}, "certificates", "conditions", "cannot be held ≥ 'level'"),
        ({"fact": "level", "from": {"own": "level"}, "at_most": 3}, "certificates", "conditions", "of their own"),
        ({"fact": "valid_to", "from": {"own": "valid_to"}, "reference": "today"}, "certificates", "conditions",
         "neither"),
    ],
)  # fmt: skip
def test_refused(
    world: Any, catalogue: Catalogue, condition: Any, for_each: str | None, field: str, named: str
) -> None:
    policy = world.policy(conditions=condition, for_each=for_each)
    with pytest.raises(Refused) as refusal:
        compile_policy(policy, catalogue)
    assert (refusal.value.code, refusal.value.field) == (RejectCode.BAD_POLICY, field), str(refusal.value)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    ("needed", "ends", "lasts"),
    [
        ({"from": 1}, ["2024-06-30"], "2024-06-30"),
        ({"from": 1}, ["2024-06-30", "2024-12-31"], "2024-12-31"),
        ({"from": 2}, ["2024-06-30", "2024-12-31", "2025-06-30"], "2024-12-31"),
        ({"above": 1}, ["2024-06-30", "2024-12-31", "2024-04-30"], "2024-06-30"),
        ({"at_most": 3}, ["2024-06-30"], None),  # fewer will do, too
    ],
)
def test_what_rests_on_certificates_holds_as_long_as_enough_do(
    decide: Any, needed: Any, ends: list[str], lasts: str | None
) -> None:
    condition = {"items": "certificates", "where": {"fact": "valid_to", "not_past": True}, "count": needed}
    (found,) = decide(condition, {"valid_to": {f"c{n}": date.fromisoformat(end) for n, end in enumerate(ends)}})
    assert (found.eligible, found.certificate_to and str(found.certificate_to)) == (True, lasts)
