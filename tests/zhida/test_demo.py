"""The demo itself, on a small world: its checks are the proof of the main job, so they run with the tests, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhida.demo import check
from zhida.demo.expected import Expectation
from zhida.demo.play import BEGINS, EXAMPLES, play
from zhida.demo.readback import Outcome

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_a_small_world_comes_out_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert play(tmp_path, subjects=120, seed=3, once=True)


def test_the_checks_can_fail() -> None:
    """A check that cannot fail proves nothing: each is shown an outcome that is wrong."""
    policies = sorted((EXAMPLES / "policies").glob("*.yaml"))
    expectation = Expectation.of(EXAMPLES / "catalogue", policies)
    match = "91210100MA0TEXT002|CN-2024-WGFH|2024|-"
    assert not check.check_eligible({match: {}}, expectation, BEGINS).holds
    assert not check.check_explained([], expectation, set(), BEGINS, 1).holds
    assert not check.check_every_policy(Outcome(), expectation).holds
    assert not check.check_withdrawn(Outcome(), {match}, expectation, BEGINS).holds
    assert not check.check_amended(Outcome(), expectation).holds
    assert not check.check_ended(Outcome(), {match}, expectation, BEGINS.replace(year=2026)).holds
    assert not check.check_standing({match}, expectation, BEGINS.replace(year=2026)).holds
    twice = Outcome()
    twice.effect_ids.update(["a", "a"])
    assert not check.check_once(twice).holds
