"""The artifact store: what is too large for a row, in a folder or an object store, and data sets for every machine.

    checkpoints/SHA256-MARK   a checkpoint or a model; the row that names it is written after it
    datasets/...              parsed data sets, under the names that `workers.data.shared_cache` gives them
    drafts/                   what is being written to a folder, before it has its name

ArtifactError
├── ArtifactMissing           nothing has this name
└── ArtifactDamaged           it is not what was stored under this name
"""

import hashlib
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, select

from service.store.blob_store import BlobStore
from service.store.database import Database
from service.store.tables import Checkpoint
from workers.processes.messages import ArtifactReference, CheckpointTaken, Succeeded, WorkerEvent

log = logging.getLogger("holdout.artifacts")

ORPHANED_AFTER_SECONDS = 3600.0
"""A row follows its artifact within seconds, or never: by then its writer has lost the lease."""
FIRST_SWEEP_SECONDS = 60.0
"""An agent that has just started has other things to do."""


class ArtifactError(Exception):
    """An artifact cannot be read. `why` tells clients; the text also has the address of the store, for the log."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(text)
        self.why = why


class ArtifactMissing(ArtifactError):
    """Nothing has this name."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(f"There is no artifact {name} in {url}.", f"{name} is not in the artifact store")


class ArtifactDamaged(ArtifactError):
    """What is there is not what was stored."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(
            f"The artifact {name} in {url} is damaged: its SHA-256 differs.",
            f"{name} in the artifact store is damaged",
        )


class Artifacts:
    """The large checkpoints and models of one database, at `url`, for any number of agents on any machines.

    What is not larger than `row_bytes` stays in its row.
    """

    def __init__(self, url: str, *, row_bytes: int = 10_000_000) -> None:
        self.files, self.row_bytes = BlobStore(url), row_bytes
        self._doubtful: set[str] = set()
        self._sweep_due = time.monotonic() + FIRST_SWEEP_SECONDS

    def put_away(self, message: WorkerEvent) -> WorkerEvent:
        """Store what is too large for a row as soon as it is heard of, while no transaction waits for it.

        Where the store does not take it now, the message is left as it is, and `columns` tries again.
        """
        try:
            match message:
                case CheckpointTaken(content=bytes(content)) if len(content) > self.row_bytes:
                    return replace(message, content=self.save(content))
                case Succeeded(model=bytes(model)) if len(model) > self.row_bytes:
                    return replace(message, model=self.save(model))
        except OSError as error:
            log.warning("%s", error)
        return message

    def columns(self, content: bytes | ArtifactReference) -> dict[str, Any]:
        """The columns of a row that holds `content`, or names where it is kept. Raises OSError."""
        if isinstance(content, bytes) and len(content) > self.row_bytes:
            content = self.save(content)
        if isinstance(content, ArtifactReference):
            return {"sha256": content.sha256, "content": None, "artifact": content.name}
        return {"sha256": hashlib.sha256(content).hexdigest(), "content": content, "artifact": None}

    def save(self, content: bytes) -> ArtifactReference:
        """Store bytes under a name that nothing else ever has. Raises OSError.

        The mark makes it so: two runs may well store the same bytes, and what one row drops, no other misses.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        name = f"checkpoints/{sha256}-{uuid4().hex[:8]}"
        self.files.write(name, content)
        return ArtifactReference(name, sha256)

    def load(self, content: bytes | ArtifactReference) -> bytes:
        """The bytes themselves. Raises ArtifactMissing or ArtifactDamaged, and OSError where the store is away."""
        if isinstance(content, bytes):
            return content
        stored = self.files.read(content.name)
        if stored is None:
            raise ArtifactMissing(content.name, self.files.url)
        if hashlib.sha256(stored).hexdigest() != content.sha256:
            raise ArtifactDamaged(content.name, self.files.url)
        return stored

    def doubt(self, names: Iterable[str]) -> None:
        """These will not be named by a row any more, if all goes well."""
        self._doubtful.update(names)

    def tidy(self, database: Database) -> None:
        """Remove what was doubted, now that it is committed, unless a row does name it; every hour, `sweep`."""
        if self._doubtful:
            for name in _unnamed(database, self._doubtful):
                self._remove(name)
            self._doubtful.clear()
        if time.monotonic() >= self._sweep_due:
            self._sweep_due = time.monotonic() + ORPHANED_AFTER_SECONDS
            Thread(target=self._sweep_quietly, args=(database,), name="sweep", daemon=True).start()

    def sweep(self, database: Database) -> None:
        """Remove what was stored long ago and is named by no row: its writer, or who dropped it, has died."""
        latest = time.time() - ORPHANED_AFTER_SECONDS
        there = self.files.names("checkpoints") | self.files.names("drafts")
        for name in _unnamed(database, there):
            with suppress(FileNotFoundError):
                if self.files.written_at(name) < latest:
                    self._remove(name)

    def _sweep_quietly(self, database: Database) -> None:
        try:
            self.sweep(database)
        except Exception as error:
            log.warning("orphaned artifacts stay where they are: %s", error)

    def _remove(self, name: str) -> None:
        try:
            self.files.remove(name)
        except OSError as error:
            log.warning("an artifact stays until the next sweep: %s", error)


def _unnamed(database: Database, names: set[str]) -> set[str]:
    """Those of `names` that no row has. They were listed before the rows are read: a new one is found there."""
    with database.read() as connection:
        named = connection.scalars(select(Checkpoint.artifact).where(Checkpoint.artifact.is_not(None)))
        return names - set(named)


def content_of(row: Row[Any]) -> bytes | ArtifactReference:
    """What a row of the checkpoints holds, or where it is kept."""
    return row.content if row.artifact is None else ArtifactReference(row.artifact, row.sha256)
