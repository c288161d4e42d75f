"""统计上大中小微型企业划分办法 (2017), from its table by hand: persons, and 万元 of revenue or assets."""

from fractions import Fraction

import pytest

from eligibility.size_class import size_category, size_class

WAN = 10_000
CENT = Fraction(1, 100)


def of(industry: str, *measures: int | Fraction) -> str:
    return size_class(industry, [Fraction(measure) for measure in measures])


@pytest.mark.parametrize(
    ("industry", "revenue_wan", "below", "at"),
    [("A01", 20000, "medium", "large"), ("A01", 500, "small", "medium"), ("A05", 50, "micro", "small")],
)
def test_farming_by_revenue_alone(industry: str, revenue_wan: int, below: str, at: str) -> None:
    assert of(industry, revenue_wan * WAN) == at
    assert of(industry, revenue_wan * WAN - CENT) == below


# category; persons and 万元 of the bound; the class at it, and the class just below either measure
@pytest.mark.parametrize(
    ("industry", "persons", "wan", "at", "below"),
    [
        ("C34", 1000, 40000, "large", "medium"), ("C3411", 300, 2000, "medium", "small"),
        ("B06", 20, 300, "small", "micro"), ("D44", 1000, 40000, "large", "medium"),
        ("F51", 200, 40000, "large", "medium"), ("F51", 20, 5000, "medium", "small"),
        ("F511", 5, 1000, "small", "micro"),
        ("F52", 300, 20000, "large", "medium"), ("F52", 50, 500, "medium", "small"), ("F52", 10, 100, "small", "micro"),
        ("G54", 1000, 30000, "large", "medium"), ("G58", 300, 3000, "medium", "small"),
        ("G55", 20, 200, "small", "micro"),
        ("G592", 200, 30000, "large", "medium"), ("G594", 100, 1000, "medium", "small"),
        ("G595", 20, 100, "small", "micro"),
        ("G60", 300, 2000, "medium", "small"), ("G60", 20, 100, "small", "micro"),
        ("H61", 300, 10000, "large", "medium"), ("H62", 100, 2000, "medium", "small"),
        ("H62", 10, 100, "small", "micro"),
        ("I63", 2000, 100000, "large", "medium"), ("I64", 100, 1000, "medium", "small"),
        ("I65", 300, 10000, "large", "medium"), ("I65", 100, 1000, "medium", "small"),
        ("I65", 10, 50, "small", "micro"),
        ("K7020", 1000, 5000, "large", "medium"), ("K7020", 300, 1000, "medium", "small"),
        ("K7020", 100, 500, "small", "micro"),
    ],
)  # fmt: skip
def test_both_persons_and_revenue_must_reach_the_bound(
    industry: str, persons: int, wan: int, at: str, below: str
) -> None:
    assert of(industry, persons, wan * WAN) == at
    assert of(industry, persons - 1, wan * WAN) == below
    assert of(industry, persons, wan * WAN - CENT) == below


@pytest.mark.parametrize(
    ("industry", "first_wan", "assets_wan", "at", "below"),
    [
        ("E47", 80000, 80000, "large", "medium"), ("E50", 6000, 5000, "medium", "small"),
        ("E47", 300, 300, "small", "micro"),
        ("K7010", 200000, 10000, "large", "medium"), ("K7010", 1000, 5000, "medium", "small"),
        ("K7010", 100, 2000, "small", "micro"),
    ],
)  # fmt: skip
def test_revenue_and_assets(industry: str, first_wan: int, assets_wan: int, at: str, below: str) -> None:
    assert of(industry, first_wan * WAN, assets_wan * WAN) == at
    assert of(industry, first_wan * WAN - CENT, assets_wan * WAN) == below
    assert of(industry, first_wan * WAN, assets_wan * WAN - CENT) == below


def test_leasing_and_business_services_by_persons_and_assets() -> None:
    assert of("L72", 300, 120000 * WAN) == "large"
    assert of("L72", 299, 120000 * WAN) == "medium"
    assert of("L72", 300, 8000 * WAN - CENT) == "small"
    assert of("L71", 9, 120000 * WAN) == "micro"


@pytest.mark.parametrize("industry", ["M73", "N77", "O80", "R87", "G53", "K7030"])
def test_the_others_by_persons_alone(industry: str) -> None:
    assert [of(industry, persons) for persons in (300, 299, 100, 99, 10, 9)] == [
        "large", "medium", "medium", "small", "small", "micro"
    ]  # fmt: skip


def test_yuan_are_not_wan() -> None:
    assert of("C34", 1000, 40000) == "micro"  # 40,000 元
    assert of("C34", 1000, 40000 * WAN) == "large"  # 40,000 万元


def test_one_high_measure_does_not_lift_the_other() -> None:
    assert of("C34", 5000, 1999 * WAN) == "small"
    assert of("C34", 19, 10**9 * WAN) == "micro"


@pytest.mark.parametrize("industry", ["G591", "G5910"])
def test_loading_and_moving_counts_as_transport_not_as_storage(industry: str) -> None:
    """The notes of the 2017 rule: 交通运输业包括……多式联运和运输代理业、装卸搬运; 仓储业 begins with 通用仓储."""
    assert size_category(industry).name == "交通运输业"


@pytest.mark.parametrize(("group", "name"), [("K701", "房地产开发经营"), ("K702", "物业管理")])
def test_a_group_with_one_class_is_that_class(group: str, name: str) -> None:
    assert size_category(group).name == name
