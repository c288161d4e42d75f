"""企业规模: 统计上大中小微型企业划分办法 (2017). X persons, Y revenue, Z assets; bounds in 万元."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

WAN = 10_000


class SizeCategory(NamedTuple):
    """An industry category: which measures count, and the lower bounds of large, medium and small for each."""

    name: str
    industries: tuple[str, ...]
    measures: str
    bounds: tuple[tuple[int, int, int], ...]


TRANSPORT = ("G54", "G55", "G56", "G57", "G58", "G591")
_OTHER = SizeCategory("其他", (), "X", ((300, 100, 10),))
_CATEGORIES = (
    SizeCategory("农林牧渔业", ("A",), "Y", ((20000, 500, 50),)),
    SizeCategory("工业", ("B", "C", "D"), "XY", ((1000, 300, 20), (40000, 2000, 300))),
    SizeCategory("建筑业", ("E",), "YZ", ((80000, 6000, 300), (80000, 5000, 300))),
    SizeCategory("批发业", ("F51",), "XY", ((200, 20, 5), (40000, 5000, 1000))),
    SizeCategory("零售业", ("F52",), "XY", ((300, 50, 10), (20000, 500, 100))),
    SizeCategory(
        "交通运输业", ("G54", "G55", "G56", "G57", "G58", "G591"), "XY", ((1000, 300, 20), (30000, 3000, 200))
    ),
    SizeCategory("仓储业", ("G59",), "XY", ((200, 100, 20), (30000, 1000, 100))),
    SizeCategory("邮政业", ("G60",), "XY", ((1000, 300, 20), (30000, 2000, 100))),
    SizeCategory("住宿和餐饮业", ("H61", "H62"), "XY", ((300, 100, 10), (10000, 2000, 100))),
    SizeCategory("信息传输业", ("I63", "I64"), "XY", ((2000, 100, 10), (100000, 1000, 100))),
    SizeCategory("软件和信息技术服务业", ("I65",), "XY", ((300, 100, 10), (10000, 1000, 50))),
    SizeCategory("房地产开发经营", ("K701",), "YZ", ((200000, 1000, 100), (10000, 5000, 2000))),
    SizeCategory("物业管理", ("K702",), "XY", ((1000, 300, 100), (5000, 1000, 500))),
    SizeCategory("租赁和商务服务业", ("L71", "L72"), "XZ", ((300, 100, 10), (120000, 8000, 100))),
)


def size_category(industry: str) -> SizeCategory:
    """The category of a GB/T 4754-2017 code, the first that names it (G591 装卸搬运 is transport); else 其他."""
    return next((c for c in _CATEGORIES if industry.startswith(c.industries)), _OTHER)


def size_class(industry: str, measures: Sequence[Fraction]) -> str:
    """The highest class whose bounds all hold; micro is what is left.

    `measures`: in the order of the category's `measures`, persons for X and 元 for Y and Z.
    """
    category = size_category(industry)
    scale = [1 if measure == "X" else WAN for measure in category.measures]
    for place, name in enumerate(("large", "medium", "small")):
        bounds = zip(category.bounds, scale, measures, strict=True)
        if all(measure >= bound[place] * unit for bound, unit, measure in bounds):
            return name
    return "micro"
