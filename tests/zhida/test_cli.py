"""The command line on a running cluster: what its commands say, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.topics import NOTICES
from streams.app import Role

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).resolve().parents[2]
POLICIES = [str(file) for file in sorted((ROOT / "examples" / "policies").glob("*.yaml"))]
CATALOGUE = str(ROOT / "examples" / "catalogue" / "facts.yaml")
DEPARTMENTS = ("finance", "human-resources", "shenyang-hightech-zone", "tax")


async def zhida(cluster: Any, *arguments: str, code: int = 0) -> str:
    """Run a command in the cluster's folder; its standard output, once its exit code is the one expected."""
    command = [sys.executable, "-m", "zhida", *arguments, "--folder", str(cluster.folder)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (arguments, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stdout + done.stderr


async def test_from_files_to_notices_and_explanations(cluster: Any, tmp_path: Path) -> None:
    for role in Role:
        cluster.start(role)
    assert "are those of the catalogue" in await zhida(cluster, "topics", "check")
    assert "nothing to do" in await zhida(cluster, "topics", "apply")
    keys = tmp_path / "keys.json"
    keys.write_text(await zhida(cluster, "keys", *DEPARTMENTS))
    await zhida(cluster, "publish", CATALOGUE, str(keys))
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
    assert "eligible" in await zhida(cluster, "explain", subject, policy)

    journal = tmp_path / "journal.jsonl"
    await zhida(cluster, "journal", "export", str(journal))
    command = [sys.executable, "-m", "zhida", "simulate", "--journal", str(journal)]
    folded = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    ids = [json.loads(line)["effect_id"] for line in folded.stdout.splitlines()]
    assert sorted(ids) == sorted(outcome.effect_ids)

    for arguments, said in (
        (("clock", "advance", "2025-01-01"), "is past"),
        (("explain", subject, "NO-SUCH"), "'NO-SUCH' is not published"),
        (("explain", "12345", policy), "18 characters"),
        (("publish", "nowhere.yaml"), "nowhere.yaml"),
    ):
        assert said in await zhida(cluster, *arguments, code=3)


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


async def test_a_second_worker_takes_its_share_and_gives_it_back(cluster: Any) -> None:
    from datetime import date

    cluster.start(Role.INTAKE)
    first = cluster.start(Role.ELIGIBILITY)
    await cluster.publish_catalogue()
    await cluster.publish_policies()
    await cluster.publish_events("2023-12-31", "2024-01-01")
    second = cluster.start(Role.ELIGIBILITY)
    await cluster.until(lambda: second.log.read_text().count("fenced, loaded") >= 12)
    await cluster.publish_events("2024-01-01", "2024-02-01")
    await cluster.settled()
    assert first.stop() == 0
    await cluster.advance(date(2024, 2, 1))
    await cluster.settled()
    await cluster.check(date(2024, 2, 1))
