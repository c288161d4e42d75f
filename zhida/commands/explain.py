"""`zhida explain`: a policy for a subject, in words."""

from __future__ import annotations

import json

from rich.markup import escape
from rich.table import Table

from eligibility.business_time import SHANGHAI
from eligibility.evaluate import Evaluation
from eligibility.explain import Explanation, explain
from eligibility.partition_state import PartitionState
from schemas.decisions import Reason
from schemas.identifiers import IdentityNumber, check_subject, journal_partition
from schemas.policy import Policy
from schemas.rejected import RejectCode
from schemas.topics import JOURNAL_PARTITIONS
from streams.errors import Refused
from streams.partition import read_state
from streams.reading import reader
from zhida.console import out

WORDS = {True: "eligible", False: "ineligible", None: "undetermined"}
MARKS = {True: "yes", False: "no", None: "unknown"}


async def show(bootstrap_servers: str, subject: str, policy: str, *, as_json: bool) -> None:
    """Print the explanation, as a table or as JSON."""
    try:
        check_subject(subject)
    except IdentityNumber as error:  # its value is repeated nowhere
        raise Refused(RejectCode.BAD_SUBJECT, str(error)) from None
    except ValueError as error:
        raise Refused(RejectCode.BAD_SUBJECT, f"{subject!r}: {error}") from error
    async with reader(bootstrap_servers) as consumer:
        state = await read_state(consumer, journal_partition(subject, JOURNAL_PARTITIONS))
    explanation = explain(state, subject, policy)
    if as_json:
        out.print_json(json.dumps(as_data(explanation, state, subject, policy), ensure_ascii=False))
        return
    if explanation.version is None:
        out.print(f"{policy}: no version acts now; it was withdrawn, or its first acts later", markup=False)
        return
    document = explanation.version.document
    title, rest = document.title, f" ({document.title.en}), version {document.version}, {document.document}"
    out.print(f"[bold]{escape(title.zh)}[/]{escape(rest)}")
    if state.registry.now is not None:
        as_of = state.registry.now.astimezone(SHANGHAI)
        out.print(f"journal {state.partition}@{state.offset}, as of {as_of:%Y-%m-%d %H:%M} (UTC+8)")
    for evaluation in explanation.evaluations:
        _show(evaluation)
    versions = _versions(state, subject)
    said = ", ".join(f"{provider} {version}" for provider, version in versions.items()) or "nobody has said anything"
    out.print(f"\nthe last version taken of each provider: {said}", markup=False)


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
        "journal": {"partition": state.partition, "offset": state.offset},
        "provider_versions": _versions(state, subject),
        "evaluations": [
            {
                "period": e.key.period,
                "item": e.key.item,
                "verdict": WORDS[e.eligible],
                "over": e.over,
                "reasons": [reason.model_dump(mode="json") for reason in e.reasons],
                "missing": [missing._asdict() for missing in sorted(e.missing)],
                "amount": None if e.amount is None else e.amount.model_dump(),
            }
            for e in explanation.evaluations
        ],
    }


def _show(evaluation: Evaluation) -> None:
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
        label = missing.name + "".join(f"[{part}]" for part in (missing.period, missing.item) if part != "-")
        out.print(f"missing: {label}, held by {missing.provider}", markup=False)
    if evaluation.amount is not None:
        value = "not computable" if evaluation.amount.value is None else f"{evaluation.amount.value} 元"
        out.print(f"amount: {value} ({evaluation.amount.arithmetic})", markup=False)


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
