"""What random histories, reviewers and attackers found, kept small."""

from typing import Any

import pytest


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
