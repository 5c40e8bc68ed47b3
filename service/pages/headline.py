"""The one figure of an experiment that a list shows: the metric that selects epochs, beside the best baseline."""

import math
from dataclasses import dataclass
from typing import Any

from workers.evaluation.metrics import BY_NAME


@dataclass(frozen=True)
class Headline:
    """low, high: the interval, once the experiment has ended. baseline: the name of the best one, and its value.

    direction: `max` if larger values are better.
    """

    metric: str
    mean: float
    low: float | None
    high: float | None
    baseline: str | None
    level: float | None
    direction: str

    @property
    def verdict(self) -> str | None:
        """How the interval lies to the best baseline, in words; None without either."""
        if self.low is None or self.high is None or self.level is None:
            return None
        beyond, short_of = self.low > self.level, self.high < self.level
        if self.direction != "max":
            beyond, short_of = short_of, beyond
        return "better than" if beyond else "worse than" if short_of else "not clearly better than"

    @property
    def has_scale(self) -> bool:
        """Whether the metric has a least and a largest value, so that it can be drawn between them."""
        metric = BY_NAME.get(self.metric)
        return metric is not None and math.isfinite(metric.highest - metric.lowest)

    def place(self, value: float) -> float:
        """Where a value lies in the range of the metric, from 0 to 100."""
        metric = BY_NAME[self.metric]
        share = (value - metric.lowest) / (metric.highest - metric.lowest)
        return round(100 * min(max(share, 0.0), 1.0), 1)


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
    return Headline(metric, estimate["mean"], estimate["low"], estimate["high"], best[1], best[0], direction)


def lowest_class(experiment: dict[str, Any]) -> dict[str, Any] | None:
    """The class that the models know least, as the API returns it; None of a regression, or before an epoch."""
    if not experiment["summary"] or experiment["plan"]["task"] == "regression":
        return None
    known = [each for each in experiment["summary"]["classes"] if each["accuracy"] is not None]
    return min(known, key=lambda each: float(each["accuracy"])) if known else None


def _value(baseline: dict[str, Any], metric: str) -> float | None:
    value: float | None = (baseline["metrics"] or {}).get(metric)
    return value
