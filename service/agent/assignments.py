"""Prepares a worker's assignment for a claimed run: its data, and the checkpoint that it resumes from.

This runs in a thread, because preparing large data takes longer than a lease, and than a stop may take. A new run on
a split that was prepared a moment ago needs nothing of this, and no thread.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import to_json

from service.settings import Settings
from service.store import queue
from service.store.artifacts.artifact_store import ArtifactError, ArtifactStore
from service.store.artifacts.retrying import call_until_cancelled
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.queue import Claim
from workers.data.registry import DatasetRegistry
from workers.data.splits import Fold
from workers.lru_cache import LruCache
from workers.processes.messages import ArtifactReference, Assignment
from workers.spec import ExperimentSpec

log = logging.getLogger("holdout.agent")

CACHED_SPECS = 16
READY_SECONDS = 1.0
"""For how long a prepared split serves other runs without another look at its data set."""
UNUSED_SECONDS = 30 * 24 * 3600.0
"""A prepared split that no run was given for so long is removed; the next run that needs it prepares it again."""
COLLECTED_SECONDS = 24 * 3600.0


class ReadySplit(NamedTuple):
    """The folder of a prepared split, and when it was prepared, as `time.monotonic` tells it."""

    folder: Path
    since: float

    @property
    def lasts(self) -> bool:
        """Whether it may be used as it is."""
        return time.monotonic() - self.since < READY_SECONDS and self.folder.is_dir()


class AssignmentBuilder:
    """Builds assignments: at once if the split is ready, else each in a thread of its own, one at a time."""

    def __init__(
        self, database: Database, registry: DatasetRegistry, settings: Settings, artifacts: ArtifactStore
    ) -> None:
        self.database, self.registry, self.settings, self.artifacts = database, registry, settings, artifacts
        self._building = threading.Lock()
        self._specs: LruCache[bytes, tuple[ExperimentSpec, str]] = LruCache(CACHED_SPECS)
        self._ready: LruCache[bytes, ReadySplit] = LruCache(CACHED_SPECS)
        self._collection_due = time.monotonic()

    def start(
        self, claim: Claim, checkpoint: bytes | ArtifactReference | None, on_done: Callable[[], None]
    ) -> Future[Assignment]:
        """Build the assignment of a run that resumes from `checkpoint`, or start to, and return it as a future.

        While the artifact store is away the thread tries again, until the future is cancelled. `on_done` is called in
        the thread that built it, also after a failure. The future then raises the error: DatasetError if the data set
        does not exist any more or is another one. It also raises the error if no thread can be started.
        """
        future: Future[Assignment] = Future()
        ready = self._ready.get(_split_of(claim)) if checkpoint is None else None
        if ready is not None and ready.lasts:
            future.set_result(self._assignment(claim, ready.folder, None))
            on_done()
            return future
        arguments = (future, claim, checkpoint, on_done)
        try:
            threading.Thread(target=self._run, args=arguments, name="preparation", daemon=True).start()
        except (RuntimeError, MemoryError) as error:
            future.set_exception(error)
        return future

    def _run(
        self,
        future: Future[Assignment],
        claim: Claim,
        checkpoint: bytes | ArtifactReference | None,
        on_done: Callable[[], None],
    ) -> None:
        def build() -> Assignment:
            with self._building:  # of two seeds, the second one finds the data that the first one prepared
                return self._build(claim, checkpoint)

        try:
            assignment = call_until_cancelled(future, build)
        except Exception as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if assignment is not None and future.set_running_or_notify_cancel():
                future.set_result(assignment)
        on_done()
        self._collect()

    def _collect(self) -> None:
        """Remove the prepared splits that nobody uses, once a day: other ones are only written here."""
        with self._building:
            if time.monotonic() < self._collection_due:
                return
            self._collection_due = time.monotonic() + COLLECTED_SECONDS
            try:
                removed = self.registry.remove_unused_splits(UNUSED_SECONDS)
            except OSError as error:
                log.warning("unused splits stay where they are: %s", error)
            else:
                if removed:
                    log.info("removed %s prepared splits that no run has used for 30 days", removed)

    def _build(self, claim: Claim, checkpoint: bytes | ArtifactReference | None) -> Assignment:
        spec, _ = self._spec(claim.spec)
        fold = Fold(claim.repeat, claim.fold)
        folder = self.registry.prepare_split(spec.dataset, spec.split, fold).folder
        assignment = self._assignment(claim, folder, self._load_checkpoint(claim, checkpoint))
        self._ready.put(_split_of(claim), ReadySplit(folder, time.monotonic()))
        return assignment

    def _assignment(self, claim: Claim, folder: Path, checkpoint: bytes | None) -> Assignment:
        """That of a run whose split is in a folder."""
        _, text = self._spec(claim.spec)
        return Assignment(
            spec=text,
            seed=claim.seed,
            repeat=claim.repeat,
            fold=claim.fold,
            split_folder=folder,
            checkpoint=checkpoint,
            checkpoint_seconds=self.settings.checkpoint_seconds,
            memory_bytes=self.settings.worker_memory_bytes,
            has_baselines=claim.has_baselines,
            until_epoch=claim.until_epoch,
        )

    def _spec(self, stored: dict[str, Any]) -> tuple[ExperimentSpec, str]:
        """A stored spec, and its JSON. Most runs have that of the run before."""
        key = to_json(stored)
        found = self._specs.get(key)
        if found is None:
            spec = ExperimentSpec.model_validate(stored)
            found = spec, spec.model_dump_json()
            self._specs.put(key, found)
        return found

    def _load_checkpoint(self, claim: Claim, checkpoint: bytes | ArtifactReference | None) -> bytes | None:
        """Return the bytes of a checkpoint; None starts the run with its first epoch.

        If the bytes are lost, this also removes the run's epochs: it starts over, and comes to the same figures.
        """
        try:
            return None if checkpoint is None else self.artifacts.load(checkpoint)
        except ArtifactError as error:
            log.warning("run %s starts over: %s", claim.lease.run_id, error)
        seconds, worked = self.settings.lease_seconds, claim.worked_seconds
        with self.database.write() as connection:
            if queue.renew(connection, claim.lease, lease_seconds=seconds, worked_seconds=worked) is not None:
                epoch_writer.start_over(connection, claim.lease.run_id)
        return None


def _split_of(claim: Claim) -> bytes:
    """What decides which prepared split a run has."""
    return to_json([claim.spec["dataset"], claim.spec["split"], claim.repeat, claim.fold])
