"""What would be too much is bounded by how it is kept, or refused with the reason."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from stdnum.cn import uscc

import eligibility.reducer
import eligibility.settle
from eligibility.codes import Attributes
from eligibility.compile import compile_policy
from eligibility.errors import Refused
from eligibility.evaluate import evaluate
from eligibility.formula import normal_form
from eligibility.partition_state import BUCKETS
from eligibility.reducer import MOST_ROSTER_LINES
from eligibility.state import canonical_records
from schemas.events import PolicyPublication
from schemas.journal import PolicyControl
from schemas.rejected import RejectCode

MANY, SLICE = 300, 20
GROUPS = 14  # of two tests each: 16,384 clauses, were they distributed


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each policy is evaluated."""
    counted: Counter[str] = Counter()

    def counting(compiled: Any, *args: Any) -> Any:
        counted[compiled.document.id] += 1
        return evaluate(compiled, *args)

    monkeypatch.setattr(eligibility.settle, "evaluate", counting)
    yield counted


@pytest.fixture
def crowd(partition: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Many enterprises; a pump takes some of them."""
    monkeypatch.setattr(eligibility.reducer, "SUBJECTS_PER_PUMP", SLICE)
    for number in range(MANY):
        partition.settled_in(key(number))
    return partition


def key(number: int) -> str:
    stem = f"912101{number:011d}"
    return stem + uscc.calc_check_digit(stem)


def test_a_policy_that_everybody_meets_is_rolled_out_in_slices(crowd: Any, world: Any) -> None:
    crowd.publish(world.policy("ALL"))
    slices = []
    while crowd.state.open_work:
        slices.append(len({effect.match.subject for effect in crowd.pump() if hasattr(effect, "match")}))
    assert max(slices) == SLICE
    assert sum(slices) == MANY


def test_a_policy_that_everybody_meets_costs_nothing_where_it_is_not_asked(
    crowd: Any, world: Any, evaluations: Counter[str]
) -> None:
    crowd.publish(world.policy("ALL"), world.document("SMALL"))
    crowd.drain()
    assert evaluations["ALL"] == MANY
    crowd.change(key(0), staff=5)
    crowd.publish(world.document("QUIET"))
    crowd.until("2024-01-02")
    assert evaluations["ALL"] == MANY


def test_a_roster_for_everybody_costs_each_its_own_line(crowd: Any, world: Any, evaluations: Counter[str]) -> None:
    """However long the roster is as a whole: neither the index nor the columns know of it."""
    crowd.publish(world.document("LIST"))
    crowd.drain()
    assert evaluations["LIST"] == 0
    tests, columns = len(crowd.state.engine.index), crowd.state.engine.population.nbytes
    other = key(MANY - 1)
    before = crowd.state.records[other]
    for number in range(MANY - 1):
        crowd.changed.clear()
        crowd.roster(key(number), 1, grade="A")
        assert crowd.changed - {"names"} == {f"f/{key(number)}"}
    assert evaluations == {"LIST": MANY - 1}
    assert (len(crowd.state.engine.index), crowd.state.engine.population.nbytes) == (tests, columns)
    assert crowd.state.records[other] == before
    assert not crowd.state.open_work


def test_of_a_roster_a_subject_has_so_many_lines(partition: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_ROSTER_LINES == 1_000
    monkeypatch.setattr(eligibility.reducer, "MOST_ROSTER_LINES", 3)
    subject = world.subjects[0]
    partition.settled_in(subject)
    for number in range(3):
        assert partition.roster(subject, 1, item=f"i-{number}", grade="A") == []
    kept = partition.state.records[subject]
    (refused,) = partition.roster(subject, 1, item="i-3", grade="A")
    assert (refused.code, refused.text) == (RejectCode.BAD_VALUE, "the subject has 3 roster lines already")
    assert partition.state.records[subject] == kept
    partition.roster(subject, 2, item="i-0", grade="B")  # one it has may still change
    assert partition.state.records[subject] != kept


def groups(outer: str, inner: str, *, negated: bool) -> dict[str, Any]:
    """Two tests in each of the inner groups, every test on a bound of its own."""
    parts = [
        {inner: [{"fact": "staff", "from": 100 * number}, {"fact": "employees_in_post", "below": 100 * number + 1}]}
        for number in range(GROUPS)
    ]
    return {"not": {outer: parts}} if negated else {outer: parts}


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(("outer", "inner"), [("all", "any"), ("any", "all")])
def test_a_formula_is_as_long_as_its_policy(
    world: Any, partition: Any, outer: str, inner: str, negated: bool, evaluations: Counter[str]
) -> None:
    """Nothing is distributed, in the formula and in what it is indexed by."""
    document = world.policy("WIDE", conditions=groups(outer, inner, negated=negated))
    formula = normal_form(compile_policy(document, world.catalogue), Attributes(), world.catalogue)
    whom = 2
    assert len(list(formula.literals())) == whom + 2 * GROUPS
    partition.settled_in()
    partition.publish(document)
    partition.drain()
    (indexed,) = partition.state.engine.index.formulas.values()
    assert len(list(indexed.literals())) == whom + 2 * GROUPS
    evaluations.clear()
    partition.change(world.subjects[0], staff=650, employees_in_post=650)
    assert evaluations["WIDE"] <= 1


def refused(world: Any, partition: Any, document: Any) -> Any:
    """A control record that intake should not have let through."""
    publication = PolicyPublication(
        action="publish", policy=document, effective_at=world.moment("2024-01-01"), reason="as tested"
    )
    origin = partition.origin("publications")
    (rejected,) = partition.control(PolicyControl(origin=origin, policy_id=document.id, publication=publication))
    return rejected


def nested(levels: int) -> dict[str, Any]:
    condition: dict[str, Any] = {"fact": "honest", "equals": True}
    for _ in range(levels):
        condition = {"not": condition}
    return condition


def test_conditions_nested_two_hundred_deep_are_refused(world: Any) -> None:
    with pytest.raises(Refused, match="conditions are nested more than 40 deep"):
        compile_policy(world.policy(conditions=nested(200)), world.catalogue)


def test_what_is_refused_leaves_nothing_in_the_engine(partition: Any, world: Any) -> None:
    """Conditions nested as deep as a record can be, a policy that would wait for its own benefit."""
    partition.widened().settled_in()
    partition.publish(world.policy("A-1", conditions={"received": ["B-1"]}))
    partition.drain()
    before = {name: record for name, record in canonical_records(partition.state).items() if name != "ckpt"}
    size = len(partition.state.engine.index)
    for document, said in (
        (world.policy("DEEP", conditions=nested(180)), "conditions are nested more than 40 deep"),
        (world.policy("B-1", conditions={"received": ["A-1"]}), "by way of B-1 → A-1 → B-1"),
    ):
        rejected = refused(world, partition, document)
        assert rejected.code is RejectCode.BAD_POLICY
        assert said in rejected.text
    after = {name: record for name, record in canonical_records(partition.state).items() if name != "ckpt"}
    assert (after, len(partition.state.engine.index)) == (before, size)
    assert (partition.state.quarantined, partition.state.open_work) == (0, False)
    partition.publish(world.policy("B-1"))  # those behind it go on
    assert partition.state.buckets_left == BUCKETS
