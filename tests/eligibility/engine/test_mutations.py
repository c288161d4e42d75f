"""The checks of this folder, held against engines that are wrong on purpose: each must be found out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from eligibility import codes, formula, policy_index, population
from eligibility.codes import Span
from eligibility.formula import Cut, Literal, Moving
from eligibility.policy_index import PolicyIndex
from eligibility.population import Population

SEEDS = range(40)
Mutation = Callable[[pytest.MonkeyPatch], None]


def wrapped(owner: Any, name: str, wrong: Callable[..., Any]) -> Mutation:
    """`wrong` in the place of a function: it takes the right one before its arguments."""
    right = getattr(owner, name)

    def mutation(patched: pytest.MonkeyPatch) -> None:
        patched.setattr(owner, name, lambda *given, **named: wrong(right, *given, **named))

    return mutation


def a_strict_bound_taken_for_another(right: Any, operator: str, bound: Any, kind: Any) -> Any:
    return right({"≥": ">", ">": "≥", "≤": "<", "<": "≤"}[operator], bound, kind)


def a_date_a_day_late(right: Any, moving: Moving, day: date) -> Any:
    at = right(moving, day)
    return at if at is None or moving.kind == "number" else at + 1


def a_figure_kept_for_good(right: Any, moving: Moving, day: date) -> Any:
    return right(moving._replace(steps=moving.steps[:1]), day)


def unknown_is_false(right: Any, literal: Literal, row: Any, day: date) -> Any:
    return right(literal, row, day) is True


FORMULAS: dict[str, Mutation] = {
    "a strict bound taken for another": wrapped(formula, "cut", a_strict_bound_taken_for_another),
    "decimals cut off": wrapped(codes, "number_code", lambda right, value: right(Fraction(value * 10**6 // 1, 10**6))),
    "dates a day late": wrapped(Moving, "at", a_date_a_day_late),
    "a figure kept for good": wrapped(Moving, "at", a_figure_kept_for_good),
    "a subtree without its last": wrapped(
        formula, "industry_span", lambda right, root: Span(right(root).low, right(root).high - 1)
    ),
    "a subtree with the next": wrapped(
        formula, "region_span", lambda right, root: Span(right(root).low, right(root).high + 400)
    ),
    "unknown is false": wrapped(Literal, "holds", unknown_is_false),
    "negation lost": wrapped(
        Literal, "holds", lambda right, literal, *given: right(literal._replace(positive=True), *given)
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_wrong_formula_is_found_out(name: str, formula_check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    FORMULAS[name](monkeypatch)
    with pytest.raises(AssertionError):
        formula_check()


def some_bounds_not_posted(right: Any, postings: Any, literal: Literal, number: int, moving: int) -> None:
    if not (isinstance(literal.test, Cut) and number % 5 == 0):
        right(postings, literal, number, moving)


def spans_known_as_before(right: Any, postings: Any, *given: Any) -> None:
    known = dict(postings._containing)
    right(postings, *given)
    postings._containing.update(known)


def acting_as_before(right: Any, index: PolicyIndex, *given: Any) -> None:
    known = index._acting_at
    right(index, *given)
    index._acting_at = known


def cuts_as_before(right: Any, index: PolicyIndex, moment: datetime) -> Any:
    known = index._cuts_on
    return right(index, moment) if known is None or len(known[2]) != len(index._moving_tests) else known[2]


def bitmaps_as_before(right: Any, bitmaps: Any, slot: int, span: Span) -> None:
    bitmaps._spans[slot] = span


def guard_a_step_too_high(right: Any, part: Any) -> Any:
    guard = right(part)
    return guard._replace(low=guard.low + 1) if guard is not None and isinstance(part.test, Cut) else guard


def postings_by_policy(right: Any, index: PolicyIndex, slot: int) -> int:
    """One that has two tests of a fact flip is there twice, which a symmetric difference makes none."""
    index._owners = np.arange(len(index._moments))
    return slot


def judged_by_what_changed(right: Any, index: PolicyIndex, found: Any, row: Any, changed: Any, *moments: Any) -> Any:
    return right(index, found, row, (), *moments)


def first_matches_only(right: Any, moving: Moving, was: date, now: date) -> Any:
    low, high = right(moving, was, now)
    return low, max(low, high - 1)


def crossed_a_day_late(right: Any, moving: Moving, code: int, day: date) -> Any:
    crossing = right(moving, code, day)
    return None if crossing is None else crossing + timedelta(days=1)


INDEXES: dict[str, Mutation] = {
    "some bounds not posted": wrapped(policy_index._Postings, "add", some_bounds_not_posted),
    "postings by policy": wrapped(PolicyIndex, "_new_test", postings_by_policy),
    "spans known as before": wrapped(policy_index._Postings, "add", spans_known_as_before),
    "acting as before": wrapped(PolicyIndex, "add", acting_as_before),
    "cuts as before": wrapped(PolicyIndex, "_cuts", cuts_as_before),
    "bitmaps as before": wrapped(policy_index._NotFalse, "put", bitmaps_as_before),
    "guard a step too high": wrapped(policy_index, "_guard", guard_a_step_too_high),
    "judged by what changed": wrapped(PolicyIndex, "_cut", judged_by_what_changed),
    "unknown is false": wrapped(policy_index, "_function", lambda right, possible, true: right(true, true)),
    "beginnings and ends ignored": wrapped(PolicyIndex, "_between", lambda right, *given: []),
    "never ends": wrapped(PolicyIndex, "add", lambda right, *given: right(*given[:-1], None)),
    "open tests forgotten": wrapped(
        PolicyIndex, "_further", lambda right, index, read, *moments: right(index, (), *moments)
    ),
    "dates passed but for the last": wrapped(Moving, "passes", first_matches_only),
    "dates crossed a day late": wrapped(Moving, "crosses_after", crossed_a_day_late),
    "figures that never step": wrapped(Moving, "steps_after", lambda right, *given: None),
    "time moves nothing": wrapped(PolicyIndex, "_moved", lambda right, *given: iter(())),
}
NOT_AMENDED = ("some bounds not posted", "postings by policy")
"""To take back what was never posted would be found out by stumbling, not by what is said."""


@pytest.mark.parametrize("name", INDEXES)
def test_a_wrong_index_is_found_out(name: str, index_check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_index, "FEW", 3)
    INDEXES[name](monkeypatch)
    with pytest.raises(AssertionError):
        for seed in SEEDS:
            index_check(seed).run(amended=name not in NOT_AMENDED)


def zones_as_before(right: Any, column: Any, chunk: int, place: int, code: Any) -> None:
    known = column.zones[chunk]
    right(column, chunk, place, code)
    column.zones[chunk] = known


def nothing_unknown(right: Any, known: Any) -> Any:
    return right(known)._replace(holes=False)


def a_row_left_as_it_was(right: Any, columns: Population, subject: str) -> None:
    row = columns._rows.pop(subject)
    columns.subjects[row] = None
    columns._free.append(row)


def of_every_season(right: Any, columns: Population, subject: str, row: Any, season: int = 0) -> None:
    right(columns, subject, row, 1)


POPULATIONS: dict[str, Mutation] = {
    "zones as before": wrapped(population._Column, "put", zones_as_before),
    "nothing is unknown": wrapped(population, "_zone", nothing_unknown),
    "unknown not widened": wrapped(population, "_widened", lambda right, known, unknown, dtype: known.astype(dtype)),
    "a freed row answered": wrapped(Population, "_there", lambda right, columns, rows: rows),
    "a freed row left as it was": wrapped(Population, "discard", a_row_left_as_it_was),
    "bounds a step too high": wrapped(population, "_from", lambda right, known, at, zone: right(known, at + 1, zone)),
    "runs without their first": wrapped(
        population, "_run", lambda right, known, low, high, zone: right(known, low + 1, high, zone)
    ),
    "members not looked up": wrapped(
        population, "_looked_up", lambda right, known, members: np.zeros(len(known), np.bool_)
    ),
    "exact where nothing is": wrapped(population, "_exact", lambda right, one, other: True),
    "between with its end": wrapped(
        Population, "between", lambda right, columns, slot, low, high, rows: right(columns, slot, low, high + 1, rows)
    ),
    "of one season": wrapped(Population, "put", of_every_season),
    "rows of the first chunk": wrapped(
        Population, "among", lambda right, *given: right(*given[:-1], given[-1] % population.CHUNK)
    ),
}


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.usefixtures("small_chunks")
def test_a_wrong_population_is_found_out(name: str, population_check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    POPULATIONS[name](monkeypatch)
    with pytest.raises(AssertionError):
        for seed in SEEDS:
            population_check(seed).run()


@pytest.mark.usefixtures("small_chunks")
def test_the_engine_as_it_is_passes(index_check: Any, population_check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same checks, so that none fails by itself."""
    monkeypatch.setattr(policy_index, "FEW", 3)
    for seed in SEEDS[:15]:
        index_check(seed).run()
        population_check(seed).run()
