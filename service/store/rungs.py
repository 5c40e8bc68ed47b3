"""The rungs of successive halving: once all candidates of a bracket have reached one, the best go on, the others end.

An agent decides in the transaction in which it writes its runs. The row of the sweep is locked first, so that of two
agents one decides, and the other finds nothing to do.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, select, true
from sqlalchemy.exc import SQLAlchemyError

from service.store import queue
from service.store.engine.row_limits import ONE
from service.store.spec_facts import selection_metric
from service.store.tables import ACTIVE_STATUSES, EpochMetrics, Experiment, Run, Sweep
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric
from workers.sweeps.request import SweepRequest
from workers.sweeps.strategies import Bracket, HalvingStrategy

log = logging.getLogger("holdout.sweeps")

IS_HELD = (Run.status == "queued") & (Run.held == true())
SOME_HELD = select(Run.id).where(Run.status == "queued", Run.held == true()).limit(ONE)
SWEEPS_WITH_HELD = (
    select(Experiment.sweep_id).join(Run, Run.experiment_id == Experiment.id).where(IS_HELD).distinct()
)
STILL_TRAINING = exists().where(Run.experiment_id == Experiment.id, Run.status.in_(ACTIVE_STATUSES), ~IS_HELD)
"""Built once: to build a statement takes longer than to execute it on SQLite."""


class HeldCandidate(NamedTuple):
    """A candidate with held runs, and the epoch at which these are."""

    experiment_id: int
    epoch: int


def decide(connection: Connection) -> None:
    """Decide the rungs of brackets whose candidates have all reached theirs. Without held runs, this only reads."""
    if connection.execute(SOME_HELD).first() is None:
        return
    for sweep_id in sorted(id_ for id_ in connection.scalars(SWEEPS_WITH_HELD) if id_ is not None):
        locked = select(Sweep).where(Sweep.id == sweep_id).with_for_update()
        sweep = connection.execute(locked).one_or_none()
        if sweep is not None:
            _decide_or_end(connection, sweep)


def _decide_or_end(connection: Connection, sweep: Any) -> None:
    """Decide a sweep. One that cannot be decided is ended, and logged: it holds up no other, nor any other run."""
    try:
        with connection.begin_nested():
            _decide_sweep(connection, sweep)
    except SQLAlchemyError:
        raise
    except Exception:
        log.exception(
            "nothing says which candidates of sweep %s go on: those that wait are cancelled", sweep.id
        )
        queue.request_cancel(
            connection, *sorted(each.experiment_id for each in _held(connection, sweep.id).values())
        )


def _decide_sweep(connection: Connection, sweep: Any) -> None:
    training = select(Experiment.candidate).where(Experiment.sweep_id == sweep.id, STILL_TRAINING)
    still, held = set(connection.scalars(training)), _held(connection, sweep.id)
    request = SweepRequest.model_validate(sweep.request)
    if not held or not isinstance(request.strategy, HalvingStrategy):
        return
    metric = _ranking_metric(connection, sweep, min(each.experiment_id for each in held.values()))
    sign = 1 if BY_NAME[metric].direction == "max" else -1
    values: dict[int, float] = {}
    for bracket in request.strategy.brackets(request.spec.training.epochs, sweep.asked):
        mine = {number: each for number, each in held.items() if number in bracket.numbers}
        if mine and not any(number in bracket.numbers for number in still):
            values = values or _values(connection, sweep.id, metric)
            scores = {number: sign * values[number] for number in values if number in bracket.numbers}
            _decide(connection, request.strategy, bracket, mine, scores)


def _ranking_metric(connection: Connection, sweep: Any, experiment_id: int) -> SelectionMetric:
    """That of the base spec; that of a candidate if an earlier version has stored the base spec without its task."""
    if sweep.request["spec"].get("task") is not None:
        return selection_metric(sweep.request["spec"])
    spec = select(Experiment.spec).where(Experiment.id == experiment_id)
    return selection_metric(connection.execute(spec).scalar_one())


def _decide(
    connection: Connection,
    strategy: HalvingStrategy,
    bracket: Bracket,
    held: Mapping[int, HeldCandidate],
    scores: Mapping[int, float],
) -> None:
    """Let the best of a bracket go on, and end the others. scores: a larger one is better."""
    # A candidate that has stopped early competes with its best epoch; a failed one does not.
    ranked = sorted(scores, key=lambda each: (-scores[each], each))
    going_on = set(ranked[: strategy.survivors(len(ranked))])
    rung = max(each.epoch for each in held.values())
    following = [each for each in bracket.rungs if each > rung]
    best = sorted(each.experiment_id for number, each in held.items() if number in going_on)
    queue.let_go_on(connection, best, following[0] if following else None)
    if ended := sorted(each.experiment_id for number, each in held.items() if number not in going_on):
        queue.request_cancel(connection, *ended)


def _held(connection: Connection, sweep_id: int) -> dict[int, HeldCandidate]:
    """The candidates with held runs, by their numbers."""
    mine = select(Experiment.candidate, Experiment.id, Run.until_epoch)
    mine = mine.join(Run, Run.experiment_id == Experiment.id)
    found = connection.execute(mine.where(Experiment.sweep_id == sweep_id, IS_HELD))
    return {row.candidate: HeldCandidate(row.id, row.until_epoch or 0) for row in found}


def _values(connection: Connection, sweep_id: int, metric: str) -> dict[int, float]:
    """The mean over the runs of a metric at their best epochs, of each candidate that is not out, by its number.

    Left out is one of which no run has a value: not every metric has one on all rows.
    """
    chosen = (
        select(Experiment.candidate, getattr(EpochMetrics, metric).label("value"))
        .join(Run, Run.experiment_id == Experiment.id)
        .join(EpochMetrics, (EpochMetrics.run_id == Run.id) & (EpochMetrics.epoch == Run.best_epoch))
        .where(Experiment.sweep_id == sweep_id, EpochMetrics.split == "validation")
        .where(IS_HELD | (Run.status == "succeeded"))
    )
    values: dict[int, list[float]] = defaultdict(list)
    for row in connection.execute(chosen):
        if row.value is not None:
            values[row.candidate].append(row.value)
    return {number: fmean(each) for number, each in values.items()}
