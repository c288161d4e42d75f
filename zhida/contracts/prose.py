"""What the models do not say about a contract: what it is for, in which order it is read, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.rejected import RejectCode
from schemas.topics import CONTROL, JOURNAL, STATE

_C = RejectCode


@dataclass(frozen=True)
class Prose:
    """The hand-written parts of a contract's page.

    `what`: what it is; `subject` and `key`: what stands in `ce_subject` and in the record's key; `order`: what is
    guaranteed about it; `headers`: what other attributes say here; `rules`: what the schema cannot say; `refused`:
    reject codes beyond those of every topic.
    """

    what: str
    subject: str
    key: str
    order: str
    headers: tuple[tuple[str, str], ...] = ()
    rules: tuple[str, ...] = ()
    refused: tuple[tuple[RejectCode, str], ...] = ()


EVERY_TOPIC: tuple[tuple[RejectCode, str], ...] = (
    (_C.UNDECODABLE, "the value is not UTF-8 JSON, or has more than 1,048,576 bytes"),
    (_C.BAD_HEADERS, "a `ce_` header is missing, given twice or of a wrong form, or `ce_type` is not this topic's"),
    (_C.UNKNOWN_SCHEMA_VERSION, "`ce_dataschema` is missing, or not the one of this page"),
    (_C.BAD_SCHEMA, "a field is missing, unknown, given twice or of a wrong form"),
    (_C.QUARANTINED, "the engine failed on it: nothing of it was applied, and the records behind it go on"),
)
_BAD_SUBJECT = (
    _C.BAD_SUBJECT,
    "`ce_subject` is no subject key, or is a person's raw identity number (which is then kept nowhere)",
)
_SIGNATURE = (
    _C.BAD_SIGNATURE,
    "`ce_senderid`, `ce_senderkey` or `ce_sendersig` is missing, the key is unknown, or the signature does not hold",
)
_SUBJECT = "the subject's key: a [subject](README.md#forms)"
_PER_SUBJECT = (
    "A subject's records stay in the order they were written, since they share a partition. Between subjects, and "
    "between topics, there is no order."
)

PROSE: dict[str, Prose] = {
    "registry.changes/1": Prose(
        what=(
            "What a data provider now holds about one subject, or the part of it that changed. A provider's right to "
            "write to its own topic is its identity; nothing is signed here. Each change is taken once and decided "
            "within seconds: what follows from it appears on [eligibility.decisions.v1](eligibility.decisions.md) and "
            "[notices.v1](notices.md)."
        ),
        subject=_SUBJECT,
        key="the subject's key, the same as `ce_subject`",
        order=f"{_PER_SUBJECT} `version` decides between two changes of one provider: the lower one changes nothing.",
        rules=(
            "Give exactly one of `facts`, `erase` and `identity`; `facts` names at least one fact.",
            "`version` rises per provider and subject. A stale or repeated one changes nothing, and is not refused: "
            "sending a change again is safe, and something else under a version already used is lost without a word. "
            "Count per subject, or take milliseconds; `zhida explain` shows the last version taken of each provider.",
            "A change acts once it has arrived, whatever its `effective_at`: do not send it before it holds.",
            "A change has at most 2,000 values, a subject at most 20,000 facts and 1,000 items.",
            "`null` retracts a fact: it becomes unknown, never zero and never false.",
            'A fact given per period is `{period: value}`, such as `{"2023Q4": "310000.00"}`; a fact of a list is '
            "`{item: value}`. An item is gone once all its facts are retracted.",
            "What is not named stays as it was.",
            'Amounts and ratios are text, such as `"1.10"`: a float is refused, since it is not exact.',
            "Which facts exist, who provides each and in which form: the statements on "
            "[catalogue.statements.v1](catalogue.statements.md); those of the example world are in "
            "[facts.yaml](../../examples/catalogue/facts.yaml).",
        ),
        refused=(
            _BAD_SUBJECT,
            (_C.UNKNOWN_FACT, "the catalogue does not declare the fact"),
            (_C.WRONG_SENDER, "the fact is another provider's"),
            (_C.BAD_VALUE, "the fact's type does not allow the value, or it needs a period or an item, or has none"),
            (_C.UNSUPPORTED, "`erase` and `identity`, by this release: replay them after an upgrade"),
        ),
    ),
    "roster.entries/1": Prose(
        what=(
            "One line of the list that an implementing department supplies for a policy whose `list` is `roster` "
            "(名单类): whether a subject is on it, and with which grade or amount."
        ),
        subject=_SUBJECT,
        key="the subject's key, the same as `ce_subject`",
        order=(
            f"{_PER_SUBJECT} `roster_version` decides between two lines of one policy, subject and item: the lower one "
            "changes nothing."
        ),
        rules=(
            "It is [signed](README.md#signing) by a department that implements the policy.",
            "`member: false` takes the subject off the list again.",
            "It may come before its policy: then its lines count once the policy is there, and names its department.",
        ),
        refused=(
            _BAD_SUBJECT,
            _SIGNATURE,
            (_C.WRONG_SENDER, "the department that signed does not implement the policy, or the policy has no roster"),
        ),
    ),
    "policy.publications/1": Prose(
        what=(
            "A policy published, amended or withdrawn by the department that made it. The whole document is data: for "
            "whom, where, when, under which conditions, with which benefit. It acts from `effective_at`, for every "
            "subject already known, and never before it becomes known."
        ),
        subject="the policy's id, also in `policy.id`",
        key="the policy's id, the same as `ce_subject`",
        order="One partition: all publications have one order, and each is judged by those before it.",
        rules=(
            "It is [signed](README.md#signing) by the making department, `made_by`.",
            "`publish` and `amend` carry the whole document, `withdraw` none.",
            "A published version does not change: an amendment has the next `version`, and acts from its "
            "`effective_at`, after those of the versions before it.",
            "What conditions and benefits mean, with examples: [writing a policy](../policies.md).",
            "`publish` after a withdrawal brings a policy back, with a higher version and a later `effective_at`.",
            "A condition is one of: `all`, `any`, `not`, a comparison of a `fact`, `items` of a list, benefits "
            "`received`. A comparison makes exactly one test. Unknown facts make a condition unknown, never false.",
            "A benefit has exactly one form.",
            "A publication has at most 65,536 bytes, a policy 200 tests and 40 versions.",
            "A policy named in `received` need not be known yet: mind its spelling.",
            "Where it is not known whether a rule applies, and a later one does, the amount is open.",
        ),
        refused=(
            _SIGNATURE,
            (_C.BAD_HEADERS, "`ce_subject` is not the policy's id"),
            (_C.WRONG_SENDER, "the department that signed is not the one that made the policy"),
            (_C.BAD_POLICY, "undeclared facts or parameters, contradictory intervals, receipts that wait in a circle"),
            (_C.POLICY_OVERLAP, "the id or the version is used already, or it acts before an earlier version does"),
            (_C.UNKNOWN_POLICY, "an amendment or a withdrawal of what was never published"),
        ),
    ),
    "catalogue.statements/1": Prose(
        what=(
            "What may be said and by whom: the facts and lists with their providers and forms, which lists are "
            "complete, the official calendars, and the departments' public keys. "
            "Later statements add to earlier ones and replace what they name."
        ),
        subject="`catalogue`",
        key="any, such as `catalogue`: there is one partition",
        order="One partition: all statements have one order. A record that needs a fact or a key comes after it.",
        rules=(
            "It is [signed](README.md#signing) by `catalogue-authority`, whose key is set when the topics are made.",
            "A declared fact keeps its type, provider, period and list for good, and its codes, to which more can "
            "come: another form is another fact. A list keeps its provider.",
            "A statement has at most 262,144 bytes.",
        ),
        refused=(
            _SIGNATURE,
            (_C.WRONG_SENDER, "it is signed by another than `catalogue-authority`"),
            (
                _C.BAD_VALUE,
                "a fact or a list is declared anew in another form, or what is said to be complete is not declared",
            ),
        ),
    ),
    "subject.commands/1": Prose(
        what=(
            "What a subject, or somebody on its behalf, asks for. This release validates and journals commands; "
            "nothing acts on them yet."
        ),
        subject=_SUBJECT,
        key="the subject's key, the same as `ce_subject`",
        order=_PER_SUBJECT,
        rules=("`arguments` hold text, integers, truth values, null and lists of them; never floats.",),
        refused=(_BAD_SUBJECT,),
    ),
    "delivery.receipts/1": Prose(
        what=(
            "What became of a notice at a gateway. This release validates and journals receipts; nothing acts on them "
            "yet."
        ),
        subject="the subject's key, as in the notice's `matter.subject`",
        key="the subject's key, the same as `ce_subject`",
        order=_PER_SUBJECT,
        rules=("`notice` is the `effect_id` of the notice it is about.",),
        refused=(_BAD_SUBJECT,),
    ),
    "eligibility.decisions/1": Prose(
        what=(
            "Who is eligible for what, why, and how much. Only `eligible` and the ways out of it are written: who "
            "never was eligible for something has no decision on it. A decision is written again when its version, a "
            "ground or the amount changes."
        ),
        subject="the subject's key, as in `match.subject`",
        key="the match, `subject|policy|period|item`, unused parts `-`",
        order=(
            "All decisions on one subject stay in one partition, in the order of the journal. The topic is compacted: "
            "the last decision on each match stays, earlier ones go in time."
        ),
        headers=(
            ("id", "the `effect_id`"),
            ("source", "`/zhida/eligibility/` and the journal's partition"),
            ("time", "as `as_of`"),
        ),
        rules=("A match is about a subject, a policy, and where the policy asks for it a period or an item.",),
    ),
    "notices/1": Prose(
        what=(
            "Pushes and reminders (推送, 提醒) for gateways to deliver. A push is sent once per match; where it proves "
            "wrong, one correction follows, which names in `supersedes` the push it corrects."
        ),
        subject="the subject's key, as in `matter.subject`",
        key="the subject's key",
        order="All notices to one subject stay in one partition, in the order of the journal.",
        headers=(("id", "the `effect_id`"), ("source", "`/zhida/eligibility`"), ("time", "as `as_of`")),
        rules=(
            "`params` are for templates: `title` and `title_en`, `zone`, and where there is one `amount` in 元 with "
            "its `arithmetic`. Templates pass over what they do not know.",
            "`may_qualify` names the one missing fact: `fact`, `fact_title` and `fact_title_en`, `provider`, and its "
            "`period` or `item`. It comes on the Monday after that fact became the only one.",
            "Answer with a receipt on [delivery.receipts.v1](delivery.receipts.md).",
        ),
    ),
    "intake.rejected/1": Prose(
        what=(
            "Every record that was refused, whole, with a code, the field, and a sentence that says what to do. It can "
            "be corrected and published again. What is personal, or too large to be written again, is not repeated "
            "here: `origin` says where it stands."
        ),
        subject="the topic of the refused record",
        key="the origin of the refused record, `generation/partition@offset.ordinal`; `ce_id` is the same",
        order="None: find a record by its `topic` and its `origin`, whose offset is the one its producer was told.",
        headers=(("id", "the origin"), ("source", "`/zhida/intake`"), ("time", "as `rejected_at`")),
        rules=(
            "After a crash a rejection can come twice, with the same `origin`: drop the second.",
            "`key`, `value` and the headers' values are the record's bytes in base64.",
        ),
    ),
}

INTERNAL_PROSE: dict[str, str] = {
    CONTROL: "Policies, catalogue statements and ticks on their way to every partition, and the epoch.",
    JOURNAL: (
        "The log that decides: accepted records, normalised, with their origins. `zhida journal export` writes it to a "
        "file, `zhida simulate` folds it again."
    ),
    STATE: "What eligibility needs to go on after a restart: subjects, policies, checkpoints.",
}
