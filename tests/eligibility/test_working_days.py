"""Working days: the official calendar's holidays and worked weekends; Monday to Friday, provisionally, beyond it."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eligibility.working_days import is_working_day, working_days_before
from schemas.catalogue import CalendarYear, CatalogueStatement

EXAMPLE = Path(__file__).parents[2] / "examples" / "catalogue" / "calendar.yaml"


@pytest.fixture(scope="module")
def calendars() -> dict[int, CalendarYear]:
    """The official calendar of 2024 to 2026."""
    statement = CatalogueStatement.model_validate(yaml.safe_load(EXAMPLE.read_text()))
    return {calendar.year: calendar for calendar in statement.calendars}


# 国办发明电〔2023〕7号: the holidays of 2024.
@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2024-02-09", True),  # 除夕 is no holiday in 2024
        ("2024-02-12", False), ("2024-02-16", False), ("2024-02-17", False),  # Spring Festival
        ("2024-02-18", True),  # a Sunday that makes up for it
        ("2024-05-01", False), ("2024-05-06", True), ("2024-05-11", True), ("2024-05-12", False),
        ("2024-10-07", False), ("2024-10-08", True), ("2024-10-12", True),
        ("2024-06-14", True), ("2024-06-15", False), ("2024-06-16", False),  # any Friday, Saturday and Sunday
        ("2031-10-01", True), ("2031-10-04", False),  # not known yet: a Wednesday, a Saturday
    ],
)  # fmt: skip
def test_whether_offices_work(calendars: Any, day: str, works: bool) -> None:
    assert is_working_day(calendars, date.fromisoformat(day)) is works


@pytest.mark.parametrize(
    ("due", "count", "day", "provisional"),
    [
        ("2024-06-14", 1, "2024-06-13", False),
        ("2024-06-15", 1, "2024-06-14", False),  # the last day need not be a working day
        ("2024-06-17", 1, "2024-06-14", False),
        ("2024-06-14", 0, "2024-06-14", False),
        ("2024-06-15", 0, "2024-06-15", False),
        ("2024-02-19", 1, "2024-02-18", False),  # a worked Sunday
        ("2024-02-19", 2, "2024-02-09", False),  # then the whole Spring Festival
        ("2024-10-08", 1, "2024-09-30", False),  # National Day
        ("2024-10-08", 7, "2024-09-23", False),  # over the worked Sunday, the 29th
        ("2024-12-31", 30, "2024-11-19", False),  # six plain weeks: 30 working days
        ("2025-01-02", 1, "2024-12-31", False),  # New Year's Day between two known years
        ("2027-01-04", 1, "2027-01-01", True),  # a holiday, no doubt, but not stated yet
        ("2027-01-01", 1, "2026-12-31", False),  # only days of 2026 were counted through
        ("2027-01-04", 2, "2026-12-31", True),
        ("2024-01-02", 1, "2023-12-29", True),  # nor is the year before the first known
    ],
)
def test_counted_back(calendars: Any, due: str, count: int, day: str, provisional: bool) -> None:
    found = working_days_before(calendars, date.fromisoformat(due), count)
    assert (str(found.day), found.provisional) == (day, provisional)


def test_without_any_calendar_weeks_have_five_days() -> None:
    found = working_days_before({}, date(2024, 10, 8), 30)
    assert (str(found.day), found.provisional) == ("2024-08-27", True)


@given(st.dates(date(2024, 3, 1), date(2027, 12, 31)), st.integers(1, 30))
def test_between_the_two_lie_just_so_many_working_days(calendars: Any, due: date, count: int) -> None:
    found = working_days_before(calendars, due, count)
    between = [date.fromordinal(n) for n in range(found.day.toordinal(), due.toordinal())]
    assert sum(is_working_day(calendars, day) for day in between) == count
    assert is_working_day(calendars, found.day)
    assert found.provisional == any(day.year not in calendars for day in between)


@pytest.mark.parametrize(
    ("off", "works", "named"),
    [
        (["2025-01-01"], [], "2025-01-01 is not a Monday to Friday of 2024"),
        (["2024-01-06"], [], "2024-01-06 is not a Monday to Friday"),
        ([], ["2024-01-01"], "2024-01-01 is not a Saturday or Sunday"),
        ([], ["2023-01-01"], "2023-01-01 is not a Saturday or Sunday of 2024"),
    ],
)
def test_a_calendar_says_only_where_it_departs_from_monday_to_friday(
    off: list[str], works: list[str], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        CalendarYear.model_validate({"year": 2024, "days_off": off, "working_days": works})
