"""notices.v1: pushes and reminders, for gateways to deliver."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import Field

from schemas.decisions import MatchKey
from schemas.model import Flag, Model, Moment


class NoticeKind(StrEnum):
    """推送 / 提醒."""

    PUSH = "push"  # news about a match
    REMINDER = "reminder"  # something ends on `due`


class NoticeTopic(StrEnum):
    """What a notice is about."""

    ELIGIBLE = "eligible"  # you qualify; in the no_apply zone there is nothing to do
    NO_LONGER_ELIGIBLE = "no_longer_eligible"  # a correction of an earlier push
    MAY_QUALIFY = "may_qualify"  # one fact, named in `params`, would decide; all else is true
    VALIDITY_ENDING = "validity_ending"  # the policy ends on `due`
    CERTIFICATE_ENDING = "certificate_ending"  # what the benefit depends on ends on `due`
    CLAIM_WINDOW_CLOSING = "claim_window_closing"  # claims close on `due`


class Notice(Model):
    """One push or reminder about one matter; a gateway drops an `effect_id` it has seen."""

    kind: NoticeKind = Field(description="how it is meant")
    about: NoticeTopic = Field(description="what it says")
    matter: MatchKey = Field(description="the match it is about")
    policy_version: int = Field(description="the version of the policy by which it holds")
    as_of: Moment = Field(description="the moment in business terms at which it holds")
    due: date | None = Field(default=None, description="the last day on which to act, business time")
    provisional: Flag = Field(
        default=False, description="counted in working days of a year whose official calendar is not known yet"
    )
    params: dict[str, str] = Field(default_factory=dict, description="for the templates: title, amount …")
    supersedes: str | None = Field(default=None, description="the effect_id of the push this corrects")
    effect_id: str = Field(description="the same at every replay: drop one you have seen")
