"""The pipeline benchmark's own answers: what is loaded is what a fold makes, every side decides what is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from bench.pipeline.check import Course, Said
from bench.pipeline.offline import control_records, journal_values, loaded, state_records
from bench.pipeline.recovery import loading
from bench.pipeline.report import parameters, tables
from bench.pipeline.rig import BenchError
from bench.pipeline.run import LIMIT, OURS, SIDES, TEXTBOOK, TEXTBOOK_EXACTLY_ONCE, Sizes, run
from bench.pipeline.textbook import RegistryChange, taken
from bench.pipeline.traffic import Traffic
from bench.pipeline.usage import Usage
from bench.pipeline.workload import NOW, SEED, Sent, Workload, everybody
from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.registry import Registry
from eligibility.state import canonical_records, load_state
from eligibility.subject_file import SubjectFile
from schemas.decisions import Decision
from schemas.journal import ControlEntry, ControlRecord, Pump, journal_record
from schemas.notices import Notice
from schemas.policy import Policy
from schemas.topics import DECISIONS, JOURNAL, JOURNAL_PARTITIONS, NOTICES, STATE
from zhida.keyring import Keyring

TINY = Sizes(
    policies=120,
    subjects=600,
    distinct=200,
    rounds=1,
    changes={OURS: 600, TEXTBOOK: 200, TEXTBOOK_EXACTLY_ONCE: 200, LIMIT: 600},
    warm_up=0.5,
    latency=2.0,
    rollout=2.0,
    restarted=(),
)
ASKED_FOR = {
    "events_per_s",
    "ratio_textbook",
    "ratio_limit",
    "p50_ms",
    "p99_ms",
    "recovery_ratio",
    "cpu_us_per_event",
    "p99_during_rollout_ms",
}


@pytest.fixture(scope="module")
def workload() -> Workload:
    return Workload(150, 400, 250)


@pytest.fixture(scope="module")
def published(workload: Workload, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[ControlRecord], Registry]:
    return control_records(workload, Keyring(tmp_path_factory.mktemp("keys")))


@pytest.fixture(scope="module")
def records(workload: Workload, published: tuple[list[ControlRecord], Registry]) -> list[dict[str, bytes]]:
    """The state records of every partition, as the benchmark loads them."""
    return [canonical_records(loaded(number, published[1], workload)) for number in range(JOURNAL_PARTITIONS)]


@pytest.fixture
def states(workload: Workload, records: list[dict[str, bytes]]) -> list[PartitionState]:
    """Every partition, as a worker reads it."""
    return [load_state(number, state_records(each, number, workload)) for number, each in enumerate(records)]


@pytest.fixture(scope="module")
def history(workload: Workload) -> list[Sent]:
    return list(islice(workload.history(), 1_500))


def append(state: PartitionState, value: bytes) -> list[Effect]:
    return fold(state, state.offset + 1, value).effects


def standing(file: SubjectFile) -> object:
    """What a file holds, but for the ids of effects, which say how it came to it."""
    told = {key: told._replace(effect_id="") for key, told in file.told.items()}
    parts = dict(file.facts), dict(file.versions), file.matches, told, file.wanting, dict(file.due)
    return *parts, file.settled_at, file.settled_sequence


def test_what_is_loaded_is_what_the_fold_of_the_journal_makes(
    workload: Workload, published: tuple[list[ControlRecord], Registry], states: list[PartitionState]
) -> None:
    controls, registry = published
    firsts = [workload.first(number) for number in range(len(workload))]
    folded = [PartitionState(number) for number in range(JOURNAL_PARTITIONS)]
    for state in folded:
        for sequence, record in enumerate(controls):
            append(state, journal_record.dump_json(ControlEntry(sequence=sequence, record=record), by_alias=True))
        while state.open_work:
            append(state, Pump(n=state.pump + 1).model_dump_json().encode())
    for number, value in journal_values(firsts, registry):
        append(folded[number], value)
    for state, right in zip(states, folded, strict=True):
        assert state.files.keys() == right.files.keys()
        assert all(standing(state.files[subject]) == standing(right.files[subject]) for subject in state.files)
        assert state.registry.sequence == right.registry.sequence and state.registry.now == right.registry.now == NOW
        assert not state.open_work and not right.open_work
    assert sum(len(file.matches) for state in states for file in state.files.values()) > 0


def decided(
    states: Sequence[PartitionState], history: Sequence[Sent], registry: Registry
) -> tuple[list[Said], list[Said]]:
    """The decisions and pushes of our own reducer."""
    decisions, pushes = list[Said](), list[Said]()
    for sent, (number, value) in zip(history, journal_values(history, registry), strict=True):
        for effect in append(states[number], value):
            if isinstance(effect, Decision):
                decisions.append(Said(sent.number, effect.match.policy, effect.verdict))
            elif isinstance(effect, Notice):
                pushes.append(Said(sent.number, effect.matter.policy, effect.about))
    return decisions, pushes


def test_ours_and_the_textbook_rules_decide_the_same(
    workload: Workload,
    published: tuple[list[ControlRecord], Registry],
    states: list[PartitionState],
    history: list[Sent],
) -> None:
    course = Course(workload)
    for sent in history:
        course.take(sent)
    decisions, pushes = decided(states, history, published[1])
    assert len(pushes) > 20
    assert course.mismatches(history, decisions, pushes) == 0
    assert course.doubted(history, decisions) == 0
    flipped = [said for each in course.decisions.values() for said in each]
    assert course.mismatches(history, [said for said in decisions if said != flipped[0]], pushes) == 1
    assert course.mismatches(history, decisions, [*pushes, pushes[0]]) == 1
    invented = flipped[0]._replace(what="withdrawn")
    assert course.mismatches(history, [*decisions, invented], pushes) == 1


def test_each_change_finds_what_the_changes_before_it_left(workload: Workload, history: list[Sent]) -> None:
    rows, versions = {}, {}
    for sent in history:
        before = rows.get(sent.subject, workload.row(sent.subject))
        assert sent.change.before == before != sent.change.after
        assert sent.version == versions.get(sent.subject, 1) + 1
        rows[sent.subject], versions[sent.subject] = sent.change.after, sent.version
        read = before.copy()
        assert sorted(taken(read, [1] * len(read), RegistryChange.model_validate_json(sent.value))) == [
            *sent.change.places
        ]
        assert read == sent.change.after
    assert len(rows) < len(history)
    assert {sent.change.kind for sent in history} == {"value", "null_to_value", "value_to_null", "several"}


def test_a_seed_gives_the_same_history(workload: Workload, history: list[Sent]) -> None:
    again = Workload(150, 400, 250)
    assert again.keys == workload.keys
    assert list(islice(again.history(), 100)) == history[:100]
    assert Workload(150, 400, 250, seed=1).keys != workload.keys


def test_everybody_is_eligible_for_the_policy_of_the_roll_out(workload: Workload) -> None:
    policy = Policy.model_validate(everybody())
    assert policy.id not in {each.document["id"] for each in workload.policies}
    assert policy.region == "21" and len(policy.subjects) == 2


def test_traffic_survives_its_way_to_a_process() -> None:
    traffic = Traffic(changes=100)
    traffic.written[STATE].records, traffic.written[STATE].size = 80, 64_000
    traffic.checkpoints.records, traffic.checkpoints.size = 5, 10_000
    again = Traffic.from_json(traffic.to_json())
    assert again == traffic and again.chunk == 20 and again.written[STATE].mean == 800
    assert again.per_change() == {JOURNAL: 0, STATE: 740, DECISIONS: 0, NOTICES: 0}


def test_what_others_had_of_the_machine() -> None:
    before = Usage({"worker": 1.0}, bench=2.0, busy=10.0, possible=20.0, disk=100, wire=0)
    after = Usage({"worker": 4.0}, bench=3.0, busy=20.0, possible=40.0, disk=150, wire=9)
    assert after - before == Usage({"worker": 3.0}, bench=1.0, busy=10.0, possible=20.0, disk=50, wire=9)
    assert (after - before).others == pytest.approx(0.3)
    assert (after - before) + before == after


def test_a_log_tells_how_long_loading_took() -> None:
    lines = ["2025-06-30 12:00:00,250 INFO streams.app: worker of role eligibility started"]
    for number in range(JOURNAL_PARTITIONS):
        lines.append(f"2025-06-30 12:00:0{number},750 INFO streams.partition: partition {number}: fenced, loaded 1")
    assert loading("\n".join(lines)) == pytest.approx(7.5)
    with pytest.raises(BenchError, match="7 partitions loaded"):
        loading("\n".join(lines[:-1]))


@pytest.mark.kafka
@pytest.mark.slow
def test_the_whole_of_it_small(tmp_path: Path) -> None:
    figures = run(TINY, SEED, lambda said: None)
    summary = json.loads(json.dumps(figures.summary()))
    assert summary["mismatches"] == 0
    assert summary.keys() >= ASKED_FOR
    assert all(summary[key] > 0 for key in ASKED_FOR)
    assert {*summary["events_per_s_by_side"]} == {*SIDES}
    assert all(0 <= share <= 1 for share in summary["cpu_share_of_others_by_side"].values())
    assert summary["pushes_timed"] > 0 and summary["pushes_late"] == 0
    assert summary["subjects"] == 600 and summary["distinct_beginnings"] == 200
    assert len(list(tables(figures))) == 4
    assert f"seed {SEED};" in next(parameters(TINY, SEED))
