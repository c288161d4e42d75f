"""Benefits received (decision 10 of the architecture): the receipts that finance keeps of a subject.

A receipt is keyed by (subject, policy, period, item) like the match it settles. Whoever is decided does not see the
receipt of the very same match, nor, once there is one, what was received on its day or later: being paid never undoes
why one was paid.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import NamedTuple, cast

from eligibility.derived import RECEIPTS
from eligibility.facts_view import FactsView, MissingFact, Observation
from eligibility.subject_file import NO_ITEM, NO_PERIOD, PeriodItem


class Receipt(NamedTuple):
    """One benefit received; `key` None: of which policy is not known. 元."""

    id: str
    key: PeriodItem | None
    amount: Observation
    on: Observation
    named: tuple[Observation, ...]

    @property
    def day(self) -> date | None:
        """When it was received, where that is known."""
        return cast("date | None", self.on.value)

    @property
    def sum(self) -> Fraction | None:
        """How much, where that is known."""
        return None if self.amount.value is None else max(Fraction(cast(Fraction, self.amount.value)), Fraction(0))


def receipts_of(view: FactsView) -> list[Receipt]:
    """All receipts of a subject, by their ids; one that names no period or item settles only what has none."""
    if RECEIPTS not in view.catalogue.lists:
        return []
    if view.receipts is None:
        view.receipts = [_receipt(view, each) for each in view.items(RECEIPTS)]
    return cast(list[Receipt], view.receipts)


def _receipt(view: FactsView, each: str) -> Receipt:
    policy, period, item = (view.at(f"receipt_{part}", item=each) for part in ("policy", "period", "item"))
    key = None
    if policy.value is not None:
        key = PeriodItem(str(policy.value), str(period.value or NO_PERIOD), str(item.value or NO_ITEM))
    named = tuple(o for o in (policy, period, item) if o.value is not None or o is policy)
    return Receipt(each, key, view.at("receipt_amount", item=each), view.at("receipt_date", item=each), named)


def is_received(view: FactsView, key: PeriodItem) -> bool:
    """Whether the benefit of a match was received."""
    return any(receipt.key == key for receipt in receipts_of(view))


def receipts_seen(view: FactsView, key: PeriodItem) -> list[tuple[Receipt, frozenset[MissingFact]]]:
    """The receipts that the decision of a match may see; with each the dates missing to say whether it came before."""
    every = receipts_of(view)
    own = [receipt for receipt in every if receipt.key == key]
    if not own:
        return [(receipt, frozenset()) for receipt in every]
    undated = frozenset[MissingFact]().union(*(receipt.on.missing for receipt in own))
    first = min((receipt.day for receipt in own if receipt.day is not None), default=None)
    seen = []
    for receipt in every:
        if receipt.key == key or (first is not None and receipt.day is not None and receipt.day >= first):
            continue
        seen.append((receipt, undated | receipt.on.missing))
    return seen


def unknown_receipts(view: FactsView) -> frozenset[MissingFact]:
    """What is missing where there may be receipts nobody has told of."""
    return view.incomplete(RECEIPTS)
