"""Fact values in the core: exact, never a float. Money is in 元, as a rational."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from fractions import Fraction

from schemas.catalogue import FactDeclaration, FactType
from schemas.events import Scalar
from schemas.industries import is_industry
from schemas.regions import is_region

Value = bool | int | Fraction | date | str
ZERO = "0.00"
"""Nothing, as `yuan` writes it."""

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse(declaration: FactDeclaration, wire: Scalar) -> Value:
    """A wire value as its fact's type.

    Raises ValueError saying which value was refused and what is expected.
    """
    match declaration.type:
        case FactType.BOOLEAN if isinstance(wire, bool):
            return wire
        case FactType.INTEGER if isinstance(wire, int) and not isinstance(wire, bool) and abs(wire) < 10**18:
            return wire
        case FactType.DECIMAL if isinstance(wire, str) and _DECIMAL.fullmatch(wire):
            return Fraction(wire)
        case FactType.DATE if isinstance(wire, str) and _DATE.fullmatch(wire):
            with suppress(ValueError):
                if 1900 <= (day := date.fromisoformat(wire)).year <= 2200:
                    return day
        case FactType.CODE if isinstance(wire, str) and wire in (declaration.codes or {}):
            return wire
        case FactType.IDENTIFIER if isinstance(wire, str) and _IDENTIFIER.fullmatch(wire):
            return wire
        case FactType.REGION if isinstance(wire, str) and len(wire) == 6 and is_region(wire):
            return wire
        case FactType.INDUSTRY if isinstance(wire, str) and is_industry(wire):
            return wire
    raise ValueError(f"{wire!r} is not {_EXPECTED[declaration.type]}")


_EXPECTED = {
    FactType.BOOLEAN: "true or false",
    FactType.INTEGER: "an integer of at most 18 digits",
    FactType.DECIMAL: 'an exact decimal as text, such as "1234.50", of at most 18 and 6 digits',
    FactType.DATE: "a date such as 2024-07-01 between 1900 and 2200",
    FactType.CODE: "one of the codes the catalogue declares for it",
    FactType.IDENTIFIER: "an identifier of at most 64 letters, digits and . _ -",
    FactType.REGION: "a county or functional zone of the region tree (six characters)",
    FactType.INDUSTRY: "a code of GB/T 4754-2017, section letter and two to four digits",
}


def shown(value: Value) -> Scalar:
    """A value for people and the wire: decimals as text, a ratio that does not end as a fraction."""
    if isinstance(value, Fraction):
        return exact_text(value)
    return value.isoformat() if isinstance(value, date) else value


def exact_text(number: Fraction) -> str:
    """The shortest exact text: 0.055, 12, or 1/3 where no decimal ends."""
    denominator = number.denominator
    twos = fives = 0
    while denominator % 2 == 0:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0:
        denominator //= 5
        fives += 1
    digits = max(twos, fives)
    if denominator != 1 or digits > 12:
        return f"{number.numerator}/{number.denominator}"
    scaled = abs(number.numerator) * 10**digits // number.denominator
    whole, rest = divmod(scaled, 10**digits)
    sign = "-" if number < 0 else ""
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


def yuan(amount: Fraction) -> str:
    """元 to two places, half away from zero: the smallest unit that is paid is a 分."""
    cents, half = divmod(abs(amount) * 100, 1)
    cents += half * 2 >= 1
    whole, rest = divmod(int(cents), 100)
    return f"{'-' if amount < 0 and cents else ''}{whole}.{rest:02d}"


def encode(value: Value) -> bool | int | str:
    """A value for a state record, so that `decode` gives it back."""
    if isinstance(value, Fraction):
        return f"n:{value}"
    if isinstance(value, date):
        return f"d:{value.isoformat()}"
    return f"s:{value}" if isinstance(value, str) else value


def decode(stored: bool | int | str) -> Value:
    """The inverse of `encode`."""
    if not isinstance(stored, str):
        return stored
    tag, text = stored[0], stored[2:]
    return _ratio(text) if tag == "n" else date.fromisoformat(text) if tag == "d" else text


def _ratio(text: str) -> Fraction:
    """A Fraction as it prints itself; to have it parse what it prints takes three times as long."""
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator), int(denominator)) if denominator else Fraction(int(numerator))
