"""Kleene's truth tables, written out."""

from itertools import product

import pytest

from eligibility.kleene import Truth, all_of, any_of, negation

T, F, U = True, False, None
VALUES = (T, F, U)

AND = {(T, T): T, (T, F): F, (T, U): U, (F, T): F, (F, F): F, (F, U): F, (U, T): U, (U, F): F, (U, U): U}
OR = {(T, T): T, (T, F): T, (T, U): T, (F, T): T, (F, F): F, (F, U): U, (U, T): T, (U, F): U, (U, U): U}


@pytest.mark.parametrize(("pair", "expected"), AND.items())
def test_and(pair: tuple[Truth, Truth], expected: Truth) -> None:
    assert all_of(pair) is expected


@pytest.mark.parametrize(("pair", "expected"), OR.items())
def test_or(pair: tuple[Truth, Truth], expected: Truth) -> None:
    assert any_of(pair) is expected


def test_not() -> None:
    assert [negation(value) for value in VALUES] == [F, T, U]


def test_of_nothing_all_hold_and_none_does() -> None:
    assert all_of([]) is True
    assert any_of([]) is False


@pytest.mark.parametrize("triple", list(product(VALUES, repeat=3)))
def test_three_values_are_two_and_one(triple: tuple[Truth, Truth, Truth]) -> None:
    a, b, c = triple
    assert all_of(triple) is AND[AND[a, b], c]
    assert any_of(triple) is OR[OR[a, b], c]
    assert negation(all_of(triple)) is any_of(negation(value) for value in triple)  # De Morgan
