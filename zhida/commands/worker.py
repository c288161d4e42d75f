"""`zhida worker`: one role in this process, or all three in processes of their own."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from pathlib import Path

from prometheus_client import start_http_server
from redis.asyncio import Redis

from connectors.notice_list import RedisNoticeList
from streams.app import Role, Settings, run
from zhida.console import NOT_RIGHT, err
from zhida.stack import Endpoints
from zhida.workers import start_workers, stop_workers

LOOK_EVERY = 0.5  # seconds
METRICS_PORT_VARIABLE = "ZHIDA_METRICS_PORT"


def run_role(role: Role, endpoints: Endpoints, folder: Path) -> int:
    """Run a role to its end and return the exit code; what ended it is the last line on stderr."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for chatty in ("aiokafka", "faust", "mode"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if port := os.environ.get(METRICS_PORT_VARIABLE):
        start_http_server(int(port))
    try:
        asyncio.run(_run(role, endpoints, folder))
    except Exception as error:
        logging.getLogger("zhida").debug("traceback", exc_info=error)
        print(f"worker of role {role} ended: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(NOT_RIGHT)  # this is the last line: threads and tasks that are left would complain of the closed loop
    return 0


async def _run(role: Role, endpoints: Endpoints, folder: Path) -> None:
    settings = Settings(endpoints.kafka_bootstrap_servers, folder)
    if role is not Role.EDGE:
        await run(role, settings)
        return
    async with Redis.from_url(endpoints.redis_url) as redis:
        await redis.ping()
        await run(role, settings, RedisNoticeList(redis))


def run_all(endpoints: Endpoints, folder: Path) -> int:
    """A process per role until SIGTERM or SIGINT, or until one of them ends; then the others are stopped, too."""
    workers = start_workers(Role, endpoints, folder)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, frame: stopping.append(received))
    for worker in workers:
        err.print(f"{worker.role}: process {worker.process.pid}, log {worker.log}", markup=False)
    while not stopping and all(worker.process.poll() is None for worker in workers):
        time.sleep(LOOK_EVERY)
    ended = [worker for worker in workers if worker.process.poll() is not None]
    stop_workers(workers)
    for worker in ended:
        told = worker.last_line() if worker.process.returncode else "it was asked to"
        err.print(f"{worker.role} ended: {told}", markup=False)
    asked = stopping or not any(worker.process.returncode for worker in ended)
    return 0 if asked else NOT_RIGHT
