"""Another try for what failed or was cancelled, on request."""

from sqlalchemy import Connection

from service.notifiers import Notifier
from service.store import experiment_reader, queue
from service.store.errors import NothingToRetry


def retry(connection: Connection, experiment_id: int, engine: Notifier) -> None:
    """Queue the runs that failed or were cancelled again. Raises UnknownExperiment or NothingToRetry."""
    found = experiment_reader.experiment(connection, experiment_id)
    queued = queue.retry(connection, experiment_id)
    if queued == 0:
        raise NothingToRetry(experiment_id, found.status)
    engine.announce(connection, experiment_id, queued)
