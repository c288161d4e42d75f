"""What the control topic may say: versions in order, facts that keep their form, and refusals that say why."""

from datetime import timedelta
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


def test_nothing_follows_a_withdrawal(partition: Any, world: Any) -> None:
    partition.publish(world.policy())
    partition.tick("2024-02-01")
    partition.withdraw("SMALL")
    with pytest.raises(Refused, match="SMALL is withdrawn"):
        partition.publish(world.policy(version=2), action="amend")


def test_versions_rise(partition: Any, world: Any) -> None:
    partition.publish(world.policy(version=3))
    partition.tick("2024-02-01")
    with pytest.raises(Refused, match="version 3 does not follow version 3") as refusal:
        partition.publish(world.policy(version=3), action="amend")
    assert refusal.value.field == "policy.version"


def test_an_amendment_must_act_later_than_the_version_before(partition: Any, world: Any) -> None:
    partition.publish(world.policy(), effective_at="2024-05-01")
    partition.tick("2024-02-01")
    for effective_at in ("2024-03-01", "2024-05-01"):
        with pytest.raises(Refused, match="overlaps version 1") as refusal:
            partition.publish(world.policy(version=2), action="amend", effective_at=effective_at)
        assert refusal.value.field == "effective_at"
    partition.publish(world.policy(version=2), action="amend", effective_at="2024-05-02")


def test_what_was_published_this_moment_is_not_withdrawn_in_it(partition: Any, world: Any) -> None:
    """Whoever a roll-out reached between the two would be told of a policy of which the others never hear."""
    partition.publish(world.policy())
    with pytest.raises(Refused) as refusal:
        partition.withdraw("SMALL")
    assert refusal.value.field == "effective_at"


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


def test_a_policy_stands_under_its_own_id(partition: Any, world: Any) -> None:
    with pytest.raises(Refused, match="MINE"):
        partition._publication("OTHER", "publish", world.policy("MINE"), "2024-01-01")


@pytest.mark.parametrize(
    "form", [{"type": "decimal"}, {"period": "year"}, {"provider": "tax"}], ids=["type", "period", "provider"]
)
def test_a_declared_fact_keeps_its_form(partition: Any, world: Any, form: dict[str, str]) -> None:
    whole = {**world.catalogue["staff"].model_dump(), **form}
    with pytest.raises(Refused, match="'staff' is a integer of human-resources") as refusal:
        partition.state.registry.with_statement(statement(world, whole))
    assert refusal.value.code is RejectCode.BAD_VALUE


def test_a_derived_fact_is_not_declared(partition: Any, world: Any) -> None:
    whole = {**world.catalogue["honest"].model_dump(), "name": "size_class"}
    with pytest.raises(Refused, match="'size_class' is derived"):
        partition.state.registry.with_statement(statement(world, whole))


def test_a_code_in_use_is_not_dropped(partition: Any, world: Any) -> None:
    """A policy compiled against it could not be loaded again: the partition would never recover."""
    codes = dict(world.catalogue["kind"].model_dump()["codes"])
    del codes["person"]
    with pytest.raises(Refused, match="person"):
        partition.state.registry.with_statement(
            statement(world, {**world.catalogue["kind"].model_dump(), "codes": codes})
        )


def test_codes_and_titles_can_be_added_and_reworded(partition: Any, world: Any) -> None:
    kind = world.catalogue["kind"].model_dump()
    kind["codes"]["branch"] = {"zh": "分支机构", "en": "Branch"}
    changed = partition.state.registry.with_statement(statement(world, {**kind, "title": kind["codes"]["branch"]}))
    assert "branch" in changed.facts["kind"].codes
    assert changed.facts["kind"].title.en == "Branch"


def test_time_never_runs_backwards(partition: Any, world: Any) -> None:
    partition.tick("2024-03-01")
    partition.tick("2024-02-01")
    assert partition.state.registry.now == world.moment("2024-03-01")


def statement(world: Any, *facts: dict[str, Any]) -> Any:
    return CatalogueStatement.model_validate({"effective_at": world.moment("2024-01-01"), "facts": list(facts)})
