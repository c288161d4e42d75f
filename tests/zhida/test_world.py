"""The example world: the same for the same seed, valid, and on both sides of what policies turn on."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from stdnum.cn import uscc

from schemas.catalogue import FactDeclaration, FactType
from schemas.cloudevents import Attributes
from schemas.events import RegistryChange, RosterEntry
from schemas.identifiers import check_subject
from schemas.industries import is_industry
from schemas.regions import REGIONS
from schemas.topics import CATALOGUE, changes_topic
from zhida.world import generate, write
from zhida.world.credit_codes import credit_code
from zhida.world.knowledge import MISSING

SUBJECTS, SEED = 2000, 7
Event = dict[str, Any]


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
            assert attributes.source == "/departments/shenyang-hightech-zone"
            RosterEntry.model_validate(data)
        else:
            provider = attributes.source.removeprefix("/registries/")
            assert CATALOGUE[changes_topic(provider)].event_type == attributes.type
            RegistryChange.model_validate(data)
            assert data["facts"].keys() <= MISSING.keys()
            assert data["effective_at"] <= event["time"]


def test_facts_are_those_of_the_catalogue(changes: list[Event]) -> None:
    catalogue = Path(__file__).parents[2] / "examples" / "catalogue" / "facts.yaml"
    listed = yaml.safe_load(catalogue.read_text(encoding="utf-8"))["facts"]
    declared = {fact["name"]: FactDeclaration.model_validate(fact) for fact in listed}
    told = {
        (name, event["source"].removeprefix("/registries/"), None if isinstance(value, (int, dict)) else value)
        for event in changes
        for name, value in event["data"]["facts"].items()
    }
    assert {name for name, _, _ in told} == MISSING.keys()
    for name, provider, text in told:
        fact = declared[name]
        assert fact.provider == provider
        assert fact.type is not FactType.CODE or text is None or text in (fact.codes or {})
    for event in changes:
        for name, value in event["data"]["facts"].items():
            assert value is None or isinstance(value, dict) == (declared[name].period is not None)


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
    kinds = Counter(facts.get("kind") for facts in start.values())
    assert 0.25 < kinds["individual_business"] / len(start) < 0.36
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
    assert 20 <= len(rosters) <= 80
    assert sum(facts.get("region") == "2101G1" for facts in start.values()) >= SUBJECTS / 100
    assert {event["data"]["item"] for event in rosters} == {"certificate", "above-scale"}
    grades = {event["data"]["grade"] for event in rosters}
    assert grades == {"first_recognition", "renewal", "first_above_scale"}
    versions: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    for event in rosters:
        data = event["data"]
        assert data["policy"] == "SY-GXQ-GQJL" and event["time"] >= "2024"
        versions[event["subject"], data["item"]].append((data["roster_version"], data["member"]))
    assert set(map(tuple, versions.values())) == {((1, True),), ((1, True), (2, False))}


def test_counts_scale(tmp_path: Path) -> None:
    small, large = (write(tmp_path / str(subjects), subjects, SEED) for subjects in (500, 2000))
    assert 4000 <= large.changes <= 6000
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
