"""A subject's file in few bytes: its state record `f/<subject>`, and what a partition keeps of it in memory.

A record is the schema (1 byte) and a msgpack array: what the subject is near (an array: when time may next change
something by policy, what stands between it and each policy, the policies of its roster and receipts, up to when it is
settled), its facts, the versions of its providers, its roster. Keys are in order of their place in the partition's
`Names`. Moments are microseconds since 1970, days ordinals; values are as `eligibility.values.encode` writes them.

Reading one decodes only what is asked for: what a change does not touch is written as it was read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

import msgspec
from msgspec.msgpack import Decoder, Encoder

from eligibility import file_record_3
from eligibility.errors import StopPartition
from eligibility.subject_file import (
    NO_ITEM,
    NO_PERIOD,
    ChangedFacts,
    FactKey,
    Facts,
    FactValue,
    Match,
    PeriodItem,
    PolicyItem,
    RosterKey,
    Standing,
    Standings,
    SubjectFile,
    Told,
    Wanting,
)
from eligibility.values import Value, decode, encode
from schemas.events import RosterEntry

SCHEMA = 4

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RECORD, _EARLIER = bytes([SCHEMA]), bytes([file_record_3.SCHEMA])

_Said = tuple[int, int, int, int]
"""Where facts come from: provider, its version, when it is effective and when it arrived."""


class Names(dict[int, str]):
    """The names that a partition's files share, by place: of facts, periods, providers, departments and policies.

    A fact given by period is one name with its period, behind a space. They only grow, in the order in which files are
    first encoded: that must follow from the journal alone. Nothing personal may be among them, since an erasure leaves
    them; items and values stay in the files.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__(enumerate(names))
        self._places = {name: place for place, name in self.items()}
        self._facts: dict[int, FactKey] = {}
        self.standing = _reading(self)

    def place(self, name: str) -> int:
        """Where a name stands; a new one comes last."""
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = len(self)
            self[place] = name
        return place

    def by_place(self, of: Mapping[str, T]) -> dict[int, T]:
        """What is given by name, by place and in its order; names that are new are placed in their own order."""
        places = self._places
        if not places.keys() >= of.keys():
            for name in sorted(of.keys() - places.keys()):
                self.place(name)
        return dict(sorted([(places[name], each) for name, each in of.items()], key=itemgetter(0)))

    def place_of_fact(self, name: str, period: str) -> int:
        """Where a fact of a period stands."""
        return self.place(name if period == NO_PERIOD else f"{name} {period}")

    def known_fact(self, name: str, period: str) -> int | None:
        """Where a fact of a period stands, if it has been named."""
        return self._places.get(name if period == NO_PERIOD else f"{name} {period}")

    def fact(self, place: int) -> FactKey:
        """The fact at a place, without an item."""
        known = self._facts.get(place)
        if known is None:
            name, _, period = self[place].partition(" ")
            known = self._facts[place] = FactKey(name, period or NO_PERIOD)
        return known

    def __missing__(self, place: int) -> str:
        raise StopPartition(f"a subject's file refers to name {place} of its partition, which has {len(self)} names")


class _Near(msgspec.Struct, array_like=True, gc=False):
    """What the engine asks of every subject: first in the record, so that it is read alone."""

    due: dict[int, int]
    standings: dict[int, msgspec.Raw]
    listed: list[int]
    settled_at: int | None
    settled_sequence: int


class _Of(msgspec.Struct, array_like=True, gc=False):
    """Facts, of the subject or of one of its items: by place, their values, and by which entry of `said`."""

    places: list[int]
    values: list[bool | int | str]
    said: list[int]


class _Facts(msgspec.Struct, array_like=True, gc=False):
    """`said`: provider, version, effective and arrival, one after the other."""

    said: list[int]
    own: _Of
    items: dict[str, _Of]


class _Line(msgspec.Struct, array_like=True, gc=False):
    """A line of a roster."""

    policy: int
    item: str
    department: int
    version: int
    member: bool
    amount: str | None
    grade: str | None


class _Record(msgspec.Struct, array_like=True, gc=False):
    near: _Near
    facts: msgspec.Raw
    versions: dict[int, int]
    roster: list[_Line]


class _Head(msgspec.Struct, array_like=True, gc=False):
    """A record, read no further than what stands first in it."""

    near: _Near


class _Due(msgspec.Struct, array_like=True, gc=False):
    due: dict[int, int]


class _DueHead(msgspec.Struct, array_like=True, gc=False):
    """A record, read no further than its due moments: what is asked of every subject before anything else is done."""

    near: _Due


class _Match(msgspec.Struct, array_like=True, gc=False):
    period: int
    item: str
    policy_version: int
    digest: str
    as_of: int
    ends_on: int | None
    amount: str | None
    certificate_to: int | None
    received: bool


class _Told(msgspec.Struct, array_like=True, gc=False):
    item: str
    effect_id: str
    period: int
    at: int
    reminded: list[str]


class _Wanting(msgspec.Struct, array_like=True, gc=False):
    item: str
    fact: int
    fact_item: str
    since: int
    told: bool


class _Standing(msgspec.Struct, array_like=True, gc=False):
    matches: list[_Match]
    told: list[_Told]
    wanting: list[_Wanting]


_encode = Encoder().encode
_records, _facts, _standings = Decoder(_Record), Decoder(_Facts), Decoder(_Standing)
_heads, _due_heads = Decoder(_Head), Decoder(_DueHead)


def encode_file(file: SubjectFile, names: Names) -> bytes:
    """A subject's file as its record, the same whatever order its parts came in. Adds to `names` what they lack."""
    facts = _packed_facts(file.facts, names)
    versions = names.by_place(file.versions)
    roster = [
        _Line(names.place(k.policy), k.item, names.place(k.department), e.roster_version, e.member, e.amount, e.grade)
        for k, e in sorted(file.roster.items())
    ]
    near = _Near(
        {place: _instant(at) for place, at in names.by_place(file.due).items()},
        _packed_standings(file.standings, names),
        sorted([names.place(policy) for policy in sorted(file.listed)]),
        None if file.settled_at is None else _instant(file.settled_at),
        file.settled_sequence,
    )
    return _RECORD + _encode((near, facts, versions, roster))


def decode_file(subject: str, record: bytes, names: Names) -> SubjectFile:
    """The inverse of `encode_file`; of an earlier schema's record, too.

    Raises StopPartition for a record that has another schema, is cut short, or needs a name that `names` lack.
    """
    if record[:1] == _EARLIER:
        return file_record_3.decode_file(subject, record, names)
    if record[:1] != _RECORD:
        schema = record[0] if record else None
        raise StopPartition(f"a subject's file has schema {schema}; this release reads {SCHEMA}")
    read: _Record = _read(_records, memoryview(record)[1:])
    near = read.near
    return SubjectFile.of(
        subject,
        facts=StoredFacts(read.facts, names),
        versions={names[place]: version for place, version in read.versions.items()} if read.versions else {},
        roster=dict(_roster_line(line, names) for line in read.roster) if read.roster else {},
        standings=Standings({names[place]: raw for place, raw in near.standings.items()}, names.standing),
        settled_at=None if near.settled_at is None else _moment(near.settled_at),
        settled_sequence=near.settled_sequence,
        due={names[place]: _moment(at) for place, at in near.due.items()},
        listed=frozenset([names[place] for place in near.listed]),
    )


def read_near(subject: str, record: bytes, names: Names) -> frozenset[str]:
    """The policies a subject is near, read from its record alone. Raises what `decode_file` raises."""
    if record[:1] != _RECORD:
        return decode_file(subject, record, names).near
    near = _read(_heads, memoryview(record)[1:]).near
    return frozenset(map(names.__getitem__, chain(near.due, near.standings, near.listed)))


def read_due(subject: str, record: bytes, names: Names) -> datetime | None:
    """When time alone may next change something, read from a subject's record. Raises what `decode_file` raises."""
    if record[:1] != _RECORD:
        return decode_file(subject, record, names).due_at
    due = _read(_due_heads, memoryview(record)[1:]).near.due
    return _moment(min(due.values())) if due else None


def _read(decoder: Decoder[Any], part: Any) -> Any:
    try:
        return decoder.decode(part)
    except msgspec.DecodeError as error:
        raise StopPartition(f"a subject's file cannot be read: {error}") from error


class StoredFacts(Facts):
    """The facts of a record: each is decoded when it is asked for."""

    __slots__ = ("_known", "_names", "_raw")

    def __init__(self, raw: msgspec.Raw | _Facts, names: Names) -> None:
        self._raw, self._names = raw, names
        self._known: dict[FactKey, FactValue] = {}

    @property
    def _read(self) -> _Facts:
        if isinstance(self._raw, _Facts):
            return self._raw
        read: _Facts = _read(_facts, self._raw)
        self._raw = read
        return read

    def __getitem__(self, key: FactKey) -> FactValue:
        found: FactValue | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, key: FactKey, default: Any = None) -> Any:
        """The fact, or the default."""
        known = self._known.get(key)
        if known is not None:
            return known
        name, period, item = key
        place, read = self._names.known_fact(name, period), self._read
        among = read.own if item == NO_ITEM else read.items.get(item)
        if place is None or among is None or place not in among.places:
            return default
        at = among.places.index(place)
        first = 4 * among.said[at]
        provider, version, effective_at, arrived_at = read.said[first : first + 4]
        found = self._known[key] = FactValue(
            decode(among.values[at]), self._names[provider], version, _moment(effective_at), _moment(arrived_at)
        )
        return found

    def value_of(self, key: FactKey) -> Value | None:
        """As `Facts` says."""
        place = self._names.known_fact(key[0], key[1])
        read = self._read
        among = read.own if key[2] == NO_ITEM else read.items.get(key[2])
        if place is None or among is None or place not in among.places:
            return None
        return decode(among.values[among.places.index(place)])

    def own_values(self) -> dict[FactKey, bool | int | str]:
        """As `Facts` says."""
        own = self._read.own
        return dict(zip(map(self._names.fact, own.places), own.values, strict=True))

    def __iter__(self) -> Iterator[FactKey]:
        fact, read = self._names.fact, self._read
        yield from map(fact, read.own.places)
        for item, of in read.items.items():
            yield from (fact(place)._replace(item=item) for place in of.places)

    def __len__(self) -> int:
        return len(self._read.own.places) + sum(len(of.places) for of in self._read.items.values())

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]


def _packed_facts(facts: Mapping[FactKey, FactValue], names: Names) -> msgspec.Raw | _Facts:
    base = facts.base if isinstance(facts, ChangedFacts) else facts
    if isinstance(base, StoredFacts) and base._names is names:
        return _merged(base._read, facts.updates, names) if isinstance(facts, ChangedFacts) else base._raw
    return _merged(_Facts([], _Of([], [], []), {}), facts, names)


def _merged(read: _Facts, updates: Mapping[FactKey, FactValue | None], names: Names) -> _Facts:
    """Facts with some of them replaced, added, or (None) taken away; where they come from is numbered by first use."""
    flat = iter(read.said)
    table: list[_Said] = list(zip(flat, flat, flat, flat, strict=True))
    own, items = read.own, read.items
    of: dict[str, tuple[list[int], list[bool | int | str], list[_Said]]] = {}
    for item, known in [(NO_ITEM, own), *items.items()]:
        of[item] = known.places.copy(), known.values.copy(), [table[each] for each in known.said]
    added: list[tuple[FactKey, FactValue, int]] = []
    for key, value in sorted(updates.items()):
        place = names.known_fact(key.name, key.period) if value is None else names.place_of_fact(key.name, key.period)
        if value is not None:
            assert place is not None
            added.append((key, value, place))
        elif place is not None and key.item in of:
            places, values, said = of[key.item]
            at = bisect_left(places, place)
            if at < len(places) and places[at] == place:
                del places[at], values[at], said[at]
    for key, value, place in added:
        places, values, said = of.setdefault(key.item, ([], [], []))
        source = names.place(value.provider), value.version, _instant(value.effective_at), _instant(value.arrived_at)
        at = bisect_left(places, place)
        if at < len(places) and places[at] == place:
            values[at], said[at] = encode(value.value), source
        else:
            places.insert(at, place)
            values.insert(at, encode(value.value))
            said.insert(at, source)
    numbers: dict[_Said, int] = {}
    parts = {
        item: _Of(places, values, [numbers.setdefault(source, len(numbers)) for source in said])
        for item, (places, values, said) in sorted(of.items())
        if places or item == NO_ITEM
    }
    subjects_own = parts.pop(NO_ITEM)
    return _Facts(list(chain.from_iterable(numbers)), subjects_own, parts)


def _packed_standings(standings: Standings, names: Names) -> dict[int, Any]:
    packed = names.by_place(standings.parts)
    kept = standings.read is names.standing
    for place, part in packed.items():
        if not kept or isinstance(part, Standing):
            packed[place] = _pack_standing(standings[names[place]], names)
    return packed


def _pack_standing(standing: Standing, names: Names) -> _Standing:
    return _Standing(
        [
            _Match(
                names.place(key.period),
                key.item,
                match.policy_version,
                match.digest,
                _instant(match.as_of),
                _ordinal(match.ends_on),
                match.amount,
                _ordinal(match.certificate_to),
                match.received,
            )
            for key, match in sorted(standing.matches.items())
        ],
        [
            _Told(key.item, told.effect_id, names.place(told.period), _instant(told.at), list(told.reminded))
            for key, told in sorted(standing.told.items())
        ],
        [
            _Wanting(key.item, names.place_of_fact(fact.name, fact.period), fact.item, _instant(since), told)
            for key, (fact, since, told) in sorted(standing.wanting.items())
        ],
    )


def _reading(names: Names) -> Callable[[str, Any], Standing]:
    """How what is written of a policy's standing is read."""

    def read(policy: str, part: Any) -> Standing:
        stored: _Standing = _read(_standings, part)
        return Standing(
            {
                PeriodItem(policy, names[m.period], m.item): Match(
                    m.policy_version,
                    m.digest,
                    _moment(m.as_of),
                    _day(m.ends_on),
                    m.amount,
                    _day(m.certificate_to),
                    m.received,
                )
                for m in stored.matches
            },
            {
                PolicyItem(policy, t.item): Told(t.effect_id, names[t.period], _moment(t.at), tuple(t.reminded))
                for t in stored.told
            },
            {
                PolicyItem(policy, w.item): Wanting(
                    names.fact(w.fact)._replace(item=w.fact_item), _moment(w.since), w.told
                )
                for w in stored.wanting
            },
        )

    return read


def _roster_line(line: _Line, names: Names) -> tuple[RosterKey, RosterEntry]:
    policy = names[line.policy]
    entry = RosterEntry(
        policy=policy,
        roster_version=line.version,
        member=line.member,
        amount=line.amount,
        grade=line.grade,
        item=None if line.item == NO_ITEM else line.item,
    )
    return RosterKey(policy, line.item, names[line.department]), entry


@lru_cache(65_536)  # what is due, and what arrived, shares its moments with many others
def _instant(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


@lru_cache(65_536)
def _moment(instant: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant)


def _ordinal(day: date | None) -> int | None:
    return None if day is None else day.toordinal()


def _day(ordinal: int | None) -> date | None:
    return None if ordinal is None else date.fromordinal(ordinal)
