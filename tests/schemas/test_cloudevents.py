"""CloudEvents in Kafka's binary mode, held against the official SDK; and what a sender signs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import permutations

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.cloudevents import Attributes, HeaderError, from_headers, known_attributes, signed_bytes, to_headers

FULL = Attributes(
    id="8f1c",
    source="/registries/tax",
    type="registry.changes.tax",
    subject="91210102MAHU03QE3Y",
    time=datetime(2024, 7, 1, 8, 30, 0, 250_000, tzinfo=timezone(timedelta(hours=8))),
    dataschema="registry.changes/1",
    partitionkey="91210102MAHU03QE3Y",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    senderid="finance",
    senderkey="key_2024",
    sendersig="c2lnbmF0dXJl",
)
LEAST = Attributes(id="1", source="s", type="t", subject="税务", time=datetime(2024, 7, 1, tzinfo=UTC))


def text(size: int) -> st.SearchStrategy[str]:
    return st.text(min_size=1, max_size=size)


attributes = st.builds(
    Attributes,
    id=text(200),
    source=text(200),
    type=text(200),
    subject=text(100),
    time=st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1), timezones=st.timezones()),
    dataschema=st.none() | text(300),
    partitionkey=st.none() | text(200),
    traceparent=st.none() | text(100),
    senderid=st.none() | text(60),
    senderkey=st.none() | text(60),
    sendersig=st.none() | text(200),
)


def read(headers: list[tuple[str, bytes]]) -> Attributes:
    return Attributes.model_validate(known_attributes(from_headers(headers)))


def in_the_sdk(ours: Attributes) -> dict[str, object]:
    """The attributes as the SDK holds them."""
    return {**ours.model_dump(exclude_none=True), "datacontenttype": "application/json"}


@given(attributes)
def test_headers_come_back_as_they_were(ours: Attributes) -> None:
    assert read(to_headers(ours)) == ours


@given(attributes)
def test_the_sdk_reads_our_headers(ours: Attributes) -> None:
    value = b'{"facts": {"levy_due": "1.10"}}'
    event = from_binary(KafkaMessage(dict(to_headers(ours)), None, value), JSONFormat(), CloudEvent)
    assert event.get_attributes() == in_the_sdk(ours)
    assert event.get_data() == json.loads(value)


@given(attributes)
def test_we_read_the_sdks_headers(ours: Attributes) -> None:
    message = to_binary(CloudEvent(in_the_sdk(ours), {"member": True}), JSONFormat())
    assert read(list(message.headers.items())) == ours


def test_both_write_the_same_headers() -> None:
    message = to_binary(CloudEvent(in_the_sdk(FULL), b"{}"), JSONFormat())
    assert dict(to_headers(FULL)) == message.headers


def test_headers_in_full() -> None:
    assert to_headers(FULL) == [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"8f1c"),
        ("ce_source", b"/registries/tax"),
        ("ce_type", b"registry.changes.tax"),
        ("ce_subject", b"91210102MAHU03QE3Y"),
        ("ce_time", b"2024-07-01T00:30:00.250000Z"),
        ("ce_dataschema", b"registry.changes/1"),
        ("ce_partitionkey", b"91210102MAHU03QE3Y"),
        ("ce_traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("ce_senderid", b"finance"),
        ("ce_senderkey", b"key_2024"),
        ("ce_sendersig", b"c2lnbmF0dXJl"),
    ]


def test_what_is_not_given_has_no_header() -> None:
    assert [name for name, _ in to_headers(LEAST)][1:] == [
        f"ce_{name}" for name in ("specversion", "id", "source", "type", "subject", "time")
    ]


def test_other_headers_and_extensions_are_left_alone() -> None:
    more = [("x-request", b"\xff"), ("ce_sequence", b"7"), ("CE_comexample", b"")]
    assert read([*to_headers(LEAST), *more]) == LEAST


def test_a_content_type_may_name_its_character_set() -> None:
    assert read([("Content-Type", b"application/json; charset=utf-8"), *to_headers(LEAST)[1:]]) == LEAST


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "no ce_ headers"),
        ([("content-type", b"application/json")], "no ce_ headers"),
        ([("content-type", b"application/cloudevents+json"), *to_headers(LEAST)], "application/cloudevents+json"),
        ([*to_headers(LEAST), ("ce_id", b"2")], "header ce_id is given twice"),
        ([*to_headers(LEAST), ("CE_ID", b"1")], "header CE_ID is given twice"),
        ([*to_headers(LEAST), ("ce_partitionkey", b"\xff")], "header ce_partitionkey is not UTF-8"),
    ],
)
def test_headers_that_are_not_an_events(headers: list[tuple[str, bytes]], reason: str) -> None:
    with pytest.raises(HeaderError, match=reason.replace("+", r"\+")):
        from_headers(headers)


fields = st.tuples(text(20), text(20), text(20), text(20), st.binary(max_size=20))


def signed(parts: tuple[str, str, str, str, bytes]) -> bytes:
    identity, type_, source, subject, data = parts
    named = {"id": identity, "type": type_, "source": source, "subject": subject}
    return signed_bytes(LEAST.model_copy(update=named), data)


@given(fields, fields)
def test_different_events_are_signed_differently(
    one: tuple[str, str, str, str, bytes], other: tuple[str, str, str, str, bytes]
) -> None:
    assert (signed(one) == signed(other)) == (one == other)


@pytest.mark.parametrize(("giver", "taker"), list(permutations(range(5), 2)))
def test_a_byte_moved_to_another_field_is_noticed(giver: int, taker: int) -> None:
    parts = ["aaa"] * 5
    moved = parts.copy()
    moved[giver], moved[taker] = "aa", "aaaa"
    assert signed((*moved[:4], moved[4].encode())) != signed((*parts[:4], parts[4].encode()))


def test_what_a_sender_signs_in_full() -> None:
    event = LEAST.model_copy(update={"id": "7", "type": "roster.entries", "source": "/d"})
    expected = b"\0\0\0\x017\0\0\0\x0eroster.entries\0\0\0\x02/d\0\0\0\x06\xe7\xa8\x8e\xe5\x8a\xa1\0\0\0\x02{}"
    assert signed_bytes(event, b"{}") == expected
