"""The code lists that ship with zhida, one CSV of `code,zh,en` each."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from schemas.model import Text


def read_codes(name: str) -> Mapping[str, Text]:
    """The list `name` (`regions`, `industries`) as code → name in both languages, in the file's order.

    Raises ValueError for a code given twice.
    """
    codes: dict[str, Text] = {}
    text = (files(__name__) / f"{name}.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        if row["code"] in codes:
            raise ValueError(f"{name}.csv: code {row['code']} is given twice")
        codes[row["code"]] = Text(zh=row["zh"], en=row["en"])
    return MappingProxyType(codes)
