"""The rungs of successive halving: once all candidates of a sweep have reached one, the best go on, the others end.

An agent decides in the transaction in which it writes its runs. The row of the sweep is locked first, so that of two
agents one decides, and the other finds nothing to do.
"""

from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from sqlalchemy import Connection, exists, select, true

from service.store import queue
from service.store.spec_facts import selection_metric
from service.store.tables import ACTIVE_STATUSES, EpochMetrics, Experiment, Run, Sweep
from workers.evaluation.metrics import BY_NAME
from workers.sweeps.request import SweepRequest
from workers.sweeps.strategies import SuccessiveHalving

IS_HELD = (Run.status == "queued") & (Run.held == true())
SOME_HELD = select(Run.id).where(Run.status == "queued", Run.held == true()).limit(1)
SWEEPS_WITH_HELD = (
    select(Experiment.sweep_id).join(Run, Run.experiment_id == Experiment.id).where(IS_HELD).distinct()
)
STILL_TRAINING = exists().where(Run.experiment_id == Experiment.id, Run.status.in_(ACTIVE_STATUSES), ~IS_HELD)
"""Built once: to build a statement takes longer than to execute it on SQLite."""


def decide(connection: Connection) -> None:
    """Decide the rungs of each sweep whose candidates have all reached theirs. Without held runs, this only reads."""
    if connection.execute(SOME_HELD).first() is None:
        return
    for sweep_id in sorted(id_ for id_ in connection.scalars(SWEEPS_WITH_HELD) if id_ is not None):
        locked = select(Sweep).where(Sweep.id == sweep_id).with_for_update()
        sweep = connection.execute(locked).one_or_none()
        training = select(Experiment.id).where(Experiment.sweep_id == sweep_id, STILL_TRAINING).limit(1)
        if sweep is not None and connection.execute(training).first() is None:
            _decide(connection, sweep)


def _decide(connection: Connection, sweep: Any) -> None:
    request = SweepRequest.model_validate(sweep.request)
    held = _held(connection, sweep.id)
    if not held or not isinstance(request.strategy, SuccessiveHalving):
        return
    metric = selection_metric(sweep.request["spec"])
    values, sign = _values(connection, sweep.id, metric), 1 if BY_NAME[metric].direction == "max" else -1
    # A candidate that has stopped early competes with its best epoch; a failed one does not.
    ranked = sorted(values, key=lambda each: (-sign * values[each], each))
    going_on = set(ranked[: request.strategy.survivors(len(ranked))])
    rung = max(held.values())
    following = [each for each in _rungs(request, connection, sweep.id) if each > rung]
    queue.let_go_on(connection, sorted(going_on & held.keys()), following[0] if following else None)
    if ended := sorted(held.keys() - going_on):
        queue.request_cancel(connection, *ended)


def _rungs(request: SweepRequest, connection: Connection, sweep_id: int) -> list[int]:
    ids = connection.scalars(select(Experiment.id).where(Experiment.sweep_id == sweep_id)).all()
    return list(request.strategy.rungs(request.spec.training.epochs, len(ids)))


def _held(connection: Connection, sweep_id: int) -> Mapping[int, int]:
    """The experiments with held runs, and the epoch at which these are."""
    mine = select(Experiment.id, Run.until_epoch).join(Run, Run.experiment_id == Experiment.id)
    found = connection.execute(mine.where(Experiment.sweep_id == sweep_id, IS_HELD))
    return {row.id: row.until_epoch or 0 for row in found}


def _values(connection: Connection, sweep_id: int, metric: str) -> dict[int, float]:
    """The mean over the runs of a metric at their best epochs, of each candidate that is not out."""
    chosen = (
        select(Experiment.id, getattr(EpochMetrics, metric).label("value"))
        .join(Run, Run.experiment_id == Experiment.id)
        .join(EpochMetrics, (EpochMetrics.run_id == Run.id) & (EpochMetrics.epoch == Run.best_epoch))
        .where(Experiment.sweep_id == sweep_id, EpochMetrics.split == "validation")
        .where(IS_HELD | (Run.status == "succeeded"))
    )
    values: dict[int, list[float]] = defaultdict(list)
    for row in connection.execute(chosen):
        values[row.id].append(row.value)
    return {id_: fmean(each) for id_, each in values.items()}
