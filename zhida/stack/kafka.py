"""One real Kafka broker on this machine: KRaft, a single node that is broker and controller."""

import base64
import os
import socket
import subprocess
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from zhida.stack import jars, java, ports, processes
from zhida.stack.errors import StackError

VERSION = "4.3.1"
PORT = 9092
_START_SECONDS = 90

# Metadata, version 5, no topics: correlation 1, no client id, do not create topics.
_METADATA_REQUEST = bytes.fromhex("0000000f 0003 0005 00000001 ffff 00000000 00")

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
log.cleaner.dedupe.buffer.size=33554432
"""


def up(
    folder: Path,
    *,
    port: int | None = None,
    report: Callable[[str], None] = print,
    properties: Mapping[str, str] | None = None,
) -> str:
    """Start the broker with its data under `folder`, unless it runs; returns its bootstrap address.

    `properties`: server properties in place of ours, or beside them. The jars are kept in `folder`/cache, or in the
    folder that ZHIDA_CACHE names. Raises StackError.
    """
    folder = folder.resolve()
    pid_file, log = folder / "run" / "kafka.json", folder / "logs" / "kafka.log"
    found = processes.running(pid_file)
    if found:
        if port and found.address != f"{ports.HOST}:{port}":
            raise StackError(f"Kafka already runs at {found.address}, so it cannot be started on port {port} too.")
        found_port = int(found.address.rpartition(":")[2])
        processes.wait_ready("Kafka", found, lambda: answers(found_port), log=log, seconds=_START_SECONDS)
        report(f"Kafka already runs at {found.address}")
        return found.address
    chosen = ports.choose("Kafka", port, PORT)
    cache = Path(os.environ.get("ZHIDA_CACHE") or folder / "cache").resolve()
    class_path = str(jars.folder(VERSION, cache, report) / "*")
    java_path = java.find()
    configured = _configure(folder / "kafka", chosen, properties or {})
    _format(java_path, class_path, configured, folder / "kafka")
    command = [java_path, "-Xms256m", "-Xmx768m", "-Djava.awt.headless=true", "-Dlog4j2.level=WARN"]
    record = processes.start(
        "Kafka",
        [*command, "-cp", class_path, "kafka.Kafka", str(configured)],
        address=f"{ports.HOST}:{chosen}",
        answers=lambda: answers(chosen),
        log=log,
        pid_file=pid_file,
        seconds=_START_SECONDS,
    )
    otherwise = "" if port or chosen == PORT else f" (port {PORT} is taken)"
    report(f"Kafka {VERSION} answers at {record.address}{otherwise}")
    return record.address


def down(folder: Path) -> str | None:
    """Stop the broker that `up` started; returns the address it had, None if it was not running."""
    stopped = processes.stop(folder.resolve() / "run" / "kafka.json")
    return stopped.address if stopped else None


def answers(port: int) -> bool:
    """Whether a broker at `port` takes requests and the controller counts it as alive."""
    try:
        with socket.create_connection((ports.HOST, port), timeout=2) as connection:
            connection.sendall(_METADATA_REQUEST)
            with connection.makefile("rb") as stream:
                reply = stream.read(16)  # length, correlation, throttle time, number of brokers
    except OSError:
        return False
    return len(reply) == 16 and int.from_bytes(reply[12:16], "big", signed=True) > 0


def _configure(data: Path, port: int, properties: Mapping[str, str]) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    file = data.parent / "run" / "kafka.properties"
    file.parent.mkdir(exist_ok=True)
    ours = _PROPERTIES.format(host=ports.HOST, port=port, controller_port=ports.free(), data=data.as_posix())
    kept = [line for line in ours.splitlines() if line.partition("=")[0] not in properties]
    file.write_text("".join(f"{line}\n" for line in (*kept, *(f"{key}={value}" for key, value in properties.items()))))
    return file


def _format(java_path: str, class_path: str, properties: Path, data: Path) -> None:
    """Give an empty data folder its cluster id; one that has its id is left as it is."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    if (data / "meta.properties").exists():
        return
    tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", f"--cluster-id={cluster}", "-c", str(properties)]
    try:
        done = subprocess.run(
            [java_path, "-cp", class_path, *tool], capture_output=True, text=True, timeout=_START_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"Kafka's storage cannot be formatted: {error}.") from error
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines() or ["nothing"]
        raise StackError(f"Kafka's storage cannot be formatted; the tool said: {said[-1]}")
