"""The command line: one command surface for operators, departments and newcomers.

Exit codes: 0 done; 1 what was asked about is not as it should be (a difference, a failed demo, a worker that ended);
2 the command was misused; 3 something needed cannot be had, or an input was refused, said in one sentence.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import TypeAdapter, ValidationError

from eligibility.business_time import SHANGHAI
from eligibility.partition_state import PartitionState
from schemas.journal import Epoch
from schemas.model import Department
from schemas.topics import JOURNAL_PARTITIONS
from streams import broker_topics
from streams.app import Role
from streams.clock import advance
from streams.control import read_registry
from streams.judge import AUTHORITY
from zhida import charts, stack
from zhida.commands import advise as advise_command
from zhida.commands import audit as audit_command
from zhida.commands import contracts as contracts_command
from zhida.commands import explain as explain_command
from zhida.commands import gaps as gaps_command
from zhida.commands import preview as preview_command
from zhida.commands import rejected as rejected_command
from zhida.commands import replay as replay_command
from zhida.commands import simulate as simulate_command
from zhida.commands import snapshot as snapshot_command
from zhida.commands import verify as verify_command
from zhida.commands import wait as wait_command
from zhida.commands import watch as watch_command
from zhida.commands import worker as worker_command
from zhida.console import NOT_RIGHT, err, out, progress_bar, told_in_one_sentence
from zhida.demo import play
from zhida.demo.readback import read_states
from zhida.journal_files import export_journal
from zhida.keyring import Keyring
from zhida.messages import departments, read_messages, statements
from zhida.official_calendar import calendar_statement
from zhida.sending import send
from zhida.world import write

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, rich_markup_mode=None)
topics = typer.Typer(no_args_is_help=True, help="The broker's topics and the catalogue.")
clock = typer.Typer(no_args_is_help=True, help="The clock of a world.")
journal = typer.Typer(no_args_is_help=True, help="The journal.")
for name, group in (("topics", topics), ("clock", clock), ("journal", journal)):
    app.add_typer(group, name=name)

logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # what it retries is no news; what fails is raised

Folder = Annotated[Path, typer.Option("--folder", help="Where the local stack, its logs and keys live.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]
LOCAL = Path(".local")


def _broker(folder: Path) -> str:
    """The bootstrap servers of a broker that has zhida's topics."""
    bootstrap = stack.endpoints(folder).kafka_bootstrap_servers
    asyncio.run(broker_topics.require_topics(bootstrap))
    return bootstrap


@app.command()
def up(
    folder: Folder = LOCAL,
    kafka_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Default 9092, or a free one.")] = None,
    redis_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Default 6379, or a free one.")] = None,
) -> None:
    """Start a real Kafka and a real Redis on this machine, without Docker."""
    with told_in_one_sentence():
        stack.up(folder, kafka_port=kafka_port, redis_port=redis_port, report=out.print)


@app.command()
def down(
    folder: Folder = LOCAL, wipe: Annotated[bool, typer.Option(help="Delete the data and logs, too.")] = False
) -> None:
    """Stop the folder's workers and what `up` started."""
    with told_in_one_sentence():
        for line in stack.down(folder, wipe=wipe):
            out.print(line, markup=False)


@topics.command("apply")
def topics_apply(
    folder: Folder = LOCAL,
    world: Annotated[datetime | None, typer.Option(help="Begin a world whose clock stands at this time.")] = None,
    replication: Annotated[int, typer.Option(help="Replication factor of created topics.")] = 1,
) -> None:
    """Create missing topics; the first time, begin the epoch: the wall clock, or a world's."""
    now = datetime.now(UTC) if world is None else world.replace(tzinfo=world.tzinfo or SHANGHAI)
    with told_in_one_sentence():
        bootstrap = stack.endpoints(folder).kafka_bootstrap_servers
        authority = Keyring(folder / "keys").public_key(AUTHORITY)
        epoch = Epoch(clock="wall" if world is None else "world", now=now, authority_key=authority)
        done = asyncio.run(broker_topics.apply(bootstrap, epoch, replication=replication))
        if world is not None and not any(line.startswith("began the epoch") for line in done):
            done = [*done, _not_applied(bootstrap)]
    for line in done or ["nothing to do: topics and epoch are there"]:
        out.print(line, markup=False)


def _not_applied(bootstrap: str) -> str:
    registry = asyncio.run(read_registry(bootstrap))
    if registry.epoch is None or registry.now is None:
        return "--world was not applied"
    stands = f"{registry.now.astimezone(SHANGHAI):%Y-%m-%d %H:%M} (UTC+8)"
    return f"--world was not applied: there is an epoch, and its {registry.epoch.clock} clock stands at {stands}"


@topics.command("check")
def topics_check(folder: Folder = LOCAL, as_json: Json = False) -> None:
    """Name every difference of the broker from the catalogue; exit code 1 if there is one."""
    with told_in_one_sentence():
        found = asyncio.run(broker_topics.differences(stack.endpoints(folder).kafka_bootstrap_servers))
    if as_json:
        out.print_json(json.dumps({"differences": found}))
    else:
        for line in found or ["the broker's topics are those of the catalogue"]:
            out.print(line, markup=False)
    if found:
        raise typer.Exit(NOT_RIGHT)


@app.command()
def keys(
    names: Annotated[
        list[str],
        typer.Argument(metavar="DEPARTMENT…", help="Such as human-resources; or files of policies, for all they name."),
    ],
    folder: Folder = LOCAL,
) -> None:
    """Make departments' signing keys, and print the statement that makes their public halves known."""
    with told_in_one_sentence():
        files = [Path(name) for name in names if name.endswith(".yaml")]
        named = departments(files) + [name for name in names if not name.endswith(".yaml")]
    for department in named:
        try:
            TypeAdapter(Department).validate_python(department)
        except ValidationError as error:
            raise typer.BadParameter(f"{department!r} is no department's name, such as human-resources") from error
    with told_in_one_sentence():
        ring = Keyring(folder / "keys")
        listed = [ring.sender_key(department).model_dump() for department in named]
    out.print_json(json.dumps({"keys": listed}))


@app.command()
def worker(
    role: Annotated[Role | None, typer.Option(help="Default: all three, a process each.")] = None,
    folder: Folder = LOCAL,
) -> None:
    """Run a role until SIGTERM. It refuses to start on a broker whose topics differ from the catalogue."""
    with told_in_one_sentence():
        endpoints = stack.endpoints(folder)
        if role is None:
            raise typer.Exit(worker_command.run_all(endpoints, folder))
        raise typer.Exit(worker_command.run_role(role, endpoints, folder))


@app.command()
def publish(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Policies, statements (.yaml; or a folder of statements), rosters (.csv), events (.jsonl)."
        ),
    ],
    folder: Folder = LOCAL,
) -> None:
    """Publish files of events; returns once Kafka has acknowledged all of them."""
    with told_in_one_sentence():
        bootstrap = _broker(folder)
        registry = asyncio.run(read_registry(bootstrap))
        now = registry.now if registry.epoch and registry.epoch.clock == "world" else None
        ring = Keyring(folder / "keys")
        for file in [each for given in files for each in (statements(given) if given.is_dir() else [given])]:
            with progress_bar() as bar:
                messages = read_messages(file, ring, now or datetime.now(UTC))
                count = asyncio.run(send(bootstrap, bar.track(messages, description=f"publishing {file.name}")))
            out.print(f"{file}: {count} events acknowledged", markup=False)


@clock.command("advance")
def clock_advance(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The world's new date.")], folder: Folder = LOCAL
) -> None:
    """Move a world's clock to the beginning of a day, after everything published so far."""
    with told_in_one_sentence():
        bootstrap = _broker(folder)
        moment = asyncio.run(advance(bootstrap, Role.INTAKE.group, day.date()))
    out.print(f"the world's clock stands at {moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M} (UTC+8)")


@app.command()
def wait(
    folder: Folder = LOCAL,
    within: Annotated[float | None, typer.Option(min=0, help="Seconds to wait; default: for ever.")] = None,
) -> None:
    """Return once everything published is decided and no roll-out is open; exit code 1 if it is not in time."""
    with told_in_one_sentence(), progress_bar() as bar:
        bootstrap = _broker(folder)
        task = bar.add_task("partitions settled", total=None)
        left = asyncio.run(
            wait_command.wait(bootstrap, within, lambda done, of: bar.update(task, completed=done, total=of))
        )
        refused = asyncio.run(rejected_command.refused(bootstrap))
    for line in left:
        err.print(f"open: {line}", markup=False)
    if refused:
        told = "1 record was" if len(refused) == 1 else f"{len(refused)} records were"
        err.print(f"{told} refused: see `zhida rejected`", markup=False)
    if left:
        raise typer.Exit(NOT_RIGHT)


@app.command()
def rejected(folder: Folder = LOCAL, as_json: Json = False) -> None:
    """List the refused records: where each stands, the code, the field and a sentence; not their content."""
    with told_in_one_sentence():
        asyncio.run(rejected_command.show(_broker(folder), as_json=as_json))


@app.command()
def watch(
    folder: Folder = LOCAL,
    once: Annotated[bool, typer.Option(help="End at the end of the list.")] = False,
    as_json: Json = False,
) -> None:
    """Show pushes and reminders as they come."""
    with told_in_one_sentence():
        url = stack.endpoints(folder).redis_url
        try:
            asyncio.run(watch_command.watch(url, once=once, as_json=as_json))
        except KeyboardInterrupt:
            err.print("stopped")


@app.command()
def explain(
    subject: str,
    policy: str,
    partition: Annotated[int | None, typer.Option(min=0, help="With --offset, as a decision names them.")] = None,
    offset: Annotated[int | None, typer.Option(min=0, help="By the journal up to this offset.")] = None,
    at: Annotated[datetime | None, typer.Option(help="By the journal until time went past this moment, UTC+8.")] = None,
    journal_file: Annotated[
        Path | None, typer.Option("--journal", help="An exported journal, instead of the running stack's.")
    ] = None,
    folder: Folder = LOCAL,
    as_json: Json = False,
) -> None:
    """Why a subject is or is not eligible for a policy: by the committed state, or the journal up to some point."""
    if (partition is not None and offset is None) or (offset is not None and at is not None):
        raise typer.BadParameter("give --offset (and its --partition), or --at, or neither")
    with told_in_one_sentence():
        subject = explain_command.checked(subject, partition)
        moment = None if at is None else at.replace(tzinfo=at.tzinfo or SHANGHAI)
        until = explain_command.Until(subject, policy, offset, moment)
        if journal_file is not None:
            explain_command.of_file(journal_file, until, as_json=as_json)
        elif offset is None and at is None:
            asyncio.run(explain_command.of_committed_state(_broker(folder), subject, policy, as_json=as_json))
        else:
            asyncio.run(explain_command.of_journal(_broker(folder), until, as_json=as_json))


Journal = Annotated[
    Path | None, typer.Option("--journal", help="Fold an exported journal instead of reading the running stack.")
]
Partition = Annotated[int | None, typer.Option(min=0, max=JOURNAL_PARTITIONS - 1, help="Default: all.")]
Chart = Annotated[Path | None, typer.Option("--chart", help="Draw a chart, too: to an .svg, or a .png.")]


def _states(folder: Path, journal_file: Path | None, chart: Path | None) -> list[PartitionState]:
    """Every partition's state, committed or folded; what cannot be drawn is refused before that takes its time."""
    if chart is not None:
        charts.check(chart)
    if journal_file is not None:
        return advise_command.folded(journal_file)
    return asyncio.run(read_states(_broker(folder)))


@app.command()
def advise(folder: Folder = LOCAL, journal_file: Journal = None, chart: Chart = None, as_json: Json = False) -> None:
    """Which direct-list policies are decidable without an application, or nearly, and how many subjects that frees."""
    with told_in_one_sentence():
        advise_command.show(_states(folder, journal_file, chart), chart, as_json=as_json)


@app.command()
def gaps(folder: Folder = LOCAL, journal_file: Journal = None, chart: Chart = None, as_json: Json = False) -> None:
    """Which facts are missing, by the decisions they block, and who holds them."""
    with told_in_one_sentence():
        gaps_command.show(_states(folder, journal_file, chart), chart, as_json=as_json)


@app.command()
def preview(
    policy: Annotated[Path, typer.Argument(metavar="POLICY.yaml", help="A policy, or a publication of one.")],
    against: Annotated[Path | None, typer.Option(metavar="OTHER.yaml", help="Compare with this policy.")] = None,
    against_published: Annotated[bool, typer.Option(help="Compare with its version that acts now.")] = False,
    folder: Folder = LOCAL,
    journal_file: Journal = None,
    chart: Chart = None,
    as_json: Json = False,
) -> None:
    """Whom a policy would reach, what it would cost, and what is missing; nothing is published."""
    if against is not None and against_published:
        raise typer.BadParameter("give --against OTHER.yaml or --against-published, not both")
    with told_in_one_sentence():
        document = preview_command.read_policy(policy)
        other = None if against is None else preview_command.read_policy(against)
        states = _states(folder, journal_file, chart)
        if against_published:
            other = preview_command.published(states, document.id)
        preview_command.show(states, document, other, chart, as_json=as_json)


@journal.command("export")
def journal_export(file: Path, folder: Folder = LOCAL) -> None:
    """Write every journal record to a file, one line each; `zhida simulate --journal` folds it."""

    async def run(bootstrap: str) -> int:
        count = 0
        with file.open("w", encoding="utf-8") as lines, progress_bar() as bar:
            task = bar.add_task("exporting", total=None)
            async for line in export_journal(bootstrap):
                lines.write(line + "\n")
                count += 1
                bar.update(task, completed=count)
        return count

    with told_in_one_sentence():
        count = asyncio.run(run(_broker(folder)))
    out.print(f"{file}: {count} records", markup=False)


def _partitions(partition: int | None) -> range:
    return range(JOURNAL_PARTITIONS) if partition is None else range(partition, partition + 1)


@app.command()
def snapshot(partition: Partition = None, folder: Folder = LOCAL) -> None:
    """Keep the partitions' committed state as files under the folder, for replays to begin from."""
    with told_in_one_sentence():
        asyncio.run(snapshot_command.take(_broker(folder), _partitions(partition), folder))


@app.command()
def replay(
    partition: Annotated[int, typer.Option(min=0, max=JOURNAL_PARTITIONS - 1, help="Of the journal.")],
    to: Annotated[int, typer.Option("--to", min=0, help="The last journal offset folded.")],
    given: Annotated[
        Path | None,
        typer.Option("--from", metavar="SNAPSHOT", help="Default: the latest kept one, or the journal's beginning."),
    ] = None,
    folder: Folder = LOCAL,
    as_json: Json = False,
) -> None:
    """Fold a partition's journal to an offset and compare with what was committed; exit code 1 if it differs."""
    with told_in_one_sentence():
        replayed = asyncio.run(replay_command.replay(_broker(folder), partition, to, given, folder))
    if not replay_command.show(replayed, as_json=as_json):
        raise typer.Exit(NOT_RIGHT)


@app.command()
def verify(
    partition: Partition = None,
    from_snapshot: Annotated[
        bool, typer.Option("--from-snapshot", help="Begin at the latest kept snapshots, not where the journal does.")
    ] = False,
    folder: Folder = LOCAL,
    as_json: Json = False,
) -> None:
    """Compare the running cluster with a fresh fold of its journal; exit code 1 if anything differs."""
    with told_in_one_sentence():
        found = verify_command.verify(_broker(folder), _partitions(partition), folder, from_snapshot=from_snapshot)
        right = asyncio.run(verify_command.show(found, as_json=as_json))
    if not right:
        raise typer.Exit(NOT_RIGHT)


@app.command()
def audit(subject: str, journal_file: Journal = None, folder: Folder = LOCAL, as_json: Json = False) -> None:
    """Every journal record that touched a subject, and every effect it had, with offsets."""
    with told_in_one_sentence():
        subject = explain_command.checked(subject)
        if journal_file is not None:
            done = audit_command.of_file(journal_file, subject)
        else:
            done = asyncio.run(audit_command.of_cluster(_broker(folder), subject, folder))
    audit_command.show(done, as_json=as_json)


@app.command()
def simulate(
    journal_file: Annotated[Path | None, typer.Option("--journal", help="An exported journal.")] = None,
    policies: Annotated[Path | None, typer.Option(help="A folder of policies.")] = None,
    events: Annotated[list[Path] | None, typer.Option(help="Files of events, merged by time; can be repeated.")] = None,
    catalogue: Annotated[Path, typer.Option(help="A folder of statements: facts.yaml and what goes with it.")] = Path(
        "examples/catalogue"
    ),
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day.")] = None,
) -> None:
    """The same reducer without a broker: effects as JSON lines on stdout, progress on stderr.

    Either --journal FILE, or --policies DIR with --events FILE.
    """
    with told_in_one_sentence():
        if journal_file is not None and policies is None and not events:
            simulate_command.journal(journal_file)
        elif journal_file is None and policies is not None and events:
            simulate_command.world(policies, events, catalogue, None if until is None else until.date())
        else:
            raise typer.BadParameter("give --journal FILE, or --policies DIR and --events FILE")


@app.command()
def contracts(
    folder: Annotated[Path, typer.Option("--folder", help="Where the pages live.")] = Path("docs/contracts"),
    golden: Annotated[Path, typer.Option(help="The golden events.")] = Path("tests/contracts/golden"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 if a file differs.")] = False,
) -> None:
    """Write the contract pages, JSON Schemas and the AsyncAPI document from the models."""
    with told_in_one_sentence():
        right = contracts_command.run(folder, golden, check=check)
    if not right:
        raise typer.Exit(NOT_RIGHT)


@app.command()
def calendar(
    first: Annotated[int, typer.Argument(help="The first year.")],
    last: Annotated[int | None, typer.Argument(help="The last year; default: only the first.")] = None,
) -> None:
    """Print the official working-day calendar of some years as a statement to publish."""
    with told_in_one_sentence():
        statement = calendar_statement(first, first if last is None else last)
    sys.stdout.write(yaml.safe_dump(statement, sort_keys=False, default_flow_style=None, width=118))


@app.command()
def world(
    subjects: Annotated[int, typer.Option(min=1, help="How many.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    folder: Annotated[Path, typer.Option("--out", help="Where to write.")] = LOCAL / "world",
) -> None:
    """Generate a realistic province and its events of 2024 and 2025, as files."""
    with progress_bar() as bar:
        task = bar.add_task("events", total=None)
        summary = write(folder, subjects, seed, progress=lambda n: bar.update(task, completed=n))
    out.print(
        f"{folder}: {summary.load} events to begin with, {summary.changes} changes, {summary.roster} roster lines"
    )


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="Stop everything at the end; exit code 0 only if all was right.")] = False,
    subjects: Annotated[int, typer.Option(min=10, help="How many.")] = 2000,
    seed: int = 7,
    folder: Folder = LOCAL / "demo",
) -> None:
    """The main job, end to end, on a real Kafka: a province lives through two years."""
    with told_in_one_sentence():
        right = play.play(folder, subjects=subjects, seed=seed, once=once)
    raise typer.Exit(0 if right else NOT_RIGHT)
