"""Worker processes, one per role, each with its log and its pid file, by which `zhida down` stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from streams.app import Role
from zhida.stack import Endpoints, processes
from zhida.stack.local import WORKERS_STOP_WITHIN, worker_pid_file


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
        self.pid_file = worker_pid_file(folder, role.value, self.process.pid)
        processes.recorded(self.process.pid, role.value, self.pid_file)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, unless it has ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self, within: float = WORKERS_STOP_WITHIN) -> int:
        """Ask it to end, wait, and return its exit code; one that does not end in time is killed."""
        self.ask_to_stop()
        try:
            self.process.wait(max(0.0, within))
        except subprocess.TimeoutExpired:
            self.process.kill()
        code = self.process.wait()
        self.pid_file.unlink(missing_ok=True)
        return code

    def last_line(self) -> str:
        """The last line of its log: what ended it."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"


def start_workers(roles: Iterable[Role], endpoints: Endpoints, folder: Path) -> list[Worker]:
    """A worker per role."""
    return [Worker(role, endpoints, folder) for role in roles]


def stop_workers(workers: Iterable[Worker]) -> None:
    """Stop them all, asking all before waiting for any; those left at the common deadline are killed."""
    listed = list(workers)
    for worker in listed:
        worker.ask_to_stop()
    deadline = time.monotonic() + WORKERS_STOP_WITHIN
    for worker in listed:
        worker.stop(deadline - time.monotonic())
