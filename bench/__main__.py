"""`python -m bench NAME [--quick] [--json] [--seed N]`: results on stdout, progress and parameters on stderr.

Each subcommand is a module with `HELP`, `add_arguments(parser)` and `run(arguments)`, which returns the exit code.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

COMMANDS = {
    "engine": "bench.engine.command",
    "pipeline": "bench.pipeline.command",
    "chaos": "bench.chaos.command",
    "simulate": "bench.simulation.command",
}


def main() -> int:
    """Exit code 1 where a subcommand found a fault."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    chosen = parser.add_subparsers(required=True)
    for name, module in COMMANDS.items():
        command = import_module(module)
        its = chosen.add_parser(name, help=command.HELP)
        its.add_argument("--quick", action="store_true", help="minutes instead of the whole")
        its.add_argument("--json", action="store_true", help="one object instead of tables")
        command.add_arguments(its)
        its.set_defaults(run=command.run)
    given = parser.parse_args()
    return int(given.run(given))


if __name__ == "__main__":
    sys.exit(main())
