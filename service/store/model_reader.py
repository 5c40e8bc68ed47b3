"""Read the models of runs: the weights of their best epochs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from service.store.artifacts.artifact_store import stored_content
from service.store.errors import NoModel, UnknownSeed
from service.store.experiment_reader import experiment
from service.store.tables import Checkpoint, Run
from workers.processes.messages import ArtifactReference


def models(connection: Connection, experiment_id: int) -> Sequence[Row[Any]]:
    """The runs of an experiment by seed, each with the hash of its model or null. Raises UnknownExperiment."""
    experiment(connection, experiment_id)
    is_model = and_(Checkpoint.run_id == Run.id, Checkpoint.kind == "model")
    columns: list[Any] = [Run.id, Run.seed, Run.status, Checkpoint.epoch, Checkpoint.sha256]
    runs = select(*columns).join(Checkpoint, is_model, isouter=True).where(Run.experiment_id == experiment_id)
    return connection.execute(runs.order_by(Run.seed)).all()


def model(connection: Connection, experiment_id: int, seed: int | None) -> Row[Any]:
    """The run of that seed or, without a seed, the first one submitted that has a model.

    Raises UnknownExperiment, UnknownSeed or NoModel.
    """
    runs = models(connection, experiment_id)
    matching = [run for run in runs if seed in (None, run.seed)]
    if not matching:
        raise UnknownSeed(experiment_id, [run.seed for run in runs])
    for run in sorted(matching, key=lambda run: run.id):
        if run.sha256 is not None:
            return run
    raise NoModel(experiment_id, matching[0].seed, matching[0].status)


def content(connection: Connection, run_id: int) -> bytes | ArtifactReference:
    """The bytes of a run's model, or the name of its artifact."""
    mine = select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.kind == "model")
    return stored_content(connection.execute(mine).one())
