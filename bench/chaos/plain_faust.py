"""An ordinary Faust 0.15.3 application, as its documentation would have it written: a table of facts, one agent, a
decision sent for each change. Run by the harness as `python -m bench.chaos.plain_faust MODE BOOTSTRAP FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import faust

CHANGES = "plain.changes.{mode}"
DECISIONS = "plain.decisions.{mode}"
PARTITIONS = 4
SESSION_TIMEOUT = 8.0  # as in our own workers, so that a zombie takes as long to be missed
AT_MOST_STAFF = 30


def verdict(facts: dict[str, Any]) -> str:
    """The one rule: relief for enterprises in being that have at most so many in post."""
    staff, status = facts.get("employees_in_post"), facts.get("registration_status")
    if staff is None or status is None:
        return "undetermined"
    return "eligible" if status == "active" and staff <= AT_MOST_STAFF else "ineligible"


class Change(faust.Record, serializer="json"):
    """What a registry says about a subject; `n` counts a subject's changes from 1."""

    subject: str
    n: int
    facts: dict[str, Any]


class Decision(faust.Record, serializer="json"):
    """What follows from a subject's facts after its n-th change."""

    subject: str
    n: int
    verdict: str


def create_app(mode: str, bootstrap_servers: str, folder: Path) -> faust.App:
    """`mode`: Faust's processing guarantee, at_least_once or exactly_once."""
    app = faust.App(
        f"plain-{mode}",
        broker=f"aiokafka://{bootstrap_servers}",
        datadir=str(folder),
        processing_guarantee=mode,
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        broker_session_timeout=SESSION_TIMEOUT,
        broker_heartbeat_interval=1.0,
        web_enabled=False,
    )
    changes = app.topic(CHANGES.format(mode=mode), key_type=str, value_type=Change)
    decisions = app.topic(DECISIONS.format(mode=mode), key_type=str, value_type=Decision)
    known = app.Table("facts", default=dict)

    @app.agent(changes)
    async def decide(changes: Any) -> None:
        async for change in changes:
            facts = {**known[change.subject], **change.facts}
            known[change.subject] = facts
            await decisions.send(key=change.subject, value=Decision(change.subject, change.n, verdict(facts)))

    return app


if __name__ == "__main__":
    faust.Worker(create_app(sys.argv[1], sys.argv[2], Path(sys.argv[3])), loglevel="INFO").execute_from_commandline()
