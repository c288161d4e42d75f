"""The industry tree: sections and divisions of GB/T 4754-2017 国民经济行业分类.

Source: GB/T 4754-2017 with its amendment 1 of 2019: 20 sections, 97 divisions (the 2011 edition has 96,
numbered otherwise from 79 on), and the few groups and classes that the size rule tells apart. A division is
written with its section's letter, so that the tree is by prefix: `C` ⊃ `C34` ⊃ `C341` ⊃ `C3411`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.codes import read_codes
from schemas.model import Text

INDUSTRIES: Mapping[str, Text] = read_codes("industries")

_INDUSTRY = re.compile(r"([A-T][0-9]{2})[0-9]{0,2}")


def is_industry(code: str) -> bool:
    """Whether `code` can be a subject's industry: a known division, or a group or class of one.

    A section alone says too little about a subject. Groups and classes are taken on trust: only their
    division is looked up.
    """
    match = _INDUSTRY.fullmatch(code)
    return match is not None and match[1] in INDUSTRIES


def is_industry_root(code: str) -> bool:
    """Whether `code` can be the root of a subtree in a condition: a section, or any industry."""
    return code in INDUSTRIES or is_industry(code)


def industry_within(code: str, root: str) -> bool:
    """Whether `code` is `root` or below it; never so for codes whose division is unknown."""
    return is_industry(code) and is_industry_root(root) and code.startswith(root)
