"""What the control topic has said so far: epoch, time, fact catalogue, senders' keys and policy versions.

The same fold serves intake, which judges by it, and every partition, which decides by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from eligibility.compile import CompiledPolicy, compile_policy
from eligibility.derived import DERIVED, check_base_fact
from eligibility.errors import Refused, StopPartition
from schemas.catalogue import CatalogueStatement, FactDeclaration
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


@dataclass(frozen=True)
class PolicyVersion:
    """A version and the moment from which it acts: its `effective_at`, or when it became known if that is later."""

    compiled: CompiledPolicy
    acts_from: datetime

    @property
    def document(self) -> Policy:
        """The policy as published."""
        return self.compiled.document


@dataclass(frozen=True)
class PolicyHistory:
    """All versions of a policy in the order they act; `withdrawn_from`: nothing acts from then on."""

    versions: tuple[PolicyVersion, ...]
    withdrawn_from: datetime | None = None

    def withdrawn(self, moment: datetime) -> bool:
        """Whether the policy is withdrawn at a moment."""
        return self.withdrawn_from is not None and self.withdrawn_from <= moment

    def at(self, moment: datetime) -> PolicyVersion | None:
        """The version that acts at a moment, if any does."""
        if self.withdrawn(moment):
            return None
        return next((version for version in reversed(self.versions) if version.acts_from <= moment), None)

    def changes_after(self, moment: datetime) -> datetime | None:
        """The next moment at which another version acts, or none."""
        moments = [v.acts_from for v in self.versions] + ([self.withdrawn_from] if self.withdrawn_from else [])
        return min((m for m in moments if m > moment), default=None)


class Turn(NamedTuple):
    """A moment at which the rules changed, and the last control sequence that changed them at it."""

    sequence: int
    at: datetime


@dataclass(frozen=True)
class Registry:
    """The control topic, folded up to `sequence` (its last offset taken; −1 before the first).

    `origins`: the last source offset taken per origin partition; `turns`: when what decides has changed.
    """

    sequence: int = -1
    epoch: Epoch | None = None
    now: datetime | None = None
    generations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    facts: Mapping[str, FactDeclaration] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    policies: Mapping[str, PolicyHistory] = field(default_factory=lambda: MappingProxyType({}))
    origins: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    turns: tuple[Turn, ...] = ()

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
                return self._turned(sequence, replace(self, epoch=record, now=max(record.now, self.now or record.now)))
            case TopicGeneration():
                return replace(self, generations={**self.generations, record.name: record.generation})
            case Tick():
                return replace(self, now=max(record.at, self.now or record.at))
            case CatalogueControl() | PolicyControl():
                taken = self.take(record.origin)
                if taken is None:
                    return self
                if isinstance(record, CatalogueControl):
                    return taken._turned(sequence, taken.with_statement(record.statement))
                return taken._turned(sequence, taken.with_publication(record.policy_id, record.publication))

    def _turned(self, sequence: int, changed: Registry) -> Registry:
        """A change of rules is remembered by its moment, for subjects that are settled only later."""
        if changed.now is None:
            return changed
        earlier = tuple(turn for turn in changed.turns if turn.at != changed.now)
        return replace(changed, turns=(*earlier, Turn(sequence, changed.now)))

    def take(self, origin: Origin) -> Registry | None:
        """The registry with the origin's high-water raised, or None when it was taken before."""
        if not is_new(self.origins, origin):
            return None
        return replace(self, origins={**self.origins, origin.source: (origin.offset, origin.ordinal)})

    def with_statement(self, statement: CatalogueStatement) -> Registry:
        """The registry after a catalogue statement.

        Raises Refused (BAD_VALUE) when a fact is declared anew with another type, period or provider.
        """
        facts = dict(self.facts)
        for declaration in statement.facts:
            known = facts.get(declaration.name)
            form = (declaration.type, declaration.period, declaration.provider)
            if known is not None and (known.type, known.period, known.provider) != form:
                text = f"fact {declaration.name!r} is a {known.type} of {known.provider}; it cannot become another"
                raise Refused(RejectCode.BAD_VALUE, text, "facts")
            if known is not None and (dropped := set(known.codes or ()) - set(declaration.codes or ())):
                text = (
                    f"fact {declaration.name!r} has had the codes {', '.join(sorted(dropped))}; they cannot be dropped"
                )
                raise Refused(RejectCode.BAD_VALUE, text, "facts")
            if declaration.name in DERIVED:
                raise Refused(RejectCode.BAD_VALUE, f"fact {declaration.name!r} is derived, not provided", "facts")
            check_base_fact(declaration)
            facts[declaration.name] = declaration
        keys = {**self.keys, **{(key.department, key.key_id): key.public_key for key in statement.keys}}
        return replace(self, facts=facts, keys=keys)

    def with_publication(self, policy_id: str, publication: PolicyPublication) -> Registry:
        """The registry after a publication, amendment or withdrawal.

        Raises Refused: BAD_POLICY, POLICY_OVERLAP or UNKNOWN_POLICY, naming the field and value.
        """
        known = self.policies.get(policy_id)
        acts_from = max(publication.effective_at, self.now) if self.now else publication.effective_at
        if publication.policy is not None and publication.policy.id != policy_id:
            text = f"the document of {publication.policy.id!r} cannot stand under {policy_id!r}"
            raise Refused(RejectCode.BAD_POLICY, text, "policy.id")
        if publication.action == "publish" and known is not None:
            text = f"policy {policy_id} is published already; amend it, or publish a successor under an id of its own"
            raise Refused(RejectCode.POLICY_OVERLAP, text, "policy.id")
        if publication.action != "publish":
            if known is None or known.withdrawn_from is not None:
                state = "is not published" if known is None else "is withdrawn"
                raise Refused(RejectCode.UNKNOWN_POLICY, f"policy {policy_id} {state}", "subject")
            last = known.versions[-1]
            overlaps = publication.action == "amend" and acts_from <= last.acts_from
            acted_on = acts_from == last.acts_from == self.now  # some subjects may have been told of it already
            if overlaps or acted_on:
                text = (
                    f"to {publication.action} from {acts_from.isoformat()} overlaps version {last.document.version}, "
                    f"which acts from {last.acts_from.isoformat()}; give a later effective_at"
                )
                raise Refused(RejectCode.POLICY_OVERLAP, text, "effective_at")
        if publication.policy is None:
            assert known is not None
            history = replace(known, withdrawn_from=acts_from)
        else:
            document = publication.policy
            versions = () if known is None else known.versions
            if versions and document.version <= versions[-1].document.version:
                text = f"version {document.version} does not follow version {versions[-1].document.version}"
                raise Refused(RejectCode.POLICY_OVERLAP, text, "policy.version")
            history = PolicyHistory((*versions, PolicyVersion(compile_policy(document, self.facts), acts_from)))
        return replace(self, policies={**self.policies, policy_id: history})


def is_new(high_waters: Mapping[str, tuple[int, int]], origin: Origin) -> bool:
    """Whether a record from this origin has not been taken yet."""
    return high_waters.get(origin.source, (-1, -1)) < (origin.offset, origin.ordinal)
