"""State records: versioned, and loading them in any order gives the state they were taken from."""

import json
from datetime import date
from typing import Any

import pytest

from eligibility.errors import StopPartition
from eligibility.file_record import SCHEMA, Names, decode_file, encode_file
from eligibility.partition_state import PartitionState
from eligibility.state import canonical_records, load_state
from eligibility.subject_file import SubjectFile
from schemas.catalogue import FactDeclaration

NAMES = {"zh": "事实", "en": "fact"}
LISTS = [{"name": name, "title": NAMES, "provider": "finance"} for name in ("hires", "receipts")]
FACTS = [
    FactDeclaration(name=name, title=NAMES, provider="finance", type=type_, list=listed)
    for name, type_, listed in [
        ("licence_to", "date", None),
        ("hire_age", "integer", "hires"),
        ("receipt_policy", "identifier", "receipts"),
        ("receipt_item", "identifier", "receipts"),
        ("receipt_period", "identifier", "receipts"),
        ("receipt_amount", "decimal", "receipts"),
        ("receipt_date", "date", "receipts"),
    ]
]
COMPLETE = [{"name": "hires", "as_of": "2024-01-01"}]
CALENDARS = [{"year": 2024, "days_off": ["2024-01-01"], "working_days": ["2024-02-04"]}]
LICENSED = {"fact": "licence_to", "not_past": True}
RULES = [
    {"when": {"fact": "hire_age", "above": 25}, "benefit": {"grants": NAMES}},
    {"benefit": {"fixed": "1000"}},
]


@pytest.fixture
def records(partition: Any, world: Any) -> dict[str, bytes]:
    """Something of everything: facts of each type, rosters, matches, pushes, amended and withdrawn policies; items,
    complete lists, a calendar; reminders given, facts named as missing, certificates, receipts."""
    us, other = world.subjects[:2]
    partition.declare(FACTS, lists=LISTS, complete=COMPLETE, calendars=CALENDARS)
    for subject in (us, other):
        partition.settled_in(subject)
    partition.change(us, industry="K7010", established_on="2020-02-29")
    partition.change(us, staff=8, premium={"2023": "700.01", "2024": "-0.000001"})
    partition.change(us, honest=False)
    partition.publish(*map(world.document, world.policies))
    partition.publish(world.policy("SOON", valid={"from": "2024-01-01", "to": "2024-01-20"}))  # pushed, not reminded of
    partition.roster(us, 1, item="cert-1", grade="A", amount="1.50")
    partition.roster(other, 1, member=False)
    partition.drain()
    partition.tick("2024-01-10")
    partition.publish(world.document("SMALL", 2), action="amend", effective_at="2024-03-01")
    partition.withdraw("AGED", effective_at="2024-04-01")
    partition.publish(world.policy("WORK", for_each="hires", conditions=LICENSED, rules=RULES))
    partition.change(us, licence_to="2024-07-13", hire_age={"h1": 20, "h2": 30})
    partition.change(us, receipt_policy={"r1": "WORK"}, receipt_item={"r1": "h1"})
    partition.drain()
    partition.until("2024-01-16")  # the digest after the one missing fact, and the reminder of a certificate
    partition.raw(b"no record")
    partition.pump()
    return canonical_records(partition.state)


def test_loaded_is_what_was_kept(records: dict[str, bytes]) -> None:
    assert len(records) == 2 + 9 + 3
    assert canonical_records(load_state(0, records.items())) == records


def test_there_is_something_of_everything(records: dict[str, bytes], partition: Any, world: Any) -> None:
    """Or that it comes back would say nothing."""
    file = partition.state.files[world.subjects[0]]
    assert {key.item for key in file.facts} == {"-", "h1", "h2", "r1"}
    matches = file.matches.values()
    assert {match.received for match in matches} == {True, False}
    assert {match.certificate_to for match in matches} == {None, date(2024, 7, 13)}
    assert {match.amount for match in matches} >= {"1000.00", None}
    assert any(told.reminded for told in file.told.values())
    wanting = [wanting for each in partition.state.files.values() for wanting in each.wanting.values()]
    assert {each.told for each in wanting} == {True}
    known = partition.state.registry.catalogue
    assert known.lists.keys() == {"hires", "receipts"}
    assert (known.complete, list(known.calendars)) == ({"hires": date(2024, 1, 1)}, [2024])
    assert any(v.document is None for v in partition.state.registry.policies["AGED"].versions)


def test_policies_come_back_whole(records: dict[str, bytes], partition: Any) -> None:
    def whole(state: PartitionState) -> dict[str, Any]:
        policies = state.registry.policies
        return {
            name: [(v.document, v.effective_at, v.acts_from) for v in policies[name].versions]
            for name in sorted(policies)
        }

    loaded = load_state(0, records.items())
    assert whole(loaded) == whole(partition.state)
    assert loaded.registry.catalogue == partition.state.registry.catalogue


def test_the_order_of_records_does_not_matter(records: dict[str, bytes]) -> None:
    assert canonical_records(load_state(0, list(records.items())[::-1])) == records


def test_the_last_record_of_a_key_counts(records: dict[str, bytes], partition: Any, world: Any) -> None:
    us = f"f/{world.subjects[0]}"
    older = (us, encode_file(SubjectFile(world.subjects[0]), partition.state.names))
    assert canonical_records(load_state(0, [older, *records.items()])) == records


def test_a_file_comes_back_as_it_was(records: dict[str, bytes], partition: Any, world: Any) -> None:
    for subject, file in partition.state.files.items():
        names = partition.state.names
        back = decode_file(subject, encode_file(file, names), names)
        assert back == file
        assert {k: type(v.value) for k, v in back.facts.items()} == {k: type(v.value) for k, v in file.facts.items()}


def test_every_record_names_the_schema(records: dict[str, bytes]) -> None:
    files = {key for key in records if key.startswith("f/")}
    assert {records[key][0] for key in files} == {SCHEMA}
    assert {json.loads(records[key])["schema"] for key in records.keys() - files} == {SCHEMA}


@pytest.mark.parametrize("key", ["ckpt", "catalogue", "names", "p/SMALL", "f/"])
def test_a_record_of_another_schema_stops(records: dict[str, bytes], key: str) -> None:
    key = next(name for name in records if name.startswith(key))
    if key.startswith("f/"):
        records[key] = bytes([2]) + records[key][1:]
    else:
        records[key] = records[key].replace(b'"schema":4', b'"schema":2')
    with pytest.raises(StopPartition, match="schema 2; this release reads 4"):
        load_state(0, records.items())


def test_without_the_names_of_a_file_it_stops(records: dict[str, bytes]) -> None:
    del records["names"]
    state = load_state(0, records.items())
    with pytest.raises(StopPartition, match="which has 0 names"):
        state.sort()
    with pytest.raises(StopPartition, match="which has 0 names"):
        dict(state.files)


def test_without_a_checkpoint_nothing_is_known(records: dict[str, bytes]) -> None:
    del records["ckpt"]
    assert canonical_records(load_state(3, records.items())) == canonical_records(PartitionState(3))


def test_records_do_not_depend_on_the_order_facts_came_in(world: Any) -> None:
    def file(*facts: dict[str, Any]) -> bytes:
        partition = world.partition().begin()
        for ordinal, fact in enumerate(facts):
            partition.change(world.subjects[0], version=ordinal + 1 if "staff" in fact else 1, **fact)
        return encode_file(partition.state.files[world.subjects[0]], names)

    names = Names()
    one = file({"kind": "person"}, {"honest": True})
    assert one == file({"honest": True}, {"kind": "person"})


def test_a_statement_after_a_policy_does_not_keep_it_from_loading(partition: Any, world: Any) -> None:
    """Whatever statements the registry takes, the state it gives can be loaded."""
    partition.publish(world.document("SMALL"))
    kind = world.catalogue.facts["kind"]
    narrow = kind.model_copy(update={"codes": {"person": kind.codes["person"]}})
    partition.declare([narrow])
    records = canonical_records(partition.state)
    assert canonical_records(load_state(0, records.items())) == records
