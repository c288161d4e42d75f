"""What the control topic has said so far: epoch, time, fact catalogue, senders' keys and policy versions.

The same fold serves intake, which judges by it, and every partition, which decides by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

from eligibility.catalogue import Catalogue
from eligibility.compile import MOST_VERSIONS, CompiledPolicy, compile_policy
from eligibility.derived import DERIVED, RECEIPT_FACTS, RECEIPTS, check_base_fact
from eligibility.errors import Refused, StopPartition
from eligibility.once import once
from schemas.catalogue import CalendarYear, CatalogueStatement, FactDeclaration, FactType
from schemas.events import PolicyPublication
from schemas.journal import (
    ENGINE,
    CatalogueControl,
    ControlRecord,
    Epoch,
    Origin,
    PolicyControl,
    Tick,
    TopicGeneration,
)
from schemas.policy import Policy
from schemas.rejected import RejectCode

MOST_IN_A_GROUP = 16
"""Of so many policies that exclude each other the best choice can be found by trying all (decision 10)."""


@dataclass(frozen=True)
class PolicyVersion:
    """What a publication made of a policy: a version, or nothing where it was withdrawn.

    `acts_from`: its `effective_at`, or when it became known if that is later.
    """

    compiled: CompiledPolicy | None
    effective_at: datetime
    acts_from: datetime

    @property
    def document(self) -> Policy | None:
        """The policy as published."""
        return None if self.compiled is None else self.compiled.document


@dataclass(frozen=True)
class PolicyHistory:
    """What was published of a policy, in that order: what comes later replaces what would act from then on."""

    versions: tuple[PolicyVersion, ...]

    def at(self, moment: datetime) -> CompiledPolicy | None:
        """The version that acts at a moment, if any does."""
        return self._acting(moment).compiled if self._begun(moment) else None

    def withdrawn(self, moment: datetime) -> bool:
        """Whether the policy is withdrawn at a moment."""
        return self._begun(moment) and self._acting(moment).compiled is None

    def _begun(self, moment: datetime) -> bool:
        return any([version.acts_from <= moment for version in self.versions])

    def _acting(self, moment: datetime) -> PolicyVersion:
        return next(version for version in reversed(self.versions) if version.acts_from <= moment)

    def changes_after(self, moment: datetime) -> datetime | None:
        """The next moment at which another version may act, or none."""
        return min([v.acts_from for v in self.versions if v.acts_from > moment], default=None)

    @once
    def reads(self) -> frozenset[str]:
        """The facts and lists that any version reads."""
        return frozenset().union(*(v.compiled.reads for v in self.versions if v.compiled is not None))

    @property
    def documents(self) -> list[Policy]:
        """Every version as published."""
        return [version.document for version in self.versions if version.document is not None]

    def acting_or_to_act(self, moment: datetime | None) -> list[Policy]:
        """The version that acts at a moment, or acted last, and those that are to act later."""
        if moment is None:
            return self.documents
        later = [v.document for v in self.versions if v.acts_from > moment and v.document is not None]
        return [self.latest(moment), *later]

    def latest(self, moment: datetime) -> Policy:
        """The version that acts, or acted last."""
        acted = [v.document for v in self.versions if v.acts_from <= moment and v.document is not None]
        return acted[-1] if acted else self.documents[0]

    def of_version(self, number: int) -> Policy:
        """The document of a version."""
        return next(document for document in self.documents if document.version == number)


class EarlierWord(NamedTuple):
    """What was known of complete lists, calendars and titles before a moment, for subjects settled only later."""

    until: datetime
    complete: Mapping[str, date]
    calendars: Mapping[int, CalendarYear]
    facts: Mapping[str, FactDeclaration]


class Turn(NamedTuple):
    """A moment at which the rules changed, the last control sequence that changed them at it, and those of which
    policies; None: any."""

    sequence: int
    at: datetime
    policies: frozenset[str] | None


@dataclass(frozen=True)
class Registry:
    """The control topic, folded up to `sequence` (its last offset taken; −1 before the first).

    `origins`: the last source offset taken per origin partition; `turns`: when what decides has changed; `successors`:
    the policies that name a policy as their predecessor, in some version.
    """

    sequence: int = -1
    epoch: Epoch | None = None
    now: datetime | None = None
    generations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    catalogue: Catalogue = field(default_factory=Catalogue)
    earlier: tuple[EarlierWord, ...] = ()
    keys: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    policies: Mapping[str, PolicyHistory] = field(default_factory=lambda: MappingProxyType({}))
    origins: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    turns: tuple[Turn, ...] = ()
    successors: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def fold(self, sequence: int, record: ControlRecord) -> Registry:
        """The registry after one control record; a sequence it has is skipped.

        Raises StopPartition at a gap, or when the epoch is of another engine; Refused for a record intake should not
        have let through, which `skip` then passes by.
        """
        if sequence <= self.sequence:
            return self
        if sequence != self.sequence + 1:
            raise StopPartition(f"control sequence {sequence} follows {self.sequence}: the records between are lost")
        return replace(self._apply(sequence, record), sequence=sequence)

    def skip(self, sequence: int) -> Registry:
        """The registry past a record that was refused: every reader refuses it alike."""
        return replace(self, sequence=max(sequence, self.sequence))

    def _apply(self, sequence: int, record: ControlRecord) -> Registry:
        match record:
            case Epoch():
                if record.engine != ENGINE:
                    raise StopPartition(
                        f"this is engine {ENGINE}; the epoch needs the release of engine {record.engine}"
                    )
                begun = replace(self, epoch=record, now=max(record.now, self.now or record.now))
                return begun._turned(sequence, None)
            case TopicGeneration():
                return replace(self, generations={**self.generations, record.name: record.generation})
            case Tick():
                return replace(self, now=max(record.at, self.now or record.at))
            case CatalogueControl() | PolicyControl():
                taken = self.take(record.origin)
                if taken is None:
                    return self
                if isinstance(record, CatalogueControl):
                    stated = taken.with_statement(record.statement)
                    before, after = taken.catalogue, stated.catalogue
                    decides = (before.complete, before.calendars) != (after.complete, after.calendars)
                    return stated._turned(sequence, None) if decides else stated
                changed = taken.with_publication(record.policy_id, record.publication)
                documents = changed.policies[record.policy_id].documents
                predecessors = {document.succeeds for document in documents if document.succeeds is not None}
                return changed._turned(
                    sequence, frozenset({record.policy_id} | (predecessors & changed.policies.keys()))
                )

    def _turned(self, sequence: int, policies: frozenset[str] | None) -> Registry:
        """A change of rules is remembered by its moment, for subjects that are settled only later."""
        if self.now is None:
            return self
        same = [turn.policies for turn in self.turns if turn.at == self.now]
        for each in same:
            policies = None if policies is None or each is None else policies | each
        earlier = tuple(turn for turn in self.turns if turn.at != self.now)
        return replace(self, turns=(*earlier, Turn(sequence, self.now, policies)))

    def rolled_out(self) -> Registry:
        """The registry once every subject has had its turn of every change of rules."""
        return replace(self, turns=()) if self.turns else self

    def take(self, origin: Origin) -> Registry | None:
        """The registry with the origin's high-water raised, or None when it was taken before."""
        if not is_new(self.origins, origin):
            return None
        return replace(self, origins={**self.origins, origin.source: (origin.offset, origin.ordinal)})

    def succeeded_on(self, policy_id: str, moment: datetime) -> date | None:
        """The day on which a policy's successor begins, of those that act at a moment; only its maker can end it so."""
        successors = self.successors.get(policy_id)
        if not successors:
            return None
        makers = {document.made_by for document in self.policies[policy_id].documents}
        begins: list[date] = []
        for successor in successors:
            acting = self.policies[successor].at(moment)
            if acting is not None and acting.document.succeeds == policy_id and acting.document.made_by in makers:
                begins.append(acting.document.valid.from_)
        return min(begins, default=None)

    def changes_after(self, policy_id: str, moment: datetime) -> datetime | None:
        """The next moment at which a policy's rules may change, by a publication of it or of a successor."""
        concerned = (policy_id, *self.successors.get(policy_id, ()))
        moments = [self.policies[each].changes_after(moment) for each in concerned]
        return min((m for m in moments if m is not None), default=None)

    def policies_reading(self, names: Set[str], among: Set[str]) -> list[str]:
        """Those of some policies whose verdict or amount a change of these facts or lists can touch."""
        return [
            policy_id
            for policy_id in among & self.policies.keys()
            if not self.policies[policy_id].reads.isdisjoint(names)
        ]

    def with_statement(self, statement: CatalogueStatement) -> Registry:
        """The registry after a catalogue statement.

        Raises Refused (BAD_VALUE) when a fact or list is declared anew in another form or by another provider, a fact
        belongs to a list nobody declares, or what is said to be complete is neither a boolean fact nor a list.
        """
        known = self.catalogue
        lists = dict(known.lists)
        for listed in statement.lists:
            if listed.name in lists and lists[listed.name].provider != listed.provider:
                raise _bad(
                    "lists", f"list {listed.name!r} is of {lists[listed.name].provider}; it cannot become another's"
                )
            lists[listed.name] = listed
        facts = dict(known.facts)
        for declaration in statement.facts:
            _check_redeclared(facts.get(declaration.name), declaration)
            if declaration.name in DERIVED:
                raise _bad("facts", f"fact {declaration.name!r} is derived, not provided")
            if declaration.list is not None and (
                declaration.list not in lists or lists[declaration.list].provider != declaration.provider
            ):
                raise _bad(
                    "facts", f"fact {declaration.name!r}: {declaration.provider} has no list {declaration.list!r}"
                )
            check_base_fact(declaration)
            facts[declaration.name] = declaration
        if clash := sorted(lists.keys() & (facts.keys() | DERIVED.keys())):
            raise _bad("lists", f"{clash[0]!r} names a list and a fact; give one of them another name")
        if RECEIPTS in lists and (lacking := [name for name in RECEIPT_FACTS if name not in facts]):
            raise _bad("lists", f"list {RECEIPTS!r} needs the fact {lacking[0]!r}: the engine reads it")
        complete = dict(known.complete)
        for stated in statement.complete:
            boolean = stated.name in facts and facts[stated.name].type is FactType.BOOLEAN
            if not boolean and stated.name not in lists:
                raise _bad("complete", f"{stated.name!r} is neither a boolean fact nor a list of the catalogue")
            if stated.as_of is None:
                complete.pop(stated.name, None)
            else:  # said again, it stays complete from the day it was
                complete[stated.name] = min(stated.as_of, complete.get(stated.name, stated.as_of))
        calendars = {**known.calendars, **{calendar.year: calendar for calendar in statement.calendars}}
        keys = {**self.keys, **{(key.department, key.key_id): key.public_key for key in statement.keys}}
        earlier = self.earlier
        said_before = self.now is not None and (not earlier or earlier[-1].until < self.now)
        reworded = {name: each for name, each in known.facts.items() if facts[name] != each}
        changed = reworded or (complete, calendars) != (known.complete, known.calendars)
        if self.now is not None and said_before and changed:
            earlier = (*earlier, EarlierWord(self.now, known.complete, known.calendars, reworded))
        return replace(self, catalogue=Catalogue(facts, lists, complete, calendars), earlier=earlier, keys=keys)

    def catalogue_at(self, moment: datetime) -> Catalogue:
        """The catalogue as it was known at a moment, and the facts declared since, which keep their form."""
        later = [word for word in self.earlier if moment < word.until]
        if not later:
            return self.catalogue
        facts = dict(self.catalogue.facts)
        for word in reversed(later):
            facts.update(word.facts)
        return replace(self.catalogue, facts=facts, complete=later[0].complete, calendars=later[0].calendars)

    def with_publication(self, policy_id: str, publication: PolicyPublication) -> Registry:
        """The registry after a publication, amendment or withdrawal; a withdrawn policy can be published again.

        Versions are ordered by `effective_at`, never by when they arrived.
        Raises Refused: BAD_POLICY, POLICY_OVERLAP or UNKNOWN_POLICY, naming the field and value.
        """
        known = self.policies.get(policy_id)
        effective_at, document = publication.effective_at, publication.policy
        acts_from = max(effective_at, self.now) if self.now else effective_at
        if document is not None and document.id != policy_id:
            text = f"the document of {document.id!r} cannot stand under {policy_id!r}"
            raise Refused(RejectCode.BAD_POLICY, text, "policy.id")
        gone = known is not None and known.versions[-1].compiled is None
        if publication.action == "publish" and known is not None and not gone:
            text = f"policy {policy_id} is published already; amend it, or publish a successor under an id of its own"
            raise Refused(RejectCode.POLICY_OVERLAP, text, "policy.id")
        if publication.action != "publish" and (known is None or gone):
            state = "is not published"
            if known is not None:
                since = known.versions[-1].effective_at.isoformat()
                state = f"is withdrawn from {since} on; publish it again, to act after that, under a higher version"
            raise Refused(RejectCode.UNKNOWN_POLICY, f"policy {policy_id} {state}", "subject")
        versions = () if known is None else known.versions
        if document is None:
            acted = (*versions, PolicyVersion(None, effective_at, acts_from))
            return replace(self, policies={**self.policies, policy_id: PolicyHistory(acted)})
        if versions and effective_at <= versions[-1].effective_at:
            text = (
                f"to {publication.action} from {effective_at.isoformat()} overlaps what acts from "
                f"{versions[-1].effective_at.isoformat()}; give a later effective_at"
            )
            raise Refused(RejectCode.POLICY_OVERLAP, text, "effective_at")
        if known is not None and document.version <= (last := known.documents[-1].version):
            text = f"version {document.version} does not follow version {last}"
            raise Refused(RejectCode.POLICY_OVERLAP, text, "policy.version")
        if len(versions) >= MOST_VERSIONS:
            text = f"policy {policy_id} has {MOST_VERSIONS} versions; publish a successor under an id of its own"
            raise Refused(RejectCode.POLICY_OVERLAP, text, "policy.version")
        compiled = compile_policy(document, self.catalogue)
        self._check_receipts(compiled)
        self._check_predecessors(document)
        self._check_groups(document)
        acted = (*versions, PolicyVersion(compiled, effective_at, acts_from))
        return replace(
            self,
            policies={**self.policies, policy_id: PolicyHistory(acted)},
            successors=succeeding(self.successors, policy_id, [document]),
        )

    def _check_receipts(self, compiled: CompiledPolicy) -> None:
        """Refuse a policy that would wait for its own benefit through others' (decision 10: the graph is acyclic)."""
        policy_id = compiled.document.id
        seen: set[str] = set()
        ahead: list[tuple[str, tuple[str, ...]]] = [(each, (policy_id, each)) for each in sorted(compiled.receives)]
        while ahead:
            name, path = ahead.pop()
            if name == policy_id:
                text = f"policy {policy_id}: its conditions depend on its own receipts by way of {' → '.join(path)}"
                raise Refused(RejectCode.BAD_POLICY, f"{text}; declare an exclusion group instead", "policy.conditions")
            if name not in self.policies:
                continue
            further = {each for v in self.policies[name].versions if v.compiled for each in v.compiled.receives} - seen
            seen |= further
            ahead += [(each, (*path, each)) for each in sorted(further)]

    def _check_predecessors(self, document: Policy) -> None:
        """Refuse a policy that would end itself by way of those it succeeds."""
        ahead, seen = [document.succeeds], set[str]()
        while ahead:
            name = ahead.pop()
            if name == document.id:
                text = f"policy {document.id}: it succeeds {document.succeeds}, which succeeds it in turn"
                raise Refused(RejectCode.BAD_POLICY, text, "policy.succeeds")
            if name is not None and name not in seen and name in self.policies:
                seen.add(name)
                ahead += [each.succeeds for each in self.policies[name].documents]

    def _check_groups(self, document: Policy) -> None:
        for group in document.exclusion_groups:
            members = {
                policy_id
                for policy_id, history in self.policies.items()
                if history.versions[-1].document is not None and group in history.documents[-1].exclusion_groups
            }
            if len(members | {document.id}) > MOST_IN_A_GROUP:
                text = f"policy {document.id}: exclusion group {group} has {MOST_IN_A_GROUP} policies already"
                raise Refused(RejectCode.BAD_POLICY, text, "policy.exclusion_groups")


def succeeding(
    known: Mapping[str, frozenset[str]], policy_id: str, documents: Iterable[Policy]
) -> Mapping[str, frozenset[str]]:
    """The successors of each policy, with what a policy's documents say."""
    named = {document.succeeds for document in documents if document.succeeds is not None}
    return {**known, **{each: known.get(each, frozenset()) | {policy_id} for each in named}} if named else known


def _bad(field: str, text: str) -> Refused:
    return Refused(RejectCode.BAD_VALUE, text, field)


def _check_redeclared(known: FactDeclaration | None, declaration: FactDeclaration) -> None:
    """Refuse a declaration under which what was said before would mean something else."""
    if known is None:
        return
    form = (declaration.type, declaration.period, declaration.list, declaration.provider)
    if (known.type, known.period, known.list, known.provider) != form:
        raise _bad(
            "facts", f"fact {declaration.name!r} is a {known.type} of {known.provider}; it cannot become another"
        )
    if dropped := set(known.codes or ()) - set(declaration.codes or ()):
        text = f"fact {declaration.name!r} has had the codes {', '.join(sorted(dropped))}; they cannot be dropped"
        raise _bad("facts", text)


def is_new(high_waters: Mapping[str, tuple[int, int]], origin: Origin) -> bool:
    """Whether a record from this origin has not been taken yet."""
    return high_waters.get(origin.source, (-1, -1)) < (origin.offset, origin.ordinal)
