"""Policy → subjects: what the columns say is what the formula says of each subject's codes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eligibility.population import Population

SEED = st.integers(0, 2**32)
AS_PATCHED = [HealthCheck.function_scoped_fixture]  # the chunks stay small from example to example

pytestmark = pytest.mark.usefixtures("small_chunks")


@settings(max_examples=60, deadline=None, suppress_health_check=AS_PATCHED)
@given(seed=SEED)
def test_subjects_come_change_and_go(seed: int, population_check: Any) -> None:
    """Across the borders of chunks, on rows that were freed, with codes that widen a column, and new attributes."""
    population_check(seed).run()


@settings(max_examples=40, deadline=None, suppress_health_check=AS_PATCHED)
@given(seed=SEED, count=st.integers(1, 40), wide=st.booleans())
def test_many_at_once_are_as_many_one_by_one(seed: int, count: int, wide: bool, population_check: Any) -> None:
    """And go on like any."""
    check = population_check(seed)
    check.wide = wide
    check.take_in(count)
    check.compare()
    one_by_one = Population(check.known)
    for subject, (row, season) in check.rows.items():
        one_by_one.put(subject, row, season)
    for _ in range(5):
        formula = check.draw.formula(check.known)
        for one, other in zip(
            check.population.answer(formula, check.day), one_by_one.answer(formula, check.day), strict=True
        ):
            assert [part.tolist() for part in one] == [part.tolist() for part in other]
    check.run(steps=15)


def test_a_freed_row_is_nobodys_until_it_is_the_next_to_be_taken(population_check: Any) -> None:
    check = population_check(0)
    for subject in "abc":
        check.put(subject)
    row = check.population.row_of("b")
    check.discard("b")
    check.compare()
    assert "b" not in check.population
    assert check.population.codes("b") is None
    with pytest.raises(KeyError):
        check.population.row_of("b")
    check.put("d")
    assert check.population.row_of("d") == row
    check.compare()


def test_an_answer_is_a_slice_per_chunk(population_check: Any) -> None:
    check = population_check(1)
    check.take_in(20)
    slices = list(check.population.answer(check.draw.formula(check.known), check.day))
    assert len(slices) == 3
    for number, part in enumerate(slices):
        rows = np.concatenate([part.true, part.unknown])
        assert ((rows >= 8 * number) & (rows < 8 * number + 8)).all()


def test_of_nobody_nothing_is_said(population_check: Any) -> None:
    check = population_check(2)
    check.compare()
    assert list(check.population.answer(check.draw.formula(check.known), check.day)) == []
    assert check.population.nbytes == 0
