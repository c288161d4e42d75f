"""`zhida preview`: a policy before it is published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from rich.markup import escape

from eligibility.advice import rules_of
from eligibility.errors import Refused
from eligibility.partition_state import PartitionState
from eligibility.preview import Comparison, Groups, Preview, compare, preview
from eligibility.values import yuan
from schemas.industries import INDUSTRIES
from schemas.model import Text
from schemas.policy import Policy
from schemas.regions import REGIONS
from schemas.rejected import RejectCode
from zhida import charts
from zhida.charts import Bar, Panel
from zhida.commands import gaps
from zhida.commands.advise import as_of, moment, said, table
from zhida.console import out
from zhida.messages import WRONG, FileRefused, in_one_line

SIZES = {
    name: Text(zh=zh, en=name)
    for name, zh in (("large", "大型"), ("medium", "中型"), ("small", "小型"), ("micro", "微型"))
}
GROUPS: Mapping[str, tuple[str, Mapping[str, Text]]] = {
    "regions": ("按地区 by region", REGIONS),
    "industries": ("按行业 by industry", INDUSTRIES),
    "sizes": ("按规模 by size", SIZES),
}
UNKNOWN = "未知或不适用 not known, or has none"


def read_policy(file: Path) -> Policy:
    """The policy of a YAML file: a document, or a publication with one. Raises FileRefused."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise FileRefused(f"{file}: expected a policy, or a publication of one")
        document = content.get("policy") if "action" in content else content
        if document is None:
            raise FileRefused(f"{file}: a withdrawal has no policy to preview")
        return Policy.model_validate(json.loads(json.dumps(document, default=str)))
    except OSError as error:
        raise FileRefused(f"{file}: {error.strerror or error}") from error
    except (yaml.YAMLError, *WRONG) as error:
        raise FileRefused(f"{file}: {in_one_line(error)}") from error


def published(states: Sequence[PartitionState], policy_id: str) -> Policy:
    """The version of a policy that acts now. Raises Refused (UNKNOWN_POLICY) where none does."""
    registry, now = rules_of(states)
    history = registry.policies.get(policy_id)
    acting = None if history is None else history.at(now)
    if acting is None:
        text = f"no version of {policy_id!r} acts now; compare with a file by --against"
        raise Refused(RejectCode.UNKNOWN_POLICY, text)
    return acting.document


def show(
    states: Sequence[PartitionState], document: Policy, against: Policy | None, chart: Path | None, *, as_json: bool
) -> None:
    """Print the preview, against another policy where one is given, as tables or as JSON; draw it where asked."""
    compared = None if against is None else compare(states, document, against)
    found = preview(states, document) if compared is None else compared.after
    if chart is not None:
        charts.write(chart, f"{document.title.zh}\n{_reached(found, document.title.en)}", _panels(found))
    if as_json:
        told = {"as_of": moment(states), **_as_data(found)}
        if compared is not None:
            told["against"] = _as_data(compared.before) | _difference(compared)
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    out.print(as_of(states))
    _show(found)
    if compared is not None:
        _show_difference(compared)


def _reached(found: Preview, title: str) -> str:
    policy = found.policy
    return f"{title} ({policy.id}, version {policy.version}): {found.eligible:,} reached on {found.on}"


def _show(found: Preview) -> None:
    out.print(f"[bold]{escape(_reached(found, said(found.policy.title)))}[/]")
    if found.over:
        out.print(f"that day is outside its time: it holds from {_times(found.policy)}", markup=False)
    no = found.subjects - found.eligible - found.undetermined
    counts = (("eligible", found.eligible), ("undetermined", found.undetermined), ("not eligible", no))
    out.print(", ".join(f"{number:,} {what}" for what, number in counts) + f", of {found.subjects:,} subjects")
    out.print(f"cost: {_cost(found)}", markup=False)
    for name, (heading, titles) in GROUPS.items():
        groups: Groups = getattr(found, name)
        if groups:
            made = table(heading, "", ">subjects")
            for code, number in groups:
                made.add_row(escape(code or "–"), escape(_label(code, titles)), f"{number:,}")
            out.print()
            out.print(made)
    out.print()
    gaps.show_gaps(found.gaps)


def _times(policy: Policy) -> str:
    claims = "" if policy.claim is None else f", claims from {policy.claim.from_} to {policy.claim.to or '–'}"
    return f"{policy.valid.from_} to {policy.valid.to or '–'}{claims}"


def _cost(found: Preview) -> str:
    if all(rule.benefit.grants is not None for rule in found.policy.rules):
        return "none; it grants no money"
    unknown = "" if not found.amounts_unknown else f", and {found.amounts_unknown:,} amounts that are not known"
    return f"{yuan(found.cost)} 元{unknown}"


def _show_difference(compared: Comparison) -> None:
    before = compared.before
    out.print(f"\nagainst {_reached(before, said(before.policy.title))}", markup=False)
    doubt = "" if not compared.in_doubt else f" ({compared.in_doubt:,} of them undetermined after it)"
    out.print(f"gained: {compared.gained:,} subjects; lost: {compared.lost:,}{doubt}", markup=False)
    out.print(f"another amount: {compared.amount_changed:,} subjects")
    out.print(f"cost: {_cost(before)} before; difference {yuan(compared.cost_difference)} 元", markup=False)


def _panels(found: Preview) -> list[Panel]:
    panels: list[Panel] = []
    for name, (heading, titles) in GROUPS.items():
        groups: Groups = getattr(found, name)
        panels.append(Panel(heading, [Bar(_label(code, titles), number) for code, number in groups]))
    return panels


def _label(code: str | None, titles: Mapping[str, Text]) -> str:
    return UNKNOWN if code is None else said(titles[code])


def _as_data(found: Preview) -> dict[str, object]:
    return {
        "policy": found.policy.id,
        "policy_version": found.policy.version,
        "on": found.on.isoformat(),
        "over": found.over,
        "subjects": found.subjects,
        "eligible": found.eligible,
        "undetermined": found.undetermined,
        **{
            name: [
                {"code": code, "title": None if code is None else titles[code].model_dump(), "subjects": number}
                for code, number in getattr(found, name)
            ]
            for name, (_, titles) in GROUPS.items()
        },
        "cost": yuan(found.cost),
        "amounts_unknown": found.amounts_unknown,
        "missing": gaps.as_data(found.gaps),
    }


def _difference(compared: Comparison) -> dict[str, object]:
    return {
        "gained": compared.gained,
        "lost": compared.lost,
        "in_doubt": compared.in_doubt,
        "amount_changed": compared.amount_changed,
        "cost_difference": yuan(compared.cost_difference),
    }
