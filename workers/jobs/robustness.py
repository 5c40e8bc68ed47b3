"""The job that measures models on corrupted rows: a step predicts all rows under one corruption in one severity."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from workers.checkpoint import Checkpoint
from workers.corruptions.choice import Robustness
from workers.data.dataset import Dataset
from workers.data.prepared_splits import has_evaluation_part, read_part
from workers.evaluation.regression_bootstrap import NUMBER_METRICS
from workers.jobs.messages import (
    AssignedModel,
    JobAssignment,
    JobEvent,
    JobFailed,
    JobPlanned,
    JobSucceeded,
    StepDone,
)
from workers.nn.losses.regression import Quantile
from workers.predictor import Predictor
from workers.randomness import generator
from workers.robustness.battery import cells
from workers.robustness.drops import ClassDrops, DropEstimator, NumberDrops
from workers.robustness.predictions import MeasuredFold, Predicted, Scorer, from_bytes, to_bytes
from workers.robustness.report import report
from workers.spec import DEFAULT_METRIC_OF_NUMBERS, ExperimentSpec

MOST_ROWS = 20_000
"""Of a fold that are measured; more are sampled."""
MOST_PREDICTIONS = 200_000
"""Of all models together in one step: so a step takes seconds, and all of them some 20 MB."""
LEAST_ROWS = 100


def carry_out(assignment: JobAssignment) -> Iterator[JobEvent]:
    """Predict under each corruption, and report how much worse the models become."""
    spec = ExperimentSpec.model_validate_json(assignment.spec)
    folds = [_fold(assignment, spec, list(models)) for models in _by_fold(assignment.models)]
    battery = cells(folds[0].part, Robustness(**assignment.request).corruptions)
    if not battery:
        yield JobFailed("error", "the data set has none of the columns that these corruptions change")
        return
    steps = [None, *battery]
    yield JobPlanned(len(steps))
    scorer, found = Scorer(folds), []
    for number, cell in enumerate(steps):
        if number in assignment.steps:
            found.append(from_bytes(assignment.steps[number]))
            continue
        predicted = scorer.predict(cell)
        found.append(predicted)
        yield StepDone(number, to_bytes(predicted))
    yield JobSucceeded(_result(assignment, spec, folds, battery, found))


def _by_fold(models: Sequence[AssignedModel]) -> Iterator[Iterator[AssignedModel]]:
    return (group for _, group in groupby(models, lambda each: (each.repeat, each.fold)))


def _fold(assignment: JobAssignment, spec: ExperimentSpec, models: list[AssignedModel]) -> MeasuredFold:
    folder, shape = models[0].folder, assignment.shape
    part = read_part(folder, "evaluation" if has_evaluation_part(folder) else "validation")
    most = min(MOST_ROWS, max(LEAST_ROWS, MOST_PREDICTIONS // len(assignment.models)))
    predictors = [
        Predictor(spec, Checkpoint.from_bytes(each.content), classes=assignment.classes, image_shape=shape)
        for each in models
    ]
    return MeasuredFold(_sample(part, most, models[0]), predictors)


def _sample(part: Dataset, most: int, model: AssignedModel) -> Dataset:
    """At most so many of the rows, in their order."""
    if len(part) <= most:
        return part
    stream = generator(0, "corruptions", model.repeat, model.fold, 0)
    return part.take(np.sort(stream.choice(len(part), most, replace=False)))


def _result(
    assignment: JobAssignment,
    spec: ExperimentSpec,
    folds: Sequence[MeasuredFold],
    battery: Sequence[Any],
    found: Sequence[list[Predicted]],
) -> dict[str, Any]:
    is_regression = folds[0].is_regression
    classes = 0 if is_regression else len(assignment.classes)
    labels = [fold.part.labels for fold in folds]
    estimator = _estimator(assignment, spec, folds, is_regression=is_regression)
    measured = report(battery, found[0], found[1:], estimator, labels, classes)
    return {
        "runs": [{"seed": each.seed, "repeat": each.repeat, "fold": each.fold} for each in assignment.models],
        "rows": sum(len(fold.part) for fold in folds),
        "classes": [] if is_regression else list(assignment.classes),
        **measured.to_json(assignment.classes),
    }


def _estimator(
    assignment: JobAssignment, spec: ExperimentSpec, folds: Sequence[MeasuredFold], *, is_regression: bool
) -> DropEstimator:
    parts = [fold.part for fold in folds]
    labels, counts = [part.labels for part in parts], assignment.class_counts
    class_counts = None if counts is None else np.array(counts)
    share = 1 / (spec.split.folds - 1) if len(parts) > 1 else 1.0  # type: ignore[union-attr]
    if not is_regression:
        return ClassDrops(labels, len(assignment.classes), class_counts, share)
    targets = [part.targets for part in parts if part.targets is not None]
    metric = spec.selection_metric if spec.selection_metric in NUMBER_METRICS else DEFAULT_METRIC_OF_NUMBERS
    quantile = spec.loss.quantile if isinstance(spec.loss, Quantile) else 0.5
    return NumberDrops(metric, targets, labels, len(assignment.classes), class_counts, quantile, share)
