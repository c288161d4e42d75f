"""Worker processes, one per role, each with its log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from streams.app import Role
from zhida.stack import Endpoints

STOP_WITHIN = 30.0  # seconds until a worker that does not stop is killed


class Worker:
    """One worker process of a role."""

    def __init__(
        self, role: Role, endpoints: Endpoints, folder: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.role = role
        self.log = folder / "logs" / f"worker-{role}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        named = {"KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka_bootstrap_servers, "REDIS_URL": endpoints.redis_url}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "zhida", "worker", "--role", role.value, "--folder", str(folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **named, **(environment or {})},
                start_new_session=True,
            )

    def stop(self) -> int:
        """Ask it to end, wait, and return its exit code; one that does not end in time is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def last_line(self) -> str:
        """The last line of its log: what ended it."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"


def start_workers(roles: Iterable[Role], endpoints: Endpoints, folder: Path) -> list[Worker]:
    """A worker per role."""
    return [Worker(role, endpoints, folder) for role in roles]


def stop_workers(workers: Iterable[Worker]) -> None:
    """Stop them all, asking all before waiting for any."""
    listed = list(workers)
    for worker in listed:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGTERM)
    for worker in listed:
        worker.stop()
