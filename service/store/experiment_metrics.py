"""The means by which lists sort and filter experiments: written in the transaction that ends an experiment."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from statistics import fmean
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, and_, bindparam, insert, select, update

from service.store.engine.bulk_insert import BulkInsert
from service.store.spec_facts import measured_part
from service.store.tables import EpochMetrics, Experiment, ExperimentMetrics, Run
from workers.evaluation.metrics import SUMMARISED

NAMES = tuple(metric.name for metric in SUMMARISED)
THESE: BindParameter[Any] = bindparam("experiments", expanding=True)


def _figures() -> Select[Any]:
    """The metrics of the runs of experiments at their selected epochs, failed runs left out."""
    metrics = [getattr(EpochMetrics, name) for name in NAMES]
    selected = and_(EpochMetrics.run_id == Run.id, EpochMetrics.epoch == Run.best_epoch)
    columns: Select[Any] = select(Run.experiment_id, Run.repeat, Run.fold, EpochMetrics.split, *metrics)
    chosen = columns.join(EpochMetrics, selected).where(Run.experiment_id.in_(THESE))
    return chosen.where(Run.status != "failed", EpochMetrics.split != "train").order_by(Run.id)


ADD = BulkInsert(insert(ExperimentMetrics), ["experiment_id"])
FIGURES = _figures()
SPECS = select(Experiment.id, Experiment.spec).where(Experiment.id.in_(THESE))
METRICS = select(ExperimentMetrics).where(ExperimentMetrics.experiment_id.in_(THESE))
STORE = update(ExperimentMetrics).where(ExperimentMetrics.experiment_id == bindparam("experiment"))
STORE = STORE.values({name: bindparam(f"mean_{name}") for name in NAMES})
CLEAR = update(ExperimentMetrics).where(ExperimentMetrics.experiment_id.in_(THESE))
CLEAR = CLEAR.values(dict.fromkeys(NAMES))
"""Built once: to build a statement takes longer than to execute it on SQLite."""


def add(connection: Connection, ids: Iterable[int]) -> None:
    """Add the rows of new experiments. They have no values before the experiments end."""
    ADD.execute(connection, {"experiment_id": list(ids)})


def store(connection: Connection, ids: Collection[int]) -> None:
    """Store the means of experiments that have ended: what their summaries say."""
    if not ids:
        return
    figures: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(FIGURES, {"experiments": list(ids)}):
        figures[row.experiment_id].append(row)
    specs = connection.execute(SPECS, {"experiments": list(figures)}) if figures else ()
    parts = {row.id: measured_part(row.spec) for row in specs}
    for id_, rows in figures.items():
        measured = [row for row in rows if row.split == parts[id_]]
        means = {f"mean_{name}": value for name, value in _means(measured).items()}
        connection.execute(STORE, {"experiment": id_, **means})


def clear(connection: Connection, ids: Collection[int]) -> None:
    """Clear the means of experiments that go on."""
    if ids:
        connection.execute(CLEAR, {"experiments": list(ids)})


def metrics_of(connection: Connection, ids: Collection[int]) -> dict[int, Row[Any]]:
    """The stored means of experiments."""
    return {row.experiment_id: row for row in connection.execute(METRICS, {"experiments": list(ids)})}


def _means(rows: Sequence[Row[Any]]) -> dict[str, float | None]:
    """The mean of each metric over folds, in each of them over seeds; one split is one fold."""
    folds: dict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        folds[row.repeat, row.fold].append(row)
    return {
        name: _mean(_mean(getattr(row, name) for row in fold) for fold in folds.values()) for name in NAMES
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
