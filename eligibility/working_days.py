"""Working days (工作日) by the official calendar; of years it does not know yet, Monday to Friday, provisionally."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from schemas.catalogue import CalendarYear


class WorkingDay(NamedTuple):
    """A working day found by counting; `provisional`: a year without an official calendar was counted through."""

    day: date
    provisional: bool


def is_working_day(calendars: Mapping[int, CalendarYear], day: date) -> bool:
    """Whether offices work on a day."""
    calendar = calendars.get(day.year)
    if calendar is not None:
        if day in calendar.days_off:
            return False
        if day in calendar.working_days:
            return True
    return day.weekday() < 5


def working_days_before(calendars: Mapping[int, CalendarYear], day: date, count: int) -> WorkingDay:
    """The working day that lies `count` working days before `day`, which need not be one itself."""
    provisional = False
    while count:
        day -= timedelta(days=1)
        provisional = provisional or day.year not in calendars
        count -= is_working_day(calendars, day)
    return WorkingDay(day, provisional)
