"""Read the results of the candidates of a sweep that have succeeded, in three queries."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, select

from service.store.epochs.selected_epoch_reader import IS_SELECTED, FiguresByRun
from service.store.run_keys import BY_KEY, RunKey
from service.store.tables import Checkpoint, EpochClasses, EpochMetrics, Experiment, Rows, Run

OF_SWEEP = and_(Experiment.sweep_id == bindparam("sweep"), Experiment.status == "succeeded")
EXPERIMENT_COLUMNS: list[Any] = [
    Experiment.id,
    Experiment.candidate,
    Experiment.swept,
    Experiment.name,
    Experiment.status,
    Experiment.spec,
    Experiment.plan,
]
EXPERIMENTS = select(*EXPERIMENT_COLUMNS).where(OF_SWEEP).order_by(Experiment.candidate)


def _of_runs(*columns: Any) -> Select[Any]:
    chosen: Select[Any] = select(Run.experiment_id, *BY_KEY, *columns)
    return chosen.join(Experiment, Experiment.id == Run.experiment_id).where(OF_SWEEP)


FIGURES = (
    _of_runs(
        Run.training_seconds,
        EpochMetrics.__table__,
        EpochClasses.__table__.c.accuracy.label("class_accuracy"),
    )
    .join(EpochMetrics, IS_SELECTED)
    .join(
        EpochClasses,
        and_(
            EpochClasses.run_id == EpochMetrics.run_id,
            EpochClasses.epoch == EpochMetrics.epoch,
            EpochClasses.split == EpochMetrics.split,
        ),
    )
    .where(EpochMetrics.split != "train")
    .order_by(Run.experiment_id, *BY_KEY, EpochMetrics.split)
)
ROW_RESULTS = (
    _of_runs(Run.id, Run.status, Run.best_epoch, Checkpoint.sha256)
    .join(Checkpoint, and_(Checkpoint.run_id == Run.id, Checkpoint.kind == "row_results"))
    .order_by(Run.experiment_id, *BY_KEY)
)
VERSION = (
    select(
        func.count(),
        func.coalesce(func.sum(Run.id), 0),
        func.coalesce(func.sum(Run.attempt), 0),
        func.max(Run.finished_at),
    )
    .join(Experiment, Experiment.id == Run.experiment_id)
    .where(OF_SWEEP)
)
"""Built once: to build a statement takes longer than to execute it on SQLite."""


@dataclass(frozen=True, eq=False)
class SweepResults:
    """The candidates that have succeeded, in their order, with the figures of each run at its selected epoch.

    The figures of a cross-validation are those of its evaluation parts. row_results: of each run that kept some.
    """

    experiments: Rows
    figures: Mapping[int, FiguresByRun]
    row_results: Mapping[int, FiguresByRun]


def version(connection: Connection, sweep_id: int) -> tuple[Any, ...]:
    """What changes whenever another candidate has succeeded, or one is retried or deleted."""
    return tuple(connection.execute(VERSION, {"sweep": sweep_id}).one())


def results(connection: Connection, sweep_id: int) -> SweepResults:
    """The results of the candidates of a sweep that have succeeded."""
    mine = {"sweep": sweep_id}
    experiments = connection.execute(EXPERIMENTS, mine).all()
    return SweepResults(
        experiments,
        _by_run(connection.execute(FIGURES, mine)),
        _by_run(connection.execute(ROW_RESULTS, mine)),
    )


def _by_run(rows: Any) -> dict[int, FiguresByRun]:
    """The first row of each run; the evaluation part comes before validation."""
    found: dict[int, dict[RunKey, Row[Any]]] = defaultdict(dict)
    for row in rows:
        found[row.experiment_id].setdefault(RunKey.of(row), row)
    return found
