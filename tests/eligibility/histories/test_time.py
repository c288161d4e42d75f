"""When a tick or a roll-out gets to a subject makes no difference to what it is told, only to when it is computed."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st


def split(steps: list[tuple[Any, ...]], at: float) -> list[tuple[Any, ...]]:
    """Each tick in two, with pumps between them."""
    parts: list[tuple[Any, ...]] = []
    for step in steps:
        if step[0] == "tick":
            first = int(step[1] * at)
            parts += [("tick", first), *[("pump",)] * 3, ("tick", step[1] - first)]
        else:
            parts.append(step)
    return parts


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_two_ticks_are_as_one(data: st.DataObject, histories: Any, play: Any, world: Any) -> None:
    steps = [step for step in data.draw(histories) if step[0] != "repeat"]
    at = data.draw(st.sampled_from([0.2, 0.5, 0.9]))
    assert world.plain(play(split(steps, at)).effects) == world.plain(play(steps).effects)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_subject_reached_at_once_or_late_is_told_the_same(
    data: st.DataObject, histories: Any, play: Any, world: Any
) -> None:
    steps = [step for step in data.draw(histories) if step[0] != "repeat"]
    assert world.plain(play(steps, pumped=True).effects) == world.plain(play(steps).effects)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_subject_hears_in_the_order_of_due_time(data: st.DataObject, histories: Any, play: Any, world: Any) -> None:
    for told in world.plain(play(data.draw(histories)).effects).values():
        assert all(earlier["as_of"] <= later["as_of"] for earlier, later in pairwise(told))


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_day_by_day_is_as_a_jump_of_two_years(data: st.DataObject, histories: Any, play: Any, world: Any) -> None:
    def go_on(steps: list[timedelta]) -> Any:
        partition = play(history)
        for step in steps:
            partition.until(partition.state.registry.now + step)
        return world.plain(partition.effects)

    history = data.draw(histories)
    assert go_on([timedelta(days=10)] * 73) == go_on([timedelta(days=730)])
