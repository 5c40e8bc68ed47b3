"""Write what a worker reports of its run: an epoch adds two rows per part, a checkpoint replaces the last one.

The caller has renewed the lease of the run in the same transaction, so an agent without the lease writes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from service.store.artifacts.artifact_store import ArtifactStore, stored_content
from service.store.engine.bulk_insert import BulkInsert
from service.store.engine.clock import now
from service.store.tables import Checkpoint, EpochClasses, EpochMetrics, Experiment, Run
from workers.epoch_columns import PARTS, EpochColumns, EvaluationColumns, with_nulls
from workers.evaluation.evaluation import Evaluation
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.per_bin import BIN_METRICS
from workers.evaluation.metrics.per_class import CLASS_METRICS, metrics_per_class
from workers.processes.messages import ArtifactReference, CheckpointTaken, Content, Succeeded

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
KEEP_BASELINES = update(Experiment).where(Experiment.id == bindparam("experiment"))
KEEP_BASELINES = KEEP_BASELINES.where(Experiment.baselines.is_(None)).values(baselines=bindparam("fitted"))
BASELINES_OF_FOLD = update(Run).where(Run.id == bindparam("run")).values(baselines=bindparam("fitted"))
"""Built once: to build a statement takes longer than to execute it on SQLite."""


class NewEpochs(NamedTuple):
    """Consecutive epochs of a run. Those up to `stored` are in the database already.

    That happens if a commit succeeded but its confirmation was lost, so that the agent writes the events again.
    """

    run_id: int
    epochs: EpochColumns
    stored: int = 0

    @property
    def missing(self) -> EpochColumns:
        return self.epochs.after(self.stored)


def record_epochs(connection: Connection, runs: Iterable[NewEpochs]) -> None:
    """Store the figures of epochs on both parts. Those of one run may be given in several pieces, in their order."""
    missing = [(each.run_id, new) for each in runs if len(new := each.missing)]
    if not missing:
        return
    _add(connection, [_parts(run_id, new) for run_id, new in missing])
    progress = [
        {
            "run": run_id,
            "last": int(new.numbers[-1]),
            "best": int(new.best_epochs[-1]),
            "seconds": sum(new.seconds.tolist()),
        }
        for run_id, new in missing
    ]
    connection.execute(PROGRESS, progress)


class Measured(NamedTuple):
    """The figures of a run on its evaluation part, at its selected epoch."""

    run_id: int
    epoch: int
    evaluation: Evaluation


def record_evaluations(connection: Connection, measured: Iterable[Measured]) -> None:
    """Store what runs of folds were measured by."""
    if parts := [_evaluation_part(each) for each in measured]:
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


def save_models(connection: Connection, artifacts: ArtifactStore, ended: Mapping[int, Succeeded]) -> None:
    """Store the weights of the best epoch of runs that have ended, by their ids, and what it predicted for each row.

    They replace the newest state of each run.
    """
    if ended:
        _replace(connection, artifacts, [_model_of(run_id, each) for run_id, each in ended.items()])


def _model_of(run_id: int, ended: Succeeded) -> "RunContents":
    stored = {"model": ended.model}
    if ended.row_results is not None:
        stored["row_results"] = ended.row_results
    return RunContents(run_id, stored, dict.fromkeys(("epoch", "best_epoch"), ended.best_epoch))


def save_baselines(connection: Connection, experiment_id: int, baselines: list[Any]) -> None:
    """Store the baselines of an experiment, once: they follow from its data and are the same for all runs."""
    connection.execute(KEEP_BASELINES, {"experiment": experiment_id, "fitted": baselines})


def save_baselines_of_fold(connection: Connection, run_id: int, baselines: list[Any]) -> None:
    """Store the baselines of a fold with the run that fitted them: they are the same for all its seeds."""
    connection.execute(BASELINES_OF_FOLD, {"run": run_id, "fitted": baselines})


class PartColumns(NamedTuple):
    """Columns of parts of epochs of one run, n of them. of_training: those that only training parts have."""

    run_id: int
    epochs: list[int]
    splits: list[str]
    figures: EvaluationColumns
    of_training: dict[str, list[Any]]

    @property
    def kind(self) -> tuple[int, bool]:
        """Of how many classes, and whether of a regression: parts of one kind have the same columns."""
        return self.figures.confusions.shape[-1], self.figures.bins is not None


class RunContents(NamedTuple):
    """Contents of a run by their kinds, and the other columns of their rows."""

    run_id: int
    contents: Mapping[str, Content]
    facts: Mapping[str, int | None]


def _parts(run_id: int, new: EpochColumns) -> PartColumns:
    """Both parts of each epoch."""
    values = {
        "learning_rate": with_nulls(new.learning_rates),
        "gradient_norm": new.gradient_norms.tolist(),
        "seconds": new.seconds.tolist(),
        "drawn": new.drawn.tolist(),
    }
    of_training = {
        name: [part for each in column for part in (each, None)] for name, column in values.items()
    }
    numbers = [number for number in new.numbers.tolist() for _ in PARTS]
    return PartColumns(run_id, numbers, [*PARTS] * len(new), new.evaluations, of_training)


def _evaluation_part(measured: Measured) -> PartColumns:
    figures = EvaluationColumns.of([measured.evaluation])
    none: dict[str, list[Any]] = {name: [None] for name in (*OF_TRAINING, "drawn")}
    return PartColumns(measured.run_id, [measured.epoch], ["evaluation"], figures, none)


def _add(connection: Connection, parts: Sequence[PartColumns]) -> None:
    """Add a row of `EpochMetrics` and one of `EpochClasses` for each part."""
    ADD_METRICS.execute(connection, _keys(parts) | _metrics(parts))
    for _, same in groupby(parts, lambda part: part.kind):
        alike = list(same)
        ADD_CLASSES.execute(connection, _keys(alike) | _classes(alike))


def _keys(parts: Sequence[PartColumns]) -> dict[str, list[Any]]:
    """The columns that both tables have."""
    return {
        "run_id": [part.run_id for part in parts for _ in part.epochs],
        "epoch": _joined(part.epochs for part in parts),
        "split": _joined(part.splits for part in parts),
    }


def _metrics(parts: Sequence[PartColumns]) -> dict[str, list[Any]]:
    """The columns of `EpochMetrics`."""
    values = np.concatenate([part.figures.metrics for part in parts])
    return {
        "rows": _joined(part.figures.rows.tolist() for part in parts),
        **{name: with_nulls(column) for name, column in zip(BY_NAME, values.T, strict=True)},
        **{name: _joined(part.of_training[name] for part in parts) for name in OF_TRAINING},
    }


def _classes(parts: Sequence[PartColumns]) -> dict[str, list[Any]]:
    """The columns of `EpochClasses`, for parts of one kind: the metrics of each class, or of each bin."""
    rows = sum(len(part.epochs) for part in parts)
    found: dict[str, list[Any]] = {name: [None] * rows for name in OF_CLASSES}
    if parts[0].figures.bins is None:
        confusions = np.concatenate([part.figures.confusions for part in parts], dtype=np.int64)
        found |= metrics_per_class(confusions) | {"confusion": confusions.tolist()}
    else:
        bins = _joined(part.figures.bins or [] for part in parts)
        none = [None] * len(bins[0]["support"])
        found |= {metric.name: [none] * rows for metric in CLASS_METRICS}
        found |= {name: [each[name] for each in bins] for name in bins[0]} | {"confusion": [[]] * rows}
    return found | {"drawn": _joined(part.of_training["drawn"] for part in parts)}


def _joined(columns: Iterable[list[Any]]) -> list[Any]:
    """Columns of several runs as one."""
    return [value for column in columns for value in column]


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
