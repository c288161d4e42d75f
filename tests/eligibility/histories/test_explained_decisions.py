"""Every decision, explained at its own journal position: the same verdict, version, reasons and amount."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from eligibility.explain import Explained, fold_and_explain
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.state import canonical_records, load_state
from schemas.decisions import Decision, Verdict


def explained(partition: Any) -> Iterator[tuple[list[Decision], tuple[Explained, ...], PartitionState]]:
    """Per record, subject and policy: its decisions, and how they are explained."""
    decisions = [effect for effect in partition.effects if isinstance(effect, Decision)]
    state = PartitionState(0)
    for offset, value in enumerate(partition.log):
        here = [decision for decision in decisions if decision.journal.offset == offset]
        for subject, policy in dict.fromkeys((d.match.subject, d.match.policy) for d in here):
            copy = load_state(0, canonical_records(state).items())
            found = fold_and_explain(copy, offset, value, subject, policy)
            yield [d for d in here if (d.match.subject, d.match.policy) == (subject, policy)], found, copy
        fold(state, offset, value)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_every_decision_is_explained_as_it_was_taken(data: st.DataObject, histories: Any, play: Any) -> None:
    partition = play(data.draw(histories))
    versions: dict[str, int] = {}
    for decisions, found, state in explained(partition):
        assert [each.decision for each in found] == decisions
        for each in found:
            decision, evaluation = each.decision, each.evaluation
            match = str(decision.match)
            assert each.explanation.verdict(each.key) is decision.verdict
            if evaluation is None:
                assert (decision.reasons, decision.amount) == ([], None)
                assert decision.policy_version == versions[match], "the version it was last open by"
            else:
                assert decision.policy_version == evaluation.policy.version
                assert decision.reasons == list(evaluation.reasons)
                assert decision.amount == (evaluation.amount if decision.verdict is Verdict.ELIGIBLE else None)
            versions[match] = decision.policy_version
            event(f"{decision.verdict}, {'no evaluation' if evaluation is None else 'evaluated'}")
            if state.registry.now is not None and decision.as_of < state.registry.now:
                event("of an earlier moment")
            assert each.agrees
    assert versions, "somebody is eligible for something from the start"
