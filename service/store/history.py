"""What a run's worker reports, into the tables: an epoch is two rows a part, a checkpoint replaces the last.

The caller has extended the run's lease in the same transaction: who holds none writes nothing.
"""

import hashlib
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from service.store.database import now
from service.store.tables import Checkpoint, EpochClasses, EpochMetrics, Experiment, Run
from workers.evaluation.metrics import Evaluation
from workers.process import CheckpointTaken, Succeeded
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
CLASS_FIGURES = ("support", "accuracy", "precision", "f1")
""" ... and those of `EpochClasses`."""


def record_epoch(connection: Connection, run_id: int, epoch: Epoch) -> None:
    """Store the figures of an epoch, of both parts."""
    training = {"learning_rate": epoch.learning_rate, "gradient_norm": epoch.gradient_norm}
    _record(connection, run_id, epoch.number, "train", epoch.training, **training, seconds=epoch.seconds)
    _record(connection, run_id, epoch.number, "validation", epoch.validation)
    progress = update(Run).where(Run.id == run_id).values(epoch=epoch.number)
    progress = progress.values(training_seconds=Run.training_seconds + epoch.seconds)
    connection.execute(progress.values(best_epoch=epoch.best_epoch))


def rewind(connection: Connection, run_id: int) -> bytes | None:
    """Forget the epochs that the newest checkpoint does not include, so that none shows twice; the checkpoint."""
    newest = select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.kind == "newest")
    checkpoint = connection.execute(newest).first()
    epoch, best_epoch = (checkpoint.epoch, checkpoint.best_epoch) if checkpoint else (0, None)
    for table in (EpochMetrics, EpochClasses):
        connection.execute(delete(table).where(table.run_id == run_id, table.epoch > epoch))
    rewound = update(Run).where(Run.id == run_id).values(epoch=epoch, best_epoch=best_epoch)
    connection.execute(rewound)
    return checkpoint.content if checkpoint else None


def save_checkpoint(connection: Connection, run_id: int, taken: CheckpointTaken) -> None:
    """Keep the newest state of a run, instead of the one before."""
    _save(connection, run_id, "newest", taken.epoch, taken.best_epoch, taken.content)


def save_model(connection: Connection, run_id: int, ended: Succeeded) -> None:
    """Keep the weights of the best epoch of a run that is over; its newest state is not needed any more."""
    connection.execute(delete(Checkpoint).where(Checkpoint.run_id == run_id))
    _save(connection, run_id, "model", ended.best_epoch, ended.best_epoch, ended.model)


def save_baselines(connection: Connection, experiment_id: int, baselines: list[Any]) -> None:
    """Keep the baselines of an experiment: they follow from its data, and are the same for each of its runs."""
    missing = Experiment.baselines.is_(None)
    kept = update(Experiment).where(Experiment.id == experiment_id, missing).values(baselines=baselines)
    connection.execute(kept)


def _record(
    connection: Connection, run_id: int, epoch: int, split: str, figures: Evaluation, **more: float
) -> None:
    key = {"run_id": run_id, "epoch": epoch, "split": split}
    metrics = {name: getattr(figures, name) for name in METRICS}
    connection.execute(insert(EpochMetrics).values(**key, **metrics, **more, recorded_at=now()))
    classes = figures.per_class()
    lists = {name: [getattr(each, name) for each in classes] for name in CLASS_FIGURES}
    confusion = figures.confusion.tolist()
    connection.execute(insert(EpochClasses).values(**key, **lists, confusion=confusion))


def _save(
    connection: Connection, run_id: int, kind: str, epoch: int, best_epoch: int | None, content: bytes
) -> None:
    connection.execute(delete(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.kind == kind))
    digest = hashlib.sha256(content).hexdigest()
    row = {"run_id": run_id, "kind": kind, "epoch": epoch, "best_epoch": best_epoch}
    connection.execute(insert(Checkpoint).values(**row, sha256=digest, content=content, created_at=now()))
