"""Whether what came out is right: held against the input files, and against a second fold of the journal."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from eligibility.business_time import start_of
from eligibility.explain import explain
from eligibility.partition_state import PartitionState
from schemas.identifiers import journal_partition
from schemas.topics import JOURNAL_PARTITIONS
from zhida.demo.expected import Expectation, as_compared
from zhida.demo.readback import Outcome

SAMPLED = 500
FIRST_DAY = date(2024, 1, 1)


@dataclass(frozen=True)
class Finding:
    """One thing checked: what must hold, whether it did, and the figures."""

    claim: str
    holds: bool
    figures: str


def check_eligible(actual: dict[str, dict[str, Any]], expectation: Expectation, today: date) -> Finding:
    """The eligible set with version, amount and reasons is that of the input files."""
    expected = expectation.eligible(today)
    differing = [match for match in expected.keys() & actual.keys() if expected[match] != actual[match]]
    missing, extra = expected.keys() - actual.keys(), actual.keys() - expected.keys()
    figures = f"{len(actual)} matches; {len(missing)} missing, {len(extra)} too many, {len(differing)} differing"
    wrong = sorted([*missing, *extra, *differing])
    return Finding(
        f"on {today} the eligible set, with versions, amounts and reasons, is that of the input files",
        not wrong,
        figures + (f"; first: {wrong[0]}" if wrong else ""),
    )


def check_explained(
    states: list[PartitionState], expectation: Expectation, eligible: set[str], today: date, seed: int
) -> Finding:
    """Sampled other pairs, not eligible, are explained as the input files say."""
    matched = {tuple(match.split("|")[:2]) for match in eligible}
    published = sorted(expectation.publications)
    pairs = [(s, p) for s in sorted(expectation.subjects) for p in published if (s, p) not in matched]
    sample = random.Random(seed).sample(pairs, min(SAMPLED, len(pairs)))
    wrong = []
    for subject, policy in sample:
        state = states[journal_partition(subject, JOURNAL_PARTITIONS)]
        explained = explain(state, subject, policy).evaluations
        expected = expectation.evaluations(subject, policy, today)
        if [(e.key, e.eligible, as_compared(e), e.missing) for e in explained] != [
            (e.key, e.eligible, as_compared(e), e.missing) for e in expected
        ]:
            wrong.append((subject, policy))
    figures = f"{len(sample) - len(wrong)} of {len(sample)} agree" + (f"; first not: {wrong[0]}" if wrong else "")
    return Finding("other pairs are explained as the input files say", not wrong and bool(sample), figures)


def check_once(outcome: Outcome) -> Finding:
    """No effect id came twice."""
    twice = outcome.told_twice()
    return Finding(
        "nothing is told twice", not twice, f"{len(outcome.effect_ids)} effects, {len(twice)} of them repeated"
    )


def check_ended(outcome: Outcome, eligible: set[str], expectation: Expectation, today: date) -> Finding:
    """Some policies are over and matches ended with them; they match nobody, and none was called ineligible by it."""
    over = expectation.over(today)
    left = [match for match in eligible if match.split("|")[1] in over]
    called = [
        d
        for d in outcome.decisions
        if d["match"]["policy"] in over
        and d["verdict"] == "ineligible"
        and datetime.fromisoformat(d["as_of"]) >= start_of(over[d["match"]["policy"]] + timedelta(days=1))
    ]
    ended = sum(d["match"]["policy"] in over and d["verdict"] == "ended" for d in outcome.decisions)
    figures = f"{len(over)} policies over, {ended} matches ended, {len(left)} left, {len(called)} called ineligible"
    holds = bool(over) and ended > 0 and not left and not called
    return Finding(f"on {today} what has ended matches nobody, and was not called ineligible", holds, figures)


def check_standing(eligible: set[str], expectation: Expectation, today: date) -> Finding:
    """Policies still in force match somebody."""
    standing = expectation.acting(today).keys() - expectation.over(today)
    standing = {name for name in standing if (expectation.last_day(name, today) or today) >= today}
    counts = Counter(match.split("|")[1] for match in eligible)
    figures = ", ".join(f"{name} {counts[name]}" for name in sorted(standing))
    holds = bool(standing) and all(counts[name] for name in standing)
    return Finding(f"on {today} the policies in force still stand", holds, figures)


def check_every_policy(outcome: Outcome, expectation: Expectation) -> Finding:
    """Every policy found somebody at some time, but for those that were over before the world began."""
    matched = {d["match"]["policy"] for d in outcome.decisions if d["verdict"] == "eligible"}
    wanted = {
        name
        for name, published in expectation.publications.items()
        if any(compiled and (compiled.document.valid.to or FIRST_DAY) >= FIRST_DAY for _, compiled in published)
    }
    unmatched = sorted(wanted - matched)
    figures = f"{len(matched)} of {len(expectation.publications)} policies" + "".join(f"; not {p}" for p in unmatched)
    return Finding("every policy in force found somebody", bool(wanted) and not unmatched, figures)


def check_withdrawn(outcome: Outcome, eligible: set[str], expectation: Expectation, today: date) -> Finding:
    """What was withdrawn ended as withdrawn, and matches nobody."""
    gone = expectation.publications.keys() - expectation.acting(today).keys()
    withdrawn = Counter(d["match"]["policy"] for d in outcome.decisions if d["verdict"] == "withdrawn")
    left = [match for match in eligible if match.split("|")[1] in gone]
    figures = ", ".join(f"{name} {withdrawn[name]} withdrawn" for name in sorted(gone)) + f", {len(left)} left"
    holds = bool(gone) and not left and withdrawn.keys() == gone
    return Finding("what was withdrawn matches nobody, and said so", holds, figures)


def check_amended(outcome: Outcome, expectation: Expectation) -> Finding:
    """An amendment retracted and restated matches of the version before."""
    amended = {n for n, published in expectation.publications.items() if sum(c is not None for _, c in published) > 1}
    later = [d for d in outcome.decisions if d["match"]["policy"] in amended and d["policy_version"] > 1]
    verdicts = Counter(d["verdict"] for d in later)
    figures = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) + " under a new version"
    holds = bool(amended) and verdicts["eligible"] > 0 and verdicts["ineligible"] > 0
    return Finding("an amendment retracts and restates what it must", holds, figures)


def check_replayed(effects: Path, outcome: Outcome) -> Finding:
    """What `zhida simulate` made of the exported journal is what was committed, ids and all."""
    with effects.open(encoding="utf-8") as lines:
        folded = {entry["effect_id"]: entry for entry in map(json.loads, lines)}
    committed = {
        entry["effect_id"]: {"effect": kind, **entry}
        for kind, entries in (("decision", outcome.decisions), ("notice", outcome.notices))
        for entry in entries
    }
    figures = f"{len(folded)} folded, {len(committed)} committed, {len(folded.keys() ^ committed.keys())} in one only"
    claim = "simulate over the exported journal, under another hash seed, gives the same effects and ids"
    return Finding(claim, folded == committed and bool(folded), figures)
