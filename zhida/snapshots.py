"""Snapshots of a partition's committed state, as files: replays begin from them once the journal's beginning is gone.

One gzip file of JSON lines: a header, a line [key, base64] per state record, and a digest of all that stands before it.
The files hold subjects, so only their owner may read them.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from eligibility.errors import Refused
from eligibility.file_record import SCHEMA
from eligibility.partition_state import PartitionState
from eligibility.state import canonical_records, load_state
from schemas.journal import ENGINE
from schemas.rejected import RejectCode
from schemas.topics import JOURNAL
from zhida.messages import WRONG, FileRefused

FOLDER = "snapshots"
SUFFIX = ".snapshot.jsonl.gz"
BROKEN = (OSError, EOFError, zlib.error, *WRONG)  # what a cut or changed file raises when it is read


@dataclass(frozen=True)
class Header:
    """What a snapshot is of. `journal`: the topic's generation, so that another cluster's does not pass for it.

    `epoch`: the one that the state is in, as its control record says; `schema`: of the state records.
    """

    partition: int
    offset: int
    engine: str
    epoch: dict[str, Any]
    schema: int
    journal: str


@dataclass(frozen=True)
class Snapshot:
    """A kept snapshot: its header has been read, its records have not."""

    file: Path
    header: Header

    @property
    def offset(self) -> int:
        """The last journal offset folded."""
        return self.header.offset

    def load(self) -> PartitionState:
        """The state. Raises FileRefused where the file is cut or was changed."""
        try:
            records = dict(_records(self.file))
        except BROKEN as error:
            raise FileRefused(f"{self.file}: the snapshot is cut or was changed; take another") from error
        return load_state(self.header.partition, records.items())


def write_snapshot(folder: Path, state: PartitionState) -> Snapshot:
    """Keep a state as a file of the folder, whole or not at all. Raises Refused for one that has no epoch yet."""
    registry = state.registry
    if registry.epoch is None:
        raise Refused(
            RejectCode.UNSUPPORTED, f"partition {state.partition} has committed no epoch yet: nothing to keep"
        )
    header = Header(
        partition=state.partition,
        offset=state.offset,
        engine=ENGINE,
        epoch=registry.epoch.model_dump(mode="json"),
        schema=SCHEMA,
        journal=registry.generations.get(JOURNAL, ""),
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"partition-{state.partition}-offset-{state.offset}{SUFFIX}"
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
                for line in _with_digest(_lines(header, state)):
                    packed.write(line)
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return Snapshot(file, header)


def open_snapshot(file: Path) -> Snapshot:
    """A snapshot by its header. Raises FileRefused for a file that is none, or is of another engine or schema."""
    try:
        with gzip.open(file, "rb") as lines:
            header = Header(**json.loads(next(lines)))
    except (FileNotFoundError, PermissionError) as error:
        raise FileRefused(f"{file}: {error.strerror}") from error
    except (StopIteration, *BROKEN) as error:
        raise FileRefused(f"{file}: this is no snapshot of a partition; `zhida snapshot` writes them") from error
    if (header.engine, header.schema) != (ENGINE, SCHEMA):
        of = f"engine {header.engine} with state schema {header.schema}"
        told = f"{file}: the snapshot is of {of}, this release is engine {ENGINE} with {SCHEMA}; replay it with its own"
        raise FileRefused(told)
    return Snapshot(file, header)


def kept_snapshots(folder: Path, partition: int, journal: str) -> tuple[list[Snapshot], list[str]]:
    """A journal partition's snapshots in a folder by offset, and why others that are named like its own do not do."""
    fitting: list[Snapshot] = []
    refused: list[str] = []
    for file in sorted(folder.glob(f"partition-{partition}-offset-*{SUFFIX}")):
        try:
            fitting.append(fit(open_snapshot(file), partition, journal))
        except FileRefused as error:
            refused.append(str(error))
    return sorted(fitting, key=lambda snapshot: snapshot.offset), refused


def fit(snapshot: Snapshot, partition: int, journal: str) -> Snapshot:
    """The snapshot, if it is of a journal partition. Raises FileRefused otherwise."""
    header = snapshot.header
    if header.partition != partition:
        raise FileRefused(f"{snapshot.file}: the snapshot is of partition {header.partition}, not of {partition}")
    if header.journal != journal:
        raise FileRefused(f"{snapshot.file}: the snapshot is of another cluster's journal, or of one deleted since")
    return snapshot


def _lines(header: Header, state: PartitionState) -> Iterator[bytes]:
    yield _line(asdict(header))
    for key, record in sorted(canonical_records(state).items()):
        yield _line([key, b64encode(record).decode()])


def _line(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _with_digest(lines: Iterable[bytes]) -> Iterator[bytes]:
    digest = sha256()
    for line in lines:
        digest.update(line)
        yield line
    yield _line({"digest": digest.hexdigest()})


def _records(file: Path) -> Iterator[tuple[str, bytes]]:
    """Every record; ValueError at the end unless the digest is theirs and the last line."""
    digest, last = sha256(), b""
    with gzip.open(file, "rb") as lines:
        digest.update(next(lines, b""))
        for line in lines:
            if last:
                digest.update(last)
                key, record = json.loads(last)
                yield key, b64decode(record, validate=True)
            last = line
    if json.loads(last) != {"digest": digest.hexdigest()}:
        raise ValueError("the digest is another")
