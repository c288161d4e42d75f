"""The examples: valid documents, exact in their numbers, using only facts, codes and places that exist."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from schemas.catalogue import CatalogueStatement, FactDeclaration, FactType
from schemas.events import PolicyPublication
from schemas.industries import is_industry_root
from schemas.policy import AllOf, AnyOf, Comparison, Condition, FactOf, Items, Not, Own, Policy, Received
from schemas.regions import is_region
from schemas.topics import PROVIDERS

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = sorted((EXAMPLES / "policies").glob("*.yaml"))
CHANGES = sorted((EXAMPLES / "changes").glob("*.yaml"))
DOCUMENTS = sorted(EXAMPLES.rglob("*.yaml"))

NOT_SHIPPED = {"CN-2024-PXBT"}  # named for its receipts only

SIZES = {"large", "medium", "small", "micro"}
DERIVED_BY_YEAR = {
    "insured_staff_mean", "layoff_rate", "assets_mean", "persons_employed_mean", "rd_ratio", "rd_ratio_3y",
    "rd_expense_2y_mean", "equity_raised_2y", "sales_growth", "sales_increment",
}  # fmt: skip
DERIVED_BY_MONTH = {"monthly_sales_growth", "monthly_sales_increment"}
DERIVED_NOW = {"disabled_staff_ratio", "technical_staff_ratio", "rd_staff_ratio", "size_class"}
DERIVED = DERIVED_BY_YEAR | DERIVED_BY_MONTH | DERIVED_NOW
NO_MONEY = {"quarterly_persons_employed", "high_tech_income_share", "rd_domestic_share"}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def statement(name: str) -> CatalogueStatement:
    return CatalogueStatement.model_validate(load(EXAMPLES / "catalogue" / f"{name}.yaml"))


def catalogue() -> dict[str, FactDeclaration]:
    declared = statement("facts").facts
    assert len({fact.name for fact in declared}) == len(declared)
    return {fact.name: fact for fact in declared}


def parts(value: Any) -> Iterator[Any]:
    """`value` and everything in it, of YAML or of a dumped model."""
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)


class Use(NamedTuple):
    """A fact used, and the lists of which an item is meant there."""

    fact: Comparison | FactOf
    lists: frozenset[str]


def conditions(policy: Policy) -> Iterator[tuple[Condition, frozenset[str]]]:
    """Every condition at every depth, with the lists of which an item is meant there."""
    lists = frozenset({policy.for_each} if policy.for_each else ())
    ahead = [(root, lists) for root in (policy.conditions, *(rule.when for rule in policy.rules)) if root is not None]
    while ahead:
        condition, lists = ahead.pop()
        yield condition, lists
        match condition:
            case AllOf():
                ahead += [(part, lists) for part in condition.all]
            case AnyOf():
                ahead += [(part, lists) for part in condition.any]
            case Not():
                ahead.append((condition.not_, lists))
            case Items() if condition.where is not None:
                ahead.append((condition.where, lists | {condition.items}))


def fact_uses(policy: Policy) -> Iterator[Use]:
    """Every comparison, every whole of a share, every base of an amount, every reference date."""
    lists = frozenset({policy.for_each} if policy.for_each else ())
    for condition, lists_there in conditions(policy):
        match condition:
            case Comparison():
                yield Use(condition, lists_there)
            case Items() if condition.of is not None:
                yield Use(condition.of, lists_there)
        reference = getattr(condition, "reference", None)
        if reference not in (None, "today"):
            yield Use(FactOf(fact=reference), lists_there)
    for rule in policy.rules:
        if (base := rule.benefit.base()) is not None:
            yield Use(base, lists)
    if policy.reference is not None:
        yield Use(FactOf(fact=policy.reference), lists)


def policies_named(policy: Policy) -> set[str]:
    """Every policy whose receipts are looked at, and the predecessor."""
    received = {each for c, _ in conditions(policy) if isinstance(c, Received) for each in c.received}
    topped_up = {each for rule in policy.rules for each in rule.benefit.top_up or ()}
    return received | topped_up | ({policy.succeeds} if policy.succeeds else set())


def ids(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_no_floats(path: Path) -> None:
    assert not [part for part in parts(load(path)) if isinstance(part, float)]


def test_every_fact_has_a_known_provider() -> None:
    assert {fact.provider for fact in catalogue().values()} == set(PROVIDERS)


def test_amounts_are_in_yuan_and_base_facts_are_not_derived_ones() -> None:
    facts = catalogue()
    decimals = {name: fact.unit for name, fact in facts.items() if fact.type is FactType.DECIMAL}
    assert {name for name, unit in decimals.items() if unit != "元"} == NO_MONEY
    assert not DERIVED & set(facts)


def test_every_list_has_facts_of_its_provider() -> None:
    lists = {listed.name: listed.provider for listed in statement("facts").lists}
    of_a_list = [fact for fact in catalogue().values() if fact.list is not None]
    assert {fact.list for fact in of_a_list} == set(lists)
    assert all(lists[fact.list or ""] == fact.provider for fact in of_a_list)


def test_what_is_complete_is_a_boolean_fact_or_a_list() -> None:
    facts = catalogue()
    lists = {listed.name for listed in statement("facts").lists}
    for stated in statement("complete-lists").complete:
        assert stated.name in lists or facts[stated.name].type is FactType.BOOLEAN, stated.name
        assert stated.as_of is not None
    assert not {name for name, fact in facts.items() if fact.officer_checked} & {
        stated.name for stated in statement("complete-lists").complete
    }  # an officer who has not answered has not said no


def test_the_calendar_knows_the_years_of_the_examples() -> None:
    assert [calendar.year for calendar in statement("calendar").calendars] == [2024, 2025, 2026]


def test_the_six_policies_are_there_with_ids_of_their_own() -> None:
    found = [Policy.model_validate(load(path)).id for path in POLICIES]
    assert len(set(found)) == len(found)
    assert {
        "CN-2024-WGFH",
        "CN-2024-SYFL",
        "LN-2023-CBJ",
        "CN-2023-LSLF",
        "CN-2023-ZZS",
        "SY-GXQ-GQJL",
    } <= set(found)


@pytest.mark.parametrize("path", POLICIES, ids=ids)
def test_policy_is_valid_and_named_as_its_file(path: Path) -> None:
    policy = Policy.model_validate(load(path))
    assert policy.id == path.stem
    assert is_region(policy.region)


@pytest.mark.parametrize("path", POLICIES, ids=ids)
def test_policy_survives_the_wire(path: Path) -> None:
    policy = Policy.model_validate(load(path))
    assert Policy.model_validate_json(policy.model_dump_json(by_alias=True, exclude_none=True)) == policy


def change_of(path: Path) -> tuple[str, str, PolicyPublication]:
    """The policy a change is of, its maker, and the change; a withdrawal, which has no document, names both itself."""
    document = load(path)
    named = document if document["action"] == "withdraw" else document["policy"]
    policy_id, maker = named["id"], named["made_by"]
    event = {name: value for name, value in document.items() if name not in ("id", "made_by")}
    return policy_id, maker, PolicyPublication.model_validate(event)


def published() -> list[Any]:
    """Every policy of the examples, those of the changes too, by its name."""
    found = [(path.stem, Policy.model_validate(load(path))) for path in POLICIES]
    for path in CHANGES:
        if (policy := change_of(path)[2].policy) is not None:
            found.append((path.stem, policy))
    return [pytest.param(policy, id=name) for name, policy in found]


@pytest.mark.parametrize("path", CHANGES, ids=ids)
def test_a_change_is_of_a_policy_that_is_there(path: Path) -> None:
    policy_id, maker, change = change_of(path)
    before = {p.stem: Policy.model_validate(load(p)) for p in POLICIES}
    assert path.stem == f"{path.stem[:10]}-{ACTIONS[change.action]}-{change_about(policy_id, change)}"
    if change.action == "publish":
        assert policy_id not in before
    else:
        assert before[policy_id].made_by == maker
        assert change.policy is None or change.policy.version == before[policy_id].version + 1


ACTIONS = {"publish": "succeed", "amend": "amend", "withdraw": "withdraw"}


def change_about(policy_id: str, change: PolicyPublication) -> str | None:
    """A successor's file is named for whom it succeeds."""
    return change.policy.succeeds if change.action == "publish" and change.policy is not None else policy_id


@pytest.mark.parametrize("policy", published())
def test_policy_refers_to_what_exists(policy: Policy) -> None:
    document, facts = policy.model_dump(mode="json", by_alias=True, exclude_none=True), catalogue()
    lists = {listed.name for listed in statement("facts").lists}
    named = {part["parameter"] for part in parts(document) if isinstance(part, dict) and "parameter" in part}
    assert named == set(policy.parameters)
    shipped = {path.stem for path in POLICIES}
    assert policies_named(policy) <= shipped | NOT_SHIPPED
    assert policy.for_each is None or policy.for_each in lists
    for condition, lists_there in conditions(policy):
        if isinstance(condition, Items):
            assert condition.items in lists
        if isinstance(condition, Received):
            assert condition.item is None or condition.item in lists_there
    for use, lists_there in fact_uses(policy):
        check_place(use, lists_there, facts)
        if isinstance(use, Comparison):
            check_codes(use, facts)
            check_own(use, policy, facts)


def check_place(use: Comparison | FactOf, lists: frozenset[str], facts: dict[str, FactDeclaration]) -> None:
    """Its period is of its kind; of a list it is used where an item is meant."""
    assert use.fact in facts or use.fact in DERIVED
    kind = "year" if use.fact in DERIVED_BY_YEAR else "month" if use.fact in DERIVED_BY_MONTH else None
    if use.fact in facts:
        kind = facts[use.fact].period
        assert facts[use.fact].list is None or facts[use.fact].list in lists, use.fact
    assert (kind is None) == (use.period is None), use.fact
    assert use.period is None or (kind or "") in use.period.replace("_before_last", ""), use.fact


def check_own(use: Comparison, policy: Policy, facts: dict[str, FactDeclaration]) -> None:
    for bound in (use.equals, *(bound for _, bound in use.bounds())):
        if isinstance(bound, Own):
            assert facts[bound.own].list == policy.for_each
            assert facts[bound.own].type is facts[use.fact].type


def check_codes(use: Comparison, facts: dict[str, FactDeclaration]) -> None:
    """A misspelt code would be false for everyone, or, worse, true under `not`."""
    given = set(use.one_of or ()) | ({use.equals} if isinstance(use.equals, str) else set())
    declared = SIZES if use.fact == "size_class" else set()
    if use.fact in facts:
        declared = set(facts[use.fact].codes or ())
    assert given <= declared, use.fact
    if isinstance(use.equals, bool):
        assert facts[use.fact].type is FactType.BOOLEAN, use.fact
    known = is_region if use.fact in ("region", "household_region") else is_industry_root
    assert all(known(code) for code in use.within or ())
