"""Compares an experiment with a baseline by the metric that selected its epochs, and says so in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.figure_text import figure_text, significant_text
from service.schemas.summary import Baseline, ClassEstimate, Estimate
from service.store.spec_facts import is_regression, selection_metric
from workers.evaluation.intervals import LEVEL, normal_quantile, wilson
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric
from workers.spec import DEFAULT_METRIC, DEFAULT_METRIC_OF_NUMBERS
from workers.spec_rules import LINEAR_LOSSES

NAMES = {
    "mcc": "MCC",
    "nll": "NLL",
    "brier": "Brier score",
    "auroc": "AUROC",
    "macro_f1": "macro-F1",
    "g_mean": "G-mean",
    "rmse": "RMSE",
    "mse": "MSE",
    "mae": "MAE",
    "r2": "R2",
    "cohen_kappa": "Cohen's kappa",
}
"""Metrics whose names are not just words with underscores between them."""
EQUAL = 1e-9
"""Relative difference of figures that are equal but for rounding."""


@dataclass(frozen=True, eq=False)
class BaselineComparison:
    """A figure of an experiment beside that of a baseline.

    worst: the end of its interval on the worse side; the figure itself if it has no interval.
    """

    metric: SelectionMetric
    value: float
    worst: float
    baseline: Baseline
    reference: float

    @property
    def gain(self) -> float:
        """How much better the experiment is; negative if it is worse."""
        return self._better * (self.value - self.reference)

    @property
    def unit(self) -> float:
        """What differences are relative to: 1 for a share, and the reference for a metric without a largest value."""
        return 1.0 if math.isfinite(BY_NAME[self.metric].range) else abs(self.reference)

    @property
    def is_clearly_better(self) -> bool:
        """Whether the whole interval is on the better side."""
        return self._better * (self.worst - self.reference) > 0

    @property
    def _better(self) -> int:
        return 1 if BY_NAME[self.metric].direction == "max" else -1

    def sentence(self, whose: str) -> str:
        """The comparison in words, for an experiment that is not clearly better; without a full stop."""
        name = metric_name(self.metric)
        shown, reference, worst = (
            metric_text(self.metric, each) for each in (self.value, self.reference, self.worst)
        )
        value = f"{name[0].upper()}{name[1:]} {shown}"
        if shown == reference:
            is_equal = math.isclose(self.value, self.reference, rel_tol=EQUAL)
            return f"{value} {'equals' if is_equal else 'is to these digits'} that of {whose}"
        better, worse = ("above", "below") if self._better == 1 else ("below", "above")
        if self.gain < 0:
            return f"{value} is {worse} the {reference} of {whose}"
        end = "starts" if self._better == 1 else "ends"
        return f"{value} is not clearly {better} the {reference} of {whose} (its interval {end} at {worst})"


def metric_text(metric: str, value: float) -> str:
    """A value of a metric in a sentence. Of one without a largest value four digits tell, whatever its unit is."""
    return figure_text(value) if math.isfinite(BY_NAME[metric].range) else significant_text(value)


def metric_name(metric: SelectionMetric) -> str:
    """A metric's name in a sentence."""
    return NAMES.get(metric, metric.replace("_", " "))


def compare(
    spec: Mapping[str, Any],
    metrics: Mapping[str, Estimate | None],
    classes: Sequence[ClassEstimate],
    baseline: Baseline,
) -> BaselineComparison | None:
    """Compare by the selection metric; by the default one if the baseline has no comparable value of it."""
    default = DEFAULT_METRIC_OF_NUMBERS if is_regression(spec) else DEFAULT_METRIC
    for metric in (selection_metric(spec), default):
        estimate, reference = metrics[metric], _reference(baseline, metric)
        if estimate is not None and reference is not None and _is_comparable(metric, spec):
            worst = _worst(metric, estimate, classes)
            return BaselineComparison(metric, estimate.mean, worst, baseline, reference)
    return None


def _reference(baseline: Baseline, metric: str) -> float | None:
    """The baseline's value. One that an earlier version stored has only two of them."""
    figures = baseline if metric in ("accuracy", "balanced_accuracy") else baseline.metrics
    value: float | None = getattr(figures, metric, None)
    return value


def _is_comparable(metric: str, spec: Mapping[str, Any]) -> bool:
    """Whether the metric means the same for both: the loss of a baseline is the cross-entropy, without weights."""
    if metric not in ("loss", "weighted_loss"):
        return True
    if is_regression(spec):
        return bool(metric == "loss" and spec["loss"]["name"] == "l2")
    is_cross_entropy = spec["loss"]["name"] in LINEAR_LOSSES and not spec["loss"].get("label_smoothing")
    return metric == "loss" and is_cross_entropy


def _worst(metric: str, estimate: Estimate, classes: Sequence[ClassEstimate]) -> float:
    """The end of the interval that is worse. While none is computed, one over the rows of a single run."""
    end = estimate.low if BY_NAME[metric].direction == "max" else estimate.high
    if end is not None:
        return end
    if metric == "accuracy":
        rows = sum(each.support for each in classes)
        interval = wilson(round(estimate.mean * rows), rows)
        return interval.low if interval else estimate.mean
    return _lowest_mean_recall(classes) if metric == "balanced_accuracy" else estimate.mean


def _lowest_mean_recall(classes: Sequence[ClassEstimate]) -> float:
    """The lower end of the balanced accuracy's interval, from the recalls: Wilson's centres and variances, added up.

    The classes were measured independently, so the variance of the mean is the sum of theirs over K^2.
    """
    z = normal_quantile((1 + LEVEL) / 2)
    present = [(each.accuracy, each.support) for each in classes if each.accuracy is not None]
    variance = 0.0
    for recall, rows in present:
        centre = (recall * rows + z * z / 2) / (rows + z * z)
        variance += centre * (1 - centre) / (rows + z * z)
    mean = sum(recall for recall, _ in present) / len(present)
    return max(0.0, mean - z * math.sqrt(variance) / len(present))
