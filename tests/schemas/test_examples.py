"""The examples: valid documents, exact in their numbers, using only facts, codes and places that exist."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.catalogue import CatalogueStatement, FactDeclaration, FactType
from schemas.industries import is_industry_root
from schemas.policy import Comparison, FactOf, Policy
from schemas.regions import is_region
from schemas.topics import PROVIDERS

EXAMPLES = Path(__file__).parents[2] / "examples"
POLICIES = sorted((EXAMPLES / "policies").glob("*.yaml"))
DOCUMENTS = sorted(EXAMPLES.rglob("*.yaml"))

SIZES = {"large", "medium", "small", "micro"}
DERIVED_BY_YEAR = {"insured_staff_mean", "layoff_rate"}
DERIVED = {*DERIVED_BY_YEAR, "disabled_staff_ratio", "size_class"}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def catalogue() -> dict[str, FactDeclaration]:
    statement = CatalogueStatement.model_validate(load(EXAMPLES / "catalogue" / "facts.yaml"))
    assert len({fact.name for fact in statement.facts}) == len(statement.facts)
    return {fact.name: fact for fact in statement.facts}


def parts(value: Any) -> Iterator[Any]:
    """`value` and everything in it, of YAML or of a dumped model."""
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)


def fact_uses(policy: Policy) -> Iterator[Comparison | FactOf]:
    """Every comparison and every base of an amount."""
    roots = [policy.conditions, *(rule.when for rule in policy.rules)]
    for root in roots:
        if root is not None:
            for part in parts(root.model_dump(by_alias=True, exclude_none=True)):
                if isinstance(part, dict) and "fact" in part:
                    yield Comparison.model_validate(part)
    for rule in policy.rules:
        if (base := rule.benefit.base()) is not None:
            yield base


def ids(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_no_floats(path: Path) -> None:
    assert not [part for part in parts(load(path)) if isinstance(part, float)]


def test_every_fact_has_a_known_provider() -> None:
    assert {fact.provider for fact in catalogue().values()} == set(PROVIDERS)


def test_amounts_are_in_yuan_and_base_facts_are_not_derived_ones() -> None:
    facts = catalogue()
    assert all(fact.unit == "元" for fact in facts.values() if fact.type is FactType.DECIMAL)
    assert not DERIVED & set(facts)


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


@pytest.mark.parametrize("path", POLICIES, ids=ids)
def test_policy_refers_to_what_exists(path: Path) -> None:
    document, facts = load(path), catalogue()
    policy = Policy.model_validate(document)
    named = {part["parameter"] for part in parts(document) if isinstance(part, dict) and "parameter" in part}
    assert named == set(policy.parameters)
    for use in fact_uses(policy):
        assert use.fact in facts or use.fact in DERIVED
        by_period = use.fact in DERIVED_BY_YEAR or (use.fact in facts and facts[use.fact].period is not None)
        assert (use.period is not None) == by_period, use.fact
        if isinstance(use, Comparison):
            check_codes(use, facts)


def check_codes(use: Comparison, facts: dict[str, FactDeclaration]) -> None:
    """A misspelt code would be false for everyone, or, worse, true under `not`."""
    given = set(use.one_of or ()) | ({use.equals} if isinstance(use.equals, str) else set())
    declared = SIZES if use.fact == "size_class" else set()
    if use.fact in facts:
        declared = set(facts[use.fact].codes or ())
    assert given <= declared, use.fact
    if isinstance(use.equals, bool):
        assert facts[use.fact].type is FactType.BOOLEAN, use.fact
    known = is_region if use.fact == "region" else is_industry_root
    assert all(known(code) for code in use.within or ())
