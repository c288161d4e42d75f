"""notices.v1: pushes and reminders, for gateways to deliver."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import Field

from schemas.decisions import MatchKey
from schemas.model import Model, Moment


class NoticeKind(StrEnum):
    """推送 / 提醒."""

    PUSH = "push"
    REMINDER = "reminder"


class NoticeTopic(StrEnum):
    """What a notice is about."""

    ELIGIBLE = "eligible"  # you qualify; in the no_apply zone there is nothing to do
    NO_LONGER_ELIGIBLE = "no_longer_eligible"  # a correction of an earlier push
    VALIDITY_ENDING = "validity_ending"  # the policy ends on `due`
    CLAIM_WINDOW_CLOSING = "claim_window_closing"  # claims close on `due`


class Notice(Model):
    """One push or reminder about one matter; a gateway drops an `effect_id` it has seen."""

    kind: NoticeKind
    about: NoticeTopic
    matter: MatchKey
    policy_version: int
    as_of: Moment
    due: date | None = Field(default=None, description="the last day on which to act, business time")
    params: dict[str, str] = Field(default_factory=dict, description="for the templates: title, amount …")
    supersedes: str | None = Field(default=None, description="the effect_id of the push this corrects")
    effect_id: str
