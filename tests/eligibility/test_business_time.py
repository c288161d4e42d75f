"""UTC+8 days, period labels at every turn, and anniversaries of leap days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eligibility.business_time import (
    anniversary,
    business_date,
    label_kind,
    next_period_start,
    period_kind,
    period_label,
    relative_label,
    start_of,
    whole_years,
)
from schemas.catalogue import PeriodKind
from schemas.policy import RelativePeriod

DAYS = st.dates(date(1901, 1, 1), date(2199, 12, 31))
KINDS = st.sampled_from(list(PeriodKind))


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2024-06-30T15:59:59.999999+00:00", date(2024, 6, 30)),
        ("2024-06-30T16:00:00+00:00", date(2024, 7, 1)),
        ("2024-12-31T16:00:00+00:00", date(2025, 1, 1)),
        ("2024-07-01T00:00:00+08:00", date(2024, 7, 1)),
        ("2024-06-30T23:59:59+08:00", date(2024, 6, 30)),
        ("2024-06-30T12:00:00-04:00", date(2024, 7, 1)),
    ],
)
def test_a_day_turns_at_midnight_in_shanghai(moment: str, day: date) -> None:
    assert business_date(datetime.fromisoformat(moment)) == day


def test_a_day_starts_at_16_utc_of_the_day_before() -> None:
    assert start_of(date(2024, 3, 1)) == datetime(2024, 2, 29, 16, tzinfo=UTC)
    assert start_of(date(2024, 3, 1)).tzinfo is UTC


@given(DAYS)
def test_a_day_is_the_24_hours_from_its_start(day: date) -> None:
    begins = start_of(day)
    assert business_date(begins) == day == business_date(begins + timedelta(hours=24, microseconds=-1))
    assert business_date(begins - timedelta(microseconds=1)) == day - timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "labels"),
    [  # this, last year and the one before, this and last quarter, this and last month
        (date(2024, 1, 1), ["2024", "2023", "2022", "2024Q1", "2023Q4", "2024-01", "2023-12"]),
        (date(2024, 3, 31), ["2024", "2023", "2022", "2024Q1", "2023Q4", "2024-03", "2024-02"]),
        (date(2024, 4, 1), ["2024", "2023", "2022", "2024Q2", "2024Q1", "2024-04", "2024-03"]),
        (date(2024, 9, 30), ["2024", "2023", "2022", "2024Q3", "2024Q2", "2024-09", "2024-08"]),
        (date(2024, 10, 1), ["2024", "2023", "2022", "2024Q4", "2024Q3", "2024-10", "2024-09"]),
        (date(2024, 12, 31), ["2024", "2023", "2022", "2024Q4", "2024Q3", "2024-12", "2024-11"]),
    ],
)
def test_labels_of_relative_periods(day: date, labels: list[str]) -> None:
    assert [relative_label(day, period) for period in RelativePeriod] == labels


@pytest.mark.parametrize(
    ("steps", "labels"),
    [(-13, ["2011", "2020Q4", "2022-12"]), (0, ["2024", "2024Q1", "2024-01"]), (12, ["2036", "2027Q1", "2025-01"])],
)
def test_labels_some_periods_away(steps: int, labels: list[str]) -> None:
    kinds = (PeriodKind.YEAR, PeriodKind.QUARTER, PeriodKind.MONTH)
    assert [period_label(date(2024, 1, 15), kind, steps) for kind in kinds] == labels


@pytest.mark.parametrize(
    ("day", "month", "quarter", "year"),
    [
        (date(2024, 1, 1), date(2024, 2, 1), date(2024, 4, 1), date(2025, 1, 1)),
        (date(2024, 2, 29), date(2024, 3, 1), date(2024, 4, 1), date(2025, 1, 1)),
        (date(2024, 11, 30), date(2024, 12, 1), date(2025, 1, 1), date(2025, 1, 1)),
        (date(2024, 12, 31), date(2025, 1, 1), date(2025, 1, 1), date(2025, 1, 1)),
    ],
)
def test_when_the_next_period_starts(day: date, month: date, quarter: date, year: date) -> None:
    kinds = (PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.YEAR)
    assert [next_period_start(day, kind) for kind in kinds] == [month, quarter, year]


@given(DAYS, KINDS)
def test_a_label_lasts_until_the_next_period_starts(day: date, kind: PeriodKind) -> None:
    turn = next_period_start(day, kind)
    assert period_label(turn - timedelta(days=1), kind) == period_label(day, kind)
    assert period_label(turn, kind) == period_label(day, kind, 1) != period_label(day, kind)
    assert label_kind(period_label(day, kind)) is kind


def test_the_kind_of_a_relative_period() -> None:
    kinds = [period_kind(period).value for period in RelativePeriod]
    assert kinds == ["year", "year", "year", "quarter", "quarter", "month", "month"]


@pytest.mark.parametrize(
    ("since", "years", "expected"),
    [
        (date(2020, 2, 29), 1, date(2021, 3, 1)),
        (date(2020, 2, 29), 4, date(2024, 2, 29)),
        (date(2000, 2, 29), 100, date(2100, 3, 1)),  # 2100 is no leap year
        (date(2021, 2, 28), 3, date(2024, 2, 28)),
    ],
)
def test_anniversaries(since: date, years: int, expected: date) -> None:
    assert anniversary(since, years) == expected


@pytest.mark.parametrize(
    ("since", "today", "years"),
    [
        (date(2020, 2, 29), date(2023, 2, 28), 2),
        (date(2020, 2, 29), date(2023, 3, 1), 3),
        (date(2020, 2, 29), date(2024, 2, 28), 3),
        (date(2020, 2, 29), date(2024, 2, 29), 4),
        (date(2021, 7, 1), date(2024, 6, 30), 2),
        (date(2021, 7, 1), date(2024, 7, 1), 3),
        (date(2024, 7, 1), date(2024, 7, 1), 0),
        (date(2024, 7, 2), date(2024, 7, 1), -1),
    ],
)
def test_whole_years(since: date, today: date, years: int) -> None:
    assert whole_years(since, today) == years
