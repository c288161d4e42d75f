"""Benefit standards: how much, the arithmetic shown, and when time alone changes it."""

from typing import Any

import pytest

from schemas.decisions import Decision

LAST = {"fact": "premium", "period": "last_year"}
DATED = [{"from": "2024-01-01", "value": "0.30"}, {"from": "2024-07-01", "value": "0.60"}]
ENDLESS = {"from": "2024-01-01"}
RATE = {"parameter": "rate"}


@pytest.fixture
def decided(partition: Any, world: Any) -> Any:
    """The decisions on one benefit, from 2024-01-01 up to a day, for premiums of 1000.10 in 2023 and 5 in 2024."""

    def decided(benefit: dict[str, Any], until: str = "2024-01-01", **fields: Any) -> list[Decision]:
        us = world.subjects[0]
        partition.settled_in(us)
        partition.change(us, premium={"2023": "1000.10", "2024": "5"}, staff=3)
        partition.publish(world.policy(rules=[{"benefit": benefit}], valid=ENDLESS, **fields))
        return [e for e in partition.drain() + partition.until(until) if isinstance(e, Decision)]

    return decided


@pytest.mark.parametrize(
    ("benefit", "value", "arithmetic"),
    [
        ({"fixed": "1500"}, "1500.00", "fixed 1500"),
        ({"fixed": "0.005"}, "0.01", "fixed 0.005"),
        ({"exempt": LAST}, "1000.10", "premium[2023] 1000.10 in full"),
        ({"exempt": "staff"}, "3.00", "staff 3.00 in full"),
        ({"rate": "0.5", "of": LAST}, "500.05", "0.5 × premium[2023] 1000.10 = 500.05"),
        ({"rate": "0.015", "of": LAST}, "15.00", "0.015 × premium[2023] 1000.10 = 15.00"),
        ({"rate": "0.5", "of": LAST, "cap": "500.05"}, "500.05", "0.5 × premium[2023] 1000.10 = 500.05"),
        ({"rate": "0.5", "of": LAST, "cap": "500.04"}, "500.04",
         "0.5 × premium[2023] 1000.10, at most 500.04 = 500.04"),
        # for each full one
        ({"each": "12.50", "of": "staff"}, "37.50", "3 × 12.5 for each full 1 of staff 3 = 37.50"),
        ({"each": "10", "of": LAST, "full": "300"}, "30.00",
         "3 × 10 for each full 300 of premium[2023] 1000.1 = 30.00"),
        ({"each": "10", "of": LAST, "full": "1000.10"}, "10.00",
         "1 × 10 for each full 1000.1 of premium[2023] 1000.1 = 10.00"),
        ({"each": "10", "of": LAST, "full": "1000.11"}, "0.00",
         "0 × 10 for each full 1000.11 of premium[2023] 1000.1 = 0.00"),
        ({"each": "10", "of": LAST, "full": "0.5", "cap": "19999"}, "19999.00",
         "2000 × 10 for each full 0.5 of premium[2023] 1000.1, at most 19999 = 19999.00"),
        ({"each": "10", "of": "staff", "cap": "29.99"}, "29.99",
         "3 × 10 for each full 1 of staff 3, at most 29.99 = 29.99"),
        ({"each": "10", "of": "employees_in_post", "full": "2"}, None, "employees_in_post is not known"),
        ({"reduced_rate": "0.01"}, None, "rate reduced to 0.01; no base is shared"),
        ({"exempt": "employees_in_post"}, None, "employees_in_post is not known"),
        ({"rate": "0.5", "of": "employees_in_post", "cap": "9"}, None, "employees_in_post is not known"),
    ],
)  # fmt: skip
def test_standard(decided: Any, benefit: dict[str, Any], value: str | None, arithmetic: str) -> None:
    (decision,) = decided(benefit)
    assert (decision.verdict, decision.amount.value, decision.amount.arithmetic) == ("eligible", value, arithmetic)


@pytest.mark.parametrize("base", ["0", "-0.01", "-1000"])
def test_of_nothing_or_less_no_full_one_is_counted(decided: Any, partition: Any, world: Any, base: str) -> None:
    partition.change(world.subjects[0], premium={"2022": base})
    benefit = {"each": "10", "of": {"fact": "premium", "period": "year_before_last"}, "full": "1"}
    (decision,) = decided(benefit)
    assert decision.amount.value == "0.00"


def test_what_is_granted_is_no_money(decided: Any) -> None:
    (decision,) = decided({"grants": {"zh": "资格", "en": "a title"}})
    assert (decision.verdict, decision.amount) == ("eligible", None)


@pytest.mark.parametrize(
    ("benefit", "values"),  # before and from 2024-07-01, where the parameter turns from 0.30 to 0.60
    [
        ({"fixed": RATE}, ["0.30", "0.60"]),
        ({"rate": RATE, "of": LAST}, ["300.03", "600.06"]),
        ({"each": RATE, "of": "staff"}, ["0.90", "1.80"]),
        ({"each": "1", "of": "staff", "full": RATE}, ["10.00", "5.00"]),
        ({"rate": "1", "of": "staff", "cap": RATE}, ["0.30", "0.60"]),
        ({"reduced_rate": RATE}, [None, None]),
    ],
)
def test_every_figure_can_be_dated(decided: Any, world: Any, benefit: dict[str, Any], values: list[Any]) -> None:
    first, second = decided(benefit, until="2024-12-31", parameters={"rate": DATED})
    assert [first.amount.value, second.amount.value] == values
    assert second.as_of == world.moment("2024-07-01")


def test_a_reduced_rate_says_which(decided: Any) -> None:
    found = decided({"reduced_rate": RATE}, until="2024-12-31", parameters={"rate": DATED})
    shown = [f"rate reduced to {rate}; no base is shared" for rate in ("0.3", "0.6")]
    assert [decision.amount.arithmetic for decision in found] == shown


@pytest.mark.parametrize("name", ["fixed", "each", "full", "cap", "reduced_rate"])
def test_a_figure_without_a_value_yet_is_named(decided: Any, name: str) -> None:
    forms: dict[str, dict[str, Any]] = {
        "fixed": {},
        "each": {"of": "staff"},
        "full": {"each": "1", "of": "staff"},
        "cap": {"rate": "1", "of": "staff"},
        "reduced_rate": {},
    }
    (decision,) = decided({**forms[name], name: RATE}, parameters={"rate": DATED[1:]})
    assert (decision.amount.value, decision.amount.arithmetic) == (None, f"the {name} has no value yet")


def test_an_entry_of_the_roster_is_the_amount(partition: Any, world: Any) -> None:
    us = world.subjects[0]
    partition.settled_in(us)
    partition.publish(world.policy("LIST", list="roster", rules=[{"benefit": {"entry": True}}]))
    partition.drain()
    first, second = (
        next(e for e in partition.roster(us, n, **line) if isinstance(e, Decision))
        for n, line in enumerate([{"amount": "12.345"}, {"amount": None}], start=1)
    )
    assert (first.amount.value, first.amount.arithmetic) == ("12.35", "12.345 as the roster's entry says")
    assert (second.amount.value, second.amount.arithmetic) == (None, "the roster's entry gives no amount")


def test_the_base_is_among_the_reasons(decided: Any) -> None:
    (decision,) = decided({"exempt": LAST})
    reason = decision.reasons[-1]
    assert (reason.condition, reason.fact, reason.period) == ("amount from premium", "premium", "2023")
    assert (reason.value, reason.observed, reason.provider) == (True, "1000.1", "human-resources")


def test_a_base_that_is_missing_is_an_unknown_reason_and_names_its_holder(decided: Any) -> None:
    (decision,) = decided({"exempt": "employees_in_post"})
    reason = decision.reasons[-1]
    assert (reason.value, reason.observed, reason.provider) == (None, None, "human-resources")


def test_a_dated_rate_restates_the_amount_on_its_day(decided: Any, world: Any) -> None:
    rate = {"rate": {"parameter": "rate"}, "of": LAST}
    first, second = decided(rate, until="2024-12-31", parameters={"rate": DATED})
    assert [first.amount.value, second.amount.value] == ["300.03", "600.06"]
    assert second.as_of == world.moment("2024-07-01")


def test_before_its_first_date_a_rate_has_no_value(decided: Any, world: Any) -> None:
    rate = {"rate": {"parameter": "rate"}, "of": LAST}
    first, second = decided(rate, until="2024-12-31", parameters={"rate": DATED[1:]})
    assert (first.amount.value, first.amount.arithmetic) == (None, "the rate has no value yet")
    assert second.amount.value == "600.06"


def test_a_base_of_last_year_restates_the_amount_when_the_year_turns(decided: Any, world: Any) -> None:
    _, second, third = decided({"exempt": LAST}, until="2026-06-01")
    assert (second.amount.value, second.as_of) == ("5.00", world.moment("2025-01-01"))
    assert (third.amount.value, third.as_of) == (None, world.moment("2026-01-01"))


def test_the_first_rule_that_holds_gives_the_benefit(partition: Any, world: Any) -> None:
    few = {"when": {"fact": "staff", "at_most": 5}, "benefit": {"fixed": "100"}}
    some = {"when": {"fact": "staff", "at_most": 10}, "benefit": {"fixed": "50"}}
    us = world.subjects[0]
    partition.settled_in(us)
    partition.publish(world.policy(rules=[few, some]))
    partition.drain()
    amounts = [partition.change(us, staff=staff)[0].amount for staff in (3, 7, 11)]
    assert [amount and amount.value for amount in amounts] == ["100.00", "50.00", None]
