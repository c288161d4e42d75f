"""The shipped code lists: complete, of the right edition, and trees by prefix."""

import re

import pytest

from schemas.industries import INDUSTRIES, industry_within, is_industry, is_industry_root
from schemas.regions import REGIONS, is_region, region_within

SECTIONS = "ABCDEFGHIJKLMNOPQRST"


def divisions() -> list[str]:
    return [code for code in INDUSTRIES if re.fullmatch(r"[A-T][0-9]{2}", code)]


def test_all_twenty_sections() -> None:
    assert [code for code in INDUSTRIES if len(code) == 1] == list(SECTIONS)


def test_the_97_divisions_are_numbered_01_to_97() -> None:
    assert [code[1:] for code in divisions()] == [f"{n:02}" for n in range(1, 98)]


# GB/T 4754-2017, table 1: the divisions of each section.
@pytest.mark.parametrize(
    ("section", "first", "last"),
    [
        ("A", 1, 5), ("B", 6, 12), ("C", 13, 43), ("D", 44, 46), ("E", 47, 50), ("F", 51, 52),
        ("G", 53, 60), ("H", 61, 62), ("I", 63, 65), ("J", 66, 69), ("K", 70, 70), ("L", 71, 72),
        ("M", 73, 75), ("N", 76, 79), ("O", 80, 82), ("P", 83, 83), ("Q", 84, 85), ("R", 86, 90), ("S", 91, 96),
        ("T", 97, 97),
    ],
)  # fmt: skip
def test_divisions_of_a_section(section: str, first: int, last: int) -> None:
    expected = [f"{section}{n:02}" for n in range(first, last + 1)]
    assert [code for code in divisions() if code[0] == section] == expected


@pytest.mark.parametrize(
    ("code", "zh"),
    [
        ("F51", "批发业"), ("F52", "零售业"), ("H61", "住宿业"), ("H62", "餐饮业"),
        ("I65", "软件和信息技术服务业"),
        ("K70", "房地产业"), ("K7010", "房地产开发经营"), ("K7020", "物业管理"), ("G591", "装卸搬运"),
        # These differ in the 2011 edition, of which copies abound.
        ("A05", "农、林、牧、渔专业及辅助性活动"), ("B11", "开采专业及辅助性活动"),
        ("G58", "多式联运和运输代理业"),
        ("G59", "装卸搬运和仓储业"), ("N79", "土地管理业"), ("P83", "教育"),
        ("S96", "基层群众自治组织及其他组织"),
    ],
)  # fmt: skip
def test_known_industries(code: str, zh: str) -> None:
    assert INDUSTRIES[code].zh == zh
    assert is_industry(code)


@pytest.mark.parametrize("code", ["C34", "C341", "C3411", "F5299"])
def test_industries_of_a_known_division(code: str) -> None:
    assert is_industry(code)
    assert is_industry_root(code)


@pytest.mark.parametrize(
    "code", ["", "C3", "C34110", "c34", "A51", "C98", "U01", "T00", "3411", "C３４", "C34\n", " C34", "C34X"]
)
def test_unknown_industries_are_refused(code: str) -> None:
    assert not is_industry(code)
    assert not is_industry_root(code)
    assert not industry_within(code, "C")
    assert not industry_within("C3411", code)


def test_a_section_is_a_root_but_not_a_subjects_industry() -> None:
    assert is_industry_root("C")
    assert not is_industry("C")


@pytest.mark.parametrize(
    ("code", "root", "within"),
    [
        ("C3411", "C", True), ("C3411", "C34", True), ("C3411", "C341", True), ("C3411", "C3411", True),
        ("C34", "C3411", False), ("C3411", "C35", False), ("C3411", "D", False), ("K7010", "K7010", True),
        ("K70", "K7010", False), ("K7020", "K7010", False), ("K7010", "K", True),
    ],
)  # fmt: skip
def test_industry_subtrees(code: str, root: str, within: bool) -> None:
    assert industry_within(code, root) is within


def test_the_province_has_14_cities_and_100_counties() -> None:
    assert len([code for code in REGIONS if len(code) == 2]) == 1
    assert len([code for code in REGIONS if len(code) == 4]) == 14
    assert len([code for code in REGIONS if re.fullmatch("[0-9]{6}", code)]) == 100


def test_every_region_stands_below_one_that_is_listed() -> None:
    for code in REGIONS:
        assert re.fullmatch(r"21([0-9]{2}([0-9]{2}|[A-Z][0-9])?)?", code)
        assert len(code) == 2 or code[:-2] in REGIONS


def test_the_only_fictional_place_says_so() -> None:
    assert [code for code in REGIONS if "X" in code] == ["2101X1"]
    assert [code for code, name in REGIONS.items() if "虚构" in name.zh and "fictional" in name.en] == ["2101X1"]


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        ("21", "辽宁省", "Liaoning Province"),
        ("2101", "沈阳市", "Shenyang City"),
        ("210102", "和平区", "Heping District"),
        ("210112", "浑南区", "Hunnan District"),
        ("210281", "瓦房店市", "Wafangdian City"),
        ("210921", "阜新蒙古族自治县", "Fuxin Mongol Autonomous County"),
        ("2113", "朝阳市", "Chaoyang City"),
        ("2101G1", "沈阳高新技术产业开发区", "Shenyang High-tech Zone"),
        ("2101X1", "示例县（虚构）", "Example County (fictional)"),
    ],
)
def test_known_regions(code: str, zh: str, en: str) -> None:
    assert (REGIONS[code].zh, REGIONS[code].en) == (zh, en)
    assert is_region(code)


@pytest.mark.parametrize("code", ["", "2", "210", "210000", "210100", "210101", "2101G9", "2101g1", "220102"])
def test_unknown_regions_are_refused(code: str) -> None:
    assert not is_region(code)
    assert not region_within(code, "21")
    assert not region_within("210102", code)


@pytest.mark.parametrize(
    ("code", "root", "within"),
    [
        ("210102", "21", True), ("210102", "2101", True), ("210102", "210102", True),
        ("2101G1", "2101", True), ("2101G1", "2101G1", True), ("2101", "210102", False), ("2101X1", "2101", True),
        ("210102", "2102", False), ("210112", "2101G1", False), ("2101G1", "210112", False),
    ],
)  # fmt: skip
def test_region_subtrees(code: str, root: str, within: bool) -> None:
    assert region_within(code, root) is within
