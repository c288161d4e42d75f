"""A slow twin, written from the policies' words alone: whoever it finds eligible has an open match, and no one else.

It keeps the last valid value of each fact and the acting version of each policy, and knows nothing of the engine's
conditions, indexes, due times or roll-outs.
"""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from schemas.journal import ChangeEntry, ControlEntry, PolicyControl, RosterEntryRecord, Tick, journal_record

Row = tuple[str, str, str, str, int, str | None]


class Twin:
    """The journal read from its beginning, each record once."""

    def __init__(self, log: list[bytes]) -> None:
        self.now = datetime(2023, 12, 31, 16, tzinfo=UTC)
        self.facts: dict[str, dict[tuple[str, str], Any]] = {}
        self.rosters: dict[str, dict[str, tuple[int, bool, str | None]]] = {}
        self.versions: dict[str, list[tuple[datetime, int]]] = {}  # from when which version acts; 0: none does
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
                        for name, period, encoded in record.facts:
                            self.facts.setdefault(record.subject, {})[name, period] = encoded
                case RosterEntryRecord(data=line) if str(record.origin) not in seen:
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
            case PolicyControl(policy_id=policy_id, publication=publication):
                version = 0 if publication.policy is None else publication.policy.version
                self.versions.setdefault(policy_id, []).append((max(self.now, publication.effective_at), version))

    def _acting(self, policy_id: str) -> int:
        """A withdrawal ends everything, also what was to act later."""
        acting = 0
        for begins, version in self.versions.get(policy_id, []):
            if begins <= self.now:
                acting = version
        withdrawn = [begins for begins, version in self.versions.get(policy_id, []) if version == 0]
        return 0 if withdrawn and withdrawn[0] <= self.now else acting

    def eligible(self) -> set[Row]:
        """(subject, policy, period, item, version, amount) of everybody who is."""
        today = self.now.astimezone(timezone(timedelta(hours=8))).date()
        found: set[Row] = set()
        for subject, said in self.facts.items():
            facts = {key: value for key, value in said.items() if value is not None}
            if facts.get(("kind", "-")) != "s:enterprise" or not facts.get(("region", "-"), "s:").startswith("s:21"):
                continue
            for policy_id in self.versions:
                version = self._acting(policy_id)
                if version and date(2024, 1, 1) <= today:
                    rows = getattr(self, policy_id.lower())(facts, self.rosters.get(subject, {}), today, version)
                    found |= {(subject, policy_id, period, item, version, amount) for period, item, amount in rows}
        return found

    @staticmethod
    def small(facts: Any, lines: Any, today: date, version: int) -> list[tuple[str, str, str | None]]:
        staff = facts.get(("staff", "-"))
        enough = staff is not None and staff <= (10 if version % 2 == 0 else 30)
        return [("-", "-", f"{1000 * version}.00")] if enough and today.year == 2024 else []

    @staticmethod
    def aged(facts: Any, lines: Any, today: date, version: int) -> list[tuple[str, str, str | None]]:
        known = facts.get(("established_on", "-"))
        if known is None:
            return []
        since = date.fromisoformat(known[2:])
        completed = today.year - since.year - ((today.month, today.day) < (since.month, since.day))
        return [("-", "-", f"{1000 * version}.00")] if completed >= 3 else []

    @staticmethod
    def refund(facts: Any, lines: Any, today: date, version: int) -> list[tuple[str, str, str | None]]:
        known = facts.get(("premium", str(today.year - 1)))
        if known is None or not 2024 <= today.year <= 2026 or known == "n:0":
            return []
        amount = {"n:70001/100": "350.01", "n:20001/10": "900.00"}[known]
        return [(str(today.year), "-", amount)]

    @staticmethod
    def dated(facts: Any, lines: Any, today: date, version: int) -> list[tuple[str, str, str | None]]:
        honest, staff = facts.get(("honest", "-")), facts.get(("staff", "-"))
        few = staff is not None and staff <= (20 if today < date(2024, 7, 1) else 5)
        if honest is True:
            return [("-", "-", "800.00")]
        amount = "400.00" if honest is False else None  # unless it is honest, where 800 would be right
        return [("-", "-", amount)] if few else []

    @staticmethod
    def quiet(facts: Any, lines: Any, today: date, version: int) -> list[tuple[str, str, str | None]]:
        return [("-", "-", f"{1000 * version}.00")] if facts.get(("honest", "-")) is True and today.year == 2024 else []

    @staticmethod
    def claim(facts: Any, lines: Any, today: date, version: int) -> list[tuple[str, str, str | None]]:
        meant = facts.get(("honest", "-")) is True or facts.get(("staff", "-"), 99) < 10
        return [("-", "-", f"{1000 * version}.00")] if meant and date(2024, 3, 1) <= today <= date(2024, 9, 30) else []

    @staticmethod
    def list(facts: Any, lines: Any, today: date, version: int) -> list[tuple[str, str, str | None]]:
        if facts.get(("honest", "-")) is not True:
            return []
        amounts = {"A": "300.00", "B": "200.00"}
        return [("-", item, amounts.get(grade)) for item, (_, member, grade) in lines.items() if member]


def matches(partition: Any) -> set[Row]:
    return {
        (subject, key.policy, key.period, key.item, match.policy_version, match.amount)
        for subject, file in partition.state.files.items()
        for key, match in file.matches.items()
    }


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_open_matches_are_what_the_twin_finds(data: st.DataObject, histories: Any, play: Any) -> None:
    partition = play(data.draw(histories))
    twin = Twin(partition.log)
    assert twin.now == partition.state.registry.now
    event(f"open matches: {len(twin.eligible())}")
    assert matches(partition) == twin.eligible()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_decisions_read_one_after_the_other_end_in_the_open_matches(
    data: st.DataObject, histories: Any, play: Any
) -> None:
    """What a reader of the compacted decisions sees: of each match the last verdict."""
    partition = play(data.draw(histories))
    last = {str(effect.match): effect for effect in partition.effects if hasattr(effect, "match")}
    open_ = {key for key, effect in last.items() if effect.verdict == "eligible"}
    assert open_ == {"|".join(row[:4]) for row in matches(partition)}
    for row in matches(partition):
        assert last["|".join(row[:4])].policy_version == row[4]
