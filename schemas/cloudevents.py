"""CloudEvents 1.0 in Kafka's binary content mode: attributes are `ce_` headers, the value is the data's bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field

from schemas.model import Model, Moment

CONTENT_TYPE = "application/json"
Headers = list[tuple[str, bytes]]


class Attributes(Model):
    """The context attributes zhida reads, and its three extensions for the sender's signature."""

    specversion: str = Field(default="1.0", pattern=r"^1\.0$", description="CloudEvents version; only 1.0")
    id: str = Field(min_length=1, max_length=200, description="the sender's id, unique per source")
    source: str = Field(min_length=1, max_length=200, description="who sends, such as /registries/tax")
    type: str = Field(min_length=1, max_length=200, description="the topic's name without its version")
    subject: str = Field(min_length=1, max_length=100, description="the subject's or the policy's key")
    time: Moment = Field(description="when the sender observed it")
    dataschema: str | None = Field(
        default=None,
        max_length=300,
        description="the data's schema and its version, such as registry.changes/1",
    )
    partitionkey: str | None = Field(default=None, max_length=200, description="the Kafka key, where given")
    traceparent: str | None = Field(default=None, max_length=100, description="W3C trace context")
    senderid: str | None = Field(default=None, max_length=60, description="the signing department")
    senderkey: str | None = Field(default=None, max_length=60, description="which of its keys")
    sendersig: str | None = Field(default=None, max_length=200, description="Ed25519 signature, base64")


class HeaderError(ValueError):
    """The headers are not those of a CloudEvents 1.0 message in binary mode."""


def to_headers(attributes: Attributes) -> Headers:
    """The Kafka headers of an event, its content type first."""
    given = attributes.model_dump(mode="json", exclude_none=True)
    return [
        ("content-type", CONTENT_TYPE.encode()),
        *((f"ce_{k}", str(v).encode()) for k, v in given.items()),
    ]


def from_headers(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """The raw attributes of a message, unvalidated.

    Raises HeaderError for text that is not UTF-8, a header given twice, another content type, or no `ce_` header.
    """
    attributes: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered != "content-type" and not lowered.startswith("ce_"):
            continue
        try:
            text = (value or b"").decode()
        except UnicodeDecodeError:
            raise HeaderError(f"header {name} is not UTF-8") from None
        if lowered == "content-type":
            if text.split(";")[0].strip() != CONTENT_TYPE:
                raise HeaderError(f"content-type is {text!r}, expected {CONTENT_TYPE}")
            continue
        if lowered[3:] in attributes:
            raise HeaderError(f"header {name} is given twice")
        attributes[lowered[3:]] = text
    if not attributes:
        raise HeaderError("no ce_ headers: expected a CloudEvents 1.0 message in binary mode")
    return attributes


def known_attributes(raw: Mapping[str, str]) -> dict[str, str]:
    """`raw` without the extensions zhida does not read: CloudEvents lets senders add their own."""
    return {name: value for name, value in raw.items() if name in Attributes.model_fields}


def signed_bytes(attributes: Attributes, data: bytes) -> bytes:
    """What a sender signs: id, type, source, subject and the data, each preceded by its length in four bytes."""
    parts = [attributes.id, attributes.type, attributes.source, attributes.subject]
    return b"".join(len(part).to_bytes(4, "big") + part for part in [*(p.encode() for p in parts), data])
