"""A run that an agent holds a lease on; and what its worker said, on the way into the tables."""

import logging
import time
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from itertools import groupby

from sqlalchemy import Connection

from service.store import epoch_writer, queue
from service.store.artifacts import Artifacts
from service.store.queue import Claim
from workers.processes.pool import Died
from workers.processes.process import (
    ArtifactReference,
    Assignment,
    BaselinesFitted,
    CheckpointTaken,
    Command,
    EpochEnded,
    Failed,
    Message,
    Stopped,
    Succeeded,
)

log = logging.getLogger("holdout.agent")

WorkerEvent = Message | Died


@dataclass
class LeasedRun:
    """A run, how far its worker is on its way, and what that has said since the last report.

    is_stuck: what it has said could not be stored the last time.
    """

    claim: Claim
    prepared: Future[Assignment]
    artifacts: Artifacts
    started_at: float | None = None
    ordered: Command | None = None
    is_stuck: bool = False
    outbox: list[WorkerEvent] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether its worker has said its last word."""
        return bool(self.outbox) and isinstance(self.outbox[-1], Succeeded | Failed | Stopped | Died)

    @property
    def worked_seconds(self) -> float:
        """How long workers have been at it, in all its attempts."""
        this_time = 0.0 if self.started_at is None else time.monotonic() - self.started_at
        return self.claim.worked_seconds + this_time

    @property
    def is_overdue(self) -> bool:
        """Whether that is longer than its spec allows."""
        limit = self.claim.spec["training"]["max_seconds"]
        return limit is not None and self.worked_seconds > limit

    def hear(self, word: WorkerEvent) -> None:
        """Keep a word for the next report; of checkpoints only the newest, so that waiting costs no memory."""
        if isinstance(word, CheckpointTaken):
            superseded = [old for old in self.outbox if isinstance(old, CheckpointTaken)]
            self.outbox = [old for old in self.outbox if not isinstance(old, CheckpointTaken)]
            self.artifacts.doubt(
                old.content.name for old in superseded if isinstance(old.content, ArtifactReference)
            )
        self.outbox.append(word)


def write(connection: Connection, held: LeasedRun, *, max_attempts: int) -> None:
    """Write what a worker said. The caller has extended the run's lease in the same transaction."""
    for _, words in groupby(held.outbox, type):
        _write(connection, held, list(words), max_attempts)


def _write(connection: Connection, held: LeasedRun, words: list[WorkerEvent], max_attempts: int) -> None:
    """Words of one kind that follow each other: all epochs go in at once, nothing else is said twice."""
    match word := words[-1]:
        case EpochEnded():
            epochs = [each.epoch for each in words if isinstance(each, EpochEnded)]
            epoch_writer.record_epochs(connection, held.claim.lease.run_id, epochs)
        case CheckpointTaken():
            _save(connection, held, word)
        case BaselinesFitted(baselines):
            fitted = [asdict(baseline) for baseline in baselines]
            epoch_writer.save_baselines(connection, held.claim.experiment_id, fitted)
        case _:
            _end(connection, held, word, max_attempts)


def _end(
    connection: Connection, held: LeasedRun, word: Succeeded | Failed | Stopped | Died, max_attempts: int
) -> None:
    lease = held.claim.lease
    match word:
        case Succeeded():
            epoch_writer.save_model(connection, held.artifacts, lease.run_id, word)
            queue.finish(connection, lease, "succeeded")
        case Failed(cause, message):
            queue.finish(connection, lease, "failed", cause=cause, message=message)
        case Stopped(order):
            _stop(connection, held, order)
        case Died() if held.ordered is not None:  # it did not heed in time, and was killed
            _stop(connection, held, held.ordered)
        case _:
            log.warning("the worker of run %s died, exit code %s", lease.run_id, word.exit_code)
            queue.record_death(connection, lease, max_attempts=max_attempts)


def _stop(connection: Connection, held: LeasedRun, order: Command) -> None:
    lease = held.claim.lease
    match order:
        case "release":
            queue.release(connection, lease)
        case "cancel":
            queue.finish(connection, lease, "cancelled")
        case _:  # its time is up
            limit = held.claim.spec["training"]["max_seconds"]
            message = f"it trained for longer than the {limit:g} seconds of training.max_seconds"
            queue.finish(connection, lease, "failed", cause="timeout", message=message)


def _save(connection: Connection, held: LeasedRun, taken: CheckpointTaken) -> None:
    """A checkpoint that cannot be stored is done without: the one before serves, only less well."""
    try:
        with connection.begin_nested():
            epoch_writer.save_checkpoint(connection, held.artifacts, held.claim.lease.run_id, taken)
    except OSError as error:
        log.warning("a checkpoint of run %s was not stored: %s", held.claim.lease.run_id, error)
