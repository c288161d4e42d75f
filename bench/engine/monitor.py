"""Lucene Monitor 9.9.2, which keeps queries and is asked with documents: a child process that answers on request.

A policy is a query, true where the policy is; what is unknown is a field the document does not have. Regions are terms
for the county, its city and its province, so that a subtree is one term, by which the presearcher can choose. A change
is two documents. The time is taken in Java, around each match, without the pipe.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.engine.facts import FACTS, NUMERIC, REGION
from bench.engine.peers import Answered, Flip
from bench.engine.rules import BenchPolicy, Joined, Opposite, Row, Span, Tree
from bench.engine.subjects import Change
from schemas.catalogue import FactType

HERE = Path(__file__).parent / "lucene"
OPEN = 1 << 60
AS_POINTS = (*NUMERIC, FactType.DATE)
WARM_UP = 3


class NoMonitor(Exception):
    """Lucene Monitor cannot be run here; the text says why."""


def query(tree: Tree) -> str:
    """A tree in the harness's prefix form."""
    match tree:
        case Joined(every, parts):
            return f"{'&' if every else '|'} {len(parts)} {' '.join(map(query, parts))}"
        case Opposite(part):
            return f"! {query(part)}"
        case Span(place, low, high) if FACTS[place] is REGION:
            assert low is not None and (low, high) == REGION.subtree(REGION.codes[low])
            return f"= {place} 1 {low}"
        case Span(place, low, high):
            return f"[ {place} {-OPEN if low is None else low} {OPEN if high is None else high}"
    return f"= {tree.place} {len(tree.codes)} {' '.join(map(str, sorted(tree.codes)))}"


def document(row: Row) -> str:
    """A row in the harness's form."""
    return " ".join(field for place, code in enumerate(row) if code is not None for field in _fields(place, code))


def _fields(place: int, code: int) -> Iterator[str]:
    if FACTS[place].type in AS_POINTS:
        yield f"{place}#{code}"
        return
    yield f"{place}={code}"
    if FACTS[place] is REGION:
        county = REGION.codes[code]
        yield from (f"{place}={REGION.codes.index(county[:length])}" for length in (2, 4))


class LuceneMonitor:
    """The child process, with policies registered."""

    name = "lucene-monitor"
    two_valued = True

    def __init__(self, process: subprocess.Popen[str], policies: Sequence[BenchPolicy]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self.sent: IO[str] = process.stdin
        self.told: IO[str] = process.stdout
        self.places: dict[int, int] = {}
        self._load("queries", [f"{policy.key} {query(policy.tree)}" for policy in policies])

    def prepare(self, changes: Sequence[Change]) -> None:
        """Hand over two documents a change, and let the machine warm up on them."""
        self.places = {id(change): 2 * place for place, change in enumerate(changes)}
        self._load("documents", [document(row) for change in changes for row in (change.before, change.after)])
        for _ in range(WARM_UP):
            self.answer(changes)

    def answer(self, changes: Sequence[Change]) -> Answered:
        """The queries that match before and not after, or the other way round."""
        flips, seconds = [], []
        for change in changes:
            place = self.places[id(change)]
            print("match", place, place + 2, file=self.sent, flush=True)
            (first, before), (second, after) = self._matched(), self._matched()
            flips.append({Flip(key, key in before, key in after) for key in before ^ after})
            seconds.append((first + second) / 1e9)
        return Answered(flips, seconds)

    def _load(self, what: str, lines: list[str]) -> None:
        print(f"{what} {len(lines)}", *lines, sep="\n", file=self.sent, flush=True)
        if (said := self.told.readline()) != "ready\n":
            raise NoMonitor(f"the harness ended while it took in {what}; it said {said!r}")

    def _matched(self) -> tuple[int, set[int]]:
        nanoseconds, *keys = map(int, self.told.readline().split())
        return nanoseconds, set(keys)


@contextmanager
def monitor(policies: Sequence[BenchPolicy]) -> Iterator[LuceneMonitor]:
    """A running monitor. Raises NoMonitor where Java or Maven is missing, or the jars cannot be had."""
    for needed in ("java", "javac", "mvn"):
        if shutil.which(needed) is None:
            raise NoMonitor(f"{needed} is not on PATH; install a JDK of 17 or later and Maven")
    command = ["java", "-Xmx2g", "-cp", _classpath(), str(HERE / "MonitorHarness.java")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield LuceneMonitor(process, policies)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def _classpath() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classpath"
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:build-classpath"]
        done = subprocess.run([*command, f"-Dmdep.outputFile={path}"], capture_output=True, text=True)
        if done.returncode:
            raise NoMonitor(f"Maven cannot get Lucene's jars: {done.stdout.strip().splitlines()[:1]}")
        return path.read_text()
