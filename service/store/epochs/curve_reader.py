"""Read the curve of a metric over the epochs of all runs of an experiment, in a bounded number of points.

The database averages: of a long experiment with many seeds, no more rows are read than a chart has points.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from service.store.epochs.epoch_reader import SPLITS
from service.store.run_keys import RunFilter
from service.store.status_reader import ExperimentState
from service.store.tables import EpochMetrics, Run
from workers.lru_cache import LruCache

CACHED, IDLE_SECONDS = 20, 120.0


class AveragedEpochs(NamedTuple):
    """A metric on one part at an epoch, or at a few beside each other: its mean over all runs, least and largest."""

    split: str
    epoch: float
    mean: float
    low: float
    high: float


class CurveReader:
    """Reads curves, and keeps the last ones: to read 5,000 epochs of 8 seeds takes ten times as long as to draw them,
    and a chart is drawn in other widths and colours, as SVG and in pixels.
    """

    def __init__(self) -> None:
        self._read: LruCache[tuple[object, ...], Sequence[AveragedEpochs]] = LruCache(
            CACHED, idle_seconds=IDLE_SECONDS
        )

    def read(
        self,
        connection: Connection,
        experiment_id: int,
        state: ExperimentState,
        metric: str,
        runs: RunFilter,
        *,
        points: int,
    ) -> Sequence[AveragedEpochs]:
        """The same as `read_curve`. state: of the experiment, in the same transaction."""
        key = (experiment_id, state, metric, runs, points)
        if (known := self._read.get(key)) is not None:
            return known
        found = read_curve(connection, experiment_id, metric, runs, points=points)
        self._read.put(key, found)
        return found

    def drop_idle(self) -> bool:
        """Drop curves that were not used for long. Returns whether there were any."""
        return self._read.drop_idle()


def read_curve(
    connection: Connection, experiment_id: int, metric: str, runs: RunFilter, *, points: int
) -> Sequence[AveragedEpochs]:
    """At most `points` points for training and for validation. Epochs without a value are left out."""
    column = getattr(EpochMetrics, metric)
    mine = (Run.experiment_id == experiment_id, *runs.conditions())
    last = connection.scalar(select(func.max(Run.epoch)).where(*mine)) or 0
    at_a_time = -(-last // points) or 1
    stretch = (EpochMetrics.epoch - 1) // at_a_time
    chosen = (
        select(
            EpochMetrics.split,
            func.avg(EpochMetrics.epoch),
            func.avg(column),
            func.min(column),
            func.max(column),
        )
        .join(Run, EpochMetrics.run_id == Run.id)
        .where(*mine, EpochMetrics.split.in_(SPLITS), column.is_not(None))
        .group_by(EpochMetrics.split, stretch)
        .order_by(EpochMetrics.split, func.avg(EpochMetrics.epoch))
    )
    return [
        AveragedEpochs(split, float(epoch), *map(float, figures))
        for split, epoch, *figures in connection.execute(chosen)
    ]
