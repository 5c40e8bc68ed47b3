"""Ends of experiments on request: cancel what is not over, delete what is."""

from sqlalchemy import Connection, delete

from service.store import experiment_reader, queue
from service.store.errors import ExperimentActive, ExperimentOver
from service.store.tables import TERMINAL, Experiment


def cancel(connection: Connection, experiment_id: int) -> None:
    """Ask for the end of an experiment. Raises UnknownExperiment, or ExperimentOver where it has ended."""
    found = experiment_reader.experiment(connection, experiment_id)
    if found.status in TERMINAL:
        raise ExperimentOver(experiment_id, found.status)
    queue.request_cancel(connection, experiment_id)


def remove(connection: Connection, experiment_id: int) -> None:
    """Delete an experiment that is over, with its runs, epochs and weights. Raises ExperimentActive otherwise."""
    over = Experiment.status.in_(TERMINAL)
    removed = delete(Experiment).where(Experiment.id == experiment_id, over).returning(Experiment.id)
    if connection.execute(removed).one_or_none() is None:
        found = experiment_reader.experiment(connection, experiment_id)
        raise ExperimentActive(experiment_id, found.status)
