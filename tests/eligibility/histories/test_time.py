"""When a tick or a roll-out gets to a subject makes no difference to what it is told, only to when it is computed."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st


def taken_once(steps: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What is repeated depends on the journal's length, and so on the pumps."""
    return [step for step in steps if step[0] != "repeat"]


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
    steps = taken_once(data.draw(histories))
    at = data.draw(st.sampled_from([0.2, 0.5, 0.9]))
    assert world.plain(play(split(steps, at)).effects) == world.plain(play(steps).effects)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_subject_reached_at_once_or_late_is_told_the_same(
    data: st.DataObject, histories: Any, play: Any, world: Any
) -> None:
    steps = taken_once(data.draw(histories))
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


def test_a_statement_reaches_a_subject_late_as_at_once(play: Any, world: Any) -> None:
    """Complete for an hour: true in that hour, whenever the roll-out gets to a subject."""
    steps = [("complete", "blacklisted", "2024-01-01"), ("complete", "blacklisted", None)]
    assert world.plain(play(steps).effects) == world.plain(play(steps, pumped=True).effects)


def test_a_statement_does_not_act_before_it_was_made(partition: Any, world: Any) -> None:
    """The roll-out of CLEAN was over and had changed nothing; nobody is eligible before the list is stated complete."""
    partition.widened().settled_in(world.subjects[0])
    partition.drain()
    partition.tick("2024-01-10")
    partition.publish(world.document("CLEAN"))
    partition.drain()
    partition.tick("2024-02-01")
    partition.complete("blacklisted")
    decision = next(effect for effect in partition.drain() if hasattr(effect, "match"))
    assert decision.as_of == world.moment("2024-02-01")


def test_a_list_is_complete_from_its_day(partition: Any, world: Any) -> None:
    """Said ahead, it takes effect on the day it names: time alone changes the verdict."""
    partition.widened().settled_in(world.subjects[0])
    partition.publish(world.document("CLEAN"), world.document("FEW"))
    partition.complete("blacklisted", "2024-06-01")
    partition.complete("hires", "2024-06-02")
    partition.drain()
    decisions = [effect for effect in partition.until("2024-07-01") if hasattr(effect, "match")]
    assert world.said(decisions) == ["CLEAN eligible", "FEW eligible"]
    assert [d.as_of for d in decisions] == [world.moment("2024-06-01"), world.moment("2024-06-02")]
