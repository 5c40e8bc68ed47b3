"""Turns the batches of a monitor into the figure of its chart."""

import math
from collections.abc import Sequence

from service.charts.monitor import HIGHEST, BatchPoint, MonitorFigure
from service.schemas.monitors import Monitor, MonitorBatch


def monitor_figure(monitor: Monitor, batches: Sequence[MonitorBatch]) -> MonitorFigure:
    """batches: the oldest first."""
    state = "quiet" if monitor.first_alarm is None else f"alarm at batch {monitor.first_alarm}"
    return MonitorFigure(
        title=monitor.name,
        subtitle=f"monitor {monitor.id} of experiment {monitor.experiment_id}, {monitor.batches:,} batches: {state}; "
        "1 raises an alarm, on a logarithmic scale",
        batches=[_point(each, monitor.threshold) for each in batches],
    )


def _point(batch: MonitorBatch, threshold: float) -> BatchPoint:
    by_validation = math.log(max(batch.p_value, 1e-300)) / math.log(batch.level)
    by_before = math.log(max(batch.evidence, 1e-300)) / math.log(threshold)
    closeness = [min(HIGHEST, max(0.0, each)) for each in (by_validation, by_before)]
    return BatchPoint(batch.number, (closeness[0], closeness[1]), bool(batch.alarms))
