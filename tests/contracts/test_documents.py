"""The pages are what the models and the golden events say, and a drift is named; each topic has what a reader needs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.rejected import RejectCode
from schemas.topics import CATALOGUE, PROVIDERS, Topic, changes_topic
from zhida.cli import app
from zhida.console import CANNOT, NOT_RIGHT
from zhida.contracts.contract import CONTRACTS, INTERNAL, Contract
from zhida.contracts.documents import documents, drifted, write
from zhida.contracts.golden import golden_events
from zhida.contracts.pages import pretty
from zhida.contracts.prose import EVERY_TOPIC, INTERNAL_PROSE, PROSE

ROOT = Path(__file__).parents[2]
PAGES, GOLDEN = ROOT / "docs" / "contracts", ROOT / "tests" / "contracts" / "golden"


def test_the_pages_are_what_the_models_say() -> None:
    assert drifted(PAGES, GOLDEN) == [], "run `make contracts`"


def test_every_topic_is_a_contract_or_internal() -> None:
    named = [topic.name for contract in CONTRACTS for topic in contract.topics] + [topic.name for topic in INTERNAL]
    assert sorted(named) == sorted(CATALOGUE)
    assert {c.dataschema for c in CONTRACTS} == set(PROSE)
    assert {topic.name for topic in INTERNAL} == set(INTERNAL_PROSE)


def test_every_reject_code_is_told_somewhere() -> None:
    told = {code for code, _ in EVERY_TOPIC} | {code for prose in PROSE.values() for code, _ in prose.refused}
    assert told == set(RejectCode)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_a_page_says_who_what_and_how_long_with_a_golden_example(contract: Contract) -> None:
    page = (PAGES / f"{contract.name}.md").read_text("utf-8")
    topic, example = contract.topic, golden_events(GOLDEN, contract)[0]
    for said in (
        contract.address,
        f"| read by | {topic.readers} |",
        f"| partitions | {topic.partitions} |",
        "| written by | ",
        "| key | ",
        "| kept | ",
        "## Order",
        f"with the key `{example.key}`",
        pretty(example.data),
        *(f"{header}: {value}" for header, value in example.headers.items()),
        *(f"| `{field.alias or name}` |" for name, field in contract.model.model_fields.items()),
    ):
        assert said in page, said
    assert ("read_committed" in page) == (contract.way == "out" and topic.name != "intake.rejected.v1")
    assert ("## Refused" in page) == (contract.way == "in")
    assert "|  |\n" not in page, "every field has a meaning"


def test_the_page_of_changes_lists_every_provider() -> None:
    page = (PAGES / "registry.changes.md").read_text("utf-8")
    assert all(changes_topic(provider) in page for provider in PROVIDERS)


@pytest.mark.parametrize("topic", INTERNAL, ids=lambda topic: topic.name)
def test_an_internal_topic_says_so(topic: Topic) -> None:
    page = (PAGES / f"{topic.event_type}.md").read_text("utf-8")
    assert "internal and no contract" in page


def headings(page: Path) -> set[str]:
    lines = page.read_text("utf-8").splitlines()
    return {line.lstrip("# ").lower().replace(" ", "-") for line in lines if line.startswith("#")}


def test_every_link_leads_somewhere() -> None:
    for page in PAGES.glob("*.md"):
        text = page.read_text("utf-8")
        for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", text):
            assert not target or target.startswith("https://") or (PAGES / target).exists(), (page.name, target)
        for target, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
            assert anchor in headings(PAGES / target if target else page), (page.name, target, anchor)


def test_the_same_models_give_the_same_bytes() -> None:
    assert documents(GOLDEN) == documents(GOLDEN)


def test_what_is_written_does_not_drift_and_is_not_written_twice(tmp_path: Path) -> None:
    made = write(tmp_path, GOLDEN)
    assert {"README.md", "asyncapi.yaml", "notices.md", "control.md", "schemas/notices-1.json"} <= set(made)
    assert drifted(tmp_path, GOLDEN) == [] == write(tmp_path, GOLDEN)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PAGES, tmp_path / "contracts"))


def alter(folder: Path) -> list[str]:
    """Four kinds of drift: a value changed, a file gone, one left over, a table of the index changed by hand."""
    schema = folder / "schemas" / "notices-1.json"
    changed = json.loads(schema.read_text("utf-8"))
    del changed["properties"]["due"]
    schema.write_text(json.dumps(changed), "utf-8")
    (folder / "asyncapi.yaml").unlink()
    shutil.copy(folder / "notices.md", folder / "cases.events.md")
    index = folder / "README.md"
    index.write_text(index.read_text("utf-8").replace("| edge, gateways |", "| nobody |"), "utf-8")
    return ["README.md", "asyncapi.yaml", "cases.events.md", "schemas/notices-1.json"]


def test_every_drift_is_named_and_mended(copied: Path) -> None:
    altered = alter(copied)
    assert drifted(copied, GOLDEN) == altered
    assert write(copied, GOLDEN) == altered
    assert drifted(copied, GOLDEN) == []
    assert not (copied / "cases.events.md").exists()


def test_what_is_written_by_hand_stays(copied: Path) -> None:
    index = copied / "README.md"
    by_hand = index.read_text("utf-8").replace("# Contracts", "# Contracts, by hand")
    index.write_text(by_hand, "utf-8")
    (copied / "NOTES.md").write_text("mine", "utf-8")
    assert drifted(copied, GOLDEN) == [] == write(copied, GOLDEN)
    assert (index.read_text("utf-8"), (copied / "NOTES.md").read_text("utf-8")) == (by_hand, "mine")


def test_the_command_writes_checks_and_says_what_is_missing(copied: Path, tmp_path: Path) -> None:
    def run(*given: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["contracts", "--folder", str(copied), "--golden", *given])
        return result.exit_code, result.output

    assert run(str(GOLDEN), "--check")[0] == 0
    altered = alter(copied)
    code, told = run(str(GOLDEN), "--check")
    assert code == NOT_RIGHT and all(path in told for path in altered)
    code, told = run(str(GOLDEN))
    assert code == 0 and all(path in told for path in altered)
    assert run(str(GOLDEN), "--check")[0] == 0
    assert run(str(tmp_path / "nowhere"))[0] == CANNOT
