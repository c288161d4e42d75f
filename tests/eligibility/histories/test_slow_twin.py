"""A slow twin, written from the policies' words alone: whoever it finds eligible has an open match, and no one else.

It keeps the last valid value of each fact and the acting version of each policy, and knows nothing of the engine's
conditions, indexes, due times or roll-outs.
"""

from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from schemas.journal import (
    CatalogueControl,
    ChangeEntry,
    ControlEntry,
    PolicyControl,
    RosterEntryRecord,
    Tick,
    journal_record,
)

Row = tuple[str, str, str, str, int, str | None, bool]
Found = list[tuple[str, str, str | None]]
SUCCEEDED = {"SMALL": ("NEXT", date(2024, 6, 1))}


class Facts(dict[tuple[str, str], Any]):
    """A subject's facts as encoded in the journal; `listed`: the lists that are complete today."""

    listed: set[str]

    def items_of(self, *names: str) -> list[str]:
        return sorted({label for name, label in self if name in names})

    def day(self, name: str, label: str = "-") -> date | None:
        known = self.get((name, label))
        return None if known is None else date.fromisoformat(known[2:])

    def receipts(self) -> list[dict[str, Any]]:
        """All that was received: under which key, when, how much."""
        found = []
        for label in self.items_of(*(f"receipt_{part}" for part in ("policy", "period", "item", "amount", "date"))):
            policy, period, item = (
                self.get((f"receipt_{part}", label), "s:-")[2:] for part in ("policy", "period", "item")
            )
            amount = self.get(("receipt_amount", label))
            sum_ = None if amount is None else Fraction(amount[2:])
            found.append({"key": (policy, period, item), "on": self.day("receipt_date", label), "amount": sum_})
        return found

    def seen_by(self, policy: str) -> list[dict[str, Any]]:
        """The receipts that count for a policy without periods and items: from its own on, none does."""
        own = [r for r in self.receipts() if r["key"] == (policy, "-", "-")]
        days = [r["on"] for r in own if r["on"] is not None]
        others = [r for r in self.receipts() if r not in own]
        return [r for r in others if not days or r["on"] is None or r["on"] < min(days)]


class Twin:
    """The journal read from its beginning, each record once."""

    def __init__(self, log: list[bytes]) -> None:
        self.now = datetime(2023, 12, 31, 16, tzinfo=UTC)
        self.facts: dict[str, dict[tuple[str, str], Any]] = {}  # by name and period, or item
        self.rosters: dict[str, dict[str, tuple[int, bool, str | None]]] = {}
        self.versions: dict[str, list[tuple[datetime, int]]] = {}  # from when which version acts; 0: none does
        self.complete: dict[str, date] = {}
        seen: set[Any] = set()
        said: dict[tuple[str, str], int] = {}
        for value in log:
            record = journal_record.validate_json(value)
            match record:
                case ControlEntry(sequence=sequence, record=control) if sequence not in seen:
                    seen.add(sequence)
                    self._control(control)
                case ChangeEntry() if str(record.origin) not in seen:
                    seen.add(str(record.origin))
                    if record.version > said.get((record.subject, record.provider), 0):
                        said[record.subject, record.provider] = record.version
                        for name, period, item, encoded in record.facts:
                            label = period if item == "-" else item
                            self.facts.setdefault(record.subject, {})[name, label] = encoded
                case RosterEntryRecord(data=line, department="tax") if str(record.origin) not in seen:
                    seen.add(str(record.origin))
                    lines = self.rosters.setdefault(record.subject, {})
                    if line.roster_version > lines.get(line.item or "-", (0,))[0]:
                        lines[line.item or "-"] = (line.roster_version, line.member, line.grade)
                case _:
                    pass

    def _control(self, control: Any) -> None:
        match control:
            case Tick(at=at):
                self.now = max(self.now, at)
            case CatalogueControl(statement=statement):
                for stated in statement.complete:
                    if stated.as_of is None:
                        self.complete.pop(stated.name, None)
                    else:
                        self.complete[stated.name] = min(stated.as_of, self.complete.get(stated.name, stated.as_of))
            case PolicyControl(policy_id=policy_id, publication=publication):
                version = 0 if publication.policy is None else publication.policy.version
                self.versions.setdefault(policy_id, []).append((max(self.now, publication.effective_at), version))

    def _acting(self, policy_id: str) -> int:
        """What was published last counts, of what has begun."""
        acting = 0
        for begins, version in self.versions.get(policy_id, []):
            if begins <= self.now:
                acting = version
        return acting

    def eligible(self) -> set[Row]:
        """(subject, policy, period, item, version, amount, received) of everybody who is."""
        today = self.now.astimezone(timezone(timedelta(hours=8))).date()
        found: set[Row] = set()
        for subject, said in self.facts.items():
            facts = Facts({key: value for key, value in said.items() if value is not None})
            facts.listed = {name for name, as_of in self.complete.items() if as_of <= today}
            kind = "s:person" if subject.startswith("p-") else facts.get(("kind", "-"))
            region = facts.get(("household_region" if kind == "s:person" else "region", "-"), "s:")
            if not region.startswith("s:21"):
                continue
            for policy_id in self.versions:
                version = self._acting(policy_id)
                successor, begins = SUCCEEDED.get(policy_id, ("", date.max))
                if kind != ("s:person" if policy_id == "JOB" else "s:enterprise") or not version:
                    continue
                if today < date(2024, 1, 1) or (self._acting(successor) and today >= begins):
                    continue
                for period, item, amount in getattr(self, policy_id.lower())(
                    facts, self.rosters.get(subject, {}), today, version
                ):
                    received = any(r["key"] == (policy_id, period, item) for r in facts.receipts())
                    found.add((subject, policy_id, period, item, version, amount, received))
        return found

    @staticmethod
    def small(facts: Any, lines: Any, today: date, version: int) -> Found:
        staff = facts.get(("staff", "-"))
        enough = staff is not None and staff <= (10 if version % 2 == 0 else 30)
        return [("-", "-", f"{1000 * version}.00")] if enough and today.year == 2024 else []

    @staticmethod
    def aged(facts: Any, lines: Any, today: date, version: int) -> Found:
        known = facts.get(("established_on", "-"))
        if known is None:
            return []
        since = date.fromisoformat(known[2:])
        completed = today.year - since.year - ((today.month, today.day) < (since.month, since.day))
        return [("-", "-", f"{1000 * version}.00")] if completed >= 3 else []

    @staticmethod
    def refund(facts: Any, lines: Any, today: date, version: int) -> Found:
        known = facts.get(("premium", str(today.year - 1)))
        if known is None or not 2024 <= today.year <= 2026 or known == "n:0":
            return []
        amount = {"n:70001/100": "350.01", "n:20001/10": "900.00"}[known]
        return [(str(today.year), "-", amount)]

    @staticmethod
    def dated(facts: Any, lines: Any, today: date, version: int) -> Found:
        honest, staff = facts.get(("honest", "-")), facts.get(("staff", "-"))
        few = staff is not None and staff <= (20 if today < date(2024, 7, 1) else 5)
        if honest is True:
            return [("-", "-", "800.00")]
        amount = "400.00" if honest is False else None  # unless it is honest, where 800 would be right
        return [("-", "-", amount)] if few else []

    @staticmethod
    def quiet(facts: Any, lines: Any, today: date, version: int) -> Found:
        return [("-", "-", f"{1000 * version}.00")] if facts.get(("honest", "-")) is True and today.year == 2024 else []

    @staticmethod
    def claim(facts: Any, lines: Any, today: date, version: int) -> Found:
        meant = facts.get(("honest", "-")) is True or facts.get(("staff", "-"), 99) < 10
        return [("-", "-", f"{1000 * version}.00")] if meant and date(2024, 3, 1) <= today <= date(2024, 9, 30) else []

    @staticmethod
    def list(facts: Any, lines: Any, today: date, version: int) -> Found:
        if facts.get(("honest", "-")) is not True:
            return []
        amounts = {"A": "300.00", "B": "200.00"}
        return [("-", item, amounts.get(grade)) for item, (_, member, grade) in lines.items() if member]

    @staticmethod
    def hire(facts: Any, lines: Any, today: date, version: int) -> Found:
        """The day of the hire counts, not today: for validity, for last year's premium, for the firm's age."""
        founded = facts.day("established_on")
        found = []
        for item in facts.items_of("hired_on", "hire_graduate", "hire_wage"):
            hired = facts.day("hired_on", item)
            if hired is None or not date(2024, 2, 1) <= hired <= date(2025, 12, 31):
                continue
            paid = facts.get(("premium", str(hired.year - 1)), "n:0") != "n:0"
            if paid and facts.get(("hire_graduate", item)) is True and founded and hired.year > founded.year:
                wage = facts.get(("hire_wage", item))
                found.append(("-", item, {"n:2000": "1000.00", "n:50001/10": "1500.00", None: None}[wage]))
        return found

    @staticmethod
    def _well_paid(facts: Any) -> tuple[int, int]:
        """How many surely are, and how many may be."""
        wages = [facts.get(("hire_wage", item)) for item in facts.items_of("hired_on", "hire_graduate", "hire_wage")]
        return wages.count("n:50001/10"), wages.count("n:50001/10") + wages.count(None)

    @classmethod
    def few(cls, facts: Any, lines: Any, today: date, version: int) -> Found:
        meant = "hires" in facts.listed and cls._well_paid(facts)[1] <= 1
        return [("-", "-", f"{1000 * version}.00")] if meant else []

    @classmethod
    def many(cls, facts: Any, lines: Any, today: date, version: int) -> Found:
        return [("-", "-", f"{1000 * version}.00")] if cls._well_paid(facts)[0] >= 2 else []

    @staticmethod
    def clean(facts: Any, lines: Any, today: date, version: int) -> Found:
        absent = False if "blacklisted" in facts.listed else None
        meant = facts.get(("blacklisted", "-"), absent) is False
        return [("-", "-", f"{1000 * version}.00")] if meant else []

    @staticmethod
    def topup(facts: Any, lines: Any, today: date, version: int) -> Found:
        seen = facts.seen_by("TOPUP")
        before = [r for r in seen if r["key"][0] == "TOPUP" and (r["on"] is None or r["on"].year == today.year)]
        paid = [r["amount"] for r in seen if r["key"][0] in ("SMALL", "OFTEN")]
        unknown = any(r["key"][0] == "-" for r in seen)  # one that may be of any policy
        if before or unknown or None in paid or sum(paid) >= 1500 or "receipts" not in facts.listed:
            return []
        return [("-", "-", f"{1500 - sum(paid)}.00")]

    @staticmethod
    def often(facts: Any, lines: Any, today: date, version: int) -> Found:
        years = [r["on"].year for r in facts.seen_by("OFTEN") if r["key"][0] == "SMALL" and r["on"]]
        return [("-", "-", f"{1000 * version}.00")] if today.year in years else []

    @staticmethod
    def licence(facts: Any, lines: Any, today: date, version: int) -> Found:
        ends = facts.day("licence_to")
        return [("-", "-", f"{1000 * version}.00")] if ends is not None and today <= ends else []

    @staticmethod
    def next(facts: Any, lines: Any, today: date, version: int) -> Found:
        meant = facts.get(("staff", "-"), 99) <= 20 and date(2024, 6, 1) <= today
        return [("-", "-", f"{1000 * version}.00")] if meant else []

    @staticmethod
    def job(facts: Any, lines: Any, today: date, version: int) -> Found:
        return [("-", "-", f"{1000 * version}.00")] if facts.get(("employed", "-")) is True else []


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_open_matches_are_what_the_twin_finds(data: st.DataObject, histories: Any, play: Any, found: Any) -> None:
    partition = play(data.draw(histories))
    twin = Twin(partition.log)
    assert twin.now == partition.state.registry.now
    for policy_id in sorted({row[1] for row in twin.eligible()}):
        event(policy_id)
    assert found(partition) == twin.eligible()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_decisions_read_one_after_the_other_end_in_the_open_matches(
    data: st.DataObject, histories: Any, play: Any, found: Any
) -> None:
    """What a reader of the compacted decisions sees: of each match the last verdict."""
    partition = play(data.draw(histories))
    last = {str(effect.match): effect for effect in partition.effects if hasattr(effect, "match")}
    open_ = {key for key, effect in last.items() if effect.verdict == "eligible"}
    assert open_ == {"|".join(row[:4]) for row in found(partition)}
    for row in found(partition):
        assert last["|".join(row[:4])].policy_version == row[4]
