"""When things happen: the bounds of the world, office hours (UTC+8), and the labels of periods."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

FIRST_DAY = date(2024, 1, 1)
LAST_DAY = date(2025, 12, 31)
YEARS = (2024, 2025)
LOAD = datetime(2023, 12, 31, 2, tzinfo=UTC)
"""When the first subject is loaded; the others follow, 2,000,000 of them before 2024 begins in UTC+8."""

_LOADED_PER_SECOND = 50
_OPENING_HOUR = 0  # 08:00 in UTC+8
_OFFICE_SECONDS = 10 * 3600


def load_moment(index: int) -> datetime:
    """When the subject with this index is loaded."""
    return LOAD + timedelta(seconds=index // _LOADED_PER_SECOND)


def office_moment(chance: Random, first: date, last: date) -> datetime:
    """A moment in office hours from `first` to `last`; what falls on a weekend waits for Monday."""
    day = first + timedelta(days=chance.randint(0, max((last - first).days, 0)))
    day += timedelta(days=7 - day.weekday() if day.weekday() >= 5 else 0)
    opening = datetime(day.year, day.month, day.day, _OPENING_HOUR, tzinfo=UTC)
    return opening + timedelta(seconds=chance.randrange(_OFFICE_SECONDS))


def in_world(moment: datetime) -> bool:
    """Whether it lies in 2024–2025."""
    return FIRST_DAY <= moment.date() <= LAST_DAY


def wire(moment: datetime) -> str:
    """The moment as it is written in events; the texts sort as the moments do."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def start_of_day(moment: datetime) -> str:
    """The midnight in UTC+8 with which the moment's day began, as it is written in events."""
    return f"{moment.date() - timedelta(days=1)}T16:00:00Z"


def months(year: int, since: date) -> list[str]:
    """The months of a year, as labels, from the month in which the subject was established."""
    return [f"{year}-{month:02d}" for month in range(1, 13) if (year, month) >= (since.year, since.month)]


def quarter_before(day: date) -> str:
    """The last quarter that had ended, as a label."""
    quarter = (day.month - 1) // 3
    return f"{day.year}Q{quarter}" if quarter else f"{day.year - 1}Q4"


def month_before(day: date) -> str:
    """The last month that had ended, as a label."""
    return f"{day.year}-{day.month - 1:02d}" if day.month > 1 else f"{day.year - 1}-12"


def months_between(first: date, last: date) -> int:
    """Whole calendar months from one date to the other, not below zero."""
    return max((last.year - first.year) * 12 + last.month - first.month, 0)
