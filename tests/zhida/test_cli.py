"""The command line, most of it on a running cluster: what its commands say, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.topics import NOTICES
from streams.app import Role
from zhida.keyring import Keyring
from zhida.messages import FileRefused, read_messages
from zhida.world import write

ROOT = Path(__file__).resolve().parents[2]
POLICIES = [str(file) for file in sorted((ROOT / "examples" / "policies").glob("*.yaml"))]
CATALOGUE = str(ROOT / "examples" / "catalogue")


async def zhida(cluster: Any, *arguments: str, code: int = 0) -> str:
    """Run a command in the cluster's folder; its standard output, once its exit code is the one expected."""
    command = [sys.executable, "-m", "zhida", *arguments, "--folder", str(cluster.folder)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (arguments, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stdout + done.stderr


@pytest.mark.kafka
async def test_from_files_to_notices_and_explanations(cluster: Any, tmp_path: Path) -> None:
    open_work = await zhida(cluster, "publish", CATALOGUE) and await zhida(cluster, "wait", "--within", "9", code=1)
    assert "open: intake: 3 records of catalogue.statements.v1[0]" in open_work
    assert open_work.count("is `zhida worker` running?") == 1
    for role in Role:
        cluster.start(role)
    assert "are those of the catalogue" in await zhida(cluster, "topics", "check")
    assert "nothing to do" in await zhida(cluster, "topics", "apply")
    again = await zhida(cluster, "topics", "apply", "--world", "2030-01-01")
    assert "--world was not applied" in again
    assert "2024-01-01 00:00 (UTC+8)" in again
    keys = tmp_path / "keys.json"
    keys.write_text(await zhida(cluster, "keys", *POLICIES))
    await zhida(cluster, "publish", str(keys))
    await zhida(cluster, "wait")
    world = cluster.folder / "world"
    published = await zhida(cluster, "publish", *POLICIES, str(world / "changes.jsonl"))
    assert "changes.jsonl" in published
    await zhida(cluster, "wait")
    await zhida(cluster, "clock", "advance", "2026-01-01")
    await zhida(cluster, "wait")
    outcome = await cluster.outcome()
    eligible = outcome.eligible()
    assert len(eligible) > 50
    assert outcome.rejected == []

    async with asyncio.timeout(30):  # the read model follows
        while True:
            shown = [json.loads(line) for line in (await zhida(cluster, "watch", "--once", "--json")).splitlines()]
            if len(shown) >= len(outcome.notices):
                break
    assert sorted(n["effect_id"] for n in shown) == sorted(n["effect_id"] for n in outcome.notices)
    assert "you qualify" in await zhida(cluster, "watch", "--once")

    subject, policy, *_ = sorted(eligible)[0].split("|")
    explained = json.loads(await zhida(cluster, "explain", subject, policy, "--json"))
    assert explained["evaluations"][0]["verdict"] == "eligible"
    assert explained["evaluations"][0]["reasons"] == eligible[sorted(eligible)[0]]["reasons"]
    in_words = await zhida(cluster, "explain", subject, policy)
    assert "2026-01-01 00:00 (UTC+8)" in in_words
    for reason in explained["evaluations"][0]["reasons"]:
        assert reason["condition"] in in_words
    over = await zhida(cluster, "explain", subject, "CN-2024-WGFH")
    assert "outside its time: valid from 2024-01-01 to 2024-12-31" in over
    assert "condition" not in over

    journal = tmp_path / "journal.jsonl"
    await zhida(cluster, "journal", "export", str(journal))
    command = [sys.executable, "-m", "zhida", "simulate", "--journal", str(journal)]
    folded = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    ids = [json.loads(line)["effect_id"] for line in folded.stdout.splitlines()]
    assert sorted(ids) == sorted(outcome.effect_ids)

    bad = tmp_path / "bad.jsonl"
    first = json.loads((world / "changes.jsonl").read_text().splitlines()[0])
    first["data"]["facts"] = {"no_such_fact": "1"}
    bad.write_text(json.dumps(first) + "\n")
    assert await zhida(cluster, "rejected") == "nothing was refused\n"
    await zhida(cluster, "publish", str(bad))
    await zhida(cluster, "wait")
    (refused,) = json.loads(await zhida(cluster, "rejected", "--json"))["rejected"]
    assert refused["code"] == "unknown_fact"
    assert set(refused) == {"topic", "origin", "code", "field", "text"}
    assert "unknown_fact" in await zhida(cluster, "rejected")

    for arguments, said in (
        (("clock", "advance", "2025-01-01"), "is past"),
        (("explain", subject, "NO-SUCH"), "'NO-SUCH' is not published"),
        (("explain", "12345", policy), "18 characters"),
        (("publish", "nowhere.yaml"), "nowhere.yaml"),
    ):
        assert said in await zhida(cluster, *arguments, code=3)


@pytest.mark.kafka
async def test_a_worker_refuses_a_broker_that_differs_from_the_catalogue(cluster: Any) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, NOTICES, {"retention.ms": "1000"})])
    await admin.close()
    said = await zhida(cluster, "topics", "check", code=1)
    assert f"topic {NOTICES} has retention.ms=1000" in said
    worker = cluster.start(Role.ELIGIBILITY)
    assert await asyncio.to_thread(worker.process.wait, 30) == 1
    assert "differs from the topic catalogue" in worker.last_line()
    assert "retention.ms=1000" in worker.last_line()


@pytest.mark.kafka
async def test_a_second_worker_takes_its_share_and_gives_it_back(cluster: Any) -> None:
    from datetime import date

    cluster.start(Role.INTAKE)
    first = cluster.start(Role.ELIGIBILITY)
    await cluster.publish_catalogue()
    await cluster.publish_policies()
    await cluster.publish_events("2023-12-31", "2024-01-01")
    await cluster.until(
        lambda: first.log.read_text().count("fenced, loaded") >= 8
    )  # it has all, before the second comes
    second = cluster.start(Role.ELIGIBILITY)
    await cluster.until(lambda: second.log.read_text().count("fenced, loaded") >= 12)
    await cluster.publish_events("2024-01-01", "2024-02-01")
    await cluster.settled()
    assert first.stop() == 0
    await cluster.advance(date(2024, 2, 1))
    await cluster.settled()
    await cluster.check(date(2024, 2, 1))


def test_simulate_writes_effects_to_stdout_also_while_a_terminal_shows_its_progress(tmp_path: Path) -> None:
    write(tmp_path / "world", 10, 5)
    effects, (ours, terminal) = tmp_path / "effects.jsonl", pty.openpty()
    events = ["--events", str(tmp_path / "world" / "changes.jsonl"), "--until", "2024-02-01"]
    command = [sys.executable, "-m", "zhida", "simulate", "--policies", str(ROOT / "examples" / "policies"), *events]
    try:
        with effects.open("wb") as stdout:
            done = subprocess.run([*command, "--catalogue", CATALOGUE], stdout=stdout, stderr=terminal, timeout=60)
        assert done.returncode == 0
        assert b"events" in os.read(ours, 65_536)
    finally:
        os.close(ours)
        os.close(terminal)
    lines = [json.loads(line) for line in effects.read_text().splitlines()]
    assert {line["effect"] for line in lines} >= {"decision", "notice"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", "\n[1]\n", "a.jsonl, line 2: expected a CloudEvent"),
        ("a.jsonl", "{", "a.jsonl, line 1: "),
        ("a.jsonl", '{"type":"roster.entries"}', "a.jsonl, line 1: 'source' is missing"),
        ("a.csv", "department,subject\nfinance,x\n", "a.csv, line 2: 'roster_version' is missing"),
        ("a.yaml", "a: [1\nb: {", "a.yaml: "),
        ("a.yaml", None, "a.yaml: No such file or directory"),
    ],
)
def test_a_file_that_is_refused_is_told_in_one_line_with_the_place(
    tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    with pytest.raises(FileRefused) as refused:
        list(read_messages(file, Keyring(tmp_path / "keys"), datetime.now(UTC)))
    told = str(refused.value)
    assert said in told
    assert "\n" not in told
    assert told.count(name) <= 1 + (name == "a.yaml" and content is not None)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["simulate", "--journal", "FILE"], 3, "line 2: this is no record of an exported journal"),
        (["keys", "../escaped"], 2, "no department's name"),
        (["up", "--kafka-port", "70000"], 2, "less than or equal to 65535"),
        (["journal", "export", "no/such/folder/file"], 3, "zhida: "),
    ],
)
def test_what_is_refused_is_said_in_a_sentence(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"partition":0,"offset":0,"record":{"kind":"pump","n":1}}\nno json\n')
    given = [str(journal) if each == "FILE" else each for each in arguments]
    named = [] if arguments[0] == "simulate" else ["--folder", str(tmp_path / "local")]
    environment = {k: v for k, v in os.environ.items() if k not in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL")}
    command = [sys.executable, "-m", "zhida", *given, *named]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.pem"))
