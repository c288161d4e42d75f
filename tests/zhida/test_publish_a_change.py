"""The script that follows the contract pages alone, on a real Kafka: its change is taken and its push comes."""

from __future__ import annotations

import ast
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from eligibility.business_time import start_of
from schemas.cloudevents import to_headers
from schemas.topics import CATALOGUE, changes_topic
from streams.app import Role
from zhida.demo.play import BEGINS, EXAMPLES
from zhida.messages import attributes_of

pytestmark = pytest.mark.kafka
SCRIPT = EXAMPLES / "publish_a_change.py"
PAGES = Path(__file__).parents[2] / "docs" / "contracts"
SUBJECT = "91210102MAHU03QE3Y"
KNOWN = {"kind": "enterprise", "registration_status": "active", "region": "210102"}


async def test_a_change_published_by_the_script_brings_its_push(cluster: Any) -> None:
    cluster.start(Role.INTAKE)
    cluster.start(Role.ELIGIBILITY)
    await cluster.publish_catalogue()
    await cluster.settled()
    await cluster.publish_policies()
    await publish_what_others_know(cluster)
    await cluster.settled()
    pushed = {n["matter"]["policy"] for n in (await cluster.outcome()).notices if n["about"] == "eligible"}
    assert "CN-2024-SYFL" not in pushed
    script = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), cluster.bootstrap, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        told, trouble = await asyncio.wait_for(script.communicate(), 60)
    except TimeoutError:
        script.kill()
        refused = [(entry["code"], entry["text"]) for entry in (await cluster.outcome()).rejected]
        pytest.fail(f"no push came; refused: {refused}")
    assert script.returncode == 0, trouble.decode()
    title = "Unemployment insurance premium rate of 1 %"
    assert told.decode().splitlines() == [f"push {SUBJECT} CN-2024-SYFL {title}"]


async def publish_what_others_know(cluster: Any) -> None:
    """What market-supervision holds about the subject: the page's example of a first change."""
    topic = changes_topic("market-supervision")
    change = {"version": 1, "effective_at": "2019-04-02T00:00:00+08:00", "facts": KNOWN}
    given = attributes_of(
        topic, id="1", source="/registries/market-supervision", subject=SUBJECT, time=start_of(BEGINS)
    )
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
        await producer.send_and_wait(topic, json.dumps(change).encode(), SUBJECT.encode(), headers=to_headers(given))


def test_the_script_knows_only_the_pages() -> None:
    """It imports nothing of zhida's, and every topic, header, subject and fact in it stands on a page it names."""
    source = ast.parse(SCRIPT.read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(source)
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [])
        + ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
    }
    assert imported - set(sys.stdlib_module_names) == {"aiokafka"}
    pages = "".join((PAGES / page).read_text("utf-8") for page in ("README.md", "registry.changes.md", "notices.md"))
    words = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    from_pages = {word for word in words if word.startswith(("ce_", "registry.", "91", "CN-")) or word in CATALOGUE}
    assert len(from_pages) >= 10
    for word in {*from_pages, "unemployment_insured", "read_committed", "localhost:9092", "title_en", *KNOWN}:
        assert word in pages, word
