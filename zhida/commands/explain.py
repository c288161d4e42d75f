"""`zhida explain`: a policy for a subject, in words; as of now, or of a position or a moment of the journal."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aiokafka import TopicPartition
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from eligibility.business_time import SHANGHAI, business_date
from eligibility.evaluate import Evaluation
from eligibility.explain import Explained, Explanation, explain, fold_and_explain
from eligibility.facts_view import MissingFact
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from schemas.decisions import Reason
from schemas.identifiers import check_subject, journal_partition
from schemas.journal import ControlEntry, Epoch, Tick, journal_record
from schemas.policy import Policy
from schemas.rejected import RejectCode
from schemas.topics import JOURNAL, JOURNAL_PARTITIONS
from streams.errors import Refused, StopPartition
from streams.partition import read_state
from streams.reading import read_to_end, reader
from zhida.console import out, progress_bar
from zhida.recorded import file_records

WORDS = {True: "eligible", False: "ineligible", None: "undetermined"}
MARKS = {True: "yes", False: "no", None: "unknown"}


@dataclass
class Until:
    """A journal partition folded up to an offset, or for as long as time has not gone past a moment; else all of it.

    `decided`: what the record at the offset decided about the subject and the policy.
    """

    subject: str
    policy: str
    offset: int | None
    moment: datetime | None
    state: PartitionState = field(init=False)
    decided: tuple[Explained, ...] = ()

    def __post_init__(self) -> None:
        self.state = PartitionState(journal_partition(self.subject, JOURNAL_PARTITIONS))

    def take(self, offset: int, value: bytes) -> bool:
        """Fold a record; False once nothing more is to be folded. Raises StopPartition where a record is lacking."""
        if offset > self.state.offset + 1:
            raise StopPartition(
                f"journal partition {self.state.partition}: record {offset} follows {self.state.offset}; what stood "
                "between is gone: explain from a journal exported before it was deleted (--journal)"
            )
        if offset == self.offset:
            self.decided = fold_and_explain(self.state, offset, value, self.subject, self.policy)
            return False
        if self.moment is not None and _time_of(value, self.moment) > self.moment:
            return False
        fold(self.state, offset, value)
        return True

    def at_its_end(self) -> None:
        """All that there is has been folded. Raises Refused when the offset or the moment is yet to come."""
        now = self.state.registry.now
        if self.offset is not None:
            where = f"journal partition {self.state.partition}"
            text = f"{where} ends at offset {self.state.offset}; {self.offset} is yet to come"
            raise Refused(RejectCode.BAD_VALUE, text)
        if self.moment is not None and now is not None and business_date(self.moment) > business_date(now):
            text = f"{_shown(self.moment)} is yet to come: the journal's time stands at {_shown(now)}"
            raise Refused(RejectCode.BAD_VALUE, text)


def _time_of(value: bytes, otherwise: datetime) -> datetime:
    """The time that a record moves the clock to."""
    if b'"tick"' not in value and b'"epoch"' not in value:  # no other record needs to be read for that
        return otherwise
    with suppress(ValidationError):  # what is no record is for the fold to say
        match journal_record.validate_json(value):
            case ControlEntry(record=Tick(at=at)):
                return at
            case ControlEntry(record=Epoch(now=now)):
                return now
    return otherwise


def checked(subject: str, partition: int | None = None) -> str:
    """The subject, if it is a subject key and the partition, where one is given, is its own.

    Raises Refused, which does not repeat the subject: a mistyped one may be a person's identity number.
    """
    try:
        check_subject(subject)
    except ValueError as error:
        expected = "give a firm's unified social credit code, or a person's pseudonym, p- and hexadecimal digits"
        raise Refused(RejectCode.BAD_SUBJECT, f"SUBJECT: {error}; {expected}") from None
    own = journal_partition(subject, JOURNAL_PARTITIONS)
    if partition not in (None, own):
        text = f"--partition {partition}: this subject's journal is partition {own}; correct one of the two"
        raise Refused(RejectCode.BAD_VALUE, text)
    return subject


async def of_committed_state(bootstrap_servers: str, subject: str, policy: str, *, as_json: bool) -> None:
    """Explain by the committed state."""
    async with reader(bootstrap_servers) as consumer:
        state = await read_state(consumer, journal_partition(subject, JOURNAL_PARTITIONS))
    _print(state, subject, policy, (), as_json=as_json)


async def of_journal(bootstrap_servers: str, until: Until, *, as_json: bool) -> None:
    """Explain by the journal as it is kept in Kafka."""
    async with reader(bootstrap_servers, committed=False) as consumer:
        with progress_bar() as bar:
            task = bar.add_task("journal records", total=None)
            async for record in read_to_end(consumer, TopicPartition(JOURNAL, until.state.partition)):
                bar.advance(task)
                if not until.take(record.offset, record.value):
                    break
            else:
                until.at_its_end()
    _print(until.state, until.subject, until.policy, until.decided, as_json=as_json)


def of_file(file: Path, until: Until, *, as_json: bool) -> None:
    """Explain by an exported journal. Raises FileRefused for a line that is none of one."""
    records = file_records(file, until.state.partition)
    with progress_bar() as bar:
        for offset, value in bar.track(records, description="journal records"):
            if not until.take(offset, value):
                break
        else:
            until.at_its_end()
    _print(until.state, until.subject, until.policy, until.decided, as_json=as_json)


def _print(state: PartitionState, subject: str, policy: str, decided: tuple[Explained, ...], *, as_json: bool) -> None:
    explanation = explain(state, subject, policy)
    if as_json:
        data = as_data(explanation, state, subject, policy) | {"decided": [_decision(each) for each in decided]}
        out.print_json(json.dumps(data, ensure_ascii=False))
        return
    for each in decided:
        _show_decision(each)
    _show_state(explanation, state, policy)
    versions = _versions(state, subject)
    said = ", ".join(f"{provider} {version}" for provider, version in versions.items()) or "nobody has said anything"
    out.print(f"\nthe last version taken of each provider: {said}", markup=False)


def _show_state(explanation: Explanation, state: PartitionState, policy: str) -> None:
    if explanation.version is None:
        why = "it is withdrawn" if explanation.withdrawn else "its first is to act later"
        out.print(f"{policy}: no version acts as of {_shown(explanation.at)}; {why}", markup=False)
        return
    document = explanation.version.document
    title, rest = document.title, f" ({document.title.en}), version {document.version}, {document.document}"
    out.print(f"[bold]{escape(title.zh)}[/]{escape(rest)}")
    out.print(f"journal {state.partition}@{state.offset}, as of {_shown(explanation.at)}")
    for evaluation in explanation.evaluations:
        _show(evaluation, explanation)


def _show_decision(explained: Explained) -> None:
    decision, evaluation = explained.decision, explained.evaluation
    what = ", ".join(part for part in (decision.match.period, decision.match.item) if part != "-")
    about = f"{decision.verdict}{f' for {what}' if what else ''}, version {decision.policy_version}"
    out.print(f"decided here, as of {_shown(decision.as_of)}: {about}, effect {decision.effect_id}", markup=False)
    if evaluation is None:
        out.print("no condition was asked: the policy, the period or the item had come to its end\n", markup=False)
    else:
        _show(evaluation, explained.explanation)
        out.print()


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M} (UTC+8)"


def _versions(state: PartitionState, subject: str) -> dict[str, int]:
    """What each provider's next change must be above: a version that is not changes nothing."""
    file = state.files.get(subject)
    return {} if file is None else dict(sorted(file.versions.items()))


def as_data(explanation: Explanation, state: PartitionState, subject: str, policy: str) -> dict[str, object]:
    """The explanation for scripts."""
    version = explanation.version
    return {
        "subject": subject,
        "policy": policy,
        "policy_version": None if version is None else version.document.version,
        "as_of": explanation.at.isoformat(),
        "journal": {"partition": state.partition, "offset": state.offset},
        "provider_versions": _versions(state, subject),
        "evaluations": [_evaluation(e, explanation) for e in explanation.evaluations],
    }


def _evaluation(e: Evaluation, explanation: Explanation) -> dict[str, object]:
    decides = explanation.smallest.get(e.key)
    return {
        "period": e.key.period,
        "item": e.key.item,
        "verdict": WORDS[e.eligible],
        "over": e.over,
        "reasons": [reason.model_dump(mode="json") for reason in e.reasons],
        "missing": [missing._asdict() for missing in sorted(e.missing)],
        "would_decide": None if decides is None else [missing._asdict() for missing in decides],
        "amount": None if e.amount is None else e.amount.model_dump(),
    }


def _decision(explained: Explained) -> dict[str, object]:
    decision, evaluation = explained.decision, explained.evaluation
    return {
        "effect_id": decision.effect_id,
        "period": decision.match.period,
        "item": decision.match.item,
        "verdict": decision.verdict,
        "policy_version": decision.policy_version,
        "as_of": decision.as_of.isoformat(),
        "evaluation": None if evaluation is None else _evaluation(evaluation, explained.explanation),
    }


def _show(evaluation: Evaluation, explanation: Explanation) -> None:
    key = evaluation.key
    what = ", ".join(part for part in (key.period, key.item) if part != "-")
    out.print(f"\n[bold]{WORDS[evaluation.eligible]}[/]" + escape(f" for {what}" if what else ""))
    if evaluation.policy.for_each is not None and key.item == "-":
        out.print(f"there is no item of the list {evaluation.policy.for_each}", markup=False)
    elif evaluation.over:
        out.print(f"outside its time: {_times(evaluation.policy)}", markup=False)
    else:
        out.print(_table(evaluation))
    for missing in sorted(evaluation.missing):
        out.print(f"missing: {_named(missing)}", markup=False)
    if evaluation.eligible is None:
        decides = explanation.smallest[key]
        told = "no facts can" if decides is None else "; ".join(map(_named, decides))
        out.print(f"the fewest that would decide: {told}", markup=False)
    if evaluation.amount is not None:
        value = "not computable" if evaluation.amount.value is None else f"{evaluation.amount.value} 元"
        out.print(f"amount: {value} ({evaluation.amount.arithmetic})", markup=False)


def _named(missing: MissingFact) -> str:
    label = missing.name + "".join(f"[{part}]" for part in (missing.period, missing.item) if part != "-")
    return f"{label}, held by {missing.provider}"


def _table(evaluation: Evaluation) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("condition", "holds", "observed", "said by"):
        table.add_column(heading, no_wrap=not out.is_terminal)  # a row stays one line where a script may read it
    for reason in evaluation.reasons:
        cells = (reason.condition, MARKS[reason.value], _observed(reason), _said_by(reason))
        table.add_row(*map(escape, cells))
    return table


def _times(policy: Policy) -> str:
    listed = [("valid", policy.valid), ("claims", policy.claim)]
    return ", ".join(
        f"{what} from {time.from_}" + (f" to {time.to}" if time.to else "") for what, time in listed if time is not None
    )


def _observed(reason: Reason) -> str:
    label = "".join(f" [{part}]" for part in (reason.period, reason.item) if part is not None)
    return "–" if reason.observed is None else f"{reason.observed}{label}"


def _said_by(reason: Reason) -> str:
    if reason.inputs:
        return ", ".join(sorted({source.provider for source in reason.inputs}))
    how = "" if reason.provider_version is None else f" (version {reason.provider_version})"
    if reason.complete_as_of is not None:
        how = f" (not on its list, complete as of {reason.complete_as_of})"
    return f"{reason.provider or '–'}{how}"
