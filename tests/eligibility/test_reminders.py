"""Reminders: the ladders before a day, counted in working days where it is claimed, and what ends or moves them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

ENDLESS = {"from": "2024-01-01"}
CLOSING, VALIDITY, CERTIFICATE = "claim_window_closing", "validity_ending", "certificate_ending"
CALENDAR_2025 = {
    "year": 2025,
    "days_off": [
        "2025-01-01", "2025-01-28", "2025-01-29", "2025-01-30", "2025-01-31", "2025-02-03", "2025-02-04", "2025-04-04",
        "2025-05-01", "2025-05-02", "2025-05-05", "2025-06-02", "2025-10-01", "2025-10-02", "2025-10-03", "2025-10-06",
        "2025-10-07", "2025-10-08",
    ],
    "working_days": ["2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"],
}  # fmt: skip
"""国办发明电〔2024〕12号."""


@pytest.fixture
def us(world: Any) -> str:
    return world.subjects[0]


def claimed(world: Any, until: str, **fields: Any) -> Any:
    """A policy to claim until a day, for enterprises with at most 30 persons."""
    few = {"fact": "staff", "at_most": 30}
    valid = {"from": "2024-01-01", "to": "2026-12-31"}
    window = {"from": "2024-01-01", "to": until}
    given = {"zone": "direct", "list": None, "claim": window, "valid": valid, "conditions": few}
    return world.policy("C", **{**given, **fields})


def licensed(world: Any, **fields: Any) -> Any:
    return world.policy("L", **{"conditions": {"fact": "licence_to", "not_past": True}, "valid": ENDLESS, **fields})


@pytest.fixture
def pushed(partition: Any, world: Any, us: str) -> Callable[..., Any]:
    """A partition that knows the calendar of 2024, in which one enterprise is told of a policy at a moment."""

    def pushed(policy: Any, at: str = "2024-01-01", *, calendar: bool = True, **facts: Any) -> Any:
        partition.widened()
        if calendar:
            partition.calendar()
        partition.settled_in(us)
        partition.until(at)
        partition.change(us, **(facts or {"staff": 20}))
        partition.publish(policy)
        happened = partition.drain()
        assert [effect.about for effect in happened if hasattr(effect, "about")][:1] == ["eligible"]
        partition.effects.clear()
        return partition

    return pushed


def reminders(effects: list[Any], world: Any) -> list[tuple[str, str, str, bool]]:
    """(about, the day it came on, the last day, provisional) of each reminder; all come as a day begins."""
    found = []
    for effect in effects:
        if getattr(effect, "kind", None) == "reminder":
            day = (effect.as_of + timedelta(hours=8)).date().isoformat()
            assert effect.as_of == world.moment(day)
            found.append((effect.about.value, day, str(effect.due), effect.provisional))
    return found


def days(effects: list[Any], world: Any, about: str, due: str, *, provisional: bool = False) -> list[str]:
    """The days of the reminders of one kind; that there is no other, and that each names this last day."""
    found = reminders(effects, world)
    assert {(kind, last, marked) for kind, _, last, marked in found} <= {(about, due, provisional)}
    return [day for _, day, _, _ in found]


# ——— each ladder ———


@pytest.mark.parametrize(
    ("until", "told", "given"),
    [
        # 16 and 17 September are off, Saturday the 14th and Sunday the 29th are worked.
        ("2024-09-30", "2024-01-01", ["2024-08-19", "2024-09-20", "2024-09-29"]),
        # National Day: nobody works from 1 to 7 October.
        ("2024-10-08", "2024-01-01", ["2024-08-20", "2024-09-23", "2024-09-30"]),
        # Due within the holiday, a Thursday nobody works on.
        ("2024-10-03", "2024-01-01", ["2024-08-20", "2024-09-23", "2024-09-30"]),
        # After it, the Saturday is worked.
        ("2024-10-14", "2024-01-01", ["2024-08-27", "2024-09-29", "2024-10-12"]),
        # Spring Festival: off from 10 to 17 February, the Sundays 4 and 18 are worked.
        ("2024-02-19", "2024-01-01", ["2024-01-03", "2024-02-04", "2024-02-18"]),
        ("2024-02-18", "2024-01-01", ["2024-01-02", "2024-02-02", "2024-02-09"]),
        # Due on a Saturday, on a Sunday.
        ("2024-07-27", "2024-01-01", ["2024-06-17", "2024-07-18", "2024-07-26"]),
        ("2024-07-28", "2024-01-01", ["2024-06-17", "2024-07-18", "2024-07-26"]),
        # None before the push.
        ("2024-09-30", "2024-08-19", ["2024-09-20", "2024-09-29"]),
        ("2024-09-30", "2024-08-25", ["2024-09-20", "2024-09-29"]),
        ("2024-09-30", "2024-09-20T00:00:01+08:00", ["2024-09-29"]),
        ("2024-09-30", "2024-09-29", []),
        ("2024-09-30", "2024-09-30T20:00:00+08:00", []),
        # None within a day of it …
        ("2024-09-30", "2024-09-19", ["2024-09-20", "2024-09-29"]),
        ("2024-09-30", "2024-09-19T00:00:01+08:00", ["2024-09-29"]),
        ("2024-09-30", "2024-08-18T12:00:00+08:00", ["2024-09-20", "2024-09-29"]),
        # … but for the last before the day.
        ("2024-09-30", "2024-09-28T23:59:59+08:00", ["2024-09-29"]),
    ],
)
def test_a_claim_window_closes(pushed: Any, world: Any, until: str, told: str, given: list[str]) -> None:
    partition = pushed(claimed(world, until), told)
    assert days(partition.until("2025-06-01"), world, CLOSING, until) == given


@pytest.mark.parametrize(
    ("until", "told", "given"),
    [
        ("2024-12-31", "2024-01-01", ["2024-12-01"]),
        ("2024-10-31", "2024-01-01", ["2024-10-01"]),  # days, not working days
        ("2024-03-30", "2024-02-28T12:00:00+08:00", ["2024-02-29"]),  # the only one is the last one
        ("2024-03-30", "2024-02-29", []),
        ("2024-01-20", "2024-01-01", []),
    ],
)
def test_validity_ends(pushed: Any, world: Any, until: str, told: str, given: list[str]) -> None:
    policy = world.policy("V", conditions={"fact": "staff", "at_most": 30}, valid={"from": "2024-01-01", "to": until})
    assert days(pushed(policy, told).until("2026-01-01"), world, VALIDITY, until) == given


@pytest.mark.parametrize(
    ("until", "told", "given"),
    [
        ("2024-12-31", "2024-01-01", ["2024-07-04", "2024-12-01"]),
        ("2025-03-01", "2024-01-01", ["2024-09-02", "2025-01-30"]),
        ("2024-12-31", "2024-07-04", ["2024-12-01"]),
        ("2024-12-31", "2024-07-03T12:00:00+08:00", ["2024-12-01"]),
        ("2024-12-31", "2024-11-30T12:00:00+08:00", ["2024-12-01"]),
        ("2024-01-20", "2024-01-01", []),
    ],
)
def test_a_certificate_ends(pushed: Any, world: Any, until: str, told: str, given: list[str]) -> None:
    partition = pushed(licensed(world), told, licence_to=until)
    assert days(partition.until("2026-01-01"), world, CERTIFICATE, until) == given


def test_each_day_has_a_ladder_of_its_own(pushed: Any, world: Any) -> None:
    """A claim window, and a certificate that ends before it closes."""
    both = claimed(world, "2024-09-30", conditions={"fact": "licence_to", "not_past": True})
    partition = pushed(both, licence_to="2024-08-31")
    found = reminders(partition.until("2025-01-01"), world)
    assert [(about, day) for about, day, _, _ in found] == [
        (CERTIFICATE, "2024-03-04"), (CERTIFICATE, "2024-08-01"), (CLOSING, "2024-08-19"),
    ]  # fmt: skip


def test_the_direct_zone_without_a_window_ends_with_its_validity(pushed: Any, world: Any) -> None:
    policy = claimed(world, "2024-09-30", claim=None, valid={"from": "2024-01-01", "to": "2024-09-30"})
    assert days(pushed(policy).until("2025-01-01"), world, VALIDITY, "2024-09-30") == ["2024-08-31"]


def test_validity_that_ends_within_the_window_closes_it(pushed: Any, world: Any) -> None:
    policy = claimed(world, "2024-12-31", valid={"from": "2024-01-01", "to": "2024-09-30"})
    given = ["2024-08-19", "2024-09-20", "2024-09-29"]
    assert days(pushed(policy).until("2025-01-01"), world, CLOSING, "2024-09-30") == given


FEW = {"fact": "staff", "at_most": 30}
VALID = {"fact": "licence_to", "not_past": True}
BOTH = ["2024-07-04", "2024-12-01"]


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        ({"any": [VALID, FEW]}, []),
        ({"any": [VALID, {"not": FEW}]}, BOTH),
        ({"all": [VALID, FEW]}, BOTH),
        ({"not": {"not": FEW}}, []),
        ({"not": {"fact": "established_on", "not_past": True}}, []),
    ],
)
def test_of_certificates_those_it_rests_on(
    pushed: Any, world: Any, us: str, condition: dict[str, Any], given: list[str]
) -> None:
    partition = pushed(world.policy("L", valid=ENDLESS), staff=20)
    partition.change(us, licence_to="2024-12-31")
    partition.change(us, established_on="2020-01-01")
    partition.publish(
        world.policy("L", version=2, conditions=condition, valid=ENDLESS), action="amend", effective_at="2024-01-01"
    )
    assert world.said(partition.drain()) == ["L eligible"]
    assert days(partition.until("2024-12-31"), world, CERTIFICATE, "2024-12-31") == given


# ——— the calendar ———


def test_without_a_calendar_mondays_to_fridays_provisionally(pushed: Any, world: Any) -> None:
    partition = pushed(claimed(world, "2024-10-08"), calendar=False)
    given = days(partition.until("2025-01-01"), world, CLOSING, "2024-10-08", provisional=True)
    assert given == ["2024-08-27", "2024-09-27", "2024-10-07"]


def test_beyond_the_calendar_provisionally_and_then_by_it(pushed: Any, world: Any) -> None:
    """Of 2025 nothing is known but that it comes; its calendar arrives before New Year, which is a day off."""
    partition = pushed(claimed(world, "2025-01-10"))
    first = days(partition.until("2024-12-10"), world, CLOSING, "2025-01-10", provisional=True)
    assert first == ["2024-11-29"]
    partition.calendar(CALENDAR_2025)
    assert world.said(partition.drain()) == []  # what was said is said
    then = days(partition.until("2025-02-01"), world, CLOSING, "2025-01-10")
    assert then == ["2024-12-31", "2025-01-09"]


def test_without_the_next_calendar_it_stays_provisional(pushed: Any, world: Any) -> None:
    partition = pushed(claimed(world, "2025-01-10"))
    given = days(partition.until("2025-02-01"), world, CLOSING, "2025-01-10", provisional=True)
    assert given == ["2024-11-29", "2025-01-01", "2025-01-09"]


def test_what_does_not_reach_the_unknown_year_is_not_provisional(pushed: Any, world: Any) -> None:
    partition = pushed(claimed(world, "2024-12-31"))
    given = days(partition.until("2025-02-01"), world, CLOSING, "2024-12-31")
    assert given == ["2024-11-19", "2024-12-20", "2024-12-30"]


def test_a_calendar_that_moves_a_reminder_into_the_past_gives_it_at_once(pushed: Any, world: Any, us: str) -> None:
    partition = pushed(claimed(world, "2025-01-10"))
    partition.until("2024-12-31T12:00:00+08:00")
    partition.calendar(CALENDAR_2025)
    (late,) = partition.drain()
    assert (late.kind, late.as_of, late.provisional) == ("reminder", world.moment("2024-12-31T12:00:00+08:00"), False)
    assert days(partition.until("2025-02-01"), world, CLOSING, "2025-01-10") == ["2025-01-09"]


def test_a_corrected_calendar_moves_what_is_still_to_come(pushed: Any, world: Any) -> None:
    partition = pushed(claimed(world, "2024-09-30"))
    partition.until("2024-09-25")
    partition.effects.clear()
    off = {**world.calendar_2024, "working_days": [d for d in world.calendar_2024["working_days"] if d != "2024-09-29"]}
    partition.calendar(off)
    partition.drain()
    assert days(partition.until("2024-10-10"), world, CLOSING, "2024-09-30") == ["2024-09-27"]


# ——— another last day ———


def amend(partition: Any, policy: Any, when: str) -> None:
    partition.publish(policy, action="amend", effective_at=when)
    partition.drain()


def test_an_extended_window_is_reminded_of_anew(pushed: Any, world: Any) -> None:
    partition = pushed(claimed(world, "2024-09-30"))
    assert days(partition.until("2024-09-25"), world, CLOSING, "2024-09-30") == ["2024-08-19", "2024-09-20"]
    amend(partition, claimed(world, "2024-12-31", version=2), "2024-09-25")
    given = days(partition.until("2025-02-01"), world, CLOSING, "2024-12-31")
    assert given == ["2024-11-19", "2024-12-20", "2024-12-30"]


def test_a_window_cut_short_is_reminded_of_at_once_and_once(pushed: Any, world: Any) -> None:
    """Both that had fallen due are replaced by one."""
    partition = pushed(claimed(world, "2024-12-31"))
    partition.until("2024-09-25")
    assert partition.effects == []
    partition.publish(claimed(world, "2024-09-30", version=2), action="amend", effective_at="2024-09-25")
    happened = partition.drain()
    assert world.said(happened) == ["C eligible", "C reminder claim_window_closing"]
    assert days(partition.until("2024-12-31"), world, CLOSING, "2024-09-30") == ["2024-09-29"]


def test_a_renewed_certificate_is_reminded_of_anew(pushed: Any, world: Any, us: str) -> None:
    partition = pushed(licensed(world), licence_to="2024-12-31")
    assert days(partition.until("2024-12-10"), world, CERTIFICATE, "2024-12-31") == ["2024-07-04", "2024-12-01"]
    assert world.said(partition.change(us, licence_to="2026-12-31")) == ["L eligible"]
    assert days(partition.until("2027-01-01"), world, CERTIFICATE, "2026-12-31") == ["2026-07-04", "2026-12-01"]


def test_an_amendment_that_keeps_the_day_reminds_of_nothing_again(pushed: Any, world: Any) -> None:
    partition = pushed(claimed(world, "2024-09-30"))
    partition.until("2024-09-25")
    partition.effects.clear()
    amend(partition, claimed(world, "2024-09-30", version=2), "2024-09-25")
    assert world.said(partition.effects) == ["C eligible"]
    assert days(partition.until("2024-12-31"), world, CLOSING, "2024-09-30") == ["2024-09-29"]


def test_a_successor_ends_it_sooner(pushed: Any, world: Any) -> None:
    policy = world.policy(
        "V", conditions={"fact": "staff", "at_most": 30}, valid={"from": "2024-01-01", "to": "2025-12-31"}
    )
    partition = pushed(policy)
    partition.publish(world.policy("W", succeeds="V", valid={"from": "2024-06-01"}, subjects=["individual_business"]))
    partition.drain()
    assert days(partition.until("2026-01-01"), world, VALIDITY, "2024-05-31") == ["2024-05-01"]


# ——— what ends them ———


def staff_grows(partition: Any, world: Any, us: str) -> None:
    partition.change(us, staff=40)


def staff_unknown(partition: Any, world: Any, us: str) -> None:
    partition.change(us, staff=None)


def received(partition: Any, world: Any, us: str) -> None:
    partition.receipt(us, policy="C", amount="1000", date="2024-09-01")


def withdrawn(partition: Any, world: Any, us: str) -> None:
    partition.withdraw("C", "2024-09-01")
    partition.drain()


def withdrawn_ahead(partition: Any, world: Any, us: str) -> None:
    partition.withdraw("C", "2024-09-10")
    partition.drain()


def closed_before(partition: Any, world: Any, us: str) -> None:
    amend(partition, claimed(world, "2024-08-31", version=2), "2024-09-01")


def hidden(partition: Any, world: Any, us: str) -> None:
    amend(partition, claimed(world, "2024-09-30", version=2, public=False), "2024-09-01")


ENDS = [staff_grows, staff_unknown, received, withdrawn, withdrawn_ahead, closed_before, hidden]


@pytest.mark.parametrize("ends", ENDS, ids=[each.__name__ for each in ENDS])
def test_what_ends_it_ends_its_reminders(pushed: Any, world: Any, us: str, ends: Any) -> None:
    partition = pushed(claimed(world, "2024-09-30"))
    assert len(reminders(partition.until("2024-09-01"), world)) == 1
    ends(partition, world, us)
    assert reminders(partition.until("2025-06-01"), world) == []


def test_a_receipt_of_another_policy_ends_nothing(pushed: Any, world: Any, us: str) -> None:
    partition = pushed(claimed(world, "2024-09-30"))
    partition.receipt(us, policy="D", amount="1000", date="2024-01-02")
    assert len(reminders(partition.until("2025-06-01"), world)) == 3


def test_a_receipt_taken_back_brings_back_what_is_still_to_come(pushed: Any, world: Any, us: str) -> None:
    partition = pushed(claimed(world, "2024-09-30"))
    partition.receipt(us, policy="C", amount="1000", date="2024-01-02")
    assert partition.until("2024-09-10") == []
    partition.receipt(us, gone=True)
    given = days(partition.effects + partition.until("2025-06-01"), world, CLOSING, "2024-09-30")
    assert given[-2:] == ["2024-09-20", "2024-09-29"]


def test_on_the_last_day_nothing_is_late(pushed: Any, world: Any, us: str) -> None:
    """The match is there again on the day after the window closed: nobody is reminded of what is over."""
    partition = pushed(claimed(world, "2024-09-30"))
    partition.change(us, staff=None)
    partition.until("2024-10-01")
    partition.effects.clear()
    assert partition.change(us, staff=20) == []


def test_what_is_not_public_is_not_reminded_of(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.change(us, staff=20)
    partition.publish(claimed(world, "2024-09-30", public=False))
    partition.drain()
    assert reminders(partition.until("2025-06-01"), world) == []


def test_who_was_never_pushed_is_not_reminded(partition: Any, world: Any, us: str) -> None:
    """Who has it already, and who would get 0.00 元."""
    partition.widened().settled_in(us)
    partition.change(us, staff=20, premium={"2023": "0"})
    partition.receipt(us, policy="V", amount="1000")
    base = {"fact": "premium", "period": "last_year"}
    partition.publish(claimed(world, "2024-09-30", rules=[{"benefit": {"rate": "0.5", "of": base}}]))
    partition.publish(world.policy("V"))
    assert world.said(partition.drain()) == ["C eligible", "V eligible"]
    assert reminders(partition.until("2024-12-31"), world) == []


def test_a_certificate_of_the_day_of_an_event_need_not_last(partition: Any, world: Any, us: str) -> None:
    """It was valid on the day of the hire; that it ends later takes nothing away, and nobody is to hurry."""
    partition.widened().settled_in(us)
    partition.change(us, hired_on={"h1": "2024-01-01"})
    partition.change(us, licence_to="2024-12-31")
    valid_then = {"fact": "licence_to", "not_past": True}
    partition.publish(world.policy("H", for_each="hires", reference="hired_on", conditions=valid_then, valid=ENDLESS))
    assert world.said(partition.drain()) == ["H//h1 eligible", "H//h1 push eligible"]
    assert partition.until("2026-01-01") == []


# ——— however time passes ———


@pytest.mark.parametrize("until", ["2024-09-30", "2024-10-08", "2025-01-10"])
def test_a_jump_is_as_single_ticks(world: Any, us: str, until: str) -> None:
    def told(*steps: str) -> Any:
        partition = world.partition().begin().widened()
        partition.calendar()
        partition.settled_in(us)
        partition.change(us, staff=20)
        partition.change(us, licence_to="2024-12-01")
        partition.publish(claimed(world, until), licensed(world), world.document("SMALL"))
        partition.drain()
        for step in steps:
            partition.until(step)
        return world.plain(partition.effects)

    day = world.moment("2024-01-01")
    single = [(day + timedelta(days=count)).isoformat() for count in range(1, 400)]
    assert len(told("2025-02-03")[us]) > 10
    assert told(*single, "2025-02-03") == told("2025-02-03") == told("2024-09-01", "2025-02-03")


def test_reminders_due_before_a_fact_come_before_what_it_changes(pushed: Any, world: Any, us: str) -> None:
    partition = pushed(claimed(world, "2024-09-30"))
    partition.tick("2024-09-28")
    said = world.said(partition.change(us, staff=40))
    assert said == [*["C reminder claim_window_closing"] * 2, "C ineligible", "C push no_longer_eligible"]


# ——— the one missing fact: named once, on the Monday after ———


@pytest.fixture
def asked(partition: Any, world: Any, us: str) -> Any:
    """Monday 2024-01-01: SMALL is rolled out to an enterprise whose staff nobody has told of."""
    partition.widened().settled_in(us)
    partition.publish(world.document("SMALL"))
    partition.drain()
    return partition


def test_the_one_missing_fact_is_named_on_monday(asked: Any, world: Any, us: str) -> None:
    assert asked.until("2024-01-07T23:59:59+08:00") == []
    (push,) = asked.until("2024-01-08")
    assert (push.kind, push.about, push.as_of) == ("push", "may_qualify", world.moment("2024-01-08"))
    assert str(push.matter) == f"{us}|SMALL|-|-"
    named = {name: push.params[name] for name in ("fact", "fact_title", "fact_title_en", "provider")}
    assert named == {"fact": "staff", "fact_title": "staff", "fact_title_en": "staff", "provider": "human-resources"}
    assert asked.until("2024-06-01") == []  # once


@pytest.mark.parametrize(
    ("moment", "monday"),
    [
        ("2024-01-10", "2024-01-15"),
        ("2024-01-14T23:59:59+08:00", "2024-01-15"),
        ("2024-01-15", "2024-01-22"),  # a Monday: the next
    ],
)
def test_the_monday_after_it_became_the_only_one(asked: Any, world: Any, us: str, moment: str, monday: str) -> None:
    asked.change(us, staff=40)
    asked.until(moment)
    asked.effects.clear()
    asked.change(us, staff=None)
    (push,) = asked.until("2024-03-01")
    assert (push.about, push.as_of) == ("may_qualify", world.moment(monday))


def test_a_fact_that_comes_before_monday_is_not_asked_for(asked: Any, world: Any, us: str) -> None:
    asked.until("2024-01-05")
    asked.change(us, staff=40)
    assert asked.until("2024-06-01") == []


def test_of_two_missing_facts_none_is_named_until_one_is_left(partition: Any, world: Any, us: str) -> None:
    both = {"all": [{"fact": "staff", "at_most": 30}, {"fact": "premium", "period": "last_year", "above": 0}]}
    partition.settled_in(us)
    partition.publish(world.policy(conditions=both))
    partition.drain()
    assert partition.until("2024-02-01") == []
    partition.change(us, staff=20)  # on a Thursday
    (push,) = partition.until("2024-02-20")
    assert (push.as_of, push.params["fact"], push.params["period"]) == (world.moment("2024-02-05"), "premium", "2023")


def test_another_missing_fact_is_named_in_its_turn(partition: Any, world: Any, us: str) -> None:
    both = {"all": [{"fact": "staff", "at_most": 30}, {"fact": "honest", "equals": True}]}
    partition.settled_in(us)
    partition.change(us, honest=True)
    partition.publish(world.policy(conditions=both))
    partition.drain()
    first = partition.until("2024-01-08")
    partition.change(us, honest=None)
    partition.change(us, staff=20)
    second = partition.until("2024-01-20")
    assert [push.params["fact"] for push in first + second] == ["staff", "honest"]


def test_the_next_periods_fact_is_another(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.publish(world.document("REFUND"))
    partition.drain()
    pushes = partition.until("2025-02-01")
    assert [(push.params["period"], str(push.matter)[-6:]) for push in pushes] == [
        ("2023", "2024|-"),
        ("2024", "2025|-"),
    ]
    assert pushes[1].as_of == world.moment("2025-01-06")


def test_the_missing_fact_of_an_item_names_the_item(partition: Any, world: Any, us: str) -> None:
    partition.widened().settled_in(us)
    partition.change(us, hired_on={"h1": "2024-01-01"})
    many = {"fact": "hire_wage", "from": 1000}
    partition.publish(world.policy("H", for_each="hires", conditions=many))
    partition.drain()
    (push,) = partition.until("2024-02-01")
    assert (str(push.matter), push.params["fact"], push.params["item"]) == (f"{us}|H|-|h1", "hire_wage", "h1")


def other_facts(**facts: Any) -> Any:
    return lambda partition, us: [partition.change(us, **{name: value}) for name, value in facts.items()]


def told_before(partition: Any, us: str) -> None:
    """It was told that it qualifies, and is undetermined again."""
    partition.change(us, staff=20)
    partition.change(us, staff=None)


def has_it(partition: Any, us: str) -> None:
    partition.receipt(us, policy="SMALL", amount="1000", date="2023-12-31")


@pytest.mark.parametrize(
    "happens", [told_before, has_it, other_facts(kind="person"), other_facts(region="210202", staff=99)]
)
def test_who_is_not_asked(asked: Any, us: str, happens: Any) -> None:
    happens(asked, us)
    assert [e for e in asked.until("2024-06-01") if e.about == "may_qualify"] == []


@pytest.mark.parametrize(
    "policy",
    [
        {"public": False, "conditions": {"fact": "staff", "at_most": 30}},
        {"conditions": {"not": {"items": "hires", "where": {"fact": "hire_wage", "above": 1}}}},  # an incomplete list
        {"conditions": {"any": [{"fact": "staff", "at_most": 30}, {"fact": "honest", "equals": True}]}},
        {"conditions": {"fact": "disabled_staff_ratio", "from": 1}},  # of two
        {"conditions": {"fact": "staff", "at_most": 30}, "valid": {"from": "2023-01-01", "to": "2023-12-31"}},
    ],
)
def test_what_is_not_asked_for(partition: Any, world: Any, us: str, policy: dict[str, Any]) -> None:
    partition.widened().settled_in(us)
    partition.publish(world.policy(**policy))
    partition.drain()
    assert partition.until("2024-03-01") == []


def test_a_policy_withdrawn_before_monday_asks_nothing(asked: Any) -> None:
    asked.until("2024-01-05")
    asked.withdraw("SMALL", "2024-01-05")
    assert asked.drain() == []
    assert asked.until("2024-06-01") == []
