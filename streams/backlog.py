"""What a worker holds of one partition: the chunk that is out, and what was fetched behind it.

A partition has one chunk out at a time. What arrives meanwhile waits here and leaves together as the next chunk: chunks
are small when there is little to do and grow with the load, up to the bounds in records and bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.chunks import Chunk

CHUNK_RECORDS = 500
CHUNK_BYTES = 1_048_576
"""A chunk's bytes, as `size_of` counts them; one record that is larger is a chunk of its own."""

RECORD_OBJECTS = 320  # bytes of the Python objects around a record and around each of its headers, measured
HEADER_OBJECTS = 160


def size_of(record: ConsumerRecord) -> int:
    """The bytes that a record takes in memory, about."""
    size: int = RECORD_OBJECTS + record.serialized_key_size + record.serialized_value_size
    for name, value in record.headers:
        size += HEADER_OBJECTS + len(name) + len(value or b"")
    return size


class Backlog:
    """One partition from the moment it is delivered until it is revoked or sought anew.

    `start` is the offset it starts at, `label` what its offsets are committed under, `generation` that of the group
    when it was assigned; `held` counts the bytes of everything in it;
    `delivered` is the number of its last chunk among those of all partitions.
    """

    def __init__(self, tp: TP, start: int, label: str, generation: int) -> None:
        self.tp = tp
        self.start = start
        self.label = label
        self.generation = generation
        self.held = 0
        self.delivered = 0
        self.out: Chunk | None = None
        self.in_hand = False
        self._out_bytes = 0
        self._waiting: deque[tuple[ConsumerRecord, int]] = deque()
        self._waiting_bytes = 0
        self._expected: int | None = None
        self._done: int | None = None
        self._looks = 0

    @property
    def has_room(self) -> bool:
        """Whether the next chunk would not be full yet."""
        return len(self._waiting) < CHUNK_RECORDS and self._waiting_bytes < CHUNK_BYTES

    def add(self, records: Iterable[ConsumerRecord]) -> None:
        """Take in a run of records as fetched."""
        for record in records:
            size = size_of(record)
            self._waiting.append((record, size))
            self._waiting_bytes += size
            self.held += size

    def next_chunk(self) -> Chunk | None:
        """What waits, as one chunk; None while another is out, or nothing waits."""
        if self.out is not None or not self._waiting:
            return None
        first, size = self._waiting.popleft()
        records = [first]
        while self._waiting and len(records) < CHUNK_RECORDS and size + self._waiting[0][1] <= CHUNK_BYTES:
            record, more = self._waiting.popleft()
            records.append(record)
            size += more
        self._waiting_bytes -= size
        self.out = Chunk(self.tp, tuple(records))
        self._expected = self.out.next_offset
        self._out_bytes = size
        return self.out

    def finished(self) -> None:
        """The chunk that was out is worked off."""
        self.out, self.in_hand = None, False
        self.held -= self._out_bytes

    def still_for(self, done: int | None) -> int:
        """How many looks in a row found delivered records not done, and `done`, the first offset not done, unmoved."""
        behind = self._expected is not None and (done is None or done < self._expected)
        self._looks = self._looks + 1 if behind and done == self._done else 0
        self._done = done
        return self._looks
