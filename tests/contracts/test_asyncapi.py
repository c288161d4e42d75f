"""The AsyncAPI document: valid by AsyncAPI's own schema, its references resolve, its examples are what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.topics import CATALOGUE
from zhida.contracts.contract import CONTRACTS, INTERNAL

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "contracts" / "asyncapi.yaml"
CACHE = ROOT / ".local" / "cache"
PACKAGE, VERSION = "@asyncapi/specs", "6.11.1"
SCHEMA = "package/schemas/3.0.0-without-$id.json"


@pytest.fixture(scope="module")
def document() -> Any:
    return yaml.safe_load(FILE.read_text("utf-8"))


@pytest.fixture(scope="module")
def asyncapi_schema() -> Any:
    """AsyncAPI 3.0's JSON Schema, from the package its makers publish; fetched once."""
    archive = CACHE / f"asyncapi-specs-{VERSION}.tgz"
    if not archive.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip(f"npm is missing, which fetches AsyncAPI's own schema ({PACKAGE} {VERSION})")
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", str(CACHE)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=CACHE, env=os.environ)
        if done.returncode or not archive.exists():
            pytest.skip(f"npm could not fetch {PACKAGE} {VERSION}: {done.stderr.strip()[-300:]}")
    with tarfile.open(archive) as package:
        member = package.extractfile(SCHEMA)
        assert member is not None
        return json.load(member)


def test_it_is_valid_by_asyncapis_own_schema(document: Any, asyncapi_schema: Any) -> None:
    errors = Draft7Validator(asyncapi_schema).iter_errors(document)
    assert [f"{error.json_path}: {error.message}"[:500] for error in errors] == []


@pytest.mark.parametrize(
    "broken",
    [
        {"asyncapi": "2.6.0"},
        {"channels": {"notices": {"adress": "notices.v1"}}},
        {"operations": {"read": {"action": "subscribe", "channel": {"$ref": "#/channels/notices"}}}},
        {"info": {"title": "zhida"}},
    ],
)
def test_its_own_schema_would_notice(document: Any, asyncapi_schema: Any, broken: Any) -> None:
    assert not Draft7Validator(asyncapi_schema).is_valid({**document, **broken})


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolve(reference: str, document: Any) -> Any:
    file, _, pointer = reference.partition("#")
    found = json.loads((FILE.parent / file).read_text("utf-8")) if file else document
    for part in pointer.split("/")[1:]:
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def test_every_reference_leads_to_something(document: Any) -> None:
    listed = list(references(document))
    assert len(listed) >= 4 * len(CONTRACTS)
    for reference in listed:
        assert resolve(reference, document), reference
    for contract in CONTRACTS:
        schema = json.loads((FILE.parent / "schemas" / contract.file).read_text("utf-8"))
        assert all(resolve(reference, schema) for reference in references(schema))


def addresses(document: Any) -> Iterator[tuple[str, Any]]:
    """Every topic a channel stands for, with the channel."""
    for channel in document["channels"].values():
        for value in channel.get("parameters", {}).get("provider", {}).get("enum", [""]):
            yield channel["address"].replace("{provider}", value), channel


def test_every_topic_that_is_a_contract_has_a_channel_as_the_broker_has_it(document: Any) -> None:
    channels = dict(addresses(document))
    assert channels.keys() == CATALOGUE.keys() - {topic.name for topic in INTERNAL}
    for name, channel in channels.items():
        topic, kafka = CATALOGUE[name], channel["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        for setting, value in kafka["topicConfiguration"].items():
            text = value[0] if isinstance(value, list) else str(value)
            assert topic.config()[setting] == text, (name, setting)


def test_what_one_sends_zhida_reads_and_the_other_way_round(document: Any) -> None:
    found = {}
    for operation in document["operations"].values():
        found[resolve(operation["channel"]["$ref"], document)["address"]] = operation["action"]
        (message,) = operation["messages"]
        assert (
            resolve(message["$ref"], document) in resolve(operation["channel"]["$ref"], document)["messages"].values()
        )
    assert found == {c.address: "send" if c.way == "in" else "receive" for c in CONTRACTS}


def test_every_example_is_what_its_message_says(document: Any) -> None:
    for name, message in document["components"]["messages"].items():
        payload = resolve(message["payload"]["$ref"], document)
        assert len(message["examples"]) >= 3, name
        for example in message["examples"]:
            Draft202012Validator(payload).validate(example["payload"])
            Draft202012Validator(message["headers"]).validate(example["headers"])
            assert "ce_sendersig" in example["headers"] or "ce_sendersig" not in message["headers"]["required"]
