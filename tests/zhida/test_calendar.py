"""The official calendar: what the command prints is what the examples hold, and a catalogue takes it."""

from pathlib import Path

import pytest
import yaml

from eligibility.registry import Registry
from eligibility.working_days import working_days_before
from schemas.catalogue import CatalogueStatement
from zhida.demo.play import EXAMPLES
from zhida.messages import FileRefused
from zhida.official_calendar import calendar_statement

FILE: Path = EXAMPLES / "catalogue" / "calendar.yaml"


def test_the_example_is_what_the_command_prints() -> None:
    assert yaml.safe_load(FILE.read_text(encoding="utf-8")) == calendar_statement(2024, 2026)


def test_a_catalogue_counts_by_it() -> None:
    statement = CatalogueStatement.model_validate(calendar_statement(2024, 2025))
    calendars = Registry().with_statement(statement).catalogue.calendars
    sunday_at_work = next(day for day in calendars[2024].working_days)
    found = working_days_before(calendars, sunday_at_work.replace(day=sunday_at_work.day + 1), 1)
    assert (found.day, found.provisional) == (sunday_at_work, False)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [(2025, 2024, "no year lies from 2025 to 2024"), (2026, 2100, "no official calendar of"), (1999, 2024, "of 1999")],
)
def test_years_it_does_not_know_are_refused(first: int, last: int, said: str) -> None:
    with pytest.raises(FileRefused, match=said):
        calendar_statement(first, last)
