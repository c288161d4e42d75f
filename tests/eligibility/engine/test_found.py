"""What random histories, reviewers and attackers found, kept small."""

from typing import Any

import pytest

import eligibility.engine
import eligibility.reducer
from eligibility.preview import preview
from eligibility.state import canonical_records, load_state
from schemas.catalogue import FactDeclaration

SMALL_AND_HONEST = {"all": [{"fact": "staff", "at_most": 10}, {"fact": "honest", "equals": True}]}
ENDLESS = {"from": "2024-01-01"}


def fact(name: str, kind: str, period: str | None = None) -> FactDeclaration:
    """A fact of the tax office."""
    return FactDeclaration(name=name, title={"zh": name, "en": name}, provider="tax", type=kind, period=period)


@pytest.fixture
def wide(partition: Any, us: str) -> Any:
    """The widened world, and an enterprise of Shenyang."""
    partition.widened()
    partition.settled_in(us)
    return partition


@pytest.fixture
def us(world: Any) -> str:
    """The enterprise."""
    return world.subjects[0]


def test_a_policy_for_items_that_asks_nothing_of_them_sees_the_first(wide: Any, world: Any, us: str) -> None:
    wide.change(us, staff=5)
    wide.publish(world.policy("PER", for_each="hires", conditions={"fact": "staff", "at_most": 10}))
    wide.drain()
    assert world.said(wide.change(us, hire_graduate={"h1": True})) == ["PER//h1 eligible", "PER//h1 push eligible"]


@pytest.mark.parametrize("handed_back", ["withdrawn", "amended to begin later"])
def test_a_predecessor_lives_again_when_its_successor_is_to(wide: Any, world: Any, us: str, handed_back: str) -> None:
    def successor(version: int, begins: str) -> Any:
        nobody = {"fact": "staff", "at_most": 1}
        return world.policy("NEXT", version=version, succeeds="SMALL", valid={"from": begins}, conditions=nobody)

    wide.change(us, staff=5)
    wide.publish(world.document("SMALL"))
    wide.until("2024-01-05")
    wide.publish(successor(1, "2024-01-10"))
    assert "SMALL ended" in world.said(wide.until("2024-01-12"))
    if handed_back == "withdrawn":
        wide.withdraw("NEXT", "2024-02-01")
    else:
        wide.publish(successor(2, "2024-03-01"), action="amend", effective_at="2024-02-01")
    assert wide.until("2024-01-31") == []
    assert "SMALL eligible" in world.said(wide.until("2024-02-01"))


def test_the_size_class_turns_with_the_year_though_nothing_else_does(wide: Any, world: Any, us: str) -> None:
    wide.declare(
        [fact("persons_employed", "integer"), fact("yearly_sales", "decimal", "year"), fact("assets", "decimal")]
    )
    wide.change(us, industry="C3411")
    wide.change(us, persons_employed=1500, yearly_sales={"2023": "900000000000", "2024": "1000000"})
    smaller = {"fact": "size_class", "one_of": ["small", "micro", "medium"]}
    wide.publish(world.policy("SIZE", conditions=smaller, valid=ENDLESS))
    assert wide.until("2024-12-31") == []
    assert "SIZE eligible" in world.said(wide.until("2025-01-01"))


def test_a_boolean_fact_given_by_period_becomes_complete(wide: Any, world: Any, us: str) -> None:
    wide.declare([fact("fined", "boolean", "year")])
    not_fined = {"fact": "fined", "period": "this_year", "equals": False}
    both = {"all": [not_fined, {"fact": "staff", "at_most": 10}]}
    wide.publish(world.policy("CLEAR", conditions=both, valid=ENDLESS))
    wide.tick("2024-01-03")
    wide.complete("fined", "2024-02-01")
    assert wide.until("2024-02-02") == []
    (push,) = wide.until("2024-02-20")
    assert (push.about, push.params["fact"]) == ("may_qualify", "staff")


@pytest.mark.parametrize("said", [{"gone": True}, {"policy": "ANOTHER"}])
def test_who_has_not_received_after_all_is_asked_for_the_one_fact(wide: Any, world: Any, us: str, said: Any) -> None:
    wide.complete("receipts")
    wide.change(us, staff=5)
    wide.receipt(us, policy="BOTH", date="2024-01-01")
    wide.publish(world.policy("BOTH", conditions=SMALL_AND_HONEST, valid=ENDLESS))
    assert wide.until("2024-01-10") == []
    wide.receipt(us, **said)
    (push,) = wide.until("2024-02-01")
    assert (push.about, push.params["fact"]) == ("may_qualify", "honest")


def test_a_bound_has_its_first_value_and_a_figure_is_beyond_all_codes(wide: Any, world: Any, us: str) -> None:
    wide.change(us, premium={"2023": "5000000000000"})
    premium = {"fact": "premium", "period": "last_year", "from": {"parameter": "least"}}
    least = {"least": [{"from": "2024-02-01", "value": 10}]}
    wide.publish(world.policy("LARGE", conditions=premium, parameters=least))
    assert wide.until("2024-01-31") == []
    assert "LARGE eligible" in world.said(wide.until("2024-02-01"))


def test_a_version_acts_until_the_very_microsecond(wide: Any, world: Any, us: str) -> None:
    wide.publish(world.policy("BRIEF", conditions={"fact": "staff", "at_most": 10}))
    wide.drain()
    wide.withdraw("BRIEF", "2024-01-03T10:00:00.500000+00:00")
    wide.until("2024-01-03T10:00:00.200000+00:00")
    assert "BRIEF eligible" in world.said(wide.change(us, staff=5))
    assert "BRIEF withdrawn" in world.said(wide.until("2024-01-04"))


def test_what_no_policy_reads_any_more_makes_nobody_be_looked_at(wide: Any, world: Any, us: str) -> None:
    """Or a partition would cut its slices otherwise after a restart, and give other ids."""
    wide.declare([fact("monthly_sales", "decimal", "month")])
    some = {"fact": "monthly_sales", "period": "last_month", "above": 0}
    later = "2024-03-01"
    wide.publish(world.policy("NEVER", conditions=some), effective_at=later)
    wide.withdraw("NEVER", later)
    wide.drain()
    for state in (wide.state, load_state(0, canonical_records(wide.state).items())):
        partition = world.partition(state=state, log=list(wide.log))
        partition.tick("2024-02-02")
        assert not partition.state.open_work


def test_an_unknown_rule_before_one_that_applies_lacks_nothing(wide: Any, world: Any, us: str) -> None:
    """Which benefit it is may be asked later: the one fact that decides whether there is any is named at once."""
    fined = {"fact": "blacklisted", "equals": True}
    rules = [{"when": fined, "benefit": {"fixed": "1"}}, {"benefit": {"fixed": "2"}}]
    wide.publish(world.policy("EITHER", conditions={"fact": "honest", "equals": True}, rules=rules))
    wide.drain()
    (push,) = wide.until("2024-02-01")
    assert (push.about, push.params["fact"]) == ("may_qualify", "honest")


def test_who_received_for_last_year_is_asked_for_this_one(wide: Any, world: Any, us: str) -> None:
    wide.complete("receipts")
    wide.change(us, staff=5)
    wide.receipt(us, policy="YEARLY", period="2024", date="2024-01-01")
    wide.publish(world.policy("YEARLY", conditions=SMALL_AND_HONEST, valid=ENDLESS, period="year"))
    assert wide.until("2025-01-03") == []
    (push,) = wide.until("2025-02-01")
    assert (push.about, push.matter.period, push.params["fact"]) == ("may_qualify", "2025", "honest")


def test_a_pump_looks_at_so_many_though_nothing_concerns_them(
    wide: Any, world: Any, us: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for subject in world.subjects[1:]:
        wide.settled_in(subject)
    monkeypatch.setattr(eligibility.reducer, "LOOKED_AT_PER_PUMP", 1)
    wide.publish(world.policy("FEW", conditions={"fact": "staff", "at_most": 0, "above": -1}))
    pumps = 0
    while wide.state.open_work:
        assert wide.pump() == []
        pumps += 1
    assert pumps >= len(world.subjects)


def test_a_publication_the_engine_fails_on_changes_nothing(
    wide: Any, world: Any, us: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide.drain()
    before = canonical_records(wide.state)

    def fail(*_: Any) -> None:
        raise ZeroDivisionError("the engine's own mistake")

    with monkeypatch.context() as patched:
        patched.setattr(eligibility.engine, "normal_form", fail)
        assert world.said(wide.publish(world.policy("BROKEN"))) == ["rejected quarantined"]
    after = canonical_records(wide.state)
    assert {key for key in after if after[key] != before.get(key)} == {"ckpt"}
    assert not wide.state.open_work


def test_a_preview_leaves_no_trace(wide: Any, world: Any, us: str) -> None:
    wide.publish(world.policy("KNOWN", conditions={"fact": "staff", "at_most": 10}))
    wide.drain()
    known = len(wide.state.engine.attributes)
    preview([wide.state], world.policy("ASKED", conditions={"fact": "honest", "equals": True}))
    assert len(wide.state.engine.attributes) == known
