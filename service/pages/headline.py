"""The one figure of an experiment that a list shows: the metric that selects epochs, beside the best baseline."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Headline:
    """low, high: the interval, once the experiment has ended. baseline: the name of the best one, and its value."""

    metric: str
    mean: float
    low: float | None
    high: float | None
    baseline: str | None
    level: float | None


def headline(experiment: dict[str, Any]) -> Headline | None:
    """The headline of an experiment as the API returns it; None before its first epoch."""
    summary = experiment["summary"]
    if not summary:
        return None
    metric, direction = summary["selection"]["metric"], summary["selection"]["direction"]
    estimate = summary["metrics"].get(metric)
    if not estimate:
        return None
    levels = [
        (value, each["name"]) for each in summary["baselines"] if (value := _value(each, metric)) is not None
    ]
    best = (max if direction == "max" else min)(levels) if levels else (None, None)
    return Headline(metric, estimate["mean"], estimate["low"], estimate["high"], best[1], best[0])


def _value(baseline: dict[str, Any], metric: str) -> float | None:
    value: float | None = (baseline["metrics"] or {}).get(metric)
    return value
