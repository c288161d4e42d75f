"""Batches with header names that are not UTF-8: aiokafka raises, we read them."""

from __future__ import annotations

from struct import pack_into
from typing import Any

import pytest
from aiokafka.record._crecords.cutil import crc32c_cython
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.records import LenientRecords

PLAIN, GZIP = 0, 1
CRC_AT, CRC_OF = 17, 21


def batch(*names: bytes, compression: int = PLAIN) -> bytes:
    """A batch of records with one header each; a name that is no UTF-8 goes in where a plain one of its length was."""
    builder = DefaultRecordBatchBuilder(
        2, compression, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=10_000
    )
    stand_ins = {}
    for offset, name in enumerate(names):
        text = name.decode("ascii", "replace").replace("\ufffd", "~")
        stand_ins[text.encode()] = name
        builder.append(offset, 0, b"k", b"v%d" % offset, [(text, b"x")])
    built = bytearray(builder.build())
    for stand_in, name in stand_ins.items():
        built = built.replace(stand_in, name)
    pack_into(">I", built, CRC_AT, crc32c_cython(bytes(built[CRC_OF:])))
    return bytes(built)


def read(records: Any) -> list[tuple[int, bytes, list[tuple[str, bytes]]]]:
    found = []
    while records.has_next():
        each = records.next_batch()
        assert each.validate_crc()
        found += [(record.offset, record.value, list(record.headers)) for record in each]
    return found


def test_aiokafka_raises() -> None:
    with pytest.raises(UnicodeDecodeError):
        read(MemoryRecords(batch(b"ce_id", b"z\xffz\xfez", b"ce_id")))


def test_every_record_is_read_once_and_in_order() -> None:
    data = batch(b"ce_id") + batch(b"ce_id", b"z\xffz\xfez", b"ce_type") + batch(b"ce_id", compression=GZIP)
    assert read(LenientRecords(data)) == [
        (0, b"v0", [("ce_id", b"x")]),
        (0, b"v0", [("ce_id", b"x")]),
        (1, b"v1", [(r"z\xffz\xfez", b"x")]),
        (2, b"v2", [("ce_type", b"x")]),
        (0, b"v0", [("ce_id", b"x")]),
    ]


def test_what_is_right_is_read_as_aiokafka_reads_it() -> None:
    data = batch(b"ce_id", "名".encode()) + batch(*[b"n"] * 40, compression=GZIP)
    assert read(LenientRecords(data)) == read(MemoryRecords(data))
