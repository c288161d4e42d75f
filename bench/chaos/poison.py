"""Records that intake has to refuse, each for a reason, drawn from a seed: for every source topic."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from random import Random

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

from schemas.cloudevents import Headers
from schemas.topics import CATALOGUE, PUBLICATIONS, ROSTERS, STATEMENTS
from streams.judge import AUTHORITY
from zhida.keyring import Keyring
from zhida.messages import Message, attributes_of, message

DEPARTMENT = "finance"
"""Whose key the catalogue of the load has; signs what a department signs, so that it is refused for what it says."""

SIGNERS = {ROSTERS: DEPARTMENT, PUBLICATIONS: DEPARTMENT, STATEMENTS: AUTHORITY}
WHOLE = b'{"version":1,"effective_at":"2024-01-01T00:00:00Z","facts":{"staff":"1"}}'


def _cut(random: Random) -> bytes:
    return WHOLE[: random.randrange(1, len(WHOLE) - 1)]


def _nested(random: Random) -> bytes:
    deep = random.choice((300, 3_000, 100_000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return WHOLE.replace(b'"1"', opening * deep + b"1" + random.choice((closing, b"")) * deep)


VALUES: dict[str, Callable[[Random], bytes | None]] = {
    "random bytes": lambda random: random.randbytes(random.randint(1, 3_000)),
    "cut": _cut,
    "nested": _nested,
    "NULs": lambda random: b"\0" * random.randint(1, 3_000),
    "a byte that is not UTF-8": lambda random: WHOLE.replace(b"staff", b"staf\xff"),
    "UTF-16": lambda random: WHOLE.decode().encode("utf-16"),
    "half a surrogate pair": lambda random: WHOLE.replace(b"staff", b"\\ud800"),
    "a long number": lambda random: WHOLE.replace(b'"1"', b"9" * random.randint(4_301, 9_000)),
    "no number": lambda random: WHOLE.replace(b'"1"', random.choice((b"NaN", b"-Infinity", b"1e999"))),
    "given twice": lambda random: WHOLE.replace(b'"staff":"1"', b'"staff":"1","staff":"2"'),
    "empty": lambda random: b"",
    "nothing": lambda random: None,
}
"""The value is wrong; the headers are right, and signed where the topic asks for it."""


def _with(headers: Headers, name: str, value: bytes | None) -> Headers:
    return [(each, value if each == name else given) for each, given in headers]  # type: ignore[misc]  # Kafka has null


HEADERS: dict[str, Callable[[Headers, Random], Headers]] = {
    "no headers": lambda headers, random: [],
    "a header that is not UTF-8": lambda headers, random: _with(headers, "ce_subject", b"\xff\xfe"),
    "a header without value": lambda headers, random: _with(headers, "ce_id", None),
    "a header twice": lambda headers, random: [*headers, ("CE_type", b"x")],
    "a thousand headers": lambda headers, random: [*headers, *((f"x{n}", b"") for n in range(1_000)), ("ce_ID", b"x")],
    "a long header": lambda headers, random: _with(headers, "ce_subject", b"9" * 100_000),
    "another type": lambda headers, random: _with(headers, "ce_type", b"registry.changes.nobody"),
    "another content": lambda headers, random: _with(headers, "content-type", random.randbytes(20)),
    "NUL in a subject": lambda headers, random: _with(headers, "ce_subject", b"\0" * 18),
    "another version": lambda headers, random: _with(headers, "ce_specversion", b"0.3"),
}
"""The headers are wrong."""

KINDS = (*VALUES, *HEADERS)


def hostile(kind: str, topic: str, number: int, subject: str, time: datetime, ring: Keyring, random: Random) -> Message:
    """A record of a kind for a topic; its `ce_id`, where it has one, begins with `bad-`."""
    value = VALUES[kind](random) if kind in VALUES else WHOLE
    source = f"/registries/{CATALOGUE[topic].event_type.rsplit('.', 1)[-1]}"
    attributes = attributes_of(topic, id=f"bad-{number}", source=source, subject=subject, time=time)
    good = message(topic, attributes, value or b"", ring, SIGNERS.get(topic))
    headers = HEADERS[kind](good.headers, random) if kind in HEADERS else good.headers
    return Message(topic, good.key, value, headers, time)  # type: ignore[arg-type]  # Kafka has null


CRC_AT = 17
"""Where a record batch of format 2 has its checksum, which is over all that follows."""
CODEC_AT = 22  # the low byte of the batch's attributes
LENGTH_AT = 8
RECORDS_AT = 61


class NotUtf8(BatchBuilder):
    """A batch in whose header names `PLACEHOLDER` stands for bytes that are no UTF-8: producers in other languages can
    send such a name, and the broker takes it."""

    PLACEHOLDER = "x-any-name"

    def __init__(self) -> None:
        super().__init__(1_048_576, 0)

    def _build(self) -> bytearray:
        data = bytearray(super()._build().replace(self.PLACEHOLDER.encode(), b"x-\xff\xfe\x80-name"))
        struct.pack_into(">I", data, CRC_AT, calc_crc32c(data[CRC_AT + 4 :]))
        return data


def _lz4(records: bytes) -> bytes:
    return b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(records) | 1 << 31) + records + bytes(4)


def _zstd(records: bytes) -> bytes:
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<II", len(records), len(records) << 3 | 1)[:7] + records


def _snappy(records: bytes) -> bytes:
    length, size = b"", len(records)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    block = length + bytes([size, 61 << 2]) + struct.pack("<H", len(records) - 1) + records
    return b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, len(block)) + block


CODECS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "snappy": (2, _snappy),
    "lz4": (3, _lz4),
    "zstd": (4, _zstd),
}


class Packed(BatchBuilder):
    """A batch in the frame of a codec that this Python may not have, its content stored rather than compressed; at most
    60,000 bytes of records."""

    def __init__(self, codec: str) -> None:
        super().__init__(60_000, 0)
        self._number, self._frame = CODECS[codec]

    def _build(self) -> bytearray:
        plain = bytes(super()._build())
        data = bytearray(plain[:RECORDS_AT] + self._frame(plain[RECORDS_AT:]))
        struct.pack_into(">i", data, LENGTH_AT, len(data) - LENGTH_AT - 4)
        data[CODEC_AT] |= self._number
        struct.pack_into(">I", data, CRC_AT, calc_crc32c(data[CRC_AT + 4 :]))
        return data
