"""Random policies, facts, publications and days: what the engine finds by looking where it must is all there is.

Three ways must agree: the reducer's state, an evaluation of every policy for everybody by the plain evaluator, and the
columns. A fourth, the reducer with an engine that looks at everything on every day, must tell everybody the same.
"""

from collections.abc import Callable, Collection, Iterable, Sequence, Set
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from eligibility.business_time import business_date, start_of
from eligibility.engine import Engine
from eligibility.errors import Refused
from eligibility.evaluate import Evaluation, evaluate, view_of
from eligibility.partition_state import PartitionState
from eligibility.reducer import fold
from eligibility.registry import Registry
from eligibility.state import canonical_records, load_state
from eligibility.subject_file import FactKey, PolicyItem, SubjectFile
from schemas.catalogue import FactDeclaration
from schemas.policy import Policy

Step = tuple[Any, ...]
pytestmark = pytest.mark.usefixtures("one_subject_per_pump")

VALUES: dict[str, list[Any]] = {
    "kind": [None, "enterprise", "enterprise", "individual_business", "person"],
    "region": [None, "210102", "210102", "210203"],
    "household_region": [None, "210102"],
    "industry": [None, "C3411", "K7010", "M73"],
    "established_on": [None, "2020-02-29", "2021-06-15", "2022-03-01", "2024-02-01"],
    "staff": [None, 5, 10, 20, 40],
    "employees_in_post": [None, 0, 10, 50],
    "disabled_staff": [None, 0, 1, 5],
    "premium": [None, "0", "700.01", "2000.10", "5000000000000"],
    "persons_employed": [None, 5, 300, 1500],
    "yearly_sales": [None, "100", "50000000", "900000000000"],
    "monthly_sales": [None, "0", "90000", "1200000"],
    "audited": [None, True, False],
    "assets": [None, "2000000", "90000000000"],
    "honest": [None, True, False],
    "blacklisted": [None, None, True, False],
    "employed": [None, True, False],
    "licence_to": [None, "2024-02-29", "2024-05-01", "2024-12-31", "2026-02-28"],
    "hired_on": [None, "2024-01-31", "2024-03-01", "2025-01-01"],
    "hire_graduate": [None, True, True, False],
    "hire_wage": [None, "2000", "5000.10"],
}
LABELS = {
    **{name: ["2022", "2023", "2024", "2025"] for name in ("premium", "yearly_sales", "audited")},
    "monthly_sales": ["2023-01", "2023-12", "2024-01", "2024-02", "2024-06"],
    **{name: ["h1", "h2"] for name in ("hired_on", "hire_graduate", "hire_wage")},
}
RECEIPTS = {
    "policy": ["G-1", "G-2", "SMALL", None],
    "period": [None, "2024"],
    "item": [None, "h1"],
    "amount": [None, "600", "1500"],
    "date": [None, "2024-01-15", "2024-06-30", "2025-01-01"],
}
MORE_FACTS = [
    {"name": name, "title": {"zh": name, "en": name}, "provider": provider, "type": kind, "period": period}
    for name, provider, kind, period in (
        ("persons_employed", "human-resources", "integer", None),
        ("yearly_sales", "tax", "decimal", "year"),
        ("monthly_sales", "tax", "decimal", "month"),
        ("assets", "finance", "decimal", None),
        ("audited", "courts", "boolean", "year"),
    )
]
"""For the size class, which takes last year's sales, for what turns with the month, and for a fact that is both by year
and complete or not."""
GENERATED = ("G-1", "G-2", "G-3", "G-4", "G-5", "G-6")
WRITTEN = ("SMALL", "LIST", "HIRE", "TOPUP", "FEW")


class PlainEngine(Engine):
    """The engine's twin: anything may concern every policy and everybody, and time may on every day."""

    def follow(self, registry: Registry, policies: Iterable[str]) -> None:
        """Nothing is indexed."""

    def put(self, file: SubjectFile, registry: Registry) -> None:
        """Nothing is in columns."""

    def refresh(self, files: Iterable[SubjectFile], registry: Registry) -> None:
        """So nothing grows old in them."""

    def outdated(self, subjects: Sequence[str], registry: Registry) -> list[str]:
        return []

    def notices_time(self, policy_id: str) -> bool:
        return True

    def passes(self, registry: Registry, was: datetime, now: datetime) -> bool:
        return True

    def concerned(self, *_: Any) -> None:
        return None

    def changed(
        self, before: SubjectFile, after: SubjectFile, names: Set[str], registry: Registry, now: datetime
    ) -> set[str]:
        return {*registry.policies}

    def turned(
        self, file: SubjectFile, registry: Registry, was: datetime, now: datetime, rules: Collection[str] | None
    ) -> set[str]:
        return {*registry.policies}

    def standing(self, file: SubjectFile, registry: Registry, now: datetime) -> set[str]:
        return {*registry.policies}

    def turns_after(self, file: SubjectFile, registry: Registry, moment: datetime, until: datetime) -> datetime | None:
        """The next day, or the next version of a policy."""
        begins = [version.acts_from for history in registry.policies.values() for version in history.versions]
        following = min([start_of(business_date(moment) + timedelta(days=1)), *(m for m in begins if m > moment)])
        return following if following <= until else None


# ——— what can happen ———


def _bounds(numbers: Sequence[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(
        st.sampled_from(["from", "above", "at_most", "below"]), st.sampled_from(numbers), min_size=1, max_size=1
    )


def _comparison(name: str, **tests: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"fact": st.just(name), **tests})


def _numeric(name: str, numbers: Sequence[Any], *periods: str) -> st.SearchStrategy[dict[str, Any]]:
    given_by = {"period": st.sampled_from(periods)} if periods else {}
    return st.builds(lambda fact, bounds: {**fact, **bounds}, _comparison(name, **given_by), _bounds(numbers))


LIMIT = {"parameter": "limit"}
_FLAG = st.sampled_from(["honest", "blacklisted", "employed"]).flatmap(
    lambda name: _comparison(name, equals=st.booleans())
)
_CLOSED = st.one_of(
    _numeric("staff", [5, 10, 20, LIMIT, LIMIT]),
    _numeric("premium", [0, "700.01", LIMIT], "this_year", "last_year", "year_before_last"),
    _numeric("monthly_sales", [0, "90000"], "this_month", "last_month"),
    _numeric("monthly_sales_increment", [0], "last_month"),
    _comparison("audited", period=st.sampled_from(["this_year", "last_year"]), equals=st.booleans()),
    _comparison("size_class", one_of=st.sampled_from([["large"], ["small", "micro"], ["medium", "small", "micro"]])),
    _numeric("disabled_staff_ratio", ["0.1", "0.5"]),
    _FLAG,
    _FLAG,
    _comparison("established_on", years_ago=_bounds([1, 2, 3])),
    _comparison("established_on", calendar_years_ago=_bounds([0, 1, 2, 3])),
    _comparison("licence_to", not_past=st.just(True)),
    _comparison("industry", within=st.sampled_from([["C"], ["C34", "K"], ["M73"]])),
    _comparison("region", within=st.sampled_from([["2101"], ["2102", "210103"]])),
    _comparison("kind", one_of=st.sampled_from([["enterprise"], ["individual_business", "person"]])),
)
_WELL_PAID = {"fact": "hire_wage", "from": 3000}
_OPEN = st.sampled_from(
    [
        {"items": "hires", "where": _WELL_PAID, "count": {"at_most": 1}},
        {"items": "hires", "where": _WELL_PAID, "count": {"from": 1}},
        {"received": ["SMALL"], "this_year": True},
        {"received": ["SMALL"], "times": {"at_most": 1}},
    ]
)
_CONDITION: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.one_of(_CLOSED, _CLOSED, _CLOSED, _CLOSED, _CLOSED, _OPEN),
    lambda parts: st.one_of(
        st.builds(lambda each: {"all": each}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda each: {"any": each}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda each: {"not": each}, parts),
    ),
    max_leaves=6,
)
_ENTERPRISE, _OTHERS = ["enterprise"], ["individual_business", "person"]
_WINDOW = st.sampled_from(
    [
        {"from": "2024-01-01"},
        {"from": "2024-01-01", "to": "2024-12-31"},
        {"from": "2024-03-15", "to": "2024-08-31"},
        {"from": "2020-01-01", "to": "2024-02-10"},
        {"from": "2024-06-01"},
    ]
)
_FIXED = {"benefit": {"fixed": "1000"}}
_SHARE = {"benefit": {"rate": "0.5", "of": {"fact": "premium", "period": "last_year"}, "cap": "900"}}
_RULES = st.one_of(
    st.just([_FIXED]),
    st.just([_SHARE]),
    st.builds(lambda when: [{"when": when, "benefit": {"fixed": "700"}}], _CLOSED),
    st.builds(lambda when, last: [{"when": when, "benefit": {"fixed": "700"}}, last], _CLOSED, st.just(_FIXED)),
)
_FORM = st.one_of(
    *[st.just({})] * 4,
    st.just({"period": "year"}),
    st.just({"public": False}),
    st.just({"succeeds": "G-1"}),
    st.builds(lambda window: {"zone": "direct", "list": None, "claim": window}, _WINDOW),
    st.just({"for_each": "hires"}),
    st.just({"for_each": "hires", "reference": "hired_on"}),
    st.just({"for_each": "hires", "reference": "hired_on", "valid_on": "reference"}),
)
_FIGURES = st.sampled_from(
    [
        10,
        [{"from": "2024-01-01", "value": 20}, {"from": "2024-04-01", "value": 5}],
        [{"from": "2024-05-01", "value": 9}],
    ]
)
_DOCUMENT = st.builds(
    lambda form, **fields: {**fields, **form},
    _FORM,
    subjects=st.sampled_from([_ENTERPRISE, _ENTERPRISE, [*_ENTERPRISE, *_OTHERS], _OTHERS]),
    region=st.sampled_from(["21", "21", "2101"]),
    valid=_WINDOW,
    conditions=st.none() | _CONDITION | _CONDITION,
    rules=_RULES,
    parameters=st.fixed_dictionaries({"limit": _FIGURES}),
)
_SUBJECT = st.integers(0, 3)
_FACT = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.tuples(
        st.just("facts"),
        _SUBJECT,
        st.just(name),
        st.sampled_from(LABELS.get(name, ["-"])),
        st.sampled_from(VALUES[name]),
    )
)
_PUBLICATION = st.tuples(st.just("publish"), st.sampled_from(GENERATED), st.sampled_from([0, 0, 0, 20, 120]), _DOCUMENT)
_STEP: st.SearchStrategy[Step] = st.one_of(
    _FACT,
    _FACT,
    _FACT,
    _PUBLICATION,
    _PUBLICATION,
    st.tuples(st.just("written"), st.sampled_from(WRITTEN), st.sampled_from([0, 20])),
    st.tuples(st.just("withdraw"), st.sampled_from([*GENERATED, *WRITTEN]), st.sampled_from([0, 20, 120])),
    st.tuples(st.just("tick"), st.sampled_from([1, 24, 24 * 20, 24 * 45, 24 * 200])),
    st.tuples(st.just("tick"), st.sampled_from([1, 24, 24 * 20, 24 * 45, 24 * 200])),
    st.tuples(
        st.just("complete"),
        st.sampled_from(["blacklisted", "audited", "hires", "receipts"]),
        st.sampled_from([None, "2024-01-01", "2024-06-01"]),
    ),
    st.tuples(
        st.just("receipt"),
        _SUBJECT,
        st.sampled_from(["r1", "r2"]),
        st.fixed_dictionaries({part: st.sampled_from(values) for part, values in RECEIPTS.items()}),
    ),
    st.tuples(st.just("roster"), _SUBJECT, st.sampled_from([None, "x"]), st.booleans()),
    st.tuples(st.just("repeat"), st.integers(0, 200)),
    st.tuples(st.just("pump")),
)
STEPS = st.builds(
    lambda *parts: [step for part in parts for step in part],
    st.lists(_PUBLICATION, min_size=3, max_size=6),
    st.lists(_FACT, min_size=6, max_size=12),
    st.lists(_STEP, min_size=8, max_size=25),
)

AN_UNKNOWN_RULE: list[Step] = [
    (
        "publish",
        "G-1",
        0,
        {
            "subjects": ["person"],
            "conditions": {"not": {"fact": "licence_to", "not_past": True}},
            "rules": [{"when": {"fact": "blacklisted", "equals": True}, "benefit": {"fixed": "700"}}, _FIXED],
        },
    ),
    ("facts", 3, "blacklisted", "-", False),
]
"""It failed: while a rule before one without a condition was unknown, two facts were missing instead of one."""
NEVER_ACTED: list[Step] = [
    (
        "publish",
        "G-1",
        0,
        {
            "conditions": {"fact": "monthly_sales", "period": "last_month", "above": 0},
            "valid": {"from": "2024-06-01"},
        },
    ),
    ("publish", "G-1", 0, {"conditions": {"fact": "staff", "at_most": 10}}),
    ("tick", 24),
    ("pump",),
    ("pump",),
    ("pump",),
    ("pump",),
    ("tick", 24 * 45),
]
"""It failed: a version that was amended before it acted made months turn, until the partition was loaded anew."""


# ——— taking it ———


@pytest.fixture(scope="module")
def begin(world: Any) -> Callable[[], Any]:
    """2024-01-01: three enterprises, of which one is well known, and a person; no policy yet."""

    def begin() -> Any:
        partition = world.partition().begin().widened()
        partition.declare([FactDeclaration.model_validate(fact) for fact in MORE_FACTS])
        for subject in world.subjects:
            partition.settled_in(subject)
        partition.change(world.person, household_region="210102")
        well_known = world.subjects[0]
        partition.change(well_known, established_on="2021-06-15", industry="C3411")
        partition.change(well_known, staff=10, premium={"2023": "700.01", "2022": "0"}, employees_in_post=10)
        partition.change(well_known, honest=True)
        partition.complete("receipts")
        partition.drain()
        return partition

    return begin


@pytest.fixture(scope="module")
def take(world: Any) -> Callable[[Any, Step], None]:
    """One step. What intake would refuse is left out; every change of rules has an hour of its own."""
    everybody = (*world.subjects, world.person)

    def an_hour_later(partition: Any) -> datetime:
        later: datetime = partition.state.registry.now + timedelta(hours=1)
        partition.tick(later)
        return later

    def publish(partition: Any, policy_id: str, days: int, make: Callable[[int], Policy]) -> None:
        acts = an_hour_later(partition) + timedelta(days=days)
        known = partition.state.registry.policies.get(policy_id)
        version = 1 if known is None else len(known.versions) + 1
        action = "publish" if known is None or known.versions[-1].compiled is None else "amend"
        try:
            partition.publish(make(version), action=action, effective_at=acts)
        except Refused as refused:
            event(f"refused: {refused.code}")

    def take(partition: Any, step: Step) -> None:
        match step:
            case "facts", number, name, "-", value:
                partition.change(everybody[number], **{name: value})
            case "facts", number, name, label, value:
                partition.change(everybody[number], **{name: {label: value}})
            case "receipt", number, receipt_id, parts:
                partition.receipt(everybody[number], receipt_id, **parts)
            case "roster", number, item, member:
                version = 1 + sum(b'"kind":"roster"' in value for value in partition.log)
                partition.roster(everybody[number], version, item=item, member=member, grade="A")
            case "publish", policy_id, days, fields:
                form = {} if policy_id != fields.get("succeeds") else {"succeeds": None}
                publish(partition, policy_id, days, lambda n: world.policy(policy_id, **fields | form | {"version": n}))
            case "written", policy_id, days:
                publish(partition, policy_id, days, lambda n: world.document(policy_id, n))
            case "withdraw", policy_id, days:
                acts = an_hour_later(partition) + timedelta(days=days)
                try:
                    partition.withdraw(policy_id, acts)
                except Refused:
                    return
            case "complete", name, as_of:
                an_hour_later(partition)
                partition.complete(name, as_of)
            case "tick", hours:
                partition.tick(partition.state.registry.now + timedelta(hours=hours))
            case "repeat", back:
                partition.raw(partition.log[back % len(partition.log)])
            case ("pump",):
                partition.pump()

    return take


# ——— the other ways to the same ———


def evaluated(registry: Registry, file: SubjectFile) -> dict[str, list[Evaluation]]:
    """Every policy that acts now, for a subject, by the plain evaluator."""
    assert registry.now is not None
    view = view_of(file, registry.catalogue, business_date(registry.now))
    acting = {policy_id: history.at(registry.now) for policy_id, history in registry.policies.items()}
    return {
        policy_id: evaluate(compiled, view, registry.succeeded_on(policy_id, registry.now))
        for policy_id, compiled in acting.items()
        if compiled is not None
    }


def one_missing(registry: Registry, file: SubjectFile, found: Iterable[Evaluation]) -> dict[PolicyItem, FactKey]:
    """The facts that alone would decide what the subject has not been told of."""
    wanting = {}
    for e in found:
        key = PolicyItem(e.key.policy, e.key.item)
        if e.eligible is None and e.policy.public and not (e.received or e.undefined or key in file.told):
            names = [(m.name, m.period, m.item) for m in e.undecided]
            if len(names) == 1 and names[0][0] in registry.catalogue.facts:
                wanting[key] = FactKey(*names[0])
    return wanting


def check_everything(state: PartitionState) -> None:
    """The state is what an evaluation of everything for everybody finds, and the columns answer the same."""
    registry = state.registry
    verdicts: dict[tuple[str, str], Evaluation] = {}
    for subject, file in state.files.items():
        found = evaluated(registry, file)
        every = [e for of_policy in found.values() for e in of_policy]
        eligible = {e.key: (e.policy.version, e.digest, e.ends_on, e.received) for e in every if e.eligible is True}
        kept = {key: (m.policy_version, m.digest, m.ends_on, m.received) for key, m in file.matches.items()}
        assert kept == eligible, subject
        assert {key: w.fact for key, w in file.wanting.items()} == one_missing(registry, file, every), subject
        verdicts |= {(policy_id, subject): of_policy[0] for policy_id, of_policy in found.items()}
    check_columns(state, verdicts)


def check_columns(state: PartitionState, verdicts: dict[tuple[str, str], Evaluation]) -> None:
    """A sweep for each policy that acts: what is true and unknown in the columns is so, where no test is left open."""
    registry, engine = state.registry, state.engine
    assert registry.now is not None
    for (policy_id, place), formula in engine.index.formulas.items():
        history = registry.policies[policy_id]
        compiled = history.versions[place].compiled
        if compiled is None or history.at(registry.now) is not compiled or compiled.document.for_each is not None:
            continue
        slices = list(engine.population.answer(formula, business_date(registry.now)))
        true, unknown = (
            {engine.population.subjects[row] for each in found for row in each.tolist()}
            for found in zip(*slices, strict=True)
        )
        for subject in state.files:
            e = verdicts[policy_id, subject]
            swept = True if subject in true else None if subject in unknown else False
            if not e.over and (formula.opened is None or swept is not None):
                assert swept is e.eligible, (policy_id, subject)


def told(partition: Any) -> dict[str, Any]:
    """What each subject's file says was decided and told, but for the pushes' ids."""
    return {
        subject: (
            dict(file.matches),
            {key: said._replace(effect_id="") for key, said in file.told.items()},
            dict(file.wanting),
        )
        for subject, file in partition.state.files.items()
    }


@given(steps=STEPS)
@example(steps=AN_UNKNOWN_RULE)
@settings(max_examples=100, deadline=None)
def test_the_state_is_an_evaluation_of_everything_and_a_sweep(steps: list[Step], begin: Any, take: Any) -> None:
    partition = begin()
    for step in steps:
        take(partition, step)
        partition.drain()
        check_everything(partition.state)


@given(steps=STEPS, every=st.integers(1, 9))
@example(steps=NEVER_ACTED, every=1)
@settings(max_examples=40, deadline=None)
def test_a_partition_loaded_on_the_way_goes_on_alike(steps: list[Step], every: int, begin: Any, take: Any) -> None:
    """Index and columns are built anew from the records: the same effects by the same pumps, ids and all."""
    partition = begin()
    for step in steps:
        take(partition, step)
    partition.drain()
    kept, loaded = PartitionState(0), PartitionState(0)
    for offset, value in enumerate(partition.log):
        assert fold(loaded, offset, value) == fold(kept, offset, value)
        if offset % every == 0:
            records = canonical_records(loaded)
            assert records == canonical_records(kept)
            loaded = load_state(0, records.items())
    assert canonical_records(loaded) == canonical_records(partition.state)


@given(steps=STEPS)
@example(steps=AN_UNKNOWN_RULE)
@settings(max_examples=150, deadline=None)
def test_everybody_is_told_what_an_engine_without_index_tells(
    steps: list[Step], begin: Any, take: Any, world: Any
) -> None:
    partition = begin()
    for step in steps:
        take(partition, step)
    partition.drain()
    check_everything(partition.state)
    twin = world.partition(PartitionState(0, engine=PlainEngine()))
    for value in partition.log:
        twin.raw(value)
    twin.drain()
    assert world.plain(twin.effects) == world.plain(partition.effects)
    assert told(twin) == told(partition)
