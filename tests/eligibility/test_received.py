"""Benefits received, by finance's receipts: who counts, who never does, and what may wait for what."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from eligibility.catalogue import Catalogue
from eligibility.compile import compile_policy
from eligibility.errors import Refused
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.subject_file import FactKey, SubjectFile
from eligibility.values import parse
from schemas.catalogue import FactDeclaration, ListDeclaration
from schemas.rejected import RejectCode

TODAY = date(2024, 5, 1)
AT = datetime(2024, 1, 1, tzinfo=UTC)
NAMES = {"zh": "事实", "en": "fact"}
FORMS = {
    "receipts": {
        "receipt_policy": "identifier",
        "receipt_period": "identifier",
        "receipt_item": "identifier",
        "receipt_amount": "decimal",
        "receipt_date": "date",
    },
    "loans": {"lent_on": "date", "lender": "identifier"},
}
NEVER, ONCE = {"not": {"received": ["OTHER"]}}, {"received": ["OTHER"]}


def listed(name: str, declared: Mapping[str, str]) -> dict[str, FactDeclaration]:
    return {
        fact: FactDeclaration(name=fact, title=NAMES, provider="finance", type=type_, list=name)
        for fact, type_ in declared.items()
    }


@pytest.fixture(scope="module")
def catalogue(world: Any) -> Catalogue:
    """The world's facts, the list of receipts, and loans to decide for."""
    facts = {fact: known for name, declared in FORMS.items() for fact, known in listed(name, declared).items()}
    lists = {name: ListDeclaration(name=name, title=NAMES, provider="finance") for name in FORMS}
    return Catalogue(facts={**world.catalogue.facts, **facts}, lists=lists)


@pytest.fixture(scope="module")
def decide(world: Any, catalogue: Catalogue) -> Any:
    """Whether receipts (policy, date, then parts by name; None: not known) and facts fulfil a condition of OWN."""

    def decide(
        condition: Any, receipts: Any = (), *, complete: Any = ("receipts", "loans"), on: date = TODAY, **more: Any
    ) -> list[Evaluation]:
        known = Catalogue(catalogue.facts, catalogue.lists, {name: date(2024, 1, 1) for name in complete})
        facts: dict[FactKey, Any] = {FactKey("kind"): "enterprise", FactKey("region"): "210102"}
        for n, (policy, day, *parts) in enumerate(receipts, start=1):
            given = {"policy": policy, "date": day, "amount": "100", **(parts[0] if parts else {})}
            for part, value in given.items():
                if value is not None:
                    name = f"receipt_{part}"
                    facts[FactKey(name, "-", f"r{n}")] = parse(known.facts[name], value)
        for name, items in more.pop("facts", {}).items():
            facts |= {FactKey(name, "-", item): value for item, value in items.items()}
        file = SubjectFile(world.subjects[0]).with_facts("finance", 1, facts, AT, AT)
        fields = {"conditions": condition, "valid": {"from": "2000-01-01"}, **more}
        return evaluate(compile_policy(world.policy("OWN", **fields), known), view_of(file, known, on))

    return decide


def hold(decide: Any, *given: Any, **more: Any) -> tuple[bool | None, set[str]]:
    """The verdict, and what is missing: `fact/receipt` or the list."""
    (found,) = decide(*given, **more)
    return found.eligible, {m.name if m.item == "-" else f"{m.name}/{m.item}" for m in found.missing}


OTHER, THIRD = ("OTHER", "2024-03-01"), ("THIRD", "2024-03-01")
UNDATED, UNNAMED = ("OTHER", None), (None, "2024-03-01")


@pytest.mark.parametrize(
    ("condition", "receipts", "complete", "verdict", "missing"),
    [
        (ONCE, [OTHER], True, True, set()),
        (ONCE, [OTHER], False, True, set()),
        (ONCE, [THIRD], True, False, set()),
        (ONCE, [], True, False, set()),
        (ONCE, [], False, None, {"receipts"}),
        (ONCE, [UNNAMED], True, None, {"receipt_policy/r1"}),
        (ONCE, [UNNAMED, OTHER], True, True, set()),
        (ONCE, [UNDATED], True, True, set()),  # whenever it was
        (NEVER, [OTHER], True, False, set()),
        (NEVER, [OTHER], False, False, set()),
        (NEVER, [], True, True, set()),
        (NEVER, [], False, None, {"receipts"}),
        (NEVER, [UNNAMED], True, None, {"receipt_policy/r1"}),
        ({"received": ["OTHER", "THIRD"]}, [THIRD], True, True, set()),
        ({"received": ["OTHER", "THIRD"], "times": {"from": 2}}, [THIRD, OTHER], True, True, set()),
        ({"received": ["OTHER"], "times": {"from": 2}}, [THIRD, OTHER], True, False, set()),
        ({"received": ["OTHER"], "times": {"from": 2}}, [OTHER], False, None, {"receipts"}),
        ({"received": ["OTHER"], "times": {"below": 3}}, [OTHER, OTHER], True, True, set()),
        ({"received": ["OTHER"], "times": {"below": 3}}, [OTHER] * 3, True, False, set()),
        ({"received": ["OTHER"], "times": {"below": 3}}, [OTHER] * 2, False, None, {"receipts"}),
        ({"received": ["OTHER"], "times": {"below": 3}}, [OTHER] * 3, False, False, set()),
        ({"received": ["OTHER"], "times": {"below": 3}}, [OTHER, UNNAMED], True, True, set()),
        ({"received": ["OTHER"], "times": {"below": 3}}, [OTHER, OTHER, UNNAMED], True, None, {"receipt_policy/r3"}),
    ],
)
def test_how_often_it_was_received(
    decide: Any, condition: Any, receipts: Any, complete: bool, verdict: Any, missing: set[str]
) -> None:
    lists = ["receipts"] if complete else []
    assert hold(decide, condition, receipts, complete=lists) == (verdict, missing)


THIS_YEAR = {"received": ["OTHER"], "this_year": True}


@pytest.mark.parametrize(
    ("receipts", "on", "verdict", "missing"),
    [
        ([("OTHER", "2024-01-01")], TODAY, True, set()),
        ([("OTHER", "2023-12-31")], TODAY, False, set()),
        ([("OTHER", "2022-12-31")], date(2023, 6, 1), None, {"receipts"}),  # complete from 2024 on only
        ([UNDATED], TODAY, None, {"receipt_date/r1"}),
        ([UNDATED, OTHER], TODAY, True, set()),
        ([OTHER], date(2025, 1, 1), False, set()),
    ],
)
def test_received_this_year(decide: Any, receipts: Any, on: date, verdict: Any, missing: set[str]) -> None:
    assert hold(decide, THIS_YEAR, receipts, complete=["receipts"], on=on) == (verdict, missing)


def test_a_year_turns_for_what_is_received_in_it(decide: Any) -> None:
    (found,) = decide(THIS_YEAR, [OTHER])
    assert (found.eligible, found.changes_on) == (True, date(2025, 1, 1))
    (found,) = decide(ONCE, [OTHER])
    assert found.changes_on is None


# The receipt of the very match, and what came after.

OWN = ("OWN", "2024-04-01")


@pytest.mark.parametrize(
    ("condition", "receipts", "verdict"),
    [
        ({"not": {"received": ["OWN"]}}, [OWN], True),  # being paid is no reason not to be
        ({"not": {"received": ["OWN"]}}, [OWN, OWN], True),
        ({"not": {"received": ["OWN"]}}, [("OWN", "2024-03-01", {"period": "2023"})], False),  # for another period
        ({"not": {"received": ["OWN"]}}, [("OWN", "2024-03-01", {"item": "x"})], False),  # for another item
        ({"not": {"received": ["OWN"]}}, [OWN, ("OWN", "2024-03-01", {"item": "x"})], False),
        ({"not": {"received": ["OWN"]}}, [OWN, ("OWN", "2024-05-01", {"item": "x"})], True),
        ({"received": ["OWN"], "times": {"below": 1}}, [OWN], True),
        # others' receipts: before its own they count, from its day on no more
        (NEVER, [OWN, ("OTHER", "2024-03-31")], False),
        (NEVER, [OWN, ("OTHER", "2024-04-01")], True),
        (NEVER, [OWN, ("OTHER", "2024-04-02")], True),
        (NEVER, [("OTHER", "2024-04-02")], False),
        (ONCE, [OWN, ("OTHER", "2024-04-01")], False),
        # the first of its own counts
        (NEVER, [("OWN", "2024-04-03"), OWN, ("OTHER", "2024-04-02")], True),
        (NEVER, [("OWN", None), OWN, ("OTHER", "2024-04-02")], True),
    ],
)
def test_its_own_receipt_never_counts_nor_what_came_after(
    decide: Any, condition: Any, receipts: Any, verdict: bool
) -> None:
    (found,) = decide(condition, receipts)
    assert found.eligible is verdict
    assert found.received is any(len(receipt) == 2 and receipt[0] == "OWN" for receipt in receipts)


@pytest.mark.parametrize("receipts", [[("OWN", None), OTHER], [OWN, UNDATED]], ids=["own undated", "other undated"])
def test_whether_it_came_after_its_own_is_unknown_without_a_date(decide: Any, receipts: Any) -> None:
    assert decide(NEVER, receipts)[0].eligible is None


@pytest.mark.parametrize(
    ("period", "received"), [("2024", True), ("2023", False), (None, False)], ids=["this", "last", "none named"]
)
def test_what_is_granted_per_period_is_received_for_one(decide: Any, period: str | None, received: bool) -> None:
    (found,) = decide(None, [("OWN", "2024-04-01", {"period": period})], period="year")
    assert (found.key.period, found.received) == ("2024", received)


def test_being_received_alone_leaves_the_verdict(decide: Any) -> None:
    (found,) = decide(NEVER, [OWN, OTHER])
    assert (found.eligible, found.received) == (False, True)


def test_it_was_received_though_the_day_it_refers_to_is_unknown(decide: Any) -> None:
    given = {"for_each": "loans", "reference": "lent_on", "valid_on": "reference", "facts": {"lender": {"c": "bank"}}}
    (found,) = decide(None, [("OWN", "2024-04-01", {"item": "c"})], **given)
    assert (found.eligible, found.received) == (None, True)


# For an item.

FOR_ITEM = {"not": {"received": ["OTHER"], "item": "loans"}}
LOANS = {"lent_on": {"a": date(2024, 2, 1), "b": date(2023, 2, 1)}, "lender": {"c": "bank"}}


@pytest.mark.parametrize(
    ("receipts", "verdicts"),
    [
        ([], [True, True, True]),
        ([("OTHER", "2024-03-01", {"item": "a"})], [False, True, True]),
        ([OTHER], [True, True, True]),  # for the policy as a whole, for no item
        ([("OTHER", "2024-03-01", {"item": "a"}), ("OTHER", "2024-03-01", {"item": "c"})], [False, True, False]),
    ],
)
def test_received_for_the_item_it_is_decided_for(decide: Any, receipts: Any, verdicts: list[bool]) -> None:
    found = decide(FOR_ITEM, receipts, facts=LOANS, for_each="loans")
    assert [(e.key.item, e.eligible) for e in found] == list(zip("abc", verdicts, strict=True))


def test_received_for_any_item(decide: Any) -> None:
    found = decide(NEVER, [("OTHER", "2024-03-01", {"item": "a"})], facts=LOANS, for_each="loans")
    assert [e.eligible for e in found] == [False, False, False]


def test_its_own_receipt_is_that_of_its_item(decide: Any) -> None:
    """At most one loan is subsidised; the one that was, stays eligible."""
    most = {"received": ["OWN"], "times": {"below": 1}}
    found = decide(most, [("OWN", "2024-04-01", {"item": "b"})], facts=LOANS, for_each="loans")
    assert [(e.eligible, e.received) for e in found] == [(False, False), (True, True), (False, False)]


def test_received_for_the_item_that_is_looked_at(decide: Any) -> None:
    paid = {"items": "loans", "where": {"received": ["OTHER"], "item": "loans"}, "count": {"from": 2}}
    receipts = [("OTHER", "2024-03-01", {"item": item}) for item in "aac"]
    assert hold(decide, paid, receipts, facts=LOANS) == (True, set())
    assert hold(decide, paid, receipts[:2], facts=LOANS) == (False, set())


# By a reference date.


def test_this_year_is_that_of_the_reference_date(decide: Any) -> None:
    given = [("OTHER", "2024-03-01"), ("OTHER", "2024-03-02")]
    found = decide(THIS_YEAR, given, facts=LOANS, for_each="loans", reference="lent_on")
    assert [e.eligible for e in found] == [True, False, None]
    assert [{(m.name, m.item) for m in e.missing} for e in found] == [set(), set(), {("lent_on", "c")}]
    assert {e.changes_on for e in found} == {None}  # no tick moves it


def test_today_overrides_the_reference_date(decide: Any) -> None:
    condition = {**THIS_YEAR, "reference": "today"}
    found = decide(condition, [OTHER], facts=LOANS, for_each="loans", reference="lent_on")
    assert [(e.eligible, e.changes_on) for e in found] == [(True, date(2025, 1, 1))] * 3


def test_times_by_a_dated_parameter(decide: Any) -> None:
    limit = {"most": [{"from": "2024-01-01", "value": 1}, {"from": "2024-07-01", "value": 2}]}
    condition = {"received": ["OTHER"], "times": {"below": {"parameter": "most"}}}
    for on, verdict, changes_on in [(TODAY, False, date(2024, 7, 1)), (date(2024, 7, 1), True, None)]:
        (found,) = decide(condition, [OTHER], on=on, parameters=limit)
        assert (found.eligible, found.changes_on) == (verdict, changes_on)


# The reasons.


@pytest.mark.parametrize(
    ("condition", "receipts", "text", "inputs"),
    [
        (ONCE, [OTHER, THIRD], "received OTHER", [("receipt_policy", "r1")]),
        (NEVER, [THIRD], "received OTHER", [("receipts", "-")]),
        ({"received": ["OTHER", "THIRD"], "this_year": True, "times": {"at_most": 2}}, [THIRD],
         "received OTHER or THIRD this year, times ≤ 2", [("receipt_policy", "r1"), ("receipts", "-")]),
    ],
)  # fmt: skip
def test_the_reason_names_the_receipts(decide: Any, condition: Any, receipts: Any, text: str, inputs: Any) -> None:
    (found,) = decide(condition, receipts)
    reason = found.reasons[-1]
    assert (reason.condition, reason.fact) == (text, "receipts")
    assert [(source.fact, source.item) for source in reason.inputs] == inputs


# What the compiler refuses: its own receipts where they could make it true.

ITSELF = {"received": ["OTHER", "OWN"]}
MOST = {**ITSELF, "times": {"at_most": 2}}
LEAST = {**ITSELF, "times": {"from": 1}}


def some(where: Any, **count: Any) -> dict[str, Any]:
    return {"items": "loans", "where": where, **({"count": count} if count else {})}


@pytest.mark.parametrize(
    "condition",
    [
        ITSELF,
        LEAST,
        {"not": MOST},
        {"not": {"not": ITSELF}},
        {"all": [MOST, {"any": [LEAST, NEVER]}]},
        {**ITSELF, "times": {"from": 1, "at_most": 2}},
        {"not": {**ITSELF, "times": {"from": 1, "at_most": 2}}},
        some(ITSELF),
        some(ITSELF, **{"from": 1}),
        some(MOST, at_most=1),
        some({"not": ITSELF}, below=1),
        {"not": some(MOST)},
        {"not": some(ITSELF, at_most=1)},
        some({"not": ITSELF}, **{"from": 1, "at_most": 2}),
    ],
)
def test_a_policy_cannot_wait_for_itself(world: Any, catalogue: Catalogue, condition: Any) -> None:
    for policy in (
        world.policy("OWN", conditions=condition),
        world.policy("OWN", rules=[{"benefit": {"fixed": "1"}, "when": condition}]),
    ):
        with pytest.raises(Refused, match="its own receipts could make it true") as refusal:
            compile_policy(policy, catalogue)
        assert refusal.value.code is RejectCode.BAD_POLICY
        assert refusal.value.field is not None and refusal.value.field.endswith(".received")


@pytest.mark.parametrize(
    "condition",
    [
        {"not": ITSELF},
        MOST,
        {"not": LEAST},
        {"not": {"not": MOST}},
        {"any": [{"not": ITSELF}, {"fact": "staff", "from": 1}]},
        some(ITSELF, at_most=0),
        some(MOST),
        some({"not": ITSELF}, **{"from": 2}),
        {"not": some(ITSELF)},
        {"not": some(MOST, below=1)},
    ],
)
def test_a_policy_may_bar_by_its_own_receipts(world: Any, catalogue: Catalogue, condition: Any) -> None:
    assert compile_policy(world.policy("OWN", conditions=condition), catalogue).receives == {"OTHER"}


@pytest.mark.parametrize(
    ("condition", "field", "named"),
    [
        ({**ONCE, "item": "loans"}, "conditions", "no item of 'loans' is meant here"),
        ({"items": "receipts", "where": {**ONCE, "item": "loans"}}, "conditions.where", "no item of 'loans'"),
        ({**ONCE, "times": {"from": 2, "below": 2}}, "conditions.times", "contradictory"),
        ({**ONCE, "times": {"from": {"own": "lent_on"}}}, "conditions.times", "own"),
        ({**THIS_YEAR, "reference": "staff"}, "conditions.reference", "of type integer; a reference date is a date"),
        ({**THIS_YEAR, "reference": "lent_on"}, "conditions.reference", "is of an item of loans"),
    ],
)
def test_refused(world: Any, catalogue: Catalogue, condition: Any, field: str, named: str) -> None:
    with pytest.raises(Refused) as refusal:
        compile_policy(world.policy("OWN", conditions=condition), catalogue)
    assert refusal.value.field == field
    assert named in str(refusal.value)


def test_without_a_list_of_receipts_nothing_can_be_received(world: Any) -> None:
    with pytest.raises(Refused, match="list 'receipts' is not declared"):
        compile_policy(world.policy("OWN", conditions=ONCE), world.catalogue)


# Top-up: only the difference.

TOP_UP = {"fixed": "250", "top_up": ["OTHER", "THIRD"]}


def got(policy: Any, amount: Any, day: str | None = "2024-03-01", **parts: Any) -> Any:
    return (policy, day, {"amount": amount, **parts})


@pytest.mark.parametrize(
    ("receipts", "complete", "verdict", "amount", "missing"),
    [
        ([], True, True, "250.00", set()),
        ([got("OTHER", "100")], True, True, "150.00", set()),
        ([got("OTHER", "100"), got("THIRD", "149.99")], True, True, "0.01", set()),
        ([got("OTHER", "100"), got("ELSE", "200")], True, True, "150.00", set()),
        ([got("OTHER", "250")], True, False, "0.00", set()),  # nothing is left
        ([got("OTHER", "300")], True, False, "0.00", set()),
        ([got("OTHER", "300")], False, False, "0.00", set()),  # whatever else was received
        ([got("OTHER", "100")], False, None, None, {"receipts"}),
        ([], False, None, None, {"receipts"}),
        ([got("OTHER", None)], True, None, None, {"receipt_amount/r1"}),
        ([got("OTHER", None), got("OTHER", "250")], True, False, "0.00", set()),
        ([got("ELSE", None)], True, True, "250.00", set()),
        ([got(None, "10")], True, None, None, {"receipt_policy/r1"}),
        # its own, and what came after
        ([got("OWN", "250")], True, True, "250.00", set()),
        ([got("OTHER", "100", "2024-02-28"), got("OWN", "150")], True, True, "150.00", set()),
        ([got("OTHER", "100", "2024-03-02"), got("OWN", "250")], True, True, "250.00", set()),
    ],
)
def test_a_top_up_is_the_difference_to_what_was_received(
    decide: Any, receipts: Any, complete: bool, verdict: Any, amount: Any, missing: set[str]
) -> None:
    (found,) = decide(None, receipts, complete=["receipts"] if complete else [], rules=[{"benefit": TOP_UP}])
    assert (found.eligible, found.amount.value) == (verdict, amount)
    assert {m.name if m.item == "-" else f"{m.name}/{m.item}" for m in found.missing} == missing


@pytest.mark.parametrize(
    ("receipts", "arithmetic"),
    [
        ([got("OTHER", "100")], "fixed 250, less 100.00 received = 150.00"),
        ([got("OTHER", "300")], "fixed 250, less 300.00 received: nothing is left"),
        ([got("OTHER", None)], "fixed 250, less 0.00 received; what else was received is not known"),
    ],
)
def test_the_arithmetic_of_a_top_up(decide: Any, receipts: Any, arithmetic: str) -> None:
    (found,) = decide(None, receipts, rules=[{"benefit": TOP_UP}])
    assert found.amount.arithmetic == arithmetic


@pytest.mark.parametrize("amount", ["250", "300"])
def test_what_was_received_for_an_unknown_policy_may_be_of_another(decide: Any, amount: str) -> None:
    (found,) = decide(None, [got(None, amount)], rules=[{"benefit": TOP_UP}])
    assert (found.eligible, {m.name for m in found.missing}) == (None, {"receipt_policy"})


def test_where_no_rule_would_leave_anything_nothing_is_due(decide: Any) -> None:
    rules = [
        {"when": {"fact": "staff", "at_most": 5}, "benefit": TOP_UP},
        {"benefit": {"fixed": "200", "top_up": ["OTHER"]}},
    ]
    assert decide(None, [got("OTHER", "300")], rules=rules)[0].eligible is not True


def test_where_nothing_is_left_nothing_else_is_asked(decide: Any) -> None:
    """Or a subject would be told that one fact decides, though whatever it is, nothing is due."""
    (found,) = decide({"fact": "staff", "from": 1}, [got("OTHER", "300")], rules=[{"benefit": TOP_UP}])
    assert (found.eligible, found.missing) == (False, frozenset())


@pytest.mark.parametrize("reference", [None, "established_on"])
def test_a_top_up_is_decided_once_the_receipts_are_complete(decide: Any, reference: str | None) -> None:
    (found,) = decide(None, [], on=date(2023, 11, 1), rules=[{"benefit": TOP_UP}], reference=reference)
    assert (found.eligible, found.changes_on) == (None, date(2024, 1, 1))


def test_a_top_up_without_its_base_is_not_decided(decide: Any) -> None:
    rules = [{"benefit": {"rate": "0.5", "of": "staff", "top_up": ["OTHER"]}}]
    (found,) = decide(None, [got("OTHER", "1")], rules=rules)
    assert (found.eligible, found.amount.value) == (None, None)
    assert {m.name for m in found.missing} == {"staff"}


def test_a_top_up_per_item(decide: Any) -> None:
    """Of its own policy too: what the other items were given is taken off, its own receipt is not."""
    rules = [{"benefit": {"fixed": "250", "top_up": ["OWN"]}}]
    receipts = [("OWN", "2024-03-01", {"amount": "100", "item": "a"})]
    found = decide(None, receipts, facts=LOANS, for_each="loans", rules=rules)
    assert [e.amount.value for e in found] == ["250.00", "150.00", "150.00"]


def test_the_receipts_are_among_the_reasons_of_a_top_up(decide: Any) -> None:
    (found,) = decide(None, [got("OTHER", "100")], rules=[{"benefit": TOP_UP}])
    reason = found.reasons[-1]
    assert (reason.condition, reason.fact, reason.observed) == ("amount from receipts", "receipts", "100")
    assert {source.fact for source in reason.inputs} == {"receipt_policy", "receipt_amount", "receipts"}
