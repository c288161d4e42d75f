"""The ordinary change: what takes it agrees with `judge` to the byte, or leaves it to `judge`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eligibility.errors import Refused
from eligibility.registry import Registry
from schemas.catalogue import CatalogueStatement
from schemas.cloudevents import Headers
from schemas.journal import CatalogueControl, ChangeEntry, Epoch, Origin, Tick, TopicGeneration, journal_record
from schemas.topics import STATEMENTS, changes_topic
from streams.judge import MAX_FACTS, SourceRecord, judge
from streams.judge_fast import OrdinaryChanges

TAX, BANKS = changes_topic("tax"), changes_topic("banks")
FIRM, OF_DIGITS, PERSON = "91210102MAHU03QE3Y", "512101199001010000", "p-0123456789abcdef0123456789abcdef"
APPENDED = 1_719_806_400_250
NOON = datetime(2024, 7, 1, 4, tzinfo=UTC)
TITLE = {"zh": "甲", "en": "A"}
FACTS: dict[str, dict[str, Any]] = {
    "staff": {"type": "integer"},
    "insured": {"type": "integer", "period": "month"},
    "sales": {"type": "decimal", "period": "quarter"},
    "levy_due": {"type": "decimal"},
    "exempt": {"type": "boolean"},
    "founded_on": {"type": "date"},
    "grade": {"type": "code", "codes": {"high": TITLE, "low_110101185001010034": TITLE}},
    "trade": {"type": "identifier"},
    "region": {"type": "region"},
    "industry": {"type": "industry"},
    "loan_from": {"type": "date", "list": "loans"},
    "of_a_bank": {"type": "integer", "provider": "banks"},
}


def registry(clock: str) -> Registry:
    """A catalogue with a fact of every type, of the tax office but for one, and a generation for its topic alone."""
    facts = [{"name": name, "title": TITLE, "provider": "tax", **given} for name, given in FACTS.items()]
    lists = [{"name": "loans", "title": TITLE, "provider": "tax"}]
    statement = {"effective_at": "2024-01-01T00:00:00Z", "facts": facts, "lists": lists}
    records = [
        Epoch.model_validate({"clock": clock, "now": "2024-01-01T00:00:00Z", "authority_key": "A" * 43 + "="}),
        TopicGeneration(name=TAX, generation=f"{TAX}.ab12cd34"),
        CatalogueControl(
            origin=Origin(topic=STATEMENTS, partition=0, offset=0),
            statement=CatalogueStatement.model_validate(statement),
        ),
        Tick(at=NOON),
    ]
    folded = Registry()
    for sequence, record in enumerate(records):
        folded = folded.fold(sequence, record)
    return folded


WALL, WORLD = registry("wall"), registry("world")


def headers(topic: str = TAX, **given: bytes) -> Headers:
    """Headers as a sender writes them, some of them given."""
    attributes = {
        "specversion": b"1.0",
        "id": b"c-1",
        "source": b"/registries/tax",
        "type": topic.removesuffix(".v1").encode(),
        "subject": FIRM.encode(),
        "time": b"2024-07-01T12:00:00+08:00",
        "dataschema": b"registry.changes/1",
        **given,
    }
    return [("content-type", b"application/json"), *((f"ce_{name}", value) for name, value in attributes.items())]


def change(facts: str, moment: str = "2024-07-01T00:00:00+08:00", version: str = "3") -> bytes:
    """A change in its very text."""
    return f'{{"version":{version},"effective_at":"{moment}","facts":{facts}}}'.encode()


def taken(value: bytes | None, given: Headers, topic: str = TAX, known: Registry = WALL, offset: int = 9) -> bool:
    """Whether a record is taken as ordinary. It is then accepted, and what `judge` makes of it is the same bytes."""
    ordinary = OrdinaryChanges(topic, 1, known).take(offset, APPENDED, given, value)
    try:
        entry = judge(SourceRecord(topic, 1, offset, APPENDED, b"k", value, given), known)
    except Refused:
        assert ordinary is None
        return False
    assert isinstance(entry, ChangeEntry)
    assert ordinary is None or ordinary == (entry.subject, journal_record.dump_json(entry, by_alias=True))
    return ordinary is not None


ORDINARY = [
    '{"staff":0}',
    '{"staff":-999999999999999999}',
    '{"staff":1}',
    '{"staff":null}',
    '{"insured":{"2024-07":12,"2024-06":null}}',
    '{"sales":{"2024Q3":"0012.50"}}',
    '{"levy_due":"-0.000001"}',
    '{"levy_due":"-0"}',
    '{"levy_due":"123456789012345678.123456"}',
    '{"exempt":true}',
    '{"exempt":false}',
    '{"founded_on":"2024-02-29"}',
    '{"grade":"high"}',
    '{"trade":"6-18-02-04"}',
    '{"region":"2101G1"}',
    '{"industry":"C3411"}',
    '{"loan_from":{"l-1":"2024-02-29","2024-07":null}}',
    '{"staff":5,"exempt":true,"levy_due":"1.10"}',
    ' { "staff" : 5 , "exempt" : true } ',
]


@pytest.mark.parametrize("facts", ORDINARY)
@pytest.mark.parametrize("known", [WALL, WORLD], ids=["wall", "world"])
def test_a_fact_of_every_type_is_ordinary(facts: str, known: Registry) -> None:
    assert taken(change(facts), headers(), known=known)


@pytest.mark.parametrize("subject", [FIRM, OF_DIGITS, PERSON])
def test_every_subject_is_ordinary(subject: str) -> None:
    assert taken(change('{"staff":1}'), headers(subject=subject.encode()))


@pytest.mark.parametrize(
    "moment",
    [
        "2024-07-01T00:00:00Z",
        "2024-07-01T00:00:00+00:00",
        "2024-07-01T23:59:59.5-08:00",
        "2024-07-01T00:00:00.000000+08:00",
        "2024-02-29T12:30:15.123456+14:00",
        "1910-01-01T00:00:00+14:00",
        "2199-12-31T23:59:59.999999-12:00",
    ],
)
def test_the_common_forms_of_a_moment_are_ordinary(moment: str) -> None:
    assert taken(change('{"staff":1}', moment), headers(time=moment.encode()))


def test_a_topic_without_a_generation_and_further_attributes_are_ordinary() -> None:
    assert taken(change('{"of_a_bank":1}'), headers(BANKS), BANKS)
    assert taken(change('{"staff":1}'), headers(partitionkey=b"k", traceparent=b"00-ab-cd-01"))


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        change("{}"),
        change('{"staff":{}}'),
        change('{"staff":1,"staff":2}'),
        change('{"insured":{"2024-07":1,"2024-07":2}}'),
        b'{"version":3,"version":3,"effective_at":"2024-07-01T00:00:00Z","facts":{"staff":1}}',
        change('{"staff":1.0}'),
        change('{"staff":true}'),
        change('{"exempt":1}'),
        change('{"of_a_bank":1}'),
        change('{"levy_due":"110101185001010034"}'),
        change('{"trade":"110101185001010034"}'),
        change('{"trade":"110101-18500101-0034"}'),
        change('{"trade":"110101500101003"}'),
        change('{"loan_from":{"110101185001010034":"2024-07-01"}}'),
        change(r'{"trade":"\u003110101185001010034"}'),
        change('{"loan_from":{"-":"2024-07-01"}}'),
        change('{"loan_from":{"l 1":null}}'),
        change('{"loan_from":{"":null}}'),
        change('{"grade":"low_110101185001010034"}'),
        change('{"staff":1}', version="true"),
        change('{"staff":1}', version="0"),
        change('{"staff":1}', version=str(2**53 + 1)),
        change('{"staff":1}', "2024-07-01T24:00:00Z"),
        change('{"staff":1}', "2024-02-30T00:00:00Z"),
        change('{"staff":1}', "1900-01-01T00:00:00+08:00"),
        change('{"staff":1}').replace(b"}}", b'},"erase":null,"colour":1}'),
        change('{"loan_from":{' + ",".join(f'"l{n}":null' for n in range(MAX_FACTS + 1)) + "}}"),
        b"\xef\xbb\xbf" + change('{"staff":1}'),
        change('{"staff":1}') + b"x",
        "{}".encode("utf-16"),
        b"[" * 100_000,
    ],
)
def test_what_judge_refuses_is_not_taken(value: bytes | None) -> None:
    with pytest.raises(Refused):
        judge(SourceRecord(TAX, 1, 9, APPENDED, b"k", value, headers()), WALL)
    assert not taken(value, headers())


@pytest.mark.parametrize(
    "given",
    [
        *([header for header in headers() if header[0] != f"ce_{name}"]
          for name in ("id", "source", "type", "subject", "time", "dataschema")),
        [*headers(), ("ce_id", b"c-1")],
        [*headers(), ("content-type", b"text/csv")],
        headers(id=b""),
        headers(source=b"\xff"),
        headers(specversion=b"0.3"),
        headers(type=b"registry.changes.banks"),
        headers(dataschema=b"registry.changes/2"),
        headers(time=b"2024-07-01T12:00:00"),
        headers(time=b"2024-02-30T12:00:00Z"),
        headers(subject=FIRM.lower().encode()),
        headers(subject=b"110101185001010034"),
        [("content-type", None), *headers()[1:]],
    ],
)  # fmt: skip
def test_headers_that_judge_refuses_are_not_taken(given: Any) -> None:
    with pytest.raises(Refused):
        judge(SourceRecord(TAX, 1, 9, APPENDED, b"k", change('{"staff":1}'), given), WALL)
    assert not taken(change('{"staff":1}'), given)


@pytest.mark.parametrize(
    ("value", "given"),
    [
        (change(r'{"grade":"\u0068igh"}'), headers()),  # an escape
        (change('{"staff":1}'), headers(id="税".encode())),
        (change('{"staff":1}'), headers(id=b"x" * 150)),
        (change('{"staff":1}'), [(name.upper(), value) for name, value in headers()]),
        (change('{"staff":1}'), [*headers(), ("note", b"1")]),
        (change('{"staff":1}').replace(b"}}", b'},"erase":null}'), headers()),
        (change('{"staff":1}', "2024-07-01 00:00:00Z"), headers()),
        (change('{"levy_due":"123456789012.00"}'), headers()),
    ],
)
def test_what_is_right_but_seldom_is_accepted_all_the_same(value: bytes, given: Headers) -> None:
    """Whether it is taken as ordinary is of no consequence: `taken` compares."""
    taken(value, given)
    assert judge(SourceRecord(TAX, 1, 9, APPENDED, b"k", value, given), WALL)


def test_records_of_one_batch_and_of_the_next_have_their_own_arrival() -> None:
    ordinary = OrdinaryChanges(TAX, 0, WALL)
    for offset, stamp in enumerate((APPENDED, APPENDED, APPENDED + 1, APPENDED + 750, APPENDED)):
        record = SourceRecord(TAX, 0, offset, stamp, b"k", change('{"staff":1}'), headers())
        entry: Any = judge(record, WALL)
        found = ordinary.take(offset, stamp, record.headers, record.value)
        assert found is not None and found.value == journal_record.dump_json(entry, by_alias=True)


# Whatever is sent: values, texts and headers next to what is right.

values = st.sampled_from(
    [
        "0", "1", "-5", "1.0", "1e2", "-0", "999999999999999999", "1000000000000000000", "true", "false", "null", "NaN",
        '"1"', '"1.10"', '"-007.50"', '"1.1234567"', '"+1"', '"2024-07-01"', '"1899-12-31"', '"2201-01-01"',
        '"2024-02-30"', '"high"', '"High"', '"210102"', '"2101"', '"C34"', '"C9"', '"x"', '"x y"', '"税"', r'"\u0031"',
        '"110101185001010034"', '"123456789012345678"', "{}", "[]", '""', '{"2024-07":1}', '{"2024Q3":"1.5"}',
        '{"2024":1}', '{"l-1":"2024-07-01"}', '{"l-1":"2024-07-01","l-1":null}', '{"-":1}', '{"l 1":null}',
    ]
)  # fmt: skip
moments = st.sampled_from(
    [
        "2024-07-01T00:00:00Z", "2024-07-01T00:00:00z", "2024-07-01t00:00:00Z", "2024-07-01T00:00Z", "2024-07-01",
        "2024-07-01T00:00:00", "2024-07-01T00:00:00.1234567Z", "2024-07-01T00:00:00,5Z", "2024-07-01T00:00:60Z",
        "2024-07-01T00:00:00+0800", "2024-07-01T00:00:00+08", "2024-07-01T00:00:00-00:00", "2024-W27-1T00:00:00Z",
        "1900-01-01T00:00:00+08:00", "2200-12-31T23:59:59-12:00", "2024-07-01T00:00:00+14:59", "1719792000",
    ]
)  # fmt: skip
any_moments = moments | st.datetimes(datetime(1890, 1, 1), datetime(2210, 1, 1), timezones=st.timezones()).map(
    datetime.isoformat
)
fact_names = st.sampled_from([*FACTS, "unknown", "Staff", ""])
parts = st.sampled_from([b'"', b"{", b"}", b":", b",", b" ", b"\\", b"\x00", b"\xff", b"0", b"1", b"-", b'"staff":1,'])


@st.composite
def near_changes(draw: st.DrawFn) -> tuple[bytes, Headers]:
    """A change with facts of any kind, some given twice, then perhaps a byte or a header that is another."""
    pairs = draw(st.lists(st.tuples(fact_names, values), min_size=1, max_size=3))
    space = draw(st.sampled_from(["", " "]))
    facts = ",".join(f"{json.dumps(name)}{space}:{space}{value}" for name, value in pairs)
    version = draw(st.sampled_from(["1", "3", "9007199254740992", "-1", "1.0", '"1"']))
    moment = draw(st.just("2024-07-01T00:00:00+08:00") | any_moments)
    value = change(f"{{{facts}}}", moment, version)
    if draw(st.integers(0, 2)) == 0:
        at = draw(st.integers(0, len(value)))
        value = value[:at] + draw(parts) + value[at + draw(st.integers(0, 1)) :]
    given = headers(time=draw(st.just("2024-07-01T00:00:00Z") | any_moments).encode())
    if draw(st.integers(0, 3)) == 0:
        name, other = given[draw(st.integers(0, len(given) - 1))]
        kept = [header for header in given if header[0] != name or draw(st.booleans())]
        given = [*kept, (name, draw(st.sampled_from([b"", other, other + b" ", b"\xff", b"1.0", b"a;charset=utf-8"])))]
    return value, given


@settings(max_examples=3000, deadline=None)
@given(near_changes(), st.sampled_from([WALL, WORLD]))
@example((change('{"staff":1,"staff" :1}'), headers()), WALL)
@example((change('{"trade":":","staff":1}'), headers()), WALL)
def test_near_changes_are_taken_as_judge_takes_them(near: tuple[bytes, Headers], known: Registry) -> None:
    taken(*near, known=known)


@settings(max_examples=1000, deadline=None)
@given(st.decimals(-(10**17), 10**17, places=6), st.integers(-(10**18), 10**18), st.dates(), st.integers(0, 2**60))
def test_numbers_and_dates_are_written_as_judge_writes_them(amount: Any, count: int, day: Any, offset: int) -> None:
    taken(change(f'{{"levy_due":"{amount:f}","staff":{count},"founded_on":"{day}"}}'), headers(), offset=offset)
