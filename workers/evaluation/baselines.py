"""Baselines: the figures of simple models on one part of a data set, which a network has to beat."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workers.evaluation.bootstrap import two_way_bootstrap
from workers.evaluation.confusion import Confusion, Margins
from workers.evaluation.evaluation import Evaluation
from workers.evaluation.intervals import Interval, wilson
from workers.evaluation.metrics import FROM_CONFUSION
from workers.evaluation.metrics.per_class import metrics_per_class
from workers.evaluation.random_split import RandomSplit
from workers.nn.arrays import Integers


@dataclass(frozen=True)
class Baseline:
    """A reference on one part of a data set. interval: Wilson's, of the accuracy.

    predicted_class: if the baseline always predicts the same class. metrics: every metric by its name, null if it
    cannot be computed. recalls: of each class, null without rows. balanced_accuracy_interval: over the rows.
    training_rows: the rows that a fitted baseline was fitted to. l2: its penalty. changes: the fields to change in
    the spec of an experiment to train the baseline instead. far_rows: the fields of FarRows, counted while the rows
    of the part were scaled for it; None if there are none. Of a regression, accuracy and recalls are null or empty;
    predicted_value: the number, if it always predicts the same; errors: the MAE of each bin, null without rows.
    random_split: of a plain linear model, if a column has divided the rows: how it does on a random split of them.
    """

    name: str
    accuracy: float | None
    balanced_accuracy: float | None
    interval: Interval | None
    predicted_class: int | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    recalls: list[float | None] = field(default_factory=list)
    balanced_accuracy_interval: Interval | None = None
    training_rows: int | None = None
    l2: float | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    far_rows: dict[str, Any] | None = None
    predicted_value: float | None = None
    errors: list[float | None] = field(default_factory=list)
    random_split: RandomSplit | None = None

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Baseline":
        """Read what `dataclasses.asdict` wrote, also before Holdout had all of the fields."""
        intervals = {
            name: Interval(**stored[name])
            for name in ("interval", "balanced_accuracy_interval")
            if stored.get(name)
        }
        split = stored.get("random_split")
        return cls(**{**stored, **intervals, "random_split": RandomSplit.from_json(split) if split else None})


def majority_baseline(training_counts: Integers, part_counts: Integers) -> Baseline:
    """Always predict the most frequent training class (at a tie the first), on a part with `part_counts` (K,).

    Oracle: sklearn.dummy.DummyClassifier(strategy="most_frequent").
    """
    predicted = int(np.argmax(training_counts))
    confusion = np.zeros((len(part_counts), len(part_counts)), np.int64)
    confusion[:, predicted] = part_counts
    margins = Margins.of(confusion)
    metrics: dict[str, float | None] = {each.name: each.formula(margins) for each in FROM_CONFUSION}
    return _baseline("majority", confusion, metrics, predicted_class=predicted)


def fitted_baseline(name: str, evaluation: Evaluation, *, training_rows: int, l2: float | None) -> Baseline:
    """The baseline of a model that was fitted to `training_rows` rows with a penalty `l2`, and evaluated."""
    if evaluation.bins is not None:
        return baseline_of_numbers(name, evaluation, training_rows=training_rows, l2=l2)
    return _baseline(name, evaluation.confusion, evaluation.metrics, training_rows=training_rows, l2=l2)


def baseline_of_numbers(name: str, evaluation: Evaluation, **more: Any) -> Baseline:
    """The baseline of a model of a regression that was evaluated."""
    errors = evaluation.per_class()["mae"]
    return Baseline(name, None, None, None, metrics=evaluation.metrics, errors=errors, **more)


def _baseline(name: str, confusion: Confusion, metrics: dict[str, float | None], **more: Any) -> Baseline:
    accuracy, balanced_accuracy = metrics["accuracy"], metrics["balanced_accuracy"]
    if accuracy is None or balanced_accuracy is None:
        raise ValueError("a baseline needs rows")
    return Baseline(
        name=name,
        accuracy=accuracy,
        balanced_accuracy=balanced_accuracy,
        interval=wilson(int(np.trace(confusion)), int(confusion.sum())),
        metrics=metrics,
        recalls=metrics_per_class(confusion)["accuracy"],
        balanced_accuracy_interval=balanced_accuracy_interval(confusion),
        **more,
    )


def balanced_accuracy_interval(confusion: Confusion) -> Interval:
    """Of one model over new rows, from its confusion matrix (K, K) alone: its rows are known but for their order."""
    classes = len(confusion)
    of_class = np.repeat(np.arange(classes * classes), confusion.ravel())
    labels, predictions = np.divmod(of_class, classes)
    generator = np.random.default_rng(0)
    found = two_way_bootstrap(predictions[None], labels, generator, classes=classes)
    return found["balanced_accuracy"].interval
