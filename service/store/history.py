"""What a run's worker reports, into the tables: an epoch is two rows a part, a checkpoint replaces the last.

The caller has extended the run's lease in the same transaction: who holds none writes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from service.store.artifacts import Artifacts, content_of
from service.store.database import now
from service.store.tables import Checkpoint, EpochClasses, EpochMetrics, Experiment, Run
from workers.evaluation.metrics import Evaluation
from workers.process import CheckpointTaken, Kept, Succeeded
from workers.training import Epoch

METRICS = (
    "rows",
    "loss",
    "weighted_loss",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "mcc",
    "nll",
    "brier",
    "ece",
)
"""Columns of `EpochMetrics` that an evaluation fills, by the same names."""
OF_TRAINING = ("learning_rate", "gradient_norm", "seconds")
""" ... and those that an epoch has for its training part alone."""
CLASS_FIGURES = ("support", "accuracy", "precision", "f1")
""" ... and those of `EpochClasses`."""


def record_epochs(connection: Connection, run_id: int, epochs: Sequence[Epoch]) -> None:
    """Store the figures of consecutive epochs, of both parts; those that are there already change nothing.

    They are there when a commit succeeded whose answer was lost, and its words are written once more.
    """
    stored = connection.execute(select(Run.epoch).where(Run.id == run_id)).scalar_one()
    new = [epoch for epoch in epochs if epoch.number > stored]
    if not new:
        return
    connection.execute(insert(EpochMetrics).values(recorded_at=now()), _both(run_id, new, _metrics))
    connection.execute(insert(EpochClasses), _both(run_id, new, _classes))
    progress = update(Run).where(Run.id == run_id)
    progress = progress.values(epoch=new[-1].number, best_epoch=new[-1].best_epoch)
    seconds = Run.training_seconds + sum(epoch.seconds for epoch in new)
    connection.execute(progress.values(training_seconds=seconds))


def rewind(connection: Connection, run_id: int) -> bytes | Kept | None:
    """Forget the epochs that the newest checkpoint does not include, so that none shows twice; the checkpoint."""
    newest = select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.kind == "newest")
    checkpoint = connection.execute(newest).first()
    epoch, best_epoch = (checkpoint.epoch, checkpoint.best_epoch) if checkpoint else (0, None)
    for table in (EpochMetrics, EpochClasses):
        connection.execute(delete(table).where(table.run_id == run_id, table.epoch > epoch))
    kept = select(func.coalesce(func.sum(EpochMetrics.seconds), 0.0)).where(EpochMetrics.run_id == run_id)
    rewound = update(Run).where(Run.id == run_id).values(epoch=epoch, best_epoch=best_epoch)
    connection.execute(rewound.values(training_seconds=kept.scalar_subquery()))
    return content_of(checkpoint) if checkpoint else None


def start_over(connection: Connection, run_id: int) -> None:
    """Forget a newest checkpoint that cannot be read, and all that it includes."""
    connection.execute(delete(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.kind == "newest"))
    rewind(connection, run_id)


def save_checkpoint(
    connection: Connection, artifacts: Artifacts, run_id: int, taken: CheckpointTaken
) -> None:
    """Keep the newest state of a run, instead of the one before. Raises OSError where it cannot be stored."""
    _save(connection, artifacts, run_id, "newest", taken.epoch, taken.best_epoch, taken.content)


def save_model(connection: Connection, artifacts: Artifacts, run_id: int, ended: Succeeded) -> None:
    """Keep the weights of the best epoch of a run that is over, instead of its newest state. Raises OSError."""
    _save(connection, artifacts, run_id, "model", ended.best_epoch, ended.best_epoch, ended.model)


def save_baselines(connection: Connection, experiment_id: int, baselines: list[Any]) -> None:
    """Keep the baselines of an experiment: they follow from its data, and are the same for each of its runs."""
    missing = Experiment.baselines.is_(None)
    kept = update(Experiment).where(Experiment.id == experiment_id, missing).values(baselines=baselines)
    connection.execute(kept)


Columns = Callable[[Epoch, str, Evaluation], dict[str, Any]]


def _both(run_id: int, epochs: Iterable[Epoch], columns: Columns) -> list[dict[str, Any]]:
    """A row for each part of each epoch."""
    return [
        {"run_id": run_id, "epoch": epoch.number, "split": split, **columns(epoch, split, figures)}
        for epoch in epochs
        for split, figures in (("train", epoch.training), ("validation", epoch.validation))
    ]


def _metrics(epoch: Epoch, split: str, figures: Evaluation) -> dict[str, Any]:
    of_training = {name: getattr(epoch, name) if split == "train" else None for name in OF_TRAINING}
    return {name: getattr(figures, name) for name in METRICS} | of_training


def _classes(epoch: Epoch, split: str, figures: Evaluation) -> dict[str, Any]:
    classes = figures.per_class()
    lists = {name: [getattr(each, name) for each in classes] for name in CLASS_FIGURES}
    drawn = epoch.drawn.tolist() if split == "train" else None
    return {**lists, "drawn": drawn, "confusion": figures.confusion.tolist()}


def _save(
    connection: Connection,
    artifacts: Artifacts,
    run_id: int,
    kind: str,
    epoch: int,
    best_epoch: int | None,
    content: bytes | Kept,
) -> None:
    """Store one state of a run in the place of any other: it is the newest, or the only one still needed."""
    stored = artifacts.columns(content)
    replaced = delete(Checkpoint).where(Checkpoint.run_id == run_id).returning(Checkpoint.artifact)
    artifacts.doubt(name for name in connection.scalars(replaced) if name)
    row = {"run_id": run_id, "kind": kind, "epoch": epoch, "best_epoch": best_epoch}
    connection.execute(insert(Checkpoint).values(**row, **stored, created_at=now()))
