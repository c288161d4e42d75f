"""The example world: the same for the same seed, valid, and on both sides of what policies turn on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from stdnum.cn import ric, uscc

from eligibility.catalogue import Catalogue
from eligibility.compile import compile_policy
from eligibility.evaluate import evaluate, view_of
from eligibility.registry import Registry
from eligibility.subject_file import NO_ITEM, NO_PERIOD, FactKey, SubjectFile
from eligibility.values import parse
from schemas.catalogue import CatalogueStatement, FactDeclaration
from schemas.cloudevents import Attributes
from schemas.events import RegistryChange, RosterEntry
from schemas.identifiers import check_subject
from schemas.industries import is_industry
from schemas.policy import Policy
from schemas.regions import REGIONS
from schemas.topics import CATALOGUE, PROVIDERS, changes_topic
from zhida.world import generate, write
from zhida.world.credit_codes import credit_code
from zhida.world.gaps import MISSING, SILENT

SUBJECTS, SEED = 2000, 7
EXAMPLES = Path(__file__).parents[2] / "examples"
DEPARTMENTS = {"SY-GXQ-GQJL": "shenyang-hightech-zone", "SX-2024-ZJTX": "example-county"}
Event = dict[str, Any]

ONLY_THE_LISTED = {"above_scale", "restricted_sector", "wage_arrears", "insurance_arrears", "dishonest_list"}
"""Facts of complete lists: who is not on one is not told of, but for those who leave it."""

BEFORE_THE_WORLD = {"CN-2022-WGFH", "LN-2016-CYDK", "LN-2020-CYDK"}
"""Predecessors, whose time was over, or nearly, when the world began."""

JUDGED_ON = {
    "CN-2024-WGFH": date(2024, 12, 2),
    "CN-2024-JNTS": date(2024, 12, 2),
    "CN-2025-KGBZ": date(2025, 12, 2),
    "SY-2025-KFSG": date(2025, 12, 2),
}
"""Where 2025-01-01 would be past the end, or before anything can have come of it."""


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(generate(SUBJECTS, SEED))


@pytest.fixture(scope="module")
def changes(events: list[Event]) -> list[Event]:
    return [event for event in events if event["type"] != "roster.entries"]


@pytest.fixture(scope="module")
def rosters(events: list[Event]) -> list[Event]:
    return [event for event in events if event["type"] == "roster.entries"]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The example catalogue with its complete lists."""
    registry = Registry()
    for name in ("facts", "complete-lists"):
        listed = yaml.safe_load((EXAMPLES / "catalogue" / f"{name}.yaml").read_text(encoding="utf-8"))
        registry = registry.with_statement(CatalogueStatement.model_validate(listed))
    return registry.catalogue


@pytest.fixture(scope="module")
def items(changes: list[Event]) -> dict[tuple[str, str], Event]:
    """The latest known of every item, by subject and item; what was retracted is gone."""
    known: dict[tuple[str, str], Event] = defaultdict(dict)
    for event in in_order(changes):
        for name, given in event["data"]["facts"].items():
            for label, value in given.items() if isinstance(given, dict) else ():
                if label[1] == "-":
                    known[event["subject"], label][name] = value
    held = {key: {n: value for n, value in facts.items() if value is not None} for key, facts in known.items()}
    return {key: facts for key, facts in held.items() if facts}


def in_order(changes: list[Event]) -> list[Event]:
    """The changes without the stale ones."""
    latest: Counter[tuple[str, str]] = Counter()
    valid = []
    for event in changes:
        key = (event["source"], event["subject"])
        if event["data"]["version"] > latest[key]:
            latest[key] = event["data"]["version"]
            valid.append(event)
    return valid


@pytest.fixture(scope="module")
def start(changes: list[Event]) -> dict[str, Event]:
    """What is known of each subject when 2024 begins."""
    known: dict[str, Event] = defaultdict(dict)
    for event in changes:
        if event["time"] < "2024":
            known[event["subject"]] |= event["data"]["facts"]
    return known


def test_every_event_is_valid(events: list[Event]) -> None:
    event_types = {topic.event_type for topic in CATALOGUE.values()}
    for event in events:
        data = event["data"]
        attributes = Attributes.model_validate({name: value for name, value in event.items() if name != "data"})
        assert attributes.type in event_types
        if attributes.type == "roster.entries":
            assert attributes.source == f"/departments/{DEPARTMENTS[data['policy']]}"
            RosterEntry.model_validate(data)
        else:
            provider = attributes.source.removeprefix("/registries/")
            assert CATALOGUE[changes_topic(provider)].event_type == attributes.type
            RegistryChange.model_validate(data)
            assert data["facts"].keys() <= MISSING.keys()
            assert data["effective_at"] <= event["time"]


def test_facts_are_those_of_the_catalogue(changes: list[Event], catalogue: Catalogue) -> None:
    """Every declared fact is said by somebody, by its provider, in its form; nothing else is."""
    said = Counter(name for event in changes for name in event["data"]["facts"])
    assert said.keys() == MISSING.keys() == catalogue.facts.keys()
    assert SILENT.keys() == set(PROVIDERS)
    for event in changes:
        for name, given in event["data"]["facts"].items():
            declared = catalogue.facts[name]
            assert event["source"] == f"/registries/{declared.provider}"
            if given is not None:
                assert isinstance(given, dict) == bool(declared.period or declared.list), name
            for label, value in parts(given):
                assert value is None or parse(declared, value) is not None
                assert label is None or PERIOD[declared.period].fullmatch(label), (name, label)


PERIOD = {
    None: re.compile(r"[hcril]-[0-9]{4}"),
    "year": re.compile(r"20[0-9]{2}"),
    "quarter": re.compile(r"20[0-9]{2}Q[1-4]"),
    "month": re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])"),
}


def parts(given: Any) -> list[tuple[str | None, Any]]:
    """A fact's values with their periods or items."""
    return list(given.items()) if isinstance(given, dict) else [(None, given)]


def test_only_the_listed_are_told_of(start: dict[str, Event], changes: list[Event]) -> None:
    assert all(facts[name] is True for facts in start.values() for name in ONLY_THE_LISTED & facts.keys())
    told = Counter(name for facts in start.values() for name in ONLY_THE_LISTED & facts.keys())
    assert told.keys() == ONLY_THE_LISTED
    left = [name for event in changes for name in ONLY_THE_LISTED if event["data"]["facts"].get(name) is False]
    assert {"above_scale", "dishonest_list"} <= set(left)


def test_no_number_of_a_person(events: list[Event]) -> None:
    persons = {event["subject"] for event in events if event["subject"].startswith("p-")}
    assert 0.11 < len(persons) / SUBJECTS < 0.13
    said = {name for event in events if event["subject"] in persons for name in event["data"]["facts"]}
    allowed = {"household_region", "premium_months_paid", "drawing_unemployment_benefit"}
    assert {name for name in said if not name.startswith(("certificate_", "receipt_"))} == allowed
    for event in events:
        for word in re.findall(r"[0-9]{17}[0-9Xx]", json.dumps(event)):
            assert not ric.is_valid(word) or uscc.is_valid(word)


def test_items_are_of_one_piece(items: dict[tuple[str, str], Event], catalogue: Catalogue) -> None:
    """An item has facts of one list only, and what is asked of every one of them."""
    needed = {
        "h": ("hires", "hired_on"),
        "c": ("certificates", None),
        "r": ("receipts", "receipt_policy"),
        "i": ("incidents", "incident_on"),
        "l": ("loans", "loan_applied_on"),
    }
    kinds = Counter(item[0] for _, item in items)
    assert kinds.keys() == needed.keys()
    for (subject, item), facts in items.items():
        assert {catalogue.facts[name].list for name in facts} == {needed[item[0]][0]}
        assert needed[item[0]][1] is None or needed[item[0]][1] in facts
        assert subject.startswith("p-") or item[0] != "c"
        if "hire_graduated_on" in facts and "hire_group" in facts:
            assert facts["hire_group"] == "graduate"
        assert facts.get("certificate_level", 3) in (2, 3, 4, 5)
        if item[0] == "r":
            assert facts.keys() >= {"receipt_policy", "receipt_amount", "receipt_date"}
            assert Decimal(facts["receipt_amount"]) > 0
            of = facts.get("receipt_item")
            assert of is None or of[1] != "-" or (subject, of) in items
    trades = Counter(
        (subject, facts.get("certificate_trade")) for (subject, item), facts in items.items() if item[0] == "c"
    )
    years = Counter(
        (subject, facts.get("certificate_issued_on", "")[:4])
        for (subject, item), facts in items.items()
        if item[0] == "c"
    )
    assert max(trades.values()) >= 2 and max(years.values()) > 3


def test_a_hire_is_insured_for_longer_and_longer(changes: list[Event]) -> None:
    paid: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in in_order(changes):
        for item, months in event["data"]["facts"].get("hire_insured_months", {}).items():
            paid[event["subject"], item].append(months)
    assert all(months == sorted(months) for months in paid.values())
    assert sum(min(months) < 3 <= max(months) for months in paid.values()) > 50


def test_incidents_are_rare_and_some_are_struck_off(changes: list[Event]) -> None:
    incidents = [event for event in changes if "incident_on" in event["data"]["facts"]]
    found = {event["subject"] for event in incidents}
    gone = [event for event in incidents if set(event["data"]["facts"]["incident_on"].values()) == {None}]
    assert 10 <= len(found) <= 0.04 * SUBJECTS
    assert gone and all(set(event["data"]["facts"]["incident_major"].values()) == {None} for event in gone)


def test_officers_answer_later(changes: list[Event], catalogue: Catalogue) -> None:
    checked = {name for name, declared in catalogue.facts.items() if declared.officer_checked}
    answers = [event for event in changes if checked & event["data"]["facts"].keys()]
    assert all(event["time"] >= "2024" for event in answers)
    assert 20 < len({event["subject"] for event in answers}) < SUBJECTS / 6


def test_every_policy_finds_all_three_verdicts(events: list[Event], catalogue: Catalogue) -> None:
    documents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (EXAMPLES / "policies").glob("*.yaml")]
    policies = [Policy.model_validate(document) for document in documents]
    wanted = {policy.id: policy for policy in policies if policy.id not in BEFORE_THE_WORLD}
    for day in sorted({*JUDGED_ON.values(), date(2025, 1, 1)}):
        files = files_on(day, events, catalogue)
        for name, policy in wanted.items():
            if JUDGED_ON.get(name, date(2025, 1, 1)) == day:
                compiled = compile_policy(policy, catalogue)
                seen: set[bool | None] = set()
                for file in files:
                    if len(seen) < 3:
                        seen |= {found.eligible for found in evaluate(compiled, view_of(file, catalogue, day))}
                assert seen == {True, False, None}, name


def files_on(day: date, events: list[Event], catalogue: Catalogue) -> list[SubjectFile]:
    """What is known of every subject when a day begins."""
    files: dict[str, SubjectFile] = {}
    at = datetime(2023, 12, 31, tzinfo=UTC)
    for event in events:
        if event["time"] >= day.isoformat():
            break
        sender, data = event["source"].rsplit("/", 1)[1], event["data"]
        file = files.get(event["subject"]) or SubjectFile(event["subject"])
        if event["type"] == "roster.entries":
            files[event["subject"]] = file.with_roster_entry(sender, RosterEntry.model_validate(data))
        elif data["version"] > file.versions.get(sender, 0):
            values = {
                key_of(catalogue.facts[name], label): None if value is None else parse(catalogue.facts[name], value)
                for name, given in data["facts"].items()
                for label, value in parts(given)
            }
            files[event["subject"]] = file.with_facts(sender, data["version"], values, at, at)
    return list(files.values())


def key_of(declared: FactDeclaration, label: str | None) -> FactKey:
    """Where a value of a fact is kept."""
    period = label if label and declared.period else NO_PERIOD
    return FactKey(declared.name, period, label if label and declared.list else NO_ITEM)


def test_sorted_by_time_within_the_world(events: list[Event]) -> None:
    times = [event["time"] for event in events]
    assert times == sorted(times)
    assert times[0] == "2023-12-31T02:00:00Z"
    assert all(time.startswith(("2023-12-31T", "2024", "2025")) for time in times)
    assert len({event["id"] for event in events}) == len(events)


def test_codes_are_valid_and_say_kind_and_place(events: list[Event], start: dict[str, Event]) -> None:
    assert len({event["subject"] for event in events}) == SUBJECTS
    for subject in {event["subject"] for event in events}:
        check_subject(subject)
    for subject, facts in start.items():
        if "kind" in facts:
            assert subject[:2] == ("92" if facts["kind"] == "individual_business" else "91")
        if "region" in facts:
            region = facts["region"]
            assert region in REGIONS and len(region) == 6
            assert subject[2:8] == (region if region.isdigit() else region[:4] + "00")
        assert "industry" not in facts or is_industry(facts["industry"])


def test_codes_are_unique_in_a_large_world() -> None:
    codes = {credit_code(index, SEED, False, "2101G1") for index in range(50_000)}
    assert len(codes) == 50_000
    assert all(uscc.is_valid(code) and code[2:8] == "210100" for code in list(codes)[:100])


def test_versions_rise_but_for_the_stale_ones(changes: list[Event], tmp_path: Path) -> None:
    latest: Counter[tuple[str, str]] = Counter()
    told: dict[tuple[str, str, int], Event] = {}
    stale = repeated = 0
    for event in changes:
        key, data = (event["source"], event["subject"]), event["data"]
        if data["version"] > latest[key]:
            latest[key] = data["version"]
        else:
            stale += 1
            first = told.get((*key, data["version"]))
            repeated += first is not None
            assert first is None or first["facts"] != data["facts"]
        told.setdefault((*key, data["version"]), data)
    summary = write(tmp_path, SUBJECTS, SEED)
    assert stale == summary.stale
    assert 0.004 < stale / summary.changes < 0.02
    assert repeated > 0


def test_both_sides_of_the_thresholds(start: dict[str, Event]) -> None:
    def values(name: str) -> list[Any]:
        return [facts[name] for facts in start.values() if name in facts]

    def sales(name: str) -> list[Decimal]:
        return [Decimal(value) for periods in values(name) for value in periods.values()]

    for name, limit in (("quarterly_sales", 300_000), ("monthly_sales", 100_000)):
        near = [value for value in sales(name) if abs(value - limit) <= limit / 10]
        assert any(value < limit for value in near) and any(value > limit for value in near)
        assert limit in near
    assert {29, 30, 31} <= set(values("employees_in_post"))
    assert {11, 12, 13} <= set(values("premium_months_paid"))
    layoff: dict[bool, list[float]] = {True: [], False: []}
    disabled = []
    for facts in start.values():
        if facts.keys() >= {"insured_staff", "new_unemployment_recipients"} and any(facts["insured_staff"].values()):
            mean = sum(facts["insured_staff"].values()) / len(facts["insured_staff"])
            layoff[mean <= 30].append(facts["new_unemployment_recipients"]["2023"] / mean)
        if facts.keys() >= {"disabled_staff", "employees_in_post"} and facts["employees_in_post"] > 30:
            disabled.append(1000 * facts["disabled_staff"] / facts["employees_in_post"])
    for ratios, threshold in ((layoff[True], 0.2), (layoff[False], 0.055), (disabled, 10), (disabled, 15)):
        assert sum(0.7 * threshold <= ratio <= threshold for ratio in ratios) >= 5
        assert sum(threshold < ratio <= 1.3 * threshold for ratio in ratios) >= 5
    assert 10 in disabled and 15 in disabled


def test_the_province_is_plausible(changes: list[Event], start: dict[str, Event]) -> None:
    businesses = sum(not subject.startswith("p-") for subject in start)
    kinds = Counter(facts.get("kind") for facts in start.values())
    assert 0.25 < kinds["individual_business"] / businesses < 0.36
    cities = Counter(facts["region"][:4] for facts in start.values() if "region" in facts)
    assert [city for city, _ in cities.most_common(2)] in (["2101", "2102"], ["2102", "2101"])
    staff = sorted(facts["employees_in_post"] for facts in start.values() if "employees_in_post" in facts)
    assert staff[len(staff) // 2] < 15 and staff[-1] > 1000
    newcomers = {event["subject"] for event in changes} - start.keys()
    assert 0.02 < len(newcomers) / SUBJECTS < 0.04
    provided = Counter(event["source"] for event in changes if event["time"] < "2024")
    assert all(0 < count < len(start) for count in provided.values())


def test_facts_are_retracted_and_lists_turn(changes: list[Event]) -> None:
    told = Counter(
        (name, json.dumps(value))
        for event in changes
        if event["time"] >= "2024"
        for name, value in event["data"]["facts"].items()
    )
    assert told["registration_status", '"cancelled"'] and told["taxpayer_type", '"general"']
    assert told["abnormal_list", "true"] and told["dishonest_list", "true"]
    assert sum(count for (_, value), count in told.items() if "null" in value) > 5


def test_rosters(rosters: list[Event], start: dict[str, Event]) -> None:
    lines: dict[str, list[Event]] = defaultdict(list)
    for event in rosters:
        lines[event["data"]["policy"]].append(event)
    assert lines.keys() == DEPARTMENTS.keys()
    zone, county = lines["SY-GXQ-GQJL"], lines["SX-2024-ZJTX"]
    assert 20 <= len(zone) <= 80 and 20 <= len(county) <= 80
    for place in ("2101G1", "2101X1"):
        assert sum(facts.get("region") == place for facts in start.values()) >= SUBJECTS / 100
    assert {event["data"]["item"] for event in zone} == {"certificate", "above-scale"}
    assert {event["data"]["grade"] for event in zone} == {"first_recognition", "renewal", "first_above_scale"}
    assert {event["data"]["grade"] for event in county} == {"province", "little_giant", "key_little_giant"}
    assert all(event["data"]["item"] == event["data"]["grade"] for event in county)
    versions: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    for event in rosters:
        data = event["data"]
        versions[event["subject"], data["item"]].append((data["roster_version"], data["member"]))
    assert set(map(tuple, versions.values())) == {((1, True),), ((1, True), (2, False))}


def test_some_rosters_are_there_before_their_policy(rosters: list[Event]) -> None:
    early = Counter(event["data"]["policy"] for event in rosters if event["time"] < "2024")
    assert early.keys() == DEPARTMENTS.keys()
    assert sum(early.values()) < len(rosters) / 2


def test_who_climbs_gets_a_new_line_and_leaves_the_old_one(rosters: list[Event]) -> None:
    standing: dict[str, set[str]] = defaultdict(set)
    climbed = 0
    for event in rosters:
        data = event["data"]
        if data["policy"] == "SX-2024-ZJTX":
            (standing[event["subject"]].add if data["member"] else standing[event["subject"]].discard)(data["item"])
            climbed += not data["member"]
    assert climbed and all(len(grades) == 1 for grades in standing.values())


def test_counts_scale(tmp_path: Path) -> None:
    small, large = (write(tmp_path / str(subjects), subjects, SEED) for subjects in (500, 2000))
    assert 7000 <= large.changes <= 12_000
    assert large.load + large.changes + large.roster <= 1.6 * 15_096  # what it was before there were persons and items
    assert 3.4 < large.changes / small.changes < 4.6
    assert 3.6 < large.load / small.load < 4.4


def test_files_hold_the_events_and_say_so(tmp_path: Path) -> None:
    seen: list[int] = []
    summary = write(tmp_path / "world", 300, SEED, progress=seen.append)
    lines = {name: (tmp_path / "world" / f"{name}.jsonl").read_text().splitlines() for name in ("changes", "rosters")}
    assert len(lines["changes"]) == summary.load + summary.changes
    assert len(lines["rosters"]) == summary.roster
    assert seen[-1] == sum(map(len, lines.values()))
    merged = sorted(json.loads(line)["id"] for name in lines for line in lines[name])
    assert merged == sorted(event["id"] for event in generate(300, SEED))
    described = json.loads((tmp_path / "world" / "world.json").read_text())
    assert described["parameters"]["missing"] == MISSING
    assert described["counts"]["load"] == summary.load


def test_a_larger_world_holds_the_smaller_one() -> None:
    small = {json.dumps(event) for event in generate(100, SEED)}
    assert small <= {json.dumps(event) for event in generate(200, SEED)}
    assert small.isdisjoint(json.dumps(event) for event in generate(100, SEED + 1))


def test_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    program = "import pathlib, sys, zhida.world as world; world.write(pathlib.Path(sys.argv[1]), 200, 7)"
    digests = set()
    for hash_seed in ("0", "1", "4711"):
        folder = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        files = sorted(folder.iterdir())
        assert [file.name for file in files] == ["changes.jsonl", "rosters.jsonl", "world.json"]
        digests.add(hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest())
    assert len(digests) == 1
