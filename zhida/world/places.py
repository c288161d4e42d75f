"""Where subjects live: counties and zones of the region tree by Zipf's law, Shenyang and Dalian in front."""

from __future__ import annotations

from itertools import accumulate
from random import Random

from schemas.regions import REGIONS

HIGH_TECH_ZONE = "2101G1"
"""The zone whose department keeps the rosters."""

AWARD_COUNTY = "2101X1"
"""The fictional county whose department keeps the roster of specialised enterprises."""

SHENYANG = "2101"

_EVERY = 40  # one subject in so many lives in the zone, so that even a small world has rosters; as many in the county
_OFFSET = 4  # Zipf–Mandelbrot: flattens the front, so that no single county has a fifth of the province
_CITIES = (
    "2101",
    "2102",
    "2103",
    "2108",
    "2107",
    "2111",
    "2110",
    "2106",
    "2104",
    "2105",
    "2113",
    "2112",
    "2114",
)


def _city_rank(code: str) -> int:
    city = code[:4]
    return _CITIES.index(city) if city in _CITIES else len(_CITIES)


def _ranked() -> tuple[str, ...]:
    """Every place but those with rosters, the largest first: the two great cities alternate, then the rest."""
    leaves = sorted(code for code in REGIONS if len(code) == 6 and code not in (HIGH_TECH_ZONE, AWARD_COUNTY))
    places = {city: [code for code in leaves if code.startswith(city)] for city in _CITIES[:2]}
    great = [(index, city, code) for city, codes in places.items() for index, code in enumerate(codes)]
    front = tuple(code for _, _, code in sorted(great))
    return front + tuple(sorted(set(leaves) - set(front), key=lambda code: (_city_rank(code), code)))


PLACES = _ranked()
_WEIGHTS = tuple(accumulate(1 / (rank + _OFFSET) for rank in range(1, len(PLACES) + 1)))


def draw_place(chance: Random) -> str:
    """A county or zone, by its size."""
    return chance.choices(PLACES, cum_weights=_WEIGHTS)[0]


def place_of(index: int, chance: Random) -> str:
    """Where the subject with this index lives at first."""
    fixed = fixed_place(index)
    return draw_place(chance) if fixed is None else fixed


def fixed_place(index: int) -> str | None:
    """The place with a roster where the subject with this index lives, if it is one of those."""
    return {0: HIGH_TECH_ZONE, _EVERY // 2: AWARD_COUNTY}.get(index % _EVERY)
