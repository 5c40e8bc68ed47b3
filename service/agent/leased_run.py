"""The state of one run that the agent has a lease on: its worker's progress, and events that are not stored yet."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field

from service.store.artifacts.artifact_store import ArtifactStore
from service.store.queue import Claim
from workers.processes.messages import (
    ArtifactReference,
    Assignment,
    CheckpointTaken,
    Command,
    FinalEvent,
    ProgressEvent,
    WorkerEvent,
)


@dataclass
class LeasedRun:
    """A run, and what its worker has sent since the last flush.

    assignment: done once the run's data are prepared. started_at: when its worker was started, as `time.monotonic`
    tells it. sent_command: what the worker was told, if anything. pending: the worker's events that are not stored
    yet. final_event: how the run ended; not stored yet either. write_failed: the last flush could not store them.
    heartbeat: that of the last renewal of the lease that was committed.
    """

    claim: Claim
    assignment: Future[Assignment]
    artifacts: ArtifactStore
    started_at: float | None = None
    sent_command: Command | None = None
    pending: list[ProgressEvent] = field(default_factory=list)
    final_event: FinalEvent | None = None
    write_failed: bool = False
    heartbeat: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, stored or not."""
        return self.final_event is not None

    @property
    def has_unwritten(self) -> bool:
        """Whether there is anything for the next flush to store."""
        return bool(self.pending) or self.is_over

    @property
    def worked_seconds(self) -> float:
        """How long workers have trained the run, in all its attempts."""
        this_attempt = 0.0 if self.started_at is None else time.monotonic() - self.started_at
        return self.claim.worked_seconds + this_attempt

    @property
    def is_overdue(self) -> bool:
        """Whether that is longer than the spec allows."""
        limit = self.claim.spec["training"]["max_seconds"]
        return limit is not None and self.worked_seconds > limit

    def add(self, event: WorkerEvent) -> None:
        """Add an event for the next flush."""
        if isinstance(event, FinalEvent):
            self.final_event = event
        elif isinstance(event, CheckpointTaken):
            self._replace_checkpoint(event)
        else:
            self.pending.append(event)

    def _replace_checkpoint(self, newest: CheckpointTaken) -> None:
        """Of pending checkpoints keep only the newest, so that a database that is away costs no memory."""
        superseded = [event for event in self.pending if isinstance(event, CheckpointTaken)]
        self.pending = [event for event in self.pending if not isinstance(event, CheckpointTaken)]
        self.artifacts.mark_garbage(
            event.content.name for event in superseded if isinstance(event.content, ArtifactReference)
        )
        self.pending.append(newest)
