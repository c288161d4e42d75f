"""`python -m bench chaos`: faults on a real Kafka, and what they lost, doubled or reordered: nothing, one hopes."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from rich.console import Console

from bench.chaos.run import QUICK, SEED, WHOLE
from bench.chaos.run import run as run_plan

HELP = "faults on a real Kafka, and a plain Faust app beside; with --quick in under ten minutes on two cores"
FOLDER = Path(".local/chaos")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Beside --quick and --json."""
    parser.add_argument("--seed", type=int, default=SEED, help="of the load and of every fault")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for the ledger and, after a fault, the logs")


def run(given: argparse.Namespace) -> int:
    """1 where something was lost, doubled or reordered, or a fault could not be made."""
    err, out = Console(stderr=True, highlight=False, soft_wrap=True), Console(highlight=False, soft_wrap=True)
    plan = QUICK if given.quick else WHOLE
    found = asyncio.run(run_plan(plan, given.seed, given.folder, lambda line: err.print(line, markup=False)))
    if given.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for name, value in found.items():
            out.print(f"{name}: {value}", markup=False)
    return 0 if found["right"] else 1
