"""An amendment, a withdrawal, a successor, a publication anew: each retracts or restores exactly what it should."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import eligibility.reducer
from eligibility.reducer import fold
from eligibility.state import canonical_records, load_state

Rules = Callable[[Any, Any], Iterator[None]]
GIVEN = ["SMALL eligible", "SMALL push eligible"]
TAKEN = ["SMALL ineligible", "SMALL push no_longer_eligible"]
GONE = ["SMALL withdrawn", "SMALL push no_longer_eligible"]
NEXT_GIVEN = ["NEXT eligible", "NEXT push eligible"]
NEXT_GONE = ["NEXT withdrawn", "NEXT push no_longer_eligible"]
ENDING, ENDED = ["SMALL reminder validity_ending"], ["SMALL ended"]
RESTATED = ["SMALL eligible"]


def amended(p: Any, w: Any) -> Iterator[None]:
    """The second version takes at most 10 persons."""
    p.publish(w.document("SMALL", 2), action="amend", effective_at="2024-02-01")
    yield


def amended_and_amended_back(p: Any, w: Any) -> Iterator[None]:
    yield from amended(p, w)
    p.tick("2024-03-01")
    p.publish(w.document("SMALL", 3), action="amend", effective_at="2024-03-01")
    yield


def scheduled(p: Any, w: Any) -> Iterator[None]:
    p.publish(w.document("SMALL", 2), action="amend", effective_at="2024-05-01")
    yield
    assert p.effects == []
    p.tick("2024-06-01")
    yield


def withdrawn(p: Any, w: Any) -> Iterator[None]:
    p.withdraw("SMALL", "2024-02-01")
    yield


def withdrawn_and_published_again(p: Any, w: Any) -> Iterator[None]:
    yield from withdrawn(p, w)
    p.tick("2024-04-01")
    p.publish(w.document("SMALL", 3), effective_at="2024-04-01")
    yield


def both_known_long_before(p: Any, w: Any) -> Iterator[None]:
    p.withdraw("SMALL", "2024-04-01")
    p.publish(w.document("SMALL", 2), effective_at="2024-06-01")
    yield
    assert p.effects == []
    p.tick("2024-05-01")
    yield
    p.tick("2024-07-01")
    yield


def withdrawn_before_its_amendment_acts(p: Any, w: Any) -> Iterator[None]:
    """What is withdrawn is all there is, also what was to act later."""
    p.publish(w.document("SMALL", 2), action="amend", effective_at="2024-05-01")
    p.withdraw("SMALL", "2024-04-01")
    yield
    p.tick("2024-09-01")
    yield


def two_at_the_same_moment(p: Any, w: Any) -> Iterator[None]:
    """Both act from the moment they are known; the later one wins, whoever gets to look in between."""
    p.publish(w.document("SMALL", 2), action="amend", effective_at="2024-01-10")
    p.publish(w.document("SMALL", 3), action="amend", effective_at="2024-01-11")
    yield


def two_at_the_same_moment_seen_between(p: Any, w: Any) -> Iterator[None]:
    p.publish(w.document("SMALL", 2), action="amend", effective_at="2024-01-10")
    yield
    p.publish(w.document("SMALL", 3), action="amend", effective_at="2024-01-11")
    yield


def succeeded(p: Any, w: Any) -> Iterator[None]:
    """From June on NEXT, for at most 20 persons; SMALL ends the day before."""
    p.publish(w.document("NEXT"), effective_at="2024-02-01")
    yield
    assert p.effects == []
    p.tick("2024-07-01")
    yield


def succeeded_and_taken_back(p: Any, w: Any) -> Iterator[None]:
    yield from succeeded(p, w)
    p.withdraw("NEXT", "2024-07-01")
    yield


def succeeded_by_another_maker(p: Any, w: Any) -> Iterator[None]:
    """Nobody ends another's policy."""
    other = w.document("NEXT").model_copy(update={"made_by": "tax"})
    p.publish(other, effective_at="2024-02-01")
    p.tick("2024-07-01")
    yield


def succeeded_at_once(p: Any, w: Any) -> Iterator[None]:
    """It was to begin before it was known: SMALL is over the moment it is."""
    begun = w.policy(
        "NEXT", succeeds="SMALL", valid={"from": "2024-01-15"}, conditions={"fact": "staff", "at_most": 20}
    )
    p.publish(begun, effective_at="2024-01-15")
    yield


def amended_for_others(p: Any, w: Any) -> Iterator[None]:
    """Not for enterprises any more."""
    others = w.policy("SMALL", version=2, subjects=["individual_business"])
    p.publish(others, action="amend", effective_at="2024-02-01")
    yield


def made_secret(p: Any, w: Any) -> Iterator[None]:
    """What is decided is decided; nobody is told of it, nor reminded."""
    secret = w.document("SMALL", 3).model_copy(update={"version": 2, "public": False})
    p.publish(secret, action="amend", effective_at="2024-02-01")
    yield
    p.tick("2024-12-20")
    yield


NOTHING: list[str] = []
TABLE: list[tuple[Rules, list[str], list[str], list[str]]] = [
    # the rules, what is said to the enterprise of 8 persons, to that of 25, to that of 40
    (amended, RESTATED, TAKEN, NOTHING),
    (amended_and_amended_back, [*RESTATED, *RESTATED], [*TAKEN, *GIVEN], NOTHING),
    (scheduled, RESTATED, TAKEN, NOTHING),
    (withdrawn, GONE, GONE, NOTHING),
    (withdrawn_and_published_again, [*GONE, *GIVEN], [*GONE, *GIVEN], NOTHING),
    (both_known_long_before, [*GONE, *GIVEN], GONE, NOTHING),
    (withdrawn_before_its_amendment_acts, GONE, GONE, NOTHING),
    (two_at_the_same_moment, RESTATED, RESTATED, NOTHING),
    (two_at_the_same_moment_seen_between, [*RESTATED, *RESTATED], [*TAKEN, *GIVEN], NOTHING),
    (succeeded, [*ENDING, *NEXT_GIVEN, *ENDED], [*ENDING, *ENDED], NOTHING),
    (succeeded_and_taken_back, [*ENDING, *NEXT_GIVEN, *ENDED, *NEXT_GONE, *GIVEN], [*ENDING, *ENDED, *GIVEN], NOTHING),
    (succeeded_by_another_maker, NEXT_GIVEN, NOTHING, NOTHING),
    (succeeded_at_once, [*NEXT_GIVEN, *ENDED], ENDED, NOTHING),
    (amended_for_others, TAKEN, TAKEN, NOTHING),
    (made_secret, RESTATED, RESTATED, NOTHING),
]


def begun(world: Any) -> Any:
    """2024-02-01: enterprises of 8, 25 and 40 persons, to which SMALL (at most 30) is rolled out."""
    partition = world.partition().begin()
    for subject, staff in zip(world.subjects, (8, 25, 40), strict=True):
        partition.settled_in(subject)
        partition.change(subject, staff=staff)
    partition.publish(world.document("SMALL"))
    partition.drain()
    partition.tick("2024-02-01")
    partition.effects.clear()
    return partition


@pytest.fixture
def ready(world: Any) -> Any:
    return begun(world)


@pytest.mark.parametrize(("rules", "few", "some", "many"), TABLE, ids=[row[0].__name__ for row in TABLE])
def test_each_is_told_just_what_changes_for_it(
    ready: Any, world: Any, rules: Rules, few: list[str], some: list[str], many: list[str]
) -> None:
    for _ in rules(ready, world):
        ready.drain()
    told = {
        subject: world.said(e for e in ready.effects if (getattr(e, "match", None) or e.matter).subject == subject)
        for subject in world.subjects
    }
    assert told == dict(zip(world.subjects, (few, some, many), strict=True))


@pytest.mark.parametrize("rules", [row[0] for row in TABLE], ids=[row[0].__name__ for row in TABLE])
def test_corrections_name_the_push_they_correct(ready: Any, world: Any, rules: Rules) -> None:
    pushed = {(s, key.policy): told.effect_id for s, f in ready.state.files.items() for key, told in f.told.items()}
    for _ in rules(ready, world):
        ready.drain()
    for effect in (e for e in ready.effects if hasattr(e, "about")):
        key = effect.matter.subject, effect.matter.policy
        if effect.about == "no_longer_eligible":
            assert effect.supersedes == pushed.pop(key)
        elif effect.about == "eligible":
            pushed[key] = effect.effect_id


@pytest.mark.parametrize("rules", [row[0] for row in TABLE], ids=[row[0].__name__ for row in TABLE])
def test_a_roll_out_goes_on_from_wherever_it_was_stopped(ready: Any, world: Any, rules: Rules) -> None:
    """Loaded from its records after each of its records, it says the same and ends in the same state."""
    before, records, effects = len(ready.log), canonical_records(ready.state), list(ready.effects)
    state = load_state(0, records.items())
    slices = 0
    for _ in rules(ready, world):
        pumps = ready.state.pump
        ready.drain()
        slices = max(slices, ready.state.pump - pumps)
    assert slices >= 3, "the roll-out was not in slices"
    for offset, value in enumerate(ready.log[before:], start=before):
        effects += fold(state, offset, value).effects
        state = load_state(0, list(canonical_records(state).items())[::-1])
    assert effects == ready.effects
    assert canonical_records(state) == canonical_records(ready.state)


@pytest.mark.parametrize("rules", [row[0] for row in TABLE], ids=[row[0].__name__ for row in TABLE])
def test_slices_of_any_size_say_the_same(world: Any, rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(size: int) -> Any:
        monkeypatch.setattr(eligibility.reducer, "SUBJECTS_PER_PUMP", size)
        partition = begun(world)
        for _ in rules(partition, world):
            partition.drain()
        return world.plain(partition.effects)

    assert told(1) == told(2) == told(200)


def test_a_successor_stops_in_the_middle_of_its_roll_out(ready: Any, world: Any) -> None:
    """One has heard of it, two have not, when it is withdrawn: each hears of both, whenever it is reached."""
    successor = world.policy("NEXT", succeeds="SMALL", valid={"from": "2024-02-01"})
    ready.publish(successor, effective_at="2024-02-01")
    ready.pump()
    reached = {e.match.subject for e in ready.effects if hasattr(e, "match")}
    assert len(reached) == 1
    ready.tick("2024-02-02")
    ready.withdraw("NEXT", "2024-02-02")
    ready.drain()
    verdicts = [(e.match.policy, e.verdict, e.as_of) for e in ready.effects if hasattr(e, "match")]
    first, second = world.moment("2024-02-01"), world.moment("2024-02-02")
    assert verdicts.count(("NEXT", "eligible", first)) == verdicts.count(("NEXT", "withdrawn", second)) == 3
    assert verdicts.count(("SMALL", "ended", first)) == verdicts.count(("SMALL", "eligible", second)) == 2


def test_a_successor_since_the_first_day_of_all(ready: Any, world: Any) -> None:
    """Of its predecessor no day is left; the day before is one that no policy can name."""
    ever = world.policy("NEXT", succeeds="SMALL", valid={"from": "1900-01-01"}, subjects=["individual_business"])
    ready.publish(ever, effective_at="2024-02-01")
    assert world.said(ready.drain()) == ENDED * 2
