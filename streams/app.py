"""The Faust app of each role: agents, positions, and what is started before them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import faust

from streams.agents import decide, fan_out, serve, take_in
from streams.broker_topics import differences
from streams.chunks import Positions
from streams.clients import KafkaClients
from streams.control import ControlReader
from streams.errors import StopWorker
from streams.intake import Intake
from streams.ownership import SESSION_TIMEOUT, Ownership
from streams.producers import idempotent_producer
from streams.reading import reader
from streams.serving import NoticeList, Serving
from streams.watchdog import Watchdog

log = logging.getLogger(__name__)

FETCH_BYTES = 262_144  # of a partition, beside what is held; the broker sends a first batch that is larger whole
TRANSACTIONS_AT_ONCE = 2
"""One is folded while another is being committed. What comes meanwhile for the other partitions makes their next
transactions larger: all at once, each would take as long as all (decision 0019)."""
COMMIT_INTERVAL = 0.5  # seconds between commits of group offsets


class Role(StrEnum):
    """What a worker does; each role is a process and a consumer group of its own."""

    INTAKE = "intake"
    ELIGIBILITY = "eligibility"
    EDGE = "edge"

    @property
    def group(self) -> str:
        """The role's consumer group."""
        return f"zhida-{self.value}"


@dataclass(frozen=True)
class Settings:
    """Where a worker finds its broker, and where Faust may keep a folder."""

    bootstrap_servers: str
    folder: Path


async def check_topics(bootstrap_servers: str) -> None:
    """Raise StopWorker when the broker's topics are not those of the catalogue."""
    found = await differences(bootstrap_servers)
    if found:
        raise StopWorker(f"the broker differs from the topic catalogue: {'; '.join(found)}")


Declare = Callable[[faust.App], Positions]


def create_app(role: Role, settings: Settings, declare: Declare) -> faust.App:
    """The app of a role; `declare` hangs its agents on the app and says its positions."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    app: Any = faust.App(
        role.group,
        broker=f"zhida://{settings.bootstrap_servers}",
        datadir=str(settings.folder / "faust"),
        table_standby_replicas=0,  # no tables; and with them Faust's assignor can leave a worker without partitions
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_commit_interval=COMMIT_INTERVAL,
        broker_heartbeat_interval=1.0,
        broker_session_timeout=SESSION_TIMEOUT,
        broker_request_timeout=40.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
    )
    app.boot_strategy.enable_kafka_producer = False  # it confirms nothing; our own producers do
    app.isolation_level = "read_committed" if role is Role.EDGE else "read_uncommitted"
    app.chunks_at_once = TRANSACTIONS_AT_ONCE if role is Role.ELIGIBILITY else None
    app.positions = declare(app)
    return app


async def run(role: Role, settings: Settings, notices: NoticeList | None = None) -> None:
    """Run a role until SIGTERM or SIGINT; `notices` is the edge's read model.

    Raises what ended the worker otherwise. What was begun and not committed is taken up again by the next owner.
    """
    async with Watchdog(f"worker of role {role}") as watchdog, AsyncExitStack() as stack:
        await check_topics(settings.bootstrap_servers)
        app = create_app(role, settings, await _declaration(role, settings, notices, stack))
        await run_app(app, watchdog)


async def run_app(app: faust.App, watchdog: Watchdog) -> None:
    """Run an app until SIGTERM or SIGINT, which finish or abandon the chunks in hand, commit what is done and leave the
    group; raises what crashed it."""
    stopped = asyncio.Event()

    def stop() -> None:
        watchdog.stopping("it was asked to")
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    app.finalize()
    await app.start()
    log.info("%s started", watchdog.name)
    ended = [asyncio.create_task(event.wait()) for event in (stopped, app._crashed)]
    await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.cancel()
    if app.crash_reason is not None:
        watchdog.stopping(f"{type(app.crash_reason).__name__}: {app.crash_reason}")
    await app.stop()
    if app.crash_reason is not None:
        raise app.crash_reason


async def _declaration(role: Role, settings: Settings, notices: NoticeList | None, stack: AsyncExitStack) -> Declare:
    if role is Role.EDGE:
        if notices is None:
            raise StopWorker("the edge role needs a read model")
        return lambda app: serve.declare(app, Serving(notices))
    producer = idempotent_producer(settings.bootstrap_servers)
    await producer.start()
    stack.push_async_callback(producer.stop)
    if role is Role.ELIGIBILITY:
        return lambda app: decide.declare(app, Ownership(KafkaClients(settings.bootstrap_servers), producer, app.crash))
    control = ControlReader(await stack.enter_async_context(reader(settings.bootstrap_servers)))

    def declare(app: faust.App) -> Positions:
        intake = Intake(settings.bootstrap_servers, producer, control, app.crash)
        take_in.declare(app, intake)
        return fan_out.declare(app, intake)

    return declare
