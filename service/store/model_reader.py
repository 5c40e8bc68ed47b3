"""Read the models of runs: the weights of their best epochs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from service.store.artifacts.artifact_store import stored_content
from service.store.errors import ManyModels, NoModel, UnknownRun
from service.store.experiment_reader import experiment
from service.store.run_keys import BY_KEY, RunFilter, RunKey, are_of_folds, name_of_run
from service.store.tables import Checkpoint, Run
from workers.processes.messages import ArtifactReference


def models(connection: Connection, experiment_id: int) -> Sequence[Row[Any]]:
    """The runs of an experiment by repeat, fold and seed, each with the hash of its model or null.

    Raises UnknownExperiment.
    """
    experiment(connection, experiment_id)
    is_model = and_(Checkpoint.run_id == Run.id, Checkpoint.kind == "model")
    columns: list[Any] = [Run.id, *BY_KEY, Run.status, Checkpoint.epoch, Checkpoint.sha256]
    runs = select(*columns).join(Checkpoint, is_model, isouter=True).where(Run.experiment_id == experiment_id)
    return connection.execute(runs.order_by(*BY_KEY)).all()


def model(connection: Connection, experiment_id: int, wanted: RunFilter) -> Row[Any]:
    """Of the wanted runs, the first one submitted that has a model.

    Raises UnknownExperiment, UnknownRun, NoModel, or ManyModels if the wanted runs are of several folds.
    """
    runs = models(connection, experiment_id)
    keys = [RunKey.of(run) for run in runs]
    matching = [run for run in runs if wanted.matches(RunKey.of(run))]
    if not matching:
        raise UnknownRun(experiment_id, keys)
    if len({(run.repeat, run.fold) for run in matching}) > 1:
        raise ManyModels(experiment_id, len(matching))
    for run in sorted(matching, key=lambda run: run.id):
        if run.sha256 is not None:
            return run
    raise NoModel(
        experiment_id, name_of_run(RunKey.of(matching[0]), of_folds=are_of_folds(keys)), matching[0].status
    )


def content(connection: Connection, run_id: int) -> bytes | ArtifactReference:
    """The bytes of a run's model, or the name of its artifact."""
    mine = select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.kind == "model")
    return stored_content(connection.execute(mine).one())
