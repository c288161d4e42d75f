"""Reading record batches whose header names are not UTF-8.

Kafka's format asks for UTF-8, and the broker does not look. aiokafka 0.14 decodes strictly and raises out of the fetch,
at every restart again: one such record on a source topic would end intake for ever. Here it is read, the name's bytes
written as `\\xff`, so that intake can judge it like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_AT, _BEFORE_LENGTH_ENDS = 8, 12  # of a batch, which follows its base offset


class LenientRecords:
    """The batches of a fetched partition, in place of aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        self._records, self._data, self._at = MemoryRecords(data), memoryview(data), 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def next_batch(self) -> Any:
        """The next batch; None where there is none."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        begins = self._at
        self._at = begins + _BEFORE_LENGTH_ENDS + int(unpack_from(">i", self._data, begins + _LENGTH_AT)[0])
        return _Batch(batch, self._data[begins : self._at])


class _Batch:
    """A batch as aiokafka reads it, until a name does not let it."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch, self._data = batch, data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except UnicodeDecodeError:
            for number, record in enumerate(_LenientBatch(self._data)):
                if number >= read:
                    yield record


class _LenientBatch(_DefaultRecordBatchPy):
    """aiokafka's batch in Python, whose names are decoded from slices of its buffer."""

    def __init__(self, data: memoryview) -> None:
        super().__init__(data)
        self._buffer: bytearray = _Lenient(self._buffer)

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Lenient(self._buffer)


class _Lenient(bytearray):
    """Bytes that are text whatever they are."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Lenient(found) if isinstance(key, slice) else found

    def decode(self, *_: Any) -> str:
        return super().decode("utf-8", "backslashreplace")


def install() -> None:
    """Have every consumer of this process read so."""
    fetcher.MemoryRecords = LenientRecords
