"""Processes that outlive the command that started them; only that very process is ever stopped."""

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from zhida.stack.errors import StackError

# psutil derives the creation time from the boot time, which a clock adjustment can move a little.
_SAME_PROCESS_SECONDS = 1.0


@dataclass(frozen=True)
class Running:
    """What a pid file says; `created` (Unix seconds) tells the process from a later owner of its pid."""

    pid: int
    created: float
    address: str


def running(pid_file: Path) -> Running | None:
    """What the pid file names, if that very process is still alive."""
    record = _read(pid_file)
    return record if record and _process(record) else None


def start(
    name: str,
    command: Sequence[str],
    *,
    address: str,
    answers: Callable[[], bool],
    log: Path,
    pid_file: Path,
    seconds: float,
) -> Running:
    """Start `command` in a session of its own and wait until it answers; one that does not is stopped again.

    Its output is appended to `log`. Raises StackError, with the log's last line if the process ended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as output:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        record = recorded(child.pid, address, pid_file)
    except (OSError, psutil.Error) as error:
        raise StackError(f"{name} cannot start: {error}.") from error
    child.returncode = 0  # it is left alone on purpose: no ResourceWarning when `child` goes
    try:
        wait_ready(name, record, answers, log=log, seconds=seconds)
    except BaseException:
        stop(pid_file)
        raise
    return record


def recorded(pid: int, address: str, pid_file: Path) -> Running:
    """Write the pid file of a process just started."""
    record = Running(pid, psutil.Process(pid).create_time(), address)
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.write_text(json.dumps(asdict(record)))
    return record


def wait_ready(name: str, record: Running, answers: Callable[[], bool], *, log: Path, seconds: float) -> None:
    """Wait until `answers()`; StackError if the process ends before, or the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answered = answers()
        if _process(record) is None:  # asked after: what answers may be another process that took the port first
            raise StackError(f"{name} ended while starting; the last line of {log} is: {_last_line(log)}")
        if answered:
            return
        if time.monotonic() > deadline:
            raise StackError(f"{name} did not answer at {record.address} within {seconds:.0f} s; see {log}.")
        time.sleep(0.05)


def stop(pid_file: Path, *, seconds: float = 20.0) -> Running | None:
    """Ask the process to end, wait, then kill it; returns what was stopped, None if it was not running.

    A pid that has passed to another process is left alone. The pid file is gone afterwards.
    """
    record = _read(pid_file)
    process = _process(record) if record else None
    if process:
        try:
            process.terminate()
            process.wait(seconds)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(seconds)
        except psutil.NoSuchProcess:
            pass
    pid_file.unlink(missing_ok=True)
    return record if process else None


def stop_all(pid_files: Iterable[Path], *, seconds: float) -> list[Running]:
    """Ask all the processes to end, wait for all until one deadline, kill the rest; returns those that were running.

    A pid that has passed to another process is left alone. The pid files are gone afterwards.
    """
    files = list(pid_files)
    records = [record for file in files if (record := _read(file)) and _process(record)]
    for record in records:
        _signal(record, psutil.Process.terminate)
    deadline = time.monotonic() + seconds
    while any(_process(record) for record in records) and time.monotonic() < deadline:
        time.sleep(0.05)
    for record in records:
        _signal(record, psutil.Process.kill)
    for file in files:
        file.unlink(missing_ok=True)
    return records


def _signal(record: Running, send: Callable[[psutil.Process], None]) -> None:
    process = _process(record)
    if process:
        with suppress(psutil.NoSuchProcess):
            send(process)


def _read(pid_file: Path) -> Running | None:
    try:
        return Running(**json.loads(pid_file.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StackError(f"{pid_file} is not a pid file of ours; look at it and delete it.") from error


def _process(record: Running) -> psutil.Process | None:
    """The live process that `record` describes, never another one with the same pid."""
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.created) < _SAME_PROCESS_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "(empty)")
