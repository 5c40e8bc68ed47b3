"""The curves of several experiments over each other."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from service.charts.curves import Curve, CurvesFigure, Point
from service.experiments.contenders import titles
from service.store.epochs.curve_reader import read_curve
from service.store.run_keys import ALL_RUNS
from service.store.tables import ACTIVE_STATUSES
from workers.evaluation.metrics import range_of
from workers.evaluation.metrics.titles import heading

POINTS = 1200
"""Of all curves together."""
MOST_POINTS = 240
"""Of one curve."""


def compared_curves_figure(
    connection: Connection, experiments: Sequence[Row[Any]], metric: str, split: str
) -> CurvesFigure:
    """A metric of each experiment on a part: the mean over its runs, with a band from the least to the largest."""
    points = min(MOST_POINTS, POINTS // len(experiments))
    named, curves = titles(experiments), []
    for series, each in enumerate(experiments):
        found = read_curve(connection, each.id, metric, ALL_RUNS, points=points)
        own = [Point(p.epoch, p.mean, p.low, p.high) for p in found if p.split == split]
        curves.append(Curve(named[each.id], series, own))
    lowest, highest = range_of(metric)
    runs = [each.plan.get("runs", len(each.spec["seeds"])) for each in experiments]
    part = "training" if split == "train" else split
    return CurvesFigure(
        title=heading(metric),
        subtitle=f"On the {part} part, means over the runs of each experiment",
        metric=metric,
        lowest=lowest,
        highest=highest,
        epochs=max(_planned_epochs(each) for each in experiments),
        runs=max(runs),
        is_same_number=len(set(runs)) == 1,
        curves=curves,
        selected=[],
        levels=[],
    )


def _planned_epochs(experiment: Row[Any]) -> int:
    """How far the axis reaches at least: while an experiment runs, to its last epoch."""
    epochs: int = experiment.spec["training"]["epochs"]
    return epochs if experiment.status in ACTIVE_STATUSES else 1
