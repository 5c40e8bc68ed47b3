"""Write what a worker reports of its run: an epoch adds two rows per part, a checkpoint replaces the last one.

The caller has renewed the lease of the run in the same transaction, so an agent without the lease writes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from service.store.artifacts.artifact_store import ArtifactStore, stored_content
from service.store.engine.bulk_insert import BulkInsert
from service.store.engine.clock import now
from service.store.tables import Checkpoint, EpochClasses, EpochMetrics, Experiment, Run
from workers.evaluation.evaluation import Evaluation
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.per_bin import BIN_METRICS
from workers.evaluation.metrics.per_class import CLASS_METRICS, metrics_per_class
from workers.processes.messages import ArtifactReference, CheckpointTaken, Content, Succeeded
from workers.training import Epoch

OF_TRAINING = ("learning_rate", "gradient_norm", "seconds")
"""Columns of `EpochMetrics` that only the training part of an epoch has."""

KEY = ("run_id", "epoch", "split")
OF_CLASSES = ("support", *(metric.name for metric in (*CLASS_METRICS, *BIN_METRICS)), "confusion")
ADD_METRICS = BulkInsert(
    insert(EpochMetrics).values(recorded_at=now()), [*KEY, "rows", *BY_NAME, *OF_TRAINING]
)
ADD_CLASSES = BulkInsert(insert(EpochClasses), [*KEY, *OF_CLASSES, "drawn"])
AT_EPOCH = update(Run).where(Run.id == bindparam("run"))
AT_EPOCH = AT_EPOCH.values(epoch=bindparam("last"), best_epoch=bindparam("best"))
PROGRESS = AT_EPOCH.values(training_seconds=Run.training_seconds + bindparam("seconds"))
NEWEST = select(Checkpoint).where(Checkpoint.run_id == bindparam("run"), Checkpoint.kind == "newest")
OF_RUNS = Checkpoint.run_id.in_(bindparam("runs", expanding=True))
REPLACED: list[Any] = [Checkpoint.run_id, Checkpoint.epoch, Checkpoint.artifact]
REPLACE = delete(Checkpoint).where(OF_RUNS).returning(*REPLACED)
ADD_CHECKPOINT = insert(Checkpoint).values(created_at=now())
DELETE_LATER_EPOCHS = [
    delete(table).where(table.run_id == bindparam("run"), table.epoch > bindparam("last"))
    for table in (EpochMetrics, EpochClasses)
]
STORED_SECONDS = select(func.coalesce(func.sum(EpochMetrics.seconds), 0.0))
STORED_SECONDS = STORED_SECONDS.where(EpochMetrics.run_id == bindparam("run"))
REWIND = AT_EPOCH.values(training_seconds=STORED_SECONDS.scalar_subquery())
"""Built once: to build a statement takes longer than to execute it on SQLite."""


class NewEpochs(NamedTuple):
    """Consecutive epochs of a run. Those up to `stored` are in the database already.

    That happens if a commit succeeded but its confirmation was lost, so that the agent writes the events again.
    """

    run_id: int
    epochs: Sequence[Epoch]
    stored: int = 0

    @property
    def missing(self) -> list[Epoch]:
        return [epoch for epoch in self.epochs if epoch.number > self.stored]


def record_epochs(connection: Connection, run_id: int, epochs: Sequence[Epoch], *, stored: int = 0) -> None:
    """Store the figures of epochs of one run on both parts."""
    record_epochs_of_all(connection, [NewEpochs(run_id, epochs, stored)])


def record_epochs_of_all(connection: Connection, runs: Iterable[NewEpochs]) -> None:
    """The same for several runs."""
    missing = {each.run_id: new for each in runs if (new := each.missing)}
    if not missing:
        return
    _add(connection, [part for run_id, new in missing.items() for part in _parts(run_id, new)])
    progress = [
        {
            "run": run_id,
            "last": new[-1].number,
            "best": new[-1].best_epoch,
            "seconds": sum(epoch.seconds for epoch in new),
        }
        for run_id, new in missing.items()
    ]
    connection.execute(PROGRESS, progress)


class Measured(NamedTuple):
    """The figures of a run on its evaluation part, at its selected epoch."""

    run_id: int
    epoch: int
    evaluation: Evaluation


def record_evaluations(connection: Connection, measured: Iterable[Measured]) -> None:
    """Store what runs of folds were measured by."""
    if parts := [PartFigures(run_id, epoch, "evaluation", found) for run_id, epoch, found in measured]:
        _add(connection, parts)


def rewind(connection: Connection, run_id: int) -> bytes | ArtifactReference | None:
    """Delete the epochs after the newest checkpoint, so that none appears twice, and return the checkpoint."""
    mine = {"run": run_id}
    checkpoint = connection.execute(NEWEST, mine).first()
    epoch, best_epoch = (checkpoint.epoch, checkpoint.best_epoch) if checkpoint else (0, None)
    for delete_later in DELETE_LATER_EPOCHS:
        connection.execute(delete_later, mine | {"last": epoch})
    connection.execute(REWIND, mine | {"last": epoch, "best": best_epoch})
    return stored_content(checkpoint) if checkpoint else None


def start_over(connection: Connection, run_id: int) -> None:
    """Delete a newest checkpoint that cannot be read, and all epochs of its run."""
    connection.execute(delete(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.kind == "newest"))
    rewind(connection, run_id)


def save_checkpoint(
    connection: Connection,
    artifacts: ArtifactStore,
    run_id: int,
    taken: CheckpointTaken,
    *,
    attempt: int | None = None,
) -> bool:
    """Store the newest state of a run in place of the one before. attempt: which one took it.

    Returns whether the run has progressed: this state has more epochs than the one before.
    """
    facts = {"epoch": taken.epoch, "best_epoch": taken.best_epoch, "attempt": attempt}
    before = _replace(connection, artifacts, [RunContents(run_id, {"newest": taken.content}, facts)])
    return taken.epoch > before.get(run_id, 0)


def save_model(connection: Connection, artifacts: ArtifactStore, run_id: int, ended: Succeeded) -> None:
    """Store the weights of the best epoch of a run that has ended, and what it predicted for each row.

    They replace its newest state.
    """
    save_models(connection, artifacts, {run_id: ended})


def save_models(connection: Connection, artifacts: ArtifactStore, ended: Mapping[int, Succeeded]) -> None:
    """The same for several runs, by their ids."""
    if ended:
        _replace(connection, artifacts, [_model_of(run_id, each) for run_id, each in ended.items()])


def _model_of(run_id: int, ended: Succeeded) -> "RunContents":
    stored = {"model": ended.model}
    if ended.row_results is not None:
        stored["row_results"] = ended.row_results
    return RunContents(run_id, stored, dict.fromkeys(("epoch", "best_epoch"), ended.best_epoch))


def save_baselines(connection: Connection, experiment_id: int, baselines: list[Any]) -> None:
    """Store the baselines of an experiment, once: they follow from its data and are the same for all runs."""
    missing = Experiment.baselines.is_(None)
    kept = update(Experiment).where(Experiment.id == experiment_id, missing).values(baselines=baselines)
    connection.execute(kept)


def save_baselines_of_fold(connection: Connection, run_id: int, baselines: list[Any]) -> None:
    """Store the baselines of a fold with the run that fitted them: they are the same for all its seeds."""
    connection.execute(update(Run).where(Run.id == run_id).values(baselines=baselines))


class PartFigures(NamedTuple):
    """One part after one epoch. training: the epoch, if it is the training part."""

    run_id: int
    epoch: int
    split: str
    evaluation: Evaluation
    training: Epoch | None = None

    @property
    def kind(self) -> tuple[int, bool]:
        """Of how many classes, and whether of a regression: parts of one kind have the same columns."""
        return len(self.evaluation.confusion), self.evaluation.bins is not None


class RunContents(NamedTuple):
    """Contents of a run by their kinds, and the other columns of their rows."""

    run_id: int
    contents: Mapping[str, Content]
    facts: Mapping[str, int | None]


def _parts(run_id: int, epochs: Iterable[Epoch]) -> Iterator[PartFigures]:
    """Both parts of each epoch."""
    for epoch in epochs:
        yield PartFigures(run_id, epoch.number, "train", epoch.training, epoch)
        yield PartFigures(run_id, epoch.number, "validation", epoch.validation)


def _add(connection: Connection, parts: Sequence[PartFigures]) -> None:
    """Add a row of `EpochMetrics` and one of `EpochClasses` for each part."""
    ADD_METRICS.execute(connection, _keys(parts) | _metrics(parts))
    for _, same in groupby(parts, lambda part: part.kind):
        alike = list(same)
        ADD_CLASSES.execute(connection, _keys(alike) | _classes(alike))


def _keys(parts: Sequence[PartFigures]) -> dict[str, list[Any]]:
    """The columns that both tables have."""
    return {
        "run_id": [part.run_id for part in parts],
        "epoch": [part.epoch for part in parts],
        "split": [part.split for part in parts],
    }


def _metrics(parts: Sequence[PartFigures]) -> dict[str, list[Any]]:
    """The columns of `EpochMetrics`."""
    return {
        "rows": [part.evaluation.rows for part in parts],
        **{name: [part.evaluation.metrics[name] for part in parts] for name in BY_NAME},
        **{name: [getattr(part.training, name, None) for part in parts] for name in OF_TRAINING},
    }


def _classes(parts: Sequence[PartFigures]) -> dict[str, list[Any]]:
    """The columns of `EpochClasses`, for parts of one kind: the metrics of each class, or of each bin."""
    found: dict[str, list[Any]] = {name: [None] * len(parts) for name in OF_CLASSES}
    if parts[0].evaluation.bins is None:
        confusions = np.stack([part.evaluation.confusion for part in parts])
        found |= metrics_per_class(confusions) | {"confusion": confusions.tolist()}
    else:
        bins = [part.evaluation.per_class() for part in parts]
        none = [None] * len(bins[0]["support"])
        found |= {metric.name: [none] * len(parts) for metric in CLASS_METRICS}
        found |= {name: [each[name] for each in bins] for name in bins[0]} | {"confusion": [[]] * len(parts)}
    return found | {"drawn": [part.training.drawn.tolist() if part.training else None for part in parts]}


def _replace(connection: Connection, artifacts: ArtifactStore, runs: Sequence[RunContents]) -> dict[int, int]:
    """Store contents of runs in place of all others: nothing else of them is still needed.

    Returns the epochs of what they replace, by run.
    """
    replaced = connection.execute(REPLACE, {"runs": [each.run_id for each in runs]}).all()
    artifacts.mark_garbage(each.artifact for each in replaced if each.artifact)
    rows = [
        {"run_id": each.run_id, **each.facts, "kind": kind, **artifacts.columns(content)}
        for each in runs
        for kind, content in each.contents.items()
    ]
    connection.execute(ADD_CHECKPOINT, rows)
    return {each.run_id: each.epoch for each in sorted(replaced, key=lambda row: row.epoch)}
