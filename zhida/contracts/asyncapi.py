"""The contracts as one AsyncAPI 3.0 document: that of an application that works with zhida.

So `send` is what such an application publishes and zhida reads, `receive` what zhida publishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from schemas.cloudevents import CONTENT_TYPE
from schemas.topics import Topic
from zhida.contracts.contract import CONTRACTS, Contract
from zhida.contracts.event_headers import schema_of
from zhida.contracts.golden import GoldenEvent
from zhida.contracts.prose import PROSE

BINDING = "0.5.0"
_ABOUT = (
    "What an application that works with zhida sends and receives over Kafka: it sends what zhida reads, and receives "
    "what zhida publishes. Every record is a CloudEvents 1.0 event in binary mode. The pages beside this document say "
    "more: README.md, and one page per topic."
)
_NAMES = {
    "registry.changes/1": ("publishChange", "registryChange", "RegistryChange"),
    "roster.entries/1": ("publishRosterEntry", "rosterEntry", "RosterEntry"),
    "policy.publications/1": ("publishPolicy", "policyPublication", "PolicyPublication"),
    "catalogue.statements/1": ("stateCatalogue", "catalogueStatement", "CatalogueStatement"),
    "subject.commands/1": ("sendCommand", "subjectCommand", "SubjectCommand"),
    "delivery.receipts/1": ("sendReceipt", "deliveryReceipt", "DeliveryReceipt"),
    "eligibility.decisions/1": ("readDecisions", "decision", "Decision"),
    "notices/1": ("readNotices", "notice", "Notice"),
    "intake.rejected/1": ("readRejected", "rejected", "Rejected"),
}


def document(events: Mapping[str, Sequence[GoldenEvent]]) -> dict[str, Any]:
    """The document, as data; `events` by dataschema are its examples."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "zhida", "version": "1", "description": _ABOUT},
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "local": {"host": "localhost:9092", "protocol": "kafka", "description": "The local stack's, by default."}
        },
        "channels": {contract.name: _channel(contract) for contract in CONTRACTS},
        "operations": {_NAMES[contract.dataschema][0]: _operation(contract) for contract in CONTRACTS},
        "components": {
            "messages": {
                _NAMES[contract.dataschema][1]: _message(contract, events[contract.dataschema])
                for contract in CONTRACTS
            }
        },
    }


def as_yaml(document: Mapping[str, Any]) -> str:
    """The document's text, the same for the same data."""
    return str(yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Without anchors, which readers of the text would have to follow."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _channel(contract: Contract) -> dict[str, Any]:
    _, message, title = _NAMES[contract.dataschema]
    channel: dict[str, Any] = {
        "address": contract.address,
        "title": title,
        "description": PROSE[contract.dataschema].what,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
    }
    if contract.per_provider:
        providers = [topic.event_type.removeprefix(f"{contract.name}.") for topic in contract.topics]
        channel["parameters"] = {"provider": {"enum": providers, "description": "whose topic it is"}}
    return {**channel, "bindings": {"kafka": _kafka(contract.topic)}}


def _kafka(topic: Topic) -> dict[str, Any]:
    settings: dict[str, Any] = {"cleanup.policy": [topic.cleanup]}
    if topic.cleanup == "delete":
        settings["retention.ms"] = topic.retention_ms
    settings["max.message.bytes"] = topic.max_bytes
    return {"partitions": topic.partitions, "topicConfiguration": settings, "bindingVersion": BINDING}


def _operation(contract: Contract) -> dict[str, Any]:
    _, message, _ = _NAMES[contract.dataschema]
    channel = f"#/channels/{_escaped(contract.name)}"
    readers, writers = contract.topic.readers, contract.topic.writers
    if contract.per_provider:
        writers = "the provider whose topic it is"
    return {
        "action": "send" if contract.way == "in" else "receive",
        "channel": {"$ref": channel},
        "summary": f"For {writers if contract.way == 'in' else readers}.",
        "messages": [{"$ref": f"{channel}/messages/{message}"}],
    }


def _message(contract: Contract, events: Sequence[GoldenEvent]) -> dict[str, Any]:
    _, message, title = _NAMES[contract.dataschema]
    return {
        "name": message,
        "title": title,
        "contentType": CONTENT_TYPE,
        "headers": schema_of(contract),
        "payload": {"$ref": f"schemas/{contract.file}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": PROSE[contract.dataschema].key},
                "bindingVersion": BINDING,
            }
        },
        "examples": [{"name": event.name, "headers": event.headers, "payload": event.data} for event in events],
    }


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
