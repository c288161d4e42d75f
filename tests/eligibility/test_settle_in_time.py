"""One enterprise while time goes on and the rules change: ends, periods, amendments, withdrawals, reminders."""

from typing import Any

import pytest


@pytest.fixture
def us(world: Any) -> str:
    return world.subjects[0]


@pytest.fixture
def eligible(partition: Any, world: Any, us: str) -> Any:
    """A partition in which one enterprise has been pushed the given policy."""

    def eligible(policy: Any = "SMALL", **facts: Any) -> Any:
        partition.settled_in(us)
        partition.change(us, **(facts or {"staff": 8}))
        partition.publish(world.document(policy) if isinstance(policy, str) else policy)
        happened = partition.drain()
        assert len(happened) == 2
        return partition

    return eligible


def test_the_end_of_validity_ends_the_match_and_corrects_nothing(eligible: Any, world: Any, us: str) -> None:
    partition = eligible()
    partition.until("2024-12-31")
    (decision,) = partition.until("2025-01-01")
    assert (decision.verdict, decision.as_of) == ("ended", world.moment("2025-01-01"))
    assert partition.state.files[us].matches == {}
    assert partition.until("2030-01-01") == []


def test_a_policy_not_yet_valid_begins_on_its_day(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.publish(world.policy(valid={"from": "2024-03-01"}))
    assert partition.drain() == []
    assert partition.until("2024-02-29T23:59:59+08:00") == []
    decision, push = partition.until("2024-05-01")
    assert decision.as_of == push.as_of == world.moment("2024-03-01")


def test_a_period_turns_into_the_next_without_a_second_push(eligible: Any, world: Any, us: str) -> None:
    partition = eligible("REFUND", premium={"2023": "700.01", "2024": "800"})
    ended, decided = partition.until("2025-01-01")
    assert world.said([ended, decided]) == ["REFUND/2024 ended", "REFUND/2025 eligible"]
    assert decided.amount.value == "400.00"
    assert ended.as_of == decided.as_of == world.moment("2025-01-01")


def test_a_period_that_does_not_go_on_is_pushed_anew_when_it_does(eligible: Any, world: Any, us: str) -> None:
    partition = eligible("REFUND", premium={"2023": "700.01"})
    assert world.said(partition.until("2025-01-01")) == ["REFUND/2024 ended"]
    said = world.said(partition.change(us, premium={"2024": "800"}))
    assert said == ["REFUND/2025 eligible", "REFUND/2025 push eligible"]


def test_an_age_is_reached_on_its_anniversary(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.publish(world.document("AGED"))
    partition.change(us, established_on="2021-02-28")
    assert partition.until("2024-02-27") == []
    decision, _ = partition.until("2024-06-01")
    assert decision.as_of == world.moment("2024-02-28")


def test_a_dated_parameter_takes_effect_on_its_day(eligible: Any, world: Any) -> None:
    partition = eligible("DATED", honest=True)
    partition.change(world.subjects[0], staff=20)
    (restated,) = partition.change(world.subjects[0], honest=False)
    assert restated.amount.value == "400.00"
    decision, correction = partition.until("2024-08-01")
    assert world.said([decision, correction]) == ["DATED ineligible", "DATED push no_longer_eligible"]
    assert decision.as_of == world.moment("2024-07-01")


def test_withdrawal_closes_and_corrects(eligible: Any, world: Any) -> None:
    partition = eligible()
    push = partition.effects[-1]
    partition.tick("2024-05-01")
    partition.withdraw("SMALL")
    decision, correction = partition.drain()
    assert world.said([decision, correction]) == ["SMALL withdrawn", "SMALL push no_longer_eligible"]
    assert correction.supersedes == push.effect_id
    assert decision.as_of == world.moment("2024-05-01")


def test_a_withdrawal_acts_from_its_date(eligible: Any, world: Any) -> None:
    partition = eligible()
    partition.withdraw("SMALL", effective_at="2024-06-01")
    assert partition.drain() == []
    decision, _ = partition.until("2024-09-01")
    assert (decision.verdict, decision.as_of) == ("withdrawn", world.moment("2024-06-01"))


def test_an_amendment_acts_from_its_later_date(eligible: Any, world: Any) -> None:
    partition = eligible()
    partition.tick("2024-02-01")
    partition.publish(world.document("SMALL", 2), action="amend", effective_at="2024-05-01")
    assert partition.drain() == []
    assert partition.until("2024-04-30T23:00:00+08:00") == []
    (restated,) = partition.until("2024-07-01")
    assert (restated.policy_version, restated.amount.value) == (2, "2000.00")
    assert restated.as_of == world.moment("2024-05-01")


def test_an_amendment_never_acts_before_it_is_known(eligible: Any, world: Any) -> None:
    partition = eligible()
    partition.tick("2024-06-01")
    partition.publish(world.document("SMALL", 2), action="amend", effective_at="2024-02-01")
    (restated,) = partition.drain()
    assert restated.as_of == world.moment("2024-06-01")


def test_an_amendment_that_excludes_corrects(eligible: Any, world: Any) -> None:
    partition = eligible(staff=20)
    partition.tick("2024-02-01")
    partition.publish(world.document("SMALL", 2), action="amend", effective_at="2024-02-01")
    decision, correction = partition.drain()
    assert world.said([decision, correction]) == ["SMALL ineligible", "SMALL push no_longer_eligible"]
    assert decision.policy_version == 2


@pytest.mark.parametrize(("before", "after"), [(None, "year"), ("year", None), ("year", "quarter")])
def test_an_amendment_of_the_period_alone_tells_nobody_anything_new(
    eligible: Any, world: Any, before: str | None, after: str | None
) -> None:
    partition = eligible(world.policy(period=before))
    partition.tick("2024-02-01")
    partition.publish(world.policy(version=2, period=after), action="amend", effective_at="2024-02-01")
    ended, decided = partition.drain()
    assert (ended.verdict, decided.verdict) == ("ended", "eligible")


def test_one_reminder_thirty_days_before_the_end(eligible: Any, world: Any) -> None:
    partition = eligible()
    assert partition.until("2024-11-30") == []
    (reminder,) = partition.until("2024-12-02")
    assert (reminder.kind, reminder.about, str(reminder.due)) == ("reminder", "validity_ending", "2024-12-31")
    assert reminder.as_of == world.moment("2024-12-01")
    assert partition.until("2024-12-31") == []


def test_no_reminder_when_the_push_came_within_thirty_days(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.publish(world.document("SMALL"))
    partition.until("2024-12-01")
    assert len(partition.change(us, staff=8)) == 2
    assert world.said(partition.until("2025-01-01")) == ["SMALL ended"]


def test_a_reminder_when_the_push_came_thirty_one_days_before(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.publish(world.document("SMALL"))
    partition.until("2024-11-30T23:59:59+08:00")
    assert len(partition.change(us, staff=8)) == 2
    assert world.said(partition.until("2025-01-01")) == ["SMALL reminder validity_ending", "SMALL ended"]


def test_no_reminder_of_what_is_no_longer_had(eligible: Any, world: Any, us: str) -> None:
    partition = eligible()
    partition.change(us, staff=40)
    assert partition.until("2025-01-01") == []


def test_no_reminder_while_undetermined_and_one_after(eligible: Any, world: Any, us: str) -> None:
    partition = eligible()
    partition.change(us, staff=None)
    assert partition.until("2024-12-10") == []
    said = world.said(partition.change(us, staff=8))
    assert said == ["SMALL eligible", "SMALL reminder validity_ending"]
    assert world.said(partition.change(us, staff=9)) == ["SMALL eligible"]


def test_the_claim_window_of_the_direct_zone(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.change(us, honest=True)
    partition.publish(world.document("CLAIM"))
    partition.drain()
    happened = partition.until("2025-01-01")
    reminder = "CLAIM reminder claim_window_closing"
    assert world.said(happened) == ["CLAIM eligible", "CLAIM push eligible", *[reminder] * 3, "CLAIM ended"]
    days = ["2024-03-01", "2024-03-01", "2024-08-19", "2024-09-19", "2024-09-27", "2024-10-01"]  # Mondays to Fridays
    assert [effect.as_of for effect in happened] == [world.moment(day) for day in days]
    assert {str(effect.due) for effect in happened[1:5]} == {"2024-09-30"}
    assert [effect.provisional for effect in happened[1:5]] == [False, True, True, True]


def test_a_fact_finds_everything_that_was_due_before_it_handled(eligible: Any, world: Any, us: str) -> None:
    partition = eligible()
    partition.tick("2025-02-01")
    reminder, ended = partition.change(us, staff=40)
    assert world.said([reminder, ended]) == ["SMALL reminder validity_ending", "SMALL ended"]
    assert [e.as_of for e in (reminder, ended)] == [world.moment("2024-12-01"), world.moment("2025-01-01")]


def test_a_fact_finds_a_roll_out_that_has_not_come_so_far_handled(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.change(us, staff=8)
    partition.tick("2024-02-01")
    partition.publish(world.document("SMALL"))
    partition.tick("2024-03-01")
    happened = partition.change(us, staff=40)
    assert world.said(happened) == [
        "SMALL eligible", "SMALL push eligible", "SMALL ineligible", "SMALL push no_longer_eligible"
    ]  # fmt: skip
    days = ["2024-02-01", "2024-02-01", "2024-03-01", "2024-03-01"]
    assert [effect.as_of for effect in happened] == [world.moment(day) for day in days]
    assert partition.drain() == []


def test_old_turns_are_not_decided_by_newer_facts(partition: Any, world: Any, us: str) -> None:
    """In January its 20 persons would have been few enough, but in January it was elsewhere."""
    limit = [{"from": "2024-01-01", "value": 30}, {"from": "2024-02-01", "value": 10}]
    few = {"fact": "staff", "at_most": {"parameter": "limit"}}
    endless = {"from": "2024-01-01"}
    partition.settled_in(us, region="210202")
    partition.change(us, staff=20)
    partition.until("2024-01-02")
    partition.publish(world.policy(region="2101", conditions=few, parameters={"limit": limit}, valid=endless))
    partition.drain()
    partition.until("2024-02-15")
    partition.settled_in(us, region="210102")
    partition.until("2024-02-16")
    partition.change(us, established_on="2020-01-01")  # which no policy asks for
    assert partition.effects == []
