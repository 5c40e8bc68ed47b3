"""Read the validation figures of each seed at its selected epoch."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, select

from service.store.tables import EpochClasses, EpochMetrics, Rows, Run

FiguresBySeed = dict[int, Row[Any]]


def selected_epochs(connection: Connection, experiment_id: int) -> Rows:
    """The figures of each seed that has selected an epoch, those of the classes included, by seed."""
    return connection.execute(SELECTED_EPOCHS, {"id": experiment_id}).all()


def succeeded_seeds(connection: Connection, ids: Collection[int]) -> dict[int, FiguresBySeed]:
    """The metrics of each seed that has succeeded, by experiment. Experiments without such a seed are left out."""
    columns: Select[Any] = select(Run.experiment_id, Run.seed, EpochMetrics.__table__)
    chosen = columns.join(EpochMetrics, IS_SELECTED).where(
        Run.experiment_id.in_(ids), Run.status == "succeeded", EpochMetrics.split == "validation"
    )
    figures: dict[int, FiguresBySeed] = defaultdict(dict)
    for row in connection.execute(chosen.order_by(Run.seed)):
        figures[row.experiment_id][row.seed] = row
    return figures


IS_SELECTED = and_(EpochMetrics.run_id == Run.id, EpochMetrics.epoch == Run.best_epoch)


def _selected_epochs() -> Select[Any]:
    same_row = and_(
        EpochClasses.run_id == EpochMetrics.run_id,
        EpochClasses.epoch == EpochMetrics.epoch,
        EpochClasses.split == EpochMetrics.split,
    )
    of_classes = EpochClasses.__table__.c
    figures: Select[Any] = select(
        Run.seed,
        Run.status,
        EpochMetrics,
        of_classes.support,
        of_classes.accuracy.label("class_accuracy"),
        of_classes.precision.label("class_precision"),
    )
    chosen = (
        figures.join(EpochMetrics, IS_SELECTED)
        .join(EpochClasses, same_row)
        .where(Run.experiment_id == bindparam("id"), EpochMetrics.split == "validation")
    )
    return chosen.order_by(Run.seed)


SELECTED_EPOCHS = _selected_epochs()
"""Built once: to build the statement takes longer than to execute it on SQLite."""
