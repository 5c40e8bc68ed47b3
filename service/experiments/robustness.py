"""Requests for reports on corrupted rows."""

from typing import Any

from sqlalchemy import Connection, Row

from service.notifiers import Notifier
from service.store import experiment_reader, jobs, queue
from workers.corruptions.choice import Robustness, unfit
from workers.validation.errors import InvalidSpec


def request(
    connection: Connection,
    experiment_id: int,
    owner: str,
    wanted: Robustness,
    notifier: Notifier,
    *,
    max_queued: int,
) -> None:
    """Queue a report, and wake the agents.

    Raises UnknownExperiment, NoModel, QueueFull, or InvalidSpec if a corruption does not fit.
    """
    experiment = experiment_reader.experiment(connection, experiment_id)
    are_images = experiment.plan["dataset"]["shape"] is not None
    if found := unfit(wanted, are_images=are_images):
        raise InvalidSpec(found)
    chosen = None if wanted.corruptions is None else list(wanted.corruptions)
    if jobs.request(connection, experiment_id, "robustness", owner, {"corruptions": chosen}):
        queue.require_room(connection, owner, 0, max_queued)
        notifier.wake(connection, experiment_id, queued_runs=0)


def version(job: Row[Any]) -> tuple[Any, ...]:
    """Everything that changes a response about a job."""
    return job.id, job.status, job.attempt, job.done, job.total, job.models, job.created_at, job.finished_at
