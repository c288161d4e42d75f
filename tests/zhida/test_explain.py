"""`zhida explain` by a journal: every kind of decision at its own position, moments, and what is refused."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eligibility.business_time import SHANGHAI
from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from schemas.decisions import Decision
from schemas.identifiers import journal_partition
from schemas.topics import JOURNAL_PARTITIONS
from streams.app import Role
from zhida.cli import app
from zhida.commands.simulate import begin, publish
from zhida.demo.play import EXAMPLES
from zhida.keyring import Keyring
from zhida.messages import read_messages
from zhida.simulation import Simulation, run_events
from zhida.world import write

WORLD = datetime(2023, 12, 31, tzinfo=UTC)
Run = Callable[..., str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Decision]]:
    """The journal of a small simulated world, as it is exported, and what it decided."""
    folder = tmp_path_factory.mktemp("explain")
    write(folder, 40, 5)
    ring = Keyring(folder / "keys")
    files = [read_messages(folder / name, ring, WORLD) for name in ("changes.jsonl", "rosters.jsonl")]
    messages = list(heapq.merge(*files, key=lambda each: each.time))
    lines: list[dict[str, Any]] = []
    effects: list[Effect] = []
    original = Simulation._fold

    def recording(self: Simulation, state: PartitionState, value: bytes) -> None:
        lines.append({"partition": state.partition, "offset": state.offset + 1, "record": json.loads(value)})
        original(self, state, value)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Simulation, "_fold", recording)
        simulation = begin(ring, messages[0].time, effects.append)
        publish(
            simulation, ring, EXAMPLES / "catalogue", sorted((EXAMPLES / "policies").glob("*.yaml")), messages[0].time
        )
        run_events(simulation, messages, date(2025, 2, 1))
    lines.sort(key=lambda line: (line["partition"], line["offset"]))
    journal = folder / "journal.jsonl"
    journal.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return journal, [effect for effect in effects if isinstance(effect, Decision)]


@pytest.fixture
def run(world: tuple[Path, list[Decision]]) -> Run:
    """`zhida explain … --journal`, without a stack; what it says, once its exit code is the one expected."""

    def run(*arguments: object, code: int = 0, journal: Path = world[0]) -> str:
        done = CliRunner().invoke(app, ["explain", *map(str, arguments), "--journal", str(journal)])
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    return run


def at_its_position(decision: Decision) -> tuple[object, ...]:
    position = decision.journal
    where = ("--partition", position.partition, "--offset", position.offset)
    return decision.match.subject, decision.match.policy, *where


def test_decisions_are_explained_at_their_positions(world: tuple[Path, list[Decision]], run: Run) -> None:
    decisions = world[1]
    sample = [next(d for d in decisions if d.verdict == verdict) for verdict in {d.verdict for d in decisions}]
    assert len(sample) >= 3, "kinds of verdict"
    for decision in [*sample, *decisions[:: len(decisions) // 5]]:
        data = json.loads(run(*at_its_position(decision), "--json"))
        (found,) = [each for each in data["decided"] if each["effect_id"] == decision.effect_id]
        assert (found["verdict"], found["policy_version"]) == (decision.verdict, decision.policy_version)
        assert datetime.fromisoformat(found["as_of"]) == decision.as_of
        if found["evaluation"] is not None:
            assert found["evaluation"]["reasons"] == [reason.model_dump(mode="json") for reason in decision.reasons]
            if decision.amount is not None:
                assert found["evaluation"]["amount"] == decision.amount.model_dump()
        in_words = run(*at_its_position(decision))
        assert f"effect {decision.effect_id}" in in_words
        assert all(reason.condition in in_words for reason in decision.reasons)
        if decision.amount is not None:
            assert decision.amount.arithmetic in in_words


def test_a_moment_is_that_before_time_went_past_it(world: tuple[Path, list[Decision]], run: Run) -> None:
    decision = next(d for d in world[1] if d.verdict == "ineligible")
    match = decision.match
    moments = [decision.as_of.astimezone(SHANGHAI) + timedelta(seconds=seconds) for seconds in (-1, 86_399)]
    verdicts = []
    for moment in moments:
        data = json.loads(run(match.subject, match.policy, "--json", "--at", f"{moment:%Y-%m-%d %H:%M:%S}"))
        assert datetime.fromisoformat(data["as_of"]) <= moment
        verdicts += [e["verdict"] for e in data["evaluations"] if e["item"] == match.item]
    assert verdicts == ["eligible", "ineligible"]


def test_what_is_missing_is_told_with_the_fewest_facts_that_would_decide(
    world: tuple[Path, list[Decision]], run: Run
) -> None:
    nobody = "p-" + "0" * 32
    data = json.loads(run(nobody, "LN-2023-CYDK", "--json"))
    assert {e["verdict"] for e in data["evaluations"]} <= {"undetermined", "ineligible"}
    for e in data["evaluations"]:
        if e["verdict"] == "undetermined":
            assert e["would_decide"]
    assert data["decided"] == []


def test_what_is_refused(world: tuple[Path, list[Decision]], run: Run, tmp_path: Path) -> None:
    decision = world[1][0]
    subject, policy = decision.match.subject, decision.match.policy
    own = journal_partition(subject, JOURNAL_PARTITIONS)
    for arguments, said in (
        ((subject, policy, "--partition", own ^ 1, "--offset", 3), f"this subject's journal is partition {own}"),
        ((subject, policy, "--offset", 10**9), "1000000000 is yet to come"),
        ((subject, policy, "--at", "2030-01-01"), "the journal's time stands at 2025-02-01 00:00"),
        ((subject, policy, "--at", "2020-01-01"), "is not published"),
        ((subject, "NO-SUCH"), "'NO-SUCH' is not published"),
    ):
        assert said in run(*arguments, code=3)
    assert "give --offset" in run(subject, policy, "--partition", own, code=2)
    assert "give --offset" in run(subject, policy, "--offset", 1, "--at", "2024-01-01", code=2)
    lines = world[0].read_text().splitlines(keepends=True)
    gap, broken = tmp_path / "gap.jsonl", tmp_path / "broken.jsonl"
    gap.write_text("".join(line for line in lines if json.loads(line)["offset"] != 5))
    broken.write_text("no json\n")
    assert "record 6 follows 4" in run(subject, policy, code=3, journal=gap)
    assert "line 1: this is no record" in run(subject, policy, code=3, journal=broken)
    assert "No such file" in run(subject, policy, code=3, journal=tmp_path / "none.jsonl")


@pytest.mark.parametrize("mistyped", ["110101199003078515", "91210100MA0TEXT00X", "p-11010119900307", "12345", "张三"])
def test_a_mistyped_subject_is_not_repeated(run: Run, mistyped: str) -> None:
    said = run(mistyped, "LN-2023-CBJ", code=3)
    assert mistyped not in said
    assert "give a firm's unified social credit code, or a person's pseudonym" in said


@pytest.mark.kafka
async def test_by_the_journal_in_kafka(cluster: Any) -> None:
    cluster.start(Role.INTAKE)
    cluster.start(Role.ELIGIBILITY)
    await cluster.publish_catalogue()
    await cluster.publish_policies()
    await cluster.publish_events("2023-12-31", "2024-01-15")
    await cluster.advance(date(2024, 1, 15))
    await cluster.settled()
    decision = Decision.model_validate((await cluster.outcome()).decisions[-1])
    arguments = ["explain", *map(str, at_its_position(decision)), "--json", "--folder", str(cluster.folder)]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    (found,) = [e for e in json.loads(done.stdout)["decided"] if e["effect_id"] == decision.effect_id]
    assert found["verdict"] == decision.verdict
    assert found["evaluation"]["reasons"] == [reason.model_dump(mode="json") for reason in decision.reasons]
