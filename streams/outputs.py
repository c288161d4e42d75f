"""Effects and state as Kafka records: which topic, which key, which bytes."""

from __future__ import annotations

from dataclasses import dataclass

from eligibility.effects import Effect
from eligibility.partition_state import PartitionState
from eligibility.state import CHECKPOINT, encode_record
from schemas.cloudevents import Attributes, Headers, to_headers
from schemas.decisions import Decision
from schemas.notices import Notice
from schemas.rejected import Rejected
from schemas.topics import CATALOGUE as TOPICS
from schemas.topics import DECISIONS, NOTICES, REJECTED, STATE


@dataclass(frozen=True)
class Output:
    """One record to write; the partition is the writer's."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


def effect_output(effect: Effect) -> Output:
    """An effect as a CloudEvent on its topic."""
    match effect:
        case Decision():
            topic, key, subject, moment = DECISIONS, str(effect.match), effect.match.subject, effect.as_of
            identity, source = effect.effect_id, f"/zhida/eligibility/{effect.journal.partition}"
        case Notice():
            topic, key, subject, moment = NOTICES, effect.matter.subject, effect.matter.subject, effect.as_of
            identity, source = effect.effect_id, "/zhida/eligibility"
        case Rejected():
            topic, key, subject, moment = REJECTED, str(effect.origin), effect.topic, effect.rejected_at
            identity, source = str(effect.origin), "/zhida/intake"
    attributes = Attributes(
        id=identity,
        source=source,
        type=TOPICS[topic].event_type,
        subject=subject,
        time=moment,
        dataschema=f"{TOPICS[topic].event_type}/1",
    )
    return Output(topic, key.encode(), effect.model_dump_json().encode(), to_headers(attributes))


def state_outputs(state: PartitionState, changed: set[str]) -> list[Output]:
    """The state records of the keys that changed, in order, and the checkpoint last."""
    return [_state_output(key, encode_record(state, key)) for key in (*sorted(changed), CHECKPOINT)]


def _state_output(key: str, value: bytes) -> Output:
    return Output(STATE, key.encode(), value, [])
