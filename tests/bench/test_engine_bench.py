"""The benchmark's own answers: every side agrees with the plain evaluator, and the object it prints has its shape.

Nothing here is timed; the sizes are those that still reach every path.
"""

from __future__ import annotations

import json

import pytest

from bench.engine import monitor
from bench.engine.oracle import Oracle
from bench.engine.ours import OurIndex
from bench.engine.peers import Flip
from bench.engine.report import parameters, tables
from bench.engine.rules import PolicyMaker
from bench.engine.run import PEERS, Figures, Sizes, run
from bench.engine.subjects import ChangeMaker, subjects

TINY = Sizes(
    policies=150,
    changes=120,
    sampled_subjects=3_000,
    nulls=(0.4,),
    worst_policies=100,
    worst_changes=60,
    growth=(60, 150),
    growth_changes=(120, 120),
    checked=10,
    amended=20,
    populations=(3_000,),
    rounds=1,
)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return run(TINY, 1, lambda said: None)


def test_every_side_agrees_with_the_plain_evaluator(figures: Figures) -> None:
    assert figures.mismatches == 0
    assert sum(compared.flips for compared in figures.compared.values()) > 0
    assert all(compared.flips > 0 for compared in figures.worst.values())
    assert any(predicate.true and predicate.unknown for predicate in figures.scanned[0].predicates)


def test_the_object_it_prints(figures: Figures) -> None:
    summary = json.loads(json.dumps(figures.summary()))
    assert set(summary) == {
        "mismatches",
        "ratios",
        "flip_growth",
        "population_ratio",
        "bytes_per_subject",
        "provenance_bytes_per_subject",
        "add_policy_ms",
    }
    assert set(summary["ratios"]) == {"zen-engine", "lucene-monitor", "all-closures", "affected-closures"} == {*PEERS}
    missing = {peer for peer, ratio in summary["ratios"].items() if ratio is None}
    assert missing <= {"lucene-monitor"}
    assert missing == set(figures.compared[0.4].missing)


def test_tables_say_what_was_measured(figures: Figures) -> None:
    titles = [str(table.title) for table in tables(figures)]
    assert len(titles) == len(TINY.nulls) + 3 + len(figures.scanned)
    assert "seed 1;" in next(parameters(TINY, 1))


def test_without_java_the_monitor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor.shutil, "which", lambda name: None)
    with pytest.raises(monitor.NoMonitor, match="java is not on PATH"), monitor.monitor([]):
        raise AssertionError("it cannot have begun")


def test_a_wrong_flip_is_a_mismatch() -> None:
    policies = PolicyMaker(2).policies(80)
    changes = ChangeMaker(subjects(2_000, 0.1, 2), 2).changes(200)
    ours, oracle = OurIndex(policies), Oracle(policies, 2)
    ours.prepare(changes)
    flips = ours.answer(changes).flips
    place = next(place for place, found in enumerate(flips) if found)
    change, found = changes[place], flips[place]
    right = next(iter(found))
    invented = next(key for key in oracle.policies if key not in {flip.key for flip in found})
    assert oracle.mismatches(change, [(found, False)]) == 0
    assert oracle.mismatches(change, [(found, False), (found - {right}, False)]) == 1
    assert oracle.mismatches(change, [(found | {Flip(invented, False, True)}, False)]) == 1


def test_a_seed_gives_the_same_workload() -> None:
    first, second = (PolicyMaker(3).policies(50) for _ in range(2))
    assert [policy.document for policy in first] == [policy.document for policy in second]
    populations = [subjects(500, 0.4, 3) for _ in range(2)]
    drawn = [ChangeMaker(population, 3).changes(50) for population in populations]
    assert drawn[0] == drawn[1]
