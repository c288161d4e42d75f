"""Business time: UTC+8 dates, and the months, quarters and years around them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from schemas.catalogue import PeriodKind
from schemas.policy import RelativePeriod

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

_KIND_AND_STEPS: dict[RelativePeriod, tuple[PeriodKind, int]] = {
    RelativePeriod.THIS_YEAR: (PeriodKind.YEAR, 0),
    RelativePeriod.LAST_YEAR: (PeriodKind.YEAR, -1),
    RelativePeriod.YEAR_BEFORE_LAST: (PeriodKind.YEAR, -2),
    RelativePeriod.THIS_QUARTER: (PeriodKind.QUARTER, 0),
    RelativePeriod.LAST_QUARTER: (PeriodKind.QUARTER, -1),
    RelativePeriod.THIS_MONTH: (PeriodKind.MONTH, 0),
    RelativePeriod.LAST_MONTH: (PeriodKind.MONTH, -1),
}
_MONTHS = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}


@lru_cache(4_096)  # the same few days, over and over
def business_date(moment: datetime) -> date:
    """The date in Asia/Shanghai at `moment`."""
    return moment.astimezone(SHANGHAI).date()


@lru_cache(4_096)  # the same few days, over and over
def start_of(day: date) -> datetime:
    """The moment, in UTC, at which `day` begins in Asia/Shanghai."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)


def period_kind(period: RelativePeriod) -> PeriodKind:
    """Which kind of period a relative one names."""
    return _KIND_AND_STEPS[period][0]


def period_label(day: date, kind: PeriodKind, steps: int = 0) -> str:
    """The label of the period `steps` away from the one that holds `day`: 2024, 2024Q3 or 2024-07."""
    span = _MONTHS[kind]
    index = (day.year * 12 + day.month - 1) // span + steps
    year, place = divmod(index * span, 12)
    if kind is PeriodKind.YEAR:
        return f"{year:04d}"
    return f"{year:04d}Q{place // 3 + 1}" if kind is PeriodKind.QUARTER else f"{year:04d}-{place + 1:02d}"


@lru_cache(4_096)  # the same few days, over and over
def relative_label(day: date, period: RelativePeriod) -> str:
    """The label a relative period has on `day`."""
    kind, steps = _KIND_AND_STEPS[period]
    return period_label(day, kind, steps)


@lru_cache(4_096)  # the same few days, over and over
def next_period_start(day: date, kind: PeriodKind) -> date:
    """The first day of the period after the one that holds `day`."""
    span = _MONTHS[kind]
    year, place = divmod(((day.year * 12 + day.month - 1) // span + 1) * span, 12)
    return date(year, place + 1, 1)


def label_kind(label: str) -> PeriodKind:
    """Which kind of period a label names."""
    if len(label) == 4:
        return PeriodKind.YEAR
    return PeriodKind.QUARTER if label[4] == "Q" else PeriodKind.MONTH


def anniversary(day: date, years: int) -> date:
    """`years` after `day`; 29 February is followed by 1 March where the year has none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def whole_years(since: date, today: date) -> int:
    """Years completed from `since` to `today` (满); negative before it."""
    years = today.year - since.year
    return years if anniversary(since, years) <= today else years - 1


def earliest(*days: date | None) -> date | None:
    """The first of the days given."""
    first = None
    for day in days:
        if day is not None and (first is None or day < first):
            first = day
    return first
