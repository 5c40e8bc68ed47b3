"""The state of one run that the agent has a lease on: its worker's progress, and events that are not stored yet."""

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from service.start_failures import NotStarted
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.artifacts.uploads import discard_contents, is_uploaded
from service.store.queue import Claim
from service.store.tables import WaitingFor
from workers.processes.messages import (
    Assignment,
    CheckpointTaken,
    Command,
    EpochsEnded,
    FinalEvent,
    Held,
    ProgressEvent,
    Stopped,
    Succeeded,
    WorkerEvent,
)


@dataclass
class LeasedRun:
    """A run, and what its worker has sent since the last flush.

    assignment: done once the run's data are prepared. started_at: when its worker was started, as `time.monotonic`
    tells it; ended_at: when it sent its final event. sent_command: what the worker was told, if anything. pending:
    the worker's events that are not stored yet. final_event: how the run ended; not stored yet either. batch: those
    of `pending` that the present flush stores. ends: whether it stores the end too. What is still being uploaded
    waits for a later flush. heartbeat: that of the last renewal of the lease that was committed. history: the
    identity that the database had when the run was claimed. not_started: why its worker could not be started; the
    run then ends as released. said_waiting_for: what is stored of `waiting_for`. is_shown: whether anything that its
    worker has sent is stored. claimed_at: when it was claimed, as `time.monotonic` tells it.
    """

    claim: Claim
    assignment: Future[Assignment]
    artifacts: ArtifactStore
    started_at: float | None = None
    ended_at: float | None = None
    sent_command: Command | None = None
    pending: list[ProgressEvent] = field(default_factory=list)
    final_event: FinalEvent | None = None
    batch: list[ProgressEvent] = field(default_factory=list)
    ends: bool = False
    heartbeat: int = 0
    history: bytes | None = None
    not_started: NotStarted | None = None
    said_waiting_for: WaitingFor | None = None
    is_shown: bool = False
    claimed_at: float = field(default_factory=time.monotonic)

    @property
    def is_training(self) -> bool:
        """Whether it has a worker process."""
        return self.started_at is not None and not self.is_over

    @property
    def waits(self) -> bool:
        """Whether it still waits for its assignment, or for a process."""
        return self.started_at is None and not self.is_over

    @property
    def took_seconds(self) -> float | None:
        """How long its worker took; None if it has none, or has not ended."""
        return None if self.started_at is None or self.ended_at is None else self.ended_at - self.started_at

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, stored or not."""
        return self.final_event is not None

    @property
    def can_end(self) -> bool:
        """Whether the run has ended, and the next flush can store the end: no upload is on its way."""
        return self.final_event is not None and all(map(is_uploaded, [*self.pending, self.final_event]))

    @property
    def pending_size(self) -> int:
        """How many epochs and other events are pending."""
        return sum(len(event.epochs) if isinstance(event, EpochsEnded) else 1 for event in self.pending)

    @property
    def has_unwritten(self) -> bool:
        """Whether there is anything for the next flush to store."""
        return self.can_end or any(map(is_uploaded, self.pending))

    @property
    def waiting_for(self) -> WaitingFor | None:
        """What holds up the run: a store that is away, if the run needs it now."""
        ends = [] if self.final_event is None else [self.final_event]
        is_uploading = not all(map(is_uploaded, [*self.pending, *ends]))
        needs_store = not self.assignment.done() or is_uploading
        return "artifact_store" if needs_store and self.artifacts.files.away_because is not None else None

    @property
    def worked_seconds(self) -> float:
        """How long workers have trained the run, in all its attempts."""
        if self.started_at is None:
            return self.claim.worked_seconds
        until = time.monotonic() if self.ended_at is None else self.ended_at
        return self.claim.worked_seconds + until - self.started_at

    @property
    def is_overdue(self) -> bool:
        """Whether that is longer than the spec allows."""
        limit = self.claim.spec["training"]["max_seconds"]
        return limit is not None and self.worked_seconds > limit

    def add(self, event: WorkerEvent) -> None:
        """Add an event for the next flush."""
        if isinstance(event, FinalEvent):
            self.ended_at = time.monotonic()
            self.end(event)
        elif isinstance(event, CheckpointTaken):
            self._drop_checkpoints()
            self.pending.append(event)
        else:
            self.pending.append(event)

    def end(self, event: FinalEvent) -> None:
        """Set how the run ended, in place of an end that is not stored yet.

        Only a run that is released or held still needs its checkpoint.
        """
        if isinstance(self.final_event, Succeeded):
            self._discard(self.final_event)
        if event not in (Stopped("release"), Held()):
            self._drop_checkpoints(uploading=True)
        self.final_event = event

    def give_up_uploads(self) -> None:
        """Let the run end without what is still being uploaded: another agent continues from the last checkpoint."""
        self._drop_checkpoints(uploading=True)
        if self.final_event is not None and not is_uploaded(self.final_event):
            self.end(Stopped("release"))

    def begin_flush(self) -> bool:
        """Choose what the flush stores; uploads that end later wait for the next one. False if that is nothing."""
        self.batch = [event for event in self.pending if is_uploaded(event)]
        self.ends = self.can_end
        return bool(self.batch) or self.ends

    def end_flush(self) -> None:
        """Drop the events that were stored."""
        self.is_shown = self.is_shown or bool(self.batch)
        self._remove(self.batch)
        self.batch = []

    def _drop_checkpoints(self, *, uploading: bool = False) -> None:
        """Keep only the newest pending checkpoint, so that a database that is away costs no memory.

        uploading: drop those alone that are still being uploaded.
        """
        dropped = [
            event
            for event in self.pending
            if isinstance(event, CheckpointTaken) and not (uploading and is_uploaded(event))
        ]
        self._remove(dropped)
        for event in dropped:
            self._discard(event)

    def _remove(self, events: Sequence[ProgressEvent]) -> None:
        removed = set(map(id, events))
        self.pending = [event for event in self.pending if id(event) not in removed]

    def _discard(self, event: WorkerEvent) -> None:
        """Give up the uploads of an event; what is stored already becomes garbage."""
        self.artifacts.mark_garbage(discard_contents(event))
