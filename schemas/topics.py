"""The topic catalogue: every topic, its key, shape and retention, who writes and who reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DAY_MS = 86_400_000
RETENTION_MS = 35 * DAY_MS
FOREVER = -1
JOURNAL_PARTITIONS = 8  # fixed at creation; repartitioning is offline
MAX_SOURCE_BYTES = 1_048_576
MAX_CORE_BYTES = 4 * MAX_SOURCE_BYTES  # a rejection carries its record in base64

PROVIDERS = (
    "market-supervision",
    "tax",
    "human-resources",
    "disabled-persons-federation",
    "finance",
    "science-technology",
    "industry-information",
    "courts",
    "public-security",
    "emergency-management",
    "banks",
)
"""Data providers that publish changes, each on a topic of its own whose write permission is its identity."""


@dataclass(frozen=True)
class Topic:
    """One topic as it must stand on the broker; times in milliseconds, sizes in bytes."""

    name: str
    key: str
    partitions: int
    writers: str
    readers: str
    about: str
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int = RETENTION_MS
    max_bytes: int = MAX_CORE_BYTES
    unpacked: bool = False

    def config(self) -> dict[str, str]:
        """The broker settings it needs: append time, so that retention follows arrival and never a sender's clock.

        What others write is unpacked by the broker: whatever codec a sender chose can then be read, and the limit in
        bytes is that of what is read.
        """
        settings = {
            "cleanup.policy": self.cleanup,
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.max_bytes),
        }
        if self.unpacked:
            settings["compression.type"] = "uncompressed"
        if self.cleanup == "delete":
            settings["retention.ms"] = str(self.retention_ms)
        return settings

    @property
    def event_type(self) -> str:
        """The CloudEvents `type` of its records: the name without the version."""
        return self.name.rsplit(".", 1)[0]


def changes_topic(provider: str) -> str:
    """The topic on which a provider publishes."""
    return f"registry.changes.{provider}.v1"


ROSTERS = "roster.entries.v1"
COMMANDS = "subject.commands.v1"
RECEIPTS = "delivery.receipts.v1"
PUBLICATIONS = "policy.publications.v1"
STATEMENTS = "catalogue.statements.v1"
CONTROL = "control.v1"
JOURNAL = "eligibility.journal.v1"
STATE = "eligibility.state.v1"
DECISIONS = "eligibility.decisions.v1"
NOTICES = "notices.v1"
REJECTED = "intake.rejected.v1"


def _source(name: str, key: str, partitions: int, writers: str, about: str) -> Topic:
    return Topic(name, key, partitions, writers, "intake", about, max_bytes=MAX_SOURCE_BYTES, unpacked=True)


_SOURCES = (
    *(_source(changes_topic(p), "subject", 2, p, f"what {p} holds about a subject, as it changes") for p in PROVIDERS),
    _source(ROSTERS, "subject", 2, "implementing departments", "lines of the rosters of 名单类 policies"),
    _source(COMMANDS, "subject", 2, "channels, for subjects", "what subjects ask for"),
    _source(RECEIPTS, "subject", 2, "gateways", "what became of a notice"),
    _source(PUBLICATIONS, "policy", 1, "making departments", "policies published, amended, withdrawn"),
    _source(STATEMENTS, "catalogue", 1, "the catalogue's authority", "facts declared, senders' keys"),
)
_N = JOURNAL_PARTITIONS
_CORE = (
    Topic(CONTROL, "kind", 1, "intake, operators", "intake", "what reaches every partition", retention_ms=FOREVER),
    Topic(JOURNAL, "subject", _N, "intake, eligibility", "eligibility", "the log that decides"),
    Topic(STATE, "state key", _N, "eligibility", "eligibility", "subjects, policies, checkpoint", cleanup="compact"),
    Topic(DECISIONS, "match", _N, "eligibility", "anyone", "verdicts with their reasons", cleanup="compact"),
    Topic(NOTICES, "subject", _N, "eligibility", "edge, gateways", "pushes and reminders"),
    Topic(REJECTED, "origin", _N, "eligibility", "operators", "what was refused, with its bytes, and why"),
)
CATALOGUE: dict[str, Topic] = {topic.name: topic for topic in (*_SOURCES, *_CORE)}
SOURCES: tuple[str, ...] = tuple(topic.name for topic in _SOURCES)


def data_schema(topic: str) -> str:
    """The `dataschema` of a source topic's events: the type without the provider, such as registry.changes/1."""
    return ".".join(topic.split(".")[:2]) + "/1"


def provider_of(topic: str) -> str | None:
    """The provider whose topic this is, for registry.changes topics."""
    parts = topic.split(".")
    return parts[2] if parts[:2] == ["registry", "changes"] else None
