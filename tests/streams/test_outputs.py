"""What is written where: topic, key, headers and bytes of every effect, and the state with its checkpoint last."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.registry import Registry
from eligibility.state import canonical_records, load_state
from eligibility.subject_file import FactKey, SubjectFile
from schemas.catalogue import CatalogueStatement
from schemas.cloudevents import Attributes, from_headers
from schemas.decisions import Amount, Decision, JournalPosition, MatchKey, Verdict
from schemas.events import PolicyPublication
from schemas.journal import CatalogueControl, Epoch, Origin, PolicyControl
from schemas.notices import Notice, NoticeKind, NoticeTopic
from schemas.rejected import RejectCode, Rejected
from schemas.topics import CATALOGUE, DECISIONS, NOTICES, REJECTED, STATE
from streams.outputs import effect_output, state_outputs

FIRM, OTHER = "91210102MAHU03QE3Y", "91210102MAU335BA60"
AT = datetime(2024, 7, 1, 4, 30, tzinfo=UTC)
MATCH = MatchKey(subject=FIRM, policy="P-1", period="2024")
ORIGIN = Origin(topic="registry.changes.tax.v1.ab12cd34", partition=1, offset=7)

DECISION = Decision(
    match=MATCH,
    verdict=Verdict.ELIGIBLE,
    policy_version=2,
    as_of=AT,
    reasons=[],
    amount=Amount(value="1.10", arithmetic="2.20 × 0.50"),
    journal=JournalPosition(partition=3, offset=41),
    effect_id="3:control/7:0",
)
NOTICE = Notice(
    kind=NoticeKind.PUSH,
    about=NoticeTopic.ELIGIBLE,
    matter=MATCH,
    policy_version=2,
    as_of=AT,
    params={"title": "减免"},
    effect_id="3:control/7:1",
)
REFUSED = Rejected(
    origin=ORIGIN,
    topic="registry.changes.tax.v1",
    code=RejectCode.BAD_VALUE,
    text="facts.levy_due: 'x' is not …",
    field="facts.levy_due",
    rejected_at=AT,
    headers=[("ce_id", "MQ==")],
    value="e30=",
)


@pytest.mark.parametrize(
    ("effect", "topic", "key", "identity", "source", "subject"),
    [
        (DECISION, DECISIONS, f"{FIRM}|P-1|2024|-", "3:control/7:0", "/zhida/eligibility/3", FIRM),
        (NOTICE, NOTICES, FIRM, "3:control/7:1", "/zhida/eligibility", FIRM),
        (REFUSED, REJECTED, str(ORIGIN), str(ORIGIN), "/zhida/intake", "registry.changes.tax.v1"),
    ],
)
def test_an_effect_is_an_event_on_its_topic(
    effect: Effect, topic: str, key: str, identity: str, source: str, subject: str
) -> None:
    output = effect_output(effect)
    assert (output.topic, output.key.decode()) == (topic, key)
    assert output.headers[0] == ("content-type", b"application/json")
    assert Attributes.model_validate(from_headers(output.headers)) == Attributes(
        id=identity,
        source=source,
        type=topic.removesuffix(".v1"),
        subject=subject,
        time=AT,
        dataschema=f"{topic.removesuffix('.v1')}/1",
    )
    assert type(effect).model_validate_json(output.value) == effect


def test_one_match_has_one_key_whatever_is_decided_about_it() -> None:
    """The decisions topic is compacted: the last verdict on a match stays."""
    ended = DECISION.model_copy(update={"verdict": Verdict.ENDED, "policy_version": 3, "effect_id": "3:pump/1:0"})
    assert effect_output(ended).key == effect_output(DECISION).key
    for part in ({"policy": "P-2"}, {"period": "2025"}, {"item": "certificate"}, {"subject": OTHER}):
        other = DECISION.model_copy(update={"match": MATCH.model_copy(update=part)})
        assert effect_output(other).key != effect_output(DECISION).key


def test_an_origin_is_written_unambiguously() -> None:
    assert str(ORIGIN) == "registry.changes.tax.v1.ab12cd34/1@7.0"


@pytest.mark.parametrize("effect", [DECISION, NOTICE, REFUSED])
def test_the_same_effect_is_the_same_bytes(effect: Effect) -> None:
    """A replay writes what was written."""
    again = type(effect).model_validate_json(effect.model_dump_json())
    assert effect_output(again) == effect_output(effect)


def test_text_goes_out_as_utf_8() -> None:
    assert "减免".encode() in effect_output(NOTICE).value


POLICY: dict[str, Any] = {
    "id": "P-1",
    "title": {"zh": "甲", "en": "One"},
    "document": "1号",
    "issued_on": "2024-01-01",
    "made_by": "finance",
    "implemented_by": ["tax"],
    "region": "21",
    "zone": "direct",
    "kind": "award",
    "subjects": ["enterprise"],
    "valid": {"from": "2024-01-01"},
    "rules": [{"benefit": {"fixed": "1.10"}}],
}


@pytest.fixture
def state() -> PartitionState:
    """Two subjects, one policy, a catalogue."""
    fact = {"title": {"zh": "甲", "en": "A"}, "provider": "market-supervision"}
    codes = {"enterprise": {"zh": "企业", "en": "Enterprise"}}
    statement = CatalogueStatement.model_validate(
        {
            "effective_at": AT,
            "facts": [
                {"name": "kind", "type": "code", "codes": codes, **fact},
                {"name": "region", "type": "region", **fact},
            ],
        }
    )
    publication = PolicyPublication.model_validate(
        {"action": "publish", "policy": POLICY, "effective_at": AT, "reason": "new"}
    )
    records = [
        Epoch(clock="world", now=AT, authority_key="A" * 43 + "="),
        CatalogueControl(origin=ORIGIN.model_copy(update={"topic": "s"}), statement=statement),
        PolicyControl(origin=ORIGIN.model_copy(update={"topic": "p"}), policy_id="P-1", publication=publication),
    ]
    registry = Registry()
    for sequence, record in enumerate(records):
        registry = registry.fold(sequence, record)
    built = PartitionState(3, offset=41, registry=registry, high_waters={ORIGIN.source: (7, 0)})
    for subject in (FIRM, OTHER):
        kind = {FactKey("kind", "-"): "enterprise"}
        built.put(SubjectFile(subject).with_facts("market-supervision", 1, kind, AT, AT), None)
    return built


EVERYTHING = {f"f/{OTHER}", "p/P-1", "catalogue", "names", f"f/{FIRM}"}


def test_state_goes_to_the_state_topic_and_the_checkpoint_is_last(state: PartitionState) -> None:
    outputs = state_outputs(state, EVERYTHING)
    assert [output.key.decode() for output in outputs] == [*sorted(EVERYTHING), "ckpt"]
    assert {output.topic for output in outputs} == {STATE}
    assert CATALOGUE[STATE].cleanup == "compact"
    assert all(output.headers == [] and output.value for output in outputs)


def test_the_checkpoint_is_written_when_nothing_else_changed(state: PartitionState) -> None:
    (checkpoint,) = state_outputs(state, set())
    assert checkpoint.key == b"ckpt"
    assert b'"offset":41' in checkpoint.value


def test_only_what_changed_is_written(state: PartitionState) -> None:
    assert [output.key for output in state_outputs(state, {f"f/{FIRM}"})] == [f"f/{FIRM}".encode(), b"ckpt"]


def test_the_records_written_load_as_the_state_they_were_taken_from(state: PartitionState) -> None:
    written = {output.key.decode(): output.value for output in state_outputs(state, EVERYTHING)}
    assert written == canonical_records(state)
    assert canonical_records(load_state(3, written.items())) == written
