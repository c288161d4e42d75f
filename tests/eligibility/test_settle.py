"""One enterprise through the reducer: what it is told when facts come, change, go and come back."""

from typing import Any

import pytest

from schemas.decisions import Decision, Verdict
from schemas.notices import Notice, NoticeTopic

ENDLESS = {"from": "2024-01-01"}


@pytest.fixture
def us(world: Any) -> str:
    return world.subjects[0]


@pytest.fixture
def rolled_out(partition: Any, world: Any, us: str) -> Any:
    """An enterprise of Shenyang, and the given policies rolled out to it."""

    def rolled_out(*policies: Any) -> Any:
        partition.settled_in(us)
        partition.publish(*(world.document(p) if isinstance(p, str) else p for p in policies))
        partition.drain()
        return partition

    return rolled_out


def test_becoming_eligible_is_one_decision_and_one_push(rolled_out: Any, world: Any, us: str) -> None:
    decision, push = rolled_out("SMALL").change(us, staff=20)
    assert isinstance(decision, Decision)
    assert (decision.verdict, decision.policy_version) == (Verdict.ELIGIBLE, 1)
    assert str(decision.match) == f"{us}|SMALL|-|-"
    assert decision.as_of == world.moment("2024-01-01")
    assert (decision.amount.value, decision.amount.arithmetic) == ("1000.00", "fixed 1000")
    reason = decision.reasons[-1]
    assert (reason.condition, reason.value, reason.observed) == ("staff ≤ 30", True, 20)
    assert (reason.provider, reason.provider_version) == ("human-resources", 1)
    assert isinstance(push, Notice)
    assert (push.kind, push.about, push.supersedes) == ("push", NoticeTopic.ELIGIBLE, None)
    assert (push.matter, push.params["amount"], str(push.due)) == (decision.match, "1000.00", "2024-12-31")
    assert decision.effect_id == "0:source/0@3.0:0"  # partition, origin, ordinal
    assert push.effect_id == "0:source/0@3.0:1"


def test_of_an_ineligible_or_undetermined_subject_nothing_is_said(rolled_out: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    assert partition.effects == []  # staff is unknown
    assert partition.change(us, staff=40) == []


def test_a_restated_value_changes_nothing(rolled_out: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    partition.change(us, staff=20)
    before = partition.state.files[us]
    assert partition.change(us, staff=20) == []
    after = partition.state.files[us]
    assert after.versions["human-resources"] == 2
    assert (after.matches, after.facts, after.told) == (before.matches, before.facts, before.told)


def test_a_changed_value_restates_the_decision_without_a_second_push(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    partition.change(us, staff=20)
    partition.tick("2024-02-01")
    (restated,) = partition.change(us, staff=25)
    assert (restated.verdict, restated.reasons[-1].observed, restated.reasons[-1].provider_version) == (
        "eligible",
        25,
        2,
    )
    assert restated.as_of == world.moment("2024-02-01")
    (match,) = partition.state.files[us].matches.values()
    assert match.as_of == world.moment("2024-01-01")  # eligible since then


def test_a_fact_that_no_policy_asks_for_restates_nothing(rolled_out: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    partition.change(us, staff=20)
    assert partition.change(us, honest=False) == []


def test_a_correction_supersedes_the_push(rolled_out: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    _, push = partition.change(us, staff=20)
    decision, correction = partition.change(us, staff=40)
    assert (decision.verdict, decision.reasons[-1].observed, decision.amount) == (Verdict.INELIGIBLE, 40, None)
    assert (correction.kind, correction.about) == ("push", NoticeTopic.NO_LONGER_ELIGIBLE)
    assert correction.supersedes == push.effect_id


def test_after_a_correction_a_new_match_is_pushed_anew(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    for staff in (20, 40):
        partition.change(us, staff=staff)
    assert world.said(partition.change(us, staff=20)) == ["SMALL eligible", "SMALL push eligible"]


def test_a_retracted_fact_leaves_it_undetermined_never_ineligible(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    partition.change(us, staff=20)
    (decision,) = partition.change(us, staff=None)
    assert (decision.verdict, decision.reasons[-1].value, decision.reasons[-1].observed) == ("undetermined", None, None)
    assert decision.reasons[-1].provider == "human-resources"  # who holds it
    assert world.said(partition.change(us, staff=20)) == ["SMALL eligible"]


def test_a_push_is_corrected_even_when_its_fact_was_unknown_for_a_while(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    _, push = partition.change(us, staff=20)
    partition.change(us, staff=None)
    (correction,) = [effect for effect in partition.change(us, staff=40) if isinstance(effect, Notice)]
    assert (correction.about, correction.supersedes) == (NoticeTopic.NO_LONGER_ELIGIBLE, push.effect_id)
    assert "SMALL push eligible" in world.said(partition.change(us, staff=20))


def test_a_push_of_a_last_period_does_not_stand_for_the_next(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("REFUND")
    partition.change(us, premium={"2023": "500"})
    partition.change(us, premium={"2023": None})
    partition.until("2025-02-01")
    said = world.said(partition.change(us, premium={"2024": "600"}))
    assert said == ["REFUND/2025 eligible", "REFUND/2025 push eligible"]


def test_a_withdrawal_is_told_to_those_left_undetermined(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("SMALL")
    _, push = partition.change(us, staff=20)
    partition.change(us, staff=None)
    partition.tick("2024-02-01")
    partition.withdraw("SMALL")
    (correction,) = [effect for effect in partition.drain() if isinstance(effect, Notice)]
    assert (correction.about, correction.supersedes) == (NoticeTopic.NO_LONGER_ELIGIBLE, push.effect_id)


def test_what_is_not_public_is_decided_and_never_told(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("QUIET")
    assert world.said(partition.change(us, honest=True)) == ["QUIET eligible"]
    assert world.said(partition.until("2024-12-20")) == []  # no reminder of its end
    assert world.said(partition.change(us, honest=False)) == ["QUIET ineligible"]


def test_what_is_no_longer_public_is_not_reminded_of(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out(world.policy("SMALL"))
    partition.tick("2024-02-01")
    partition.publish(world.policy("SMALL", version=2, public=False), action="amend", effective_at="2024-02-01")
    assert world.said(partition.drain()) == ["SMALL eligible"]
    assert world.said(partition.until("2024-12-20")) == []


def test_amounts_follow_the_fact_and_its_cap(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("REFUND")
    decision, _ = partition.change(us, premium={"2023": "700.01"})
    assert (decision.amount.value, decision.amount.arithmetic) == ("350.01", "0.5 × premium[2023] 700.01 = 350.01")
    (restated,) = partition.change(us, premium={"2023": "2000.10"})
    assert restated.amount.value == "900.00"
    assert restated.amount.arithmetic == "0.5 × premium[2023] 2000.10, at most 900 = 900.00"


def test_policies_are_decided_in_the_order_of_their_ids(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("SMALL", "CLAIM", "QUIET", "AGED")
    partition.until("2024-03-01")
    said = world.said(partition.change(us, staff=5))
    assert said == ["CLAIM eligible", "CLAIM push eligible", "SMALL eligible", "SMALL push eligible"]


def test_subjects_of_another_region_or_kind_are_not_meant(partition: Any, world: Any) -> None:
    ours, moved, person = world.subjects
    partition.publish(world.policy("SMALL", region="2101"))
    partition.settled_in(moved, region="210202")
    partition.settled_in(person, kind="person")
    assert partition.effects == []
    assert world.said(partition.settled_in(ours)) == ["SMALL eligible", "SMALL push eligible"]
    assert world.said(partition.change(ours, region="210202")) == ["SMALL ineligible", "SMALL push no_longer_eligible"]


def test_which_rule_applies_can_be_unknown_while_one_surely_does(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("DATED")
    decision, push = partition.change(us, staff=20)  # 800 for the honest, else 400 for the small
    assert (decision.verdict, decision.amount.value) == ("eligible", None)
    assert decision.amount.arithmetic == "which standard applies is not known"
    assert "amount" not in push.params
    (restated,) = partition.change(us, honest=False)
    assert restated.amount.value == "400.00"
    (restated,) = partition.change(us, honest=True)
    assert restated.amount.value == "800.00"


# ——— nothing to tell: nothing is due, or it was received ———


def half_of_last_premium(world: Any) -> Any:
    return world.policy("HALF", rules=[{"benefit": {"rate": "0.5", "of": {"fact": "premium", "period": "last_year"}}}])


@pytest.mark.parametrize("premium", ["0", "0.009999"])
def test_an_amount_of_nothing_is_decided_and_not_pushed(partition: Any, world: Any, us: str, premium: str) -> None:
    partition.settled_in(us)
    partition.change(us, premium={"2023": premium})
    partition.publish(half_of_last_premium(world))
    (decision,) = partition.drain()
    assert (decision.verdict, decision.amount.value) == ("eligible", "0.00")
    assert world.said(partition.change(us, premium={"2023": "100"})) == ["HALF eligible", "HALF push eligible"]
    (restated,) = partition.change(us, premium={"2023": "0"})  # told once; it is eligible still
    assert restated.amount.value == "0.00"
    assert world.said(partition.change(us, kind="person")) == [
        "HALF ineligible",
        "HALF push no_longer_eligible",
    ]


def test_of_nothing_nothing_is_taken_back(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.change(us, premium={"2023": "0"})
    partition.publish(half_of_last_premium(world))
    partition.drain()
    assert world.said(partition.change(us, kind="person")) == ["HALF ineligible"]


@pytest.fixture
def paid(partition: Any, world: Any, us: str) -> Any:
    """REFUND of 2024 was received before it was decided here."""
    partition.widened().settled_in(us)
    partition.receipt(us, policy="REFUND", period="2024", amount="350.01", date="2024-01-01")
    partition.change(us, premium={"2023": "700.01", "2024": "800"})
    partition.publish(world.document("REFUND"))
    partition.drain()
    return partition


def test_what_was_received_is_decided_and_not_pushed(paid: Any, world: Any, us: str) -> None:
    assert world.said(paid.effects) == ["REFUND/2024 eligible"]
    (match,) = paid.state.files[us].matches.values()
    assert match.received


def test_what_was_received_is_not_taken_back(paid: Any, world: Any, us: str) -> None:
    assert world.said(paid.change(us, premium={"2023": "0"})) == ["REFUND/2024 ineligible"]


def test_the_next_period_was_not_received(paid: Any, world: Any) -> None:
    said = world.said(paid.until("2025-01-01"))
    assert said == ["REFUND/2024 ended", "REFUND/2025 eligible", "REFUND/2025 push eligible"]


def test_a_push_is_not_corrected_once_the_benefit_was_received(rolled_out: Any, world: Any, us: str) -> None:
    partition = rolled_out("SMALL").widened()
    assert len(partition.change(us, staff=20)) == 2
    assert partition.receipt(us, policy="SMALL", amount="1000", date="2024-01-02") == []
    assert world.said(partition.change(us, staff=40)) == ["SMALL ineligible"]


@pytest.mark.parametrize(
    "other", [{"policy": "AGED"}, {"policy": "SMALL", "period": "2024"}, {"policy": "SMALL", "item": "x"}]
)
def test_a_receipt_of_something_else_settles_nothing(rolled_out: Any, world: Any, us: str, other: Any) -> None:
    partition = rolled_out("SMALL").widened()
    partition.receipt(us, **other, amount="1000", date="2024-01-02")
    assert world.said(partition.change(us, staff=20)) == ["SMALL eligible", "SMALL push eligible"]
    assert world.said(partition.change(us, staff=40)) == ["SMALL ineligible", "SMALL push no_longer_eligible"]


def test_a_receipt_taken_back_before_the_push_leaves_it_to_be_told(partition: Any, world: Any, us: str) -> None:
    """Finance had taken one for another: nobody has told this enterprise yet."""
    partition.widened().settled_in(us)
    partition.change(us, staff=20)
    partition.receipt(us, policy="SMALL", amount="1000", date="2024-01-01")
    partition.publish(world.document("SMALL"))
    assert world.said(partition.drain()) == ["SMALL eligible"]
    assert "SMALL push eligible" in world.said(partition.receipt(us, gone=True))


# ——— items, receipts, persons ———


@pytest.fixture
def wide(partition: Any, world: Any, us: str) -> Any:
    """The wide policies rolled out to an enterprise and a person; receipts and hires are complete."""
    partition.widened().settled_in(us)
    partition.change(world.person, household_region="210102")
    partition.publish(*map(world.document, world.wide_policies))
    partition.complete("receipts")
    partition.complete("hires")
    partition.drain()
    partition.effects.clear()
    return partition


def of(policy: str, effects: Any) -> Any:
    return [e for e in effects if isinstance(e, Decision) and e.match.policy == policy]


def test_each_hire_is_a_match_of_its_own(wide: Any, world: Any, us: str) -> None:
    wide.change(us, established_on="2020-01-01")
    wide.change(us, premium={"2023": "700", "2024": "0"})
    hired = {"h1": "2024-03-01", "h2": "2024-04-01", "h3": "2025-01-01"}
    wages = {"h1": "2000", "h2": "5000.10", "h3": "2000"}
    decisions = of("HIRE", wide.change(us, hired_on=hired, hire_graduate=dict.fromkeys(hired, True), hire_wage=wages))
    assert [(d.match.item, d.amount.value) for d in decisions] == [("h1", "1000.00"), ("h2", "1500.00")]
    (gone,) = of("HIRE", wide.change(us, hire_graduate={"h1": False}))
    assert (gone.match.item, gone.verdict) == ("h1", "ineligible")
    (again,) = of("HIRE", wide.change(us, premium={"2024": "1"}))  # the year before the third was hired
    assert again.match.item == "h3"


@pytest.mark.parametrize(
    ("complete", "told"),
    [
        (True, ["HIRE//h1 ineligible", "HIRE//h1 push no_longer_eligible"]),  # there is no such hire
        (False, ["HIRE//h1 undetermined"]),  # it may be there: missing data is never "no"
    ],
)
def test_a_hire_taken_back_as_a_whole(wide: Any, world: Any, us: str, complete: bool, told: list[str]) -> None:
    if not complete:
        wide.tick("2024-01-02")
        wide.complete("hires", None)
        wide.drain()
    wide.change(us, established_on="2020-01-01")
    hire = {"hired_on": "2024-03-01", "hire_graduate": True, "hire_wage": "2000"}
    wide.change(us, premium={"2023": "700"}, **{name: {"h1": value} for name, value in hire.items()})
    said = world.said(wide.change(us, **{name: {"h1": None} for name in hire}))
    assert [line for line in said if line.startswith("HIRE")] == told


def test_a_tick_does_not_move_what_refers_to_an_event(wide: Any, world: Any, us: str) -> None:
    wide.change(us, established_on="2020-01-01")
    hire = {"hired_on": "2024-03-01", "hire_graduate": True, "hire_wage": "2000"}
    wide.change(us, premium={"2023": "700"}, **{name: {"h1": value} for name, value in hire.items()})
    assert of("HIRE", wide.until("2027-01-01")) == []
    assert [key.item for key in wide.state.files[us].matches if key.policy == "HIRE"] == ["h1"]


def test_a_top_up_follows_what_was_received(wide: Any, us: str) -> None:
    (first,) = of("TOPUP", wide.receipt(us, "r1", policy="SMALL", amount="600", date="2024-01-01"))
    assert (first.amount.value, first.verdict) == ("900.00", "eligible")
    (none,) = of("TOPUP", wide.receipt(us, "r2", policy="OFTEN", amount="900", date="2024-01-01"))
    assert none.verdict == "ineligible"
    (rest,) = of("TOPUP", wide.receipt(us, "r2", amount="899.99"))
    assert (rest.amount.value, rest.verdict) == ("0.01", "eligible")
    (open_,) = of("TOPUP", wide.receipt(us, "r2", amount=None))
    assert open_.verdict == "undetermined"


def test_its_own_receipt_undoes_no_top_up(wide: Any, us: str) -> None:
    assert of("TOPUP", wide.receipt(us, "own", policy="TOPUP", amount="1500", date="2024-01-02")) == []
    assert of("TOPUP", wide.receipt(us, "r1", policy="SMALL", amount="1500", date="2024-01-02")) == []  # came later


@pytest.mark.parametrize("amount", ["600", "2000"])
def test_a_receipt_of_an_unknown_policy_leaves_a_top_up_undetermined(wide: Any, us: str, amount: str) -> None:
    """It may be one that counts, it may be another: missing data is never "no"."""
    (open_,) = of("TOPUP", wide.receipt(us, "r1", amount=amount, date="2024-01-01"))
    assert open_.verdict == "undetermined"


def test_a_list_whose_completeness_is_taken_back(wide: Any, world: Any, us: str) -> None:
    wide.tick("2024-02-01")
    wide.complete("receipts", None)
    assert world.said(of("TOPUP", wide.drain())) == ["TOPUP undetermined"]
    wide.complete("receipts")
    assert world.said(of("TOPUP", wide.drain())) == ["TOPUP eligible"]


def test_a_person_is_known_by_the_key(wide: Any, world: Any) -> None:
    said = world.said(wide.change(world.person, employed=True))
    assert said == ["JOB eligible", "JOB push eligible"]
    assert {key.policy for key in wide.state.files[world.person].matches} == {"JOB"}


# ——— rosters ———


@pytest.fixture
def listed(rolled_out: Any, us: str) -> Any:
    """On the roster with an item of grade A and one of grade B; known to be honest."""
    partition = rolled_out("LIST")
    partition.change(us, honest=True)
    partition.roster(us, 1, item="cert-1", grade="A")
    partition.roster(us, 1, item="cert-2", grade="B")
    return partition


def test_each_roster_line_is_a_match_with_its_grade(listed: Any, world: Any) -> None:
    assert world.said(listed.effects) == [
        "LIST//cert-1 eligible",
        "LIST//cert-1 push eligible",
        "LIST//cert-2 eligible",
        "LIST//cert-2 push eligible",
    ]
    amounts = [effect.amount.value for effect in listed.effects if isinstance(effect, Decision)]
    assert amounts == ["300.00", "200.00"]


def test_a_corrected_line_ends_its_own_match_only(listed: Any, world: Any, us: str) -> None:
    said = world.said(listed.roster(us, 2, item="cert-1", member=False))
    assert said == ["LIST//cert-1 ineligible", "LIST//cert-1 push no_longer_eligible"]
    assert [key.item for key in listed.state.files[us].matches] == ["cert-2"]


def test_a_changed_grade_restates_the_amount(listed: Any, us: str) -> None:
    (restated,) = listed.roster(us, 2, item="cert-2", grade="A")
    assert (restated.verdict, restated.amount.value) == ("eligible", "300.00")


def test_a_stale_or_repeated_roster_version_changes_nothing(listed: Any, us: str) -> None:
    before = listed.state.records[us]
    assert listed.roster(us, 1, item="cert-1", member=False) == []
    assert listed.state.records[us] is before


def test_a_grade_without_a_standard_says_so_in_the_amount(listed: Any, us: str) -> None:
    (restated,) = listed.roster(us, 2, item="cert-2", grade="C")
    assert (restated.amount.value, restated.amount.arithmetic) == (None, "no standard for grade C: A, B")


def test_the_roster_alone_is_not_enough(listed: Any, world: Any, us: str) -> None:
    said = world.said(listed.change(us, honest=None))
    assert said == ["LIST//cert-1 undetermined", "LIST//cert-2 undetermined"]
    said = world.said(listed.change(us, honest=True))
    assert said == ["LIST//cert-1 eligible", "LIST//cert-2 eligible"]


def test_the_amount_of_the_entry(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.publish(world.policy("LIST", list="roster", rules=[{"benefit": {"entry": True}}]))
    partition.drain()
    decision, _ = partition.roster(us, 1, amount="1234.5")
    assert (decision.amount.value, decision.amount.arithmetic) == ("1234.50", "1234.5 as the roster's entry says")
    (restated,) = partition.roster(us, 2)
    assert (restated.amount.value, restated.amount.arithmetic) == (None, "the roster's entry gives no amount")


def test_a_line_of_a_department_that_does_not_implement_it_counts_for_nothing(listed: Any, world: Any, us: str) -> None:
    assert listed.roster(us, 9, department="finance", item="cert-1", member=False) == []
    assert listed.roster(us, 9, department="finance", item="cert-9", grade="A") == []


def test_lines_that_came_before_their_policy_count_once_it_is_there(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.change(us, honest=True)
    for department, item in (("tax", "cert-1"), ("finance", "cert-2")):
        assert partition.roster(us, 1, department=department, item=item, grade="A") == []
    partition.publish(world.document("LIST"))
    assert world.said(partition.drain()) == ["LIST//cert-1 eligible", "LIST//cert-1 push eligible"]


def test_of_two_departments_lines_the_later_version_counts(partition: Any, world: Any, us: str) -> None:
    partition.settled_in(us)
    partition.publish(world.policy("LIST", list="roster", implemented_by=["tax", "finance"]))
    partition.drain()
    partition.roster(us, 2, department="tax", item="x")
    assert partition.roster(us, 1, department="finance", item="x", member=False) == []
    said = world.said(partition.roster(us, 3, department="finance", item="x", member=False))
    assert said == ["LIST//x ineligible", "LIST//x push no_longer_eligible"]
    assert "LIST//x eligible" in world.said(partition.roster(us, 4, department="tax", item="x"))
