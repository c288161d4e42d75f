"""How runs of records become chunks: bounds, what waits together leaves together, and standing still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiokafka.structs import ConsumerRecord
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams import backlog
from streams.backlog import Backlog, size_of

TOPIC = TP("t", 0)


@pytest.fixture(autouse=True, scope="module")
def bounds() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backlog, "CHUNK_RECORDS", 10)
        patch.setattr(backlog, "CHUNK_BYTES", 10_000)
        yield


def record(offset: int, size: int = 0) -> ConsumerRecord:
    return ConsumerRecord("t", 0, offset, 0, 1, None, b"." * size, None, 0, size, ())


def chunks(held: Backlog) -> list[list[int]]:
    found = []
    while (chunk := held.next_chunk()) is not None:
        found.append([each.offset for each in chunk.records])
        held.finished()
    return found


def made(*records: ConsumerRecord) -> Backlog:
    held = Backlog(TOPIC, 0, "", 1)
    held.add(records)
    return held


def test_one_chunk_is_out_and_what_comes_meanwhile_leaves_together() -> None:
    held = made(record(0))
    assert (first := held.next_chunk()) is not None and first.next_offset == 1
    for offset in range(1, 6):
        held.add([record(offset)])
        assert held.next_chunk() is None
    held.finished()
    assert chunks(held) == [[1, 2, 3, 4, 5]]


@given(st.lists(st.integers(0, 12_000), max_size=60))
def test_chunks_keep_their_bounds_and_lose_nothing(sizes: list[int]) -> None:
    records = [record(offset, size) for offset, size in enumerate(sizes)]
    held = made(*records)
    seen: list[ConsumerRecord] = []
    while (chunk := held.next_chunk()) is not None:
        seen += chunk.records
        assert len(chunk.records) <= 10
        assert len(chunk.records) == 1 or sum(map(size_of, chunk.records)) <= 10_000
        assert held.held == sum(map(size_of, records[len(seen) - len(chunk.records) :]))
        held.finished()
    assert seen == records and held.held == 0


def test_there_is_room_until_the_next_chunk_is_full() -> None:
    assert made(*(record(offset) for offset in range(9))).has_room
    assert not made(*(record(offset) for offset in range(10))).has_room
    assert not made(record(0, 10_000)).has_room


def test_headers_count() -> None:
    bare, headed = record(0, 5), record(0, 5)
    headed.headers = (("name", b"value"), ("none", None))
    assert size_of(headed) - size_of(bare) > len("name" + "value" + "none")


def test_standing_still_is_counted_while_something_delivered_is_not_done() -> None:
    held = made(record(0), record(1))
    assert [held.still_for(None) for _ in range(3)] == [0, 0, 0], "nothing was delivered"
    held.next_chunk()
    assert [held.still_for(None) for _ in range(3)] == [1, 2, 3]
    assert [held.still_for(1) for _ in range(3)] == [0, 1, 2], "it moved, and is not through"
    assert [held.still_for(2) for _ in range(3)] == [0, 0, 0], "all that was delivered is done"
