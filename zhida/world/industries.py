"""What the province lives on: shares of GB/T 4754-2017 industries, with the usual size and sales of each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random


@dataclass(frozen=True)
class Industry:
    """One industry as the world has it; sales in 元."""

    code: str
    enterprises: int  # weight among enterprises
    individuals: int  # weight among individual businesses
    staff: int  # of the median enterprise
    sales_per_head: int
    entry: int = 0  # yearly sales from which a unit is above scale; 0 where no such limit is drawn from
    legal_form: str | None = None  # where the industry decides it


INDUSTRIES = (
    Industry("A0111", 22, 4, 6, 180_000),
    Industry("B0810", 6, 0, 40, 700_000, 20_000_000),
    Industry("C1311", 18, 4, 12, 650_000, 20_000_000),
    Industry("C2651", 16, 0, 25, 1_100_000, 20_000_000),
    Industry("C3311", 38, 3, 14, 600_000, 20_000_000),
    Industry("C3411", 26, 0, 18, 650_000, 20_000_000),
    Industry("C3484", 34, 2, 12, 550_000, 20_000_000),
    Industry("C3562", 12, 0, 22, 900_000, 20_000_000),
    Industry("C3670", 22, 0, 28, 850_000, 20_000_000),
    Industry("D4430", 6, 0, 45, 600_000, 20_000_000),
    Industry("E4710", 30, 0, 20, 500_000),
    Industry("E5011", 36, 3, 8, 420_000),
    Industry("F5121", 66, 24, 5, 1_400_000, 20_000_000),
    Industry("F5165", 70, 22, 5, 1_500_000, 20_000_000),
    Industry("F5174", 60, 14, 5, 1_300_000, 20_000_000),
    Industry("F5211", 26, 40, 6, 480_000, 5_000_000),
    Industry("F5212", 34, 90, 6, 450_000, 5_000_000),
    Industry("F5292", 30, 24, 4, 520_000, 5_000_000),
    Industry("G5431", 40, 26, 8, 420_000, 20_000_000),
    Industry("H6110", 14, 6, 18, 200_000, 2_000_000),
    Industry("H6210", 26, 96, 9, 180_000, 2_000_000),
    Industry("I6513", 54, 0, 9, 380_000, 20_000_000),
    Industry("I6550", 18, 0, 8, 350_000, 20_000_000),
    Industry("K7010", 14, 0, 16, 1_800_000),
    Industry("K7020", 22, 0, 30, 130_000, 10_000_000),
    Industry("L7231", 8, 0, 9, 300_000, 10_000_000, "law_firm"),
    Industry("L7241", 10, 2, 7, 260_000, 10_000_000, "accounting_firm"),
    Industry("L7251", 30, 10, 4, 320_000, 10_000_000),
    Industry("L7263", 12, 0, 40, 150_000, 10_000_000),
    Industry("M7320", 40, 0, 9, 360_000, 10_000_000),
    Industry("M7452", 20, 0, 14, 300_000, 10_000_000),
    Industry("N7721", 8, 0, 14, 400_000, 20_000_000),
    Industry("O8040", 8, 48, 4, 120_000, 5_000_000),
    Industry("O8111", 16, 36, 5, 200_000, 5_000_000),
    Industry("P8391", 16, 6, 10, 160_000, 10_000_000, "social_service"),
    Industry("Q8425", 12, 14, 9, 220_000),
    Industry("R8930", 10, 8, 7, 150_000, 5_000_000),
    Industry("S9521", 8, 0, 5, 90_000, 0, "social_group"),
    Industry("S9530", 3, 0, 4, 400_000, 0, "foundation"),
)
HUB_INDUSTRIES = tuple(industry for industry in INDUSTRIES if industry.code[:2] in ("C3", "I6", "M7"))
"""What the high-tech zone attracts, and the county with the award."""

_ENTERPRISES = tuple(accumulate(industry.enterprises for industry in INDUSTRIES))
_INDIVIDUALS = tuple(accumulate(industry.individuals for industry in INDUSTRIES))


def draw_industry(chance: Random, individual: bool, hub: bool) -> Industry:
    """An industry by its share among subjects of that kind."""
    if hub and not individual:
        return chance.choice(HUB_INDUSTRIES)
    return chance.choices(INDUSTRIES, cum_weights=_INDIVIDUALS if individual else _ENTERPRISES)[0]
