"""`python -m bench engine`: every answer is checked against the plain evaluator before anything is timed."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console

from bench.engine.report import parameters, show
from bench.engine.run import QUICK, SEED, WHOLE
from bench.engine.run import run as run_engine

HELP = "the eligibility engine and its peers; with --quick in under three minutes on two cores"
PIPED_WIDTH = 140


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Beside --quick and --json."""
    parser.add_argument("--seed", type=int, default=SEED, help="of all generators")


def run(given: argparse.Namespace) -> int:
    """1 where something disagreed with the plain evaluator."""
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    sizes = QUICK if given.quick else WHOLE
    for line in parameters(sizes, given.seed):
        err.print(line)
    figures = run_engine(sizes, given.seed, err.print)
    if given.json:
        print(json.dumps(figures.summary(), indent=2))
    else:
        show(figures, Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH))
    return 1 if figures.mismatches else 0
