"""Cancel, retry and delete an experiment on request."""

from sqlalchemy import Connection
from sqlalchemy import delete as delete_from

from service.notifiers import Notifier
from service.store import experiment_reader, exposures, queue
from service.store.errors import ExperimentActive, ExperimentOver, NothingToRetry
from service.store.run_keys import RunFilter
from service.store.tables import FINAL_STATUSES, Experiment


def cancel(connection: Connection, experiment_id: int, notifier: Notifier) -> None:
    """Cancel the queued runs, and request a cancellation of the running ones.

    Raises UnknownExperiment, or ExperimentOver if the experiment has ended.
    """
    found = experiment_reader.experiment(connection, experiment_id)
    if found.status in FINAL_STATUSES:
        raise ExperimentOver(experiment_id, found.status)
    queue.request_cancel(connection, experiment_id)
    notifier.wake(connection, experiment_id)


def retry(connection: Connection, experiment_id: int, wanted: RunFilter, notifier: Notifier) -> None:
    """Queue those of the wanted runs again that failed or were cancelled.

    Raises UnknownExperiment or NothingToRetry.
    """
    found = experiment_reader.experiment(connection, experiment_id)
    queued = queue.retry(connection, experiment_id, wanted)
    if queued == 0:
        raise NothingToRetry(experiment_id, found.status)
    notifier.wake(connection, experiment_id, queued_runs=queued)


def delete(connection: Connection, experiment_id: int) -> None:
    """Delete an experiment that has ended, with its runs, epochs and weights. What it did with rows stays on record.

    Raises UnknownExperiment, or ExperimentActive if it has not ended.
    """
    exposures.drop_unstarted(connection, experiment_id)
    ended = Experiment.status.in_(FINAL_STATUSES)
    deleted = delete_from(Experiment).where(Experiment.id == experiment_id, ended).returning(Experiment.id)
    if connection.execute(deleted).one_or_none() is None:
        found = experiment_reader.experiment(connection, experiment_id)
        raise ExperimentActive(experiment_id, found.status)
