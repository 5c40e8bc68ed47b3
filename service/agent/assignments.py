"""Preparation: what a claimed run's worker is given. Laying out large data, neither leases nor a stop wait for it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from service.settings import Settings
from service.store import epoch_writer, queue
from service.store.artifacts import ArtifactError, Artifacts
from service.store.database import Database
from service.store.queue import Claim
from workers.data.registry import DatasetRegistry
from workers.processes.process import ArtifactReference, Assignment
from workers.spec import ExperimentSpec

log = logging.getLogger("holdout.agent")


class AssignmentBuilder:
    """Turns claims into assignments, each in a thread of its own, one at a time."""

    def __init__(
        self, database: Database, registry: DatasetRegistry, settings: Settings, artifacts: Artifacts
    ) -> None:
        self.database, self.registry, self.settings, self.artifacts = database, registry, settings, artifacts
        self._preparing = threading.Lock()

    def begin(
        self, claim: Claim, checkpoint: bytes | ArtifactReference | None, done: Callable[[], None]
    ) -> Future[Assignment]:
        """Prepare a run that goes on from `checkpoint`; `done` is called, in that thread, once it is over."""
        prepared: Future[Assignment] = Future()
        arguments = (prepared, claim, checkpoint, done)
        threading.Thread(target=self._prepare, args=arguments, name="preparation", daemon=True).start()
        return prepared

    def _prepare(
        self,
        prepared: Future[Assignment],
        claim: Claim,
        checkpoint: bytes | ArtifactReference | None,
        done: Callable[[], None],
    ) -> None:
        try:
            with self._preparing:  # of two seeds, the second finds what the first has laid out
                prepared.set_result(self._assignment(claim, checkpoint))
        except Exception as error:
            prepared.set_exception(error)
        done()

    def _assignment(self, claim: Claim, checkpoint: bytes | ArtifactReference | None) -> Assignment:
        spec = ExperimentSpec.model_validate(claim.spec)
        return Assignment(
            spec=spec.model_dump_json(),
            seed=claim.seed,
            parts=self.registry.parts(spec.dataset, spec.split).folder,
            checkpoint=self._loaded(claim, checkpoint),
            checkpoint_seconds=self.settings.checkpoint_seconds,
            memory_bytes=self.settings.worker_memory_bytes,
            has_baselines=claim.has_baselines,
        )

    def _loaded(self, claim: Claim, checkpoint: bytes | ArtifactReference | None) -> bytes | None:
        """The bytes of a checkpoint. Where they are lost, the run starts over, and comes to the same figures."""
        try:
            return None if checkpoint is None else self.artifacts.load(checkpoint)
        except ArtifactError as error:
            log.warning("run %s starts over: %s", claim.lease.run_id, error)
        times = {"lease_seconds": self.settings.lease_seconds, "worked_seconds": claim.worked_seconds}
        with self.database.write() as connection:
            if queue.extend(connection, claim.lease, **times) is not None:
                epoch_writer.start_over(connection, claim.lease.run_id)
        return None
