"""The contract of every event: which fields it has, what one looks like, and that nothing else is let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from schemas import decisions, events, notices, rejected
from schemas.catalogue import CatalogueStatement
from schemas.decisions import Decision
from schemas.events import DeliveryReceipt, PolicyPublication, RegistryChange, RosterEntry, SubjectCommand
from schemas.model import Model
from schemas.notices import Notice
from schemas.rejected import Rejected

# A name that changes here changes for every sender and reader: a new version of the topic.
FIELDS = {
    "RegistryChange": ["version", "effective_at", "facts", "erase", "identity"],
    "Identity": ["new_id"],
    "PolicyPublication": ["action", "policy", "effective_at", "reason"],
    "RosterEntry": ["policy", "roster_version", "member", "amount", "grade", "item"],
    "SubjectCommand": ["command", "arguments", "issued_at", "on_behalf_of"],
    "DeliveryReceipt": ["notice", "gateway", "status", "at"],
    "MatchKey": ["subject", "policy", "period", "item"],
    "FactSource": ["fact", "period", "item", "observed", "provider", "provider_version", "complete_as_of"],
    "Reason": ["condition", "value", "fact", "period", "item", "observed", "provider", "provider_version",
               "complete_as_of", "inputs", "inputs_left_out"],
    "Amount": ["value", "arithmetic"],
    "JournalPosition": ["partition", "offset"],
    "Decision": ["match", "verdict", "policy_version", "as_of", "reasons", "amount", "journal", "effect_id"],
    "Notice": ["kind", "about", "matter", "policy_version", "as_of", "due", "provisional", "params", "supersedes",
               "effect_id"],
    "Rejected": ["origin", "topic", "code", "text", "field", "rejected_at", "key", "headers", "value"],
}  # fmt: skip
MODELS = {
    name: model
    for module in (events, decisions, notices, rejected)
    for name, model in vars(module).items()
    if isinstance(model, type) and issubclass(model, Model) and model.__module__ == module.__name__
}

POLICY = """{"id": "LN-2023-CBJ", "version": 2, "title": {"zh": "残保金减免", "en": "Levy relief"},
    "document": "财政部公告2023年第8号", "clause": "第一条", "issued_on": "2023-03-26", "made_by": "finance",
    "implemented_by": ["tax"], "region": "21", "zone": "no_apply", "list": "condition", "kind": "reduction",
    "subjects": ["enterprise", "individual_business"], "valid": {"from": "2023-01-01", "to": "2027-12-31"},
    "parameters": {"staff": 30, "middle": "0.010", "province": [{"from": "2023-01-01", "value": "0.0150"}]},
    "conditions": {"all": [{"fact": "registration_status", "equals": "active"},
        {"any": [{"not": {"fact": "small_low_profit", "equals": true}}, {"fact": "region", "within": ["2101"]}]},
        {"fact": "established_on", "years_ago": {"from": 3}}, {"fact": "kind", "one_of": ["enterprise"]}]},
    "for_each": "hires", "reference": "hired_on", "valid_on": "reference", "succeeds": "LN-2020-CBJ",
    "exclusion_groups": ["LN-2023"],
    "rules": [{"when": {"fact": "employees_in_post", "at_most": {"parameter": "staff"}},
            "benefit": {"exempt": "levy_due"}},
        {"when": {"fact": "yearly_sales", "period": "last_year", "above": "0.10", "below": "5000000.00"},
            "benefit": {"rate": "0.50", "of": {"fact": "yearly_sales", "period": "last_year"}, "cap": "100000.00"}},
        {"benefit": {"fixed": "1.10"}},
        {"when": {"items": "hires", "where": {"all": [{"fact": "hire_trade", "equals": {"own": "hire_trade"}},
                {"fact": "hired_on", "not_past": true}, {"received": ["LN-2020-CBJ"], "item": "hires",
                    "this_year": true, "reference": "today", "times": {"below": 3}}]}, "count": {"at_most": 0}},
            "benefit": {"each": "1.10", "of": "employees_in_post", "full": "10", "cap": {"parameter": "middle"},
                "top_up": ["LN-2020-CBJ"]}},
        {"when": {"items": "hires", "share": {"from": "0.15"}, "of": {"fact": "employees_in_post"}},
            "benefit": {"grants": {"zh": "资格", "en": "a title"}}},
        {"when": {"fact": "established_on", "calendar_years_ago": {"from": 1}, "reference": "hired_on"},
            "benefit": {"reduced_rate": "0.010"}}],
    "period": "year", "consent": false, "public": true}"""

GOLDEN: list[tuple[type[Model], str]] = [
    (
        RegistryChange,
        """{"version": 7, "effective_at": "2024-06-30T16:00:00Z", "facts": {"levy_due": "1.10", "staff": 30,
            "small_low_profit": true, "withdrawn": null, "insured_staff": {"2024-07": 12, "2024Q3": null},
            "hired_on": {"h-1": "2024-07-01", "2023.7_a": null}}}""",
    ),
    (RegistryChange, """{"version": 8, "effective_at": "2024-06-30T16:00:00Z", "erase": true}"""),
    (
        RegistryChange,
        """{"version": 9, "effective_at": "2024-06-30T16:00:00Z", "identity": {"new_id": "91210102MAHU03QE3Y"}}""",
    ),
    (
        PolicyPublication,
        '{"action": "publish", "effective_at": "2024-06-30T16:00:00Z", "reason": "新政策", "policy": ' + POLICY + "}",
    ),
    (
        PolicyPublication,
        """{"action": "withdraw", "effective_at": "2024-06-30T16:00:00Z", "reason": "repealed"}""",
    ),
    (
        RosterEntry,
        """{"policy": "SY-GXQ-GQJL", "roster_version": 3, "member": true, "amount": "300000.10",
            "grade": "first_recognition", "item": "certificate"}""",
    ),
    (
        SubjectCommand,
        """{"command": "apply", "arguments": {"policy": "LN-2023-CBJ", "period": "2024", "amount": "1.10"},
            "issued_at": "2024-06-30T16:00:00Z", "on_behalf_of": "p-0123456789abcdef0123456789abcdef"}""",
    ),
    (
        DeliveryReceipt,
        """{"notice": "3:registry.changes.tax.v1.ab12cd34/0@5.0:1", "gateway": "webhook", "status": "seen",
            "at": "2024-06-30T16:00:00Z"}""",
    ),
    (
        CatalogueStatement,
        """{"kind": "catalogue", "effective_at": "2024-06-30T16:00:00Z", "facts": [{"name": "taxpayer_type",
            "title": {"zh": "纳税人类型", "en": "VAT payer type"}, "provider": "tax", "type": "code",
            "codes": {"small_scale": {"zh": "小规模", "en": "Small-scale"}}},
            {"name": "monthly_sales", "title": {"zh": "月销售额", "en": "Monthly sales"}, "provider": "tax",
            "type": "decimal", "unit": "元", "period": "month"},
            {"name": "hired_on", "title": {"zh": "招用日期", "en": "Hired on"}, "provider": "human-resources",
            "type": "date", "list": "hires", "officer_checked": true}],
            "lists": [{"name": "hires", "title": {"zh": "招用", "en": "Hires"}, "provider": "human-resources"}],
            "complete": [{"name": "hires", "as_of": "2024-01-01"}, {"name": "dishonest_list", "as_of": null}],
            "calendars": [{"year": 2024, "days_off": ["2024-01-01"], "working_days": ["2024-02-04"]}],
            "keys": [{"department": "finance", "key_id": "key_2024",
            "public_key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}]}""",
    ),
    (
        Decision,
        """{"match": {"subject": "91210102MAHU03QE3Y", "policy": "LN-2023-CBJ", "period": "2024", "item": "-"},
            "verdict": "eligible", "policy_version": 2, "as_of": "2024-06-30T16:00:00Z",
            "reasons": [{"condition": "disabled_staff_ratio < 0.0150", "value": true,
                "fact": "disabled_staff_ratio", "period": "2024", "item": "h-1", "observed": "1/90",
                "provider": "finance", "provider_version": 4, "complete_as_of": "2024-01-01",
                "inputs": [{"fact": "disabled_staff", "period": "-", "item": "h-1", "observed": 1,
                "provider": "disabled-persons-federation", "provider_version": 2,
                "complete_as_of": "2024-01-01"}]}],
            "amount": {"value": "1.10", "arithmetic": "2.20 × 0.50"},
            "journal": {"partition": 3, "offset": 41}, "effect_id": "3:registry.changes.tax.v1.ab12cd34/0@5.0:0"}""",
    ),
    (
        Notice,
        """{"kind": "reminder", "about": "claim_window_closing", "matter": {"subject": "91210102MAHU03QE3Y",
            "policy": "LN-2023-CBJ", "period": "-", "item": "certificate"}, "policy_version": 1,
            "as_of": "2024-06-30T16:00:00Z", "due": "2024-07-31", "provisional": true,
            "params": {"title": "残保金减免", "amount": "1.10"},
            "supersedes": "3:control/7:0", "effect_id": "3:pump/12:1"}""",
    ),
    (
        Rejected,
        """{"origin": {"topic": "registry.changes.tax.v1.ab12cd34", "partition": 1, "offset": 5, "ordinal": 0},
            "topic": "registry.changes.tax.v1", "code": "bad_value", "text": "facts.levy_due: 'x' is not …",
            "field": "facts.levy_due", "rejected_at": "2024-06-30T16:00:00Z", "key": "azE=",
            "headers": [["ce_id", "MQ=="]], "value": "e30="}""",
    ),
]
# Names in these are the sender's: facts, and what one is given for, too. Whether they are right, the catalogue says.
FREE = {"facts", "insured_staff", "hired_on", "arguments", "params", "parameters", "codes"}
IDS = [f"{number}-{model.__name__}" for number, (model, _) in enumerate(GOLDEN)]


def objects(data: Any, free: bool = False) -> Iterator[dict[str, Any]]:
    """Every object in an event whose names are not the sender's own."""
    if isinstance(data, dict):
        if not free:
            yield data
        for name, value in data.items():
            yield from objects(value, free=name in FREE)
    elif isinstance(data, list):
        for item in data:
            yield from objects(item)


def refusal(model: type[Model], data: Any) -> list[dict[str, Any]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(data))
    return [dict(error) for error in caught.value.errors()]


def test_every_model_is_under_contract() -> None:
    assert {name: list(model.model_fields) for name, model in MODELS.items()} == FIELDS


@pytest.mark.parametrize("name", MODELS)
def test_every_field_has_a_type(name: str) -> None:
    """In the published JSON schema too, where a field without one would let anything in."""
    for field, schema in MODELS[name].model_json_schema()["properties"].items():
        assert schema.keys() & {"type", "$ref", "anyOf", "oneOf", "const", "enum"}, field
        assert MODELS[name].model_fields[field].annotation is not Any, field


@pytest.mark.parametrize(("model", "text"), GOLDEN, ids=IDS)
def test_a_golden_event_comes_back_as_it_was_written(model: type[Model], text: str) -> None:
    event = model.model_validate_json(text)
    written = event.model_dump_json(by_alias=True, exclude_unset=True)
    assert json.loads(written) == json.loads(text)
    assert model.model_validate_json(event.model_dump_json(by_alias=True)) == event


def test_the_golden_events_show_every_field() -> None:
    for name in {model.__name__ for model, _ in GOLDEN} & FIELDS.keys():
        shown = {field for model, text in GOLDEN if model.__name__ == name for field in json.loads(text)}
        assert shown == set(FIELDS[name])


@pytest.mark.parametrize(("model", "text"), GOLDEN, ids=IDS)
def test_an_unknown_field_is_refused_at_every_depth(model: type[Model], text: str) -> None:
    places = len(list(objects(json.loads(text))))
    for place in range(places):
        data = json.loads(text)
        list(objects(data))[place]["surprise"] = 1
        assert any("surprise" in error["loc"] for error in refusal(model, data)), place


@pytest.mark.parametrize(("model", "text"), GOLDEN, ids=IDS)
def test_a_required_field_cannot_be_left_out(model: type[Model], text: str) -> None:
    given = json.loads(text)
    for name in [n for n, field in model.model_fields.items() if field.is_required()]:
        errors = refusal(model, {key: value for key, value in given.items() if key != name})
        assert ((name,), "missing") in [(error["loc"], error["type"]) for error in errors]


MONEY = [
    (RosterEntry, ("amount",)),
    (PolicyPublication, ("policy", "parameters", "middle")),
    (PolicyPublication, ("policy", "parameters", "province", 0, "value")),
    (PolicyPublication, ("policy", "rules", 1, "when", "above")),
    (PolicyPublication, ("policy", "rules", 1, "benefit", "rate")),
    (PolicyPublication, ("policy", "rules", 1, "benefit", "cap")),
    (PolicyPublication, ("policy", "rules", 2, "benefit", "fixed")),
    (PolicyPublication, ("policy", "rules", 3, "benefit", "each")),
    (PolicyPublication, ("policy", "rules", 3, "benefit", "full")),
    (PolicyPublication, ("policy", "rules", 4, "when", "share", "from")),
    (PolicyPublication, ("policy", "rules", 5, "benefit", "reduced_rate")),
    (RegistryChange, ("facts", "levy_due")),
    (Decision, ("amount", "value")),
]


@pytest.mark.parametrize(("model", "path"), MONEY, ids=[".".join(map(str, path)) for _, path in MONEY])
def test_money_is_text_and_stays_as_written(model: type[Model], path: tuple[str | int, ...]) -> None:
    data = next(json.loads(text) for golden, text in GOLDEN if golden is model)

    def at(whole: Any, value: Any = None) -> Any:
        for step in path[:-1]:
            whole = whole[step]
        if value is not None:
            whole[path[-1]] = value
        return whole[path[-1]]

    for exact in ("1.10", "0.000001", "-0.50", "123456789012345678.123456"):
        given = deepcopy(data)
        at(given, exact)
        written = model.model_validate_json(json.dumps(given)).model_dump_json(by_alias=True)
        assert at(json.loads(written)) == exact
    at(data, 1.10)
    assert refusal(model, data)


@pytest.mark.parametrize(
    "amount", ["1,10", "1.", ".5", "+1", "1e3", "NaN", "１", "1.1234567", "1" * 19, "", " 1", "1\n"]
)
def test_an_amount_is_an_exact_decimal(amount: str) -> None:
    errors = refusal(RosterEntry, {"policy": "P", "roster_version": 1, "member": True, "amount": amount})
    assert [error["loc"] for error in errors] == [("amount",)]


@pytest.mark.parametrize("label", ["-", "", "a b", "a\n", "_a", "焊工", "x" * 65])
def test_a_period_or_item_is_an_identifier(label: str) -> None:
    given = {"version": 1, "effective_at": "2024-07-01T00:00:00Z", "facts": {"hired_on": {label: "2024-07-01"}}}
    assert refusal(RegistryChange, given)[0]["loc"][:2] == ("facts", "hired_on")


@pytest.mark.parametrize(
    ("part", "given", "named"),
    [
        ("facts", {"type": "date", "period": "year", "list": "hires"}, "per period or per item of a list, not both"),
        ("facts", {"type": "code"}, "`codes` are given for type `code`"),
        ("facts", {"type": "identifier", "codes": {"a_b": {"zh": "甲", "en": "A"}}}, "`codes` are given for type"),
        ("calendars", {"year": 2024, "days_off": ["2024-01-06"], "working_days": []}, "not a Monday to Friday"),
        ("calendars", {"year": 2300, "days_off": [], "working_days": []}, "less than or equal to 2200"),
        ("complete", {"name": "hires", "as_of": "9999-01-01"}, "less than or equal to"),
        ("complete", {"name": "hires"}, "Field required"),
    ],
)
def test_a_statement_in_itself_is_sound(part: str, given: dict[str, Any], named: str) -> None:
    fact = {"name": "hired_on", "title": {"zh": "甲", "en": "A"}, "provider": "tax"}
    stated = {**fact, **given} if part == "facts" else given
    errors = refusal(CatalogueStatement, {"effective_at": "2024-07-01T00:00:00Z", part: [stated]})
    assert named in errors[0]["msg"]


@pytest.mark.parametrize("changes", [{}, {"erase": True, "identity": {"new_id": "91210102MAHU03QE3Y"}}, {"facts": {}}])
def test_a_change_is_one_change(changes: dict[str, Any]) -> None:
    assert refusal(RegistryChange, {"version": 1, "effective_at": "2024-07-01T00:00:00Z", **changes})


@pytest.mark.parametrize(("action", "policy"), [("withdraw", json.loads(POLICY)), ("publish", None), ("amend", None)])
def test_a_document_is_given_exactly_when_it_is_needed(action: str, policy: Any) -> None:
    given = {"action": action, "policy": policy, "effective_at": "2024-07-01T00:00:00Z", "reason": "r"}
    assert action in refusal(PolicyPublication, given)[0]["msg"]


# An offset can carry a moment over the limit; what is let in must be readable when it is stored in UTC.
@pytest.mark.parametrize("moment", ["1900-01-01T00:00:00+08:00", "2200-12-31T23:00:00-08:00"])
def test_a_moment_is_within_its_years_in_utc_too(moment: str) -> None:
    errors = refusal(RegistryChange, {"version": 1, "effective_at": moment, "erase": True})
    assert errors[0]["loc"] == ("effective_at",)


@pytest.mark.parametrize("moment", ["1900-01-01T00:00:00Z", "2200-12-31T23:59:59.999999Z", "2024-07-01T00:00:00+08:00"])
def test_a_moment_comes_back_as_the_same_moment(moment: str) -> None:
    change = RegistryChange.model_validate({"version": 1, "effective_at": moment, "erase": True})
    assert RegistryChange.model_validate_json(change.model_dump_json()) == change
