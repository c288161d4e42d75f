"""`zhida advise`, `gaps` and `preview` on a small journal: tables, JSON, charts, and what is refused."""

from __future__ import annotations

import asyncio
import heapq
import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from eligibility.advice import advise
from eligibility.business_time import start_of
from eligibility.data_gaps import data_gaps
from eligibility.partition_state import PartitionState
from eligibility.preview import compare
from eligibility.values import yuan
from schemas.journal import Epoch, TopicGeneration
from schemas.topics import SOURCES
from streams.app import Role
from streams.judge import AUTHORITY
from zhida import charts
from zhida.charts import Bar, Panel
from zhida.cli import app
from zhida.commands.advise import folded
from zhida.commands.preview import read_policy
from zhida.commands.simulate import publish
from zhida.demo.play import BEGINS, EXAMPLES
from zhida.keyring import Keyring
from zhida.messages import read_messages
from zhida.simulation import Simulation, run_events
from zhida.world import write

POLICIES = sorted((EXAMPLES / "policies").glob("*.yaml"))
LEVY = EXAMPLES / "policies" / "LN-2023-CBJ.yaml"
AMENDED = EXAMPLES / "changes" / "2025-02-01-amend-LN-2023-CBJ.yaml"
SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Recorded(Simulation):
    """A simulation that writes its journal down."""

    lines: list[str] = field(default_factory=list)

    def _fold(self, state: PartitionState, value: bytes) -> None:
        line = {"partition": state.partition, "offset": state.offset + 1, "record": json.loads(value)}
        self.lines.append(json.dumps(line, ensure_ascii=False))
        super()._fold(state, value)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a world of 60 subjects at the end of June 2024."""
    folder = tmp_path_factory.mktemp("journal")
    write(folder, 60, 11)
    ring, simulation = Keyring(folder / "keys"), Recorded(lambda effect: None)
    simulation.control(Epoch(clock="world", now=start_of(BEGINS), authority_key=ring.public_key(AUTHORITY)))
    for topic in SOURCES:
        simulation.control(TopicGeneration(name=topic, generation=topic))
    publish(simulation, ring, EXAMPLES / "catalogue", POLICIES, start_of(BEGINS))
    files = (folder / "changes.jsonl", folder / "rosters.jsonl")
    events = heapq.merge(*(read_messages(f, ring, start_of(BEGINS)) for f in files), key=lambda each: each.time)
    run_events(simulation, events, date(2024, 6, 30))
    file = folder / "journal.jsonl"
    file.write_text("\n".join(simulation.lines))
    return file


@pytest.fixture(scope="module")
def states(journal: Path) -> list[PartitionState]:
    return folded(journal)


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (arguments, done.output, done.exception)
    return done.output


def texts(svg: Path) -> list[str]:
    """The texts that are drawn."""
    return [element.text or "" for element in ElementTree.parse(svg).iter(f"{SVG}text")]


def test_advice_in_words_as_data_and_drawn(journal: Path, states: list[PartitionState], tmp_path: Path) -> None:
    expected = advise(states)
    chart = tmp_path / "advice.svg"
    shown = run("advise", "--journal", journal, "--chart", chart)
    data = json.loads(run("advise", "--journal", journal, "--json"))
    assert data["as_of"] == "2024-06-30T00:00:00+08:00"
    assert data["subjects"] == sum(len(state.files) for state in states)
    direct = {file.stem for file in POLICIES if "\nzone: direct" in file.read_text()}
    assert {each["policy"] for each in data["policies"]} == direct
    for each, told in zip(expected, data["policies"], strict=True):
        assert [told[name] for name in ("policy", "freed", "eligible", "waiting")] == [
            each.policy.id,
            each.freed,
            each.eligible,
            each.waiting,
        ]
        row = next(line.split() for line in shown.splitlines() if line.startswith(each.policy.id))
        assert f"{each.freed}" in row
        assert any(each.policy.title.zh in text and each.policy.title.en in text for text in texts(chart))
    assert any(each.freed for each in expected)
    assert sum(text.isdecimal() for text in texts(chart)) == len(expected), "each bar has its count"


def test_a_chart_can_be_read_aloud_and_is_the_same_each_time(tmp_path: Path) -> None:
    files = [tmp_path / "once.svg", tmp_path / "twice.svg"]
    for file in files:
        charts.write(
            file, "标题 & title", [Panel("按地区 <by region>", [Bar("沈阳市", 3), Bar("$x$", 0)]), Panel("none", [])]
        )
    root = ElementTree.parse(files[0]).getroot()
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "标题 & title"
    assert root.findtext(f"{SVG}desc") == "按地区 <by region>: 沈阳市: 3; $x$: 0"
    assert {"标题 & title", "按地区 <by region>", "沈阳市", "3", "$x$", "0"} <= set(texts(files[0]))
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_chart_of_nothing_has_its_title(tmp_path: Path) -> None:
    charts.write(tmp_path / "empty.svg", "nothing", [Panel("none", [])])
    assert "nothing" in texts(tmp_path / "empty.svg")


def test_a_png_needs_a_font_that_has_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "chart.png"
    monkeypatch.setattr(charts, "_chinese_fonts", list)
    assert "no font of this machine has Chinese" in run("gaps", "--journal", "nowhere", "--chart", file, code=3)
    monkeypatch.setattr(charts, "_chinese_fonts", lambda: ["DejaVu Sans"])
    charts.write(file, "title", [Panel("heading", [Bar("label", 3)])])
    assert file.read_bytes().startswith(b"\x89PNG")


def test_gaps_in_words_as_data_and_drawn(journal: Path, states: list[PartitionState], tmp_path: Path) -> None:
    expected = data_gaps(states)
    chart = tmp_path / "gaps.svg"
    shown = run("gaps", "--journal", journal, "--chart", chart)
    data = json.loads(run("gaps", "--journal", journal, "--json"))
    assert data["undetermined"] == expected.undetermined > 0
    assert f"{expected.undetermined:,} decisions are undetermined" in shown
    assert [
        (gap["name"], gap["provider"], gap["decisions"], gap["alone"], gap["subjects"]) for gap in data["gaps"]
    ] == [(gap.name, gap.provider, *gap.blocked) for gap in expected.gaps]
    assert {each["provider"]: each["decisions"] for each in data["providers"]} == {
        provider: blocked.decisions for provider, blocked in expected.providers
    }
    for gap in expected.gaps:
        assert any(line.startswith(gap.name) and gap.provider in line for line in shown.splitlines())
        assert any(gap.title.zh in text for text in texts(chart))
    assert {kind for gap in data["gaps"] for kind in [gap["kind"]]} == {"fact", "answer"}


def test_a_preview_against_another_version(journal: Path, states: list[PartitionState], tmp_path: Path) -> None:
    expected = compare(states, read_policy(AMENDED), read_policy(LEVY))
    chart = tmp_path / "preview.svg"
    data = json.loads(run("preview", AMENDED, "--against", LEVY, "--journal", journal, "--chart", chart, "--json"))
    assert data == json.loads(run("preview", AMENDED, "--against-published", "--journal", journal, "--json"))
    assert (data["policy_version"], data["against"]["policy_version"]) == (2, 1)
    assert (data["eligible"], data["undetermined"]) == (expected.after.eligible, expected.after.undetermined)
    assert sum(each["subjects"] for each in data["regions"]) == data["eligible"] > 0
    assert data["against"]["lost"] == expected.lost
    assert data["against"]["amount_changed"] == expected.amount_changed > 0
    assert data["against"]["cost_difference"] == yuan(expected.cost_difference)
    shown = run("preview", AMENDED, "--against", LEVY, "--journal", journal)
    assert f"cost: {data['cost']} 元" in shown
    assert f"difference {data['against']['cost_difference']} 元" in shown
    assert {"沈阳市 Shenyang City", "制造业 Manufacturing", "残疾人就业保障金减免"} <= set(texts(chart))


def test_what_grants_no_money_or_is_over_says_so(journal: Path, tmp_path: Path) -> None:
    assert "cost: none; it grants no money" in run(
        "preview", EXAMPLES / "policies/CN-2017-KXSME.yaml", "--journal", journal
    )
    ended = tmp_path / "ended.yaml"
    ended.write_text(LEVY.read_text().replace("to: 2027-12-31", "to: 2023-12-31"))
    assert "outside its time: it holds from 2023-01-01 to 2023-12-31" in run("preview", ended, "--journal", journal)


def test_no_subject_is_named(journal: Path, states: list[PartitionState], tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    told: list[Any] = []
    for command in (["advise"], ["gaps"], ["preview", AMENDED, "--against", LEVY]):
        told += [run(*command, "--journal", journal, "--json")]
        told += [run(*command, "--journal", journal, "--chart", chart), chart.read_text()]
    assert not [subject for state in states for subject in state.files if any(subject in each for each in told)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No such file"),
        ("- 1", "expected a policy, or a publication of one"),
        ("a: [", "expected the node content"),
        ("id: X", "Field required"),
        ("{action: withdraw, id: X}", "a withdrawal has no policy to preview"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_before_anything_is_read(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    file = tmp_path / "policy.yaml"
    if content is not None:
        file.write_text(content)
    refused = run("preview", file, "--journal", "nowhere", code=3)
    assert sentence in refused
    assert str(file) in refused.replace("\n", "")


def test_what_cannot_be_asked_is_refused(journal: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(LEVY.read_text().replace("id: LN-2023-CBJ", "id: OTHER"))
    assert "no version of 'OTHER' acts now" in run(
        "preview", other, "--against-published", "--journal", journal, code=3
    )
    run("preview", LEVY, "--against", LEVY, "--against-published", code=2)
    assert "a chart's file ends in .svg or .png" in run("gaps", "--chart", "chart.pdf", code=3)
    assert "there is no folder" in run("gaps", "--chart", tmp_path / "nowhere" / "chart.svg", code=3)
    assert "No such file" in run("gaps", "--journal", tmp_path / "nowhere", code=3)
    broken = tmp_path / "broken.jsonl"
    broken.write_text(journal.read_text()[:2_000])
    assert "this is no record of an exported journal" in run("advise", "--journal", broken, code=3)
    broken.write_text("")
    assert "no partition has seen an epoch begin" in run("advise", "--journal", broken, code=3)


@pytest.mark.kafka
async def test_the_running_stack_says_what_its_exported_journal_says(cluster: Any, tmp_path: Path) -> None:
    for role in (Role.INTAKE, Role.ELIGIBILITY):
        cluster.start(role)
    await cluster.publish_catalogue()
    await cluster.publish_policies()
    await cluster.publish_events("", "2024-07-01")
    await cluster.settled()
    exported = tmp_path / "journal.jsonl"
    stack = ["--folder", cluster.folder]
    await asyncio.to_thread(run, "journal", "export", exported, *stack)
    for command in (["advise"], ["gaps"], ["preview", AMENDED, "--against-published"]):
        running = await asyncio.to_thread(run, *command, "--json", *stack)
        assert json.loads(running) == json.loads(run(*command, "--json", "--journal", exported))
    assert json.loads(running)["eligible"] > 0
