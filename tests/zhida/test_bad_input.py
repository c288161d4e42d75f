"""Bad input on a real Kafka: each refused with its code and kept whole, and the records behind it unaffected."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaProducer

from eligibility.business_time import start_of
from schemas.cloudevents import Headers, to_headers
from schemas.policy import Policy
from schemas.topics import PUBLICATIONS, changes_topic
from streams.app import Role
from zhida.demo.play import BEGINS, EXAMPLES
from zhida.messages import attributes_of, message

pytestmark = pytest.mark.kafka
TAX = changes_topic("tax")
SUBJECT = "91210100MA0TEXT002"
GOOD = b'{"version":%d,"effective_at":"2023-12-31T00:00:00Z","facts":{"levy_due":"12.50"}}'


def headers(topic: str = TAX, **changed: str | None) -> Headers:
    given = attributes_of(topic, id="1", source="/registries/tax", subject=SUBJECT, time=start_of(BEGINS))
    listed = dict(to_headers(given))
    for name, value in changed.items():
        listed[f"ce_{name}"] = b"" if value is None else value.encode()
    return [(name, value) for name, value in listed.items() if value]


BAD: list[tuple[str, bytes, Headers]] = [
    ("undecodable", b"\xff\xfe\x00", headers()),
    ("bad_headers", GOOD % 1, [("content-type", b"application/json")]),
    ("bad_headers", GOOD % 1, headers(type="registry.changes.finance")),
    ("bad_schema", b'{"version":1,"facts":{"levy_due":"1"}}', headers()),
    ("unknown_fact", GOOD.replace(b"levy_due", b"levy_dew") % 1, headers()),
    ("bad_value", GOOD.replace(b'"12.50"', b'"12,50"') % 1, headers()),
    ("bad_subject", GOOD % 1, headers(subject=SUBJECT[:-1] + ("0" if SUBJECT[-1] != "0" else "1"))),
    ("wrong_sender", GOOD.replace(b"levy_due", b"assets") % 1, headers()),
    ("unknown_schema_version", GOOD % 1, headers(dataschema="registry.changes/9")),
]


def policy(**changed: Any) -> dict[str, Any]:
    document = yaml.safe_load((EXAMPLES / "policies" / "LN-2023-CBJ.yaml").read_text())
    checked = Policy.model_validate(document).model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**checked, **changed}


async def test_each_is_refused_with_a_code_and_kept_and_what_follows_is_taken(cluster: Any) -> None:
    cluster.start(Role.INTAKE)
    cluster.start(Role.ELIGIBILITY)
    await cluster.publish_catalogue()
    await cluster.settled()
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
        for _, value, sent in BAD:
            await producer.send_and_wait(TAX, value, SUBJECT.encode(), headers=sent)
        await producer.send_and_wait(TAX, GOOD % 1, SUBJECT.encode(), headers=headers())
        for data, signer in (
            (publication(policy(conditions={"fact": "nobody_says", "below": 3})), "finance"),
            (publication(policy(conditions={"fact": "employees_in_post", "from": 5, "below": 3})), "finance"),
            (publication(policy()), "tax"),
            (publication(policy()), "finance"),
            (publication(policy(version=2)), "finance"),
        ):
            sent_policy = signed(cluster, data, signer)
            await producer.send_and_wait(PUBLICATIONS, sent_policy.value, sent_policy.key, headers=sent_policy.headers)
        altered = signed(cluster, publication(policy(version=3)), "finance")
        await producer.send_and_wait(PUBLICATIONS, altered.value + b" ", altered.key, headers=altered.headers)
    await cluster.settled()
    rejected = {(r["topic"], r["origin"]["offset"]): r for r in (await cluster.outcome()).rejected}
    by_order = [rejected[place] for place in sorted(rejected)]
    policies = ["bad_policy", "bad_policy", "wrong_sender", "policy_overlap", "bad_signature"]
    assert [r["code"] for r in by_order] == [*policies, *(code for code, *_ in BAD)]
    for entry, (_, value, sent) in zip(by_order[len(policies) :], BAD, strict=True):
        assert b64decode(entry["value"]) == value
        assert [(name, b64decode(given)) for name, given in entry["headers"]] == sent
        assert entry["text"]
    assert "nobody_says" in by_order[0]["text"]
    assert "contradictory interval" in by_order[1]["text"]
    states = {subject: file for state in await cluster.states() for subject, file in state.files.items()}
    assert states[SUBJECT].versions == {"tax": 1}, "the record behind the bad ones was taken"


def publication(document: dict[str, Any]) -> dict[str, Any]:
    action = "publish" if document.get("version", 1) != 3 else "amend"
    return {"action": action, "policy": document, "effective_at": start_of(BEGINS).isoformat(), "reason": "a test"}


def signed(cluster: Any, data: dict[str, Any], signer: str) -> Any:
    subject = data["policy"]["id"]
    given = attributes_of(PUBLICATIONS, id="p", source="/departments/x", subject=subject, time=start_of(BEGINS))
    return message(PUBLICATIONS, given, data, cluster.ring, signer)
