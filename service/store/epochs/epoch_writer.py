"""Write what a worker reports of its run: an epoch adds two rows per part, a checkpoint replaces the last one.

The caller has renewed the lease of the run in the same transaction, so an agent without the lease writes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from service.store.artifacts.artifact_store import ArtifactStore, stored_content
from service.store.engine.clock import now
from service.store.tables import Checkpoint, EpochClasses, EpochMetrics, Experiment, Run
from workers.evaluation.evaluation import Evaluation
from workers.evaluation.metrics.per_bin import BIN_METRICS
from workers.evaluation.metrics.per_class import CLASS_METRICS, metrics_per_class
from workers.processes.messages import ArtifactReference, CheckpointTaken, Content, Succeeded
from workers.training import Epoch

OF_TRAINING = ("learning_rate", "gradient_norm", "seconds")
"""Columns of `EpochMetrics` that only the training part of an epoch has."""

STORED_EPOCH = select(Run.epoch).where(Run.id == bindparam("run"))
ADD_METRICS = insert(EpochMetrics).values(recorded_at=now())
ADD_CLASSES = insert(EpochClasses)
AT_EPOCH = update(Run).where(Run.id == bindparam("run"))
AT_EPOCH = AT_EPOCH.values(epoch=bindparam("last"), best_epoch=bindparam("best"))
PROGRESS = AT_EPOCH.values(training_seconds=Run.training_seconds + bindparam("seconds"))
NEWEST = select(Checkpoint).where(Checkpoint.run_id == bindparam("run"), Checkpoint.kind == "newest")
OF_RUN = Checkpoint.run_id == bindparam("run")
REPLACE = delete(Checkpoint).where(OF_RUN).returning(Checkpoint.epoch, Checkpoint.artifact)
ADD_CHECKPOINT = insert(Checkpoint).values(created_at=now())
DELETE_LATER_EPOCHS = [
    delete(table).where(table.run_id == bindparam("run"), table.epoch > bindparam("last"))
    for table in (EpochMetrics, EpochClasses)
]
STORED_SECONDS = select(func.coalesce(func.sum(EpochMetrics.seconds), 0.0))
STORED_SECONDS = STORED_SECONDS.where(EpochMetrics.run_id == bindparam("run"))
REWIND = AT_EPOCH.values(training_seconds=STORED_SECONDS.scalar_subquery())
"""Built once: to build a statement takes longer than to execute it on SQLite."""


def record_epochs(connection: Connection, run_id: int, epochs: Sequence[Epoch]) -> None:
    """Store the figures of consecutive epochs on both parts. Epochs that are stored already are skipped.

    That happens if a commit succeeded but its confirmation was lost, so that the agent writes the events again.
    """
    stored = connection.execute(STORED_EPOCH, {"run": run_id}).scalar_one()
    new = [epoch for epoch in epochs if epoch.number > stored]
    if not new:
        return
    parts = list(_parts(new))
    connection.execute(ADD_METRICS, _metrics(run_id, parts))
    connection.execute(ADD_CLASSES, _classes(run_id, parts))
    progress = {"last": new[-1].number, "best": new[-1].best_epoch}
    seconds = sum(epoch.seconds for epoch in new)
    connection.execute(PROGRESS, {"run": run_id, **progress, "seconds": seconds})


def record_evaluation(connection: Connection, run_id: int, epoch: int, evaluation: Evaluation) -> None:
    """Store the figures of a run on its evaluation part, at its selected epoch."""
    parts = [PartFigures(epoch, "evaluation", evaluation)]
    connection.execute(ADD_METRICS, _metrics(run_id, parts))
    connection.execute(ADD_CLASSES, _classes(run_id, parts))


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
    stored = {"newest": taken.content}
    facts = {"epoch": taken.epoch, "best_epoch": taken.best_epoch, "attempt": attempt}
    before = _replace(connection, artifacts, run_id, stored, facts)
    return taken.epoch > before


def save_model(connection: Connection, artifacts: ArtifactStore, run_id: int, ended: Succeeded) -> None:
    """Store the weights of the best epoch of a run that has ended, and what it predicted for each row.

    They replace its newest state.
    """
    stored = {"model": ended.model}
    if ended.row_results is not None:
        stored["row_results"] = ended.row_results
    facts = dict.fromkeys(("epoch", "best_epoch"), ended.best_epoch)
    _replace(connection, artifacts, run_id, stored, facts)


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

    epoch: int
    split: str
    evaluation: Evaluation
    training: Epoch | None = None


def _parts(epochs: Iterable[Epoch]) -> Iterator[PartFigures]:
    """Both parts of each epoch."""
    for epoch in epochs:
        yield PartFigures(epoch.number, "train", epoch.training, epoch)
        yield PartFigures(epoch.number, "validation", epoch.validation)


def _metrics(run_id: int, parts: Iterable[PartFigures]) -> list[dict[str, Any]]:
    """A row of `EpochMetrics` for each part."""
    return [
        {"run_id": run_id, "epoch": part.epoch, "split": part.split, "rows": part.evaluation.rows}
        | part.evaluation.metrics
        | {name: getattr(part.training, name, None) for name in OF_TRAINING}
        for part in parts
    ]


def _classes(run_id: int, parts: Sequence[PartFigures]) -> list[dict[str, Any]]:
    """A row of `EpochClasses` for each part."""
    return [
        {
            "run_id": run_id,
            "epoch": part.epoch,
            "split": part.split,
            **columns,
            "drawn": part.training.drawn.tolist() if part.training else None,
        }
        for part, columns in zip(parts, _class_columns(parts), strict=True)
    ]


def _class_columns(parts: Sequence[PartFigures]) -> Iterator[dict[str, Any]]:
    """The metrics of each class, or of a regression of each bin, and the confusion matrix: a dictionary per part."""
    if parts[0].evaluation.bins is not None:
        none = {metric.name: [None] * len(parts[0].evaluation.bins["support"]) for metric in CLASS_METRICS}
        for part in parts:
            yield {**none, **part.evaluation.per_class(), "confusion": []}
        return
    confusions = np.stack([part.evaluation.confusion for part in parts])
    columns = metrics_per_class(confusions)
    no_errors = dict.fromkeys((metric.name for metric in BIN_METRICS), None)
    for lists, confusion in zip(zip(*columns.values(), strict=True), confusions.tolist(), strict=True):
        yield {**dict(zip(columns, lists, strict=True)), **no_errors, "confusion": confusion}


def _replace(
    connection: Connection,
    artifacts: ArtifactStore,
    run_id: int,
    contents: Mapping[str, Content],
    facts: Mapping[str, int | None],
) -> int:
    """Store contents of a run by their kinds, in place of all others: nothing else of it is still needed.

    Returns the epoch of what they replace; 0 if there was nothing.
    """
    row = {"run_id": run_id, **facts}
    rows = [row | {"kind": kind, **artifacts.columns(content)} for kind, content in contents.items()]
    replaced = connection.execute(REPLACE, {"run": run_id}).all()
    artifacts.mark_garbage(each.artifact for each in replaced if each.artifact)
    connection.execute(ADD_CHECKPOINT, rows)
    return max((each.epoch for each in replaced), default=0)
