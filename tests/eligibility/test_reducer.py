"""The fold: what is taken once, what is skipped, what stops the partition, and what is quarantined."""

from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest

import eligibility.reducer
import eligibility.settle
from eligibility.errors import Refused, StopPartition
from eligibility.partition_state import BUCKETS, bucket_of
from eligibility.reducer import QUARANTINED_AT_MOST, fold
from eligibility.settle import settle
from eligibility.state import canonical_records
from schemas.catalogue import CatalogueStatement
from schemas.events import DeliveryReceipt, SubjectCommand
from schemas.journal import CommandEntry, ControlEntry, Epoch, PolicyControl, Pump, ReceiptEntry, Tick
from schemas.rejected import RejectCode

KEY = "A" * 43 + "="


@pytest.fixture
def us(world: Any) -> str:
    return world.subjects[0]


@pytest.fixture
def running(partition: Any, world: Any, us: str) -> Any:
    """One enterprise, SMALL rolled out, on 2024-01-01."""
    partition.settled_in(us)
    partition.publish(world.document("SMALL"))
    partition.drain()
    return partition


def without_position(partition: Any) -> dict[str, bytes]:
    records = canonical_records(partition.state)
    del records["ckpt"]
    return records


# ——— once ———


def test_an_offset_already_folded_is_skipped(running: Any, us: str) -> None:
    running.change(us, staff=20)
    before = canonical_records(running.state)
    for offset, value in enumerate(running.log):
        folded = fold(running.state, offset, value)
        assert (folded.effects, folded.changed) == ([], set())
    assert canonical_records(running.state) == before


def test_a_record_of_an_origin_already_taken_is_skipped(running: Any, us: str) -> None:
    running.change(us, staff=20)
    copy = running.log[-1]
    running.change(us, staff=40)
    before = without_position(running)
    assert running.raw(copy) == []
    assert running.raw(running.log[-2]) == []
    assert without_position(running) == before


def test_ordinals_of_one_source_record_are_taken_in_turn(running: Any, us: str, world: Any) -> None:
    running.change(us, staff=20)
    split = running.log[-1].replace(b'"ordinal":0', b'"ordinal":1').replace(b'"version":1', b'"version":2')
    assert world.said(running.raw(split.replace(b",20]", b",25]"))) == ["SMALL eligible"]
    assert running.raw(split.replace(b",20]", b",40]")) == []


def test_a_topic_created_anew_is_another_origin(running: Any, us: str, world: Any) -> None:
    running.change(us, staff=20)
    anew = running.log[-1].replace(b'"source"', b'"source-2"').replace(b'"version":1', b'"version":2')
    assert world.said(running.raw(anew.replace(b",20]", b",25]"))) == ["SMALL eligible"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_stale_or_repeated_provider_version_changes_nothing(running: Any, us: str, version: int) -> None:
    running.change(us, version=2, staff=20)
    before = without_position(running)
    assert running.change(us, version=version, staff=40) == []
    assert without_position(running) == before


def test_each_provider_counts_its_own_versions(running: Any, us: str, world: Any) -> None:
    running.change(us, version=7, honest=True)
    assert "SMALL eligible" in world.said(running.change(us, version=1, staff=20))


def test_a_control_sequence_already_taken_is_skipped(running: Any, world: Any) -> None:
    controls = [value for value in running.log if b'"kind":"control"' in value]
    before = without_position(running)
    for value in controls:
        assert running.raw(value) == []
    assert without_position(running) == before
    assert not running.state.open_work


@pytest.mark.parametrize("ahead", [1, 2, 100])
def test_a_gap_in_the_control_sequence_stops_the_partition(running: Any, world: Any, ahead: int) -> None:
    expected = running.state.registry.sequence + 1
    before = canonical_records(running.state)
    with pytest.raises(StopPartition, match=f"control sequence {expected + ahead} follows {expected - 1}"):
        running.control(Tick(at=world.moment("2024-02-01")), sequence=expected + ahead)
    assert canonical_records(running.state) == before


def test_an_epoch_of_another_engine_stops_the_partition(running: Any, world: Any) -> None:
    epoch = Epoch(engine="0", clock="wall", now=world.moment("2024-02-01"), authority_key=KEY)
    with pytest.raises(StopPartition, match="needs the release of engine 0"):
        running.control(epoch)


@pytest.fixture
def one_per_pump(running: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Three enterprises, of which a pump takes one."""
    monkeypatch.setattr(eligibility.reducer, "SUBJECTS_PER_PUMP", 1)
    for subject in world.subjects[1:]:
        running.settled_in(subject)
    return running


def test_a_pump_is_consumed_once(one_per_pump: Any, world: Any) -> None:
    one_per_pump.publish(world.policy("OPEN"))
    assert one_per_pump.state.buckets_left == BUCKETS
    assert len(one_per_pump.pump()) == 2
    consumed, left = one_per_pump.state.pump, one_per_pump.state.buckets_left
    assert 0 < left < BUCKETS
    for n in (consumed, 1):
        assert one_per_pump.record(Pump(n=n)) == []
    assert (one_per_pump.state.pump, one_per_pump.state.buckets_left) == (consumed, left)
    assert len(one_per_pump.record(Pump(n=consumed + 1))) == 2


def test_a_roll_out_reaches_every_bucket_in_turn(one_per_pump: Any, world: Any) -> None:
    one_per_pump.pump()
    first = one_per_pump.state.next_bucket
    one_per_pump.publish(world.policy("OPEN"))
    reached = [decision.match.subject for decision, _ in (one_per_pump.pump() for _ in world.subjects)]
    assert reached == sorted(world.subjects, key=lambda subject: (bucket_of(subject) - first) % BUCKETS)
    assert one_per_pump.drain() == []
    assert one_per_pump.state.buckets_left == 0


def test_a_slice_is_of_many_subjects(running: Any, world: Any) -> None:
    for subject in world.subjects[1:]:
        running.settled_in(subject)
    running.publish(world.policy("OPEN"))
    assert len(running.pump()) == 6
    assert not running.state.open_work


def test_a_change_of_rules_during_a_roll_out_starts_the_count_anew(one_per_pump: Any, world: Any) -> None:
    one_per_pump.publish(world.policy("OPEN"))
    one_per_pump.pump()
    one_per_pump.publish(world.policy("WIDE"))
    assert one_per_pump.state.buckets_left == BUCKETS
    pushed = [said.split()[0] for said in world.said(one_per_pump.drain()) if said.endswith("push eligible")]
    assert sorted(pushed) == ["OPEN", "OPEN", "WIDE", "WIDE", "WIDE"]


def test_what_is_due_comes_by_due_time_and_not_all_in_one_pump(one_per_pump: Any, world: Any) -> None:
    """Before the buckets of the roll-out that the same tick opens."""
    one_per_pump.widened().publish(world.document("LICENCE"))
    days = ["2024-03-03", "2024-03-01", "2024-03-02"]
    for subject, day in zip(world.subjects, days, strict=True):
        one_per_pump.change(subject, staff=40)  # or SMALL's digest would be due, too
        one_per_pump.change(subject, licence_to=day)
    one_per_pump.drain()
    one_per_pump.tick("2024-04-01")
    reached = [one_per_pump.pump()[-1].matter.subject for _ in days]
    assert reached == [world.subjects[place] for place in (1, 2, 0)]
    assert one_per_pump.drain() == []


def test_a_pump_with_nothing_open_does_nothing(running: Any) -> None:
    before = without_position(running)
    assert running.pump() == []
    assert without_position(running) == before


def test_only_what_changed_is_written(running: Any, us: str) -> None:
    running.changed.clear()
    running.tick("2024-01-02")
    running.pump()
    assert running.changed == set()
    running.change(us, staff=20)
    assert running.changed == {f"f/{us}", "names"}  # of staff, and who says so, no file has told before
    running.changed.clear()
    running.change(us, staff=25)
    assert running.changed == {f"f/{us}"}


def test_before_the_first_epoch_facts_are_kept_and_nothing_is_decided(world: Any, us: str) -> None:
    partition = world.partition()
    partition.settled_in(us)
    assert partition.change(us, staff=20) == []
    assert partition.pump() == []
    partition.begin()
    partition.publish(world.document("SMALL"))
    assert world.said(partition.drain()) == ["SMALL eligible", "SMALL push eligible"]


def test_commands_and_receipts_of_an_unknown_subject_leave_no_file(running: Any, world: Any) -> None:
    stranger, moment = world.subjects[1], world.moment("2024-01-01")
    command = SubjectCommand(command="subscribe", issued_at=moment)
    receipt = DeliveryReceipt(notice="0:x:0", gateway="inbox", status="seen", at=moment)
    for model, data in ((CommandEntry, command), (ReceiptEntry, receipt)):
        entry = model(origin=running.origin(), arrived_at=moment, subject=stranger, data=data)
        assert running.record(entry) == []
    assert stranger not in running.state.files


# ——— quarantine ———


def test_bytes_that_are_no_record_are_quarantined_and_counted(running: Any) -> None:
    before = without_position(running)
    (rejected,) = running.raw(b'{"kind": "nonsense"}')
    assert (rejected.code, rejected.topic) == (RejectCode.QUARANTINED, "eligibility.journal.v1")
    assert (rejected.origin.partition, rejected.origin.offset) == (0, len(running.log) - 1)
    assert b64decode(rejected.value) == b'{"kind": "nonsense"}'
    assert without_position(running) == before
    assert running.state.quarantined == 1
    assert running.state.offset == len(running.log) - 1


@pytest.mark.parametrize("failing", ["settle", "_apply"])
def test_of_a_record_on_which_the_engine_fails_nothing_is_applied(
    running: Any, us: str, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError("the engine's own mistake")

    before, high_waters = without_position(running), dict(running.state.high_waters)
    with monkeypatch.context() as patched:
        patched.setattr(eligibility.reducer, failing, fail)
        (rejected,) = running.change(us, staff=20)
    assert rejected.code is RejectCode.QUARANTINED
    assert "ZeroDivisionError" in rejected.text
    assert without_position(running) == before
    assert running.state.high_waters == high_waters
    assert len(running.change(us, staff=20)) == 2  # the records behind it go on


def test_of_a_pump_on_which_the_engine_fails_nothing_is_applied(
    running: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_on_the_last(file: Any, *args: Any) -> Any:
        if file.subject == world.subjects[2]:
            raise ZeroDivisionError("the engine's own mistake")
        return settle(file, *args)

    for subject in world.subjects[1:]:
        running.settled_in(subject)
    for subject in world.subjects:
        running.change(subject, staff=40)  # or SMALL's digest would be due, too
    running.publish(world.policy("OPEN", valid={"from": "2024-02-01"}))
    running.drain()
    running.tick("2024-02-01")  # now all three are due in one pump
    before = without_position(running)
    with monkeypatch.context() as patched:
        patched.setattr(eligibility.settle, "settle", fail_on_the_last)
        (rejected,) = running.pump()
    assert rejected.code is RejectCode.QUARANTINED
    assert without_position(running) == before
    assert len(running.pump()) == 6  # the same number again: it was not consumed


def test_a_refused_control_record_does_not_stop_those_behind_it(running: Any, world: Any) -> None:
    """Every partition refuses it alike, so every partition can go on without it."""
    odd = world.policy("ODD", conditions={"fact": "nowhere", "equals": True})
    publication = {"action": "publish", "policy": odd, "effective_at": world.moment("2024-01-01"), "reason": "odd"}
    record = PolicyControl(origin=running.origin("publications"), policy_id="ODD", publication=publication)
    sequence = running.state.registry.sequence + 1
    (rejected,) = running.control(record, sequence=sequence)
    assert rejected.code is RejectCode.BAD_POLICY
    assert running.state.quarantined == 0
    assert "ODD" not in running.state.registry.policies
    running.control(Tick(at=world.moment("2024-02-01")), sequence=sequence + 1)
    assert running.state.registry.now == world.moment("2024-02-01")


def test_receipts_of_which_only_a_part_is_declared_stop_nobody(world: Any, us: str) -> None:
    """The engine reads them by name for every policy: what is left out is unknown, or refused."""
    facts = {"name": "receipt_policy", "provider": "finance", "type": "identifier", "list": "receipts"}
    listed = {"name": "receipts", "provider": "finance"}
    title = {"zh": "收据", "en": "receipts"}
    statement = {"facts": [{**facts, "title": title}], "lists": [{**listed, "title": title}]}
    statement |= {"effective_at": world.moment("2024-01-01")}
    partition = world.partition().begin()
    try:
        partition.state.registry.with_statement(CatalogueStatement.model_validate(statement))
    except Refused:
        return
    partition.declare(**{name: given for name, given in statement.items() if name != "effective_at"})
    partition.publish(world.policy("OPEN"))
    partition.settled_in(us)
    assert world.said(partition.receipt(us, policy="OTHER")) == []


def test_ten_are_quarantined_and_the_eleventh_stops_the_partition(running: Any) -> None:
    assert QUARANTINED_AT_MOST == 10
    for _ in range(10):
        assert len(running.raw(b"no record")) == 1
    before = canonical_records(running.state)
    with pytest.raises(StopPartition, match="10 are quarantined already: this needs a person"):
        running.raw(b"no record")
    assert canonical_records(running.state) == before


def test_a_stop_is_no_quarantine(running: Any, world: Any) -> None:
    sequence = running.state.registry.sequence
    gap = ControlEntry(sequence=sequence + 9, record=Tick(at=world.moment("2024-02-01") + timedelta(days=1)))
    with pytest.raises(StopPartition):
        running.record(gap)
    assert running.state.quarantined == 0


def test_a_pump_that_fails_is_tried_again_and_in_the_end_stops_the_partition(
    running: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number is consumed, or the owner would wait for it for ever and append no other."""

    def fail(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError("the engine's own mistake")

    running.publish(world.policy("OPEN"))
    with monkeypatch.context() as patched:
        patched.setattr(eligibility.reducer, "_bring_up", fail)
        before = running.state.pump
        with pytest.raises(StopPartition):
            for n in range(before + 1, before + 13):
                running.record(Pump(n=n))
    assert running.state.pump == before + 10
