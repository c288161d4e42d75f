"""Change → policies, held against every policy's formula before and after; and formulas against `evaluate`."""

from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import eligibility.policy_index
from eligibility.business_time import business_date
from eligibility.evaluate import evaluate, view_of
from eligibility.policy_index import Flip

MANY = settings(max_examples=150, deadline=None)


def by_definition(case: Any, before: Any, after: Any, was: Any, now: Any) -> set[Flip]:
    """Every policy evaluated twice."""
    found = (Flip(v, case.verdict(v, before, was), case.verdict(v, after, now)) for v in case.formulas)
    return {flip for flip in found if flip.before is not flip.after}


@given(data=st.data())
@MANY
def test_a_formula_never_contradicts_the_plain_evaluator(
    data: st.DataObject, documents: Any, compiles: Any, case: Any, facts: Any, subject_of: Any, row_of: Any,
    moments: Any, catalogue: Any,
) -> None:  # fmt: skip
    """Where no test is left open they are equal; else what the formula says whatever those come to."""
    made = case(data.draw(st.lists(documents, min_size=1, max_size=6)))
    said, moment = data.draw(facts), data.draw(moments)
    view = view_of(subject_of(said), catalogue, business_date(moment))
    row = row_of(made, said, moment)
    for version, compiled in made.compiled.items():
        (found,) = evaluate(compiled, view)
        verdict = made.verdict(version, row, moment)
        opened = made.formulas[version].opened is not None
        event(f"opened {opened}, {verdict}")
        assert verdict is found.eligible or (opened and verdict is None)


def test_every_test_by_itself_is_what_the_plain_evaluator_says(formula_check: Any) -> None:
    formula_check()


@given(data=st.data())
@MANY
def test_flips_are_those_of_all_policies_and_the_reverse_undoes_them(
    data: st.DataObject, documents: Any, case: Any, facts: Any, changes: Any, row_of: Any, moments: Any
) -> None:
    made = case(data.draw(st.lists(documents, min_size=1, max_size=12)))
    said, moment = data.draw(facts), data.draw(moments)
    for changed in data.draw(st.lists(changes, min_size=1, max_size=4)):
        before, after = row_of(made, said, moment), row_of(made, said | changed, moment)
        flips = made.index.flips(before, after, moment, moment)
        assert len(set(flips)) == len(flips)
        assert set(flips) == by_definition(made, before, after, moment, moment)
        event(f"flips {min(len(flips), 3)}")
        back = made.index.flips(after, before, moment, moment)
        assert {Flip(f.version, f.after, f.before) for f in back} == set(flips)
        said |= changed


@given(data=st.data())
@MANY
def test_time_flips_what_it_passes(
    data: st.DataObject, documents: Any, case: Any, facts: Any, changes: Any, row_of: Any, moments: Any
) -> None:
    """With the facts as they were, or changed at the same time; periods turn, windows open, cuts move, figures step."""
    made = case(data.draw(st.lists(documents, min_size=1, max_size=12)))
    said, changed = data.draw(facts), data.draw(st.just({}) | changes)
    was, now = sorted([data.draw(moments), data.draw(moments)])
    before, after = row_of(made, said, was), row_of(made, said | changed, now)
    flips = made.index.flips(before, after, was, now)
    assert set(flips) == by_definition(made, before, after, was, now)
    event(f"flips {min(len(flips), 3)}")


@given(data=st.data())
@MANY
def test_standing_is_all_that_is_not_false(
    data: st.DataObject, documents: Any, case: Any, facts: Any, row_of: Any, moments: Any
) -> None:
    made = case(data.draw(st.lists(documents, min_size=1, max_size=12)))
    moment = data.draw(moments)
    row = row_of(made, data.draw(facts), moment)
    verdicts = {version: made.verdict(version, row, moment) for version in made.formulas}
    standing = {version: verdict for version, verdict in verdicts.items() if verdict is not False}
    assert {flip.version: flip.after for flip in made.index.standing(row, moment)} == standing
    some = sorted(made.formulas)[::2]
    found = {flip.version for flip in made.index.standing(row, moment, some)}
    assert found == standing.keys() & {*some}


@given(data=st.data())
@MANY
def test_no_moment_is_passed_over(
    data: st.DataObject, documents: Any, case: Any, facts: Any, row_of: Any, moments: Any
) -> None:
    """Between two moments that `turns_after` names, nothing turns for the subject."""
    made = case(data.draw(st.lists(documents, min_size=1, max_size=6)))
    said = data.draw(facts)
    was, end = sorted([data.draw(moments), data.draw(moments)])
    while was < end:
        row = row_of(made, said, was)
        turn = made.index.turns_after(row, was)
        assert turn is None or turn > was
        last = end if turn is None else min(turn, end)
        for day in range(1, (last - was).days):
            between = was.replace(hour=1) + (last - was) * day / max((last - was).days, 1)
            if was < between < last:
                assert by_definition(made, row, row_of(made, said, between), was, between) == set()
        was = last


@given(data=st.data())
@MANY
def test_policies_come_and_go(
    data: st.DataObject, documents: Any, compiles: Any, case: Any, facts: Any, changes: Any, row_of: Any, moments: Any,
    catalogue: Any,
) -> None:  # fmt: skip
    """An index that was amended answers as one that was built so; numbers and slots are used again."""
    made = case(data.draw(st.lists(documents, min_size=2, max_size=8)))
    moment, said = data.draw(moments), data.draw(facts)
    for number, fields in enumerate(data.draw(st.lists(documents, min_size=1, max_size=6))):
        row = row_of(made, said, moment)
        made.index.standing(row, moment)  # so that what is kept for answers is there
        if made.formulas and data.draw(st.booleans()):
            made.discard(data.draw(st.sampled_from(sorted(made.formulas))))
        if (compiled := compiles(f"Q{number}", fields)) is not None:
            made.add((f"Q{number}", 0), compiled, catalogue)
        changed = data.draw(changes)
        before, after = row_of(made, said, moment), row_of(made, said | changed, moment)
        assert set(made.index.flips(before, after, moment, moment)) == by_definition(
            made, before, after, moment, moment
        )
        said |= changed
    for version in sorted(made.formulas):
        made.discard(version)
    assert len(made.index) == 0
    assert made.index.standing(row_of(made, said, moment), moment) == []


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_change_of_codes_policies_and_time(seed: int, index_check: Any) -> None:
    """Formulas that no policy has to be found for: deeper, of more versions, and met by every change."""
    index_check(seed).run()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_many_policies_are_cut_before_they_are_evaluated(seed: int, index_check: Any) -> None:
    """By guards, and where they are very many by the first guard before the others."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(eligibility.policy_index, "FEW", 1)
        patched.setattr(eligibility.policy_index, "MANY", 4 + seed % 60)
        index_check(seed).run(steps=12, policies=120)


def test_an_item_of_a_list_that_no_test_is_about(partition: Any, world: Any) -> None:
    """Each item is a match of its own: that there is one now means something, whatever is said of it."""
    widened, subject = partition.widened(), world.subjects[0]
    widened.settled_in(subject)
    widened.publish(world.policy("PER", for_each="hires"))
    widened.drain()
    happened = widened.change(subject, hire_graduate={"h1": True}) + widened.drain()
    assert world.said(happened) == ["PER//h1 eligible", "PER//h1 push eligible"]
