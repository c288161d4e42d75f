"""A subject's file as releases up to 0.1 wrote it, under schema 3: read, so that it is carried over, never written.

A record is the schema (1 byte), the lengths in bytes of its numbers and of its text (4 bytes each, the lowest first),
the numbers, and the text in UTF-8. A number has seven bits to the byte, the lowest first; the top bit says that more
follow. Signed ones are 0, -1, 1, -2 and so on, counted from 0. The numbers are, every list after its length:

- the moments as they first occur: days since the one before, signed, and microseconds of the day; elsewhere their place
- the runs, a run being the facts of one item from one change: `_RUN`, and of each fact name, period, kind and payload
- versions, roster, matches, told, wanting and due, by key and as laid out below
- when it was settled, and the control sequence, signed

A name is its place in the partition's names. Any other text is its length in characters, which come next in the
record's text. What may be absent is 0 where it is, and else one more than it would be; a day's ordinal is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import islice
from typing import Any, Literal

from eligibility.business_time import start_of
from eligibility.errors import StopPartition
from eligibility.subject_file import (
    NO_ITEM,
    FactKey,
    FactValue,
    Match,
    PeriodItem,
    PolicyItem,
    RosterKey,
    Standings,
    SubjectFile,
    Told,
    Wanting,
)
from eligibility.values import Value
from schemas.events import RosterEntry

SCHEMA = 3

_LENGTH = 4
_HEADER = 1 + 2 * _LENGTH
_FIRST_DAY = start_of(date(1, 1, 2))
"""Days begin in Asia/Shanghai, as most moments do; what is left of the day is then one byte."""
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)

_BOOLEAN, _INTEGER, _DATE, _TEXT, _RATIO = range(5)
"""Kinds of value; the payload is 0 or 1, the signed integer, the day's ordinal, the length. A ratio's kind has its
denominator added; its payload is the signed numerator."""

_Field = Literal["name", "number", "flag", "text", "texts", "item", "moment", "optional_day", "optional_text"]
_Layout = tuple[_Field, ...]
"""A row's fields in their order, by the method of `_Reader` for each."""

_RUN: _Layout = ("name", "number", "moment", "moment", "item")
_VERSION: _Layout = ("name", "number")
_ROSTER: _Layout = ("name", "item", "name", "number", "flag", "optional_text", "optional_text")
_MATCH: _Layout = (
    *("name", "name", "item"),
    *("number", "text", "moment", "optional_day", "optional_text", "optional_day", "flag"),
)
_TOLD: _Layout = ("name", "item", "text", "name", "moment", "texts")
_WANTING: _Layout = ("name", "item", "name", "name", "item", "moment", "flag")
_DUE: _Layout = ("name", "moment")


def decode_file(subject: str, record: bytes, names: Mapping[int, str]) -> SubjectFile:
    """The file of a record of schema 3.

    Raises StopPartition for a record that has another schema, is cut short, or needs a name that `names` lack.
    """
    reader = _Reader(record, names)
    reader.moments()
    return SubjectFile(  # the arguments are in the order of the record
        subject,
        facts=reader.facts(),
        versions=dict(reader.rows(_VERSION)),
        roster=dict(_roster_line(*row) for row in reader.rows(_ROSTER)),
        standings=Standings.of(
            {PeriodItem(policy, period, item): Match(*match) for policy, period, item, *match in reader.rows(_MATCH)},
            {PolicyItem(policy, item): Told(*told) for policy, item, *told in reader.rows(_TOLD)},
            {
                PolicyItem(policy, item): Wanting(FactKey(*fact), since, told)
                for policy, item, *fact, since, told in reader.rows(_WANTING)
            },
        ),
        due=dict(reader.rows(_DUE)),
        settled_at=reader.optional_moment(),
        settled_sequence=reader.signed(),
    )


def _roster_line(
    policy: str, item: str, department: str, version: int, member: bool, amount: str | None, grade: str | None
) -> tuple[RosterKey, RosterEntry]:
    entry = RosterEntry(
        policy=policy,
        roster_version=version,
        member=member,
        amount=amount,
        grade=grade,
        item=None if item == NO_ITEM else item,
    )
    return RosterKey(policy, item, department), entry


class _Reader:
    """A record as it is read, field by field in its order."""

    def __init__(self, record: bytes, names: Mapping[int, str]) -> None:
        if record and record[0] != SCHEMA:
            raise StopPartition(f"a subject's file has schema {record[0]}; this release reads 4, and 3")
        text_at = _HEADER + int.from_bytes(record[1 : 1 + _LENGTH], "little")
        end = text_at + int.from_bytes(record[1 + _LENGTH : _HEADER], "little")
        if len(record) != end:
            raise StopPartition(f"a subject's file has {len(record)} bytes where its lengths give {end}")
        self._names = names
        self._moments: list[datetime] = []
        self._numbers = iter(_unpack(record[_HEADER:text_at]))
        self._text = record[text_at:].decode()
        self._read = 0
        self.number: Callable[[], int] = self._numbers.__next__

    def moments(self) -> None:
        """The table of moments, which the fields of a moment refer to."""
        day = 0
        for _ in range(self.number()):
            day += self.signed()
            self._moments.append(_FIRST_DAY + timedelta(day, 0, self.number()))

    def facts(self) -> dict[FactKey, FactValue]:
        facts: dict[FactKey, FactValue] = {}
        for provider, version, effective_at, arrived_at, item in self.rows(_RUN):
            for name, period, value in self.run():
                facts[FactKey(name, period, item)] = FactValue(value, provider, version, effective_at, arrived_at)
        return facts

    def run(self) -> Iterator[tuple[str, str, Value]]:
        """Name, period and value of each fact of a run, after the row that leads it."""
        numbers, names = self._numbers, self._names
        for name, period, kind, payload in islice(zip(numbers, numbers, numbers, numbers, strict=False), self.number()):
            yield names[name], names[period], self._value(kind, payload)

    def _value(self, kind: int, payload: int) -> Value:
        if kind > _RATIO:
            return Fraction(_signed(payload), kind - _RATIO)
        if kind == _INTEGER:
            return _signed(payload)
        if kind == _TEXT:
            return self._characters(payload)
        return date.fromordinal(payload) if kind == _DATE else bool(payload)

    def rows(self, layout: _Layout) -> Iterator[list[Any]]:
        fields = [getattr(self, field) for field in layout]
        for _ in range(self.number()):
            yield [field() for field in fields]

    def name(self) -> str:
        return self._names[self.number()]

    def signed(self) -> int:
        return _signed(self.number())

    def flag(self) -> bool:
        return bool(self.number())

    def text(self) -> str:
        return self._characters(self.number())

    def texts(self) -> tuple[str, ...]:
        return tuple([self.text() for _ in range(self.number())])

    def optional_text(self) -> str | None:
        more = self.number()
        return self._characters(more - 1) if more else None

    def item(self) -> str:
        item = self.optional_text()
        return NO_ITEM if item is None else item

    def optional_day(self) -> date | None:
        ordinal = self.number()
        return date.fromordinal(ordinal) if ordinal else None

    def moment(self) -> datetime:
        return self._moments[self.number()]

    def optional_moment(self) -> datetime | None:
        more = self.number()
        return self._moments[more - 1] if more else None

    def _characters(self, count: int) -> str:
        start = self._read
        self._read += count
        return self._text[start : self._read]


def _signed(number: int) -> int:
    return -(number >> 1) - 1 if number & 1 else number >> 1


def _unpack(packed: bytes) -> list[int]:
    numbers: list[int] = []
    number = shift = 0
    for byte in packed:
        if byte > 127:
            number |= (byte & 127) << shift
            shift += 7
        elif shift:
            numbers.append(number | byte << shift)
            number = shift = 0
        else:
            numbers.append(byte)
    return numbers
