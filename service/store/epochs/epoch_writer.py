"""Write what a worker reports of its run: an epoch adds two rows per part, a checkpoint replaces the last one.

The caller has renewed the lease of the run in the same transaction, so an agent without the lease writes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def record_epochs(connection: Connection, run_id: int, epochs: Sequence[Epoch], *, stored: int = 0) -> None:
    """Store the figures of consecutive epochs on both parts. Those up to `stored` are there already, and skipped.

    That happens if a commit succeeded but its confirmation was lost, so that the agent writes the events again.
    """
    new = [epoch for epoch in epochs if epoch.number > stored]
    if not new:
        return
    parts = list(_parts(new))
    _add(connection, run_id, parts)
    progress = {"last": new[-1].number, "best": new[-1].best_epoch}
    seconds = sum(epoch.seconds for epoch in new)
    connection.execute(PROGRESS, {"run": run_id, **progress, "seconds": seconds})


def record_evaluation(connection: Connection, run_id: int, epoch: int, evaluation: Evaluation) -> None:
    """Store the figures of a run on its evaluation part, at its selected epoch."""
    _add(connection, run_id, [PartFigures(epoch, "evaluation", evaluation)])


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


def _add(connection: Connection, run_id: int, parts: Sequence[PartFigures]) -> None:
    """Add a row of `EpochMetrics` and one of `EpochClasses` for each part."""
    key: dict[str, list[Any]] = {
        "run_id": [run_id] * len(parts),
        "epoch": [part.epoch for part in parts],
        "split": [part.split for part in parts],
    }
    ADD_METRICS.execute(connection, key | _metrics(parts))
    ADD_CLASSES.execute(connection, key | _classes(parts))


def _metrics(parts: Sequence[PartFigures]) -> dict[str, list[Any]]:
    """The columns of `EpochMetrics`."""
    return {
        "rows": [part.evaluation.rows for part in parts],
        **{name: [part.evaluation.metrics[name] for part in parts] for name in BY_NAME},
        **{name: [getattr(part.training, name, None) for part in parts] for name in OF_TRAINING},
    }


def _classes(parts: Sequence[PartFigures]) -> dict[str, list[Any]]:
    """The columns of `EpochClasses`: the metrics of each class, or of a regression of each bin."""
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
