"""`python -m bench simulate`: intake and the partitions' owners over a log in memory, under faults, seed by seed."""

from __future__ import annotations

import argparse
import json
import sys

from bench.simulation.run import run_many, run_seeds

HELP = "seeded simulation without a broker: 10,000 seeds in about two minutes on two cores"
SEEDS, QUICK = 10_000, 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Beside --quick and --json."""
    parser.add_argument("--seeds", type=int, help=f"how many, from 0 on; {SEEDS}, or {QUICK} with --quick")
    parser.add_argument("--seed", type=int, help="this one alone, with everything that is done in it")


def run(given: argparse.Namespace) -> int:
    """1 where a seed has found something."""
    if given.seed is not None:
        return _one(given.seed, as_json=given.json)
    count = given.seeds if given.seeds is not None else QUICK if given.quick else SEEDS
    summary = run_many(0, count, lambda text: print(text, file=sys.stderr, flush=True))
    if given.json:
        print(json.dumps(summary.as_dict(), indent=2))
    else:
        faults = ", ".join(f"{name} {times}" for name, times in sorted(summary.faults.items()))
        print(f"{summary.seeds} seeds, {summary.records} source records; faults: {faults}")
        print(f"{len(summary.failed)} failed, {summary.seconds:.1f} s")
    return 1 if summary.failed else 0


def _one(seed: int, *, as_json: bool) -> int:
    (played,) = run_seeds([seed])
    if as_json:
        print(
            json.dumps(
                {"seed": seed, "digest": played.digest, "did": played.did, "findings": played.findings}, indent=2
            )
        )
    else:
        print("\n".join(played.did))
        print(f"digest of all that was written: {played.digest}")
        print("\n".join(played.findings) or "everything holds")
    return 1 if played.findings else 0
