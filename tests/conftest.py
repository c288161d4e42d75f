"""A real Kafka and a real Redis for tests that ask for one; a test that cannot have it fails, never skips."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zhida.stack import StackError, ports
from zhida.stack import kafka as kafka_stack
from zhida.stack import redis as redis_stack
from zhida.stack.local import KAFKA_VARIABLE, REDIS_VARIABLE

# The tests and the demo share one download of Kafka's jars.
os.environ.setdefault("ZHIDA_CACHE", str(Path(__file__).resolve().parents[1] / ".local" / "cache"))

REAL = {"kafka", "redis_url"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if REAL & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a broker that is ours alone, or of the one that KAFKA_BOOTSTRAP_SERVERS names."""
    if named := os.environ.get(KAFKA_VARIABLE):
        yield named
        return
    folder = tmp_path_factory.mktemp("kafka")
    yield _start(lambda: kafka_stack.up(folder, port=ports.free()))
    kafka_stack.down(folder)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis that is ours alone, or of the one that REDIS_URL names."""
    if named := os.environ.get(REDIS_VARIABLE):
        yield named
        return
    folder = tmp_path_factory.mktemp("redis")
    yield _start(lambda: redis_stack.up(folder, port=ports.free()))
    redis_stack.down(folder)


def _start(up: Callable[[], str]) -> str:
    try:
        return up()
    except StackError as error:
        pytest.fail(str(error), pytrace=False)
