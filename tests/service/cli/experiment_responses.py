"""Example responses of GET /experiments/{id}, with the fields that the command line shows."""

from typing import Any

Experiment = dict[str, Any]

MAJORITY = {
    "name": "majority",
    "accuracy": 0.9,
    "balanced_accuracy": 0.5,
    "predicted_class": "well",
    "classes": [{"class": "well", "accuracy": 1.0}, {"class": "ill", "accuracy": 0.0}],
}
LINEAR = {
    "name": "linear",
    "accuracy": 0.93,
    "balanced_accuracy": 0.71,
    "predicted_class": None,
    "classes": [{"class": "well", "accuracy": 0.98}, {"class": "ill", "accuracy": 0.44}],
    "changes": {"model": "linear"},
}
FINDING = {"code": "collapsed", "sentence": "Every row is called 'well'.", "remedy": "Try oversampling."}


INTERVALS = {
    "figures": ["metrics", "classes"],
    "sentence": "How models of this training do on new rows.",
    "level": 0.95,
    "missing": None,
}
NOT_ENDED = {"code": "not_ended", "sentence": "The experiment has not ended."}


def experiment(number: int = 1, status: str = "succeeded", **fields: Any) -> Experiment:
    """An experiment with two seeds on 180 validation rows of the class `well` and 20 of `ill`."""
    return {
        "id": number,
        "name": "",
        "status": status,
        "plan": {"dataset": {"name": "clinic", "sha256": "5eed"}},
        "progress": {"epoch": 0, "epochs": 40, "eta_seconds": None},
        "runs": [{"seed": seed, "status": status, "cause": None, "message": None} for seed in (0, 1)],
        "summary": None,
        "warnings": [],
    } | fields


def summary(well: float = 1.0, ill: float | None = 0.25, **fields: Any) -> dict[str, Any]:
    """A summary of two equal seeds. Intervals are 0.1 to either side for classes, and 0.02 for means."""
    accuracy, balanced = 0.9 * well + 0.1 * (ill or 0), (well + (ill or 0)) / 2
    return {
        "selection": {"metric": "balanced_accuracy"},
        "intervals": [INTERVALS],
        "seeds": [{"seed": seed, "accuracy": accuracy, **_bounds(accuracy, 0.1)} for seed in (0, 1)],
        "metrics": {
            "accuracy": {"mean": accuracy, "n": 2, "low": accuracy - 0.02, "high": accuracy + 0.02},
            "balanced_accuracy": {"mean": balanced, "n": 2, "low": balanced - 0.02, "high": balanced + 0.02},
        },
        "classes": [
            {"class": "well", "support": 180, "accuracy": well, **_bounds(well, 0.1)},
            {"class": "ill", "support": 20, "accuracy": ill, **_bounds(ill, 0.1)},
        ],
        "baselines": [MAJORITY, LINEAR],
        "findings": [],
    } | fields


def regression(folds: int = 0) -> Experiment:
    """A regression with two ranges of targets, as the service returns it: figures of classes are null."""
    none = {"accuracy": None, "accuracy_low": None, "accuracy_high": None}
    metrics = {"accuracy": None, "rmse": {"mean": 53.514, "n": folds or 2, "low": 48.25, "high": 97.125}}
    mean = {
        "name": "mean",
        "accuracy": None,
        "balanced_accuracy": None,
        "predicted_class": None,
        "metrics": {"accuracy": None, "rmse": 77.774},
        "classes": [
            {"class": "[25, 61)", **none, "mae": 103.715},
            {"class": "[61, 346]", **none, "mae": 8.25},
        ],
    }
    found = summary(
        selection={"metric": "rmse"},
        metrics=metrics,
        baselines=[mean],
        classes=[
            {"class": "[25, 61)", "support": 9, **none, "mae": 86.573, "mae_low": 60.72, "mae_high": 120.21},
            {"class": "[61, 346]", "support": 79, **none, "mae": 7.5, "mae_low": 6.5, "mae_high": 8.5},
        ],
    )
    plan = {"dataset": {"name": "diabetes", "sha256": "5eed"}, "task": "regression"}
    return experiment(name="plain", summary=found, plan=plan | {"folds": [{}] * folds})


def _bounds(value: float | None, width: float) -> dict[str, float | None]:
    if value is None:
        return {"accuracy_low": None, "accuracy_high": None}
    return {"accuracy_low": max(0.0, value - width), "accuracy_high": min(1.0, value + width)}
