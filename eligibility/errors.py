"""Errors, split by what the caller should do.

ZhidaError
├── Refused        correct the input: it is recorded with its code, nothing else is affected
└── StopPartition  stop: going on would break what was promised
"""

from __future__ import annotations

from schemas.rejected import RejectCode


class ZhidaError(Exception):
    """Everything zhida raises on purpose."""


class Refused(ZhidaError):
    """An input that cannot be taken; `field` and the text name what to correct.

    `personal`: the input holds what must not be repeated in any topic, log or page.
    """

    def __init__(self, code: RejectCode, text: str, field: str | None = None, *, personal: bool = False) -> None:
        super().__init__(text)
        self.personal = personal
        self.code = code
        self.field = field


class StopPartition(ZhidaError):
    """The journal of a partition cannot be folded further; its last line says why."""
