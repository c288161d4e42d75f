"""Subject keys: a unified social credit code (GB 32100-2015), or a person's pseudonym."""

from __future__ import annotations

import re
from operator import mul
from typing import Annotated
from zlib import crc32

from pydantic import AfterValidator


class IdentityNumber(ValueError):
    """A raw resident identity number where a subject key belongs; its value must not be repeated anywhere."""


_IDENTITY_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])[1-8][0-9]{5}[ -]?"
    r"(?:(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[ -]?[0-9]{3}[0-9Xx]"
    r"|[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[ -]?[0-9]{3})(?![0-9A-Za-z])"
)
"""GB 11643: division, date of birth, serial, check character; or the 15 digits of before 1999. What has the form
counts, whatever its check character, since a mistyped number is personal, too."""

_SIX_AND_SIX = re.compile(r"[0-9]{6}[ -]?[0-9]{6}")
"""In every text with an identity number, and quickly not found in most others."""

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"

_PSEUDONYM = re.compile(r"p-[0-9a-f]{32,64}")
_USCC = re.compile(r"[1-9ANY][0-9]{7}[0-9A-HJ-NPQRTUWXY]{10}")  # the first: the department, N agriculture, Y others
_USCC_NUMBERS = bytes.maketrans(b"0123456789ABCDEFGHJKLMNPQRTUWXY", bytes(range(31)))
_USCC_WEIGHTS: tuple[int, ...] = (*(pow(3, place, 31) for place in range(17)), 1)


def holds_identity_number(text: str) -> bool:
    """Whether a resident identity number stands somewhere in a text."""
    if _SIX_AND_SIX.search(text) is None:
        return False
    return any(_is_identity_number(found.group()) for found in _IDENTITY_NUMBER.finditer(text))


def without_identity_numbers(text: str) -> str:
    """A text with every resident identity number in it struck out."""
    return _IDENTITY_NUMBER.sub(lambda found: "…" if _is_identity_number(found.group()) else found.group(), text)


def _is_identity_number(found: str) -> bool:
    """What has the form is one, but for a firm's code whose last character does not fit an identity number."""
    compact = found.replace(" ", "").replace("-", "").upper()
    if len(compact) != 18 or not _is_credit_code(compact):
        return True
    remainder = sum(int(digit) * weight for digit, weight in zip(compact, _WEIGHTS, strict=False)) % 11
    return compact[-1] == _CHECK_CHARACTERS[remainder]


def _is_credit_code(value: str) -> bool:
    """GB 32100: the characters' numbers, each by the weight of its place, the check character's by 1, add up to a
    multiple of 31."""
    if _USCC.fullmatch(value) is None:
        return False
    total: int = sum(map(mul, value.encode().translate(_USCC_NUMBERS), _USCC_WEIGHTS))
    return total % 31 == 0


def check_subject(value: str) -> str:
    """Return `value` when it is a valid subject key.

    Raises ValueError naming what is wrong: length, characters or the GB 32100 check character; and IdentityNumber for
    a natural person's raw identity number, which is never a subject key.
    """
    if _PSEUDONYM.fullmatch(value):
        return value
    credit_code = _is_credit_code(value)
    if credit_code and not value[:-1].isdigit():  # as all but the last character of an identity number are
        return value
    if holds_identity_number(value):
        raise IdentityNumber("a resident identity number is never a subject key; give the person's pseudonym")
    if credit_code:
        return value
    if value.startswith("p-"):
        raise ValueError("a person's pseudonym is `p-` and 32 to 64 lower-case hexadecimal digits")
    if len(value) != 18 or not value.isascii():
        raise ValueError(f"a unified social credit code has 18 characters, this has {len(value)}")
    if value != value.upper():
        raise ValueError("a unified social credit code is written in capitals")
    raise ValueError("not a unified social credit code (GB 32100): its characters or its check character")


Subject = Annotated[str, AfterValidator(check_subject)]
"""统一社会信用代码 of 18 characters, or `p-` and a keyed pseudonym."""


def journal_partition(subject: str, partitions: int) -> int:
    """The journal partition of a subject; our own CRC-32, so that no producer's partitioner matters."""
    return crc32(subject.encode()) % partitions
