"""`python -m bench engine [--quick] [--json] [--seed N]`: results on stdout, progress and parameters on stderr."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console

from bench.engine.report import parameters, show
from bench.engine.run import QUICK, SEED, WHOLE, run

PIPED_WIDTH = 140


def main() -> int:
    """Exit code 1 where something disagreed with the plain evaluator."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    engine = parser.add_subparsers(required=True).add_parser("engine", help="the eligibility engine and its peers")
    engine.add_argument("--quick", action="store_true", help="in under three minutes on two cores")
    engine.add_argument("--json", action="store_true", help="one object instead of tables")
    engine.add_argument("--seed", type=int, default=SEED, help="of all generators")
    given = parser.parse_args()
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    sizes = QUICK if given.quick else WHOLE
    for line in parameters(sizes, given.seed):
        err.print(line)
    figures = run(sizes, given.seed, err.print)
    if given.json:
        print(json.dumps(figures.summary(), indent=2))
    else:
        show(figures, Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH))
    return 1 if figures.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
