"""What the seeds of experiments came to: the validation figures of each at its selected epoch."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select

from service.store.tables import EpochMetrics, Experiment, Run

Figures = dict[int, dict[int, Row[Any]]]
"""By experiment, then by seed."""


def experiments(connection: Connection, ids: Collection[int]) -> dict[int, Row[Any]]:
    """The rows of those of the experiments that are there."""
    chosen = select(Experiment).where(Experiment.id.in_(ids))
    return {row.id: row for row in connection.execute(chosen)}


def selected_figures(connection: Connection, ids: Collection[int]) -> Figures:
    """Of each seed that has succeeded; of an experiment without one, nothing."""
    its_best = and_(EpochMetrics.run_id == Run.id, EpochMetrics.epoch == Run.best_epoch)
    columns: Select[Any] = select(Run.experiment_id, Run.seed, EpochMetrics.__table__)
    chosen = columns.join(EpochMetrics, its_best).where(
        Run.experiment_id.in_(ids), Run.status == "succeeded", EpochMetrics.split == "validation"
    )
    figures: Figures = defaultdict(dict)
    for row in connection.execute(chosen.order_by(Run.seed)):
        figures[row.experiment_id][row.seed] = row
    return figures
