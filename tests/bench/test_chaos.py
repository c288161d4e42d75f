"""The fault harness: its oracle finds what it must, and a short run of it on a real Kafka finds nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.chaos.cluster import Cluster, HarnessError
from bench.chaos.faults import crash_points
from bench.chaos.ledger import Ledger
from bench.chaos.oracle import Differences, Seen, Source, behind, compare, represented
from bench.chaos.plain_faust import verdict
from bench.chaos.run import Plan, run_ours, summary
from streams.crash_points import CRASH_POINTS


def effect(identity: str, subject: str = "a", content: bytes = b"1", offset: int = -1) -> Seen:
    return Seen(identity, subject, content, offset)


FOLD = [effect("1"), effect("2", "b"), effect("3"), effect("4", "b"), effect("5")]


def counts(found: Differences) -> dict[str, int]:
    return {kind: count for kind, count in found.counts().items() if count}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (FOLD, {}),
        ([effect("2", "b"), effect("1"), effect("3"), effect("4", "b"), effect("5")], {}),  # subjects are free
        (FOLD[:2] + FOLD[3:], {"lost": 1}),
        ([*FOLD, effect("3")], {"duplicates": 1}),
        ([*FOLD, effect("3"), effect("3"), effect("1")], {"duplicates": 3}),
        ([FOLD[2], *FOLD[:2], *FOLD[3:]], {"out_of_order": 1}),
        ([effect("1", content=b"2"), *FOLD[1:]], {"altered": 1}),
        ([*FOLD, effect("6")], {"invented": 1}),
        ([*FOLD[1:], effect("9"), effect("9")], {"lost": 1, "duplicates": 1, "invented": 1}),
        ([], {"lost": 5}),
    ],
)
def test_effects_against_the_fold(seen: list[Seen], expected: dict[str, int]) -> None:
    assert counts(compare(FOLD, seen)) == expected


def test_no_single_fault_goes_unseen() -> None:
    random = Random(3)
    fold = [effect(str(n), f"s{random.randrange(5)}", bytes([n])) for n in range(60)]
    for place in range(len(fold)):
        assert counts(compare(fold, fold[:place] + fold[place + 1 :])) == {"lost": 1}
        again = random.randrange(place, len(fold))
        assert counts(compare(fold, [*fold[: again + 1], fold[place], *fold[again + 1 :]])) == {"duplicates": 1}
        later = [rank for rank in range(place + 1, len(fold)) if fold[rank].subject == fold[place].subject]
        if later:
            late = random.choice(later)
            moved = [*fold[:place], *fold[place + 1 : late + 1], fold[place], *fold[late + 1 :]]
            assert counts(compare(fold, moved)) == {"out_of_order": 1}


def test_a_checkpoint_ahead_of_its_effects() -> None:
    fold = [effect("1", offset=4), effect("2", offset=4), effect("3", offset=7)]
    assert behind(fold, fold[:2], 6) == []
    assert behind(fold, fold[:1], 6) == ["2"]
    assert behind(fold, fold[:2], 7) == ["3"]


@pytest.mark.parametrize(
    ("taken", "refused", "expected"),
    [
        ({"t/0@0.0": 1, "t/0@1.0": 1}, {"t/0@2.0": 1}, {}),
        ({"t/0@0.0": 1}, {"t/0@2.0": 1}, {"lost": 1}),
        ({"t/0@0.0": 2, "t/0@1.0": 1}, {"t/0@2.0": 1}, {"duplicates": 1}),
        ({"t/0@0.0": 1, "t/0@1.0": 1}, {"t/0@2.0": 1, "t/0@1.0": 1}, {"duplicates": 1}),
        ({"t/0@0.0": 1, "t/0@1.0": 1}, {"t/0@2.0": 2}, {"duplicates": 1}),
        ({"t/0@0.0": 1}, {"t/0@1.0": 1, "t/0@2.0": 1}, {"altered": 1}),
        ({"t/0@0.0": 1, "t/0@1.0": 1, "t/0@2.0": 1}, {}, {"altered": 1}),
        ({"t/0@0.0": 1, "t/0@1.0": 1, "t/9@0.0": 1}, {"t/0@2.0": 1}, {"invented": 1}),
    ],
)
def test_source_records_are_represented_once(
    taken: dict[str, int], refused: dict[str, int], expected: dict[str, int]
) -> None:
    sources = [Source("t/0@0.0", None), Source("t/0@1.0", True), Source("t/0@2.0", False)]
    assert counts(represented(sources, taken, refused)) == expected


def test_differences_are_told_once() -> None:
    earlier = compare(FOLD, FOLD[1:])
    later = compare([*FOLD, effect("7")], FOLD[1:])
    assert counts(later.since(earlier)) == {"lost": 1}
    assert counts(earlier.since(earlier)) == {}
    total = Differences()
    for each in (earlier, later.since(earlier)):
        total.add(each)
    assert counts(total) == counts(later) == {"lost": 2}


def test_what_is_wrong_is_in_the_summary(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", lambda line: None)
    assert ledger.clean
    ledger.judged("a scenario", compare(FOLD, FOLD[1:]))
    assert (summary(ledger)["lost"], summary(ledger)["right"]) == (1, False)
    assert '"lost": 1' in ledger.file.read_text()
    other = Ledger(tmp_path / "other.jsonl", lambda line: None)
    other.failed("a scenario", "was not made")
    assert summary(other)["right"] is False


def test_the_rule_of_the_plain_app() -> None:
    assert verdict({"registration_status": "active"}) == "undetermined"
    assert verdict({"registration_status": "active", "employees_in_post": 30}) == "eligible"
    assert verdict({"registration_status": "active", "employees_in_post": 31}) == "ineligible"
    assert verdict({"registration_status": "revoked", "employees_in_post": 1}) == "ineligible"


@pytest.mark.kafka
@pytest.mark.slow
async def test_two_crash_points(tmp_path: Path) -> None:
    said: list[str] = []
    ledger = Ledger(tmp_path / "ledger.jsonl", said.append)
    points = ("intake.sent", "eligibility.sent")
    assert set(points) <= set(CRASH_POINTS)
    await run_ours(Plan((("two points", crash_points(points), 1),), peer_rounds=0), 3, tmp_path, ledger)
    found = summary(ledger)
    assert found["right"], said
    assert (found["crash_points"], found["runs"]) == (2, 2)
    assert not list(tmp_path.glob("cluster-*")), "nothing was found, so nothing is kept"


@pytest.fixture
async def cluster(tmp_path: Path) -> Any:
    made = await asyncio.to_thread(Cluster, tmp_path, seed=5, subjects=20)
    try:
        yield made
    finally:
        await made.end()


@pytest.mark.kafka
async def test_a_point_that_nobody_comes_to_is_an_error(cluster: Cluster, tmp_path: Path) -> None:
    """A worker without a single topic ends by itself: no crash point has been shown."""
    ledger = Ledger(tmp_path / "ledger.jsonl", lambda line: None)
    await crash_points(("eligibility.sent",))(cluster, ledger, Random(1))
    assert ledger.points == set() and ledger.runs == 0
    assert "ended by itself" in ledger.failures[0]
    assert not ledger.clean
    with pytest.raises(HarnessError):
        await cluster.until(lambda: False, 0.1, "never")
