"""Subject keys: a unified social credit code (GB 32100-2015), or a person's pseudonym."""

from __future__ import annotations

import re
from typing import Annotated
from zlib import crc32

from pydantic import AfterValidator
from stdnum.cn import ric, uscc


class IdentityNumber(ValueError):
    """A raw resident identity number where a subject key belongs; its value must not be repeated anywhere."""


_PSEUDONYM = re.compile(r"p-[0-9a-f]{32,64}")
_USCC = re.compile(r"[1-9ANY][0-9]{7}[0-9A-HJ-NPQRTUWXY]{10}")  # the first: the department, N agriculture, Y others


def check_subject(value: str) -> str:
    """Return `value` when it is a valid subject key.

    Raises ValueError naming what is wrong: length, characters or the GB 32100 check character; and IdentityNumber for
    a natural person's raw identity number, which is never a subject key.
    """
    if _PSEUDONYM.fullmatch(value):
        return value
    if value.startswith("p-"):
        raise ValueError("a person's pseudonym is `p-` and 32 to 64 lower-case hexadecimal digits")
    if ric.is_valid(value.strip().upper()):
        raise IdentityNumber("a resident identity number is never a subject key; give the person's pseudonym")
    if len(value) != 18 or not value.isascii():
        raise ValueError(f"a unified social credit code has 18 characters, this has {len(value)}")
    if value != value.upper():
        raise ValueError("a unified social credit code is written in capitals")
    if not _USCC.fullmatch(value) or value[-1] != uscc.calc_check_digit(value):
        raise ValueError("not a unified social credit code (GB 32100): its characters or its check character")
    return value


Subject = Annotated[str, AfterValidator(check_subject)]
"""统一社会信用代码 of 18 characters, or `p-` and a keyed pseudonym."""


def journal_partition(subject: str, partitions: int) -> int:
    """The journal partition of a subject; our own CRC-32, so that no producer's partitioner matters."""
    return crc32(subject.encode()) % partitions
