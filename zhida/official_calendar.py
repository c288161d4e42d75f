"""The official working-day calendar, as PyPI `chinesecalendar` collects it from the State Council's yearly notices."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from chinese_calendar import is_workday

from eligibility.business_time import SHANGHAI, start_of
from zhida.messages import FileRefused


def calendar_statement(first: int, last: int) -> dict[str, Any]:
    """A catalogue statement with the calendars of the years `first` to `last`, in wire form.

    Raises FileRefused for a year the installed release does not know, or where there is none between.
    """
    if last < first:
        raise FileRefused(f"no year lies from {first} to {last}; give the first year first")
    return {
        "kind": "catalogue",
        "effective_at": start_of(date(first, 1, 1)).astimezone(SHANGHAI).isoformat(),
        "calendars": [_year(year) for year in range(first, last + 1)],
    }


def _year(year: int) -> dict[str, Any]:
    days = [date(year, 1, 1) + timedelta(days=n) for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
    try:
        departs = [day for day in days if is_workday(day) != (day.weekday() < 5)]
    except NotImplementedError as error:
        raise FileRefused(
            f"no official calendar of {year} is known to the installed chinesecalendar; upgrade it, or write the "
            f"statement by hand from the State Council's notice"
        ) from error
    return {
        "year": year,
        "days_off": [day.isoformat() for day in departs if day.weekday() < 5],
        "working_days": [day.isoformat() for day in departs if day.weekday() >= 5],
    }
