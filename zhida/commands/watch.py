"""`zhida watch`: the read model's list, readable."""

from __future__ import annotations

from redis.asyncio import Redis

from connectors.notice_list import RedisNoticeList
from eligibility.business_time import SHANGHAI
from schemas.notices import Notice, NoticeKind, NoticeTopic
from zhida.console import out

WORDS = {
    NoticeTopic.ELIGIBLE: "you qualify",
    NoticeTopic.NO_LONGER_ELIGIBLE: "correction: you no longer qualify",
    NoticeTopic.MAY_QUALIFY: "you may qualify",
    NoticeTopic.VALIDITY_ENDING: "ends soon",
    NoticeTopic.CERTIFICATE_ENDING: "a certificate it rests on ends soon",
    NoticeTopic.CLAIM_WINDOW_CLOSING: "claims close soon",
}


async def watch(redis_url: str, *, once: bool, as_json: bool) -> None:
    """Print notices as they come; with `once`, those there are."""
    async with Redis.from_url(redis_url) as redis:
        listed = RedisNoticeList(redis)
        async for notice in listed.follow(wait_ms=None if once else 0):
            out.print(notice.model_dump_json() if as_json else line(notice), markup=False, soft_wrap=True)


def line(notice: Notice) -> str:
    """A notice as one line: when, what kind, to whom, about what."""
    kind = "推送 push    " if notice.kind is NoticeKind.PUSH else "提醒 reminder"
    amount = f", {notice.params['amount']} 元" if "amount" in notice.params else ""
    due = f", last day {notice.due}" if notice.due and notice.kind is NoticeKind.REMINDER else ""
    if notice.provisional:
        due += " (by a provisional calendar)"
    if notice.about is NoticeTopic.MAY_QUALIFY:
        due = f"; not known: {notice.params['fact_title']}, held by {notice.params['provider']}"
    what = "" if notice.matter.item == "-" else f" ({notice.matter.item})"
    return (
        f"{notice.as_of.astimezone(SHANGHAI):%Y-%m-%d} {kind} {notice.matter.subject} "
        f"{WORDS[notice.about]}: {notice.params['title']} [{notice.matter.policy}]{what}{amount}{due}"
    )
