"""The local stack: one Kafka broker and one Redis, started and stopped together, or what the caller names."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from zhida.stack import kafka, processes, redis
from zhida.stack.errors import StackError

FOLDER = Path(".local")
KAFKA_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
REDIS_VARIABLE = "REDIS_URL"
WORKERS_STOP_WITHIN = 15.0  # seconds until workers that do not stop are killed


@dataclass(frozen=True)
class Endpoints:
    """Where the stack answers: `host:port[,host:port]` and `redis://host:port/database`."""

    kafka_bootstrap_servers: str
    redis_url: str


def up(
    folder: Path = FOLDER,
    *,
    kafka_port: int | None = None,
    redis_port: int | None = None,
    report: Callable[[str], None] = print,
) -> Endpoints:
    """Start what is not running yet and return where it answers; run again, it starts nothing.

    What KAFKA_BOOTSTRAP_SERVERS or REDIS_URL names is used as it is. Without a port the usual one is taken
    (9092, 6379), or a free one if that is taken; `report` gets one line for each thing worth saying.
    Raises StackError, whose text is one sentence.
    """
    bootstrap, url = os.environ.get(KAFKA_VARIABLE), os.environ.get(REDIS_VARIABLE)
    if bootstrap:
        report(f"Kafka at {bootstrap}, as {KAFKA_VARIABLE} says")
    if url:
        report(f"Redis at {url}, as {REDIS_VARIABLE} says")
    found = Endpoints(
        kafka_bootstrap_servers=bootstrap or kafka.up(folder, port=kafka_port, report=report),
        redis_url=url or redis.up(folder, port=redis_port, report=report),
    )
    folder.mkdir(parents=True, exist_ok=True)
    _state(folder).write_text(json.dumps(asdict(found), indent=2) + "\n")
    return found


def down(folder: Path = FOLDER, *, wipe: bool = False) -> list[str]:
    """Stop the folder's workers, then what `up` started; with `wipe` delete its data and logs, too.

    Returns one line for each thing done. What the environment names was not started here and is not stopped.
    Fetched jars are kept.
    """
    workers = processes.stop_all(worker_pid_files(folder), seconds=WORKERS_STOP_WITHIN)
    done = [f"worker {record.address}, process {record.pid}, stopped" for record in workers]
    for name, address in (("Kafka", kafka.down(folder)), ("Redis", redis.down(folder))):
        done.append(f"{name} at {address} stopped" if address else f"{name} was not running")
    _state(folder).unlink(missing_ok=True)
    if wipe:
        for data in ("kafka", "redis", "logs"):
            shutil.rmtree(folder / data, ignore_errors=True)
        done.append(f"data and logs under {folder} deleted")
    return done


def endpoints(folder: Path = FOLDER) -> Endpoints:
    """Where the stack answers: what the environment names, else what `up` wrote; StackError if neither."""
    bootstrap, url = os.environ.get(KAFKA_VARIABLE), os.environ.get(REDIS_VARIABLE)
    if bootstrap and url:
        return Endpoints(bootstrap, url)
    try:
        written = Endpoints(**json.loads(_state(folder).read_text()))
    except FileNotFoundError as error:
        raise StackError(
            f"The stack is not up: run `make up`, or set {KAFKA_VARIABLE} and {REDIS_VARIABLE}."
        ) from error
    return Endpoints(bootstrap or written.kafka_bootstrap_servers, url or written.redis_url)


def worker_pid_file(folder: Path, role: str, pid: int) -> Path:
    """Where the pid of a worker stands that runs in a process of its own."""
    return folder / "run" / f"worker-{role}-{pid}.json"


def worker_pid_files(folder: Path) -> list[Path]:
    """The pid files of the folder's workers, also of those that have ended by themselves."""
    return sorted((folder / "run").glob("worker-*.json"))


def _state(folder: Path) -> Path:
    return folder / "stack.json"
