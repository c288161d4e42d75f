"""`python -m bench pipeline`: every side's decisions are checked before its figures count."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from bench.pipeline.report import parameters, show
from bench.pipeline.rig import BenchError
from bench.pipeline.run import QUICK, WHOLE
from bench.pipeline.run import run as run_pipeline
from bench.pipeline.workload import SEED
from zhida.stack.local import FOLDER

HELP = "the running system, a textbook Faust app and the bare client; with --quick in under eight minutes on two cores"
PIPED_WIDTH = 140
CACHE_VARIABLE = "ZHIDA_CACHE"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Beside --quick and --json."""
    parser.add_argument("--seed", type=int, default=SEED, help="of all generators")


def run(given: argparse.Namespace) -> int:
    """1 where something disagreed, or could not be measured."""
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    os.environ.setdefault(CACHE_VARIABLE, str(Path(FOLDER / "cache").resolve()))
    signal.signal(signal.SIGTERM, _stop)  # what was started is stopped on the way out
    sizes, began = QUICK if given.quick else WHOLE, time.monotonic()
    for line in parameters(sizes, given.seed):
        err.print(line)
    try:
        figures = run_pipeline(sizes, given.seed, lambda said: err.print(f"{time.monotonic() - began:4.0f} s  {said}"))
    except BenchError as error:
        err.print(f"nothing is measured: {error}")
        return 1
    if given.json:
        print(json.dumps(figures.summary(), indent=2))
    else:
        show(figures, Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH))
    return 1 if figures.mismatches else 0


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
