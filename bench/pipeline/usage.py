"""What a stretch of work took: CPU by process, bytes on disk and over the loopback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

LOOPBACK = "lo"


@dataclass(frozen=True)
class Usage:
    """CPU seconds: by role, of this process, of the whole machine while not idle, and those that all its cores have.

    `disk`: bytes that the broker's logs grew by; `wire`: bytes over the loopback, whoever sent them.
    """

    cpu: dict[str, float]
    bench: float
    busy: float
    possible: float
    disk: int
    wire: int

    def __sub__(self, before: Usage) -> Usage:
        """What came between two readings."""
        return self._with(before, -1)

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return self._with(other, 1)

    def _with(self, other: Usage, sign: int) -> Usage:
        return Usage(
            {role: seconds + sign * other.cpu[role] for role, seconds in self.cpu.items()},
            self.bench + sign * other.bench,
            self.busy + sign * other.busy,
            self.possible + sign * other.possible,
            self.disk + sign * other.disk,
            self.wire + sign * other.wire,
        )

    @property
    def others(self) -> float:
        """The share of the machine that went to processes that are no part of the side measured."""
        return max(0.0, self.busy - self.bench - sum(self.cpu.values())) / self.possible


def usage(processes: Mapping[str, psutil.Process], data: Path) -> Usage:
    """A reading. `data`: the broker's folder of logs."""
    machine = psutil.cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    counters = psutil.net_io_counters(pernic=True).get(LOOPBACK)
    return Usage(
        cpu={role: _seconds(process) for role, process in processes.items()},
        bench=_seconds(psutil.Process()),
        busy=sum(machine) - idle,
        possible=sum(machine),
        disk=sum(log.stat().st_size for log in data.rglob("*.log")),
        wire=counters.bytes_recv if counters else 0,
    )


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
