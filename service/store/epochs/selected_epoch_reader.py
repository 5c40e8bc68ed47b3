"""Read the figures of each run at its selected epoch: on validation, or on the evaluation part of its fold."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, select

from service.store.run_keys import BY_KEY, RunKey
from service.store.tables import EpochClasses, EpochMetrics, Rows, Run

FiguresByRun = dict[RunKey, Row[Any]]


def selected_epochs(connection: Connection, experiment_id: int, part: str) -> Rows:
    """The figures of each run on a part at its selected epoch, and its classes, by repeat, fold and seed."""
    return connection.execute(SELECTED_EPOCHS, {"id": experiment_id, "part": part}).all()


def slopes(connection: Connection, experiment_id: int) -> Rows:
    """The `gradient_norm` of each run at its selected epoch: what a solver left of the slope."""
    return connection.execute(SLOPES, {"id": experiment_id}).all()


def succeeded_runs(connection: Connection, ids: Collection[int]) -> dict[int, FiguresByRun]:
    """The metrics of each run that has succeeded, by experiment. Experiments without such a run are left out.

    Only a cross-validation has an evaluation part; its figures take precedence over those of validation.
    """
    columns: Select[Any] = select(Run.experiment_id, *BY_KEY, EpochMetrics.__table__)
    chosen = columns.join(EpochMetrics, IS_SELECTED).where(
        Run.experiment_id.in_(ids), Run.status == "succeeded", EpochMetrics.split != "train"
    )
    figures: dict[int, FiguresByRun] = defaultdict(dict)
    for row in connection.execute(chosen.order_by(*BY_KEY, EpochMetrics.split)):
        figures[row.experiment_id].setdefault(RunKey.of(row), row)
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
        *BY_KEY,
        Run.status,
        EpochMetrics,
        of_classes.support,
        of_classes.accuracy.label("class_accuracy"),
        of_classes.precision.label("class_precision"),
        of_classes.mae.label("class_mae"),
    )
    chosen = (
        figures.join(EpochMetrics, IS_SELECTED)
        .join(EpochClasses, same_row)
        .where(Run.experiment_id == bindparam("id"), EpochMetrics.split == bindparam("part"))
    )
    return chosen.order_by(*BY_KEY)


OF_SLOPES: list[Any] = [*BY_KEY, EpochMetrics.gradient_norm]
SLOPES = (
    select(*OF_SLOPES)
    .join(EpochMetrics, IS_SELECTED)
    .where(Run.experiment_id == bindparam("id"), EpochMetrics.split == "train")
    .order_by(*BY_KEY)
)
SELECTED_EPOCHS = _selected_epochs()
"""Built once: to build a statement takes longer than to execute it on SQLite."""
