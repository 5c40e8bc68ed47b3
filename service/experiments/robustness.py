"""Requests for reports on corrupted rows."""

from typing import Any

from sqlalchemy import Connection, Row

from service.notifiers import Notifier
from service.store import experiment_reader, jobs
from workers.corruptions.choice import Robustness, unfit
from workers.validation.errors import InvalidSpec


def request(
    connection: Connection, experiment_id: int, owner: str, wanted: Robustness, notifier: Notifier
) -> None:
    """Queue a report, and wake the agents. Raises UnknownExperiment, NoModel, or InvalidSpec if one does not fit."""
    experiment = experiment_reader.experiment(connection, experiment_id)
    are_images = experiment.plan["dataset"]["shape"] is not None
    if found := unfit(wanted, are_images=are_images):
        raise InvalidSpec(found)
    chosen = None if wanted.corruptions is None else list(wanted.corruptions)
    if jobs.request(connection, experiment_id, "robustness", owner, {"corruptions": chosen}):
        notifier.wake(connection, experiment_id, queued_runs=0)


def version(job: Row[Any]) -> tuple[Any, ...]:
    """Everything that changes a response about a job."""
    return job.id, job.status, job.attempt, job.done, job.total, job.models, job.created_at, job.finished_at
