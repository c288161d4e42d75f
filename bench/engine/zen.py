"""GoRules' zen-engine, a rule engine in Rust with Python bindings: its expressions, one per policy.

An expression stops with an error where it compares null, and knows two values only. Each policy is one expression
that guards its tests and gives 0 for false, 1 for true and 2 for unknown: first whether no test is false, then whether
all are true. The facts are handed over as JSON text made beforehand, which is faster than a dictionary.

`PerPolicy` evaluates the compiled expressions one by one, which is the loop one writes first. `OneDecision` holds them
all in one decision, so that the facts are taken in once for all policies; it is the fastest way we found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bench.engine.facts import FACTS
from bench.engine.peers import Flip, InProcess
from bench.engine.rules import BenchPolicy, Joined, Member, Opposite, Row, Span, Tree
from bench.engine.subjects import Change
from eligibility.kleene import Truth

VERDICTS: dict[int, Truth] = {0: False, 1: True, 2: None}


def expression(policy: BenchPolicy) -> str:
    """The policy in zen's language."""
    return f"{_source(policy.tree, unknown=True)} ? ({_source(policy.tree, unknown=False)} ? 1 : 2) : 0"


def _source(tree: Tree, *, unknown: bool) -> str:
    match tree:
        case Joined(every, parts):
            return "(" + (" and " if every else " or ").join(_source(part, unknown=unknown) for part in parts) + ")"
        case Opposite(part):
            name, test = FACTS[part.place].name, f"not ({_test(part)})"
        case _:
            name, test = FACTS[tree.place].name, _test(tree)
    return f"({name} == null or {test})" if unknown else f"({name} != null and {test})"


def _test(part: Span | Member) -> str:
    name = FACTS[part.place].name
    match part:
        case Member(_, codes):
            return f"{name} in [{', '.join(map(str, sorted(codes)))}]"
        case Span(_, low, high):
            bounds = [f"{name} {sign} {bound}" for sign, bound in ((">=", low), ("<=", high)) if bound is not None]
            return f"({' and '.join(bounds)})"


def _facts(row: Row) -> str:
    return json.dumps({fact.name: code for fact, code in zip(FACTS, row, strict=True)})


class _Zen(InProcess):
    def __init__(self) -> None:
        self.texts: dict[int, tuple[str, str]] = {}

    def prepare(self, changes: Sequence[Change]) -> None:
        """The rows as JSON."""
        self.texts = {id(change): (_facts(change.before), _facts(change.after)) for change in changes}


class PerPolicy(_Zen):
    """A loop over compiled expressions."""

    name = "zen-engine"

    def __init__(self, policies: Sequence[BenchPolicy]) -> None:
        import zen

        super().__init__()
        self.expressions: list[tuple[int, Any]] = [
            (policy.key, zen.compile_expression(expression(policy))) for policy in policies
        ]

    def flips(self, change: Change) -> list[Flip]:
        """By evaluating all of them on both rows."""
        before, after = self.texts[id(change)]
        return [
            Flip(key, VERDICTS[old], VERDICTS[new])
            for key, each in self.expressions
            if (old := each.evaluate(before)) != (new := each.evaluate(after))
        ]


class OneDecision(_Zen):
    """One decision with an expression per policy."""

    name = "zen-engine, one decision"

    def __init__(self, policies: Sequence[BenchPolicy]) -> None:
        import zen

        super().__init__()
        names = [(f"p{policy.key}", expression(policy)) for policy in policies]
        expressions = [{"id": name, "key": name, "value": text} for name, text in names]
        nodes: list[dict[str, Any]] = [
            {"id": "in", "type": "inputNode", "name": "in"},
            {"id": "all", "type": "expressionNode", "name": "all", "content": {"expressions": expressions}},
            {"id": "out", "type": "outputNode", "name": "out"},
        ]
        for node in nodes:
            node["position"] = {"x": 0, "y": 0}
        edges = [
            {"id": f"{source}-{target}", "type": "edge", "sourceId": source, "targetId": target}
            for source, target in (("in", "all"), ("all", "out"))
        ]
        content = zen.ZenDecisionContent(json.dumps({"nodes": nodes, "edges": edges}))
        self.decision = zen.ZenEngine().create_decision(content)
        self.keys = {f"p{policy.key}": policy.key for policy in policies}

    def flips(self, change: Change) -> list[Flip]:
        """By one decision per row, and the difference of what they say."""
        before, after = (self.decision.evaluate(text)["result"] for text in self.texts[id(change)])
        return [
            Flip(self.keys[name], VERDICTS[old], VERDICTS[after[name]])
            for name, old in before.items()
            if old != after[name]
        ]
