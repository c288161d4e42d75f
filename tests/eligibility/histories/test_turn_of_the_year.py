"""2025-01-01 for some hundreds of enterprises under the example policies: last year is another year."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from stdnum.cn import uscc

import eligibility.reducer
from eligibility.evaluate import evaluate, view_of
from eligibility.reducer import fold
from eligibility.state import canonical_records, load_state
from schemas.catalogue import CatalogueStatement
from schemas.journal import CatalogueControl
from schemas.policy import Policy

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
SUBJECTS, SLICE = 240, 50
EVE, DAY = date(2024, 12, 31), date(2025, 1, 1)
RELATIVE = {"this_year": (EVE.year, DAY.year), "last_year": (2023, 2024), "year_before_last": (2022, 2023)}
LABELS = {"last_month": ("2024-11", "2024-12"), "last_quarter": ("2024Q3", "2024Q4")}
LABELS |= {name: (str(before), str(after)) for name, (before, after) in RELATIVE.items()}


@pytest.fixture(scope="module", autouse=True)
def some_subjects_per_pump(one_subject_per_pump: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(eligibility.reducer, "SUBJECTS_PER_PUMP", SLICE)
        yield


def key(number: int) -> str:
    stem = f"912101{number:011d}"
    return stem + uscc.calc_check_digit(stem)


def documents() -> list[Policy]:
    """The example policies, real YAML."""
    return [
        Policy.model_validate(yaml.safe_load(p.read_text())) for p in sorted((EXAMPLES / "policies").glob("*.yaml"))
    ]


def enterprise(rng: Random) -> dict[str, dict[str, Any]]:
    """Facts by provider; every year it does well or badly, in each respect by chance of its own."""
    good = {(what, year): rng.random() < 0.65 for what in "abcdef" for year in range(2021, 2025)}
    years = [str(year) for year in range(2021, 2025)]

    def yearly(what: str, well: str, badly: str) -> dict[str, str]:
        return {year: well if good[what, int(year)] else badly for year in years}

    months = [f"{year}-{month:02d}" for year in years for month in range(1, 13)]
    quarters = [f"{year}Q{quarter}" for year in years for quarter in range(1, 5)]
    sales = yearly("a", "60000000", "300000000")
    growing = {
        year: f"{int(sales[year]) + 1_000_000 * number * rng.choice([0, 9])}" for number, year in enumerate(years)
    }
    by_month = {month: rng.choice(["90000", "90000", "900000", "12000000"]) for month in months[-26:]}
    industry = rng.choice(["M73", "M73", "C3411", "F51", "F5211", "H62"])
    return {
        "market-supervision": {
            "kind": "enterprise", "region": "210102", "registration_status": "active", "industry": industry,
            "established_on": rng.choice(["2019-05-01", "2022-06-30"]), "legal_form": "company",
        },
        "tax": {
            "taxpayer_type": "small_scale", "vat_filing": rng.choice(["monthly", "quarterly"]),
            "yearly_sales": growing, "monthly_sales": by_month,
            "quarterly_sales": {quarter: rng.choice(["290000", "290000", "2900000"]) for quarter in quarters},
            "taxable_income": yearly("b", "1000000", "4000000"), "main_income": yearly("c", "30000000", "1000000"),
            "rd_expense": yearly("d", "20000000", "0"),
        },
        "human-resources": {
            "employees_in_post": 40, "persons_employed": 50, "premium_months_paid": 24, "technical_staff": 20,
            "rd_staff": 30, "insured_staff": dict.fromkeys(months, 40), "premium_paid": yearly("e", "9000", "0"),
            "new_unemployment_recipients": {year: 0 if good["e", int(year)] else 30 for year in years},
            "quarterly_persons_employed": dict.fromkeys(quarters, "50"),
        },
        "finance": {
            "assets": "20000000",
            "quarterly_assets": {q: "20000000" if good["f", int(q[:4])] else "90000000" for q in quarters},
            "equity_raised": yearly("f", "40000000", "0"),
        },
        "science-technology": {
            "high_tech_income_share": yearly("b", "0.7", "0.5"), "rd_domestic_share": yearly("c", "0.8", "0.5"),
            "owns_core_ip": True, "field_listed": True, "innovation_score": 80, "sme_score": 70, "sme_staff_score": 5,
        },
        "industry-information": {
            "above_scale": rng.random() < 0.5, "niche_since": "2020-01-01", "specialised_score": rng.choice([50, 70]),
            "above_scale_since": rng.choice(["2022-03-01", "2023-07-01", "2024-02-01"]),
            "little_giant_other_criteria": True,
        },
        "emergency-management": rng.choice([
            {}, {}, {"incident_major": {"i-1": True}, "incident_on": {"i-1": rng.choice(["2023-03-01", "2024-05-01"])}},
        ]),
    }  # fmt: skip


@pytest.fixture(scope="module")
def eve(world: Any) -> tuple[Any, int]:
    """2024-12-31, everything rolled out; and the length of the journal then."""
    partition = world.partition()
    partition.begin("2024-12-31")
    for name in ("facts", "complete-lists"):
        statement = CatalogueStatement.model_validate(yaml.safe_load((EXAMPLES / f"catalogue/{name}.yaml").read_text()))
        partition.control(CatalogueControl(origin=partition.origin("statements"), statement=statement))
    rng = Random(2025)
    for number in range(SUBJECTS):
        for facts in enterprise(rng).values():
            if facts:
                partition.change(key(number), **facts)
    partition.publish(*documents())
    partition.drain()
    return partition, len(partition.log)


@pytest.fixture(scope="module")
def turned(eve: Any) -> tuple[Any, list[set[str]]]:
    """The tick, and what it made of everybody; of each slice, the subjects it wrote."""
    partition, _ = eve
    partition.effects.clear()
    assert partition.tick("2025-01-01") == []
    slices = []
    while partition.state.open_work:
        partition.changed.clear()
        told = {(getattr(e, "match", None) or e.matter).subject for e in partition.pump()}
        written = {name.removeprefix("f/") for name in partition.changed if name.startswith("f/")}
        assert told <= written
        slices.append(written)
    return partition, slices


def moving(policy: Policy) -> set[tuple[str, str]]:
    """(fact, relative period) of each condition that moves with the year."""

    def leaves(data: Any) -> Iterator[tuple[str, str]]:
        if isinstance(data, dict):
            if data.get("period") in LABELS:
                yield data["fact"], data["period"]
            data = list(data.values())
        for part in data if isinstance(data, list) else []:
            yield from leaves(part)

    return set(leaves(policy.model_dump(mode="json", by_alias=True)))


def test_the_work_is_spread(turned: Any) -> None:
    partition, slices = turned
    assert len(slices) > SUBJECTS // SLICE > 1
    assert max(map(len, slices)) <= SLICE
    assert set().union(*slices) == set(partition.state.files)
    assert sum(map(len, slices)) == SUBJECTS  # everybody once


def test_the_result_is_that_of_an_evaluation_of_everything(turned: Any, found: Any, anew: Any) -> None:
    partition, _ = turned
    assert found(partition) == anew(partition)
    assert {row[1] for row in found(partition)} > {"CN-2023-XWSDS", "LN-SGRK", "CN-2022-ZJTX", "CN-2016-GQRD"}


def in_force(policy: Policy, day: date) -> bool:
    windows = [window for window in (policy.valid, policy.claim) if window is not None]
    return all(w.from_ <= day and (w.to is None or day <= w.to) for w in windows)


MOVING = sorted((d.id, *leaf) for d in documents() if in_force(d, EVE) and in_force(d, DAY) for leaf in moving(d))


def test_there_are_conditions_that_move() -> None:
    assert {policy for policy, _, _ in MOVING} >= {
        "CN-2016-GQRD", "CN-2017-KXSME", "CN-2022-XJR", "CN-2022-ZJTX", "CN-2023-XWSDS", "CN-2023-ZZS", "LN-SGRK",
    }  # fmt: skip


@pytest.mark.parametrize(("policy", "fact", "period"), MOVING)
def test_every_condition_moves(turned: Any, policy: str, fact: str, period: str) -> None:
    """Somebody's verdict rests on it, seen from the day before at the one label and from the day at the next."""
    partition, _ = turned
    registry = partition.state.registry
    compiled = registry.policies[policy].at(registry.now)

    def labels(day: date) -> set[str]:
        seen: set[str] = set()
        for file in partition.state.files.values():
            view = view_of(file, registry.catalogue, day)
            for e in evaluate(compiled, view, registry.succeeded_on(policy, registry.now)):
                seen |= {o.period for o in [g.observation for g in e.grounds] if o.name == fact}
                seen |= {base.period for base in (() if e.standard is None else e.standard.bases) if base.name == fact}
        return seen

    before, after = LABELS[period]
    assert before in labels(EVE)
    assert after in labels(DAY)


def by_policy(effects: list[Any], verdict: str) -> set[str]:
    return {e.match.policy for e in effects if getattr(e, "verdict", None) == verdict}


def test_verdicts_are_won_and_lost(turned: Any) -> None:
    partition, _ = turned
    moved = {"CN-2016-GQRD", "CN-2022-XJR", "CN-2022-ZJTX", "LN-SGRK"}  # granted without a period
    assert by_policy(partition.effects, "ineligible") >= moved
    assert by_policy(partition.effects, "eligible") >= moved | {"CN-2017-KXSME", "CN-2023-XWSDS", "SY-2025-KFSG"}
    assert by_policy(partition.effects, "ended") >= {"CN-2017-KXSME", "CN-2023-XWSDS", "CN-2024-WGFH"}
    decisions = [e for e in partition.effects if hasattr(e, "match")]
    assert {e.as_of.isoformat() for e in decisions} == {"2024-12-31T16:00:00+00:00"}


def test_nobody_is_eligible_by_what_has_ended(turned: Any, found: Any) -> None:
    assert not {row for row in found(turned[0]) if row[1] in ("CN-2024-WGFH", "CN-2022-WGFH", "CN-2024-JNTS")}


def test_an_incident_of_the_year_before_last_is_forgiven(turned: Any, found: Any) -> None:
    """calendar_years_ago at most 1 of 2023-03-01: true all through 2024, false from 2025-01-01 on."""
    partition, _ = turned
    forgiven = {
        subject
        for subject, file in partition.state.files.items()
        if any(str(value.value) == "2023-03-01" for k, value in file.facts.items() if k.name == "incident_on")
    }
    registered = {row[0] for row in found(partition) if row[1] == "CN-2017-KXSME"}
    gained = {e.match.subject for e in partition.effects if getattr(e, "verdict", "") == "eligible"
              and e.match.policy == "CN-2017-KXSME"}  # fmt: skip
    assert forgiven & registered & gained


@pytest.mark.parametrize("stop", [1, 3])
def test_it_goes_on_from_where_it_was_stopped(eve: Any, turned: Any, stop: int) -> None:
    """The tick and some slices; then the state is loaded from its records, and the rest of the journal folded."""
    partition, length = eve
    state, effects = load_state(0, []), []
    for offset, value in enumerate(partition.log):
        happened = fold(state, offset, value).effects
        effects += happened if offset >= length else []
        if offset == length + stop:
            assert state.open_work
            state = load_state(0, list(canonical_records(state).items())[::-1])
            assert state.open_work
    assert effects == partition.effects
    assert canonical_records(state) == canonical_records(partition.state)
