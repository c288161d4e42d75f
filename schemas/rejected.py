"""intake.rejected.v1: what was refused, with its bytes, and why; it can be corrected and replayed."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.journal import Origin
from schemas.model import Model, Moment


class RejectCode(StrEnum):
    """Why a record was refused; one code per reaction."""

    UNDECODABLE = "undecodable"  # not UTF-8 JSON, or over the size limit
    BAD_HEADERS = "bad_headers"  # not CloudEvents 1.0 in binary mode
    UNKNOWN_SCHEMA_VERSION = "unknown_schema_version"
    BAD_SCHEMA = "bad_schema"  # a field is missing, unknown or of the wrong form
    BAD_SUBJECT = "bad_subject"  # GB 32100 check character, length, or an unkeyed identity
    WRONG_SENDER = "wrong_sender"  # a provider or department that may not say this
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_FACT = "unknown_fact"  # the catalogue does not declare it
    BAD_VALUE = "bad_value"  # a value that its fact's type does not allow
    BAD_POLICY = "bad_policy"  # undeclared facts, contradictory intervals
    POLICY_OVERLAP = "policy_overlap"  # versions that overlap, or an id used twice
    UNKNOWN_POLICY = "unknown_policy"
    UNSUPPORTED = "unsupported"  # valid, but not handled by this release
    QUARANTINED = "quarantined"  # the engine failed on it; nothing of it was applied


class Rejected(Model):
    """One refused record."""

    origin: Origin
    topic: str
    code: RejectCode
    text: str = Field(description="what was refused, which field and value, what to do")
    field: str | None = None
    rejected_at: Moment
    key: str | None = Field(default=None, description="the record's key, base64")
    headers: list[tuple[str, str | None]] = Field(default_factory=list, description="names, and values in base64")
    value: str | None = Field(default=None, description="the record's bytes, base64")
