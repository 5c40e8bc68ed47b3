"""Facts about an experiment that follow from its stored spec, read without validating the spec again."""

from collections.abc import Mapping
from typing import Any, Literal

from workers.evaluation.selection import SelectionMetric
from workers.spec import DEFAULT_METRIC, DEFAULT_METRIC_OF_NUMBERS


def is_of_folds(spec: Mapping[str, Any]) -> bool:
    """Whether the experiment is a cross-validation."""
    return "folds" in spec["split"]


def is_solved(spec: Mapping[str, Any]) -> bool:
    """Whether the model is solved, not trained in epochs."""
    return bool(spec["model"]["name"] == "linear")


def measured_part(spec: Mapping[str, Any]) -> Literal["validation", "evaluation"]:
    """The part that its figures are of."""
    return "evaluation" if is_of_folds(spec) else "validation"


def selection_metric(spec: Mapping[str, Any]) -> SelectionMetric:
    """The validation metric that chooses the best epoch: `ExperimentSpec.selection_metric` of a stored spec."""
    stopping = spec["training"]["early_stopping"]
    if stopping:
        metric: SelectionMetric = stopping["metric"]
        return metric
    return DEFAULT_METRIC_OF_NUMBERS if is_regression(spec) else DEFAULT_METRIC


def quantile_of(spec: Mapping[str, Any]) -> float:
    """The quantile that the pinball loss of a regression is of: the median but for a quantile loss."""
    return float(spec["loss"].get("quantile", 0.5))


def is_regression(spec: Mapping[str, Any]) -> bool:
    """Whether numbers are predicted, by the spec or the plan. One from before there were tasks has classes."""
    return spec.get("task") == "regression"
