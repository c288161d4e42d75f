"""Fact values: what each type takes and refuses, how they are written, and how they are kept."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eligibility.values import Value, decode, encode, exact_text, parse, shown, yuan
from schemas.catalogue import FactDeclaration
from schemas.events import RegistryChange

NAMES = {"zh": "事实", "en": "fact"}
CODES = {code: NAMES for code in ("general", "small_scale")}


def declared(type_: str) -> FactDeclaration:
    more: dict[str, Any] = {"codes": CODES} if type_ == "code" else {}
    return FactDeclaration(name="fact", title=NAMES, provider="tax", type=type_, **more)


@pytest.mark.parametrize(
    ("type_", "wire", "value"),
    [
        ("boolean", True, True), ("boolean", False, False),
        ("integer", 0, 0), ("integer", -3, -3), ("integer", 10**18 - 1, 10**18 - 1),
        ("integer", 1 - 10**18, 1 - 10**18),
        ("decimal", "1.10", Fraction(11, 10)), ("decimal", "-0.000001", Fraction(-1, 10**6)),
        ("decimal", "9" * 18, Fraction(10**18 - 1)), ("decimal", "007", Fraction(7)),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "1900-01-01", date(1900, 1, 1)), ("date", "2200-12-31", date(2200, 12, 31)),
        ("code", "general", "general"),
        ("region", "210102", "210102"),
        ("industry", "C34", "C34"), ("industry", "K7010", "K7010"),
        ("identifier", "LN-2023-CBJ", "LN-2023-CBJ"), ("identifier", "6-18-02-04", "6-18-02-04"),
        ("identifier", "2024Q3", "2024Q3"), ("identifier", "x" * 64, "x" * 64),
    ],
)  # fmt: skip
def test_parsed(type_: str, wire: Any, value: Value) -> None:
    parsed = parse(declared(type_), wire)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("type_", "wire"),
    [
        ("boolean", 1), ("boolean", 0), ("boolean", "true"),
        ("integer", True), ("integer", "5"), ("integer", 10**18), ("integer", -(10**18)),
        ("decimal", 5), ("decimal", True), ("decimal", "1e3"), ("decimal", "1/2"), ("decimal", "+1"), ("decimal", ".5"),
        ("decimal", "1."), ("decimal", ""), ("decimal", " 1"), ("decimal", "1,000"), ("decimal", "1" * 19),
        ("decimal", "0.0000001"), ("decimal", "NaN"), ("decimal", "１２"), ("decimal", "1.50\n"),
        ("date", 20240701), ("date", "20240701"), ("date", "2024-7-1"), ("date", "2024-07-01T00:00:00"),
        ("date", "2023-02-29"), ("date", "2024-13-01"), ("date", "1899-12-31"), ("date", "2201-01-01"),
        ("date", "2024-W27-1"), ("date", "20240701ab"),
        ("code", "General"), ("code", ""), ("code", True),
        ("region", "21"), ("region", "2101"), ("region", "999999"), ("region", 210102),
        ("industry", "C"), ("industry", "3411"), ("industry", "C99"), ("industry", "C34111"),
        ("identifier", ""), ("identifier", "-"), ("identifier", "-a"), ("identifier", "a b"), ("identifier", "焊工"),
        ("identifier", "a\n"), ("identifier", "x" * 65), ("identifier", 5), ("identifier", True),
    ],
)  # fmt: skip
def test_refused_with_the_value_and_what_is_expected(type_: str, wire: Any) -> None:
    with pytest.raises(ValueError, match="is not") as refusal:
        parse(declared(type_), wire)
    assert repr(wire) in str(refusal.value)


@pytest.mark.parametrize("number", ["1.0", "0.0", "5.0", "1e3"])
def test_a_float_on_the_wire_is_no_value(number: str) -> None:
    with pytest.raises(ValidationError):
        RegistryChange.model_validate_json(
            f'{{"version": 1, "effective_at": "2024-01-01T00:00:00Z", "facts": {{"fact": {number}}}}}'
        )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Fraction(0), "0"), (Fraction(12), "12"), (Fraction(-12), "-12"), (Fraction(100), "100"),
        (Fraction(11, 200), "0.055"), (Fraction(-1, 2), "-0.5"), (Fraction(1, 8), "0.125"), (Fraction("1.50"), "1.5"),
        (Fraction(1, 3), "1/3"), (Fraction(-7, 6), "-7/6"), (Fraction(1, 10**12), "0.000000000001"),
    ],
)  # fmt: skip
def test_exact_text(number: Fraction, text: str) -> None:
    assert exact_text(number) == text


@given(st.fractions())
def test_exact_text_is_exact(number: Fraction) -> None:
    text = exact_text(number)
    assert Fraction(text) == number
    assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"), ("1000", "1000.00"), ("0.004999", "0.00"), ("0.005", "0.01"), ("-0.005", "-0.01"),
        ("-0.004999", "0.00"), ("1.015", "1.02"), ("1.025", "1.03"), ("-1.025", "-1.03"), ("2/3", "0.67"),
        ("999.995", "1000.00"), ("123456789012345678.005", "123456789012345678.01"),
    ],
)  # fmt: skip
def test_yuan_rounds_half_away_from_zero(amount: str, text: str) -> None:
    assert yuan(Fraction(amount)) == text


@given(st.fractions())
def test_yuan_is_the_nearest_cent_and_symmetric(amount: Fraction) -> None:
    paid = Fraction(yuan(amount))
    assert abs(paid - amount) <= Fraction(1, 200)
    assert Fraction(yuan(-amount)) == -paid


VALUES = st.one_of(st.booleans(), st.integers(), st.fractions(), st.dates(), st.text(max_size=40))


@given(VALUES)
def test_what_is_kept_comes_back_with_its_type(value: Value) -> None:
    back = decode(encode(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", ["n:1/2", "d:2024-01-01", "s:", ""])
def test_a_code_that_looks_like_a_tag_stays_a_code(value: str) -> None:
    assert decode(encode(value)) == value


def test_shown_to_people() -> None:
    given_values: list[Value] = [True, 3, Fraction(1, 2), Fraction(1, 3), date(2024, 7, 1), "C34"]
    assert [shown(value) for value in given_values] == [True, 3, "0.5", "1/3", "2024-07-01", "C34"]
