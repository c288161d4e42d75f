"""Replays, snapshots, audits and `zhida verify`: whatever is not as the journal says is found, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import heapq
import json
import stat
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from typer.testing import CliRunner

from eligibility.errors import StopPartition
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import FILE, canonical_records, load_state
from schemas.decisions import Decision
from schemas.identifiers import journal_partition
from schemas.journal import ENGINE
from schemas.notices import Notice
from schemas.topics import DECISIONS, JOURNAL, JOURNAL_PARTITIONS, NOTICES, REJECTED, STATE
from streams.app import Role
from streams.outputs import effect_output
from zhida import recorded, snapshots
from zhida.cli import app
from zhida.commands.simulate import begin, publish
from zhida.comparison import (
    SHOWN,
    Committed,
    Comparison,
    Differences,
    Reach,
    compare_states,
    record_digests,
    state_digest,
)
from zhida.demo.play import EXAMPLES
from zhida.journal_files import export_journal
from zhida.keyring import Keyring
from zhida.messages import FileRefused, read_messages
from zhida.recorded import Beginnings, Recorded
from zhida.simulation import Simulation, run_events
from zhida.snapshots import kept_snapshots, open_snapshot, write_snapshot
from zhida.stack import StackError
from zhida.world import write

WORLD = datetime(2023, 12, 31, tzinfo=UTC)
BROKEN = b'{"kind":"change"}'  # quarantined, so that there is a rejection, too


class Written(NamedTuple):
    """A record on a topic of effects."""

    topic: str
    offset: int
    key: bytes
    value: bytes


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> list[list[bytes]]:
    """The journal of a small simulated world, per partition."""
    folder = tmp_path_factory.mktemp("replay")
    write(folder, 40, 5)
    ring = Keyring(folder / "keys")
    files = [read_messages(folder / name, ring, WORLD) for name in ("changes.jsonl", "rosters.jsonl")]
    messages = list(heapq.merge(*files, key=lambda each: each.time))
    written: list[list[bytes]] = [[] for _ in range(JOURNAL_PARTITIONS)]
    original = Simulation._fold

    def recording(self: Simulation, state: PartitionState, value: bytes) -> None:
        written[state.partition].append(value)
        original(self, state, value)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Simulation, "_fold", recording)
        simulation = begin(ring, messages[0].time, lambda effect: None)
        policies = sorted((EXAMPLES / "policies").glob("*.yaml"))
        publish(simulation, ring, EXAMPLES / "catalogue", policies, messages[0].time)
        run_events(simulation, messages, date(2025, 2, 1))
    return written


@pytest.fixture(scope="module")
def journal(journals: list[list[bytes]]) -> list[bytes]:
    """One partition of it, with a record in the middle that is quarantined."""
    longest = max(journals, key=len)
    return [*longest[: len(longest) // 2], BROKEN, *longest[len(longest) // 2 :]]


@pytest.fixture(scope="module")
def committed(journal: list[bytes]) -> list[Written]:
    """What a faultless worker commits for it: a marker's offset follows the effects of each record."""
    state, ends = PartitionState(0), {DECISIONS: 0, NOTICES: 0, REJECTED: 0}
    written: list[Written] = []
    for offset, value in enumerate(journal):
        outputs = [effect_output(effect) for effect in fold(state, offset, value).effects]
        for output in outputs:
            written.append(Written(output.topic, ends[output.topic], output.key, output.value))
            ends[output.topic] += 1
        for topic in {output.topic for output in outputs}:
            ends[topic] += 1
    assert {record.topic for record in written} == ends.keys()
    assert {json.loads(record.value)["kind"] for record in written if record.topic == NOTICES} == {"push", "reminder"}
    return written


def folded_to(journal: list[bytes], last: int, size: int = 1_000_000) -> PartitionState:
    """The state after an offset, written and loaded anew after each chunk of some records."""
    state = PartitionState(0)
    for offset in range(last + 1):
        if offset and offset % size == 0:
            state = load_state(0, canonical_records(state).items())
        fold(state, offset, journal[offset])
    return state


def compared(
    journal: list[bytes],
    written: Iterable[Written],
    *,
    since: PartitionState | None = None,
    last: int | None = None,
    begins: dict[str, int] | None = None,
) -> Differences:
    """Fold the journal up to an offset, its end by default, and hold what is written against it, as `zhida` does."""
    state, differences = since or PartitionState(0), Differences()
    whole = {DECISIONS: 0, NOTICES: 0, REJECTED: 0}
    taken = Committed(whole | (begins or {}), Reach.of(state), differences)
    for record in written:
        taken.take(*record)
    comparison = Comparison(taken)
    end = len(journal) if last is None else last + 1
    for offset in range(state.offset + 1, end):
        for effect in fold(state, offset, journal[offset]).effects:
            comparison.meet(offset, effect)
    comparison.end(None if last is None else Reach.of(state))
    return differences


def test_what_a_faultless_worker_commits_is_right(journal: list[bytes], committed: list[Written]) -> None:
    found = compared(journal, committed)
    assert (len(found), found.told()) == (0, [])


def test_up_to_any_offset_later_effects_are_not_asked_for(journal: list[bytes], committed: list[Written]) -> None:
    for last in range(0, len(journal), len(journal) // 6):
        assert compared(journal, committed, last=last).told() == []


def test_from_any_state_earlier_effects_are_not_asked_for(journal: list[bytes], committed: list[Written]) -> None:
    for start in range(0, len(journal) - 20, len(journal) // 5):
        assert compared(journal, committed, since=folded_to(journal, start)).told() == []
        assert compared(journal, committed, since=folded_to(journal, start), last=start + 20).told() == []


@pytest.mark.parametrize("topic", [DECISIONS, NOTICES, REJECTED])
def test_an_effect_that_is_lost_invented_told_twice_or_altered(
    journal: list[bytes], committed: list[Written], topic: str
) -> None:
    """The last of its topic, so that no later decision of its key stands for it."""
    index = max(i for i, record in enumerate(committed) if record.topic == topic)
    last = committed[index]
    without, beyond = [*committed[:index], *committed[index + 1 :]], last.offset + 10
    identity = "effect_id" if topic != REJECTED else "text"
    content = json.loads(last.value)
    told = content[identity]

    def with_value(value: bytes, offset: int = beyond) -> list[Written]:
        return [*without, last._replace(offset=offset, value=value)]

    assert dict(compared(journal, without).counts) == {"lost": 1}
    assert dict(compared(journal, [*committed, last._replace(offset=beyond)]).counts) == {"duplicate": 1}
    if topic == REJECTED:
        altered = last.value.replace(told.encode(), b"another text")
        other = {**content, "origin": content["origin"] | {"offset": 3}}
    else:
        altered = last.value.replace(b'"policy_version":', b'"policy_version":7')
        other = {**content, "effect_id": "0:registry.changes.tax.v1/0@0.0:99"}
    assert dict(compared(journal, with_value(altered)).counts) == {"altered": 1}
    invented = json.dumps(other).encode()
    assert dict(compared(journal, [*committed, last._replace(offset=beyond, value=invented)]).counts) == {"invented": 1}
    found = compared(journal, [*committed, last._replace(offset=beyond, value=b"{}")])
    assert found.told() == [f"invented: {topic}@{beyond} is none of its topic's effects"]


def test_an_id_that_no_fold_gives_is_invented(journal: list[bytes], committed: list[Written]) -> None:
    notice = next(record for record in committed if record.topic == NOTICES)
    for wrong in ("", "0", "0:x:1", "0:pump/x:0", "0:topic/0@x.0:0"):
        value = json.dumps(json.loads(notice.value) | {"effect_id": wrong}).encode()
        found = compared(journal, [*committed, notice._replace(offset=99_999, value=value)])
        assert dict(found.counts) == {"invented": 1}, wrong


def test_what_intake_is_said_to_have_refused_stands_in_the_journal(
    journal: list[bytes], committed: list[Written]
) -> None:
    rejection = next(record for record in committed if record.topic == REJECTED)
    content = json.loads(rejection.value)
    content["origin"] = {"topic": "registry.changes.tax.v1.0a1b2c3d", "partition": 0, "offset": 3, "ordinal": 0}
    mixed = [rejection._replace(offset=0, value=json.dumps(content).encode()), *committed]
    assert dict(compared(journal, mixed).counts) == {"invented": 1}


def test_a_subjects_effects_stand_in_order(journal: list[bytes], committed: list[Written]) -> None:
    of_one: dict[str, list[int]] = {}
    for index, record in enumerate(committed):
        if record.topic == NOTICES:
            of_one.setdefault(record.key.decode(), []).append(index)
    one, other = next(indexes for indexes in of_one.values() if len(indexes) > 1)[:2]
    swapped = list(committed)
    swapped[one] = committed[other]._replace(offset=committed[one].offset)
    swapped[other] = committed[one]._replace(offset=committed[other].offset)
    assert dict(compared(journal, swapped).counts) == {"out_of_order": 1}


def compacted(written: list[Written], upto: int) -> list[Written]:
    """What is left of decisions once compaction has come to an offset."""
    cleaned = [record for record in written if record.topic == DECISIONS and record.offset < upto]
    last = {record.key: record.offset for record in cleaned}
    return [
        record
        for record in written
        if record.topic != DECISIONS or record.offset >= upto or record.offset == last[record.key]
    ]


def test_compaction_is_no_loss(journal: list[bytes], committed: list[Written]) -> None:
    end = max(record.offset for record in committed if record.topic == DECISIONS) + 1
    for upto in (end // 2, end):
        left = compacted(committed, upto)
        assert len(left) < len(committed)
        assert compared(journal, left).told() == []
        begun = folded_to(journal, len(journal) // 3)
        assert compared(journal, left, since=begun).told() == []


def test_a_decision_that_compaction_cannot_have_taken_is_lost(journal: list[bytes], committed: list[Written]) -> None:
    """Though a later one of its key is there: before it stands a key twice, which compaction would not have left."""
    seen: set[bytes] = set()
    repeated = False
    keys = [record.key for record in committed if record.topic == DECISIONS]
    for index, record in enumerate(committed):
        if record.topic != DECISIONS:
            continue
        keys.pop(0)
        if repeated and record.key in keys:
            assert dict(compared(journal, [*committed[:index], *committed[index + 1 :]]).counts) == {"lost": 1}
            return
        repeated |= record.key in seen
        seen.add(record.key)
    pytest.fail("no decision is followed by another of its key")


def test_what_retention_deleted_is_no_loss(journal: list[bytes], committed: list[Written]) -> None:
    offsets = [record.offset for record in committed if record.topic == NOTICES]
    first = offsets[len(offsets) // 2]
    kept = [record for record in committed if record.topic != NOTICES or record.offset >= first]
    assert compared(journal, kept, begins={NOTICES: first}).told() == []
    assert compared(journal, kept).counts["lost"] == len(offsets) // 2, "nothing was deleted: they are lost"
    behind = [r for r in kept if (r.topic, r.offset) != (NOTICES, offsets[len(offsets) // 2 + 3])]
    assert dict(compared(journal, behind, begins={NOTICES: first}).counts) == {"lost": 1}


def test_so_many_differences_are_told_and_the_others_counted(journal: list[bytes], committed: list[Written]) -> None:
    found = compared(journal, [])
    assert len(found) == len(committed) > SHOWN
    assert len(found.told()) == SHOWN + 1
    assert found.told()[-1] == f"and {len(committed) - SHOWN} more"


def test_states_are_compared_record_by_record(journal: list[bytes]) -> None:
    whole = record_digests(folded_to(journal, len(journal) - 1))
    subject = next(key for key in whole if key.startswith(FILE))
    changed = canonical_records(folded_to(journal, len(journal) - 1))
    changed[subject] = changed[subject].replace(b"2024", b"2023", 1) + b"\0"
    for given, told in (
        (whole, []),
        ({k: v for k, v in whole.items() if k != "ckpt"}, ["state: it lacks the record ckpt of the fold"]),
        ({**whole, "p/X": b""}, ["state: it has the record p/X, which the fold does not give"]),
        ({**whole, subject: changed[subject]}, [f"state: it has another record {subject} than the fold"]),
    ):
        found = Differences()
        compare_states("it", given, whole, found)
        assert found.told() == told


def test_a_snapshot_comes_back_as_it_was_written(journal: list[bytes], tmp_path: Path) -> None:
    state = folded_to(journal, len(journal) // 2)
    kept = write_snapshot(tmp_path / "snapshots", state)
    assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600
    assert kept == open_snapshot(kept.file)
    assert (kept.header.engine, kept.offset) == (ENGINE, state.offset)
    assert canonical_records(kept.load()) == canonical_records(state)
    before = kept.file.read_bytes()
    assert write_snapshot(tmp_path / "snapshots", state).file.read_bytes() == before, "the same state, the same bytes"
    assert [each.name for each in (tmp_path / "snapshots").iterdir()] == [kept.file.name]
    for offset in (len(journal) // 2 + 1, len(journal) - 1):
        begun = kept.load()
        for following in range(begun.offset + 1, offset + 1):
            fold(begun, following, journal[following])
        assert record_digests(begun) == record_digests(folded_to(journal, offset, size=7))


def test_a_cut_or_changed_snapshot_is_refused(journal: list[bytes], tmp_path: Path) -> None:
    kept = write_snapshot(tmp_path, folded_to(journal, len(journal) // 2))
    packed = kept.file.read_bytes()
    lines = gzip.decompress(packed).splitlines(keepends=True)
    for broken in (
        packed[: len(packed) // 2],
        gzip.compress(b"".join(lines[:-1])),
        gzip.compress(b"".join(lines[:3] + lines[4:])),
        gzip.compress(b"".join(lines[:1])),
        gzip.compress(b"".join([lines[0].replace(b'"offset":', b'"offset":1'), *lines[1:]])),
    ):
        kept.file.write_bytes(broken)
        with pytest.raises(FileRefused, match="cut or was changed"):
            open_snapshot(kept.file).load()
    for none in (b"", b"no gzip", gzip.compress(b"[]\n"), gzip.compress(b'{"partition":0}\n')):
        kept.file.write_bytes(none)
        with pytest.raises(FileRefused, match="this is no snapshot"):
            open_snapshot(kept.file)


def test_only_a_fitting_snapshot_is_begun_from(
    journal: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {offset: folded_to(journal, offset) for offset in (10, 30, 50)}
    for state in states.values():
        write_snapshot(tmp_path, state)
    kept, refused = kept_snapshots(tmp_path, 0, "")
    assert ([each.offset for each in kept], refused) == ([10, 30, 50], [])
    assert kept_snapshots(tmp_path, 1, "") == ([], [])
    assert "another cluster's" in kept_snapshots(tmp_path, 0, JOURNAL + ".0a1b2c3d")[1][0]
    whole, late, gone = (Beginnings(0, first, kept) for first in (0, 20, 60))
    assert [whole.latest(upto).offset for upto in (5, 10, 11, 30, 99)] == [-1, -1, 10, 10, 50]
    assert [late.latest(upto).offset for upto in (30, 31, 50)] == [30, 30, 30]
    assert (whole.earliest(99).offset, late.earliest(99).offset) == (-1, 30)
    for beginnings, upto in ((late, 25), (gone, 99)):
        with pytest.raises(StopPartition, match="no kept snapshot of it"):
            beginnings.latest(upto)
    monkeypatch.setattr(snapshots, "ENGINE", "99")
    assert len(kept_snapshots(tmp_path, 0, "")[1]) == 3
    with pytest.raises(FileRefused, match=f"the snapshot is of engine {ENGINE} .* this release is engine 99"):
        open_snapshot(kept[0].file)


@pytest.fixture(scope="module")
def exported(journals: list[list[bytes]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world's journal, as it is exported."""
    file = tmp_path_factory.mktemp("exported") / "journal.jsonl"
    lines = [
        json.dumps({"partition": partition, "offset": offset, "record": json.loads(value)}, ensure_ascii=False)
        for partition, values in enumerate(journals)
        for offset, value in enumerate(values)
    ]
    file.write_text("\n".join(lines) + "\n")
    return file


def run(*arguments: object, code: int = 0) -> str:
    """A command's output, once its exit code is the one expected."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def test_an_audit_names_all_that_touched_a_subject(journals: list[list[bytes]], exported: Path) -> None:
    partition = max(range(JOURNAL_PARTITIONS), key=lambda p: len(journals[p]))
    state = PartitionState(partition)
    expected: dict[str, dict[int, list[str]]] = {}
    for offset, value in enumerate(journals[partition]):
        folded = fold(state, offset, value)
        touched = {key.removeprefix(FILE) for key in folded.changed if key.startswith(FILE)}
        touched |= {json.loads(value)["subject"]} if "subject" in json.loads(value) else set()
        for subject in touched:
            expected.setdefault(subject, {})[offset] = []
        for effect in folded.effects:
            assert isinstance(effect, Decision | Notice)
            key = effect.match if isinstance(effect, Decision) else effect.matter
            expected.setdefault(key.subject, {}).setdefault(offset, []).append(effect.effect_id)
    for subject in sorted(expected, key=lambda s: sum(map(len, expected[s].values())))[-3:]:
        data = json.loads(run("audit", subject, "--journal", exported, "--json"))
        assert (data["partition"], data["from"], data["to"]) == (partition, -1, len(journals[partition]) - 1)
        assert {r["offset"]: [e["effect_id"] for e in r["effects"]] for r in data["records"]} == expected[subject]
        assert {r["kind"] for r in data["records"]} >= {"change", "pump"}
        said = next(record for record in data["records"] if record["kind"] == "change")
        assert said["origin"].startswith("registry.changes.")
        assert said["said"]["facts"][0].keys() == {"name", "period", "item", "value"}
        in_words = run("audit", subject, "--journal", exported)
        for record in data["records"]:
            assert f"{partition}@{record['offset']} " in in_words
            assert all(f"effect {effect['effect_id']}" in in_words for effect in record["effects"])


def test_an_audit_marks_what_had_been_taken_before(journals: list[list[bytes]], tmp_path: Path) -> None:
    partition, value = next((p, v) for p, values in enumerate(journals) for v in values if b'"change"' in v)
    twice = [*journals[partition][: journals[partition].index(value) + 1], value]
    file = tmp_path / "twice.jsonl"
    lines = [{"partition": partition, "offset": o, "record": json.loads(v)} for o, v in enumerate(twice)]
    file.write_text("\n".join(map(json.dumps, lines)))
    subject = json.loads(value)["subject"]
    records = json.loads(run("audit", subject, "--journal", file, "--json"))["records"]
    assert [(r["taken"], r["changed"]) for r in records] == [(True, True), (False, False)]
    assert "taken before" in run("audit", subject, "--journal", file)


@pytest.mark.parametrize("mistyped", ["110101199003078515", "91210100MA0TEXT00X", "12345", "张三"])
def test_a_mistyped_subject_is_not_repeated(exported: Path, mistyped: str) -> None:
    assert mistyped not in run("audit", mistyped, "--journal", exported, code=3)


def test_an_audit_of_a_broken_journal_is_refused(exported: Path, tmp_path: Path) -> None:
    nobody = "p-" + "0" * 32
    assert "0 records up to" in run("audit", nobody, "--journal", exported)
    partition = journal_partition(nobody, JOURNAL_PARTITIONS)
    lines = exported.read_text().splitlines(keepends=True)
    gap, broken = tmp_path / "gap.jsonl", tmp_path / "broken.jsonl"
    gap.write_text("".join(line for line in lines if not line.startswith(f'{{"partition": {partition}, "offset": 5,')))
    broken.write_text("no json\n")
    assert "record 6 follows 4" in run("audit", nobody, "--journal", gap, code=3)
    assert "line 1: this is no record" in run("audit", nobody, "--journal", broken, code=3)


class Ends:
    """A consumer of whom only the ends of partitions are asked: the same one until the last is come to."""

    def __init__(self, *ends: int) -> None:
        self.ends = list(ends)

    async def end_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        return dict.fromkeys(tps, end)


async def test_what_a_checkpoint_promises_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction becomes visible partition by partition: the state's may be the first."""
    committed = Ends(3, 3, 7, 9)
    await Recorded(0, "", committed, Ends(7))._readable([DECISIONS, NOTICES])
    assert committed.ends == [9]
    monkeypatch.setattr(recorded, "READABLE_WITHIN", 0.2)
    with pytest.raises(StackError, match="is its worker stuck"):
        await Recorded(0, "", Ends(3), Ends(7))._readable([DECISIONS])


async def zhida(cluster: Any, *arguments: object, code: int = 0) -> str:
    """A command against a cluster, while its workers go on."""
    return await asyncio.to_thread(run, *arguments, "--folder", cluster.folder, code=code)


async def in_january(cluster: Any) -> None:
    """The world of 1 January 2024 is decided."""
    for role in (Role.INTAKE, Role.ELIGIBILITY):
        cluster.start(role)
    await cluster.publish_catalogue()
    await cluster.publish_policies()
    await cluster.publish_events("2023-12-31", "2024-01-01")
    await cluster.advance(date(2024, 1, 1))
    await cluster.settled()


async def partition_journal(cluster: Any, partition: int) -> list[bytes]:
    lines = [json.loads(line) async for line in export_journal(cluster.bootstrap)]
    return [json.dumps(each["record"]).encode() for each in lines if each["partition"] == partition]


@pytest.mark.kafka
async def test_a_running_cluster_and_its_replays(cluster: Any) -> None:
    await in_january(cluster)
    await zhida(cluster, "snapshot")
    await cluster.publish_events("2024-01-01", "2024-03-01")
    during = json.loads(await zhida(cluster, "verify", "--json"))["partitions"]  # workers go on meanwhile
    assert [each["lines"] for each in during] == [[]] * JOURNAL_PARTITIONS
    await cluster.advance(date(2024, 3, 1))
    await cluster.settled()
    after = json.loads(await zhida(cluster, "verify", "--json"))["partitions"]
    assert [each["lines"] for each in after] == [[]] * JOURNAL_PARTITIONS
    outcome = await cluster.outcome()
    assert sum(each["effects"] for each in after) == len(outcome.effect_ids)
    assert [each["offset"] for each in after] > [each["offset"] for each in during]

    one = max(after, key=lambda each: each["effects"])["partition"]
    journal = await partition_journal(cluster, one)
    (kept,) = (cluster.folder / "snapshots").glob(f"partition-{one}-*")
    begun, end = open_snapshot(kept).offset, len(journal) - 1
    replay = ("replay", "--partition", one, "--json", "--to")
    digests = digests_in_chunks(one, journal)
    for to in (begun // 2, begun, (begun + end) // 2, end):
        replayed = json.loads(await zhida(cluster, *replay, to))
        assert (replayed["lines"], replayed["digest"]) == ([], digests[to])
        assert replayed["from"] == (-1 if to <= begun else begun)
        assert ("the committed state" in replayed["compared"]) == (to == end)
        assert (f"the snapshot {kept.name}" in replayed["compared"]) == (to == begun)
    assert json.loads(await zhida(cluster, *replay, begun, "--from", kept))["digest"] == digests[begun]
    assert "is yet to come" in await zhida(cluster, *replay, end + 1, code=3)
    assert "beyond 1" in await zhida(cluster, *replay, 1, "--from", kept, code=3)

    subject = next(d["match"]["subject"] for d in outcome.decisions if d["journal"]["partition"] == one)
    audited = json.loads(await zhida(cluster, "audit", subject, "--json"))["records"]
    told = [decision["effect_id"] for decision in outcome.decisions if decision["match"]["subject"] == subject]
    told += [notice["effect_id"] for notice in outcome.notices if notice["matter"]["subject"] == subject]
    assert sorted(effect["effect_id"] for record in audited for effect in record["effects"]) == sorted(told)

    await delete_before(cluster, one, begun + 1)  # as retention does; the snapshot stands for what is gone
    again = json.loads(await zhida(cluster, "verify", "--partition", one, "--json"))["partitions"]
    assert [(each["from"], each["lines"]) for each in again] == [(begun, [])]
    assert json.loads(await zhida(cluster, *replay, end))["digest"] == digests[end]
    assert "no kept snapshot of it goes on" in await zhida(cluster, *replay, begun - 1, code=3)
    assert f"before offset {begun + 1} is gone" in await zhida(cluster, "audit", subject)


async def delete_before(cluster: Any, partition: int, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(JOURNAL, partition): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


def digests_in_chunks(partition: int, journal: list[bytes]) -> list[str]:
    """The digest of the state at each offset, the state loaded anew after each seven records."""
    state, digests = PartitionState(partition), list[str]()
    for offset, value in enumerate(journal):
        if offset % 7 == 0:
            state = load_state(partition, canonical_records(state).items())
        fold(state, offset, value)
        digests.append(state_digest(record_digests(state)))
    return digests


@pytest.mark.kafka
async def test_what_others_wrote_is_found(cluster: Any) -> None:
    await in_january(cluster)
    cluster.workers[1].stop()  # so that the state topic stays as it is left here
    outcome = await cluster.outcome()
    decision = next(d for d in outcome.decisions if d["match"]["subject"].startswith("9"))
    partition, subject = decision["journal"]["partition"], decision["match"]["subject"]
    before = json.loads(await zhida(cluster, "verify", "--partition", partition, "--json"))["partitions"]
    assert [each["lines"] for each in before] == [[]]
    to = before[0]["offset"]
    notice = next(n for n in outcome.notices if n["effect_id"].startswith(f"{partition}:"))
    state = (await cluster.states())[partition]
    altered = next(record for record in state.records.values() if record != state.records[subject])
    invented = notice | {"effect_id": notice["effect_id"].rsplit(":", 1)[0] + ":999"}
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
    await producer.start()
    try:
        for topic, key, value in (
            (DECISIONS, "|".join(decision["match"].values()), json.dumps(decision).encode()),
            (NOTICES, notice["matter"]["subject"], json.dumps(invented).encode()),
            (STATE, FILE + subject, altered),
            (STATE, "ckpt", canonical_records(state)["ckpt"]),
        ):
            await producer.send_and_wait(topic, value, key.encode(), partition=partition)
    finally:
        await producer.stop()
    data = json.loads(await zhida(cluster, "verify", "--json", code=1))["partitions"]
    assert [each["partition"] for each in data if each["lines"]] == [partition]
    assert data[partition]["differences"] == {"duplicate": 1, "invented": 1, "state": 1}
    assert any(f"another record {FILE + subject}" in line for line in data[partition]["lines"])
    replayed = await zhida(cluster, "replay", "--partition", partition, "--to", to, code=1)
    assert replayed.count("duplicate: ") == replayed.count("invented: ") == replayed.count("state: the committed") == 1
