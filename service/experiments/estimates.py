"""Estimate the duration of a run from the pace of similar recent runs on this service."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from sqlalchemy import Connection, Row, select

from service.store.engine.row_limits import fixed_limit
from service.store.tables import Experiment, Run
from workers.cost_model import typical_seconds
from workers.plan import Plan
from workers.spec import ExperimentSpec

LATEST = 50
"""How many recent runs are considered."""
NEAREST = 5
"""How many of them count: those whose steps are most similar in work."""


def estimated_seconds(connection: Connection, plan: Plan) -> float:
    """The seconds of one run on one core that is not stopped early. Before any run, a typical processor counts."""
    return estimates(connection, [plan])[0]


def estimates(connection: Connection, plans: Sequence[Plan]) -> list[float]:
    """The same of several plans."""
    latest = [_pace(run) for run in _latest_runs(connection)]
    return [_estimate(plan, latest) for plan in plans]


def _estimate(plan: Plan, latest: Sequence[tuple[float, float]]) -> float:
    facts = plan.facts()
    typical = typical_seconds(plan.spec, facts)
    step = _log_step(typical, facts["steps"])
    paces = sorted((abs(of_run - step), pace) for of_run, pace in latest)
    return typical * (median(pace for _, pace in paces[:NEAREST]) if paces else 1.0)


def _latest_runs(connection: Connection) -> list[Row[Any]]:
    columns = (Run.training_seconds, Run.epoch, Run.epochs, Experiment.spec, Experiment.plan)
    chosen = select(*columns).join(Experiment, Experiment.id == Run.experiment_id)
    chosen = chosen.where(Run.epoch > 0, Run.training_seconds > 0)
    return list(connection.execute(chosen.order_by(Run.id.desc()).limit(fixed_limit(LATEST))))


def _pace(run: Row[Any]) -> tuple[float, float]:
    """The log seconds of its step on a typical processor, and its duration as a multiple of the typical one."""
    typical = typical_seconds(ExperimentSpec.model_validate(run.spec), run.plan)
    pace = run.training_seconds / (typical * run.epoch / run.epochs)
    return _log_step(typical, run.plan["steps"]), pace


def _log_step(seconds: float, steps: int) -> float:
    return math.log(seconds / max(1, steps))  # a solver takes none
