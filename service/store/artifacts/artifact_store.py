"""The artifact store: checkpoints and models that are too large for a row, in a folder or an object store.

    checkpoints/SHA256-CLAIM-MARK   a checkpoint or a model; the row that names it is written after it
    datasets/...                    parsed data sets for every machine; `workers.data.shared_cache` names them
    drafts/                         files that are still being written to a folder, under a temporary name

CLAIM is the token of the lease on the run. Its holder may still write the row, however long the database has been
away. Once the lease has ended, nobody can. So a sweep removes what no row names and no lease covers.

ArtifactError
├── ArtifactMissing           no artifact has this name
└── ArtifactDamaged           its content is not what was stored
"""

import hashlib
import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, select

from service.store.artifacts.blob_store import BlobStore, BlobStoreUnavailable
from service.store.artifacts.uploads import start_upload
from service.store.database import Database
from service.store.tables import Checkpoint, Run
from workers.processes.messages import (
    ArtifactReference,
    CheckpointTaken,
    Content,
    Succeeded,
    WorkerEvent,
)

log = logging.getLogger("holdout.artifacts")

ORPHANED_AFTER_SECONDS = 3600.0
"""The least age of what a sweep removes, and the time between two sweeps. A draft that old has no writer any more."""
FIRST_SWEEP_SECONDS = 60.0
"""The first sweep waits, because an agent that has just started has more urgent work."""


class ArtifactError(Exception):
    """An artifact cannot be read. `why` is for clients; the text also has the address of the store, for the log."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(text)
        self.why = why


class ArtifactMissing(ArtifactError):
    """No artifact has this name."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(f"There is no artifact {name} in {url}.", f"{name} is not in the artifact store")


class ArtifactDamaged(ArtifactError):
    """The content is not what was stored."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(
            f"The artifact {name} in {url} is damaged: its SHA-256 differs.",
            f"{name} in the artifact store is damaged",
        )


class ArtifactStore:
    """The large checkpoints and models of one database, at `url`, for any number of agents on any machines.

    Content of at most `row_bytes` stays in its row.
    """

    def __init__(self, url: str, *, row_bytes: int = 10_000_000) -> None:
        self.files, self.row_bytes = BlobStore(url), row_bytes
        self._garbage: set[str] = set()
        self._collecting: Thread | None = None
        self._sweep_due = time.monotonic() + FIRST_SWEEP_SECONDS

    def offload(self, event: WorkerEvent, claim: str | None = None) -> WorkerEvent:
        """Start to upload content that is too large for a row as soon as it arrives; the event has the upload.

        claim: the token of the lease whose holder will write the row.
        """
        match event:
            case CheckpointTaken(content=content):
                return replace(event, content=self._offloaded(content, claim))
            case Succeeded(model=model, row_results=row_results):
                rows = None if row_results is None else self._offloaded(row_results, claim)
                return replace(event, model=self._offloaded(model, claim), row_results=rows)
        return event

    def _offloaded(self, content: Content, claim: str | None) -> Content:
        """The upload of content that is too large for a row; anything else as it is."""
        if isinstance(content, bytes) and len(content) > self.row_bytes:
            reference = new_reference(
                content, claim
            )  # one name for all attempts, as an earlier one may still succeed
            return start_upload(lambda taken: self.save(taken, reference), self._remove, content)
        return content

    def columns(self, content: Content) -> dict[str, Any]:
        """The columns of a row with `content`, or with the name of its artifact. An upload must be done."""
        if isinstance(content, Future):
            content = content.result(timeout=0)
        if isinstance(content, ArtifactReference):
            return {"sha256": content.sha256, "content": None, "artifact": content.name}
        return {"sha256": hashlib.sha256(content).hexdigest(), "content": content, "artifact": None}

    def save(self, content: bytes, reference: ArtifactReference | None = None) -> ArtifactReference:
        """Store bytes under a name of their own, or that of `reference`. Raises OSError."""
        reference = reference or new_reference(content)
        self.files.write(reference.name, content)
        return reference

    def load(self, content: bytes | ArtifactReference) -> bytes:
        """The bytes themselves. Raises ArtifactMissing, ArtifactDamaged, or OSError if the store is unavailable."""
        if isinstance(content, bytes):
            return content
        stored = self.files.read(content.name)
        if stored is None:
            raise ArtifactMissing(content.name, self.files.url)
        if hashlib.sha256(stored).hexdigest() != content.sha256:
            raise ArtifactDamaged(content.name, self.files.url)
        return stored

    def mark_garbage(self, names: Iterable[str]) -> None:
        """Note artifacts that no row will name once the present transaction has committed."""
        self._garbage.update(names)

    def collect_garbage(self, database: Database) -> None:
        """After the commit, remove the marked artifacts that no row names, and every hour `sweep`, both in a thread.

        The caller does not wait: the store may be slow, or away.
        """
        is_sweep_due = time.monotonic() >= self._sweep_due
        if (self._garbage or is_sweep_due) and not (self._collecting and self._collecting.is_alive()):
            marked, self._garbage = self._garbage, set()
            if is_sweep_due:
                self._sweep_due = time.monotonic() + ORPHANED_AFTER_SECONDS
            arguments = (database, marked, is_sweep_due)
            self._collecting = Thread(target=self._collect, args=arguments, name="garbage", daemon=True)
            self._collecting.start()

    def close(self, database: Database, timeout: float) -> None:
        """Collect the last garbage, and wait up to `timeout` seconds for it."""
        self.wait_for_garbage(timeout)
        self.collect_garbage(database)
        self.wait_for_garbage(timeout)

    def wait_for_garbage(self, timeout: float) -> None:
        """Wait until the collection that is running, if any, has ended."""
        if self._collecting:
            self._collecting.join(timeout)

    def sweep(self, database: Database) -> None:
        """Remove artifacts that were stored long ago and that no row names or will name: their writers have died."""
        stored = self.files.names("checkpoints") | self.files.names("drafts")
        self.remove_old(_orphaned(database, stored))

    def remove_old(self, names: Iterable[str]) -> None:
        """Remove those of `names` that were stored long ago."""
        latest = time.time() - ORPHANED_AFTER_SECONDS
        for name in names:
            with suppress(FileNotFoundError):
                if self.files.written_at(name) < latest:
                    self._remove(name)

    def _collect(self, database: Database, marked: set[str], sweep: bool) -> None:
        try:
            for name in _unnamed(database, marked):
                self._remove(name)
            if sweep:
                self.sweep(database)
        except BlobStoreUnavailable:
            return  # the store has its line in the log; the next sweep removes them
        except Exception as error:
            log.warning("orphaned artifacts stay where they are: %s", error)

    def _remove(self, name: str) -> None:
        with suppress(BlobStoreUnavailable):
            self.files.remove(name)


def new_reference(content: bytes, claim: str | None = None) -> ArtifactReference:
    """A name that no other artifact ever has.

    The random mark makes it unique: two runs may store the same bytes, and removing one must keep the other.
    claim: the token of the lease whose holder will write the row.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    return ArtifactReference(
        f"checkpoints/{'-'.join(filter(None, (sha256, claim, uuid4().hex[:8])))}", sha256
    )


def _unnamed(database: Database, names: set[str]) -> set[str]:
    """Those of `names` that no row has. The caller listed them before: so a row of a new artifact is found here."""
    with database.read() as connection:
        named = connection.scalars(select(Checkpoint.artifact).where(Checkpoint.artifact.is_not(None)))
        return names - set(named)


def _orphaned(database: Database, names: set[str]) -> set[str]:
    """Those of `names` that no row has, and that no holder of a lease may still put into a row.

    Both are read from one snapshot. The caller listed the names before: the lease of a new one is found here, and if
    it has ended by then, so is the row that its holder wrote.
    """
    with database.read() as connection:
        named = set(connection.scalars(select(Checkpoint.artifact).where(Checkpoint.artifact.is_not(None))))
        claims = set(connection.scalars(select(Run.claim_token).where(Run.claim_token.is_not(None))))
    return {name for name in names - named if not claims.intersection(name.split("-")[1:-1])}


def stored_content(row: Row[Any]) -> bytes | ArtifactReference:
    """The content of a row of the checkpoints, or the name of its artifact."""
    return row.content if row.artifact is None else ArtifactReference(row.artifact, row.sha256)
