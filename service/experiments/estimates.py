"""Estimate the duration of a run from the pace of similar recent runs on this service."""

import math
from statistics import median
from typing import Any

from sqlalchemy import Connection, Row, select

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
    facts = plan.facts()
    typical = typical_seconds(plan.spec, facts)
    step = math.log(typical / max(1, facts["steps"]))  # a solver takes none
    paces = sorted(_pace(row, step) for row in _latest_runs(connection))
    return typical * (median(pace for _, pace in paces[:NEAREST]) if paces else 1.0)


def _latest_runs(connection: Connection) -> list[Row[Any]]:
    columns = (Run.training_seconds, Run.epoch, Run.epochs, Experiment.spec, Experiment.plan)
    chosen = select(*columns).join(Experiment, Experiment.id == Run.experiment_id)
    chosen = chosen.where(Run.epoch > 0, Run.training_seconds > 0)
    return list(connection.execute(chosen.order_by(Run.id.desc()).limit(LATEST)))


def _pace(run: Row[Any], step: float) -> tuple[float, float]:
    """The distance of its step from one of `step` log seconds, and its duration as a multiple of the typical one."""
    typical = typical_seconds(ExperimentSpec.model_validate(run.spec), run.plan)
    distance = abs(math.log(typical / max(1, run.plan["steps"])) - step)
    return distance, run.training_seconds / (typical * run.epoch / run.epochs)
