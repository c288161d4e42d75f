"""A subject's file as bytes: exact, canonical, small, and refused where it cannot be read."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eligibility.errors import StopPartition
from eligibility.file_record import SCHEMA, Names, decode_file, encode_file, read_due, read_near
from eligibility.subject_file import (
    NO_ITEM,
    FactKey,
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
from eligibility.values import Value
from schemas.events import RosterEntry

SUBJECT = "91210100MA0TEXT002"
RELEASED = Path(__file__).parent / "released" / "state_3.json"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
names = st.sampled_from(["-", "staff", "premium", "2024", "2024Q3", "tax", "finance", "AGED", "名"])
items = st.sampled_from([NO_ITEM, "", "h1", "雇员"])
counts = st.integers(0, 2**53)
moments = st.datetimes(datetime(1, 1, 2), timezones=st.just(UTC))
days = st.none() | st.dates()
values = (
    st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.sampled_from([-(10**18), 10**18, 0, -1])
    | st.fractions()
    | st.fractions(-1, 1, max_denominator=2)
    | st.dates()
    | texts
)
policy_items = st.builds(PolicyItem, names, items)
fact_keys = st.builds(FactKey, names, names, items)
changes = st.tuples(names, counts, moments, moments)


def rosters() -> st.SearchStrategy[dict[RosterKey, RosterEntry]]:
    entries = st.builds(
        RosterEntry,
        policy=st.sampled_from(["LIST", "QUIET"]),
        roster_version=st.integers(1, 2**53),
        member=st.booleans(),
        amount=st.sampled_from([None, "-1.50", "0", "999999999999999999.999999"]),
        grade=st.sampled_from([None, "A"]),
        item=st.sampled_from([None, "cert-1"]),
    )
    signed = st.tuples(names, entries)
    return st.lists(signed, max_size=4).map(
        lambda lines: {RosterKey(e.policy, e.item or NO_ITEM, department): e for department, e in lines}
    )


@st.composite
def files(draw: st.DrawFn) -> SubjectFile:
    """Any file, each change said of several facts."""
    said = draw(st.lists(changes, min_size=1, max_size=3))
    facts = st.builds(lambda value, change: FactValue(value, *change), values, st.sampled_from(said))
    matches = st.builds(Match, counts, texts, moments, days, st.none() | texts, days, st.booleans())
    told = st.builds(Told, texts, names, moments, st.lists(texts, max_size=3).map(tuple))
    return SubjectFile(
        SUBJECT,
        facts=draw(st.dictionaries(fact_keys, facts, max_size=12)),
        versions=draw(st.dictionaries(names, counts, max_size=3)),
        roster=draw(rosters()),
        standings=Standings.of(
            draw(st.dictionaries(st.builds(PeriodItem, names, names, items), matches, max_size=3)),
            draw(st.dictionaries(policy_items, told, max_size=3)),
            draw(st.dictionaries(policy_items, st.builds(Wanting, fact_keys, moments, st.booleans()), max_size=3)),
        ),
        settled_at=draw(st.none() | moments),
        settled_sequence=draw(st.integers(-1, 2**53)),
        due=draw(st.dictionaries(names, moments, max_size=4)),
    )


def typed(facts: Mapping[FactKey, Value]) -> dict[FactKey, tuple[type, Value]]:
    """Facts so that true and 1 differ, and 3 and the ratio 3/1."""
    return {key: (type(value), value) for key, value in facts.items()}


def held(file: SubjectFile) -> dict[FactKey, tuple[type, Value]]:
    return typed({key: fact.value for key, fact in file.facts.items()})


@given(files())
def test_a_file_comes_back_as_it_was(file: SubjectFile) -> None:
    known = Names()
    record = encode_file(file, known)
    back = decode_file(SUBJECT, record, known)
    assert back == file
    assert held(back) == held(file)
    assert encode_file(back, known) == record


@given(files())
def test_what_it_is_near_is_read_alone(file: SubjectFile) -> None:
    known = Names()
    record = encode_file(file, known)
    assert (read_near(SUBJECT, record, known), read_due(SUBJECT, record, known)) == (file.near, file.due_at)


def test_of_an_earlier_release_too_what_is_read_alone_is_what_the_file_says() -> None:
    kept = {key: b64decode(value) for key, value in json.loads(RELEASED.read_text()).items()}
    known = Names(json.loads(kept["names"])["names"])
    records = {key.removeprefix("f/"): record for key, record in kept.items() if key.startswith("f/")}
    records["of which nothing is known"] = bytes([3, 10, 0, 0, 0, 0, 0, 0, 0, *[0] * 9, 1])
    moments = set()
    for subject, record in records.items():
        assert record[0] == 3 != SCHEMA
        file = decode_file(subject, record, known)
        assert read_due(subject, record, known) == file.due_at
        assert read_near(subject, record, known) == file.near
        moments.add(file.due_at)
    assert None in moments and len(moments) > 2


@given(files(), st.lists(st.tuples(fact_keys, st.none() | values, changes), max_size=4))
def test_what_is_changed_is_written_as_if_it_were_all_new(file: SubjectFile, updates: list[Any]) -> None:
    """What was read and not asked for is written as it was read; the slow way decodes and encodes it all."""
    known = Names()
    read = decode_file(SUBJECT, encode_file(file, known), known)
    slow = file
    for key, value, (provider, version, effective_at, arrived_at) in updates:
        read = read.with_facts(provider, version, {key: value}, effective_at, arrived_at)
        slow = slow.with_facts(provider, version, {key: value}, effective_at, arrived_at)
    slow = replace(slow, facts=dict(slow.facts), standings=Standings(dict(slow.standings)))
    assert dict(read.facts) == slow.facts
    assert encode_file(read, known) == encode_file(slow, known)


@given(files(), st.randoms(use_true_random=False))
def test_the_order_in_which_its_parts_came_does_not_matter(file: SubjectFile, random: Any) -> None:
    def shuffled(parts: Mapping[Any, Any]) -> dict[Any, Any]:
        pairs = list(parts.items())
        random.shuffle(pairs)
        return dict(pairs)

    other = replace(
        file,
        facts=shuffled(file.facts),
        versions=shuffled(file.versions),
        roster=shuffled(file.roster),
        standings=Standings(shuffled({p: Standing(*map(shuffled, s)) for p, s in file.standings.items()})),
        due=shuffled(file.due),
    )
    one_names, other_names = Names(), Names()
    assert encode_file(file, one_names) == encode_file(other, other_names)
    assert list(one_names.values()) == list(other_names.values())


def typical() -> SubjectFile:
    """40 facts from seven changes by four providers, each arrived at a moment of its own; two matches, a push, and ten
    policies that time may change."""
    first = datetime(2024, 3, 5, 16, tzinfo=UTC)
    providers = ("market-supervision", "tax", "human-resources", "finance")
    some: list[Value] = [True, "enterprise", Fraction(558361, 100), date(2015, 5, 31), 13, Fraction(9468134)]
    facts = {}
    for place in range(40):
        change = place * 7 // 40
        since = first + timedelta(days=31 * change)
        facts[FactKey(f"fact_{place}", f"2024-{place % 12 + 1:02}")] = FactValue(
            some[place % len(some)],
            providers[change % 4],
            10 + change,
            since,
            since + timedelta(hours=9, microseconds=123457 * change),
        )
    year_end = datetime(2024, 12, 31, 16, tzinfo=UTC)
    match = Match(2, "24cdd631c3a0a167caa97967", year_end, date(2027, 12, 31), "39972.95")
    return SubjectFile(
        SUBJECT,
        facts=facts,
        versions=dict.fromkeys(providers, 16),
        standings=Standings.of(
            {PeriodItem(policy, "2025"): match for policy in ("CN-2023-LSLF", "LN-2023-CBJ")},
            {PolicyItem("LN-2023-CBJ"): Told("0:pump/7:848", "2025", year_end, ("validity_ending-30:2027-12-31",))},
        ),
        settled_at=year_end,
        settled_sequence=800,
        due={f"POLICY-{number}": year_end + timedelta(days=number % 3) for number in range(10)},
    )


def test_a_typical_file_is_small() -> None:
    assert len(encode_file(typical(), Names())) <= 900


def test_an_empty_file_has_a_record() -> None:
    empty = SubjectFile(SUBJECT)
    assert decode_file(SUBJECT, encode_file(empty, Names()), Names()) == empty


def test_names_come_back_from_their_list() -> None:
    known = Names()
    record = encode_file(typical(), known)
    assert decode_file(SUBJECT, record, Names(known.values())) == typical()
    assert encode_file(typical(), known) == record


def test_a_name_keeps_its_place() -> None:
    known = Names(["staff", "premium"])
    assert [known.place(name) for name in ("premium", "tax", "staff", "tax")] == [1, 2, 0, 2]
    assert known == {0: "staff", 1: "premium", 2: "tax"}


def test_nothing_of_an_item_or_a_value_becomes_a_name() -> None:
    """Names outlive an erasure."""
    said = FactValue("v-personal", "tax", 1, datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))
    file = SubjectFile(SUBJECT, facts={FactKey("hire_id", item="p-personal"): said})
    known = Names()
    encode_file(file, known)
    assert set(known.values()) == {"tax", "hire_id"}


@pytest.mark.parametrize("read", [lambda *given: decode_file(SUBJECT, *given)])
class TestRefused:
    """What cannot be read stops the partition."""

    def test_of_another_schema(self, read: Any) -> None:
        with pytest.raises(StopPartition, match=f"schema {SCHEMA + 1}; this release reads {SCHEMA}"):
            read(bytes([SCHEMA + 1]) + encode_file(typical(), Names())[1:], Names())

    def test_written_as_json_by_an_earlier_release(self, read: Any) -> None:
        with pytest.raises(StopPartition, match=f"this release reads {SCHEMA}"):
            read(b'{"schema":2}', Names())

    def test_cut_short_anywhere(self, read: Any) -> None:
        known = Names()
        record = encode_file(typical(), known)
        for length in range(1, len(record)):
            with pytest.raises(StopPartition, match="cannot be read"):
                read(record[:length], known)
        with pytest.raises(StopPartition, match="schema None"):
            read(b"", known)

    def test_with_bytes_left_over(self, read: Any) -> None:
        known = Names()
        with pytest.raises(StopPartition, match="cannot be read"):
            read(encode_file(typical(), known) + b"\0", known)

    def test_without_its_names(self, read: Any) -> None:
        with pytest.raises(StopPartition, match="of its partition, which has 0 names"):
            read(encode_file(typical(), Names()), Names())
