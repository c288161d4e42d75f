"""intake.rejected.v1: what was refused, with its bytes, and why; it can be corrected and replayed."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.model import Model, Moment
from schemas.origin import Origin


class RejectCode(StrEnum):
    """Why a record was refused; one code per reaction."""

    UNDECODABLE = "undecodable"  # not UTF-8 JSON, or over the size limit
    BAD_HEADERS = "bad_headers"  # not CloudEvents 1.0 in binary mode
    UNKNOWN_SCHEMA_VERSION = "unknown_schema_version"  # not the one this release reads on the topic
    BAD_SCHEMA = "bad_schema"  # a field is missing, unknown or of the wrong form
    BAD_SUBJECT = "bad_subject"  # GB 32100 check character, length, or an unkeyed identity
    WRONG_SENDER = "wrong_sender"  # a provider or department that may not say this
    BAD_SIGNATURE = "bad_signature"  # missing, by an unknown key, or not over these bytes
    UNKNOWN_FACT = "unknown_fact"  # the catalogue does not declare it
    BAD_VALUE = "bad_value"  # a value that its fact's type does not allow
    BAD_POLICY = "bad_policy"  # undeclared facts, contradictory intervals
    POLICY_OVERLAP = "policy_overlap"  # versions that overlap, or an id used twice
    UNKNOWN_POLICY = "unknown_policy"  # never published
    UNSUPPORTED = "unsupported"  # valid, but not handled by this release
    QUARANTINED = "quarantined"  # the engine failed on it; nothing of it was applied


class Rejected(Model):
    """One refused record."""

    origin: Origin = Field(description="where the refused record stands")
    topic: str = Field(description="the topic it was written to")
    code: RejectCode = Field(description="why, for programs")
    text: str = Field(description="what was refused, which field and value, what to do")
    field: str | None = Field(default=None, description="the field or header it was refused for")
    rejected_at: Moment = Field(description="when")
    key: str | None = Field(default=None, description="the record's key, base64")
    headers: list[tuple[str, str | None]] = Field(default_factory=list, description="names, and values in base64")
    value: str | None = Field(default=None, description="the record's bytes, base64")
